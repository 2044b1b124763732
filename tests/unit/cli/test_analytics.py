"""``analytics`` as other programs call it."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import uuid
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.cli.analytics import _than
from altus4_desktop.cli.frame import main
from altus4_desktop.domain.analytics import RollUpReport
from altus4_desktop.domain.figures import Counts
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery, OwnTime
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.services.analytics import AnalyticsService
from altus4_desktop.services.so_far import SoFar
from tests.answers import Answer, Run

_PASSWORD = "correct horse battery"
_PARAMS = '{"outcome": "%s", "offset": 0, "connections": ["Shop"], "sources": []}'


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The program on a store with one admin, who is signed in and has searched in March 2026."""
    folder = tmp_path / "data"

    def call(*arguments: str) -> Answer:
        code = main([*arguments, "--data-dir", str(folder)])
        return Answer(code, *capfd.readouterr())

    monkeypatch.setattr("sys.stdin", io.StringIO(_PASSWORD + "\n"))
    made = call("users", "create", "--email", "a@b.org", "--name", "Ann", "--password-stdin")
    assert made.code == 0
    monkeypatch.setenv("ALTUS4_USER", "a@b.org")
    monkeypatch.setenv("ALTUS4_PASSWORD", _PASSWORD)
    rows = [
        ("invoise", 0, 9, "ok", "2026-03-01 10:00:00"),
        ("Invoice", 3, 20, "ok", "2026-03-01 10:01:00"),
        ("invoice", 3, 200, "ok", "2026-03-02 10:00:00"),
        ("chair", 0, 30_000, "failed", "2026-03-02 11:00:00"),
    ]
    with closing(sqlite3.connect(folder / "metadata.sqlite3")) as connection:
        ((user_id,),) = connection.execute("SELECT id FROM users").fetchall()
        connection.executemany(
            "INSERT INTO searches (id, user_id, query, result_count, execution_time_ms,"
            " search_params, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (str(uuid.uuid4()), user_id, query, hits, ms, _PARAMS % outcome, at)
                for query, hits, ms, outcome, at in rows
            ],
        )
        connection.commit()
    return call


_MARCH = ("--from", "2026-03-01", "--to", "2026-03-03")


def test_what_was_counted_is_shown(run: Run) -> None:
    assert run("analytics", "show", *_MARCH).code == 1
    assert run("analytics", "refresh", "--json").document == {
        "users": 1,
        "days": 2,
        "failed": 0,
    }
    assert run("analytics", "refresh", "--json").document == {
        "users": 1,
        "days": 2,
        "failed": 0,
    }
    shown = run("analytics", "show", "--json", *_MARCH)
    assert shown.code == 0
    document = shown.document
    assert (document["searches"], document["zero"], document["failed"]) == (4, 1, 1)
    assert (document["from"], document["to"], document["time_zone"]) == (*_MARCH[1::2], "UTC")
    assert [day["searches"] for day in document["days"]] == [2, 2, 0]
    assert document["popular_queries"][0]["query"] == "invoice"
    assert document["popular_queries"][0]["searches"] == 2
    assert document["zero_results"][0]["query"] == "invoise"
    assert document["reformulations"] == [
        {"before": "invoise", "after": "invoice", "searches": 1, "mended": 1, "at_least": False}
    ]
    assert document["slowest"][0]["ms"] == document["latency"]["max_ms"] == 30_000
    # Nothing is known of the days before, and of the other days of the week.
    assert document["before"] is None
    assert [row[0] for row in document["heat"]] == [0, 0, None, None, None, None, 0]
    assert document["connections"][0]["connection"] == "Shop"
    assert sum(count or 0 for row in document["heat"] for count in row) == 4
    (ann,) = document["people"]
    assert (ann["name"], ann["email"], ann["searches"], ann["failed"]) == ("Ann", "a@b.org", 4, 1)
    hours = {hour["begins_at"]: hour["searches"] for hour in document["hours"]}
    assert len(hours) == 72
    assert {at: count for at, count in hours.items() if count} == {
        "2026-03-01T10:00:00Z": 2,
        "2026-03-02T10:00:00Z": 1,
        "2026-03-02T11:00:00Z": 1,
    }


