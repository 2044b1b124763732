"""Natural and semantic search of one table of millions of rows: time, candidates, memory.

    python -m tests.benchmarks.bench_large_table [ROWS ...] [--server mysql|mariadb]

Without ROWS 1000000; 10000000 takes half an hour and 12 GB of disk. The rows have 16 made-up words
each, as frequent as the words of a language are. Asked is through the services as the program has
them, with questions of 3, 30 and 160 words that were never asked before, an eighth of them words
that no row has. Printed is, for each server, mode and length, how the searches ended, how long they
took the first time and again, how many rows the server was asked for, and the most memory that
Python held for one; then by how much the process has grown since its first search. A search may
take 10 s. Natural mode asks the server for every word of a question, which it may not do in that
time. The bars: semantic mode is never late, nothing takes a second longer than it may, no source
fails in any other way, no more rows are asked for than semantic mode may hold, and the process has
grown by no more than 100 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import random
import re
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psutil
import pymysql

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.searching import SearchMode, SearchRequest, SourceReport, SourceState
from altus4_desktop.services.semantic_source import MOST_CANDIDATES
from tests.benchmarks.texts import made_up_vocabulary
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer, ServerFactory, running_server

WORDS_A_ROW = 16
LENGTHS = (3, 30, 160)
QUESTIONS = 4
LIMIT_S = 10.0
BAR_MB = 100.0
_UNSEEN_SHARE = 8
_BATCH = 50_000
_LIMIT = re.compile(r"\bLIMIT (\d+)")
_OPTIONS = ("--innodb-buffer-pool-size=2G", "--secure-file-priv=")
_OPTIONS_BY_FLAVOUR = {
    Flavour.MARIADB: ("--innodb-log-file-size=512M", "--innodb-sort-buffer-size=64M"),
    Flavour.MYSQL: ("--innodb-redo-log-capacity=512M", "--innodb-ddl-buffer-size=512M"),
}


def main() -> int:
    """Measure; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rows", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--server", choices=[str(flavour) for flavour in Flavour])
    given = parser.parse_args()
    met = True
    with contextlib.closing(ServerFactory()) as factory:
        for flavour in (Flavour.MARIADB, Flavour.MYSQL):
            if given.server in (None, str(flavour)):
                with running_server(factory, flavour, options(flavour)) as server:
                    for rows in given.rows:
                        database = fill(server, rows)
                        met = measure(server, database, rows) and met
                        server.drop_database(database)
    return int(not met)


def options(flavour: Flavour) -> tuple[str, ...]:
    """What a server needs to hold such a table."""
    return _OPTIONS + _OPTIONS_BY_FLAVOUR[flavour]


def fill(server: DatabaseServer, rows: int) -> str:
    """A new database with a table ``articles`` of ``rows``; returns its name."""
    import numpy as np

    database = server.create_database()
    words, weights = made_up_vocabulary()
    share = np.array(weights) / sum(weights)
    dice = np.random.default_rng(3)
    began = time.perf_counter()
    # The usual connection of the tests gives up before such an index is built.
    connection = pymysql.connect(
        unix_socket=server.socket,
        user="root",
        password=server.root_password,
        database=database,
        charset="utf8mb4",
        autocommit=True,
    )
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE articles (id INT PRIMARY KEY, title VARCHAR(200), body TEXT)")
        file = server.data_folder.parent / "rows.tsv"
        for first in range(0, rows, _BATCH):
            count = min(_BATCH, rows - first)
            drawn = dice.choice(len(words), (count, WORDS_A_ROW), p=share).tolist()
            with file.open("w") as lines:
                for number, row in enumerate(drawn, first):
                    text = [words[word] for word in row]
                    lines.write(f"{number}\t{' '.join(text[:6])}\t{' '.join(text[6:])}\n")
            cursor.execute(f"LOAD DATA INFILE '{file}' INTO TABLE articles")
        file.unlink()
        loaded_s = time.perf_counter() - began
        cursor.execute("ALTER TABLE articles ADD FULLTEXT ft_articles (title, body)")
        cursor.execute("ANALYZE TABLE articles")
    print(
        f"{server.flavour}: {rows:,} rows loaded in {loaded_s:.0f} s, "
        f"indexed in {time.perf_counter() - began - loaded_s:.0f} s",
        flush=True,
    )
    return database


