"""What is written down about who did what, and the chain that shows when it was tampered with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

# What the first row of a chain follows.
CHAIN_START = "0" * 64
# What a row follows that was written when the end of the chain was gone.
CHAIN_LOST = "f" * 64


class AuditOutcome(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Written by a newer program, or not by this program at all."""


class SubjectKind(StrEnum):
    """What something was done to."""

    USER = "user"
    API_KEY = "api_key"
    CONNECTION = "connection"
    STORE = "store"
    VAULT = "vault"
    AUDIT = "audit"
    HISTORY = "history"
    SAVED_SEARCH = "saved_search"
    QUERY_SET = "query_set"
    METRIC = "metric"
    UNKNOWN = "unknown"
    """As for the outcome."""


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


def event_texts(event: AuditEvent, details_json: str) -> tuple[str, ...]:
    """Every column of the event's row as the text that is hashed."""
    return (
        event.id,
        hashed_instant(event.at),
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
    )


def hashed_instant(at: datetime) -> str:
    """``2026-01-31T12:00:00Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def chain_hash(previous_hash: str, sequence: int, texts: Sequence[str]) -> str:
    """Lower-case hex SHA-256 over the hash before, the place and the row's texts."""
    text = json.dumps([previous_hash, sequence, *texts], separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which records: ``to_at`` is exclusive; ``person`` is somewhere in the address of who did it,
    ``action`` a whole action or its first part (``user``), ``text`` somewhere in the record."""

    from_at: datetime | None = None
    to_at: datetime | None = None
    person: str = ""
    action: str = ""
    outcome: AuditOutcome | None = None
    text: str = ""


class FaultKind(StrEnum):
    """What is wrong with a chain."""

    EDITED = "edited"
    """A row does not say what it said when it was written."""
    SEAM = "seam"
    """Of two rows the second does not follow the first: one of them was replaced."""
    MISSING = "missing"
    """Rows are not there any more."""
    ADDED = "added"
    """Rows stand behind the end of the chain, or at no place in it."""
    LOST = "lost"
    """When the row was written the end of the chain was gone: rows before it may be missing."""
    HEAD = "head"
    """The end of the chain is gone, or names another last row."""
    REWRITTEN = "rewritten"
    """The chain is whole, but not the one that this workstation has seen."""


class GuardState(StrEnum):
    """Whether the database itself refuses to change and to delete rows."""

    WHOLE = "whole"
    MISSING = "missing"
    """What refuses it is not all there."""
    CHANGED = "changed"
    """What refuses it is not what this program made."""
    UNSEEN = "unseen"
    """It is not there, or this account may not see it."""


@dataclass(frozen=True, slots=True)
class AuditFault:
    """Something wrong with rows ``first`` to ``last`` (the same for one row)."""

    kind: FaultKind
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many rows it is about."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The last row of a chain; ``sequence`` 0: it has none."""

    sequence: int
    row_hash: str


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What looking at every row has found: ``faults`` in order, at most a hundred, of
    ``fault_count``.

    ``guards``: whether the database itself refuses to change and delete rows. ``seen`` is where
    this workstation last saw the end, None when it has not. ``first_time``: it was never verified
    here before, so what may have been cut off or written anew until it was first seen does not
    show.
    """

    rows: int
    end: ChainEnd
    faults: tuple[AuditFault, ...]
    fault_count: int
    guards: GuardState
    seen: ChainEnd | None = None
    first_time: bool = False

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault_count == 0

    @property
    def acceptable(self) -> bool:
        """Whether all that is wrong is that it is not the chain seen here before."""
        return self.fault_count == 1 and self.faults[0].kind is FaultKind.REWRITTEN
