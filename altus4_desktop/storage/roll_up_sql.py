"""Statements that count a user's searches by day, for each kind of store.

Seconds and days are counted from 1970, those of days by the user's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.analytics import QUERY_CHARS
from altus4_desktop.domain.local_days import Span, instant_of

# No server holds a larger number; in a file another program may have left any, or a text.
_MOST = 2_147_483_647
_MS_IN_FILE = f"MAX(0, MIN(CAST(execution_time_ms AS INTEGER), {_MOST}))"
_RESULTS_IN_FILE = f"MIN(CAST(result_count AS INTEGER), {_MOST})"
_HITS_IN_FILE = f"MAX(0, {_RESULTS_IN_FILE})"
_MS_ON_SERVER = "CASE WHEN execution_time_ms < 0 THEN 0 ELSE execution_time_ms END"
_HITS_ON_SERVER = "CASE WHEN result_count < 0 THEN 0 ELSE result_count END"
_SECOND_IN_FILE = "CAST(strftime('%s', created_at) AS INTEGER)"
_SECOND_ON_SERVER = "UNIX_TIMESTAMP(created_at)"
# A server that guesses wrong reads all that the user ever searched, for each few days anew.
_FROM_SERVER = "searches FORCE INDEX (idx_searches_user_created)"
_FIRST_AT, _LAST_AT = datetime(1970, 1, 3, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_OF_USER = "user_id = :user_id AND created_at >= :begins_at AND created_at < :ends_at"
_MODE = "COALESCE(search_mode, 'natural')"
_TOLD = [f"'$.{name}'" for name in ("outcome", "offset", "connections", "api_key", "cause")]
# SQLite reads a document once for all five.
_TOLD_IN_FILE = (
    f"{_MODE} || ' ' || CASE WHEN json_valid(search_params)"
    f" THEN json_extract(search_params, {', '.join(_TOLD)})"
    " ELSE '[null,null,null,null,null]' END"
)
# A server takes longer to make an array and write it than to write what is in it.
_TOLD_ON_SERVER = "{mode}, ' [', {cells}, ']'".format(
    mode=_MODE,
    cells=", ',', ".join(
        f"COALESCE(JSON_EXTRACT(search_params, {path}), 'null')" for path in _TOLD
    ),
)
CELL_END = "\x1e"
"""What a server writes after each cell of a column; in a query it counts as a blank."""
# Texts that are much longer than what is kept of them are not handed over.
_QUERY_IN_FILE = (
    f"CASE WHEN length(CAST(query AS BLOB)) > {8 * QUERY_CHARS}"
    f" THEN substr(trim(query), 1, {QUERY_CHARS}) ELSE CAST(query AS TEXT) END"
)
# Bytes: in a file a text may be of any.
_FACTS_IN_FILE = ", ".join(
    f"CAST(json_group_array({fact}) AS BLOB)"
    for fact in (
        "CAST(id AS TEXT)",
        _QUERY_IN_FILE,
        _TOLD_IN_FILE,
        # Where another program left no date.
        f"COALESCE({_SECOND_IN_FILE}, -1)",
        _MS_IN_FILE,
        _RESULTS_IN_FILE,
    )
)
# The driver takes several times as long over a row as Python over cutting a text.
_FACTS_ON_SERVER = "COUNT(*), " + ", ".join(
    f"GROUP_CONCAT(CONCAT({fact}, '{CELL_END}') SEPARATOR '')"
    for fact in (
        "id",
        # As much as is kept of it, and no more than an answer has room for.
        f"REPLACE(LEFT(TRIM(query), {QUERY_CHARS}), '{CELL_END}', ' ')",
        _TOLD_ON_SERVER,
        _SECOND_ON_SERVER,
        _MS_ON_SERVER,
        "result_count",
    )
)


def facts_statement(
    user_id: str, begins: int, ends: int, *, on_file: bool, rows: range | None = None
) -> sa.TextClause:
    """Columns of what is counted of each search, or of these ``rows`` by second and id: a JSON
    array each in a file; of a server how many searches there are, and the columns, a `CELL_END`
    after each cell, or cut short."""
    facts, source = (_FACTS_IN_FILE, "searches") if on_file else (_FACTS_ON_SERVER, _FROM_SERVER)
    found = f"FROM {source} WHERE {_OF_USER}"
    if rows is not None:
        limits = f"LIMIT {len(rows)} OFFSET {rows.start}"
        found = f"FROM (SELECT * {found} ORDER BY created_at, id {limits}) AS chosen"
    return _bound(f"SELECT {facts} {found}", user_id, begins, ends)


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
