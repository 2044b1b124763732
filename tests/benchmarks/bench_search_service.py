"""The search service against PyMySQL running the same statement: top 50 of one source.

    python -m tests.benchmarks.bench_search_service

Prints one line for each server and size of the table. The bar is a median 1.5 times PyMySQL's on
10,000 rows. The small table has none: there the server needs but a few milliseconds, and what a
search costs whatever it finds (reading the saved connections, threads, the ping, marking 50 rows)
is most of the time; its line shows how much that is.

Both use TCP and the same TLS and take turns in going first, so that a busy machine is busy for both
and neither always finds what the other has warmed up. Each search is in the history before anything
else begins, as between two searches of a person.
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
from typing import TypeVar

import pymysql

from altus4_desktop.domain.connections import Connection, Flavour
from altus4_desktop.domain.searching import SearchOutcome, SearchRequest
from tests.benchmarks.texts import article_statements
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer, ServerFactory, running_server
from tests.waiting import wait_until

T = TypeVar("T")

BAR = 1.5
SMALL, MEASURED = 1_000, 10_000
ROUNDS = 60
WARM_UP_ROUNDS = 6
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
                for rows in (SMALL, MEASURED):
                    over = not measure(world, server, rows) or over
    return int(over)


def measure(world: SearchWorld, server: DatabaseServer, rows: int) -> bool:
    """Whether a table of ``rows`` on one server is within the bar."""
    connection = world.add_database(server, f"{rows} rows", article_statements(rows))
    requests = [
        SearchRequest(query, connection_ids=(connection.id,), limit=50) for query in QUERIES
    ]
    outcomes = [world.search.run(world.actor, request) for request in requests]
    assert all(len(outcome.hits) == 50 for outcome in outcomes)
    statements = [
        text
        for outcome in outcomes
        for text in world.search.statements(world.actor, outcome).values()
    ]
    ours: list[float] = []
    theirs: list[float] = []
    bare = _bare(world, connection, encrypted=server.flavour is Flavour.MYSQL)
    with contextlib.closing(bare), bare.cursor() as cursor:
        for round_number in range(-WARM_UP_ROUNDS, ROUNDS):
            which = round_number % len(QUERIES)
            request = requests[which]
            execute = partial(cursor.execute, statements[which])
            for is_ours in (True, False) if round_number % 2 else (False, True):
                if is_ours:
                    service_s, outcome = _timed(partial(world.search.run, world.actor, request))
                    _wait_for_history(world, outcome)
                else:
                    bare_s, _ = _timed(execute)
            if round_number >= 0:
                ours.append(service_s)
                theirs.append(bare_s)
    service_ms, bare_ms = (statistics.median(times) * 1000 for times in (ours, theirs))
    ratio = service_ms / bare_ms
    print(
        f"search service, top 50 of {rows:,} rows, {server.flavour}: {service_ms:.2f} ms, "
        f"PyMySQL {bare_ms:.2f} ms, ratio {ratio:.2f}, {service_ms - bare_ms:.1f} ms more "
        f"({f'bar {BAR}' if rows == MEASURED else 'no bar'})"
    )
    return rows != MEASURED or ratio <= BAR


def _timed(step: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    result = step()
    return time.perf_counter() - began, result


def _wait_for_history(world: SearchWorld, outcome: SearchOutcome) -> None:
    def is_written() -> bool:
        newest = world.history.list_(world.actor, limit=5)
        return outcome.search_id in [record.id for record in newest]

    wait_until(is_written, timeout_s=10, what="the history")


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
