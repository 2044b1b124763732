"""Colours and underlines inside a one-line field: what a query's characters are, and what is wrong.

A QLineEdit draws the formats of an input method's text; sent with no text of their own they colour
what stands there, and typing, undo and the pop-up of the field stay Qt's.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QFont, QInputMethodEvent, QTextCharFormat
from PySide6.QtWidgets import QLineEdit

from altus4_desktop.domain.query_reading import Finding, Mark, QueryReading, Severity
from altus4_desktop.ui.panes.search.wording import utf16_spans
from altus4_desktop.ui.theme import worn_palette

_ROLES = {
    Mark.OPERATOR: "accent",
    Mark.PREFIX: "accent",
    Mark.DISTANCE: "accent",
    Mark.GROUP: "accent",
    Mark.PHRASE: "success",
    Mark.SKIPPED: "faint",
    Mark.ERROR: "danger",
}
_STRONG = (Mark.OPERATOR, Mark.GROUP, Mark.PREFIX)
_LINE_ROLES = {Severity.ERROR: "danger", Severity.WARNING: "warning", Severity.HINT: "muted"}
_SEVERITY_ORDER = tuple(Severity)


def show_marks(field: QLineEdit, reading: QueryReading | None) -> None:
    """Colour the field's text as ``reading`` says; None takes all colours away."""
    attributes = []
    if reading is not None and reading.text == field.text():
        cursor = field.cursorPosition()
        for start, end, style in _stretches(reading):
            for first, last in utf16_spans(reading.text, [(start, end)]):
                attributes.append(
                    QInputMethodEvent.Attribute(
                        QInputMethodEvent.AttributeType.TextFormat,
                        first - cursor,
                        last - first,
                        style,
                    )
                )
    QCoreApplication.sendEvent(field, QInputMethodEvent("", attributes))


def worst_at(findings: Iterable[Finding], place: int) -> Finding | None:
    """The finding that matters most at character ``place``."""
    held = [f for f in findings if f.start <= place <= f.end and f.start < f.end]
    return min(held, key=lambda f: (severity_rank(f), f.end - f.start), default=None)


def severity_rank(finding: Finding) -> int:
    """0 for errors, more for what matters less."""
    return _SEVERITY_ORDER.index(finding.severity)


def _stretches(reading: QueryReading) -> list[tuple[int, int, QTextCharFormat]]:
    """Parts of the text that look the same, without overlaps."""
    marked = [span for span in reading.spans if span.mark in _ROLES]
    placed = [f for f in reading.findings if f.start < f.end]
    edges = sorted(
        {
            *(edge for span in marked for edge in span[1:]),
            *(edge for finding in placed for edge in (finding.start, finding.end)),
        }
    )
    stretches = []
    for start, end in pairwise(edges):
        mark = next((s.mark for s in marked if s.start <= start < s.end), None)
        finding = worst_at((f for f in placed if f.start <= start < f.end), start)
        if mark is not None or finding is not None:
            stretches.append((start, end, _style(mark, finding)))
    return stretches


def _style(mark: Mark | None, finding: Finding | None) -> QTextCharFormat:
    palette = worn_palette()
    style = QTextCharFormat()
    if mark is not None:
        style.setForeground(palette.color(_ROLES[mark]))
        if mark in _STRONG:
            style.setFontWeight(QFont.Weight.DemiBold)
    if finding is not None:
        hint = finding.severity is Severity.HINT
        style.setUnderlineStyle(
            QTextCharFormat.UnderlineStyle.DotLine
            if hint
            else QTextCharFormat.UnderlineStyle.WaveUnderline
        )
        style.setUnderlineColor(palette.color(_LINE_ROLES[finding.severity]))
    return style
