"""What stands where content would be."""

from __future__ import annotations

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
    assert again.geometry().bottom() <= state.height()
    state.resize(330, 300)
    qtbot.waitUntil(picture.isVisible)
