"""Verifying an audit log of 200,000 rows, against the bare driver.

    python -m tests.benchmarks.bench_audit

Prints a line for each of SQLite, MariaDB and MySQL. Verifying reads every row and hashes it; the
bare driver reads the same columns in the same pages and hashes them as they come. The bar is 3
times that.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pymysql
import sqlalchemy as sa

from altus4_desktop.domain.audit import (
    CHAIN_START,
    AuditEvent,
    AuditOutcome,
    SubjectKind,
    chain_hash,
    details_text,
    event_texts,
)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.services.audit_walk import walk_chain
from altus4_desktop.storage.store import Store
from altus4_desktop.storage.tables import audit_head, audit_log
from tests.servers import ServerFactory, running_server
from tests.stores import StorePlace, file_place, server_place

ROWS = 200_000
PAGE = 1000
BAR = 3.0
ROUNDS = 3
_BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> int:
    """Measure all three; 1 when one is over a bar."""
    over = False
    factory = ServerFactory()
    with contextlib.closing(factory), tempfile.TemporaryDirectory() as folder:
        over = not measure(file_place(Path(folder))) or over
        for flavour in (Flavour.MARIADB, Flavour.MYSQL):
            with running_server(factory, flavour) as server:
                place = server_place(server, server.create_database("altus4_audit"))
                over = not measure(place) or over
    return int(over)


def measure(place: StorePlace) -> bool:
    """Whether one store is within the bars."""
    with contextlib.closing(place.open()) as store, contextlib.closing(_bare(place)) as bare:
        store.migrator.upgrade()
        _fill(store)

        def verify() -> None:
            assert walk_chain(store.audit, None, ignore_progress, CancelToken()).rows == ROWS

        verifying = _compare(verify, lambda: _hash_all(bare))
    _print(place, verifying)
    return verifying[0] <= BAR * verifying[1]


def _compare(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """Median milliseconds of both, in turns."""
    taken: dict[Callable[[], object], list[float]] = {ours: [], theirs: []}
    for round_number in range(-1, ROUNDS):
        for act in (ours, theirs) if round_number % 2 else (theirs, ours):
            begun = time.perf_counter()
            act()
            if round_number >= 0:
                taken[act].append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken[ours]), statistics.median(taken[theirs])


def _print(place: StorePlace, figures: tuple[float, float]) -> None:
    ours, theirs = figures
    print(
        f"{place.name:8} {ours:8.1f} ms, driver {theirs:8.1f} ms,"
        f" ratio {ours / theirs:.2f} (bar {BAR:g})",
        flush=True,
    )


def _bare(place: StorePlace) -> Any:
    if place.location.file is not None:
        place.location.file.parent.mkdir(exist_ok=True)
        return sqlite3.connect(place.location.file)
    target = place.location.target(place.password or "", 60.0)
    return pymysql.connect(
        host=target.host,
        port=target.port,
        user=target.username,
        password=target.password_secret,
        database=target.database,
        autocommit=True,
    )


def _hash_all(bare: Any) -> None:
    cursor = bare.cursor()
    after = 0
    while True:
        cursor.execute(
            f"SELECT * FROM audit_log WHERE sequence > {after} ORDER BY sequence LIMIT {PAGE}"
        )
        rows = cursor.fetchall()
        for row in rows:
            hashlib.sha256(json.dumps([str(value) for value in row]).encode()).hexdigest()
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


def _fill(store: Store) -> None:
    """Many rows at once, as no program writes them."""
    last = CHAIN_START
    with store._engine.begin() as connection:
        rows: list[dict[str, Any]] = []
        for row in _rows():
            rows.append(row)
            last = row["row_hash"]
            if len(rows) == 2000:
                connection.execute(sa.insert(audit_log), rows)
                rows = []
        connection.execute(sa.update(audit_head).values(sequence=ROWS, row_hash=last))


def _rows() -> Iterator[dict[str, Any]]:
    previous = CHAIN_START
    for sequence in range(1, ROWS + 1):
        event = AuditEvent(
            id=str(uuid.uuid4()),
            at=_BEGUN + timedelta(seconds=sequence),
            action=("session.signed_in", "connection.updated", "key.created")[sequence % 3],
            outcome=AuditOutcome.DONE,
            actor_id=str(sequence % 100),
            actor_email=f"user{sequence % 100}@example.org",
            api_key_id="",
            origin="ada@engine",
            subject_kind=SubjectKind.CONNECTION,
            subject_id=str(sequence),
            subject_name=f"Library {sequence}",
            details={"before": {"port": 3306}, "after": {"port": sequence}},
        )
        details = details_text(event.details)
        texts = event_texts(event, details)
        row_hash = chain_hash(previous, sequence, texts)
        names = [column.name for column in audit_log.columns][1:-3]
        yield {
            "sequence": sequence,
            **dict(zip(names, texts, strict=False)),
            "occurred_at": event.at,
            "details": details,
            "previous_hash": previous,
            "row_hash": row_hash,
        }
        previous = row_hash


if __name__ == "__main__":
    sys.exit(main())
