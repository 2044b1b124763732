"""Backups on real servers: good ones, found out ones, and what an account may not do."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from altus4_desktop.domain.backups import Backup, BackupReason, BackupState
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.progress import Progress, ignore_progress
from altus4_desktop.storage.backup_folder import BackupFolder, file_digest
from altus4_desktop.storage.client_programs import Kind
from altus4_desktop.storage.day_rights import SCRATCH_PREFIX
from altus4_desktop.storage.server_backup import ServerBackups
from altus4_desktop.storage.server_lock import lock_name
from altus4_desktop.storage.server_session import open_session
from altus4_desktop.storage.store import Store, open_store
from tests.records import a_connection, a_search, a_user
from tests.servers import DatabaseServer, find_programs
from tests.stores import STORE_PRIVILEGES, StorePlace, server_place

_TOKEN = CancelToken()
_TRIGGER = rb"/\*!50003 CREATE\*/ [^\n]*TRIGGER `?audit_log_no_update\b(?s:.*?);;\n"
_NASTY = "p'\"\\#;=[x] \\n%s 'é😀"


@contextlib.contextmanager
def opened(place: StorePlace) -> Iterator[Store]:
    """The store, with the dump program of its own server before others."""
    flavour = Flavour(place.name)
    folders = (find_programs(flavour).server.parent,) if flavour is Flavour.MYSQL else ()
    store = open_store(place.location, place.password, dump_folders=folders)
    with contextlib.closing(store):
        yield store


def fill(store: Store) -> None:
    user = store.users.create_(a_user(name="Ünïcödé 😀 \\ ' \" (,);"), "x")
    store.connections.create_(a_connection(user))
    for number in range(20):
        store.searches.add_(a_search(user, f"query {number} 字 '), ('\n"))


def make(store: Store, folder: BackupFolder) -> Backup:
    return store.backups.make(folder, BackupReason.WANTED, "1", ignore_progress, _TOKEN)


def pass_off(folder: BackupFolder, backup: Backup, text: bytes) -> None:
    """Put another dump in the place of a backup's, with a manifest that knows of it."""
    file = folder.file(backup)
    file.write_bytes(gzip.compress(text))
    size, digest = file.stat().st_size, file_digest(file, _TOKEN)
    folder.write(replace(backup, size_bytes=size, sha256=digest))


def verify(store: Store, folder: BackupFolder, backup: Backup) -> Backup:
    return store.backups.verify(folder, backup.id, ignore_progress, _TOKEN)


def scratches(server: DatabaseServer) -> list[object]:
    pattern = SCRATCH_PREFIX.replace("_", r"\_") + "%"
    return [name for (name,) in server.execute(f"SHOW DATABASES LIKE '{pattern}'")]


def server_of(place: StorePlace, request: pytest.FixtureRequest) -> DatabaseServer:
    server: DatabaseServer = request.getfixturevalue(f"{place.name}_server")
    return server


def grant_scratch(server: DatabaseServer, place: StorePlace) -> None:
    pattern = SCRATCH_PREFIX.replace("_", r"\_") + "%"
    server.execute(f"GRANT ALL PRIVILEGES ON `{pattern}`.* TO '{place.location.username}'@'%'")


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder(tmp_path / "backups" / "store")


def test_a_backup_is_restored_on_trial_and_compared(
    on_server: StorePlace, folder: BackupFolder, request: pytest.FixtureRequest
) -> None:
    server = server_of(on_server, request)
    grant_scratch(server, on_server)
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        backup = make(store, folder)
        assert (backup.state, backup.left_out) == (
            BackupState.UNVERIFIED,
            ("views", "routines", "events"),
        )
        counted = {
            str(name): int(str(on_server.query(f"SELECT COUNT(*) FROM `{name}`")[0][0]))
            for (name,) in on_server.query("SHOW TABLES")
        }
        assert {table.name: table.rows for table in backup.tables} == counted
        assert verify(store, folder, backup).state is BackupState.GOOD
        assert scratches(server) == []
        # A row more, and the next one says so of every table but that.
        fill(store)
        later = {table.name: table for table in make(store, folder).tables}
        differing = {table.name for table in backup.tables if later[table.name] != table}
        marks = {"account_states", "analytics_marks"}
        assert differing == {"users", "databases", "searches"} | marks


