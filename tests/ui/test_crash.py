"""Our own defects: one dialog, once, redacted, from wherever they come."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.exceptions import capture_exceptions
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.errors import (
    AltusError,
    Cancelled,
    InputError,
    StoreError,
    TenantError,
    TenantFailure,
    VaultLockedError,
)
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskRunner
from altus4_desktop.ui.crash import CrashDialog, CrashReporter
from altus4_desktop.ui.feedback import Place, place_of, present

WAIT_MS = 5000


def redact(text: str) -> str:
    return text.replace("hunter2", "[hidden]")


@pytest.fixture
def reporter(qtbot: QtBot) -> Iterator[CrashReporter]:
    made = CrashReporter(redact)
    yield made
    made.restore()
    for dialog in dialogs():
        dialog.close()
        dialog.deleteLater()


def dialogs() -> list[CrashDialog]:
    return [
        it
        for it in QApplication.topLevelWidgets()
        if isinstance(it, CrashDialog) and it.isVisible()
    ]


def fail(secret: str = "hunter2") -> None:
    raise ValueError(f"password_secret={secret}")


def caught() -> BaseException:
    try:
        fail()
    except ValueError as error:
        return error
    raise AssertionError


def test_a_defect_is_shown_redacted_and_can_be_copied(
    qtbot: QtBot, reporter: CrashReporter
) -> None:
    reporter.report(caught())
    qtbot.waitUntil(lambda: len(dialogs()) == 1, timeout=WAIT_MS)
    dialog = dialogs()[0]
    text = dialog.report.toPlainText()
    assert "hunter2" not in text
    assert "[hidden]" in text
    assert "ValueError" in text
    assert "Altus 4 Desktop" in text
    button = dialog.findChild(QPushButton, "crash.copy")
    assert button is not None
    button.click()
    assert QGuiApplication.clipboard().text() == text


def test_the_same_traceback_is_shown_once(qtbot: QtBot, reporter: CrashReporter) -> None:
    reported: list[str] = []
    reporter.reported.connect(reported.append)
    for _ in range(5):
        reporter.report(caught())
    try:
        dict[str, str]()["other"]
    except KeyError as error:
        reporter.report(error)
    qtbot.waitUntil(lambda: len(reported) == 2, timeout=WAIT_MS)
    assert len(dialogs()) == 2


def test_what_people_do_themselves_is_no_defect(qtbot: QtBot, reporter: CrashReporter) -> None:
    reported: list[str] = []
    reporter.reported.connect(reported.append)
    for error in (Cancelled(), KeyboardInterrupt(), SystemExit(0)):
        reporter.report(error)
    reporter.report(caught())
    qtbot.waitUntil(lambda: len(reported) == 1, timeout=WAIT_MS)


def test_threads_and_the_interpreter_are_heard(qtbot: QtBot, reporter: CrashReporter) -> None:
    before = sys.excepthook, threading.excepthook
    reported: list[str] = []
    reporter.reported.connect(reported.append)
    reporter.install()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(reported) == 1, timeout=WAIT_MS)
    assert "hunter2" not in reported[0]
    error = caught()
    sys.excepthook(type(error), error, error.__traceback__)
    qtbot.waitUntil(lambda: len(reported) == 2, timeout=WAIT_MS)
    reporter.restore()
    assert (sys.excepthook, threading.excepthook) == before


def test_an_exception_in_a_slot_reaches_the_hook(qtbot: QtBot, reporter: CrashReporter) -> None:
    reported: list[str] = []
    reporter.reported.connect(reported.append)
    with capture_exceptions():
        reporter.install()
        QTimer.singleShot(0, fail)
        qtbot.waitUntil(lambda: len(reported) == 1, timeout=WAIT_MS)
        reporter.restore()
    assert "fail" in reported[0]


def test_a_defect_in_background_work(qtbot: QtBot, reporter: CrashReporter) -> None:
    runner = TaskRunner()
    runner.crashed.connect(reporter.report)

    def work(_: TaskContext) -> None:
        fail()

    runner.submit(Lane.TENANTS, work)
    qtbot.waitUntil(lambda: len(dialogs()) == 1, timeout=WAIT_MS)
    assert runner.shutdown(3.0)


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (Cancelled(), Place.NEVER),
        (InputError("name", "A name is needed."), Place.FIELD),
        (TenantError(TenantFailure.HOST, "Not found."), Place.PANE),
        (AltusError("Something."), Place.PANE),
        (StoreError("The store is gone."), Place.BLOCKING),
        (VaultLockedError("Locked."), Place.BLOCKING),
        (ValueError("bug"), Place.CRASH),
    ],
)
def test_where_a_failure_belongs(error: BaseException, place: Place) -> None:
    assert place_of(error) is place


class Target:
    """Notes what it is asked to show; knows the field ``name`` only."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def show_field_error(self, error: InputError) -> bool:
        if error.field == "name":
            self.shown.append("field")
        return error.field == "name"

    def show_error(self, error: AltusError) -> None:
        self.shown.append("pane")

    def show_blocking_error(self, error: AltusError) -> None:
        self.shown.append("blocking")


def test_a_failure_is_presented_in_one_place() -> None:
    crashes: list[BaseException] = []
    for error, shown in (
        (InputError("name", "Needed."), ["field"]),
        (InputError("port", "Needed."), ["pane"]),
        (StoreError("Gone."), ["blocking"]),
        (AltusError("No."), ["pane"]),
        (Cancelled(), []),
    ):
        target = Target()
        present(error, target, crashes.append)
        assert target.shown == shown
    bug = ValueError("bug")
    target = Target()
    present(bug, target, crashes.append)
    assert (crashes, target.shown) == ([bug], [])
