"""What can be wrong between us and a server: a TCP proxy that misbehaves, and servers that lie."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from enum import Enum, auto

CLIENT_SSL = 0x0800
_JOIN_S = 5.0


class Fault(Enum):
    """What the proxy does to the bytes of a connection."""

    NONE = auto()
    BLACKHOLE = auto()
    """Nothing gets through any more, in either direction, and nobody is told."""
    RESET = auto()
    SLICE = auto()
    """The server's bytes come one at a time."""
    CUT = auto()
    """So many more bytes of the server get through; then the line is cut."""
    CUT_REQUEST = auto()
    """So many more bytes of the client get through; then the line is cut."""
    LATENCY = auto()
    HALF_CLOSE = auto()
    """The server's side of the line is closed; what the client sends still gets through."""
    STRIP_TLS = auto()
    """The server claims to know no TLS."""


class Listener:
    """A loopback port and a thread for each connection; everything is closed and joined."""

    def __init__(self) -> None:
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.accepted = 0
        self._start(self._accept)

    def handle(self, client: socket.socket) -> None:
        """What is done with one connection."""
        raise AssertionError("a subclass says what")

    def close(self) -> None:
        """End every connection and thread."""
        with self._lock:
            self._closed = True
            sockets = [self._listener, *self._sockets]
        for sock in sockets:
            shut(sock)
        self._listener.close()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def keep(self, sock: socket.socket) -> socket.socket:
        """Have ``sock`` closed with the listener."""
        with self._lock:
            self._sockets.add(sock)
        return sock

    def forget(self, sock: socket.socket) -> None:
        """Somebody else closes ``sock``."""
        with self._lock:
            self._sockets.discard(sock)

    def _start(self, work: Callable[[], None]) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=work, name="faults", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.keep(client)
            self._start(lambda client=client: self._serve(client))  # type: ignore[misc]  # bound now

    def _serve(self, client: socket.socket) -> None:
        # A client that goes away in the middle is what these tests are about.
        with client, contextlib.suppress(OSError, EOFError, ssl.SSLError):
            self.handle(client)
        self.forget(client)


