"""Saved searches in the window, over their real service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QMenu, QTreeWidgetItem, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.saved_searches import SavedScope, SavedSearch, SavedSearchDraft
from altus4_desktop.domain.searching import (
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceReport,
    SourceState,
)
from altus4_desktop.services.saved_searches import SavedSearchesService
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.panes.search.scope import Scope
from altus4_desktop.ui.panes.search.shelf import SavedShelf
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.ui.world import (
    FakeConnections,
    FakeSearch,
    make_connection,
    make_hit,
    make_source,
)


@dataclass
class Desk:
    """The pane, the services below it, and who else there is."""

    qtbot: QtBot
    pane: SearchPane
    service: SavedSearchesService
    search: FakeSearch
    connections: FakeConnections
    ann: Actor
    bob: Actor

    def keep(self, draft: SavedSearchDraft, actor: Actor | None = None) -> SavedSearch:
        """Save a search behind the pane's back, and let it read that."""
        made = self.service.create_(actor or self.ann, draft)
        self.read()
        return made

    def read(self) -> None:
        with self.qtbot.waitSignal(self.pane.desk.book.changed):
            self.pane.desk.book.read()

    def settle(self) -> None:
        runner = self.pane.session.runner
        self.qtbot.waitUntil(lambda: not runner.running and not self._is_busy())

    def _is_busy(self) -> bool:
        return self.pane.view.controller.state.running

    def find(self, name: str, kind: type[Any] = QWidget) -> Any:
        found = [w for w in self.pane.window().findChildren(kind, name) if w.isVisible()]
        assert len(found) == 1, f"{name}: {len(found)}"
        return found[0]

    def click(self, name: str) -> None:
        self.qtbot.mouseClick(self.find(name), Qt.MouseButton.LeftButton)

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier) -> None:
        self.qtbot.keyClick(self.pane.view.query, key, modifier)


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, runner: TaskRunner) -> Iterator[Desk]:
    """Ann's pane; Bob has an account too."""
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        ann = services.accounts.create_first_admin("Ann", "ann@example.org", "a long passphrase")
        services.accounts.create_user(ann, "Bob", "bob@example.org", "a long passphrase", Role.USER)
        bob_user = services.metadata.store.users.find_by_email("bob@example.org")
        assert bob_user is not None
        search, connections = FakeSearch(), FakeConnections()
        search.hits = [make_hit(place) for place in range(1, 6)]
        connections.saved = [
            make_connection(1, user_id=ann.user_id),
            make_connection(2, user_id=ann.user_id),
        ]
        partly = replace(
            services,
            search=cast("Any", search),
            connections=cast("Any", connections),
        )
        session = Session(
            partly,
            runner,
            Theme(),
            report_crash=lambda error: pytest.fail(str(error)),
        )
        session.set_actor(ann)
        pane = SearchPane(session)
        qtbot.addWidget(pane)
        pane.resize(1100, 700)
        with qtbot.waitSignals([pane.view.controller.connections_ready, pane.desk.book.changed]):
            pane.show()
            pane.activated()
        pane.focus_first()
        service = services.saved_searches
        yield Desk(qtbot, pane, service, search, connections, ann, bob_user.as_actor())
        pane.shut()
        qtbot.waitUntil(lambda: not runner.running)


ORDERS = SavedSearchDraft("Open orders", "+order -paid", mode=SearchMode.BOOLEAN, order="title")


