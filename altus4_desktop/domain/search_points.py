"""Single searches as points: when each was, how long it took, how it ended."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import NamedTuple

from altus4_desktop.domain.history import HistoryQuery
from altus4_desktop.domain.local_days import instant_of

MOST_POINTS = 1_000_000
"""So many are charted at most, the newest."""


class PointOutcome(IntEnum):
    """How a search ended, what is rarer later; ``FAILED`` also when some sources did."""

    HITS = 0
    CANCELLED = 1
    NONE = 2
    FAILED = 3


class SearchPoint(NamedTuple):
    """One search; ``at_s`` are whole seconds since 1970."""

    at_s: int
    ms: int
    outcome: PointOutcome


@dataclass(frozen=True, slots=True, eq=False)
class SearchPoints:
    """Searches in the order of their instants, as three columns of numbers in the order of bytes of
    this machine: ``at_s`` of 8 bytes each, ``ms`` of 4, ``outcomes`` of 1. ``has_more``: there are
    older ones that were left out."""

    at_s: bytes = b""
    ms: bytes = b""
    outcomes: bytes = b""
    has_more: bool = False

    def __len__(self) -> int:
        return len(self.outcomes)

    def __getitem__(self, place: int) -> SearchPoint:
        outcome = PointOutcome(self.outcomes[place])
        return SearchPoint(self._seconds()[place], self._durations()[place], outcome)

    def between(self, first: int, end: int) -> Iterator[SearchPoint]:
        """Those at the places from ``first`` to before ``end``."""
        columns = (self._seconds(), self._durations(), self.outcomes)
        for at_s, ms, outcome in zip(*(column[first:end] for column in columns), strict=True):
            yield SearchPoint(at_s, ms, PointOutcome(outcome))

    @classmethod
    def of(cls, newest_first: Iterable[SearchPoint], *, has_more: bool = False) -> SearchPoints:
        """Made of points of which the newest comes first."""
        gathered = PointColumns()
        gathered.add(newest_first)
        return gathered.points(has_more=has_more)

    def _seconds(self) -> memoryview:
        return memoryview(self.at_s).cast("q")

    def _durations(self) -> memoryview:
        return memoryview(self.ms).cast("i")


class PointColumns:
    """Gathers points page by page, the newest first."""

    def __init__(self) -> None:
        self._at_s = array("q")
        self._ms = array("i")
        self._outcomes = array("B")

    def __len__(self) -> int:
        return len(self._outcomes)

    def add(self, newest_first: Iterable[tuple[int, int, int]]) -> None:
        """Those of a page."""
        columns = (self._at_s, self._ms, self._outcomes)
        for column, values in zip(columns, zip(*newest_first, strict=True), strict=False):
            column.extend(values)

    def points(self, *, has_more: bool) -> SearchPoints:
        """All so far, the oldest first."""
        at_s, ms, outcomes = (
            column[::-1].tobytes() for column in (self._at_s, self._ms, self._outcomes)
        )
        return SearchPoints(at_s, ms, outcomes, has_more)


def point_link(point: SearchPoint) -> HistoryQuery:
    """The past searches of that second that took as long."""
    at = instant_of(point.at_s)
    return HistoryQuery(
        from_at=at, to_at=at + timedelta(seconds=1), least_ms=point.ms, most_ms=point.ms
    )
