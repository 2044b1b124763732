"""Import and export from the connections pane, over a real store in a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.connections import ConnectionDraft
from altus4_desktop.domain.exchange import FileSource, ServerSource
from altus4_desktop.domain.progress import Progress
from altus4_desktop.services import Services
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.connections.controller import Phase
from altus4_desktop.ui.panes.connections.dialogs import ConnectionDialog
from altus4_desktop.ui.panes.connections.exporting import ExportDialog
from altus4_desktop.ui.panes.connections.import_model import NAME, PASSWORD, STATE
from altus4_desktop.ui.panes.connections.importing import ImportDialog
from altus4_desktop.ui.panes.connections.pane import ConnectionsPane
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests import exchange_samples as samples
from tests.records import a_user
from tests.ui.test_accessibility import check_names

PASSPHRASE = "four plain words here"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        made.vault.set_up_session()
        yield made


@pytest.fixture
def pane(qtbot: QtBot, services: Services, runner: TaskRunner) -> Iterator[ConnectionsPane]:
    user = a_user(role=Role.ADMIN)
    services.metadata.store.users.create_(user, "hash")
    session = Session(services, runner, Theme(), report_crash=_raise)
    session.set_actor(user.as_actor())
    made = ConnectionsPane(session)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    made.activated()
    qtbot.waitUntil(lambda: made.controller.state.phase is Phase.EMPTY)
    yield made
    made.shut()


def _raise(error: BaseException) -> None:
    raise error


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "connections.csv"
    path.write_text(
        "name,host,port,database,username,password\n"
        "Shop,db.example.org,3307,shop,reader,canary\n"
        "No user,db.example.org,3307,crm,,\n"
        "Twice,db.example.org,3307,shop,other,\n"
        "Wrong,db.example.org,0,x,reader,\n",
        encoding="utf-8",
    )
    return path


def click(qtbot: QtBot, widget: QWidget, name: str) -> None:
    button = widget.findChild(QPushButton, name)
    assert button is not None, name
    assert button.isEnabled(), name
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def typed(qtbot: QtBot, widget: QWidget, name: str, text: str) -> None:
    edit = widget.findChild(QLineEdit, name)
    assert edit is not None, name
    edit.clear()
    qtbot.keyClicks(edit, text)


def opened(qtbot: QtBot, pane: ConnectionsPane) -> ImportDialog:
    click(qtbot, pane, "connections.import_file")
    dialog = pane.exchange.import_dialog
    assert dialog is not None
    return dialog


def looked(qtbot: QtBot, dialog: ImportDialog) -> None:
    qtbot.waitUntil(lambda: not dialog._looking.running)


def previewed(qtbot: QtBot, pane: ConnectionsPane, path: Path) -> ImportDialog:
    dialog = opened(qtbot, pane)
    typed(qtbot, dialog, "connections.import.file", str(path))
    click(qtbot, dialog, "connections.import.next")
    looked(qtbot, dialog)
    assert dialog.pages.currentWidget() is dialog.preview_page
    return dialog


def open_dialog(pane: ConnectionsPane) -> ImportDialog | None:
    return pane.exchange.import_dialog


def is_wrong(dialog: ImportDialog, name: str = "passphrase") -> bool:
    return dialog.source_page.fields[name].is_wrong


def states(dialog: ImportDialog) -> list[tuple[str, bool, str, str]]:
    model = dialog.preview_page.model
    return [
        (
            str(model.index(row, NAME).data()),
            model.records[row].chosen,
            str(model.index(row, STATE).data()),
            str(model.index(row, PASSWORD).data()),
        )
        for row in range(model.rowCount())
    ]


def test_what_is_new_is_chosen_and_the_rest_says_why_not(
    qtbot: QtBot, pane: ConnectionsPane, table: Path
) -> None:
    dialog = previewed(qtbot, pane, table)
    QAbstractItemModelTester(dialog.preview_page.model)
    assert states(dialog) == [
        ("Shop", True, "New", "There"),
        ("No user", False, "No user", "Missing"),
        ("Twice", False, "Here already", "Missing"),
        ("Wrong", False, "Cannot be used", ""),
    ]
    page = dialog.preview_page
    # What needs a person is in front.
    assert page.table.currentIndex().row() == 1
    page.table.selectRow(3)
    assert "65535" in page.notes.text()
    assert not page.findChild(QLineEdit, "connections.import.name").isEnabled()  # type: ignore[union-attr]  # it is there
    page.table.selectRow(2)
    assert "Shop" in page.notes.text()
    assert "1 chosen · 2 new · 1 here already · 1 cannot be used" in page.counts.text()
    box = page.model.index(3, NAME)
    assert box.data(Qt.ItemDataRole.CheckStateRole) is None
    assert not page.model.setData(box, Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    dialog.reject()


def test_what_is_missing_is_entered_and_everything_brought_in(
    qtbot: QtBot, pane: ConnectionsPane, services: Services, table: Path
) -> None:
    dialog = previewed(qtbot, pane, table)
    page = dialog.preview_page
    page.table.selectRow(1)
    typed(qtbot, page, "connections.import.username", "somebody")
    assert states(dialog)[1] == ("No user", True, "New", "Missing")
    typed(qtbot, page, "connections.import.name", "CRM")
    typed(qtbot, page, "connections.import.password", "entered")
    assert states(dialog)[1] == ("CRM", True, "New", "Entered")
    page.table.selectRow(0)
    # Neither one that was found nor one that was entered for another is shown.
    assert page.findChild(QLineEdit, "connections.import.password").text() == ""  # type: ignore[union-attr]  # it is there
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    assert not states(dialog)[0][1]
    qtbot.keyClick(page.table, Qt.Key.Key_Space)
    click(qtbot, dialog, "connections.import.none")
    assert not dialog.next_button.isEnabled()
    click(qtbot, dialog, "connections.import.all")
    assert dialog.next_button.text() == "Import 2"
    with qtbot.waitSignal(pane.session.connections_changed):
        click(qtbot, dialog, "connections.import.next")
    assert "2 connections" in dialog.outcome.text()
    assert dialog.missing.isHidden()
    assert page.model.rowCount() == 0
    qtbot.waitUntil(lambda: pane.connections.rowCount() == 2)
    actor = pane.session.actor
    secrets = {
        one.name: services.connections.target_(actor, one.id).password_secret
        for one in services.connections.list_(actor)
    }
    assert secrets == {"Shop": "canary", "CRM": "entered"}
    click(qtbot, dialog, "connections.import.next")
    assert pane.exchange.import_dialog is None


def test_without_a_password_it_is_entered_afterwards(
    qtbot: QtBot, pane: ConnectionsPane, tmp_path: Path
) -> None:
    path = tmp_path / "connections.xml"
    path.write_text(samples.WORKBENCH, encoding="utf-8")
    dialog = previewed(qtbot, pane, path)
    assert "keyring" in dialog.preview_page.remarks.text()
    click(qtbot, dialog, "connections.import.next")
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.report_page)
    names = [dialog.missing.item(row).text() for row in range(dialog.missing.count())]
    assert names == ["Shop (live)", "Socket"]
    dialog.missing.setCurrentRow(1)
    click(qtbot, dialog, "connections.import.edit")
    assert open_dialog(pane) is None
    qtbot.waitUntil(lambda: pane.dialog is not None)
    form = pane.findChild(ConnectionDialog)
    assert form is not None
    assert form.form.name_field.text() == "Socket"
    form.reject()


def test_a_bundle_asks_for_its_passphrase(
    qtbot: QtBot, pane: ConnectionsPane, services: Services, tmp_path: Path
) -> None:
    actor = pane.session.actor
    draft = ConnectionDraft("Shop", "db.example.org", "shop", "me", password_secret="canary")
    saved = services.connections.create_(actor, draft)
    path = tmp_path / "team.altus4"
    services.exchange.export_bundle_(actor, [saved.id], path, PASSPHRASE)
    services.connections.delete_(actor, saved.id)
    dialog = opened(qtbot, pane)
    row = dialog.source_page.fields["passphrase"]
    assert row.isHidden()
    dialog.look_at(path)
    looked(qtbot, dialog)
    assert not row.isHidden()
    assert "passphrase is needed" in dialog.message.text()
    assert not is_wrong(dialog)
    typed(qtbot, dialog, "connections.import.passphrase", "something else")
    click(qtbot, dialog, "connections.import.next")
    looked(qtbot, dialog)
    assert is_wrong(dialog)
    typed(qtbot, dialog, "connections.import.passphrase", PASSPHRASE)
    click(qtbot, dialog, "connections.import.next")
    looked(qtbot, dialog)
    assert states(dialog) == [("Shop", True, "New", "There")]
    dialog.reject()
    assert dialog.source_page.passphrase.text() == ""


def test_what_cannot_be_read_is_told_above_the_form(
    qtbot: QtBot, pane: ConnectionsPane, tmp_path: Path
) -> None:
    dialog = opened(qtbot, pane)
    click(qtbot, dialog, "connections.import.next")
    assert dialog.source_page.fields["file"].is_wrong
    dialog.look_at(tmp_path / "nowhere.csv")
    looked(qtbot, dialog)
    assert "cannot be read" in dialog.message.text()
    strange = tmp_path / "strange.txt"
    strange.write_text("hello", encoding="utf-8")
    dialog.look_at(strange)
    looked(qtbot, dialog)
    assert dialog.source_page.fields["format"].is_wrong
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert open_dialog(pane) is None


def test_the_form_of_a_server_says_what_was_typed(qtbot: QtBot, pane: ConnectionsPane) -> None:
    dialog = opened(qtbot, pane)
    click(qtbot, dialog, "connections.import.kind.server")
    for name, text in (
        ("host", "127.0.0.1"),
        ("server_database", "altus4"),
        ("server_username", "reader"),
        ("server_password", "canary"),
        ("key", "no hex"),
    ):
        typed(qtbot, dialog, f"connections.import.{name}", text)
    source = dialog.source_page.source()
    assert isinstance(source, ServerSource)
    assert "canary" not in repr(source)
    place = source.place
    assert (place.host, place.port, place.database, place.username, place.password_secret) == (
        "127.0.0.1",
        3306,
        "altus4",
        "reader",
        "canary",
    )
    assert place.tls.mode == "verify-identity"
    click(qtbot, dialog, "connections.import.next")
    looked(qtbot, dialog)
    assert dialog.source_page.fields["encryption_key"].is_wrong
    dialog.reject()
    assert dialog.source_page.password.text() == ""
    assert dialog.source_page.key.text() == ""


def test_escape_stops_what_is_under_way(
    qtbot: QtBot, pane: ConnectionsPane, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = previewed(qtbot, pane, table)
    service = pane.session.services.exchange
    preview = service.preview_

    def waiting(actor: object, source: object, token: object) -> object:
        token.wait(20)  # type: ignore[attr-defined]  # a token
        token.raise_if_cancelled()  # type: ignore[attr-defined]  # as above
        return preview(actor, source, token)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(service, "preview_", waiting)
    click(qtbot, dialog, "connections.import.back")
    assert dialog.pages.currentWidget() is dialog.source_page
    click(qtbot, dialog, "connections.import.next")
    assert dialog.pages.currentWidget() is dialog.busy
    assert dialog.cancel_button.text() == "Stop"
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    looked(qtbot, dialog)
    assert dialog.pages.currentWidget() is dialog.source_page
    assert pane.exchange.import_dialog is dialog
    dialog.reject()


def test_a_stopped_import_says_what_was_saved(
    qtbot: QtBot, pane: ConnectionsPane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "many.csv"
    rows = "".join(f"n{number},h,{number + 1},d,u,p\n" for number in range(5))
    path.write_text(f"name,host,port,database,username,password\n{rows}", encoding="utf-8")
    dialog = previewed(qtbot, pane, path)
    service = pane.session.services.exchange
    bring_in = service.import_

    def slowly(actor: Any, preview: Any, choices: Any, progress: Any, token: Any) -> object:
        def told(step: Progress) -> None:
            progress(step)
            if "n2" in step.message:
                token.wait(20)

        return bring_in(actor, preview, choices, told, token)

    monkeypatch.setattr(service, "import_", slowly)
    click(qtbot, dialog, "connections.import.next")
    assert dialog.pages.currentWidget() is dialog.progress_page
    qtbot.waitUntil(lambda: "n2" in dialog.step.text())
    assert dialog.bar.value() == 400
    assert not dialog.next_button.isVisible()
    click(qtbot, dialog, "connections.import.cancel")
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.report_page)
    assert "3 connections" in dialog.outcome.text()
    assert "stopped" in dialog.outcome.hint()
    qtbot.waitUntil(lambda: pane.connections.rowCount() == 3)
    dialog.accept()


def test_what_the_store_refuses_is_named(qtbot: QtBot, pane: ConnectionsPane, table: Path) -> None:
    dialog = previewed(qtbot, pane, table)
    model = dialog.preview_page.model
    for row in (0, 2):
        box = model.index(row, NAME)
        assert model.setData(box, Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    click(qtbot, dialog, "connections.import.next")
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.report_page)
    assert "one connection" in dialog.outcome.text()
    assert dialog.failures.text().startswith("Twice: There is a connection to that database")
    dialog.accept()


def test_every_control_has_a_name(
    qtbot: QtBot, pane: ConnectionsPane, exporting: ExportDialog
) -> None:
    check_names(exporting)
    assert exporting.accessibleName()
    exporting.reject()
    dialog = opened(qtbot, pane)
    check_names(dialog)
    assert dialog.accessibleName()
    dialog.reject()


def test_a_file_dropped_onto_the_pane_is_looked_at(
    qtbot: QtBot, pane: ConnectionsPane, table: Path
) -> None:
    def drop(*urls: QUrl, taken: bool = False) -> None:
        data = QMimeData()
        data.setUrls(list(urls))
        how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton)
        plain = Qt.KeyboardModifier.NoModifier
        entered = QDragEnterEvent(QPoint(50, 50), *how, plain)
        entered.ignore()
        QApplication.sendEvent(pane, entered)
        assert entered.isAccepted() == taken
        QApplication.sendEvent(pane, QDropEvent(QPointF(50, 50), *how, plain))

    drop(QUrl("https://example.org/connections.csv"))
    drop(QUrl.fromLocalFile(str(table)), QUrl.fromLocalFile(str(table)))
    drop(QUrl("file://elsewhere/share/connections.csv"))
    assert open_dialog(pane) is None
    drop(QUrl.fromLocalFile(str(table)), taken=True)
    dialog = open_dialog(pane)
    assert dialog is not None
    looked(qtbot, dialog)
    assert dialog.pages.currentWidget() is dialog.preview_page
    dialog.reject()


# Export


@pytest.fixture
def exporting(qtbot: QtBot, pane: ConnectionsPane, services: Services) -> Iterator[ExportDialog]:
    actor = pane.session.actor
    other = a_user()
    services.metadata.store.users.create_(other, "hash")
    for number, owner in enumerate((actor, actor, other.as_actor())):
        draft = ConnectionDraft(f"C{number}", "h", f"d{number}", "u", password_secret="canary")
        services.connections.create_(owner, draft)
    services.connections.save_managed_(
        actor, ConnectionDraft("Local", "h", "local", "u", password_secret="x")
    )
    pane.controller.reload()
    qtbot.waitUntil(lambda: pane.connections.rowCount() == 4)
    click(qtbot, pane, "connections.export_file")
    dialog = pane.exchange.export_dialog
    assert dialog is not None
    yield dialog
    if pane.exchange.export_dialog is not None:
        dialog.reject()


def shown(dialog: ExportDialog) -> list[tuple[str, bool]]:
    items = [dialog.list.item(row) for row in range(dialog.list.count())]
    return [
        (item.text().partition(" ")[0], item.checkState() is Qt.CheckState.Checked)
        for item in items
    ]


def test_one_s_own_are_chosen_and_the_local_server_stays(exporting: ExportDialog) -> None:
    assert shown(exporting) == [("C0", True), ("C1", True), ("C2", False)]
    assert not exporting.entry.isVisible()
    for row in range(2):
        exporting.list.item(row).setCheckState(Qt.CheckState.Unchecked)
    assert not exporting.export_button.isEnabled()


def within(widget: QWidget, dialog: QWidget) -> bool:
    """Whether the whole of ``widget`` is seen."""
    seen = widget.visibleRegion().boundingRect()
    return dialog.isAncestorOf(widget) and seen == widget.rect()


def test_both_fit_a_small_window(
    qtbot: QtBot, pane: ConnectionsPane, services: Services, tmp_path: Path
) -> None:
    pane.resize(760, 520)
    dialog = opened(qtbot, pane)
    bundle = tmp_path / "team.altus4"
    actor = pane.session.actor
    place = ConnectionDraft("Shop", "h", "shop", "u", password_secret="x")
    saved = services.connections.create_(actor, place)
    services.exchange.export_bundle_(actor, [saved.id], bundle, PASSPHRASE)
    typed(qtbot, dialog, "connections.import.file", str(bundle))
    click(qtbot, dialog, "connections.import.next")
    looked(qtbot, dialog)
    row = dialog.source_page.fields["passphrase"]
    bar = dialog.source_page._file_area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0 and within(row, dialog))
    assert dialog.height() <= 480
    dialog.source_page.kind.set_key("server")
    dialog.source_page.kind.chosen.emit("server")
    assert (dialog.width() <= 700, dialog.height() <= 480) == (True, True)
    dialog.reject()

    exporting = ExportDialog(pane.session, [saved], pane)
    exporting.show()
    exporting.bundle.setChecked(True)
    # Everything has its place once there is something to scroll.
    below = exporting._area.verticalScrollBar()
    qtbot.waitUntil(lambda: below.maximum() > 0 and within(exporting.first, exporting))
    exporting.first.setText(PASSPHRASE)
    exporting.export_button.click()
    qtbot.waitUntil(
        lambda: exporting.second_row.is_wrong and within(exporting.second_row, exporting)
    )
    assert exporting.height() <= 480
    exporting.reject()


def test_an_export_without_passwords(
    qtbot: QtBot, exporting: ExportDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.json"
    asked: list[QFileDialog] = []
    monkeypatch.setattr(QFileDialog, "open", lambda self: asked.extend([self]))
    click(qtbot, exporting, "connections.export.accept")
    (dialog,) = asked
    assert dialog.defaultSuffix() == "json"
    dialog.fileSelected.emit(str(path))
    qtbot.waitUntil(lambda: not exporting._writing.running)
    assert "2 connections" in exporting.message.text()
    assert "canary" not in path.read_text(encoding="utf-8")
    dialog.deleteLater()


def test_a_bundle_wants_a_passphrase_twice(
    qtbot: QtBot,
    exporting: ExportDialog,
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[QFileDialog] = []
    monkeypatch.setattr(QFileDialog, "open", lambda self: asked.extend([self]))
    exporting.bundle.setChecked(True)
    click(qtbot, exporting, "connections.export.accept")
    assert exporting.first_row.is_wrong
    typed(qtbot, exporting, "connections.export.passphrase", PASSPHRASE)
    click(qtbot, exporting, "connections.export.accept")
    assert exporting.second_row.is_wrong
    assert not asked
    path = tmp_path / "team.altus4"
    for passphrase in ("short", PASSPHRASE):
        typed(qtbot, exporting, "connections.export.passphrase", passphrase)
        typed(qtbot, exporting, "connections.export.passphrase_again", passphrase)
        click(qtbot, exporting, "connections.export.accept")
        asked.pop().deleteLater()
        exporting.export_to(path)
        qtbot.waitUntil(lambda: not exporting._writing.running)
        assert exporting.first_row.is_wrong == (passphrase == "short")
    assert exporting.first.text() == ""
    actor = exporting._session.actor
    source = FileSource(path, passphrase_secret=PASSPHRASE)
    preview = services.exchange.preview_(actor, source)
    assert [item.password_missing for item in preview.items] == [False, False]
    click(qtbot, exporting, "connections.export.cancel")
