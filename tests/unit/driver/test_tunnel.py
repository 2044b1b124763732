"""A tunnel over an SSH server that can be told to misbehave."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from paramiko.common import (
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_CONNECT_FAILED,
)

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import (
    SshMethod,
    SshSettings,
    Target,
    TunnelState,
    ssh_fingerprint,
)
from altus4_desktop.domain.errors import (
    Cancelled,
    TenantError,
    TenantFailure,
    UnknownHostKeyError,
)
from altus4_desktop.driver.tunnel import Tunnel
from tests.faults import Listener
from tests.servers import free_port
from tests.ssh_servers import PASSWORD, LoopbackSsh, loopback_ssh, make_key
from tests.waiting import wait_until


class Echo(Listener):
    """Says everything again."""

    def handle(self, client: socket.socket) -> None:
        while data := client.recv(65536):
            client.sendall(data)


class Mute(Listener):
    """Hears and says nothing."""

    def handle(self, client: socket.socket) -> None:
        while client.recv(65536):
            pass


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def ssh() -> Iterator[LoopbackSsh]:
    with loopback_ssh() as server:
        yield server


def target(settings: SshSettings, port: int, secret: str = PASSWORD) -> Target:
    return Target(
        "id", "far", "127.0.0.1", port, "db", "reader", "canary", ssh=settings, ssh_secret=secret
    )


@contextlib.contextmanager
def tunnel(place: Target, keep_alive_s: float = 20.0) -> Iterator[Tunnel]:
    way = Tunnel(place, keep_alive_s)
    try:
        yield way
    finally:
        way.close()


def talk(line: socket.socket, data: bytes) -> bytes:
    line.settimeout(10)
    sender = threading.Thread(target=line.sendall, args=(data,))
    sender.start()
    heard = b""
    while len(heard) < len(data) and (more := line.recv(65536)):
        heard += more
    sender.join()
    return heard


def refused(place: Target, limit_s: float = 5.0) -> TenantError:
    with tunnel(place) as way, pytest.raises(TenantError) as caught:
        way.open_line(limit_s, CancelToken())
    assert caught.value.failure is TenantFailure.TUNNEL
    said = f"{caught.value} {caught.value.hint} {caught.value.details}"
    assert "{" not in caught.value.message + caught.value.hint
    assert PASSWORD not in said
    return caught.value


def test_many_lines_through_one_sign_in(ssh: LoopbackSsh, echo: Echo) -> None:
    data = bytes(range(256)) * 2000
    with tunnel(target(ssh.settings(), echo.port)) as way:
        states = [way.state]
        lines = [way.open_line(5, CancelToken()) for _ in range(3)]
        states.append(way.state)
        assert states == [TunnelState.CLOSED, TunnelState.OPEN]
        assert [talk(line, data) for line in lines] == [data] * 3
        for line in lines:
            line.close()
    assert len(ssh.transports) == 1
    assert ssh.passwords == [PASSWORD]
    assert way.host_key == ssh.host_key


def test_the_far_end_closes_and_so_does_ours(ssh: LoopbackSsh, echo: Echo) -> None:
    with tunnel(target(ssh.settings(), echo.port)) as way:
        line = way.open_line(5, CancelToken())
        assert talk(line, b"hello") == b"hello"
        echo.close()
        line.settimeout(5)
        assert line.recv(1) == b""
        line.close()


def test_keyboard_interactive_takes_the_password_too(echo: Echo) -> None:
    with loopback_ssh(interactive=True) as ssh:
        with tunnel(target(ssh.settings(), echo.port)) as way:
            way.open_line(5, CancelToken()).close()
        assert set(ssh.passwords) == {PASSWORD}


def test_an_unknown_key_gets_nothing_and_is_named(ssh: LoopbackSsh, echo: Echo) -> None:
    settings = ssh.settings(host_key="")
    error = refused(target(settings, echo.port))
    assert isinstance(error, UnknownHostKeyError)
    assert error.host_key == ssh.host_key
    assert error.code == "tenant.host_key"
    assert ssh_fingerprint(ssh.host_key) in error.hint
    assert ssh.passwords == []
    with tunnel(target(replace(settings, host_key=error.host_key), echo.port)) as way:
        way.open_line(5, CancelToken()).close()


def test_another_key_than_the_known_one(ssh: LoopbackSsh, echo: Echo, tmp_path: Path) -> None:
    known = make_key(tmp_path / "old")
    error = refused(target(ssh.settings(host_key=known), echo.port))
    assert not isinstance(error, UnknownHostKeyError)
    assert "another key" in error.message
    assert ssh.passwords == []


def test_a_revoked_key(ssh: LoopbackSsh, echo: Echo, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"@revoked * {ssh.host_key}\n", encoding="ascii")
    error = refused(target(ssh.settings(known_hosts_file=str(file)), echo.port))
    assert "revoked" in error.message
    assert ssh.passwords == []


def test_a_wrong_password(ssh: LoopbackSsh, echo: Echo) -> None:
    assert "refused the user" in refused(target(ssh.settings(), echo.port, "wrong")).message


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, "allows no tunnel"),
        (OPEN_FAILED_CONNECT_FAILED, "cannot reach"),
    ],
)
def test_a_line_that_is_refused(ssh: LoopbackSsh, echo: Echo, code: int, words: str) -> None:
    ssh.refuse = code
    assert words in refused(target(ssh.settings(), echo.port)).message


def test_no_ssh_server(echo: Echo) -> None:
    nobody = SshSettings("127.0.0.1", "me", free_port(), SshMethod.PASSWORD)
    assert "no SSH server listens" in refused(target(nobody, echo.port)).message
    unknown = SshSettings("no-such-host.invalid", "me", 22, SshMethod.PASSWORD)
    assert "not found" in refused(target(unknown, echo.port)).message
    other = SshSettings("127.0.0.1", "me", echo.port, SshMethod.PASSWORD)
    assert refused(target(other, echo.port), limit_s=2).retryable


def test_a_key_file(ssh: LoopbackSsh, echo: Echo, tmp_path: Path) -> None:
    """That a server takes it is shown with OpenSSH's own; here, what is said of the file."""
    make_key(tmp_path / "locked", "secret of the key")
    (tmp_path / "nothing").write_text("no key", encoding="ascii")
    base = replace(ssh.settings(), method=SshMethod.KEY)
    cases = [
        ("locked", "", "needs its passphrase"),
        ("locked", "wrong", "cannot be opened"),
        ("nothing", "", "cannot be opened"),
        ("missing", "", "cannot be read"),
    ]
    for name, secret, words in cases:
        settings = replace(base, key_file=str(tmp_path / name))
        assert words in refused(target(settings, echo.port, secret)).message
    assert ssh.passwords == []


