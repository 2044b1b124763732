"""What a tenant session is like on real servers: read-only, limited, exact, cancellable."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import Cancelled, TenantError, TenantFailure
from altus4_desktop.driver.connect import open_connection
from altus4_desktop.mysql import session as session_module
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.session import TenantSession, setup_statements
from tests.integration.mysql.conftest import SLOW, Borrow, Library
from tests.servers import Account
from tests.waiting import wait_until

ODD_PASSWORDS = (
    "",
    " ",
    " leading and trailing ",
    "pässwörd",
    "密码",
    "🔑🔑",
    "a'b\"c`d",
    "back\\slash",
    "#comment",
    "-- dashes",
    "%s%d%(x)s",
    "semi;colon",
    "tab\tnew\nline",
    "@host:3306/db?x=y",
    "é",
    "e\u0301",
    "x" * 200,
    "\u202eright to left",
)


def variable(session: TenantSession, name: str) -> object:
    return session.query(f"SELECT @@session.{name}")[0][0]


def test_the_session_is_set_up(borrow: Borrow) -> None:
    with borrow(query_timeout_s=7.5) as session:
        maria = session.flavour is Flavour.MARIADB
        assert variable(session, "tx_read_only" if maria else "transaction_read_only") == 1
        assert variable(session, "time_zone") == "+00:00"
        assert variable(session, "sql_mode") == "NO_ENGINE_SUBSTITUTION"
        assert variable(session, "autocommit") == 1
        if maria:
            assert variable(session, "max_statement_time") == 7.5
        else:
            assert variable(session, "max_execution_time") == 7500


def test_only_the_flavours_own_limit_is_sent(library: Library) -> None:
    statements = " ".join(setup_statements(library.server.flavour, library.target()))
    wrong = "max_execution" if library.server.flavour is Flavour.MARIADB else "max_statement"
    assert wrong not in statements


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE notes SET title = ''",
        "DELETE FROM notes",
        "SET SESSION TRANSACTION READ WRITE",
        "/* SELECT */ DROP TABLE notes",
        "WITH x AS (SELECT 1) DELETE FROM notes",
        "SELECT 1 /*!50000 INTO @x */",
        "SELECT 1 /*M! INTO @x */",
        "CALL something()",
        "SELECT @leak := 1",
        "SELECT GET_LOCK('leak', 1)",
        "SELECT title INTO OUTFILE '/tmp/notes' FROM notes",
        "SELECT LOAD_FILE('/etc/hostname')",
        "SELECT * FROM notes FOR  UPDATE",
        "SELECT * FROM notes LOCK IN SHARE MODE",
        "SELECT SLEEP(100)",
        "",
    ],
)
def test_a_change_never_reaches_the_wire(
    statement: str, borrow: Borrow, monkeypatch: pytest.MonkeyPatch
) -> None:
    with borrow() as session:
        monkeypatch.setattr(session.connection, "query", lambda sql: pytest.fail(f"sent {sql}"))
        with pytest.raises(TenantError) as caught:
            session.query(statement)
        monkeypatch.undo()
    assert caught.value.failure is TenantFailure.DENIED


def test_words_in_names_and_texts_are_no_statements(borrow: Borrow) -> None:
    with borrow() as session:
        rows = session.query("SELECT 'FOR UPDATE' AS `into``:=`, %s", ("/*! x */ INTO OUTFILE",))
    assert rows == [("FOR UPDATE", "/*! x */ INTO OUTFILE")]
    assert session.columns[0] == "into`:="


def test_the_server_refuses_changes_of_a_privileged_account(
    library: Library, pools: TenantPools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without our own check, and with an account that may do anything."""
    monkeypatch.setattr(session_module, "_check_reading", lambda sql, target: None)
    target = replace(
        library.target("root"), username="root", password_secret=library.server.root_password
    )
    before = library.server.execute("CHECKSUM TABLE notes", database=library.database)
    for statement in (
        "SELECT * FROM notes FOR UPDATE",
        "UPDATE notes SET title = ''",
        "DELETE FROM notes",
        "INSERT INTO notes VALUES (9, '', '')",
        "CREATE TABLE more (n INT)",
        "DROP TABLE notes",
        "TRUNCATE notes",
        "ALTER TABLE notes ADD x INT",
    ):
        with (
            pools.borrow(target, CancelToken()) as session,
            pytest.raises(TenantError) as caught,
        ):
            session.query(statement)
        assert caught.value.failure is TenantFailure.DENIED, statement
        assert caught.value.server_code == 1792, statement
    assert library.server.execute("CHECKSUM TABLE notes", database=library.database) == before


