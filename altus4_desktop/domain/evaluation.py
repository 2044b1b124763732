"""Judged queries, and how well a search answers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from altus4_desktop.domain.searching import (
    SearchMode,
    SearchRequest,
    SourceWeight,
    TableChoice,
)


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A question of a query set; ``id`` is a text without spaces, as TREC's files have it."""

    id: str
    text: str


Judgements = Mapping[str, Mapping[str, int]]
"""For each query's id the grades of documents; more is better, 0 and less is not relevant."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A way to search that is measured; empty tuples mean everything the actor may search.

    ``id_column`` names rows by a column of the one table searched; empty: by their key.
    ``weights``, ``language`` and ``synonyms`` are those of a `SearchRequest`: nothing of what the
    actor prefers comes in by itself.
    """

    mode: SearchMode = SearchMode.NATURAL
    connection_ids: tuple[str, ...] = ()
    tables: tuple[TableChoice, ...] = ()
    limit: int = 20
    timeout_s: float | None = None
    id_column: str = ""
    weights: tuple[SourceWeight, ...] = ()
    language: str = ""
    synonyms: tuple[tuple[str, ...], ...] = ()

    def build_request(self, query: str) -> SearchRequest:
        """``query`` asked in this way."""
        return SearchRequest(
            query=query,
            mode=self.mode,
            connection_ids=self.connection_ids,
            tables=self.tables,
            limit=self.limit,
            timeout_s=self.timeout_s,
            language=self.language,
            synonyms=self.synonyms,
            weights=self.weights,
        )

    def as_document(self) -> dict[str, Any]:
        """The configuration as JSON can hold it."""
        return asdict(self) | {"mode": self.mode.value}

    @classmethod
    def from_document(cls, document: object) -> Configuration | None:
        """The configuration of `as_document`; what it does not say is as by default. None for
        anything else."""
        if not isinstance(document, dict):
            return None
        said = {field.name for field in fields(cls)} & {*document}
        values: dict[str, Any] = {name: _frozen(document[name]) for name in said}
        try:
            values["mode"] = SearchMode(document["mode"])
            values["tables"] = tuple(TableChoice(**one) for one in document["tables"])
            values["weights"] = tuple(SourceWeight(**one) for one in document["weights"])
        except (KeyError, TypeError, ValueError):
            return None
        return cls(**values)


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What one query found: names of documents, best first, and its measures (0 to 1).

    ``judged``: one of its documents at least is relevant; without that no measure says anything.
    ``graded``: somebody has judged some, perhaps none of them relevant.
    ``failure`` says in a sentence why some source, or the search, did not answer. ``titles`` are
    what people call the first of the documents, where it is known; in the order of ``documents``.
    """

    query: JudgedQuery
    documents: tuple[str, ...]
    ndcg: float
    precision: float
    reciprocal_rank: float
    judged: bool
    failure: str = ""
    titles: tuple[str, ...] = ()
    graded: bool = False


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A configuration's answers to all queries, and the means over those that are judged; None: of
    a run that was read from a file.

    ``zero_results`` is the share of all queries that found nothing and did not fail.
    """

    configuration: Configuration | None
    results: tuple[QueryResult, ...]
    ndcg: float
    precision: float
    reciprocal_rank: float
    zero_results: float
    judged: int
    failed: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a query gained (or lost, below 0) in nDCG from A to B."""

    query: JudgedQuery
    before: float
    after: float

    @property
    def gain(self) -> float:
        """B less A."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Comparison:
    """B against A by nDCG of the judged queries: how many won, lost, tied, the two-sided p of an
    exact sign test, and the changed queries, biggest gain first."""

    wins: int
    losses: int
    ties: int
    p_value: float
    changes: tuple[Change, ...]
