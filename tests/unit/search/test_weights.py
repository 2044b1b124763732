"""Weights of connections, tables and columns: what they come to, which are refused."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.searching import SourceWeight
from altus4_desktop.search.weights import (
    check_weights,
    column_weights,
    index_weight,
    place_weight,
    weighted_counts,
)

SHOP = (
    SourceWeight("shop", weight=2.0),
    SourceWeight("shop", "orders", weight=1.5),
    SourceWeight("shop", "orders", "title", 3.0),
    SourceWeight("shop", "orders", "note", 1.0),
    SourceWeight("shop", "staff", "title", 0.5),
)


def test_the_weights_of_connection_and_table_multiply() -> None:
    assert place_weight(SHOP, "shop", "orders") == 3.0
    assert place_weight(SHOP, "shop", "staff") == 2.0
    assert place_weight(SHOP, "lab", "orders") == 1.0
    assert place_weight((), "shop", "orders") == 1.0


def test_a_weight_of_one_is_as_if_it_were_not_there() -> None:
    neutral = (*SHOP, SourceWeight("shop", "staff"), SourceWeight("lab"))
    for place in (("shop", "staff"), ("lab", "orders"), ("shop", "orders")):
        assert place_weight(neutral, *place) == place_weight(SHOP, *place)
    assert column_weights(SHOP, "shop", "orders") == {"title": 3.0}


def test_an_index_counts_as_its_columns_do_on_average() -> None:
    weights = column_weights(SHOP, "shop", "orders")
    assert index_weight(("title",), weights) == 3.0
    assert index_weight(("title", "body"), weights) == 2.0
    assert index_weight(("body",), weights) == index_weight(("title",), {}) == 1.0


def test_a_word_in_a_heavy_column_counts_as_many() -> None:
    cells = {"title": "flow", "body": "flow flow layer"}
    counted = weighted_counts(
        cells, {"title": 3.0, "body": 0.5}, lambda cell: Counter(cell.split())
    )
    assert counted == {"flow": 4.0, "layer": 0.5}


@pytest.mark.parametrize("weight", [0.0, 0.09, 10.1, -1.0, math.nan, math.inf])
def test_a_weight_is_a_number_within_bounds(weight: float) -> None:
    with pytest.raises(InputError) as caught:
        check_weights([SourceWeight("shop", weight=weight)], 5)
    assert caught.value.field == "weights"


@pytest.mark.parametrize(
    "weights",
    [
        [SourceWeight("")],
        [SourceWeight("shop", "", "title")],
        [SourceWeight("shop"), SourceWeight("shop", weight=2.0)],
        [SourceWeight("shop", f"t{number}") for number in range(6)],
    ],
)
def test_a_place_that_cannot_be_is_weighed_twice_or_is_one_too_many_is_refused(
    weights: list[SourceWeight],
) -> None:
    with pytest.raises(InputError):
        check_weights(weights, 5)


def test_what_people_may_give_is_accepted() -> None:
    check_weights(SHOP, 5)
    check_weights([SourceWeight("shop", weight=0.1), SourceWeight("lab", weight=10.0)], 5)