def test_what_is_not_as_it_was_written_down_is_bad(
    on_server: StorePlace, folder: BackupFolder, request: pytest.FixtureRequest
) -> None:
    server = server_of(on_server, request)
    grant_scratch(server, on_server)
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        backup = make(store, folder)
        text = gzip.decompress(folder.file(backup).read_bytes())
        for change, said in (
            ((b"query 7 ", b"query 8 "), "other rows in searches"),
            ((b"CREATE TABLE `users`", b"CREATE TABLE `users_`"), ""),
            ((b"INSERT INTO `users`", b"INSERTS INTO `users`"), "ERROR 1064"),
            ((rb",\n  (?:UNIQUE )?KEY `[^`]*` \(`user_id`\)(?=[,\n])", b""), "other indexes in"),
            ((_TRIGGER, b""), "the trigger audit_log_no_update is missing"),
        ):
            changed = re.sub(change[0], change[1], text)
            assert changed != text
            pass_off(folder, backup, changed)
            found = verify(store, folder, backup)
            assert found.state is BackupState.BAD, change
            assert said in found.problem
        assert scratches(server) == []


def test_a_row_that_is_larger_than_a_statement_may_be(
    on_server: StorePlace, folder: BackupFolder, request: pytest.FixtureRequest
) -> None:
    server = server_of(on_server, request)
    grant_scratch(server, on_server)
    ((before,),) = server.execute("SELECT @@GLOBAL.max_allowed_packet")
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        on_server.query("CREATE TABLE letters (id INT PRIMARY KEY, body LONGTEXT)")
        # Twice as long where each is escaped.
        on_server.query("INSERT INTO letters VALUES (1, REPEAT(CHAR(39), 1200000))")
        backup = make(store, folder)
        try:
            server.execute("SET GLOBAL max_allowed_packet = 2097152")
            with pytest.raises(StoreError) as caught:
                verify(store, folder, backup)
            assert caught.value.code == "backup.server_setting", caught.value.message
            assert "max_allowed_packet" in caught.value.message
            assert "SET GLOBAL max_allowed_packet = 1073741824" in caught.value.hint
            server.execute("SET GLOBAL max_allowed_packet = 1073741824")
            assert verify(store, folder, backup).state is BackupState.GOOD
        finally:
            server.execute(f"SET GLOBAL max_allowed_packet = {before}")
        assert scratches(server) == []


def test_a_server_that_ends_idle_sessions_soon_lets_a_backup_wait(
    on_server: StorePlace, request: pytest.FixtureRequest
) -> None:
    server = server_of(on_server, request)
    with opened(on_server) as store:
        tool = store.backups.tool
        assert isinstance(tool, ServerBackups)
        server.execute("SET GLOBAL wait_timeout = 9")
        try:
            with open_session(tool.access, _TOKEN) as connection:
                left = connection.exec_driver_sql("SELECT @@SESSION.wait_timeout").scalar()
        finally:
            server.execute("SET GLOBAL wait_timeout = 28800")
    assert left == 28800


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("/^INSERT INTO .searches. /,/;$/d", "searches has 0 rows in it"),
        ("/TRIGGER .*audit_log_no_update/,/;;$/d", "the trigger audit_log_no_update is not in it"),
        ("/^CREATE TABLE .saved_searches. /,/;$/d", "the table saved_searches is not in it"),
    ],
    ids=["rows", "a trigger", "a table"],
)
def test_a_dump_that_loses_something_is_none(
    on_server: StorePlace, folder: BackupFolder, tmp_path: Path, lost: str, said: str
) -> None:
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        tool = store.backups.tool
        assert isinstance(tool, ServerBackups)
        real = tool.access.find(Kind.DUMP)
        assert real is not None
        # Named as the real one: a program of the other flavour is passed over.
        wrapper = tmp_path / real.path.name
        wrapper.write_text(
            "#!/bin/bash\n"
            f'if [ "${{1#--defaults-file}}" = "$1" ]; then exec "{real.path}" "$@"; fi\n'
            f'"{real.path}" "$@" | sed "{lost}"\n',
            encoding="utf-8",
        )
        wrapper.chmod(0o700)
        lossy = ServerBackups(replace(tool.access, look_in=(tmp_path,)))
        with pytest.raises(StoreError) as caught:
            replace(store.backups, tool=lossy).make(
                folder, BackupReason.WANTED, "1", ignore_progress, _TOKEN
            )
        assert said in caught.value.message
        assert folder.list_() == []


