"""Exchanging two schemas on real servers, with a fault at each statement in turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.errors import StoreError
from altus4_desktop.storage.engine import build_engine
from altus4_desktop.storage.schema_swap import swap_schemas
from tests.integration.storage.test_backups import server_of
from tests.integration.storage.test_restoring import grant_beside
from tests.servers import DatabaseServer
from tests.stores import StorePlace

_MOST = 40


class _Faulty:
    """A connection that fails at one statement, or from it on."""

    def __init__(self, connection: sa.Connection, at: int, lasting: bool) -> None:
        self._connection = connection
        self._at = at
        self._lasting = lasting
        self.count = 0
        self.renamed = False

    def execute(self, *arguments: Any) -> Any:
        self._fail("")
        return self._connection.execute(*arguments)

    def exec_driver_sql(self, statement: str) -> Any:
        self._fail(statement)
        result = self._connection.exec_driver_sql(statement)
        self.renamed = self.renamed or statement.startswith("RENAME")
        return result

    def _fail(self, statement: str) -> None:
        self.count += 1
        if self.count == self._at or (self._lasting and self.count > self._at):
            raise sa.exc.OperationalError(statement, {}, Exception(1205, "lock wait"))


class _Scene:
    def __init__(self, server: DatabaseServer, place: StorePlace) -> None:
        self.server = server
        self.place = place
        self.live = place.location.database
        self.restored, self.kept = f"{self.live}_restored", f"{self.live}_before"

    def build(self) -> None:
        self.drop()
        engine = build_engine(self.place.location, self.place.password, migrating=True)
        with engine.connect() as connection:
            for name, row in ((self.live, 1), (self.restored, 2)):
                self.server.execute(f"CREATE DATABASE IF NOT EXISTS `{name}`")
                for statement in (
                    f"USE `{name}`",
                    "DROP TABLE IF EXISTS one",
                    "CREATE TABLE one (id INT PRIMARY KEY)",
                    f"INSERT INTO one VALUES ({row})",
                    "CREATE TRIGGER a BEFORE DELETE ON one FOR EACH ROW SET @a = 1",
                    "CREATE TRIGGER b BEFORE UPDATE ON one FOR EACH ROW SET @b = 1",
                ):
                    connection.exec_driver_sql(statement)
            connection.commit()
        self.server.execute(f"CREATE DATABASE `{self.kept}`")

    def drop(self) -> None:
        for name in (self.restored, self.kept):
            self.server.drop_database(name)

    def state(self, name: str) -> tuple[object, ...]:
        """The row and the guards of a schema."""
        if not self.server.execute(f"SHOW TABLES FROM `{name}`"):
            return ()
        rows = self.server.execute(f"SELECT id FROM `{name}`.one")
        return rows[0][0], len(self.server.execute(f"SHOW TRIGGERS FROM `{name}`"))

    def swap(self, at: int, lasting: bool) -> _Faulty:
        engine = build_engine(self.place.location, self.place.password, migrating=True)
        with engine.connect() as connection:
            faulty = _Faulty(connection, at, lasting)
            try:
                swap_schemas(cast("sa.Connection", faulty), self.live, self.restored, self.kept)
            except sa.exc.SQLAlchemyError:
                assert self.state(self.kept) == (), at
            except StoreError as error:
                self.broke_off(error, faulty)
            else:
                assert faulty.count < at
            return faulty

    def broke_off(self, error: StoreError, faulty: _Faulty) -> None:
        assert error.code == "backup.unguarded"
        assert self.kept in error.hint
        assert ("was replaced" in error.message) == faulty.renamed


@pytest.fixture
def scene(on_server: StorePlace, request: pytest.FixtureRequest) -> Iterator[_Scene]:
    server = server_of(on_server, request)
    grant_beside(server, on_server)
    scene = _Scene(server, on_server)
    yield scene
    scene.drop()


def test_a_fault_at_any_statement_leaves_the_store_as_it_was(scene: _Scene) -> None:
    for at in range(1, _MOST):
        scene.build()
        faulty = scene.swap(at, lasting=False)
        if faulty.count < at:
            break
        assert scene.state(scene.live) == (1, 2), at
        assert scene.state(scene.kept) == (), at
    assert (scene.state(scene.live), scene.state(scene.kept)) == ((2, 2), (1, 2))


def test_what_cannot_be_made_good_is_said_as_it_is(scene: _Scene) -> None:
    replaced = 0
    for at in range(1, _MOST):
        scene.build()
        faulty = scene.swap(at, lasting=True)
        if faulty.count < at:
            break
        row = cast("tuple[int, int]", scene.state(scene.live))[0]
        assert row == (2 if faulty.renamed else 1), at
        replaced += faulty.renamed
    assert replaced > 3
