"""What happens to our own defects: one dialog, redacted, once for each traceback."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from types import TracebackType

from PySide6.QtCore import (
    QMessageLogContext,
    QObject,
    QSysInfo,
    Qt,
    QtMsgType,
    Signal,
    Slot,
    qInstallMessageHandler,
    qVersion,
)
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

import altus4_desktop
from altus4_desktop.domain.errors import Cancelled
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Icon, Label

_LOG = logging.getLogger(__name__)
_KEPT_REPORTS = 50


class CrashDialog(Dialog):
    """Says that we made a mistake and offers the report; nothing is sent anywhere."""

    def __init__(self, report: str, parent: QWidget | None = None) -> None:
        super().__init__("", name="crash", parent=parent)
        self.setWindowTitle(self.tr("Altus 4: an unexpected fault"))
        self.setAccessibleName(self.windowTitle())
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(680, 460)
        row = QHBoxLayout()
        row.setSpacing(Space.L)
        row.addWidget(Icon("bug", 28, "danger"), 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(Space.XS)
        texts.addWidget(Label(self.tr("Something went wrong that should not have"), "title"))
        texts.addWidget(
            Label(
                self.tr(
                    "This is a fault of the program, not yours. You can go on working; if "
                    "something looks odd, restart. The report below holds no passwords and has "
                    "not been sent anywhere."
                ),
                "muted",
                wrap=True,
            )
        )
        row.addLayout(texts, 1)
        self.body.addLayout(row)
        self.report = QPlainTextEdit(report)
        self.report.setObjectName("crash.report")
        self.report.setAccessibleName(self.tr("Report"))
        self.report.setProperty("kind", "code")
        self.report.setReadOnly(True)
        self.report.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.report.setTabChangesFocus(True)
        self.body.addWidget(self.report, 1)
        self._copy = Button(self.tr("Copy the report"), icon_name="copy", name="crash.copy")
        self._copy.clicked.connect(self._copy_report)
        close = Button(self.tr("Go on"), "primary", name="crash.close")
        close.clicked.connect(self.accept)
        close.setDefault(True)
        self.buttons.addWidget(self._copy)
        self.buttons.addStretch(1)
        self.buttons.addWidget(close)

    @Slot()
    def _copy_report(self) -> None:
        QGuiApplication.clipboard().setText(self.report.toPlainText())
        self._copy.setText(self.tr("Copied"))


class CrashReporter(QObject):
    """Collects defects from every thread and shows each traceback once, on the GUI thread.

    ``redact`` takes secrets out of a text. `install` hooks the interpreter's and Qt's ways of
    reporting; `restore` undoes that.
    """

    reported = Signal(str)
    _came = Signal(str)

    def __init__(self, redact: Callable[[str], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._redact = redact
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._dialogs: list[CrashDialog] = []
        self._hooks_before: tuple[object, object] | None = None
        self._came.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Hook `sys.excepthook` (slots included), `threading.excepthook` and Qt's messages."""
        self._hooks_before = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._from_interpreter
        threading.excepthook = self._from_thread
        qInstallMessageHandler(_log_qt_message)

    def restore(self) -> None:
        """Put the hooks back."""
        if self._hooks_before is not None:
            sys.excepthook, threading.excepthook = self._hooks_before  # type: ignore[assignment]  # kept as they were found
            self._hooks_before = None
            qInstallMessageHandler(None)

    @Slot(object)
    def report(self, error: BaseException) -> None:
        """Take in one exception, from any thread."""
        if isinstance(error, (Cancelled, KeyboardInterrupt, SystemExit)):
            return
        trace = "".join(traceback.format_exception(error))
        place = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
        with self._lock:
            if place in self._seen or len(self._seen) >= _KEPT_REPORTS:
                return
            self._seen.add(place)
        text = self._redact(f"{_facts()}\n\n{trace}")
        _LOG.error("unexpected fault\n%s", text)
        self._came.emit(text)

    def _from_interpreter(
        self, kind: type[BaseException], error: BaseException, _: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
        self.report(error)

    def _from_thread(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self.report(arguments.exc_value)

    @Slot(str)
    def _show(self, text: str) -> None:
        self.reported.emit(text)
        if isinstance(QApplication.instance(), QApplication):
            dialog = CrashDialog(text, QApplication.activeWindow())
            # Without a parent nothing else holds the dialog.
            self._dialogs.append(dialog)
            dialog.finished.connect(partial(self._let_go, dialog))
            dialog.show()

    def _let_go(self, dialog: CrashDialog, _: int) -> None:
        self._dialogs.remove(dialog)


def _facts() -> str:
    return (
        f"Altus 4 Desktop {altus4_desktop.__version__}\n"
        f"Python {platform.python_version()}, Qt {qVersion()} ({QGuiApplication.platformName()})\n"
        f"{QSysInfo.prettyProductName()}, {QSysInfo.currentCpuArchitecture()}"
    )


_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def _log_qt_message(kind: QtMsgType, context: QMessageLogContext, text: str | None) -> None:
    _LOG.log(_LEVELS.get(kind, logging.WARNING), "Qt (%s): %s", context.category, text)
