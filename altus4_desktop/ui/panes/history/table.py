"""The list of past searches: as many columns as leave room for the queries, and its keys."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from altus4_desktop.ui.panes.history.model import (
    HITS,
    MODE,
    QUERY,
    TOOK,
    WHEN,
    WHERE,
    WHO,
    HistoryModel,
)
from altus4_desktop.ui.panes.tables import show_whole_rows

# What a query keeps, and the columns beside it as there is room for them.
_QUERY_WIDTH = 220
_WIDTHS = {WHEN: 130, HITS: 70, WHERE: 170, WHO: 170, TOOK: 90, MODE: 90}


class HistoryTable(QTableView):
    """Enter and a double click choose the current row, Space shows it in full, or no longer."""

    deletion_wanted = Signal()
    detail_wanted = Signal()

    def __init__(self, model: HistoryModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._has_people = False
        self.setObjectName("history.table")
        self.setAccessibleName(self.tr("Past searches"))
        self.setModel(model)
        show_whole_rows(self)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        header = self.horizontalHeader()
        header.setSectionsClickable(False)
        header.setSectionResizeMode(QUERY, QHeaderView.ResizeMode.Stretch)
        for column, width in _WIDTHS.items():
            header.resizeSection(column, width)

    def choose_columns(self, *, has_people: bool) -> None:
        """Show people if there is anybody to tell apart; the queries themselves keep room."""
        self._has_people = has_people
        self._choose_columns()

    def _choose_columns(self) -> None:
        room = self.viewport().width() - _QUERY_WIDTH
        for column, width in _WIDTHS.items():
            is_known = column != WHO or self._has_people
            if is_known:
                room -= width
            self.setColumnHidden(column, room < 0 or not is_known)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other columns have room now."""
        super().resizeEvent(event)
        self._choose_columns()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter activates, Delete wants the selected rows gone."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit(self.currentIndex())
        elif event.key() == Qt.Key.Key_Delete:
            self.deletion_wanted.emit()
        elif event.key() == Qt.Key.Key_Space:
            self.detail_wanted.emit()
        else:
            super().keyPressEvent(event)
