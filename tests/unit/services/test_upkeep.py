"""Work that is done again and again on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled, StoreError
from altus4_desktop.services.upkeep import Upkeep, attempt

_WAIT_S = 10.0


def test_failures_are_logged_counted_and_stop_nothing(caplog: pytest.LogCaptureFixture) -> None:
    outcomes: list[Callable[[], None]] = [_fail_store, _fail_badly, _do_nothing, _fail_store]
    counted: list[int] = []
    all_done = threading.Event()

    def work(_: CancelToken) -> None:
        outcomes.pop(0)()

    def pause_s(failures: int) -> float:
        counted.append(failures)
        if outcomes:
            return 0.0
        all_done.set()
        return 3600.0

    upkeep = Upkeep("test", work, pause_s)
    upkeep.start(0.0)
    assert all_done.wait(_WAIT_S)
    upkeep.close_()
    assert counted == [1, 2, 0, 1]
    assert caplog.text.count("test: The store on “db1” is away. [") == 2
    assert "ZeroDivisionError" in caplog.text


def test_it_works_when_woken_and_ends_when_closed() -> None:
    begun = [threading.Event(), threading.Event()]
    ended: list[bool] = []

    def work(token: CancelToken) -> None:
        begun[len(ended)].set()
        ended.append(len(ended) == 1 and token.wait(_WAIT_S))
        token.raise_if_cancelled()

    upkeep = Upkeep("test", work, lambda _: 3600.0)
    upkeep.start(3600.0)
    worker = upkeep._worker
    upkeep.start(0.0)
    assert upkeep._worker is worker
    upkeep.wake()
    assert begun[0].wait(_WAIT_S)
    upkeep.wake()
    assert begun[1].wait(_WAIT_S)
    upkeep.close_()
    assert ended == [False, True]
    upkeep.start(3600.0)
    upkeep.close_()


def test_nobody_who_stopped_it_is_told_that_it_failed() -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        attempt(stop, "test")
    assert attempt(_do_nothing, "test")
    assert not attempt(_fail_store, "test")


def _do_nothing() -> None:
    pass


def _fail_store() -> None:
    raise StoreError("The store on “{host}” is away.", details={"host": "db1"})


def _fail_badly() -> None:
    raise ZeroDivisionError
