"""What becomes of past searches behind everybody's back: old ones go, and lists are completed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import AuditEvent, SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.upkeep import Upkeep, attempt

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.storage.repositories.searches import SearchRepository

# Not while a program is still starting; later, how soon a search goes that is too old.
FIRST_S, EVERY_S = 3.0, 3600.0
# A transaction that deletes keeps others from writing: it is to take about so long.
_TRANSACTION_S = 0.2
LEAST_ROWS, MOST_ROWS = 200, 5000
# Two batches in a row may be very different.
_FASTEST = 4.0
# Others are to get at the store in between.
PAUSE_S = 0.05
# Nobody waits for lists, and those who search are not to feel it.
OLD_AT_ONCE, OLD_PAUSE_S = 500, 0.25


def delete_in_batches(
    searches: SearchRepository,
    user_id: str,
    read: Callable[[int], Sequence[str]],
    event: AuditEvent,
    progress: ProgressSink = ignore_progress,
    token: CancelToken | None = None,
) -> int:
    """Delete the user's searches of which ``read`` gives the ids, at most as many as it is asked
    for and fewer at the end; returns how many there were.

    Each batch is a transaction with a pause after it, the first one of which writes ``event``.
    Raises Cancelled, StoreError: what was deleted until then is gone.
    """
    token = token or CancelToken()
    gone, size = 0, LEAST_ROWS
    while True:
        token.raise_if_cancelled()
        begun = time.monotonic()
        ids = read(size)
        if ids:
            gone += (
                searches.delete_more_(user_id, ids)
                if gone
                else searches.delete_(user_id, ids, [event])
            )
            progress(Progress(f"Deleted {gone:,} searches"))
        if len(ids) < size:
            return gone
        pace = min(_TRANSACTION_S / max(time.monotonic() - begun, 0.001), _FASTEST)
        size = min(MOST_ROWS, max(LEAST_ROWS, round(size * pace)))
        token.wait(PAUSE_S)


def expire(searches: SearchRepository, actor: Actor, token: CancelToken | None = None) -> int:
    """Delete what the actor has kept for longer than they want; returns how many searches.

    Raises Cancelled, StoreError.
    """
    days = actor.choices.history_days
    if days is None:
        return 0
    event = build_event(
        actor,
        "history.expired",
        SubjectKind.HISTORY,
        actor.user_id,
        actor.email,
        before={"days": days},
    )
    before_at = datetime.now(UTC) - timedelta(days=days)
    return delete_in_batches(
        searches,
        actor.user_id,
        lambda count: searches.oldest_ids(actor.user_id, count, before_at),
        event,
        token=token,
    )


class HistoryUpkeep:
    """Works at the start and every hour; what fails for one person does not keep the others."""

    def __init__(
        self, metadata: MetadataService, expire: Callable[[Actor, CancelToken], object]
    ) -> None:
        self._metadata = metadata
        self._expire_searches = expire
        self._upkeep = Upkeep("history", self._work, lambda _: EVERY_S)

    def start(self) -> None:
        """Begin, unless it has begun; never waits."""
        self._upkeep.start(FIRST_S)

    def close_(self) -> None:
        """Stop; what is left is done another time."""
        self._upkeep.close_()

    def _work(self, token: CancelToken) -> None:
        users = self._metadata.store.users.list_()
        keeping = [user for user in users if user.choices.history_days is not None]
        for work, whose in ((self._expire, keeping), (self._mark_old, users)):
            for user in whose:
                token.raise_if_cancelled()
                attempt(partial(work, user.id, token), "history")

    def _expire(self, user_id: str, token: CancelToken) -> None:
        # As it is now: others may have taken long, and somebody may want to keep it meanwhile.
        user = self._metadata.store.users.find_(user_id)
        if user is not None:
            self._expire_searches(user.as_actor(), token)

    def _mark_old(self, user_id: str, token: CancelToken) -> None:
        searches = self._metadata.store.searches
        while searches.mark_old_(user_id, OLD_AT_ONCE) == OLD_AT_ONCE:
            if token.wait(OLD_PAUSE_S):
                raise Cancelled()
