"""The tables of a server alone: what is cut, and how numbers are written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QLocale
from pytestqt.qtbot import QtBot

from altus4_desktop.ui.panes.monitoring.lists import LockPage
from altus4_desktop.ui.panes.monitoring.wording import count
from tests.ui.monitoring import WAIT


@pytest.mark.parametrize(
    ("name", "written"), [("C", "12,345"), ("en_US", "12,345"), ("de_DE", "12.345")]
)
def test_thousands_are_set_apart(name: str, written: str) -> None:
    before = QLocale()
    QLocale.setDefault(QLocale(name))
    try:
        assert count(12_345) == written
    finally:
        QLocale.setDefault(before)


def test_who_holds_a_lock_is_not_cut_while_there_is_room(qtbot: QtBot) -> None:
    page = LockPage()
    qtbot.addWidget(page)
    page.resize(1000, 300)
    page.show()
    page.show_waits([replace(WAIT, text="ALTER TABLE a")], "")
    table = page.table

    def needed() -> int:
        return int(table.sizeHintForColumn(2))

    qtbot.waitUntil(lambda: table.columnWidth(2) >= needed())
    said = table.columnWidth(2)
    page.resize(560, 300)
    qtbot.waitUntil(lambda: table.columnWidth(2) < said)
    # The statement keeps a third.
    assert table.columnWidth(3) >= table.columnWidth(2) // 2 - 1
    qtbot.waitUntil(lambda: table.horizontalScrollBar().maximum() == 0)
