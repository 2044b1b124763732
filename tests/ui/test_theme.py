"""What the style sheet draws can be seen, in both themes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QApplication, QCheckBox, QRadioButton
from pytestqt.qtbot import QtBot

from altus4_desktop.ui.theme import Theme, ThemeChoice, contrast


@pytest.fixture(params=[ThemeChoice.LIGHT, ThemeChoice.DARK])
def theme(qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[Theme]:
    before = qapp.styleSheet(), qapp.palette(), qapp.style().objectName(), qapp.font()
    made = Theme(request.param)
    made.install(qapp)
    yield made
    made.set_choice(ThemeChoice.AUTO)
    qapp.setStyleSheet(before[0])
    qapp.setPalette(before[1])
    qapp.setStyle(before[2])
    qapp.setFont(before[3])


@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton])
@pytest.mark.usefixtures("theme")
def test_a_tick_that_cannot_be_changed_is_seen(
    qtbot: QtBot, kind: type[QCheckBox] | type[QRadioButton]
) -> None:
    box: QAbstractButton = kind()
    qtbot.addWidget(box)
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
