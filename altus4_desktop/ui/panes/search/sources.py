"""One row of chips: what each source has answered, and how long it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QHideEvent,
    QKeyEvent,
    QPainter,
    QPen,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from altus4_desktop.domain.searching import SourceRef, SourceReport, SourceState
from altus4_desktop.ui.panes.painting import draw_icon, plain_tool_tip, sized
from altus4_desktop.ui.panes.search.wording import source_text
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space, TypeSize, worn_palette
from altus4_desktop.ui.times import duration

AnyIndex = QModelIndex | QPersistentModelIndex

_LOOKS = {
    SourceState.QUEUED: ("muted", "clock"),
    SourceState.RUNNING: ("accent", ""),
    SourceState.OK: ("success", "check"),
    SourceState.FAILED: ("danger", "error"),
    SourceState.TIMED_OUT: ("warning", "clock"),
    SourceState.CANCELLED: ("muted", "stop"),
}
_FAULTY = (SourceState.FAILED, SourceState.TIMED_OUT)
_RETRYABLE = (*_FAULTY, SourceState.CANCELLED)
_HEIGHT = 28
_TURN_MS = 80
_NAME_LENGTH = 22


class SourceRole(IntEnum):
    """What `SourceModel.data` answers besides the usual roles."""

    REPORT = Qt.ItemDataRole.UserRole + 1
    SORT = Qt.ItemDataRole.UserRole + 2
    CHOSEN = Qt.ItemDataRole.UserRole + 3


class SourceModel(QAbstractListModel):
    """The sources of a search; one of them may be chosen to see its hits alone."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reports: tuple[SourceReport, ...] = ()
        self._crowded: frozenset[tuple[str, str]] = frozenset()
        self._chosen: SourceRef | None = None

    @property
    def chosen(self) -> SourceRef | None:
        """The source whose hits alone are shown."""
        return self._chosen

    @property
    def reports(self) -> tuple[SourceReport, ...]:
        """What is shown."""
        return self._reports

    def show(self, reports: Sequence[SourceReport]) -> None:
        """Show what the sources say now; the same sources are only redrawn."""
        # What needs attention stands where it can be seen, however many sources there are.
        new = tuple(sorted(reports, key=lambda report: report.state not in _FAULTY))
        if [r.source for r in new] == [r.source for r in self._reports]:
            changed = [i for i, report in enumerate(new) if report != self._reports[i]]
            self._reports = new
            for place in changed:
                self.dataChanged.emit(self.index(place), self.index(place))
            return
        self.beginResetModel()
        self._reports = new
        places = Counter((r.source.connection_id, r.source.table) for r in new)
        self._crowded = frozenset(place for place, count in places.items() if count > 1)
        if self._chosen not in {report.source for report in new}:
            self._chosen = None
        self.endResetModel()

    def choose(self, source: SourceRef | None) -> None:
        """Choose a source, or none."""
        self._chosen = source
        if self._reports:
            last = self.index(len(self._reports) - 1)
            self.dataChanged.emit(self.index(0), last, [SourceRole.CHOSEN])

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        return 0 if parent.isValid() else len(self._reports)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._reports):
            return None
        report = self._reports[index.row()]
        answer: object = None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                answer = f"{source_text(report.source)}  {self.state_text(report)}"
            case Qt.ItemDataRole.ToolTipRole:
                answer = plain_tool_tip(self.explanation(report))
            case Qt.ItemDataRole.AccessibleTextRole:
                answer = self.explanation(report).replace("\n", " ")
            case SourceRole.REPORT:
                answer = report
            case SourceRole.SORT:
                answer = report.source
            case SourceRole.CHOSEN:
                answer = report.source == self._chosen
        return answer

    def name(self, source: SourceRef) -> str:
        """Connection and table, shortened; the index too where a table has several."""
        if not source.table:
            return _shortened(source.connection, 2 * _NAME_LENGTH)
        parts = [
            _shortened(source.connection, _NAME_LENGTH),
            _shortened(source.table, _NAME_LENGTH),
        ]
        if (source.connection_id, source.table) in self._crowded:
            parts.append(_shortened(source.index, _NAME_LENGTH))
        return " · ".join(parts)

    def state_text(self, report: SourceReport) -> str:
        """The state as it stands on the chip."""
        match report.state:
            case SourceState.QUEUED:
                return self.tr("waiting")
            case SourceState.RUNNING:
                return self.tr("searching")
            case SourceState.OK:
                return f"{report.hits} · {duration(report.elapsed_ms)}"
            case SourceState.FAILED:
                return self.tr("failed")
            case SourceState.TIMED_OUT:
                return self.tr("timed out")
        return self.tr("stopped")

    def explanation(self, report: SourceReport) -> str:
        """Everything there is to say about a source, in lines."""
        lines = [source_text(report.source)]
        if report.source.index:
            lines.append(self.tr("FULLTEXT index {name}").format(name=report.source.index))
        if report.error is not None:
            lines += [error_message(report.error), error_hint(report.error)]
        else:
            lines.append(self._outcome(report))
        if report.state in _RETRYABLE:
            lines.append(self.tr("Click to search it again."))
        elif report.state is SourceState.OK:
            chosen = report.source == self._chosen
            lines.append(
                self.tr("Click to show all hits again.")
                if chosen
                else self.tr("Click to show only these hits.")
            )
        return "\n".join(line for line in lines if line)

    def _outcome(self, report: SourceReport) -> str:
        match report.state:
            case SourceState.OK:
                return self.tr("{hits} hits in {time}").format(
                    hits=report.hits, time=duration(report.elapsed_ms)
                )
            case SourceState.QUEUED:
                return self.tr("Waiting for its turn")
            case SourceState.RUNNING:
                return self.tr("Searching")
            case SourceState.TIMED_OUT:
                return self.tr("Gave no answer in time")
            case SourceState.CANCELLED:
                return self.tr("Stopped")
        return self.tr("Failed")


