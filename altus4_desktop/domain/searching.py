"""A search, its sources, its hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.filtering import Narrowing

Value = int | float | str | bytes | None


class SearchMode(StrEnum):
    """How the query is read."""

    NATURAL = "natural"
    BOOLEAN = "boolean"
    SEMANTIC = "semantic"


@dataclass(frozen=True, slots=True)
class TableChoice:
    """A table to search; without ``connection_id`` the table of that name in every connection.

    ``index`` names the one of its FULLTEXT indexes to ask; empty: all of them.
    """

    table: str
    connection_id: str | None = None
    index: str = ""


LEAST_WEIGHT = 0.1
MOST_WEIGHT = 10.0


@dataclass(frozen=True, slots=True)
class SourceWeight:
    """How much a connection counts, one of its tables, or one of a table's columns.

    ``weight`` is from `LEAST_WEIGHT` to `MOST_WEIGHT`; 1 is neutral, as if it were not there, and
    leaving something out is the business of what is searched. Weights of a connection, its table
    and the table's columns multiply: each compares with its like, and one that is taken away leaves
    the others as they are. `search.weights` says what they do.
    """

    connection_id: str
    table: str = ""
    column: str = ""
    weight: float = 1.0

    @property
    def place(self) -> tuple[str, str, str]:
        """Connection, table and column."""
        return self.connection_id, self.table, self.column

    @property
    def is_place(self) -> bool:
        """Whether there can be such a place: a column is one of a table, both are somewhere."""
        return bool(self.connection_id and (self.table or not self.column))


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What to look for and where; empty tuples mean everything the actor may search.

    ``cell_limit`` is the number of characters fetched of a large cell. ``language`` (ISO 639-1) is
    the one whose word forms semantic mode takes for the same; empty: that of the connection, by its
    id, in ``languages``, else whichever the texts are in.
    Each of ``synonyms`` holds terms that mean the same. ``weights`` has one for a place at most.
    ``narrowing`` says which of the rows found are wanted.
    """

    query: str
    mode: SearchMode = SearchMode.NATURAL
    connection_ids: tuple[str, ...] = ()
    tables: tuple[TableChoice, ...] = ()
    limit: int = 20
    offset: int = 0
    timeout_s: float | None = None
    cell_limit: int = 4096
    language: str = ""
    languages: tuple[tuple[str, str], ...] = ()
    synonyms: tuple[tuple[str, ...], ...] = ()
    weights: tuple[SourceWeight, ...] = ()
    narrowing: Narrowing = field(default_factory=Narrowing)


class SourceState(StrEnum):
    """How far a source has come."""

    QUEUED = "queued"
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, order=True)
class SourceRef:
    """One FULLTEXT index of one table of one connection; table and index are empty while only the
    connection is known (its schema could not be read)."""

    connection: str
    table: str = ""
    index: str = ""
    connection_id: str = ""


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What a source has done so far."""

    source: SourceRef
    state: SourceState
    hits: int = 0
    elapsed_ms: float = 0.0
    error: AltusError | None = None


class Match(NamedTuple):
    """A matched token: characters ``start`` to ``end`` (exclusive) of a column's text."""

    column: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TermEvidence:
    """One word of the question in one row: ``columns`` tells how often it stands in each, ``df`` in
    how many of the ``rows`` rows of all sources, ``worth`` what it adds to the row's BM25 score."""

    stem: str
    words: tuple[str, ...]
    columns: Mapping[str, int]
    df: float
    rows: float
    worth: float


@dataclass(frozen=True, slots=True)
class RankingReason:
    """Why semantic mode put a row where it is: four parts that add up to its score.

    ``weight`` is what the weights of its connection and table added, 0 where there are none.
    ``bm25`` and ``cosine`` are what words and meaning were made of (``cosine`` None without the
    language model or beyond the rows it reads). ``terms`` is filled once the search has finished;
    ``estimated``: their numbers are not exact.
    """

    words: float
    meaning: float
    feedback: float
    weight: float
    bm25: float
    cosine: float | None
    terms: tuple[TermEvidence, ...] = ()
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A row that matched.

    ``score`` is the fused one, ``source_score`` the server's, ``source_best`` the server's for the
    source's first row (0 when a later page did not fetch it). ``columns`` keeps the table's order;
    ``truncated`` maps a column cut at the cell limit to its full length in characters (bytes for
    binary columns). ``title_column`` is the column that reads like a title, or "".
    ``snippet_matches`` are (start, end) spans of the snippet. ``reason`` is semantic mode's; in
    other modes ``factor`` is what the weights of its source multiplied ``score`` by.
    """

    source: SourceRef
    key: Mapping[str, Value]
    score: float
    source_score: float
    source_rank: int
    columns: Mapping[str, Value]
    snippet: str = ""
    snippet_matches: tuple[tuple[int, int], ...] = ()
    matches: tuple[Match, ...] = ()
    title_column: str = ""
    truncated: Mapping[str, int] = field(default_factory=dict)
    source_best: float = 0.0
    reason: RankingReason | None = None
    factor: float = 1.0


def score_share(hit: SearchHit, hits: Sequence[SearchHit]) -> float:
    """Where the score of semantic mode stands between the worst (a tenth) and the best (1) of
    ``hits``: such scores have no zero."""
    best = max(other.score for other in hits)
    worst = min(other.score for other in hits)
    return 1.0 if best <= worst else 0.1 + 0.9 * (hit.score - worst) / (best - worst)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know about a search: a code, a sentence, a hint.

    ``warns``: something is missing or other than asked for; without it all is as it should be.
    """

    code: str
    message: str
    hint: str = ""
    warns: bool = True


@dataclass(frozen=True, slots=True)
class Category:
    """A group of hits, named by its telling words."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Expansion:
    """A term of the query, and the synonyms that were searched with it."""

    term: str
    added: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """A search so far (``finished`` false) or done; hits are in final order.

    ``expansions`` says which synonyms were searched besides the words of the query.
    """

    search_id: str
    request: SearchRequest
    sources: tuple[SourceReport, ...]
    hits: tuple[SearchHit, ...]
    notices: tuple[Notice, ...] = ()
    total_ms: float = 0.0
    has_more: bool = False
    finished: bool = False
    categories: tuple[Category, ...] = ()
    expansions: tuple[Expansion, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Characters ``start`` to ``end`` (exclusive) of a query, and the word to put there."""

    start: int
    end: int
    word: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A query as it may have been meant, and what is other in it."""

    query: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """A row of ``searches``; ``connection_id`` None when several databases were searched."""

    id: str
    user_id: str
    connection_id: str | None
    query: str
    mode: SearchMode
    params: Mapping[str, object] = field(default_factory=dict)
    result_count: int = 0
    execution_time_ms: int = 0
    created_at: datetime | None = None
    categories: tuple[Category, ...] = ()