def measure(server: DatabaseServer, database: str, rows: int) -> bool:
    """Whether searches of ``database``, with a table of ``rows``, are within the bars."""
    words, weights = made_up_vocabulary()
    account = server.create_search_account(database)
    own = psutil.Process()
    met = True
    with tempfile.TemporaryDirectory() as folder, search_world(Path(folder)) as world:
        world.add_connection(server.host, server.port, "large", database, account)
        dice = random.Random(4)
        for mode in (SearchMode.SEMANTIC, SearchMode.NATURAL):
            _timed(world, words[500], mode)
            before_mb = own.memory_info().rss / 1e6
            for length in LENGTHS:
                asked = [_question(dice, words, weights, length) for _ in range(QUESTIONS)]
                print(f"{server.flavour}, {rows:,} rows, {mode}, {length} words:", end=" ")
                met = _measure(world, mode, asked) and met
            gc.collect()
            growth_mb = own.memory_info().rss / 1e6 - before_mb
            print(f"  the process has grown by {growth_mb:+.1f} MB (bar {BAR_MB:+.0f})", flush=True)
            met = met and growth_mb <= BAR_MB
    return met


def _question(
    dice: random.Random, words: Sequence[str], weights: Sequence[float], length: int
) -> str:
    unseen = max(1, length // _UNSEEN_SHARE)
    made_up = [f"{dice.choice(words)}x{dice.choice(words)}q" for _ in range(unseen)]
    asked = [*dice.choices(words, weights, k=length - unseen), *made_up]
    dice.shuffle(asked)
    return " ".join(asked)


def _measure(world: SearchWorld, mode: SearchMode, questions: Sequence[str]) -> bool:
    first: list[float] = []
    again: list[float] = []
    held: list[float] = []
    wanted: list[int] = []
    ended: Counter[SourceState] = Counter()
    for text in questions:
        seconds, report, limits = _timed(world, text, mode)
        first.append(seconds)
        again.append(_timed(world, text, mode)[0])
        wanted.extend(limits)
        ended[report.state] += 1
        tracemalloc.start()
        _timed(world, text, mode)
        held.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
    states = ", ".join(f"{count} {state}" for state, count in sorted(ended.items()))
    print(
        f"{states}; first {statistics.median(first) * 1000:.0f} ms in the median and "
        f"{max(first) * 1000:.0f} at most, again {statistics.median(again) * 1000:.0f} and "
        f"{max(again) * 1000:.0f}; {max(wanted, default=0)} rows asked for and "
        f"{max(held):.1f} MB in Python at most",
        flush=True,
    )
    meant = {SourceState.OK}
    if mode is SearchMode.NATURAL:
        meant.add(SourceState.TIMED_OUT)
    is_bounded = max(first + again) <= LIMIT_S + 1
    return ended.keys() <= meant and is_bounded and max(wanted, default=0) <= MOST_CANDIDATES


def _timed(
    world: SearchWorld, text: str, mode: SearchMode
) -> tuple[float, SourceReport, list[int]]:
    """How long a search took, how its source ended and for how many rows that was asked."""
    request = SearchRequest(text, mode, language="en", limit=50, timeout_s=LIMIT_S)
    began = time.perf_counter()
    outcome = world.search.run(world.actor, request)
    seconds = time.perf_counter() - began
    [report] = outcome.sources
    statements = world.search.statements(world.actor, outcome).values()
    limits = [int(number) for text in statements for number in _LIMIT.findall(text)]
    return seconds, report, limits


if __name__ == "__main__":
    sys.exit(main())
