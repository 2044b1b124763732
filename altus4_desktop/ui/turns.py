"""What takes long on the GUI thread, a part with each turn of the event loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid


class Turns(QTimer):
    """Takes one step with each turn of the event loop; whoever waits gets theirs in between."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._steps: list[Callable[[], object]] = []
        # Begun anew after each step: one that repeats would be due before all that waited for it.
        self.setSingleShot(True)
        self.timeout.connect(self._take_step)

    def take(self, steps: Sequence[Callable[[], object]]) -> None:
        """Take these from the next turn on, after those that are still to be taken."""
        self._steps += steps
        self.start(0)

    @Slot()
    def _take_step(self) -> None:
        try:
            self._steps.pop(0)()
        finally:
            if self._steps:
                self.start(0)


def delete_in_turns(parts: Sequence[QWidget]) -> None:
    """Delete widgets that nobody sees any more, the last of which holds the others."""
    Turns(parts[-1]).take([partial(_delete, part) for part in parts])


def _delete(part: QWidget) -> None:
    if isValid(part):
        part.deleteLater()
