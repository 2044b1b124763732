"""When people did not want their searches recorded: the audit log tells when they said so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import StoreError
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
