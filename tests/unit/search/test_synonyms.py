"""A query is asked with words that mean the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.errors import QuerySyntaxError
from altus4_desktop.domain.searching import Expansion
from altus4_desktop.search.boolean import parse_boolean
from altus4_desktop.search.synonyms import expand

GROUPS = (("car", "automobile", "motor vehicle"), ("bill", "invoice"))


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("a red car", "a red car automobile motor vehicle"),
        ("CAR bills", "CAR bills automobile motor vehicle"),
        ("motor vehicle tax", "motor vehicle tax car automobile"),
        ("car automobile", "car automobile motor vehicle"),
        ("vehicle motor", "vehicle motor"),
        ("bill car bill", "bill car bill invoice automobile motor vehicle"),
    ],
)
def test_natural_text_gets_the_others_behind_it(query: str, asked: str) -> None:
    assert expand(query, GROUPS, boolean=False)[0] == asked


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("+car -bill", '+(car automobile "motor vehicle") -bill'),
        ("car*", "car*"),
        ('"motor vehicle" tax', '("motor vehicle" car automobile) tax'),
        ('"motor vehicle" @4', '"motor vehicle" @4'),
        ("+(bill tax) -(bill car)", "+((bill invoice) tax) -(bill car)"),
        (">bill ~bill", ">bill ~bill"),
        ("+ bill", "+(bill invoice)"),
    ],
)
def test_a_boolean_term_becomes_a_group_with_its_operator(query: str, asked: str) -> None:
    assert expand(query, GROUPS, boolean=True)[0] == asked


def test_what_was_added_is_told() -> None:
    _, told = expand("Car and bill", GROUPS, boolean=False)
    assert told == (
        Expansion("car", ("automobile", "motor vehicle")),
        Expansion("bill", ("invoice",)),
    )
    assert expand("tax", GROUPS, boolean=True)[1] == ()


def test_groups_are_never_more_than_a_server_takes() -> None:
    query = " ".join(["(tax)"] * 31 + ["bill", "car"])
    asked, told = expand(query, GROUPS, boolean=True)
    assert asked == " ".join(["(tax)"] * 31 + ["(bill invoice)", "car"])
    assert len(told) == 1
    parse_boolean(asked)


def test_text_that_is_no_boolean_query_is_refused() -> None:
    with pytest.raises(QuerySyntaxError):
        expand("car +", GROUPS, boolean=True)


@given(
    st.text(alphabet='ab +-~<>()*"@12c', max_size=40),
    st.lists(st.lists(st.sampled_from(["a", "b", "c", "a b", "b-c"]), min_size=2, max_size=3)),
)
def test_a_valid_query_stays_valid(query: str, groups: list[list[str]]) -> None:
    try:
        parse_boolean(query)
    except QuerySyntaxError:
        return
    asked, told = expand(query, [tuple(terms) for terms in groups], boolean=True)
    parse_boolean(asked)
    assert (asked == query) == (not told)
