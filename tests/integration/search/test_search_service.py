"""The search service against real servers: order, paging, dead sources, stopping, history."""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from altus4_desktop.domain.accounts import Preferences, Role
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import PoolSettings
from altus4_desktop.domain.errors import (
    InputError,
    NotFoundError,
    QuerySyntaxError,
    TenantError,
    TenantFailure,
)
from altus4_desktop.domain.filtering import ColumnOrder, Narrowing
from altus4_desktop.domain.query_reading import WordState
from altus4_desktop.domain.searching import (
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceRef,
    SourceState,
    TableChoice,
)
from altus4_desktop.services import search
from tests.faults import Rogue
from tests.search_world import SearchWorld, search_world
from tests.servers import Account, DatabaseServer, free_port
from tests.waiting import wait_until

DECIMAL = "12345678901234567890123456789012345.123456789012345678901234567890"
THINGS_TABLE = (
    "CREATE TABLE things (id BIGINT UNSIGNED PRIMARY KEY, big BIGINT, exact DECIMAL(65,30),"
    " day DATE, raw_bytes VARBINARY(20), nothing INT, blank VARCHAR(9), note LONGTEXT,"
    " FULLTEXT ft (note))"
)
THINGS_ROW = (
    "INSERT INTO things VALUES (18446744073709551615, 9007199254740993,"
    f" '{DECIMAL}', '2026-02-28', x'00ff', NULL, '',"
    " CONCAT('<b>needle</b> 😀 中文 ', REPEAT('x', 9000)))"
)
NOTES = (
    "CREATE TABLE notes (id INT PRIMARY KEY, body TEXT, FULLTEXT ft (body) WITH PARSER ngram)",
    "INSERT INTO notes VALUES (1, 'これは全文検索です'), (2, '別の文')",
)
WORDS = ["apple", "river", "stone", "cloud", "amber", "violet", "copper", "meadow"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SearchWorld]:
    with search_world(tmp_path) as made:
        yield made


def articles(rows: int, seed: int = 0, table: str = "articles") -> list[str]:
    """A table with two FULLTEXT indexes and rows whose scores differ, and often tie."""
    values = []
    for number in range(rows):
        a, b = WORDS[(number * 7 + seed) % 8], WORDS[(number * 3 + seed * 5) % 8]
        body = " ".join([a] * (1 + number % 3) + [b, f"filler{number % 5}"])
        values.append(f"({number + 1}, '{a} {b} number {number}', '{body}')")
    create = (
        f"CREATE TABLE {table} (id INT PRIMARY KEY, title VARCHAR(200), content TEXT,"
        " FULLTEXT ft_both (title, content), FULLTEXT ft_title (title))"
    )
    return [create, f"INSERT INTO {table} VALUES {', '.join(values)}"]


def one_index(rows: int, seed: int = 0) -> list[str]:
    return [
        statement.replace(", FULLTEXT ft_title (title)", "") for statement in articles(rows, seed)
    ]


def keys(outcome: SearchOutcome) -> list[tuple[str, str, object]]:
    return [(hit.source.connection, hit.source.table, hit.key["id"]) for hit in outcome.hits]


def states(outcome: SearchOutcome) -> dict[str, SourceState]:
    return {report.source.connection: report.state for report in outcome.sources}


@pytest.mark.parametrize("mode", [SearchMode.NATURAL, SearchMode.BOOLEAN])
def test_with_one_source_the_order_is_the_servers_own(
    world: SearchWorld, tenant_server: DatabaseServer, mode: SearchMode
) -> None:
    connection = world.add_database(tenant_server, "one", one_index(300))
    match = "MATCH (title, content) AGAINST ('apple river'"
    match += " IN BOOLEAN MODE)" if mode is SearchMode.BOOLEAN else ")"
    expected = tenant_server.execute(
        f"SELECT id, {match} AS score FROM articles WHERE {match} ORDER BY score DESC, id LIMIT 57",
        database=connection.database,
    )
    assert len(expected) == 57
    outcome = world.run("apple river", mode, limit=57)
    assert [hit.key["id"] for hit in outcome.hits] == [key for key, _ in expected]
    assert [hit.source_score for hit in outcome.hits] == pytest.approx([row[1] for row in expected])
    assert [hit.source_rank for hit in outcome.hits] == list(range(1, 58))
    assert outcome.has_more
    second = world.run("apple river", mode, limit=20, offset=20)
    assert keys(second) == keys(outcome)[20:40]
    assert [hit.source_rank for hit in second.hits] == list(range(21, 41))
    assert second.sources[0].hits == 20


