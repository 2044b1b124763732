"""A secret on the clipboard: how long, how marked, and what is left alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from altus4_desktop.ui.secret_clipboard import KEPT_S, SecretClipboard, secret_clipboard

SECRET = "altus4_sk_test_correct_horse"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def secret(qapp: QApplication, clock: Clock) -> Iterator[SecretClipboard]:
    made = SecretClipboard(qapp, clock)
    yield made
    made.deleteLater()
    QCoreApplication.sendPostedEvents(made, QEvent.Type.DeferredDelete.value)
    QGuiApplication.clipboard().clear()


def _pass(secret: SecretClipboard, clock: Clock, seconds: float) -> None:
    clock.seconds += seconds
    secret._clock.timeout.emit()


def test_it_goes_when_its_time_is_over(qtbot: QtBot, secret: SecretClipboard, clock: Clock) -> None:
    ticks: list[int] = []
    secret.ticked.connect(ticks.append)
    secret.copy(SECRET)
    assert QGuiApplication.clipboard().text() == SECRET
    assert secret.seconds_left == KEPT_S == 30
    _pass(secret, clock, 1.004)
    _pass(secret, clock, 0.99)
    _pass(secret, clock, 27.0)
    assert QGuiApplication.clipboard().text() == SECRET
    _pass(secret, clock, 0.998)
    assert QGuiApplication.clipboard().text() == ""
    assert ticks == [30, 29, 28, 1, 0]
    assert secret.seconds_left == 0
    assert not secret._clock.isActive()


def test_time_passes_by_itself(qtbot: QtBot, qapp: QApplication) -> None:
    secret = SecretClipboard(qapp)
    with qtbot.waitSignals([secret.ticked, secret.ticked], timeout=5000):
        secret.copy(SECRET)
    assert 0 < secret.seconds_left < KEPT_S
    secret.clear()
    assert QGuiApplication.clipboard().text() == ""
    secret.deleteLater()
    QCoreApplication.sendPostedEvents(secret, QEvent.Type.DeferredDelete.value)


def test_what_took_its_place_stays(secret: SecretClipboard, clock: Clock) -> None:
    secret.copy(SECRET)
    QGuiApplication.clipboard().setText("a recipe")
    assert secret.seconds_left == 0
    _pass(secret, clock, KEPT_S)
    secret.clear()
    assert QGuiApplication.clipboard().text() == "a recipe"


def test_what_took_its_place_unnoticed_stays(secret: SecretClipboard, clock: Clock) -> None:
    secret.copy(SECRET)
    QGuiApplication.clipboard().blockSignals(True)
    QGuiApplication.clipboard().setText("a recipe")
    QGuiApplication.clipboard().blockSignals(False)
    _pass(secret, clock, KEPT_S)
    assert secret.seconds_left == 0
    assert QGuiApplication.clipboard().text() == "a recipe"


def test_another_secret_has_its_own_time(secret: SecretClipboard, clock: Clock) -> None:
    secret.copy(SECRET)
    _pass(secret, clock, 20)
    secret.copy("another")
    assert secret.seconds_left == KEPT_S
    _pass(secret, clock, 20)
    assert QGuiApplication.clipboard().text() == "another"
    _pass(secret, clock, 10)
    assert QGuiApplication.clipboard().text() == ""


def test_it_is_marked_for_clipboard_histories(secret: SecretClipboard) -> None:
    secret.copy(SECRET)
    data = QGuiApplication.clipboard().mimeData()
    assert bytes(data.data("x-kde-passwordManagerHint").data()) == b"secret"
    for name in (
        "application/x-nspasteboard-concealed-type",
        "ExcludeClipboardContentFromMonitorProcessing",
    ):
        assert data.hasFormat(name)


def test_the_secret_itself_is_not_kept(secret: SecretClipboard) -> None:
    secret.copy(SECRET)
    assert SECRET not in repr(vars(secret))
    assert SECRET.encode() not in secret._digest


def test_there_is_one_for_the_program(qapp: QApplication) -> None:
    one = secret_clipboard()
    assert secret_clipboard() is one
    assert one.parent() is qapp


_PROGRAM = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from altus4_desktop.ui.secret_clipboard import secret_clipboard
application = QGuiApplication([])
secret_clipboard().copy(sys.stdin.readline().strip())
if sys.argv[1:]:
    QGuiApplication.clipboard().setText(sys.argv[1])
QTimer.singleShot(0, application.quit)
application.exec()
print(repr(QGuiApplication.clipboard().text()))
"""


@pytest.mark.parametrize(("other", "left"), [((), ""), (("a recipe",), "a recipe")])
def test_quitting_takes_it_off(other: tuple[str, ...], left: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *other],
        input=f"{SECRET}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == repr(left)
