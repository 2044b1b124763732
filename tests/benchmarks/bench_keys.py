"""A million API keys in a store: verifying, using and listing them.

    python -m tests.benchmarks.bench_keys [sqlite] [mariadb] [mysql]

Prints some lines for each database. The bar is a median of 2 ms for verifying a key; what a bare
driver needs to read the same row by the same index stands beside it. The pages are the first of
every filter and order as an admin sees them, and those after them; the median page has a bar of
100 ms. Orders that none of the specification's indexes gives (by name, by creation) read every key
and are told apart.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pymysql

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.keys import KeyAnswer, KeyDraft, KeyFilter, KeyPage, KeySort
from altus4_desktop.services.keys import KeysService
from tests.records import a_user
from tests.servers import DatabaseServer, ServerFactory, running_server
from tests.stores import StorePlace, file_place, server_place

BAR_MS = 2.0
PAGE_BAR_MS = 100.0
KEYS = 1_000_000
OWNERS = 1_000
SAMPLE = 200
ROUNDS = 400
_PORTION = 50_000
UNORDERED = frozenset({KeySort.NAME, KeySort.CREATED})
Case = tuple[KeyFilter, KeySort, bool]
_COLUMNS = (
    "id, user_id, key_prefix, key_hash, name, environment, permissions, expires_at, last_used,"
    " last_used_ip, usage_count, is_active, created_at"
)


def main() -> int:
    """Measure the databases named, or all; 1 when one is over a bar."""
    names = sys.argv[1:] or ["sqlite", "mariadb", "mysql"]
    over = False
    with contextlib.closing(ServerFactory()) as factory:
        for name in names:
            with tempfile.TemporaryDirectory() as folder, _place(name, factory, Path(folder)) as at:
                over = not measure(*at, Path(folder)) or over
    return int(over)


@contextlib.contextmanager
def _place(
    name: str, factory: ServerFactory, folder: Path
) -> Iterator[tuple[StorePlace, DatabaseServer | None]]:
    if name == "sqlite":
        yield file_place(folder), None
        return
    with running_server(factory, Flavour(name)) as server:
        yield server_place(server, server.create_database("altus4_metadata")), server


def measure(place: StorePlace, server: DatabaseServer | None, folder: Path) -> bool:
    """Fill the store, print the figures; whether all bars were met."""
    with contextlib.closing(place.open()) as store:
        store.migrator.upgrade()
    with contextlib.closing(compose(folder, place.location.url)) as services:
        services.metadata.open_(place.password)
        store, keys = services.metadata.store, services.keys
        owners = [a_user() for _ in range(OWNERS)]
        for owner in owners:
            store.users.create_(owner, "x")
        admin = store.users.create_(a_user(role=Role.ADMIN), "x").as_actor()
        began = time.perf_counter()
        _fill(place, server, [owner.id for owner in owners])
        took_s = time.perf_counter() - began
        made = [keys.create_(owner.as_actor(), KeyDraft("Sample key")) for owner in owners[:SAMPLE]]
        print(f"{place.name}: {KEYS:,} keys in {took_s:.0f} s")
        texts = [one.key_secret for one in made]
        verified = _measure_verifying(place, server, keys, texts)
        _measure_using(keys, texts[:50])
        listed = _measure_pages(keys, admin)
    return verified and listed


def _fill(place: StorePlace, server: DatabaseServer | None, owner_ids: list[str]) -> None:
    rows = _rows(owner_ids)
    portions = iter(lambda: list(itertools.islice(rows, _PORTION)), [])
    if place.location.file is not None:
        marks = ", ".join("?" * 13)
        with contextlib.closing(sqlite3.connect(place.location.file)) as file:
            for portion in portions:
                file.executemany(f"INSERT INTO api_keys ({_COLUMNS}) VALUES ({marks})", portion)
                file.commit()
        return
    assert server is not None
    marks = ", ".join(["%s"] * 13)
    with (
        contextlib.closing(server.admin(place.location.database)) as session,
        session.cursor() as cursor,
    ):
        cursor.execute(
            "SET SESSION foreign_key_checks = 0, unique_checks = 0, time_zone = '+00:00'"
        )
        for portion in portions:
            cursor.executemany(f"INSERT INTO api_keys ({_COLUMNS}) VALUES ({marks})", portion)
            session.commit()
        cursor.execute("ANALYZE TABLE api_keys")


def _rows(owner_ids: list[str]) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(1)
    now = int(time.time())

    def instant(days: float) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now + int(days * 86_400)))

    for number in range(KEYS):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        used = chance.random() < 0.7
        yield (
            f"{digest[:8]}-{digest[8:12]}-4{digest[12:15]}-8{digest[15:18]}-{digest[18:30]}",
            chance.choice(owner_ids),
            f"altus4_sk_live_{digest[30:45]}",
            digest,
            f"Service {number % 50_000} of the {digest[:4]} team",
            "live",
            '["search"]',
            None if chance.random() < 0.3 else instant(chance.uniform(-100, 700)),
            instant(-chance.expovariate(1 / 40)) if used else None,
            "192.0.2.7" if used else None,
            int(chance.paretovariate(0.6)) % 2_000_000 if used else 0,
            chance.random() < 0.9,
            instant(-chance.uniform(0, 1000)),
        )


def _measure_verifying(
    place: StorePlace, server: DatabaseServer | None, keys: KeysService, texts: list[str]
) -> bool:
    chance = random.Random(2)

    def verify(text: str) -> None:
        assert keys.verify_(text).answer is KeyAnswer.VALID

    ours: list[float] = []
    theirs: list[float] = []
    with _bare(place, server) as bare:
        for text in texts[:20]:
            verify(text)
            bare(text)
        for number in range(ROUNDS):
            text = chance.choice(texts)
            # In turns, so that neither always finds what the other has warmed up.
            for first in (number % 2 == 0, number % 2 == 1):
                call, times = (verify, ours) if first else (bare, theirs)
                times.append(_milliseconds(partial(call, text)))
    median, bare_median = statistics.median(ours), statistics.median(theirs)
    print(
        f"  verifying: median {median:.2f} ms (bar {BAR_MS:.0f}), 95th percentile"
        f" {_high(ours):.2f} ms; bare driver {bare_median:.2f} ms, ratio {median / bare_median:.1f}"
    )
    return median < BAR_MS


@contextlib.contextmanager
def _bare(place: StorePlace, server: DatabaseServer | None) -> Iterator[Callable[[str], None]]:
    """Reads the row of a key by its hash, as little as a program could do."""
    if place.location.file is not None:
        with contextlib.closing(sqlite3.connect(place.location.file)) as file:

            def ask_file(text: str) -> None:
                digest = hashlib.sha256(text.encode()).hexdigest()
                found = file.execute("SELECT * FROM api_keys WHERE key_hash = ?", (digest,))
                assert len(found.fetchall()) == 1

            yield ask_file
        return
    assert server is not None
    session = pymysql.connect(
        host=server.host,
        port=server.port,
        user=place.location.username,
        password=place.password or "",
        database=place.location.database,
    )
    with contextlib.closing(session), session.cursor() as cursor:

        def ask_server(text: str) -> None:
            digest = hashlib.sha256(text.encode()).hexdigest()
            cursor.execute("SELECT * FROM api_keys WHERE key_hash = %s", (digest,))
            assert len(cursor.fetchall()) == 1

        yield ask_server


def _measure_using(keys: KeysService, texts: list[str]) -> None:
    actors = [keys.authenticate_(text) for text in texts]
    times = [_milliseconds(partial(keys.spend_, actor)) for actor in actors * 4]
    print(f"  using: median {statistics.median(times):.2f} ms, 95th percentile {_high(times):.2f}")


def _measure_pages(keys: KeysService, admin: Actor) -> bool:
    first: dict[Case, float] = {}
    second: dict[Case, float] = {}
    for case in itertools.product(KeyFilter, KeySort, (False, True)):
        wanted, sort, descending = case
        read = partial(keys.list_, admin, wanted, sort, descending=descending)
        pages: list[KeyPage] = []
        first[case] = _milliseconds(lambda read=read, pages=pages: pages.append(read()))  # type: ignore[misc]  # a lambda with defaults
        if pages[0].more:
            second[case] = _milliseconds(partial(read, after=pages[0].keys[-1]))
    ordered = {case: took for case, took in first.items() if case[1] not in UNORDERED}
    median = statistics.median(ordered.values())
    print(
        f"  first page of {len(ordered)} filters and orders: median {median:.0f} ms"
        f" (bar {PAGE_BAR_MS:.0f}), {_slowest(ordered)}"
    )
    after = [took for case, took in second.items() if case[1] not in UNORDERED]
    print(f"  the page after it: median {statistics.median(after):.0f} ms")
    others = {case: took for case, took in first.items() if case[1] in UNORDERED}
    print(
        f"  first page by name or creation: median {statistics.median(others.values()):.0f} ms,"
        f" {_slowest(others)}"
    )
    counts = {wanted: _milliseconds(partial(keys.count_, admin, wanted)) for wanted in KeyFilter}
    slowest = max(counts, key=lambda wanted: counts[wanted])
    print(
        f"  counting to 10,000: median {statistics.median(counts.values()):.0f} ms,"
        f" slowest {counts[slowest]:.0f} ms ({slowest})"
    )
    return median < PAGE_BAR_MS


def _slowest(times: dict[Case, float]) -> str:
    (wanted, sort, _), took = max(times.items(), key=lambda item: item[1])
    return f"slowest {took:.0f} ms ({wanted} by {sort})"


def _milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def _high(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    sys.exit(main())
