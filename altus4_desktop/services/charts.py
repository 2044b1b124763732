"""Charts of the figures of a period, as tables; asks nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise
from typing import TypedDict

from altus4_desktop.domain.analytics import QUERY_CHARS
from altus4_desktop.domain.charts import AT_LEAST, Cell, Chart, ChartKind
from altus4_desktop.domain.custom_metrics import DayLack
from altus4_desktop.domain.figures import (
    DayPoint,
    Figures,
    HourPoint,
    Latency,
    Period,
    UserUse,
    ZeroQuery,
)
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery, OwnTime, WeekHour
from altus4_desktop.domain.local_days import (
    WallHour,
    day_bounds,
    day_number,
    find_zone,
    hour_begins,
    hours_of_day,
    instant_of,
)
from altus4_desktop.domain.recording import is_paused
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.domain.spreadsheet import csv_text
from altus4_desktop.domain.zero_causes import ZeroCause
from altus4_desktop.services.cause_words import ELSEWHERE, NOT_KNOWN, REWORDED, cause_words
from altus4_desktop.services.insight_rules import is_alike

MOST_ROWS = 50
"""How many rows a ranked chart has at most."""
HOURLY_DAYS = 2
"""Up to how many days are charted by the hour."""
_HOURS = 24
_MARK = 8
# Of a month, the rest of a day is little.
_SHORT_DAYS = 7
DAILY_DAYS = 92
"""Up to how many days, a quarter, searches are charted by the day; beyond that by the week."""
NO_COUNT = "?"
"""What stands in a trend for a part of the period of which no count is sure."""
_STEPS = (1, 2, 5)
_WIDEST_MS = 1_000_000
_OPERATORS = frozenset('+-"()*~<>')
# What may as well be explained by what else was searched.
_UNSURE = (ZeroCause.ABSENT, ZeroCause.OPERATORS, NOT_KNOWN)


class _About(TypedDict):
    text: str
    whole: bool


Row = tuple[tuple[Cell, ...], HistoryQuery | None]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What charts are made of. ``zone`` is the time zone of who looks; ``before`` are the figures
    of the period before, None: nothing is compared; ``users`` None: not theirs to see."""

    figures: Figures
    zone: str
    now: datetime
    before: Figures | None = None
    users: Sequence[UserUse] | None = None

    @property
    def shown_zone(self) -> str:
        """The zone of axis, table and file."""
        return self.figures.zone or self.zone or "UTC"

    @property
    def link_zone(self) -> str:
        """By whose clock the history is asked for days, "": that of whoever searched, who may not
        have the clock of who looks."""
        return own_zone(self.figures, self.zone)


def build_charts(board: Dashboard, first: tuple[Chart, ...] | None = None) -> tuple[Chart, ...]:
    """Every chart, in the order in which they are shown; ``first``: what `build_first_charts` has
    made of the same days."""
    charts = [
        *(build_first_charts(board) if first is None else first),
        build_modes(board),
        build_sources(board),
        build_popular(board),
        build_zero(board),
        build_slowest(board),
    ]
    if board.users is not None:
        charts.append(build_users(board, board.users))
    charts.append(build_keys(board))
    return tuple(charts)


def build_first_charts(board: Dashboard) -> tuple[Chart, ...]:
    """Those that need no more than the numbers and durations of days."""
    return (
        build_searches(board),
        build_latency(board),
        build_durations(board),
        build_heat(board),
    )


def chart_csv(chart: Chart) -> str:
    """The rows of ``chart`` under their names; what is not known is empty, a cause is in words, and
    a text that a spreadsheet would run has an apostrophe before it."""
    rows = chart.rows
    if "cause" in chart.columns:
        place, shows = chart.columns.index("cause"), chart.columns.index("evidence")
        rows = tuple(
            (*row[:place], cause_words(str(row[place]), str(row[shows])).text, *row[place + 1 :])
            for row in rows
        )
    lines = [chart.columns, *(tuple(map(_csv_cell, row)) for row in rows)]
    return "".join(f"{','.join(line)}\r\n" for line in lines)


def _csv_cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return csv_text(cell)
        case datetime() | date():
            return cell.isoformat()
        case _:
            return str(cell)


# Over time


