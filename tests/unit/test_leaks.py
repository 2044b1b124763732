"""The leak checks see what they are there for."""

from __future__ import annotations

import gc
import threading

import pytest

from tests import leaks


def test_a_thread_left_running_is_reported_with_the_line_that_started_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leaks, "GRACE_S", 0.05)
    before = leaks.take_snapshot()
    release = threading.Event()
    thread = threading.Thread(target=release.wait, name="left-running", daemon=True)
    thread.start()
    try:
        [line] = leaks.find_leaks(before)
    finally:
        release.set()
        thread.join()
    assert "left-running" in line
    assert __file__ in line


def test_a_thread_that_is_just_ending_is_no_leak() -> None:
    before = leaks.take_snapshot()
    thread = threading.Thread(target=threading.Event().wait, args=(0.2,))
    thread.start()
    assert leaks.find_leaks(before) == []


def test_no_other_thread_destroys_what_a_test_of_qt_has_left() -> None:
    class Node:
        def __init__(self) -> None:
            self.itself = self

    threads = []

    def note(phase: str, _: dict[str, int]) -> None:
        threads.append(threading.current_thread())

    gc.callbacks.append(note)
    worker = threading.Thread(target=lambda: [Node() for _ in range(100_000)] and None)
    worker.start()
    worker.join()
    gc.callbacks.remove(note)
    assert threads == []
