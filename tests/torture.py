"""How often what is left to chance is tried: a little in every run, as long as wanted by
``make torture``.

``ALTUS4_TEST_TORTURE=1`` tries everything as often as ``docs/reliability.md`` says, ``0.1`` a tenth
as often. The seed is printed with the outcome and can be given as ``ALTUS4_TEST_SEED``.
"""

from __future__ import annotations

import gc
import os
import random

SEED = int(os.environ.get("ALTUS4_TEST_SEED", "20260301"))
_SHARE = float(os.environ.get("ALTUS4_TEST_TORTURE", "0"))
_TOLD: list[str] = []


def tortured() -> bool:
    """Whether there is all the time in the world."""
    return _SHARE > 0


def times(quick: int, whole: int) -> int:
    """How often something is tried: ``quick`` in every run, ``whole`` by ``make torture``."""
    return max(quick, round(whole * _SHARE))


def dice(what: str) -> random.Random:
    """Chance for one test, the same with each seed."""
    return random.Random(f"{SEED} {what}")


def tidy() -> None:
    """Collect what a long test has left so far: garbage is kept until a test ends."""
    gc.collect(1)


def tell(outcome: str) -> None:
    """Have ``outcome`` printed when all tests have run."""
    _TOLD.append(outcome)


def told() -> list[str]:
    """What the tests have found, with their seed."""
    return [f"{outcome} (seed {SEED})" for outcome in _TOLD]
