"""Where a row holds forms of the question's words."""

from __future__ import annotations

from altus4_desktop.search.ranking.question import Question
from altus4_desktop.search.snippets import MAX_MATCHES_PER_COLUMN, Highlighter, Span
from altus4_desktop.search.terms import IndexRules, read_terms
from altus4_desktop.search.words import Folding, has_cjk, word_spans


class StemHighlighter(Highlighter):
    """Marks every word that has the stem of a word of ``question``."""

    def __init__(self, question: Question, rules: IndexRules) -> None:
        # What the server matches is marked where no form of a word stands, as for ngram indexes.
        super().__init__(read_terms(question.text, rules, boolean=False), rules, boolean=False)
        self._words = self._finder
        self._finder = _StemFinder(question)


class _StemFinder:
    def __init__(self, question: Question) -> None:
        self._stem = question.analyser.stem
        self._stems = frozenset(term.stem for term in question.terms)
        self._known: dict[str, bool] = {}

    def spans(self, text: str, folding: Folding) -> list[Span]:  # noqa: ARG002  # stems have none
        """The matches in ``text``, in order."""
        found: list[Span] = []
        for start, end in word_spans(text):
            if self._is_asked(text[start:end]):
                found.append((start, end))
                if len(found) == MAX_MATCHES_PER_COLUMN:
                    break
        return found

    def _is_asked(self, word: str) -> bool:
        known = self._known.get(word)
        if known is None:
            known = not has_cjk(word) and self._stem(word) in self._stems
            self._known[word] = known
        return known
