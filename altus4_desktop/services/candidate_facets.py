"""Counts the facets of a semantic search, among the candidates that it ranks and shows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from altus4_desktop.domain.facets import FacetKind, FacetReport
from altus4_desktop.domain.filtering import Narrowing
from altus4_desktop.domain.searching import Value
from altus4_desktop.search.facets import FacetCounts, choose_columns, count_cells, facet_columns
from altus4_desktop.search.ranking.records import Lack
from altus4_desktop.services.facets import (
    count_places,
    everywhere,
    facet_key,
    uncounted_notices,
    wanted_values,
    without_column,
)

if TYPE_CHECKING:
    from altus4_desktop.domain.schema import TableInfo
    from altus4_desktop.mysql.fulltext import IndexRow
    from altus4_desktop.services.fan_out import FanOut, Source
    from altus4_desktop.services.semantic_list import SemanticList


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one search ranks, each row once; ``silent`` tells by connection why not all of its rows
    are among them, ``dead`` (ids) is where nothing answered, ``short``: time cut some off."""

    rows: Sequence[tuple[Source, IndexRow]]
    silent: Mapping[str, str]
    dead: Collection[str]
    short: bool

    @property
    def is_whole(self) -> bool:
        """Whether every source has given what it was asked for."""
        return not self.silent and not self.short


def read_candidates(fan_out: FanOut, ranked: SemanticList) -> Candidates:
    """What ``fan_out``, which has ended, has brought."""
    answered = fan_out.answered()
    failed = [source for source in fan_out.sources() if source.error is not None]
    alive = {source.ref.connection_id for source in answered}
    lacks = {
        degraded.lack
        for source in answered
        if source.candidates is not None
        for degraded in source.candidates.degraded
    }
    return Candidates(
        ranked.found(answered),
        {s.ref.connection: s.error.message for s in failed if s.error is not None},
        {source.ref.connection_id for source in failed} - alive,
        Lack.TIME_SHORT in lacks,
    )


Find = Callable[[Narrowing, Collection[str], float], Candidates]


class CandidateFacets:
    """Counts over what is ranked: as shown, then once more for each facet that leaves filters out.

    ``find`` searches by a narrowing, without some connections (ids), for some seconds at most. Who
    did not answer the first time is not asked again, and all of it takes ``timeout_s`` at most.
    """

    def __init__(self, find: Find, narrowing: Narrowing, timeout_s: float) -> None:
        self._find = find
        self._narrowing = narrowing
        self._ends_at = time.monotonic() + timeout_s
        self._counts = FacetCounts()
        self._silent: dict[str, str] = {}
        self._dead: set[str] = set()
        self._is_whole = True

    def count(self) -> FacetReport:
        """Blocks; raises what ``find`` raises."""
        narrowing = replace(self._narrowing, order=None)
        filtered = {f.column.casefold(): f.column for f in narrowing.filters}
        whole = everywhere(narrowing)
        is_elsewhere = whole != narrowing
        left_s = self._ends_at - time.monotonic()
        shown = self._take(narrowing, left_s / 2 if filtered or is_elsewhere else left_s)
        places = self._take_more(whole) if is_elsewhere else shown
        self._count_places(places or shown, is_whole=places is not None and places.is_whole)
        tables = _by_table(shown)
        columns = {
            facet_key(c): replace(c, name=c.name.casefold())
            for table, _ in tables
            for c in facet_columns(table)
        }
        sample = [
            {name.casefold(): value for name, value in row.items()}
            for _, rows in tables
            for row in rows
        ]
        chosen = {facet_key(c) for c in choose_columns(list(columns.values()), sample, filtered)}
        self._count_tables(shown, {key for key in chosen if key[1] not in filtered})
        for folded, name in filtered.items():
            own = {key for key in chosen if key[1] == folded}
            if own:
                self._count_tables(self._take_more(without_column(narrowing, name)), own)
        return FacetReport(
            self._counts.build(wanted_values(narrowing)),
            len(shown.rows),
            at_least=not self._is_whole,
            of_candidates=True,
            notices=uncounted_notices(self._silent),
        )

    def _take(self, narrowing: Narrowing, limit_s: float) -> Candidates:
        found = self._find(narrowing, self._dead, limit_s)
        self._silent = {**found.silent, **self._silent}
        self._dead |= set(found.dead)
        self._is_whole = self._is_whole and found.is_whole
        return found

    def _take_more(self, narrowing: Narrowing) -> Candidates | None:
        """None when there is no time left."""
        left_s = self._ends_at - time.monotonic()
        if left_s > 0:
            return self._take(narrowing, left_s)
        self._is_whole = False
        return None

    def _count_places(self, found: Candidates, *, is_whole: bool) -> None:
        places = Counter(
            (source.ref.connection_id, source.ref.connection, source.ref.table)
            for source, _ in found.rows
        )
        at_least = not is_whole or bool(self._silent)
        count_places(
            self._counts,
            self._narrowing,
            [(*place, number, at_least) for place, number in places.items()],
        )

    def _count_tables(
        self, found: Candidates | None, chosen: Collection[tuple[FacetKind, str]]
    ) -> None:
        for table, rows in _by_table(found) if found is not None else ():
            for column in facet_columns(table):
                if facet_key(column) in chosen:
                    values = count_cells(column, (row.get(column.name) for row in rows))
                    self._counts.add(column.kind, column.name, values, folds=column.folds)
        if found is None or not found.is_whole or self._dead:
            for kind, name in chosen:
                self._counts.note_lack(kind, name)


def _by_table(found: Candidates) -> list[tuple[TableInfo, list[Mapping[str, Value]]]]:
    """The rows of each table."""
    by_table: dict[tuple[str, str], tuple[TableInfo, list[Mapping[str, Value]]]] = {}
    for source, row in found.rows:
        if source.planned is not None:
            key = (source.ref.connection_id, source.ref.table)
            by_table.setdefault(key, (source.planned.table, []))[1].append(row.columns)
    return list(by_table.values())
