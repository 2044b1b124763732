"""Searches of some days as the documents of each day."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from heapq import nlargest, nsmallest
from itertools import chain, compress, pairwise
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
# People ask the same again, also on other days.
_fold_query = lru_cache(maxsize=20_000)(fold_query)


@dataclass(frozen=True, slots=True, eq=False)
class _About:
    """What a search told of itself; ``complete``: all sources answered with their first page,
    ``failed``: one did not answer."""

    mode: str
    ended: str
    complete: bool
    connections: tuple[str, ...]
    api_key: str
    cause: str
    failed: bool


class _Abouts(dict[str, _About]):
    """What each text says that `Fact` has; other programs may have written anything."""

    def __missing__(self, text: str) -> _About:
        mode, _, array = text.partition(" ")
        try:
            outcome, offset, connections, api_key, cause = json.loads(array)
        except (ValueError, TypeError):
            outcome = offset = connections = api_key = cause = None
        names = connections if isinstance(connections, list) else []
        self[text] = about = _About(
            mode,
            outcome if isinstance(outcome, str) and outcome in _ENDS else "ok",
            outcome in (None, "ok") and offset in (None, 0),
            tuple(sorted({name for name in names if isinstance(name, str)})),
            api_key if isinstance(api_key, str) else "",
            cause if isinstance(cause, str) and cause in _CAUSES else "",
            outcome in ("failed", "partial"),
        )
        return about


@dataclass(frozen=True, slots=True, eq=False)
class _Searches:
    """A column for each thing that is counted, all in the order of the searches; ``zero``: all
    sources answered, and nothing was found."""

    seconds: Sequence[int]
    ids: Sequence[str]
    texts: Sequence[str]
    about: Sequence[_About]
    times: Sequence[int]
    bounds: Sequence[int]
    results: Sequence[int]
    zero: Sequence[bool]

    def only(self, chosen: Sequence[bool]) -> _Searches:
        """Those that are ``chosen``."""
        return self._each(lambda column: [*compress(column, chosen)])

    def within(self, parts: Sequence[tuple[int, int]]) -> _Searches:
        """Those from each first place to before each last one."""
        return self._each(lambda column: [*chain(*(column[at:to] for at, to in parts))])

    def _each(self, choose: Callable[[Sequence[Any]], Sequence[Any]]) -> _Searches:
        return _Searches(*(choose(getattr(self, each.name)) for each in fields(self)))


def build_documents(
    zone: str, days: range, facts: Sequence[Fact], failures_of: Callable[[Sequence[str]], Failures]
) -> dict[int, Documents]:
    """The documents of each of the ``days`` that has searches, by the day's number.

    ``facts`` are sorted; ``failures_of`` is asked for the searches of which a source failed.
    """
    if not facts:
        return {}
    searches = _columns(facts)
    seconds = searches.seconds
    failed = [search.failed for search in searches.about]
    failures = failures_of([*compress(searches.ids, failed)])
    made: dict[int, Documents] = {}
    for day in days:
        parts: list[tuple[int, int]] = []
        hours: Counter[_Hour] = Counter()
        for begins, ends, offset_s in find_parts(zone, day, day):
            first, last = bisect_left(seconds, begins), bisect_left(seconds, ends)
            parts.append((first, last))
            while first < last:
                local = seconds[first] + offset_s
                until = bisect_left(
                    seconds, local - local % HOUR_S + HOUR_S - offset_s, first, last
                )
                hours[local % DAY_S // HOUR_S, offset_s] += until - first
                first = until
        if hours:
            made[day] = _documents(zone, hours, searches.within(parts), failures)
    return made


def _columns(facts: Sequence[Fact]) -> _Searches:
    abouts = _Abouts()
    seconds, ids, queries, told, times, results = zip(*facts, strict=True)
    kept = [q if len(q) <= QUERY_CHARS else q.strip(" ")[:QUERY_CHARS] for q in queries]
    about = [*map(abouts.__getitem__, told)]
    return _Searches(
        seconds=seconds,
        ids=ids,
        texts=[*map(_fold_query, kept)],
        about=about,
        times=times,
        bounds=[*map(_bucket_of, times)],
        results=results,
        zero=[not n and search.complete for n, search in zip(results, about, strict=True)],
    )


def _documents(
    zone: str, hours: Mapping[_Hour, int], searches: _Searches, failures: Failures
) -> Documents:
    """``hours`` are in the order of their searches."""
    groups = Counter(zip(searches.about, searches.zero, strict=True)).items()
    ended: Counter[str] = Counter()
    for (search, _), n in groups:
        ended[search.ended] += n
    rows: Documents = {
        Metric.DAILY_SEARCHES: {
            "zone": zone,
            "searches": len(searches.ids),
            **{name: ended[name] for name in _ENDS},
            "zero": sum(searches.zero),
            "total_ms": sum(searches.times),
            "hits": sum([n for n in searches.results if n > 0]),
            "hours": [[*hour, n] for hour, n in hours.items()],
        },
        Metric.MODES: {
            "modes": [
                [search.mode, n, n if nothing else 0, n if search.failed else 0]
                for (search, nothing), n in groups
            ]
        },
        Metric.API_KEYS: {
            "keys": [[search.api_key, n, n if search.failed else 0] for (search, _), n in groups]
        },
    }
    if ended["failed"] + ended["partial"] and (
        failed := [row for key in searches.ids for row in failures.get(key, ())]
    ):
        rows[Metric.FAILURES] = {"sources": [[*row, 1] for row in failed]}
    # Rows of the same become one, and lists get their order.
    made: Documents = {metric: merge(metric, [document]) for metric, document in rows.items()}
    made |= _timed(searches)
    made[Metric.POPULAR_QUERIES] = _popular(searches)
    if ended["cancelled"] < len(searches.ids):
        made[Metric.HOURLY_LATENCY] = _hourly(hours, searches)
        made[Metric.SLOWEST] = _slowest(searches)
    if any(searches.zero):
        made |= _nothing(searches)
    # Scripts search for one thing after the other: that is nobody's rewording.
    by_hand = [not search.api_key for search in searches.about]
    own = searches if all(by_hand) else searches.only(by_hand)
    if pairs := _reformulations(own):
        made[Metric.REFORMULATIONS] = pairs
    return made


def _timed(searches: _Searches) -> Documents:
    """How long searches took that were not cancelled, and all by where they searched."""
    taken: defaultdict[_About, list[int]] = defaultdict(list)
    for at, search in enumerate(searches.about):
        taken[search].append(at)
    scopes: dict[tuple[str, ...], tuple[list[int], list[int]]] = {}
    for search, places in taken.items():
        counts, timed = scopes.setdefault(search.connections, ([0, 0], []))
        counts[0] += len(places)
        counts[1] += len(places) if search.failed else 0
        if search.ended != "cancelled":
            timed += places
    rows: list[list[Any]] = []
    latencies: list[Document] = []
    for names, (counts, timed) in sorted(scopes.items()):
        some = [*map(searches.times.__getitem__, timed)]
        buckets = bucket_rows(Counter(map(searches.bounds.__getitem__, timed)))
        sums = {"total_ms": sum(some), "max_ms": max(some, default=0), "buckets": buckets}
        rows.append([[*names], *counts, *sums.values()])
        latencies.append({"searches": len(timed), **sums})
    return {
        Metric.SOURCES: shorten(Metric.SOURCES, {"scopes": rows}),
        Metric.LATENCY: merge(Metric.LATENCY, latencies),
    }


def _hourly(hours: Mapping[_Hour, int], searches: _Searches) -> Document:
    ended = [search.ended != "cancelled" for search in searches.about]
    rows: list[list[Any]] = []
    last = 0
    for hour, n in hours.items():
        first, last = last, last + n
        if some := [*compress(searches.times[first:last], ended[first:last])]:
            buckets = Counter(compress(searches.bounds[first:last], ended[first:last]))
            rows.append([*hour, sum(some), max(some), bucket_rows(buckets)])
    # As they are merged.
    return {"hours": sorted(rows, key=lambda row: (row[0], -row[1]))}


def _popular(searches: _Searches) -> Document:
    counts = Counter(searches.texts)
    nothing = Counter(compress(searches.texts, searches.zero))
    # By their text, where they are as frequent: two sorts by one thing each are the quicker ones.
    most = sorted(sorted(counts), key=counts.__getitem__, reverse=True)[:KEPT_QUERIES]
    total_ms = dict.fromkeys(most, 0)
    for text, ms in zip(searches.texts, searches.times, strict=True):
        if text in total_ms:
            total_ms[text] += ms
    return {
        "searches": len(searches.texts),
        "queries": [[text, counts[text], nothing[text], total_ms[text]] for text in most],
    }


def _slowest(searches: _Searches) -> Document:
    about, times, ids = searches.about, searches.times, searches.ids
    ended = [at for at, search in enumerate(about) if search.ended != "cancelled"]
    least_ms = nlargest(KEPT_SLOWEST, [times[at] for at in ended])[-1]
    rows = sorted((-times[at], ids[at], at) for at in ended if times[at] >= least_ms)
    return {
        "searches": [
            [
                -ms,
                searches.texts[at],
                about[at].mode,
                [*about[at].connections],
                key,
                searches.seconds[at],
            ]
            for ms, key, at in rows[:KEPT_SLOWEST]
        ]
    }


def _nothing(searches: _Searches) -> Documents:
    counts: defaultdict[tuple[str, str, tuple[str, ...]], int] = defaultdict(int)
    causes: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    asked = zip(searches.texts, searches.about, strict=True)
    for (text, search), n in Counter(compress(asked, searches.zero)).items():
        counts[text, search.mode, search.connections] += n
        if search.cause:
            causes[text, search.mode, search.cause] += n
    rows = sorted((-n, *key) for key, n in counts.items())[:KEPT_ROWS]
    found: Documents = {
        Metric.ZERO_RESULTS: {
            "searches": sum(searches.zero),
            "queries": [[text, mode, [*names], -n] for n, text, mode, names in rows],
        }
    }
    if causes:
        known = sorted((-n, *key) for key, n in causes.items())[:KEPT_ROWS]
        found[Metric.ZERO_CAUSES] = {"queries": [[*key, -n] for n, *key in known]}
    return found


def _reformulations(searches: _Searches) -> Document | None:
    pairs = [*pairwise(searches.texts)]
    near = [after - before <= REFORMULATED_WITHIN_S for before, after in pairwise(searches.seconds)]
    counts = Counter(compress(pairs, near))
    mended: Counter[tuple[str, str]] = Counter()
    for at in compress(range(len(pairs)), searches.zero):
        if near[at] and searches.results[at + 1] > 0:
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
