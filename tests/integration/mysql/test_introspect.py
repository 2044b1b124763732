"""What is found in a database: keys, indexes, parsers, stop words, and in how many statements."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, Target
from altus4_desktop.domain.schema import DatabaseSchema
from altus4_desktop.mysql.introspect import read_parsers, read_schema
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.session import TenantSession
from tests.servers import DatabaseServer, ServerFactory, running_server

NASTY = "a`b %s %(x)s; -- '\"\\ é"
MOST_STATEMENTS = 9


@pytest.fixture(scope="module")
def target(tenant_server: DatabaseServer) -> Target:
    database = tenant_server.create_database("altus4_shapes")
    parser = " WITH PARSER ngram" if tenant_server.flavour is Flavour.MYSQL else ""
    nasty = NASTY.replace("`", "``")
    tenant_server.execute(
        "CREATE TABLE articles (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,"
        " code CHAR(8) NOT NULL UNIQUE, title VARCHAR(200) NOT NULL, body MEDIUMTEXT,"
        " price DECIMAL(65,30), FULLTEXT ft_order (body, title), FULLTEXT ft_title (title))",
        "CREATE TABLE links (a INT NOT NULL, b INT NOT NULL, note TEXT, PRIMARY KEY (b, a),"
        " FULLTEXT (note))",
        "CREATE TABLE by_code (wide INT NOT NULL, high INT NOT NULL, code VARCHAR(20) NOT NULL,"
        " maybe INT NULL, body TEXT NOT NULL, UNIQUE u_two (wide, high), UNIQUE u_maybe (maybe),"
        " UNIQUE u_code (code), UNIQUE u_part (body(10)), FULLTEXT ft (body))",
        "CREATE TABLE keyless (n INT, UNIQUE (n), body TEXT, FULLTEXT ft (body))",
        "CREATE TABLE plain (id INT PRIMARY KEY)",
        "CREATE TABLE old (id INT PRIMARY KEY, body TEXT, FULLTEXT ft (body)) ENGINE=MyISAM",
        f"CREATE TABLE `{nasty}` (`{nasty}` INT PRIMARY KEY, `x``y` TEXT,"
        f" FULLTEXT `{nasty}` (`x``y`){parser}"
        " COMMENT 'no WITH PARSER `x`')",
        "CREATE VIEW titles AS SELECT title FROM articles",
        "INSERT INTO articles (code, title, body) VALUES ('a', 'one', 'x'), ('b', 'two', 'y')",
        "ANALYZE TABLE articles",
        database=database,
    )
    return tenant_server.target(database, tenant_server.create_search_account(database))


def read(target: Target) -> DatabaseSchema:
    pools = TenantPools()
    try:
        with pools.borrow(target, CancelToken()) as session:
            return read_schema(session)
    finally:
        pools.close()


def test_keys(target: Target) -> None:
    schema = read(target)
    keys = {table.name: table.key for table in schema.tables}
    assert keys["articles"] == ("id",)
    assert keys["links"] == ("b", "a")
    assert keys["by_code"] == ("code",)
    assert keys["keyless"] == ()
    assert keys["titles"] == ()


def test_indexes_and_columns(target: Target) -> None:
    schema = read(target)
    articles = schema.table("articles")
    assert articles is not None
    indexes = {index.name: index.columns for index in articles.fulltext_indexes}
    assert indexes == {"ft_order": ("body", "title"), "ft_title": ("title",)}
    assert [column.name for column in articles.columns] == ["id", "code", "title", "body", "price"]
    price = articles.columns[-1]
    assert (price.type, price.data_type, price.nullable) == ("decimal(65,30)", "decimal", True)
    assert articles.columns[1].nullable is False
    assert articles.estimated_rows == 2
    assert articles.engine == "InnoDB"
    assert articles.collation.startswith("utf8mb4_")
    if schema.flavour is Flavour.MYSQL:
        assert articles.fulltext_indexes[0].cardinality == 2
    plain, titles = schema.table("plain"), schema.table("titles")
    assert plain is not None
    assert titles is not None
    assert plain.fulltext_indexes == titles.fulltext_indexes == ()
    assert titles.estimated_rows is None


def test_last_analysed_where_it_may_be_read(target: Target, tenant_server: DatabaseServer) -> None:
    ours = read(target).table("articles")
    assert ours is not None
    assert ours.last_analyzed_at is None
    root = replace(target, username="root", password_secret=tenant_server.root_password)
    theirs = read(root).table("articles")
    assert theirs is not None
    assert theirs.last_analyzed_at is not None
    assert abs(datetime.now(UTC) - theirs.last_analyzed_at) < timedelta(minutes=10)


def test_parsers(target: Target) -> None:
    pools = TenantPools()
    try:
        with pools.borrow(target, CancelToken()) as session:
            schema = read_schema(session)
            found = {table.name: dict(read_parsers(session, table)) for table in schema.tables}
    finally:
        pools.close()
    assert found["articles"] == {"ft_order": "", "ft_title": ""}
    assert found["plain"] == {}
    (nasty,) = [name for name in found if "`" in name]
    expected = "ngram" if schema.flavour is Flavour.MYSQL else ""
    assert found[nasty] == {nasty: expected}
    articles = schema.table("articles")
    assert articles is not None
    # MariaDB has no other parser at all, which is known without asking for every table.
    known = "" if schema.flavour is Flavour.MARIADB else None
    assert articles.fulltext_indexes[0].parser == known


def test_the_words_a_server_does_not_index(target: Target) -> None:
    settings = read(target).fulltext
    assert settings.innodb_min_token_size == 3
    assert {"the", "und", "www"} <= settings.innodb_stopwords
    assert len(settings.innodb_stopwords) > 30


@pytest.mark.parametrize("flavour", [Flavour.MARIADB], ids=str)
def test_a_server_with_its_own_words(flavour: Flavour, server_factory: ServerFactory) -> None:
    options = ("--innodb-ft-min-token-size=1", "--ft-min-word-len=2")
    with running_server(server_factory, flavour, options) as server:
        database = server.create_database()
        account = server.create_search_account(database)
        server.execute(
            "CREATE TABLE words (value VARCHAR(20)) ENGINE=InnoDB",
            "INSERT INTO words VALUES ('flow'), ('Layer')",
            f"SET GLOBAL innodb_ft_server_stopword_table = '{database}/words'",
            database=database,
        )
        own = read(server.target(database, account)).fulltext
        server.execute("SET GLOBAL innodb_ft_enable_stopword = OFF")
        none = read(server.target(database, account)).fulltext
        server.execute("SET GLOBAL innodb_ft_enable_stopword = ON", f"DROP TABLE {database}.words")
        unreadable = read(server.target(database, account)).fulltext
    assert own.innodb_stopwords == {"flow", "layer"}
    assert (own.innodb_min_token_size, own.myisam_min_word_len) == (1, 2)
    assert none.innodb_stopwords == frozenset()
    assert unreadable.innodb_stopwords == frozenset()


def test_a_handful_of_statements(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as for a database with one table."""
    statements: list[str] = []
    query = TenantSession.query

    def count(self: TenantSession, sql: str, *args: object, **named: object) -> object:
        statements.append(sql)
        return query(self, sql, *args, **named)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(TenantSession, "query", count)
    assert len(read(target).tables) == 8
    assert 0 < len(statements) <= MOST_STATEMENTS


def test_a_database_that_is_not_there_any_more(target: Target) -> None:
    elsewhere = replace(target, database="information_schema")
    schema = read(elsewhere)
    assert schema.database == "information_schema"
    assert all(not table.fulltext_indexes for table in schema.tables)