class FaultProxy(Listener):
    """Passes bytes between clients and ``port``, with one fault at a time.

    ``cut_after`` is for `Fault.CUT` and `Fault.CUT_REQUEST`, ``latency_s`` for `Fault.LATENCY`.
    """

    def __init__(self, port: int) -> None:
        self._upstream_port = port
        self.fault = Fault.NONE
        self.cut_after = 0
        self.latency_s = 0.1
        self._ending = threading.Event()
        super().__init__()

    def close(self) -> None:
        """As a `Listener`; whoever waits for a late answer goes on."""
        self._ending.set()
        super().close()

    def handle(self, client: socket.socket) -> None:
        with self.keep(socket.create_connection(("127.0.0.1", self._upstream_port))) as server:
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line = Line(client, server)
            try:
                self._pass_between(line)
            finally:
                self.forget(server)

    def choose(self, data: bytes, *, from_client: bool, greeting: bool) -> tuple[Fault, int]:
        """The fault that ``data`` meets, and after how many of its bytes a line is cut."""
        if self.fault in (Fault.CUT, Fault.CUT_REQUEST):
            if (self.fault is Fault.CUT) is from_client:
                return Fault.NONE, 0
            left, self.cut_after = self.cut_after, self.cut_after - len(data)
            return (self.fault, left) if self.cut_after < 0 else (Fault.NONE, 0)
        if self.fault is Fault.STRIP_TLS and not greeting:
            return Fault.NONE, 0
        if from_client and self.fault is not Fault.BLACKHOLE:
            return Fault.NONE, 0
        return self.fault, 0

    def note_sent(self, data: bytes) -> None:
        """A client has sent ``data``; soaks send more than anybody keeps."""

    def note_strike(self, fault: Fault, line: Line) -> None:
        """``line`` was hit by ``fault``: what it changes has been changed."""

    def _pass_between(self, line: Line) -> None:
        greeting = True
        with selectors.DefaultSelector() as selector:
            selector.register(line.client, selectors.EVENT_READ)
            selector.register(line.server, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    from_client = key.fileobj is line.client
                    data = (line.client if from_client else line.server).recv(65536)
                    if from_client:
                        self.note_sent(data)
                    if not data:
                        return
                    first = greeting and not from_client
                    greeting = greeting and from_client
                    if line.dead:
                        continue
                    fault, at = self.choose(data, from_client=from_client, greeting=first)
                    self._pass_on(line, data, fault, at, from_client=from_client)

    def _pass_on(
        self, line: Line, data: bytes, fault: Fault, at: int, *, from_client: bool
    ) -> None:
        to = line.server if from_client else line.client
        if fault is Fault.BLACKHOLE:
            self.note_strike(fault, line)
            return
        if fault is Fault.RESET:
            line.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.client.close()
            self.note_strike(fault, line)
            raise EOFError
        if fault in (Fault.CUT, Fault.CUT_REQUEST):
            to.sendall(data[:at])
            self.note_strike(fault, line)
            raise EOFError
        if fault is Fault.HALF_CLOSE and not line.half_closed:
            line.half_closed = True
            line.client.shutdown(socket.SHUT_WR)
            self.note_strike(fault, line)
        if line.half_closed and not from_client:
            return
        if fault is Fault.LATENCY:
            self._ending.wait(self.latency_s)
        whole = without_tls(data) if fault is Fault.STRIP_TLS else data
        step = 1 if fault is Fault.SLICE else len(data)
        for start in range(0, len(data), step):
            to.sendall(whole[start : start + step])
        if fault in (Fault.LATENCY, Fault.SLICE) or whole != data:
            self.note_strike(fault, line)


class WatchingProxy(FaultProxy):
    """Keeps what clients send, to be looked through."""

    def __init__(self, port: int) -> None:
        self.sent_by_clients = bytearray()
        super().__init__(port)

    def note_sent(self, data: bytes) -> None:
        """Keep ``data``."""
        self.sent_by_clients += data


class Line:
    """Both ends of one connection."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.half_closed = False
        self.dead = False
        """Whether nothing gets through until both ends have hung up."""


class Rogue(Listener):
    """A server that follows ``script`` with each client; ``heard`` is every packet it was sent."""

    def __init__(self, script: Callable[[Talk], None]) -> None:
        self._script = script
        self.heard: list[bytes] = []
        super().__init__()

    def handle(self, client: socket.socket) -> None:
        talk = Talk(client, self.heard)
        try:
            self._script(talk)
        finally:
            talk.client.close()


class Talk:
    """One conversation in MySQL packets, from the server's side."""

    def __init__(self, client: socket.socket, heard: list[bytes]) -> None:
        self.client = client
        self._heard = heard
        self._number = 0

    def say(self, payload: bytes) -> None:
        """Send one packet."""
        header = struct.pack("<I", len(payload))[:3] + bytes([self._number % 256])
        self._number += 1
        self.client.sendall(header + payload)

    def say_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.client.sendall(data)

    def hear(self) -> bytes:
        """Receive one packet."""
        header = self._exactly(4)
        self._number = header[3] + 1
        payload = self._exactly(int.from_bytes(header[:3], "little"))
        self._heard.append(payload)
        return payload

    def listen(self) -> Iterator[bytes]:
        """Every packet until the client goes away."""
        while True:
            yield self.hear()

    def use_tls(self, context: ssl.SSLContext) -> None:
        """Go on encrypted, after the client's request for it."""
        self.client = context.wrap_socket(self.client, server_side=True)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.client.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data


def shut(sock: socket.socket) -> None:
    """Wake whoever reads or writes ``sock``."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def greeting(
    plugin: str = "caching_sha2_password", *, version: str = "8.4.0", tls: bool = False
) -> bytes:
    """The payload of a server's first packet."""
    capabilities = 0x00FF_F7FF | (CLIENT_SSL if tls else 0)
    salt = bytes(range(1, 21))
    return (
        b"\x0a"
        + version.encode()
        + b"\0"
        + struct.pack("<I", 77)
        + salt[:8]
        + b"\0"
        + struct.pack("<H", capabilities & 0xFFFF)
        + b"\xff"
        + struct.pack("<H", 2)
        + struct.pack("<H", capabilities >> 16)
        + bytes([21])
        + bytes(10)
        + salt[8:]
        + b"\0"
        + plugin.encode()
        + b"\0"
    )


def without_tls(packet: bytes) -> bytes:
    """A greeting packet whose server claims to know no TLS."""
    at = packet.index(b"\0", 5) + 1 + 4 + 8 + 1
    flags = int.from_bytes(packet[at : at + 2], "little") & ~CLIENT_SSL
    return packet[:at] + struct.pack("<H", flags) + packet[at + 2 :]


def auth_switch(plugin: str, data: bytes = b"") -> bytes:
    """The payload that asks for another sign-in method."""
    return b"\xfe" + plugin.encode() + b"\0" + data


def ok() -> bytes:
    """The payload of an OK packet."""
    return b"\x00\x00\x00\x02\x00\x00\x00"


def refusal(code: int = 1045, text: str = "Access denied") -> bytes:
    """The payload of an error packet."""
    return b"\xff" + struct.pack("<H", code) + b"#28000" + text.encode()
