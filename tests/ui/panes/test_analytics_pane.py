"""The analytics pane: what is drawn, listed and written is the same."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import cast

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, qGray
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.charts import Chart, ChartKind
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.history import HistoryQuery
from altus4_desktop.domain.search_points import PointOutcome
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.services import Services
from altus4_desktop.services.analytics import today_of
from altus4_desktop.services.charts.csv_file import chart_csv
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.analytics import reading, sheet
from altus4_desktop.ui.panes.analytics.card import ChartCard
from altus4_desktop.ui.panes.analytics.colours import (
    before_color,
    heat_color,
    outcome_color,
    series_color,
)
from altus4_desktop.ui.panes.analytics.frame import PlotCard
from altus4_desktop.ui.panes.analytics.grid import CardGrid
from altus4_desktop.ui.panes.analytics.pane import AnalyticsPane
from altus4_desktop.ui.panes.analytics.sheet import draw_picture, svg_bytes
from altus4_desktop.ui.panes.analytics.wording import (
    cell_words,
    column_title,
    hover_words,
    period_words,
    shown_columns,
)
from altus4_desktop.ui.panes.history.pane import HistoryPane
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import DARK, LIGHT, Palette, Theme, ThemeChoice, _Worn
from altus4_desktop.ui.widgets import Button, Card
from tests.records import a_search, a_user
from tests.ui.analytics import FakeAnalytics, FakeMetrics, FakePoints
from tests.ui.insights import FakeInsights
from tests.ui.world import ACTOR, FakeConnections, make_connection


@pytest.fixture
def analytics() -> FakeAnalytics:
    return FakeAnalytics()


@pytest.fixture
def points() -> FakePoints:
    return FakePoints()


@pytest.fixture
def pane(
    qtbot: QtBot,
    analytics: FakeAnalytics,
    points: FakePoints,
    runner: TaskRunner,
    tmp_path: Path,
) -> Iterator[AnalyticsPane]:
    services = SimpleNamespace(
        data_dir=tmp_path,
        analytics=analytics,
        custom_metrics=FakeMetrics(),
        search_points=points,
        connections=FakeConnections([make_connection(1)]),
        insights=FakeInsights(),
    )
    session = Session(cast("Services", services), runner, Theme(), report_crash=_raise)
    session.set_actor(ACTOR)
    made = AnalyticsPane(session)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    yield made
    made.shut()


def _raise(error: BaseException) -> None:
    raise error


def _settle(qtbot: QtBot, pane: AnalyticsPane) -> None:
    qtbot.waitUntil(lambda: not pane.runner.running and not pane._filling.isActive())


def _open(qtbot: QtBot, pane: AnalyticsPane) -> None:
    pane.activated()
    _settle(qtbot, pane)


def _chart(card: ChartCard) -> Chart:
    assert card.chart is not None
    return card.chart


def test_what_is_drawn_is_what_is_listed_and_written(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    assert pane.pages.currentWidget() is pane._content
    assert pane.board is not None
    assert list(pane.cards) == [chart.name for chart in pane.board.charts]
    for card in pane.cards.values():
        chart = _chart(card)
        for column, values in card.plot.plotted().items():
            assert values == pytest.approx(chart.numbers(column)), (chart.name, column)
        model = card.table.model()
        listed = [
            [model.index(row, place).data() for place in range(model.columnCount())]
            for row in range(model.rowCount())
        ]
        columns = shown_columns(chart)
        assert listed == [
            [cell_words(chart, row, name) for name in columns] for row in range(len(chart.rows))
        ]
        lines = list(csv.reader(io.StringIO(chart_csv(chart), newline="")))
        assert len(lines) == len(chart.rows) + 1


def test_a_gap_is_drawn_as_a_gap_and_none_as_none(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    card = pane.cards["searches"]
    assert card.plot.plotted()["searches"][:3] == (None, 0.0, 7.0)
    assert card.table.model().index(0, 1).data() == "–"
    assert card.table.model().index(1, 1).data() == "0"


def test_how_it_went_on_is_a_line(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    card = pane.cards["popular"]
    table = card.table
    assert table.model().index(0, 2).data() == "4, 6, 10"
    card.data_button.setChecked(True)
    cell = table.visualRect(table.model().index(0, 2))
    assert table.viewport().rect().contains(cell)
    picture = QImage(cell.size(), QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.white)
    option = QStyleOptionViewItem()
    option.rect = picture.rect()
    painter = QPainter(picture)
    table.itemDelegateForIndex(table.model().index(0, 2)).paint(
        painter, option, table.model().index(0, 2)
    )
    painter.end()
    heights = [
        min(
            y
            for y in range(picture.height())
            if picture.pixelColor(x, y).blue() - picture.pixelColor(x, y).red() > 60
        )
        for x in (12, cell.width() // 2, cell.width() - 14)
    ]
    # Higher from left to right, as 4, 6 and 10 are.
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 3


def test_hovering_tells_what_the_table_tells(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    for card in pane.cards.values():
        chart = _chart(card)
        for row in range(len(chart.rows)):
            words = hover_words(chart, row)
            for column in {*shown_columns(chart)} - {*chart.label}:
                assert f"{column_title(column)}: {cell_words(chart, row, column)}" in words


def test_before_is_told_only_when_all_of_it_is_known(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    tile = pane.tiles.tiles["searches"]
    assert tile.accessibleName() == "Searches, 60, before is not all known"
    assert pane.board is not None
    pane.tiles.show_figures(pane.board.figures, can_compare=True)
    assert tile.accessibleName() == "Searches, 60, as before"


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out(palette: Palette, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Worn, "palette", palette)
    ground = _luminance(palette.color("surface"))
    lines = [*map(series_color, range(3)), before_color(), *map(outcome_color, PointOutcome)]
    for color in lines:
        low, high = sorted((ground, _luminance(color)))
        assert (high + 0.05) / (low + 0.05) > 3
    steps = [abs(_luminance(heat_color(step / 10)) - ground) for step in range(11)]
    assert steps == sorted(steps)


def _luminance(color: QColor) -> float:
    """WCAG 2, relative luminance."""
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (color.redF(), color.greenF(), color.blueF())
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_a_bar_leads_to_its_searches(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    card = pane.cards["searches"]
    box = card.plot.box
    place = card.plot.mapFromScene(box.mapViewToScene(QPointF(4, 1)))
    assert card.plot.row_at(QPointF(place)) == 4
    with qtbot.waitSignal(pane.session.pane_requested) as asked:
        qtbot.mouseClick(card.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked.args == ["history", _chart(card).links[4]]
    with qtbot.waitSignal(pane.session.announced):
        card.row_chosen.emit(_chart(card), 0)


def test_the_keyboard_reaches_the_rows(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    card = pane.cards["zero"]
    card.data_button.setFocus()
    QTest.keyClick(card.data_button, Qt.Key.Key_Space)
    assert card.pages.currentWidget() is card.table
    card.table.setFocus()
    with qtbot.waitSignal(pane.session.pane_requested) as asked:
        QTest.keyClick(card.table, Qt.Key.Key_Return)
    assert asked.args is not None
    assert asked.args[1].text == "invoise"


@pytest.mark.parametrize("suffix", ["png", "svg", "csv"])
@pytest.mark.parametrize("name", ["searches", "latency", "popular", "heat"])
def test_charts_are_written(
    qtbot: QtBot,
    pane: AnalyticsPane,
    analytics: FakeAnalytics,
    tmp_path: Path,
    suffix: str,
    name: str,
) -> None:
    _open(qtbot, pane)
    card = pane.cards[name]
    pane.export_to(card, tmp_path / "chart", suffix)
    _settle(qtbot, pane)
    [(path, told, content)] = analytics.written
    assert (path.name, told) == (f"chart.{suffix}", name)
    if suffix == "csv":
        assert content.decode() == chart_csv(_chart(card))
    elif suffix == "svg":
        assert QSvgRenderer(content).isValid()
        assert card.title in content.decode()
    else:
        image = QImage.fromData(content)
        colors = {
            image.pixel(x, y)
            for x in range(0, image.width(), 3)
            for y in range(0, image.height(), 9)
        }
        assert len(colors) > 2
    assert pane.note.text() == "The chart is written."


def test_a_picture_is_packed_while_the_window_lives(
    qtbot: QtBot,
    pane: AnalyticsPane,
    analytics: FakeAnalytics,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _open(qtbot, pane)
    threads = []

    def pack(image: QImage) -> bytes:
        threads.append(threading.current_thread())
        return b"%d" % image.width()

    monkeypatch.setattr(sheet, "png_bytes", pack)
    pane.export_to(pane.cards["heat"], tmp_path / "chart", "png")
    _settle(qtbot, pane)
    assert [int(content) > 500 for _, _, content in analytics.written] == [True]
    assert threading.main_thread() not in threads
    assert len(threads) == 1


@pytest.mark.parametrize("name", ["searches", "latency", "popular", "heat"])
def test_the_drawing_is_the_picture(qtbot: QtBot, pane: AnalyticsPane, name: str) -> None:
    _open(qtbot, pane)
    card = pane.cards[name]
    told = (card, "UTC")
    picture = draw_picture(*told)
    picture.setDevicePixelRatio(1)
    drawing = QImage(picture.size(), QImage.Format.Format_RGB32)
    drawing.fill(LIGHT.color("surface"))
    painter = QPainter(drawing)
    QSvgRenderer(svg_bytes(*told)).render(painter)
    painter.end()
    coarse = [
        image.scaled(40, 24, mode=Qt.TransformationMode.SmoothTransformation)
        for image in (picture, drawing)
    ]
    differences = [
        abs(qGray(coarse[0].pixel(x, y)) - qGray(coarse[1].pixel(x, y)))
        for x in range(40)
        for y in range(24)
    ]
    assert sum(differences) / len(differences) < 4


def test_charts_wear_the_colours_of_now(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    plot = pane.cards["searches"].plot
    before = pane.session.theme.choice
    try:
        for choice, palette in ((ThemeChoice.DARK, DARK), (ThemeChoice.LIGHT, LIGHT)):
            pane.session.theme._choice = choice
            pane.session.theme._wear()
            assert plot.backgroundBrush().color() == palette.color("surface")
    finally:
        pane.session.theme._choice = before


def test_what_is_seen_first_is_drawn_before_the_rest_is_read(
    qtbot: QtBot, pane: AnalyticsPane, analytics: FakeAnalytics
) -> None:
    analytics.gate = Event()
    try:
        pane.activated()
        qtbot.waitUntil(lambda: len(pane.cards) == 4 and not pane._filling.isActive())
        first = pane.board
        assert first is not None
        assert not first.is_whole
        assert pane.stop_button.isVisible()
        assert [name for name, card in pane.cards.items() if _chart(card).is_empty] == []
    finally:
        analytics.gate.set()
    _settle(qtbot, pane)
    board = pane.board
    assert board is not None
    assert board.is_whole
    assert len(pane.cards) == len(board.charts) > 4


def test_lines_of_the_grid_lie_under_what_is_drawn(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    card = pane.cards["searches"]
    bar = card.plot._items["searches"]
    ground = card.plot.left
    assert ground.grid
    drawn = card.plot.scene().items()
    assert drawn.index(bar) < drawn.index(ground)


def test_what_is_in_sight_is_not_laid_out_for_each_card_that_comes(
    qtbot: QtBot, pane: AnalyticsPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long it takes on a machine that has much to do.
    monkeypatch.setattr(reading, "_DRAWING_AT_MOST_S", 20.0)
    placed: list[int] = []
    add = CardGrid.add_cards

    def note(grid: CardGrid, cards: Sequence[tuple[Card, bool]]) -> None:
        placed.append(len(cards))
        add(grid, cards)

    monkeypatch.setattr(CardGrid, "add_cards", note)
    _open(qtbot, pane)
    assert placed == [2, 2, len(pane.cards) - 3]
    assert pane.points is not None
    shown = [*pane.cards.values(), pane.points]
    assert all(card.isVisible() for card in shown)


def test_a_failure_is_told_and_tried_again(
    qtbot: QtBot, pane: AnalyticsPane, analytics: FakeAnalytics
) -> None:
    analytics.error = StoreError("It is gone.", code="store.unreachable")
    _open(qtbot, pane)
    assert pane.pages.currentWidget() is pane._failed
    analytics.error = None
    _open(qtbot, pane)
    assert pane.pages.currentWidget() is pane._content
    analytics.error = StoreError("It is gone.", code="store.unreachable")
    _open(qtbot, pane)
    assert pane.pages.currentWidget() is pane._content
    assert "gone" in pane.note.text()


def test_reading_is_stopped(qtbot: QtBot, pane: AnalyticsPane) -> None:
    pane.activated()
    assert pane.pages.currentWidget() is pane._busy
    assert pane.stop_button.isVisible()
    pane.stop()
    assert not pane.stop_button.isVisible()
    assert pane.pages.currentWidget() is pane._failed
    _settle(qtbot, pane)
    assert pane.board is None


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_still_of_other_days_says_so(
    qtbot: QtBot,
    pane: AnalyticsPane,
    analytics: FakeAnalytics,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: bool,
) -> None:
    _open(qtbot, pane)
    month = pane.cards["popular"].period
    assert month is not None
    analytics.gate = Event()
    _choose(pane, "week")
    qtbot.waitUntil(lambda: pane.cards["heat"].period != month and not pane._filling.isActive())
    if fails:
        analytics.error = StoreError("It is gone.", code="store.unreachable")
    else:
        pane.stop()
    analytics.gate.set()
    _settle(qtbot, pane)
    week = pane.cards["searches"].period
    assert week is not None
    assert (len(month), len(week)) == (30, 7)
    assert pane.note.text() == ("It is gone." if fails else "Stopped before everything was read.")
    assert f"The other charts still show {period_words(month)}." in pane.note.hint()
    told = f"still of {period_words(month)}"
    others = {name for name, card in pane.cards.items() if card._note.text().startswith(told)}
    assert others == {*pane.cards} - {"searches", "latency", "durations", "heat"}
    # What is written is named after its own days.
    noted: list[str] = []

    def draw(card: PlotCard, note: str) -> bytes:
        noted.append(note)
        return b"<svg/>"

    names: list[str] = []

    def ask(parent: object, title: str, name: str, ending: str) -> tuple[str, str]:
        del parent, title, ending
        names.append(name)
        return str(tmp_path / name), ""

    monkeypatch.setattr(sheet, "svg_bytes", draw)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    for name in ("popular", "searches"):
        pane._choose_file(pane.cards[name], "svg")
    _settle(qtbot, pane)
    assert names == [f"popular-{month.last}.svg", f"searches-{week.last}.svg"]
    assert [note.split(",")[0] for note in noted] == [period_words(month), period_words(week)]
    # Once all is read nothing is of other days.
    analytics.error = analytics.gate = None
    _open(qtbot, pane)
    assert {card.period for card in pane.cards.values()} == {week}
    assert not any("still of" in card._note.text() for card in pane._all_cards())


def test_what_is_stopped_before_it_is_drawn_is_not_taken_for_it(
    qtbot: QtBot, pane: AnalyticsPane, analytics: FakeAnalytics
) -> None:
    _open(qtbot, pane)
    month = pane.cards["popular"].period
    assert month is not None
    _choose(pane, "week")
    pane.stop()
    _settle(qtbot, pane)
    assert pane.note.hint() == f"The charts still show {period_words(month)}."
    for card in pane.cards.values():
        assert card._note.text().startswith(f"still of {period_words(month)}")
    # The days that were shown before: they are those asked for.
    _choose(pane, "month")
    _settle(qtbot, pane)
    assert not any("still of" in card._note.text() for card in pane.cards.values())
    analytics.empty = True
    _open(qtbot, pane)
    assert pane.pages.currentWidget() is pane._empty
    # That nothing was searched in these days is not known.
    _choose(pane, "week")
    pane.stop()
    assert pane.pages.currentWidget() is pane._failed
    _settle(qtbot, pane)


def _choose(pane: AnalyticsPane, key: str) -> None:
    pane.periods.choice.set_key(key)
    pane.periods._take_choice()


def test_days_without_searches(qtbot: QtBot, pane: AnalyticsPane, analytics: FakeAnalytics) -> None:
    analytics.empty = True
    _open(qtbot, pane)
    assert pane.pages.currentWidget() is pane._empty
    pane.refresh()
    _settle(qtbot, pane)
    assert analytics.refreshed == 1
    with qtbot.waitSignal(pane.session.pane_requested) as wanted:
        qtbot.mouseClick(
            pane._empty.findChild(Button, "analytics.start"), Qt.MouseButton.LeftButton
        )
    assert wanted.args == ["search", None]


def test_days_of_ones_own(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    pane.periods.choice.set_key("custom")
    pane.periods._take_choice()
    _settle(qtbot, pane)
    assert pane.periods.first.text() != ""
    pane.periods.first.setText("2026-02-30")
    pane.periods.first.editingFinished.emit()
    assert pane.periods.first.property("invalid") == "true"
    assert "at most ten years" in pane.note.accessibleName()
    pane.periods.first.setText("2026-02-01")
    pane.periods.last.setText("2026-02-10")
    pane.periods.last.editingFinished.emit()
    _settle(qtbot, pane)
    assert pane.board is not None
    assert pane.board.figures.period.first == date(2026, 2, 1)
    assert len(_chart(pane.cards["searches"]).rows) == 10
    assert not pane.note.isVisible()


def test_the_period_is_that_of_last_time(qtbot: QtBot, pane: AnalyticsPane) -> None:
    pane.periods.choice.set_key("year")
    pane.periods._take_choice()
    pane.periods.compare.setChecked(False)
    _settle(qtbot, pane)
    later = AnalyticsPane(pane.session)
    qtbot.addWidget(later)
    assert later.periods.choice.key == "year"
    assert not later.periods.compare.isChecked()
    pane.periods.choice.set_key("custom")
    pane.periods.first.setText("2026-02-01")
    pane.periods.last.setText("2026-02-10")
    pane.periods.last.editingFinished.emit()
    _settle(qtbot, pane)
    again = AnalyticsPane(pane.session)
    qtbot.addWidget(again)
    assert again.periods.choice.key == "custom"
    assert again.periods.period(date(2026, 3, 1)) == Period(date(2026, 2, 1), date(2026, 2, 10))
    for made in (later, again):
        made.shut()


def test_the_focus_goes_with_what_is_chosen(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    month, year = (
        pane.periods.choice.findChild(Button, f"analytics.period.{key}")
        for key in ("month", "year")
    )
    assert month is not None
    assert year is not None
    month.setFocus()
    qtbot.mouseClick(year, Qt.MouseButton.LeftButton)
    assert year.hasFocus()
    pane.refresh_button.setFocus()
    qtbot.mouseClick(month, Qt.MouseButton.LeftButton)
    assert pane.refresh_button.hasFocus()
    _settle(qtbot, pane)


def test_nothing_is_compared_when_that_is_not_wanted(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    assert "before" in pane.cards["searches"].plot.plotted()
    pane.periods.compare.setChecked(False)
    _settle(qtbot, pane)
    assert "before" not in pane.cards["searches"].plot.plotted()


def test_small_and_large_windows(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    for width, columns in ((640, 1), (1500, 2)):
        pane.resize(width, 500)
        qtbot.waitUntil(lambda wanted=columns: pane.grid.columns == wanted)  # type: ignore[misc]  # bound now
        assert pane.width() == width


def test_a_chart_is_in_the_first_view_of_a_small_window(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    changes = [tile._change for tile in pane.tiles.tiles.values()]
    assert any(change.isVisible() for change in changes)
    pane.resize(644, 456)
    plot = pane.cards["searches"].plot

    def in_sight() -> int:
        """How much of the plot."""
        view = pane._content.viewport()
        return int(view.height() - plot.mapTo(view, QPoint(0, 0)).y())

    qtbot.waitUntil(lambda: in_sight() > 100)
    assert not any(row.isVisible() for row in pane.insights.rows)
    assert pane.insights.more.isVisible()
    pane.insights.more.click()
    assert all(row.isVisible() for row in pane.insights.rows)
    pane.insights.more.click()
    # What is not in sight is told.
    tile = pane.tiles.tiles["searches"]
    assert not any(change.isVisible() for change in changes)
    assert "before is not all known" in tile.toolTip()
    pane.resize(1100, 700)
    qtbot.waitUntil(lambda: any(row.isVisible() for row in pane.insights.rows))


def test_cards_are_as_high_as_their_rows(qtbot: QtBot, pane: AnalyticsPane) -> None:
    pane.resize(1500, 900)
    _open(qtbot, pane)
    keys = pane.cards["keys"]
    qtbot.waitUntil(lambda: keys.pages.height() < 120)
    assert keys.plot.height() <= keys.pages.height()
    # The last of an odd number has no hole beside it.
    assert pane.grid.width() - keys.geometry().right() <= 1
    keys.data_button.setChecked(True)
    qtbot.waitUntil(lambda: keys.table.viewport().height() >= 2 * keys.table.rowHeight(0))


def test_kinds_of_charts(qtbot: QtBot, pane: AnalyticsPane) -> None:
    _open(qtbot, pane)
    kinds = {_chart(card).kind for card in pane.cards.values()}
    assert kinds == {*ChartKind}


def test_a_real_history_from_bar_to_list(qtbot: QtBot, runner: TaskRunner, tmp_path: Path) -> None:
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        user = services.metadata.store.users.create_(
            a_user(role=Role.ADMIN, timezone="America/New_York"), "hash"
        )
        actor = user.as_actor()
        noon = datetime.combine(today_of(actor), datetime.min.time()).astimezone()
        at = noon - timedelta(days=3)
        for query, mode in (("invoice", SearchMode.NATURAL), ("ink", SearchMode.BOOLEAN)):
            services.metadata.store.searches.add_(
                a_search(user, query, created_at=at, mode=mode, result_count=4)
            )
        session = Session(services, runner, Theme(), report_crash=_raise)
        session.set_actor(actor)
        pane, history = AnalyticsPane(session), HistoryPane(session)
        for widget in (pane, history):
            qtbot.addWidget(widget)
            widget.show()
        pane.refresh()
        _settle(qtbot, pane)
        chart = _chart(pane.cards["searches"])
        assert chart.zone == "America/New_York"
        row = next(row for row, value in enumerate(chart.values("searches")) if value)
        assert chart.values("searches")[row] == 2
        link = chart.links[row]
        assert isinstance(link, HistoryQuery)
        history.receive(link)
        qtbot.waitUntil(lambda: not runner.running)
        assert {record.query for record in history.model.records} == {"invoice", "ink"}
        assert history.filters.query() == link
        modes = _chart(pane.cards["modes"])
        wanted = modes.links[modes.values("mode").index("boolean")]
        assert wanted is not None
        history.receive(wanted)
        qtbot.waitUntil(lambda: not runner.running)
        assert [record.query for record in history.model.records] == ["ink"]
        took = _chart(pane.cards["durations"])
        row = next(row for row, count in enumerate(took.values("searches")) if count)
        wanted = took.links[row]
        assert wanted is not None
        history.receive(wanted)
        qtbot.waitUntil(lambda: not runner.running)
        assert len(history.model.records) == took.values("searches")[row] == 2
        popular = _chart(pane.cards["popular"])
        wanted = popular.links[popular.values("query").index("ink")]
        assert wanted is not None
        history.receive(wanted)
        qtbot.waitUntil(lambda: not runner.running)
        assert [record.query for record in history.model.records] == ["ink"]
        history.filters.clear()
        assert not history.filters.is_set
        pane.export_to(pane.cards["searches"], tmp_path / "days.csv", "csv")
        _settle(qtbot, pane)
        assert (tmp_path / "days.csv").read_bytes() == chart_csv(chart).encode()
        for widget in (pane, history):
            widget.shut()
