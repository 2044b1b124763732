"""Searches of some days as the documents of each day."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest, nsmallest
from itertools import compress, pairwise
from typing import Any

from altus4_desktop.domain.analytics import (
    KEPT_QUERIES,
    KEPT_ROWS,
    KEPT_SLOWEST,
    QUERY_CHARS,
    REFORMULATED_WITHIN_S,
    Document,
    Metric,
    bucket_of,
    fold_query,
)
from altus4_desktop.domain.analytics_merging import bucket_rows, merge, shorten
from altus4_desktop.domain.local_days import DAY_S, HOUR_S, find_parts
from altus4_desktop.domain.zero_causes import ZeroCause
from altus4_desktop.storage.roll_up_sql import Fact

Documents = dict[Metric, Document]
Failures = Mapping[str, Sequence[tuple[str, str, str]]]
"""By the id of a search, of each source that failed its connection, table and code of the error."""
_Hour = tuple[int, int]
_CAUSES = frozenset(cause.value for cause in ZeroCause)
_ENDS = ("failed", "partial", "cancelled")
_bucket_of = lru_cache(maxsize=4096)(bucket_of)
# People ask the same again on other days.
_fold_query = lru_cache(maxsize=20_000)(fold_query)


@dataclass(frozen=True, slots=True, eq=False)
class _About:
    """What a search told of itself; ``complete``: all sources answered with their first page,
    ``failed``: one did not answer."""

    ended: str
    complete: bool
    connections: tuple[str, ...]
    api_key: str
    cause: str
    failed: bool


class _Abouts(dict[str, _About]):
    """What texts say that are JSON arrays; other programs may have written anything."""

    def __missing__(self, text: str) -> _About:
        try:
            outcome, offset, connections, api_key, cause = json.loads(text)
        except (ValueError, TypeError):
            outcome = offset = connections = api_key = cause = None
        names = connections if isinstance(connections, list) else []
        self[text] = about = _About(
            outcome if isinstance(outcome, str) and outcome in _ENDS else "ok",
            outcome in (None, "ok") and offset in (None, 0),
            tuple(sorted({name for name in names if isinstance(name, str)})),
            api_key if isinstance(api_key, str) else "",
            cause if isinstance(cause, str) and cause in _CAUSES else "",
            outcome in ("failed", "partial"),
        )
        return about


class _Folded(dict[str, str]):
    """Queries as they are counted."""

    def __missing__(self, query: str) -> str:
        kept = query if len(query) <= QUERY_CHARS else query.strip(" ")[:QUERY_CHARS]
        self[query] = text = _fold_query(kept)
        return text


def build_documents(
    zone: str, days: range, facts: Sequence[Fact], failures_of: Callable[[Sequence[str]], Failures]
) -> dict[int, Documents]:
    """The documents of each of the ``days`` that has searches, by the day's number.

    ``facts`` are sorted; ``failures_of`` is asked for the searches of which a source failed.
    """
    seconds = [fact[0] for fact in facts]
    abouts, folded = _Abouts(), _Folded()
    failures = failures_of([fact[1] for fact in facts if abouts[fact[6]].failed])
    made: dict[int, Documents] = {}
    for day in days:
        here: list[Fact] = []
        hours: Counter[_Hour] = Counter()
        for begins, ends, offset_s in find_parts(zone, day, day):
            first, last = bisect_left(seconds, begins), bisect_left(seconds, ends)
            here += facts[first:last]
            while first < last:
                local = seconds[first] + offset_s
                until = bisect_left(
                    seconds, local - local % HOUR_S + HOUR_S - offset_s, first, last
                )
                hours[local % DAY_S // HOUR_S, offset_s] += until - first
                first = until
        if here:
            made[day] = _documents(zone, hours, here, abouts, folded, failures)
    return made


def _documents(
    zone: str,
    hours: Mapping[_Hour, int],
    facts: Sequence[Fact],
    abouts: _Abouts,
    folded: _Folded,
    failures: Failures,
) -> Documents:
    seconds, ids, queries, modes, times, results, told = zip(*facts, strict=True)
    texts = [folded[query] for query in queries]
    about = [abouts[text] for text in told]
    bounds = [*map(_bucket_of, times)]
    zero = [not n and search.complete for n, search in zip(results, about, strict=True)]
    groups = Counter(zip(modes, about, zero, strict=True)).items()
    ended: Counter[str] = Counter()
    for (_, search, _), n in groups:
        ended[search.ended] += n
    rows: Documents = {
        Metric.DAILY_SEARCHES: {
            "zone": zone,
            "searches": len(facts),
            **{name: ended[name] for name in _ENDS},
            "zero": sum(zero),
            "total_ms": sum(times),
            "hits": sum(n for n in results if n > 0),
            "hours": [[*hour, n] for hour, n in hours.items()],
        },
        Metric.MODES: {
            "modes": [
                [mode, n, n if nothing else 0, n if search.failed else 0]
                for (mode, search, nothing), n in groups
            ]
        },
        Metric.API_KEYS: {
            "keys": [[search.api_key, n, n if search.failed else 0] for (_, search, _), n in groups]
        },
    }
    if failed := [row for key in ids for row in failures.get(key, ())]:
        rows[Metric.FAILURES] = {"sources": [[*row, 1] for row in failed]}
    # Rows of the same become one, and lists get their order.
    made: Documents = {metric: merge(metric, [document]) for metric, document in rows.items()}
    made |= _timed(about, times, bounds)
    made[Metric.POPULAR_QUERIES] = _popular(texts, zero, times)
    if ended["cancelled"] < len(facts):
        made[Metric.HOURLY_LATENCY] = _hourly(hours, about, times, bounds)
        made[Metric.SLOWEST] = _slowest(times, texts, modes, about, ids, seconds)
    if any(zero):
        made |= _nothing(texts, modes, about, zero)
    # Scripts search for one thing after the other: that is nobody's rewording.
    own = [not search.api_key for search in about]
    by_hand = (list(compress(of_all, own)) for of_all in (seconds, texts, zero, results))
    if pairs := _reformulations(*by_hand):
        made[Metric.REFORMULATIONS] = pairs
    return made


def _timed(about: Sequence[_About], times: Sequence[int], bounds: Sequence[int]) -> Documents:
    """How long searches took that were not cancelled, and all by where they searched."""
    taken: defaultdict[_About, list[int]] = defaultdict(list)
    for at, search in enumerate(about):
        taken[search].append(at)
    scopes: dict[tuple[str, ...], tuple[list[int], list[int]]] = {}
    for search, places in taken.items():
        counts, timed = scopes.setdefault(search.connections, ([0, 0], []))
        counts[0] += len(places)
        counts[1] += len(places) if search.failed else 0
        if search.ended != "cancelled":
            timed += places

    def sums(places: Sequence[int]) -> list[Any]:
        some = [times[at] for at in places]
        buckets = bucket_rows(Counter([bounds[at] for at in places]))
        return [sum(some), max(some, default=0), buckets]

    all_timed = [at for _, timed in scopes.values() for at in timed]
    total_ms, max_ms, buckets = sums(all_timed)
    rows = [[[*names], *scopes[names][0], *sums(scopes[names][1])] for names in sorted(scopes)]
    return {
        Metric.SOURCES: shorten(Metric.SOURCES, {"scopes": rows}),
        Metric.LATENCY: {
            "searches": len(all_timed),
            "total_ms": total_ms,
            "max_ms": max_ms,
            "buckets": buckets,
        },
    }


def _hourly(
    hours: Mapping[_Hour, int],
    about: Sequence[_About],
    times: Sequence[int],
    bounds: Sequence[int],
) -> Document:
    """``hours`` are in the order of their searches."""
    ended = [search.ended != "cancelled" for search in about]
    rows: list[list[Any]] = []
    last = 0
    for hour, n in hours.items():
        first, last = last, last + n
        if some := [*compress(times[first:last], ended[first:last])]:
            buckets = Counter(compress(bounds[first:last], ended[first:last]))
            rows.append([*hour, sum(some), max(some), bucket_rows(buckets)])
    # As they are merged.
    return {"hours": sorted(rows, key=lambda row: (row[0], -row[1]))}


def _popular(texts: Sequence[str], zero: Sequence[bool], times: Sequence[int]) -> Document:
    nothing = Counter(compress(texts, zero))
    # A whole list is sorted at many times the cost.
    counts = nsmallest(KEPT_QUERIES, [(-n, text) for text, n in Counter(texts).items()])
    total_ms = dict.fromkeys([text for _, text in counts], 0)
    for text, ms in zip(texts, times, strict=True):
        if text in total_ms:
            total_ms[text] += ms
    return {
        "searches": len(texts),
        "queries": [[text, -n, nothing[text], total_ms[text]] for n, text in counts],
    }


def _slowest(
    times: Sequence[int],
    texts: Sequence[str],
    modes: Sequence[str],
    about: Sequence[_About],
    ids: Sequence[str],
    seconds: Sequence[int],
) -> Document:
    ended = [at for at, search in enumerate(about) if search.ended != "cancelled"]
    least_ms = nlargest(KEPT_SLOWEST, [times[at] for at in ended])[-1]
    rows = sorted((-times[at], ids[at], at) for at in ended if times[at] >= least_ms)
    return {
        "searches": [
            [-ms, texts[at], modes[at], [*about[at].connections], key, seconds[at]]
            for ms, key, at in rows[:KEPT_SLOWEST]
        ]
    }


def _nothing(
    texts: Sequence[str], modes: Sequence[str], about: Sequence[_About], zero: Sequence[bool]
) -> Documents:
    counts: defaultdict[tuple[str, str, tuple[str, ...]], int] = defaultdict(int)
    causes: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for text, mode, search, nothing in zip(texts, modes, about, zero, strict=True):
        if nothing:
            counts[text, mode, search.connections] += 1
            if search.cause:
                causes[text, mode, search.cause] += 1
    rows = sorted((-n, *key) for key, n in counts.items())[:KEPT_ROWS]
    found: Documents = {
        Metric.ZERO_RESULTS: {
            "searches": sum(zero),
            "queries": [[text, mode, [*names], -n] for n, text, mode, names in rows],
        }
    }
    if causes:
        known = sorted((-n, *key) for key, n in causes.items())[:KEPT_ROWS]
        found[Metric.ZERO_CAUSES] = {"queries": [[*key, -n] for n, *key in known]}
    return found


def _reformulations(
    seconds: Sequence[int], texts: Sequence[str], zero: Sequence[bool], results: Sequence[int]
) -> Document | None:
    pairs = [*pairwise(texts)]
    near = [after - before <= REFORMULATED_WITHIN_S for before, after in pairwise(seconds)]
    counts = Counter(compress(pairs, near))
    mended: Counter[tuple[str, str]] = Counter()
    for at in compress(range(len(pairs)), zero):
        if near[at] and results[at + 1] > 0:
            mended[pairs[at]] += 1
    same = [pair for pair in counts if pair[0] == pair[1]]
    for pair in same:
        del counts[pair], mended[pair]
    if not counts:
        return None
    rows = nsmallest(KEPT_ROWS, [(-n, pair) for pair, n in counts.items()])
    return {
        "searches": counts.total(),
        "mended": mended.total(),
        "pairs": [[*pair, -n, mended[pair]] for n, pair in rows],
    }
