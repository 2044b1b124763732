"""Cells that show all of their text, broken inside a word where no space comes in time."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QTableView

from altus4_desktop.ui.theme import Space, worn_palette

AnyIndex = QModelIndex | QPersistentModelIndex

_SIDE, _ABOVE = Space.S, 6
_MAY_BREAK = "\u200b"


class WrappedText(QStyledItemDelegate):
    """Draws the text of a cell of a table in as many lines as it needs."""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        """As high as the text in the column's width."""
        table = option.widget
        width = table.columnWidth(index.column()) if isinstance(table, QTableView) else 0
        layout = _laid_out(_text(index), option.font, width - 2 * _SIDE)
        return QSize(width, round(layout.boundingRect().height()) + 2 * _ABOVE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """The text alone: rows of such tables cannot be selected."""
        layout = _laid_out(_text(index), option.font, option.rect.width() - 2 * _SIDE)
        painter.save()
        painter.setClipRect(option.rect)
        painter.setPen(worn_palette().color("text"))
        above = max(_ABOVE, (option.rect.height() - layout.boundingRect().height()) / 2)
        layout.draw(painter, QPointF(option.rect.left() + _SIDE, option.rect.top() + above))
        painter.restore()


def first_lines(text: str, font: QFont, width: int, count: int) -> str:
    """As much of the text as ``count`` lines hold, with an ellipsis if that is not all.

    Where a word is longer than a line, a label is allowed to break it there.
    """
    layout = _laid_out(text, font, width)
    lines = [layout.lineAt(number) for number in range(min(layout.lineCount(), count))]
    parts = [text[line.textStart() : line.textStart() + line.textLength()] for line in lines]
    if layout.lineCount() > count:
        rest = parts[-1].rstrip() + "…"
        metrics = QFontMetricsF(font)
        while len(rest) > 1 and metrics.horizontalAdvance(rest) > width:
            rest = rest[:-2].rstrip() + "…"
        parts[-1] = rest
    shown = ""
    for part in parts:
        shown += part if not shown or shown[-1].isspace() else _MAY_BREAK + part
    return shown


def _text(index: AnyIndex) -> str:
    return str(index.data(Qt.ItemDataRole.DisplayRole) or "")


def _laid_out(text: str, font: QFont, width: int) -> QTextLayout:
    layout = QTextLayout(text.replace("\n", "\u2028"), font)
    how = QTextOption()
    how.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(how)
    layout.beginLayout()
    height = 0.0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(max(width, 1))
        line.setPosition(QPointF(0, height))
        height += line.height()
    layout.endLayout()
    return layout
