"""Backups of an embedded store: made, proven, found out, removed, made by themselves."""

from __future__ import annotations

import errno
import json
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.audit import AuditOutcome
from altus4_desktop.domain.backups import BackupReason, BackupState
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    AltusError,
    Cancelled,
    ConflictError,
    InputError,
    NotFoundError,
    SchemaError,
    StoreError,
)
from altus4_desktop.domain.progress import Progress
from altus4_desktop.services import Services
from altus4_desktop.services.backups import folder_name
from altus4_desktop.storage import backup_folder, backups, file_backup, files
from altus4_desktop.storage.backup_folder import BackupFolder, file_digest
from altus4_desktop.storage.location import StoreLocation
from altus4_desktop.storage.migrator import Migrator
from tests.records import a_search, a_user


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        yield made


@pytest.fixture
def admin(services: Services) -> Actor:
    store = services.metadata.store
    user = store.users.create_(a_user(role=Role.ADMIN), "x")
    for number in range(50):
        store.searches.add_(a_search(user, f"query {number} 字\0 '"))
    return user.as_actor()


def folder_of(services: Services, admin: Actor) -> Path:
    return services.backups.folder_(admin)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def rows(file: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'audit%'"
            " AND name NOT LIKE 'ft_query%' ORDER BY name"
        ).fetchall()
        return {
            name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"')))
            for (name,) in tables
        }


def clock(read: Callable[[], datetime]) -> type[datetime]:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.combine(read().date(), read().timetz())

    return Clock


