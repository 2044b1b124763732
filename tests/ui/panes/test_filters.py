"""Filters, facets and orders by columns as a person uses them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.facets import Facet, FacetKind, FacetReport, FacetValue
from altus4_desktop.domain.filtering import ColumnFilter, ColumnOrder, Narrowing, Operator
from altus4_desktop.domain.search_drafts import SearchDraft
from altus4_desktop.domain.searching import SearchMode, SearchRequest
from altus4_desktop.ui.panes.search.filter_dialog import FilterDialog
from altus4_desktop.ui.panes.search.view import SearchView
from tests.ui.world import (
    World,
    make_connection,
    make_hit,
    make_schema,
    make_source,
    make_table,
)

HOSTILE = "<b>bold</b>\x00" + "x" * 10_000
REPORT = FacetReport(
    (
        Facet(
            FacetKind.CONNECTION,
            "",
            (FacetValue("c1", "Shop", 12), FacetValue("c2", "Library", 3)),
        ),
        Facet(
            FacetKind.DATE,
            "made",
            (FacetValue("2023", "2023", 9), FacetValue("2024", "2024", 5)),
        ),
        Facet(
            FacetKind.CATEGORY,
            "lang",
            (
                FacetValue("en", "en", 1_234),
                FacetValue(None, "", 2),
                FacetValue(HOSTILE, HOSTILE, 1),
            ),
            has_more=True,
            at_least=True,
        ),
        Facet(FacetKind.TRUTH, "sold", (FacetValue("1", "1", 8), FacetValue("0", "0", 7))),
    ),
    rows=15,
)


def ran(qtbot: QtBot, view: SearchView, world: World, count: int) -> Narrowing:
    """The narrowing of the newest of ``count`` searches, once it has ended."""
    qtbot.waitUntil(
        lambda: len(world.search.requests) == count and not view.controller.state.running
    )
    return world.search.requests[-1].narrowing


def begin(qtbot: QtBot, view: SearchView, world: World, *, panel: bool = True) -> None:
    world.search.hits = [make_hit(place, price=place) for place in range(1, 30)]
    world.search.facets = REPORT
    view.options.filter_button.setChecked(panel)
    view.query.setText("file")
    view.search()
    assert ran(qtbot, view, world, 1) == Narrowing()
    if panel:
        qtbot.waitUntil(lambda: view.filtering.panel.items.rowCount() == len(REPORT.facets))


def item(view: SearchView, facet: int, value: int) -> QStandardItem:
    return view.filtering.panel.items.item(facet).child(value)


def chips(view: SearchView) -> list[str]:
    return [chip.text() for chip in view.filtering.bar.chips]


def test_a_tick_filters_at_once_and_a_chip_takes_it_away(
    qtbot: QtBot, view: SearchView, world: World
) -> None:
    begin(qtbot, view, world)
    assert view.filtering.bar.isHidden()
    item(view, 2, 0).setCheckState(Qt.CheckState.Checked)
    assert ran(qtbot, view, world, 2).filters == (ColumnFilter("lang", values=("en",)),)
    item(view, 2, 1).setCheckState(Qt.CheckState.Checked)
    assert ran(qtbot, view, world, 3).filters == (ColumnFilter("lang", values=("en", None)),)
    assert chips(view) == ["lang: en, no value"]
    item(view, 1, 1).setCheckState(Qt.CheckState.Checked)
    item(view, 0, 0).setCheckState(Qt.CheckState.Checked)
    now = view.filtering.narrowing.current
    assert now.only_connections == ("c1",)
    assert now.filters[1] == ColumnFilter("made", values=("2024",))
    qtbot.waitUntil(lambda: not view.controller.state.running)
    qtbot.mouseClick(view.filtering.bar.chips[1], Qt.MouseButton.LeftButton)
    assert [f.column for f in view.filtering.narrowing.current.filters] == ["made"]
    assert item(view, 2, 0).checkState() is Qt.CheckState.Unchecked
    qtbot.mouseClick(view.filtering.bar.undo_button, Qt.MouseButton.LeftButton)
    assert view.filtering.narrowing.current == now
    qtbot.mouseClick(view.filtering.bar.clear_button, Qt.MouseButton.LeftButton)
    assert view.filtering.narrowing.current == Narrowing()
    qtbot.waitUntil(lambda: not view.controller.state.running)
    assert world.search.requests[-1].narrowing == Narrowing()


def test_the_keyboard_reaches_all_of_it(qtbot: QtBot, view: SearchView, world: World) -> None:
    begin(qtbot, view, world, panel=False)
    assert world.search.counted == [], "nobody looks"
    qtbot.keyClick(
        view.query,
        Qt.Key.Key_F,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    qtbot.waitUntil(lambda: view.filtering.panel.items.rowCount() == len(REPORT.facets))
    assert len(world.search.counted) == 1
    tree = view.filtering.panel.tree
    tree.setFocus()
    tree.setCurrentIndex(item(view, 2, 0).index())
    qtbot.keyClick(tree, Qt.Key.Key_Space)
    assert ran(qtbot, view, world, 2).filters == (ColumnFilter("lang", values=("en",)),)
    qtbot.waitUntil(lambda: len(world.search.counted) == 2)
    qtbot.waitUntil(view.filtering.panel.note.isHidden)
    assert tree.hasFocus(), "a tick is followed by another"
    assert tree.currentIndex().data() == "en", "the place is kept"
    (chip,) = view.filtering.bar.chips
    chip.setFocus()
    qtbot.keyClick(chip, Qt.Key.Key_Return)
    assert ran(qtbot, view, world, 3) == Narrowing()
    view.filtering.turn_panel()
    assert view.filtering.panel.isHidden()


def test_further_pages_are_not_counted_again(qtbot: QtBot, view: SearchView, world: World) -> None:
    begin(qtbot, view, world)
    world.search.hits = [make_hit(place) for place in range(1, 300)]
    view.controller.again()
    qtbot.waitUntil(lambda: len(world.search.counted) == 2 and view.controller.state.has_more)
    qtbot.waitUntil(view.filtering.panel.note.isHidden)
    view.controller.load_more()
    ran(qtbot, view, world, 3)
    assert world.search.requests[-1].offset
    assert view.filtering.panel.items.rowCount() == len(REPORT.facets)
    assert view.filtering.panel.note.isHidden()
    QApplication.processEvents()
    assert len(world.search.counted) == 2


def test_without_a_search_there_are_no_counts(qtbot: QtBot, view: SearchView, world: World) -> None:
    begin(qtbot, view, world)
    view.controller.again()
    qtbot.waitUntil(lambda: not view.controller.state.running)
    view.controller.reset()
    panel = view.filtering.panel
    assert panel.items.rowCount() == 0
    assert panel.tree.isEnabled()
    assert panel.note.isHidden()


def test_counts_and_hostile_values(qtbot: QtBot, view: SearchView, world: World) -> None:
    begin(qtbot, view, world)
    items = view.filtering.panel.items
    lang = items.item(2)
    assert lang.child(0, 1).text() == "≥ 1,234"
    assert lang.child(0, 1).textAlignment() & Qt.AlignmentFlag.AlignRight
    assert lang.child(1).text() == "no value"
    assert lang.child(2).text().startswith("<b>bold</b> xx")
    assert len(lang.child(2).text()) == 120
    assert len(lang.child(2).toolTip()) < 5_000
    assert "<b>bold" not in lang.child(2).toolTip()
    assert lang.child(3).text() == "… and others"
    assert [items.item(3).child(row).text() for row in (0, 1)] == ["yes", "no"]
    lang.child(2).setCheckState(Qt.CheckState.Checked)
    assert ran(qtbot, view, world, 2).filters[0].values == (HOSTILE,)
    (text,) = chips(view)
    assert len(text) < 80
    assert "\x00" not in text


def test_what_cannot_be_counted_is_said(qtbot: QtBot, view: SearchView, world: World) -> None:
    world.search.facets_error = TenantError(TenantFailure.LOST, "The server went away.")
    world.search.hits = [make_hit(1)]
    view.options.filter_button.setChecked(True)
    view.query.setText("file")
    view.search()
    panel = view.filtering.panel
    qtbot.waitUntil(lambda: "The server went away." in panel.note.text())
    world.search.facets_error = None
    world.search.facets = FacetReport()
    view.search()
    qtbot.waitUntil(lambda: "no column" in panel.note.text())
    assert panel.tree.isHidden()


def test_the_threshold_is_taken_when_the_slider_rests(
    qtbot: QtBot, view: SearchView, world: World
) -> None:
    begin(qtbot, view, world)
    panel = view.filtering.panel
    panel.slider.setValue(4)
    panel.slider.setValue(8)
    assert "40 %" in panel.share.text()
    assert ran(qtbot, view, world, 2) == Narrowing(threshold=0.4)
    assert chips(view) == ["Score at least 40 %"]
    view.filtering.narrowing.undo()
    assert panel.slider.value() == 0


def test_the_threshold_says_what_it_does(qtbot: QtBot, view: SearchView, world: World) -> None:
    begin(qtbot, view, world)
    slider = view.filtering.panel.slider
    slider.setValue(8)
    assert slider.toolTip() == "Hits that score at least 40 % of the best"
    ran(qtbot, view, world, 2)
    view.receive(SearchRequest("file", SearchMode.SEMANTIC, narrowing=Narrowing(threshold=0.4)))
    ran(qtbot, view, world, 3)
    told = "Hits at least 40 % of the way from the worst ranked score to the best"
    assert (slider.toolTip(), slider.accessibleDescription()) == (told, told)
    assert slider.accessibleName() == "Least score"


def test_hits_are_ordered_by_a_column(qtbot: QtBot, view: SearchView, world: World) -> None:
    begin(qtbot, view, world, panel=False)
    order = view.options.order
    order.setCurrentIndex(order.findText("By price"))
    assert ran(qtbot, view, world, 2).order == ColumnOrder("price")
    (chip,) = view.filtering.bar.chips
    assert chip.text() == "Sorted by price"
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert ran(qtbot, view, world, 3).order == ColumnOrder("price", descending=True)
    assert view.choices.draft.order == "relevance"
    order.setCurrentIndex(0)
    assert ran(qtbot, view, world, 4).order is None
    assert chips(view) == []


def test_a_filter_on_any_column_is_added(qtbot: QtBot, view: SearchView, world: World) -> None:
    begin(qtbot, view, world, panel=False)
    view.filtering.add()
    dialog = view.findChild(FilterDialog)
    assert dialog is not None
    assert dialog.column_box.findText("price") >= 0
    dialog.column_box.setCurrentText("")
    dialog.enter()
    assert dialog.work.fields["column"].is_wrong
    dialog.column_box.setCurrentText("price")
    dialog.operator.setCurrentIndex(dialog.operator.findData("range"))
    dialog.enter()
    assert dialog.work.fields["filters"].is_wrong
    dialog.value.setText("10")
    dialog.enter()
    wanted = ColumnFilter("price", Operator.RANGE, ("10", ""))
    assert ran(qtbot, view, world, 2).filters == (wanted,)
    assert chips(view) == ["price ≥ 10"]


def test_times_of_a_timestamp_are_said_to_be_in_utc(
    qtbot: QtBot, view: SearchView, world: World
) -> None:
    source = make_source()
    world.connections.schemas[source.connection_id] = make_schema(make_table(source.table))
    begin(qtbot, view, world, panel=False)
    view.filtering.add()
    dialog = view.findChild(FilterDialog)
    assert dialog is not None
    dialog.column_box.setCurrentText("changed_at")
    # The tables of the connection are read meanwhile.
    qtbot.waitUntil(lambda: "in UTC" in dialog.value.accessibleDescription())
    for column, is_utc in (("Changed_At ", True), ("title", False), ("changed_at", True)):
        dialog.column_box.setCurrentText(column)
        said = dialog.value.accessibleDescription()
        assert "A date may be a day" in said
        assert ("in UTC" in said) is is_utc


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("null", ColumnFilter("price", Operator.IS, (None,))),
        ("not_null", ColumnFilter("price", Operator.NOT, (None,))),
        ("is", ColumnFilter("price", Operator.IS, ("",))),
    ],
)
def test_conditions_without_a_value(
    qtbot: QtBot, view: SearchView, world: World, key: str, wanted: ColumnFilter
) -> None:
    dialog = FilterDialog(world.session, ["price"], view)
    dialog.operator.setCurrentIndex(dialog.operator.findData(key))
    with qtbot.waitSignal(dialog.added) as added:
        dialog.enter()
    assert added.args == [wanted]


def test_drafts_and_reruns_keep_what_is_chosen(
    qtbot: QtBot, view: SearchView, world: World
) -> None:
    kept = Narrowing(
        (ColumnFilter("lang", values=("en",)),), ColumnOrder("price", descending=True), 0.25
    )
    view.choices.show(SearchDraft("file", filters=kept.as_document()))
    assert view.filtering.narrowing.current == kept
    assert view.choices.draft.filters == kept.as_document()
    assert view.options.sort_column == "price"
    assert not view.filtering.narrowing.can_undo
    assert SearchDraft.from_document(view.choices.draft.as_document()) == view.choices.draft
    world.search.hits = [make_hit(1)]
    view.search()
    assert ran(qtbot, view, world, 1) == kept
    other = replace(kept, only_connections=(make_connection(1).id,))
    view.receive(SearchRequest("file", narrowing=other))
    assert ran(qtbot, view, world, 2) == other
    view.receive(SearchRequest("file"))
    assert ran(qtbot, view, world, 3) == Narrowing()
    assert chips(view) == []
    assert view.options.sort_column == ""


def test_the_panel_is_remembered(qtbot: QtBot, view: SearchView, world: World) -> None:
    view.options.filter_button.setChecked(True)
    QApplication.processEvents()
    assert view.memory.value("facets") is True
    view.options.filter_button.setChecked(False)
    assert view.memory.value("facets") is False
