"""The tables ``audit_log`` and ``audit_head``: rows are added and read, never changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa

from altus4_desktop.domain.audit import (
    AuditEvent,
    AuditOutcome,
    AuditQuery,
    AuditRecord,
    ChainEnd,
    GuardState,
    SubjectKind,
    hashed_instant,
)
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.recording import Switch
from altus4_desktop.storage.audit_guards import find_guards
from altus4_desktop.storage.failures import audit_failure
from altus4_desktop.storage.tables import audit_head, audit_log
from altus4_desktop.storage.transactions import Transactions

T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)

c = audit_log.c
# A tampered instant may be no instant at all: it is read as what stands there.
_OCCURRED = sa.type_coerce(c.occurred_at, sa.types.NullType()).label("occurred")
_TEXTS = (
    c.id,
    _OCCURRED,
    c.action,
    c.outcome,
    c.actor_id,
    c.actor_email,
    c.api_key_id,
    c.origin,
    c.subject_kind,
    c.subject_id,
    c.subject_name,
    c.details,
)
_ROW = (c.sequence, *_TEXTS, c.previous_hash, c.row_hash)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ChainExtent:
    """How far the log goes; ``end`` is None when the end of the chain is not written anywhere."""

    end: ChainEnd | None
    rows: int
    last: int


@dataclass(frozen=True, slots=True)
class ChainRow:
    """A row as it stands, to be compared with its hash."""

    sequence: int
    texts: tuple[str, ...]
    previous_hash: str
    row_hash: str


class AuditRepository:
    """Who did what. Every method raises StoreError when the store fails, with the code
    ``audit.broken`` where the tables of the log are missing or not as they were made."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def add_(self, events: Sequence[AuditEvent], *, even_unaudited: bool = False) -> None:
        """Write down what changed nothing in the store itself; the same ids only once.

        ``even_unaudited``: where the log is broken that is logged, not raised.
        """
        ids = [event.id for event in events]

        def nothing(connection: sa.Connection) -> None:
            del connection

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.id).where(c.id.in_(ids))).all()
            return len(found) == len(ids)

        if ids:
            self._transactions.write(
                nothing,
                settled=settled,
                repeatable=True,
                events=events,
                even_unaudited=even_unaudited,
            )

    def list_(
        self,
        query: AuditQuery,
        *,
        before_sequence: int | None = None,
        after_sequence: int | None = None,
        limit: int = 200,
    ) -> list[AuditRecord]:
        """The newest records that ``query`` finds, of those before ``before_sequence``; with
        ``after_sequence`` the oldest after that one, in their order."""
        statement = sa.select(*_ROW).where(*_conditions(query))
        order: sa.ColumnElement[Any] = c.sequence.desc()
        if before_sequence is not None:
            statement = statement.where(c.sequence < before_sequence)
        if after_sequence is not None:
            statement = statement.where(c.sequence > after_sequence)
            order = c.sequence.asc()
        statement = statement.order_by(order).limit(limit)
        return self._read(
            lambda connection: [_record(_row(row)) for row in connection.execute(statement)]
        )

    def list_switches(self, user_id: str | None = None) -> list[Switch]:
        """When one user, or anybody, had searches recorded from then on or not any longer, in the
        order in which that was written down."""
        # Only “off” stands in a profile: whoever changes anything else has it neither before nor
        # after, or in both.
        statement = (
            sa.select(c.subject_id, c.occurred_at, c.details)
            .where(c.action == "user.updated", c.details.contains('"history":false'))
            .order_by(c.sequence)
        )
        if user_id is not None:
            kind = SubjectKind.USER.value
            statement = statement.where(c.subject_kind == kind, c.subject_id == user_id)
        rows = self._read(lambda connection: connection.execute(statement).all())
        found = []
        for subject_id, at, details in rows:
            was, is_on = (_is_recorded(details, name) for name in ("before", "after"))
            if was != is_on:
                found.append(Switch(subject_id, at, is_on))
        return found

    def actions(self) -> list[str]:
        """Every action there is, in order."""
        statement = sa.select(c.action).distinct().order_by(c.action)
        return self._read(lambda connection: [*connection.scalars(statement)])

    def extent(self) -> ChainExtent:
        """How far the log goes, in one look: others go on writing."""
        last = sa.func.max(c.sequence).label("last")
        counted = sa.select(sa.func.count().label("rows"), last).select_from(audit_log).subquery()
        head = audit_head.c
        end = sa.select(head.sequence, head.row_hash).where(head.id == 1).subquery()
        statement = sa.select(
            counted.c.rows, counted.c.last, end.c.sequence, end.c.row_hash
        ).select_from(counted.join(end, sa.true(), isouter=True))
        rows, newest, sequence, row_hash = self._read(
            lambda connection: connection.execute(statement).one()
        )
        at = None if sequence is None else ChainEnd(_number(sequence), str(row_hash))
        return ChainExtent(at, rows, _number(newest))

    def chain(self, after_sequence: int | None, limit: int) -> list[ChainRow]:
        """The rows after ``after_sequence`` (None: from the first) in order, as they stand."""
        statement = sa.select(*_ROW).order_by(c.sequence).limit(limit)
        if after_sequence is not None:
            statement = statement.where(c.sequence > after_sequence)
        return self._read(lambda connection: [_row(row) for row in connection.execute(statement)])

    def find_hash(self, sequence: int) -> str | None:
        """The hash of one row."""
        statement = sa.select(c.row_hash).where(c.sequence == sequence)
        return self._read(lambda connection: connection.scalars(statement).first())

    def guards(self) -> GuardState:
        """Whether the database itself refuses to change and to delete rows."""
        return self._read(find_guards)

    def _read(self, work: Callable[[sa.Connection], T]) -> T:
        try:
            return self._transactions.read(work)
        except StoreError as error:
            raise audit_failure(error) from error


