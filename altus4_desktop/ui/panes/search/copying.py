"""Hits as text for the clipboard: TSV, CSV, JSON; NULL, "" and exact numbers stay what they are."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from altus4_desktop.domain.searching import SearchHit, Value
from altus4_desktop.domain.spreadsheet import csv_text, guarded


class CopyFormat(StrEnum):
    """What a copy of hits looks like."""

    TSV = "tsv"
    CSV = "csv"
    JSON = "json"


_TSV_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


def copied_text(hits: Sequence[SearchHit], copy_format: CopyFormat) -> str:
    """The hits in the format, their connection and table first."""
    match copy_format:
        case CopyFormat.TSV:
            return _as_lines(hits, "\t", _tsv_cell)
        case CopyFormat.CSV:
            return _as_lines(hits, ",", _csv_cell)
        case CopyFormat.JSON:
            return json.dumps([_record(hit) for hit in hits], ensure_ascii=False, indent=2)


def _as_lines(hits: Sequence[SearchHit], separator: str, cell: Callable[[Value], str]) -> str:
    names = _column_names(hits)
    end = "\r\n" if separator == "," else "\n"
    lines = [separator.join(cell(name) for name in ("connection", "table", *names))]
    for hit in hits:
        values = (hit.source.connection, hit.source.table, *(hit.columns.get(n) for n in names))
        lines.append(separator.join(cell(value) for value in values))
    return end.join(lines) + end


def _column_names(hits: Iterable[SearchHit]) -> list[str]:
    return list(dict.fromkeys(name for hit in hits for name in hit.columns))


def _tsv_cell(value: Value) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return guarded(value).translate(_TSV_ESCAPES)
    return _bare(value)


def _csv_cell(value: Value) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return _bare(value)
    return csv_text(value)


def _bare(value: int | float | bytes) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else repr(value)


def _record(hit: SearchHit) -> dict[str, object]:
    return {
        "connection": hit.source.connection,
        "table": hit.source.table,
        "key": {name: _exact(value) for name, value in hit.key.items()},
        "score": hit.score,
        "columns": {name: _exact(value) for name, value in hit.columns.items()},
    }


def _exact(value: Value) -> object:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    return value
