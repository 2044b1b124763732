"""Weights in the window: chosen beside what is searched, kept, told above the hits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.accounts import Preferences, User, UserDraft
from altus4_desktop.domain.searching import SourceReport, SourceState, SourceWeight
from altus4_desktop.ui.panes.search.controller import SearchState
from altus4_desktop.ui.panes.search.scope import ScopeModel
from altus4_desktop.ui.panes.search.view import SearchView
from altus4_desktop.ui.panes.search.weighing import WeightsBar
from altus4_desktop.ui.widgets import Button
from tests.ui.world import ACTOR, World, make_schema, make_source, make_table

opens_a_popup = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


class Accounts:
    """Keeps the profile of whoever is signed in."""

    def __init__(self) -> None:
        self.user = User(ACTOR.user_id, ACTOR.name, ACTOR.email, ACTOR.role)
        self.saved = 0

    def get_profile(self, _: object) -> User:
        return self.user

    def update_profile(self, _: object, draft: UserDraft) -> User:
        self.saved += 1
        self.user = replace(self.user, preferences=draft.choices.added_to({}))
        return self.user


@pytest.fixture
def accounts(world: World) -> Accounts:
    made = Accounts()
    cast("SimpleNamespace", world.session.services).accounts = made
    return made


@pytest.fixture
def opened(view: SearchView, accounts: Accounts, qtbot: QtBot) -> Iterator[SearchView]:
    """The pop-up is open, the tables of the first connection are known, its row is current."""
    del accounts
    view.options.scope_model.show_tables("c1", make_schema(make_table("articles"), make_table("b")))
    view.options.open_scope()
    qtbot.waitUntil(view.options.popup.isVisible)
    tree = view.options.popup.tree
    tree.expandAll()
    tree.setCurrentIndex(view.options.scope_model.row_of("c1"))
    yield view
    view.options.popup.close()


def texts(model: ScopeModel, parent: QModelIndex | None = None) -> list[object]:
    under = parent or QModelIndex()
    return [model.index(row, 0, under).data() for row in range(model.rowCount(under))]


def choose(view: SearchView, place: int, weight: float) -> None:
    view.options.weights.place.setCurrentIndex(place)
    view.options.weights.weight.setValue(weight)


def go_to_table(view: SearchView, row: int = 0) -> None:
    model = view.options.scope_model
    view.options.popup.tree.setCurrentIndex(model.index(row, 0, model.row_of("c1")))


class TestStrip:
    @opens_a_popup
    def test_a_connection_its_table_and_a_column_are_weighed_and_marked(
        self, opened: SearchView
    ) -> None:
        model = opened.options.scope_model
        plain = texts(model)
        choose(opened, 0, 2.0)
        go_to_table(opened)
        strip = opened.options.weights
        assert strip.weight.value() == 1.0
        columns = [strip.place.itemText(at) for at in range(strip.place.count())]
        assert columns[0] == "Table"
        assert columns[1].startswith("Column ")
        choose(opened, 0, 1.5)
        choose(opened, 1, 3.0)
        column = str(strip.place.currentData()[2])
        assert model.weights == (
            SourceWeight("c1", weight=2.0),
            SourceWeight("c1", "articles", weight=1.5),
            SourceWeight("c1", "articles", column, 3.0),
        )
        assert texts(model) == [f"{plain[0]}   ×2", *plain[1:]]
        assert texts(model, model.row_of("c1"))[0] == f"articles   ×1.5 · {column} ×3"

    @opens_a_popup
    def test_it_is_made_neutral_and_taken_back(self, opened: SearchView, qtbot: QtBot) -> None:
        strip, model = opened.options.weights, opened.options.scope_model
        assert not strip.neutral.isEnabled()
        assert not strip.undo.isEnabled()
        choose(opened, 0, 2.0)
        choose(opened, 0, 3.0)
        go_to_table(opened)
        choose(opened, 0, 5.0)
        qtbot.mouseClick(strip.neutral, Qt.MouseButton.LeftButton)
        assert list(model.weights) == [SourceWeight("c1", weight=3.0)]
        qtbot.mouseClick(strip.undo, Qt.MouseButton.LeftButton)
        assert list(model.weights) == [SourceWeight("c1", weight=3.0)]
        qtbot.mouseClick(strip.undo, Qt.MouseButton.LeftButton)
        assert list(model.weights) == []
        assert not strip.undo.isEnabled()

    @opens_a_popup
    def test_the_keyboard_reaches_it_from_the_tree(self, opened: SearchView, qtbot: QtBot) -> None:
        popup, strip = opened.options.popup, opened.options.weights
        popup.tree.setFocus()
        qtbot.keyClick(popup.tree, Qt.Key.Key_Tab)
        assert popup.focusWidget() is strip.place
        qtbot.keyClick(strip.place, Qt.Key.Key_Tab)
        qtbot.keyClick(strip.weight, Qt.Key.Key_Up)
        assert opened.options.scope_model.weight(("c1", "", "")) == pytest.approx(1.1)

    @opens_a_popup
    def test_without_a_row_there_is_nothing_to_weigh(self, opened: SearchView) -> None:
        opened.options.popup.tree.setCurrentIndex(QModelIndex())
        assert not opened.options.weights.weight.isEnabled()


class TestKeeping:
    @opens_a_popup
    def test_closing_keeps_them_for_every_search_from_now_on(
        self, opened: SearchView, accounts: Accounts, world: World, qtbot: QtBot
    ) -> None:
        choose(opened, 0, 2.0)
        opened.options.popup.close()
        wanted = (SourceWeight("c1", weight=2.0),)
        qtbot.waitUntil(lambda: accounts.user.choices.weights == wanted)
        assert world.session.actor.choices.weights == wanted
        opened.query.setText("file")
        with qtbot.waitSignal(opened.controller.state_changed, check_params_cb=_has_ended):
            opened.search()
        assert world.search.requests[-1].weights == wanted

    @opens_a_popup
    def test_nothing_is_written_when_nothing_changed(
        self, opened: SearchView, accounts: Accounts
    ) -> None:
        choose(opened, 0, 2.0)
        choose(opened, 0, 1.0)
        opened.options.popup.close()
        assert accounts.saved == 0

    @opens_a_popup
    def test_the_demo_keeps_them_for_this_session(
        self, opened: SearchView, accounts: Accounts, world: World
    ) -> None:
        world.session.set_actor(replace(world.session.actor, is_demo=True))
        choose(opened, 0, 2.0)
        opened.options.popup.close()
        assert world.session.actor.choices.weights == (SourceWeight("c1", weight=2.0),)
        assert accounts.saved == 0

    def test_what_another_tab_chose_is_shown(self, view: SearchView, world: World) -> None:
        weights = (SourceWeight("c2", weight=4.0),)
        world.session.set_actor(replace(ACTOR, choices=Preferences(weights=weights)))
        assert view.options.scope_model.weights == weights


class TestBar:
    def test_it_names_the_weights_of_what_was_searched(self, qtbot: QtBot) -> None:
        bar = WeightsBar()
        qtbot.addWidget(bar)
        source = make_source(1, "articles")
        reports = [SourceReport(source, SourceState.OK)]
        weights = [
            SourceWeight(source.connection_id, weight=2.0),
            SourceWeight(source.connection_id, "articles", "title", 3.0),
            SourceWeight(source.connection_id, "not searched", weight=3.0),
            SourceWeight("not searched", weight=3.0),
        ]
        bar.show_weights(weights, reports)
        assert not bar.isHidden()
        name = source.connection
        assert bar.accessibleName() == f"By your weights: {name} ×2, {name} · articles · title ×3"
        bar.show_weights(weights[2:], reports)
        assert bar.isHidden()

    def test_a_search_can_do_without(self, view: SearchView, world: World, qtbot: QtBot) -> None:
        source = world.search.hits[0].source
        weights = (SourceWeight(source.connection_id, weight=2.0),)
        world.session.set_actor(replace(ACTOR, choices=Preferences(weights=weights)))
        view.query.setText("file")
        with qtbot.waitSignal(view.controller.state_changed, check_params_cb=_has_ended):
            view.search()
        assert view.weights.isVisible()
        without = view.findChild(Button, "search.weights.off")
        assert isinstance(without, Button)
        with qtbot.waitSignal(view.controller.state_changed, check_params_cb=_has_ended):
            qtbot.mouseClick(without, Qt.MouseButton.LeftButton)
        assert world.search.requests[-1].weights == ()
        assert not view.weights.isVisible()


def _has_ended(state: SearchState) -> bool:
    return not state.running
