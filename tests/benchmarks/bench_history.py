"""The first page of each filter of a long history, in a file and on the servers.

    python -m tests.benchmarks.bench_history [SEARCHES [sqlite|mariadb|mysql|URL ...]]

A URL names a store that was filled with this history before; a server's password is read from
ALTUS4_BENCH_PASSWORD.

Prints, per store and filter, how long it takes until the first page of 100 is seen, or as much of
it as is shown while more is looked for: the first time, and the middle of some rounds by the clock
and in processor time (this process and the server), which others on the machine do not stretch; the
bar is 100 ms of that. Where it was not the whole page, what all of it costs is said too. The
history is a made-up one (`histories`); each filter is measured by itself, for one busy person, and
in the worst company.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.history import (
    HistoryLook,
    HistoryOutcome,
    HistoryQuery,
    OwnTime,
    WeekHour,
)
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.storage.store import Store
from tests.benchmarks.histories import History
from tests.benchmarks.history_load import SERVER_OPTIONS, load_file, load_server
from tests.benchmarks.kept_stores import kept_place, processor_clock, session
from tests.servers import ServerFactory, running_server
from tests.stores import StorePlace, file_place, server_place

BAR_MS = 100.0
SEARCHES = 10_000_000
ROUNDS = 5
# As the pane reads it.
PAGE = 100


@dataclass(frozen=True)
class Cost:
    """Of what is seen first, in milliseconds: the first time, and the middle of all rounds; of all
    of a page where that is more."""

    first_ms: float
    middle_ms: float
    spent_ms: float
    rows: int
    all_ms: float | None
    all_rows: int


class _Seen(Exception):
    """There is something to be seen; no more is looked for."""


def main() -> int:
    """Measure each store; 1 when a page is over the bar."""
    searches = int(sys.argv[1]) if len(sys.argv) > 1 else SEARCHES
    over = False
    for name in sys.argv[2:] or ("sqlite", "mariadb", "mysql"):
        history = History(searches)
        with (
            places(name, history) as place,
            session(place) as query,
            contextlib.closing(place.open()) as store,
        ):
            over = measure(store, history, processor_clock(place, query)) or over
    return int(over)


@contextlib.contextmanager
def places(name: str, history: History) -> Iterator[StorePlace]:
    """A filled store."""
    if name not in ("sqlite", "mariadb", "mysql"):
        yield kept_place(name)
        return
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
        print(f"== {name}: {count:,} searches", flush=True)
        yield place


def measure(store: Store, history: History, spent_s: Callable[[], float]) -> bool:
    """Print a line a filter; whether one is over the bar."""
    over = False
    for label, query in questions(store, history).items():
        cost = page_cost(store, query, spent_s)
        over = over or cost.spent_ms > BAR_MS
        more = f"; all {cost.all_rows} rows {cost.all_ms:.0f} ms" if cost.all_ms else ""
        print(
            f"{label:36} {cost.rows:3} rows, processor {cost.spent_ms:6.1f} ms (bar {BAR_MS:g}),"
            f" by the clock {cost.middle_ms:6.1f} ms, first {cost.first_ms:6.1f} ms{more}",
            flush=True,
        )
    return over


def questions(store: Store, history: History) -> dict[str, HistoryQuery]:
    """Every filter by itself, for everybody and for one person, and what is hardest together."""
    last_at = store.searches.page_(HistoryQuery(), None, 1)[0].created_at
    assert last_at is not None
    year, month = last_at - timedelta(days=365), last_at - timedelta(days=30)
    today = last_at.replace(hour=0, minute=0, second=0, tzinfo=None)
    own_day = OwnTime(today - timedelta(days=1), today)
    own_year = OwnTime(today - timedelta(days=365), today)
    persons = history.persons()
    busy, quiet = persons[0], persons[-1]
    semantic, boolean = SearchMode.SEMANTIC, SearchMode.BOOLEAN
    none, failed, slow = HistoryOutcome.NONE, HistoryOutcome.FAILED, HistoryOutcome.SLOW
    alone = {
        "nothing": HistoryQuery(),
        "natural": HistoryQuery(mode=SearchMode.NATURAL),
        "semantic": HistoryQuery(mode=semantic),
        "hits": HistoryQuery(outcome=HistoryOutcome.HITS),
        "none": HistoryQuery(outcome=none),
        "failed": HistoryQuery(outcome=failed),
        "slow": HistoryQuery(outcome=slow),
        "until a year ago": HistoryQuery(to_at=year),
        "the last day": HistoryQuery(from_at=last_at - timedelta(days=1)),
        "took up to 1 ms": HistoryQuery(most_ms=1),
        "took up to 99 ms": HistoryQuery(most_ms=99),
        "took 500 to 509 ms": HistoryQuery(least_ms=500, most_ms=509),
        "took 1 s and longer": HistoryQuery(least_ms=1000),
        "took 20 s and longer": HistoryQuery(least_ms=20_000),
        "frequent word": HistoryQuery("invoice"),
        "two words": HistoryQuery("telescope galaxy"),
        "rare word": HistoryQuery("invoice 19999"),
        "no such word": HistoryQuery("xylophone"),
        "whole query": HistoryQuery("invoice order", whole=True),
        "no such whole query": HistoryQuery("invoice order xylophone", whole=True),
        "words of an unasked query": HistoryQuery("telescope galaxy quasar", whole=True),
        "hour of the week": HistoryQuery(week_hour=WeekHour("Europe/Berlin", 1, 10)),
        "night of a year": HistoryQuery(
            from_at=year, to_at=last_at, week_hour=WeekHour("America/New_York", 7, 3)
        ),
        "not cancelled": HistoryQuery(is_finished=True),
        "by people": HistoryQuery(key_id=""),
        "a year of everybody's own days": HistoryQuery(own_time=own_year),
        "a day of everybody's own": HistoryQuery(own_time=own_day),
        "a connection by its name": HistoryQuery(connection_name="Support"),
        "connection nobody had": HistoryQuery(connection_name="Nowhere"),
    }
    shared = persons[3].connections[2][0]
    key, quiet_key = busy.key_id, quiet.key_id
    hour, night = WeekHour("Asia/Tokyo", 3, 9), WeekHour("Asia/Tokyo", 6, 3)
    together = {
        "API key": HistoryQuery(key_id=key),
        "API key, one": HistoryQuery(key_id=key, user_id=busy.id),
        "quiet API key": HistoryQuery(key_id=quiet_key),
        "API key, none": HistoryQuery(key_id=key, outcome=none),
        "API key, failed": HistoryQuery(key_id=key, outcome=failed),
        "API key, boolean, year": HistoryQuery(key_id=key, mode=boolean, to_at=year),
        "API key, word": HistoryQuery("invoice", key_id=key),
        "API key, rare word": HistoryQuery("invoice 19999", key_id=key),
        "API key, connection": HistoryQuery(
            key_id=quiet_key, connection_id=quiet.connections[0][0]
        ),
        "API key, took 300 to 309 ms": HistoryQuery(key_id=key, least_ms=300, most_ms=309),
        "API key of another": HistoryQuery(key_id=key, user_id=quiet.id),
        "hour, quiet one": HistoryQuery(user_id=quiet.id, week_hour=hour),
        "night, quiet one": HistoryQuery(user_id=quiet.id, week_hour=night),
        "night, word": HistoryQuery("invoice", week_hour=night),
        "night, whole query": HistoryQuery("telescope galaxy", whole=True, week_hour=night),
        "own year, failed": HistoryQuery(own_time=own_year, outcome=failed),
        "own year, API key, none": HistoryQuery(own_time=own_year, key_id=key, outcome=none),
        "own year, word": HistoryQuery("invoice", own_time=own_year),
        "own year, connection nobody had": HistoryQuery(
            own_time=own_year, connection_name="Nowhere"
        ),
        "own day, slow": HistoryQuery(own_time=own_day, outcome=slow),
        "connection by name, failed": HistoryQuery(connection_name="Support", outcome=failed),
        "connection nobody had, word": HistoryQuery("invoice", connection_name="Nowhere"),
        "whole query, none": HistoryQuery("telescope galaxy", whole=True, outcome=none),
        "night, failed": HistoryQuery(outcome=failed, week_hour=night),
        "night, semantic, none": HistoryQuery(mode=semantic, outcome=none, week_hour=night),
        "connection by name, year": HistoryQuery(connection_name="Support", to_at=year),
        "connection nobody had, a day": HistoryQuery(
            connection_name="Nowhere", from_at=last_at - timedelta(days=1)
        ),
        "people, none, quiet one": HistoryQuery(key_id="", outcome=none, user_id=quiet.id),
        "none, boolean": HistoryQuery(mode=boolean, outcome=none),
        "failed, semantic": HistoryQuery(mode=semantic, outcome=failed),
        "word, none": HistoryQuery("engine", outcome=none),
        "no such word, failed": HistoryQuery("xylophone", outcome=failed),
        "rare word, mode, years, one": HistoryQuery(
            "invoice 19999", "", SearchMode.NATURAL, None, busy.id, year, month
        ),
        "word, mode, years, quiet one": HistoryQuery(
            "invoice", "", semantic, None, quiet.id, year, month
        ),
        "failed, mode, year, quiet one": HistoryQuery(
            "", "", semantic, failed, quiet.id, None, year
        ),
        "connection": HistoryQuery(connection_id=shared),
        "connection, one": HistoryQuery(connection_id=shared, user_id=persons[3].id),
        "connection, who never searched it": HistoryQuery(connection_id=shared, user_id=busy.id),
        "connection, failed": HistoryQuery(connection_id=shared, outcome=failed),
        "connection, slow": HistoryQuery(connection_id=shared, outcome=slow),
        "connection, none, semantic": HistoryQuery(
            connection_id=shared, mode=semantic, outcome=none
        ),
        "took 300 to 309 ms, quiet one": HistoryQuery(user_id=quiet.id, least_ms=300, most_ms=309),
        "took 100 to 109 ms, boolean, none": HistoryQuery(
            mode=boolean, outcome=none, least_ms=100, most_ms=109
        ),
    }
    for_one = {f"{label}, one": replace(q, user_id=busy.id) for label, q in alone.items()}
    return alone | for_one | together


def page_cost(store: Store, query: HistoryQuery, spent_s: Callable[[], float]) -> Cost:
    """What the first page costs."""
    taken, spent = [], []
    rows, is_part = 0, False

    def see(look: HistoryLook) -> None:
        nonlocal rows
        rows = len(look.records)
        raise _Seen

    for _ in range(ROUNDS):
        began, used = time.perf_counter(), spent_s()
        try:
            rows = len(store.searches.page_(query, None, PAGE, see))
        except _Seen:
            is_part = True
        spent.append((spent_s() - used) * 1000)
        taken.append((time.perf_counter() - began) * 1000)
    used, all_ms, all_rows = spent_s(), None, rows
    if is_part:
        all_rows = len(store.searches.page_(query, None, PAGE))
        all_ms = (spent_s() - used) * 1000
    middle, mean = statistics.median(taken), statistics.fmean(spent)
    return Cost(taken[0], middle, mean, rows, all_ms, all_rows)


if __name__ == "__main__":
    raise SystemExit(main())
