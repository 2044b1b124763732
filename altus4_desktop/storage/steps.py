"""What revisions are made of: each statement looks first whether it is still to be done.

A server commits every DDL statement by itself; a revision that was killed on the way is simply run
again. On paper (``migrate sql``) nothing can be looked at and everything is printed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from altus4_desktop.storage.audit_guards import guard_triggers
from altus4_desktop.storage.sqlite_objects import (
    drop_update_trigger,
    fulltext_objects,
    index_name,
    update_trigger,
)
from altus4_desktop.storage.types import TABLE_OPTIONS

_LOG = logging.getLogger(__name__)
# Without the privilege TRIGGER, or with a binary log that trusts only SUPER.
_NO_TRIGGERS = frozenset({1044, 1142, 1227, 1419})
_ROW_TOO_LARGE = 1118


def create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    """CREATE TABLE unless it is there."""
    if not _has_table(name, assume=False):
        op.create_table(name, *parts, **TABLE_OPTIONS)


def drop_table(name: str) -> None:
    """DROP TABLE if it is there."""
    if _has_table(name, assume=True):
        op.drop_table(name)


def insert_missing(table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """INSERT the row with ``key`` unless it is there."""
    columns = {**key, **values}
    # On paper a value is written out, for which its type has to be known.
    target = sa.table(
        table, *(sa.column(name, sa.literal(value).type) for name, value in columns.items())
    )
    missing = context.is_offline_mode()
    if not missing:
        same = [target.c[name] == value for name, value in key.items()]
        missing = op.get_bind().execute(sa.select(target).where(*same)).first() is None
    if missing:
        op.bulk_insert(target, [columns])


def guard_audit_log() -> None:
    """The triggers that keep the audit log as it is, unless they are there.

    A server's account that may not make triggers goes without; verifying the log says so.
    """
    for name, statement in guard_triggers(_dialect()).items():
        if context.is_offline_mode():
            op.execute(statement)
        elif _dialect() == "sqlite":
            if not _has_object(name, assume=False):
                op.execute(statement)
        elif not _has_trigger(name):
            try:
                op.execute(statement)
            except sa.exc.DBAPIError as error:
                if not error.orig or error.orig.args[0] not in _NO_TRIGGERS:
                    raise
                _LOG.info("no trigger “%s”: %s", name, error.orig)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """ADD COLUMN unless it is there."""
    if not _has_column(table, column.name, assume=False):
        _alter(table, partial(op.add_column, table, column))


def drop_column(table: str, column: str) -> None:
    """DROP COLUMN if it is there."""
    if _has_column(table, column, assume=True):
        _alter(table, partial(op.drop_column, table, column))


def _alter(table: str, alter: Callable[[], object]) -> None:
    """Change the columns of ``table``.

    MariaDB drops a column at once and leaves its place in every row. A store that was taken back
    and forth some thirty times has no place for another one until the table is built anew.
    """
    try:
        alter()
    except sa.exc.OperationalError as error:
        if not error.orig or error.orig.args[0] != _ROW_TOO_LARGE:
            raise
        quoted = op.get_context().dialect.identifier_preparer.quote(table)
        op.execute(f"ALTER TABLE {quoted} FORCE")
        alter()


def create_index(table: str, name: str, columns: Sequence[str], *, online: bool = False) -> None:
    """CREATE INDEX unless it is there; ``online``: without stopping a server's other users."""
    actual = index_name(_dialect(), table, name)
    if _has_index(table, actual, assume=False):
        return
    if online and _dialect() != "sqlite":
        quoted = op.get_context().dialect.identifier_preparer.quote
        listed = ", ".join(quoted(column) for column in columns)
        op.execute(
            f"CREATE INDEX {quoted(actual)} ON {quoted(table)} ({listed})"
            " ALGORITHM=INPLACE LOCK=NONE"
        )
    else:
        op.create_index(actual, table, list(columns))


def drop_index(table: str, name: str) -> None:
    """DROP INDEX if it is there."""
    actual = index_name(_dialect(), table, name)
    if _has_index(table, actual, assume=True):
        op.drop_index(actual, table)


def create_fulltext_index(table: str, name: str, column: str) -> None:
    """A FULLTEXT index, or the FTS5 table and triggers that stand for it, unless it is there."""
    if _dialect() == "sqlite":
        for part, statement in fulltext_objects(name, table, column).items():
            if not _has_object(part, assume=False):
                op.execute(statement)
    elif not _has_index(table, name, assume=False):
        op.create_index(name, table, [column], mysql_prefix="FULLTEXT")


def drop_fulltext_index(table: str, name: str, column: str) -> None:
    """Undo `create_fulltext_index`."""
    if _dialect() == "sqlite":
        for part in reversed(fulltext_objects(name, table, column)):
            kind = "TABLE" if part == name else "TRIGGER"
            op.execute(f'DROP {kind} IF EXISTS "{part}"')
    elif _has_index(table, name, assume=True):
        op.drop_index(name, table)


def keep_updated_at(table: str, columns: Sequence[str]) -> None:
    """On SQLite, (re)make the trigger that moves ``updated_at`` when one of ``columns`` changes."""
    forget_updated_at(table)
    if _dialect() == "sqlite":
        op.execute(update_trigger(table, columns))


def forget_updated_at(table: str) -> None:
    """On SQLite, drop the trigger of `keep_updated_at`: it names columns that are to go."""
    if _dialect() == "sqlite":
        op.execute(drop_update_trigger(table))


def _dialect() -> str:
    return op.get_context().dialect.name


def _inspector() -> sa.Inspector | None:
    return None if context.is_offline_mode() else sa.inspect(op.get_bind())


def _has_table(name: str, *, assume: bool) -> bool:
    inspector = _inspector()
    return assume if inspector is None else inspector.has_table(name)


def _has_column(table: str, column: str, *, assume: bool) -> bool:
    inspector = _inspector()
    if inspector is None:
        return assume
    return inspector.has_table(table) and any(
        found["name"] == column for found in inspector.get_columns(table)
    )


def _has_index(table: str, name: str, *, assume: bool) -> bool:
    inspector = _inspector()
    if inspector is None:
        return assume
    return inspector.has_table(table) and inspector.has_index(table, name)


def _has_trigger(name: str) -> bool:
    found = op.get_bind().execute(
        sa.text(
            "SELECT 1 FROM information_schema.TRIGGERS"
            " WHERE TRIGGER_SCHEMA = DATABASE() AND TRIGGER_NAME = :name"
        ),
        {"name": name},
    )
    return found.first() is not None


def _has_object(name: str, *, assume: bool) -> bool:
    if context.is_offline_mode():
        return assume
    found = op.get_bind().execute(
        sa.text("SELECT 1 FROM sqlite_master WHERE name = :name"), {"name": name}
    )
    return found.first() is not None
