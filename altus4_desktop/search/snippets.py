"""Where a row matches, and the piece of its text worth showing.

A match is marked where the server found one: whole words (or words that begin with ``flow*``),
compared as the column's collation compares them, phrases in order, pieces for the ngram parser.
Words the index ignores are not marked. Time is linear in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Protocol

from altus4_desktop.domain.schema import TableInfo
from altus4_desktop.domain.searching import Match, Value
from altus4_desktop.search.terms import Fate, IndexRules, JudgedWord, Term
from altus4_desktop.search.words import Folding, fold, fold_word, word_characters, word_pattern

SNIPPET_CHARS = 220
# A cell full of the word is not marked to its end: nobody reads that far, and every mark costs.
MAX_MATCHES_PER_COLUMN = 60
_LEAD_CHARS = 40
_MANY_NEEDLES = 12

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
_start, _end = itemgetter(0), itemgetter(1)

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


class Finder(Protocol):
    """Finds what is to be marked."""

    def spans(self, text: str, folding: Folding) -> list[Span]:
        """The matches in ``text``, in order, none touching another."""


class Highlighter:
    """Finds the matches of one query in the rows of one index."""

    def __init__(self, terms: Sequence[Term], rules: IndexRules, *, boolean: bool) -> None:
        self._folding = rules.folding
        wanted = [term for term in terms if not term.excluded]
        self._finder: Finder = _Finder(_needles(wanted, rules, boolean=boolean))
        words = _single_words(wanted, rules)
        self._words: Finder | None = _Finder(words) if words else None

    def snippet(
        self, columns: Mapping[str, Value], searched: Sequence[str], title_column: str
    ) -> Snippet:
        """The matches in the ``searched`` columns and the piece of text around the best of them."""
        texts = [(name, text) for name in searched if isinstance(text := columns.get(name), str)]
        found = self._find_in(texts, self._finder)
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
        return self._finder.spans(text, self._folding)

    def _find_in(self, texts: Sequence[tuple[str, str]], finder: Finder) -> dict[str, list[Span]]:
        found = {}
        for name, text in texts:
            spans = finder.spans(text, self._folding)
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


class _Finder:
    """Finds needles in folded text in one pass."""

    def __init__(self, needles: Sequence[_Needle]) -> None:
        self._needles = needles
        self._pieces = frozenset(needle.words[0] for needle in needles if needle.anywhere)
        self._patterns: dict[bool, re.Pattern[str] | None] = {}
        self._by_word: dict[str, list[_Needle]] = {}
        self._beginnings: tuple[str, ...] = ()
        if len(needles) > _MANY_NEEDLES:
            for needle in needles:
                self._by_word.setdefault(needle.words[0], []).append(needle)
            self._beginnings = tuple(needle.words[0] for needle in needles if needle.prefix)

    def spans(self, text: str, folding: Folding) -> list[Span]:
        """Where ``text`` matches: in order, none touching another, at most
        `MAX_MATCHES_PER_COLUMN`."""
        if not text or not self._needles:
            return []
        folded, origins = fold(text, folding)
        if self._pieces:
            spans = _find_pieces(folded, self._pieces)
        elif self._by_word:
            spans = self._find_by_word(folded)
        else:
            spans = self._find_by_pattern(folded)
        if origins is None:
            return spans
        return [(origins[start], origins[end]) for start, end in spans]

    def _find_by_pattern(self, folded: str) -> list[Span]:
        plain = folded.isascii()
        if plain not in self._patterns:
            self._patterns[plain] = _compile(self._needles, plain=plain)
        pattern = self._patterns[plain]
        if pattern is None:
            return []
        found = islice(pattern.finditer(folded), MAX_MATCHES_PER_COLUMN)
        return [match.span() for match in found]

    def _find_by_word(self, folded: str) -> list[Span]:
        """A regular expression of a hundred words would try each of them at every place."""
        spans: list[Span] = []
        last_end = 0
        for word in word_pattern().finditer(folded):
            start, end = word.span()
            if start < last_end:
                continue
            text = word.group()
            ends = [_end_of(folded, needle, end) for needle in self._by_word.get(text, ())]
            if text.startswith(self._beginnings):
                ends.append(end)
            last_end = max(ends, default=0)
            if last_end:
                spans.append((start, last_end))
                if len(spans) == MAX_MATCHES_PER_COLUMN:
                    break
        return spans


def _compile(needles: Sequence[_Needle], *, plain: bool) -> re.Pattern[str] | None:
    """One pattern for all needles; ``plain`` for ASCII text, in which ``\\w`` is a word character
    of the servers'."""
    word, gap = (r"\w", r"\W") if plain else (f"[{word_characters()}]", f"[^{word_characters()}]")
    alternatives = [
        f"{gap}+".join(map(re.escape, needle.words)) + (f"{word}*" if needle.prefix else "")
        for needle in sorted(needles, key=lambda needle: -len(needle.words))
        if not plain or all(part.isascii() for part in needle.words)
    ]
    if not alternatives:
        return None
    inner = f"(?:{'|'.join(alternatives)})"
    if plain:
        return re.compile(rf"\b{inner}\b", re.ASCII)
    return re.compile(f"(?<!{word}){inner}(?!{word})")


