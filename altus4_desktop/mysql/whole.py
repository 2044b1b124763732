"""Every row that the FULLTEXT indexes of one table find, each once, whole, as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from altus4_desktop.domain.filtering import Condition
from altus4_desktop.domain.schema import FulltextIndex, TableInfo
from altus4_desktop.mysql.conditions import where
from altus4_desktop.mysql.fulltext import IndexSearch, best_score, match_text
from altus4_desktop.mysql.quoting import quote, quote_table
from altus4_desktop.mysql.session import TenantSession
from altus4_desktop.mysql.stream import RowStream


@dataclass(frozen=True, slots=True)
class WholeSearch:
    """Every row that ``index`` finds and none of ``others`` does; cells are not cut.

    Only rows that pass ``conditions``. ``threshold`` is the share of its index's best score that a
    row must reach to be found; ``least_scores`` are the scores that makes, by index.
    """

    search_id: str
    database: str
    table: TableInfo
    index: FulltextIndex
    others: tuple[FulltextIndex, ...]
    query: str
    boolean: bool
    conditions: tuple[Condition, ...] = ()
    threshold: float = 0.0
    least_scores: tuple[float, ...] = ()


@contextmanager
def open_whole_search(session: TenantSession, search: WholeSearch) -> Iterator[RowStream]:
    """The table's columns in their order and the score, row by row, in the server's own order.

    Sorting them would have the server write a copy of a result that may be most of the table.
    Raises what `TenantSession.stream` raises.
    """
    sql, params = whole_statement(with_least_scores(session, search))
    with session.stream(sql, params, tag=search.search_id) as rows:
        yield rows


def with_least_scores(
    session: TenantSession, search: WholeSearch, *, timeout_s: float | None = None
) -> WholeSearch:
    """``search`` with the scores that its threshold asks for; raises `TenantError` or
    `Cancelled`."""
    if not search.threshold or search.least_scores:
        return search
    least = []
    for index in (search.index, *search.others):
        asked = IndexSearch(
            search_id=search.search_id,
            database=search.database,
            table=search.table,
            index=index,
            query=search.query,
            boolean=search.boolean,
            limit=1,
            conditions=search.conditions,
        )
        best = best_score(session, asked, timeout_s=timeout_s)
        least.append(least_score(best, search.threshold))
    return replace(search, least_scores=tuple(least))


def least_score(best: float, threshold: float) -> float:
    """The score that is ``threshold`` of ``best``, a hair less for what printing it loses."""
    return best * threshold * (1 - 1e-9)


def whole_statement(search: WholeSearch) -> tuple[str, list[Any]]:
    """The statement's template and its values."""
    columns = ", ".join(quote(column.name) for column in search.table.columns)
    score = match_text(search.index, boolean=search.boolean)
    found, values = whole_rows(search)
    sql = (
        f"SELECT {columns}, {score} AS altus4_score"
        f" FROM {quote_table(search.database, search.table.name)} WHERE {found}"
    )
    return sql, [search.query, *values]


def whole_rows(search: WholeSearch) -> tuple[str, list[Any]]:
    """What WHERE says of the rows of ``search``, and its values."""
    tests: list[str] = []
    values: list[Any] = []
    for place, index in enumerate((search.index, *search.others)):
        match = match_text(index, boolean=search.boolean)
        test, least = match, search.least_scores[place] if search.least_scores else 0.0
        values.append(search.query)
        if least:
            test = f"{match} AND {match} >= %s"
            values += [search.query, least]
        if place:
            test = f"NOT ({test})" if least else f"NOT {test}"
        tests.append(test)
    narrowed, bound = where(search.conditions)
    return " AND ".join(tests) + narrowed, [*values, *bound]
