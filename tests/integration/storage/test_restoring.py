"""Restoring on real servers: beside the store, and in its place."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa

from altus4_desktop.cli.interrupts import stopped_by_interrupt
from altus4_desktop.domain.backups import BackupState
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import InputError, StoreError
from altus4_desktop.domain.progress import Progress, ignore_progress
from altus4_desktop.storage import server_backup
from altus4_desktop.storage.backup_folder import BackupFolder
from tests.integration.storage.test_backups import (
    fill,
    grant_scratch,
    make,
    opened,
    server_of,
    verify,
)
from tests.servers import DatabaseServer
from tests.stores import StorePlace, server_place

_TOKEN = CancelToken()


def content(place: StorePlace) -> object:
    names = place.query(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
    )
    rows = {
        str(name): sorted(map(repr, place.query(f"SELECT * FROM {as_quoted(name)}")))
        for (name,) in names
    }
    return place.fingerprint(), rows


def as_quoted(name: object) -> str:
    return "`" + str(name).replace("`", "``") + "`"


def beside(server: DatabaseServer, place: StorePlace) -> list[str]:
    pattern = place.location.database.replace("_", r"\_") + r"\_%"
    return sorted(str(name) for (name,) in server.execute(f"SHOW DATABASES LIKE '{pattern}'"))


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder(tmp_path / "backups" / "store")


def grant_beside(server: DatabaseServer, place: StorePlace) -> None:
    pattern = place.location.database.replace("_", r"\_") + r"\_%"
    server.execute(f"GRANT ALL PRIVILEGES ON `{pattern}`.* TO '{place.location.username}'@'%'")


def test_the_store_is_swapped_and_the_old_one_kept(
    on_server: StorePlace, folder: BackupFolder, request: pytest.FixtureRequest
) -> None:
    server = server_of(on_server, request)
    grant_beside(server, on_server)
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        backup = make(store, folder)
        then = content(on_server)
        fill(store)
        later = content(on_server)
        plan = store.backups.plan(folder, backup.id, "", None, _TOKEN)
        assert ("searches", 40, 20) in {(one.name, one.now, one.then) for one in plan.changes}
        run = store.backups.restore(folder, backup.id, "", None, ignore_progress, _TOKEN)
        assert content(on_server) == then
        assert beside(server, on_server) == [run.kept]
        assert re.fullmatch(r".*_before_\d{14}", run.kept)
        try:
            assert content(server_place(server, run.kept)) == later
            # The store goes on, with its keys and triggers.
            fill(store)
            assert store.migrator.drift() == ()
            elsewhere = f"{on_server.location.database}_elsewhere"
            store.backups.restore(folder, backup.id, elsewhere, None, ignore_progress, _TOKEN)
            assert content(server_place(server, elsewhere)) == then
            with pytest.raises(InputError):
                store.backups.restore(folder, backup.id, elsewhere, None, ignore_progress, _TOKEN)
            assert content(server_place(server, elsewhere)) == then
        finally:
            for name in beside(server, on_server):
                server.drop_database(name)


def test_tables_of_any_name_are_backed_up_and_put_back(
    on_server: StorePlace, folder: BackupFolder, request: pytest.FixtureRequest
) -> None:
    server = server_of(on_server, request)
    grant_beside(server, on_server)
    grant_scratch(server, on_server)
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        for name in ("we`ird", "` VALUES (1);", "100%s '\"\\", "é" + "x" * 63):
            on_server.query(f"CREATE TABLE {as_quoted(name)} (id INT PRIMARY KEY)")
            on_server.query(f"INSERT INTO {as_quoted(name)} VALUES (1), (2)")
        backup = make(store, folder)
        then = content(on_server)
        assert verify(store, folder, backup).state is BackupState.GOOD
        on_server.query("DELETE FROM `we``ird`")
        plan = store.backups.plan(folder, backup.id, "", None, _TOKEN)
        assert [(one.name, one.now, one.then) for one in plan.changes] == [("we`ird", 0, 2)]
        try:
            store.backups.restore(folder, backup.id, "", None, ignore_progress, _TOKEN)
            assert content(on_server) == then
        finally:
            for name in beside(server, on_server):
                server.drop_database(name)


def test_who_interrupts_the_exchange_breaks_nothing(
    on_server: StorePlace, folder: BackupFolder, request: pytest.FixtureRequest
) -> None:
    server = server_of(on_server, request)
    grant_beside(server, on_server)
    asked: list[str] = []

    def interrupt(progress: Progress) -> None:
        if progress.message == "Replacing the metadata store":
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            asked.append(progress.message)

    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        backup = make(store, folder)
        then = content(on_server)
        fill(store)
        with stopped_by_interrupt() as token:
            run = store.backups.restore(folder, backup.id, "", None, interrupt, token)
        try:
            assert asked
            assert content(on_server) == then
            assert beside(server, on_server) == [run.kept]
            assert store.migrator.drift() == ()
        finally:
            for name in beside(server, on_server):
                server.drop_database(name)


_MADE = (
    "CREATE DEFINER = '{user}'@'%' VIEW `{live}`.many AS SELECT user_id FROM `{live}`.searches",
    "CREATE DEFINER = '{user}'@'%' PROCEDURE `{live}`.one() SELECT 1",
)


def test_who_may_not_restore_is_told_before_anything_is_loaded_what_it_takes(
    on_server: StorePlace, folder: BackupFolder, request: pytest.FixtureRequest
) -> None:
    server = server_of(on_server, request)
    live, user = on_server.location.database, on_server.location.username
    server.execute(f"GRANT SHOW VIEW, EXECUTE, EVENT ON `{live}`.* TO '{user}'")
    told: list[str] = []

    def restore(into: str) -> None:
        store.backups.restore(
            folder, backup.id, into, None, lambda progress: told.append(progress.message), _TOKEN
        )

    def statements(into: str) -> list[str]:
        with pytest.raises(StoreError) as caught:
            restore(into)
        assert caught.value.code == "backup.no_right"
        assert "Loading the backup" not in told
        assert beside(server, on_server) == []
        return re.findall(r"GRANT [^;]*;", caught.value.hint)

    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        server.execute(*(one.format(live=live, user=user) for one in _MADE))
        backup = make(store, folder)
        assert backup.left_out == ()
        then = content(on_server)
        fill(store)
        server.execute(f"REVOKE DROP, TRIGGER ON `{live}`.* FROM '{user}'")
        grants = statements("")
        escaped = live.replace("_", r"\_")
        for place in (rf"`{escaped}\_restored\_%`", rf"`{escaped}\_before\_%`", f"`{live}`"):
            assert len([one for one in grants if f" ON {place}.* TO '{user}'@'%';" in one]) == 1
        assert len(grants) == 3
        try:
            server.execute(*grants)
            restore("")
            assert content(on_server) == then
            (kept,) = beside(server, on_server)
            server.drop_database(kept)
            told.clear()
            (grant,) = statements(f"{live}_side")
            server.execute(grant)
            restore(f"{live}_side")
        finally:
            for name in beside(server, on_server):
                server.drop_database(name)


def test_what_goes_wrong_leaves_the_store_as_it_was(
    on_server: StorePlace,
    folder: BackupFolder,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = server_of(on_server, request)
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        backup = make(store, folder)
        before = content(on_server)
        with pytest.raises(StoreError) as caught:
            store.backups.restore(folder, backup.id, "", None, ignore_progress, _TOKEN)
        assert caught.value.code == "backup.no_right"
        grant_beside(server, on_server)

        def fail(*_: object, **__: object) -> None:
            raise sa.exc.OperationalError("RENAME TABLE", {}, Exception(1205, "lock wait"))

        monkeypatch.setattr(server_backup, "swap_schemas", fail)
        with pytest.raises(StoreError):
            store.backups.restore(folder, backup.id, "", None, ignore_progress, _TOKEN)
        assert content(on_server) == before
        assert beside(server, on_server) == []
