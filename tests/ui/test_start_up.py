"""Which page comes when, and what is asked for on it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    AccessError,
    InputError,
    LocalServerError,
    SchemaError,
    StoreError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.revisions import MigrationStatus
from altus4_desktop.domain.searching import SearchOutcome, SearchRequest
from altus4_desktop.services import Services
from tests.ui.house import ADA, PASSWORD, WAIT_MS, House, migrations
from tests.ui.world import Gate, make_connection


def press(house: House, name: str) -> None:
    button = house.find(name)
    assert isinstance(button, QPushButton)
    assert button.isEnabled(), name
    house.click(button)


def type_into(house: House, name: str, text: str) -> None:
    field = house.find(name)
    assert isinstance(field, QLineEdit)
    field.clear()
    house.type_(field, text)


def texts(page: QWidget) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def test_painted_then_interactive_then_welcome(house: House) -> None:
    told: list[str] = []
    house.window.painted.connect(lambda: told.append("painted"))
    house.window.interactive.connect(lambda: told.append("interactive"))
    house.open_("welcome")
    house.qtbot.waitUntil(lambda: told == ["painted", "interactive"], timeout=WAIT_MS)


def test_services_are_composed_after_the_first_paint_and_off_the_gui_thread(
    house: House,
) -> None:
    composed_on: list[tuple[int, bool]] = []

    def build() -> object:
        composed_on.append((threading.get_ident(), house.window._is_painted))
        return house.build_services()

    house.window.start_up._services_factory = build  # type: ignore[assignment]  # same shape
    house.open_("welcome")
    assert len(composed_on) == 1
    thread, was_painted = composed_on[0]
    assert thread != threading.get_ident()
    assert was_painted


def test_the_demo_is_two_keys_away_and_says_demo(house: House) -> None:
    house.open_("welcome")
    house.key(house.find("welcome.demo"), Qt.Key.Key_Space)
    house.wait_for("workspace")
    assert "DEMO" in house.window.windowTitle()
    badge = house.find("rail.demo")
    assert isinstance(badge, QLabel)
    assert badge.text() == "DEMO"


def test_the_demo_shows_progress_and_can_be_cancelled(house: House) -> None:
    house.demo.gate = Gate()
    house.open_("welcome")
    press(house, "welcome.demo")
    page = house.wait_for("demo")
    house.qtbot.waitUntil(lambda: "Starting MariaDB" in texts(page), timeout=WAIT_MS)
    press(house, "demo.cancel")
    house.wait_for("welcome")


def test_a_demo_that_fails_says_why_and_can_be_tried_again(house: House) -> None:
    house.demo.error = LocalServerError("No server program was found.", hint="Install one.")
    house.open_("welcome")
    press(house, "welcome.demo")
    page = house.wait_for("demo")
    house.qtbot.waitUntil(lambda: "No server program was found." in texts(page), timeout=WAIT_MS)
    assert "Install one." in texts(page)
    house.demo.error = None
    press(house, "demo.retry")
    house.wait_for("workspace")


def test_setting_up_with_a_passphrase(house: House) -> None:
    house.vault.keyring_problem = VaultError("No keyring is running on this computer.")
    house.open_("welcome")
    press(house, "welcome.setup")
    house.wait_for("store")
    press(house, "store.accept")
    page = house.wait_for("secrets")
    house.qtbot.waitUntil(lambda: "No keyring is running" in texts(page), timeout=WAIT_MS)
    keyring = house.find("secrets.keyring")
    assert not keyring.isEnabled()
    press(house, "secrets.accept")
    assert "Enter a passphrase." in texts(page)
    type_into(house, "secrets.first", "open sesame please " * 5)
    assert "72 bytes" not in texts(page)
    type_into(house, "secrets.first", "open sesame please")
    type_into(house, "secrets.second", "open sesame pleas")
    press(house, "secrets.accept")
    assert "The two passphrases differ." in texts(page)
    type_into(house, "secrets.second", "open sesame please")
    press(house, "secrets.accept")
    page = house.wait_for("account")
    assert house.metadata.chosen == [None]
    assert house.vault.passphrase == "open sesame please"
    type_into(house, "account.name", "Grace Hopper")
    type_into(house, "account.email", "grace@example.org")
    press(house, "account.accept")
    assert "Enter a password." in texts(page)
    type_into(house, "account.password", PASSWORD)
    press(house, "account.accept")
    house.wait_for("workspace")
    assert [it[:3] for it in house.accounts.created] == [
        ("Grace Hopper", "grace@example.org", PASSWORD)
    ]
    assert "DEMO" not in house.window.windowTitle()


def test_a_keyring_that_works_is_recommended(house: House) -> None:
    house.open_("welcome")
    press(house, "welcome.setup")
    house.wait_for("store")
    press(house, "store.accept")
    page = house.wait_for("secrets")
    house.qtbot.waitUntil(lambda: "Secret Service works" in texts(page), timeout=WAIT_MS)
    choice = house.find("secrets.keyring")
    assert isinstance(choice, QRadioButton)
    assert choice.isChecked()
    press(house, "secrets.accept")
    house.wait_for("account")
    assert house.vault.kind == "keyring"


def test_a_refused_account_is_shown_beside_its_field(house: House) -> None:
    house.vault.kind, house.vault.unlocked = "keyring", True
    house.accounts.refusal = InputError("email", "That is not an e-mail address.")
    house.open_("welcome")
    press(house, "welcome.setup")
    house.wait_for("store")
    press(house, "store.accept")
    page = house.wait_for("account")
    for name, text in (("name", "A"), ("email", "nonsense"), ("password", PASSWORD)):
        type_into(house, f"account.{name}", text)
    press(house, "account.accept")
    house.qtbot.waitUntil(lambda: "That is not an e-mail" in texts(page), timeout=WAIT_MS)
    assert house.find("account.email").property("invalid") == "true"
    assert house.window.focusWidget() is house.find("account.email")


def test_a_shared_store_is_tested_and_changed_only_with_consent(house: House) -> None:
    house.vault.kind, house.vault.unlocked = "keyring", True
    house.metadata.pending = 2
    house.open_("welcome")
    press(house, "welcome.setup")
    page = house.wait_for("store")
    house.click(house.find("store.shared"))
    press(house, "store.accept")
    assert "Enter the server's name or address." in texts(page)
    type_into(house, "store.host", "db.example.org")
    type_into(house, "store.user", "altus@office")
    type_into(house, "store.password", "s3cret")
    press(house, "store.test")
    house.qtbot.waitUntil(lambda: "Connected to MariaDB 10.11.9" in texts(page), timeout=WAIT_MS)
    assert "Encrypted, certificate and name verified" in texts(page)
    assert "0003  Databases" in texts(page)
    press(house, "store.accept")
    assert "Agree to the changes" in texts(page)
    assert house.metadata.chosen == []
    consent = house.find("store.consent")
    assert isinstance(consent, QCheckBox)
    consent.setChecked(True)
    press(house, "store.accept")
    house.wait_for("account")
    assert house.metadata.chosen == [
        "mysql://altus%40office@db.example.org:3306/altus4_metadata?tls=verify-identity"
    ]
    assert house.metadata.pending == 0


def test_a_shared_store_that_cannot_be_reached_says_so(house: House) -> None:
    house.metadata.report = StoreError("The host was not found.", hint="Check the name.")
    house.open_("welcome")
    press(house, "welcome.setup")
    page = house.wait_for("store")
    house.click(house.find("store.shared"))
    type_into(house, "store.host", "nowhere")
    type_into(house, "store.user", "u")
    press(house, "store.test")
    house.qtbot.waitUntil(lambda: "The host was not found." in texts(page), timeout=WAIT_MS)
    assert "Check the name." in texts(page)


def test_going_on_tries_a_shared_store_first(house: House) -> None:
    house.vault.kind, house.vault.unlocked = "keyring", True
    house.metadata.report = StoreError("The server refuses the password.")
    house.open_("welcome")
    house.key(house.find("welcome.setup"), Qt.Key.Key_Return)
    page = house.wait_for("store")
    house.click(house.find("store.shared"))
    type_into(house, "store.host", "db.example.org")
    type_into(house, "store.user", "u")
    field = house.find("store.password")
    field.setFocus()
    house.key(field, Qt.Key.Key_Return)
    house.qtbot.waitUntil(lambda: "refuses the password" in texts(page), timeout=WAIT_MS)
    assert house.window.page is page
    assert house.metadata.chosen == []
    assert house.window.focusWidget() is field, "the keyboard is where it was"
    house.metadata.report = None
    house.key(field, Qt.Key.Key_Return)
    house.wait_for("account")
    assert len(house.metadata.chosen) == 1


def test_escape_goes_back_while_setting_up(house: House) -> None:
    house.open_("welcome")
    press(house, "welcome.setup")
    house.wait_for("store")
    house.key(house.find("store.embedded"), Qt.Key.Key_Escape)
    house.wait_for("welcome")


def test_signing_in_and_staying_signed_in(house: House) -> None:
    house.set_up()
    house.vault.unlocked = True
    house.open_("sign_in")
    assert house.window.focusWidget() is house.find("sign_in.email")
    type_into(house, "sign_in.email", ADA.email)
    type_into(house, "sign_in.password", PASSWORD)
    remember = house.find("sign_in.remember")
    assert isinstance(remember, QCheckBox)
    remember.setChecked(True)
    house.key(house.find("sign_in.password"), Qt.Key.Key_Return)
    house.wait_for("workspace")
    house.qtbot.waitUntil(lambda: house.accounts.remembered, timeout=WAIT_MS)


def test_a_wrong_password_is_said_beside_the_field(house: House) -> None:
    house.set_up()
    page = house.open_("sign_in").page
    assert page is not None
    press(house, "sign_in.accept")
    assert "Enter your e-mail address." in texts(page)
    type_into(house, "sign_in.email", ADA.email)
    type_into(house, "sign_in.password", "wrong")
    press(house, "sign_in.accept")
    house.qtbot.waitUntil(lambda: "They do not belong together." in texts(page), timeout=WAIT_MS)
    password = house.find("sign_in.password")
    assert password.property("invalid") == "true"
    house.type_(password, "x")
    assert "They do not belong together." not in texts(page)


def test_too_many_wrong_passwords_count_down(house: House) -> None:
    house.set_up()
    page = house.open_("sign_in").page
    assert page is not None
    house.accounts.refusal = AccessError(
        "Wait {wait_s} seconds.", code="access.backoff", details={"wait_s": 2}
    )
    type_into(house, "sign_in.email", ADA.email)
    type_into(house, "sign_in.password", "wrong")
    press(house, "sign_in.accept")
    house.qtbot.waitUntil(lambda: "in 2 seconds" in texts(page), timeout=WAIT_MS)
    button = house.find("sign_in.accept")
    assert not button.isEnabled()
    house.accounts.refusal = None
    house.qtbot.waitUntil(button.isEnabled, timeout=WAIT_MS)
    assert "Too many" not in texts(page)


def test_a_remembered_person_with_a_passphrase_unlocks_first(house: House) -> None:
    house.set_up(remembered=True, vault="passphrase")
    page = house.open_("unlock").page
    assert page is not None
    type_into(house, "unlock.passphrase", "wrong")
    press(house, "unlock.accept")
    house.qtbot.waitUntil(lambda: "That is not the passphrase." in texts(page), timeout=WAIT_MS)
    type_into(house, "unlock.passphrase", PASSWORD)
    press(house, "unlock.accept")
    house.wait_for("workspace")


def test_without_the_passphrase_one_can_still_sign_in(house: House) -> None:
    house.set_up(remembered=True, vault="passphrase")
    house.open_("unlock")
    press(house, "unlock.skip")
    house.wait_for("sign_in")


def test_a_keyring_that_does_not_answer_can_be_left(house: House) -> None:
    house.set_up(remembered=True)
    house.vault.gate = Gate()
    house.window.open_()
    house.qtbot.waitUntil(house.vault.gate.entered.is_set, timeout=WAIT_MS)
    house.wait_for("booting")
    press(house, "booting.cancel")
    house.wait_for("sign_in")


def test_a_store_of_a_newer_program_is_refused_with_ways_out(house: House) -> None:
    house.set_up()
    house.metadata.error = SchemaError(
        "A newer version has changed the store.", hint="Install that version.", code="store.newer"
    )
    page = house.open_("problem").page
    assert page is not None
    assert "Install that version." in texts(page)
    assert "store.newer" in texts(page)
    house.metadata.error = None
    press(house, "problem.retry")
    house.wait_for("sign_in")


def test_another_store_can_be_chosen(house: House) -> None:
    house.set_up()
    house.metadata.error = StoreError("The server cannot be reached.")
    house.open_("problem")
    press(house, "problem.choose")
    house.wait_for("store")
    press(house, "store.back")
    house.wait_for("problem")


def test_a_shared_store_is_upgraded_after_consent(house: House) -> None:
    house.set_up()
    house.metadata.pending = 1
    page = house.open_("upgrade").page
    assert page is not None
    assert "0004  Searches" in texts(page)
    press(house, "upgrade.accept")
    house.wait_for("sign_in")
    assert house.metadata.pending == 0
    assert not house.migrations.went_without_copy


def test_a_shared_store_is_upgraded_without_a_copy_only_after_somebody_agrees(
    house: House, qtbot: QtBot
) -> None:
    house.set_up()
    house.metadata.pending = 1
    house.migrations.can_copy = False
    page = house.open_("upgrade").page
    assert page is not None
    press(house, "upgrade.accept")
    qtbot.waitUntil(lambda: "The metadata store cannot be copied first." in texts(page))
    assert house.metadata.pending == 1
    press(house, "upgrade.message.action1")
    house.wait_for("sign_in")
    assert house.metadata.pending == 0
    assert house.migrations.went_without_copy


def test_a_program_that_cannot_be_put_together_says_so(
    house: House, qtbot: QtBot, tmp_path: Path
) -> None:
    def fail() -> object:
        raise StoreError("The settings file cannot be read.", hint="Mend it.")

    house.window.start_up._services_factory = fail  # type: ignore[assignment]  # it raises
    page = house.open_("problem").page
    assert page is not None
    assert "The settings file cannot be read." in texts(page)
    house.window.start_up._services_factory = house.build_services
    press(house, "problem.retry")
    house.wait_for("welcome")


def test_locking_hides_everything_until_the_password(house: House) -> None:
    house.set_up(remembered=True, vault="passphrase")
    house.vault.unlocked = True
    house.open_("workspace")
    house.key(
        house.find("search.query"),
        Qt.Key.Key_L,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    page = house.wait_for("lock")
    assert house.window.workspace is not None
    assert not house.window.workspace.isVisible()
    house.qtbot.waitUntil(lambda: not house.vault.unlocked, timeout=WAIT_MS)
    house.qtbot.waitUntil(lambda: house.connections.resets == 1, timeout=WAIT_MS)
    type_into(house, "lock.password", "wrong")
    press(house, "lock.accept")
    house.qtbot.waitUntil(lambda: "That is not your password." in texts(page), timeout=WAIT_MS)
    type_into(house, "lock.password", PASSWORD)
    press(house, "lock.accept")
    house.wait_for("unlock")
    type_into(house, "unlock.passphrase", PASSWORD)
    press(house, "unlock.accept")
    house.wait_for("workspace")


def test_a_shared_store_asks_for_its_password(house: House) -> None:
    house.set_up()
    house.metadata.password = "open sesame"
    page = house.open_("store_password").page
    assert page is not None
    type_into(house, "store_password.password", "open barley")
    press(house, "store_password.accept")
    house.qtbot.waitUntil(lambda: "refuses the password" in texts(page), timeout=WAIT_MS)
    assert house.window.page is page
    type_into(house, "store_password.password", "open sesame")
    press(house, "store_password.accept")
    house.wait_for("sign_in")
    assert house.metadata.kept == []


def test_a_store_password_that_was_changed_is_asked_for_and_kept(house: House) -> None:
    house.set_up()
    house.vault.unlocked = True
    house.metadata.can_keep = True
    house.metadata.error = StoreError("The server refuses it.", code="store.credentials")
    page = house.open_("store_password").page
    assert page is not None
    assert "The server refuses it." in texts(page)
    house.metadata.error = None
    type_into(house, "store_password.password", "new one")
    press(house, "store_password.accept")
    house.wait_for("sign_in")
    assert house.metadata.kept == ["new one"]


def test_a_store_password_the_vault_cannot_give_is_asked_for(house: House) -> None:
    house.set_up()
    house.vault.kind = "none"
    house.metadata.sealed = True
    lost = VaultLockedError("Its key ended with the program.")

    def open_(secret: str | None = None) -> MigrationStatus:
        if secret is None:
            raise lost
        return migrations()

    house.metadata.open_ = open_  # type: ignore[method-assign]  # a vault that is gone
    house.open_("store_password")
    press(house, "store_password.choose")
    house.wait_for("store")


def test_the_passphrase_given_at_the_start_opens_the_vault(house: House) -> None:
    house.set_up(remembered=True, vault="passphrase")
    house.passphrase_secret = PASSWORD
    house.open_("workspace")
    assert house.vault.unlocked


def test_a_wrong_passphrase_given_at_the_start_is_asked_for(house: House) -> None:
    house.set_up(remembered=True, vault="passphrase")
    house.passphrase_secret = "not it"
    page = house.open_("unlock").page
    assert page is not None
    assert "That is not the passphrase." in texts(page)
    type_into(house, "unlock.passphrase", PASSWORD)
    press(house, "unlock.accept")
    house.wait_for("workspace")


def test_the_passphrase_given_at_the_start_sets_up_the_vault(house: House) -> None:
    house.passphrase_secret = "open sesame please"
    house.open_("welcome")
    press(house, "welcome.setup")
    house.wait_for("store")
    press(house, "store.accept")
    house.wait_for("account")
    assert house.vault.passphrase == "open sesame please"


def test_an_unfit_passphrase_given_at_the_start_is_chosen_by_hand(house: House) -> None:
    house.passphrase_secret = ""
    house.vault.keyring_problem = VaultError("No keyring is running on this computer.")
    house.open_("welcome")
    press(house, "welcome.setup")
    house.wait_for("store")
    press(house, "store.accept")
    page = house.wait_for("secrets")
    assert "The passphrase is too short." in texts(page)


def test_the_demo_uses_the_passphrase_given_at_the_start(house: House) -> None:
    house.passphrase_secret = "open sesame please"
    house.open_("welcome")
    press(house, "welcome.demo")
    house.wait_for("workspace")
    assert house.demo.passphrases == ["open sesame please"]


def test_locking_stops_a_running_search(house: House) -> None:
    house.set_up(remembered=True)
    house.vault.unlocked = True
    gate, stopped = Gate(), threading.Event()

    def slow(
        request: SearchRequest, tell: Callable[[SearchOutcome], None], token: CancelToken
    ) -> SearchOutcome:
        try:
            gate.wait(token)
        finally:
            stopped.set()
        raise AssertionError("the search went on")

    house.search.script = slow
    house.connections.saved.append(make_connection())
    house.open_("workspace")
    type_into(house, "search.query", "anything")
    house.key(house.find("search.query"), Qt.Key.Key_Return)
    house.qtbot.waitUntil(gate.entered.is_set, timeout=WAIT_MS)
    house.window.lock()
    house.wait_for("lock")
    house.qtbot.waitUntil(stopped.is_set, timeout=WAIT_MS)


def test_signing_out_forgets_the_person_and_their_panes(house: House) -> None:
    house.set_up(remembered=True)
    house.vault.unlocked = True
    house.open_("workspace")
    workspace = house.window.workspace
    assert workspace is not None
    with house.qtbot.waitSignal(workspace.destroyed, timeout=WAIT_MS):
        workspace.sign_out_requested.emit()
    house.wait_for("sign_in")
    house.qtbot.waitUntil(lambda: not house.vault.unlocked, timeout=WAIT_MS)
    house.qtbot.waitUntil(lambda: house.connections.resets == 1, timeout=WAIT_MS)
    assert not house.accounts.remembered
    assert house.window.workspace is None


def test_what_was_put_off_does_not_come_after_the_sign_out(house: House) -> None:
    house.set_up(remembered=True)
    house.vault.unlocked = True
    house.connections.saved.append(make_connection())
    house.open_("workspace")
    workspace = house.window.workspace
    assert workspace is not None
    workspace.show_pane("connections")
    due = [timer for timer in workspace.findChildren(QTimer) if timer.isActive()]
    assert due
    workspace.sign_out_requested.emit()
    assert not [timer for timer in due if timer.isActive()]


def test_the_next_start_begins_with_the_sign_in_page(house: House) -> None:
    house.set_up()
    house.vault.unlocked = True
    house.open_("sign_in")
    house.window.close()
    house.reopen()
    assert house.window.page is not None
    assert house.window.page.objectName() == "sign_in", "no other page comes first"
    gate = Gate()

    def slowly() -> Services:
        gate.wait(CancelToken())
        return house.build_services()

    house.window.start_up._services_factory = slowly
    settled: list[bool] = []
    house.window.settled.connect(lambda: settled.append(True))
    house.open_("sign_in")
    house.qtbot.waitUntil(gate.entered.is_set, timeout=WAIT_MS)
    type_into(house, "sign_in.email", ADA.email)
    type_into(house, "sign_in.password", PASSWORD)
    press(house, "sign_in.accept")
    assert not settled
    gate.open()
    house.wait_for("workspace")
    assert settled == [True]


def test_a_sign_in_page_that_was_expected_in_vain_gives_way(house: House) -> None:
    house.set_up()
    house.open_("sign_in")
    house.window.close()
    house.accounts.there = False
    house.reopen()
    assert house.window.page is not None
    assert house.window.page.objectName() == "sign_in"
    house.open_("welcome")
    house.window.close()
    house.reopen()
    assert house.window.page.objectName() == "booting"
