"""What was typed into the search pane outlives the program, however it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.stage import choose_screen
from tests.servers import PROJECT
from tests.waiting import wait_until

_TIMEOUT_S = 60
_KEPT_WITHIN_S = 2.0
QUERIES = ["half a thought", '+lighthouse -"dusk"']


@contextmanager
def program(folder: Path, part: str) -> Iterator[subprocess.Popen[str]]:
    plan = folder / f"{part}.json"
    plan.write_text(json.dumps({"part": part, "queries": QUERIES, "output": str(folder)}))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.half_a_thought", str(plan)],
        cwd=PROJECT,
        env={
            **os.environ,
            **choose_screen(folder, 1440, 900),
            "ALTUS4_DATA_DIR": str(folder / "data"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def kept_queries(folder: Path) -> list[str]:
    return [
        draft["query"]
        for file in (folder / "data" / "search-drafts").glob("*.json")
        for draft in json.loads(file.read_text())["drafts"]
    ]


@pytest.mark.timeout(2 * _TIMEOUT_S)
@pytest.mark.skipif(os.name != "posix", reason="a kill that nothing can catch")
def test_drafts_survive_a_kill(tmp_path: Path) -> None:
    with program(tmp_path, "typing") as typing:
        assert typing.stdout is not None
        assert typing.stderr is not None
        line = typing.stdout.readline()
        assert "typed" in line, typing.stderr.read()
        wait_until(
            lambda: kept_queries(tmp_path) == QUERIES,
            timeout_s=_KEPT_WITHIN_S,
            what="what was typed, in the file",
        )
        typing.kill()
        typing.wait()
    with program(tmp_path, "again") as again:
        output, errors = again.communicate(timeout=_TIMEOUT_S)
    assert again.returncode == 0, f"{output}\n{errors}"
    seen = json.loads(output.splitlines()[-1])
    assert seen["titles"] == QUERIES
    assert (seen["query"], seen["boolean"]) == (QUERIES[1], True)
    assert seen["hits"] == 0, "nothing is run"
