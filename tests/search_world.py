"""The search as the program has it, over real databases: for integration tests and benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    PoolSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.searching import SearchMode, SearchOutcome, SearchRequest
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.services.accounts import AccountsService
from altus4_desktop.services.connections import ConnectionsService
from altus4_desktop.services.history import HistoryService
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.search import SearchService
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import VaultService
from tests.servers import Account, DatabaseServer

PASSWORD = "the-words-of-a-test"
EMAIL = "ada@example.org"


@dataclass
class SearchWorld:
    """Services over one data folder, one signed-in user, and the databases made for them."""

    actor: Actor
    vault: VaultService
    accounts: AccountsService
    connections: ConnectionsService
    pools: TenantPools
    history: HistoryService
    search: SearchService
    metadata: MetadataService
    databases: list[tuple[DatabaseServer, str]] = field(default_factory=list)

    def add_database(
        self,
        server: DatabaseServer,
        name: str,
        statements: Sequence[str],
        *,
        pool: PoolSettings = PoolSettings(),  # noqa: B008  # frozen
        port: int | None = None,
        tls: TlsMode = TlsMode.PREFERRED,
    ) -> Connection:
        """A database filled by ``statements`` and a connection ``name`` to it; ``port`` leads
        through a proxy."""
        database = server.create_database()
        self.databases.append((server, database))
        if statements:
            server.execute(*statements, database=database)
        account = server.create_search_account(database)
        return self.add_connection(
            server.host, port or server.port, name, database, account, pool, tls
        )

    def add_connection(
        self,
        host: str,
        port: int,
        name: str,
        database: str,
        account: Account,
        pool: PoolSettings = PoolSettings(),  # noqa: B008  # frozen
        tls: TlsMode = TlsMode.PREFERRED,
    ) -> Connection:
        """A saved connection of the signed-in user."""
        draft = ConnectionDraft(
            name=name,
            host=host,
            port=port,
            database=database,
            username=account.username,
            password_secret=account.password,
            pool=pool,
            tls=TlsSettings(tls),
        )
        return self.connections.create_(self.actor, draft)

    def run(
        self, query: str, mode: SearchMode = SearchMode.NATURAL, **options: object
    ) -> SearchOutcome:
        """Search with the options of a `SearchRequest`."""
        request = SearchRequest(query, mode, **options)  # type: ignore[arg-type]  # checked by use
        return self.search.run(self.actor, request)

    def close_services(self) -> None:
        """End what this process has open; the databases stay."""
        self.history.close_()
        self.connections.close_()
        self.metadata.close_()


@contextmanager
def search_world(folder: Path, passphrase: str | None = None) -> Iterator[SearchWorld]:
    """A world in ``folder``, with a vault for this session or one that ``passphrase`` opens again;
    its databases are dropped after."""
    vault = VaultService(folder)
    metadata = MetadataService(folder, Settings(folder), vault)
    metadata.open_()
    if passphrase is None:
        vault.set_up_session()
    else:
        vault.set_up_passphrase(passphrase)
    permissions = Permissions(metadata)
    accounts = AccountsService(metadata, vault, permissions, folder)
    pools = TenantPools()
    connections = ConnectionsService(metadata, vault, pools, permissions)
    history = HistoryService(metadata, permissions)
    world = SearchWorld(
        actor=accounts.create_first_admin("Ada", EMAIL, PASSWORD),
        vault=vault,
        accounts=accounts,
        connections=connections,
        pools=pools,
        history=history,
        search=SearchService(connections, pools, history),
        metadata=metadata,
    )
    try:
        yield world
    finally:
        world.close_services()
        for server, database in world.databases:
            server.drop_database(database)
