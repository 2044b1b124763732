"""The fixtures themselves: real servers of the right flavour, private to the tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pymysql
import pytest

from altus4_desktop.domain.connections import Flavour
from tests.servers import DatabaseServer, ServerMissingError, find_programs


def test_a_shared_server_is_the_flavour_it_says(tenant_server: DatabaseServer) -> None:
    [(version,)] = tenant_server.execute("SELECT VERSION()")
    expected = "10.11." if tenant_server.flavour is Flavour.MARIADB else "9."
    assert str(version).startswith(expected)


def test_the_search_account_may_read_and_nothing_else(tenant_server: DatabaseServer) -> None:
    database = tenant_server.create_database()
    tenant_server.execute("CREATE TABLE t (id INT PRIMARY KEY)", database=database)
    account = tenant_server.create_search_account(database)
    connection = pymysql.connect(
        host=tenant_server.host,
        port=tenant_server.port,
        user=account.username,
        password=account.password,
        database=database,
    )
    with contextlib.closing(connection), connection.cursor() as cursor:
        assert cursor.execute("SELECT id FROM t") == 0
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            cursor.execute("INSERT INTO t VALUES (1)")


@pytest.mark.parametrize("flavour", Flavour, ids=str)
def test_a_private_server_can_be_killed_and_started_again_on_its_port(
    private_server: Callable[..., DatabaseServer], flavour: Flavour
) -> None:
    server = private_server(flavour)
    database = server.create_database()
    port, pid = server.port, server.pid
    server.kill()
    with pytest.raises(ConnectionRefusedError):
        server.admin()
    server.start()
    assert (server.port, server.pid != pid) == (port, True)
    assert (database,) in server.execute("SHOW DATABASES")


def test_a_paused_server_does_not_answer(private_server: Callable[..., DatabaseServer]) -> None:
    server = private_server(Flavour.MARIADB)
    server.pause()
    with pytest.raises(pymysql.err.OperationalError):
        server.admin(connect_timeout=0.3)
    server.resume()
    assert server.execute("SELECT 1") == [(1,)]


def test_a_missing_mysql_is_reported_and_not_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ALTUS4_TEST_MYSQL", str(tmp_path))
    with pytest.raises(ServerMissingError, match=r"packaging/get-mysql\.sh"):
        find_programs(Flavour.MYSQL)
