"""Lists of records as text: CSV for spreadsheets, JSON and NDJSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.domain.spreadsheet import csv_text

R = TypeVar("R")
Document = Mapping[str, Any]


def list_lines(
    records: Iterable[R],
    list_format: ListFormat,
    name: str,
    document: Callable[[R], Document],
    columns: Sequence[str],
    row: Callable[[R], Document],
) -> Iterator[str]:
    """The lines of an export, line ends included, as they become known.

    ``name`` is what the list is called in JSON, ``document`` makes the object of a record; CSV has
    the ``columns`` of what ``row`` makes of one.
    """
    match list_format:
        case ListFormat.CSV:
            yield ",".join(columns) + "\r\n"
            for record in records:
                found = row(record)
                cells = (found[column] for column in columns)
                yield ",".join("" if c is None else csv_text(str(c)) for c in cells) + "\r\n"
        case ListFormat.NDJSON:
            for record in records:
                yield json.dumps(document(record), ensure_ascii=False) + "\n"
        case ListFormat.JSON:
            yield f'{{"{name}": ['
            for number, record in enumerate(records):
                yield ",\n" if number else "\n"
                yield json.dumps(document(record), ensure_ascii=False)
            yield "\n]}\n"
