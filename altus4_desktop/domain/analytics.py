"""What is kept of a user's searches for each day: the metrics and the shapes of their documents.

A row of ``analytics`` is one metric of one user and one day; a day without anything to tell of a
metric has no row of it. Days are those of the user's own time zone. Lists are sorted as
`analytics_merging` sorts them, so that equal figures are equal documents.

| metric | document |
|---|---|
| `daily_searches` | ``zone`` of the day; how many ``searches``, of these ``failed``, ``partial``,
  ``cancelled``, ``zero`` (all sources answered, nothing found on the first page); ``total_ms`` and
  ``hits`` of all; ``hours``: wall hour, offset from UTC in seconds, searches |
| `latency` | of those not cancelled: ``searches``, ``total_ms``, ``max_ms``, ``buckets``: lower
  bound as `bucket_of` says, searches |
| `hourly_latency` | likewise of each hour: ``hours``: wall hour, offset from UTC in seconds, total
  ms, largest ms, buckets |
| `modes` | ``modes``: mode, searches, zero, failed (or partial) |
| `sources` | ``scopes``: connections asked, searches, failed, and of those not cancelled total ms,
  largest ms, buckets; the most frequent ones: what others there were is the day's other searches |
| `popular_queries` | ``searches``, those of texts that are not listed too; ``queries``: text as
  `fold_query` makes it, searches, zero, total ms; the most frequent ones |
| `zero_results` | ``searches``, likewise; ``queries``: text, mode, connections, searches |
| `zero_causes` | of those of which it was known why nothing was found: ``queries``: text, mode,
  cause as `ZeroCause` has it, searches |
| `reformulations` | within five minutes of another text, none of an API key: ``searches``;
  how often a text without result was ``mended``; ``pairs``: text before, text after,
  searches, mended |
| `slowest` | of those not cancelled: ``searches``: ms, text, mode, connections, id, second since
  1970 |
| `failures` | ``sources``: connection, table, code of the error, searches |
| `api_keys` | ``keys``: id of the key ("" for none), searches, failed |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import chain
from typing import Any

from altus4_desktop.domain.local_days import DAY_S, day_number

Document = Mapping[str, Any]

KEPT_QUERIES = 100
"""How many texts a day's list of popular ones holds at most."""
KEPT_ROWS = 50
"""How many rows other lists of a day hold at most."""
KEPT_SLOWEST = 10
KEPT_SCOPES = 100
"""How many sets of connections a day tells apart at most: some 25 KB of JSON."""
QUERY_CHARS = 200
"""How much of a text is kept."""
REFORMULATED_WITHIN_S = 300
LARGEST_OF_SEARCH = 2**31 - 1
"""No server holds a larger number of milliseconds or results of one search."""
LARGEST_NUMBER = 10**15
"""No document has a larger one: every store holds the sum of thousands of these."""


class Metric(StrEnum):
    """The names in ``analytics.metric_name``."""

    DAILY_SEARCHES = "daily_searches"
    LATENCY = "latency"
    HOURLY_LATENCY = "hourly_latency"
    MODES = "modes"
    SOURCES = "sources"
    POPULAR_QUERIES = "popular_queries"
    ZERO_RESULTS = "zero_results"
    ZERO_CAUSES = "zero_causes"
    REFORMULATIONS = "reformulations"
    SLOWEST = "slowest"
    FAILURES = "failures"
    API_KEYS = "api_keys"


# The lower bounds of buckets have two digits: below 100 ms each is a bucket of its own, and none
# is wider than a tenth of its lower bound.
BUCKET_STEPS = ((100, 1), (1000, 10), (10_000, 100), (100_000, 1000), (1_000_000, 10_000))
WIDEST_BUCKET_MS = 100_000


def bucket_of(ms: int) -> int:
    """The lower bound of the bucket that holds ``ms``."""
    return ms - ms % bucket_width(ms)


def bucket_width(ms: int) -> int:
    """How wide the bucket that holds ``ms`` is."""
    for limit, width in BUCKET_STEPS:
        if ms < limit:
            return width
    return WIDEST_BUCKET_MS


def fold_query(text: str) -> str:
    """``text`` as it is counted: small letters, single blanks."""
    return " ".join(text.split()).lower()


# Each cell is looked at for all documents at once: a year has very many.
Column = Sequence[Any]
Check = Callable[[Column], bool]
# The last day there is ends up to a day later where clocks are behind UTC.
_LAST_S = day_number(date(2100, 1, 2)) * DAY_S
_BOUNDS = frozenset(bound for limit, width in BUCKET_STEPS for bound in range(0, limit, width))


def _all_of(kind: type, values: Column) -> bool:
    return {*map(type, values)} <= {kind}


def _wholes(values: Column) -> bool:
    return _all_of(int, values)


def _within(least: int, most: int, values: Column) -> bool:
    return _all_of(int, values) and (
        not values
        # To add up takes half as long as to look for the largest one.
        or (min(values) >= least and (sum(values) <= most or max(values) <= most))
    )


