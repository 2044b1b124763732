"""Past searches run again by what they ran with."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.accounts import Preferences
from altus4_desktop.domain.searching import SearchMode, SearchRecord, SearchRequest, SourceWeight
from altus4_desktop.search.synonyms import expand
from altus4_desktop.services.past_searches import (
    SETTINGS,
    Rerun,
    build_rerun,
    settings_document,
    settings_of,
)

KNOWN = {"a": "Shop", "b": "Yard"}
HEAVY, LIGHT, COLUMN = (
    SourceWeight("a", weight=3.0),
    SourceWeight("b", "t", weight=0.5),
    SourceWeight("a", "t", "title", 2.0),
)
OWN = Preferences(
    synonyms=(("car", "auto", "motor car"), ("ship", "boat")),
    weights=(HEAVY, LIGHT, COLUMN, SourceWeight("elsewhere", weight=9.0)),
    languages=(("a", "de"), ("elsewhere", "fr")),
)


def run_with(
    preferred: Preferences,
    query: str = "red car",
    mode: SearchMode = SearchMode.SEMANTIC,
    ids: tuple[str, ...] = ("a", "b"),
) -> SearchRecord:
    """A search as it is noted, read back from the store."""
    request = SearchRequest(
        query,
        mode,
        synonyms=preferred.synonyms,
        weights=preferred.weights,
        languages=preferred.languages,
    )
    _, expansions = expand(query, request.synonyms, boolean=mode is SearchMode.BOOLEAN)
    params = {
        "connection_ids": list(ids),
        SETTINGS: settings_document(request, set(ids), expansions),
    }
    return SearchRecord("1", "u", None, query, mode, json.loads(json.dumps(params)))


def again(record: SearchRecord, preferred: Preferences) -> Rerun:
    """How it is run again."""
    rerun = build_rerun(record, KNOWN, preferred)
    assert rerun is not None
    return rerun


def test_what_had_to_do_with_a_search_is_noted_and_nothing_else() -> None:
    kept = settings_of(run_with(OWN))
    assert kept is not None
    assert kept.synonyms == (("car", "auto", "motor car"),)
    assert kept.weights == (HEAVY, LIGHT, COLUMN)
    assert kept.languages == (("a", "de"),)
    assert settings_of(run_with(Preferences())) == Preferences()
    natural = settings_of(run_with(OWN, mode=SearchMode.NATURAL, ids=("b",)))
    assert natural is not None
    assert (natural.weights, natural.languages) == ((LIGHT,), ())


def test_who_has_changed_nothing_hears_of_nothing() -> None:
    for mode in SearchMode:
        assert again(run_with(OWN, mode=mode), OWN).others == ()
    more = replace(OWN, synonyms=(*OWN.synonyms, ("house", "home")))
    assert again(run_with(OWN), more).others == ()


def test_a_search_is_run_again_by_what_it_ran_with() -> None:
    rerun = again(run_with(OWN), Preferences())
    assert rerun.others == ("synonyms", "weights", "languages")
    assert rerun.request.weights == (HEAVY, LIGHT, COLUMN)
    assert rerun.request.synonyms == (("car", "auto", "motor car"),)
    assert rerun.request.languages == (("a", "de"),)
    assert not rerun.unknown
    rerun = again(run_with(Preferences()), OWN)
    assert rerun.others == ("synonyms", "weights", "languages")
    assert (rerun.request.weights, rerun.request.synonyms) == ((), ())


def test_what_is_gone_is_left_out_and_said() -> None:
    record = run_with(OWN, ids=("a", "elsewhere"))
    kept = settings_of(record)
    assert kept is not None
    assert len(kept.weights) == 3
    rerun = again(record, OWN)
    assert rerun.lost
    assert rerun.others == ()
    assert rerun.request.connection_ids == ("a",)
    assert rerun.request.weights == (HEAVY, COLUMN)
    assert build_rerun(run_with(OWN, ids=("elsewhere",)), KNOWN, OWN) is None


def test_where_nothing_was_noted_that_is_said_to_whom_it_matters() -> None:
    record = run_with(OWN)
    old = replace(record, params={"connection_ids": ["a", "b"]})
    assert again(old, OWN) == Rerun(again(old, OWN).request, unknown=True)
    assert not again(old, Preferences()).unknown
    assert not again(old, Preferences(synonyms=(("house", "home"),))).unknown
    unreadable: tuple[object, ...] = (7, "x", [], None)
    for odd in unreadable:
        assert settings_of(replace(record, params={SETTINGS: odd})) is None
    odd_parts = {SETTINGS: {"synonyms": 1, "weights": [{"weight": "x"}], "languages": [1]}}
    assert settings_of(replace(record, params=odd_parts)) == Preferences()


@pytest.mark.parametrize("mode", [SearchMode.NATURAL, SearchMode.BOOLEAN])
@given(
    groups=st.lists(
        st.lists(st.sampled_from("abcdefghijklm"), min_size=2, max_size=6, unique=True),
        max_size=8,
    ),
    words=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=5, unique=True),
)
def test_the_same_is_asked_again(
    mode: SearchMode, groups: list[list[str]], words: list[str]
) -> None:
    """Whatever the synonyms: those that are noted make the same of the query."""
    query, boolean = " ".join(words), mode is SearchMode.BOOLEAN
    preferred = Preferences(synonyms=tuple(map(tuple, groups)))
    kept = settings_of(run_with(preferred, query, mode))
    assert kept is not None
    asked = expand(query, preferred.synonyms, boolean=boolean)
    assert expand(query, kept.synonyms, boolean=boolean) == asked
    assert again(run_with(preferred, query, mode), preferred).others == ()
