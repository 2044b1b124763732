"""``search`` and ``history`` as other programs call them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.cli.frame import main
from tests.search_world import EMAIL, PASSWORD, search_world
from tests.servers import Account, DatabaseServer
from tests.waiting import wait_until

PASSPHRASE = "a passphrase for these tests"
DECIMAL = "12345678901234567890123456789012345.123456789012345678901234567890"
TABLE = (
    "CREATE TABLE articles (id BIGINT PRIMARY KEY, title VARCHAR(99), body LONGTEXT,"
    " price DECIMAL(65,30), raw_bytes VARBINARY(9), day DATETIME, nothing INT, blank VARCHAR(9),"
    " FULLTEXT ft (title, body))"
)
ROWS = (
    "INSERT INTO articles VALUES (9007199254740993, '=SUM(A1) apple', 'an apple <b>pie</b>',"
    f" '{DECIMAL}', x'00ff', '2026-02-28 12:30:00', NULL, ''),"
    " (2, 'second apple', CONCAT('apple ', REPEAT('y', 1100000)), -5, NULL, NULL, 7, 'x'),"
    " (3, 'a pear', '-5', 1, NULL, NULL, 7, ' ')"
)


class Command:
    """Runs the program in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--data-dir", str(self._folder)])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def document(self, *arguments: str) -> tuple[int, Any]:
        code, out, err = self(*arguments)
        assert out, err
        return code, json.loads(out)


