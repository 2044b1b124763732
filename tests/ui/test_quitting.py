"""The process ends in time and in order, whatever still runs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

PROGRAM = """
import sys, threading
from pathlib import Path
from types import SimpleNamespace
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from altus4_desktop.domain.progress import Progress
from altus4_desktop.tasks.runner import Lane, TaskRunner
from altus4_desktop.ui.theme import Theme
from altus4_desktop.ui.window import MainWindow

application = QApplication([])
theme = Theme()
theme.install(application)
runner = TaskRunner()
metadata = SimpleNamespace(is_configured=lambda: False)
services = SimpleNamespace(metadata=metadata, accounts=None, vault=None)
window = MainWindow(lambda: services, runner, theme, Path(sys.argv[1]), report_crash=print)
busy = threading.Barrier(5)

def chatty(context):
    busy.wait()
    number = 0
    while True:  # never looks at its token and never stops talking
        number += 1
        context.progress(Progress(str(number)))
        context.update(number)

def heeds(context):
    busy.wait()
    context.token.wait(60)
    context.token.raise_if_cancelled()

def begin():
    for work in (WORK, WORK, heeds, heeds):
        runner.submit(Lane.TENANTS, work, title="busy")
    busy.wait()
    print("closing", flush=True)
    QTimer.singleShot(0, window.close)

window.interactive.connect(begin)
window.open_()
code = application.exec()
print("left", flush=True)
sys.exit(code)
"""


@pytest.mark.parametrize("work", ["chatty", "heeds"])
def test_quitting_while_work_runs(tmp_path: Path, work: str) -> None:
    program = textwrap.dedent(PROGRAM).replace("WORK", work)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        try:
            assert process.stdout.readline() == "closing\n"
            begun = time.monotonic()
            output, errors = process.communicate(timeout=15)
        except BaseException:
            process.kill()
            raise
    # Three seconds are for the work; the rest is a slow machine's interpreter.
    assert time.monotonic() - begun < (6.0 if work == "chatty" else 3.0)
    assert process.returncode == 0, errors
    assert output == "left\n"
    for word in ("QThread", "Traceback", "abort", "terminate", "FATAL"):
        assert word not in errors, errors
