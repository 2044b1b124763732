"""Parts of the analytics pane alone: tiles, the choice of days, what is hatched, names of keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from pytestqt.qtbot import QtBot

from altus4_desktop.domain.charts import Chart, ChartKind
from altus4_desktop.domain.figures import Counts, Figures, KeyUse, Latency, Period
from altus4_desktop.services.charts import Dashboard, build_keys
from altus4_desktop.services.so_far import SoFar
from altus4_desktop.ui.panes.analytics.legend import has_legend, missing_rows
from altus4_desktop.ui.panes.analytics.period import PeriodBar
from altus4_desktop.ui.panes.analytics.tiles import Tiles
from altus4_desktop.ui.panes.analytics.wording import axis_words

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
    assert searches._change.text() == "100 % more than before, by 19:00"
    assert "the same hours are compared: 38 and 19" in searches.toolTip()
    tiles.show_figures(figures, SoFar(30, 60), can_compare=True)
    assert searches._change.text() == "50 % less than before, without today"
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
