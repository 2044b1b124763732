"""A proxy on which something happens once so many bytes have passed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.faults import Fault, FaultProxy


class StrikingProxy(FaultProxy):
    """Calls ``strike`` once, when ``at`` bytes have ``passed`` (negative: never), or ``cuts`` that
    line there instead; ``struck`` is set as soon as that has been done."""

    def __init__(self, port: int) -> None:
        self.passed = 0
        self.at = -1
        self.cuts = False
        self.strike: Callable[[], object] = lambda: None
        self.struck = threading.Event()
        self._striking = threading.Lock()
        super().__init__(port)

    def choose(self, data: bytes, *, from_client: bool, greeting: bool) -> tuple[Fault, int]:
        """As a `FaultProxy`, having counted."""
        with self._striking:
            before, self.passed = self.passed, self.passed + len(data)
            if 0 <= self.at <= self.passed and not self.struck.is_set():
                if not self.cuts:
                    self.strike()
                # Whoever waits for it may undo it at once.
                self.struck.set()
                if self.cuts:
                    fault = Fault.CUT_REQUEST if from_client else Fault.CUT
                    return fault, max(0, self.at - before)
        return super().choose(data, from_client=from_client, greeting=greeting)

    def arm(self, at: int, strike: Callable[[], object], *, cuts: bool = False) -> None:
        """Count anew."""
        self.passed, self.at = 0, at
        self.strike, self.cuts = strike, cuts
        self.struck.clear()

    def disarm(self) -> None:
        """Let everything pass, once a strike that has begun is through; lines that were cut stay
        so."""
        with self._striking:
            self.at, self.fault = -1, Fault.NONE
