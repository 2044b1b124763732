"""How wide the filters, the hits and one hit in full are, now and in the next run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QByteArray, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QSplitter, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.panes.search.view import SearchView
from tests.ui.panes.test_search_view import search
from tests.ui.world import World

WIDE, NARROW = 1300, 860
LEFT = Qt.MouseButton.LeftButton
Opened = Callable[[int], SearchView]


@pytest.fixture
def opened(qtbot: QtBot, world: World) -> Iterator[Opened]:
    """Opens the search at a width, in the run that follows the one before."""
    panes: list[SearchPane] = []

    def open_(width: int) -> SearchView:
        if panes:
            panes[-1].hide()
            panes[-1].shut()
        pane = SearchPane(world.session)
        panes.append(pane)
        qtbot.addWidget(pane)
        pane.resize(width, 700)
        with qtbot.waitSignal(pane.view.controller.connections_ready):
            pane.show()
            pane.activated()
        return pane.view

    yield open_
    panes[-1].shut()


def found(qtbot: QtBot, view: SearchView, *, details: bool, filters: bool) -> QSplitter:
    """The parts of what was found, with those two or without."""
    view.options.panel_button.setChecked(details)
    view.options.filter_button.setChecked(filters)
    search(qtbot, view)
    qtbot.waitUntil(view.results.split.isVisible)
    return view.results.split


def drag(split: QSplitter, handle: int, by: int) -> None:
    grip = split.handle(handle)
    start = grip.rect().center()
    QTest.mousePress(grip, LEFT, pos=start)
    QTest.mouseMove(grip, start + QPoint(by, 0))
    # The grip has gone along with the mouse.
    QTest.mouseRelease(grip, LEFT, pos=start)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_filters_without_details_are_as_wide_in_the_next_run(
    qtbot: QtBot, opened: Opened, width: int
) -> None:
    split = found(qtbot, opened(width), details=False, filters=True)
    before = split.sizes()[0]
    drag(split, 1, 70)
    dragged = split.sizes()[0]
    assert dragged == before + 70
    split = found(qtbot, opened(width), details=False, filters=True)
    assert split.sizes()[0] == dragged


@pytest.mark.parametrize("width", [WIDE, 1000])
def test_details_that_come_take_nothing_of_the_filters(
    qtbot: QtBot, opened: Opened, width: int
) -> None:
    found(qtbot, opened(width), details=True, filters=True)
    view = opened(width)
    split = found(qtbot, view, details=False, filters=True)
    drag(split, 1, 70)
    dragged = split.sizes()[0]
    view.options.panel_button.click()
    assert split.count() == 3
    first, *others = split.sizes()
    assert first == dragged
    assert all(others)
    split = found(qtbot, opened(width), details=True, filters=True)
    assert split.sizes() == [first, *others]


def test_who_takes_turns_forgets_nobody(qtbot: QtBot, opened: Opened) -> None:
    view = opened(WIDE)
    split = found(qtbot, view, details=True, filters=False)
    drag(split, 2, -90)
    details = split.sizes()
    view.options.panel_button.click()
    view.options.filter_button.click()
    drag(split, 1, 70)
    filters = split.sizes()
    view.options.filter_button.click()
    view.options.panel_button.click()
    assert split.sizes() == details
    view.options.panel_button.click()
    view.options.filter_button.click()
    assert split.sizes() == filters


def test_layouts_of_before_are_still_read(qtbot: QtBot, opened: Opened, world: World) -> None:
    old = QSplitter()
    qtbot.addWidget(old)
    for _ in range(3):
        old.addWidget(QWidget())
    old.setSizes([310, 500, 450])
    PaneMemory(world.session.services.data_dir, "search").keep_layout("split", old.saveState())
    split = found(qtbot, opened(WIDE), details=False, filters=True)
    assert split.sizes()[0] == 310


@pytest.mark.parametrize("kept", [["x", 1, 2], [1], [-1, 2, 3], [10**30, 1, 1], "x"])
def test_what_cannot_be_a_width_is_passed_over(qtbot: QtBot, opened: Opened, kept: object) -> None:
    usual = found(qtbot, opened(WIDE), details=True, filters=True).sizes()
    view = opened(WIDE)
    view.memory.keep("widths", kept)
    view.memory.keep_layout("split", QByteArray(b"nonsense"))
    view.results.restore_layout(view.memory)
    assert found(qtbot, view, details=True, filters=True).sizes() == usual
