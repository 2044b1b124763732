"""An empty place for a metadata store on each of the three databases."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from altus4_desktop.storage.store import Store
from tests.servers import DatabaseServer
from tests.stores import StorePlace, file_place, server_place

_DATABASES = ["sqlite", "mariadb", "mysql"]


@contextlib.contextmanager
def _place(name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[StorePlace]:
    if name == "sqlite":
        yield file_place(folder)
        return
    server: DatabaseServer = request.getfixturevalue(f"{name}_server")
    database = server.create_database("altus4_metadata")
    try:
        yield server_place(server, database)
    finally:
        server.drop_database(database)


@pytest.fixture(params=_DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorePlace]:
    """SQLite, MariaDB and MySQL in turn."""
    with _place(request.param, request, tmp_path) as made:
        yield made


@pytest.fixture(params=_DATABASES[1:])
def on_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorePlace]:
    """MariaDB and MySQL in turn."""
    with _place(request.param, request, tmp_path) as made:
        yield made


@pytest.fixture(scope="module", params=_DATABASES)
def shared_place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StorePlace]:
    """SQLite, MariaDB and MySQL in turn, migrated once for a whole file of tests."""
    with _place(request.param, request, tmp_path_factory.mktemp("store")) as made:
        store = made.open()
        store.migrator.upgrade()
        store.close()
        yield made


@pytest.fixture
def shared_store(shared_place: StorePlace) -> Iterator[Store]:
    """The open store of ``shared_place``, empty and at its newest revision."""
    for table in ("users", "searches", "search_marks", "sign_in_failures"):
        shared_place.query(f"DELETE FROM {table}")
    store = shared_place.open()
    yield store
    store.close()


@pytest.fixture
def empty(place: StorePlace) -> Iterator[Store]:
    """The open store before its first revision."""
    store = place.open()
    yield store
    store.close()


@pytest.fixture
def store(empty: Store) -> Store:
    """The open store at its newest revision."""
    empty.migrator.upgrade()
    return empty
