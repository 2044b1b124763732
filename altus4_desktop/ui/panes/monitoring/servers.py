"""The list of servers: name, how it is, and the last minutes of its pool."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.monitoring import ServerPulse, WatchedPool
from altus4_desktop.ui.models.records import RECORD_ROLE, Column, RecordModel
from altus4_desktop.ui.panes.connections.model import environment_text
from altus4_desktop.ui.panes.monitoring.curves import draw_curves, summary
from altus4_desktop.ui.panes.monitoring.wording import LOOKS, ServerRow, state_words
from altus4_desktop.ui.panes.painting import (
    BADGE_TONES,
    badge_size,
    draw_badge,
    draw_icon,
    draw_line,
    draw_row_ground,
    plain_tool_tip,
    sized,
)
from altus4_desktop.ui.theme import Space, TypeSize, worn_palette

AnyIndex = QModelIndex | QPersistentModelIndex
_SIDE = 18
_CURVE = QSize(84, 22)
_ROOMY = 220


class ServerModel(RecordModel[ServerRow]):
    """Servers in the order they come; those that stay keep their place and the selection."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__([Column("", lambda row: row.pool.connection.name)], parent)
        self._pulses: dict[str, ServerPulse] = {}
        self._errors: dict[str, AltusError] = {}

    def show_pools(self, pools: Sequence[WatchedPool]) -> None:
        """Show these, with what their servers said before."""
        ids = {pool.connection.id for pool in pools}
        for gone in self._pulses.keys() - ids:
            del self._pulses[gone]
        for gone in self._errors.keys() - ids:
            del self._errors[gone]
        rows = [self._row(pool) for pool in pools]
        same = [row.pool.connection.id for row in self._records] == [
            row.pool.connection.id for row in rows
        ]
        if not same:
            self.set_records(rows)
        elif rows:
            self._records = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, 0))

    def take_pulse(self, connection_id: str, pulse: ServerPulse) -> bool:
        """What a server said; true when it had failed before."""
        recovered = self._errors.pop(connection_id, None) is not None
        self._pulses[connection_id] = pulse
        self._change(connection_id)
        return recovered

    def take_error(self, connection_id: str, error: AltusError) -> bool:
        """Why a server said nothing; true when it had said something before, or nothing yet."""
        is_news = connection_id not in self._errors
        self._errors[connection_id] = error
        self._pulses.pop(connection_id, None)
        self._change(connection_id)
        return is_news

    def find_row(self, connection_id: str) -> int:
        """Where a server stands; -1 where it does not."""
        return next(
            (n for n, row in enumerate(self._records) if row.pool.connection.id == connection_id),
            -1,
        )

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """What a screen reader says, and the tool tip."""
        if not index.isValid():
            return None
        row = self._records[index.row()]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = (row.pool.connection.name, state_words(row), summary(row.pool))
            return ", ".join(parts)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tool_tip(f"{row.pool.connection.name}\n{summary(row.pool)}")
        return super().data(index, role)

    def _change(self, connection_id: str) -> None:
        place = self.find_row(connection_id)
        if place >= 0:
            self._records[place] = self._row(self._records[place].pool)
            index = self.index(place, 0)
            self.dataChanged.emit(index, index)

    def _row(self, pool: WatchedPool) -> ServerRow:
        own = pool.connection.id
        return ServerRow(pool, self._pulses.get(own), self._errors.get(own))


class ServerDelegate(QStyledItemDelegate):
    """Name and environment; how it is, and the curves of its pool."""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        name = QFontMetrics(sized(option.font, TypeSize.BODY, strong=True)).height()
        return QSize(200, name + _CURVE.height() + Space.XS + 2 * Space.M)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        row = index.data(RECORD_ROLE)
        if not isinstance(row, ServerRow):
            return
        colors, state = worn_palette(), option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_row_ground(
            painter,
            option.rect,
            selected=bool(state & QStyle.StateFlag.State_Selected),
            hovered=bool(state & QStyle.StateFlag.State_MouseOver),
            focused=bool(state & QStyle.StateFlag.State_HasFocus),
        )
        rect = option.rect.adjusted(_SIDE, Space.M, -_SIDE, -Space.M)
        strong = sized(option.font, TypeSize.BODY, strong=True)
        height = QFontMetrics(strong).height()
        connection = row.pool.connection
        environment = environment_text(connection)
        width = badge_size(environment, option.font).width()
        badge = QRect(rect.right() - width + 1, rect.top(), width, height)
        draw_badge(painter, badge, environment, option.font, BADGE_TONES[connection.environment])
        name = QRect(rect.left(), rect.top(), rect.width() - width - Space.S, height)
        draw_line(painter, name, connection.name, strong, colors.color("text"))
        low = QRect(rect.left(), name.bottom() + 1 + Space.XS, rect.width(), _CURVE.height())
        picture, role = LOOKS[row.health]
        side = draw_icon(painter, low, picture, role)
        width = _CURVE.width() if rect.width() >= _ROOMY else _CURVE.width() * 2 // 3
        words = low.adjusted(side + 6, 0, 0, 0)
        small = sized(option.font, TypeSize.CAPTION)
        said = state_words(row)
        # What is wrong is read whole: the curves of the chosen server are beside the list.
        if QFontMetrics(small).horizontalAdvance(said) <= words.width() - width - Space.S:
            curve = QRect(low.right() - width + 1, low.top(), width, low.height())
            draw_curves(painter, curve.adjusted(0, 0, 0, -1), row.pool)
        draw_line(painter, words, said, small, colors.color("muted"))
        painter.restore()


class ServerList(QListView):
    """Servers by keyboard and mouse."""

    def __init__(self, model: ServerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("monitoring.servers")
        self.setAccessibleName(self.tr("Servers and their pools"))
        self.setModel(model)
        self.setItemDelegate(ServerDelegate(self))
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)

    def sizeHint(self) -> QSize:
        """Room for a name and its curves."""
        return QSize(300, 192)
