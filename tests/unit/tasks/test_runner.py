"""Lanes, handles, cancellation, shutting down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QObject, QThread, Slot
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    AltusError,
    Cancelled,
    HalfDoneError,
    TenantError,
    TenantFailure,
)
from altus4_desktop.domain.progress import Progress
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle, TaskRunner

WAIT_MS = 5000


@pytest.fixture
def runner(qtbot: QtBot) -> Iterator[TaskRunner]:
    made = TaskRunner()
    yield made
    assert made.shutdown(3.0)


class Ear(QObject):
    """Notes what a handle says, and on which thread."""

    def __init__(self, handle: TaskHandle) -> None:
        super().__init__()
        self.heard: list[tuple[str, object]] = []
        self.threads: set[QThread] = set()
        handle.succeeded.connect(self.succeed)
        handle.failed.connect(self.fail)
        handle.cancelled.connect(self.cancel)
        handle.finished.connect(self.finish)
        handle.updated.connect(self.update)
        handle.progressed.connect(self.progress)

    def _note(self, what: str, value: object = None) -> None:
        self.heard.append((what, value))
        self.threads.add(QThread.currentThread())

    @Slot(object)
    def succeed(self, value: object) -> None:
        self._note("succeeded", value)

    @Slot(object)
    def fail(self, value: object) -> None:
        self._note("failed", value)

    @Slot()
    def cancel(self) -> None:
        self._note("cancelled")

    @Slot()
    def finish(self) -> None:
        self._note("finished")

    @Slot(object)
    def update(self, value: object) -> None:
        self._note("updated", value)

    @Slot(object)
    def progress(self, value: object) -> None:
        self._note("progressed", value)

    @property
    def words(self) -> list[str]:
        return [word for word, _ in self.heard]


def finish(qtbot: QtBot, handle: TaskHandle) -> None:
    qtbot.waitUntil(lambda: handle.is_finished, timeout=WAIT_MS)


def test_a_result_comes_on_the_gui_thread_and_then_the_end(
    qtbot: QtBot, runner: TaskRunner
) -> None:
    worker: list[int] = []

    def work(_: TaskContext) -> str:
        worker.append(threading.get_ident())
        return "forty-two"

    handle = runner.submit(Lane.METADATA, work, title="Counting")
    ear = Ear(handle)
    assert runner.running == [handle]
    finish(qtbot, handle)
    assert ear.heard == [("succeeded", "forty-two"), ("finished", None)]
    assert ear.threads == {QCoreApplication.instance().thread()}  # type: ignore[union-attr]  # qtbot made it
    assert worker != [threading.get_ident()]
    assert runner.running == []


def test_an_expected_failure_is_no_crash(qtbot: QtBot, runner: TaskRunner) -> None:
    error = AltusError("No.")
    crashes: list[object] = []
    runner.crashed.connect(crashes.append)

    def work(_: TaskContext) -> None:
        raise error

    handle = runner.submit(Lane.TENANTS, work)
    ear = Ear(handle)
    finish(qtbot, handle)
    assert ear.heard == [("failed", error), ("finished", None)]
    assert crashes == []


@pytest.mark.parametrize("error", [ZeroDivisionError("bug"), SystemExit(3)])
def test_a_defect_fails_the_task_and_is_reported(
    qtbot: QtBot, runner: TaskRunner, error: BaseException
) -> None:
    crashes: list[object] = []
    runner.crashed.connect(crashes.append)

    def work(_: TaskContext) -> None:
        raise error

    handle = runner.submit(Lane.VAULT, work)
    ear = Ear(handle)
    finish(qtbot, handle)
    assert ear.heard == [("failed", error), ("finished", None)]
    assert crashes == [error]
    again = runner.submit(Lane.VAULT, lambda _: "the lane goes on")
    finish(qtbot, again)


def test_cancelling_work_that_heeds_its_token(qtbot: QtBot, runner: TaskRunner) -> None:
    entered = threading.Event()

    def work(context: TaskContext) -> None:
        entered.set()
        assert context.token.wait(5)
        context.token.raise_if_cancelled()

    handle = runner.submit(Lane.TENANTS, work)
    ear = Ear(handle)
    assert entered.wait(5)
    handle.cancel()
    handle.cancel()
    finish(qtbot, handle)
    assert ear.words == ["cancelled", "finished"]


def test_cancel_callbacks_never_run_on_the_gui_thread(qtbot: QtBot, runner: TaskRunner) -> None:
    entered, callback_on = threading.Event(), []
    gui = threading.get_ident()

    def work(context: TaskContext) -> None:
        with context.token.on_cancel(lambda: callback_on.append(threading.get_ident())):
            entered.set()
            context.token.wait(5)
        raise Cancelled

    handle = runner.submit(Lane.TENANTS, work)
    assert entered.wait(5)
    handle.cancel()
    finish(qtbot, handle)
    assert len(callback_on) == 1
    assert callback_on[0] != gui


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (TenantError(TenantFailure.LOST, "The connection was lost."), "cancelled"),
        (HalfDoneError("The store may have been replaced."), "failed"),
    ],
    ids=["torn", "half done"],
)
def test_what_fails_because_of_the_cancellation_is_cancelled(
    qtbot: QtBot, runner: TaskRunner, error: AltusError, word: str
) -> None:
    entered = threading.Event()

    def work(context: TaskContext) -> None:
        entered.set()
        context.token.wait(5)
        raise error

    handle = runner.submit(Lane.TENANTS, work)
    ear = Ear(handle)
    assert entered.wait(5)
    handle.cancel()
    finish(qtbot, handle)
    assert ear.words == [word, "finished"]


def test_work_that_was_done_before_the_cancellation_has_succeeded(
    qtbot: QtBot, runner: TaskRunner
) -> None:
    entered = threading.Event()

    def work(context: TaskContext) -> str:
        entered.set()
        context.token.wait(5)
        return "committed"

    handle = runner.submit(Lane.METADATA, work)
    ear = Ear(handle)
    assert entered.wait(5)
    handle.cancel()
    finish(qtbot, handle)
    assert ear.words == ["succeeded", "finished"]


def test_a_queued_task_is_cancelled_at_once_and_never_runs(
    qtbot: QtBot, runner: TaskRunner
) -> None:
    gate, ran = threading.Event(), []
    blocker = runner.submit(Lane.METADATA, lambda _: gate.wait(5))
    queued = runner.submit(Lane.METADATA, lambda _: ran.append("queued"))
    ear = Ear(queued)
    queued.cancel()
    finish(qtbot, queued)
    assert not blocker.is_finished
    gate.set()
    finish(qtbot, blocker)
    assert ear.words == ["cancelled", "finished"]
    assert ran == []


def test_one_lane_works_in_order_on_one_thread(qtbot: QtBot, runner: TaskRunner) -> None:
    seen: list[tuple[int, int]] = []

    def numbered(number: int) -> Callable[[TaskContext], None]:
        return lambda _: seen.append((number, threading.get_ident()))

    handles = [runner.submit(Lane.METADATA, numbered(number)) for number in range(50)]
    finish(qtbot, handles[-1])
    assert [number for number, _ in seen] == list(range(50))
    assert len({thread for _, thread in seen}) == 1


def test_tenants_run_beside_each_other_and_beside_a_stuck_vault(
    qtbot: QtBot, runner: TaskRunner
) -> None:
    gate = threading.Event()
    stuck = runner.submit(Lane.VAULT, lambda _: gate.wait(5))
    everybody = threading.Barrier(12, timeout=5)
    handles = [runner.submit(Lane.TENANTS, lambda _: everybody.wait()) for _ in range(12)]
    for handle in handles:
        ear = Ear(handle)
        finish(qtbot, handle)
        assert "failed" not in ear.words
    assert not stuck.is_finished
    gate.set()
    finish(qtbot, stuck)


def test_the_tenants_lane_is_bounded_and_its_threads_are_used_again(
    qtbot: QtBot, runner: TaskRunner
) -> None:
    threads: set[int] = set()
    lock = threading.Lock()

    def work(_: TaskContext) -> None:
        with lock:
            threads.add(threading.get_ident())

    for _ in range(20):
        handle = runner.submit(Lane.TENANTS, work)
        finish(qtbot, handle)
    assert len(threads) <= 2
    gate = threading.Event()
    handles = [runner.submit(Lane.TENANTS, lambda _: gate.wait(5)) for _ in range(60)]
    named = [t for t in threading.enumerate() if t.name.startswith("altus-tenants")]
    gate.set()
    for handle in handles:
        finish(qtbot, handle)
    assert len(named) <= 32


def test_of_many_updates_the_newest_is_delivered_before_the_end(
    qtbot: QtBot, runner: TaskRunner
) -> None:
    def work(context: TaskContext) -> int:
        for number in range(20_000):
            context.update(number)
            context.progress(Progress("counting", number / 20_000))
        return 20_000

    handle = runner.submit(Lane.TENANTS, work)
    ear = Ear(handle)
    finish(qtbot, handle)
    updates = [value for word, value in ear.heard if word == "updated"]
    assert updates[-1] == 19_999
    assert updates == sorted(updates)  # type: ignore[type-var]  # they are numbers
    assert len(updates) < 1000
    assert ear.words[-2:] == ["succeeded", "finished"]
    assert handle.progress == Progress("counting", 19_999 / 20_000)


def test_updates_come_while_the_work_goes_on(qtbot: QtBot, runner: TaskRunner) -> None:
    gate = threading.Event()

    def work(context: TaskContext) -> None:
        context.update("first")
        gate.wait(5)

    handle = runner.submit(Lane.TENANTS, work)
    with qtbot.waitSignal(handle.updated, timeout=WAIT_MS) as news:
        pass
    assert news.args == ["first"]
    assert not handle.is_finished
    gate.set()
    finish(qtbot, handle)


def test_a_listener_that_is_deleted_hears_nothing(qtbot: QtBot, runner: TaskRunner) -> None:
    gate = threading.Event()
    handle = runner.submit(Lane.TENANTS, lambda _: gate.wait(5))
    ear = Ear(handle)
    heard = ear.heard
    ear.deleteLater()
    with qtbot.waitSignal(ear.destroyed, timeout=WAIT_MS):
        pass
    gate.set()
    finish(qtbot, handle)
    assert heard == []


def test_shutting_down_cancels_waits_and_reports(qtbot: QtBot) -> None:
    runner = TaskRunner()
    entered = threading.Event()

    def patient(context: TaskContext) -> None:
        entered.set()
        context.token.wait(5)
        context.token.raise_if_cancelled()

    running = runner.submit(Lane.TENANTS, patient)
    ears = [Ear(running)]
    assert entered.wait(5)
    ears += [Ear(runner.submit(Lane.METADATA, patient)) for _ in range(3)]
    assert runner.shutdown(3.0)
    assert [ear.words for ear in ears] == [["cancelled", "finished"]] * 4
    late = runner.submit(Lane.TENANTS, lambda _: None)
    ear = Ear(late)
    finish(qtbot, late)
    assert ear.words == ["cancelled", "finished"]


def test_shutting_down_waits_for_what_is_held(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = TaskRunner()
    entered, waited_for = threading.Event(), threading.Event()
    wait_until_free = CancelToken.wait_until_free

    def wait(token: CancelToken) -> None:
        waited_for.set()
        wait_until_free(token)

    monkeypatch.setattr(CancelToken, "wait_until_free", wait)
    ended: list[str] = []

    def replace_all(context: TaskContext) -> str:
        with context.token.held():
            entered.set()
            # Nobody waits that long for others.
            assert waited_for.wait(5)
            ended.append("whole")
        return "replaced"

    ear = Ear(runner.submit(Lane.BACKUPS, replace_all))
    assert entered.wait(5)
    assert runner.shutdown(0.05)
    assert ended == ["whole"]
    assert ear.words == ["succeeded", "finished"]


def test_shutting_down_does_not_wait_for_ever(qtbot: QtBot) -> None:
    runner = TaskRunner()
    gate, entered = threading.Event(), threading.Event()

    def deaf(_: TaskContext) -> None:
        entered.set()
        gate.wait(10)

    runner.submit(Lane.TENANTS, deaf)
    assert entered.wait(5)
    token = CancelToken()
    timer = threading.Timer(2.5, token.cancel)
    timer.start()
    assert not runner.shutdown(0.2)
    assert not token.cancelled, "it waited longer than it was told to"
    timer.cancel()
    gate.set()
    assert runner.shutdown(3.0)
