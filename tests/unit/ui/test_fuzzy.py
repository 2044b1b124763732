"""Finding commands from a few letters."""

from __future__ import annotations

import pytest

from altus4_desktop.ui.fuzzy import score

TITLES = ["Search", "Add a connection", "Test the connection", "Dark colours", "Sign out"]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("con", "Add a connection"),
        ("tc", "Test the connection"),
        ("dark", "Dark colours"),
        ("DC", "Dark colours"),
        ("so", "Sign out"),
        ("sea", "Search"),
        ("add con", "Add a connection"),
    ],
)
def test_the_best_fit_comes_first(typed: str, wanted: str) -> None:
    scored = {title: score(typed, title) for title in TITLES}
    found = {title: value for title, value in scored.items() if value is not None}
    assert max(found, key=lambda title: found[title]) == wanted


def test_letters_in_another_order_do_not_fit() -> None:
    assert score("xyz", "Search") is None
    assert score("hcr", "Search") is None


def test_nothing_typed_fits_everything_alike() -> None:
    assert {score("  ", title) for title in TITLES} == {0.0}
