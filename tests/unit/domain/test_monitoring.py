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
    split_at_gaps,
)

START = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
STATS = PoolStats(1, 1, 0, 0)


def at(seconds: float, every_s: float = 5.0, stats: PoolStats | None = STATS) -> PoolSample:
    return PoolSample(START + timedelta(seconds=seconds), every_s, stats)


@given(st.lists(st.floats(1, 400), max_size=60))
def test_fifteen_minutes_are_kept_and_no_more(steps: list[float]) -> None:
    history, now = PoolHistory(), 0.0
    samples = []
    for step in steps:
        now += step
        samples.append(at(now))
        history.add(samples[-1])
    kept = [sample for sample in samples if samples[-1].at - sample.at <= KEPT]
    assert list(history.samples) == kept


def test_nobody_looking_and_no_pool_are_gaps() -> None:
    samples = [at(0), at(5), at(16), at(40), at(45, stats=None), at(50)]
    runs = split_at_gaps(samples)
    assert [[moment - START for moment, _ in run] for run in runs] == [
        [timedelta(), timedelta(seconds=5), timedelta(seconds=16)],
        [timedelta(seconds=40)],
        [timedelta(seconds=50)],
    ]


def test_another_pace_is_no_gap() -> None:
    assert len(split_at_gaps([at(0, 1), at(1, 1), at(31, 30), at(32, 1)])) == 1
    assert len(split_at_gaps([at(0, 1), at(1, 1), at(31, 1)])) == 2
    assert split_at_gaps([]) == []


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
