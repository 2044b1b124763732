"""Searches counted by day on SQLite, MariaDB and MySQL, compared with plain Python."""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altus4_desktop.domain.accounts import User
from altus4_desktop.domain.analytics import KEPT_ROWS, Document, Metric
from altus4_desktop.domain.analytics_merging import merge
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.local_days import instant_of
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.storage import search_facts
from altus4_desktop.storage.engine import WRITES
from altus4_desktop.storage.json_text import load_json
from altus4_desktop.storage.repositories import analytics as repository
from altus4_desktop.storage.repositories import day_documents
from altus4_desktop.storage.repositories.analytics_marks import mark_hours
from altus4_desktop.storage.store import Store
from altus4_desktop.storage.tables import analytics, analytics_totals, searches
from tests.analytics_reference import Asked, Documents, expected_days, expected_totals
from tests.records import a_user
from tests.stores import StorePlace

_ALL = tuple(Metric)
_ERA = (date(1970, 1, 1), date(2100, 1, 1))
_ZONES = sorted(name for name in available_timezones() if "/" in name)


def _insert(store: Store, user: User, rows: Iterable[Asked]) -> None:
    """As another program writes them: nothing is marked."""
    values = [
        {
            "id": row.id,
            "user_id": user.id,
            "query": row.query,
            "search_mode": row.mode,
            "search_params": row.params,
            "result_count": row.hits,
            "execution_time_ms": row.ms,
            "created_at": row.at,
        }
        for row in rows
    ]
    with (
        store._engine.connect().execution_options(**{WRITES: True}) as connection,
        connection.begin(),
    ):
        connection.execute(sa.insert(searches), values)


def _record(user: User, row: Asked) -> SearchRecord:
    return SearchRecord(
        row.id,
        user.id,
        None,
        row.query,
        SearchMode(row.mode),
        row.params or {},
        row.hits,
        row.ms,
        row.at,
    )


def _roll_up(store: Store, user: User, most_days: int = 31) -> int:
    days = 0
    while counted := store.analytics.roll_up_(user.id, most_days):
        days += len(counted)
    return days


def _refresh(store: Store, user: User) -> int:
    store.analytics.compare_(user.id, _ERA[0])
    return _roll_up(store, user)


def _figures(store: Store, user_id: str | None) -> dict[date, Documents]:
    found: dict[date, Documents] = {}
    for row in store.figures.list_(user_id, *_ERA, _ALL):
        found.setdefault(row.day, {})[row.metric.value] = dict(row.document)
    return found


def _asked(query: str = "invoice", at: datetime | None = None, **changes: Any) -> Asked:
    params = {"outcome": "ok", "offset": 0, "connections": ["Shop"], "sources": []}
    row = Asked(
        str(uuid.uuid4()),
        query,
        "natural",
        at or datetime(2026, 3, 2, 12, tzinfo=UTC),
        12,
        3,
        params,
    )
    return replace(row, **changes)


_SOURCES = st.lists(
    st.fixed_dictionaries(
        {
            "connection": st.sampled_from(["Shop", "Größe", "shop"]),
            "table": st.sampled_from(["books", "a`b"]),
            "error": st.sampled_from([None, "tenant.lost", "tenant.timeout"]),
        }
    ),
    max_size=2,
)
_PARAMS = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "outcome": st.sampled_from(["ok", "partial", "failed", "cancelled"]),
            "offset": st.sampled_from([0, 20]),
            "connections": st.lists(
                st.sampled_from(["Shop", "shop", "Größe", "a\"'", "a\tb"]), max_size=2
            ),
            "api_key": st.sampled_from(["k1", "k2"]),
            "cause": st.sampled_from(["absent", "stop_words", "other"]),
            "sources": _SOURCES,
        },
    ),
)
_QUERIES = st.one_of(
    st.sampled_from(
        ["invoice", "Invoice", "INVOICE ", "invoise", "größe", "grösse", "a  b", "\ta\tb", "a\x1eb"]
    ),
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
        max_size=6,
    ),
)


@st.composite
def _histories(draw: st.DrawFn) -> tuple[str, list[Asked]]:
    """A zone, and searches of a few hours or days, often around a change of the clocks."""
    zone = draw(st.sampled_from(_ZONES))
    begin = draw(
        st.one_of(
            st.sampled_from(
                [
                    datetime(2026, 3, 28, 20, tzinfo=UTC),
                    datetime(2026, 10, 24, 20, tzinfo=UTC),
                    datetime(2026, 4, 4, 12, tzinfo=UTC),
                    datetime(2025, 11, 2, 2, tzinfo=UTC),
                ]
            ),
            st.integers(631_152_000, 2_082_758_400).map(instant_of),
        )
    )
    ahead = st.one_of(st.integers(0, 400), st.integers(0, 200_000))
    at = begin
    rows = []
    for number in range(draw(st.integers(1, 12))):
        at += timedelta(seconds=draw(ahead))
        rows.append(
            Asked(
                str(uuid.UUID(int=number, version=4)),
                draw(_QUERIES),
                draw(st.sampled_from(["natural", "boolean", "semantic"])),
                at,
                draw(st.one_of(st.integers(0, 500), st.integers(0, 2_000_000))),
                draw(st.integers(0, 2)),
                draw(_PARAMS),
            )
        )
    return zone, rows


