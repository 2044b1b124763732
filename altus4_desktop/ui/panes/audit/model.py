"""The table of audit records, read page by page as it is scrolled."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QIcon

from altus4_desktop.domain.audit import AuditFault, AuditOutcome, AuditRecord, FaultKind
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.audit.wording import (
    Change,
    action_words,
    fault_mark,
    fault_words,
    outcome_look,
    outcome_words,
    person_words,
    subject_words,
)
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.times import ago, exact

AnyIndex = QModelIndex | QPersistentModelIndex

WHEN, WHO, WHAT, SUBJECT, OUTCOME, ORIGIN = range(6)


class AuditModel(QAbstractTableModel):
    """Records, newest first; ``more_wanted`` asks for the page after the last one."""

    more_wanted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._titles = (
            self.tr("When"),
            self.tr("Who"),
            self.tr("What"),
            self.tr("Subject"),
            self.tr("Outcome"),
            self.tr("From"),
        )
        self._records: list[AuditRecord] = []
        self._has_more = False
        self._faults: tuple[AuditFault, ...] = ()

    def mark_faults(self, faults: Sequence[AuditFault]) -> None:
        """Mark the records that verifying found something wrong with."""
        if tuple(faults) != self._faults:
            self._faults = tuple(faults)
            last = self.index(len(self._records) - 1, WHAT)
            self.dataChanged.emit(self.index(0, WHAT), last)

    @property
    def records(self) -> tuple[AuditRecord, ...]:
        """What has been read so far."""
        return tuple(self._records)

    def show_first(
        self, records: Sequence[AuditRecord], *, has_more: bool, same_question: bool
    ) -> bool:
        """Begin anew with these; to the ``same_question`` nothing moves when nothing is new, and
        false is returned."""
        known = self._records[: len(records)]
        if same_question and records and list(records) == known:
            # The log is only added to: what was read after the first page is still right.
            self._has_more = self._has_more or (has_more and len(self._records) == len(records))
            return False
        self._has_more = has_more
        self.beginResetModel()
        self._records = list(records)
        self.endResetModel()
        return True

    def add_page(self, records: Sequence[AuditRecord], *, has_more: bool) -> None:
        """Put these below the last one."""
        self._has_more = has_more
        if records:
            first = len(self._records)
            self.beginInsertRows(QModelIndex(), first, first + len(records) - 1)
            self._records += records
            self.endInsertRows()

    def record_at(self, row: int) -> AuditRecord | None:
        """The record in a row."""
        return self._records[row] if 0 <= row < len(self._records) else None

    def row_of(self, sequence: int) -> int:
        """Where a record is; -1 when it has not been read."""
        for row, record in enumerate(self._records):
            if record.sequence == sequence:
                return row
        return -1

    def canFetchMore(self, parent: AnyIndex) -> bool:
        """Whether there is another page."""
        return not parent.isValid() and self._has_more

    def fetchMore(self, parent: AnyIndex) -> None:
        """Ask for it; it comes by `add_page`."""
        if self.canFetchMore(parent):
            self._has_more = False
            self.more_wanted.emit()

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        """One row a record."""
        return 0 if parent is not None and parent.isValid() else len(self._records)

    def columnCount(self, parent: AnyIndex | None = None) -> int:
        """When, who, what, to whom, how it ended, from where."""
        return 0 if parent is not None and parent.isValid() else len(self._titles)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """The columns' titles."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        return self._titles[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Text, picture, tool tip, and what a screen reader says."""
        if not index.isValid():
            return None
        record = self._records[index.row()]
        column = index.column()
        fault = self._fault(record) if column == WHAT else None
        shown = _text(record, column)
        if fault is not None:
            shown = f"{fault_mark(fault)}: {shown}"
        if role == Qt.ItemDataRole.DisplayRole:
            return shown
        if role == Qt.ItemDataRole.ToolTipRole:
            text = ago(record.event.at) if column == WHEN else shown
            return plain_tool_tip(fault_words(fault) if fault is not None else text)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            text = f"{self._titles[column]}: {shown}"
            return f"{text}, {outcome_words(record.event.outcome)}" if column == WHAT else text
        if role == Qt.ItemDataRole.DecorationRole:
            return icon("warning", "danger") if fault is not None else _picture(record, column)
        return None

    def _fault(self, record: AuditRecord) -> AuditFault | None:
        """What is wrong with the record; of a seam the second row is marked."""
        for fault in self._faults:
            first = fault.last if fault.kind is FaultKind.SEAM else fault.first
            if fault.kind is not FaultKind.MISSING and first <= record.sequence <= fault.last:
                return fault
        return None


def _picture(record: AuditRecord, column: int) -> QIcon | None:
    outcome = record.event.outcome
    # Also where there is no room for the column that says it in words.
    if column == OUTCOME or (column == WHAT and outcome is not AuditOutcome.DONE):
        return icon(*outcome_look(outcome))
    return icon("key") if column == WHO and record.event.api_key_id else None


def _text(record: AuditRecord, column: int) -> str:
    event = record.event
    match column:
        case 0:
            return exact(event.at)
        case 1:
            return person_words(event)
        case 2:
            return action_words(event.action)
        case 3:
            return subject_words(event)
        case 4:
            return outcome_words(event.outcome)
        case _:
            return event.origin


class ChangeModel(QAbstractTableModel):
    """A field a row: its name, what it was, what it is."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._titles = (self.tr("Field"), self.tr("Before"), self.tr("After"))
        self._changes: tuple[Change, ...] = ()

    def show(self, changes: Sequence[Change]) -> None:
        """Show these."""
        self.beginResetModel()
        self._changes = tuple(changes)
        self.endResetModel()

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        """One row a field."""
        return 0 if parent is not None and parent.isValid() else len(self._changes)

    def columnCount(self, parent: AnyIndex | None = None) -> int:
        """Name, before, after."""
        return 0 if parent is not None and parent.isValid() else len(self._titles)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """The columns' titles."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        return self._titles[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Text; what differs is marked by a picture, too."""
        if not index.isValid():
            return None
        change = self._changes[index.row()]
        text = (change.field, change.before, change.after)[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tool_tip(text)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            changed = self.tr("changed") if change.differs and index.column() == 0 else ""
            return " ".join(filter(None, (f"{self._titles[index.column()]}: {text}", changed)))
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0 and change.differs:
            return icon("edit", "accent")
        return None
