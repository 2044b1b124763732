"""Files made of what was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from altus4_desktop.domain.remarks import Remark


class ExportFormat(StrEnum):
    """What found rows are written as."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"
    MARKDOWN = "markdown"
    XLSX = "xlsx"
    PARQUET = "parquet"


class ListFormat(StrEnum):
    """What lists of the application's own records are written as."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"


FORMAT_BY_SUFFIX = {
    ".csv": ExportFormat.CSV,
    ".json": ExportFormat.JSON,
    ".ndjson": ExportFormat.NDJSON,
    ".jsonl": ExportFormat.NDJSON,
    ".md": ExportFormat.MARKDOWN,
    ".markdown": ExportFormat.MARKDOWN,
    ".xlsx": ExportFormat.XLSX,
    ".parquet": ExportFormat.PARQUET,
}


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How many rows and bytes a file got, and what it does not hold as it was found."""

    rows: int
    size_bytes: int
    remarks: tuple[Remark, ...] = ()
