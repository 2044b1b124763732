"""The card about secrets, over a real vault and a real store in a file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import ConnectionDraft
from altus4_desktop.services import Services
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import VaultKind
from altus4_desktop.services.vault_keys import RotationReport, VaultKeysService
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.settings.pane import SettingsPane
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.keyring_memory import MemoryKeyring
from tests.records import a_user
from tests.unit.vault.backends import LockedKeyring, NoKeyring, SilentKeyring

PHRASE = "correct horse battery"
_WAIT_MS = 20_000


class Desk:
    """A settings pane, what is behind it, and how a person uses it."""

    def __init__(self, qtbot: QtBot, runner: TaskRunner, services: Services) -> None:
        self.qtbot = qtbot
        self.services = services
        users = services.metadata.store.users
        found = users.list_() or [users.create_(a_user(role=Role.ADMIN), "hash")]
        self.actor = found[0].as_actor()
        self.session = Session(services, runner, Theme(), report_crash=_raise)
        self.session.set_actor(self.actor)
        self.runner = runner

    def open_(self) -> SettingsPane:
        self.pane = SettingsPane(self.session)
        self.qtbot.addWidget(self.pane)
        self.pane.resize(900, 1200)
        self.pane.show()
        self.look()
        return self.pane

    def look(self) -> None:
        self.pane.activated()
        self.settle()

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.runner.running, timeout=_WAIT_MS)

    def find(self, name: str) -> QWidget:
        found = [it for it in self.pane.findChildren(QWidget, name) if it.isVisible()]
        assert len(found) == 1, f"{name}: {len(found)} visible"
        return found[0]

    def hidden(self, name: str) -> bool:
        return not any(it.isVisible() for it in self.pane.findChildren(QWidget, name))

    def click(self, name: str) -> None:
        button = self.find(name)
        assert isinstance(button, QAbstractButton)
        assert button.isEnabled(), name
        at = QPoint(8, button.height() // 2)
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=at)

    def type_(self, name: str, text: str) -> None:
        field = self.find(name)
        self.qtbot.keyClicks(field, text)

    def text(self, name: str) -> str:
        label = self.find(name)
        assert isinstance(label, QLabel)
        return label.text()

    def said(self) -> str:
        message = self.pane.secrets.message
        assert message.isVisible()
        return f"{message.text()} {message.hint()}"

    def save_connections(self, count: int = 3) -> None:
        for number in range(count):
            draft = ConnectionDraft(f"c{number}", f"h{number}", "d", "u", password_secret="secret")
            self.services.connections.create_(self.actor, draft)

    def opened(self) -> int:
        saved = self.services.connections.list_(self.actor)
        targets = [self.services.connections.target_(self.actor, one.id) for one in saved]
        return sum(target.password_secret == "secret" for target in targets)


def _raise(error: BaseException) -> None:
    raise error


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch, memory_keyring: MemoryKeyring) -> MemoryKeyring:
    """The keyring of this computer, which works."""
    monkeypatch.setattr(
        "altus4_desktop.vault.keyrings.find_trusted_backend", lambda: memory_keyring
    )
    return memory_keyring


@pytest.fixture
def desks(qtbot: QtBot, runner: TaskRunner) -> Iterator[Callable[[Path], Desk]]:
    made: list[Services] = []

    def build(folder: Path) -> Desk:
        services = compose(folder)
        made.append(services)
        services.metadata.open_()
        return Desk(qtbot, runner, services)

    yield build
    assert runner.shutdown(5.0)
    for services in made:
        services.close()


@pytest.fixture
def desk(desks: Callable[[Path], Desk], tmp_path: Path, keyring: MemoryKeyring) -> Iterator[Desk]:
    """One with its key in the keyring and three saved passwords."""
    made = desks(tmp_path / "desk")
    made.services.vault.ensure_ready()
    made.save_connections()
    made.open_()
    yield made
    made.pane.shut()


def test_it_says_where_the_key_is(desk: Desk) -> None:
    assert desk.text("settings.vault") == "System keyring"
    assert desk.text("settings.secrets.keys") == f"Key {desk.services.vault.status().key_id}"
    assert desk.hidden("settings.secrets.unlock")
    assert desk.hidden("settings.secrets.passphrase")
    assert desk.hidden("settings.secrets.stop")


def test_a_new_key_with_its_progress(desk: Desk, keyring: MemoryKeyring) -> None:
    before = desk.services.vault.status().key_id
    steps: list[str] = []
    desk.pane.secrets._bar.valueChanged.connect(lambda value: steps.append(str(value)))
    desk.click("settings.secrets.rotate")
    desk.click("settings.rotate.accept")
    desk.find("settings.secrets.stop")
    assert not desk.find("settings.secrets.rotate").isEnabled()
    desk.settle()
    assert desk.said().startswith("3 secrets are sealed with the new key.")
    assert desk.hidden("settings.secrets.stop")
    assert desk.services.vault.status().key_id != before
    assert len(keyring.items) == 1
    assert desk.opened() == 3
    assert steps[-1] == "1000"


def test_a_rotation_that_was_stopped_goes_on_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    move, rotate = VaultKeysService._move_row, VaultKeysService.rotate_
    tokens: list[CancelToken] = []
    moved, go_on = threading.Event(), threading.Event()

    def move_and_wait(self: VaultKeysService, *arguments: Any) -> None:
        move(self, *arguments)
        moved.set()
        assert go_on.wait(20)

    def keep_token(self: VaultKeysService, *arguments: Any, **options: Any) -> RotationReport:
        tokens.append(options["token"])
        return rotate(self, *arguments, **options)

    monkeypatch.setattr(VaultKeysService, "_move_row", move_and_wait)
    monkeypatch.setattr(VaultKeysService, "rotate_", keep_token)
    desk.click("settings.secrets.rotate")
    desk.click("settings.rotate.accept")
    desk.qtbot.waitUntil(moved.is_set, timeout=_WAIT_MS)
    desk.click("settings.secrets.stop")
    desk.qtbot.waitUntil(lambda: tokens[0].cancelled, timeout=_WAIT_MS)
    go_on.set()
    desk.settle()
    assert desk.said().startswith("Not every saved password has been moved")
    assert desk.opened() == 3
    assert "older: k" in desk.text("settings.secrets.keys")
    assert desk.find("settings.secrets.rotate").accessibleName() == "Go on with the new key"
    desk.click("settings.secrets.rotate")
    desk.settle()
    assert desk.said().startswith("2 secrets are sealed with the new key.")
    assert desk.services.vault.status().older_key_ids == ()
    assert desk.opened() == 3


def test_into_a_passphrase_and_another_one(desk: Desk, keyring: MemoryKeyring) -> None:
    desk.click("settings.secrets.rotate")
    assert desk.hidden("settings.rotate.first")
    desk.click("settings.rotate.kind.passphrase")
    desk.click("settings.rotate.accept")
    assert not desk.hidden("settings.rotate"), "a passphrase is missing"
    desk.type_("settings.rotate.first", PHRASE)
    desk.type_("settings.rotate.second", PHRASE)
    desk.click("settings.rotate.accept")
    desk.settle()
    assert desk.text("settings.vault") == "Passphrase"
    assert keyring.items == {}
    desk.click("settings.secrets.passphrase")
    desk.type_("settings.passphrase.before", "wrong")
    desk.type_("settings.passphrase.first", "another long phrase")
    desk.type_("settings.passphrase.second", "another long phrase")
    desk.click("settings.passphrase.accept")
    desk.settle()
    assert not desk.hidden("settings.passphrase"), "it stays open"
    field = desk.find("settings.passphrase.before")
    assert "does not open" in field.accessibleDescription()
    assert isinstance(field, QLineEdit)
    field.clear()
    desk.type_("settings.passphrase.before", PHRASE)
    desk.click("settings.passphrase.accept")
    desk.settle()
    desk.services.vault.lock()
    desk.services.vault.unlock("another long phrase")
    assert desk.opened() == 3


def test_a_locked_vault_is_opened_here(desk: Desk) -> None:
    desk.services.vault.lock()
    desk.look()
    assert not desk.find("settings.secrets.rotate").isEnabled()
    assert not desk.find("settings.secrets.export").isEnabled()
    desk.click("settings.secrets.unlock")
    desk.settle()
    assert desk.hidden("settings.secrets.unlock")
    assert desk.find("settings.secrets.rotate").isEnabled()


def test_a_keyring_that_fails_is_a_sentence_with_a_way_out(
    desk: Desk, keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altus4_desktop.vault.keyrings.find_trusted_backend", LockedKeyring)
    desk.services.vault.lock()
    desk.look()
    desk.click("settings.secrets.unlock")
    desk.settle()
    assert desk.said() == "The keyring is locked. Unlock it when it asks, then try again."
    monkeypatch.setattr("altus4_desktop.vault.keyrings.find_trusted_backend", lambda: keyring)
    desk.click("settings.secrets.unlock")
    desk.settle()
    monkeypatch.setattr("altus4_desktop.vault.keyrings.find_trusted_backend", NoKeyring)
    desk.click("settings.secrets.rotate")
    desk.click("settings.rotate.accept")
    desk.settle()
    assert "Protect the vault with a passphrase instead." in desk.said()
    assert desk.opened() == 3


def test_a_keyring_that_never_answers_holds_nothing_up(
    desk: Desk, keyring: MemoryKeyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = SilentKeyring()
    silent.items = keyring.items
    monkeypatch.setattr("altus4_desktop.vault.keyrings.find_trusted_backend", lambda: silent)
    monkeypatch.setattr("altus4_desktop.services.vault_keys.PROBE_TIMEOUT_S", 0.5)
    monkeypatch.setattr("altus4_desktop.vault.changes.PROBE_TIMEOUT_S", 0.5)
    kit = tmp_path / "kit.json"
    desk.services.vault_keys.export_kit_(desk.actor, kit, PHRASE)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(kit), ""))
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1

    heart = QTimer(desk.pane)
    heart.timeout.connect(beat)
    heart.start(10)
    desk.click("settings.secrets.rotate")
    desk.click("settings.rotate.accept")
    desk.qtbot.waitUntil(silent.asked.is_set, timeout=_WAIT_MS)
    beats = 0
    desk.settle()
    assert beats > 5, "the window lived while the keyring was waited for"
    assert "did not answer" in desk.said()
    assert desk.opened() == 3

    desk.services.vault.lock()
    desk.look()
    silent.asked.clear()
    desk.click("settings.secrets.unlock")
    # A person may take their time with its prompt; the way on is to cancel it.
    beats = 0
    desk.qtbot.waitUntil(lambda: beats > 20, timeout=_WAIT_MS)
    assert desk.runner.running
    desk.runner.running[0].cancel()
    desk.settle()
    assert desk.find("settings.secrets.unlock").isEnabled()

    beats = 0
    desk.click("settings.secrets.import")
    desk.type_("settings.import_kit.passphrase", PHRASE)
    desk.click("settings.import_kit.accept")
    desk.qtbot.waitUntil(lambda: beats > 20, timeout=_WAIT_MS)
    silent.answer.set()
    desk.settle()
    heart.stop()
    assert desk.opened() == 3
    assert desk.services.vault.status().unlocked


def test_a_kit_leaves_and_comes(
    desk: Desk, desks: Callable[[Path], Desk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = tmp_path / "kit.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(kit), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(kit), ""))
    desk.click("settings.secrets.export")
    desk.type_("settings.export_kit.first", PHRASE)
    desk.type_("settings.export_kit.second", PHRASE + "!")
    desk.click("settings.export_kit.accept")
    assert not kit.exists(), "the two differ"
    desk.qtbot.keyClick(desk.find("settings.export_kit.second"), Qt.Key.Key_Backspace)
    desk.click("settings.export_kit.accept")
    desk.settle()
    assert "opened again to make sure" in desk.said()
    assert kit.exists()

    other = desks(tmp_path / "other")
    other.open_()
    other.click("settings.secrets.import")
    assert other.find("settings.import_kit.protect").isVisible()
    other.type_("settings.import_kit.passphrase", "not the phrase")
    other.click("settings.import_kit.accept")
    other.settle()
    field = other.find("settings.import_kit.passphrase")
    assert "does not open" in field.accessibleDescription()
    assert isinstance(field, QLineEdit)
    field.clear()
    other.type_("settings.import_kit.passphrase", PHRASE)
    other.click("settings.import_kit.accept")
    other.settle()
    assert "Its key is new here." in other.said()
    key_id = desk.services.vault.status().key_id
    assert f"from recovery kits: {key_id}" in other.text("settings.secrets.keys")
    other.pane.shut()


def test_a_kit_is_taken_under_a_passphrase_where_the_keyring_fails(
    desk: Desk, desks: Callable[[Path], Desk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = tmp_path / "kit.json"
    desk.services.vault_keys.export_kit_(desk.actor, kit, PHRASE)
    monkeypatch.setattr("altus4_desktop.vault.keyrings.find_trusted_backend", NoKeyring)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(kit), ""))
    desk.services.vault.lock()
    (desk.services.data_dir / "vault.json").unlink()
    desk.look()
    desk.click("settings.secrets.import")
    desk.type_("settings.import_kit.passphrase", PHRASE)
    desk.click("settings.import_kit.accept")
    desk.settle()
    assert not desk.hidden("settings.import_kit"), "it stays open and says why"
    desk.click("settings.import_kit.protect")
    desk.type_("settings.import_kit.first", "another long phrase")
    desk.type_("settings.import_kit.second", "another long phrase")
    desk.click("settings.import_kit.accept")
    desk.settle()
    assert desk.said().startswith("This computer's own key is back.")
    assert desk.services.vault.status().kind is VaultKind.PASSPHRASE
    assert desk.opened() == 3


def test_a_damaged_file_is_told(desk: Desk) -> None:
    (desk.services.data_dir / "vault.json").write_text("{")
    desk.look()
    assert desk.text("settings.vault") == "Cannot be used"
    assert not desk.find("settings.secrets.rotate").isEnabled()
    assert not desk.find("settings.secrets.import").isEnabled()


def test_minutes_before_the_lock_are_kept(desk: Desk) -> None:
    idle, minutes = desk.find("settings.secrets.idle"), desk.find("settings.secrets.minutes")
    assert isinstance(idle, QCheckBox)
    assert isinstance(minutes, QSpinBox)
    assert not idle.isChecked()
    assert not minutes.isEnabled()
    desk.click("settings.secrets.idle")
    assert desk.services.settings.lock_after_minutes == 15
    minutes.setValue(999)
    assert desk.services.settings.lock_after_minutes == 240
    desk.pane.shut()
    desk.settle()
    assert Settings.load(desk.services.data_dir).lock_after_minutes == 240


def test_lock_now_is_passed_on(desk: Desk) -> None:
    with desk.qtbot.waitSignal(desk.session.lock_wanted):
        desk.click("settings.secrets.lock")
