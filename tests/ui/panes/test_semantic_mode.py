"""Semantic mode in the window: the choice, its language, and what is said about the ranking."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.searching import (
    Notice,
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceReport,
    SourceState,
)
from altus4_desktop.ui.panes.search.view import SearchView
from altus4_desktop.ui.widgets import Button
from tests.ui.world import World, make_hit, make_source


def _choose(qtbot: QtBot, view: SearchView, mode: str) -> None:
    button = view.findChild(Button, f"search.mode.{mode}")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_language_is_offered_in_semantic_mode_alone(qtbot: QtBot, view: SearchView) -> None:
    assert view.options.language.isHidden()
    _choose(qtbot, view, "semantic")
    assert not view.options.language.isHidden()
    _choose(qtbot, view, "natural")
    assert view.options.language.isHidden()


def test_mode_and_language_are_asked_for(qtbot: QtBot, view: SearchView, world: World) -> None:
    _choose(qtbot, view, "semantic")
    view.query.setText("ships")
    with qtbot.waitSignal(
        view.controller.state_changed, check_params_cb=lambda state: not state.running
    ):
        view.search()
    assert world.search.requests[-1].mode is SearchMode.SEMANTIC
    assert world.search.requests[-1].language == ""
    view.options.language.setCurrentIndex(view.options.language.findData("de"))
    with qtbot.waitSignal(
        view.controller.state_changed, check_params_cb=lambda state: not state.running
    ):
        view.search()
    assert world.search.requests[-1].language == "de"
    _choose(qtbot, view, "natural")
    assert view.options.text_language == ""


def test_what_the_ranking_lacks_is_said_above_the_hits(
    qtbot: QtBot, view: SearchView, world: World
) -> None:
    def script(request: SearchRequest, update: object, token: CancelToken) -> SearchOutcome:
        return SearchOutcome(
            "s",
            request,
            (SourceReport(make_source(1), SourceState.OK, 1, 5.0),),
            (make_hit(1),),
            (Notice("search.no_model", "The model is missing."), Notice("search.semantic", "By.")),
            finished=True,
        )

    world.search.script = script
    _choose(qtbot, view, "semantic")
    view.query.setText("ships")
    with qtbot.waitSignal(
        view.controller.state_changed, check_params_cb=lambda state: not state.running
    ):
        view.search()
    assert not view.results.remarks.isHidden()
    assert view.results.remarks.first.text() == "The model is missing."
    assert "By." in view.results.remarks.rest.text()
