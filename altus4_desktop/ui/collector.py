"""When Python's cyclic garbage collector runs: on the GUI thread, a little at a time."""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication

_TICK_MS = 50
_YOUNG = 700
_MIDDLE = 50_000
# So many are those of a worker that reads, which throws most of them away itself a little later.
_RUSH, _MOST_WAITS = range(10_000, 150_000), 10
_FULL_MS = 15 * 1000
# Visited in about 0.03 s.
_FEW = 60_000
_LONGEST_S = 10 * 60.0


class Collector(QObject):
    """Takes garbage collection away from whichever thread happens to allocate.

    A collection on a worker thread may destroy a widget there, which Qt forbids; and a full one
    holds the interpreter for all threads while it visits every object: 0.3 s with 100,000 hits
    listed. So the young objects, where nearly all cycles die, are collected here as they come, in
    portions too small to be noticed, and everything when the window goes to the background. What a
    worker reads would be visited with every tick, and is let be for half a second. Who works for
    days without looking away leaves closed searches behind that have grown old: so when enough has
    grown old, everything is collected four times a minute too while that is too short to be
    noticed, and every ten minutes however long it takes.
    """

    def __init__(self, application: QGuiApplication) -> None:
        super().__init__(application)
        self._last_at = time.monotonic()
        self._middle = self._waits = 0
        gc.disable()
        application.applicationStateChanged.connect(self._collect_unseen)
        self._tick = self._every(_TICK_MS, self._collect_young)
        self._full = self._every(_FULL_MS, self._collect_now_and_then)

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
        if young in _RUSH and self._waits < _MOST_WAITS:
            self._waits += 1
            return
        self._waits = 0
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
    def spare_what_is_loaded(self) -> None:
        """Never visit again what there is now: modules stay, and are most of all objects.

        For the first call, before anything big is open: what is there then and becomes a cycle
        later stays for good. Later calls, as after a sign-out, do nothing.
        """
        if gc.get_freeze_count() == 0:
            gc.freeze()

    @Slot()
    def _collect_now_and_then(self) -> None:
        if gc.get_count()[2] == 0:
            # Nothing has grown old since.
            return
        is_long_ago = time.monotonic() - self._last_at >= _LONGEST_S
        if is_long_ago or len(gc.get_objects(generation=2)) <= _FEW:
            self._collect_all()

    def _collect_all(self) -> None:
        gc.collect()
        self._last_at = time.monotonic()
