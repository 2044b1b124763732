"""Past searches by the clock of whoever searched.

Roll-ups count each person's own days. What leads from them to the history asks by the same clocks:
those of the time zone in which the person's days were counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.history import HistoryQuery, OwnTime
from altus4_desktop.domain.local_days import Span, clock_s, find_clock_parts, instant_of
from altus4_desktop.storage.tables import analytics_states, searches, users

c = searches.c
_PEOPLE = users.outerjoin(analytics_states, analytics_states.c.user_id == users.c.id)
_ZONE = sa.func.coalesce(analytics_states.c.timezone, users.c.timezone, "UTC")


def with_zones(connection: sa.Connection, query: HistoryQuery) -> HistoryQuery:
    """``query`` with the zones of those whose clocks it asks for, and the instants between which
    all of that lies; of one zone it is a query like any other."""
    hour, time = query.week_hour, query.own_time
    is_own_hour = hour is not None and not hour.zone
    if time is None and not is_own_hour:
        return query
    statement = sa.select(_ZONE).select_from(_PEOPLE).distinct()
    if query.user_id:
        statement = statement.where(users.c.id == query.user_id)
    zones = tuple(sorted(connection.execute(statement).scalars())) or ("UTC",)
    if time is not None:
        parts = {zone: _instants(zone, time) for zone in zones}
        query = _between(
            query,
            min((times[0][0] for times in parts.values() if times), default=_nowhere(time)),
            max((times[-1][1] for times in parts.values() if times), default=_nowhere(time)),
        )
        if len(zones) == 1 and len(parts[zones[0]]) <= 1:
            query = replace(query, own_time=None)
    if len(zones) == 1 and hour is not None and is_own_hour:
        query = replace(query, week_hour=replace(hour, zone=zones[0]))
    return replace(query, zones=zones)


def is_in(time: OwnTime, zones: Sequence[str]) -> sa.ColumnElement[bool]:
    """Of the searches at that time on the clocks of those who searched; ``zones`` as `with_zones`
    has found them."""
    parts = {zone: _instants(zone, time) for zone in zones}
    test = by_zone(zones, lambda zone: _any_of(parts[zone]), sa.false())
    first = max((times[0][0] for times in parts.values() if times), default=None)
    last = min((times[-1][1] for times in parts.values() if times), default=None)
    is_whole = all(len(times) == 1 for times in parts.values())
    if first is None or last is None or not is_whole or first >= last:
        return test
    # Mostly it is so on every clock, and nobody has to be looked up.
    return sa.or_(sa.and_(c.created_at >= first, c.created_at < last), test)


def by_zone(
    zones: Sequence[str],
    made: Callable[[str], sa.ColumnElement[Any]],
    default: sa.ColumnElement[Any],
) -> sa.ColumnElement[Any]:
    """What is ``made`` for the zone of whoever searched."""
    zone = sa.select(_ZONE).select_from(_PEOPLE).where(users.c.id == c.user_id)
    mine = zone.correlate(searches).scalar_subquery()
    return sa.case({each: made(each) for each in zones}, value=mine, else_=default)


def _between(query: HistoryQuery, begins: datetime, ends: datetime) -> HistoryQuery:
    from_at = begins if query.from_at is None else max(begins, query.from_at)
    to_at = ends if query.to_at is None else min(ends, query.to_at)
    return replace(query, from_at=from_at, to_at=to_at)


def _nowhere(time: OwnTime) -> datetime:
    # A day that a country has left out.
    return instant_of(clock_s(time.begins))


def _any_of(parts: Sequence[tuple[datetime, datetime]]) -> sa.ColumnElement[bool]:
    tests = [sa.and_(c.created_at >= begins, c.created_at < ends) for begins, ends in parts]
    return sa.or_(sa.false(), *tests)


def _instants(zone: str, time: OwnTime) -> list[tuple[datetime, datetime]]:
    """The instants of that time, in parts between which there is something else."""
    found: list[Span] = []
    for part in find_clock_parts(zone, clock_s(time.begins), clock_s(time.ends)):
        if found and found[-1].ends == part.begins:
            found[-1] = found[-1]._replace(ends=part.ends)
        else:
            found.append(part)
    return [(instant_of(part.begins), instant_of(part.ends)) for part in found]
