"""Documents of `analytics` put together: days to periods, users to everybody.

The order in which documents are merged does not matter, and merging parts of a whole is the whole,
as long as no list was shortened.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from math import ceil
from operator import itemgetter
from typing import Any

from altus4_desktop.domain.analytics import (
    KEPT_QUERIES,
    KEPT_ROWS,
    KEPT_SCOPES,
    KEPT_SLOWEST,
    Document,
    Metric,
    bucket_width,
)

Buckets = Mapping[int, int]


def merge(metric: Metric, documents: Iterable[Document]) -> dict[str, Any]:
    """One document of ``metric`` that says what all of them say; of nothing, the empty one."""
    return _MERGERS[metric](documents)


_LIMITS = {
    Metric.POPULAR_QUERIES: ("queries", KEPT_QUERIES),
    Metric.ZERO_RESULTS: ("queries", KEPT_ROWS),
    Metric.ZERO_CAUSES: ("queries", KEPT_ROWS),
    Metric.REFORMULATIONS: ("pairs", KEPT_ROWS),
    Metric.SLOWEST: ("searches", KEPT_SLOWEST),
    Metric.FAILURES: ("sources", KEPT_ROWS),
}


def is_full(metric: Metric, document: Document) -> bool:
    """Whether the list of a day's ``document`` has no room for another row: it may leave out
    some."""
    if metric not in _LIMITS:
        return False
    name, most = _LIMITS[metric]
    return len(document[name]) >= most


def shorten(metric: Metric, document: Document) -> Document:
    """``document`` with no more in its lists than a day's document has."""
    if metric in _LIMITS:
        name, most = _LIMITS[metric]
        return {**document, name: document[name][:most]}
    if metric is Metric.SOURCES:
        chosen = sorted(document["scopes"], key=lambda scope: (-scope[1], scope[0]))[:KEPT_SCOPES]
        return {"scopes": sorted(chosen)}
    return document


def percentile(buckets: Buckets, share: float) -> float | None:
    """The milliseconds that ``share`` (0 to 1) of the searches did not exceed; None of none."""
    return percentiles(bucket_rows(buckets), (share,))[0]


def percentiles(rows: Sequence[Sequence[int]], shares: Sequence[float]) -> list[float | None]:
    """`percentile` of each of ``shares``, of the buckets of a document.

    By nearest rank; inside a bucket its searches are taken for evenly spread, so the answer is off
    by less than the bucket is wide: by nothing below 100 ms, by less than a tenth above.
    """
    # Other programs may have written them in any order.
    rows = sorted(rows, key=itemgetter(0))
    sums = [*accumulate(map(itemgetter(1), rows))]
    if not sums or not sums[-1]:
        return [None] * len(shares)
    found: list[float | None] = []
    for share in shares:
        rank = max(1, ceil(share * sums[-1]))
        at = bisect_left(sums, rank)
        bound, here = rows[at]
        width, before = bucket_width(bound), sums[at] - here
        found.append(float(bound) if width == 1 else bound + width * (rank - before - 0.5) / here)
    return found


def add_buckets(found: dict[int, int], rows: Iterable[Sequence[int]]) -> None:
    """Add the buckets of a document."""
    before = found.get
    for bound, count in rows:
        # A Counter takes twice as long.
        found[bound] = before(bound, 0) + count


def bucket_rows(buckets: Buckets) -> list[list[int]]:
    """Buckets as documents have them."""
    return [[bound, buckets[bound]] for bound in sorted(buckets)]


_DAILY_SUMS = ("searches", "failed", "partial", "cancelled", "zero", "total_ms", "hits")


def _daily(documents: Iterable[Document]) -> dict[str, Any]:
    sums: Counter[str] = Counter()
    hours: Counter[tuple[int, int]] = Counter()
    zones = set()
    for document in documents:
        zones.add(document["zone"])
        for name in _DAILY_SUMS:
            sums[name] += document[name]
        for hour, offset_s, count in document["hours"]:
            hours[hour, offset_s] += count
    return {
        "zone": zones.pop() if len(zones) == 1 else "",
        **{name: sums[name] for name in _DAILY_SUMS},
        # Of an hour that comes twice, the first is the one of summer time.
        "hours": sorted(
            ([*hour, count] for hour, count in hours.items()), key=lambda row: (row[0], -row[1])
        ),
    }


def _latency(documents: Iterable[Document]) -> dict[str, Any]:
    searches = total_ms = max_ms = 0
    buckets: dict[int, int] = {}
    for document in documents:
        searches += document["searches"]
        total_ms += document["total_ms"]
        max_ms = max(max_ms, document["max_ms"])
        add_buckets(buckets, document["buckets"])
    return {
        "searches": searches,
        "total_ms": total_ms,
        "max_ms": max_ms,
        "buckets": bucket_rows(buckets),
    }


