"""The monitoring pane: it asks while it is seen, and shows what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.connections import PoolStats
from altus4_desktop.domain.errors import (
    LocalServerError,
    StoreError,
    VaultError,
)
from altus4_desktop.domain.monitoring import CurvePoint, SlowLog, WatchedPool
from altus4_desktop.services.monitoring import MonitoringService
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.dialogs import ConfirmDialog
from altus4_desktop.ui.panes.monitoring import servers
from altus4_desktop.ui.panes.monitoring.curves import PoolChart, _thinned, draw_curves
from altus4_desktop.ui.panes.monitoring.detail import INDEXES, LOCKS, STATEMENTS
from altus4_desktop.ui.panes.monitoring.pane import MonitoringPane
from altus4_desktop.ui.panes.monitoring.wording import (
    Health,
    error_words,
    slow_words,
    state_words,
    threads_words,
    uptime_words,
    waiting_words,
)
from altus4_desktop.ui.texts import error_message
from tests.ui.monitoring import FACTS, NOW, PULSE, SILENT, STATEMENT, WAIT, FakeMonitoring
from tests.ui.world import Gate, World, make_connection


def give(world: World, fake: FakeMonitoring) -> None:
    """Have the session's services look on through ``fake``."""
    world.session.services.monitoring = cast("MonitoringService", fake)  # type: ignore[misc]  # a namespace in tests


@pytest.fixture
def fake(world: World) -> FakeMonitoring:
    made = FakeMonitoring([make_connection(1), make_connection(2)])
    give(world, made)
    return made


@pytest.fixture
def pane(qtbot: QtBot, world: World, fake: FakeMonitoring) -> Iterator[MonitoringPane]:
    made = MonitoringPane(world.session)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    yield made
    made.shut()


def show(qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring) -> None:
    pane.show()
    pane.activated()
    qtbot.waitUntil(lambda: bool(pane.model.records) and bool(fake.fact_reads))
    qtbot.waitUntil(lambda: pane.detail.overview.statement.toPlainText() != "")


def tick(qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring) -> None:
    """One more look, whatever the clock says."""
    before = fake.sampled
    with qtbot.waitSignal(pane.watcher.sampled):
        pane.watcher._clock.timeout.emit()
    assert fake.sampled == before + 1


def test_nothing_is_asked_before_the_pane_is_seen_nor_after(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring, runner: TaskRunner
) -> None:
    assert fake.asked == 0
    show(qtbot, pane, fake)
    assert pane.watcher._clock.isActive()
    pane.hide()
    qtbot.waitUntil(lambda: not runner.running)
    asked = fake.asked
    assert not pane.watcher._clock.isActive()
    # Whatever still rings: nothing is sent.
    pane.watcher._clock.timeout.emit()
    pane.refresh()
    pane.watcher.start()
    qtbot.waitUntil(lambda: not runner.running)
    assert fake.asked == asked
    pane.show()
    qtbot.waitUntil(lambda: fake.asked > asked)


def test_a_minimised_window_asks_nothing(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring, runner: TaskRunner
) -> None:
    show(qtbot, pane, fake)
    qtbot.waitUntil(lambda: not runner.running)
    pane.showMinimized()
    asked = fake.asked
    pane.watcher._clock.timeout.emit()
    qtbot.waitUntil(lambda: not runner.running)
    assert fake.asked == asked


def test_a_tick_asks_each_server_once_and_what_changes_rarely_once_only(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring
) -> None:
    show(qtbot, pane, fake)
    qtbot.waitUntil(lambda: sorted(fake.pulse_reads) == ["c1", "c2"])
    tick(qtbot, pane, fake)
    qtbot.waitUntil(lambda: sorted(fake.pulse_reads) == ["c1", "c1", "c2", "c2"])
    assert fake.fact_reads == ["c1"]
    pane.list.setCurrentIndex(pane.model.index(1, 0))
    qtbot.waitUntil(lambda: fake.fact_reads == ["c1", "c2"])