def test_damaged_figures_are_counted_anew(run: Run, tmp_path: Path) -> None:
    run("analytics", "refresh")
    expected = run("analytics", "show", *_MARCH).out
    with closing(sqlite3.connect(tmp_path / "data" / "metadata.sqlite3")) as connection:
        for table in ("analytics", "analytics_totals"):
            connection.execute(f"UPDATE {table} SET metric_data = '{{broken'")
        connection.commit()
    assert run("analytics", "show", *_MARCH).code == 1
    assert run("analytics", "refresh").code == 0
    assert run("analytics", "show", *_MARCH).out == expected


@pytest.mark.parametrize(
    ("users", "failed", "code", "told"), [(1, 1, 4, "1 person"), (3, 2, 3, "2 people")]
)
def test_whose_searches_cannot_be_counted_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, users: int, failed: int, code: int, told: str
) -> None:
    report = RollUpReport(users, days=2, failed=failed)
    monkeypatch.setattr(AnalyticsService, "refresh_", lambda *_, **__: report)
    answer = run("analytics", "refresh", "--json")
    assert answer.code == code
    assert answer.document["failed"] == failed
    assert f"The searches of {told} could not be counted: the log says why." in answer.err


def test_it_is_shown_to_people(run: Run) -> None:
    assert "2 days counted" in run("analytics", "refresh").err
    told = run("analytics", "show", *_MARCH).out
    assert "4 searches, 1 without result, 1 failed at least in part" in told
    assert "2026-03-02  2" in told
    assert "invoise" in told
    assert "chair" in told
    later = run("analytics", "show", "--from", "2026-03-02", "--to", "2026-03-02").out
    assert "2 searches (as many as in the period before)" in later
    assert run("analytics", "show").code == 1


def _tables(told: str) -> dict[str, list[list[str]]]:
    """By its title the cells of each table, that of the names first."""
    parts = [part.splitlines() for part in told.split("\n\n")[1:]]
    return {
        title: [re.split("  +", line) for line in (names, *rows)]
        for title, names, _, *rows in parts
    }


def test_today_is_compared_with_as_much_of_the_days_before() -> None:
    before = Counts(240)
    assert _than(40, before, None) == " (83% fewer than in the period before)"
    so_far = SoFar(38, 19, 19)
    assert _than(40, before, so_far) == " (100% more than in the same hours of the period before)"
    without = SoFar(30, 60)
    assert _than(40, before, without) == " (50% fewer than in the period before, without today)"
    assert _than(40, None, so_far) == ""


def test_every_chart_is_a_table(run: Run) -> None:
    run("analytics", "refresh")
    found = _tables(run("analytics", "show", *_MARCH).out)
    assert list(found) == [
        "Searches",
        "How long searches take",
        "Searches by duration",
        "Weekday and hour",
        "Modes",
        "Connections",
        "Popular queries",
        "Queries without result",
        "Slowest searches",
        "People",
        "API keys",
    ]
    assert found["Searches"] == [
        ["DAY", "SEARCHES", "NO RESULT", "FAILED", "BEFORE"],
        ["2026-03-01", "2", "1", "0"],
        ["2026-03-02", "2", "0", "1"],
        ["2026-03-03", "0", "0", "0"],
    ]
    # Nothing took any time on the third, and nothing is known of the days before.
    assert [row[0] for row in found["How long searches take"][1:]] == ["2026-03-01", "2026-03-02"]
    assert found["Weekday and hour"][0] == ["WEEKDAY", *(f"{hour:02}" for hour in range(24))]
    assert found["Weekday and hour"][1][:2] == ["Mon", "0"]
    assert found["Modes"][1] == ["natural", "4", "100.0", "1", "1"]
    assert found["Queries without result"][1:] == [
        ["invoise", "1", "Found as “invoice”", "natural", "Shop"]
    ]
    assert found["Slowest searches"][1] == [
        "chair",
        "30000",
        "failed",
        "2026-03-02 11:00:00+00:00",
        "natural",
        "Shop",
    ]
    assert found["People"][1] == ["Ann", "a@b.org", "4", "1", "1"]
    assert found["API keys"][1] == ["people, without a key", "4", "1"]


