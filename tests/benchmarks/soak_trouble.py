"""What goes wrong around the window while it soaks: lines, servers, and the store itself."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
from collections import Counter
from pathlib import Path

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.connections import (
    ConnectionDraft,
    Flavour,
    PoolSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.services import Services
from tests.benchmarks.texts import article_statements
from tests.integration.storage.test_backups import grant_scratch
from tests.integration.storage.test_restoring import grant_beside
from tests.random_faults import RandomFaults
from tests.servers import DatabaseServer, find_programs
from tests.stores import server_place

EMAIL, PASSWORD, PASSPHRASE = "soak@example.org", "words of a soak", "a passphrase of a soak"
SQLITE = "sqlite"
# What a store acknowledges is to survive the end of its server's process.
STORE_OPTIONS = ("--innodb-flush-log-at-trx-commit=2",)
_TENANT_RATE, _STORE_RATE = 0.01, 0.004
_EVERY_S = (15.0, 45.0)
_PAUSED_S = (0.3, 4.0)
_HELD_S = (0.2, 3.0)
_KILLED = 0.25


class Trouble:
    """Proxies before every server that fail at random, and now and then a server that is stopped
    or killed, or a store's file that another program holds."""

    def __init__(
        self,
        tenants: tuple[DatabaseServer, ...],
        store: DatabaseServer | None,
        dice: random.Random,
        troubles: Counter[str],
    ) -> None:
        self._dice = random.Random(dice.random())
        self._troubles = troubles
        self._servers = [(f"{server.flavour} searched", server) for server in tenants]
        self.tenants = [self._proxy(server, dice) for server in tenants]
        self.store: RandomFaults | None = None
        if store is not None:
            self._servers.append((f"{store.flavour} store", store))
            self.store = self._proxy(store, dice)
        self.file: Path | None = None
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._idle = threading.Lock()
        self._thread = threading.Thread(target=self._cause, name="trouble", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """From now on."""
        for proxy in self.tenants:
            proxy.rate = _TENANT_RATE
        if self.store is not None:
            self.store.rate = _STORE_RATE
        self._wanted.set()

    def end(self) -> None:
        """No more for now; what is under way ends first."""
        self._wanted.clear()
        for proxy in self._proxies:
            proxy.rate = 0.0
        with self._idle:
            pass

    def close(self) -> None:
        """No more at all."""
        self._ended.set()
        self._thread.join()
        for proxy in self._proxies:
            proxy.close()

    def faults(self) -> dict[str, Counter[str]]:
        """What the lines have met, of the searched servers and of the store."""
        found: dict[str, Counter[str]] = {"searched servers": Counter(), "store": Counter()}
        for proxy in self._proxies:
            whose = "store" if proxy is self.store else "searched servers"
            injected = {fault.name.lower(): count for fault, count in proxy.struck.items()}
            found[whose].update(injected)
        return found

    @property
    def _proxies(self) -> list[RandomFaults]:
        return [*self.tenants, *([self.store] if self.store is not None else [])]

    @staticmethod
    def _proxy(server: DatabaseServer, dice: random.Random) -> RandomFaults:
        return RandomFaults(server.port, random.Random(dice.random()))

    def _cause(self) -> None:
        while not self._ended.wait(self._dice.uniform(*_EVERY_S)):
            with self._idle:
                if self._wanted.is_set():
                    self._cause_one()

    def _cause_one(self) -> None:
        choices = [*self._servers, *([("", None)] if self.file is not None else [])]
        name, server = self._dice.choice(choices)
        if server is None:
            self._troubles["held the store's file"] += 1
            self._hold_file()
        elif self._dice.random() < _KILLED:
            self._troubles[f"killed {name}"] += 1
            server.kill()
            server.start()
        else:
            self._troubles[f"stopped {name}"] += 1
            server.pause()
            self._ended.wait(self._dice.uniform(*_PAUSED_S))
            server.resume()

    def _hold_file(self) -> None:
        assert self.file is not None
        with (
            contextlib.suppress(sqlite3.OperationalError),
            contextlib.closing(
                sqlite3.connect(self.file, isolation_level=None, timeout=1)
            ) as connection,
        ):
            connection.execute("BEGIN IMMEDIATE")
            self._ended.wait(self._dice.uniform(*_HELD_S))
            connection.execute("ROLLBACK")


def prepare(
    folder: Path,
    tenants: tuple[DatabaseServer, ...],
    store: DatabaseServer | None,
    trouble: Trouble,
) -> Services:
    """Services over a new store, with an admin who has a connection to each of ``tenants``."""
    services = (
        _over_file(folder, trouble) if store is None else _over_server(folder, store, trouble)
    )
    services.vault.set_up_passphrase(PASSPHRASE)
    actor = services.accounts.create_first_admin("Soak", EMAIL, PASSWORD)
    for number, (server, proxy) in enumerate(zip(tenants, trouble.tenants, strict=True)):
        database = server.create_database()
        server.execute(*article_statements(400, seed=number), database=database)
        account = server.create_search_account(database)
        draft = ConnectionDraft(
            str(server.flavour),
            "127.0.0.1",
            database,
            account.username,
            proxy.port,
            account.password,
            TlsSettings(TlsMode.PREFERRED),
            # Idle ones are gone when the window is at rest.
            pool=PoolSettings(
                size=4,
                connect_timeout_s=2,
                query_timeout_s=3,
                acquire_timeout_s=4,
                idle_timeout_s=3,
            ),
        )
        services.connections.create_(actor, draft)
    services.accounts.remember(actor)
    return services


def _over_file(folder: Path, trouble: Trouble) -> Services:
    services = compose(folder)
    services.metadata.open_()
    trouble.file = services.metadata.location.file
    return services


def _over_server(folder: Path, server: DatabaseServer, trouble: Trouble) -> Services:
    assert trouble.store is not None
    place = server_place(server, server.create_database("altus4_metadata"))
    grant_scratch(server, place)
    grant_beside(server, place)
    location = place.location
    through = location.url.replace(f":{location.port}/", f":{trouble.store.port}/")
    os.environ["ALTUS4_METADATA_PASSWORD"] = place.password or ""
    try:
        services = compose(folder, through)
    finally:
        del os.environ["ALTUS4_METADATA_PASSWORD"]
    if server.flavour is Flavour.MYSQL:
        services.settings.server_program = str(find_programs(Flavour.MYSQL).server)
    services.metadata.open_()
    services.migrations.upgrade_(None, without_copy=True)
    return services
