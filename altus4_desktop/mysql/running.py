"""A statement while it runs, and how it is stopped on the server and not only here."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from altus4_desktop.domain.connections import Target
from altus4_desktop.driver.connect import abort_connection, open_connection

if TYPE_CHECKING:
    from altus4_desktop.driver.tunnel import Tunnel
    from altus4_desktop.driver.wire import WireConnection
    from altus4_desktop.mysql.clockwork import Clockwork

_log = logging.getLogger(__name__)

# How long KILL QUERY may take to show before the connection is given up.
GRACE_S = 0.9
_KILL_TIMEOUT_S = 3.0
_LOOK_AGAIN_S = 0.05
_NO_SUCH_THREAD = 1094


class StopReason(Enum):
    """Why a statement is to end before its time."""

    CANCELLED = "cancelled"
    OVERDUE = "overdue"


class RunningStatement:
    """One statement on one connection; ``tag`` is a comment in its text that no other has."""

    def __init__(
        self,
        connection: WireConnection,
        target: Target,
        tag: str,
        clockwork: Clockwork,
        via: Tunnel | None = None,
    ) -> None:
        self.tag = tag
        self.reason: StopReason | None = None
        self._connection = connection
        self._server_id = int(connection.thread_id())
        self._target = target
        self._clockwork = clockwork
        self._via = via
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._stopper: threading.Thread | None = None

    def stop(self, reason: StopReason) -> None:
        """Have the server end the statement; returns at once, safe from any thread."""
        with self._lock:
            if self.reason is not None or self._ended.is_set():
                return
            self.reason = reason
            self._stopper = threading.Thread(target=self._kill, name="altus4-stop", daemon=True)
            self._stopper.start()
        self._clockwork.call_at(self, time.monotonic() + GRACE_S, self._abort)

    def end(self) -> bool:
        """Say that the statement has ended; false when a KILL may still be under way, so that the
        connection must not run another statement."""
        with self._lock:
            self._ended.set()
            stopper = self._stopper
        self._clockwork.forget(self)
        if stopper is None:
            return True
        stopper.join(GRACE_S)
        return not stopper.is_alive()

    def wait_stopped(self, until: float) -> None:
        """Wait until nothing is being done any more to stop it, at most to ``until``."""
        with self._lock:
            stopper = self._stopper
        if stopper is not None:
            stopper.join(max(0.0, until - time.monotonic()))

    def _abort(self) -> None:
        if not self._ended.is_set():
            abort_connection(self._connection)

    def _kill(self) -> None:
        """Find the statement by its tag and kill it; ids are reused, tags are not."""
        until = time.monotonic() + _KILL_TIMEOUT_S
        target = replace(self._target, database="")
        try:
            with contextlib.closing(
                open_connection(
                    target, use_database=False, timeout_s=_KILL_TIMEOUT_S, via=self._via
                )
            ) as side:
                side.read_timeout_s = _KILL_TIMEOUT_S
                while not kill_listed(side, self._server_id, self.tag) and time.monotonic() < until:
                    # Sent, but not begun yet: the server lists it in a moment.
                    if self._ended.wait(_LOOK_AGAIN_S):
                        return
        except Exception:
            # No second line to the server, no right to kill, or garbage in answer: cutting our own
            # line is what is left.
            _log.debug("A statement could not be killed; its connection is cut.", exc_info=True)
            self._abort()


def kill_listed(side: WireConnection, server_id: int, tag: str, username: str = "") -> bool:
    """KILL QUERY for the statement with ``tag`` on the server's thread ``server_id``, asked for on
    ``side``; false when the server does not list it there, under ``username`` if that is given.

    Raises what the driver raises.
    """
    from pymysql.err import MySQLError

    side.query("SHOW FULL PROCESSLIST")
    listed = any(
        int(row[0]) == server_id and tag in str(row[7]) and username in ("", str(row[1]))
        for row in side.rows
    )
    if not listed:
        return False
    try:
        side.query(f"KILL QUERY {server_id:d}")
    except MySQLError as error:
        if error.args[0] != _NO_SUCH_THREAD:
            raise
    return True
