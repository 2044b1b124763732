"""Work behind everybody's back, again and again: failures go to the log and stop nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, Cancelled

_LOG = logging.getLogger(__name__)
_CLOSE_WAIT_S = 5.0


def attempt(work: Callable[[], object], name: str) -> bool:
    """Do ``work`` that nobody has asked for, and return whether it was done; what went wrong is
    logged as ``name``'s. Raises Cancelled only."""
    try:
        work()
    except Cancelled:
        raise
    except AltusError as error:
        _LOG.warning("%s: %s [%s]", name, error.message, error.code)
        return False
    except Exception:
        # The worker must outlive a bug of ours: what comes later is to be done all the same.
        _LOG.exception("%s: could not be done", name)
        return False
    return True


class Upkeep:
    """Calls ``work`` on a thread of its own until it is closed.

    ``pause_s`` says how many seconds to wait after so many failures in a row.
    """

    def __init__(
        self, name: str, work: Callable[[CancelToken], object], pause_s: Callable[[int], float]
    ) -> None:
        self._name = name
        self._work = work
        self._pause_s = pause_s
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._token = CancelToken()
        self._worker: threading.Thread | None = None

    def start(self, first_s: float) -> None:
        """Begin, ``first_s`` seconds from now, unless it has begun; never waits."""
        with self._lock:
            if self._worker is not None and self._worker.is_alive():
                return
            self._token = CancelToken()
            self._awake.clear()
            self._worker = threading.Thread(
                target=self._run,
                args=(self._token, first_s),
                name=f"altus4-{self._name}",
                daemon=True,
            )
            self._worker.start()

    def wake(self) -> None:
        """Work now."""
        self._awake.set()

    def close_(self) -> None:
        """Stop, cancelling what is under way; what is left is done another time."""
        with self._lock:
            worker, self._worker = self._worker, None
            self._token.cancel()
            self._awake.set()
        if worker is not None:
            worker.join(_CLOSE_WAIT_S)

    def _run(self, token: CancelToken, first_s: float) -> None:
        wait_s, failures = first_s, 0
        while True:
            self._awake.wait(wait_s)
            self._awake.clear()
            if token.cancelled:
                return
            try:
                failures = 0 if attempt(lambda: self._work(token), self._name) else failures + 1
            except Cancelled:
                return
            wait_s = self._pause_s(failures)
