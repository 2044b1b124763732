"""The program's commands, run one after the other in one data folder."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from altus4_desktop.cli.frame import EXIT_DONE, main
from tests.answers import Answer, Run

ADMIN_PASSWORD = "canary-admin-password"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("connections", "list", stdin=...)`` as the first admin, each time a new program."""
    monkeypatch.setenv("ALTUS4_PASSPHRASE", "a passphrase of the tests")

    def call(*words: str, stdin: str = "") -> Answer:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main([*words, "--data-dir", str(tmp_path)])
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    made = call(
        *("users", "create", "--email", "ada@example.org", "--name", "Ada", "--password-stdin"),
        stdin=ADMIN_PASSWORD + "\n",
    )
    assert made.code == EXIT_DONE, made.err
    monkeypatch.setenv("ALTUS4_USER", "ada@example.org")
    monkeypatch.setenv("ALTUS4_PASSWORD", ADMIN_PASSWORD)
    return call
