"""What a loop is blamed for: its own work and waiting, and not the machine's other programs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot

from tests import event_loop
from tests.event_loop import BAR_MS, Watch

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux counts how long a thread waits for a processor"
)


@pytest.fixture
def watch(qtbot: QtBot) -> Iterator[Watch]:
    made = Watch()
    qtbot.waitUntil(lambda: made.ticks > 2)
    yield made
    made.deleteLater()


def _work(seconds: float) -> None:
    """On the processor for so long."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


@pytest.mark.parametrize("block", [_work, _wait], ids=["work", "a wait"])
def test_what_blocks_the_loop_is_its_own(watch: Watch, block: Callable[[float], None]) -> None:
    watch.reset()
    block(0.2)
    watch.look()
    assert watch.worst_ms >= 200
    assert watch.worst.own_ms == watch.worst_own_ms
    assert watch.worst_own_ms >= 150


def test_a_short_turn_is_no_gap(watch: Watch) -> None:
    watch.reset()
    _work(0.005)
    watch.look()
    assert watch.worst_own_ms < BAR_MS


def test_a_processor_that_others_have_is_not_its_own(watch: Watch) -> None:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    allowed = os.sched_getaffinity(0)
    try:
        one = {min(allowed)}
        os.sched_setaffinity(0, one)
        for child in busy:
            os.sched_setaffinity(child.pid, one)
        watch.reset()
        _work(0.1)
        watch.look()
    finally:
        os.sched_setaffinity(0, allowed)
        for child in busy:
            child.kill()
            child.wait()
    assert watch.worst.own_ms < watch.worst.gap_ms - 50


def test_whoever_has_the_interpreter_and_no_processor_is_not_its_own(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = {"1": 0.0, "2": 0.0}
    monkeypatch.setattr(event_loop, "_waited_ms_of_others", lambda _: dict(waited))
    watch.reset()
    _wait(0.1)
    waited.update({"1": 80.0, "2": 30.0})
    watch.look()
    assert watch.worst.own_ms <= watch.worst.gap_ms - 80
    assert watch.worst.own_ms > watch.worst.gap_ms - 110
