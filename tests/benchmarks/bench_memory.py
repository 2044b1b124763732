"""Memory, threads and open files over 1,000 searches, on one source and on several.

    python -m tests.benchmarks.bench_memory [--searches 1000]

The bar is 20 MB of growth, threads and files flat. The first tenth warms caches and pools up and is
not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import sys
import tempfile
from pathlib import Path

import psutil

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import QuerySyntaxError
from altus4_desktop.domain.searching import SearchMode, SearchRequest
from tests.benchmarks.texts import article_statements
from tests.search_world import SearchWorld, search_world
from tests.servers import ServerFactory, running_server

BAR_MB = 20.0
QUERIES = (
    ("boundary layer", SearchMode.NATURAL),
    ("+shock -wave heat*", SearchMode.BOOLEAN),
    ('"laminar stream"', SearchMode.BOOLEAN),
    ("nothinglikeit", SearchMode.NATURAL),
    ("c++", SearchMode.BOOLEAN),
    ("the", SearchMode.NATURAL),
)


def main() -> int:
    """Search, look, and say; 1 when over the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=1_000)
    searches = parser.parse_args().searches
    with (
        contextlib.closing(ServerFactory()) as factory,
        tempfile.TemporaryDirectory() as folder,
        running_server(factory, Flavour.MARIADB) as mariadb,
        running_server(factory, Flavour.MYSQL) as mysql,
        search_world(Path(folder)) as world,
    ):
        for number, server in enumerate((mariadb, mysql, mariadb, mysql)):
            world.add_database(server, f"source {number}", article_statements(300, seed=number))
        return int(measure(world, searches))


def measure(world: SearchWorld, searches: int) -> bool:
    """Whether the growth is over the bar."""
    own = psutil.Process()
    warm = max(30, searches // 10)
    for number in range(warm):
        _search(world, number)
    before = _figures(own)
    for number in range(searches):
        _search(world, number)
    after = _figures(own)
    growth_mb = (after[0] - before[0]) / 1e6
    print(
        f"{searches} searches of 4 sources: memory {growth_mb:+.1f} MB (bar {BAR_MB:+.0f}), "
        f"threads {before[1]} -> {after[1]}, open files and sockets {before[2]} -> {after[2]}"
    )
    return growth_mb > BAR_MB or after[1] > before[1] or after[2] > before[2]


def _search(world: SearchWorld, number: int) -> None:
    query, mode = QUERIES[number % len(QUERIES)]
    with contextlib.suppress(QuerySyntaxError):
        world.search.run(world.actor, SearchRequest(f"{query} ", mode, limit=50))


def _figures(own: psutil.Process) -> tuple[int, int, int]:
    gc.collect()
    return own.memory_info().rss, own.num_threads(), own.num_fds()


if __name__ == "__main__":
    sys.exit(main())
