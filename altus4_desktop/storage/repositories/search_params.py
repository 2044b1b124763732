"""What searches told of themselves, as conditions on ``searches.search_params``.

They mean what counting means (`roll_up`): whoever follows a bar of a chart is to find as many
searches as it has. Each reads a document, which no index knows: for few rows only.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from altus4_desktop.domain.history import HistoryQuery, WeekHour
from altus4_desktop.domain.local_days import DAY_S, HOUR_S, WEEK_S, epoch_s, find_spans, instant_of
from altus4_desktop.storage.repositories.own_clocks import by_zone
from altus4_desktop.storage.tables import searches

c = searches.c
# 1970 began on a Thursday.
_MONDAY_S = 3 * DAY_S
FIRST_AT = datetime(2000, 1, 1, tzinfo=UTC)
"""Clocks of earlier years are taken to have been as they were then."""


class _told(FunctionElement[str]):  # noqa: N801 (reads like the SQL function it is)
    """What stands at a path of a document, as JSON; ``null`` for nothing."""

    type = sa.String()
    inherit_cache = True


class _names(FunctionElement[bool]):  # noqa: N801 (as above)
    """Whether the connections of a document have a name."""

    type = sa.Boolean()
    inherit_cache = True


class _seconds(FunctionElement[int]):  # noqa: N801 (as above)
    """An instant in seconds since 1970."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(_told)
def _told_text(element: _told, compiler: SQLCompiler, **options: Any) -> str:
    params, path = (compiler.process(each, **options) for each in element.clauses)
    if compiler.dialect.name == "sqlite":
        # Other programs may have written anything.
        found = f"json_quote(json_extract({params}, {path}))"
        return f"CASE WHEN json_valid({params}) THEN {found} ELSE 'null' END"
    return f"COALESCE(CAST(JSON_EXTRACT({params}, {path}) AS CHAR), 'null')"


@compiles(_names)
def _names_text(element: _names, compiler: SQLCompiler, **options: Any) -> str:
    column, plain, *written = element.clauses
    params = compiler.process(column, **options)
    if compiler.dialect.name == "sqlite":
        document = f"CASE WHEN json_valid({params}) THEN {params} ELSE '{{}}' END"
        name = compiler.process(plain, **options)
        return f"({name} IN (SELECT value FROM json_each({document}, '$.connections')))"
    # MariaDB takes the same text for another where it is escaped in another way.
    tests = [
        f"JSON_CONTAINS({params}, {compiler.process(each, **options)}, '$.connections')"
        for each in written
    ]
    return f"COALESCE({' OR '.join(tests)}, 0)"


@compiles(_seconds)
def _seconds_text(element: _seconds, compiler: SQLCompiler, **options: Any) -> str:
    (at,) = (compiler.process(each, **options) for each in element.clauses)
    if compiler.dialect.name == "sqlite":
        return f"CAST(strftime('%s', {at}) AS INTEGER)"
    return f"UNIX_TIMESTAMP({at})"


def last_at() -> datetime:
    """Clocks of later days are taken to be as they will be then."""
    return datetime.now(UTC) + timedelta(days=1)


def is_complete() -> list[sa.ColumnElement[bool]]:
    """Of the searches of which all sources answered with their first page."""
    return [_of("outcome").in_(["null", '"ok"']), _of("offset").in_(["null", "0"])]


def is_finished() -> sa.ColumnElement[bool]:
    """Of the searches that were not cancelled."""
    return _of("outcome") != '"cancelled"'


def is_by_people() -> sa.ColumnElement[bool]:
    """Of the searches without an API key."""
    return sa.or_(_of("api_key").not_like('"%'), _of("api_key") == '""')


def is_named(name: str) -> sa.ColumnElement[bool]:
    """Of the searches that asked a connection when that was its name."""
    written = dict.fromkeys([json.dumps(name), json.dumps(name, ensure_ascii=False)])
    texts = (sa.literal(text, sa.String()) for text in (name, *written))
    return _names(c.search_params, *texts)


def is_at(hour: WeekHour, query: HistoryQuery) -> sa.ColumnElement[bool]:
    """Of the searches, within the time that ``query`` asks for, at an hour of the week."""
    ends = query.to_at or last_at()
    begins = min(query.from_at or FIRST_AT, ends - timedelta(days=1))

    def offset_of(zone: str) -> sa.ColumnElement[int]:
        *changes, last = find_spans(zone, epoch_s(begins), epoch_s(ends))
        if not changes:
            return sa.literal(last.offset_s)
        return sa.case(
            *((c.created_at < instant_of(span.ends), span.offset_s) for span in changes),
            else_=last.offset_s,
        )

    offset = offset_of(hour.zone) if hour.zone else by_zone(query.zones, offset_of, sa.literal(0))
    first = (hour.weekday - 1) * DAY_S + hour.hour * HOUR_S
    second = (_seconds(c.created_at) + offset + _MONDAY_S) % WEEK_S
    return second.between(first, first + HOUR_S - 1)


def _of(name: str) -> _told:
    return _told(c.search_params, sa.literal_column(f"'$.{name}'"))
