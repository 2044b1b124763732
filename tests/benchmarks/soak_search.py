"""Ten thousand mixed searches from eight threads, over four databases on both servers.

    python -m tests.benchmarks.soak_search [SEARCHES]

Natural, boolean (valid and not), semantic, pages, filters, orders, weights, synonyms,
searches that are stopped and searches whose time is far too short, through the services as the
program has them. Prints what was asked and what is left. The bars: no error that was not meant,
nothing that the history could not keep, no statement of ours left on a server, no thread or file
left when the services are closed, at most 30 MB more than after the first fifth.
"""

from __future__ import annotations

import contextlib
import gc
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection, Flavour
from altus4_desktop.domain.errors import AltusError, Cancelled, QuerySyntaxError
from altus4_desktop.domain.filtering import ColumnFilter, ColumnOrder, Narrowing, Operator
from altus4_desktop.domain.searching import (
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceState,
    SourceWeight,
)
from tests.benchmarks.texts import article_statements
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer, ServerFactory, running_server
from tests.waiting import wait_until

SEARCHES = 10_000
THREADS = 8
DATABASES = 4
ROWS = 400
BAR_MB = 30.0
TOO_SHORT_S = 0.002

_WORDS = ("boundary layer", "supersonic flow", "heat", "shock wave drag", "thin panel buckling")
_VALID = ("+shock -wave heat*", '"laminar stream"', ">jet <plate +(flow drag)", "creep~ load")
_INVALID = ("c++", "(heat", "a@b.c", "+-heat", "**")
_SYNONYMS = (("heat", "warmth", "temperature"), ("drag", "resistance"), ("wing", "airfoil"))
KINDS = (
    "natural",
    "boolean",
    "invalid",
    "semantic",
    "page",
    "filtered",
    "weighed",
    "synonyms",
    "stopped",
    "too short",
)


_FINDS = frozenset(KINDS) - {"boolean", "invalid", "stopped", "too short"}


@dataclass
class Soak:
    """What has been asked, by kind, how the sources ended, and what should not have been."""

    asked: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)
    running: int = 0
    first_mb: float = 0.0
    last_mb: float = 0.0
    took_s: float = 0.0


