"""One search: its query, how and where it searches, what it found."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QVBoxLayout, QWidget

from altus4_desktop.domain.accounts import Actor, UserDraft
from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.query_reading import QueryReading
from altus4_desktop.domain.saved_searches import SavedSearch
from altus4_desktop.domain.schema import DatabaseSchema
from altus4_desktop.domain.searching import SearchMode, SearchRequest
from altus4_desktop.services.past_searches import Rerun
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.pane import Command
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.search.choices import Choices
from altus4_desktop.ui.panes.search.controller import Phase, SearchController, SearchState
from altus4_desktop.ui.panes.search.copying import CopyFormat
from altus4_desktop.ui.panes.search.correction import CorrectionBar
from altus4_desktop.ui.panes.search.expansion import ExpansionBar
from altus4_desktop.ui.panes.search.filtering import ViewFilters
from altus4_desktop.ui.panes.search.judge import HitJudge
from altus4_desktop.ui.panes.search.judging import JudgingBook
from altus4_desktop.ui.panes.search.languages import LanguagesDialog
from altus4_desktop.ui.panes.search.measured import MeasuredBar, MeasuredSearch
from altus4_desktop.ui.panes.search.options import OptionsRow
from altus4_desktop.ui.panes.search.query_box import QueryBox
from altus4_desktop.ui.panes.search.results import ResultsView
from altus4_desktop.ui.panes.search.scope import Scope
from altus4_desktop.ui.panes.search.states import SearchNote
from altus4_desktop.ui.panes.search.watch import SavedWatch
from altus4_desktop.ui.panes.search.weighing import WeightsBar
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import IconButton
from altus4_desktop.ui.working import WorkingWidget

_LEAST_RESULTS = 140


class SearchView(WorkingWidget):
    """The content of a tab.

    ``edited``: the query or a choice is not as it was; ``state_changed`` carries the state of the
    search; ``production_changed``: whether production is searched may have changed.
    """

    edited = Signal()
    state_changed = Signal(object)
    production_changed = Signal()

    def __init__(
        self,
        session: Session,
        memory: PaneMemory,
        book: JudgingBook | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session.runner, session.report_crash, name="search.view", parent=parent)
        self.session = session
        self.memory = memory
        self._asked: set[str] = set()
        self.controller = SearchController(session, self)
        self.options = OptionsRow()
        self.note = SearchNote(session)
        self.query_box = QueryBox(session, self.note, self._typed_request)
        self.query = self.query_box.field
        self.watch = SavedWatch()
        self._opening: SavedSearch | None = None
        self.results = ResultsView(session, self.controller)
        self.filtering = ViewFilters(session, self.controller, self.options, self.results, self)
        self.choices = Choices(self.query, self.options, self.filtering.narrowing, memory, self)
        self.book = book or JudgingBook(session, memory, self)
        self.judge = HitJudge(session, self.results, self.book)
        self.correction = CorrectionBar(session)
        self.expansion = ExpansionBar()
        self.weights = WeightsBar()
        self.measured = MeasuredBar()
        self._build_tools()
        # What stands above the results may not push them out of a low window.
        self.results.pages.setMinimumHeight(_LEAST_RESULTS)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self.message)
        column.addWidget(self.query_box)
        column.addWidget(self.options)
        for bar in (
            self.correction,
            self.expansion,
            self.weights,
            self.measured,
            self.note,
            self.watch,
        ):
            column.addWidget(bar)
        # Beside the results, not among them: what finds nothing is widened here.
        column.addWidget(self.filtering.bar)
        column.addWidget(self.results, 1)
        self._connect()
        self._connect_bars()
        self.options.restore(memory, session.actor.choices)
        self.results.restore_layout(memory)
        self.results.show_panel(shown=self.options.panel_button.isChecked())
        self.results.arrange(self.options.hit_order)
        self._show_judging()
        self._draw(self.controller.state)

    def _build_tools(self) -> None:
        self.options.tools.insertWidget(0, self.query_box.builder_button)
        self.judge_button = IconButton("check-circle", self.tr("Judge hits"), name="search.judge")
        self.judge_button.setToolTip(self.tr("Judge hits: how well they answer the query (Ctrl+J)"))
        self.judge_button.setCheckable(True)
        self.options.tools.insertWidget(1, self.judge_button)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A low window leaves the builder less."""
        super().resizeEvent(event)
        self.query_box.fit()

    def _connect_bars(self) -> None:
        self.filtering.edited.connect(self.edited)
        self.filtering.searched.connect(self.results.begin)
        self.filtering.searched.connect(self.watch.end)
        self.measured.own_wanted.connect(self._search_by_own_settings)
        self.weights.without_wanted.connect(self._search_without_weights)
        self.weights.change_wanted.connect(self.options.open_scope)
        self.options.scope_closed.connect(self._keep_weights)
        self.session.actor_changed.connect(self._take_actor)

    def _connect(self) -> None:
        controller, options, results = self.controller, self.options, self.results
        controller.state_changed.connect(self._draw)
        controller.state_changed.connect(self.judge.take_state)
        self.book.changed.connect(self._show_judging)
        controller.recent_ready.connect(self._take_recent)
        controller.connections_ready.connect(self._take_connections)
        controller.connections_failed.connect(self._take_list_failure)
        controller.schema_ready.connect(self._take_schema)
        controller.schema_failed.connect(self._take_schema_failure)
        controller.copy_failed.connect(self.present)
        controller.searched.connect(self.correction.look)
        self.correction.chosen.connect(self._search_corrected)
        self.expansion.typed_only_wanted.connect(self._search_typed_only)
        for keys, act in (
            ("Ctrl+E", results.turn_why),
            ("Ctrl+M", results.find_related),
            ("Ctrl+Shift+Q", results.show_statements),
            ("Ctrl+Shift+E", results.export),
        ):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)
        self.query.submitted.connect(self.search)
        self.query.stop_wanted.connect(controller.stop)
        self.query.completion_wanted.connect(controller.complete)
        self.query.left_downwards.connect(results.enter_list)
        self.query.textChanged.connect(self.edited)
        self.query_box.read.connect(self._read_unread)
        self.query_box.plain_text_wanted.connect(self._search_as_plain_text)
        options.mode_shown.connect(self._take_mode)
        options.languages_button.clicked.connect(self._edit_languages)
        self.query_box.run_button.clicked.connect(self.search)
        self.query_box.stop_button.clicked.connect(controller.stop)
        options.mode_chosen.connect(self._mode_chosen)
        options.scope_opened.connect(controller.list_connections)
        options.scope_changed.connect(self._take_scope)
        options.tables_wanted.connect(controller.read_schema)
        options.order_changed.connect(self._rearrange)
        options.panel_button.toggled.connect(self._show_panel)
        options.changed.connect(self.edited)
        options.changed.connect(self.query_box.reader.note_change)
        results.left_upwards.connect(self.focus_first)
        results.panel_wanted.connect(options.panel_button.setChecked)
        results.pages.natural_wanted.connect(self._search_naturally)
        results.pages.everything_wanted.connect(self._search_everything)
        results.pages.connect_wanted.connect(self._add_connection)
        results.pages.query_chosen.connect(self._run_example)

    # The view among tabs

    def activated(self) -> None:
        """The view came to the front."""
        self.controller.list_connections()
        self.judge.refresh()
        self.production_changed.emit()

    def receive(self, intent: SearchRequest | MeasuredSearch | Rerun | str) -> None:
        """Run a query again: a text, a request with its mode and limit by what is preferred now,
        or one exactly as it was measured, or as it was run once."""
        if isinstance(intent, str):
            self.query.setText(intent)
            self.search()
            return
        if isinstance(intent, MeasuredSearch):
            self._show_request(intent.request)
            self._begin_run()
            self.measured.show_measured(intent.request, self.session.actor.choices)
            self.controller.run(intent.request)
            return
        if isinstance(intent, Rerun):
            self._run_again(intent)
            return
        self._show_request(intent)
        mode = SearchMode(self.options.mode.key)
        self._run(
            replace(
                intent,
                mode=mode,
                limit=self.options.page_size,
                language=self.options.text_language,
            )
        )

    def _run_again(self, rerun: Rerun) -> None:
        self._show_request(rerun.request)
        request = replace(rerun.request, limit=self.options.page_size)
        if rerun.others:
            self._begin_run()
            self.controller.run(request)
        else:
            self._run(request)
        self.measured.show_past(rerun)

    def _show_request(self, request: SearchRequest) -> None:
        self.options.set_mode(request.mode)
        if request.mode is SearchMode.SEMANTIC:
            self.options.set_language(request.language)
        self.query.setText(request.query)
        self.filtering.narrowing.show(request.narrowing)
        self.options.adopt(request.connection_ids)

    def open_saved(self, saved: SavedSearch) -> None:
        """Show a saved search and run it, as soon as it is known what there is to search."""
        self.choices.show_saved(saved)
        self._opening = saved
        if self.options.awaits_list:
            self.controller.list_connections()
        else:
            self._run_saved()

    def _run_saved(self) -> None:
        saved, self._opening = self._opening, None
        if saved is None:
            return
        found = self.choices.choose_scope(saved.draft.scope)
        is_own = saved.user_id == self.session.actor.user_id
        self.search()
        # After `search`, which ends the watch over what was searched before.
        self.watch.begin(saved, found.missing, is_own=is_own)

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
            Command(
                "search.scope",
                self.tr("Choose what to search"),
                self.options.open_scope,
                "layers",
            ),
            Command(
                "search.languages",
                self.tr("Languages of connections…"),
                self._edit_languages,
                "edit",
                is_enabled=self.options.languages_button.isEnabled,
            ),
            Command(
                "search.more",
                self.tr("Load more hits"),
                controller.load_more,
                "chevron-down",
                is_enabled=self.results.foot.more_button.isEnabled,
            ),
            Command(
                "search.copy",
                self.tr("Copy selected hits as TSV"),
                self.copy_tsv,
                "copy",
                "Ctrl+C",
                self.results.has_selection,
            ),
            Command(
                "search.why",
                self.tr("Why is this hit here?"),
                self.results.turn_why,
                "help",
                "Ctrl+E",
                self.results.has_selection,
            ),
            Command(
                "search.related",
                self.tr("More like this"),
                self.results.find_related,
                "search",
                "Ctrl+M",
                self.results.has_selection,
            ),
            Command(
                "search.sql",
                self.tr("Show the statements that ran"),
                self.results.show_statements,
                "code",
                "Ctrl+Shift+Q",
                self.results.has_statements,
            ),
            *self.filtering.commands(),
            Command(
                "search.panel",
                self.tr("Show or hide details"),
                self.options.panel_button.toggle,
                "panel",
            ),
        ]

    def save_layout(self) -> None:
        """Write down what somebody has arranged and chosen."""
        self.results.save_layout(self.memory)
        self.choices.keep()

    def shut(self) -> None:
        """The view will be deleted: cancel everything."""
        self.cancel_work()
        self.correction.clear()
        self.query_box.close_work()
        self.judge.close()
        self.results.end_export()
        self.filtering.close()
        self.controller.close()

    # Searching

    @Slot()
    def search(self) -> None:
        """Search for what is in the box."""
        query = self.query.text().strip()
        if not query:
            self.focus_first()
            return
        if self.options.leaves_everything_out:
            self.note.show_message(
                "warning",
                self.tr("No connection is chosen."),
                self.tr("Choose at least one connection to search."),
                [(self.tr("Choose"), self.options.open_scope)],
            )
            return
        self._run(
            replace(
                self._typed_request(),
                query=query,
                limit=self.options.page_size,
                language=self.options.text_language,
            )
        )

    def _typed_request(self) -> SearchRequest:
        scope = self.options.scope_model.scope
        return SearchRequest(
            query=self.query.text(),
            mode=SearchMode(self.options.mode.key),
            connection_ids=scope.connection_ids(self.options.connections),
            tables=scope.table_choices(),
        )

    @Slot(object)
    def _read_unread(self, reading: QueryReading | None) -> None:
        for connection in self.options.connections:
            if reading is None or connection.name not in reading.unread:
                continue
            if connection.id not in self._asked:
                # Once: who cannot be reached is told of by the search.
                self._asked.add(connection.id)
                self.controller.read_schema(connection.id)

    def _begin_run(self) -> None:
        self.correction.clear()
        self.measured.hide()
        self.results.begin()
        self.watch.end()

    def _run(self, request: SearchRequest) -> None:
        self._begin_run()
        preferred = self.session.actor.choices
        self.controller.run(
            replace(
                request,
                synonyms=preferred.synonyms,
                languages=preferred.languages,
                narrowing=self.filtering.narrowing.current,
                weights=preferred.weights,
            )
        )

    @Slot()
    def copy_tsv(self) -> None:
        """Copy the selected hits for spreadsheets."""
        self.results.copy(CopyFormat.TSV.value)

    @Slot()
    def _take_mode(self) -> None:
        mode = SearchMode(self.options.mode.key)
        self.query_box.show_mode(mode)
        self.controller.prepare(mode)

    @Slot()
    def _edit_languages(self) -> None:
        LanguagesDialog(self.session, self.options.connections, self.window()).open()

    @Slot()
    def _search_typed_only(self) -> None:
        request = self.controller.state.request
        if request is not None:
            self.results.begin()
            self.controller.run(replace(request, synonyms=(), offset=0))
            self.focus_first()

    @Slot()
    def _search_by_own_settings(self) -> None:
        request = self.controller.state.request
        if request is not None:
            self._run(replace(request, offset=0))
            self.focus_first()

    # Weights

    @Slot()
    def _search_without_weights(self) -> None:
        request = self.controller.state.request
        if request is not None:
            self.results.begin()
            self.controller.run(replace(request, weights=(), offset=0))
            self.focus_first()

    @Slot()
    def _keep_weights(self) -> None:
        if not self.session.is_signed_in:
            return
        weights, actor = self.options.scope_model.weights, self.session.actor
        if weights == actor.choices.weights:
            return
        # From the next search on, whether or not they can be kept.
        choices = replace(actor.choices, weights=weights)
        self.session.set_actor(replace(actor, choices=choices))
        if actor.is_demo:
            return
        accounts = self.session.services.accounts

        def save(_: TaskContext) -> object:
            draft = UserDraft.of(accounts.get_profile(actor))
            choices = replace(draft.choices, weights=weights)
            return accounts.update_profile(actor, replace(draft, choices=choices))

        self.submit(Lane.METADATA, save)

    @Slot(object)
    def _take_actor(self, actor: Actor | None) -> None:
        if actor is not None:
            self.options.scope_model.show_weights(actor.choices.weights)

    @Slot(str)
    def _search_corrected(self, query: str) -> None:
        self.query.replace_text(query)
        self.search()
        self.focus_first()

    @Slot()
    def _search_as_plain_text(self) -> None:
        self.query.replace_text(self.controller.plain_text(self.query.text()))
        self.search()

    @Slot()
    def _search_naturally(self) -> None:
        self.options.set_mode(SearchMode.NATURAL)
        self._search_as_plain_text()

    @Slot()
    def _search_everything(self) -> None:
        self.options.scope_model.choose_all()
        self.search()

    @Slot(str, str)
    def _run_example(self, query: str, mode: str) -> None:
        if mode:
            self.options.set_mode(SearchMode(mode))
        self.query.setText(query)
        self.search()

    @Slot(str)
    def _mode_chosen(self, _: str) -> None:
        self.note.clear()
        if self._has_query() and self.controller.state.request is not None:
            self.search()
        self.query.setFocus()

    # Drawing

    @Slot(object)
    def _draw(self, state: SearchState) -> None:
        self.query_box.show_progress(running=state.running, stopping=state.stopping)
        self.results.show_state(
            state,
            has_connections=bool(self.options.connections) or self.options.awaits_list,
            is_scoped=self.options.scope_model.scope != Scope(),
        )
        self.expansion.show_expansions(state.expansions)
        self.weights.show_weights(state.request.weights if state.request else (), state.sources)
        self.query_box.show_refusal(state.query_error)
        if state.query_error is None:
            self.note.show_state(state, self.controller.again)
            self.results.show_remarks(state)
        self.watch.take_state(state)
        if not state.running:
            # What the search has read of its sources is known now.
            self.query_box.reader.note_change()
        self.state_changed.emit(state)

    @Slot()
    def _show_judging(self) -> None:
        self.judge_button.setChecked(self.book.is_on)

    @Slot()
    def _rearrange(self) -> None:
        self.results.arrange(self.options.hit_order)

    @Slot(bool)
    def _show_panel(self, shown: bool) -> None:
        self.results.show_panel(shown=shown)

    # What is searched

    @Slot(object)
    def _take_connections(self, connections: list[Connection]) -> None:
        # An admin sees everybody's connections; a search looks into one's own.
        user_id = self.session.actor.user_id
        own = [c for c in connections if c.is_active and c.user_id == user_id]
        self.results.hits.set_environments({c.id: c.environment for c in connections})
        self.options.show_connections(own)
        self.filtering.show_connections(own)
        if self.controller.state.phase is Phase.IDLE:
            self._draw(self.controller.state)
            self.controller.complete("")
        self._run_saved()
        self.production_changed.emit()

    @Slot(object)
    def _take_list_failure(self, error: Exception) -> None:
        self.options.awaits_list = True
        self._opening = None
        self.present(error)

    @Slot()
    def _take_scope(self) -> None:
        self.note.clear()
        self.query_box.reader.note_change()
        self.production_changed.emit()
        self.edited.emit()

    @Slot(str, object)
    def _take_schema(self, connection_id: str, schema: DatabaseSchema) -> None:
        self.options.scope_model.show_tables(connection_id, schema)
        self.query_box.reader.note_change()

    @Slot(str, object)
    def _take_schema_failure(self, connection_id: str, error: Exception) -> None:
        if isinstance(error, AltusError):
            self.options.scope_model.show_problem(connection_id, error)

    @Slot(str, object)
    def _take_recent(self, prefix: str, queries: list[str]) -> None:
        if not prefix:
            self.results.pages.idle.show_recent(queries)
        self.query.show_recent(prefix, queries)

    # Small questions

    def _has_query(self) -> bool:
        return bool(self.query.text().strip())

    def _is_running(self) -> bool:
        return self.controller.state.running

    @Slot()
    def _add_connection(self) -> None:
        self.session.pane_requested.emit("connections", "add")
