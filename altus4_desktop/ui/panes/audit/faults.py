"""Everything that verifying the audit log has found, where it is more than a message holds."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from altus4_desktop.domain.audit import AuditVerdict
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.audit.wording import fault_words, untold_words
from altus4_desktop.ui.widgets import Button, Label

_SIZE = (560, 420)


class FaultsDialog(Dialog):
    """A fault a line; what is beyond the first hundred is counted."""

    def __init__(self, verdict: AuditVerdict, parent: QWidget) -> None:
        super().__init__("", name="audit.faults", parent=parent)
        title = self.tr("What is wrong with the audit log")
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.body.addWidget(Label(title, "title", wrap=True))
        self.list = QListWidget()
        self.list.setObjectName("audit.faults.list")
        self.list.setAccessibleName(title)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setWordWrap(True)
        for fault in verdict.faults:
            QListWidgetItem(icon("error", "danger"), fault_words(fault), self.list)
        self.body.addWidget(self.list, 1)
        untold = verdict.fault_count - len(verdict.faults)
        if untold > 0:
            self.body.addWidget(Label(untold_words(untold), "muted", wrap=True))
        copy = Button(self.tr("Copy"), icon_name="copy", name="audit.faults.copy")
        copy.clicked.connect(self.copy)
        self.buttons.addWidget(copy)
        self.add_close(name="audit.faults.close")
        self.resize(*_SIZE)
        self.list.setFocus()

    @Slot()
    def copy(self) -> None:
        """Put every line on the clipboard."""
        lines = (self.list.item(row).text() for row in range(self.list.count()))
        QGuiApplication.clipboard().setText("\n".join(lines))
