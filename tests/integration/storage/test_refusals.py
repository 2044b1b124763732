"""What is not ours, or not ours any more, is left exactly as it was."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from altus4_desktop.domain.errors import SchemaError, StoreError
from altus4_desktop.domain.revisions import RevisionState
from altus4_desktop.storage.store import Store, look_at, open_store
from tests.stores import StorePlace, file_place

# The tables of the public Altus 4 server as its migrations leave them.
_ALTUS_SERVER = (
    (
        "CREATE TABLE users (id CHAR(36) PRIMARY KEY, name VARCHAR(255) NOT NULL,"
        " email VARCHAR(255) NOT NULL UNIQUE, password VARCHAR(255), password_hash VARCHAR(255),"
        " role VARCHAR(50) DEFAULT 'user', is_active TINYINT DEFAULT 1)"
    ),
    (
        "CREATE TABLE searches (id INTEGER PRIMARY KEY, user_id CHAR(36), query TEXT NOT NULL,"
        " result TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"
    ),
    "CREATE TABLE analytics (id INTEGER PRIMARY KEY, user_id CHAR(36), action VARCHAR(255))",
    "CREATE TABLE api_keys (id CHAR(36) PRIMARY KEY, key_prefix VARCHAR(50) NOT NULL)",
    "CREATE TABLE database_connections (id CHAR(36) PRIMARY KEY, password TEXT NOT NULL)",
    "CREATE TABLE search_analytics (id CHAR(36) PRIMARY KEY, query_text TEXT NOT NULL)",
    (
        "CREATE TABLE migrations (id INTEGER PRIMARY KEY, migration VARCHAR(255) NOT NULL,"
        " batch INT NOT NULL, migrated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"
    ),
    "INSERT INTO users (id, name, email, password_hash) VALUES ('u', 'Ada', 'ada@x', '$2b$12$a')",
    "INSERT INTO migrations (id, migration, batch) VALUES (1, '001_create_users_table', 1)",
)
_FOREIGN = (
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, total INT)",
    "INSERT INTO orders VALUES (1, 42)",
)
# Another program that uses Alembic as well.
_FOREIGN_ALEMBIC = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
    "INSERT INTO alembic_version VALUES ('0011_key_use')",
)
# What the specification's own shell script would have made.
_SPECIFIED_BY_HAND = (
    "CREATE TABLE users (id CHAR(36) PRIMARY KEY)",
    (
        "CREATE TABLE migrations (id INTEGER PRIMARY KEY, filename VARCHAR(255) NOT NULL UNIQUE,"
        " applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"
    ),
)
_VIEW_ONLY = ("CREATE VIEW answer AS SELECT 42 AS answer",)


@contextlib.contextmanager
def _unopened(place: StorePlace) -> Iterator[None]:
    if place.location.file is not None:
        place.location.file.parent.mkdir(parents=True)
    yield


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        (_ALTUS_SERVER, "store.altus_server"),
        (_ALTUS_SERVER[4:5], "store.altus_server"),
        (_ALTUS_SERVER[5:6], "store.altus_server"),
        (_ALTUS_SERVER[6:7], "store.altus_server"),
        (_ALTUS_SERVER[1:2], "store.altus_server"),
        (_FOREIGN, "store.foreign"),
        (_FOREIGN_ALEMBIC, "store.foreign"),
        (_SPECIFIED_BY_HAND, "store.foreign"),
        (_VIEW_ONLY, "store.foreign"),
    ],
    ids=[
        "altus",
        "altus-connections",
        "altus-analytics",
        "altus-journal",
        "altus-searches",
        "other",
        "alembic",
        "by-hand",
        "view",
    ],
)
def test_a_foreign_database_is_not_touched(
    place: StorePlace, statements: tuple[str, ...], code: str
) -> None:
    with _unopened(place):
        for statement in statements:
            place.query(statement)
    before = place.checksum()
    listing = _listing(place)
    attempts: tuple[Callable[[Store], object], ...] = (
        lambda store: store.migrator.status(),
        lambda store: store.migrator.upgrade(),
        lambda store: store.migrator.upgrade(dry_run=True),
        lambda store: store.migrator.downgrade(),
    )
    for attempt in attempts:
        with pytest.raises(SchemaError) as caught, contextlib.closing(place.open()) as store:
            attempt(store)
        assert caught.value.code == code
        assert "nothing" in caught.value.message
    report = look_at(place.location, place.password)
    assert (report.migrations, report.refusal_code) == (None, code)
    assert place.checksum() == before
    assert _listing(place) == listing


def _listing(place: StorePlace) -> list[tuple[str, int, int]]:
    if place.location.file is None:
        return []
    return [
        (path.name, path.stat().st_mode, path.stat().st_mtime_ns)
        for path in sorted(place.location.file.parent.iterdir())
    ]


@pytest.mark.parametrize("wal", [False, True])
def test_a_foreign_file_in_any_journal_mode_is_not_touched(tmp_path: Path, wal: bool) -> None:
    place = file_place(tmp_path)
    assert place.location.file is not None
    place.location.file.parent.mkdir()
    with contextlib.closing(sqlite3.connect(place.location.file)) as connection:
        connection.execute(f"PRAGMA journal_mode = {'wal' if wal else 'truncate'}")
        connection.execute(_FOREIGN[0])
        connection.commit()
    before = place.checksum()
    with pytest.raises(SchemaError):
        open_store(place.location)
    assert place.checksum() == before


def test_a_text_file_is_no_store(tmp_path: Path) -> None:
    place = file_place(tmp_path)
    assert place.location.file is not None
    place.location.file.parent.mkdir()
    place.location.file.write_text("Dear diary, " * 100, "utf-8")
    before = place.checksum()
    with pytest.raises(SchemaError) as caught:
        open_store(place.location)
    assert caught.value.code == "store.foreign"
    assert place.checksum() == before


def test_a_newer_store_is_refused(place: StorePlace, store: Store) -> None:
    place.query("UPDATE alembic_version SET version_num = '0099_from_the_future'")
    place.query(
        "INSERT INTO migrations (filename, revision, checksum, duration_ms)"
        " VALUES ('0099_from_the_future.py', '0099_from_the_future', 'c', 1)"
    )
    before = place.checksum()
    attempts: tuple[Callable[[], object], ...] = (
        store.migrator.upgrade,
        lambda: store.migrator.upgrade("0003"),
        lambda: store.migrator.upgrade(dry_run=True),
        store.migrator.downgrade,
        lambda: store.migrator.downgrade("0003"),
    )
    for attempt in attempts:
        with pytest.raises(SchemaError) as caught:
            attempt()
        assert caught.value.code == "store.newer"
        assert "0099_from_the_future" in caught.value.message
    status = store.migrator.status()
    assert status.newer
    assert status.current == "0099_from_the_future"
    assert [r.id for r in status.revisions if r.state is RevisionState.UNKNOWN] == [
        "0099_from_the_future"
    ]
    assert place.checksum() == before


def test_a_version_without_a_journal_entry_is_newer_too(place: StorePlace, store: Store) -> None:
    place.query("INSERT INTO alembic_version VALUES ('zzz')")
    with pytest.raises(SchemaError):
        store.migrator.upgrade()
    assert store.migrator.status().newer


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    place = file_place(tmp_path)
    store = place.open()
    store.migrator.upgrade()
    store.close()
    assert place.location.file is not None
    moved = place.location.file.rename(tmp_path / "elsewhere.sqlite3")
    place.location.file.symlink_to(moved)
    with pytest.raises(StoreError) as caught:
        place.open()
    assert caught.value.code == "store.not_a_file"
    place.location.file.unlink()
    place.location.file.symlink_to(tmp_path / "nothing-there")
    with pytest.raises(StoreError):
        place.open()
    assert not (tmp_path / "nothing-there").exists()


def test_a_dry_run_changes_nothing(place: StorePlace, empty: Store) -> None:
    ids = [revision.id for revision in empty.migrator.status().revisions]
    planned = empty.migrator.upgrade(dry_run=True).revisions
    assert [revision.id for revision in planned] == ids
    assert place.location.file is None or not place.location.file.exists()
    empty.migrator.upgrade("0005")
    before = place.checksum()
    planned = empty.migrator.upgrade(dry_run=True).revisions
    assert [revision.id for revision in planned] == ids[5:]
    planned = empty.migrator.downgrade("0003", dry_run=True).revisions
    assert [revision.id for revision in planned] == [ids[4], ids[3]]
    assert place.checksum() == before
