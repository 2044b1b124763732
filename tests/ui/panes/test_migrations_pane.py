"""The metadata store pane over a real embedded store."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.revisions import MigrationRun, Visitor, VisitorReport
from altus4_desktop.services import Services
from altus4_desktop.storage.revision_files import known_revisions
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.migrations.dialogs import ChangeDialog
from altus4_desktop.ui.panes.migrations.pane import _WHEN, MigrationsPane
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space, Theme
from tests.records import a_search, a_user

_IDS = [revision.id for revision in known_revisions()]


@dataclass
class _Desk:
    """The pane, what it stands on, and a person who answers its dialogs."""

    pane: MigrationsPane
    services: Services
    qtbot: QtBot
    folder: Path
    asked: list[str]

    def settle(self) -> None:
        pane = self.pane
        self.qtbot.waitUntil(
            lambda: not pane.runner.running and pane._run is None and pane._wish is None,
            timeout=20_000,
        )

    def answer(self, *, agree: bool, accept: bool = True) -> None:
        """Answer the next dialog once it is there."""

        def look() -> None:
            dialog = QApplication.activeModalWidget()
            if not isinstance(dialog, ChangeDialog):
                QTimer.singleShot(20, look)
                return
            self.asked.append(_texts(dialog))
            button = dialog.findChild(QPushButton, "store.change.accept")
            assert button is not None
            for box in dialog.findChildren(QCheckBox):
                assert not button.isEnabled()
                box.setChecked(agree)
            if accept:
                button.click()
            if dialog.isVisible():
                dialog.reject()

        QTimer.singleShot(0, look)

    def states(self) -> list[str]:
        model = self.pane.revisions
        return [str(model.index(row, 2).data()) for row in range(model.rowCount())]

    def query(self, statement: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.folder / "metadata.sqlite3")) as connection:
            rows = connection.execute(statement).fetchall()
            connection.commit()
            return rows

    def find(self, kind: type[Any], name: str) -> Any:
        found = self.pane.findChild(kind, name)
        assert found is not None, name
        return found


def _texts(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel))


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, qapp: object) -> Iterator[_Desk]:
    services = compose(tmp_path / "data")
    services.metadata.open_()
    user = services.metadata.store.users.create_(a_user(role=Role.ADMIN), "x")
    for number in range(3):
        services.metadata.store.searches.add_(a_search(user, f"query {number}"))
    runner = TaskRunner()
    crashes: list[BaseException] = []
    session = Session(services, runner, Theme(), report_crash=crashes.append)
    session.set_actor(Actor(user.id, user.email, user.name, Role.ADMIN))
    pane = MigrationsPane(session)
    qtbot.addWidget(pane)
    pane.resize(1000, 700)
    pane.show()
    pane.activated()
    made = _Desk(pane, services, qtbot, tmp_path / "data", [])
    made.settle()
    yield made
    pane.shut()
    assert runner.shutdown(10.0)
    runner.deleteLater()
    services.close()
    assert crashes == []


def test_every_revision_with_its_state_and_statements(desk: _Desk) -> None:
    assert desk.states() == ["Applied"] * len(_IDS)
    assert desk.pane._chip.text() == "Up to date"
    sql = desk.find(QPlainTextEdit, "store.sql")
    desk.qtbot.waitUntil(lambda: f"-> {_IDS[-1]}" in sql.toPlainText(), timeout=20_000)
    desk.pane._choose("0004_searches")
    desk.qtbot.waitUntil(lambda: "fts5" in sql.toPlainText(), timeout=20_000)
    desk.find(QPushButton, "store.way.down").click()
    desk.qtbot.waitUntil(lambda: "DROP TABLE searches" in sql.toPlainText(), timeout=20_000)
    assert desk.find(QPushButton, "store.go").text() == "Go back to here…"
    assert not desk.find(QPushButton, "store.upgrade").isVisible()


def test_going_back_says_what_is_lost_and_needs_consent(desk: _Desk) -> None:
    desk.answer(agree=False)
    desk.pane.go_to("0003_databases")
    desk.settle()
    assert f"Undo {len(_IDS) - 3} revisions?" in desk.asked[0]
    assert "searches" in desk.asked[0]
    assert "3 rows" in desk.asked[0]
    assert "Nobody else has the store open." in desk.asked[0]
    assert desk.states() == ["Applied"] * len(_IDS)
    assert not (desk.folder / "backups").exists()
    desk.answer(agree=True)
    desk.pane.go_to("0003_databases")
    desk.settle()
    assert desk.states() == [*["Applied"] * 3, *["Pending"] * (len(_IDS) - 3)]
    assert (
        desk.pane.message.text()
        == "Undone: " + ", ".join(revision[:4] for revision in reversed(_IDS[3:])) + "."
    )
    copies = list((desk.folder / "backups").iterdir())
    assert str(copies[0]) in desk.pane.message.hint()
    assert desk.pane._standing.text() == "The store is behind this program."
    assert desk.pane._chip.text() == f"{len(_IDS) - 3} pending"


def test_forward_again_to_a_revision_and_to_the_end(desk: _Desk) -> None:
    desk.answer(agree=True)
    desk.pane.go_to("0007_performance_indexes")
    desk.settle()
    desk.answer(agree=True)
    desk.pane.go_to(_IDS[-2])
    desk.settle()
    assert desk.states().count("Pending") == 1
    assert "Apply" in desk.asked[-1]
    desk.answer(agree=True)
    desk.find(QPushButton, "store.upgrade").click()
    desk.settle()
    assert desk.states() == ["Applied"] * len(_IDS)
    assert not desk.pane._standing.isVisible()
    assert desk.pane.message.text() == f"Applied: {_IDS[-1][:4]}."
    actions = desk.query("SELECT action FROM audit_log WHERE actor_id <> '' ORDER BY sequence")
    assert actions[-1] == ("store.upgraded",)


def test_the_newest_is_undone_one_by_one_down_to_nothing(desk: _Desk) -> None:
    down = desk.find(QPushButton, "store.down")
    desk.answer(agree=True)
    down.click()
    desk.settle()
    assert desk.states()[-2:] == ["Applied", "Pending"]
    desk.answer(agree=True)
    desk.pane.go_to(_IDS[0])
    desk.settle()
    desk.answer(agree=True)
    down.click()
    desk.settle()
    assert desk.states() == ["Pending"] * len(_IDS)
    assert not down.isEnabled()
    desk.answer(agree=True)
    desk.find(QPushButton, "store.upgrade").click()
    desk.settle()
    assert desk.states() == ["Applied"] * len(_IDS)


def test_an_edited_and_an_unknown_revision_are_named(desk: _Desk) -> None:
    desk.query("UPDATE migrations SET checksum = 'then' WHERE revision = '0003_databases'")
    desk.pane.refresh()
    desk.settle()
    assert desk.states()[2] == "Edited since"
    assert desk.pane._chip.text() == "1 edited since"
    desk.pane._choose("0003_databases")
    assert "applied with the checksum then" in _texts(desk.pane)
    desk.query("UPDATE alembic_version SET version_num = '0100_later'")
    desk.pane.refresh()
    desk.settle()
    assert desk.states()[-1] == "Unknown"
    assert desk.pane._chip.text() == "Newer than this program"
    assert not desk.find(QPushButton, "store.upgrade").isVisible()
    desk.pane._choose("0100_later")
    assert not desk.find(QPushButton, "store.go").isVisible()


def test_differences_are_listed_and_shown_in_full(desk: _Desk) -> None:
    pane = desk.pane
    pane.show_drift()
    desk.settle()
    assert pane._drift_pages.currentWidget() is pane._sound
    desk.query("DROP INDEX users_idx_role")
    desk.query("ALTER TABLE searches ADD COLUMN mood TEXT")
    pane.refresh()
    desk.settle()
    assert pane._drift_chip.text() == "2 differences"
    rows = [
        [str(pane.drift.index(row, column).data()) for column in range(3)]
        for row in range(pane.drift.rowCount())
    ]
    assert rows == [
        ["Not ours", "Column", "searches · mood"],
        ["Missing", "Index", "users · users_idx_role"],
    ]
    pane._drift_table.selectRow(1)
    shown = desk.find(QPlainTextEdit, "store.difference").toPlainText()
    assert "expected: (role)" in shown


def test_who_is_connected_is_told_before_and_in_the_list(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = VisitorReport(
        (
            Visitor(1, "", "", "altus4", None, own=True),
            Visitor(7, "altus4_app", "10.0.0.7", "Sleep", 3700, own=False),
        ),
        complete=False,
        reason="Only some are seen.",
    )
    monkeypatch.setattr(desk.services.migrations, "visitors_", lambda _: report)
    desk.pane.show_visitors()
    desk.settle()
    assert desk.pane._visitor_note.text() == "One other has the store open. Only some are seen."
    cells = [str(desk.pane.visitors.index(1, column).data()) for column in range(4)]
    assert cells == ["altus4_app · 10.0.0.7", "7", "Sleep", "1 h 1 min"]
    desk.answer(agree=True, accept=False)
    desk.pane.go_to("0010_account_states")
    desk.settle()
    assert "Somebody else has the store open: altus4_app@10.0.0.7." in desk.asked[0]


def test_without_a_copy_only_after_consent(desk: _Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bool] = []

    def downgrade(*_: object, without_copy: bool, **__: object) -> MigrationRun:
        taken.append(without_copy)
        if not without_copy:
            raise StoreError("The copy failed.", code="store.copy_failed")
        return MigrationRun()

    monkeypatch.setattr(desk.services.migrations, "can_copy_", lambda: False)
    monkeypatch.setattr(desk.services.migrations, "downgrade_", downgrade)
    desk.answer(agree=False)
    desk.pane.go_to("0010_account_states")
    desk.settle()
    assert taken == []
    desk.answer(agree=True)
    desk.pane.go_to("0010_account_states")
    desk.settle()
    assert taken == [True]
    monkeypatch.setattr(desk.services.migrations, "can_copy_", lambda: True)
    desk.answer(agree=True)
    desk.pane.go_to("0010_account_states")
    desk.settle()
    assert taken == [True, False]
    assert desk.pane.message.text() == "The copy failed."
    desk.find(QPushButton, "store.message.action1").click()
    desk.settle()
    assert taken == [True, False, True]


def test_a_run_shows_its_progress_and_can_be_stopped(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., MigrationRun] = desk.services.migrations.downgrade_
    told, go_on = threading.Event(), threading.Event()

    def held(*arguments: Any, **more: Any) -> MigrationRun:
        actor, to, progress = arguments

        def sink(step: Progress) -> None:
            progress(step)
            if step.message.startswith("Undoing 0010"):
                told.set()
                assert go_on.wait(20)

        return real(actor, to, sink, **more)

    monkeypatch.setattr(desk.services.migrations, "downgrade_", held)
    desk.answer(agree=True)
    desk.pane.go_to("0005_analytics")
    stop = desk.find(QPushButton, "store.stop")
    desk.qtbot.waitUntil(lambda: told.is_set() and stop.isVisible(), timeout=20_000)
    desk.qtbot.waitUntil(lambda: desk.pane._progress.step.text() == "Undoing 0010_account_states")
    assert not desk.find(QPushButton, "store.go").isEnabled()
    stop.click()
    assert not stop.isEnabled()
    desk.qtbot.waitUntil(lambda: desk.pane._run is None or desk.pane._run.is_cancelling)
    go_on.set()
    desk.settle()
    assert desk.pane.message.text() == "Stopped."
    assert desk.states() == ["Applied"] * len(_IDS)


def test_a_store_that_cannot_be_read_says_so_and_offers_to_try_again(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("The metadata store is gone.", code="store.unreachable")

    with monkeypatch.context() as broken:
        for target, name in (
            (desk.services.metadata, "status_"),
            (desk.services.migrations, "drift_"),
            (desk.services.migrations, "visitors_"),
        ):
            broken.setattr(target, name, fail)
        desk.pane.refresh()
        desk.settle()
        assert desk.pane.message.text() == "The metadata store is gone."
        assert "gone" in desk.pane._visitor_note.text()
    desk.find(QPushButton, "store.message.action1").click()
    desk.settle()
    assert desk.states() == ["Applied"] * len(_IDS)


@pytest.mark.parametrize("width", [1700, 1100, 840, 640])
def test_there_is_room_for_what_matters(desk: _Desk, width: int) -> None:
    pane, sql = desk.pane, desk.pane._preview._sql
    pane.resize(width, 440)
    assert pane.table.columnWidth(1) >= 120
    assert sql.height() > 90
    assert sql.mapTo(pane, sql.rect().bottomRight()).y() < pane.height(), "nothing to scroll first"
    if not pane.table.isColumnHidden(_WHEN):
        longest = pane.table.fontMetrics().horizontalAdvance("59 minutes ago")
        assert pane.table.columnWidth(_WHEN) >= longest + 2 * Space.S
