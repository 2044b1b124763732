"""What a pool's figures say of a server that nobody gets in touch with."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import PoolStats, Target, TlsReport
from altus4_desktop.domain.errors import Cancelled, TenantError, TenantFailure
from altus4_desktop.mysql.pools import TenantPools
from tests.faults import Listener
from tests.waiting import wait_until

TARGET = Target("c1", "Books", "127.0.0.1", 3306, "books", "reader", "secret")


class Mute(Listener):
    """Accepts and never greets."""

    def handle(self, client: socket.socket) -> None:
        while client.recv(1024):
            pass


@pytest.fixture
def mute() -> Iterator[Mute]:
    made = Mute()
    yield made
    made.close()


@pytest.fixture
def pools() -> Iterator[TenantPools]:
    made = TenantPools()
    yield made
    made.close()


def figures(pools: TenantPools) -> PoolStats:
    found = pools.stats(TARGET.connection_id)
    assert found is not None
    return found


def test_a_session_that_is_being_opened_is_not_open(mute: Mute, pools: TenantPools) -> None:
    target, token = replace(TARGET, port=mute.port), CancelToken()

    def ask() -> None:
        with pools.borrow(target, token):
            raise AssertionError("nothing greets")

    with ThreadPoolExecutor(3) as executor:
        asked = [executor.submit(ask) for _ in range(3)]
        wait_until(lambda: mute.accepted == 3, timeout_s=5, what="three connections")
        now = figures(pools)
        assert (now.total, now.active, now.idle, now.connecting, now.queued) == (0, 0, 0, 3, 0)
        token.cancel()
        for work in asked:
            with pytest.raises(Cancelled):
                work.result(timeout=5)
    after = figures(pools)
    assert (after.total, after.connecting) == (0, 0)
    assert after.answered_at is None


def test_a_test_that_failed_is_told_with_the_figures(pools: TenantPools) -> None:
    error = TenantError(TenantFailure.PORT, "Nothing answers.")
    pools.note_check(TARGET, TlsReport())
    assert pools.stats(TARGET.connection_id) is None, "there is nothing it contradicts"
    pools.note_check(TARGET, error)
    failed = figures(pools)
    assert failed.last_error is error
    assert (failed.total, failed.connecting) == (0, 0)
    pools.note_check(TARGET, TlsReport("TLSv1.3"))
    reached = figures(pools)
    assert reached.tls == TlsReport("TLSv1.3")
    assert reached.answered_at is not None
    assert reached.last_error_at is not None
    assert reached.answered_at >= reached.last_error_at
