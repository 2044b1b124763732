"""``demo`` and ``server`` as another program or a person at a terminal meets them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from altus4_desktop.cli.frame import main
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.services.sample_python import python_sources
from tests.servers import PROJECT, find_programs


class CommandLine:
    """Runs commands on one data folder; ``out`` and ``err`` are what the last one printed."""

    def __init__(self, data_dir: Path, captured: pytest.CaptureFixture[str]) -> None:
        self.data_dir = data_dir
        self.out = self.err = ""
        self._captured = captured

    def run(self, *arguments: str) -> int:
        code = main([*arguments, "--data-dir", str(self.data_dir)])
        self.out, self.err = self._captured.readouterr()
        return code

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    def choose(self, flavour: Flavour) -> None:
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        settings = {"server_program": str(find_programs(flavour).server)}
        (self.data_dir / "settings.json").write_text(json.dumps(settings))


@pytest.fixture
def line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[CommandLine]:
    paths = python_sources()
    short = [path for path in paths if path.parent == paths[0].parent][:30]
    monkeypatch.setattr("altus4_desktop.services.sample_python.python_sources", lambda: short)
    monkeypatch.setenv("ALTUS4_PASSPHRASE", "a passphrase of the tests")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    line = CommandLine(tmp_path / "home", capsys)
    yield line
    line.run("server", "stop", "--quiet")


def _runs(pid: int) -> bool:
    # These commands share one process, which leaves the server it has disowned unreaped.
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_the_demo_in_a_terminal_and_a_search_after_it(line: CommandLine) -> None:
    line.choose(Flavour.MARIADB)
    assert line.run("demo", "--no-window") == 0
    assert "python_library" in line.out
    assert "Search “lighthouse keeper”" in line.out
    assert "Trap: everywhere" in line.out
    assert "xvfb-run" in line.out
    assert "altus4-desktop search" in line.out
    assert "Loading python_library" in line.err
    assert line.run("demo", "--no-window", "--json", "--quiet") == 0
    assert line.err == ""
    assert line.document["server"]["flavour"] == Flavour.MARIADB
    assert line.document["rows"] == sum(table["rows"] for table in line.document["tables"])
    assert line.document["searches"][2]["hits"]
    assert line.run("search", "lighthouse keeper", "--json") == 0
    assert {hit["connection"] for hit in line.document["hits"]} == {"Planted traps"}
    assert line.run("search", "zzzunknown") == 1
    assert line.run("server", "status", "--json") == 1
    assert line.document["running"] is False


def test_without_a_keyring_the_demo_says_that_it_forgets(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALTUS4_PASSPHRASE")
    line.choose(Flavour.MARIADB)
    assert line.run("demo", "--no-window") == 0
    assert "No keyring works here" in line.err
    assert "forgotten now" in line.out
    assert line.run("demo", "--no-window", "--json") == 0
    assert line.run("search", "lighthouse") == 4


def test_the_server_s_life(line: CommandLine) -> None:
    line.choose(Flavour.MARIADB)
    assert line.run("server", "status") == 1
    assert line.out == "The local server is not running.\n"
    assert line.run("server", "start", "--json") == 0
    started = line.document
    assert started["running"]
    assert started["kept"]
    assert _runs(started["pid"])
    assert line.run("server", "status", "--json") == 0
    assert line.document["pid"] == started["pid"]
    assert line.run("server", "start") == 0
    assert f"process {started['pid']}" in line.out
    assert "until “server stop”" in line.out
    assert line.run("server", "stop") == 0
    assert not _runs(started["pid"])
    assert line.run("server", "stop", "--json") == 0
    assert line.document["stopped"] is False


def test_a_reset_asks_first(line: CommandLine) -> None:
    line.choose(Flavour.MARIADB)
    assert line.run("server", "start") == 0
    for command in (("server", "reset"), ("demo", "--reset", "--no-window")):
        assert line.run(*command) == 2
        assert "--yes" in line.err
    assert line.run("server", "status") == 0
    assert line.run("server", "reset", "--yes") == 0
    assert line.run("server", "status") == 1
    assert not (line.data_dir / "server" / "data").exists()


def test_without_a_server_program_the_way_out_is_told(line: CommandLine) -> None:
    line.data_dir.mkdir()
    (line.data_dir / "settings.json").write_text('{"server_program": "/absent/mysqld"}')
    assert line.run("server", "start") == 4
    assert "/absent/mysqld" in line.err
    assert "[local_server.program]" in line.err


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    program = (
        "import sys\n"
        "import altus4_desktop.services.local_server, altus4_desktop.services.demo\n"
        "import altus4_desktop.cli.demo, altus4_desktop.cli.server\n"
        "print([name for name in ('subprocess', 'pymysql', 'sqlalchemy', 'cryptography',"
        " 'altus4_desktop.mysql.local_server', 'PySide6') if name in sys.modules])\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    assert answer.stdout.strip() == "[]", answer.stdout
