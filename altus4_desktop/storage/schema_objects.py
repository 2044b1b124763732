"""Views, routines and events of a schema whose tables are replaced: made again from a dump's own
text, since no statement moves them."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.files import write_private
from altus4_desktop.storage.client_programs import Program, ServerAccess
from altus4_desktop.storage.dump_objects import EVENTS, ROUTINES, VIEWS, Rewriter, object_lines
from altus4_desktop.storage.server_names import quoted

_LINE = 1 << 28
_LISTS = {
    VIEWS: "SELECT 'VIEW', TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = :name",
    # A package's body goes before it.
    ROUTINES: "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES"
    " WHERE ROUTINE_SCHEMA = :name ORDER BY ROUTINE_TYPE DESC, ROUTINE_NAME",
    EVENTS: "SELECT 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = :name",
}
_OWNERS = {
    VIEWS: "SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()",
    ROUTINES: "SELECT DEFINER FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()",
    EVENTS: "SELECT DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()",
}


@dataclass(frozen=True, slots=True)
class ObjectsMove:
    """Replaces the objects of ``kinds`` in the schema ``live`` by those of the dump ``file``.

    What is there, whose text is ``old``, is made again in the schema ``kept``, events switched off:
    it would be done twice. Its methods raise SQLAlchemy's errors, ProgramFailed, OSError.
    """

    access: ServerAccess
    client: Program
    connection: sa.Connection
    live: str
    kept: str
    file: Path
    kinds: Collection[str]
    rewriter: Rewriter
    old: bytes

    def move(self) -> None:
        """Replace them; a kill leaves each of the old ones in ``live``, ``kept`` or both."""
        self._make(self.kept, BytesIO(self.old), Rewriter(self.rewriter.definers, events=False))
        self._drop(self.live)
        with gzip.open(self.file, "rb") as packed:
            self._make(self.live, packed, self.rewriter)

    def put_back(self) -> None:
        """Have all as it was before `move`, which may have broken off."""
        for schema in (self.kept, self.live):
            self._drop(schema)
        self._make(self.live, BytesIO(self.old), self.rewriter)

    def keep_text(self) -> str:
        """Where the text that makes the old ones again was written down, beside the backup: the
        schemas may hold none of them any more. Empty where there is none, or nowhere to write."""
        if not self.old:
            return ""
        place = self.file.with_name(f"{self.kept}-objects.sql")
        try:
            write_private(place, self.old)
        except OSError:
            return ""
        return str(place)

    def _drop(self, schema: str) -> None:
        for kind in self.kinds:
            rows = self.connection.execute(sa.text(_LISTS[kind]), {"name": schema}).all()
            for what, name in rows:
                self.connection.exec_driver_sql(f"DROP {what} {quoted(schema)}.{quoted(str(name))}")
        self.connection.rollback()

    def _make(self, schema: str, source: IO[bytes] | gzip.GzipFile, rewriter: Rewriter) -> None:
        def feed(pipe: IO[bytes]) -> None:
            for line in object_lines(read_lines(source), self.kinds):
                pipe.write(rewriter.change(line))

        if self.kinds:
            # Nobody can stop it half way: it is undone or done.
            self.access.run(self.client, client_arguments(schema), CancelToken(), feed=feed)


def owners_of(connection: sa.Connection, kinds: Collection[str]) -> set[str]:
    """The definers of the objects of ``kinds`` in the session's database."""
    return {
        str(definer)
        for kind in kinds
        for (definer,) in connection.exec_driver_sql(_OWNERS[kind]).all()
    }


def client_arguments(database: str) -> tuple[str, ...]:
    """How a client is told to read a dump into ``database``."""
    return (
        "--default-character-set=utf8mb4",
        "--binary-mode",
        "--batch",
        # They are part of what is in a routine.
        "--comments",
        "--",
        database,
    )


def read_lines(source: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    """Its lines; a longer one than a row can be comes in pieces."""
    while line := source.readline(_LINE):
        yield line
