"""A pool's last 15 minutes as curves: busy filled, open, idle and waiting as lines, errors as
crosses; nothing where there was no pool."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from PySide6.QtCore import QCoreApplication, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from altus4_desktop.domain.monitoring import KEPT, CurvePoint, Run, WatchedPool, most_of
from altus4_desktop.ui.panes.monitoring.wording import error_count_words
from altus4_desktop.ui.panes.painting import plain_tool_tip, sized
from altus4_desktop.ui.theme import Space, TypeSize, worn_palette
from altus4_desktop.ui.times import exact

_LEGEND = 22
_AXIS = 20
_NEAR = timedelta(seconds=5)
_POINTS = 180
_CROSS = 3.0
# Blue and amber differ for every kind of sight; besides, one is filled and the others are dashed in
# ways of their own.
_BUSY, _WAITING, _OPEN, _IDLE, _ERROR = "accent", "warning", "text", "muted", "danger"
_STYLES = {
    _BUSY: Qt.PenStyle.SolidLine,
    _WAITING: Qt.PenStyle.DashLine,
    _OPEN: Qt.PenStyle.DashDotLine,
    _IDLE: Qt.PenStyle.DotLine,
}


def _most(pool: WatchedPool) -> CurvePoint:
    """The most of each of what was seen, and all errors."""
    points = [point for run in pool.runs for point in run]
    return most_of(points or [CurvePoint(pool.at, 0, 0, 0)])


def _top(pool: WatchedPool, *, is_full: bool) -> int:
    most = _most(pool)
    return max(1, most.busy, most.queued, *((most.total, most.idle) if is_full else ()))


def draw_curves(
    painter: QPainter, rect: QRect, pool: WatchedPool, *, is_full: bool = False
) -> None:
    """Busy and waiting over the 15 minutes until now, scaled to the most; in full also the open and
    the idle sessions, and what went wrong."""
    colors = worn_palette()
    painter.setPen(QPen(colors.color("border"), 1))
    painter.drawLine(rect.bottomLeft(), rect.bottomRight())
    now, top = pool.at, _top(pool, is_full=is_full)
    # Half a line's width stays inside at the top.
    box = QRectF(rect).adjusted(0, 2, 0, 0)
    together = max(1, round(_POINTS / max(1, rect.width() // 2)))
    for whole in pool.runs:
        run = _thinned(whole, together)
        busy = _polyline(box, now, top, [(point.at, point.busy) for point in run])
        ground = colors.color(_BUSY)
        ground.setAlpha(70)
        area = [*busy, QPointF(busy[-1].x(), box.bottom()), QPointF(busy[0].x(), box.bottom())]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        # Smooth edges of so many corners take 5 ms; the line over them is smooth.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.drawPolygon(QPolygonF(area))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if is_full:
            for role, values in (
                (_OPEN, [(point.at, point.total) for point in run]),
                (_IDLE, [(point.at, point.idle) for point in run]),
            ):
                painter.setPen(QPen(colors.color(role), 1.25, _STYLES[role]))
                painter.drawPolyline(QPolygonF(_polyline(box, now, top, values)))
        painter.setPen(QPen(colors.color(_BUSY), 1.5))
        painter.drawPolyline(QPolygonF(busy))
        painter.setPen(QPen(colors.color(_WAITING), 1.5, _STYLES[_WAITING]))
        for queued in _queued(run):
            painter.drawPolyline(QPolygonF(_polyline(box, now, top, queued)))
        if is_full:
            for place in _polyline(box, now, top, [(point.at, 0) for point in run if point.errors]):
                _draw_cross(painter, QPointF(place.x(), box.top() + _CROSS + 1))


def _draw_cross(painter: QPainter, at: QPointF) -> None:
    painter.setPen(QPen(worn_palette().color(_ERROR), 1.75))
    for slope in (1, -1):
        step = QPointF(_CROSS, slope * _CROSS)
        painter.drawLine(at - step, at + step)


def summary(pool: WatchedPool) -> str:
    """The curves in words."""
    if not pool.runs:
        return _tr("No figures of the last 15 minutes yet")
    most = _most(pool)
    words = _tr("Last 15 minutes: at most {busy} busy, at most {waiting} waiting").format(
        busy=most.busy, waiting=most.queued
    )
    return f"{words}, {error_count_words(most.errors)}" if most.errors else words


class PoolChart(QWidget):
    """The curves with their axis and legend; hovering tells the figures of an instant."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("monitoring.chart")
        self.setAccessibleName(_tr("Sessions of the pool"))
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._pool: WatchedPool | None = None

    def show_pool(self, pool: WatchedPool) -> None:
        """Show its last 15 minutes."""
        self._pool = pool
        self.setAccessibleDescription(summary(pool))
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(320, 148)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Legend, curves, axis."""
        colors = worn_palette()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(sized(self.font(), TypeSize.CAPTION))
        self._draw_legend(painter)
        plot = self._plot()
        pool, top = self._pool, 1
        if pool is not None:
            draw_curves(painter, plot, pool, is_full=True)
            top = _top(pool, is_full=True)
        painter.setPen(colors.color("muted"))
        labels = QRect(0, plot.top() - 6, plot.left() - Space.S, plot.height() + 12)
        right = Qt.AlignmentFlag.AlignRight
        painter.drawText(labels, int(right | Qt.AlignmentFlag.AlignTop), str(top))
        painter.drawText(labels, int(right | Qt.AlignmentFlag.AlignBottom), "0")
        under = QRect(plot.left(), plot.bottom() + 4, plot.width(), _AXIS)
        painter.drawText(under, int(Qt.AlignmentFlag.AlignLeft), _tr("15 minutes ago"))
        painter.drawText(under, int(right), _tr("now"))
        if pool is None or not pool.runs:
            painter.drawText(plot, int(Qt.AlignmentFlag.AlignCenter), _tr("No data yet"))
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the figures nearest to the pointer."""
        found = self._nearest(event.position().x())
        if found is None:
            QToolTip.hideText()
            return
        text = _tr("{at}: {total} open, {busy} busy, {idle} idle, {waiting} waiting").format(
            at=exact(found.at),
            total=found.total,
            busy=found.busy,
            idle=found.idle,
            waiting=found.queued,
        )
        if found.errors:
            text = f"{text}, {error_count_words(found.errors)}"
        QToolTip.showText(event.globalPosition().toPoint(), plain_tool_tip(text), self)

    def _nearest(self, x: float) -> CurvePoint | None:
        pool = self._pool
        if pool is None:
            return None
        plot = self._plot()
        share = (x - plot.left()) / max(1, plot.width())
        at = pool.at - KEPT + min(max(share, 0.0), 1.0) * KEPT
        # Nothing is told of a gap.
        for run in pool.runs:
            if run[0].at - _NEAR <= at <= run[-1].at + _NEAR:
                return min(run, key=lambda point: abs(point.at - at))
        return None

    def _plot(self) -> QRect:
        left = self.fontMetrics().horizontalAdvance("00") + Space.S
        return self.rect().adjusted(left, _LEGEND + Space.XS, -2, -_AXIS - Space.XS)

    def _draw_legend(self, painter: QPainter) -> None:
        colors, metrics, middle = worn_palette(), painter.fontMetrics(), _LEGEND / 2
        entries = (
            (_OPEN, _tr("Open")),
            (_BUSY, _tr("Busy")),
            (_IDLE, _tr("Idle")),
            (_WAITING, _tr("Waiting")),
            (_ERROR, _tr("Error")),
        )
        words = sum(metrics.horizontalAdvance(text) + 2 for _, text in entries)
        x, sample, gap = self._plot().left(), 20, Space.L
        if x + words + len(entries) * (sample + 6 + gap) > self.width():
            x, sample, gap = 0, 14, Space.S
        for role, text in entries:
            if role == _ERROR:
                _draw_cross(painter, QPointF(x + sample - _CROSS, middle))
            else:
                painter.setPen(QPen(colors.color(role), 2, _STYLES[role]))
                painter.drawLine(QPointF(x, middle), QPointF(x + sample, middle))
            painter.setPen(colors.color("text"))
            width = metrics.horizontalAdvance(text)
            place = QRect(x + sample + 6, 0, width + 2, _LEGEND)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), text)
            x = place.right() + gap