@pytest.fixture(scope="module")
def data_dir(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A data folder with a user and the connections “shop” and, refused, “locked”."""
    folder = tmp_path_factory.mktemp("data")
    with search_world(folder, passphrase=PASSPHRASE) as world:
        world.add_database(mariadb_server, "shop", [TABLE, ROWS])
        nobody = Account("nobody", "wrong")
        world.add_connection(mariadb_server.host, mariadb_server.port, "locked", "x", nobody)
        world.close_services()
        yield folder


@pytest.fixture
def command(
    data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    return Command(data_dir, capsys)


def environment() -> dict[str, str]:
    return {
        "ALTUS4_USER": EMAIL,
        "ALTUS4_PASSWORD": PASSWORD,
        "ALTUS4_PASSPHRASE": PASSPHRASE,
    }


def test_the_json_document_is_the_one_other_programs_rely_on(command: Command) -> None:
    code, document = command.document("search", "apple", "-c", "shop", "--json")
    assert code == 0
    assert list(document)[:6] == ["query", "mode", "total_ms", "search_id", "sources", "hits"]
    assert (document["query"], document["mode"]) == ("apple", "natural")
    (source,) = document["sources"]
    assert source == {
        "connection": "shop",
        "table": "articles",
        "index": "ft",
        "state": "ok",
        "hits": 2,
        "elapsed_ms": source["elapsed_ms"],
        "error": None,
    }
    hit = next(hit for hit in document["hits"] if hit["key"]["id"] != 2)
    assert hit["key"] == {"id": 9007199254740993}
    assert hit["columns"] == {
        "id": 9007199254740993,
        "title": "=SUM(A1) apple",
        "body": "an apple <b>pie</b>",
        "price": DECIMAL,
        "raw_bytes": {"base64": "AP8="},
        "day": "2026-02-28 12:30:00",
        "nothing": None,
        "blank": "",
    }
    assert hit["matches"] == [
        {"column": "title", "start": 9, "end": 14},
        {"column": "body", "start": 3, "end": 8},
    ]
    assert "apple" in hit["snippet"]
    assert "truncated" not in hit
    other = next(hit for hit in document["hits"] if hit["key"]["id"] == 2)
    assert other["truncated"] == {"body": 1_100_006}
    assert len(other["columns"]["body"]) == 1024 * 1024
    assert document["categories"] == []
    assert document["warnings"] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["apple", "-c", "shop"], 0),
        (["nothing-like-it", "-c", "shop"], 1),
        (["apple"], 3),
        (["apple", "-c", "locked"], 4),
        (["apple", "-c", "nowhere"], 4),
        (["c++", "--mode", "boolean"], 2),
        (["apple", "--mode", "semantic", "-c", "shop"], 0),
        (["apple", "--mode", "semantic", "--language", "xx"], 2),
        (["apple", "--mode", "fuzzy"], 2),
        (["apple", "--limit", "0"], 2),
        (["apple", "--table", "nowhere", "-c", "shop"], 2),
        ([""], 2),
        ([], 2),
        (["apple", "--batch", "-"], 2),
    ],
)
def test_exit_codes(command: Command, arguments: list[str], code: int) -> None:
    assert command("search", *arguments)[0] == code


def test_semantic_mode_names_the_parts_of_each_score(command: Command) -> None:
    asked = ("search", "apple", "--mode", "semantic", "-c", "shop", "--language", "en", "--explain")
    code, out, _ = command(*asked, "--json")
    assert code == 0
    document = json.loads(out)
    assert document["notes"]
    assert all(note.startswith("Ranked by") for note in document["notes"])
    assert not any(warning.startswith("Ranked by") for warning in document["warnings"])
    for hit in document["hits"]:
        parts = hit["why"]["contributions"]
        assert {"words", "meaning", "feedback"} <= set(parts)
        assert sum(parts.values()) == pytest.approx(hit["score"])
    code, out, _ = command(*asked)
    assert code == 0
    assert all(part in out for part in ("words ", "meaning ", "feedback "))


def test_filters_orders_and_thresholds(command: Command) -> None:
    code, document = command.document(
        "search", "apple", "-c", "shop", "--json", "--filter", "day=2026", "--filter", "id>=3"
    )
    assert code == 0
    assert [hit["key"]["id"] for hit in document["hits"]] == [9007199254740993]
    code, document = command.document(
        "search", "apple", "-c", "shop", "--json", "--sort", "price:desc"
    )
    assert [hit["key"]["id"] for hit in document["hits"]] == [9007199254740993, 2]
    code, document = command.document(
        "search", "apple", "-c", "shop", "--json", "--filter", "nothing=null"
    )
    assert [hit["key"]["id"] for hit in document["hits"]] == [9007199254740993]
    code, document = command.document(
        "search", "apple", "-c", "shop", "--json", "--filter", "price<=-6"
    )
    assert (code, document["hits"]) == (1, [])
    assert any("leave out" in warning for warning in document["warnings"])
    code, _, err = command("search", "apple", "-c", "shop", "--filter", "prise=1")
    assert code == 2
    assert "no column “prise”" in err
    assert "“price”" in err
    assert command("search", "apple", "-c", "shop", "--filter", "price")[0] == 2


def test_facets_are_counted(command: Command) -> None:
    asked = ("search", "apple", "-c", "shop", "--facets")
    code, document = command.document(*asked, "--json")
    assert code == 0
    (facet,) = [facet for facet in document["facets"] if facet["column"] == "day"]
    assert facet["values"] == [
        {"value": "2026-02", "count": 1},
        {"value": None, "count": 1},
    ]
    assert document["facets_about"]["rows"] == 2
    _, out, _ = command(*asked)
    assert "day\n  1  2026-02\n  1  null\n" in out
    assert "Counted 2 rows." in out


def test_a_refused_query_says_where_and_how_to_mend_it(command: Command) -> None:
    code, out, err = command("search", "apple)", "--mode", "boolean")
    assert (code, out) == (2, "")
    assert "There is no “(” for this “)”." in err
    assert "[search.syntax]" in err
    assert "Traceback" not in err


def test_lines_for_people(command: Command) -> None:
    code, out, err = command("search", "apple", "-c", "shop", "--explain")
    assert code == 0
    assert "=SUM(A1) apple" in out
    assert "id=9007199254740993" in out
    assert "\x1b" not in out
    assert "2 hits from 1 source" in err
    assert "MATCH (`title`, `body`) AGAINST ('apple')" in err
    code, out, err = command("search", "the", "-c", "shop")
    assert (code, out) == (1, "")
    assert "stop word" in err


def test_csv_keeps_null_and_empty_apart_and_starts_no_formula(command: Command) -> None:
    code, out, _ = command("search", "apple", "-c", "shop", "--format", "csv")
    assert code == 0
    usual = csv.field_size_limit(2 * 1024 * 1024)
    header, *rows = list(csv.reader(io.StringIO(out)))
    csv.field_size_limit(usual)
    assert header[:4] == ["connection", "table", "score", "id"]
    by_id = {row[3]: dict(zip(header, row, strict=True)) for row in rows}
    first = by_id["9007199254740993"]
    assert first["title"] == "'=SUM(A1) apple"
    assert first["price"] == DECIMAL
    assert first["raw_bytes"] == "base64:AP8="
    assert by_id["2"]["price"].startswith("-5.0")
    line = next(line for line in out.splitlines() if "SUM" in line)
    assert line.endswith(',,""')


def test_ndjson_is_one_hit_a_line(command: Command) -> None:
    _, out, _ = command("search", "apple", "-c", "shop", "--format", "ndjson", "--quiet")
    assert [json.loads(line)["table"] for line in out.splitlines()] == ["articles", "articles"]


def test_a_batch_answers_in_order_and_goes_on_after_a_mistake(
    command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "queries.txt"
    file.write_text("apple\n+)\n\npear\nnothinglikeit\n", encoding="utf-8")
    code, out, _ = command(
        "search", "--batch", str(file), "-c", "shop", "--mode", "boolean", "--limit", "1"
    )
    documents = [json.loads(line) for line in out.splitlines()]
    assert code == 3
    assert [document["query"] for document in documents] == [
        "apple",
        "+)",
        "",
        "pear",
        "nothinglikeit",
    ]
    assert [document.get("error", {}).get("code") for document in documents] == [
        None,
        "search.syntax",
        "input.invalid",
        None,
        None,
    ]
    assert [len(document["hits"]) for document in documents] == [1, 0, 0, 1, 0]
    same = {frozenset(document) - {"error"} for document in documents}
    assert len(same) == 1, "a mistake has the shape of an answer"
    assert documents[0]["has_more"]
    assert command("search", "--batch", str(tmp_path / "absent"))[0] == 2


def test_an_interrupt_stops_the_statement_on_the_server(
    data_dir: Path, mariadb_server: DatabaseServer
) -> None:
    database = _database_of(mariadb_server)
    connection = mariadb_server.admin(database)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("LOCK TABLES articles WRITE")
        program = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "altus4_desktop",
                "search",
                "apple",
                "-c",
                "shop",
                "--data-dir",
                str(data_dir),
            ],
            env={**os.environ, **environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            wait_until(lambda: _tagged(mariadb_server), timeout_s=20, what="the statement")
            asked_at = time.monotonic()
            program.send_signal(signal.SIGINT)
            _, err = program.communicate(timeout=10)
            took_s = time.monotonic() - asked_at
            wait_until(lambda: not _tagged(mariadb_server), timeout_s=1, what="no statement")
        finally:
            program.kill()
            program.wait()
    assert program.returncode == 130, err
    assert "Traceback" not in err
    assert took_s < 3


def _database_of(server: DatabaseServer) -> str:
    rows = server.execute(
        "SELECT TABLE_SCHEMA FROM information_schema.COLUMNS WHERE COLUMN_NAME = 'raw_bytes'"
    )
    return str(rows[0][0])


def _tagged(server: DatabaseServer) -> list[object]:
    rows = server.execute("SHOW FULL PROCESSLIST")
    return [row for row in rows if "altus4:" in str(row[7]) and row[4] == "Query"]


def test_history_lists_and_forgets_own_searches(command: Command) -> None:
    command("search", "grapefruit", "-c", "shop")
    code, document = command.document("history", "list", "--query", "grapefruit", "--json")
    assert code == 0
    (record,) = document["searches"]
    assert (record["query"], record["result_count"]) == ("grapefruit", 0)
    assert record["params"]["connections"] == ["shop"]
    assert command("history", "list", "--query", "grapefruit", "--to", "2020-01-01")[0] == 1
    assert command("history", "list", "--from", "yesterday")[0] == 2
    code, out, _ = command("history", "list", "--limit", "1")
    assert (code, len(out.splitlines())) == (0, 3)
    assert command("history", "delete", "--query", "grapefruit")[0] == 2
    code, document = command.document(
        "history", "delete", "--query", "grapefruit", "--yes", "--json"
    )
    assert (code, document) == (0, {"deleted": 1})
    assert command("history", "list", "--query", "grapefruit")[0] == 1
    assert command("history", "delete", "no-such-id", "--yes")[0] == 1


def test_the_command_line_needs_no_qt(data_dir: Path) -> None:
    script = (
        "import sys; from altus4_desktop.cli.frame import main;"
        f"code = main(['search', 'apple', '--quiet', '-c', 'shop', '--data-dir', '{data_dir}']);"
        "heavy = ('PySide6', 'numpy', 'alembic');"
        "loaded = [name for name in sys.modules if name.startswith(heavy)];"
        "sys.exit(code or len(loaded))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_found_is_exported(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "found.ndjson"
    code, document = command.document(
        "search", "apple", "-c", "shop", "--export", str(path), "--all", "--json"
    )
    assert code == 0
    assert document == {
        "file": str(path),
        "rows": 2,
        "bytes": path.stat().st_size,
        "notices": [],
    }
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {row["columns"]["id"]: row["columns"]["price"] for row in rows} == {
        9007199254740993: DECIMAL,
        2: "-5.000000000000000000000000000000",
    }
    assert max(len(row["columns"]["body"]) for row in rows) == 1_100_006
    code, _, err = command("search", "apple", "-c", "shop", "--export", str(path), "--all")
    assert code == 4, err
    assert "is there already" in err


def test_a_refused_connection_ends_the_export_of_everything(
    command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "found.csv"
    code, _, err = command("search", "apple", "--export", str(path), "--all")
    assert code == 4
    assert "locked" in err or "refused" in err or "nobody" in err
    assert list(tmp_path.iterdir()) == []
