"""The audit log: what the services write into it, and what admins read."""

from __future__ import annotations

import getpass
import platform
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import AuditEvent, AuditOutcome, SubjectKind

_NAME_LIMIT = 255


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
    nothing here could tell a secret from another text.
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
        actor_email=actor.email if actor else "",
        api_key_id=actor.api_key_id if actor else "",
        origin=_origin(),
        subject_kind=kind,
        subject_id=subject_id,
        subject_name=subject_name[:_NAME_LIMIT],
        details=details,
    )


@cache
def _origin() -> str:
    """Who uses which computer, as the operating system says it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "?"
    return f"{user}@{platform.node() or '?'}"[:_NAME_LIMIT]
