"""A stretch of time from left to right: where instants are, its ticks, and the instants that can
be restored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFocusEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from altus4_desktop.ui.panes.painting import sized
from altus4_desktop.ui.theme import Radius, Space, TypeSize, worn_palette
from altus4_desktop.ui.times import day, exact, midnight

AXIS_HEIGHT: Final = 22
BAND_HEIGHT: Final = 10
MARK: Final = 5.0
_SHORTEST = timedelta(hours=1)
_DAY_S = 86_400
_SECONDS = (60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_LABEL = 76

Tick = tuple[datetime, str]


def find_ticks(begins_at: datetime, ends_at: datetime, most: int) -> list[Tick]:
    """About ``most`` round instants of the zone that is shown at most, and what is written
    there."""
    length_s = (ends_at - begins_at).total_seconds()
    return [tick for tick in _ticks(begins_at, length_s, max(1, most)) if tick[0] <= ends_at]


def _ticks(begins_at: datetime, length_s: float, most: int) -> Iterator[Tick]:
    first = date.fromisoformat(day(begins_at))
    for step_s in _SECONDS:
        if length_s <= most * step_s:
            at = midnight(first)
            at += -((at - begins_at) // timedelta(seconds=step_s)) * timedelta(seconds=step_s)
            for _ in range(most + 1):
                text = exact(at)
                yield at, text[5:10] if text[11:16] == "00:00" else text[11:16]
                at += timedelta(seconds=step_s)
            return
    for days in _DAYS:
        if length_s <= most * days * _DAY_S:
            for number in range(1, most + 2):
                at = midnight(first + timedelta(days=days * number))
                yield at, day(at)[5:]
            return
    months = next((it for it in _MONTHS if length_s <= most * it * 30 * _DAY_S), _MONTHS[-1])
    month = (first.year * 12 + first.month - 1) // months * months
    for number in range(1, most + 3):
        year, index = divmod(month + months * number, 12)
        at = midnight(date(year, index + 1, 1))
        yield at, day(at)[:7]


class TimeAxis(QWidget):
    """A drawing over a stretch of time; whoever derives from it draws above `axis_top`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        now = datetime.now(UTC)
        self._begins_at, self._ends_at = now - _SHORTEST, now

    def set_stretch(self, begins_at: datetime, ends_at: datetime) -> None:
        """Show the time between these; an hour at least."""
        self._ends_at = max(begins_at, ends_at)
        self._begins_at = min(begins_at, self._ends_at - _SHORTEST)
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """It is seen."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """It is no longer seen."""
        super().focusOutEvent(event)
        self.update()

    @property
    def plot(self) -> QRectF:
        """Where time is; marks at its ends are whole."""
        return QRectF(self.rect()).adjusted(self.margin, Space.XS, -Space.M, -Space.XS)

    @property
    def margin(self) -> float:
        """What is to the left of time."""
        return Space.M

    @property
    def axis_top(self) -> float:
        """Where the ticks begin."""
        return self.plot.bottom() - AXIS_HEIGHT

    def x_of(self, at: datetime) -> float:
        """Where ``at`` is; what is outside is at the edge."""
        share = (at - self._begins_at) / (self._ends_at - self._begins_at)
        return self.plot.left() + min(max(share, 0.0), 1.0) * self.plot.width()

    def at_of(self, x: float) -> datetime:
        """The instant at ``x``, to the second."""
        share = (x - self.plot.left()) / max(1.0, self.plot.width())
        length = self._ends_at - self._begins_at
        return (self._begins_at + min(max(share, 0.0), 1.0) * length).replace(microsecond=0)

    def draw_axis(self, painter: QPainter) -> None:
        """The line of time and its ticks."""
        colors, plot, top = worn_palette(), self.plot, self.axis_top
        painter.setFont(sized(self.font(), TypeSize.CAPTION))
        painter.setPen(QPen(colors.color("border_strong"), 1))
        painter.drawLine(QPointF(plot.left(), top), QPointF(plot.right(), top))
        for at, text in find_ticks(self._begins_at, self._ends_at, int(plot.width() // _LABEL)):
            x = self.x_of(at)
            painter.setPen(QPen(colors.color("border_strong"), 1))
            painter.drawLine(QPointF(x, top), QPointF(x, top + 4))
            painter.setPen(colors.color("muted"))
            box = QRectF(x - _LABEL / 2, top + 4, _LABEL, AXIS_HEIGHT - 4)
            left = min(max(box.left(), 0.0), self.width() - _LABEL)
            box.moveLeft(left)
            side = Qt.AlignmentFlag.AlignHCenter
            if left < x - _LABEL / 2:
                side = Qt.AlignmentFlag.AlignRight
            elif left > x - _LABEL / 2:
                side = Qt.AlignmentFlag.AlignLeft
            painter.drawText(box, int(side | Qt.AlignmentFlag.AlignTop), text)

    def draw_band(self, painter: QPainter, begins_at: datetime, ends_at: datetime) -> None:
        """Instants that can be restored, on the line of time."""
        left, right = self.x_of(begins_at), self.x_of(ends_at)
        box = QRectF(left, self.axis_top - BAND_HEIGHT, max(2.0, right - left), BAND_HEIGHT)
        draw_band_piece(painter, box)

    def draw_focus(self, painter: QPainter) -> None:
        """A frame that tells where the keyboard is."""
        if self.hasFocus():
            painter.setPen(QPen(worn_palette().color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            edge = QRectF(self.rect()).adjusted(1, 1, -1, -1)
            painter.drawRoundedRect(edge, Radius.M, Radius.M)


def draw_band_piece(painter: QPainter, box: QRectF) -> None:
    """A piece of the band, with an edge: two that nearly touch are two."""
    colors = worn_palette()
    painter.setPen(QPen(colors.color("accent"), 1.5))
    painter.setBrush(colors.color("accent_soft"))
    painter.drawRect(box.adjusted(0.75, 0.75, -0.75, -0.75))
