"""The statements that read a user's searches for counting, for each kind of store.

Seconds and days are counted from 1970, those of days by the user's clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.local_days import Span, instant_of
from altus4_desktop.storage.tables import searches

Fact = tuple[int, str, str, str, int, int]
"""Of a search its second, id, query, what it told of itself, milliseconds, results. Told are its
mode and, after a blank, a JSON array: outcome, offset, connections, id of the API key, cause. There
are few such texts: each is read once."""

_MODE = "COALESCE(search_mode, 'natural')"
_TOLD = [f"'$.{name}'" for name in ("outcome", "offset", "connections", "api_key", "cause")]
# SQLite reads a document once for all five.
_TOLD_IN_FILE = (
    f"{_MODE} || ' ' || CASE WHEN json_valid(search_params)"
    f" THEN json_extract(search_params, {', '.join(_TOLD)})"
    " ELSE '[null,null,null,null,null]' END"
)
# A server takes longer to make an array and write it than to write what is in it.
_TOLD_ON_SERVER = "CONCAT({mode}, ' [', {cells}, ']')".format(
    mode=_MODE,
    cells=", ',', ".join(
        f"COALESCE(JSON_EXTRACT(search_params, {path}), 'null')" for path in _TOLD
    ),
)
# No server holds a larger number; in a file another program may have left any, or a text.
_MOST = 2_147_483_647
_MS_IN_FILE = f"MAX(0, MIN(CAST(execution_time_ms AS INTEGER), {_MOST}))"
_RESULTS_IN_FILE = f"MIN(CAST(result_count AS INTEGER), {_MOST})"
_HITS_IN_FILE = f"MAX(0, {_RESULTS_IN_FILE})"
_MS_ON_SERVER = "CASE WHEN execution_time_ms < 0 THEN 0 ELSE execution_time_ms END"
_HITS_ON_SERVER = "CASE WHEN result_count < 0 THEN 0 ELSE result_count END"
_SECOND_IN_FILE = "CAST(strftime('%s', created_at) AS INTEGER)"
_SECOND_ON_SERVER = "UNIX_TIMESTAMP(created_at)"
_FACTS_IN_FILE = (
    f"{_SECOND_IN_FILE}, id, CAST(query AS TEXT), {_TOLD_IN_FILE}, {_MS_IN_FILE},"
    f" {_RESULTS_IN_FILE}"
)
# As one text: the driver takes several times as long over a cell as Python over cutting. JSON has
# no tabs of its own, and a query, which may have some, comes last.
_FACTS_ON_SERVER = (
    f"CONCAT_WS('\t', {_SECOND_ON_SERVER}, {_MS_ON_SERVER}, result_count, {_TOLD_ON_SERVER},"
    " id, query)"
)
# A server that guesses wrong reads all that the user ever searched, for each few days anew.
_FROM_SERVER = "searches FORCE INDEX (idx_searches_user_created)"
_IDS_AT_ONCE = 500
_FIRST_AT, _LAST_AT = datetime(1970, 1, 3, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_OF_USER = "user_id = :user_id AND created_at >= :begins_at AND created_at < :ends_at"


def read_facts(
    connection: sa.Connection, on_file: bool, user_id: str, begins: int, ends: int
) -> list[Fact]:
    """The user's searches from the second ``begins`` to before ``ends``, by second and id."""
    facts, source = (_FACTS_IN_FILE, "searches") if on_file else (_FACTS_ON_SERVER, _FROM_SERVER)
    statement = _bound(f"SELECT {facts} FROM {source} WHERE {_OF_USER}", user_id, begins, ends)
    answer = connection.execute(statement)
    # Straight from the driver: rows of SQLAlchemy's own cost as much as reading them.
    rows = answer.cursor.fetchall()
    answer.close()
    if on_file:
        return sorted([row for row in rows if row[0] is not None])
    return sorted(map(_cut, rows))


def _cut(row: tuple[str]) -> Fact:
    second, ms, results, told, search_id, query = row[0].split("\t", 5)
    return int(second), search_id, query, told, int(ms), int(results)


