"""Searching: one question to many databases, one list back."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import MAX_WEIGHTS, Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import InputError, NotFoundError
from altus4_desktop.domain.identity import time_ordered_id
from altus4_desktop.domain.languages import LANGUAGE_NAMES
from altus4_desktop.domain.query_reading import BuilderRow, QueryReading
from altus4_desktop.domain.searching import (
    SearchHit,
    SearchMode,
    SearchOutcome,
    SearchRecord,
    SearchRequest,
    SourceRef,
    SourceState,
    TableChoice,
    Value,
)
from altus4_desktop.search.boolean import clean_query, hangs_aria, parse_boolean, plain_text
from altus4_desktop.search.categories import find_categories
from altus4_desktop.search.causes import find_cause
from altus4_desktop.search.filtering import check_narrowing
from altus4_desktop.search.natural import safe_natural
from altus4_desktop.search.plan import PlannedSource, plan_search
from altus4_desktop.search.related import find_telling_words
from altus4_desktop.search.rows import add_row, change_row, read_rows, remove_row
from altus4_desktop.search.synonyms import expand
from altus4_desktop.search.weights import check_weights
from altus4_desktop.search.words import split_words
from altus4_desktop.services.candidate_facets import (
    CandidateFacets,
    Candidates,
    read_candidates,
)
from altus4_desktop.services.explaining import HitExplainer
from altus4_desktop.services.facets import COUNTING_S, ServerFacets, everywhere
from altus4_desktop.services.fan_out import FanOut, Question, index_search
from altus4_desktop.services.language_model import LanguageModel
from altus4_desktop.services.narrowing import check_columns
from altus4_desktop.services.past_searches import SETTINGS, settings_document
from altus4_desktop.services.query_reading import build_reading
from altus4_desktop.services.result_list import ResultList
from altus4_desktop.services.semantic import SemanticSearch
from altus4_desktop.services.semantic_list import SemanticList
from altus4_desktop.services.table_languages import TableLanguages
from altus4_desktop.services.term_statistics import TermStatisticsCache
from altus4_desktop.services.whole_sources import WholeSource, build_whole_sources

if TYPE_CHECKING:
    from altus4_desktop.domain.explaining import Explanation, StatementPlan
    from altus4_desktop.domain.facets import FacetReport
    from altus4_desktop.domain.filtering import Narrowing
    from altus4_desktop.domain.schema import DatabaseSchema
    from altus4_desktop.mysql.fulltext import IndexSearch
    from altus4_desktop.mysql.pools import TenantPools
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.fan_out import Source
    from altus4_desktop.services.history import HistoryService

MAX_QUERY_CHARS = 20_000
# InnoDB does not look at KILL while it reads the postings of one query: its words bound how long
# a stopped search goes on there (8,000 of them ran for 19 s on MariaDB 10.11, 42 s on MySQL 9.7).
MAX_QUERY_WORDS = 200
MAX_LIMIT = 100_000
MAX_ROWS = 100_000
MAX_CELL_CHARS = 64 * 1024 * 1024
_KEPT_SEARCHES = 16


class SearchService:
    """Runs searches for the window and the command line."""

    def __init__(
        self, connections: ConnectionsService, pools: TenantPools, history: HistoryService
    ) -> None:
        self._connections = connections
        self._pools = pools
        self._history = history
        self._explainer = HitExplainer(connections, pools)
        self._statistics = TermStatisticsCache()
        self._languages = TableLanguages()
        self._model = LanguageModel()
        self._lock = threading.Lock()
        self._sent: OrderedDict[str, Mapping[SourceRef, IndexSearch]] = OrderedDict()
        connections.when_forgotten_(self._statistics.clear)
        connections.when_forgotten_(self._languages.clear)

    def run(
        self,
        actor: Actor,
        request: SearchRequest,
        on_update: Callable[[SearchOutcome], None] | None = None,
        token: CancelToken | None = None,
        *,
        kept: bool = True,
    ) -> SearchOutcome:
        """Search, and return when every source has answered, failed, run out of time or been
        cancelled.

        Blocks: for a worker thread, which also calls ``on_update`` with every state on the way (at
        most twenty a second). A source that fails only fails itself. ``kept``: in the history,
        unless the actor keeps none.
        Raises InputError and QuerySyntaxError for what cannot be asked, NotFoundError for a
        connection that is not the actor's, StoreError when the connections cannot be read.
        """
        began = time.perf_counter()
        question = _question(request)
        chosen = self._choose(actor, request)
        token = token or CancelToken()
        semantic = self._semantic(request, question, token)
        fan_out = FanOut(self._connections, self._pools, actor, question, chosen, semantic)
        results = (
            ResultList(request, question)
            if semantic is None
            else SemanticList(request, question, semantic)
        )

        def outcome(*, finished: bool) -> SearchOutcome:
            answered = fan_out.answered()
            page = results.final_page(answered) if finished else results.page(answered)
            return SearchOutcome(
                search_id=question.search_id,
                request=request,
                sources=results.cap(fan_out.reports()),
                hits=page.hits,
                notices=results.notices(fan_out, page.row_count) if finished else (),
                total_ms=(time.perf_counter() - began) * 1000,
                has_more=page.has_more,
                finished=finished,
                categories=find_categories(page.hits, question.query) if finished else (),
                expansions=question.expansions,
            )

        def tell() -> None:
            if on_update is not None:
                on_update(outcome(finished=False))

        fan_out.run(tell, token)
        final = outcome(finished=True)
        _check_tables(request, fan_out)
        check_columns(fan_out.branches, request.narrowing)
        self._remember(question.search_id, fan_out.answered())
        if kept and actor.choices.keeps_history:
            self._history.record(_record(actor, final, [connection for connection, _ in chosen]))
        return final

    def statements(self, actor: Actor, outcome: SearchOutcome) -> Mapping[SourceRef, str]:
        """The statement that each source which answered was sent, with its values.

        Raises what `ConnectionsService.schema_` raises.
        """
        from altus4_desktop.mysql.fulltext import statement_text

        asked = (
            (report.source, self._find_asked(actor, outcome, report.source))
            for report in outcome.sources
            if report.state is SourceState.OK and report.source.index
        )
        return {source: statement_text(search) for source, search in asked if search is not None}

    def explain(
        self,
        actor: Actor,
        request: SearchRequest,
        hit: SearchHit,
        token: CancelToken | None = None,
    ) -> Explanation:
        """Why ``hit`` of ``request`` is where it is; asks its server how rare the words are.

        Raises what `run` raises for a question, NotFoundError for a connection that is not the
        actor's, `TenantError`, `Cancelled`.
        """
        why = self._explainer.explain(
            actor,
            hit,
            clean_query(request.query),
            token or CancelToken(),
            boolean=request.mode is SearchMode.BOOLEAN,
            weights=request.weights,
        )
        order = request.narrowing.order
        return why if order is None else replace(why, sorted_by=order.column)

    def plan(
        self,
        actor: Actor,
        outcome: SearchOutcome,
        source: SourceRef,
        token: CancelToken | None = None,
    ) -> StatementPlan:
        """How the server of ``source`` would run its statement (EXPLAIN; the rows are not read).

        Raises NotFoundError for a connection that is not the actor's and for what `statements` does
        not know, `TenantError`, `Cancelled`.
        """
        from altus4_desktop.mysql.fulltext import explain_index_search

        token = token or CancelToken()
        target = self._connections.target_(actor, source.connection_id)
        search = self._find_asked(actor, outcome, source, token)
        if search is None:
            raise NotFoundError(
                "What “{index}” was asked is not known any more.",
                hint="Search again.",
                details={"index": source.index},
            )
        with self._pools.borrow(target, token) as session:
            return explain_index_search(session, search)

    def _find_asked(
        self,
        actor: Actor,
        outcome: SearchOutcome,
        source: SourceRef,
        token: CancelToken | None = None,
    ) -> IndexSearch | None:
        """What ``source`` was asked.

        Of a search that was not among the last ones it is worked out again: None for an index that
        is gone, and where it depended on what the server had answered before.
        """
        schema = self._connections.schema_(actor, source.connection_id, token)
        with self._lock:
            sent = self._sent.get(outcome.search_id)
        if sent is not None:
            return sent.get(source)
        narrowing = outcome.request.narrowing
        if outcome.request.mode is SearchMode.SEMANTIC or (narrowing.threshold and narrowing.order):
            return None
        question = _question(outcome.request, outcome.search_id)
        alone = len(outcome.sources) == 1
        for planned in _plan(schema, source, outcome.request):
            return index_search(question, schema.database, planned, alone=alone)
        return None

    def read_row(
        self, actor: Actor, hit: SearchHit, token: CancelToken | None = None
    ) -> Mapping[str, Value]:
        """Every column of the hit's row, uncut.

        Raises NotFoundError when the row is gone or its table has no key, `TenantError`,
        `Cancelled`.
        """
        from altus4_desktop.mysql.fulltext import read_row

        token = token or CancelToken()
        connection_id = hit.source.connection_id
        target = self._connections.target_(actor, connection_id)
        schema = self._connections.schema_(actor, connection_id, token)
        table = schema.table(hit.source.table)
        if table is None:
            raise NotFoundError(
                "There is no table “{table}” any more.", details={"table": hit.source.table}
            )
        with self._pools.borrow(target, token) as session:
            return read_row(session, schema.database, table, hit.key)

    def find_whole_sources(
        self, actor: Actor, request: SearchRequest, token: CancelToken | None = None
    ) -> Sequence[WholeSource]:
        """Who is to be asked for every row that ``request`` finds, and what.

        Raises what `run` raises, InputError for a semantic search, whose order only reaches to its
        candidates, AltusError (``search.aria``), `TenantError` and `Cancelled`.
        """
        return build_whole_sources(
            self._connections,
            actor,
            request,
            _question(request),
            self._choose(actor, request),
            token or CancelToken(),
        )

    def count_facets(
        self, actor: Actor, request: SearchRequest, token: CancelToken | None = None
    ) -> FacetReport:
        """What the rows that ``request`` finds have in common, all pages of them.

        Blocks for some seconds at most, for a worker thread; what was not counted by then is said.
        Raises what `run` raises, and Cancelled.
        """
        token = token or CancelToken()
        chosen = self._choose(actor, replace(request, narrowing=everywhere(request.narrowing)))
        question = _question(request)
        if request.mode is not SearchMode.SEMANTIC:
            facets = ServerFacets(self._connections, self._pools, question, request, chosen, token)
            return facets.count()

        def find(narrowing: Narrowing, without: Collection[str], limit_s: float) -> Candidates:
            # How many candidates are ranked goes by the limit: as many as are shown are counted.
            asked = replace(request, narrowing=narrowing, offset=0)
            question = _question(asked)
            semantic = self._semantic(asked, question, token)
            assert semantic is not None  # noqa: S101  # the mode is
            chosen = [one for one in self._choose(actor, asked) if one[0].id not in without]
            fan_out = FanOut(
                self._connections, self._pools, actor, question, chosen, semantic, most_s=limit_s
            )
            fan_out.run(lambda: None, token)
            token.raise_if_cancelled()
            return read_candidates(fan_out, SemanticList(asked, question, semantic))

        timeout_s = min(request.timeout_s or COUNTING_S, COUNTING_S)
        return CandidateFacets(find, request.narrowing, timeout_s).count()

    def count_rows(
        self, actor: Actor, request: SearchRequest, token: CancelToken | None = None
    ) -> FacetReport:
        """How many rows hold words of ``request``, on all pages; in semantic mode too as natural
        mode finds them. Without facets.

        Blocks until ``request.timeout_s``, for some seconds at most, for a worker thread. Raises
        what `run` raises, and Cancelled.
        """
        token = token or CancelToken()
        facets = ServerFacets(
            self._connections,
            self._pools,
            _question(request),
            request,
            self._choose(actor, request),
            token,
        )
        return facets.count_rows()

    def prepare(self, mode: SearchMode) -> None:
        """Begin to load, on a thread of its own, what searches in ``mode`` will need.

        Returns at once, so that also the GUI thread may call it.
        """
        if mode is SearchMode.SEMANTIC:
            self._model.start()

    def check_query(self, text: str, mode: SearchMode) -> None:
        """Raise QuerySyntaxError where boolean ``text`` would be refused by a server."""
        if mode is SearchMode.BOOLEAN:
            parse_boolean(clean_query(text))

    def read_query(self, actor: Actor, request: SearchRequest) -> QueryReading:
        """What is wrong with the query and what becomes of its words on each source.

        Asks no server: what is not known of the sources is said. Raises NotFoundError for a
        connection that is not the actor's, StoreError when the connections cannot be read.
        """
        return build_reading(
            request, self._chosen(actor, request), self._connections.find_known_schema
        )

    def read_rows(self, text: str) -> tuple[BuilderRow, ...] | None:
        """Boolean ``text`` as rows of the builder; None while a server would refuse it."""
        return read_rows(text)

    def change_row(self, text: str, place: int, row: BuilderRow) -> str:
        """``text`` with its part at ``place`` as ``row`` says, everything else as typed."""
        return change_row(text, place, row)

    def add_row(self, text: str, row: BuilderRow) -> str:
        """``text`` with one more part."""
        return add_row(text, row)

    def remove_row(self, text: str, place: int) -> str:
        """``text`` without its part at ``place``."""
        return remove_row(text, place)

    def build_related_query(self, hit: SearchHit, hits: Sequence[SearchHit]) -> str:
        """A natural query for rows like ``hit``, one of ``hits``; empty when it has no words."""
        return " ".join(find_telling_words(hit, hits))

    def plain_text(self, text: str) -> str:
        """The same words without operators, for “search as plain text”."""
        return plain_text(text)

    def _semantic(
        self, request: SearchRequest, question: Question, token: CancelToken
    ) -> SemanticSearch | None:
        if request.mode is not SearchMode.SEMANTIC:
            return None
        return SemanticSearch(
            request,
            question.query,
            question.search_id,
            self._statistics,
            self._languages,
            self._model,
            token,
        )

    def _remember(self, search_id: str, answered: Sequence[Source]) -> None:
        """Keep what was sent."""
        sent = {source.ref: source.sent for source in answered if source.sent is not None}
        with self._lock:
            self._sent[search_id] = sent
            while len(self._sent) > _KEPT_SEARCHES:
                self._sent.popitem(last=False)

    def _choose(
        self, actor: Actor, request: SearchRequest
    ) -> Sequence[tuple[Connection, Collection[TableChoice]]]:
        """The connections to ask, each with the tables chosen there (none: all)."""
        chosen = self._chosen(actor, request)
        if not chosen:
            raise InputError(
                "connections",
                "There is no connection to search.",
                hint="Add a connection first, or choose one.",
            )
        return chosen

    def _chosen(
        self, actor: Actor, request: SearchRequest
    ) -> Sequence[tuple[Connection, Collection[TableChoice]]]:
        visible = {connection.id: connection for connection in self._connections.list_(actor)}
        wanted = list(dict.fromkeys(request.connection_ids))
        if not wanted and request.tables and all(choice.connection_id for choice in request.tables):
            wanted = list(dict.fromkeys(str(choice.connection_id) for choice in request.tables))
        for connection_id in [*wanted, *(choice.connection_id for choice in request.tables)]:
            if connection_id is not None and connection_id not in visible:
                raise NotFoundError(
                    "There is no such connection.",
                    hint="It was removed, or belongs to somebody else.",
                )
        if wanted:
            connections = [visible[connection_id] for connection_id in wanted]
        else:
            connections = [
                connection
                for connection in visible.values()
                if connection.is_active and connection.user_id == actor.user_id
            ]
        only = request.narrowing.only_connections
        if only:
            connections = [connection for connection in connections if connection.id in only]
        chosen = []
        # Tables of one connection say nothing about another one that is asked for by its id.
        bound = all(choice.connection_id for choice in request.tables)
        for connection in connections:
            tables = tuple(
                choice for choice in request.tables if choice.connection_id in (None, connection.id)
            )
            whole = bound and connection.id in request.connection_ids
            if tables or whole or not request.tables:
                chosen.append((connection, tables))
        return chosen


def _question(request: SearchRequest, search_id: str = "") -> Question:
    query = clean_query(request.query)
    if not query.strip():
        raise InputError("query", "There is nothing to search for.", hint="Type a word.")
    if len(query) > MAX_QUERY_CHARS:
        raise InputError(
            "query",
            "The query has {length} characters; {limit} is the most.",
            length=len(query),
            limit=MAX_QUERY_CHARS,
        )
    words = len(set(split_words(query)))
    if words > MAX_QUERY_WORDS:
        raise InputError(
            "query",
            "The query has {words} different words; {limit} is the most.",
            hint="Keep the words that tell most; a server cannot stop a longer one in time.",
            words=words,
            limit=MAX_QUERY_WORDS,
        )
    check_narrowing(request.narrowing)
    for language in (request.language, *(code for _, code in request.languages)):
        if language and language not in LANGUAGE_NAMES:
            raise InputError(
                "language",
                "Word forms of the language “{language}” are not known.",
                hint="Leave it out, and the language is detected.",
                language=language,
            )
    if not 1 <= request.limit <= MAX_LIMIT:
        raise InputError(
            "limit", "The number of rows must be between 1 and {limit}.", limit=MAX_LIMIT
        )
    if request.offset < 0 or request.offset + request.limit > MAX_ROWS:
        raise InputError(
            "offset",
            "Only the first {limit} rows of a search can be shown.",
            hint="Use more words to find fewer rows.",
            limit=MAX_ROWS,
        )
    if request.timeout_s is not None and not request.timeout_s > 0:
        raise InputError("timeout", "The time limit must be more than 0 seconds.")
    if not 1 <= request.cell_limit <= MAX_CELL_CHARS:
        raise InputError(
            "cell_limit",
            "The cell limit must be between 1 and {limit} characters.",
            limit=MAX_CELL_CHARS,
        )
    check_weights(request.weights, MAX_WEIGHTS)
    boolean = request.mode is SearchMode.BOOLEAN
    query, expansions = expand(query, request.synonyms, boolean=boolean)
    hangs = boolean and hangs_aria(parse_boolean(query))
    return Question(
        search_id=search_id or time_ordered_id(),
        query=query if boolean else safe_natural(query),
        boolean=boolean,
        hangs_aria=hangs,
        count=request.limit + 1,
        offset=request.offset,
        cell_limit=request.cell_limit,
        timeout_s=request.timeout_s,
        expansions=expansions,
        narrowing=request.narrowing,
    )


def _plan(
    schema: DatabaseSchema, source: SourceRef, request: SearchRequest
) -> Sequence[PlannedSource]:
    chosen = [TableChoice(source.table, index=source.index)]
    return plan_search(schema, chosen, request.narrowing, source.connection_id).sources


def _check_tables(request: SearchRequest, fan_out: FanOut) -> None:
    """Refuse a chosen table that no searched database has."""
    plans = [branch.plan for branch in fan_out.branches]
    if not request.tables or any(plan is None for plan in plans):
        return
    for choice in request.tables:
        known = [
            branch
            for branch in fan_out.branches
            if choice.connection_id in (None, branch.connection.id)
            and branch.plan is not None
            and choice not in branch.plan.unknown
        ]
        if known:
            continue
        if choice.index:
            raise InputError(
                "tables",
                "The searched connections have no table “{table}” with a FULLTEXT index “{index}”.",
                table=choice.table,
                index=choice.index,
            )
        raise InputError(
            "tables",
            "There is no table “{table}” in the searched connections.",
            table=choice.table,
        )


def _record(
    actor: Actor, outcome: SearchOutcome, connections: Sequence[Connection]
) -> SearchRecord:
    request = outcome.request
    states = [report.state for report in outcome.sources]
    if SourceState.CANCELLED in states:
        ended = "cancelled"
    elif all(state is SourceState.OK for state in states):
        ended = "ok"
    else:
        ended = "partial" if SourceState.OK in states else "failed"
    cause = find_cause(outcome)
    return SearchRecord(
        id=outcome.search_id,
        user_id=actor.user_id,
        connection_id=connections[0].id if len(connections) == 1 else None,
        query=request.query,
        mode=request.mode,
        params={
            "outcome": ended,
            "limit": request.limit,
            "offset": request.offset,
            "language": request.language,
            "api_key": actor.api_key_id,
            "connections": [connection.name for connection in connections],
            "connection_ids": [connection.id for connection in connections],
            "tables": [choice.table for choice in request.tables],
            "scope": [[each.table, each.connection_id, each.index] for each in request.tables],
            "filters": request.narrowing.as_document(),
            SETTINGS: settings_document(
                request, {connection.id for connection in connections}, outcome.expansions
            ),
            "sources": [
                {
                    "connection": report.source.connection,
                    "table": report.source.table,
                    "index": report.source.index,
                    "state": report.state.value,
                    "hits": report.hits,
                    "elapsed_ms": round(report.elapsed_ms, 1),
                    "error": report.error.code if report.error else None,
                }
                for report in outcome.sources
            ],
            **({"cause": cause.value} if cause is not None else {}),
        },
        result_count=len(outcome.hits),
        execution_time_ms=round(outcome.total_ms),
        created_at=datetime.now(UTC),
        categories=outcome.categories,
    )