@pytest.mark.parametrize(
    ("when", "change"),
    [
        ("Copying the metadata store", "ALTER TABLE saved_searches ADD COLUMN odd INT"),
        (
            "Reading the copy back",
            "CREATE TRIGGER t BEFORE UPDATE ON users FOR EACH ROW SET @a = 1",
        ),
    ],
    ids=["tables", "objects"],
)
def test_tables_that_change_while_they_are_copied_make_no_backup(
    on_server: StorePlace, folder: BackupFolder, when: str, change: str
) -> None:
    def alter(progress: Progress) -> None:
        if progress.message == when:
            on_server.query(change)

    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        with pytest.raises(StoreError, match="somebody changed the tables meanwhile"):
            store.backups.make(folder, BackupReason.WANTED, "1", alter, _TOKEN)
        assert folder.list_() == []


def test_a_file_is_on_disk_before_it_has_its_name_and_the_name_before_there_is_a_manifest(
    place: StorePlace, folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, str]] = []
    real_fsync, real_replace = os.fsync, os.replace

    def kind_of(path: str) -> str:
        """Which of them ``path`` is; empty for what is not in the folder."""
        file = Path(path)
        if file == folder.path:
            return "folder"
        if file.parent != folder.path:
            return ""
        return "manifest" if ".json" in file.name else "draft" if ".part" in file.name else "file"

    def note(call: str, path: str) -> None:
        what = (call, kind_of(path))
        if what[1] and done[-1:] != [what]:
            done.append(what)

    def fsync(descriptor: int) -> None:
        note("fsync", str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real_fsync(descriptor)

    def rename(source: str, target: str) -> None:
        note("name", str(target))
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, "replace", rename)
    with contextlib.closing(place.open()) if place.on_file else opened(place) as store:
        store.migrator.upgrade(without_copy=True)
        make(store, folder)
    assert done == [
        ("fsync", "draft"),
        ("name", "file"),
        ("fsync", "folder"),
        ("fsync", "manifest"),
        ("name", "manifest"),
        ("fsync", "folder"),
    ]


def test_while_one_is_made_nobody_migrates_and_everybody_reads(
    on_server: StorePlace, folder: BackupFolder, request: pytest.FixtureRequest
) -> None:
    server = server_of(on_server, request)
    name = lock_name(on_server.location.database)
    seen: list[tuple[object, bool]] = []
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)

        def look(progress: Progress) -> None:
            if progress.message == "Copying the metadata store":
                is_free = server.execute(f"SELECT IS_FREE_LOCK('{name}')")[0][0]
                seen.append((is_free, store.users.exists_real()))

        store.backups.make(folder, BackupReason.WANTED, "1", look, _TOKEN)
    assert seen == [(0, True)]


def test_without_the_right_to_a_scratch_database_it_stays_unverified(
    on_server: StorePlace, folder: BackupFolder
) -> None:
    with opened(on_server) as store:
        store.migrator.upgrade(without_copy=True)
        backup = make(store, folder)
        with pytest.raises(StoreError) as caught:
            verify(store, folder, backup)
        assert caught.value.code == "backup.no_scratch"
        assert r"GRANT ALL PRIVILEGES ON `altus4\_verify\_%`.*" in caught.value.hint
        assert folder.get_(backup.id) == backup


