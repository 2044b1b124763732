"""How long an event loop is away, and how much of that is its own doing.

On a machine that is busy with other programs a thread waits for a processor, and a gap says little.
Linux keeps count of that wait for each thread, so it can be taken off. What is left is what the
program itself did on the thread that has to be live: worked, or waited for a lock, a line, a disk.
"""

from __future__ import annotations

import os
import threading
import time
from typing import NamedTuple

from PySide6.QtCore import QObject, Qt, QTimer

BAR_MS = 50.0
_TURN_MS = 2
_THREADS = "/proc/self/task"
# Asking after every thread at every turn would be work of its own.
_OTHERS_EVERY_MS = 10.0


class Gap(NamedTuple):
    """The time between two turns of a loop, and what of it the program is to blame for."""

    gap_ms: float
    own_ms: float


class Watch(QObject):
    """Measures how late a timer fires: the longest gap, and the longest that is our own.

    ``own_ms`` is what this thread computed, and what it slept. The time that it was ready and had
    no processor is not in it; nor is, of the sleep, the longest such time of another thread of this
    program: whoever holds the interpreter and is not let go on keeps this thread waiting as well.
    Where the system keeps no count, all of the gap is our own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_native_id()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_TURN_MS)
        self._timer.timeout.connect(self.look)
        self.reset()
        self._timer.start()

    def reset(self) -> None:
        """Begin a new measurement."""
        self.worst = Gap(0.0, 0.0)
        self.worst_ms = self.worst_own_ms = 0.0
        self.ticks = 0
        self._others = _waited_ms_of_others(self._thread)
        self._asked = time.perf_counter()
        self._begin_turn()

    def look(self) -> None:
        """Count the time since the last turn, as every turn does."""
        now, worked_ms = time.perf_counter(), time.thread_time() * 1000 - self._worked_ms
        gap_ms = (now - self._last) * 1000
        slept_ms = gap_ms - worked_ms - (_waited_ms(self._thread) - self._waited_ms)
        if (now - self._asked) * 1000 >= _OTHERS_EVERY_MS:
            others = _waited_ms_of_others(self._thread)
            since = (ms - self._others.get(one, 0.0) for one, ms in others.items())
            slept_ms -= max(since, default=0.0)
            self._others, self._asked = others, now
        own_ms = worked_ms + max(slept_ms, 0.0)
        if own_ms > self.worst_own_ms:
            self.worst, self.worst_own_ms = Gap(gap_ms, own_ms), own_ms
        self.worst_ms = max(self.worst_ms, gap_ms)
        self.ticks += 1
        # What this itself took is no part of the next gap.
        self._begin_turn()

    def _begin_turn(self) -> None:
        self._last = time.perf_counter()
        self._worked_ms = time.thread_time() * 1000
        self._waited_ms = _waited_ms(self._thread)


def _waited_ms(thread: int | str) -> float:
    """How long a thread of this process was ready to run and did not, since it began."""
    try:
        file = os.open(f"{_THREADS}/{thread}/schedstat", os.O_RDONLY)
    except OSError:
        return 0.0
    try:
        return int(os.read(file, 100).split()[1]) / 1e6
    except OSError:
        # It has ended meanwhile.
        return 0.0
    finally:
        os.close(file)


def _waited_ms_of_others(thread: int) -> dict[str, float]:
    try:
        with os.scandir(_THREADS) as threads:
            names = [one.name for one in threads]
    except OSError:
        return {}
    return {name: _waited_ms(name) for name in names if name != str(thread)}
