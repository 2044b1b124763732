"""Term statistics of several tables taken together, as if all rows stood in one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from altus4_desktop.search.ranking.records import SourceCandidates, TermStatistics


class PooledStatistics:
    """N, df and mean length over all tables of ``sources``; a table counts once.

    df of a stem that was not counted comes from the samples.
    """

    def __init__(self, sources: Sequence[SourceCandidates[Any]]) -> None:
        tables: dict[tuple[str, ...], TermStatistics] = {}
        for source in sources:
            tables.setdefault(source.table_id, source.statistics)
        self._tables = list(tables.values())
        self.rows = max(sum(table.rows for table in self._tables), 1.0)
        words = sum(table.rows * table.average_length for table in self._tables)
        counted = sum(table.rows for table in self._tables)
        self.average_length = max(words / counted if counted else 0.0, 1.0)
        self.estimated = any(table.estimated for table in self._tables)
        self._known: dict[str, float] = {}

    def df(self, stem: str) -> float:
        """In how many rows of all tables ``stem`` stands."""
        known = self._known.get(stem)
        if known is None:
            known = sum(_df(table, stem) for table in self._tables)
            known = self._known[stem] = min(known, self.rows)
        return known

    def idf(self, stem: str) -> float:
        """ln(1 + (N - df + 0.5) / (df + 0.5)): Robertson and Spärck Jones' weight, kept above 0 as
        in Lucene's BM25Similarity."""
        df = self.df(stem)
        return math.log(1 + (self.rows - df + 0.5) / (df + 0.5))


def _df(table: TermStatistics, stem: str) -> float:
    counted = table.counted.get(stem)
    if counted is not None:
        return counted
    if not table.sample_rows:
        return 0.0
    return table.sampled.get(stem, 0) * table.rows / table.sample_rows
