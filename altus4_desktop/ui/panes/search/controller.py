"""What the search pane does: intents in, work on the lanes, one frozen state out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from PySide6.QtCore import QObject, Signal, Slot

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import AltusError, InputError, QuerySyntaxError
from altus4_desktop.domain.explaining import Explanation
from altus4_desktop.domain.schema import DatabaseSchema
from altus4_desktop.domain.searching import (
    Expansion,
    Notice,
    SearchHit,
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceRef,
    SourceReport,
    SourceState,
    Value,
)
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.search.copying import CopyFormat, copied_text
from altus4_desktop.ui.panes.search.model import hit_identity
from altus4_desktop.ui.panes.search.wording import value_text
from altus4_desktop.ui.session import Session

_RECENT_LIMIT = 12


class Phase(StrEnum):
    """Which of the pane's faces is shown."""

    IDLE = "idle"
    BUSY = "busy"
    ROWS = "rows"
    EMPTY = "empty"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SearchState:
    """Everything the pane draws of a search; ``hits`` are in the order of relevance."""

    phase: Phase = Phase.IDLE
    request: SearchRequest | None = None
    search_id: str = ""
    hits: Sequence[SearchHit] = ()
    sources: tuple[SourceReport, ...] = ()
    notices: tuple[Notice, ...] = ()
    expansions: tuple[Expansion, ...] = ()
    total_ms: float = 0.0
    has_more: bool = False
    running: bool = False
    stopping: bool = False
    stopped: bool = False
    paging: bool = False
    error: AltusError | None = None
    query_error: QuerySyntaxError | None = None


@dataclass(frozen=True, slots=True)
class FullRow:
    """A hit's row with its large cells whole."""

    hit: SearchHit
    columns: Mapping[str, Value]


