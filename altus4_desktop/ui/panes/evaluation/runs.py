"""The runs of a query set that are kept, newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QItemSelection, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QStackedWidget, QVBoxLayout, QWidget

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.evaluation import Evaluation
from altus4_desktop.domain.query_sets import EvaluationRun
from altus4_desktop.ui.models.records import Column, RecordModel
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.evaluation.wording import measure_text, run_name, share_text
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.tables import PlainTable
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import ago, full
from altus4_desktop.ui.widgets import Button, EmptyState

_WHEN, _FIRST, _SECOND, _A, _B, _EMPTY = range(6)
_EMPTY_FROM = 760


class RunTable(PlainTable):
    """Enter opens a run, Delete deletes it."""

    opened = Signal()
    deleted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Delete act on the current run."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.deleted.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for what was measured."""
        super().resizeEvent(event)
        self.setColumnHidden(_EMPTY, event.size().width() < _EMPTY_FROM)


class RunsPage(QWidget):
    """``open_wanted`` and ``delete_wanted`` carry the run, ``compare_wanted`` the run to measure
    against."""

    open_wanted = Signal(object)
    compare_wanted = Signal(object)
    delete_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._connections: tuple[Connection, ...] = ()
        self.title = ElidedLabel("", "strong")
        self.delete_button = Button(
            self.tr("Delete"), icon_name="trash", name="evaluation.runs.delete"
        )
        self.compare_button = Button(
            self.tr("Measure against"), icon_name="activity", name="evaluation.runs.compare"
        )
        self.compare_button.setToolTip(self.tr("Compare what A finds now with this run"))
        self.open_button = Button(self.tr("Open"), icon_name="chart", name="evaluation.runs.open")
        self.open_button.setToolTip(
            self.tr("Measure what it found by the grades that the set has now")
        )
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(self.title, 1)
        for button in (self.delete_button, self.compare_button, self.open_button):
            row.addWidget(button)
        self.model: RecordModel[EvaluationRun] = RecordModel(self._list_columns(), self)
        self.table = RunTable(
            self.model,
            {_WHEN: 130, _A: 80, _B: 80, _EMPTY: 120},
            _FIRST,
            name="evaluation.runs.table",
            label=self.tr("Runs that are kept"),
        )
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(_SECOND, QHeaderView.ResizeMode.Stretch)
        self._none = EmptyState(
            "history",
            self.tr("No run is kept"),
            self.tr("Each time a query set is measured, what came of it is kept here."),
        )
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self._none)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addLayout(row)
        column.addWidget(self._pages, 1)
        self.open_button.clicked.connect(self._open)
        self.compare_button.clicked.connect(self._compare)
        self.delete_button.clicked.connect(self._delete)
        self.table.opened.connect(self._open)
        self.table.doubleClicked.connect(self._open)
        self.table.deleted.connect(self._delete)
        self.table.selectionModel().selectionChanged.connect(self._allow)
        self.show_runs("", (), ())

    def show_runs(
        self, name: str, runs: Sequence[EvaluationRun], connections: Sequence[Connection]
    ) -> None:
        """Show the runs of the set called ``name``."""
        self._connections = tuple(connections)
        self.title.setText(name)
        self.model.set_records(runs)
        self._pages.setCurrentWidget(self.table if runs else self._none)
        if runs and not self.table.selectionModel().hasSelection():
            self.table.selectRow(0)
        self._allow()

    def current(self) -> EvaluationRun | None:
        """The run that is chosen."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.records[rows[0].row()] if rows else None

    def _list_columns(self) -> list[Column[EvaluationRun]]:
        def of(place: int, text: Callable[[Evaluation], str]) -> Callable[[EvaluationRun], str]:
            return lambda run: text(run.evaluations[place]) if len(run.evaluations) > place else ""

        def name(evaluation: Evaluation) -> str:
            return run_name(evaluation, self._connections)

        def tip(run: EvaluationRun) -> str:
            return plain_tool_tip("\n".join(map(name, run.evaluations)))

        def ndcg(evaluation: Evaluation) -> str:
            return measure_text(evaluation.ndcg)

        def empty(evaluation: Evaluation) -> str:
            return share_text(evaluation.zero_results)

        return [
            Column(
                self.tr("When"),
                lambda run: ago(run.created_at),
                tool_tip=lambda run: full(run.created_at),
            ),
            Column(self.tr("A"), of(0, name), tool_tip=tip),
            Column(self.tr("B"), of(1, name), tool_tip=tip),
            Column(self.tr("nDCG A"), of(0, ndcg), is_number=True),
            Column(self.tr("nDCG B"), of(1, ndcg), is_number=True),
            Column(self.tr("Without result"), of(0, empty), is_number=True),
        ]

    @Slot(QItemSelection)
    def _allow(self, _: object = None) -> None:
        for button in (self.open_button, self.compare_button, self.delete_button):
            button.setEnabled(self.current() is not None)

    @Slot()
    def _open(self) -> None:
        run = self.current()
        if run is not None:
            self.open_wanted.emit(run)

    @Slot()
    def _compare(self) -> None:
        run = self.current()
        if run is not None:
            self.compare_wanted.emit(run)

    @Slot()
    def _delete(self) -> None:
        run = self.current()
        if run is not None:
            self.delete_wanted.emit(run)
