"""One list out of many: weighted reciprocal rank fusion.

Scores of two FULLTEXT indexes do not compare (each counts its own rows), ranks do. A row that one
index has at rank r is worth weight / (60 + r). The indexes of one table are views of the same rows,
so a row counts with its best rank among them rather than once for each: a table does not gain by
having more indexes, and paging stays exact. For if a row is not among the first N of any index of
its table, then N other rows of that table are worth at least as much, so the first N of the fused
list are always among the first N of every source, and asking each for one row more than that tells
whether there is another page. Equal worth is ordered by connection, table and key, so every page
continues the one before.

A row's weight says how much of the question it holds (`coverage.row_weights`). Without weights the
first row of every source is worth the same, and a source that only knows the commonest word of the
question is read as early as one that knows them all. Weights never rise from a row to the next of
its source, so the server's order within a source stands, and all that was said of paging holds.
A single word tells no sources apart, and boolean text says itself which words must be there: then
all rows weigh the same.

A list's factor is what people think of its source (`search.weights`): its rows are worth so many
times as much, as in every linear combination of rankings (Shaw and Fox, "Combination of Multiple
Searches", TREC-2, 1994; reciprocal ranks: Cormack, Clarke and Büttcher, SIGIR 2009). It is the same
for all rows of a list, so none of the above changes. Ranks fall slowly: between sources that answer
alike, a factor of 1.1 puts six rows before the other's first, and 2 puts a page and more.
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
    """The best rows of one index, in order; ``table_id`` names connection and table.

    ``weights`` has one number above 0 for each row, none greater than the one before; empty: 1.
    ``factor`` is above 0.
    """

    table_id: tuple[str, ...]
    index: str
    rows: Sequence[RankedRow[RowT]]
    weights: Sequence[float] = ()
    factor: float = 1.0

    def worths(self) -> list[float]:
        """What each row is worth."""
        weights = self.weights or [1.0] * len(self.rows)
        return [
            self.factor * weight / (RANK_CONSTANT + row.rank)
            for row, weight in zip(self.rows, weights, strict=True)
        ]


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
        return [
            FusedRow(only, row, score) for row, score in zip(only.rows, only.worths(), strict=True)
        ]
    best: dict[Hashable, FusedRow[RowT]] = {}
    for source in sorted(lists, key=lambda source: (source.table_id, source.index)):
        for row, score in zip(source.rows, source.worths(), strict=True):
            identity = row_identity(source, row)
            known = best.get(identity)
            if known is None or score > known.score:
                best[identity] = FusedRow(source, row, score)
    return sorted(best.values(), key=_order)


def row_identity(source: RankedList[RowT], row: RankedRow[RowT]) -> Hashable:
    """What is the same for a row that several indexes of its table found."""
    return (source.table_id, row.key or (source.index, row.rank))


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
