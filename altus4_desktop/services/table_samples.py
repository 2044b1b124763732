"""Reading a sample of a table's rows: how long they are, and how frequent frequent stems are."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.schema import FulltextIndex, TableInfo
from altus4_desktop.search.ranking.question import Question

if TYPE_CHECKING:
    from altus4_desktop.mysql.candidates import SampledRow
    from altus4_desktop.mysql.session import TenantSession

_LOG = logging.getLogger(__name__)

SAMPLE_ROWS = 2_000
CELL_CHARS = 4_096
MOST_STEMS = 20_000

_SLICES = 8
# A table of this size is counted in a few milliseconds; what the server estimates may be far off.
_COUNTED_ROWS = 50_000
_STATEMENT_S = 0.5
# One statement brings no more text than this, however wide the rows are.
_MOST_CHARS = 32_000_000


@dataclass(frozen=True, slots=True)
class Sample:
    """What ``size`` of about ``rows`` rows say: the mean number of counted words, and in how many
    of them each stem stands.

    ``whole``: nothing is missing. ``too_slow``: a statement had all of its time and did not end.
    """

    rows: float
    average_length: float
    stems: Mapping[str, int]
    size: int
    whole: bool
    too_slow: bool


class TableReader:
    """Asks one table what is not known yet, until ``deadline`` (monotonic seconds); what takes too
    long stays unknown."""

    def __init__(self, session: TenantSession, table: TableInfo, deadline: float, tag: str) -> None:
        self._session = session
        self._table = table
        self._deadline = deadline
        self._tag = tag
        self._given_s = 0.0
        self._too_slow = False

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

    def read(self, columns: tuple[str, ...], question: Question) -> Sample:
        """A sample of the rows, by the stems of ``question``."""
        rows = self._rows()
        stems: Counter[str] = Counter()
        words = size = 0
        complete = True
        for cells in self._sample(columns, rows):
            counts = question.analyser.counts(cells)
            words += counts.total()
            size += 1
            stems.update(counts.keys())
            if len(stems) > 4 * MOST_STEMS:
                # Rows of random words: nothing is lost but stems that hardly any row has.
                stems = Counter(dict(stems.most_common(2 * MOST_STEMS)))
                complete = False
        whole = 0 < rows <= size
        if len(stems) > MOST_STEMS:
            stems = Counter(dict(stems.most_common(MOST_STEMS)))
            complete = False
        return Sample(
            rows=float(max(rows, size)),
            average_length=words / size if size else 0.0,
            stems=dict(stems),
            size=size,
            whole=whole and complete,
            too_slow=self._too_slow,
        )

    def _limit_s(self) -> float:
        self._given_s = min(_STATEMENT_S, self._deadline - time.monotonic())
        return self._given_s

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

    def _sample(self, columns: tuple[str, ...], rows: int) -> Iterator[str]:
        """The text of each sampled row, none twice."""
        seen: set[object] = set()
        try:
            for batch in self._batches(columns, rows, seen):
                for row in batch:
                    identity = row.key or len(seen)
                    if identity not in seen:
                        seen.add(identity)
                        yield "\n".join(row.cells)
        except TenantError as error:
            _pass_unless_late(error, self._session)
            self._too_slow = self._given_s >= _STATEMENT_S

    def _batches(
        self, columns: tuple[str, ...], rows: int, seen: set[object]
    ) -> Iterator[list[SampledRow]]:
        from altus4_desktop.mysql.candidates import key_range

        ends = None
        if rows > SAMPLE_ROWS and (limit_s := self._limit_s()) > 0:
            ends = key_range(self._session, self._table, timeout_s=limit_s, tag=self._tag)
        if ends is None:
            yield self._read(columns, None, SAMPLE_ROWS)
            return
        least, most = ends
        first_part: list[SampledRow] = []
        for at in range(_SLICES):
            start = least + (most - least) * at // _SLICES
            batch = self._read(columns, start, SAMPLE_ROWS // _SLICES)
            first_part = first_part or batch
            yield batch
        # Keys with wide gaps leave slices short: what they lack is read from both ends.
        lacking = SAMPLE_ROWS - len(seen)
        if lacking > 0 and first_part:
            after = int(str(first_part[-1].key[0])) + 1
            yield self._read(columns, after, (lacking + 1) // 2)
            yield self._read(columns, most, SAMPLE_ROWS - len(seen), backwards=True)

    def _read(
        self, columns: tuple[str, ...], start: int | None, limit: int, *, backwards: bool = False
    ) -> list[SampledRow]:
        from altus4_desktop.mysql.candidates import read_sample

        limit_s = self._limit_s()
        if limit_s <= 0 or limit <= 0:
            return []
        return read_sample(
            self._session,
            self._table,
            columns,
            start=start,
            limit=limit,
            backwards=backwards,
            cell_limit=min(CELL_CHARS, _MOST_CHARS // (limit * max(1, len(columns)))),
            timeout_s=limit_s,
            tag=self._tag,
        )


def searched_columns(table: TableInfo) -> tuple[str, ...]:
    """The columns that any FULLTEXT index of ``table`` covers, in the table's order.

    A row is the same row whichever index found it, so it is judged by all of them.
    """
    covered = {name for index in table.fulltext_indexes for name in index.columns}
    return tuple(column.name for column in table.columns if column.name in covered)


def _pass_unless_late(error: TenantError, session: TenantSession) -> None:
    if error.failure is not TenantFailure.TIMEOUT or session.broken:
        raise error
    _LOG.info("term statistics not read in time")
