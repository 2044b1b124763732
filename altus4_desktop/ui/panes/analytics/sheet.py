"""A chart as a picture: what the window draws, under its title."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgGenerator

from altus4_desktop.domain.charts import Chart, ChartKind
from altus4_desktop.ui.panes.analytics.legend import (
    draw_heat_legend,
    draw_legend,
    has_legend,
)
from altus4_desktop.ui.panes.analytics.plots import Plot
from altus4_desktop.ui.panes.painting import draw_line, sized
from altus4_desktop.ui.theme import Space, TypeSize, worn_palette

_RATIO = 2
_TITLE, _NOTE, _LEGEND = 26, 18, 22


def png_bytes(plot: Plot, chart: Chart, title: str, note: str) -> bytes:
    """The chart in twice as many dots as the window has."""
    size = _sheet_size(plot)
    image = QImage(size * _RATIO, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(_RATIO)
    image.fill(worn_palette().color("surface"))
    painter = QPainter(image)
    _draw(painter, size, plot, chart, title, note)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"PNG")).write(image)
    return bytes(buffer.data().data())


def svg_bytes(plot: Plot, chart: Chart, title: str, note: str) -> bytes:
    """The chart as shapes and text."""
    size = _sheet_size(plot)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    # As the screen has it: what was recorded for that is scaled by the difference otherwise.
    generator.setResolution(plot.logicalDpiX())
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setTitle(title)
    generator.setDescription(note)
    painter = QPainter(generator)
    painter.fillRect(QRect(0, 0, size.width(), size.height()), worn_palette().color("surface"))
    _draw(painter, size, plot, chart, title, note)
    painter.end()
    return bytes(buffer.data().data())


def _sheet_size(plot: Plot) -> QSize:
    return QSize(plot.width() + 2 * Space.L, plot.height() + _TITLE + _NOTE + _LEGEND + 3 * Space.L)


def _draw(painter: QPainter, size: QSize, plot: Plot, chart: Chart, title: str, note: str) -> None:
    colors = worn_palette()
    line = QRect(Space.L, Space.M, size.width() - 2 * Space.L, _TITLE)
    draw_line(
        painter, line, title, sized(plot.font(), TypeSize.LEAD, strong=True), colors.color("text")
    )
    line = QRect(line.left(), line.bottom(), line.width(), _NOTE)
    small = sized(plot.font(), TypeSize.CAPTION)
    draw_line(painter, line, note, small, colors.color("muted"))
    top = line.bottom() + Space.S
    painter.setFont(small)
    if has_legend(chart):
        place = QRectF(line.left(), top, line.width(), _LEGEND)
        draw = draw_heat_legend if chart.kind is ChartKind.HEAT else draw_legend
        draw(painter, place, chart)
    target = QRectF(Space.L, top + _LEGEND + Space.XS, plot.width(), plot.height())
    plot.render(painter, target, plot.rect(), Qt.AspectRatioMode.KeepAspectRatio)
