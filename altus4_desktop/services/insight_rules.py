"""What is unusual enough to be told: the tests, each with its formula; asks nobody.

Each asks for so many searches that chance alone says nothing: two standard deviations happen every
week to somebody, three are rare.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import SequenceMatcher
from math import ceil, sqrt
from statistics import median

from altus4_desktop.domain.analytics import bucket_of, bucket_width
from altus4_desktop.domain.figures import Counts, DayPoint, Latency, Period

LEAST_SEARCHES = 20
"""How many searches both sides of a comparison of durations need."""
DAYS_BEFORE = 28
"""With how many days before them slower days are compared: four of each weekday."""
RISE = 1.5
LEAST_RISE_MS = 50
"""A rise that nobody feels is none."""
LEAST_SLOW = 5
EXPLAINED = 0.8
"""Which share of the slow searches a group has to have to be named."""
LEAST_OF_SHARE = 50
LEAST_FRUITLESS = 10
LEAST_POPULAR = 10
MORE_POPULAR = 3.0
LEAST_MISSPELT = 3
LEAST_REWORDED = 3
REWORDED_SHARE = 0.25
MORE_OFTEN = 3.0
LEAST_NOTHING = 5
LEAST_FAILED = 5
FAILED_SHARE = 0.1
CAUSE_SHARE = 0.5
_DEVIATIONS = 3.0
_BEYOND_P95 = 0.05
_ALIKE = 0.7


def find_rises(days: Sequence[DayPoint], period: Period) -> list[tuple[Period, Period]]:
    """Runs of days of ``period`` that look slower, each with the days that they are slower than;
    ``days`` begin before the period, and so may a run of which only the rest is told.

    A day with `LEAST_SEARCHES` does whose p95 is `RISE` times the median of the p95 of those of the
    `DAYS_BEFORE` days before it that do not. `is_slower` says whether a run is.
    """
    usual: list[tuple[date, float]] = []
    runs: list[Period] = []
    for point in days:
        p95_ms = point.latency.p95_ms
        if p95_ms is None:
            continue
        since = point.day - timedelta(days=DAYS_BEFORE)
        before = [ms for day, ms in usual if day >= since]
        enough = point.latency.searches >= LEAST_SEARCHES
        if before and enough and _has_risen(p95_ms, median(before)):
            if runs and runs[-1].last == point.day - timedelta(days=1):
                runs[-1] = Period(runs[-1].first, point.day)
            else:
                runs.append(Period(point.day, point.day))
        else:
            usual.append((point.day, p95_ms))
    return [
        (
            Period(max(run.first, period.first), run.last),
            Period.ending(run.first - timedelta(days=1), DAYS_BEFORE),
        )
        for run in runs
        if run.last >= period.first
    ]


def slow_from_ms(before: Latency) -> int:
    """From which duration on a search is slow, measured by those before: `RISE` times their p95,
    and no less than `LEAST_RISE_MS` above it, up to where the next bucket begins: what is slow is
    then counted by days as the history counts it."""
    p95_ms = before.p95_ms or 0.0
    least = ceil(max(RISE * p95_ms, p95_ms + LEAST_RISE_MS))
    bound = bucket_of(least)
    return bound if bound == least else bound + bucket_width(bound)


def count_slow(now: Latency, from_ms: int) -> int:
    """How many searches took `slow_from_ms` or longer."""
    return sum(bucket.searches for bucket in now.buckets if bucket.from_ms >= from_ms)


def is_slower(now: Latency, before: Latency, slow: int) -> bool:
    """Whether searches took longer than those before; ``slow`` of them took `slow_from_ms`.

    Both sides have `LEAST_SEARCHES`, the p95 is `RISE` times what it was, and more are slow than
    chance lets be: at most a twentieth of those before was that slow, so of n searches k are too
    many when k > n/20 + 3 sqrt(n/20 x 19/20), three standard deviations of a binomial count.
    """
    if min(now.searches, before.searches) < LEAST_SEARCHES or slow < LEAST_SLOW:
        return False
    if now.p95_ms is None or before.p95_ms is None or not _has_risen(now.p95_ms, before.p95_ms):
        return False
    expected = now.searches * _BEYOND_P95
    return slow > expected + _DEVIATIONS * sqrt(expected * (1 - _BEYOND_P95))


def _has_risen(now_ms: float, before_ms: float) -> bool:
    return now_ms >= RISE * before_ms and now_ms >= before_ms + LEAST_RISE_MS


@dataclass(frozen=True, slots=True)
class Group:
    """Searches with something in common: a ``by`` (connection, mode, user), of which ``slow`` were
    slow."""

    by: str
    key: str
    searches: int
    slow: int


def explaining_group(groups: Iterable[Group], searches: int, slow: int) -> Group | None:
    """The group that accounts for ``slow`` of ``searches`` being slow.

    It has `EXPLAINED` of the slow ones; and left out, the rest, `LEAST_SEARCHES` at least, is as
    before: no more than a twentieth of it is slow. Of several the one with the most slow ones, then
    the smallest.
    """
    found = [
        group
        for group in groups
        if group.slow >= EXPLAINED * slow
        and searches - group.searches >= LEAST_SEARCHES
        and slow - group.slow <= _BEYOND_P95 * (searches - group.searches)
    ]
    return min(found, key=lambda group: (-group.slow, group.searches), default=None)


def is_more_fruitless(now: Counts, before: Counts) -> bool:
    """Whether a larger share of the searches found nothing.

    Both sides have `LEAST_OF_SHARE` searches, the share is `RISE` times what it was, and z is three
    or more for two proportions, pooled: z = (p - q) / sqrt(r (1 - r) (1/n + 1/m)) (Fleiss,
    "Statistical Methods for Rates and Proportions", 2.4).
    """
    n, m = now.searches, before.searches
    if min(n, m) < LEAST_OF_SHARE or now.zero < LEAST_FRUITLESS:
        return False
    p, q, r = now.zero / n, before.zero / m, (now.zero + before.zero) / (n + m)
    if r >= 1 or p < RISE * q:
        return False
    return (p - q) / sqrt(r * (1 - r) * (1 / n + 1 / m)) >= _DEVIATIONS


def has_become_popular(now: int, before: int, all_now: int, all_before: int) -> bool:
    """Whether a text is searched more often, and not only because everything is.

    Before, ``all_before`` searches had it ``before`` times, which makes e = before x all_now /
    all_before of ``all_now`` today, or as often as before where there are fewer today. It is
    popular with `LEAST_POPULAR`, `MORE_POPULAR` times e, and three standard deviations of the
    difference of two Poisson counts above it: now - e >= 3 sqrt(now + e).
    """
    if now < LEAST_POPULAR or not all_before:
        return False
    expected = before * max(1.0, all_now / all_before)
    return now >= MORE_POPULAR * expected and now - expected >= _DEVIATIONS * sqrt(now + expected)


def is_reworded(mended: int, searches: int, after: int, every: int) -> bool:
    """Whether people search a text that finds something because another one finds nothing.

    It came next ``mended`` times after ``searches`` of the other: `LEAST_REWORDED` and
    `REWORDED_SHARE` of them. By chance it would searches x after / every times, being ``after`` of
    ``every`` search; it is `MORE_OFTEN` as often.
    """
    return (
        LEAST_REWORDED <= mended <= searches
        and mended >= REWORDED_SHARE * searches
        and mended * every >= MORE_OFTEN * searches * after
    )


def is_alike(before: str, after: str) -> bool:
    """Whether one text may be the other in other words: what people search next is often something
    else. They have words in common, or are `is_spelt_alike`."""
    return bool({*before.split()} & {*after.split()}) or is_spelt_alike(before, after)


def is_spelt_alike(before: str, after: str) -> bool:
    """Whether two texts have as good as the same letters (`difflib`, Ratcliff and Obershelp)."""
    return SequenceMatcher(None, before, after, autojunk=False).ratio() >= _ALIKE
