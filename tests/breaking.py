"""What befalls a server for the length of a ``with`` block; afterwards it is as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pymysql
from pymysql.connections import Connection

from tests.servers import Account, DatabaseServer

# What its process has told the system to write survives a kill.
OPTIONS = ("--innodb-flush-log-at-trx-commit=1", "--max-connections=12")
MENDED_S = 5.0

# Is given the server, and a database and a table of it.
Breaking = Callable[[DatabaseServer, str, str], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def killed(server: DatabaseServer, _: str, __: str) -> Iterator[None]:
    """As by a crash."""
    server.kill()
    try:
        yield
    finally:
        server.start()


@contextlib.contextmanager
def restarted(server: DatabaseServer, _: str, __: str) -> Iterator[None]:
    """It says goodbye to everybody first."""
    server.stop()
    try:
        yield
    finally:
        server.start()


@contextlib.contextmanager
def stopped(server: DatabaseServer, _: str, __: str) -> Iterator[None]:
    """It accepts connections and says nothing (SIGSTOP)."""
    server.pause()
    try:
        yield
    finally:
        server.resume()


@contextlib.contextmanager
def full(server: DatabaseServer, database: str, _: str) -> Iterator[None]:
    """Others have all connections; who used the database has lost theirs."""
    account = server.create_search_account(database)
    with contextlib.ExitStack() as stack:
        while True:
            while (connection := _call(server, account)) is not None:
                stack.callback(connection.close)
            numbers = [row[0] for row in server.execute("SHOW PROCESSLIST") if row[3] == database]
            if not numbers:
                break
            for number in numbers:
                with contextlib.suppress(pymysql.err.MySQLError):
                    server.execute(f"KILL {number}")
        yield


def _call(server: DatabaseServer, account: Account) -> Connection[Any] | None:
    """None: there is no room for one more."""
    try:
        return pymysql.connect(
            host=server.host, port=server.port, user=account.username, password=account.password
        )
    except pymysql.err.OperationalError as error:
        if error.args[0] != 1040:
            raise
        return None


@contextlib.contextmanager
def locked(server: DatabaseServer, database: str, table: str) -> Iterator[None]:
    """Somebody changes the table and does not come to an end."""
    with contextlib.closing(server.admin(database)) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES `{table}` WRITE")
        yield


WAYS: tuple[Breaking, ...] = (killed, restarted, stopped, full, locked)