class SourceDelegate(QStyledItemDelegate):
    """Draws a source as a pill: state, name, hits and time."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.step = 0

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        report = index.data(SourceRole.REPORT)
        font = sized(option.font, TypeSize.CAPTION)
        strong = sized(option.font, TypeSize.CAPTION, strong=True)
        name, state = self._texts(index, report)
        width = QFontMetrics(strong).horizontalAdvance(name)
        width += QFontMetrics(font).horizontalAdvance(state)
        return QSize(width + 14 + 6 + 8 + 2 * Space.M + Space.S, _HEIGHT + 8)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        report = index.data(SourceRole.REPORT)
        palette = worn_palette()
        role, icon_name = _LOOKS[report.state]
        chosen = bool(index.data(SourceRole.CHOSEN))
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        pill = QRectF(option.rect).adjusted(0.5, 4.5, -Space.S - 0.5, -4.5)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        soft = "hover" if role == "muted" else f"{role}_soft"
        line = palette.color(role) if chosen or hovered else palette.color(soft)
        if option.state & QStyle.StateFlag.State_HasFocus:
            line = palette.color("accent")
        painter.setPen(QPen(line, 2 if chosen else 1.25))
        painter.setBrush(palette.color(soft))
        painter.drawRoundedRect(pill, pill.height() / 2, pill.height() / 2)

        inside = pill.toRect().adjusted(Space.M, 0, -Space.M, 0)
        left = inside.left()
        if icon_name:
            draw_icon(painter, inside, icon_name, role)
        else:
            self._draw_arc(painter, inside)
        left += 14 + 6
        name, state = self._texts(index, report)
        strong: QFont = sized(option.font, TypeSize.CAPTION, strong=True)
        painter.setFont(strong)
        painter.setPen(palette.color("text"))
        name_rect = QRect(left, inside.top(), inside.right() - left + 1, inside.height())
        painter.drawText(name_rect, _MIDDLE, name)
        left += QFontMetrics(strong).horizontalAdvance(name) + 8
        painter.setFont(sized(option.font, TypeSize.CAPTION))
        painter.setPen(palette.color(role))
        state_rect = QRect(left, inside.top(), inside.right() - left + Space.S, inside.height())
        painter.drawText(state_rect, _MIDDLE, state)
        painter.restore()

    def _draw_arc(self, painter: QPainter, inside: QRect) -> None:
        box = QRectF(inside.left() + 1, inside.center().y() - 5.5, 12, 12)
        pen = QPen(worn_palette().color("accent"), 1.75)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawArc(box, -self.step * 24 * 16, 110 * 16)

    def _texts(self, index: AnyIndex, report: SourceReport) -> tuple[str, str]:
        model = index.model()
        if not isinstance(model, SourceModel):
            return source_text(report.source), ""
        return model.name(report.source), model.state_text(report)


def _shortened(name: str, length: int) -> str:
    half = length // 2
    return name if len(name) <= length else f"{name[:half]}…{name[-half + 1 :]}"


_MIDDLE = int(
    Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
)


class SourceBar(QListView):
    """The chips; arrows move, Enter and click choose a source or search a failed one again."""

    source_chosen = Signal(object)
    retry_wanted = Signal(object)
    overflows = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.sources")
        self.setAccessibleName(self.tr("Sources"))
        self.setProperty("kind", "plain")
        self.sources = SourceModel(self)
        self._pill = SourceDelegate(self)
        self.setModel(self.sources)
        self.setItemDelegate(self._pill)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(_HEIGHT + 10)
        self.setMouseTracking(True)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self.clicked.connect(self._use)
        self.horizontalScrollBar().rangeChanged.connect(self._tell_overflow)
        self._clock = QTimer(self)
        self._clock.setInterval(_TURN_MS)
        self._clock.timeout.connect(self._turn)

    def show_reports(self, reports: Sequence[SourceReport]) -> None:
        """Show what the sources say now."""
        self.sources.show(reports)
        self._watch()

    @Slot()
    def turn_page(self) -> None:
        """Move on to the chips that are out of sight, from the last ones back to the first."""
        bar = self.horizontalScrollBar()
        at_end = bar.value() >= bar.maximum()
        bar.setValue(0 if at_end else bar.value() + self.viewport().width() * 4 // 5)

    @Slot(int, int)
    def _tell_overflow(self, _: int, most: int) -> None:
        self.overflows.emit(most > 0 and self.isVisible())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Space use the chip under the cursor."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if self.currentIndex().isValid():
                self._use(self.currentIndex())
            return
        super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A wheel that turns up and down moves the row sideways."""
        delta = event.angleDelta()
        amount = delta.x() or delta.y()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - amount)
        event.accept()

    def showEvent(self, event: QShowEvent) -> None:
        """Turn the arcs while they can be seen."""
        super().showEvent(event)
        self.overflows.emit(self.horizontalScrollBar().maximum() > 0)
        self._watch()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest."""
        super().hideEvent(event)
        self.overflows.emit(False)
        self._clock.stop()

    def _watch(self) -> None:
        running = any(r.state is SourceState.RUNNING for r in self.sources.reports)
        if running and self.isVisible():
            if not self._clock.isActive():
                self._clock.start()
        else:
            self._clock.stop()

    @Slot()
    def _turn(self) -> None:
        self._pill.step = (self._pill.step + 1) % 15
        self.viewport().update()

    @Slot(QModelIndex)
    def _use(self, index: QModelIndex) -> None:
        report = index.data(SourceRole.REPORT)
        if not isinstance(report, SourceReport):
            return
        if report.state in _RETRYABLE:
            self.retry_wanted.emit(report.source)
        elif report.state is SourceState.OK:
            self.sources.choose(None if report.source == self.sources.chosen else report.source)
            self.source_chosen.emit(self.sources.chosen)
