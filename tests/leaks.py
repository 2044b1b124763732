"""What a test left running or open, with the line that started it."""

from __future__ import annotations

import gc
import sys
import threading
import time
import traceback
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

GRACE_S = 3.0
_STARTED_AT: weakref.WeakKeyDictionary[threading.Thread, str] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was there before a test."""

    threads: frozenset[threading.Thread]
    windows: frozenset[int]


def remember_where_threads_start() -> None:
    """Have every later thread remember the code that started it, so that a leak has an address."""
    start = threading.Thread.start

    def start_and_remember(thread: threading.Thread) -> None:
        frames = traceback.extract_stack(limit=9)[:-1]
        own = [frame for frame in frames if "/lib/python" not in frame.filename] or frames
        _STARTED_AT[thread] = ", ".join(
            f"{frame.filename}:{frame.lineno}" for frame in reversed(own[-3:])
        )
        start(thread)

    threading.Thread.start = start_and_remember  # type: ignore[method-assign, assignment]  # the only way to see foreign threads


def take_snapshot() -> Snapshot:
    """Threads and top-level windows of now."""
    windows = _top_level_windows()
    return Snapshot(frozenset(threading.enumerate()), frozenset(id(window) for window in windows))


def find_leaks(before: Snapshot) -> list[str]:
    """One line for each thread and window that is there and was not before."""
    return [*_left_threads(before.threads), *_left_windows(before.windows)]


def _left_threads(before: frozenset[threading.Thread]) -> list[str]:
    deadline = time.monotonic() + GRACE_S
    left = []
    for thread in set(threading.enumerate()) - before:
        if isinstance(thread, threading._DummyThread):  # a thread of Qt: it has no end
            continue
        with suppress(RuntimeError):  # one that is only just being started cannot be joined
            thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            place = _STARTED_AT.get(thread, "an unknown place")
            left.append(f"thread {thread.name!r}, started at {place}")
    return left


def _left_windows(before: frozenset[int]) -> list[str]:
    if not [window for window in _top_level_windows() if id(window) not in before]:
        return []
    # Wrappers in reference cycles are not leaks yet; nor are widgets whose deletion is queued.
    gc.collect()
    _run_queued_deletions()
    return [
        f"top-level window {type(window).__name__} {window.objectName()!r}"
        for window in _top_level_windows()
        if id(window) not in before
    ]


def _top_level_windows() -> list[QWidget]:
    widgets = sys.modules.get("PySide6.QtWidgets")
    if widgets is None or widgets.QApplication.instance() is None:
        return []
    windows: list[QWidget] = widgets.QApplication.topLevelWidgets()
    return [window for window in windows if window.parent() is None]


def _run_queued_deletions() -> None:
    core = sys.modules["PySide6.QtCore"]
    core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete)
