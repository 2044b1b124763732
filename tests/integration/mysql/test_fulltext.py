"""FULLTEXT statements on real servers: order, pages, previews, odd names, errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Target
from altus4_desktop.domain.errors import NotFoundError, TenantError, TenantFailure
from altus4_desktop.domain.schema import DatabaseSchema, TableInfo
from altus4_desktop.mysql.fulltext import (
    IndexRow,
    IndexSearch,
    read_row,
    run_index_search,
    statement_text,
)
from altus4_desktop.mysql.introspect import read_schema
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.session import TenantSession
from tests.servers import DatabaseServer

NASTY_NAMES = (
    "select",
    "a b",
    "a`b",
    "``",
    "a%b",
    "%s",
    "%(x)s",
    "%%",
    "a;drop table notes",
    "a/*b",
    "/*!1*/",
    "--",
    "a'b",
    'a"b',
    "a\\b",
    "..",
    "a/b",
    "INTO OUTFILE",
    "FOR UPDATE",
    ":=",
    "é",
    "日本語",
    "x" * 64,
    "a.b",
    "a\tb",
    "#a",
)


@dataclass
class Corpus:
    """A database with text, and a session on it."""

    session: TenantSession
    schema: DatabaseSchema
    server: DatabaseServer

    def table(self, name: str) -> TableInfo:
        found = self.schema.table(name)
        assert found is not None
        return found

    def search(self, name: str, query: str, **more: object) -> IndexSearch:
        """A search of the table's first index."""
        found = self.table(name)
        given: dict[str, object] = {
            "search_id": "b3b0c442-98fc-4c14-9afb-f4c8996fb924",
            "database": self.schema.database,
            "table": found,
            "index": found.fulltext_indexes[0],
            "query": query,
            "boolean": False,
            "limit": 20,
            **more,
        }
        return IndexSearch(**given)  # type: ignore[arg-type]  # by name

    def run(self, name: str, query: str, **more: object) -> list[IndexRow]:
        return run_index_search(self.session, self.search(name, query, **more))


@pytest.fixture(scope="module")
def place(tenant_server: DatabaseServer) -> Target:
    database = tenant_server.create_database("altus4_corpus")
    rows = ", ".join(
        f"({number}, 'title {number}', '{'flow ' * (number % 4 + 1)}of layer{number}',"
        f" {number}.5, '2024-01-01')"
        for number in range(1, 41)
    )
    tenant_server.execute(
        "CREATE TABLE papers (id INT PRIMARY KEY, title VARCHAR(200), body TEXT,"
        " price DECIMAL(65,30), day DATE, FULLTEXT ft_body (body), FULLTEXT ft_both (title, body))",
        f"INSERT INTO papers VALUES {rows}",
        "CREATE TABLE pairs (d DECIMAL(65,30), b VARBINARY(4), t VARCHAR(10), day DATE,"
        " body TEXT, PRIMARY KEY (d, b, t, day), FULLTEXT (body))",
        "INSERT INTO pairs VALUES (0.1, x'00ff', 'é', '2024-02-29', 'alpha beta'),"
        " (0.100000000000000000000000000001, x'00ff', 'é', '2024-02-29', 'alpha gamma')",
        "CREATE TABLE keyless (n INT, body TEXT, FULLTEXT (body))",
        "INSERT INTO keyless VALUES (2, 'delta two'), (1, 'delta one'), (1, 'delta one')",
        "CREATE TABLE big (id INT PRIMARY KEY, body LONGTEXT, raw LONGBLOB, doc JSON, note"
        " VARCHAR(8000), small TINYTEXT, FULLTEXT (body))",
        "INSERT INTO big VALUES (1, CONCAT('needle ', REPEAT('é', 100000)), REPEAT(x'00', 9000),"
        " '{\"a\": 1}', REPEAT('n', 5000), 'small'), (2, 'needle', NULL, NULL, NULL, NULL)",
        "CREATE TABLE old (id INT PRIMARY KEY, body TEXT, FULLTEXT (body)) ENGINE=MyISAM",
        "INSERT INTO old VALUES (1, 'ancient words'), (2, 'modern words'), (3, 'none of it')",
        database=database,
    )
    return tenant_server.target(database, tenant_server.create_search_account(database))


