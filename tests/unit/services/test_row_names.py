"""What rows are called, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.searching import SearchHit, SourceRef, Value
from altus4_desktop.services.row_names import RowNames, judged_row, row_name
from tests.records import a_connection, a_user

_ANN = a_user()
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
_VALUES = st.one_of(_TEXTS, st.integers(), st.binary(max_size=8), st.floats(allow_nan=False))


def a_hit(connection: str, connection_id: str, table: str, *key: Value) -> SearchHit:
    source = SourceRef(connection, table, "ft", connection_id)
    names = [f"k{place}" for place in range(len(key))]
    return SearchHit(source, dict(zip(names, key, strict=True)), 1.0, 1.0, 1, {})


@given(_TEXTS, _TEXTS, st.lists(_VALUES, min_size=1, max_size=3))
def test_a_name_is_printable_and_leads_back_to_its_row(
    connection: str, table: str, key: list[Value]
) -> None:
    shop = a_connection(_ANN, name=connection)
    hit = a_hit(connection, shop.id, table, *key)
    name, row, names = row_name(hit), judged_row(hit), RowNames([shop])
    assert name.isprintable()
    assert " " not in name
    assert names.name(row) == name
    assert names.row(name) == row
    # Where there is no such connection the name is kept as it is.
    assert RowNames([]).name(RowNames([]).row(name)) == name


@given(st.text(min_size=1, max_size=30), _TEXTS)
def test_any_name_comes_back_as_it_was(name: str, connection: str) -> None:
    names = RowNames([a_connection(_ANN, name=connection)])
    assert names.name(names.row(name)) == name


def test_a_row_is_found_under_the_new_name_and_when_its_connection_is_gone() -> None:
    shop = a_connection(_ANN, name="Shop")
    row = judged_row(a_hit("Shop", shop.id, "t", 7))
    renamed = RowNames([replace(shop, name="My shop")])
    assert renamed.name(row) == "My%20shop/t/7"
    assert renamed.renamed(row).connection_name == "My shop"
    assert RowNames([]).name(row) == "Shop/t/7"


def test_of_connections_with_one_name_the_first_counts() -> None:
    first, second = a_connection(_ANN, name="Shop"), a_connection(_ANN, name="Shop")
    assert RowNames([first, second]).row("Shop/t/7").connection_id == first.id


def test_a_row_without_a_key_has_no_name() -> None:
    with pytest.raises(InputError):
        row_name(a_hit("Shop", "c", "t"))
