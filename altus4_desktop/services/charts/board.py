"""What charts are made of, and what all of them are made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TypedDict

from altus4_desktop.domain.analytics import QUERY_CHARS
from altus4_desktop.domain.charts import Cell, Chart, ChartKind
from altus4_desktop.domain.figures import (
    Figures,
    Period,
    UserUse,
)
from altus4_desktop.domain.history import HistoryQuery, OwnTime
from altus4_desktop.domain.local_days import (
    day_bounds,
    day_number,
    instant_of,
)
from altus4_desktop.domain.searching import SearchMode

MOST_ROWS = 50
"""How many rows a ranked chart has at most."""

Row = tuple[tuple[Cell, ...], HistoryQuery | None]
"""Cells, and the searches that they count."""


class About(TypedDict):
    """What the history is asked for about a text."""

    text: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What charts are made of. ``zone`` is the time zone of who looks; ``before`` are the figures
    of the period before, None: nothing is compared; ``users`` None: not theirs to see."""

    figures: Figures
    zone: str
    now: datetime
    before: Figures | None = None
    users: Sequence[UserUse] | None = None

    @property
    def shown_zone(self) -> str:
        """The zone of axis, table and file."""
        return self.figures.zone or self.zone or "UTC"

    @property
    def link_zone(self) -> str:
        """By whose clock the history is asked for days, "": that of whoever searched, who may not
        have the clock of who looks."""
        return own_zone(self.figures, self.zone)


def build_chart(
    board: Dashboard,
    name: str,
    kind: ChartKind,
    columns: tuple[str, ...],
    rows: Sequence[Row],
    label: tuple[str, ...],
    plotted: tuple[str, ...],
) -> Chart:
    """A chart of ``rows``; of a ranked one only the first."""
    kept = rows[:MOST_ROWS] if kind is ChartKind.RANKED else rows
    return Chart(
        name=name,
        kind=kind,
        columns=columns,
        rows=tuple(cells for cells, _ in kept),
        label=label,
        plotted=plotted,
        links=tuple(link for _, link in kept),
        zone=board.zone or "UTC" if name == "slowest" else board.figures.zone,
        left_out=len(rows) - len(kept),
    )


def link_to_period(board: Dashboard) -> HistoryQuery:
    """All searches of the period."""
    return link_to_days(board, board.figures.period)


def link_to_days(board: Dashboard, days: Period) -> HistoryQuery:
    """All searches of these days."""
    return days_link(days, board.link_zone)


def own_zone(figures: Figures, zone: str) -> str:
    """``zone`` where the days of ``figures`` are those of its clock, else "": each person's own.

    Of everybody's it is always that: who has another clock and did not search on these days may
    have searched between the same instants.
    """
    return zone if figures.zone == zone and not figures.is_everybodys else ""


def days_link(days: Period, zone: str) -> HistoryQuery:
    """The searches of these days by the clock of ``zone``, "": of whoever searched."""
    if not zone:
        begins, ends = (
            datetime.combine(day, time()) for day in (days.first, days.last + timedelta(days=1))
        )
        return HistoryQuery(own_time=OwnTime(begins, ends))
    begins_s, ends_s = day_bounds(zone, day_number(days.first), day_number(days.last))
    return HistoryQuery(from_at=instant_of(begins_s), to_at=instant_of(ends_s))


def about(text: str) -> About:
    """That text and no other; of a long one only the beginning is known."""
    return {"text": text, "whole": len(text) < QUERY_CHARS}


def mode_of(name: str) -> SearchMode | None:
    """The mode called ``name``, None: there is none."""
    try:
        return SearchMode(name)
    except ValueError:
        return None


def share_percent(part: int, total: int) -> float | None:
    """``part`` of ``total`` in percent, None of nothing."""
    return round(100 * part / total, 1) if total else None


def rounded(value: float | None) -> float | None:
    """As charts tell numbers."""
    return None if value is None else round(value, 1)
