"""The figures of `analytics` by day, calculated again from the rows, one by one, in plain Python.

Knows the documents that `domain.analytics` describes and nothing of how they are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

Documents = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    """A row of ``searches``."""

    id: str
    query: str
    mode: str
    at: datetime
    ms: int
    hits: int
    params: Mapping[str, Any] | None = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """How it ended."""
        outcome = (self.params or {}).get("outcome")
        return outcome if outcome in ("failed", "partial", "cancelled") else "ok"

    @property
    def failed(self) -> bool:
        """Whether a source did not answer."""
        return self.outcome in ("failed", "partial")

    @property
    def zero(self) -> bool:
        """Whether it found nothing, though all answered."""
        params = self.params or {}
        fine = params.get("outcome") in (None, "ok") and params.get("offset") in (None, 0)
        return self.hits == 0 and fine

    @property
    def cause(self) -> str:
        """Why it found nothing, if that was known."""
        cause = (self.params or {}).get("cause")
        return cause if cause in ("absent", "stop_words") else ""

    @property
    def connections(self) -> tuple[str, ...]:
        """Who was asked."""
        return tuple(sorted(set((self.params or {}).get("connections") or [])))

    @property
    def text(self) -> str:
        """What is kept of the query."""
        return self.query.strip(" ")[:200].strip(" ")

    @property
    def folded(self) -> str:
        """What it is counted as."""
        return " ".join(self.text.split()).lower()


def expected_days(rows: Iterable[Asked], zone: str) -> dict[date, Documents]:
    """Every document of every day."""
    place = ZoneInfo(zone)
    days: dict[date, list[Asked]] = {}
    for row in rows:
        days.setdefault(row.at.astimezone(place).date(), []).append(row)
    return {day: _documents(zone, place, some) for day, some in days.items()}


def expected_texts(rows: Iterable[Asked], zone: str) -> dict[date, Counter[str]]:
    """How often each text was searched each day, whether a document has room for it or not."""
    days: dict[date, Counter[str]] = {}
    for row in rows:
        days.setdefault(row.at.astimezone(ZoneInfo(zone)).date(), Counter())[row.folded] += 1
    return days


def expected_totals(people: Iterable[Mapping[date, Documents]]) -> dict[date, Documents]:
    """Every document of every day of everybody: what the days of each say, added up."""
    days: dict[date, list[Documents]] = {}
    for person in people:
        for day, documents in person.items():
            days.setdefault(day, []).append(documents)
    return {day: _total(some) for day, some in days.items()}


def _total(people: list[Documents]) -> Documents:
    found: Documents = {}
    for name in sorted({name for documents in people for name in documents}):
        parts = [documents[name] for documents in people if name in documents]
        found[name] = {}
        for field_name, value in parts[0].items():
            values = [part[field_name] for part in parts]
            if isinstance(value, list):
                rows = [row for rows in values for row in rows]
                found[name][field_name] = _LISTS[name, field_name](rows)
            elif field_name == "zone":
                found[name][field_name] = value if {*values} == {value} else ""
            else:
                found[name][field_name] = max(values) if field_name == "max_ms" else sum(values)
    return found


def _sum_rows(
    names: int, largest: int | None = None, most: int | None = None
) -> Callable[[list[list[Any]]], list[list[Any]]]:
    """Rows with the same first cells become one; the most frequent come first, or what comes
    first by name where ``most`` is 0."""

    def add(rows: list[list[Any]]) -> list[list[Any]]:
        groups: dict[str, list[list[Any]]] = {}
        for row in rows:
            groups.setdefault(repr(row[:names]), []).append(row)
        found = []
        for same in groups.values():
            cells: list[Any] = same[0][:names]
            for at in range(names, len(same[0])):
                values = [row[at] for row in same]
                if isinstance(values[0], list):
                    buckets: Counter[int] = Counter()
                    for bound, count in (bucket for value in values for bucket in value):
                        buckets[bound] += count
                    cells.append([list(pair) for pair in sorted(buckets.items())])
                else:
                    cells.append(max(values) if at == largest else sum(values))
            found.append(cells)
        if most == 0:
            return sorted(found)
        return sorted(found, key=lambda row: (-row[names], *row[:names]))[:most]

    return add


def _sum_hours(rows: list[list[Any]]) -> list[list[Any]]:
    return sorted(_sum_rows(2, largest=3, most=0)(rows), key=lambda row: (row[0], -row[1]))


_LISTS: Mapping[tuple[str, str], Callable[[list[list[Any]]], list[list[Any]]]] = {
    ("daily_searches", "hours"): _sum_hours,
    ("hourly_latency", "hours"): _sum_hours,
    ("latency", "buckets"): _sum_rows(1, most=0),
    ("modes", "modes"): _sum_rows(1, most=0),
    ("sources", "scopes"): lambda rows: sorted(_sum_rows(1, largest=4, most=100)(rows)),
    ("popular_queries", "queries"): _sum_rows(1, most=100),
    ("zero_results", "queries"): _sum_rows(3, most=50),
    ("zero_causes", "queries"): _sum_rows(3, most=50),
    ("reformulations", "pairs"): _sum_rows(2, most=50),
    ("slowest", "searches"): lambda rows: sorted(rows, key=lambda row: (-row[0], row[4]))[:10],
    ("failures", "sources"): _sum_rows(3, most=50),
    ("api_keys", "keys"): _sum_rows(1),
}


def _documents(zone: str, place: ZoneInfo, rows: list[Asked]) -> Documents:
    rows = sorted(rows, key=lambda row: (row.at, row.id))
    ended = [row for row in rows if row.outcome != "cancelled"]
    found: Documents = {
        "daily_searches": {
            "zone": zone,
            "searches": len(rows),
            "failed": sum(row.outcome == "failed" for row in rows),
            "partial": sum(row.outcome == "partial" for row in rows),
            "cancelled": sum(row.outcome == "cancelled" for row in rows),
            "zero": sum(row.zero for row in rows),
            "total_ms": sum(max(row.ms, 0) for row in rows),
            "hits": sum(max(row.hits, 0) for row in rows),
            "hours": _hours(place, rows),
        },
        "latency": _latency(ended),
        "modes": {
            "modes": [
                [
                    mode,
                    sum(row.mode == mode for row in rows),
                    sum(row.mode == mode and row.zero for row in rows),
                    sum(row.mode == mode and row.failed for row in rows),
                ]
                for mode in sorted({row.mode for row in rows})
            ]
        },
        "sources": {"scopes": _scopes(rows)},
        "popular_queries": {"searches": len(rows), "queries": _popular(rows)},
        "api_keys": {"keys": _keys(rows)},
    }
    if ended:
        found["hourly_latency"] = {"hours": _timed_hours(place, ended)}
        found["slowest"] = {
            "searches": [
                [row.ms, row.folded, row.mode, [*row.connections], row.id, int(row.at.timestamp())]
                for row in sorted(ended, key=lambda row: (-row.ms, row.id))[:10]
            ]
        }
    _add_nothing(found, [row for row in rows if row.zero])
    _add_reformulations(found, rows)
    _add_failures(found, rows)
    return found


def _by_hour(place: ZoneInfo, rows: list[Asked]) -> dict[tuple[int, int], list[Asked]]:
    found: dict[tuple[int, int], list[Asked]] = {}
    for row in rows:
        local = row.at.astimezone(place)
        offset = local.utcoffset()
        assert offset is not None
        found.setdefault((local.hour, int(offset.total_seconds())), []).append(row)
    return {key: found[key] for key in sorted(found, key=lambda key: (key[0], -key[1]))}


def _hours(place: ZoneInfo, rows: list[Asked]) -> list[list[int]]:
    return [[*key, len(some)] for key, some in _by_hour(place, rows).items()]


def _timed_hours(place: ZoneInfo, rows: list[Asked]) -> list[list[Any]]:
    return [
        [*key, sum(row.ms for row in some), max(row.ms for row in some), _buckets(some)]
        for key, some in _by_hour(place, rows).items()
    ]


def _bound(ms: int) -> int:
    """Two digits and zeros; from a million on, three digits less five."""
    return ms if ms < 100 else int(str(ms)[: max(2, len(str(ms)) - 5)].ljust(len(str(ms)), "0"))


def _buckets(rows: list[Asked]) -> list[list[int]]:
    return [list(pair) for pair in sorted(Counter(_bound(row.ms) for row in rows).items())]


def _latency(rows: list[Asked]) -> dict[str, Any]:
    return {
        "searches": len(rows),
        "total_ms": sum(row.ms for row in rows),
        "max_ms": max([0, *(row.ms for row in rows)]),
        "buckets": _buckets(rows),
    }


def _scopes(rows: list[Asked]) -> list[list[Any]]:
    found = []
    counts = Counter(row.connections for row in rows)
    for names in sorted(sorted(counts, key=lambda names: (-counts[names], names))[:100]):
        here = [row for row in rows if row.connections == names]
        timed = _latency([row for row in here if row.outcome != "cancelled"])
        failed = sum(row.failed for row in here)
        found.append(
            [
                [*names],
                len(here),
                failed,
                timed["total_ms"],
                timed["max_ms"],
                timed["buckets"],
            ]
        )
    return found


def _popular(rows: list[Asked]) -> list[list[Any]]:
    counts = Counter(row.folded for row in rows)
    found = []
    for text in sorted(counts, key=lambda text: (-counts[text], text))[:100]:
        same = [row for row in rows if row.folded == text]
        zero, total_ms = sum(row.zero for row in same), sum(row.ms for row in same)
        found.append([text, counts[text], zero, total_ms])
    return found


def _keys(rows: list[Asked]) -> list[list[Any]]:
    searches: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for row in rows:
        key = (row.params or {}).get("api_key") or ""
        searches[key] += 1
        failed[key] += row.failed
    return [
        [key, searches[key], failed[key]]
        for key in sorted(searches, key=lambda key: (-searches[key], key))
    ]


def _add_nothing(found: Documents, rows: list[Asked]) -> None:
    counts = Counter((row.folded, row.mode, row.connections) for row in rows)
    causes = Counter((row.folded, row.mode, row.cause) for row in rows if row.cause)
    if causes:
        found["zero_causes"] = {
            "queries": [
                [*key, causes[key]]
                for key in sorted(causes, key=lambda key: (-causes[key], key))[:50]
            ]
        }
    if rows:
        found["zero_results"] = {
            "searches": len(rows),
            "queries": [
                [text, mode, [*names], counts[text, mode, names]]
                for text, mode, names in sorted(counts, key=lambda key: (-counts[key], key))[:50]
            ],
        }


def _add_reformulations(found: Documents, rows: list[Asked]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    mended: Counter[tuple[str, str]] = Counter()
    by_hand = [row for row in rows if not (row.params or {}).get("api_key")]
    for before, after in pairwise(by_hand):
        near = (after.at - before.at).total_seconds() <= 300
        if near and before.folded != after.folded:
            pair = (before.folded, after.folded)
            counts[pair] += 1
            mended[pair] += before.zero and after.hits > 0
    if counts:
        found["reformulations"] = {
            "searches": counts.total(),
            "mended": mended.total(),
            "pairs": [
                [*pair, counts[pair], mended[pair]]
                for pair in sorted(counts, key=lambda pair: (-counts[pair], pair))[:50]
            ],
        }


def _add_failures(found: Documents, rows: list[Asked]) -> None:
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        for source in (row.params or {}).get("sources") or []:
            if row.failed and source["error"] is not None:
                counts[source["connection"], source["table"], source["error"]] += 1
    if counts:
        found["failures"] = {
            "sources": [
                [*key, counts[key]] for key in sorted(counts, key=lambda key: (-counts[key], key))
            ]
        }