def test_pausing_asks_no_more_and_one_look_is_still_possible(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring, runner: TaskRunner
) -> None:
    show(qtbot, pane, fake)
    qtbot.waitUntil(lambda: not runner.running)
    qtbot.mouseClick(pane.pause_button, Qt.MouseButton.LeftButton)
    assert pane.pause_button.text() == "Go on"
    assert not pane.watcher._clock.isActive()
    asked = fake.sampled
    with qtbot.waitSignal(pane.watcher.answered):
        pane.refresh()
    assert fake.sampled == asked + 1
    pane.hide()
    pane.show()
    assert not pane.watcher._clock.isActive()
    pane.toggle_paused()
    assert pane.watcher._clock.isActive()


def test_how_often_is_kept(
    qtbot: QtBot, pane: MonitoringPane, world: World, fake: FakeMonitoring
) -> None:
    assert (pane.every.minimum(), pane.every.maximum(), pane.every.value()) == (1, 30, 5)
    pane.every.setValue(30)
    assert pane.watcher.every_s == 30
    other = MonitoringPane(world.session)
    qtbot.addWidget(other)
    assert other.watcher.every_s == 30
    other.shut()


def test_a_silent_server_holds_up_no_other_and_is_asked_once(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring
) -> None:
    gate = Gate()
    fake.pulses["c2"] = gate
    show(qtbot, pane, fake)
    assert gate.entered.wait(5)
    tick(qtbot, pane, fake)
    qtbot.waitUntil(lambda: fake.pulse_reads.count("c1") == 2)
    assert fake.pulse_reads.count("c2") == 1
    assert pane.model.records[0].health is Health.WELL
    assert pane.model.records[1].health is Health.UNKNOWN
    gate.open()
    qtbot.waitUntil(lambda: pane.model.records[1].health is Health.WELL)


def test_many_silent_servers_leave_threads_for_searches_and_all_get_their_turn(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring
) -> None:
    gate = Gate()
    fake.saved = [make_connection(number) for number in range(1, 41)]
    fake.pulses = {one.id: gate for one in fake.saved}
    pane.show()
    qtbot.waitUntil(lambda: len(fake.pulse_reads) == 12)
    tick(qtbot, pane, fake)
    assert len(fake.pulse_reads) == 12
    gate.open()
    qtbot.waitUntil(lambda: len(fake.pulse_reads) >= 40)
    qtbot.waitUntil(lambda: all(row.pulse is not None for row in pane.model.records))


def test_locked_passwords_can_be_unlocked_from_here(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring
) -> None:
    fake.pulses["c1"] = VaultError("The vault is locked.", code="vault.locked")
    pane.show()
    qtbot.waitUntil(pane.detail.problem.isVisible)
    button = pane.detail.problem.findChild(QPushButton, "monitoring.problem.action1")
    assert button is not None
    # No vault is here to be asked.
    pane.detail.unlock_wanted.disconnect()
    with qtbot.waitSignal(pane.detail.unlock_wanted):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    pane._unlocking.unlocked.emit()
    qtbot.waitUntil(lambda: fake.pulse_reads.count("c1") == 2)


def test_a_dead_server_is_told_once_left_alone_and_asked_again_on_demand(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring, world: World
) -> None:
    told: list[str] = []
    world.session.announced.connect(told.append)
    fake.pulses["c2"] = SILENT
    show(qtbot, pane, fake)
    qtbot.waitUntil(lambda: pane.model.records[1].health is Health.FAILED)
    assert told == ["“Library 2” does not answer"]
    tick(qtbot, pane, fake)
    qtbot.waitUntil(lambda: fake.pulse_reads.count("c1") == 2)
    assert fake.pulse_reads.count("c2") == 1
    assert pane.detail.overview.server.isVisible()
    pane.list.setCurrentIndex(pane.model.index(1, 0))
    assert pane.detail.problem.isVisible()
    assert not pane.detail.overview.server.isVisible()
    with qtbot.waitSignal(pane.watcher.refused):
        pane.refresh()
    assert told == ["“Library 2” does not answer"]
    del fake.pulses["c2"]
    with qtbot.waitSignal(pane.watcher.answered, check_params_cb=lambda own, _: own == "c2"):
        pane.refresh()
    assert told[-1] == "“Library 2” answers again"
    assert not pane.detail.problem.isVisible()


