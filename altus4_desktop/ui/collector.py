"""When Python's cyclic garbage collector runs: on the GUI thread, a little at a time."""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication

_TICK_MS = 50
_YOUNG = 700
_MIDDLE = 20_000
_FULL_MS = 15 * 1000
# Visited in about 0.03 s.
_FEW = 60_000
_LONGEST_S = 10 * 60.0


class Collector(QObject):
    """Takes garbage collection away from whichever thread happens to allocate.

    A collection on a worker thread may destroy a widget there, which Qt forbids; and a full one
    holds the interpreter for all threads while it visits every object: 0.3 s with 100,000 hits
    listed. So the young objects, where nearly all cycles die, are collected here as they come, in
    portions too small to be noticed, and everything when the window goes to the background. Who
    works for days without looking away leaves closed searches behind that have grown old: so when
    enough has grown old, everything is collected four times a minute too while that is too short to
    be noticed, and every ten minutes however long it takes.
    """

    def __init__(self, application: QGuiApplication) -> None:
        super().__init__(application)
        self._last_at = time.monotonic()
        self._middle = 0
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
        self._tick.setInterval(_TICK_MS)
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
    def spare_what_is_loaded(self) -> None:
        """Never visit again what there is now: modules stay, and are most of all objects.

        For the first call, before anything big is open: what is there then and becomes a cycle
        later stays for good. Later calls, as after a sign-out, do nothing.
        """
        if gc.get_freeze_count() == 0:
            gc.freeze()

    def rest(self, for_ms: int) -> None:
        """Collect nothing young for so long: what a worker reads goes by itself, and would be
        visited with each tick until then."""
        self._tick.setInterval(for_ms)

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


def let_collector_rest(for_ms: int) -> None:
    """`Collector.rest` where there is a collector; 0: it may go on."""
    application = QCoreApplication.instance()
    collector = None if application is None else application.findChild(Collector)
    if collector is not None:
        collector.rest(for_ms)
