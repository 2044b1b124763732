"""What the analytics pane reads, off the window's thread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.analytics import Metric
from altus4_desktop.domain.charts import Chart
from altus4_desktop.domain.figures import Figures, Period
from altus4_desktop.services import Services
from altus4_desktop.services.charts import Dashboard, build_charts
from altus4_desktop.tasks.runner import TaskContext


@dataclass(frozen=True)
class Board:
    """What was read; ``can_compare``: every day before is known."""

    figures: Figures
    charts: tuple[Chart, ...]
    can_compare: bool


@dataclass(frozen=True)
class Wanted:
    """What is to be read; ``counts``: what is not counted yet is counted first."""

    period: Period
    compares: bool
    counts: bool = False


def read_board(services: Services, actor: Actor, wanted: Wanted, context: TaskContext) -> Board:
    """The figures and charts of a period; raises AccessError, StoreError, Cancelled."""
    period = wanted.period
    if wanted.counts:
        services.analytics.refresh_(actor, context.progress, context.token)
    figures = services.analytics.figures_(actor, period, compare=wanted.compares)
    context.token.raise_if_cancelled()
    before = users = None
    if wanted.compares:
        metrics = (Metric.DAILY_SEARCHES, Metric.LATENCY)
        before = services.analytics.figures_(actor, period.before(), metrics=metrics)
    if actor.role is Role.ADMIN:
        users = services.analytics.users_(actor, period)
    context.token.raise_if_cancelled()
    names = {item.name: item.id for item in services.connections.list_(actor)}
    zone, now = actor.timezone or "UTC", datetime.now(UTC)
    charts = build_charts(Dashboard(figures, zone, now, before, users, names))
    # Charts need it; the first import takes longer than the window may be held up.
    import_module("pyqtgraph")
    known = before is not None and all(day.counts is not None for day in before.days)
    return Board(figures, charts, known)
