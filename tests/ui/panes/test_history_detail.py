"""A past search in full."""

from __future__ import annotations

from PySide6.QtWidgets import QScrollArea
from pytestqt.qtbot import QtBot

from altus4_desktop.ui.panes.history.detail import HistoryDetail
from altus4_desktop.ui.widgets import Label
from tests.records import a_search, a_user


def test_a_word_wider_than_the_card_cuts_no_other_line(qtbot: QtBot) -> None:
    detail = HistoryDetail()
    qtbot.addWidget(detail)
    user = a_user()
    detail.show_record(a_search(user, "late delivery"), {}, {user.id: "w" * 200})
    detail.resize(320, 500)
    detail.show()
    qtbot.waitExposed(detail)
    scroll, said = detail.findChild(QScrollArea), detail.findChild(Label, "history.detail.at")
    assert isinstance(scroll, QScrollArea)
    assert isinstance(said, Label)
    qtbot.waitUntil(lambda: said.width() > 1)
    assert said.geometry().right() <= scroll.viewport().width()
