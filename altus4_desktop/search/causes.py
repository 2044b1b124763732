"""Why a finished search found nothing, in one code."""

from __future__ import annotations

from altus4_desktop.domain.searching import SearchMode, SearchOutcome, SourceState
from altus4_desktop.domain.zero_causes import ZeroCause
from altus4_desktop.search.boolean import Phrase, clean_query, parse_boolean, walk

# What is said of a search, the surest reason first: a filter may leave rows out, while words that
# are in no index find nothing whatever the filter.
_SAID = {
    "search.no_words": ZeroCause.NO_WORDS,
    "search.only_excluded": ZeroCause.ONLY_EXCLUDED,
    "search.needs_ngram": ZeroCause.NEEDS_NGRAM,
    "search.required_ignored": ZeroCause.EMPTIED,
    "search.all_ignored.stop_word": ZeroCause.STOP_WORDS,
    "search.all_ignored.too_short": ZeroCause.TOO_SHORT,
    "search.all_ignored.too_long": ZeroCause.NOT_INDEXED,
    "search.all_ignored": ZeroCause.NOT_INDEXED,
    "search.filtered": ZeroCause.FILTERED,
}


def find_cause(outcome: SearchOutcome) -> ZeroCause | None:
    """The cause of a finished search without result, from what was said of it.

    None for one that has hits, is a later page, or some sources of which did not answer.
    """
    request = outcome.request
    lost = any(report.state is not SourceState.OK for report in outcome.sources)
    if outcome.hits or request.offset or lost:
        return None
    codes = {notice.code for notice in outcome.notices}
    for code, cause in _SAID.items():
        if code in codes:
            return cause
    if "search.none" not in codes:
        return ZeroCause.NO_INDEX if "search.no_index" in codes else None
    if request.mode is SearchMode.BOOLEAN and _demands(request.query):
        return ZeroCause.OPERATORS
    return ZeroCause.ABSENT


def _demands(query: str) -> bool:
    """Whether a boolean query asks for more than any of its words."""
    return any(
        node.operator in ("+", "-") or isinstance(node, Phrase)
        for node in walk(parse_boolean(clean_query(query)))
    )