@given(history=_histories(), most_days=st.sampled_from([1, 2, 31]))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_random_histories_in_random_zones(
    shared_store: Store, history: tuple[str, list[Asked]], most_days: int
) -> None:
    zone, rows = history
    user = shared_store.users.create_(a_user(timezone=zone), "x")
    _insert(shared_store, user, rows)
    shared_store.analytics.begin_(user.id, zone)
    _roll_up(shared_store, user, most_days)
    assert _figures(shared_store, user.id) == expected_days(rows, zone)
    # What failed or was slow is in no list yet.
    shared_store.analytics.compare_(user.id, _ERA[0])
    _roll_up(shared_store, user, most_days)
    assert _figures(shared_store, user.id) == expected_days(rows, zone)
    assert shared_store.analytics.compare_(user.id, _ERA[0]) == 0
    shared_store.users.delete_keeping_an_admin(user.id)


@pytest.fixture(autouse=True)
def _no_totals_of_others(shared_place: StorePlace) -> None:
    """Those of the users whom the fixture has deleted."""
    shared_place.query("DELETE FROM analytics_totals")


def _people(store: Store, *zones: str) -> list[User]:
    made = [store.users.create_(a_user(timezone=zone), "x") for zone in zones]
    for user in made:
        store.analytics.begin_(user.id, user.timezone)
    return made


def test_late_deleted_and_foreign_rows_are_counted(shared_store: Store) -> None:
    (user,) = _people(shared_store, "Europe/Lisbon")
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    rows = [_asked(f"text {n}", noon + timedelta(days=n % 3, minutes=n)) for n in range(9)]
    for row in rows:
        shared_store.searches.add_(_record(user, row))
    assert _roll_up(shared_store, user) == 3
    assert _figures(shared_store, user.id) == expected_days(rows, user.timezone)
    late = _asked("late", noon - timedelta(days=40))
    shared_store.searches.add_(_record(user, late))
    shared_store.searches.delete_(user.id, [row.id for row in rows[:2]])
    left = [late, *rows[2:]]
    assert _roll_up(shared_store, user) == 3
    assert _figures(shared_store, user.id) == expected_days(left, user.timezone)
    foreign = [
        _asked("foreign", noon + timedelta(days=1)),
        _asked("new", noon + timedelta(days=99)),
    ]
    _insert(shared_store, user, foreign)
    assert _roll_up(shared_store, user) == 0
    assert shared_store.analytics.compare_(user.id, _ERA[0]) == 2
    assert _roll_up(shared_store, user) == 2
    assert _figures(shared_store, user.id) == expected_days([*left, *foreign], user.timezone)
    shared_store.searches.delete_(user.id, shared_store.searches.oldest_ids(user.id, 99))
    _roll_up(shared_store, user)
    assert _figures(shared_store, user.id) == {}


def _change(store: Store, statement: str, **values: Any) -> None:
    """As another program does it."""
    with (
        store._engine.connect().execution_options(**{WRITES: True}) as connection,
        connection.begin(),
    ):
        connection.execute(sa.text(statement), values)


def test_rows_that_others_change_are_counted_and_listed(
    shared_store: Store, shared_place: StorePlace
) -> None:
    """Changed in place, exchanged for others, added after their day was counted; a document of
    another shape; and only in the days that are asked for."""
    (user,) = _people(shared_store, "Europe/Lisbon")
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    rows = [_asked(f"text {n}", noon + timedelta(days=n)) for n in range(5)]
    _insert(shared_store, user, rows)
    day = noon.date()
    mine = {"user_id": user.id}

    def listed() -> list[tuple[str, str]]:
        found = shared_place.query(
            f"SELECT mark, search_id FROM search_marks WHERE user_id = '{user.id}'"
        )
        return sorted((mark, key) for mark, key in found)

    def compared(first: date = day, last: date | None = None) -> int:
        found = shared_store.analytics.compare_(user.id, first, last)
        _roll_up(shared_store, user)
        assert _figures(shared_store, user.id) == expected_days(rows, user.timezone)
        assert shared_store.analytics.compare_(user.id, first, last) == 0
        return found

    shared_store.analytics.begin_(user.id, user.timezone)
    _roll_up(shared_store, user)
    assert compared() == 0
    rows[0] = replace(rows[0], ms=9000)
    _change(
        shared_store, "UPDATE searches SET execution_time_ms = 9000 WHERE id = :id", id=rows[0].id
    )
    assert compared() == 1
    assert listed() == [("slow", rows[0].id)]
    rows[0] = replace(rows[0], ms=7)
    _change(shared_store, "UPDATE searches SET execution_time_ms = 7 WHERE id = :id", id=rows[0].id)
    assert shared_store.analytics.compare_(user.id, day + timedelta(days=1)) == 0
    assert compared(day - timedelta(days=9), day) == 1
    assert compared() == 0
    assert listed() == []
    _change(shared_store, "DELETE FROM searches WHERE id = :id", id=rows[1].id)
    rows[1] = _asked("exchanged", rows[1].at, hits=rows[1].hits + 1)
    _insert(shared_store, user, [rows[1]])
    assert compared() == 1
    # Counted along with a search of ours, before anybody could compare.
    failed = {"outcome": "failed", "offset": 0, "connections": ["Shop"], "sources": []}
    rows.append(_asked("failed", rows[2].at, ms=5000, hits=0, params=failed))
    _insert(shared_store, user, rows[-1:])
    rows.append(_asked("ours", rows[2].at))
    shared_store.searches.add_(_record(user, rows[-1]))
    _roll_up(shared_store, user)
    assert listed() == []
    assert compared(day, day + timedelta(days=2)) == 1
    assert listed() == [("failed", rows[-2].id), ("slow", rows[-2].id)]
    _change(shared_store, "DELETE FROM searches WHERE id = :id", id=rows[-2].id)
    del rows[-2]
    assert compared() == 1
    assert listed() == []
    _change(
        shared_store,
        "UPDATE analytics SET metric_data = '{\"modes\": 7}'"
        " WHERE user_id = :user_id AND metric_name = 'modes' AND analytics_date = :day",
        day=day.isoformat(),
        **mine,
    )
    assert compared() == 1


