"""Counting the searches of an errand, one transaction after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING, TypeVar

from altus4_desktop.domain.analytics import CountedUser, RollUpReport
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.local_days import day_number
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.services.analytics_upkeep import Errand

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.storage.repositories.analytics import AnalyticsRepository

OnCounted = Callable[[Errand, CancelToken, float], None]
_Done = TypeVar("_Done")
_LOG = logging.getLogger(__name__)
# A transaction that counts keeps others from writing: it is to take about so much work here. By
# the clock it would do ever less while others use the processors, and all would take the longer.
_TRANSACTION_S = 0.2
_MOST_DAYS = 400
# Two days in a row may have very different numbers of searches.
_FASTEST = 4.0
# A day of everybody takes some megabytes.
_TOTALS_AT_ONCE = 3
# At each start and each refresh it is to be seen soon what others have written of late.
_RECENT_DAYS, _COMPARED_AT_ONCE = 40, 7


class Counting:
    """Counts for one errand, with ``pause_s`` between transactions; ``failed``: whose searches
    could not be counted.

    ``on_counted`` is called when there is something new. Both methods raise StoreError, Cancelled;
    what is done by then stays done.
    """

    def __init__(
        self,
        metadata: MetadataService,
        errand: Errand,
        token: CancelToken,
        progress: ProgressSink = ignore_progress,
        pause_s: float = 0.0,
        on_counted: OnCounted | None = None,
    ) -> None:
        self.failed: set[str] = set()
        self._metadata = metadata
        self._errand = errand
        self._token = token
        self._progress = progress
        self._pause_s = pause_s
        self._on_counted = on_counted

    def refresh_(self, *, anew: bool = False) -> RollUpReport:
        """Count what is marked and, where the errand is to compare, what is not as it was counted
        of late, or all days ``anew``."""
        if self._errand.compare:
            self._analytics.forget_undated_()
        users = self._analytics.users_(self._errand.user_id)
        there = []
        for user in users:
            self._token.raise_if_cancelled()
            if self._go_on(partial(self._prepare, user, anew=anew), user.user_id):
                there.append(user.user_id)
        days = self._roll_up(there, self._progress)
        if self._errand.compare and self._errand.user_id is None:
            self._analytics.check_totals_()
            self._check_documents(recent=True)
        totals = self._add_up()
        self._tell()
        self._progress(Progress("Counting searches", 1.0))
        return RollUpReport(len(users), days, totals)

    def compare_old_(self) -> int:
        """Compare what is older than `refresh_` has looked at, some days at once; returns how many
        were counted again."""
        users = self._analytics.users_(self._errand.user_id)
        counted, changed = 0, False
        for at, user in enumerate(users):
            found = self._go_on(partial(self._compare_user, user.user_id), user.user_id)
            # Of whom it went wrong some days may have been counted.
            changed |= found is None or found[0] > 0
            counted += 0 if found is None else found[1]
            self._progress(Progress("Comparing older searches", (at + 1) / (len(users) + 1)))
        if self._errand.user_id is None:
            changed |= self._check_documents(recent=False)
        if changed:
            self._add_up()
            self._tell()
        self._progress(Progress("Comparing older searches", 1.0))
        return counted

    @property
    def _analytics(self) -> AnalyticsRepository:
        return self._metadata.store.analytics

    def _tell(self) -> None:
        if self._on_counted is not None:
            self._on_counted(self._errand, self._token, self._pause_s)

    def _go_on(self, work: Callable[[], _Done], user_id: str) -> _Done | None:
        """What ``work`` returns; None where one user's searches cannot be counted: the log tells,
        and everybody else's are to be counted all the same."""
        try:
            return work()
        except AltusError:
            raise
        except Exception:
            # Other programs may have written anything.
            _LOG.exception("analytics: the searches of user %s could not be counted", user_id)
            self.failed.add(user_id)
            return None

    def _prepare(self, user: CountedUser, *, anew: bool) -> bool:
        """Mark what is to be counted; True."""
        if user.counted_zone != user.timezone:
            self._analytics.begin_(user.user_id, user.timezone)
        elif self._errand.compare:
            self._analytics.compare_(user.user_id, _recent_day())
            if anew:
                self._analytics.mark_all_(user.user_id)
        return True

    def _compare_user(self, user_id: str) -> tuple[int, int]:
        """How many of the user's older days were not as they are there, and were counted again."""
        first = self._analytics.first_known_day(user_id)
        last = _recent_day() - timedelta(days=1)
        changed = counted = 0
        while first is not None and first <= last:
            self._token.raise_if_cancelled()
            begin = max(first, last - timedelta(days=_COMPARED_AT_ONCE - 1))
            if found := self._analytics.compare_(user_id, begin, last):
                changed += found
                counted += self._roll_up([user_id], ignore_progress)
            last = begin - timedelta(days=1)
            self._token.wait(self._pause_s)
        return changed, counted

    def _check_documents(self, *, recent: bool) -> bool:
        """Whether a document of everybody is damaged: its day is to be added up again."""
        first, changed = _recent_day(), False
        days = [day for day in self._analytics.total_days() if (day >= first) is recent]
        for at in range(0, len(days), _COMPARED_AT_ONCE):
            self._token.raise_if_cancelled()
            changed |= self._analytics.check_documents_(days[at : at + _COMPARED_AT_ONCE]) > 0
            self._token.wait(self._pause_s)
        return changed

    def _add_up(self) -> int:
        """Add up everybody's figures of the days of which that is to be done; returns how many."""
        totals = self._analytics.unadded_days()
        for at in range(0, len(totals), _TOTALS_AT_ONCE):
            self._token.raise_if_cancelled()
            self._analytics.add_up_(totals[at : at + _TOTALS_AT_ONCE])
            self._token.wait(self._pause_s)
        return len(totals)

    def _roll_up(self, user_ids: Sequence[str], progress: ProgressSink) -> int:
        """Count the marked days of these users; returns how many there were.

        Who is farthest behind goes next: what people searched in the same days lies together in a
        file, which would be read from its disk for each of them.
        """
        waiting = [(0, user_id, 1) for user_id in sorted(user_ids)]
        first, days, share = None, 0, 0.0
        today = day_number(datetime.now(UTC).date())
        while waiting:
            self._token.raise_if_cancelled()
            _, user_id, most_days = heappop(waiting)
            begun = time.thread_time()
            counted = self._go_on(partial(self._analytics.roll_up_, user_id, most_days), user_id)
            if not counted:
                continue
            days += len(counted)
            pace = _TRANSACTION_S / max(time.thread_time() - begun, 0.001)
            wanted = round(len(counted) * min(pace, _FASTEST))
            heappush(waiting, (counted[-1], user_id, min(_MOST_DAYS, max(1, wanted))))
            first = counted[0] if first is None else min(first, counted[0])
            share = max(share, (waiting[0][0] - first) / max(1, today + 1 - first))
            progress(Progress("Counting searches", min(share, 1.0)))
            self._token.wait(self._pause_s)
        return days


def _recent_day() -> date:
    return datetime.now(UTC).date() - timedelta(days=_RECENT_DAYS)
