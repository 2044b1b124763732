"""The audit pane over a real log in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.audit import (
    AuditEvent,
    AuditOutcome,
    AuditQuery,
    SubjectKind,
)
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.services import Services
from altus4_desktop.services.audit import build_event
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.dialogs import ConfirmDialog
from altus4_desktop.ui.panes.audit.faults import FaultsDialog
from altus4_desktop.ui.panes.audit.pane import AuditPane
from altus4_desktop.ui.panes.audit.wording import changes
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space, Theme
from tests.records import a_user

_NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        yield made


@pytest.fixture
def pane(qtbot: QtBot, services: Services, runner: TaskRunner) -> Iterator[AuditPane]:
    """The pane before it came to the front, for an admin."""
    user = a_user(role=Role.ADMIN, email="ada@example.org")
    services.metadata.store.users.create_(user, "hash")
    session = Session(services, runner, Theme(), report_crash=_raise)
    session.set_actor(user.as_actor())
    made = AuditPane(session)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    yield made
    made.shut()


def _raise(error: BaseException) -> None:
    raise error


def _event(
    action: str = "user.created", name: str = "x", *, age: int = 0, **more: object
) -> AuditEvent:
    event = build_event(None, action, SubjectKind.USER, "u1", name, **more)  # type: ignore[arg-type]  # as the test says
    return replace(event, at=_NOW - timedelta(days=age))


def _write(services: Services, *events: AuditEvent) -> None:
    services.metadata.store.audit.add_(events)


def _settle(qtbot: QtBot, pane: AuditPane) -> None:
    qtbot.waitUntil(lambda: not pane.filters._typing.isActive() and not pane.runner.running)


def _open(qtbot: QtBot, pane: AuditPane) -> None:
    pane.activated()
    _settle(qtbot, pane)


def _subjects(pane: AuditPane) -> list[str]:
    return [record.event.subject_name for record in pane.model.records]


def _click(qtbot: QtBot, pane: AuditPane, name: str) -> None:
    button = pane.findChild(QPushButton, name)
    assert button is not None, name
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_nothing_written_yet(qtbot: QtBot, pane: AuditPane) -> None:
    assert pane._pages.currentWidget() is pane._busy
    _open(qtbot, pane)
    assert pane._pages.currentWidget() is pane._empty


def test_the_newest_come_first_and_the_rest_when_it_is_scrolled(
    qtbot: QtBot, pane: AuditPane, services: Services
) -> None:
    _write(services, *(_event(name=f"n{number}") for number in range(450)))
    _open(qtbot, pane)
    assert pane.model.rowCount() == 200
    assert _subjects(pane)[0] == "n449"
    pane.table.scrollToBottom()
    qtbot.waitUntil(lambda: pane.model.rowCount() == 400)
    _settle(qtbot, pane)
    pane.table.scrollToBottom()
    qtbot.waitUntil(lambda: pane.model.rowCount() == 450)
    assert not pane.model.canFetchMore(pane.table.rootIndex())
    assert _subjects(pane)[-1] == "n0"


def test_what_was_scrolled_to_stays_when_nothing_is_new(
    qtbot: QtBot, pane: AuditPane, services: Services
) -> None:
    _write(services, *(_event(name=f"n{number}") for number in range(250)))
    _open(qtbot, pane)
    pane.table.scrollToBottom()
    qtbot.waitUntil(lambda: pane.model.rowCount() == 250)
    _open(qtbot, pane)
    assert pane.model.rowCount() == 250
    _write(services, _event(name="new"))
    _open(qtbot, pane)
    assert _subjects(pane)[0] == "new"


def test_filters(qtbot: QtBot, pane: AuditPane, services: Services) -> None:
    _write(
        services,
        _event("user.deleted", "old", age=40),
        _event("user.created", "week", age=3),
        _event("session.refused", "eve", outcome=AuditOutcome.REFUSED),
    )
    _open(qtbot, pane)
    filters = pane.filters
    titles = [filters.action.itemText(index) for index in range(filters.action.count())]
    assert titles == [
        "Anything",
        "Session · refused",
        "User: everything",
        "User · created",
        "User · deleted",
    ]
    filters.action.setCurrentIndex(2)
    _settle(qtbot, pane)
    assert _subjects(pane) == ["week", "old"]
    filters.period.setCurrentIndex(2)
    _settle(qtbot, pane)
    assert _subjects(pane) == ["week"]
    filters.clear()
    filters.outcome.setCurrentIndex(2)
    _settle(qtbot, pane)
    assert _subjects(pane) == ["eve"]
    filters.clear()
    qtbot.keyClicks(filters.text, "OLD")
    _settle(qtbot, pane)
    assert _subjects(pane) == ["old"]
    qtbot.keyClicks(filters.text, "zzz")
    _settle(qtbot, pane)
    assert pane._pages.currentWidget() is pane._nothing
    _click(qtbot, pane, "audit.clear")
    _settle(qtbot, pane)
    assert len(_subjects(pane)) == 3
    assert filters.query() == AuditQuery()


def test_days_are_those_of_this_computer(qtbot: QtBot, pane: AuditPane) -> None:
    filters = pane.filters
    filters.period.setCurrentIndex(4)
    filters.from_day.setText("2026-01-30")
    filters.to_day.setText("2026-01-31")
    query = filters.query()
    assert query.from_at == datetime(2026, 1, 30).astimezone()
    assert query.to_at == datetime(2026, 2, 1).astimezone()
    filters.from_day.setText("2026-13-01")
    assert filters.from_day.property("invalid") == "true"
    assert filters.query().from_at is None
    _settle(qtbot, pane)


def test_a_record_in_full(qtbot: QtBot, pane: AuditPane, services: Services) -> None:
    _write(
        services,
        _event(
            "user.updated",
            "<b>bold</b>",
            before={"name": "Bob", "role": "user", "tags": []},
            after={"name": "Bob", "role": "admin", "tags": ["a", "b"]},
            rows=3,
        ),
        _event("user.created", after={"name": "x"}),
    )
    _open(qtbot, pane)
    assert not pane.detail.isVisible()
    pane.resize(1400, 700)
    pane.table.selectRow(1)
    assert pane.detail.isVisible()
    assert pane.table.width() > pane.detail.width()
    texts = [
        [str(pane.detail.table.model().index(row, column).data()) for column in range(3)]
        for row in range(pane.detail.table.model().rowCount())
    ]
    assert texts == [
        ["role", "user", "admin"],
        ["tags", "none", "a, b"],
        ["name", "Bob", "Bob"],
        ["rows", "", "3"],
    ]
    assert not pane.detail.table.isColumnHidden(1)
    assert pane.detail._values["subject"].text() == "User: <b>bold</b>"
    assert pane.detail._values["subject"].textFormat() is Qt.TextFormat.PlainText
    pane.detail.copy()
    assert json.loads(QGuiApplication.clipboard().text())["action"] == "user.updated"
    pane.table.selectRow(0)
    assert pane.detail.table.isColumnHidden(1)
    pane.table.setFocus()
    qtbot.keyClick(pane.table, Qt.Key.Key_Escape)
    assert not pane.detail.isVisible()


def test_what_is_neither_before_nor_after_is_told_too() -> None:
    event = _event(before={"a": None, "b": True}, reason="wrong password", after={})
    assert [(change.field, change.before, change.after) for change in changes(event)] == [
        ("a", "nothing", ""),
        ("b", "yes", ""),
        ("reason", "", "wrong password"),
    ]


def test_in_a_small_window_the_record_takes_the_place_of_the_list(
    qtbot: QtBot, pane: AuditPane, services: Services
) -> None:
    _write(services, _event())
    pane.resize(700, 450)
    _open(qtbot, pane)
    pane.table.selectRow(0)
    assert pane.detail.isVisible()
    assert not pane.table.isVisible()
    assert not pane.filters.isVisible()
    qtbot.keyClick(pane.detail, Qt.Key.Key_Escape)
    assert pane.table.isVisible()
    assert pane.table.hasFocus()
    assert pane.filters.isVisible()
    assert pane.table.isColumnHidden(4)


def test_the_verdict_makes_room_for_a_record_in_a_small_window(
    qtbot: QtBot, pane: AuditPane, services: Services
) -> None:
    _write(services, _event())
    pane.resize(700, 450)
    _open(qtbot, pane)
    pane.verify()
    _settle(qtbot, pane)
    assert pane.verdict_message.isVisible()
    pane.table.selectRow(0)
    assert not pane.verdict_message.isVisible()
    pane.table.clearSelection()
    assert pane.verdict_message.isVisible()


@pytest.mark.parametrize("width", [980, 1400])
def test_long_values_are_there_in_full(
    qtbot: QtBot, pane: AuditPane, services: Services, width: int
) -> None:
    place = "altus4_search@a-name-without-any-space-in-it.example.org:3306/quarterly_figures"
    _write(services, _event(before={"place": place}, after={"place": place.upper()}))
    pane.resize(width, 700)
    _open(qtbot, pane)
    pane.table.selectRow(0)
    table = pane.detail.table
    room = table.columnWidth(1) - 2 * Space.S
    lines = table.fontMetrics().horizontalAdvance(place) / room
    assert table.rowHeight(0) >= lines * table.fontMetrics().height()
    stacked = pane.detail.mapTo(pane, QPoint(0, 0)).x() == pane.table.mapTo(pane, QPoint(0, 0)).x()
    assert stacked == (width < 1240), "a list that tells nothing apart is no list"
    if stacked:
        assert pane.detail.height() > pane.table.height()


def test_verifying_says_what_is_wrong(qtbot: QtBot, pane: AuditPane, services: Services) -> None:
    _write(services, *(_event(name=f"n{number}") for number in range(5)))
    _open(qtbot, pane)
    _click(qtbot, pane, "audit.verify")
    assert not pane._verify.isEnabled()
    _settle(qtbot, pane)
    assert "is whole: 5 records" in pane.verdict_message.text()
    assert pane.verdict_message.property("tone") == "success"
    assert pane._verify.isEnabled()
    with services.metadata.store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_log_no_delete")
        connection.exec_driver_sql("DELETE FROM audit_log WHERE sequence IN (2, 3)")
    pane.verify()
    _settle(qtbot, pane)
    assert pane.verdict_message.property("tone") == "error"
    assert "Records 2 to 3 were removed." in pane.verdict_message.hint()


def test_records_that_are_not_as_they_were_are_marked_and_all_faults_can_be_read(
    qtbot: QtBot, pane: AuditPane, services: Services
) -> None:
    _write(services, *(_event(name=f"n{number}") for number in range(8)))
    with services.metadata.store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_log_no_update")
        connection.exec_driver_sql("UPDATE audit_log SET origin = 'eve' WHERE sequence > 3")
    _open(qtbot, pane)
    pane.verify()
    _settle(qtbot, pane)
    assert "There is one more fault." in pane.verdict_message.hint()
    marks = []
    for row, record in enumerate(pane.model.records):
        index = pane.model.index(row, 2)
        shown = str(index.data())
        assert shown in str(index.data(Qt.ItemDataRole.AccessibleTextRole))
        assert (index.data(Qt.ItemDataRole.DecorationRole) is not None) == (record.sequence > 3)
        marks.append(shown.startswith("Changed: "))
    assert marks == [True] * 5 + [False] * 3
    read: list[str] = []

    def look() -> None:
        dialog = cast("FaultsDialog", QApplication.activeModalWidget())
        read.extend(dialog.list.item(row).text() for row in range(dialog.list.count()))
        dialog.copy()
        dialog.accept()

    QTimer.singleShot(0, pane, look)
    _click(qtbot, pane, "audit.verdict.action1")
    assert read == [f"Record {number} was changed." for number in range(4, 9)]
    assert QApplication.clipboard().text().splitlines() == read


def test_a_restored_store_is_accepted_after_a_question(
    qtbot: QtBot, pane: AuditPane, services: Services
) -> None:
    _write(services, _event(name="kept"), _event(name="lost"))
    _open(qtbot, pane)
    pane.verify()
    _settle(qtbot, pane)
    kept = services.metadata.store.audit.find_hash(1)
    with services.metadata.store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_log_no_delete")
        connection.exec_driver_sql("DELETE FROM audit_log WHERE sequence = 2")
        connection.exec_driver_sql(f"UPDATE audit_head SET sequence = 1, row_hash = '{kept}'")
    pane.verify()
    _settle(qtbot, pane)
    assert pane.verdict_message.property("tone") == "warning"

    def answer() -> None:
        dialog = cast("ConfirmDialog", QApplication.activeModalWidget())
        assert dialog.objectName() == "audit.accept"
        dialog.action_button.click()

    QTimer.singleShot(0, pane, answer)
    _click(qtbot, pane, "audit.verdict.action1")
    qtbot.waitUntil(lambda: pane.verdict_message.property("tone") == "success")
    _settle(qtbot, pane)
    assert pane.model.records[0].event.action == "audit.accepted"


@pytest.mark.parametrize(
    ("chosen", "ending", "written"),
    [
        ("log", "JSON, one document (*.json)", "log.json"),
        ("log.ndjson", "CSV for spreadsheets (*.csv)", "log.ndjson"),
        ("log.txt", "", "log.txt.csv"),
    ],
)
def test_an_export_of_what_is_shown(
    qtbot: QtBot,
    pane: AuditPane,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    chosen: str,
    ending: str,
    written: str,
) -> None:
    folder = services.data_dir
    _write(services, _event(name="wanted"), _event(name="other"))
    _open(qtbot, pane)
    pane.filters.text.setText("wanted")
    _settle(qtbot, pane)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(folder / chosen), ending))
    _click(qtbot, pane, "audit.export")
    qtbot.waitUntil(lambda: pane.verdict_message.property("tone") == "success")
    _settle(qtbot, pane)
    text = (folder / written).read_text()
    assert "wanted" in text
    assert "other" not in text
    assert pane.verdict_message.text() == "1 records written."


def test_an_export_that_fails_says_why(qtbot: QtBot, pane: AuditPane, tmp_path: Path) -> None:
    _open(qtbot, pane)
    pane.export_to(tmp_path / "nowhere" / "x.csv", ListFormat.CSV)
    _settle(qtbot, pane)
    assert pane.verdict_message.property("tone") == "error"
    assert "cannot be written" in pane.verdict_message.text()


def test_a_store_that_fails_can_be_tried_again(
    qtbot: QtBot, pane: AuditPane, services: Services
) -> None:
    _write(services, _event())
    services.metadata.close_()
    _open(qtbot, pane)
    assert pane._pages.currentWidget() is pane._failed
    services.metadata.open_()
    _click(qtbot, pane, "audit.again")
    _settle(qtbot, pane)
    assert pane._pages.currentWidget() is pane._split