def test_values_are_what_the_server_wrote(library: Library, borrow: Borrow) -> None:
    library.server.execute(
        "DROP TABLE IF EXISTS kinds",
        "SET sql_mode = ''",
        "CREATE TABLE kinds (i BIGINT UNSIGNED, d DECIMAL(65,30), f DOUBLE, da DATE,"
        " dt DATETIME(6), ts TIMESTAMP NULL, ti TIME, y YEAR, j JSON, b VARBINARY(10), bi BIT(9),"
        " t TEXT, l VARCHAR(20) CHARACTER SET latin1, e ENUM('one', 'two'), n INT)",
        "SET time_zone = '+02:00'",
        "INSERT INTO kinds VALUES (18446744073709551615, '0.100000000000000000000000000001', 1.5,"
        " '0000-00-00', '2024-02-29 23:59:59.000001', '2024-06-01 12:00:00', '-838:59:59', 2024,"
        " '{\"a\": 1}', x'00ff', b'100000001', 'a\\0b', x'e9', 'two', NULL)",
        database=library.database,
    )
    with borrow() as session:
        (row,) = session.query("SELECT * FROM kinds")
        assert " ".join(session.columns) == "i d f da dt ts ti y j b bi t l e n"
    assert row == (
        18446744073709551615,
        "0.100000000000000000000000000001",
        1.5,
        "0000-00-00",
        "2024-02-29 23:59:59.000001",
        "2024-06-01 10:00:00",
        "-838:59:59",
        "2024",
        '{"a": 1}',
        b"\x00\xff",
        257,
        "a\0b",
        "é",
        "two",
        None,
    )
    assert [type(value) for value in row[:3]] == [int, str, float]


def test_hostile_cells(library: Library, borrow: Borrow) -> None:
    library.server.execute(
        "SET GLOBAL max_allowed_packet = 67108864",
        database=library.database,
    )
    with borrow() as session:
        ((text,),) = session.query("SELECT CONVERT(x'e228a1' USING latin1)")
        assert len(text) == 3
        ((raw,),) = session.query("SELECT x'e228a1'")
        assert raw == b"\xe2\x28\xa1"
        ((nul,),) = session.query("SELECT %s", ("<b>\0\u202e😀</b>",))
        assert nul == "<b>\0\u202e😀</b>"
        ((big,),) = session.query("SELECT REPEAT('x', 16777216 - 1)")
        assert len(big) == 16_777_215
        ((longer, after),) = session.query("SELECT REPEAT('é', 10000000), 'after'")
        assert (len(longer), after) == (10_000_000, "after")
        wide = ", ".join(f"{number} AS c{number}" for number in range(4096))
        (row,) = session.query(f"SELECT {wide}")
        assert row == tuple(range(4096))


@pytest.mark.parametrize("number", range(len(ODD_PASSWORDS)), ids=ascii)
def test_odd_passwords_sign_in(number: int, library: Library) -> None:
    password = ODD_PASSWORDS[number]
    account = Account(f"odd_{number}", password)
    # A doubled quote and no backslash escapes: exactly this text, whatever is in it.
    quoted = password.replace("'", "''")
    library.server.execute(
        "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'",
        f"CREATE USER IF NOT EXISTS '{account.username}'@'%' IDENTIFIED BY '{quoted}'",
    )
    target = replace(library.server.target("", account), database="")
    for _ in range(2):
        open_connection(target).close()
    with pytest.raises(TenantError) as caught:
        open_connection(replace(target, password_secret=f"{password}!"))
    assert caught.value.failure is TenantFailure.CREDENTIALS
    assert caught.value.server_code == 1045


def test_the_statement_limit_of_the_connection(borrow: Borrow) -> None:
    with borrow(query_timeout_s=1.0) as session:
        began = time.monotonic()
        with pytest.raises(TenantError) as caught:
            session.query(SLOW)
        elapsed_s = time.monotonic() - began
        assert session.query("SELECT 1") == [(1,)]
    assert caught.value.failure is TenantFailure.TIMEOUT
    assert caught.value.server_code in (1969, 3024)
    assert 0.5 < elapsed_s < 1.8


