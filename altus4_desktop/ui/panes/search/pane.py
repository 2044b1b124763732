"""The search pane: the query, what is searched, what each source says, hits, one hit in full."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.accounts import PAGE_SIZES
from altus4_desktop.domain.connections import Connection, Environment
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.schema import DatabaseSchema, TableInfo
from altus4_desktop.domain.searching import (
    SearchHit,
    SearchMode,
    SearchRequest,
    SourceRef,
    SourceState,
)
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.search.controller import (
    FullRow,
    Phase,
    SearchController,
    SearchState,
)
from altus4_desktop.ui.panes.search.copying import CopyFormat
from altus4_desktop.ui.panes.search.detail import DetailPanel
from altus4_desktop.ui.panes.search.hits import HitList, ProgressLine
from altus4_desktop.ui.panes.search.model import SORTED_AT_MOST, HitModel, HitOrder, arranged
from altus4_desktop.ui.panes.search.query import QueryField, SyntaxMark
from altus4_desktop.ui.panes.search.scope import Scope, ScopeModel, ScopePopup
from altus4_desktop.ui.panes.search.sources import SourceBar
from altus4_desktop.ui.panes.search.states import IdlePage, NothingPage, Remarks, SearchNote
from altus4_desktop.ui.panes.search.wording import value_text
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import duration
from altus4_desktop.ui.widgets import (
    Busy,
    Button,
    EmptyState,
    IconButton,
    Label,
    Segments,
)

_CALM_MS = 250
_SILENT = (SourceState.FAILED, SourceState.TIMED_OUT)
_ANSWERED = (
    SourceState.OK,
    SourceState.FAILED,
    SourceState.TIMED_OUT,
    SourceState.CANCELLED,
)


class SearchPane(Pane):
    """One query over every connection."""

    id = "search"
    title = "Search"
    icon_name = "search"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.controller = SearchController(session, self)
        self.memory = PaneMemory(session.services.data_dir, self.id)
        self.hits = HitModel(self)
        self.scope_model = ScopeModel(self)
        self._only: SourceRef | None = None
        self._has_picked = False
        self._connections: tuple[Connection, ...] = ()
        self._wanted_ids: tuple[str, ...] = ()
        self._awaits_list = True
        self.heading.hide()
        self._build()
        self._connect()
        self._restore()
        self._draw(self.controller.state)

    # Building

    def _build(self) -> None:
        self.body.setSpacing(Space.S)
        self.body.addLayout(self._build_query_row())
        self.body.addLayout(self._build_options_row())
        self.note = SearchNote(self.session)
        self.body.addWidget(self.note)
        self.mark = SyntaxMark()
        self.body.addWidget(self.mark)
        self.remarks = Remarks()
        self.sources = SourceBar()
        self.line = ProgressLine()
        progress = QVBoxLayout()
        progress.setSpacing(2)
        chips = QHBoxLayout()
        chips.setSpacing(Space.XS)
        chips.addWidget(self.sources, 1)
        self.more_sources = IconButton(
            "chevron-right", self.tr("Show further sources"), name="search.sources.more", size=16
        )
        self.more_sources.hide()
        self.more_sources.clicked.connect(self.sources.turn_page)
        self.sources.overflows.connect(self.more_sources.setVisible)
        chips.addWidget(self.more_sources)
        progress.addLayout(chips)
        progress.addWidget(self.line)
        self.body.addLayout(progress)
        self.body.addWidget(self.remarks)

        self.idle = IdlePage()
        self.busy = Busy(self.tr("Searching…"))
        self.nothing = NothingPage()
        self.failed = EmptyState("error", "", action=self._build_again())
        self.failed.setObjectName("search.failed")
        connect = Button(
            self.tr("Add a connection"), "primary", icon_name="plus", name="search.connect"
        )
        connect.clicked.connect(self._add_connection)
        self.unconnected = EmptyState(
            "plug",
            self.tr("Nothing to search yet"),
            self.tr("Add a connection to a MySQL or MariaDB database, then search it here."),
            action=connect,
        )
        self.unconnected.setObjectName("search.unconnected")
        self.pages = QStackedWidget()
        for page in (self.idle, self.busy, self._build_results(), self.nothing, self.failed):
            self.pages.addWidget(page)
        self.pages.addWidget(self.unconnected)
        self.body.addWidget(self.pages, 1)
        self.body.addLayout(self._build_foot())
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(_CALM_MS)
        self._calm.timeout.connect(self._show_busy)

    def _build_query_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        self.query = QueryField()
        self.run_button = Button(
            self.tr("Search"), "primary", icon_name="search", name="search.run"
        )
        self.run_button.setToolTip(self.tr("Search (Enter)"))
        self.stop_button = Button(self.tr("Stop"), icon_name="stop", name="search.stop")
        self.stop_button.setToolTip(self.tr("Stop the search (Esc)"))
        for button in (self.run_button, self.stop_button):
            button.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Expanding)
        row.addWidget(self.query, 1)
        row.addWidget(self.run_button)
        row.addWidget(self.stop_button)
        return row

    def _build_options_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        self.mode = Segments(
            (
                (SearchMode.NATURAL.value, self.tr("Natural")),
                (SearchMode.BOOLEAN.value, self.tr("Boolean")),
            ),
            name="search.mode",
            label=self.tr("Search mode"),
        )
        self.mode.setToolTip(
            self.tr(
                "Natural: plain words, ranked by the server. "
                'Boolean: +required -excluded "phrase" prefix* (groups).'
            )
        )
        self.scope_button = Button(self.tr("Everything"), icon_name="layers", name="search.scope")
        self.scope_button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.popup = ScopePopup(self.scope_model, self)
        self.limit = QComboBox()
        self.limit.setObjectName("search.limit")
        self.limit.setAccessibleName(self.tr("Hits a page"))
        for number in PAGE_SIZES:
            self.limit.addItem(self.tr("{number} a page").format(number=number), number)
        self.order = QComboBox()
        self.order.setObjectName("search.order")
        self.order.setAccessibleName(self.tr("Sort hits by"))
        for order, text in (
            (HitOrder.RELEVANCE, self.tr("Best first")),
            (HitOrder.SOURCE, self.tr("By source")),
            (HitOrder.TITLE, self.tr("By title")),
        ):
            self.order.addItem(text, order.value)
        for box in (self.limit, self.order):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMinimumContentsLength(6)
            box.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.panel_button = IconButton(
            "panel", self.tr("Show or hide details"), name="search.panel"
        )
        self.panel_button.setCheckable(True)
        row.addWidget(self.mode)
        row.addWidget(self.scope_button)
        row.addStretch(1)
        row.addWidget(self.order)
        row.addWidget(self.limit)
        row.addWidget(self.panel_button)
        return row

    def _build_results(self) -> QWidget:
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setObjectName("search.results")
        self.split.setHandleWidth(Space.M)
        self.split.setChildrenCollapsible(False)
        self.list = HitList()
        self.list.setModel(self.hits)
        self.detail = DetailPanel()
        self.split.addWidget(self.list)
        self.split.addWidget(self.detail)
        self.split.setStretchFactor(0, 5)
        self.split.setStretchFactor(1, 4)
        self.split.setSizes([560, 420])
        return self.split

    def _build_again(self) -> Button:
        self.again_button = Button(
            self.tr("Try again"), "primary", icon_name="refresh", name="search.again"
        )
        self.again_button.clicked.connect(self.controller.again)
        return self.again_button

    def _build_foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        self.summary = Label(role="caption")
        self.summary.setObjectName("search.summary")
        self.all_button = Button(self.tr("Show all sources"), "link", name="search.all")
        self.copy_button = Button(self.tr("Copy"), "quiet", icon_name="copy", name="search.copy")
        self.copy_menu = self._build_copy_menu()
        self.copy_button.setMenu(self.copy_menu)
        self.more_button = Button(
            self.tr("Load more"), icon_name="chevron-down", name="search.more"
        )
        self.summary.setMinimumHeight(36)
        row.addWidget(self.summary)
        row.addWidget(self.all_button)
        row.addStretch(1)
        row.addWidget(self.copy_button)
        row.addWidget(self.more_button)
        return row

    def _build_copy_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName("search.copy.menu")
        for copy_format, text, shortcut in (
            (CopyFormat.TSV, self.tr("Copy as TSV, for spreadsheets"), "Ctrl+C"),
            (CopyFormat.CSV, self.tr("Copy as CSV"), ""),
            (CopyFormat.JSON, self.tr("Copy as JSON"), "Ctrl+Shift+C"),
        ):
            action = QAction(icon("copy"), text, menu)
            action.setObjectName(f"search.copy.{copy_format.value}")
            action.setData(copy_format.value)
            if shortcut:
                action.setShortcut(QKeySequence(shortcut))
                # Shown in the menu only: the list binds the keys, so that other fields keep theirs.
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(self._copy_from_menu)
            menu.addAction(action)
        return menu

    def _connect(self) -> None:
        controller = self.controller
        controller.state_changed.connect(self._draw)
        controller.recent_ready.connect(self._take_recent)
        controller.connections_ready.connect(self._take_connections)
        controller.connections_failed.connect(self._take_list_failure)
        controller.schema_ready.connect(self._take_schema)
        controller.schema_failed.connect(self._take_schema_failure)
        controller.full_row_ready.connect(self._take_full_row)
        controller.full_row_failed.connect(self.detail.show_full_error)
        controller.copy_ready.connect(self._take_copy)
        controller.copy_failed.connect(self.present)
        controller.value_copy_ready.connect(self._take_value)
        self.query.submitted.connect(self.search)
        self.query.stop_wanted.connect(controller.stop)
        self.query.completion_wanted.connect(controller.complete)
        self.query.left_downwards.connect(self._enter_list)
        self.run_button.clicked.connect(self.search)
        self.stop_button.clicked.connect(controller.stop)
        self.mode.chosen.connect(self._mode_chosen)
        self.scope_button.clicked.connect(self._open_scope)
        self.scope_model.scope_changed.connect(self._take_scope)
        self.popup.tables_wanted.connect(controller.read_schema)
        self.limit.currentIndexChanged.connect(self._keep_choices)
        self.order.currentIndexChanged.connect(self._rearrange)
        self.panel_button.toggled.connect(self._show_panel)
        self.detail.closed.connect(self._hide_panel)
        self.detail.full_row_wanted.connect(self._read_full_row)
        self.detail.copy_cell_wanted.connect(self._copy_cell)
        self.sources.source_chosen.connect(self._choose_source)
        self.sources.retry_wanted.connect(self._retry)
        self.all_button.clicked.connect(self._show_all)
        self.more_button.clicked.connect(controller.load_more)
        self.idle.query_chosen.connect(self._run_example)
        self.list.copy_wanted.connect(self._copy)
        self.list.left_upwards.connect(self.focus_first)
        self.list.opened.connect(self._enter_detail)
        self.list.stop_wanted.connect(controller.stop)
        self.list.customContextMenuRequested.connect(self._open_copy_menu)
        self.list.selectionModel().currentChanged.connect(self._show_current)
        self.list.selectionModel().selectionChanged.connect(self._count_selected)
        self.list.picked.connect(self._note_pick)
        self.session.connections_changed.connect(controller.list_connections)
        self.session.theme.changed.connect(self.detail.reader.draw_marks)
        to_query = QShortcut(QKeySequence("Ctrl+L"), self)
        to_query.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        to_query.activated.connect(self.focus_first)

    def _restore(self) -> None:
        # Each choice writes all of them down again: read before any is made.
        kept = {name: self.memory.value(name) for name in ("mode", "limit", "order", "panel")}
        choices = self.session.actor.choices
        mode = choices.search_mode.value if choices.search_mode else kept["mode"]
        if mode in (SearchMode.NATURAL.value, SearchMode.BOOLEAN.value):
            self.mode.set_key(str(mode))
        limit = self.limit.findData(choices.page_size or kept["limit"])
        self.limit.setCurrentIndex(max(limit, 0))
        order = self.order.findData(kept["order"])
        self.order.setCurrentIndex(max(order, 0))
        self.split.restoreState(self.memory.layout("split"))
        self.detail.restore_layout(self.memory)
        self.panel_button.setChecked(kept["panel"] is not False)
        self._show_panel(self.panel_button.isChecked())
        self.scope_model.show((), Scope.from_document(self.memory.value("scope")))

    # The pane among panes

    def activated(self) -> None:
        """The pane came to the front."""
        self.controller.list_connections()
        self._tell_banner()

    def receive(self, intent: object) -> None:
        """Run a query again: a text, or a request with its mode and limit."""
        if isinstance(intent, SearchRequest):
            boolean = intent.mode is SearchMode.BOOLEAN
            self.mode.set_key((SearchMode.BOOLEAN if boolean else SearchMode.NATURAL).value)
            self.query.setText(intent.query)
            self._adopt(intent.connection_ids)
            self._run(replace(intent, mode=SearchMode(self.mode.key), limit=self._page_size()))
        elif isinstance(intent, str) and intent.strip():
            self.query.setText(intent)
            self.search()

    def _adopt(self, connection_ids: tuple[str, ...]) -> None:
        """Search where an earlier search looked, as soon as it is known what there is."""
        self._wanted_ids = connection_ids
        if self._connections and connection_ids:
            others = frozenset(c.id for c in self._connections if c.id not in connection_ids)
            self.scope_model.choose(Scope(others))
        elif self._connections:
            self.scope_model.choose_all()

    @Slot()
    def focus_first(self) -> None:
        """Put the keyboard into the query."""
        self.query.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.query.selectAll()

    def commands(self) -> list[Command]:
        """What the command palette offers."""
        controller = self.controller
        return [
            Command(
                "search.run", self.tr("Search"), self.search, "search", "Enter", self._has_query
            ),
            Command(
                "search.stop",
                self.tr("Stop the search"),
                controller.stop,
                "stop",
                "Esc",
                self._is_running,
            ),
            Command("search.scope", self.tr("Choose what to search"), self._open_scope, "layers"),
            Command(
                "search.more",
                self.tr("Load more hits"),
                controller.load_more,
                "chevron-down",
                is_enabled=self.more_button.isEnabled,
            ),
            Command(
                "search.copy",
                self.tr("Copy selected hits as TSV"),
                self._copy_tsv,
                "copy",
                "Ctrl+C",
                self._has_selection,
            ),
            Command(
                "search.panel", self.tr("Show or hide details"), self.panel_button.toggle, "panel"
            ),
        ]

    def shut(self) -> None:
        """Cancel everything and write down the layout."""
        super().shut()
        self.controller.close()
        self.memory.keep_layout("split", self.split.saveState())
        self.detail.save_layout(self.memory)
        self._keep_choices()

    # Searching

    @Slot()
    def search(self) -> None:
        """Search for what is in the box."""
        query = self.query.text().strip()
        if not query:
            self.focus_first()
            return
        scope = self.scope_model.scope
        connections = self._connections
        if connections and all(c.id in scope.left_out for c in connections):
            self.note.show_message(
                "warning",
                self.tr("No connection is chosen."),
                self.tr("Choose at least one connection to search."),
                [(self.tr("Choose"), self._open_scope)],
            )
            return
        self._run(
            SearchRequest(
                query=query,
                mode=SearchMode(self.mode.key),
                connection_ids=scope.connection_ids(connections),
                tables=scope.table_choices(),
                limit=self._page_size(),
            )
        )

    def _run(self, request: SearchRequest) -> None:
        self._only = None
        self._has_picked = False
        self.sources.sources.choose(None)
        self.controller.run(request)

    def _page_size(self) -> int:
        return int(self.limit.currentData())

    @Slot()
    def _search_as_plain_text(self) -> None:
        self.query.setText(self.controller.plain_text(self.query.text()))
        self.search()

    @Slot(str, str)
    def _run_example(self, query: str, mode: str) -> None:
        if mode:
            self.mode.set_key(mode)
        self.query.setText(query)
        self.search()

    @Slot(object)
    def _retry(self, _: SourceRef) -> None:
        self.controller.again()

    @Slot(str)
    def _mode_chosen(self, _: str) -> None:
        self._keep_choices()
        self.note.clear()
        self.mark.hide()
        if self.query.text().strip() and self.controller.state.request is not None:
            self.search()
        self.query.setFocus()

    # Drawing

    @Slot(object)
    def _draw(self, state: SearchState) -> None:
        self.run_button.setEnabled(not state.stopping)
        self.stop_button.setEnabled(state.running and not state.stopping)
        self.stop_button.setText(self.tr("Stopping…") if state.stopping else self.tr("Stop"))
        self.query.is_stoppable = state.running
        self.list.is_stoppable = state.running
        self.sources.show_reports(state.sources)
        self.sources.setVisible(bool(state.sources))
        self._draw_progress(state)
        self._draw_hits(state)
        self._draw_page(state)
        self._draw_foot(state)
        self._draw_note(state)

    def _draw_progress(self, state: SearchState) -> None:
        answered = sum(1 for report in state.sources if report.state in _ANSWERED)
        share = answered / len(state.sources) if state.sources else 0.0
        self.line.show_share(max(0.04, share) if state.running else None)

    def _draw_hits(self, state: SearchState) -> None:
        if state.phase is Phase.BUSY and not state.hits:
            return
        only = frozenset((self._only,)) if self._only else frozenset[SourceRef]()
        self.hits.show(state.hits, arranged(state.hits, HitOrder(self.order.currentData()), only))
        if self.hits.rowCount() and not (self._has_picked and self.list.currentIndex().isValid()):
            # Until somebody picks a hit the best one so far is shown.
            self.list.setCurrentIndex(self.hits.index(0))
            self.list.scrollToTop()
        self._show_current()

    def _draw_page(self, state: SearchState) -> None:
        self._calm.stop()
        match state.phase:
            case Phase.BUSY:
                # A quick answer follows at once: the page before it stays until it is a wait.
                self._calm.start()
            case Phase.ROWS:
                self.pages.setCurrentWidget(self.split)
            case Phase.EMPTY:
                self._explain_nothing(state)
                self.pages.setCurrentWidget(self.nothing)
            case Phase.FAILED:
                if state.error is not None:
                    error = state.error
                    self.failed.set("error", error_message(error), error_hint(error))
                self.pages.setCurrentWidget(self.failed)
            case Phase.IDLE:
                nowhere = not self._connections and not self._awaits_list
                self.pages.setCurrentWidget(self.unconnected if nowhere else self.idle)

    @Slot()
    def _show_busy(self) -> None:
        self.pages.setCurrentWidget(self.busy)

    def _draw_foot(self, state: SearchState) -> None:
        self.summary.setText(self._summary_text(state))
        rows = state.phase is Phase.ROWS
        self.all_button.setVisible(rows and self._only is not None)
        self.copy_button.setVisible(rows)
        self.more_button.setVisible(rows and (state.has_more or state.paging))
        self.more_button.setEnabled(state.has_more and not state.running)
        paging = state.paging and state.running
        self.more_button.setText(self.tr("Loading…") if paging else self.tr("Load more"))
        self._count_selected()

    def _summary_text(self, state: SearchState) -> str:
        total = len(state.sources)
        answered = sum(1 for report in state.sources if report.state in _ANSWERED)
        count = len(state.hits)
        if state.stopping:
            return self.tr("Stopping…")
        if state.running:
            if not total:
                return self.tr("Searching…")
            return self.tr("Searching: {answered} of {total} sources have answered").format(
                answered=answered, total=total
            )
        if state.phase not in (Phase.ROWS, Phase.EMPTY):
            return ""
        if state.stopped:
            some = self.tr("Stopped, {count} hits so far").format(count=count)
            return self.tr("Stopped, 1 hit so far") if count == 1 else some
        shown = self.hits.rowCount() if state.phase is Phase.ROWS else 0
        text = self.tr("{shown} of {count} hits") if shown != count else self.tr("{count} hits")
        least = self.tr(", more to load") if state.has_more else ""
        one = total == 1
        sources = (
            self.tr(" from 1 source in {time}")
            if one
            else self.tr(" from {total} sources in {time}")
        )
        if count == 1:
            text = self.tr("1 hit")
        unsorted = ""
        if shown > SORTED_AT_MOST and self.order.currentData() != HitOrder.RELEVANCE.value:
            unsorted = self.tr(", too many to sort: by relevance")
        silent = sum(1 for r in state.sources if r.state in _SILENT)
        missing = self.tr(", {silent} gave no answer") if silent else ""
        return (text + least + sources + missing + unsorted).format(
            shown=shown,
            count=count,
            total=total,
            time=duration(state.total_ms),
            silent=silent,
        )

    def _draw_note(self, state: SearchState) -> None:
        error = state.query_error
        if error is not None:
            if not self.mark.isVisibleTo(self):
                self.mark.show_error(self.query.text(), error)
                self.note.show_error(
                    error, [(self.tr("Search as plain text"), self._search_as_plain_text)]
                )
                self.query.mark(error)
            return
        self.mark.hide()
        self.note.show_state(state, self.controller.again)
        rows = state.phase is Phase.ROWS and not state.running
        self.remarks.show_notices(state.notices if rows else ())

    def _explain_nothing(self, state: SearchState) -> None:
        query = state.request.query if state.request else ""
        shown = query if len(query) <= 80 else query[:79] + "…"
        failed = [r for r in state.sources if r.state in _SILENT]
        if state.stopped:
            heading = self.tr("Stopped before anything was found")
            reason = self.tr("The search for “{query}” was cancelled.").format(query=shown)
        else:
            heading = self.tr("Nothing found for “{query}”").format(query=shown)
            reason = self._reason(state, len(failed))
        buttons = []
        if failed or state.stopped:
            again = Button(
                self.tr("Search again"), icon_name="refresh", name="search.nothing.again"
            )
            again.clicked.connect(self.controller.again)
            buttons.append(again)
        if state.request is not None and state.request.mode is SearchMode.BOOLEAN:
            natural = Button(self.tr("Search in natural mode"), name="search.nothing.natural")
            natural.clicked.connect(self._search_naturally)
            buttons.append(natural)
        if self.scope_model.scope != Scope():
            everything = Button(self.tr("Search everything"), name="search.nothing.everything")
            everything.clicked.connect(self._search_everything)
            buttons.append(everything)
        self.nothing.show_notices(heading, reason, state.notices, buttons)

    def _reason(self, state: SearchState, failed: int) -> str:
        total = len(state.sources)
        if not total:
            return self.tr("No table with a FULLTEXT index was searched.")
        if failed:
            return self.tr("{failed} of {total} sources gave no answer.").format(
                failed=failed, total=total
            )
        if state.notices:
            return ""
        if total == 1:
            return self.tr("The source answered: no row contains these words.")
        return self.tr("All {total} sources answered: no row contains these words.").format(
            total=total
        )

    @Slot()
    def _search_naturally(self) -> None:
        self.mode.set_key(SearchMode.NATURAL.value)
        self._search_as_plain_text()

    @Slot()
    def _search_everything(self) -> None:
        self.scope_model.choose_all()
        self.search()

    # Hits

    @Slot()
    def _note_pick(self) -> None:
        self._has_picked = True

    @Slot()
    def _rearrange(self) -> None:
        self._draw_hits(self.controller.state)
        self._draw_foot(self.controller.state)
        self._keep_choices()

    @Slot(object)
    def _choose_source(self, source: SourceRef | None) -> None:
        self._only = source
        self._draw_hits(self.controller.state)
        self._draw_foot(self.controller.state)

    @Slot()
    def _show_all(self) -> None:
        self.sources.sources.choose(None)
        self._choose_source(None)

    @Slot()
    def _show_current(self) -> None:
        index = self.list.currentIndex()
        if not self.panel_button.isChecked():
            return
        if not index.isValid():
            self.detail.show_row(None, None)
            return
        row = self.hits.row_at(index.row())
        source = row.hit.source
        if self.detail.hit is not row.hit:
            self.controller.forget_full_row()
        schema = self.controller.schema(source.connection_id)
        if schema is None and source.connection_id:
            self.controller.read_schema(source.connection_id)
        self.detail.show_row(row, schema.table(source.table) if schema else None)

    @Slot()
    def _enter_list(self) -> None:
        if self.pages.currentWidget() is self.split:
            self.list.setFocus(Qt.FocusReason.TabFocusReason)

    @Slot(QModelIndex)
    def _enter_detail(self, _: QModelIndex) -> None:
        self.panel_button.setChecked(True)
        self.detail.table.setFocus(Qt.FocusReason.TabFocusReason)

    @Slot(bool)
    def _show_panel(self, shown: bool) -> None:
        self.detail.setVisible(shown)
        if shown:
            self._show_current()

    @Slot()
    def _hide_panel(self) -> None:
        self.panel_button.setChecked(False)
        self.list.setFocus()

    @Slot()
    def _read_full_row(self) -> None:
        hit = self.detail.hit
        if hit is not None:
            self.controller.read_full_row(hit)

    @Slot(object)
    def _take_full_row(self, row: FullRow) -> None:
        self.detail.show_full(row.hit, row.columns)

    # Copying

    def _selected_hits(self) -> list[SearchHit]:
        rows = sorted(index.row() for index in self.list.selectionModel().selectedRows())
        return [self.hits.hit_at(row) for row in rows]

    @Slot(str)
    def _copy(self, copy_format: str) -> None:
        hits = self._selected_hits()
        if hits:
            self.controller.copy(hits, CopyFormat(copy_format))

    @Slot()
    def _copy_tsv(self) -> None:
        self._copy(CopyFormat.TSV.value)

    @Slot()
    def _copy_from_menu(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._copy(str(action.data()))

    @Slot(QPoint)
    def _open_copy_menu(self, place: QPoint) -> None:
        if self._selected_hits():
            self.copy_menu.popup(self.list.viewport().mapToGlobal(place))

    @Slot()
    def _count_selected(self) -> None:
        count = len(self.list.selectionModel().selectedRows())
        self.copy_button.setEnabled(count > 0)
        text = self.tr("Copy {count} hits").format(count=count) if count > 1 else self.tr("Copy")
        self.copy_button.setText(text)

    @Slot(str, int)
    def _take_copy(self, text: str, count: int) -> None:
        QGuiApplication.clipboard().setText(text)
        self.session.announced.emit(self.tr("Copied {count} hits").format(count=count))

    @Slot(str, bool)
    def _copy_cell(self, name: str, cut_short: bool) -> None:
        hit = self.detail.hit
        if hit is None:
            return
        if cut_short:
            self.controller.copy_value(hit, name)
            return
        cell = self.detail.current_cell
        if cell is not None:
            self._take_value(name, value_text(cell.value))

    @Slot(str, str)
    def _take_value(self, name: str, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.session.announced.emit(self.tr("Copied the value of {name}").format(name=name))

    # What is searched

    @Slot()
    def _open_scope(self) -> None:
        self.controller.list_connections()
        self.popup.open_below(self.scope_button)

    @Slot(object)
    def _take_connections(self, connections: list[Connection]) -> None:
        self._awaits_list = False
        # An admin sees everybody's connections; a search looks into one's own.
        user_id = self.session.actor.user_id
        own = tuple(c for c in connections if c.is_active and c.user_id == user_id)
        self.hits.set_environments({c.id: c.environment for c in connections})
        if own != self._connections:
            self._connections = own
            self.scope_model.show(own, self.scope_model.scope)
            if self._wanted_ids:
                self._adopt(self._wanted_ids)
        self._wanted_ids = ()
        self._name_scope(self.scope_model.scope)
        if self.controller.state.phase is Phase.IDLE:
            self._draw_page(self.controller.state)
            self.controller.complete("")
        self._tell_banner()

    @Slot(object)
    def _take_list_failure(self, error: Exception) -> None:
        self._awaits_list = True
        self.present(error)

    @Slot(object)
    def _take_scope(self, scope: Scope) -> None:
        self._name_scope(scope)
        self.note.clear()
        self.memory.keep("scope", scope.as_document())
        self._tell_banner()

    def _name_scope(self, scope: Scope) -> None:
        searched = [c for c in self._connections if c.id not in scope.left_out]
        tables = sum(len(scope.tables[c.id]) for c in searched if c.id in scope.tables)
        if not self._connections or (len(searched) == len(self._connections) and not tables):
            text = self.tr("All connections")
        elif len(searched) == 1:
            name = searched[0].name
            text = name if len(name) < 22 else name[:21] + "…"
        elif tables:
            text = self.tr("Some tables")
        else:
            text = self.tr("{count} of {total} connections").format(
                count=len(searched), total=len(self._connections)
            )
        self.scope_button.setText(text.replace("&", "&&"))
        self.scope_button.setAccessibleName(self.tr("What to search: {text}").format(text=text))

    def _tell_banner(self) -> None:
        left_out = self.scope_model.scope.left_out
        self.banner_changed.emit(
            any(
                c.environment is Environment.PROD and c.id not in left_out
                for c in self._connections
            )
        )

    @Slot(str, object)
    def _take_schema(self, connection_id: str, schema: DatabaseSchema) -> None:
        self.scope_model.show_tables(connection_id, schema)
        hit = self.detail.hit
        if hit is not None and hit.source.connection_id == connection_id:
            table: TableInfo | None = schema.table(hit.source.table)
            if table is not None:
                self.detail.show_table(table)

    @Slot(str, object)
    def _take_schema_failure(self, connection_id: str, error: Exception) -> None:
        if isinstance(error, AltusError):
            self.scope_model.show_problem(connection_id, error)

    @Slot(str, object)
    def _take_recent(self, prefix: str, queries: list[str]) -> None:
        if not prefix:
            self.idle.show_recent(queries)
        self.query.show_recent(prefix, queries)

    # Small questions

    def _has_query(self) -> bool:
        return bool(self.query.text().strip())

    def _is_running(self) -> bool:
        return self.controller.state.running

    def _has_selection(self) -> bool:
        return self.list.selectionModel().hasSelection()

    @Slot()
    def _add_connection(self) -> None:
        self.session.pane_requested.emit("connections", "add")

    @Slot()
    def _keep_choices(self) -> None:
        self.memory.keep("mode", self.mode.key)
        self.memory.keep("limit", self.limit.currentData())
        self.memory.keep("order", self.order.currentData())
        self.memory.keep("panel", self.panel_button.isChecked())
