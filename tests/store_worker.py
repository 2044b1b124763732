"""What child processes do to a metadata store, to be killed while they do it."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection as Pipe
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.storage import alembic_steps  # noqa: F401  # loaded once, before the fork
from altus4_desktop.storage.location import parse_store_url
from altus4_desktop.storage.store import open_store
from tests.store_writes import WRITES

# COMMIT is no cursor's statement; dying before it is dying after the statement before.
COUNTED = ("before_cursor_execute", "commit")

FAILED = 4


def migrate(
    url: str,
    password: str | None,
    up: bool,
    kill_before: int | None,
    stop_before: int | None = None,
) -> None:
    """Upgrade to the newest or downgrade to nothing; die or stop before the numbered statement."""
    if kill_before is not None:
        _before_statement(kill_before, signal.SIGKILL)
    if stop_before is not None:
        _before_statement(stop_before, signal.SIGSTOP)
    store = open_store(parse_store_url(url), password)
    try:
        if up:
            store.migrator.upgrade()
        else:
            store.migrator.downgrade()
    except AltusError:
        raise SystemExit(FAILED) from None
    store.close()


def migrate_and_tell(url: str, password: str | None, pipe: Pipe) -> None:
    """Upgrade when told to; send the revisions this process applied, or the failure."""
    store = open_store(parse_store_url(url), password)
    pipe.send("ready")
    pipe.recv()
    try:
        pipe.send([revision.id for revision in store.migrator.upgrade().revisions])
    except AltusError as error:
        pipe.send(f"{error.code}: {error}")
    store.close()


def write_for_ever(url: str, password: str | None, user_id: str, pipe: Pipe) -> None:
    """Add searches one after the other and send the id of each that was acknowledged."""
    import uuid

    from altus4_desktop.domain.searching import SearchMode, SearchRecord

    store = open_store(parse_store_url(url), password)
    while True:
        search_id = str(uuid.uuid4())
        query = f"word{search_id[:8]} common"
        store.searches.add_(SearchRecord(search_id, user_id, None, query, SearchMode.NATURAL))
        pipe.send(search_id)


def write(url: str, password: str | None, name: str, event: AuditEvent, pipe: Pipe) -> None:
    """When told to, do the write ``name`` of `tests.store_writes` with its event, and say so."""
    store = open_store(parse_store_url(url), password)
    # So that there is a connection already: it is the write that is meant to be killed.
    store.users.exists_real()
    pipe.send("ready")
    pipe.recv()
    WRITES[name](store, [event])
    pipe.send("done")
    pipe.recv()


def write_audited(url: str, password: str | None, user_id: str, count: int, pipe: Pipe) -> None:
    """When told to, save connections and delete every other one, each with its event; send how
    many events that were, or the failure."""
    from altus4_desktop.domain.audit import SubjectKind
    from altus4_desktop.services.audit import build_event
    from tests.records import a_connection, a_user

    store = open_store(parse_store_url(url), password)
    pipe.send("ready")
    pipe.recv()
    events = 0
    try:
        for number in range(count):
            record = a_connection(a_user(id=user_id), port=number + 1, host=f"h{os.getpid()}")
            subject = (SubjectKind.CONNECTION, record.id, record.name)
            store.connections.create_(record, [build_event(None, "connection.created", *subject)])
            events += 1
            if number % 2:
                gone = build_event(None, "connection.deleted", *subject)
                store.connections.delete_(record.id, [gone])
                events += 1
        pipe.send(events)
    except AltusError as error:
        pipe.send(f"{error.code}: {error}")
    store.close()


def count_searches(
    url: str, password: str | None, user_id: str, kill_before: int | None = None
) -> None:
    """Count the user's searches and add up everybody's; die before the numbered statement."""
    store = open_store(parse_store_url(url), password)
    # Only what counts is numbered.
    if kill_before is not None:
        _before_statement(kill_before, signal.SIGKILL)
    (user,) = store.analytics.users_(user_id)
    if user.counted_zone != user.timezone:
        store.analytics.begin_(user_id, user.timezone)
    while store.analytics.roll_up_(user_id, 2):
        pass
    store.analytics.add_up_(store.analytics.unadded_days())
    store.close()


def _before_statement(number: int, what: signal.Signals) -> None:
    seen = 0

    def count(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), what)

    for name in COUNTED:
        sa.event.listen(sa.Engine, name, count)


def kill_before(number: int) -> None:
    """Die before the numbered statement from now on."""
    _before_statement(number, signal.SIGKILL)