def read_failures(
    connection: sa.Connection, ids: Sequence[str]
) -> dict[str, list[tuple[str, str, str]]]:
    """Of each of these searches the sources that failed: connection, table, code of the error."""
    c = searches.c
    found: dict[str, list[tuple[str, str, str]]] = {}
    for at in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[at : at + _IDS_AT_ONCE]
        statement = sa.select(c.id, c.search_params).where(c.id.in_(some))
        for search_id, params in connection.execute(statement):
            sources = (params or {}).get("sources")
            found[search_id] = [
                (_text(source, "connection"), _text(source, "table"), _text(source, "error"))
                for source in (sources if isinstance(sources, list) else ())
                if isinstance(source, dict) and _text(source, "error")
            ]
    return found


def _text(source: Mapping[str, Any], name: str) -> str:
    """Other programs may have written anything."""
    value = source.get(name)
    return value if isinstance(value, str) else ""


def days_statement(on_file: bool, user_id: str, spans: Sequence[Span]) -> sa.TextClause:
    """Of each day within ``spans`` that has searches: ``day, n``, sum of milliseconds, sum of
    results, how many took ``:slow_ms`` or longer."""
    div = "/" if on_file else "DIV"
    day = f"({epoch_text(on_file)} + {offset_text(spans)}) {div} 86400"
    source = "searches" if on_file else _FROM_SERVER
    ms, hits = (_MS_IN_FILE, _HITS_IN_FILE) if on_file else (_MS_ON_SERVER, _HITS_ON_SERVER)
    sums = f"COUNT(*) AS n, SUM({ms}), SUM({hits}), SUM({ms} >= :slow_ms)"
    statement = f"SELECT {day} AS d, {sums} FROM {source} WHERE {_OF_USER} GROUP BY d"
    return _bound_days(statement, user_id, spans)


def listed_statement(on_file: bool, user_id: str, spans: Sequence[Span]) -> sa.TextClause:
    """How many searches stand in each of two lists on each day: ``day, mark, n``."""
    div = "/" if on_file else "DIV"
    day = f"({epoch_text(on_file)} + {offset_text(spans)}) {div} 86400"
    statement = (
        f"SELECT {day} AS d, mark, COUNT(*) AS n FROM search_marks"
        f" WHERE mark IN (:failed, :slow) AND {_OF_USER} GROUP BY d, mark"
    )
    return _bound_days(statement, user_id, spans)


def _bound_days(statement: str, user_id: str, spans: Sequence[Span]) -> sa.TextClause:
    changes = {f"change_{at}": second_text(span.ends) for at, span in enumerate(spans[:-1])}
    return _bound(statement, user_id, spans[0].begins, spans[-1].ends, **changes)


def is_counted(on_file: bool, at: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether the instant ``at`` is within the years of which days are counted."""
    # Servers hold no others; in a file another program may have left year 9999, or no date at all.
    return at.between(_FIRST_AT, _LAST_AT) if on_file else sa.true()


def epoch_text(on_file: bool) -> str:
    """``created_at`` in seconds."""
    return _SECOND_IN_FILE if on_file else _SECOND_ON_SERVER


def offset_text(spans: Sequence[Span]) -> str:
    """How far the user's clock was before UTC when a row was made."""
    *changes, last = spans
    if not changes:
        return str(last.offset_s)
    cases = " ".join(
        f"WHEN created_at < :change_{at} THEN {span.offset_s}" for at, span in enumerate(changes)
    )
    return f"CASE {cases} ELSE {last.offset_s} END"


def second_text(second: int) -> str:
    """A second since 1970 as stores write and compare it."""
    return instant_of(second).strftime("%Y-%m-%d %H:%M:%S")


def _bound(statement: str, user_id: str, begins: int, ends: int, **more: Any) -> sa.TextClause:
    return sa.text(statement).bindparams(
        user_id=user_id, begins_at=second_text(begins), ends_at=second_text(ends), **more
    )
