"""A fair queue for a limited number of places: first come, first served, and free to leave."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

from altus4_desktop.domain.cancel import CancelToken


@dataclass(frozen=True, slots=True)
class Waits:
    """How often somebody had to wait, how long together, and the longest of them."""

    count: int = 0
    total_s: float = 0.0
    longest_s: float = 0.0

    def after(self, seconds: float) -> Waits:
        """With one more."""
        return Waits(self.count + 1, self.total_s + seconds, max(self.longest_s, seconds))


class Gate:
    """Hands out ``size`` places in the order they were asked for."""

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._free = size
        self._size = size
        self._waiting: deque[threading.Event] = deque()
        self._granted: set[threading.Event] = set()
        self._waits = Waits()

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

    @property
    def waits(self) -> Waits:
        """Who had to wait until now."""
        with self._lock:
            return self._waits

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
        began = time.monotonic()
        with token.on_cancel(turn.set):
            turn.wait(max(0.0, until - time.monotonic()))
        with self._lock:
            self._waits = self._waits.after(time.monotonic() - began)
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
