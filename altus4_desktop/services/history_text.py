"""Past searches as text: CSV for spreadsheets, JSON and NDJSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.exports import ExportFormat
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.domain.spreadsheet import csv_text

_COLUMNS = (
    "id",
    "created_at",
    "query",
    "mode",
    "result_count",
    "execution_time_ms",
    "outcome",
    "connection_id",
    "user_id",
)


def history_lines(records: Iterable[SearchRecord], export_format: ExportFormat) -> Iterator[str]:
    """The lines of an export, line ends included, as they become known; raises InputError for a
    format that a list of searches has not."""
    match export_format:
        case ExportFormat.CSV:
            yield ",".join(_COLUMNS) + "\r\n"
            for record in records:
                document = history_document(record)
                document["outcome"] = record.params.get("outcome", "")
                cells = (document[name] for name in _COLUMNS)
                yield ",".join("" if c is None else csv_text(str(c)) for c in cells) + "\r\n"
        case ExportFormat.NDJSON:
            for record in records:
                yield json.dumps(history_document(record), ensure_ascii=False) + "\n"
        case ExportFormat.JSON:
            yield '{"searches": ['
            for number, record in enumerate(records):
                yield ",\n" if number else "\n"
                yield json.dumps(history_document(record), ensure_ascii=False)
            yield "\n]}\n"
        case _:
            raise InputError(
                "format", "The history is written as CSV, JSON or NDJSON.", hint="Choose one."
            )


def history_document(record: SearchRecord) -> dict[str, Any]:
    """A search as other programs read it; ``created_at`` in UTC."""
    at = record.created_at
    return {
        "id": record.id,
        "query": record.query,
        "mode": record.mode.value,
        "connection_id": record.connection_id,
        "user_id": record.user_id,
        "params": dict(record.params),
        "result_count": record.result_count,
        "execution_time_ms": record.execution_time_ms,
        "created_at": None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
