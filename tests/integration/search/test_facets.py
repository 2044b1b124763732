"""Facets counted by both servers, against counts by hand over the same rows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import PoolSettings
from altus4_desktop.domain.errors import Cancelled, InputError, TenantError, TenantFailure
from altus4_desktop.domain.facets import Facet, FacetKind, FacetReport
from altus4_desktop.domain.filtering import ColumnFilter, Narrowing, Operator
from altus4_desktop.domain.searching import SearchMode, SearchRequest
from altus4_desktop.mysql import facets as mysql_facets
from tests.integration.search.test_filtering import Row, make_rows, matches, statements
from tests.integration.search.test_search_service import silent_server
from tests.search_world import SearchWorld, search_world
from tests.servers import Account, DatabaseServer

BARE = [
    "CREATE TABLE bare (id INT PRIMARY KEY, title TEXT, lang VARCHAR(20), FULLTEXT ft (title))",
    "INSERT INTO bare VALUES (900, 'apple', 'en'), (901, 'apple', 'fr'), (902, 'pear', 'en')",
]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SearchWorld]:
    with search_world(tmp_path) as made:
        yield made


def facets(
    world: SearchWorld, mode: SearchMode = SearchMode.NATURAL, narrowing: Narrowing | None = None
) -> FacetReport:
    request = SearchRequest("apple river", mode, narrowing=narrowing or Narrowing())
    return world.search.count_facets(world.actor, request)


def counts(report: FacetReport, column: str, kind: FacetKind | None = None) -> dict[object, int]:
    (facet,) = [f for f in report.facets if f.column == column and kind in {None, f.kind}] or [
        Facet(FacetKind.DATE, column, ())
    ]
    return {value.value: value.count for value in facet.values}


@pytest.mark.parametrize("mode", list(SearchMode))
def test_counts_are_those_by_hand(
    world: SearchWorld, tenant_server: DatabaseServer, mode: SearchMode
) -> None:
    first, second = make_rows(150, seed=1), make_rows(40, seed=2)
    one = world.add_database(tenant_server, "one", [*statements(first), *BARE])
    two = world.add_database(tenant_server, "two", statements(second))
    every = [row for row in (*first, *second) if matches(row, "apple", "river")]
    report = facets(world, mode)
    assert report.rows == len(every) + 2
    assert (report.at_least, report.of_candidates) == (False, mode is SearchMode.SEMANTIC)
    found = {
        c.id: sum(matches(r, "apple", "river") for r in rows)
        for c, rows in ((one, first), (two, second))
    }
    found[one.id] += 2
    assert counts(report, "", FacetKind.CONNECTION) == found
    assert counts(report, "", FacetKind.TABLE) == {"things": len(every), "bare": 2}
    for column in ("kind", "flag", "since"):
        expected = Counter(None if r[column] is None else str(r[column]) for r in every)
        assert counts(report, column) == expected, column
    assert counts(report, "lang") == Counter(r["lang"] for r in every) + Counter(["en", "fr"])
    assert counts(report, "made") == Counter(r["made"] and r["made"][:4] for r in every)
    # What is searched, a key, and what has hardly two rows alike is no facet.
    assert not {"id", "title", "body", "note", "raw_bytes", "price"} & {
        f.column for f in report.facets
    }
    years = [value.value for value in next(f for f in report.facets if f.column == "made").values]
    assert years == [*sorted(y for y in years if y is not None), None]


@pytest.mark.parametrize("mode", list(SearchMode))
def test_a_facet_ignores_the_filters_on_its_own_column(
    world: SearchWorld, tenant_server: DatabaseServer, mode: SearchMode
) -> None:
    rows = make_rows(120, seed=3)
    one = world.add_database(tenant_server, "one", statements(rows))
    world.add_database(tenant_server, "two", statements(make_rows(20, seed=4)))
    narrowing = Narrowing(
        filters=(
            ColumnFilter("KIND", values=("new", None)),
            ColumnFilter("flag", Operator.NOT, ("1",)),
        ),
        only_connections=(one.id,),
    )
    every = [row for row in rows if matches(row, "apple", "river")]
    of_kind = [row for row in every if row["flag"] != 1]
    of_flag = [row for row in every if row["kind"] in ("new", None)]
    both = [row for row in of_kind if row["kind"] in ("new", None)]
    report = facets(world, mode, narrowing)
    assert report.rows == len(both)
    assert counts(report, "kind") == Counter(row["kind"] for row in of_kind)
    assert counts(report, "flag") == Counter(
        None if row["flag"] is None else str(row["flag"]) for row in of_flag
    )
    assert counts(report, "since") == Counter(
        None if row["since"] is None else str(row["since"]) for row in both
    )
    assert set(counts(report, "", FacetKind.CONNECTION)) == {
        connection.id for connection in world.connections.list_(world.actor)
    }


@pytest.mark.parametrize("mode", list(SearchMode))
def test_a_year_that_is_none_can_be_chosen_like_any_other(
    world: SearchWorld, tenant_server: DatabaseServer, mode: SearchMode
) -> None:
    """The servers keep what is no year as 0000, and give it as the number 0."""
    world.add_database(
        tenant_server,
        "one",
        [
            "CREATE TABLE books (id INT PRIMARY KEY, title TEXT, y YEAR, FULLTEXT ft (title))",
            "INSERT INTO books VALUES (1, 'apple', 0), (2, 'apple', 0), (3, 'apple', 0)",
            "INSERT INTO books VALUES (4, 'river', 2000), (5, 'apple', 2024), (6, 'apple', 2024)",
            "INSERT INTO books VALUES (7, 'river', NULL)",
        ],
    )
    found = {"0000": 3, "2000": 1, "2024": 2, None: 1}
    assert counts(facets(world, mode), "y") == found
    for value, count in found.items():
        narrowing = Narrowing(filters=(ColumnFilter("y", values=(value,)),))
        assert facets(world, mode, narrowing).rows == count, value
        request = SearchRequest("apple river", mode, narrowing=narrowing)
        assert len(world.search.run(world.actor, request).hits) == count, value


def test_a_threshold_and_silent_sources(world: SearchWorld, mariadb_server: DatabaseServer) -> None:
    rows: list[Row] = make_rows(60)
    world.add_database(mariadb_server, "one", statements(rows))
    narrowing = Narrowing(threshold=0.5)
    shown = world.run("apple river", limit=100, narrowing=narrowing)
    report = facets(world, narrowing=narrowing)
    assert report.rows == len(shown.hits)
    assert counts(report, "kind") == Counter(hit.columns["kind"] for hit in shown.hits)
    with silent_server() as rogue:
        world.add_connection(
            "127.0.0.1",
            rogue.port,
            "silent",
            "nowhere",
            Account("nobody", "nothing"),
            PoolSettings(connect_timeout_s=0.5, query_timeout_s=0.5),
        )
        report = facets(world)
    assert report.at_least
    assert report.rows == sum(matches(row, "apple", "river") for row in rows)
    assert "“silent”" in report.notices[0].message


def test_counting_stops_when_it_is_told_to(
    world: SearchWorld, mariadb_server: DatabaseServer
) -> None:
    world.add_database(mariadb_server, "one", statements(make_rows(5)))
    token = CancelToken()
    token.cancel()
    for mode in (SearchMode.NATURAL, SearchMode.SEMANTIC):
        with pytest.raises(Cancelled):
            world.search.count_facets(world.actor, SearchRequest("apple", mode), token)
    with pytest.raises(InputError):
        world.search.count_facets(world.actor, SearchRequest(" "))


def test_semantic_facets_count_what_a_long_page_shows(
    world: SearchWorld, mariadb_server: DatabaseServer
) -> None:
    rows = ", ".join(f"({n}, 'apple', '{'en' if n % 3 else 'fr'}')" for n in range(300))
    bare = [BARE[0], f"INSERT INTO bare VALUES {rows}"]
    world.add_database(mariadb_server, "one", bare)
    for limit, count in ((20, 250), (500, 300)):
        request = SearchRequest("apple", SearchMode.SEMANTIC, limit=limit)
        report = world.search.count_facets(world.actor, request)
        assert report.rows == count
        assert sum(counts(report, "lang").values()) == count
    narrowing = Narrowing(threshold=0.5, only_tables=("bare",))
    shown = world.run("apple", SearchMode.SEMANTIC, limit=500, narrowing=narrowing)
    request = SearchRequest("apple", SearchMode.SEMANTIC, limit=500, narrowing=narrowing)
    assert world.search.count_facets(world.actor, request).rows == len(shown.hits)


@pytest.mark.parametrize("mode", [SearchMode.NATURAL, SearchMode.SEMANTIC])
def test_a_silent_source_is_named_with_its_error_and_asked_once(
    world: SearchWorld, mariadb_server: DatabaseServer, mode: SearchMode
) -> None:
    world.add_database(mariadb_server, "one", statements(make_rows(60)))
    filters = tuple(
        ColumnFilter(name, Operator.NOT, (value,))
        for name, value in (("kind", "old"), ("flag", "0"), ("since", "2001"), ("lang", "de"))
    )
    with silent_server() as rogue:
        world.add_connection(
            "127.0.0.1",
            rogue.port,
            "silent",
            "nowhere",
            Account("nobody", "nothing"),
            PoolSettings(connect_timeout_s=0.8, query_timeout_s=0.8),
        )
        began = time.monotonic()
        report = facets(world, mode, Narrowing(filters=filters))
        took_s = time.monotonic() - began
    assert took_s < 3.0, "not once for each filter"
    assert report.at_least
    assert all(facet.at_least for facet in report.facets)
    assert {"kind", "flag", "since", "lang"} <= {facet.column for facet in report.facets}
    (notice,) = report.notices
    assert "“silent” (" in notice.message
    assert "in time" in notice.message or "within" in notice.message


def test_semantic_counting_ends_in_time(
    world: SearchWorld, mariadb_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altus4_desktop.services.search.COUNTING_S", 0.8)
    world.add_database(mariadb_server, "one", statements(make_rows(20)))
    with silent_server() as rogue:
        world.add_connection(
            "127.0.0.1", rogue.port, "silent", "nowhere", Account("nobody", "nothing")
        )
        began = time.monotonic()
        report = facets(world, SearchMode.SEMANTIC)
    assert time.monotonic() - began < 6.0
    assert report.at_least


def test_capitals_are_what_the_collation_says(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    table = [
        (
            "CREATE TABLE bare (id INT PRIMARY KEY, title TEXT, lang VARCHAR(20), exact VARCHAR(20)"
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, FULLTEXT ft (title))"
            " DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_general_ci"
        ),
        (
            "INSERT INTO bare VALUES (1, 'apple', 'en', 'en'), (2, 'apple', 'en', 'en'),"
            " (3, 'apple', 'En', 'En'), (4, 'apple', 'fr', 'fr'), (5, 'apple', 'fr', 'fr')"
        ),
    ]
    world.add_database(tenant_server, "one", table)
    for mode in (SearchMode.NATURAL, SearchMode.SEMANTIC):
        report = facets(world, mode, Narrowing((ColumnFilter("lang", values=("EN",)),)))
        (lang,) = (f for f in report.facets if f.column == "lang")
        assert [(v.value, v.count) for v in lang.values] == [("EN", 3), ("fr", 2)]
        assert lang.values[0].label.lower() == "en"
        report = facets(world, mode, Narrowing((ColumnFilter("exact", values=("EN", "en")),)))
        assert counts(report, "exact") == {"en": 2, "fr": 2, "En": 1, "EN": 0}


def test_a_facet_that_was_not_counted_in_time_is_marked(
    world: SearchWorld, mariadb_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = world.add_database(mariadb_server, "one", statements(make_rows(60)))
    two = world.add_database(mariadb_server, "two", statements(make_rows(60)))
    database = world.databases[-1][1]
    count = mysql_facets.count_values

    def late(session: Any, search: Any, column: str, **options: Any) -> Any:
        if search.database == database and column == "kind":
            raise TenantError(TenantFailure.TIMEOUT, "Too slow.")
        return count(session, search, column, **options)

    monkeypatch.setattr(mysql_facets, "count_values", late)
    report = facets(world)
    assert report.at_least
    assert {f.column for f in report.facets if f.at_least} == {"kind"}
    assert {one.id, two.id} == set(counts(report, "", FacetKind.CONNECTION))