def test_a_backup_holds_everything_and_says_so(services: Services, admin: Actor) -> None:
    told: list[Progress] = []
    run = services.backups.create_(admin, told.append)
    backup = run.backup
    assert (backup.state, run.unverified_because) == (BackupState.GOOD, "")
    folder = folder_of(services, admin)
    assert names(folder) == [f"{backup.id}.json", f"{backup.id}.sqlite3"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert rows(folder / backup.file_name) == rows(services.data_dir / "metadata.sqlite3")
    manifest = json.loads((folder / f"{backup.id}.json").read_text("utf-8"))
    assert (manifest["format"], manifest["sha256"]) == (1, backup.sha256)
    assert {"name": "searches", "rows": 50}.items() <= next(
        table for table in manifest["tables"] if table["name"] == "searches"
    ).items()
    assert backup.revision == services.metadata.status_().head
    assert services.backups.list_(admin) == (backup,)
    assert "Copying the metadata store" in told[0].message
    actions = [record.event.action for record in services.audit.list_(admin)]
    assert actions[:2] == ["backup.verified", "backup.created"]


@pytest.mark.parametrize("at", [20, 5000, -5000])
def test_a_changed_byte_is_found_out(services: Services, admin: Actor, at: int) -> None:
    backup = services.backups.create_(admin).backup
    file = folder_of(services, admin) / backup.file_name
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.write_bytes(content)
    found = services.backups.verify_(admin, backup.id)
    assert (found.state, found.verified_at) == (BackupState.BAD, None)
    assert found.problem == "its file was changed"
    assert services.backups.list_(admin) == (found,)


def test_a_manifest_that_says_something_else_is_found_out(services: Services, admin: Actor) -> None:
    backup = services.backups.create_(admin).backup
    path = folder_of(services, admin) / f"{backup.id}.json"
    for change, problem in (
        (("rows", 51), "searches has 50 rows, not 51"),
        (("sha256", "0" * 64), "other rows in searches"),
        (("name", "searched"), "the table searched is missing"),
    ):
        manifest = json.loads(path.read_text("utf-8"))
        kept = path.read_bytes()
        table = next(one for one in manifest["tables"] if one["name"] == "searches")
        table[change[0]] = change[1]
        path.write_text(json.dumps(manifest))
        assert services.backups.verify_(admin, backup.id).problem == problem
        path.write_bytes(kept)
    assert services.backups.verify_(admin, backup.id).state is BackupState.GOOD


def test_half_a_backup_is_a_bad_one(services: Services, admin: Actor) -> None:
    folder = folder_of(services, admin)
    made = [services.backups.create_(admin).backup for _ in range(4)]
    (folder / made[0].file_name).unlink()
    (folder / f"{made[1].id}.json").unlink()
    (folder / f"{made[2].id}.json").write_text('{"format": 2}')
    manifest = json.loads((folder / f"{made[3].id}.json").read_text("utf-8"))
    manifest["file_name"] = "../../etc/passwd"
    (folder / f"{made[3].id}.json").write_text(json.dumps(manifest))
    found = {backup.id: backup.problem for backup in services.backups.list_(admin)}
    assert [found[backup.id] for backup in made] == [
        "its file is gone",
        "it has no manifest",
        "its manifest cannot be read",
        "its manifest cannot be read",
    ]
    assert services.backups.verify_(admin, made[2].id).state is BackupState.BAD
    assert services.backups.prune_(admin) == ()


@pytest.mark.parametrize("how", ["loop", "folder"])
def test_a_manifest_that_cannot_be_read_stands_in_nobodys_way(
    services: Services, admin: Actor, how: str
) -> None:
    folder = folder_of(services, admin)
    good = services.backups.create_(admin).backup
    # Old enough to go, as the gaps between them are counted.
    broken = [f"{year}0101T000000Z-{good.id.rpartition('-')[2]}" for year in range(2000, 2008)]
    for backup_id in broken:
        manifest = folder / f"{backup_id}.json"
        if how == "loop":
            manifest.symlink_to(manifest.name)
        else:
            manifest.mkdir()
    problems = {backup.id: backup.problem for backup in services.backups.list_(admin)}
    assert problems.pop(good.id) == ""
    assert problems.keys() == set(broken)
    assert all(said.startswith("its manifest cannot be read: ") for said in problems.values())
    later = services.backups.create_(admin).backup
    assert later.sequence == good.sequence + 1
    assert services.backups.verify_(admin, broken[0]).state is BackupState.BAD
    assert services.backups.prune_(admin) == ()
    # What can be read and says nothing goes, as ever.
    for backup_id in broken[:2]:
        manifest = folder / f"{backup_id}.json"
        manifest.unlink() if how == "loop" else manifest.rmdir()
        manifest.write_text("{}")
    assert [backup.id for backup in services.backups.prune_(admin)] == broken[:2]


def test_what_is_not_there_is_said(services: Services, admin: Actor) -> None:
    for backup_id in ("20260101T000000Z-000000", "../../x", ""):
        with pytest.raises(NotFoundError):
            services.backups.verify_(admin, backup_id)
    assert not folder_of(services, admin).exists()


def test_one_at_a_time_and_leftovers_go(services: Services, admin: Actor) -> None:
    first = services.backups.create_(admin).backup
    folder = BackupFolder(folder_of(services, admin))
    with folder.locked(), pytest.raises(ConflictError) as caught:
        services.backups.create_(admin)
    assert caught.value.code == "backup.busy"
    (folder.path / "20260101T000000Z-000000.sqlite3.part").write_text("killed")
    (folder.path / "20260101T000000Z-000000.sqlite3.part-journal").write_text("killed")
    assert services.backups.list_(admin) == (first,)
    second = services.backups.create_(admin).backup
    assert names(folder.path) == sorted(
        f"{one.id}{end}" for one in (first, second) for end in (".json", ".sqlite3")
    )
    assert second.sequence == first.sequence + 1


def test_many_backups_of_one_store_share_what_is_the_same_in_them(
    services: Services, admin: Actor
) -> None:
    for _ in range(2):
        services.backups.create_(admin)
    first, second = services.backups.list_(admin)
    assert first.objects
    assert second.objects
    different = {one.name for one in {*first.tables} ^ {*second.tables}}
    kept = {id(one) for one in (*first.objects, *second.objects, *first.tables, *second.tables)}
    assert len(kept) == len({*first.objects}) + len({*first.tables}) + len(different)
    assert different < {table.name for table in first.tables}


@pytest.mark.parametrize("message", ["Copying", "Reading the copy", "Reading what was"])
def test_a_cancelled_one_leaves_nothing(services: Services, admin: Actor, message: str) -> None:
    before = services.backups.create_(admin).backup
    token = CancelToken()

    def cancel(progress: Progress) -> None:
        if progress.message.startswith(message):
            token.cancel()

    if message == "Reading what was":
        # It is whole by then: only nobody waited for the trial.
        run = services.backups.create_(admin, cancel, token)
        assert (run.backup.state, bool(run.unverified_because)) == (BackupState.UNVERIFIED, True)
        assert services.backups.list_(admin) == (run.backup, before)
        return
    with pytest.raises(Cancelled):
        services.backups.create_(admin, cancel, token)
    assert services.backups.list_(admin) == (before,)
    assert len(names(folder_of(services, admin))) == 2


def test_writers_go_on_meanwhile(
    services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_STEP_PAGES", 5)
    store = services.metadata.store
    user = store.users.find_(admin.user_id)
    assert user is not None
    written = 0

    def write(_: Progress) -> None:
        nonlocal written
        # Past the steps that begin anew the copy holds what it reads.
        if written < 4:
            written += 1
            store.searches.add_(a_search(user, f"meanwhile {written}"))

    backup = services.backups.create_(admin, write).backup
    assert written == 4
    assert backup.state is BackupState.GOOD
    searches = next(table for table in backup.tables if table.name == "searches")
    assert 50 <= searches.rows <= 54


def test_a_full_disk_leaves_nothing(
    services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = services.backups.create_(admin).backup

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_sync", full)
    with pytest.raises(StoreError) as caught:
        services.backups.create_(admin)
    assert caught.value.code == "backup.failed"
    assert "No space left" in caught.value.message
    monkeypatch.undo()
    assert services.backups.list_(admin) == (before,)
    assert len(names(folder_of(services, admin))) == 2
    newest = services.audit.list_(admin)[0].event
    assert (newest.action, newest.outcome) == ("backup.created", AuditOutcome.FAILED)


def test_pruning_reads_what_stays(services: Services, admin: Actor) -> None:
    folder = BackupFolder(folder_of(services, admin))
    made = [services.backups.create_(admin).backup for _ in range(4)]
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=34)
    for at, backup in enumerate(made):
        folder.write(replace(backup, created_at=begin + timedelta(days=at)))
    # Six days apart up to now, so that no gap looks like a clock that jumped.
    for days in (6, 12, 18, 24, 30):
        more = services.backups.create_(admin).backup
        folder.write(
            replace(more, created_at=begin + timedelta(days=days), problem="x", verified_at=None)
        )
    newest = folder.file(made[3])
    content = newest.read_bytes()
    newest.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    # The first would have gone had the last one been good.
    assert services.backups.prune_(admin) == ()
    assert folder.get_(made[3].id).state is BackupState.BAD
    newest.write_bytes(content)
    assert services.backups.verify_(admin, made[3].id).state is BackupState.GOOD
    assert [backup.id for backup in services.backups.prune_(admin)] == [made[0].id]
    assert not list(folder.path.glob(f"{made[0].id}*"))


def test_the_schedule_wants_one_a_day_and_one_after_each_migration(
    services: Services, admin: Actor
) -> None:
    backup = services.backups.create_(admin).backup
    revision, at = backup.revision, backup.created_at

    def due(after: timedelta, revision: str = revision) -> bool:
        return services.backups.is_due((backup,), revision, at + after)

    assert services.backups.is_due((), revision, at)
    assert not due(timedelta(hours=23))
    assert due(timedelta(hours=24))
    assert due(timedelta(hours=1), "0099_later")
    assert due(-timedelta(days=365)), "a backup from the future says nothing"
    services.backups.choose_schedule_(admin, 0)
    assert not due(timedelta(days=9))


def test_the_schedule_makes_them_for_admins_alone(
    services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("altus4_desktop.services.backups.FIRST_S", 0.0)
    done = threading.Event()
    prune = services.backups._prune

    def pruned(*arguments: object) -> object:
        try:
            return prune(*arguments)  # type: ignore[arg-type]  # as it is called
        finally:
            done.set()

    monkeypatch.setattr(services.backups, "_prune", pruned)
    user = services.metadata.store.users.create_(a_user(), "x").as_actor()
    services.backups.choose_folder_(admin, str(tmp_path / "elsewhere"))
    services.backups.start_schedule_(user)
    worker = services.backups._upkeep._worker
    assert worker is not None
    services.backups._upkeep.wake()
    worker.join(10)
    assert services.backups.list_(admin) == ()
    services.backups.start_schedule_(admin)
    services.backups._upkeep.wake()
    assert done.wait(30)
    made = services.backups.list_(admin)
    assert [(one.reason, one.state) for one in made] == [(BackupReason.DAILY, BackupState.GOOD)]
    assert (tmp_path / "elsewhere") in folder_of(services, admin).parents


def test_a_chosen_folder_that_is_away_is_neither_empty_nor_made_anew(
    services: Services, admin: Actor, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    services.backups.choose_folder_(admin, str(disk))
    backup = services.backups.create_(admin).backup
    disk.rename(tmp_path / "unplugged")

    def is_told(folder: Path) -> None:
        for call in (
            lambda: services.backups.list_(admin),
            lambda: services.backups.create_(admin),
            lambda: services.backups.prune_(admin),
            lambda: services.backups.verify_(admin, backup.id),
            lambda: services.backups._make_due(CancelToken()),
        ):
            with pytest.raises(StoreError) as caught:
                call()
            assert (caught.value.code, str(folder) in caught.value.message) == ("backup.away", True)

    services.backups._scheduler = admin
    is_told(folder_of(services, admin))
    # Where a disk is mounted there is a folder, and nothing in it.
    disk.mkdir()
    services.backups.choose_schedule_(admin, 24)
    is_told(folder_of(services, admin))
    assert list(disk.iterdir()) == []
    disk.rmdir()
    disk.write_text("")
    is_told(disk)
    disk.unlink()
    (tmp_path / "unplugged").rename(disk)
    assert services.backups.list_(admin) == (backup,)
    # Beside the backups of another store there is no doubt where this is.
    folder = folder_of(services, admin)
    folder.rename(folder.with_name("another"))
    assert services.backups.list_(admin) == ()
    assert services.backups.create_(admin).backup.state is BackupState.GOOD


def test_a_file_in_the_place_of_the_folder_is_told(services: Services, admin: Actor) -> None:
    assert services.backups.list_(admin) == ()
    folder = folder_of(services, admin)
    for place in (folder.parent, folder):
        place.parent.mkdir(exist_ok=True)
        place.write_text("")
        for call in (services.backups.list_, services.backups.create_):
            with pytest.raises(StoreError, match="is no folder") as caught:
                call(admin)
            assert str(place) in caught.value.message
        with pytest.raises(StoreError) as refused:
            services.backups.choose_folder_(admin, str(place))
        assert (refused.value.code, str(place) in refused.value.message) == ("backup.failed", True)
        assert services.settings.backup_folder is None
        place.unlink()
    folder.symlink_to(folder.parent / "gone")
    with pytest.raises(StoreError, match="is no folder"):
        services.backups.list_(admin)


def test_every_store_has_a_folder_of_its_own() -> None:
    one = StoreLocation(host="db.example.org", username="ada", database="meta/../..")
    other = StoreLocation(host="db.example.org", username="ada", database="meta.......")
    assert folder_name(one) != folder_name(other)
    assert "/" not in folder_name(one)


def test_a_restore_brings_back_what_was_there(services: Services, admin: Actor) -> None:
    store = services.metadata.store
    backup = services.backups.create_(admin).backup
    file = services.data_dir / "metadata.sqlite3"
    then = rows(file)
    user = store.users.find_(admin.user_id)
    assert user is not None
    for number in range(7):
        store.searches.add_(a_search(user, f"later {number}"))
    later = rows(file)
    plan = services.backups.plan_restore_(admin, backup.id)
    searches = next(change for change in plan.changes if change.name == "searches")
    assert (searches.now, searches.then) == (57, 50)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        # Another program has it open all the while.
        assert other.execute("SELECT COUNT(*) FROM searches").fetchone() == (57,)
        run = services.backups.restore_(admin, backup.id)
        assert other.execute("SELECT COUNT(*) FROM searches").fetchone() == (50,)
    assert rows(file) == then
    assert rows(Path(run.kept)) == later
    assert stat.S_IMODE(Path(run.kept).stat().st_mode) == 0o600
    assert [path.name for path in services.data_dir.glob("*.part*")] == []
    newest = services.audit.list_(admin)[0].event
    assert (newest.action, newest.subject_id) == ("backup.restored", backup.id)
    # The log now goes on from the backup's, and says so until somebody accepts it.
    verdict = services.audit.verify_(admin)
    assert not verdict.intact
    assert verdict.acceptable


@pytest.fixture
def with_wal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setattr(files, "journal_mode_for", lambda _: "wal")
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        made.metadata.close_()
        made.metadata.open_()
        yield made


@pytest.fixture
def wal_admin(with_wal: Services) -> Actor:
    user = with_wal.metadata.store.users.create_(a_user(role=Role.ADMIN), "x")
    with_wal.metadata.store.searches.add_(a_search(user, "first"))
    return user.as_actor()


def journal_of(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def test_a_store_with_a_write_ahead_log_is_restored_in_its_place(
    with_wal: Services, wal_admin: Actor
) -> None:
    file = with_wal.data_dir / "metadata.sqlite3"
    store = with_wal.metadata.store
    backup = with_wal.backups.create_(wal_admin).backup
    assert backup.state is BackupState.GOOD
    then = rows(file)
    user = store.users.find_(wal_admin.user_id)
    assert user is not None
    store.searches.add_(a_search(user, "later"))
    later = rows(file)
    assert journal_of(file) == "wal"
    lost: list[bool] = []

    def use_it(progress: Progress) -> None:
        # A window goes on asking: its connections come back to the pool at the last moment.
        if progress.message.startswith("Replacing"):
            lost.append(store.users.find_(wal_admin.user_id) is None)

    run = with_wal.backups.restore_(wal_admin, backup.id, progress=use_it)
    assert (lost, rows(file)) == ([False], then)
    assert rows(Path(run.kept)) == later
    assert journal_of(file) == "wal"
    store.searches.add_(a_search(user, "after"))


def test_who_else_has_a_store_with_a_write_ahead_log_open_is_asked_to_close_it(
    with_wal: Services, wal_admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUSY_TIMEOUT_S", 0.0)
    file = with_wal.data_dir / "metadata.sqlite3"
    backup = with_wal.backups.create_(wal_admin).backup
    before = rows(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        assert other.execute("SELECT COUNT(*) FROM searches").fetchone() == (1,)
        with pytest.raises(StoreError) as caught:
            with_wal.backups.restore_(wal_admin, backup.id)
    assert (caught.value.code, "Close" in caught.value.hint) == ("store.busy", True)
    assert rows(file) == before
    assert not list(file.parent.glob("*before*"))


def test_a_restore_elsewhere_touches_nothing(
    services: Services, admin: Actor, tmp_path: Path
) -> None:
    backup = services.backups.create_(admin).backup
    before = rows(services.data_dir / "metadata.sqlite3")
    target = tmp_path / "elsewhere.sqlite3"
    run = services.backups.restore_(admin, backup.id, str(target))
    assert (run.place, run.kept) == (str(target), "")
    assert rows(target) == before == rows(services.data_dir / "metadata.sqlite3")
    with pytest.raises(InputError):
        services.backups.restore_(admin, backup.id, str(target))


@pytest.mark.parametrize("after", [Cancelled(), StoreError("The server is silent.", code="x")])
def test_where_the_old_store_went_is_told_whatever_follows(
    services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch, after: AltusError
) -> None:
    backup = services.backups.create_(admin).backup
    later = rows(services.data_dir / "metadata.sqlite3")

    def silent(_: object) -> None:
        raise after

    monkeypatch.setattr(type(services.metadata), "reopen_", silent)
    run = services.backups.restore_(admin, backup.id)
    assert rows(Path(run.kept)) == later
    assert run.problem.startswith(after.message)


def test_what_was_done_and_cannot_be_written_down_is_done(
    services: Services,
    admin: Actor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise StoreError("The disk is full.", code="store.full")

    monkeypatch.setattr(type(services.metadata.store.audit), "add_", full)
    backup = services.backups.create_(admin).backup
    assert services.backups.list_(admin) == (backup,)
    assert backup.state is BackupState.GOOD
    assert services.backups.verify_(admin, backup.id).state is BackupState.GOOD
    run = services.backups.restore_(admin, backup.id)
    assert (run.problem, Path(run.kept).exists()) == ("", True)
    assert "store.full" in caplog.text


def test_who_cancels_a_restore_does_not_wait_for_the_store(
    services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = services.backups.create_(admin).backup
    token = CancelToken()

    def cancel(progress: Progress) -> None:
        # From now on the store does not answer.
        monkeypatch.setattr(Migrator, "status", lambda _: pytest.fail("it was asked"))
        token.cancel()

    with pytest.raises(Cancelled):
        services.backups.restore_(admin, backup.id, progress=cancel, token=token)
    assert services.metadata.is_open


def test_one_of_a_newer_program_is_not_restored(
    services: Services, admin: Actor, tmp_path: Path
) -> None:
    live = services.data_dir / "metadata.sqlite3"
    with closing(sqlite3.connect(live)) as connection, connection:
        (current,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.execute("UPDATE alembic_version SET version_num = '0099_later'")
    backup = services.backups.create_(admin).backup
    assert (backup.revision, backup.state) == ("0099_later", BackupState.GOOD)
    with closing(sqlite3.connect(live)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (current,))
    before = rows(live)
    there = names(folder_of(services, admin))
    for into in ("", str(tmp_path / "elsewhere.sqlite3")):
        for refused in (services.backups.plan_restore_, services.backups.restore_):
            with pytest.raises(SchemaError) as caught:
                refused(admin, backup.id, into)
            assert caught.value.code == "backup.newer"
            assert "0099_later" in caught.value.message
    assert rows(live) == before
    assert not (tmp_path / "elsewhere.sqlite3").exists()
    assert names(folder_of(services, admin)) == there
    assert not list(services.data_dir.glob("*before*"))


def test_a_restore_reads_the_file_through_once_before_it_loads_it(
    services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = services.backups.create_(admin).backup
    read: list[Path] = []

    def digest(file: Path, token: CancelToken) -> str:
        read.append(file)
        return file_digest(file, token)

    monkeypatch.setattr(backup_folder, "file_digest", digest)
    services.backups.restore_(admin, backup.id)
    assert [file.name for file in read] == [backup.file_name]


def test_a_bad_one_is_not_restored(services: Services, admin: Actor) -> None:
    backup = services.backups.create_(admin).backup
    folder = BackupFolder(folder_of(services, admin))
    before = rows(services.data_dir / "metadata.sqlite3")
    sums = tuple(replace(table, rows=table.rows + 1) for table in backup.tables)
    folder.write(replace(backup, tables=sums))
    with pytest.raises(StoreError) as caught:
        services.backups.restore_(admin, backup.id)
    assert caught.value.code == "backup.failed"
    folder.write(replace(backup, dialect="mysql"))
    with pytest.raises(StoreError) as caught:
        services.backups.plan_restore_(admin, backup.id)
    assert caught.value.code == "backup.other_store"
    folder.write(backup)
    file = folder.file(backup)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(StoreError) as caught:
        services.backups.restore_(admin, backup.id)
    assert caught.value.code == "backup.bad"
    assert rows(services.data_dir / "metadata.sqlite3") == before
    assert not list(services.data_dir.glob("*before*"))


def test_a_cancelled_restore_changes_nothing(services: Services, admin: Actor) -> None:
    backup = services.backups.create_(admin).backup
    before = rows(services.data_dir / "metadata.sqlite3")
    for message in ("Copying", "Reading what", "Replacing"):
        token = CancelToken()

        def cancel(progress: Progress, message: str = message, token: CancelToken = token) -> None:
            if progress.message.startswith(message):
                token.cancel()

        with pytest.raises(Cancelled):
            services.backups.restore_(admin, backup.id, progress=cancel, token=token)
        assert rows(services.data_dir / "metadata.sqlite3") == before
        assert not list(services.data_dir.glob("*.part*"))


def test_nobody_writes_between_the_copy_and_the_swap(
    services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = services.backups.create_(admin).backup
    file = services.data_dir / "metadata.sqlite3"
    keep = file_backup._keep
    refused: list[str] = []

    def and_write(live: sqlite3.Connection, kept: Path) -> None:
        keep(live, kept)
        with closing(sqlite3.connect(file, timeout=0)) as other:
            try:
                other.execute("DELETE FROM searches")
            except sqlite3.OperationalError as error:
                refused.append(str(error))

    monkeypatch.setattr(file_backup, "_keep", and_write)
    services.backups.restore_(admin, backup.id)
    assert refused == ["database is locked"]


def test_a_restore_needs_no_hard_links(
    services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    backup = services.backups.create_(admin).backup
    before = rows(services.data_dir / "metadata.sqlite3")

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    elsewhere = tmp_path / "elsewhere.sqlite3"
    services.backups.restore_(admin, backup.id, str(elsewhere))
    run = services.backups.restore_(admin, backup.id)
    assert rows(elsewhere) == before
    assert rows(Path(run.kept))["searches"] == before["searches"]
    assert stat.S_IMODE(Path(run.kept).stat().st_mode) == 0o600
    assert not [*tmp_path.rglob("*.part"), *services.data_dir.rglob("*.part")]
    # What has the name already stays there too.
    draft = tmp_path / "draft"
    draft.write_text("new")
    with pytest.raises(FileExistsError):
        files.name_new(draft, elsewhere)
    assert rows(elsewhere) == before


def test_one_restore_at_a_time(services: Services, admin: Actor) -> None:
    backup = services.backups.create_(admin).backup
    refused: list[str] = []

    def restore_too(progress: Progress) -> None:
        if progress.message.startswith("Reading what") and not refused:
            with pytest.raises(ConflictError) as caught:
                services.metadata.store.backups.restore(
                    folder, backup.id, "", None, lambda _: None, CancelToken()
                )
            refused.append(caught.value.code)

    folder = BackupFolder(folder_of(services, admin))
    services.backups.restore_(admin, backup.id, progress=restore_too)
    assert refused == ["backup.busy"]
    with folder.locked(), pytest.raises(ConflictError):
        services.backups.restore_(admin, backup.id)


def test_what_a_killed_restore_has_left_goes(services: Services, admin: Actor) -> None:
    backup = services.backups.create_(admin).backup
    folder = folder_of(services, admin)
    drafts: set[str] = set()

    def look(progress: Progress) -> None:
        if progress.message.startswith("Reading what"):
            drafts.update(path.name for path in folder.glob("*.part"))

    for _ in range(2):
        services.backups.restore_(admin, backup.id, progress=look)
        # Killed, it would have left this.
        for name in drafts:
            (folder / name).write_text("left")
    assert len(drafts) == 2, "each has a name of its own"
    services.backups.verify_(admin, backup.id)
    assert names(folder) == [f"{backup.id}.json", f"{backup.id}.sqlite3"]


def test_a_restore_elsewhere_leaves_the_files_of_others(
    services: Services, admin: Actor, tmp_path: Path
) -> None:
    backup = services.backups.create_(admin).backup
    others = tmp_path / "elsewhere.sqlite3.part"
    others.write_text("of somebody")
    services.backups.restore_(admin, backup.id, str(tmp_path / "elsewhere.sqlite3"))
    assert others.read_text() == "of somebody"
    assert {path.name for path in tmp_path.glob("elsewhere*")} == {
        "elsewhere.sqlite3",
        "elsewhere.sqlite3.part",
    }


def test_what_an_earlier_restore_has_kept_stays(
    services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = services.backups.create_(admin).backup
    store = services.metadata.store
    user = store.users.find_(admin.user_id)
    assert user is not None
    store.searches.add_(a_search(user, "later"))
    file = services.data_dir / "metadata.sqlite3"
    later, then = rows(file), rows(folder_of(services, admin) / backup.file_name)
    at = datetime.now(UTC).replace(microsecond=1)

    monkeypatch.setattr(file_backup, "datetime", clock(lambda: at))
    first = services.backups.restore_(admin, backup.id)
    # Once more at the same microsecond: nothing is replaced that cannot be kept.
    with pytest.raises(StoreError) as caught:
        services.backups.restore_(admin, backup.id)
    assert caught.value.code == "backup.failed"
    at += timedelta(microseconds=1)
    second = services.backups.restore_(admin, backup.id)
    assert first.kept != second.kept
    assert rows(Path(first.kept)) == later
    assert rows(Path(second.kept)) == then == rows(file)


def test_the_instant_of_a_backup_is_before_it_is_copied(
    services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    end = begin + timedelta(hours=1)
    at = begin

    def copy(progress: Progress) -> None:
        nonlocal at
        if progress.message.startswith("Reading the copy back"):
            at = end

    monkeypatch.setattr(backups, "datetime", clock(lambda: at))
    backup = services.backups.create_(admin, copy).backup
    assert (backup.created_at, backup.copied_at, backup.verified_at) == (begin, end, end)
    assert services.backups.list_(admin) == (backup,)
    with pytest.raises(InputError):
        services.backups.plan_restore_(admin, backup.id, until=end - timedelta(seconds=1))
    with pytest.raises(StoreError) as caught:
        services.backups.plan_restore_(admin, backup.id, until=end)
    assert caught.value.code == "backup.no_point"


def test_a_bad_one_is_not_tried_again_every_ten_minutes(
    services: Services, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    is_bad = True

    class Awake(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal is_bad
            waits.append(timeout or 0.0)
            is_bad = len(waits) < 6
            if len(waits) == 8:
                services.backups._upkeep._token.cancel()
            return True

    monkeypatch.setattr(services.backups._upkeep, "_awake", Awake())
    monkeypatch.setattr(backups, "difference", lambda *_, **__: "other rows" if is_bad else "")
    told: list[str] = []
    services.backups.on_problem = lambda error: told.append(error.code)
    services.backups.start_schedule_(admin)
    worker = services.backups._upkeep._worker
    assert worker is not None
    worker.join(60)
    assert told == ["backup.bad"] * 5
    assert waits == [60.0, *[3600.0] * 3, *[86400.0] * 2, 600.0, 600.0]
    made = services.backups.list_(admin)
    assert [backup.state for backup in reversed(made)] == [BackupState.BAD] * 5 + [BackupState.GOOD]


def test_what_was_written_since_is_told_before_it_is_lost(services: Services, admin: Actor) -> None:
    backup = services.backups.create_(admin).backup
    store = services.metadata.store
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    for number in range(3):
        owner = store.users.find_(admin.user_id)
        assert owner is not None
        store.searches.add_(a_search(owner, f"later {number}", created_at=later))
    plan = services.backups.plan_restore_(admin, backup.id)
    assert {one.name: (one.added, one.changed) for one in plan.writes}["searches"] == (3, 0)
    assert plan.last_write_at == later
    assert plan.since == backup.created_at
    assert services.backups.plan_restore_(admin, backup.id, "elsewhere").writes == ()


def test_a_rehearsal_leaves_the_store_and_the_folder_as_they_were(
    services: Services, admin: Actor
) -> None:
    backup = services.backups.create_(admin).backup
    store = services.metadata.store
    owner = store.users.find_(admin.user_id)
    assert owner is not None
    store.searches.add_(a_search(owner, "later"))
    folder = folder_of(services, admin)
    before = (names(folder), rows(services.data_dir / "metadata.sqlite3"))
    run = services.backups.rehearse_(admin, backup.id)
    assert (names(folder), rows(services.data_dir / "metadata.sqlite3")) == before
    assert ("searches", 51, 50) in {(one.name, one.now, one.then) for one in run.changes}
    assert (run.rows, run.tables, run.commits) == (backup.rows, len(backup.tables), 0)
    with pytest.raises(InputError):
        services.backups.rehearse_(admin, backup.id, backup.created_at - timedelta(days=1))
    file = folder / backup.file_name
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(StoreError) as caught:
        services.backups.rehearse_(admin, backup.id)
    assert caught.value.code == "backup.bad"
