"""What protects a connection's line, and what keeps its sessions from changing anything."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QPoint, Qt, QTimer, Slot
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QHBoxLayout, QToolTip, QWidget

from altus4_desktop.domain.connections import Connection, TlsReport
from altus4_desktop.domain.rights import RightsReport
from altus4_desktop.services.rights_words import verdict
from altus4_desktop.ui.panes.connections.checking import protection_text
from altus4_desktop.ui.panes.connections.model import ConnectionRow, is_refused, read_only_text
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.texts import read_only_promise, remark_text
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Badge, Icon
from altus4_desktop.ui.widgets.basic import Tone


class ProtectionLine(QWidget):
    """What was negotiated for the session that was opened last; hidden before the first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        self._icon = Icon("lock", 14)
        self.label = ElidedLabel(role="caption")
        self.label.setObjectName("connections.protection")
        row.addWidget(self._icon)
        row.addWidget(self.label, 1)
        self.hide()

    def show_row(self, row: ConnectionRow) -> None:
        """Show what protects the sessions of a connection."""
        tls = row.tls
        # What never leaves the machine has nobody on its way.
        is_local = row.connection.managed or row.connection.host.startswith("/")
        if tls is None or (is_local and not tls.encrypted):
            self.hide()
            return
        self.label.setText(line_text(row.connection, tls))
        if not tls.encrypted:
            self._icon.set_icon("warning", "warning")
        elif tls.certificate_verified or tls.pinned:
            self._icon.set_icon("shield", "success")
        else:
            self._icon.set_icon("lock", "muted")
        self.show()


class ReadOnlyBadge(Badge):
    """Says that sessions are read-only; pointed at or focused, what guarantees it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_tr("READ-ONLY"), parent=parent)
        self.setObjectName("connections.read_only")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        # Qt hides tool tips at a change of focus, so it has to be over first.
        self._telling = QTimer(self)
        self._telling.setSingleShot(True)
        self._telling.timeout.connect(self._tell)
        self.explain(read_only_promise())

    def show_row(self, row: ConnectionRow, rights: RightsReport | None) -> None:
        """Show what the last test of a connection found, and what its account may do."""
        report = row.report
        if report is None:
            found = _tr("A test of the connection shows whether the server agrees.")
        elif report.read_only:
            found = _tr("The last test found the session read-only.")
        else:
            found = _tr("The last test found that the server did NOT make the session read-only.")
        tone: Tone = "neutral" if report is None else "success"
        self.set(read_only_text(row).upper(), "danger" if is_refused(row) else tone)
        lines = [read_only_promise(), found]
        if rights is not None:
            lines.append(remark_text(verdict(rights)))
        self.explain("\n".join(lines))

    def explain(self, text: str) -> None:
        """Have the tool tip, and a screen reader, say this."""
        self.setToolTip(plain_tool_tip(text))
        self.setAccessibleDescription(text)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Who comes with the keyboard is told as well."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self._telling.start()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The keyboard went on."""
        super().focusOutEvent(event)
        self._telling.stop()
        QToolTip.hideText()

    @Slot()
    def _tell(self) -> None:
        place = self.mapToGlobal(QPoint(0, self.height()))
        QToolTip.showText(place, self.toolTip(), self, self.rect())


def line_text(connection: Connection, tls: TlsReport) -> str:
    """What protects the line to the database, in a sentence."""
    if tls.encrypted:
        return protection_text(tls)
    if connection.ssh is not None:
        return _tr("Not encrypted between the SSH server and the database.")
    return _tr("Not encrypted: what is asked and answered can be read on its way.")


def _tr(text: str) -> str:
    return QCoreApplication.translate("Guarantees", text)
