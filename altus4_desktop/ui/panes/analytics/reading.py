"""What the analytics pane reads, off the window's thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from threading import Event

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.analytics import Metric
from altus4_desktop.domain.charts import Chart
from altus4_desktop.domain.custom_metrics import MetricSeries
from altus4_desktop.domain.figures import Figures, Period
from altus4_desktop.services import Services
from altus4_desktop.services.charts.board import Dashboard
from altus4_desktop.services.charts.dashboard import build_charts, build_first_charts
from altus4_desktop.services.figures import HOURLY_DAYS
from altus4_desktop.services.so_far import SoFar, count_so_far
from altus4_desktop.tasks.runner import TaskContext

_FIRST = (Metric.DAILY_SEARCHES, Metric.LATENCY)
_DRAWING_AT_MOST_S = 0.5
_REST = tuple(metric for metric in Metric if metric not in _FIRST)
_OF_FIRST = (
    "zone",
    "counts",
    "latency",
    "days",
    "weeks",
    "hours",
    "heat",
    "before",
    "latency_before",
    "pauses",
)


@dataclass(frozen=True)
class Board:
    """What was read; ``can_compare``: every day before is known; without ``is_whole`` only what
    comes first. ``so_far`` is what is compared while the last day goes on."""

    figures: Figures
    charts: tuple[Chart, ...]
    can_compare: bool
    is_whole: bool = True
    metrics: tuple[MetricSeries, ...] = ()
    so_far: SoFar | None = None


@dataclass(frozen=True)
class Wanted:
    """What is to be read; ``counts``: what is not counted yet is counted first."""

    period: Period
    compares: bool
    counts: bool = False


def read_board(
    services: Services, actor: Actor, wanted: Wanted, context: TaskContext, drawn: Event
) -> Board:
    """The figures and charts of a period; what is seen first is handed over as soon as it is read,
    and the rest is read once that is ``drawn``.

    Raises AccessError, StoreError, Cancelled.
    """
    period, analytics = wanted.period, services.analytics
    if wanted.counts:
        analytics.refresh_(actor, context.progress, context.token)
    zone, now = actor.timezone or "UTC", datetime.now(UTC)
    figures = analytics.figures_(actor, period, metrics=_FIRST)
    context.token.raise_if_cancelled()
    before = None
    if wanted.compares:
        # Of more days nothing is compared by the hour.
        by_hour = len(period) <= HOURLY_DAYS
        before = analytics.figures_(
            actor, period.before(), metrics=_FIRST, by_hour=by_hour, compared_to=period
        )
        figures = replace(figures, before=before.counts, latency_before=before.latency)
        context.token.raise_if_cancelled()
    # Charts need it; the first import takes longer than the window may be held up.
    import_module("pyqtgraph")
    dashboard = Dashboard(figures, zone, now, before)
    first, so_far = build_first_charts(dashboard), count_so_far(dashboard)
    known = before is not None and all(day.counts is not None for day in before.days)
    context.update(Board(figures, first, known, is_whole=False, so_far=so_far))
    # Two threads that compute take turns: the window is to draw these now.
    drawn.wait(_DRAWING_AT_MOST_S)
    context.token.raise_if_cancelled()
    rest = analytics.figures_(actor, period, metrics=_REST, compare=wanted.compares)
    context.token.raise_if_cancelled()
    users = analytics.people_(actor, period)
    figures = replace(rest, **{name: getattr(figures, name) for name in _OF_FIRST})
    charts = build_charts(Dashboard(figures, zone, now, before, users), first)
    custom = tuple(services.custom_metrics.list_(actor, period))
    return Board(figures, charts, known, metrics=custom, so_far=so_far)
