"""How often a text was searched, beside a count of all texts: what is told to be exact is."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from altus4_desktop.domain.analytics import KEPT_ROWS, DayDocument, Document, Metric
from altus4_desktop.domain.analytics_merging import is_full, merge
from altus4_desktop.domain.charts import AT_LEAST
from altus4_desktop.domain.figures import Figures, Period
from altus4_desktop.services.charts.board import Dashboard
from altus4_desktop.services.charts.csv_file import chart_csv
from altus4_desktop.services.charts.texts import build_popular, build_zero
from altus4_desktop.services.figures import ByMetric, build_figures, group_documents, slices_of
from altus4_desktop.services.figures_export import figures_document
from tests.analytics_reference import Asked, expected_days, expected_texts, expected_totals

_ZONE = "Europe/Lisbon"
_BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
_NOW = _BEGIN + timedelta(days=90)


def _history(seed: int, days: int) -> list[Asked]:
    """On every third day there are more texts than a list holds, some of which are frequent."""
    dice = random.Random(seed)
    rows: list[Asked] = []
    for day in range(days):
        texts = [f"text {dice.randrange(8)}" for _ in range(30)]
        if day % 3 == 0:
            texts += [f"rare {number}" for number in range(130)] * dice.choice([1, 2])
        rows += [
            Asked(
                f"{seed} {len(rows)} {number}",
                text,
                dice.choice(["natural", "boolean"]),
                _BEGIN + timedelta(days=day, seconds=number),
                9,
                dice.choice([0, 0, 1]),
            )
            for number, text in enumerate(texts)
        ]
    return rows


def _documents(days: Mapping[date, Mapping[str, Document]], period: Period) -> ByMetric:
    """As the store puts them together."""
    return group_documents(
        [
            DayDocument(
                part.first,
                metric,
                merge(metric, found),
                any(is_full(metric, document) for document in found),
            )
            for part in slices_of(period)
            for metric in Metric
            if (found := [days[day][metric] for day in part if metric in days.get(day, {})])
        ]
    )


def _count(days: Iterable[date], counts: Mapping[date, Counter[str]], text: str) -> int:
    return sum(counts.get(day, Counter())[text] for day in days)


@pytest.mark.parametrize("days", [1, 6, 40])
@pytest.mark.parametrize("people", [1, 2])
def test_what_is_told_to_be_exact_is(days: int, people: int) -> None:
    histories = [_history(seed, 2 * days) for seed in range(people)]
    each = [expected_days(rows, _ZONE) for rows in histories]
    documents = each[0] if people == 1 else expected_totals(each)
    rows = [row for some in histories for row in some]
    period = Period.ending((_BEGIN + timedelta(days=2 * days - 1)).date(), days)
    before = period.before()
    figures = build_figures(
        period,
        _documents(documents, period),
        Period(before.first, period.last),
        {},
        _documents(documents, before),
        is_everybodys=people > 1,
    )
    counts = expected_texts(rows, _ZONE)
    zeros = expected_texts([row for row in rows if row.zero], _ZONE)
    for query in figures.popular:
        count, zero = (_count(period, of, query.text) for of in (counts, zeros))
        assert (query.searches, query.zero) <= (count, zero)
        assert not query.is_exact or (query.searches, query.zero) == (count, zero)
        earlier = _count(before, counts, query.text)
        assert query.before is not None
        assert query.before == earlier or (query.before < earlier and not query.is_exact_before)
        for part, told in zip(slices_of(period), query.trend, strict=True):
            assert told in (None, _count(part, counts, query.text))
        assert query.is_exact == (None not in query.trend)
    for text in {query.text for query in figures.zero}:
        parts = [query for query in figures.zero if query.text == text]
        told, count = sum(query.searches for query in parts), _count(period, zeros, text)
        assert told == count or (told < count and not parts[0].is_exact)
    total = sum(_count(period, counts, text) for text in {row.folded for row in rows})
    assert figures.unlisted == total - sum(query.searches for query in figures.popular)
    # What is frequent stands in every list of one's own.
    assert figures.popular[0].is_exact == (people == 1 and days <= 6) or days == 1
    _check_charts(figures)


def _check_charts(figures: Figures) -> None:
    board = Dashboard(figures, _ZONE, _NOW)
    for chart, unlisted in (
        (build_popular(board), figures.unlisted),
        (build_zero(board), figures.unlisted_zero),
    ):
        told = sum(chart.numbers("searches"))  # type: ignore[arg-type]  # none is None
        queries = figures.popular if chart.name == "popular" else figures.zero
        assert chart.others == unlisted + sum(query.searches for query in queries) - told
        exact = {query.text for query in queries if query.is_exact}
        for row in range(len(chart.rows)):
            assert chart.is_least(row, "searches") == (chart.cell(row, "query") not in exact)
        assert (AT_LEAST in chart_csv(chart)) == any(not query.is_exact for query in queries)
    document = figures_document(figures, _ZONE, _NOW)
    for told, queries in (
        (document["popular_queries"], figures.popular),
        (document["zero_results"], figures.zero),
    ):
        assert [row["at_least"] for row in told] == [not query.is_exact for query in queries]


@pytest.mark.parametrize(
    ("rows", "left_out", "are_pairs_exact", "are_others_exact"),
    [(3, 0, True, True), (KEPT_ROWS, 0, True, False), (KEPT_ROWS, 1, False, False)],
)
@pytest.mark.parametrize("days", [1, 365])
def test_of_a_full_list_counts_are_the_least_that_there_were(
    days: int, rows: int, left_out: int, are_pairs_exact: bool, are_others_exact: bool
) -> None:
    """Each day has other rows: a part of a year has more of them than a day holds, and all."""
    period = Period.ending(_BEGIN.date(), days)
    each: dict[date, Mapping[str, Document]] = {
        day: _lists(str(day), 3, 0) for day in [*period][:-1]
    }
    each[period.last] = _lists("last", rows, left_out)
    documents = _documents(each, period)
    figures = build_figures(period, documents, period, {})
    assert len(figures.causes) == rows + 3 * (days - 1)
    assert {count.is_exact for count in figures.reformulations} == {are_pairs_exact}
    for counts in (figures.causes, figures.failures):
        assert {count.is_exact for count in counts} == {are_others_exact}
    told = figures_document(figures, _ZONE, _NOW)
    assert {row["at_least"] for row in told["reformulations"]} == {not are_pairs_exact}
    for name in ("zero_causes", "failures"):
        assert {row["at_least"] for row in told[name]} == {not are_others_exact}


def _lists(name: str, rows: int, left_out: int) -> Mapping[str, Document]:
    texts = [f"{name} {number}" for number in range(rows)]
    return {
        Metric.ZERO_CAUSES: {"queries": [[text, "natural", "no_rows", 1] for text in texts]},
        Metric.REFORMULATIONS: {
            "searches": rows + left_out,
            "mended": 0,
            "pairs": [[text, "other", 1, 0] for text in texts],
        },
        Metric.FAILURES: {"sources": [["library", text, "tenant.lost", 1] for text in texts]},
    }
