"""Reaching a server: names that never resolve, addresses that never answer, and giving up."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled
from altus4_desktop.driver import dial as module
from altus4_desktop.driver.dial import dial, is_local_peer


@pytest.fixture
def stuck_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver that answers nobody before the test is over."""
    release = threading.Event()

    def wait(*_: object, **__: object) -> list[object]:
        release.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "at last")

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    yield release
    release.set()


@contextlib.contextmanager
def full_listener() -> Iterator[int]:
    """A port whose queue is full: whoever calls is left waiting, as behind a firewall."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.1", port))
        try:
            yield port
        finally:
            for caller in callers:
                caller.close()


def test_a_resolver_that_hangs_is_given_up(stuck_resolver: threading.Event) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        dial("db.example.org", 3306, 0.2)
    token = CancelToken()
    threading.Timer(0.1, token.cancel).start()
    with pytest.raises(Cancelled):
        dial("db.example.org", 3306, 30, token)
    assert time.monotonic() - began < 2
    stuck_resolver.set()


def test_a_resolver_that_hangs_does_not_keep_the_program() -> None:
    code = """
import socket, threading
from altus4_desktop.driver import dial
socket.getaddrinfo = lambda *_, **__: threading.Event().wait()
try:
    dial.dial("db.example.org", 3306, 0.1)
except TimeoutError:
    print("given up")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "given up\n"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 300, "\ud800"])
def test_names_that_are_none(host: str) -> None:
    with pytest.raises(socket.gaierror):
        dial(host, 3306, 10)


def test_an_address_that_is_silent() -> None:
    with full_listener() as port:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            dial("127.0.0.1", port, 0.3)
        token = CancelToken()
        threading.Timer(0.1, token.cancel).start()
        with pytest.raises(Cancelled):
            dial("127.0.0.1", port, 30, token)
        assert time.monotonic() - began < 2


def test_a_silent_first_address_leaves_time_for_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with full_listener() as silent, socket.create_server(("127.0.0.1", 0)) as server:
        addresses = [
            (socket.AF_INET, ("127.0.0.1", silent)),
            (socket.AF_INET, server.getsockname()),
        ]
        monkeypatch.setattr(module, "_resolve", lambda *_: addresses)
        with dial("two.example.org", 0, 1.0) as sock:
            assert sock.getpeername() == server.getsockname()
            assert sock.gettimeout() is None


def test_a_first_address_that_refuses_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        addresses = [(socket.AF_INET, ("127.0.0.1", 1)), (socket.AF_INET, server.getsockname())]
        monkeypatch.setattr(module, "_resolve", lambda *_: addresses)
        with dial("two.example.org", 0, 5.0) as sock:
            assert is_local_peer(sock)


def test_nobody_listens() -> None:
    with pytest.raises(ConnectionRefusedError):
        dial("127.0.0.1", 1, 5)
    with pytest.raises(FileNotFoundError):
        dial("/no/such/socket", 0, 5)


def test_who_is_local() -> None:
    left, right = socket.socketpair()
    with left, right:
        assert is_local_peer(left)

    class Far(socket.socket):
        def getpeername(self) -> tuple[str, int]:
            return ("192.0.2.1", 3306)

    with Far() as sock:
        assert not is_local_peer(sock)
