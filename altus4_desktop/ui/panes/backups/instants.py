"""One second of those that a backup and the log after it lead to, chosen on a line of time."""

from __future__ import annotations

from datetime import datetime, timedelta

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from altus4_desktop.domain.backup_reach import LogSpan
from altus4_desktop.domain.backups import BackupState
from altus4_desktop.ui.panes.backups.time_axis import AXIS_HEIGHT, BAND_HEIGHT, TimeAxis
from altus4_desktop.ui.panes.backups.timeline import draw_mark
from altus4_desktop.ui.panes.backups.wording import to_the_second
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.theme import Space, worn_palette

_HEAD = 20
_HANDLE = 6.0
_MINUTE, _HOUR, _SECOND = timedelta(minutes=1), timedelta(hours=1), timedelta(seconds=1)
_KEYS = {
    Qt.Key.Key_Left: -_MINUTE,
    Qt.Key.Key_Right: _MINUTE,
    Qt.Key.Key_Down: -_SECOND,
    Qt.Key.Key_Up: _SECOND,
    Qt.Key.Key_PageDown: -_HOUR,
    Qt.Key.Key_PageUp: _HOUR,
}


class InstantPicker(TimeAxis):
    """The seconds of ``span``; ``picked`` carries the one that somebody has chosen here."""

    picked = Signal(object)

    def __init__(self, span: LogSpan, state: BackupState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("backups.plan.instants")
        self.setAccessibleName(self.tr("Instants that can be restored"))
        self._span = span
        self._state = state
        self._at: datetime | None = None
        self.set_stretch(span.begins_at, span.ends_at)
        self.show_instant(None)

    def show_instant(self, at: datetime | None) -> None:
        """Show this one as chosen; None: the backup as it is."""
        self._at = at
        span = self._span
        words = [
            self.tr("Every second from {first} to {last}.").format(
                first=to_the_second(span.begins_at), last=to_the_second(span.ends_at)
            ),
            self.tr("Left and right: a minute; up and down: a second; page up and down: an hour."),
        ]
        if at is not None:
            words.insert(0, self.tr("Chosen: {at}.").format(at=to_the_second(at)))
        self.setAccessibleDescription(" ".join(words))
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(280, _HEAD + BAND_HEIGHT + AXIS_HEIGHT + 3 * Space.XS)

    def paintEvent(self, _: QPaintEvent) -> None:
        """The backup, what follows it, and the instant that is chosen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.draw_band(painter, self._span.begins_at, self._span.ends_at)
        self.draw_axis(painter)
        middle = self.plot.top() + _HEAD / 2
        draw_mark(painter, QPointF(self.x_of(self._span.begins_at), middle), self._state)
        if self._at is not None:
            accent = worn_palette().color("accent")
            x = self.x_of(self._at)
            painter.setPen(QPen(accent, 2))
            painter.drawLine(QPointF(x, middle), QPointF(x, self.axis_top))
            painter.setBrush(accent)
            tip = QPointF(x, middle + _HANDLE)
            side = QPointF(_HANDLE, -_HANDLE)
            painter.drawPolygon([tip, tip + side * 1.5, tip + QPointF(-side.x(), side.y()) * 1.5])
        self.draw_focus(painter)
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move to and fro; Home and End: the first and the last second."""
        key = Qt.Key(event.key())
        at = self._at or self._span.ends_at
        if key in _KEYS:
            at += _KEYS[key]
        elif key == Qt.Key.Key_Home:
            at = self._span.begins_at
        elif key == Qt.Key.Key_End:
            at = self._span.ends_at
        else:
            super().keyPressEvent(event)
            return
        self._pick(at)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose what is pointed at."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._pick(self.at_of(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Choose what is pointed at while the button is held; tell it otherwise."""
        at = self.at_of(event.position().x())
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._pick(at)
        text = plain_tool_tip(to_the_second(self._within(at)))
        QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def _within(self, at: datetime) -> datetime:
        """A whole second of the span."""
        first, last = self._span.begins_at, self._span.ends_at.replace(microsecond=0)
        return min(max(at.replace(microsecond=0), first), max(first, last))

    def _pick(self, at: datetime) -> None:
        chosen = self._within(at)
        if chosen != self._at:
            self.show_instant(chosen)
            self.picked.emit(chosen)
