"""Figures as documents for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from altus4_desktop.domain.figures import Counts, Figures, Latency, UserUse
from altus4_desktop.domain.local_days import instant_text
from altus4_desktop.services.charts.board import Dashboard
from altus4_desktop.services.charts.csv_file import OWN_ZONES
from altus4_desktop.services.charts.over_time import build_heat, is_known

_DAY_COLUMNS = (
    "day",
    "time_zone",
    "searches",
    "zero",
    "failed",
    "partial",
    "cancelled",
    "mean_ms",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "max_ms",
)


def days_csv(figures: Figures) -> str:
    """A line for each day of which something is known."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_DAY_COLUMNS)
    for point in figures.days:
        if point.counts is None:
            continue
        told = {
            "day": point.day.isoformat(),
            "time_zone": figures.zone or OWN_ZONES,
            **_counts(point.counts),
            **{
                name: value for name, value in _latency(point.latency).items() if name != "searches"
            },
        }
        writer.writerow([told[name] for name in _DAY_COLUMNS])
    return text.getvalue()


def figures_document(
    figures: Figures, zone: str, now: datetime, people: Sequence[UserUse] | None = None
) -> dict[str, Any]:
    """Everything, as plain JSON values, None where nothing is known; ``zone`` is the time zone of
    who reads it, ``people`` are there for those who may see them."""
    board = Dashboard(figures, zone, now)
    counts = iter(build_heat(board).values("searches"))
    return {
        "from": figures.period.first.isoformat(),
        "to": figures.period.last.isoformat(),
        "time_zone": figures.zone or None,
        **_counts(figures.counts),
        "latency": _latency(figures.latency),
        "before": {
            **_counts(figures.before),
            "latency": _latency(figures.latency_before),
        }
        if figures.before is not None and figures.latency_before is not None
        else None,
        "days": [
            {
                "day": point.day.isoformat(),
                **_counts(point.counts),
                "latency": _latency(point.latency),
            }
            for point in figures.days
            if point.counts is not None
        ],
        "hours": [
            {
                "day": hour.day.isoformat(),
                "hour": hour.hour,
                "begins_at": instant_text(hour.begins_at),
                "searches": hour.searches if is_known(board, hour) else None,
            }
            for hour in figures.hours
        ],
        "heat": [list(islice(counts, 24)) for _ in range(7)],
        "modes": [
            {
                "mode": share.mode,
                "searches": share.searches,
                "zero": share.zero,
                "failed": share.failed,
            }
            for share in figures.modes
        ],
        "connections": [
            {
                "connection": share.connection,
                "searches": share.searches,
                "failed": share.failed,
                "latency": _latency(share.latency),
            }
            for share in figures.sources
        ],
        "unlisted_sources": figures.unlisted_sources,
        **_texts(figures),
        "slowest": [
            {
                "query": slow.text,
                "mode": slow.mode,
                "connections": list(slow.connections),
                "ms": slow.ms,
                "outcome": slow.outcome,
                "search_id": slow.search_id,
                "at": instant_text(slow.at),
            }
            for slow in figures.slowest
        ],
        "failures": [
            {
                "connection": failure.connection,
                "table": failure.table,
                "code": failure.code,
                "searches": failure.searches,
                "at_least": not failure.is_exact,
            }
            for failure in figures.failures
        ],
        "keys": [
            {
                "id": use.key_id or None,
                "name": use.name,
                "searches": use.searches,
                "failed": use.failed,
            }
            for use in figures.keys
        ],
        "people": None
        if people is None
        else [
            {
                "id": use.user_id,
                "name": use.name,
                "email": use.email,
                "searches": use.searches,
                "failed": use.failed,
                "zero": use.zero,
            }
            for use in people
        ],
    }


def _texts(figures: Figures) -> dict[str, Any]:
    """What was searched, and why nothing was found."""
    return {
        "popular_queries": [
            {
                "query": query.text,
                "searches": query.searches,
                "zero": query.zero,
                "at_least": not query.is_exact,
                "mean_ms": round(query.mean_ms, 1),
                "before": query.before,
                "before_at_least": not query.is_exact_before,
                "trend": list(query.trend),
            }
            for query in figures.popular
        ],
        "unlisted": figures.unlisted,
        "zero_results": [
            {
                "query": query.text,
                "mode": query.mode,
                "connections": list(query.connections),
                "searches": query.searches,
                "at_least": not query.is_exact,
            }
            for query in figures.zero
        ],
        "unlisted_zero": figures.unlisted_zero,
        "zero_causes": [
            {
                "query": known.text,
                "mode": known.mode,
                "cause": known.cause,
                "searches": known.searches,
                "at_least": not known.is_exact,
            }
            for known in figures.causes
        ],
        "reformulations": [
            {
                "before": pair.before,
                "after": pair.after,
                "searches": pair.searches,
                "mended": pair.mended,
                "at_least": not pair.is_exact,
            }
            for pair in figures.reformulations
        ],
    }


def _counts(counts: Counts | None) -> dict[str, int]:
    if counts is None:
        return {}
    return {
        "searches": counts.searches,
        "failed": counts.failed,
        "partial": counts.partial,
        "cancelled": counts.cancelled,
        "zero": counts.zero,
    }


def _latency(latency: Latency) -> dict[str, Any]:
    return {
        "searches": latency.searches,
        "mean_ms": _rounded(latency.mean_ms),
        "p50_ms": _rounded(latency.p50_ms),
        "p95_ms": _rounded(latency.p95_ms),
        "p99_ms": _rounded(latency.p99_ms),
        "max_ms": latency.max_ms,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
