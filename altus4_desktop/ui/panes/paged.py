"""Tables of what a store gives page by page, read as they are scrolled."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from PySide6.QtCore import QModelIndex, QObject, Qt, Signal

from altus4_desktop.ui.models.records import AnyIndex, Column, R, RecordModel
from altus4_desktop.ui.panes.painting import plain_tool_tip


class PagedModel(RecordModel[R]):
    """Records in the order in which the store gives them; ``more_wanted`` asks for the page after
    the last one.

    The tool tip of a cell is its text, which may be cut, unless its column has another one.
    """

    more_wanted = Signal()

    def __init__(self, columns: Sequence[Column[R]], parent: QObject | None = None) -> None:
        super().__init__(columns, parent)
        self._has_more = False

    def record_at(self, row: int) -> R | None:
        """The record in a row."""
        return self._records[row] if 0 <= row < len(self._records) else None

    def canFetchMore(self, parent: AnyIndex) -> bool:
        """Whether there is another page."""
        return not parent.isValid() and self._has_more

    def fetchMore(self, parent: AnyIndex) -> None:
        """Ask for it; nothing is asked for again until it is there."""
        if self.canFetchMore(parent):
            self._has_more = False
            self.more_wanted.emit()

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The tool tip as it is, even with tags in it."""
        if role == Qt.ItemDataRole.ToolTipRole and index.isValid():
            column = self._columns[index.column()]
            return plain_tool_tip((column.tool_tip or column.display)(self._records[index.row()]))
        return super().data(index, role)

    def _begin(self, records: Sequence[R], *, has_more: bool) -> None:
        """Show these instead of what is shown."""
        self._has_more = has_more
        self.beginResetModel()
        self._records = list(records)
        self.endResetModel()

    def _append(self, records: Sequence[R], *, has_more: bool) -> None:
        """Put these below the last one."""
        self._has_more = has_more
        if records:
            first = len(self._records)
            self.beginInsertRows(QModelIndex(), first, first + len(records) - 1)
            self._records += records
            self.endInsertRows()

    def _find_row(self, fits: Callable[[R], bool]) -> int:
        """The first row of which it is true; -1 when none has been read."""
        return next((row for row, record in enumerate(self._records) if fits(record)), -1)


class KeyedModel(PagedModel[R]):
    """Records that are known again by a key when the same question is asked again."""

    def key_of(self, record: R) -> Hashable:
        """What tells a record from all others, also when it is read again."""
        raise NotImplementedError

    def row_of(self, key: Hashable) -> int:
        """Where the record with this key is; -1 when it has not been read."""
        return self._find_row(lambda record: self.key_of(record) == key)

    def show_first(self, records: Sequence[R], *, has_more: bool, same_question: bool) -> bool:
        """Begin anew with these. To the ``same_question`` nothing moves when they are those that
        the list begins with, or begin like it, and false is returned where what was read after
        them is still right."""
        known = self._records[: len(records)]
        alike = records[: len(known)]
        if (
            not same_question
            or not known
            or (not has_more and len(records) < len(self._records))
            or [self.key_of(one) for one in alike] != [self.key_of(one) for one in known]
        ):
            self._begin(records, has_more=has_more)
            return True
        if len(records) >= len(self._records):
            self._has_more = has_more
        self._records[: len(known)] = alike
        self.tick()
        self._append(records[len(known) :], has_more=self._has_more)
        return len(records) > len(known)

    def add_page(self, records: Sequence[R], *, has_more: bool) -> None:
        """Put these below the last one."""
        self._append(records, has_more=has_more)

    def tick(self) -> None:
        """What is said of the records may have become something else."""
        if self._records:
            last = self.index(self.rowCount() - 1, self.columnCount() - 1)
            self.dataChanged.emit(self.index(0, 0), last)
