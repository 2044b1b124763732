"""Term statistics of tables, remembered from search to search.

The first search of a table reads a sample of its rows: it tells how long rows are and how frequent
frequent stems are, without the server counting them. Only stems that are rare in the sample are
counted by the server, and rare means cheap. A table that is no larger than a sample is read whole
and its statistics are exact.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from altus4_desktop.domain.schema import FulltextIndex, TableInfo
from altus4_desktop.search.ranking.choice import search_text
from altus4_desktop.search.ranking.question import Question, QuestionTerm
from altus4_desktop.search.ranking.records import TermStatistics
from altus4_desktop.search.terms import IndexRules
from altus4_desktop.services.table_samples import Sample, TableReader, searched_columns

if TYPE_CHECKING:
    from altus4_desktop.mysql.session import TenantSession

MOST_TABLES = 64
# Stems of all tables together: about 30 MB.
MOST_KEPT_STEMS = 200_000
MOST_COUNTED = 2_000
MAX_AGE_S = 600.0
# A table that could not be sampled in time would hold up each search anew.
RETRY_S = 60.0

_COUNTS_A_SEARCH = 16
# Fewer finds in a sample say too little.
_ENOUGH_FINDS = 5


@dataclass(frozen=True, slots=True)
class _Count:
    """How many rows an index finds; None: counting took too long until ``retry_at``."""

    rows: int | None
    retry_at: float = 0.0


@dataclass(slots=True)
class _Known:
    """What is remembered of one table in one language; changed under the cache's lock.

    ``counted`` is by the columns of an index and the stem: two indexes find other rows.
    """

    sample: Sample
    estimated_rows: int | None
    analyzed_at: datetime | None
    read_at: float
    counted: OrderedDict[tuple[tuple[str, ...], str], _Count] = field(default_factory=OrderedDict)

    @property
    def stem_count(self) -> int:
        """How much memory it takes, in stems."""
        return len(self.sample.stems) + len(self.counted)


_Key = tuple[str, ...]


class TermStatisticsCache:
    """Statistics of the tables asked last, `MOST_TABLES` and `MOST_KEPT_STEMS` at most; for any
    thread.

    What is known of a table is forgotten after `MAX_AGE_S` (after `RETRY_S` that it was too slow to
    be sampled), when the server's estimate of its rows has changed by a tenth, when the server has
    counted it anew, and by `clear`. Threads that ask for one table at once wait for the first of
    them.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._known: OrderedDict[_Key, _Known] = OrderedDict()
        self._reading: set[_Key] = set()
        self._clearings = 0

    def clear(self, connection_id: str | None = None) -> None:
        """Forget everything, or everything of one connection."""
        with self._changed:
            self._clearings += 1
            for key in [key for key in self._known if connection_id in (None, key[0])]:
                del self._known[key]

    @property
    def stem_count(self) -> int:
        """How many stems are kept now."""
        with self._changed:
            return sum(known.stem_count for known in self._known.values())

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
        columns = searched_columns(table)
        key = (
            session.target.connection_id,
            session.target.database,
            table.name,
            *columns,
            question.language,
        )
        reader = TableReader(session, table, deadline, tag)
        known = self._await(key, session, table, deadline)
        if known is None:
            known = self._read(key, table, reader, question)
        complete = known.sample.whole or rules.ngram_size
        missing = [] if complete else self._missing(known, index, question)
        for term in missing[:_COUNTS_A_SEARCH]:
            text = search_text(term, rules)
            if not text:
                continue
            if time.monotonic() >= deadline:
                break
            rows = reader.count(index, text)
            count = _Count(rows, 0.0 if rows is not None else time.monotonic() + RETRY_S)
            with self._changed:
                known.counted[index.columns, term.stem] = count
                while len(known.counted) > MOST_COUNTED:
                    known.counted.popitem(last=False)
                self._forget_oldest()
            if rows is None:
                # One wait is enough for a search; the next one goes on with the next word.
                break
        return self._statistics(known, index, question)

    def _await(
        self, key: _Key, session: TenantSession, table: TableInfo, deadline: float
    ) -> _Known | None:
        """What is known; None when the caller is to read it, and to say so by `_read`."""
        with session.token.on_cancel(self._wake), self._changed:
            while True:
                session.token.raise_if_cancelled()
                known = self._find(key, table)
                if known is not None:
                    return known
                left_s = deadline - time.monotonic()
                if key not in self._reading:
                    self._reading.add(key)
                    return None
                if left_s <= 0:
                    return _Known(_unread(table), None, None, 0.0)
                self._changed.wait(left_s)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _read(self, key: _Key, table: TableInfo, reader: TableReader, question: Question) -> _Known:
        clearings = self._clearings
        try:
            sample = reader.read(searched_columns(table), question)
            known = _Known(
                sample, table.estimated_rows, table.last_analyzed_at, read_at=time.monotonic()
            )
            with self._changed:
                # A search that had no time to ask says nothing of the table.
                tells = sample.size or not sample.rows or sample.too_slow
                # What was to be forgotten meanwhile is not remembered after.
                if tells and clearings == self._clearings:
                    self._known[key] = known
                self._forget_oldest()
        finally:
            with self._changed:
                self._reading.discard(key)
                self._changed.notify_all()
        return known

    def _forget_oldest(self) -> None:
        """Keep within both limits; under the lock."""
        stems = sum(known.stem_count for known in self._known.values())
        while self._known and (len(self._known) > MOST_TABLES or stems > MOST_KEPT_STEMS):
            _, oldest = self._known.popitem(last=False)
            stems -= oldest.stem_count

    def _find(self, key: _Key, table: TableInfo) -> _Known | None:
        """What is remembered and still holds; under the lock."""
        known = self._known.get(key)
        if known is None:
            return None
        if _is_outdated(known, table):
            del self._known[key]
            return None
        self._known.move_to_end(key)
        return known

    def _missing(
        self, known: _Known, index: FulltextIndex, question: Question
    ) -> list[QuestionTerm]:
        now = time.monotonic()
        with self._changed:
            missing = []
            for term in question.terms:
                key = index.columns, term.stem
                count = known.counted.get(key)
                if count is not None and count.rows is not None:
                    known.counted.move_to_end(key)
                elif count is not None and count.retry_at > now:
                    continue
                elif known.sample.stems.get(term.stem, 0) < _ENOUGH_FINDS:
                    missing.append(term)
            return missing

    def _statistics(
        self, known: _Known, index: FulltextIndex, question: Question
    ) -> TermStatistics:
        with self._changed:
            counts = {
                term.stem: known.counted.get((index.columns, term.stem)) for term in question.terms
            }
        return TermStatistics(
            rows=known.sample.rows,
            average_length=known.sample.average_length,
            counted={
                stem: float(count.rows)
                for stem, count in counts.items()
                if count is not None and count.rows is not None
            },
            sampled=known.sample.stems,
            sample_rows=known.sample.size,
            estimated=not known.sample.whole,
        )


def _unread(table: TableInfo) -> Sample:
    return Sample(float(table.estimated_rows or 0), 0.0, {}, 0, whole=False, too_slow=False)


def _is_outdated(known: _Known, table: TableInfo) -> bool:
    failed = known.sample.rows and not known.sample.size
    if time.monotonic() - known.read_at > (RETRY_S if failed else MAX_AGE_S):
        return True
    if known.analyzed_at != table.last_analyzed_at:
        return True
    before, now = known.estimated_rows, table.estimated_rows
    if before is None or now is None:
        return before is not now
    return abs(now - before) > max(before, now) / 10