def test_counting_twice_changes_nothing(shared_place: StorePlace, shared_store: Store) -> None:
    (user,) = _people(shared_store, "Asia/Kolkata")
    rows = [_asked(at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=7 * n)) for n in range(20)]
    _insert(shared_store, user, rows)
    _refresh(shared_store, user)
    shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
    statement = "SELECT * FROM analytics ORDER BY id"
    before = shared_place.query(statement)
    assert len(before) == 6 * 8
    assert _refresh(shared_store, user) == 0
    # Even where every day is counted again.
    with (
        shared_store._engine.connect().execution_options(**{WRITES: True}) as connection,
        connection.begin(),
    ):
        mark_hours(connection, searches.c.user_id == user.id)
    assert _roll_up(shared_store, user) == 6
    assert shared_place.query(statement) == before
    assert shared_store.analytics.unadded_days() == []


def test_another_time_zone_makes_other_days(shared_store: Store) -> None:
    (user,) = _people(shared_store, "UTC")
    rows = [_asked(at=datetime(2026, 6, 1, tzinfo=UTC) + timedelta(hours=5 * n)) for n in range(20)]
    for row in rows:
        shared_store.searches.add_(_record(user, row))
    _roll_up(shared_store, user)
    shared_store.analytics.begin_(user.id, "Asia/Tokyo")
    assert _figures(shared_store, user.id) == {}
    _roll_up(shared_store, user)
    assert _figures(shared_store, user.id) == expected_days(rows, "Asia/Tokyo")
    (known,) = shared_store.analytics.users_(user.id)
    assert (known.timezone, known.counted_zone) == ("UTC", "Asia/Tokyo")


def test_everybody_together(shared_store: Store) -> None:
    ann, bob = _people(shared_store, "Europe/Berlin", "Europe/Berlin")
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    of_ann = [_asked(f"text {n % 3}", noon + timedelta(days=n % 4)) for n in range(12)]
    of_bob = [_asked("Text 1", noon + timedelta(days=n)) for n in range(2)]
    _insert(shared_store, ann, of_ann)
    _insert(shared_store, bob, of_bob)
    for user in (ann, bob):
        _refresh(shared_store, user)
    everything = expected_days([*of_ann, *of_bob], "Europe/Berlin")
    for day in everything.values():
        # Who is asked by whom before is another matter.
        day.pop("reformulations", None)

    def together() -> dict[date, Documents]:
        found = _figures(shared_store, None)
        for day in found.values():
            day.pop("reformulations", None)
        return found

    assert together() == everything, "before it is added up"
    days = shared_store.analytics.unadded_days()
    assert days == sorted(everything)
    shared_store.analytics.add_up_(days[:2])
    assert together() == everything, "half added up"
    shared_store.analytics.add_up_(days[2:])
    assert shared_store.analytics.unadded_days() == []
    assert together() == everything
    shared_store.searches.delete_(ann.id, [of_ann[0].id])
    _roll_up(shared_store, ann)
    assert shared_store.analytics.unadded_days() == [days[0]]
    shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
    shared_store.users.delete_keeping_an_admin(ann.id)
    assert shared_store.analytics.unadded_days() == days[:2]
    left = expected_days(of_bob, "Europe/Berlin")
    assert together() == left
    shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
    assert together() == left
    assert shared_store.analytics.check_totals_() == 0
    counts = shared_store.figures.count_by_user(*_ERA)
    assert [(count.user_id, count.searches, count.zero) for count in counts] == [(bob.id, 2, 0)]


def _many(number: int, begins: datetime) -> list[Asked]:
    """More texts, sets of connections and failures a day than its lists hold, over three days."""
    dice = random.Random(number)
    rows = []
    for at in range(1500):
        # A few of everything are frequent, many are rare.
        rank = int(260 * dice.random() ** 2)
        second = dice.choice([0, 1, 2]) * 86_400 + dice.randrange(86_400)
        lost = {"connection": f"C{rank % 90}", "table": "t", "error": "tenant.lost"}
        outcome = dice.choices(["ok", "partial", "failed", "cancelled"], [8, 1, 1, 1])[0]
        rows.append(
            Asked(
                str(uuid.UUID(int=number * 10_000 + at, version=4)),
                f"Text {rank}",
                dice.choice(["natural", "boolean"]),
                begins + timedelta(seconds=second),
                int(10 ** dice.uniform(0, 6)),
                dice.choice([0, 0, 1]),
                {
                    "outcome": outcome,
                    "offset": 0,
                    "connections": [f"C{rank}", *(f"{number} {n}" for n in range(rank % 3))],
                    "api_key": dice.choice(["", "k1", f"k{number}"]),
                    "cause": dice.choice(["absent", "stop_words", ""]),
                    "sources": [lost],
                },
            )
        )
    return rows


