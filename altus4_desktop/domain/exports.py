"""Files made of what was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ExportFormat(StrEnum):
    """What found rows are written as."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"
    MARKDOWN = "markdown"


FORMAT_BY_SUFFIX = {
    ".csv": ExportFormat.CSV,
    ".json": ExportFormat.JSON,
    ".ndjson": ExportFormat.NDJSON,
    ".jsonl": ExportFormat.NDJSON,
    ".md": ExportFormat.MARKDOWN,
    ".markdown": ExportFormat.MARKDOWN,
}


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How many rows and bytes a file got."""

    rows: int
    size_bytes: int
