"""A fair queue for a limited number of places: first come, first served, and free to leave."""

from __future__ import annotations

import threading
import time
from collections import deque

from altus4_desktop.domain.cancel import CancelToken


class Gate:
    """Hands out ``size`` places in the order they were asked for."""

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._free = size
        self._size = size
        self._waiting: deque[threading.Event] = deque()
        self._granted: set[threading.Event] = set()

    @property
    def taken(self) -> int:
        """Places handed out."""
        with self._lock:
            return self._size - self._free

    @property
    def queued(self) -> int:
        """How many wait."""
        with self._lock:
            return len(self._waiting)

    def enter(self, until: float, token: CancelToken) -> bool:
        """Take a place; false when none came free before ``until`` (monotonic clock).

        Raises `Cancelled` when the token says so first.
        """
        with self._lock:
            # Nobody waits while a place is free: `leave` hands it on.
            if self._free:
                self._free -= 1
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        with token.on_cancel(turn.set):
            turn.wait(max(0.0, until - time.monotonic()))
        with self._lock:
            granted = turn in self._granted
            if granted:
                self._granted.discard(turn)
            else:
                self._waiting.remove(turn)
        if token.cancelled:
            if granted:
                self.leave()
            token.raise_if_cancelled()
        return granted

    def leave(self) -> None:
        """Give a place back; it goes straight to whoever has waited longest."""
        with self._lock:
            if self._waiting:
                turn = self._waiting.popleft()
                self._granted.add(turn)
                turn.set()
            else:
                self._free += 1
