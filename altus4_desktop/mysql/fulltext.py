"""One FULLTEXT index, one statement: the best rows, cells cut to a preview, in a fixed order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import NotFoundError, TenantError
from altus4_desktop.domain.explaining import StatementPlan
from altus4_desktop.domain.filtering import Condition, SortColumn
from altus4_desktop.domain.schema import ColumnInfo, FulltextIndex, TableInfo
from altus4_desktop.domain.searching import Value
from altus4_desktop.mysql.conditions import order_terms, where
from altus4_desktop.mysql.quoting import quote, quote_table
from altus4_desktop.mysql.session import TenantSession

_UNBOUNDED = frozenset({"text", "mediumtext", "longtext", "json", "blob", "mediumblob", "longblob"})
_BOUNDED = frozenset({"varchar", "char", "varbinary", "binary", "tinytext", "tinyblob"})
_BINARY = frozenset({"blob", "mediumblob", "longblob", "tinyblob", "varbinary", "binary"})
_TINY_LENGTH = 255
_LENGTH = re.compile(r"\((\d+)\)")
# A syntax error, an unknown format, a format that a version does not have yet.
_NO_TREE = (1064, 1791, 1235)
# Rows of a table without a key can only be told apart by what they say.
_ORDER_PREFIX_CHARS = 100


@dataclass(frozen=True, slots=True)
class IndexSearch:
    """What to ask of one FULLTEXT index; ``cell_limit`` counts characters (bytes of binary).

    Only rows that pass ``conditions`` and score ``least_score`` or more; ``order`` None is by
    relevance.
    """

    search_id: str
    database: str
    table: TableInfo
    index: FulltextIndex
    query: str
    boolean: bool
    limit: int
    offset: int = 0
    cell_limit: int = 4096
    conditions: tuple[Condition, ...] = ()
    order: SortColumn | None = None
    least_score: float = 0.0


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A row as the index ranked it; ``truncated`` maps a cut column to its full length."""

    key: Mapping[str, Value]
    columns: Mapping[str, Value]
    score: float
    truncated: Mapping[str, int] = field(default_factory=dict)


def run_index_search(
    session: TenantSession, search: IndexSearch, *, timeout_s: float | None = None
) -> list[IndexRow]:
    """The rows of one page, best first, equal scores in key order; raises `TenantError` or
    `Cancelled`."""
    sql, params = _build(search)
    rows = session.query(sql, params, timeout_s=timeout_s, tag=search.search_id)
    names = [column.name for column in search.table.columns]
    width = len(names)
    cut = [column.name for column in search.table.columns if _is_cut(column, search)]
    key_names = search.table.key
    found = []
    for row in rows:
        columns = dict(zip(names, row, strict=False))
        found.append(
            IndexRow(
                {name: columns[name] for name in key_names},
                columns,
                row[-1],
                _find_truncated(cut, row[width:-1], search.cell_limit) if cut else {},
            )
        )
    return found


def statement_text(search: IndexSearch) -> str:
    """The statement with its values, as a person may copy it."""
    sql, params = _build(search)
    return sql % tuple(_literal(value) for value in params)


def explain_index_search(
    session: TenantSession, search: IndexSearch, *, timeout_s: float | None = None
) -> StatementPlan:
    """What the server says it would do for ``search``; nothing is run.

    Raises `TenantError` or `Cancelled`.
    """
    sql, params = _build(search)
    draws = session.flavour is Flavour.MYSQL
    # What a bare EXPLAIN answers there is a matter of a variable.
    asked = "EXPLAIN FORMAT=TRADITIONAL" if draws else "EXPLAIN"
    rows = session.query(f"{asked} {sql}", params, timeout_s=timeout_s)
    columns, tree = session.columns, ""
    if draws:
        try:
            drawn = session.query(f"EXPLAIN FORMAT=TREE {sql}", params, timeout_s=timeout_s)
            tree = str(drawn[0][0]) if drawn else ""
        except TenantError as error:
            # MySQL before 8.0.16 draws no trees.
            if error.server_code not in _NO_TREE:
                raise
    return StatementPlan(columns, tuple(rows), tree)


def read_row(
    session: TenantSession,
    database: str,
    table: TableInfo,
    key: Mapping[str, Value],
    *,
    timeout_s: float | None = None,
) -> Mapping[str, Value]:
    """Every column of one row, uncut; raises `NotFoundError` when it is no longer there."""
    if not table.key or set(table.key) != set(key):
        raise NotFoundError(
            "The rows of “{table}” have no key to find them by.", details={"table": table.name}
        )
    condition = " AND ".join(f"{quote(name)} = %s" for name in table.key)
    columns = ", ".join(quote(column.name) for column in table.columns)
    rows = session.query(
        f"SELECT {columns} FROM {quote_table(database, table.name)} WHERE {condition} LIMIT 1",
        [key[name] for name in table.key],
        timeout_s=timeout_s,
    )
    if not rows:
        raise NotFoundError(
            "This row is no longer in “{table}”.",
            hint="It was changed or removed since the search; search again.",
            details={"table": table.name},
        )
    return dict(zip((column.name for column in table.columns), rows[0], strict=True))


