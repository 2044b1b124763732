"""Nobody gets further with a temporary password than to the page that asks for another."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from altus4_desktop.domain.errors import AccessError
from altus4_desktop.ui.widgets import FormRow, PasswordForm
from altus4_desktop.ui.window import MainWindow
from tests.ui.house import ADA, PASSWORD, House

OWN = "a password of my own"


def enter(house: House, name: str, text: str) -> None:
    field = cast("QLineEdit", house.find(name))
    field.clear()
    house.type_(field, text)


def sign_in(house: House) -> MainWindow:
    """As far as the page that a temporary password leads to."""
    house.set_up()
    house.accounts.temporary = True
    window = house.open_("sign_in")
    enter(house, "sign_in.email", ADA.email)
    enter(house, "sign_in.password", PASSWORD)
    house.click(house.find("sign_in.remember"))
    house.click(house.find("sign_in.accept"))
    house.wait_for("own_password")
    return window


def form(house: House) -> PasswordForm:
    page = house.window.page
    assert page is not None
    found = page.findChild(PasswordForm)
    assert found is not None
    return found


def row_text(row: FormRow) -> str:
    return row.note.text() if row.is_wrong else ""


def test_a_temporary_password_leads_to_another_one(house: House) -> None:
    window = sign_in(house)
    assert window.workspace is None
    # What was entered a moment ago is not asked for again.
    assert form(house).rows["password"].isHidden()
    for keys in (Qt.Key.Key_1, Qt.Key.Key_K):
        house.key(window, keys, Qt.KeyboardModifier.ControlModifier)
    assert window.page is not None
    assert window.page.objectName() == "own_password"
    enter(house, "own_password.new", OWN)
    enter(house, "own_password.again", OWN + "x")
    house.click(house.find("own_password.accept"))
    assert house.accounts.password == PASSWORD
    enter(house, "own_password.again", OWN)
    house.key(house.find("own_password.again"), Qt.Key.Key_Return)
    house.wait_for("workspace")
    assert house.accounts.password == OWN
    house.qtbot.waitUntil(lambda: house.accounts.remembered)


def test_signing_out_is_the_way_out(house: House) -> None:
    window = sign_in(house)
    house.click(house.find("own_password.sign_out"))
    house.wait_for("sign_in")
    assert window.workspace is None
    assert house.accounts.temporary


def test_a_remembered_person_is_asked_too(house: House) -> None:
    house.set_up(remembered=True)
    house.accounts.temporary = True
    house.vault.unlocked = True
    house.open_("own_password")
    enter(house, "own_password.current", "something else")
    enter(house, "own_password.new", OWN)
    enter(house, "own_password.again", OWN)
    house.click(house.find("own_password.accept"))
    house.qtbot.waitUntil(lambda: row_text(form(house).rows["password"]) != "")
    assert house.window.focusWidget() is house.find("own_password.current")
    enter(house, "own_password.current", PASSWORD)
    house.click(house.find("own_password.accept"))
    house.wait_for("workspace")


def test_a_password_that_was_reset_while_locked_is_changed_before_unlocking(house: House) -> None:
    house.set_up(remembered=True)
    house.vault.unlocked = True
    window = house.open_("workspace")
    workspace = window.workspace
    window.lock()
    house.wait_for("lock")
    house.accounts.temporary = True
    house.accounts.password = "a temporary one"
    enter(house, "lock.password", "a temporary one")
    house.click(house.find("lock.accept"))
    house.wait_for("own_password")
    enter(house, "own_password.new", OWN)
    enter(house, "own_password.again", OWN)
    house.click(house.find("own_password.accept"))
    house.wait_for("workspace")
    assert window.workspace is workspace
    assert house.accounts.password == OWN


def test_a_password_that_may_not_be_tried_again_yet_counts_down(house: House) -> None:
    sign_in(house)
    house.accounts.refusal = AccessError(
        "Too many wrong passwords: try again in {wait_s} seconds.",
        code="access.backoff",
        details={"wait_s": 30},
    )
    enter(house, "own_password.new", OWN)
    enter(house, "own_password.again", OWN)
    button = house.find("own_password.accept")
    house.click(button)
    house.qtbot.waitUntil(lambda: house.find("own_password.current").isVisible())
    assert not button.isEnabled()
