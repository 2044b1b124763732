"""Opening the metadata store: one SQLAlchemy engine for a file or for a server's database."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool, QueuePool

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.storage import files
from altus4_desktop.storage.location import StoreLocation
from altus4_desktop.storage.visitors import remember_sessions

if TYPE_CHECKING:
    from altus4_desktop.driver.wire import WireConnection

# An execution option: the transaction is going to write.
WRITES = "altus4_writes"

_QUERY_TIMEOUT_S = 30.0
# An ALTER of a large table may take long; an abandoned one is finished by the server regardless.
_MIGRATION_QUERY_TIMEOUT_S = 3600.0
_IDLE_RECYCLE_S = 300
_POOL_SIZE = 4
_POOL_TIMEOUT_S = 30.0
# Who has waited behind a sign-in that took too long does not wait for another one.
_SAME_FATE_S = 0.3
_SESSION = (
    "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 10,"
    " lock_wait_timeout = 10, group_concat_max_len = 4194304"
)
# A change of tables waits for who uses them. While a program copies or loads a database, nothing is
# asked on the session that holds the lock.
_LONG = "SET SESSION lock_wait_timeout = 60, wait_timeout = 28800"
# What is locked must keep others from adding rows beside it, whatever the server's default is.
_ISOLATION = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"


def build_engine(
    location: StoreLocation,
    password_secret: str | None = None,
    *,
    migrating: bool = False,
    sign_in_s: float | None = None,
    token: CancelToken | None = None,
    opened: Callable[[WireConnection], None] | None = None,
) -> sa.Engine:
    """An engine over ``location``; nothing is opened yet.

    ``migrating``: one connection at a time that is closed after use and waits longer. Signing in to
    a server takes ``sign_in_s`` at most (default: as every target), and ends with ``token``; each
    of its sessions is given to ``opened`` before anything is asked on it.
    """
    pool: dict[str, Any] = (
        {"poolclass": NullPool}
        if migrating
        else {
            "poolclass": QueuePool,
            "pool_size": _POOL_SIZE,
            "max_overflow": 0,
            "pool_timeout": _POOL_TIMEOUT_S,
        }
    )
    if location.file is not None:
        return _file_engine(location.file, pool, migrating)
    return _server_engine(
        location, password_secret or "", pool, migrating, sign_in_s, token, opened
    )


def build_reader(file: Path, *, read_only: bool = True) -> sa.Engine:
    """An engine for a first look into ``file``, of which nothing is known yet."""
    engine = sa.create_engine(
        "sqlite+pysqlite://",
        creator=lambda: files.connect(file, read_only=read_only),
        hide_parameters=True,
        poolclass=NullPool,
    )
    sa.event.listen(engine, "begin", _begin)
    return engine


def _file_engine(file: Path, pool: dict[str, Any], migrating: bool) -> sa.Engine:
    timeout_s = files.MIGRATION_TIMEOUT_S if migrating else files.BUSY_TIMEOUT_S

    def connect() -> sqlite3.Connection:
        return files.connect(file, read_only=False, timeout_s=timeout_s)

    engine = sa.create_engine("sqlite+pysqlite://", creator=connect, hide_parameters=True, **pool)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: sa.Connection) -> None:
    # A transaction that begins by reading could find itself unable to write later on.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _server_engine(
    location: StoreLocation,
    password_secret: str,
    pool: dict[str, Any],
    migrating: bool,
    sign_in_s: float | None,
    token: CancelToken | None,
    opened: Callable[[WireConnection], None] | None,
) -> sa.Engine:
    from altus4_desktop.driver.connect import open_connection
    from altus4_desktop.driver.failures import is_clean_server_error, translate

    timeout_s = _MIGRATION_QUERY_TIMEOUT_S if migrating else _QUERY_TIMEOUT_S
    target = location.target(password_secret, timeout_s)
    silence = _Silence()

    def connect() -> Any:
        silence.check()
        try:
            connection = open_connection(
                target,
                setup=(_SESSION, _ISOLATION, _LONG) if migrating else (_SESSION, _ISOLATION),
                autocommit=False,
                found_rows=True,
                timeout_s=sign_in_s,
                token=token,
            )
        except TenantError as error:
            silence.note(error)
            raise
        if opened is not None:
            opened(connection)
        return connection

    def distrust(context: sa.engine.ExceptionContext) -> BaseException | None:
        error = context.original_exception
        # Text that cannot be encoded has not been sent.
        if is_clean_server_error(error) or isinstance(error, UnicodeEncodeError):
            return None
        # After anything but the server's own error the session may be out of step.
        context.is_disconnect = True
        sent = context.execution_context is not None or context.statement is None
        if sent and not context.is_pre_ping and isinstance(error, Exception):
            # An answer that makes no sense makes PyMySQL raise whatever Python raises.
            return translate(error, target)
        return None

    if not migrating:
        pool = {**pool, "pool_pre_ping": True, "pool_recycle": _IDLE_RECYCLE_S}
    engine = sa.create_engine("mysql+pymysql://", creator=connect, hide_parameters=True, **pool)
    sa.event.listen(engine, "handle_error", distrust)
    remember_sessions(engine)
    return engine


class _Silence:
    """What has become of a sign-in that a silent server took too long for, a moment ago."""

    def __init__(self) -> None:
        self._error: TenantError | None = None
        self._until = 0.0

    def check(self) -> None:
        """Raise that again, at once."""
        error = self._error
        if error is not None and time.monotonic() < self._until:
            raise TenantError(
                error.failure,
                error.template,
                hint=error.hint_template,
                retryable=error.retryable,
                details=error.details,
            )

    def note(self, error: TenantError) -> None:
        """Remember ``error`` when it came of silence."""
        if error.failure is TenantFailure.TIMEOUT:
            self._error, self._until = error, time.monotonic() + _SAME_FATE_S
