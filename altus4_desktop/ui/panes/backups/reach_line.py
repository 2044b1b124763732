"""Which instants can be restored, in a line or more under the line of time."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from altus4_desktop.domain.backup_reach import BackupReach
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.ui.panes.backups.wording import reach_hint, reach_sentence
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.widgets import Label


class ReachLine(Label):
    """All of it, or (short) one line; the tool tip has all of it, and what can be done."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", "caption", parent=parent)
        self.setObjectName("backups.reach")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.setWordWrap(True)

    def show_reach(self, reach: BackupReach) -> None:
        """Tell this."""
        self._tell(reach_sentence(reach), reach_hint(reach))

    def show_failure(self, error: BaseException) -> None:
        """Tell that it is not known, and why."""
        said = f"{error.message} {error.hint}" if isinstance(error, AltusError) else ""
        text = self.tr("What lies between the backups is not known. {reason}").format(reason=said)
        self._tell(text, "")

    def set_short(self, short: bool) -> None:
        """Take one line and no more."""
        self.setWordWrap(not short)

    def minimumSizeHint(self) -> QSize:
        """One that is cut needs no width."""
        size = super().minimumSizeHint()
        return size if self.wordWrap() else QSize(24, size.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cut with an ellipsis where one line is too short."""
        if self.wordWrap():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter), text)
        painter.end()

    def _tell(self, text: str, hint: str) -> None:
        self.setText(text)
        self.setToolTip(plain_tool_tip(f"{text}\n{hint}".strip()))
