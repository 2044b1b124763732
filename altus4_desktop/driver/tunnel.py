"""An SSH tunnel: one sign-in at an SSH server, many lines through it, no listening port."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Target, TunnelState
from altus4_desktop.domain.errors import AltusError, Cancelled
from altus4_desktop.driver.dial import dial
from altus4_desktop.driver.tunnel_failures import (
    far_end_refused,
    lost,
    too_slow,
    translate_ssh,
)

if TYPE_CHECKING:
    from paramiko import Channel, Transport

KEEP_ALIVE_S = 20.0
# An SSH server that has said nothing for so long is asked before a line is opened.
_FRESH_S = 3.0
_ANSWER_S = 2.0
_LONGEST_SILENCE_S = 10.0
_LOOK_AGAIN_S = 0.05
_CHUNK = 32768


class Tunnel:
    """The way to one target's server; opened when it is needed, again when it was lost.

    Safe to use from any thread.
    """

    def __init__(self, target: Target, keep_alive_s: float = KEEP_ALIVE_S) -> None:
        assert target.ssh is not None  # noqa: S101 - what a tunnel is for
        self._target = target
        self._ssh = target.ssh
        self._keep_alive_s = keep_alive_s
        self._turn = threading.Lock()
        self._transport: Transport | None = None
        self._heard_at = float("-inf")
        self._closed = threading.Event()
        self.host_key = ""

    @property
    def state(self) -> TunnelState:
        """How it is, as far as is known without asking."""
        transport = self._transport
        if transport is None:
            return TunnelState.CLOSED
        return TunnelState.OPEN if transport.is_active() else TunnelState.LOST

    def open_line(self, timeout_s: float, token: CancelToken) -> socket.socket:
        """One end of a pair of sockets whose other end is the target's server.

        Raises `TenantError` (TUNNEL), `UnknownHostKeyError`, `Cancelled`.
        """
        until = time.monotonic() + timeout_s
        transport = self._ready(until, token)
        channel = self._open_channel(transport, until, token)
        self._heard_at = time.monotonic()
        near, far = socket.socketpair()
        _Line(channel, far).start()
        return near

    def doubt(self) -> None:
        """A line through it fell silent: ask the SSH server before another one is opened."""
        self._heard_at = float("-inf")

    def close(self) -> None:
        """End it with every line through it; nothing can be opened afterwards."""
        self._closed.set()
        transport = self._transport
        if transport is not None:
            transport.close()

    def _ready(self, until: float, token: CancelToken) -> Transport:
        """The transport, known to be alive a moment ago."""
        while not self._turn.acquire(timeout=_LOOK_AGAIN_S):
            token.raise_if_cancelled()
            if time.monotonic() >= until:
                raise too_slow(self._target)
        try:
            transport = self._transport
            if transport is not None:
                heard_lately = time.monotonic() - self._heard_at <= _FRESH_S
                if heard_lately and transport.is_active():
                    return transport
                if self._answers(transport, _ANSWER_S):
                    return transport
                transport.close()
            self._transport = transport = self._sign_in(until, token)
            self._heard_at = time.monotonic()
            keeper = threading.Thread(
                target=self._keep_alive, args=(transport,), name="altus4-tunnel", daemon=True
            )
            keeper.start()
            return transport
        finally:
            self._turn.release()

    def _sign_in(self, until: float, token: CancelToken) -> Transport:
        from altus4_desktop.driver.ssh_sign_in import sign_in

        if self._closed.is_set():
            raise lost(self._target)
        ssh = self._ssh
        try:
            sock = dial(ssh.host, ssh.port, max(0.1, until - time.monotonic()), token)
        except (OSError, UnicodeError) as error:
            raise translate_ssh(error, self._target) from error
        with _told(self._target, until, token):
            transport, self.host_key = sign_in(sock, self._target, until, token)
        if self._closed.is_set():
            transport.close()
            raise lost(self._target)
        return transport

    def _open_channel(self, transport: Transport, until: float, token: CancelToken) -> Channel:
        """Ask on a daemon thread: the transport is shared, so nothing else could stop asking."""
        asked = _Asked(transport, (self._target.host, self._target.port), until)
        try:
            return asked.wait(token)
        except AltusError:
            raise
        except Exception as error:
            if time.monotonic() >= until:
                raise too_slow(self._target) from error
            raise far_end_refused(error, self._target) from error

    def _answers(self, transport: Transport, limit_s: float) -> bool:
        """Whether the SSH server answers in time; one that does not is given up."""
        if not transport.is_active():
            return False
        deadline = threading.Timer(limit_s, transport.close)
        deadline.daemon = True
        deadline.start()
        try:
            # Any answer will do: a server that does not know the request says so.
            transport.global_request("keepalive@openssh.com", wait=True)
        finally:
            deadline.cancel()
        alive = transport.is_active()
        if alive:
            self._heard_at = time.monotonic()
        return alive

    def _keep_alive(self, transport: Transport) -> None:
        while not self._closed.wait(self._keep_alive_s):
            if not transport.is_active() or not self._answers(transport, _LONGEST_SILENCE_S):
                return


class _Asked:
    """A channel that was asked for; one that comes when nobody waits any more is closed."""

    def __init__(self, transport: Transport, place: tuple[str, int], until: float) -> None:
        self._transport = transport
        self._place = place
        self._until = until
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._given_up = False
        self._channel: Channel | None = None
        self._failure: Exception | None = None

    def wait(self, token: CancelToken) -> Channel:
        """The channel; raises what asking raised, or `Cancelled`."""
        threading.Thread(target=self._ask, name="altus4-channel", daemon=True).start()
        with token.on_cancel(self._done.set):
            self._done.wait()
        with self._lock:
            if self._channel is not None and not token.cancelled:
                return self._channel
            self._given_up = True
            channel, failure = self._channel, self._failure
        if channel is not None:
            _close(channel)
        token.raise_if_cancelled()
        raise failure or EOFError()

    def _ask(self) -> None:
        try:
            channel = self._transport.open_channel(
                "direct-tcpip",
                self._place,
                ("127.0.0.1", 0),
                timeout=max(0.1, self._until - time.monotonic()),
            )
        except Exception as error:
            # Whatever it is, the one who waits is told.
            self._failure = error
        else:
            with self._lock:
                self._channel = channel
                given_up = self._given_up
            if given_up:
                _close(channel)
        self._done.set()


class _Line:
    """Carries bytes between a channel and a socket until either ends; then both do."""

    def __init__(self, channel: Channel, sock: socket.socket) -> None:
        self._channel = channel
        self._socket = sock

    def start(self) -> None:
        """Begin to carry, on two threads."""
        for work in (self._send, self._receive):
            threading.Thread(target=work, name="altus4-line", daemon=True).start()

    def _send(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while data := self._socket.recv(_CHUNK):
                self._channel.sendall(data)
        self._end()

    def _receive(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while data := self._channel.recv(_CHUNK):
                self._socket.sendall(data)
        self._end()
        self._socket.close()

    def _end(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            self._socket.shutdown(socket.SHUT_RDWR)
        _close(self._channel)


def _close(channel: Channel) -> None:
    # Its transport may have ended first.
    with contextlib.suppress(OSError, EOFError):
        channel.close()


@contextlib.contextmanager
def _told(target: Target, until: float, token: CancelToken) -> Iterator[None]:
    """What SSH raises within the block comes out as it is told to a person."""
    try:
        yield
    except AltusError:
        token.raise_if_cancelled()
        raise
    except Exception as error:
        if token.cancelled:
            raise Cancelled() from error
        if time.monotonic() >= until:
            raise too_slow(target) from error
        raise translate_ssh(error, target) from error
