"""Rights on the card of a connection, in their dialog, and statements for smaller accounts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import AltusError, TenantError, TenantFailure
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.connections.pane import ConnectionsPane
from altus4_desktop.ui.panes.connections.rights_dialog import RightsDialog
from altus4_desktop.ui.panes.migrations.account import StoreAccountDialog
from altus4_desktop.ui.panes.migrations.pane import MigrationsPane
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.records import a_user
from tests.ui.world import REPORT, Gate, World, make_rights, make_schema, make_table

TO = "TO `r`@`%`"
HEAVY = make_rights(
    f"GRANT SELECT, DROP ON `library`.* {TO}",
    f"GRANT FILE ON *.* {TO}",
    f"GRANT SELECT ON `hr`.* {TO}",
)


def summary(pane: ConnectionsPane) -> str:
    return pane.card.rights_line.words.text()


@pytest.fixture
def dialog(qtbot: QtBot, connections_pane: ConnectionsPane, world: World) -> RightsDialog:
    """The rights of the first connection, read."""
    world.rights.report = HEAVY
    world.connections.schemas["c1"] = make_schema(make_table("notes"), make_table("orders"))
    connections_pane.card.show_rights()
    opened = connections_pane.card.rights_dialog
    assert opened is not None
    qtbot.waitUntil(lambda: opened.model.rowCount() > 0)
    return opened


class TestCard:
    def test_it_says_what_the_account_may_do(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        qtbot.waitUntil(lambda: "nothing more" in summary(connections_pane))
        assert world.rights.reads == ["c1"]
        world.rights.report = HEAVY
        connections_pane.list.setCurrentIndex(connections_pane.connections.index(1))
        qtbot.waitUntil(lambda: "may administer" in summary(connections_pane))
        connections_pane.list.setCurrentIndex(connections_pane.connections.index(0))
        assert "nothing more" in summary(connections_pane)

    def test_it_says_so_when_a_server_does_not_tell(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.rights.error = TenantError(TenantFailure.DENIED, "No.")
        connections_pane.list.setCurrentIndex(connections_pane.connections.index(1))
        qtbot.waitUntil(lambda: world.rights.reads == ["c1", "c2"])
        assert "not known" in summary(connections_pane)

    def test_another_account_is_asked_about_anew(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        qtbot.waitUntil(lambda: "nothing more" in summary(connections_pane))
        world.rights.report = HEAVY
        world.connections.saved[0] = replace(world.connections.saved[0], username="root")
        connections_pane.session.connections_changed.emit()
        qtbot.waitUntil(lambda: "not known" in summary(connections_pane))
        connections_pane.card.refresh()
        qtbot.waitUntil(lambda: "may administer" in summary(connections_pane))

    def test_a_test_of_the_connection_warns(
        self, qtbot: QtBot, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.connections.report = replace(REPORT, rights=HEAVY)
        connections_pane.test()
        result = connections_pane.card.check_panel.result
        qtbot.waitUntil(result.isVisible)
        assert "may administer, not only read" in result.hint()
        assert result.property("tone") == "warning"
        assert "may administer" in summary(connections_pane)


class TestDialog:
    def test_it_lists_the_heaviest_first(self, dialog: RightsDialog) -> None:
        shown = [
            tuple(str(dialog.model.index(row, column).data()) for column in range(4))
            for row in range(dialog.model.rowCount())
        ]
        assert shown == [
            (
                "Administers",
                "Read and write files on the server's computer",
                "every database",
                "FILE",
            ),
            (
                "Changes data",
                "Remove databases and tables with everything in them",
                "the database library",
                "DROP",
            ),
            ("Reads more", "Read rows", "the database hr", "SELECT"),
            ("Needed", "Read rows", "the database library", "SELECT"),
        ]
        for row in range(len(shown)):
            assert dialog.model.index(row, 0).data(Qt.ItemDataRole.DecorationRole) is not None
        assert "reader@%" in dialog.account.text()
        assert dialog.message.property("tone") == "warning"

    def test_a_minimal_account(self, qtbot: QtBot, connections_pane: ConnectionsPane) -> None:
        connections_pane.card.show_rights()
        opened = connections_pane.card.rights_dialog
        assert opened is not None
        qtbot.waitUntil(lambda: opened.model.rowCount() == 2)
        assert opened.message.property("tone") == "success"
        assert opened.message.hint() == ""

    def test_statements_follow_what_is_chosen(
        self, qtbot: QtBot, dialog: RightsDialog, world: World
    ) -> None:
        less = dialog.findChild(QPushButton, "connections.rights.view.less")
        qtbot.mouseClick(less, Qt.MouseButton.LeftButton)
        text = dialog.statements.text
        qtbot.waitUntil(lambda: "CREATE USER 'altus4_search'@'%'" in text.toPlainText())
        assert not dialog.tables.isVisible()
        chosen = dialog.findChild(QPushButton, "connections.rights.scope.chosen")
        qtbot.mouseClick(chosen, Qt.MouseButton.LeftButton)
        assert dialog.tables.isVisible()
        assert text.toPlainText() == ""
        assert not dialog.statements.save_button.isEnabled()
        dialog.tables.item(1).setCheckState(Qt.CheckState.Checked)
        qtbot.waitUntil(lambda: "`orders`" in text.toPlainText())
        assert "`notes`" not in text.toPlainText()
        dialog.filter.setText("not")
        assert [dialog.tables.item(row).isHidden() for row in range(2)] == [False, True]
        dialog.statements.client_host.setText("10.1.2.3")
        qtbot.waitUntil(lambda: "@'10.1.2.3'" in text.toPlainText())
        dialog.statements.username.setText("")
        row = dialog.statements.username.parentWidget()
        assert row is not None
        qtbot.waitUntil(lambda: text.toPlainText() == "")
        assert dialog.statements.username.property("invalid") == "true"

    def test_statements_are_copied_and_saved(
        self,
        qtbot: QtBot,
        dialog: RightsDialog,
        world: World,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        less = dialog.findChild(QPushButton, "connections.rights.view.less")
        qtbot.mouseClick(less, Qt.MouseButton.LeftButton)
        statements = dialog.statements
        qtbot.waitUntil(statements.copy_button.isEnabled)
        qtbot.mouseClick(statements.copy_button, Qt.MouseButton.LeftButton)
        copied = QGuiApplication.clipboard().text()
        assert copied.startswith("CREATE USER")
        path = tmp_path / "search.sql"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
        qtbot.mouseClick(statements.save_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: path in world.rights.files)
        assert world.rights.files[path] == copied
        qtbot.waitUntil(lambda: str(path) in statements.message.text())
        world.rights.error = AltusError("“{path}” cannot be written.", details={"path": "x"})
        statements.save_to(path)
        qtbot.waitUntil(lambda: "cannot be written" in statements.message.text())

    def test_what_goes_wrong_can_be_tried_again(
        self, qtbot: QtBot, dialog: RightsDialog, world: World
    ) -> None:
        world.rights.error = TenantError(TenantFailure.LOST, "The line was cut.", hint="Again.")
        qtbot.keyClick(dialog, Qt.Key.Key_F5)
        qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.failed)
        world.rights.error = None
        again = dialog.findChild(QPushButton, "connections.rights.again")
        qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: dialog.pages.currentWidget() is not dialog.failed)
        qtbot.waitUntil(lambda: dialog.pages.currentWidget() is not dialog.busy)
        assert dialog.model.rowCount() == 4

    def test_an_account_that_may_not_use_the_database(
        self,
        qtbot: QtBot,
        dialog: RightsDialog,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def refuse(*_: object) -> None:
            raise TenantError(TenantFailure.DATABASE, "No.", server_code=1044)

        monkeypatch.setattr(world.connections, "schema_", refuse)
        world.rights.report = replace(make_rights(), missing=("SELECT",))
        qtbot.keyClick(dialog, Qt.Key.Key_F5)
        qtbot.waitUntil(lambda: "may not read" in dialog.message.text())
        assert dialog.pages.currentWidget() is not dialog.failed
        # With the right to read, tables that cannot be listed are a failure.
        world.rights.report = HEAVY
        qtbot.keyClick(dialog, Qt.Key.Key_F5)
        qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.failed)

    def test_escape_closes_it_while_it_asks(
        self, qtbot: QtBot, dialog: RightsDialog, connections_pane: ConnectionsPane, world: World
    ) -> None:
        world.rights.gate = Gate()
        dialog.read()
        qtbot.waitUntil(world.rights.gate.entered.is_set)
        assert dialog.pages.currentWidget() is dialog.busy
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        assert connections_pane.card.rights_dialog is None

    def test_the_keyboard_opens_it(self, qtbot: QtBot, connections_pane: ConnectionsPane) -> None:
        qtbot.keyClick(connections_pane.list, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
        assert connections_pane.card.rights_dialog is not None

    def test_it_fits_a_small_window(self, qtbot: QtBot, connections_pane: ConnectionsPane) -> None:
        connections_pane.resize(760, 520)
        connections_pane.card.show_rights()
        opened = connections_pane.card.rights_dialog
        assert opened is not None
        qtbot.waitUntil(lambda: opened.model.rowCount() > 0)
        assert opened.height() <= connections_pane.height()
        assert opened.width() <= connections_pane.width()


class TestStoreAccount:
    @pytest.fixture
    def pane(self, qtbot: QtBot, tmp_path: Path, runner: TaskRunner) -> Iterator[MigrationsPane]:
        with closing(compose(tmp_path)) as services:
            services.metadata.open_()
            user = a_user(role=Role.ADMIN)
            services.metadata.store.users.create_(user, "hash")
            session = Session(
                services, runner, Theme(), report_crash=lambda error: pytest.fail(str(error))
            )
            session.set_actor(user.as_actor())
            made = MigrationsPane(session)
            qtbot.addWidget(made)
            made.resize(1000, 700)
            made.show()
            yield made
            made.shut()
            qtbot.waitUntil(lambda: not runner.running, timeout=10_000)

    def test_a_file_has_no_accounts(self, pane: MigrationsPane) -> None:
        offered = {command.id: command.is_enabled() for command in pane.commands()}
        assert offered["store.account"] is False
        assert not pane._account.isVisible()

    def test_the_statements_of_a_store(
        self, qtbot: QtBot, pane: MigrationsPane, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rights = pane.session.services.rights
        monkeypatch.setattr(rights, "_store_flavour", lambda: Flavour.MARIADB)
        pane.show_account()
        dialog = pane.findChild(StoreAccountDialog)
        assert dialog is not None
        text = dialog.statements.text
        qtbot.waitUntil(lambda: "(MariaDB)" in text.toPlainText())
        assert "'altus4_app'@'%'" in text.toPlainText()
        dialog.statements.username.setText("team")
        qtbot.waitUntil(lambda: "'team'@'%'" in text.toPlainText())
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        assert not dialog.isVisible()
