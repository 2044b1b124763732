"""How many searches there were so far, and in the same hours of the days before; asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from altus4_desktop.domain.figures import HourPoint
from altus4_desktop.domain.local_days import find_zone
from altus4_desktop.services.charts.board import Dashboard


@dataclass(frozen=True, slots=True)
class SoFar:
    """Searches of what is over of a period, and of the same of the period before: up to ``hour`` of
    the last day, or without that day (None)."""

    searches: int
    before: int
    hour: int | None = None


def count_so_far(board: Dashboard) -> SoFar | None:
    """What can be compared while the last day of the period goes on; None when it is over, or when
    nothing is compared."""
    figures, before = board.figures, board.before
    here = board.now.astimezone(find_zone(board.shown_zone))
    if before is None or not figures.period.first <= here.date() <= figures.period.last:
        return None
    later = timedelta(days=len(figures.period))
    if not figures.hours:
        days = [point for point in figures.days if point.day < here.date()]
        earlier = [point for point in before.days if point.day + later < here.date()]
        now, was = (
            sum(point.counts.searches for point in some if point.counts is not None)
            for some in (days, earlier)
        )
        return SoFar(now, was)

    def is_over(point: HourPoint) -> bool:
        if point.begins_at is not None:
            return point.begins_at + timedelta(hours=1) <= board.now
        return (point.day, point.hour) < (here.date(), here.hour)

    over = [point for point in figures.hours if is_over(point)]
    known = {(point.day, point.hour) for point in over}
    was = sum(point.searches for point in before.hours if (point.day + later, point.hour) in known)
    return SoFar(sum(point.searches for point in over), was, here.hour)
