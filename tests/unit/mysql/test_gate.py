"""The queue in front of a pool, and the thread that calls things when they are due."""

from __future__ import annotations

import threading
import time

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled
from altus4_desktop.mysql.clockwork import Clockwork
from altus4_desktop.mysql.gate import Gate
from tests.waiting import wait_until


def soon() -> float:
    return time.monotonic() + 5


def test_places_are_counted() -> None:
    gate = Gate(2)
    assert gate.enter(soon(), CancelToken())
    assert gate.enter(soon(), CancelToken())
    assert gate.taken == 2
    assert not gate.enter(time.monotonic() + 0.01, CancelToken())
    assert gate.queued == 0
    gate.leave()
    assert gate.enter(soon(), CancelToken())
    gate.leave()
    gate.leave()
    assert gate.taken == 0


def test_leaving_the_queue_keeps_its_order() -> None:
    gate, order = Gate(1), []
    assert gate.enter(soon(), CancelToken())
    tokens = [CancelToken() for _ in range(4)]

    def wait(number: int) -> None:
        try:
            gate.enter(soon(), tokens[number])
        except Cancelled:
            return
        order.append(number)
        gate.leave()

    threads = []
    for number in range(4):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        wait_until(lambda: gate.queued == len(threads), timeout_s=5, what="the queue")
    tokens[1].cancel()
    wait_until(lambda: gate.queued == 3, timeout_s=5, what="one to leave")
    gate.leave()
    for thread in threads:
        thread.join(5)
    assert order == [0, 2, 3]
    assert (gate.taken, gate.queued) == (0, 0)


def test_a_place_granted_to_one_who_cancels_is_passed_on() -> None:
    for _ in range(50):
        gate, token = Gate(1), CancelToken()
        assert gate.enter(soon(), CancelToken())
        outcomes: list[str] = []

        def wait(gate: Gate = gate, token: CancelToken = token, to: list[str] = outcomes) -> None:
            try:
                gate.enter(soon(), token)
            except Cancelled:
                to.append("cancelled")
            else:
                to.append("entered")
                gate.leave()

        thread = threading.Thread(target=wait)
        thread.start()
        wait_until(lambda gate=gate: gate.queued, timeout_s=5, what="the queue")  # type: ignore[misc]  # bound now
        threading.Thread(target=token.cancel).start()
        gate.leave()
        thread.join(5)
        assert len(outcomes) == 1
        assert gate.taken == 0


def test_appointments_are_kept_moved_and_dropped() -> None:
    clockwork = Clockwork("test")
    called: list[str] = []
    done = threading.Event()
    now = time.monotonic()
    clockwork.call_at("late", now + 60, lambda: called.append("late"))
    clockwork.call_at("dropped", now + 0.05, lambda: called.append("dropped"))
    clockwork.call_at("moved", now + 60, lambda: called.append("wrong"))
    clockwork.call_at("moved", now + 0.1, lambda: called.append("moved"))
    clockwork.call_at("last", now + 0.15, done.set)
    clockwork.forget("dropped")
    assert done.wait(5)
    assert called == ["moved"]
    clockwork.close()
    clockwork.call_at("after", 0, lambda: called.append("after"))
    assert called == ["moved"]


def test_nothing_runs_that_nobody_needed() -> None:
    before = threading.active_count()
    clockwork = Clockwork("test")
    assert threading.active_count() == before
    clockwork.close()


def test_a_cancelled_token_does_not_enter_a_full_gate() -> None:
    gate, token = Gate(1), CancelToken()
    gate.enter(soon(), CancelToken())
    token.cancel()
    with pytest.raises(Cancelled):
        gate.enter(soon(), token)
    assert gate.queued == 0
