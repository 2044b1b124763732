"""What ranking needs to know of a table: how many rows, what they say, how many match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from altus4_desktop.domain.schema import FulltextIndex, TableInfo
from altus4_desktop.mysql.quoting import quote, quote_table
from altus4_desktop.mysql.session import TenantSession

_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})


@dataclass(frozen=True, slots=True)
class SampledRow:
    """The key (empty without a usable one) and the cells of one row, cut."""

    key: tuple[object, ...]
    cells: tuple[str, ...]


def count_rows(session: TenantSession, table: TableInfo, *, timeout_s: float, tag: str) -> int:
    """How many rows ``table`` has now; raises `TenantError` or `Cancelled`."""
    source = quote_table(session.target.database, table.name)
    sql = f"SELECT COUNT(*) FROM {source}"
    return int(session.query(sql, timeout_s=timeout_s, tag=tag)[0][0])


def count_matches(
    session: TenantSession,
    table: TableInfo,
    index: FulltextIndex,
    query: str,
    *,
    timeout_s: float,
    tag: str,
) -> int:
    """How many rows of ``index`` match ``query`` in boolean mode; raises as `count_rows`.

    Written so that InnoDB counts in the index and reads no row.
    """
    source = quote_table(session.target.database, table.name)
    match = f"MATCH ({', '.join(map(quote, index.columns))}) AGAINST (%s IN BOOLEAN MODE)"
    sql = f"SELECT COUNT(*) FROM {source} WHERE {match}"
    return int(session.query(sql, (query,), timeout_s=timeout_s, tag=tag)[0][0])


def key_range(
    session: TenantSession, table: TableInfo, *, timeout_s: float, tag: str
) -> tuple[int, int] | None:
    """The smallest and greatest key; None for an empty table and for a key that is no number.

    Raises as `count_rows`.
    """
    kinds = {column.name: column.data_type for column in table.columns}
    if len(table.key) != 1 or kinds.get(table.key[0]) not in _INTEGERS:
        return None
    source, key = quote_table(session.target.database, table.name), quote(table.key[0])
    sql = f"SELECT MIN({key}), MAX({key}) FROM {source}"
    least, most = session.query(sql, timeout_s=timeout_s, tag=tag)[0]
    return None if least is None else (int(least), int(most))


def read_sample(
    session: TenantSession,
    table: TableInfo,
    columns: Sequence[str],
    *,
    start: int | None,
    limit: int,
    cell_limit: int,
    timeout_s: float,
    tag: str,
    backwards: bool = False,
) -> list[SampledRow]:
    """``limit`` rows in key order from key ``start`` on, or ``backwards`` from it (None: whichever
    come first), each cell cut to ``cell_limit`` characters; raises as `count_rows`."""
    source = quote_table(session.target.database, table.name)
    cells = ", ".join(f"LEFT({quote(name)}, {cell_limit:d})" for name in columns)
    keys = [quote(name) for name in table.key]
    where, params = "", [limit]
    if start is not None:
        beyond, order = ("<=", " DESC") if backwards else (">=", "")
        where = f" WHERE {keys[0]} {beyond} %s ORDER BY {keys[0]}{order}"
        params = [start, limit]
    sql = f"SELECT {', '.join([*keys, cells])} FROM {source}{where} LIMIT %s"
    width = len(keys)
    return [
        SampledRow(tuple(row[:width]), tuple(str(cell or "") for cell in row[width:]))
        for row in session.query(sql, params, timeout_s=timeout_s, tag=tag)
    ]
