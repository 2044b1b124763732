"""Looking on: the pools of this program, and what the servers say of themselves."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import AuditOutcome
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection, PoolSettings, PoolStats
from altus4_desktop.domain.errors import LocalServerError, TenantError
from altus4_desktop.domain.monitoring import (
    ListedStatement,
    PoolHistory,
    PoolSample,
    ServerFacts,
    ServerPulse,
    WatchedPool,
)
from altus4_desktop.services.connection_events import build_connection_event
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.mysql.monitoring import ServerAccess
    from altus4_desktop.mysql.pools import TenantPools
    from altus4_desktop.mysql.session import TenantSession
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.metadata import MetadataService

# Sessions apart from those of the searches: looking on neither waits for them nor is counted among
# them. Two, so that a statement can be stopped while the server is slow to answer; they close soon
# after nobody looks on any more.
_WATCH = PoolSettings(
    size=2, acquire_timeout_s=5.0, query_timeout_s=5.0, idle_timeout_s=45.0, connect_timeout_s=5.0
)


class MonitoringService:
    """What a user sees of their own connections, an admin of all.

    No server is read unless it is asked for. Safe to use from any thread.
    """

    def __init__(
        self,
        metadata: MetadataService,
        connections: ConnectionsService,
        permissions: Permissions,
        watch_pools: TenantPools,
        local_server_runs: Callable[[], bool] = lambda: True,
    ) -> None:
        self._metadata = metadata
        self._connections = connections
        self._permissions = permissions
        self._watch_pools = watch_pools
        self._local_server_runs = local_server_runs
        self._lock = threading.Lock()
        self._histories: defaultdict[str, PoolHistory] = defaultdict(PoolHistory)
        self._accesses: dict[str, ServerAccess] = {}
        self._waiting: set[str] = set()
        connections.when_forgotten_(self._forget)

    def sample_pools_(self, actor: Actor, every_s: float) -> tuple[WatchedPool, ...]:
        """The actor's connections by name with the figures of their pools, now and of the last 15
        minutes; ``every_s`` is how often this is asked. No server is.

        Raises AccessError, StoreError.
        """
        saved = self._connections.list_(actor)
        now = datetime.now(UTC)
        with self._lock:
            watched = []
            for one in saved:
                stats, history = self._connections.stats_(one.id), self._histories[one.id]
                history.add(PoolSample(now, every_s, stats))
                watched.append(WatchedPool(one, now, stats, history.runs))
            return tuple(watched)

    def note_pools_(self, figures: Mapping[str, PoolStats | None], every_s: float) -> None:
        """Keep the figures of pools by the ids of their connections, noted each ``every_s``
        seconds, so that there are some once somebody looks. Nobody is asked for anything."""
        now = datetime.now(UTC)
        with self._lock:
            for connection_id, stats in figures.items():
                self._histories[connection_id].add(PoolSample(now, every_s, stats))

    def read_pulse_(
        self, actor: Actor, connection_id: str, token: CancelToken | None = None
    ) -> ServerPulse:
        """The server of a connection now: one statement, after those by which it is found out once
        what the account may see.

        Raises AccessError, NotFoundError, TenantError, LocalServerError when the local server does
        not run, VaultError, StoreError, Cancelled.
        """
        from altus4_desktop.mysql.monitoring import read_pulse

        saved = self._connections.get_(actor, connection_id)
        with self._session(saved, token) as session:
            access = self._access(saved.id, session)
            with self._lock:
                waited = saved.id in self._waiting
            pulse = read_pulse(session, access, with_holders=waited)
        with self._lock:
            # For whom they wait is asked for while somebody waits: it costs the server more.
            (self._waiting.add if pulse.waits else self._waiting.discard)(saved.id)
        return pulse

    def read_facts_(
        self, actor: Actor, connection_id: str, token: CancelToken | None = None
    ) -> ServerFacts:
        """The slow query log, the FULLTEXT indexes, and what the account may not see, looked up
        anew. Raises as `read_pulse_` does."""
        from altus4_desktop.mysql.monitoring import read_facts

        saved = self._connections.get_(actor, connection_id)
        with self._session(saved, token) as session:
            return read_facts(session, self._access(saved.id, session, anew=True))

    def stop_statement_(
        self,
        actor: Actor,
        connection_id: str,
        statement: ListedStatement,
        token: CancelToken | None = None,
    ) -> bool:
        """Have the server end a statement of this program, by KILL QUERY; false when it has ended
        already. That it was done is written down.

        Raises as `read_pulse_` does, and TenantError for what is no statement of this program.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        saved = self._connections.get_(actor, connection_id)
        try:
            with self._session(saved, token) as session:
                stopped = session.stop_statement(statement.server_id, statement.tag)
        except TenantError:
            self._note_stop(actor, saved, statement, AuditOutcome.FAILED)
            raise
        if stopped:
            self._note_stop(actor, saved, statement, AuditOutcome.DONE)
        return stopped

    def close_(self) -> None:
        """Close every session, within about two seconds."""
        self._watch_pools.close()

    def _note_stop(
        self, actor: Actor, saved: Connection, statement: ListedStatement, outcome: AuditOutcome
    ) -> None:
        event = build_connection_event(
            actor,
            "statement_stopped",
            saved,
            search=statement.search_id,
            server_thread=statement.server_id,
        )
        self._metadata.store.audit.add_([replace(event, outcome=outcome)])

    @contextmanager
    def _session(self, saved: Connection, token: CancelToken | None) -> Iterator[TenantSession]:
        if saved.managed and not self._local_server_runs():
            # Looking on does not start it.
            raise LocalServerError(
                "The local server does not run.",
                hint="It is started by a search, or in the pane “Local server”.",
                code="local_server.stopped",
            )
        token = token or CancelToken()
        target = self._connections.target_of_(saved, token)
        with self._watch_pools.borrow(replace(target, pool=_WATCH), token) as session:
            yield session

    def _access(
        self, connection_id: str, session: TenantSession, *, anew: bool = False
    ) -> ServerAccess:
        from altus4_desktop.mysql.monitoring import read_access

        known = None if anew else self._accesses.get(connection_id)
        if known is None:
            known = self._accesses[connection_id] = read_access(session)
        return known

    def _forget(self, connection_id: str | None) -> None:
        with self._lock:
            if connection_id is None:
                self._histories.clear()
                self._accesses.clear()
                self._waiting.clear()
            else:
                self._histories.pop(connection_id, None)
                self._accesses.pop(connection_id, None)
                self._waiting.discard(connection_id)
        if connection_id is None:
            self._watch_pools.reset_all()
        else:
            self._watch_pools.reset(connection_id)
