"""One list out of many: weighted reciprocal rank fusion.

Scores of two FULLTEXT indexes do not compare (each counts its own rows), ranks do. A row that one
index has at rank r is worth weight / (60 + r). The indexes of one table are views of the same rows,
so a row counts with its best rank among them rather than once for each: a table does not gain by
having more indexes, and paging stays exact. For if a row is not among the first N of any index of
its table, then N other rows of that table are worth at least as much, so the first N of the fused
list are always among the first N of every source, and asking each for one row more than that tells
whether there is another page. Equal worth is ordered by connection, table and key, so every page
continues the one before.

A source's weight says how well it understood the question. Without weights the first row of every
source is worth the same, and a source that only knows the commonest word of the question is read
as early as one that knows them all. So, of several sources, three quarters of a weight are for
having answered, and the last quarter is the share of the question's words that the source's first
rows contain: a source whose rows hold half of the words begins where one whose rows hold all of
them is at its tenth row. That is enough to keep bad sources off the first page, and too little to
fill it with one source. The weight comes from the first `coverage.WEIGHED_ROWS` rows alone, which
every page fetches, so all pages agree on it; it moves a source as a whole and leaves the server's
order within it. A single word tells no sources apart, and boolean text says itself which words
must be there: then all weigh the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from altus4_desktop.domain.searching import Value

RANK_CONSTANT = 60

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class RankedRow(Generic[RowT]):
    """A row at ``rank`` (from 1) of its source; ``key`` identifies it within its table, and is
    empty for a table without key."""

    key: tuple[Value, ...]
    rank: int
    row: RowT


@dataclass(frozen=True, slots=True)
class RankedList(Generic[RowT]):
    """The best rows of one index, in order; ``table_id`` names connection and table."""

    table_id: tuple[str, ...]
    index: str
    rows: Sequence[RankedRow[RowT]]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class FusedRow(Generic[RowT]):
    """A row of the merged list: the list it came from with its best rank, and its worth."""

    source: RankedList[RowT]
    ranked: RankedRow[RowT]
    score: float


def fuse(lists: Sequence[RankedList[RowT]]) -> list[FusedRow[RowT]]:
    """All rows of ``lists``, each once, best first."""
    if len(lists) == 1:
        only = lists[0]
        return [FusedRow(only, row, only.weight / (RANK_CONSTANT + row.rank)) for row in only.rows]
    best: dict[Hashable, FusedRow[RowT]] = {}
    for source in sorted(lists, key=lambda source: (source.table_id, source.index)):
        for row in source.rows:
            identity = (source.table_id, row.key or (source.index, row.rank))
            score = source.weight / (RANK_CONSTANT + row.rank)
            known = best.get(identity)
            if known is None or score > known.score:
                best[identity] = FusedRow(source, row, score)
    return sorted(best.values(), key=_order)


def source_weight(coverage: float) -> float:
    """The weight of a source whose first rows contain ``coverage`` (0 to 1) of the words."""
    return (3 + coverage) / 4


def key_values(key: Mapping[str, Value]) -> tuple[Value, ...]:
    """A row's key as a tuple."""
    return tuple(key.values())


def _order(fused: FusedRow[RowT]) -> tuple[object, ...]:
    return (
        -fused.score,
        fused.source.table_id,
        tuple(_comparable(value) for value in fused.ranked.key),
        fused.source.index,
        fused.ranked.rank,
    )


def _comparable(value: Value) -> tuple[int, int | float | str | bytes]:
    if value is None:
        return (0, 0)
    if isinstance(value, (int, float)):
        return (1, value)
    return (2, value) if isinstance(value, str) else (3, value)
