"""Filters read against the columns of a table."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.filtering import (
    ColumnFilter,
    ColumnKind,
    ColumnOrder,
    Narrowing,
    Operator,
)
from altus4_desktop.domain.schema import ColumnInfo, TableInfo
from altus4_desktop.search.filtering import (
    bind,
    check_narrowing,
    column_kind,
    find_column,
    unknown_column,
)

TYPES = {
    "id": "int",
    "price": "decimal(10,2)",
    "weight": "float",
    "made": "date",
    "seen": "datetime",
    "starts": "time",
    "since": "year",
    "flag": "tinyint(1)",
    "note": "text",
    "raw_bytes": "varbinary(9)",
    "place": "point",
}
TABLE = TableInfo(
    name="things",
    engine="InnoDB",
    columns=tuple(
        ColumnInfo(name, kind, kind.partition("(")[0], nullable=True)
        for name, kind in TYPES.items()
    ),
    key=("id",),
    fulltext_indexes=(),
    estimated_rows=None,
    last_analyzed_at=None,
)
COLUMNS = st.sampled_from(list(TYPES))
VALUES = st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=3).map(tuple)
FILTERS = st.builds(
    ColumnFilter, COLUMNS, st.sampled_from(list(Operator)), VALUES, st.text(max_size=3)
)


@given(wanted=FILTERS)
def test_a_filter_is_bound_or_refused_in_a_sentence(wanted: ColumnFilter) -> None:
    refused: InputError | None = None
    try:
        check_narrowing(Narrowing(filters=(wanted,)))
        condition = bind(wanted, TABLE)
    except InputError as error:
        refused = error
    if refused is not None:
        assert (refused.field, bool(refused.message)) == ("filters", True)
        assert "{" not in refused.hint
        return
    assert condition.column == wanted.column
    assert any(
        (condition.values, condition.spans, condition.parts, condition.nulls, condition.any_value)
    )


@given(
    filters=st.lists(FILTERS, max_size=3).map(tuple),
    threshold=st.floats(0, 1),
    names=st.lists(st.text(max_size=3), max_size=2).map(tuple),
)
def test_a_narrowing_survives_as_a_document(
    filters: tuple[ColumnFilter, ...], threshold: float, names: tuple[str, ...]
) -> None:
    order = ColumnOrder("made", descending=True)
    narrowing = Narrowing(filters, order, threshold, names, names)
    assert Narrowing.from_document(narrowing.as_document()) == narrowing


@given(
    document=st.recursive(
        st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=4)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(
                    [
                        "columns",
                        "order",
                        "threshold",
                        "connections",
                        "tables",
                        "column",
                        "values",
                        "operator",
                    ]
                ),
                inner,
                max_size=4,
            ),
        ),
    )
)
def test_any_document_is_read(document: object) -> None:
    read = Narrowing.from_document(document)
    assert 0.0 <= read.threshold <= 1.0


@given(day=st.dates(), length=st.sampled_from([4, 7, 10]))
def test_a_date_stands_for_all_of_it(day: dt.date, length: int) -> None:
    text = day.isoformat()[:length]
    wanted = ColumnFilter("made", Operator.RANGE, (text, text))
    ((low, high),) = bind(wanted, TABLE).spans
    assert isinstance(low, str)
    assert isinstance(high, str)
    first, last = dt.date.fromisoformat(low), dt.date.fromisoformat(high)
    assert first <= day <= last
    assert first.isoformat()[:length] == last.isoformat()[:length] == text
    if first > dt.date.min:
        assert (first - dt.timedelta(days=1)).isoformat()[:length] != text
    if last < dt.date.max:
        assert (last + dt.timedelta(days=1)).isoformat()[:length] != text


@pytest.mark.parametrize(
    ("column", "text", "low", "high"),
    [
        ("seen", "2024-02", "2024-02-01 00:00:00", "2024-02-29 23:59:59.999999"),
        ("seen", "2024-02-03T04:05Z", "2024-02-03 04:05:00", "2024-02-03 04:05:59.999999"),
        ("starts", "04:05", "04:05:00", "04:05:59.999999"),
        ("starts", "-04:05:06", "-04:05:06.999999", "-04:05:06"),
    ],
)
def test_stretches_of_time(column: str, text: str, low: str, high: str) -> None:
    assert bind(ColumnFilter(column, Operator.IS, (text,)), TABLE).spans == ((low, high),)


@pytest.mark.parametrize(
    ("column", "text", "sentence"),
    [
        ("starts", "14:99", "“starts” holds times, and “14:99” is none."),
        ("starts", "14:30:60", "“starts” holds times, and “14:30:60” is none."),
        ("starts", "999:99", "“starts” holds times, and “999:99” is none."),
        ("starts", "-839:00", "“starts” holds times, and “-839:00” is none."),
        ("since", "24", "“since” holds years, and “24” is none."),
        ("since", "0", "“since” holds years, and “0” is none."),
        ("since", "0024", "“since” holds years, and “0024” is none."),
        ("since", "2024.0", "“since” holds years, and “2024.0” is none."),
    ],
)
def test_what_a_server_would_read_as_another_time_is_refused(
    column: str, text: str, sentence: str
) -> None:
    for values in ((text,), (text, "")):
        operator = Operator.RANGE if len(values) > 1 else Operator.IS
        with pytest.raises(InputError) as refused:
            bind(ColumnFilter(column, operator, values), TABLE)
        assert refused.value.message == sentence
        assert "{" not in refused.value.hint


def test_years_have_four_digits() -> None:
    condition = bind(ColumnFilter("since", values=("2024", "0000")), TABLE)
    assert condition.values == (2024, 0)


def test_columns_are_found_whatever_their_case_and_near_ones_are_named() -> None:
    found = find_column(TABLE, "PRICE")
    assert found is not None
    assert found.name == "price"
    assert column_kind(found) is ColumnKind.NUMBER
    assert "“price”" in unknown_column("prize", [TABLE]).hint
    assert unknown_column("zzz", [TABLE]).hint == ""
    assert unknown_column("x" * 5000, [TABLE, TABLE]).message.endswith("…”.")


def test_too_much_is_refused() -> None:
    many = tuple(ColumnFilter("id", values=("1",)) for _ in range(51))
    for narrowing in (
        Narrowing(filters=many),
        Narrowing(filters=(ColumnFilter("id", values=("1",) * 201),)),
        Narrowing(filters=(ColumnFilter("note", values=("x" * 100_001,)),)),
        Narrowing(filters=(ColumnFilter("note", values=("\ud800",)),)),
        Narrowing(threshold=-0.1),
    ):
        with pytest.raises(InputError):
            check_narrowing(narrowing)
