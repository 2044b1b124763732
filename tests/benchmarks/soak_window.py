"""The window for as long as wanted, with random actions and random faults of the network.

    python -m tests.benchmarks.soak_window [MINUTES] [--seed N]

The real window, offscreen, over real services and a server of each flavour behind proxies that fail
at random. A monkey searches, stops, opens and closes tabs, goes through the panes, presses what can
be pressed (but for what deletes things or asks for files), answers dialogs, changes theme and
size, and locks and unlocks. The bars: no crash report, no message of Qt, no thread and no socket
more at the end than after the first fifth, and at most 50 MB more.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import os
import random
import re
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PySide6.QtCore import (
    QMessageLogContext,
    QObject,
    Qt,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QWidget,
)
from shiboken6 import isValid

from altus4_desktop.app.compose import compose
from altus4_desktop.app.window import put_the_window_first
from altus4_desktop.domain.connections import (
    ConnectionDraft,
    Flavour,
    PoolSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.services import Services
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.theme import Theme, ThemeChoice
from altus4_desktop.ui.window import MainWindow
from tests.benchmarks.bench_event_loop import turn_until
from tests.benchmarks.texts import article_statements
from tests.event_loop import Watch
from tests.random_faults import RandomFaults
from tests.servers import DatabaseServer, ServerFactory, running_server

MINUTES = 60.0
BAR_MB = 50.0
FAULT_RATE = 0.01
FIFTHS = 5
LONG_S = 0.4
REST_S = 12.0
TICK_MS = 60
# Gone when the window is at rest.
POOL = PoolSettings(
    size=4, connect_timeout_s=2, query_timeout_s=3, acquire_timeout_s=4, idle_timeout_s=3
)
EMAIL, PASSWORD, PASSPHRASE = "soak@example.org", "words of a soak", "a passphrase of a soak"

_WORDS = ("boundary layer", "+shock -wave*", '"laminar stream"', "heat", "c++", "(heat", "", "漢字")
_PANES = (
    *("search", "search", "search", "connections", "history", "analytics", "evaluation"),
    *("monitoring", "keys", "users", "audit", "store", "settings"),
)
# What would leave nothing to go on with, asks for a file, or starts programs.
_LEFT_ALONE = re.compile(
    r"demo|sign_out|delete|remove|revoke|reset|browse|export|import|folder|csv|licences|^server|"
    r"^store\.(go|down|upgrade|change|account)|quit|rotate|passphrase|own_password|profile\.|"
    r"users\.(role|create|edit|new)|keyring|kit|disconnect|setup|forget|withdraw|settings\.secrets|"
    r"settings\.(save|unlock|vault)|statement\.stop|protect|temporary|connections\.(save|password)|"
    r"^palette|acquire|closed?$|keeping"
)

# What a screen that is none says of dialogs and menus.
_OFFSCREEN = "This plugin does not support "

W = TypeVar("W", bound=QWidget)


class Rest(NamedTuple):
    """What there is when everything has come to rest."""

    memory_mb: float
    threads: int
    files: int
    widgets: int

    def __str__(self) -> str:
        return (
            f"{self.memory_mb:.0f} MB, {self.threads} threads, {self.files} files and sockets, "
            f"{self.widgets} widgets"
        )


@dataclass
class Soak:
    """What the monkey has done, and what should not have been."""

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    away: Counter[str] = field(default_factory=Counter)


class Sentry:
    """Notes where the GUI thread is whenever its event loop has been away for long."""

    def __init__(self, soak: Soak, watch: Watch) -> None:
        self._soak = soak
        self._watch = watch
        self._gui = threading.get_ident()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        noted = 0.0
        while not self._ended.wait(LONG_S / 4):
            last = self._watch._last
            if time.perf_counter() - last > LONG_S and last != noted:
                noted = last
                frames = traceback.extract_stack(sys._current_frames()[self._gui])
                ours = [frame for frame in frames if "altus4_desktop" in frame.filename]
                frame = (ours or frames)[-1]
                self._soak.away[f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"] += 1


class Monkey(QObject):
    """Does one thing after the other, whatever is on the screen."""

    def __init__(self, window: MainWindow, theme: Theme, dice: random.Random, soak: Soak) -> None:
        super().__init__()
        self._window = window
        self._theme = theme
        self._dice = dice
        self._soak = soak
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._stuck = 0

    def start(self) -> None:
        """Begin, or go on."""
        self._timer.start()

    def stop(self) -> None:
        """Do nothing more."""
        self._timer.stop()

    def _tick(self) -> None:
        # A press may open a dialog whose event loop runs in it; the next tick is to be in that.
        name, act = self._choose()
        self._soak.done[name] += 1
        QTimer.singleShot(0, self, act)

    def _choose(self) -> tuple[str, Callable[[], object]]:
        popup = QApplication.activePopupWidget()
        if popup is not None:
            return "popup", lambda: self._leave_popup(popup)
        modal = QApplication.activeModalWidget()
        if modal is not None:
            return "dialog", lambda: self._answer(modal)
        for field_name, text in (
            ("lock.password", PASSWORD),
            ("unlock.passphrase", PASSPHRASE),
            ("sign_in.password", PASSWORD),
        ):
            entry = self._find(field_name, QLineEdit)
            if entry is not None:
                return field_name, partial(self._enter, entry, text)
        if self._window.workspace is None or self._window.page is not self._window.workspace:
            return "wait", lambda: None
        return self._dice.choices(
            [
                ("search", self._search),
                ("stop", lambda: self._press("search.stop")),
                ("pane", self._go),
                ("button", self._press_any),
                ("choice", self._choose_any),
                ("row", self._select_any),
                ("key", self._key),
                ("size", self._resize),
                ("theme", self._change_theme),
                ("lock", self._window.lock),
            ],
            [14, 6, 10, 30, 8, 14, 10, 2, 1, 1],
        )[0]

    # -- what it does ----------------------------------------------------------------------------

    def _search(self) -> None:
        workspace = self._window.workspace
        if workspace is None:
            return
        workspace.show_pane("search")
        entry = self._find("search.query", QLineEdit) or self._find("search.query", QPlainTextEdit)
        if entry is None:
            return
        text = self._dice.choice(_WORDS)
        if isinstance(entry, QLineEdit):
            entry.setText(text)
        else:
            entry.setPlainText(text)
        QTest.keyClick(entry, Qt.Key.Key_Return)

    def _go(self) -> None:
        workspace = self._window.workspace
        if workspace is not None:
            workspace.show_pane(self._dice.choice(_PANES))

    def _press(self, name: str) -> None:
        button = self._find(name, QAbstractButton)
        if button is not None and button.isEnabled():
            button.click()

    def _press_any(self) -> None:
        buttons = [
            button
            for button in self._every(self._window, QAbstractButton)
            if button.objectName() and not _LEFT_ALONE.search(button.objectName())
        ]
        if buttons:
            self._dice.choice(buttons).click()

    def _choose_any(self) -> None:
        boxes = [
            box
            for box in self._every(self._window, QComboBox)
            if box.count() and not _LEFT_ALONE.search(box.objectName())
        ]
        if boxes:
            box = self._dice.choice(boxes)
            box.setCurrentIndex(self._dice.randrange(box.count()))
            box.activated.emit(box.currentIndex())

    def _select_any(self) -> None:
        views = [
            view
            for view in self._every(self._window, QAbstractItemView)
            if view.model() is not None and view.model().rowCount()
        ]
        if not views:
            return
        view = self._dice.choice(views)
        view.setCurrentIndex(view.model().index(self._dice.randrange(view.model().rowCount()), 0))
        if self._dice.random() < 0.3:
            QTest.keyClick(view, Qt.Key.Key_Return)

    def _key(self) -> None:
        focus = QApplication.focusWidget()
        if focus is not None:
            keys = (
                *(Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Down, Qt.Key.Key_Up),
                *(Qt.Key.Key_Escape, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_A),
            )
            QTest.keyClick(focus, self._dice.choice(keys))

    def _resize(self) -> None:
        self._window.resize(self._dice.choice((760, 1000, 1920)), self._dice.choice((520, 1080)))

    def _change_theme(self) -> None:
        self._theme.set_choice(self._dice.choice([*ThemeChoice]))

    def _enter(self, entry: QLineEdit, text: str) -> None:
        if not isValid(entry):
            return
        address = self._find("sign_in.email", QLineEdit)
        if address is not None:
            address.setText(EMAIL)
        entry.setText(text)
        QTest.keyClick(entry, Qt.Key.Key_Return)

    def _leave_popup(self, popup: QWidget) -> None:
        # What it was for may have been done meanwhile.
        if not isValid(popup):
            return
        if isinstance(popup, QMenu) and self._dice.random() < 0.2:
            QTest.keyClick(popup, Qt.Key.Key_Down)
            return
        QTest.keyClick(popup, Qt.Key.Key_Escape)
        if popup.isVisible():
            popup.close()

    def _answer(self, dialog: QWidget) -> None:
        if not isValid(dialog):
            return
        buttons = [
            button
            for button in self._every(dialog, QAbstractButton)
            if not _LEFT_ALONE.search(button.objectName())
        ]
        if buttons and self._dice.random() < 0.4:
            self._dice.choice(buttons).click()
            return
        QTest.keyClick(dialog, Qt.Key.Key_Escape)

    # -- what it sees ----------------------------------------------------------------------------

    def _find(self, name: str, kind: type[W]) -> W | None:
        for widget in self._window.findChildren(kind, name):
            if widget.isVisible() and widget.isEnabled():
                return widget
        return None

    def _every(self, inside: QWidget, kind: type[W]) -> list[W]:
        return [one for one in inside.findChildren(kind) if one.isVisible() and one.isEnabled()]


def main() -> int:
    """Let the monkey loose, look, and say; 1 when over a bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minutes", type=float, nargs="?", default=MINUTES)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"{options.minutes:g} minutes, seed {options.seed}", flush=True)
    soak = Soak()
    with (
        contextlib.closing(ServerFactory()) as factory,
        running_server(factory, Flavour.MARIADB) as mariadb,
        running_server(factory, Flavour.MYSQL) as mysql,
        tempfile.TemporaryDirectory(prefix="altus4-soak-") as folder,
        _nothing_unseen(soak),
    ):
        application = QApplication(sys.argv[:1])
        put_the_window_first(application)
        return soak_window(
            application, (mariadb, mysql), Path(folder), options.minutes, options.seed, soak
        )


