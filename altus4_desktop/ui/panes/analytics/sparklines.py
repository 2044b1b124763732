"""How counts went on, as thin lines as high as a row of text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from altus4_desktop.ui.panes.analytics.colours import series_color
from altus4_desktop.ui.theme import Space, worn_palette

WIDTH = 72
"""How wide a line is beside a bar."""
_HEIGHT = 14
_END = 1.75


def counts_of(trend: object) -> tuple[int | None, ...]:
    """The counts in the cell of a chart, None where it is not known; none at all for one alone,
    which is no course."""
    parts = trend.split() if isinstance(trend, str) else ()
    counts = tuple(int(part) if part.isdecimal() else None for part in parts)
    return counts if sum(count is not None for count in counts) > 1 and any(counts) else ()


def draw_sparkline(painter: QPainter, rect: QRectF, counts: Sequence[int | None]) -> None:
    """From nothing on the ground to the most of them at the top, with gaps where it is not known; a
    dot is where it is now."""
    if not counts:
        return
    middle, height = rect.center().y(), min(rect.height() - 2 * Space.XS, _HEIGHT)
    box = QRectF(rect.left() + 1, middle - height / 2, rect.width() - 2 * _END - 1, height)
    most, step = max(filter(None, counts)), box.width() / (len(counts) - 1)
    line = [
        None
        if count is None
        else QPointF(box.left() + place * step, box.bottom() - count / most * height)
        for place, count in enumerate(counts)
    ]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(worn_palette().color("border"), 1))
    painter.drawLine(box.bottomLeft(), box.bottomRight())
    painter.setPen(QPen(series_color(0), 1.25))
    for is_known, points in groupby(line, lambda point: point is not None):
        if is_known:
            painter.drawPolyline(QPolygonF([point for point in points if point is not None]))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(series_color(0))
    alone = [
        point
        for before, point, after in zip((None, *line), line, (*line[1:], None), strict=False)
        if point is not None and before is None and after is None
    ]
    for point in (*alone, *line[-1:]):
        if point is not None:
            painter.drawEllipse(point, _END, _END)
    painter.restore()


class TrendDelegate(QStyledItemDelegate):
    """A line instead of the counts, which its tool tip has."""

    def __init__(self, trends: Sequence[object], parent: QObject) -> None:
        super().__init__(parent)
        self._trends = trends

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """The line takes the place of the text."""
        super().initStyleOption(option, index)
        option.text = ""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Ground and line."""
        super().paint(painter, option, index)
        room = QRectF(option.rect).adjusted(Space.S, 0, -Space.S, 0)
        draw_sparkline(painter, room, counts_of(self._trends[index.row()]))
