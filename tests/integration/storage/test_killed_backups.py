"""The program is killed at a random instant of a backup, its trial or a restore: earlier backups
are as they were, the store is the old one or the new one whole, and the next backup tidies up."""

from __future__ import annotations

import contextlib
import hashlib
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.backups import Backup, BackupReason, BackupState
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.storage.backup_folder import BackupFolder
from altus4_desktop.storage.store import Store, open_store
from tests import backup_worker, torture
from tests.forks import build_forks
from tests.integration.storage.test_backups import fill, grant_scratch, make, scratches, verify
from tests.integration.storage.test_restoring import beside, grant_beside
from tests.records import a_user
from tests.servers import DatabaseServer, find_programs
from tests.stores import StorePlace
from tests.waiting import wait_until

pytestmark = pytest.mark.torture

_DEADLINE_S = 120.0
_SLOWER = 1.1
_ALL = "SELECT * FROM `{}`"
_TIDY_EVERY = 10


@pytest.fixture(scope="module")
def processes() -> Any:
    """Child processes forked from a clean one that has imported everything already."""
    return build_forks("tests.backup_worker")


@dataclass
class Bench:
    """A store, and a good backup of an earlier state of it."""

    processes: Any
    place: StorePlace
    server: DatabaseServer | None
    programs: tuple[Path, ...]
    store: Store
    folder: BackupFolder
    backup: Backup
    dice: random.Random

    def run(
        self, what: str, *, kill_after_s: float = -1, kill_before: int | None = None
    ) -> tuple[float, int]:
        """How many seconds and statements ``what`` took; without statements it was killed."""
        ours, theirs = self.processes.Pipe()
        order = backup_worker.Order(
            what,
            self.place.location.url,
            self.place.password,
            self.programs,
            self.folder.path,
            self.backup.id,
        )
        process = self.processes.Process(
            target=backup_worker.work, args=(order, kill_before, theirs)
        )
        sessions = self.sessions()
        process.start()
        theirs.close()
        statements = 0
        with closing(ours):
            assert ours.poll(_DEADLINE_S)
            assert ours.recv() == "ready"
            ours.send("go")
            began = time.perf_counter()
            if kill_after_s >= 0:
                threading.Event().wait(kill_after_s)
            else:
                assert ours.poll(_DEADLINE_S)
                with contextlib.suppress(EOFError, OSError):
                    statements = ours.recv()
            took_s = time.perf_counter() - began
            process.kill()
            process.join(_DEADLINE_S)
            process.close()
        # Its children and what it had sent end by themselves.
        wait_until(
            lambda: self.sessions() <= sessions, timeout_s=_DEADLINE_S, what="the end of its work"
        )
        return took_s, statements

    def sessions(self) -> int:
        if self.server is None:
            return 0
        user = self.place.location.username
        return sum(row[1] == user for row in self.place.query("SHOW PROCESSLIST"))

    def rows(self) -> object:
        """Every row of the store, as the database itself has it."""
        if self.server is None:
            file = self.place.location.file
            assert file is not None
            with closing(sqlite3.connect(file)) as connection:
                tables = "name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'ft%'"
                names = connection.execute(f"SELECT {tables}").fetchall()
                return {name: _sorted(connection.execute(_ALL.format(name))) for (name,) in names}
        with (
            closing(self.server.admin(self.place.location.database)) as admin,
            admin.cursor() as cursor,
        ):
            cursor.execute("SHOW TABLES")
            found = {}
            for (name,) in cursor.fetchall():
                cursor.execute(_ALL.format(name))
                found[name] = _sorted(cursor.fetchall())
            return found

    def is_tidy(self) -> bool:
        """Whether nothing is there that was not before, so that nothing has to be removed."""
        known = {*self.folder.path.glob(f"{self.backup.id}.*"), self.folder.path / ".lock"}
        if not set(self.folder.path.iterdir()) <= known:
            return False
        if self.server is not None:
            return not (scratches(self.server) or self.kept())
        file = self.place.location.file
        assert file is not None
        return {path.name for path in file.parent.iterdir()} <= {file.name, f"{file.name}-journal"}

    def earlier(self) -> tuple[Backup, str]:
        """The earlier backup, but for when it was last tried."""
        backup = self.folder.get_(self.backup.id)
        assert backup.state is BackupState.GOOD
        content = self.folder.file(backup).read_bytes()
        return replace(backup, verified_at=None), hashlib.sha256(content).hexdigest()

    def kept(self) -> list[str]:
        """What restores have kept of the store."""
        if self.server is not None:
            return beside(self.server, self.place)
        file = self.place.location.file
        assert file is not None
        return sorted(str(path) for path in file.parent.iterdir() if "-before-" in path.name)

    def forget(self, kept: str) -> None:
        if self.server is not None:
            self.server.drop_database(kept)
        else:
            Path(kept).unlink()


@pytest.fixture
def bench(
    processes: Any, place: StorePlace, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Bench]:
    server: DatabaseServer | None = None
    programs: tuple[Path, ...] = ()
    if not place.on_file:
        server = request.getfixturevalue(f"{place.name}_server")
        assert server is not None
        grant_scratch(server, place)
        grant_beside(server, place)
        if place.name == "mysql":
            programs = (find_programs(Flavour.MYSQL).server.parent,)
    folder = BackupFolder(tmp_path / "backups")
    dice = torture.dice(f"killed backups on {place.name}")
    with closing(open_store(place.location, place.password, dump_folders=programs)) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        backup = verify(store, folder, make(store, folder))
        made = Bench(processes, place, server, programs, store, folder, backup, dice)
        yield made
        for kept in made.kept():
            made.forget(kept)


