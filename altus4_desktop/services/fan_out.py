"""One search over many sources at once: none waits for another, all can be stopped."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection, Flavour, Target
from altus4_desktop.domain.errors import AltusError, Cancelled, TenantError, TenantFailure
from altus4_desktop.domain.filtering import Narrowing
from altus4_desktop.domain.schema import DatabaseSchema, FulltextSettings
from altus4_desktop.domain.searching import (
    Expansion,
    SourceRef,
    SourceReport,
    SourceState,
    TableChoice,
)
from altus4_desktop.search.coverage import WEIGHED_ROWS
from altus4_desktop.search.plan import PlannedSource, SearchPlan, plan_search
from altus4_desktop.search.terms import index_rules
from altus4_desktop.search.words import has_cjk

if TYPE_CHECKING:
    from altus4_desktop.mysql.fulltext import IndexRow, IndexSearch
    from altus4_desktop.mysql.pools import TenantPools
    from altus4_desktop.search.ranking.records import SourceCandidates
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.semantic import SemanticSearch

_LOG = logging.getLogger(__name__)
_OPEN = (SourceState.QUEUED, SourceState.RUNNING)
# The server's own limit speaks first; ours is for a server that says nothing at all.
_GRACE_S = 0.25
_UPDATE_INTERVAL_S = 0.05
_JUST_READ_S = 1.0
# Unknown table, unknown column, no FULLTEXT index on these columns.
_CHANGED_SCHEMA = (1146, 1054, 1191)


@dataclass(frozen=True, slots=True)
class Question:
    """What every source is asked: the first ``count`` rows after ``offset``.

    ``offset`` counts only where one source is asked alone; several are asked for
    ``offset + count`` rows and merged.
    """

    search_id: str
    query: str
    boolean: bool
    hangs_aria: bool
    count: int
    offset: int
    cell_limit: int
    timeout_s: float | None
    expansions: tuple[Expansion, ...] = ()
    narrowing: Narrowing = field(default_factory=Narrowing)


@dataclass(slots=True)
class Source:
    """One index of one connection, and how far it has come; changed under the fan-out's lock."""

    ref: SourceRef
    branch: Branch
    planned: PlannedSource | None = None
    state: SourceState = SourceState.QUEUED
    started_at: float = 0.0
    elapsed_ms: float = 0.0
    error: AltusError | None = None
    rows: Sequence[IndexRow] = ()
    first_rank: int = 1
    parser: str = ""
    candidates: SourceCandidates[IndexRow] | None = None
    sent: IndexSearch | None = None

    def note_sent(self, search: IndexSearch) -> None:
        """Remember what gave the rows."""
        self.sent = search

    def report(self, now: float) -> SourceReport:
        """What is known at ``now`` (monotonic seconds)."""
        running = self.state is SourceState.RUNNING
        elapsed_ms = (now - self.started_at) * 1000 if running else self.elapsed_ms
        return SourceReport(self.ref, self.state, len(self.rows), elapsed_ms, self.error)


@dataclass(slots=True)
class Branch:
    """One connection's part of the search."""

    connection: Connection
    tables: Collection[TableChoice]
    limit_s: float
    deadline: float
    token: CancelToken = field(default_factory=CancelToken)
    sources: list[Source] = field(default_factory=list)
    waiting: deque[Source] = field(default_factory=deque)
    plan: SearchPlan | None = None
    flavour: Flavour = Flavour.MYSQL
    settings: FulltextSettings = field(default_factory=FulltextSettings)


