"""The frame of a chart: its title, the plot or the table of the same rows, ways to write it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QPainter
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QStackedWidget, QTableView, QWidget

from altus4_desktop.domain.figures import Period
from altus4_desktop.ui.panes.analytics.moving import MovingPlot
from altus4_desktop.ui.panes.analytics.wording import period_words
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.tables import show_whole_rows
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, IconButton, Label

_ROW_HEIGHT = 28


class ChartTable(QTableView):
    """The rows of a chart; Enter and a double click choose one."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter activates."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)


class PlotCard(Card):
    """A plot in its frame; ``export_wanted`` carries the card and the ending of a file.

    ``pages`` has ``area``, which is or holds the plot, the table and whatever else is added.
    """

    export_wanted = Signal(object, str)

    name: str

    def __init__(
        self,
        name: str,
        title: str,
        plot: MovingPlot,
        legend: QWidget,
        height: int,
        area: QWidget | None = None,
    ) -> None:
        super().__init__(margin=Space.L, spacing=Space.S)
        self.title = title
        self.plot = plot
        self.legend = legend
        self.setObjectName(name)
        self.setAccessibleName(title)
        self._note = ElidedLabel(role="caption")
        self._said = ""
        self._period: Period | None = None
        self._asked: Period | None = None
        self.reset_button = Button(self.tr("Reset view"), "link", name=f"{name}.reset")
        self.reset_button.setAccessibleName(self.tr("Show all of {chart}").format(chart=title))
        self.reset_button.setToolTip(self.tr("Show all (Home, or a double click)"))
        self.reset_button.clicked.connect(self._reset)
        self.reset_button.hide()
        self.data_button = IconButton("table", self.tr("Show as a table"), name=f"{name}.data")
        self.data_button.setCheckable(True)
        self.data_button.setAccessibleName(self.tr("{chart} as a table").format(chart=title))
        self.data_button.toggled.connect(self._draw)
        self.export_button = IconButton("download", self.tr("Export…"), name=f"{name}.export")
        self.export_button.setAccessibleName(self.tr("Export {chart}").format(chart=title))
        self.export_button.clicked.connect(self._open_export)
        self.head = QHBoxLayout()
        self.head.setSpacing(Space.S)
        self.head.addWidget(Label(title, "strong"))
        self.head.addWidget(self._note, 1)
        for button in (self.reset_button, self.data_button, self.export_button):
            self.head.addWidget(button)
        self.body.addLayout(self.head)
        plot.setAccessibleName(title)
        plot.moved.connect(self._follow_view)
        self.body.addWidget(legend)
        self._table: ChartTable | None = None
        self.area = plot if area is None else area
        self.pages = QStackedWidget()
        self.pages.addWidget(self.area)
        # What lies beside it may be higher.
        self.pages.setMinimumHeight(height)
        self.pages.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.body.addWidget(self.pages, 1)

    @property
    def note(self) -> str:
        """What is said of the chart beside its title."""
        return self._said

    @property
    def period(self) -> Period | None:
        """The days of what is shown."""
        return self._period

    @property
    def table(self) -> ChartTable:
        """The rows; made when they are first wanted, as most charts are never read as a table."""
        if self._table is None:
            table = self._table = ChartTable()
            table.setObjectName(f"{self.objectName()}.table")
            table.setAccessibleName(self.data_button.accessibleName())
            show_whole_rows(table, row_height=_ROW_HEIGHT)
            table.horizontalHeader().setSectionsClickable(False)
            table.horizontalHeader().setStretchLastSection(True)
            self.pages.addWidget(table)
            self._fit_table(table)
        return self._table

    def set_note(self, text: str) -> None:
        """Say this beside the title."""
        self._said = text
        self._tell_note()

    def set_period(self, period: Period) -> None:
        """What is shown is of these days."""
        self._period = period
        self._tell_note()

    def set_asked(self, asked: Period | None) -> None:
        """From now on say of which days the chart is when they are not those that were ``asked``
        for; None: others will come soon, say nothing."""
        self._asked = asked
        self._tell_note()

    def _tell_note(self) -> None:
        days, period = "", self._period
        if period is not None and self._asked not in (None, period):
            days = self.tr("still of {days}").format(days=period_words(period))
        self._note.setText(", ".join(filter(None, (days, self._said))))

    def redraw(self) -> None:
        """Wear the colours of now."""
        self.plot.redraw()
        self.legend.update()

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

    def draw_legend(self, painter: QPainter, rect: QRectF) -> None:
        """Draw what colours and marks mean into a picture."""

    def seen_words(self) -> str:
        """Which part is seen, "": all."""
        return ""

    def rows_writer(self) -> Callable[[], bytes] | None:
        """What makes a CSV file of what is seen, None while nothing is; may be called on a
        worker."""
        return None

    def _fit_table(self, table: ChartTable) -> None:
        """Give the table, which is new, its rows."""

    @Slot()
    def _draw(self) -> None:
        """Show the page that is wanted."""

    @Slot()
    def _follow_view(self) -> None:
        had_focus = self.reset_button.hasFocus()
        self.reset_button.setVisible(not self.plot.is_whole)
        if had_focus and self.plot.is_whole:
            self.plot.setFocus()

    @Slot()
    def _reset(self) -> None:
        self.plot.reset_view()

    @Slot()
    def _open_export(self) -> None:
        menu = self.build_export_menu()
        corner = self.export_button.rect().bottomRight()
        menu.popup(self.export_button.mapToGlobal(corner) - QPoint(menu.sizeHint().width(), 0))

    @Slot()
    def _want_export(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.export_wanted.emit(self, str(action.data()))
