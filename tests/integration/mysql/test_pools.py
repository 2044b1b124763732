"""The pool of a connection under load, in idleness, and when its server fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, PoolStats, Target
from altus4_desktop.domain.errors import AltusError, Cancelled, TenantError, TenantFailure
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.probe import check_connection
from tests.faults import Fault, FaultProxy
from tests.integration.mysql.conftest import SLOW, Library, create_library
from tests.leaks import find_leaks, take_snapshot
from tests.servers import ServerFactory, running_server
from tests.waiting import wait_until


def stats(pools: TenantPools, target: Target) -> PoolStats:
    found = pools.stats(target.connection_id)
    assert found is not None
    return found


def pause(library: Library) -> None:
    """Stop the server's process and wait until it stands still."""
    library.server.pause()
    process = psutil.Process(library.server.pid)
    wait_until(
        lambda: process.status() == psutil.STATUS_STOPPED, timeout_s=5, what="the server to stop"
    )


def ask(pools: TenantPools, target: Target, token: CancelToken | None = None) -> int:
    """One harmless question."""
    with pools.borrow(target, token or CancelToken()) as session:
        return int(session.query("SELECT COUNT(*) FROM numbers")[0][0])


def test_fifty_searches_share_five_connections(library: Library, pools: TenantPools) -> None:
    target = library.target(size=5)
    most = 0

    def search(_: int) -> int:
        nonlocal most
        with pools.borrow(target, CancelToken()) as session:
            most = max(most, stats(pools, target).active)
            return int(session.query("SELECT COUNT(*) FROM numbers a, numbers b")[0][0])

    with ThreadPoolExecutor(50) as executor:
        assert list(executor.map(search, range(100))) == [10_000] * 100
    assert most == 5
    now = stats(pools, target)
    assert (now.active, now.queued) == (0, 0)
    assert now.total == now.idle <= 5
    assert library.connected() <= 5


def test_the_queue_is_fair(library: Library, pools: TenantPools) -> None:
    target = library.target(size=1)
    served: list[int] = []

    def search(number: int) -> None:
        with pools.borrow(target, CancelToken()):
            served.append(number)

    def is_queued(number: int) -> bool:
        return stats(pools, target).queued == number + 1

    with ThreadPoolExecutor(8) as executor, pools.borrow(target, CancelToken()):
        for number in range(8):
            executor.submit(search, number)
            wait_until(partial(is_queued, number), timeout_s=5, what="the queue")
    assert served == list(range(8))


def test_a_pool_that_stays_busy_says_so(library: Library, pools: TenantPools) -> None:
    target = library.target(size=1, acquire_timeout_s=0.2)
    with pools.borrow(target, CancelToken()):
        began = time.monotonic()
        with pytest.raises(TenantError) as caught, pools.borrow(target, CancelToken()):
            pass
        assert 0.15 < time.monotonic() - began < 1.0
    assert caught.value.failure is TenantFailure.BUSY
    assert "All 1 connections" in caught.value.message
    assert caught.value.retryable
    assert ask(pools, target) == 100


def test_waiting_in_the_queue_can_be_cancelled(library: Library, pools: TenantPools) -> None:
    target, token = library.target(size=1), CancelToken()
    with pools.borrow(target, CancelToken()), ThreadPoolExecutor(1) as executor:
        work = executor.submit(ask, pools, target, token)
        wait_until(lambda: stats(pools, target).queued, timeout_s=5, what="the queue")
        token.cancel()
        with pytest.raises(Cancelled):
            work.result(timeout=2)
        assert stats(pools, target).queued == 0
    assert ask(pools, target) == 100


def test_idle_connections_close_and_the_used_one_stays(
    library: Library, pools: TenantPools
) -> None:
    target = library.target(size=4, idle_timeout_s=0.6)
    ready = threading.Barrier(4)

    def hold(_: int) -> None:
        with pools.borrow(target, CancelToken()):
            ready.wait(10)

    with ThreadPoolExecutor(4) as executor:
        list(executor.map(hold, range(4)))
    assert stats(pools, target).idle == 4

    def three_are_gone() -> bool:
        ask(pools, target)
        return stats(pools, target).idle == 1 and library.connected() == 1

    wait_until(three_are_gone, timeout_s=5, what="three idle connections to close")
    wait_until(
        lambda: stats(pools, target).total == 0 and library.connected() == 0,
        timeout_s=5,
        what="the last connection to close",
    )


