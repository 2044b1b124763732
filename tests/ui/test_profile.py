"""What people change of their own account, over a real store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Preferences, User, UserDraft
from altus4_desktop.domain.errors import AccessError
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.services import Services
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui import times
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.profile import PasswordDialog, ProfileDialog
from altus4_desktop.ui.rail import Rail
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from altus4_desktop.ui.workspace import Workspace

PASSWORD = "correct horse battery"
OTHER = "another horse battery"


@pytest.fixture
def runner(qapp: object) -> Iterator[TaskRunner]:
    made = TaskRunner()
    yield made
    assert made.shutdown(5.0)
    made.deleteLater()


@pytest.fixture
def session(tmp_path: Path, runner: TaskRunner) -> Iterator[Session]:
    """Ada, signed in."""
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        actor = services.accounts.create_first_admin("Ada", "ada@example.org", PASSWORD)
        made = Session(services, runner, Theme(), report_crash=_raise)
        made.set_actor(actor)
        yield made


def _raise(error: BaseException) -> None:
    raise error


def _shown(qtbot: QtBot, dialog: FormDialog) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: not dialog.is_busy)


def _accept(qtbot: QtBot, dialog: FormDialog) -> None:
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: not dialog.is_busy)


def _enter(dialog: FormDialog, name: str, text: str) -> None:
    field = dialog.findChild(QLineEdit, name)
    assert field is not None
    field.setText(text)


def _wrong(dialog: FormDialog) -> str:
    return next(key for key, row in dialog.work.fields.items() if row.is_wrong)


def test_the_profile_is_shown_and_saved(qtbot: QtBot, session: Session) -> None:
    dialog = ProfileDialog(session)
    _shown(qtbot, dialog)
    assert dialog._name.text() == "Ada"
    assert dialog._zone.zone == "UTC"
    assert dialog._password_row.isHidden()
    _enter(dialog, "profile.name", "Ada Lovelace")
    dialog._zone.setCurrentText("Asia/Tokyo")
    dialog._mode.setCurrentIndex(2)
    dialog._size.setCurrentIndex(dialog._size.findData(50))
    _accept(qtbot, dialog)
    assert not dialog.isVisible()
    again = ProfileDialog(session)
    _shown(qtbot, again)
    assert (again._mode.currentData(), again._size.currentData()) == ("boolean", 50)
    again.reject()
    assert session.actor.name == "Ada Lovelace"
    assert session.actor.timezone == "Asia/Tokyo"
    assert session.actor.choices == Preferences(SearchMode.BOOLEAN, 50)
    assert session.services.accounts.get_profile(session.actor).name == "Ada Lovelace"


def test_another_address_takes_the_password(qtbot: QtBot, session: Session) -> None:
    dialog = ProfileDialog(session)
    _shown(qtbot, dialog)
    _enter(dialog, "profile.email", "ada@example.com")
    assert not dialog._password_row.isHidden()
    _enter(dialog, "profile.password", "wrong")
    _accept(qtbot, dialog)
    assert _wrong(dialog) == "password"
    _enter(dialog, "profile.password", PASSWORD)
    _accept(qtbot, dialog)
    assert session.actor.email == "ada@example.com"
    assert dialog._password.text() == ""


def test_what_is_refused_is_said_beside_its_field(qtbot: QtBot, session: Session) -> None:
    dialog = ProfileDialog(session)
    _shown(qtbot, dialog)
    dialog._zone.setCurrentText("no zone at all")
    _accept(qtbot, dialog)
    assert _wrong(dialog) == "timezone"
    assert dialog.isVisible()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert session.actor.timezone == "UTC"


def test_a_store_that_fails_is_told(qtbot: QtBot, session: Session) -> None:
    session.services.metadata.close_()
    dialog = ProfileDialog(session)
    dialog.work.show_blocking_error = dialog.work.show_error  # type: ignore[method-assign]  # no second window
    _shown(qtbot, dialog)
    assert dialog.work.message.isVisible()
    session.services.metadata.open_()


def test_the_password_is_changed(qtbot: QtBot, session: Session) -> None:
    dialog = PasswordDialog(session)
    _shown(qtbot, dialog)
    for current, new, again, wrong in (
        ("", OTHER, OTHER, "password"),
        (PASSWORD, "", "", "new_password"),
        (PASSWORD, "short", "short", "new_password"),
        ("wrong", OTHER, OTHER, "password"),
    ):
        _enter(dialog, "password.current", current)
        _enter(dialog, "password.new", new)
        _enter(dialog, "password.again", again)
        _accept(qtbot, dialog)
        assert _wrong(dialog) == wrong
    _enter(dialog, "password.current", PASSWORD)
    _enter(dialog, "password.new", OTHER)
    _enter(dialog, "password.again", OTHER + "x")
    _accept(qtbot, dialog)
    assert dialog.isVisible()
    _enter(dialog, "password.again", OTHER)
    _accept(qtbot, dialog)
    assert not dialog.isVisible()
    assert [field.text() for field in dialog.findChildren(QLineEdit)] == ["", "", ""]
    assert session.services.accounts.sign_in("ada@example.org", OTHER) == session.actor


def test_too_many_wrong_passwords_have_to_wait(qtbot: QtBot, session: Session) -> None:
    for _ in range(5):
        with pytest.raises(AccessError):
            session.services.accounts.sign_in("ada@example.org", "wrong password")
    dialog = PasswordDialog(session)
    _shown(qtbot, dialog)
    _enter(dialog, "password.current", PASSWORD)
    _enter(dialog, "password.new", OTHER)
    _enter(dialog, "password.again", OTHER)
    _accept(qtbot, dialog)
    assert _wrong(dialog) == "password"


@pytest.fixture
def workspace(qtbot: QtBot, session: Session) -> Iterator[Workspace]:
    made = Workspace(session)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.open_()
    made.show()
    qtbot.waitUntil(lambda: not session.runner.running)
    yield made
    made.shut()
    qtbot.waitUntil(lambda: not session.runner.running)


def test_the_window_shows_who_it_is_now(
    qtbot: QtBot, session: Session, workspace: Workspace
) -> None:
    instant = datetime(2026, 1, 30, 12, tzinfo=UTC)
    assert times.exact(instant) == "2026-01-30 12:00:00"
    entries = {entry.command.id: entry.command for entry in workspace._list_entries()}
    entries["account.profile"].run()
    dialog = workspace.findChild(ProfileDialog)
    assert dialog is not None
    qtbot.waitUntil(lambda: not dialog.is_busy)
    dialog._name.setText("Grace Hopper")
    dialog._zone.setCurrentText("Asia/Tokyo")
    dialog.accept_button.click()
    rail = workspace.findChild(Rail)
    assert rail is not None
    qtbot.waitUntil(lambda: "Grace Hopper" in rail._account.accessibleName())
    assert times.exact(instant) == "2026-01-30 21:00:00"
    assert times.zone(instant) == "JST"
    assert times.midnight(date(2026, 1, 30)) == datetime(2026, 1, 29, 15, tzinfo=UTC)
    workspace.shut()
    assert times.midnight(date(2026, 1, 30)) == datetime(2026, 1, 30).astimezone()


def test_who_signs_out_while_it_is_saved_stays_signed_out(
    qtbot: QtBot, session: Session, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.open_profile()
    dialog = workspace.findChild(ProfileDialog)
    assert dialog is not None
    qtbot.waitUntil(lambda: not dialog.is_busy)
    gate, update = threading.Event(), session.services.accounts.update_profile

    def slow(actor: Actor, draft: UserDraft, secret: str) -> User:
        gate.wait(20)
        return update(actor, draft, secret)

    monkeypatch.setattr(session.services.accounts, "update_profile", slow)
    dialog._name.setText("Grace Hopper")
    dialog.accept_button.click()
    workspace.shut()
    session.set_actor(None)
    gate.set()
    qtbot.waitUntil(lambda: not session.runner.running)
    assert not session.is_signed_in
    dialog.reject()


def test_another_password_is_two_clicks_away(
    qtbot: QtBot, session: Session, workspace: Workspace
) -> None:
    menu = workspace.rail._account.menu()
    titles = [action.text() for action in menu.actions()]
    assert titles[:2] == ["Profile…", "Change password…"]
    menu.actions()[0].trigger()
    profile = workspace.findChild(ProfileDialog)
    assert profile is not None
    qtbot.waitUntil(lambda: not profile.is_busy)
    profile._change_password()
    dialog = workspace.findChild(PasswordDialog)
    assert dialog is not None
    dialog.reject()


def test_an_unknown_zone_is_the_computers(qapp: object) -> None:
    times.use_zone("Middle/Earth")
    assert times.midnight(date(2026, 1, 30)) == datetime(2026, 1, 30).astimezone()


def test_searching_begins_as_preferred(qtbot: QtBot, session: Session) -> None:
    services: Services = session.services
    user = services.accounts.get_profile(session.actor)
    preferred = Preferences(SearchMode.BOOLEAN, 100).added_to(user.preferences)
    for preferences, mode, size in (({}, "natural", 20), (preferred, "boolean", 100)):
        services.metadata.store.users.update_(
            type(user)(user.id, user.name, user.email, user.role, preferences)
        )
        session.set_actor(services.accounts.get_profile(session.actor).as_actor())
        pane = SearchPane(session)
        qtbot.addWidget(pane)
        assert (pane.view.options.mode.key, pane.view.options.limit.currentData()) == (mode, size)
        pane.shut()
    qtbot.waitUntil(lambda: not session.runner.running)
