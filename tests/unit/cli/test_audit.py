"""``audit`` as other programs call it."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from altus4_desktop.cli.frame import main
from tests.answers import Answer, Run

_PASSWORD = "correct horse battery"


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The program on a store with one admin, who is signed in."""
    folder = tmp_path / "data"

    def call(*arguments: str) -> Answer:
        code = main([*arguments, "--data-dir", str(folder)])
        return Answer(code, *capfd.readouterr())

    monkeypatch.setattr("sys.stdin", io.StringIO(_PASSWORD + "\n"))
    made = call("users", "create", "--email", "a@b.org", "--name", "Ann", "--password-stdin")
    assert made.code == 0
    monkeypatch.setenv("ALTUS4_USER", "a@b.org")
    monkeypatch.setenv("ALTUS4_PASSWORD", _PASSWORD)
    return call


def _tamper(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "data" / "metadata.sqlite3")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_what_was_done_is_listed(run: Run, tmp_path: Path) -> None:
    assert run("audit", "export", str(tmp_path / "a.json"), "--quiet").code == 0
    answer = run("audit", "list", "--json", "--action", "audit")
    assert answer.code == 0
    (event,) = answer.document["events"]
    assert event["action"] == "audit.exported"
    assert event["actor_email"] == "a@b.org"
    assert event["details"]["after"]["format"] == "json"
    assert json.loads((tmp_path / "a.json").read_text())["events"] is not None
    told = run("audit", "list", "--user", "A@B", "--action", "audit.exported").out
    assert "audit.exported" in told
    assert "a.json" in told


@pytest.mark.parametrize(
    "filters",
    [
        ("--user", "nobody"),
        ("--action", "moon.landed"),
        ("--query", "moon"),
        ("--to", "2001-01-01"),
        ("--from", "2100-01-01"),
    ],
)
def test_nothing_that_fits_is_an_answer(run: Run, tmp_path: Path, filters: tuple[str, str]) -> None:
    run("audit", "export", str(tmp_path / "a.json"))
    assert run("audit", "list", *filters).code == 1
    assert run("audit", "list").code == 0


@pytest.mark.parametrize(
    "arguments",
    [("list", "--limit", "0"), ("list", "--from", "soon"), ("list", "--outcome", "unknown"), ()],
)
def test_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("audit", *arguments).code == 2


def test_verify_says_yes_or_what_is_wrong(run: Run, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        run("audit", "export", str(tmp_path / name))
    answer = run("audit", "verify", "--json")
    assert answer.code == 0
    assert answer.document["intact"] is True
    assert (answer.document["guarded"], answer.document["guards"]) == (True, "whole")
    assert answer.document["first_time"] is True
    last = answer.document["last"]["sequence"]
    assert run("audit", "verify").out.endswith("The chain is whole.\n")
    _tamper(
        tmp_path,
        "DROP TRIGGER audit_log_no_update",
        "DROP TRIGGER audit_log_no_delete",
        f"UPDATE audit_log SET actor_email = 'eve' WHERE sequence = {last - 2}",
        f"DELETE FROM audit_log WHERE sequence = {last - 1}",
    )
    answer = run("audit", "verify", "--json")
    assert answer.code == 1
    assert answer.document["faults"] == [
        {"kind": "edited", "first": last - 2, "last": last - 2},
        {"kind": "missing", "first": last - 1, "last": last - 1},
    ]
    told = run("audit", "verify", "--accept", "--yes")
    assert told.code == 1
    assert f"Row {last - 2} was changed." in told.out
    assert f"Row {last - 1}: removed." in told.out
    assert "was tampered with" in told.out
    assert "to delete rows are missing." in told.err


def test_a_restored_store_is_accepted_by_hand(run: Run, tmp_path: Path) -> None:
    run("audit", "export", str(tmp_path / "a.csv"))
    assert run("audit", "verify").code == 0
    run("audit", "export", str(tmp_path / "b.csv"))
    assert run("audit", "verify").code == 0
    first = run("audit", "list", "--json").document["events"][-1]
    _tamper(
        tmp_path,
        "DROP TRIGGER audit_log_no_delete",
        "DELETE FROM audit_log WHERE sequence > 1",
        f"UPDATE audit_head SET sequence = 1, row_hash = '{first['row_hash']}'",
    )
    asked = run("audit", "verify", "--accept")
    assert asked.code == 2
    refused = run("audit", "verify", "--json")
    assert (refused.code, refused.document["accepted"]) == (1, False)
    assert "use --accept" in run("audit", "verify").out
    accepted = run("audit", "verify", "--accept", "--yes", "--json")
    assert (accepted.code, accepted.document["accepted"]) == (1, True)
    assert run("audit", "verify").code == 0


def test_an_export_takes_its_format_from_the_name_and_asks_before_it_replaces(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    answer = run("audit", "export", str(path), "--json")
    assert answer.document["format"] == "csv"
    assert path.read_text().startswith("sequence,at,action")
    assert run("audit", "export", str(path)).code == 2
    assert run("audit", "export", str(path), "--yes", "--format", "ndjson").code == 0
    actions = [json.loads(line)["action"] for line in path.read_text().splitlines()]
    assert "audit.exported" in actions


def test_nobody_else_may(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(_PASSWORD + "\n"))
    made = run(
        "users",
        "create",
        "--email",
        "u@b.org",
        "--name",
        "Udo",
        "--role",
        "user",
        "--password-stdin",
    )
    assert made.code == 0
    monkeypatch.setenv("ALTUS4_USER", "u@b.org")
    for command in (("list",), ("verify",), ("export", str(tmp_path / "x.csv"))):
        answer = run("audit", *command)
        assert answer.code == 4
        assert "[access." in answer.err
    assert not (tmp_path / "x.csv").exists()
