"""Made-up figures for the panes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.analytics import Metric, RollUpReport
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.custom_metrics import MetricNotice, MetricSeries
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.figures import (
    DAILY_DAYS,
    Bucket,
    Counts,
    DayPoint,
    Figures,
    KeyUse,
    Latency,
    ModeShare,
    Period,
    PopularQuery,
    Reformulation,
    SlowSearch,
    SourceShare,
    UserUse,
    WeekPoint,
    ZeroQuery,
    monday_of,
)
from altus4_desktop.domain.progress import ProgressSink
from altus4_desktop.domain.search_points import PointOutcome, SearchPoint, SearchPoints

_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def make_figures(
    period: Period, zone: str = "UTC", *, compared_to: Period | None = None
) -> Figures:
    """Figures of all kinds; of the first day nothing is known, on the second nobody searched."""
    took = Latency(6, 40.0, 30.0, 90.0, 1200.0, 1200, (Bucket(30, 31, 5), Bucket(1200, 1300, 1)))
    days = [DayPoint(day, Counts(place + 5, 1, 0, 0, 2), took) for place, day in enumerate(period)]
    days[0] = DayPoint(days[0].day, None)
    if len(days) > 1:
        days[1] = DayPoint(days[1].day, Counts())
    # As the program has it: of more than a quarter there are weeks, those it is compared to.
    mondays = {monday_of(day) for day in compared_to or period} if len(days) > DAILY_DAYS else ()
    return Figures(
        period=period,
        zone=zone,
        counts=Counts(60, 3, 1, 0, 7),
        latency=took,
        days=tuple(days),
        weeks=tuple(WeekPoint(monday, took) for monday in sorted(mondays)),
        heat=tuple(tuple(range(day, day + 24)) for day in range(7)),
        modes=(ModeShare("natural", 50, 6, 3), ModeShare("boolean", 10, 1, 0)),
        sources=(SourceShare("Library 1", 60, 1, took, took),),
        popular=(PopularQuery("invoice", 20, 0, 30.0, (4, 6, 10), 12),),
        zero=(
            ZeroQuery("invoise", "natural", ("Library 1",), 5),
            ZeroQuery("+ink -paper", "boolean", ("Library 1",), 2),
        ),
        reformulations=(Reformulation("invoise", "invoice", 4, 3),),
        slowest=(SlowSearch(1200, "invoice", "natural", ("Library 1",), "s1", _AT),),
        keys=(KeyUse("", None, 50, 3), KeyUse("k1", "Reports", 10, 0)),
        before=Counts(40, 1, 0, 0, 4),
        latency_before=took,
    )


def make_points(count: int, begins_s: int = 1_772_600_000) -> SearchPoints:
    """So many searches, ten seconds apart, of all outcomes."""
    return SearchPoints.of(
        SearchPoint(begins_s + 10 * number, 10 + number % 90, PointOutcome(number % 4))
        for number in reversed(range(count))
    )


@dataclass
class FakePoints:
    """Has some searches, or fails."""

    error: AltusError | None = None
    points: SearchPoints = field(default_factory=lambda: make_points(40))
    asked: list[Period] = field(default_factory=list)

    def points_(
        self,
        actor: Actor,
        period: Period,
        *,
        token: CancelToken,
        on_part: Callable[[SearchPoints], None],
    ) -> SearchPoints:
        del actor, token
        self.asked.append(period)
        if self.error is not None:
            raise self.error
        on_part(self.points)
        return self.points


class FakeMetrics:
    """Nobody counts anything of their own."""

    def list_(self, actor: Actor, period: Period) -> list[MetricSeries]:
        del actor, period
        return []

    def watch_(self, actor: Actor, token: CancelToken) -> list[MetricNotice]:
        del actor, token
        return []


@dataclass
class FakeAnalytics:
    """Answers with `make_figures`, or fails; what comes second waits for ``gate``."""

    error: AltusError | None = None
    empty: bool = False
    gate: Event | None = None
    written: list[tuple[Path, str, bytes]] = field(default_factory=list)
    refreshed: int = 0

    def refresh_later(self, actor: Actor) -> None:
        del actor

    def refresh_(self, actor: Actor, progress: ProgressSink, token: CancelToken) -> RollUpReport:
        del actor, progress, token
        self.refreshed += 1
        return RollUpReport()

    def figures_(
        self,
        actor: Actor,
        period: Period,
        *,
        metrics: Collection[Metric] = (),
        compare: bool = False,
        by_hour: bool = True,
        compared_to: Period | None = None,
    ) -> Figures:
        del actor, compare, by_hour
        if self.gate is not None and Metric.DAILY_SEARCHES not in metrics:
            self.gate.wait(20)
        if self.error is not None:
            raise self.error
        if self.empty:
            return Figures(period)
        return make_figures(period, compared_to=compared_to)

    def people_(self, actor: Actor, period: Period) -> list[UserUse]:
        del actor, period
        return [UserUse("u1", "Ann", "ann@example.org", 60, 4, 7)]

    def export_chart_(self, actor: Actor, path: Path, chart: str, content: bytes) -> None:
        del actor
        if self.error is not None:
            raise self.error
        self.written.append((path, chart, content))
