"""Synonyms: edited in the settings, told and left out in the search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Preferences
from altus4_desktop.domain.searching import Expansion, SearchOutcome, SearchRequest
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.search.view import SearchView
from altus4_desktop.ui.panes.settings.synonyms_card import SynonymsCard
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from altus4_desktop.ui.widgets import Button
from tests.ui.world import ACTOR, World, make_connection

GROUPS = (("car", "automobile"), ("bill", "invoice"))


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


@pytest.fixture
def card(session: Session, qtbot: QtBot) -> SynonymsCard:
    made = SynonymsCard(session)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    made.look()
    return made


class TestSynonymsCard:
    def test_lines_are_kept_as_groups_of_terms(
        self, session: Session, card: SynonymsCard, qtbot: QtBot
    ) -> None:
        assert not card.save_button.isEnabled()
        card.text.setPlainText(" car ,automobile, car\n\n,\nbill,invoice")
        with qtbot.waitSignal(session.announced):
            qtbot.mouseClick(card.save_button, Qt.MouseButton.LeftButton)
        assert session.actor.choices.synonyms == GROUPS
        assert card.text.toPlainText() == "car, automobile\nbill, invoice"
        assert not card.save_button.isEnabled()
        profile = session.services.accounts.get_profile(session.actor)
        assert profile.choices.synonyms == GROUPS
        assert session.services.accounts.get_profile(session.actor).choices.page_size is None

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("car, automobile\nbill", "Line 2 has one"),
            ("car, +++", "Line 1: “+++”"),
            (f"car, {'x' * 61}", "60 characters"),
            ('car, "motor vehicle"', "double quotes"),
            ("\n".join(["a1, b1"] * 201), "200 lines"),
        ],
    )
    def test_a_bad_line_is_named_and_the_text_stays(
        self, card: SynonymsCard, qtbot: QtBot, text: str, told: str
    ) -> None:
        card.text.setPlainText(text)
        card._save()
        row = card.fields["synonyms"]
        qtbot.waitUntil(lambda: row.is_wrong)
        assert told in row.note.text()
        assert card.text.toPlainText() == text
        assert card.save_button.isEnabled()


class TestInTheSearch:
    def test_they_are_told_and_can_be_left_out(self, world: World, qtbot: QtBot) -> None:
        world.session.set_actor(replace(ACTOR, choices=Preferences(synonyms=GROUPS)))
        world.connections.saved = [make_connection(1)]

        def answer(request: SearchRequest, *_: object) -> SearchOutcome:
            added = (Expansion("car", ("automobile",)),) if request.synonyms else ()
            return SearchOutcome("s1", request, (), (), finished=True, expansions=added)

        world.search.script = answer
        view = SearchView(world.session, PaneMemory(world.session.services.data_dir, "search"))
        qtbot.addWidget(view)
        with qtbot.waitExposed(view):
            view.show()
        view.query.setText("car")
        with qtbot.waitSignal(view.controller.searched):
            view.search()
        assert world.search.requests[-1].synonyms == GROUPS
        assert view.expansion.isVisible()
        assert "“automobile” for “car”" in view.expansion.accessibleName()
        off = view.findChild(Button, "search.synonyms.off")
        assert off is not None
        with qtbot.waitSignal(view.controller.searched):
            qtbot.mouseClick(off, Qt.MouseButton.LeftButton)
        assert world.search.requests[-1] == replace(world.search.requests[0], synonyms=())
        assert not view.expansion.isVisible()
        view.shut()
