"""Where a row matches, and the piece of its text worth showing.

A match is marked where the server found one: whole words (or words that begin with ``flow*``),
compared as the column's collation compares them, phrases in order, pieces for the ngram parser.
Words the index ignores are not marked. Time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from altus4_desktop.domain.schema import TableInfo
from altus4_desktop.domain.searching import Match, Value
from altus4_desktop.search.terms import Fate, IndexRules, JudgedWord, Term
from altus4_desktop.search.words import Folding, fold, fold_word, word_pattern

SNIPPET_CHARS = 220
# A cell full of the word is not marked to its end: nobody reads that far, and every mark costs.
MAX_MATCHES_PER_COLUMN = 60
_LEAD_CHARS = 40

_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_TEXT_TYPES = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_TITLE_NAMES = (
    "title",
    "name",
    "subject",
    "headline",
    "heading",
    "caption",
    "label",
    "summary",
    "question",
    "topic",
)
_LONGEST_TITLE = 512
_LENGTH = re.compile(r"\((\d+)\)")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Needle:
    """Folded words that stand one after the other; ``anywhere`` ignores word boundaries."""

    words: tuple[str, ...]
    prefix: bool = False
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class Snippet:
    """What to show of a row: ``matches`` are in its columns, ``snippet_matches`` in ``text``."""

    text: str
    snippet_matches: tuple[Span, ...]
    matches: tuple[Match, ...]


class Highlighter:
    """Finds the matches of one query in the rows of one index."""

    def __init__(self, terms: Sequence[Term], rules: IndexRules, *, boolean: bool) -> None:
        self._folding = rules.folding
        wanted = [term for term in terms if not term.excluded]
        self._needles = _needles(wanted, rules, boolean=boolean)
        self._words = _single_words(wanted, rules)

    def snippet(
        self, columns: Mapping[str, Value], indexed: Sequence[str], title_column: str
    ) -> Snippet:
        """The matches in the ``indexed`` columns and the piece of text around the best of them."""
        texts = [(name, text) for name in indexed if isinstance(text := columns.get(name), str)]
        found = self._find_in(texts, self._needles)
        if not found and self._words:
            # A phrase may hold words that the server skips: show its words then.
            found = self._find_in(texts, self._words)
        matches = tuple(
            Match(name, start, end) for name, spans in found.items() for start, end in spans
        )
        chosen, spans = _choose(texts, found, title_column)
        text, marks = _cut(chosen, spans)
        return Snippet(text, marks, matches)

    def spans(self, text: str) -> list[Span]:
        """The matches in ``text``, in order, none touching another."""
        return _find(text, self._needles, self._folding)

    def _find_in(
        self, texts: Sequence[tuple[str, str]], needles: Sequence[_Needle]
    ) -> dict[str, list[Span]]:
        found = {}
        for name, text in texts:
            spans = _find(text, needles, self._folding)
            if spans:
                found[name] = spans
        return found


def title_column(table: TableInfo) -> str:
    """The column that reads like a title, or ""."""
    texts = [column for column in table.columns if column.data_type in _TEXT_TYPES]
    names = {column.name.lower(): column.name for column in texts}
    for name in _TITLE_NAMES:
        if name in names:
            return names[name]
    for name in _TITLE_NAMES:
        for lower, original in names.items():
            if lower.endswith(("_" + name, name)):
                return original
    for column in texts:
        length = _LENGTH.search(column.type)
        if column.name not in table.key and length and int(length[1]) <= _LONGEST_TITLE:
            return column.name
    return ""


def _needles(terms: Sequence[Term], rules: IndexRules, *, boolean: bool) -> tuple[_Needle, ...]:
    if rules.ngram_size:
        return _ngram_needles(terms, rules, boolean=boolean)
    needles: dict[_Needle, None] = {}
    for term in terms:
        if term.phrase and not term.distance and len(term.words) > 1 and rules.reads_phrases:
            words = [word.text for word in _trimmed(term)]
            if words:
                needles[_Needle(tuple(fold_word(word, rules.folding) for word in words))] = None
            continue
        for at, word in enumerate(term.words):
            if word.fate is Fate.INDEXED:
                last = at == len(term.words) - 1
                folded = fold_word(word.text, rules.folding)
                needles[_Needle((folded,), prefix=term.prefix and last)] = None
    return tuple(needles)


def _single_words(terms: Sequence[Term], rules: IndexRules) -> tuple[_Needle, ...]:
    if rules.ngram_size:
        return ()
    return tuple(
        _Needle((fold_word(word.text, rules.folding),))
        for term in terms
        if term.phrase and len(term.words) > 1
        for word in term.words
        if word.fate is Fate.INDEXED
    )


def _ngram_needles(
    terms: Sequence[Term], rules: IndexRules, *, boolean: bool
) -> tuple[_Needle, ...]:
    needles: dict[_Needle, None] = {}
    size = rules.ngram_size
    for term in terms:
        for word in term.words:
            if word.fate is not Fate.INDEXED:
                continue
            folded = fold_word(word.text, rules.folding)
            if boolean or term.phrase:
                pieces = [folded]
            else:
                pieces = [folded[at : at + size] for at in range(len(folded) - size + 1)]
            for piece in pieces:
                needles[_Needle((piece,), anywhere=True)] = None
    return tuple(needles)


def _trimmed(term: Term) -> Sequence[JudgedWord]:
    """The words of a phrase from the first to the last that the index holds."""
    held = [at for at, word in enumerate(term.words) if word.fate is Fate.INDEXED]
    return term.words[held[0] : held[-1] + 1] if held else ()


def _find(text: str, needles: Sequence[_Needle], folding: Folding) -> list[Span]:
    if not text or not needles:
        return []
    folded, origins = fold(text, folding)
    spans: list[Span] = []
    for needle in needles:
        if needle.anywhere:
            _find_anywhere(folded, needle.words[0], spans)
        else:
            _find_words(folded, needle, spans)
    if len(spans) > 1:
        spans = _merge(spans)
    if origins is None:
        return spans
    return [(origins[start], _after(text, origins, end)) for start, end in spans]


def _after(text: str, origins: list[int], end: int) -> int:
    """The index in ``text`` behind the folded character before ``end``, marks on it included."""
    return origins[end] if end < len(origins) - 1 else len(text)


def _find_anywhere(folded: str, piece: str, spans: list[Span]) -> None:
    limit = len(spans) + MAX_MATCHES_PER_COLUMN
    at = folded.find(piece)
    while at >= 0 and len(spans) < limit:
        spans.append((at, at + len(piece)))
        at = folded.find(piece, at + len(piece))


def _find_words(folded: str, needle: _Needle, spans: list[Span]) -> None:
    limit = len(spans) + MAX_MATCHES_PER_COLUMN
    first = needle.words[0]
    match = word_pattern().match
    at = folded.find(first)
    while at >= 0 and len(spans) < limit:
        word = match(folded, at)
        word_end = word.end() if word is not None else at + len(first)
        if at and match(folded, at - 1) is not None:
            # In the middle of a word.
            at = folded.find(first, word_end)
            continue
        end = _end_of(folded, needle, at, word_end)
        if end:
            spans.append((at, end))
        at = folded.find(first, max(end, word_end))


def _end_of(folded: str, needle: _Needle, at: int, word_end: int) -> int:
    """Where the needle that begins at ``at`` ends, 0 when it is something else."""
    first = needle.words[0]
    if len(needle.words) == 1:
        return word_end if needle.prefix or word_end == at + len(first) else 0
    if word_end != at + len(first):
        return 0
    search = word_pattern().search
    end = word_end
    for wanted in needle.words[1:]:
        word = search(folded, end)
        if word is None or word.group() != wanted:
            return 0
        end = word.end()
    return end


def _merge(spans: list[Span]) -> list[Span]:
    spans.sort()
    merged = [spans[0]]
    for start, end in spans[1:]:
        last_start, last_end = merged[-1]
        if start < last_end:
            merged[-1] = (last_start, max(end, last_end))
        else:
            merged.append((start, end))
    return merged[:MAX_MATCHES_PER_COLUMN]


def _choose(
    texts: Sequence[tuple[str, str]], found: Mapping[str, list[Span]], title: str
) -> tuple[str, list[Span]]:
    """The text to cut the snippet from: the one that matches most, the title only for want of
    another."""
    best_text, best_spans, best = "", [], (-1, -1, -1)
    for name, text in texts:
        spans = found.get(name, [])
        worth = (name != title and bool(spans), len(spans), bool(text) + (name != title))
        if worth > best:
            best_text, best_spans, best = text, spans, worth
    return best_text, best_spans


def _cut(text: str, spans: list[Span]) -> tuple[str, tuple[Span, ...]]:
    """A piece of ``text`` on one line with the most matches in it, and where they are there."""
    start, end = _window(text, spans)
    pieces = ["…"] if start else []
    length = len(pieces)
    marks: list[Span] = []
    at = start
    for span_start, span_end in spans:
        if span_end <= start or span_start >= end:
            continue
        before = _one_line(text[at : max(span_start, at)])
        marked = _one_line(text[max(span_start, at) : min(span_end, end)])
        pieces += (before, marked)
        length += len(before)
        marks.append((length, length + len(marked)))
        length += len(marked)
        at = min(span_end, end)
    pieces.append(_one_line(text[at:end]))
    if end < len(text):
        pieces.append("…")
    return "".join(pieces), tuple(marks)


def _window(text: str, spans: Sequence[Span]) -> Span:
    if len(text) <= SNIPPET_CHARS:
        return 0, len(text)
    if not spans:
        return 0, _back_to_blank(text, SNIPPET_CHARS, 0)
    first = last = best_first = best_count = 0
    for first, (span_start, _) in enumerate(spans):
        last = max(last, first)
        while last + 1 < len(spans) and spans[last + 1][1] <= span_start + SNIPPET_CHARS - 60:
            last += 1
        if last - first + 1 > best_count:
            best_first, best_count = first, last - first + 1
    anchor = spans[best_first][0]
    start = max(0, min(anchor - _LEAD_CHARS, len(text) - SNIPPET_CHARS))
    if start:
        blank = text.find(" ", start, anchor)
        start = blank + 1 if blank >= 0 else start
    end = min(len(text), start + SNIPPET_CHARS)
    if end < len(text):
        end = _back_to_blank(text, end, spans[best_first][1])
    return start, end


def _back_to_blank(text: str, end: int, at_least: int) -> int:
    blank = text.rfind(" ", max(at_least, end - 30), end)
    return blank if blank > 0 else max(end, min(at_least, len(text)))


def _one_line(text: str) -> str:
    return _SPACES.sub(" ", text)
