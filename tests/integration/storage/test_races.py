"""Transactions that another one was quicker than: they are tried again, unseen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditQuery, SubjectKind
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.services.audit import build_event
from altus4_desktop.storage.store import Store
from altus4_desktop.storage.tables import databases, users
from altus4_desktop.storage.transactions import Transactions
from tests.records import a_connection, a_search, a_user
from tests.servers import DatabaseServer
from tests.stores import StorePlace, server_place

_DEADLINE_S = 60.0


def _transactions(place: StorePlace, store: Store) -> Transactions:
    return Transactions(store._engine, place.location)


def _settled(_: sa.Connection) -> bool:
    return True


@pytest.fixture
def strict_place(private_server: Callable[..., DatabaseServer]) -> StorePlace:
    """A MariaDB that refuses to lock rows which changed since the transaction began, as it does
    from 11.6 on."""
    server = private_server(Flavour.MARIADB, ["--innodb-snapshot-isolation=ON"])
    return server_place(server, server.create_database("altus4_strict"))


def test_a_deadlock_is_survived_by_both(on_server: StorePlace) -> None:
    store = on_server.open()
    store.migrator.upgrade()
    first, second = a_user(name="first"), a_user(name="second")
    store.users.create_(first, "x")
    store.users.create_(second, "x")
    both_have_one = threading.Barrier(2)
    failures: list[BaseException] = []
    tries: list[str] = []

    def swap(mine: str, theirs: str) -> None:
        def work(connection: sa.Connection) -> None:
            tries.append(mine)
            connection.execute(sa.update(users).where(users.c.id == mine).values(timezone="A"))
            if len(tries) <= 2:
                both_have_one.wait(_DEADLINE_S)
            connection.execute(sa.update(users).where(users.c.id == theirs).values(name=mine))

        try:
            _transactions(on_server, store).write(
                work,
                settled=_settled,
                events=[build_event(None, "user.updated", SubjectKind.USER, mine)],
            )
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=swap, args=pair)
        for pair in ((first.id, second.id), (second.id, first.id))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_DEADLINE_S)
    assert failures == []
    assert len(tries) == 3
    told = [record.event.subject_id for record in store.audit.list_(AuditQuery(), limit=2)]
    assert sorted(told) == sorted([first.id, second.id])
    store.close()


def test_a_chain_that_has_grown_meanwhile_is_no_failure(strict_place: StorePlace) -> None:
    store = strict_place.open()
    store.migrator.upgrade()
    meanwhile = build_event(None, "user.updated", SubjectKind.USER, "meanwhile")
    mine = build_event(None, "user.updated", SubjectKind.USER, "mine")
    tries = 0

    def work(connection: sa.Connection) -> None:
        nonlocal tries
        tries += 1
        connection.execute(sa.select(users.c.id)).all()
        if tries == 1:
            store.audit.add_([meanwhile])

    _transactions(strict_place, store).write(work, settled=_settled, events=[mine])
    assert tries == 2
    newest = store.audit.list_(AuditQuery(), limit=2)
    assert [record.event.subject_id for record in newest] == ["mine", "meanwhile"]
    store.close()


def test_who_is_always_too_slow_is_told(strict_place: StorePlace) -> None:
    store = strict_place.open()
    store.migrator.upgrade()
    tries = 0

    def work(connection: sa.Connection) -> None:
        nonlocal tries
        tries += 1
        connection.execute(sa.select(users.c.id)).all()
        store.audit.add_([build_event(None, "user.updated", SubjectKind.USER)])

    events = [build_event(None, "user.updated", SubjectKind.USER, "mine")]
    with pytest.raises(StoreError) as caught:
        _transactions(strict_place, store).write(work, settled=_settled, events=events)
    assert caught.value.code == "store.busy"
    assert tries == 5
    assert "mine" not in [record.event.subject_id for record in store.audit.list_(AuditQuery())]
    store.close()


def test_a_connection_is_not_deleted_while_its_search_is_kept(on_server: StorePlace) -> None:
    store = on_server.open()
    store.migrator.upgrade()
    user = a_user()
    store.users.create_(user, "x")
    connection = a_connection(user)
    store.connections.create_(connection)
    refused: list[str] = []

    def delete(session: sa.Connection, _: object, statement: str, *_rest: object) -> None:
        if "FROM `databases`" not in statement or refused:
            return
        refused.append(statement)
        with closing(on_server.open()) as other, other._engine.connect() as someone:
            someone.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 1")
            with pytest.raises(sa.exc.OperationalError, match="Lock wait timeout"):
                someone.execute(sa.delete(databases).where(databases.c.id == connection.id))

    sa.event.listen(store._engine, "after_cursor_execute", delete)
    record = a_search(user, "tern", connection_id=connection.id)
    store.searches.add_(record)
    assert refused
    assert [kept.connection_id for kept in store.searches.list_(user.id)] == [connection.id]
    store.close()
