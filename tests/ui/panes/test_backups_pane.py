"""The backups pane over a real embedded store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QDateTime, QPoint, QRect, Qt, QTimeZone
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QLabel, QPlainTextEdit, QPushButton, QScrollArea
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.backup_reach import LogSpan
from altus4_desktop.domain.backups import (
    BackupRun,
    BinlogPosition,
    RestorePlan,
    RestoreRun,
    TableChange,
)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import InputError, StoreError
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.services import Services
from altus4_desktop.storage import files
from altus4_desktop.storage.backup_folder import BackupFolder
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskRunner
from altus4_desktop.ui.panes.backups.dialogs import RestoreDialog
from altus4_desktop.ui.panes.backups.pane import BackupsPane
from altus4_desktop.ui.panes.backups.wording import facts, to_the_second
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from altus4_desktop.ui.times import ago, exact
from tests.records import a_search, a_user

_MADE_AT = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
_UTC = QTimeZone(QTimeZone.Initialization.UTC)


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
    assert store.backups.tool.count_rows(CancelToken())["searches"] == 0


def test_one_that_the_sign_out_cancels_ends_unheard(desk: Desk) -> None:
    entered = threading.Event()

    def work(context: TaskContext) -> None:
        entered.set()
        context.token.wait(30)
        context.token.raise_if_cancelled()

    desk.pane._begin(work, desk.pane._end_verified, "Waiting")
    assert entered.wait(5)
    desk.pane.shut()
    desk.pane.session.set_actor(None)
    desk.qtbot.waitUntil(lambda: not desk.pane.runner.running)


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


def test_a_list_that_cannot_be_read_is_read_again(
    qtbot: QtBot, tmp_path: Path, runner: TaskRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = compose(tmp_path / "data")
    services.metadata.open_()
    user = services.metadata.store.users.create_(a_user(role=Role.ADMIN), "x")
    crashes: list[BaseException] = []
    session = Session(services, runner, Theme(), report_crash=crashes.append)
    session.set_actor(user.as_actor())
    list_all = BackupFolder.list_
    away = StoreError("The folder is away.", hint="Mount it.")
    monkeypatch.setattr(BackupFolder, "list_", lambda _: (_ for _ in ()).throw(away))
    pane = BackupsPane(session)
    qtbot.addWidget(pane)
    pane.show()
    pane.activated()
    desk = Desk(pane, services, qtbot, user)
    qtbot.waitUntil(lambda: pane._list_pages.currentWidget() is pane._failed)
    said = [label.text() for label in pane._failed.findChildren(QLabel) if label.isVisible()]
    assert {"The folder is away.", "Mount it."} <= set(said)
    assert pane._chip.text() == "Not known"
    assert not pane._prune.isEnabled()
    monkeypatch.setattr(BackupFolder, "list_", list_all)
    desk.click("backups.again")
    assert pane._chip.text() == "No good backup"
    assert not pane._prune.isEnabled(), "there is none to remove"
    # What was read before stays, with a word about it.
    desk.click("backups.create")
    monkeypatch.setattr(BackupFolder, "list_", lambda _: (_ for _ in ()).throw(away))
    pane.refresh()
    qtbot.waitUntil(lambda: pane.message.text() == "The folder is away.")
    assert desk.states() == ["Good"]
    monkeypatch.setattr(BackupFolder, "list_", list_all)
    pane.shut()
    services.close()
    assert crashes == []


def test_a_folder_that_is_away_is_not_shown_as_empty(desk: Desk, tmp_path: Path) -> None:
    pane, disk = desk.pane, tmp_path / "disk"
    pane._schedule.choose_folder(str(disk))
    desk.settle()
    desk.click("backups.create")
    disk.rename(tmp_path / "unplugged")
    pane.refresh()
    desk.qtbot.waitUntil(lambda: pane._list_pages.currentWidget() is pane._failed)
    said = " ".join(label.text() for label in pane._failed.findChildren(QLabel))
    assert f"“{desk.services.backups.folder_(pane.session.actor)}” is not there" in said
    assert desk.states() == []
    assert not pane._prune.isEnabled()
    desk.qtbot.waitUntil(lambda: not pane.runner.running)
    pane.show_schedule()
    standing = pane.findChild(QLabel, "backups.standing")
    assert standing is not None
    assert "is not there" in standing.text()
    blocked = tmp_path / "a file"
    blocked.write_text("")
    pane._schedule.choose_folder(str(blocked))
    desk.qtbot.waitUntil(lambda: str(blocked) in pane.message.text())
    desk.qtbot.waitUntil(lambda: not pane.runner.running)
    assert desk.services.settings.backup_folder == str(disk)
    # Chosen again, it is a new one.
    pane._schedule.choose_folder(str(disk))
    desk.settle()
    assert pane._chip.text() == "No good backup"
    assert standing.text() == "There is none yet. The next one is due."


def test_two_of_one_day_are_told_apart(desk: Desk) -> None:
    for _ in range(2):
        desk.click("backups.create")
    model = desk.pane.model
    folder = BackupFolder(desk.services.backups.folder_(desk.pane.session.actor))
    for backup, second in zip(model.records, (7, 8), strict=True):
        folder.write(replace(backup, created_at=_MADE_AT.replace(second=second)))
    desk.pane.refresh()
    desk.settle()
    made = [model.index(row, 0) for row in range(2)]
    at = [backup.created_at for backup in model.records]
    assert [it.data() for it in made] == [exact(one) for one in at]
    assert len({it.data() for it in made}) == 2
    for index, one in zip(made, at, strict=True):
        tip = str(index.data(Qt.ItemDataRole.ToolTipRole))
        assert to_the_second(one) in tip
        assert ago(one) in tip
    assert facts(model.records[0])[0] == ("Made", to_the_second(at[0]))


def test_a_small_window_has_room_for_what_a_backup_is(desk: Desk) -> None:
    desk.click("backups.create")
    (backup,) = desk.pane.model.records
    folder = BackupFolder(desk.services.backups.folder_(desk.pane.session.actor))
    left_out = tuple(f"view number {number}" for number in range(3))
    folder.write(replace(backup, binlog=BinlogPosition("binlog.1", 4), left_out=left_out))
    tall = desk.pane._timeline.sizeHint().height()
    # What a window of 760 x 520 leaves to a pane.
    desk.pane.resize(668, 488)
    desk.pane.refresh()
    desk.settle()
    detail, line = desk.pane._detail, desk.pane._reach_line
    area = detail.findChild(QScrollArea)
    assert area is not None
    assert area.isAncestorOf(detail._title)

    def shown() -> set[str]:
        seen = area.viewport().rect()
        return {
            label.text()
            for label in detail._facts.findChildren(QLabel)
            if seen.contains(QRect(label.mapTo(area.viewport(), QPoint()), label.size()))
        }

    # Laid out once the events of the new size were handled.
    desk.qtbot.waitUntil(lambda: desk.pane._timeline.height() < tall)
    desk.qtbot.waitUntil(lambda: line.height() < 2 * line.fontMetrics().height())
    desk.qtbot.waitUntil(lambda: shown() >= {"Made", "Not in it"})
    assert line.text() in line.toolTip()
    title = detail._title
    assert title.fontMetrics().horizontalAdvance("12 minutes ago") <= title.width()
    desk.pane.resize(1000, 700)
    assert desk.pane._timeline.sizeHint().height() == tall


def test_what_is_chosen_on_the_timeline_is_chosen_in_the_list(desk: Desk) -> None:
    for _ in range(2):
        desk.click("backups.create")
    timeline, table = desk.pane._timeline, desk.pane.table
    ids = [backup.id for backup in desk.pane.model.records]
    desk.qtbot.keyClick(timeline, Qt.Key.Key_Home)
    assert table.currentIndex().row() == 1
    assert timeline._chosen == ids[1]
    table.selectRow(0)
    assert timeline._chosen == ids[0]
    line = desk.pane.findChild(QLabel, "backups.reach")
    assert line is not None
    assert "Only the instants of the backups" in line.text()
    assert "SQLite keeps no log" in line.text()


def test_a_log_that_cannot_be_read_leaves_the_list(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("The server is away.")

    monkeypatch.setattr(desk.services.backups, "reach_", fail)
    desk.click("backups.create")
    assert desk.states() == ["Good"]
    line = desk.pane.findChild(QLabel, "backups.reach")
    assert line is not None
    assert "is not known. The server is away." in line.text()


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
    desk.pane.activateWindow()
    desk.pane._create.setFocus()
    desk.qtbot.waitUntil(desk.pane._create.hasFocus)
    desk.pane.create_backup()
    assert desk.pane._progress.stop.hasFocus()
    desk.qtbot.waitUntil(lambda: "3 %" in desk.pane._progress.step.text())
    assert not desk.pane._create.isEnabled()
    desk.click("backups.stop")
    assert desk.pane.message.text() == "Stopped."
    assert desk.pane._create.isEnabled()
    assert desk.pane._create.hasFocus()


def test_the_store_answers_while_a_backup_is_under_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    copy_into = files.copy_into

    def slowly(*arguments: Any, **more: Any) -> str:
        assert go_on.wait(20)
        return copy_into(*arguments, **more)

    monkeypatch.setattr(files, "copy_into", slowly)
    desk.pane.create_backup()
    users = desk.services.metadata.store.users
    found: list[object] = []
    handle = desk.pane.runner.submit(Lane.METADATA, lambda _: users.exists_real())
    handle.succeeded.connect(found.append)
    try:
        desk.qtbot.waitUntil(lambda: found == [True])
        assert desk.pane._run is not None, "the backup still waits"
    finally:
        go_on.set()
        desk.settle()
    assert desk.states() == ["Good"]


def test_a_schedule_that_makes_none_is_no_good_sign(desk: Desk) -> None:
    desk.click("backups.create")
    chip, model = desk.pane._chip, desk.pane.model
    assert (chip.property("chip"), chip.text()[:5]) == ("success", "Good:")
    made = model.records[0]
    for hours, every, is_late in (
        (47, 24, False),
        (49, 24, True),
        (480, 24, True),
        (480, 0, False),
    ):
        desk.services.settings.backup_every_hours = every
        model.set_records([replace(made, created_at=datetime.now(UTC) - timedelta(hours=hours))])
        desk.pane._draw()
        assert (chip.property("chip") == "warning") is is_late, hours
        assert chip.text().startswith("Late: the last one" if is_late else "Good:")


def test_schedule_and_folder_are_kept(desk: Desk, tmp_path: Path) -> None:
    desk.pane.show_schedule()
    daily = desk.pane.findChild(QCheckBox, "backups.daily")
    assert daily is not None
    assert daily.isChecked()
    standing = desk.pane.findChild(QLabel, "backups.standing")
    assert standing is not None
    assert standing.text() == "There is none yet. The next one is due."
    daily.click()
    desk.settle()
    assert standing.text() == "There is none yet. None is made by itself."
    desk.pane._schedule.choose_folder(str(tmp_path / "elsewhere"))
    desk.settle()
    settings = desk.services.settings
    assert (settings.backup_every_hours, settings.backup_folder) == (0, str(tmp_path / "elsewhere"))
    place = desk.pane.findChild(QLabel, "backups.place")
    assert place is not None
    assert str(tmp_path / "elsewhere") in place.text()
    desk.click("backups.folder.reset")
    assert settings.backup_folder is None
    desk.click("backups.lines.form.timer")
    text = desk.pane.findChild(QPlainTextEdit, "backups.lines")
    assert text is not None
    assert "Persistent=true" in text.toPlainText()
    where = " ".join(label.text() for label in desk.pane._schedule.findChildren(QLabel))
    assert "loginctl enable-linger $USER" in where
    desk.click("backups.lines.copy")
    assert QGuiApplication.clipboard().text() == text.toPlainText()
    desk.click("backups.lines.form.cron")
    assert f"--data-dir {desk.services.data_dir}" in text.toPlainText()
    asked: list[str] = []
    desk.pane.session.pane_requested.connect(lambda pane, _: asked.append(pane))
    desk.click("backups.kit")
    assert asked == ["settings"]


@dataclass
class Asked:
    """A dialog about a backup with a binary log, and what came of it."""

    dialog: RestoreDialog
    agreed: list[tuple[str, datetime | None]]
    looked: list[datetime]
    qtbot: QtBot

    @property
    def lost(self) -> str:
        label = self.dialog.findChild(QLabel, "backups.plan.lost")
        assert label is not None
        return label.text()

    def choose(self, at: datetime) -> None:
        self.dialog._follow.setChecked(True)
        self.dialog._instant.setDateTime(QDateTime.fromSecsSinceEpoch(int(at.timestamp()), _UTC))

    def look(self) -> None:
        self.dialog._look.click()
        self.qtbot.waitUntil(lambda: not self.dialog.is_busy)

    def is_void(self) -> bool:
        dialog = self.dialog
        consent = dialog._consent
        dialog.enter()
        return not (
            self.agreed
            or consent.isEnabled()
            or consent.isChecked()
            or dialog.accept_button.isEnabled()
        )

    def agree(self) -> None:
        assert not self.dialog.accept_button.isEnabled()
        self.dialog._consent.click()
        self.dialog.accept_button.click()


@pytest.fixture
def asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Asked:
    backup = desk.services.backups.create_(desk.pane.session.actor).backup
    backup = replace(backup, binlog=BinlogPosition("binlog.000001", 4), created_at=_MADE_AT)
    plan = RestorePlan(backup, "", (TableChange("users", 2, 1),))
    looked: list[datetime] = []

    def look(_: object, backup_id: str, *, until: Any, token: CancelToken) -> RestorePlan:
        assert (backup_id, token.cancelled) == (backup.id, False)
        looked.append(until)
        if until < _MADE_AT:
            raise InputError("until", "That is too early.")
        return replace(plan, until=until, commits=7)

    monkeypatch.setattr(desk.services.backups, "plan_restore_", look)
    dialog = RestoreDialog(desk.pane.session, plan, parent=desk.pane)
    agreed: list[tuple[str, datetime | None]] = []
    dialog.agreed.connect(lambda *answer: agreed.append(answer))
    dialog.open()
    return Asked(dialog, agreed, looked, desk.qtbot)


def test_the_log_is_not_followed_unless_somebody_wants_it(asked: Asked) -> None:
    dialog = asked.dialog
    assert not dialog._follow.isChecked()
    assert not dialog._instant.isEnabled()
    assert not dialog._look.isEnabled()
    assert exact(_MADE_AT) in asked.lost
    asked.agree()
    assert asked.agreed == [(dialog._whole.backup.id, None)]
    assert asked.looked == []


def test_an_instant_nobody_has_looked_at_is_not_agreed_to(asked: Asked) -> None:
    asked.dialog._consent.setChecked(True)
    asked.choose(_MADE_AT + timedelta(minutes=5))
    assert asked.is_void()
    assert "Look" in asked.lost


def test_what_is_agreed_to_is_the_instant_that_is_shown(asked: Asked) -> None:
    at = _MADE_AT + timedelta(minutes=5, seconds=17)
    asked.choose(at)
    asked.look()
    assert "7 transactions" in asked.lost
    assert exact(at) in asked.lost
    shown = asked.dialog._instant.text()
    asked.agree()
    (answer,) = asked.agreed
    assert answer == (asked.dialog._whole.backup.id, at)
    assert f"{at:%Y-%m-%d %H:%M:%S}" == shown


def test_another_instant_after_the_look_is_to_be_looked_at_again(asked: Asked) -> None:
    at = _MADE_AT + timedelta(minutes=5)
    asked.choose(at)
    asked.look()
    asked.dialog._consent.setChecked(True)
    asked.choose(at - timedelta(seconds=1))
    assert asked.is_void()
    assert "transactions" not in asked.lost
    asked.choose(at)
    assert asked.is_void()
    asked.dialog._follow.setChecked(False)
    assert exact(_MADE_AT) in asked.lost
    asked.agree()
    assert asked.agreed == [(asked.dialog._whole.backup.id, None)]


def test_a_look_that_fails_leaves_nothing_to_agree_to(asked: Asked) -> None:
    at = _MADE_AT + timedelta(minutes=5)
    asked.choose(at)
    asked.look()
    asked.choose(_MADE_AT - timedelta(days=1))
    asked.look()
    assert asked.dialog.work.message.text() == "That is too early."
    assert asked.is_void()


def test_an_instant_is_picked_on_the_line_of_time(desk: Desk, asked: Asked) -> None:
    plan = asked.dialog._whole
    span = LogSpan(plan.backup.id, _MADE_AT, _MADE_AT + timedelta(days=2))
    dialog = RestoreDialog(desk.pane.session, plan, span, desk.pane)
    dialog.open()
    picker = dialog._picker
    assert picker is not None
    place = QPoint(round(picker.plot.center().x()), round(picker.axis_top))
    desk.qtbot.mouseClick(picker, Qt.MouseButton.LeftButton, pos=place)
    assert dialog._follow.isChecked()
    until = dialog._until()
    assert until is not None
    assert abs(until - (_MADE_AT + timedelta(days=1))) < timedelta(minutes=10)
    for key, step in (
        (Qt.Key.Key_Right, timedelta(minutes=1)),
        (Qt.Key.Key_Down, timedelta(seconds=-1)),
        (Qt.Key.Key_PageUp, timedelta(hours=1)),
    ):
        desk.qtbot.keyClick(picker, key)
        until += step
        assert dialog._until() == until
    assert exact(until) in picker.accessibleDescription()
    for key, edge in ((Qt.Key.Key_Home, span.begins_at), (Qt.Key.Key_End, span.ends_at)):
        desk.qtbot.keyClick(picker, key)
        assert dialog._until() == edge
    desk.qtbot.keyClick(picker, Qt.Key.Key_Right)
    assert dialog._until() == span.ends_at
    dialog._instant.setDateTime(QDateTime.fromSecsSinceEpoch(int(_MADE_AT.timestamp()) + 60, _UTC))
    assert picker._at == _MADE_AT + timedelta(minutes=1)
    dialog._follow.setChecked(False)
    assert "Chosen" not in picker.accessibleDescription()
    dialog.close()


def test_a_dry_run_tells_what_came_out_and_touches_nothing(desk: Desk) -> None:
    desk.click("backups.create")
    store = desk.services.metadata.store
    later = datetime.now(UTC) + timedelta(seconds=2)
    store.searches.add_(a_search(desk.user, "later", created_at=later))
    desk.click("backups.restore")
    dialog = desk.dialog()
    lost = dialog.findChild(QLabel, "backups.plan.lost")
    assert lost is not None
    assert "searches: 1 new" in lost.text()
    dialog._rehearse.click()
    assert dialog._progress.isVisible()
    desk.qtbot.waitUntil(lambda: not dialog.is_busy and not dialog._progress.isVisible())
    assert "compared, and removed" in dialog._rehearsed.text()
    assert "not touched" in dialog._rehearsed.text()
    said = "\n".join(label.text() for label in dialog.findChildren(QLabel))
    assert "After it" in said
    assert "searches\n1\n0" in said
    assert store.backups.tool.count_rows(CancelToken())["searches"] == 1
    assert not dialog.accept_button.isEnabled()
    dialog.close()


def test_a_dry_run_can_be_stopped_and_can_fail(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.click("backups.create")
    desk.click("backups.restore")
    dialog = desk.dialog()

    def wait(*arguments: Any) -> None:
        arguments[-1].wait(20)
        arguments[-1].raise_if_cancelled()

    monkeypatch.setattr(desk.services.backups, "rehearse_", wait)
    dialog._rehearse.click()
    assert dialog.is_busy
    dialog._progress.stop.click()
    desk.qtbot.waitUntil(lambda: not dialog.is_busy and not dialog._progress.isVisible())
    assert dialog._rehearse.isEnabled()

    def fail(*_: Any) -> None:
        raise StoreError("The account may make no database.", code="backup.no_scratch")

    monkeypatch.setattr(desk.services.backups, "rehearse_", fail)
    dialog._rehearse.click()
    desk.qtbot.waitUntil(lambda: not dialog.is_busy)
    assert dialog.work.message.text() == "The account may make no database."
    dialog._consent.click()
    assert dialog.accept_button.isEnabled()
    dialog.close()


def test_an_answer_for_another_instant_is_not_taken(asked: Asked) -> None:
    asked.choose(_MADE_AT + timedelta(minutes=5))
    asked.dialog._show(replace(asked.dialog._whole, until=_MADE_AT + timedelta(minutes=4)))
    assert asked.is_void()


@pytest.mark.parametrize("later_s", [None, 317])
def test_the_instant_of_the_store_is_said_after_a_restore(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, later_s: int | None
) -> None:
    backup = desk.services.backups.create_(desk.pane.session.actor).backup
    until = None if later_s is None else backup.created_at + timedelta(seconds=later_s)
    wanted: list[object] = []

    def restore(*_: object, until: object, **__: object) -> RestoreRun:
        wanted.append(until)
        return RestoreRun(backup, "here", "there")

    monkeypatch.setattr(desk.services.backups, "restore_", restore)
    desk.pane._restore(backup.id, until)
    desk.settle()
    assert wanted == [until]
    assert exact(until or backup.created_at) in desk.pane.message.text()


def test_a_restored_store_that_does_not_open_is_no_lost_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = desk.services.backups.create_(desk.pane.session.actor).backup
    run = RestoreRun(backup, "here", "there", problem="The server is silent.")
    monkeypatch.setattr(desk.services.backups, "restore_", lambda *_, **__: run)
    desk.pane._restore(backup.id, None)
    desk.settle()
    message = desk.pane.message
    assert "could not be opened" in message.text()
    assert "The server is silent." in message.hint()
    assert "kept: there" in message.hint()
