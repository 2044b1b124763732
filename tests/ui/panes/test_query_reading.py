"""What the search pane says of a query before it runs, and the fixes it offers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHelpEvent, QInputMethodEvent
from PySide6.QtWidgets import QApplication, QMenu, QToolTip
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.query_reading import QueryReading
from altus4_desktop.domain.schema import FulltextSettings
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.ui.panes.search.view import SearchView
from altus4_desktop.ui.widgets import Button
from tests.ui.world import World, make_schema

opens_a_popup = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def boolean_view(view: SearchView, world: World) -> SearchView:
    """The search in boolean mode, its one source with “the” as a stop word."""
    settings = FulltextSettings(innodb_stopwords=frozenset({"the"}))
    world.search.schemas["c1"] = replace(make_schema(), fulltext=settings)
    view.options.set_mode(SearchMode.BOOLEAN)
    return view


def read(qtbot: QtBot, view: SearchView, text: str) -> QueryReading | None:
    """Type a query and wait until it has been read."""

    def is_of_text(reading: QueryReading | None) -> bool:
        return (reading.text if reading else "") == text

    with qtbot.waitSignal(view.query_box.reader.reading_ready, check_params_cb=is_of_text) as seen:
        view.query.setText(text)
    args = seen.args
    assert args is not None
    answer = args[0]
    assert answer is None or isinstance(answer, QueryReading)
    return answer


def chips(view: SearchView) -> list[str]:
    found = view.query_box.notes.words.findChildren(Button, "search.word")
    return [chip.text() for chip in found if chip.isVisible()]


def fixes(view: SearchView) -> list[Button]:
    return [b for b in view.query_box.notes.findChildren(Button, "search.fix") if b.isVisible()]


def test_nothing_is_said_of_a_query_that_is_well(qtbot: QtBot, boolean_view: SearchView) -> None:
    view = boolean_view
    read(qtbot, view, "+flow layer")
    assert chips(view) == []
    assert view.query_box.notes.isHidden()
    read(qtbot, view, "")
    assert view.query_box.notes.isHidden()


def test_words_that_are_not_looked_up_are_told_and_repaired(
    qtbot: QtBot, boolean_view: SearchView
) -> None:
    view = boolean_view
    read(qtbot, view, "+the flow node.js")
    assert chips(view) == ["the: stop word", "node.js: split"]
    assert view.query_box.notes.words.summary.text() == "Looked up: flow"
    chip = view.query_box.notes.words.findChildren(Button, "search.word")[0]
    assert chip.accessibleDescription() == "Left out: a stop word."
    assert chip.focusPolicy() & Qt.FocusPolicy.TabFocus
    menu = chip.menu()
    assert menu is not None
    assert [action.text() for action in menu.actions()] == ["Drop the “+”: the", "Remove the"]
    menu.actions()[0].trigger()
    assert view.query.text() == "the flow node.js"
    view.query.undo()
    assert "+the" in view.query.text()


def test_a_finding_is_told_with_its_fix(qtbot: QtBot, boolean_view: SearchView) -> None:
    view = boolean_view
    read(qtbot, view, "😀 c++ (flow")
    first = fixes(view)
    assert [button.text() for button in first] == ['Put it in double quotes: "c++"']
    assert view.query.accessibleDescription().startswith("The operator “+” must stand before")
    qtbot.mouseClick(first[0], Qt.MouseButton.LeftButton)
    assert view.query.text() == '😀 "c++" (flow'
    more = view.query_box.notes.findChild(Button, "search.findings.more")
    assert more is None or not more.isVisible() or more.text()


def test_all_findings_can_be_seen(qtbot: QtBot, boolean_view: SearchView) -> None:
    view = boolean_view
    read(qtbot, view, "+-flow (a b@c")
    more = view.query_box.notes.findChild(Button, "search.findings.more")
    assert isinstance(more, Button)
    assert more.text() == "2 more"
    qtbot.mouseClick(more, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(fixes(view)) == 3)


@opens_a_popup
def test_the_keyboard_opens_the_fixes_at_the_cursor(qtbot: QtBot, boolean_view: SearchView) -> None:
    view = boolean_view
    read(qtbot, view, "+-flow mail@home")
    view.query.setCursorPosition(11)
    qtbot.keyClick(view.query, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    texts = [action.text() for action in menu.actions()]
    assert texts == [
        'Put it in double quotes: "mail@home"',
        "Remove “@”",
        "Search as plain text",
    ]
    menu.actions()[2].trigger()
    menu.close()
    assert view.query.text() == "flow mail home"


@opens_a_popup
def test_the_tool_tip_says_what_is_wrong_there(qtbot: QtBot, boolean_view: SearchView) -> None:
    view = boolean_view
    read(qtbot, view, "+-flow")
    view.query.setCursorPosition(1)
    place = view.query.cursorRect().center()
    event = QHelpEvent(QHelpEvent.Type.ToolTip, place, view.query.mapToGlobal(place))
    QApplication.sendEvent(view.query, event)
    assert "must stand before a word" in QToolTip.text()
    QToolTip.hideText()


def test_the_text_is_coloured_and_what_is_wrong_underlined(
    qtbot: QtBot, boolean_view: SearchView
) -> None:
    view = boolean_view
    view.query.setText("+flow -layer")
    plain = view.query.grab().toImage()
    read(qtbot, view, "+flow -layer ")
    read(qtbot, view, "+flow -layer")
    coloured = view.query.grab().toImage()
    assert coloured != plain
    assert view.query.text() == "+flow -layer"
    assert not view.query.isUndoAvailable() or view.query.cursorPosition() == 12


def test_what_is_being_composed_is_left_alone(qtbot: QtBot, boolean_view: SearchView) -> None:
    view = boolean_view
    read(qtbot, view, "+flow ")
    QApplication.sendEvent(view.query, QInputMethodEvent("全", []))
    view.options.changed.emit()
    with qtbot.waitSignal(view.query_box.reader.reading_ready):
        pass
    QApplication.sendEvent(view.query, _committed("全文"))
    assert view.query.text() == "+flow 全文"


def _committed(text: str) -> QInputMethodEvent:
    event = QInputMethodEvent("", [])
    event.setCommitString(text)
    return event


def test_a_refusal_is_told_once_and_repaired_at_once(
    qtbot: QtBot, boolean_view: SearchView
) -> None:
    view = boolean_view
    read(qtbot, view, "flow C+")
    assert view.query_box.notes.findings.isVisible()
    view.search()
    qtbot.waitUntil(view.note.isVisible)
    assert not view.query_box.notes.findings.isVisible()

    actions = [b for b in view.note.findChildren(Button) if b.text()]
    assert [b.text() for b in actions] == ['Put it in double quotes: "C+"', "Search as plain text"]
    qtbot.mouseClick(actions[0], Qt.MouseButton.LeftButton)
    assert view.query.text() == 'flow "C+"'
    assert not view.note.isVisible()


def test_a_refused_query_that_is_changed_is_told_of_by_its_findings(
    qtbot: QtBot, boolean_view: SearchView
) -> None:
    view = boolean_view
    view.query.setText("flow +")
    view.search()
    qtbot.waitUntil(view.note.isVisible)
    read(qtbot, view, "flow + +")
    assert not view.note.isVisible()
    assert view.query_box.notes.findings.isVisible()
    view.query.setText("flow")
    view.search()
    qtbot.waitUntil(lambda: view.results.hits.rowCount() > 0)
    qtbot.waitUntil(lambda: not view.query_box.notes.findings.isVisible())


@pytest.mark.parametrize("mode", [SearchMode.NATURAL, SearchMode.SEMANTIC])
def test_a_question_is_told_of_in_one_quiet_line(
    qtbot: QtBot, boolean_view: SearchView, mode: SearchMode
) -> None:
    view = boolean_view
    view.options.set_mode(mode)
    read(qtbot, view, "the way to do a flow-layer")
    assert chips(view) == []
    assert view.query_box.notes.findings.isHidden()
    said = "Looked up: way, flow-layer. Not: the (stop word), to, do, a (too short)"
    assert view.query_box.notes.words.summary.text() == said


def test_a_word_that_was_surely_meant_is_warned_of(qtbot: QtBot, boolean_view: SearchView) -> None:
    view = boolean_view
    view.options.set_mode(SearchMode.NATURAL)
    read(qtbot, view, "the c++ flow F# a&b 5g")
    assert chips(view) == [
        "c++: too short",
        "F#: too short",
        "a&&b: too short",
        "5g: too short",
    ]
    assert view.query_box.notes.words.summary.text() == "Looked up: flow. Not: the (stop word)"


def test_words_are_warned_of_when_none_is_left(qtbot: QtBot, boolean_view: SearchView) -> None:
    view = boolean_view
    view.options.set_mode(SearchMode.NATURAL)
    read(qtbot, view, "the do")
    assert chips(view) == ["the: stop word", "do: too short"]
    view.options.set_mode(SearchMode.BOOLEAN)
    read(qtbot, view, "the flow of")
    assert chips(view) == []
    assert view.query_box.notes.words.summary.text() == (
        "Looked up: flow. Not: the (stop word), of (too short)"
    )


def test_hostile_text_is_shown_as_it_is(qtbot: QtBot, boolean_view: SearchView) -> None:
    view = boolean_view
    read(qtbot, view, "+<b>x</b>&y " + "w" * 200)
    view.resize(480, 400)
    assert all("<img" not in text for text in chips(view))
    assert view.query_box.notes.width() <= 480
    assert view.query.mapToGlobal(QPoint(0, 0)) is not None


def test_a_fix_is_one_step_of_undo_and_keeps_the_cursor(
    qtbot: QtBot, boolean_view: SearchView
) -> None:
    view = boolean_view
    reading = read(qtbot, view, "😀 +-flow layer")
    assert reading is not None
    assert reading.plain_text is not None
    view.query.setCursorPosition(9)
    view.query.apply_fix(reading.plain_text)
    assert view.query.text() == "😀 flow layer"
    assert view.query.text()[: view.query.cursorPosition() - 1] == "😀 flow"
    view.query.undo()
    assert view.query.text() == "😀 +-flow layer"
    view.query.redo()
    assert view.query.text() == "😀 flow layer"


def test_what_the_builder_and_the_offers_change_is_taken_back(
    qtbot: QtBot, boolean_view: SearchView
) -> None:
    view = boolean_view
    qtbot.keyClicks(view.query, "+flow layer")
    view.query_box.builder.text_changed.emit("flow")
    view.correction.chosen.emit("floe")
    assert view.query.text() == "floe"
    qtbot.keyClick(view.query, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert view.query.text() == "flow"
    qtbot.keyClick(view.query, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert view.query.text() == "+flow layer"
    view.results.pages.natural_wanted.emit()
    assert view.query.text() == "flow layer"
    view.query.undo()
    assert view.query.text() == "+flow layer"
