"""Why a query found nothing, in words: the same wherever it is told."""

from __future__ import annotations

from altus4_desktop.domain.remarks import Remark
from altus4_desktop.domain.zero_causes import ZeroCause

NOT_KNOWN = "not_known"
"""Nothing was noted when it was searched, and nothing else explains it."""
REWORDED = "reworded"
"""People found it as the text that is the evidence."""
ELSEWHERE = "elsewhere"
"""Other searches for it did find something, as often as the evidence says."""

_WORDS = {
    ZeroCause.NO_WORDS: "Nothing but signs",
    ZeroCause.STOP_WORDS: "Only stop words, which are not in the index",
    ZeroCause.TOO_SHORT: "Words shorter than the server indexes",
    ZeroCause.NOT_INDEXED: "Words that the server does not index",
    ZeroCause.EMPTIED: "A required word that is not in the index",
    ZeroCause.ONLY_EXCLUDED: "It says only what to leave out",
    ZeroCause.NEEDS_NGRAM: "Text without blanks, and no ngram index",
    ZeroCause.NO_INDEX: "No FULLTEXT index where it was searched",
    ZeroCause.FILTERED: "Filters or a threshold were on",
    ZeroCause.OPERATORS: "No row fits its operators",
    ZeroCause.ABSENT: "No row matches its words",
    NOT_KNOWN: "Not known",
}


def cause_words(cause: str, evidence: str) -> Remark:
    """The cause of a row of the chart “zero” with its evidence; what another program has noted
    stays as it is."""
    match cause, evidence:
        case "reworded", _:
            return Remark("Found as “{text}”", {"text": evidence})
        case "elsewhere", "1":
            return Remark("Found once by another search")
        case "elsewhere", "≥ 1":
            return Remark("Found by other searches")
        case "elsewhere", _:
            return Remark("Found {count} times by other searches", {"count": evidence})
        case ZeroCause.OPERATORS, str() if evidence:
            return Remark("No row fits its operators {signs}", {"signs": evidence})
    known = next((words for name, words in _WORDS.items() if name == cause), None)
    return Remark(known) if known is not None else Remark("{cause}", {"cause": cause})
