"""Eight sources that answer after 300 ms each, searched at once.

    python -m tests.benchmarks.bench_fan_out

Prints one line a server; the bar is 1.3 times the slowest source searched alone. A proxy before
each source holds back the answer to the search statement, as a distant or busy server would; the
two cores of a small machine could not work for eight sources at once.
"""

from __future__ import annotations

import contextlib
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from altus4_desktop.domain.connections import Connection, Flavour, TlsMode
from altus4_desktop.domain.searching import SearchRequest, SourceState
from tests.benchmarks.texts import article_statements
from tests.faults import Listener
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer, ServerFactory, running_server

BAR = 1.3
SOURCES = 8
DELAY_S = 0.3
ROUNDS = 9


class SlowAnswer(Listener):
    """Passes bytes to ``port`` and back, and lets the answer to a search wait."""

    def __init__(self, port: int) -> None:
        self._upstream_port = port
        super().__init__()

    def handle(self, client: socket.socket) -> None:
        with self.keep(socket.create_connection(("127.0.0.1", self._upstream_port))) as server:
            asked = threading.Event()
            self._start(lambda: self._answer(server, client, asked))
            while data := client.recv(65536):
                if b"altus4_score" in data:
                    asked.set()
                server.sendall(data)

    def _answer(self, server: socket.socket, client: socket.socket, asked: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if asked.is_set():
                    asked.clear()
                    threading.Event().wait(DELAY_S)
                client.sendall(data)


def main() -> int:
    """Measure both servers; 1 when one is over the bar."""
    over = False
    with contextlib.closing(ServerFactory()) as factory:
        for flavour in (Flavour.MARIADB, Flavour.MYSQL):
            with (
                tempfile.TemporaryDirectory() as folder,
                running_server(factory, flavour) as server,
                contextlib.ExitStack() as proxies,
                search_world(Path(folder)) as world,
            ):
                connections = []
                for number in range(SOURCES):
                    proxy = proxies.enter_context(contextlib.closing(SlowAnswer(server.port)))
                    connections.append(_add(world, server, proxy.port, number))
                over = measure(world, server, connections) > BAR or over
    return int(over)


def _add(world: SearchWorld, server: DatabaseServer, port: int, number: int) -> Connection:
    return world.add_database(
        server,
        f"source {number}",
        article_statements(500, seed=number),
        port=port,
        tls=TlsMode.DISABLED,
    )


def measure(world: SearchWorld, server: DatabaseServer, connections: list[Connection]) -> float:
    """The ratio on one server."""
    ids = [connection.id for connection in connections]
    _seconds(world, ids)
    alone_s = max(_seconds(world, [one]) for one in ids for _ in range(2))
    together_s = statistics.median(_seconds(world, ids) for _ in range(ROUNDS))
    ratio = together_s / alone_s
    print(
        f"{SOURCES} sources of {DELAY_S * 1000:.0f} ms, {server.flavour}: {together_s * 1000:.0f} "
        f"ms together, {alone_s * 1000:.0f} ms the slowest alone, ratio {ratio:.2f} (bar {BAR})"
    )
    return ratio


def _seconds(world: SearchWorld, ids: list[str]) -> float:
    request = SearchRequest("boundary layer", connection_ids=tuple(ids))
    began = time.perf_counter()
    outcome = world.search.run(world.actor, request)
    took_s = time.perf_counter() - began
    assert {report.state for report in outcome.sources} == {SourceState.OK}
    return took_s


if __name__ == "__main__":
    sys.exit(main())
