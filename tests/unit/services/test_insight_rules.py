"""What is unusual, and what only looks so."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from altus4_desktop.domain.figures import Counts, DayPoint, Latency, Period
from altus4_desktop.services.insight_rules import (
    DAYS_BEFORE,
    Group,
    explaining_group,
    find_rises,
    has_become_popular,
    is_more_fruitless,
    is_reworded,
    is_slower,
    slow_from_ms,
)

_FIRST = date(2026, 3, 1)


def _took(p95_ms: float | None, searches: int = 100) -> Latency:
    return Latency(searches if p95_ms is not None else 0, p95_ms=p95_ms)


def _days(*p95s: float | None, searches: int = 100) -> list[DayPoint]:
    return [
        DayPoint(_FIRST + timedelta(days=at), Counts(), _took(p95_ms, searches))
        for at, p95_ms in enumerate(p95s)
    ]


def _runs(days: list[DayPoint], first: int = 3) -> list[tuple[int, int]]:
    """Runs as numbers of days, in a period that begins on day ``first``."""
    period = Period(_FIRST + timedelta(days=first), days[-1].day)
    return [
        ((run.first - _FIRST).days, (run.last - _FIRST).days) for run, _ in find_rises(days, period)
    ]


def test_days_that_are_slower_than_those_before_are_a_run() -> None:
    assert _runs(_days(100, 110, 90, 100, 300, 320, 100)) == [(4, 5)]
    assert _runs(_days(100, 110, 90, 300, 100, 300)) == [(3, 3), (5, 5)]
    # Later days are not compared with slow ones, until for four weeks there were no others.
    assert _runs(_days(100, 100, 100, *[300.0] * 40)) == [(3, 2 + DAYS_BEFORE)]


def test_a_run_is_compared_with_the_days_before_it() -> None:
    days = _days(100, 100, 300, 300, 300)
    ((run, before),) = find_rises(days, Period(_FIRST + timedelta(days=3), days[-1].day))
    assert run == Period(_FIRST + timedelta(days=3), _FIRST + timedelta(days=4))
    assert before == Period.ending(_FIRST + timedelta(days=1), DAYS_BEFORE)


@pytest.mark.parametrize(
    "days",
    [
        _days(100, 110, 90, 149, 100),
        # Three times as long, and nobody feels it.
        _days(5, 5, 5, 15, 15),
        _days(100, 100, 100, 300, searches=19),
        # Nothing is known before.
        _days(None, None, None, 300),
        _days(),
        # Slower before the period only.
        _days(100, 300, 100, 100, 100),
    ],
)
def test_other_days_are_not_slower(days: list[DayPoint]) -> None:
    assert days == [] or _runs(days) == []


def test_slow_is_measured_by_those_before() -> None:
    assert slow_from_ms(_took(400)) == 600
    assert slow_from_ms(_took(10.2)) == 61


@pytest.mark.parametrize(
    ("searches", "slow", "unusual"),
    [
        (100, 11, False),
        (100, 12, True),
        (1000, 70, False),
        (1000, 71, True),
        (20, 4, False),
        (20, 5, True),
        (19, 19, False),
    ],
)
def test_a_few_slow_searches_are_chance(searches: int, slow: int, unusual: bool) -> None:
    assert is_slower(_took(300, searches), _took(100), slow) is unusual
    assert not is_slower(_took(300, searches), _took(100, 19), slow)
    assert not is_slower(_took(149, searches), _took(100), slow)


def test_a_group_is_named_that_leaves_nothing_unusual_when_left_out() -> None:
    shop = Group("connection", "shop", 30, 20)
    assert explaining_group([shop], 100, 20) == shop
    # The rest is slow too.
    assert explaining_group([shop], 100, 25) is None
    assert explaining_group([Group("connection", "shop", 40, 20)], 65, 24) is None
    # Three of four are not enough.
    assert explaining_group([Group("mode", "semantic", 30, 15)], 100, 20) is None
    # Without any others nobody knows whether it is the group.
    assert explaining_group([Group("user", "ann", 90, 20)], 100, 20) is None
    # Of two that explain it the smaller one.
    wide = Group("mode", "natural", 60, 20)
    assert explaining_group([wide, shop], 100, 20) == shop


@pytest.mark.parametrize(
    ("now", "before", "unusual"),
    [
        (Counts(200, zero=30), Counts(200, zero=8), True),
        (Counts(200, zero=30), Counts(200, zero=0), True),
        (Counts(200, zero=14), Counts(200, zero=8), False),
        (Counts(49, zero=30), Counts(200, zero=8), False),
        (Counts(200, zero=30), Counts(49, zero=0), False),
        (Counts(90, zero=9), Counts(200, zero=1), False),
        (Counts(2000, zero=280), Counts(2000, zero=200), False),
        (Counts(200, zero=200), Counts(200, zero=200), False),
        (Counts(), Counts(), False),
    ],
)
def test_a_larger_share_without_result(now: Counts, before: Counts, unusual: bool) -> None:
    assert is_more_fruitless(now, before) is unusual


@pytest.mark.parametrize(
    ("now", "before", "all_now", "all_before", "unusual"),
    [
        (12, 0, 100, 100, True),
        (9, 0, 100, 100, False),
        (30, 9, 100, 100, True),
        (30, 11, 100, 100, False),
        # Everything is searched more often.
        (30, 9, 300, 100, False),
        # Everything is searched less often, and this as before.
        (12, 12, 100, 1000, False),
        (30, 0, 30, 0, False),
        (13, 4, 100, 100, False),
    ],
)
def test_popular(now: int, before: int, all_now: int, all_before: int, unusual: bool) -> None:
    assert has_become_popular(now, before, all_now, all_before) is unusual


@pytest.mark.parametrize(
    ("mended", "searches", "after", "every", "unusual"),
    [
        (4, 5, 4, 100, True),
        (2, 2, 4, 100, False),
        (4, 17, 4, 100, False),
        # Whatever was searched before, it often comes next.
        (4, 5, 30, 100, False),
        (6, 5, 6, 100, False),
    ],
)
def test_other_words(mended: int, searches: int, after: int, every: int, unusual: bool) -> None:
    assert is_reworded(mended, searches, after, every) is unusual
