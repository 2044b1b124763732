"""Merging by a column: exact, stable from page to page, NULL last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.filtering import ColumnKind
from altus4_desktop.domain.searching import Value
from altus4_desktop.search.ordering import merge_sorted, no_key, sort_key

NUMBERS = st.lists(st.one_of(st.none(), st.integers(-5, 5), st.sampled_from(["1.5", "-0.25"])))


def ordered(values: list[object], *, descending: bool) -> list[object]:
    """As a server orders them: NULL last."""
    known = sorted(
        (value for value in values if value is not None),
        key=lambda v: float(str(v)),
        reverse=descending,
    )
    return known + [None] * values.count(None)


@given(lists=st.lists(NUMBERS, max_size=4), descending=st.booleans(), count=st.integers(0, 12))
def test_merged_numbers_are_sorted_and_a_page_is_a_beginning(
    lists: list[list[object]], descending: bool, count: int
) -> None:
    sources = [ordered(values, descending=descending) for values in lists]
    keyed = [
        [(sort_key(value, ColumnKind.NUMBER, descending=descending), value) for value in source]  # type: ignore[arg-type]  # drawn as such
        for source in sources
    ]
    merged = list(merge_sorted(keyed, descending=descending))
    every = [value for values in lists for value in values]
    expected = ordered(every, descending=descending)
    assert [None if v is None else float(str(v)) for v in merged] == [
        None if v is None else float(str(v)) for v in expected
    ]
    first = list(merge_sorted([source[:count] for source in keyed], descending=descending))
    assert first[:count] == merged[:count]


@given(lists=st.lists(st.lists(st.text(max_size=3)), max_size=4), count=st.integers(0, 9))
def test_lists_that_a_server_compared_otherwise_still_page_exactly(
    lists: list[list[str]], count: int
) -> None:
    keyed = [
        [(sort_key(value, ColumnKind.TEXT), (place, at)) for at, value in enumerate(values)]
        for place, values in enumerate(lists)
    ]
    merged = list(merge_sorted(keyed))
    assert list(merge_sorted([source[:count] for source in keyed]))[:count] == merged[:count]
    for place, values in enumerate(lists):
        assert [at for source, at in merged if source == place] == list(range(len(values)))


def test_kinds() -> None:
    every: list[list[tuple[Value, ColumnKind]]] = [
        [
            ("-01:00:00", ColumnKind.TIME),
            ("00:30:00", ColumnKind.TIME),
            ("100:00:00", ColumnKind.TIME),
        ],
        [("2019-01-01", ColumnKind.DATE), ("2019-01-01 00:00:01", ColumnKind.DATETIME)],
        [("Éclair", ColumnKind.TEXT), ("eclat", ColumnKind.TEXT), (None, ColumnKind.TEXT)],
        [(7, ColumnKind.NUMBER), ("2019-01-01", ColumnKind.DATE), ("a", ColumnKind.TEXT)],
        [(b"\x00", ColumnKind.BINARY), (b"a", ColumnKind.BINARY)],
    ]
    for ascending in every:
        keys = [sort_key(value, kind) for value, kind in ascending]
        assert keys == sorted(keys)
        assert all(key < no_key() for key in keys)
        assert sort_key(None, ColumnKind.TEXT, descending=True) > no_key(descending=True)
