"""Why a hit is where it is, and EXPLAIN of its statement, on both servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from altus4_desktop.domain.explaining import TermUse
from altus4_desktop.domain.searching import SearchMode, SearchRequest
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer

TABLE = (
    "CREATE TABLE `odd % ``name` (id INT PRIMARY KEY, `a %s title` VARCHAR(90), body TEXT,"
    " FULLTEXT `ft %` (`a %s title`, body))"
)
ROWS = (
    "INSERT INTO `odd % ``name` VALUES"
    " (1, 'Apple pie', 'apple, apple and river'), (2, 'River', 'an apple'), (3, 'Stone', 'river'),"
    " (4, 'Applesauce', NULL)"
)


@pytest.fixture
def world(tmp_path: Path, tenant_server: DatabaseServer) -> Iterator[SearchWorld]:
    with search_world(tmp_path) as made:
        made.add_database(tenant_server, "shop", [TABLE, ROWS])
        yield made


def _why(world: SearchWorld, query: str, mode: SearchMode, row: int) -> dict[str, TermUse]:
    request = SearchRequest(query, mode)
    outcome = world.search.run(world.actor, request)
    hit = next(hit for hit in outcome.hits if hit.key["id"] == row)
    return {term.text: term for term in world.search.explain(world.actor, request, hit).terms}


def test_words_are_counted_by_column_and_by_the_server(world: SearchWorld) -> None:
    terms = _why(world, "apple the river", SearchMode.NATURAL, 1)
    assert terms["apple"] == TermUse("apple", {"a %s title": 1, "body": 2}, 2)
    assert terms["river"] == TermUse("river", {"body": 1}, 3)
    assert terms["the"] == TermUse("the", {}, ignored="stop_word")


def test_beginnings_and_phrases_are_counted_as_the_server_finds_them(world: SearchWorld) -> None:
    terms = _why(world, 'appl* "apple pie" -stone', SearchMode.BOOLEAN, 1)
    assert terms["appl*"].rows == 3
    assert terms['"apple pie"'] == TermUse('"apple pie"', {"a %s title": 1}, 1)
    assert set(terms) == {"appl*", '"apple pie"'}


def test_contributions_add_up_to_the_score(world: SearchWorld) -> None:
    request = SearchRequest("apple river")
    for hit in world.search.run(world.actor, request).hits:
        why = world.search.explain(world.actor, request, hit)
        assert sum(part.value for part in why.contributions) == why.score == hit.score
        assert why.weight == pytest.approx(1.0)


def test_the_plan_says_that_the_index_is_used(world: SearchWorld) -> None:
    outcome = world.search.run(world.actor, SearchRequest("apple 100% river"))
    [report] = outcome.sources
    plan = world.search.plan(world.actor, outcome, report.source)
    assert any("fulltext" in row for row in plan.rows)
    assert {"table", "type", "key", "rows"} <= set(plan.columns)
    name = world.connections.schema_(world.actor, report.source.connection_id).flavour
    assert bool(plan.tree) == (name.value == "mysql")
