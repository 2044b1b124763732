"""How a hit is drawn: its title, two lines of snippet, where it is from, how good it is; and the
head above the hits of a source."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
)

from altus4_desktop.ui.panes.painting import (
    BADGE_TONES,
    badge_size,
    draw_badge,
    draw_icon,
    draw_line,
    draw_lines,
    draw_row_ground,
    plain_tool_tip,
    sized,
)
from altus4_desktop.ui.panes.search.grades import GRADE_ROLES, grade_text
from altus4_desktop.ui.panes.search.grouping import Head, head_text
from altus4_desktop.ui.panes.search.model import HitRole, HitRow
from altus4_desktop.ui.panes.search.wording import source_text
from altus4_desktop.ui.theme import Space, TypeSize, worn_palette

_SIDE = 18
_SCORE_WIDTH = 56
_SNIPPET_LINES = 2
_LEADING = 3


class HitDelegate(QStyledItemDelegate):
    """Draws one hit, or a head; hits have one height, so that long lists scroll evenly."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        del index
        return QSize(200, self._height(option))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        row = index.data(HitRole.ROW)
        if not isinstance(row, HitRow | Head):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # The view has drawn its own square ground for the row.
        painter.fillRect(option.rect, worn_palette().color("surface"))
        state = option.state
        draw_row_ground(
            painter,
            option.rect,
            selected=bool(state & QStyle.StateFlag.State_Selected),
            hovered=bool(state & QStyle.StateFlag.State_MouseOver),
            focused=bool(state & QStyle.StateFlag.State_HasFocus),
        )
        if isinstance(row, Head):
            self._draw_head(painter, option, row)
        else:
            self._draw_texts(painter, option, row)
        painter.restore()

    def head_height(self, option: QStyleOptionViewItem) -> int:
        """The height of a head."""
        return QFontMetrics(option.font).height() + 2 * Space.M

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        """Say what the bar means where the pointer rests on it."""
        row = index.data(HitRole.ROW)
        if isinstance(row, Head):
            return super().helpEvent(event, view, option, index)
        if not isinstance(row, HitRow) or not self._score_rect(option).contains(event.pos()):
            QToolTip.hideText()
            return False
        text = self._about_score(row)
        QToolTip.showText(event.globalPos(), plain_tool_tip(text), view.viewport())
        return True

    def _about_score(self, row: HitRow) -> str:
        reason = row.hit.reason
        if reason is not None:
            return self.tr(
                "Hit {rank} of the list: words {words:+.2f}, meaning {meaning:+.2f}, feedback of "
                "the best hits {feedback:+.2f}. The server had it at place {place} of “{source}”."
            ).format(
                rank=row.rank,
                words=reason.words,
                meaning=reason.meaning,
                feedback=reason.feedback,
                place=row.hit.source_rank,
                source=source_text(row.hit.source),
            )
        return self.tr(
            "Hit {rank} of the list. The server's score is {score:.4g}, {share:.0%} of the best "
            "in “{source}”. Scores of different sources do not compare."
        ).format(
            rank=row.rank,
            score=row.hit.source_score,
            share=row.share,
            source=source_text(row.hit.source),
        )

    def _draw_head(self, painter: QPainter, option: QStyleOptionViewItem, head: Head) -> None:
        palette = worn_palette()
        rect = option.rect.adjusted(_SIDE, 0, -_SIDE, 0)
        arrow = "chevron-right" if head.is_folded else "chevron-down"
        left = rect.left() + draw_icon(painter, rect, arrow, "muted") + Space.S
        font = sized(option.font, TypeSize.CAPTION)
        text = head_text(head)
        width = min(QFontMetrics(font).horizontalAdvance(text) + 1, rect.width() * 3 // 5)
        about = QRect(rect.right() - width + 1, rect.top(), width, rect.height())
        draw_line(painter, about, text, font, palette.color("muted"))
        strong = sized(option.font, TypeSize.BODY, strong=True)
        name = QRect(left, rect.top(), about.left() - Space.M - left, rect.height())
        # Tables of one connection differ at the end.
        shown = QFontMetrics(strong).elidedText(
            source_text(head.source), Qt.TextElideMode.ElideMiddle, name.width()
        )
        draw_line(painter, name, shown, strong, palette.color("text"))

    def _score_rect(self, option: QStyleOptionViewItem) -> QRect:
        height = QFontMetrics(sized(option.font, TypeSize.LEAD, strong=True)).height()
        rect = option.rect.adjusted(_SIDE, Space.M, -_SIDE, -Space.M)
        return QRect(rect.right() - _SCORE_WIDTH + 1, rect.top(), _SCORE_WIDTH, height)

    def _draw_texts(self, painter: QPainter, option: QStyleOptionViewItem, row: HitRow) -> None:
        palette = worn_palette()
        rect = option.rect.adjusted(_SIDE, Space.M, -_SIDE, -Space.M)
        title_font = sized(option.font, TypeSize.LEAD, strong=True)
        title_height = QFontMetrics(title_font).height()
        body_height = QFontMetrics(option.font).height()

        self._draw_score(painter, option, self._score_rect(option), row)

        line = QRect(rect.left(), rect.top(), rect.width() - _SCORE_WIDTH - Space.L, title_height)
        draw_line(painter, line, row.title, title_font, palette.color("text"), row.title_spans)

        snippet = QRect(
            rect.left(),
            line.bottom() + 6,
            rect.width(),
            (body_height + _LEADING) * _SNIPPET_LINES,
        )
        draw_lines(
            painter,
            snippet,
            row.snippet,
            option.font,
            palette.color("muted"),
            row.snippet_spans,
            lines=_SNIPPET_LINES,
            leading=_LEADING,
        )
        foot = QRect(rect.left(), snippet.bottom() + 6, rect.width(), body_height)
        self._draw_foot(painter, option, foot, row)

    def _draw_score(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, row: HitRow
    ) -> None:
        palette = worn_palette()
        painter.setFont(sized(option.font, TypeSize.CAPTION))
        painter.setPen(palette.color("faint"))
        painter.drawText(
            rect.adjusted(0, 0, 0, -6),
            int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
            str(row.rank),
        )
        track = QRectF(rect.left(), rect.bottom() - 2, rect.width(), 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.color("pressed"))
        painter.drawRoundedRect(track, 2, 2)
        painter.setBrush(palette.color("accent_fill"))
        painter.drawRoundedRect(
            QRectF(track.left(), track.top(), max(4.0, track.width() * row.share), 4), 2, 2
        )

    def _draw_foot(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, row: HitRow
    ) -> None:
        palette = worn_palette()
        font = sized(option.font, TypeSize.CAPTION)
        left = rect.left()
        if row.environment is not None:
            badge = QRect(left, rect.top(), rect.width(), rect.height())
            text = row.environment.value.upper()
            left += draw_badge(painter, badge, text, option.font, BADGE_TONES[row.environment])
            left += Space.S
        spot = QRect(left, rect.top(), rect.width(), rect.height())
        left += draw_icon(painter, spot, "table", "faint") + 6
        right = rect.right()
        if row.grade is not None:
            right -= self._draw_grade(painter, option, rect, row.grade) + Space.S
        text_rect = QRect(left, rect.top(), right - left, rect.height())
        draw_line(painter, text_rect, source_text(row.hit.source), font, palette.color("faint"))

    def _draw_grade(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, grade: int
    ) -> int:
        """The grade at the right of ``rect``; returns its width."""
        text = f"{grade}  {grade_text(grade)}"
        width = badge_size(text, option.font).width()
        corner = QRect(rect.right() - width + 1, rect.top(), width, rect.height())
        return draw_badge(painter, corner, text, option.font, GRADE_ROLES[grade])

    def _height(self, option: QStyleOptionViewItem) -> int:
        title = QFontMetrics(sized(option.font, TypeSize.LEAD, strong=True)).height()
        body = QFontMetrics(option.font).height()
        snippet = (body + _LEADING) * _SNIPPET_LINES
        return title + 6 + snippet + 6 + body + 2 * Space.M + 2
