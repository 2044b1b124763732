"""Fixtures of the window's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from weakref import WeakSet

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from altus4_desktop.ui.theme import _Worn
from tests.ui.house import House

# The offscreen platform says this whenever a window's least size changes; others do not.
_OFFSCREEN = "This plugin does not support propagateSizeHints"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hear no warning that only the offscreen platform gives."""
    for item in items:
        if "tests/ui/" in item.path.as_posix():
            item.add_marker(pytest.mark.qt_log_ignore(_OFFSCREEN, extend=True))


@pytest.fixture
def house(qtbot: QtBot, tmp_path: Path) -> Iterator[House]:
    """A program of fakes; nobody has set it up."""
    made = House(qtbot, tmp_path)
    yield made
    made.close()


@pytest.fixture
def dressed(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[QApplication]:
    """The application, which gets its own looks back afterwards."""
    before = qapp.palette(), qapp.style().objectName(), qapp.font()
    monkeypatch.setattr(_Worn, "style_sheet", "")
    monkeypatch.setattr(_Worn, "parts", WeakSet())
    yield qapp
    qapp.setPalette(before[0])
    qapp.setStyle(before[1])
    qapp.setFont(before[2])
