"""What stands where content would be."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from altus4_desktop.ui.widgets import Button, EmptyState, Icon, Label


def test_where_it_is_low_every_word_is_there(qtbot: QtBot) -> None:
    again = Button("Try again", name="empty.again")
    state = EmptyState(
        "error",
        "The SSH server “bastion.example.org” was not found.",
        "Check the spelling, and whether the network or VPN is up.",
        action=again,
    )
    qtbot.addWidget(state)
    state.resize(330, 300)
    state.show()
    picture = state.findChild(Icon)
    assert picture is not None
    assert picture.isVisible()
    state.resize(330, 160)
    qtbot.waitUntil(lambda: not picture.isVisible())
    for label in state.findChildren(Label):
        qtbot.waitUntil(lambda it=label: it.height() >= it.heightForWidth(it.width()))  # type: ignore[misc]  # bound now
    qtbot.waitUntil(lambda: state.verticalScrollBar().maximum() == 0)
    state.resize(330, 300)
    qtbot.waitUntil(picture.isVisible)


def test_what_does_not_fit_is_scrolled_and_never_cut(qtbot: QtBot) -> None:
    again = Button("Try again", name="empty.again")
    state = EmptyState("error", "", action=again)
    qtbot.addWidget(state)
    # Less than the window ever gives it, and more to say than is ever said.
    state.resize(330, 120)
    state.show()
    state.set("error", "A sentence that goes on and on. " * 4, "And a hint of the same kind. " * 5)
    for label in state.findChildren(Label):
        qtbot.waitUntil(lambda it=label: it.height() >= it.heightForWidth(it.width()))  # type: ignore[misc]  # bound now
    bar = state.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    assert state.horizontalScrollBar().maximum() == 0
    # The keyboard gets down to the action, and from there up again.
    again.setFocus()
    state.ensureWidgetVisible(again)
    assert bar.value() > 0
    down = bar.value()
    QTest.keyClick(again, Qt.Key.Key_PageUp)
    assert bar.value() < down
    # With less to say everything is there at once, and the picture too.
    state.resize(330, 300)
    state.set("error", "Short.")
    qtbot.waitUntil(lambda: bar.maximum() == 0)
    picture = state.findChild(Icon)
    assert picture is not None
    assert picture.isVisible()
