"""How values, sizes and durations read in the search pane (no Qt, no widgets)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from altus4_desktop.domain.searching import SearchHit, SourceRef, Value

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_CODE_TYPES = frozenset({"json", "xml"})
_CODE_MARKS = re.compile(r"^\s*(?:[{\[<]|def |class |SELECT |import |from |#include|//|/\*)", re.I)
_INDENTED = re.compile(r"^(?: {4}|\t)\S", re.M)


def one_line(text: str) -> str:
    """The text with every control character as a blank; its length, and so every span, is kept."""
    return _CONTROL.sub(" ", text)


def utf16_spans(text: str, spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Character spans as Qt counts them (UTF-16 code units), clipped to the text."""
    if text.isascii():
        size = len(text)
        return tuple((s, min(e, size)) for s, e in spans if 0 <= s < min(e, size))
    units = [0]
    for character in text:
        units.append(units[-1] + (2 if ord(character) > 0xFFFF else 1))
    size = len(text)
    return tuple((units[s], units[min(e, size)]) for s, e in spans if 0 <= s < min(e, size))


def size_text(count: int, *, binary: bool = False) -> str:
    """A length as people say it: ``512 characters``, ``5.0 MB``."""
    if count < 1024:
        return f"{count} bytes" if binary else f"{count} characters"
    if count < 1024 * 1024:
        return f"{count / 1024:.1f} KB"
    return f"{count / (1024 * 1024):.1f} MB"


def value_text(value: Value) -> str:
    """A value as plain text; NULL is the empty text, the caller shows it in its own way."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value)


def title_of(hit: SearchHit) -> tuple[str, tuple[tuple[int, int], ...]]:
    """What names the row (its title column, else its key), on one line, and what matched in it."""
    value = hit.columns.get(hit.title_column) if hit.title_column else None
    if value is not None and value != "":
        text = one_line(value_text(value))
        spans = ((m.start, m.end) for m in hit.matches if m.column == hit.title_column)
        return text, tuple(sorted(spans))
    if hit.key:
        return ", ".join(f"{name} {one_line(value_text(v))}" for name, v in hit.key.items()), ()
    return hit.source.table, ()


def source_text(source: SourceRef) -> str:
    """``connection · table`` as one line."""
    return f"{source.connection} · {source.table}" if source.table else source.connection


def reads_like_code(text: str, data_type: str) -> bool:
    """Whether a monospaced face serves the text better."""
    if data_type in _CODE_TYPES:
        return True
    start = text[:4000]
    if _CODE_MARKS.match(start):
        return True
    return len(_INDENTED.findall(start)) >= 2
