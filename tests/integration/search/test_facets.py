"""Facets counted by both servers, against counts by hand over the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import PoolSettings
from altus4_desktop.domain.errors import Cancelled, InputError
from altus4_desktop.domain.facets import Facet, FacetKind, FacetReport
from altus4_desktop.domain.filtering import ColumnFilter, Narrowing, Operator
from altus4_desktop.domain.searching import SearchMode, SearchRequest
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
