"""Reaching a server: a connected socket within a deadline, given up the moment a token says so."""

from __future__ import annotations

import errno
import ipaddress
import os
import select
import socket
import threading
import time
from typing import Any

from altus4_desktop.domain.cancel import CancelToken

_SLICE_S = 0.05
_Address = tuple[int, Any]


def is_socket_path(host: str) -> bool:
    """Whether ``host`` is the path of a Unix socket rather than a name or an address."""
    return host.startswith("/")


def is_loopback_name(host: str) -> bool:
    """Whether ``host`` means the very machine that hears it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_local_peer(sock: socket.socket) -> bool:
    """Whether the other end is this machine: a Unix socket or a loopback address; one that has gone
    already is nobody's."""
    if sock.family == getattr(socket, "AF_UNIX", None):
        return True
    try:
        peer = sock.getpeername()[0].partition("%")[0]
    except OSError:
        return False
    return ipaddress.ip_address(peer).is_loopback


def dial(host: str, port: int, timeout_s: float, token: CancelToken | None = None) -> socket.socket:
    """A connected socket; raises ``OSError`` (``socket.gaierror``, ``TimeoutError``, ...) or
    `Cancelled`."""
    until = time.monotonic() + timeout_s
    if is_socket_path(host):
        return _connect(socket.AF_UNIX, host, until, token)
    addresses = _resolve(host, port, until, token)
    failure: OSError = OSError(errno.EHOSTUNREACH, "no address")
    for position, (family, address) in enumerate(addresses):
        # A silent first address must leave the others their share of the time.
        share_s = (until - time.monotonic()) / (len(addresses) - position)
        try:
            sock = _connect(family, address, time.monotonic() + share_s, token)
        except OSError as error:
            failure = error
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return sock
    raise failure


def _resolve(host: str, port: int, until: float, token: CancelToken | None) -> list[_Address]:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _look_up(host, port, until, token)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [(family, address) for family, _, _, _, address in found]


def _look_up(host: str, port: int, until: float, token: CancelToken | None) -> list[_Address]:
    """Ask the resolver on a daemon thread: it cannot be interrupted and may take minutes."""
    answer: list[_Address] = []
    failure: list[OSError | UnicodeError] = []
    done = threading.Event()

    def ask() -> None:
        try:
            for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                answer.append((family, address))
        except (OSError, UnicodeError) as error:
            failure.append(error)
        finally:
            done.set()

    threading.Thread(target=ask, name="altus4-resolve", daemon=True).start()
    while not done.wait(min(_SLICE_S, max(0.0, until - time.monotonic()))):
        if token is not None:
            token.raise_if_cancelled()
        if time.monotonic() >= until:
            raise TimeoutError("name resolution")
    if failure:
        if isinstance(failure[0], UnicodeError):
            raise socket.gaierror(socket.EAI_NONAME, "not a host name") from failure[0]
        raise failure[0]
    if not answer:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    return answer


def _connect(family: int, address: Any, until: float, token: CancelToken | None) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        _finish_connecting(sock, sock.connect_ex(address), until, token)
        sock.settimeout(None)
    except BaseException:
        sock.close()
        raise
    return sock


def _finish_connecting(
    sock: socket.socket, code: int, until: float, token: CancelToken | None
) -> None:
    while code in (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY):
        if token is not None:
            token.raise_if_cancelled()
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("connect")
        _, writable, failed = select.select([], [sock], [sock], min(_SLICE_S, left_s))
        if writable or failed:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
