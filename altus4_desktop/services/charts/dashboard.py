"""The charts of a dashboard."""

from __future__ import annotations

from altus4_desktop.domain.charts import Chart
from altus4_desktop.services.charts.board import (
    Dashboard,
)
from altus4_desktop.services.charts.over_time import (
    build_durations,
    build_heat,
    build_latency,
    build_searches,
)
from altus4_desktop.services.charts.shares import (
    build_keys,
    build_modes,
    build_sources,
    build_users,
)
from altus4_desktop.services.charts.texts import build_popular, build_slowest, build_zero


def build_charts(board: Dashboard, first: tuple[Chart, ...] | None = None) -> tuple[Chart, ...]:
    """Every chart, in the order in which they are shown; ``first``: what `build_first_charts` has
    made of the same days."""
    charts = [
        *(build_first_charts(board) if first is None else first),
        build_modes(board),
        build_sources(board),
        build_popular(board),
        build_zero(board),
        build_slowest(board),
    ]
    if board.users is not None:
        charts.append(build_users(board, board.users))
    charts.append(build_keys(board))
    return tuple(charts)


def build_first_charts(board: Dashboard) -> tuple[Chart, ...]:
    """Those that need no more than the numbers and durations of days."""
    return (
        build_searches(board),
        build_latency(board),
        build_durations(board),
        build_heat(board),
    )
