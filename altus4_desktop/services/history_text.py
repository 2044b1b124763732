"""Past searches as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.domain.history import connection_names
from altus4_desktop.domain.local_days import instant_text
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.services.list_text import list_lines

_COLUMNS = (
    "id",
    "created_at",
    "query",
    "mode",
    "result_count",
    "execution_time_ms",
    "outcome",
    "connections",
    "connection_id",
    "user",
    "user_id",
)


def history_lines(
    records: Iterable[SearchRecord],
    list_format: ListFormat,
    connections: Mapping[str, str],
    people: Mapping[str, str],
) -> Iterator[str]:
    """The lines of an export, line ends included, as they become known.

    ``connections`` and ``people`` are the names and addresses by id that CSV tells: what is read
    by programs has the ids, and the names as they were, in ``params``.
    """

    def row(record: SearchRecord) -> dict[str, Any]:
        return history_document(record) | {
            "outcome": record.params.get("outcome", ""),
            "connections": ", ".join(connection_names(record, connections)),
            "user": people.get(record.user_id, ""),
        }

    return list_lines(records, list_format, "searches", history_document, _COLUMNS, row)


def history_document(record: SearchRecord) -> dict[str, Any]:
    """A search as other programs read it; ``created_at`` in UTC."""
    return {
        "id": record.id,
        "query": record.query,
        "mode": record.mode.value,
        "connection_id": record.connection_id,
        "user_id": record.user_id,
        "params": dict(record.params),
        "result_count": record.result_count,
        "execution_time_ms": record.execution_time_ms,
        "created_at": instant_text(record.created_at),
    }