def test_a_local_server_that_is_not_running_is_no_failure(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring, world: World
) -> None:
    told: list[str] = []
    world.session.announced.connect(told.append)
    fake.pulses["c2"] = LocalServerError("It rests.", code="local_server.stopped")
    show(qtbot, pane, fake)
    qtbot.waitUntil(lambda: pane.model.records[1].health is Health.STOPPED)
    assert told == []


def test_a_statement_is_stopped_after_a_question(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring
) -> None:
    show(qtbot, pane, fake)
    pane.detail.show_page(STATEMENTS)
    page = pane.detail.statements
    assert not page.stop_button.isEnabled()
    page.table.selectRow(0)
    assert page.stop_button.isEnabled()
    # It stays chosen while its time runs on.
    fake.pulses["c1"] = replace(PULSE, statements=(replace(STATEMENT, running_s=13),))
    tick(qtbot, pane, fake)
    qtbot.waitUntil(lambda: page.model.records[0].running_s == 13)
    assert page.table.chosen() == replace(STATEMENT, running_s=13)
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    dialog = pane.findChild(ConfirmDialog)
    assert dialog is not None
    qtbot.mouseClick(dialog.cancel_button, Qt.MouseButton.LeftButton)
    assert fake.stopped == []
    qtbot.mouseClick(page.stop_button, Qt.MouseButton.LeftButton)
    dialog = pane.findChildren(ConfirmDialog)[-1]
    qtbot.mouseClick(dialog.action_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: fake.stopped == [("c1", replace(STATEMENT, running_s=13))])
    qtbot.waitUntil(lambda: fake.pulse_reads.count("c1") == 3)


def test_locks_and_indexes_are_listed(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring
) -> None:
    fake.pulses["c1"] = replace(PULSE, statements=(), waits=(WAIT,))
    show(qtbot, pane, fake)
    pane.detail.show_page(LOCKS)
    table = pane.detail.locks.table.model()
    row = [table.index(0, column).data() for column in range(4)]
    assert row[:2] == ["1 min 15 s", "reader"]
    assert "thread 9 (root) holds SHARED_NO_READ_WRITE on library.articles" in row[2]
    assert "own threads only" in pane.detail.locks.note.text()
    assert pane.model.records[0].health is Health.WAITING
    pane.detail.show_page(INDEXES)
    table = pane.detail.indexes.table.model()
    assert [table.index(0, column).data() for column in range(3)] == [
        "articles",
        "ft_all",
        "title, body",
    ]