def _hourly_latency(documents: Iterable[Document]) -> dict[str, Any]:
    sums: dict[tuple[int, int], list[int]] = {}
    buckets: dict[tuple[int, int], dict[int, int]] = {}
    for document in documents:
        for hour, offset_s, total_ms, max_ms, rows in document["hours"]:
            key = (hour, offset_s)
            known = sums.setdefault(key, [0, 0])
            known[0] += total_ms
            known[1] = max(known[1], max_ms)
            add_buckets(buckets.setdefault(key, {}), rows)
    keys = sorted(sums, key=lambda key: (key[0], -key[1]))
    return {"hours": [[*key, *sums[key], bucket_rows(buckets[key])] for key in keys]}


def _modes(documents: Iterable[Document]) -> dict[str, Any]:
    rows = _added((row for document in documents for row in document["modes"]), 1)
    return {"modes": sorted(rows)}


def _sources(documents: Iterable[Document]) -> dict[str, Any]:
    sums: dict[tuple[str, ...], list[int]] = {}
    buckets: dict[tuple[str, ...], dict[int, int]] = {}
    for document in documents:
        for names, searches, failed, total_ms, max_ms, rows in document["scopes"]:
            key = tuple(names)
            known = sums.setdefault(key, [0, 0, 0, 0])
            known[0] += searches
            known[1] += failed
            known[2] += total_ms
            known[3] = max(known[3], max_ms)
            add_buckets(buckets.setdefault(key, {}), rows)
    return {"scopes": [[list(key), *sums[key], bucket_rows(buckets[key])] for key in sorted(sums)]}


def _popular(documents: Iterable[Document]) -> dict[str, Any]:
    searches = 0
    queries: dict[str, list[int]] = {}
    for document in documents:
        searches += document["searches"]
        for text, count, zero, total_ms in document["queries"]:
            known = queries.get(text)
            if known is None:
                queries[text] = [count, zero, total_ms]
            else:
                known[0] += count
                known[1] += zero
                known[2] += total_ms
    rows = [[text, *counts] for text, counts in queries.items()]
    return {"searches": searches, "queries": _by_count(rows, 1)}


def _zero(documents: Iterable[Document]) -> dict[str, Any]:
    searches = 0
    found: dict[tuple[str, ...], int] = {}
    for document in documents:
        searches += document["searches"]
        for text, mode, names, count in document["queries"]:
            key = (text, mode, *names)
            found[key] = found.get(key, 0) + count
    rows = [[text, mode, names, n] for (text, mode, *names), n in found.items()]
    return {"searches": searches, "queries": _by_count(rows, 3)}


def _causes(documents: Iterable[Document]) -> dict[str, Any]:
    rows = _added((row for document in documents for row in document["queries"]), 3)
    return {"queries": _by_count(rows, 3)}


def _reformulations(documents: Iterable[Document]) -> dict[str, Any]:
    kept = list(documents)
    rows = _added((row for document in kept for row in document["pairs"]), 2)
    return {
        "searches": sum(document["searches"] for document in kept),
        "mended": sum(document["mended"] for document in kept),
        "pairs": _by_count(rows, 2),
    }


def _slowest(documents: Iterable[Document]) -> dict[str, Any]:
    rows = {row[4]: list(row) for document in documents for row in document["searches"]}
    return {"searches": sorted(rows.values(), key=lambda row: (-row[0], row[4]))}


def _failures(documents: Iterable[Document]) -> dict[str, Any]:
    rows = _added((row for document in documents for row in document["sources"]), 3)
    return {"sources": _by_count(rows, 3)}


def _api_keys(documents: Iterable[Document]) -> dict[str, Any]:
    rows = _added((row for document in documents for row in document["keys"]), 1)
    return {"keys": _by_count(rows, 1)}


def _added(rows: Iterable[Sequence[Any]], names: int) -> list[list[Any]]:
    """Rows of the same first ``names`` cells as one row, the other cells added up."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        key = tuple(row[:names])
        known = sums.get(key)
        if known is None:
            sums[key] = list(row[names:])
        else:
            for at, value in enumerate(row[names:]):
                known[at] += value
    return [[*key, *counts] for key, counts in sums.items()]


def _by_count(rows: list[list[Any]], cell: int) -> list[list[Any]]:
    """The most frequent first, then by what stands before the count."""
    # One key for both takes twice as long.
    rows.sort(key=itemgetter(*range(cell)))
    rows.sort(key=itemgetter(cell), reverse=True)
    return rows


_MERGERS: Mapping[Metric, Callable[[Iterable[Document]], dict[str, Any]]] = {
    Metric.DAILY_SEARCHES: _daily,
    Metric.LATENCY: _latency,
    Metric.HOURLY_LATENCY: _hourly_latency,
    Metric.MODES: _modes,
    Metric.SOURCES: _sources,
    Metric.POPULAR_QUERIES: _popular,
    Metric.ZERO_RESULTS: _zero,
    Metric.ZERO_CAUSES: _causes,
    Metric.REFORMULATIONS: _reformulations,
    Metric.SLOWEST: _slowest,
    Metric.FAILURES: _failures,
    Metric.API_KEYS: _api_keys,
}
