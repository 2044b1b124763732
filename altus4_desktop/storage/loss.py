"""What going back would take away: counted before anybody agrees to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.revisions import LossItem, SchemaPart
from altus4_desktop.storage.drift import schema_at
from altus4_desktop.storage.live_schema import VIRTUAL, Snapshot
from altus4_desktop.storage.tables import metadata


def count_loss(
    connection: sa.Connection, current: str | None, target: str | None, scripts: Path
) -> tuple[LossItem, ...]:
    """Rows of the tables and values of the columns that ``target`` does not have; reads only.

    A value that is the column's default is none that is lost.
    """
    before, after = schema_at(current, scripts), schema_at(target, scripts)
    items = [*_lost_tables(connection, before, after), *_lost_columns(connection, before, after)]
    return tuple(item for item in items if item.count)


def _lost_tables(
    connection: sa.Connection, before: Snapshot, after: Snapshot
) -> Iterator[LossItem]:
    live = set(sa.inspect(connection).get_table_names())
    for key, text in before.items():
        part, table, _ = key
        # A virtual table holds nothing of its own.
        if part is SchemaPart.TABLE and key not in after and text != VIRTUAL and table in live:
            yield LossItem(table, "", _count(connection, sa.table(table)))


def _lost_columns(
    connection: sa.Connection, before: Snapshot, after: Snapshot
) -> Iterator[LossItem]:
    inspector = sa.inspect(connection)
    live: dict[str, set[str]] = {}
    for key in before:
        part, table, name = key
        if part is not SchemaPart.COLUMN or key in after:
            continue
        if (SchemaPart.TABLE, table, "") not in after or not inspector.has_table(table):
            continue
        if table not in live:
            live[table] = {str(column["name"]) for column in inspector.get_columns(table)}
        if name in live[table]:
            yield LossItem(table, name, _count_values(connection, table, name))


def _count_values(connection: sa.Connection, table: str, name: str) -> int:
    column: sa.ColumnClause[Any] = sa.column(name)
    conditions: list[sa.ColumnElement[bool]] = [column.is_not(None)]
    known = metadata.tables.get(table)
    declared = known.columns.get(name) if known is not None else None
    default = declared.server_default if declared is not None else None
    if isinstance(default, sa.DefaultClause) and isinstance(default.arg, str):
        conditions.append(column != default.arg)
    return _count(connection, sa.table(table, column), *conditions)


def _count(
    connection: sa.Connection, table: sa.TableClause, *conditions: sa.ColumnElement[bool]
) -> int:
    statement = sa.select(sa.func.count()).select_from(table).where(*conditions)
    return int(connection.execute(statement).scalar() or 0)
