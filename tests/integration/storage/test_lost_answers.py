"""The line breaks while COMMIT is under way: nothing is lost and nothing is done twice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from inspect import signature

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditQuery, SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import ConflictError, StoreError
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.driver.wire import PING_TIMEOUT_S
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.audit_walk import walk_chain
from altus4_desktop.storage.store import Store, open_store
from tests.audited import writing_methods
from tests.faults import Fault, FaultProxy, Line
from tests.records import a_connection, a_user
from tests.store_writes import OTHERS, WRITES, empty, prepare, state, times_told
from tests.stores import StorePlace

# A file has no line that breaks.
pytestmark = pytest.mark.parametrize(
    "shared_place", ["mariadb", "mysql"], indirect=True, scope="module"
)


@pytest.fixture
def place(shared_place: StorePlace) -> StorePlace:
    """Migrated once for all tests here."""
    return shared_place


@contextlib.contextmanager
def _break_next_commit(place: StorePlace, store: Store, *, after: bool) -> Iterator[list[str]]:
    """The session is killed before, or right after, the server has carried out the COMMIT."""
    broken: list[str] = []

    def lose(connection: sa.Connection) -> None:
        if broken:
            return
        session = connection.connection.dbapi_connection
        assert session is not None
        number = session.thread_id()
        if after:
            session.commit()
        place.query(f"KILL CONNECTION {number}")
        broken.append("after" if after else "before")

    sa.event.listen(store._engine, "commit", lose)
    try:
        yield broken
    finally:
        sa.event.remove(store._engine, "commit", lose)


@pytest.mark.parametrize("name", list(WRITES))
def test_a_broken_commit_is_done_once(place: StorePlace, shared_store: Store, name: str) -> None:
    prepare(shared_store)
    before = state(shared_store)
    WRITES[name](shared_store, [])
    wanted = state(shared_store)
    assert wanted != before
    for after in (False, True):
        empty(shared_store)
        prepare(shared_store)
        told = build_event(None, name, SubjectKind.STORE)
        with _break_next_commit(place, shared_store, after=after) as broken:
            WRITES[name](shared_store, [told])
        assert broken
        assert state(shared_store) == wanted, broken
        takes_events = "events" in signature(_method(shared_store, name)).parameters
        assert times_told(shared_store, told) == takes_events


def test_every_kind_of_write_is_here(shared_store: Store) -> None:
    every = {
        f"{attribute}.{method}"
        for attribute, repository in vars(shared_store).items()
        if type(repository).__name__.endswith("Repository")
        for method in writing_methods(type(repository))
    }
    assert every == {name.partition(" ")[0] for name in WRITES} | {*OTHERS}
    assert {name.partition(" ")[0] for name in WRITES}.isdisjoint(OTHERS)


def _method(store: Store, name: str) -> Callable[..., object]:
    repository, _, method = name.partition(" ")[0].partition(".")
    found: Callable[..., object] = getattr(getattr(store, repository), method)
    return found


@pytest.mark.parametrize("after", [False, True], ids=["not done", "done"])
def test_what_a_broken_commit_did_is_written_down_once(
    place: StorePlace, shared_store: Store, after: bool
) -> None:
    owner = a_user()
    shared_store.users.create_(owner, "x")
    connection = a_connection(owner)
    change = build_event(None, "connection.created", SubjectKind.CONNECTION, connection.id)
    alone = build_event(None, "session.refused", SubjectKind.USER)
    with _break_next_commit(place, shared_store, after=after) as broken:
        shared_store.connections.create_(connection, events=[change])
    assert broken
    with _break_next_commit(place, shared_store, after=after) as broken:
        shared_store.audit.add_([alone])
    assert broken
    newest = shared_store.audit.list_(AuditQuery(), limit=3)
    assert [record.event.id for record in newest[:2]] == [alone.id, change.id]
    assert change.id not in [record.event.id for record in newest[2:]]
    assert shared_store.connections.find_(connection.id) is not None
    assert walk_chain(shared_store.audit, None, ignore_progress, CancelToken()).intact


def test_nobody_to_ask_is_said_and_the_same_id_is_safe(
    place: StorePlace, shared_store: Store
) -> None:
    account = f"'{place.location.username}'@'%'"
    for after in (False, True):
        user = a_user()

        def lock_out(connection: sa.Connection) -> None:
            place.query(f"ALTER USER {account} ACCOUNT LOCK")

        with _break_next_commit(place, shared_store, after=after):
            sa.event.listen(shared_store._engine, "commit", lock_out)
            try:
                with pytest.raises(StoreError) as caught:
                    shared_store.users.create_(user, "x")
            finally:
                sa.event.remove(shared_store._engine, "commit", lock_out)
                place.query(f"ALTER USER {account} ACCOUNT UNLOCK")
        assert caught.value.code == "store.unconfirmed"
        assert (shared_store.users.find_(user.id) is not None) == after
        assert shared_store.users.create_(user, "x").id == user.id
        assert len(shared_store.users.list_()) == (2 if after else 1)


def test_somebody_elses_change_in_between_is_a_conflict(
    place: StorePlace, shared_store: Store
) -> None:
    """The first COMMIT never happened, and before the second attempt another desktop saved."""
    prepare(shared_store)
    seen = shared_store.connections.list_(None)[0]

    def overtake(connection: sa.Connection) -> None:
        # Waits until the server has let go of what the killed session had locked.
        place.query("UPDATE `databases` SET port = 7, updated_at = updated_at + INTERVAL 9 SECOND")

    with (
        _break_next_commit(place, shared_store, after=False) as broken,
        pytest.raises(ConflictError),
    ):
        _update_overtaken(shared_store, seen.id, overtake, broken)
    assert shared_store.connections.list_(None)[0].port == 7


def _update_overtaken(
    store: Store, connection_id: str, overtake: Callable[[sa.Connection], None], broken: list[str]
) -> None:
    done: list[bool] = []

    def before_second(connection: sa.Connection) -> None:
        if broken and not done:
            done.append(True)
            overtake(connection)

    sa.event.listen(store._engine, "begin", before_second)
    try:
        seen = store.connections.find_(connection_id)
        assert seen is not None
        store.connections.update_(replace(seen, port=99), seen.updated_at)
    finally:
        sa.event.remove(store._engine, "begin", before_second)


class _OneFallsSilent(FaultProxy):
    """The line that is next to be spoken on says nothing any more; others are as they were."""

    def note_strike(self, fault: Fault, line: Line) -> None:
        line.dead, self.fault = True, Fault.NONE


def test_a_line_that_fell_silent_meanwhile_is_not_waited_for(place: StorePlace) -> None:
    with (
        closing(_OneFallsSilent(place.location.port)) as proxy,
        closing(open_store(replace(place.location, port=proxy.port), place.password)) as store,
    ):
        store.users.exists_real()
        proxy.fault = Fault.BLACKHOLE
        began = time.monotonic()
        store.users.exists_real()
        assert proxy.fault is Fault.NONE
        assert time.monotonic() - began < 5 * PING_TIMEOUT_S
