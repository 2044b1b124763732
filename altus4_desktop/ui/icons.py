"""Icons drawn from the bundled SVG files in the colours the application wears."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from altus4_desktop.domain.bundle import bundled
from altus4_desktop.ui.theme import worn_palette


def icon(name: str, role: str = "muted", on_role: str | None = None) -> QIcon:
    """The icon ``name`` in the palette's colour ``role``; ``on_role`` when checked or selected.

    It takes the theme's colour each time it is painted, so it needs no care when that changes.
    """
    return QIcon(_TintedEngine(name, role, on_role or role))


def pixmap(name: str, size: int, role: str = "muted", ratio: float = 1.0) -> QPixmap:
    """The icon ``name`` as a picture of ``size`` device independent pixels."""
    return _draw(name, size, str(getattr(worn_palette(), role)), ratio)


def app_icon() -> QIcon:
    """The program's own mark."""
    mark = QIcon()
    for size in (16, 24, 32, 48, 64, 128):
        mark.addPixmap(_draw("altus", size, "#FFFFFF", 1.0))
    return mark


@cache
def _source(name: str) -> str:
    return (bundled("resources") / "icons" / f"{name}.svg").read_text(encoding="utf-8")


@cache
def _renderer(name: str, color: str) -> QSvgRenderer:
    svg = _source(name).replace("currentColor", color)
    return QSvgRenderer(QByteArray(svg.encode()))


@cache
def _draw(name: str, size: int, color: str, ratio: float) -> QPixmap:
    picture = QPixmap(QSize(size, size) * ratio)
    picture.fill(Qt.GlobalColor.transparent)
    picture.setDevicePixelRatio(ratio)
    painter = QPainter(picture)
    _renderer(name, color).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return picture


class _TintedEngine(QIconEngine):
    def __init__(self, name: str, role: str, on_role: str) -> None:
        super().__init__()
        self._name = name
        self._role = role
        self._on_role = on_role

    def clone(self) -> QIconEngine:
        return _TintedEngine(self._name, self._role, self._on_role)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        side = min(rect.width(), rect.height())
        corner = QPoint(
            rect.x() + (rect.width() - side) // 2, rect.y() + (rect.height() - side) // 2
        )
        ratio = painter.device().devicePixelRatio()
        painter.drawPixmap(corner, _draw(self._name, side, self._color(mode, state), ratio))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(
        self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float
    ) -> QPixmap:
        side = max(min(size.width(), size.height()), 1)
        drawn = _draw(self._name, side, self._color(mode, state), scale)
        if size.width() <= side:
            return drawn
        # Asked for more width than height: the room is for the text that follows.
        picture = QPixmap(size * scale)
        picture.fill(Qt.GlobalColor.transparent)
        picture.setDevicePixelRatio(scale)
        painter = QPainter(picture)
        painter.drawPixmap(0, 0, drawn)
        painter.end()
        return picture

    def _color(self, mode: QIcon.Mode, state: QIcon.State) -> str:
        palette = worn_palette()
        if mode is QIcon.Mode.Disabled:
            return palette.border_strong
        on = state is QIcon.State.On or mode is QIcon.Mode.Selected
        return str(getattr(palette, self._on_role if on else self._role))
