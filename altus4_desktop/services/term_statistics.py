"""Term statistics of tables, remembered from search to search.

The first search of an index reads a sample of its rows: it tells how long rows are and how frequent
frequent stems are, without the server counting them. Only stems that are rare in the sample are
counted by the server, and rare means cheap. A table that is no larger than a sample is read whole
and its statistics are exact.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.schema import FulltextIndex, TableInfo
from altus4_desktop.search.ranking.choice import search_text
from altus4_desktop.search.ranking.question import Question, QuestionTerm
from altus4_desktop.search.ranking.records import TermStatistics
from altus4_desktop.search.terms import IndexRules

if TYPE_CHECKING:
    from altus4_desktop.mysql.session import TenantSession

_LOG = logging.getLogger(__name__)

SAMPLE_ROWS = 2_000
CELL_CHARS = 4_096
MOST_TABLES = 64
MOST_STEMS = 20_000
MOST_COUNTED = 2_000
MAX_AGE_S = 600.0
# A table that could not be sampled in time would hold up each search anew.
RETRY_S = 60.0

_SLICES = 8
# A table of this size is counted in a few milliseconds; what the server estimates may be far off.
_COUNTED_ROWS = 50_000
_STATEMENT_S = 0.5
_COUNTS_A_SEARCH = 16
# Fewer finds in a sample say too little.
_ENOUGH_FINDS = 5


@dataclass(slots=True)
class _Known:
    """What is remembered of one index; changed under the cache's lock."""

    rows: float
    average_length: float
    sampled: dict[str, int]
    sample_rows: int
    whole: bool
    estimated_rows: int | None
    analyzed_at: datetime | None
    read_at: float
    counted: OrderedDict[str, int] = field(default_factory=OrderedDict)
    # When a stem that took too long to count may be tried again.
    uncounted: dict[str, float] = field(default_factory=dict)


_Key = tuple[str, ...]


