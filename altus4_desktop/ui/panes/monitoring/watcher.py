"""Asks pools and servers again and again while somebody looks on, and not at all otherwise."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.monitoring import ServerPulse, WatchedPool
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session

SHORTEST_S, USUAL_S, LONGEST_S = 1, 5, 30
# A server that does not answer is left alone for a while, longer each time.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 15.0, 120.0
# However many servers are silent: most threads of the lane are left to searches.
_AT_A_TIME = 12


class _Reader(QObject):
    """One server: never asked twice at a time, so that a silent one holds up nobody else."""

    answered = Signal(str, object)
    failed = Signal(str, object)
    finished = Signal()

    def __init__(self, session: Session, connection_id: str, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._id = connection_id
        self._failures = 0
        self._rests_until = 0.0
        self._task = LatestTask(session.runner, Lane.TENANTS, self)
        self._task.succeeded.connect(self._take)
        self._task.failed.connect(self._fail)
        self._task.finished.connect(self.finished)

    @property
    def running(self) -> bool:
        """Whether a question is open."""
        return self._task.running

    @property
    def is_left_alone(self) -> bool:
        """Whether it has not answered lately."""
        return time.monotonic() < self._rests_until

    def ask(self) -> None:
        """Ask it now."""
        monitoring, actor, own_id = self._session.services.monitoring, self._session.actor, self._id

        def read(context: TaskContext) -> ServerPulse:
            return monitoring.read_pulse_(actor, own_id, context.token)

        self._task.start(read)

    def drop(self) -> None:
        """Hear nothing more, and try again at once the next time."""
        self._task.drop()
        self._rests_until = 0.0

    @Slot(object)
    def _take(self, pulse: object) -> None:
        self._failures = 0
        self.answered.emit(self._id, pulse)

    @Slot(object)
    def _fail(self, error: object) -> None:
        pause_s = min(_FIRST_PAUSE_S * 2**self._failures, _LONGEST_PAUSE_S)
        self._failures += 1
        self._rests_until = time.monotonic() + pause_s
        self.failed.emit(self._id, error)


class Watcher(QObject):
    """Ticks while ``widget`` is seen and nobody has paused it.

    ``sampled`` (tuple of WatchedPool), ``answered`` (connection id, ServerPulse), ``refused``
    (connection id, AltusError), ``failed`` (AltusError of the store).
    """

    sampled = Signal(object)
    answered = Signal(str, object)
    refused = Signal(str, object)
    failed = Signal(object)

    def __init__(self, session: Session, widget: QWidget) -> None:
        super().__init__(widget)
        self._session = session
        self._widget = widget
        self._readers: dict[str, _Reader] = {}
        self._due: list[_Reader] = []
        self._at_once = False
        self._is_paused = False
        self._sampling = LatestTask(session.runner, Lane.METADATA, self)
        self._sampling.succeeded.connect(self._take_pools)
        self._sampling.failed.connect(self.failed)
        self._clock = QTimer(self)
        self._clock.setInterval(USUAL_S * 1000)
        self._clock.timeout.connect(self._tick)

    @property
    def every_s(self) -> int:
        """How often it asks."""
        return self._clock.interval() // 1000

    @property
    def is_paused(self) -> bool:
        """Whether somebody has paused it."""
        return self._is_paused

    def set_every(self, seconds: int) -> None:
        """Ask so often, counted from now."""
        self._clock.setInterval(max(SHORTEST_S, min(seconds, LONGEST_S)) * 1000)

    def set_paused(self, *, paused: bool) -> None:
        """Ask no more until told otherwise."""
        self._is_paused = paused
        if paused:
            self.stop()
        else:
            self.start()

    def start(self) -> None:
        """The widget is seen: ask now and then."""
        if not self._is_paused and self._is_seen():
            self._clock.start()
            self._tick()

    def stop(self) -> None:
        """Ask nothing more, and hear nothing of what was asked."""
        self._clock.stop()
        self._sampling.drop()
        self._due.clear()
        for reader in self._readers.values():
            reader.drop()

    @Slot()
    def ask_now(self) -> None:
        """Ask once, also while it is paused and also those that are left alone."""
        if self._is_seen():
            self._at_once = True
            self._ask()

    @Slot()
    def _tick(self) -> None:
        if self._is_seen():
            self._ask()

    def _is_seen(self) -> bool:
        return self._widget.isVisible() and not self._widget.window().isMinimized()

    def _ask(self) -> None:
        if self._sampling.running:
            return
        session, every_s = self._session, float(self.every_s)
        monitoring, actor = session.services.monitoring, session.actor

        def sample(_: TaskContext) -> tuple[WatchedPool, ...]:
            return monitoring.sample_pools_(actor, every_s)

        self._sampling.start(sample)

    @Slot(object)
    def _take_pools(self, pools: tuple[WatchedPool, ...]) -> None:
        at_once, self._at_once = self._at_once, False
        wanted = {pool.connection.id for pool in pools}
        for gone in self._readers.keys() - wanted:
            reader = self._readers.pop(gone)
            reader.drop()
            reader.deleteLater()
        self.sampled.emit(pools)
        for pool in pools:
            own = pool.connection.id
            if own not in self._readers:
                reader = _Reader(self._session, own, self)
                reader.answered.connect(self.answered)
                reader.failed.connect(self.refused)
                reader.finished.connect(self._ask_due)
                self._readers[own] = reader
        # Whoever waits for a turn since the last tick keeps the place.
        waiting = [reader for reader in self._due if reader in self._readers.values()]
        self._due = waiting + [
            reader
            for reader in self._readers.values()
            if reader not in waiting
            and not reader.running
            and (at_once or not reader.is_left_alone)
        ]
        self._ask_due()

    @Slot()
    def _ask_due(self) -> None:
        free = _AT_A_TIME - sum(reader.running for reader in self._readers.values())
        for reader in self._due[: max(0, free)]:
            self._due.remove(reader)
            reader.ask()
