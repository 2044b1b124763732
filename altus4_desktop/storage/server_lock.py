"""The server's lock for one metadata database: whoever changes or copies its schema holds it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import sqlalchemy as sa

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.progress import Progress, ProgressSink

# A killed program's ALTER runs on in the server and keeps the lock until it is done.
_WAIT_S = 600.0
_SLICE_S = 1
_MAX_NAME = 64
_PREFIX = "altus4.migrate."


def lock_name(database: str) -> str:
    """The name of the migration lock: server-wide, so the database is part of it."""
    name = _PREFIX + database
    if len(name) <= _MAX_NAME:
        return name
    return _PREFIX + sha256(database.encode()).hexdigest()[: _MAX_NAME - len(_PREFIX)]


@contextmanager
def hold_lock(
    connection: sa.Connection, database: str, progress: ProgressSink, token: CancelToken
) -> Iterator[None]:
    """Hold the lock of ``database``; it goes with the session, however that ends.

    Raises StoreError (``store.busy``) when others keep it for too long, Cancelled.
    """
    name = lock_name(database)
    until = time.monotonic() + _WAIT_S
    take = sa.text("SELECT GET_LOCK(:name, :wait_s)")
    while connection.execute(take, {"name": name, "wait_s": _SLICE_S}).scalar() != 1:
        if time.monotonic() > until:
            raise StoreError(
                "Another program has been upgrading the metadata store for too long.",
                hint="Wait until it has finished, or ask whoever runs the server.",
                code="store.busy",
                retryable=True,
            )
        token.raise_if_cancelled()
        progress(Progress("Waiting for another program that upgrades the metadata store"))
    connection.rollback()
    # When this fails the session is closed, which gives the lock back as well.
    yield
    connection.execute(sa.text("SELECT RELEASE_LOCK(:name)"), {"name": name})
    connection.rollback()
