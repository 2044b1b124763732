"""The users pane over a real store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLineEdit, QMenu, QPushButton
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role, User
from altus4_desktop.domain.errors import AccessError
from altus4_desktop.domain.keys import KeyDraft
from altus4_desktop.domain.saved_searches import SavedSearchDraft
from altus4_desktop.services import Services
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.panes.users.dialogs import (
    CreateUserDialog,
    DeleteUserDialog,
    EditUserDialog,
    ResetPasswordDialog,
    RoleDialog,
    TemporaryPasswordDialog,
)
from altus4_desktop.ui.panes.users.model import ACTIVE, EMAIL, NAME, PASSWORD, ROLE
from altus4_desktop.ui.panes.users.pane import UsersPane
from altus4_desktop.ui.profile import PasswordDialog, ProfileDialog
from altus4_desktop.ui.secret_clipboard import secret_clipboard
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.records import a_connection, a_search, a_user
from tests.ui.test_accessibility import check_names

PASSWORD_TEXT = "correct horse battery"
D = TypeVar("D", bound=QDialog)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        yield made


@pytest.fixture
def pane(qtbot: QtBot, services: Services, runner: TaskRunner) -> Iterator[UsersPane]:
    """The pane in front of Ada, an admin; Bob has an account, too."""
    ada = services.accounts.create_first_admin("Ada", "ada@example.org", PASSWORD_TEXT)
    services.accounts.create_user(ada, "Bob", "bob@example.org", PASSWORD_TEXT)
    session = Session(services, runner, Theme(), report_crash=_raise)
    session.set_actor(ada)
    made = UsersPane(session)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    made.activated()
    _settle(qtbot, made)
    yield made
    made.shut()


def _raise(error: BaseException) -> None:
    raise error


def _settle(qtbot: QtBot, pane: UsersPane) -> None:
    qtbot.waitUntil(lambda: not pane.filters._typing.isActive() and not pane.runner.running)


def _names(pane: UsersPane) -> list[str]:
    return [one.user.name for one in pane.model.records]


def _choose(pane: UsersPane, name: str) -> User:
    pane.table.selectRow(_names(pane).index(name))
    assert pane.user is not None
    return pane.user


def _text(pane: UsersPane, name: str, column: int) -> str:
    return str(pane.model.index(_names(pane).index(name), column).data())


def _dialog(pane: UsersPane, kind: type[D]) -> D:
    """The dialog that is open; it lives until the test ends."""
    found = pane.findChild(kind)
    assert found is not None
    found.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    return found


def _click(pane: UsersPane, name: str) -> None:
    button = pane.findChild(QPushButton, name)
    assert button is not None, name
    assert button.isEnabled(), name
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def _enter(dialog: QDialog, name: str, text: str) -> None:
    field = dialog.findChild(QLineEdit, name)
    assert field is not None
    field.setText(text)


def _accept(qtbot: QtBot, pane: UsersPane, dialog: FormDialog) -> None:
    qtbot.waitUntil(lambda: not dialog.is_busy)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: not dialog.is_busy)
    _settle(qtbot, pane)


def test_who_there_is(qtbot: QtBot, pane: UsersPane, services: Services) -> None:
    assert _names(pane) == ["Ada", "Bob"]
    assert _text(pane, "Ada", NAME) == "Ada (you)"
    assert (_text(pane, "Ada", ROLE), _text(pane, "Bob", ROLE)) == ("Admin", "User")
    assert (_text(pane, "Bob", PASSWORD), _text(pane, "Bob", ACTIVE)) == ("Own", "never")
    assert pane._count.text() == "2 accounts"
    pane.focus_first()
    assert pane.focusWidget() is pane.table
    services.accounts.reset_password(pane.session.actor, "bob@example.org", "temporary one")
    services.accounts.sign_in("bob@example.org", "temporary one")
    pane.activated()
    _settle(qtbot, pane)
    assert (_text(pane, "Bob", PASSWORD), _text(pane, "Bob", ACTIVE)) == ("Temporary", "just now")


def test_filters_and_order(qtbot: QtBot, pane: UsersPane, services: Services) -> None:
    services.accounts.create_user(
        pane.session.actor, "Cid", "aaa@example.org", PASSWORD_TEXT, Role.ADMIN
    )
    pane.refresh()
    _settle(qtbot, pane)
    _choose(pane, "Bob")
    header = pane.table.horizontalHeader()
    header.setSortIndicator(NAME, Qt.SortOrder.DescendingOrder)
    _settle(qtbot, pane)
    assert _names(pane) == ["Cid", "Bob", "Ada"]
    assert pane.user is not None
    assert pane.user.name == "Bob"
    header.setSortIndicator(1, Qt.SortOrder.AscendingOrder)
    _settle(qtbot, pane)
    assert _names(pane) == ["Cid", "Ada", "Bob"]
    # By what is only counted it is not sorted.
    header.setSortIndicator(4, Qt.SortOrder.DescendingOrder)
    assert header.sortIndicatorSection() == 1
    pane.filters.role.set_key("admin")
    pane.filters.role.chosen.emit("admin")
    _settle(qtbot, pane)
    assert _names(pane) == ["Cid", "Ada"]
    QTest.keyClicks(pane.filters.text, "BOB")
    _settle(qtbot, pane)
    assert pane._pages.currentWidget() is pane._nothing
    _click(pane, "users.clear")
    _settle(qtbot, pane)
    assert _names(pane) == ["Cid", "Ada", "Bob"]


def test_the_rest_is_read_when_it_is_scrolled_to(
    qtbot: QtBot, pane: UsersPane, services: Services
) -> None:
    store = services.metadata.store
    for number in range(240):
        store.users.create_(a_user(name=f"n{number:03}"), "hash")
    pane.refresh()
    _settle(qtbot, pane)
    assert pane.model.rowCount() == 100
    assert pane._count.text() == "242 accounts"
    pane.table.scrollToBottom()
    qtbot.waitUntil(lambda: pane.model.rowCount() == 200)
    _settle(qtbot, pane)
    pane.table.scrollToBottom()
    qtbot.waitUntil(lambda: pane.model.rowCount() == 242)
    assert _names(pane) == sorted(_names(pane), key=str.lower)
    assert not pane.model.canFetchMore(pane.table.rootIndex())
    pane.table.selectRow(230)
    chosen = pane.user
    pane.activated()
    _settle(qtbot, pane)
    assert pane.model.rowCount() == 242
    assert pane.user == chosen


def test_an_account_is_made_and_its_password_shown_once(
    qtbot: QtBot, pane: UsersPane, services: Services
) -> None:
    QTest.keyClick(pane.table, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    dialog = _dialog(pane, CreateUserDialog)
    assert not dialog._temporary.isEnabled()
    assert dialog._temporary.isChecked()
    _enter(dialog, "users.new.name", "Eve")
    _enter(dialog, "users.new.email", "nobody")
    _accept(qtbot, pane, dialog)
    assert dialog.work.fields["email"].is_wrong
    _enter(dialog, "users.new.email", "EVE@example.org")
    dialog._role.set_key("admin")
    _accept(qtbot, pane, dialog)
    assert not dialog.isVisible()
    once = _dialog(pane, TemporaryPasswordDialog)
    secret = once._secret.text()
    assert pane.user is not None
    assert (pane.user.email, pane.user.role) == ("eve@example.org", Role.ADMIN)
    assert services.accounts.sign_in("eve@example.org", secret).must_change_password
    once._copy.click()
    assert QGuiApplication.clipboard().text() == secret
    assert "30" in once._note.text()
    once.accept()
    assert once._secret.text() == ""
    secret_clipboard().clear()
    assert secret not in QGuiApplication.clipboard().text()


def test_a_password_that_was_typed_may_last(
    qtbot: QtBot, pane: UsersPane, services: Services
) -> None:
    _click(pane, "users.create")
    dialog = _dialog(pane, CreateUserDialog)
    _enter(dialog, "users.new.name", "Eve")
    _enter(dialog, "users.new.email", "eve@example.org")
    _enter(dialog, "users.new.password", "short")
    dialog._temporary.setChecked(False)
    _accept(qtbot, pane, dialog)
    assert dialog.work.fields["password"].is_wrong
    _enter(dialog, "users.new.password", PASSWORD_TEXT)
    _accept(qtbot, pane, dialog)
    assert pane.findChild(TemporaryPasswordDialog) is None
    assert dialog._password.text() == ""
    assert not services.accounts.sign_in("eve@example.org", PASSWORD_TEXT).must_change_password


def test_an_account_is_edited(qtbot: QtBot, pane: UsersPane) -> None:
    _choose(pane, "Bob")
    QTest.keyClick(pane.table, Qt.Key.Key_Return)
    dialog = _dialog(pane, EditUserDialog)
    _enter(dialog, "users.edit.name", "Robert")
    _enter(dialog, "users.edit.email", "ada@example.org")
    _accept(qtbot, pane, dialog)
    assert dialog.work.message.isVisible()
    assert "has an account already" in dialog.work.message.text()
    _enter(dialog, "users.edit.email", "robert@example.org")
    _accept(qtbot, pane, dialog)
    assert _names(pane) == ["Ada", "Robert"]
    assert pane.user is not None
    assert pane.user.email == "robert@example.org"


def test_ones_own_account_is_ones_profile(qtbot: QtBot, pane: UsersPane) -> None:
    _choose(pane, "Ada")
    _click(pane, "users.edit")
    profile = _dialog(pane, ProfileDialog)
    qtbot.waitUntil(lambda: not profile.is_busy)
    profile.reject()
    _click(pane, "users.reset")
    password = _dialog(pane, PasswordDialog)
    password.reject()


def test_a_password_is_reset(qtbot: QtBot, pane: UsersPane, services: Services) -> None:
    _choose(pane, "Bob")
    _click(pane, "users.reset")
    dialog = _dialog(pane, ResetPasswordDialog)
    _accept(qtbot, pane, dialog)
    once = _dialog(pane, TemporaryPasswordDialog)
    assert services.accounts.sign_in("bob@example.org", once._secret.text()).must_change_password
    once.accept()
    assert _text(pane, "Bob", PASSWORD) == "Temporary"
    with pytest.raises(AccessError):
        services.accounts.sign_in("bob@example.org", PASSWORD_TEXT)


def test_roles_are_given_and_taken(qtbot: QtBot, pane: UsersPane) -> None:
    _choose(pane, "Bob")
    button = pane.findChild(QPushButton, "users.role")
    assert button is not None
    for role, text, next_text in (
        ("Admin", "Make an admin", "Make a user"),
        ("User", "Make a user", "Make an admin"),
    ):
        assert button.text() == text
        _click(pane, "users.role")
        dialog = _dialog(pane, RoleDialog)
        _accept(qtbot, pane, dialog)
        dialog.deleteLater()
        qtbot.waitUntil(lambda: pane.findChild(RoleDialog) is None)
        assert _text(pane, "Bob", ROLE) == role
        assert button.text() == next_text


def test_the_last_admin_stays_and_it_is_said_why(qtbot: QtBot, pane: UsersPane) -> None:
    _choose(pane, "Ada")
    _click(pane, "users.role")
    role = _dialog(pane, RoleDialog)
    _accept(qtbot, pane, role)
    assert role.isVisible()
    assert "is the last admin" in role.work.message.text()
    assert "Make somebody else an admin first." in role.work.message.hint()
    role.reject()
    _click(pane, "users.delete")
    delete = _dialog(pane, DeleteUserDialog)
    qtbot.waitUntil(lambda: not delete.is_busy)
    assert "is the last admin" in delete.work.message.text()
    assert not delete.accept_button.isEnabled()
    delete.reject()
    assert _text(pane, "Ada", ROLE) == "Admin"


def test_deleting_says_what_goes_along(qtbot: QtBot, pane: UsersPane, services: Services) -> None:
    bob = _choose(pane, "Bob")
    for number in range(5):
        services.keys.create_(bob.as_actor(), KeyDraft(f"key {number}"))
    services.metadata.store.connections.create_(a_connection(bob, name="<b>Shop</b>"))
    services.metadata.store.searches.add_(a_search(bob, "apple"))
    services.saved_searches.create_(bob.as_actor(), SavedSearchDraft("Pears", "pear"))
    QTest.keyClick(pane.table, Qt.Key.Key_Delete)
    dialog = _dialog(pane, DeleteUserDialog)
    qtbot.waitUntil(lambda: not dialog.is_busy)
    told = dialog._along.text()
    assert "API keys: 5 (key 0, key 1, key 2, 2 more)" in told
    assert "Connections: 1 (<b>Shop</b>)" in told
    assert "Saved searches: 1" in told
    assert "Searches of the history: 1" in told
    assert dialog._along.textFormat() is Qt.TextFormat.PlainText
    assert dialog.accept_button.property("kind") == "danger"
    assert not dialog.accept_button.isDefault()
    assert dialog._email_row.isHidden()
    _accept(qtbot, pane, dialog)
    assert _names(pane) == ["Ada"]
    assert pane.user is None
    assert pane._count.text() == "1 account"


def test_an_account_whose_keys_are_in_use_is_named(
    qtbot: QtBot, pane: UsersPane, services: Services
) -> None:
    bob = _choose(pane, "Bob")
    made = services.keys.create_(bob.as_actor(), KeyDraft("robot"))
    services.keys.authenticate_(made.key_secret)
    _click(pane, "users.delete")
    dialog = _dialog(pane, DeleteUserDialog)
    qtbot.waitUntil(lambda: not dialog.is_busy)
    assert not dialog.accept_button.isEnabled()
    assert "Keys used within seven days: 1." in dialog._email_row.note.text()
    _enter(dialog, "users.delete.name", "bob@example.or")
    assert not dialog.accept_button.isEnabled()
    _enter(dialog, "users.delete.name", " Bob@example.org ")
    _accept(qtbot, pane, dialog)
    assert _names(pane) == ["Ada"]


def test_who_deletes_or_demotes_themselves_is_signed_out(
    qtbot: QtBot, pane: UsersPane, services: Services
) -> None:
    services.accounts.set_role(pane.session.actor, "bob@example.org", Role.ADMIN)
    pane.refresh()
    _settle(qtbot, pane)
    _choose(pane, "Ada")
    _click(pane, "users.role")
    role = _dialog(pane, RoleDialog)
    with qtbot.waitSignal(pane.session.sign_out_wanted):
        _accept(qtbot, pane, role)
    services.metadata.store.users.set_role_keeping_an_admin(pane.session.actor.user_id, Role.ADMIN)
    _click(pane, "users.delete")
    delete = _dialog(pane, DeleteUserDialog)
    qtbot.waitUntil(lambda: not delete.is_busy)
    with qtbot.waitSignal(pane.session.sign_out_wanted):
        _accept(qtbot, pane, delete)


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_what_can_be_done_is_in_the_menu_and_the_palette(qtbot: QtBot, pane: UsersPane) -> None:
    commands = {command.id: command for command in pane.commands()}
    pane.table.clearSelection()
    pane._open_menu(QPoint(5, 5))
    assert pane.findChild(QMenu) is None
    assert not commands["users.delete"].is_enabled()
    assert commands["users.create"].is_enabled()
    _choose(pane, "Bob")
    assert commands["users.delete"].is_enabled()
    pane._open_menu(QPoint(5, 5))
    menu = pane.findChild(QMenu)
    assert menu is not None
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert texts == ["Edit…", "Make an admin", "Reset password…", "Delete…"]
    menu.actions()[0].trigger()
    menu.close()
    _dialog(pane, EditUserDialog).reject()


def test_every_dialog_has_names(qtbot: QtBot, pane: UsersPane) -> None:
    bob, session = _choose(pane, "Bob"), pane.session
    for dialog in (
        CreateUserDialog(session, pane),
        EditUserDialog(session, bob, pane),
        RoleDialog(session, bob, pane),
        ResetPasswordDialog(session, bob, pane),
        DeleteUserDialog(session, bob, pane),
        ProfileDialog(session, pane),
        PasswordDialog(session, pane),
        TemporaryPasswordDialog(bob, "made-up", pane),
    ):
        dialog.show()
        _settle(qtbot, pane)
        assert dialog.accessibleName()
        check_names(dialog)
        dialog.close()
        assert not dialog.isVisible()


def test_small_windows_leave_columns_out(pane: UsersPane) -> None:
    pane.resize(692, 480)
    assert pane.table.isColumnHidden(PASSWORD)
    assert not pane.table.isColumnHidden(ROLE)
    pane.resize(1200, 480)
    assert not pane.table.isColumnHidden(PASSWORD)


# What is left of windows that are 760 and 1180 wide.
@pytest.mark.parametrize("width", [692, 968])
def test_addresses_of_a_usual_length_are_whole(
    qtbot: QtBot, pane: UsersPane, services: Services, width: int
) -> None:
    email = "barbara@mail.example.org"
    services.accounts.create_user(pane.session.actor, "Barbara", email, PASSWORD_TEXT)
    pane.resize(width, 480)
    pane.refresh()
    _settle(qtbot, pane)
    needed = pane.table.sizeHintForColumn(EMAIL)
    assert pane.table.columnWidth(EMAIL) >= needed
    assert pane.table.columnWidth(NAME) >= pane.table.sizeHintForColumn(NAME)
    assert pane.table.horizontalHeader().length() <= pane.table.viewport().width()


def test_a_store_that_fails_can_be_tried_again(
    qtbot: QtBot, pane: UsersPane, services: Services
) -> None:
    services.metadata.close_()
    pane.refresh()
    _settle(qtbot, pane)
    assert pane._pages.currentWidget() is pane._failed
    services.metadata.open_()
    _click(pane, "users.again")
    _settle(qtbot, pane)
    assert pane._pages.currentWidget() is pane._list


def test_what_goes_along_has_to_be_known_first(
    qtbot: QtBot, pane: UsersPane, services: Services
) -> None:
    _choose(pane, "Bob")
    services.metadata.close_()
    _click(pane, "users.delete")
    dialog = _dialog(pane, DeleteUserDialog)
    dialog.work.show_blocking_error = dialog.work.show_error  # type: ignore[method-assign]  # no second window
    qtbot.waitUntil(lambda: not dialog.is_busy)
    assert not dialog.accept_button.isEnabled()
    dialog.reject()
    services.metadata.open_()
