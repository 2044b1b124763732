"""What a search prints."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from altus4_desktop.cli.search import exit_code
from altus4_desktop.cli.search_output import (
    csv_lines,
    failures,
    hit_document,
    outcome_document,
    readable_lines,
    remarks,
)
from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.explaining import Contribution, Explanation, Part, TermUse
from altus4_desktop.domain.searching import (
    Match,
    Notice,
    SearchHit,
    SearchOutcome,
    SearchRequest,
    SourceRef,
    SourceReport,
    SourceState,
    Value,
)

SOURCE = SourceRef("shop", "articles", "ft", "id-1")


def hit(**columns: Value) -> SearchHit:
    row: dict[str, Value] = {"id": 9007199254740993, "title": "Big apple", **columns}
    return SearchHit(
        source=SOURCE,
        key={"id": 9007199254740993},
        score=1 / 61,
        source_score=2.5,
        source_rank=1,
        columns=row,
        snippet="…an \x1b[31mapple\x07 pie",
        snippet_matches=((9, 14),),
        matches=(Match("title", 4, 9),),
        title_column="title",
    )


def outcome(*hits: SearchHit, state: SourceState = SourceState.OK) -> SearchOutcome:
    error = None
    if state is SourceState.FAILED:
        error = TenantError(
            TenantFailure.HOST, "“{host}” was not found.", hint="Look.", details={"host": "db"}
        )
    return SearchOutcome(
        search_id="s-1",
        request=SearchRequest("apple", limit=5),
        sources=(SourceReport(SOURCE, state, len(hits), 1.5, error),),
        hits=hits,
        notices=(Notice("n", "“the” was ignored.", "Drop it."),),
        total_ms=2.0,
        has_more=bool(hits),
        finished=True,
    )


def test_numbers_and_bytes_survive_json() -> None:
    document = json.loads(json.dumps(hit_document(hit(raw=b"\x00\xff", none=None, empty=""))))
    assert document["key"] == {"id": 9007199254740993}
    assert document["columns"]["raw"] == {"base64": "AP8="}
    assert document["columns"]["none"] is None
    assert document["columns"]["empty"] == ""
    cut = hit_document(replace(hit(), truncated={"body": 5_000_000}))
    assert cut["truncated"] == {"body": 5_000_000}


def test_what_is_as_it_should_be_is_no_warning() -> None:
    notices = (Notice("l", "Words alone rank."), Notice("r", "Ranked here.", warns=False))
    document = outcome_document(replace(outcome(), notices=notices))
    assert document["warnings"] == ["Words alone rank."]
    assert document["notes"] == ["Ranked here."]


def test_errors_and_notices_are_sentences_in_the_document() -> None:
    document = outcome_document(outcome(state=SourceState.FAILED))
    assert document["sources"][0]["error"] == "“db” was not found. Look."
    assert document["warnings"] == ["“the” was ignored. Drop it."]
    assert document["notes"] == []
    assert "statements" not in document
    why = Explanation(
        (TermUse("apple", {"title": 1}, 7, at_least=True), TermUse("the", {}, ignored="stop_word")),
        (Contribution(Part.RANK, 1 / 61),),
        1 / 61,
        1.0,
        5.2,
        1,
        table_rows=90,
    )
    statements = {("shop", "articles", "ft"): "SELECT 1"}
    explained = outcome_document(outcome(hit()), statements, [why])
    assert explained["hits"][0]["why"]["terms"][0] == {
        "term": "apple",
        "columns": {"title": 1},
        "at_least": True,
        "rows": 7,
        "estimated": False,
        "ignored": None,
    }
    lines = list(readable_lines(outcome(hit()), colour=False, explained=[why]))
    assert "      apple: at least 1× in title; in 7 of about 90 rows" in lines
    assert "      the: not in the index (stop word)" in lines
    assert any("worth 1 / (60 + 1) = 0.01639" in line for line in lines)
    assert explained["statements"][0]["sql"] == "SELECT 1"
    assert explained["hits"][0]["why"]["words"] == ["apple"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("", '""'),
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd", "'+cmd"),
        ("-5", "-5"),
        ("-5.50", "-5.50"),
        ("-5;rm", "'-5;rm"),
        ("\t=1", "'\t=1"),
        ("+1e5", "+1e5"),
        ('say "hi", you', '"say ""hi"", you"'),
        ("two\nlines", '"two\nlines"'),
        (" padded", '" padded"'),
        ("NULL", "NULL"),
        (9007199254740993, "9007199254740993"),
        (b"\x00\xff", "base64:AP8="),
    ],
)
def test_csv_cells(value: Value, cell: str) -> None:
    lines = list(csv_lines([hit(cell=value)]))
    head = f"shop,articles,{1 / 61!r},9007199254740993,Big apple,"
    assert lines[0] == "connection,table,score,id,title,cell"
    assert lines[1] == head + cell


def test_nothing_a_terminal_could_obey_is_printed() -> None:
    for colour in (False, True):
        lines = list(readable_lines(outcome(hit(title="a\x1b]0;x\x07b"), hit()), colour=colour))
        text = "\n".join(lines)
        assert "\x07" not in text
        assert "\x1b]" not in text
        assert ("\x1b[1;33mapple\x1b[0m" in text) == colour


def test_remarks_name_what_failed_and_how_to_go_on() -> None:
    failed = outcome(state=SourceState.FAILED)
    assert list(failures(failed)) == [
        ("shop/articles/ft: “db” was not found.", "Look.", "tenant.host")
    ]
    assert list(remarks(failed))[-1] == "0 hits from 1 source, 2 ms"
    assert list(failures(outcome(state=SourceState.CANCELLED))) == []
    assert list(remarks(outcome(hit())))[-1].endswith("; more with --offset 5")


def test_exit_codes_follow_the_states() -> None:
    failed = outcome(state=SourceState.FAILED)
    mixed = replace(failed, sources=(*failed.sources, *outcome(hit()).sources))
    assert exit_code(outcome(hit())) == 0
    assert exit_code(outcome()) == 1
    assert exit_code(mixed) == 3
    assert exit_code(failed) == 4
    assert exit_code(outcome(state=SourceState.TIMED_OUT)) == 4


def test_the_bar_compares_a_hit_with_the_best_of_its_own_source() -> None:
    hits = [
        replace(hit(), source_score=9.0, source_best=9.0),
        replace(hit(), source_score=50.0, source_best=200.0),
        replace(hit(), source_score=0.0, source_best=0.0),
    ]
    lines = readable_lines(outcome(*hits), colour=False)
    assert [line.count("█") for line in lines if "█" in line] == [8, 2, 1]
