"""Column types that read and write the same values on SQLite, MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

# Texts compare byte by byte on every server, as they do on SQLite: two names are the same name or
# they are not, and an e-mail address that only looks like another one never signs in for it. Both
# collations exist on MySQL 8+ and on MariaDB 10.6+.
TABLE_COLLATION = "utf8mb4_bin"
# What people search in is compared as people read: without case, each emoji its own character.
SEARCH_COLLATION = "utf8mb4_unicode_520_ci"

TABLE_OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": TABLE_COLLATION,
}


class _SqliteTimestamp(sqlite.DATETIME):
    """Text as SQLite's own CURRENT_TIMESTAMP writes it, so that instants compare as text."""

    __visit_name__ = "TIMESTAMP"


class Instant(TypeDecorator[datetime]):
    """A TIMESTAMP: aware UTC on our side, whole seconds in the database."""

    impl = sa.TIMESTAMP
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """TIMESTAMP on a server, its text form on SQLite."""
        if dialect.name == "sqlite":
            # Whole seconds, also for a reader of the text.
            return dialect.type_descriptor(
                _SqliteTimestamp(truncate_microseconds=True)  # type: ignore[no-untyped-call]  # untyped there
            )
        return dialect.type_descriptor(sa.TIMESTAMP())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Naive UTC for the driver; a naive ``value`` is a programming error (ValueError)."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware UTC for us."""
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


class created_now(FunctionElement[datetime]):  # noqa: N801 (reads like the SQL function it is)
    """The default of ``created_at``."""

    inherit_cache = True


class updated_now(FunctionElement[datetime]):  # noqa: N801 (as above)
    """The default of ``updated_at``; on SQLite a trigger does the ON UPDATE half."""

    inherit_cache = True


@compiles(created_now)
def _created_now(element: created_now, compiler: SQLCompiler, **_: Any) -> str:
    del element, compiler
    return "CURRENT_TIMESTAMP"


@compiles(updated_now)
def _updated_now(element: updated_now, compiler: SQLCompiler, **_: Any) -> str:
    del element
    on_update = "" if compiler.dialect.name == "sqlite" else " ON UPDATE CURRENT_TIMESTAMP"
    return f"CURRENT_TIMESTAMP{on_update}"


def one_of(name: str, values: Sequence[str]) -> sa.Enum:
    """ENUM on a server; on SQLite a text with the CHECK constraint ``name``."""
    return sa.Enum(*values, name=name, create_constraint=True)


def json_document() -> sa.JSON[Any]:
    """JSON in which None is NULL, not the document ``null``."""
    return sa.JSON(none_as_null=True)


def search_text(length: int) -> sa.types.TypeEngine[str]:
    """VARCHAR in the collation that searching uses."""
    return sa.VARCHAR(length).with_variant(sa.VARCHAR(length, SEARCH_COLLATION), "mysql")