class FanOut:
    """Starts a daemon thread for each source, within each connection's cap, and follows them.

    The caller's thread only waits: a source that hangs in a place that cannot be interrupted is
    given up on, not waited for. No source has more time than ``most_s``.
    """

    def __init__(
        self,
        connections: ConnectionsService,
        pools: TenantPools,
        actor: Actor,
        question: Question,
        chosen: Sequence[tuple[Connection, Collection[TableChoice]]],
        semantic: SemanticSearch | None = None,
        *,
        most_s: float = math.inf,
    ) -> None:
        self._connections = connections
        self._pools = pools
        self._actor = actor
        self._question = question
        self._semantic = semantic
        self._changed = threading.Condition()
        self._news = False
        now = time.monotonic()
        self.branches: list[Branch] = []
        for connection, tables in chosen:
            limit_s = min(question.timeout_s or connection.pool.query_timeout_s, most_s)
            self.branches.append(Branch(connection, tables, limit_s, now + limit_s))
        for branch in self.branches:
            ref = SourceRef(branch.connection.name, connection_id=branch.connection.id)
            branch.sources.append(Source(ref, branch))

    def run(self, on_change: Callable[[], None], token: CancelToken) -> None:
        """Return when every source has ended; ``on_change`` is called meanwhile, on this thread,
        at most every 50 ms."""
        with token.on_cancel(self._cancel):
            try:
                for branch in self.branches:
                    self._start(self._search_branch, branch)
                self._follow(on_change)
            except BaseException:
                # Nobody will hear of the answers: an interrupt, or a fault in ``on_change``.
                self._cancel()
                raise

    def reports(self) -> tuple[SourceReport, ...]:
        """What every source has done so far, by connection, table and index."""
        now = time.monotonic()
        with self._changed:
            reports = [source.report(now) for branch in self.branches for source in branch.sources]
        return tuple(sorted(reports, key=lambda report: report.source))

    def answered(self) -> list[Source]:
        """The sources whose rows have arrived."""
        with self._changed:
            return [
                source
                for branch in self.branches
                for source in branch.sources
                if source.state is SourceState.OK and source.planned is not None
            ]

    def sources(self) -> list[Source]:
        """Every source."""
        with self._changed:
            return [source for branch in self.branches for source in branch.sources]

    # The caller's thread

    def _follow(self, on_change: Callable[[], None]) -> None:
        told_at = 0.0
        while True:
            with self._changed:
                left_s = self._next_deadline() - time.monotonic()
                self._changed.wait_for(lambda: self._news, max(0.0, left_s))
                self._news = False
            self._expire()
            if self._finished():
                return
            pause_s = told_at + _UPDATE_INTERVAL_S - time.monotonic()
            if pause_s > 0:
                with self._changed:
                    if self._changed.wait_for(self._all_ended, pause_s):
                        return
            told_at = time.monotonic()
            on_change()

    def _next_deadline(self) -> float:
        return min(
            (
                branch.deadline + _GRACE_S
                for branch in self.branches
                if any(source.state in _OPEN for source in branch.sources)
            ),
            default=0.0,
        )

    def _finished(self) -> bool:
        with self._changed:
            return self._all_ended()

    def _all_ended(self) -> bool:
        return not any(
            source.state in _OPEN for branch in self.branches for source in branch.sources
        )

    def _expire(self) -> None:
        now = time.monotonic()
        for branch in self.branches:
            if now >= branch.deadline + _GRACE_S and self._end_open(
                branch, SourceState.TIMED_OUT, _overdue(branch)
            ):
                branch.token.cancel()

    def _cancel(self) -> None:
        for branch in self.branches:
            self._end_open(branch, SourceState.CANCELLED, None)
        for branch in self.branches:
            branch.token.cancel()

    # The sources' threads

    def _search_branch(self, branch: Branch) -> None:
        probe = branch.sources[0]
        if not self._begin(probe):
            return
        try:
            target, schema = self._connections.source_(branch.connection, branch.token)
            if not self._plan(branch, schema).sources:
                # Somebody may have followed our advice and made an index since.
                _, schema = self._connections.source_(branch.connection, branch.token, _JUST_READ_S)
        except Exception as error:
            self._fail(probe, error)
            return
        if not self._take_plan(branch, probe, schema):
            return
        for _ in range(min(len(branch.waiting), target.pool.size) - 1):
            self._start(self._drain, branch, target, schema)
        self._drain(branch, target, schema)

    def _plan(self, branch: Branch, schema: DatabaseSchema) -> SearchPlan:
        return plan_search(schema, branch.tables, self._question.narrowing, branch.connection.id)

    def _take_plan(self, branch: Branch, probe: Source, schema: DatabaseSchema) -> bool:
        plan = self._plan(branch, schema)
        with self._changed:
            branch.plan = plan
            branch.flavour = schema.flavour
            branch.settings = schema.fulltext
            if probe.state is not SourceState.RUNNING:
                return False
            if not plan.sources:
                self._end(probe, SourceState.OK)
                return False
            branch.sources = [
                Source(
                    SourceRef(
                        branch.connection.name,
                        planned.table.name,
                        planned.index.name,
                        branch.connection.id,
                    ),
                    branch,
                    planned,
                )
                for planned in plan.sources
            ]
            branch.waiting.extend(branch.sources)
            self._tell()
        return True

    def _drain(self, branch: Branch, target: Target, schema: DatabaseSchema) -> None:
        while True:
            with self._changed:
                if not branch.waiting:
                    return
                source = branch.waiting.popleft()
            if not self._begin(source):
                continue
            try:
                rows, first_rank = self._ask(source, target, schema)
            except Exception as error:
                self._fail(source, error)
                self._read_schema_again(branch, error)
                continue
            with self._changed:
                if source.state is SourceState.RUNNING:
                    source.rows = rows
                    source.first_rank = first_rank
                    self._end(source, SourceState.OK)
            self._connections.note_connected_(branch.connection.id)

    def _read_schema_again(self, branch: Branch, error: Exception) -> None:
        """The remembered schema is out of date when the server no longer knows what it names."""
        if not isinstance(error, TenantError) or error.server_code not in _CHANGED_SCHEMA:
            return
        try:
            self._connections.schema_(self._actor, branch.connection.id, branch.token, refresh=True)
        except AltusError as second:
            _LOG.info("schema not read again: %s", second.code)

    def _ask(
        self, source: Source, target: Target, schema: DatabaseSchema
    ) -> tuple[Sequence[IndexRow], int]:
        from altus4_desktop.mysql.fulltext import best_score, run_index_search
        from altus4_desktop.mysql.whole import least_score

        question, branch, planned = self._question, source.branch, source.planned
        assert planned is not None  # noqa: S101  # only planned sources are asked
        if question.hangs_aria and planned.table.engine.lower() == "aria":
            raise aria_hangs(planned.table.name)
        alone = len(self.branches) == 1 and len(branch.sources) == 1
        left_s = branch.deadline - time.monotonic()
        if left_s <= 0:
            raise _overdue(branch)
        if self._semantic is not None:
            return self._ask_semantically(self._semantic, source, target), 1
        search = index_search(question, schema.database, planned, alone=alone)
        with self._pools.borrow(target, branch.token, timeout_s=left_s) as session:
            if question.narrowing.threshold and search.order is not None:
                # The first rows of another order do not tell which is the best.
                best = best_score(session, search, timeout_s=branch.deadline - time.monotonic())
                least = least_score(best, question.narrowing.threshold)
                search = replace(search, least_score=least)
            left_s = branch.deadline - time.monotonic()
            rows = run_index_search(session, search, timeout_s=left_s)
        source.note_sent(search)
        source.parser = self._parser(source, rows)
        return rows, search.offset + 1

    def _ask_semantically(
        self, semantic: SemanticSearch, source: Source, target: Target
    ) -> Sequence[IndexRow]:
        branch, planned = source.branch, source.planned
        assert planned is not None  # noqa: S101  # only planned sources are asked
        if has_cjk(self._question.query):
            source.parser = self._parser(source, ())
        rules = index_rules(planned.table, branch.settings, branch.flavour, source.parser)
        left_s = branch.deadline - time.monotonic()
        with self._pools.borrow(target, branch.token, timeout_s=left_s) as session:
            answer = semantic.ask(
                session,
                planned,
                rules,
                source.ref,
                deadline=branch.deadline,
                cell_limit=self._question.cell_limit,
                on_sent=source.note_sent,
            )
        source.candidates = answer
        return [candidate.row for candidate in answer.candidates]

    def _parser(self, source: Source, rows: Sequence[IndexRow]) -> str:
        """The index's parser, looked up only where it decides what is highlighted or explained."""
        planned = source.planned
        assert planned is not None  # noqa: S101  # only planned sources are asked
        known = planned.index.parser
        if known is not None or (rows and not has_cjk(self._question.query)):
            return known or ""
        try:
            parsers = self._connections.parsers_(
                self._actor, source.branch.connection.id, planned.table.name, source.branch.token
            )
        except AltusError as error:
            # Without it the marks are those of the built-in parser; the rows are right anyhow.
            _LOG.info("parser of an index not read: %s", error.code)
            return ""
        return parsers.get(planned.index.name, "")

    def _fail(self, source: Source, error: Exception) -> None:
        if isinstance(error, Cancelled):
            state, told = SourceState.CANCELLED, None
        elif isinstance(error, AltusError):
            late = isinstance(error, TenantError) and error.failure is TenantFailure.TIMEOUT
            state, told = SourceState.TIMED_OUT if late else SourceState.FAILED, error
        else:
            _LOG.error("a source broke off", exc_info=error)
            state = SourceState.FAILED
            told = AltusError(
                "The search of “{connection}” broke off.",
                hint="This is a fault of the program; the log has the details.",
                code="search.broken",
                details={"connection": source.branch.connection.name},
            )
            told.__cause__ = error
        with self._changed:
            if source.state in _OPEN:
                self._end(source, state, told)

    # States; under the lock

    def _begin(self, source: Source) -> bool:
        with self._changed:
            if source.state is not SourceState.QUEUED:
                return False
            source.state = SourceState.RUNNING
            source.started_at = time.monotonic()
            self._tell()
        return True

    def _end(self, source: Source, state: SourceState, error: AltusError | None = None) -> None:
        if source.started_at:
            source.elapsed_ms = (time.monotonic() - source.started_at) * 1000
        source.state = state
        source.error = error
        self._tell()

    def _end_open(self, branch: Branch, state: SourceState, error: AltusError | None) -> bool:
        with self._changed:
            still_open = [source for source in branch.sources if source.state in _OPEN]
            for source in still_open:
                self._end(source, state, error)
        return bool(still_open)

    def _tell(self) -> None:
        self._news = True
        self._changed.notify_all()

    def _start(self, work: Callable[..., None], *args: object) -> None:
        threading.Thread(target=work, args=args, name="altus4-source", daemon=True).start()


