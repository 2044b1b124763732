"""Index health and advice on real servers: few rights, many rights, statements that are run."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection, Flavour
from altus4_desktop.domain.index_health import (
    AdviceStep,
    DatabaseFacts,
    DocId,
    HealthReport,
    Severity,
)
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.mysql.index_health import read_health
from altus4_desktop.mysql.introspect import read_schema
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.search.words import has_cjk
from altus4_desktop.services.index_advice import build_server_advice, build_steps, read_use
from altus4_desktop.services.index_findings import find_all
from tests.servers import Account, DatabaseServer

ODD = "odd`t_%'\"; -- \\"
ODD_COLUMN = "body`%s '\"x"


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


@pytest.fixture
def database(tenant_server: DatabaseServer) -> Iterator[str]:
    name = f"od`d_%'\"{secrets.token_hex(3)}"
    tenant_server.execute(f"CREATE DATABASE {quoted(name)} CHARACTER SET utf8mb4")
    tenant_server.execute(
        "CREATE TABLE plain (id INT PRIMARY KEY, title VARCHAR(200), body TEXT,"
        " password_hash VARCHAR(255), status VARCHAR(255), data LONGTEXT)",
        "CREATE TABLE spare (id INT PRIMARY KEY, title VARCHAR(200), body TEXT,"
        " FULLTEXT a (title, body), FULLTEXT b (body, title) COMMENT 'it''s spare',"
        " FULLTEXT c (title), FULLTEXT d (body))",
        "CREATE TABLE singles (id INT PRIMARY KEY, title VARCHAR(200), body TEXT,"
        " FULLTEXT t (title), FULLTEXT b (body))",
        "CREATE TABLE far_east (id INT PRIMARY KEY, body TEXT, FULLTEXT f (body))",
        "INSERT INTO far_east VALUES (1, '全文検索の速度')",
        "CREATE TABLE mine (FTS_DOC_ID BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,"
        " body TEXT, FULLTEXT f (body))",
        "CREATE TABLE old (id INT PRIMARY KEY, body TEXT, FULLTEXT f (body)) ENGINE=MyISAM",
        "CREATE TABLE mixed (id INT PRIMARY KEY, note TEXT,"
        " comment_text TEXT CHARACTER SET latin1, summary TEXT CHARACTER SET latin1)",
        "CREATE TABLE parts (id INT PRIMARY KEY, body TEXT) PARTITION BY HASH (id) PARTITIONS 2",
        f"CREATE TABLE {quoted(ODD)} (id INT PRIMARY KEY, {quoted(ODD_COLUMN)} TEXT)",
        "CREATE VIEW seen AS SELECT title FROM plain",
        database=name,
    )
    yield name
    tenant_server.execute(f"DROP DATABASE {quoted(name)}")


def facts_of(server: DatabaseServer, database: str, account: Account) -> DatabaseFacts:
    pools = TenantPools()
    try:
        target = server.target(database, account)
        with pools.borrow(target, CancelToken()) as session:
            return read_health(session, read_schema(session), has_cjk)
    finally:
        pools.close()


def few(server: DatabaseServer, database: str) -> Account:
    account = server.create_account("SELECT")
    server.execute(f"GRANT SELECT ON {pattern(database)}.* TO {account.username}@'%'")
    return account


def many(server: DatabaseServer, database: str) -> Account:
    account = few(server, database)
    server.execute(f"GRANT PROCESS ON *.* TO {account.username}@'%'")
    return account


def pattern(database: str) -> str:
    return quoted(database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))


def codes(facts: DatabaseFacts, table: str) -> set[str]:
    return {finding.code for finding in HealthReport(facts, find_all(facts)).about(table)}


def test_an_account_with_few_rights_is_told_what_it_may_not_see(
    tenant_server: DatabaseServer, database: str
) -> None:
    facts = facts_of(tenant_server, database, few(tenant_server, database))
    assert [code for code, _ in facts.unseen] == ["health.unseen.sizes"]
    tables = {table.name: table for table in facts.tables}
    assert "seen" not in tables
    assert all(index.size_bytes is None for index in tables["spare"].indexes)
    assert tables["plain"].doc_id is DocId.UNKNOWN
    assert {finding.code for finding in find_all(facts) if finding.severity is Severity.UNSEEN} == {
        "health.unseen.sizes"
    }


def test_every_finding_about_the_tables(tenant_server: DatabaseServer, database: str) -> None:
    facts = facts_of(tenant_server, database, few(tenant_server, database))
    assert codes(facts, "plain") == {"health.no_index"}
    assert codes(facts, "spare") == {"health.reordered", "health.overlap"}
    assert codes(facts, "far_east") == {"health.parser"}
    assert codes(facts, "mine") == {"health.doc_id"}
    assert codes(facts, "old") == {"health.engine"}
    assert codes(facts, "mixed") == {"health.no_index", "health.collations"}
    mysql = tenant_server.flavour is Flavour.MYSQL
    assert codes(facts, "parts") == {"health.unsupported" if mysql else "health.no_index"}
    assert {"health.token_size", "health.stop_words", "health.word_length"} <= codes(facts, "")
    for finding in find_all(facts):
        assert finding.message.text


def test_an_account_with_many_rights_sees_the_size_of_indexes_and_changes_no_setting(
    tenant_server: DatabaseServer,
) -> None:
    database = tenant_server.create_database()
    aux_table = tenant_server.execute("SELECT @@GLOBAL.innodb_ft_aux_table")
    tenant_server.execute(
        "CREATE TABLE notes (id INT PRIMARY KEY AUTO_INCREMENT, body TEXT, FULLTEXT f (body))",
        "CREATE TABLE bare (id INT PRIMARY KEY, body TEXT)",
        "CREATE TABLE once (id INT PRIMARY KEY, body TEXT, FULLTEXT f (body))",
        "ALTER TABLE once DROP INDEX f",
        database=database,
    )
    facts = facts_of(tenant_server, database, many(tenant_server, database))
    assert [code for code, _ in facts.unseen] == ["health.unseen.aux_table"]
    tables = {table.name: table for table in facts.tables}
    assert (tables["notes"].indexes[0].size_bytes or 0) > 0
    assert (tables["notes"].deleted_bytes or 0) > 0
    assert tables["notes"].deleted_rows is None
    assert tables["bare"].doc_id is DocId.NONE
    assert tables["once"].doc_id is DocId.HIDDEN
    assert tenant_server.execute("SELECT @@GLOBAL.innodb_ft_aux_table") == aux_table
    tenant_server.drop_database(database)


def test_rows_are_counted_where_the_server_looks_at_the_table_already(
    private_server: Callable[..., DatabaseServer],
) -> None:
    server = private_server(Flavour.MYSQL)
    database = server.create_database()
    server.execute(
        "CREATE TABLE notes (id INT PRIMARY KEY AUTO_INCREMENT, body TEXT, FULLTEXT f (body))",
        "INSERT INTO notes (body) VALUES ('laminar flow'), ('turbulent wake'), ('boundary layer')",
        "DELETE FROM notes WHERE id < 3",
        f"SET GLOBAL innodb_ft_aux_table = '{database}/notes'",
        database=database,
    )
    account = many(server, database)
    facts = facts_of(server, database, account)
    assert facts.unseen == ()
    assert facts.tables[0].deleted_rows == 2
    assert facts.tables[0].pending_words is not None
    assert "health.deleted_rows" in codes(facts, "notes")


def shape(server: DatabaseServer, database: str) -> dict[str, list[str]]:
    found = {}
    for (name,) in server.execute("SHOW TABLES", database=database):
        rows = server.execute(f"SHOW CREATE TABLE {quoted(str(name))}", database=database)
        found[str(name)] = sorted(line.rstrip(",") for line in str(rows[0][1]).splitlines())
    return found


def connection_to(database: str) -> Connection:
    return Connection(
        id="c",
        user_id="u",
        name="shop",
        host="h",
        port=1,
        database=database,
        username="x",
        password_sealed="",
    )


def searched(
    query: str, tables: Sequence[str] = (), sources: Sequence[tuple[str, str, int]] = ()
) -> SearchRecord:
    return SearchRecord(
        id=secrets.token_hex(4),
        user_id="u",
        connection_id="c",
        query=query,
        mode=SearchMode.NATURAL,
        params={
            "connections": ["shop"],
            "tables": list(tables),
            "sources": [
                {"connection": "shop", "table": table, "index": index, "state": "ok", "hits": hits}
                for table, index, hits in sources
            ],
        },
        created_at=datetime.now(UTC),
    )


@pytest.mark.parametrize("rights", [few, many])
def test_the_statements_are_run_and_undone(
    tenant_server: DatabaseServer, database: str, rights: Callable[[DatabaseServer, str], Account]
) -> None:
    facts = facts_of(tenant_server, database, rights(tenant_server, database))
    use = read_use(
        facts,
        connection_to(database),
        [
            searched("the ui", ["plain"]),
            searched("wake", ["singles"], [("singles", "t", 0), ("singles", "b", 0)]),
            searched("io of ships", [], [("spare", "a", 3)]),
            searched("elsewhere", [], [("spare", "a", 3)]),
        ],
    )
    steps = build_steps(facts, use)
    by_table: dict[str, list[AdviceStep]] = {}
    for step in steps:
        by_table.setdefault(step.table, []).append(step)
    assert [(step.action, step.index) for step in by_table["spare"]] == [("drop", "b")]
    assert by_table["plain"][0].columns == ("title", "body")
    assert "1 search in" in by_table["plain"][0].why[0].text
    assert by_table["singles"][0].columns == ("title", "body")
    assert "asked these columns together" in by_table["singles"][0].why[0].text
    assert by_table["mixed"][0].columns == ("comment_text", "summary")
    assert by_table[ODD][0].columns == (ODD_COLUMN,)
    mysql = tenant_server.flavour is Flavour.MYSQL
    assert ("parts" in by_table) is not mysql
    assert [it.action for it in by_table.get("far_east", [])] == (
        ["drop", "create"] if mysql else []
    )
    # What was asked for comes before what was not.
    created = [step.table for step in steps if step.action == "create"]
    assert created[0] == "plain"

    before = shape(tenant_server, database)
    for step in steps:
        tenant_server.execute(step.statement)
    after = facts_of(tenant_server, database, rights(tenant_server, database))
    assert build_steps(after, use) == ()
    for step in reversed(steps):
        tenant_server.execute(step.undo)
    assert shape(tenant_server, database) == before

    server = {advice.variable: advice for advice in build_server_advice(facts, use)}
    sizes = server["innodb_ft_min_token_size"]
    assert (sizes.current, sizes.advised, sizes.dynamic, sizes.searches) == ("3", "2", False, 1)
    assert server["innodb_ft_enable_stopword"].searches == 1
    assert server["ft_min_word_len"].tables == ("old",)
    for advice in server.values():
        for statement in advice.rebuild:
            tenant_server.execute(statement)
    assert shape(tenant_server, database) == before


def test_the_settings_are_statements_that_the_server_takes(
    private_server: Callable[..., DatabaseServer],
) -> None:
    server = private_server(Flavour.MYSQL)
    database = server.create_database()
    server.execute(
        "CREATE TABLE notes (id INT PRIMARY KEY, body TEXT, FULLTEXT f (body))", database=database
    )
    facts = facts_of(server, database, few(server, database))
    use = read_use(facts, connection_to(database), [searched("the ui", [], [("notes", "f", 0)])])
    advised = build_server_advice(facts, use)
    assert [advice.variable for advice in advised] == [
        "innodb_ft_min_token_size",
        "innodb_ft_enable_stopword",
    ]
    for advice in advised:
        if advice.statement:
            server.execute(advice.statement)
    # A server of the tests starts without its files, and so without what was kept for the start.
    kept = server.execute(
        "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.persisted_variables"
    )
    assert kept == [("innodb_ft_min_token_size", "2")]
