"""A table of frozen records whose columns are declared objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)

RECORD_ROLE = int(Qt.ItemDataRole.UserRole)
SORT_ROLE = RECORD_ROLE + 1

R = TypeVar("R")
Sortable = str | int | float
AnyIndex = QModelIndex | QPersistentModelIndex

_LEFT = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
_RIGHT = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)


@dataclass(frozen=True)
class Column(Generic[R]):
    """What a column is called and what it makes of a record; ``sort_by`` None sorts the text."""

    title: str
    display: Callable[[R], str]
    sort_by: Callable[[R], Sortable] | None = None
    is_number: bool = False
    tool_tip: Callable[[R], str] | None = None


class RecordModel(QAbstractTableModel, Generic[R]):
    """`RECORD_ROLE` gives the record of any cell, `SORT_ROLE` the column's sort value."""

    def __init__(self, columns: Sequence[Column[R]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns = tuple(columns)
        self._records: list[R] = []

    @property
    def records(self) -> tuple[R, ...]:
        """What is shown, in the model's own order."""
        return tuple(self._records)

    def set_records(self, records: Sequence[R]) -> None:
        """Show these; nothing moves when they are what is shown already."""
        if list(records) == self._records:
            return
        self.beginResetModel()
        self._records = list(records)
        self.endResetModel()

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        """One row a record."""
        return 0 if parent is not None and parent.isValid() else len(self._records)

    def columnCount(self, parent: AnyIndex | None = None) -> int:
        """The declared columns."""
        return 0 if parent is not None and parent.isValid() else len(self._columns)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """The columns' titles, over their values."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self._columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section].title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if self._columns[section].is_number else _LEFT
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Text, alignment, sort value, record, and what a screen reader says."""
        if not index.isValid():
            return None
        record = self._records[index.row()]
        column = self._columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.display(record)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column.is_number else _LEFT
        if role == Qt.ItemDataRole.ToolTipRole and column.tool_tip is not None:
            return column.tool_tip(record)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{column.title}: {column.display(record)}"
        if role == SORT_ROLE:
            return column.sort_by(record) if column.sort_by else column.display(record).casefold()
        if role == RECORD_ROLE:
            return record
        return None


class RecordProxy(QSortFilterProxyModel):
    """Sorts by `SORT_ROLE` and keeps the rows that contain every typed word somewhere."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)
        self._words: list[str] = []

    def set_filter(self, text: str) -> None:
        """Keep the rows with these words."""
        self._words = text.casefold().split()
        # Setting any pattern makes the proxy ask again; the ways to say so differ between releases.
        self.setFilterFixedString(text)

    def filterAcceptsRow(self, row: int, parent: AnyIndex) -> bool:
        """Whether every word is in some cell of the row."""
        if not self._words:
            return True
        model = self.sourceModel()
        text = " ".join(
            str(model.index(row, column, parent).data() or "")
            for column in range(model.columnCount(parent))
        ).casefold()
        return all(word in text for word in self._words)
