"""The list of connections and the tree of a schema, by keyboard and mouse."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QTreeView, QWidget

from altus4_desktop.ui.panes.connections.delegates import ConnectionDelegate


class SchemaTree(QTreeView):
    """Shares its width among the columns until somebody arranges them."""

    # Numbers and days take what they need, names and definitions share the rest.
    _SHARES: ClassVar = (54, 46)
    _ROWS, _ROWS_WIDTH = 2, 92
    _ANALYSED, _ANALYSED_WIDTH, _ANALYSED_FROM = 3, 104, 440

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.keeps_columns = False
        self._is_sharing = False
        header = self.header()
        header.setStretchLastSection(True)
        header.setMinimumSectionSize(56)
        header.sectionResized.connect(self._note_arranged)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the new width."""
        super().resizeEvent(event)
        self.share_width()

    def share_width(self) -> None:
        """Give every column its part, unless somebody has arranged them."""
        if self.model() is None:
            return
        room = self.viewport().width()
        self._is_sharing = True
        self.setColumnHidden(self._ANALYSED, room < self._ANALYSED_FROM)
        if not self.keeps_columns:
            hidden = self.isColumnHidden(self._ANALYSED)
            room -= self._ROWS_WIDTH + (0 if hidden else self._ANALYSED_WIDTH)
            self.setColumnWidth(self._ROWS, self._ROWS_WIDTH)
            for column, share in enumerate(self._SHARES):
                self.setColumnWidth(column, room * share // 100)
        self._is_sharing = False

    @Slot(int)
    def _note_arranged(self, column: int) -> None:
        # The last column takes what is left, whoever arranged the others.
        last = self._ROWS if self.isColumnHidden(self._ANALYSED) else self._ANALYSED
        if not self._is_sharing and column < last and self.isVisible():
            self.keeps_columns = True


class ConnectionList(QListView):
    """Connections by keyboard and mouse: Enter edits, Del removes."""

    opened = Signal()
    removal_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("connections.list")
        self.setAccessibleName(self.tr("Connections"))
        self.setItemDelegate(ConnectionDelegate(self))
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setMouseTracking(True)
        self.doubleClicked.connect(self._open)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys of the list; the rest is the view's."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.removal_wanted.emit()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _open(self) -> None:
        self.opened.emit()
