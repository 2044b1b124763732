"""How a saved connection and a part of a schema are drawn."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from altus4_desktop.domain.connections import TlsMode
from altus4_desktop.domain.schema import ColumnInfo, FulltextIndex, TableInfo
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.connections.model import (
    ConnectionRole,
    ConnectionRow,
    Reach,
    SchemaRole,
    environment_text,
    is_refused,
    place_text,
    reach_text,
    read_only_text,
    tls_text,
)
from altus4_desktop.ui.panes.painting import (
    BADGE_TONES,
    badge_size,
    draw_badge,
    draw_icon,
    draw_line,
    draw_row_ground,
    sized,
)
from altus4_desktop.ui.theme import Space, TypeSize, worn_palette
from altus4_desktop.ui.times import ago

AnyIndex = QModelIndex | QPersistentModelIndex

_SIDE = 18
_REACH_ROLES = {
    Reach.UNKNOWN: "faint",
    Reach.TRYING: "accent",
    Reach.READY: "success",
    Reach.FAILED: "danger",
    Reach.LOST: "warning",
}


def tls_look(row: ConnectionRow) -> tuple[str, str]:
    """Icon and colour of what protects the line."""
    if row.connection.managed:
        return "server", "muted"
    tls = row.negotiated
    if tls is not None:
        if not tls.encrypted:
            return "unlock", "warning"
        known = tls.certificate_verified or tls.pinned
        return ("shield", "success") if known else ("lock", "muted")
    match row.connection.tls.mode:
        case TlsMode.DISABLED:
            return "unlock", "warning"
        case TlsMode.VERIFY_CA | TlsMode.VERIFY_IDENTITY | TlsMode.PINNED:
            # Green is for what a server has shown.
            return "shield", "muted"
        case TlsMode.PREFERRED:
            # It may well end without: a padlock would promise too much.
            return "unlock", "muted"
    return "lock", "muted"


class ConnectionDelegate(QStyledItemDelegate):
    """Name and environment; where it is; its state, its protection, when it last answered."""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        name = QFontMetrics(sized(option.font, TypeSize.BODY, strong=True)).height()
        small = QFontMetrics(sized(option.font, TypeSize.CAPTION)).height()
        return QSize(200, name + 2 * small + 5 + 7 + 2 * Space.M + 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        row = index.data(ConnectionRole.ROW)
        if not isinstance(row, ConnectionRow):
            return
        palette = worn_palette()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        state = option.state
        draw_row_ground(
            painter,
            option.rect,
            selected=bool(state & QStyle.StateFlag.State_Selected),
            hovered=bool(state & QStyle.StateFlag.State_MouseOver),
            focused=bool(state & QStyle.StateFlag.State_HasFocus),
        )
        rect = option.rect.adjusted(_SIDE, Space.M, -_SIDE, -Space.M)
        strong = sized(option.font, TypeSize.BODY, strong=True)
        small = sized(option.font, TypeSize.CAPTION)
        name_height = QFontMetrics(strong).height()
        small_height = QFontMetrics(small).height()

        environment = environment_text(row.connection)
        width = badge_size(environment, option.font).width()
        badge = QRect(rect.right() - width + 1, rect.top(), width, name_height)
        tone = BADGE_TONES[row.connection.environment]
        draw_badge(painter, badge, environment, option.font, tone)
        if is_refused(row):
            text = read_only_text(row).upper()
            more = badge_size(text, option.font).width()
            badge = QRect(badge.left() - Space.S - more, rect.top(), more, name_height)
            draw_badge(painter, badge, text, option.font, "danger")
            width += Space.S + more
        name = QRect(rect.left(), rect.top(), rect.width() - width - Space.S, name_height)
        draw_line(painter, name, row.connection.name, strong, palette.color("text"))

        place = QRect(rect.left(), name.bottom() + 5, rect.width(), small_height)
        draw_line(painter, place, place_text(row.connection), small, palette.color("muted"))

        foot = QRect(rect.left(), place.bottom() + 7, rect.width(), small_height)
        self._draw_foot(painter, option, foot, row)
        painter.restore()

    def _draw_foot(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, row: ConnectionRow
    ) -> None:
        palette = worn_palette()
        small = sized(option.font, TypeSize.CAPTION)
        metrics = QFontMetrics(small)
        role = _REACH_ROLES[row.reach]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.color(role))
        painter.drawEllipse(QPointF(rect.left() + 4, rect.center().y() + 1), 4, 4)

        seen_at = row.connection.last_connected_at
        seen = ago(seen_at) if seen_at else ""
        icon_name, tls_role = tls_look(row)
        protection = tls_text(row)
        right = rect.right()
        seen_width = metrics.horizontalAdvance(seen) + 4
        tls_width = metrics.horizontalAdvance(protection) + 4 + 14 + 5
        left = rect.left() + 14
        reach = reach_text(row)
        room = rect.width() - 14
        needs = metrics.horizontalAdvance(reach) + Space.M
        if seen and needs + tls_width + Space.M + seen_width <= room:
            spot = QRect(right - seen_width + 1, rect.top(), seen_width, rect.height())
            draw_line(painter, spot, seen, small, palette.color("faint"))
            right -= seen_width + Space.M
        if needs + tls_width <= right - left:
            spot = QRect(right - tls_width + 1, rect.top(), tls_width, rect.height())
            draw_icon(painter, spot, icon_name, tls_role)
            draw_line(
                painter, spot.adjusted(19, 0, 2, 0), protection, small, palette.color("muted")
            )
            right -= tls_width + Space.M
        text = QRect(left, rect.top(), right - left + 1, rect.height())
        draw_line(painter, text, reach, small, palette.color("muted" if role == "faint" else role))


_SCHEMA_ICONS = {TableInfo: "table", FulltextIndex: "index", ColumnInfo: "column"}


class SchemaDelegate(QStyledItemDelegate):
    """Names with an icon; the rest steps back, and tables that cannot be searched most of all."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        record = index.data(SchemaRole.RECORD)
        palette = worn_palette()
        dumb = isinstance(record, TableInfo) and not record.fulltext_indexes
        if index.column() == 0:
            role = "accent" if isinstance(record, FulltextIndex) else "muted"
            option.icon = icon(_SCHEMA_ICONS.get(type(record), "table"), role)
            option.decorationSize = QSize(16, 16)
            option.features |= QStyleOptionViewItem.ViewItemFeature.HasDecoration
        color = palette.color("text" if index.column() == 0 and not dumb else "muted")
        roles = option.palette.ColorRole
        for role_ in (roles.Text, roles.HighlightedText):
            option.palette.setColor(role_, color)
        if isinstance(record, TableInfo) and not dumb and index.column() == 0:
            option.font.setWeight(option.font.Weight.DemiBold)
