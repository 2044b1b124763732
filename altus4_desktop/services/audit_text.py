"""Audit records as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from altus4_desktop.domain.audit import AuditRecord, hashed_instant
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.services.list_text import list_lines

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


def audit_lines(records: Iterable[AuditRecord], list_format: ListFormat) -> Iterator[str]:
    """The lines of an export, line ends included, as they become known."""
    return list_lines(records, list_format, "events", audit_document, _COLUMNS, _row)


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


def _row(record: AuditRecord) -> dict[str, Any]:
    return audit_document(record) | {"details": record.details_json}
