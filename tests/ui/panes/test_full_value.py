"""Loading all of a value that was cut short: what is said while it comes, and when it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.errors import (
    AltusError,
    KeyMissingError,
    TenantError,
    TenantFailure,
    VaultLockedError,
)
from altus4_desktop.domain.searching import SearchHit, SearchRequest
from altus4_desktop.tasks.runner import Lane
from altus4_desktop.ui.panes.search.detail import DetailPanel
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.panes.search.view import SearchView
from altus4_desktop.ui.theme import Space
from tests.ui.world import Gate, World, make_hit

AWAY = TenantError(TenantFailure.LOST, "The server went away.", hint="Look whether it runs.")
LARGE, LARGER, WHOLE = 3, 4, 1
OFFER = "Load full value (99 characters)"


def cut_hit(place: int) -> SearchHit:
    """A hit of which two columns were cut short."""
    hit = make_hit(place, large="beg", larger="beg")
    return replace(hit, truncated={"large": 99, "larger": 888})


@pytest.fixture
def detail(qtbot: QtBot, view: SearchView, world: World) -> DetailPanel:
    """The first of two such hits, read where it was cut short; its row is slow to come."""
    world.search.hits = [cut_hit(1), cut_hit(2)]
    world.search.row_gate = Gate()
    # Reading the query asks for the tables once more, and what is known of them is drawn again.
    with qtbot.waitSignal(view.query_box.read):
        view.receive(SearchRequest("file"))
    qtbot.waitUntil(lambda: view.results.hits.rowCount() == 2)
    qtbot.waitUntil(lambda: not world.session.runner.running)
    found = view.results.detail
    read(found, LARGE)
    return found


def read(detail: DetailPanel, column: int) -> None:
    detail.table.setCurrentIndex(detail.cells.index(column, 1))


def load(qtbot: QtBot, detail: DetailPanel, gate: Gate) -> None:
    """Ask for all of the value, and see that it is on its way."""
    qtbot.mouseClick(detail.reader.load, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(gate.entered.is_set)
    assert_loads(detail)


def assert_loads(detail: DetailPanel) -> None:
    button = detail.reader.load
    assert (button.text(), button.isEnabled()) == ("Loading…", False)


def assert_offers(detail: DetailPanel, offer: str = OFFER) -> None:
    button = detail.reader.load
    assert (button.text(), button.isEnabled()) == (offer, True)
    assert button.accessibleName() == offer
    assert button.isVisible()


def gate_of(world: World) -> Gate:
    assert world.search.row_gate is not None
    return world.search.row_gate


def fail(world: World, error: AltusError = AWAY) -> None:
    """Let the row that is under way fail."""
    world.search.row_error = error
    gate_of(world).open()


def way_out(detail: DetailPanel) -> QAbstractButton:
    """The one button of the message."""
    [button] = [
        it
        for it in detail.reader.message.findChildren(QAbstractButton)
        if it.objectName() == "search.detail.message.action1" and it.isVisible()
    ]
    return button


def test_a_load_that_fails_says_why_and_can_be_tried_again(
    qtbot: QtBot, detail: DetailPanel, world: World
) -> None:
    assert_offers(detail)
    load(qtbot, detail, gate_of(world))
    fail(world)
    qtbot.waitUntil(detail.reader.message.isVisible)
    assert detail.reader.message.text() == "The server went away."
    assert detail.reader.message.hint() == "Look whether it runs."
    assert_offers(detail)
    world.search.row_error = None
    world.search.rows = {"large": "beginning and end"}
    assert way_out(detail).text() == "Try again"
    qtbot.mouseClick(way_out(detail), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: detail.reader.text.toPlainText() == "beginning and end")
    assert not detail.reader.message.isVisible()
    assert not detail.reader.load.isVisible()


@pytest.mark.parametrize(
    "error", [VaultLockedError("The vault is locked."), KeyMissingError("The key is not here.")]
)
def test_a_password_that_cannot_be_had_leads_to_the_connection(
    qtbot: QtBot, detail: DetailPanel, world: World, error: AltusError
) -> None:
    load(qtbot, detail, gate_of(world))
    fail(world, error)
    qtbot.waitUntil(detail.reader.message.isVisible)
    assert_offers(detail)
    with qtbot.waitSignal(world.session.pane_requested) as asked:
        qtbot.mouseClick(way_out(detail), Qt.MouseButton.LeftButton)
    assert asked.args == ["connections", "c1"]


def test_a_load_that_is_stopped_is_offered_again(
    qtbot: QtBot, detail: DetailPanel, world: World
) -> None:
    load(qtbot, detail, gate_of(world))
    # As by the status bar, or by the lock.
    world.session.runner.cancel_lane(Lane.TENANTS)
    qtbot.waitUntil(detail.reader.load.isEnabled)
    assert_offers(detail)
    assert not detail.reader.message.isVisible()


def test_a_failure_is_told_whichever_column_is_read(
    qtbot: QtBot, detail: DetailPanel, world: World
) -> None:
    load(qtbot, detail, gate_of(world))
    read(detail, LARGER)
    # The row comes as a whole.
    assert_loads(detail)
    read(detail, WHOLE)
    assert not detail.reader.load.isVisible()
    fail(world)
    qtbot.waitUntil(detail.reader.message.isVisible)
    assert way_out(detail).text() == "Try again"
    read(detail, LARGER)
    assert_offers(detail, "Load full value (888 characters)")
    read(detail, LARGE)
    assert_offers(detail)


def test_what_becomes_known_of_the_table_does_not_end_a_load(
    qtbot: QtBot, detail: DetailPanel, view: SearchView, world: World
) -> None:
    load(qtbot, detail, gate_of(world))
    schema = view.controller.schema("c1")
    assert schema is not None
    view.controller.keep_schema("c1", schema)
    assert_loads(detail)


def test_another_hit_has_no_part_in_it(
    qtbot: QtBot, detail: DetailPanel, view: SearchView, world: World
) -> None:
    load(qtbot, detail, gate_of(world))
    view.results.pick(1)
    read(detail, LARGE)
    assert_offers(detail)
    fail(world)
    qtbot.waitUntil(lambda: not world.session.runner.running)
    assert not detail.reader.message.isVisible()
    view.results.pick(0)
    read(detail, LARGE)
    assert_offers(detail)


def test_a_hit_that_is_gone_is_read_no_longer(
    qtbot: QtBot, detail: DetailPanel, view: SearchView, world: World
) -> None:
    load(qtbot, detail, gate_of(world))
    detail_hit = detail.hit
    view.controller.reset()
    assert detail.hit is None
    qtbot.waitUntil(lambda: not world.session.runner.running)
    view.receive(SearchRequest("file"))
    qtbot.waitUntil(lambda: detail.hit == detail_hit)
    read(detail, LARGE)
    assert_offers(detail)


def test_a_hit_that_is_found_once_more_is_still_read(
    qtbot: QtBot, detail: DetailPanel, view: SearchView, world: World
) -> None:
    load(qtbot, detail, gate_of(world))
    world.search.hits = [cut_hit(1), cut_hit(2)]
    before = detail.hit
    view.controller.again()
    qtbot.waitUntil(lambda: detail.hit is not before)
    assert_loads(detail)
    world.search.rows = {"large": "beginning and end"}
    gate_of(world).open()
    qtbot.waitUntil(lambda: detail.reader.text.toPlainText() == "beginning and end")


def test_a_failure_behind_another_tab_is_told_there(
    qtbot: QtBot, detail: DetailPanel, search_pane: SearchPane, world: World
) -> None:
    load(qtbot, detail, gate_of(world))
    search_pane.new_tab()
    assert not detail.isVisible()
    fail(world)
    qtbot.waitUntil(detail.reader.load.isEnabled)
    search_pane.previous_tab()
    assert detail.reader.message.isVisible()
    assert detail.reader.message.text() == "The server went away."
    assert_offers(detail)


def test_the_way_out_fits_a_narrow_panel(
    qtbot: QtBot, detail: DetailPanel, search_pane: SearchPane, world: World
) -> None:
    load(qtbot, detail, gate_of(world))
    fail(world, KeyMissingError("The password of “Library 1” was sealed elsewhere."))
    qtbot.waitUntil(detail.reader.message.isVisible)
    least = detail.minimumWidth()
    assert detail.reader.message.minimumSizeHint().width() <= least - 2 * Space.L


def test_a_failure_is_in_sight_though_somebody_scrolled_down(
    qtbot: QtBot, detail: DetailPanel, search_pane: SearchPane, world: World
) -> None:
    search_pane.resize(900, 460)
    bar = detail.area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    load(qtbot, detail, gate_of(world))
    fail(world)
    message = detail.reader.message
    qtbot.waitUntil(lambda: message.isVisible() and not message.visibleRegion().isEmpty())
    qtbot.waitUntil(lambda: message.visibleRegion().boundingRect().height() == message.height())
