"""The card of single searches: read when it comes into sight, drawn while it is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPointF,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.local_days import find_zone
from altus4_desktop.domain.search_points import (
    MOST_POINTS,
    PointOutcome,
    SearchPoint,
    point_link,
)
from altus4_desktop.services.search_points import point_bounds, points_csv
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.models.records import AnyIndex
from altus4_desktop.ui.panes.analytics.cloud import Cloud
from altus4_desktop.ui.panes.analytics.frame import ChartTable, PlotCard
from altus4_desktop.ui.panes.analytics.legend import draw_word
from altus4_desktop.ui.panes.analytics.points_plot import PointsPlot, draw_mark
from altus4_desktop.ui.panes.analytics.wording import (
    chart_title,
    column_title,
    instant_words,
    outcome_words,
    zone_words,
)
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.painting import sized
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space, TypeSize, worn_palette
from altus4_desktop.ui.times import duration
from altus4_desktop.ui.widgets import Busy, Button, EmptyState, Label

_HEIGHT = 320
_LEGEND = 20
_COLUMNS = ("at", "ms", "outcome")
_WIDTHS = (172, 110, 140)


class PointsCard(PlotCard):
    """Every single search of a period; ``link_chosen`` carries the past searches that a point
    stands for."""

    name = "points"
    link_chosen = Signal(object)
    plot: PointsPlot
    legend: PointsLegend

    def __init__(self, session: Session) -> None:
        name = "analytics.points"
        plot = PointsPlot(f"{name}.plot")
        super().__init__(name, chart_title("points"), plot, PointsLegend(), _HEIGHT)
        self._session = session
        self._wanted_period: Period | None = None
        self._wanted: tuple[Period, int] | None = None
        self._is_due = False
        self._zone = "UTC"
        self._bounds = (0, 0)
        self._reading = LatestTask(session.runner, Lane.TENANTS, self)
        self._reading.updated.connect(self._show_part)
        self._reading.succeeded.connect(self._show_all)
        self._reading.failed.connect(self._show_failure)
        self._looking = QTimer(self)
        self._looking.setSingleShot(True)
        self._looking.setInterval(0)
        self._looking.timeout.connect(self._read_if_seen)
        plot.chosen.connect(self._choose)
        self.model = PointsModel(self)
        self._busy = Busy(self.tr("Reading the searches…"))
        self._nothing = Label(self.tr("No searches in these days"), "muted")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        again = Button(self.tr("Try again"), icon_name="refresh", name="analytics.points.again")
        again.clicked.connect(self.read)
        self._failed = EmptyState("error", "", action=again)
        for page in (self._busy, self._nothing, self._failed):
            self.pages.addWidget(page)
        self.pages.setCurrentWidget(self._busy)
        self._allow(are_there=False)

    @property
    def is_reading(self) -> bool:
        """Whether searches are being read."""
        return self._reading.running

    def want(self, period: Period, searches: int) -> None:
        """Read the searches of these days, which are so many, as soon as the card is seen; not
        anew when that is what is shown."""
        if (period, searches) == self._wanted:
            return
        self._wanted = (period, searches)
        self._wanted_period = period
        self._is_due = True
        self._reading.drop()
        self.update()

    def drop(self) -> None:
        """Read nothing more."""
        self._reading.drop()

    def paintEvent(self, event: QPaintEvent) -> None:
        """It is seen."""
        super().paintEvent(event)
        if self._is_due:
            # A card that is new is painted once before it has its place.
            self._looking.start()

    @Slot()
    def _read_if_seen(self) -> None:
        if self._is_due and not self.visibleRegion().isEmpty():
            self.read()

    @Slot()
    def read(self) -> None:
        """Read anew."""
        self._is_due = False
        period = self._wanted_period
        if period is None:
            return
        service, actor = self._session.services.search_points, self._session.actor
        self._zone = actor.timezone or "UTC"
        self._bounds = point_bounds(actor, period)

        def read(context: TaskContext) -> Cloud:
            found = service.points_(
                actor,
                period,
                token=context.token,
                on_part=lambda points: context.update(Cloud(points)),
            )
            return Cloud(found)

        self._reading.start(read)
        self.set_note(self.tr("Reading the searches…"))
        if self.plot.cloud is None:
            self.pages.setCurrentWidget(self._busy)

    @Slot(object)
    def _show_part(self, cloud: Cloud) -> None:
        self._show(cloud, self._bounds[0])
        self.set_note(self.tr("the newest {count}, reading on…").format(count=f"{len(cloud):,}"))

    @Slot(object)
    def _show_all(self, cloud: Cloud) -> None:
        # Of what was before the first one that was read nothing is known.
        has_more = cloud.points.has_more
        self._show(cloud, cloud.first_s if has_more else self._bounds[0])
        note = self.tr("in {zone}").format(zone=zone_words(self._zone))
        if has_more:
            note = self.tr("the newest {count}, in {zone}").format(
                count=f"{MOST_POINTS:,}", zone=zone_words(self._zone)
            )
        self.set_note(note)

    @Slot(object)
    def _show_failure(self, error: object) -> None:
        if not isinstance(error, AltusError):
            return
        self.set_note("")
        if self._wanted_period is not None:
            self.set_period(self._wanted_period)
        self._wanted = None
        self.plot.cloud = None
        self._allow(are_there=False)
        self._failed.set("error", error_message(error), error_hint(error))
        self.pages.setCurrentWidget(self._failed)

    def _show(self, cloud: Cloud, begins_s: int) -> None:
        if self._wanted_period is not None:
            self.set_period(self._wanted_period)
        self.plot.show_cloud(cloud, self._zone, begins_s, self._bounds[1])
        self.legend.show_counts(cloud.counts())
        self.plot.setAccessibleDescription(self._summary(cloud))
        self._allow(are_there=len(cloud) > 0)
        self._draw()

    def _summary(self, cloud: Cloud) -> str:
        counts = ", ".join(
            f"{outcome_words(outcome)}: {count:,}"
            for outcome, count in cloud.counts().items()
            if count
        )
        return self.tr(
            "{counts}. Arrows move, + and - show less and more, Home shows all. The table behind"
            " it lists what is seen."
        ).format(counts=counts)

    def _allow(self, *, are_there: bool) -> None:
        for button in (self.data_button, self.export_button):
            button.setEnabled(are_there)

    @Slot()
    def _draw(self) -> None:
        cloud = self.plot.cloud
        if cloud is None:
            return
        as_table = self.data_button.isChecked()
        self.legend.setVisible(len(cloud) > 0 and not as_table)
        if not len(cloud):
            self.pages.setCurrentWidget(self._nothing)
        elif as_table:
            self._fill_table()
            self.pages.setCurrentWidget(self.table)
        else:
            self.pages.setCurrentWidget(self.area)

    @Slot()
    def _follow_view(self) -> None:
        super()._follow_view()
        if self.data_button.isChecked():
            self._fill_table()

    def _fit_table(self, table: ChartTable) -> None:
        table.setModel(self.model)
        for column, width in enumerate(_WIDTHS):
            table.horizontalHeader().resizeSection(column, width)
        table.activated.connect(self._choose_index)

    def _fill_table(self) -> None:
        cloud = self.plot.cloud
        if cloud is not None:
            self.model.show_points(cloud, *self.plot.seen(), self._zone)
            self.table.selectRow(0)

    @Slot(int)
    def _choose(self, place: int) -> None:
        if self.plot.cloud is not None:
            self.link_chosen.emit(point_link(self.plot.cloud.points[place]))

    @Slot(QModelIndex)
    def _choose_index(self, index: QModelIndex) -> None:
        if index.isValid():
            self.link_chosen.emit(point_link(self.model.point_at(index.row())))

    # Files

    def draw_legend(self, painter: QPainter, rect: QRectF) -> None:
        """What the marks mean."""
        self.legend.draw(painter, rect)

    def seen_words(self) -> str:
        """Which part is seen."""
        reach = self.plot.reach
        if reach is None or reach.is_whole:
            return ""
        place = find_zone(self._zone)
        first, last = (
            datetime.fromtimestamp(at, place).strftime("%Y-%m-%d %H:%M:%S")
            for at in (reach.first, reach.last)
        )
        return f"{first} – {last}"

    def rows_writer(self) -> Callable[[], bytes] | None:
        """What makes a file of the points that are seen; for a worker, as they may be many."""
        cloud = self.plot.cloud
        if cloud is None:
            return None
        points, zone, (first, end) = cloud.points, self._zone, self.plot.seen()
        return lambda: points_csv(points, zone, first, end).encode()


class PointsModel(QAbstractTableModel):
    """Points, the newest first; a cell is made when it is looked at."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cloud: Cloud | None = None
        self._first = self._end = 0
        self._zone = "UTC"

    def show_points(self, cloud: Cloud, first: int, end: int, zone: str) -> None:
        """Show those at the places ``first`` to before ``end``."""
        self.beginResetModel()
        self._cloud, self._first, self._end, self._zone = cloud, first, end, zone
        self.endResetModel()

    def point_at(self, row: int) -> SearchPoint:
        """The point in a row."""
        assert self._cloud is not None  # noqa: S101 - there are rows
        return self._cloud.points[self._end - 1 - row]

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        """One row a point."""
        return 0 if parent is not None and parent.isValid() else self._end - self._first

    def columnCount(self, parent: AnyIndex | None = None) -> int:
        """When, how long, how."""
        return 0 if parent is not None and parent.isValid() else len(_WIDTHS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """The columns' titles."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._side(section)
        if role == Qt.ItemDataRole.DisplayRole:
            return column_title(_COLUMNS[section])
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Text, and what a screen reader says."""
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._side(index.column())
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        point = self.point_at(index.row())
        words = (
            instant_words(point.at_s, self._zone),
            duration(point.ms),
            outcome_words(point.outcome),
        )[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return words
        return f"{column_title(_COLUMNS[index.column()])}: {words}"

    def _side(self, column: int) -> int:
        side = Qt.AlignmentFlag.AlignRight if column == 1 else Qt.AlignmentFlag.AlignLeft
        return int(Qt.AlignmentFlag.AlignVCenter | side)


class PointsLegend(QWidget):
    """What the marks mean, and how many there are of each."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: dict[PointOutcome, int] = {}
        self.setFixedHeight(_LEGEND)
        self.setAccessibleName(self.tr("Legend"))
        self._hint = self.tr("Drag or arrows: move. Ctrl + wheel, + and −: nearer, farther.")

    def show_counts(self, counts: dict[PointOutcome, int]) -> None:
        """Tell of these."""
        self._counts = counts
        self.setAccessibleDescription(
            ", ".join(f"{outcome_words(each)}: {count:,}" for each, count in counts.items())
        )
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(200, _LEGEND)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Marks, words, and how one moves."""
        painter = QPainter(self)
        painter.setFont(sized(self.font(), TypeSize.CAPTION))
        rect = QRectF(self.rect())
        end = self.draw(painter, rect)
        if end + painter.fontMetrics().horizontalAdvance(self._hint) < rect.right():
            painter.setPen(worn_palette().color("muted"))
            sides = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(rect, int(sides), self._hint)
        painter.end()

    def draw(self, painter: QPainter, rect: QRectF) -> float:
        """Draw it from the left; returns where it ends."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x, middle = rect.left(), rect.center().y()
        for outcome, count in self._counts.items():
            if not count:
                continue
            draw_mark(painter, outcome, [QPointF(x + 6, middle)])
            x = draw_word(painter, rect, x + 16, f"{outcome_words(outcome)} {count:,}")
        return x + Space.M
