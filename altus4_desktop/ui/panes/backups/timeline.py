"""The backups on a line of time, and the instants between them that can be restored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from altus4_desktop.domain.backup_reach import BackupReach
from altus4_desktop.domain.backups import Backup, BackupReason, BackupState
from altus4_desktop.ui.panes.backups.time_axis import (
    AXIS_HEIGHT,
    BAND_HEIGHT,
    MARK,
    TimeAxis,
    draw_band_piece,
)
from altus4_desktop.ui.panes.backups.wording import (
    number,
    reason_words,
    state_look,
    state_words,
    to_the_second,
)
from altus4_desktop.ui.panes.painting import plain_tool_tip, sized
from altus4_desktop.ui.theme import Space, TypeSize, worn_palette
from altus4_desktop.ui.times import size

_LEGEND = 20
_EDGE = 4
_LANE = 18
_NEAR = 8.0
# What has no readable instant is at the beginning: 1970 would leave no room for the others.
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
_WORTH = (BackupState.GOOD, BackupState.UNVERIFIED, BackupState.BAD)
_LANES = (BackupReason.DAILY, BackupReason.MIGRATION, BackupReason.WANTED)


class Timeline(TimeAxis):
    """One mark a backup, in a lane of its kind; its shape tells what it is worth.

    ``chosen`` (id) comes when somebody chooses one here, not when `choose` does.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("backups.timeline")
        self.setAccessibleName(self.tr("Timeline of backups"))
        self._backups: tuple[Backup, ...] = ()
        self._lanes: list[BackupReason] = []
        self._reach: BackupReach | None = None
        self._chosen = ""
        self._head = _LEGEND

    def set_short(self, short: bool) -> None:
        """Leave the legend out; what is pointed at is told all the same."""
        self._head = _EDGE if short else _LEGEND
        self.updateGeometry()
        self.update()

    def show_backups(self, backups: Sequence[Backup]) -> None:
        """Show these, whatever their order."""
        self._backups = tuple(sorted(backups, key=lambda it: (it.created_at, it.sequence)))
        self._lanes = [it for it in _LANES if any(one.reason is it for one in backups)]
        self._fit()
        self.updateGeometry()

    def show_reach(self, reach: BackupReach | None) -> None:
        """Show which instants can be restored as well; None: that is not known."""
        self._reach = reach
        self._fit()

    def choose(self, backup_id: str) -> None:
        """Show this one as chosen."""
        self._chosen = backup_id
        self._describe()
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as there is room, and a lane for each kind that is there."""
        lanes = max(1, len(self._lanes)) * _LANE
        return QSize(320, self._head + lanes + BAND_HEIGHT + AXIS_HEIGHT + 3 * Space.XS)

    @property
    def margin(self) -> float:
        """The names of the lanes."""
        metrics = self.fontMetrics()
        words = [metrics.horizontalAdvance(reason_words(lane)) for lane in _LANES]
        return Space.M + max(words) + Space.M

    # ---- what is shown -----------------------------------------------------------------------

    def _fit(self) -> None:
        instants = [it.created_at for it in self._backups if it.created_at >= _OLDEST]
        now = self._reach.at if self._reach else datetime.now(UTC)
        begins_at = min(instants, default=now)
        # Half a step of room: the first mark is not on the edge.
        begins_at -= max((now - begins_at) / 40, timedelta())
        self.set_stretch(begins_at, max([now, *instants]))
        self._describe()

    def _describe(self) -> None:
        if not self._backups:
            self.setAccessibleDescription(self.tr("There is no backup."))
            return
        parts = [
            self.tr("{count} backups from {first} to {last}.").format(
                count=number(len(self._backups)),
                first=to_the_second(self._backups[0].created_at),
                last=to_the_second(self._backups[-1].created_at),
            )
        ]
        backup = self._find_chosen()
        if backup is not None:
            parts.append(self.tr("Chosen: {backup}.").format(backup=_mark_words(backup)))
        reach = self._reach
        if reach is not None and reach.bands:
            parts += [
                self.tr("Every second from {first} to {last} can be restored.").format(
                    first=to_the_second(first), last=to_the_second(last)
                )
                for first, last in reach.bands
            ]
        else:
            parts.append(self.tr("Only the instants of backups can be restored."))
        self.setAccessibleDescription(" ".join(parts))

    def _find_chosen(self) -> Backup | None:
        return next((it for it in self._backups if it.id == self._chosen), None)

    def _place(self, backup: Backup) -> QPointF:
        lane = self._lanes.index(backup.reason)
        top = self.plot.top() + self._head
        return QPointF(self.x_of(backup.created_at), top + lane * _LANE + _LANE / 2)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Legend, lanes, marks, band, ticks."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._head == _LEGEND:
            self._draw_legend(painter)
        self._draw_lanes(painter)
        for begins_at, ends_at in self._reach.bands if self._reach else ():
            self.draw_band(painter, begins_at, ends_at)
        self.draw_axis(painter)
        chosen = self._find_chosen()
        if chosen is not None:
            place = self._place(chosen)
            painter.setPen(QPen(worn_palette().color("accent"), 1.5))
            painter.drawLine(place, QPointF(place.x(), self.axis_top))
        # Where there is no room for all, the worst is on top.
        for backup in sorted(self._backups, key=lambda it: _WORTH.index(it.state)):
            if backup is not chosen:
                draw_mark(painter, self._place(backup), backup.state)
        if chosen is not None:
            painter.setPen(QPen(worn_palette().color("accent"), 2))
            painter.setBrush(worn_palette().color("accent_soft"))
            painter.drawEllipse(self._place(chosen), MARK + 3, MARK + 3)
            draw_mark(painter, self._place(chosen), chosen.state)
        self.draw_focus(painter)
        painter.end()

    def _draw_lanes(self, painter: QPainter) -> None:
        colors, plot = worn_palette(), self.plot
        painter.setFont(sized(self.font(), TypeSize.CAPTION))
        for place, lane in enumerate(self._lanes):
            y = plot.top() + self._head + place * _LANE
            painter.setPen(QPen(colors.color("border"), 1))
            middle = y + _LANE / 2
            painter.drawLine(QPointF(plot.left(), middle), QPointF(plot.right(), middle))
            painter.setPen(colors.color("muted"))
            box = QRectF(Space.M, y, plot.left() - Space.M, _LANE)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), reason_words(lane))

    def _draw_legend(self, painter: QPainter) -> None:
        colors = worn_palette()
        painter.setFont(sized(self.font(), TypeSize.CAPTION))
        metrics = painter.fontMetrics()
        x, top = float(Space.M), self.plot.top()
        middle = top + _LEGEND / 2
        for state in BackupState:
            draw_mark(painter, QPointF(x + MARK, middle), state)
            x = self._draw_word(painter, x + 2 * MARK + 6, top, state_words(state))
        words = _tr("Every second can be restored")
        room = 24 + 6 + metrics.horizontalAdvance(words)
        if self._reach and self._reach.bands and x + room <= self.width() - Space.M:
            draw_band_piece(painter, QRectF(x, middle - BAND_HEIGHT / 2, 24, BAND_HEIGHT))
            painter.setPen(colors.color("text"))
            x = self._draw_word(painter, x + 30, top, words)

    def _draw_word(self, painter: QPainter, x: float, top: float, word: str) -> float:
        painter.setPen(worn_palette().color("text"))
        width = painter.fontMetrics().horizontalAdvance(word) + 2
        box = QRectF(x, top, width, _LEGEND)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), word)
        return x + width + Space.L

    # ---- what somebody does ------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right: the backup before and after; Home and End: the first and the last."""
        ids = [backup.id for backup in self._backups]
        here = ids.index(self._chosen) if self._chosen in ids else len(ids)
        wanted = {
            Qt.Key.Key_Left: here - 1,
            Qt.Key.Key_Right: here + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(ids) - 1,
        }.get(Qt.Key(event.key()))
        if wanted is None or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            event.ignore()
        elif ids:
            self._pick(self._backups[min(max(wanted, 0), len(ids) - 1)])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the backup that is pointed at."""
        found = self._find_near(event.position())
        if event.button() is Qt.MouseButton.LeftButton and found is not None:
            self._pick(found)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell what is under the pointer."""
        found = self._find_near(event.position())
        is_mark = found is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if is_mark else Qt.CursorShape.ArrowCursor)
        text = _mark_words(found) if found else self._instant_words(event.position())
        QToolTip.showText(event.globalPosition().toPoint(), plain_tool_tip(text), self)

    def _instant_words(self, at: QPointF) -> str:
        if not self._backups or at.x() < self.plot.left() or at.y() < self.plot.top() + self._head:
            return ""
        instant = self.at_of(at.x())
        reach = self._reach
        if reach is not None and reach.find_span(instant) is not None:
            return _tr("{at}: can be restored").format(at=to_the_second(instant))
        return _tr("{at}: no backup and no whole log").format(at=to_the_second(instant))

    def _find_near(self, at: QPointF) -> Backup | None:
        best, nearest = None, _NEAR
        for backup in self._backups:
            step = self._place(backup) - at
            far = max(abs(step.x()), abs(step.y()))
            if far <= nearest:
                best, nearest = backup, far
        return best

    def _pick(self, backup: Backup) -> None:
        if backup.id != self._chosen:
            self.choose(backup.id)
            self.chosen.emit(backup.id)


def draw_mark(painter: QPainter, at: QPointF, state: BackupState) -> None:
    """Full for a good one, a ring for one that nobody has tried, a cross for a bad one."""
    colors = worn_palette()
    color = colors.color(state_look(state)[1])
    if state is BackupState.BAD:
        painter.setPen(QPen(color, 2.25))
        for slope in (1, -1):
            step = QPointF(MARK - 1, slope * (MARK - 1))
            painter.drawLine(at - step, at + step)
        return
    is_good = state is BackupState.GOOD
    painter.setPen(QPen(color if not is_good else colors.color("surface"), 1 if is_good else 2))
    painter.setBrush(color if is_good else colors.color("surface"))
    painter.drawEllipse(at, MARK - (0 if is_good else 1), MARK - (0 if is_good else 1))


def _mark_words(backup: Backup) -> str:
    words = f"{state_words(backup.state)}, {reason_words(backup.reason)}"
    words = f"{to_the_second(backup.created_at)}: {words}"
    return f"{words}, {size(backup.size_bytes)}" if backup.size_bytes else words


def _tr(text: str) -> str:
    return QCoreApplication.translate("backups", text)
