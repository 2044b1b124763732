"""How much of a question rows answer."""

from __future__ import annotations

import pytest

from altus4_desktop.search.coverage import coverage, indexed_words
from altus4_desktop.search.terms import IndexRules
from altus4_desktop.search.words import Folding


def rules(folding: Folding = Folding.CASE_AND_ACCENTS, ngram_size: int = 0) -> IndexRules:
    return IndexRules(
        min_length=3,
        max_length=84,
        stop_words=frozenset({"the"}),
        ngram_size=ngram_size,
        folding=folding,
        reads_phrases=True,
    )


def test_words_an_index_ignores_are_not_asked_for() -> None:
    assert indexed_words('Sort the list "in place"', rules()) == {"sort", "list", "place"}


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        (["Sort a LIST in place"], 1.0),
        (["a list"], 1 / 3),
        (["sorted lists, placed"], 0.0),
        (["sort list place", "nothing"], 2 / 3),
        (["nothing", "sort list place"], 1 / 3),
        ([], 1.0),
    ],
)
def test_rows_count_by_their_words_and_their_place(texts: list[str], share: float) -> None:
    assert coverage(texts, {"sort", "list", "place"}, rules()) == pytest.approx(share)


def test_words_are_compared_as_the_collation_compares_them() -> None:
    assert coverage(["crème brûlée"], {"creme", "brulee"}, rules()) == 1.0
    assert coverage(["crème brûlée"], {"creme", "brulee"}, rules(Folding.CASE)) == 0.0


def test_text_without_spaces_is_looked_through_for_the_ngram_parser() -> None:
    assert coverage(["全文検索"], {"検索"}, rules(ngram_size=2)) == 1.0
    assert coverage(["全文検索"], {"検索"}, rules()) == 0.0
