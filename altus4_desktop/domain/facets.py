"""What the rows that a search finds have in common: values of columns, and how many have them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from altus4_desktop.domain.searching import Notice


class FacetKind(StrEnum):
    """What the values of a facet are."""

    CONNECTION = "connection"
    TABLE = "table"
    DATE = "date"
    CATEGORY = "category"
    TRUTH = "truth"


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value, as a filter takes it (None is NULL; a connection is its id), how it is shown, and
    how many rows have it."""

    value: str | None
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """A column (or "", for connections and tables) with its values: dates in their order, others
    with the most frequent first.

    Filters on the column itself do not count. ``has_more``: there are further values;
    ``at_least``: not every row was counted.
    """

    kind: FacetKind
    column: str
    values: tuple[FacetValue, ...]
    has_more: bool = False
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class FacetReport:
    """The facets of everything that a search finds, ``rows`` in all.

    ``at_least``: not every row was counted; ``of_candidates``: only what semantic mode ranked was;
    ``indexes`` of natural and boolean mode have answered.
    """

    facets: tuple[Facet, ...] = ()
    rows: int = 0
    at_least: bool = False
    of_candidates: bool = False
    notices: tuple[Notice, ...] = ()
    indexes: int = 0