def test_a_kill_at_any_instant_costs_nothing(bench: Bench) -> None:
    kills = torture.times(3, 1_000) if bench.server is None else torture.times(1, 300)
    whole = bench.place.fingerprint()
    then, earlier = bench.rows(), bench.earlier()
    now = _as_new(bench)
    measured: dict[str, tuple[float, int]] = {}
    outcomes: Counter[str] = Counter()
    for number in range(kills):
        what = backup_worker.WORK[-1 - number % len(backup_worker.WORK)]
        if what not in measured:
            measured[what] = bench.run(what)
            _tidied(bench)
            now = _as_new(bench)
        took_s, statements = measured[what]
        label = f"{what}, kill {number} of {kills}"
        # Statements, because exchanging the tables is over in a moment.
        if statements and bench.dice.random() < 0.5:
            at = 1 + int(statements * (1 - bench.dice.random() ** 2))
            bench.run(what, kill_before=at)
            label += f", before statement {at} of {statements}"
        else:
            after_s = bench.dice.uniform(0.0, took_s * _SLOWER)
            bench.run(what, kill_after_s=after_s)
            label += f", after {after_s:.3f} s"
        found = bench.rows()
        assert found in ((now, then) if what == "restore" else (now,)), label
        assert bench.earlier() == earlier, label
        for backup in bench.folder.list_():
            whole_files = set(bench.folder.path.glob(f"{backup.id}.*"))
            assert whole_files - set(bench.folder.path.glob("*.part*")), label
        outcomes["replaced" if found == then else "as it was"] += what == "restore"
        # Nothing that a kill has left outlives the next backup, which need not come at once.
        if number % _TIDY_EVERY == 0 or not bench.is_tidy():
            _tidied(bench)
        if what == "restore":
            assert bench.place.fingerprint() == whole, label
        if bench.server is None:
            assert bench.place.query("PRAGMA integrity_check") == [("ok",)], label
        if found == then:
            now = _as_new(bench)
        torture.tidy()
    assert verify(bench.store, bench.folder, bench.backup).state is BackupState.GOOD
    words = ", ".join(f"{count} {word}" for word, count in sorted(outcomes.items()))
    torture.tell(
        f"{bench.place.name}: killed {kills} times in backups, trials and restores ({words}): "
        "earlier backups good, the store whole, nothing left"
    )


def _tidied(bench: Bench) -> None:
    """The next backup removes what was left, and what there is besides it is whole."""
    backups = [one for one in bench.folder.list_() if one.id != bench.backup.id]
    backups.append(make(bench.store, bench.folder))
    assert list(bench.folder.path.glob("*.part*")) == []
    for backup in backups:
        if backup.file_name:
            found = bench.store.backups.plan(
                bench.folder, backup.id, "elsewhere", None, CancelToken()
            )
            assert found.backup.state is not BackupState.BAD
        else:
            # It was killed just before its manifest was written.
            assert backup.problem == "it has no manifest"
        bench.folder.remove_(backup)
    if bench.server is not None:
        assert scratches(bench.server) == []
    for kept in bench.kept():
        assert "before" in kept
        if bench.server is not None:
            tables = {str(name) for (name,) in bench.server.execute(f"SHOW TABLES FROM `{kept}`")}
            assert {"users", "audit_log"} <= tables
            assert "altus4_unfinished" not in tables
            assert len(bench.server.execute(f"SHOW TRIGGERS FROM `{kept}`")) == 2
        else:
            assert not kept.endswith(".part")
        bench.forget(kept)


def _as_new(bench: Bench) -> object:
    """The store with a row that no backup has."""
    bench.store.close()
    bench.store.users.create_(a_user(), "x")
    return bench.rows()


def _sorted(rows: Iterable[object]) -> list[str]:
    return sorted(map(repr, rows))


def test_what_another_program_is_at_is_left_alone(
    on_server: StorePlace, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: DatabaseServer = request.getfixturevalue(f"{on_server.name}_server")
    grant_beside(server, on_server)
    programs = (find_programs(Flavour.MYSQL).server.parent,) if on_server.name == "mysql" else ()
    live = on_server.location.database
    comment = (
        '{{"store": "{live}", "place": "{place}", "swaps": false, '
        '"guards_before": [], "guards_after": []}}'
    )

    def digest(name: str) -> str:
        return hashlib.sha256(name.encode()).hexdigest()

    names = {
        "at work": f"{live}_at_work",
        "left": f"{live}_left",
        "copied": f"{live}_copied",
        "of another": f"{live}_of_another",
        "filled": f"{live}_restored_20260101000000",
        "empty": f"{live}_restored_20260101000001",
        "named otherwise": f"{live}_restored_x",
    }
    for what, name in names.items():
        server.execute(f"CREATE DATABASE `{name}`")
        if what in ("at work", "left", "copied", "of another"):
            said = comment.format(
                live=digest("another" if what == "of another" else live),
                place=digest(names["left"] if what == "copied" else name),
            )
            server.execute(f"CREATE TABLE `{name}`.altus4_unfinished (id INT) COMMENT = '{said}'")
    server.execute(f"CREATE TABLE `{names['filled']}`.t (id INT)")
    try:
        with (
            closing(server.admin()) as other,
            closing(
                open_store(on_server.location, on_server.password, dump_folders=programs)
            ) as store,
        ):
            store.migrator.upgrade(without_copy=True)
            with other.cursor() as cursor:
                cursor.execute(f"SELECT GET_LOCK('{names['at work']}', 0)")
                assert cursor.fetchall() == ((1,),)
            folder = BackupFolder(tmp_path / "backups")
            store.backups.make(folder, BackupReason.WANTED, "1", ignore_progress, CancelToken())
        gone = {names["left"], names["empty"]}
        assert set(beside(server, on_server)) == set(names.values()) - gone
    finally:
        for name in names.values():
            server.drop_database(name)
