"""Weights among the preferences of a person, as they are stored."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.accounts import MAX_WEIGHTS, Preferences
from altus4_desktop.domain.languages import LANGUAGE_NAMES
from altus4_desktop.domain.searching import LEAST_WEIGHT, MOST_WEIGHT, SourceWeight

names = st.text(max_size=8)
weights = st.builds(SourceWeight, names, names, names, st.floats(LEAST_WEIGHT, MOST_WEIGHT)).filter(
    lambda weight: weight.is_place and weight.weight != 1
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["weights", "connection", "table", "column", "weight"]),
            inner,
            max_size=4,
        )
    ),
)


@given(st.lists(weights, unique_by=lambda weight: weight.place, max_size=5))
def test_weights_are_read_as_they_were_written(some: list[SourceWeight]) -> None:
    document = json.loads(json.dumps(Preferences(weights=tuple(some)).added_to({"theme": "dark"})))
    assert document["theme"] == "dark"
    assert Preferences.read(document).weights == tuple(some)
    assert "weights" not in Preferences().added_to(document)


@given(anything)
def test_any_document_gives_weights_that_may_be(document: object) -> None:
    for found in (document, [document], [{"connection": "c", "weight": document}]):
        for weight in Preferences.read({"weights": found}).weights:
            assert weight.is_place
            assert LEAST_WEIGHT <= weight.weight <= MOST_WEIGHT


def test_a_place_has_one_weight_and_there_are_not_too_many() -> None:
    twice = [{"connection": "c", "weight": 2}, {"connection": "c", "weight": 3}]
    assert Preferences.read({"weights": twice}).weights == (SourceWeight("c", weight=2.0),)
    many = [{"connection": f"c{number}", "weight": 2} for number in range(MAX_WEIGHTS + 1)]
    assert len(Preferences.read({"weights": many}).weights) == MAX_WEIGHTS


def test_languages_are_read_as_they_were_written() -> None:
    languages = (("c1", "de"), ("c2", "en"))
    document = Preferences(languages=languages).added_to({"theme": "dark"})
    assert document == {"theme": "dark", "languages": {"c1": "de", "c2": "en"}}
    assert Preferences.read(json.loads(json.dumps(document))).languages == languages
    assert "languages" not in Preferences().added_to(document)


@given(anything)
def test_any_document_gives_languages_that_are_known(document: object) -> None:
    for found in (document, {"c": document}):
        read = Preferences.read({"languages": found}).languages
        assert {code for _, code in read} <= set(LANGUAGE_NAMES)
