"""How much of a question the best rows of a source answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from altus4_desktop.search.terms import Fate, IndexRules, read_terms
from altus4_desktop.search.words import fold, fold_word, word_characters

# Every page must see the same rows, so every page fetches at least these.
WEIGHED_ROWS = 5


def indexed_words(query: str, rules: IndexRules) -> frozenset[str]:
    """The words of natural ``query`` that an index can find, without upper case."""
    return frozenset(
        word.text.lower()
        for term in read_terms(query, rules, boolean=False)
        for word in term.words
        if word.fate is Fate.INDEXED
    )


def coverage(texts: Sequence[str], words: Collection[str], rules: IndexRules) -> float:
    """The share of ``words`` that the rows with ``texts``, best first, contain: from 0 to 1.

    A row counts by its place, the first one twice as much as the second.
    """
    if not texts or not words:
        return 1.0
    wanted = [fold_word(word, rules.folding) for word in words]
    whole = not rules.ngram_size
    worth = total = 0.0
    for place, text in enumerate(texts, 1):
        folded, _ = fold(text, rules.folding)
        held = sum(_holds(folded, word, whole=whole) for word in wanted)
        worth += held / len(wanted) / place
        total += 1 / place
    return worth / total


def _holds(folded: str, word: str, *, whole: bool) -> bool:
    # Most words that are missing are missing even as a part of another, which is quicker to see.
    return word in folded and (not whole or _word(word).search(folded) is not None)


@lru_cache(maxsize=512)
def _word(word: str) -> re.Pattern[str]:
    joined = f"[{word_characters()}]"
    return re.compile(f"(?<!{joined}){re.escape(word)}(?!{joined})")
