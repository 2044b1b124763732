"""What the counting statement answers, as the documents of each day."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from altus4_desktop.domain.analytics import Document, Metric, fold_query
from altus4_desktop.domain.analytics_merging import merge
from altus4_desktop.domain.zero_causes import ZeroCause
from altus4_desktop.storage.roll_up_sql import Part

_FAILED = ("f", "p")
_CAUSES = frozenset(cause.value for cause in ZeroCause)
Documents = dict[Metric, Document]
Rows = Sequence[Sequence[Any]]


class _About(NamedTuple):
    """What a search told of itself."""

    ended: str
    connections: list[str]
    api_key: str
    cause: str


def build_documents(zone: str, answer: Iterable[Sequence[Any]]) -> dict[int, Documents]:
    """The documents of every day that has searches, by the day's number."""
    days: dict[int, dict[Part, Rows]] = {}
    for part, day, text in answer:
        # A server whose driver knows JSON by its type has read it.
        rows = json.loads(text) if isinstance(text, str | bytes) else text
        days.setdefault(int(day), {})[Part(int(part))] = rows
    return {day: _documents(zone, parts) for day, parts in days.items()}


def _documents(zone: str, parts: Mapping[Part, Rows]) -> Documents:
    hours, times = parts[Part.HOURS], parts[Part.TIMES]
    daily = _daily(zone, hours)
    found: Documents = {
        Metric.DAILY_SEARCHES: daily,
        Metric.MODES: _modes(hours),
        Metric.POPULAR_QUERIES: {
            "searches": daily["searches"],
            "queries": [[fold_query(row[0]), *row[1:]] for row in parts[Part.QUERIES]],
        },
        Metric.SLOWEST: {
            "searches": [
                [ms, fold_query(text), mode, _about(about).connections, search_id, second]
                for text, mode, about, search_id, ms, second in parts[Part.SLOWEST]
            ]
        },
        Metric.SOURCES: {"scopes": [_scope(row) for row in times]},
        Metric.API_KEYS: {
            "keys": [
                [_about(row[0]).api_key, row[1], row[1] if _about(row[0]).ended in _FAILED else 0]
                for row in times
            ]
        },
        Metric.LATENCY: _latency(times),
    }
    if nothing := parts.get(Part.NOTHING):
        found[Metric.ZERO_RESULTS] = {
            "searches": nothing[0][4],
            "queries": [
                [fold_query(text), mode, _about(about).connections, n]
                for text, mode, about, n, _ in nothing
            ],
        }
        known = [row for row in nothing if _about(row[2]).cause]
        if known:
            found[Metric.ZERO_CAUSES] = {
                "queries": [
                    [fold_query(text), mode, _about(about).cause, n]
                    for text, mode, about, n, _ in known
                ]
            }
    if pairs := parts.get(Part.REFORMULATIONS):
        found[Metric.REFORMULATIONS] = {
            "searches": pairs[0][4],
            "mended": pairs[0][5],
            "pairs": [
                [fold_query(before), fold_query(after), n, mended]
                for before, after, n, mended, *_ in pairs
            ],
        }
    if failures := parts.get(Part.FAILURES):
        found[Metric.FAILURES] = {"sources": [[a or "", b or "", c, n] for a, b, c, n in failures]}
    # Texts that are the same when folded become one, and lists get their order.
    return {metric: merge(metric, [document]) for metric, document in found.items()}


def _daily(zone: str, rows: Rows) -> dict[str, Any]:
    ended: Counter[str] = Counter()
    for _, letter, n, *_ in rows:
        ended[letter] += n
    return {
        "zone": zone,
        "searches": ended.total(),
        "failed": ended["f"],
        "partial": ended["p"],
        "cancelled": ended["c"],
        "zero": sum(n for _, _, n, _, _, zero in rows if zero),
        "hours": [[hour, offset_s, n] for _, _, n, hour, offset_s, _ in rows],
    }


def _modes(rows: Rows) -> dict[str, Any]:
    return {
        "modes": [
            [mode, n, n if zero else 0, n if letter in _FAILED else 0]
            for mode, letter, n, _, _, zero in rows
        ]
    }


def _latency(rows: Rows) -> dict[str, Any]:
    timed = [row for row in rows if _about(row[0]).ended != "c"]
    return {
        "searches": sum(row[1] for row in timed),
        "total_ms": sum(row[3] for row in timed),
        "max_ms": max((row[4] for row in timed), default=0),
        "buckets": [[row[2], row[1]] for row in timed],
    }


def _scope(row: Sequence[Any]) -> list[Any]:
    text, n, bucket, total_ms, max_ms = row
    about = _about(text)
    failed = n if about.ended in _FAILED else 0
    if about.ended == "c":
        return [about.connections, n, failed, 0, 0, []]
    return [about.connections, n, failed, total_ms, max_ms, [[bucket, n]]]


@lru_cache(maxsize=4096)
def _about(text: str) -> _About:
    """What other programs wrote of themselves may be anything."""
    try:
        outcome, _, connections, api_key, cause = json.loads(text)
    except (ValueError, TypeError):
        outcome = connections = api_key = cause = None
    letter = outcome[:1] if isinstance(outcome, str) else ""
    names = connections if isinstance(connections, list) else []
    return _About(
        letter if letter in ("f", "p", "c") else "o",
        sorted({name for name in names if isinstance(name, str)}),
        api_key if isinstance(api_key, str) else "",
        cause if isinstance(cause, str) and cause in _CAUSES else "",
    )
