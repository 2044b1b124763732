"""Figures of past searches: counted by day in the store, read for dashboards.

Counting is upkeep of the store and tells nobody anything; reading asks who may see whose figures.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.analytics import CountedUser, DayDocument, Metric, RollUpReport
from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, NotFoundError
from altus4_desktop.domain.figures import HOURLY_LATENCY_DAYS, Figures, Period, UserUse
from altus4_desktop.domain.local_days import day_number, find_zone
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.services.analytics_upkeep import AnalyticsUpkeep, Errand
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.figures import (
    DAY_METRICS,
    TEXT_METRICS,
    ByMetric,
    build_figures,
    group_documents,
    leaves_out,
    slices_of,
)
from altus4_desktop.services.figures_export import days_csv, figures_document
from altus4_desktop.services.files import open_chosen
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.services.recording import read_pauses

if TYPE_CHECKING:
    from altus4_desktop.domain.recording import Pause
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.storage.repositories.analytics import AnalyticsRepository

_Done = TypeVar("_Done")
_LOG = logging.getLogger(__name__)
# A transaction that counts keeps others from writing: it is to take about so much work here. By
# the clock it would do ever less while others use the processors, and all would take the longer.
_TRANSACTION_S = 0.2
_MOST_DAYS = 400
# A day of everybody takes some megabytes.
_TOTALS_AT_ONCE = 3
# The lists of so many days of a person are read in a quarter of a second, however long they are,
# and those of more where few searches make them short.
_MOST_OF_EACH, _MOST_SHORT = 750, 4_000
_FEW_SEARCHES = 75_000
_COMPARED = frozenset((Metric.DAILY_SEARCHES, Metric.LATENCY, Metric.POPULAR_QUERIES))
# Two days in a row may have very different numbers of searches.
_FASTEST = 4.0
# Behind everybody's back: others are to get at the store in between.
_PAUSE_S = 0.05
# At each start and each refresh it is to be seen soon what others have written of late.
_RECENT_DAYS, _COMPARED_AT_ONCE = 40, 7
START_S = 3.0
"""Not while a program is still starting."""


def _recent_day() -> date:
    return datetime.now(UTC).date() - timedelta(days=_RECENT_DAYS)


def _go_on(work: Callable[[], _Done], user_id: str, failed: set[str]) -> _Done | None:
    """What ``work`` returns; None where one user's searches cannot be counted: the log tells, and
    everybody else's are to be counted all the same. Who it is joins ``failed``. Raises StoreError,
    Cancelled."""
    try:
        return work()
    except AltusError:
        raise
    except Exception:
        # Other programs may have written anything.
        _LOG.exception("analytics: the searches of user %s could not be counted", user_id)
        failed.add(user_id)
        return None


def today_of(actor: Actor) -> date:
    """Which day it is for the actor."""
    return datetime.now(UTC).astimezone(find_zone(actor.timezone or "UTC")).date()


class AnalyticsService:
    """Counts searches by day, and reads what was counted.

    Whoever may see everybody's figures sees them together, others their own. ``on_counted`` is
    called after each errand, on whatever thread has done it, with how long to pause between its
    transactions. Every reading method raises AccessError, StoreError.
    """

    def __init__(self, metadata: MetadataService, permissions: Permissions) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._upkeep = AnalyticsUpkeep(self._run)
        self.on_counted: Callable[[Errand, CancelToken, float], None] | None = None

    # -- counting --------------------------------------------------------------------------------

    def refresh_(
        self,
        actor: Actor,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
        *,
        whole: bool = False,
    ) -> RollUpReport:
        """Count what is not counted yet: the actor's own, or everybody's for an admin.

        Other programs may have written too: compares the last days' sums with what is there first,
        or counts all days anew with ``whole``. Doing it again changes nothing. Raises AccessError,
        StoreError, Cancelled.
        """
        actor = self._permissions.check(actor, Right.ANALYSE)
        whose = None if self._permissions.owns(actor, "") else actor.user_id
        errand, token = Errand(whose, compare=True), token or CancelToken()
        failed: set[str] = set()
        report = self._refresh(errand, progress, token, failed, anew=whole)
        if whole:
            days = self._compare_old(errand, progress, token, failed)
            report = replace(report, days=report.days + days)
        return replace(report, failed=len(failed))

    def refresh_later(self, actor: Actor) -> None:
        """`refresh_` of everything behind everybody's back, the last days first; never waits, and
        problems go to the log."""
        whose = None if self._permissions.owns(actor, "") else actor.user_id
        self._upkeep.want(Errand(whose, compare=True), START_S)

    def note_kept(self, user_id: str) -> None:
        """Have the user's searches counted as soon as it is quiet; never waits."""
        self._upkeep.want(Errand(user_id))

    def close_(self) -> None:
        """Stop counting; what is left is counted another time."""
        self._upkeep.close_()

    # -- reading ---------------------------------------------------------------------------------

    def figures_(
        self,
        actor: Actor,
        period: Period,
        user_id: str | None = None,
        *,
        metrics: Collection[Metric] = tuple(Metric),
        compare: bool = False,
        by_hour: bool = True,
    ) -> Figures:
        """The figures of ``period``: one user's, or all that the actor may see.

        Days are those of each user's own time zone. Of ``metrics`` that are not asked for the
        figures are empty; without ``by_hour`` so are hours of days. ``compare`` reads the period
        before as well. Raises NotFoundError for a user whose figures are not the actor's to see.
        """
        actor = self._permissions.check(actor, Right.ANALYSE)
        whose = self._whose(actor, user_id)
        found = self._documents(whose, period, _with_hours(metrics, period), by_hour=by_hour)
        before = None
        if compare:
            before = self._documents(whose, period.before(), _COMPARED & {*metrics})
        pauses = read_pauses(self._metadata, whose) if Metric.DAILY_SEARCHES in metrics else ()
        return self._build(actor, whose, period, found, before, pauses)

    def compared_(self, actor: Actor, period: Period) -> tuple[Figures, Figures]:
        """`figures_` of ``period``, compared with the one before, and of the period before what it
        is compared with: read once for both."""
        actor = self._permissions.check(actor, Right.ANALYSE)
        whose = self._whose(actor, None)
        earlier = period.before()
        found = self._documents(whose, period, _with_hours(Metric, period))
        before = self._documents(whose, earlier, _with_hours(_COMPARED, earlier))
        pauses = read_pauses(self._metadata, whose)
        return (
            self._build(actor, whose, period, found, before, pauses),
            self._build(actor, whose, earlier, before, None, pauses),
        )

    def export_(self, actor: Actor, path: Path, period: Period, user_id: str | None = None) -> int:
        """Write `figures_` to ``path``, whole or not at all: a line for each day when it ends in
        ``.csv``, else one JSON document. Returns how many days there are; it is written down.

        Raises NotFoundError as `figures_`, AltusError for the file.
        """
        figures = self.figures_(actor, period, user_id, compare=True)
        is_table = path.suffix.lower() == ".csv"
        if is_table:
            text = days_csv(figures)
        else:
            zone, now = actor.timezone or "UTC", datetime.now(UTC)
            text = json.dumps(figures_document(figures, zone, now), indent=2)
        days = sum(point.counts is not None for point in figures.days)
        with open_chosen(path) as file:
            file.write(text.encode())
            # An export that nobody knows of is worse than one that did not come about.
            event = build_event(
                actor,
                "analytics.exported",
                SubjectKind.HISTORY,
                subject_name=path.name,
                after={"format": "csv" if is_table else "json", "days": days},
            )
            self._metadata.store.audit.add_([event])
        return days

    def export_chart_(self, actor: Actor, path: Path, chart: str, content: bytes) -> None:
        """Write a picture or a table of the chart called ``chart`` to ``path``, whole or not at
        all; it is written down. Raises AccessError, StoreError, AltusError for the file."""
        actor = self._permissions.check(actor, Right.ANALYSE)
        with open_chosen(path) as file:
            file.write(content)
            event = build_event(
                actor,
                "analytics.exported",
                SubjectKind.HISTORY,
                subject_name=path.name,
                after={"format": path.suffix.lower().lstrip("."), "chart": chart},
            )
            self._metadata.store.audit.add_([event])

    def first_day(self, actor: Actor, user_id: str | None = None) -> date | None:
        """The first day with figures; raises NotFoundError as `figures_`."""
        actor = self._permissions.check(actor, Right.ANALYSE)
        return self._analytics.first_day(self._whose(actor, user_id))

    def users_(self, actor: Actor, period: Period) -> list[UserUse]:
        """How much each user searched, the busiest first; for admins."""
        self._permissions.check(actor, Right.ADMINISTER)
        return self._analytics.count_by_user(period.first, period.last)

    # -- inside ----------------------------------------------------------------------------------

    @property
    def _analytics(self) -> AnalyticsRepository:
        return self._metadata.store.analytics

    def _build(
        self,
        actor: Actor,
        whose: str | None,
        period: Period,
        found: ByMetric,
        before: ByMetric | None,
        pauses: Sequence[Pause],
    ) -> Figures:
        first = self._analytics.first_day(whose)
        known = None if first is None else Period(first, max(first, today_of(actor)))
        keys = {
            row[0] for document in found[Metric.API_KEYS].values() for row in document["keys"]
        } - {""}
        names = self._analytics.key_names(keys) if keys else {}
        return build_figures(
            period,
            found,
            known,
            names,
            before,
            pauses,
            is_everybodys=whose is None,
            usual_zone=actor.timezone or "UTC",
            outcomes_of=self._analytics.outcomes_of,
        )

    def _documents(
        self,
        whose: str | None,
        period: Period,
        metrics: Collection[Metric],
        *,
        by_hour: bool = True,
    ) -> ByMetric:
        by_day = {*metrics} & DAY_METRICS
        found: list[DayDocument] = []
        if by_day:
            found = self._analytics.list_(whose, period.first, period.last, by_day, by_hour=by_hour)
        if lists := {*metrics} - by_day:
            found += self._list_merged(whose, slices_of(period), lists)
        return group_documents(found)

    def _list_merged(
        self, whose: str | None, parts: Sequence[Period], metrics: Collection[Metric]
    ) -> list[DayDocument]:
        found = self._analytics.list_merged_(whose, parts, metrics)
        cut = {
            row.metric
            for row in found
            if row.metric in TEXT_METRICS and leaves_out(row.metric, row.document)
        }
        if whose is None and cut:
            # The lists of each person may have room for all that everybody's has none for.
            searches = sum(row.document["searches"] for row in found if row.metric in cut)
            most = _MOST_OF_EACH if searches > _FEW_SEARCHES else _MOST_SHORT
            of_each = self._analytics.list_each_merged_(parts, cut, most)
            if of_each is not None:
                return [row for row in found if row.metric not in cut] + of_each
        return found

    def _whose(self, actor: Actor, user_id: str | None) -> str | None:
        if user_id is None:
            return None if self._permissions.owns(actor, "") else actor.user_id
        if not self._permissions.owns(actor, user_id):
            raise NotFoundError("There is no such user.", code="user.not_found")
        return user_id

    def _run(self, errand: Errand, token: CancelToken) -> None:
        failed: set[str] = set()
        self._refresh(errand, ignore_progress, token, failed, _PAUSE_S)
        if errand.compare:
            self._compare_old(errand, ignore_progress, token, failed, _PAUSE_S)

    def _refresh(
        self,
        errand: Errand,
        progress: ProgressSink,
        token: CancelToken,
        failed: set[str],
        pause_s: float = 0.0,
        *,
        anew: bool = False,
    ) -> RollUpReport:
        users = self._analytics.users_(errand.user_id)
        there = []
        for user in users:
            token.raise_if_cancelled()
            if _go_on(partial(self._prepare, user, errand, anew=anew), user.user_id, failed):
                there.append(user.user_id)
        days = self._roll_up(there, progress, token, failed, pause_s)
        if errand.compare and errand.user_id is None:
            self._analytics.check_totals_()
            self._check_documents(token, pause_s, recent=True)
        totals = self._add_up(token, pause_s)
        if self.on_counted is not None:
            self.on_counted(errand, token, pause_s)
        progress(Progress("Counting searches", 1.0))
        return RollUpReport(len(users), days, totals)

    def _compare_old(
        self,
        errand: Errand,
        progress: ProgressSink,
        token: CancelToken,
        failed: set[str],
        pause_s: float = 0.0,
    ) -> int:
        """Compare what is older than `_refresh` has looked at, some days at once; returns how many
        were counted again."""
        users = self._analytics.users_(errand.user_id)
        counted, changed = 0, False
        for at, user in enumerate(users):
            compare = partial(self._compare_user, user.user_id, token, failed, pause_s)
            found = _go_on(compare, user.user_id, failed)
            # Of whom it went wrong some days may have been counted.
            changed |= found is None or found[0] > 0
            counted += 0 if found is None else found[1]
            progress(Progress("Comparing older searches", (at + 1) / (len(users) + 1)))
        if errand.user_id is None:
            changed |= self._check_documents(token, pause_s, recent=False)
        if changed:
            self._add_up(token, pause_s)
            if self.on_counted is not None:
                self.on_counted(errand, token, pause_s)
        progress(Progress("Comparing older searches", 1.0))
        return counted

    def _prepare(self, user: CountedUser, errand: Errand, *, anew: bool) -> bool:
        """Mark what is to be counted; True."""
        if user.counted_zone != user.timezone:
            self._analytics.begin_(user.user_id, user.timezone)
        elif errand.compare:
            self._analytics.compare_(user.user_id, _recent_day())
            if anew:
                self._analytics.mark_all_(user.user_id)
        return True

    def _compare_user(
        self, user_id: str, token: CancelToken, failed: set[str], pause_s: float
    ) -> tuple[int, int]:
        """How many of the user's older days were not as they are there, and were counted again."""
        first = self._analytics.first_known_day(user_id)
        last = _recent_day() - timedelta(days=1)
        changed = counted = 0
        while first is not None and first <= last:
            token.raise_if_cancelled()
            begin = max(first, last - timedelta(days=_COMPARED_AT_ONCE - 1))
            if found := self._analytics.compare_(user_id, begin, last):
                changed += found
                counted += self._roll_up([user_id], ignore_progress, token, failed, pause_s)
            last = begin - timedelta(days=1)
            token.wait(pause_s)
        return changed, counted

    def _check_documents(self, token: CancelToken, pause_s: float, *, recent: bool) -> bool:
        """Whether a document of everybody is damaged: its day is to be added up again."""
        first, changed = _recent_day(), False
        days = [day for day in self._analytics.total_days() if (day >= first) is recent]
        for at in range(0, len(days), _COMPARED_AT_ONCE):
            token.raise_if_cancelled()
            changed |= self._analytics.check_documents_(days[at : at + _COMPARED_AT_ONCE]) > 0
            token.wait(pause_s)
        return changed

    def _add_up(self, token: CancelToken, pause_s: float) -> int:
        """Add up everybody's figures of the days of which that is to be done; returns how many."""
        totals = self._analytics.unadded_days()
        for at in range(0, len(totals), _TOTALS_AT_ONCE):
            token.raise_if_cancelled()
            self._analytics.add_up_(totals[at : at + _TOTALS_AT_ONCE])
            token.wait(pause_s)
        return len(totals)

    def _roll_up(
        self,
        user_ids: Sequence[str],
        progress: ProgressSink,
        token: CancelToken,
        failed: set[str],
        pause_s: float,
    ) -> int:
        """Count the marked days of these users; returns how many there were.

        Who is farthest behind goes next: what people searched in the same days lies together in a
        file, which would be read from its disk for each of them.
        """
        waiting = [(0, user_id, 1) for user_id in sorted(user_ids)]
        first, days, share = None, 0, 0.0
        today = day_number(datetime.now(UTC).date())
        while waiting:
            token.raise_if_cancelled()
            _, user_id, most_days = heappop(waiting)
            begun = time.thread_time()
            work = partial(self._analytics.roll_up_, user_id, most_days)
            counted = _go_on(work, user_id, failed)
            if not counted:
                continue
            days += len(counted)
            pace = _TRANSACTION_S / max(time.thread_time() - begun, 0.001)
            wanted = round(len(counted) * min(pace, _FASTEST))
            heappush(waiting, (counted[-1], user_id, min(_MOST_DAYS, max(1, wanted))))
            first = counted[0] if first is None else min(first, counted[0])
            share = max(share, (waiting[0][0] - first) / max(1, today + 1 - first))
            progress(Progress("Counting searches", min(share, 1.0)))
            token.wait(pause_s)
        return days


def _with_hours(metrics: Iterable[Metric], period: Period) -> set[Metric]:
    """``metrics``, and latency by the hour where a period is short enough."""
    wanted = {*metrics} - {Metric.HOURLY_LATENCY}
    if Metric.LATENCY in wanted and len(period) <= HOURLY_LATENCY_DAYS:
        wanted.add(Metric.HOURLY_LATENCY)
    return wanted