def main() -> int:
    """Search, look, and say; 1 when over a bar."""
    searches = int(sys.argv[1]) if len(sys.argv) > 1 else SEARCHES
    with (
        contextlib.closing(ServerFactory()) as factory,
        running_server(factory, Flavour.MARIADB) as mariadb,
        running_server(factory, Flavour.MYSQL) as mysql,
    ):
        servers = (mariadb, mysql)
        soak_services(servers, max(searches // 50, 50))
        before = open_things()
        soak = soak_services(servers, searches)
        after = open_things()
    growth_mb = soak.last_mb - soak.first_mb
    print(
        f"{searches:,} searches of {DATABASES} sources from {THREADS} threads in "
        f"{soak.took_s:.0f} s: {_listed(soak.asked)}; sources: {_listed(soak.ended)}"
    )
    print(
        f"memory {growth_mb:+.1f} MB since the first fifth (bar {BAR_MB:+.0f}), threads "
        f"{before[0]} -> {after[0]}, open files and sockets {before[1]} -> {after[1]}, statements "
        f"left on the servers {soak.running}, unexpected: {_listed(soak.unexpected) or 'none'}"
    )
    left = after[0] > before[0] or after[1] > before[1] or soak.running
    return int(growth_mb > BAR_MB or bool(left) or bool(soak.unexpected))


def soak_services(
    servers: Sequence[DatabaseServer], searches: int, kinds: Sequence[str] = KINDS
) -> Soak:
    """``searches`` searches of ``kinds`` in turn, in a world of their own, closed after."""
    soak = Soak()
    with tempfile.TemporaryDirectory() as folder, search_world(Path(folder)) as world:
        connections = [
            world.add_database(
                servers[number % len(servers)],
                f"source {number}",
                article_statements(ROWS, seed=number),
            )
            for number in range(DATABASES)
        ]
        world.history.on_problem = lambda problem: soak.unexpected.update(
            [f"history: {problem.code}"]
        )
        began = time.perf_counter()
        lock = threading.Lock()
        first = searches // 5
        with ThreadPoolExecutor(THREADS, "soak") as threads:
            for part in (range(first), range(first, searches)):
                for _ in threads.map(
                    lambda number: _search(world, soak, lock, number, kinds), part
                ):
                    pass
                gc.collect()
                used_mb = psutil.Process().memory_info().rss / 1e6
                soak.first_mb, soak.last_mb = soak.first_mb or used_mb, used_mb
        soak.took_s = time.perf_counter() - began
        soak.running = _running(servers, connections)
    return soak


def open_things() -> tuple[int, int]:
    """The threads, and the files and sockets, that this process has."""
    gc.collect()
    own = psutil.Process()
    return own.num_threads(), own.num_fds()


def _search(
    world: SearchWorld, soak: Soak, lock: threading.Lock, number: int, kinds: Sequence[str]
) -> None:
    kind = kinds[number % len(kinds)]
    dice = random.Random(number)
    connection_ids = [one.id for one in world.connections.list_(world.actor)]
    request, token = _request(kind, dice, connection_ids), CancelToken()

    def stop(_: SearchOutcome) -> None:
        if kind == "stopped":
            token.cancel()

    if kind == "stopped" and dice.random() < 0.2:
        token.cancel()
    ended: list[str] = []
    wrong: list[str] = []
    meant = {SourceState.OK}
    if kind == "stopped":
        meant.add(SourceState.CANCELLED)
    if kind == "too short":
        meant.add(SourceState.TIMED_OUT)
    try:
        outcome = world.search.run(world.actor, request, stop, token)
    except QuerySyntaxError:
        ended.append("refused")
        if kind != "invalid":
            wrong.append(f"{kind}: refused")
    except Cancelled:
        ended.append("cancelled")
        if kind != "stopped":
            wrong.append(f"{kind}: cancelled")
    except Exception as error:
        wrong.append(f"{kind}: {_name(error)}")
    else:
        ended += [report.state.value for report in outcome.sources]
        wrong += [
            f"{kind} {request.mode}: {report.state} {_name(report.error)}"
            for report in outcome.sources
            if report.state not in meant
        ]
        if kind == "invalid":
            wrong.append(f"passed: {request.query}")
        if kind in _FINDS and not outcome.hits:
            wrong.append(f"{kind}: nothing found for {request.query}")
    with lock:
        soak.asked[kind] += 1
        soak.ended.update(ended)
        soak.unexpected.update(wrong)


def _request(kind: str, dice: random.Random, connection_ids: Sequence[str]) -> SearchRequest:
    words = dice.choice(_WORDS)
    mode = dice.choice(list(SearchMode))
    if kind == "boolean":
        return SearchRequest(dice.choice(_VALID), SearchMode.BOOLEAN)
    if kind == "invalid":
        return SearchRequest(dice.choice(_INVALID), SearchMode.BOOLEAN)
    if kind == "semantic":
        return SearchRequest(words, SearchMode.SEMANTIC, language=dice.choice(("en", "")))
    if kind == "page":
        return SearchRequest(words, limit=10, offset=10 * dice.randrange(4))
    asked = SearchRequest(words, mode)
    if kind == "filtered":
        asked = replace(asked, narrowing=_narrowing(dice))
    elif kind == "weighed":
        weights = (
            SourceWeight(dice.choice(connection_ids), weight=dice.choice((0.5, 2.0))),
            SourceWeight(dice.choice(connection_ids), "articles", "title", 3.0),
        )
        asked = replace(asked, weights=weights)
    elif kind == "synonyms":
        asked = replace(asked, synonyms=_SYNONYMS)
    elif kind == "too short":
        asked = replace(asked, timeout_s=TOO_SHORT_S)
    else:
        asked = replace(asked, mode=SearchMode.NATURAL, limit=50)
    return asked


def _narrowing(dice: random.Random) -> Narrowing:
    first = dice.randrange(ROWS // 2)
    filters = (
        ColumnFilter("id", Operator.RANGE, (str(first), str(first + ROWS // 2))),
        ColumnFilter("title", Operator.NOT, ("nothing", None)),
    )
    order = dice.choice((None, ColumnOrder("title"), ColumnOrder("id", descending=True)))
    return Narrowing(filters, order, dice.choice((0.0, 0.2)))


def _running(servers: Sequence[DatabaseServer], connections: Sequence[Connection]) -> int:
    """How many statements of ours the servers still run, after a moment to end them."""
    users = {connection.username for connection in connections}

    def count() -> int:
        return sum(
            row[1] in users and row[4] == "Query"
            for server in servers
            for row in server.execute("SHOW FULL PROCESSLIST")
        )

    with contextlib.suppress(AssertionError):
        wait_until(lambda: not count(), timeout_s=5, what="a clean process list")
    return count()


def _name(error: Exception | None) -> str:
    return error.code if isinstance(error, AltusError) else type(error).__name__


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
