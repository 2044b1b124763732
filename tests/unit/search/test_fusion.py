"""Merging ranked lists."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.search.coverage import (
    WEAK,
    WEIGHED_ROWS,
    HeldWords,
    row_weights,
    source_factor,
)
from altus4_desktop.search.fusion import RankedList, RankedRow, fuse


def ranked(
    table: str, index: str, keys: list[int], weights: Sequence[float] = (), factor: float = 1.0
) -> RankedList[None]:
    rows = [RankedRow((key,), rank, None) for rank, key in enumerate(keys, 1)]
    return RankedList((table,), index, rows, weights, factor)


def order(lists: list[RankedList[None]]) -> list[tuple[str, object]]:
    return [(row.source.table_id[0], row.ranked.key[0]) for row in fuse(lists)]


def test_one_list_keeps_its_order() -> None:
    assert order([ranked("t", "i", [5, 3, 9])]) == [("t", 5), ("t", 3), ("t", 9)]


def test_lists_of_different_tables_take_turns_and_ties_go_by_name() -> None:
    assert order([ranked("b", "i", [1, 2]), ranked("a", "i", [7, 8])]) == [
        ("a", 7),
        ("b", 1),
        ("a", 8),
        ("b", 2),
    ]


def test_a_heavier_list_goes_first() -> None:
    assert order([ranked("a", "i", [1]), ranked("b", "i", [2, 3], [2.0, 2.0])]) == [
        ("b", 2),
        ("b", 3),
        ("a", 1),
    ]


def test_a_factor_lifts_a_whole_list_and_one_alone_changes_nothing() -> None:
    plain = ranked("a", "i", list(range(10)))
    lifted = order([plain, ranked("b", "i", [90, 91, 92], factor=1.1)])
    assert lifted[:4] == [("b", 90), ("b", 91), ("b", 92), ("a", 0)]
    assert order([plain, ranked("b", "i", [90], factor=0.9)])[7] == ("b", 90)
    # 1.1 / (60 + r) = 1 / 61 at r = 7.1: six rows more than its own first one.
    many = order([plain, ranked("b", "i", list(range(90, 99)), factor=1.1)])
    assert [table for table, _ in many][:8] == ["b"] * 7 + ["a"]


def test_two_indexes_of_one_table_give_a_row_once_at_its_best_rank() -> None:
    fused = fuse([ranked("t", "title", [4, 1, 2]), ranked("t", "all", [2, 1, 3])])
    assert [(row.ranked.key[0], row.ranked.rank, row.source.index) for row in fused] == [
        (2, 1, "all"),
        (4, 1, "title"),
        (1, 2, "all"),
        (3, 3, "all"),
    ]


def test_rows_without_a_key_stay_apart() -> None:
    rows = [RankedRow((), rank, None) for rank in (1, 2)]
    assert len(fuse([RankedList(("t",), "a", rows), RankedList(("t",), "b", rows)])) == 4


def test_keys_of_any_kind_have_an_order() -> None:
    lists = [
        RankedList(("t",), f"i{n}", [RankedRow((key,), 1, None)])
        for n, key in enumerate([b"x", "a", 3, None])
    ]
    assert [row.ranked.key[0] for row in fuse(lists)] == [None, 3, "a", b"x"]


Content = dict[tuple[str, str], list[tuple[int, HeldWords]]]
held = st.builds(HeldWords, st.tuples(*[st.integers(0, 4)] * 3), st.integers(0, 900), st.booleans())
indexes = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")),
    st.lists(st.tuples(st.integers(0, 60), held), unique_by=lambda row: row[0], max_size=30),
    max_size=5,
)


# Indexes of one table may differ: each counts as its columns do.
Given = dict[tuple[str, str], float]
given_weights = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), st.floats(0.1, 10.0), max_size=5
)


def weighed(
    content: Content, given_: Given | None = None, count: int | None = None
) -> list[RankedList[None]]:
    """The lists of the first ``count`` rows, or of what is fetched in any case."""
    most = None if count is None else max(count, WEIGHED_ROWS)
    first = [rows[:most] for rows in content.values()]
    weights = row_weights([[words for _, words in rows] for rows in first])
    return [
        ranked(
            table,
            index,
            [key for key, _ in rows],
            weights_,
            source_factor((given_ or {}).get((table, index), 1.0), weights_),
        )
        for (table, index), rows, weights_ in zip(content, first, weights, strict=True)
    ]


@given(indexes, given_weights, st.integers(1, 7), st.randoms())
def test_pages_made_of_first_rows_continue_each_other(
    content: Content, given_: Given, size: int, random: object
) -> None:
    """Asking each source for one row more than a page ends with is enough."""
    whole = order(weighed(content, given_))
    assert len(whole) == len(set(whole))
    for first in range(0, len(whole) + 1, size):
        asked = weighed(content, given_, first + size + 1)
        random.shuffle(asked)  # type: ignore[attr-defined]  # a Random
        page = order(asked)
        assert page[first : first + size] == whole[first : first + size]
        assert (len(page) > first + size) == (len(whole) > first + size)


@given(indexes, given_weights, st.randoms())
def test_any_lists_fuse_to_each_row_once_in_each_source_s_own_order(
    content: Content, given_: Given, random: object
) -> None:
    lists = weighed(content, given_)
    fused = fuse(lists)
    found = [(row.source.table_id[0], row.ranked.key[0]) for row in fused]
    wanted = {(source.table_id[0], row.key[0]) for source in lists for row in source.rows}
    assert len(found) == len(wanted)
    assert set(found) == wanted
    scores = [row.score for row in fused]
    assert scores == sorted(scores, reverse=True)
    for source in lists:
        ranks = [row.ranked.rank for row in fused if row.source is source]
        assert ranks == sorted(ranks)
    random.shuffle(lists)  # type: ignore[attr-defined]  # a Random
    assert order(lists) == found


@given(indexes, st.sampled_from("abc"), st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_more_weight_never_puts_a_row_of_its_table_further_down(
    content: Content, table: str, one: float, other: float
) -> None:
    def places(weight: float) -> dict[tuple[str, object], int]:
        given_ = {place: weight for place in content if place[0] == table}
        return {row: at for at, row in enumerate(order(weighed(content, given_)))}

    less, more = places(min(one, other)), places(max(one, other))
    for row, place in more.items():
        assert place <= less[row] if row[0] == table else place >= less[row]


@given(indexes)
def test_a_weight_of_one_changes_no_bit(content: Content) -> None:
    neutral = dict.fromkeys(content, 1.0)
    plain = [row.score for row in fuse(weighed(content))]
    assert [row.score for row in fuse(weighed(content, neutral))] == plain


@given(indexes, given_weights)
def test_no_weight_puts_a_weak_source_between_the_rows_of_a_strong_one(
    content: Content, given_: Given
) -> None:
    """One that holds little of the question gains nothing by a weight."""
    plain, lists = weighed(content), weighed(content, given_)
    for before, after in zip(plain, lists, strict=True):
        if before.weights and before.weights[0] < WEAK:
            assert all(new <= old for new, old in zip(after.worths(), before.worths(), strict=True))


def test_a_weak_source_stays_behind_a_strong_one_however_much_it_is_liked() -> None:
    strong = [(key, HeldWords((2, 2, 2), 100)) for key in range(10)]
    weak = [(key, HeldWords((1, 0, 0), 100)) for key in range(10)]
    liked = {("b", "x"): 10.0}
    for of_b, tables in ((weak, "a" * 10 + "b" * 10), (strong, "b" * 10 + "a" * 10)):
        lists = weighed({("a", "x"): strong, ("b", "x"): of_b}, liked)
        assert "".join(table for table, _ in order(lists)) == tables
