"""SQLAlchemy's QueuePool with what it leaves to others: a ping with a deadline, and idle limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

if TYPE_CHECKING:
    from altus4_desktop.driver.wire import WireConnection

_IDLE_SINCE = "idle_since"


class IdleQueue(QueuePool):
    """Keeps idle connections; the newest is handed out first, so that the others may age."""

    def __init__(
        self,
        creator: Callable[[], WireConnection],
        size: int,
        ping: Callable[[WireConnection], None],
    ) -> None:
        super().__init__(
            creator, pool_size=size, max_overflow=0, use_lifo=True, reset_on_return=None
        )
        self._ping = ping
        event.listen(self, "checkout", self._check)
        event.listen(self, "checkin", self._note_idle)

    def close_idle(self, before: float) -> None:
        """Close what has lain idle since before that instant of the monotonic clock."""
        queue: Any = self._pool
        with queue.mutex:
            stale = [entry for entry in queue.queue if entry.info.get(_IDLE_SINCE, 0.0) <= before]
            for entry in stale:
                queue.queue.remove(entry)
        for entry in stale:
            entry.close()
            self._dec_overflow()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        if record.dbapi_connection is None:
            # An empty entry on top of the stack would hide the open connections below it.
            self._dec_overflow()
        else:
            super()._do_return_conn(record)

    def _check(self, connection: Any, entry: ConnectionPoolEntry, proxy: object) -> None:
        del proxy
        if _IDLE_SINCE not in entry.info:
            return
        try:
            self._ping(connection)
        except Exception as error:
            # Whatever it was, the server is not in step with us: nothing idle is worth keeping.
            connection.drop()
            raise InvalidatePoolError from error

    @staticmethod
    def _note_idle(connection: object, entry: ConnectionPoolEntry) -> None:
        del connection
        entry.info[_IDLE_SINCE] = time.monotonic()
