"""The search service against PyMySQL running the same statement: top 50 of one source.

    python -m tests.benchmarks.bench_search_service

Prints one line a server; the bar is a median 1.5 times PyMySQL's. Both use TCP and the same TLS,
and take turns, so that a busy machine is busy for both.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pymysql

from altus4_desktop.domain.connections import Connection, Flavour
from altus4_desktop.domain.searching import SearchRequest
from tests.benchmarks.texts import article_statements
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer, ServerFactory, running_server

BAR = 1.5
ROWS = 10_000
ROUNDS = 60
QUERIES = ("boundary layer", "supersonic flow past a wing", "heat transfer in a laminar stream")


def main() -> int:
    """Measure both servers; 1 when one is over the bar."""
    over = False
    factory = ServerFactory()
    with contextlib.closing(factory):
        for flavour in (Flavour.MARIADB, Flavour.MYSQL):
            with (
                tempfile.TemporaryDirectory() as folder,
                running_server(factory, flavour) as server,
                search_world(Path(folder)) as world,
            ):
                ratio = measure(world, server)
                over = over or ratio > BAR
    return int(over)


def measure(world: SearchWorld, server: DatabaseServer) -> float:
    """The ratio on one server."""
    connection = world.add_database(server, "bench", article_statements(ROWS))
    ours: list[float] = []
    theirs: list[float] = []
    bare = _bare(world, connection, encrypted=server.flavour is Flavour.MYSQL)
    with contextlib.closing(bare), bare.cursor() as cursor:
        for round_number in range(ROUNDS + 3):
            request = SearchRequest(QUERIES[round_number % len(QUERIES)], limit=50)
            began = time.perf_counter()
            outcome = world.search.run(world.actor, request)
            service_s = time.perf_counter() - began
            assert len(outcome.hits) == 50
            (statement,) = world.search.statements(world.actor, outcome).values()
            bare_s = _seconds(partial(cursor.execute, statement), cursor.fetchall)
            if round_number >= 3:
                ours.append(service_s)
                theirs.append(bare_s)
    service_ms, bare_ms = (statistics.median(times) * 1000 for times in (ours, theirs))
    ratio = service_ms / bare_ms
    print(
        f"search service, top 50 of {ROWS} rows, {server.flavour}: {service_ms:.2f} ms, "
        f"PyMySQL {bare_ms:.2f} ms, ratio {ratio:.2f} (bar {BAR})"
    )
    return ratio


def _seconds(*steps: Callable[[], object]) -> float:
    began = time.perf_counter()
    for step in steps:
        step()
    return time.perf_counter() - began


def _bare(
    world: SearchWorld, connection: Connection, *, encrypted: bool
) -> pymysql.connections.Connection:
    """As the pool connects: only the MySQL of the tests has made itself a certificate."""
    target = world.connections.target_(world.actor, connection.id)
    return pymysql.connect(
        host=target.host,
        port=target.port,
        user=target.username,
        password=target.password_secret,
        database=target.database,
        charset="utf8mb4",
        ssl={"verify_mode": "none", "check_hostname": False} if encrypted else None,
    )


if __name__ == "__main__":
    sys.exit(main())
