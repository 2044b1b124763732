"""How long searches took by the week, compared with a plain look at all of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.analytics import DayDocument, Metric
from altus4_desktop.domain.figures import DAILY_DAYS, Figures, Period
from altus4_desktop.services.figures import build_figures, group_documents
from tests.records import a_search, a_user

# A Wednesday to a Thursday, with a change of the year in it.
_PERIOD = Period(date(2025, 10, 1), date(2026, 3, 12))


def _searches(period: Period) -> dict[date, list[int]]:
    """Milliseconds, exact as less than 100 are; on some days there is nothing."""
    dice = random.Random(7)
    return {
        day: [dice.randrange(100) for _ in range(dice.randrange(1, 30))]
        for day in period
        if dice.random() < 0.8
    }


def _figures(
    period: Period, taken: Mapping[date, Sequence[int]], compared_to: Period | None = None
) -> Figures:
    documents = [
        DayDocument(
            day,
            Metric.LATENCY,
            {
                "searches": len(all_ms),
                "total_ms": sum(all_ms),
                "max_ms": max(all_ms),
                "buckets": [[ms, count] for ms, count in sorted(Counter(all_ms).items())],
            },
        )
        for day, all_ms in taken.items()
    ]
    # In whatever order a store has them.
    random.Random(8).shuffle(documents)
    found = group_documents(documents)
    return build_figures(period, found, period, {}, compared_to=compared_to)


def _nearest_rank(all_ms: Sequence[int], share: float) -> float:
    return float(sorted(all_ms)[max(1, ceil(share * len(all_ms))) - 1])


@pytest.mark.parametrize("later", [0, len(_PERIOD)])
def test_weeks_are_those_of_all_their_searches(later: int) -> None:
    """Also of days that are compared with later ones: each is in the week of that one."""
    period = _PERIOD.before() if later else _PERIOD
    taken = _searches(period)
    expected: dict[tuple[int, int], list[int]] = {}
    for day, all_ms in taken.items():
        expected.setdefault((day + timedelta(days=later)).isocalendar()[:2], []).extend(all_ms)
    figures = _figures(period, taken, _PERIOD if later else None)
    weeks = {week.monday.isocalendar()[:2]: week.latency for week in figures.weeks}
    assert all(week.monday.weekday() == 0 for week in figures.weeks)
    assert [*weeks] == sorted(expected)
    for key, latency in weeks.items():
        all_ms = expected[key]
        assert (latency.searches, latency.max_ms) == (len(all_ms), max(all_ms))
        found = (latency.p50_ms, latency.p95_ms, latency.p99_ms)
        assert found == tuple(_nearest_rank(all_ms, share) for share in (0.5, 0.95, 0.99))
    everything = [ms for all_ms in taken.values() for ms in all_ms]
    assert figures.latency.searches == len(everything)
    assert figures.latency.p95_ms == _nearest_rank(everything, 0.95)


def test_those_who_compare_periods_get_the_same_weeks(tmp_path: Path) -> None:
    """The window, which asks for each, and the command, which asks for both at once."""
    with closing(compose(tmp_path)) as services:
        services.metadata.open_()
        store = services.metadata.store
        user = store.users.create_(a_user(), "x")
        for period in (_PERIOD, _PERIOD.before()):
            for at in (0, 9, len(_PERIOD) - 1):
                noon = datetime.combine(period.first + timedelta(days=at), time(12), UTC)
                store.searches.add_(a_search(user, "ships", created_at=noon))
        actor = user.as_actor()
        services.analytics.refresh_(actor)
        now, before = services.analytics.compared_(actor, _PERIOD)
        asked = services.analytics.figures_(actor, _PERIOD.before(), compared_to=_PERIOD)
    mondays = [date(2025, 9, 29), date(2025, 10, 6), date(2026, 3, 9)]
    for figures in (now, before, asked):
        assert [week.monday for week in figures.weeks] == mondays
        assert [week.latency.searches for week in figures.weeks] == [1, 1, 1]


def test_a_quarter_has_no_weeks() -> None:
    period = Period.ending(_PERIOD.last, DAILY_DAYS)
    assert _figures(period, _searches(period)).weeks == ()