def test_a_shorter_limit_for_one_statement(borrow: Borrow) -> None:
    with borrow() as session:
        began = time.monotonic()
        with pytest.raises(TenantError) as caught:
            session.query(SLOW, timeout_s=0.3)
        elapsed_s = time.monotonic() - began
        assert session.query("SELECT COUNT(*) FROM numbers", timeout_s=5.0) == [(100,)]
    assert caught.value.server_code in (1969, 3024)
    assert 0.1 < elapsed_s < 1.1


def test_a_server_that_forgets_its_limit_is_stopped_from_outside(
    library: Library, borrow: Borrow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is taken out of the statement, as if the server did not know it."""
    monkeypatch.setattr(TenantSession, "_limited", lambda self, sql, limit_s: sql)
    with borrow() as session, pytest.raises(TenantError) as caught:
        session.query(SLOW, timeout_s=0.3, tag="forgetful")
    assert caught.value.failure is TenantFailure.TIMEOUT
    assert library.running("altus4:forgetful") == []


def test_cancel_ends_the_statement_and_keeps_the_connection(
    library: Library, borrow: Borrow
) -> None:
    token = CancelToken()
    ids = []
    for round_number in range(5):
        token = CancelToken()
        tag = f"cancel-{round_number}"
        with ThreadPoolExecutor(1) as executor:

            def search(token: CancelToken = token, tag: str = tag) -> None:
                with borrow(token) as session:
                    ids.append(session.connection.thread_id())
                    session.query(SLOW, tag=tag)

            work = executor.submit(search)
            wait_until(partial(library.running, tag), timeout_s=10, what="the statement")
            began = time.monotonic()
            token.cancel()
            with pytest.raises(Cancelled):
                work.result(timeout=5)
            assert time.monotonic() - began < 1.0
            assert library.running(f"altus4:{tag}") == []
    assert len(set(ids)) == 1, "a cancelled connection was thrown away"


def test_cancel_at_any_moment_hits_no_other_statement(library: Library, borrow: Borrow) -> None:
    """Cancels race with statements that end by themselves; the next one must never suffer."""
    statement = "SELECT COUNT(*) FROM numbers a, numbers b, numbers c"
    cancelled = 0
    for round_number in range(40):
        token = CancelToken()
        timer = threading.Timer(0.001 * (round_number % 20), token.cancel)
        timer.start()
        try:
            with borrow(token) as session:
                session.query(statement)
        except Cancelled:
            cancelled += 1
        timer.join()
        with borrow() as session:
            assert session.query("SELECT COUNT(*) FROM numbers") == [(100,)]
    assert 0 < cancelled <= 40


def test_a_cancelled_token_sends_nothing(borrow: Borrow) -> None:
    token = CancelToken()
    with borrow(token) as session:
        token.cancel()
        with pytest.raises(Cancelled):
            session.query("SELECT 1")
        assert not session.broken


def test_without_the_right_to_connect_again_cancel_cuts_the_line(
    library: Library, pools: TenantPools
) -> None:
    account = library.server.create_search_account(library.database)
    library.server.execute(f"ALTER USER `{account.username}`@'%' WITH MAX_USER_CONNECTIONS 1")
    target = library.server.target(library.database, account)
    token = CancelToken()
    with ThreadPoolExecutor(1) as executor:

        def search() -> None:
            with pools.borrow(target, token) as session:
                session.query(SLOW, tag="lonely")

        work = executor.submit(search)
        ids = wait_until(lambda: library.running("altus4:lonely"), timeout_s=10, what="it")
        began = time.monotonic()
        token.cancel()
        with pytest.raises(Cancelled):
            work.result(timeout=5)
        assert time.monotonic() - began < 2.0
    for number in ids:
        library.server.execute(f"KILL {number}")


def test_sessions_leak_no_state(library: Library, pools: TenantPools) -> None:
    """What a session could still set for itself does not outlive the statement that did it."""
    target = library.target(size=1)
    for _ in range(3):
        with pools.borrow(target, CancelToken()) as session:
            assert session.query("SELECT @leak") == [(None,)]
            with pytest.raises(TenantError):
                session.query("SET @leak = 1")
            with pytest.raises(TenantError):
                session.query("SET SESSION sql_mode = 'ANSI'")
            assert session.query("SELECT @@sql_mode") == [("NO_ENGINE_SUBSTITUTION",)]
