"""How far one long piece of work is, and a way to stop it."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout

from altus4_desktop.domain.progress import Progress
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Label

_STEPS = 1000


class ProgressCard(Card):
    """What is done right now, how far it is, and ``stop``.

    ``name`` and ``stop_name`` are the object names of the bar and of the button.
    """

    def __init__(self, *, name: str, stop_name: str) -> None:
        super().__init__(margin=Space.M)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        texts = QVBoxLayout()
        texts.setSpacing(Space.XS)
        self.step = Label("", "strong", wrap=True)
        self._bar = QProgressBar()
        self._bar.setObjectName(name)
        self._bar.setAccessibleName(self.tr("Progress"))
        self._bar.setTextVisible(False)
        texts.addWidget(self.step)
        texts.addWidget(self._bar)
        row.addLayout(texts, 1)
        self.stop = Button(self.tr("Stop"), icon_name="stop", name=stop_name)
        row.addWidget(self.stop)
        self.body.addLayout(row)

    @Slot(object)
    def show_progress(self, progress: Progress) -> None:
        """Say where the work is; without a fraction the bar moves to and fro."""
        self.step.setText(progress.message)
        if progress.fraction is None:
            self._bar.setRange(0, 0)
        else:
            self._bar.setRange(0, _STEPS)
            self._bar.setValue(round(progress.fraction * _STEPS))

    def show_stopping(self, text: str) -> None:
        """Say that the work has been asked to end."""
        self.step.setText(text)
        self.stop.setEnabled(False)
