"""How many past searches a filter finds on each day, and which days are to be counted again.

The marks of `analytics_marks` say which hours have changed. The transaction that takes them away
has the days of custom metrics counted again that these hours touch: so no change is ever missed,
whenever a program is killed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.history import HistoryQuery
from altus4_desktop.domain.local_days import (
    day_bounds,
    day_number,
    day_of,
    epoch_s,
    find_days,
    find_spans,
    instant_of,
)
from altus4_desktop.storage.repositories.batches import batches
from altus4_desktop.storage.repositories.history_pages import text_test
from altus4_desktop.storage.repositories.history_statements import (
    conditions_of,
    index_of,
    lists_of,
)
from altus4_desktop.storage.repositories.own_clocks import with_zones
from altus4_desktop.storage.roll_up_sql import (
    edges_statement,
    epoch_text,
    is_counted,
    offset_text,
    second_text,
)
from altus4_desktop.storage.tables import (
    custom_metric_days,
    custom_metrics,
    search_marks,
    searches,
)

_HOUR_S = 3600
EVERYBODY = ""

c, m = searches.c, search_marks.c
_days, _metrics = custom_metric_days.c, custom_metrics.c


def touch_days(connection: sa.Connection, user_id: str, hours: Sequence[datetime]) -> None:
    """Have the days counted again that these sorted hours of the user's touch."""
    counting = connection.execute(
        sa.select(_metrics.id, _metrics.counted_zone).where(
            _metrics.counted_zone.is_not(None), _metrics.counted_user.in_((EVERYBODY, user_id))
        )
    ).all()
    by_zone: dict[str, list[date]] = {}
    for metric_id, counted_zone in counting:
        zone = counted_zone or ""
        if zone not in by_zone:
            by_zone[zone] = _touched(zone, hours)
        mark_stale(connection, metric_id, by_zone[zone])


def forget_counts(connection: sa.Connection, user_id: str | None = None) -> None:
    """Have everything counted again that counts this user's searches, or everybody's."""
    whose = (EVERYBODY,) if user_id is None else (EVERYBODY, user_id)
    connection.execute(
        sa.update(custom_metrics)
        .where(_metrics.counted_user.in_(whose))
        .values(counted_zone=None, counted_user=None)
    )


def mark_stale(connection: sa.Connection, metric_id: str, days: Sequence[date]) -> None:
    """Have these days of one metric counted again."""
    ignore = "OR IGNORE" if connection.dialect.name == "sqlite" else "IGNORE"
    for some in batches(days):
        connection.execute(
            sa.update(custom_metric_days)
            .where(_days.metric_id == metric_id, _days.metric_date.in_(some))
            .values(is_stale=True)
        )
        connection.execute(
            sa.insert(custom_metric_days).prefix_with(ignore),
            [{"metric_id": metric_id, "metric_date": day, "is_stale": True} for day in some],
        )


def history_days(connection: sa.Connection, zone: str, user_id: str) -> list[date]:
    """Every day from the first search to the last one, of the user or of everybody."""
    at = c.created_at
    on_file = connection.dialect.name == "sqlite"
    whose = () if user_id == EVERYBODY else (c.user_id == user_id,)
    statement = edges_statement(on_file, at, *whose)
    first, last = connection.execute(statement).one()
    if first is None or last is None:
        return []
    days = find_days(zone, int(first), int(first) + 1)
    until = find_days(zone, int(last), int(last) + 1)
    return [day_of(number) for number in range(days[0], until[-1] + 1)]


def count_days(
    connection: sa.Connection, query: HistoryQuery, zone: str, first: date, last: date
) -> Counter[date]:
    """How many searches ``query``, whose times do not matter, finds on the days that have any."""
    begins, ends = day_bounds(zone, day_number(first), day_number(last))
    query = with_zones(connection, query)
    counts: Counter[date] = Counter()
    if begins >= ends:
        return counts
    fits = text_test(query) if query.text.strip() else None
    on_file = connection.dialect.name == "sqlite"
    for statement in _statements(on_file, query, zone, (begins, ends), by_text=fits is not None):
        for number, text, count in connection.execute(statement):
            if fits is None or fits(text.decode(errors="replace")):
                counts[day_of(int(number))] += int(count)
    return counts


def _statements(
    on_file: bool, query: HistoryQuery, zone: str, bounds: tuple[int, int], *, by_text: bool
) -> list[sa.Select[Any]]:
    """Two where a connection may have been searched alone or with others."""
    spans = find_spans(zone, *bounds)
    at, ends = instant_of(bounds[0]), instant_of(bounds[1])
    div = "/" if on_file else "DIV"
    # One offset for each part of the time between two changes of the clocks.
    day = sa.text(
        f"({epoch_text(on_file)} + {offset_text(on_file, spans)}) {div} 86400 AS d"
    ).bindparams(
        **{f"change_{place}": second_text(span.ends) for place, span in enumerate(spans[:-1])}
    )
    text: sa.ColumnElement[Any] = sa.literal("")
    if by_text:
        # As bytes: texts that only look alike are not the same, whatever the collation.
        text = sa.cast(c.query, sa.LargeBinary)
    statement = (
        sa.select(day, text.label("q"), sa.func.count())
        .select_from(searches)
        .where(c.created_at >= at, c.created_at < ends, is_counted(on_file, c.created_at))
        .group_by(sa.text("d"), *((sa.text("q"),) if by_text else ()))
    )

    def listed(mark: str) -> sa.ColumnElement[bool]:
        return c.id.in_(
            sa.select(m.search_id).where(m.mark == mark, m.created_at >= at, m.created_at < ends)
        )

    if query.user_id != EVERYBODY:
        statement = statement.where(c.user_id == query.user_id)
    lists = lists_of(query)
    statement = statement.where(*map(listed, lists))
    statement = statement.where(*conditions_of(query, by_words=False))
    alone = statement
    if not lists:
        # The server would take another one, and read rows of all times.
        alone = alone.with_hint(searches, f"FORCE INDEX ({index_of(query)})", "mysql")
    if not query.connection_id:
        return [alone]
    return [
        alone.where(c.database_id == query.connection_id),
        statement.where(listed(query.connection_id)),
    ]


def _touched(zone: str, hours: Sequence[datetime]) -> list[date]:
    found: set[int] = set()
    until = 0
    for hour in hours:
        begins = epoch_s(hour)
        if begins + _HOUR_S <= until:
            continue
        days = find_days(zone, begins, begins + _HOUR_S)
        found.update(days)
        until = day_bounds(zone, days[-1], days[-1])[1]
    return [day_of(number) for number in sorted(found)]
