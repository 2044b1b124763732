"""What the tests of the pane of API keys see and press."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.keys import (
    KeyDraft,
    MadeKey,
)
from altus4_desktop.services import Services
from altus4_desktop.ui.panes.keys.dialogs import KeyDialog
from altus4_desktop.ui.panes.keys.made import MadeKeyDialog
from altus4_desktop.ui.panes.keys.pane import KeysPane

DAY = timedelta(days=1)
W = TypeVar("W", bound=QWidget)
Change = Callable[[str], None]
Open = Callable[[Actor], KeysPane]


def raise_(error: BaseException) -> None:
    raise error


def settle(qtbot: QtBot, pane: KeysPane) -> None:
    qtbot.waitUntil(lambda: not pane.filters._typing.isActive() and not pane.runner.running)


def find(root: QWidget, kind: type[W], name: str) -> W:
    found = root.findChild(kind, name)
    assert found is not None, name
    return found


def click(qtbot: QtBot, root: QWidget, name: str) -> None:
    qtbot.mouseClick(find(root, QPushButton, name), Qt.MouseButton.LeftButton)


def names(pane: KeysPane) -> list[str]:
    return [key.name for key in pane.model.records]


def cell(pane: KeysPane, row: int, column: int, role: int = Qt.ItemDataRole.DisplayRole) -> str:
    return str(pane.model.index(row, column).data(role))


def label(root: QWidget, name: str) -> str:
    return find(root, QLabel, name).text()


def from_now(span: timedelta) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + span


def make(services: Services, actor: Actor, name: str, **choices: object) -> MadeKey:
    return services.keys.create_(actor, replace(KeyDraft(name), **choices))  # type: ignore[arg-type]  # as the test says


def form_of(pane: KeysPane) -> KeyDialog:
    assert isinstance(pane.errands.dialog, KeyDialog)
    return pane.errands.dialog


def made_of(qtbot: QtBot, pane: KeysPane) -> MadeKeyDialog:
    qtbot.waitUntil(lambda: pane.errands.shown is not None and pane.errands.shown.isVisible())
    assert pane.errands.shown is not None
    return pane.errands.shown


def dismiss(qtbot: QtBot, pane: KeysPane) -> None:
    dialog = made_of(qtbot, pane)
    dialog.stored.setChecked(True)
    click(qtbot, dialog, "keys.made.close")
    assert pane.errands.shown is None
    settle(qtbot, pane)


def wait_for_rows(qtbot: QtBot, pane: KeysPane, rows: int) -> None:
    qtbot.waitUntil(lambda: pane.model.rowCount() == rows and not pane.runner.running)
