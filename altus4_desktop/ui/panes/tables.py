"""Tables of whole rows to read, in which one column says by an icon and a word how things are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.models.records import AnyIndex, Column, R, RecordModel

_ROW_HEIGHT = 34
# The name of an icon and the role of its colour.
Mark = tuple[str, str]


class MarkedModel(RecordModel[R]):
    """Records whose ``marked`` column has an icon beside its words."""

    def __init__(
        self,
        columns: Sequence[Column[R]],
        marked: int,
        mark: Callable[[R], Mark],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(columns, parent)
        self._marked = marked
        self._mark = mark

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The icon too."""
        if role == Qt.ItemDataRole.DecorationRole:
            if index.isValid() and index.column() == self._marked:
                return icon(*self._mark(self.records[index.row()]))
            return None
        return super().data(index, role)


def show_whole_rows(table: QTableView, *, row_height: int = _ROW_HEIGHT) -> None:
    """Let ``table`` be read row by row: one is chosen at a time, Tab leaves it, nothing wraps."""
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(row_height)
    table.horizontalHeader().setHighlightSections(False)


class PlainTable(QTableView):
    """A table of whole rows to read; ``stretched`` is the column that takes what room is left."""

    def __init__(
        self,
        model: RecordModel[R],
        widths: dict[int, int],
        stretched: int,
        *,
        name: str,
        label: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(label)
        self.setModel(model)
        show_whole_rows(self)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(48)
        header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
        for column, width in widths.items():
            header.resizeSection(column, width)
