"""Rows for benchmarks: made on the spot, the same every time."""

from __future__ import annotations

import random

_WORDS = """
    boundary layer flow supersonic wing laminar turbulent stream heat transfer pressure mach
    number shock wave surface plate cone body nose drag lift theory method solution equation
    approximate exact experimental results obtained present investigation model analysis
    temperature gradient velocity distribution skin friction coefficient reynolds viscosity
    compressible incompressible cylinder flutter buckling shell structure panel load stress
    creep time material high speed low angle attack slender ratio thin airfoil propeller jet
""".split()  # noqa: SIM905  # far easier to read than 90 quoted words
_BATCH = 500
_VOCABULARY = 30_000


def article_statements(rows: int, words: int = 120, seed: int = 1) -> list[str]:
    """A table ``articles`` (id, title, body) with one FULLTEXT index and ``rows`` rows."""
    dice = random.Random(seed)
    weights = [1 / (rank + 1) ** 0.7 for rank in range(len(_WORDS))]
    table = (
        "CREATE TABLE articles (id INT PRIMARY KEY, title VARCHAR(200), body TEXT,"
        " FULLTEXT ft_articles (title, body))"
    )
    values = []
    for number in range(1, rows + 1):
        drawn = dice.choices(_WORDS, weights, k=words + 6)
        values.append(f"({number},'{' '.join(drawn[:6])}','{' '.join(drawn[6:])}')")
    batches = (values[at : at + _BATCH] for at in range(0, rows, _BATCH))
    return [table, *(f"INSERT INTO articles VALUES {','.join(batch)}" for batch in batches)]


def made_up_vocabulary() -> tuple[list[str], list[float]]:
    """Made-up words, and weights as frequent as the words of a language are (Zipf's law)."""
    dice = random.Random(1)
    syllables = [a + b for a in "bcdfghklmnprstvz" for b in "aeiou"]
    words: dict[str, None] = {}
    while len(words) < _VOCABULARY:
        words["".join(dice.choices(syllables, k=dice.choice((2, 3, 3, 4))))] = None
    return list(words), [1 / (rank + 10) for rank in range(_VOCABULARY)]
