"""Samples of pools, the gaps between them, and the tags of our statements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.connections import PoolStats
from altus4_desktop.domain.monitoring import (
    KEPT,
    ListedStatement,
    PoolHistory,
    PoolSample,
    find_tag,
    is_tag,
)

START = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
STATS = PoolStats(1, 1, 0, 0)


def at(seconds: float, every_s: float = 5.0, stats: PoolStats | None = STATS) -> PoolSample:
    return PoolSample(START + timedelta(seconds=seconds), every_s, stats)


def runs_of(*samples: PoolSample) -> list[list[float]]:
    """When the points of each run were, in seconds."""
    history = PoolHistory()
    for sample in samples:
        history.add(sample)
    return [[(point.at - START).total_seconds() for point in run] for run in history.runs]


@given(st.lists(st.floats(5, 400), max_size=60))
def test_fifteen_minutes_are_kept_and_no_more(steps: list[float]) -> None:
    times = [float(sum(steps[: place + 1])) for place in range(len(steps))]
    kept = [point for run in runs_of(*map(at, times)) for point in run]
    longest = KEPT.total_seconds()
    assert kept == pytest.approx([time for time in times if times[-1] - time <= longest], abs=1e-3)


def test_memory_is_bounded_and_peaks_stay() -> None:
    history = PoolHistory()
    for second in range(5000):
        history.add(at(second, 1.0, PoolStats(9, 9 if second % 5 == 2 else 0, 0, second % 3)))
    (run,) = history.runs
    assert len(run) <= 181
    assert {point.busy for point in run[1:-1]} == {9}
    assert {point.queued for point in run[1:-1]} == {2}


def test_errors_stand_where_they_came() -> None:
    history = PoolHistory()
    # What there was before anybody looked is of no time that is known.
    for second, errors in ((0, 7), (2, 7), (4, 8), (5, 10), (10, 10), (15, 1), (20, None), (25, 2)):
        stats = None if errors is None else PoolStats(3, 1, 2, 0, errors=errors)
        history.add(at(second, 5.0, stats))
    points = [point for run in history.runs for point in run]
    assert [point.errors for point in points] == [1, 2, 0, 1, 2]
    assert {(point.total, point.busy, point.idle) for point in points} == {(3, 1, 2)}


def test_nobody_looking_and_no_pool_are_gaps() -> None:
    samples = [at(0), at(5), at(16), at(40), at(45, stats=None), at(50)]
    assert runs_of(*samples) == [[0, 5, 16], [40], [50]]


def test_another_pace_is_no_gap() -> None:
    assert len(runs_of(at(0, 1), at(1, 1), at(31, 30), at(32, 1))) == 1
    assert len(runs_of(at(0, 1), at(1, 1), at(31, 1))) == 2


@given(st.text(alphabet="abcXYZ019_-", max_size=20), st.integers(0, 10**9), st.text())
def test_a_tag_is_found_at_the_beginning(name: str, number: int, rest: str) -> None:
    tag = f"/* altus4:{name}:{number} */"
    assert find_tag(f"{tag} {rest}") == tag
    assert is_tag(tag)
    assert ListedStatement(1, tag, "", 0, "", rest).search_id == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT 1",
        "/* altus4 */",
        "/* altus4:a:1 */; DROP",
        " /* altus4:a:1 */x",
        "/* altus4:a:1 */\n",
    ],
)
def test_what_is_no_tag(text: str) -> None:
    assert not is_tag(text)
