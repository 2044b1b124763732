"""Finds what a person means from a few letters."""

from __future__ import annotations


def score(pattern: str, text: str) -> float | None:
    """How well the letters of ``pattern`` fit ``text`` in order, higher is better; None: not.

    Letters that begin words or follow each other count more, and short texts a little more.
    """
    wanted = "".join(pattern.lower().split())
    if not wanted:
        return 0.0
    lowered = text.lower()
    best: float | None = None
    start = lowered.find(wanted[0])
    while start >= 0:
        found = _score_from(wanted, lowered, start)
        if found is not None and (best is None or found > best):
            best = found
        start = lowered.find(wanted[0], start + 1)
    return None if best is None else best - len(text) / 100


def _score_from(wanted: str, text: str, start: int) -> float | None:
    total = 0.0
    position = start - 1
    for letter in wanted:
        found = text.find(letter, position + 1)
        if found < 0:
            return None
        if found == 0 or not text[found - 1].isalnum():
            total += 3.0
        elif found == position + 1:
            total += 2.0
        else:
            total += 0.5
        position = found
    return total
