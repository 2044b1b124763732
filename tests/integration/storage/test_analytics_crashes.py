"""Killed at any statement while searches are counted: counting again makes the figures whole."""

from __future__ import annotations

import signal
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.analytics import Metric
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.storage.store import Store
from tests import store_worker, torture
from tests.analytics_reference import Asked, Documents, expected_days
from tests.forks import build_forks
from tests.records import a_user
from tests.stores import StorePlace

_DEADLINE_S = 60.0
_ERA = (date(1970, 1, 1), date(2100, 1, 1))


pytestmark = pytest.mark.torture


@pytest.fixture(scope="module")
def processes() -> Any:
    """Child processes forked from a clean one that has imported everything already."""
    return build_forks("tests.store_worker")


def _figures(store: Store, user_id: str | None) -> dict[date, Documents]:
    found: dict[date, Documents] = {}
    for row in store.figures.list_(user_id, *_ERA, tuple(Metric)):
        found.setdefault(row.day, {})[row.metric.value] = dict(row.document)
    return found


def _count(processes: Any, place: StorePlace, user_id: str, kill_before: int | None) -> int:
    arguments = (place.location.url, place.password, user_id, kill_before)
    process = processes.Process(target=store_worker.count_searches, args=arguments)
    process.start()
    process.join(_DEADLINE_S)
    code: int = process.exitcode
    process.close()
    return code


def test_killed_while_counting(processes: Any, place: StorePlace, store: Store) -> None:
    user = store.users.create_(a_user(timezone="Europe/Lisbon"), "x")
    begun = datetime(2026, 3, 27, 20, tzinfo=UTC)
    rows = [
        Asked(
            f"{number:036}",
            f"text {number % 5}",
            "natural",
            begun + timedelta(hours=5 * number),
            number,
            number % 2,
            {"outcome": "ok", "offset": 0, "connections": ["Shop"], "sources": []},
        )
        for number in range(20)
    ]

    def keep(row: Asked) -> None:
        store.searches.add_(
            SearchRecord(
                row.id,
                user.id,
                None,
                row.query,
                SearchMode.NATURAL,
                row.params or {},
                row.hits,
                row.ms,
                row.at,
            )
        )

    for row in rows:
        keep(row)
    total = 0

    def number_statement(*_: object) -> None:
        nonlocal total
        total += 1

    for name in store_worker.COUNTED:
        sa.event.listen(sa.Engine, name, number_statement)
    store_worker.count_searches(place.location.url, place.password, user.id)
    for name in store_worker.COUNTED:
        sa.event.remove(sa.Engine, name, number_statement)
    whole = expected_days(rows, "Europe/Lisbon")
    assert _figures(store, user.id) == whole
    assert total > 30
    dice = torture.dice("kills")
    count = torture.times(6, 1_000 if place.on_file else 300)
    # None twice before each was there once.
    points = [*range(1, total + 1)] * (count // total)
    points += dice.sample(range(1, total + 1), count % total)
    dice.shuffle(points)
    killed = 0
    for point in points:
        # As for somebody who was never counted, and now and then only for some days.
        if point % 3:
            store.analytics.begin_(user.id, "UTC")
        else:
            store.searches.delete_(user.id, [rows[0].id, rows[9].id])
            for row in (rows[0], rows[9]):
                keep(row)
        code = _count(processes, place, user.id, point)
        assert code in (0, -signal.SIGKILL), f"statement {point} of {total}"
        killed += code != 0
        assert _count(processes, place, user.id, None) == 0
        label = f"killed before statement {point} of {total}"
        assert _figures(store, user.id) == whole, label
        assert _figures(store, None) == whole, label
        assert store.analytics.unadded_days() == [], label
        marks = place.query("SELECT COUNT(*) FROM analytics_marks")
        assert [int(str(row[0])) for row in marks] == [0], label
        torture.tidy()
    assert killed
    torture.tell(
        f"{place.name}: killed {killed} times while counting searches, at each of {total} "
        "statements in turn: the figures equal those counted in one go"
    )
