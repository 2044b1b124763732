"""Counting behind everybody's back: when it is quiet, one after the other, with pauses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled
from altus4_desktop.services.upkeep import attempt

# Searches come in a row: they are counted when it is quiet, or when that takes too long.
QUIET_S = 2.0
LATEST_S = 30.0
_CLOSE_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Errand:
    """Whose searches to count (None: everybody's); ``compare``: those of other programs, too."""

    user_id: str | None
    compare: bool = False


@dataclass(frozen=True, slots=True)
class _Due:
    at: float
    latest_at: float


class AnalyticsUpkeep:
    """Calls ``count`` on a thread of its own, which is there while there is something to do."""

    def __init__(self, count: Callable[[Errand, CancelToken], object]) -> None:
        self._count = count
        self._changed = threading.Condition()
        self._waiting: dict[Errand, _Due] = {}
        self._token = CancelToken()
        self._worker: threading.Thread | None = None

    def want(self, errand: Errand, quiet_s: float | None = None) -> None:
        """Do ``errand`` when it has not been asked for again within ``quiet_s`` (usually
        `QUIET_S`); never waits."""
        quiet_s = QUIET_S if quiet_s is None else quiet_s
        now = time.monotonic()
        with self._changed:
            known = self._waiting.get(errand)
            latest_at = now + max(quiet_s, LATEST_S) if known is None else known.latest_at
            self._waiting[errand] = _Due(min(now + quiet_s, latest_at), latest_at)
            self._changed.notify_all()
            if self._worker is None:
                self._token = CancelToken()
                self._worker = threading.Thread(
                    target=self._work, args=(self._token,), name="altus4-analytics", daemon=True
                )
                self._worker.start()

    def close_(self) -> None:
        """Stop; what is left is counted another time."""
        with self._changed:
            worker, self._worker = self._worker, None
            self._waiting.clear()
            self._token.cancel()
            self._changed.notify_all()
        if worker is not None:
            worker.join(_CLOSE_WAIT_S)

    def _work(self, token: CancelToken) -> None:
        while (errand := self._next(token)) is not None:
            try:
                # After a failure the searches stay marked: the next errand counts them.
                attempt(partial(self._count, errand, token), "analytics")
            except Cancelled:
                return

    def _next(self, token: CancelToken) -> Errand | None:
        """The errand that is due, when it is; None at the end, or when there is none any more."""
        with self._changed:
            while self._waiting and not token.cancelled:
                errand = min(self._waiting, key=lambda errand: self._waiting[errand].at)
                wait_s = self._waiting[errand].at - time.monotonic()
                if wait_s <= 0:
                    del self._waiting[errand]
                    return errand
                self._changed.wait(wait_s)
            if not token.cancelled:
                self._worker = None
            return None
