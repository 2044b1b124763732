"""Semantic mode in the window: the choice, its language, and what is said about the ranking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Preferences, UserDraft
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.searching import (
    Notice,
    RankingReason,
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceReport,
    SourceState,
)
from altus4_desktop.services import explaining
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.search.languages import LanguagesDialog
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.panes.search.view import SearchView
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from altus4_desktop.ui.widgets import Button
from tests.ui.world import World, make_connection, make_hit, make_source


def _choose(qtbot: QtBot, view: SearchView, mode: str) -> None:
    button = view.findChild(Button, f"search.mode.{mode}")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_language_is_offered_in_semantic_mode_alone(qtbot: QtBot, view: SearchView) -> None:
    assert view.options.language_part.isHidden()
    _choose(qtbot, view, "semantic")
    assert not view.options.language_part.isHidden()
    _choose(qtbot, view, "natural")
    assert view.options.language_part.isHidden()


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


def test_the_model_begins_to_load_when_the_mode_is_chosen(
    qtbot: QtBot, view: SearchView, world: World
) -> None:
    assert SearchMode.SEMANTIC not in world.search.prepared
    _choose(qtbot, view, "semantic")
    assert world.search.prepared[-1] is SearchMode.SEMANTIC


def test_a_search_that_is_run_again_is_in_its_language(
    qtbot: QtBot, view: SearchView, world: World
) -> None:
    _choose(qtbot, view, "semantic")
    view.options.set_language("fr")
    for wanted in ("de", ""):
        view.receive(SearchRequest("ships", SearchMode.SEMANTIC, language=wanted))
        qtbot.waitUntil(lambda: not view.controller.state.running)
        assert world.search.requests[-1].language == wanted
        assert view.options.language.currentData() == wanted
    view.options.set_language("fr")
    view.receive(SearchRequest("ships", SearchMode.NATURAL))
    qtbot.waitUntil(lambda: not view.controller.state.running)
    assert world.search.requests[-1].language == ""
    # What a search in another mode says nothing of stays chosen.
    assert view.options.language.currentData() == "fr"


def test_a_draft_keeps_the_language(qtbot: QtBot, view: SearchView) -> None:
    _choose(qtbot, view, "semantic")
    view.options.set_language("sv")
    draft = view.choices.draft
    view.options.set_language("")
    view.choices.show(draft)
    assert view.options.text_language == "sv"


def test_languages_of_connections_are_asked_for(
    qtbot: QtBot, view: SearchView, world: World
) -> None:
    languages = (("c1", "de"),)
    world.session.set_actor(replace(world.session.actor, choices=Preferences(languages=languages)))
    _choose(qtbot, view, "semantic")
    view.query.setText("ships")
    view.search()
    qtbot.waitUntil(lambda: not view.controller.state.running)
    assert world.search.requests[-1].languages == languages


def test_the_parts_of_a_hit_are_named_and_add_up(
    qtbot: QtBot, view: SearchView, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = RankingReason(words=1.25, meaning=-0.5, feedback=0.125, weight=0.0, bm25=7, cosine=0.3)
    hit = replace(make_hit(1), score=0.875, reason=reason)
    world.search.hits = [hit]

    def explain(*_: Any) -> Any:
        return explaining._by_reason(hit, reason)

    monkeypatch.setattr(world.search, "explain", explain)
    view.receive(SearchRequest("ships", SearchMode.SEMANTIC))
    qtbot.waitUntil(lambda: view.results.hits.rowCount() == 1)
    with qtbot.waitSignal(view.controller.why_ready):
        view.results.turn_why()
    text = view.results.detail.why.place.text()
    assert "Its score 0.875 is made of:" in text
    for part in ("its words 1.250", "its meaning -0.500", "likeness to the best rows 0.125"):
        assert part in text


@pytest.fixture
def session(tmp_path: Path, runner: TaskRunner) -> Iterator[Session]:
    services = compose(tmp_path / "data")
    services.metadata.open_()
    services.vault.set_up_session()
    made = Session(services, runner, Theme(), report_crash=lambda error: pytest.fail(repr(error)))
    made.set_actor(
        services.accounts.create_first_admin("Ada", "ada@example.org", "a long passphrase")
    )
    yield made
    services.close()


def test_languages_of_connections_are_edited_and_kept(qtbot: QtBot, session: Session) -> None:
    connections = [make_connection(1), make_connection(2, name="<b>Zürich</b> " * 9)]
    accounts, kept = session.services.accounts, ("gone", "it")
    draft = UserDraft.of(accounts.get_profile(session.actor))
    accounts.update_profile(
        session.actor, replace(draft, choices=replace(draft.choices, languages=(kept,)))
    )
    for language, expected in (("de", (("c1", "de"), kept)), ("", (kept,))):
        dialog = LanguagesDialog(session, connections)
        qtbot.addWidget(dialog)
        dialog.open()
        boxes = dialog.findChildren(QComboBox, "search.languages.choice")
        assert [box.itemText(0) for box in boxes] == ["Detected from its rows"] * 2
        boxes[0].setCurrentIndex(boxes[0].findData(language))
        with qtbot.waitSignal(session.announced):
            qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
        profile = session.services.accounts.get_profile(session.actor)
        assert profile.choices.languages == session.actor.choices.languages == expected


def test_languages_are_edited_beside_the_language_of_the_search(
    qtbot: QtBot, view: SearchView, search_pane: SearchPane
) -> None:
    button = view.options.languages_button
    assert not button.isVisible()
    _choose(qtbot, view, "semantic")
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    dialog = search_pane.findChild(LanguagesDialog)
    assert dialog is not None
    assert len(dialog.findChildren(QComboBox, "search.languages.choice")) == 2
    dialog.reject()
    view.options.show_connections(())
    assert not button.isEnabled()
