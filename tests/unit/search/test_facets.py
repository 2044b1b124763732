"""Which columns are facets, and counts of many sources put together."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.facets import FacetKind
from altus4_desktop.domain.schema import ColumnInfo, FulltextIndex, TableInfo
from altus4_desktop.search.facets import (
    MOST_COLUMNS,
    SHOWN_VALUES,
    FacetColumn,
    FacetCounts,
    choose_columns,
    date_buckets,
    facet_columns,
)

VALUES = st.one_of(st.none(), st.sampled_from(["a", "b", "c"]), st.text(max_size=3))
COUNTS = st.dictionaries(VALUES, st.integers(1, 9), max_size=40)
MONTHS = st.dictionaries(
    st.one_of(
        st.none(),
        st.dates().map(lambda day: day.isoformat()[:7]),
        st.sampled_from(["0000-00", "2024-00", "junk"]),
    ),
    st.integers(1, 9),
    max_size=60,
)


def table(*columns: tuple[str, str]) -> TableInfo:
    return TableInfo(
        name="things",
        engine="InnoDB",
        columns=tuple(ColumnInfo(n, t, t.partition("(")[0], nullable=True) for n, t in columns),
        key=("id",),
        fulltext_indexes=(FulltextIndex("ft", ("title",)),),
        estimated_rows=None,
        last_analyzed_at=None,
    )


def test_types_tell_what_may_be_a_facet() -> None:
    found = facet_columns(
        table(
            ("id", "int"),
            ("title", "varchar(20)"),
            ("kind", "enum('a','b')"),
            ("sold", "tinyint(1)"),
            ("made", "date"),
            ("lang", "varchar(9)"),
            ("long", "varchar(400)"),
            ("note", "text"),
            ("price", "decimal(5,2)"),
            ("size", "int"),
        )
    )
    assert {column.name: column.kind for column in found} == {
        "kind": FacetKind.CATEGORY,
        "sold": FacetKind.TRUTH,
        "made": FacetKind.DATE,
        "lang": FacetKind.CATEGORY,
        "size": FacetKind.CATEGORY,
    }


@given(
    sample=st.lists(st.fixed_dictionaries(dict.fromkeys("abcdefghijkl", VALUES)), max_size=60),
    wanted=st.sets(st.sampled_from("abcdefghijkl")),
)
def test_few_values_make_a_facet_and_filtered_ones_stay(
    sample: list[dict[str, str | None]], wanted: set[str]
) -> None:
    columns = [FacetColumn(name, FacetKind.CATEGORY) for name in "abcdefghijkl"]
    chosen = choose_columns(columns, sample, wanted)
    assert wanted <= {column.name for column in chosen}
    assert len(chosen) <= max(MOST_COLUMNS, len(wanted))
    for column in chosen:
        if column.name not in wanted:
            known = [row[column.name] for row in sample if row[column.name] is not None]
            assert known
            assert len(set(known)) <= max(1, len(known) // 2)


@given(sources=st.lists(COUNTS, max_size=4), chosen=st.sets(VALUES, max_size=3))
def test_sources_add_up(sources: list[dict[str | None, int]], chosen: set[str | None]) -> None:
    counts = FacetCounts()
    for place, source in enumerate(sources):
        counts.add(FacetKind.CATEGORY, "Kind" if place % 2 else "KIND", source)
    facets = counts.build({"kind": chosen} if chosen else {})
    total: Counter[str | None] = Counter()
    for source in sources:
        total.update(source)
    if not facets:
        assert len(total) < 2
        return
    (facet,) = facets
    shown = {value.value: value.count for value in facet.values}
    assert all(shown[value] == total.get(value, 0) for value in shown)
    assert chosen <= set(shown)
    assert facet.has_more is (len(set(total) - set(shown)) > 0)
    assert len(shown) <= SHOWN_VALUES + len(chosen)
    numbers = [value.count for value in facet.values[:SHOWN_VALUES] if value.count]
    assert numbers == sorted(numbers, reverse=True)


@given(months=MONTHS)
def test_dates_are_months_or_years(months: dict[str | None, int]) -> None:
    buckets = date_buckets(months)
    known = {m: n for m, n in months.items() if m is None or m[:2].isdigit()}
    known = {m: n for m, n in known.items() if m not in ("0000-00", "2024-00")}
    assert buckets.total() == sum(known.values())
    assert len({len(value) for value in buckets if value is not None}) <= 1


def test_a_chosen_date_of_another_width_is_counted_too() -> None:
    counts = FacetCounts()
    counts.add(FacetKind.DATE, "made", {"2024-01": 3, "2024-05": 4, "2023-01": 1})
    (facet,) = counts.build({"made": ["2024"]})
    assert [(value.value, value.count) for value in facet.values] == [
        ("2023-01", 1),
        ("2024-01", 3),
        ("2024-05", 4),
        ("2024", 7),
    ]
