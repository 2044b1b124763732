"""What the colours and lines of a chart mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen

from altus4_desktop.domain.charts import Chart, ChartKind
from altus4_desktop.ui.panes.analytics.colours import before_color, heat_color, series_color
from altus4_desktop.ui.panes.analytics.wording import column_title, no_data_words
from altus4_desktop.ui.theme import Space, worn_palette

THRESHOLD = "threshold"
"""The column of a line that is the same everywhere, also where nothing is known."""
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)


def is_before(column: str) -> bool:
    """Whether a column tells of the period before."""
    return column.startswith("before")


def is_over(column: str) -> bool:
    """Whether a column is a line over the bars of others."""
    return is_before(column) or column == THRESHOLD


def dash_of(column: str, place: int) -> Qt.PenStyle:
    """How the line of a column is dashed: colours are not all that tells lines apart."""
    return Qt.PenStyle.DashDotLine if is_before(column) else _DASHES[place % len(_DASHES)]


@dataclass(frozen=True)
class Sample:
    """A column and what it is called; ``place`` among those that are plotted."""

    place: int
    column: str
    words: str


def samples_of(chart: Chart) -> list[Sample]:
    """What is drawn of a chart and needs words; the last one without a column: no data."""
    found = []
    for place, name in enumerate(chart.plotted):
        if all(value is None for value in chart.values(name)):
            continue
        words = column_title(name)
        if name == THRESHOLD:
            words = f"{words}: {chart.numbers(name)[0] or 0:,.0f}"
        found.append(Sample(place, name, words))
    if missing_rows(chart):
        found.append(Sample(len(chart.plotted), "", no_data_words()))
    return found


def draw_legend(
    painter: QPainter, rect: QRectF, kind: ChartKind, samples: Sequence[Sample]
) -> None:
    """What colours and lines mean, from the left."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    x, middle = rect.left(), rect.center().y()
    for sample in samples:
        name, block = sample.column, QRectF(x, middle - 5, 20, 10)
        color = before_color() if is_before(name) else series_color(sample.place)
        if not name:
            pattern = QBrush(worn_palette().color("border_strong"), Qt.BrushStyle.BDiagPattern)
            painter.fillRect(block, pattern)
        elif kind is ChartKind.BARS and not is_over(name):
            painter.fillRect(block, color)
        else:
            painter.setPen(QPen(color, 2, dash_of(name, sample.place)))
            painter.drawLine(QPointF(x, middle), QPointF(x + 20, middle))
        x = draw_word(painter, rect, x + 26, sample.words)


def draw_heat_legend(painter: QPainter, rect: QRectF, most: float) -> None:
    """From nothing to the most."""
    x, middle = rect.left(), rect.center().y()
    x = draw_word(painter, rect, x, "0") - Space.S
    for step in range(6):
        painter.fillRect(QRectF(x + step * 16, middle - 5, 15, 10), heat_color(step / 5))
    draw_word(painter, rect, x + 6 * 16 + Space.XS, f"{most:,.0f}")


def has_legend(chart: Chart) -> bool:
    """Whether colours need words."""
    if chart.kind is ChartKind.HEAT:
        return True
    return chart.kind is not ChartKind.RANKED and bool(
        len(chart.plotted) > 1 or missing_rows(chart)
    )


def missing_rows(chart: Chart) -> list[int]:
    """The rows of which nothing is known, whatever was before."""
    return [row for row, value in enumerate(chart.numbers(chart.plotted[0])) if value is None]


def draw_word(painter: QPainter, rect: QRectF, x: float, word: str) -> float:
    """Draw ``word`` from ``x`` on; returns where the next thing may stand."""
    painter.setPen(worn_palette().color("muted"))
    width = painter.fontMetrics().horizontalAdvance(word)
    place = QRectF(x, rect.top(), width + 2, rect.height())
    painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), word)
    return place.right() + Space.L