def test_many_people_with_more_than_lists_hold(shared_store: Store) -> None:
    # On 2026-10-25 clocks are put back in Berlin; in New York a week later, in Tokyo never.
    zones = ("Europe/Berlin", "America/New_York", "Asia/Tokyo")
    people = _people(shared_store, *zones)
    histories = [_many(at, datetime(2026, 10, 24, tzinfo=UTC)) for at in range(len(zones))]
    expected = []
    for user, rows in zip(people, histories, strict=True):
        _insert(shared_store, user, rows)
        _refresh(shared_store, user)
        expected.append(expected_days(rows, user.timezone))
        assert _figures(shared_store, user.id) == expected[-1]
    totals = expected_totals(expected)
    assert _figures(shared_store, None) == totals, "before it is added up"
    shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
    assert _figures(shared_store, None) == totals
    assert shared_store.analytics.check_totals_() == 0
    fullest = totals[date(2026, 10, 25)]
    lengths = {
        name: len(next(value for value in document.values() if isinstance(value, list)))
        for name, document in fullest.items()
    }
    full = {"sources": 100, "popular_queries": 100, "zero_results": 50, "failures": 50}
    assert lengths | full == lengths, "each list met its limit"
    # No search is lost: what is not told apart is the rest.
    apart = sum(scope[1] for scope in fullest["sources"]["scopes"])
    assert 0 < apart < fullest["daily_searches"]["searches"]
    assert fullest["daily_searches"]["zone"] == ""


@pytest.mark.parametrize("number", [str(2**63 - 1), str(-(2**63)), "JSON_ARRAY()"])
def test_numbers_that_no_store_can_add_up_are_told(
    shared_place: StorePlace, shared_store: Store, number: str
) -> None:
    day = date(2026, 6, 1)
    people = _people(shared_store, "UTC", "UTC", "UTC")
    for user in people:
        _insert(shared_store, user, [_asked(at=datetime(2026, 6, 1, 12, tzinfo=UTC))])
        _refresh(shared_store, user)
    shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
    expected = shared_store.figures.count_by_user(day, day)
    numbers = ", ".join(f"'$.{name}', {number}" for name in ("searches", "failed", "partial"))
    damaged = ", ".join(f"'{user.id}'" for user in people[:2])
    shared_place.query(
        f"UPDATE analytics SET metric_data = JSON_SET(metric_data, {numbers})"
        f" WHERE metric_name = 'daily_searches' AND user_id IN ({damaged})"
    )
    assert shared_store.figures.count_by_user(day, day) != expected
    assert shared_store.analytics.check_totals_() == 1
    for user in people:
        shared_store.analytics.compare_(user.id, day)
        while shared_store.analytics.roll_up_(user.id, 1):
            pass
    shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
    assert shared_store.figures.count_by_user(day, day) == expected
    assert shared_store.analytics.check_totals_() == 0


def test_users_whom_other_programs_delete_are_not_counted_for_ever(
    shared_place: StorePlace, shared_store: Store
) -> None:
    ann, bob = _people(shared_store, "UTC", "UTC")
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    _insert(shared_store, ann, [_asked(at=noon + timedelta(days=n)) for n in range(3)])
    of_bob = [_asked(at=noon)]
    _insert(shared_store, bob, of_bob)
    for user in (ann, bob):
        _refresh(shared_store, user)
    shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
    assert shared_store.analytics.check_totals_() == 0
    shared_place.query(f"DELETE FROM users WHERE id = '{ann.id}'")
    assert len(shared_store.analytics.total_days()) == 3
    assert shared_store.analytics.check_documents_(shared_store.analytics.total_days()) == 0
    assert shared_store.analytics.check_totals_() == 3
    assert shared_store.analytics.unadded_days() == [date(2026, 6, 1)]
    shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
    assert _figures(shared_store, None) == expected_days(of_bob, "UTC")


def test_what_other_programs_keep_there_is_left_alone(
    shared_place: StorePlace, shared_store: Store
) -> None:
    (user,) = _people(shared_store, "UTC")
    day = date(2026, 6, 1)
    rows = [_asked(at=datetime(2026, 6, 1, 12, tzinfo=UTC))]
    with (
        shared_store._engine.connect().execution_options(**{WRITES: True}) as connection,
        connection.begin(),
    ):
        for name, document in (("uptime", {"x": 1}), ("latency", {"p95": 12})):
            connection.execute(
                sa.insert(analytics).values(
                    id=str(uuid.uuid4()),
                    user_id=user.id,
                    analytics_date=day,
                    metric_name=name,
                    metric_data=document,
                )
            )
    assert _figures(shared_store, user.id) == {}
    _insert(shared_store, user, rows)
    _refresh(shared_store, user)
    assert _figures(shared_store, user.id) == expected_days(rows, "UTC")
    kept = shared_place.query("SELECT metric_data FROM analytics WHERE metric_name = 'uptime'")
    assert [json.loads(str(row[0])) for row in kept] == [{"x": 1}]


