"""Icons are sharp at every scale, take the theme's colours, and every name used exists."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication

import altus4_desktop.ui
from altus4_desktop.domain.bundle import bundled
from altus4_desktop.ui.icons import icon, pixmap
from altus4_desktop.ui.theme import DARK, LIGHT, Theme, ThemeChoice

FOLDER = bundled("resources") / "icons"


def strongest(picture: QPixmap) -> str:
    """The colour of the most opaque pixel."""
    image = picture.toImage()
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return max(pixels, key=lambda color: color.alpha()).name().upper()


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0, 3.0])
def test_a_pixmap_has_the_pixels_of_its_screen(qapp: QApplication, ratio: float) -> None:
    found = icon("search").pixmap(QSize(20, 20), ratio)
    assert found.devicePixelRatio() == ratio
    assert found.size() == QSize(round(20 * ratio), round(20 * ratio))


def test_room_beside_an_icon_is_left_at_its_end(qapp: QApplication) -> None:
    wide = icon("plus").pixmap(QSize(20, 16), 2.0)
    assert wide.size() == QSize(40, 32)
    image, alone = wide.toImage(), icon("plus").pixmap(QSize(16, 16), 2.0).toImage()
    assert image.copy(0, 0, 32, 32) == alone
    assert all(image.pixelColor(x, y).alpha() == 0 for x in range(32, 40) for y in range(32))


def test_an_icon_takes_the_colours_that_are_worn(dressed: QApplication) -> None:
    theme = Theme(ThemeChoice.LIGHT)
    made = icon("plus", "text", "accent")
    try:
        theme.install(dressed)
        assert strongest(made.pixmap(24, 24)) == LIGHT.text
        theme.set_choice(ThemeChoice.DARK)
        assert strongest(made.pixmap(24, 24)) == DARK.text
        on = made.pixmap(QSize(24, 24), QIcon.Mode.Normal, QIcon.State.On)
        assert strongest(on) == DARK.accent
        off = made.pixmap(QSize(24, 24), QIcon.Mode.Disabled, QIcon.State.Off)
        assert strongest(off) == DARK.border_strong
        assert strongest(pixmap("plus", 24, "danger")) == DARK.danger
    finally:
        theme.set_choice(ThemeChoice.AUTO)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.svg")), ids=lambda path: path.stem)
def test_every_file_draws_something_within_its_frame(qapp: QApplication, path: Path) -> None:
    picture = pixmap(path.stem, 48, "text").toImage()
    drawn = [(x, y) for x in range(48) for y in range(48) if picture.pixelColor(x, y).alpha() > 40]
    assert len(drawn) > 8
    if path.stem != "altus":
        assert "currentColor" in path.read_text(encoding="utf-8")
        edge = [(x, y) for x, y in drawn if {x, y} & {0, 47}]
        assert not edge, "the stroke is cut off"


def test_every_icon_asked_for_by_name_exists() -> None:
    known = {path.stem for path in FOLDER.glob("*.svg")}
    asked = set()
    for path in Path(altus4_desktop.ui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            if getattr(node.func, "id", "") in {"icon", "pixmap", "Icon", "EmptyState"}:
                asked |= {
                    it.value
                    for it in node.args[:1]
                    if isinstance(it, ast.Constant) and isinstance(it.value, str)
                }
            asked |= {
                str(keyword.value.value)
                for keyword in node.keywords
                if keyword.arg == "icon_name" and isinstance(keyword.value, ast.Constant)
            }
    assert len(asked) > 25
    assert asked - {""} <= known
