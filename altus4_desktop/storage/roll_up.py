"""Searches of some days as the documents of each day.

All days are counted at once, in arrays that have a place for each search: for Python alone it is
twice the work. Groups of searches are told apart by whole numbers that are made of the number of
the day and those of what else is grouped by.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from operator import add
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from altus4_desktop.domain.analytics import (
    BUCKET_STEPS,
    KEPT_QUERIES,
    KEPT_ROWS,
    KEPT_SLOWEST,
    LARGEST_OF_SEARCH,
    QUERY_CHARS,
    REFORMULATED_WITHIN_S,
    WIDEST_BUCKET_MS,
    Document,
    Metric,
    fold_query,
)
from altus4_desktop.domain.analytics_merging import merge, shorten
from altus4_desktop.domain.local_days import DAY_S, HOUR_S, find_spans
from altus4_desktop.domain.zero_causes import ZeroCause
from altus4_desktop.storage.json_text import load_json
from altus4_desktop.storage.search_facts import Facts, Numbers

Documents = dict[Metric, Document]
Failures = Mapping[str, Sequence[tuple[str, str, str]]]
"""By the id of a search, of each source that failed its connection, table and code of the error."""
_Marks = NDArray[np.bool_]
_Kind = TypeVar("_Kind", bound=tuple[Any, ...])
_CAUSES = frozenset(cause.value for cause in ZeroCause)
_ENDS = ("failed", "partial", "cancelled")
_BUCKET_LIMITS = np.array([limit for limit, _ in BUCKET_STEPS])
_BUCKET_WIDTHS = np.array([*(width for _, width in BUCKET_STEPS), WIDEST_BUCKET_MS])
# It leaves room for the group beside a duration.
_MS_BITS = LARGEST_OF_SEARCH.bit_length()
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


class _Codes(dict[str, int]):
    """A number for each text, in the order in which they come up."""

    def __missing__(self, text: str) -> int:
        self[text] = code = len(self)
        return code


class _Queries(dict[str, int]):
    """The number of each query's text as it is counted."""

    def __init__(self) -> None:
        self.codes = _Codes()

    def __missing__(self, query: str) -> int:
        kept = query if len(query) <= QUERY_CHARS else query.strip(" ")[:QUERY_CHARS]
        self[query] = code = self.codes[_fold_query(kept)]
        return code


@dataclass(frozen=True, slots=True)
class _Searches:
    """A place for each search in each array, by day, then by second and id.

    ``day`` and ``hour`` are places in ``days``, of which ``many`` says how many searches each has,
    and ``hours``: of each hour of a day's clock the place of the day, the hour and its seconds from
    UTC. ``text`` and ``about`` are places in ``texts``, which are sorted, and ``abouts``, ``row``
    in ``ids``. ``zero``: all sources answered, and nothing was found; ``timed``: it was not
    cancelled.
    """

    zone: str
    days: Sequence[int]
    many: Sequence[int]
    hours: Sequence[tuple[int, int, int]]
    texts: Sequence[str]
    abouts: Sequence[_About]
    ids: Sequence[str]
    row: Numbers
    second: Numbers
    day: Numbers
    hour: Numbers
    text: Numbers
    about: Numbers
    ms: Numbers
    results: Numbers
    zero: _Marks
    timed: _Marks

    def of_about(self, tell: Callable[[_About], int]) -> Numbers:
        """What `tell` says of each search."""
        return np.array([tell(about) for about in self.abouts], np.int64)[self.about]

    def kinds(self, tell: Callable[[_About], _Kind]) -> tuple[list[_Kind], Numbers]:
        """All that `tell` says, sorted, and the place of what it says of each search."""
        found = sorted({*map(tell, self.abouts)})
        places = {kind: at for at, kind in enumerate(found)}
        return found, self.of_about(lambda about: places[tell(about)])


_Told = Iterator[tuple[int, Metric, Document]]
"""Documents with the place of their day."""


