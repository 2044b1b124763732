"""A proxy whose lines fail at random: every kind of fault, and how many there have been."""

from __future__ import annotations

import random
import threading
from collections import Counter

from tests.faults import Fault, FaultProxy

# A line that says nothing costs whoever waits for it all its patience; the others cost little.
_WEIGHTS = {
    Fault.RESET: 20,
    Fault.CUT: 40,
    Fault.SLICE: 15,
    Fault.LATENCY: 10,
    Fault.HALF_CLOSE: 10,
    Fault.BLACKHOLE: 2,
}
_SLICED_MOST = 3000


class RandomFaults(FaultProxy):
    """Each time something passes it meets a fault with the chance ``rate``, drawn from ``dice``."""

    def __init__(self, port: int, dice: random.Random) -> None:
        self.rate = 0.0
        self.injected: Counter[Fault] = Counter()
        self._dice = dice
        self._drawing = threading.Lock()
        super().__init__(port)
        self.latency_s = 0.05

    def choose(self, data: bytes, *, from_client: bool, greeting: bool) -> tuple[Fault, int]:
        """A fault that ``data`` can meet, and after how many of its bytes a line is cut."""
        with self._drawing:
            if self._dice.random() >= self.rate:
                return Fault.NONE, 0
            if greeting and self._dice.random() < 0.2:
                fault = Fault.STRIP_TLS
            else:
                (fault,) = self._dice.choices([*_WEIGHTS], [*_WEIGHTS.values()])
            if fault in (Fault.CUT, Fault.CUT_REQUEST):
                fault = Fault.CUT_REQUEST if from_client else Fault.CUT
            elif fault is Fault.SLICE and (from_client or len(data) > _SLICED_MOST):
                fault = Fault.LATENCY
            self.injected[fault] += 1
            return fault, self._dice.randrange(len(data))
