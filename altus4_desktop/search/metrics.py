"""How good ranked lists are, and whether one way to rank is better than another.

A list is judged by grades: 0 is not relevant, more is better; what nobody has judged counts as 0.
A document that stands in a list twice counts where it stands first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEPTH = 10
"""How many of a list's first documents nDCG and precision look at."""
# Sums of the same gains in another order differ in their last digits.
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Quality:
    """The measures of one list, or the means of many; each from 0 to 1."""

    ndcg: float = 0.0
    precision: float = 0.0
    reciprocal_rank: float = 0.0


@dataclass(frozen=True, slots=True)
class SignTest:
    """Where B was better (``wins``), worse (``losses``) or as good as A, and how likely a split as
    uneven is by chance."""

    wins: int
    losses: int
    ties: int
    p_value: float


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], depth: int = DEPTH) -> float:
    """Normalised discounted cumulative gain of the first ``depth`` documents, 0 to 1.

    Gain 2^grade - 1, discount log2(rank + 1) (Burges et al., “Learning to Rank using Gradient
    Descent”, ICML 2005, after Järvelin and Kekäläinen, “Cumulated gain-based evaluation of IR
    techniques”, TOIS 2002). The ideal list is made of all judged documents, found or not; 0 when
    none of them is relevant.
    """
    ideal = _discounted(sorted(grades.values(), reverse=True)[:depth])
    return _discounted(_grades(ranked, grades)[:depth]) / ideal if ideal else 0.0


def precision(ranked: Sequence[str], grades: Mapping[str, int], depth: int = DEPTH) -> float:
    """The share of relevant documents among the first ``depth``, 0 to 1.

    Places that a short list leaves empty count as not relevant, as in trec_eval (Manning, Raghavan,
    Schütze, “Introduction to Information Retrieval”, 2008, 8.4).
    """
    return sum(grade > 0 for grade in _grades(ranked, grades)[:depth]) / depth


def reciprocal_rank(ranked: Sequence[str], grades: Mapping[str, int]) -> float:
    """1 / the rank of the first relevant document, 0 without one (Voorhees, “The TREC-8 Question
    Answering Track Report”, TREC 1999)."""
    for rank, grade in enumerate(_grades(ranked, grades), 1):
        if grade > 0:
            return 1 / rank
    return 0.0


def measure(ranked: Sequence[str], grades: Mapping[str, int]) -> Quality:
    """All measures of one list."""
    return Quality(ndcg(ranked, grades), precision(ranked, grades), reciprocal_rank(ranked, grades))


def mean_quality(qualities: Sequence[Quality]) -> Quality:
    """The mean of each measure; all 0 of nothing."""
    if not qualities:
        return Quality()
    count = len(qualities)
    return Quality(
        math.fsum(quality.ndcg for quality in qualities) / count,
        math.fsum(quality.precision for quality in qualities) / count,
        math.fsum(quality.reciprocal_rank for quality in qualities) / count,
    )


def sign_test(first: Sequence[float], second: Sequence[float]) -> SignTest:
    """Compare two ways to rank by what each got for the same queries, in the same order.

    Exact and two-sided, ties left out (Dixon and Mood, “The statistical sign test”, JASA 1946):
    twice the probability of at most min(wins, losses) heads in wins + losses tosses of a fair
    coin, at most 1. Raises ValueError for lists of different lengths.
    """
    differences = [b - a for a, b in zip(first, second, strict=True)]
    wins = sum(difference > _SAME for difference in differences)
    losses = sum(difference < -_SAME for difference in differences)
    tosses = wins + losses
    tail = sum(math.comb(tosses, heads) for heads in range(min(wins, losses) + 1))
    # Whole numbers to the end: 2^tosses is beyond a float from 1,024 queries on.
    p_value = min(2 * tail, 2**tosses) / 2**tosses
    return SignTest(wins, losses, len(differences) - tosses, p_value)


def _grades(ranked: Sequence[str], grades: Mapping[str, int]) -> list[int]:
    seen: set[str] = set()
    found = []
    for document in ranked:
        found.append(0 if document in seen else grades.get(document, 0))
        seen.add(document)
    return found


def _discounted(grades: Sequence[int]) -> float:
    gains = ((2 ** max(grade, 0) - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))
    return math.fsum(gains)
