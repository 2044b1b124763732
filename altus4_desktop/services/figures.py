"""Figures of a period, put together from the documents of its days; asks nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import date, timedelta
from itertools import groupby, pairwise
from operator import itemgetter

from altus4_desktop.domain.analytics import (
    DayDocument,
    Document,
    Metric,
    bucket_width,
)
from altus4_desktop.domain.analytics_merging import merge, percentiles
from altus4_desktop.domain.figures import (
    DAILY_DAYS,
    Bucket,
    CauseCount,
    Counts,
    DayPoint,
    FailureCount,
    Figures,
    HourPoint,
    KeyUse,
    Latency,
    ModeShare,
    Period,
    PopularQuery,
    Reformulation,
    SlowSearch,
    SourceShare,
    WeekPoint,
    ZeroQuery,
    monday_of,
)
from altus4_desktop.domain.local_days import (
    WallHour,
    day_number,
    hour_begins,
    hours_of_day,
    instant_of,
)
from altus4_desktop.domain.recording import Pause, is_paused

SLICES = 12
"""Into how many parts a trend divides a period at most."""
HOURLY_DAYS = 31
"""Up to how many days are told by the hour."""
MOST_QUERIES = 200
MOST_SLOWEST = 50
_DAILY = Metric.DAILY_SEARCHES

DAY_METRICS = frozenset({Metric.DAILY_SEARCHES, Metric.LATENCY, Metric.HOURLY_LATENCY})
"""Those of which figures tell each day."""

_TREND_METRICS = frozenset({Metric.POPULAR_QUERIES})

TEXT_METRICS = frozenset({Metric.POPULAR_QUERIES, Metric.ZERO_RESULTS})
"""Those of which everybody's lists may leave out what each person's have."""

# Lists beside which it stands how many searches there were in all, and the cell of a row's count.
_COUNTED = {
    Metric.POPULAR_QUERIES: ("queries", 1),
    Metric.ZERO_RESULTS: ("queries", 3),
    Metric.REFORMULATIONS: ("pairs", 2),
}


class ByMetric(dict[Metric, dict[date, Document]]):
    """Documents by metric and day; of those in ``full`` a day's list may leave out rows."""

    full: Set[Metric] = frozenset()


def group_documents(documents: Sequence[DayDocument]) -> ByMetric:
    """Documents by metric and day."""
    found = ByMetric({metric: {} for metric in Metric})
    for row in documents:
        found[row.metric][row.day] = row.document
    found.full = {row.metric for row in documents if row.is_full}
    return found


def whole_metrics(metrics: Iterable[Metric], period: Period, *, trends: bool) -> set[Metric]:
    """Those of ``metrics`` of which figures tell no less than the whole period; without ``trends``
    it is only compared with another."""
    # Slices that are days tell which texts these have all of.
    is_sliced = trends or len(period) <= SLICES
    return {*metrics} - (_TREND_METRICS if is_sliced else frozenset())