def test_of_a_long_list_the_rest_is_a_number(run: Run, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "data" / "metadata.sqlite3")) as connection:
        ((user_id,),) = connection.execute("SELECT id FROM users").fetchall()
        connection.executemany(
            "INSERT INTO searches (id, user_id, query, result_count, execution_time_ms,"
            " search_params, created_at) VALUES (?, ?, ?, 1, 9, ?, '2026-03-03 10:00:00')",
            [(str(uuid.uuid4()), user_id, f"text {n}", _PARAMS % "ok") for n in range(70)],
        )
        connection.commit()
    run("analytics", "refresh")
    told = run("analytics", "show", *_MARCH).out
    (popular,) = (part for part in told.split("\n\n") if part.startswith("Popular queries"))
    # A title, the names, a rule, ten rows; there are 74 searches, two of them for the first text.
    assert len(popular.splitlines()) == 14
    assert popular.splitlines()[-1] == "Searches with other texts: 63"


def test_it_is_written_to_files(run: Run, tmp_path: Path) -> None:
    run("analytics", "refresh")
    table, document = tmp_path / "days.csv", tmp_path / "all.json"
    assert run("analytics", "export", str(table), "--json", *_MARCH).document["days"] == 3
    lines = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert [line["searches"] for line in lines] == ["2", "2", "0"]
    assert (lines[0]["day"], lines[0]["time_zone"]) == ("2026-03-01", "UTC")
    assert (lines[2]["p95_ms"], lines[2]["max_ms"]) == ("", "")
    assert run("analytics", "export", str(document), *_MARCH).code == 0
    shown = run("analytics", "show", "--json", *_MARCH).document
    assert json.loads(document.read_text("utf-8")) == shown
    assert run("analytics", "export", str(document)).code == 2
    assert run("analytics", "export", str(document), "--yes").code == 0
    told = run("audit", "list", "--json", "--action", "analytics").document["events"]
    assert [event["action"] for event in told] == ["analytics.exported"] * 3


def test_what_is_unusual_is_told(run: Run, tmp_path: Path) -> None:
    run("analytics", "refresh")
    nothing = run("analytics", "insights", *_MARCH)
    assert (nothing.code, nothing.out) == (1, "")
    assert "Nothing is unusual" in nothing.err
    params = '{"outcome": "ok", "cause": "stop_words", "connections": ["Shop"]}'
    with closing(sqlite3.connect(tmp_path / "data" / "metadata.sqlite3")) as connection:
        ((user_id,),) = connection.execute("SELECT id FROM users").fetchall()
        connection.executemany(
            "INSERT INTO searches (id, user_id, query, result_count, execution_time_ms,"
            " search_params, created_at) VALUES (?, ?, 'the of', 0, 9, ?, ?)",
            [
                (str(uuid.uuid4()), user_id, params, f"2026-03-03 10:0{minute}:00")
                for minute in range(6)
            ],
        )
        connection.commit()
    run("analytics", "refresh")
    told = run("analytics", "insights", *_MARCH)
    sentence = "6 searches for “the of” found nothing: it has only stop words, which are not in the"
    assert (told.code, told.out) == (0, f"{sentence} index.\n")
    lines = run("analytics", "show", *_MARCH).out.splitlines()
    (listed,) = (line for line in lines if "stop words" in line)
    why = "Only stop words, which are not in the index"
    assert re.split("  +", listed) == ["the of", "6", why, "natural", "Shop"]
    document = run("analytics", "insights", "--json", *_MARCH).document
    (insight,) = document["insights"]
    assert (insight["kind"], insight["searches"], insight["meant"]) == ("nothing", 6, None)
    assert insight["text"] == told.out.strip()
    assert insight["history"]["query"] == "the of"
    # Everybody's: on the clock of whoever searched.
    assert insight["history"]["from"] == "2026-03-01T00:00:00"
    assert (document["from"], document["to"]) == _MARCH[1::2]