def build_searches(board: Dashboard) -> Chart:
    """How many searches there were each day, each hour of a day or two, or each week of more than a
    quarter."""
    compared = board.before is not None
    columns = ("searches", "zero", "failed", *(("before",) if compared else ()))
    plotted = ("searches", *(("before",) if compared else ()))
    rows: list[Row] = []
    paused = [point.is_paused for point in board.figures.days]
    if len(board.figures.period) <= HOURLY_DAYS and board.figures.hours:
        earlier = _hours_before(board)
        for point in board.figures.hours:
            known = _is_known(board, point)
            cells: tuple[Cell, ...] = (_hour_cell(board, point), point.searches if known else None)
            if compared:
                cells += (earlier.get((point.day, point.hour)),)
            rows.append((cells, _hour_link(board, point) if point.searches else None))
        columns, rows = _with_lacks(("hour", *plotted), rows, _hours_paused(board))
        return _chart(board, "searches", ChartKind.BARS, columns, rows, ("hour",), plotted)
    counted = _days_before(board)
    if len(board.figures.period) > DAILY_DAYS:
        rows = _weeks(board, counted, compared=compared)
        weeks = groupby(board.figures.days, lambda point: _monday(point.day))
        paused = [any(point.is_paused for point in days) for _, days in weeks]
        columns, rows = _with_lacks(("week", *columns, "days"), rows, paused)
        return _chart(board, "searches", ChartKind.BARS, columns, rows, ("week",), plotted)
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
    return _chart(board, "searches", ChartKind.BARS, columns, rows, ("day",), plotted)


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


def _is_known(board: Dashboard, point: HourPoint) -> bool:
    if point.searches or point.is_paused:
        return point.searches > 0
    return _has_begun(board, point.day, point.hour, point.begins_at)


def _weeks(board: Dashboard, counted: Mapping[date, DayPoint], *, compared: bool) -> list[Row]:
    """ISO weeks by their Mondays, with how many of their days are known and in the period."""
    period = board.figures.period
    rows: list[Row] = []
    for monday, days in groupby(board.figures.days, lambda point: _monday(point.day)):
        parts = [(point.day, point.counts) for point in days if point.counts is not None]
        told = [counts for _, counts in parts]
        cells: tuple[Cell, ...] = (monday, None, None, None)
        link = None
        if told:
            searches = sum(counts.searches for counts in told)
            failed = sum(counts.failed + counts.partial for counts in told)
            cells = (monday, searches, sum(counts.zero for counts in told), failed)
            if searches:
                last = min(monday + timedelta(days=6), period.last)
                link = _days_link(board, Period(max(monday, period.first), last))
        if compared:
            before = [counted[day].counts for day, _ in parts if day in counted]
            known = [counts.searches for counts in before if counts is not None]
            # Fewer days than those of the week would look like fewer searches.
            cells += (sum(known) if parts and len(known) == len(parts) else None,)
        rows.append(((*cells, len(parts)), link))
    return rows


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def build_latency(board: Dashboard) -> Chart:
    """Percentiles of each day, or of each hour of a day or two, in milliseconds."""
    compared = board.before is not None
    plotted = ("p50_ms", "p95_ms", "p99_ms", *(("before_p95_ms",) if compared else ()))
    rows: list[Row] = []
    if any(hour.latency.searches for hour in board.figures.hours):
        earlier = _hourly_latency_before(board)
        for hour in board.figures.hours:
            told = hour.latency
            known = _is_known(board, hour)
            link = _hour_link(board, hour)
            before_ms = _rounded(earlier.get((hour.day, hour.hour), Latency()).p95_ms)
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
        return _chart(board, "latency", ChartKind.LINES, columns, rows, ("hour",), plotted)
    counted = _days_before(board)
    for point in board.figures.days:
        told = point.latency
        cells: tuple[Cell, ...] = (point.day, *_percentiles(told))
        if compared:
            before = counted.get(point.day)
            cells += (_rounded(before.latency.p95_ms) if before else None,)
        cells += (told.max_ms, told.searches if point.counts is not None else None)
        taken = replace(_day_link(board, point.day), is_finished=True)
        rows.append((cells, taken if told.searches else None))
    columns, rows = _with_lacks(
        ("day", *plotted, "max_ms", "searches"),
        rows,
        [point.is_paused for point in board.figures.days],
    )
    return _chart(board, "latency", ChartKind.LINES, columns, rows, ("day",), plotted)


