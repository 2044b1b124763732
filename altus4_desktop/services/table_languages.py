"""Which language the texts of a table are in, told by a few of its rows."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.schema import TableInfo
from altus4_desktop.search.stemming import detect_language
from altus4_desktop.services.table_samples import searched_columns

if TYPE_CHECKING:
    from altus4_desktop.mysql.session import TenantSession

_LOG = logging.getLogger(__name__)

MAX_AGE_S = 3600.0
# A table that was too slow to be read is not asked by each search anew.
RETRY_S = 60.0
MOST_TABLES = 512

_PROBED_ROWS = 30
_PROBED_CHARS = 600
_PROBE_S = 0.5


class TableLanguages:
    """The languages of the tables asked last; for any thread.

    A language is kept, so that every page of a search is read in the same one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, ...], tuple[str, float]] = OrderedDict()
        self._clearings = 0

    def clear(self, connection_id: str | None = None) -> None:
        """Forget every language, or those of one connection."""
        with self._lock:
            self._clearings += 1
            for key in [key for key in self._known if connection_id in (None, key[0])]:
                del self._known[key]

    def find(self, session: TenantSession, table: TableInfo, *, deadline: float, tag: str) -> str:
        """The language (ISO 639-1) of ``table``; "" when its rows do not tell.

        Asks the server once, not beyond ``deadline`` (monotonic seconds). Raises `TenantError` for
        all but a statement that took too long, and `Cancelled`.
        """
        target = session.target
        key = target.connection_id, target.database, table.name, *searched_columns(table)
        with self._lock:
            known = self._known.get(key)
            if known is not None and time.monotonic() < known[1]:
                self._known.move_to_end(key)
                return known[0]
            clearings = self._clearings
        text = _read(session, table, deadline, tag)
        language = detect_language(text or "")
        age_s = RETRY_S if text is None else MAX_AGE_S
        with self._lock:
            # What was to be forgotten meanwhile is not remembered after.
            if clearings != self._clearings:
                return language
            self._known[key] = language, time.monotonic() + age_s
            while len(self._known) > MOST_TABLES:
                self._known.popitem(last=False)
        return language


def _read(session: TenantSession, table: TableInfo, deadline: float, tag: str) -> str | None:
    """What some rows say; None when that took too long."""
    from altus4_desktop.mysql.candidates import read_sample

    try:
        rows = read_sample(
            session,
            table,
            searched_columns(table),
            start=None,
            limit=_PROBED_ROWS,
            cell_limit=_PROBED_CHARS,
            timeout_s=max(0.0, min(_PROBE_S, deadline - time.monotonic())),
            tag=tag,
        )
    except TenantError as error:
        if error.failure is not TenantFailure.TIMEOUT or session.broken:
            raise
        _LOG.info("language of a table not read: %s", error.code)
        return None
    return "\n".join(cell for row in rows for cell in row.cells)
