"""Why a hit is here, and the statements that ran, as a person asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.searching import SearchMode, SearchRequest
from altus4_desktop.ui.panes.search.query import ViewKeys
from altus4_desktop.ui.panes.search.sql_dialog import SqlDialog
from altus4_desktop.ui.panes.search.view import SearchView
from tests.ui.world import World

_AWAY = TenantError(TenantFailure.LOST, "“Library 1” cannot be reached.")


@pytest.fixture
def searched(qtbot: QtBot, view: SearchView) -> SearchView:
    """A view that shows hits."""
    view.receive(SearchRequest("file"))
    qtbot.waitUntil(lambda: view.results.hits.rowCount() == 20)
    return view


@pytest.fixture
def dialog(qtbot: QtBot, searched: SearchView) -> Iterator[SqlDialog]:
    """The statements of that search, read."""
    outcome = searched.controller.outcome
    assert outcome is not None
    assert outcome.search_id == "s1"
    made = SqlDialog(searched.session, outcome)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.source.count() == 1)
    yield made
    made.accept()


def _cells(view: SearchView) -> list[list[str]]:
    model = view.results.detail.why.model
    return [
        [str(model.index(row, column).data()) for column in range(3)]
        for row in range(model.rowCount())
    ]


def test_the_keyboard_asks_why(qtbot: QtBot, searched: SearchView) -> None:
    searched.results.list.setFocus()
    with qtbot.waitSignal(searched.controller.why_ready):
        qtbot.keyClick(searched.results.list, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    why = searched.results.detail.why
    assert _cells(searched) == [
        ["file", "title 1×, body 2×", "40"],
        ["the", "not in the index: stop word", ""],
    ]
    assert "about 12,345" in why.note.text()
    assert "place 1 of its source" in why.place.text()
    assert "1 / (60 + 1) = 0.01639" in why.place.text()


def test_the_key_works_from_anywhere_and_turns_back(qtbot: QtBot, searched: SearchView) -> None:
    results = searched.results
    detail = results.detail
    places: list[QWidget] = [
        searched.query,
        results.list,
        searched.query_box.run_button,
        detail.table,
        detail.reader.text,
    ]
    for place in places:
        place.setFocus()
        with qtbot.waitSignal(searched.controller.why_ready):
            qtbot.keyClick(place, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
        assert detail.faces.currentWidget() is detail.why
        qtbot.keyClick(searched.query, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
        assert detail.faces.currentWidget() is detail.split
        assert detail.face.key == "row"


def test_the_key_opens_hidden_details(qtbot: QtBot, searched: SearchView) -> None:
    searched.options.panel_button.setChecked(False)
    searched.query.setFocus()
    with qtbot.waitSignal(searched.controller.why_ready):
        qtbot.keyClick(searched.query, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert searched.results.detail.isVisible()


def test_the_key_leaves_the_builder_too(qtbot: QtBot, searched: SearchView) -> None:
    searched.options.set_mode(SearchMode.BOOLEAN)
    searched.query_box.builder_button.setChecked(True)
    field = searched.query_box.builder.new_row.text
    field.setFocus()
    with qtbot.waitSignal(searched.controller.why_ready):
        qtbot.keyClick(field, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)


class _Greedy(QLineEdit):
    """Takes every key from the shortcuts, as line edits of a Unix desktop do with Ctrl+E."""

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)


def test_fields_leave_the_key_to_the_view(qtbot: QtBot, searched: SearchView) -> None:
    field = _Greedy(searched)
    field.installEventFilter(ViewKeys(field))
    field.show()
    field.setFocus()
    with qtbot.waitSignal(searched.controller.why_ready):
        qtbot.keyClick(field, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    new_row = searched.query_box.builder.new_row
    assert all(w.findChild(ViewKeys) for w in (searched.query, new_row.text, new_row.distance))


def test_another_hit_is_explained_in_its_turn(qtbot: QtBot, searched: SearchView) -> None:
    with qtbot.waitSignal(searched.controller.why_ready):
        searched.results.explain()
    with qtbot.waitSignal(searched.controller.why_ready):
        searched.results.list.setCurrentIndex(searched.results.hits.index(2))
    assert "place 3 of its source" in searched.results.detail.why.place.text()


def test_a_dead_server_is_said_in_a_sentence(
    qtbot: QtBot, searched: SearchView, world: World
) -> None:
    world.search.row_error = _AWAY
    with qtbot.waitSignal(searched.controller.why_failed):
        searched.results.explain()
    why = searched.results.detail.why
    assert why.message.isVisibleTo(why)


def test_statements_are_shown_explained_and_copied(qtbot: QtBot, dialog: SqlDialog) -> None:
    assert dialog.text.toPlainText() == "SELECT * FROM articles"
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "SELECT * FROM articles"
    assert not dialog.table.isVisible()
    qtbot.mouseClick(dialog.explain_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.table.isVisible)
    assert dialog.tree.toPlainText() == "-> Sort"
    qtbot.mouseClick(dialog.copy_plan_button, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert copied == "id\ttable\ttype\trows\n1\tarticles\tfulltext\tNULL\n\n-> Sort"


def test_a_plan_that_cannot_be_had_is_said(qtbot: QtBot, dialog: SqlDialog, world: World) -> None:
    world.search.row_error = _AWAY
    qtbot.mouseClick(dialog.explain_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.work.message.isVisibleTo(dialog))
    assert dialog.explain_button.isEnabled()
    assert not dialog.table.isVisible()
