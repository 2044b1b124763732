"""The first page of each filter of a long history, in a file and on the servers.

    python -m tests.benchmarks.bench_history [SEARCHES [sqlite|mariadb|mysql ...]]

Prints, per store and filter, how long the first page of 100 takes; the bar is 100 ms. The history
is a made-up one (`histories`); a filter is measured for everybody and for one busy person.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.storage.store import Store
from tests.benchmarks.histories import History
from tests.benchmarks.history_load import SERVER_OPTIONS, load_file, load_server
from tests.servers import ServerFactory, running_server
from tests.stores import StorePlace, file_place, server_place

BAR_MS = 100.0
SEARCHES = 10_000_000
ROUNDS = 5
# As the pane reads it.
PAGE = 100
# What lists failed and slow searches keep, as the revision fills them for what is there already.
_LISTS = (
    "INSERT INTO search_marks (mark, created_at, search_id, user_id)"
    " SELECT '{mark}', created_at, id, user_id FROM searches WHERE {condition}"
)
_CONDITIONS = {
    "failed": """search_params LIKE '%"outcome": "failed"%'"""
    """ OR search_params LIKE '%"outcome": "partial"%'""",
    "slow": "execution_time_ms >= 1000",
}


def main() -> int:
    """Measure each store; 1 when a page is over the bar."""
    searches = int(sys.argv[1]) if len(sys.argv) > 1 else SEARCHES
    over = False
    for name in sys.argv[2:] or ("sqlite", "mariadb", "mysql"):
        history = History(searches)
        with places(name, history) as (place, count), contextlib.closing(place.open()) as store:
            over = measure(name, store, history, count) or over
    return int(over)


@contextlib.contextmanager
def places(name: str, history: History) -> Iterator[tuple[StorePlace, int]]:
    """A filled store, and how many searches are in it."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if name == "sqlite":
            place = file_place(folder)
        else:
            factory = stack.enter_context(contextlib.closing(ServerFactory()))
            server = stack.enter_context(running_server(factory, Flavour(name), SERVER_OPTIONS))
            database = server.create_database("altus4_metadata")
            place = server_place(server, database)
        with contextlib.closing(place.open()) as store:
            store.migrator.upgrade()
        count = (
            load_file(place, history)
            if name == "sqlite"
            else load_server(server, database, history, folder)
        )
        for mark, condition in _CONDITIONS.items():
            place.query(_LISTS.format(mark=mark, condition=condition))
        yield place, count


def measure(name: str, store: Store, history: History, count: int) -> bool:
    """Print a line a filter; whether one is over the bar."""
    person = history.persons()[0]
    last_at = store.searches.page_(HistoryQuery(), None, 1)[0].created_at
    assert last_at is not None
    year = last_at - timedelta(days=365)
    filters = {
        "nothing": HistoryQuery(),
        "natural": HistoryQuery(mode=SearchMode.NATURAL),
        "semantic": HistoryQuery(mode=SearchMode.SEMANTIC),
        "hits": HistoryQuery(outcome=HistoryOutcome.HITS),
        "none": HistoryQuery(outcome=HistoryOutcome.NONE),
        "failed": HistoryQuery(outcome=HistoryOutcome.FAILED),
        "slow": HistoryQuery(outcome=HistoryOutcome.SLOW),
        "a year ago": HistoryQuery(to_at=year),
        "frequent word": HistoryQuery("invoice"),
        "two words": HistoryQuery("telescope galaxy"),
        "rare word": HistoryQuery("invoice 19999"),
        "no such word": HistoryQuery("xylophone"),
        "none, boolean": HistoryQuery(mode=SearchMode.BOOLEAN, outcome=HistoryOutcome.NONE),
        "failed, semantic": HistoryQuery(mode=SearchMode.SEMANTIC, outcome=HistoryOutcome.FAILED),
        "word, none": HistoryQuery("engine", outcome=HistoryOutcome.NONE),
    }
    over = False
    for label, query in filters.items():
        line = []
        for owner in ("", person.id):
            asked = HistoryQuery(
                query.text, "", query.mode, query.outcome, owner, query.from_at, query.to_at
            )
            line.append(page_ms(store, asked))
        over = over or any(ms > BAR_MS for ms, _ in line)
        told = ", ".join(f"{ms:6.1f} ms ({rows})" for ms, rows in line)
        print(f"{name:8} {count:,} {label:17} everybody, one: {told} (bar {BAR_MS:g})", flush=True)
    connection = person.connections[0][0]
    ms, rows = page_ms(store, HistoryQuery(connection_id=connection, user_id=person.id))
    print(
        f"{name:8} {count:,} {'connection':17} {ms:6.1f} ms ({rows}) (bar {BAR_MS:g})", flush=True
    )
    return over or ms > BAR_MS


def page_ms(store: Store, query: HistoryQuery) -> tuple[float, int]:
    """The middle of some rounds, and how many rows there are."""
    taken = []
    rows = 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        rows = len(store.searches.page_(query, None, PAGE))
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), rows


if __name__ == "__main__":
    raise SystemExit(main())
