"""While a day goes on, what is over of it is compared with as much of the days before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from altus4_desktop.domain.figures import Counts, DayPoint, Figures, HourPoint, Period
from altus4_desktop.services.charts.board import Dashboard
from altus4_desktop.services.so_far import SoFar, count_so_far

_ZONE = "Europe/Lisbon"
_TODAY = date(2026, 11, 28)
# 19:20 in Lisbon.
_NOW = datetime(2026, 11, 28, 19, 20, tzinfo=UTC)


def _figures(period: Period, until: datetime, searches: Callable[[date, int], int]) -> Figures:
    """So many searches of each hour of each day, up to ``until``."""
    hours = []
    for day in period:
        for hour in range(24):
            begins_at = datetime.combine(day, time(hour), ZoneInfo(_ZONE)).astimezone(UTC)
            count = searches(day, hour) if begins_at <= until else 0
            hours.append(HourPoint(day, hour, begins_at, count))
    days = tuple(
        DayPoint(day, Counts(sum(point.searches for point in hours if point.day == day)))
        for day in period
    )
    counts = Counts(sum(point.searches for point in hours))
    return Figures(period, _ZONE, counts=counts, days=days, hours=tuple(hours))


def _board(days: int, last: date = _TODAY) -> Dashboard:
    period = Period.ending(last, days)
    now = _figures(period, _NOW, lambda _, hour: 2 if hour < 19 else 50)
    before = _figures(period.before(), _NOW, lambda _, hour: 1 if hour < 19 else 100)
    return Dashboard(now, _ZONE, _NOW, before)


@pytest.mark.parametrize("zone", [_ZONE, ""])
def test_hours_that_are_over_are_compared(zone: str) -> None:
    board = _board(1)
    if not zone:
        # Each by their own clock: no hour has an instant.
        one, other = (
            replace(
                part,
                zone="",
                hours=tuple(replace(point, begins_at=None) for point in part.hours),
            )
            for part in (board.figures, board.before or board.figures)
        )
        board = replace(board, figures=one, before=other)
    # The hour that goes on has many searches, and those after it had many more yesterday.
    assert count_so_far(board) == SoFar(38, 19, 19)


def test_of_more_days_the_last_one_is_cut() -> None:
    assert count_so_far(_board(2)) == SoFar(38 + 38 + 5 * 50, 19 + 19 + 5 * 100, 19)


def test_without_hours_today_is_left_out() -> None:
    board = _board(3)
    assert board.before is not None
    figures, before = (replace(part, hours=()) for part in (board.figures, board.before))
    whole_day = 19 * 2 + 5 * 50, 19 + 5 * 100
    expected = SoFar(2 * whole_day[0], 2 * whole_day[1])
    assert count_so_far(replace(board, figures=figures, before=before)) == expected


def test_days_that_are_over_are_compared_whole() -> None:
    assert count_so_far(_board(2, _TODAY - timedelta(days=1))) is None
    assert count_so_far(replace(_board(1), before=None)) is None
    midnight = datetime(2026, 11, 28, 0, 30, tzinfo=UTC)
    # Nothing is over: nothing is compared, least of all with a whole day.
    assert count_so_far(replace(_board(1), now=midnight)) == SoFar(0, 0, 0)
