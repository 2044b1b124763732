"""Quick fixes: edits of a query's text that keep everything else of it as typed."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter

from altus4_desktop.domain.query_reading import Mark, QuickFix, TextEdit
from altus4_desktop.search.boolean import (
    Fault,
    Node,
    Phrase,
    Reading,
    Word,
    plain_text,
    read_boolean,
)

_LOOSE = re.compile(r"[\s()\"%]")
_STARS_SEEN = 64
_MOST_CHECKED = 20
_CHUNK_RIGHT = re.compile(r"[^\s()\"%]*")


def cut(text: str, start: int, end: int) -> TextEdit:
    """Takes characters out; what stood on both sides is not joined to one word."""
    if start > 0 and end < len(text):
        before, after = text[start - 1], text[end]
        if before.isspace() and after.isspace():
            return TextEdit(start, end + 1, "")
        if not _LOOSE.match(before) and not _LOOSE.match(after) and before not in "+-<>~":
            return TextEdit(start, end, " ")
    elif start > 0 and text[start - 1].isspace():
        return TextEdit(start - 1, end, "")
    elif end < len(text) and text[end].isspace():
        return TextEdit(start, end + 1, "")
    return TextEdit(start, end, "")


def word_start(text: str, node: Word | Phrase) -> int:
    """Where the node's own text begins, after its operator and any ``*`` before it."""
    if isinstance(node, Phrase):
        return text.index('"', node.start)
    return text.index(node.text, node.start + len(node.operator))


def lone_quote(reading: Reading) -> int | None:
    """Where a double quote without partner stands, in text without line breaks."""
    return reading.text.rindex('"') if reading.text.count('"') % 2 else None


def quoted(
    reading: Reading, start: int, end: int, label: str, fault: Fault | None = None
) -> QuickFix | None:
    """Characters ``start`` to ``end`` in double quotes, against a problem if ``fault`` is given;
    None where quotes would pair otherwise."""
    first = bisect_left(reading.spans, start, key=lambda span: span.start)
    last = bisect_left(reading.spans, end, key=lambda span: span.start)
    if any(span.mark is Mark.DISTANCE for span in reading.spans[first:last]):
        return None
    if reading.text[end:].lstrip().startswith("@"):
        # It would become the distance of the new phrase.
        return None
    lone = lone_quote(reading)
    inner = reading.text[start:end]
    if not inner or '"' in inner or (lone is not None and lone < end):
        return None
    inner = inner.removesuffix("*") if inner.count("*") == 1 else inner
    shown = f'"{inner}"'
    fix = QuickFix(
        label.format(text=shown),
        (TextEdit(_stars_before(reading, start), _star_after(reading, end), shown),),
    )
    if not reading.problems:
        return fix
    if len(reading.problems) > _MOST_CHECKED:
        return None
    # What surrounds it is broken, and may break otherwise beside a phrase.
    before = Counter(problem.fault for problem in reading.problems)
    after = Counter(problem.fault for problem in read_boolean(fix.apply(reading.text)).problems)
    if fault is None:
        return fix if after.total() <= before.total() else None
    return fix if after.total() < before.total() and after[fault] < before[fault] else None


def _star_after(reading: Reading, end: int) -> int:
    """Where the ``*`` ends that makes a prefix of what stands before a place."""
    at = bisect_left(reading.spans, end, key=lambda span: span.start)
    for span in reading.spans[at : at + _STARS_SEEN]:
        if span.mark is Mark.PREFIX:
            return span.end
        if span.mark not in (Mark.BLANK, Mark.SKIPPED):
            break
    return end


def _stars_before(reading: Reading, start: int) -> int:
    """Where the meaningless ``*`` before a place begin: none may stand before a phrase."""
    at = bisect_left(reading.spans, start, key=lambda span: span.start)
    for span in reversed(reading.spans[max(0, at - _STARS_SEEN) : at]):
        if span.mark is Mark.SKIPPED and reading.text[span.start] == "*":
            start = span.start
        elif span.mark not in (Mark.BLANK, Mark.SKIPPED):
            break
    return start


def chunk(text: str, start: int, end: int) -> tuple[int, int]:
    """The run without blanks, quotes and parentheses around a place, its first operators left
    out."""
    first = start
    while first > 0 and not _LOOSE.match(text[first - 1]):
        first -= 1
    right = _CHUNK_RIGHT.match(text, end)
    last = right.end() if right else end
    while first < last and text[first] in "+-<>~*@":
        first += 1
    return first, last


def drop_operator(text: str, node: Node, label: str) -> QuickFix:
    """The node without the sign before it."""
    return QuickFix(label, (cut(text, node.start, node.start + 1),))


def remove_node(text: str, node: Node, label: str) -> QuickFix:
    """The text without the node."""
    return QuickFix(label, (cut(text, node.start, node.end),))


def as_plain_text(text: str) -> QuickFix | None:
    """The same words without operators; None where that changes nothing."""
    plain = plain_text(text)
    if plain == text.strip():
        return None
    return QuickFix("Search as plain text", (TextEdit(0, len(text), plain),))