def slices_of(period: Period) -> list[Period]:
    """The parts into which a trend divides a period."""
    days = [*period]
    count = min(SLICES, len(days))
    # As `_slice_of` tells them apart.
    edges = [-(-at * len(days) // count) for at in range(count + 1)]
    return [Period(days[first], days[after - 1]) for first, after in pairwise(edges)]


def _slice_of(period: Period, day: date) -> int:
    return (day - period.first).days * min(SLICES, len(period)) // len(period)


def build_figures(
    period: Period,
    documents: ByMetric,
    known: Period | None,
    names: Mapping[str, str],
    before: ByMetric | None = None,
    pauses: Sequence[Pause] = (),
    *,
    compared_to: Period | None = None,
    is_everybodys: bool = False,
    usual_zone: str = "UTC",
    outcomes_of: Callable[[Sequence[str]], Mapping[str, str]] = lambda _: {},
) -> Figures:
    """The figures of ``period``; ``outcomes_of`` is asked how the slowest searches ended.

    ``known`` are the days of which something can be known, None: no day; ``names`` those of API
    keys that are there, by id; ``before`` the documents of the period before; in ``pauses`` not
    everything was recorded; ``usual_zone`` is that of days where nobody searched at all. Days are
    put into the weeks of ``compared_to`` (default: their own), each as the one as far into that.
    """
    others = {*Metric} - {_DAILY, Metric.LATENCY}
    merged = {metric: _whole(metric, documents[metric]) for metric in others}
    merged[_DAILY] = _added(documents[_DAILY].values())
    later = timedelta(0) if compared_to is None else compared_to.first - period.first
    timed = _timed(documents[Metric.LATENCY], len(period) > DAILY_DAYS, later)
    merged[Metric.LATENCY], latencies, weeks = timed
    daily = documents[Metric.DAILY_SEARCHES]
    # On one axis there is one clock.
    zone = merged[_DAILY]["zone"] if daily else usual_zone
    # Of days of which nothing is known there is nothing to compare with.
    if before is not None and not all(
        _day(day, before[_DAILY], {}, known, pauses).counts is not None for day in period.before()
    ):
        before = None
    popular = _popular(
        period,
        documents[Metric.POPULAR_QUERIES],
        merged[Metric.POPULAR_QUERIES],
        before,
        is_everybodys=is_everybodys,
    )
    slowest = merged[Metric.SLOWEST]["searches"][:MOST_SLOWEST]
    outcomes = outcomes_of([row[4] for row in slowest]) if slowest else {}
    zero = _zero(documents[Metric.ZERO_RESULTS], merged[Metric.ZERO_RESULTS])
    has_all_pairs = not any(
        leaves_out(Metric.REFORMULATIONS, document)
        for document in documents[Metric.REFORMULATIONS].values()
    )

    return Figures(
        period=period,
        zone=zone,
        is_everybodys=is_everybodys,
        counts=_counts(merged[Metric.DAILY_SEARCHES]),
        latency=_latency(merged[Metric.LATENCY]),
        days=tuple(_day(day, daily, latencies, known, pauses) for day in period),
        weeks=weeks,
        hours=_hours(
            daily,
            documents[Metric.HOURLY_LATENCY],
            period,
            known,
            pauses,
            zone,
        ),
        heat=_heat(daily),
        modes=tuple(
            sorted(
                (ModeShare(*row) for row in merged[Metric.MODES]["modes"]),
                key=lambda share: (-share.searches, share.mode),
            )
        ),
        sources=_sources(merged[Metric.SOURCES]),
        unlisted_sources=_unlisted_sources(merged),
        popular=popular,
        unlisted=_others(merged[Metric.POPULAR_QUERIES], popular),
        zero=zero,
        unlisted_zero=_others(merged[Metric.ZERO_RESULTS], zero),
        causes=tuple(
            CauseCount(text, mode, cause, searches, Metric.ZERO_CAUSES not in documents.full)
            for text, mode, cause, searches in merged[Metric.ZERO_CAUSES]["queries"]
        ),
        reformulations=tuple(
            Reformulation(first, after, searches, mended, has_all_pairs)
            for first, after, searches, mended in merged[Metric.REFORMULATIONS]["pairs"][
                :MOST_QUERIES
            ]
        ),
        mended=merged[Metric.REFORMULATIONS]["mended"],
        slowest=tuple(
            SlowSearch(
                ms,
                text,
                mode,
                tuple(connections),
                search_id,
                instant_of(second),
                outcomes.get(search_id),
            )
            for ms, text, mode, connections, search_id, second in slowest
        ),
        failures=tuple(
            FailureCount(name, table, code, searches, Metric.FAILURES not in documents.full)
            for name, table, code, searches in merged[Metric.FAILURES]["sources"]
        ),
        keys=tuple(
            KeyUse(key, names.get(key), searches, failed)
            for key, searches, failed in merged[Metric.API_KEYS]["keys"]
        ),
        before=None if before is None else _counts(_added(before[_DAILY].values())),
        latency_before=None
        if before is None
        else _latency(merge(Metric.LATENCY, before[Metric.LATENCY].values())),
        pauses=tuple(pauses),
    )


def _whole(metric: Metric, documents: Mapping[date, Document]) -> Document:
    if len(documents) == 1 and metric not in DAY_METRICS:
        # It was put together from those of days.
        return next(iter(documents.values()))
    return merge(metric, documents.values())


def _added(daily: Iterable[Document]) -> Document:
    """The sums of days, without their hours."""
    return merge(_DAILY, ({**document, "hours": ()} for document in daily))


def _timed(
    documents: Mapping[date, Document], by_week: bool, later: timedelta
) -> tuple[Document, dict[date, Latency], tuple[WeekPoint, ...]]:
    """The durations of all days as one document, what is told of each, and of each week of the days
    that are ``later``."""
    told: dict[date, Latency] = {}

    def take(days: Iterable[date]) -> Iterator[Document]:
        for day in days:
            # Right before it is added up: of a year the processor has to fetch each again later.
            told[day] = _latency(documents[day], with_buckets=False)
            yield documents[day]

    if not by_week:
        return merge(Metric.LATENCY, take(documents)), told, ()
    weeks = {
        monday: merge(Metric.LATENCY, take(days))
        for monday, days in groupby(sorted(documents), lambda day: monday_of(day + later))
    }
    points = tuple(
        WeekPoint(monday, _latency(week, with_buckets=False)) for monday, week in weeks.items()
    )
    return merge(Metric.LATENCY, weeks.values()), told, points


def _day(
    day: date,
    daily: Mapping[date, Document],
    latencies: Mapping[date, Latency],
    known: Period | None,
    pauses: Sequence[Pause],
) -> DayPoint:
    counted, latency = daily.get(day), latencies.get(day, Latency())
    if counted is not None:
        return DayPoint(day, _counts(counted), latency)
    if not _is_in(day, known):
        return DayPoint(day, None, latency)
    paused = is_paused(pauses, day)
    return DayPoint(day, None if paused else Counts(), latency, paused)


def _is_in(day: date, known: Period | None) -> bool:
    return known is not None and known.first <= day <= known.last


def _counts(document: Document) -> Counts:
    return Counts(
        document["searches"],
        document["failed"],
        document["partial"],
        document["cancelled"],
        document["zero"],
    )


def _latency(document: Document, *, with_buckets: bool = True) -> Latency:
    searches = document["searches"]
    if not searches:
        return Latency()
    # Never more than the slowest of all took.
    p50_ms, p95_ms, p99_ms = (
        None if value is None else min(value, float(document["max_ms"]))
        for value in percentiles(document["buckets"], (0.5, 0.95, 0.99))
    )
    return Latency(
        searches=searches,
        mean_ms=document["total_ms"] / searches,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        max_ms=document["max_ms"],
        buckets=tuple(
            Bucket(bound, bound + bucket_width(bound), count)
            for bound, count in (document["buckets"] if with_buckets else ())
        ),
    )


def _hours(
    daily: Mapping[date, Document],
    timed: Mapping[date, Document],
    period: Period,
    known: Period | None,
    pauses: Sequence[Pause],
    zone: str,
) -> tuple[HourPoint, ...]:
    points: list[HourPoint] = []
    if len(period) > HOURLY_DAYS:
        return ()
    for day in period:
        document = daily.get(day)
        if document is None and not _is_in(day, known):
            continue
        number = day_number(day)
        counts: Counter[tuple[int, int]] = Counter()
        for hour, offset_s, searches in document["hours"] if document is not None else ():
            counts[hour, offset_s if zone else 0] += searches
        taken = _hourly_latency(timed.get(day), zone)
        hours = hours_of_day(zone, number) if zone else tuple(WallHour(h, 0) for h in range(24))
        for hour in hours:
            searches = counts[hour.hour, hour.offset_s]
            points.append(
                HourPoint(
                    day,
                    hour.hour,
                    hour_begins(zone, number, hour) if zone else None,
                    searches,
                    taken.get((hour.hour, hour.offset_s), Latency()),
                    not searches and is_paused(pauses, day, hour.hour),
                )
            )
    return tuple(points)


def _hourly_latency(document: Document | None, zone: str) -> dict[tuple[int, int], Latency]:
    """By hour and offset; where each has their own clock, by hour and 0."""
    found: dict[tuple[int, int], list[Document]] = {}
    for hour, offset_s, total_ms, max_ms, buckets in document["hours"] if document else ():
        timed = {
            "searches": sum(count for _, count in buckets),
            "total_ms": total_ms,
            "max_ms": max_ms,
            "buckets": buckets,
        }
        found.setdefault((hour, offset_s if zone else 0), []).append(timed)
    return {
        key: _latency(merge(Metric.LATENCY, some), with_buckets=False)
        for key, some in found.items()
    }


def _heat(daily: Mapping[date, Document]) -> tuple[tuple[int, ...], ...]:
    counts = [[0] * 24 for _ in range(7)]
    for day, document in daily.items():
        here = counts[day.weekday()]
        for hour, _, searches in document["hours"]:
            here[hour] += searches
    return tuple(map(tuple, counts))


def _unlisted_sources(merged: Mapping[Metric, Document]) -> int:
    """How many searches had sets of connections that their days do not list."""
    listed = sum(scope[1] for scope in merged[Metric.SOURCES]["scopes"])
    # Every day's searches are in both; not always are both asked for.
    searches = max(merged[name]["searches"] for name in (_DAILY, Metric.POPULAR_QUERIES))
    return max(0, searches - listed) if listed else 0


def _sources(document: Document) -> tuple[SourceShare, ...]:
    """Each connection of the sets that were asked together."""
    sums: dict[str, list[int]] = {}
    together: dict[str, list[Document]] = {}
    alone: dict[str, list[Document]] = {}
    for names, searches, failed, total_ms, max_ms, buckets in document["scopes"]:
        timed = {
            "searches": sum(count for _, count in buckets),
            "total_ms": total_ms,
            "max_ms": max_ms,
            "buckets": buckets,
        }
        for name in names:
            known = sums.setdefault(name, [0, 0])
            known[0] += searches
            known[1] += failed
            together.setdefault(name, []).append(timed)
            if len(names) == 1:
                alone.setdefault(name, []).append(timed)
    shares = [
        SourceShare(
            name,
            searches,
            failed,
            _latency(merge(Metric.LATENCY, together[name])),
            _latency(merge(Metric.LATENCY, alone.get(name, []))),
        )
        for name, (searches, failed) in sums.items()
    ]
    return tuple(sorted(shares, key=lambda share: (-share.searches, share.connection)))


def leaves_out(metric: Metric, document: Document) -> bool:
    """Whether a list of texts, or of pairs of them, leaves out searches: of a text that is not in
    it nobody knows."""
    rows, cell = _COUNTED[metric]
    listed = sum(map(itemgetter(cell), document[rows]))
    return bool(listed < document["searches"])


def _others(merged: Document, told: Sequence[PopularQuery | ZeroQuery]) -> int:
    searches: int = merged["searches"]
    return searches - sum(query.searches for query in told)


def _zero(documents: Mapping[date, Document], merged: Document) -> tuple[ZeroQuery, ...]:
    is_exact = not any(leaves_out(Metric.ZERO_RESULTS, document) for document in documents.values())
    counts: Counter[str] = Counter()
    for row in merged["queries"]:
        counts[row[0]] += row[3]
    # Of a text that is told all parts are, those that were searched once too.
    chosen = {text for text, _ in counts.most_common(MOST_QUERIES)}
    return tuple(
        ZeroQuery(text, mode, tuple(connections), searches, is_exact)
        for text, mode, connections, searches in merged["queries"]
        if text in chosen
    )


def _popular(
    period: Period,
    documents: Mapping[date, Document],
    merged: Document,
    before: ByMetric | None,
    *,
    is_everybodys: bool,
) -> tuple[PopularQuery, ...]:
    chosen = merged["queries"][:MOST_QUERIES]
    slices = min(SLICES, len(period))
    trends: dict[str, list[int | None]] = {row[0]: [0] * slices for row in chosen}
    for day, document in documents.items():
        at = _slice_of(period, day)
        for row in document["queries"]:
            trend = trends.get(row[0])
            if trend is not None:
                trend[at] = (trend[at] or 0) + row[1]
    unsure, unsure_before = (
        [*_unsure(period, days, trends.keys(), is_everybodys=is_everybodys)]
        for days in (documents, {} if before is None else before[Metric.POPULAR_QUERIES])
    )
    for text, day in unsure:
        trends[text][_slice_of(period, day)] = None
    inexact, inexact_before = ({text for text, _ in some} for some in (unsure, unsure_before))
    earlier: Counter[str] = Counter()
    if before is not None:
        for document in before[Metric.POPULAR_QUERIES].values():
            for row in document["queries"]:
                if row[0] in trends:
                    earlier[row[0]] += row[1]
    return tuple(
        PopularQuery(
            text,
            searches,
            zero,
            total_ms / searches,
            tuple(trends[text]),
            None if before is None else earlier[text],
            text not in inexact,
            text not in inexact_before,
        )
        for text, searches, zero, total_ms in chosen
    )


def _unsure(
    period: Period, documents: Mapping[date, Document], texts: Set[str], *, is_everybodys: bool
) -> Iterator[tuple[str, date]]:
    """Texts, and the first day of slices in which they may have been searched more often than is
    listed."""
    # What one's own list of a day has, it has all of; everybody's may lack what one's own lacked.
    has_all = not is_everybodys and len(period) <= SLICES
    for day, document in documents.items():
        if leaves_out(Metric.POPULAR_QUERIES, document):
            listed = {row[0] for row in document["queries"]} if has_all else set()
            yield from ((text, day) for text in texts - listed)
