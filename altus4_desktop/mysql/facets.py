"""Counting what the rows of a search have in common, on their server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from altus4_desktop.domain.searching import Value
from altus4_desktop.mysql.quoting import quote, quote_table
from altus4_desktop.mysql.session import TenantSession
from altus4_desktop.mysql.whole import WholeSearch, whole_rows


def count_found(session: TenantSession, search: WholeSearch, *, most: int, timeout_s: float) -> int:
    """How many rows ``search`` finds, up to ``most``; raises `TenantError` or `Cancelled`."""
    found, values = whole_rows(search)
    source = quote_table(search.database, search.table.name)
    sql = f"SELECT COUNT(*) FROM (SELECT 1 FROM {source} WHERE {found} LIMIT %s) AS found"
    rows = session.query(sql, [*values, most], timeout_s=timeout_s, tag=search.search_id)
    return int(rows[0][0])


def count_values(
    session: TenantSession,
    search: WholeSearch,
    column: str,
    *,
    months: bool,
    most: int,
    groups: int,
    timeout_s: float,
) -> list[tuple[Value, int]]:
    """How many rows of ``search`` have each value of ``column``, the most frequent first, or each
    month of it; among ``most`` rows, up to ``groups`` values. Raises as `count_found`."""
    found, values = whole_rows(search)
    source = quote_table(search.database, search.table.name)
    cell = f"LEFT({quote(column)}, 7)" if months else quote(column)
    sql = (
        "SELECT altus4_value, COUNT(*) AS altus4_count FROM"
        f" (SELECT {cell} AS altus4_value FROM {source} WHERE {found} LIMIT %s) AS found"
        " GROUP BY altus4_value ORDER BY altus4_count DESC, altus4_value LIMIT %s"
    )
    rows = session.query(sql, [*values, most, groups], timeout_s=timeout_s, tag=search.search_id)
    return [(row[0], int(row[1])) for row in rows]


def sample_found(
    session: TenantSession,
    search: WholeSearch,
    columns: Sequence[str],
    *,
    limit: int,
    timeout_s: float,
) -> list[Mapping[str, Value]]:
    """``columns`` of some rows that ``search`` finds; raises as `count_found`."""
    found, values = whole_rows(search)
    source = quote_table(search.database, search.table.name)
    named = ", ".join(map(quote, columns))
    sql = f"SELECT {named} FROM {source} WHERE {found} LIMIT %s"
    rows = session.query(sql, [*values, limit], timeout_s=timeout_s, tag=search.search_id)
    return [dict(zip(columns, row, strict=True)) for row in rows]
