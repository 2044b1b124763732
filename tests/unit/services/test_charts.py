"""What charts are made of: each figure once, gaps as gaps, links to the searches behind."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.charts import Cell, Chart
from altus4_desktop.domain.figures import (
    Bucket,
    CauseCount,
    Counts,
    DayPoint,
    Figures,
    HourPoint,
    Latency,
    Period,
    PopularQuery,
    Reformulation,
    UserUse,
    ZeroQuery,
)
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery, OwnTime, WeekHour
from altus4_desktop.domain.recording import Pause
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.domain.spreadsheet import guarded
from altus4_desktop.services.cause_words import cause_words
from altus4_desktop.services.charts.board import MOST_ROWS, Dashboard
from altus4_desktop.services.charts.csv_file import chart_csv
from altus4_desktop.services.charts.dashboard import build_charts
from altus4_desktop.ui.panes.analytics.wording import hover_words, row_words
from tests.ui.analytics import make_figures

_NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
_MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))


def _board(figures: Figures, **more: object) -> Dashboard:
    board = Dashboard(figures, "Europe/Berlin", _NOW)
    return replace(board, **more)  # type: ignore[arg-type]  # names are checked by replace


def _charts(board: Dashboard) -> dict[str, Chart]:
    return {chart.name: chart for chart in build_charts(board)}


def _as_written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, date):
        return cell.isoformat()
    return guarded(cell) if isinstance(cell, str) else str(cell)


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_COUNTS = st.one_of(
    st.none(), st.builds(Counts, st.integers(0, 10**6), st.integers(0, 9), zero=st.integers(0, 9))
)


@st.composite
def _figures(draw: st.DrawFn) -> Figures:
    first = draw(st.dates(date(2000, 1, 1), date(2030, 1, 1)))
    period = Period(first, first + timedelta(days=draw(st.integers(0, 40))))
    ms = st.one_of(st.none(), st.floats(0, 60_000))
    days = tuple(
        DayPoint(day, draw(_COUNTS), Latency(1, None, draw(ms), draw(ms), draw(ms), 9))
        for day in period
    )
    taken = draw(st.dictionaries(st.integers(0, 99), st.integers(1, 9), max_size=5))
    buckets = tuple(Bucket(low, low + 1, count) for low, count in sorted(taken.items()))
    queries = draw(st.lists(_TEXTS, max_size=60))
    return replace(
        make_figures(period, draw(st.sampled_from(["", "UTC", "Asia/Kolkata"]))),
        days=days,
        latency=Latency(sum(taken.values()), buckets=buckets),
        popular=tuple(PopularQuery(text, 2, 1, 3.25, (1, 1), 0) for text in queries),
        zero=tuple(ZeroQuery(text, "natural", (text,), 1) for text in queries),
    )


@given(_figures(), st.booleans())
def test_what_is_written_is_what_is_plotted(figures: Figures, compared: bool) -> None:
    before = make_figures(figures.period.before()) if compared else None
    users = [UserUse("u1", "=1+1", "a@example.org", 3, 0, 0)]
    for chart in build_charts(_board(figures, before=before, users=users)):
        lines = list(csv.reader(io.StringIO(chart_csv(chart), newline="")))
        written = [[_as_written(cell) for cell in row] for row in chart.rows]
        columns = list(chart.columns)
        if chart.name in ("searches", "latency", "heat"):
            columns.append("time_zone")
            for row in written:
                row.append(figures.zone or "each person's own")
        assert lines[0] == columns
        if chart.name == "zero":
            for row in written:
                row[2] = cause_words(row[2], row[3]).text
        assert lines[1:] == written
        assert len(chart.links) == len(chart.rows)
        for column in chart.plotted:
            assert len(chart.numbers(column)) == len(chart.rows)


@given(_figures())
def test_nothing_is_lost_and_gaps_stay_gaps(figures: Figures) -> None:
    charts = _charts(_board(figures))
    told = charts["searches"].values("searches")
    assert told == tuple(p.counts.searches if p.counts else None for p in figures.days)
    assert sum(charts["durations"].numbers("searches")) == figures.latency.searches  # type: ignore[arg-type]  # none is None
    known = {point.day.weekday() for point in figures.days if point.counts is not None}
    for weekday, _, count in charts["heat"].rows:
        assert isinstance(weekday, int)
        assert count is None or weekday - 1 in known
    assert sum(filter(None, charts["heat"].numbers("searches"))) == sum(
        count for weekday in known for count in figures.heat[weekday]
    )
    assert len(charts["popular"].rows) == min(MOST_ROWS, len(figures.popular))
    assert charts["popular"].left_out == max(0, len(figures.popular) - MOST_ROWS)


def test_a_day_that_is_23_hours_long_leads_to_its_own_searches() -> None:
    board = _board(make_figures(_MARCH, "Europe/Berlin"))
    chart = _charts(board)["searches"]
    row = chart.values("day").index(date(2026, 3, 29))
    assert chart.links[row] == HistoryQuery(
        from_at=datetime(2026, 3, 28, 23, tzinfo=UTC), to_at=datetime(2026, 3, 29, 22, tzinfo=UTC)
    )
    assert chart.links[0] is None
    assert chart.links[1] is None


def test_more_than_a_quarter_is_charted_by_the_week() -> None:
    # From a Friday to a Wednesday; of the first two days nothing is known.
    year = Period(date(2025, 8, 1), date(2026, 2, 4))
    figures = make_figures(year, "Europe/Berlin")
    days = (DayPoint(date(2025, 8, 1), None), DayPoint(date(2025, 8, 2), None), *figures.days[2:])
    figures = replace(figures, days=days)
    before = make_figures(year.before(), "Europe/Berlin")
    chart = _charts(_board(figures, before=before))["searches"]
    assert chart.columns == ("week", "searches", "zero", "failed", "before", "days")
    weeks = chart.values("week")
    assert weeks[0] == date(2025, 7, 28)
    assert weeks[-1] == date(2026, 2, 2)
    assert all(isinstance(week, date) and week.weekday() == 0 for week in weeks)
    assert chart.values("days") == (1, *[7] * 26, 3)
    # The Sunday is the third day of the period, which has 7 searches; then the days from 8 to 14.
    assert chart.values("searches")[:2] == (7, sum(range(8, 15)))
    assert chart.values("failed")[:2] == (1, 7)
    assert chart.values("zero")[:2] == (2, 14)
    known = [point.counts.searches for point in figures.days if point.counts is not None]
    assert sum(value or 0 for value in chart.numbers("searches")) == sum(known)
    assert chart.values("before")[1] == sum(range(8, 15))
    midnight = datetime(2025, 7, 31, 22, tzinfo=UTC)
    assert chart.links[0] == HistoryQuery(
        from_at=midnight, to_at=datetime(2025, 8, 3, 22, tzinfo=UTC)
    )
    assert chart.links[-1] == HistoryQuery(
        from_at=datetime(2026, 2, 1, 23, tzinfo=UTC), to_at=datetime(2026, 2, 4, 23, tzinfo=UTC)
    )
    quarter = replace(figures, period=Period(date(2025, 8, 1), date(2025, 10, 31)), days=days[:92])
    assert _charts(_board(quarter))["searches"].label == ("day",)


def test_a_week_of_which_nothing_is_known_is_a_gap() -> None:
    year = Period(date(2025, 8, 4), date(2026, 2, 4))
    figures = make_figures(year)
    lost = tuple(DayPoint(point.day, None) for point in figures.days[:7])
    figures = replace(figures, days=lost + figures.days[7:])
    before = make_figures(year.before())
    short = replace(
        before, days=(*before.days[:8], DayPoint(before.days[8].day, None), *before.days[9:])
    )
    chart = _charts(_board(figures, before=short))["searches"]
    assert chart.rows[0] == (date(2025, 8, 4), None, None, None, None, 0)
    assert chart.links[0] is None
    # One of the days before is not known: what is known of them is no week.
    assert chart.values("before")[1] is None
    assert chart.values("before")[2] is not None


def test_how_long_more_than_a_quarter_took_is_charted_by_the_week() -> None:
    # From a Friday to a Wednesday; of the week from 11 August nothing is known.
    year = Period(date(2025, 8, 1), date(2026, 2, 4))
    figures = make_figures(year, "Europe/Berlin")
    days = [*figures.days]
    days[10:17] = (DayPoint(point.day, None, is_paused=True) for point in days[10:17])
    gone = date(2025, 8, 11)
    weeks = tuple(week for week in figures.weeks if week.monday != gone)
    figures = replace(figures, days=tuple(days), weeks=weeks)
    before = make_figures(year.before(), compared_to=year)
    before = replace(before, weeks=before.weeks[1:])
    chart = _charts(_board(figures, before=before))["latency"]
    plotted = ("p50_ms", "p95_ms", "p99_ms", "before_p95_ms")
    assert (chart.label, chart.plotted) == (("week",), plotted)
    assert chart.columns == ("week", *plotted, "max_ms", "searches", "days", "lack")
    assert chart.rows[0] == (date(2025, 7, 28), 30.0, 90.0, 1200.0, None, 1200, 6, 2, None)
    assert chart.rows[1] == (date(2025, 8, 4), 30.0, 90.0, 1200.0, 90.0, 1200, 6, 7, None)
    assert chart.rows[2] == (gone, None, None, None, 90.0, None, None, 0, "not_recorded")
    assert chart.links[2] is None
    assert chart.links[-1] == HistoryQuery(
        from_at=datetime(2026, 2, 1, 23, tzinfo=UTC),
        to_at=datetime(2026, 2, 4, 23, tzinfo=UTC),
        is_finished=True,
    )
    quarter = replace(figures, period=Period(year.first, date(2025, 10, 31)), days=tuple(days[:92]))
    assert _charts(_board(quarter))["latency"].label == ("day",)


def test_hours_of_a_day_that_have_not_come_are_gaps() -> None:
    today = Period(_NOW.date(), _NOW.date())
    begin = datetime(2026, 3, 30, 22, tzinfo=UTC)
    hours = tuple(
        HourPoint(today.first, hour, begin + timedelta(hours=hour), 3 if hour == 10 else 0)
        for hour in range(24)
    )
    figures = replace(make_figures(today, "Europe/Berlin"), hours=hours)
    chart = _charts(_board(figures))["searches"]
    # It is 14 o'clock in Berlin.
    assert [value is None for value in chart.values("searches")] == [h > 14 for h in range(24)]
    assert str(chart.values("hour")[10]) == "2026-03-31 10:00:00+02:00"
    link = chart.links[10]
    assert link == HistoryQuery(
        from_at=datetime(2026, 3, 31, 8, tzinfo=UTC), to_at=datetime(2026, 3, 31, 9, tzinfo=UTC)
    )


def _heat(figures: Figures, now: datetime = _NOW) -> dict[tuple[Cell, Cell], Cell]:
    rows = _charts(Dashboard(figures, "Europe/Berlin", now))["heat"].rows
    return {(weekday, hour): count for weekday, hour, count in rows}


def test_hours_that_have_not_come_or_were_left_out_are_gaps_of_the_heat_map() -> None:
    week = Period(date(2026, 3, 25), date(2026, 3, 31))
    days = tuple(DayPoint(day, Counts()) for day in week)
    nothing = tuple((0,) * 24 for _ in range(7))
    for zone in ("Europe/Berlin", ""):
        figures = replace(make_figures(week, zone), days=days, heat=nothing)
        heat = _heat(figures)
        # Tuesday the 31st, 14 o'clock in Berlin; on Sunday the clocks went from 2 to 3.
        gaps = {(2, hour) for hour in range(15, 24)} | ({(7, 2)} if zone else set())
        assert {place for place, count in heat.items() if count is None} == gaps
    # Among several Sundays and Tuesdays each hour has been.
    fortnight = Period(date(2026, 3, 18), week.last)
    days = tuple(DayPoint(day, Counts()) for day in fortnight)
    heat = _heat(replace(make_figures(fortnight, "Europe/Berlin"), days=days, heat=nothing))
    assert {*heat.values()} == {0}


def test_a_day_tells_by_the_hour_how_long_searches_took() -> None:
    today = Period(_NOW.date(), _NOW.date())
    begin = datetime(2026, 3, 30, 22, tzinfo=UTC)

    def hours(day: date, p95_ms: float) -> tuple[HourPoint, ...]:
        took = {hour: Latency(2, 9.0, 8.0, p95_ms, 99.0, 100) for hour in (9, 10)}
        return tuple(
            HourPoint(day, hour, begin + timedelta(hours=hour), 2, took.get(hour, Latency()))
            for hour in range(24)
        )

    figures = replace(make_figures(today, "Europe/Berlin"), hours=hours(today.first, 50.0))
    earlier = today.before()
    before = replace(make_figures(earlier), hours=hours(earlier.first, 70.0))
    chart = _charts(_board(figures, before=before))["latency"]
    assert chart.columns[0] == "hour"
    assert chart.plotted == ("p50_ms", "p95_ms", "p99_ms", "before_p95_ms")
    assert len(chart.rows) == 24
    assert chart.rows[9][1:] == (8.0, 50.0, 99.0, 70.0, 100, 2)
    assert chart.rows[11][1:4] == (None, None, None)
    assert [row for row, link in enumerate(chart.links) if link] == [9, 10]
    # Days that were counted before hours were keep their figure.
    old = replace(figures, hours=tuple(replace(h, latency=Latency()) for h in figures.hours))
    assert _charts(_board(old))["latency"].columns[0] == "day"


def test_searches_whose_connections_are_not_told_apart_are_a_row() -> None:
    figures = replace(make_figures(_MARCH), unlisted_sources=15)
    chart = _charts(_board(figures))["sources"]
    assert chart.rows[-1] == (None, 15, 25.0, None, None, None)
    assert chart.links[-1] is None
    assert row_words(chart, 1) == "Others, not told apart"


def test_an_hour_that_comes_twice_is_told_apart_in_words() -> None:
    day = Period(date(2026, 10, 25), date(2026, 10, 25))
    begin = datetime(2026, 10, 24, 22, tzinfo=UTC)
    hours = tuple(
        HourPoint(day.first, number - (number > 2), begin + timedelta(hours=number), 1)
        for number in range(25)
    )
    chart = _charts(_board(replace(make_figures(day, "Europe/Berlin"), hours=hours)))["searches"]
    words = [row_words(chart, row) for row in range(25)]
    assert words[1:5] == [
        "2026-10-25 01:00",
        "2026-10-25 02:00 +02:00",
        "2026-10-25 02:00 +01:00",
        "2026-10-25 03:00",
    ]
    assert len({*words}) == 25


def test_days_are_compared_with_those_as_long_before() -> None:
    figures, before = make_figures(_MARCH), make_figures(_MARCH.before())
    chart = _charts(_board(figures, before=before))["searches"]
    assert chart.plotted == ("searches", "before")
    assert chart.values("before")[:3] == (None, 0, 7)
    assert _charts(_board(figures))["searches"].plotted == ("searches",)


def test_why_nothing_was_found() -> None:
    figures = replace(
        make_figures(_MARCH),
        reformulations=(
            Reformulation("plasma", "coffee", 9, 9),
            Reformulation("invoise", "tea", 9, 9),
            *make_figures(_MARCH).reformulations,
        ),
        zero=(
            *make_figures(_MARCH).zero,
            ZeroQuery("invoice", "natural", ("A",), 1),
            ZeroQuery("plasma", "natural", ("A", "B"), 1),
        ),
    )
    chart = _charts(_board(figures))["zero"]
    causes = list(zip(chart.values("cause"), chart.values("evidence"), strict=True))
    assert causes == [
        ("reworded", "invoice"),
        ("not_known", ""),
        ("elsewhere", "20"),
        ("not_known", ""),
    ]
    link = chart.links[1]
    assert link is not None
    assert (link.text, link.mode, link.outcome) == (
        "+ink -paper",
        SearchMode.BOOLEAN,
        HistoryOutcome.NONE,
    )


def test_a_text_that_found_nothing_stands_once() -> None:
    figures = replace(
        make_figures(_MARCH),
        zero=(
            ZeroQuery("tern", "natural", ("Shop",), 5),
            ZeroQuery("invoise", "boolean", ("Shop",), 4),
            ZeroQuery("invoise", "natural", ("Shop", "Library"), 2),
        ),
        causes=(CauseCount("invoise", "boolean", "filtered", 4),),
    )
    chart = _charts(_board(figures))["zero"]
    assert chart.rows == (
        ("invoise", 6, "filtered", "", "boolean, natural", "Shop, Library"),
        ("tern", 5, "not_known", "", "natural", "Shop"),
    )
    assert [link.mode for link in chart.links if link] == [None, SearchMode.NATURAL]


def test_connections_are_looked_up_as_they_were_called() -> None:
    link = _charts(_board(make_figures(_MARCH)))["sources"].links[0]
    assert link is not None
    assert link.connection_name == "Library 1"


def test_each_key_leads_to_its_searches_and_no_key_to_those_of_people() -> None:
    links = _charts(_board(make_figures(_MARCH)))["keys"].links
    assert [link and link.key_id for link in links] == ["", "k1"]


def test_days_that_were_not_recorded_are_gaps_with_a_reason() -> None:
    figures = make_figures(_MARCH)
    told = _charts(_board(figures))
    assert "lack" not in told["searches"].columns
    days = [*figures.days]
    days[1] = DayPoint(days[1].day, None, is_paused=True)
    board = _board(replace(figures, days=tuple(days)))
    for name in ("searches", "latency"):
        chart = _charts(board)[name]
        assert chart.cell(1, "lack") == "not_recorded"
        assert chart.cell(1, "searches") is None
        assert {chart.cell(row, "lack") for row in (0, 2, 3)} == {None}
        assert "Recording was off" in hover_words(chart, 1)
        assert "Why" not in hover_words(chart, 2)
        assert chart_csv(chart).splitlines()[2].endswith(",not_recorded,UTC")
        assert chart.links[1] is None
    quarter = Period(date(2025, 12, 1), date(2026, 3, 31))
    points = [DayPoint(day, Counts(1)) for day in quarter]
    points[8] = DayPoint(points[8].day, None, is_paused=True)
    chart = _charts(_board(replace(make_figures(quarter), days=tuple(points))))["searches"]
    assert chart.values("lack")[:3] == (None, "not_recorded", None)
    assert chart.values("days")[:3] == (7, 6, 7)


def test_hours_before_that_were_not_recorded_are_no_zeros() -> None:
    today = Period(_NOW.date(), _NOW.date())

    def hours(day: date, paused: range) -> tuple[HourPoint, ...]:
        return tuple(
            HourPoint(day, hour, None, 0 if hour in paused else 2, is_paused=hour in paused)
            for hour in range(24)
        )

    earlier = today.before()
    figures = replace(make_figures(today, ""), hours=hours(today.first, range(0)))
    before = replace(make_figures(earlier, ""), hours=hours(earlier.first, range(9, 12)))
    chart = _charts(_board(figures, before=before))["searches"]
    assert chart.values("before") == tuple(None if 9 <= h < 12 else 2 for h in range(24))


@pytest.mark.parametrize("zone", ["Europe/Berlin", ""])
def test_hours_that_were_not_recorded_are_gaps_and_those_to_come_are_not_said_to_be(
    zone: str,
) -> None:
    today = Period(_NOW.date(), _NOW.date())
    begin = datetime(2026, 3, 30, 22, tzinfo=UTC)
    hours = tuple(
        HourPoint(
            today.first,
            hour,
            begin + timedelta(hours=hour) if zone else None,
            5 if hour == 8 else 0,
            is_paused=hour > 8,
        )
        for hour in range(24)
    )
    pause = Pause(datetime(2026, 3, 31, 9), None)  # noqa: DTZ001 - of no zone
    figures = replace(
        make_figures(today, zone),
        days=(DayPoint(today.first, Counts(5), Latency(5)),),
        hours=hours,
        heat=tuple(tuple(5 if (d, h) == (1, 8) else 0 for h in range(24)) for d in range(7)),
        pauses=(pause,),
    )
    charts = _charts(_board(figures))
    # It is 14 o'clock in Berlin.
    off = ["not_recorded" if 8 < hour <= 14 else None for hour in range(24)]
    assert list(charts["searches"].values("lack")) == off
    timed = replace(figures, hours=tuple(replace(h, latency=Latency(1)) for h in hours))
    assert list(_charts(_board(timed))["latency"].values("lack")) == off
    tuesday = {hour: count for weekday, hour, count in charts["heat"].rows if weekday == 2}
    assert tuesday == {hour: 5 if hour == 8 else 0 if hour < 8 else None for hour in range(24)}
    # On one of the Tuesdays before, of a time that is not told by the hour, it was recorded.
    long = Period(date(2026, 2, 1), today.last)
    days = tuple(DayPoint(day, Counts(5)) for day in long)
    heat = _heat(replace(figures, period=long, days=days, hours=()))
    assert None not in {heat[2, hour] for hour in range(24)}
    always = replace(pause, begins=datetime(2026, 1, 1, 9))  # noqa: DTZ001 - of no zone
    heat = _heat(replace(figures, period=long, days=days, hours=(), pauses=(always,)))
    assert {*heat.values()} == {None, 5}


def test_an_hour_of_the_week_leads_to_all_its_hours() -> None:
    chart = _charts(_board(make_figures(_MARCH), zone="UTC"))["heat"]
    assert chart.links[25] == HistoryQuery(
        week_hour=WeekHour("UTC", 2, 1),
        from_at=datetime(2026, 3, 1, tzinfo=UTC),
        to_at=datetime(2026, 4, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("zone", ["", "UTC"])
def test_days_of_other_clocks_lead_to_the_searches_by_those(zone: str) -> None:
    charts = _charts(_board(make_figures(_MARCH, zone)))
    march = OwnTime(datetime(2026, 3, 1), datetime(2026, 4, 1))  # noqa: DTZ001 - of no zone
    assert charts["heat"].links[25] == HistoryQuery(week_hour=WeekHour("", 2, 1), own_time=march)
    link = next(filter(None, charts["searches"].links))
    assert link.own_time is not None
    assert link.own_time.ends - link.own_time.begins == timedelta(days=1)
    assert link.from_at is None
    assert link.to_at is None


def test_people_are_for_those_who_may_see_them() -> None:
    assert "users" not in _charts(_board(make_figures(_MARCH)))
    chart = _charts(
        _board(make_figures(_MARCH), users=[UserUse("u1", "", "a@example.org", 3, 0, 1)])
    )["users"]
    assert chart.rows == (("a@example.org", "a@example.org", 3, 1, 0),)


def test_what_was_known_when_it_was_searched_is_the_cause_unless_others_tell_more() -> None:
    figures = replace(
        make_figures(_MARCH),
        zero=tuple(
            ZeroQuery(text, mode, ("Shop",), 3)
            for text, mode in (
                ("the of", "natural"),
                ("invoise", "natural"),
                ("+red -ink", "boolean"),
                ("zebra", "natural"),
                ("tern", "boolean"),
            )
        ),
        causes=(
            CauseCount("the of", "natural", "stop_words", 2),
            CauseCount("zebra", "natural", "absent", 2),
            CauseCount("zebra", "natural", "filtered", 1),
            CauseCount("invoise", "natural", "absent", 3),
            CauseCount("tern", "boolean", "filtered", 3),
            CauseCount("+red -ink", "boolean", "operators", 3),
        ),
        reformulations=(Reformulation("invoise", "invoice", 4, 3),),
    )
    chart = _charts(_board(figures))["zero"]
    told = list(zip(chart.values("cause"), chart.values("evidence"), strict=True))
    assert told == [
        ("stop_words", ""),
        ("reworded", "invoice"),
        ("operators", "+-"),
        ("absent", ""),
        ("filtered", ""),
    ]
