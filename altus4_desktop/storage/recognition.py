"""Whose database is this? Asked before anything in it is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from altus4_desktop.domain.errors import SchemaError
from altus4_desktop.storage.tables import journal, version_table

_OURS = frozenset(column.name for column in journal.columns)
_TELLING = (journal.name, "searches", "database_connections", "search_analytics")

_FILE_COLUMNS = sa.text(
    "SELECT t.name, c.name FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c"
    " WHERE t.type = 'table' AND t.name IN :names"
).bindparams(sa.bindparam("names", expanding=True))
_FILE_TABLES = sa.text(
    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite@_%'"
    " ESCAPE '@'"
)
_SERVER_COLUMNS = sa.text(
    "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS"
    " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN :names"
).bindparams(sa.bindparam("names", expanding=True))
_SERVER_TABLES = sa.text(
    "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
)


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A revision in the store's own journal."""

    revision: str
    checksum: str
    applied_at: datetime | None
    duration_ms: int | None

    @property
    def finished(self) -> bool:
        """Whether applying it has ended, and undoing it was not begun since."""
        return self.duration_ms is not None


@dataclass(frozen=True, slots=True)
class StoreState:
    """What the store says about its schema; ``version`` is None before the first revision."""

    version: str | None = None
    rows: Mapping[str, JournalRow] = field(default_factory=dict)

    @property
    def interrupted(self) -> str | None:
        """The revision whose applying or undoing was begun and not ended."""
        return next((row.revision for row in self.rows.values() if not row.finished), None)


def read_state(connection: sa.Connection) -> StoreState:
    """The state of our own store, also of one not yet begun; reads only.

    Raises SchemaError for a database that belongs to another program.
    """
    on_file = connection.dialect.name == "sqlite"
    tables = {
        str(row[0]) for row in connection.execute(_FILE_TABLES if on_file else _SERVER_TABLES)
    }
    if not tables:
        return StoreState()
    _refuse_foreign(connection, tables, on_file)
    if version_table.name not in tables:
        return StoreState(rows=_journal_rows(connection))
    versions = connection.execute(sa.select(version_table.c.version_num)).scalars()
    found = sorted(str(version) for version in versions)
    # More than one can only come from a program that knows branches; the last one is unknown to us.
    return StoreState(version=found[-1] if found else None, rows=_journal_rows(connection))


def _journal_rows(connection: sa.Connection) -> dict[str, JournalRow]:
    c = journal.c
    rows = connection.execute(
        sa.select(c.revision, c.checksum, c.applied_at, c.duration_ms).order_by(c.revision)
    )
    return {
        revision: JournalRow(revision, checksum, applied_at, duration_ms)
        for revision, checksum, applied_at, duration_ms in rows
    }


def _refuse_foreign(connection: sa.Connection, tables: set[str], on_file: bool) -> None:
    columns: dict[str, set[str]] = {name: set() for name in _TELLING}
    statement = _FILE_COLUMNS if on_file else _SERVER_COLUMNS
    for table, column in connection.execute(statement, {"names": list(_TELLING)}):
        columns.setdefault(str(table), set()).add(str(column))
    if columns[journal.name] >= _OURS:
        return
    if (
        columns["database_connections"]
        or columns["search_analytics"]
        or {"migration", "batch"} <= columns[journal.name]
        or (columns["searches"] and "search_mode" not in columns["searches"])
    ):
        raise SchemaError(
            "This is the database of an Altus 4 server; nothing in it was changed.",
            hint="The server's tables differ from this program's. Choose an empty database.",
            code="store.altus_server",
        )
    raise SchemaError(
        "This database holds the tables of another program ({table}, …); nothing was changed.",
        hint="Choose an empty database.",
        code="store.foreign",
        details={"table": min(tables)},
    )
