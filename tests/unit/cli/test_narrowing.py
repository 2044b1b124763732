"""What ``--filter``, ``--sort`` and ``--threshold`` mean."""

from __future__ import annotations

import pytest

from altus4_desktop.cli.narrowing import read_filters, read_narrowing
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.filtering import ColumnFilter, ColumnOrder, Narrowing, Operator


@pytest.mark.parametrize(
    ("text", "column", "operator", "values"),
    [
        ("lang=en", "lang", Operator.IS, ("en",)),
        ("lang=", "lang", Operator.IS, ("",)),
        ("lang!=en", "lang", Operator.NOT, ("en",)),
        ("price>=10", "price", Operator.RANGE, ("10", "")),
        ("price<=10", "price", Operator.RANGE, ("", "10")),
        ("note~a=b", "note", Operator.CONTAINS, ("a=b",)),
        ("note=>=", "note", Operator.IS, (">=",)),
        ("lang=NULL", "lang", Operator.IS, (None,)),
        ("lang!=null", "lang", Operator.NOT, (None,)),
        ('lang="null"', "lang", Operator.IS, ("null",)),
        ("`a=``b`=c", "a=`b", Operator.IS, ("c",)),
        ("two words = x\ny", "two words", Operator.IS, (" x\ny",)),
    ],
)
def test_a_filter(
    text: str, column: str, operator: Operator, values: tuple[str | None, ...]
) -> None:
    assert read_filters([text]) == (ColumnFilter(column, operator, values),)


def test_filters_of_one_column_are_one() -> None:
    assert read_filters(["a=1", "b>=2", "a=2", "b<=3", "a!=9"]) == (
        ColumnFilter("a", Operator.IS, ("1", "2")),
        ColumnFilter("b", Operator.RANGE, ("2", "3")),
        ColumnFilter("a", Operator.NOT, ("9",)),
    )


@pytest.mark.parametrize("texts", [["lang"], ["=x"], ["a>=1", "a>=2"], ["a>=null"], [""]])
def test_what_is_no_filter(texts: list[str]) -> None:
    with pytest.raises(InputError):
        read_filters(texts)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("price", ColumnOrder("price")),
        ("price:desc", ColumnOrder("price", descending=True)),
        ("a:b:ASC", ColumnOrder("a:b")),
        ("a:b", ColumnOrder("a:b")),
        ("relevance", None),
    ],
)
def test_orders(text: str, order: ColumnOrder | None) -> None:
    read = read_narrowing([], text, 0.5, Narrowing(order=ColumnOrder("other")))
    assert read == Narrowing(order=order, threshold=0.5)


def test_options_add_to_what_is_saved() -> None:
    kept = Narrowing((ColumnFilter("a", values=("1",)),), ColumnOrder("a"), 0.25, ("id",), ("t",))
    read = read_narrowing(["b=2"], None, None, kept)
    assert read.filters == (*kept.filters, ColumnFilter("b", values=("2",)))
    assert (read.order, read.threshold) == (kept.order, kept.threshold)
    assert kept.among({"id"}) == kept
    assert kept.among(()).only_connections == ()
