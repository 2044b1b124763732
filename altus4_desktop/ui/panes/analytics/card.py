"""A chart in its frame: the plot or the table of the same rows, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QStackedWidget,
    QTableView,
    QWidget,
)

from altus4_desktop.domain.charts import Chart, ChartKind
from altus4_desktop.ui.models.records import Column, RecordModel
from altus4_desktop.ui.panes.analytics.legend import (
    draw_heat_legend,
    draw_legend,
    has_legend,
)
from altus4_desktop.ui.panes.analytics.plots import Plot
from altus4_desktop.ui.panes.analytics.wording import (
    cell_words,
    chart_title,
    column_title,
    row_words,
    shown_columns,
    zone_words,
)
from altus4_desktop.ui.panes.painting import plain_tool_tip, sized
from altus4_desktop.ui.panes.tables import show_whole_rows
from altus4_desktop.ui.theme import Space, TypeSize
from altus4_desktop.ui.widgets import Card, IconButton, Label

_HEIGHT, _LOW_HEIGHT = 232, 132
_LOW = ("modes", "sources", "keys")
_ROW_HEIGHT = 28
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
"""The object name of each card; its parts have ``.plot``, ``.table``, ``.data``, ``.export``."""
_LEGEND = 20
_WIDTHS = {
    "query": 190,
    "cause": 260,
    "connections": 170,
    "connection": 150,
    "user": 140,
    "email": 190,
    "key": 190,
    "at": 172,
    "hour": 130,
    "day": 104,
    "zero": 116,
    "to_ms": 104,
    "before_p95_ms": 104,
    "trend": 120,
}
_WIDTH = 92


class ChartTable(QTableView):
    """The rows of a chart; Enter and a double click choose one."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter activates."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)