def soak_window(
    application: QApplication,
    servers: tuple[DatabaseServer, ...],
    folder: Path,
    minutes: float,
    seed: int,
    soak: Soak,
) -> int:
    """``minutes`` of the window over ``servers``; 1 when over a bar."""
    dice = random.Random(seed)
    services = compose(folder)
    proxies = [RandomFaults(server.port, random.Random(dice.random())) for server in servers]
    _prepare(services, servers, proxies)
    runner, theme = TaskRunner(), Theme()
    theme.install(application)
    window = MainWindow(
        lambda: services,
        runner,
        theme,
        folder,
        report_crash=lambda error: soak.wrong.append(f"crash report: {error!r}"),
    )
    runner.crashed.connect(lambda error: soak.wrong.append(f"crash report: {error!r}"))
    window.resize(1280, 800)
    window.open_()
    monkey, watch = Monkey(window, theme, dice, soak), Watch()
    sentry = Sentry(soak, watch)
    gaps: list[int] = []
    for share in range(1, FIFTHS + 1):
        for proxy in proxies:
            proxy.rate = FAULT_RATE
        watch.reset()
        monkey.start()
        _turn_for(minutes * 60 / FIFTHS)
        monkey.stop()
        gaps.append(round(watch.worst_ms))
        for proxy in proxies:
            proxy.rate = 0.0
        soak.rests.append(_rest(window, runner, soak.rests[0] if soak.rests else None))
        print(
            f"{share} of {FIFTHS}: {soak.done.total()} actions, {soak.rests[-1]}, "
            f"{len(soak.wrong)} wrong",
            flush=True,
        )
    sentry.close()
    window.close()
    services.close()
    for proxy in proxies:
        proxy.close()
    faults: Counter[str] = Counter()
    for proxy in proxies:
        faults.update({fault.name.lower(): count for fault, count in proxy.struck.items()})
    print(f"actions: {_listed(soak.done)}")
    print(f"faults: {_listed(faults)}; longest gap of the event loop in each fifth: {gaps} ms")
    if soak.away:
        print(f"away for more than {LONG_S * 1000:.0f} ms: {_listed(soak.away)}")
    print("\n".join(soak.wrong[:20]) or "no crash report, no message of Qt")
    first, last = soak.rests[0], soak.rests[-1]
    grown_mb = last.memory_mb - first.memory_mb
    print(f"memory {grown_mb:+.1f} MB since the first fifth (bar {BAR_MB:+.0f})")
    left = last.threads > first.threads or last.files > first.files
    return int(bool(soak.wrong) or grown_mb > BAR_MB or left)


