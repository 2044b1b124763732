"""The window is never out of sight."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QRect

from altus4_desktop.ui.geometry import DEFAULT_SIZE, WindowMemory, fit_on_screens

ONE = [QRect(0, 0, 1920, 1040)]
TWO = [*ONE, QRect(1920, 0, 1280, 1000)]


@pytest.mark.parametrize(
    ("wanted", "screens", "found"),
    [
        (QRect(100, 100, 1200, 800), ONE, QRect(100, 100, 1200, 800)),
        (QRect(2000, 50, 1000, 700), TWO, QRect(2000, 50, 1000, 700)),
        (QRect(2000, 50, 1000, 700), ONE, QRect(920, 50, 1000, 700)),
        (QRect(-5000, -5000, 900, 700), ONE, QRect(0, 0, 900, 700)),
        (QRect(0, 0, 4000, 3000), ONE, QRect(0, 0, 1920, 1040)),
        (QRect(500, 1039, 900, 700), ONE, QRect(500, 340, 900, 700)),
        (QRect(-850, 20, 900, 700), ONE, QRect(0, 20, 900, 700)),
        (QRect(-300, 20, 900, 700), ONE, QRect(-300, 20, 900, 700)),
        (QRect(10, 10, 900, 700), [], QRect(10, 10, 900, 700)),
    ],
)
def test_a_window_is_brought_back_onto_a_screen(
    wanted: QRect, screens: list[QRect], found: QRect
) -> None:
    assert fit_on_screens(wanted, screens) == found


@pytest.mark.usefixtures("qapp")
def test_geometry_and_pane_are_remembered(tmp_path: Path) -> None:
    assert WindowMemory(tmp_path).geometry.size().width() <= DEFAULT_SIZE.width()
    kept = QRect(3, 4, 790, 560)
    WindowMemory(tmp_path).keep(kept, maximized=False, pane="history")
    again = WindowMemory(tmp_path)
    assert again.geometry == kept
    assert again.pane == "history"
    assert not again.is_maximized


@pytest.mark.usefixtures("qapp")
def test_a_spoilt_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "window.ini").write_bytes(b"\x00\xff[window]\ngeometry=@Rect(-1 nonsense)\n")
    assert WindowMemory(tmp_path).geometry.width() > 300
    assert WindowMemory(tmp_path).pane == ""


@pytest.mark.usefixtures("qapp")
def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "absent"
    WindowMemory(folder).keep(QRect(0, 0, 800, 600), maximized=True, pane="")
    assert not folder.exists()
