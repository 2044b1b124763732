"""How a query reads: what its characters are, what is wrong with it, what becomes of its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from altus4_desktop.domain.searching import SourceRef


class Mark(StrEnum):
    """What a stretch of the text is, for colouring it."""

    BLANK = "blank"
    OPERATOR = "operator"
    WORD = "word"
    PHRASE = "phrase"
    PREFIX = "prefix"
    DISTANCE = "distance"
    GROUP = "group"
    SKIPPED = "skipped"
    ERROR = "error"


class Span(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive) of the text."""

    mark: Mark
    start: int
    end: int


class Severity(StrEnum):
    """How much a finding matters: a server refuses an error, a warning finds something else than
    it looks like, a hint is good to know."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


class TextEdit(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive) become ``text``."""

    start: int
    end: int
    text: str


def apply_edits(text: str, edits: Sequence[TextEdit]) -> str:
    """``text`` after ``edits``, which do not overlap and all name places of the given text."""
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


@dataclass(frozen=True, slots=True)
class QuickFix:
    """One way to repair a finding."""

    label: str
    edits: tuple[TextEdit, ...]

    def apply(self, text: str) -> str:
        """The repaired text."""
        return apply_edits(text, self.edits)


@dataclass(frozen=True, slots=True)
class Finding:
    """What rule ``rule`` (as ``FT007``) says about characters ``start`` to ``end`` (exclusive).

    An empty stretch stands for the whole query. ``sources`` are those on which it holds; none
    means all of them.
    """

    rule: str
    severity: Severity
    start: int
    end: int
    message: str
    hint: str = ""
    sources: tuple[SourceRef, ...] = ()
    fixes: tuple[QuickFix, ...] = ()


class WordState(StrEnum):
    """What an index does with a word; a split one is looked up in parts."""

    INDEXED = "indexed"
    SPLIT = "split"
    STOP_WORD = "stop_word"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NEEDS_NGRAM = "needs_ngram"


@dataclass(frozen=True, slots=True)
class WordAnswer:
    """The same answer of one or more sources; none named means all of them.

    ``parts`` are the words that are looked up or left out, ``reason`` says why in a sentence.
    """

    state: WordState
    parts: tuple[str, ...]
    reason: str
    sources: tuple[SourceRef, ...] = ()


@dataclass(frozen=True, slots=True)
class WordReading:
    """A word or phrase at characters ``start`` to ``end`` (exclusive), as the sources read it."""

    text: str
    start: int
    end: int
    answers: tuple[WordAnswer, ...]
    repairs: tuple[QuickFix, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether every source looks it up as typed."""
        return all(answer.state is WordState.INDEXED for answer in self.answers)


@dataclass(frozen=True, slots=True)
class QueryReading:
    """All that is known of a query before it is sent.

    ``unread`` names the connections whose tables are not known yet, ``source_count`` counts the
    indexes that are. ``spans`` are empty where the text has no language (natural mode).
    """

    text: str
    spans: tuple[Span, ...]
    findings: tuple[Finding, ...]
    words: tuple[WordReading, ...]
    plain_text: QuickFix | None
    source_count: int
    unread: tuple[str, ...] = ()


class RowKind(StrEnum):
    """What a row of the builder looks for."""

    WORD = "word"
    PREFIX = "prefix"
    PHRASE = "phrase"
    NEAR = "near"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class BuilderRow:
    """One part of a boolean query as people build it.

    ``sign`` is the operator before it or ""; ``text`` has the words, or the whole text inside a
    group; ``distance`` counts the words that a near row may span.
    """

    kind: RowKind
    text: str
    sign: str = ""
    distance: int = 5
