"""What is copied into cron or systemd, so that backups are made while the program does not run."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QWidget

from altus4_desktop.services.backup_lines import (
    ENABLE,
    LINGER,
    SERVICE_NAME,
    TIMER_NAME,
    UNIT_FOLDER,
    BackupLines,
)
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Label, Segments

_CRON, _SERVICE, _TIMER = "cron", "service", "timer"
_LINES_SHOWN = 9


class LinesCard(Card):
    """A line for cron, and a service and a timer for systemd; ``copied`` carries what is told."""

    copied = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.L, parent=parent)
        self._lines: BackupLines | None = None
        self.body.addWidget(Label(self.tr("While the program does not run"), "section"))
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        self._form = Segments(
            [
                (_CRON, self.tr("cron")),
                (_SERVICE, self.tr("systemd service")),
                (_TIMER, self.tr("systemd timer")),
            ],
            name="backups.lines.form",
            label=self.tr("Text for"),
        )
        self._form.chosen.connect(self._draw)
        row.addWidget(self._form)
        row.addStretch(1)
        self._copy = Button(self.tr("Copy"), icon_name="copy", name="backups.lines.copy")
        self._copy.setAccessibleName(self.tr("Copy the text for cron or systemd"))
        self._copy.clicked.connect(self._copy_text)
        row.addWidget(self._copy)
        self.body.addLayout(row)
        self._text = QPlainTextEdit()
        self._text.setObjectName("backups.lines")
        self._text.setAccessibleName(self.tr("Text for cron or systemd"))
        self._text.setProperty("kind", "code")
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setFixedHeight(self._text.fontMetrics().lineSpacing() * _LINES_SHOWN + Space.L)
        well = Card(surface="well", margin=Space.XS)
        well.body.addWidget(self._text)
        self.body.addWidget(well)
        self._where = Label("", "caption", wrap=True, selectable=True)
        self.body.addWidget(self._where)
        self._who = Label("", "caption", wrap=True, selectable=True)
        self.body.addWidget(self._who)

    def show_lines(self, lines: BackupLines) -> None:
        """Show the texts of this store."""
        self._lines = lines
        self._draw()

    @Slot()
    def _draw(self) -> None:
        lines = self._lines
        if lines is None:
            return
        form = self._form.key
        where = {
            _CRON: self.tr("One line for “crontab -e”. What it says goes to {log}.").format(
                log=lines.log_file
            ),
            _SERVICE: self.tr("Keep it as {folder}/{name}.").format(
                folder=UNIT_FOLDER, name=SERVICE_NAME
            ),
            _TIMER: self.tr(
                "Keep it as {folder}/{name}, then: {command}\nSo that it also runs while you are "
                "not signed in: {linger}"
            ).format(folder=UNIT_FOLDER, name=TIMER_NAME, command=ENABLE, linger=LINGER),
        }
        text = {_CRON: lines.cron, _SERVICE: lines.service, _TIMER: lines.timer}[form]
        if text != self._text.toPlainText():
            self._text.setPlainText(text)
        self._where.setText(where[form])
        self._who.setText(
            self.tr(
                "It acts by the sign-in that is remembered, or by what {file} sets: "
                "ALTUS4_API_KEY=… of an admin's key. Make that file one that only you can read "
                "(chmod 600)."
            ).format(file=lines.secrets_file)
        )

    @Slot()
    def _copy_text(self) -> None:
        QGuiApplication.clipboard().setText(self._text.toPlainText())
        self.copied.emit(self.tr("Text copied"))