class TermStatisticsCache:
    """Statistics of the last `MOST_TABLES` indexes; for any thread.

    What is known of a table is forgotten after `MAX_AGE_S` (after `RETRY_S` that it was too slow to
    be sampled), when the server's estimate of its rows has changed by a tenth, when the server has
    counted it anew, and by `clear`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, _Known] = OrderedDict()

    def clear(self, connection_id: str | None = None) -> None:
        """Forget everything, or everything of one connection."""
        with self._lock:
            for key in [key for key in self._known if connection_id in (None, key[0])]:
                del self._known[key]

    def read(
        self,
        session: TenantSession,
        table: TableInfo,
        index: FulltextIndex,
        rules: IndexRules,
        question: Question,
        *,
        deadline: float,
        tag: str,
    ) -> TermStatistics:
        """The statistics of ``table`` for the terms of ``question``, with few statements and, where
        all is remembered, with none.

        What the server does not tell until ``deadline`` (monotonic) is estimated. Raises
        `TenantError` for all but a statement that took too long, and `Cancelled`.
        """
        key = (
            session.target.connection_id,
            session.target.database,
            table.name,
            index.name,
            *index.columns,
            question.language,
        )
        known = self._find(key, table)
        if known is None:
            reader = _Reader(session, table, deadline, tag)
            known = reader.read(searched_columns(table), question)
            with self._lock:
                # A search that had no time to ask says nothing of the table.
                if known.sample_rows or not known.rows or reader.too_slow:
                    self._known[key] = known
                while len(self._known) > MOST_TABLES:
                    self._known.popitem(last=False)
        missing = [] if known.whole or rules.ngram_size else self._missing(known, question)
        for term in missing[:_COUNTS_A_SEARCH]:
            text = search_text(term, rules)
            if not text:
                continue
            if time.monotonic() >= deadline:
                break
            rows = _Reader(session, table, deadline, tag).count(index, text)
            with self._lock:
                if rows is None:
                    # One wait is enough for a search; the next one goes on with the next word.
                    known.uncounted[term.stem] = time.monotonic() + RETRY_S
                    break
                known.uncounted.pop(term.stem, None)
                known.counted[term.stem] = rows
                while len(known.counted) > MOST_COUNTED:
                    known.counted.popitem(last=False)
        return self._statistics(known, question)

    def _find(self, key: _Key, table: TableInfo) -> _Known | None:
        with self._lock:
            known = self._known.get(key)
            if known is None:
                return None
            if _is_outdated(known, table):
                del self._known[key]
                return None
            self._known.move_to_end(key)
            return known

    def _missing(self, known: _Known, question: Question) -> list[QuestionTerm]:
        with self._lock:
            missing = []
            for term in question.terms:
                if term.stem in known.counted:
                    known.counted.move_to_end(term.stem)
                elif known.uncounted.get(term.stem, 0.0) > time.monotonic():
                    continue
                elif known.sampled.get(term.stem, 0) < _ENOUGH_FINDS:
                    missing.append(term)
            return missing

    def _statistics(self, known: _Known, question: Question) -> TermStatistics:
        with self._lock:
            counted = {
                term.stem: float(known.counted[term.stem])
                for term in question.terms
                if term.stem in known.counted
            }
        return TermStatistics(
            rows=known.rows,
            average_length=known.average_length,
            counted=counted,
            sampled=known.sampled,
            sample_rows=known.sample_rows,
            estimated=not known.whole,
        )


def searched_columns(table: TableInfo) -> tuple[str, ...]:
    """The columns that any FULLTEXT index of ``table`` covers, in the table's order.

    A row is the same row whichever index found it, so it is judged by all of them.
    """
    covered = {name for index in table.fulltext_indexes for name in index.columns}
    return tuple(column.name for column in table.columns if column.name in covered)


def _is_outdated(known: _Known, table: TableInfo) -> bool:
    failed = known.rows and not known.sample_rows
    if time.monotonic() - known.read_at > (RETRY_S if failed else MAX_AGE_S):
        return True
    if known.analyzed_at != table.last_analyzed_at:
        return True
    before, now = known.estimated_rows, table.estimated_rows
    if before is None or now is None:
        return before is not now
    return abs(now - before) > max(before, now) / 10


class _Reader:
    """Asks one table what is not known yet; what takes too long stays unknown.

    ``too_slow`` says that a statement of the sample had all of its time and did not end.
    """

    def __init__(self, session: TenantSession, table: TableInfo, deadline: float, tag: str) -> None:
        self._session = session
        self._table = table
        self._deadline = deadline
        self._tag = tag
        self.too_slow = False

    def _limit_s(self) -> float:
        return min(_STATEMENT_S, self._deadline - time.monotonic())

    def count(self, index: FulltextIndex, text: str) -> int | None:
        """How many rows match; None when that took too long."""
        from altus4_desktop.mysql.candidates import count_matches

        limit_s = self._limit_s()
        if limit_s <= 0:
            return None
        try:
            return count_matches(
                self._session, self._table, index, text, timeout_s=limit_s, tag=self._tag
            )
        except TenantError as error:
            _pass_unless_late(error, self._session)
            return None

    def read(self, columns: tuple[str, ...], question: Question) -> _Known:
        """A sample of the rows."""
        table = self._table
        rows = self._rows()
        sampled: Counter[str] = Counter()
        words = 0
        seen: set[object] = set()
        for cells in self._sample(columns, rows, seen):
            counts = question.analyser.counts(cells)
            words += counts.total()
            sampled.update(counts.keys())
        size = len(seen)
        whole = 0 < rows <= size
        if not whole and len(sampled) > MOST_STEMS:
            sampled = Counter(dict(sampled.most_common(MOST_STEMS)))
        return _Known(
            rows=float(max(rows, size)),
            average_length=words / size if size else 0.0,
            sampled=dict(sampled),
            sample_rows=size,
            whole=whole,
            estimated_rows=table.estimated_rows,
            analyzed_at=table.last_analyzed_at,
            read_at=time.monotonic(),
        )

    def _rows(self) -> int:
        from altus4_desktop.mysql.candidates import count_rows

        estimated = self._table.estimated_rows
        if estimated is not None and estimated > _COUNTED_ROWS:
            return estimated
        limit_s = self._limit_s()
        if limit_s > 0:
            try:
                return count_rows(self._session, self._table, timeout_s=limit_s, tag=self._tag)
            except TenantError as error:
                _pass_unless_late(error, self._session)
        return estimated or 0

    def _sample(self, columns: tuple[str, ...], rows: int, seen: set[object]) -> list[str]:
        """The text of each sampled row; ``seen`` receives one entry a row."""
        from altus4_desktop.mysql.candidates import key_range, read_sample

        texts: list[str] = []
        limit_s = 0.0
        try:
            ends = None
            if rows > SAMPLE_ROWS and (limit_s := self._limit_s()) > 0:
                ends = key_range(self._session, self._table, timeout_s=limit_s, tag=self._tag)
            starts: list[int | None] = [None]
            limit = SAMPLE_ROWS
            if ends is not None:
                least, most = ends
                starts = [least + (most - least) * at // _SLICES for at in range(_SLICES)]
                limit = SAMPLE_ROWS // _SLICES
            for start in starts:
                limit_s = self._limit_s()
                if limit_s <= 0:
                    break
                for row in read_sample(
                    self._session,
                    self._table,
                    columns,
                    start=start,
                    limit=limit,
                    cell_limit=CELL_CHARS,
                    timeout_s=limit_s,
                    tag=self._tag,
                ):
                    identity = row.key or len(seen)
                    if identity not in seen:
                        seen.add(identity)
                        texts.append("\n".join(row.cells))
        except TenantError as error:
            _pass_unless_late(error, self._session)
            self.too_slow = limit_s >= _STATEMENT_S
        return texts


def _pass_unless_late(error: TenantError, session: TenantSession) -> None:
    if error.failure is not TenantFailure.TIMEOUT or session.broken:
        raise error
    _LOG.info("term statistics not read in time")
