"""Statements that count a user's searches by day, for each kind of store.

Seconds and days are counted from 1970, those of days by the user's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.analytics import LARGEST_OF_SEARCH, QUERY_CHARS
from altus4_desktop.domain.local_days import DAY_S, Span, instant_of

# In a file another program may have left any number, or a text.
_MS_IN_FILE = f"MAX(0, MIN(CAST(execution_time_ms AS INTEGER), {LARGEST_OF_SEARCH}))"
_RESULTS_IN_FILE = f"MIN(CAST(result_count AS INTEGER), {LARGEST_OF_SEARCH})"
_HITS_IN_FILE = f"MAX(0, {_RESULTS_IN_FILE})"
_MS_ON_SERVER = "CASE WHEN execution_time_ms < 0 THEN 0 ELSE execution_time_ms END"
_HITS_ON_SERVER = "CASE WHEN result_count < 0 THEN 0 ELSE result_count END"
# As strftime('%s') has it, which writes a text first: half of a millisecond is for what is rounded.
_SECOND_IN_FILE = "CAST(julianday(created_at) * 86400.0 - 210866759999.9995 AS INTEGER)"
_SECOND_ON_SERVER = "UNIX_TIMESTAMP(created_at)"
# A server that guesses wrong reads all that the user ever searched, for each few days anew.
_FROM_SERVER = "searches FORCE INDEX (idx_searches_user_created)"
_FIRST_AT, _LAST_AT = datetime(1970, 1, 3, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_OF_USER_ON_SERVER = "user_id = :user_id AND created_at >= :begins_at AND created_at < :ends_at"
# As we write instants, these compare as texts. In a file another program may have left another
# hour, form or zone, which is of this day, of the one before or of the next.
_AS_WRITTEN = (
    "(created_at GLOB '?????????? [01]?:??:??' OR created_at GLOB '?????????? 2[0-3]:??:??')"
)
# What is added makes the 2nd of March of the 30th of February; each month has 28 days.
_IS_DAY_IN_FILE = (
    "(substr(created_at, 9, 2) < '29'"
    " OR date(substr(created_at, 1, 10), '+0 days') = substr(created_at, 1, 10))"
)
_OF_USER_IN_FILE = (
    "user_id = :user_id AND created_at >= :first_at AND created_at < :last_at"
    " AND (created_at >= :begins_at AND created_at < :ends_at"
    f" OR NOT {_AS_WRITTEN}) AND {_IS_DAY_IN_FILE}"
)
# No zone that SQLite reads is farther.
_FARTHEST_S = 15 * 3600
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
    after each cell, or cut short.

    In a file searches of the days before and after may be among them.
    """
    facts, source = (_FACTS_IN_FILE, "searches") if on_file else (_FACTS_ON_SERVER, _FROM_SERVER)
    found = f"FROM {source} WHERE {_of_user(on_file)}"
    if rows is not None:
        limits = f"LIMIT {len(rows)} OFFSET {rows.start}"
        found = f"FROM (SELECT * {found} ORDER BY created_at, id {limits}) AS chosen"
    return _bound(f"SELECT {facts} {found}", user_id, begins, ends, on_file=on_file)


def days_statement(on_file: bool, user_id: str, spans: Sequence[Span]) -> sa.TextClause:
    """Of each day within ``spans`` that has searches: ``day, n``, sum of milliseconds, sum of
    results, how many took ``:slow_ms`` or longer."""
    div = "/" if on_file else "DIV"
    day = f"({epoch_text(on_file)} + {offset_text(on_file, spans)}) {div} 86400"
    source = "searches" if on_file else _FROM_SERVER
    ms, hits = (_MS_IN_FILE, _HITS_IN_FILE) if on_file else (_MS_ON_SERVER, _HITS_ON_SERVER)
    sums = f"COUNT(*) AS n, SUM({ms}), SUM({hits}), SUM({ms} >= :slow_ms)"
    statement = f"SELECT {day} AS d, {sums} FROM {source} WHERE {_of_user(on_file)} GROUP BY d"
    return _bound_days(on_file, statement, user_id, spans)


def listed_statement(on_file: bool, user_id: str, spans: Sequence[Span]) -> sa.TextClause:
    """How many searches stand in each of two lists on each day: ``day, mark, n``."""
    div = "/" if on_file else "DIV"
    day = f"({epoch_text(on_file)} + {offset_text(on_file, spans)}) {div} 86400"
    statement = (
        f"SELECT {day} AS d, mark, COUNT(*) AS n FROM search_marks"
        f" WHERE mark IN (:failed, :slow) AND {_of_user(on_file)} GROUP BY d, mark"
    )
    return _bound_days(on_file, statement, user_id, spans)


def _bound_days(
    on_file: bool, statement: str, user_id: str, spans: Sequence[Span]
) -> sa.TextClause:
    changes = {f"change_{at}": second_text(span.ends) for at, span in enumerate(spans[:-1])}
    begins, ends = spans[0].begins, spans[-1].ends
    return _bound(statement, user_id, begins, ends, on_file=on_file, **changes)