def _conditions(query: AuditQuery) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if query.from_at is not None:
        found.append(c.occurred_at >= query.from_at)
    if query.to_at is not None:
        found.append(c.occurred_at < query.to_at)
    if query.person.strip():
        found.append(c.actor_email.icontains(query.person.strip(), autoescape=True))
    if query.action:
        found.append(
            c.action == query.action
            if "." in query.action
            else c.action.startswith(f"{query.action}.", autoescape=True)
        )
    if query.outcome is not None:
        found.append(c.outcome == query.outcome.value)
    if query.text.strip():
        text = query.text.strip()
        columns = (c.action, c.actor_email, c.origin, c.subject_name, c.subject_id, c.details)
        found.append(sa.or_(*(column.icontains(text, autoescape=True) for column in columns)))
    return found


def _is_recorded(details: str, name: str) -> bool:
    try:
        facts = json.loads(details)[name]
    except (ValueError, TypeError, KeyError):
        return True
    return not isinstance(facts, dict) or facts.get("history") is not False


def _row(row: Sequence[Any]) -> ChainRow:
    sequence, *texts, previous_hash, row_hash = row
    texts[1] = _instant_text(texts[1])
    return ChainRow(
        _number(sequence),
        tuple(str(value) for value in texts),
        str(previous_hash),
        str(row_hash),
    )


def _number(value: object) -> int:
    # SQLite keeps any value in any column; what is no number has no place in the chain.
    return value if isinstance(value, int) else 0


def _instant_text(value: object) -> str:
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return hashed_instant(at.replace(tzinfo=UTC))


def _record(row: ChainRow) -> AuditRecord:
    """``row`` for reading: what makes no sense in it is shown as unknown, not refused."""
    event_id, occurred, action, outcome, *who, kind, subject_id, subject_name, details = row.texts
    actor_id, actor_email, api_key_id, origin = who
    return AuditRecord(
        sequence=row.sequence,
        event=AuditEvent(
            id=event_id,
            at=_instant(occurred),
            action=action,
            outcome=_word(AuditOutcome, outcome, AuditOutcome.UNKNOWN),
            actor_id=actor_id,
            actor_email=actor_email,
            api_key_id=api_key_id,
            origin=origin,
            subject_kind=_word(SubjectKind, kind, SubjectKind.UNKNOWN),
            subject_id=subject_id,
            subject_name=subject_name,
            details=_details(details),
        ),
        details_json=details,
        previous_hash=row.previous_hash,
        row_hash=row.row_hash,
    )


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _NEVER


def _word(words: type[Word], text: str, unknown: Word) -> Word:
    return words(text) if text in set(words) else unknown


def _details(text: str) -> Mapping[str, Any]:
    try:
        details = json.loads(text)
    except ValueError:
        return {"unreadable": text}
    return details if isinstance(details, dict) else {"unreadable": text}
