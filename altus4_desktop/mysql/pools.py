"""One pool for each saved connection: fair, bounded, read-only, and gone when nobody needs it."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import (
    Flavour,
    PoolStats,
    Target,
    TlsReport,
    TunnelState,
)
from altus4_desktop.domain.errors import AltusError, TenantError, TenantFailure
from altus4_desktop.driver.connect import abort_connection, open_connection
from altus4_desktop.mysql.clockwork import Clockwork
from altus4_desktop.mysql.gate import Gate
from altus4_desktop.mysql.session import TenantSession, setup_statements

if TYPE_CHECKING:
    from sqlalchemy.pool import PoolProxiedConnection

    from altus4_desktop.driver.tunnel import Tunnel
    from altus4_desktop.driver.wire import WireConnection
    from altus4_desktop.mysql.queue import IdleQueue

_LONGEST_REAP_INTERVAL_S = 15.0


class TenantPools:
    """The pools of all connections; built once, closed with the program."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[str, _Pool] = {}
        # Those that were replaced may still have a session out.
        self._every: weakref.WeakSet[_Pool] = weakref.WeakSet()
        self._clockwork = Clockwork("altus4-pools")
        self._closing = CancelToken()
        self._is_closed = False

    @contextmanager
    def borrow(
        self, target: Target, token: CancelToken, timeout_s: float | None = None
    ) -> Iterator[TenantSession]:
        """A session on a connection that answered a moment ago.

        ``timeout_s`` (default: the pool's acquire timeout) bounds waiting and connecting. Raises
        `TenantError` (BUSY when every connection stayed in use) or `Cancelled`.
        """
        limit_s = target.pool.acquire_timeout_s if timeout_s is None else timeout_s
        until = time.monotonic() + limit_s
        either = CancelToken()
        with token.on_cancel(either.cancel), self._closing.on_cancel(either.cancel):
            either.raise_if_cancelled()
            pool = self._pool(target)
            with (
                pool.closing.on_cancel(either.cancel),
                pool.noting_errors(),
                pool.borrow(either, until, limit_s) as session,
            ):
                yield session

    def stats(self, connection_id: str) -> PoolStats | None:
        """Live figures, None while no pool was needed."""
        with self._lock:
            pool = self._pools.get(connection_id)
        return pool.stats() if pool is not None else None

    def note_check(self, target: Target, outcome: TlsReport | AltusError) -> None:
        """Have the figures tell how a test of the target ended that took no session of its pool."""
        with self._lock:
            pool = self._pools.get(target.connection_id)
        if pool is None and isinstance(outcome, AltusError):
            pool = self._pool(target)
        if pool is not None:
            pool.note(outcome)

    def reset(self, connection_id: str) -> None:
        """Forget the pool: idle connections close now, borrowed ones when they come back."""
        with self._lock:
            pool = self._pools.pop(connection_id, None)
        if pool is not None:
            pool.retire()

    def disconnect(self, connection_id: str) -> None:
        """As `reset`, and stop what runs in the pool; it can be borrowed from anew."""
        with self._lock:
            pool = self._pools.pop(connection_id, None)
        if pool is not None:
            pool.closing.cancel()
            pool.retire()

    def reset_all(self) -> None:
        """As `reset` for every pool, and stop what runs in them; they can be borrowed from anew."""
        with self._lock:
            if self._is_closed:
                return
            stopping, self._closing = self._closing, CancelToken()
            pools = list(self._pools.values())
            self._pools.clear()
        stopping.cancel()
        for pool in pools:
            pool.retire()

    def close(self, wait_s: float = 2.0) -> None:
        """Stop every statement on its server, close every connection; nothing can be borrowed
        afterwards. Returns within about ``wait_s`` seconds."""
        until = time.monotonic() + wait_s
        with self._lock:
            self._is_closed = True
            pools = list(self._every)
            self._pools.clear()
        self._closing.cancel()
        for pool in pools:
            pool.close(until)
        self._clockwork.close()

    def _pool(self, target: Target) -> _Pool:
        with self._lock:
            pool = self._pools.get(target.connection_id)
            stale = pool if pool is not None and pool.target != target else None
            if pool is None or stale is not None:
                pool = _Pool(target, self._clockwork)
                self._pools[target.connection_id] = pool
                self._every.add(pool)
        if stale is not None:
            stale.retire()
        return pool


