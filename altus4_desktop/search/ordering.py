"""Rows of many sources by one column: each source is ordered by its own server, here they merge.

Servers compare texts by the rules of their columns, which this program can only come near to. So
the lists are not sorted again but merged from their heads: every source keeps its order, and the
first N rows stay the first N when more are fetched.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from heapq import merge
from typing import TypeVar

from altus4_desktop.domain.filtering import ColumnKind
from altus4_desktop.domain.searching import Value

T = TypeVar("T")

_TIME = re.compile(r"(-?)(\d+):(\d+):(\d+(?:\.\d+)?)", re.ASCII)
_COMPARED_CHARS = 1_000
# Numbers before dates before texts, where sources have different types.
_PLACES = {
    ColumnKind.NUMBER: 1,
    ColumnKind.DATE: 2,
    ColumnKind.DATETIME: 2,
    ColumnKind.TIME: 3,
    ColumnKind.TEXT: 4,
    ColumnKind.BINARY: 5,
    ColumnKind.OTHER: 6,
}

SortKey = tuple[int, int, object]


def sort_key(value: Value, kind: ColumnKind, *, descending: bool = False) -> SortKey:
    """Where a cell stands, NULL last in either direction."""
    if value is None:
        return (0 if descending else 1, 0, 0)
    place = _PLACES[kind]
    known = 1 if descending else 0
    if kind is ColumnKind.NUMBER:
        return (known, place, _number(value))
    if kind is ColumnKind.TIME:
        return (known, place, _seconds(str(value)))
    if isinstance(value, bytes):
        return (known, _PLACES[ColumnKind.BINARY], value)
    if kind in {ColumnKind.DATE, ColumnKind.DATETIME}:
        return (known, place, str(value))
    return (known, _PLACES[ColumnKind.TEXT], folded(str(value)))


def no_key(*, descending: bool = False) -> SortKey:
    """Where a row without the column stands: after NULL."""
    return (-1 if descending else 2, 0, 0)


def merge_sorted(
    lists: Sequence[Iterable[tuple[SortKey, T]]], *, descending: bool = False
) -> Iterator[T]:
    """The items of ``lists`` by their keys; each list keeps its own order, and of equal ones the
    list that comes first is first."""
    for _, item in merge(*lists, key=_key, reverse=descending):
        yield item


def folded(text: str) -> str:
    """``text`` without case and accents, as most collations compare it."""
    plain = unicodedata.normalize("NFKD", text[:_COMPARED_CHARS].casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))


def _key(item: tuple[SortKey, T]) -> SortKey:
    return item[0]


def _number(value: Value) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)


def _seconds(text: str) -> Decimal:
    found = _TIME.fullmatch(text)
    if found is None:
        return Decimal(0)
    sign, hours, minutes, seconds = found.groups()
    total = int(hours) * 3600 + int(minutes) * 60 + Decimal(seconds)
    return -total if sign else total
