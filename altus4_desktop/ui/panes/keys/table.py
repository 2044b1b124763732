"""The list of keys: as many columns as fit, sorted by their headers, by keyboard and mouse."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFontDatabase, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from altus4_desktop.domain.keys import KeySort
from altus4_desktop.ui.models.records import AnyIndex
from altus4_desktop.ui.panes.keys.model import (
    ENVIRONMENT,
    EXPIRES,
    LAST_USED,
    OWNER,
    PERMISSIONS,
    PREFIX,
    SORTS,
    STATE,
    TIER,
    USES,
    KeysModel,
)
from altus4_desktop.ui.panes.tables import show_whole_rows

_COLUMN_OF = {sort: column for column, sort in SORTS.items()}
_WIDTHS = {
    STATE: 112,
    PREFIX: 204,
    ENVIRONMENT: 116,
    PERMISSIONS: 152,
    TIER: 104,
    EXPIRES: 108,
    LAST_USED: 176,
    USES: 72,
}
# From which width on a column is shown; the others always are.
_FROM = {
    USES: 520,
    LAST_USED: 620,
    TIER: 740,
    PREFIX: 880,
    PERMISSIONS: 1060,
    ENVIRONMENT: 1220,
}
_FROM_WITH_OWNER = {
    OWNER: 460,
    USES: 660,
    LAST_USED: 820,
    TIER: 1000,
    PREFIX: 1200,
    PERMISSIONS: 1360,
    ENVIRONMENT: 1480,
}


class PrefixDelegate(QStyledItemDelegate):
    """The beginnings of all keys are the same: what is cut off is cut off there."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideLeft
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(12)
        option.font = font


class KeysTable(QTableView):
    """Enter opens what can be changed of a key, Del revokes what is selected, Escape selects
    nothing."""

    sort_wanted = Signal()
    edit_wanted = Signal()
    revocation_wanted = Signal()

    def __init__(
        self, model: KeysModel, *, with_owner: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._keys = model
        self._from = _FROM_WITH_OWNER if with_owner else _FROM
        self.setObjectName("keys.table")
        self.setAccessibleName(self.tr("API keys"))
        self.setModel(model)
        self.setColumnHidden(OWNER, not with_owner)
        self.setItemDelegateForColumn(PREFIX, PrefixDelegate(self))
        show_whole_rows(self)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMinimumSize(240, 96)
        header = self.horizontalHeader()
        header.setSectionsClickable(True)
        header.setMinimumSectionSize(48)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column, width in _WIDTHS.items():
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            header.resizeSection(column, width)
        header.setSortIndicator(EXPIRES, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorShown(True)
        self._sorted = (EXPIRES, Qt.SortOrder.AscendingOrder)
        header.sortIndicatorChanged.connect(self._take_sort)
        self.doubleClicked.connect(self._open)

    @property
    def sort(self) -> KeySort:
        """What the list is ordered by."""
        return SORTS[self._sorted[0]]

    @property
    def descending(self) -> bool:
        """Whether the last comes first."""
        return self._sorted[1] is Qt.SortOrder.DescendingOrder

    def sort_by(self, sort: KeySort) -> None:
        """Order by this, or turn that order round."""
        column, order = _COLUMN_OF[sort], Qt.SortOrder.AscendingOrder
        if column == self._sorted[0] and not self.descending:
            order = Qt.SortOrder.DescendingOrder
        self.horizontalHeader().setSortIndicator(column, order)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what can be read beside the list."""
        super().resizeEvent(event)
        for column, least in self._from.items():
            self.setColumnHidden(column, event.size().width() < least)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys of the list; the rest is the view's."""
        has_selection = self.selectionModel().hasSelection()
        if event.key() == Qt.Key.Key_Escape and has_selection:
            self.clearSelection()
        elif event.key() == Qt.Key.Key_Delete and has_selection:
            self.revocation_wanted.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and has_selection:
            self.edit_wanted.emit()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _open(self) -> None:
        self.edit_wanted.emit()

    @Slot(int, Qt.SortOrder)
    def _take_sort(self, column: int, order: Qt.SortOrder) -> None:
        if column not in SORTS:
            self.horizontalHeader().setSortIndicator(*self._sorted)
        elif (column, order) != self._sorted:
            self._sorted = (column, order)
            self.sort_wanted.emit()
