"""Why a search found nothing, as far as it was known when it was run."""

from __future__ import annotations

from enum import StrEnum


class ZeroCause(StrEnum):
    """What is kept with a search without result, in ``searches.search_params`` as ``cause``.

    A misspelt word is `ABSENT`: which word was meant is only found by asking again.
    """

    NO_WORDS = "no_words"
    """Nothing but signs."""
    STOP_WORDS = "stop_words"
    """Only words that the index leaves out for being too common in the language."""
    TOO_SHORT = "too_short"
    """Only words shorter than the server takes into an index."""
    NOT_INDEXED = "not_indexed"
    """No word is in the index, for several reasons or because it is too long."""
    EMPTIED = "emptied"
    """A word that is required is not in the index."""
    ONLY_EXCLUDED = "only_excluded"
    """The query says only what to leave out."""
    NEEDS_NGRAM = "needs_ngram"
    """Text without blanks, and an index without the ngram parser."""
    NO_INDEX = "no_index"
    """Nothing that was searched has a FULLTEXT index."""
    FILTERED = "filtered"
    """Filters or a threshold were on."""
    OPERATORS = "operators"
    """Boolean: some words are required, excluded or side by side."""
    ABSENT = "absent"
    """No row matches its words."""
