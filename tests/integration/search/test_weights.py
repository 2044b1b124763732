"""Weights on both servers: what they do to the list, how they are told, one index alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from altus4_desktop.cli.frame import main
from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.explaining import Part
from altus4_desktop.domain.searching import (
    SearchMode,
    SearchOutcome,
    SourceWeight,
    TableChoice,
)
from tests.search_world import EMAIL, PASSWORD, SearchWorld, search_world
from tests.servers import DatabaseServer

PASSPHRASE = "a passphrase for these tests"
NOTES = (
    "CREATE TABLE notes (id INT PRIMARY KEY, title VARCHAR(90), body TEXT,"
    " FULLTEXT ft_title (title), FULLTEXT ft_body (body))"
)
ROWS = (
    "INSERT INTO notes VALUES (1, 'apple river', 'stone wall'), (2, 'stone wall', 'apple river'),"
    " (3, 'apple', 'other words'), (4, 'other words', 'apple'), (5, 'nothing', 'of it')"
)
WEAK = "INSERT INTO notes VALUES (1, 'apple', 'seven'), (2, 'apple', 'eight'), (3, 'nine', 'ten')"


class Given:
    """A data folder with “left” and “right”, which hold the same, and “weak”, which holds less."""

    def __init__(self, world: SearchWorld, server: DatabaseServer, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.left = world.add_database(server, "left", [NOTES, ROWS])
        self.right = world.add_database(server, "right", [NOTES, ROWS])
        self.weak = world.add_database(server, "weak", [NOTES, WEAK])

    def run(
        self,
        query: str,
        mode: SearchMode,
        weights: Sequence[SourceWeight] = (),
        of: Sequence[Connection] = (),
        **options: object,
    ) -> SearchOutcome:
        ids = tuple(connection.id for connection in of or (self.left, self.right))
        return self.world.run(query, mode, connection_ids=ids, weights=tuple(weights), **options)


@pytest.fixture(scope="module")
def given(
    tenant_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Given]:
    folder = tmp_path_factory.mktemp("data")
    with search_world(folder, passphrase=PASSPHRASE) as world:
        made = Given(world, tenant_server, folder)
        # What lives as long as the services is there before the first test.
        made.run("apple", SearchMode.SEMANTIC)
        yield made


def places(outcome: SearchOutcome) -> list[tuple[str, object]]:
    return [(hit.source.connection, hit.key["id"]) for hit in outcome.hits]


def own(outcome: SearchOutcome, connection: str) -> list[tuple[str, object]]:
    return [place for place in places(outcome) if place[0] == connection]


@pytest.mark.parametrize("mode", list(SearchMode))
@pytest.mark.parametrize("query", ["apple", "apple river"])
def test_a_connection_of_weight_comes_first_and_keeps_its_order(
    given: Given, query: str, mode: SearchMode
) -> None:
    plain = given.run(query, mode)
    liked = given.run(query, mode, [SourceWeight(given.right.id, weight=10.0)])
    assert places(plain)[0][0] == "left"
    assert places(liked)[0][0] == "right"
    assert own(liked, "right") == own(plain, "right")
    assert own(liked, "left") == own(plain, "left")
    by_table = given.run(query, mode, [SourceWeight(given.right.id, "notes", weight=10.0)])
    assert places(by_table) == places(liked)


@pytest.mark.parametrize("mode", list(SearchMode))
def test_weights_of_one_change_no_bit(given: Given, mode: SearchMode) -> None:
    neutral = [
        SourceWeight(given.left.id),
        SourceWeight(given.right.id, "notes"),
        SourceWeight(given.right.id, "notes", "title"),
        SourceWeight("a connection that is gone", weight=5.0),
        SourceWeight(given.left.id, "a table that is gone", weight=5.0),
    ]
    plain, weighed = given.run("apple river", mode), given.run("apple river", mode, neutral)
    assert [hit.score for hit in weighed.hits] == [hit.score for hit in plain.hits]
    assert places(weighed) == places(plain)


@pytest.mark.parametrize("mode", list(SearchMode))
def test_pages_continue_each_other(given: Given, mode: SearchMode) -> None:
    weights = [
        SourceWeight(given.right.id, weight=1.3),
        SourceWeight(given.left.id, "notes", "body", 4.0),
    ]
    whole = places(given.run("apple river", mode, weights))
    pages = [
        place
        for offset in range(0, len(whole), 3)
        for place in places(given.run("apple river", mode, weights, limit=3, offset=offset))
    ]
    assert pages == whole


@pytest.mark.parametrize("mode", [SearchMode.NATURAL, SearchMode.BOOLEAN])
@pytest.mark.parametrize("query", ["apple", "apple river"])
def test_a_column_with_an_index_of_its_own_counts_in_its_table(
    given: Given, query: str, mode: SearchMode
) -> None:
    for column, first in (("title", (1, 3)), ("body", (2, 4))):
        weights = [SourceWeight(given.left.id, "notes", column, 5.0)]
        found = given.run(query, mode, weights, [given.left])
        assert places(found)[0][1] in first


def test_a_column_counts_in_the_score_of_semantic_mode(given: Given) -> None:
    for column, order in (("title", [1, 2]), ("body", [2, 1])):
        weights = [SourceWeight(given.left.id, "notes", column, 5.0)]
        found = places(given.run("apple river", SearchMode.SEMANTIC, weights, [given.left]))
        assert [key for _, key in found if key in (1, 2)] == order


@pytest.mark.parametrize("mode", [SearchMode.NATURAL, SearchMode.SEMANTIC])
def test_no_weight_puts_a_weak_source_between_the_rows_of_a_strong_one(
    given: Given, mode: SearchMode
) -> None:
    weights = [SourceWeight(given.weak.id, weight=3.0)]
    found = places(given.run("apple river", mode, weights, [given.left, given.weak]))
    assert [place[0] for place in found[:2]] == ["left", "left"]


def test_what_weights_did_is_told(given: Given) -> None:
    weights = (
        SourceWeight(given.right.id, weight=2.0),
        SourceWeight(given.right.id, "notes", weight=1.5),
        SourceWeight(given.right.id, "notes", "title", 3.0),
        SourceWeight(given.left.id, weight=0.5),
    )
    found = given.run("apple river", SearchMode.NATURAL, weights)
    hit = found.hits[0]
    why = given.world.search.explain(given.world.actor, found.request, hit)
    assert (hit.source.connection, hit.source.index) == ("right", "ft_title")
    assert why.weights == weights[:3]
    assert why.factor == 3.0
    assert why.weight == pytest.approx(why.score * (60 + why.source_rank))
    meant = given.run("apple river", SearchMode.SEMANTIC, weights)
    hit = meant.hits[0]
    why = given.world.search.explain(given.world.actor, meant.request, hit)
    parts = {part.part: part.value for part in why.contributions}
    assert parts[Part.WEIGHT] == pytest.approx(math.log(3.0))
    assert sum(parts.values()) == pytest.approx(hit.score)


def test_one_index_is_asked_alone(given: Given) -> None:
    title = TableChoice("notes", index="ft_title")
    found = given.run("apple", SearchMode.NATURAL, tables=(title,))
    assert {report.source.index for report in found.sources} == {"ft_title"}
    assert {key for _, key in places(found)} == {1, 3}
    assert len(given.world.search.statements(given.world.actor, found)) == 2
    with pytest.raises(InputError, match="ft_gone"):
        given.run("apple", SearchMode.NATURAL, tables=(TableChoice("notes", index="ft_gone"),))


def test_weights_that_may_not_be_are_refused(given: Given) -> None:
    with pytest.raises(InputError) as caught:
        given.run("apple", SearchMode.NATURAL, [SourceWeight(given.left.id, weight=0.0)])
    assert caught.value.field == "weights"


def test_the_command_line_ranks_and_explains_alike(
    given: Given, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("USER", EMAIL), ("PASSWORD", PASSWORD), ("PASSPHRASE", PASSPHRASE)):
        monkeypatch.setenv(f"ALTUS4_{name}", value)
    where = ["-c", "left", "-c", "right", "--data-dir", str(given.folder)]
    options = ["--weight", "right=2", "--weight", "right/notes/title=3"]
    assert main(["search", "apple river", *where, *options, "--json", "--explain"]) == 0
    first = json.loads(capsys.readouterr().out)["hits"][0]
    weights = [
        SourceWeight(given.right.id, weight=2.0),
        SourceWeight(given.right.id, "notes", "title", 3.0),
    ]
    expected = given.run("apple river", SearchMode.NATURAL, weights).hits[0]
    assert (first["connection"], first["score"]) == ("right", pytest.approx(expected.score))
    assert first["why"]["given_factor"] == 2.0
    assert first["why"]["given_weights"] == [
        {"table": None, "column": None, "weight": 2.0},
        {"table": "notes", "column": "title", "weight": 3.0},
    ]
    assert main(["search", "apple river", *where, *options, "--explain"]) == 0
    assert "weights: right ×2, notes.title ×3; multiplied by 2" in capsys.readouterr().out
    assert main(["search", "apple", *where, "--index", "notes/ft_body", "--json"]) == 0
    keys = {hit["key"]["id"] for hit in json.loads(capsys.readouterr().out)["hits"]}
    assert keys == {2, 4}
