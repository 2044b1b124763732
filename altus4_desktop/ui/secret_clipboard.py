"""Secrets on the clipboard: not for long, and marked so that no clipboard history keeps them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import (
    QByteArray,
    QCoreApplication,
    QMimeData,
    QObject,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QClipboard, QGuiApplication

KEPT_S: Final = 30
_TICK_MS = 1000
# What KDE, macOS and Windows look for; Qt gives Windows' own formats names of this form.
_MARKS: Final = (
    ("x-kde-passwordManagerHint", b"secret"),
    ("application/x-nspasteboard-concealed-type", b"1"),
    ("ExcludeClipboardContentFromMonitorProcessing", b"1"),
    (
        'application/x-qt-windows-mime;value="ExcludeClipboardContentFromMonitorProcessing"',
        b"1",
    ),
)


class SecretClipboard(QObject):
    """Takes a secret off the clipboard after `KEPT_S` seconds, and when the program quits, if it is
    still there.

    ``ticked`` carries the seconds that are left each time that number changes, in the end 0. Only a
    keyed hash of the secret is kept meanwhile. ``now`` gives seconds that only grow.
    """

    ticked = Signal(int)

    def __init__(self, parent: QObject, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._now = now
        self._mark = secrets.token_bytes(32)
        self._digest = b""
        self._ends = 0.0
        self._told = 0
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.setTimerType(Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._tick)
        QGuiApplication.clipboard().changed.connect(self._follow)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.clear)

    @property
    def seconds_left(self) -> int:
        """How long the secret stays; 0 when there is none of ours."""
        return self._told

    def copy(self, text_secret: str) -> None:
        """Put the secret on the clipboard for `KEPT_S` seconds."""
        data = QMimeData()
        data.setText(text_secret)
        for name, value in _MARKS:
            data.setData(name, QByteArray(value))
        self._digest = b""
        QGuiApplication.clipboard().setMimeData(data)
        self._digest = self._hash(text_secret)
        self._ends = self._now() + KEPT_S
        self._clock.start()
        self._tell(KEPT_S)

    @Slot()
    def clear(self) -> None:
        """Take the secret off the clipboard now, unless something else has taken its place."""
        if self._digest and self._is_there():
            # Before the clipboard tells that it changed.
            self._digest = b""
            QGuiApplication.clipboard().clear()
        self._forget()

    @Slot()
    def _tick(self) -> None:
        # Rounded, for a timer may come a little early.
        left = round(self._ends - self._now())
        if left > 0:
            self._tell(left)
        else:
            self.clear()

    @Slot(QClipboard.Mode)
    def _follow(self, mode: QClipboard.Mode) -> None:
        if mode is QClipboard.Mode.Clipboard and self._digest and not self._is_there():
            self._forget()

    def _is_there(self) -> bool:
        text = QGuiApplication.clipboard().text()
        return hmac.compare_digest(self._hash(text), self._digest)

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._mark).digest()

    def _forget(self) -> None:
        self._digest = b""
        self._clock.stop()
        self._tell(0)

    def _tell(self, seconds: int) -> None:
        if seconds != self._told:
            self._told = seconds
            self.ticked.emit(seconds)


def secret_clipboard() -> SecretClipboard:
    """The one of this program: it outlives the dialog from which a secret was copied."""
    application = QCoreApplication.instance()
    if application is None:
        raise RuntimeError("there is no application")
    only_here = Qt.FindChildOption.FindDirectChildrenOnly
    found = application.findChild(SecretClipboard, options=only_here)
    return found or SecretClipboard(application)
