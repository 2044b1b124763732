"""What the counting statement answers, as the documents of each day."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from altus4_desktop.domain.analytics import Document, Metric, fold_query
from altus4_desktop.domain.analytics_merging import merge
from altus4_desktop.storage import roll_up_sql

_FAILED = ("f", "p")
Documents = dict[Metric, Document]


class _About(NamedTuple):
    """What a search told of itself."""

    ended: str
    connections: list[str]
    api_key: str


class _Row(NamedTuple):
    """A row of the statement's answer."""

    part: int
    a: str
    b: str
    c: str
    x: str
    n: int
    n1: int
    n2: int
    n3: int


def build_documents(zone: str, answer: Iterable[Sequence[Any]]) -> dict[int, Documents]:
    """The documents of every day that has searches, by the day's number."""
    days: dict[int, list[_Row]] = {}
    for part, day, a, b, c, x, n, n1, n2, n3 in answer:
        row = _Row(
            int(part),
            _plain(a),
            _plain(b),
            _plain(c),
            _plain(x),
            int(n),
            int(n1 or 0),
            int(n2 or 0),
            int(n3 or 0),
        )
        days.setdefault(int(day), []).append(row)
    return {day: _documents(zone, rows) for day, rows in days.items()}


def _documents(zone: str, rows: Sequence[_Row]) -> Documents:
    parts: dict[int, list[_Row]] = {}
    for row in rows:
        parts.setdefault(row.part, []).append(row)
    hours = parts.get(roll_up_sql.HOURS, [])
    times = parts.get(roll_up_sql.TIMES, [])
    nothing = parts.get(roll_up_sql.NOTHING, [])
    pairs = parts.get(roll_up_sql.REFORMULATIONS, [])
    daily = _daily(zone, hours)
    found: Documents = {
        Metric.DAILY_SEARCHES: daily,
        Metric.MODES: _modes(hours),
        Metric.POPULAR_QUERIES: {
            "searches": daily["searches"],
            "queries": [
                [fold_query(row.a), row.n, row.n1, row.n2]
                for row in parts.get(roll_up_sql.QUERIES, [])
            ],
        },
        Metric.SLOWEST: {
            "searches": [
                [row.n, fold_query(row.a), row.b, _about(row.c).connections, row.x, row.n1]
                for row in parts.get(roll_up_sql.SLOWEST, [])
            ]
        },
        Metric.SOURCES: {"scopes": [_scope(row) for row in times]},
        Metric.API_KEYS: {
            "keys": [
                [about.api_key, row.n, row.n if about.ended in _FAILED else 0]
                for row in times
                for about in (_about(row.a),)
            ]
        },
        Metric.LATENCY: _latency(times),
    }
    if nothing:
        found[Metric.ZERO_RESULTS] = {
            "searches": nothing[0].n1,
            "queries": [
                [fold_query(row.a), row.b, _about(row.c).connections, row.n] for row in nothing
            ],
        }
    if pairs:
        found[Metric.REFORMULATIONS] = {
            "searches": pairs[0].n2,
            "mended": pairs[0].n3,
            "pairs": [[fold_query(row.a), fold_query(row.b), row.n, row.n1] for row in pairs],
        }
    failures = parts.get(roll_up_sql.FAILURES, [])
    if failures:
        found[Metric.FAILURES] = {"sources": [[row.a, row.b, row.c, row.n] for row in failures]}
    # Texts that are the same when folded become one, and lists get their order.
    return {metric: merge(metric, [document]) for metric, document in found.items()}


def _daily(zone: str, rows: Sequence[_Row]) -> dict[str, Any]:
    ended: Counter[str] = Counter()
    for row in rows:
        ended[row.b] += row.n
    return {
        "zone": zone,
        "searches": ended.total(),
        "failed": ended["f"],
        "partial": ended["p"],
        "cancelled": ended["c"],
        "zero": sum(row.n for row in rows if row.n3),
        "hours": [[row.n1, row.n2, row.n] for row in rows],
    }


def _modes(rows: Sequence[_Row]) -> dict[str, Any]:
    return {
        "modes": [
            [row.a, row.n, row.n if row.n3 else 0, row.n if row.b in _FAILED else 0] for row in rows
        ]
    }


def _latency(rows: Sequence[_Row]) -> dict[str, Any]:
    timed = [row for row in rows if _about(row.a).ended != "c"]
    return {
        "searches": sum(row.n for row in timed),
        "total_ms": sum(row.n2 for row in timed),
        "max_ms": max((row.n3 for row in timed), default=0),
        "buckets": [[row.n1, row.n] for row in timed],
    }


def _scope(row: _Row) -> list[Any]:
    about = _about(row.a)
    failed = row.n if about.ended in _FAILED else 0
    if about.ended == "c":
        return [about.connections, row.n, failed, 0, 0, []]
    return [about.connections, row.n, failed, row.n2, row.n3, [[row.n1, row.n]]]


@lru_cache(maxsize=4096)
def _about(text: str) -> _About:
    """What other programs wrote of themselves may be anything."""
    try:
        outcome, _, connections, api_key = json.loads(text)
    except (ValueError, TypeError):
        outcome = connections = api_key = None
    letter = outcome[:1] if isinstance(outcome, str) else ""
    names = connections if isinstance(connections, list) else []
    return _About(
        letter if letter in ("f", "p", "c") else "o",
        sorted({name for name in names if isinstance(name, str)}),
        api_key if isinstance(api_key, str) else "",
    )


def _plain(cell: object) -> str:
    """Servers answer texts as bytes."""
    if isinstance(cell, bytes | bytearray):
        return cell.decode("utf-8", "replace")
    return "" if cell is None else str(cell)
