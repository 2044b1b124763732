"""Figures of past searches: counted by day in the store, read for dashboards.

Counting is upkeep of the store and tells nobody anything; reading asks who may see whose figures.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.analytics import DayDocument, Metric, RollUpReport
from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AccessError, NotFoundError
from altus4_desktop.domain.figures import HOURLY_LATENCY_DAYS, Figures, Period, UserUse
from altus4_desktop.domain.local_days import find_zone
from altus4_desktop.domain.progress import ProgressSink, ignore_progress
from altus4_desktop.services.analytics_counting import Counting, OnCounted
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
    whole_metrics,
)
from altus4_desktop.services.figures_export import days_csv, figures_document
from altus4_desktop.services.files import open_chosen
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.services.recording import read_pauses

if TYPE_CHECKING:
    from altus4_desktop.domain.recording import Pause
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.storage.repositories.figures import FiguresRepository

# The lists of so many days of a person are read in a quarter of a second, however long they are,
# and those of more where few searches make them short.
_MOST_OF_EACH, _MOST_SHORT = 750, 4_000
_FEW_SEARCHES = 75_000
_COMPARED = frozenset((Metric.DAILY_SEARCHES, Metric.LATENCY, Metric.POPULAR_QUERIES))
# Behind everybody's back: others are to get at the store in between.
_PAUSE_S = 0.05
START_S = 3.0
"""Not while a program is still starting."""


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
        self._upkeep = AnalyticsUpkeep(self._count)
        self.on_counted: OnCounted | None = None

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
        counting = self._counting(Errand(whose, compare=True), token or CancelToken(), progress)
        report = counting.refresh_(anew=whole)
        if whole:
            report = replace(report, days=report.days + counting.compare_old_())
        return replace(report, failed=len(counting.failed))

    def refresh_later(self, actor: Actor) -> None:
        """`refresh_` of everything behind everybody's back, the last days first; never waits, and
        problems go to the log."""
        whose = None if self._permissions.owns(actor, "") else actor.user_id
        self._upkeep.want(Errand(whose, compare=True), START_S)

    def note_changed(self, user_id: str) -> None:
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
        compared_to: Period | None = None,
    ) -> Figures:
        """The figures of ``period``: one user's, or all that the actor may see.

        Days are those of each user's own time zone. Of ``metrics`` that are not asked for the
        figures are empty; without ``by_hour`` so are hours of days. ``compare`` reads the period
        before as well. Days are put into the weeks of ``compared_to``, if that is given. Raises
        NotFoundError for a user whose figures are not the actor's to see.
        """
        actor = self._permissions.check(actor, Right.ANALYSE)
        whose = self._whose(actor, user_id)
        found = self._documents(whose, period, _with_hours(metrics, period), by_hour=by_hour)
        before = None
        if compare:
            compared = _COMPARED & {*metrics}
            before = self._documents(whose, period.before(), compared, trends=False)
        pauses = read_pauses(self._metadata, whose) if Metric.DAILY_SEARCHES in metrics else ()
        return self._build(actor, whose, period, found, before, pauses, compared_to)

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
            self._build(actor, whose, earlier, before, None, pauses, period),
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
            people = self.people_(actor, period) if user_id is None else None
            text = json.dumps(figures_document(figures, zone, now, people), indent=2)
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
        return self._stored.first_day(self._whose(actor, user_id))

    def users_(self, actor: Actor, period: Period) -> list[UserUse]:
        """How much each user searched, the busiest first; for admins."""
        self._permissions.check(actor, Right.ADMINISTER)
        return self._stored.count_by_user(period.first, period.last)

    def people_(self, actor: Actor, period: Period) -> list[UserUse] | None:
        """`users_` for whoever may see them, None for others."""
        try:
            return self.users_(actor, period)
        except AccessError:
            # A key of an admin may be good for figures and no more.
            self._permissions.check(actor, Right.ANALYSE)
            return None

    # -- inside ----------------------------------------------------------------------------------

    @property
    def _stored(self) -> FiguresRepository:
        return self._metadata.store.figures

    def _build(
        self,
        actor: Actor,
        whose: str | None,
        period: Period,
        found: ByMetric,
        before: ByMetric | None,
        pauses: Sequence[Pause],
        compared_to: Period | None = None,
    ) -> Figures:
        first = self._stored.first_day(whose)
        known = None if first is None else Period(first, max(first, today_of(actor)))
        keys = {
            row[0] for document in found[Metric.API_KEYS].values() for row in document["keys"]
        } - {""}
        names = self._stored.key_names(keys) if keys else {}
        return build_figures(
            period,
            found,
            known,
            names,
            before,
            pauses,
            compared_to=compared_to,
            is_everybodys=whose is None,
            usual_zone=actor.timezone or "UTC",
            outcomes_of=self._stored.outcomes_of,
        )

    def _documents(
        self,
        whose: str | None,
        period: Period,
        metrics: Collection[Metric],
        *,
        by_hour: bool = True,
        trends: bool = True,
    ) -> ByMetric:
        by_day = {*metrics} & DAY_METRICS
        found: list[DayDocument] = []
        if by_day:
            found = self._stored.list_(whose, period.first, period.last, by_day, by_hour=by_hour)
        if lists := {*metrics} - by_day:
            whole = whole_metrics(lists, period, trends=trends)
            found += self._list_merged(whose, slices_of(period), lists, whole)
        return group_documents(found)

    def _list_merged(
        self,
        whose: str | None,
        parts: Sequence[Period],
        metrics: Collection[Metric],
        whole: Collection[Metric],
    ) -> list[DayDocument]:
        found = self._stored.list_merged_(whose, parts, metrics, whole)
        cut = {
            row.metric
            for row in found
            if row.metric in TEXT_METRICS and leaves_out(row.metric, row.document)
        }
        if whose is None and cut:
            # The lists of each person may have room for all that everybody's has none for.
            searches = sum(row.document["searches"] for row in found if row.metric in cut)
            most = _MOST_OF_EACH if searches > _FEW_SEARCHES else _MOST_SHORT
            of_each = self._stored.list_each_merged_(parts, cut, most, whole)
            if of_each is not None:
                return [row for row in found if row.metric not in cut] + of_each
        return found

    def _whose(self, actor: Actor, user_id: str | None) -> str | None:
        if user_id is None:
            return None if self._permissions.owns(actor, "") else actor.user_id
        if not self._permissions.owns(actor, user_id):
            raise NotFoundError("There is no such user.", code="user.not_found")
        return user_id

    def _count(self, errand: Errand, token: CancelToken) -> None:
        counting = self._counting(errand, token, pause_s=_PAUSE_S)
        counting.refresh_()
        if errand.compare:
            counting.compare_old_()

    def _counting(
        self,
        errand: Errand,
        token: CancelToken,
        progress: ProgressSink = ignore_progress,
        pause_s: float = 0.0,
    ) -> Counting:
        return Counting(self._metadata, errand, token, progress, pause_s, self.on_counted)


def _with_hours(metrics: Iterable[Metric], period: Period) -> set[Metric]:
    """``metrics``, and latency by the hour where a period is short enough."""
    wanted = {*metrics} - {Metric.HOURLY_LATENCY}
    if Metric.LATENCY in wanted and len(period) <= HOURLY_LATENCY_DAYS:
        wanted.add(Metric.HOURLY_LATENCY)
    return wanted