def test_pages_of_eight_sources_continue_each_other_exactly(
    world: SearchWorld, mariadb_server: DatabaseServer, mysql_server: DatabaseServer
) -> None:
    made = []
    for number in range(8):
        server = mysql_server if number % 2 else mariadb_server
        connection = world.add_database(server, f"c{number}", one_index(30 + 9 * number, number))
        made.append((server, connection))
    match = "MATCH (title, content) AGAINST ('apple')"
    by_hand = []
    for server, connection in made:
        rows = server.execute(
            f"SELECT id FROM articles WHERE {match} ORDER BY {match} DESC, id",
            database=connection.database,
        )
        by_hand += [(rank, connection.name, row[0]) for rank, row in enumerate(rows, 1)]
    by_hand.sort()
    expected = [(name, "articles", key) for _, name, key in by_hand]
    pages: list[tuple[str, str, object]] = []
    offset = 0
    while True:
        outcome = world.run("apple", limit=7, offset=offset)
        pages += keys(outcome)
        assert outcome.has_more == (offset + 7 < len(expected))
        if not outcome.has_more:
            break
        offset += 7
    assert pages == expected


def test_sources_that_know_more_of_the_question_come_first_on_pages_of_any_size(
    world: SearchWorld, mariadb_server: DatabaseServer
) -> None:
    table = "CREATE TABLE notes (id INT PRIMARY KEY, note TEXT, FULLTEXT ft (note))"
    noise = ", ".join(f"({number}, 'something else {number}')" for number in range(100, 130))
    # By name the vague one would be first.
    for name, text in (("a vague", "a river"), ("b exact", "a river of apple juice")):
        rows = ", ".join(f"({number}, '{text}')" for number in range(1, 9))
        world.add_database(
            mariadb_server, name, [table, f"INSERT INTO notes VALUES {rows}, {noise}"]
        )
    whole = keys(world.run("apple river", limit=16))
    assert [name for name, _, _ in whole] == ["b exact"] * 8 + ["a vague"] * 8
    assert [keys(world.run("apple river", limit=1, offset=at))[0] for at in range(16)] == whole
    # One word tells nothing, and boolean text says itself what must be there.
    for query, mode in (("river", SearchMode.NATURAL), ("apple river", SearchMode.BOOLEAN)):
        first, second = keys(world.run(query, mode, limit=2))
        assert (first[0], second[0]) == ("a vague", "b exact")


def test_two_indexes_of_one_table_give_each_row_once(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "two", articles(120))
    outcome = world.run("apple", limit=100)
    found = keys(outcome)
    assert len(outcome.sources) == 2
    assert len(found) == len(set(found)) > 10
    assert not outcome.has_more
    pages = [
        key
        for at in range(0, len(found), 5)
        for key in keys(world.run("apple", limit=5, offset=at))
    ]
    assert pages == found


