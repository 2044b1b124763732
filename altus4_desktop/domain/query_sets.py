"""Sets of queries whose answers people have judged, and how searches did on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from altus4_desktop.domain.evaluation import Evaluation, JudgedQuery

GRADES = range(4)
"""Not relevant, marginal, relevant, perfect."""


@dataclass(frozen=True, slots=True)
class QuerySetDraft:
    """What somebody writes of a set; nobody has two of one name."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class QuerySet:
    """A row of ``query_sets``, and how many there are in it; ``judged`` counts the queries with a
    judgement."""

    id: str
    user_id: str
    draft: QuerySetDraft
    queries: int = 0
    judged: int = 0
    judgements: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetQueryDraft:
    """A query as somebody writes it; ``name`` is what files call it by, without spaces, empty for
    the next free number."""

    text: str
    name: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class SetQuery:
    """A row of ``set_queries``; ``judgements`` of its rows, ``relevant`` of them graded above 0."""

    id: str
    set_id: str
    draft: SetQueryDraft
    position: int
    judgements: int = 0
    relevant: int = 0

    def as_judged(self) -> JudgedQuery:
        """The query as it is evaluated: by its name."""
        return JudgedQuery(self.draft.name, self.draft.text)


@dataclass(frozen=True, slots=True)
class SetQueryPage:
    """Some of the queries of a set, and how many are found in all."""

    queries: tuple[SetQuery, ...]
    total: int


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """Which row was judged: ``document`` is its table and key, ``connection_name`` what the
    connection was called then. Without ``connection_id``, ``document`` is the whole name."""

    connection_id: str
    connection_name: str
    document: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A row of ``judgements``; ``name`` is what the row is called now."""

    query_id: str
    row: JudgedRow
    grade: int
    name: str = ""
    judged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging has done: the query, which may be new to the set, and the row's name; ``before``
    is the grade it had, None without one."""

    query: SetQuery
    name: str
    grade: int | None
    before: int | None


@dataclass(frozen=True, slots=True)
class SetContents:
    """All of a set, as it is evaluated and written to files: queries in their order, and for each
    query's name the grades of rows by theirs. ``notes`` are those of queries, by name;
    ``former_names`` tells what connections are called now that had other names once."""

    queries: tuple[JudgedQuery, ...]
    judgements: Mapping[str, Mapping[str, int]]
    notes: Mapping[str, str]
    former_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import has added, how many queries were there before, and how many judgements are of
    queries that are not in the file and were left out."""

    queries: int
    known: int
    judgements: int
    left_out: int


@dataclass(frozen=True, slots=True)
class PastQuery:
    """A query of the history: how often it was searched, and how often nothing was found."""

    text: str
    searches: int
    without_result: int


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """A row of ``evaluation_runs``: one evaluation or two that were compared.

    From a list they come without their results; of each query the first ten documents are kept.
    """

    id: str
    set_id: str
    evaluations: tuple[Evaluation, ...]
    queries: int
    created_at: datetime | None = None
