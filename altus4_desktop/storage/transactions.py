"""Reading and writing in transactions, with the answer that is right when the line breaks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditEvent, ChainEnd
from altus4_desktop.domain.errors import AltusError, ConflictError, NotFoundError, StoreError
from altus4_desktop.storage.audit_chain import append_events
from altus4_desktop.storage.engine import WRITES
from altus4_desktop.storage.failures import audit_failure, is_lost_race, translate
from altus4_desktop.storage.location import StoreLocation

_log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[sa.Connection], T]
# How often a transaction is tried that others are quicker than.
_RACES = 5


class _Unconfirmed(Exception):
    """The line broke while COMMIT was under way: it may have happened or not."""


class _Raced(Exception):
    """Somebody else's transaction was quicker; nothing of this one was done."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Transactions:
    """Runs work in transactions of one engine; only domain errors come out.

    ``appended`` is told the end of the audit log before and after events were committed.
    """

    def __init__(
        self,
        engine: sa.Engine,
        location: StoreLocation,
        appended: Callable[[ChainEnd, ChainEnd], None] | None = None,
    ) -> None:
        self._engine = engine
        self._location = location
        self._appended = appended

    def read(self, work: Work[T]) -> T:
        """The result of ``work``; raises StoreError."""
        try:
            with self._engine.connect() as connection:
                return work(connection)
        except Exception as error:
            raise self._domain_error(error) from error

    def write(
        self,
        work: Work[bool | None],
        *,
        settled: Work[bool],
        repeatable: bool = False,
        events: Sequence[AuditEvent] = (),
        even_unaudited: bool = False,
    ) -> None:
        """Commit ``work`` once and only once, and with it the ``events`` it makes true.

        Work that returns False has changed nothing, and no event is written. ``events`` go last,
        because everybody who changes something waits for the end of their chain.
        When the line breaks during COMMIT, ``settled`` looks whether what ``work`` did is there
        before it is tried again. ``repeatable``: a caller who got no answer may ask again for the
        same thing, of the same id. ``even_unaudited``: where the audit log is broken, ``work`` is
        committed without its events, and that is logged. Raises what ``work`` raises, StoreError
        (``audit.broken``), ConflictError; with the code ``store.unconfirmed`` when nobody can be
        asked whether it was saved.
        """
        try:
            self._attempt(work, events, even_unaudited)
        except _Unconfirmed as lost:
            self._confirm(work, settled, lost, events, even_unaudited)
        except ConflictError:
            if not (repeatable and self.read(settled)):
                raise

    def _confirm(
        self,
        work: Work[bool | None],
        settled: Work[bool],
        lost: _Unconfirmed,
        events: Sequence[AuditEvent],
        even_unaudited: bool,
    ) -> None:
        try:
            if self.read(settled):
                return
            try:
                self._attempt(work, events, even_unaudited)
            except (ConflictError, NotFoundError):
                # The first COMMIT was still being carried out when we looked.
                if not self.read(settled):
                    raise
        except (StoreError, _Unconfirmed) as error:
            raise StoreError(
                "The metadata store was lost while saving; whether it was saved is not known.",
                hint="Look again when the store is back, before saving it once more.",
                code="store.unconfirmed",
                retryable=True,
            ) from (error if isinstance(error, StoreError) else lost)

    def _attempt(
        self, work: Work[bool | None], events: Sequence[AuditEvent], even_unaudited: bool
    ) -> None:
        for _ in range(_RACES):
            try:
                self._attempt_once(work, events, even_unaudited)
            except _Raced as lost:
                # The server has undone it all; whoever was quicker has finished meanwhile.
                race = lost
            else:
                return
        raise self._domain_error(race.error) from race.error

    def _attempt_once(
        self, work: Work[bool | None], events: Sequence[AuditEvent], even_unaudited: bool
    ) -> None:
        try:
            with self._engine.connect().execution_options(**{WRITES: True}) as connection:
                transaction = connection.begin()
                ends = None
                try:
                    if work(connection) is not False and events:
                        ends = self._append(connection, events, even_unaudited)
                except BaseException:
                    transaction.rollback()
                    raise
                try:
                    transaction.commit()
                except Exception as error:
                    if connection.invalidated:
                        raise _Unconfirmed from error
                    raise
            if ends is not None and self._appended is not None:
                self._appended(*ends)
        except _Unconfirmed:
            raise
        except Exception as error:
            if is_lost_race(error):
                raise _Raced(error) from error
            raise self._domain_error(error) from error

    def _append(
        self, connection: sa.Connection, events: Sequence[AuditEvent], even_unaudited: bool
    ) -> tuple[ChainEnd, ChainEnd] | None:
        try:
            return append_events(connection, events)
        except sa.exc.DBAPIError as error:
            if connection.invalidated or is_lost_race(error):
                raise
            known = audit_failure(self._domain_error(error))
            if not (even_unaudited and known.code == "audit.broken"):
                raise known from error
            actions = ", ".join(event.action for event in events)
            _log.warning("Not written down, because the audit log is broken: %s", actions)
            return None

    def _domain_error(self, error: Exception) -> AltusError:
        return translate(error, self._location)
