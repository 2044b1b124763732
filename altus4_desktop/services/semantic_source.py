"""One source's part of a semantic search: its candidates and what its table says of the terms."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.search.plan import PlannedSource
from altus4_desktop.search.ranking.choice import Choice, choose_terms
from altus4_desktop.search.ranking.question import Question, QuestionTerm
from altus4_desktop.search.ranking.records import (
    Candidate,
    Degraded,
    Lack,
    SourceCandidates,
    TermStatistics,
)
from altus4_desktop.search.terms import IndexRules
from altus4_desktop.search.weights import weighted_counts
from altus4_desktop.services.table_samples import CELL_CHARS, searched_columns
from altus4_desktop.services.term_statistics import TermStatisticsCache

if TYPE_CHECKING:
    from altus4_desktop.mysql.fulltext import IndexRow, IndexSearch
    from altus4_desktop.mysql.session import TenantSession

_LOG = logging.getLogger(__name__)

CANDIDATES = 250
MOST_CANDIDATES = 1_000
# A search holds no more of one source's text than this, however wide its rows are.
_MOST_CHARS = 32_000_000
_FEWEST_CELL_CHARS = 256
# What is left of the time when reading many rows took too long.
_FIRST_TRY = 0.6
_SECOND_TRY_ROWS = 25


def ask_source(
    session: TenantSession,
    planned: PlannedSource,
    rules: IndexRules,
    question: Question,
    statistics: TermStatisticsCache,
    *,
    table_id: tuple[str, ...],
    deadline: float,
    search_id: str,
    wanted: int = 20,
    cell_limit: int = CELL_CHARS,
    weights: Mapping[str, float] = MappingProxyType({}),
    on_sent: Callable[[IndexSearch], None] | None = None,
) -> SourceCandidates[IndexRow]:
    """What the index of ``planned`` contributes to ``question``.

    Blocks, for the source's thread, until ``deadline`` (monotonic seconds) at most. ``rules`` are
    those of the index with its parser. ``table_id`` names connection and table, alike for all
    indexes of one table. ``wanted`` is how many rows may be shown (offset and limit together), and
    ``cell_limit`` how many characters of a cell. ``weights`` are those of columns. ``on_sent`` is
    told what the candidates were asked for by. Raises `TenantError` and `Cancelled`.
    """
    known = statistics.read(
        session,
        planned.table,
        planned.index,
        rules,
        question,
        # Candidates matter more than exact statistics.
        deadline=time.monotonic() + (deadline - time.monotonic()) / 3,
        tag=search_id,
    )
    choice = choose_terms(question, rules, row_count(known))
    degraded = []
    if choice.left_out:
        words = tuple(term.words[0] for term in choice.left_out)
        degraded.append(Degraded(Lack.TERMS_LEFT_OUT, words))
    if known.estimated:
        degraded.append(Degraded(Lack.STATISTICS_ESTIMATED))
    candidates: list[Candidate[IndexRow]] = []
    if choice.query:
        search = candidate_search(
            session.target.database, planned, choice, search_id, wanted, cell_limit
        )
        rows, sent = _run(session, search, deadline)
        if on_sent is not None:
            on_sent(sent)
        if sent.limit < search.limit:
            degraded.append(Degraded(Lack.TIME_SHORT))
        if len(rows) == sent.limit:
            degraded.append(Degraded(Lack.CANDIDATES_CUT))
        columns = searched_columns(planned.table)
        candidates = [_candidate(row, columns, question, weights) for row in rows]
    return SourceCandidates(
        table_id=table_id,
        index=planned.index.name,
        candidates=candidates,
        statistics=known,
        degraded=tuple(degraded),
        question=question,
    )


def row_count(known: TermStatistics) -> Callable[[QuestionTerm], float]:
    """About how many rows hold a term, by what is ``known`` of the table."""

    def rows(term: QuestionTerm) -> float:
        counted = known.counted.get(term.stem)
        if counted is not None:
            return counted
        if not known.sample_rows:
            return known.rows
        return known.sampled.get(term.stem, 0) * known.rows / known.sample_rows

    return rows


def candidate_search(
    database: str,
    planned: PlannedSource,
    choice: Choice,
    search_id: str,
    wanted: int,
    cell_limit: int,
) -> IndexSearch:
    """What the index of ``planned`` is asked for its candidates."""
    from altus4_desktop.mysql.fulltext import IndexSearch

    limit = min(max(CANDIDATES, wanted), MOST_CANDIDATES)
    widest = _MOST_CHARS // (limit * max(1, len(planned.table.columns)))
    return IndexSearch(
        search_id=search_id,
        database=database,
        table=planned.table,
        index=planned.index,
        query=choice.query,
        boolean=choice.boolean,
        limit=limit,
        cell_limit=min(cell_limit, max(widest, _FEWEST_CELL_CHARS)),
        conditions=planned.conditions,
    )


def _run(
    session: TenantSession, search: IndexSearch, deadline: float
) -> tuple[Sequence[IndexRow], IndexSearch]:
    """The rows, and what gave them: fewer are asked for when so many took too long."""
    from altus4_desktop.mysql.fulltext import run_index_search

    left_s = deadline - time.monotonic()
    try:
        rows = run_index_search(session, search, timeout_s=left_s * _FIRST_TRY)
    except TenantError as error:
        if error.failure is not TenantFailure.TIMEOUT or session.broken:
            raise
        _LOG.info("fewer candidates are asked for: %s", error.code)
        search = replace(search, limit=_SECOND_TRY_ROWS, cell_limit=_FEWEST_CELL_CHARS)
        rows = run_index_search(session, search, timeout_s=deadline - time.monotonic())
    return rows, search


def _candidate(
    row: IndexRow, columns: Sequence[str], question: Question, weights: Mapping[str, float]
) -> Candidate[IndexRow]:
    cells = {}
    for name in columns:
        cell = row.columns.get(name)
        if isinstance(cell, bytes):
            cell = cell.decode("utf-8", "replace")
        if isinstance(cell, str) and cell:
            cells[name] = cell[:CELL_CHARS]
    counts = question.analyser.counts("\n".join(cells.values()))
    stems: Mapping[str, float] = counts
    if any(name in weights for name in cells):
        stems = weighted_counts(cells, weights, question.analyser.counts)
    return Candidate(
        key=tuple(row.key.values()),
        cells=cells,
        stems=stems,
        length=max(counts.total(), 1),
        row=row,
    )
