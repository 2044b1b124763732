"""What goes into the ranking and what comes out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from altus4_desktop.search.ranking.question import Question

RowT = TypeVar("RowT")


class Lack(StrEnum):
    """Why a ranking is less than it could be."""

    NO_MODEL = "no_model"
    TERMS_LEFT_OUT = "terms_left_out"
    CANDIDATES_CUT = "candidates_cut"
    STATISTICS_ESTIMATED = "statistics_estimated"
    TIME_SHORT = "time_short"


@dataclass(frozen=True, slots=True)
class Degraded:
    """One thing that is missing, with the words of the question it concerns, if any."""

    lack: Lack
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TermStatistics:
    """What one table says about the terms: ``rows``, the mean number of counted words in a row,
    and in how many rows each stem stands.

    ``counted`` holds the terms of the question; ``sampled`` how many of ``sample_rows`` sampled
    rows hold any stem. ``estimated`` says that the numbers are not exact.
    """

    rows: float
    average_length: float
    counted: Mapping[str, float]
    sampled: Mapping[str, int] = field(default_factory=dict)
    sample_rows: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Candidate(Generic[RowT]):
    """A row that may answer: its key (empty without one), searched cells by column, how often they
    hold each stem (more often in columns of weight), and their length in words."""

    key: tuple[Hashable, ...]
    cells: Mapping[str, str]
    stems: Mapping[str, float]
    length: int
    row: RowT

    @property
    def text(self) -> str:
        """All searched cells, one after the other."""
        return "\n".join(self.cells.values())


@dataclass(frozen=True, slots=True)
class SourceCandidates(Generic[RowT]):
    """What one index contributes; ``table_id`` names connection and table, ``index`` the index.

    ``candidates`` are in the server's order. ``weight`` (above 0, 1 is neutral) is what people
    think of the table, and ``question`` is what was asked in its language; None: as everywhere.
    """

    table_id: tuple[str, ...]
    index: str
    candidates: Sequence[Candidate[RowT]]
    statistics: TermStatistics
    degraded: tuple[Degraded, ...] = ()
    weight: float = 1.0
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class Ranked(Generic[RowT]):
    """A row in its place.

    ``source_rank`` is the server's (from 1). ``lexical`` is the BM25 score of the question,
    ``meaning`` the cosine to it (None without a model or beyond the reread rows). ``score`` orders
    the rows; ``words_part``, ``meaning_part``, ``feedback_part`` and ``weight_part`` add up to it.
    """

    source: SourceCandidates[RowT]
    candidate: Candidate[RowT]
    source_rank: int
    score: float
    lexical: float
    meaning: float | None
    words_part: float
    meaning_part: float
    feedback_part: float
    weight_part: float = 0.0


@dataclass(frozen=True, slots=True)
class Ranking(Generic[RowT]):
    """All candidates, best first, and the words by which the best rows widened the question."""

    rows: Sequence[Ranked[RowT]]
    added_words: tuple[str, ...] = ()
    degraded: tuple[Degraded, ...] = ()


@dataclass(frozen=True, slots=True)
class TermMatch:
    """One term of the question in one row.

    ``columns`` tells how often it stands in each column, ``df`` in how many of ``rows`` rows of all
    sources together, ``contribution`` what it adds to the row's BM25 score.
    """

    stem: str
    words: tuple[str, ...]
    columns: Mapping[str, int]
    df: float
    rows: float
    idf: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a row stands where it stands; ``estimated`` says that df and rows are not exact."""

    terms: tuple[TermMatch, ...]
    length: int
    average_length: float
    estimated: bool