def test_the_history_is_asked_again_by_what_is_told(run: Run, tmp_path: Path) -> None:
    """Searches that were stopped took as long, and are none of those that an insight counts."""
    ok, stopped = _PARAMS % "ok", _PARAMS % "cancelled"
    rows = [(80, ok, f"2026-03-{day:02} 09:{n:02}:00") for day in range(4, 30) for n in range(30)]
    rows += [(900, ok, f"2026-03-30 09:{minute:02}:00") for minute in range(40)]
    rows += [(900, stopped, f"2026-03-30 10:{minute:02}:00") for minute in range(5)]
    with closing(sqlite3.connect(tmp_path / "data" / "metadata.sqlite3")) as connection:
        ((user_id,),) = connection.execute("SELECT id FROM users").fetchall()
        connection.executemany(
            "INSERT INTO searches (id, user_id, query, result_count, execution_time_ms,"
            " search_params, created_at) VALUES (?, ?, 'usual', 3, ?, ?, ?)",
            [(str(uuid.uuid4()), user_id, *row) for row in rows],
        )
        connection.commit()
    run("analytics", "refresh")
    days = ("--from", "2026-03-24", "--to", "2026-03-30")
    (insight,) = run("analytics", "insights", "--json", *days).document["insights"]
    told = insight["history"]
    assert (insight["kind"], insight["searches"]) == ("slower", 40)
    query = HistoryQuery(
        text=told["query"],
        connection_id=told["connection_id"] or "",
        mode=told["mode"] and SearchMode(told["mode"]),
        outcome=told["outcome"] and HistoryOutcome(told["outcome"]),
        user_id=told["user_id"] or "",
        whole=told["whole"],
        least_ms=told["least_ms"],
        most_ms=told["most_ms"],
        is_finished=told["is_finished"],
        connection_name=told["connection_name"] or "",
        key_id=told["key_id"],
        own_time=OwnTime(*(datetime.fromisoformat(told[name]) for name in ("from", "to"))),
    )
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        assert services.metadata.store.searches.count_(query, 9999) == 40


@pytest.mark.parametrize(
    "arguments",
    [
        ("insights", "--to", "soon"),
        ("show", "--from", "soon"),
        ("show", "--from", "2026-03-02", "--to", "2026-03-01"),
        (),
    ],
)
def test_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("analytics", *arguments).code == 2


@pytest.mark.parametrize(
    "days",
    [
        ("--from", "0001-01-01", "--to", "0001-01-02"),
        ("--from", "1000-01-01"),
        ("--to", "0001-01-20"),
        ("--from", "1969-12-31"),
        ("--to", "2100-01-01"),
        ("--from", "9999-12-31", "--to", "9999-12-31"),
    ],
)
def test_days_of_years_that_are_not_counted_are_refused(
    run: Run, tmp_path: Path, days: tuple[str, ...]
) -> None:
    for arguments in (("show",), ("insights",), ("export", str(tmp_path / "days.csv"))):
        answer = run("analytics", *arguments, *days)
        assert answer.code == 2
        assert "is not of the years whose searches are counted" in answer.err
        assert "Give a day from 1970 to 2099." in answer.err


@pytest.mark.parametrize(
    "days",
    [
        ("--from", "1970-01-01", "--to", "1970-01-02"),
        ("--from", "2099-12-31", "--to", "2099-12-31"),
    ],
)
def test_the_first_and_the_last_day_are_told(
    run: Run, tmp_path: Path, days: tuple[str, ...]
) -> None:
    assert run("analytics", "show", *days).code == 1
    assert run("analytics", "insights", *days).code == 1
    assert run("analytics", "export", str(tmp_path / "days.csv"), *days).code == 0
    # Thirty days in all would begin in 1969.
    assert run("analytics", "show", "--json", *days[2:]).document["to"] == days[3]


def test_days_without_searches_are_those_of_ones_own_clock(run: Run) -> None:
    run("analytics", "refresh")
    days = ("--from", "2026-02-01", "--to", "2026-02-03")
    assert "2026-02-01 to 2026-02-03 (UTC)" in run("analytics", "show", *days).out
    assert run("analytics", "show", "--json", *days).document["time_zone"] == "UTC"
