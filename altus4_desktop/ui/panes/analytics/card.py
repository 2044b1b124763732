"""A chart in its frame: the plot or the table of the same rows, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from PySide6.QtCore import QModelIndex, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from altus4_desktop.domain.charts import Chart, ChartKind
from altus4_desktop.services.charts.csv_file import chart_csv
from altus4_desktop.ui.models.records import Column, RecordModel
from altus4_desktop.ui.panes.analytics.frame import ChartTable, PlotCard
from altus4_desktop.ui.panes.analytics.legend import (
    Sample,
    draw_heat_legend,
    draw_legend,
    has_legend,
    samples_of,
)
from altus4_desktop.ui.panes.analytics.plots import Plot
from altus4_desktop.ui.panes.analytics.sparklines import TrendDelegate
from altus4_desktop.ui.panes.analytics.wording import (
    cell_words,
    chart_title,
    column_title,
    others_words,
    row_words,
    shown_columns,
    zone_words,
)
from altus4_desktop.ui.panes.painting import plain_tool_tip, sized
from altus4_desktop.ui.theme import TypeSize
from altus4_desktop.ui.widgets import Label

_HEIGHT = 232
# A table of a row or two still shows them under its head.
_LEAST_HEIGHT, _LEAST_TABLE = 64, 108
_FITTING = ("searches", "latency", "durations", "heat", "metric")
NAMES = {
    "searches": "analytics.searches",
    "latency": "analytics.latency",
    "durations": "analytics.durations",
    "heat": "analytics.heat",
    "modes": "analytics.modes",
    "sources": "analytics.sources",
    "popular": "analytics.popular",
    "zero": "analytics.zero",
    "slowest": "analytics.slowest",
    "users": "analytics.users",
    "keys": "analytics.keys",
}
"""The object name of each card; its parts have ``.plot``, ``.table``, ``.data``, ``.export``,
``.reset``."""
_LEGEND = 20
_TEXTS = ("weekday", "hour")
_WIDTHS = {
    "query": 190,
    "cause": 260,
    "connections": 170,
    "connection": 150,
    "user": 140,
    "email": 190,
    "key": 190,
    "outcome": 108,
    "at": 172,
    "hour": 130,
    "day": 104,
    "week": 104,
    "zero": 116,
    "to_ms": 104,
    "before_p95_ms": 104,
    "trend": 120,
    "lack": 120,
}
_WIDTH = 92


class ChartCard(PlotCard):
    """One chart; ``row_chosen`` carries the chart and a row of it."""

    row_chosen = Signal(object, int)
    plot: Plot
    legend: Legend

    def __init__(self, name: str, *, object_name: str = "", title: str = "") -> None:
        object_name = object_name or NAMES[name]
        plot = Plot(f"{object_name}.plot")
        area = None if name in _FITTING else _scrolling(plot)
        title = title or chart_title(name)
        super().__init__(object_name, title, plot, Legend(), _HEIGHT, area)
        self.name = name
        self._chart: Chart | None = None
        plot.clicked.connect(self._choose)
        self._nothing = self.tr("Nothing of this kind in these days")
        self._empty: Label | None = None

    @property
    def chart(self) -> Chart | None:
        """What is shown."""
        return self._chart

    def show_chart(self, chart: Chart) -> None:
        """Draw it and list it."""
        if chart == self._chart:
            return
        self._chart = chart
        self.plot.show_chart(chart)
        note = ""
        if chart.kind is not ChartKind.RANKED or chart.name == "slowest":
            note = self.tr("in {zone}").format(zone=zone_words(chart.zone))
        if chart.name == "durations":
            note = ""
        if chart.label[0] == "week":
            note = self.tr("by week, {note}").format(note=note)
        if chart.others:
            note = others_words(chart)
        elif chart.left_out:
            note = self.tr("the first {count} of {all}").format(
                count=len(chart.rows), all=f"{len(chart.rows) + chart.left_out:,}"
            )
        self.set_note(note)
        self.legend.show_chart(chart)
        if self._table is not None:
            self._fill_table(self._table, chart)
        self.plot.setAccessibleDescription(self._summary(chart))
        for button in (self.data_button, self.export_button):
            button.setEnabled(not chart.is_empty)
        self._draw()

    def _fit_table(self, table: ChartTable) -> None:
        table.activated.connect(self._choose_index)
        if self._chart is not None:
            self._fill_table(table, self._chart)

    def _fill_table(self, table: ChartTable, chart: Chart) -> None:
        columns = shown_columns(chart)
        before = table.model()
        model = _ChartModel(chart, columns)
        model.setParent(table)
        table.setModel(model)
        if before is not None:
            before.deleteLater()
        header = table.horizontalHeader()
        for place, name in enumerate(columns):
            header.resizeSection(place, _WIDTHS.get(name, _WIDTH))
            if name == "trend":
                table.setItemDelegateForColumn(
                    place, TrendDelegate(chart.values(name), parent=model)
                )
        if chart.rows:
            table.selectRow(0)

    @Slot()
    def _draw(self) -> None:
        chart = self._chart
        if chart is not None and chart.kind is ChartKind.RANKED:
            least = _LEAST_TABLE if self.data_button.isChecked() else _LEAST_HEIGHT
            needed = 0 if chart.is_empty else self.plot.minimumHeight()
            self.pages.setMinimumHeight(min(max(least, needed), _HEIGHT))
        if chart is None or chart.is_empty:
            self.legend.hide()
            self._show_nothing()
            return
        as_table = self.data_button.isChecked()
        self.legend.setVisible(has_legend(chart) and not as_table)
        self.pages.setCurrentWidget(self.table if as_table else self.area)

    def _show_nothing(self) -> None:
        if self._empty is None:
            self._empty = Label(self._nothing, "muted")
            self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
            self.pages.addWidget(self._empty)
        self.pages.setCurrentWidget(self._empty)

    def _summary(self, chart: Chart) -> str:
        """The most of what is plotted, in words."""
        if chart.is_empty:
            return self._nothing
        column = chart.plotted[0]
        numbers = chart.numbers(column)
        most = max(range(len(numbers)), key=lambda row: numbers[row] or 0.0)
        return self.tr("Most: {row}, {value}. The table behind it lists all.").format(
            row=row_words(chart, most), value=cell_words(chart, most, column)
        )

    # Files

    def draw_legend(self, painter: QPainter, rect: QRectF) -> None:
        """What colours and lines mean."""
        if self._chart is not None and has_legend(self._chart):
            self.legend.draw(painter, rect)

    def seen_words(self) -> str:
        """Which rows are seen."""
        rows = self.plot.seen()
        if self._chart is None or self.plot.is_whole or not rows:
            return ""
        return f"{row_words(self._chart, rows[0])} – {row_words(self._chart, rows[-1])}"

    def rows_writer(self) -> Callable[[], bytes] | None:
        """The rows that are seen."""
        if self._chart is None:
            return None
        rows = self.plot.seen()
        part = replace(
            self._chart,
            rows=self._chart.rows[rows.start : rows.stop],
            links=self._chart.links[rows.start : rows.stop],
        )
        return lambda: chart_csv(part).encode()

    @Slot(int)
    def _choose(self, row: int) -> None:
        self.row_chosen.emit(self._chart, row)

    @Slot(QModelIndex)
    def _choose_index(self, index: QModelIndex) -> None:
        if index.isValid():
            self.row_chosen.emit(self._chart, index.row())


def _scrolling(plot: Plot) -> QScrollArea:
    """Where there may be more rows than room."""
    area = QScrollArea()
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(plot)
    return area


class Legend(QWidget):
    """What the colours of a chart mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind: ChartKind | None = None
        self._samples: list[Sample] = []
        self._most = 0.0
        self.setFixedHeight(_LEGEND)

    def show_chart(self, chart: Chart) -> None:
        """Tell of this chart."""
        self._kind = chart.kind
        if chart.kind is ChartKind.HEAT:
            self._most = max((value or 0.0 for value in chart.numbers("searches")), default=0.0)
        else:
            self._samples = samples_of(chart)
        words = [column_title(name) for name in chart.plotted]
        self.setAccessibleName(self.tr("Legend"))
        self.setAccessibleDescription(", ".join(words))
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(200, _LEGEND)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Samples and words."""
        painter = QPainter(self)
        painter.setFont(sized(self.font(), TypeSize.CAPTION))
        self.draw(painter, QRectF(self.rect()))
        painter.end()

    def draw(self, painter: QPainter, rect: QRectF) -> None:
        """Draw it from the left."""
        if self._kind is ChartKind.HEAT:
            draw_heat_legend(painter, rect, self._most)
        elif self._kind is not None:
            draw_legend(painter, rect, self._kind, self._samples)


class _ChartModel(RecordModel[int]):
    """The rows of a chart by their numbers."""

    def __init__(self, chart: Chart, columns: tuple[str, ...]) -> None:
        super().__init__([_column(chart, name) for name in columns])
        self.set_records(range(len(chart.rows)))


def _column(chart: Chart, name: str) -> Column[int]:
    is_number = name not in _TEXTS and not any(
        isinstance(value, str | date) for value in chart.values(name)
    )
    return Column(
        column_title(name),
        lambda row: cell_words(chart, row, name),
        is_number=is_number,
        tool_tip=lambda row: plain_tool_tip(cell_words(chart, row, name)),
    )
