"""Merging ranked lists."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.search.coverage import WEIGHED_ROWS, HeldWords, row_weights
from altus4_desktop.search.fusion import RankedList, RankedRow, fuse


def ranked(
    table: str, index: str, keys: list[int], weights: Sequence[float] = ()
) -> RankedList[None]:
    rows = [RankedRow((key,), rank, None) for rank, key in enumerate(keys, 1)]
    return RankedList((table,), index, rows, weights)


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


def weighed(content: Content, count: int | None = None) -> list[RankedList[None]]:
    """The lists of the first ``count`` rows, or of what is fetched in any case."""
    most = None if count is None else max(count, WEIGHED_ROWS)
    first = [rows[:most] for rows in content.values()]
    weights = row_weights([[words for _, words in rows] for rows in first])
    return [
        ranked(table, index, [key for key, _ in rows], weights_)
        for (table, index), rows, weights_ in zip(content, first, weights, strict=True)
    ]


@given(indexes, st.integers(1, 7), st.randoms())
def test_pages_made_of_first_rows_continue_each_other(
    content: Content, size: int, random: object
) -> None:
    """Asking each source for one row more than a page ends with is enough."""
    whole = order(weighed(content))
    assert len(whole) == len(set(whole))
    for first in range(0, len(whole) + 1, size):
        asked = weighed(content, first + size + 1)
        random.shuffle(asked)  # type: ignore[attr-defined]  # a Random
        page = order(asked)
        assert page[first : first + size] == whole[first : first + size]
        assert (len(page) > first + size) == (len(whole) > first + size)


@given(indexes, st.randoms())
def test_any_lists_fuse_to_each_row_once_in_each_source_s_own_order(
    content: Content, random: object
) -> None:
    lists = weighed(content)
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
