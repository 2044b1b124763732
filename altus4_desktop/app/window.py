"""The window's process: Qt's application, the log, the crash reporter, and an orderly end."""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop import __version__
from altus4_desktop.app.clock import process_age_ms
from altus4_desktop.app.logs import open_log, redact
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.services.settings import Settings

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from altus4_desktop.services import Services
    from altus4_desktop.ui.collector import Collector
    from altus4_desktop.ui.theme import ThemeChoice
    from altus4_desktop.ui.window import MainWindow

_LOG = logging.getLogger(__name__)
_SIGNAL_POLL_MS = 250
_SETTLE_MS = 3000
# What painting may wait each time it lets the lock go, instead of Python's 5 ms.
_SWITCH_S = 0.001
# Of <malloc.h>.
_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 128 * 1024


def run_window(
    data_dir: Path,
    metadata_url: str | None = None,
    *,
    exit_when_ready: bool = False,
    open_demo: bool = False,
) -> int:
    """Open the window over ``data_dir`` and return the process's exit code when it closes.

    With ``exit_when_ready`` it closes itself as soon as it can be used, after printing on standard
    error the milliseconds that took.
    """
    if not has_display():
        sys.stderr.write(
            "altus4-desktop: There is no display to open a window on.\n"
            "  Start it from a desktop, or use the command line: altus4-desktop --help\n"
            "  [window.no_display]\n"
        )
        return 4
    _keep_secrets_out_of_core_dumps()
    give_large_blocks_back()
    _open_log(data_dir)

    from PySide6.QtCore import QLocale, QTimer
    from PySide6.QtWidgets import QApplication

    from altus4_desktop.tasks.runner import TaskRunner
    from altus4_desktop.ui.crash import CrashReporter
    from altus4_desktop.ui.theme import Theme
    from altus4_desktop.ui.window import MainWindow

    application = QApplication(sys.argv[:1])
    application.setApplicationName("altus4-desktop")
    application.setApplicationDisplayName("Altus 4")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("altus4-desktop")
    if QLocale.system().language() is QLocale.Language.C:
        # A desktop without a language gets readable dates and grouped digits.
        QLocale.setDefault(QLocale("en_GB"))
    reporter = CrashReporter(redact)
    reporter.install()
    collector = put_the_window_first(application)
    runner = TaskRunner()
    runner.crashed.connect(reporter.report)
    theme = Theme(_theme_choice(data_dir))
    theme.install(application)
    composed: list[Services] = []

    def build_services() -> Services:
        # SQLAlchemy, PyMySQL and the rest are loaded here, behind the first paint.
        from altus4_desktop.app.compose import compose

        services = compose(data_dir, metadata_url)
        composed.append(services)
        return services

    window = MainWindow(
        build_services,
        runner,
        theme,
        data_dir,
        report_crash=reporter.report,
        open_demo=open_demo,
        passphrase_secret=os.environ.get("ALTUS4_PASSPHRASE") or None,
    )
    window.settled.connect(collector.spare_what_is_loaded)
    if exit_when_ready:
        _report_readiness(application, window)
    stop_on_signal = _quit_on_signals(window)
    # Python runs signal handlers between bytecodes, and an idle event loop runs none.
    heartbeat = QTimer()
    heartbeat.timeout.connect(stop_on_signal)
    heartbeat.start(_SIGNAL_POLL_MS)
    window.open_()
    code = application.exec()
    heartbeat.stop()
    for services in composed:
        services.close()
    reporter.restore()
    return code


def put_the_window_first(application: QApplication) -> Collector:
    """Keep busy workers from holding the GUI thread up by garbage, the interpreter's lock, or the
    processors that painting waits for."""
    from altus4_desktop.ui.collector import Collector

    sys.setswitchinterval(_SWITCH_S)
    paint_without_threads()
    return Collector(application)


def paint_without_threads() -> None:
    """Have Qt fill areas by itself; to be called before anything is painted.

    It would hand each high one to threads of its own and wait for them, however busy the processors
    are with something else: the bars of a chart took two to seven times as long, and of the
    GUI thread's own time more than twice as much.
    """
    os.environ.setdefault("QT_NO_GUI_THREADPOOL", "1")


def give_large_blocks_back() -> None:
    """Have glibc ask the system for each large block, and return it when it is freed.

    Left alone it raises what it calls large to 32 MB as large blocks are freed. The pictures of a
    window then lie among small things, and the gaps that they leave stay with the process.
    """
    if sys.platform.startswith("linux"):
        import ctypes

        # Another C library has no such option.
        with suppress(AttributeError):
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def has_display() -> bool:
    """Whether Qt can show a window here."""
    if sys.platform in {"win32", "darwin"}:
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _open_log(data_dir: Path) -> None:
    try:
        path = open_log(data_dir)
        faults = path.with_name("faults.log").open("a", encoding="utf-8")
    except OSError as error:
        # A read-only home must not keep anybody from searching; the store says the rest.
        sys.stderr.write(f"altus4-desktop: no log can be kept: {error.strerror}\n")
        return
    # A library's warning, of a line that broke perhaps, would go to standard error as it is.
    logging.getLogger().addHandler(logging.getLogger("altus4_desktop").handlers[-1])
    faulthandler.enable(faults)
    _LOG.info("Altus 4 Desktop %s starts", __version__)


def _theme_choice(data_dir: Path) -> ThemeChoice:
    from altus4_desktop.ui.theme import ThemeChoice

    try:
        return ThemeChoice(Settings.load(data_dir).theme)
    except StoreError:
        # Composing the services fails for the same reason, and the window says so.
        return ThemeChoice.AUTO


def _report_readiness(application: QApplication, window: MainWindow) -> None:
    """Close once a person can work and the store behind the page has been looked at."""
    from PySide6.QtCore import QTimer

    figures: dict[str, float] = {}

    def note(name: str) -> None:
        figures.setdefault(name, round(process_age_ms(), 1))
        if {"interactive_ms", "settled_ms"} <= figures.keys():
            end()
        elif name == "interactive_ms":
            # A page that waits for a person may keep the store from being looked at.
            QTimer.singleShot(_SETTLE_MS, window, end)

    def end() -> None:
        if not window.isVisible():
            return
        sys.stderr.write(json.dumps(figures) + "\n")
        window.close()
        application.quit()

    window.painted.connect(lambda: note("painted_ms"))
    window.interactive.connect(lambda: note("interactive_ms"))
    window.settled.connect(lambda: note("settled_ms"))


def _quit_on_signals(window: MainWindow) -> Callable[[], None]:
    """Close the window on SIGINT and SIGTERM; returns what has to be called now and then."""
    asked: list[int] = []
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, lambda number, _: asked.append(number))

    def look() -> None:
        if asked:
            asked.clear()
            window.close()

    return look


def _keep_secrets_out_of_core_dumps() -> None:
    if sys.platform != "win32":
        import resource

        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