def test_no_agent(ssh: LoopbackSsh, echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    settings = replace(ssh.settings(), method=SshMethod.AGENT)
    assert "no SSH agent" in refused(target(settings, echo.port)).message


def test_cancelled_while_a_line_is_asked_for(ssh: LoopbackSsh, echo: Echo) -> None:
    with tunnel(target(ssh.settings(), echo.port)) as way:
        way.open_line(5, CancelToken()).close()
        ssh.is_silent = True
        token = CancelToken()
        threading.Timer(0.2, token.cancel).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            way.open_line(30, token)
        assert time.monotonic() - began < 2
        ssh.is_silent = False


def test_cancelled_while_signing_in() -> None:
    mute = Mute()
    try:
        settings = SshSettings("127.0.0.1", "me", mute.port, SshMethod.PASSWORD)
        with tunnel(target(settings, 1)) as way:
            token = CancelToken()
            threading.Timer(0.2, token.cancel).start()
            began = time.monotonic()
            with pytest.raises(Cancelled):
                way.open_line(30, token)
            assert time.monotonic() - began < 3
    finally:
        mute.close()


def test_a_server_that_fell_silent_is_left_for_a_new_one(ssh: LoopbackSsh, echo: Echo) -> None:
    """As after sleep: the line looks open, and nothing answers any more."""
    with tunnel(target(ssh.settings(), echo.port)) as way:
        old = way.open_line(5, CancelToken())
        assert talk(old, b"hello") == b"hello"
        ssh.is_silent = True
        way._heard_at -= 60  # a minute later
        answer: list[socket.socket] = []
        asking = threading.Thread(target=lambda: answer.append(way.open_line(15, CancelToken())))
        asking.start()
        # The old one has been given up when its line ends.
        old.settimeout(10)
        assert old.recv(1) == b""
        ssh.is_silent = False
        asking.join(15)
        assert talk(answer[0], b"again") == b"again"
        assert len(ssh.transports) == 2
        answer[0].close()
        old.close()


def test_keep_alive_notices_a_dead_server(
    ssh: LoopbackSsh, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altus4_desktop.driver.tunnel._LONGEST_SILENCE_S", 0.3)
    with tunnel(target(ssh.settings(), echo.port), keep_alive_s=0.1) as way:
        line = way.open_line(5, CancelToken())
        assert talk(line, b"hello") == b"hello"
        ssh.is_silent = True
        wait_until(lambda: way.state is TunnelState.LOST, timeout_s=5, what="the tunnel's end")
        line.settimeout(5)
        assert line.recv(1) == b""
        line.close()
        ssh.is_silent = False


def test_a_dropped_session_is_made_again(ssh: LoopbackSsh, echo: Echo) -> None:
    with tunnel(target(ssh.settings(), echo.port)) as way:
        old = way.open_line(5, CancelToken())
        ssh.drop_all()
        old.settimeout(5)
        assert old.recv(1) == b""
        new = way.open_line(5, CancelToken())
        assert talk(new, b"again") == b"again"
        new.close()
        old.close()


def test_a_closed_tunnel_stays_closed(ssh: LoopbackSsh, echo: Echo) -> None:
    with tunnel(target(ssh.settings(), echo.port)) as way:
        line = way.open_line(5, CancelToken())
    line.settimeout(5)
    assert line.recv(1) == b""
    line.close()
    with pytest.raises(TenantError):
        way.open_line(5, CancelToken())
