"""A key from elsewhere is pasted to see what it is."""

from __future__ import annotations

import logging

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.key_text import make_key
from altus4_desktop.domain.keys import (
    KeyEnvironment,
)
from altus4_desktop.services import Services
from altus4_desktop.ui.panes.keys.pane import KeysPane
from tests.ui.panes.keys.window import (
    Change,
    Open,
    click,
    find,
    make,
    settle,
)
from tests.ui.test_accessibility import check_names


def _paste(qtbot: QtBot, pane: KeysPane, text: str) -> tuple[str, str]:
    """What is answered to a pasted text; the field is empty before the answer is there."""
    QGuiApplication.clipboard().setText(text)
    pane.verify_box.field.setFocus()
    qtbot.keyClick(pane.verify_box.field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert pane.verify_box.field.text() == ""
    assert not pane.verify_box.field.isUndoAvailable()
    qtbot.waitUntil(pane.verify_box.answer.isVisible)
    settle(qtbot, pane)
    return pane.verify_box.answer.text(), pane.verify_box.answer.hint()


def test_a_pasted_key_is_verified_and_not_kept(
    qtbot: QtBot,
    open_: Open,
    services: Services,
    change: Change,
    user: Actor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    made = make(services, user, "Nightly export")
    pane = open_(user)
    click(qtbot, pane, "keys.verify")
    assert pane.verify_box.field.hasFocus()
    assert pane.verify_box.field.echoMode() is QLineEdit.EchoMode.Password
    answer, reason = _paste(qtbot, pane, f" {made.key_secret}\n")
    assert answer == "Valid"
    assert "“Nightly export” of bob@example.org" in reason
    assert "May: Search" in reason
    assert "requests in an hour" in reason
    assert services.keys.get_(user, made.key.id).usage_count == 0
    change("UPDATE api_keys SET expires_at = datetime('now', '-1 hour')")
    assert _paste(qtbot, pane, made.key_secret)[0] == "Expired"
    change("UPDATE api_keys SET is_active = 0")
    assert _paste(qtbot, pane, made.key_secret)[0] == "Revoked"
    assert _paste(qtbot, pane, make_key(KeyEnvironment.TEST))[0] == "Unknown"
    answer, reason = _paste(qtbot, pane, made.key_secret[:-1] + "x")
    assert answer == "No API key"
    assert reason
    check_names(pane)
    shown = "\n".join(field.text() for field in pane.findChildren(QLabel))
    assert made.key_secret[30:] not in shown + caplog.text
    qtbot.keyClick(pane.verify_box.field, Qt.Key.Key_Escape)
    assert not pane.verify_box.isVisible()
    QGuiApplication.clipboard().clear()


def test_a_malformed_text_costs_no_query(
    qtbot: QtBot, open_: Open, services: Services, user: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pane = open_(user)
    pane.verify_box.open_()

    def refuse(*_: object) -> None:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(type(services.metadata.store.api_keys), "find_by_hash", refuse)
    text = make_key(KeyEnvironment.LIVE)
    wrong = text[:-1] + ("0" if text[-1] != "0" else "1")
    answer, reason = _paste(qtbot, pane, wrong)
    assert (answer, "check digits" in reason) == ("No API key", True)
    QGuiApplication.clipboard().clear()


def test_a_typed_key_is_read_at_enter(qtbot: QtBot, open_: Open, user: Actor) -> None:
    pane = open_(user)
    commands = {command.id: command for command in pane.commands()}
    commands["keys.verify"].run()
    qtbot.keyClicks(pane.verify_box.field, "altus4_sk_test_" + "0" * 48)
    assert pane.verify_box.field.text()
    qtbot.keyClick(pane.verify_box.field, Qt.Key.Key_Return)
    assert pane.verify_box.field.text() == ""
    settle(qtbot, pane)
    assert pane.verify_box.answer.text() == "Unknown"
    # The smallest window has room for a pane of 692 by 488.
    pane.resize(692, 488)
    assert pane.minimumSizeHint().height() <= 488
    button = find(pane, QToolButton, "keys.verify.close")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not pane.verify_box.isVisible()
