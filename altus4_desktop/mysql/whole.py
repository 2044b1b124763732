"""Every row that the FULLTEXT indexes of one table find, each once, whole, as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from altus4_desktop.domain.schema import FulltextIndex, TableInfo
from altus4_desktop.mysql.quoting import quote, quote_table
from altus4_desktop.mysql.session import TenantSession
from altus4_desktop.mysql.stream import RowStream


@dataclass(frozen=True, slots=True)
class WholeSearch:
    """Every row that ``index`` finds and none of ``others`` does; cells are not cut."""

    search_id: str
    database: str
    table: TableInfo
    index: FulltextIndex
    others: tuple[FulltextIndex, ...]
    query: str
    boolean: bool


@contextmanager
def open_whole_search(session: TenantSession, search: WholeSearch) -> Iterator[RowStream]:
    """The table's columns in their order and the score, row by row, in the server's own order.

    Sorting them would have the server write a copy of a result that may be most of the table.
    Raises what `TenantSession.stream` raises.
    """
    sql, params = whole_statement(search)
    with session.stream(sql, params, tag=search.search_id) as rows:
        yield rows


def whole_statement(search: WholeSearch) -> tuple[str, list[str]]:
    """The statement's template and its values."""
    columns = ", ".join(quote(column.name) for column in search.table.columns)
    score = _match(search.index, boolean=search.boolean)
    found = [score, *(f"NOT {_match(other, boolean=search.boolean)}" for other in search.others)]
    sql = (
        f"SELECT {columns}, {score} AS altus4_score"
        f" FROM {quote_table(search.database, search.table.name)} WHERE {' AND '.join(found)}"
    )
    return sql, [search.query] * (len(found) + 1)


def _match(index: FulltextIndex, *, boolean: bool) -> str:
    mode = " IN BOOLEAN MODE" if boolean else ""
    return f"MATCH ({', '.join(map(quote, index.columns))}) AGAINST (%s{mode})"
