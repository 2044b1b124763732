"""The days of a time zone, be they 23 hours long, 25, or left out.

Days are counted from 1970-01-01 and instants in whole seconds from its midnight in UTC, as the
metadata store counts them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_S = 86_400
HOUR_S = 3600
WEEK_S = 7 * DAY_S
# No zone has changed its offset twice within so short a time.
_STEP_S = 12 * HOUR_S
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
# No offset is larger.
_FARTHEST_S = 26 * HOUR_S


class Span(NamedTuple):
    """From ``begins`` to ``ends`` (exclusive) clocks are ``offset_s`` before UTC."""

    begins: int
    ends: int
    offset_s: int


class WallHour(NamedTuple):
    """An hour as a clock on the wall shows it; ``offset_s`` tells two of the same name apart."""

    hour: int
    offset_s: int


def find_zone(name: str) -> tzinfo:
    """The zone ``name``; one that is not known on this computer is UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def day_number(day: date) -> int:
    """How many days after 1970-01-01."""
    return day.toordinal() - _EPOCH_DAY


def day_of(number: int) -> date:
    """The day of that number."""
    return date.fromordinal(number + _EPOCH_DAY)


def epoch_s(at: datetime) -> int:
    """Whole seconds since 1970."""
    return (at - _EPOCH) // timedelta(seconds=1)


def clock_s(shown: datetime) -> int:
    """What a clock shows, without a zone, in whole seconds as if it was that of UTC."""
    return epoch_s(shown.replace(tzinfo=UTC))


def instant_of(second: int) -> datetime:
    """The instant of that second."""
    return _EPOCH + timedelta(seconds=second)


def find_spans(zone: str, begins: int, ends: int) -> tuple[Span, ...]:
    """The time from ``begins`` to ``ends`` in parts of one offset each."""
    found: list[Span] = []
    at = begins
    while at < ends:
        year = instant_of(at).year
        for span in _spans_of_year(zone, year):
            first, last = max(span.begins, at), min(span.ends, ends)
            if first >= last:
                continue
            if found and found[-1].offset_s == span.offset_s:
                found[-1] = found[-1]._replace(ends=last)
            else:
                found.append(Span(first, last, span.offset_s))
        at = _year_begins(year + 1)
    return tuple(found)


def find_week_hours(
    zone: str, weekday: int, hour: int, begins: int, ends: int
) -> list[tuple[int, int]]:
    """When it is that hour of the week on clocks of ``zone``, ``weekday`` 1 is Monday, from
    ``begins`` to ``ends``: from which second to before which, in order."""
    # 1970 began on a Thursday.
    first = (weekday - 1) * DAY_S + hour * HOUR_S - 3 * DAY_S
    found: list[tuple[int, int]] = []
    for span in find_spans(zone, begins, ends):
        at = span.begins - (span.begins + span.offset_s - first) % WEEK_S
        for starts in range(at, span.ends, WEEK_S):
            within = max(starts, span.begins), min(starts + HOUR_S, span.ends)
            if within[0] < within[1]:
                found.append(within)
    return found


def find_days(zone: str, begins: int, ends: int) -> range:
    """The numbers of the first to the last day there is between two instants."""
    edges = [
        (at + span.offset_s) // DAY_S
        for span in find_spans(zone, begins, ends)
        for at in (span.begins, span.ends - 1)
    ]
    return range(min(edges), max(edges) + 1)


def day_bounds(zone: str, first: int, last: int) -> tuple[int, int]:
    """From the first instant of the days ``first`` to ``last`` until after their last one.

    Where clocks are set back over midnight, other days may have a few minutes in between.
    """
    inside = list(find_parts(zone, first, last))
    if not inside:
        # A day that was left out when a country moved over the date line.
        return first * DAY_S, first * DAY_S
    return inside[0].begins, inside[-1].ends


def find_parts(zone: str, first: int, last: int) -> list[Span]:
    """The instants of the days ``first`` to ``last``, in parts of one offset each."""
    return find_clock_parts(zone, first * DAY_S, (last + 1) * DAY_S)


def find_clock_parts(zone: str, begins: int, ends: int) -> list[Span]:
    """The instants at which clocks of ``zone`` show ``begins`` to before ``ends``, both counted as
    if clocks were those of UTC, in parts of one offset each."""
    found = []
    for span in find_spans(zone, begins - _FARTHEST_S, ends + _FARTHEST_S):
        part = Span(
            max(span.begins, begins - span.offset_s),
            min(span.ends, ends - span.offset_s),
            span.offset_s,
        )
        if part.begins < part.ends:
            found.append(part)
    return found


def hours_of_day(zone: str, day: int) -> tuple[WallHour, ...]:
    """The hours that clocks show on that day, in order: 24, or 23 or 25 when they are changed."""
    found: list[WallHour] = []
    for span in find_parts(zone, day, day):
        first = (span.begins + span.offset_s) % DAY_S // HOUR_S
        last = (span.ends - 1 + span.offset_s) % DAY_S // HOUR_S
        found += [WallHour(hour, span.offset_s) for hour in range(first, last + 1)]
    return tuple(found)


def hour_begins(zone: str, day: int, hour: WallHour) -> datetime:
    """The instant at which a wall clock of ``zone`` began to show ``hour`` of that day."""
    at = day * DAY_S + hour.hour * HOUR_S - hour.offset_s
    # Where clocks are changed by half an hour, one begins in its middle.
    spans = [span for span in find_spans(zone, at, at + HOUR_S) if span.offset_s == hour.offset_s]
    return instant_of(max(at, spans[0].begins) if spans else at)


@lru_cache(maxsize=4096)
def _spans_of_year(zone: str, year: int) -> tuple[Span, ...]:
    place = find_zone(zone)
    begins, ends = _year_begins(year), _year_begins(year + 1)
    found: list[Span] = []
    since, offset_s = begins, _offset_s(place, begins)
    for at in range(begins, ends, _STEP_S):
        until = min(at + _STEP_S, ends)
        if _offset_s(place, until - 1) == offset_s:
            continue
        low, high = at, until - 1
        while low < high:
            middle = (low + high) // 2
            if _offset_s(place, middle) == offset_s:
                low = middle + 1
            else:
                high = middle
        found.append(Span(since, low, offset_s))
        since, offset_s = low, _offset_s(place, low)
    return (*found, Span(since, ends, offset_s))


def _year_begins(year: int) -> int:
    return day_number(date(year, 1, 1)) * DAY_S


def _offset_s(place: tzinfo, at: int) -> int:
    offset = instant_of(at).astimezone(place).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


def instant_text(at: datetime | None) -> str | None:
    """``2026-01-31T12:00:00Z``, as documents, messages and the audit log write an instant."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
