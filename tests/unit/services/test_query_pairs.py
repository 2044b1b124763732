"""Two evaluations query by query."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from altus4_desktop.domain.evaluation import JudgedQuery
from altus4_desktop.services.evaluation import EvaluationService
from altus4_desktop.services.query_pairs import (
    pair_results,
    write_pairs_csv,
    write_pairs_jsonl,
)

_QUERIES = tuple(
    JudgedQuery(name, text)
    for name, text in (("1", "apples"), ("2", "=1+1"), ("3", "unjudged"), ("4", "gone"))
)
_GRADES = {"1": {"a": 3}, "2": {"b": 2}, "4": {"c": 1}}
_BEFORE = {"1": ["x", "a"], "2": ["b"], "3": ["p", "q"], "4": ["c"]}
_AFTER = {"1": ["a", "x"], "2": ["b"], "3": ["q", "p"]}


def test_what_got_better_worse_and_what_only_differs() -> None:
    first = EvaluationService.measure(_QUERIES, _GRADES, _BEFORE)
    second = EvaluationService.measure(_QUERIES, _GRADES, _AFTER)
    one, two, three, four = pair_results(first, second)
    assert one.gain is not None
    assert one.gain > 0.3
    assert (one.has_changed, one.is_worse, one.shared, one.same) == (True, False, 2, False)
    assert (two.gain, two.has_changed, two.is_worse) == (0.0, False, False)
    assert (three.gain, three.has_changed, three.is_worse) == (None, True, False)
    assert four.gain is not None
    assert four.gain < 0
    assert (four.has_changed, four.is_worse, four.shared) == (True, True, 0)
    comparison = EvaluationService.compare(first, second)
    gains = [pair.gain for pair in (one, two, three, four) if pair.gain is not None]
    assert (comparison.wins, comparison.losses, comparison.ties) == (
        sum(gain > 0 for gain in gains),
        sum(gain < 0 for gain in gains),
        sum(gain == 0 for gain in gains),
    )


def test_what_is_not_judged_is_worse_where_it_finds_nothing_any_more() -> None:
    queries = _QUERIES[2:3]
    first = EvaluationService.measure(queries, {}, {"3": ["p"]})
    second = EvaluationService.measure(queries, {}, {"3": []})
    (pair,) = pair_results(first, second)
    assert pair.is_worse
    (pair,) = pair_results(second, first)
    assert not pair.is_worse


def test_one_alone_has_not_changed() -> None:
    first = EvaluationService.measure(_QUERIES, _GRADES, _BEFORE)
    pairs = pair_results(first, None)
    assert [pair.query.id for pair in pairs] == ["1", "2", "3", "4"]
    assert not any(pair.has_changed or pair.is_worse or pair.gain is not None for pair in pairs)


def test_the_table_has_every_query_and_runs_no_formula(tmp_path: Path) -> None:
    first = EvaluationService.measure(_QUERIES, _GRADES, _BEFORE)
    second = EvaluationService.measure(_QUERIES, _GRADES, _AFTER)
    path = tmp_path / "table.csv"
    assert write_pairs_csv(path, pair_results(first, second)) == 4
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["query"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[1]["text"] == "'=1+1"
    assert float(rows[0]["b_ndcg_at_10"]) == 1.0
    assert float(rows[0]["gain"]) == 1.0 - float(rows[0]["a_ndcg_at_10"])
    assert (rows[2]["judged"], rows[2]["a_ndcg_at_10"], rows[2]["a_hits"]) == ("no", "", "2")


def test_lines_have_the_documents_of_both(tmp_path: Path) -> None:
    first = EvaluationService.measure(_QUERIES, _GRADES, _BEFORE)
    path = tmp_path / "lines.jsonl"
    assert write_pairs_jsonl(path, pair_results(first, None)) == 4
    documents = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert documents[0]["a"]["documents"] == ["x", "a"]
    assert documents[0]["b"] is None
    second = EvaluationService.measure(_QUERIES, _GRADES, _AFTER)
    write_pairs_jsonl(path, pair_results(first, second))
    documents = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert documents[3]["b"]["documents"] == []
    assert documents[2]["a"]["ndcg_at_10"] is None
