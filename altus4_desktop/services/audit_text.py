"""Audit records as text: CSV for spreadsheets, JSON and NDJSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from altus4_desktop.domain.audit import AuditFormat, AuditRecord, hashed_instant
from altus4_desktop.domain.spreadsheet import csv_text

_COLUMNS = (
    "sequence",
    "at",
    "action",
    "outcome",
    "actor_email",
    "actor_id",
    "api_key_id",
    "origin",
    "subject_kind",
    "subject_name",
    "subject_id",
    "details",
    "id",
    "previous_hash",
    "row_hash",
)


def export_lines(records: Iterable[AuditRecord], audit_format: AuditFormat) -> Iterator[str]:
    """The lines of an export, line ends included, as they become known."""
    match audit_format:
        case AuditFormat.CSV:
            yield ",".join(_COLUMNS) + "\r\n"
            for record in records:
                yield _csv_line(record)
        case AuditFormat.NDJSON:
            for record in records:
                yield json.dumps(audit_document(record), ensure_ascii=False) + "\n"
        case AuditFormat.JSON:
            yield '{"events": ['
            for number, record in enumerate(records):
                yield ",\n" if number else "\n"
                yield json.dumps(audit_document(record), ensure_ascii=False)
            yield "\n]}\n"


def audit_document(record: AuditRecord) -> dict[str, Any]:
    """A record as other programs read it; ``details`` is a document."""
    event = record.event
    return {
        "sequence": record.sequence,
        "at": hashed_instant(event.at),
        "action": event.action,
        "outcome": event.outcome.value,
        "actor_email": event.actor_email,
        "actor_id": event.actor_id,
        "api_key_id": event.api_key_id,
        "origin": event.origin,
        "subject_kind": event.subject_kind.value,
        "subject_name": event.subject_name,
        "subject_id": event.subject_id,
        "details": dict(event.details),
        "id": event.id,
        "previous_hash": record.previous_hash,
        "row_hash": record.row_hash,
    }


def _csv_line(record: AuditRecord) -> str:
    document = audit_document(record) | {"details": record.details_json}
    cells = (document[name] for name in _COLUMNS)
    return ",".join(csv_text(str(cell)) for cell in cells) + "\r\n"
