"""Very many points: none is lost on the way to the screen, and one can move among them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.local_days import instant_of
from altus4_desktop.domain.search_points import PointOutcome, SearchPoint, SearchPoints
from altus4_desktop.services import Services
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.analytics.axes import TimeAxis, scaled
from altus4_desktop.ui.panes.analytics.cloud import SHADES, Cloud
from altus4_desktop.ui.panes.analytics.moving import Reach
from altus4_desktop.ui.panes.analytics.points_card import PointsCard
from altus4_desktop.ui.panes.analytics.points_plot import PointsPlot
from altus4_desktop.ui.panes.analytics.sheet import draw_picture, svg_bytes
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.ui.analytics import FakePoints, make_points
from tests.ui.world import ACTOR

_BEGINS_S = 1_772_600_000
_DAY = Period(instant_of(_BEGINS_S).date(), instant_of(_BEGINS_S).date())


@pytest.fixture
def points() -> FakePoints:
    return FakePoints()


@pytest.fixture
def card(qtbot: QtBot, points: FakePoints, runner: TaskRunner) -> Iterator[PointsCard]:
    services = SimpleNamespace(search_points=points)
    session = Session(cast("Services", services), runner, Theme(), report_crash=_raise)
    session.set_actor(ACTOR)
    made = PointsCard(session)
    qtbot.addWidget(made)
    made.resize(900, 420)
    made.show()
    yield made
    made.drop()


def _raise(error: BaseException) -> None:
    raise error


def _read(qtbot: QtBot, card: PointsCard) -> Cloud:
    card.want(_DAY, 1)
    qtbot.waitUntil(lambda: not card._is_due and not card.is_reading)
    assert card.plot.cloud is not None
    return card.plot.cloud


def _many(count: int, seed: int = 1) -> SearchPoints:
    dice = np.random.default_rng(seed)
    at_s = np.sort(dice.integers(_BEGINS_S, _BEGINS_S + 30 * 86_400, count))
    ms = np.minimum(dice.lognormal(3, 1, count), 30_000).astype(np.int32)
    outcomes = dice.choice(4, count, p=[0.9, 0.02, 0.07, 0.01]).astype(np.uint8)
    return SearchPoints(at_s.astype(np.int64).tobytes(), ms.tobytes(), outcomes.tobytes())


# What is drawn


@pytest.mark.parametrize("count", [1, 300, 60_000])
@pytest.mark.parametrize("share", [1.0, 0.3, 0.001])
def test_every_point_in_sight_is_a_mark(count: int, share: float) -> None:
    cloud = Cloud(_many(count))
    span = 30 * 86_400
    middle = float(cloud.at_s[count // 2])
    first, last = middle - span * share / 2, middle + span * share / 2
    width, height = 400, 200
    drawn = cloud.draw(first, last, width, height)
    low, high = cloud.places(first, last)
    assert high > low
    columns = np.minimum((cloud.at_s[low:high] - first) / (last - first) * width, width - 1)
    rows = (1 - np.log10(1.0 + cloud.ms[low:high]) / cloud.height) * (height - 1)
    padded = np.pad(drawn, 2)
    near = np.zeros(high - low, bool)
    for down in range(5):
        for right in range(5):
            near |= padded[rows.astype(int) + down, columns.astype(int) + right] > 0
    assert near.all()
    # And where nothing is near, nothing is drawn.
    assert (drawn > 0).sum() <= 25 * (high - low)


def test_a_single_failure_among_many_stands_out() -> None:
    outcomes = bytearray(50_000)
    outcomes[25_000] = PointOutcome.FAILED
    at_s = np.arange(_BEGINS_S, _BEGINS_S + 50_000, dtype=np.int64)
    ms = np.full(50_000, 20, np.int32)
    cloud = Cloud(SearchPoints(at_s.tobytes(), ms.tobytes(), bytes(outcomes)))
    drawn = cloud.draw(_BEGINS_S, _BEGINS_S + 50_000, 500, 200)
    failed = drawn // (SHADES + 1) == PointOutcome.FAILED
    assert failed.sum() == 9
    assert cloud.counts()[PointOutcome.FAILED] == 1


def test_more_in_one_place_is_a_deeper_shade() -> None:
    one = SearchPoint(_BEGINS_S, 20, PointOutcome.HITS)
    others = [SearchPoint(_BEGINS_S + 86_400, 20, PointOutcome.HITS)] * 5000
    cloud = Cloud(SearchPoints.of([*others, one]))
    drawn = cloud.draw(_BEGINS_S - 100, _BEGINS_S + 86_500, 300, 100)
    assert drawn[:, :20].max() == 1
    assert drawn[:, 280:].max() > 40


@given(
    seconds=st.lists(st.integers(0, 5000), min_size=1, max_size=60),
    at=st.integers(0, 5000),
    reach=st.floats(1, 40),
)
def test_the_nearest_point_is_the_nearest(seconds: list[int], at: int, reach: float) -> None:
    found = [SearchPoint(each, each % 700, PointOutcome.HITS) for each in sorted(seconds)]
    cloud = Cloud(SearchPoints.of(reversed(found)))
    y, per_pixel = 1.5, (10.0, 0.01)
    place = cloud.nearest(at, y, per_pixel, reach)
    distances = [
        ((point.at_s - at) / 10) ** 2 + ((scaled(point.ms) - y) / 0.01) ** 2 for point in found
    ]
    if place is None:
        assert min(distances) > reach * reach * 0.999
    else:
        assert distances[place] == pytest.approx(min(distances), rel=1e-3, abs=1e-3)


# Moving


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["pan", "zoom"]), st.floats(0.1, 5), st.floats(-10, 110)),
        max_size=30,
    )
)
def test_one_never_sees_more_than_there_is(steps: list[tuple[str, float, float]]) -> None:
    reach = Reach(0, 100, 5)
    for what, factor, at in steps:
        before = (at - reach.first) / (reach.last - reach.first)
        if what == "pan":
            reach.pan(at)
        else:
            was = reach.last - reach.first
            reach.zoom(factor, at)
            inside = 0 < before < 1 and reach.first > 0.01 and reach.last < 99.99
            if inside and was != reach.last - reach.first:
                after = (at - reach.first) / (reach.last - reach.first)
                assert after == pytest.approx(before, abs=1e-6)
        assert reach.first >= -1e-6
        assert reach.last <= 100 + 1e-6
        assert reach.last - reach.first >= 5 - 1e-6
    reach.reset()
    assert reach.is_whole


def test_by_mouse_wheel_and_keys(qtbot: QtBot, card: PointsCard) -> None:
    _read(qtbot, card)
    plot = card.plot
    reach = plot.reach
    assert reach is not None
    assert _is_whole(plot)
    assert not card.reset_button.isVisible()
    plot.setFocus()
    whole = reach.last - reach.first
    QTest.keyClick(plot, Qt.Key.Key_Plus)
    assert reach.last - reach.first == pytest.approx(whole / 1.4)
    assert card.reset_button.isVisible()
    first = reach.first
    QTest.keyClick(plot, Qt.Key.Key_Right)
    assert reach.first > first
    QTest.keyClick(plot, Qt.Key.Key_Left)
    assert reach.first == pytest.approx(first)
    middle = plot.rect().center()
    QTest.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(plot.viewport(), middle + QPoint(40, 0))
    QTest.mouseMove(plot.viewport(), middle + QPoint(60, 0))
    QTest.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=middle + QPoint(60, 0))
    assert reach.first < first
    QTest.keyClick(plot, Qt.Key.Key_Home)
    assert _is_whole(plot)
    _turn_wheel(plot, middle, 120)
    assert card.reset_button.isVisible()
    card.reset_button.click()
    assert _is_whole(plot)
    plot.clearFocus()
    _turn_wheel(plot, middle, 120)
    assert _is_whole(plot)
    _turn_wheel(plot, middle, 120, Qt.KeyboardModifier.ControlModifier)
    assert card.reset_button.isVisible()
    QTest.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert _is_whole(plot)


def _is_whole(plot: PointsPlot) -> bool:
    return plot.is_whole


def _turn_wheel(
    plot: PointsPlot,
    at: QPoint,
    angle: int,
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    event = QWheelEvent(
        QPointF(at),
        QPointF(plot.mapToGlobal(at)),
        QPoint(),
        QPoint(0, angle),
        Qt.MouseButton.NoButton,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(plot.viewport(), event)


# The card


def test_searches_are_read_when_the_card_is_seen(
    qtbot: QtBot, card: PointsCard, points: FakePoints
) -> None:
    card.hide()
    card.want(_DAY, 40)
    QApplication.processEvents()
    assert points.asked == []
    card.show()
    qtbot.waitUntil(lambda: points.asked == [_DAY])
    qtbot.waitUntil(lambda: not card.is_reading)
    assert card.pages.currentWidget() is card.plot
    assert "UTC" in card.note
    card.want(_DAY, 40)
    assert not card._is_due
    card.want(_DAY, 41)
    qtbot.waitUntil(lambda: points.asked == [_DAY, _DAY])
    qtbot.waitUntil(lambda: not card.is_reading)


def test_until_others_are_read_it_is_of_the_days_that_it_shows(
    qtbot: QtBot, card: PointsCard
) -> None:
    _read(qtbot, card)
    assert card.period == _DAY
    card.hide()
    card.want(_DAY.before(), 1)
    assert card.period == _DAY
    card.show()
    qtbot.waitUntil(lambda: card.period == _DAY.before())


def test_a_card_below_what_is_seen_reads_nothing(
    qtbot: QtBot, card: PointsCard, points: FakePoints
) -> None:
    inside = QWidget()
    column = QVBoxLayout(inside)
    column.addSpacing(1000)
    area = QScrollArea()
    qtbot.addWidget(area)
    area.setWidgetResizable(True)
    area.setWidget(inside)
    area.resize(900, 500)
    area.show()
    # It is painted once where it comes, before it is laid out.
    card.setParent(inside)
    card.show()
    card.want(_DAY, 40)
    card.grab()
    column.addWidget(card)
    for _ in range(3):
        QApplication.processEvents()
    assert points.asked == []
    area.ensureWidgetVisible(card)
    qtbot.waitUntil(lambda: points.asked == [_DAY])
    qtbot.waitUntil(lambda: not card.is_reading)
    card.setParent(None)


def test_a_point_leads_to_its_search(qtbot: QtBot, card: PointsCard) -> None:
    cloud = _read(qtbot, card)
    place = 17
    point = cloud.points[place]
    box = card.plot.box
    at = card.plot.mapFromScene(box.mapViewToScene(QPointF(point.at_s, scaled(point.ms))))
    assert card.plot.place_of(QPointF(at)) == place
    with qtbot.waitSignal(card.link_chosen) as chosen:
        qtbot.mouseClick(card.plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert chosen.args is not None
    link = chosen.args[0]
    assert link.from_at == instant_of(point.at_s)
    assert (link.least_ms, link.most_ms) == (point.ms, point.ms)


def test_table_and_file_are_what_is_seen(qtbot: QtBot, card: PointsCard) -> None:
    cloud = _read(qtbot, card)
    card.data_button.click()
    assert card.pages.currentWidget() is card.table
    assert card.model.rowCount() == len(cloud)
    newest = cloud.points[len(cloud) - 1]
    assert card.model.index(0, 0).data() == f"{instant_of(newest.at_s):%Y-%m-%d %H:%M:%S}"
    with qtbot.waitSignal(card.link_chosen):
        QTest.keyClick(card.table, Qt.Key.Key_Return)
    card.plot.zoom(0.01, newest.at_s)
    first, end = card.plot.seen()
    assert 0 < end - first < len(cloud)
    assert card.model.rowCount() == end - first
    write = card.rows_writer()
    assert write is not None
    lines = list(csv.DictReader(io.StringIO(write().decode(), newline="")))
    assert [(line["at"], line["ms"], line["outcome"]) for line in lines] == [
        (instant_of(point.at_s).isoformat(), str(point.ms), point.outcome.name.lower())
        for point in cloud.points.between(first, end)
    ]
    assert card.seen_words()


@pytest.mark.parametrize("count", [30, 5000])
def test_pictures_have_the_points(
    qtbot: QtBot, card: PointsCard, points: FakePoints, count: int
) -> None:
    points.points = make_points(count)
    _read(qtbot, card)
    assert draw_picture(card, "UTC").width() > 1000
    drawing = svg_bytes(card, "UTC").decode()
    assert ("<image" in drawing) == (count > 2000)
    assert "Each search" in drawing


def test_nothing_and_a_failure(qtbot: QtBot, card: PointsCard, points: FakePoints) -> None:
    points.error = StoreError("It is gone.", code="store.unreachable")
    card.want(_DAY, 1)
    qtbot.waitUntil(lambda: card.pages.currentWidget() is card._failed)
    assert not card.export_button.isEnabled()
    points.error = None
    points.points = SearchPoints()
    card.read()
    qtbot.waitUntil(lambda: card.pages.currentWidget() is card._nothing)
    points.points = make_points(3)
    card.read()
    qtbot.waitUntil(lambda: card.pages.currentWidget() is card.plot)
    assert card.export_button.isEnabled()


# The axis of time


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
@pytest.mark.parametrize("span", [20, 600, 86_400, 86_400 * 9, 86_400 * 100, 86_400 * 3000])
def test_times_stand_where_they_are(qtbot: QtBot, zone: str, span: int) -> None:
    axis = TimeAxis("bottom")
    axis.set_zone(zone)
    [(spacing, places)] = axis.tickValues(_BEGINS_S, _BEGINS_S + span, 800)
    words = axis.tickStrings(places, 1, spacing)
    assert 1 <= len(places) <= 20
    assert len({*words}) >= min(len(words), 2)
    assert all(_BEGINS_S <= place <= _BEGINS_S + span for place in places)
    assert places == sorted(places)
