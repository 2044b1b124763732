"""Restoring to an instant: the state is that of the model then, or it is refused beforehand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from altus4_desktop.domain.backups import Backup, BackupState
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import Cancelled, StoreError
from altus4_desktop.domain.progress import Progress, ignore_progress
from altus4_desktop.storage.backup_folder import BackupFolder
from altus4_desktop.storage.store import Store
from tests import torture
from tests.integration.storage.test_backups import fill, grant_scratch, make, opened, verify
from tests.integration.storage.test_restoring import grant_beside
from tests.records import a_user
from tests.servers import DatabaseServer
from tests.stores import StorePlace, server_place

_TOKEN = CancelToken()
_LOG = ("--log-bin=binlog", "--server-id=1")
_RIGHTS = {
    Flavour.MYSQL: "RELOAD, REPLICATION CLIENT, REPLICATION SLAVE, BINLOG_ADMIN,"
    " SYSTEM_VARIABLES_ADMIN",
    Flavour.MARIADB: "BINLOG MONITOR, REPLICATION SLAVE, BINLOG REPLAY",
}
_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
_INSERT = "INSERT INTO searches (id, user_id, query, search_mode)"
_STEPS = 30
_FLAVOURS = pytest.mark.parametrize("flavour", [Flavour.MARIADB, Flavour.MYSQL], ids=str)


def at(step: int) -> datetime:
    return _BEGIN + timedelta(seconds=10 * step)


class Scene:
    """A store on a server that keeps a log of rows."""

    def __init__(self, server: DatabaseServer, folder: Path) -> None:
        self.server = server
        self.place: StorePlace = server_place(server, server.create_database("altus4_metadata"))
        self.folder = BackupFolder(folder)
        self.user = self.place.location.username
        grant_beside(server, self.place)

    def grant(self) -> None:
        self.server.execute(f"GRANT {_RIGHTS[self.server.flavour]} ON *.* TO '{self.user}'")

    def write(self, step: int, *statements: str) -> None:
        """In one transaction, as if it were that time."""
        self.server.execute(
            f"SET timestamp = {at(step).timestamp()}",
            "BEGIN",
            *statements,
            "COMMIT",
            database=self.place.location.database,
        )

    def rows(self, database: str = "") -> list[list[str]]:
        """What the writers change."""
        name = database or self.place.location.database
        return [
            sorted(map(repr, self.server.execute(f"SELECT * FROM `{name}`.{table}")))
            for table in ("searches", "users")
        ]

    def log_position(self) -> int:
        """Where the log is; in its first file."""
        what = "BINARY LOG" if self.server.flavour is Flavour.MYSQL else "MASTER"
        file, position = self.server.execute(f"SHOW {what} STATUS")[0][:2]
        assert file == "binlog.000001"
        return int(str(position))

    def restore(self, store: Store, backup: Backup, until: datetime) -> object:
        name = f"{self.place.location.database}_then"
        store.backups.restore(self.folder, backup.id, name, until, ignore_progress, _TOKEN)
        try:
            return self.rows(name)
        finally:
            self.server.drop_database(name)


@pytest.mark.torture
@_FLAVOURS
def test_every_instant_is_exact(
    private_server: Callable[..., DatabaseServer], flavour: Flavour, tmp_path: Path
) -> None:
    scene = Scene(private_server(flavour, [*_LOG, "--binlog-format=ROW"]), tmp_path)
    scene.grant()
    dice = torture.dice(f"points in time on {flavour}")
    other = scene.server.create_database("somebody_elses")
    scene.server.execute(f"CREATE TABLE `{other}`.t (id INT PRIMARY KEY)")
    with opened(scene.place) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        backup = make(store, scene.folder)
        states = {0: scene.rows()}
        for step in range(1, _STEPS + 1):
            which = dice.randrange(4)
            statements = (
                f"UPDATE searches SET result_count = {step} ORDER BY id LIMIT {1 + step % 5}",
                f"UPDATE users SET name = '{step} é''\\\\'",
                f"DELETE FROM searches ORDER BY id LIMIT {step % 2}",
                f"{_INSERT} SELECT UUID(), id, 'at {step}', 'natural' FROM users",
            )
            # Somebody else's rows, tables and rights are of no concern.
            scene.write(
                step, statements[which], f"INSERT INTO `{other}`.t VALUES ({step})", statements[0]
            )
            if step % 10 == 7:
                scene.server.execute("FLUSH BINARY LOGS")
                scene.server.execute(f"CREATE TABLE `{other}`.t{step} (id INT PRIMARY KEY)")
                scene.server.execute(f"DROP TABLE `{other}`.t{step}", database=other)
                scene.server.execute(f"GRANT SELECT ON `{other}`.* TO '{scene.user}'")
            states[step] = scene.rows()
        count = torture.times(1, 25)
        for step in dice.sample(range(_STEPS + 1), count):
            until = at(step) + timedelta(seconds=dice.randrange(10))
            assert scene.restore(store, backup, until) == states[step], until
        plan = store.backups.plan(scene.folder, backup.id, "", at(7), _TOKEN)
        assert (plan.commits >= 7, plan.reaches_at) == (True, at(7))
        # A dry run plays the same and leaves nothing.
        grant_scratch(scene.server, scene.place)
        run = store.backups.rehearse(scene.folder, backup.id, at(7), ignore_progress, _TOKEN)
        assert (run.commits, scene.rows()) == (plan.commits, states[_STEPS])
        then = {one.name: one.then for one in run.changes}
        searches = len(states[7][0])
        assert then.get("searches", searches) == searches
        assert not scene.server.execute("SHOW DATABASES LIKE 'altus4\\_verify\\_%'")
        # In the place of the store, and what was there is kept.
        done = store.backups.restore(scene.folder, backup.id, "", at(20), ignore_progress, _TOKEN)
        assert scene.rows() == states[20]
        assert scene.rows(done.kept) == states[_STEPS]
        assert store.migrator.drift() == ()
    torture.tell(f"{flavour}: {count} of {count} points in time exact")


@_FLAVOURS
def test_an_instant_ends_before_the_first_later_commit_in_the_log(
    private_server: Callable[..., DatabaseServer], flavour: Flavour, tmp_path: Path
) -> None:
    scene = Scene(private_server(flavour, [*_LOG, "--binlog-format=ROW"]), tmp_path)
    scene.grant()
    with opened(scene.place) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        backup = make(store, scene.folder)
        before = scene.rows()

        def commits(step: int) -> int:
            plan = store.backups.plan(scene.folder, backup.id, "", at(step), _TOKEN)
            return plan.commits

        # As written by sessions that committed at nearly the same time.
        for step in (1, 3, 2, 5, 4):
            scene.write(step, f"UPDATE users SET name = 'at {step}'")
        assert [commits(step) for step in (1, 2, 4, 5)] == [1, 1, 3, 5]
        # What counts is when COMMIT was begun, and not the statements before it.
        scene.server.execute(
            f"SET timestamp = {at(6).timestamp()}",
            "BEGIN",
            "UPDATE users SET name = 'begun at 6'",
            f"SET timestamp = {at(8).timestamp()}",
            "COMMIT",
            database=scene.place.location.database,
        )
        assert [commits(step) for step in (7, 8)] == [5, 6]
        # Behind a later change of tables nothing is taken, however early it says it was.
        scene.write(10, "ALTER TABLE saved_searches COMMENT 'later'")
        scene.write(9, "UPDATE users SET name = 'at 9'")
        assert commits(9) == 6
        assert scene.restore(store, backup, at(0)) == before


class Writer(threading.Thread):
    """Commits one transaction after the other, each with the next tick of everybody's clock.

    ``told`` has of each transaction its second, and when it was begun and had been acknowledged.
    """

    def __init__(self, scene: Scene, user_id: str, ticks: Iterator[int], count: int) -> None:
        super().__init__(name=f"writer {user_id}")
        self.user_id = user_id
        self.told: list[tuple[datetime, float, float]] = []
        self.failure: BaseException | None = None
        self._ticks = ticks
        self._count = count
        self._connection = scene.server.admin(scene.place.location.database)

    def run(self) -> None:
        """Write until all is written."""
        try:
            with closing(self._connection), self._connection.cursor() as cursor:
                for number in range(1, self._count + 1):
                    second = _BEGIN + timedelta(seconds=next(self._ticks) // 2)
                    cursor.execute("BEGIN")
                    cursor.execute(
                        f"{_INSERT} VALUES (UUID(), %s, 'x', 'natural')", (self.user_id,)
                    )
                    cursor.execute(
                        "UPDATE users SET name = %s WHERE id = %s", (f"{number}", self.user_id)
                    )
                    cursor.execute(f"SET timestamp = {second.timestamp()}")
                    begun_at = time.monotonic()
                    cursor.execute("COMMIT")
                    self.told.append((second, begun_at, time.monotonic()))
        except BaseException as error:
            self.failure = error


@pytest.mark.torture
@_FLAVOURS
def test_every_instant_of_several_writers_is_a_state_that_was(
    private_server: Callable[..., DatabaseServer], flavour: Flavour, tmp_path: Path
) -> None:
    scene = Scene(private_server(flavour, [*_LOG, "--binlog-format=ROW"]), tmp_path)
    scene.grant()
    dice = torture.dice(f"points in time of writers on {flavour}")
    count, writers = torture.times(1, 50), 4
    with opened(scene.place) as store:
        store.migrator.upgrade(without_copy=True)
        users = [store.users.create_(a_user(), "x") for _ in range(writers)]
        backup = make(store, scene.folder)
        ticks = iter(range(10_000))
        threads = [Writer(scene, user.id, ticks, 50) for user in users]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert [thread.failure for thread in threads] == [None] * writers
        last_s = max(second for thread in threads for second, *_ in thread.told)
        span_s = int((last_s - _BEGIN).total_seconds())
        for second in dice.sample(range(span_s + 1), count):
            until = _BEGIN + timedelta(seconds=second)
            name = f"{scene.place.location.database}_then"
            store.backups.restore(scene.folder, backup.id, name, until, ignore_progress, _TOKEN)
            try:
                done = _done(scene.server, name)
            finally:
                scene.server.drop_database(name)
            _is_a_state_that_was(threads, done, until)
            plan = store.backups.plan(scene.folder, backup.id, "", until, _TOKEN)
            assert plan.commits == sum(done.values())
    torture.tell(
        f"{flavour}: {count} of {count} points in time of {writers} writers at once were states "
        "that the store has been in"
    )


def _done(server: DatabaseServer, database: str) -> dict[str, int]:
    """How many transactions of each writer are there; each one whole."""
    names = server.execute(f"SELECT id, name FROM `{database}`.users")
    done = {str(user): int(str(name)) if str(name).isdigit() else 0 for user, name in names}
    rows = server.execute(f"SELECT user_id, COUNT(*) FROM `{database}`.searches GROUP BY user_id")
    counted = {str(user): int(str(number)) for user, number in rows}
    assert {user: number for user, number in done.items() if number} == counted
    return done


def _is_a_state_that_was(threads: list[Writer], done: dict[str, int], until: datetime) -> None:
    there = [one for thread in threads for one in thread.told[: done[thread.user_id]]]
    missing = [one for thread in threads for one in thread.told[done[thread.user_id] :]]
    assert all(second <= until for second, *_ in there), "it was begun later"
    # Whoever had been told before another one began is not missing where that one is there.
    newest = max((begun_at for _, begun_at, _ in there), default=0.0)
    assert all(told_at >= newest for *_, told_at in missing), "it was never so"
    # Nothing is missing without a later one that may have been written before it.
    later = [begun_at for second, begun_at, _ in missing if second > until]
    for second, _, told_at in missing:
        if second <= until:
            assert any(begun_at <= told_at for begun_at in later), "it is missing"


@_FLAVOURS
def test_what_does_not_lead_there_is_refused_beforehand(
    private_server: Callable[..., DatabaseServer], flavour: Flavour, tmp_path: Path
) -> None:
    scene = Scene(private_server(flavour, [*_LOG, "--binlog-format=ROW"]), tmp_path)

    def refused(backup: Backup, step: int = 1) -> str:
        with pytest.raises(StoreError) as caught:
            store.backups.plan(scene.folder, backup.id, "", at(step), _TOKEN)
        assert caught.value.code == "backup.no_point"
        assert caught.value.hint
        return caught.value.message

    def leading(*backups: Backup) -> tuple[list[Backup], str]:
        found, reason = store.backups.find_leading(backups, _TOKEN)
        return list(found), reason.message if reason else ""

    with opened(scene.place) as store:
        store.migrator.upgrade(without_copy=True)
        blind = make(store, scene.folder)
        if flavour is Flavour.MYSQL:
            assert "does not know where" in refused(blind)
        else:
            assert "may not read" in refused(blind)
        scene.grant()
        backup = make(store, scene.folder)
        # A change of the tables, of which nothing may be played.
        scene.write(5, "ALTER TABLE saved_searches ADD COLUMN odd INT")
        assert "tables were changed at 2026-03-01T00:00:50" in refused(backup, 6)
        assert store.backups.plan(scene.folder, backup.id, "", at(4), _TOKEN).commits == 0
        later = make(store, scene.folder)
        assert leading(backup, replace(later, binlog=None), later) == ([backup, later], "")
        assert "does not know where" in leading(replace(blind, binlog=None))[1]
        scene.server.execute("SET GLOBAL binlog_format = 'MIXED'")
    with opened(scene.place) as store:
        assert "the format MIXED" in refused(later)
        assert "the format MIXED" in leading(later)[1]
        scene.server.execute("SET GLOBAL binlog_format = 'ROW'")
    with opened(scene.place) as store:
        scene.server.execute("FLUSH BINARY LOGS")
        newest = make(store, scene.folder)
        # A file stays until the server has noted that nothing in it is needed after a crash.
        until = time.monotonic() + 60
        while len(logs := scene.server.execute("SHOW BINARY LOGS")) > 1:
            assert time.monotonic() < until
            scene.server.execute(f"PURGE BINARY LOGS TO '{logs[-1][0]}'")
        assert "is gone from the server" in refused(later)
        found, reason = leading(backup, later, newest)
        assert (found, "is gone from the server" in reason) == ([newest], True)


@_FLAVOURS
def test_a_statement_from_anywhere_that_touches_the_store_is_seen(
    private_server: Callable[..., DatabaseServer], flavour: Flavour, tmp_path: Path
) -> None:
    scene = Scene(private_server(flavour, [*_LOG, "--binlog-format=ROW"]), tmp_path)
    scene.grant()
    name = scene.place.location.database
    other = scene.server.create_database("somebody_elses")

    said: list[str] = []

    def is_refused(database: str, *statements: str) -> bool:
        backup = make(store, scene.folder)
        scene.server.execute(
            f"SET timestamp = {at(1).timestamp()}", *statements, database=database or None
        )
        try:
            store.backups.plan(scene.folder, backup.id, "", at(2), _TOKEN)
        except StoreError as error:
            said.append(error.message)
            return True
        return False

    with opened(scene.place) as store:
        store.migrator.upgrade(without_copy=True)
        scene.server.execute(f"CREATE VIEW `{other}`.v AS SELECT * FROM `{name}`.saved_searches")
        for statement in (
            f"TRUNCATE TABLE {name}.saved_searches",
            f"ALTER TABLE `{name}` . saved_searches\n COMMENT 'x'",
        ):
            assert is_refused("", statement), statement
            assert is_refused(other, statement), statement
        assert is_refused(name, "/*!40000 TRUNCATE TABLE saved_searches */")
        # Nobody can tell from the log where a view leads.
        changes = ("SET SESSION binlog_format = 'STATEMENT'", f"DELETE FROM `{other}`.v")
        assert is_refused(other, *changes)
        assert not is_refused(
            other,
            f"CREATE TABLE t (id INT,\n{name}_id INT)",
            f"CREATE TABLE `{other}`.{name}2 (id INT)",
            f"CREATE USER {name}@localhost",
            f"GRANT SELECT ON `{other}`.* TO `{name}`@localhost",
            "/*!40000 TRUNCATE TABLE t */",
            "ALTER TABLE t ADD COLUMN x INT",
            f"DROP USER {name}@localhost",
        )
        assert len(said) == 6
        assert all("tables were changed at 2026-03-01T00:00:10" in one for one in said)


_MADE = (
    "CREATE VIEW `{live}`.many AS SELECT user_id, COUNT(*) AS n FROM `{live}`.searches GROUP BY 1",
    "CREATE PROCEDURE `{live}`.one() DELETE FROM `{live}`.searches WHERE query = ''",
    "CREATE EVENT `{live}`.e ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO DELETE FROM `{live}`.x",
    "CREATE TRIGGER `{live}`.t BEFORE DELETE ON `{live}`.users FOR EACH ROW SET @a = `{live}`.f()",
)
_READING = "Reading what was restored"


@_FLAVOURS
def test_no_trial_and_no_restore_of_the_program_itself_ends_the_reach(
    private_server: Callable[..., DatabaseServer], flavour: Flavour, tmp_path: Path
) -> None:
    scene = Scene(private_server(flavour, [*_LOG, "--binlog-format=ROW"]), tmp_path)
    scene.grant()
    grant_scratch(scene.server, scene.place)
    live = scene.place.location.database
    sees = {
        Flavour.MYSQL: "SHOW_ROUTINE, SYSTEM_USER ON *.*",
        Flavour.MARIADB: "SELECT ON mysql.proc",
    }
    scene.server.execute(
        f"GRANT ALL PRIVILEGES ON `{live}`.* TO '{scene.user}'",
        f"GRANT {sees[flavour]} TO '{scene.user}'",
        f"GRANT ALL PRIVILEGES ON `{live}-side`.* TO '{scene.user}'",
        "SET GLOBAL log_bin_trust_function_creators = 1",
    )

    def cancels(token: CancelToken, when: str) -> Callable[[Progress], None]:
        return lambda progress: token.cancel() if progress.message == when else None

    with opened(scene.place) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        scene.server.execute(*(one.format(live=live) for one in _MADE))
        backup = make(store, scene.folder)
        assert backup.left_out == ()
        fill(store)
        assert verify(store, scene.folder, backup).state is BackupState.GOOD
        side = f"{live}_side"
        store.backups.restore(scene.folder, backup.id, side, None, ignore_progress, _TOKEN)
        # With a name that begins like the store's, and in its place.
        for into, when in ((f"{live}-side", "Loading the backup"), ("", _READING)):
            token = CancelToken()
            cancel = cancels(token, when)
            with pytest.raises(Cancelled):
                store.backups.restore(scene.folder, backup.id, into, None, cancel, token)
        # It removes what was left.
        make(store, scene.folder)
        fill(store)
        assert scene.restore(store, backup, datetime.now(UTC)) == scene.rows()


def test_a_server_without_a_log_and_a_file_are_refused(
    on_server: StorePlace, tmp_path: Path
) -> None:
    folder = BackupFolder(tmp_path)
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        backup = make(store, folder)
        with pytest.raises(StoreError) as caught:
            store.backups.plan(folder, backup.id, "", at(1), _TOKEN)
        assert "keeps no binary log" in caught.value.message


@_FLAVOURS
def test_another_log_of_the_same_name_is_refused_beforehand(
    private_server: Callable[..., DatabaseServer], flavour: Flavour, tmp_path: Path
) -> None:
    reset = {Flavour.MYSQL: "RESET BINARY LOGS AND GTIDS", Flavour.MARIADB: "RESET MASTER"}
    options = ["--log-bin=binlog", "--binlog-format=ROW"]
    scene = Scene(private_server(flavour, [*options, "--server-id=1"]), tmp_path)
    scene.grant()

    def refused(store: Store, backup: Backup) -> str:
        with pytest.raises(StoreError) as caught:
            store.backups.plan(scene.folder, backup.id, "", datetime.now(UTC), _TOKEN)
        assert caught.value.code == "backup.no_point"
        assert "make a backup" in caught.value.hint
        return caught.value.message

    with opened(scene.place) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        backup = make(store, scene.folder)
        assert backup.log_origin is not None
        assert backup.log_origin.begun_at is not None
        store.backups.plan(scene.folder, backup.id, "", datetime.now(UTC), _TOKEN)
        # An old manifest leads to no instant, and the backup is as good as ever.
        scene.folder.write(replace(backup, log_origin=None))
        assert "does not know which binary log" in refused(store, backup)
        store.backups.plan(scene.folder, backup.id, "", None, _TOKEN)
        # Without the right to read the log, all that is known is when it was asked.
        blind = replace(backup, log_origin=replace(backup.log_origin, begun_at=None))
        for known in (backup, blind):
            scene.folder.write(known)
            scene.server.execute(reset[flavour])
            fill(store)
            while scene.log_position() < backup_position(backup):
                fill(store)
            assert "begun anew" in refused(store, backup)

    other = Scene(private_server(flavour, [*options, "--server-id=2"]), tmp_path)
    if flavour is Flavour.MYSQL:
        # Copied with its folder, a server has the same mark until somebody makes a new one.
        other.server.stop()
        (other.server.data_folder / "auto.cnf").unlink()
        other.server.start()
        other.server.execute(reset[flavour])
    other.grant()
    with opened(other.place) as store:
        store.migrator.upgrade(without_copy=True)
        while other.log_position() < backup_position(backup):
            fill(store)
        assert "another server" in refused(store, backup)


def backup_position(backup: Backup) -> int:
    assert backup.binlog is not None
    assert backup.binlog.file == "binlog.000001"
    return backup.binlog.position


@_FLAVOURS
def test_a_log_begun_at_another_time_is_another_one(
    private_server: Callable[..., DatabaseServer], flavour: Flavour, tmp_path: Path
) -> None:
    """What tells where servers count no transactions, or count to the same number again."""
    options = [] if flavour is Flavour.MARIADB else ["--gtid-mode=OFF"]
    scene = Scene(private_server(flavour, [*_LOG, "--binlog-format=ROW", *options]), tmp_path)
    scene.grant()
    with opened(scene.place) as store:
        store.migrator.upgrade(without_copy=True)
        backup = make(store, scene.folder)
        origin = backup.log_origin
        assert origin is not None
        assert origin.begun_at is not None
        second = timedelta(seconds=1)
        for told in (
            replace(origin, begun_at=origin.begun_at - second),
            replace(origin, begun_at=None, taken_at=origin.begun_at - second),
        ):
            scene.folder.write(replace(backup, log_origin=told))
            with pytest.raises(StoreError, match="begun anew"):
                store.backups.plan(scene.folder, backup.id, "", datetime.now(UTC), _TOKEN)
