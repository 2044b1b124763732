"""When Python's cyclic garbage collector runs: on the GUI thread, a little at a time."""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication

_TICK_MS = 50
_YOUNG = 700
_MIDDLE = 50_000
_FULL_MS = 10 * 60 * 1000
_UNNOTICED_S = 0.02


class Collector(QObject):
    """Takes garbage collection away from whichever thread happens to allocate.

    A collection on a worker thread may destroy a widget there, which Qt forbids; and a full one
    holds the interpreter for all threads while it visits every object: 0.3 s with 100,000 hits
    listed. So the young objects, where nearly all cycles die, are collected here as they come, in
    portions too small to be noticed, and everything when the window goes to the background - and
    every ten minutes, as long as the last time was too short to be noticed.
    """

    def __init__(self, application: QGuiApplication) -> None:
        super().__init__(application)
        self._last_s = 0.0
        self._middle = 0
        gc.disable()
        application.applicationStateChanged.connect(self._collect_unseen)
        self._tick = self._every(_TICK_MS, self._collect_young)
        self._full = self._every(_FULL_MS, self._collect_if_unnoticed)

    def _every(self, interval_ms: int, slot: object) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(interval_ms)
        timer.timeout.connect(slot)
        timer.start()
        return timer

    @Slot()
    def _collect_young(self) -> None:
        young = gc.get_count()[0]
        if young < _YOUNG:
            return
        self._middle += young
        generation = 0
        if self._middle >= _MIDDLE:
            self._middle, generation = 0, 1
        gc.collect(generation)

    @Slot(Qt.ApplicationState)
    def _collect_unseen(self, state: Qt.ApplicationState) -> None:
        if state is not Qt.ApplicationState.ApplicationActive:
            self._collect_all()

    @Slot()
    def _collect_if_unnoticed(self) -> None:
        if self._last_s < _UNNOTICED_S:
            self._collect_all()

    def _collect_all(self) -> None:
        begun = time.perf_counter()
        gc.collect()
        self._last_s = time.perf_counter() - begun
