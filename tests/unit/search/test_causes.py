"""The one code that is kept of a search without result."""

from __future__ import annotations

import pytest

from altus4_desktop.domain.filtering import ColumnFilter, Narrowing
from altus4_desktop.domain.searching import (
    Notice,
    SearchHit,
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceRef,
    SourceReport,
    SourceState,
)
from altus4_desktop.domain.zero_causes import ZeroCause
from altus4_desktop.search.causes import find_cause
from altus4_desktop.search.explain import SourceFacts, TableGap, explain
from altus4_desktop.search.terms import IndexRules
from altus4_desktop.search.words import Folding

_RULES = IndexRules(3, 10, frozenset({"the", "of"}), 0, Folding.CASE_AND_ACCENTS, True)
_SOURCE = SourceRef("Shop", "books", "words")
_FILTERED = Notice("search.filtered", "Filters are on.")


def _outcome(
    query: str,
    mode: SearchMode = SearchMode.NATURAL,
    *,
    state: SourceState = SourceState.OK,
    offset: int = 0,
    more: tuple[Notice, ...] = (),
    gaps: tuple[TableGap, ...] = (),
) -> SearchOutcome:
    boolean = mode is SearchMode.BOOLEAN
    facts = [] if gaps else [SourceFacts(_SOURCE, state, 0, _RULES)]
    said = explain(query, boolean=boolean, sources=facts, gaps=gaps, row_count=0)
    return SearchOutcome(
        "s1",
        SearchRequest(
            query, mode, offset=offset, narrowing=Narrowing((ColumnFilter("a"),) if more else ())
        ),
        tuple(SourceReport(_SOURCE, state) for _ in facts),
        (),
        (*more, *said),
        finished=True,
    )


_BOOLEAN = SearchMode.BOOLEAN


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        (_outcome("invoise"), ZeroCause.ABSENT),
        (_outcome("the invoise"), ZeroCause.ABSENT),
        (_outcome("the of"), ZeroCause.STOP_WORDS),
        (_outcome("a1 b2"), ZeroCause.TOO_SHORT),
        (_outcome("a1 the"), ZeroCause.NOT_INDEXED),
        (_outcome("supersonically"), ZeroCause.NOT_INDEXED),
        (_outcome("?!"), ZeroCause.NO_WORDS),
        (_outcome("全文検索"), ZeroCause.NEEDS_NGRAM),
        (_outcome("+the invoice", _BOOLEAN), ZeroCause.EMPTIED),
        (_outcome("-invoice", _BOOLEAN), ZeroCause.ONLY_EXCLUDED),
        (_outcome("+red -invoice", _BOOLEAN), ZeroCause.OPERATORS),
        (_outcome('"red invoice"', _BOOLEAN), ZeroCause.OPERATORS),
        (_outcome("red invoice", _BOOLEAN), ZeroCause.ABSENT),
        (_outcome("invoice", more=(_FILTERED,)), ZeroCause.FILTERED),
        (_outcome("the", more=(_FILTERED,)), ZeroCause.STOP_WORDS),
        (_outcome("invoice", gaps=(TableGap("Shop"),)), ZeroCause.NO_INDEX),
    ],
)
def test_the_surest_cause_is_kept(outcome: SearchOutcome, cause: ZeroCause) -> None:
    assert find_cause(outcome) is cause


@pytest.mark.parametrize(
    "outcome",
    [
        _outcome("invoise", offset=20),
        _outcome("invoise", state=SourceState.FAILED),
        _outcome("invoise", state=SourceState.TIMED_OUT),
        _outcome("invoise", state=SourceState.CANCELLED),
    ],
)
def test_what_was_not_all_asked_has_no_cause(outcome: SearchOutcome) -> None:
    assert find_cause(outcome) is None


def test_with_hits_there_is_no_cause() -> None:
    hit = SearchHit(_SOURCE, {}, 1.0, 1.0, 1, {})
    outcome = _outcome("invoise")
    found = SearchOutcome("s1", outcome.request, outcome.sources, (hit,), outcome.notices)
    assert find_cause(found) is None
