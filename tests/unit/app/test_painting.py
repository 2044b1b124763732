"""Areas are filled on the thread that paints."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_SCRIPT = """
import os, sys
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QGuiApplication, QImage, QLinearGradient, QPainter
from altus4_desktop.app.window import paint_without_threads

application = QGuiApplication(sys.argv[:1])
if sys.argv[1] == "ours":
    paint_without_threads()
before = len(os.listdir("/proc/self/task"))
picture = QImage(800, 2000, QImage.Format.Format_ARGB32_Premultiplied)
painter = QPainter(picture)
gradient = QLinearGradient(QPointF(0, 0), QPointF(800, 2000))
gradient.setColorAt(1, QColor("red"))
painter.fillRect(picture.rect(), gradient)
painter.end()
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted as Linux tells them")
@pytest.mark.skipif(os.cpu_count() == 1, reason="Qt has no threads for one processor")
@pytest.mark.parametrize("whose", ["ours", "Qt's"])
def test_painting_starts_no_threads(whose: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "QT_NO_GUI_THREADPOOL"}
    found = subprocess.run(
        [sys.executable, "-c", _SCRIPT, whose],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert (int(found.stdout) == 0) == (whose == "ours")