def test_an_idle_connection_holds_no_metadata_lock(library: Library, pools: TenantPools) -> None:
    with pools.borrow(library.target(), CancelToken()) as session:
        session.query("SELECT * FROM notes")
    library.server.execute(
        "SET SESSION lock_wait_timeout = 2",
        "ALTER TABLE notes COMMENT = 'changed'",
        database=library.database,
    )


def test_another_target_under_the_same_id_gets_a_new_pool(
    library: Library, pools: TenantPools
) -> None:
    first = library.target()
    ask(pools, first)
    second = replace(first, database="information_schema")
    with pools.borrow(second, CancelToken()) as session:
        assert session.query("SELECT DATABASE()") == [("information_schema",)]
    wait_until(lambda: library.connected() == 1, timeout_s=5, what="the old connection to close")


def test_reset_closes_borrowed_connections_when_they_come_back(
    library: Library, pools: TenantPools
) -> None:
    target = library.target()
    with pools.borrow(target, CancelToken()) as session:
        pools.reset(target.connection_id)
        assert session.query("SELECT 1") == [(1,)]
    wait_until(lambda: library.connected() == 0, timeout_s=5, what="the connection to close")


def test_closing_ends_every_statement_on_the_server(library: Library) -> None:
    pools = TenantPools()
    target = library.target(size=3)
    outcomes: list[AltusError] = []

    def search() -> None:
        try:
            with pools.borrow(target, CancelToken()) as session:
                session.query(SLOW, tag="quitting")
        except AltusError as error:
            outcomes.append(error)

    # One more than the pool holds: it waits, and has to leave as well.
    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(library.running("quitting")) == 3, timeout_s=10, what="the statements")
    began = time.monotonic()
    pools.close()
    assert time.monotonic() - began < 2.5
    assert library.running("altus4:quitting") == []
    for thread in threads:
        thread.join(2)
    assert [type(error) for error in outcomes] == [Cancelled] * 4
    with pytest.raises(Cancelled), pools.borrow(target, CancelToken()):
        pass
    wait_until(lambda: library.connected() == 0, timeout_s=5, what="the connections to close")


def test_resetting_all_stops_what_runs_and_begins_anew(
    library: Library, pools: TenantPools
) -> None:
    target = library.target(size=2)
    outcomes: list[AltusError] = []

    def search() -> None:
        try:
            with pools.borrow(target, CancelToken()) as session:
                session.query(SLOW, tag="locking")
        except AltusError as error:
            outcomes.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    ask(pools, target)
    wait_until(lambda: len(library.running("locking")) == 1, timeout_s=10, what="the statement")
    pools.reset_all()
    thread.join(5)
    assert [type(error) for error in outcomes] == [Cancelled]
    assert pools.stats(target.connection_id) is None
    wait_until(lambda: library.connected() == 0, timeout_s=5, what="the connections to close")
    assert ask(pools, target) == 100
    pools.close()
    pools.reset_all()
    with pytest.raises(Cancelled):
        ask(pools, target)


def test_a_killed_idle_connection_is_not_noticed(library: Library, pools: TenantPools) -> None:
    target = library.target()
    with pools.borrow(target, CancelToken()) as session:
        number = session.connection.thread_id()
    library.server.execute(f"KILL {number}")
    assert ask(pools, target) == 100
    assert stats(pools, target).total == 1


def test_a_connection_killed_at_work_is_one_clear_error(
    library: Library, pools: TenantPools
) -> None:
    target = library.target()
    with ThreadPoolExecutor(1) as executor:

        def search() -> None:
            with pools.borrow(target, CancelToken()) as session:
                session.query(SLOW, tag="doomed")

        work = executor.submit(search)
        (number,) = wait_until(
            lambda: library.running("altus4:doomed"), timeout_s=10, what="the statement"
        )
        library.server.execute(f"KILL {number}")
        with pytest.raises(TenantError) as caught:
            work.result(timeout=5)
    assert caught.value.failure is TenantFailure.LOST
    assert caught.value.retryable
    assert ask(pools, target) == 100


