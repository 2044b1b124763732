"""What semantic mode costs beyond the server's natural mode, by the size of the table.

    python -m tests.benchmarks.bench_semantic [ROWS ...]

Without ROWS 10,000; 1000000 takes minutes to load. Prints one line for each server and size: the
medians of the natural statement (50 rows) and of semantic mode, question to order, taken in turns,
and their difference; then that of questions never asked before, whose rows have no vectors yet.
The bars are 40 ms more up to 10,000 rows, 80 ms beyond, everything warm.
"""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import sys
import time

import pymysql

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.mysql.fulltext import IndexSearch, run_index_search
from altus4_desktop.search.plan import plan_search
from tests.benchmarks.semantic import SemanticSearch, english, semantic_search
from tests.benchmarks.texts import made_up_vocabulary
from tests.servers import DatabaseServer, ServerFactory, running_server

SIZES = (10_000,)
BAR_MS = {10_000: 40.0}
LARGE_BAR_MS = 80.0
WORDS_A_ROW = 48  # as the rows that the bars were set for
QUESTIONS = 12
ROUNDS = 4
_BATCH = 2_000
_LARGE = ("--innodb-buffer-pool-size=2G",)


def main() -> int:
    """Measure both servers; 1 when one is over the bar."""
    sizes = [int(text) for text in sys.argv[1:]] or list(SIZES)
    met = True
    options = _LARGE if max(sizes) > 100_000 else ()
    with contextlib.closing(ServerFactory()) as factory:
        for flavour in (Flavour.MARIADB, Flavour.MYSQL):
            with running_server(factory, flavour, options) as server:
                for rows in sizes:
                    met = measure(server, rows) and met
    return int(not met)


def measure(server: DatabaseServer, rows: int) -> bool:
    """Whether a table of ``rows`` on one server is within the bar."""
    words, weights = made_up_vocabulary()
    database = server.create_database()
    _fill(server, database, rows, words, weights)
    dice = random.Random(2)
    questions = [
        " ".join(dice.choices(words, weights, k=dice.choice((3, 5, 8, 12))))
        for _ in range(QUESTIONS)
    ]
    with semantic_search(server, database) as search:
        began = time.perf_counter()
        _semantic(search, questions[0])
        cold_ms = (time.perf_counter() - began) * 1000
        natural: list[float] = []
        semantic: list[float] = []
        new: tuple[list[float], list[float]] = ([], [])
        for turn in range(-1, ROUNDS):
            for at, question in enumerate(questions):
                mine, theirs = (semantic, natural) if turn >= 0 else new
                steps = [(theirs, _natural), (mine, _semantic)]
                for times, step in steps if (turn + at) % 2 else reversed(steps):
                    began = time.perf_counter()
                    step(search, question)
                    times.append((time.perf_counter() - began) * 1000)
    server.drop_database(database)
    over = _differences(semantic, natural)
    bar = BAR_MS.get(rows, LARGE_BAR_MS if rows > max(BAR_MS) else min(BAR_MS.values()))
    median = statistics.median
    print(
        f"{rows:,} rows, {server.flavour}: natural {median(natural):.1f} ms, semantic "
        f"{median(semantic):.1f} ms, {median(over):+.1f} ms in the median (bar {bar:.0f}), "
        f"{max(over):+.1f} ms at most; questions never asked before "
        f"{median(_differences(*new)):+.1f} ms, the first of all {cold_ms:.0f} ms; "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    return median(over) <= bar


def _differences(mine: list[float], theirs: list[float]) -> list[float]:
    return [one - other for one, other in zip(mine, theirs, strict=True)]


def _natural(search: SemanticSearch, question: str) -> None:
    planned = plan_search(search.schema, ()).sources[0]
    run_index_search(
        search.session,
        IndexSearch(
            "bench",
            search.schema.database,
            planned.table,
            planned.index,
            question,
            boolean=False,
            limit=50,
        ),
    )


def _semantic(search: SemanticSearch, text: str) -> None:
    question = english(text)
    assert search.rank(question, search.ask(question)).rows


def _fill(
    server: DatabaseServer, database: str, rows: int, words: list[str], weights: list[float]
) -> None:
    dice = random.Random(3)
    # The usual connection of the tests gives up before an index of a million rows is built.
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
        for first in range(0, rows, _BATCH):
            count = min(_BATCH, rows - first)
            drawn = dice.choices(words, weights, k=count * WORDS_A_ROW)
            values = []
            for at in range(count):
                text = drawn[at * WORDS_A_ROW : (at + 1) * WORDS_A_ROW]
                values.append(f"({first + at},'{' '.join(text[:6])}','{' '.join(text[6:])}')")
            cursor.execute(f"INSERT INTO articles VALUES {','.join(values)}")
        cursor.execute("ALTER TABLE articles ADD FULLTEXT ft_articles (title, body)")
        cursor.execute("ANALYZE TABLE articles")


if __name__ == "__main__":
    sys.exit(main())
