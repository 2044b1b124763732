"""What a query may have been meant to be, in the window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.searching import Change, Correction, SearchMode
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.search.controller import SearchState
from altus4_desktop.ui.panes.search.correction import CorrectionBar
from altus4_desktop.ui.panes.search.view import SearchView
from altus4_desktop.ui.widgets import Button
from tests.ui.world import World, make_connection, make_hit


def ended(state: SearchState) -> bool:
    return not state.running


@pytest.fixture
def view(world: World, qtbot: QtBot) -> SearchView:
    world.connections.saved = [make_connection(1)]
    made = SearchView(world.session, PaneMemory(world.session.services.data_dir, "search"))
    qtbot.addWidget(made)
    made.resize(1000, 700)
    with qtbot.waitExposed(made):
        made.show()
    with qtbot.waitSignal(made.controller.connections_ready):
        made.activated()
    return made


def search(qtbot: QtBot, view: SearchView, text: str) -> None:
    view.query.setText(text)
    with qtbot.waitSignal(view.correction._task.finished):
        view.search()


class TestCorrectionBar:
    def test_it_is_offered_and_one_press_searches_for_it(
        self, world: World, view: SearchView, qtbot: QtBot
    ) -> None:
        world.suggestions.correction = Correction("invoice & tax", (Change(0, 7, "invoice"),))
        search(qtbot, view, "invoise & tax")
        assert view.correction.isVisible()
        button = view.correction.findChild(Button, "search.correction")
        assert button is not None
        assert button.text() == "invoice && tax"
        assert "invoice & tax" in button.accessibleName()
        world.suggestions.correction = None
        with qtbot.waitSignal(view.correction._task.finished):
            button.setFocus()
            qtbot.keyClick(button, Qt.Key.Key_Space)
        assert view.query.text() == "invoice & tax"
        assert [request.query for request in world.search.requests] == [
            "invoise & tax",
            "invoice & tax",
        ]
        assert not view.correction.isVisible()

    def test_it_goes_when_something_else_is_searched(
        self, world: World, view: SearchView, qtbot: QtBot
    ) -> None:
        world.suggestions.correction = Correction("invoice", (Change(0, 7, "invoice"),))
        search(qtbot, view, "invoise")
        view.query.setText("tax")
        view.search()
        assert not view.correction.isVisible()
        qtbot.waitUntil(lambda: "tax" in world.suggestions.asked)

    def test_further_pages_are_not_looked_over(
        self, world: World, view: SearchView, qtbot: QtBot
    ) -> None:
        world.search.hits = [make_hit(key) for key in range(1, 61)]
        search(qtbot, view, "tax")
        with qtbot.waitSignal(view.controller.state_changed, check_params_cb=ended):
            view.controller.load_more()
        assert world.suggestions.asked == ["tax"]

    def test_a_refused_query_is_not_looked_over(
        self, world: World, view: SearchView, qtbot: QtBot
    ) -> None:
        view.options.set_mode(SearchMode.BOOLEAN)
        view.query.setText("tax +")
        with qtbot.waitSignal(view.controller.state_changed, check_params_cb=ended):
            view.search()
        assert world.suggestions.asked == []

    def test_words_that_complete_the_text_follow_recent_searches(
        self, world: World, view: SearchView, qtbot: QtBot
    ) -> None:
        world.history.queries = ["invoice 7"]
        world.suggestions.words = ["invoice", "invoice 7", "inventory"]
        with qtbot.waitSignal(view.controller.recent_ready) as told:
            view.controller.complete("inv")
        assert told.args == ["inv", ["invoice 7", "invoice", "inventory"]]


def test_a_long_query_is_cut_and_shown_whole_on_demand(world: World, qtbot: QtBot) -> None:
    bar = CorrectionBar(world.session)
    qtbot.addWidget(bar)
    bar._show(Correction("word " * 100, ()))
    assert bar.button.text().endswith("…")
    assert len(bar.button.text()) < 80
    assert bar.button.toolTip()