def build_documents(
    zone: str, days: range, facts: Facts, failures_of: Callable[[Sequence[str]], Failures]
) -> dict[int, Documents]:
    """The documents of each of the ``days`` that has searches, by the day's number.

    ``failures_of`` is asked for the searches of which a source failed.
    """
    if not facts.ids:
        return {}
    searches = _arrange(zone, days, facts)
    made: list[Documents] = [{} for _ in searches.days]
    failed = partial(_failed, failures_of=failures_of)
    for tell in (_ended, _timed, _hourly, _popular, _slowest, _nothing, _reworded, failed):
        for at, metric, document in tell(searches):
            made[at][metric] = document
    return dict(zip(searches.days, made, strict=True))


def _arrange(zone: str, days: range, facts: Facts) -> _Searches:
    told, asked = _Codes(), _Queries()
    about = _array(map(told.__getitem__, facts.told))
    abouts = [*map(_about, told)]
    text = _array(map(asked.__getitem__, facts.queries))
    texts = sorted(asked.codes)
    ranks = np.empty(len(texts), np.int64)
    ranks[[asked.codes[each] for each in texts]] = np.arange(len(texts))

    row = np.array(sorted(range(len(facts.ids)), key=facts.ids.__getitem__), np.int64)
    row = row[np.argsort(facts.seconds[row], kind="stable")]
    second = facts.seconds[row]
    spans = find_spans(zone, int(second[0]), int(second[-1]) + 1)
    span = np.searchsorted([each.begins for each in spans], second, side="right") - 1
    local = second + np.array([each.offset_s for each in spans])[span]
    number = local // DAY_S
    # Where clocks are set back over midnight, a few minutes are of other days.
    place = np.argsort(number, kind="stable")
    place = place[(number[place] >= days[0]) & (number[place] <= days[-1])]
    row, second, number = row[place], second[place], number[place]
    numbers, day = np.unique(number, return_inverse=True)
    clock, span = local[place] // HOUR_S, span[place]
    first = np.flatnonzero(np.diff(clock, prepend=-1) | np.diff(span, prepend=-1))
    hour = np.repeat(np.arange(len(first)), np.diff(first, append=len(row)))

    about, results = about[row], facts.results[row]
    complete = np.array([each.complete for each in abouts], np.bool_)
    timed = np.array([each.ended != "cancelled" for each in abouts], np.bool_)
    return _Searches(
        zone=zone,
        days=numbers.tolist(),
        many=np.bincount(day).tolist(),
        hours=[
            (of, hour_s % 24, spans[at].offset_s)
            for of, hour_s, at in zip(
                day[first].tolist(), clock[first].tolist(), span[first].tolist(), strict=True
            )
        ],
        texts=texts,
        abouts=abouts,
        ids=facts.ids,
        row=row,
        second=second,
        day=day,
        hour=hour,
        text=ranks[text[row]],
        about=about,
        ms=facts.ms[row],
        results=results,
        zero=(results == 0) & complete[about],
        timed=timed[about],
    )


def _about(told: str) -> _About:
    """Other programs may have written anything."""
    mode, _, array = told.partition(" ")
    outcome, offset, connections, api_key, cause = load_json(array) or [None] * 5
    names = connections if isinstance(connections, list) else []
    return _About(
        mode,
        outcome if isinstance(outcome, str) and outcome in _ENDS else "ok",
        outcome in (None, "ok") and offset in (None, 0),
        tuple(sorted({name for name in names if isinstance(name, str)})),
        api_key if isinstance(api_key, str) else "",
        cause if isinstance(cause, str) and cause in _CAUSES else "",
        outcome in ("failed", "partial"),
    )


