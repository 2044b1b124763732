"""The program's way in: who interrupts it is told nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Ctrl-C while a module is imported, or while what a command has opened is closed.
_PROGRAM = """
import signal, sys
import altus4_desktop.__main__ as program

class Interrupted:
    def find_spec(self, name, *_):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupted())
sys.argv = ["altus4-desktop", "--data-dir", {folder!r}, "backup", "list"]
program.main()
"""


@pytest.mark.parametrize(
    "module", ["altus4_desktop.cli.frame", "argparse", "altus4_desktop.cli.context"]
)
def test_an_interrupt_before_the_command_is_quiet(module: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(module=module, folder=str(tmp_path))],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
