"""The list of objectNames for those who drive the window is the list in the code."""

from __future__ import annotations

from tests.object_names import build_table, find_object_names, read_table


def test_contributing_lists_the_names_in_the_code() -> None:
    advice = "run python -m tests.object_names"
    assert read_table() == build_table(find_object_names()), advice


def test_the_names_the_outside_relies_on_exist() -> None:
    relied_on = {"search.query", "search.run", "search.stop", "connections.add", "welcome.demo"}
    assert relied_on <= find_object_names()
