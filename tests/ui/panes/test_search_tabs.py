"""Several searches side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.accounts import Preferences
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, StoreError
from altus4_desktop.domain.search_drafts import OpenSearches, SearchDraft
from altus4_desktop.domain.searching import SearchMode, SearchOutcome, SearchRequest, SourceWeight
from altus4_desktop.services.past_searches import Rerun
from altus4_desktop.ui.geometry import LEAST_SIZE
from altus4_desktop.ui.panes.search import pane as pane_module
from altus4_desktop.ui.panes.search.measured import MeasuredSearch
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.panes.search.scope import Scope
from altus4_desktop.ui.panes.search.tabs import TabMark
from tests.ui.world import ACTOR, Gate, World, make_connection

Update = Callable[[SearchOutcome], None]


def titles(pane: SearchPane) -> list[str]:
    return [pane.tabs.tabText(place) for place in range(pane.tabs.count())]


def marks(pane: SearchPane) -> list[TabMark]:
    return [pane.tabs.mark_of(number) for number in pane.tabs.numbers]


def ask(qtbot: QtBot, pane: SearchPane, text: str) -> None:
    pane.view.query.setText(text)
    pane.view.search()
    controller = pane.view.controller
    qtbot.waitUntil(lambda: not controller.state.running)


def test_one_search_needs_no_bar(qtbot: QtBot, search_pane: SearchPane) -> None:
    assert not search_pane.bar.isVisible()
    search_pane.new_tab()
    assert search_pane.bar.isVisible()
    search_pane.close_current()
    assert not search_pane.bar.isVisible()


def test_a_new_tab_opens_no_window_for_a_moment(
    qtbot: QtBot, qapp: QApplication, search_pane: SearchPane
) -> None:
    shown: list[str] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() is QEvent.Type.Show and watched.isWindowType():
                shown.append(watched.objectName())
            return False

    watch = Watch()
    qapp.installEventFilter(watch)
    search_pane.new_tab()
    qapp.removeEventFilter(watch)
    assert shown == [], "it would take the keyboard from the program's window"


def test_two_tabs_with_hits_fit_the_least_window(qtbot: QtBot, search_pane: SearchPane) -> None:
    ask(qtbot, search_pane, "file")
    search_pane.new_tab()
    ask(qtbot, search_pane, "other")
    rail, status = 68, 32
    least = search_pane.minimumSizeHint()
    assert least.width() <= LEAST_SIZE.width() - rail
    assert least.height() <= LEAST_SIZE.height() - status
    options = search_pane.view.options
    options.set_mode(SearchMode.SEMANTIC)
    assert options.language.isVisible()
    assert search_pane.minimumSizeHint().width() <= LEAST_SIZE.width() - rail
    search_pane.resize(LEAST_SIZE.width() - rail, LEAST_SIZE.height() - status)
    qtbot.waitUntil(
        lambda: options.language_part.y() > options.mode.y() + options.mode.height() - 1
    )
    search_pane.resize(1100, 700)
    qtbot.waitUntil(lambda: options.language_part.y() < options.mode.height())


def test_every_tab_has_its_own_query_hits_and_choices(
    qtbot: QtBot, search_pane: SearchPane, world: World
) -> None:
    ask(qtbot, search_pane, "first")
    first = search_pane.view
    search_pane.new_tab()
    second = search_pane.view
    assert second is not first
    assert second.query.text() == ""
    assert second.results.hits.rowCount() == 0
    second.options.set_mode(SearchMode.BOOLEAN)
    ask(qtbot, search_pane, "+second")
    assert titles(search_pane) == ["first", "+second"]
    search_pane.previous_tab()
    assert search_pane.view is first
    assert first.options.mode.key == "natural"
    assert first.results.hits.rowCount() == 20
    visible = [q for q in search_pane.findChildren(QLineEdit, "search.query") if q.isVisible()]
    assert visible == [first.query]
    assert [r.query for r in world.search.requests] == ["first", "+second"]


def test_a_search_goes_on_behind_another_and_says_how_it_stands(
    qtbot: QtBot, search_pane: SearchPane, world: World
) -> None:
    gate = Gate()

    def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
        gate.wait(token)
        if request.query == "bad":
            raise StoreError("The store is shut.")
        return SearchOutcome("s", request, (), (), finished=True)

    world.search.script = script
    for text in ("good", "bad"):
        search_pane.view.query.setText(text)
        search_pane.view.search()
        search_pane.new_tab()
    assert marks(search_pane) == [TabMark.RUNNING, TabMark.RUNNING, TabMark.NONE]
    assert search_pane.tabs.accessibleTabName(0) == "good (searching)"
    gate.open()
    wanted = [TabMark.READY, TabMark.FAILED, TabMark.NONE]
    qtbot.waitUntil(lambda: marks(search_pane) == wanted)
    assert "failed" in search_pane.tabs.accessibleTabName(1)
    search_pane.tabs.setCurrentIndex(0)
    search_pane.tabs.setCurrentIndex(1)
    assert marks(search_pane) == [TabMark.NONE] * 3, "seen is seen"


def test_closing_a_tab_cancels_its_search(
    qtbot: QtBot, search_pane: SearchPane, world: World
) -> None:
    cancelled: list[bool] = []
    gate = Gate()

    def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
        try:
            gate.wait(token)
        finally:
            cancelled.append(token.cancelled)
        raise AssertionError("the gate lets nobody through")

    world.search.script = script
    search_pane.view.query.setText("slow")
    search_pane.view.search()
    assert gate.entered.wait(5)
    search_pane.new_tab()
    QTest.mouseClick(
        search_pane.tabs,
        Qt.MouseButton.MiddleButton,
        pos=search_pane.tabs.tabRect(0).center(),
    )
    assert titles(search_pane) == ["New search"]
    qtbot.waitUntil(lambda: cancelled == [True])


def test_what_was_closed_comes_back_as_it_was_typed(
    qtbot: QtBot, search_pane: SearchPane, world: World
) -> None:
    search_pane.new_tab()
    view = search_pane.view
    view.query.setText("draft & more")
    view.options.set_mode(SearchMode.BOOLEAN)
    view.options.order.setCurrentIndex(view.options.order.findData("title"))
    assert titles(search_pane) == ["New search", "draft && more"]
    qtbot.keyClick(view.query, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert titles(search_pane) == ["New search"]
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(search_pane.view.query, Qt.Key.Key_T, both)
    again = search_pane.view
    assert again is not view
    assert (again.query.text(), again.options.mode.key) == ("draft & more", "boolean")
    assert again.options.order.currentData() == "title"
    assert world.search.requests == [], "it is shown, not run"


def test_keys_go_from_tab_to_tab(qtbot: QtBot, search_pane: SearchPane) -> None:
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(search_pane.view.query, Qt.Key.Key_T, control)
    qtbot.keyClick(search_pane.view.query, Qt.Key.Key_T, control)
    assert search_pane.tabs.currentIndex() == 2
    qtbot.keyClick(search_pane.view.query, Qt.Key.Key_Tab, control)
    assert search_pane.tabs.currentIndex() == 0
    assert search_pane.view.query.hasFocus()
    shift = control | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(search_pane.view.query, Qt.Key.Key_Backtab, shift)
    assert search_pane.tabs.currentIndex() == 2


@pytest.mark.parametrize(
    ("keys", "name", "title"),
    [
        (Qt.Key.Key_Return, "Orders & <b>", "Orders && <b>"),
        (Qt.Key.Key_Escape, "Orders", "invoices"),
        (Qt.Key.Key_Return, "", "invoices"),
    ],
)
def test_a_tab_can_be_named(
    qtbot: QtBot, search_pane: SearchPane, keys: Qt.Key, name: str, title: str
) -> None:
    search_pane.new_tab()
    search_pane.view.query.setText("invoices")
    qtbot.keyClick(search_pane.view.query, Qt.Key.Key_F2)
    field = search_pane.tabs.findChild(QLineEdit, "search.tab.name")
    assert isinstance(field, QLineEdit)
    field.setText(name)
    qtbot.keyClick(field, keys)
    assert titles(search_pane)[1] == title
    assert search_pane.tabs.findChild(QLineEdit, "search.tab.name") is None or field.isHidden()


def test_the_last_tab_leaves_an_empty_one(qtbot: QtBot, search_pane: SearchPane) -> None:
    search_pane.view.query.setText("something")
    search_pane.close_current()
    assert titles(search_pane) == ["New search"]
    assert search_pane.view.query.text() == ""


def test_a_query_handed_over_leaves_what_was_typed(
    qtbot: QtBot, search_pane: SearchPane, world: World
) -> None:
    search_pane.view.query.setText("half a thought")
    search_pane.receive(SearchRequest("again"))
    qtbot.waitUntil(lambda: not search_pane.view.controller.state.running)
    assert titles(search_pane) == ["half a thought", "again"]
    assert [r.query for r in world.search.requests] == ["again"]


def test_what_was_measured_is_searched_as_it_was_measured(
    qtbot: QtBot, search_pane: SearchPane, world: World
) -> None:
    own = Preferences(synonyms=(("car", "auto"),), weights=(SourceWeight("c1", weight=3.0),))
    search_pane.session.set_actor(replace(search_pane.session.actor, choices=own))
    weights = (SourceWeight("c1", weight=2.0),)
    asked = SearchRequest(
        "ships", SearchMode.SEMANTIC, weights=weights, language="de", synonyms=(("ship", "boat"),)
    )
    search_pane.receive(MeasuredSearch(asked))
    view = search_pane.view
    qtbot.waitUntil(lambda: not view.controller.state.running)
    assert world.search.requests == [asked]
    assert view.measured.isVisibleTo(view)
    assert "other synonyms, weights than yours" in view.measured.text.text()
    view.measured.own_wanted.emit()
    qtbot.waitUntil(lambda: not view.controller.state.running)
    assert world.search.requests[1:] == [replace(asked, synonyms=own.synonyms, weights=own.weights)]
    assert not view.measured.isVisibleTo(view)


def test_a_past_search_is_run_as_it_was_and_says_so(
    qtbot: QtBot, search_pane: SearchPane, world: World
) -> None:
    own = Preferences(weights=(SourceWeight("c1", weight=3.0),))
    search_pane.session.set_actor(replace(search_pane.session.actor, choices=own))
    weights = (SourceWeight("c1", weight=2.0),)
    view = search_pane.view

    def told(rerun: Rerun) -> str:
        search_pane.receive(rerun)
        qtbot.waitUntil(lambda: not search_pane.view.controller.state.running)
        bar = search_pane.view.measured
        return bar.text.text() if bar.isVisibleTo(search_pane.view) else ""

    asked = SearchRequest("ships", weights=weights)
    text = told(Rerun(asked, ("weights",), lost=True))
    assert "with other weights than yours now" in text
    assert "that are gone are left out" in text
    assert world.search.requests[-1].weights == weights
    assert world.search.requests[-1].limit == view.options.page_size
    assert "were not noted" in told(Rerun(SearchRequest("old"), unknown=True))
    assert world.search.requests[-1].weights == own.weights
    own_way = search_pane.view.measured.findChild(QPushButton, "search.measured.own")
    assert own_way is not None
    assert own_way.isHidden()
    assert told(Rerun(SearchRequest("same", weights=own.weights))) == ""
    assert world.search.requests[-1].weights == own.weights


def test_there_is_a_bound(
    qtbot: QtBot, search_pane: SearchPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pane_module, "MAX_OPEN", 2)
    search_pane.new_tab()
    with qtbot.waitSignal(search_pane.session.announced):
        search_pane.new_tab()
    assert search_pane.tabs.count() == 2


def test_a_tab_behind_does_not_answer_for_the_banner(
    qtbot: QtBot, search_pane: SearchPane, world: World
) -> None:
    search_pane.new_tab()
    world.connections.saved = [make_connection(1), make_connection(2)]
    behind = search_pane._tabs[search_pane.tabs.number_at(0)].view
    assert behind is not None
    with qtbot.assertNotEmitted(search_pane.banner_changed):
        behind.production_changed.emit()


def open_again(qtbot: QtBot, world: World) -> SearchPane:
    pane = SearchPane(world.session)
    qtbot.addWidget(pane)
    pane.resize(1100, 700)
    with qtbot.waitSignal(pane.drafts.found):
        pane.show()
        pane.activated()
    return pane


def test_what_is_typed_is_kept_at_once_and_comes_back_without_being_run(
    qtbot: QtBot, search_pane: SearchPane, world: World
) -> None:
    search_pane.view.query.setText("first thought")
    search_pane.new_tab()
    view = search_pane.view
    view.query.setText("+second")
    view.options.set_mode(SearchMode.BOOLEAN)
    view.options.scope_model.choose(Scope(frozenset({"c2"})))
    view.options.order.setCurrentIndex(view.options.order.findData("title"))

    def is_kept() -> bool:
        kept = world.drafts.kept.get("u1")
        return kept is not None and [d.query for d in kept.drafts] == ["first thought", "+second"]

    qtbot.waitUntil(is_kept, timeout=2000)
    again = open_again(qtbot, world)
    assert titles(again) == ["first thought", "+second"]
    view = again.view
    assert (view.query.text(), view.options.mode.key) == ("+second", "boolean")
    assert view.options.order.currentData() == "title"
    assert view.options.scope_model.scope == Scope(frozenset({"c2"}))
    assert world.search.requests == []
    again.shut()


def test_somebody_else_has_their_own(qtbot: QtBot, search_pane: SearchPane, world: World) -> None:
    search_pane.view.query.setText("what only Ann may read")
    search_pane.shut()
    assert world.drafts.kept["u1"].drafts[0].query == "what only Ann may read"
    world.session.set_actor(replace(ACTOR, user_id="u2"))
    again = open_again(qtbot, world)
    assert titles(again) == ["New search"]
    again.shut()


def test_the_demo_keeps_nothing(qtbot: QtBot, world: World) -> None:
    world.session.set_actor(replace(ACTOR, is_demo=True))
    pane = SearchPane(world.session)
    qtbot.addWidget(pane)
    pane.view.query.setText("tried out")
    pane.shut()
    assert world.drafts.kept == {}


def test_what_was_begun_meanwhile_stays_in_front(qtbot: QtBot, world: World) -> None:
    world.drafts.kept["u1"] = OpenSearches((SearchDraft("old"), SearchDraft("older")), 1)
    pane = SearchPane(world.session)
    qtbot.addWidget(pane)
    with qtbot.waitSignal(pane.drafts.found):
        pane.view.query.setText("new")
    assert titles(pane) == ["old", "older", "new"]
    assert pane.view.query.text() == "new"
    pane.shut()


def test_a_file_that_cannot_be_read_is_said_to_be(qtbot: QtBot, world: World) -> None:
    world.drafts.error = AltusError("It cannot be read.")
    pane = SearchPane(world.session)
    qtbot.addWidget(pane)
    with qtbot.waitSignal(pane.drafts.failed):
        pane.show()
    assert pane.message.text() == "It cannot be read."
    pane.view.query.setText("anew")
    pane.shut()
    assert world.drafts.kept["u1"].drafts[0].query == "anew"


def test_what_was_not_read_yet_is_not_overwritten(qtbot: QtBot, world: World) -> None:
    old = OpenSearches((SearchDraft("old"),))
    world.drafts.kept["u1"] = old
    pane = SearchPane(world.session)
    qtbot.addWidget(pane)
    pane.shut()
    assert world.drafts.kept["u1"] == old


def test_more_like_this_is_a_query_in_a_tab_of_its_own(
    qtbot: QtBot, search_pane: SearchPane
) -> None:
    ask(qtbot, search_pane, "other")
    before = search_pane.view
    hits = before.results.list
    hits.setFocus()
    qtbot.keyClick(hits, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: search_pane.tabs.count() == 2)
    assert before.query.text() == "other"
    assert "reading" in search_pane.view.query.text().split()
    qtbot.waitUntil(lambda: not search_pane.view.controller.state.running)
    assert search_pane.view.results.hits.rowCount()
