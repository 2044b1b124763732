"""Adding to the audit log within the transaction of what it tells.

Nobody is kept from working by what somebody else has done to the log: a row that stands where the
next one belongs is passed by, and an end of the chain that is gone or makes no sense is begun anew.
Either shows for good when the log is verified: the row that was passed by is not what the next one
follows, and what is begun anew follows `CHAIN_LOST`.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from altus4_desktop.domain.audit import (
    CHAIN_LOST,
    AuditEvent,
    ChainEnd,
    chain_hash,
    details_text,
    event_texts,
)
from altus4_desktop.storage.tables import audit_head, audit_log

_PAGE = 1000
_HASH_LENGTH = len(CHAIN_LOST)
# Far beyond every real row, and far enough from where the column ends.
_LAST_PLACE = 2**62


def append_events(
    connection: sa.Connection, events: Sequence[AuditEvent]
) -> tuple[ChainEnd, ChainEnd]:
    """Insert ``events`` behind the last row and move the end of the chain; nobody else can until
    the transaction ends. Returns the end before and after."""
    begin = end = _end(connection)
    for event in events:
        end = _append(connection, end, event)
    connection.execute(
        sa.update(audit_head)
        .where(audit_head.c.id == 1)
        .values(sequence=end.sequence, row_hash=end.row_hash)
    )
    return begin, end


def _append(connection: sa.Connection, end: ChainEnd, event: AuditEvent) -> ChainEnd:
    place = end.sequence + 1
    try:
        return _insert(connection, place, end.row_hash, event)
    except sa.exc.IntegrityError:
        # The transaction goes on: the databases undo no more than the statement.
        free = _free_place(connection, place)
        if free == place:
            raise
        return _insert(connection, free, end.row_hash, event)


def _insert(connection: sa.Connection, place: int, previous: str, event: AuditEvent) -> ChainEnd:
    text = details_text(event.details)
    row_hash = chain_hash(previous, place, event_texts(event, text))
    connection.execute(
        sa.insert(audit_log).values(
            sequence=place,
            id=event.id,
            occurred_at=event.at,
            action=event.action,
            outcome=event.outcome.value,
            actor_id=event.actor_id,
            actor_email=event.actor_email,
            api_key_id=event.api_key_id,
            origin=event.origin,
            subject_kind=event.subject_kind.value,
            subject_id=event.subject_id,
            subject_name=event.subject_name,
            details=text,
            previous_hash=previous,
            row_hash=row_hash,
        )
    )
    return ChainEnd(place, row_hash)


def _end(connection: sa.Connection) -> ChainEnd:
    """The end of the chain, locked."""
    statement = (
        sa.select(audit_head.c.sequence, audit_head.c.row_hash)
        .where(audit_head.c.id == 1)
        .with_for_update()
    )
    found = connection.execute(statement).first()
    if found is None:
        # Two programs may find it gone: the second waits here, and then finds what the first wrote.
        connection.execute(
            sa.insert(audit_head)
            .prefix_with("OR IGNORE", dialect="sqlite")
            .prefix_with("IGNORE", dialect="mysql")
            .prefix_with("IGNORE", dialect="mariadb")
            .values(id=1, sequence=-1, row_hash=CHAIN_LOST)
        )
        found = connection.execute(statement).first()
    # SQLite keeps any value in any column.
    match found:
        case (int(sequence), str(row_hash)) if (
            0 <= sequence < _LAST_PLACE and len(row_hash) == _HASH_LENGTH
        ):
            return ChainEnd(sequence, row_hash)
    c = audit_log.c.sequence
    last = connection.execute(
        sa.select(c)
        .where(c >= 0, c < _LAST_PLACE)
        .order_by(c.desc())
        .limit(1)
        .with_for_update(read=True)
    ).scalar()
    return ChainEnd(last or 0, CHAIN_LOST)


def _free_place(connection: sa.Connection, place: int) -> int:
    """The first place from ``place`` on that no row has."""
    c = audit_log.c.sequence
    while True:
        # As it is now, not as it was when the transaction began.
        taken = connection.scalars(
            sa.select(c).where(c >= place).order_by(c).limit(_PAGE).with_for_update(read=True)
        ).all()
        for other in taken:
            if other != place:
                return place
            place += 1
        if len(taken) < _PAGE:
            return place
