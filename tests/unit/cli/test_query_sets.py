"""``evaluate sets`` and ``evaluate --set`` as other programs call them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from math import log2
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.cli.frame import main
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.keys import KeyDraft, KeyPermission
from altus4_desktop.domain.searching import (
    SearchHit,
    SearchOutcome,
    SearchRequest,
    SourceRef,
    SourceReport,
    SourceState,
)
from altus4_desktop.services.search import SearchService
from tests.answers import Answer, Run
from tests.records import a_connection, a_search, a_user

QUERIES = "1\tred shoes\nq2\tblue hat\n"
QRELS = "1 0 Shop/shoes/3 3\n1 0 Shop/shoes/1 1\n1 0 Shop/shoes/2 0\nq2 0 Shop/hats/9 2\n"
FOUND = {"red shoes": (1, 2, 3), "blue hat": ()}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Ann has a connection and a history; every search finds what `FOUND` says."""
    monkeypatch.setenv("ALTUS4_PASSPHRASE", "a long enough passphrase")
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        services.vault.set_up_passphrase("a long enough passphrase")
        store = services.metadata.store
        ann = store.users.create_(a_user(name="Ann", role=Role.ADMIN), "x")
        store.connections.create_(a_connection(ann, name="Shop", managed=False))
        for query, found in (("red shoes", 3), ("red shoes", 3), ("nothing here", 0)):
            store.searches.add_(a_search(ann, query, result_count=found))
        key = services.keys.create_(
            ann.as_actor(), KeyDraft("Reports", permissions=frozenset(KeyPermission))
        )
    monkeypatch.setenv("ALTUS4_API_KEY", key.key_secret)

    def search(
        self: object, actor: object, request: SearchRequest, *_: object, **__: object
    ) -> Any:
        source = SourceRef("Shop", "shoes", "ft")
        hits = tuple(
            SearchHit(source, {"id": key}, 1.0, 1.0, rank, {})
            for rank, key in enumerate(FOUND[request.query], 1)
        )
        report = SourceReport(source, SourceState.OK)
        return SearchOutcome("s-1", request, (report,), hits, finished=True)

    monkeypatch.setattr(SearchService, "run", search)

    def call(*arguments: str) -> Answer:
        code = main([*arguments, "--data-dir", str(tmp_path / "data")])
        return Answer(code, *capsys.readouterr())

    return call


def _files(folder: Path) -> list[str]:
    (folder / "queries").write_text(QUERIES)
    (folder / "qrels").write_text(QRELS)
    return ["--queries", str(folder / "queries"), "--qrels", str(folder / "qrels")]


def _json(answer: Answer) -> Mapping[str, Any]:
    assert answer.out, answer.err
    found: Mapping[str, Any] = json.loads(answer.out)
    return found


def test_a_set_is_imported_evaluated_and_exported_as_it_was(run: Run, tmp_path: Path) -> None:
    assert run("evaluate", "sets", "list").code == 1
    made = _json(run("evaluate", "sets", "import", "Shop words", *_files(tmp_path), "--json"))
    assert (made["queries"], made["judged"], made["judgements"]) == (2, 2, 4)
    assert made["imported"] == {"queries": 2, "known": 0, "judgements": 4, "left_out": 0}
    (listed,) = _json(run("evaluate", "sets", "list", "--json"))["sets"]
    assert listed["name"] == "Shop words"
    document = _json(run("evaluate", "--set", "Shop words", "--save", "--json"))
    # 1, 2, 3 are found, of gains 1, 0, 7 (2 ** grade - 1), where 7, 1, 0 would be best.
    by_hand = (1 + 7 / log2(4)) / (7 + 1 / log2(3))
    (measured,) = document["runs"]
    assert measured["per_query"][0]["ndcg_at_10"] == pytest.approx(by_hand)
    assert measured["ndcg_at_10"] == pytest.approx(by_hand / 2)
    (kept,) = _json(run("evaluate", "sets", "runs", "Shop words", "--json"))["runs"]
    assert kept["evaluations"][0]["ndcg_at_10"] == pytest.approx(by_hand / 2)
    for form in ("trec", "jsonl"):
        files = [
            "--queries", str(tmp_path / f"q.{form}"), "--qrels", str(tmp_path / f"j.{form}"),
        ]  # fmt: skip
        told = run("evaluate", "sets", "export", "Shop words", *files, "--format", form)
        assert told.code == 0
        again = _json(run("evaluate", "sets", "import", form, *files, "--json"))
        assert (again["queries"], again["judgements"]) == (2, 4)
        assert _json(run("evaluate", "--set", form, "--json")) == document
    assert run("evaluate", "sets", "delete", "Shop words", "--yes").code == 0
    assert len(_json(run("evaluate", "sets", "list", "--json"))["sets"]) == 2


def test_what_was_measured_is_told_even_where_it_cannot_be_kept(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("evaluate", "sets", "import", "Shop words", *_files(tmp_path))
    measured = run("evaluate", "--set", "Shop words", "--json")
    assert measured.code == 0
    monkeypatch.setattr("altus4_desktop.services.query_sets.MOST_RUNS", 0)
    told = run("evaluate", "--set", "Shop words", "--save", "--json")
    assert told.code == 3
    assert _json(told) == _json(measured)
    assert "not kept: 0 runs of this query set are kept" in told.err
    assert "[query_set.too_many_runs]" in told.err
    plain = run("evaluate", "--set", "Shop words", "--save")
    assert plain.code == 3
    assert "nDCG@10" in plain.out


def test_queries_are_collected_of_the_history(run: Run, tmp_path: Path) -> None:
    made = _json(run("evaluate", "sets", "collect", "Often", "--limit", "1", "--json"))
    assert (made["queries"], made["added"]) == (1, 1)
    again = _json(run("evaluate", "sets", "collect", "Often", "--no-result", "--json"))
    assert (again["queries"], again["added"]) == (2, 1)
    queries = tmp_path / "queries"
    run("evaluate", "sets", "export", "Often", "--queries", str(queries), "--format", "jsonl")
    assert [json.loads(line)["text"] for line in queries.read_text().splitlines()] == [
        "red shoes",
        "nothing here",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate"], "Give --set, or both"),
        (["evaluate", "--queries", "x"], "Give --set, or both"),
        (["evaluate", "--set", "nowhere"], "There is no query set “nowhere”"),
        (["evaluate", "--set", "x", "--queries", "x"], "either --set or files"),
        (["evaluate", "--save", "--queries", "x", "--qrels", "y"], "--save keeps the run"),
        (["evaluate", "sets", "export", "nowhere", "--queries", "x"], "no query set “nowhere”"),
        (["evaluate", "sets", "collect", "x", "--limit", "0"], "At least one"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: list[str], sentence: str) -> None:
    answer = run(*arguments)
    assert answer.code in (2, 4)
    assert sentence in answer.err