def test_documents_that_cannot_be_read_are_counted_as_nothing(
    shared_place: StorePlace, shared_store: Store
) -> None:
    (user,) = _people(shared_store, "UTC")
    odd: list[Any] = [
        {"outcome": 7, "connections": "Shop", "offset": None, "api_key": ["k"], "cause": [1]},
        {"outcome": "failed", "sources": "none"},
        {"outcome": "failed", "sources": [1, {"error": None}, {"connection": "Shop"}]},
        [1, 2],
    ]
    rows = [_asked(params=params) for params in odd]
    _insert(shared_store, user, rows)
    if shared_place.on_file:
        broken = _asked()
        _insert(shared_store, user, [broken])
        shared_place.query(
            f"UPDATE searches SET search_params = '{{broken' WHERE id = '{broken.id}'"
        )
        rows.append(broken)
    _refresh(shared_store, user)
    (documents,) = _figures(shared_store, user.id).values()
    assert documents["daily_searches"]["searches"] == len(rows)
    assert documents["daily_searches"]["failed"] == 2
    assert "failures" not in documents
    assert documents["api_keys"]["keys"] == [["", len(rows), 2]]


def test_odd_values_in_a_file_are_counted_for_what_they_are(
    shared_place: StorePlace, shared_store: Store
) -> None:
    if not shared_place.on_file:
        pytest.skip("columns of servers hold nothing else")
    (user,) = _people(shared_store, "Pacific/Auckland")
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    rows = [_asked(at=noon + timedelta(days=day)) for day in range(6)]
    beyond = [_asked() for _ in range(3)]
    _insert(shared_store, user, [*rows, *beyond])

    def change(row: Asked, column: str, value: str) -> None:
        shared_place.query(f"UPDATE searches SET {column} = {value} WHERE id = '{row.id}'")

    change(rows[0], "execution_time_ms", "12.7")
    change(rows[1], "execution_time_ms", "'4000 or so'")
    change(rows[2], "execution_time_ms", "'soon'")
    change(rows[3], "result_count", "2.5")
    change(rows[4], "result_count", "9e30")
    change(rows[4], "query", "x'696e766f696365'")
    for row, at in zip(beyond, ("9999-12-31 23:59:59", "0001-01-01 00:00:00", "soon"), strict=True):
        change(row, "created_at", f"'{at}'")
    rows[1] = replace(rows[1], ms=4000)
    rows[2] = replace(rows[2], ms=0)
    rows[3] = replace(rows[3], hits=2)
    rows[4] = replace(rows[4], hits=2**31 - 1)
    expected = expected_days(rows, user.timezone)
    shared_place.query(
        "INSERT INTO analytics_marks (user_id, hour_at)"
        f" VALUES ('{user.id}', '9999-12-31 23:00:00')"
    )
    shared_store.analytics.begin_(user.id, user.timezone)
    _roll_up(shared_store, user)
    assert _figures(shared_store, user.id) == expected
    assert shared_store.analytics.first_known_day(user.id) == date(2026, 5, 31)
    # The slow one is in no list yet.
    assert shared_store.analytics.compare_(user.id, _ERA[0]) == 1
    assert shared_store.analytics.compare_(user.id, _ERA[0]) == 0
    assert _figures(shared_store, user.id) == expected
    listed = shared_place.query("SELECT search_id FROM search_marks WHERE mark = 'slow'")
    assert [row[0] for row in listed] == [rows[1].id]


_ODD_INSTANTS = [
    "2026-03-02T03:00:00",
    "2026-03-02",
    "2026-03-02T03:00",
    "2026-03-02  03:00:00",
    "2026-03-01 22:00:00-05:00",
    "2026-03-02 24:00:00",
    "2026-03-08T04:30:00Z",
    "2026-03-08 14:00:00+13:00",
]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_instants_in_a_file_are_counted_by_their_meaning(
    shared_place: StorePlace, shared_store: Store, zone: str
) -> None:
    """Two of them are of the last hour before clocks change in New York, one of them of midnight;
    one search is slow."""
    if not shared_place.on_file:
        pytest.skip("columns of servers hold nothing else")
    (user,) = _people(shared_store, zone)
    odd = [_asked(f"odd {n}", ms=4000) for n in range(len(_ODD_INSTANTS))]
    begun = datetime(2026, 2, 27, 0, 30, tzinfo=UTC)
    usual = [_asked(f"text {n}", begun + timedelta(hours=3 * n)) for n in range(120)]
    impossible = [_asked("never") for _ in range(3)]
    _insert(shared_store, user, [*odd, *usual, *impossible])
    texts = [*_ODD_INSTANTS, "2026-02-30 10:00:00", "2026-02-29T10:00:00", "2026-03-02 soon"]
    for row, text in zip([*odd, *impossible], texts, strict=True):
        shared_place.query(f"UPDATE searches SET created_at = '{text}' WHERE id = '{row.id}'")
    seconds = [
        shared_place.query(f"SELECT strftime('%s', '{text}')")[0][0] for text in _ODD_INSTANTS
    ]
    odd = [
        replace(row, at=instant_of(int(second))) for row, second in zip(odd, seconds, strict=True)
    ]
    expected = expected_days([*odd, *usual], zone)
    shared_store.analytics.begin_(user.id, zone)
    for most_days in (31, 1):
        for _ in range(60):
            if not shared_store.analytics.roll_up_(user.id, most_days):
                break
        else:
            pytest.fail("the same days are counted for ever")
        assert _figures(shared_store, user.id) == expected
        shared_store.analytics.compare_(user.id, _ERA[0])
        assert shared_store.analytics.compare_(user.id, _ERA[0]) == 0
        shared_store.analytics.mark_all_(user.id)
    shared_place.query(f"DELETE FROM analytics WHERE user_id = '{user.id}'")
    # As earlier versions left them.
    shared_place.query("DELETE FROM analytics_marks")
    marks = [
        "2026-03-02T03:00:00",
        "2026-03-02:00:00",
        "2026-03-02 so:00:00",
        "2026-02-30 10:00:00",
    ]
    for mark in [*marks, "2026-xx-02 10:00:00"]:
        shared_place.query(
            f"INSERT INTO analytics_marks (user_id, hour_at) VALUES ('{user.id}', '{mark}')"
        )
    assert 1 <= _roll_up(shared_store, user, 1) <= 6
    assert shared_place.query("SELECT hour_at FROM analytics_marks") == []