class ChartCard(Card):
    """One chart; ``row_chosen`` carries the chart and a row of it, ``export_wanted`` the card and
    the ending of a file."""

    row_chosen = Signal(object, int)
    export_wanted = Signal(object, str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.L, spacing=Space.S, parent=parent)
        self.name = name
        self.title = chart_title(name)
        self.setObjectName(NAMES[name])
        self.setAccessibleName(self.title)
        self._chart: Chart | None = None
        self._note = Label(role="caption")
        self._note.setMinimumWidth(1)
        self.data_button = IconButton(
            "table", self.tr("Show as a table"), name=f"{NAMES[name]}.data"
        )
        self.data_button.setCheckable(True)
        self.data_button.setAccessibleName(self.tr("{chart} as a table").format(chart=self.title))
        self.data_button.toggled.connect(self._draw)
        self.export_button = IconButton(
            "download", self.tr("Export…"), name=f"{NAMES[name]}.export"
        )
        self.export_button.setAccessibleName(self.tr("Export {chart}").format(chart=self.title))
        self.export_button.clicked.connect(self._open_export)
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        head.addWidget(Label(self.title, "strong"))
        head.addWidget(self._note, 1)
        head.addWidget(self.data_button)
        head.addWidget(self.export_button)
        self.body.addLayout(head)
        self.plot = Plot(f"{NAMES[name]}.plot")
        self.plot.setAccessibleName(self.title)
        self.plot.clicked.connect(self._choose)
        self._legend = Legend()
        self.body.addWidget(self._legend)
        self.table = ChartTable()
        self.table.setObjectName(f"{NAMES[name]}.table")
        self.table.setAccessibleName(self.data_button.accessibleName())
        show_whole_rows(self.table, row_height=_ROW_HEIGHT)
        self.table.horizontalHeader().setSectionsClickable(False)
        self.table.activated.connect(self._choose_index)
        self._area = QScrollArea()
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(self.plot)
        self._nothing = Label(self.tr("Nothing of this kind in these days"), "muted")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pages = QStackedWidget()
        for page in (self._area, self.table, self._nothing):
            self.pages.addWidget(page)
        self.pages.setFixedHeight(_LOW_HEIGHT if name in _LOW else _HEIGHT)
        self.body.addWidget(self.pages)
        self.body.addStretch(1)

    @property
    def chart(self) -> Chart | None:
        """What is shown."""
        return self._chart

    @property
    def note(self) -> str:
        """What is said beside the title."""
        return self._note.text()

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
        if chart.left_out:
            note = self.tr("the first {count} of {all}").format(
                count=len(chart.rows), all=f"{len(chart.rows) + chart.left_out:,}"
            )
        self._note.setText(note)
        self._legend.show_chart(chart)
        self._fill_table(chart)
        self.plot.setAccessibleDescription(self._summary(chart))
        for button in (self.data_button, self.export_button):
            button.setEnabled(not chart.is_empty)
        self._draw()

    def redraw(self) -> None:
        """Wear the colours of now."""
        self.plot.redraw()
        self._legend.update()

    def _fill_table(self, chart: Chart) -> None:
        columns = shown_columns(chart)
        before = self.table.model()
        model = _ChartModel(chart, columns)
        model.setParent(self.table)
        self.table.setModel(model)
        if before is not None:
            before.deleteLater()
        header = self.table.horizontalHeader()
        header.setStretchLastSection(True)
        for place, name in enumerate(columns):
            header.resizeSection(place, _WIDTHS.get(name, _WIDTH))
        if chart.rows:
            self.table.selectRow(0)

    @Slot()
    def _draw(self) -> None:
        chart = self._chart
        if chart is None or chart.is_empty:
            self._legend.hide()
            self.pages.setCurrentWidget(self._nothing)
            return
        as_table = self.data_button.isChecked()
        self._legend.setVisible(has_legend(chart) and not as_table)
        self.pages.setCurrentWidget(self.table if as_table else self._area)

    def _summary(self, chart: Chart) -> str:
        """The most of what is plotted, in words."""
        if chart.is_empty:
            return self._nothing.text()
        column = chart.plotted[0]
        numbers = chart.numbers(column)
        most = max(range(len(numbers)), key=lambda row: numbers[row] or 0.0)
        return self.tr("Most: {row}, {value}. The table behind it lists all.").format(
            row=row_words(chart, most), value=cell_words(chart, most, column)
        )

    @Slot(int)
    def _choose(self, row: int) -> None:
        self.row_chosen.emit(self._chart, row)

    @Slot(QModelIndex)
    def _choose_index(self, index: QModelIndex) -> None:
        if index.isValid():
            self.row_chosen.emit(self._chart, index.row())

    @Slot()
    def _open_export(self) -> None:
        menu = self.build_export_menu()
        corner = self.export_button.rect().bottomRight()
        menu.popup(self.export_button.mapToGlobal(corner) - QPoint(menu.sizeHint().width(), 0))

    def build_export_menu(self) -> QMenu:
        """What the chart can be written as."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setAccessibleName(self.export_button.accessibleName())
        for suffix, text in (
            ("png", self.tr("Picture (PNG)…")),
            ("svg", self.tr("Drawing (SVG)…")),
            ("csv", self.tr("Table (CSV)…")),
        ):
            action = QAction(text, menu)
            action.setData(suffix)
            action.triggered.connect(self._want_export)
            menu.addAction(action)
        return menu

    @Slot()
    def _want_export(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.export_wanted.emit(self, str(action.data()))


class Legend(QWidget):
    """What the colours of a chart mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chart: Chart | None = None
        self.setFixedHeight(_LEGEND)

    def show_chart(self, chart: Chart) -> None:
        """Tell of this chart."""
        self._chart = chart
        words = [column_title(name) for name in chart.plotted]
        self.setAccessibleName(self.tr("Legend"))
        self.setAccessibleDescription(", ".join(words))
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(200, _LEGEND)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Samples and words."""
        if self._chart is None:
            return
        painter = QPainter(self)
        painter.setFont(sized(self.font(), TypeSize.CAPTION))
        draw = draw_heat_legend if self._chart.kind is ChartKind.HEAT else draw_legend
        draw(painter, QRectF(self.rect()), self._chart)
        painter.end()


class _ChartModel(RecordModel[int]):
    """The rows of a chart by their numbers."""

    def __init__(self, chart: Chart, columns: tuple[str, ...]) -> None:
        super().__init__([_column(chart, name) for name in columns])
        self.set_records(range(len(chart.rows)))


def _column(chart: Chart, name: str) -> Column[int]:
    is_number = any(isinstance(value, int | float) for value in chart.values(name))
    is_number = is_number and name not in ("weekday", "hour")
    return Column(
        column_title(name),
        lambda row: cell_words(chart, row, name),
        is_number=is_number,
        tool_tip=lambda row: plain_tool_tip(cell_words(chart, row, name)),
    )
