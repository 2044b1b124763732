"""A TLS handshake on a line that is broken before it begins."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator

import pytest

from altus4_desktop.domain.connections import TlsMode, TlsSettings
from altus4_desktop.driver.tls import build_context
from tests.waiting import wait_until


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end and the server's of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("mode", [TlsMode.PREFERRED, TlsMode.PINNED])
@pytest.mark.parametrize("ending", ["closed", "reset"])
def test_nothing_is_left_open(
    line: tuple[socket.socket, socket.socket], ending: str, mode: TlsMode
) -> None:
    """As when a search is stopped while the server answers the wish for TLS."""
    ours, theirs = line
    context = build_context(TlsSettings(mode, pin_sha256="0" * 64))
    assert context is not None
    ours.shutdown(socket.SHUT_RDWR)
    if ending == "reset":
        # What comes for a line that is shut resets it.
        theirs.sendall(b"an error")
    else:
        theirs.close()
    wait_until(lambda: not _is_connected(ours), timeout_s=5, what="the end of the line")
    with pytest.raises(ConnectionResetError):
        context.wrap_socket(ours, server_hostname="localhost")
    gc.collect()


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