def test_the_statement_for_the_slow_query_log_is_copied(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring
) -> None:
    show(qtbot, pane, fake)
    qtbot.mouseClick(pane.detail.overview.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == FACTS.slow_log.statement + "\n"
    fake.facts = replace(FACTS, slow_log=SlowLog(True, "slow.log", "FILE", 1.0, ""))
    pane.refresh()
    qtbot.waitUntil(lambda: not pane.detail.overview.advice.isVisible())
    assert "slow.log" in pane.detail.overview.slow.text()


def test_no_connection_and_a_store_that_fails(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring
) -> None:
    fake.error = StoreError("The store is gone.")
    pane.show()
    with qtbot.waitSignal(pane.watcher.failed):
        pane.activated()
    assert pane.pages.currentWidget() is pane._failed
    fake.error, fake.saved = None, []
    pane.refresh()
    qtbot.waitUntil(lambda: pane.pages.currentWidget() is pane._empty)
    fake.saved = [make_connection(1)]
    pane.refresh()
    qtbot.waitUntil(lambda: pane.pages.currentWidget() is pane._content)


def test_hostile_texts_are_shown_as_they_are(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring
) -> None:
    evil = replace(STATEMENT, text="<img src=x>\0" + "x" * 2000, state="<b>bold</b>")
    fake.pulses["c1"] = replace(PULSE, statements=(evil,), version="<h1>9</h1>")
    show(qtbot, pane, fake)
    assert "<h1>9</h1>" in pane.detail.overview.version.text()
    assert pane.detail.overview.version.textFormat() is Qt.TextFormat.PlainText
    tip = pane.detail.statements.model.index(0, 3).data(Qt.ItemDataRole.ToolTipRole)
    assert "<img" not in tip


@pytest.mark.parametrize("width", [640, 900, 1800])
def test_it_fits(qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring, width: int) -> None:
    show(qtbot, pane, fake)
    pane.resize(width, 420)
    assert pane.width() == width
    for widget in pane.findChildren(QWidget):
        if widget.isVisible() and widget.parentWidget() is pane:
            assert widget.geometry().right() <= width


def test_what_a_server_is_doing_is_read_whole_in_a_narrow_list(
    qtbot: QtBot, pane: MonitoringPane, fake: FakeMonitoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.pulses["c2"] = SILENT
    show(qtbot, pane, fake)
    qtbot.waitUntil(lambda: pane.model.records[1].health is Health.FAILED)
    drawn: dict[str, int] = {}

    def note(_: QPainter, rect: QRect, text: str, font: QFont, __: QColor) -> None:
        drawn[text] = rect.width() - QFontMetrics(font).horizontalAdvance(text)

    monkeypatch.setattr(servers, "draw_line", note)
    pane.list.setFixedWidth(200)
    pane.list.grab()
    assert drawn[state_words(pane.model.records[1])] >= 0


def test_every_line_is_told_apart_without_colours(qtbot: QtBot) -> None:
    def drawn(**figures: int) -> QImage:
        flat = {"busy": 1, "idle": 0, "queued": 0, "total": 4, "errors": 0, **figures}
        run = tuple(
            CurvePoint(NOW - timedelta(seconds=5 * (180 - number)), **flat) for number in range(180)
        )
        picture = QImage(300, 100, QImage.Format.Format_RGB32)
        picture.fill(Qt.GlobalColor.white)
        painter = QPainter(picture)
        pool = WatchedPool(make_connection(1), NOW, None, (run,))
        draw_curves(painter, picture.rect(), pool, is_full=True)
        painter.end()
        return picture.convertToFormat(QImage.Format.Format_Grayscale8)

    # At the same height, so that nothing but its kind tells what a line is.
    lines = [drawn(idle=3), drawn(queued=3), drawn(busy=3), drawn(total=3, busy=0), drawn(errors=1)]
    for place, picture in enumerate(lines):
        assert all(picture != other for other in lines[place + 1 :])
    chart = PoolChart()
    qtbot.addWidget(chart)
    points = (CurvePoint(NOW, 1, 2, 0, 3, 1),)
    chart.show_pool(WatchedPool(make_connection(1), NOW, None, (points,)))
    assert chart.accessibleDescription().endswith("at most 0 waiting, 1 error")


def test_what_went_wrong_is_said_once_and_one_is_one() -> None:
    stats = PoolStats(1, 0, 1, 0, 0, 1, 20.0, 20.0, 1, SILENT, datetime.now(UTC))
    assert error_words(stats) == f"1 error, just now: {error_message(SILENT)}"
    assert error_words(stats, SILENT) == "1 error, just now"
    assert error_words(replace(stats, errors=2), SILENT) == "2 errors, the last just now"
    assert waiting_words(stats) == "Waited once, for 20 ms"
    assert threads_words(replace(PULSE, threads_connected=1)) == "1 thread connected, 3 running"
    assert slow_words(1) == "1 slow statement since its start"


def test_a_small_curve_keeps_the_peaks() -> None:
    run = tuple(CurvePoint(NOW + timedelta(seconds=n), n % 7, 0, n % 3) for n in range(20))
    thin = _thinned(run, 7)
    assert [point.busy for point in thin] == [6, 6, 5]
    assert {point.queued for point in thin} == {2}
    assert thin[-1].at == run[-1].at
    assert _thinned(run, 1) == run


def test_uptime_in_words() -> None:
    assert [uptime_words(s) for s in (0, 59, 60, 3700, 90_000, 172_800)] == [
        "0 s",
        "59 s",
        "1 min",
        "1 h 1 min",
        "1 d 1 h",
        "2 d",
    ]