def _of_user(on_file: bool) -> str:
    return _OF_USER_IN_FILE if on_file else _OF_USER_ON_SERVER


def is_counted(on_file: bool, at: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether the instant ``at`` is within the years of which days are counted."""
    # Servers hold no others; in a file another program may have left year 9999, or no date at all.
    return is_counted_in_file(at) if on_file else sa.true()


def is_counted_in_file(at: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """`is_counted` of an instant in a file, or of a text there."""
    return sa.and_(is_of_years(at), is_possible(at), _second_in_file(at).is_not(None))


def is_possible(at: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether what ``at``, in a file, begins with is a day that there is."""
    text = sa.type_coerce(at, sa.Text)
    day = sa.func.substr(text, 1, 10)
    return sa.or_(sa.func.substr(text, 9, 2) < "29", sa.func.date(day, "+0 days") == day)


def is_of_years(at: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether ``at``, in a file, is a text that sorts among the instants of these years."""
    return at.between(_FIRST_AT, _LAST_AT)


def is_within(
    on_file: bool, at: sa.ColumnElement[Any], begins: int, ends: int
) -> sa.ColumnElement[bool]:
    """Whether the instant ``at`` is from the second ``begins`` to before ``ends``."""
    if not on_file:
        return sa.and_(at >= instant_of(begins), at < instant_of(ends))
    first, last = _widest(begins, ends)
    text, second = sa.type_coerce(at, sa.Text), _second_in_file(at)
    return sa.and_(
        text >= first, text < last, is_counted_in_file(at), second >= begins, second < ends
    )


def second_of(on_file: bool, at: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """``at`` in seconds; in a file NULL where it is no instant."""
    if on_file:
        return _second_in_file(at)
    return sa.func.unix_timestamp(at, type_=sa.Integer)


def _second_in_file(at: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.strftime("%s", sa.type_coerce(at, sa.Text)), sa.Integer)


def hour_of(at: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """The text ``at``, in a file, as the hour that it is in; NULL where it is no instant."""
    return sa.func.strftime("%Y-%m-%d %H:00:00", at, "+0 days", type_=sa.Text)


def rough_hour_of(at: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """The instant ``at``, in a file, cut to the hour where it has the form of ours, else as it is:
    this takes less time than `hour_of`, for which there are few such texts."""
    text = sa.type_coerce(at, sa.Text)
    hour = sa.func.substr(text, 1, 13, type_=sa.Text).concat(":00:00")
    return sa.case((text.op("GLOB", is_comparison=True)("?????????? ??:??:??"), hour), else_=text)


def edges_statement(
    on_file: bool, at: sa.ColumnElement[Any], *conditions: sa.ColumnElement[bool]
) -> sa.Select[Any]:
    """The seconds of the first and the last search that meets ``conditions`` and is counted: NULL
    where there is none. In a file others may be up to a day before and after them."""
    # One for each: of both together a file looks at all rows there are.
    first, last = (
        sa.select(edge(at)).where(is_counted(on_file, at), *conditions).scalar_subquery()
        for edge in (sa.func.min, sa.func.max)
    )
    columns: list[sa.ColumnElement[Any]] = [second_of(on_file, edge) for edge in (first, last)]
    return sa.select(*columns)


def epoch_text(on_file: bool) -> str:
    """``created_at`` in seconds."""
    return _SECOND_IN_FILE if on_file else _SECOND_ON_SERVER


def offset_text(on_file: bool, spans: Sequence[Span]) -> str:
    """How far the user's clock was before UTC when a row was made."""
    *changes, last = spans
    if not changes:
        return str(last.offset_s)
    # In a file another program may have left instants that do not compare as texts.
    is_before = (
        f"{_SECOND_IN_FILE} < CAST(strftime('%s', {{}}) AS INTEGER)"
        if on_file
        else "created_at < {}"
    )
    cases = " ".join(
        f"WHEN {is_before.format(f':change_{at}')} THEN {span.offset_s}"
        for at, span in enumerate(changes)
    )
    return f"CASE {cases} ELSE {last.offset_s} END"


def second_text(second: int) -> str:
    """A second since 1970 as stores write and compare it."""
    return instant_of(second).strftime("%Y-%m-%d %H:%M:%S")


def _widest(begins: int, ends: int) -> tuple[str, str]:
    """Dates between which all texts are whose instants may be between these seconds."""
    first, last = instant_of(begins - DAY_S), instant_of(ends + _FARTHEST_S - 1 + DAY_S)
    return f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"


def _bound(
    statement: str, user_id: str, begins: int, ends: int, *, on_file: bool, **more: Any
) -> sa.TextClause:
    if on_file:
        more["first_at"], more["last_at"] = _widest(begins, ends)
    return sa.text(statement).bindparams(
        user_id=user_id, begins_at=second_text(begins), ends_at=second_text(ends), **more
    )