def _thinned(run: Run, together: int) -> Run:
    """The most of so many points at a time: a small curve has no room for all of them."""
    parts = [run[place : place + together] for place in range(0, len(run), together)]
    return tuple(most_of(part) for part in parts)


def _queued(run: Run) -> list[list[tuple[datetime, int]]]:
    """The parts of a run in which somebody waited, with how it came and went: a line along the
    ground would hide it."""
    values = [(point.at, point.queued) for point in run]
    parts: list[list[tuple[datetime, int]]] = []
    last = -2
    for place, value in enumerate(values):
        if any(waiting for _, waiting in values[max(0, place - 1) : place + 2]):
            if place != last + 1:
                parts.append([])
            parts[-1].append(value)
            last = place
    return parts


def _polyline(
    box: QRectF, now: datetime, top: int, values: Sequence[tuple[datetime, int]]
) -> list[QPointF]:
    points = [
        QPointF(
            box.right() - (now - at) / KEPT * box.width(),
            box.bottom() - value / top * box.height(),
        )
        for at, value in values
    ]
    if len(points) == 1:
        # One sample is a dot; a line of no length would not be seen.
        points.insert(0, points[0] - QPointF(2, 0))
    return points


def _tr(text: str) -> str:
    return QCoreApplication.translate("monitoring", text)
