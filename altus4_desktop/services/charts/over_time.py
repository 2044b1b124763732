"""When it was searched, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise

from altus4_desktop.domain.charts import Cell, Chart, ChartKind
from altus4_desktop.domain.custom_metrics import DayLack
from altus4_desktop.domain.figures import (
    DAILY_DAYS,
    DayPoint,
    HourPoint,
    Latency,
    Period,
    monday_of,
)
from altus4_desktop.domain.history import HistoryQuery, OwnTime, WeekHour
from altus4_desktop.domain.local_days import (
    WallHour,
    day_number,
    find_zone,
    hour_begins,
    hours_of_day,
)
from altus4_desktop.domain.recording import is_paused
from altus4_desktop.services.charts.board import (
    Dashboard,
    Row,
    build_chart,
    link_to_days,
    link_to_period,
    rounded,
)

Weeks = Sequence[tuple[date, Sequence[DayPoint]]]
"""The days of a period in ISO weeks, by their Mondays."""

# Up to how many days are charted by the hour.
_HOURLY_DAYS = 2
_HOURS = 24
_STEPS = (1, 2, 5)
_WIDEST_MS = 1_000_000


def build_searches(board: Dashboard) -> Chart:
    """How many searches there were each day, each hour of a day or two, or each week of more than a
    quarter."""
    compared = board.before is not None
    columns = ("searches", "zero", "failed", *(("before",) if compared else ()))
    plotted = ("searches", *(("before",) if compared else ()))
    rows: list[Row] = []
    paused = [point.is_paused for point in board.figures.days]
    if len(board.figures.period) <= _HOURLY_DAYS and board.figures.hours:
        earlier = _hours_before(board)
        for point in board.figures.hours:
            known = is_known(board, point)
            cells: tuple[Cell, ...] = (_hour_cell(board, point), point.searches if known else None)
            if compared:
                cells += (earlier.get((point.day, point.hour)),)
            rows.append((cells, _hour_link(board, point) if point.searches else None))
        columns, rows = _with_lacks(("hour", *plotted), rows, _hours_paused(board))
        return build_chart(board, "searches", ChartKind.BARS, columns, rows, ("hour",), plotted)
    counted = _days_before(board)
    if len(board.figures.period) > DAILY_DAYS:
        weeks = _weeks_of(board)
        rows = _counted_weeks(board, weeks, counted, compared=compared)
        columns, rows = _with_lacks(("week", *columns, "days"), rows, _weeks_paused(weeks))
        return build_chart(board, "searches", ChartKind.BARS, columns, rows, ("week",), plotted)
    for day in board.figures.days:
        counts = day.counts
        cells = (day.day,) + (
            (counts.searches, counts.zero, counts.failed + counts.partial)
            if counts is not None
            else (None, None, None)
        )
        if compared:
            before = counted.get(day.day)
            cells += (before.counts.searches if before and before.counts else None,)
        link = _day_link(board, day.day) if counts is not None and counts.searches else None
        rows.append((cells, link))
    columns, rows = _with_lacks(("day", *columns), rows, paused)
    return build_chart(board, "searches", ChartKind.BARS, columns, rows, ("day",), plotted)


def build_latency(board: Dashboard) -> Chart:
    """Percentiles of each day, each hour of a day or two, or each week of more than a quarter, in
    milliseconds."""
    compared = board.before is not None
    plotted = ("p50_ms", "p95_ms", "p99_ms", *(("before_p95_ms",) if compared else ()))
    rows: list[Row] = []
    if any(hour.latency.searches for hour in board.figures.hours):
        earlier = _hourly_latency_before(board)
        for hour in board.figures.hours:
            told = hour.latency
            known = is_known(board, hour)
            link = _hour_link(board, hour)
            before_ms = rounded(earlier.get((hour.day, hour.hour), Latency()).p95_ms)
            rows.append(
                (
                    (
                        _hour_cell(board, hour),
                        *_percentiles(told),
                        *((before_ms,) if compared else ()),
                        told.max_ms,
                        told.searches if known else None,
                    ),
                    replace(link, is_finished=True) if told.searches else None,
                )
            )
        columns, rows = _with_lacks(
            ("hour", *plotted, "max_ms", "searches"),
            rows,
            _hours_paused(board),
        )
        return build_chart(board, "latency", ChartKind.LINES, columns, rows, ("hour",), plotted)
    if len(board.figures.period) > DAILY_DAYS:
        weeks = _weeks_of(board)
        rows = _timed_weeks(board, weeks, compared=compared)
        columns, rows = _with_lacks(
            ("week", *plotted, "max_ms", "searches", "days"), rows, _weeks_paused(weeks)
        )
        return build_chart(board, "latency", ChartKind.LINES, columns, rows, ("week",), plotted)
    counted = _days_before(board)
    for point in board.figures.days:
        told = point.latency
        cells: tuple[Cell, ...] = (point.day, *_percentiles(told))
        if compared:
            before = counted.get(point.day)
            cells += (rounded(before.latency.p95_ms) if before else None,)
        cells += (told.max_ms, told.searches if point.counts is not None else None)
        taken = replace(_day_link(board, point.day), is_finished=True)
        rows.append((cells, taken if told.searches else None))
    columns, rows = _with_lacks(
        ("day", *plotted, "max_ms", "searches"),
        rows,
        [point.is_paused for point in board.figures.days],
    )
    return build_chart(board, "latency", ChartKind.LINES, columns, rows, ("day",), plotted)


def build_durations(board: Dashboard) -> Chart:
    """How many searches took how long, in steps of 1, 2, 5."""
    buckets = board.figures.latency.buckets
    rows: list[Row] = []
    if buckets:
        least, most = buckets[0].from_ms, buckets[-1].to_ms
        for bound, after in pairwise((*_bounds(), None)):
            if bound is None or bound >= most or (after is not None and after <= least):
                continue
            count = sum(
                bucket.searches
                for bucket in buckets
                if bound <= bucket.from_ms and (after is None or bucket.from_ms < after)
            )
            longest = None if after is None else after - 1
            took = replace(link_to_period(board), least_ms=bound, most_ms=longest, is_finished=True)
            rows.append(((bound, after, count), took if count else None))
    columns = ("from_ms", "to_ms", "searches")
    return build_chart(
        board, "durations", ChartKind.BARS, columns, rows, ("from_ms", "to_ms"), ("searches",)
    )


def build_heat(board: Dashboard) -> Chart:
    """Searches by weekday (1 is Monday) and hour; None where nothing is known: of hours that have
    not come, that were not recorded, or that clocks left out."""
    figures = board.figures
    known = [point.day for point in figures.days if point.counts is not None]
    weekdays = {day.weekday() for day in known}
    been = _hours_been(board, known)
    rows: list[Row] = []
    for weekday in range(7):
        for hour in range(24):
            count: int | None = None
            if weekday in weekdays and figures.heat:
                counted = figures.heat[weekday][hour]
                count = counted if counted or (weekday, hour) in been else None
            here = WeekHour(board.link_zone, weekday + 1, hour)
            link = replace(link_to_period(board), week_hour=here) if count else None
            rows.append(((weekday + 1, hour, count), link))
    return build_chart(
        board,
        "heat",
        ChartKind.HEAT,
        ("weekday", "hour", "searches"),
        rows,
        ("weekday", "hour"),
        ("searches",),
    )


def _with_lacks(
    columns: tuple[str, ...], rows: Sequence[Row], paused: Sequence[bool]
) -> tuple[tuple[str, ...], list[Row]]:
    """With why there is no data, where that is known of any row."""
    if not any(paused):
        return columns, [*rows]
    lacks = [DayLack.NOT_RECORDED.value if is_paused else None for is_paused in paused]
    told = [((*cells, lack), link) for (cells, link), lack in zip(rows, lacks, strict=True)]
    return (*columns, "lack"), told


def _hours_paused(board: Dashboard) -> list[bool]:
    """Of each hour whether it was not recorded; one that has not come may be yet."""
    return [
        point.is_paused and _has_begun(board, point.day, point.hour, point.begins_at)
        for point in board.figures.hours
    ]


def is_known(board: Dashboard, point: HourPoint) -> bool:
    """Whether an hour has begun, and was recorded."""
    if point.searches or point.is_paused:
        return point.searches > 0
    return _has_begun(board, point.day, point.hour, point.begins_at)


def _weeks_of(board: Dashboard) -> Weeks:
    weeks = groupby(board.figures.days, lambda point: monday_of(point.day))
    return [(monday, [*days]) for monday, days in weeks]


def _weeks_paused(weeks: Weeks) -> list[bool]:
    """Of each week whether some of it was not recorded."""
    return [any(point.is_paused for point in days) for _, days in weeks]


def _counted_weeks(
    board: Dashboard, weeks: Weeks, counted: Mapping[date, DayPoint], *, compared: bool
) -> list[Row]:
    """How many searches there were, with how many of the days are known and in the period."""
    rows: list[Row] = []
    for monday, days in weeks:
        parts = [(point.day, point.counts) for point in days if point.counts is not None]
        told = [counts for _, counts in parts]
        cells: tuple[Cell, ...] = (monday, None, None, None)
        link = None
        if told:
            searches = sum(counts.searches for counts in told)
            failed = sum(counts.failed + counts.partial for counts in told)
            cells = (monday, searches, sum(counts.zero for counts in told), failed)
            if searches:
                link = _week_link(board, monday)
        if compared:
            before = [counted[day].counts for day, _ in parts if day in counted]
            known = [counts.searches for counts in before if counts is not None]
            # Fewer days than those of the week would look like fewer searches.
            cells += (sum(known) if parts and len(known) == len(parts) else None,)
        rows.append(((*cells, len(parts)), link))
    return rows


def _timed_weeks(board: Dashboard, weeks: Weeks, *, compared: bool) -> list[Row]:
    """How long searches took, with how many of the days are known and in the period."""
    told = {week.monday: week.latency for week in board.figures.weeks}
    earlier = {week.monday: week.latency for week in board.before.weeks} if board.before else {}
    rows: list[Row] = []
    for monday, days in weeks:
        known = sum(point.counts is not None for point in days)
        latency = told.get(monday, Latency())
        cells: tuple[Cell, ...] = (monday, *_percentiles(latency))
        if compared:
            cells += (rounded(earlier.get(monday, Latency()).p95_ms),)
        cells += (latency.max_ms, latency.searches if known else None, known)
        taken = replace(_week_link(board, monday), is_finished=True)
        rows.append((cells, taken if latency.searches else None))
    return rows


def _percentiles(told: Latency) -> tuple[float | None, float | None, float | None]:
    return rounded(told.p50_ms), rounded(told.p95_ms), rounded(told.p99_ms)


def _days_before(board: Dashboard) -> dict[date, DayPoint]:
    """The days before, by the day that each is compared with."""
    if board.before is None:
        return {}
    later = timedelta(days=len(board.figures.period))
    return {point.day + later: point for point in board.before.days}


def _hours_before(board: Dashboard) -> dict[tuple[date, int], int]:
    if board.before is None:
        return {}
    later = timedelta(days=len(board.figures.period))
    found: dict[tuple[date, int], int] = {}
    for point in board.before.hours:
        if not is_known(board, point):
            continue
        # An hour that clocks showed twice counts as one.
        key = (point.day + later, point.hour)
        found[key] = found.get(key, 0) + point.searches
    return found


def _hourly_latency_before(board: Dashboard) -> dict[tuple[date, int], Latency]:
    if board.before is None:
        return {}
    later = timedelta(days=len(board.figures.period))
    found: dict[tuple[date, int], Latency] = {}
    for point in board.before.hours:
        # Percentiles cannot be added up: of an hour that clocks showed twice it is the first.
        found.setdefault((point.day + later, point.hour), point.latency)
    return found


def _has_begun(board: Dashboard, day: date, hour: int, begins_at: datetime | None) -> bool:
    if begins_at is not None:
        return begins_at <= board.now
    here = board.now.astimezone(find_zone(board.shown_zone))
    return (day, hour) <= (here.date(), here.hour)


def _hours_been(board: Dashboard, days: Sequence[date]) -> set[tuple[int, int]]:
    """Which hours of which weekdays there have been in ``days``, and were recorded."""
    zone, pauses = board.figures.zone, board.figures.pauses
    found: dict[int, set[int]] = {weekday: set() for weekday in range(7)}
    for day in days:
        met = found[day.weekday()]
        if len(met) == _HOURS:
            continue
        number = day_number(day)
        hours = hours_of_day(zone, number) if zone else [WallHour(h, 0) for h in range(_HOURS)]
        for hour in hours:
            begins_at = hour_begins(zone, number, hour) if zone else None
            if hour.hour in met or not _has_begun(board, day, hour.hour, begins_at):
                continue
            if not is_paused(pauses, day, hour.hour):
                met.add(hour.hour)
    return {(weekday, hour) for weekday, met in found.items() for hour in met}


def _hour_cell(board: Dashboard, point: HourPoint) -> datetime:
    if point.begins_at is not None:
        return point.begins_at.astimezone(find_zone(board.shown_zone))
    # Each by their own clock: an hour of no zone.
    return datetime(point.day.year, point.day.month, point.day.day, point.hour)  # noqa: DTZ001 - see above


def _hour_link(board: Dashboard, point: HourPoint) -> HistoryQuery:
    begins = datetime.combine(point.day, time(point.hour))
    # Each by their own clock.
    own = HistoryQuery(own_time=OwnTime(begins, begins + timedelta(hours=1)))
    if point.begins_at is None:
        # An hour that clocks show twice is one.
        return own
    if board.figures.is_everybodys and _comes_once(board, point):
        return own
    begins_at = point.begins_at
    # Where clocks are half an hour off, hours of UTC are not those of the wall.
    here = begins_at.astimezone(find_zone(board.shown_zone))
    lasts = timedelta(hours=1) - timedelta(minutes=here.minute, seconds=here.second)
    instants = HistoryQuery(from_at=begins_at, to_at=begins_at + lasts)
    return replace(instants, own_time=own.own_time) if board.figures.is_everybodys else instants


def _comes_once(board: Dashboard, point: HourPoint) -> bool:
    same = [each for each in board.figures.hours if each.day == point.day]
    return sum(each.hour == point.hour for each in same) == 1


def _day_link(board: Dashboard, day: date) -> HistoryQuery:
    return link_to_days(board, Period(day, day))


def _week_link(board: Dashboard, monday: date) -> HistoryQuery:
    """The days of a week that are in the period."""
    period = board.figures.period
    last = min(monday + timedelta(days=6), period.last)
    return link_to_days(board, Period(max(monday, period.first), last))


def _bounds() -> list[int]:
    found = [0]
    power = 1
    while power <= _WIDEST_MS:
        found += [power * step for step in _STEPS]
        power *= 10
    return found
