"""The backups pane over a real embedded store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.backups import (
    BackupRun,
    BinlogPosition,
    RestorePlan,
    TableChange,
)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.services import Services
from altus4_desktop.storage.backup_folder import BackupFolder
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.backups.dialogs import RestoreDialog
from altus4_desktop.ui.panes.backups.pane import BackupsPane
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.records import a_search, a_user


@dataclass
class Desk:
    """The pane and what it stands on."""

    pane: BackupsPane
    services: Services
    qtbot: QtBot
    user: Any

    def settle(self) -> None:
        pane = self.pane
        self.qtbot.waitUntil(
            lambda: not pane.runner.running and pane._run is None and pane._read, timeout=20_000
        )

    def click(self, name: str) -> None:
        button = self.pane.findChild(QPushButton, name)
        assert button is not None, name
        assert button.isEnabled(), name
        button.click()
        self.settle()

    def states(self) -> list[str]:
        model = self.pane.model
        return [str(model.index(row, 1).data()) for row in range(model.rowCount())]

    def dialog(self) -> RestoreDialog:
        found = self.pane.findChild(RestoreDialog)
        assert found is not None
        return found


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, qapp: object) -> Iterator[Desk]:
    services = compose(tmp_path / "data")
    services.metadata.open_()
    user = services.metadata.store.users.create_(a_user(role=Role.ADMIN), "x")
    runner = TaskRunner()
    crashes: list[BaseException] = []
    session = Session(services, runner, Theme(), report_crash=crashes.append)
    session.set_actor(user.as_actor())
    pane = BackupsPane(session)
    qtbot.addWidget(pane)
    pane.resize(1000, 700)
    pane.show()
    pane.activated()
    made = Desk(pane, services, qtbot, user)
    made.settle()
    yield made
    pane.shut()
    assert runner.shutdown(10.0)
    runner.deleteLater()
    services.close()
    assert crashes == []


def test_a_backup_is_made_verified_and_put_back(desk: Desk) -> None:
    assert desk.pane._chip.text() == "No good backup"
    desk.click("backups.create")
    assert desk.states() == ["Good"]
    assert "rows were restored on trial" in desk.pane.message.text()
    assert "recovery kit" in desk.pane.message.hint()
    desk.click("backups.verify")
    assert desk.pane.message.text() == "The backup is good."
    store = desk.services.metadata.store
    for number in range(3):
        store.searches.add_(a_search(desk.user, f"later {number}"))
    desk.click("backups.restore")
    dialog = desk.dialog()
    said = "\n".join(label.text() for label in dialog.findChildren(QLabel))
    assert "searches\n3\n0" in said
    assert not dialog.accept_button.isEnabled()
    box = dialog.findChild(QCheckBox, "backups.plan.agree")
    assert box is not None
    box.setChecked(True)
    dialog.accept_button.click()
    desk.settle()
    assert "What was there before is kept" in desk.pane.message.hint()
    assert store.backups.tool.count_rows()["searches"] == 0


def test_a_bad_one_says_why_and_is_not_restored(desk: Desk) -> None:
    desk.click("backups.create")
    actor = desk.pane.session.actor
    (backup,) = desk.services.backups.list_(actor)
    folder = BackupFolder(desk.services.backups.folder_(actor))
    folder.write(replace(backup, problem="other <b>rows</b> in users", verified_at=None))
    desk.pane.refresh()
    desk.settle()
    assert desk.states() == ["Bad"]
    sentence = desk.pane.findChild(QLabel, "backups.detail.sentence")
    assert sentence is not None
    assert "other <b>rows</b> in users" in sentence.text()
    restore = desk.pane.findChild(QPushButton, "backups.restore")
    assert restore is not None
    assert not restore.isEnabled()
    assert desk.pane._chip.text() == "No good backup"


def test_what_was_not_tried_and_what_failed_is_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = desk.services.backups.create_(desk.pane.session.actor).backup
    run = BackupRun(replace(backup, verified_at=None), "The account may not.")
    monkeypatch.setattr(desk.services.backups, "create_", lambda *_: run)
    desk.click("backups.create")
    assert desk.pane.message.text() == "The backup is written, and not verified."
    assert desk.pane.message.hint() == "The account may not."

    def fail(*_: object) -> None:
        raise StoreError("The disk is full.", code="backup.failed")

    monkeypatch.setattr(desk.services.backups, "create_", fail)
    desk.click("backups.create")
    assert desk.pane.message.text() == "The disk is full."
    desk.click("backups.prune")
    assert desk.pane.message.text() == "None is old enough to go."


def test_a_backup_can_be_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(_: object, progress: ProgressSink, token: CancelToken) -> None:
        progress(Progress("Copying the metadata store: 3 %"))
        token.wait(20)
        token.raise_if_cancelled()

    monkeypatch.setattr(desk.services.backups, "create_", wait)
    desk.pane.create_backup()
    desk.qtbot.waitUntil(lambda: "3 %" in desk.pane._step.text())
    assert not desk.pane._create.isEnabled()
    desk.click("backups.stop")
    assert desk.pane.message.text() == "Stopped."
    assert desk.pane._create.isEnabled()


def test_schedule_and_folder_are_kept(desk: Desk, tmp_path: Path) -> None:
    desk.pane.show_schedule()
    daily = desk.pane.findChild(QCheckBox, "backups.daily")
    assert daily is not None
    assert daily.isChecked()
    daily.click()
    desk.settle()
    desk.pane._schedule.choose_folder(str(tmp_path / "elsewhere"))
    desk.settle()
    settings = desk.services.settings
    assert (settings.backup_every_hours, settings.backup_folder) == (0, str(tmp_path / "elsewhere"))
    place = desk.pane.findChild(QLabel, "backups.place")
    assert place is not None
    assert str(tmp_path / "elsewhere") in place.text()
    desk.click("backups.folder.reset")
    assert settings.backup_folder is None
    asked: list[str] = []
    desk.pane.session.pane_requested.connect(lambda pane, _: asked.append(pane))
    desk.click("backups.kit")
    assert asked == ["settings"]


def test_an_instant_is_looked_at_before_anybody_agrees(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = desk.services.backups.create_(desk.pane.session.actor).backup
    backup = replace(backup, binlog=BinlogPosition("binlog.000001", 4))
    plan = RestorePlan(backup, "", (TableChange("users", 2, 1),))

    def look(_: object, backup_id: str, *, until: Any, token: CancelToken) -> RestorePlan:
        assert (backup_id, token.cancelled) == (backup.id, False)
        return replace(plan, until=until, commits=7)

    monkeypatch.setattr(desk.services.backups, "plan_restore_", look)
    dialog = RestoreDialog(desk.pane.session, plan, desk.pane)
    agreed: list[object] = []
    dialog.agreed.connect(lambda *answer: agreed.append(answer))
    dialog.open()
    button = dialog.findChild(QPushButton, "backups.plan.look")
    assert button is not None
    button.click()
    lost = dialog.findChild(QLabel, "backups.plan.lost")
    assert lost is not None
    desk.qtbot.waitUntil(lambda: "7 transactions" in lost.text())
    assert not dialog.accept_button.isEnabled()
    dialog._consent.setChecked(True)
    dialog.accept_button.click()
    assert len(agreed) == 1
    assert dialog._plan.until is not None
