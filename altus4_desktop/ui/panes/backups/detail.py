"""One backup in full, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from altus4_desktop.domain.backups import Backup, BackupState
from altus4_desktop.ui.dialogs import scrolling
from altus4_desktop.ui.panes.backups.wording import facts, state_sentence, state_words
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import ago
from altus4_desktop.ui.widgets import Button, Card, Chip, Label
from altus4_desktop.ui.widgets.basic import ChipState

_CHIPS: dict[BackupState, ChipState] = {
    BackupState.GOOD: "ok",
    BackupState.UNVERIFIED: "warning",
    BackupState.BAD: "failed",
}
_ROOMY = 340


class DetailCard(Card):
    """What a backup is worth and holds; ``verify_requested`` and ``restore_requested`` ask for
    it."""

    verify_requested = Signal()
    restore_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.L, parent=parent)
        self._backup: Backup | None = None
        self._is_narrow = False
        inner = QWidget()
        self._column = column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, Space.XS, 0)
        column.setSpacing(Space.M)
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        self._title = ElidedLabel("", "title")
        head.addWidget(self._title, 1)
        self._chip = Chip("neutral", "")
        self._chip.setObjectName("backups.detail.state")
        head.addWidget(self._chip)
        column.addLayout(head)
        self._sentence = Label("", wrap=True, selectable=True)
        self._sentence.setObjectName("backups.detail.sentence")
        column.addWidget(self._sentence)
        self._facts = QWidget()
        column.addWidget(self._facts)
        column.addStretch(1)
        # Beside a timeline and what is under way there is little room in a small window.
        area = scrolling(inner)
        for ground in (area.viewport(), inner):
            ground.setAutoFillBackground(False)
        self.body.addWidget(area, 1)
        foot = QHBoxLayout()
        foot.setSpacing(Space.S)
        foot.addStretch(1)
        self._verify = Button(self.tr("Verify"), icon_name="check", name="backups.verify")
        self._verify.clicked.connect(self.verify_requested)
        self._restore = Button(self.tr("Restore…"), icon_name="history", name="backups.restore")
        self._restore.clicked.connect(self.restore_requested)
        foot.addWidget(self._verify)
        foot.addWidget(self._restore)
        self.body.addLayout(foot)

    def show_backup(self, backup: Backup | None, *, busy: bool) -> None:
        """Show ``backup``; while something is under way nothing else can be begun."""
        usable = backup is not None and bool(backup.file_name) and not busy
        self._verify.setEnabled(usable)
        self._restore.setEnabled(
            usable and backup is not None and backup.state is not BackupState.BAD
        )
        if backup == self._backup:
            return
        self._backup = backup
        self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room, leave out what the list says beside it, and need less."""
        super().resizeEvent(event)
        is_narrow = event.size().width() < _ROOMY
        if is_narrow != self._is_narrow:
            self._is_narrow = is_narrow
            margin = Space.M if is_narrow else Space.L
            self.body.setContentsMargins(margin, margin, margin, margin)
            self._fill()

    def _fill(self) -> None:
        backup = self._backup
        self._chip.setVisible(backup is not None and not self._is_narrow)
        if backup is None:
            self._title.setText("")
            self._sentence.setText("")
            self._show_facts([])
            return
        made = ago(backup.created_at)
        self._title.setText(made[:1].upper() + made[1:])
        self._chip.set(_CHIPS[backup.state], state_words(backup.state))
        self._sentence.setText(state_sentence(backup))
        self._show_facts(facts(backup))

    def _show_facts(self, known: list[tuple[str, str]]) -> None:
        before, self._facts = self._facts, QWidget()
        lines = QVBoxLayout(self._facts)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(Space.XS)
        names = [Label(name, "caption") for name, _ in known]
        width = 0 if self._is_narrow else max((it.sizeHint().width() for it in names), default=0)
        for label, (_, value) in zip(names, known, strict=True):
            label.setMinimumWidth(width)
            line = QHBoxLayout()
            line.setSpacing(Space.M)
            line.addWidget(label)
            line.addWidget(ElidedLabel(value, "body", Qt.TextElideMode.ElideMiddle), 1)
            lines.addLayout(line)
        self._column.replaceWidget(before, self._facts)
        before.hide()
        before.deleteLater()
