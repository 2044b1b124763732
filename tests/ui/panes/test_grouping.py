"""Hits under the heads of their sources, as a person uses them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from altus4_desktop.ui.panes.search.export_dialog import ExportDialog
from altus4_desktop.ui.panes.search.grouping import Head, group_by_source, group_key
from altus4_desktop.ui.panes.search.model import HitModel, HitRole
from altus4_desktop.ui.panes.search.view import SearchView
from tests.ui.world import World, make_hit, make_source

ONE, TWO, THREE = (make_source(number) for number in (1, 2, 3))
_SOURCES = (TWO, ONE, TWO, ONE, THREE, TWO)
# Ranks 1 to 6; under heads: Library 2 has 1, 3, 6, Library 1 has 2, 4, Library 3 has 5.
HITS = [make_hit(place, source) for place, source in enumerate(_SOURCES, 1)]
KEY = Qt.Key


@pytest.fixture
def grouped(qtbot: QtBot, view: SearchView, world: World) -> SearchView:
    """Six hits of three sources have been found and are grouped."""
    world.search.hits = HITS
    view.query.setText("file")
    view.search()
    qtbot.waitUntil(lambda: view.results.hits.rowCount() == 6)
    choose(view, "source")
    view.results.enter_list()
    return view


def choose(view: SearchView, order: str) -> None:
    view.options.order.setCurrentIndex(view.options.order.findData(order))


def rows(view: SearchView) -> list[object]:
    """The rank of each hit, and the name of each head, marked where it is folded."""
    model = view.results.hits
    shown: list[object] = []
    for row in range(model.rowCount()):
        head = model.head_at(row)
        if head is None:
            shown.append(model.row_at(row).rank)
        else:
            shown.append(("+" if head.is_folded else "") + head.source.connection[-1])
    return shown


def current(view: SearchView) -> object:
    return rows(view)[view.results.list.currentIndex().row()]


def press(view: SearchView, *keys: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
    for key in keys:
        QTest.keyClick(view.results.list, key, modifier or Qt.KeyboardModifier.NoModifier)


def click(view: SearchView, row: int) -> None:
    hits = view.results.list
    place = hits.visualRect(view.results.hits.index(row)).center()
    QTest.mouseClick(
        hits.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place
    )


def test_hits_stand_under_the_heads_of_their_sources(grouped: SearchView) -> None:
    assert rows(grouped) == ["2", 1, 3, 6, "1", 2, 4, "3", 5]
    assert current(grouped) == 1, "the best hit, not a head"
    assert grouped.results.foot.summary.text().startswith("6 hits from 3 sources")
    model = grouped.results.hits
    assert model.index(4).data(Qt.ItemDataRole.AccessibleTextRole) == (
        "Library 1 · articles: 2 hits, answered in 12 ms, unfolded"
    )
    hits = grouped.results.list
    assert hits.rowHeight(4) == hits.rowHeight(0) < hits.rowHeight(1)


def test_the_model_tester_passes(qtmodeltester: ModelTester) -> None:
    model = HitModel()
    for folded in ((), (group_key(TWO),), (group_key(TWO), group_key(ONE)), ()):
        shown = group_by_source(HITS, range(6), folded)
        model.show(HITS, shown.rows, shown.heads)
        qtmodeltester.check(model)
    model.show(HITS, range(6))
    qtmodeltester.check(model)


@pytest.mark.parametrize("rank", range(1, 7))
def test_the_current_hit_stays_while_the_order_changes(grouped: SearchView, rank: int) -> None:
    choose(grouped, "relevance")
    grouped.results.pick(rank - 1)
    for order in ("source", "title", "source", "relevance"):
        choose(grouped, order)
        assert current(grouped) == rank
        assert grouped.results.detail.hit == HITS[rank - 1]
        assert grouped.results.selected_hits() == [HITS[rank - 1]]
    hits = grouped.results.list
    assert {hits.rowHeight(row) for row in range(6)} == {hits.rowHeight(0)}, "no head is left"
    assert hits.rowHeight(0) > hits.fontMetrics().height() * 3


def test_a_held_key_does_not_change_what_going_to_a_hit_means(grouped: SearchView) -> None:
    hits = grouped.results.list
    QTest.keyPress(hits, KEY.Key_Control, Qt.KeyboardModifier.ControlModifier)
    try:
        for rank in (1, 2, 2, 6):
            grouped.results.pick(rows(grouped).index(rank))
            assert grouped.results.selected_hits() == [HITS[rank - 1]]
    finally:
        QTest.keyRelease(hits, KEY.Key_Control)


def test_arrows_go_over_heads(qtbot: QtBot, grouped: SearchView) -> None:
    seen = [current(grouped)]
    for _ in range(6):
        press(grouped, KEY.Key_Down)
        seen.append(current(grouped))
    assert seen == [1, 3, 6, 2, 4, 5, 5]
    press(grouped, *[KEY.Key_Up] * 4)
    assert current(grouped) == 3
    control = Qt.KeyboardModifier.ControlModifier
    press(grouped, KEY.Key_End, modifier=control)
    assert current(grouped) == 5
    press(grouped, KEY.Key_Home, modifier=control)
    assert current(grouped) == 1
    with qtbot.waitSignal(grouped.results.list.left_upwards):
        press(grouped, KEY.Key_Up)


def test_left_folds_a_group_and_right_unfolds_it(qtbot: QtBot, grouped: SearchView) -> None:
    press(grouped, KEY.Key_Down)
    with qtbot.waitSignal(grouped.session.announced) as told:
        press(grouped, KEY.Key_Left)
    assert told.args == ["Library 2 · articles: 3 hits, answered in 12 ms, folded"]
    assert rows(grouped) == ["+2", "1", 2, 4, "3", 5]
    assert current(grouped) == "+2"
    assert grouped.results.detail.hit is None
    assert grouped.results.selected_hits() == []
    assert grouped.results.foot.summary.text().startswith("3 of 6 hits")
    assert not grouped.results.foot.copy_button.isEnabled()
    press(grouped, KEY.Key_Left)
    assert current(grouped) == "+2"
    press(grouped, KEY.Key_Down)
    assert current(grouped) == 2
    press(grouped, KEY.Key_Up)
    assert current(grouped) == "+2", "the head of a folded group can be gone to"
    press(grouped, KEY.Key_Right)
    assert rows(grouped) == ["2", 1, 3, 6, "1", 2, 4, "3", 5]
    assert current(grouped) == 3, "the hit that was left"
    press(grouped, KEY.Key_Right)
    assert current(grouped) == 3


def test_enter_unfolds_a_group(grouped: SearchView) -> None:
    press(grouped, KEY.Key_Left, KEY.Key_Return)
    assert current(grouped) == 1


def test_a_click_on_a_head_folds_and_unfolds(grouped: SearchView) -> None:
    click(grouped, 4)
    assert rows(grouped) == ["2", 1, 3, 6, "+1", "3", 5]
    assert current(grouped) == 1, "another group's hit stays"
    assert grouped.results.selected_hits() == [HITS[0]]
    click(grouped, 0)
    assert current(grouped) == "+2"
    click(grouped, 0)
    assert current(grouped) == 1
    click(grouped, 4)
    assert rows(grouped) == ["2", 1, 3, 6, "1", 2, 4, "3", 5]


def test_nothing_is_selected_by_dragging_from_a_head(grouped: SearchView) -> None:
    click(grouped, 1)
    hits = grouped.results.list
    area = hits.viewport()
    at_head, at_hit = (hits.visualRect(grouped.results.hits.index(row)).center() for row in (4, 3))
    QTest.mousePress(area, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at_head)
    for place in (at_hit, at_hit + QPoint(3, 3)):
        at = QPointF(place)
        moved = QMouseEvent(
            QEvent.Type.MouseMove,
            at,
            area.mapToGlobal(at),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(area, moved)
    QTest.mouseRelease(area, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at_hit)
    assert grouped.results.selected_hits() == [HITS[0]]


def test_the_folded_group_is_left_by_another_order(grouped: SearchView) -> None:
    press(grouped, KEY.Key_Down, KEY.Key_Left)
    choose(grouped, "relevance")
    assert current(grouped) == 3, "the hit that was current when its group was folded"
    choose(grouped, "source")
    assert rows(grouped) == ["2", 1, 3, 6, "1", 2, 4, "3", 5]
    assert current(grouped) == 3


def test_copying_and_exporting_all_takes_the_hits_in_sight(
    qtbot: QtBot, grouped: SearchView
) -> None:
    def copied() -> list[int]:
        grouped.results.list.selectAll()
        with qtbot.waitSignal(grouped.session.announced):
            press(grouped, KEY.Key_C, modifier=Qt.KeyboardModifier.ControlModifier)
        lines = QGuiApplication.clipboard().text().splitlines()[1:]
        return [int(line.split("\t")[2]) for line in lines]

    assert copied() == [1, 3, 6, 2, 4, 5]
    assert grouped.results.foot.copy_button.text() == "Copy 6 hits"
    click(grouped, 4)
    assert copied() == [1, 3, 6, 5]
    assert grouped.results.foot.copy_button.text() == "Copy 4 hits"
    grouped.results.export()
    dialog = grouped.results.findChild(ExportDialog)
    assert isinstance(dialog, ExportDialog)
    assert dialog.selected.text() == "The selected hits (4)"
    assert dialog.hits.text() == "All hits that are shown (4)"
    grouped.results.end_export()


def test_a_selection_across_heads_has_hits_alone(grouped: SearchView) -> None:
    shift = Qt.KeyboardModifier.ShiftModifier
    press(grouped, *[KEY.Key_Down] * 3, modifier=shift)
    assert grouped.results.selected_hits() == [HITS[place] for place in (0, 2, 5, 1)]


def test_more_hits_join_their_groups(qtbot: QtBot, view: SearchView, world: World) -> None:
    world.search.hits = [make_hit(p, TWO if p % 2 else ONE) for p in range(1, 31)]
    choose(view, "source")
    view.query.setText("file")
    view.search()
    qtbot.waitUntil(lambda: view.results.hits.rowCount() == 22)
    view.results.enter_list()
    press(view, KEY.Key_Down, *[KEY.Key_Down] * 11)
    kept = view.results.current_hit()
    assert kept is not None
    assert kept.source == ONE
    click(view, 0)
    view.controller.load_more()
    qtbot.waitUntil(lambda: view.results.hits.rowCount() == 17)
    assert [head.count for head in heads(view)] == [15, 15]
    assert heads(view)[0].is_folded
    assert view.results.current_hit() == kept
    view.search()
    qtbot.waitUntil(lambda: view.results.hits.rowCount() == 22)
    assert not any(head.is_folded for head in heads(view)), "another search folds nothing"


def heads(view: SearchView) -> list[Head]:
    model = view.results.hits
    found = [model.index(row).data(HitRole.ROW) for row in model.head_rows()]
    assert all(isinstance(head, Head) for head in found)
    return found


def test_too_many_hits_have_no_heads(grouped: SearchView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("altus4_desktop.ui.panes.search.results.SORTED_AT_MOST", 5)
    choose(grouped, "relevance")
    choose(grouped, "source")
    assert rows(grouped) == [1, 2, 3, 4, 5, 6]


def test_one_source_alone_stands_under_its_head(grouped: SearchView) -> None:
    grouped.results.sources.sources.choose(ONE)
    grouped.results.sources.source_chosen.emit(ONE)
    assert rows(grouped) == ["1", 2, 4]


def test_nothing_found_shows_no_list(qtbot: QtBot, grouped: SearchView, world: World) -> None:
    world.search.hits = []
    grouped.search()
    qtbot.waitUntil(lambda: not grouped.results.controller.state.running)
    assert grouped.results.pages.currentWidget() is not grouped.results.split


def test_why_and_more_like_this_are_about_hits(grouped: SearchView, world: World) -> None:
    press(grouped, KEY.Key_Left)
    asked = len(world.search.requests)
    grouped.results.turn_why()
    grouped.results.find_related()
    assert not grouped.results.detail.shows_why
    assert len(world.search.requests) == asked
    press(grouped, KEY.Key_Right)
    grouped.results.turn_why()
    assert grouped.results.detail.shows_why
