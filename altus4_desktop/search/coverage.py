"""How much of a question each row of a source holds, comparably between sources.

InnoDB's rank of a row is the sum over the words of tf * idf * idf (MySQL manual, "InnoDB Full-Text
Search: Relevancy ranking"), with the rarity of a word counted in one index. Here the same sum is
taken with one rarity for all sources, counted in the first `WEIGHED_ROWS` rows of each: every page
fetches them, so all pages agree. A source of long texts holds every word more often, so a source's
occurrences are divided by the length of its texts against that of all, as BM25 does with rows
(Robertson and Zaragoza, 2009; b as in our BM25). Only a source as a whole is, for within a source
the order is the server's.

For the same reason a row never weighs more than the one before it in its source: where it holds
more, both weigh their mean (pooling adjacent violators, Ayer et al., "An Empirical Distribution
Function for Sampling with Incomplete Information", 1955). A row whose text was not fetched whole
may hold more than is seen: it weighs what the row before it does.

Weights that people gave to columns count a word as so many words (`join_columns`). Those of sources
come after all this, and cannot make a weak source a strong one: one whose best row holds less than
`WEAK` of what the best row of all holds is not raised (`source_factor`), or its rows would stand
between those that answer the question.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from altus4_desktop.search.terms import Fate, IndexRules, read_terms
from altus4_desktop.search.words import fold, fold_word, word_characters

# Every page must see the same rows, so every page fetches at least these.
WEIGHED_ROWS = 20
_LENGTH_SHARE = 0.2
# A row is never worth nothing, or rows would change places from page to page.
_LEAST = 0.05
WEAK = 0.25


@dataclass(frozen=True, slots=True)
class HeldWords:
    """How often a row's text holds each word of a question; ``cut``: not all of it was fetched."""

    counts: tuple[float, ...]
    length: int
    cut: bool = False


def indexed_words(query: str, rules: IndexRules) -> frozenset[str]:
    """The words of natural ``query`` that an index can find, without upper case."""
    return frozenset(
        word.text.lower()
        for term in read_terms(query, rules, boolean=False)
        for word in term.words
        if word.fate is Fate.INDEXED
    )


def count_words(
    text: str, words: Sequence[str], rules: IndexRules, *, cut: bool = False
) -> HeldWords:
    """How often ``text`` holds each of ``words``."""
    folded, _ = fold(text, rules.folding)
    whole = not rules.ngram_size
    counts = tuple(_count(folded, fold_word(word, rules.folding), whole=whole) for word in words)
    return HeldWords(counts, len(folded), cut)


def join_columns(parts: Sequence[tuple[HeldWords, float]], *, cut: bool) -> HeldWords:
    """What a row holds whose columns hold ``parts``, each with the weight of its column."""
    weighed = [[count * weight for count in held.counts] for held, weight in parts]
    counts = tuple(map(sum, zip(*weighed, strict=True)))
    return HeldWords(counts, sum(held.length for held, _ in parts), cut)


def source_factor(weight: float, held: Sequence[float]) -> float:
    """What the rows of a source are multiplied by that somebody gave ``weight``; ``held`` are its
    `row_weights`, empty when they were not measured."""
    return min(weight, 1.0) if held and held[0] < WEAK else weight


def row_weights(sources: Sequence[Sequence[HeldWords]]) -> list[list[float]]:
    """The weight of each row of each source, above 0 and up to 1, never rising within a source."""
    first = [row for rows in sources for row in rows[:WEIGHED_ROWS]]
    if not first:
        return [[] for _ in sources]
    rarity = [
        math.log((len(first) + 1) / (sum(map(bool, counts)) + 0.5)) ** 2
        for counts in zip(*(row.counts for row in first), strict=True)
    ]
    mean_length = fmean(row.length for row in first) or 1.0
    falling = [_falling(rows, _sums(rows, rarity, mean_length)) for rows in sources]
    best = max(values[0] for values in falling if values)
    if not best:
        return [[1.0] * len(rows) for rows in sources]
    return [[max(value / best, _LEAST) for value in values] for values in falling]


def _falling(rows: Sequence[HeldWords], values: Sequence[float]) -> list[float]:
    """``values`` so that none is greater than the one before: the nearest such ones among the first
    `WEIGHED_ROWS`, which every page sees, and no more than the last of them after that."""
    pools: list[tuple[float, int]] = []
    first = zip(rows[:WEIGHED_ROWS], values, strict=False)
    for value in (value for row, value in first if not row.cut):
        mean, size = value, 1
        while pools and pools[-1][0] < mean:
            above, count = pools.pop()
            mean = (mean * size + above * count) / (size + count)
            size += count
        pools.append((mean, size))
    fitted = iter([mean for mean, size in pools for _ in range(size)])
    lowest = max(values[:WEIGHED_ROWS], default=0.0)
    falling = []
    for place, (row, value) in enumerate(zip(rows, values, strict=True)):
        if not row.cut:
            lowest = next(fitted) if place < WEIGHED_ROWS else min(lowest, value)
        falling.append(lowest)
    return falling


def _sums(rows: Sequence[HeldWords], rarity: Sequence[float], mean_length: float) -> list[float]:
    if not rows:
        return []
    length = fmean(row.length for row in rows[:WEIGHED_ROWS]) / mean_length
    share = 1 - _LENGTH_SHARE + _LENGTH_SHARE * length
    return [
        sum(count * rare for count, rare in zip(row.counts, rarity, strict=True)) / share
        for row in rows
    ]


def _count(folded: str, word: str, *, whole: bool) -> int:
    # Most words that are missing are missing even as a part of another, which is quicker to see.
    if not whole or word not in folded:
        return folded.count(word)
    return len(_word(word).findall(folded))


@lru_cache(maxsize=512)
def _word(word: str) -> re.Pattern[str]:
    joined = f"[{word_characters()}]"
    return re.compile(f"(?<!{joined}){re.escape(word)}(?!{joined})")
