"""What the style sheet draws can be seen, in both themes, and who wears it when."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QMainWindow,
    QRadioButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from altus4_desktop.ui.theme import DARK, LIGHT, Theme, ThemeChoice, contrast, dress


@pytest.fixture(params=[ThemeChoice.LIGHT, ThemeChoice.DARK])
def theme(dressed: QApplication, request: pytest.FixtureRequest) -> Iterator[Theme]:
    made = Theme(request.param)
    made.install(dressed)
    yield made
    made.set_choice(ThemeChoice.AUTO)


@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton])
@pytest.mark.usefixtures("theme")
def test_a_tick_that_cannot_be_changed_is_seen(
    qtbot: QtBot, kind: type[QCheckBox] | type[QRadioButton]
) -> None:
    box: QAbstractButton = kind()
    qtbot.addWidget(box)
    dress(box)
    box.setChecked(True)
    box.setEnabled(False)
    box.show()
    picture = box.grab().toImage()
    colors = _colors(picture)
    most = max(contrast(one, other) for one in colors for other in colors)
    assert most >= 3, f"{most:.2f}"


def _colors(picture: QImage) -> set[str]:
    """The colours well within the box, where the tick is."""
    middle = picture.rect().center()
    around = range(-4, 5)
    return {
        picture.pixelColor(middle.x() + x, middle.y() + y).name() for x in around for y in around
    }


class _Restyled(QObject):
    """Counts how often Qt has given a widget another style."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.times = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.times += event.type() == QEvent.Type.StyleChange
        return super().eventFilter(watched, event)


def _nested(depth: int) -> QWidget:
    outer = inner = QWidget()
    for _ in range(depth):
        column = QVBoxLayout(inner)
        inner = QWidget()
        column.addWidget(inner)
    return outer


@pytest.fixture
def stack(qtbot: QtBot, dressed: QApplication) -> Iterator[tuple[Theme, QStackedWidget]]:
    """Two parts of a window, the first in front, each with something deep inside."""
    theme = Theme(ThemeChoice.LIGHT)
    theme.install(dressed)
    made = QStackedWidget()
    qtbot.addWidget(made)
    for _ in range(2):
        part = _nested(12)
        made.addWidget(part)
        dress(part)
    made.show()
    yield theme, made
    theme.set_choice(ThemeChoice.AUTO)


def _part(parts: QStackedWidget, number: int) -> QWidget:
    part = parts.widget(number)
    assert part is not None
    return part


def _innermost(part: QWidget) -> QWidget:
    return part.findChildren(QWidget)[-1]


def test_what_is_seen_changes_at_once_and_the_rest_in_its_turn(
    qtbot: QtBot, stack: tuple[Theme, QStackedWidget]
) -> None:
    theme, parts = stack
    seen, hidden = _part(parts, 0), _part(parts, 1)
    theme.set_choice(ThemeChoice.DARK)
    assert DARK.accent in seen.styleSheet()
    assert LIGHT.accent in hidden.styleSheet()
    qtbot.waitUntil(lambda: DARK.accent in hidden.styleSheet())


def test_what_comes_to_the_front_before_its_turn_is_dressed(
    stack: tuple[Theme, QStackedWidget],
) -> None:
    theme, parts = stack
    theme.set_choice(ThemeChoice.DARK)
    dress(_part(parts, 1))
    assert DARK.accent in _part(parts, 1).styleSheet()


def test_a_change_goes_through_each_widget_a_few_times_however_deep_it_is(
    stack: tuple[Theme, QStackedWidget],
) -> None:
    theme, parts = stack
    deep = _Restyled(_innermost(_part(parts, 0)))
    theme.set_choice(ThemeChoice.DARK)
    assert 0 < deep.times <= 3


def test_what_moves_to_another_parent_is_left_as_it_is(
    qtbot: QtBot, stack: tuple[Theme, QStackedWidget]
) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setCentralWidget(stack[1])
    deep = _Restyled(_innermost(_part(stack[1], 0)))
    stack[1].setParent(None)
    assert deep.times == 0


def test_a_part_of_a_part_wears_nothing_of_its_own(stack: tuple[Theme, QStackedWidget]) -> None:
    _, parts = stack
    inside = _innermost(_part(parts, 0))
    dress(inside)
    assert inside.styleSheet() == ""
