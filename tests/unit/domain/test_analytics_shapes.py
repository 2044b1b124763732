"""What is written of the documents of ``analytics`` is what they are."""

from __future__ import annotations

import json
import re

import pytest

from altus4_desktop.domain.analytics import Metric, is_document
from tests.servers import PROJECT

_PAGE = (PROJECT / "docs" / "analytics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("metric", Metric)
def test_the_page_about_figures_shows_a_document_of(metric: Metric) -> None:
    found = re.search(rf"^\| `{metric.value}` \| `(.+?)` – ", _PAGE, re.MULTILINE)
    assert found is not None
    document = json.loads(found[1].replace(", …", ""))
    assert is_document(metric, document)


_LATENCY = {"searches": 1, "total_ms": 2, "max_ms": 2, "buckets": [[2, 1]]}
_DAILY = {
    "zone": "UTC",
    **dict.fromkeys(("searches", "failed", "partial", "cancelled", "zero", "total_ms", "hits"), 1),
    "hours": [[3, 3600, 1]],
}


def _slow(ms: int, second: int) -> dict[str, object]:
    return {"searches": [[ms, "word", "natural", ["Shop"], "1", second]]}


@pytest.mark.parametrize(
    ("metric", "document"),
    [
        *((Metric.DAILY_SEARCHES, {**_DAILY, name: 10**15}) for name in ("searches", "hits")),
        (Metric.DAILY_SEARCHES, {**_DAILY, "hours": [[0, -86_399, 1], [23, 86_399, 1]]}),
        (Metric.LATENCY, {**_LATENCY, "max_ms": 2**31 - 1, "buckets": [[2_147_400_000, 10**15]]}),
        (Metric.SLOWEST, _slow(2**31 - 1, 4_102_531_199)),
        (Metric.SLOWEST, _slow(0, 0)),
        (Metric.POPULAR_QUERIES, {"searches": 10**15, "queries": [["a", 10**15, 0, 10**15]]}),
    ],
)
def test_the_largest_there_can_be_are_documents(metric: Metric, document: object) -> None:
    assert is_document(metric, document)


@pytest.mark.parametrize(
    ("metric", "document"),
    [
        *((Metric.DAILY_SEARCHES, {**_DAILY, name: 10**15 + 1}) for name in ("searches", "hits")),
        *(
            (Metric.DAILY_SEARCHES, {**_DAILY, "hours": [[3, 3600, 1], hour]})
            for hour in ([24, 0, 1], [3, 86_400, 1], [3, -86_400, 1], [3, 0, 0], [3, 0, 10**15 + 1])
        ),
        (Metric.LATENCY, {**_LATENCY, "max_ms": 2**31}),
        (Metric.LATENCY, {**_LATENCY, "buckets": [[2_147_500_000, 1]]}),
        (Metric.LATENCY, {**_LATENCY, "buckets": [[10**18, 1]]}),
        (Metric.LATENCY, {**_LATENCY, "buckets": [[-100_000, 1]]}),
        (Metric.LATENCY, {**_LATENCY, "buckets": [[2, 0]]}),
        (Metric.HOURLY_LATENCY, {"hours": [[3, 0, 2, 2**31, [[2, 1]]]]}),
        (Metric.HOURLY_LATENCY, {"hours": [[3, 86_400, 2, 2, [[2, 1]]]]}),
        (Metric.MODES, {"modes": [["natural", 0, 0, 0]]}),
        (Metric.SOURCES, {"scopes": [[["Shop"], 0, 0, 0, 0, []]]}),
        (Metric.SOURCES, {"scopes": [[["Shop"], 1, 0, 2, 2**31, []]]}),
        (Metric.POPULAR_QUERIES, {"searches": 1, "queries": [["a", 0, 0, 0]]}),
        (Metric.ZERO_RESULTS, {"searches": 1, "queries": [["a", "natural", ["Shop"], 0]]}),
        (Metric.ZERO_CAUSES, {"queries": [["a", "natural", "absent", 0]]}),
        (Metric.REFORMULATIONS, {"searches": 1, "mended": 0, "pairs": [["a", "b", 0, 0]]}),
        *((Metric.SLOWEST, _slow(20, second)) for second in (10**18, -(10**12), -1, 4_102_531_201)),
        (Metric.SLOWEST, _slow(2**31, 0)),
        (Metric.FAILURES, {"sources": [["Shop", "t", "tenant.lost", 0]]}),
        (Metric.API_KEYS, {"keys": [["", 0, 0]]}),
    ],
)
def test_numbers_that_no_searches_make_are_no_documents(metric: Metric, document: object) -> None:
    assert not is_document(metric, document)
