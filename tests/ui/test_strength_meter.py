"""The bar and the word beside a new password or passphrase."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.ui.panes.settings.vault_dialogs import NewPassphrase
from altus4_desktop.ui.widgets import Label, PasswordForm

LONG = "a few plain words, " * 5


def words_beside(qtbot: QtBot, form: QWidget, name: str) -> list[str]:
    """What is said when something long is entered."""
    qtbot.addWidget(form)
    field = form.findChild(QLineEdit, name)
    assert field is not None
    field.setText(LONG)
    return [label.text() for label in form.findChildren(Label)]


def test_a_password_has_an_end(qtbot: QtBot) -> None:
    told = words_beside(qtbot, PasswordForm(name="own"), "own.new")
    assert "Too long: at most 72 bytes are read" in told


def test_a_passphrase_may_have_any_length(qtbot: QtBot) -> None:
    told = words_beside(qtbot, NewPassphrase(name="vault", label="Passphrase"), "vault.first")
    assert "Strong" in told
    assert not any("72" in text for text in told)