def _counts(values: Column) -> bool:
    return _within(0, LARGEST_NUMBER, values)


def _some(values: Column) -> bool:
    """Counts of what is listed because it was there."""
    return _within(1, LARGEST_NUMBER, values)


def _durations(values: Column) -> bool:
    return _within(0, LARGEST_OF_SEARCH, values)


def _seconds(values: Column) -> bool:
    return _within(0, _LAST_S, values)


def _offsets(values: Column) -> bool:
    return _wholes(values) and min(values, default=0) > -DAY_S and max(values, default=0) < DAY_S


def _texts(values: Column) -> bool:
    return _all_of(str, values)


def _lists_of_texts(values: Column) -> bool:
    return _all_of(list, values) and _texts([*chain.from_iterable(values)])


def _hours(values: Column) -> bool:
    return _within(0, 23, values)


def _bounds(values: Column) -> bool:
    return _wholes(values) and (
        _BOUNDS.issuperset(values)
        or (_durations(values) and all(bucket_of(value) == value for value in values))
    )


def _rows(*columns: Check) -> Check:
    def check(values: Column) -> bool:
        if not _all_of(list, values):
            return False
        rows = [*chain.from_iterable(values)]
        if not _all_of(list, rows) or not {*map(len, rows)} <= {len(columns)}:
            return False
        # To turn very many rows by zip() takes three times as long.
        cells = [*chain.from_iterable(rows)]
        return all(column(cells[at :: len(columns)]) for at, column in enumerate(columns))

    return check


_BUCKETS = _rows(_bounds, _some)
_SHAPES: Mapping[Metric, Mapping[str, Check]] = {
    Metric.DAILY_SEARCHES: {
        "zone": _texts,
        "searches": _counts,
        "failed": _counts,
        "partial": _counts,
        "cancelled": _counts,
        "zero": _counts,
        "total_ms": _counts,
        "hits": _counts,
        "hours": _rows(_hours, _offsets, _some),
    },
    Metric.LATENCY: {
        "searches": _counts,
        "total_ms": _counts,
        "max_ms": _durations,
        "buckets": _BUCKETS,
    },
    Metric.HOURLY_LATENCY: {"hours": _rows(_hours, _offsets, _counts, _durations, _BUCKETS)},
    Metric.MODES: {"modes": _rows(_texts, _some, _counts, _counts)},
    Metric.SOURCES: {
        "scopes": _rows(_lists_of_texts, _some, _counts, _counts, _durations, _BUCKETS)
    },
    Metric.POPULAR_QUERIES: {
        "searches": _counts,
        "queries": _rows(_texts, _some, _counts, _counts),
    },
    Metric.ZERO_RESULTS: {
        "searches": _counts,
        "queries": _rows(_texts, _texts, _lists_of_texts, _some),
    },
    Metric.ZERO_CAUSES: {"queries": _rows(_texts, _texts, _texts, _some)},
    Metric.REFORMULATIONS: {
        "searches": _counts,
        "mended": _counts,
        "pairs": _rows(_texts, _texts, _some, _counts),
    },
    Metric.SLOWEST: {
        "searches": _rows(_durations, _texts, _texts, _lists_of_texts, _texts, _seconds)
    },
    Metric.FAILURES: {"sources": _rows(_texts, _texts, _texts, _some)},
    Metric.API_KEYS: {"keys": _rows(_texts, _some, _counts)},
}


def is_document(metric: Metric, document: object) -> bool:
    """Whether ``document`` has the shape of ``metric``; it may have been written by others."""
    return _have_shape(metric, [document])


def names_of(metric: Metric) -> Sequence[str]:
    """What a document of ``metric`` is made of."""
    return tuple(_SHAPES[metric])


def keep_documents(
    metric: Metric, dated: Sequence[tuple[date, Document]]
) -> Iterable[tuple[date, Document]]:
    """Those of the documents with their days that have the shape of ``metric``."""
    if _have_shape(metric, [document for _, document in dated]):
        return dated
    return [(day, document) for day, document in dated if is_document(metric, document)]


def _have_shape(metric: Metric, documents: Column) -> bool:
    shape = _SHAPES[metric]
    return (
        _all_of(dict, documents)
        and all(document.keys() == shape.keys() for document in documents)
        and all(check([each[name] for each in documents]) for name, check in shape.items())
    )


@dataclass(frozen=True, slots=True)
class CountedUser:
    """Somebody whose searches are counted; ``counted_zone`` None: not yet."""

    user_id: str
    timezone: str
    counted_zone: str | None


@dataclass(frozen=True, slots=True)
class DayDocument:
    """One metric of one day, or of the days of a part of a period, by its first one; ``is_full``: a
    list of any of these days may have had no room for all its rows."""

    day: date
    metric: Metric
    document: Document
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class RollUpReport:
    """What a refresh did: days counted, users looked at, and days of everybody put together;
    ``failed`` of the users could not be counted."""

    users: int = 0
    days: int = 0
    totals: int = 0
    failed: int = 0
