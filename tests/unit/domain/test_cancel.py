import threading

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled


def test_callbacks_run_once_on_cancel() -> None:
    token, calls = CancelToken(), []
    with token.on_cancel(lambda: calls.append("a")):
        token.cancel()
        token.cancel()
    assert calls == ["a"]


def test_a_callback_of_a_finished_block_does_not_run() -> None:
    token, calls = CancelToken(), []
    with token.on_cancel(lambda: calls.append("a")):
        pass
    token.cancel()
    assert calls == []


def test_a_cancelled_token_calls_back_at_once() -> None:
    token, calls = CancelToken(), []
    token.cancel()
    with token.on_cancel(lambda: calls.append("a")):
        assert calls == ["a"]


def test_raise_if_cancelled() -> None:
    token = CancelToken()
    token.raise_if_cancelled()
    token.cancel()
    with pytest.raises(Cancelled):
        token.raise_if_cancelled()


def test_wait_wakes_up_on_cancel() -> None:
    token = CancelToken()
    assert token.wait(0) is False
    waiter = threading.Thread(target=token.cancel)
    waiter.start()
    assert token.wait(10) is True
    waiter.join()


def test_who_ends_the_program_waits_for_what_is_held() -> None:
    token = CancelToken()
    token.wait_until_free()
    ended: list[str] = []

    def wait() -> None:
        token.wait_until_free()
        ended.append("waited")

    with token.held():
        assert token.is_held
        waiter = threading.Thread(target=wait)
        waiter.start()
        token.cancel()
        ended.append("done")
    waiter.join(5)
    assert ended == ["done", "waited"]
    with pytest.raises(Cancelled), token.held():
        pytest.fail("nobody wants it any more")
    assert not token.is_held
