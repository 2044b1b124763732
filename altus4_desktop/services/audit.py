"""The audit log: what the services write into it, and what admins read."""

from __future__ import annotations

import getpass
import json
import platform
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import (
    AuditEvent,
    AuditOutcome,
    AuditQuery,
    AuditRecord,
    AuditVerdict,
    SubjectKind,
)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import ConflictError
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.services.audit_text import audit_lines
from altus4_desktop.services.audit_walk import walk_chain
from altus4_desktop.services.files import open_chosen
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService

_NAME_LIMIT = 255
_ID_LIMIT = 64
_PAGE = 1000
# What is told of one change: the column ends at 65,535 bytes, and nobody reads more.
_TEXT_LIMIT = 500
_ITEM_LIMIT = 50
_DETAILS_LIMIT = 60_000


class AuditService:
    """What admins do with the audit log: read it, verify it, export it."""

    def __init__(self, metadata: MetadataService, permissions: Permissions) -> None:
        self._metadata = metadata
        self._permissions = permissions

    def list_(
        self,
        actor: Actor,
        query: AuditQuery | None = None,
        *,
        before_sequence: int | None = None,
        limit: int = 200,
    ) -> list[AuditRecord]:
        """The newest records that ``query`` finds, of those before ``before_sequence``.

        Raises AccessError for all but admins, StoreError.
        """
        self._permissions.check(actor, Right.ADMINISTER)
        return self._metadata.store.audit.list_(
            query or AuditQuery(), before_sequence=before_sequence, limit=limit
        )

    def actions_(self, actor: Actor) -> list[str]:
        """Every action that was ever written down; raises AccessError, StoreError."""
        self._permissions.check(actor, Right.ADMINISTER)
        return self._metadata.store.audit.actions()

    def verify_(
        self,
        actor: Actor,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> AuditVerdict:
        """Look at every row, and whether the chain goes on from where this workstation last saw it
        whole; what is whole now is remembered for the next time.

        Raises AccessError for all but admins, Cancelled, StoreError.
        """
        self._permissions.check(actor, Right.ADMINISTER)
        store = self._metadata.store
        place = store.location.url
        witness = self._metadata.witness
        seen = witness.find_(place)
        verdict = walk_chain(
            store.audit, seen.end if seen else None, progress, token or CancelToken()
        )
        if verdict.intact:
            witness.keep(place, verdict.end)
        return replace(verdict, first_time=seen is None or not seen.verified)

    def accept_(self, actor: Actor, verdict: AuditVerdict) -> None:
        """Take the chain of ``verdict`` for the true one from now on, as after restoring the store
        from a copy; this is written down in the chain itself.

        Raises AccessError for all but admins, ConflictError for a chain that is not whole in
        itself, StoreError.
        """
        current = self._permissions.check(actor, Right.ADMINISTER)
        if not verdict.acceptable:
            raise ConflictError(
                "An audit log that was tampered with is not taken for the true one.",
                hint="Restore the metadata store from a copy.",
                code="audit.broken",
            )
        store = self._metadata.store
        seen = verdict.seen
        before = None if seen is None else {"sequence": seen.sequence, "row_hash": seen.row_hash}
        after = {"sequence": verdict.end.sequence, "row_hash": verdict.end.row_hash}
        event = build_event(
            current, "audit.accepted", SubjectKind.AUDIT, before=before, after=after
        )
        store.audit.add_([event])
        self._metadata.witness.keep(store.location.url, verdict.end)

    def export_(
        self,
        actor: Actor,
        path: Path,
        list_format: ListFormat,
        query: AuditQuery | None = None,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> int:
        """Write what ``query`` finds to ``path``, oldest first, whole or not at all; returns how
        many records there are. That it was done is written down.

        Raises AccessError for all but admins, Cancelled, StoreError, AltusError for the file.
        """
        current = self._permissions.check(actor, Right.ADMINISTER)
        count = 0

        def records() -> Iterator[AuditRecord]:
            nonlocal count
            for record in self._records(query or AuditQuery(), progress, token or CancelToken()):
                count += 1
                yield record

        with open_chosen(path) as file:
            for line in audit_lines(records(), list_format):
                file.write(line.encode())
            # An export that nobody knows of is worse than one that did not come about.
            event = build_event(
                current,
                "audit.exported",
                SubjectKind.AUDIT,
                subject_name=path.name,
                after={"format": list_format.value, "records": count},
            )
            self._metadata.store.audit.add_([event])
        return count

    def _records(
        self, query: AuditQuery, progress: ProgressSink, token: CancelToken
    ) -> Iterator[AuditRecord]:
        audit = self._metadata.store.audit
        newest = audit.extent().last
        after = -1
        while after < newest:
            token.raise_if_cancelled()
            page = audit.list_(query, after_sequence=after, limit=_PAGE)
            yield from (record for record in page if record.sequence <= newest)
            if len(page) < _PAGE or page[-1].sequence <= after:
                return
            after = page[-1].sequence
            progress(Progress("Exporting the audit log", after / max(newest, 1)))


def build_event(
    actor: Actor | None,
    action: str,
    kind: SubjectKind,
    subject_id: str = "",
    subject_name: str = "",
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    outcome: AuditOutcome = AuditOutcome.DONE,
    **more: Any,
) -> AuditEvent:
    """An event that happens now, here; ``actor`` None: nobody has signed in.

    ``before``, ``after`` and ``more`` are plain JSON values that the caller has chosen one by one:
    nothing here could tell a secret from another text. What is long is cut.
    """
    details: dict[str, Any] = dict(more)
    if before is not None:
        details["before"] = dict(before)
    if after is not None:
        details["after"] = dict(after)
    return AuditEvent(
        id=str(uuid.uuid4()),
        at=datetime.now(UTC).replace(microsecond=0),
        action=action,
        outcome=outcome,
        actor_id=actor.user_id if actor else "",
        actor_email=_storable(actor.email)[:_NAME_LIMIT] if actor else "",
        api_key_id=actor.api_key_id if actor else "",
        origin=current_origin(),
        subject_kind=kind,
        subject_id=_storable(subject_id)[:_ID_LIMIT],
        subject_name=_storable(subject_name)[:_NAME_LIMIT],
        details=_bounded_details(details),
    )


@cache
def current_origin() -> str:
    """Who uses which computer, as the operating system says it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "?"
    return _storable(f"{user}@{platform.node() or '?'}")[:_NAME_LIMIT]


def _bounded_details(details: Mapping[str, Any]) -> Mapping[str, Any]:
    bounded: dict[str, Any] = {name: _bounded(value) for name, value in details.items()}
    if len(json.dumps(bounded, ensure_ascii=False).encode()) <= _DETAILS_LIMIT:
        return bounded
    # What happened is written down even when how cannot be.
    return {"omitted": "more than fits here"}


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        text = _storable(value)
        return text if len(text) <= _TEXT_LIMIT else f"{text[: _TEXT_LIMIT - 1]}…"
    if isinstance(value, Mapping):
        return {_storable(str(name)): _bounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else list(value)
        more = len(items) - _ITEM_LIMIT
        kept = [_bounded(item) for item in items[:_ITEM_LIMIT]]
        return [*kept, f"… {more}"] if more > 0 else kept
    return value


def _storable(text: str) -> str:
    """``text`` as every database takes it, whatever was typed."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")
