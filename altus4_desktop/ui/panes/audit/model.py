"""The table of audit records, read page by page as it is scrolled."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QObject,
    Qt,
)
from PySide6.QtGui import QIcon

from altus4_desktop.domain.audit import AuditFault, AuditOutcome, AuditRecord, FaultKind
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.models.records import AnyIndex, Column
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
from altus4_desktop.ui.panes.paged import KeyedModel
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.times import ago, exact

WHEN, WHO, WHAT, SUBJECT, OUTCOME, ORIGIN = range(6)


class AuditModel(KeyedModel[AuditRecord]):
    """Records, newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        faults: list[AuditFault] = []

        def what(record: AuditRecord) -> str:
            fault, text = _find_fault(faults, record), action_words(record.event.action)
            return text if fault is None else f"{fault_mark(fault)}: {text}"

        def what_tip(record: AuditRecord) -> str:
            fault = _find_fault(faults, record)
            return what(record) if fault is None else fault_words(fault)

        super().__init__(
            (
                Column(
                    _tr("When"),
                    lambda record: exact(record.event.at),
                    tool_tip=lambda record: ago(record.event.at),
                ),
                Column(_tr("Who"), lambda record: person_words(record.event)),
                Column(_tr("What"), what, tool_tip=what_tip),
                Column(_tr("Subject"), lambda record: subject_words(record.event)),
                Column(_tr("Outcome"), lambda record: outcome_words(record.event.outcome)),
                Column(_tr("From"), lambda record: record.event.origin),
            ),
            parent,
        )
        self._faults = faults

    def mark_faults(self, faults: Sequence[AuditFault]) -> None:
        """Mark the records that verifying found something wrong with."""
        if list(faults) != self._faults:
            self._faults[:] = faults
            self.tick()

    def key_of(self, record: AuditRecord) -> int:
        """Its place in the log."""
        return record.sequence

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Also pictures, and how it ended where it is said what was done."""
        shown = super().data(index, role)
        if not index.isValid():
            return shown
        record, column = self._records[index.row()], index.column()
        if role == Qt.ItemDataRole.AccessibleTextRole and column == WHAT:
            return f"{shown}, {outcome_words(record.event.outcome)}"
        if role == Qt.ItemDataRole.DecorationRole:
            is_fault = column == WHAT and _find_fault(self._faults, record) is not None
            return icon("warning", "danger") if is_fault else _picture(record, column)
        return shown


def _find_fault(faults: Sequence[AuditFault], record: AuditRecord) -> AuditFault | None:
    """What is wrong with the record; of a seam the second row is marked."""
    for fault in faults:
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


def _tr(text: str) -> str:
    return QCoreApplication.translate("audit", text)


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
