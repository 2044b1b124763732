"""Merging documents: parts of a whole are the whole, and percentiles are near the exact ones."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altus4_desktop.domain.analytics import (
    KEPT_QUERIES,
    KEPT_SCOPES,
    Metric,
    bucket_of,
    bucket_width,
    fold_query,
    is_document,
)
from altus4_desktop.domain.analytics_merging import merge, percentile, shorten
from tests.analytics_reference import Asked, expected_days

_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
_PARAMS = st.fixed_dictionaries(
    {"outcome": st.sampled_from(["ok", "partial", "failed", "cancelled"])},
    optional={
        "offset": st.sampled_from([0, 20]),
        "connections": st.lists(st.sampled_from(["Shop", "Library", "Größe"]), unique=True),
        "api_key": st.sampled_from(["k1", "k2"]),
        "cause": st.sampled_from(["absent", "stop_words", "other"]),
        "sources": st.just([{"connection": "Shop", "table": "t", "error": "tenant.lost"}]),
    },
)


@st.composite
def _asked(draw: st.DrawFn) -> list[Asked]:
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["Invoice", " invoice ", "invoise", "", "größe  x", "INVOICE"]),
                st.sampled_from(["natural", "boolean"]),
                st.integers(0, 20_000),
                st.integers(0, 3_000_000),
                st.integers(0, 2),
                _PARAMS,
            ),
            max_size=12,
        )
    )
    return [
        Asked(f"{number:036}", query, mode, _NOON + timedelta(seconds=second), ms, hits, params)
        for number, (query, mode, second, ms, hits, params) in enumerate(rows)
    ]


def _day(rows: list[Asked]) -> dict[str, dict[str, Any]]:
    return next(iter(expected_days(rows, "UTC").values()), {})


@given(rows=_asked(), seed=st.integers())
@settings(max_examples=60)
def test_parts_of_a_day_merge_to_the_day(rows: list[Asked], seed: int) -> None:
    whole = _day(rows)
    parts: list[list[Asked]] = [[], [], []]
    dice = random.Random(seed)
    for row in rows:
        dice.choice(parts).append(row)
    documents = [_day(part) for part in parts]
    dice.shuffle(documents)
    for metric in Metric:
        # Which search came before which is another matter in each part.
        if metric in whole and metric is not Metric.REFORMULATIONS:
            merged = merge(metric, [some[metric] for some in documents if metric in some])
            assert is_document(metric, merged)
            if metric is Metric.SLOWEST:
                merged = dict(shorten(metric, merged))
            assert merged == whole[metric], metric


@given(days=st.lists(_asked(), min_size=2, max_size=4))
@settings(max_examples=40)
def test_merging_in_another_order_or_in_steps_is_the_same(days: list[list[Asked]]) -> None:
    others = [[replace(row, id=f"{at}{row.id}") for row in day] for at, day in enumerate(days)]
    for metric in Metric:
        documents = [day[metric] for day in map(_day, others) if metric in day]
        whole = merge(metric, documents)
        assert is_document(metric, whole)
        assert merge(metric, reversed(documents)) == whole
        if len(documents) > 1:
            steps = merge(metric, [documents[0], merge(metric, documents[1:])])
            assert steps == whole


def test_nothing_merges_to_an_empty_document() -> None:
    for metric in Metric:
        empty = merge(metric, [])
        assert is_document(metric, empty)
        assert not any(empty.values())


@given(values=st.lists(st.integers(0, 3_000_000), min_size=1), share=st.floats(0, 1))
def test_percentiles_are_less_than_a_bucket_off(values: list[int], share: float) -> None:
    exact = sorted(values)[max(1, math.ceil(share * len(values))) - 1]
    found = percentile(Counter(bucket_of(value) for value in values), share)
    assert found is not None
    assert abs(found - exact) < bucket_width(exact)
    assert exact >= 100 or found == exact
    assert percentile({}, share) is None


@given(ms=st.integers(0, 2**31 - 1))
def test_buckets_are_narrow_and_hold_their_values(ms: int) -> None:
    bound = bucket_of(ms)
    assert bound <= ms < bound + bucket_width(ms)
    assert bucket_of(bound) == bound
    assert bucket_width(bound) == bucket_width(ms)
    assert bucket_width(ms) == 1 or bucket_width(ms) * 10 <= max(bound, 1_000_000)


def test_shortened_documents_keep_the_most_frequent() -> None:
    queries = [[f"text {n:03}", 300 - n, 0, 5] for n in range(2 * KEPT_QUERIES)]
    short = shorten(Metric.POPULAR_QUERIES, {"searches": 9, "queries": queries})
    assert short == {"searches": 9, "queries": queries[:KEPT_QUERIES]}
    scopes = [[[f"c{n:03}"], n, 0, 0, 0, []] for n in range(KEPT_SCOPES + 30)]
    short = shorten(Metric.SOURCES, {"scopes": scopes})
    assert short == {"scopes": scopes[30:]}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"searches": 1, "total_ms": 2, "max_ms": 2},
        {"searches": -1, "total_ms": 2, "max_ms": 2, "buckets": []},
        {"searches": True, "total_ms": 2, "max_ms": 2, "buckets": []},
        {"searches": 1, "total_ms": 2, "max_ms": 2, "buckets": [[1, 2, 3]]},
        {"searches": 1, "total_ms": 2, "max_ms": 2, "buckets": [[101, 2]]},
        {"searches": 1, "total_ms": 2, "max_ms": 2, "buckets": [], "more": 1},
    ],
)
def test_documents_of_another_shape_are_told(document: object) -> None:
    assert not is_document(Metric.LATENCY, document)


def test_queries_are_folded() -> None:
    assert fold_query("  Rote\tBIRNE \n") == "rote birne"