class SearchController(QObject):
    """Runs searches for the pane; a newer search silences what an older one still reports.

    ``searched`` carries the outcome of a search that came to its end, not of further pages;
    ``full_row_ended`` follows however the fetching of a row has ended, also when it was stopped.
    """

    state_changed = Signal(object)
    recent_ready = Signal(str, object)
    connections_ready = Signal(object)
    connections_failed = Signal(object)
    schema_ready = Signal(str, object)
    schema_failed = Signal(str, object)
    full_row_ready = Signal(object)
    full_row_failed = Signal(object)
    full_row_ended = Signal()
    copy_ready = Signal(str, int)
    copy_failed = Signal(object)
    searched = Signal(object)
    value_copy_ready = Signal(str, str)
    why_ready = Signal(object, object)
    why_failed = Signal(object)
    related_ready = Signal(object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.state = SearchState()
        # What a query that is refused leaves standing.
        self._settled = SearchState()
        self._before: tuple[SearchHit, ...] = ()
        self._before_ids: set[Hashable] = set()
        self._before_counts: dict[SourceRef, int] = {}
        self._next_offset = 0
        self._prefix = ""
        self._schemas: dict[str, DatabaseSchema] = {}
        self._schema_tasks: dict[str, LatestTask] = {}
        runner = session.runner
        self._search = LatestTask(runner, Lane.TENANTS, self)
        self._search.updated.connect(self._take_update)
        self._search.succeeded.connect(self._take_result)
        self._search.failed.connect(self._take_failure)
        self._search.cancelled.connect(self._take_cancellation)
        self._recent = LatestTask(runner, Lane.METADATA, self)
        self._recent.succeeded.connect(self._take_recent)
        self._listing = LatestTask(runner, Lane.METADATA, self)
        self._listing.succeeded.connect(self.connections_ready)
        self._listing.failed.connect(self.connections_failed)
        self._row = LatestTask(runner, Lane.TENANTS, self)
        self._row.succeeded.connect(self.full_row_ready)
        self._row.failed.connect(self.full_row_failed)
        self._row.finished.connect(self.full_row_ended)
        self._why = LatestTask(runner, Lane.TENANTS, self)
        self._why.succeeded.connect(self._take_why)
        self._why.failed.connect(self.why_failed)
        self._related = LatestTask(runner, Lane.METADATA, self)
        self._related.succeeded.connect(self.related_ready)
        self._copy = LatestTask(runner, Lane.TENANTS, self)
        self._copy.succeeded.connect(self._take_copy)
        self._copy.failed.connect(self.copy_failed)
        self._value = LatestTask(runner, Lane.TENANTS, self)
        self._value.succeeded.connect(self._take_value)
        self._value.failed.connect(self.copy_failed)

    # Searching

    def run(self, request: SearchRequest) -> None:
        """Search anew; what an earlier search still has to say is dropped."""
        if request.query.strip():
            self._begin(request, SearchState(Phase.BUSY, request, running=True))

    @Slot()
    def again(self) -> None:
        """Ask every source once more; the hits stay until newer ones take their place."""
        request = self.state.request
        if request is None:
            return
        kept = replace(self.state, phase=Phase.ROWS if self.state.hits else Phase.BUSY, error=None)
        self._begin(request, replace(kept, running=True, stopped=False, stopping=False))

    @Slot()
    def load_more(self) -> None:
        """Fetch the next page and put it below what is there."""
        state = self.state
        if state.running or not state.has_more or state.request is None:
            return
        self._before_ids.update(map(hit_identity, state.hits[len(self._before) :]))
        self._before = tuple(state.hits)
        self._before_counts = {report.source: report.hits for report in state.sources}
        page = replace(state.request, offset=self._next_offset)
        self._submit(page, replace(state, running=True, paging=True, stopped=False, error=None))

    @Slot()
    def stop(self) -> None:
        """Ask the running search to stop; what it found stays."""
        if self._search.running and not self.state.stopping:
            self._search.cancel()
            self._show(replace(self.state, stopping=True))

    def reset(self) -> None:
        """Forget the search, as when nobody has searched yet."""
        self._search.drop()
        self._show(SearchState())

    def close(self) -> None:
        """Cancel everything that is under way; nothing is heard of it any more."""
        own = (
            self._search,
            self._recent,
            self._listing,
            self._row,
            self._copy,
            self._value,
            self._why,
            self._related,
        )
        for task in (*own, *self._schema_tasks.values()):
            task.drop()

    def prepare(self, mode: SearchMode) -> None:
        """Begin what searches in ``mode`` need; returns at once."""
        self._session.services.search.prepare(mode)

    def plain_text(self, text: str) -> str:
        """The text with everything special to the boolean language taken out."""
        return self._session.services.search.plain_text(text)

    def _begin(self, request: SearchRequest, state: SearchState) -> None:
        self._before = ()
        self._before_ids = set()
        self._before_counts = {}
        self._next_offset = 0
        if not self.state.running:
            self._settled = replace(self.state, query_error=None)
        self._submit(request, state)

    def _submit(self, request: SearchRequest, state: SearchState) -> None:
        service, actor = self._session.services.search, self._session.actor

        def work(context: TaskContext) -> SearchOutcome:
            # More of a search is no other one: it is in the history, and counted, once.
            return service.run(actor, request, context.update, context.token, kept=not state.paging)

        self._search.start(work)
        self._show(state)

    def _show(self, state: SearchState) -> None:
        self.state = state
        self.state_changed.emit(state)

    @Slot(object)
    def _take_update(self, outcome: SearchOutcome) -> None:
        self._show(self._drawn(outcome, running=True))

    @Slot(object)
    def _take_result(self, outcome: SearchOutcome) -> None:
        stopped = any(report.state is SourceState.CANCELLED for report in outcome.sources)
        if not stopped:
            # A page that was not fetched whole is asked for again.
            self._next_offset = outcome.request.offset + outcome.request.limit
        self._show(replace(self._drawn(outcome, running=False), stopped=stopped))
        if not stopped and not outcome.request.offset:
            self.searched.emit(outcome)

    def _drawn(self, outcome: SearchOutcome, *, running: bool) -> SearchState:
        hits: Sequence[SearchHit] = outcome.hits
        if self._before:
            known = self._before_ids
            hits = (*self._before, *(h for h in outcome.hits if hit_identity(h) not in known))
        without_hits = Phase.BUSY if running else Phase.EMPTY
        return SearchState(
            phase=Phase.ROWS if hits else without_hits,
            request=self.state.request,
            search_id=outcome.search_id,
            hits=hits,
            sources=self._counted(outcome),
            notices=outcome.notices,
            expansions=outcome.expansions,
            total_ms=outcome.total_ms,
            has_more=outcome.has_more,
            running=running,
            stopping=running and self.state.stopping,
            paging=running and self.state.paging,
        )

    def _counted(self, outcome: SearchOutcome) -> tuple[SourceReport, ...]:
        """The reports with what every source has found on all pages so far."""
        if len(outcome.sources) == 1:
            # Asked alone it skips the earlier pages itself, and reports this one only.
            (report,) = outcome.sources
            return (replace(report, hits=outcome.request.offset + report.hits),)
        known = self._before_counts
        return tuple(
            replace(report, hits=max(report.hits, known.get(report.source, 0)))
            for report in outcome.sources
        )

    @Slot(object)
    def _take_failure(self, error: Exception) -> None:
        ended = replace(self.state, running=False, stopping=False, paging=False)
        if isinstance(error, QuerySyntaxError):
            self._show(replace(self._settled, query_error=error))
            return
        told = error if isinstance(error, AltusError) else AltusError("The search broke off.")
        phase = Phase.ROWS if ended.hits else Phase.FAILED
        # What may not be asked for will not be there the next time either.
        has_more = ended.has_more and not isinstance(error, InputError)
        self._show(replace(ended, phase=phase, error=told, has_more=has_more))

    @Slot()
    def _take_cancellation(self) -> None:
        sources = tuple(
            replace(report, state=SourceState.CANCELLED)
            if report.state in (SourceState.QUEUED, SourceState.RUNNING)
            else report
            for report in self.state.sources
        )
        phase = Phase.ROWS if self.state.hits else Phase.EMPTY
        self._show(
            replace(
                self.state,
                phase=phase,
                sources=sources,
                running=False,
                stopping=False,
                paging=False,
                stopped=True,
            )
        )

    # Recent searches

    def complete(self, prefix: str) -> None:
        """Look up recent searches that start with the text, and words that complete it; only the
        newest request is answered."""
        services, actor = self._session.services, self._session.actor
        self._prefix = prefix

        def work(_: TaskContext) -> list[str]:
            records = services.history.recent(actor, prefix, _RECENT_LIMIT)
            recent = [record.query for record in records]
            if prefix:
                recent += services.suggestions.complete(actor, prefix)
            return list(dict.fromkeys(recent))

        self._recent.start(work)

    @Slot(object)
    def _take_recent(self, queries: list[str]) -> None:
        self.recent_ready.emit(self._prefix, queries)

    # What can be searched

    def list_connections(self) -> None:
        """Read the saved connections again."""
        service, actor = self._session.services.connections, self._session.actor

        def work(_: TaskContext) -> list[Connection]:
            return service.list_(actor)

        self._listing.start(work)

    def schema(self, connection_id: str) -> DatabaseSchema | None:
        """The schema if it has been read already."""
        return self._schemas.get(connection_id)

    def read_schema(self, connection_id: str) -> None:
        """Read the tables of a connection; a reading under way is not started twice."""
        task = self._schema_tasks.get(connection_id)
        if task is None:
            task = LatestTask(self._session.runner, Lane.TENANTS, self)
            self._schema_tasks[connection_id] = task
            answer = _SchemaAnswer(self, connection_id)
            task.succeeded.connect(answer.take)
            task.failed.connect(answer.fail)
        if task.running:
            return
        service, actor = self._session.services.connections, self._session.actor

        def work(context: TaskContext) -> DatabaseSchema:
            return service.schema_(actor, connection_id, context.token)

        task.start(work)

    def keep_schema(self, connection_id: str, schema: DatabaseSchema) -> None:
        """Remember a schema that was read."""
        self._schemas[connection_id] = schema
        self.schema_ready.emit(connection_id, schema)

    # Rows

    def read_full_row(self, hit: SearchHit) -> None:
        """Fetch the row with its large cells whole; only the newest request is answered."""
        service, actor = self._session.services.search, self._session.actor

        def work(context: TaskContext) -> FullRow:
            return FullRow(hit, service.read_row(actor, hit, context.token))

        self._row.start(work, title=self.tr("Loading a full value"))

    def forget_full_row(self) -> None:
        """Stop fetching a row nobody looks at any more."""
        self._row.drop()

    def explain(self, hit: SearchHit) -> None:
        """Find out why a hit is where it is; only the newest request is answered."""
        request = self.state.request
        if request is None:
            return
        service, actor = self._session.services.search, self._session.actor

        def work(context: TaskContext) -> tuple[SearchHit, Explanation]:
            return hit, service.explain(actor, request, hit, context.token)

        self._why.start(work)

    def forget_why(self) -> None:
        """Stop explaining a hit nobody looks at any more."""
        self._why.drop()

    @Slot(object)
    def _take_why(self, result: tuple[SearchHit, Explanation]) -> None:
        self.why_ready.emit(*result)

    @property
    def outcome(self) -> SearchOutcome | None:
        """What was asked and who has answered, without the hits."""
        state = self.state
        if state.request is None:
            return None
        return SearchOutcome(state.search_id, state.request, state.sources, ())

    def find_related(self, hit: SearchHit) -> None:
        """Build a query for rows like ``hit`` from its telling words."""
        service, hits = self._session.services.search, tuple(self.state.hits)

        def work(_: TaskContext) -> str:
            return service.build_related_query(hit, hits)

        self._related.start(work)

    def copy(self, hits: Sequence[SearchHit], copy_format: CopyFormat) -> None:
        """Make text of the hits for the clipboard; cells cut short are fetched whole first."""
        service, actor = self._session.services.search, self._session.actor
        chosen = tuple(hits)

        def work(context: TaskContext) -> tuple[str, int]:
            whole = []
            for hit in chosen:
                context.token.raise_if_cancelled()
                if hit.truncated:
                    columns = service.read_row(actor, hit, context.token)
                    whole.append(replace(hit, columns=columns, truncated={}))
                else:
                    whole.append(hit)
            return copied_text(whole, copy_format), len(whole)

        fetches = any(hit.truncated for hit in chosen)
        self._copy.start(work, title=self.tr("Copying full rows") if fetches else "")

    def copy_value(self, hit: SearchHit, column: str) -> None:
        """Fetch a value that was cut short, whole, for the clipboard."""
        service, actor = self._session.services.search, self._session.actor

        def work(context: TaskContext) -> tuple[str, str]:
            return column, value_text(service.read_row(actor, hit, context.token)[column])

        self._value.start(work, title=self.tr("Copying a full value"))

    @Slot(object)
    def _take_value(self, result: tuple[str, str]) -> None:
        self.value_copy_ready.emit(*result)

    @Slot(object)
    def _take_copy(self, result: tuple[str, int]) -> None:
        self.copy_ready.emit(*result)


class _SchemaAnswer(QObject):
    """Knows which connection a reading was for."""

    def __init__(self, controller: SearchController, connection_id: str) -> None:
        super().__init__(controller)
        self._controller = controller
        self._connection_id = connection_id

    @Slot(object)
    def take(self, schema: DatabaseSchema) -> None:
        self._controller.keep_schema(self._connection_id, schema)

    @Slot(object)
    def fail(self, error: object) -> None:
        self._controller.schema_failed.emit(self._connection_id, error)
