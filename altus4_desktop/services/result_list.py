"""The page a person sees, made of what the sources have answered so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from altus4_desktop.domain.searching import (
    Notice,
    SearchHit,
    SearchMode,
    SearchRequest,
    SourceRef,
    SourceReport,
)
from altus4_desktop.search.coverage import (
    HeldWords,
    count_words,
    indexed_words,
    join_columns,
    row_weights,
    source_factor,
)
from altus4_desktop.search.explain import SourceFacts, TableGap, explain
from altus4_desktop.search.fusion import (
    FusedRow,
    RankedList,
    RankedRow,
    fuse,
    key_values,
    row_identity,
)
from altus4_desktop.search.snippets import Highlighter, title_column
from altus4_desktop.search.terms import index_rules, read_terms
from altus4_desktop.search.weights import column_weights, index_weight, place_weight
from altus4_desktop.services.narrowing import cut_list, merge_by_column, narrowing_notices

if TYPE_CHECKING:
    from altus4_desktop.mysql.fulltext import IndexRow
    from altus4_desktop.search.terms import IndexRules
    from altus4_desktop.services.fan_out import FanOut, Question, Source


@dataclass(frozen=True, slots=True)
class Page:
    """The hits of a page; ``row_count`` counts every row that was found."""

    hits: tuple[SearchHit, ...]
    has_more: bool
    row_count: int


class ResultList:
    """Merges and dresses rows; what was made once is kept from update to update."""

    def __init__(self, request: SearchRequest, question: Question) -> None:
        self._request = request
        self._question = question
        self._lists: dict[SourceRef, RankedList[IndexRow]] = {}
        self._dressers: dict[SourceRef, Dresser] = {}
        self._hits: dict[tuple[SourceRef, int], SearchHit] = {}
        self._held: dict[tuple[SourceRef, frozenset[str]], list[HeldWords]] = {}
        self._skipped = 0
        self._cut = 0

    def final_page(self, answered: Sequence[Source]) -> Page:
        """The requested page when no other source will answer."""
        return self.page(answered)

    def page(self, answered: Sequence[Source]) -> Page:
        """The requested page of what ``answered`` has found."""
        sources = {source.ref: source for source in answered}
        fused = self._fused(answered)
        # A source asked alone has skipped the earlier pages itself.
        self._skipped = min((source.first_rank for source in answered), default=1) - 1
        first = self._request.offset - self._skipped
        wanted = fused[first : first + self._request.limit]
        return Page(
            hits=tuple(self._hit(row, sources) for row in wanted),
            has_more=len(fused) > first + self._request.limit,
            row_count=len(fused) + self._skipped,
        )

    def cap(self, reports: Sequence[SourceReport]) -> tuple[SourceReport, ...]:
        """``reports`` without the row that is only fetched to know whether there are more."""
        most = self._request.offset - self._skipped + self._request.limit
        return tuple(
            replace(report, hits=min(report.hits, most)) if report.hits > most else report
            for report in reports
        )

    def notices(self, fan_out: FanOut, row_count: int) -> tuple[Notice, ...]:
        """What to say about the finished search."""
        facts = [
            SourceFacts(
                source=source.ref,
                state=source.state,
                hits=len(source.rows),
                rules=rules_of(source) if source.planned is not None else None,
            )
            for source in fan_out.sources()
        ]
        gaps = []
        for branch in fan_out.branches:
            if branch.plan is None:
                continue
            name = branch.connection.name
            gaps += [TableGap(name, table) for table in branch.plan.without_index if branch.tables]
            nothing = not branch.plan.sources and not branch.plan.left_out
            if nothing and not branch.tables and not self._request.narrowing.only_tables:
                gaps.append(TableGap(name))
        said = explain(
            self._question.query,
            boolean=self._question.boolean,
            sources=facts,
            gaps=gaps,
            row_count=row_count,
        )
        narrowed = narrowing_notices(
            fan_out.branches,
            self._request.narrowing,
            fetched=row_count + self._cut,
            cut=self._cut,
            row_count=row_count,
            semantic=self._request.mode is SearchMode.SEMANTIC,
        )
        return (*narrowed, *said)

    def _fused(self, answered: Sequence[Source]) -> list[FusedRow[IndexRow]]:
        wanted = self._request.narrowing
        lists = self._weighed(answered)
        kept = [
            cut_list(ranked, source, wanted.threshold)
            for ranked, source in zip(lists, answered, strict=True)
        ]
        if wanted.order is None:
            fused = fuse(kept)
        else:
            pairs = list(zip(kept, answered, strict=True))
            fused = merge_by_column(pairs, descending=wanted.order.descending)
        if kept != lists:
            every = {row_identity(ranked, row) for ranked in lists for row in ranked.rows}
            self._cut = len(every) - len(fused)
        return fused

    def _weighed(self, answered: Sequence[Source]) -> list[RankedList[IndexRow]]:
        """The lists of ``answered``; of several, each with the weights of its rows and its own."""
        lists = [self._ranked(source) for source in answered]
        if len(lists) < 2:
            return lists
        if self._question.boolean:
            return self._with_factors(lists, answered)
        # What one index ignores, such as a stop word, others may know: all are measured alike.
        words = frozenset[str]().union(
            *(indexed_words(self._question.query, rules_of(source)) for source in answered)
        )
        if len(words) < 2:
            return self._with_factors(lists, answered)
        weights = row_weights([self._held_words(source, words) for source in answered])
        return self._with_factors(
            [
                replace(ranked, weights=weights_)
                for ranked, weights_ in zip(lists, weights, strict=True)
            ],
            answered,
        )

    def _with_factors(
        self, lists: list[RankedList[IndexRow]], answered: Sequence[Source]
    ) -> list[RankedList[IndexRow]]:
        weights = self._request.weights
        if not weights:
            return lists
        weighed = []
        for ranked, source in zip(lists, answered, strict=True):
            weight = place_weight(weights, source.ref.connection_id, source.ref.table)
            if not ranked.weights:
                weight *= index_weight(_index_columns(source), self._column_weights(source))
            weighed.append(replace(ranked, factor=source_factor(weight, ranked.weights)))
        return weighed

    def _column_weights(self, source: Source) -> Mapping[str, float]:
        return column_weights(self._request.weights, source.ref.connection_id, source.ref.table)

    def _held_words(self, source: Source, words: frozenset[str]) -> list[HeldWords]:
        known = self._held.get((source.ref, words))
        if known is None:
            weights = self._column_weights(source)
            known = self._held[source.ref, words] = [
                _held(row, _index_columns(source), sorted(words), rules_of(source), weights)
                for row in source.rows
            ]
        return known

    def _ranked(self, source: Source) -> RankedList[IndexRow]:
        ranked = self._lists.get(source.ref)
        if ranked is None:
            ref = source.ref
            ranked = RankedList(
                table_id=(ref.connection, ref.connection_id, ref.table),
                index=ref.index,
                rows=[
                    RankedRow(key_values(row.key), rank, row)
                    for rank, row in enumerate(source.rows, source.first_rank)
                ],
            )
            self._lists[ref] = ranked
        return ranked

    def _hit(self, fused: FusedRow[IndexRow], sources: dict[SourceRef, Source]) -> SearchHit:
        connection, connection_id, table = fused.source.table_id
        ref = SourceRef(connection, table, fused.source.index, connection_id)
        rank = fused.ranked.rank
        hit = self._hits.get((ref, rank))
        if hit is None:
            dresser = self._dressers.get(ref)
            if dresser is None:
                dresser = self._dressers[ref] = Dresser(
                    sources[ref], _highlighter(sources[ref], self._question)
                )
            hit = self._hits[ref, rank] = dresser.dress(fused)
        if (hit.score, hit.factor) != (fused.score, fused.source.factor):
            # A source that answered later brought a word that changed the weights.
            hit = replace(hit, score=fused.score, factor=fused.source.factor)
            self._hits[ref, rank] = hit
        return hit


class Dresser:
    """Makes hits of one source's rows."""

    def __init__(self, source: Source, highlighter: Highlighter) -> None:
        planned = source.planned
        assert planned is not None  # noqa: S101  # only planned sources have rows
        self._ref = source.ref
        # The index that ranked a row first may be the one of its title alone.
        self._searched = tuple(
            dict.fromkeys(
                name
                for index in (planned.index, *planned.table.fulltext_indexes)
                for name in index.columns
            )
        )
        self._title = title_column(planned.table)
        scores = (row.score for row in source.rows)
        self._best = max(scores, default=0.0) if source.first_rank == 1 else 0.0
        self._highlighter = highlighter

    def dress(self, fused: FusedRow[IndexRow]) -> SearchHit:
        """The hit of a row in its place."""
        row = fused.ranked.row
        snippet = self._highlighter.snippet(row.columns, self._searched, self._title)
        return SearchHit(
            source=self._ref,
            key=row.key,
            score=fused.score,
            source_score=row.score,
            source_rank=fused.ranked.rank,
            columns=row.columns,
            snippet=snippet.text,
            snippet_matches=snippet.snippet_matches,
            matches=snippet.matches,
            title_column=self._title,
            truncated=row.truncated,
            source_best=self._best,
            factor=fused.source.factor,
        )


def _index_columns(source: Source) -> Sequence[str]:
    planned = source.planned
    assert planned is not None  # noqa: S101  # only planned sources have rows
    return planned.index.columns


def _held(
    row: IndexRow,
    columns: Sequence[str],
    words: Sequence[str],
    rules: IndexRules,
    weights: Mapping[str, float],
) -> HeldWords:
    cells = {name: cell for name in columns if isinstance(cell := row.columns.get(name), str)}
    cut = bool(row.truncated)
    if not any(name in weights for name in cells):
        return count_words("\n".join(cells.values()), words, rules, cut=cut)
    parts = [
        (count_words(cell, words, rules), weights.get(name, 1.0)) for name, cell in cells.items()
    ]
    return join_columns(parts, cut=cut)


def _highlighter(source: Source, question: Question) -> Highlighter:
    rules = rules_of(source)
    terms = read_terms(question.query, rules, boolean=question.boolean)
    return Highlighter(terms, rules, boolean=question.boolean)


def rules_of(source: Source) -> IndexRules:
    """How the index of a planned ``source`` reads words."""
    planned, branch = source.planned, source.branch
    assert planned is not None  # noqa: S101  # asked for planned sources only
    return index_rules(planned.table, branch.settings, branch.flavour, source.parser)
