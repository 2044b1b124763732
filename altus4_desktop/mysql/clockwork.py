"""One thread that calls things when they are due."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable


class Clockwork:
    """Calls functions at given instants of the monotonic clock, on a thread of its own.

    What it calls must be quick. The thread starts with the first appointment.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._appointments: dict[Hashable, tuple[float, Callable[[], None]]] = {}
        self._sleeps_until = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None

    def call_at(self, key: Hashable, when: float, function: Callable[[], None]) -> None:
        """Make the appointment ``key``, in place of an earlier one of that name."""
        with self._changed:
            if self._closed:
                return
            self._appointments[key] = (when, function)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            elif when < self._sleeps_until:
                self._changed.notify()

    def forget(self, key: Hashable) -> None:
        """Drop the appointment ``key`` if it is still to come."""
        with self._changed:
            self._appointments.pop(key, None)

    def close(self, wait_s: float = 1.0) -> None:
        """Drop every appointment and end the thread."""
        with self._changed:
            self._closed = True
            self._appointments.clear()
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(wait_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                due = self._take_due()
                if not due:
                    if self._closed:
                        return
                    self._sleep()
            for function in due:
                function()

    def _take_due(self) -> list[Callable[[], None]]:
        now = time.monotonic()
        keys = [key for key, (when, _) in self._appointments.items() if when <= now]
        return [self._appointments.pop(key)[1] for key in keys]

    def _sleep(self) -> None:
        if not self._appointments:
            self._sleeps_until = float("inf")
            self._changed.wait()
            return
        self._sleeps_until = min(when for when, _ in self._appointments.values())
        self._changed.wait(max(0.0, self._sleeps_until - time.monotonic()))
