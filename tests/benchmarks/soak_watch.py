"""What the soak of the window sees: gaps of the event loop, messages of Qt, uncaught errors."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from tests.event_loop import BAR_MS, Gap, Watch

_HUNG_S = 120.0
_LOOK_S = 0.012

# What a screen that is none says of dialogs and menus.
_OFFSCREEN = "This plugin does not support "


class Rest(NamedTuple):
    """What there is when everything has come to rest: ``worked_mb`` of memory in the session that
    has been worked in, and the rest in a new one; threads without those of the lanes."""

    worked_mb: float
    memory_mb: float
    threads: int
    files: int
    widgets: int

    def __str__(self) -> str:
        return (
            f"{self.worked_mb:.0f} and {self.memory_mb:.0f} MB, {self.threads} threads, "
            f"{self.files} files and sockets, {self.widgets:,} widgets"
        )


@dataclass
class Soak:
    """What has been done, and what should not have been.

    ``action`` is what was done last; ``gaps`` are those over the bar after each action (ms of our
    own, and how many of them were computed and not slept), ``away`` counts where the thread was in
    them.
    """

    done: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    action: str = ""
    gaps: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    away: Counter[str] = field(default_factory=Counter)
    longest: Gap = field(default_factory=lambda: Gap(0.0, 0.0))


class GapWatch(Watch):
    """Notes every gap over the bar beside the action that came before it."""

    def __init__(self, soak: Soak) -> None:
        self._soak = soak
        self._sentry: Sentry | None = None
        super().__init__()
        self._sentry = Sentry(self)

    def look(self) -> None:
        """Count the time since the last turn, and note it when it is long."""
        worked_ms = time.thread_time() * 1000 - self._worked_ms
        super().look()
        soak = self._soak
        place = self._sentry.take_place() if self._sentry is not None else ""
        if self.worst_own_ms > BAR_MS:
            soak.gaps[soak.action].append((self.worst_own_ms, worked_ms))
            soak.away[f"{soak.action}: {place}" if place else soak.action] += 1
            if self.worst_own_ms > soak.longest.own_ms:
                soak.longest = self.worst
        self.worst, self.worst_own_ms = Gap(0.0, 0.0), 0.0

    def leave_out(self) -> None:
        """What was since the last turn was not the program."""
        self._begin_turn()

    @property
    def last_at(self) -> float:
        """When the loop was last seen alive, by `time.perf_counter`."""
        return self._last

    def close(self) -> None:
        """Look no more."""
        self._timer.stop()
        if self._sentry is not None:
            self._sentry.close()


class Sentry:
    """Notes where the GUI thread is while its event loop is away for long; ends a program that
    hangs, with every thread's place."""

    def __init__(self, watch: GapWatch) -> None:
        self._watch = watch
        self._gui = threading.get_ident()
        self._place = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="sentry", daemon=True)
        self._thread.start()

    def take_place(self) -> str:
        """Where it was when it was last found away; told once."""
        place, self._place = self._place, ""
        return place

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_S):
            away_s = time.perf_counter() - self._watch.last_at
            if away_s > BAR_MS / 1000:
                frames = traceback.extract_stack(sys._current_frames()[self._gui])
                ours = [frame for frame in frames if "altus4_desktop" in frame.filename]
                frame = (ours or frames)[-1]
                self._place = f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
            if away_s > _HUNG_S:
                sys.stderr.write(f"the window hangs since {_HUNG_S:.0f} s\n")
                faulthandler.dump_traceback(all_threads=True)
                os._exit(3)


@contextlib.contextmanager
def nothing_unseen(soak: Soak) -> Iterator[None]:
    """Note what Qt says, and every exception that nobody has caught; answer no file dialog."""

    def message(kind: QtMsgType, _: QMessageLogContext, text: str) -> None:
        if kind not in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) and _OFFSCREEN not in text:
            soak.wrong.append(f"Qt, after {soak.action}: {text}")

    def note(what: str, error: BaseException | None) -> None:
        soak.wrong.append(f"{what}, after {soak.action}: {error!r}")
        if error is not None:
            traceback.print_exception(error)

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
