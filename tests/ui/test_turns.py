"""Work on the GUI thread in several turns, and what is built late."""

from __future__ import annotations

import itertools
import time

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from altus4_desktop.ui.focus_order import put_after
from altus4_desktop.ui.turns import Turns, delete_in_turns


def test_others_get_their_turn_between_two_steps(qtbot: QtBot) -> None:
    parent = QObject()
    done: list[str] = []
    other = QTimer(parent)
    other.timeout.connect(lambda: done.append("other"))
    other.start(1)
    turns = Turns(parent)

    def step() -> None:
        done.append("step")
        # Longer than the other waits for.
        until = time.perf_counter() + 0.005
        while time.perf_counter() < until:
            pass

    turns.take([step, step])
    turns.take([step])
    qtbot.waitUntil(lambda: done.count("step") == 3)
    assert not turns.isActive()
    places = [place for place, name in enumerate(done) if name == "step"]
    assert all("other" in done[a:b] for a, b in itertools.pairwise(places))


def test_a_step_that_fails_does_not_end_the_others(qtbot: QtBot) -> None:
    parent = QObject()
    done: list[int] = []

    def fail() -> None:
        raise ValueError

    with qtbot.captureExceptions() as caught:
        Turns(parent).take([fail, lambda: done.append(1)])
        qtbot.waitUntil(lambda: done == [1])
    assert [kind for kind, *_ in caught] == [ValueError]


def test_parts_go_before_what_holds_them(qtbot: QtBot) -> None:
    whole = QWidget()
    parts = [QLabel(whole) for _ in range(3)]
    gone: list[object] = []
    for part in [*parts, whole]:
        part.destroyed.connect(lambda _=None, part=part: gone.append(part))
    parts[1].deleteLater()
    delete_in_turns([*parts, whole])
    qtbot.waitUntil(lambda: not isValid(whole))
    assert gone == [parts[1], parts[0], parts[2], whole]


def test_the_keyboard_goes_where_it_went_before(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    first, last = QLineEdit(), QLineEdit()
    column.addWidget(first)
    column.addWidget(last)
    late = QWidget()
    inside = QVBoxLayout(late)
    fields = [QLineEdit(), QLineEdit()]
    for field in fields:
        inside.addWidget(field)
    column.insertWidget(1, late)
    put_after(first, late)
    window.show()
    first.setFocus()
    order = []
    for _ in range(3):
        window.focusNextChild()
        order.append(window.focusWidget())
    assert order == [*fields, last]
