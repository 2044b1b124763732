"""A pool's last 15 minutes as curves: busy filled, waiting dashed, nothing where nobody looked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from PySide6.QtCore import QCoreApplication, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from altus4_desktop.domain.connections import PoolStats
from altus4_desktop.domain.monitoring import KEPT, PoolSample, split_at_gaps
from altus4_desktop.ui.panes.painting import plain_tool_tip, sized
from altus4_desktop.ui.theme import Space, TypeSize, worn_palette
from altus4_desktop.ui.times import exact

_LEGEND = 22
_AXIS = 20
# Blue and amber differ for every kind of sight; besides, one is filled and one is dashed.
_BUSY, _WAITING = "accent", "warning"
Value = Callable[[PoolStats], int]


def largest(samples: Sequence[PoolSample], value: Value) -> int:
    """The largest value of what was seen."""
    return max((value(sample.stats) for sample in samples if sample.stats is not None), default=0)


def draw_curves(painter: QPainter, rect: QRect, samples: Sequence[PoolSample]) -> None:
    """Busy and waiting over the 15 minutes that end with the newest sample, scaled to the most."""
    colors = worn_palette()
    painter.setPen(QPen(colors.color("border"), 1))
    painter.drawLine(rect.bottomLeft(), rect.bottomRight())
    if not samples:
        return
    now, top = samples[-1].at, max(1, largest(samples, _busy), largest(samples, _waiting))
    # Half a line's width stays inside at the top.
    box = QRectF(rect).adjusted(0, 2, 0, 0)
    for run in split_at_gaps(samples):
        busy = _polyline(box, now, top, [(at, stats.active) for at, stats in run])
        ground = colors.color(_BUSY)
        ground.setAlpha(70)
        area = [*busy, QPointF(busy[-1].x(), box.bottom()), QPointF(busy[0].x(), box.bottom())]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawPolygon(QPolygonF(area))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colors.color(_BUSY), 1.5))
        painter.drawPolyline(QPolygonF(busy))
        painter.setPen(QPen(colors.color(_WAITING), 1.5, Qt.PenStyle.DashLine))
        for queued in _queued(run):
            painter.drawPolyline(QPolygonF(_polyline(box, now, top, queued)))


def summary(samples: Sequence[PoolSample]) -> str:
    """The curves in words."""
    if not any(sample.stats for sample in samples):
        return _tr("No figures of the last 15 minutes yet")
    return _tr("Last 15 minutes: at most {busy} busy, at most {waiting} waiting").format(
        busy=largest(samples, _busy), waiting=largest(samples, _waiting)
    )


class PoolChart(QWidget):
    """The curves with their axis and legend; hovering tells the figures of an instant."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("monitoring.chart")
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._samples: tuple[PoolSample, ...] = ()
        self.show_samples(())

    def show_samples(self, samples: Sequence[PoolSample]) -> None:
        """Show these, oldest first."""
        self._samples = tuple(samples)
        self.setAccessibleName(_tr("Sessions of the pool"))
        self.setAccessibleDescription(summary(samples))
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
        draw_curves(painter, plot, self._samples)
        top = max(1, largest(self._samples, _busy), largest(self._samples, _waiting))
        painter.setPen(colors.color("muted"))
        labels = QRect(0, plot.top() - 6, plot.left() - Space.S, plot.height() + 12)
        right = Qt.AlignmentFlag.AlignRight
        painter.drawText(labels, int(right | Qt.AlignmentFlag.AlignTop), str(top))
        painter.drawText(labels, int(right | Qt.AlignmentFlag.AlignBottom), "0")
        under = QRect(plot.left(), plot.bottom() + 4, plot.width(), _AXIS)
        painter.drawText(under, int(Qt.AlignmentFlag.AlignLeft), _tr("15 minutes ago"))
        painter.drawText(under, int(right), _tr("now"))
        if not any(sample.stats for sample in self._samples):
            painter.drawText(plot, int(Qt.AlignmentFlag.AlignCenter), _tr("No data yet"))
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the figures nearest to the pointer."""
        found = self._nearest(event.position().x())
        if found is None or found.stats is None:
            QToolTip.hideText()
            return
        text = _tr("{at}: {busy} busy, {idle} idle, {waiting} waiting").format(
            at=exact(found.at),
            busy=found.stats.active,
            idle=found.stats.idle,
            waiting=found.stats.queued,
        )
        QToolTip.showText(event.globalPosition().toPoint(), plain_tool_tip(text), self)

    def _nearest(self, x: float) -> PoolSample | None:
        if not self._samples:
            return None
        plot, now = self._plot(), self._samples[-1].at
        share = (x - plot.left()) / max(1, plot.width())
        at = now - KEPT + min(max(share, 0.0), 1.0) * KEPT
        found = min(self._samples, key=lambda sample: abs(sample.at - at))
        near = timedelta(seconds=2.5 * found.every_s)
        return found if abs(found.at - at) <= near else None

    def _plot(self) -> QRect:
        left = self.fontMetrics().horizontalAdvance("00") + Space.S
        return self.rect().adjusted(left, _LEGEND + Space.XS, -2, -_AXIS - Space.XS)

    def _draw_legend(self, painter: QPainter) -> None:
        colors = worn_palette()
        x = self._plot().left()
        for role, text, style in (
            (_BUSY, _tr("Busy"), Qt.PenStyle.SolidLine),
            (_WAITING, _tr("Waiting for a connection"), Qt.PenStyle.DashLine),
        ):
            middle = _LEGEND / 2
            painter.setPen(QPen(colors.color(role), 2, style))
            painter.drawLine(QPointF(x, middle), QPointF(x + 20, middle))
            painter.setPen(colors.color("text"))
            width = painter.fontMetrics().horizontalAdvance(text)
            place = QRect(x + 26, 0, width + 2, _LEGEND)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), text)
            x = place.right() + Space.L


def _queued(
    run: Sequence[tuple[datetime, PoolStats]],
) -> list[list[tuple[datetime, int]]]:
    """The parts of a run in which somebody waited, with how it came and went: a line along the
    ground would hide it."""
    values = [(at, stats.queued) for at, stats in run]
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


def _busy(stats: PoolStats) -> int:
    return stats.active


def _waiting(stats: PoolStats) -> int:
    return stats.queued


def _tr(text: str) -> str:
    return QCoreApplication.translate("monitoring", text)
