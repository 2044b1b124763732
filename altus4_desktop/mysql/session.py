"""A borrowed tenant connection: reads, within a time limit, and can be stopped."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, Target, TlsReport
from altus4_desktop.domain.errors import Cancelled, TenantError, TenantFailure
from altus4_desktop.domain.monitoring import is_tag
from altus4_desktop.driver.connect import abort_connection, server_flavour, tls_report
from altus4_desktop.driver.failures import is_clean_server_error, statement_overdue, translate
from altus4_desktop.mysql.clockwork import Clockwork
from altus4_desktop.mysql.running import RunningStatement, StopReason, kill_listed

if TYPE_CHECKING:
    from altus4_desktop.driver.tunnel import Tunnel
    from altus4_desktop.driver.wire import WireConnection
    from altus4_desktop.mysql.stream import RowStream

_NUMBER = itertools.count(1)
_READING = re.compile(r"[\s(]*(SELECT|SHOW|EXPLAIN|DESCRIBE)\b", re.IGNORECASE)
_QUOTED = re.compile(r"`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'", re.DOTALL)
# What a SELECT can do besides reading: write a file, lock, sleep, leave something in the session.
# A version comment holds statements that no pattern sees.
_MORE_THAN_READING = re.compile(
    r"/\*M?!|:=|\b(?:INTO|FOR\s+UPDATE|FOR\s+SHARE|LOCK\s+IN|LOAD_FILE|GET_LOCK|SLEEP|BENCHMARK)\b",
    re.IGNORECASE,
)
_SELECT = re.compile(r"SELECT\b", re.IGNORECASE)
_NOT_IN_A_TAG = re.compile(r"[^A-Za-z0-9_-]")
_SHORTEST_LIMIT_S = 0.001
# So long a server may take to stop at its own limit; then it is told to by a KILL.
_OVERDUE_S = 0.5
_INTERRUPTED = 1317
_FULLTEXT_STOPPED = 188
_LIKE_TOO_LATE = ((_FULLTEXT_STOPPED,), (_INTERRUPTED,))
# The server's own limit holds for a whole result; that of a stream is its client's patience.
_STREAM_LIMIT_S = 24 * 3600.0

_SQL_MODE = "NO_ENGINE_SUBSTITUTION"


def setup_statements(flavour: Flavour, target: Target) -> tuple[str, ...]:
    """What makes a fresh connection a reading one: run once, when it is made."""
    limit_s = target.pool.query_timeout_s
    limit = (
        f"max_statement_time={limit_s:.3f}"
        if flavour is Flavour.MARIADB
        else f"max_execution_time={max(1, round(limit_s * 1000)):d}"
    )
    # Without a limit of its own a metadata lock would be waited for longer than the statement may
    # run.
    lock_limit = f"lock_wait_timeout={max(1, round(limit_s)):d}"
    variables = ["time_zone='+00:00'", f"sql_mode='{_SQL_MODE}'", lock_limit, limit]
    if flavour is Flavour.MYSQL:
        # Or it would tell how many rows a table had a day ago.
        variables.append("information_schema_stats_expiry=0")
    return (
        "SET SESSION TRANSACTION READ ONLY",
        "SET " + ", ".join(f"SESSION {variable}" for variable in variables),
    )


class TenantSession:
    """One connection for the length of a ``with`` block; not for two threads at once."""

    def __init__(
        self,
        connection: WireConnection,
        target: Target,
        token: CancelToken,
        clockwork: Clockwork,
        via: Tunnel | None = None,
    ) -> None:
        self.target = target
        self.flavour, self.version = server_flavour(connection)
        self.columns: tuple[str, ...] = ()
        self.broken = False
        self.running: RunningStatement | None = None
        self.connection = connection
        self._token = token
        self._clockwork = clockwork
        self._via = via

    @property
    def token(self) -> CancelToken:
        """Tells whether anybody still wants what is read here."""
        return self._token

    @property
    def host_key(self) -> str:
        """The key of the SSH server on the way, ``""`` without a tunnel."""
        return "" if self._via is None else self._via.host_key

    @property
    def tls(self) -> TlsReport:
        """What was negotiated on this connection."""
        return tls_report(self.connection)

    def query(
        self,
        sql: str,
        params: Sequence[Any] = (),
        *,
        timeout_s: float | None = None,
        tag: str = "read",
    ) -> list[tuple[Any, ...]]:
        """Run one reading statement and return its rows; ``%s`` stands for a value of ``params``,
        ``%%`` for a percent sign.

        The connection's query timeout holds, or ``timeout_s`` where that is shorter. ``tag`` names
        the statement in the server's process list. Raises `TenantError` or `Cancelled`.
        """
        self._token.raise_if_cancelled()
        _check_reading(sql, self.target)
        limit_s = self.target.pool.query_timeout_s
        if timeout_s is not None and timeout_s < limit_s:
            # As exact as both servers have it: none of them may stop before the limit.
            limit_s = max(math.ceil(timeout_s * 1000) / 1000, _SHORTEST_LIMIT_S)
            sql = self._limited(sql, limit_s)
        comment = f"/* altus4:{_NOT_IN_A_TAG.sub('', tag)}:{next(_NUMBER)} */"
        connection = self.connection
        bound = sql % tuple(connection.escape(value) for value in params)
        return self._run(f"{comment} {bound}", comment, limit_s)

    @contextmanager
    def stream(self, sql: str, params: Sequence[Any] = (), *, tag: str) -> Iterator[RowStream]:
        """Run one SELECT as `query` does and read its rows within the block, as they come.

        The connection's query timeout bounds the wait for each batch of rows, not the whole. A
        block that is left before the last row costs the connection. Raises `TenantError` or
        `Cancelled`, within the block too.
        """
        from altus4_desktop.mysql.stream import RowStream

        self._token.raise_if_cancelled()
        _check_reading(sql, self.target)
        limit_s = self.target.pool.query_timeout_s
        comment = f"/* altus4:{_NOT_IN_A_TAG.sub('', tag)}:{next(_NUMBER)} */"
        bound = self._limited(sql, _STREAM_LIMIT_S) % tuple(
            self.connection.escape(value) for value in params
        )
        running = RunningStatement(
            self.connection, self.target, comment, self._clockwork, self._via
        )
        self.running = running
        patience = object()

        def wait() -> None:
            self._token.raise_if_cancelled()
            self._clockwork.call_at(
                patience,
                time.monotonic() + limit_s + _OVERDUE_S,
                lambda: running.stop(StopReason.OVERDUE),
            )

        rows = RowStream(self.connection, wait, lambda: self._clockwork.forget(patience))
        try:
            with self._token.on_cancel(lambda: running.stop(StopReason.CANCELLED)):
                rows.begin(f"{comment} {bound}")
                yield rows
        except Exception as error:
            if running.reason is StopReason.CANCELLED or self._token.cancelled:
                raise Cancelled() from error
            if running.reason is StopReason.OVERDUE:
                raise statement_overdue(self.target, limit_s) from error
            if error is rows.failure:
                raise translate(error, self.target) from error
            raise
        finally:
            self._clockwork.forget(patience)
            self.broken = not (running.end() and rows.is_whole and running.reason is None)

    def stop_statement(self, server_id: int, tag: str) -> bool:
        """Have the server end a statement of this program that the account runs on its thread
        ``server_id``; false when it does not run there any more. ``tag`` is its comment.

        Raises `TenantError` or `Cancelled`.
        """
        self._token.raise_if_cancelled()
        if not is_tag(tag):
            raise TenantError(
                TenantFailure.DENIED,
                "Only statements of this program are stopped; this one is not.",
                details={"connection": self.target.name},
            )
        connection = self.connection
        try:
            with self._token.on_cancel(lambda: abort_connection(connection)):
                return kill_listed(connection, server_id, tag, self.target.username)
        except Exception as error:
            self.broken = self.broken or not is_clean_server_error(error)
            if self._token.cancelled:
                raise Cancelled() from error
            raise translate(error, self.target) from error

    def _run(self, statement: str, comment: str, limit_s: float) -> list[tuple[Any, ...]]:
        connection = self.connection
        running = RunningStatement(connection, self.target, comment, self._clockwork, self._via)
        self.running = running
        failure: Exception | None = None
        self._clockwork.call_at(
            running,
            time.monotonic() + limit_s + _OVERDUE_S,
            lambda: running.stop(StopReason.OVERDUE),
        )
        began = time.monotonic()
        try:
            with self._token.on_cancel(lambda: running.stop(StopReason.CANCELLED)):
                connection.query(statement)
        except Exception as error:
            # Anything: garbage from a server is not always a DBAPI error.
            failure = error
        except BaseException:
            self.broken = True
            running.end()
            raise
        quiet = running.end()
        interrupted = failure is not None and failure.args[:1] == (_INTERRUPTED,)
        if running.reason is not None and not (quiet and interrupted):
            self.broken = True
        if failure is not None and not is_clean_server_error(failure):
            self.broken = True
        if running.reason is StopReason.CANCELLED or self._token.cancelled:
            raise Cancelled() from failure
        # InnoDB of MariaDB names its time limit like a result too large for its cache, that of
        # MySQL like a KILL QUERY while it counts rows.
        too_late = failure is not None and failure.args[:1] in _LIKE_TOO_LATE
        too_late = too_late and time.monotonic() - began >= limit_s
        if running.reason is StopReason.OVERDUE or too_late:
            raise statement_overdue(self.target, limit_s) from failure
        if failure is not None:
            raise translate(failure, self.target) from failure
        return self._take_rows()

    def _take_rows(self) -> list[tuple[Any, ...]]:
        result = self.connection.result
        if result.has_next or result.description is None:
            # We never ask for two results, nor for a statement without one.
            self.broken = True
            raise translate(ValueError("not one result"), self.target)
        self.columns = tuple(column[0] for column in result.description)
        rows: list[tuple[Any, ...]] = result.rows
        return rows

    def _limited(self, sql: str, limit_s: float) -> str:
        if self.flavour is Flavour.MARIADB:
            return f"SET STATEMENT max_statement_time={limit_s:.3f} FOR {sql}"
        hint = f"SELECT /*+ MAX_EXECUTION_TIME({max(1, round(limit_s * 1000)):d}) */"
        return _SELECT.sub(hint, sql, count=1)


def _check_reading(sql: str, target: Target) -> None:
    """Refuse here what the session would refuse there, and what it would let through."""
    if not _only_reads(sql):
        raise TenantError(
            TenantFailure.DENIED,
            "“{connection}” is only read; a statement that may do more was not sent.",
            details={"connection": target.name},
        )


@lru_cache(maxsize=256)
def _only_reads(sql: str) -> bool:
    if _READING.match(sql) is None:
        return False
    return _MORE_THAN_READING.search(_QUOTED.sub("", sql)) is None