def test_values_stay_what_the_server_holds(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    connection = world.add_database(tenant_server, "exact", [THINGS_TABLE, THINGS_ROW])
    hit = world.run("needle").hits[0]
    assert hit.key == {"id": 18446744073709551615}
    assert hit.columns["big"] == 9007199254740993
    assert (
        hit.columns["exact"] == "12345678901234567890123456789012345.123456789012345678901234567890"
    )
    assert hit.columns["day"] == "2026-02-28"
    assert hit.columns["raw_bytes"] == b"\x00\xff"
    assert hit.columns["nothing"] is None
    assert hit.columns["blank"] == ""
    note = hit.columns["note"]
    assert isinstance(note, str)
    assert len(note) == 4096
    assert hit.truncated == {"note": 9000 + len("<b>needle</b> 😀 中文 ")}
    assert [note[match.start : match.end] for match in hit.matches] == ["needle"]
    assert hit.snippet.startswith("<b>needle</b> 😀 中文")
    assert [hit.snippet[start:end] for start, end in hit.snippet_matches] == ["needle"]
    whole = world.search.read_row(world.actor, hit)["note"]
    assert isinstance(whole, str)
    assert len(whole) == hit.truncated["note"]
    tenant_server.execute("DELETE FROM things", database=connection.database)
    with pytest.raises(NotFoundError):
        world.search.read_row(world.actor, hit)


@contextlib.contextmanager
def silent_server() -> Iterator[Rogue]:
    """Accepts connections and never says a word."""
    rogue = Rogue(lambda talk: collections.deque(talk.listen(), maxlen=0).clear())
    try:
        yield rogue
    finally:
        rogue.close()


class Running:
    """A search on a thread of its own, as the window runs it."""

    def __init__(self, world: SearchWorld, request: SearchRequest) -> None:
        self.token = CancelToken()
        self.updates: list[tuple[float, SearchOutcome]] = []
        self.outcome: SearchOutcome | None = None
        self.took_s = 0.0
        self._world = world
        self._request = request
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.outcome = self._world.search.run(
            self._world.actor, self._request, self._update, self.token
        )
        self.took_s = time.monotonic() - self._began

    def _update(self, outcome: SearchOutcome) -> None:
        self.updates.append((time.monotonic() - self._began, outcome))

    def wait(self, timeout_s: float = 10) -> SearchOutcome:
        self._thread.join(timeout_s)
        assert not self._thread.is_alive()
        assert self.outcome is not None
        return self.outcome


def test_a_dead_source_delays_nobody_and_times_out(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "alive", one_index(50))
    with silent_server() as silent:
        account = tenant_server.create_search_account()
        world.add_connection("127.0.0.1", silent.port, "dead", "d", account)
        running = Running(world, SearchRequest("apple", timeout_s=1.2))
        outcome = running.wait()
    assert states(outcome) == {"alive": SourceState.OK, "dead": SourceState.TIMED_OUT}
    assert running.took_s < 2.2
    first_hits_s = min(at for at, update in running.updates if update.hits)
    assert first_hits_s < 0.8
    dead = next(r for r in outcome.sources if r.source.connection == "dead")
    assert isinstance(dead.error, TenantError)
    assert dead.error.failure is TenantFailure.TIMEOUT
    assert any(notice.code == "search.source_timed_out" for notice in outcome.notices)
    assert outcome.hits


def test_a_source_that_refuses_says_why_and_the_others_go_on(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "alive", one_index(50))
    nobody = Account("nobody", "wrong")
    world.add_connection(tenant_server.host, tenant_server.port, "locked", "x", nobody)
    world.add_connection("127.0.0.1", free_port(), "closed", "x", nobody)
    outcome = world.run("apple")
    assert states(outcome) == {
        "alive": SourceState.OK,
        "closed": SourceState.FAILED,
        "locked": SourceState.FAILED,
    }
    failures = {
        report.source.connection: report.error.failure
        for report in outcome.sources
        if isinstance(report.error, TenantError)
    }
    assert failures == {"closed": TenantFailure.PORT, "locked": TenantFailure.CREDENTIALS}
    assert outcome.hits


def test_states_only_go_forward_and_are_told_as_they_change(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    connection = world.add_database(tenant_server, "one", articles(50))
    order = list(SourceState)
    with locked(tenant_server, connection.database):
        running = Running(world, SearchRequest("apple"))
        wait_until(lambda: _tagged(tenant_server) == 2, timeout_s=5, what="two blocked statements")
    outcome = running.wait()
    seen: dict[SourceRef, list[int]] = {}
    for _, update in running.updates:
        assert not update.finished
        for report in update.sources:
            seen.setdefault(report.source, []).append(order.index(report.state))
    assert all(steps == sorted(steps) for steps in seen.values())
    assert any(SourceState.RUNNING in {r.state for r in u.sources} for _, u in running.updates)
    assert outcome.finished
    assert {report.state for report in outcome.sources} == {SourceState.OK}


@contextlib.contextmanager
def locked(server: DatabaseServer, database: str) -> Iterator[None]:
    """Nobody else can read ``articles`` meanwhile: statements on it wait."""
    connection = server.admin(database)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("LOCK TABLES articles WRITE")
        yield


def _tagged(server: DatabaseServer) -> int:
    rows = server.execute("SHOW FULL PROCESSLIST")
    return sum("altus4:" in str(row[7]) and row[4] == "Query" for row in rows)


def test_stop_leaves_at_once_and_nothing_runs_on_the_server(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    connection = world.add_database(tenant_server, "blocked", articles(50))
    world.add_database(tenant_server, "quick", one_index(20))
    with locked(tenant_server, connection.database):
        running = Running(world, SearchRequest("apple"))
        wait_until(
            lambda: (
                _tagged(tenant_server) == 2 and any(update.hits for _, update in running.updates)
            ),
            timeout_s=5,
            what="two blocked statements and the hits of the other source",
        )
        stopped_at = time.monotonic()
        running.token.cancel()
        outcome = running.wait()
        assert time.monotonic() - stopped_at < 0.3
        wait_until(lambda: _tagged(tenant_server) == 0, timeout_s=1, what="a clean process list")
    assert states(outcome) == {"blocked": SourceState.CANCELLED, "quick": SourceState.OK}
    assert outcome.hits
    assert world.run("apple", connection_ids=(connection.id,)).hits


def test_a_fault_of_the_one_who_watches_leaves_nothing_running(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    connection = world.add_database(tenant_server, "blocked", one_index(50))
    world.run("apple")

    def fail(_: SearchOutcome) -> None:
        wait_until(lambda: _tagged(tenant_server) == 1, timeout_s=5, what="a blocked statement")
        raise ZeroDivisionError

    with locked(tenant_server, connection.database):
        with pytest.raises(ZeroDivisionError):
            world.search.run(world.actor, SearchRequest("apple"), fail)
        wait_until(lambda: _tagged(tenant_server) == 0, timeout_s=1, what="a clean process list")


def test_a_slow_source_is_cut_off_at_its_deadline_on_the_server_too(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    connection = world.add_database(tenant_server, "blocked", one_index(50))
    world.run("apple")
    with locked(tenant_server, connection.database):
        running = Running(world, SearchRequest("apple", timeout_s=0.5))
        outcome = running.wait()
        assert running.took_s < 1.2
        wait_until(lambda: _tagged(tenant_server) == 0, timeout_s=1, what="a clean process list")
    assert states(outcome) == {"blocked": SourceState.TIMED_OUT}


def test_a_small_pool_only_makes_sources_take_turns(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    many = [
        statement.replace("articles", f"articles{number}")
        for number in range(6)
        for statement in articles(20, number)
    ]
    world.add_database(tenant_server, "narrow", many, pool=PoolSettings(size=2))
    outcome = world.run("apple", limit=50)
    assert len(outcome.sources) == 12
    assert {report.state for report in outcome.sources} == {SourceState.OK}


NASTY = [
    "+the +cat",
    "c++",
    "foo@bar.com",
    '"unclosed',
    "node 1",
    "-only",
    "*",
    "😀",
    "x" * 10_000,
    "+",
    "(a b",
    "' OR 1=1 --",
    "%s %(x)s {0}",
    "\\",
    "全文検索",
    "the",
]


@pytest.mark.parametrize("query", NASTY, ids=lambda query: query[:12])
def test_nasty_queries_get_an_answer_that_says_something(
    shared_world: SearchWorld, query: str
) -> None:
    natural = shared_world.run(query)
    assert states(natural) == {"nasty": SourceState.OK}
    assert natural.hits or natural.notices
    try:
        shared_world.search.check_query(query, SearchMode.BOOLEAN)
    except QuerySyntaxError:
        with pytest.raises(QuerySyntaxError):
            shared_world.run(query, SearchMode.BOOLEAN)
        query = shared_world.search.plain_text(query) or "x"
    boolean = shared_world.run(query, SearchMode.BOOLEAN)
    assert states(boolean) == {"nasty": SourceState.OK}
    assert boolean.hits or boolean.notices
    semantic = shared_world.run(query, SearchMode.SEMANTIC)
    assert states(semantic) == {"nasty": SourceState.OK}
    assert semantic.hits or semantic.notices


@pytest.fixture(scope="module")
def shared_world(
    tenant_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SearchWorld]:
    with search_world(tmp_path_factory.mktemp("world")) as made:
        made.add_database(tenant_server, "nasty", one_index(20))
        # Pools and history start threads that live as long as this world.
        made.run("apple")
        yield made


@pytest.mark.parametrize("query", ["", "   ", "\n\t"])
def test_an_empty_box_is_an_input_error(shared_world: SearchWorld, query: str) -> None:
    with pytest.raises(InputError) as caught:
        shared_world.run(query)
    assert caught.value.field == "query"


def test_more_words_than_a_server_can_be_stopped_at_are_refused(shared_world: SearchWorld) -> None:
    shared_world.run(" ".join(f"word{number}" for number in range(200)) + " word7 word7")
    with pytest.raises(InputError) as caught:
        shared_world.run(" ".join(f"word{number}" for number in range(201)))
    assert (caught.value.field, caught.value.details["words"]) == ("query", 201)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 100_001}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": 99_999, "limit": 2}, "offset"),
        ({"timeout_s": 0.0}, "timeout"),
        ({"cell_limit": 0}, "cell_limit"),
        ({"tables": (TableChoice("nowhere"),)}, "tables"),
    ],
)
def test_requests_that_cannot_be_meant_are_refused(
    shared_world: SearchWorld, options: dict[str, object], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        shared_world.run("apple", SearchMode.NATURAL, **options)
    assert caught.value.field == field


def test_other_peoples_connections_cannot_be_searched(
    world: SearchWorld, mariadb_server: DatabaseServer
) -> None:
    connection = world.add_database(mariadb_server, "private", one_index(20))
    eve = world.accounts.create_user(
        world.actor, "Eve", "eve@example.org", "another-test-word", Role.USER
    ).as_actor()
    request = SearchRequest("apple", connection_ids=(connection.id,))
    with pytest.raises(NotFoundError):
        world.search.run(eve, request)
    with pytest.raises(InputError) as caught:
        world.search.run(eve, SearchRequest("apple"))
    assert caught.value.field == "connections"
    hit = world.run("apple").hits[0]
    with pytest.raises(NotFoundError):
        world.search.read_row(eve, hit)


def test_tables_can_be_chosen(world: SearchWorld, mariadb_server: DatabaseServer) -> None:
    second = [statement.replace("articles", "notes") for statement in one_index(20)]
    plain = ["CREATE TABLE logs (id INT PRIMARY KEY, line TEXT)"]
    here = world.add_database(mariadb_server, "here", [*one_index(20), *second, *plain])
    world.add_database(mariadb_server, "there", one_index(20))

    def searched(*tables: TableChoice) -> set[tuple[str, str]]:
        outcome = world.run("apple", tables=tables)
        return {(r.source.connection, r.source.table) for r in outcome.sources}

    assert searched() == {("here", "articles"), ("here", "notes"), ("there", "articles")}
    assert searched(TableChoice("articles")) == {("here", "articles"), ("there", "articles")}
    assert searched(TableChoice("notes", here.id)) == {("here", "notes")}
    outcome = world.run("apple", tables=(TableChoice("logs", here.id),))
    assert [notice.code for notice in outcome.notices] == ["search.no_index"]
    assert states(outcome) == {"here": SourceState.OK}


def test_an_index_made_since_is_found_without_asking_for_the_schema(
    world: SearchWorld, tenant_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altus4_desktop.services.fan_out._JUST_READ_S", 0.0)
    bare = "CREATE TABLE essays (id INT PRIMARY KEY, body TEXT)"
    filled = "INSERT INTO essays VALUES (1, 'an apple')"
    connection = world.add_database(tenant_server, "growing", [bare, filled])
    first = world.run("apple")
    assert [notice.code for notice in first.notices] == ["search.no_index"]
    tenant_server.execute("ALTER TABLE essays ADD FULLTEXT ft (body)", database=connection.database)
    assert keys(world.run("apple")) == [("growing", "essays", 1)]


def test_a_schema_that_is_old_is_read_again_by_the_search(
    world: SearchWorld, mariadb_server: DatabaseServer
) -> None:
    connection = world.add_database(mariadb_server, "growing", one_index(5))
    known = world.connections.schema_(world.actor, connection.id)
    saved = world.connections.get_(world.actor, connection.id)
    assert world.connections.source_(saved)[1] is known
    assert world.connections.source_(saved, age_s=0.0)[1].read_at > known.read_at


def test_a_changed_table_fails_once_and_is_read_again(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    connection = world.add_database(tenant_server, "moving", one_index(20))
    assert world.run("apple").hits
    tenant_server.execute("RENAME TABLE articles TO essays", database=connection.database)
    assert states(world.run("apple")) == {"moving": SourceState.FAILED}
    again = wait_until(
        lambda: [hit for hit in world.run("apple").hits if hit.source.table == "essays"],
        timeout_s=3,
        what="hits of the renamed table",
    )
    assert again


def test_an_aria_table_is_not_asked_what_it_cannot_end(
    world: SearchWorld, mariadb_server: DatabaseServer
) -> None:
    both = [
        *one_index(20),
        *(
            statement.replace("articles", "aria").replace("content))", "content)) ENGINE=Aria")
            for statement in one_index(20)
        ),
    ]
    world.add_database(mariadb_server, "mixed", both)
    outcome = world.run("+apple riv* sto*", SearchMode.BOOLEAN)
    by_table = {report.source.table: report for report in outcome.sources}
    assert by_table["articles"].state is SourceState.OK
    assert by_table["aria"].error is not None
    assert by_table["aria"].error.code == "search.aria"
    assert states(world.run("+apple riv*", SearchMode.BOOLEAN)) == {"mixed": SourceState.OK}


def test_words_in_most_rows_of_a_myisam_table_are_explained(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    table = "CREATE TABLE t (id INT PRIMARY KEY, body TEXT, FULLTEXT ft (body)) ENGINE=MyISAM"
    rows = "INSERT INTO t VALUES (1, 'apple pear'), (2, 'apple plum'), (3, 'apple fig')"
    world.add_database(tenant_server, "old", [table, rows])
    outcome = world.run("apple")
    assert not outcome.hits
    assert [notice.code for notice in outcome.notices] == ["search.none", "search.too_common"]
    assert len(world.run("apple", SearchMode.BOOLEAN).hits) == 3


def test_every_search_is_written_down(world: SearchWorld, mariadb_server: DatabaseServer) -> None:
    one = world.add_database(mariadb_server, "one", one_index(20))
    world.add_database(mariadb_server, "two", one_index(20))
    alone = world.run("apple", connection_ids=(one.id,), limit=3)
    both = world.run("river")
    nobody = Account("nobody", "wrong")
    world.add_connection(mariadb_server.host, mariadb_server.port, "locked", "x", nobody)
    partial = world.run("stone")
    private = replace(world.actor, choices=Preferences(keeps_history=False))
    assert world.search.run(private, SearchRequest("amber")).hits
    world.history.close_()
    records = {record.id: record for record in world.history.list_(world.actor)}
    assert set(records) == {alone.search_id, both.search_id, partial.search_id}
    record = records[alone.search_id]
    assert (record.query, record.connection_id, record.result_count) == ("apple", one.id, 3)
    assert record.params["outcome"] == "ok"
    assert record.params["limit"] == 3
    assert records[both.search_id].connection_id is None
    assert records[partial.search_id].params["outcome"] == "partial"
    assert [record.query for record in world.history.recent(world.actor, "ap")] == ["apple"]


def test_the_statement_that_ran_can_be_seen_and_gives_the_same_rows(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    connection = world.add_database(tenant_server, "one", one_index(60))
    outcome = world.run("apple 'river'", limit=7, offset=3)
    ((ref, statement),) = world.search.statements(world.actor, outcome).items()
    assert ref == outcome.sources[0].source
    rows = tenant_server.execute(statement, database=connection.database)
    assert [row[0] for row in rows][:7] == [hit.key["id"] for hit in outcome.hits]


def test_the_statement_is_the_one_that_was_sent(
    world: SearchWorld, tenant_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = world.add_database(tenant_server, "one", one_index(60))
    every = world.run("apple river", limit=60)
    narrowing = Narrowing(order=ColumnOrder("id"), threshold=0.5)
    outcome = world.run("apple river", limit=60, narrowing=narrowing)
    assert 0 < len(outcome.hits) < len(every.hits)
    (statement,) = world.search.statements(world.actor, outcome).values()
    rows = tenant_server.execute(statement, database=connection.database)
    assert [row[0] for row in rows] == [hit.key["id"] for hit in outcome.hits]
    # Only MySQL draws the condition.
    plan = world.search.plan(world.actor, outcome, outcome.sources[0].source)
    assert not plan.tree or ">=" in plan.tree
    # What is kept no more is worked out again, unless that takes the server's best score.
    (plain,) = world.search.statements(world.actor, every).values()
    monkeypatch.setattr(search, "_KEPT_SEARCHES", 1)
    world.run("apple")
    assert list(world.search.statements(world.actor, every).values()) == [plain]
    assert world.search.statements(world.actor, outcome) == {}


def test_chinese_is_found_and_marked_with_the_ngram_parser(
    world: SearchWorld, mysql_server: DatabaseServer
) -> None:
    world.add_database(mysql_server, "cjk", NOTES)
    outcome = world.run("全文検索")
    assert [hit.key["id"] for hit in outcome.hits] == [1]
    hit = outcome.hits[0]
    assert [hit.snippet[start:end] for start, end in hit.snippet_matches] == ["全文検索"]


def test_a_query_is_read_before_it_is_sent_without_asking_a_server(
    world: SearchWorld, tenant_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = "CREATE TABLE logs (id INT PRIMARY KEY, t TEXT) PARTITION BY HASH (id) PARTITIONS 2"
    old = "CREATE TABLE old (id INT PRIMARY KEY, t TEXT, FULLTEXT ft (t)) ENGINE=MyISAM"
    shop = world.add_database(tenant_server, "shop", [*one_index(5), old, parts])
    world.add_database(tenant_server, "other", one_index(5))
    tables = tuple(TableChoice(name, shop.id) for name in ("articles", "old", "logs"))
    request = SearchRequest("+the apple-river", SearchMode.BOOLEAN, (shop.id,), tables)
    assert world.search.read_query(world.actor, request).unread == ("shop",)
    world.connections.schema_(world.actor, shop.id)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a server was asked")

    monkeypatch.setattr(world.pools, "borrow", refuse)
    reading = world.search.read_query(world.actor, request)
    assert (reading.source_count, reading.unread) == (2, ())
    found = {finding.rule: [ref.table for ref in finding.sources] for finding in reading.findings}
    assert found == {
        "FT007": ["articles"],
        "FT012": [],
        "FT015": ["logs"],
        "FT017": ["old"],
    }
    assert [word.text for word in reading.words] == ["the", "apple", "river"]
    assert {answer.state for answer in reading.words[0].answers} == {
        WordState.STOP_WORD,
        WordState.TOO_SHORT,
    }
    long = SearchRequest(" ".join(f"+word{n}" for n in range(200)), SearchMode.BOOLEAN, (shop.id,))
    times = []
    for _ in range(5):
        began = time.perf_counter()
        world.search.read_query(world.actor, long)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.05


def test_synonyms_are_searched_too_and_told(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    rows = "(1, 'a red car'), (2, 'one motor vehicle'), (3, 'motor boats'), (4, 'the automobile')"
    world.add_database(
        tenant_server,
        "Cars",
        [
            "CREATE TABLE t (id INT PRIMARY KEY, body TEXT, FULLTEXT (body))",
            f"INSERT INTO t VALUES {rows}",
        ],
    )
    synonyms = (("car", "automobile", "motor vehicle"),)
    asked = world.run("+car", SearchMode.BOOLEAN, synonyms=synonyms)
    assert {hit.key["id"] for hit in asked.hits} == {1, 2, 4}
    (expansion,) = asked.expansions
    assert (expansion.term, expansion.added) == ("car", ("automobile", "motor vehicle"))
    (statement,) = world.search.statements(world.actor, asked).values()
    assert "automobile" in statement
    natural = world.run("car", synonyms=synonyms)
    assert {hit.key["id"] for hit in natural.hits} == {1, 2, 3, 4}
    assert natural.hits[0].matches
    meant = world.run("car", SearchMode.SEMANTIC, synonyms=synonyms)
    assert {hit.key["id"] for hit in meant.hits} >= {1, 2, 4}
    assert {hit.key["id"] for hit in world.run("car").hits} == {1}
