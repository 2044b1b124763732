"""The line breaks while COMMIT is under way: nothing is lost and nothing is done twice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.audit import AuditQuery, SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import ConflictError, StoreError
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.domain.query_sets import JudgedRow, QuerySet, QuerySetDraft, SetQueryDraft
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.audit_walk import walk_chain
from altus4_desktop.storage.store import Store
from tests.records import AN_INSTANT, a_connection, a_search, a_user
from tests.stores import StorePlace

Write = Callable[[Store], object]

_ADA = a_user(name="Ada", role=Role.ADMIN)
_BOB = a_user(name="Bob", role=Role.ADMIN)
_NEW = a_user(name="New")
_FIRST = a_connection(_ADA, name="first")
_SECOND = a_connection(_ADA, name="second", database="second")
_SET = QuerySet("set", _ADA.id, QuerySetDraft("First"))
_ROW = JudgedRow("c", "Shop", "t/1")
_LIMITS = (10, 10)
_SEARCH = a_search(_ADA, "an old one", created_at=AN_INSTANT)

_WRITES: dict[str, Write] = {
    "create user": lambda store: store.users.create_(_NEW, "x"),
    "update user": lambda store: store.users.update_(replace(_ADA, name="Ada L.")),
    "password": lambda store: store.users.update_password_hash(_ADA.id, "new"),
    "role": lambda store: store.users.set_role_keeping_an_admin(_ADA.id, Role.USER),
    "delete user": lambda store: store.users.delete_keeping_an_admin(_BOB.id),
    "create connection": lambda store: store.connections.create_(_SECOND),
    "update connection": lambda store: store.connections.update_(
        replace(_FIRST, port=99), store.connections.list_(None)[0].updated_at
    ),
    "touch": lambda store: store.connections.touch_(_FIRST.id, datetime(2027, 1, 1, tzinfo=UTC)),
    "delete connection": lambda store: store.connections.delete_(_FIRST.id),
    "add search": lambda store: store.searches.add_(
        a_search(_ADA, "a new one", id="s", created_at=AN_INSTANT)
    ),
    "delete searches": lambda store: store.searches.delete_(_ADA.id),
    "create set": lambda store: store.query_sets.create_(
        QuerySet("second", _ADA.id, QuerySetDraft("Second")), 10
    ),
    "rename set": lambda store: store.query_sets.update_(_SET, QuerySetDraft("Other")),
    "delete set": lambda store: store.query_sets.delete_([_SET.id]),
    "add queries": lambda store: store.query_sets.add_queries_(
        _SET.id, [("q2", SetQueryDraft("two")), ("q3", SetQueryDraft("word"))], 10
    ),
    "delete queries": lambda store: store.query_sets.delete_queries_(_SET.id, ["q1"]),
    "judge": lambda store: store.judgements.judge_(
        _SET.id, ("q4", SetQueryDraft("new")), _ROW, 2, (), _LIMITS
    ),
    "judge again": lambda store: store.judgements.judge_(
        _SET.id, ("q4", SetQueryDraft("word")), _ROW, 2, (), _LIMITS
    ),
    "withdraw": lambda store: store.judgements.judge_(
        _SET.id, ("q4", SetQueryDraft("word")), _ROW, None, (), _LIMITS
    ),
    "import": lambda store: store.judgements.import_(
        _SET.id, [("q5", SetQueryDraft("word", "1"))], {"1": {_ROW: 0}}, _LIMITS
    ),
    "failure": lambda store: store.sign_ins.record_failure("x@example.org", AN_INSTANT),
    "clear": lambda store: store.sign_ins.clear("y@example.org"),
}


# A file has no line that breaks.
pytestmark = pytest.mark.parametrize(
    "shared_place", ["mariadb", "mysql"], indirect=True, scope="module"
)


@pytest.fixture
def place(shared_place: StorePlace) -> StorePlace:
    """Migrated once for all tests here."""
    return shared_place


def _prepare(store: Store) -> None:
    store.users.create_(_ADA, "x")
    store.users.create_(_BOB, "x")
    store.connections.create_(_FIRST)
    store.searches.add_(_SEARCH)
    store.sign_ins.record_failure("y@example.org", AN_INSTANT)
    store.query_sets.create_(_SET, 10)
    store.judgements.judge_(_SET.id, ("q1", SetQueryDraft("word")), _ROW, 3, (), _LIMITS)


def _state(place: StorePlace) -> list[object]:
    return [
        place.query(statement)
        for statement in (
            "SELECT id, name, role, password FROM users ORDER BY id",
            "SELECT id, name, port, last_connected FROM `databases` ORDER BY id",
            "SELECT id, user_id, query FROM searches ORDER BY id",
            "SELECT id, name FROM query_sets ORDER BY id",
            "SELECT id, name, position, query FROM set_queries ORDER BY position",
            "SELECT query_id, connection_id, document, grade FROM judgements ORDER BY query_id",
            "SELECT failures, last_at FROM sign_in_failures ORDER BY email_hash",
        )
    ]


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


@pytest.mark.parametrize("name", list(_WRITES))
def test_a_broken_commit_is_done_once(place: StorePlace, shared_store: Store, name: str) -> None:
    _prepare(shared_store)
    _WRITES[name](shared_store)
    wanted = _state(place)
    for after in (False, True):
        for table in ("users", "searches", "sign_in_failures"):
            place.query(f"DELETE FROM {table}")
        _prepare(shared_store)
        assert _state(place) != wanted
        with _break_next_commit(place, shared_store, after=after) as broken:
            _WRITES[name](shared_store)
        assert broken
        assert _state(place) == wanted, broken


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
    _prepare(shared_store)
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
