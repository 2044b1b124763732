"""When Python's cyclic garbage collector may look at everything: while nobody is looking."""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication

_NEVER = 1_000_000
_INTERVAL_MS = 10 * 60 * 1000
_UNNOTICED_S = 0.02


class Collector(QObject):
    """Takes full collections out of the flow of work.

    A full collection holds the interpreter for all threads and visits every object: 0.3 s with
    100,000 hits listed. The young generations, where nearly all cycles die, stay automatic; a full
    one is made when the window goes to the background, and every ten minutes as long as the last
    one was too short to be noticed.
    """

    def __init__(self, application: QGuiApplication) -> None:
        super().__init__(application)
        self._last_s = 0.0
        young, middle, _ = gc.get_threshold()
        gc.set_threshold(young, middle, _NEVER)
        application.applicationStateChanged.connect(self._collect_unseen)
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._collect_if_unnoticed)
        self._timer.start()

    @Slot(Qt.ApplicationState)
    def _collect_unseen(self, state: Qt.ApplicationState) -> None:
        if state is not Qt.ApplicationState.ApplicationActive:
            self._collect()

    @Slot()
    def _collect_if_unnoticed(self) -> None:
        if self._last_s < _UNNOTICED_S:
            self._collect()

    def _collect(self) -> None:
        begun = time.perf_counter()
        gc.collect()
        self._last_s = time.perf_counter() - begun
