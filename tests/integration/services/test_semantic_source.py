"""Candidates and term statistics on real servers: what is asked, remembered and said."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import TenantError
from altus4_desktop.domain.schema import TableInfo
from altus4_desktop.domain.searching import TableChoice
from altus4_desktop.mysql.introspect import read_parsers, read_schema
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.session import TenantSession
from altus4_desktop.search.plan import plan_search
from altus4_desktop.search.ranking.question import Question, read_question
from altus4_desktop.search.ranking.ranker import Ranker
from altus4_desktop.search.ranking.records import Degraded, Lack, SourceCandidates
from altus4_desktop.search.stemming import get_stemmer
from altus4_desktop.search.terms import index_rules
from altus4_desktop.services import semantic_source, table_samples, term_statistics
from altus4_desktop.services.semantic_source import ask_source
from altus4_desktop.services.term_statistics import TermStatisticsCache
from tests.servers import DatabaseServer


@dataclass
class Tenant:
    """A database of a real server and a session on it that notes what it is asked."""

    server: DatabaseServer
    database: str
    session: TenantSession
    cache: TermStatisticsCache = field(default_factory=TermStatisticsCache)
    sent: list[str] = field(default_factory=list)

    def fill(self, *statements: str) -> None:
        self.server.execute(*statements, database=self.database)

    def table(self, name: str = "notes") -> TableInfo:
        table = read_schema(self.session).table(name)
        assert table is not None
        return table

    def ask(
        self, text: str, name: str = "notes", *, parser: str = "", left_s: float = 20.0
    ) -> SourceCandidates[Any]:
        schema = read_schema(self.session)
        planned = plan_search(schema, [TableChoice(name)]).sources[0]
        self.sent.clear()
        return ask_source(
            self.session,
            planned,
            index_rules(planned.table, schema.fulltext, schema.flavour, parser),
            english(text),
            self.cache,
            table_id=(name,),
            deadline=time.monotonic() + left_s,
            search_id="test",
        )

    def found(self, text: str, name: str = "notes", *, parser: str = "") -> list[object]:
        answer = self.ask(text, name, parser=parser)
        ranking = Ranker[Any](english(text), None).rank([answer])
        return [row.candidate.key[0] for row in ranking.rows]


def english(text: str) -> Question:
    return read_question(text, get_stemmer("en").stem, "en")


@pytest.fixture
def tenant(tenant_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    database = tenant_server.create_database()
    target = tenant_server.target(database, tenant_server.create_search_account(database))
    pools = TenantPools()
    with contextlib.closing(pools), pools.borrow(target, CancelToken()) as session:
        tenant = Tenant(tenant_server, database, session)
        query = session.query

        def noting(sql: str, *args: Any, **options: Any) -> list[tuple[Any, ...]]:
            tenant.sent.append(sql)
            return query(sql, *args, **options)

        monkeypatch.setattr(session, "query", noting)
        yield tenant
    tenant_server.drop_database(database)


def create(engine: str = "InnoDB", parser: str = "") -> str:
    return (
        "CREATE TABLE notes (id INT PRIMARY KEY, title VARCHAR(100), body MEDIUMTEXT,"
        f" picture BLOB, FULLTEXT ft (title, body){parser}) ENGINE={engine}"
    )


ROWS = (
    "INSERT INTO notes (id, title, body) VALUES"
    " (1, 'Boundary layers', 'The flow over a flat plate'),"
    " (2, 'Heat', 'Transfer of heat in flowing air'), (3, 'Wings', 'Lift and drag'),"
    " (4, 'Wing tips', 'Drag of a wing'), (5, NULL, NULL)"
)


@pytest.mark.parametrize("engine", ["InnoDB", "MyISAM", "Aria"])
def test_every_engine_finds_forms_of_a_word(tenant: Tenant, engine: str) -> None:
    if engine == "Aria" and tenant.server.flavour != "mariadb":
        pytest.skip("MySQL has no Aria")
    tenant.fill(create(engine), ROWS)
    assert set(tenant.found("layering flows")) == {1, 2}
    assert tenant.found("winged drags")[0] == 4


def test_a_small_table_is_known_exactly(tenant: Tenant) -> None:
    tenant.fill(create(), ROWS)
    answer = tenant.ask("drag of wings")
    statistics = answer.statistics
    assert (statistics.rows, statistics.sample_rows, statistics.estimated) == (5, 5, False)
    assert statistics.sampled["drag"] == statistics.sampled["wing"] == 2
    assert answer.degraded == ()


def test_what_is_known_is_not_asked_again_until_cleared(tenant: Tenant) -> None:
    tenant.fill(create(), ROWS)
    tenant.ask("wing")
    tenant.ask("flow")
    assert len(tenant.sent) == 1
    tenant.cache.clear("somebody else")
    tenant.ask("flow")
    assert len(tenant.sent) == 1
    tenant.cache.clear()
    tenant.ask("flow")
    assert len(tenant.sent) > 1


def test_a_table_that_has_grown_is_read_again(tenant: Tenant) -> None:
    tenant.fill(create(), ROWS)
    assert tenant.ask("wing").statistics.rows == 5
    more = ", ".join(f"({at}, 'Wing', 'wing')" for at in range(10, 110))
    tenant.fill(f"INSERT INTO notes (id, title, body) VALUES {more}", "ANALYZE TABLE notes")
    assert tenant.ask("wing").statistics.rows == 105


def test_old_statistics_are_forgotten(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant.fill(create(), ROWS)
    tenant.ask("wing")
    monkeypatch.setattr(term_statistics, "MAX_AGE_S", -1.0)
    tenant.ask("wing")
    assert len(tenant.sent) > 1


def test_a_large_table_is_sampled_and_rare_words_are_counted(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_samples, "SAMPLE_ROWS", 80)
    values = ", ".join(
        f"({at}, '{'common' if at % 2 else 'other'}', '{'rare' if at == 7 else 'plain'} text')"
        for at in range(1000)
    )
    tenant.fill(create(), f"INSERT INTO notes (id, title, body) VALUES {values}")
    answer = tenant.ask("common rare")
    statistics = answer.statistics
    assert statistics.counted == {"rare": 1}
    assert statistics.sample_rows == 80
    share = statistics.sampled["common"] * statistics.rows / statistics.sample_rows
    assert share == pytest.approx(500, rel=0.2)
    assert Degraded(Lack.STATISTICS_ESTIMATED) in answer.degraded
    assert Degraded(Lack.CANDIDATES_CUT) in answer.degraded
    assert tenant.found("common rare")[0] == 7


@pytest.mark.parametrize(
    "numbers",
    [
        [*range(1000), 10**15],
        [-(10**15), *range(1000)],
        [*range(500), *range(10**12, 10**12 + 500)],
        [*range(0, 10_000, 10)],
    ],
    ids=["one huge", "one least", "two heaps", "even"],
)
def test_a_sample_of_skewed_keys_is_full_and_from_both_ends(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, numbers: list[int]
) -> None:
    monkeypatch.setattr(table_samples, "SAMPLE_ROWS", 160)
    values = ", ".join(
        f"({number}, '{'first' if at < 500 else 'last'}')" for at, number in enumerate(numbers)
    )
    tenant.fill(
        "CREATE TABLE notes (id BIGINT PRIMARY KEY, title VARCHAR(100), FULLTEXT ft (title))",
        f"INSERT INTO notes VALUES {values}",
    )
    statistics = tenant.ask("first last").statistics
    assert 150 <= statistics.sample_rows <= 168
    assert min(statistics.sampled["first"], statistics.sampled["last"]) > 40


def test_a_table_without_key_is_ranked(tenant: Tenant) -> None:
    tenant.fill(
        "CREATE TABLE notes (title TEXT, FULLTEXT ft (title))",
        "INSERT INTO notes VALUES ('wings'), ('wings'), ('heat')",
    )
    assert len(tenant.ask("wing").candidates) == 2


def test_an_empty_table_has_nothing(tenant: Tenant) -> None:
    tenant.fill(create())
    assert tenant.found("wing") == []


def test_a_question_without_words_asks_for_no_rows(tenant: Tenant) -> None:
    tenant.fill(create(), ROWS)
    assert tenant.found("… ?!") == []


@pytest.mark.parametrize("text", ['"unclosed', "+a -b* (c", "foo@bar.com", "c++ * %s %", "a" * 500])
def test_no_question_is_refused(tenant: Tenant, text: str) -> None:
    tenant.fill(create(), ROWS)
    tenant.ask(text)


def test_ngrams_are_found(tenant: Tenant) -> None:
    if tenant.server.flavour != "mysql":
        pytest.skip("MariaDB has no ngram parser")
    tenant.fill(
        create(parser=" WITH PARSER ngram"),
        "INSERT INTO notes (id, title, body) VALUES (1, '全文检索', ''), (2, '数据库', '')",
    )
    parser = read_parsers(tenant.session, tenant.table())["ft"]
    assert tenant.found("检索", parser=parser) == [1]


def test_huge_cells_are_never_fetched_whole(tenant: Tenant) -> None:
    tenant.fill(
        create(),
        "INSERT INTO notes (id, title, body) VALUES (1, 'wing', REPEAT('wing and drag ', 500000))",
    )
    answer = tenant.ask("wing")
    assert len(str(answer.candidates[0].row.columns["body"])) <= 4096
    assert answer.candidates[0].length < 2000


def test_wide_rows_are_cut_to_what_memory_allows(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(semantic_source, "_MOST_CHARS", 1)
    tenant.fill(
        create(), "INSERT INTO notes (id, title, body) VALUES (1, 'wing', REPEAT('drag ', 500))"
    )
    row = tenant.ask("wing").candidates[0].row
    assert (len(row.columns["body"]), row.truncated) == (256, {"body": 2500})


def test_bytes_and_tags_are_text_like_any_other(tenant: Tenant) -> None:
    tenant.fill(
        create(),
        "INSERT INTO notes (id, title, body, picture) VALUES"
        " (1, '<b>wing</b>', CONCAT('drag', CHAR(0), 'lift'), x'ff00fe')",
    )
    assert tenant.found("wing lift") == [1]


def test_what_there_was_no_time_for_is_not_remembered(tenant: Tenant) -> None:
    tenant.fill(create(), ROWS)
    with contextlib.suppress(TenantError):
        tenant.ask("wing", left_s=-1.0)
    answer = tenant.ask("wing")
    assert answer.statistics.sample_rows == 5
    assert len(answer.candidates) == 2


def test_a_table_that_is_too_slow_to_sample_is_left_alone_for_a_while(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from altus4_desktop.domain.errors import TenantFailure
    from altus4_desktop.mysql import candidates

    sampled = []

    def slow(*args: Any, **options: Any) -> Any:
        sampled.append(options["timeout_s"])
        raise TenantError(TenantFailure.TIMEOUT, "late")

    monkeypatch.setattr(candidates, "read_sample", slow)
    tenant.fill(create(), ROWS)
    for word in ("wing", "heat"):
        answer = tenant.ask(word)
        assert answer.candidates
        assert Degraded(Lack.STATISTICS_ESTIMATED) in answer.degraded
    assert len(sampled) == 1
    monkeypatch.setattr(term_statistics, "RETRY_S", -1.0)
    tenant.ask("wing")
    assert len(sampled) == 2


def test_a_word_that_is_too_slow_to_count_is_left_alone_and_the_next_one_counted(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from altus4_desktop.domain.errors import TenantFailure
    from altus4_desktop.mysql import candidates

    monkeypatch.setattr(table_samples, "SAMPLE_ROWS", 80)
    values = ", ".join(f"({at}, 'common', 'plain text')" for at in range(1000))
    rare = "(1001, 'zebra', 'rare'), (1002, 'giraffe', 'rare')"
    tenant.fill(create(), f"INSERT INTO notes (id, title, body) VALUES {values}, {rare}")
    count, asked = candidates.count_matches, []

    def slow(session: Any, table: Any, index: Any, text: str, **options: Any) -> int:
        asked.append(text)
        if text.startswith("zebra"):
            raise TenantError(TenantFailure.TIMEOUT, "late")
        return count(session, table, index, text, **options)

    monkeypatch.setattr(candidates, "count_matches", slow)
    for _ in range(3):
        tenant.ask("zebra giraffe")
    assert sorted(asked) == ["giraff*", "zebra*"]


def test_eight_threads_share_what_is_known(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_samples, "SAMPLE_ROWS", 80)
    monkeypatch.setattr(term_statistics, "MOST_COUNTED", 3)
    words = [f"{letter}andok" for letter in "bcdfghklmnpr"]
    values = ", ".join(
        f"({at}, '{words[at % 12] if at < 24 else 'common'}', 'text')" for at in range(1000)
    )
    tenant.fill(create(), f"INSERT INTO notes (id, title, body) VALUES {values}")
    table, schema = tenant.table(), read_schema(tenant.session)
    planned = plan_search(schema, [TableChoice("notes")]).sources[0]
    rules = index_rules(planned.table, schema.fulltext, schema.flavour, "")
    pools = TenantPools()
    target = tenant.session.target

    def search(number: int) -> list[dict[str, float]]:
        told = []
        with pools.borrow(target, CancelToken()) as session:
            for turn in range(12):
                if number == 0:
                    tenant.cache.clear()
                asked = [words[(number + turn) % 12], words[(number * 5 + turn) % 12]]
                statistics = tenant.cache.read(
                    session,
                    table,
                    planned.index,
                    rules,
                    english(" ".join(asked)),
                    deadline=time.monotonic() + 20,
                    tag="test",
                )
                assert statistics.rows == 1000
                told.append(dict(statistics.counted))
        return told

    with contextlib.closing(pools), ThreadPoolExecutor(8) as threads:
        answers = [told for each in threads.map(search, range(8)) for told in each]
    # Some words fell out of the three that are kept; what was told is never another word's.
    assert any(answers)
    assert {count for told in answers for count in told.values()} == {2.0}


def test_a_first_try_that_is_too_slow_leaves_fewer_candidates(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from altus4_desktop.domain.errors import TenantFailure
    from altus4_desktop.mysql import fulltext

    tenant.fill(create(), ROWS)
    run, asked = fulltext.run_index_search, []

    def slow(session: TenantSession, search: Any, **options: Any) -> Any:
        asked.append(search.limit)
        if len(asked) == 1:
            raise TenantError(TenantFailure.TIMEOUT, "late")
        return run(session, search, **options)

    monkeypatch.setattr(fulltext, "run_index_search", slow)
    answer = tenant.ask("wing")
    assert asked == [250, 25]
    assert answer.degraded == (Degraded(Lack.TIME_SHORT),)
    assert len(answer.candidates) == 2


def test_memory_of_many_tables_is_bounded(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term_statistics, "MOST_TABLES", 1)
    tenant.fill(create(), ROWS, "CREATE TABLE others LIKE notes", ROWS.replace("notes", "others"))
    tenant.ask("wing")
    tenant.ask("wing", "others")
    tenant.ask("wing")
    assert len(tenant.sent) > 1
