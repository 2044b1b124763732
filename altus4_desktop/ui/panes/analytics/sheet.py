"""A chart as a picture: what the window draws, under its title."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgGenerator

from altus4_desktop.ui.panes.analytics.frame import PlotCard
from altus4_desktop.ui.panes.painting import draw_line, sized
from altus4_desktop.ui.theme import Space, TypeSize, worn_palette

_RATIO = 2
_TITLE, _NOTE, _LEGEND = 26, 18, 22


def draw_picture(card: PlotCard, note: str) -> QImage:
    """The chart in twice as many dots as the window has."""
    size = _sheet_size(card)
    image = QImage(size * _RATIO, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(_RATIO)
    image.fill(worn_palette().color("surface"))
    painter = QPainter(image)
    _draw(painter, size, card, note)
    painter.end()
    return image


def png_bytes(image: QImage) -> bytes:
    """What `draw_picture` has drawn as a file; for a worker, as packing takes ten times as long as
    drawing."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"PNG")).write(image)
    return bytes(buffer.data().data())


def svg_bytes(card: PlotCard, note: str) -> bytes:
    """The chart as shapes and text."""
    size = _sheet_size(card)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    # As the screen has it: what was recorded for that is scaled by the difference otherwise.
    generator.setResolution(card.plot.logicalDpiX())
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setTitle(card.title)
    generator.setDescription(note)
    painter = QPainter(generator)
    painter.fillRect(QRect(0, 0, size.width(), size.height()), worn_palette().color("surface"))
    _draw(painter, size, card, note)
    painter.end()
    return bytes(buffer.data().data())


def _sheet_size(card: PlotCard) -> QSize:
    plot = card.plot
    return QSize(plot.width() + 2 * Space.L, plot.height() + _TITLE + _NOTE + _LEGEND + 3 * Space.L)


def _draw(painter: QPainter, size: QSize, card: PlotCard, note: str) -> None:
    plot = card.plot
    colors = worn_palette()
    line = QRect(Space.L, Space.M, size.width() - 2 * Space.L, _TITLE)
    draw_line(
        painter,
        line,
        card.title,
        sized(plot.font(), TypeSize.LEAD, strong=True),
        colors.color("text"),
    )
    line = QRect(line.left(), line.bottom(), line.width(), _NOTE)
    small = sized(plot.font(), TypeSize.CAPTION)
    draw_line(painter, line, note, small, colors.color("muted"))
    top = line.bottom() + Space.S
    painter.setFont(small)
    card.draw_legend(painter, QRectF(line.left(), top, line.width(), _LEGEND))
    target = QRectF(Space.L, top + _LEGEND + Space.XS, plot.width(), plot.height())
    plot.render(painter, target, plot.rect(), Qt.AspectRatioMode.KeepAspectRatio)
