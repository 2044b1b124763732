"""Filters of one view: what is chosen, the chips, the panel, and the search that follows."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.filtering import ColumnOrder
from altus4_desktop.domain.searching import SourceRef
from altus4_desktop.ui.pane import Command
from altus4_desktop.ui.panes.search.controller import SearchController, SearchState
from altus4_desktop.ui.panes.search.facets import FacetPanel
from altus4_desktop.ui.panes.search.filter_dialog import FilterDialog
from altus4_desktop.ui.panes.search.narrowing import FilterBar, NarrowingModel
from altus4_desktop.ui.panes.search.options import OptionsRow
from altus4_desktop.ui.panes.search.results import ResultsView
from altus4_desktop.ui.session import Session

_WIDE_ENOUGH = 900
_LEAST_WIDTH = 560


class ViewFilters(QObject):
    """Keeps bar, panel, order and hits of a view in step.

    ``edited``: something else is chosen; ``searched``: its hits are about to be looked for.
    """

    edited = Signal()
    searched = Signal()

    def __init__(
        self,
        session: Session,
        controller: SearchController,
        options: OptionsRow,
        results: ResultsView,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._controller = controller
        self._options = options
        self._results = results
        self._window = parent
        self._dialog: FilterDialog | None = None
        self.narrowing = NarrowingModel(self)
        self.bar = FilterBar(self.narrowing)
        self.panel = FacetPanel(session, self.narrowing)
        self.panel.hide()
        results.split.insertWidget(0, self.panel)
        results.split.setStretchFactor(0, 0)
        self.narrowing.shown.connect(self._show_narrowing)
        self.narrowing.changed.connect(self._search)
        self.panel.add_wanted.connect(self.add)
        options.filter_button.toggled.connect(self._show_panel)
        options.filter_button.toggled.connect(options.changed)
        options.order_changed.connect(self._take_order)
        options.panel_button.toggled.connect(self._make_room_for_details)
        results.panel_wanted.connect(self._make_room_for_details)
        # Three columns would not let the window become as small as it may be.
        results.pages.setMinimumWidth(_LEAST_WIDTH)
        parent.installEventFilter(self)
        controller.state_changed.connect(self._take_state)
        controller.schema_ready.connect(self._show_utc_columns)
        turn = QShortcut(QKeySequence("Ctrl+Shift+F"), parent)
        turn.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        turn.activated.connect(self.turn_panel)

    def commands(self) -> list[Command]:
        """What the command palette offers."""
        return [
            Command(
                "search.facets",
                self.tr("Filter the hits"),
                self.turn_panel,
                "filter",
                "Ctrl+Shift+F",
            ),
            Command("search.filter.add", self.tr("Add a filter on a column"), self.add, "filter"),
        ]

    def show_connections(self, connections: list[Connection]) -> None:
        """Know what the connections are called; others are chosen no more."""
        self.bar.show_names({connection.id: connection.name for connection in connections})

    def close(self) -> None:
        """The view will be deleted."""
        self.panel.close_work()

    @Slot()
    def turn_panel(self) -> None:
        """Show what the hits have in common, with the keyboard in it, or hide it."""
        self._options.filter_button.toggle()
        if self.panel.isVisible():
            self.panel.enter()

    @Slot()
    def add(self) -> None:
        """Ask for a filter on any column."""
        dialog = FilterDialog(self._session, self._results.column_names(), self._window)
        dialog.added.connect(self.narrowing.add)
        dialog.finished.connect(self._forget_dialog)
        self._dialog = dialog
        for connection_id in {source.connection_id for source in self._sources()}:
            if self._controller.schema(connection_id) is None:
                self._controller.read_schema(connection_id)
        self._show_utc_columns()
        dialog.open()

    @Slot()
    def _forget_dialog(self) -> None:
        self._dialog = None

    @Slot()
    def _show_utc_columns(self) -> None:
        if self._dialog is None:
            return
        found = set()
        for source in self._sources():
            schema = self._controller.schema(source.connection_id)
            table = schema.table(source.table) if schema is not None else None
            columns = table.columns if table is not None else ()
            found |= {column.name for column in columns if column.data_type == "timestamp"}
        self._dialog.show_utc_columns(found)

    def _sources(self) -> list[SourceRef]:
        """What was searched, as far as it is a table."""
        reports = self._controller.state.sources
        return [report.source for report in reports if report.source.table]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """In a narrow window the panel and the details of a hit take turns."""
        # Events of the end come when this may be half gone.
        if event.type() == QEvent.Type.Resize and watched is self._window:
            self._make_room()
        return super().eventFilter(watched, event)

    def _make_room(self) -> None:
        button = self._options.panel_button
        shares = self._window.width() >= _WIDE_ENOUGH or self.panel.isHidden()
        wanted = button.isChecked() and shares
        if self._results.shows_panel != wanted:
            self._results.show_panel(shown=wanted)

    @Slot(bool)
    def _make_room_for_details(self, shown: bool) -> None:
        """What is asked for last is shown."""
        if shown and self._window.width() < _WIDE_ENOUGH:
            self._options.filter_button.setChecked(False)

    @Slot(bool)
    def _show_panel(self, shown: bool) -> None:
        self.panel.setVisible(shown)
        self._results.widths.share_out()
        self._make_room()
        if shown:
            state = self._controller.state
            self.panel.show_search(state.request, running=state.running, paging=state.paging)

    @Slot()
    def _take_order(self) -> None:
        now, column = self.narrowing.current, self._options.sort_column
        if column != (now.order.column if now.order is not None else ""):
            order = ColumnOrder(column) if column else None
            self.narrowing.choose(replace(now, order=order))

    @Slot()
    def _show_narrowing(self) -> None:
        order = self.narrowing.current.order
        self._options.show_sort_column(order.column if order is not None else "")
        self.edited.emit()

    @Slot()
    def _search(self) -> None:
        """Show the hits of what was searched, narrowed otherwise."""
        request = self._controller.state.request
        if request is not None:
            self.searched.emit()
            self._controller.run(replace(request, narrowing=self.narrowing.current, offset=0))

    @Slot(object)
    def _take_state(self, state: SearchState) -> None:
        if not state.running and state.hits:
            self._options.offer_columns(self._results.column_names())
        self.panel.show_search(state.request, running=state.running, paging=state.paging)
