"""Killed at any instant, started again, eight at once: the store comes out whole."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.storage.store import Store
from tests import store_worker, torture
from tests.forks import build_forks
from tests.records import a_connection, a_search, a_user
from tests.servers import DatabaseServer
from tests.stores import Fingerprint, StorePlace, server_place
from tests.waiting import wait_until

_DEADLINE_S = 60.0
# Of all kills of a database, so many are for each test.
_UPGRADING, _AT_ANY_TIME, _DOWNGRADING, _UNDONE, _WITH_ROWS = 0.3, 0.1, 0.13, 0.13, 0.34

pytestmark = pytest.mark.torture
_killed: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _told() -> Iterator[None]:
    yield
    for name, count in _killed.items():
        torture.tell(
            f"{name}: killed {count} times while migrating, schema and rows whole again every time"
        )


@pytest.fixture(scope="module")
def processes() -> Any:
    """Child processes forked from a clean one that has imported everything already."""
    return build_forks("tests.store_worker")


@contextmanager
def _child(processes: Any, target: Any, *arguments: Any) -> Iterator[Any]:
    process = processes.Process(target=target, args=arguments)
    process.start()
    try:
        yield process
    finally:
        if process.is_alive():
            process.kill()
        process.join(_DEADLINE_S)
        process.close()


def _migrate(
    processes: Any,
    place: StorePlace,
    *,
    up: bool,
    kill_before: int | None = None,
    kill_after_s: float | None = None,
) -> int:
    arguments = (place.location.url, place.password, up, kill_before)
    with _child(processes, store_worker.migrate, *arguments) as process:
        if kill_after_s is not None:
            threading.Event().wait(kill_after_s)
            process.kill()
        process.join(_DEADLINE_S)
        code: int = process.exitcode
    _killed[place.name] += code == -signal.SIGKILL
    torture.tidy()
    return code


def _count_statements(work: Callable[[], object]) -> int:
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1

    for name in store_worker.COUNTED:
        sa.event.listen(sa.Engine, name, count)
    work()
    for name in store_worker.COUNTED:
        sa.event.remove(sa.Engine, name, count)
    return seen


def _kills(place: StorePlace, quick: int, share: float) -> int:
    """How many; `make torture` kills 1,000 times on a file and 300 times on each server."""
    return torture.times(quick, round(share * (1_000 if place.on_file else 300)))


def _points(total: int, how_many: int) -> list[int]:
    """Numbers of statements in any order, each as often as every other."""
    dice = torture.dice("kills")
    every = range(1, total + 1)
    found = [*every] * (how_many // total) + dice.sample(every, how_many % total)
    dice.shuffle(found)
    return found


def _rows(place: StorePlace) -> dict[str, str]:
    """A checksum of the rows of each table, but for what migrations say of themselves."""
    ours = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        if place.on_file
        else "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        " AND TABLE_TYPE = 'BASE TABLE'"
    )
    return {
        name: hashlib.sha256(
            repr(sorted(map(repr, place.query(f"SELECT * FROM `{name}`")))).encode()
        ).hexdigest()
        for (name,) in place.query(ours)
        if name not in ("migrations", "alembic_version")
    }


def _assert_recovers(place: StorePlace, whole: Fingerprint, label: str) -> None:
    store = place.open()
    store.migrator.upgrade()
    assert place.fingerprint() == whole, label
    status = store.migrator.status()
    assert (status.pending, status.newer) == ((), False), label
    unfinished = place.query("SELECT COUNT(*) FROM migrations WHERE duration_ms IS NULL")
    assert [int(row[0]) for row in unfinished] == [0], label
    user = store.users.create_(a_user(), "x")
    store.connections.create_(a_connection(user))
    store.searches.add_(a_search(user, "after the crash"))
    assert len(store.searches.list_(user.id, text="crash")) == 1, label
    store.users.delete_keeping_an_admin(user.id)
    store.close()


def test_killed_while_upgrading(processes: Any, place: StorePlace, empty: Store) -> None:
    began = time.monotonic()
    total = _count_statements(empty.migrator.upgrade)
    took_s = time.monotonic() - began
    whole = place.fingerprint()
    for point in _points(total, _kills(place, 6, _UPGRADING)):
        empty.migrator.downgrade()
        code = _migrate(processes, place, up=True, kill_before=point)
        assert code == -signal.SIGKILL, f"statement {point} of {total}"
        _assert_recovers(place, whole, f"killed before statement {point} of {total}")
    dice = torture.dice("kills at any time")
    for _ in range(_kills(place, 3, _AT_ANY_TIME)):
        after_s = dice.uniform(0.01, took_s)
        empty.migrator.downgrade()
        _migrate(processes, place, up=True, kill_after_s=after_s)
        _assert_recovers(place, whole, f"killed after {after_s:.3f} s")


def test_killed_while_downgrading(processes: Any, place: StorePlace, empty: Store) -> None:
    empty.migrator.upgrade()
    whole = place.fingerprint()
    total = _count_statements(empty.migrator.downgrade)
    for point in _points(total, _kills(place, 4, _DOWNGRADING)):
        empty.migrator.upgrade()
        code = _migrate(processes, place, up=False, kill_before=point)
        assert code == -signal.SIGKILL, f"statement {point} of {total}"
        if point % 2:
            _assert_recovers(place, whole, f"killed before statement {point} of {total}")
        else:
            empty.migrator.downgrade()
            assert not any(place.fingerprint().values()), f"statement {point} of {total}"


def test_killed_upgrade_can_be_undone(processes: Any, place: StorePlace, empty: Store) -> None:
    total = _count_statements(empty.migrator.upgrade)
    empty.migrator.downgrade()
    for point in _points(total, _kills(place, 3, _UNDONE)):
        _migrate(processes, place, up=True, kill_before=point)
        empty.migrator.downgrade()
        assert not any(place.fingerprint().values()), f"statement {point} of {total}"
        assert empty.migrator.status().current is None


def test_rows_survive_a_killed_upgrade(processes: Any, place: StorePlace, empty: Store) -> None:
    empty.migrator.upgrade()
    user = empty.users.create_(a_user(name="Ada"), "hash")
    connection = empty.connections.create_(a_connection(user))
    for number in range(20):
        empty.searches.add_(a_search(user, f"kept {number}"))
    empty.migrator.downgrade("0005")
    total = _count_statements(empty.migrator.upgrade)
    whole, rows = place.fingerprint(), _rows(place)
    assert len(rows) > 10
    for point in _points(total, _kills(place, 2, _WITH_ROWS)):
        empty.migrator.downgrade("0005")
        _migrate(processes, place, up=True, kill_before=point)
        empty.migrator.upgrade()
        # The preferences' columns were dropped in between, and only they.
        found = empty.users.find_(user.id)
        assert found is not None
        assert replace(found, updated_at=None) == replace(user, updated_at=None)
        assert empty.connections.find_(connection.id) == connection
        assert len(empty.searches.list_(user.id, text="kept")) == 20
        label = f"killed before statement {point} of {total}"
        assert (place.fingerprint(), _rows(place)) == (whole, rows), label


def test_eight_programs_start_at_once(processes: Any, place: StorePlace) -> None:
    pipes = [processes.Pipe() for _ in range(8)]
    children = [
        processes.Process(
            target=store_worker.migrate_and_tell, args=(place.location.url, place.password, theirs)
        )
        for _, theirs in pipes
    ]
    for child in children:
        child.start()
    answers: list[list[str]] = []
    try:
        for ours, _ in pipes:
            assert ours.poll(_DEADLINE_S)
            assert ours.recv() == "ready"
        for ours, _ in pipes:
            ours.send("go")
        for ours, _ in pipes:
            assert ours.poll(_DEADLINE_S)
            answers.append(ours.recv())
    finally:
        for child in children:
            if child.is_alive():
                child.join(_DEADLINE_S)
            child.close()
        for ends in pipes:
            for end in ends:
                end.close()
    assert all(isinstance(answer, list) for answer in answers), answers
    store = place.open()
    ids = [revision.id for revision in store.migrator.status().revisions]
    # Each revision was applied once, and all by the same program.
    assert sorted(answers, key=len) == [*([[]] * 7), ids]
    rows = place.query("SELECT revision FROM migrations ORDER BY id")
    assert [row[0] for row in rows] == ids
    assert store.migrator.status().pending == ()
    store.close()


def test_the_lock_of_a_stopped_program_is_waited_for(processes: Any, place: StorePlace) -> None:
    """A program that is stopped in the middle keeps the lock; once it is killed, others go on."""
    arguments = (place.location.url, place.password, True, None, 120)
    with _child(processes, store_worker.migrate, *arguments) as stopped:
        _wait_until_stopped(stopped.pid)
        store = place.open()
        done = threading.Event()

        def upgrade() -> None:
            store.migrator.upgrade()
            done.set()

        waiter = threading.Thread(target=upgrade)
        waiter.start()
        assert not done.wait(0.7)
        stopped.kill()
        assert done.wait(_DEADLINE_S)
        waiter.join(_DEADLINE_S)
        assert store.migrator.status().pending == ()
        store.close()


def _wait_until_stopped(pid: int) -> None:
    def stopped() -> bool:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii")
        return stat.rsplit(")", 1)[1].split()[0] == "T"

    wait_until(stopped, timeout_s=_DEADLINE_S, what="the stop")


def test_killed_while_writing_loses_no_acknowledged_row(
    processes: Any, place: StorePlace, empty: Store
) -> None:
    empty.migrator.upgrade()
    user = empty.users.create_(a_user(), "x")
    acknowledged: set[str] = set()
    dice = torture.dice("kills")
    for _ in range(8):
        ours, theirs = processes.Pipe()
        arguments = (place.location.url, place.password, user.id, theirs)
        with _child(processes, store_worker.write_for_ever, *arguments) as process:
            theirs.close()
            assert ours.poll(_DEADLINE_S)
            threading.Event().wait(dice.uniform(0.0, 0.15))
            process.kill()
            process.join(_DEADLINE_S)
            while ours.poll(0):
                try:
                    acknowledged.add(ours.recv())
                except EOFError:
                    break
        ours.close()
    kept = {record.id for record in empty.searches.list_(None, limit=100_000)}
    assert acknowledged <= kept
    assert len(acknowledged) >= 8
    # At most the one under way at each kill was not acknowledged.
    assert len(kept) <= len(acknowledged) + 8
    for search_id in acknowledged:
        assert empty.searches.list_(None, text=f"word{search_id[:8]}")[0].id == search_id
    if place.on_file:
        assert place.query("PRAGMA integrity_check") == [("ok",)]
        place.query("INSERT INTO ft_query (ft_query, rank) VALUES ('integrity-check', 1)")


@pytest.mark.parametrize("flavour", [Flavour.MARIADB, Flavour.MYSQL], ids=str)
def test_the_server_is_killed_while_upgrading(
    processes: Any, private_server: Callable[..., DatabaseServer], flavour: Flavour
) -> None:
    # As a server is run where it matters: what it has committed survives its death.
    server = private_server(flavour, ["--innodb-flush-log-at-trx-commit=1"])
    reference = server_place(server, server.create_database())
    with closing(reference.open()) as store:
        total = _count_statements(store.migrator.upgrade)
    whole = reference.fingerprint()
    place = server_place(server, server.create_database())
    for point in _points(total, torture.times(3, 60)):
        arguments = (place.location.url, place.password, True, None, point)
        with _child(processes, store_worker.migrate, *arguments) as stopped:
            _wait_until_stopped(stopped.pid)
            server.kill()
            server.start()
            os.kill(stopped.pid, signal.SIGCONT)
            stopped.join(_DEADLINE_S)
            assert stopped.exitcode == store_worker.FAILED, "the line is broken"
        _assert_recovers(place, whole, f"server killed before statement {point} of {total}")
        with closing(place.open()) as store:
            store.migrator.downgrade()
