"""Which terms of a question an index is asked for, so that reading their postings stays cheap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from altus4_desktop.search.ranking.question import Question, QuestionTerm
from altus4_desktop.search.terms import Fate, IndexRules

# A server reads some postings in a microsecond: so many cost some ten milliseconds.
MOST_POSTINGS = 40_000
MOST_TERMS = 32
_SHORTEST_PREFIX = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """The text to match, read as ``boolean`` or natural ("" when the index can find nothing), and
    the terms that were left out because they are too frequent."""

    query: str
    boolean: bool
    left_out: tuple[QuestionTerm, ...] = ()


def choose_terms(
    question: Question, rules: IndexRules, df: Callable[[QuestionTerm], float]
) -> Choice:
    """The rarest terms first, until their rows come to `MOST_POSTINGS`; always one.

    ``df`` tells in about how many rows a term stands. An index of pairs of characters (ngram) is
    asked in natural mode, which takes a word apart by itself.
    """
    if rules.ngram_size:
        words = dict.fromkeys(word for term in question.terms for word in term.words)
        found = [word for word in words if rules.fate(word) is Fate.INDEXED]
        return Choice(" ".join(found[:MOST_TERMS]), boolean=False)
    usable = [(df(term), at, term) for at, term in enumerate(question.terms)]
    usable = [item for item in usable if search_text(item[2], rules)]
    usable.sort(key=lambda item: item[:2])
    chosen: list[tuple[int, QuestionTerm]] = []
    left_out = []
    postings = 0.0
    for rows, at, term in usable:
        postings += rows
        if chosen and (postings > MOST_POSTINGS or len(chosen) == MOST_TERMS):
            left_out.append(term)
        else:
            chosen.append((at, term))
    texts = dict.fromkeys(
        search_text(term, rules) for _, term in sorted(chosen, key=lambda item: item[0])
    )
    return Choice(" ".join(texts), boolean=True, left_out=tuple(left_out))


def search_text(term: QuestionTerm, rules: IndexRules) -> str:
    """``term`` in the boolean language, for an index of whole words; "" when it cannot be found."""
    words = [word for word in term.words if rules.fate(word) is Fate.INDEXED]
    if not words:
        return ""
    if term.whole or len(term.prefix) < _SHORTEST_PREFIX:
        return " ".join(words)
    return f"{term.prefix}*"
