"""Charts as they are drawn, from the rows that their tables and files have too.

Importing this imports pyqtgraph, which takes a while.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QToolTip, QWidget

from altus4_desktop.domain.charts import Chart, ChartKind
from altus4_desktop.ui.panes.analytics.axes import LabelAxis, ValueAxis, scaled, unscaled
from altus4_desktop.ui.panes.analytics.colours import before_color, heat_color, series_color
from altus4_desktop.ui.panes.analytics.legend import (
    THRESHOLD,
    dash_of,
    is_before,
    is_over,
    missing_rows,
)
from altus4_desktop.ui.panes.analytics.moving import GRID, MovingPlot, Reach
from altus4_desktop.ui.panes.analytics.sparklines import WIDTH, counts_of, draw_sparkline
from altus4_desktop.ui.panes.analytics.wording import (
    axis_words,
    cell_words,
    chapter_words,
    has_failed,
    hover_words,
    is_part,
    weekday_words,
)
from altus4_desktop.ui.panes.painting import plain_tool_tip, sized
from altus4_desktop.ui.theme import Space, TypeSize, worn_palette

_BAR = 0.7
_MOST_WORDS = 0.76
_ROW = 26
_LEAST_LABEL, _MOST_LABEL = 90, 230
_AXIS_WIDTH = 52
_MARKED_ROWS = 100
_SYMBOLS = ("o", "s", "t")
_OVER_TIME = ("day", "hour", "week")
_LEAST_ROWS = 4.0
_FEW_BARS = 6
_PALE, _PALER = 70, 170
_MIDDLE = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine


class Plot(MovingPlot):
    """The rows of a chart; hovering tells of a row, ``clicked`` carries the row."""

    clicked = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        self._chart: Chart | None = None
        self._items: dict[str, Any] = {}
        self._words: list[str] = []
        self._labels = LabelAxis("bottom")
        self._names = LabelAxis("left")
        self._values = ValueAxis("left")
        super().__init__(name, self._labels, self._values, parent)
        self._ends = _EndWords(self.box)
        self.pressed.connect(self._choose)

    @property
    def chart(self) -> Chart | None:
        """What is shown."""
        return self._chart

    def show_chart(self, chart: Chart) -> None:
        """Draw its rows."""
        self._chart = chart
        self.redraw()

    def redraw(self) -> None:
        """Draw again, in the colours of now."""
        chart = self._chart
        if chart is None:
            return
        self.empty()
        self._items = {}
        self._ends.set_words([])
        self.setBackground(worn_palette().color("surface"))
        is_ranked = chart.kind is ChartKind.RANKED
        on_left = is_ranked or chart.kind is ChartKind.HEAT
        wanted = self._names if on_left else self._values
        self.set_left(wanted)
        if is_ranked:
            self._labels.hide()
        else:
            self._labels.show()
        self.box.invertY(on_left)
        for axis in (self._labels, wanted):
            self.dress_axis(axis)
        self._values.is_duration = chart.kind is ChartKind.LINES
        self._values.setWidth(_AXIS_WIDTH)
        if chart.kind is ChartKind.HEAT:
            self._draw_heat(chart)
        elif is_ranked:
            self._draw_ranked(chart)
        else:
            self._draw_over_rows(chart)
        self._let_move(chart)

    def seen(self) -> range:
        """The rows that are seen."""
        count = len(self._chart.rows) if self._chart is not None else 0
        if self.reach is None:
            return range(count)
        first, last = math.ceil(self.reach.first - 0.5), math.floor(self.reach.last + 0.5)
        return range(max(0, first), min(count, last + 1))

    def plotted(self) -> dict[str, tuple[float | None, ...]]:
        """What stands in the plot, read back from it: a value for each row of each column."""
        chart = self._chart
        if chart is None:
            return {}
        found: dict[str, tuple[float | None, ...]] = {}
        for column in chart.plotted:
            values: list[float | None] = [None] * len(chart.rows)
            item = self._items.get(column)
            if isinstance(item, pg.BarGraphItem):
                for row, value in zip(item.rows, item.told, strict=True):
                    values[row] = float(value)
            elif item is not None:
                xs, ys = item.getOriginalDataset()
                for row, value in () if xs is None else zip(xs, ys, strict=True):
                    if not math.isnan(value):
                        is_log = chart.kind is ChartKind.LINES
                        values[round(row)] = unscaled(value) if is_log else float(value)
            found[column] = tuple(values)
        return found

    # Drawing

    def _draw_over_rows(self, chart: Chart) -> None:
        count = len(chart.rows)
        words = [axis_words(chart, row) for row in range(count)]
        self._labels.set_labels(words, chapters=chapter_words(chart))
        columns = {name: chart.numbers(name) for name in chart.plotted}
        scale = scaled if chart.kind is ChartKind.LINES else float
        top = max((scale(v) for values in columns.values() for v in values if v), default=1.0)
        top *= 1.08
        missing = missing_rows(chart)
        if missing:
            pattern = QBrush(worn_palette().color("border_strong"), Qt.BrushStyle.BDiagPattern)
            self.put(
                pg.BarGraphItem(
                    x=missing, height=[top] * len(missing), width=1.0, brush=pattern, pen=_no_pen()
                )
            )
        for place, (name, values) in enumerate(columns.items()):
            if chart.kind is ChartKind.BARS and not is_over(name):
                self._items[name] = self._add_bars(chart, values, series_color(place))
            else:
                self._items[name] = self._add_line(name, [*values], place, scale)
        grid = QColor(worn_palette().color("border"))
        self._values.setPen(grid)
        self._values.setGrid(GRID)
        self.box.setRange(yRange=(0, top), padding=0, disableAutoRange=True)

    def _let_move(self, chart: Chart) -> None:
        """One can move along days and hours, of which there may be many."""
        # A bar alone is not to fill the plot.
        spare = max(0, _FEW_BARS - len(chart.rows)) / 2
        whole = (-0.6 - spare, max(len(chart.rows), 1) - 0.4 + spare)
        if chart.label[0] in _OVER_TIME:
            self.set_reach(Reach(*whole, _LEAST_ROWS))
            return
        self.set_reach(None)
        if chart.kind in (ChartKind.BARS, ChartKind.LINES):
            self.box.setRange(xRange=whole, padding=0, disableAutoRange=True)

    def _add_bars(self, chart: Chart, values: Sequence[float | None], color: QColor) -> _Bars:
        pale = _faded(color)
        rows = [row for row, value in enumerate(values) if value is not None]
        bars = _Bars(
            rows,
            [values[row] or 0.0 for row in rows],
            x=rows,
            height=[values[row] or 0.0 for row in rows],
            width=_BAR,
            # Part of a week is an outline: it is not less than the others for being lower.
            brushes=[pale if is_part(chart, row) else color for row in rows],
            # A bar of no height is a line on the ground: nothing was searched, and that is known.
            pen=pg.mkPen(color, width=1),
        )
        self.put(bars)
        return bars

    def _add_line(self, name: str, values: list[float | None], place: int, scale: Any) -> Any:
        color = before_color() if is_before(name) else series_color(place)
        dash = dash_of(name, place)
        # What one in a hundred searches takes jumps about, and would hide what most of them take.
        is_rare, line = name == "p99_ms", QColor(color)
        if is_rare:
            line.setAlpha(_PALER)
        marks: dict[str, Any] = {}
        # Between gaps a single value would be no line.
        if len(values) <= _MARKED_ROWS and name != THRESHOLD:
            marks = {
                "symbol": "d" if is_before(name) else _SYMBOLS[place % len(_SYMBOLS)],
                "symbolSize": 5,
                "symbolBrush": color,
                "symbolPen": color,
            }
        points = [
            (float(row), math.nan if value is None else scale(value))
            for row, value in enumerate(values)
        ]
        if all(math.isnan(y) for _, y in points):
            points = []
        item = pg.PlotDataItem(
            [x for x, _ in points],
            [y for _, y in points],
            pen=QPen(pg.mkPen(line, width=1.0 if is_rare else 1.75, style=dash)),
            connect="finite",
            **marks,
        )
        self.put(item)
        return item

    def _draw_ranked(self, chart: Chart) -> None:
        column, count = chart.plotted[0], len(chart.rows)
        self._names.set_labels([axis_words(chart, row) for row in range(count)])
        values = chart.numbers(column)
        rows = [row for row, value in enumerate(values) if value is not None]
        told = [values[row] or 0.0 for row in rows]
        color = series_color(0)
        bars = _Bars(
            rows,
            told,
            x0=0,
            y=rows,
            width=told,
            height=_BAR,
            brushes=[_faded(color) if has_failed(chart, row) else color for row in rows],
            pen=pg.mkPen(color, width=1),
        )
        self.put(bars)
        self._items[column] = bars
        self._words = [_value_words(chart, row) for row in rows]
        self.setFixedHeight(max(count, 1) * _ROW + Space.S)
        self._fit_ranked()

    def _fit_ranked(self) -> None:
        chart = self._chart
        if chart is None or chart.kind is not ChartKind.RANKED:
            return
        label = min(max(self.width() * 0.38, _LEAST_LABEL), _MOST_LABEL)
        self._names.setWidth(round(label))
        self._names.room = label - Space.M
        top = max((value or 0.0 for value in chart.numbers(chart.plotted[0])), default=0.0) or 1.0
        # The words at the end of the longest bar stay inside.
        room = max(60.0, self.width() - label - Space.S)
        metrics = QFontMetricsF(sized(self.font(), TypeSize.CAPTION))
        trends = chart.values("trend") if "trend" in chart.columns else ()
        lines = WIDTH + Space.M if trends else 0
        most, widest = room * _MOST_WORDS - lines, 0.0
        bars, ends = self._items[chart.plotted[0]], []
        for row, value, words in zip(bars.rows, bars.told, self._words, strict=True):
            shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, most)
            widest = max(widest, metrics.horizontalAdvance(shown))
            ends.append((row, value, shown))
        self._ends.set_words(ends, [counts_of(trend) for trend in trends])
        share = 1 - (min(widest, most) + lines + Space.XL) / (room + Space.XL)
        self.box.setRange(
            xRange=(0, top / share),
            yRange=(-0.5, max(len(chart.rows), 1) - 0.5),
            padding=0,
            disableAutoRange=True,
        )

    def _draw_heat(self, chart: Chart) -> None:
        values = chart.numbers("searches")
        most = max((value or 0.0 for value in values), default=0.0) or 1.0
        rows = [row for row, value in enumerate(values) if value is not None]
        told = [values[row] or 0.0 for row in rows]
        bars = _Bars(
            rows,
            told,
            x0=[row % 24 + 0.04 for row in rows],
            y0=[row // 24 + 0.06 for row in rows],
            width=0.92,
            height=[0.88] * len(rows),
            brushes=[heat_color(value / most) for value in told],
            pen=_no_pen(),
        )
        self.put(bars)
        self._items["searches"] = bars
        missing = missing_rows(chart)
        if missing:
            pattern = QBrush(worn_palette().color("border_strong"), Qt.BrushStyle.BDiagPattern)
            self.put(
                pg.BarGraphItem(
                    x0=[row % 24 for row in missing],
                    y0=[row // 24 + 0.06 for row in missing],
                    width=1.0,
                    height=[0.88] * len(missing),
                    brush=pattern,
                    pen=_no_pen(),
                )
            )
        self._names.set_labels([weekday_words(day + 1) for day in range(7)], offset=0.5)
        self._names.setWidth(_AXIS_WIDTH)
        self._names.room = _AXIS_WIDTH
        self._labels.set_labels([f"{hour:02}" for hour in range(24)], offset=0.5)
        self.box.setRange(xRange=(0, 24), yRange=(0, 7), padding=0, disableAutoRange=True)

    # Pointing

    def row_at(self, at: QPointF) -> int | None:
        """The row drawn at a place of the widget."""
        chart = self._chart
        if chart is None:
            return None
        is_ranked = chart.kind is ChartKind.RANKED
        if not is_ranked and not self.is_inside(at):
            return None
        place = self.place_at(at)
        if chart.kind is ChartKind.HEAT:
            row = math.floor(place.y()) * 24 + math.floor(place.x())
        else:
            row = round(place.y() if is_ranked else place.x())
        return row if 0 <= row < len(chart.rows) else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell of the row under the pointer."""
        super().mouseMoveEvent(event)
        if self.is_dragging:
            QToolTip.hideText()
            return
        row = self.row_at(event.position())
        if row is None or self._chart is None:
            QToolTip.hideText()
            self.unsetCursor()
            return
        can_open = self._chart.links[row] is not None
        shape = Qt.CursorShape.PointingHandCursor if can_open else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)
        words = plain_tool_tip(hover_words(self._chart, row))
        QToolTip.showText(event.globalPosition().toPoint(), words, self)

    @Slot(QPointF)
    def _choose(self, at: QPointF) -> None:
        row = self.row_at(at)
        if row is not None:
            self.clicked.emit(row)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Names of rows take their share."""
        super().resizeEvent(event)
        self._fit_ranked()


class _Bars(pg.BarGraphItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Bars that know which rows they stand for."""

    def __init__(self, rows: list[int], told: list[float], **opts: Any) -> None:
        self.rows = rows
        self.told = told
        super().__init__(**opts)


