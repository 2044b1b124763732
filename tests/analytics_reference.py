"""The figures of `analytics` by day, calculated again from the rows, one by one, in plain Python.

Knows the documents that `domain.analytics` describes and nothing of how they are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
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


def _documents(zone: str, place: ZoneInfo, rows: list[Asked]) -> Documents:
    rows = sorted(rows, key=lambda row: (row.at, row.id))
    found: Documents = {
        "daily_searches": {
            "zone": zone,
            "searches": len(rows),
            "failed": sum(row.outcome == "failed" for row in rows),
            "partial": sum(row.outcome == "partial" for row in rows),
            "cancelled": sum(row.outcome == "cancelled" for row in rows),
            "zero": sum(row.zero for row in rows),
            "hours": _hours(place, rows),
        },
        "latency": _latency([row for row in rows if row.outcome != "cancelled"]),
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
        "slowest": {
            "searches": [
                [row.ms, row.folded, row.mode, [*row.connections], row.id, int(row.at.timestamp())]
                for row in sorted(rows, key=lambda row: (-row.ms, row.id))[:10]
            ]
        },
        "api_keys": {"keys": _keys(rows)},
    }
    _add_nothing(found, [row for row in rows if row.zero])
    _add_reformulations(found, rows)
    _add_failures(found, rows)
    return found


def _hours(place: ZoneInfo, rows: list[Asked]) -> list[list[int]]:
    counts: Counter[tuple[int, int]] = Counter()
    for row in rows:
        local = row.at.astimezone(place)
        offset = local.utcoffset()
        assert offset is not None
        counts[local.hour, int(offset.total_seconds())] += 1
    return [[*key, counts[key]] for key in sorted(counts, key=lambda key: (key[0], -key[1]))]


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
    for names in sorted({row.connections for row in rows}):
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
    """With no more than fifty texts a day, which are then all listed."""
    counts = Counter((row.folded, row.mode, row.connections) for row in rows)
    assert len(counts) <= 50
    causes = Counter((row.folded, row.mode, row.cause) for row in rows if row.cause)
    if causes:
        found["zero_causes"] = {
            "queries": [
                [*key, causes[key]] for key in sorted(causes, key=lambda key: (-causes[key], key))
            ]
        }
    if rows:
        found["zero_results"] = {
            "searches": len(rows),
            "queries": [
                [text, mode, [*names], counts[text, mode, names]]
                for text, mode, names in sorted(counts, key=lambda key: (-counts[key], key))
            ],
        }


def _add_reformulations(found: Documents, rows: list[Asked]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    mended: Counter[tuple[str, str]] = Counter()
    for before, after in pairwise(rows):
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
