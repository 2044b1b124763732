"""Semantic mode against real servers: forms of words, pages, sources, and what is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    InputError,
    ModelError,
    NotFoundError,
    TenantError,
    TenantFailure,
)
from altus4_desktop.domain.searching import (
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceState,
)
from altus4_desktop.mysql import fulltext
from altus4_desktop.mysql.session import TenantSession
from tests.search_world import SearchWorld, search_world
from tests.servers import Account, DatabaseServer, free_port

PAGES = [
    (1, "The lighthouse", "The keeper of the lighthouse lights the lamp when the night falls."),
    (2, "Keepers of lamps", "Keepers are those who have kept a lamp burning for the ships at sea."),
    (3, "A harbour", "The ships of the harbour are waiting for the tide and for the wind."),
    (4, "Boiled potatoes", "The potatoes are boiled in water with salt until they are soft."),
    (5, "A beacon", "The beacon at the coast guides the sailors past the rocks at night."),
]


def pages(rows: list[tuple[int, str, str]] = PAGES, copies: int = 1) -> list[str]:
    values = ", ".join(
        f"({number + 10 * copy}, '{title}', '{body} {copy}')"
        for copy in range(copies)
        for number, title, body in rows
    )
    create = (
        "CREATE TABLE pages (id INT PRIMARY KEY, title VARCHAR(99), body TEXT,"
        " FULLTEXT ft (title, body), FULLTEXT ft_title (title))"
    )
    return [
        create,
        f"INSERT INTO pages VALUES {values}",
    ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SearchWorld]:
    with search_world(tmp_path) as made:
        yield made


def semantic(world: SearchWorld, query: str, **options: object) -> SearchOutcome:
    return world.run(query, SearchMode.SEMANTIC, **options)


def ids(outcome: SearchOutcome) -> list[object]:
    return [hit.key["id"] for hit in outcome.hits]


def codes(outcome: SearchOutcome) -> list[str]:
    return [notice.code for notice in outcome.notices]


def test_other_forms_of_the_words_are_found_and_marked(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "sea", pages())
    outcome = semantic(world, "keeping lamps")
    assert set(ids(outcome)) >= {1, 2}
    marked = {
        str(hit.columns[match.column])[match.start : match.end].lower()
        for hit in outcome.hits
        for match in hit.matches
    }
    assert {"keepers", "lamps", "lamp"} & marked
    assert len(ids(outcome)) == len(set(ids(outcome)))
    assert "detected" in outcome.notices[-1].message
    assert "English" in outcome.notices[-1].message


def test_every_hit_says_why(world: SearchWorld, tenant_server: DatabaseServer) -> None:
    world.add_database(tenant_server, "sea", pages())
    outcome = semantic(world, "the lamp of the lighthouse")
    assert ids(outcome)[0] == 1
    for hit in outcome.hits:
        reason = hit.reason
        assert reason is not None
        assert hit.score == pytest.approx(reason.words + reason.meaning + reason.feedback)
        assert reason.cosine is not None
    first = outcome.hits[0].reason
    assert first is not None
    assert {term.words[0]: dict(term.columns) for term in first.terms} == {
        "lamp": {"body": 1},
        "lighthouse": {"title": 1, "body": 1},
    }
    assert all(term.rows == len(PAGES) for term in first.terms)
    statements = world.search.statements(world.actor, outcome)
    assert statements
    assert all("IN BOOLEAN MODE" in text and "lamp*" in text for text in statements.values())
    for source in statements:
        plan = world.search.plan(world.actor, outcome, source)
        assert any("fulltext" in [str(cell).lower() for cell in row] for row in plan.rows)
        # MySQL draws the statement's condition: it is that of the candidates, not the question.
        assert not plan.tree or "lamp*" in plan.tree


def test_the_statement_is_that_of_the_second_try(
    world: SearchWorld, tenant_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, asked = fulltext.run_index_search, []

    def slow(session: TenantSession, search: Any, **options: Any) -> Any:
        asked.append(fulltext.statement_text(search))
        if len(asked) == 1:
            raise TenantError(TenantFailure.TIMEOUT, "late")
        return run(session, search, **options)

    world.add_database(tenant_server, "sea", pages())
    monkeypatch.setattr(fulltext, "run_index_search", slow)
    outcome = semantic(world, "lamp")
    assert outcome.hits
    assert len(set(asked)) == 3
    shown = world.search.statements(world.actor, outcome).values()
    assert sorted(shown) == sorted(asked[1:])


def test_what_is_not_kept_any_more_is_said(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "sea", pages())
    outcome = replace(semantic(world, "lamp"), search_id="of another run")
    assert world.search.statements(world.actor, outcome) == {}
    with pytest.raises(NotFoundError, match="not known any more"):
        world.search.plan(world.actor, outcome, outcome.sources[0].source)


def test_pages_continue_one_another(world: SearchWorld, tenant_server: DatabaseServer) -> None:
    world.add_database(tenant_server, "sea", pages(copies=12))
    world.add_database(tenant_server, "land", pages(copies=7))
    whole = semantic(world, "ships at night", limit=60)
    again = [semantic(world, "ships at night", limit=20, offset=at) for at in (0, 20, 40)]
    wanted = [(hit.source.connection, hit.key["id"]) for hit in whole.hits]
    assert len(wanted) == len(set(wanted))
    parts = [(hit.source.connection, hit.key["id"]) for page in again for hit in page.hits]
    assert parts == wanted
    assert again[0].has_more


def test_results_appear_as_sources_answer_and_a_dead_one_delays_none(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "sea", pages())
    dead = Account("nobody", "nothing")
    world.add_connection("127.0.0.1", free_port(), "dead", "nowhere", dead)
    seen: list[SearchOutcome] = []
    request = SearchRequest("lighthouse keepers", SearchMode.SEMANTIC)
    outcome = world.search.run(world.actor, request, seen.append)
    states = {report.source.connection: report.state for report in outcome.sources}
    assert states["sea"] is SourceState.OK
    assert states["dead"] is SourceState.FAILED
    assert ids(outcome)[:2]
    assert not any(update.finished for update in seen)


def test_a_stopped_search_ends(world: SearchWorld, tenant_server: DatabaseServer) -> None:
    world.add_database(tenant_server, "sea", pages())
    token = CancelToken()
    token.cancel()
    request = SearchRequest("lighthouse", SearchMode.SEMANTIC)
    outcome = world.search.run(world.actor, request, None, token)
    assert {report.state for report in outcome.sources} == {SourceState.CANCELLED}
    assert outcome.hits == ()


def test_without_the_model_words_rank_and_it_is_said(
    world: SearchWorld, tenant_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_database(tenant_server, "sea", pages())

    def missing() -> None:
        raise ModelError("The model is gone.", hint="Install it again.")

    monkeypatch.setattr("altus4_desktop.services.language_model.load_embedder", missing)
    outcome = semantic(world, "the lamp of the lighthouse")
    assert ids(outcome)[0] == 1
    assert codes(outcome)[0] == "search.no_model"
    assert "words alone" in outcome.notices[0].message
    assert all(hit.reason is not None and hit.reason.cosine is None for hit in outcome.hits)


def test_without_the_stemmers_library_words_rank_and_it_is_said(
    world: SearchWorld, tenant_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from altus4_desktop.search.stemming import get_stemmer

    world.add_database(tenant_server, "sea", pages())
    get_stemmer.cache_clear()
    monkeypatch.setitem(sys.modules, "Stemmer", None)
    outcome = semantic(world, "the lamp of the lighthouse")
    assert ids(outcome)[0] == 1
    assert "search.no_stems" in codes(outcome)


def test_what_was_cut_and_estimated_is_said(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "sea", pages(copies=450))
    outcome = semantic(world, "ships of the harbour in the night")
    assert {"search.candidates_cut", "search.statistics_estimated"} <= set(codes(outcome))
    assert codes(outcome)[-1] == "search.semantic"
    assert [notice.code for notice in outcome.notices if not notice.warns] == ["search.semantic"]


def test_the_language_of_rows_is_kept_for_short_questions(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    rows = [
        (1, "Häuser", "Die Häuser in der Stadt sind alt und nicht sehr hoch gebaut."),
        (2, "Ein Haus", "Das Haus steht auf dem Berg und ist von einem Garten umgeben."),
    ]
    world.add_database(tenant_server, "stadt", pages(rows))
    first = semantic(world, "Haus")
    assert "German (detected)" in first.notices[-1].message
    assert semantic(world, "Haus").notices[-1] == first.notices[-1]
    chosen = semantic(world, "Haus", language="en")
    assert "English (chosen)" in chosen.notices[-1].message
    with pytest.raises(InputError) as caught:
        semantic(world, "Haus", language="xx")
    assert caught.value.field == "language"


GERMAN = [
    (1, "Häuser", "Die Häuser in der Stadt sind alt und nicht sehr hoch gebaut."),
    (2, "Der Hafen", "Im Hafen liegen die Schiffe und warten auf den Wind und die Flut."),
    (3, "Lampen", "Die Lampen am Hafen werden von den Wärtern bei Nacht angezündet."),
]


def test_sources_of_two_languages_are_each_read_in_their_own(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "sea", pages())
    world.add_database(tenant_server, "stadt", pages(GERMAN))
    outcome = semantic(world, "Hafens harbours Lampe")
    found = {(hit.source.connection, hit.key["id"]) for hit in outcome.hits}
    # “Hafens” is a form of Hafen in German alone, “harbours” one of harbour in English alone.
    assert {("stadt", 2), ("stadt", 3), ("sea", 3)} <= found
    told = outcome.notices[-1]
    assert (told.code, told.warns) == ("search.semantic", False)
    assert "English (detected), German (detected)" in told.message
    marked = {
        str(hit.columns[match.column])[match.start : match.end]
        for hit in outcome.hits
        for match in hit.matches
    }
    assert {"Hafen", "harbour", "Lampen"} <= marked
    for hit in outcome.hits:
        assert hit.reason is not None
        assert hit.score == pytest.approx(
            hit.reason.words + hit.reason.meaning + hit.reason.feedback
        )


def test_the_language_of_a_connection_is_kept_unless_another_is_asked_for(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "sea", pages())
    world.add_database(tenant_server, "stadt", pages(GERMAN))
    ids = {c.name: c.id for c in world.connections.list_(world.actor)}
    kept = ((ids["sea"], "fr"),)
    outcome = semantic(world, "ships Schiffe", languages=kept)
    assert "French (set for the connection), German (detected)" in outcome.notices[-1].message
    outcome = semantic(world, "ships Schiffe", languages=kept, language="it")
    assert "language: Italian (chosen)." in outcome.notices[-1].message
    with pytest.raises(InputError):
        semantic(world, "ships", languages=((ids["sea"], "xx"),))


def test_a_table_that_tells_no_language_is_named(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "sea", pages())
    bare = [
        "CREATE TABLE parts (id INT PRIMARY KEY, name TEXT, FULLTEXT ft (name))",
        "INSERT INTO parts VALUES (1, 'M4 x 12 lamp bracket'), (2, 'M5 bolt')",
    ]
    world.add_database(tenant_server, "shop", bare)
    outcome = semantic(world, "lamp bracket")
    assert {hit.source.connection for hit in outcome.hits} == {"sea", "shop"}
    told = outcome.notices[-1]
    assert told.warns
    assert "That of “parts” was not recognised" in told.message


@pytest.mark.parametrize("query", ["the", "(((", "日本語", "\0x", "+-*", "'; DROP", "a"])
def test_odd_questions_get_an_answer_that_says_something(
    world: SearchWorld, tenant_server: DatabaseServer, query: str
) -> None:
    world.add_database(tenant_server, "sea", pages())
    outcome = semantic(world, query)
    assert {report.state for report in outcome.sources} == {SourceState.OK}
    assert outcome.hits or outcome.notices


def test_history_keeps_the_mode(world: SearchWorld, tenant_server: DatabaseServer) -> None:
    world.add_database(tenant_server, "sea", pages())
    semantic(world, "lighthouse keepers")
    world.history.close_()
    [record] = world.history.recent(world.actor)
    assert record.mode is SearchMode.SEMANTIC
