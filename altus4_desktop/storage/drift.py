"""Where the live schema departs from the program's models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from altus4_desktop.domain.revisions import DriftItem, DriftKind, SchemaPart
from altus4_desktop.storage.audit_guards import guard_texts
from altus4_desktop.storage.live_schema import (
    Snapshot,
    column_text,
    index_text,
    plain_check,
    plain_default,
    plain_type,
    read_schema,
    reference_text,
)
from altus4_desktop.storage.revision_files import known_revisions
from altus4_desktop.storage.sqlite_objects import index_name
from altus4_desktop.storage.tables import audit_log, journal, journal_metadata, metadata
from altus4_desktop.storage.types import TABLE_COLLATION

_TEXTS = ("char", "varchar", "text", "longtext", "enum")


def find_drift(connection: sa.Connection, revision: str, scripts: Path) -> tuple[DriftItem, ...]:
    """Every departure of the store from what ``revision`` makes of it, by table; reads only."""
    found = read_schema(connection)
    if connection.dialect.name == "sqlite":
        wanted = _wanted_in_file(revision, scripts)
    else:
        wanted = _wanted_on_server(connection.dialect, revision, scripts)
        # Whether the audit log's guards are there, and can be seen, is a matter of the account's
        # privileges: verifying the log tells it. Those that are seen have to be what they were.
        for name, text in guard_texts().items():
            key = (SchemaPart.TRIGGER, audit_log.name, name)
            if key in found:
                wanted[key] = text
        # InnoDB indexes what refers elsewhere by itself, under the reference's name.
        implied = {
            str(key.name) for table in metadata.tables.values() for key in _references(table)
        }
        ignored = {(SchemaPart.INDEX, name) for name in implied}
        found = {
            key: text
            for key, text in found.items()
            if key in wanted or (key[0], key[2]) not in ignored
        }
    return tuple(_compare(wanted, found))


def schema_at(revision: str | None, scripts: Path) -> Snapshot:
    """What the revisions up to ``revision`` make of an empty file; None is before the first."""
    with _scratch() as connection:
        if revision is not None:
            from altus4_desktop.storage.alembic_steps import apply_step

            for known in known_revisions(scripts):
                apply_step(connection, scripts, known, up=True)
                if known.id == revision:
                    break
        return read_schema(connection)


@contextmanager
def _scratch() -> Iterator[sa.Connection]:
    """An empty store in memory with its books."""
    engine = sa.create_engine("sqlite+pysqlite://")
    try:
        with engine.connect() as connection:
            journal_metadata.create_all(connection)
            yield connection
    finally:
        engine.dispose()


def _wanted_in_file(revision: str, scripts: Path) -> Snapshot:
    if revision != known_revisions(scripts)[-1].id:
        return schema_at(revision, scripts)
    with _scratch() as connection:
        metadata.create_all(connection)
        return read_schema(connection)


def _wanted_on_server(dialect: Dialect, revision: str, scripts: Path) -> Snapshot:
    wanted: Snapshot = {}
    for table in (*metadata.tables.values(), *journal_metadata.tables.values()):
        _describe(table, dialect, wanted)
    if revision == known_revisions(scripts)[-1].id:
        return wanted
    # The models know the newest schema only: what is not there yet is found out in a file.
    made = schema_at(revision, scripts)
    names = {name for _, _, name in made} | {table for _, table, _ in made}

    def is_made(part: SchemaPart, table: str, name: str) -> bool:
        if (SchemaPart.TABLE, table, "") not in made:
            return False
        if part in (SchemaPart.COLUMN, SchemaPart.CHECK):
            # A server checks JSON columns under their own names.
            return (SchemaPart.COLUMN, table, name) in made
        if part is SchemaPart.INDEX and any(index.name == name for index in _table(table).indexes):
            return name in names or index_name("sqlite", table, name) in names
        return True

    return {key: text for key, text in wanted.items() if is_made(*key)}


def _table(name: str) -> sa.Table[Any]:
    known = {**metadata.tables, **journal_metadata.tables}
    return known[name]


def _describe(table: sa.Table[Any], dialect: Dialect, wanted: Snapshot) -> None:
    name = table.name
    is_mariadb = getattr(dialect, "is_mariadb", False)
    wanted[SchemaPart.TABLE, name, ""] = f"InnoDB, {TABLE_COLLATION}"
    for column in table.columns:
        wanted[SchemaPart.COLUMN, name, column.name] = _column(table, column, dialect)
        if is_mariadb and isinstance(column.type, sa.JSON):
            check = plain_check(f"json_valid(`{column.name}`)")
            wanted[SchemaPart.CHECK, name, column.name] = check
    primary = [column.name for column in table.primary_key.columns]
    wanted[SchemaPart.INDEX, name, "PRIMARY"] = index_text(primary, unique=True)
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint):
            columns = [column.name for column in constraint.columns]
            wanted[SchemaPart.INDEX, name, str(constraint.name)] = index_text(columns, unique=True)
    for key in _references(table):
        label = ", ".join(key.column_keys)
        wanted[SchemaPart.FOREIGN_KEY, name, label] = reference_text(
            key.referred_table.name,
            [element.column.name for element in key.elements],
            key.ondelete,
            key.onupdate,
        )
    for index in table.indexes:
        # An index is declared once for a file and once for a server.
        condition = getattr(index, "_ddl_if", None)
        if condition is None or condition.dialect == dialect.name:
            kind = str(index.dialect_options["mysql"]["prefix"] or "").lower()
            columns = [column.name for column in index.columns]
            wanted[SchemaPart.INDEX, name, str(index.name)] = index_text(
                columns, unique=bool(index.unique), kind=kind
            )


def _references(table: sa.Table[Any]) -> list[sa.ForeignKeyConstraint]:
    return sorted(table.foreign_key_constraints, key=lambda key: str(key.name))


def _column(table: sa.Table[Any], column: sa.Column[Any], dialect: Dialect) -> str:
    declared, _, collation = column.type.compile(dialect=dialect).partition(" COLLATE ")
    kind = plain_type(declared)
    on_mariadb = getattr(dialect, "is_mariadb", False)
    kind = {
        "integer": "int",
        "bool": "tinyint(1)",
        "json": "longtext" if on_mariadb else "json",
    }.get(kind, kind)
    default = _default(column, dialect)
    updated = default is not None and "on update" in default.lower()
    if updated and default is not None:
        default = default.split()[0]
    if not collation and kind.startswith(_TEXTS):
        collation = TABLE_COLLATION
    return column_text(
        kind,
        nullable=bool(column.nullable),
        default=plain_default(default),
        updated=updated,
        counted=table.autoincrement_column is column and table.name == journal.name,
        collation=collation.strip('"`'),
    )


def _default(column: sa.Column[Any], dialect: Dialect) -> str | None:
    default = column.server_default
    if not isinstance(default, sa.DefaultClause):
        return None
    argument = default.arg
    return argument if isinstance(argument, str) else str(argument.compile(dialect=dialect))


def _compare(wanted: Snapshot, found: Snapshot) -> Iterator[DriftItem]:
    gone = {table for part, table, _ in wanted if part is SchemaPart.TABLE} - {
        table for part, table, _ in found if part is SchemaPart.TABLE
    }
    strange = {table for part, table, _ in found if part is SchemaPart.TABLE} - {
        table for part, table, _ in wanted if part is SchemaPart.TABLE
    }
    order = list(SchemaPart)
    keys = sorted({*wanted, *found}, key=lambda key: (key[1], order.index(key[0]), key[2]))
    for key in keys:
        part, table, name = key
        # Of a table that is missing or not ours, its parts say nothing new.
        if part is not SchemaPart.TABLE and table in gone | strange:
            continue
        if key not in found:
            yield DriftItem(DriftKind.MISSING, part, table, name, expected=wanted[key])
        elif key not in wanted:
            yield DriftItem(DriftKind.EXTRA, part, table, name, found=found[key])
        elif wanted[key] != found[key]:
            yield DriftItem(DriftKind.DIFFERENT, part, table, name, wanted[key], found[key])
