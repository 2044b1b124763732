"""Term statistics of several tables taken together, as if all rows stood in one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from altus4_desktop.search.ranking.question import Question
from altus4_desktop.search.ranking.records import SourceCandidates, TermStatistics


class PooledStatistics:
    """N, df and mean length over all tables of ``sources``; a table counts once, and a stem
    in it as often as the index that finds most rows says.

    Stems are those of ``question``. Of a table in another language its terms count by the stems
    that their words have there. df of a stem that was not counted comes from the samples.
    """

    def __init__(self, sources: Sequence[SourceCandidates[Any]], question: Question) -> None:
        tables: dict[tuple[str, ...], tuple[TermStatistics, Question]] = {}
        for source in sources:
            statistics, asked = tables.get(
                source.table_id, (source.statistics, source.question or question)
            )
            tables[source.table_id] = _with_counts(statistics, source.statistics), asked
        self._tables = list(tables.values())
        self._question = question
        self._terms = {term.stem: term for term in question.terms}
        known = [statistics for statistics, _ in self._tables]
        self.rows = max(sum(table.rows for table in known), 1.0)
        words = sum(table.rows * table.average_length for table in known)
        counted = sum(table.rows for table in known)
        self.average_length = max(words / counted if counted else 0.0, 1.0)
        self.estimated = any(table.estimated for table in known)
        self._known: dict[str, float] = {}

    def df(self, stem: str) -> float:
        """In how many rows of all tables ``stem`` stands."""
        known = self._known.get(stem)
        if known is None:
            known = sum(
                max(_df(statistics, form) for form in self._forms(stem, asked))
                for statistics, asked in self._tables
            )
            known = self._known[stem] = min(known, self.rows)
        return known

    def _forms(self, stem: str, asked: Question) -> set[str]:
        """What ``stem`` is where ``asked`` was asked."""
        term = self._terms.get(stem)
        if term is None or asked.language == self._question.language:
            return {stem}
        return asked.stems_of(term)

    def idf(self, stem: str) -> float:
        """ln(1 + (N - df + 0.5) / (df + 0.5)): Robertson and Spärck Jones' weight, kept above 0 as
        in Lucene's BM25Similarity."""
        df = self.df(stem)
        return math.log(1 + (self.rows - df + 0.5) / (df + 0.5))


def _with_counts(one: TermStatistics, other: TermStatistics) -> TermStatistics:
    """``one`` with what another index of the same table has counted."""
    if one is other or not other.counted:
        return one
    counted = dict(one.counted)
    for stem, rows in other.counted.items():
        counted[stem] = max(counted.get(stem, 0.0), rows)
    return replace(one, counted=counted)


def _df(table: TermStatistics, stem: str) -> float:
    counted = table.counted.get(stem)
    if counted is not None:
        return counted
    if not table.sample_rows:
        return 0.0
    return table.sampled.get(stem, 0) * table.rows / table.sample_rows
