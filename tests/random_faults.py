"""A proxy whose lines fail at random: every kind of fault, and how often each has struck."""

from __future__ import annotations

import random
import threading
from collections import Counter

from tests.faults import Fault, FaultProxy, Line

# A line that says nothing costs whoever waits for it all its patience; the others cost little.
_WEIGHTS = {
    Fault.RESET: 20,
    Fault.CUT: 40,
    Fault.SLICE: 15,
    Fault.LATENCY: 10,
    Fault.HALF_CLOSE: 10,
    Fault.BLACKHOLE: 3,
}
# A line has one greeting, and much else to pass.
_STRIPPED_MORE_OFTEN = 10
_SLICED_MOST = 3000
STRIKES = frozenset({*_WEIGHTS, Fault.STRIP_TLS})


class RandomFaults(FaultProxy):
    """Each time something passes it meets a fault with the chance ``rate``, drawn from ``dice``.

    A line that has fallen into a black hole stays there. ``struck`` counts the faults that changed
    something, cuts of either direction as `Fault.CUT`.
    """

    def __init__(self, port: int, dice: random.Random) -> None:
        self.rate = 0.0
        self.struck: Counter[Fault] = Counter()
        self._dice = dice
        self._drawing = threading.Lock()
        super().__init__(port)
        self.latency_s = 0.05

    def choose(self, data: bytes, *, from_client: bool, greeting: bool) -> tuple[Fault, int]:
        """A fault that ``data`` can meet, and after how many of its bytes a line is cut."""
        with self._drawing:
            if greeting and self._dice.random() < self.rate * _STRIPPED_MORE_OFTEN:
                return Fault.STRIP_TLS, 0
            if self._dice.random() >= self.rate:
                return Fault.NONE, 0
            (fault,) = self._dice.choices([*_WEIGHTS], [*_WEIGHTS.values()])
            if fault is Fault.CUT and from_client:
                fault = Fault.CUT_REQUEST
            elif fault is Fault.SLICE and (from_client or len(data) > _SLICED_MOST):
                fault = Fault.LATENCY
            return fault, self._dice.randrange(len(data))

    def note_strike(self, fault: Fault, line: Line) -> None:
        """Count it; a black hole lasts as long as its line."""
        line.dead = line.dead or fault is Fault.BLACKHOLE
        with self._drawing:
            self.struck[Fault.CUT if fault is Fault.CUT_REQUEST else fault] += 1
