"""Stores that several programs share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers import DatabaseServer
from tests.stores import StorePlace, file_place, server_place


@pytest.fixture(params=["sqlite", "mariadb", "mysql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorePlace]:
    """An up-to-date store on SQLite, MariaDB and MySQL in turn."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            made = file_place(tmp_path)
        else:
            server: DatabaseServer = request.getfixturevalue(f"{request.param}_server")
            database = server.create_database("altus4_shared")
            stack.callback(server.drop_database, database)
            made = server_place(server, database)
        with closing(made.open()) as store:
            store.migrator.upgrade()
        yield made
