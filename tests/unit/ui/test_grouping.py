"""Hits under the heads of their sources."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.searching import SearchHit, SourceReport, SourceState
from altus4_desktop.ui.panes.search.grouping import (
    group_by_source,
    group_key,
    head_text,
    state_texts,
)
from tests.ui.world import make_hit, make_source

ONE, TWO = make_source(1), make_source(2)
MIXED = [make_hit(1, TWO), make_hit(1, ONE), make_hit(2, TWO), make_hit(2, ONE), make_hit(3, TWO)]


def test_heads_stand_in_the_order_of_their_best_hit() -> None:
    grouping = group_by_source(MIXED, range(5))
    assert [head.source for head in grouping.heads] == [TWO, ONE]
    assert [head.count for head in grouping.heads] == [3, 2]
    assert grouping.rows == [~0, 0, 2, 4, ~1, 1, 3]


def test_folded_groups_keep_their_head_and_their_count() -> None:
    grouping = group_by_source(MIXED, range(5), {group_key(TWO)})
    assert grouping.rows == [~0, ~1, 1, 3]
    assert [(head.count, head.is_folded) for head in grouping.heads] == [(3, True), (2, False)]


def test_indexes_of_one_table_share_a_head() -> None:
    other = replace(ONE, index="ft_other")
    grouping = group_by_source([make_hit(1, ONE), make_hit(2, other)], range(2))
    assert (len(grouping.heads), grouping.rows) == (1, [~0, 0, 1])


def test_tables_of_the_same_name_stay_apart() -> None:
    twin = replace(TWO, connection=ONE.connection)
    assert len(group_by_source([make_hit(1, ONE), make_hit(1, twin)], range(2)).heads) == 2


def test_nothing_found_has_no_heads() -> None:
    grouping = group_by_source([], range(0))
    assert (grouping.rows, grouping.heads) == ([], ())


@given(
    st.lists(st.integers(1, 4), max_size=40),
    st.sets(st.integers(1, 4)),
    st.data(),
)
def test_no_hit_is_lost_or_doubled(
    sources: list[int], folded: set[int], data: st.DataObject
) -> None:
    hits: list[SearchHit] = [
        make_hit(place, make_source(number)) for place, number in enumerate(sources, 1)
    ]
    places = data.draw(st.lists(st.sampled_from(range(len(hits))), unique=True)) if hits else []
    closed = {group_key(make_source(number)) for number in folded}
    grouping = group_by_source(hits, places, closed)
    shown = [row for row in grouping.rows if row >= 0]
    assert sorted(shown) == sorted(p for p in places if group_key(hits[p].source) not in closed)
    assert sum(head.count for head in grouping.heads) == len(places)
    assert [~row for row in grouping.rows if row < 0] == list(range(len(grouping.heads)))
    under = None
    for row in grouping.rows:
        if row < 0:
            under = grouping.heads[~row]
        else:
            assert under is not None
            assert under.key == group_key(hits[row].source)
    for head in grouping.heads:
        own = [p for p in shown if group_key(hits[p].source) == head.key]
        assert own == [p for p in places if p in own], "the order it came in"


def test_a_head_says_how_its_source_has_answered() -> None:
    other = replace(ONE, index="ft_other")
    states = state_texts(
        [
            SourceReport(ONE, SourceState.OK, 2, 12.0),
            SourceReport(other, SourceState.OK, 2, 40.0),
            SourceReport(TWO, SourceState.TIMED_OUT, 0, 9000.0),
            SourceReport(replace(TWO, index="ft_other"), SourceState.OK, 1, 5.0),
        ]
    )
    assert states[group_key(ONE)] == "answered in 40 ms"
    assert states[group_key(TWO)] == "answered in 5 ms, timed out"
    (head,) = group_by_source([make_hit(1, ONE)], range(1), (), states).heads
    assert head_text(head) == "1 hit, answered in 40 ms"