@pytest.mark.parametrize(
    "date_", ["'soon'", "''", "20260303", "'2026-03-02 00:00:00'", "x'ff'", "'2026-02-30'"]
)
def test_figures_of_no_date_are_forgotten_and_counted_again(
    shared_place: StorePlace, shared_store: Store, date_: str
) -> None:
    user, other = _people(shared_store, "UTC", "UTC")
    rows = [_asked(at=datetime(2026, 3, day, 12, tzinfo=UTC)) for day in (1, 2, 3)]
    _insert(shared_store, user, rows)
    _insert(shared_store, other, [replace(row, id=str(uuid.uuid4())) for row in rows])
    for each in (user, other):
        _refresh(shared_store, each)
    shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
    whole = [_figures(shared_store, whose) for whose in (user.id, other.id, None)]
    assert shared_store.analytics.forget_undated_() == 0
    if not shared_place.on_file:
        return
    for table, where in (("analytics", f"user_id = '{user.id}' AND"), ("analytics_totals", "")):
        shared_place.query(
            f"UPDATE {table} SET analytics_date = {date_}"
            f" WHERE {where} metric_name = 'modes' AND analytics_date = '2026-03-02'"
        )
        assert shared_store.analytics.forget_undated_() == 1
        assert shared_store.analytics.forget_undated_() == 0
        assert _roll_up(shared_store, other) == 0
        _roll_up(shared_store, user)
        shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
        assert [_figures(shared_store, whose) for whose in (user.id, other.id, None)] == whole


