"""Counts the facets of a search: on the servers, over everything that is found.

A facet leaves the filters on its own column out, so that it tells what choosing another value would
bring. Semantic mode ranks candidates and nothing else: `candidate_facets` counts those.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.errors import AltusError, Cancelled, TenantError, TenantFailure
from altus4_desktop.domain.facets import FacetKind, FacetReport
from altus4_desktop.domain.filtering import Narrowing, Operator
from altus4_desktop.domain.searching import Notice, SearchRequest, TableChoice, Value
from altus4_desktop.search.facets import (
    SAMPLED_ROWS,
    SHOWN_VALUES,
    FacetColumn,
    FacetCounts,
    choose_columns,
    facet_columns,
    facet_text,
)
from altus4_desktop.search.filtering import bind_filters
from altus4_desktop.search.plan import PlannedSource, plan_search

if TYPE_CHECKING:
    from altus4_desktop.domain.cancel import CancelToken
    from altus4_desktop.domain.connections import Connection, Target
    from altus4_desktop.domain.schema import DatabaseSchema, FulltextIndex
    from altus4_desktop.mysql.pools import TenantPools
    from altus4_desktop.mysql.session import TenantSession
    from altus4_desktop.mysql.whole import WholeSearch
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.fan_out import Question

_LOG = logging.getLogger(__name__)
# Counts are an extra: nobody waits longer for them, and no server works longer on them.
COUNTING_S = 8.0
MOST_ROWS = 1_000_000
_MOST_MONTHS = 2_400
_GRACE_S = 0.2
_NAMED = 4
_SHOWN_CHARS = 160
_NO_ANSWER = "no answer in time"

Wanted = Mapping[str, Collection[str | None]]


def wanted_values(narrowing: Narrowing) -> Wanted:
    """What is filtered by, by column; "" stands for connections and tables."""
    wanted: dict[str, set[str | None]] = {}
    for column_filter in narrowing.filters:
        values = wanted.setdefault(column_filter.column.casefold(), set())
        if column_filter.operator is Operator.IS:
            values.update(column_filter.values)
    if narrowing.only_connections or narrowing.only_tables:
        wanted[""] = set()
    return wanted


def without_column(narrowing: Narrowing, column: str) -> Narrowing:
    """``narrowing`` without the filters on ``column``."""
    kept = [f for f in narrowing.filters if f.column.casefold() != column.casefold()]
    return replace(narrowing, filters=tuple(kept))


def everywhere(narrowing: Narrowing) -> Narrowing:
    """``narrowing`` for every connection and table of the search, in no order."""
    return replace(narrowing, only_connections=(), only_tables=(), order=None)


def count_places(
    counts: FacetCounts,
    narrowing: Narrowing,
    rows: Sequence[tuple[str, str, str, int, bool]],
) -> int:
    """Count connections and tables out of (connection id, its name, table, rows, whether these are
    the least); the rows that all choices leave."""
    only_connections, only_tables = narrowing.only_connections, narrowing.only_tables
    total = 0
    for connection_id, name, table, count, at_least in rows:
        is_here = not only_connections or connection_id in only_connections
        is_table = not only_tables or table in only_tables
        if is_table:
            counts.add(
                FacetKind.CONNECTION,
                "",
                {connection_id: count},
                labels={connection_id: name},
                at_least=at_least,
            )
        if is_here:
            counts.add(FacetKind.TABLE, "", {table: count}, at_least=at_least)
        if is_here and is_table:
            total += count
    return total


@dataclass(frozen=True, slots=True)
class _Asked:
    """One index of one table, how many rows it finds that no index before it does, and some of
    them."""

    connection: Connection
    target: Target
    schema: DatabaseSchema
    search: WholeSearch
    found: int
    sample: Sequence[Mapping[str, Value]]


@dataclass(slots=True)
class _Board:
    """What the connections' threads have found out; changed under its lock.

    ``due`` are the columns of sources (connection id, table, index, column) still to be counted,
    ``silent`` tells by connection why it was not counted.
    """

    asked: list[_Asked] = field(default_factory=list)
    counts: FacetCounts = field(default_factory=FacetCounts)
    due: dict[tuple[str, str, str, str], tuple[FacetKind, str]] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    late: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)


class ServerFacets:
    """Counts over natural and boolean searches, a thread for each connection.

    First every index tells how many rows it finds and shows some of them; these choose the columns,
    alike for all, and then their values are counted. What a server does not count in time is said
    to be at least what was counted.
    """

    def __init__(
        self,
        connections: ConnectionsService,
        pools: TenantPools,
        question: Question,
        request: SearchRequest,
        chosen: Sequence[tuple[Connection, Collection[TableChoice]]],
        token: CancelToken,
    ) -> None:
        self._connections = connections
        self._pools = pools
        self._question = question
        self._narrowing = request.narrowing
        self._chosen = chosen
        self._token = token
        self._timeout_s = min(request.timeout_s or COUNTING_S, COUNTING_S)
        self._ends_at = 0.0

    def count(self) -> FacetReport:
        """Blocks until all have counted or the time is over; raises `Cancelled`."""
        self._token.raise_if_cancelled()
        self._ends_at = time.monotonic() + self._timeout_s
        board = _Board()
        half_s = self._timeout_s / 2
        work = [(c, (c, tables, SAMPLED_ROWS)) for c, tables in self._chosen]
        self._each(board, work, self._look, half_s)
        with board.changed:
            asked = list(board.asked)
            if board.silent or board.late:
                board.counts.note_lack(FacetKind.CONNECTION, "")
                board.counts.note_lack(FacetKind.TABLE, "")
            is_whole = not (board.silent or board.late)
        counted = [a for a in asked if a.found and self._is_inside(a)]
        columns = self._choose_columns(counted)
        with board.changed:
            board.due = {
                _due(source, column): facet_key(column)
                for source in counted
                for column in facet_columns(source.search.table)
                if facet_key(column) in columns
            }
        by_connection: dict[str, list[_Asked]] = {}
        for source in counted if columns else ():
            by_connection.setdefault(source.connection.id, []).append(source)
        due = [(sources[0].connection, (sources, columns)) for sources in by_connection.values()]
        self._each(board, due, self._count_values, self._timeout_s)
        with board.changed:
            for kind, name in board.due.values() if is_whole else columns:
                board.counts.note_lack(kind, name)
            return self._report(board, asked)

    def count_rows(self) -> FacetReport:
        """`count` without any facet: only how many rows there are."""
        self._token.raise_if_cancelled()
        self._ends_at = time.monotonic() + self._timeout_s
        board = _Board()
        work = [(c, (c, tables, 0)) for c, tables in self._chosen]
        self._each(board, work, self._look, self._timeout_s)
        with board.changed:
            return replace(self._report(board, list(board.asked)), facets=())

    def _report(self, board: _Board, asked: Sequence[_Asked]) -> FacetReport:
        places = [
            (a.connection.id, a.connection.name, a.search.table.name, a.found, a.found >= MOST_ROWS)
            for a in asked
        ]
        rows = count_places(board.counts, self._narrowing, places)
        return FacetReport(
            board.counts.build(wanted_values(self._narrowing)),
            rows,
            at_least=board.late or bool(board.silent) or any(place[4] for place in places),
            notices=uncounted_notices(board.silent),
            indexes=len(asked),
        )

    def _each(
        self,
        board: _Board,
        work: Sequence[tuple[Connection, tuple[Any, ...]]],
        act: Callable[..., None],
        limit_s: float,
    ) -> None:
        """Run ``act`` for each connection and wait for all of them, for ``limit_s`` at most."""
        ends_at = min(self._ends_at, time.monotonic() + limit_s)
        left = [connection.id for connection, _ in work]

        def run(connection: Connection, args: tuple[Any, ...]) -> None:
            deadline = min(ends_at, time.monotonic() + connection.pool.query_timeout_s)
            problem = ""
            try:
                act(board, deadline, *args)
            except Cancelled:
                pass
            except AltusError as error:
                _LOG.info("facets of a connection not counted: %s", error.code)
                problem = error.message
            except Exception:
                _LOG.exception("facets of a connection broke off")
                problem = "It broke off; the log has the details."
            with board.changed:
                if problem:
                    board.silent[connection.name] = problem
                left.remove(connection.id)
                board.changed.notify_all()

        for connection, args in work:
            threading.Thread(
                target=run, args=(connection, args), name="altus4-facets", daemon=True
            ).start()
        with self._token.on_cancel(lambda: _wake(board)), board.changed:
            while left and not self._token.cancelled:
                left_s = ends_at + _GRACE_S - time.monotonic()
                if left_s <= 0:
                    board.late = True
                    for connection, _ in work:
                        if connection.id in left:
                            board.silent.setdefault(connection.name, _NO_ANSWER)
                    break
                board.changed.wait(left_s)
        self._token.raise_if_cancelled()

    def _look(
        self,
        board: _Board,
        deadline: float,
        connection: Connection,
        tables: Collection[TableChoice],
        sampled: int,
    ) -> None:
        """How many rows each index of a connection finds, and ``sampled`` of them."""
        from altus4_desktop.mysql.facets import count_found, sample_found
        from altus4_desktop.mysql.whole import with_least_scores

        target, schema = self._connections.source_(connection, self._token)
        plan = plan_search(schema, tables, everywhere(self._narrowing), connection.id)
        before: dict[str, tuple[FulltextIndex, ...]] = {}
        with self._pools.borrow(target, self._token, timeout_s=_left(deadline)) as session:
            for planned in plan.sources:
                table = planned.table
                if self._question.hangs_aria and table.engine.lower() == "aria":
                    continue
                others = before.get(table.name, ())
                before[table.name] = (*others, planned.index)
                search = self._search(schema, planned, others)
                try:
                    search = with_least_scores(session, search, timeout_s=_left(deadline))
                    found = count_found(session, search, most=MOST_ROWS, timeout_s=_left(deadline))
                    names = [column.name for column in facet_columns(table)]
                    sample = (
                        sample_found(
                            session,
                            search,
                            names,
                            limit=sampled,
                            timeout_s=_left(deadline),
                        )
                        if found and names and sampled
                        else []
                    )
                except TenantError as error:
                    _note_late(board, session, error)
                    continue
                with board.changed:
                    board.asked.append(_Asked(connection, target, schema, search, found, sample))

    def _choose_columns(self, counted: Sequence[_Asked]) -> Collection[tuple[FacetKind, str]]:
        """The columns whose values are counted, by kind and name without case."""
        filtered = {f.column.casefold() for f in self._narrowing.filters}
        columns: dict[tuple[FacetKind, str], FacetColumn] = {}
        sample: list[Mapping[str, Value]] = []
        for asked in counted:
            of_table = facet_columns(asked.search.table)
            for column in of_table:
                columns.setdefault(facet_key(column), replace(column, name=column.name.casefold()))
            sample += ({name.casefold(): v for name, v in row.items()} for row in asked.sample)
        chosen = choose_columns(list(columns.values()), sample, filtered)
        return {facet_key(column) for column in chosen}

    def _count_values(
        self,
        board: _Board,
        deadline: float,
        sources: Sequence[_Asked],
        chosen: Collection[tuple[FacetKind, str]],
    ) -> None:
        """Count the values of the ``chosen`` columns on one connection."""
        filtered = {f.column.casefold() for f in self._narrowing.filters}
        target = sources[0].target
        with self._pools.borrow(target, self._token, timeout_s=_left(deadline)) as session:
            for asked in sources:
                for column in facet_columns(asked.search.table):
                    if facet_key(column) not in chosen:
                        continue
                    own = column.name.casefold() in filtered
                    try:
                        self._count_column(board, session, asked, column, deadline, own=own)
                    except TenantError as error:
                        _note_late(board, session, error)

    def _count_column(
        self,
        board: _Board,
        session: TenantSession,
        asked: _Asked,
        column: FacetColumn,
        deadline: float,
        *,
        own: bool,
    ) -> None:
        from altus4_desktop.mysql.facets import count_values
        from altus4_desktop.mysql.whole import with_least_scores

        search = asked.search
        if own:
            free = without_column(everywhere(self._narrowing), column.name)
            table = search.table
            conditions = bind_filters(free.filters, table, asked.connection.id)
            search = replace(search, conditions=conditions, least_scores=())
            search = with_least_scores(session, search, timeout_s=_left(deadline))
        is_date = column.kind is FacetKind.DATE
        groups = _MOST_MONTHS if is_date else SHOWN_VALUES + 1
        rows = count_values(
            session,
            search,
            column.name,
            months=is_date,
            most=MOST_ROWS,
            groups=groups,
            timeout_s=_left(deadline),
        )
        values: Counter[str | None] = Counter()
        for value, count in rows:
            values[facet_text(column, value)] += count
        with board.changed:
            board.counts.add(
                column.kind,
                column.name,
                values,
                at_least=values.total() >= MOST_ROWS,
                has_more=len(rows) >= groups,
                folds=column.folds,
            )
            board.due.pop(_due(asked, column), None)

    def _search(
        self, schema: DatabaseSchema, planned: PlannedSource, others: tuple[FulltextIndex, ...]
    ) -> WholeSearch:
        from altus4_desktop.mysql.whole import WholeSearch

        question = self._question
        return WholeSearch(
            search_id=question.search_id,
            database=schema.database,
            table=planned.table,
            index=planned.index,
            others=others,
            query=question.query,
            boolean=question.boolean,
            conditions=planned.conditions,
            threshold=question.narrowing.threshold,
        )

    def _is_inside(self, asked: _Asked) -> bool:
        only_connections = self._narrowing.only_connections
        only_tables = self._narrowing.only_tables
        return (not only_connections or asked.connection.id in only_connections) and (
            not only_tables or asked.search.table.name in only_tables
        )


def facet_key(column: FacetColumn) -> tuple[FacetKind, str]:
    """What columns of one facet have alike."""
    return column.kind, column.name.casefold()


def _due(asked: _Asked, column: FacetColumn) -> tuple[str, str, str, str]:
    search = asked.search
    return asked.connection.id, search.table.name, search.index.name, column.name


def uncounted_notices(silent: Mapping[str, str]) -> tuple[Notice, ...]:
    """What to say of connections that were not counted, by name with the reason."""
    if not silent:
        return ()
    told = [f"“{name}” ({_shortened(why)})" for name, why in list(silent.items())[:_NAMED]]
    more = f" and {len(silent) - _NAMED} more" if len(silent) > _NAMED else ""
    return (Notice("search.uncounted", f"Not all counted: {', '.join(told)}{more}."),)


def _shortened(why: str) -> str:
    line = why.removesuffix(".")
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…"


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _wake(board: _Board) -> None:
    with board.changed:
        board.changed.notify_all()


def _note_late(board: _Board, session: TenantSession, error: TenantError) -> None:
    if error.failure is not TenantFailure.TIMEOUT or session.broken:
        raise error
    with board.changed:
        board.late = True
