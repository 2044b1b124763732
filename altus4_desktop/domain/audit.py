"""What is written down about who did what, and the chain that shows when it was tampered with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

# What the first row of a chain follows.
CHAIN_START = "0" * 64


class AuditOutcome(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class SubjectKind(StrEnum):
    """What something was done to."""

    USER = "user"
    API_KEY = "api_key"
    CONNECTION = "connection"
    STORE = "store"
    VAULT = "vault"
    AUDIT = "audit"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that happened: ``action`` is a dotted name such as ``user.role_changed``.

    ``at`` counts whole seconds. ``origin`` is where it was done from, ``details`` what was and what
    is (``before``, ``after``) in plain JSON values, never a secret.
    """

    id: str
    at: datetime
    action: str
    outcome: AuditOutcome
    actor_id: str
    actor_email: str
    api_key_id: str
    origin: str
    subject_kind: SubjectKind
    subject_id: str
    subject_name: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An event in its place in the chain; ``details_json`` is its text as it was hashed."""

    sequence: int
    event: AuditEvent
    details_json: str
    previous_hash: str
    row_hash: str


def details_text(details: Mapping[str, Any]) -> str:
    """The one text of ``details``: sorted keys, no spaces; raises TypeError for other than JSON."""
    return json.dumps(details, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def chain_hash(previous_hash: str, sequence: int, event: AuditEvent, details_json: str) -> str:
    """Lower-case hex SHA-256 over the hash before and every column of the row."""
    parts = [
        previous_hash,
        sequence,
        event.id,
        event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        event.action,
        event.outcome.value,
        event.actor_id,
        event.actor_email,
        event.api_key_id,
        event.origin,
        event.subject_kind.value,
        event.subject_id,
        event.subject_name,
        details_json,
    ]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