def test_a_scratch_database_that_was_left_is_dropped(
    on_server: StorePlace, folder: BackupFolder, request: pytest.FixtureRequest
) -> None:
    server = server_of(on_server, request)
    grant_scratch(server, on_server)
    left = SCRATCH_PREFIX + "0123456789ab"
    others = SCRATCH_PREFIX + "of_somebody"
    server.execute(f"CREATE DATABASE `{left}`", f"CREATE DATABASE `{others}`")
    try:
        with opened(on_server) as store:
            store.migrator.upgrade(without_copy=True)
            assert verify(store, folder, make(store, folder)).state is BackupState.GOOD
        assert scratches(server) == [others]
    finally:
        server.drop_database(others)
        server.drop_database(left)


@pytest.mark.parametrize("flavour", [Flavour.MARIADB, Flavour.MYSQL], ids=str)
def test_the_position_in_the_binary_log_is_kept_where_it_may_be_read(
    private_server: Callable[..., DatabaseServer], flavour: Flavour, folder: BackupFolder
) -> None:
    server = private_server(flavour, ["--log-bin=binlog", "--server-id=1"])
    place = server_place(server, server.create_database("altus4_metadata"))
    grant_scratch(server, place)
    rights = "EVENT, SHOW VIEW, EXECUTE"
    server.execute(
        f"GRANT {rights} ON `{place.location.database}`.* TO '{place.location.username}'",
        f"SET GLOBAL binlog_expire_logs_seconds = {7 * 86400}",
    )
    with opened(place) as store:
        store.migrator.upgrade(without_copy=True)
        fill(store)
        backup = make(store, folder)
        if flavour is Flavour.MYSQL:
            assert (backup.binlog, backup.left_out) == (None, ("binary log position",))
            lacking, _ = store.backups.list_advice(_TOKEN)
            assert "not in its backups are binary log position" in lacking.sentence
            server.execute(*lacking.statements)
            backup = make(store, folder)
        # Instants reach back as far as the log does.
        (short,) = store.backups.list_advice(_TOKEN)
        assert "instants can be restored 7 days back only" in short.sentence
        server.execute(*short.statements)
        assert store.backups.list_advice(_TOKEN) == ()
        assert backup.left_out == ()
        assert backup.binlog is not None
        what = "BINARY LOG" if flavour is Flavour.MYSQL else "MASTER"
        status = server.execute(f"SHOW {what} STATUS")[0]
        assert (backup.binlog.file, backup.binlog.position) == status[:2]
        assert verify(store, folder, backup).state is BackupState.GOOD


@pytest.mark.parametrize("flavour", [Flavour.MARIADB, Flavour.MYSQL], ids=str)
def test_odd_passwords_reach_the_client_too(
    flavour: Flavour, folder: BackupFolder, request: pytest.FixtureRequest
) -> None:
    server: DatabaseServer = request.getfixturevalue(f"{flavour}_server")
    database = server.create_database("altus4_metadata")
    try:
        account = server.create_account(STORE_PRIVILEGES, database, password=_NASTY)
        place = server_place(server, database)
        place = replace(
            place,
            location=replace(place.location, username=account.username),
            password=_NASTY,
        )
        grant_scratch(server, place)
        with opened(place) as store:
            store.migrator.upgrade(without_copy=True)
            assert verify(store, folder, make(store, folder)).state is BackupState.GOOD
    finally:
        server.drop_database(database)


def test_without_the_programs_of_its_flavour_none_is_made(
    on_server: StorePlace, folder: BackupFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.closing(on_server.open()) as store:
        store.migrator.upgrade(without_copy=True)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("altus4_desktop.storage.client_programs._PLACES", ())
        with pytest.raises(StoreError) as caught:
            make(store, folder)
        assert caught.value.code == "backup.no_program"
        assert caught.value.hint.startswith("Install ")
        assert folder.list_() == []