def test_control_s_saves_what_is_in_front(desk: Desk) -> None:
    view = desk.pane.view
    view.query.setText("+order -paid")
    view.options.set_mode(SearchMode.BOOLEAN)
    view.options.scope_model.choose(Scope(frozenset({"c2"}), {"c1": frozenset({"b", "a"})}))
    desk.press(Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    name = desk.find("search.save.name", QLineEdit)
    assert name.text() == "+order -paid"
    name.setText("Open orders")
    desk.find("search.save.folder", QComboBox).setCurrentText("work/late")
    shortcut = desk.find("search.save.shortcut", QComboBox)
    shortcut.setCurrentIndex(shortcut.findData(3))
    desk.find("search.save.shared", QCheckBox).setChecked(True)
    with desk.qtbot.waitSignal(desk.pane.desk.saved):
        desk.click("search.save.accept")
    [entry] = desk.service.list_(desk.ann)
    assert desk.service.get_(desk.ann, entry.id).draft == SavedSearchDraft(
        name="Open orders",
        query="+order -paid",
        folder="work/late",
        mode=SearchMode.BOOLEAN,
        order="relevance",
        scope=SavedScope({"c1": "Library 1"}, {"c1": ("a", "b")}),
        is_shared=True,
        shortcut=3,
    )
    desk.qtbot.waitUntil(lambda: desk.pane.desk.book.at_shortcut(3) == entry)


def test_a_name_that_is_refused_is_said_beside_its_field(desk: Desk) -> None:
    desk.pane.view.query.setText("order")
    desk.pane.save_current()
    desk.find("search.save.name", QLineEdit).setText("  ")
    desk.click("search.save.accept")
    dialog = desk.find("search.save")
    desk.qtbot.waitUntil(lambda: dialog.work.fields["name"].is_wrong)
    dialog.reject()


def test_an_empty_query_is_not_saved(desk: Desk) -> None:
    desk.pane.save_current()
    assert desk.pane.view.note.text() == "Type a query, then save it."


def test_its_keys_run_it_in_a_tab_of_its_own_and_find_that_again(desk: Desk) -> None:
    desk.keep(replace(ORDERS, shortcut=4, scope=SavedScope({"c2": "Library 2"})))
    desk.pane.view.query.setText("half a thought")
    desk.press(Qt.Key.Key_4, Qt.KeyboardModifier.AltModifier)
    desk.settle()
    [request] = desk.search.requests
    assert request.query == "+order -paid"
    assert request.mode is SearchMode.BOOLEAN
    assert request.connection_ids == ("c2",)
    assert desk.pane.tabs.count() == 2
    assert desk.pane.tabs.tabText(1) == "Open orders"
    assert desk.pane.view.options.order.currentData() == "title"
    desk.pane.previous_tab()
    desk.press(Qt.Key.Key_4, Qt.KeyboardModifier.AltModifier)
    desk.settle()
    assert desk.pane.tabs.count() == 2
    assert len(desk.search.requests) == 2, "it is run again"
    assert desk.pane.memory.value("scope") is None, "it is no choice for new searches"


def test_saving_again_changes_it_or_makes_another(desk: Desk) -> None:
    saved = desk.keep(replace(ORDERS, folder="work", alerts=True))
    desk.pane.open_saved(saved)
    desk.settle()
    desk.pane.view.query.setText("+order +late")
    desk.pane.save_current()
    with desk.qtbot.waitSignals([desk.pane.desk.saved, desk.pane.desk.book.changed]):
        desk.click("search.save.accept")
    [changed] = desk.service.list_(desk.ann)
    assert changed.id == saved.id
    assert desk.service.get_(desk.ann, changed.id).draft == replace(
        saved.draft, query="+order +late"
    )
    desk.pane.save_current()
    desk.find("search.save.name", QLineEdit).setText("Another")
    desk.find("search.save.new", QCheckBox).setChecked(True)
    with desk.qtbot.waitSignals([desk.pane.desk.saved, desk.pane.desk.book.changed]):
        desk.click("search.save.accept")
    assert [s.name for s in desk.service.list_(desk.ann)] == ["Another", "Open orders"]


def test_what_has_changed_is_told_when_it_is_opened(desk: Desk) -> None:
    saved = desk.keep(replace(ORDERS, alerts=True))

    def open_() -> None:
        with desk.qtbot.waitSignal(desk.pane.desk.opened):
            desk.pane.desk.book.open(saved.id)
        desk.settle()

    open_()
    watch = desk.pane.view.watch
    assert not watch.isVisible(), "the first time there is nothing to compare"
    desk.read()
    open_()
    assert watch.text() == "Nothing has changed since you last looked."
    desk.read()
    desk.search.hits = [make_hit(place) for place in (2, 3, 4, 5, 6, 7, 8)]
    open_()
    assert watch.text() == "Changed since you last looked: 3 new, 1 gone."
    assert watch.hint().startswith("You looked last: ")
    desk.pane.view.search()
    desk.settle()
    assert not watch.isVisible(), "it is told once"


def test_a_silent_source_is_no_change(desk: Desk) -> None:
    saved = desk.keep(replace(ORDERS, alerts=True))
    desk.pane.open_saved(saved)
    desk.settle()
    desk.read()
    seen = desk.service.get_(desk.ann, saved.id)

    def script(
        request: SearchRequest, update: Callable[[SearchOutcome], None], token: CancelToken
    ) -> SearchOutcome:
        reports = (
            SourceReport(make_source(1), SourceState.OK, 1),
            SourceReport(make_source(2), SourceState.TIMED_OUT),
        )
        return SearchOutcome("s", request, reports, (make_hit(1),), finished=True)

    desk.search.script = script
    desk.pane.open_saved(seen)
    desk.settle()
    assert not desk.pane.view.watch.isVisible()
    assert desk.service.get_(desk.ann, saved.id).seen == seen.seen


def test_connections_that_are_gone_are_named_and_left_out(desk: Desk) -> None:
    scope = SavedScope({"c1": "Library 1", "c8": "Warehouse"})
    desk.pane.open_saved(desk.keep(replace(ORDERS, scope=scope)))
    desk.settle()
    watch = desk.pane.view.watch
    assert watch.text() == "“Open orders” also looks into connections that are gone."
    assert watch.hint() == "Left out: “Warehouse”."
    assert desk.search.requests[-1].connection_ids == ("c1",)
    desk.pane.open_saved(desk.keep(replace(ORDERS, scope=SavedScope({"c8": "Warehouse"}))))
    desk.settle()
    assert len(desk.search.requests) == 1, "nothing is left to search"
    assert desk.pane.view.note.text() == "No connection is chosen."


def test_what_others_share_is_opened_and_not_changed(desk: Desk) -> None:
    scope = SavedScope({"b1": "Library 2"})
    shared = desk.keep(
        replace(ORDERS, is_shared=True, alerts=True, shortcut=1, scope=scope), desk.bob
    )
    desk.press(Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    assert desk.search.requests == [], "his keys are his"
    desk.pane.open_saved(shared)
    desk.settle()
    assert desk.search.requests[0].connection_ids == ("c2",), "found by its name"
    assert desk.service.get_(desk.bob, shared.id).seen is None
    assert not desk.pane.message.isVisible(), "and nobody tried to write it down"
    desk.pane.desk.open_shelf()
    shelf = shelf_of(desk)
    choose(shelf, "Open orders")
    assert not shelf.edit_button.isEnabled()
    assert shelf.delete_button.isEnabled(), "Ann is an admin"
    shelf.reject()


def test_the_menu_has_a_place_for_every_folder(desk: Desk) -> None:
    desk.keep(replace(ORDERS, name="Top & <b>", shortcut=2))
    deep = desk.keep(replace(ORDERS, name="Deep", folder="work/late"))
    desk.keep(replace(ORDERS, name="His", is_shared=True), desk.bob)
    menu = desk.pane.desk.menu
    menu.aboutToShow.emit()
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert texts[2:] == ["Top && <b>", "work", "Shared by others"]
    assert entry(menu, "Top && <b>").shortcut().toString() == "Alt+2"
    work = submenu(entry(menu, "work"))
    with desk.qtbot.waitSignal(desk.pane.desk.opened) as opened:
        entry(submenu(entry(work, "late")), "Deep").trigger()
    assert opened.args == [deep]
    desk.settle()
    menu.aboutToShow.emit()
    shared = submenu(entry(menu, "Shared by others"))
    assert [action.text() for action in shared.actions()] == ["His (Bob)"]


def test_the_shelf_deletes_and_takes_it_back(desk: Desk) -> None:
    desk.keep(replace(ORDERS, name="One", folder="work"))
    desk.keep(replace(ORDERS, name="Two", folder="work/late"))
    desk.keep(replace(ORDERS, name="Three", folder="works"))
    desk.pane.desk.open_shelf()
    shelf = shelf_of(desk)
    choose(shelf, "work")
    assert not shelf.open_button.isEnabled()
    with desk.qtbot.waitSignals([desk.pane.desk.book.deleted, desk.pane.desk.book.changed]):
        desk.qtbot.keyClick(shelf.tree, Qt.Key.Key_Delete)
    assert [s.name for s in desk.service.list_(desk.ann)] == ["Three"]
    assert shelf.message.text() == "Deleted 2 saved searches."
    with desk.qtbot.waitSignal(desk.pane.desk.book.changed):
        desk.click("search.shelf.message.action1")
    assert {s.name for s in desk.service.list_(desk.ann)} == {"One", "Two", "Three"}
    shelf.reject()


def test_the_shelf_renames_folders_and_searches(desk: Desk) -> None:
    desk.keep(replace(ORDERS, name="One", folder="work"))
    desk.pane.desk.open_shelf()
    shelf = shelf_of(desk)
    choose(shelf, "work")
    desk.qtbot.keyClick(shelf.tree, Qt.Key.Key_F2)
    desk.find("search.folder.path", QLineEdit).setText("old/work")
    with desk.qtbot.waitSignal(desk.pane.desk.book.changed):
        desk.click("search.folder.accept")
    [saved] = desk.service.list_(desk.ann)
    assert saved.folder == "old/work"
    choose(shelf, "One")
    desk.click("search.shelf.edit")
    desk.settle()
    desk.find("search.save.name", QLineEdit).setText("Uno")
    with desk.qtbot.waitSignal(desk.pane.desk.book.changed):
        desk.click("search.save.accept")
    choose(shelf, "Uno")
    shelf.filter.setText("no such")
    assert shelf.tree.topLevelItemCount() == 0
    shelf.filter.setText("PAID")
    assert shelf.open_button.isEnabled(), "the first that fits is chosen"
    with desk.qtbot.waitSignal(desk.pane.desk.opened):
        desk.qtbot.keyClick(shelf.filter, Qt.Key.Key_Return)
    desk.settle()


def test_a_restored_tab_still_knows_what_it_was_opened_from(desk: Desk) -> None:
    saved = desk.keep(ORDERS)
    desk.pane.open_saved(saved)
    desk.settle()
    draft = desk.pane._current.current_draft
    assert (draft.saved_id, draft.title) == (saved.id, "Open orders")
    desk.pane.close_current()
    desk.pane.reopen_tab()
    assert desk.pane.view.choices.saved_id == saved.id


def shelf_of(desk: Desk) -> SavedShelf:
    shelf = desk.find("search.shelf")
    assert isinstance(shelf, SavedShelf)
    shelf.activateWindow()
    desk.qtbot.waitUntil(shelf.isActiveWindow)
    return shelf


def choose(shelf: SavedShelf, name: str) -> None:
    [item] = shelf.tree.findItems(name, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive)
    assert isinstance(item, QTreeWidgetItem)
    shelf.tree.setCurrentItem(item)
    shelf.tree.setFocus()


def entry(menu: QMenu, text: str) -> QAction:
    [action] = [action for action in menu.actions() if action.text() == text]
    return action


def submenu(action: QAction) -> QMenu:
    menu = action.menu()
    assert isinstance(menu, QMenu)
    return menu
