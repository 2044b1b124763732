"""Adding to the audit log within the transaction of what it tells."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditEvent, chain_hash, details_text, event_texts
from altus4_desktop.domain.errors import SchemaError
from altus4_desktop.storage.tables import audit_head, audit_log


def append_events(connection: sa.Connection, events: Sequence[AuditEvent]) -> None:
    """Insert ``events`` behind the last row and move the end of the chain; nobody else can until
    the transaction ends. Raises SchemaError when the end of the chain is gone."""
    head = connection.execute(
        sa.select(audit_head.c.sequence, audit_head.c.row_hash)
        .where(audit_head.c.id == 1)
        .with_for_update()
    ).first()
    if head is None:
        raise SchemaError(
            "The end of the audit log is missing; nothing was changed.",
            hint="Restore the metadata store from a backup.",
            code="audit.no_head",
        )
    sequence, previous = head
    for event in events:
        sequence += 1
        text = details_text(event.details)
        row_hash = chain_hash(previous, sequence, event_texts(event, text))
        connection.execute(
            sa.insert(audit_log).values(
                sequence=sequence,
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
        previous = row_hash
    connection.execute(
        sa.update(audit_head)
        .where(audit_head.c.id == 1)
        .values(sequence=sequence, row_hash=previous)
    )
