"""What tenant databases contain, read once and remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Target
from altus4_desktop.domain.schema import DatabaseSchema, TableInfo

if TYPE_CHECKING:
    from altus4_desktop.mysql.pools import TenantPools
    from altus4_desktop.mysql.session import TenantSession

_T = TypeVar("_T")
_LOOK_AGAIN_S = 0.05

Parsers = Mapping[str, str]
"""By the name of a FULLTEXT index its parser; ``""`` is the built-in one."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A schema and the target it was read from."""

    target: Target
    schema: DatabaseSchema

    def is_newer(self, than_at: datetime | None) -> bool:
        return than_at is None or self.schema.read_at > than_at


class KnownSchemas:
    """The schemas of tenant databases by the id of their connection; safe to use from any thread.

    ``note_connected`` is called with that id whenever a server has answered.
    """

    def __init__(self, pools: TenantPools, note_connected: Callable[[str], None]) -> None:
        self._pools = pools
        self._note_connected = note_connected
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._turns: dict[str, threading.Lock] = {}

    def find(self, connection_id: str) -> DatabaseSchema | None:
        """What was read last, None when nothing was; asks no server."""
        known = self._known.get(connection_id)
        return None if known is None else known.schema

    def get(
        self, target: Target, token: CancelToken, newest_at: datetime | None = None
    ) -> DatabaseSchema:
        """The schema, read after ``newest_at`` if that is given; raises TenantError, Cancelled."""
        from altus4_desktop.mysql.introspect import read_schema

        # Whoever comes while it is being read waits for that answer instead of asking too.
        with self._one_at_a_time(target.connection_id, token):
            known = self._known.get(target.connection_id)
            if known is not None and known.target == target and known.is_newer(newest_at):
                return known.schema
            schema = self._ask(target, token, read_schema)
            self._known[target.connection_id] = _Known(target, schema)
        return schema

    def read_parsers(
        self, target: Target, tables: Sequence[TableInfo], token: CancelToken
    ) -> dict[str, Parsers]:
        """The parsers of each of the ``tables``, by its name; asked for where they are not known
        yet, and remembered with the schema. Raises TenantError, Cancelled."""
        from altus4_desktop.mysql.introspect import read_parsers

        unknown = [
            table
            for table in tables
            if any(index.parser is None for index in table.fulltext_indexes)
        ]
        known: dict[str, Parsers] = {
            table.name: {index.name: index.parser or "" for index in table.fulltext_indexes}
            for table in tables
        }
        if not unknown:
            return known

        def read(session: TenantSession) -> dict[str, Parsers]:
            return {table.name: read_parsers(session, table) for table in unknown}

        found = self._ask(target, token, read)
        self._remember(target, found)
        return {**known, **found}

    def forget(self, connection_id: str) -> None:
        """Have the schema of one connection read anew."""
        with self._lock:
            self._known.pop(connection_id, None)

    def forget_all(self) -> None:
        """Keep nothing of any tenant in memory."""
        with self._lock:
            self._known.clear()

    def _remember(self, target: Target, found: Mapping[str, Parsers]) -> None:
        with self._lock:
            known = self._known.get(target.connection_id)
            if known is None or known.target != target:
                return
            tables = tuple(
                replace(
                    table,
                    fulltext_indexes=tuple(
                        replace(index, parser=found[table.name].get(index.name, index.parser))
                        for index in table.fulltext_indexes
                    ),
                )
                if table.name in found
                else table
                for table in known.schema.tables
            )
            schema = replace(known.schema, tables=tables)
            self._known[target.connection_id] = _Known(target, schema)

    def _ask(self, target: Target, token: CancelToken, work: Callable[[TenantSession], _T]) -> _T:
        with self._pools.borrow(target, token) as session:
            answer = work(session)
        self._note_connected(target.connection_id)
        return answer

    @contextmanager
    def _one_at_a_time(self, connection_id: str, token: CancelToken) -> Iterator[None]:
        with self._lock:
            turn = self._turns.setdefault(connection_id, threading.Lock())
        while not turn.acquire(timeout=_LOOK_AGAIN_S):
            token.raise_if_cancelled()
        try:
            yield
        finally:
            turn.release()