def _percentiles(told: Latency) -> tuple[float | None, float | None, float | None]:
    return _rounded(told.p50_ms), _rounded(told.p95_ms), _rounded(told.p99_ms)


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
            took = replace(_period_link(board), least_ms=bound, most_ms=longest, is_finished=True)
            rows.append(((bound, after, count), took if count else None))
    columns = ("from_ms", "to_ms", "searches")
    return _chart(
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
            link = replace(_period_link(board), week_hour=here) if count else None
            rows.append(((weekday + 1, hour, count), link))
    return _chart(
        board,
        "heat",
        ChartKind.HEAT,
        ("weekday", "hour", "searches"),
        rows,
        ("weekday", "hour"),
        ("searches",),
    )


# By what was searched


def build_modes(board: Dashboard) -> Chart:
    """How much each mode was used."""
    total = sum(share.searches for share in board.figures.modes)
    rows: list[Row] = [
        (
            (
                share.mode,
                share.searches,
                _share(share.searches, total),
                share.zero,
                share.failed,
            ),
            replace(_period_link(board), mode=_mode(share.mode)) if _mode(share.mode) else None,
        )
        for share in board.figures.modes
    ]
    columns = ("mode", "searches", "share_percent", "zero", "failed")
    return _chart(board, "modes", ChartKind.RANKED, columns, rows, ("mode",), ("searches",))


def build_sources(board: Dashboard) -> Chart:
    """How often each connection was asked, alone or among others, of all searches; without a name:
    what days with very many sets of connections do not tell apart."""
    total = board.figures.counts.searches
    rows: list[Row] = [
        (
            (
                share.connection,
                share.searches,
                _share(share.searches, total),
                share.failed,
                _rounded(share.latency.p50_ms),
                _rounded(share.latency.p95_ms),
            ),
            replace(_period_link(board), connection_name=share.connection),
        )
        for share in board.figures.sources
    ]
    if others := board.figures.unlisted_sources:
        place = sum(share.searches >= others for share in board.figures.sources)
        rows.insert(place, ((None, others, _share(others, total), None, None, None), None))
    columns = ("connection", "searches", "share_percent", "failed", "p50_ms", "p95_ms")
    return _chart(board, "sources", ChartKind.RANKED, columns, rows, ("connection",), ("searches",))


def build_popular(board: Dashboard) -> Chart:
    """What was searched most often, and how that went on."""
    # Of days of which nothing is known it is not known either how often it was searched.
    compared = board.before is not None and all(day.counts is not None for day in board.before.days)
    rows: list[Row] = []
    for query in board.figures.popular:
        cells: tuple[Cell, ...] = (query.text, query.searches)
        if compared:
            cells += (query.before,)
        trend = " ".join(NO_COUNT if count is None else str(count) for count in query.trend)
        cells += (query.zero, _rounded(query.mean_ms), trend)
        rows.append((cells, replace(_period_link(board), **_about(query.text))))
    columns = ("query", "searches", *(("before",) if compared else ()), "zero", "mean_ms", "trend")
    least = [
        " ".join(
            (
                *(() if query.is_exact else ("searches", "zero")),
                *(() if query.is_exact_before or not compared else ("before",)),
            )
        )
        for query in board.figures.popular
    ]
    columns, rows = _with_least(columns, rows, least)
    chart = _chart(board, "popular", ChartKind.RANKED, columns, rows, ("query",), ("searches",))
    chart = replace(chart, goes_on=_goes_on(board))
    return _with_others(chart, board.figures.unlisted, rows)


def _goes_on(board: Dashboard) -> bool:
    """Whether so much of the period is to come that it cannot be less than what was before."""
    today = board.now.astimezone(find_zone(board.shown_zone)).date()
    return len(board.figures.period) <= _SHORT_DAYS and today in board.figures.period


def _with_least(
    columns: tuple[str, ...], rows: list[Row], least: Sequence[str]
) -> tuple[tuple[str, ...], list[Row]]:
    """With the names of the columns in which each row may have more, if any may."""
    if not any(least):
        return columns, rows
    told = [
        ((*cells, names or None), link) for (cells, link), names in zip(rows, least, strict=True)
    ]
    return (*columns, AT_LEAST), told


def _with_others(chart: Chart, unlisted: int, rows: Sequence[Row]) -> Chart:
    """With how many searches had other texts than it lists."""
    place = chart.columns.index("searches")
    left_out = sum(int(str(cells[place])) for cells, _ in rows[len(chart.rows) :])
    return replace(chart, others=unlisted + left_out)


def build_zero(board: Dashboard) -> Chart:
    """What was searched and not found, and why."""
    found = _Findings.of(board.figures)
    by_text: dict[str, list[ZeroQuery]] = {}
    for query in board.figures.zero:
        by_text.setdefault(query.text, []).append(query)
    rows: list[Row] = []
    for text, parts in sorted(by_text.items(), key=lambda item: -_sum_of(item[1])):
        modes = [*dict.fromkeys(part.mode for part in parts)]
        connections = dict.fromkeys(name for part in parts for name in part.connections)
        # The part that was searched most often stands for all.
        cause, evidence = found.explain(replace(parts[0], connections=tuple(connections)))
        cells = (
            text,
            _sum_of(parts),
            cause,
            evidence,
            ", ".join(modes),
            ", ".join(connections),
        )
        link = replace(
            _period_link(board),
            **_about(text),
            mode=_mode(modes[0]) if len(modes) == 1 else None,
            outcome=HistoryOutcome.NONE,
        )
        rows.append((cells, link))
    columns: tuple[str, ...] = ("query", "searches", "cause", "evidence", "mode", "connections")
    least = ["" if by_text[str(cells[0])][0].is_exact else "searches" for cells, _ in rows]
    columns, rows = _with_least(columns, rows, least)
    chart = _chart(board, "zero", ChartKind.RANKED, columns, rows, ("query",), ("searches",))
    return _with_others(chart, board.figures.unlisted_zero, rows)


def _sum_of(parts: Sequence[ZeroQuery]) -> int:
    return sum(part.searches for part in parts)


def build_slowest(board: Dashboard) -> Chart:
    """The slowest searches, each by itself, and how it ended: what failed for want of an answer
    took as long as it was waited for."""
    place = find_zone(board.zone or "UTC")
    rows: list[Row] = [
        (
            (
                slow.text,
                slow.ms,
                slow.outcome,
                slow.at.astimezone(place),
                slow.mode,
                ", ".join(slow.connections),
            ),
            HistoryQuery(
                **_about(slow.text),
                mode=_mode(slow.mode),
                from_at=slow.at,
                to_at=slow.at + timedelta(seconds=1),
                least_ms=slow.ms,
                most_ms=slow.ms,
            ),
        )
        for slow in board.figures.slowest
    ]
    columns = ("query", "ms", "outcome", "at", "mode", "connections")
    return _chart(board, "slowest", ChartKind.RANKED, columns, rows, ("query",), ("ms",))


# By whom


def build_users(board: Dashboard, users: Sequence[UserUse]) -> Chart:
    """How much each person searched."""
    rows: list[Row] = [
        (
            (user.name or user.email, user.email, user.searches, user.zero, user.failed),
            replace(_period_link(board), user_id=user.user_id),
        )
        for user in users
        if user.searches
    ]
    columns = ("user", "email", "searches", "zero", "failed")
    return _chart(board, "users", ChartKind.RANKED, columns, rows, ("user",), ("searches",))


def build_keys(board: Dashboard) -> Chart:
    """How much was searched by each API key; without an id and a name: by people."""
    rows: list[Row] = [
        (
            (use.name, use.key_id, use.searches, use.failed),
            replace(_period_link(board), key_id=use.key_id),
        )
        for use in board.figures.keys
    ]
    columns = ("key", "key_id", "searches", "failed")
    return _chart(board, "keys", ChartKind.RANKED, columns, rows, ("key", "key_id"), ("searches",))


def key_mark(chart: Chart, row: int) -> str | None:
    """How the id of an API key begins, "" where its name alone tells it from the others; None of
    searches without a key."""
    key_id, name = str(chart.cell(row, "key_id") or ""), chart.cell(row, "key")
    if not key_id:
        return None
    return key_id[:_MARK] if name is None or chart.values("key").count(name) > 1 else ""


# Why nothing was found


@dataclass(frozen=True, slots=True)
class _Findings:
    """What was known when it was searched, and what else was searched, tell why a text was not
    found."""

    known: Mapping[tuple[str, str], str]
    """The cause that was noted most often with a text in a mode."""
    mended: Mapping[str, str]
    """The text alike that was searched next most often and found something."""
    fruitful: Mapping[str, tuple[int, bool]]
    """How often a text did find something, and whether that is all."""

    @classmethod
    def of(cls, figures: Figures) -> _Findings:
        mended: dict[str, tuple[int, str]] = {}
        for pair in figures.reformulations:
            if not is_alike(pair.before, pair.after):
                continue
            if pair.mended > mended.get(pair.before, (0, ""))[0]:
                mended[pair.before] = (pair.mended, pair.after)
        fruitful = {
            query.text: (query.searches - query.zero, query.is_exact) for query in figures.popular
        }
        known: dict[tuple[str, str], str] = {}
        for count in figures.causes:
            known.setdefault((count.text, count.mode), count.cause)
        return cls(known, {text: after for text, (_, after) in mended.items()}, fruitful)

    def explain(self, query: ZeroQuery) -> tuple[str, str]:
        """The cause as `cause_words` knows it, and what shows it."""
        known = self.known.get((query.text, query.mode), NOT_KNOWN)
        if known not in _UNSURE:
            return known, ""
        if query.text in self.mended:
            return REWORDED, self.mended[query.text]
        times, is_exact = self.fruitful.get(query.text, (0, True))
        if times > 0:
            return ELSEWHERE, f"{times}" if is_exact else f"≥ {times}"
        if known == ZeroCause.OPERATORS:
            return known, "".join(sorted(_OPERATORS & {*query.text}))
        return known, ""


# Parts


def _chart(
    board: Dashboard,
    name: str,
    kind: ChartKind,
    columns: tuple[str, ...],
    rows: Sequence[Row],
    label: tuple[str, ...],
    plotted: tuple[str, ...],
) -> Chart:
    kept = rows[:MOST_ROWS] if kind is ChartKind.RANKED else rows
    return Chart(
        name=name,
        kind=kind,
        columns=columns,
        rows=tuple(cells for cells, _ in kept),
        label=label,
        plotted=plotted,
        links=tuple(link for _, link in kept),
        zone=board.zone or "UTC" if name == "slowest" else board.figures.zone,
        left_out=len(rows) - len(kept),
    )


def _about(text: str) -> _About:
    """That text and no other; of a long one only the beginning is known."""
    return {"text": text, "whole": len(text) < QUERY_CHARS}


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
        if not _is_known(board, point):
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
            begins_at = hour_begins(number, hour) if zone else None
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
    return _days_link(board, Period(day, day))


def _period_link(board: Dashboard) -> HistoryQuery:
    return _days_link(board, board.figures.period)


def _days_link(board: Dashboard, days: Period) -> HistoryQuery:
    return days_link(days, board.link_zone)


def own_zone(figures: Figures, zone: str) -> str:
    """``zone`` where the days of ``figures`` are those of its clock, else "": each person's own.

    Of everybody's it is always that: who has another clock and did not search on these days may
    have searched between the same instants.
    """
    return zone if figures.zone == zone and not figures.is_everybodys else ""


def days_link(days: Period, zone: str) -> HistoryQuery:
    """The searches of these days by the clock of ``zone``, "": of whoever searched."""
    if not zone:
        begins, ends = (
            datetime.combine(day, time()) for day in (days.first, days.last + timedelta(days=1))
        )
        return HistoryQuery(own_time=OwnTime(begins, ends))
    begins_s, ends_s = day_bounds(zone, day_number(days.first), day_number(days.last))
    return HistoryQuery(from_at=instant_of(begins_s), to_at=instant_of(ends_s))


def _bounds() -> list[int]:
    found = [0]
    power = 1
    while power <= _WIDEST_MS:
        found += [power * step for step in _STEPS]
        power *= 10
    return found


def _mode(name: str) -> SearchMode | None:
    try:
        return SearchMode(name)
    except ValueError:
        return None


def _share(part: int, total: int) -> float | None:
    return round(100 * part / total, 1) if total else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
