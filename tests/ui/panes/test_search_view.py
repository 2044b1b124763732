"""One search as a person uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Environment
from altus4_desktop.domain.errors import (
    InputError,
    KeyMissingError,
    NotFoundError,
    StoreError,
    TenantError,
    TenantFailure,
)
from altus4_desktop.domain.searching import (
    Notice,
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceReport,
    SourceState,
    TableChoice,
)
from altus4_desktop.ui.panes.search.controller import Phase, SearchState
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.panes.search.sources import SourceRole
from altus4_desktop.ui.panes.search.view import SearchView
from altus4_desktop.ui.widgets import Button
from tests.ui.world import Gate, World, make_connection, make_hit, make_source

Update = Callable[[SearchOutcome], None]

# The platform without a screen says so each time a pop-up opens.
opens_a_popup = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def search(qtbot: QtBot, pane: SearchView, text: str = "file") -> None:
    """Type, press Enter, wait for the end."""
    pane.query.setFocus()
    pane.query.clear()
    if text.isascii():
        qtbot.keyClicks(pane.query, text)
    else:
        pane.query.insert(text)
    with qtbot.waitSignal(pane.controller.state_changed, check_params_cb=_has_ended):
        qtbot.keyClick(pane.query, Qt.Key.Key_Return)


def _has_ended(state: SearchState) -> bool:
    return not state.running


def shown_titles(pane: SearchView) -> list[str]:
    return [pane.results.hits.row_at(row).title for row in range(pane.results.hits.rowCount())]


def clipboard_after(qtbot: QtBot, pane: SearchView, act: Callable[[], object]) -> str:
    with qtbot.waitSignal(pane.session.announced):
        act()
    return QGuiApplication.clipboard().text()


class TestSearching:
    def test_typing_and_enter_search(self, qtbot: QtBot, view: SearchView, world: World) -> None:
        search(qtbot, view, "read files")
        [request] = world.search.requests
        assert request == SearchRequest("read files", SearchMode.NATURAL, limit=20)
        assert view.results.hits.rowCount() == 20
        assert view.results.pages.currentWidget() is view.results.split
        assert view.results.foot.summary.text() == "20 hits, more to load from 1 source in 12 ms"
        assert view.results.detail.hit is view.results.hits.hit_at(0)

    def test_an_empty_box_asks_nothing(self, qtbot: QtBot, view: SearchView, world: World) -> None:
        view.query.setText("   ")
        qtbot.mouseClick(view.query_box.run_button, Qt.MouseButton.LeftButton)
        assert world.search.requests == []

    def test_hits_appear_while_other_sources_are_still_searched(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        gate = Gate()

        def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
            first = SourceReport(make_source(1), SourceState.OK, 2, 5.0)
            second = SourceReport(make_source(2), SourceState.RUNNING)
            part = SearchOutcome("s", request, (first, second), (make_hit(2), make_hit(4)))
            update(part)
            gate.wait(token)
            done = replace(second, state=SourceState.OK, hits=1, elapsed_ms=50.0)
            better = make_hit(1, make_source(2), title="Best of all")
            return replace(
                part, sources=(first, done), hits=(better, *part.hits), total_ms=50.0, finished=True
            )

        world.search.script = script
        view.query.setText("file")
        view.search()
        qtbot.waitUntil(lambda: view.results.hits.rowCount() == 2)
        assert view.controller.state.running
        assert view.results.foot.summary.text() == "Searching: 1 of 2 sources have answered"
        qtbot.keyClick(view.results.list, Qt.Key.Key_Down)

        gate.open()
        qtbot.waitUntil(lambda: not view.controller.state.running)
        assert shown_titles(view)[0] == "Best of all"
        assert view.results.list.currentIndex().row() == 2, "the selection follows its hit"
        assert view.results.detail.hit == make_hit(4)

    def test_until_somebody_picks_a_hit_the_best_so_far_is_shown(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        search(qtbot, view)
        qtbot.keyClick(view.results.list, Qt.Key.Key_Down)
        world.search.hits = [make_hit(7), *world.search.hits[:3]]
        search(qtbot, view, "other")
        assert view.results.list.currentIndex().row() == 0
        assert view.results.detail.hit == make_hit(7)

    def test_stop_keeps_what_was_found(self, qtbot: QtBot, view: SearchView, world: World) -> None:
        gate = Gate()

        def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
            reports = (
                SourceReport(make_source(1), SourceState.OK, 1, 5.0),
                SourceReport(make_source(2), SourceState.RUNNING),
            )
            update(SearchOutcome("s", request, reports, (make_hit(1),)))
            gate.wait(token)
            raise AssertionError("the gate lets nobody through")

        world.search.script = script
        assert not view.query_box.stop_button.isEnabled()
        view.query.setText("file")
        view.search()
        qtbot.waitUntil(lambda: view.results.hits.rowCount() == 1)
        assert view.query_box.stop_button.isEnabled()
        view.query.setFocus()
        qtbot.keyClick(view.query, Qt.Key.Key_Escape)
        assert view.results.foot.summary.text() == "Stopping…"
        assert not view.query_box.stop_button.isEnabled()
        qtbot.waitUntil(lambda: not view.controller.state.running)
        assert view.results.foot.summary.text() == "Stopped, 1 hit so far"
        assert view.query.text() == "file", "Escape stopped, it did not empty the box"
        states = [r.state for r in view.results.sources.sources.reports]
        assert states == [SourceState.OK, SourceState.CANCELLED]

    def test_a_cancelled_outcome_is_said_to_be_one(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
            report = SourceReport(make_source(1), SourceState.CANCELLED, 0, 5.0)
            return SearchOutcome("s", request, (report,), (), finished=True)

        world.search.script = script
        search(qtbot, view)
        assert view.results.pages.nothing.heading.text() == "Stopped before anything was found"
        assert view.findChild(Button, "search.nothing.again") is not None

    def test_a_stale_search_never_overwrites_a_newer_one(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        slow_entered, slow_gate = Gate(), Gate()

        def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
            if request.query == "slow":
                slow_entered.entered.set()
                # Deaf to cancellation, and late.
                slow_gate.wait(CancelToken())
                update(SearchOutcome("s", request, (), (make_hit(9, title="stale"),)))
                hit = make_hit(9, title="stale")
                return SearchOutcome("s", request, (), (hit,), finished=True)
            report = SourceReport(make_source(1), SourceState.OK, 1, 5.0)
            return SearchOutcome(
                "f", request, (report,), (make_hit(1, title="new"),), finished=True
            )

        world.search.script = script
        view.query.setText("slow")
        view.search()
        assert slow_entered.entered.wait(5)
        view.query.setText("fast")
        view.search()
        qtbot.waitUntil(lambda: shown_titles(view) == ["new"])
        slow_handles = view.session.runner.running
        slow_gate.open()
        qtbot.waitUntil(lambda: all(handle.is_finished for handle in slow_handles))
        assert shown_titles(view) == ["new"]
        assert view.controller.state.request is not None
        assert view.controller.state.request.query == "fast"

    def test_a_quick_answer_does_not_flash_the_busy_page(
        self, qtbot: QtBot, view: SearchView
    ) -> None:
        search(qtbot, view)
        faces: list[QWidget | None] = []
        view.results.pages.currentChanged.connect(
            lambda _: faces.append(view.results.pages.currentWidget())
        )
        search(qtbot, view, "other")
        assert view.results.pages.busy not in faces

    def test_a_wait_shows_the_busy_page(self, qtbot: QtBot, view: SearchView, world: World) -> None:
        gate = Gate()

        def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
            gate.wait(token)
            return SearchOutcome("s", request, (), (), finished=True)

        world.search.script = script
        view.query.setText("file")
        view.search()
        qtbot.waitUntil(lambda: view.results.pages.currentWidget() is view.results.pages.busy)
        gate.open()
        qtbot.waitUntil(lambda: not view.controller.state.running)

    def test_a_failed_search_says_why_and_can_be_tried_again(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
            raise StoreError("The store is shut.", hint="Open it.")

        world.search.script = script
        search(qtbot, view)
        assert view.controller.state.phase is Phase.FAILED
        assert view.results.pages.currentWidget() is view.results.pages.failed
        world.search.script = None
        qtbot.mouseClick(view.results.pages.again_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: view.controller.state.phase is Phase.ROWS)

    def test_closing_cancels(self, qtbot: QtBot, view: SearchView, world: World) -> None:
        cancelled: list[bool] = []
        gate = Gate()

        def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
            try:
                gate.wait(token)
            finally:
                cancelled.append(token.cancelled)
            raise AssertionError("the gate lets nobody through")

        world.search.script = script
        view.query.setText("file")
        view.search()
        assert gate.entered.wait(5)
        view.shut()
        qtbot.waitUntil(lambda: cancelled == [True])


class TestBooleanText:
    def test_the_wrong_place_is_marked_and_plain_text_is_offered(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        view.options.mode.set_key("boolean")
        search(qtbot, view, "😀 file +")
        assert view.note.text().startswith("The operator “+” at the end")
        assert view.query.selectedText() == "+"

        button = next(
            b for b in view.note.findChildren(Button) if b.text() == "Search as plain text"
        )
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: view.controller.state.phase is Phase.ROWS)
        assert world.search.requests[-1].query == "😀 file"
        assert not view.note.isVisible()

    def test_hits_stay_when_the_next_query_is_refused(self, qtbot: QtBot, view: SearchView) -> None:
        search(qtbot, view)
        view.options.mode.set_key("boolean")
        search(qtbot, view, "file +")
        assert view.results.pages.currentWidget() is view.results.split
        assert view.results.hits.rowCount() == 20
        assert view.note.isVisible()

    def test_changing_the_mode_searches_again_with_the_same_text(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        search(qtbot, view)
        button = view.findChild(Button, "search.mode.boolean")
        assert button is not None
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: len(world.search.requests) == 2)
        assert world.search.requests[1].mode is SearchMode.BOOLEAN
        assert world.search.requests[1].query == "file"
        qtbot.waitUntil(lambda: not view.controller.state.running)


class TestNothingFound:
    def test_notices_explain_and_next_steps_are_offered(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        world.search.hits = []
        world.search.notices = (
            Notice("search.stop_word", "“the” is a stop word.", "Leave it out."),
        )
        view.options.mode.set_key("boolean")
        search(qtbot, view, "the")
        assert view.results.pages.currentWidget() is view.results.pages.nothing
        assert view.results.pages.nothing.heading.text() == "Nothing found for “the”"
        assert "“the” is a stop word. Leave it out." in view.results.pages.nothing.accessibleName()
        natural = view.findChild(Button, "search.nothing.natural")
        assert natural is not None
        qtbot.mouseClick(natural, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: len(world.search.requests) == 2)
        assert world.search.requests[1].mode is SearchMode.NATURAL
        qtbot.waitUntil(lambda: not view.controller.state.running)

    def test_really_nothing(self, qtbot: QtBot, view: SearchView, world: World) -> None:
        world.search.hits = []
        search(qtbot, view, "<b>xyzzy</b>")
        assert view.results.pages.nothing.heading.text() == "Nothing found for “<b>xyzzy</b>”"
        assert view.results.pages.nothing.heading.textFormat() is Qt.TextFormat.PlainText
        assert "no row contains these words" in view.results.pages.nothing.reason.text()

    def test_a_scope_can_be_widened(self, qtbot: QtBot, view: SearchView, world: World) -> None:
        world.search.hits = []
        view.options.scope_model.choose_none()
        view.options.scope_model.setData(
            view.options.scope_model.index(0, 0),
            Qt.CheckState.Checked,
            Qt.ItemDataRole.CheckStateRole,
        )
        search(qtbot, view)
        assert world.search.requests[0].connection_ids == ("c1",)
        everything = view.findChild(Button, "search.nothing.everything")
        assert everything is not None
        qtbot.mouseClick(everything, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: len(world.search.requests) == 2)
        assert world.search.requests[1].connection_ids == ()
        qtbot.waitUntil(lambda: not view.controller.state.running)

    def test_without_connections_the_first_step_is_offered(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        world.connections.saved = []
        view.session.connections_changed.emit()
        qtbot.waitUntil(
            lambda: view.results.pages.currentWidget() is view.results.pages.unconnected
        )
        button = view.findChild(Button, "search.connect")
        assert button is not None
        with qtbot.waitSignal(view.session.pane_requested) as asked:
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert asked.args == ["connections", "add"]

    def test_remarks_on_a_search_that_found_something_are_quiet(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        world.search.notices = (
            Notice("search.ignored", "“the” was ignored.", "A stop word."),
            Notice("search.short", "“io” is too short."),
        )
        search(qtbot, view)
        assert view.results.remarks.first.text() == "“the” was ignored."
        assert not view.results.remarks.rest.isVisible()
        qtbot.mouseClick(view.results.remarks.more, Qt.MouseButton.LeftButton)
        assert (
            view.results.remarks.rest.text()
            == "“the” was ignored. A stop word.\n“io” is too short."
        )
        assert view.results.remarks.rest.isVisible()


class TestSources:
    def failing(self, request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
        error = TenantError(TenantFailure.PORT, "Nothing answers.", hint="Start it.")
        reports = (
            SourceReport(make_source(1), SourceState.OK, 1, 5.0),
            SourceReport(make_source(2), SourceState.OK, 1, 6.0),
            SourceReport(make_source(3), SourceState.FAILED, 0, 7.0, error),
        )
        hits = (make_hit(1), make_hit(2, make_source(2)))
        return SearchOutcome("s", request, reports, hits, finished=True)

    def click(self, qtbot: QtBot, pane: SearchView, row: int) -> None:
        place = pane.results.sources.visualRect(pane.results.sources.sources.index(row)).center()
        pane.results.sources.scrollTo(pane.results.sources.sources.index(row))
        place = pane.results.sources.visualRect(pane.results.sources.sources.index(row)).center()
        qtbot.mouseClick(
            pane.results.sources.viewport(),
            Qt.MouseButton.LeftButton,
            pos=QPoint(place.x(), place.y()),
        )

    def test_a_click_shows_one_source_alone_and_a_second_one_all(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        world.search.script = self.failing
        search(qtbot, view)
        self.click(qtbot, view, 2)
        assert shown_titles(view) == ["Reading files, part 2"]
        assert view.results.sources.sources.index(2).data(SourceRole.CHOSEN)
        assert view.results.foot.summary.text().startswith("1 of 2 hits")
        self.click(qtbot, view, 2)
        assert len(shown_titles(view)) == 2

    def test_a_failed_source_raises_no_dialog_and_is_searched_again_by_a_click(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        world.search.script = self.failing
        search(qtbot, view)
        assert QApplication.activeModalWidget() is None
        assert view.results.hits.rowCount() == 2
        self.click(qtbot, view, 0)
        qtbot.waitUntil(lambda: len(world.search.requests) == 2)
        assert view.results.hits.rowCount() == 2, "the hits stay while it is searched again"
        qtbot.waitUntil(lambda: not view.controller.state.running)

    def test_a_password_that_cannot_be_opened_leads_to_its_connection(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        error = KeyMissingError("The password of “Shop” is sealed.", hint="Enter it again.")

        def sealed(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
            reports = (
                SourceReport(make_source(1), SourceState.OK, 1, 5.0),
                SourceReport(make_source(2), SourceState.FAILED, 0, 7.0, error),
            )
            return SearchOutcome("s", request, reports, (make_hit(1),), finished=True)

        world.search.script = sealed
        search(qtbot, view)
        assert view.note.isVisible()
        assert (view.note.text(), view.note.hint()) == (error.message, error.hint)
        go = view.findChild(QAbstractButton, "search.note.action1")
        assert go is not None
        with qtbot.waitSignal(view.session.pane_requested) as asked:
            qtbot.mouseClick(go, Qt.MouseButton.LeftButton)
        assert asked.args == ["connections", "c2"]

    def test_what_needs_attention_stands_first(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        world.search.script = self.failing
        search(qtbot, view)
        first = view.results.sources.sources.index(0).data(SourceRole.REPORT)
        assert first.state is SourceState.FAILED
        assert view.results.foot.summary.text().endswith(", 1 gave no answer")

    def test_chips_work_by_keyboard(self, qtbot: QtBot, view: SearchView, world: World) -> None:
        world.search.script = self.failing
        search(qtbot, view)
        view.results.sources.setFocus()
        view.results.sources.setCurrentIndex(view.results.sources.sources.index(1))
        qtbot.keyClick(view.results.sources, Qt.Key.Key_Right)
        qtbot.keyClick(view.results.sources, Qt.Key.Key_Return)
        assert shown_titles(view) == ["Reading files, part 2"]


class TestPages:
    def test_load_more_adds_below_and_keeps_the_selection(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        search(qtbot, view)
        for _ in range(4):
            qtbot.keyClick(view.results.list, Qt.Key.Key_Down)
        qtbot.mouseClick(view.results.foot.more_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: view.results.hits.rowCount() == 30)
        qtbot.waitUntil(lambda: not view.controller.state.running)
        assert world.search.requests[1].offset == 20
        assert view.results.list.currentIndex().row() == 4
        assert [view.results.hits.row_at(row).rank for row in (0, 29)] == [1, 30]
        assert not view.results.foot.more_button.isVisible()
        assert view.results.sources.sources.reports[0].hits == 30

    def test_chips_count_every_row_once_after_a_page_that_was_stopped(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        search(qtbot, view)
        sources = (make_source(1), make_source(2))
        states = [SourceState.CANCELLED, SourceState.OK]
        more = [make_hit(place, sources[place % 2]) for place in range(101, 131)]

        def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
            # Several sources are asked from their first row, whatever the page.
            found = request.offset + request.limit
            return SearchOutcome(
                search_id="s",
                request=request,
                sources=(
                    SourceReport(sources[0], SourceState.OK, found),
                    SourceReport(sources[1], states[0], found if states[0] == "ok" else 0),
                ),
                hits=tuple(more[: request.limit]),
                has_more=True,
                finished=True,
            )

        world.search.script = script
        search(qtbot, view)
        counts = []
        for _ in range(4):
            counts.append([r.hits for r in view.controller.state.sources])
            view.controller.load_more()
            qtbot.waitUntil(lambda: not view.controller.state.running)
            states.reverse()
        assert counts == [[20, 0], [20, 0], [20, 20], [40, 20]]

    def test_more_of_a_search_is_no_other_search(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        """The history, and all that is counted from it, has it once."""
        search(qtbot, view)
        view.controller.load_more()
        qtbot.waitUntil(lambda: not view.controller.state.running)
        search(qtbot, view)
        assert [request.offset for request in world.search.requests] == [0, 20, 0]
        assert world.search.kept == [True, False, True]

    def test_a_row_that_comes_twice_is_shown_once(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        search(qtbot, view)
        world.search.hits = [make_hit(31), *world.search.hits]  # somebody has added a row
        view.controller.load_more()
        qtbot.waitUntil(lambda: not view.controller.state.running)
        titles = shown_titles(view)
        assert len(titles) == len(set(titles)) == 30

    def test_a_page_that_fails_leaves_the_hits(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        search(qtbot, view)

        def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
            raise InputError("offset", "Only the first rows can be shown.")

        world.search.script = script
        view.controller.load_more()
        qtbot.waitUntil(lambda: not view.controller.state.running)
        assert view.results.hits.rowCount() == 20
        assert view.note.text() == "Only the first rows can be shown."
        assert not view.results.foot.more_button.isVisible(), "there is nothing more to ask for"

    def test_a_page_that_broke_off_is_asked_for_again(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        search(qtbot, view)

        def script(request: SearchRequest, update: Update, token: CancelToken) -> SearchOutcome:
            raise StoreError("The store is shut.")

        world.search.script = script
        view.controller.load_more()
        qtbot.waitUntil(lambda: not view.controller.state.running)
        world.search.script = None
        qtbot.mouseClick(view.results.foot.more_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: view.results.hits.rowCount() == 30)
        assert [request.offset for request in world.search.requests] == [0, 20, 20]
        qtbot.waitUntil(lambda: not view.controller.state.running)


class TestCopying:
    def test_control_c_copies_the_selection_as_tsv(self, qtbot: QtBot, view: SearchView) -> None:
        search(qtbot, view)
        view.results.list.setFocus()
        qtbot.keyClick(view.results.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
        text = clipboard_after(
            qtbot,
            view,
            lambda: qtbot.keyClick(
                view.results.list, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier
            ),
        )
        lines = text.splitlines()
        assert lines[0] == "connection\ttable\tid\ttitle\tbody"
        assert [line.split("\t")[2] for line in lines[1:]] == ["1", "2"]

    @pytest.mark.parametrize("copy_format", ["csv", "json"])
    def test_the_menu_copies_other_formats(
        self, qtbot: QtBot, view: SearchView, copy_format: str
    ) -> None:
        search(qtbot, view)
        action = next(
            action
            for action in view.results.foot.copy_menu.actions()
            if action.objectName() == f"search.copy.{copy_format}"
        )
        text = clipboard_after(qtbot, view, action.trigger)
        if copy_format == "json":
            assert json.loads(text)[0]["columns"]["id"] == 1
        else:
            assert text.splitlines()[0] == "connection,table,id,title,body"

    def test_cells_cut_short_are_copied_whole(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        world.search.hits = [replace(make_hit(1, large="beg"), truncated={"large": 9})]
        world.search.rows = {"large": "beginning"}
        search(qtbot, view)
        text = clipboard_after(qtbot, view, view.copy_tsv)
        assert text.splitlines()[1].endswith("\tbeginning")

    def test_a_row_that_is_gone_is_said_to_be(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        world.search.hits = [replace(make_hit(1, large="beg"), truncated={"large": 9})]
        world.search.row_error = NotFoundError("The row is gone.")
        search(qtbot, view)
        view.copy_tsv()
        qtbot.waitUntil(lambda: view.message.text() == "The row is gone.")


class TestDetail:
    def test_shows_columns_types_and_time_zone(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        world.search.hits = [make_hit(1, changed_at="2026-03-04 05:06:07", gone=None)]
        search(qtbot, view)
        detail = view.results.detail
        qtbot.waitUntil(lambda: view.controller.schema("c1") is not None)
        assert detail.title.text() == "Reading files, part 1"
        detail.table.setCurrentIndex(detail.cells.index(3, 1))
        assert detail.reader.cell_name.text() == "changed_at"
        assert "in UTC" in detail.reader.cell_facts.text()
        detail.table.setCurrentIndex(detail.cells.index(4, 1))
        assert detail.reader.text.toPlainText() == "NULL"

    def test_a_long_title_ends_with_a_whole_line(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        long = "A title that goes on and on, " * 10
        world.search.hits = [make_hit(1, title=long)]
        search(qtbot, view)
        title = view.results.detail.title
        qtbot.waitUntil(lambda: title.text().endswith("…"))
        assert title.text()[:-1] in long
        assert "on and on" in title.toolTip()
        needed = title.heightForWidth(title.width())
        assert needed <= 3 * title.fontMetrics().lineSpacing()
        qtbot.waitUntil(lambda: title.height() >= needed)

    def test_tenant_text_is_never_markup(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        evil = "<img src='file:///etc/passwd'><b>bold</b>"
        world.search.hits = [make_hit(1, title=evil, body=evil)]
        search(qtbot, view)
        assert view.results.detail.title.textFormat() is Qt.TextFormat.PlainText
        assert view.results.detail.reader.text.toPlainText() == evil

    def test_a_large_value_is_loaded_on_demand(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        whole = "word " * 1_048_576
        world.search.hits = [
            replace(make_hit(1, large="word word"), truncated={"large": len(whole)}, matches=())
        ]
        world.search.rows = {"large": whole}
        search(qtbot, view)
        detail = view.results.detail
        detail.table.setCurrentIndex(detail.cells.index(3, 1))
        assert detail.reader.load.text() == "Load full value (5.0 MB)"
        qtbot.mouseClick(detail.reader.load, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not detail.reader.load.isVisible())
        qtbot.waitUntil(
            lambda: len(detail.reader.text.toPlainText().replace("\n", "")) == len(whole),
            timeout=10_000,
        )
        assert detail.reader.text.is_folded
        text = clipboard_after(qtbot, view, detail.copy_cell)
        assert text == whole

    def test_can_be_hidden_and_is_remembered(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        search(qtbot, view)
        view.options.panel_button.click()
        assert not view.results.detail.isVisible()
        view.save_layout()
        again = SearchPane(world.session)
        qtbot.addWidget(again)
        assert not again.view.options.panel_button.isChecked()
        again.shut()


class TestScopeAndMemory:
    def test_the_choice_is_remembered_and_used(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        view.controller.read_schema("c1")
        qtbot.waitUntil(lambda: view.options.scope_model.knows_tables("c1"))
        view.options.scope_model.setData(
            view.options.scope_model.index(1, 0),
            Qt.CheckState.Unchecked,
            Qt.ItemDataRole.CheckStateRole,
        )
        assert view.options.scope_button.text() == "Library 1"
        view.options.limit.setCurrentIndex(view.options.limit.findData(50))
        view.options.order.setCurrentIndex(view.options.order.findData("title"))
        view.save_layout()

        again = SearchPane(world.session)
        qtbot.addWidget(again)
        with qtbot.waitSignal(again.view.controller.connections_ready):
            again.activated()
        search(qtbot, again.view)
        assert world.search.requests[-1].connection_ids == ("c1",)
        assert world.search.requests[-1].limit == 50
        assert again.view.options.order.currentData() == "title"
        again.shut()

    def test_nothing_chosen_searches_nothing(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        view.options.scope_model.choose_none()
        view.query.setText("file")
        view.search()
        assert world.search.requests == []
        assert view.note.text() == "No connection is chosen."

    def test_some_tables_of_one_connection_leave_the_other_whole(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        from tests.ui.world import make_schema, make_table

        world.connections.schemas["c1"] = make_schema(make_table("a"), make_table("b"))
        view.controller.read_schema("c1")
        qtbot.waitUntil(lambda: view.options.scope_model.knows_tables("c1"))
        model = view.options.scope_model
        model.setData(
            model.index(0, 0, model.index(0, 0)),
            Qt.CheckState.Unchecked,
            Qt.ItemDataRole.CheckStateRole,
        )
        search(qtbot, view)
        assert world.search.requests[0].connection_ids == ("c1", "c2")
        assert world.search.requests[0].tables == (TableChoice("b", "c1"),)

    @opens_a_popup
    def test_the_pop_up_reads_tables_when_a_connection_is_opened(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        view.options.open_scope()
        assert world.connections.schema_reads == []
        view.options.popup.tree.expand(view.options.scope_model.index(0, 0))
        qtbot.waitUntil(lambda: view.options.scope_model.knows_tables("c1"))
        assert view.options.popup.tree.isExpanded(view.options.scope_model.index(0, 0))
        qtbot.keyClick(view.options.popup, Qt.Key.Key_Escape)
        assert not view.options.popup.isVisible()

    def test_production_shows_the_banner_while_it_is_searched(
        self, qtbot: QtBot, search_pane: SearchPane, view: SearchView, world: World
    ) -> None:
        world.connections.saved = [
            make_connection(1),
            make_connection(2, environment=Environment.PROD),
        ]
        with qtbot.waitSignal(search_pane.banner_changed, check_params_cb=bool):
            view.activated()
        with qtbot.waitSignal(search_pane.banner_changed, check_params_cb=lambda shown: not shown):
            view.options.scope_model.setData(
                view.options.scope_model.index(1, 0),
                Qt.CheckState.Unchecked,
                Qt.ItemDataRole.CheckStateRole,
            )

    def test_a_search_from_the_history_looks_where_it_looked(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        view.receive(SearchRequest("again", SearchMode.BOOLEAN, connection_ids=("c2",)))
        qtbot.waitUntil(lambda: not view.controller.state.running)
        assert world.search.requests[-1].connection_ids == ("c2",)
        assert world.search.requests[-1].mode is SearchMode.BOOLEAN
        assert view.query.text() == "again"
        assert view.options.scope_button.text() == "Library 2"


class TestRecentSearches:
    @opens_a_popup
    def test_typing_completes_from_the_newest_question_only(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        world.history.queries = ["file modes", "file paths", "other"]
        world.history.asked.clear()
        qtbot.keyClicks(view.query, "file")
        qtbot.waitUntil(view.query._popup.isVisible)
        assert world.history.asked == ["file"], "typing asks once, when it pauses"
        model = view.query._recent
        assert model.stringList() == ["file modes", "file paths"]
        qtbot.keyClick(view.query._popup, Qt.Key.Key_Down)
        qtbot.keyClick(view.query._popup, Qt.Key.Key_Down)
        qtbot.keyClick(view.query._popup, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: len(world.search.requests) == 1)
        assert world.search.requests[0].query == "file paths"
        qtbot.waitUntil(lambda: not view.controller.state.running)
        assert len(world.search.requests) == 1, "Enter on a completion searches once"

    def test_an_answer_for_other_text_is_not_offered(self, qtbot: QtBot, view: SearchView) -> None:
        view.query.setText("old")
        view.query.offer_recent()
        view.query.setText("new")
        view.query.show_recent("old", ["old stuff"])
        assert not view.query._popup.isVisible()

    def test_recent_searches_can_be_run_from_the_empty_page(
        self, qtbot: QtBot, view: SearchView, world: World
    ) -> None:
        world.history.queries = ["copy & move"]
        with qtbot.waitSignal(view.controller.recent_ready):
            view.activated()
        button = view.findChild(Button, "search.recent1")
        assert button is not None
        assert button.accessibleName() == "copy & move"
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: len(world.search.requests) == 1)
        assert world.search.requests[0].query == "copy & move"
        qtbot.waitUntil(lambda: not view.controller.state.running)

    def test_an_example_sets_its_mode(self, qtbot: QtBot, view: SearchView, world: World) -> None:
        button = view.findChild(Button, "search.example2")
        assert button is not None
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: len(world.search.requests) == 1)
        assert world.search.requests[0].mode is SearchMode.BOOLEAN
        qtbot.waitUntil(lambda: not view.controller.state.running)


class TestForEverybody:
    def test_everything_that_takes_focus_has_a_name(self, qtbot: QtBot, view: SearchView) -> None:
        search(qtbot, view)
        nameless = [
            widget.objectName() or type(widget).__name__
            for widget in view.findChildren(QWidget)
            if isinstance(widget, (QAbstractButton, QLineEdit, QComboBox))
            and not widget.accessibleName()
            and widget.focusPolicy() is not Qt.FocusPolicy.NoFocus
        ]
        assert nameless == []

    def test_a_search_by_keyboard_alone(self, qtbot: QtBot, view: SearchView, world: World) -> None:
        search(qtbot, view)
        assert view.query.hasFocus()
        qtbot.keyClick(view.query, Qt.Key.Key_Down)
        assert view.results.list.hasFocus()
        qtbot.keyClick(view.results.list, Qt.Key.Key_Down)
        assert view.results.detail.hit == make_hit(2)
        qtbot.keyClick(view.results.list, Qt.Key.Key_Return)
        assert view.results.detail.table.hasFocus()
        view.results.list.setFocus()
        qtbot.keyClick(view.results.list, Qt.Key.Key_Up)
        qtbot.keyClick(view.results.list, Qt.Key.Key_Up)
        assert view.query.hasFocus()

    def test_tab_goes_from_the_query_to_the_hits(self, qtbot: QtBot, view: SearchView) -> None:
        search(qtbot, view)
        visited: list[str] = []
        for _ in range(24):
            qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
            focused = QApplication.focusWidget()
            visited.append(focused.objectName() if focused else "")
        wanted = [
            "search.run",
            "search.scope",
            "search.order",
            "search.limit",
            "search.sources",
            "search.hits",
            "search.detail.columns",
            "search.detail.value",
        ]
        assert [name for name in visited if name in wanted][: len(wanted)] == wanted

    def test_fits_a_small_window(self, qtbot: QtBot, view: SearchView) -> None:
        search(qtbot, view)
        hint = view.minimumSizeHint()
        assert hint.width() <= 700
        assert hint.height() <= 520

    def test_the_palette_offers_what_can_be_done(self, qtbot: QtBot, view: SearchView) -> None:
        commands = {command.id: command for command in view.commands()}
        assert not commands["search.run"].is_enabled()
        assert not commands["search.stop"].is_enabled()
        search(qtbot, view)
        assert commands["search.run"].is_enabled()
        assert commands["search.copy"].is_enabled()
