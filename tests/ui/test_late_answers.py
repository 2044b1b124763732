"""What a page was waiting for comes after somebody has left it: it moves nobody on."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.ui.widgets import InlineMessage
from tests.ui.house import ADA, PASSWORD, WAIT_MS, House
from tests.ui.world import Gate

OWN = "a password of my own"
SECRET = "open sesame please"


@dataclass
class Slow:
    """Work that heeds no token: it goes on to its end, however late that is."""

    gate: Gate = field(default_factory=Gate)

    def down(self, owner: object, name: str) -> None:
        """Hold a method of a fake until the gate is opened; it has done its work by then."""
        done = getattr(owner, name)

        def slowly(*args: object, **options: object) -> object:
            answer = done(*args, **options)
            self.gate.wait(CancelToken())
            return answer

        setattr(owner, name, slowly)


@pytest.fixture
def entered(house: House) -> list[object]:
    """Everybody who got in."""
    found: list[object] = []
    house.window.start_up.signed_in.connect(lambda _, actor: found.append(actor))
    return found


def press(house: House, name: str) -> None:
    button = house.find(name)
    assert isinstance(button, QPushButton)
    assert button.isEnabled(), name
    house.click(button)


def enter(house: House, name: str, text: str) -> None:
    box = house.find(name)
    assert isinstance(box, QLineEdit)
    box.clear()
    house.type_(box, text)


def sign_in(house: House) -> None:
    enter(house, "sign_in.email", ADA.email)
    enter(house, "sign_in.password", PASSWORD)
    press(house, "sign_in.accept")


def wait(house: House, gate: Gate) -> None:
    house.qtbot.waitUntil(gate.entered.is_set, timeout=WAIT_MS)


def stays(house: House, page: str, gate: Gate) -> QWidget:
    """The page called ``page`` is there before the late answer, and after it."""
    shown = house.wait_for(page)
    gate.open()
    house.qtbot.waitUntil(lambda: not house.runner.running, timeout=WAIT_MS)
    assert house.window.page is shown
    return shown


def own_password(house: House) -> None:
    enter(house, "own_password.new", OWN)
    enter(house, "own_password.again", OWN)
    press(house, "own_password.accept")


def to_the_vault(house: House, kind: str) -> None:
    """Somebody has signed in and chosen where secrets are kept, which takes its time."""
    house.set_up(vault="none")
    house.open_("sign_in")
    house.click(house.find("sign_in.remember"))
    sign_in(house)
    house.wait_for("secrets")
    house.qtbot.waitUntil(house.find("secrets.keyring").isEnabled)
    if kind == "passphrase":
        house.click(house.find("secrets.passphrase"))
        enter(house, "secrets.first", SECRET)
        enter(house, "secrets.second", SECRET)
    press(house, "secrets.accept")


@pytest.mark.parametrize("kind", ["keyring", "passphrase"])
def test_nobody_gets_past_a_temporary_password_by_the_vault_of_the_one_before(
    house: House, entered: list[object], kind: str
) -> None:
    slow = Slow()
    slow.down(house.vault, f"set_up_{kind}")
    to_the_vault(house, kind)
    wait(house, slow.gate)
    press(house, "secrets.back")
    house.wait_for("sign_in")
    house.vault.kind, house.accounts.temporary = "none", True
    sign_in(house)
    stays(house, "own_password", slow.gate)
    assert entered == []


def test_going_back_from_the_vault_leaves_what_was_typed(
    house: House, entered: list[object]
) -> None:
    gate = Gate()

    def set_up_keyring(token: CancelToken) -> None:
        gate.wait(token)
        raise AssertionError("it went on though nobody waited for it")

    kept = house.vault.set_up_keyring
    house.vault.set_up_keyring = set_up_keyring  # type: ignore[method-assign]  # asks the person
    to_the_vault(house, "keyring")
    wait(house, gate)
    press(house, "secrets.back")
    house.wait_for("sign_in")
    house.qtbot.waitUntil(lambda: not house.runner.running, timeout=WAIT_MS)
    assert house.vault.kind == "none"
    email, password = house.find("sign_in.email"), house.find("sign_in.password")
    assert isinstance(email, QLineEdit)
    assert isinstance(password, QLineEdit)
    assert (email.text(), password.text()) == (ADA.email, PASSWORD)
    remember, button = house.find("sign_in.remember"), house.find("sign_in.accept")
    assert isinstance(remember, QCheckBox)
    assert isinstance(button, QPushButton)
    assert remember.isChecked()
    assert (button.text(), button.isEnabled()) == ("Sign in", True)
    assert [it for it in house.window.findChildren(InlineMessage) if it.isVisible()] == []
    assert house.window.focusWidget() is password
    house.vault.set_up_keyring = kept  # type: ignore[method-assign]  # as it was
    press(house, "sign_in.accept")
    house.wait_for("secrets")
    house.qtbot.waitUntil(house.find("secrets.keyring").isEnabled)
    press(house, "secrets.accept")
    house.wait_for("workspace")
    assert entered == [ADA]
    house.qtbot.waitUntil(lambda: house.accounts.remembered, timeout=WAIT_MS)


def test_a_temporary_password_is_not_filled_in_again(house: House) -> None:
    house.set_up(vault="none")
    house.accounts.temporary = True
    house.open_("sign_in")
    sign_in(house)
    house.wait_for("own_password")
    own_password(house)
    house.wait_for("secrets")
    press(house, "secrets.back")
    house.wait_for("sign_in")
    email, password = house.find("sign_in.email"), house.find("sign_in.password")
    assert isinstance(email, QLineEdit)
    assert isinstance(password, QLineEdit)
    assert (email.text(), password.text()) == (ADA.email, "")
    assert house.window.focusWidget() is password


def test_a_sign_in_does_not_end_the_demo_that_was_asked_for_instead(
    house: House, entered: list[object]
) -> None:
    house.set_up()
    house.vault.unlocked = True
    house.demo.gate = Gate()
    slow = Slow()
    slow.down(house.accounts, "sign_in")
    house.open_("sign_in")
    sign_in(house)
    wait(house, slow.gate)
    press(house, "sign_in.demo")
    page = house.wait_for("demo")
    wait(house, house.demo.gate)
    slow.gate.open()
    house.qtbot.waitUntil(lambda: len(house.runner.running) == 1, timeout=WAIT_MS)
    assert house.window.page is page
    assert entered == []
    house.demo.gate.open()
    house.wait_for("workspace")
    assert "DEMO" in house.window.windowTitle()


def test_a_store_that_opens_late_does_not_end_the_demo(house: House) -> None:
    house.set_up()
    house.open_("sign_in")
    house.window.close()
    house.reopen()
    slow = Slow()
    slow.down(house.metadata, "open_")
    house.demo.gate = Gate()
    house.open_("sign_in")
    wait(house, slow.gate)
    sign_in(house)
    press(house, "sign_in.demo")
    page = house.wait_for("demo")
    wait(house, house.demo.gate)
    slow.gate.open()
    house.qtbot.waitUntil(lambda: len(house.runner.running) == 1, timeout=WAIT_MS)
    assert house.window.page is page
    # The store is looked at once more, and nobody is signed in who has left.
    settled: list[bool] = []
    house.window.settled.connect(lambda: settled.append(True))
    press(house, "demo.cancel")
    house.wait_for("sign_in")
    assert settled == [True]


def test_a_store_that_opens_late_does_not_end_the_choice_of_another(house: House) -> None:
    house.set_up()
    house.metadata.password = SECRET
    slow = Slow()
    house.open_("store_password")
    slow.down(house.accounts, "needs_setup")
    enter(house, "store_password.password", SECRET)
    press(house, "store_password.accept")
    wait(house, slow.gate)
    press(house, "store_password.choose")
    stays(house, "store", slow.gate)


def test_a_vault_that_is_set_up_late_does_not_go_on_with_the_set_up(house: House) -> None:
    slow = Slow()
    slow.down(house.vault, "set_up_session")
    house.open_("welcome")
    press(house, "welcome.setup")
    house.wait_for("store")
    press(house, "store.accept")
    house.wait_for("secrets")
    house.qtbot.waitUntil(house.find("secrets.keyring").isEnabled)
    house.click(house.find("secrets.session"))
    press(house, "secrets.accept")
    wait(house, slow.gate)
    press(house, "secrets.back")
    stays(house, "store", slow.gate)
    assert house.metadata.chosen == []


def test_a_vault_that_is_unlocked_late_does_not_go_on_twice(house: House) -> None:
    house.vault.kind, house.vault.passphrase = "passphrase", SECRET
    slow = Slow()
    slow.down(house.vault, "unlock")
    house.open_("welcome")
    press(house, "welcome.setup")
    house.wait_for("store")
    press(house, "store.accept")
    house.wait_for("unlock")
    enter(house, "unlock.passphrase", SECRET)
    press(house, "unlock.accept")
    wait(house, slow.gate)
    press(house, "unlock.skip")
    house.wait_for("account")
    stays(house, "account", slow.gate)
    assert house.metadata.chosen == [None], "the store is opened once"


def test_an_account_that_is_made_late_does_not_sign_anybody_in(
    house: House, entered: list[object]
) -> None:
    house.vault.kind, house.vault.unlocked = "keyring", True
    slow = Slow()
    slow.down(house.accounts, "create_first_admin")
    house.open_("welcome")
    press(house, "welcome.setup")
    house.wait_for("store")
    press(house, "store.accept")
    house.wait_for("account")
    for name, text in (("name", ADA.name), ("email", ADA.email), ("password", PASSWORD)):
        enter(house, f"account.{name}", text)
    press(house, "account.accept")
    wait(house, slow.gate)
    press(house, "account.back")
    stays(house, "store", slow.gate)
    assert entered == []
    # It was made all the same: what comes next is signing in.
    press(house, "store.accept")
    house.wait_for("sign_in")


def test_a_password_that_is_changed_late_does_not_undo_the_sign_out(
    house: House, entered: list[object]
) -> None:
    house.set_up()
    house.vault.unlocked = house.accounts.temporary = True
    slow = Slow()
    slow.down(house.accounts, "change_password")
    house.open_("sign_in")
    sign_in(house)
    house.wait_for("own_password")
    own_password(house)
    wait(house, slow.gate)
    press(house, "own_password.sign_out")
    house.wait_for("booting")
    slow.gate.open()
    house.wait_for("sign_in")
    assert entered == []


@pytest.mark.parametrize("temporary", [False, True])
def test_a_password_that_is_checked_late_does_not_undo_the_sign_out_of_a_locked_window(
    house: House, entered: list[object], temporary: bool
) -> None:
    house.set_up(remembered=True, vault="passphrase")
    house.vault.unlocked = True
    house.open_("workspace")
    house.window.lock()
    house.wait_for("lock")
    slow = Slow()
    house.accounts.temporary = temporary
    slow.down(house.accounts, "change_password" if temporary else "unlock")
    enter(house, "lock.password", PASSWORD)
    press(house, "lock.accept")
    if temporary:
        house.wait_for("own_password")
        own_password(house)
    wait(house, slow.gate)
    pages: list[str] = []
    house.window.start_up.shown.wanted.connect(lambda page: pages.append(page.objectName()))
    press(house, "own_password.sign_out" if temporary else "lock.sign_out")
    slow.gate.open()
    house.wait_for("sign_in")
    assert pages == ["booting", "sign_in"], "nothing is asked in between"
    assert entered == [ADA]
    assert house.window.workspace is None


def test_a_demo_that_was_there_before_it_could_be_stopped_is_left(
    house: House, entered: list[object]
) -> None:
    slow = Slow()
    slow.down(house.demo, "open_")
    house.open_("welcome")
    press(house, "welcome.demo")
    house.wait_for("demo")
    wait(house, slow.gate)
    press(house, "demo.cancel")
    slow.gate.open()
    house.wait_for("welcome")
    assert entered == []


def test_who_is_let_in_cannot_go_back_while_the_workspace_comes(house: House, qtbot: QtBot) -> None:
    to_the_vault(house, "keyring")
    back = house.find("secrets.back")
    was_enabled: list[bool] = []

    def go_back() -> None:
        was_enabled.append(back.isEnabled())
        house.key(back, Qt.Key.Key_Escape)

    house.window.start_up.signed_in.connect(go_back)
    house.wait_for("workspace")
    assert was_enabled == [False]
