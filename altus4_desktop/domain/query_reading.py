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
