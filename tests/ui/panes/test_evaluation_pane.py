"""The evaluation pane over a real store and a search that answers from memory."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Preferences, Role
from altus4_desktop.domain.errors import AltusError, StoreError
from altus4_desktop.domain.query_sets import QuerySet, QuerySetDraft
from altus4_desktop.domain.schema import FulltextIndex
from altus4_desktop.domain.searching import (
    SearchHit,
    SearchMode,
    SearchOutcome,
    SearchRecord,
    SearchRequest,
    SourceReport,
    SourceState,
    SourceWeight,
    TableChoice,
)
from altus4_desktop.services import Services
from altus4_desktop.services.evaluation import EvaluationService
from altus4_desktop.services.evaluation_files import read_judgements, read_queries
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.evaluation.exporting import MeasuredFormat
from altus4_desktop.ui.panes.evaluation.pairs import CHANGE, FIRST, NOTE, QUERY, SECOND, Kept
from altus4_desktop.ui.panes.evaluation.pane import RESULT, RUNS, SETUP, EvaluationPane
from altus4_desktop.ui.panes.evaluation.setup import MaterialCard
from altus4_desktop.ui.panes.evaluation.way_card import OtherCard
from altus4_desktop.ui.panes.search.measured import MeasuredSearch
from altus4_desktop.ui.panes.search.scope import Scope
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space, Theme
from tests.records import a_user
from tests.ui.world import (
    FakeSearch,
    Gate,
    make_connection,
    make_hit,
    make_schema,
    make_source,
    make_table,
)

_QUERIES = {"better": 1, "worse": 2, "alike": 3, "broken": 4, "nobody judged": 5}
# By the place of the hit that is relevant: what each mode finds first.
_FOUND: dict[str, dict[SearchMode, list[int]]] = {
    "better": {SearchMode.NATURAL: [9, 8, 1], SearchMode.SEMANTIC: [1, 8, 9]},
    "worse": {SearchMode.NATURAL: [1, 2], SearchMode.SEMANTIC: [2, 3]},
    "alike": {SearchMode.NATURAL: [1, 2], SearchMode.SEMANTIC: [1, 2]},
    "broken": {SearchMode.NATURAL: [1], SearchMode.SEMANTIC: []},
    "nobody judged": {SearchMode.NATURAL: [4, 5], SearchMode.SEMANTIC: []},
}


class Search(FakeSearch):
    """Finds what `_FOUND` says; semantic mode fails for “broken”."""

    gate: Gate | None = None
    failure: AltusError | None = None

    def run(  # type: ignore[override]  # a test hands over no listener
        self, actor: Actor, request: SearchRequest, on_update: object, token: object, *, kept: bool
    ) -> SearchOutcome:
        assert not kept, "measuring would fill the history"
        self.requests.append(request)
        if self.gate is not None:
            self.gate.wait(token)  # type: ignore[arg-type]  # it is a token
        if self.failure is not None:
            raise self.failure
        hits: tuple[SearchHit, ...] = tuple(
            make_hit(place) for place in _FOUND.get(request.query, {}).get(request.mode, [])
        )
        report = SourceReport(make_source(), SourceState.OK, len(hits))
        if request.query == "broken" and request.mode is SearchMode.SEMANTIC:
            report = replace(
                report, state=SourceState.FAILED, error=StoreError("The server went away.")
            )
        return SearchOutcome("s1", request, (report,), hits, finished=True)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        evaluation = EvaluationService(
            Search(),  # type: ignore[arg-type]  # it has what is needed
            made.keys,
            Permissions(made.metadata),
        )
        yield replace(made, evaluation=evaluation)


@pytest.fixture
def search(services: Services) -> Search:
    return cast("Search", services.evaluation._search)


@pytest.fixture
def pane(qtbot: QtBot, services: Services, runner: TaskRunner) -> Iterator[EvaluationPane]:
    user = a_user(role=Role.ADMIN, email="ada@example.org")
    services.metadata.store.users.create_(user, "hash")
    session = Session(services, runner, Theme(), report_crash=_raise)
    session.set_actor(user.as_actor())
    made = EvaluationPane(session)
    qtbot.addWidget(made)
    made.resize(1100, 760)
    made.show()
    made.activated()
    qtbot.waitUntil(lambda: not runner.running)
    yield made
    made.shut()


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    queries, qrels = tmp_path / "queries.tsv", tmp_path / "qrels.txt"
    queries.write_text("".join(f"{number}\t{text}\n" for text, number in _QUERIES.items()))
    qrels.write_text("".join(f"{number} 0 1 {3 if number < 4 else 1}\n" for number in range(1, 5)))
    return queries, qrels


def _raise(error: BaseException) -> None:
    raise error


def _settle(qtbot: QtBot, pane: EvaluationPane) -> None:
    qtbot.waitUntil(lambda: not pane.runner.running)


def _measure(qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]) -> None:
    pane.setup.material.choose_files(*files)
    pane.run()
    _settle(qtbot, pane)
    assert pane.result.measured is not None


def _texts(pane: EvaluationPane, column: int) -> list[str]:
    model = pane.result.model
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def _button(pane: QWidget, name: str) -> QPushButton:
    found = pane.findChild(QPushButton, name)
    assert found is not None, name
    return found


def test_it_says_what_judging_is_and_how_to_begin(qtbot: QtBot, pane: EvaluationPane) -> None:
    assert pane.pages.currentWidget() is pane._empty
    assert not pane.run_button.isEnabled()
    assert pane.run_button.toolTip()
    with qtbot.waitSignal(pane.session.pane_requested) as asked:
        qtbot.mouseClick(_button(pane, "evaluation.judge"), Qt.MouseButton.LeftButton)
    assert asked.args == ["search", None]
    qtbot.mouseClick(_button(pane, "evaluation.open"), Qt.MouseButton.LeftButton)
    assert pane.pages.currentWidget() is pane.setup
    assert pane.setup.material.queries.edit.hasFocus()


def test_two_modes_are_measured_and_compared(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path], search: Search
) -> None:
    _measure(qtbot, pane, files)
    assert pane.pages.currentWidget() is pane.result
    assert len(search.requests) == 2 * len(_QUERIES)
    assert {request.mode for request in search.requests} == {
        SearchMode.NATURAL,
        SearchMode.SEMANTIC,
    }
    # By hand: 1 / log2(4) = 0.5 and 1 for "better", 1 and 0 for "worse" and "broken", 1 for
    # "alike".
    assert _texts(pane, QUERY) == ["worse", "broken", "alike", "better", "nobody judged"]
    assert _texts(pane, FIRST) == ["1.000", "1.000", "1.000", "0.500", "2 found"]
    assert _texts(pane, SECOND) == ["0.000", "0.000", "1.000", "1.000", "0 found"]
    assert _texts(pane, CHANGE) == ["▼ −1.000", "▼ −1.000", "= 0.000", "▲ +0.500", "0 of 10 alike"]
    assert _texts(pane, NOTE)[1] == "The server went away."
    verdict = pane.result.figures.verdict.text()
    assert "B is worse in 2 of 4 queries and better in 1, p = 1.00" in verdict
    tiles = [tile.accessibleName() for tile in pane.result.figures.tiles]
    assert tiles[0] == "nDCG@10: A 0.875, B 0.500 ▼ 0.375 worse"
    assert tiles[3] == "Without result: A 0.0 %, B 20.0 % ▲ 20.0 % worse"
    assert tiles[4] == "Failed: A 0, B 1 ▲ 1 worse"


def test_a_query_of_which_nothing_is_relevant_is_not_called_unjudged(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]
) -> None:
    files[1].write_text("1 0 1 3\n2 0 1 0\n")
    _measure(qtbot, pane, files)
    notes = dict(zip(_texts(pane, QUERY), _texts(pane, NOTE), strict=True))
    assert notes["worse"] == "Nothing relevant judged"
    assert notes["alike"] == "Not judged"


def test_how_many_were_found_is_not_cut(
    qtbot: QtBot,
    pane: EvaluationPane,
    files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = {mode: [*range(1, 1001)] for mode in (SearchMode.NATURAL, SearchMode.SEMANTIC)}
    monkeypatch.setitem(_FOUND, "nobody judged", many)
    _measure(qtbot, pane, files)
    assert "1000 found" in _texts(pane, FIRST)
    table = pane.result.table
    # The theme leaves room on both sides of a cell's text.
    room = table.fontMetrics().horizontalAdvance("1000 found") + 2 * Space.M
    for column in (FIRST, SECOND):
        assert table.columnWidth(column) >= room


def test_filters_and_words(qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]) -> None:
    _measure(qtbot, pane, files)
    result = pane.result
    shown = {}
    for place in range(result.kept.count()):
        result.kept.setCurrentIndex(place)
        shown[Kept(result.kept.currentData())] = sorted(_texts(pane, QUERY))
        assert f"({len(_texts(pane, QUERY))})" in result.kept.currentText()
    assert shown == {
        Kept.ALL: sorted(_QUERIES),
        Kept.CHANGED: ["better", "broken", "nobody judged", "worse"],
        Kept.WORSE: ["broken", "nobody judged", "worse"],
        Kept.FAILED: ["broken"],
    }
    result.filter.setText("server WENT")
    assert _texts(pane, QUERY) == ["broken"]
    result.filter.setText("no such")
    assert result._tables.currentWidget() is result._nothing
    result.filter.clear()
    assert result._tables.currentWidget() is result.table


def test_sorting_by_each_column_keeps_what_has_no_value_last(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]
) -> None:
    _measure(qtbot, pane, files)
    table = pane.result.table
    table.sortByColumn(QUERY, Qt.SortOrder.DescendingOrder)
    assert _texts(pane, QUERY) == sorted(_QUERIES, reverse=True)
    table.sortByColumn(NOTE, Qt.SortOrder.DescendingOrder)
    assert _texts(pane, NOTE)[-1] == ""
    assert _texts(pane, NOTE)[0] == "The server went away."


def test_both_lists_with_ranks_and_grades(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]
) -> None:
    _measure(qtbot, pane, files)
    table, lists = pane.result.table, pane.result.lists
    assert not lists.isVisible()
    table.selectRow(_texts(pane, QUERY).index("better"))
    assert lists.isVisible()
    first, second = lists.first.model.records, lists.second.model.records
    assert [(it.rank, it.grade, it.other_rank) for it in first] == [
        (1, None, 3),
        (2, None, 2),
        (3, 3, 1),
    ]
    assert [(it.name, it.other_rank) for it in second] == [("1", 3), ("8", 2), ("9", 1)]
    assert second[0].title == "Reading files, part 1"
    table.selectRow(_texts(pane, QUERY).index("broken"))
    assert lists.second.failure.isVisible()
    assert lists.second.failure.text() == "The server went away."
    assert not lists.first.failure.isVisible()
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Escape)
    assert not lists.isVisible()


def test_in_a_low_window_the_lists_take_the_place_of_the_table(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]
) -> None:
    pane.resize(690, 480)
    _measure(qtbot, pane, files)
    table, lists = pane.result.table, pane.result.lists
    table.setFocus()
    table.selectRow(0)
    assert lists.isVisible()
    assert not table.isVisible()
    assert pane.minimumSizeHint().width() <= 690
    lists.first.table.setFocus()
    qtbot.keyClick(lists.first.table, Qt.Key.Key_Escape)
    assert table.isVisible()
    assert table.hasFocus()


def test_enter_opens_the_query_as_it_was_searched(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]
) -> None:
    _measure(qtbot, pane, files)
    table = pane.result.table
    table.selectRow(0)
    table.setFocus()
    with qtbot.waitSignal(pane.session.pane_requested) as asked:
        qtbot.keyClick(table, Qt.Key.Key_Return)
    assert asked.args == ["search", MeasuredSearch(SearchRequest("worse", SearchMode.SEMANTIC))]
    with qtbot.waitSignal(pane.session.pane_requested) as asked:
        qtbot.mouseClick(pane.result.lists.open_first, Qt.MouseButton.LeftButton)
    assert asked.args == ["search", MeasuredSearch(SearchRequest("worse", SearchMode.NATURAL))]


def test_it_can_be_stopped_and_what_was_there_stays(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path], search: Search
) -> None:
    search.gate = Gate()
    pane.setup.material.choose_files(*files)
    pane.run()
    assert pane.stop_button.isVisible()
    assert pane.pages.currentWidget() is pane._busy
    qtbot.waitUntil(search.gate.entered.is_set)
    qtbot.mouseClick(pane.stop_button, Qt.MouseButton.LeftButton)
    _settle(qtbot, pane)
    assert pane.result.measured is None
    assert pane.pages.currentWidget() is pane.setup
    assert pane.message.text() == "Stopped; nothing was measured."
    assert pane.run_button.isVisible()


def test_progress_counts_both_runs(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]
) -> None:
    told: list[tuple[str, float | None]] = []
    pane._measuring.progressed.connect(lambda step: told.append((step.message, step.fraction)))
    _measure(qtbot, pane, files)
    assert told[-1] == ("B · Searching, semantic mode: 5 of 5", 1.0)
    assert [fraction for _, fraction in told] == sorted(fraction or 0 for _, fraction in told)


def test_what_is_wrong_with_a_file_is_said_beside_it(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]
) -> None:
    files[1].write_text("9 0 1 3\n")
    pane.setup.material.choose_files(*files)
    pane.run()
    _settle(qtbot, pane)
    assert pane.view.key == SETUP
    row = pane.setup.material.rows["qrels"]
    assert "None of the queries is judged" in row.note.text()
    files[1].write_text("1 0 1 3\n")
    pane.run()
    _settle(qtbot, pane)
    assert "None of" not in row.note.text()
    assert pane.view.key == RESULT


def test_what_fails_as_a_whole_can_be_tried_again(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path], search: Search
) -> None:
    search.failure = StoreError("The disk is full.", hint="Make room.")
    pane.setup.material.choose_files(*files)
    pane.run()
    _settle(qtbot, pane)
    assert pane.pages.currentWidget() is pane._failed
    search.failure = None
    qtbot.mouseClick(_button(pane, "evaluation.again"), Qt.MouseButton.LeftButton)
    _settle(qtbot, pane)
    assert pane.pages.currentWidget() is pane.result


def test_a_run_of_before_takes_the_place_of_b(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path], tmp_path: Path, search: Search
) -> None:
    _measure(qtbot, pane, files)
    path = tmp_path / "before.run"
    pane.export_to(path, MeasuredFormat.RUN_A)
    _settle(qtbot, pane)
    assert pane.message.text() == "10 lines written."
    before = len(search.requests)
    second = pane.setup.second
    second.kind.setCurrentIndex(second.kind.findData(OtherCard.FILE))
    assert "earlier run" in pane.setup.missing()
    second.file.set_path(path)
    pane.run()
    _settle(qtbot, pane)
    assert len(search.requests) == before + len(_QUERIES)
    assert pane.result.figures.names[1].text() == "before.run"
    assert "as good in each of 4" in pane.result.figures.verdict.text()
    assert not pane.result.lists.open_second.isVisible()


def test_a_alone(qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]) -> None:
    second = pane.setup.second
    second.kind.setCurrentIndex(second.kind.findData(OtherCard.NOTHING))
    _measure(qtbot, pane, files)
    result = pane.result
    assert result.table.isColumnHidden(SECOND)
    assert result.table.isColumnHidden(CHANGE)
    assert result.figures.tiles[0].accessibleName() == "nDCG@10: 0.875"
    assert result.figures.verdict.text() == "Measured over 4 judged queries of 5."
    assert result.kept.count() == 2
    result.table.selectRow(0)
    assert result.lists.first.isVisible()
    assert not result.lists.second.isVisible()


def test_the_history_is_replayed(
    qtbot: QtBot, pane: EvaluationPane, services: Services, search: Search
) -> None:
    pane.setup.material.choose_kind(MaterialCard.PAST)
    pane.run()
    _settle(qtbot, pane)
    assert pane.setup.material.rows["past"].is_wrong
    actor = pane.session.actor
    for number, text in enumerate(("worse", "nobody judged", "worse")):
        services.metadata.store.searches.add_(
            SearchRecord(f"r{number}", actor.user_id, None, text, SearchMode.NATURAL)
        )
    pane.run()
    _settle(qtbot, pane)
    assert sorted(_texts(pane, QUERY)) == ["nobody judged", "worse"]
    assert "No query is judged" in pane.result.figures.verdict.text()
    assert "2 of 2 queries" in pane.result.figures.verdict.text()
    assert pane.result.figures.tiles[0].value.text() == "– → –"


def test_the_same_twice_is_not_measured(pane: EvaluationPane, files: tuple[Path, Path]) -> None:
    pane.setup.material.choose_files(*files)
    assert pane.run_button.isEnabled()
    pane.setup.second.form.mode.set_key("natural")
    pane.setup.second.changed.emit()
    assert not pane.run_button.isEnabled()
    assert "search alike" in pane.run_button.toolTip()


def test_places_are_part_of_the_choice(qtbot: QtBot, pane: EvaluationPane) -> None:
    pane.setup.show_connections([make_connection(1), make_connection(2)])
    form = pane.setup.first.form
    form.choose_places()
    dialog = form._asking
    assert dialog is not None
    dialog.model.choose_none()
    assert not dialog.accept_button.isEnabled()
    dialog.model._choose_connection("c2", checked=True)
    qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    _settle(qtbot, pane)
    assert form.way().configuration.connection_ids == ("c2",)
    assert form.way().name == "Natural · Library 2"
    assert pane.setup.second.form.way().configuration.connection_ids == ()


def test_dropped_files_are_told_apart(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]
) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in reversed(files)])
    what = (
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    enter = QDragEnterEvent(QPoint(10, 10), *what)
    QApplication.sendEvent(pane, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(pane, QDropEvent(QPointF(10, 10), *what))
    _settle(qtbot, pane)
    assert pane.pages.currentWidget() is pane.setup
    assert pane.setup.material.queries.path == files[0]
    assert pane.setup.material.qrels.path == files[1]


def test_exports_hold_what_is_shown(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path], tmp_path: Path
) -> None:
    _measure(qtbot, pane, files)
    pane.export_to(tmp_path / "t.csv", MeasuredFormat.CSV)
    pane.export_to(tmp_path / "t.jsonl", MeasuredFormat.JSONL)
    pane.export_to(tmp_path / "b.run", MeasuredFormat.RUN_B)
    _settle(qtbot, pane)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["text"]: row for row in csv.DictReader(file)}
    assert rows["better"]["gain"] == "0.5"
    assert rows["broken"]["b_error"] == "The server went away."
    lines = (tmp_path / "t.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0])["b"]["documents"] == ["1", "8", "9"]
    assert (tmp_path / "b.run").read_text(encoding="utf-8").startswith("1 Q0 1 1 ")
    pane.export_to(tmp_path / "none" / "t.csv", MeasuredFormat.CSV)
    _settle(qtbot, pane)
    assert "cannot be written" in pane.message.text()


def test_choices_are_remembered(qtbot: QtBot, pane: EvaluationPane) -> None:
    pane.setup.first.form.mode.set_key("boolean")
    pane.setup.material.choose_kind(MaterialCard.PAST)
    pane.shut()
    again = EvaluationPane(pane.session)
    qtbot.addWidget(again)
    assert again.setup.first.form.mode.key == "boolean"
    assert again.setup.second.form.mode.key == "semantic"
    assert again.setup.material.kind.key == MaterialCard.PAST
    again.shut()


def test_thousands_of_queries_are_laid_out_as_they_are_scrolled_to(
    qtbot: QtBot, pane: EvaluationPane, tmp_path: Path
) -> None:
    queries, qrels = tmp_path / "many.tsv", tmp_path / "few.txt"
    queries.write_text("".join(f"{number}\tquery {number}\n" for number in range(1000)))
    qrels.write_text("1 0 1 3\n")
    _measure(qtbot, pane, (queries, qrels))
    model = pane.result.model
    assert (model.count, model.rowCount()) == (1000, 200)
    pane.result.table.scrollToBottom()
    qtbot.waitUntil(lambda: model.rowCount() == 400)


# Query sets and their runs


def _import(services: Services, actor: Actor, files: tuple[Path, Path]) -> QuerySet:
    sets = services.query_sets
    made = sets.create_(actor, QuerySetDraft("Papers"))
    sets.import_(actor, made.id, read_queries(files[0]), read_judgements(files[1]))
    return made


def _reread(qtbot: QtBot, pane: EvaluationPane) -> None:
    pane.activated()
    _settle(qtbot, pane)


def test_a_query_set_is_measured_and_its_runs_are_kept(
    qtbot: QtBot, pane: EvaluationPane, services: Services, files: tuple[Path, Path]
) -> None:
    own = _import(services, pane.session.actor, files)
    _reread(qtbot, pane)
    assert pane.view.key == SETUP
    assert "5 queries, 4 of them judged" in pane.setup.material.rows["set"].note.text()
    pane.run()
    _settle(qtbot, pane)
    assert pane.result.figures.tiles[0].accessibleName().startswith("nDCG@10: A 0.875, B 0.500")
    (kept,) = services.query_sets.list_runs_(pane.session.actor, own.id)
    assert [run.ndcg for run in kept.evaluations] == [0.875, 0.5]
    pane.view.set_key(RUNS)
    pane._draw()
    assert pane.pages.currentWidget() is pane.runs
    assert [run.id for run in pane.runs.model.records] == [kept.id]
    row = [str(pane.runs.model.index(0, column).data()) for column in range(1, 5)]
    assert row == ["Natural · everything", "Semantic · everything", "0.875", "0.500"]


def test_a_run_that_is_kept_is_opened_with_its_lists(
    qtbot: QtBot, pane: EvaluationPane, services: Services, files: tuple[Path, Path]
) -> None:
    _import(services, pane.session.actor, files)
    _reread(qtbot, pane)
    pane.run()
    _settle(qtbot, pane)
    before = pane.result.measured
    assert before is not None
    pane.view.set_key(RUNS)
    pane._draw()
    pane.runs.table.setFocus()
    qtbot.keyClick(pane.runs.table, Qt.Key.Key_Return)
    _settle(qtbot, pane)
    after = pane.result.measured
    assert after is not None
    assert after is not before
    assert pane.pages.currentWidget() is pane.result
    assert [(pair.query.text, pair.gain) for pair in after.pairs] == [
        (pair.query.text, pair.gain) for pair in before.pairs
    ]
    assert after.comparison == before.comparison
    pane.result.table.selectRow(_texts(pane, QUERY).index("better"))
    assert [it.grade for it in pane.result.lists.second.model.records] == [3, None, None]


def test_a_is_measured_against_a_run_of_before(
    qtbot: QtBot,
    pane: EvaluationPane,
    services: Services,
    search: Search,
    files: tuple[Path, Path],
) -> None:
    _import(services, pane.session.actor, files)
    _reread(qtbot, pane)
    second = pane.setup.second
    second.kind.setCurrentIndex(second.kind.findData(OtherCard.KEPT))
    assert "No run" in pane.setup.missing()
    second.kind.setCurrentIndex(second.kind.findData(OtherCard.ANOTHER))
    pane.run()
    _settle(qtbot, pane)
    qtbot.mouseClick(pane.runs.compare_button, Qt.MouseButton.LeftButton)
    assert second.kind.currentData() == OtherCard.KEPT
    assert second.kept.count() == 2
    second.kept.setCurrentIndex(1)
    asked = len(search.requests)
    pane.run()
    _settle(qtbot, pane)
    assert len(search.requests) == asked + len(_QUERIES)
    assert "B is worse in 2 of 4" in pane.result.figures.verdict.text()
    assert pane.result.figures.names[1].text().startswith("Semantic · everything, ")


def _judge_anew(services: Services, actor: Actor, own: QuerySet, files: tuple[Path, Path]) -> None:
    """Of “better” the row at which natural mode begins is relevant too, and more so."""
    services.query_sets.import_(actor, own.id, read_queries(files[0]), {"1": {"9": 3, "1": 1}})


def test_a_run_of_before_is_compared_by_the_grades_of_now(
    qtbot: QtBot, pane: EvaluationPane, services: Services, files: tuple[Path, Path]
) -> None:
    own = _import(services, pane.session.actor, files)
    _reread(qtbot, pane)
    pane.run()
    _settle(qtbot, pane)
    _judge_anew(services, pane.session.actor, own, files)
    qtbot.mouseClick(pane.runs.compare_button, Qt.MouseButton.LeftButton)
    pane.run()
    _settle(qtbot, pane)
    # A finds what the run found, so that nothing has changed but the grades.
    assert "A and B are as good in each of 4" in pane.result.figures.verdict.text()
    measured = pane.result.measured
    assert measured is not None
    assert measured.second is not None
    assert measured.first.results[0].ndcg == measured.second.results[0].ndcg
    assert measured.first.ndcg == measured.second.ndcg
    assert pane.result.figures.tiles[2].accessibleName().startswith("MRR@10: A 1.000, B 1.000")
    assert pane.result.figures.tiles[2].title.text() == "MRR@10"


def test_a_run_is_opened_with_the_grades_of_now(
    qtbot: QtBot, pane: EvaluationPane, services: Services, files: tuple[Path, Path]
) -> None:
    own = _import(services, pane.session.actor, files)
    _reread(qtbot, pane)
    pane.run()
    _settle(qtbot, pane)
    _judge_anew(services, pane.session.actor, own, files)
    pane.view.set_key(RUNS)
    pane._draw()
    pane.runs.table.setFocus()
    qtbot.keyClick(pane.runs.table, Qt.Key.Key_Return)
    _settle(qtbot, pane)
    opened = pane.result.measured
    assert opened is not None
    assert opened.second is not None
    # 9, 8, 1 with the grades 3, none, 1; and 1, 8, 9.
    ideal = 7 + 1 / math.log2(3)
    better = next(pair for pair in opened.pairs if pair.query.text == "better")
    assert better.second is not None
    assert better.first.ndcg == pytest.approx((7 + 1 / 2) / ideal)
    assert better.second.ndcg == pytest.approx((1 + 7 / 2) / ideal)
    assert opened.comparison is not None
    assert (opened.comparison.wins, opened.comparison.losses) == (0, 3)
    assert pane.result.figures.tiles[2].accessibleName().startswith("MRR@10: ")


def test_a_is_not_ahead_of_a_kept_run_by_what_stands_below_its_ten(
    qtbot: QtBot,
    pane: EvaluationPane,
    services: Services,
    files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deep = {SearchMode.NATURAL: [*range(11, 22), 1], SearchMode.SEMANTIC: [1]}
    monkeypatch.setitem(_FOUND, "better", deep)
    _import(services, pane.session.actor, files)
    _reread(qtbot, pane)
    second = pane.setup.second
    pane.run()
    _settle(qtbot, pane)
    assert pane.result.figures.tiles[2].accessibleName().startswith("MRR: A 0.771")
    qtbot.mouseClick(pane.runs.compare_button, Qt.MouseButton.LeftButton)
    second.kept.setCurrentIndex(0)
    pane.run()
    _settle(qtbot, pane)
    tile = pane.result.figures.tiles[2].accessibleName()
    assert tile == "MRR@10: A 0.750, B 0.750 = alike"
    # What is kept of the new run is what was measured, not what could be compared.
    (newest, _) = services.query_sets.list_runs_(pane.session.actor, pane.setup.material.set_id)
    assert newest.evaluations[0].reciprocal_rank == pytest.approx(0.75 + 1 / 48)


def test_a_run_is_deleted_once_that_was_confirmed(
    qtbot: QtBot,
    pane: EvaluationPane,
    services: Services,
    files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = _import(services, pane.session.actor, files)
    _reread(qtbot, pane)
    pane.run()
    _settle(qtbot, pane)
    answers = [False, True]
    monkeypatch.setattr(
        "altus4_desktop.ui.panes.evaluation.pane.confirm", lambda *_, **__: answers.pop(0)
    )
    for left in (1, 0):
        qtbot.mouseClick(pane.runs.delete_button, Qt.MouseButton.LeftButton)
        _settle(qtbot, pane)
        assert len(services.query_sets.list_runs_(pane.session.actor, own.id)) == left
        assert pane.runs.model.rowCount() == left
    assert not answers


def test_a_run_that_cannot_be_kept_is_shown_and_told_of(
    qtbot: QtBot,
    pane: EvaluationPane,
    services: Services,
    files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _import(services, pane.session.actor, files)
    _reread(qtbot, pane)
    monkeypatch.setattr("altus4_desktop.services.query_sets.MOST_RUNS", 0)
    pane.run()
    _settle(qtbot, pane)
    assert pane.pages.currentWidget() is pane.result
    assert pane.message.isVisible()


def test_language_synonyms_and_weights_are_part_of_a_way(
    qtbot: QtBot, pane: EvaluationPane, search: Search, files: tuple[Path, Path]
) -> None:
    form = pane.setup.first.form
    assert not form.synonyms.isEnabled()
    choices = Preferences(synonyms=(("car", "auto"),), weights=(SourceWeight("c1", weight=2.0),))
    pane.session.set_actor(replace(pane.session.actor, choices=choices))
    _reread(qtbot, pane)
    assert form.synonyms.isEnabled()
    assert not form.language.isVisibleTo(form)
    for box in (form.synonyms, form.weights):
        box.click()
    other = pane.setup.second.form
    assert other.language.isVisibleTo(other)
    other.language.setCurrentIndex(other.language.findData("de"))
    _measure(qtbot, pane, files)
    for request in search.requests:
        natural = request.mode is SearchMode.NATURAL
        assert request.synonyms == (choices.synonyms if natural else ())
        assert request.weights == (choices.weights if natural else ())
        assert request.language == ("" if natural else "de")
    assert pane.result.figures.names[0].text() == "Natural · everything · synonyms · weights"
    assert pane.result.figures.names[1].text() == "Semantic · everything · German"


def test_one_index_of_one_table_may_be_asked(qtbot: QtBot, pane: EvaluationPane) -> None:
    two = replace(
        make_table("papers"),
        fulltext_indexes=(
            FulltextIndex("ft_title", ("title",), 10),
            FulltextIndex("ft_body", ("body",), 10),
        ),
    )
    form = pane.setup.first.form
    form.show_connections([make_connection(1), make_connection(2)])
    form._schemas["c2"] = make_schema(two, make_table("notes"))
    assert not form.index.isVisibleTo(form)
    form._scope = Scope(frozenset({"c1"}), {"c2": frozenset({"papers"})})
    form._take_choice()
    assert form.index.isVisibleTo(form)
    assert form.way().configuration.tables == (TableChoice("papers", "c2"),)
    form.index.setCurrentIndex(form.index.findData("ft_body"))
    assert form.way().configuration.tables == (TableChoice("papers", "c2", "ft_body"),)
    assert form.way().name == "Natural · Library 2 / papers, ft_body"
    form._scope = Scope()
    form._take_choice()
    assert form.way().configuration.tables == ()


def test_without_a_connection_it_says_what_is_missing(
    qtbot: QtBot, pane: EvaluationPane, services: Services, files: tuple[Path, Path]
) -> None:
    real = EvaluationService(services.search, services.keys, Permissions(services.metadata))
    pane.session.services = replace(services, evaluation=real)
    pane.setup.material.choose_files(*files)
    pane.run()
    _settle(qtbot, pane)
    assert pane.pages.currentWidget() is pane._failed
    assert "no connection to search" in pane._failed._title.text()


def test_how_the_room_is_shared_is_remembered(
    qtbot: QtBot, pane: EvaluationPane, files: tuple[Path, Path]
) -> None:
    pane.resize(1100, 900)
    _measure(qtbot, pane, files)
    measured = pane.result.measured
    assert measured is not None
    pane.result.table.selectRow(0)
    before = pane.result._split.sizes()
    pane.result._split.moveSplitter(before[0] + 90, 1)
    moved = pane.result._split.sizes()
    assert moved[0] >= before[0] + 60
    pane.shut()
    again = EvaluationPane(pane.session)
    qtbot.addWidget(again)
    again.resize(1100, 900)
    again.show()
    again._show_run(measured)
    again.result.table.selectRow(0)

    def share(sizes: list[int]) -> float:
        return sizes[0] / sum(sizes)

    assert share(moved) - share(before) > 0.1
    qtbot.waitUntil(lambda: abs(share(again.result._split.sizes()) - share(moved)) < 0.02)
    again.shut()