def test_no_transaction_reads_more_searches_than_are_to_be_read_at_once(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quiet days, then two of heavy use, and quiet ones again."""
    read: list[int] = []

    read_facts = search_facts.read_facts

    def noted(*args: Any, **options: Any) -> search_facts.Facts:
        facts = read_facts(*args, **options)
        read.append(len(facts.ids))
        return facts

    monkeypatch.setattr(search_facts, "read_facts", noted)
    monkeypatch.setattr(repository, "_MOST_ROWS", 7)
    (user,) = _people(shared_store, "America/New_York")
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    a_day = [1, 0, 1, 1, 1, 1, 12, 4, 1, 1, 1, 0, 0, 1]
    rows = [
        _asked(f"text {n}", noon + timedelta(days=day, minutes=n))
        for day, count in enumerate(a_day)
        for n in range(count)
    ]
    for row in rows:
        shared_store.searches.add_(_record(user, row))
    days = []
    while counted := shared_store.analytics.roll_up_(user.id, 400):
        days.append(len(counted))
    assert read == [5, 12, 7, 1]
    assert days == [6, 1, 4, 1]
    assert _figures(shared_store, user.id) == expected_days(rows, user.timezone)


def test_what_a_server_cuts_short_is_asked_for_again_in_parts(shared_store: Store) -> None:
    """Also what is of one second."""
    if shared_store.location.embedded:
        pytest.skip("a file cuts nothing short")
    (user,) = _people(shared_store, "UTC")
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    rows = [_asked(f"text {n}\x1e{n}", noon + timedelta(minutes=n // 9)) for n in range(20)]
    long = {"outcome": "ok", "connections": ["Shop" * 100]}
    rows.append(_asked("much noted", noon, params=long))
    _insert(shared_store, user, rows)
    begins, ends = int(noon.timestamp()), int((noon + timedelta(days=1)).timestamp())
    with shared_store._engine.connect() as connection:
        asked = connection, user.id, begins, ends
        whole = search_facts.read_facts(*asked, on_file=False)
        # Room for a few searches, and for all but what one of them tells of itself.
        connection.exec_driver_sql("SET SESSION group_concat_max_len = 200")
        parts = search_facts.read_facts(*asked, on_file=False)
        connection.exec_driver_sql("SET SESSION group_concat_max_len = 30")
        with pytest.raises(ValueError, match="short"):
            search_facts.read_facts(*asked, on_file=False)
        connection.invalidate()
    assert sorted(whole.ids) == sorted(row.id for row in rows)
    assert {*whole.queries} == {f"text {n} {n}" for n in range(20)} | {"much noted"}
    assert [*map(load_json, (text.partition(" ")[2] for text in parts.told))].count(None) == 1
    by_id = [
        {
            key: cells
            for key, *cells in zip(
                facts.ids, facts.queries, facts.seconds, facts.ms, facts.results, strict=True
            )
        }
        for facts in (whole, parts)
    ]
    assert by_id[0] == by_id[1]


_NO_UTF8 = b'{"outcome": "failed", "connections": ["\xff"]}'


@pytest.mark.parametrize(
    "change",
    [
        "id = CAST(id AS BLOB)",
        "query = x'ff61'",
        "query = CAST(x'ff61' AS TEXT)",
        "query = CAST(zeroblob(1000000) AS TEXT)",
        f"search_params = CAST(x'{_NO_UTF8.hex()}' AS TEXT)",
        'search_params = \'{"outcome": "failed", "connections": ["\\ud800"]}\'',
        'search_params = \'{"outcome": "failed", "offset": 1e999}\'',
    ],
)
def test_odd_texts_in_a_file_are_counted(
    shared_place: StorePlace, shared_store: Store, change: str
) -> None:
    if not shared_place.on_file:
        pytest.skip("columns of servers hold nothing else")
    (user,) = _people(shared_store, "UTC")
    rows = [_asked(f"text {n}", ms=n) for n in range(3)]
    _insert(shared_store, user, rows)
    shared_place.query(f"UPDATE searches SET {change} WHERE id = '{rows[1].id}'")
    assert _refresh(shared_store, user) == 1
    (documents,) = _figures(shared_store, user.id).values()
    assert documents["daily_searches"]["searches"] == 3
    assert documents["daily_searches"]["failed"] == int("search_params" in change)
    assert len(documents["slowest"]["searches"]) == 3
    shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
    assert _figures(shared_store, None) == _figures(shared_store, user.id)


@pytest.mark.parametrize("added_up", [0, 5, 9], ids=["none", "some", "all"])
def test_parts_of_a_period_are_their_days_put_together(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch, added_up: int
) -> None:
    people = _people(shared_store, "UTC", "Asia/Tokyo")
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for user in people:
        for n in range(18):
            row = _asked(f"text {n % 4}", noon + timedelta(days=n // 2), ms=n)
            shared_store.searches.add_(_record(user, row))
        _refresh(shared_store, user)
    days = [noon.date() + timedelta(days=n) for n in range(9)]
    shared_store.analytics.add_up_(days[:added_up])
    # What is of another shape is not in them either.
    with (
        shared_store._engine.connect().execution_options(**{WRITES: True}) as connection,
        connection.begin(),
    ):
        connection.execute(
            sa.update(analytics)
            .where(analytics.c.analytics_date == days[2], analytics.c.metric_name == Metric.SLOWEST)
            .values(metric_data={"searches": [["soon"]]})
        )
    parts = [Period(days[0], days[1]), Period(days[2], days[5]), Period(days[6], days[8])]
    # Some documents at once, as those of more days are.
    monkeypatch.setattr(day_documents, "_CHARS_AT_ONCE", 500)
    for whose in (None, people[0].id):
        wanted: dict[tuple[date, Metric], Document] = {}
        for part in parts:
            found: dict[Metric, list[Document]] = {}
            for day in shared_store.figures.list_(whose, part.first, part.last, _ALL):
                found.setdefault(day.metric, []).append(day.document)
            wanted |= {(part.first, name): merge(name, some) for name, some in found.items()}
        merged = shared_store.figures.list_merged_(whose, parts, _ALL)
        assert {(row.day, row.metric): row.document for row in merged} == wanted
        assert len(merged) == len(wanted)
        whole = {*Metric} - {Metric.POPULAR_QUERIES}
        together = shared_store.figures.list_merged_(whose, parts, _ALL, whole)
        assert {row.metric: row.document for row in together if row.metric in whole} == {
            name: merge(name, [some for (_, metric), some in wanted.items() if metric is name])
            for name in {metric for _, metric in wanted} & whole
        }
        assert [row for row in together if row.metric not in whole] == [
            row for row in merged if row.metric not in whole
        ]


@pytest.mark.parametrize("rows", [KEPT_ROWS - 1, KEPT_ROWS])
@pytest.mark.parametrize("added_up", [False, True])
def test_it_is_known_of_parts_whether_the_list_of_a_day_was_full(
    shared_store: Store, rows: int, added_up: bool
) -> None:
    """However many rows the days of a part have together."""
    (user,) = _people(shared_store, "UTC")
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    params = {"outcome": "ok", "offset": 0, "connections": ["Shop"], "cause": "absent"}
    for day, count in enumerate((40, rows, 2)):
        at = noon + timedelta(days=day)
        _insert(
            shared_store,
            user,
            [_asked(f"{day} {n}", at, hits=0, params=params) for n in range(count)],
        )
    _refresh(shared_store, user)
    days = [noon.date() + timedelta(days=n) for n in range(3)]
    if added_up:
        shared_store.analytics.add_up_(days)
    parts = [Period(days[0], days[1]), Period(days[2], days[2])]
    for whose in (None, user.id):
        found = shared_store.figures.list_merged_(whose, parts, [Metric.ZERO_CAUSES])
        found.sort(key=lambda row: row.day)
        assert [len(row.document["queries"]) for row in found] == [40 + rows, 2]
        assert [row.is_full for row in found] == [rows == KEPT_ROWS, False]


def test_days_can_be_read_without_their_hours(shared_store: Store) -> None:
    (user,) = _people(shared_store, "UTC")
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for n in range(6):
        shared_store.searches.add_(_record(user, _asked("text", noon + timedelta(days=n // 2))))
    _refresh(shared_store, user)
    days = [noon.date() + timedelta(days=n) for n in range(3)]
    shared_store.analytics.add_up_(days)
    for whose in (None, user.id):
        asked = whose, days[0], days[-1], [Metric.DAILY_SEARCHES, Metric.LATENCY]
        whole, short = (
            {
                (row.day, row.metric): row.document
                for row in shared_store.figures.list_(*asked, by_hour=by_hour)
            }
            for by_hour in (True, False)
        )
        for key, document in whole.items():
            if key[1] is Metric.DAILY_SEARCHES:
                assert document["hours"]
                whole[key] = {**document, "hours": []}
        assert short == whole
        assert len(short) == 6
    # What another program has changed is of another shape, with hours and without.
    odds: list[Document] = [{"hours": []}, {**whole[days[1], Metric.DAILY_SEARCHES], "more": 1}]
    for day, odd in zip(days, odds, strict=False):
        for table in (analytics, analytics_totals):
            _set_document(shared_store, table, day, odd)
    for whose in (None, user.id):
        for by_hour in (True, False):
            left = shared_store.figures.list_(
                whose, days[0], days[-1], [Metric.DAILY_SEARCHES], by_hour=by_hour
            )
            assert [row.day for row in left] == days[2:]


def _set_document(store: Store, table: sa.Table[Any], day: date, document: Document) -> None:
    with (
        store._engine.connect().execution_options(**{WRITES: True}) as connection,
        connection.begin(),
    ):
        connection.execute(
            sa.update(table)
            .where(table.c.analytics_date == day, table.c.metric_name == Metric.DAILY_SEARCHES)
            .values(metric_data=document)
        )


def test_how_much_each_searched_is_of_the_days_that_are_asked_for(shared_store: Store) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    people = _people(shared_store, *["UTC"] * 3)
    rows: dict[str, list[Asked]] = {}
    for number, user in enumerate(people[:2]):
        rows[user.id] = [
            _asked("text", noon + timedelta(days=n % 5), hits=n % 3 * number) for n in range(14)
        ]
        rows[user.id] += [
            _asked("lost", noon + timedelta(days=2), params={"outcome": outcome})
            for outcome in ("failed", "partial", "cancelled")[number:]
        ]
        _insert(shared_store, user, rows[user.id])
        _refresh(shared_store, user)
    days = [noon.date() + timedelta(days=n) for n in range(1, 4)]
    wanted = {
        key: [
            sum(document[name] for document in found)
            for name in ("searches", "failed", "partial", "zero")
        ]
        for key, some in rows.items()
        for expected in [expected_days(some, "UTC")]
        for found in [[expected[day]["daily_searches"] for day in days]]
    }
    told = shared_store.figures.count_by_user(days[0], days[-1])
    assert {use.user_id: (use.searches, use.failed, use.zero) for use in told} == {
        key: (searches, failed + partial, zero)
        for key, (searches, failed, partial, zero) in wanted.items()
    }
    assert [use.searches for use in told] == sorted((use.searches for use in told), reverse=True)
    named = {user.id: (user.name, user.email) for user in people}
    assert all((use.name, use.email) == named[use.user_id] for use in told)


def test_what_scripts_search_is_nobodys_rewording(shared_store: Store) -> None:
    (user,) = _people(shared_store, "UTC")
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    told = _asked().params or {}
    rows = [
        _asked(text, noon + timedelta(seconds=9 * at), hits=hits, params={**told, "api_key": key})
        for at, (text, hits, key) in enumerate(
            [
                ("a", 0, "k1"),
                ("b", 3, "k1"),
                ("invoise", 0, ""),
                ("c", 1, "k2"),
                ("invoice", 2, ""),
            ]
        )
    ]
    _insert(shared_store, user, rows)
    _refresh(shared_store, user)
    (documents,) = _figures(shared_store, user.id).values()
    assert documents["reformulations"] == {
        "searches": 1,
        "mended": 1,
        "pairs": [["invoise", "invoice", 1, 1]],
    }


def test_two_programs_count_and_one_writes(shared_place: StorePlace, shared_store: Store) -> None:
    (user,) = _people(shared_store, "America/New_York")
    begun = datetime(2026, 5, 1, tzinfo=UTC)
    rows = [_asked(f"text {n % 5}", begun + timedelta(minutes=47 * n)) for n in range(120)]
    written = threading.Event()
    failures: list[BaseException] = []

    def guarded(work: Any) -> Any:
        def run() -> None:
            store = shared_place.open()
            try:
                work(store)
            except BaseException as error:
                failures.append(error)
            finally:
                store.close()

        return run

    def write(store: Store) -> None:
        try:
            for at, row in enumerate(rows):
                store.searches.add_(_record(user, row))
                if at % 10 == 9:
                    store.searches.delete_(user.id, [rows[at - 5].id])
        finally:
            written.set()

    def count(store: Store) -> None:
        while not written.is_set():
            _roll_up(store, user, 2)
            store.analytics.add_up_(store.analytics.unadded_days()[:5])

    threads = [threading.Thread(target=guarded(work)) for work in (write, count, count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures
    _roll_up(shared_store, user)
    gone = {rows[at - 5].id for at in range(9, len(rows), 10)}
    left = [row for row in rows if row.id not in gone]
    expected = expected_days(left, user.timezone)
    assert _figures(shared_store, user.id) == expected
    shared_store.analytics.add_up_(shared_store.analytics.unadded_days())
    assert _figures(shared_store, None) == expected