def _prepare(
    services: Services, servers: tuple[DatabaseServer, ...], proxies: list[RandomFaults]
) -> None:
    services.metadata.open_()
    services.vault.set_up_passphrase(PASSPHRASE)
    actor = services.accounts.create_first_admin("Soak", EMAIL, PASSWORD)
    for number, (server, proxy) in enumerate(zip(servers, proxies, strict=True)):
        database = server.create_database()
        server.execute(*article_statements(400, seed=number), database=database)
        account = server.create_search_account(database)
        draft = ConnectionDraft(
            str(server.flavour),
            "127.0.0.1",
            database,
            account.username,
            proxy.port,
            account.password,
            TlsSettings(TlsMode.PREFERRED),
            pool=PoolSettings(
                size=4,
                connect_timeout_s=2,
                query_timeout_s=3,
                acquire_timeout_s=4,
                idle_timeout_s=3,
            ),
        )
        services.connections.create_(actor, draft)
    services.accounts.remember(actor)


def _rest(window: MainWindow, runner: TaskRunner, before: Rest | None) -> Rest:
    """Close what a person would close, wait until everything has come to rest, and count."""
    own = psutil.Process()
    while (modal := QApplication.activeModalWidget()) is not None:
        modal.close()
        _turn_for(0.1)
    if window.workspace is not None:
        search = window.workspace.show_pane("search")
        assert isinstance(search, SearchPane)
        while search._has_several():
            search.close_current()
        window.workspace.show_pane("users")
    with contextlib.suppress(AssertionError):
        turn_until(lambda: not runner.running, 30, "all work")
    _turn_for(REST_S)
    if before is not None:
        # A pool closes what is idle in its own time.
        with contextlib.suppress(AssertionError):
            turn_until(lambda: own.num_fds() <= before.files, 60, "idle connections to close")
    gc.collect()
    # What the C library keeps for later is no leak of ours.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    return Rest(
        own.memory_info().rss / 1e6,
        own.num_threads(),
        own.num_fds(),
        len(QApplication.allWidgets()),
    )


