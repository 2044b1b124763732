"""Parts of the analytics pane alone: tiles, the choice of days, what is hatched, names of keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.charts import Chart, ChartKind
from altus4_desktop.domain.figures import (
    Counts,
    Figures,
    KeyUse,
    Latency,
    Period,
    PopularQuery,
    SlowSearch,
)
from altus4_desktop.services.charts.board import Dashboard
from altus4_desktop.services.charts.csv_file import chart_csv
from altus4_desktop.services.charts.shares import build_keys
from altus4_desktop.services.charts.texts import build_popular, build_slowest
from altus4_desktop.services.so_far import SoFar
from altus4_desktop.ui.panes.analytics.legend import has_legend, missing_rows
from altus4_desktop.ui.panes.analytics.period import PeriodBar
from altus4_desktop.ui.panes.analytics.plots import Plot
from altus4_desktop.ui.panes.analytics.sparklines import counts_of
from altus4_desktop.ui.panes.analytics.tiles import Tiles
from altus4_desktop.ui.panes.analytics.wording import axis_words, hover_words, others_words
from altus4_desktop.ui.panes.elided import ElidedLabel

_DAY = Period(date(2026, 11, 28), date(2026, 11, 28))


def _hours(*rows: tuple[int | None, int | None]) -> Chart:
    return Chart(
        "searches",
        ChartKind.BARS,
        ("hour", "searches", "before"),
        tuple((f"{hour}", *cells) for hour, cells in enumerate(rows)),
        ("hour",),
        ("searches", "before"),
        (None,) * len(rows),
    )


def test_hours_that_have_not_come_are_no_data_whatever_was_before() -> None:
    chart = _hours((0, 4), (3, None), (None, 7), (None, None))
    assert missing_rows(chart) == [2, 3]
    alone = replace(chart, plotted=("searches",))
    assert has_legend(alone)


def test_an_unfinished_day_is_compared_with_as_much_of_the_one_before(qtbot: QtBot) -> None:
    tiles = Tiles()
    qtbot.addWidget(tiles)
    took, slower = Latency(9, 40.0, 30.0, 90.0), Latency(9, 40.0, 60.0, 90.0)
    figures = Figures(
        _DAY,
        counts=Counts(40, zero=4),
        latency=took,
        before=Counts(240, zero=60),
        latency_before=slower,
    )
    tiles.show_figures(figures, SoFar(38, 19, 19), can_compare=True)
    searches = tiles.tiles["searches"]
    assert searches._change.text() == "100 % more, by 19:00"
    assert "the same hours are compared: 38 and 19" in searches.toolTip()
    tiles.show_figures(figures, SoFar(30, 60), can_compare=True)
    assert searches._change.text() == "50 % less, today aside"
    tiles.show_figures(figures, can_compare=True)
    assert searches._change.text() == "83 % less than before"


def test_little_room_leaves_an_arrow(qtbot: QtBot) -> None:
    tiles = Tiles()
    qtbot.addWidget(tiles)
    figures = Figures(
        _DAY,
        counts=Counts(1560, zero=78),
        latency=Latency(9, 40.0, 30.0, 90.0),
        before=Counts(1000, zero=25),
        latency_before=Latency(9, 40.0, 60.0, 90.0),
    )
    tiles.show_figures(figures, can_compare=True)
    tiles.resize(640, 80)
    tiles.show()
    told = {name: tile._arrow.text() for name, tile in tiles.tiles.items()}
    assert told == {
        "searches": "▲ 56 %",
        "zero": "▲ 2.5",
        "failed": "=",
        "p50": "▼ 50 %",
        "p95": "=",
    }
    assert all(tile._arrow.isVisible() for tile in tiles.tiles.values())
    assert not any(tile._change.isVisible() for tile in tiles.tiles.values())
    tiles.resize(1200, 80)
    assert not any(tile._arrow.isVisible() for tile in tiles.tiles.values())
    tiles.resize(640, 80)
    tiles.show_figures(figures, can_compare=False)
    assert not any(tile._arrow.isVisible() for tile in tiles.tiles.values())


@pytest.mark.parametrize("so_far", [SoFar(789, 1000, 22), SoFar(789, 1000)])
def test_what_a_tile_has_no_room_for_is_cut_with_a_mark(qtbot: QtBot, so_far: SoFar) -> None:
    tiles = Tiles()
    qtbot.addWidget(tiles)
    figures = Figures(_DAY, counts=Counts(1560, zero=78), before=Counts(1000, zero=25))
    tiles.show_figures(figures, so_far, can_compare=True)
    searches = tiles.tiles["searches"]
    assert isinstance(searches._change, ElidedLabel)
    assert len(searches._change.text()) < len("100 % more than before, by 22:00")
    # All of it is told by the tile, wherever one points at it.
    assert searches._change.text() in searches.accessibleName()
    assert searches._change.toolTip() == searches.toolTip()
    assert ("789" in searches.toolTip()) == (so_far.hour is not None)


def test_the_same_days_are_asked_for_again_after_other_ones(qtbot: QtBot) -> None:
    bar = PeriodBar()
    qtbot.addWidget(bar)
    asked: list[Period | None] = []
    bar.changed.connect(lambda: asked.append(bar.period(_DAY.last)))

    def choose(key: str) -> None:
        bar.choice.set_key(key)
        bar._take_choice()
        period = bar.period(_DAY.last)
        assert period is not None
        bar.offer(period)

    def write_last(day: str) -> None:
        bar.last.setText(day)
        bar.last.editingFinished.emit()

    choose("month")
    choose("custom")
    write_last("2026-11-10")
    wanted = asked[-1]
    assert wanted == Period(date(2026, 10, 30), date(2026, 11, 10))
    choose("month")
    choose("custom")
    write_last("2026-11-10")
    assert asked[-1] == wanted
    # Nothing else was written: nobody reads the same again.
    before = len(asked)
    write_last("2026-11-10")
    assert len(asked) == before


def test_wrong_days_are_refused_in_words(qtbot: QtBot) -> None:
    bar = PeriodBar()
    qtbot.addWidget(bar)
    bar.offer(_DAY)
    bar.choice.set_key("custom")
    bar._take_choice()
    with qtbot.waitSignal(bar.refused) as refused:
        bar.first.setText("2026-12-01")
        bar.first.editingFinished.emit()
    assert refused.args is not None
    assert "the first one first" in refused.args[0]
    # The days of before are asked for again.
    with qtbot.waitSignal(bar.changed):
        bar.first.setText("2026-11-28")
        bar.first.editingFinished.emit()
    assert bar.first.property("invalid") == "false"


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("0001-01-01", "0001-01-02"),
        ("0900-01-01", "0900-01-02"),
        ("1969-12-31", "1970-01-02"),
        ("2099-12-31", "2100-01-01"),
        ("9999-12-30", "9999-12-31"),
    ],
)
def test_days_of_years_that_are_not_counted_are_refused(
    qtbot: QtBot, first: str, last: str
) -> None:
    bar = PeriodBar()
    qtbot.addWidget(bar)
    bar.choice.set_key("custom")
    bar.first.setText(first)
    bar.last.setText(last)
    assert bar.period(date.max) is None
    assert "from 1970 to 2099" in bar.problem()


def test_slow_searches_that_failed_are_marked(qtbot: QtBot) -> None:
    at = datetime(2026, 11, 28, 9, tzinfo=UTC)
    slowest = tuple(
        SlowSearch(30_000 - n, f"text {n}", "natural", ("Shop",), f"{n}", at, outcome)
        for n, outcome in enumerate(("failed", "partial", "ok", None))
    )
    chart = build_slowest(Dashboard(Figures(_DAY, slowest=slowest), "UTC", at))
    assert [line.split(",")[2] for line in chart_csv(chart).splitlines()] == [
        "outcome",
        "failed",
        "partial",
        "ok",
        "",
    ]
    assert "Result: Failed in part" in hover_words(chart, 1)
    plot = Plot("analytics.slowest.plot")
    qtbot.addWidget(plot)
    plot.show_chart(chart)
    assert plot._words == ["30.0 s  Failed", "30.0 s  Failed in part", "30.0 s", "30.0 s"]
    # Seen too where nobody reads: they are outlines.
    alphas = [color.alpha() for color in plot._items["ms"].opts["brushes"]]
    assert (alphas[0] < alphas[2], alphas[:2], alphas[2:]) == (True, [alphas[0]] * 2, [255] * 2)


def test_a_least_count_is_no_more_or_less_than_before(qtbot: QtBot) -> None:
    popular = (
        PopularQuery("invoice", 9, 1, 3.0, (4, 5), 5),
        PopularQuery("helmet", 8, 1, 3.0, (None, 8), 9, is_exact=False),
        PopularQuery("pump", 7, 1, 3.0, (3, 4), 2, is_exact_before=False),
    )
    figures = Figures(_DAY, popular=popular, unlisted=4)
    board = Dashboard(figures, "UTC", datetime(2026, 11, 28, tzinfo=UTC), Figures(_DAY.before()))
    chart = build_popular(board)
    plot = Plot("analytics.popular.plot")
    qtbot.addWidget(plot)
    plot.show_chart(chart)
    assert plot._words == ["9  ▲ 4", "≥ 8", "7"]
    fewer = (replace(popular[0], before=12), popular[0])
    board = replace(board, figures=replace(figures, popular=fewer))
    for day, words in ((28, ["9", "9  ▲ 4"]), (29, ["9  ▼ 3", "9  ▲ 4"])):
        # While a day goes on nobody knows whether it will have less.
        plot.show_chart(build_popular(replace(board, now=datetime(2026, 11, day, tzinfo=UTC))))
        assert plot._words == words
    assert hover_words(chart, 1).splitlines()[1:4] == ["Searches: ≥ 8", "Trend: –, 8", "Before: 9"]
    assert "Before: ≥ 2" in hover_words(chart, 2)
    assert [counts_of(trend) for trend in chart.values("trend")] == [(4, 5), (), (3, 4)]
    assert others_words(chart) == "the 3 most frequent; up to 4 searches had other texts"


def test_keys_of_one_name_are_told_apart() -> None:
    keys = (
        KeyUse("", None, 9, 0),
        KeyUse("0a1b2c3d-1", "Reports", 8, 0),
        KeyUse("9f8e7d6c-1", "Reports", 7, 0),
        KeyUse("11111111-1", "Till", 6, 0),
        KeyUse("77777777-1", None, 5, 0),
        KeyUse("88888888-1", None, 4, 0),
    )
    board = Dashboard(Figures(_DAY, keys=keys), "UTC", datetime(2026, 11, 28, tzinfo=UTC))
    chart = build_keys(board)
    assert [axis_words(chart, row) for row in range(len(keys))] == [
        "People, without a key",
        "Reports (0a1b2c3d)",
        "Reports (9f8e7d6c)",
        "Till",
        "A deleted key (77777777)",
        "A deleted key (88888888)",
    ]
