"""Identifiers in SQL text, quoted by SQLAlchemy's own rules."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import IdentifierPreparer


def quote(name: str) -> str:
    """``name`` as an identifier in a statement's template, where ``%`` is doubled."""
    return _preparer().quote_identifier(name)


def quote_table(database: str, table: str) -> str:
    """``database.table`` as identifiers, as `quote`."""
    return f"{quote(database)}.{quote(table)}"


@cache
def _preparer() -> IdentifierPreparer:
    from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

    return MySQLDialect_pymysql().identifier_preparer
