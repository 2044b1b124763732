"""A small database on each shared server, and sessions on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import PoolSettings, Target
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.session import TenantSession
from tests.servers import Account, DatabaseServer

# Minutes of real work for a server, and interruptible at any moment.
SLOW = (
    "SELECT COUNT(*) FROM numbers a, numbers b, numbers c, numbers d, numbers e"
    " WHERE a.n + b.n + c.n + d.n + e.n = -1"
)


@dataclass(frozen=True)
class Library:
    """A database of the test server and an account that may read it."""

    server: DatabaseServer
    database: str
    account: Account

    def target(self, connection_id: str = "library", **pool: Any) -> Target:
        """A Target with the given pool settings."""
        target = self.server.target(self.database, self.account, connection_id=connection_id)
        return replace(target, pool=replace(PoolSettings(query_timeout_s=30.0), **pool))

    def running(self, text: str) -> list[int]:
        """Ids of the server's threads whose statement contains ``text``."""
        rows = self.server.execute("SHOW FULL PROCESSLIST")
        return [int(str(row[0])) for row in rows if text in str(row[7])]

    def connected(self) -> int:
        """How many connections the account has."""
        rows = self.server.execute("SHOW FULL PROCESSLIST")
        return sum(1 for row in rows if row[1] == self.account.username)


def create_library(server: DatabaseServer) -> Library:
    """A new database with a table for slow statements and one with text."""
    database = server.create_database("altus4_library")
    values = ",".join(f"({number})" for number in range(100))
    server.execute(
        "CREATE TABLE numbers (n INT PRIMARY KEY)",
        f"INSERT INTO numbers VALUES {values}",
        "CREATE TABLE notes (id INT PRIMARY KEY, title VARCHAR(100), body TEXT,"
        " FULLTEXT ft_both (title, body))",
        "INSERT INTO notes VALUES (1, 'Boundary layers', 'The flow over a flat plate'),"
        " (2, 'Heat', 'Transfer of heat in a laminar flow'), (3, 'Wings', 'Lift and drag')",
        database=database,
    )
    return Library(server, database, server.create_search_account(database))


@pytest.fixture(scope="session")
def library(tenant_server: DatabaseServer) -> Library:
    """The database on both shared servers in turn."""
    return create_library(tenant_server)


@pytest.fixture
def pools() -> Iterator[TenantPools]:
    """Pools that are closed when the test ends."""
    made = TenantPools()
    yield made
    made.close()


Borrow = Callable[..., AbstractContextManager[TenantSession]]


@pytest.fixture
def borrow(pools: TenantPools, library: Library) -> Borrow:
    """``borrow(**pool settings)`` is a session on the library."""

    def lend(
        token: CancelToken | None = None, **pool: Any
    ) -> AbstractContextManager[TenantSession]:
        return pools.borrow(library.target(**pool), token or CancelToken())

    return lend
