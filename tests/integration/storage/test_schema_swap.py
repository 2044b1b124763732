"""Exchanging two schemas on real servers, with a fault at each statement in turn."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.storage.client_programs import Kind, ProgramFailed, ServerAccess
from altus4_desktop.storage.dump_objects import VIEWS, Rewriter
from altus4_desktop.storage.engine import build_engine
from altus4_desktop.storage.schema_objects import ObjectsMove
from altus4_desktop.storage.schema_swap import swap_schemas
from tests.integration.storage.test_backups import server_of
from tests.integration.storage.test_restoring import grant_beside
from tests.servers import DatabaseServer, find_programs
from tests.stores import StorePlace

_MOST = 60


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

    def rollback(self) -> None:
        self._connection.rollback()

    def _fail(self, statement: str) -> None:
        self.count += 1
        if self.count == self._at or (self._lasting and self.count > self._at):
            raise sa.exc.OperationalError(statement, {}, Exception(1205, "lock wait"))


@dataclass(frozen=True, slots=True)
class _FaultyAccess(ServerAccess):
    """Runs programs, until the connection it is told of fails."""

    faulty: _Faulty | None = None

    def run(self, *arguments: Any, **named: Any) -> None:
        assert self.faulty is not None
        try:
            self.faulty._fail("")
        except sa.exc.OperationalError:
            raise ProgramFailed("it broke off") from None
        # Not by its own class's super(): slots make another class of it.
        ServerAccess.run(self, *arguments, **named)


class _Scene:
    OLD = b"CREATE VIEW seen AS SELECT 1 AS n FROM one;\n"

    def __init__(self, server: DatabaseServer, place: StorePlace, folder: Path) -> None:
        self.folder = folder
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
                    f"CREATE OR REPLACE VIEW seen AS SELECT {row} AS n FROM one",
                ):
                    connection.exec_driver_sql(statement)
            connection.commit()
        self.server.execute(f"CREATE DATABASE `{self.kept}`")

    def drop(self) -> None:
        for name in (self.restored, self.kept):
            self.server.drop_database(name)

    def state(self, name: str) -> tuple[object, ...]:
        """The row and the guards of a schema, and what its view says."""
        if not self.server.execute(f"SHOW TABLES FROM `{name}`"):
            return ()
        rows = self.server.execute(f"SELECT id FROM `{name}`.one")
        seen = self.server.execute(f"SELECT n FROM `{name}`.seen")
        return rows[0][0], len(self.server.execute(f"SHOW TRIGGERS FROM `{name}`")), seen[0][0]

    def objects(self, faulty: _Faulty, connection: sa.Connection) -> ObjectsMove:
        """The view, to be replaced by that of the restored schema."""
        flavour = Flavour(self.place.name)
        folders = (find_programs(flavour).server.parent,) if flavour is Flavour.MYSQL else ()
        access = _FaultyAccess(
            self.place.location, self.place.password or "", flavour, False, folders, faulty=faulty
        )
        client = access.find(Kind.CLIENT)
        assert client is not None
        file = self.folder / "dump.sql.gz"
        with gzip.open(file, "wb") as packed:
            packed.write(b"CREATE VIEW seen AS SELECT 2 AS n FROM one;\n")
        return ObjectsMove(
            access,
            client,
            cast("sa.Connection", faulty),
            self.live,
            self.kept,
            file,
            (VIEWS,),
            Rewriter(lambda _: True, events=True),
            self.OLD,
        )

    def swap(self, at: int, lasting: bool) -> _Faulty:
        engine = build_engine(self.place.location, self.place.password, migrating=True)
        with engine.connect() as connection:
            faulty = _Faulty(connection, at, lasting)
            objects = self.objects(faulty, connection)
            bent = cast("sa.Connection", faulty)
            try:
                swap_schemas(bent, self.live, self.restored, self.kept, objects)
            except (sa.exc.SQLAlchemyError, ProgramFailed):
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
        text = self.folder / f"{self.kept}-objects.sql"
        # Neither schema may hold the view any more: its text is there.
        assert text.exists() == (str(text) in error.hint) == faulty.renamed
        if faulty.renamed:
            assert text.read_bytes() == self.OLD
            text.unlink()


@pytest.fixture
def scene(
    on_server: StorePlace, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[_Scene]:
    server = server_of(on_server, request)
    grant_beside(server, on_server)
    scene = _Scene(server, on_server, tmp_path)
    yield scene
    scene.drop()


def test_a_fault_at_any_statement_leaves_the_store_as_it_was(scene: _Scene) -> None:
    for at in range(1, _MOST):
        scene.build()
        faulty = scene.swap(at, lasting=False)
        if faulty.count < at:
            break
        assert scene.state(scene.live) == (1, 2, 1), at
        assert scene.state(scene.kept) == (), at
    assert (scene.state(scene.live), scene.state(scene.kept)) == ((2, 2, 2), (1, 2, 1))


def test_what_cannot_be_made_good_is_said_as_it_is(scene: _Scene) -> None:
    replaced = 0
    for at in range(1, _MOST):
        scene.build()
        faulty = scene.swap(at, lasting=True)
        if faulty.count < at:
            break
        row = scene.server.execute(f"SELECT id FROM `{scene.live}`.one")[0][0]
        assert row == (2 if faulty.renamed else 1), at
        replaced += faulty.renamed
    assert replaced > 3
