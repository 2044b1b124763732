"""How much of a question rows answer."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.search.coverage import (
    WEIGHED_ROWS,
    HeldWords,
    count_words,
    indexed_words,
    join_columns,
    row_weights,
    source_factor,
)
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
    ("text", "counts"),
    [
        ("Sort a LIST, then sort it in place", (1, 1, 2)),
        ("a list", (1, 0, 0)),
        ("sorted lists, placed", (0, 0, 0)),
        ("", (0, 0, 0)),
    ],
)
def test_whole_words_are_counted(text: str, counts: tuple[int, ...]) -> None:
    held = count_words(text, ["list", "place", "sort"], rules())
    assert held == HeldWords(counts, len(text))


def test_words_are_compared_as_the_collation_compares_them() -> None:
    words = ["creme", "brulee"]
    assert count_words("crème brûlée", words, rules()).counts == (1, 1)
    assert count_words("crème brûlée", words, rules(Folding.CASE)).counts == (0, 0)


def test_text_without_spaces_is_looked_through_for_the_ngram_parser() -> None:
    assert count_words("全文検索", ["検索"], rules(ngram_size=2)).counts == (1,)
    assert count_words("全文検索", ["検索"], rules()).counts == (0,)


def held(*counts: int, length: int = 100, cut: bool = False) -> HeldWords:
    return HeldWords(counts, length, cut)


def test_a_rare_word_weighs_more_than_a_common_one() -> None:
    common, rare = row_weights([[held(1, 0)] * 4, [held(0, 1)]])
    assert rare == [1.0]
    assert max(common) < 0.5


def test_weights_never_rise_within_a_source() -> None:
    weights = row_weights([[held(2, 1), held(0, 1), held(2, 1)], [held(1, 0)]])[0]
    assert weights[0] == 1.0
    assert weights[1] == weights[2] < 1.0


def test_rows_in_the_wrong_order_weigh_their_mean() -> None:
    first, second, third = row_weights([[held(4), held(1), held(3)], [held(1)]])[0]
    assert first == 1.0
    assert second == third == pytest.approx(0.5)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=60))
def test_what_further_pages_fetch_changes_no_weight(drawn: list[tuple[int, bool]]) -> None:
    rows = [held(count, cut=cut) for count, cut in drawn]
    other = [held(1)]
    whole, _ = row_weights([rows, other])
    assert all(after <= before for before, after in itertools.pairwise(whole))
    for fetched in range(WEIGHED_ROWS, len(rows)):
        part, _ = row_weights([rows[:fetched], other])
        assert part == whole[:fetched]


def test_a_row_that_was_cut_weighs_what_the_row_before_it_does() -> None:
    whole, cut, after = row_weights([[held(2), held(0, cut=True), held(1)], [held(1)]])[0]
    assert whole == cut == 1.0
    assert after == pytest.approx(0.5)


def test_long_texts_are_not_better_for_being_long() -> None:
    short, long = row_weights([[held(1, length=100)], [held(1, length=1000)]])
    assert short == [1.0]
    assert long[0] == pytest.approx(0.719, abs=0.001)


def test_no_row_is_worth_nothing() -> None:
    assert row_weights([[held(1), held(0)], []]) == [[1.0, 0.05], []]
    assert row_weights([[held(0)], [held(0)]]) == [[1.0], [1.0]]
    assert row_weights([[], []]) == [[], []]


def test_columns_count_as_much_as_they_weigh() -> None:
    title, body = held(1, 0, length=10), held(2, 3, length=90)
    joined = join_columns([(title, 3.0), (body, 0.5)], cut=True)
    assert joined == HeldWords((4.0, 1.5), 100, cut=True)


def test_only_a_source_that_holds_enough_is_raised() -> None:
    assert source_factor(3.0, [0.25, 0.05]) == 3.0
    assert source_factor(3.0, [0.24, 0.05]) == 1.0
    assert source_factor(0.5, [0.24, 0.05]) == 0.5
    assert source_factor(3.0, []) == 3.0
