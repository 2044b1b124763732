"""The page of a semantic search: ranked anew whenever a source has answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from altus4_desktop.domain.searching import (
    Notice,
    RankingReason,
    SearchHit,
    SearchRequest,
    SourceRef,
    TermEvidence,
)
from altus4_desktop.search.fusion import FusedRow, RankedList, RankedRow, key_values
from altus4_desktop.search.ranking.highlight import StemHighlighter
from altus4_desktop.search.ranking.records import Explanation, Ranked, SourceCandidates
from altus4_desktop.services.narrowing import narrow_ranked
from altus4_desktop.services.result_list import Dresser, Page, ResultList, rules_of

if TYPE_CHECKING:
    from altus4_desktop.mysql.fulltext import IndexRow
    from altus4_desktop.services.fan_out import FanOut, Question, Source
    from altus4_desktop.services.semantic import SemanticSearch


class SemanticList(ResultList):
    """Ranks the candidates of all sources together and dresses those of the page."""

    def __init__(
        self, request: SearchRequest, question: Question, semantic: SemanticSearch
    ) -> None:
        super().__init__(request, question)
        self._semantic = semantic

    def final_page(self, answered: Sequence[Source]) -> Page:
        """The requested page when no other source will answer, with the words that each hit has."""
        return self._page(answered, explained=True)

    def page(self, answered: Sequence[Source]) -> Page:
        """The requested page of what ``answered`` has found."""
        return self._page(answered, explained=False)

    def found(self, answered: Sequence[Source]) -> list[tuple[Source, IndexRow]]:
        """Every row that is ranked and wanted, best first, with its source."""
        sources = _by_index(answered)
        asked = [source.candidates for source in sources.values() if source.candidates is not None]
        rows = self._semantic.rank(asked).rows if asked else ()
        return [
            (sources[*ranked.source.table_id, ranked.source.index], ranked.candidate.row)
            for ranked in narrow_ranked(rows, sources, self._request.narrowing)
        ]

    def _page(self, answered: Sequence[Source], *, explained: bool) -> Page:
        sources = _by_index(answered)
        asked = [source.candidates for source in sources.values() if source.candidates is not None]
        if not any(candidates.candidates for candidates in asked):
            if asked:
                self._semantic.rank(asked)
            return Page((), has_more=False, row_count=0)
        ranking = self._semantic.rank(asked)
        rows = narrow_ranked(ranking.rows, sources, self._request.narrowing)
        self._cut = len(ranking.rows) - len(rows)
        first = self._request.offset
        wanted = rows[first : first + self._request.limit]
        return Page(
            hits=tuple(
                self._semantic_hit(ranked, sources, asked if explained else None)
                for ranked in wanted
            ),
            has_more=len(rows) > first + self._request.limit,
            row_count=len(rows),
        )

    def notices(self, fan_out: FanOut, row_count: int) -> tuple[Notice, ...]:
        """What to say about the finished search."""
        about = super().notices(fan_out, row_count)
        if not row_count:
            return about
        # What makes the ranking worse comes before words that were ignored.
        *lacks, ranked_by = self._semantic.notices()
        return (*lacks, *about, ranked_by)

    def _semantic_hit(
        self,
        ranked: Ranked[IndexRow],
        sources: dict[tuple[str, ...], Source],
        asked: Sequence[SourceCandidates[IndexRow]] | None,
    ) -> SearchHit:
        candidates = ranked.source
        source = sources[*candidates.table_id, candidates.index]
        hit = self._hits.get((source.ref, ranked.source_rank))
        if hit is None:
            hit = self._dress(source, ranked)
            self._hits[source.ref, ranked.source_rank] = hit
        explained = self._semantic.ranker.explain(ranked, asked) if asked is not None else None
        return replace(hit, score=ranked.score, reason=_reason(ranked, explained))

    def _dress(self, source: Source, ranked: Ranked[IndexRow]) -> SearchHit:
        ref: SourceRef = source.ref
        dresser = self._dressers.get(ref)
        if dresser is None:
            asked = self._semantic.ranker.question_of(ranked.source)
            highlighter = StemHighlighter(asked, rules_of(source))
            dresser = self._dressers[ref] = Dresser(source, highlighter)
        row = ranked.candidate.row
        only = RankedRow(key_values(row.key), ranked.source_rank, row)
        return dresser.dress(
            FusedRow(RankedList(ranked.source.table_id, ref.index, [only]), only, ranked.score)
        )


def _by_index(answered: Sequence[Source]) -> dict[tuple[str, ...], Source]:
    return {
        (*source.candidates.table_id, source.candidates.index): source
        for source in answered
        if source.candidates is not None
    }


def _reason(ranked: Ranked[IndexRow], explained: Explanation | None) -> RankingReason:
    terms = explained.terms if explained is not None else ()
    return RankingReason(
        words=ranked.words_part,
        meaning=ranked.meaning_part,
        feedback=ranked.feedback_part,
        weight=ranked.weight_part,
        bm25=ranked.lexical,
        cosine=ranked.meaning,
        terms=tuple(
            TermEvidence(term.stem, term.words, term.columns, term.df, term.rows, term.contribution)
            for term in terms
        ),
        estimated=explained is not None and explained.estimated,
    )
