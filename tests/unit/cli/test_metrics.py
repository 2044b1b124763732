"""``analytics metrics`` as other programs call it."""

from __future__ import annotations

import io
import json
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from altus4_desktop.cli.frame import main
from tests.answers import Answer, Run

_PASSWORD = "correct horse battery"


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The program on a store with one admin, who has searched today and the day before."""
    folder = tmp_path / "data"

    def call(*arguments: str) -> Answer:
        code = main([*arguments, "--data-dir", str(folder)])
        return Answer(code, *capfd.readouterr())

    monkeypatch.setattr("sys.stdin", io.StringIO(_PASSWORD + "\n"))
    made = call("users", "create", "--email", "a@b.org", "--name", "Ann", "--password-stdin")
    assert made.code == 0
    monkeypatch.setenv("ALTUS4_USER", "a@b.org")
    monkeypatch.setenv("ALTUS4_PASSWORD", _PASSWORD)
    now = datetime.now(UTC)
    with closing(sqlite3.connect(folder / "metadata.sqlite3")) as connection:
        ((user_id,),) = connection.execute("SELECT id FROM users").fetchall()
        connection.executemany(
            "INSERT INTO searches (id, user_id, query, result_count, created_at)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                (str(uuid.uuid4()), user_id, query, hits, f"{at:%Y-%m-%d %H:%M:%S}")
                for query, hits, at in (
                    ("invoise", 0, now),
                    ("invoise", 0, now - timedelta(days=1)),
                    ("invoice", 3, now),
                )
            ],
        )
        connection.commit()
    return call


def test_metrics_are_created_counted_and_deleted(run: Run) -> None:
    assert run("analytics", "metrics").code == 1
    made = run(
        *("analytics", "metrics", "create", "Größe & <b>"),
        *("--outcome", "none", "--above", "0", "--json"),
    )
    assert made.code == 0
    made_id = json.loads(made.out)["id"]
    listed = json.loads(run("analytics", "metrics", "--json").out)["metrics"]
    [metric] = listed
    assert (metric["id"], metric["name"]) == (made_id, "Größe & <b>")
    assert (metric["source"], metric["zone"]) == ("history", "UTC")
    assert metric["history"]["outcome"] == "none"
    assert metric["threshold"] == {"side": "above", "limit": 0}
    assert [day["count"] for day in metric["days"]][-2:] == [1, 1]
    assert metric["days"][0] | {"day": ""} == {"day": "", "count": None, "no_data": "outside"}
    table = run("analytics", "metrics").out
    assert "Größe & <b>" in table
    assert "above 0" in table
    assert "–" in table
    assert run("analytics", "metrics", "create", "Größe & <b>", "--query", "inv").code == 0
    assert run("analytics", "metrics", "delete", "Größe & <b>", "--yes").code == 2
    assert run("analytics", "metrics", "delete", made_id, "--yes").code == 0
    assert run("analytics", "metrics", "delete", "nothing", "--yes").code != 0
    [left] = json.loads(run("analytics", "metrics", "--json").out)["metrics"]
    assert left["days"][-1]["count"] == 2


def test_what_makes_no_metric_is_refused(run: Run) -> None:
    create = ("analytics", "metrics", "create")
    assert "--saved counts rows" in run(*create, "a", "--saved", "b", "--mode", "boolean").err
    assert "no saved search “b”" in run(*create, "a", "--saved", "b").err
    assert run(*create, "a", "--connection", "nowhere").code != 0
    assert run(*create, "a", "--below", "0").code == 2
    assert run(*create, "a", "--below", "1", "--above", "1").code == 2
    assert run("analytics", "metrics").code == 1