def _find_pieces(folded: str, pieces: frozenset[str]) -> list[Span]:
    """Every place of every piece of the ngram parser, those that overlap joined."""
    spans: list[Span] = []
    sizes = sorted({len(piece) for piece in pieces})
    for start in range(len(folded)):
        for size in sizes:
            if folded[start : start + size] not in pieces:
                continue
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(spans[-1][1], start + size))
            else:
                spans.append((start, start + size))
        if len(spans) > MAX_MATCHES_PER_COLUMN:
            return spans[:MAX_MATCHES_PER_COLUMN]
    return spans


def _end_of(folded: str, needle: _Needle, end: int) -> int:
    """Where the needle whose first word ends at ``end`` ends, 0 when other words follow."""
    search = word_pattern().search
    for wanted in needle.words[1:]:
        word = search(folded, end)
        if word is None or word.group() != wanted:
            return 0
        end = word.end()
    return end


def _choose(
    texts: Sequence[tuple[str, str]], found: Mapping[str, list[Span]], title: str
) -> tuple[str, list[Span]]:
    """The text to cut the snippet from: the one with most matches, but the title, which is shown
    anyhow, only for want of another."""
    best_text: str = ""
    best_spans: list[Span] = []
    best = (False, -1)
    for name, text in texts:
        spans = found.get(name, [])
        worth = (name != title and bool(text), len(spans))
        if worth > best:
            best_text, best_spans, best = text, spans, worth
    return best_text, best_spans


def _cut(text: str, spans: list[Span]) -> tuple[str, tuple[Span, ...]]:
    """A piece of ``text`` on one line with the most matches in it, and where they are there."""
    start, end = _window(text, spans)
    first = bisect_right(spans, start, key=_end)
    inside = [
        (max(span_start, start), min(span_end, end))
        for span_start, span_end in spans[first : bisect_left(spans, end, first, key=_start)]
    ]
    before, after = "…" if start else "", "…" if end < len(text) else ""
    shown = text[start:end]
    if shown.isprintable() and "  " not in shown:
        shift = len(before) - start
        marks = tuple((mark_start + shift, mark_end + shift) for mark_start, mark_end in inside)
        return f"{before}{shown}{after}", marks
    pieces = [before]
    length = len(before)
    moved: list[Span] = []
    at = start
    for mark_start, mark_end in inside:
        gap, marked = _one_line(text[at:mark_start]), _one_line(text[mark_start:mark_end])
        pieces += (gap, marked)
        moved.append((length + len(gap), length + len(gap) + len(marked)))
        length = moved[-1][1]
        at = mark_end
    pieces += (_one_line(text[at:end]), after)
    return "".join(pieces), tuple(moved)


def _window(text: str, spans: Sequence[Span]) -> Span:
    if len(text) <= SNIPPET_CHARS:
        return 0, len(text)
    if not spans:
        return 0, _back_to_blank(text, SNIPPET_CHARS, 0)
    ends = [end for _, end in spans]
    counts = [
        bisect_right(ends, span_start + SNIPPET_CHARS - 60) - first
        for first, (span_start, _) in enumerate(spans)
    ]
    best_first = counts.index(max(counts))
    anchor = spans[best_first][0]
    start = max(0, min(anchor - _LEAD_CHARS, len(text) - SNIPPET_CHARS))
    if start:
        blank = text.find(" ", start, anchor)
        start = blank + 1 if blank >= 0 else start
    end = min(len(text), start + SNIPPET_CHARS)
    if end < len(text):
        # A match may be longer than the snippet.
        end = _back_to_blank(text, end, min(spans[best_first][1], end))
    return start, end


def _back_to_blank(text: str, end: int, at_least: int) -> int:
    blank = text.rfind(" ", max(at_least, end - 30), end)
    return blank if blank > 0 else end


def _one_line(text: str) -> str:
    return _SPACES.sub(" ", text)
