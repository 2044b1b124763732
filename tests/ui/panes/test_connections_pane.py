"""The connections pane as a person uses it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolTip,
    QWidget,
)
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.connections import (
    ConnectionDraft,
    Environment,
    PoolStats,
    SshMethod,
    SshSettings,
    TlsMode,
    TlsReport,
    TunnelState,
    ssh_fingerprint,
)
from altus4_desktop.domain.errors import (
    ConflictError,
    InputError,
    KeyMissingError,
    StoreError,
    TenantError,
    TenantFailure,
    UnknownHostKeyError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.services.rights_words import verdict
from altus4_desktop.ui.dialogs import ConfirmDialog
from altus4_desktop.ui.panes.connections.controller import Phase
from altus4_desktop.ui.panes.connections.dialogs import ConnectionDialog
from altus4_desktop.ui.panes.connections.model import Reach
from altus4_desktop.ui.panes.connections.pane import ConnectionsPane
from altus4_desktop.ui.panes.settings.vault_dialogs import UnlockDialog
from altus4_desktop.ui.texts import remark_text
from tests.ui.house import FakeVault
from tests.ui.world import REPORT, STATS, Gate, World, make_connection, make_schema, make_table

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEX5iQFxbmQf8oSKvMWmXJIxXeTIWdcF4rW6mQ0vVJ7C"


def names(pane: ConnectionsPane) -> list[str]:
    return [str(pane.connections.index(row).data()) for row in range(pane.connections.rowCount())]


def opened(pane: ConnectionsPane) -> ConnectionDialog:
    assert pane.dialog is not None
    return pane.dialog


def fill(dialog: ConnectionDialog, name: str = "Shop") -> None:
    dialog.form.name_field.setText(name)
    dialog.form.host.setText("db.internal")
    dialog.form.database.setText("shop")
    dialog.form.username.setText("reader")
    dialog.form.password.setText("s3cret")


def press(qtbot: QtBot, button: QWidget | None) -> None:
    assert button is not None, "the button is not there"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


class TestList:
    def test_shows_connections_and_the_schema_of_the_first(
        self, connections_pane: ConnectionsPane
    ) -> None:
        assert names(connections_pane) == ["Library 1", "Library 2"]
        assert connections_pane.card.name_label.text() == "Library 1"
        assert connections_pane.card.tree_pages.currentWidget() is connections_pane.card.tree
        assert connections_pane.card.tree_model.rowCount() == 1
        assert connections_pane.connections.row_at(0).reach is Reach.READY
        assert "Never connected" not in connections_pane.card.facts.text(), (
            "its schema has been read"
        )
        assert connections_pane.card.pool.text() == "Pool: 3 of 10 open, 1 busy, 2 idle, 0 waiting"

    def test_numbers_and_days_are_whole_or_left_out(
        self, qtbot: QtBot, connections_pane: ConnectionsPane
    ) -> None:
        tree = connections_pane.card.tree
        for width, has_days in ((692, False), (1700, True)):
            connections_pane.resize(width, 480)
            qtbot.waitUntil(lambda it=has_days: tree.isColumnHidden(3) != it)  # type: ignore[misc]  # bound now
            assert tree.columnWidth(2) >= tree.sizeHintForColumn(2)
            assert not has_days or tree.columnWidth(3) >= tree.sizeHintForColumn(3)
            qtbot.waitUntil(lambda: not tree.horizontalScrollBar().isVisible())
            assert not tree.keeps_columns, "nobody has arranged anything"
        assert tree.columnWidth(0) > 250

    def test_the_schema_follows_the_selection(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.schemas["c2"] = make_schema(make_table("orders"))
        connections_pane.list.setFocus()
        qtbot.keyClick(connections_pane.list, Qt.Key.Key_Down)
        qtbot.waitUntil(lambda: connections_pane.card.tree_model.index(0, 0).data() == "orders")

    def test_a_failing_server_says_why_in_the_list_and_in_the_tree(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.errors["schema"] = TenantError(
            TenantFailure.PORT, "Nothing answers.", hint="Start it.", server_code=2003
        )
        connections_pane.list.setCurrentIndex(connections_pane.connections.index(1))
        qtbot.waitUntil(
            lambda: (
                connections_pane.card.tree_pages.currentWidget()
                is connections_pane.card.tree_failed
            )
        )
        assert connections_pane.connections.row_at(1).reach is Reach.FAILED
        said = connections_pane.connections.index(1).data(Qt.ItemDataRole.AccessibleTextRole)
        assert "Nothing answers." in said
        world.connections.errors.clear()
        again = connections_pane.findChild(QPushButton, "connections.schema.again")
        press(qtbot, again)
        qtbot.waitUntil(
            lambda: connections_pane.card.tree_pages.currentWidget() is connections_pane.card.tree
        )
        assert world.connections.schema_reads[-1] == ("c2", True)

    def test_a_locked_vault_is_unlocked_where_it_is_noticed(
        self,
        qtbot: QtBot,
        connections_pane: ConnectionsPane,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        pane = connections_pane
        vault = FakeVault(kind="passphrase", passphrase="open sesame")
        monkeypatch.setattr(pane.session.services, "vault", vault, raising=False)
        world.connections.errors["schema"] = VaultLockedError("It is locked.", hint="Set a thing.")
        pane.list.setCurrentIndex(pane.connections.index(1))
        qtbot.waitUntil(lambda: pane.card.tree_pages.currentWidget() is pane.card.tree_locked)
        press(qtbot, pane.findChild(QPushButton, "connections.unlock"))
        qtbot.waitUntil(lambda: pane.findChild(UnlockDialog) is not None)
        dialog = pane.findChild(UnlockDialog)
        assert dialog is not None
        field = dialog.findChild(QLineEdit, "settings.unlock.passphrase")
        assert field is not None
        field.setText("open sesame")
        world.connections.errors.clear()
        dialog.enter()
        qtbot.waitUntil(lambda: pane.card.tree_pages.currentWidget() is pane.card.tree)
        assert vault.unlocked

    def test_a_keyring_is_asked_without_a_question(
        self,
        qtbot: QtBot,
        connections_pane: ConnectionsPane,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        pane = connections_pane
        vault = FakeVault(kind="keyring")
        monkeypatch.setattr(pane.session.services, "vault", vault, raising=False)
        world.connections.errors["check"] = VaultLockedError("It is locked.", hint="Set a thing.")
        pane.test()
        button = "connections.saved_check.result.action1"
        qtbot.waitUntil(lambda: pane.findChild(QPushButton, button) is not None)
        said = {label.text() for label in pane.card.check_panel.findChildren(QLabel)}
        assert "Set a thing." not in said
        press(qtbot, pane.findChild(QPushButton, button))
        qtbot.waitUntil(lambda: vault.unlocked)
        qtbot.waitUntil(pane.card.check_panel.isHidden)

    @pytest.mark.parametrize(
        "error",
        [
            KeyMissingError("Its key is elsewhere.", hint="Enter it again."),
            VaultError("It was changed.", code="vault.record"),
            VaultError("It is not known.", code="vault.no_password"),
        ],
        ids=["key-missing", "changed", "unknown"],
    )
    def test_a_password_that_cannot_be_opened_is_asked_for(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World, error: VaultError
    ) -> None:
        pane = connections_pane
        world.connections.errors["schema"] = error
        pane.list.setCurrentIndex(pane.connections.index(1))
        qtbot.waitUntil(lambda: pane.card.tree_pages.currentWidget() is pane.card.tree_sealed)
        said = {label.text() for label in pane.card.tree_sealed.findChildren(QLabel)}
        assert {error.message, error.hint} <= said
        press(qtbot, pane.findChild(QPushButton, "connections.unseal"))
        assert pane.dialog is not None
        qtbot.waitUntil(lambda: pane.dialog is not None and pane.dialog.form.password.hasFocus())
        pane.dialog.reject()
        world.connections.errors["check"] = error
        pane.test()
        button = "connections.saved_check.result.action1"
        qtbot.waitUntil(lambda: pane.findChild(QPushButton, button) is not None)
        press(qtbot, pane.findChild(QPushButton, button))
        assert pane.dialog is not None
        pane.dialog.reject()

    def test_a_store_that_fails_is_said_to(self, qtbot: QtBot, world: World) -> None:
        world.connections.errors["list"] = StoreError("The store is shut.")
        pane = ConnectionsPane(world.session)
        qtbot.addWidget(pane)
        pane.show()
        pane.activated()
        qtbot.waitUntil(lambda: pane.pages.currentWidget() is pane.failed)
        pane.shut()

    def test_without_connections_the_first_step_is_offered(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.saved = []
        connections_pane.session.connections_changed.emit()
        qtbot.waitUntil(lambda: connections_pane.controller.state.phase is Phase.EMPTY)
        assert connections_pane.pages.currentWidget() is connections_pane.empty
        press(qtbot, connections_pane.findChild(QPushButton, "connections.add_first"))
        assert connections_pane.dialog is not None

    def test_filters(self, qtbot: QtBot, connections_pane: ConnectionsPane) -> None:
        qtbot.keyClicks(connections_pane.filter, "2")
        assert names(connections_pane) == ["Library 2"]
        qtbot.keyClicks(connections_pane.filter, "xyz")
        assert connections_pane.no_match.isVisible()
        qtbot.keyClick(connections_pane.filter, Qt.Key.Key_Escape)
        assert len(names(connections_pane)) == 2

    def test_production_shows_the_banner(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.saved[1] = replace(
            world.connections.saved[1], environment=Environment.PROD
        )
        connections_pane.session.connections_changed.emit()
        qtbot.waitUntil(
            lambda: (
                connections_pane.connections.row_at(1).connection.environment is Environment.PROD
            )
        )
        with qtbot.waitSignal(connections_pane.banner_changed, check_params_cb=bool):
            connections_pane.list.setCurrentIndex(connections_pane.connections.index(1))
        assert connections_pane.card.badge.text() == "PROD"

    def test_an_open_session_tells_that_a_server_was_reached(
        self, qtbot: QtBot, connections_pane: ConnectionsPane
    ) -> None:
        qtbot.waitUntil(lambda: connections_pane.connections.row_at(1).reach is Reach.READY)

    def test_another_pane_can_ask_for_a_connection_or_for_the_form(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        connections_pane.receive("c2")
        assert connections_pane.card.name_label.text() == "Library 2"
        qtbot.waitUntil(lambda: ("c2", False) in world.connections.schema_reads)
        connections_pane.receive("add")
        assert connections_pane.dialog is not None


class TestTree:
    def test_the_filter_narrows_the_tree(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.schemas["c1"] = make_schema(
            make_table("articles"), make_table("settings", indexed=False)
        )
        press(qtbot, connections_pane.card.refresh_button)
        qtbot.waitUntil(lambda: connections_pane.card.tree_model.rowCount() == 2)
        qtbot.keyClicks(connections_pane.card.tree_filter, "sett")
        qtbot.waitUntil(lambda: connections_pane.card.tree_model.rowCount() == 1)
        qtbot.keyClicks(connections_pane.card.tree_filter, "zzz")
        qtbot.waitUntil(
            lambda: (
                connections_pane.card.tree_pages.currentWidget()
                is connections_pane.card.tree_nothing
            )
        )

    def test_parsers_are_looked_up_when_a_table_is_opened(
        self, qtbot: QtBot, connections_pane: ConnectionsPane
    ) -> None:
        model = connections_pane.card.tree_model
        connections_pane.card.tree.expand(model.index(0, 0))
        qtbot.waitUntil(lambda: model.knows_parsers("articles"))
        assert "parser ngram" in str(model.index(0, 1, model.index(0, 0)).data())

    def test_an_empty_database_says_so(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.schemas["c1"] = replace(make_schema(), tables=())
        connections_pane.card.refresh()
        qtbot.waitUntil(
            lambda: (
                connections_pane.card.tree_pages.currentWidget() is connections_pane.card.tree_empty
            )
        )


class TestForm:
    def test_adds_what_was_typed(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        press(qtbot, connections_pane.add_button)
        dialog = opened(connections_pane)
        fill(dialog)
        dialog.form.environment.set_key("prod")
        with qtbot.waitSignal(connections_pane.controller.saved):
            press(qtbot, dialog.save_button)
        [draft] = world.connections.drafts
        assert draft == ConnectionDraft(
            "Shop", "db.internal", "shop", "reader", 3306, "s3cret", environment=Environment.PROD
        )
        qtbot.waitUntil(lambda: connections_pane.dialog is None)
        qtbot.waitUntil(lambda: "Shop" in names(connections_pane))
        qtbot.waitUntil(lambda: connections_pane.card.name_label.text() == "Shop")

    @pytest.mark.parametrize(
        "field",
        ["name", "host", "port", "database", "username", "password", "tls", "ca_file", "size"],
    )
    def test_an_input_error_stands_beside_its_field(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World, field: str
    ) -> None:
        connections_pane.add()
        dialog = opened(connections_pane)
        fill(dialog)
        dialog.form.tls.setCurrentIndex(dialog.form.tls.findData(TlsMode.VERIFY_CA.value))
        world.connections.errors["create"] = InputError(field, "That is wrong.", hint="Do this.")
        with qtbot.waitSignal(connections_pane.controller.save_failed):
            press(qtbot, dialog.save_button)
        row = dialog.form.fields[field]
        assert row.is_wrong
        assert row.note.text() == "That is wrong. Do this."
        assert row.isVisible(), "a field in the advanced part is brought into sight"
        assert dialog.save_button.isEnabled()

    def test_a_conflict_is_shown_in_the_dialog(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        connections_pane.edit()
        dialog = opened(connections_pane)
        world.connections.errors["update"] = ConflictError("Somebody else has changed it.")
        with qtbot.waitSignal(connections_pane.controller.save_failed):
            press(qtbot, dialog.save_button)
        assert dialog.message.text() == "Somebody else has changed it."

    def test_an_edit_keeps_the_password_unless_one_is_typed(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        connections_pane.edit()
        dialog = opened(connections_pane)
        assert dialog.form.password.text() == ""
        assert dialog.form.password.placeholderText() == "Unchanged"
        dialog.form.name_field.setText("Renamed")
        with qtbot.waitSignal(connections_pane.controller.saved):
            press(qtbot, dialog.save_button)
        assert world.connections.drafts[-1].password_secret is None
        assert world.connections.drafts[-1].name == "Renamed"

    def test_moving_a_connection_asks_for_the_password_before_it_is_saved(
        self, connections_pane: ConnectionsPane
    ) -> None:
        connections_pane.edit()
        dialog = opened(connections_pane)
        dialog.form.port.setText("3307")
        assert dialog.form.password.placeholderText() == "Type it again"
        assert "host, port, user or tunnel" in dialog.form.fields["password"].note.text()
        dialog.form.port.setText("3306")
        assert dialog.form.password.placeholderText() == "Unchanged"

    def test_a_pasted_url_fills_the_form_and_the_password_goes_to_its_field_only(
        self, qtbot: QtBot, connections_pane: ConnectionsPane
    ) -> None:
        connections_pane.add()
        dialog = opened(connections_pane)
        QGuiApplication.clipboard().setText("mysql://reader:s3cret@db.internal:3307/shop")
        dialog.form.host.setFocus()
        dialog.form.host.paste()
        assert dialog.form.host.text() == "db.internal"
        assert dialog.form.port.text() == "3307"
        assert dialog.form.database.text() == "shop"
        assert dialog.form.password.text() == "s3cret"
        assert dialog.form.password.echoMode() is QLineEdit.EchoMode.Password
        assert dialog.form.tls.currentData() == "required"
        visible = [
            e.text() for e in dialog.findChildren(QLineEdit) if e is not dialog.form.password
        ]
        assert not any("s3cret" in text for text in visible)

    def test_the_button_pastes_a_url_and_says_what_is_wrong_with_it(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        connections_pane.add()
        dialog = opened(connections_pane)
        world.connections.errors["url"] = InputError("url", "That is not a database URL.")
        QGuiApplication.clipboard().setText("not a url")
        press(qtbot, dialog.paste)
        assert dialog.form.fields["host"].note.text() == "That is not a database URL."
        world.connections.errors.clear()
        press(qtbot, dialog.paste)
        assert dialog.form.host.text() == "db.internal"
        assert not dialog.form.fields["host"].is_wrong

    def test_tls_modes_are_explained_and_ask_for_their_files(
        self, connections_pane: ConnectionsPane
    ) -> None:
        connections_pane.add()
        dialog = opened(connections_pane)
        hints = set()
        for mode in TlsMode:
            dialog.form.tls.setCurrentIndex(dialog.form.tls.findData(mode.value))
            hints.add(dialog.form.fields["tls"].note.text())
            asks = mode in (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY)
            assert dialog.form.fields["ca_file"].isVisible() is asks
        assert len(hints) == len(TlsMode)

    def test_a_copy_starts_from_the_original(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        press(qtbot, connections_pane.card.duplicate_button)
        qtbot.waitUntil(lambda: connections_pane.dialog is not None)
        dialog = opened(connections_pane)
        assert dialog.form.name_field.text() == "Library 1 (copy)"
        with qtbot.waitSignal(connections_pane.controller.saved):
            press(qtbot, dialog.save_button)
        assert world.connections.copies == ["c1"]

    def test_the_local_servers_place_cannot_be_changed(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.saved[0] = replace(world.connections.saved[0], managed=True)
        connections_pane.session.connections_changed.emit()
        qtbot.waitUntil(lambda: connections_pane.connections.row_at(0).connection.managed)
        connections_pane.edit()
        dialog = opened(connections_pane)
        assert not dialog.form.host.isEnabled()
        assert not dialog.form.password.isEnabled()
        assert dialog.form.name_field.isEnabled()

    def test_closing_forgets_the_password(self, connections_pane: ConnectionsPane) -> None:
        connections_pane.add()
        dialog = opened(connections_pane)
        fill(dialog)
        dialog.reject()
        assert dialog.form.password.text() == ""


class TestChecking:
    def test_says_version_protection_and_read_only(
        self, qtbot: QtBot, connections_pane: ConnectionsPane
    ) -> None:
        press(qtbot, connections_pane.card.test_button)
        panel = connections_pane.card.check_panel
        qtbot.waitUntil(panel.result.isVisible)
        assert panel.result.text() == "Connected to MySQL 9.7.4 in 12 ms"
        assert "TLSv1.3" in panel.result.hint()
        assert "certificate and host name verified" in panel.result.hint()
        assert "read-only" in panel.result.hint()

    @pytest.mark.parametrize(
        ("tls", "said"),
        [
            (TlsReport(), "Not encrypted."),
            (TlsReport("TLSv1.3", "AES"), "Encrypted (TLSv1.3, AES); certificate not verified."),
            (
                TlsReport("TLSv1.3", "AES", certificate_verified=True),
                "Encrypted (TLSv1.3, AES); certificate verified, host name not.",
            ),
            (
                TlsReport("TLSv1.3", "AES", pinned=True, client_certificate=True),
                "Encrypted (TLSv1.3, AES, with our certificate); it is the pinned certificate.",
            ),
        ],
    )
    def test_protection_is_said_in_words(
        self,
        qtbot: QtBot,
        connections_pane: ConnectionsPane,
        world: World,
        tls: TlsReport,
        said: str,
    ) -> None:
        world.connections.report = replace(REPORT, tls=tls)
        connections_pane.test()
        qtbot.waitUntil(connections_pane.card.check_panel.result.isVisible)
        assert connections_pane.card.check_panel.result.hint().startswith(said)

    @pytest.mark.parametrize(
        ("failure", "field"),
        [
            (TenantFailure.HOST, "host"),
            (TenantFailure.PORT, "port"),
            (TenantFailure.TLS, "tls"),
            (TenantFailure.CREDENTIALS, "password"),
            (TenantFailure.DATABASE, "database"),
            (TenantFailure.TIMEOUT, "host"),
        ],
    )
    def test_a_failure_stands_beside_its_field_with_code_and_hint(
        self,
        qtbot: QtBot,
        connections_pane: ConnectionsPane,
        world: World,
        failure: TenantFailure,
        field: str,
    ) -> None:
        world.connections.errors["check"] = TenantError(
            failure, "It failed.", hint="Do this.", server_code=1045
        )
        connections_pane.add()
        dialog = opened(connections_pane)
        fill(dialog)
        press(qtbot, dialog.test_button)
        qtbot.waitUntil(dialog.check_panel.result.isVisible)
        assert dialog.check_panel.result.text() == "It failed."
        assert dialog.check_panel.result.hint() == "Do this. Server error 1045."
        assert dialog.form.fields[field].note.text() == "It failed."
        wrong = [name for name, row in dialog.form.fields.items() if row.is_wrong]
        assert wrong == [field]

    def test_counts_against_the_deadline_and_can_be_cancelled(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.gate = Gate()
        connections_pane.add()
        dialog = opened(connections_pane)
        fill(dialog)
        press(qtbot, dialog.test_button)
        panel = dialog.check_panel
        qtbot.waitUntil(panel.counter.isVisible)
        assert panel.counter.text().endswith("of at most 10 s")
        assert not dialog.test_button.isEnabled()
        press(qtbot, panel.cancel)
        qtbot.waitUntil(panel.result.isVisible)
        assert panel.result.text() == "The test was cancelled."
        assert dialog.test_button.isEnabled()
        assert dialog.isVisible()

    def test_escape_stops_the_test_before_it_closes_the_form(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.gate = Gate()
        connections_pane.add()
        dialog = opened(connections_pane)
        fill(dialog)
        press(qtbot, dialog.test_button)
        assert world.connections.gate.entered.wait(5)
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        qtbot.waitUntil(dialog.check_panel.result.isVisible)
        assert dialog.isVisible()
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        assert not dialog.isVisible()

    def test_closing_the_form_stops_the_test(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.gate = Gate()
        connections_pane.edit()
        dialog = opened(connections_pane)
        press(qtbot, dialog.test_button)
        assert world.connections.gate.entered.wait(5)
        dialog.reject()
        assert not connections_pane.controller.is_checking
        assert connections_pane.connections.row_at(0).reach is not Reach.TRYING


class TestPinning:
    def test_a_certificate_is_read_compared_and_pinned(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        connections_pane.add()
        dialog = opened(connections_pane)
        fill(dialog)
        form = dialog.form
        assert not form.pin.isVisible()
        form.tls.setCurrentIndex(form.tls.findData(TlsMode.PINNED.value))
        assert form.pin.isVisible()
        press(qtbot, form.pin.read_button)
        qtbot.waitUntil(lambda: dialog.pin_dialog is not None)
        shown = dialog.pin_dialog
        assert shown is not None
        said = " ".join(label.text() for label in shown.findChildren(QLabel))
        assert "AB:12" in said
        assert "db.internal" in said
        assert "Example authority" in said
        press(qtbot, shown.findChild(QPushButton, "connections.pin.cancel"))
        assert form.pin.text() == ""
        press(qtbot, form.pin.read_button)
        qtbot.waitUntil(lambda: dialog.pin_dialog is not shown)
        assert dialog.pin_dialog is not None
        press(qtbot, dialog.pin_dialog.findChild(QPushButton, "connections.pin.accept"))
        assert form.pin.text() == world.connections.certificate.fingerprint
        with qtbot.waitSignal(connections_pane.controller.saved):
            press(qtbot, dialog.save_button)
        tls = world.connections.drafts[-1].tls
        assert tls.mode is TlsMode.PINNED
        assert tls.pin_sha256.replace(":", "").lower() == world.connections.certificate.sha256

    def test_reading_can_be_stopped(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.gate = Gate()
        connections_pane.add()
        dialog = opened(connections_pane)
        fill(dialog)
        dialog.form.tls.setCurrentIndex(dialog.form.tls.findData(TlsMode.PINNED.value))
        press(qtbot, dialog.form.pin.read_button)
        assert world.connections.gate.entered.wait(5)
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        qtbot.waitUntil(dialog.check_panel.result.isVisible)
        assert "cancelled" in dialog.check_panel.result.text()
        assert dialog.form.pin.read_button.isEnabled()
        assert dialog.isVisible()

    def test_a_server_without_tls_is_said_below_the_form(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.errors["certificate"] = TenantError(
            TenantFailure.TLS, "It offers no encryption."
        )
        connections_pane.add()
        dialog = opened(connections_pane)
        fill(dialog)
        dialog.form.tls.setCurrentIndex(dialog.form.tls.findData(TlsMode.PINNED.value))
        press(qtbot, dialog.form.pin.read_button)
        qtbot.waitUntil(dialog.check_panel.result.isVisible)
        assert dialog.check_panel.result.text() == "It offers no encryption."


class TestTunnel:
    def fill(self, dialog: ConnectionDialog) -> None:
        tunnel = dialog.form.tunnel
        tunnel.box.setChecked(True)
        tunnel.host.setText("bastion.example.org")
        tunnel.port.setText("2222")
        tunnel.username.setText("deploy")

    def test_says_what_was_entered(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        connections_pane.add()
        dialog = opened(connections_pane)
        fill(dialog)
        assert dialog.form.draft().ssh is None
        self.fill(dialog)
        tunnel = dialog.form.tunnel
        assert not tunnel.secret.isVisible()
        press(qtbot, tunnel.method.findChild(QPushButton, "connections.ssh_method.password"))
        assert tunnel.secret.isVisible()
        assert not tunnel.key_file.isVisible()
        tunnel.secret.setText("s3cret of ssh")
        with qtbot.waitSignal(connections_pane.controller.saved):
            press(qtbot, dialog.save_button)
        draft = world.connections.drafts[-1]
        assert draft.ssh == SshSettings("bastion.example.org", "deploy", 2222, SshMethod.PASSWORD)
        assert draft.ssh_secret == "s3cret of ssh"
        assert tunnel.secret.text() == ""

    def test_the_saved_secret_is_kept_while_the_tunnel_is_the_same(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        ssh = SshSettings("bastion.example.org", "deploy", method=SshMethod.PASSWORD)
        world.connections.saved = [make_connection(1, ssh=ssh, ssh_secret_sealed="sealed")]
        connections_pane.session.connections_changed.emit()
        qtbot.waitUntil(lambda: connections_pane.connections.rowCount() == 1)
        connections_pane.edit()
        form = opened(connections_pane).form
        assert form.draft().ssh == ssh
        assert form.draft().ssh_secret is None
        assert form.tunnel.secret.placeholderText() == "Unchanged"
        assert "keep the saved one" in form.fields["password"].note.text()
        form.tunnel.host.setText("other.example.org")
        assert form.tunnel.secret.placeholderText() == ""
        assert "tunnel were changed" in form.fields["password"].note.text()

    def test_an_unknown_host_key_is_trusted_by_a_step_of_its_own(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.errors["check"] = UnknownHostKeyError(
            "It is not known here.", host_key=HOST_KEY
        )
        connections_pane.add()
        dialog = opened(connections_pane)
        fill(dialog)
        self.fill(dialog)
        assert not dialog.form.tunnel.host_key.isVisible()
        press(qtbot, dialog.test_button)
        qtbot.waitUntil(dialog.check_panel.result.isVisible)
        assert world.connections.drafts[-1].ssh is not None
        assert world.connections.drafts[-1].ssh.host_key == ""
        del world.connections.errors["check"]
        trust = dialog.findChild(QPushButton, "connections.check.result.action1")
        press(qtbot, trust)
        qtbot.waitUntil(lambda: "Connected" in dialog.check_panel.result.text())
        assert world.connections.drafts[-1].ssh.host_key == HOST_KEY
        assert dialog.form.tunnel.host_key.isVisible()
        assert dialog.form.tunnel.host_key.edit.text() == ssh_fingerprint(HOST_KEY)

    def test_the_list_says_which_way(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        ssh = SshSettings("bastion.example.org", "deploy")
        world.connections.saved = [make_connection(1, ssh=ssh)]
        connections_pane.session.connections_changed.emit()
        qtbot.waitUntil(lambda: "through bastion" in connections_pane.card.place.text())


class TestPool:
    def test_figures_waits_and_the_last_error(
        self, connections_pane: ConnectionsPane, world: World
    ) -> None:
        panel = connections_pane.card.pool
        assert panel.text() == "Pool: 3 of 10 open, 1 busy, 2 idle, 0 waiting"
        assert not panel.details.isVisible()
        world.connections.stats = PoolStats(
            10,
            10,
            0,
            2,
            waits=4,
            waited_ms=2000.0,
            longest_wait_ms=1500.0,
            last_error=TenantError(TenantFailure.LOST, "The connection was lost."),
            last_error_at=datetime.now(UTC),
            tunnel=TunnelState.LOST,
        )
        connections_pane.card.draw_pool()
        assert panel.text() == "Pool: 10 of 10 open, 10 busy, 0 idle, 2 waiting"
        assert "Waited 4 times, 500 ms on average, 1.5 s at most" in panel.details.text()
        assert "SSH tunnel lost" in panel.details.text()
        assert "The connection was lost." in panel.error.text()
        assert panel.error.isVisible()
        world.connections.stats = None
        connections_pane.card.draw_pool()
        assert panel.text() == "Pool: nothing open, at most 10"
        assert not panel.error.isVisible()
        assert not panel.reset_button.isEnabled()

    def test_one_pool_or_all_are_closed(
        self,
        qtbot: QtBot,
        connections_pane: ConnectionsPane,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # A menu that is open would take the keyboard, which no test may have.
        monkeypatch.setattr(QMenu, "popup", lambda menu, place: None)
        with qtbot.waitSignal(connections_pane.session.announced):
            press(qtbot, connections_pane.card.pool.reset_button)
        assert world.connections.closed == ["c1"]
        press(qtbot, connections_pane.more_button)
        menu = connections_pane.findChild(QMenu)
        assert menu is not None
        action = next(found for found in menu.actions() if found.text() == "Disconnect all")
        with qtbot.waitSignal(connections_pane.session.announced):
            action.trigger()
        assert world.connections.closed == ["c1", "c1", "c2"]
        menu.close()

    def test_the_guarantee_is_always_in_sight(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        badge = connections_pane.card.read_only
        assert badge.text() == "READ-ONLY"
        press(qtbot, connections_pane.card.test_button)
        qtbot.waitUntil(lambda: badge.text() == "READ-ONLY, TESTED")
        world.connections.report = replace(REPORT, read_only=False)
        press(qtbot, connections_pane.card.test_button)
        qtbot.waitUntil(lambda: badge.text() == "NOT READ-ONLY")
        said = connections_pane.list.currentIndex().data(Qt.ItemDataRole.AccessibleTextRole)
        assert "Not read-only" in said

    @pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
    def test_what_guarantees_it_is_said_to_mouse_and_keyboard(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        badge = connections_pane.card.read_only
        assert "set read-only on the server" in badge.toolTip()
        assert "as values" in badge.accessibleDescription()
        assert "A test of the connection" in badge.accessibleDescription()
        granted = remark_text(verdict(world.rights.report))
        qtbot.waitUntil(lambda: granted in badge.accessibleDescription())
        badge.setFocus(Qt.FocusReason.TabFocusReason)
        qtbot.waitUntil(QToolTip.isVisible)
        assert "set read-only on the server" in QToolTip.text()
        connections_pane.list.setFocus()
        qtbot.waitUntil(lambda: not QToolTip.isVisible())
        world.connections.report = replace(REPORT, read_only=False)
        press(qtbot, connections_pane.card.test_button)
        qtbot.waitUntil(lambda: "NOT make" in badge.accessibleDescription())

    def test_what_was_negotiated_stays_in_sight(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        card = connections_pane.card
        assert not card.protection.isVisible(), "no session was opened yet"
        world.connections.stats = replace(
            STATS,
            tls=TlsReport("TLSv1.3", "AES", certificate_verified=True),
            answered_at=datetime.now(UTC),
        )
        card.draw_pool()
        assert card.protection.label.text() == (
            "Encrypted (TLSv1.3, AES); certificate verified, host name not."
        )
        world.connections.stats = replace(
            STATS,
            tls=TlsReport(),
            answered_at=datetime.now(UTC),
            last_error=TenantError(TenantFailure.LOST, "The connection was lost."),
            last_error_at=datetime.now(UTC),
        )
        card.draw_pool()
        assert card.protection.label.text().startswith("Not encrypted: ")
        assert card.facts.text().startswith("Failed")
        row = connections_pane.connections.row_at(0)
        assert row.error is world.connections.stats.last_error

    def test_sessions_that_are_being_opened_are_told_apart(
        self, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.stats = PoolStats(0, 0, 0, 0, connecting=3)
        connections_pane.card.draw_pool()
        assert connections_pane.card.pool.text() == (
            "Pool: 0 of 10 open, 0 busy, 0 idle, 3 connecting, 0 waiting"
        )


class TestRemoval:
    def ask(self, pane: ConnectionsPane) -> ConfirmDialog:
        pane.remove()
        question = pane.findChild(ConfirmDialog)
        assert isinstance(question, ConfirmDialog)
        return question

    def test_names_what_goes_and_removes_after_yes(
        self, qtbot: QtBot, connections_pane: ConnectionsPane
    ) -> None:
        question = self.ask(connections_pane)
        assert question.cancel_button.isDefault(), "Enter keeps the connection"
        with qtbot.waitSignal(connections_pane.controller.removed):
            press(qtbot, question.action_button)
        qtbot.waitUntil(lambda: names(connections_pane) == ["Library 2"])
        qtbot.waitUntil(lambda: connections_pane.card.name_label.text() == "Library 2")

    def test_no_keeps_it(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        press(qtbot, self.ask(connections_pane).cancel_button)
        assert len(world.connections.saved) == 2

    def test_asks_about_the_connection_that_was_selected_then(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        question = self.ask(connections_pane)
        connections_pane.list.setCurrentIndex(connections_pane.connections.index(1))
        with qtbot.waitSignal(connections_pane.controller.removed):
            press(qtbot, question.action_button)
        assert [c.id for c in world.connections.saved] == ["c2"]

    def test_a_refusal_is_said(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.errors["delete"] = ConflictError("It is in use.")
        question = self.ask(connections_pane)
        press(qtbot, question.action_button)
        qtbot.waitUntil(lambda: connections_pane.message.text() == "It is in use.")


class TestForEverybody:
    def test_everything_that_takes_focus_has_a_name(
        self, qtbot: QtBot, connections_pane: ConnectionsPane
    ) -> None:
        connections_pane.add()
        kinds = (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox)
        nameless = [
            widget.objectName() or type(widget).__name__
            for root in (connections_pane, opened(connections_pane))
            for widget in root.findChildren(QWidget)
            if isinstance(widget, kinds)
            and widget.objectName() != "qt_spinbox_lineedit"
            and not widget.accessibleName()
            and widget.focusPolicy() is not Qt.FocusPolicy.NoFocus
        ]
        assert nameless == []

    def test_by_keyboard_alone(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        connections_pane.focus_first()
        assert connections_pane.list.hasFocus()
        qtbot.keyClick(connections_pane.list, Qt.Key.Key_Return)
        dialog = opened(connections_pane)
        qtbot.waitUntil(dialog.form.name_field.hasFocus)
        visited = [dialog.focusWidget().objectName()]
        while visited[-1] != "connections.save" and len(visited) < 30:
            qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
            visited.append(dialog.focusWidget().objectName())
        wanted = [
            "connections.name",
            "connections.host",
            "connections.port",
            "connections.database",
            "connections.username",
            "connections.password",
            "connections.tls",
            "connections.advanced",
            "connections.test",
            "connections.save",
        ]
        assert [name for name in visited if name in wanted] == wanted
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        qtbot.keyClick(connections_pane.list, Qt.Key.Key_Delete)
        question = connections_pane.findChild(ConfirmDialog)
        assert isinstance(question, ConfirmDialog)
        qtbot.keyClick(question, Qt.Key.Key_Escape)
        assert len(world.connections.saved) == 2

    def test_fits_a_small_window(self, connections_pane: ConnectionsPane) -> None:
        hint = connections_pane.minimumSizeHint()
        assert hint.width() <= 700
        assert hint.height() <= 520

    def test_long_names_are_cut_and_told_in_full(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        name = "<i>Archive</i> " * 20
        world.connections.saved = [make_connection(1, name=name)]
        connections_pane.session.connections_changed.emit()
        qtbot.waitUntil(lambda: connections_pane.card.name_label.text() == name)
        assert "&lt;i&gt;" in connections_pane.card.name_label.toolTip()
        assert connections_pane.minimumSizeHint().width() <= 700

    def test_the_palette_offers_what_can_be_done(self, connections_pane: ConnectionsPane) -> None:
        offered = {command.id: command.is_enabled() for command in connections_pane.commands()}
        assert offered == {
            "connections.add": True,
            "connections.test": True,
            "connections.rights": True,
            "connections.health": True,
            "connections.edit": True,
            "connections.duplicate": True,
            "connections.remove": True,
            "connections.pool.reset": True,
            "connections.disconnect_all": True,
            "connections.import": True,
            "connections.export": True,
            "connections.refresh": True,
        }
