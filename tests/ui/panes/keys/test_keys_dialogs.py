"""Keys are made, looked at, changed, replaced and revoked in the window."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.keys import (
    KeyAnswer,
    KeyDraft,
    KeyEnvironment,
    KeyFilter,
    KeyPermission,
    KeyTier,
    RateLimit,
)
from altus4_desktop.services import Services
from altus4_desktop.ui.panes.keys.dialogs import RevokeDialog, RotateDialog
from altus4_desktop.ui.panes.keys.model import (
    PREFIX,
)
from altus4_desktop.ui.panes.keys.pane import KeysPane
from altus4_desktop.ui.secret_clipboard import secret_clipboard
from altus4_desktop.ui.times import full
from tests.ui.panes.keys.window import (
    DAY,
    Change,
    Open,
    click,
    dismiss,
    find,
    form_of,
    from_now,
    label,
    made_of,
    make,
    names,
    settle,
    wait_for_rows,
)
from tests.ui.test_accessibility import check_names


def test_a_key_is_made_and_shown_once(
    qtbot: QtBot, open_: Open, services: Services, admin: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pane = open_(admin)
    click(qtbot, pane, "keys.create")
    dialog = form_of(pane)
    check_names(dialog)
    form = dialog.form
    qtbot.keyClicks(form.name, "Nightly export")
    click(qtbot, form, "keys.environment.live")
    form.permissions[KeyPermission.ANALYTICS].click()
    click(qtbot, form, "keys.tier.pro")
    form.own_limit.click()
    form.requests.setText("60")
    form.window_s.setText("60")
    assert '{"requests": 60, "window_s": 60}' in form.limit_json.text()
    form.expiry.setCurrentIndex(form.expiry.findData("90"))
    qtbot.keyClick(form.name, Qt.Key.Key_Return)
    made = made_of(qtbot, pane)
    settle(qtbot, pane)
    (key,) = services.keys.list_(admin).keys
    assert (key.name, key.environment, key.tier) == (
        "Nightly export",
        KeyEnvironment.LIVE,
        KeyTier.PRO,
    )
    assert key.custom_limit == RateLimit(60, 60)
    assert key.permissions == {KeyPermission.SEARCH, KeyPermission.ANALYTICS}
    assert key.expires_at is not None
    assert abs(key.expires_at - from_now(90 * DAY)) < timedelta(minutes=1)
    check_names(made)
    text = made.text.text()
    assert services.keys.verify_(text).answer is KeyAnswer.VALID
    assert not made.text.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    # Not before it is stored.
    assert not made.close_button.isEnabled()
    qtbot.keyClick(made, Qt.Key.Key_Escape)
    assert made.isVisible()
    made.close()
    assert made.isVisible()
    assert "30 s" in made.copied.text()
    made.copy_button.click()
    assert QGuiApplication.clipboard().text() == text
    assert made.copied.text() == "On the clipboard for 30 s more"
    secret_clipboard().clear()
    assert QGuiApplication.clipboard().text() == ""
    assert made.copied.text() == "Not on the clipboard any more"
    shown_key = made.text
    made.stored.click()
    made.close_button.click()
    assert shown_key.text() == ""
    assert pane.errands.shown is None
    settle(qtbot, pane)
    # It is in the list, selected, and only its beginning is anywhere.
    assert [one.id for one in pane.selected_records()] == [key.id]
    assert label(pane, "keys.detail.prefix") == text[:30]
    shown = [one.text() for one in pane.findChildren(QLabel)]
    shown += [field.text() for field in pane.findChildren(QLineEdit)]
    assert text[30:] not in "\n".join(shown)
    assert text[30:] not in caplog.text


def test_the_copy_keys_copy(qtbot: QtBot, open_: Open, services: Services, user: Actor) -> None:
    pane = open_(user)
    pane.errands.show_made(make(services, user, "A key"))
    dialog = made_of(qtbot, pane)
    text = dialog.text.text()
    qtbot.keyClick(dialog, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == text
    dismiss(qtbot, pane)
    # Closing the dialog does not take it from whoever is about to paste it.
    assert QGuiApplication.clipboard().text() == text
    assert secret_clipboard().seconds_left > 0


def test_a_shown_key_is_covered_with_the_pane(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    pane = open_(user)
    pane.errands.show_made(make(services, user, "A key"))
    dialog = made_of(qtbot, pane)
    pane.hide()
    assert not dialog.isVisible()
    pane.show()
    assert dialog.isVisible()
    assert dialog.text.text()
    dismiss(qtbot, pane)


def test_nothing_can_be_done_while_the_pane_is_covered(open_: Open, user: Actor) -> None:
    pane = open_(user)
    pane.create_key()
    form_of(pane).form.name.setText("Half of it")
    pane.hide()
    assert not form_of(pane).isVisible()
    pane.show()
    assert form_of(pane).isVisible()
    assert form_of(pane).form.name.text() == "Half of it"
    form_of(pane).reject()
    assert pane.errands.dialog is None


def test_what_only_admins_may_grant(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    pane = open_(user)
    pane.create_key()
    form = form_of(pane).form
    assert not form.permissions[KeyPermission.ADMIN].isEnabled()
    assert "Only an admin" in form.fields["permissions"].note.text()
    for tier in ("pro", "enterprise"):
        button = find(form, QPushButton, f"keys.tier.{tier}")
        assert not button.isEnabled()
        assert "Only an admin" in button.toolTip()
    assert "Only an admin" in form.fields["tier"].note.text()
    form.own_limit.click()
    form.requests.setText("1001")
    assert form.fields["custom_limit"].is_wrong
    assert "1,000" in form.fields["custom_limit"].note.text()
    # The service refuses it, whatever the form says.
    form.name.setText("Greedy")
    form_of(pane).accept_button.click()
    settle(qtbot, pane)
    assert "Only an admin" in form_of(pane).message.text()
    assert form_of(pane).accept_button.isEnabled()
    form.requests.setText("1000")
    form_of(pane).accept_button.click()
    dismiss(qtbot, pane)
    assert [key.custom_limit for key in services.keys.list_(user).keys] == [RateLimit(1000)]


@pytest.mark.parametrize(
    ("requests", "window_s", "valid"),
    [("1", "1", True), ("10000000", "86400", True), ("0", "60", False), ("5", "86401", False)],
)
def test_a_limit_is_checked_while_it_is_written(
    open_: Open, admin: Actor, requests: str, window_s: str, valid: bool
) -> None:
    pane = open_(admin)
    pane.create_key()
    form = form_of(pane).form
    form.own_limit.setChecked(True)
    form.requests.setText(requests)
    form.window_s.setText(window_s)
    assert form.fields["custom_limit"].is_wrong is not valid
    assert bool(form.limit_json.text()) is valid
    form_of(pane).reject()


def test_an_expiry_by_day(qtbot: QtBot, open_: Open, services: Services, user: Actor) -> None:
    pane = open_(user)
    pane.create_key()
    form = form_of(pane).form
    form.name.setText("For a while")
    assert not form.day.isVisible()
    form.expiry.setCurrentIndex(form.expiry.findData("date"))
    assert form.day.isVisible()
    for wrong in ("tomorrow", "2030-02-30", "9999-12-31"):
        form.day.setText(wrong)
        assert form.fields["expires"].is_wrong, wrong
    form.day.setText("2020-01-01")
    form_of(pane).accept_button.click()
    settle(qtbot, pane)
    assert "expired already" in form.fields["expires"].note.text()
    form.day.setText("2031-12-31")
    form_of(pane).accept_button.click()
    dismiss(qtbot, pane)
    (key,) = services.keys.list_(user).keys
    assert key.expires_at == datetime(2032, 1, 1).astimezone() - timedelta(seconds=1)


def test_a_name_is_asked_for(qtbot: QtBot, open_: Open, user: Actor) -> None:
    pane = open_(user)
    pane.create_key()
    form_of(pane).accept_button.click()
    settle(qtbot, pane)
    assert form_of(pane).form.fields["name"].is_wrong
    assert form_of(pane).form.name.hasFocus()
    form_of(pane).form.permissions[KeyPermission.SEARCH].click()
    form_of(pane).form.name.setText("A name")
    form_of(pane).accept_button.click()
    settle(qtbot, pane)
    assert form_of(pane).form.fields["permissions"].is_wrong
    form_of(pane).reject()


def test_everything_about_a_key(
    qtbot: QtBot, open_: Open, services: Services, admin: Actor, user: Actor
) -> None:
    made = make(services, user, "<b>Bold</b>", custom_limit=RateLimit(8, 3600))
    for _ in range(3):
        services.keys.authenticate_(made.key_secret)
    pane = open_(admin)
    pane.table.selectRow(0)
    settle(qtbot, pane)
    assert pane.detail.isVisible()
    assert pane.table.width() > pane.detail.width()
    title = find(pane, QLabel, "keys.detail.name")
    assert (title.text(), title.textFormat()) == ("<b>Bold</b>", Qt.TextFormat.PlainText)
    assert label(pane, "keys.detail.owner") == user.email
    assert label(pane, "keys.detail.limit") == "8 requests in an hour (of its own)"
    assert label(pane, "keys.detail.used") == "3 of 8"
    assert (pane.detail._used.value(), pane.detail._used.maximum()) == (3, 8)
    assert "127.0.0.1" in label(pane, "keys.detail.last_used")
    assert label(pane, "keys.detail.uses") == "3"
    check_names(pane)
    pane.table.setFocus()
    qtbot.keyClick(pane.table, Qt.Key.Key_Escape)
    assert not pane.detail.isVisible()


def test_in_a_small_window_the_key_takes_the_place_of_the_list(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    make(services, user, "A key")
    pane = open_(user)
    pane.resize(700, 450)
    pane.table.selectRow(0)
    settle(qtbot, pane)
    assert pane.detail.isVisible()
    assert not pane.table.isVisible()
    qtbot.keyClick(pane.detail, Qt.Key.Key_Escape)
    assert pane.table.isVisible()
    assert pane.table.hasFocus()
    assert pane.table.isColumnHidden(PREFIX)


def test_a_key_is_edited(qtbot: QtBot, open_: Open, services: Services, user: Actor) -> None:
    key = make(services, user, "Before", expires_at=from_now(40 * DAY)).key
    pane = open_(user)
    pane.table.selectRow(0)
    pane.table.setFocus()
    qtbot.keyClick(pane.table, Qt.Key.Key_Return)
    form = form_of(pane).form
    assert form.draft() == KeyDraft.of(key)
    for environment in KeyEnvironment:
        assert not find(form, QPushButton, f"keys.environment.{environment.value}").isEnabled()
    form.name.setText("After")
    form_of(pane).accept_button.click()
    settle(qtbot, pane)
    assert pane.errands.dialog is None
    assert names(pane) == ["After"]
    assert label(pane, "keys.detail.name") == "After"
    assert services.keys.get_(user, key.id).expires_at == key.expires_at


def test_what_somebody_else_changed_meanwhile_is_said(
    qtbot: QtBot, open_: Open, services: Services, change: Change, user: Actor
) -> None:
    make(services, user, "A key")
    pane = open_(user)
    pane.table.selectRow(0)
    settle(qtbot, pane)
    pane.edit_key()
    change("UPDATE api_keys SET is_active = 0")
    form_of(pane).accept_button.click()
    settle(qtbot, pane)
    assert "is revoked" in form_of(pane).message.text()
    form_of(pane).reject()


def test_old_and_new_stand_side_by_side_with_a_countdown(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    old = make(services, user, "A key")
    pane = open_(user)
    pane.table.selectRow(0)
    settle(qtbot, pane)
    click(qtbot, pane, "keys.rotate")
    dialog = pane.errands.dialog
    assert isinstance(dialog, RotateDialog)
    check_names(dialog)
    click(qtbot, dialog, "keys.grace.now")
    assert "no more" in dialog.old_ends.text()
    click(qtbot, dialog, "keys.grace.1h")
    assert "until" in dialog.old_ends.text()
    dialog.accept_button.click()
    made = made_of(qtbot, pane)
    new_secret = made.text.text()
    dismiss(qtbot, pane)
    for text in (old.key_secret, new_secret):
        assert services.keys.verify_(text).answer is KeyAnswer.VALID
    detail = pane.detail
    assert detail.key is not None
    assert detail.key.predecessor_id == old.key.id
    assert [one.id for one in pane.selected_records()] == [detail.key.id]
    assert find(pane, QWidget, "keys.detail.rotation").isVisible()
    assert detail.old.prefix.text() == old.key.prefix
    assert detail.new.prefix.text() == new_secret[:30]
    before = detail.old.ends.text()
    assert before.startswith("Ends in 00:5")
    qtbot.waitUntil(lambda: detail.old.ends.text() != before)
    # To the old one, and there neither editing nor rotating again.
    click(qtbot, detail.old, "keys.old.show")
    settle(qtbot, pane)
    assert detail.key.id == old.key.id
    assert not detail.edit_button.isEnabled()
    assert not detail.rotate_button.isEnabled()
    assert "being replaced" in detail.edit_button.toolTip()
    assert detail.revoke_button.isEnabled()


def test_a_new_key_is_not_promised_more_time_than_it_gets(
    qtbot: QtBot, open_: Open, services: Services, change: Change, user: Actor
) -> None:
    make(services, user, "A key", expires_at=from_now(8 * 365 * DAY))
    change("UPDATE api_keys SET created_at = datetime('now', '-5 years')")
    pane = open_(user)
    pane.table.selectRow(0)
    settle(qtbot, pane)
    click(qtbot, pane, "keys.rotate")
    dialog = pane.errands.dialog
    assert isinstance(dialog, RotateDialog)
    promised = dialog.new_ends.text()
    dialog.accept_button.click()
    made = made_of(qtbot, pane).key
    dismiss(qtbot, pane)
    assert made.expires_at is not None
    assert promised == f"Works until {full(made.expires_at)}"


def test_a_key_replaced_at_once_is_reached_though_it_is_not_listed(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    first = make(services, user, "A key").key
    second = services.keys.rotate_(user, first.id).key
    third = services.keys.rotate_(user, second.id).key
    pane = open_(user)
    assert [key.id for key in pane.model.records] == [third.id]
    pane.table.selectRow(0)
    settle(qtbot, pane)
    click(qtbot, pane.detail, "keys.old.show")
    settle(qtbot, pane)
    assert pane.detail.key is not None
    assert pane.detail.key.id == second.id
    assert pane.detail._chip.text() == "Revoked"
    assert not pane.detail.revoke_button.isEnabled()
    assert pane.selected_records() == []
    click(qtbot, pane.detail, "keys.before")
    settle(qtbot, pane)
    assert pane.detail.key.id == first.id


def _revoke_dialog(qtbot: QtBot, pane: KeysPane) -> RevokeDialog:
    qtbot.waitUntil(lambda: isinstance(pane.errands.dialog, RevokeDialog))
    assert isinstance(pane.errands.dialog, RevokeDialog)
    check_names(pane.errands.dialog)
    return pane.errands.dialog


def test_a_key_is_revoked_after_a_question(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    make(services, user, "Idle")
    make(services, user, "Stays")
    pane = open_(user)
    pane.table.selectRow(names(pane).index("Idle"))
    settle(qtbot, pane)
    click(qtbot, pane, "keys.revoke")
    dialog = _revoke_dialog(qtbot, pane)
    assert dialog.names == {}
    assert dialog.cancel_button.isDefault()
    dialog.reject()
    assert len(services.keys.list_(user).keys) == 2
    pane.table.setFocus()
    qtbot.keyClick(pane.table, Qt.Key.Key_Delete)
    _revoke_dialog(qtbot, pane).accept_button.click()
    settle(qtbot, pane)
    assert names(pane) == ["Stays"]
    assert pane.errands.dialog is None
    assert [key.name for key in services.keys.list_(user, KeyFilter.REVOKED).keys] == ["Idle"]


def test_one_in_use_asks_for_its_name(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    made = make(services, user, "Nightly export")
    services.keys.authenticate_(made.key_secret)
    pane = open_(user)
    pane.table.selectRow(0)
    settle(qtbot, pane)
    click(qtbot, pane, "keys.revoke")
    dialog = _revoke_dialog(qtbot, pane)
    assert not dialog.accept_button.isEnabled()
    (field,) = dialog.names.values()
    assert field.hasFocus()
    qtbot.keyClicks(field, "nightly export")
    assert not dialog.accept_button.isEnabled()
    field.clear()
    qtbot.keyClicks(field, "Nightly export")
    dialog.accept_button.click()
    settle(qtbot, pane)
    assert services.keys.verify_(made.key_secret).answer is KeyAnswer.REVOKED
    assert pane.detail._chip.text() == "Revoked"


def test_many_are_revoked_at_once(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    used = make(services, user, "Used")
    services.keys.authenticate_(used.key_secret)
    for name in ("Idle one", "Idle two"):
        make(services, user, name)
    pane = open_(user)
    pane.table.selectAll()
    assert pane._bar.isVisible()
    assert not pane.detail.isVisible()
    assert pane.revoke_selected_button.text() == "Revoke 3…"
    pane.revoke_selected_button.click()
    dialog = _revoke_dialog(qtbot, pane)
    assert list(dialog.names) == ["Used"]
    assert not dialog.accept_button.isEnabled()
    dialog.idle_button.click()
    settle(qtbot, pane)
    assert names(pane) == ["Used"]
    pane.filters.clear()
    wait_for_rows(qtbot, pane, 3)
    pane.table.selectAll()
    assert pane.revoke_selected_button.text() == "Revoke 1…"
    pane.revoke_selected_button.click()
    dialog = _revoke_dialog(qtbot, pane)
    dialog.names["Used"].setText("Used")
    dialog.accept_button.click()
    settle(qtbot, pane)
    assert services.keys.count_(user, KeyFilter.REVOKED) == 3
    click(qtbot, pane, "keys.select_none")
    assert not pane._bar.isVisible()