@pytest.fixture
def corpus(place: Target, tenant_server: DatabaseServer) -> Iterator[Corpus]:
    pools = TenantPools()
    with pools.borrow(place, CancelToken()) as session:
        yield Corpus(session, read_schema(session), tenant_server)
    pools.close()


def test_best_first_and_equals_in_key_order(corpus: Corpus) -> None:
    rows = corpus.run("papers", "flow", limit=40)
    assert len(rows) == 40
    order = [(-row.score, row.key["id"]) for row in rows]
    assert order == sorted(order)
    assert len({row.score for row in rows}) == 4
    assert rows[0].key == {"id": 3}
    assert list(rows[0].columns) == ["id", "title", "body", "price", "day"]
    assert rows[0].columns["price"] == "3.500000000000000000000000000000"
    assert rows[0].columns["day"] == "2024-01-01"


def test_the_order_is_the_servers_own(corpus: Corpus, place: Target) -> None:
    """The same as the plain statement anybody would type."""
    plain = corpus.server.execute(
        "SELECT id FROM papers WHERE MATCH (body) AGAINST ('flow layer7 layer9')"
        " ORDER BY MATCH (body) AGAINST ('flow layer7 layer9') DESC, id LIMIT 50",
        database=place.database,
    )
    rows = corpus.run("papers", "flow layer7 layer9", limit=50)
    assert [(row.key["id"],) for row in rows] == list(plain)


def test_pages_fit_together(corpus: Corpus) -> None:
    whole = corpus.run("papers", "flow", limit=40)
    pages = [
        row
        for start in range(0, 40, 7)
        for row in corpus.run("papers", "flow", limit=7, offset=start)
    ]
    assert [row.key for row in pages] == [row.key for row in whole]
    assert corpus.run("papers", "flow", offset=40) == []


def test_boolean_mode(corpus: Corpus) -> None:
    rows = corpus.run("papers", "+flow +layer7", boolean=True)
    assert [row.key["id"] for row in rows] == [7]
    assert corpus.run("papers", "+flow -flow", boolean=True) == []
    index = next(
        index for index in corpus.table("papers").fulltext_indexes if index.name == "ft_both"
    )
    rows = corpus.run("papers", '"title 12"', boolean=True, index=index)
    assert [row.key["id"] for row in rows] in ([12], [])


def test_large_cells_are_cut_and_their_length_told(corpus: Corpus) -> None:
    first, second = sorted(
        corpus.run("big", "needle", cell_limit=100), key=lambda row: str(row.key["id"])
    )
    assert first.columns["body"] == "needle " + "é" * 93
    assert first.columns["raw"] == bytes(100)
    assert first.columns["note"] == "n" * 100
    assert first.truncated == {"body": 100_007, "raw": 9_000, "note": 5_000}
    assert first.columns["doc"] == '{"a": 1}'
    assert first.columns["small"] == "small"
    assert second.columns["raw"] is None
    assert second.truncated == {}


def test_the_whole_row_on_demand(corpus: Corpus) -> None:
    row = read_row(corpus.session, corpus.schema.database, corpus.table("big"), {"id": 1})
    assert row["body"] == "needle " + "é" * 100_000
    assert row["raw"] == bytes(9_000)
    assert list(row) == ["id", "body", "raw", "doc", "note", "small"]


def test_keys_of_every_kind_find_their_row(corpus: Corpus) -> None:
    table = corpus.table("pairs")
    for word in ("beta", "gamma"):
        (found,) = corpus.run("pairs", word)
        assert set(found.key) == {"d", "b", "t", "day"}
        row = read_row(corpus.session, corpus.schema.database, table, found.key)
        assert row["body"] == f"alpha {word}"


def test_a_row_that_has_gone(corpus: Corpus) -> None:
    with pytest.raises(NotFoundError, match="no longer"):
        read_row(corpus.session, corpus.schema.database, corpus.table("big"), {"id": 99})
    with pytest.raises(NotFoundError, match="no key"):
        read_row(corpus.session, corpus.schema.database, corpus.table("keyless"), {})


def test_tables_without_a_key(corpus: Corpus) -> None:
    rows = corpus.run("keyless", "delta")
    assert [row.columns["body"] for row in rows] == ["delta one", "delta one", "delta two"]
    assert [row.key for row in rows] == [{}, {}, {}]


def test_tables_of_the_old_engine(corpus: Corpus) -> None:
    assert [row.key["id"] for row in corpus.run("old", "ancient")] == [1]