def test_a_statement_somebody_else_stops_leaves_the_connection_alive(
    library: Library, pools: TenantPools
) -> None:
    target = library.target()
    with ThreadPoolExecutor(1) as executor:

        def search() -> int:
            with pools.borrow(target, CancelToken()) as session:
                with pytest.raises(TenantError) as caught:
                    session.query(SLOW, tag="stopped")
                assert caught.value.server_code == 1317
                assert "Somebody stopped" in caught.value.message
                return int(session.query("SELECT COUNT(*) FROM numbers")[0][0])

        work = executor.submit(search)
        (number,) = wait_until(
            lambda: library.running("altus4:stopped"), timeout_s=10, what="the statement"
        )
        library.server.execute(f"KILL QUERY {number}")
        assert work.result(timeout=5) == 100


def test_a_full_server_says_so(library: Library, pools: TenantPools) -> None:
    account = library.server.create_search_account(library.database)
    library.server.execute(f"ALTER USER `{account.username}`@'%' WITH MAX_USER_CONNECTIONS 1")
    target = replace(
        library.target(size=2), username=account.username, password_secret=account.password
    )
    with (
        pools.borrow(target, CancelToken()),
        pytest.raises(TenantError) as caught,
        pools.borrow(target, CancelToken()),
    ):
        pass
    assert caught.value.failure is TenantFailure.BUSY
    assert caught.value.server_code == 1226
    assert ask(pools, target) == 100


@pytest.mark.parametrize(
    ("change", "failure", "code"),
    [
        ({"host": "no-such-host.invalid"}, TenantFailure.HOST, None),
        ({"port": 1}, TenantFailure.PORT, None),
        ({"password_secret": "wrong"}, TenantFailure.CREDENTIALS, 1045),
        ({"username": "nobody"}, TenantFailure.CREDENTIALS, 1045),
        ({"database": "no_such_database"}, TenantFailure.DATABASE, 1044),
        ({"host": "/no/such/socket"}, TenantFailure.HOST, None),
    ],
    ids=str,
)
def test_each_failure_has_its_own_sentence(
    change: dict[str, Any], failure: TenantFailure, code: int | None, library: Library
) -> None:
    began = time.monotonic()
    with pytest.raises(TenantError) as caught:
        check_connection(replace(library.target(), **change), CancelToken())
    assert caught.value.failure is failure
    assert caught.value.server_code == code
    assert caught.value.hint
    assert "{" not in caught.value.message + caught.value.hint
    assert library.account.password not in repr(caught.value) + caught.value.message
    assert time.monotonic() - began < 5


def test_a_connection_test_says_what_answered(library: Library) -> None:
    report, _ = check_connection(library.target(), CancelToken())
    assert report.flavour is library.server.flavour
    assert report.version[0].isdigit()
    assert report.read_only
    assert report.time_zone
    assert report.tls.encrypted is (library.server.flavour is Flavour.MYSQL)
    assert report.tls.certificate_verified is False
    assert 0 < report.elapsed_ms < 10_000


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_is_left_open(library: Library) -> None:
    check_connection(library.target(), CancelToken())
    before, files = take_snapshot(), _open_files()
    pools = TenantPools()
    target = library.target(size=3)
    for number in range(150):
        token = CancelToken()
        if number % 50 == 0:
            check_connection(target, CancelToken())
        if number % 25 == 0:
            with pytest.raises(TenantError), pools.borrow(target, token) as session:
                session.query("SELECT * FROM nothing")
        ask(pools, target, token)
    assert library.connected() <= 3
    pools.close()
    assert find_leaks(before) == []
    assert _open_files() <= files


# A server that may be hurt


@pytest.fixture(scope="module", params=[Flavour.MARIADB, Flavour.MYSQL], ids=str)
def patient(request: pytest.FixtureRequest, server_factory: ServerFactory) -> Iterator[Library]:
    with running_server(server_factory, request.param) as server:
        yield create_library(server)


@pytest.fixture
def hurt(patient: Library) -> Iterator[Library]:
    """The private server, running again when the test ends."""
    yield patient
    if patient.server.running:
        patient.server.resume()
    else:
        patient.server.start()