def _turn_for(seconds: float) -> None:
    until = time.monotonic() + seconds
    turn_until(lambda: time.monotonic() >= until, seconds + 60, "the time to pass")


@contextlib.contextmanager
def _nothing_unseen(soak: Soak) -> Iterator[None]:
    """Note what Qt says, and every exception that nobody has caught; answer no file dialog."""

    def message(kind: QtMsgType, _: QMessageLogContext, text: str) -> None:
        if kind not in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) and _OFFSCREEN not in text:
            soak.wrong.append(f"Qt: {text}")

    def note(what: str, error: BaseException | None) -> None:
        soak.wrong.append(f"{what}: {error!r}")

    qInstallMessageHandler(message)
    sys.excepthook = lambda _, error, __: note("exception", error)
    sys.unraisablehook = lambda broken: note("unraisable", broken.exc_value)
    threading.excepthook = lambda broken: note("thread", broken.exc_value)
    for name in ("getSaveFileName", "getOpenFileName"):
        setattr(QFileDialog, name, staticmethod(lambda *_, **__: ("", "")))
    QFileDialog.getExistingDirectory = staticmethod(lambda *_, **__: "")  # type: ignore[method-assign]  # nobody is there to choose
    QDesktopServices.openUrl = staticmethod(lambda _: True)  # type: ignore[method-assign]  # no other programs
    try:
        yield
    finally:
        qInstallMessageHandler(None)
        sys.excepthook = sys.__excepthook__
        sys.unraisablehook = sys.__unraisablehook__
        threading.excepthook = threading.__excepthook__


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
