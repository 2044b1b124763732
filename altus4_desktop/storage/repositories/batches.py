"""Many values, as many at once as a statement may name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

_AT_ONCE = 500

T = TypeVar("T")


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """``items`` in their order, 500 at once."""
    for at in range(0, len(items), _AT_ONCE):
        yield items[at : at + _AT_ONCE]
