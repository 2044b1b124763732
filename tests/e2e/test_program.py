"""The real program, from its first start to its end, as a person uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.stage import choose_screen
from tests.servers import PROJECT, DatabaseServer

STORY_TIMEOUT_S = 240
QUIT_WITHIN_S = 3.0
# Time for the interpreter and the demo's server to end after the window has closed.
END_WITHIN_S = 8.0


@pytest.fixture
def notes(mariadb_server: DatabaseServer, tmp_path: Path) -> dict[str, Any]:
    """A database of somebody's own, and the plan of the story."""
    database = mariadb_server.create_database("notes")
    mariadb_server.execute(
        "CREATE TABLE notes (id INT PRIMARY KEY, title VARCHAR(100), body TEXT, "
        "FULLTEXT KEY ft_title_body (title, body))",
        "INSERT INTO notes VALUES (1, 'Lighthouse keeping', 'The lamp is lit at dusk.'), "
        "(2, 'Harbour dues', 'Paid at noon.')",
        database=database,
    )
    account = mariadb_server.create_search_account(database)
    output = tmp_path / "pictures"
    output.mkdir()
    return {
        "output": str(output),
        "host": mariadb_server.host,
        "port": mariadb_server.port,
        "database": database,
        "username": account.username,
        "password": account.password,
        "root_password": mariadb_server.root_password,
    }


@pytest.mark.timeout(STORY_TIMEOUT_S + 30)
def test_the_first_day(
    notes: dict[str, Any], mariadb_server: DatabaseServer, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(notes), encoding="utf-8")
    data_dir = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.first_day", str(plan)],
        cwd=PROJECT,
        env={
            **os.environ,
            **choose_screen(tmp_path, 1440, 900),
            "ALTUS4_DATA_DIR": str(data_dir),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            output, errors = program.communicate(timeout=STORY_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _end_with_children(program.pid)
            output, errors = program.communicate()
    ended_at = time.monotonic()
    assert program.returncode == 0, f"{output}\n{errors}"
    chapters = {line["chapter"]: line for line in map(json.loads, output.splitlines())}

    assert any("DEMO" in text.upper() for text in chapters["demo is open"]["badge"])
    assert chapters["hits"]["rows"] >= 10
    assert any("sort" in title.lower() for title in chapters["hits"]["titles"])
    assert chapters["connection added"]["rows"] == 5
    assert chapters["stopped"]["within_ms"] <= 1000
    assert chapters["stopped"]["connections"] >= 1
    assert "Lighthouse keeping" in chapters["searched again"]["titles"]

    assert "Traceback" not in errors
    assert "QThread" not in errors
    # Linux and macOS have one monotonic clock for all processes.
    assert ended_at - chapters["quitting"]["clock"] <= QUIT_WITHIN_S + END_WITHIN_S
    orphans = mariadb_server.execute(
        "SELECT id FROM information_schema.processlist "
        f"WHERE user = '{notes['username']}' AND command <> 'Sleep'"
    )
    assert orphans == []
    assert _servers_on(data_dir) == []


def _servers_on(folder: Path) -> list[int]:
    """Database servers that still run on a data folder under ``folder``."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in argument for argument in process.info["cmdline"] or ())
    ]


def _end_with_children(pid: int) -> None:
    process = psutil.Process(pid)
    for child in [*process.children(recursive=True), process]:
        child.kill()