def _build(search: IndexSearch) -> tuple[str, Sequence[Any]]:
    """The statement's template and its values.

    With a key the rows are ranked by key first and fetched afterwards: the server then sorts narrow
    rows and cuts only the cells that are shown. Wide rows gain a factor of three on MariaDB by it
    and lose nothing on MySQL.
    """
    source = quote_table(search.database, search.table.name)
    match = match_text(search.index, boolean=search.boolean)
    found, values = found_rows(search)
    values = [search.query, *values, search.limit, search.offset]
    if not search.table.key:
        order = ", ".join(
            f"LEFT(t.{quote(name)}, {_ORDER_PREFIX_CHARS})" for name in search.index.columns
        )
        first = order_terms(search.order, "t") if search.order else "altus4_score DESC"
        sql = (
            f"SELECT {_select_list(search)}, {match} AS altus4_score FROM {source} AS t"
            f" WHERE {found} ORDER BY {first}, {order} LIMIT %s OFFSET %s"
        )
        return sql, values
    key = [quote(name) for name in search.table.key]
    named = ", ".join(f"{name} AS altus4_key{at}" for at, name in enumerate(key))
    joined = " AND ".join(f"t.{name} = ranked.altus4_key{at}" for at, name in enumerate(key))
    ordered = ", ".join(f"ranked.altus4_key{at}" for at in range(len(key)))
    first = order_terms(search.order) if search.order else "altus4_score DESC"
    then = order_terms(search.order, "t") if search.order else "ranked.altus4_score DESC"
    sql = (
        f"SELECT {_select_list(search)}, ranked.altus4_score"
        f" FROM (SELECT {named}, {match} AS altus4_score FROM {source} WHERE {found}"
        f" ORDER BY {first}, {', '.join(key)} LIMIT %s OFFSET %s) AS ranked"
        f" JOIN {source} AS t ON {joined}"
        f" ORDER BY {then}, {ordered}"
    )
    return sql, values


def match_text(index: FulltextIndex, *, boolean: bool) -> str:
    """The MATCH of ``index``, with a place for the query."""
    mode = " IN BOOLEAN MODE" if boolean else ""
    return f"MATCH ({', '.join(map(quote, index.columns))}) AGAINST (%s{mode})"


def found_rows(search: IndexSearch) -> tuple[str, list[Any]]:
    """What WHERE says of the rows that ``search`` finds, and its values."""
    match = match_text(search.index, boolean=search.boolean)
    narrowed, values = where(search.conditions)
    if not search.least_score:
        return f"{match}{narrowed}", [search.query, *values]
    return (
        f"{match} AND {match} >= %s{narrowed}",
        [search.query, search.query, search.least_score, *values],
    )


def best_score(
    session: TenantSession, search: IndexSearch, *, timeout_s: float | None = None
) -> float:
    """The best score of the rows that ``search`` finds, 0 without any; raises `TenantError` or
    `Cancelled`."""
    match = match_text(search.index, boolean=search.boolean)
    found, values = found_rows(search)
    source = quote_table(search.database, search.table.name)
    sql = (
        f"SELECT {match} AS altus4_score FROM {source} WHERE {found}"
        " ORDER BY altus4_score DESC LIMIT 1"
    )
    rows = session.query(sql, [search.query, *values], timeout_s=timeout_s, tag=search.search_id)
    return float(rows[0][0]) if rows else 0.0


def _select_list(search: IndexSearch) -> str:
    cells, lengths = [], []
    for column in search.table.columns:
        name = f"t.{quote(column.name)}"
        if not _is_cut(column, search):
            cells.append(name)
            continue
        cells.append(f"LEFT({name}, {search.cell_limit:d})")
        count = "LENGTH" if column.data_type in _BINARY else "CHAR_LENGTH"
        lengths.append(f"{count}({name})")
    return ", ".join([*cells, *lengths])


def _is_cut(column: ColumnInfo, search: IndexSearch) -> bool:
    """Whether a cell of ``column`` may be longer than a preview; a key is never cut."""
    if column.name in search.table.key:
        return False
    if column.data_type in _UNBOUNDED:
        return True
    if column.data_type not in _BOUNDED:
        return False
    length = _LENGTH.search(column.type)
    return (int(length[1]) if length else _TINY_LENGTH) > search.cell_limit


def _find_truncated(
    names: Sequence[str], lengths: Sequence[int | None], limit: int
) -> dict[str, int]:
    return {
        name: length
        for name, length in zip(names, lengths, strict=True)
        if length is not None and length > limit
    }


def _literal(value: object) -> str:
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if not isinstance(value, str):
        return str(value)
    from pymysql.converters import escape_string

    return f"'{escape_string(value)}'"
