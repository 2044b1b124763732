"""The line that says how far back the history has been looked through."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import day
from altus4_desktop.ui.widgets import Button, Label, Spinner

# What is found sooner needs no line that comes and goes.
_PATIENCE_MS = 200


class LookingLine(QWidget):
    """While more is looked for, a way to stop that; then a way to go on."""

    stop_wanted = Signal()
    further_wanted = Signal()
    began = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.back_to: datetime | None = None
        """Up to where all is shown that fits; None: all of it is."""
        self.is_looking = False
        self._spinner = Spinner()
        self._text = Label("", "muted")
        self._text.setObjectName("history.looked")
        self._text.setMinimumWidth(1)
        self._stop = Button(self.tr("Stop"), icon_name="stop", name="history.stop")
        self._stop.setToolTip(self.tr("Look no further back (Esc)"))
        self._stop.clicked.connect(self.stop_wanted)
        self._further = Button(self.tr("Look further back"), name="history.further")
        self._further.clicked.connect(self.further_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self._spinner)
        row.addWidget(self._text, 1)
        row.addWidget(self._stop)
        row.addWidget(self._further)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self._begin)
        self.hide()

    def show_looking(self, back_to: datetime) -> None:
        """More is looked for, before ``back_to``."""
        had_focus = self._further.hasFocus()
        self.back_to, self.is_looking = back_to, True
        self._say(self.tr("Looking further back… to {day}"))
        if had_focus:
            self._stop.setFocus()
        if self.isHidden() and not self._patience.isActive():
            self._patience.start()

    @Slot()
    def show_stopped(self) -> None:
        """No more is looked for."""
        had_focus = self._stop.hasFocus()
        self._patience.stop()
        self.is_looking = False
        self._say(self.tr("Stopped: looked back to {day}"))
        self.show()
        if had_focus:
            self._further.setFocus()

    def clear(self) -> None:
        """All that fits is shown, or may be read on."""
        self._patience.stop()
        self.back_to, self.is_looking = None, False
        self.hide()

    @Slot()
    def _begin(self) -> None:
        self.show()
        self.began.emit()

    def _say(self, text: str) -> None:
        if self.back_to is not None:
            self._text.setText(text.format(day=day(self.back_to)))
        self._spinner.setVisible(self.is_looking)
        self._stop.setVisible(self.is_looking)
        self._further.setHidden(self.is_looking)
