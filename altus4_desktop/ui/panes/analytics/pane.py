"""The analytics pane: charts of what was searched in a period."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from altus4_desktop.domain.charts import Chart
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.figures import Figures, Period
from altus4_desktop.domain.history import HistoryQuery
from altus4_desktop.domain.progress import Progress
from altus4_desktop.services.analytics import today_of
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.collector import let_collector_rest
from altus4_desktop.ui.dialogs import scrolling
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.analytics.grid import CardGrid
from altus4_desktop.ui.panes.analytics.insights import InsightStrip
from altus4_desktop.ui.panes.analytics.metric_board import MetricBoard
from altus4_desktop.ui.panes.analytics.period import PeriodBar
from altus4_desktop.ui.panes.analytics.reading import Board, Wanted, read_board
from altus4_desktop.ui.panes.analytics.tiles import Tiles
from altus4_desktop.ui.panes.analytics.wording import period_words, row_words
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.turns import Turns
from altus4_desktop.ui.widgets import Busy, Button, Card, EmptyState, IconButton, InlineMessage

if TYPE_CHECKING:
    from altus4_desktop.ui.panes.analytics.card import ChartCard
    from altus4_desktop.ui.panes.analytics.frame import PlotCard
    from altus4_desktop.ui.panes.analytics.points_card import PointsCard


_POINTS_AFTER = "heat"
_LOW = 600
_READING_MS = 2000


class AnalyticsPane(Pane):
    """Figures at a glance, then a chart for each question."""

    id = "analytics"
    title = "Analytics"
    icon_name = "trend"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.board: Board | None = None
        self.cards: dict[str, ChartCard] = {}
        self.points: PointsCard | None = None
        self._asked: Period | None = None
        # The days of the tiles and of what comes first.
        self._shown: Period | None = None
        self._reading = LatestTask(session.runner, Lane.TENANTS, self)
        self._reading.updated.connect(self._show_board)
        self._reading.succeeded.connect(self._take_board)
        self._reading.failed.connect(self._take_failure)
        self._reading.progressed.connect(self._show_progress)
        self._memory = PaneMemory(session.services.data_dir, self.id)
        self.periods = PeriodBar()
        self.periods.restore(self._memory)
        self.periods.changed.connect(self._ask)
        self.periods.refused.connect(self._refuse)
        self._build_header()
        self.note = InlineMessage(name="analytics.note")
        self.body.addWidget(self.note)
        self.body.addWidget(self.periods)
        self._build_pages()
        # A card takes some milliseconds to build: others get their turn in between.
        self._filling = QTimer(self)
        self._filling.setInterval(0)
        self._filling.timeout.connect(self._take_step)
        self._steps: list[Callable[[], object]] = []
        self._unplaced: list[tuple[Card, bool]] = []
        # Told to who reads on a worker.
        self._drawn = Event()
        self._redrawing = Turns(self)
        session.theme.changed.connect(self._wear)
        for keys, act in (("F5", self.refresh), ("Escape", self.stop)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def _build_header(self) -> None:
        self.stop_button = Button(self.tr("Stop"), icon_name="stop", name="analytics.stop")
        self.stop_button.clicked.connect(self.stop)
        self.stop_button.hide()
        self.refresh_button = IconButton(
            "refresh", self.tr("Count again (F5)"), name="analytics.refresh"
        )
        self.refresh_button.clicked.connect(self.refresh)
        for part in (self.periods.compare, self.stop_button, self.refresh_button):
            self.header.addWidget(part)

    def _build_pages(self) -> None:
        self.tiles = Tiles()
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, Space.S, 0)
        column.setSpacing(Space.M)
        column.addWidget(self.tiles)
        self.insights = InsightStrip(self.session)
        self.insights.chart_wanted.connect(self._show_card)
        column.addWidget(self.insights)
        self.grid = CardGrid()
        column.addWidget(self.grid)
        self.metrics = MetricBoard(self.session)
        self.metrics.changed.connect(self.activated)
        self.metrics.export_wanted.connect(self._choose_file)
        column.addWidget(self.metrics)
        column.addStretch(1)
        self._content = scrolling(inside)
        self._content.setObjectName("analytics.content")
        self._busy = Busy(self.tr("Reading the figures…"))
        count = Button(self.tr("Count again"), icon_name="refresh", name="analytics.count")
        count.clicked.connect(self.refresh)
        search = Button(
            self.tr("Search something"), "primary", icon_name="search", name="analytics.start"
        )
        search.clicked.connect(self._go_to_search)
        steps = QWidget()
        row = QHBoxLayout(steps)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        for button in (search, count):
            row.addWidget(button)
        self._empty = EmptyState(
            "trend",
            self.tr("No searches in these days"),
            self.tr(
                "Choose a longer period, or search something: it is counted soon after, and charts "
                "tell how often, how fast, and what was not found."
            ),
            action=steps,
        )
        again = Button(self.tr("Try again"), icon_name="refresh", name="analytics.again")
        again.clicked.connect(self.activated)
        self._failed = EmptyState("error", "", action=again)
        self.pages = QStackedWidget()
        for page in (self._busy, self._content, self._empty, self._failed):
            self.pages.addWidget(page)
        self.body.addWidget(self.pages, 1)

    # The pane among panes

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is low, a chart matters more than what is said of all."""
        super().resizeEvent(event)
        self.insights.set_folded(folded=self.height() < _LOW)

    def activated(self) -> None:
        """Read what was counted meanwhile."""
        self._read(counts=False)

    def focus_first(self) -> None:
        """The period."""
        chosen = self.periods.choice.findChild(
            Button, f"analytics.period.{self.periods.choice.key}"
        )
        (chosen or self.refresh_button).setFocus()

    def commands(self) -> list[Command]:
        """What the palette offers."""
        return [
            Command("analytics.refresh", self.tr("Count again"), self.refresh, "refresh", "F5"),
            Command(
                "analytics.stop",
                self.tr("Stop reading the figures"),
                self.stop,
                "stop",
                "Esc",
                self._is_reading,
            ),
            Command("analytics.metric", self.tr("New metric"), self.metrics.ask_new, "plus"),
        ]

    def shut(self) -> None:
        """The pane will be deleted."""
        self._filling.stop()
        self._drawn.set()
        self._reading.drop()
        self.metrics.shut()
        if self.points is not None:
            self.points.drop()
        self.insights.shut()
        super().shut()

    # Reading

    @Slot()
    def refresh(self) -> None:
        """Count what is not counted yet, then read."""
        self._read(counts=True)

    @Slot()
    def stop(self) -> None:
        """Wait no longer; what is shown stays, and says of which days it is."""
        self.insights.stop()
        if not self._reading.running:
            return
        self._reading.drop()
        self._end()
        self.session.announced.emit(self.tr("Stopped"))
        if self.pages.currentWidget() is self._content:
            hint = self._tell_days()
            if not self.periods.problem():
                text = self.tr("Stopped before everything was read.")
                self.note.show_message("warning", text, hint)
        else:
            self._failed.set("stop", self.tr("Stopped"), self.tr("The figures were not read."))
            self.pages.setCurrentWidget(self._failed)

    @Slot()
    def _ask(self) -> None:
        self.periods.keep(self._memory)
        self._read(counts=False)

    def _read(self, *, counts: bool) -> None:
        services, actor = self.session.services, self.session.actor
        period = self.periods.period(today_of(actor))
        if period is None:
            self._refuse(self.periods.problem())
            return
        self.note.clear()
        self.periods.offer(period)
        self._asked = period
        for card in self._all_cards():
            card.set_asked(None)
        wanted = Wanted(period, self.periods.compare.isChecked(), counts)
        self._drawn.set()
        drawn = self._drawn = Event()

        def read(context: TaskContext) -> Board:
            return read_board(services, actor, wanted, context, drawn)

        # What is imported with the first charts stays, and is not to be visited all at once.
        if "pyqtgraph" in sys.modules:
            let_collector_rest(_READING_MS)
        self._reading.start(read)
        self.stop_button.show()
        if self.board is None:
            self.pages.setCurrentWidget(self._busy)

    @Slot(object)
    def _show_progress(self, progress: Progress) -> None:
        self.note.show_message("info", f"{progress.message}…")

    @Slot(object)
    def _take_board(self, board: Board) -> None:
        self._end()
        self._show_board(board)

    @Slot(object)
    def _show_board(self, board: Board) -> None:
        self.board = board
        if not board.figures.counts.searches and not board.metrics:
            self._filling.stop()
            self._drawn.set()
            if board.is_whole:
                self._shown = None
                self.pages.setCurrentWidget(self._empty)
            return
        self._shown = board.figures.period
        self.tiles.show_figures(board.figures, board.so_far, can_compare=board.can_compare)
        self.insights.expect(board.figures.period)
        self.pages.setCurrentWidget(self._content)
        self._steps = []
        if board.is_whole:
            self.metrics.show_metrics(board.metrics)
        for number, chart in enumerate(board.charts):
            self._steps += [
                partial(self._build_card, chart.name),
                partial(self._show_chart, chart, board.figures.period),
            ]
            if chart.name == _POINTS_AFTER and board.is_whole:
                self._steps += [self._build_points, partial(self._want_points, board.figures)]
            # All that are seen are laid out and painted anew for each that comes.
            if number % 2 and not board.is_whole:
                self._steps.append(self._place_cards)
        self._steps.append(self._place_cards)
        if board.is_whole:
            # They count much: only once everything is drawn.
            self._steps.append(self.insights.look)
        self._filling.start()

    @Slot(object)
    def _take_failure(self, error: object) -> None:
        self._end()
        if self.board is not None and not self.board.is_whole:
            self.insights.stop()
        if not isinstance(error, AltusError):
            return
        if self.board is not None and self.pages.currentWidget() is self._content:
            # The charts of other days stay, and it is said that they are not those asked for.
            hint = " ".join(filter(None, (error_hint(error), self._tell_days())))
            self.note.show_message("error", error_message(error), hint)
        else:
            self._failed.set("error", error_message(error), error_hint(error))
            self.pages.setCurrentWidget(self._failed)

    def _end(self) -> None:
        self.stop_button.hide()
        self._refuse(self.periods.problem())

    @Slot(str)
    def _refuse(self, problem: str) -> None:
        """Say why the days that were typed are none; what is shown is of other days."""
        if not problem:
            self.note.clear()
            return
        self.note.show_message("warning", problem, self._shown_words())

    def _shown_words(self) -> str:
        if self._shown is None:
            return ""
        return self.tr("The charts still show {days}.").format(days=period_words(self._shown))

    def _tell_days(self) -> str:
        """Have each chart that is not of the days that were asked for say so; what is to be said of
        all of them."""
        cards = self._all_cards()
        for card in cards:
            card.set_asked(self._asked)
        if self._shown != self._asked:
            return self._shown_words()
        others = {card.period for card in cards} - {None, self._asked}
        if not others:
            return ""
        days = ", ".join(sorted(period_words(period) for period in others if period is not None))
        return self.tr("The other charts still show {days}.").format(days=days)

    def _all_cards(self) -> list[PlotCard]:
        points = [] if self.points is None else [self.points]
        return [*self.cards.values(), *points, *self.metrics.cards.values()]

    def _is_reading(self) -> bool:
        return self._reading.running or self.insights.looking

    # Drawing

    @Slot()
    def _take_step(self) -> None:
        if self._steps:
            self._steps.pop(0)()
        else:
            self._filling.stop()
            self._drawn.set()
            if self.board is not None and self.board.is_whole:
                let_collector_rest(0)

    def _build_card(self, name: str) -> None:
        from altus4_desktop.ui.panes.analytics.card import ChartCard

        if name in self.cards:
            return
        card = ChartCard(name)
        card.row_chosen.connect(self._open_searches)
        card.export_wanted.connect(self._choose_file)
        self.cards[name] = card
        self._unplaced.append((card, False))
        card.setParent(self.grid)

    def _show_chart(self, chart: Chart, period: Period) -> None:
        card = self.cards[chart.name]
        card.show_chart(chart)
        card.set_period(period)

    def _build_points(self) -> None:
        from altus4_desktop.ui.panes.analytics.points_card import PointsCard

        if self.points is None:
            self.points = PointsCard(self.session)
            self.points.link_chosen.connect(self._open_link)
            self.points.export_wanted.connect(self._choose_file)
            self._unplaced.append((self.points, True))
            self.points.setParent(self.grid)

    def _place_cards(self) -> None:
        if self._unplaced:
            self.grid.add_cards(self._unplaced)
            self._unplaced = []

    def _want_points(self, figures: Figures) -> None:
        if self.points is not None:
            self.points.want(figures.period, figures.counts.searches)

    @Slot()
    def _wear(self) -> None:
        redraws = [self.metrics.redraw, *(card.redraw for card in self.cards.values())]
        if self.points is not None:
            redraws.append(self.points.redraw)
        if not self.isVisible():
            self._redrawing.take(redraws)
            return
        for redraw in redraws:
            redraw()

    # Acting

    @Slot()
    def _go_to_search(self) -> None:
        self.session.pane_requested.emit("search", None)

    @Slot(object, int)
    def _open_searches(self, chart: Chart, row: int) -> None:
        """Show the searches that a row stands for."""
        link = chart.links[row]
        if link is None:
            text = self.tr("The history cannot be narrowed down to “{row}”.")
            self.session.announced.emit(text.format(row=row_words(chart, row)))
        else:
            self.session.pane_requested.emit("history", link)

    @Slot(object)
    def _open_link(self, link: HistoryQuery) -> None:
        self.session.pane_requested.emit("history", link)

    @Slot(str)
    def _show_card(self, name: str) -> None:
        """Show the figures of a chart."""
        card = self.cards.get(name)
        if card is not None:
            card.data_button.setChecked(True)
            self._content.ensureWidgetVisible(card)
            card.table.setFocus()

    @Slot(object, str)
    def _choose_file(self, card: PlotCard, suffix: str) -> None:
        if card.rows_writer() is None or card.period is None:
            return
        last = card.period.last.isoformat()
        chosen, _ = QFileDialog.getSaveFileName(
            self,
            self.tr("Export {chart}").format(chart=card.title),
            f"{card.name}-{last}.{suffix}",
            f"{suffix.upper()} (*.{suffix})",
        )
        if chosen:
            self.export_to(card, Path(chosen), suffix)

    def export_to(self, card: PlotCard, path: Path, suffix: str) -> None:
        """Write the chart of ``card`` to ``path``, which ends in ``suffix`` then."""
        from altus4_desktop.ui.panes.analytics.sheet import draw_picture, png_bytes, svg_bytes

        write = card.rows_writer()
        if write is None or card.period is None:
            return
        if path.suffix.lower() != f".{suffix}":
            path = path.with_name(f"{path.name}.{suffix}")
        period = card.seen_words() or period_words(card.period)
        note = ", ".join(filter(None, (period, card.note)))
        if suffix == "png":
            write = partial(png_bytes, draw_picture(card, note))
        elif suffix == "svg":
            write = svg_bytes(card, note).__bytes__
        analytics, actor, name = self.session.services.analytics, self.session.actor, card.name

        def export(_: TaskContext) -> Path:
            analytics.export_chart_(actor, path, name, write())
            return path

        self.submit(Lane.TENANTS, export, self._show_export, failed=self._show_export_failure)

    @Slot(object)
    def _show_export(self, path: Path) -> None:
        self.note.show_message("success", self.tr("The chart is written."), str(path))

    @Slot(object)
    def _show_export_failure(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.note.show_error(error)
