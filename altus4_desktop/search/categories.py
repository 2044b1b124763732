"""Groups of hits that speak of the same thing, named by the words that tell them from the others.

A word is worth the rows that it gathers times the logarithm of how rare it is among the hits
(tf-idf with a row's words counted once: K. Spärck Jones, 1972). The worthiest word takes its rows,
then the next one those that are left; a second word that most of a group's rows share joins its
name. Words of the question stand in all hits and tell nothing; function words tell nothing either.
Equal worth is settled by the alphabet, so the same hits always fall into the same groups.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence

from altus4_desktop.domain.searching import Category, SearchHit
from altus4_desktop.search.ranking.question import STOP_WORDS
from altus4_desktop.search.stemming import detect_language, function_words
from altus4_desktop.search.words import split_words

MAX_CATEGORIES = 8
# They bound the time: some 10 ms for the largest hits.
_READ_HITS = 100
_READ_CHARS = 1500
_FEWEST_HITS = 4
SHORTEST_WORD = 3
_MOST_SHARE = 0.6
_NAMING_SHARE = 2 / 3


def find_categories(hits: Sequence[SearchHit], query: str) -> tuple[Category, ...]:
    """The groups of the first hundred ``hits``, largest first; a hit is in one group or in none."""
    texts = [hit_text(hit) for hit in hits[:_READ_HITS]]
    if len(texts) < _FEWEST_HITS:
        return ()
    silent = STOP_WORDS | function_words(detect_language(" ".join(text[:200] for text in texts)))
    asked = {word.lower() for word in split_words(query)}
    rows = [
        frozenset(
            word
            for word in map(str.lower, split_words(text))
            if len(word) >= SHORTEST_WORD
            and not word[0].isdigit()
            and word not in silent
            and not _is_asked(word, asked)
        )
        for text in texts
    ]
    held = Counter(word for row in rows for word in row)
    most = _MOST_SHARE * len(rows)
    rarity = {
        word: math.log(1 + len(rows) / count) for word, count in held.items() if 2 <= count <= most
    }
    found: list[Category] = []
    left = set(range(len(rows)))
    while left and len(found) < MAX_CATEGORIES:
        gathered = Counter(word for place in left for word in rows[place] if word in rarity)
        worth = {word: n * rarity[word] for word, n in gathered.items() if n > 1}
        if not worth:
            break
        name = min(worth, key=lambda word: (-worth[word], word))
        group = {place for place in left if name in rows[place]}
        second = _second(name, [rows[place] for place in group], rarity)
        found.append(Category(", ".join(filter(None, (name, second))), len(group)))
        left -= group
    return tuple(sorted(found, key=lambda category: (-category.count, category.name)))


def hit_text(hit: SearchHit) -> str:
    """The beginning of what a row says, its columns one after the other."""
    cells = (value for value in hit.columns.values() if isinstance(value, str))
    return " ".join(cell[:_READ_CHARS] for cell in cells)[:_READ_CHARS]


def _is_asked(word: str, asked: Collection[str]) -> bool:
    """Whether the question has the word, or its plural or singular."""
    return word in asked or word.removesuffix("s") in asked or f"{word}s" in asked


def _second(name: str, group: Sequence[frozenset[str]], rarity: dict[str, float]) -> str:
    shared = Counter(word for row in group for word in row if word in rarity and word != name)
    enough = [word for word, count in shared.items() if count >= _NAMING_SHARE * len(group)]
    return min(enough, key=lambda word: (-shared[word] * rarity[word], word), default="")
