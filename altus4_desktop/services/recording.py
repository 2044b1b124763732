"""When people did not want their searches recorded, as the audit log tells, and how long they want
them kept."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.local_days import find_zone
from altus4_desktop.domain.recording import Pause, find_pauses

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService


def read_pauses(metadata: MetadataService, user_id: str | None) -> tuple[Pause, ...]:
    """The pauses of one user, or of everybody; none are known where the log cannot be read.

    Raises StoreError.
    """
    store = metadata.store
    try:
        switches = store.audit.list_switches(user_id)
    except StoreError as error:
        if error.code != "audit.broken":
            raise
        return ()
    if not switches:
        return ()
    zones = {user.user_id: user.timezone for user in store.analytics.users_(user_id)}
    return find_pauses(switches, zones)


def kept_whole_since(metadata: MetadataService, user_id: str | None, now: datetime) -> date | None:
    """The first day of which no search of one user, or of anybody, was let go of because it was
    kept for long enough; None where all are kept for good. Raises StoreError."""
    users = metadata.store.users
    found = users.list_() if user_id is None else [users.find_(user_id)]
    return max(
        (
            # The day before went in part.
            (now.astimezone(find_zone(user.timezone or "UTC")) - timedelta(days=days - 1)).date()
            for user in found
            if user is not None and (days := user.choices.history_days) is not None
        ),
        default=None,
    )
