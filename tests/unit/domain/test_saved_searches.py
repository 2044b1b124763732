"""What has changed since somebody looked, and where a saved search looks now."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.saved_searches import (
    MOST_SEEN,
    Change,
    FoundScope,
    SavedScope,
    Sighting,
    compare,
    sighting_of,
)
from tests.ui.world import make_hit, make_source

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def sight(rows: str, *, has_more: bool = False) -> Sighting:
    return Sighting(tuple(rows), has_more)


@pytest.mark.parametrize(
    ("seen", "now", "change"),
    [
        (sight("abc"), sight("cba"), Change(0, 0)),
        (sight("abc"), sight("axbyz"), Change(3, 1)),
        (sight(""), sight("ab"), Change(2, 0)),
        (sight("ab"), sight(""), Change(0, 2)),
        # Others are below: the first three are compared, and what only slid down is not gone.
        (sight("abc", has_more=True), sight("xabcd", has_more=True), Change(1, 0, 3)),
        (sight("abc", has_more=True), sight("ab"), Change(0, 1, 3)),
        (sight("ab"), sight("abc", has_more=True), Change(1, 0, 3)),
    ],
)
def test_compare(seen: Sighting, now: Sighting, change: Change) -> None:
    assert compare(seen, now) == change


_ROWS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(_ROWS, _ROWS, st.booleans(), st.booleans())
def test_nothing_has_changed_between_the_same_and_each_change_is_bounded(
    one: list[str], other: list[str], more: bool, others: bool
) -> None:
    seen, now = Sighting(tuple(one), more), Sighting(tuple(other), others)
    same = compare(seen, seen)
    assert (same.new, same.gone) == (0, 0)
    change = compare(seen, now)
    assert 0 <= change.new <= len(other)
    assert 0 <= change.gone <= len(one)
    assert Sighting.from_document(seen.as_document()) == seen


def test_a_row_counts_once_and_tells_nothing_of_itself() -> None:
    hits = [make_hit(1), make_hit(2), make_hit(1)]
    sighting = sighting_of(hits, has_more=False, at=NOW)
    assert len(sighting.rows) == 2
    assert all(len(row) == 16 for row in sighting.rows)
    other = sighting_of([make_hit(1, make_source(2))], has_more=False, at=NOW)
    assert other.rows[0] not in sighting.rows, "the same key elsewhere is another row"


def test_is_bounded() -> None:
    sighting = sighting_of(map(make_hit, range(1, MOST_SEEN + 5)), has_more=False, at=NOW)
    assert len(sighting.rows) == MOST_SEEN
    assert sighting.has_more


def test_a_scope_finds_connections_by_id_then_by_name_and_names_the_missing() -> None:
    scope = SavedScope(
        {"c1": "Shop", "c2": "Library", "c9": "Gone"}, {"c2": ("books",), "c9": ("x",)}
    )
    found = scope.among({"c1": "Renamed", "c7": "Library"})
    assert found == FoundScope(("c1", "c7"), {"c7": ("books",)}, ("Gone",), everything=False)
    assert SavedScope().among({"c1": "Shop"}) == FoundScope((), {}, (), everything=True)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(_JSON, st.dictionaries(st.sampled_from(["connections", "tables", "rows", "at"]), _JSON))
def test_whatever_is_in_the_store_can_be_read(one: object, other: dict[str, object]) -> None:
    for document in (one, other):
        scope = SavedScope.from_document(document)
        assert SavedScope.from_document(scope.as_document()) == scope
        Sighting.from_document(document)
