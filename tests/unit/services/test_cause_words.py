"""Why nothing was found, in words."""

from __future__ import annotations

import pytest

from altus4_desktop.domain.zero_causes import ZeroCause
from altus4_desktop.services.cause_words import NOT_KNOWN, cause_words


def test_every_cause_has_words_of_its_own() -> None:
    told = [cause_words(cause, "").text for cause in (*ZeroCause, NOT_KNOWN)]
    assert len({*told}) == len(ZeroCause) + 1
    assert not any("_" in words for words in told)
    assert told[-1] == "Not known"


@pytest.mark.parametrize(
    ("cause", "evidence", "words"),
    [
        ("reworded", "ink {0}", "Found as “ink {0}”"),
        ("elsewhere", "1", "Found once by another search"),
        ("elsewhere", "2", "Found 2 times by other searches"),
        ("operators", "+-", "No row fits its operators +-"),
        ("operators", "", "No row fits its operators"),
        # Another program's.
        ("{moon}", "", "{moon}"),
    ],
)
def test_evidence_is_told_with_it(cause: str, evidence: str, words: str) -> None:
    assert cause_words(cause, evidence).text == words
