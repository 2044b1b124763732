"""The builder and the query's text, each following the other."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.query_reading import RowKind
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.ui.panes.search.view import SearchView


@pytest.fixture
def built(view: SearchView) -> SearchView:
    """The search in boolean mode with its builder open."""
    view.options.set_mode(SearchMode.BOOLEAN)
    view.query.setText('+flow  -lay* "two words"@4 (a b)')
    view.query_box.builder_button.click()
    return view


def shown(view: SearchView) -> list[tuple[str, str, str]]:
    rows = view.query_box.builder.rows
    return [(r.sign.currentText(), r.kind.currentText(), r.text.text()) for r in rows]


def test_only_boolean_queries_are_built(view: SearchView) -> None:
    view.options.set_mode(SearchMode.NATURAL)
    assert view.query_box.builder_button.isHidden()
    assert view.query_box.builder.isHidden()
    view.options.set_mode(SearchMode.BOOLEAN)
    assert not view.query_box.builder_button.isHidden()
    assert view.query_box.builder.isHidden()


def test_the_rows_follow_the_text(built: SearchView) -> None:
    assert shown(built) == [
        ("must", "word", "flow"),
        ("must not", "beginning", "lay"),
        ("should", "near words", "two words"),
        ("should", "group", "a b"),
    ]
    assert built.query_box.builder.rows[2].distance.value() == 4
    built.query.setText("flow (")
    assert not built.query_box.builder.new_row.isEnabled()
    assert not built.query_box.builder.problem.isHidden()
    built.query.setText("flow")
    assert shown(built) == [("should", "word", "flow")]
    assert built.query_box.builder.new_row.isEnabled()


def test_the_text_follows_the_rows(qtbot: QtBot, built: SearchView) -> None:
    rows = built.query_box.builder.rows
    rows[0].sign.setCurrentIndex(rows[0].sign.findData("-"))
    assert built.query.text() == '-flow  -lay* "two words"@4 (a b)'
    rows[1].kind.setCurrentIndex(rows[1].kind.findData(RowKind.WORD.value))
    assert built.query.text() == '-flow  -lay "two words"@4 (a b)'
    rows[2].distance.setValue(7)
    assert built.query.text() == '-flow  -lay "two words"@7 (a b)'
    rows[3].text.setFocus()
    rows[3].text.selectAll()
    qtbot.keyClicks(rows[3].text, "x +y")
    assert built.query.text() == '-flow  -lay "two words"@7 (x +y)'
    assert built.query_box.builder.rows[3].text.text() == "x +y"


def test_typing_two_words_makes_a_phrase(qtbot: QtBot, built: SearchView) -> None:
    row = built.query_box.builder.rows[0]
    row.text.setFocus()
    row.text.end(False)
    qtbot.keyClicks(row.text, " field")
    assert built.query.text().startswith('+"flow field"')
    assert row.text.text() == "flow field"
    assert row.kind.currentText() == "phrase"


def test_parts_are_added_and_removed(qtbot: QtBot, built: SearchView) -> None:
    fresh = built.query_box.builder.new_row
    fresh.sign.setCurrentIndex(fresh.sign.findData("+"))
    qtbot.keyClicks(fresh.text, "wind")
    qtbot.keyClick(fresh.text, Qt.Key.Key_Return)
    assert built.query.text() == '+flow  -lay* "two words"@4 (a b) +wind'
    assert fresh.text.text() == ""
    built.query_box.builder.rows[0].remove.click()
    assert built.query.text() == ' -lay* "two words"@4 (a b) +wind'
    assert len(shown(built)) == 4


def test_a_row_that_was_emptied_goes(qtbot: QtBot, built: SearchView) -> None:
    row = built.query_box.builder.rows[1]
    row.text.setFocus()
    row.text.selectAll()
    qtbot.keyClick(row.text, Qt.Key.Key_Delete)
    assert "-lay*" in built.query.text()
    qtbot.keyClick(row.text, Qt.Key.Key_Return)
    assert built.query.text() == '+flow  "two words"@4 (a b)'