def _ended(searches: _Searches) -> _Told:
    """What is told of days as a whole, of modes and of API keys."""
    abouts, days = searches.abouts, len(searches.days)
    rows: list[list[tuple[_About, int, int]]] = [[] for _ in range(days)]
    keys = (searches.day * len(abouts) + searches.about) * 2 + searches.zero
    for key, n in _counted(keys):
        day, place = divmod(key // 2, len(abouts))
        rows[day].append((abouts[place], n, n if key % 2 else 0))
    hours: list[list[list[int]]] = [[] for _ in range(days)]
    for (day, *clock), n in zip(searches.hours, np.bincount(searches.hour).tolist(), strict=True):
        hours[day].append([*clock, n])
    total_ms = np.bincount(searches.day, searches.ms)
    hits = np.bincount(searches.day, np.maximum(searches.results, 0))
    for day, groups in enumerate(rows):
        ended: Counter[str] = Counter()
        modes: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        keys_used: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        for about, n, zero in groups:
            failed = n if about.failed else 0
            ended[about.ended] += n
            for sums, more in (
                (modes[about.mode], (n, zero, failed)),
                (keys_used[about.api_key], (n, failed)),
            ):
                sums[:] = map(add, sums, more)
        yield (
            day,
            Metric.DAILY_SEARCHES,
            {
                "zone": searches.zone,
                "searches": ended.total(),
                **{name: ended[name] for name in _ENDS},
                "zero": sum(zero for _, _, zero in groups),
                "total_ms": int(total_ms[day]),
                "hits": int(hits[day]),
                # As they are merged.
                "hours": sorted(hours[day], key=lambda row: (row[0], -row[1])),
            },
        )
        yield day, Metric.MODES, {"modes": sorted([mode, *sums] for mode, sums in modes.items())}
        used = sorted(keys_used.items(), key=lambda item: (-item[1][0], item[0]))
        yield day, Metric.API_KEYS, {"keys": [[key, *sums] for key, sums in used]}


def _timed(searches: _Searches) -> _Told:
    """How long searches took that were not cancelled, and all by where they searched."""
    timed, days = searches.timed, len(searches.days)
    counts = np.bincount(searches.day[timed], minlength=days).tolist()
    for day, (n, taken) in enumerate(
        zip(counts, _taken(searches.day[timed], searches.ms[timed], days), strict=True)
    ):
        names = ("total_ms", "max_ms", "buckets")
        yield day, Metric.LATENCY, {"searches": n, **dict(zip(names, taken, strict=True))}

    scopes, scope = searches.kinds(lambda about: about.connections)
    keys, group, many = np.unique(
        searches.day * len(scopes) + scope, return_inverse=True, return_counts=True
    )
    failed = np.bincount(group, searches.of_about(lambda about: about.failed))
    found: list[list[list[Any]]] = [[] for _ in range(days)]
    for key, n, lost, taken in zip(
        keys.tolist(),
        many.tolist(),
        failed.astype(np.int64).tolist(),
        _taken(group[timed], searches.ms[timed], len(keys)),
        strict=True,
    ):
        day, at = divmod(key, len(scopes))
        found[day].append([[*scopes[at]], n, lost, *taken])
    for day, rows in enumerate(found):
        yield day, Metric.SOURCES, shorten(Metric.SOURCES, {"scopes": rows})


def _hourly(searches: _Searches) -> _Told:
    timed = searches.timed
    counts = np.bincount(searches.hour[timed], minlength=len(searches.hours)).tolist()
    taken = _taken(searches.hour[timed], searches.ms[timed], len(searches.hours))
    found: dict[int, list[list[Any]]] = {}
    for (day, *clock), n, sums in zip(searches.hours, counts, taken, strict=True):
        if n:
            found.setdefault(day, []).append([*clock, *sums])
    for day, rows in found.items():
        rows.sort(key=lambda row: (row[0], -row[1]))
        yield day, Metric.HOURLY_LATENCY, {"hours": rows}


def _popular(searches: _Searches) -> _Told:
    texts = len(searches.texts)
    keys, group, counts = np.unique(
        searches.day * texts + searches.text, return_inverse=True, return_counts=True
    )
    zero = np.bincount(group, searches.zero)
    total_ms = np.bincount(group, searches.ms)
    chosen = _most(keys // texts, counts, KEPT_QUERIES)
    columns = (keys % texts, counts, zero, total_ms)
    for day, rows in _by_day(keys // texts, chosen, *columns):
        yield (
            day,
            Metric.POPULAR_QUERIES,
            {
                "searches": searches.many[day],
                "queries": [[searches.texts[text], *sums] for text, *sums in rows],
            },
        )


def _slowest(searches: _Searches) -> _Told:
    (places,) = np.nonzero(searches.timed)
    places = places[np.lexsort((-searches.ms[places], searches.day[places]))]
    for day, at, to in _edges(searches.day[places]):
        ms = searches.ms[places[at:to]]
        # Of those that took as long as the last one, the first ones by id.
        most = np.searchsorted(-ms, -ms[:KEPT_SLOWEST][-1], side="right")
        rows = sorted(
            (-searches.ms[place], searches.ids[searches.row[place]], place)
            for place in places[at : at + most].tolist()
        )
        yield (
            day,
            Metric.SLOWEST,
            {"searches": [_slow_row(searches, place) for _, _, place in rows[:KEPT_SLOWEST]]},
        )


def _slow_row(searches: _Searches, place: int) -> list[Any]:
    about = searches.abouts[searches.about[place]]
    return [
        int(searches.ms[place]),
        searches.texts[searches.text[place]],
        about.mode,
        [*about.connections],
        searches.ids[searches.row[place]],
        int(searches.second[place]),
    ]


def _nothing(searches: _Searches) -> _Told:
    zero = searches.zero
    many = np.bincount(searches.day[zero], minlength=len(searches.days)).tolist()
    ways, way = searches.kinds(lambda about: (about.mode, about.connections))
    for day, rows in _texts_by(searches, zero, way, len(ways)):
        queries = [[text, ways[at][0], [*ways[at][1]], n] for text, at, n in rows]
        yield day, Metric.ZERO_RESULTS, {"searches": many[day], "queries": queries}

    causes, cause = searches.kinds(lambda about: (about.mode, about.cause))
    known = zero & (searches.of_about(lambda about: bool(about.cause)) > 0)
    for day, rows in _texts_by(searches, known, cause, len(causes)):
        queries = [[text, *causes[at], n] for text, at, n in rows]
        yield day, Metric.ZERO_CAUSES, {"queries": queries}


def _texts_by(
    searches: _Searches, chosen: _Marks, kind: Numbers, kinds: int
) -> Iterator[tuple[int, list[tuple[str, int, int]]]]:
    """Of each day the most frequent pairs of text and ``kind`` among the ``chosen`` searches, and
    how many there are of each."""
    texts = len(searches.texts)
    keys, counts = np.unique(
        ((searches.day * texts + searches.text) * kinds + kind)[chosen], return_counts=True
    )
    of_text = keys // kinds
    most = _most(of_text // texts, counts, KEPT_ROWS)
    for day, rows in _by_day(of_text // texts, most, of_text % texts, keys % kinds, counts):
        yield day, [(searches.texts[text], at, n) for text, at, n in rows]


def _reworded(searches: _Searches) -> _Told:
    # Scripts search for one thing after the other: that is nobody's rewording.
    (own,) = np.nonzero(searches.of_about(lambda about: not about.api_key))
    day, second, text = searches.day[own], searches.second[own], searches.text[own]
    (near,) = np.nonzero(
        (np.diff(day) == 0) & (np.diff(second) <= REFORMULATED_WITHIN_S) & (np.diff(text) != 0)
    )
    mended = searches.zero[own][near] & (searches.results[own][near + 1] > 0)
    texts, days = len(searches.texts), len(searches.days)
    keys, group, counts = np.unique(
        (day[near] * texts + text[near]) * texts + text[near + 1],
        return_inverse=True,
        return_counts=True,
    )
    of_text = keys // texts
    chosen = _most(of_text // texts, counts, KEPT_ROWS)
    many = np.bincount(day[near], minlength=days).tolist()
    all_mended = np.bincount(day[near], mended, minlength=days).tolist()
    columns = (of_text % texts, keys % texts, counts, np.bincount(group, mended))
    for at, rows in _by_day(of_text // texts, chosen, *columns):
        yield (
            at,
            Metric.REFORMULATIONS,
            {
                "searches": many[at],
                "mended": int(all_mended[at]),
                "pairs": [
                    [searches.texts[before], searches.texts[after], *sums]
                    for before, after, *sums in rows
                ],
            },
        )


def _failed(searches: _Searches, failures_of: Callable[[Sequence[str]], Failures]) -> _Told:
    (places,) = np.nonzero(searches.of_about(lambda about: about.failed))
    ids = [searches.ids[row] for row in searches.row[places].tolist()]
    failures = failures_of(ids) if ids else {}
    found: dict[int, list[list[Any]]] = {}
    for day, key in zip(searches.day[places].tolist(), ids, strict=True):
        for row in failures.get(key, ()):
            found.setdefault(day, []).append([*row, 1])
    for day, rows in found.items():
        # Rows of the same become one, and the list gets its order.
        yield day, Metric.FAILURES, merge(Metric.FAILURES, [{"sources": rows}])


def _array(numbers: Iterable[int]) -> Numbers:
    return np.fromiter(numbers, np.int64)


def _counted(keys: Numbers) -> Iterator[tuple[int, int]]:
    found, counts = np.unique(keys, return_counts=True)
    return zip(found.tolist(), counts.tolist(), strict=True)


def _taken(group: Numbers, ms: Numbers, groups: int) -> list[list[Any]]:
    """Of each group its milliseconds together, the most, and buckets as documents have them."""
    together = np.bincount(group, ms, minlength=groups).astype(np.int64).tolist()
    longest = np.zeros(groups, np.int64)
    np.maximum.at(longest, group, ms)
    bounds = ms - ms % _BUCKET_WIDTHS[np.searchsorted(_BUCKET_LIMITS, ms, side="right")]
    keys, counts = np.unique((group << _MS_BITS) + bounds, return_counts=True)
    rows = np.stack((keys & ((1 << _MS_BITS) - 1), counts), axis=1).tolist()
    edges = np.searchsorted(keys >> _MS_BITS, np.arange(groups + 1)).tolist()
    buckets = [rows[at:to] for at, to in pairwise(edges)]
    return [[*each] for each in zip(together, longest.tolist(), buckets, strict=True)]


def _most(day: Numbers, counts: Numbers, kept: int) -> Numbers:
    """The places of the most frequent of each day, which are sorted by day and name."""
    order = np.argsort(day * (counts.max(initial=0) + 1) - counts, kind="stable")
    return order[np.arange(len(order)) - np.searchsorted(day, day) < kept]


def _by_day(
    day: Numbers, chosen: Numbers, *columns: NDArray[Any]
) -> Iterator[tuple[int, list[tuple[int, ...]]]]:
    """The ``chosen`` rows of ``columns`` of each day that has some, as whole numbers."""
    of_day = day[chosen]
    rows = [*zip(*(column[chosen].astype(np.int64).tolist() for column in columns), strict=True)]
    for at, begins, ends in _edges(of_day):
        yield at, rows[begins:ends]


def _edges(day: Numbers) -> Iterator[tuple[int, int, int]]:
    """Each of the sorted days, from which place to before which it is."""
    days, begins = np.unique(day, return_index=True)
    for at, edges in zip(days.tolist(), pairwise([*begins.tolist(), len(day)]), strict=True):
        yield at, *edges
