"""Full garbage collections happen while nobody is looking."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from altus4_desktop.ui import collector as module
from altus4_desktop.ui.collector import Collector, let_collector_rest


@pytest.fixture
def collector(qapp: QApplication) -> Iterator[Collector]:
    collector = Collector(qapp)
    yield collector
    collector.deleteLater()
    QCoreApplication.sendPostedEvents(collector, QEvent.Type.DeferredDelete.value)
    gc.unfreeze()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of a minute is over at once."""
    monkeypatch.setattr(module, "_FULL_MS", 1)


@pytest.fixture
def full_collections(collector: Collector) -> Iterator[list[int]]:
    """How many full collections were made since the collector was there, one entry each."""
    seen: list[int] = []

    def note(phase: str, facts: dict[str, int]) -> None:
        if phase == "stop" and facts["generation"] == 2:
            seen.append(facts["collected"])

    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)


def turn_a_few_times(qtbot: QtBot) -> None:
    """Let timers of a millisecond come."""
    ticks = QTimer()
    with qtbot.waitSignals([ticks.timeout] * 5):
        ticks.start(1)
    ticks.stop()


class Node:
    """Something that refers to itself."""

    itself: Node


def make_garbage(number: int) -> None:
    """Cycles that only the collector can free, kept long enough to grow old."""
    kept = []
    for _ in range(number):
        cycle: list[object] = []
        cycle.append(cycle)
        kept.append(cycle)


def test_young_cycles_are_collected_on_the_gui_thread(
    full_collections: list[int], qapp: QApplication, qtbot: QtBot
) -> None:
    threads = set()

    def note(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            threads.add(threading.current_thread())

    gc.callbacks.append(note)
    worker = threading.Thread(target=make_garbage, args=(20_000,))
    worker.start()
    qtbot.waitUntil(lambda: bool(threads) and not worker.is_alive() and gc.get_count()[0] < 700)
    worker.join()
    gc.callbacks.remove(note)
    assert threads == {threading.main_thread()}
    assert full_collections == []


def test_what_is_made_while_it_rests_is_collected_afterwards(
    collector: Collector, qtbot: QtBot
) -> None:
    let_collector_rest(60_000)
    node = Node()
    node.itself = node
    left = weakref.ref(node)
    del node
    make_garbage(1_000)
    ticks = QTimer()
    with qtbot.waitSignal(ticks.timeout):
        ticks.start(2 * module._TICK_MS)
    ticks.stop()
    assert left() is not None
    let_collector_rest(0)
    qtbot.waitUntil(lambda: left() is None)
    assert collector._tick.interval() == module._TICK_MS


def test_work_makes_no_full_collection(full_collections: list[int]) -> None:
    for _ in range(20):
        make_garbage(20_000)
    assert full_collections == []


def test_the_background_makes_one(full_collections: list[int], qapp: QApplication) -> None:
    qapp.applicationStateChanged.emit(Qt.ApplicationState.ApplicationActive)
    assert full_collections == []
    qapp.applicationStateChanged.emit(Qt.ApplicationState.ApplicationInactive)
    assert len(full_collections) == 1


def test_what_is_loaded_is_not_looked_at_so_that_old_cycles_go_soon(
    soon: None, full_collections: list[int], collector: Collector, qtbot: QtBot
) -> None:
    collector.spare_what_is_loaded()
    assert gc.get_objects(generation=2) == []
    node = Node()
    node.itself = node
    left = weakref.ref(node)
    gc.collect(1)
    del node
    # Whoever signs out has the store looked at once more.
    collector.spare_what_is_loaded()
    qtbot.waitUntil(lambda: left() is None)
    assert full_collections


def test_nothing_is_looked_at_when_nothing_has_grown_old(
    soon: None, full_collections: list[int], collector: Collector, qtbot: QtBot
) -> None:
    collector.spare_what_is_loaded()
    gc.collect()
    full_collections.clear()
    turn_a_few_times(qtbot)
    assert full_collections == []


@pytest.mark.parametrize("is_long_ago", [False, True])
def test_very_many_objects_are_looked_at_seldom(
    soon: None,
    full_collections: list[int],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    is_long_ago: bool,
) -> None:
    monkeypatch.setattr(module, "_FEW", 0)
    gc.collect(1)
    if is_long_ago:
        monkeypatch.setattr(module, "_LONGEST_S", 0.0)
        qtbot.waitUntil(lambda: bool(full_collections))
    else:
        turn_a_few_times(qtbot)
        assert full_collections == []
