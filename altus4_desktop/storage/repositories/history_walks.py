"""Walks through the history, from the newest search on, bit by bit.

No index knows several filters that are frequent alone and rare together: whoever asks for them
looks at much and finds little. So a walk looks at so many searches at once that it is done in a
moment, and says how far it has come.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.history import HistoryQuery, WeekHour
from altus4_desktop.domain.local_days import epoch_s, find_week_hours, instant_of
from altus4_desktop.storage.repositories.history_statements import (
    Lists,
    Place,
    instants_of,
    statements_of,
)
from altus4_desktop.storage.repositories.search_params import FIRST_AT, last_at
from altus4_desktop.storage.tables import searches

# So many searches are looked at first, and so many at most; as many as take so long.
_FIRST_ROWS, _MOST_ROWS = 1000, 20_000
_STRIDE_S = 0.015
# In one statement: more take longer to write than to read.
_HOURS_AT_ONCE = 8
_SECOND = timedelta(seconds=1)

c = searches.c
_Times = tuple[sa.ColumnElement[datetime], sa.ColumnElement[datetime]]
_Row = sa.Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Stride:
    """What was found in a part of a walk, newest first; ``back_to``: nothing older has been looked
    at, None: there is nothing older; ``looked`` at about so many searches."""

    rows: Sequence[_Row]
    back_to: datetime | None
    looked: int


def walk(
    connection: sa.Connection,
    columns: Sequence[sa.ColumnElement[Any]],
    query: HistoryQuery,
    lists: Lists,
    place: Place | None,
    limit: int | None,
) -> Iterator[Stride]:
    """The searches behind ``place``, at most ``limit`` in a stride; ``columns`` begin with the
    instant and the id."""
    while True:
        for stride in _strides(connection, columns, query, lists, place, limit):
            last = stride.rows[-1] if stride.rows and len(stride.rows) == limit else None
            if last is None or last[0] is None:
                yield stride
                continue
            # Of that second there may be more.
            yield replace(stride, back_to=last[0] + _SECOND)
            place = Place(last[0], last[1])
            break
        else:
            return


def _strides(
    connection: sa.Connection,
    columns: Sequence[sa.ColumnElement[Any]],
    query: HistoryQuery,
    lists: Lists,
    place: Place | None,
    limit: int | None,
) -> Iterator[Stride]:
    """The same, until one has been cut at ``limit``."""

    def read(statements: Sequence[sa.Select[*tuple[Any, ...]]], **times: datetime) -> list[_Row]:
        limited = statements
        if limit is not None:
            limited = [statement.limit(limit) for statement in statements]
        if len(limited) == 1:
            return list(connection.execute(limited[0], times))
        together = sa.union_all(*(sa.select(statement.subquery()) for statement in limited))
        rows = list(connection.execute(together, times))
        rows.sort(key=lambda row: (row[0], row[1]), reverse=True)
        return rows[:limit]

    def stride(part: HistoryQuery, begin: Place | None) -> list[_Row]:
        return read(statements_of(columns, part, lists, begin))

    if query.week_hour is None:
        many = _FIRST_ROWS
        while True:
            began = time.monotonic()
            back_to = _reach(connection, query, lists, place, many)
            part = query if back_to is None else replace(query, from_at=back_to)
            yield Stride(stride(part, place), back_to, many)
            if back_to is None:
                return
            query, place = replace(query, to_at=back_to), None
            share = _STRIDE_S / max(time.monotonic() - began, _STRIDE_S / 4)
            many = min(max(int(many * share), _FIRST_ROWS), _MOST_ROWS)
    # No index knows hours of the week: each is looked for where it was.
    later, hours, earlier = _hours(connection, query, query.week_hour, place)
    bounds: list[_Times] = [
        (sa.bindparam(f"begins_{number}"), sa.bindparam(f"ends_{number}"))
        for number in range(_HOURS_AT_ONCE)
    ]
    by_hour = [
        statement
        for begins, ends in bounds
        for statement in statements_of(columns, query, lists, place, begins, ends)
    ]
    if later is not None:
        rows = stride(replace(query, from_at=later), place)
        yield Stride(rows, later, len(rows))
    for at in range(0, len(hours), _HOURS_AT_ONCE):
        some = hours[at : at + _HOURS_AT_ONCE]
        back_to = some[-1][0]
        some += [(some[0][0], some[0][0])] * (_HOURS_AT_ONCE - len(some))
        times: dict[str, datetime] = {}
        for number, (begins_at, ends_at) in enumerate(some):
            times |= {f"begins_{number}": begins_at, f"ends_{number}": ends_at}
        rows = read(by_hour, **times)
        is_last = earlier is None and at + _HOURS_AT_ONCE >= len(hours)
        yield Stride(rows, None if is_last else back_to, len(rows))
    if earlier is not None:
        rows = stride(replace(query, to_at=earlier), place)
        yield Stride(rows, None, len(rows))


def _reach(
    connection: sa.Connection, query: HistoryQuery, lists: Lists, place: Place | None, many: int
) -> datetime | None:
    """Where ``many`` searches have been looked at; None where there are not so many."""
    found: list[datetime] = []
    for statement in instants_of(query, lists, place):
        row = connection.execute(statement.offset(many).limit(1)).first()
        if row is not None and row[0] is not None:
            found.append(row[0])
    return max(found, default=None)


def _hours(
    connection: sa.Connection, query: HistoryQuery, hour: WeekHour, place: Place | None
) -> tuple[datetime | None, list[tuple[datetime, datetime]], datetime | None]:
    """When it was that hour of the week on the clocks that are asked for, the newest first; from
    when on, and until when there are searches of times when it is not known. Other programs may
    have written any year: the hours of a thousand years are not looked for."""
    of_whom = [c.user_id == query.user_id] if query.user_id else []
    oldest_at, newest_at = (
        connection.execute(sa.select(end(c.created_at)).where(*of_whom)).scalar_one()
        for end in (sa.func.min, sa.func.max)
    )
    if oldest_at is None or newest_at is None:
        return None, [], None
    ends_at = newest_at + _SECOND if query.to_at is None else min(query.to_at, newest_at + _SECOND)
    if place is not None:
        ends_at = min(ends_at, place.created_at + _SECOND)
    begins_at = oldest_at if query.from_at is None else max(query.from_at, oldest_at)
    first_at, after_at = max(begins_at, FIRST_AT), min(ends_at, last_at())
    hours: list[tuple[datetime, datetime]] = []
    for begins, ends in sorted(
        span
        for zone in ((hour.zone,) if hour.zone else query.zones)
        for span in find_week_hours(
            zone, hour.weekday, hour.hour, epoch_s(first_at), epoch_s(after_at) + 1
        )
    ):
        from_at, to_at = max(instant_of(begins), first_at), min(instant_of(ends), after_at)
        if hours and from_at <= hours[-1][1]:
            hours[-1] = hours[-1][0], max(hours[-1][1], to_at)
        else:
            hours.append((from_at, to_at))
    return (
        max(begins_at, after_at) if after_at < ends_at else None,
        hours[::-1],
        min(FIRST_AT, ends_at) if begins_at < FIRST_AT else None,
    )
