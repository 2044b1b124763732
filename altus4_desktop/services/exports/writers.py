"""Found rows as text, piece by piece: CSV, JSON, NDJSON and Markdown.

Integers keep all their digits; DECIMAL and dates are the text the server wrote; binary values are
base64 and marked as such.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from altus4_desktop.domain.exports import ExportFormat
from altus4_desktop.domain.searching import SearchHit, Value
from altus4_desktop.domain.spreadsheet import csv_text

_PLACE = ("connection", "table", "score")
_MARKDOWN_SIGN = re.compile(r"[\\`*_\[\]<>|~&]")
_LINE_END = re.compile("\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
# What GitHub's Markdown makes a link of without being told to.
_BARE_LINK = re.compile(r"(?<=www)\.|:(?=//)", re.IGNORECASE)


def export_pieces(
    hits: Iterable[SearchHit],
    names: Sequence[str],
    export_format: ExportFormat,
    *,
    guard: bool = True,
) -> Iterator[str]:
    """The text of an export, a piece a row, line ends included.

    ``names`` are the columns in order. ``guard`` puts an apostrophe before a CSV text that a
    spreadsheet would run as a formula. In CSV, NULL is nothing at all and an empty text is ``""``;
    in Markdown, NULL is ``*NULL*``.
    """
    match export_format:
        case ExportFormat.CSV:
            yield ",".join(csv_text(name, guard=guard) for name in (*_PLACE, *names)) + "\r\n"
            for hit in hits:
                yield ",".join(_csv_cell(cell, guard=guard) for cell in _cells(hit, names)) + "\r\n"
        case ExportFormat.NDJSON:
            for hit in hits:
                yield _json_text(hit, names) + "\n"
        case ExportFormat.JSON:
            yield "["
            for number, hit in enumerate(hits):
                yield (",\n" if number else "\n") + _json_text(hit, names)
            yield "\n]\n"
        case ExportFormat.MARKDOWN:
            heads = (*_PLACE, *names)
            yield markdown_line(markdown_text(name) for name in heads)
            yield markdown_line("---" for _ in heads)
            for hit in hits:
                yield markdown_line(_markdown_cell(cell) for cell in _cells(hit, names))


def _cells(hit: SearchHit, names: Sequence[str]) -> Iterator[Value]:
    yield from (hit.source.connection, hit.source.table, hit.score)
    yield from (hit.columns.get(name) for name in names)


def _csv_cell(value: Value, *, guard: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return _base64_text(value)
    return csv_text(value, guard=guard) if isinstance(value, str) else repr(value)


def _json_text(hit: SearchHit, names: Sequence[str]) -> str:
    document: dict[str, Any] = {
        "connection": hit.source.connection,
        "table": hit.source.table,
        "score": hit.score,
        "key": {name: _json_value(value) for name, value in hit.key.items()},
        "columns": {name: _json_value(hit.columns[name]) for name in names if name in hit.columns},
    }
    return json.dumps(document, ensure_ascii=False)


def _json_value(value: Value) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    return value


def markdown_line(cells: Iterable[str]) -> str:
    """A row of a table, its cells written as `markdown_text`."""
    return f"| {' | '.join(cells)} |\n"


def _markdown_cell(value: Value) -> str:
    if value is None:
        return "*NULL*"
    if isinstance(value, bytes):
        return _base64_text(value)
    return markdown_text(value) if isinstance(value, str) else repr(value)


def markdown_text(text: str) -> str:
    """``text`` as a cell shows it: on one line, no address a link, a control character as �."""
    text = _BARE_LINK.sub(r"\\\g<0>", _MARKDOWN_SIGN.sub(r"\\\g<0>", text))
    return _CONTROL.sub("�", _LINE_END.sub("<br>", text)).replace("\t", " ")


def _base64_text(value: bytes) -> str:
    return "base64:" + base64.b64encode(value).decode("ascii")
