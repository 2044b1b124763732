"""Very many searches as points: when they were, how long they took, how they ended.

Importing this imports pyqtgraph and numpy, which takes a while.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QToolTip, QWidget

from altus4_desktop.domain.search_points import PointOutcome, SearchPoint
from altus4_desktop.ui.panes.analytics.axes import TimeAxis, ValueAxis, scaled
from altus4_desktop.ui.panes.analytics.cloud import SHADES, Cloud
from altus4_desktop.ui.panes.analytics.colours import outcome_color, shaded
from altus4_desktop.ui.panes.analytics.moving import GRID, MovingPlot, Reach
from altus4_desktop.ui.panes.analytics.wording import point_words
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.theme import worn_palette

_AXIS_WIDTH = 52
_LEAST_S = 30.0
_NEAR = 8.0
# Few points are drawn one by one, larger and smooth.
_FEW = 2000


class PointsPlot(MovingPlot):
    """Points of which a part is drawn; ``chosen`` carries the place of a point among them."""

    chosen = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        self._time = TimeAxis("bottom")
        self._values = ValueAxis("left")
        self._values.is_duration = True
        super().__init__(name, self._time, self._values, parent)
        self._values.setWidth(_AXIS_WIDTH)
        self.cloud: Cloud | None = None
        self._zone = "UTC"
        self._item = _CloudItem(self.box)
        self.pressed.connect(self._choose)
        self.moved.connect(self._item.update)

    def show_cloud(self, cloud: Cloud, zone: str, begins_s: int, ends_s: int) -> None:
        """Draw these points, which lie between two instants."""
        self.cloud = self._item.cloud = cloud
        self._zone = zone
        self._time.set_zone(zone)
        self.box.setRange(yRange=(0, cloud.height), padding=0, disableAutoRange=True)
        self.set_reach(Reach(begins_s, max(ends_s, begins_s + 1), _LEAST_S))
        self.redraw()

    def redraw(self) -> None:
        """Draw again, in the colours of now."""
        self.setBackground(worn_palette().color("surface"))
        for axis in (self._time, self._values):
            self.dress_axis(axis)
        self._values.setPen(QColor(worn_palette().color("border")))
        self._values.setGrid(GRID)
        self._item.forget_colours()

    def seen(self) -> tuple[int, int]:
        """Which of the points are seen: from the first to before the second."""
        if self.cloud is None or self.reach is None:
            return 0, 0
        return self.cloud.places(self.reach.first, self.reach.last)

    def place_of(self, at: QPointF) -> int | None:
        """The point nearest to a place of the widget, if one is near."""
        if self.cloud is None or self.reach is None or not self.is_inside(at):
            return None
        box, there = self.box, self.place_at(at)
        across = (self.reach.last - self.reach.first) / max(box.width(), 1.0)
        up = self.cloud.height / max(box.height(), 1.0)
        return self.cloud.nearest(there.x(), there.y(), (across, up), _NEAR)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell of the point under the pointer."""
        super().mouseMoveEvent(event)
        place = None if self.is_dragging else self.place_of(event.position())
        if place is None or self.cloud is None:
            QToolTip.hideText()
            if not self.is_dragging:
                self.unsetCursor()
            return
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        words = plain_tool_tip(point_words(self.cloud.points[place], self._zone))
        QToolTip.showText(event.globalPosition().toPoint(), words, self)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at."""
        super().leaveEvent(event)
        self.unsetCursor()

    @Slot(QPointF)
    def _choose(self, at: QPointF) -> None:
        place = self.place_of(at)
        if place is not None:
            self.chosen.emit(place)


class _CloudItem(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph ships no types
    """Lies in the view, as large as that, and draws what of the cloud is in its range."""

    def __init__(self, box: pg.ViewBox) -> None:
        super().__init__()
        self.cloud: Cloud | None = None
        self._box = box
        self._colours: list[int] = []
        self.setParentItem(box)
        self.setZValue(1)
        box.sigResized.connect(self._resize)

    def forget_colours(self) -> None:
        """Others are worn now."""
        self._colours = []
        self.update()

    def boundingRect(self) -> QRectF:
        """The whole view."""
        return QRectF(0, 0, self._box.width(), self._box.height())

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """One by one where they are few, else a picture of them all."""
        cloud, rect = self.cloud, self.boundingRect()
        width, height = round(rect.width()), round(rect.height())
        if cloud is None or not len(cloud) or width < 2 or height < 2:
            return
        (first, last), (low, high) = self._box.viewRange()
        few = cloud.visible(first, last, _FEW)
        if few is not None:
            across, up = rect.width() / (last - first), rect.height() / (high - low)
            places = [
                QPointF((point.at_s - first) * across, (high - scaled(point.ms)) * up)
                for point in few
            ]
            _draw_marks(painter, few, places)
            return
        if not self._colours:
            self._colours = _colour_table()
        drawn = cloud.draw(first, last, width, height)
        image = QImage(drawn.data, width, height, width, QImage.Format.Format_Indexed8)
        image.setColorTable(self._colours)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, on=False)
        painter.drawImage(rect, image)

    @Slot()
    def _resize(self) -> None:
        self.prepareGeometryChange()
        self.update()


def _colour_table() -> list[int]:
    table = [0] * 256
    for outcome in PointOutcome:
        for shade in range(1, SHADES + 1):
            color = shaded(outcome_color(outcome), (shade - 1) / (SHADES - 1))
            table[(SHADES + 1) * outcome + shade] = color.rgba()
    return table


def _draw_marks(
    painter: QPainter, points: Sequence[SearchPoint], places: Sequence[QPointF]
) -> None:
    """What is rarer lies above what is not."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for outcome in PointOutcome:
        here = [
            place for point, place in zip(points, places, strict=True) if point.outcome is outcome
        ]
        draw_mark(painter, outcome, here)


def draw_mark(painter: QPainter, outcome: PointOutcome, places: Sequence[QPointF]) -> None:
    """The mark of an outcome at each of ``places``: a disc, a dash, a square, a cross."""
    color = outcome_color(outcome)
    painter.setPen(QPen(color, 1.6))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    size = 3.0
    if outcome is PointOutcome.HITS:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
    for place in places:
        x, y = place.x(), place.y()
        match outcome:
            case PointOutcome.HITS:
                painter.drawEllipse(place, size - 0.5, size - 0.5)
            case PointOutcome.CANCELLED:
                painter.drawLine(QPointF(x - size, y), QPointF(x + size, y))
            case PointOutcome.NONE:
                painter.drawRect(QRectF(x - size, y - size, 2 * size, 2 * size))
            case PointOutcome.FAILED:
                painter.drawLine(QPointF(x - size, y - size), QPointF(x + size, y + size))
                painter.drawLine(QPointF(x - size, y + size), QPointF(x + size, y - size))
