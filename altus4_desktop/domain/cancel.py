"""One token that tells a piece of work, wherever it is waiting, that nobody wants it any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from altus4_desktop.domain.errors import Cancelled


class CancelToken:
    """A one-way switch; callbacks run once, on the thread that cancels."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._next = 0
        self._holds = 0
        self._freed = threading.Condition()

    @property
    def cancelled(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Ask to stop; a second call does nothing."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            callback()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` when somebody has asked to stop."""
        if self._event.is_set():
            raise Cancelled()

    def wait(self, timeout_s: float) -> bool:
        """Wait at most ``timeout_s`` seconds; true when cancelled meanwhile."""
        return self._event.wait(timeout_s)

    @property
    def is_held(self) -> bool:
        """Whether what is done now is seen through."""
        return self._holds > 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within the block half of what is done would be worse than all of it: nobody ends the
        program meanwhile. Raises Cancelled when somebody has asked to stop before."""
        with self._freed:
            self._holds += 1
        try:
            self.raise_if_cancelled()
            yield
        finally:
            with self._freed:
                self._holds -= 1
                self._freed.notify_all()

    def wait_until_free(self) -> None:
        """Wait until nothing is seen through any more."""
        with self._freed:
            self._freed.wait_for(lambda: self._holds == 0)

    @contextmanager
    def on_cancel(self, callback: Callable[[], None]) -> Iterator[None]:
        """Run ``callback`` if the token is cancelled within the block, at once if it already is."""
        with self._lock:
            already = self._event.is_set()
            number = self._next
            if not already:
                self._next += 1
                self._callbacks[number] = callback
        if already:
            callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.pop(number, None)