def index_search(
    question: Question, database: str, planned: PlannedSource, *, alone: bool
) -> IndexSearch:
    """What one index is asked; a source asked ``alone`` skips the earlier pages itself."""
    from altus4_desktop.mysql.fulltext import IndexSearch

    # What is a share of the best score can only be told from the best row on.
    alone = alone and (not question.narrowing.threshold or planned.order is not None)
    offset = question.offset if alone else 0
    limit = question.offset - offset + question.count
    return IndexSearch(
        search_id=question.search_id,
        database=database,
        table=planned.table,
        index=planned.index,
        query=question.query,
        boolean=question.boolean,
        limit=limit if alone else max(limit, WEIGHED_ROWS),
        offset=offset,
        cell_limit=question.cell_limit,
        conditions=planned.conditions,
        order=planned.order,
    )


def _overdue(branch: Branch) -> TenantError:
    return TenantError(
        TenantFailure.TIMEOUT,
        "“{connection}” did not answer within {limit_s} s.",
        hint="Search it alone, allow more time, or choose fewer tables.",
        retryable=True,
        details={"connection": branch.connection.name, "limit_s": round(branch.limit_s, 1)},
    )


def aria_hangs(table: str) -> AltusError:
    """Why a query that never ends on ``table`` is not sent."""
    return AltusError(
        "“{table}” is an Aria table: a required word (+) together with two word beginnings (*) "
        "would occupy its server for ever.",
        hint="Leave out the “+”, or all but one “*”.",
        code="search.aria",
        details={"table": table},
    )
