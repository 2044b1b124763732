"""Counting a history of searches by day, and a year of it for a dashboard.

    python -m tests.benchmarks.bench_analytics [SEARCHES [DAYS [sqlite|mysql|URL ...]]]

A URL names a store that was filled with this history before; its figures are thrown away first.
A server's password is read from ALTUS4_BENCH_PASSWORD.

Prints for SQLite and MySQL, as ratios to statements that run beside it over the same rows, in
seconds of processor time (this process and the server), which others on the machine do not stretch:

- the roll-up from nothing, against one GROUP BY pass at the grain of the roll-up: user, day, hour,
  mode, outcome, connections and query, with count, sum, largest and zero results. The bar is twice
  that; a coarser pass that only groups by user and day is printed too;
- how much memory the roll-up took on the way;
- the increment of a day, for one user and for everybody;
- the figures of a year with the year before, for one user and for everybody, and what a dashboard
  paints first; beside it one raw aggregate over the rows of that year.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import sqlalchemy as sa

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.analytics import Metric
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.figures import Period
from altus4_desktop.services.analytics import AnalyticsService
from altus4_desktop.services.analytics_upkeep import Errand
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.storage.engine import WRITES
from altus4_desktop.storage.repositories.analytics_marks import mark_hours
from altus4_desktop.storage.store import Store
from altus4_desktop.storage.tables import searches
from tests.benchmarks.histories import History, Row
from tests.benchmarks.history_load import SERVER_OPTIONS, load_file, load_server
from tests.benchmarks.kept_stores import (
    Query,
    kept_place,
    processor_clock,
    raw_aggregate,
    session,
)
from tests.records import a_user
from tests.servers import ServerFactory, running_server
from tests.stores import StorePlace, file_place, server_place

SEARCHES = 1_000_000
DAYS = 730
ROLL_UP_BAR = 2.0
DAY_BAR_MS = 100.0
YEAR_BAR_MS = 500.0
PAINT_BAR_MS = 200.0
MEMORY_BAR_MB = 64.0
# As a server has it that keeps millions of rows for many.
_SERVER = (*SERVER_OPTIONS, "--innodb-buffer-pool-size=2G", "--innodb-redo-log-capacity=1G")
_ROUNDS = 5
# How ids begin that are not in the history.
_EXTRA = "x"
_FIRST_PAINTED = (Metric.DAILY_SEARCHES, Metric.LATENCY)


@dataclass(frozen=True)
class _Bench:
    """A store, how many seconds of processor time were spent on it, and a bare way to ask it."""

    place: StorePlace
    history: History
    query: Query
    spent_s: Callable[[], float]

    def cost_s(self, work: Callable[[], object]) -> tuple[float, float]:
        """Seconds of processor time, and by the clock."""
        spent, begun = self.spent_s(), time.perf_counter()
        work()
        return self.spent_s() - spent, time.perf_counter() - begun

    def cost_ms(self, work: Callable[[], object]) -> tuple[float, float]:
        """The medians of some rounds in milliseconds."""
        costs = [self.cost_s(work) for _ in range(_ROUNDS)]
        spent, taken = (statistics.median(column) for column in zip(*costs, strict=True))
        return spent * 1000, taken * 1000


def main(arguments: list[str]) -> int:
    """Measure both; 1 when one is over a bar."""
    # As in the window's process, where garbage is collected between other things.
    gc.disable()
    searches = int(arguments[0]) if arguments else SEARCHES
    history = History(searches, days=int(arguments[1]) if len(arguments) > 1 else DAYS)
    within = True
    for name in arguments[2:] or ("sqlite", "mysql"):
        with contextlib.ExitStack() as stack:
            place = _filled(stack, name, history)
            query = stack.enter_context(session(place))
            bench = _Bench(place, history, query, processor_clock(place, query))
            within = _measure(bench) and within
    return int(not within)


def _filled(stack: contextlib.ExitStack, name: str, history: History) -> StorePlace:
    if name not in ("sqlite", "mysql"):
        return kept_place(name)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    if name == "sqlite":
        place = file_place(folder)
        _migrate(place)
        load_file(place, history, searchable=False)
        return place
    factory = stack.enter_context(contextlib.closing(ServerFactory()))
    server = stack.enter_context(running_server(factory, Flavour.MYSQL, _SERVER))
    database = server.create_database("altus4_analytics")
    place = server_place(server, database)
    _migrate(place)
    folder.chmod(0o755)
    load_server(server, database, history, folder, searchable=False)
    return place


def _migrate(place: StorePlace) -> None:
    with contextlib.closing(place.open()) as store:
        store.migrator.upgrade()


def _measure(bench: _Bench) -> bool:
    for table in ("analytics", "analytics_totals", "analytics_states", "analytics_marks"):
        bench.query(f"DELETE FROM {table}")
    bench.query(f"DELETE FROM searches WHERE id >= '{_EXTRA}'")
    ((loaded,),) = bench.query("SELECT COUNT(*) FROM searches")
    with contextlib.closing(bench.place.open()) as store:
        print(f"== {bench.place.name}: {loaded} searches, {bench.history.days} days", flush=True)
        metadata = cast("MetadataService", SimpleNamespace(store=store))
        service = AnalyticsService(metadata, Permissions(metadata))
        admin = store.users.create_(a_user(role=Role.ADMIN), "x").as_actor()
        within = [
            _roll_up(bench, service, admin),
            *_day(bench, store, service),
            *_year(bench, service, admin),
        ]
    return all(within)


def _roll_up(bench: _Bench, service: AnalyticsService, admin: Actor) -> bool:
    fine_s, fine_wall_s = bench.cost_s(lambda: bench.query(_fine(on_file=bench.place.on_file)))
    coarse_s, _ = bench.cost_s(lambda: bench.query(_COARSE))
    # As in a command.
    gc.set_threshold(50_000)
    gc.enable()
    with _memory() as grown:
        ours_s, ours_wall_s = bench.cost_s(lambda: service.refresh_(admin))
    gc.disable()
    again_s, _ = bench.cost_s(lambda: service.refresh_(admin))
    ratio = ours_s / fine_s
    _tell(
        "roll-up from nothing",
        f"{ours_s:.1f} s ({ours_wall_s:.0f} s by the clock), GROUP BY {fine_s:.1f} s"
        f" ({fine_wall_s:.0f} s), ratio {ratio:.2f} (bar {ROLL_UP_BAR:g});"
        f" GROUP BY user, day alone {coarse_s:.1f} s",
    )
    _tell("memory", f"{grown[0]:.0f} MB more on the way (bar {MEMORY_BAR_MB:g})")
    _tell("nothing to do", f"{again_s:.2f} s to compare with what other programs may have written")
    return ratio <= ROLL_UP_BAR and grown[0] <= MEMORY_BAR_MB


def _fine(*, on_file: bool) -> str:
    """One pass at the grain of the roll-up; the rows stay where they are."""
    hour = "strftime('%H', created_at)" if on_file else "HOUR(created_at)"
    return (
        "SELECT COUNT(*), SUM(n) FROM (SELECT COUNT(*) AS n, SUM(execution_time_ms),"
        " MAX(execution_time_ms), SUM(result_count = 0) FROM searches"
        f" GROUP BY user_id, DATE(created_at), {hour}, search_mode,"
        " JSON_EXTRACT(search_params, '$.outcome'), JSON_EXTRACT(search_params, '$.connections'),"
        " query) AS counted"
    )


_COARSE = (
    "SELECT COUNT(*), SUM(n) FROM (SELECT COUNT(*) AS n, SUM(execution_time_ms) FROM searches"
    " GROUP BY user_id, DATE(created_at)) AS counted"
)


def _day(bench: _Bench, store: Store, service: AnalyticsService) -> Iterator[bool]:
    """A Tuesday after the end of the history."""
    history = bench.history
    last = history.first + timedelta(days=history.days)
    extra = replace(
        history,
        searches=max(1, round(1.4 * history.searches / history.days)),
        first=last + timedelta(days=(1 - last.weekday()) % 7),
        days=1,
    )
    (rows,) = extra.rows()
    rows = [row._replace(id=_EXTRA + row.id[1:]) for row in rows]
    busiest = history.persons()[0].id
    _write(store, rows)
    own = sum(row.user_id == busiest for row in rows)
    for label, user_id, count, bar_ms in (
        ("a day of one user", busiest, own, DAY_BAR_MS),
        ("a day of all others", None, len(rows) - own, None),
    ):
        spent_s, taken_s = bench.cost_s(partial(_count, service, user_id))
        bar = "" if bar_ms is None else f" (bar {bar_ms:g})"
        _tell(
            label,
            f"{1000 * spent_s:.0f} ms ({1000 * taken_s:.0f} ms by the clock)"
            f" for {count} searches{bar}",
        )
        if bar_ms is not None:
            yield 1000 * spent_s <= bar_ms


def _write(store: Store, rows: Sequence[Row]) -> None:
    """In one transaction, with the marks that programs leave."""
    values = [
        {
            **row._asdict(),
            "search_params": json.loads(row.search_params),
            "created_at": datetime.fromisoformat(row.created_at + "+00:00"),
        }
        for row in rows
    ]
    with (
        store._engine.connect().execution_options(**{WRITES: True}) as connection,
        connection.begin(),
    ):
        connection.execute(sa.insert(searches), values)
        mark_hours(connection, searches.c.created_at >= values[0]["created_at"])


def _count(service: AnalyticsService, user_id: str | None) -> None:
    service._counting(Errand(user_id), CancelToken()).refresh_()


def _year(bench: _Bench, service: AnalyticsService, admin: Actor) -> Iterator[bool]:
    history = bench.history
    last = history.first + timedelta(days=history.days - 1)
    year = Period.ending(last, 365)
    raw_ms, _ = bench.cost_ms(lambda: bench.query(raw_aggregate(year)))
    for label, user_id in (("one user", history.persons()[0].id), ("everybody", None)):
        paint = partial(service.figures_, admin, year, user_id, metrics=_FIRST_PAINTED)
        painted_ms, painted_wall_ms = bench.cost_ms(paint)
        whole_ms, whole_wall_ms = bench.cost_ms(
            partial(service.figures_, admin, year, user_id, compare=True)
        )
        _tell(
            f"a year of {label}",
            f"first {painted_ms:.0f} ms ({painted_wall_ms:.0f} ms by the clock,"
            f" bar {PAINT_BAR_MS:g}), all with the year before {whole_ms:.0f} ms"
            f" ({whole_wall_ms:.0f} ms, bar {YEAR_BAR_MS:g}); raw aggregate {raw_ms:.0f} ms,"
            f" ratio {whole_ms / raw_ms:.3f}",
        )
        yield painted_ms <= PAINT_BAR_MS
        yield whole_ms <= YEAR_BAR_MS


@contextlib.contextmanager
def _memory() -> Iterator[list[float]]:
    """The largest growth of this process within the block, in MB, looked at ten times a second."""
    grown = [0.0]
    done = threading.Event()
    before = _resident_mb()

    def watch() -> None:
        while not done.wait(0.1):
            grown[0] = max(grown[0], _resident_mb() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield grown
    finally:
        done.set()
        watcher.join()


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _tell(label: str, text: str) -> None:
    print(f"{label:22} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