class _Pool:
    """The connections of one target."""

    def __init__(self, target: Target, clockwork: Clockwork) -> None:
        from altus4_desktop.mysql.queue import IdleQueue

        self.target = target
        self.closing = CancelToken()
        self._tunnel = _build_tunnel(target)
        self._errors = 0
        self._last_error: tuple[AltusError, datetime] | None = None
        self._last_answer: tuple[TlsReport, datetime] | None = None
        self._clockwork = clockwork
        self._gate = Gate(target.pool.size)
        self._opening = threading.local()
        self._changed = threading.Condition()
        self._sessions: set[TenantSession] = set()
        self._connecting = 0
        self._retired = False
        self._queue: IdleQueue = IdleQueue(self._open, target.pool.size, self._ping)
        idle_s = target.pool.idle_timeout_s
        self._reap_interval_s = min(max(idle_s / 4, 0.05), _LONGEST_REAP_INTERVAL_S)
        self._arm_reaper()

    @contextmanager
    def noting_errors(self) -> Iterator[None]:
        """What goes wrong with the server within the block is kept for the figures."""
        try:
            yield
        except TenantError as error:
            self.note(error)
            raise

    def note(self, outcome: TlsReport | AltusError) -> None:
        """Keep for the figures what went wrong with the server, or what protects its answer."""
        if isinstance(outcome, TlsReport):
            self._last_answer = outcome, datetime.now(UTC)
        elif not (isinstance(outcome, TenantError) and outcome.failure is TenantFailure.QUERY):
            with self._changed:
                self._errors += 1
                self._last_error = outcome, datetime.now(UTC)

    @contextmanager
    def borrow(self, token: CancelToken, until: float, limit_s: float) -> Iterator[TenantSession]:
        """A session for the length of the block."""
        if not self._gate.enter(until, token):
            raise TenantError(
                TenantFailure.BUSY,
                "All {size} connections to “{connection}” stayed busy for {limit_s} s.",
                hint="Wait for the running searches, or allow more connections in its pool.",
                retryable=True,
                details={
                    "size": self.target.pool.size,
                    "connection": self.target.name,
                    "limit_s": round(limit_s, 1),
                },
            )
        with ExitStack() as stack:
            stack.callback(self._gate.leave)
            proxy = self._check_out(token, until)
            session = self._begin(proxy, token)
            stack.callback(self._finish, proxy, session)
            yield session

    def stats(self) -> PoolStats:
        """Live figures."""
        connecting = self._connecting
        active = max(0, self._gate.taken - connecting)
        idle = self._queue.checkedin()
        waits = self._gate.waits
        error, error_at = self._last_error or (None, None)
        tls, answered_at = self._last_answer or (None, None)
        return PoolStats(
            total=active + idle,
            active=active,
            idle=idle,
            queued=self._gate.queued,
            connecting=connecting,
            waits=waits.count,
            waited_ms=waits.total_s * 1000,
            longest_wait_ms=waits.longest_s * 1000,
            errors=self._errors,
            last_error=error,
            last_error_at=error_at,
            tunnel=TunnelState.NONE if self._tunnel is None else self._tunnel.state,
            tls=tls,
            answered_at=answered_at,
        )

    def retire(self) -> None:
        """Close what is idle; what is borrowed closes when it comes back."""
        with self._changed:
            self._retired = True
        self._clockwork.forget(self)
        self._queue.dispose()
        self._close_unused_tunnel()

    def close(self, until: float) -> None:
        """As `retire`, and wait for the statements that are being stopped, at most to ``until``."""
        self.retire()
        with self._changed:
            running = [session.running for session in self._sessions if session.running]
            self._changed.wait_for(
                lambda: not self._sessions, timeout=max(0.0, until - time.monotonic())
            )
            left = [session.connection for session in self._sessions]
        for statement in running:
            statement.wait_stopped(until)
        for connection in left:
            abort_connection(connection)
        if self._tunnel is not None:
            self._tunnel.close()

    def _check_out(self, token: CancelToken, until: float) -> PoolProxiedConnection:
        self._opening.terms = (token, until)
        try:
            return self._queue.connect()
        finally:
            del self._opening.terms

    def _open(self) -> WireConnection:
        from altus4_desktop.mysql.rows import TenantResult

        token, until = self._opening.terms
        left_s = max(0.1, until - time.monotonic())
        with self._changed:
            self._connecting += 1
        try:
            return open_connection(
                self.target,
                setup=partial(_setup, self.target),
                token=token,
                result_class=TenantResult,
                timeout_s=min(self.target.pool.connect_timeout_s, left_s),
                via=self._tunnel,
            )
        finally:
            with self._changed:
                self._connecting -= 1

    def _ping(self, connection: WireConnection) -> None:
        token, until = self._opening.terms
        usual_s = connection.read_timeout_s
        connection.read_timeout_s = max(0.1, until - time.monotonic())
        try:
            with token.on_cancel(lambda: abort_connection(connection)):
                connection.ping(reconnect=False)
            # It may have been cut just after it had answered.
            token.raise_if_cancelled()
        except BaseException:
            if self._tunnel is not None:
                self._tunnel.doubt()
            raise
        connection.read_timeout_s = usual_s

    def _begin(self, proxy: PoolProxiedConnection, token: CancelToken) -> TenantSession:
        connection: Any = proxy.dbapi_connection
        session = TenantSession(connection, self.target, token, self._clockwork, self._tunnel)
        with self._changed:
            self._sessions.add(session)
        self.note(session.tls)
        return session

    def _finish(self, proxy: PoolProxiedConnection, session: TenantSession) -> None:
        with self._changed:
            unwanted = session.broken or self._retired
        if unwanted:
            proxy.invalidate()
        else:
            proxy.close()
        with self._changed:
            self._sessions.discard(session)
            self._changed.notify_all()
        self._close_unused_tunnel()

    def _close_unused_tunnel(self) -> None:
        with self._changed:
            unused = self._retired and not self._sessions
        if unused and self._tunnel is not None:
            self._tunnel.close()

    def _arm_reaper(self) -> None:
        self._clockwork.call_at(self, time.monotonic() + self._reap_interval_s, self._reap)

    def _reap(self) -> None:
        self._queue.close_idle(time.monotonic() - self.target.pool.idle_timeout_s)
        with self._changed:
            if not self._retired:
                self._arm_reaper()


def _build_tunnel(target: Target) -> Tunnel | None:
    if target.ssh is None:
        return None
    from altus4_desktop.driver.tunnel import Tunnel

    return Tunnel(target)


def _setup(target: Target, flavour: Flavour) -> Sequence[str]:
    return setup_statements(flavour, target)
