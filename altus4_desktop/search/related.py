"""The telling words of one row among the rows that were found with it.

A word's worth is how often it stands in the row, damped by the logarithm, times how rare it is
among the rows (tf-idf: G. Salton and C. Buckley, 1988). Function words and numbers tell nothing.
Equal worth is settled by the alphabet.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from altus4_desktop.domain.searching import SearchHit
from altus4_desktop.search.categories import SHORTEST_WORD, hit_text
from altus4_desktop.search.ranking.question import STOP_WORDS
from altus4_desktop.search.stemming import detect_language, function_words
from altus4_desktop.search.words import split_words

MAX_WORDS = 8
# A longer run of letters is data rather than a word, and would fill the query.
_LONGEST_WORD = 40
# They bound the time, as they do for categories.
_READ_HITS = 100


def find_telling_words(hit: SearchHit, hits: Sequence[SearchHit]) -> tuple[str, ...]:
    """At most eight words of ``hit``, the most telling first; empty when its text has none."""
    text = hit_text(hit)
    silent = STOP_WORDS | function_words(detect_language(text))
    counts = Counter(
        word
        for word in map(str.lower, split_words(text))
        if SHORTEST_WORD <= len(word) <= _LONGEST_WORD
        and not word[0].isdigit()
        and word not in silent
    )
    others = [frozenset(map(str.lower, split_words(hit_text(h)))) for h in hits[:_READ_HITS]]
    worth = {
        word: (1 + math.log(count)) * math.log(1 + len(others) / max(1, _held(word, others)))
        for word, count in counts.items()
    }
    return tuple(sorted(worth, key=lambda word: (-worth[word], word))[:MAX_WORDS])


def _held(word: str, rows: Sequence[frozenset[str]]) -> int:
    return sum(word in row for row in rows)
