"""What a run came to: figures, the table of queries, both lists of the chosen one."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.query_pairs import QueryPair
from altus4_desktop.ui.panes.evaluation.figures import FigureCard
from altus4_desktop.ui.panes.evaluation.lists import ListsPanel
from altus4_desktop.ui.panes.evaluation.measuring import Measured
from altus4_desktop.ui.panes.evaluation.pairs import Kept, PairModel, PairTable, count_kept
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, EmptyState, SearchField

_SIDE_BY_SIDE = 1240
_LOW = 560
_SPLITS = {Qt.Orientation.Horizontal: "beside", Qt.Orientation.Vertical: "below"}


class ResultPage(QWidget):
    """``open_wanted`` carries the pair and the side ("a", "b", "" for whichever can be) that it is
    to be searched with; ``export_wanted``: into a file."""

    open_wanted = Signal(object, str)
    export_wanted = Signal()

    def __init__(self, memory: PaneMemory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._memory = memory
        self._measured: Measured | None = None
        self._was_shown = False
        self.figures = FigureCard()
        self.kept = QComboBox()
        self.kept.setObjectName("evaluation.kept")
        self.kept.setAccessibleName(self.tr("Which queries are shown"))
        self.kept.setMinimumWidth(150)
        self.filter = SearchField(self.tr("Filter queries"), name="evaluation.filter")
        self.filter.setMaximumWidth(280)
        self.export_button = Button(
            self.tr("Export…"), icon_name="download", name="evaluation.export"
        )
        self.export_button.clicked.connect(self.export_wanted)
        self.model = PairModel(self)
        self.table = PairTable(self.model)
        self.lists = ListsPanel()
        self.lists.hide()
        self._nothing = EmptyState("filter", self.tr("No query fits"))
        self._tables = QStackedWidget()
        self._tables.addWidget(self.table)
        self._tables.addWidget(self._nothing)
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(Space.M)
        self._split.addWidget(self._tables)
        self._split.addWidget(self.lists)
        self._bar = QWidget()
        row = QHBoxLayout(self._bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.kept)
        row.addWidget(self.filter, 1)
        row.addStretch(1)
        row.addWidget(self.export_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addWidget(self.figures)
        column.addWidget(self._bar)
        column.addWidget(self._split, 1)
        self.kept.currentIndexChanged.connect(self._narrow)
        self.filter.textChanged.connect(self._narrow)
        self.filter.left_downwards.connect(self.table.setFocus)
        self._split.splitterMoved.connect(self._keep_split)
        self.table.opened.connect(self._open)
        self.table.selectionModel().selectionChanged.connect(self._follow_selection)
        self.model.modelReset.connect(self._draw)
        self.lists.closed.connect(self._close_lists)
        self.lists.opened.connect(self._open_side)

    @property
    def measured(self) -> Measured | None:
        """What is shown."""
        return self._measured

    def show_measured(self, measured: Measured) -> None:
        """Show another run; what was filtered by stays."""
        self._measured = measured
        self.figures.show_measured(measured)
        counts = count_kept(measured.pairs)
        chosen = self.kept.currentData()
        self.kept.blockSignals(True)
        self.kept.clear()
        compared = measured.second is not None
        for kept, text in (
            (Kept.ALL, self.tr("All queries")),
            (Kept.CHANGED, self.tr("Changed")),
            (Kept.WORSE, self.tr("Worse")),
            (Kept.FAILED, self.tr("Failed")),
        ):
            if compared or kept in {Kept.ALL, Kept.FAILED}:
                self.kept.addItem(f"{text} ({counts[kept]:,})", kept)
        self.kept.setCurrentIndex(max(self.kept.findData(chosen), 0))
        self.kept.blockSignals(False)
        self.table.show_second(shown=compared)
        self.model.show_pairs(measured.pairs)
        self._narrow()

    def current(self) -> QueryPair | None:
        """The query that is chosen."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.record_at(rows[0].row()) if rows else None

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange both parts anew."""
        super().resizeEvent(event)
        self._arrange()

    def focus_first(self) -> None:
        """The table, with its first query chosen."""
        if self.lists.isVisibleTo(self) and not self._tables.isVisibleTo(self):
            self.lists.first.table.setFocus()
            return
        self.table.setFocus()

    @Slot()
    def _narrow(self) -> None:
        kept = self.kept.currentData()
        if kept is not None:
            self.model.keep(Kept(kept), self.filter.text())

    @Slot()
    def _draw(self) -> None:
        any_fits = self.model.count > 0
        if not any_fits:
            text = {
                Kept.CHANGED: self.tr("A and B are as good in every query."),
                Kept.WORSE: self.tr("B is worse in no query."),
                Kept.FAILED: self.tr("Every query was answered."),
            }.get(Kept(self.kept.currentData() or Kept.ALL), "")
            if self.filter.text():
                text = self.tr("Try fewer or other letters.")
            self._nothing.set("filter", self.tr("No query fits"), text)
        self._tables.setCurrentWidget(self.table if any_fits else self._nothing)
        self._follow_selection()

    @Slot(QItemSelection)
    def _follow_selection(self, _: object = None) -> None:
        pair = self.current()
        if pair is not None and self._measured is not None:
            self.lists.show_pair(pair, self._measured)
        self.lists.setVisible(pair is not None)
        self._arrange()
        if pair is not None:
            self.table.scrollTo(self.table.currentIndex())

    def _arrange(self) -> None:
        """Beside each other, one above the other, or only one of both."""
        wide = self.width() >= _SIDE_BY_SIDE
        shown = self.lists.isVisibleTo(self)
        low = not wide and self.height() < _LOW
        way = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if shown and (way is not self._split.orientation() or not self._was_shown):
            if not self._split.restoreState(self._memory.layout(_SPLITS[way])):
                self._split.setSizes([11, 10] if wide else [1, 1])
            self._split.setOrientation(way)
        self._was_shown = shown
        for part in (self._tables, self._bar, self.figures):
            part.setHidden(low and shown)

    @Slot()
    def _keep_split(self) -> None:
        self._memory.keep_layout(_SPLITS[self._split.orientation()], self._split.saveState())

    @Slot()
    def _close_lists(self) -> None:
        self.table.clearSelection()
        self.table.setFocus()

    @Slot()
    def _open(self) -> None:
        self._open_side("")

    @Slot(str)
    def _open_side(self, side: str) -> None:
        pair = self.current()
        if pair is not None:
            self.open_wanted.emit(pair, side)
