"""Why a hit is where it is, and how a server reads a statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import prod

from altus4_desktop.domain.searching import SourceWeight, Value


class Part(StrEnum):
    """What adds to the score that orders the hits."""

    RANK = "rank"
    WORDS = "words"
    MEANING = "meaning"
    FEEDBACK = "feedback"
    WEIGHT = "weight"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one part adds to a score; the contributions of a hit add up to it."""

    part: Part
    value: float


@dataclass(frozen=True, slots=True)
class TermUse:
    """One word or phrase of the question in one row.

    ``columns`` counts where it stands in the columns as far as they were fetched; ``at_least`` says
    that they may hold more. ``rows`` is the number of rows that have it, None when nobody counted;
    ``estimated`` says that the number is not exact. ``ignored`` names why the index does not know
    it, or is "".
    """

    text: str
    columns: Mapping[str, int]
    rows: int | None = None
    estimated: bool = False
    at_least: bool = False
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a hit stands where it stands.

    ``weight`` is the weight of its source among several; ``weights`` are those that people gave to
    its connection, table and columns, and ``factor`` what they multiplied ``weight`` by.
    ``table_rows`` is the server's estimate of the rows in its table. ``uncounted`` is a sentence
    that says why some terms were not counted, or "". ``sorted_by`` is the column that orders the
    hits in place of relevance, or "".
    """

    terms: tuple[TermUse, ...]
    contributions: tuple[Contribution, ...]
    score: float
    weight: float
    source_score: float
    source_rank: int
    table_rows: int | None = None
    uncounted: str = ""
    weights: tuple[SourceWeight, ...] = ()
    factor: float = 1.0
    sorted_by: str = ""

    @property
    def place_weight(self) -> float:
        """What connection and table were to count, whatever became of it."""
        return prod(one.weight for one in self.weights if not one.column)


@dataclass(frozen=True, slots=True)
class StatementPlan:
    """What the server answers to EXPLAIN: a table, and its tree where it can draw one."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    tree: str = ""
