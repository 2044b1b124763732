"""The telling words of a row."""

from __future__ import annotations

from altus4_desktop.domain.searching import SearchHit, SourceRef
from altus4_desktop.search.related import MAX_WORDS, find_telling_words


def _hit(place: int, text: str | None) -> SearchHit:
    return SearchHit(
        SourceRef("shop", "articles", "ft"), {"id": place}, 1.0, 1.0, place, {"body": text}
    )


def test_what_is_rare_among_the_rows_tells_most() -> None:
    hits = [_hit(1, "the river bridge"), _hit(2, "the river"), _hit(3, "a river bank")]
    assert find_telling_words(hits[0], hits) == ("bridge", "river")


def test_a_row_without_words_has_none() -> None:
    for text in (None, "", "7 77 777", "the and of", "x" * 1000):
        assert find_telling_words(_hit(1, text), [_hit(1, text)]) == ()


def test_a_long_row_makes_a_short_query() -> None:
    hit = _hit(1, " ".join(f"word{letter}" for letter in "abcdefghijklmn"))
    assert len(find_telling_words(hit, [hit])) == MAX_WORDS