def test_a_server_that_hangs(hurt: Library, pools: TenantPools) -> None:
    target = hurt.target(query_timeout_s=0.5, connect_timeout_s=0.5)
    assert ask(pools, target) == 100
    with pools.borrow(target, CancelToken()) as session:
        pause(hurt)
        began = time.monotonic()
        with pytest.raises(TenantError) as caught:
            session.query("SELECT COUNT(*) FROM numbers")
        assert time.monotonic() - began < 0.5 + 2.0 + 1.5
        assert caught.value.failure is TenantFailure.TIMEOUT
    began = time.monotonic()
    with pytest.raises(TenantError) as caught:
        ask(pools, target)
    assert time.monotonic() - began < 2.0 + 0.5 + 1.0
    assert caught.value.failure is TenantFailure.TIMEOUT
    token = CancelToken()
    threading.Timer(0.2, token.cancel).start()
    with pytest.raises(Cancelled):
        ask(pools, replace(target, pool=replace(target.pool, connect_timeout_s=30.0)), token)
    hurt.server.resume()
    assert ask(pools, target) == 100


def test_a_server_that_hangs_while_connections_are_idle(hurt: Library, pools: TenantPools) -> None:
    target = hurt.target(connect_timeout_s=0.5)
    assert ask(pools, target) == 100
    pause(hurt)
    began = time.monotonic()
    with pytest.raises(TenantError) as caught:
        ask(pools, target)
    assert time.monotonic() - began < 2.0 + 0.5 + 1.0
    assert caught.value.failure is TenantFailure.TIMEOUT
    hurt.server.resume()
    assert ask(pools, target) == 100


def test_a_server_that_dies_and_comes_back(hurt: Library, pools: TenantPools) -> None:
    target = hurt.target(size=4)
    stop = threading.Event()
    failures: list[BaseException] = []
    answers = 0

    def work() -> None:
        nonlocal answers
        while not stop.wait(0.01):
            try:
                assert ask(pools, target) == 100
                answers += 1
            except TenantError as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: answers > 50, timeout_s=10, what="answers")
    hurt.server.kill()
    wait_until(lambda: failures, timeout_s=10, what="failures")
    hurt.server.start()
    again = answers
    wait_until(lambda: answers > again + 20, timeout_s=5, what="answers after the restart")
    stop.set()
    for thread in threads:
        thread.join(5)
    assert {type(error) for error in failures} == {TenantError}
    kinds = {error.failure for error in failures if isinstance(error, TenantError)}
    assert kinds <= {TenantFailure.LOST, TenantFailure.PORT, TenantFailure.TIMEOUT}
    now = stats(pools, target)
    assert (now.active, now.queued) == (0, 0)


def test_a_line_that_fails_in_every_way(library: Library, pools: TenantPools) -> None:
    proxy = FaultProxy(library.server.port)
    target = replace(
        library.target("faulty", connect_timeout_s=1.0, query_timeout_s=1.0), port=proxy.port
    )
    statement = "SELECT n, REPEAT('x', 500) FROM numbers ORDER BY n"
    try:
        with pools.borrow(target, CancelToken()) as session:
            right = session.query(statement)
        outcomes = {"right": 0, "failed": 0}
        for number in range(48):
            proxy.fault = (Fault.NONE, Fault.SLICE, Fault.RESET, Fault.CUT)[number % 4]
            proxy.cut_after = 1 + number * 97 % 60_000
            try:
                with pools.borrow(target, CancelToken()) as session:
                    assert session.query(statement) == right, "a partial result"
                outcomes["right"] += 1
            except TenantError:
                outcomes["failed"] += 1
        assert outcomes["right"] >= 24
        assert outcomes["failed"] >= 6
        proxy.fault = Fault.BLACKHOLE
        began = time.monotonic()
        with pytest.raises(TenantError) as caught, pools.borrow(target, CancelToken()) as session:
            session.query(statement)
        assert time.monotonic() - began < 5
        assert caught.value.failure is TenantFailure.TIMEOUT
        proxy.fault = Fault.NONE
        with pools.borrow(target, CancelToken()) as session:
            assert session.query(statement) == right
        now = stats(pools, target)
        assert (now.active, now.queued) == (0, 0)
    finally:
        pools.close()
        proxy.close()
