"""Words that rows are known to hold: how a word may go on, and what a mistyped one may have been.

Nearness is the optimal string alignment distance: letters that are missing, surplus, wrong, or two
neighbours in each other's place count one each (Boytsov, "Indexing methods for approximate
dictionary searching", ACM JEA 16, 2011).
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.searching import Change, Correction
from altus4_desktop.search.boolean import Word, parse_boolean, walk
from altus4_desktop.search.words import Folding, fold_word, word_spans

MAX_WORDS = 50_000
MOST_CORRECTED = 16
_MIN_CHARS = 3
_MAX_CHARS = 40
# A word of six letters with two of them changed is another word, not a typing error.
_LEAST_CORRECTED_CHARS = 4
_LEAST_COMPLETED_CHARS = 2
_TWO_ERRORS_FROM_CHARS = 7


class Vocabulary:
    """At most `MAX_WORDS` words and how often each was met; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._sorted: list[str] = []

    def __len__(self) -> int:
        return len(self._counts)

    def __contains__(self, word: str) -> bool:
        return _folded(word) in self._counts

    def add(self, texts: Iterable[str]) -> None:
        """Take up the words of ``texts``; when there is no room any more, only known ones count."""
        for text in texts:
            for start, end in word_spans(text):
                if not _MIN_CHARS <= end - start <= _MAX_CHARS:
                    continue
                self._count(_folded(text[start:end]))

    def _count(self, word: str) -> None:
        with self._lock:
            if word in self._counts:
                self._counts[word] += 1
            elif len(self._counts) < MAX_WORDS and not word.isdigit():
                self._counts[word] = 1
                insort(self._sorted, word)

    def completions(self, beginning: str) -> dict[str, int]:
        """The longer words that begin like this, and how often each was met."""
        beginning = _folded(beginning)
        with self._lock:
            first = bisect_left(self._sorted, beginning)
            last = bisect_left(self._sorted, beginning + "\uffff", first)
            return {w: self._counts[w] for w in self._sorted[first:last] if w != beginning}

    def nearest(self, word: str) -> Nearest | None:
        """The word most like a mistyped one, the commoner of two; None when ``word`` itself is
        known, or nothing is near enough."""
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        word = _folded(word)
        if len(word) < _LEAST_CORRECTED_CHARS or word.isdigit() or word in self._counts:
            return None
        cutoff = 2 if len(word) >= _TWO_ERRORS_FROM_CHARS else 1
        with self._lock:
            words = list(self._sorted)
        near = extract(word, words, scorer=OSA.distance, score_cutoff=cutoff, limit=None)
        return min(
            (Nearest(distance, -self._counts[known], known) for known, distance, _ in near),
            default=None,
        )


class Nearest(NamedTuple):
    """A known word, ordered by how near it is and how often it was met."""

    distance: int
    rarity: int
    word: str


def correct(
    query: str,
    vocabularies: Sequence[Vocabulary],
    found: Collection[str],
    *,
    boolean: bool = False,
    token: CancelToken | None = None,
) -> Correction | None:
    """``query`` with each unknown word replaced by the nearest known one; None when there is none.

    ``found`` holds words that rows are known to contain whatever the vocabularies say, without
    upper case. In a ``boolean`` query what is excluded or only begins a word stays. At most
    `MOST_CORRECTED` words are looked at. Raises Cancelled, and QuerySyntaxError for text that is no
    boolean query.
    """
    kept = _kept_spans(query) if boolean else []
    unknown = [
        (start, end)
        for start, end in word_spans(query)
        if query[start:end].lower() not in found
        and not any(first <= start and end <= last for first, last in kept)
        and not any(query[start:end] in known for known in vocabularies)
    ]
    changes = []
    for start, end in unknown[:MOST_CORRECTED]:
        if token is not None:
            token.raise_if_cancelled()
        word = query[start:end]
        nearest = [near for known in vocabularies if (near := known.nearest(word)) is not None]
        if nearest:
            changes.append(Change(start, end, min(nearest).word))
    if not changes:
        return None
    return Correction(_changed(query, changes), tuple(changes))


def _kept_spans(query: str) -> list[tuple[int, int]]:
    """Where a boolean query excludes, or gives the beginning of a word."""
    return [
        (node.start, node.end)
        for node in walk(parse_boolean(query))
        if node.operator == "-" or (isinstance(node, Word) and node.prefix)
    ]


def complete(text: str, vocabularies: Sequence[Vocabulary], limit: int) -> list[str]:
    """``text`` with its last word completed, the commonest first; nothing after a blank or sign,
    or for a single letter."""
    last = max(word_spans(text), default=None)
    if last is None or last[1] != len(text) or last[1] - last[0] < _LEAST_COMPLETED_CHARS:
        return []
    counts: Counter[str] = Counter()
    for known in vocabularies:
        counts.update(known.completions(text[last[0] :]))
    best = sorted(counts, key=lambda word: (-counts[word], word))[:limit]
    return [text[: last[0]] + word for word in best]


def _changed(query: str, changes: Iterable[Change]) -> str:
    for change in sorted(changes, key=lambda change: -change.start):
        query = query[: change.start] + change.word + query[change.end :]
    return query


def _folded(word: str) -> str:
    return fold_word(word, Folding.CASE)
