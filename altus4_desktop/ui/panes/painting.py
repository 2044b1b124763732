"""Text and badges as delegates paint them: plain, elided, spans marked, in the theme's colours."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QPainter,
    QPen,
    QTextCharFormat,
    QTextLayout,
    QTextOption,
)

from altus4_desktop.domain.connections import Environment
from altus4_desktop.ui.icons import pixmap
from altus4_desktop.ui.theme import Radius, TypeSize, worn_palette
from altus4_desktop.ui.widgets.basic import Tone

Spans = Sequence[tuple[int, int]]

BADGE_TONES: Final[Mapping[Environment, Tone]] = {
    Environment.DEV: "success",
    Environment.TEST: "warning",
    Environment.PROD: "danger",
}


def sized(font: QFont, pixels: int, *, strong: bool = False) -> QFont:
    """The font at a step of the type scale."""
    made = QFont(font)
    made.setPixelSize(pixels)
    if strong:
        made.setWeight(QFont.Weight.DemiBold)
    return made


def draw_line(
    painter: QPainter, rect: QRect, text: str, font: QFont, color: QColor, spans: Spans = ()
) -> None:
    """One line of plain text from the left, elided at the right, its spans marked."""
    metrics = QFontMetrics(font)
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    if not spans:
        painter.setFont(font)
        painter.setPen(color)
        painter.drawText(rect, int(_LEFT | Qt.TextFlag.TextSingleLine), shown)
        return
    room = len(shown) if shown == text else max(0, len(shown) - 1)
    draw_lines(painter, rect, shown, font, color, _clipped(spans, room), lines=1)


def draw_lines(
    painter: QPainter,
    rect: QRect,
    text: str,
    font: QFont,
    color: QColor,
    spans: Spans = (),
    *,
    lines: int,
    leading: int = 0,
) -> None:
    """Plain text over at most ``lines`` lines with ``leading`` pixels between them; the last one is
    elided, the spans are marked."""
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    ends = _lay_out(layout, rect.width(), lines, leading)
    encoded = text.encode("utf-16-le", "surrogatepass")
    if ends and ends[-1] * 2 < len(encoded):
        start = ends[-2] if len(ends) > 1 else 0
        head = encoded[: start * 2].decode("utf-16-le", "surrogatepass")
        tail = encoded[start * 2 :].decode("utf-16-le", "surrogatepass")
        cut = QFontMetrics(font).elidedText(tail, Qt.TextElideMode.ElideRight, rect.width())
        shown = head + cut
        layout = QTextLayout(shown, font)
        layout.setTextOption(option)
        ends = _lay_out(layout, rect.width(), lines, leading)
        units = len(shown.encode("utf-16-le", "surrogatepass")) // 2
        spans = _clipped(spans, max(0, units - 1))
    layout.setFormats([_marked(start, end) for start, end in spans])
    _lay_out(layout, rect.width(), lines, leading)
    painter.setPen(color)
    layout.draw(painter, QPointF(rect.topLeft()))


def _lay_out(layout: QTextLayout, width: int, lines: int, leading: int) -> list[int]:
    ends = []
    height = 0.0
    layout.beginLayout()
    for _ in range(lines):
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(width)
        line.setPosition(QPointF(0, height))
        height += line.height() + leading
        ends.append(line.textStart() + line.textLength())
    layout.endLayout()
    return ends


def _marked(start: int, end: int) -> QTextLayout.FormatRange:
    palette = worn_palette()
    marked = QTextLayout.FormatRange()
    marked.start = start
    marked.length = end - start
    look = QTextCharFormat()
    look.setBackground(palette.color("mark"))
    look.setForeground(palette.color("on_mark"))
    marked.format = look
    return marked


def _clipped(spans: Spans, end: int) -> list[tuple[int, int]]:
    return [(s, min(e, end)) for s, e in spans if s < end]


def badge_size(text: str, font: QFont) -> QSize:
    """The room a badge takes."""
    metrics = QFontMetrics(sized(font, TypeSize.CAPTION - 1, strong=True))
    return QSize(metrics.horizontalAdvance(text) + 12, metrics.height() + 3)


def draw_badge(painter: QPainter, corner: QRect, text: str, font: QFont, role: str) -> int:
    """A small filled label at the left of ``corner``, centred in its height; returns its width."""
    palette = worn_palette()
    size = badge_size(text, font)
    box = QRect(
        corner.left(),
        corner.top() + (corner.height() - size.height()) // 2,
        size.width(),
        size.height(),
    )
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(palette.color(f"{role}_soft" if role != "muted" else "hover"))
    painter.drawRoundedRect(box, Radius.S, Radius.S)
    painter.setPen(palette.color(role))
    painter.setFont(sized(font, TypeSize.CAPTION - 1, strong=True))
    painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)
    return size.width()


def draw_icon(painter: QPainter, corner: QRect, name: str, role: str, side: int = 14) -> int:
    """An icon at the left of ``corner``, centred in its height; returns its width."""
    ratio = painter.device().devicePixelRatio()
    top = corner.top() + (corner.height() - side) // 2
    painter.drawPixmap(corner.left(), top, pixmap(name, side, role, ratio))
    return side


def draw_row_ground(
    painter: QPainter, rect: QRect, *, selected: bool, hovered: bool, focused: bool
) -> None:
    """What lies under a row of a list: hover, selection, focus, a line to the next row."""
    palette = worn_palette()
    box = QRectF(rect).adjusted(6, 2, -6, -2)
    painter.setPen(Qt.PenStyle.NoPen)
    ground = "accent_soft" if selected else "canvas" if hovered else ""
    if ground:
        painter.setBrush(palette.color(ground))
        painter.drawRoundedRect(box, Radius.M, Radius.M)
    else:
        painter.setBrush(palette.color("border"))
        painter.drawRect(QRectF(rect.left() + 18, rect.bottom(), rect.width() - 36, 1))
    if focused:
        painter.setPen(QPen(palette.color("accent"), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(0.75, 0.75, -0.75, -0.75), Radius.M, Radius.M)


def plain_tool_tip(text: str) -> str:
    """A tool tip that shows the text as it is, wrapped; Qt would read tags in it otherwise."""
    return f"<qt>{html.escape(text)}</qt>".replace("\n", "<br>") if text else ""


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
