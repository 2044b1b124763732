"""``search --export`` as other programs call it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from altus4_desktop.cli.frame import main
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

_PASSWORD = "correct horse battery"


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str) -> Answer:
        code = main([*arguments, "--data-dir", str(tmp_path / "data")])
        return Answer(code, *capfd.readouterr())

    monkeypatch.setenv("ALTUS4_PASSPHRASE", "a long enough passphrase")
    monkeypatch.setenv("ALTUS4_USER", "a@b.org")
    monkeypatch.setenv("ALTUS4_PASSWORD", _PASSWORD)
    monkeypatch.setattr("sys.stdin", io.StringIO(_PASSWORD + "\n"))
    made = call("users", "create", "--email", "a@b.org", "--name", "Ann", "--password-stdin")
    assert made.code == 0
    return call


def answer_with(monkeypatch: pytest.MonkeyPatch, *hits: SearchHit) -> None:
    def search(self: object, actor: object, request: SearchRequest, *_: object) -> SearchOutcome:
        report = SourceReport(SourceRef("Books", "books", "ft"), SourceState.OK, len(hits))
        return SearchOutcome("s-1", request, (report,), hits, finished=True)

    monkeypatch.setattr(SearchService, "run", search)


def test_without_hits_there_is_no_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch)
    answer = run("search", "emma", "--export", str(tmp_path / "x.csv"), "--json")
    assert answer.code == 1
    assert json.loads(answer.out) == {"file": None, "rows": 0, "bytes": 0, "notices": []}
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("emma", "--export", "x.docx"),
        ("emma", "--export", "x.csv", "--format", "table"),
        ("emma", "--export", "x.csv", "--explain"),
        ("emma", "--no-formula-guard"),
    ],
)
def test_what_does_not_fit_is_refused_before_searching(
    run: Run, arguments: tuple[str, ...]
) -> None:
    assert run("search", *arguments).code == 2
