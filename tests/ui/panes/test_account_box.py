"""The box for one account of any number, beside others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from PySide6.QtWidgets import QApplication, QComboBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.services import Services
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.account_box import AccountBox
from altus4_desktop.ui.panes.paged_filters import ChoiceBox
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme, ThemeChoice, dress


def test_its_text_stands_below_that_of_other_boxes(
    qtbot: QtBot, dressed: QApplication, runner: TaskRunner
) -> None:
    theme = Theme(ThemeChoice.LIGHT)
    theme.install(dressed)
    services = cast("Services", SimpleNamespace())
    session = Session(services, runner, theme, report_crash=lambda error: None)
    form = QWidget()
    qtbot.addWidget(form)
    box, other = AccountBox(session, "some.person"), ChoiceBox("some.other", "Other")
    other.addItem(box.currentText())
    column = QVBoxLayout(form)
    for part in (other, box):
        column.addWidget(part)
    dress(form)
    form.resize(300, 120)
    form.show()
    try:
        assert abs(_text_left(box) - _text_left(other)) <= 1
    finally:
        theme.set_choice(ThemeChoice.AUTO)


def _text_left(box: QComboBox) -> int:
    """Where the first dark dot is, right of the frame."""
    image = box.grab().toImage()
    middle = range(image.height() // 3, image.height() * 2 // 3)
    return next(
        x
        for x in range(5, image.width())
        if any(image.pixelColor(x, y).lightness() < 120 for y in middle)
    )