def test_the_statement_people_see_is_the_one_that_ran(corpus: Corpus, place: Target) -> None:
    search = corpus.search("papers", "o'clock \\ flow %s", boolean=False)
    text = statement_text(search)
    rows = corpus.server.execute("SET sql_mode = ''", text, database=place.database)
    ours = run_index_search(corpus.session, search)
    assert [row[0] for row in rows] == [row.key["id"] for row in ours] != []


def test_the_search_is_named_in_the_process_list(corpus: Corpus) -> None:
    corpus.run("papers", "flow")
    assert corpus.session.running is not None
    assert "altus4:b3b0c442-98fc-4c14-9afb-f4c8996fb924:" in corpus.session.running.tag


@pytest.mark.parametrize("text", ["", "c++", "foo@bar.com", "*", "(a b", '"unclosed', "+", "@"])
def test_boolean_texts_a_server_may_not_like(text: str, corpus: Corpus) -> None:
    refused: TenantError | None = None
    try:
        corpus.run("papers", text, boolean=True)
    except TenantError as error:
        refused = error
    if refused is not None:
        assert refused.failure is TenantFailure.QUERY
        assert refused.server_code == 1064
        assert "plain text" in refused.hint
    assert corpus.run("papers", "flow") != []


def test_what_the_server_says_when_the_table_was_changed(corpus: Corpus) -> None:
    table = corpus.table("papers")
    index = replace(table.fulltext_indexes[0], columns=("title",))
    with pytest.raises(TenantError) as caught:
        corpus.run("papers", "flow", index=index)
    assert caught.value.server_code == 1191
    assert "Refresh" in caught.value.hint or "refresh" in caught.value.hint
    gone = replace(table, name="gone")
    with pytest.raises(TenantError) as caught:
        corpus.run("papers", "flow", table=gone, index=table.fulltext_indexes[0])
    assert caught.value.server_code in (1142, 1146)


@pytest.fixture(scope="module")
def nasty(tenant_server: DatabaseServer) -> Target:
    """A table for each name, its column and its index called the same, in such a database."""
    database = "altus4 `%s`; --"
    escaped = database.replace("`", "``")
    tenant_server.execute(f"CREATE DATABASE `{escaped}`")
    statements = []
    for name in NASTY_NAMES:
        quoted = "`" + name.replace("`", "``") + "`"
        statements += [
            f"CREATE TABLE {quoted} (id INT PRIMARY KEY, {quoted} TEXT, FULLTEXT ({quoted}))",
            f"INSERT INTO {quoted} VALUES (1, 'needle in a haystack')",
        ]
    tenant_server.execute(*statements, database=database)
    account = tenant_server.create_account("SELECT, SHOW VIEW")
    tenant_server.execute(f"GRANT SELECT, SHOW VIEW ON `{escaped}`.* TO `{account.username}`@'%'")
    return tenant_server.target(database, account)


def test_nasty_names(nasty: Target, tenant_server: DatabaseServer) -> None:
    tenant_server.execute(
        "SET GLOBAL log_output = 'TABLE'",
        "TRUNCATE mysql.general_log",
        "SET GLOBAL general_log = ON",
    )
    pools = TenantPools()
    try:
        with pools.borrow(nasty, CancelToken()) as session:
            schema = read_schema(session)
            assert {table.name for table in schema.tables} == set(NASTY_NAMES)
            for table in schema.tables:
                (index,) = table.fulltext_indexes
                search = IndexSearch("id", schema.database, table, index, "needle", False, 5)
                (row,) = run_index_search(session, search)
                assert row.columns == {"id": 1, table.name: "needle in a haystack"}
                full = read_row(session, schema.database, table, row.key)
                assert full[table.name] == "needle in a haystack"
    finally:
        pools.close()
        tenant_server.execute("SET GLOBAL general_log = OFF")
    log = _statements(tenant_server, nasty.username)
    searches = [text for text in log if "MATCH" in text]
    assert len(searches) == len(NASTY_NAMES)
    for text in log:
        assert text.startswith(("/* altus4:", "SET ")), text


def _statements(server: DatabaseServer, username: str) -> list[str]:
    rows = server.execute(
        "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log"
        f" WHERE command_type = 'Query' AND user_host LIKE '{username}%'"
    )
    return [str(row[0]) for row in rows]