class _EndWords(pg.GraphicsObject):  # type: ignore[misc]  # pyqtgraph ships no types
    """Words at the ends of bars, and lines at the right edge. One item paints them all: an item for
    each takes long to make."""

    def __init__(self, box: pg.ViewBox) -> None:
        super().__init__()
        self._box = box
        self._words: list[tuple[int, float, str]] = []
        self._trends: Sequence[Sequence[int | None]] = ()
        self.setParentItem(box)
        self.setZValue(1)
        box.sigResized.connect(self._resize)

    def set_words(
        self, words: list[tuple[int, float, str]], trends: Sequence[Sequence[int | None]] = ()
    ) -> None:
        """Rows, the values they end with, and the words; how each row went on, if that is known."""
        self._words = words
        self._trends = trends
        self.setVisible(bool(words))
        self.update()

    def boundingRect(self) -> QRectF:
        """The whole view."""
        return QRectF(0, 0, self._box.width(), self._box.height())

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """What of them is in sight."""
        rect = self.boundingRect()
        (left, right), (top, bottom) = self._box.viewRange()
        across, down = rect.width() / (right - left), rect.height() / (bottom - top)
        painter.setFont(sized(painter.font(), TypeSize.CAPTION))
        painter.setPen(worn_palette().color("text"))
        for row, value, words in self._words:
            x = (value - left) * across + Space.XS
            place = QRectF(x, (row - 0.5 - top) * down, rect.width() - x, down)
            painter.drawText(place, int(_MIDDLE), words)
        for row, counts in enumerate(self._trends):
            place = QRectF(rect.width() - WIDTH, (row - 0.5 - top) * down, WIDTH, down)
            draw_sparkline(painter, place, counts)

    @Slot()
    def _resize(self) -> None:
        self.prepareGeometryChange()
        self.update()


def _value_words(chart: Chart, row: int) -> str:
    column = chart.plotted[0]
    words = [cell_words(chart, row, column)]
    if "share_percent" in chart.columns:
        words.append(cell_words(chart, row, "share_percent"))
    if "cause" in chart.columns:
        words.append(cell_words(chart, row, "cause"))
    if has_failed(chart, row):
        words.append(cell_words(chart, row, "outcome"))
    if "before" in chart.columns:
        before, now = chart.number(row, "before"), chart.number(row, column)
        is_sure = not any(chart.is_least(row, name) for name in ("before", column))
        if is_sure and before is not None and now is not None:
            if now > before:
                words.append(f"▲ {now - before:,.0f}")
            elif now < before and not chart.goes_on:
                words.append(f"▼ {before - now:,.0f}")
    return "  ".join(filter(None, words))


def _faded(color: QColor) -> QColor:
    pale = QColor(color)
    pale.setAlpha(_PALE)
    return pale


def _no_pen() -> QPen:
    return QPen(Qt.PenStyle.NoPen)
