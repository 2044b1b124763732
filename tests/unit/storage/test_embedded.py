"""The file of an embedded store: rights, durability, copies, failures."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.errors import SchemaError, StoreError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.storage import engine as engine_module
from altus4_desktop.storage import files
from altus4_desktop.storage.store import Store, look_at
from tests.records import a_connection, a_search, a_user
from tests.stores import StorePlace, file_place


@pytest.fixture
def place(tmp_path: Path) -> StorePlace:
    return file_place(tmp_path)


@pytest.fixture
def store(place: StorePlace) -> Iterator[Store]:
    opened = place.open()
    opened.migrator.upgrade()
    yield opened
    opened.close()


def _file(place: StorePlace) -> Path:
    assert place.location.file is not None
    return place.location.file


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_the_owner_may_read_whatever_the_umask(place: StorePlace, mask: int) -> None:
    before = os.umask(mask)
    try:
        with contextlib.closing(place.open()) as store:
            store.migrator.upgrade()
            user = store.users.create_(a_user(), "x")
            with store._engine.connect() as connection, connection.begin():
                connection.execute(sa.text("UPDATE users SET name = 'in the journal'"))
                written = [path for path in _file(place).parent.rglob("*") if path.is_file()]
                assert [oct(_mode(path)) for path in written] == ["0o600"] * len(written)
                assert any(path.name.endswith(("-journal", "-wal")) for path in written)
            store.migrator.downgrade("0005")
            store.migrator.upgrade()
            assert store.users.find_(user.id) is not None
    finally:
        os.umask(before)
    for path in _file(place).parent.rglob("*"):
        assert _mode(path) == (0o700 if path.is_dir() else 0o600), path
    assert _mode(_file(place).parent) == 0o700


def test_the_rights_of_others_are_taken_on_opening(place: StorePlace, store: Store) -> None:
    store.close()
    _file(place).chmod(0o644)
    place.open().close()
    assert _mode(_file(place)) == 0o600


def test_the_folder_of_a_file_elsewhere_is_left_alone(place: StorePlace) -> None:
    folder = _file(place).parent
    folder.mkdir()
    folder.chmod(0o755)
    with contextlib.closing(place.open()) as store:
        store.migrator.upgrade()
    assert _mode(folder) == 0o755
    assert _mode(_file(place)) == 0o600


def test_every_connection_is_durable_and_strict(store: Store) -> None:
    with store._engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "foreign_keys", "busy_timeout", "journal_mode")
        }
    assert found == {
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": int(files.BUSY_TIMEOUT_S * 1000),
        "journal_mode": files.journal_mode_for(sqlite3.sqlite_version_info),
    }


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "delete"),
        ((3, 44, 5), "delete"),
        ((3, 44, 6), "wal"),
        ((3, 45, 0), "delete"),
        ((3, 50, 6), "delete"),
        ((3, 50, 7), "wal"),
        ((3, 51, 2), "delete"),
        ((3, 51, 3), "wal"),
        ((3, 52, 0), "wal"),
        ((4, 0, 0), "wal"),
    ],
)
def test_wal_only_where_its_reset_bug_is_fixed(version: tuple[int, int, int], mode: str) -> None:
    assert files.journal_mode_for(version) == mode


def test_a_store_in_wal_is_brought_back_for_an_older_library(
    place: StorePlace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = store.users.create_(a_user(), "x")
    store.close()
    files.settle_journal_mode(_file(place), "wal")
    with contextlib.closing(place.open()) as again:
        assert place.query("PRAGMA journal_mode") == [("delete",)]
        assert again.users.find_(user.id) == user
    monkeypatch.setattr(files, "journal_mode_for", lambda _: "wal")
    with contextlib.closing(place.open()) as newer:
        assert place.query("PRAGMA journal_mode") == [("wal",)]
        newer.users.create_(a_user(), "x")
        assert {oct(_mode(path)) for path in _file(place).parent.iterdir() if path.is_file()} == {
            "0o600"
        }
        newer.migrator.downgrade("0004")
        newer.migrator.upgrade()


def test_a_store_in_wal_that_is_in_use_is_refused_by_an_older_library(
    place: StorePlace, store: Store
) -> None:
    store.close()
    files.settle_journal_mode(_file(place), "wal")
    with contextlib.closing(sqlite3.connect(_file(place))) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM users").fetchall()
        with pytest.raises(StoreError) as caught:
            place.open()
    assert caught.value.code == "store.busy"


def test_a_verified_copy_before_every_change_of_a_schema(place: StorePlace) -> None:
    told: list[Progress] = []
    with contextlib.closing(place.open()) as store:
        store.migrator.upgrade("0005")
        folder = _file(place).parent / "backups"
        assert not folder.exists()
        place.query("INSERT INTO users (id, name, email, password) VALUES ('u', 'Ada', 'a', 'p')")
        place.query("INSERT INTO searches (id, user_id, query) VALUES ('s', 'u', 'word')")
        before = place.checksum()
        store.migrator.upgrade(progress=told.append)
        copies = list(folder.iterdir())
        assert [copy.suffix for copy in copies] == [".sqlite3"]
        with contextlib.closing(sqlite3.connect(copies[0])) as copy:
            assert copy.execute("SELECT name FROM users").fetchall() == [("Ada",)]
            matches = "SELECT rowid FROM ft_query WHERE ft_query MATCH 'word'"
            assert len(copy.execute(matches).fetchall()) == 1
            version = copy.execute("SELECT version_num FROM alembic_version").fetchone()
            assert version == ("0005_analytics",)
        assert before
        store.migrator.upgrade()
        assert len(list(folder.iterdir())) == 1
    assert next(progress.message for progress in told) == "Copying the metadata store"
    assert told[-1].fraction == 1.0
    fractions = [progress.fraction for progress in told if progress.fraction is not None]
    assert fractions == sorted(fractions)


def test_a_damaged_store_is_not_upgraded(place: StorePlace) -> None:
    with contextlib.closing(place.open()) as store:
        store.migrator.upgrade("0005")
        place.query(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300)"
            " INSERT INTO users (id, name, email, password) SELECT n, 'x', 'at' || n, 'p' FROM n"
        )
    content = bytearray(_file(place).read_bytes())
    page = int.from_bytes(content[16:18], "big")
    root = place.query("SELECT rootpage FROM sqlite_master WHERE name = 'users_idx_email'")
    at = (int(root[0][0]) - 1) * page
    content[at + 200 : at + page] = os.urandom(page - 200)
    _file(place).write_bytes(content)
    with contextlib.closing(place.open()) as store, pytest.raises(StoreError) as caught:
        store.migrator.upgrade()
    assert caught.value.code in ("store.copy_failed", "store.corrupt")
    assert _file(place).read_bytes() == content
    assert list((_file(place).parent / "backups").iterdir()) == []


def test_a_copy_with_other_rows_is_thrown_away(
    place: StorePlace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.users.create_(a_user(), "x")
    folder = _file(place).parent / "copies"
    sound = files._difference

    def lose_a_row(original: sqlite3.Connection, copy: sqlite3.Connection) -> str:
        copy.execute("DELETE FROM users")
        return sound(original, copy)

    monkeypatch.setattr(files, "_difference", lose_a_row)
    with pytest.raises(StoreError) as caught:
        files.copy_verified(_file(place), folder, "x")
    assert "other rows in users" in caught.value.message
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_said_and_nothing_is_half_done(place: StorePlace) -> None:
    with contextlib.closing(place.open()) as store:
        store.migrator.upgrade("0003")
        before = place.fingerprint()
        pages = int(place.query("PRAGMA page_count")[0][0])

        def no_more_room(dbapi: sqlite3.Connection, _: object) -> None:
            dbapi.execute(f"PRAGMA max_page_count = {pages + 3}")

        sa.event.listen(sa.Engine, "connect", no_more_room)
        try:
            with pytest.raises(StoreError) as caught:
                store.migrator.upgrade()
        finally:
            sa.event.remove(sa.Engine, "connect", no_more_room)
        assert (caught.value.code, caught.value.retryable) == ("store.full", True)
        assert place.fingerprint() == before
        store.migrator.upgrade()
        assert store.migrator.status().pending == ()


def test_a_write_on_a_full_disk_keeps_what_was_there(place: StorePlace, store: Store) -> None:
    user = store.users.create_(a_user(), "x")

    def no_more_room(dbapi: sqlite3.Connection, _: object) -> None:
        dbapi.execute("PRAGMA max_page_count = 1")

    def fill() -> None:
        for n in range(5000):
            store.searches.add_(a_search(user, f"word{n} " + "x" * 900))

    store._engine.dispose()
    sa.event.listen(store._engine, "connect", no_more_room)
    with pytest.raises(StoreError) as caught:
        fill()
    assert caught.value.code == "store.full"
    assert place.query("PRAGMA integrity_check") == [("ok",)]
    kept = store.searches.list_(user.id, limit=5000)
    assert kept
    assert sorted(map(_number, kept)) == list(range(len(kept)))


def _number(record: SearchRecord) -> int:
    return int(record.query.split()[0].removeprefix("word"))


def test_a_read_only_store_is_said(store: Store) -> None:
    def read_only(dbapi: sqlite3.Connection, _: object) -> None:
        dbapi.execute("PRAGMA query_only = ON")

    store._engine.dispose()
    sa.event.listen(store._engine, "connect", read_only)
    with pytest.raises(StoreError) as caught:
        store.users.create_(a_user(), "x")
    assert caught.value.code == "store.read_only"


def test_a_busy_store_is_said_after_the_time_out(
    place: StorePlace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUSY_TIMEOUT_S", 0.1)
    monkeypatch.setattr(files, "MIGRATION_TIMEOUT_S", 0.1)
    with (
        contextlib.closing(place.open()) as impatient,
        contextlib.closing(sqlite3.connect(_file(place), isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        attempts: tuple[Callable[[], object], ...] = (
            lambda: impatient.users.create_(a_user(), "x"),
            impatient.migrator.downgrade,
        )
        for attempt in attempts:
            with pytest.raises(StoreError) as caught:
                attempt()
            assert (caught.value.code, caught.value.retryable) == ("store.busy", True)
        assert impatient.users.list_() == []


def test_a_store_that_vanished_is_said_and_not_made_anew(place: StorePlace, store: Store) -> None:
    store._engine.dispose()
    _file(place).unlink()
    with pytest.raises(StoreError) as caught:
        store.users.list_()
    assert caught.value.code == "store.unreachable"
    assert not _file(place).exists()


def test_all_connections_busy_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store._engine.pool, "_timeout", 0.05)
    with contextlib.ExitStack() as held:
        for _ in range(engine_module._POOL_SIZE):
            held.enter_context(store._engine.connect())
        with pytest.raises(StoreError) as caught:
            store.users.list_()
    assert (caught.value.code, caught.value.retryable) == ("store.busy", True)


def test_our_own_bug_is_not_called_a_failure_of_the_store(store: Store) -> None:
    def work(connection: sa.Connection) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.users._transactions.read(work)
    with pytest.raises(ZeroDivisionError):
        store.users._transactions.write(work, settled=lambda _: True)


def test_an_error_text_holds_no_value(store: Store) -> None:
    store.users.create_(a_user(email="canary@example.org"), "CANARY-HASH")
    with pytest.raises(Exception, match="exists") as caught:
        store.users.create_(a_user(email="canary@example.org"), "CANARY-HASH")
    error: BaseException | None = caught.value
    while error is not None:
        assert "CANARY-HASH" not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__


def test_readers_and_a_writer_work_side_by_side(store: Store) -> None:
    user = store.users.create_(a_user(), "x")
    stop = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                store.searches.recent_(user.id)
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(60):
        store.searches.add_(a_search(user, f"query {n}"))
    stop.set()
    for reader in readers:
        reader.join(10)
    assert failures == []
    assert len(store.searches.list_(user.id)) == 60


def test_looking_at_a_place_makes_nothing(place: StorePlace, tmp_path: Path) -> None:
    report = look_at(place.location)
    assert report.dialect == "sqlite"
    assert report.migrations is not None
    assert report.migrations.pending == report.migrations.revisions != ()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_store(place: StorePlace) -> None:
    _file(place).mkdir(parents=True)
    with pytest.raises(StoreError) as caught:
        place.open()
    assert not isinstance(caught.value, SchemaError)


def test_opening_a_store_that_is_up_to_date_loads_only_what_it_needs(
    place: StorePlace, store: Store
) -> None:
    store.connections.create_(a_connection(store.users.create_(a_user(), "x")))
    code = (
        "import sys\n"
        "from altus4_desktop.storage.location import parse_store_url\n"
        "from altus4_desktop.storage.store import open_store\n"
        "store = open_store(parse_store_url(sys.argv[1]))\n"
        "assert not store.migrator.status().pending\n"
        "assert store.connections.list_(None)\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'alembic', 'mako', 'pymysql', 'cryptography', 'PySide6'}))\n"
        "print('sqlalchemy.orm' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, place.location.url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["[]", "False"], done.stderr
