"""Measures of ranked lists: values worked out by hand, and what must hold for every list."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.search.metrics import (
    Quality,
    mean_quality,
    measure,
    ndcg,
    precision,
    reciprocal_rank,
    sign_test,
)

NAMES = st.sampled_from([f"d{number}" for number in range(25)])
LISTS = st.lists(NAMES, max_size=20, unique=True)
GRADES = st.dictionaries(NAMES, st.integers(0, 4), max_size=20)


def test_ndcg_of_a_list_worked_out_by_hand() -> None:
    grades = {"a": 3, "b": 2, "c": 1, "gone": 2}
    # Found: 3, 7, 0, 1 at ranks 1 to 4; ideal: 7, 3, 3, 1.
    found = 3 / 1 + 7 / 1.584962500721156 + 0 / 2 + 1 / 2.321928094887362
    ideal = 7 / 1 + 3 / 1.584962500721156 + 3 / 2 + 1 / 2.321928094887362
    assert ndcg(["b", "a", "x", "c"], grades) == pytest.approx(found / ideal, abs=1e-12)
    assert ndcg(["b", "a", "x", "c"], grades) == pytest.approx(0.725016, abs=1e-6)


def test_only_the_first_ten_count_for_ndcg_and_precision() -> None:
    ranked = [f"x{number}" for number in range(10)] + ["a"]
    assert measure(ranked, {"a": 1}) == Quality(0.0, 0.0, 1 / 11)
    assert measure(ranked[1:], {"a": 1}) == Quality(1 / math.log2(11), 0.1, 0.1)


def test_the_ideal_holds_no_more_than_ten_documents() -> None:
    grades = {f"d{number}": 1 for number in range(30)}
    assert ndcg([f"d{number}" for number in range(10)], grades) == pytest.approx(1)


def test_a_short_list_leaves_places_empty() -> None:
    assert precision(["a", "b"], {"a": 1, "b": 2}) == 0.2


def test_nothing_found_or_nothing_relevant_is_zero() -> None:
    assert measure([], {"a": 1}) == Quality()
    assert measure(["a"], {"a": 0}) == Quality()
    assert measure(["a"], {}) == Quality()


def test_a_negative_grade_is_not_relevant() -> None:
    assert measure(["spam", "a"], {"spam": -2, "a": 1}) == measure(["x", "a"], {"a": 1})


def test_a_document_counts_once() -> None:
    assert precision(["a", "a", "a"], {"a": 1}) == 0.1
    assert ndcg(["a", "a"], {"a": 1, "b": 1}) == ndcg(["a", "x"], {"a": 1, "b": 1})


def test_means() -> None:
    assert mean_quality([]) == Quality()
    assert mean_quality([Quality(1, 0.5, 1), Quality(0, 0.5, 0.5)]) == Quality(0.5, 0.5, 0.75)


@given(LISTS, GRADES)
def test_measures_are_shares_and_no_order_beats_the_ideal(
    ranked: list[str], grades: dict[str, int]
) -> None:
    quality = measure(ranked, grades)
    assert all(0 <= value <= 1 + 1e-12 for value in (quality.ndcg, quality.precision))
    ideal = sorted(grades, key=lambda name: -grades[name])
    best = ndcg(ideal, grades)
    assert best == pytest.approx(1 if any(grades.values()) else 0)
    assert quality.ndcg <= best + 1e-12
    relevant = [rank for rank, name in enumerate(ranked, 1) if grades.get(name, 0) > 0]
    assert reciprocal_rank(ranked, grades) == (1 / relevant[0] if relevant else 0)


@given(LISTS.filter(lambda names: len(names) > 1), GRADES, st.data())
def test_moving_a_better_document_up_never_lowers_ndcg(
    ranked: list[str], grades: dict[str, int], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(ranked) - 2))
    upper, lower = ranked[at], ranked[at + 1]
    swapped = [*ranked[:at], lower, upper, *ranked[at + 2 :]]
    if grades.get(lower, 0) >= grades.get(upper, 0):
        assert ndcg(swapped, grades) >= ndcg(ranked, grades) - 1e-12


def test_the_sign_test_of_tables() -> None:
    # 1 head at most in 10 tosses: (1 + 10) / 1024, twice.
    result = sign_test([0.1] * 12, [0.2] * 9 + [0.0] + [0.1] * 2)
    assert (result.wins, result.losses, result.ties) == (9, 1, 2)
    assert result.p_value == pytest.approx(22 / 1024)
    assert sign_test([], []).p_value == 1
    assert sign_test([0.5], [0.5]).p_value == 1
    assert sign_test([0.0, 1.0], [1.0, 0.0]).p_value == 1


def test_rounding_decides_nothing() -> None:
    assert sign_test([0.3], [0.1 + 0.2]).ties == 1


def test_the_sign_test_of_many_queries_does_not_overflow() -> None:
    result = sign_test([0.0] * 5000, [1.0] * 2600 + [-1.0] * 2400)
    assert result.p_value == pytest.approx(0.00487, abs=2e-4)


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        sign_test([1.0, 2.0], [1.0])


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=9))
def test_the_sign_test_counts_every_outcome(differences: list[float]) -> None:
    result = sign_test([0.0] * len(differences), differences)
    tosses = result.wins + result.losses
    assert tosses + result.ties == len(differences)
    # Every sequence of tosses, one by one: how many are at least as uneven.
    uneven = abs(result.wins - result.losses)
    outcomes = list(itertools.product((-1, 1), repeat=tosses))
    share = Fraction(sum(abs(sum(toss)) >= uneven for toss in outcomes), len(outcomes))
    assert result.p_value == pytest.approx(float(share))
    turned = sign_test(differences, [0.0] * len(differences))
    assert (turned.wins, turned.losses) == (result.losses, result.wins)
    assert turned.p_value == result.p_value
