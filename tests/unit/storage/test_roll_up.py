"""Days counted from columns, compared with `tests.analytics_reference`, search by search."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from altus4_desktop.domain.analytics import KEPT_QUERIES, KEPT_ROWS
from altus4_desktop.domain.local_days import day_number
from altus4_desktop.storage.roll_up import Documents, Failures, build_documents
from altus4_desktop.storage.search_facts import Facts
from tests.analytics_reference import Asked, expected_days

_TOLD = ("outcome", "offset", "connections", "api_key", "cause")


def _facts(rows: Sequence[Asked]) -> Facts:
    return Facts(
        ids=[row.id for row in rows],
        queries=[row.query for row in rows],
        told=[
            f"{row.mode} {json.dumps([(row.params or {}).get(name) for name in _TOLD])}"
            for row in rows
        ],
        seconds=np.array([int(row.at.timestamp()) for row in rows], np.int64),
        ms=np.array([row.ms for row in rows], np.int64),
        results=np.array([row.hits for row in rows], np.int64),
    )


def _count(rows: Sequence[Asked], zone: str, days: range | None = None) -> dict[int, Documents]:
    by_id = {row.id: row for row in rows}
    local = [day_number(row.at.astimezone(ZoneInfo(zone)).date()) for row in rows]

    def failures_of(ids: Sequence[str]) -> Failures:
        return {
            key: [
                (source["connection"], source["table"], source["error"])
                for source in (by_id[key].params or {}).get("sources", ())
                if source["error"]
            ]
            for key in ids
        }

    return build_documents(
        zone, days or range(min(local), max(local) + 1), _facts(rows), failures_of
    )


def _expected(rows: Sequence[Asked], zone: str) -> dict[int, dict[str, Any]]:
    return {day_number(day): made for day, made in expected_days(rows, zone).items()}


def _history(dice: random.Random, begin: datetime, count: int, hours: float) -> list[Asked]:
    """Searches in no order, with more texts than a list holds, and few durations."""
    rows = []
    for _ in range(count):
        error = dice.choice([None, None, "tenant.lost", "tenant.timeout"])
        params = {
            "outcome": dice.choice(["ok"] * 6 + ["partial", "failed", "cancelled", None]),
            "offset": dice.choice([0, 0, 0, 20]),
            "connections": dice.choice([["Shop"], ["Shop", "Library"], [], ["Library", "Shop"]]),
            "api_key": dice.choice([None, None, None, "k1"]),
            "cause": dice.choice([None, "absent", "stop_words", "other"]),
            "sources": [{"connection": "Shop", "table": "books", "error": error}],
        }
        rows.append(
            Asked(
                str(uuid.UUID(int=dice.getrandbits(128), version=4)),
                dice.choice(["Invoice ", "invoice", f"text {int(dice.paretovariate(0.3)) % 400}"]),
                dice.choice(["natural", "boolean", "semantic"]),
                begin + timedelta(seconds=dice.randrange(round(hours * 3600))),
                dice.choice([3, 3, 99, 100, 128, 4_000, 123_456, 2**31 - 1]),
                dice.choice([0, 0, 3]),
                params if dice.random() < 0.95 else None,
            )
        )
    return rows


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("zone", "begin"),
    [
        ("Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC)),
        # Half an hour forth and back.
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 2, tzinfo=UTC)),
        # At a minute past midnight to a minute past eleven: days lie within each other.
        ("America/St_Johns", datetime(2005, 10, 29, 12, tzinfo=UTC)),
        # A day that was left out.
        ("Pacific/Apia", datetime(2011, 12, 29, 12, tzinfo=UTC)),
    ],
)
def test_days_are_what_a_count_one_by_one_says(zone: str, begin: datetime, seed: int) -> None:
    rows = _history(random.Random(seed), begin, 2_500, 60)
    expected = _expected(rows, zone)
    busiest = max(expected.values(), key=lambda made: len(made["popular_queries"]["queries"]))
    assert len(busiest["popular_queries"]["queries"]) == KEPT_QUERIES
    assert len(busiest["zero_results"]["queries"]) == KEPT_ROWS
    assert len(busiest["reformulations"]["pairs"]) == KEPT_ROWS
    assert _count(rows, zone) == expected


def test_days_that_lie_within_each_other_are_told_apart() -> None:
    """A minute of the next day lies between the first and the last instant of one on which clocks
    are set back."""
    rows = _history(random.Random(1), datetime(2005, 10, 30, 2, tzinfo=UTC), 600, 3)
    expected = _expected(rows, "America/St_Johns")
    first, second = sorted(expected)
    assert _count(rows, "America/St_Johns") == expected
    assert _count(rows, "America/St_Johns", range(first, first + 1)) == {first: expected[first]}
    assert _count(rows, "America/St_Johns", range(second, second + 1)) == {second: expected[second]}
    assert _count(rows, "America/St_Johns", range(second + 1, second + 2)) == {}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_searches(count: int) -> None:
    for seed in range(200):
        rows = _history(random.Random(seed), datetime(2026, 3, 2, 12, tzinfo=UTC), count, 0.05)
        assert _count(rows, "UTC") == _expected(rows, "UTC")


@pytest.mark.parametrize(
    "told", ["natural", "natural ", "natural {", 'natural ["ok"', 'natural ["ok",0,["Sh']
)
def test_notes_that_cannot_be_read_say_nothing(told: str) -> None:
    (row,) = _history(random.Random(1), datetime(2026, 3, 2, 12, tzinfo=UTC), 1, 1)
    facts = _facts([row])
    broken = Facts(facts.ids, facts.queries, [told], facts.seconds, facts.ms, facts.results)
    (made,) = build_documents("UTC", range(20_000, 21_000), broken, lambda _: {}).values()
    expected = Asked(row.id, row.query, "natural", row.at, row.ms, row.hits, None)
    assert {20_514: made} == _expected([expected], "UTC")
