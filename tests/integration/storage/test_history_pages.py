"""Pages of the history on three databases, compared with a plain computation."""

from __future__ import annotations

import itertools
import random
import re
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.accounts import User
from altus4_desktop.domain.history import (
    SLOW_MS,
    HistoryLook,
    HistoryOutcome,
    HistoryQuery,
    WeekHour,
)
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.storage.repositories import (
    history_pages,
    history_statements,
    history_walks,
    search_params,
)
from altus4_desktop.storage.store import Store
from tests.records import AN_INSTANT, a_connection, a_search, a_user
from tests.stores import StorePlace

KEY_ID = str(uuid.uuid4())
WORDS = ("invoice", "invoices", "café", "re-order", "数据库", "in", "voice_mail")


def some_searches(users: Sequence[tuple[User, Sequence[str]]], count: int) -> list[SearchRecord]:
    """Searches of all kinds, several in the same second."""
    dice = random.Random(7)
    made = []
    for number in range(count):
        user, owned = dice.choice(users)
        asked = dice.sample(owned, dice.choice([1, len(owned)]))
        outcome = dice.choice(["ok", "ok", "ok", "failed", "partial", "cancelled"])
        params = {"outcome": outcome, "connection_ids": asked}
        by_key = {"api_key": KEY_ID} if dice.random() < 0.5 else {}
        made.append(
            a_search(
                user,
                " ".join(dice.choices(WORDS, k=2)),
                connection_id=asked[0] if len(asked) == 1 else None,
                mode=dice.choice(list(SearchMode)),
                params=params | by_key,
                result_count=0 if outcome == "failed" else dice.choice([0, 3]),
                execution_time_ms=dice.choice([5, SLOW_MS - 1, SLOW_MS, 30_000]),
                created_at=AN_INSTANT + timedelta(seconds=number // 3),
            )
        )
    return made


def fits(record: SearchRecord, query: HistoryQuery) -> bool:
    """What the filters mean."""
    failed = record.params["outcome"] in {"failed", "partial"}
    asked = record.params["connection_ids"]
    assert isinstance(asked, list)
    assert record.created_at is not None
    ends = {
        None: True,
        HistoryOutcome.HITS: record.result_count > 0,
        HistoryOutcome.NONE: record.result_count == 0 and record.params["outcome"] == "ok",
        HistoryOutcome.FAILED: failed,
        HistoryOutcome.SLOW: record.execution_time_ms >= SLOW_MS,
    }
    return (
        ends[query.outcome]
        and query.user_id in {"", record.user_id}
        and query.mode in {None, record.mode}
        and (not query.connection_id or query.connection_id in asked)
        and query.key_id in {None, record.params.get("api_key")}
        and (query.from_at is None or record.created_at >= query.from_at)
        and (query.to_at is None or record.created_at < query.to_at)
        and record.execution_time_ms >= query.least_ms
        and (query.most_ms is None or record.execution_time_ms <= query.most_ms)
    )


def pages(store: Store, query: HistoryQuery, size: int) -> list[str]:
    """The ids of all pages, one after the other."""
    found: list[SearchRecord] = []
    while True:
        page = store.searches.page_(query, found[-1] if found else None, size)
        found += page
        if len(page) < size:
            return [record.id for record in found]


@pytest.fixture
def people(shared_store: Store) -> list[tuple[User, Sequence[str]]]:
    """Two users with their connections."""
    made: list[tuple[User, Sequence[str]]] = []
    for _ in range(2):
        user = a_user()
        shared_store.users.create_(user, "x")
        owned = [
            a_connection(user, name=f"c{number}", database=f"d{number}") for number in range(3)
        ]
        for connection in owned:
            shared_store.connections.create_(connection)
        made.append((user, [connection.id for connection in owned]))
    return made


@pytest.mark.parametrize("few", [0, 100_000])
def test_every_filter_finds_what_it_means_in_order_and_page_by_page(
    shared_store: Store,
    people: list[tuple[User, Sequence[str]]],
    monkeypatch: pytest.MonkeyPatch,
    few: int,
) -> None:
    """Whether durations are looked for among the newest, or by their index; and whether all that
    stands in a list is looked at."""
    for name in ("_FEW", "_FEW_TO_READ", "_FEW_TO_SORT"):
        monkeypatch.setattr(history_pages, name, few)
    monkeypatch.setattr(history_statements, "_SHORT", few)
    made = some_searches(people, 60)
    for record in made:
        shared_store.searches.add_(record)
    in_order = sorted(made, key=lambda r: (r.created_at, r.id), reverse=True)
    user, owned = people[0]
    middle = AN_INSTANT + timedelta(seconds=12)
    bounds = itertools.cycle([(SLOW_MS - 1, None), (SLOW_MS, None), (SLOW_MS, SLOW_MS), (0, 5)])
    if few:
        # Another one for each.
        next(bounds)
    ranges = [(None, None), (AN_INSTANT + timedelta(seconds=3), middle)]
    for outcome, mode, person, connection, (from_at, to_at) in itertools.product(
        (None, *HistoryOutcome), (None, SearchMode.BOOLEAN), ("", user.id), ("", owned[1]), ranges
    ):
        query = HistoryQuery("", connection, mode, outcome, person, from_at, to_at)
        wanted = [record.id for record in in_order if fits(record, query)]
        assert pages(shared_store, query, 9) == wanted, query
        assert shared_store.searches.count_(query, 1000) == len(wanted)
        assert shared_store.searches.count_(query, 3) == min(3, len(wanted))
        least_ms, most_ms = next(bounds)
        took = replace(query, least_ms=least_ms, most_ms=most_ms)
        assert pages(shared_store, took, 9) == [r.id for r in in_order if fits(r, took)], took
        key = replace(took if from_at else query, key_id=KEY_ID)
        assert pages(shared_store, key, 9) == [r.id for r in in_order if fits(r, key)], key


def test_what_takes_long_tells_what_was_found_until_then(
    shared_store: Store,
    people: list[tuple[User, Sequence[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of it, and from there on the rest is found; nothing, where nobody waits."""
    monkeypatch.setattr(history_pages, "_FEW", 0)
    monkeypatch.setattr(history_pages, "_FAR_ROWS", 5)
    for name in ("_FIRST_ROWS", "_MOST_ROWS"):
        monkeypatch.setattr(history_walks, name, 8)
    made = some_searches(people, 60)
    shared_store.searches.add_(*made)
    in_order = sorted(made, key=lambda r: (r.created_at, r.id), reverse=True)
    user, owned = people[0]
    looks: list[HistoryLook] = []
    monkeypatch.setattr(history_pages, "_FELT_S", 3600.0)
    assert len(shared_store.searches.page_(HistoryQuery(), None, 100, looks.append)) == 60
    assert not looks
    monkeypatch.setattr(history_pages, "_FELT_S", -1.0)
    failed = HistoryOutcome.FAILED
    for query in (
        HistoryQuery(),
        HistoryQuery(connection_id=owned[1]),
        HistoryQuery(key_id=KEY_ID, outcome=failed, user_id=user.id),
        HistoryQuery(connection_id=owned[1], outcome=failed),
        HistoryQuery(mode=SearchMode.BOOLEAN, outcome=HistoryOutcome.NONE, most_ms=5),
    ):
        looks.clear()
        wanted = [record.id for record in in_order if fits(record, query)]
        page = shared_store.searches.page_(query, None, 100, looks.append)
        assert [record.id for record in page] == wanted, query
        backs = [look.back_to for look in looks]
        assert backs, query
        assert backs == sorted(set(backs), reverse=True)
        for look in looks:
            since = [r for r in page if r.created_at is not None and r.created_at >= look.back_to]
            assert look.records == tuple(since), query
        last = looks[0].records[-1] if looks[0].records else None
        earlier = replace(query, to_at=looks[0].back_to)
        rest = shared_store.searches.page_(earlier, last, 100)
        assert [*looks[0].records, *rest] == page
    looks.clear()
    page = shared_store.searches.page_(HistoryQuery("invoice"), None, 100, looks.append)
    assert [r.id for r in page] == [r.id for r in in_order if re.search(r"\binvoice", r.query)]
    assert len(looks) > 2
    for look in looks:
        assert look.records == tuple(page[: len(look.records)])


def test_a_page_is_full_whatever_is_deleted_while_it_is_read(
    shared_store: Store,
    people: list[tuple[User, Sequence[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A short page would be taken for the last one."""
    made = some_searches(people, 30)
    shared_store.searches.add_(*made)
    _, owned = people[0]
    query = HistoryQuery(connection_id=owned[1])
    before = [record.id for record in shared_store.searches.page_(query)]
    read, calls = history_pages._by_id, itertools.count()

    def read_late(
        connection: sa.Connection, columns: Sequence[sa.ColumnElement[Any]], ids: Sequence[str]
    ) -> list[sa.RowMapping]:
        return read(connection, columns, ids[1:] if next(calls) == 0 else ids)

    monkeypatch.setattr(history_pages, "_by_id", read_late)
    page = shared_store.searches.page_(query, None, 4)
    assert [record.id for record in page] == before[1:5]


@pytest.mark.parametrize(("zone", "number"), [("Europe/Berlin", 10), ("", 9)])
def test_hours_of_the_week_are_found_page_by_page_in_every_year(
    shared_store: Store,
    people: list[tuple[User, Sequence[str]]],
    monkeypatch: pytest.MonkeyPatch,
    shared_place: StorePlace,
    zone: str,
    number: int,
) -> None:
    """Also in years that are before or after what is known of clocks, and on everybody's own."""
    middle = datetime(2026, 3, 27, tzinfo=UTC)
    monkeypatch.setattr(search_params, "FIRST_AT", middle - timedelta(weeks=5))
    monkeypatch.setattr(history_walks, "FIRST_AT", middle - timedelta(weeks=5))
    for module in (search_params, history_walks):
        monkeypatch.setattr(module, "last_at", lambda: middle + timedelta(weeks=5))
    monkeypatch.setattr(history_walks, "_HOURS_AT_ONCE", 3)
    monkeypatch.setattr(history_pages, "_FEW", 0)
    monday = datetime(2026, 3, 23, 8, 59, 58, tzinfo=UTC)
    weeks = (timedelta(weeks=number) for number in (-6, -5, -4, -1, 0, 1, 2, 4, 5, 6))
    made = [
        replace(record, created_at=begins + timedelta(seconds=second))
        for begins in (monday + week - timedelta(hours=far) for week in weeks for far in (0, 9))
        for second, record in enumerate(some_searches(people, 4))
    ]
    made = [replace(record, id=str(uuid.uuid4())) for record in made]
    shared_store.searches.add_(*made)
    in_order = sorted(made, key=lambda r: (r.created_at, r.id), reverse=True)
    user, owned = people[0]
    clocks = {each.id: zone or "UTC" for each, _ in people}
    if not zone:
        other = clocks[people[1][0].id] = "Asia/Tokyo"
        moved = f"UPDATE users SET timezone = '{other}' WHERE id = '{people[1][0].id}'"
        shared_place.query(moved)
    hour = WeekHour(zone, 1, number)
    for outcome, person, connection, (from_at, to_at) in itertools.product(
        (None, HistoryOutcome.FAILED),
        ("", user.id),
        ("", owned[1]),
        ((None, None), (monday + timedelta(seconds=1), monday + timedelta(weeks=5, seconds=3))),
    ):
        query = HistoryQuery("", connection, None, outcome, person, from_at, to_at)
        wanted = [
            record
            for record in in_order
            if fits(record, query)
            and record.created_at is not None
            and record.created_at.astimezone(ZoneInfo(clocks[record.user_id])).hour == number
        ]
        asked = replace(query, week_hour=hour)
        assert pages(shared_store, asked, 9) == [record.id for record in wanted], asked
        word = replace(asked, text="in")
        has_word = [r.id for r in wanted if re.search(r"\bin", r.query)]
        assert pages(shared_store, word, 9) == has_word, word
        took = replace(asked, least_ms=6)
        assert pages(shared_store, took, 9) == [r.id for r in wanted if r.execution_time_ms >= 6], (
            took
        )


def test_all_are_counted_by_what_they_have_in_common(
    shared_store: Store, people: list[tuple[User, Sequence[str]]]
) -> None:
    made = some_searches(people, 60)
    for record in made:
        shared_store.searches.add_(record)
    user, owned = people[0]
    ids = {*owned[:2], people[1][1][0]}
    middle = AN_INSTANT + timedelta(seconds=12)
    for person, (from_at, to_at), least_ms in itertools.product(
        ("", user.id), [(None, None), (AN_INSTANT + timedelta(seconds=3), middle)], (0, SLOW_MS)
    ):
        query = HistoryQuery(user_id=person, from_at=from_at, to_at=to_at, least_ms=least_ms)
        wanted: Counter[tuple[str, str]] = Counter()
        for record in made:
            if fits(record, query):
                asked = record.params["connection_ids"]
                assert isinstance(asked, list)
                wanted.update([("mode", record.mode.value), ("user", record.user_id)])
                wanted.update([("connection", key) for key in asked if key in ids])
        assert shared_store.searches.count_groups_(query, ids) == wanted


@pytest.mark.parametrize("look", [0, 10, 20_000])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("invoice", ["see invoice", "Invoices due"]),
        ("INV see", ["see invoice"]),
        ("cafe", ["Café au lait"]),
        ("voice", []),
        ("数据", ["数据库 x", "products 新数据库目录"]),
        ("库目", ["products 新数据库目录"]),
        ("Prod 据库", ["products 新数据库目录"]),
        ("目录 据库", ["products 新数据库目录"]),
        ("库数", []),
        ("last one", ["last one"]),
        ("lait caf", ["Café au lait"]),
        ("lait one", []),
        ("nothing", []),
    ],
)
def test_words_are_found_near_and_far(
    shared_store: Store,
    people: list[tuple[User, Sequence[str]]],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    wanted: list[str],
    look: int,
) -> None:
    """Whether they are looked for among the newest, or by the index."""
    monkeypatch.setattr(history_pages, "_LOOK_AT_MOST", look)
    monkeypatch.setattr(history_walks, "_FIRST_ROWS", 2)
    monkeypatch.setattr(history_pages, "_FAR_ROWS", 2)
    user, _ = people[0]
    texts = (
        "see invoice",
        "Invoices due",
        "Café au lait",
        "数据库 x",
        "other one",
        "last one",
        "products 新数据库目录",
    )
    for number, query in enumerate(texts):
        at = AN_INSTANT - timedelta(days=number)
        shared_store.searches.add_(a_search(user, query, created_at=at))
    found = shared_store.searches.page_(HistoryQuery(text, user_id=user.id))
    assert [record.query for record in found] == wanted
    first = shared_store.searches.page_(HistoryQuery(text), None, 1)
    rest = shared_store.searches.page_(HistoryQuery(text), first[0], 9) if first else []
    assert [record.query for record in first + rest] == wanted


def test_lists_lose_what_is_deleted(
    shared_store: Store, people: list[tuple[User, Sequence[str]]], shared_place: StorePlace
) -> None:
    user, owned = people[0]
    lost = {"outcome": "failed", "connection_ids": list(owned)}
    record = a_search(user, "x", params=lost, execution_time_ms=5000)
    shared_store.searches.add_(record)
    count = f"SELECT COUNT(*) FROM search_marks WHERE search_id = '{record.id}'"
    assert shared_place.query(count)[0][0] == 5
    shared_store.searches.delete_(user.id, [record.id])
    assert shared_place.query(count)[0][0] == 0
    shared_store.searches.add_(record)
    shared_store.searches.delete_(user.id, ["another"])
    assert shared_place.query(count)[0][0] == 5
    shared_store.searches.delete_(user.id, [record.id])
    assert shared_place.query(count)[0][0] == 0


def test_what_is_there_already_gets_its_lists(place: StorePlace) -> None:
    store = place.open()
    store.migrator.upgrade()
    user = a_user()
    store.users.create_(user, "x")
    for outcome, took in (("ok", 5), ("failed", 5), ("partial", 2000), ("ok", 1000)):
        store.searches.add_(
            a_search(user, outcome, params={"outcome": outcome}, execution_time_ms=took)
        )
    before = sorted(place.query("SELECT mark, search_id, user_id, created_at FROM search_marks"))
    assert len(before) == 4
    store.migrator.downgrade("0014_analytics_days")
    store.migrator.upgrade()
    store.close()
    after = sorted(place.query("SELECT mark, search_id, user_id, created_at FROM search_marks"))
    assert after == before


@pytest.mark.parametrize("look", [0, 4, 20_000])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("red invoice", [0, 2, 5]),
        ("  RED   invoice", [0, 2, 5]),
        ("red", []),
        ("Café", [4]),
        ("cafe", []),
        ("+red -invoice", [6]),
    ],
)
def test_whole_queries_are_found_near_and_far(
    shared_store: Store,
    people: list[tuple[User, Sequence[str]]],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    wanted: list[int],
    look: int,
) -> None:
    monkeypatch.setattr(history_pages, "_LOOK_AT_MOST", look)
    monkeypatch.setattr(history_walks, "_FIRST_ROWS", 2)
    monkeypatch.setattr(history_pages, "_FAR_ROWS", 2)
    user, _ = people[0]
    texts = (
        "red invoice",
        "red invoices",
        "Red  Invoice ",
        "invoice red",
        "café",
        "red invoice",
        "+red -invoice",
        "red invoice 2024",
    )
    for number, query in enumerate(texts):
        at = AN_INSTANT - timedelta(days=number)
        shared_store.searches.add_(a_search(user, query, created_at=at))
    asked = HistoryQuery(text, whole=True)
    for size in (1, 2, 9):
        found = pages(shared_store, asked, size)
        assert len(found) == len(wanted)
    page = shared_store.searches.page_(asked)
    assert [record.query for record in page] == [texts[number] for number in wanted]
    assert shared_store.searches.count_(asked, 1000) == len(wanted)


def test_searches_of_several_connections_from_before_are_found_by_each(
    shared_store: Store, people: list[tuple[User, Sequence[str]]], shared_place: StorePlace
) -> None:
    """Those that noted ids, and those that noted names; once more changes nothing."""
    made = []
    for number in range(9):
        user, owned = people[number % 2]
        params: dict[str, object] = {"connections": ["c0", "c2", "renamed"]}
        if number % 3 == 0:
            params = {"connection_ids": list(owned[:2])}
        if number == 8:
            params = {"connections": "c0"}
        at = AN_INSTANT + timedelta(seconds=number // 2)
        made.append(a_search(user, f"q{number}", params=params, created_at=at))
    marks = "SELECT mark, search_id, user_id, created_at FROM search_marks"

    def marked() -> list[tuple[str, ...]]:
        return sorted(tuple(map(str, row)) for row in shared_place.query(marks))

    def found(person: int, connection: int) -> list[str]:
        user, owned = people[person]
        query = HistoryQuery(connection_id=owned[connection], user_id=user.id)
        return sorted(record.query for record in shared_store.searches.page_(query))

    shared_store.searches.add_(*made)
    shared_place.query("DELETE FROM search_marks")
    shared_store.searches.add_(a_search(people[0][0], "one", connection_id=people[0][1][0]))
    assert [found(0, 0), found(0, 2)] == [["one"], []]
    looked: list[int] = []
    for user, _ in people[:2]:
        while shared_store.searches.mark_old_(user.id, 4) == 4:
            looked.append(4)
    assert found(0, 0) == ["one", "q0", "q2", "q4", "q6"]
    assert found(0, 1) == ["q0", "q6"]
    assert found(0, 2) == ["q2", "q4"]
    assert [found(1, number) for number in range(3)] == [
        ["q1", "q3", "q5", "q7"],
        ["q3"],
        ["q1", "q5", "q7"],
    ]
    before = marked()
    assert shared_store.searches.mark_old_(people[0][0].id, 4) == 0
    assert marked() == before
    shared_place.query("DELETE FROM search_marks WHERE mark = 'reached'")
    assert [shared_store.searches.mark_old_(user.id, 100) for user, _ in people[:2]] == [6, 4]
    assert marked() == before


def test_what_others_have_written_gets_into_every_list(
    shared_store: Store, people: list[tuple[User, Sequence[str]]], shared_place: StorePlace
) -> None:
    """Once: what is deleted afterwards does not begin it again."""
    user, owned = people[0]
    key = str(uuid.uuid4())
    told: list[tuple[dict[str, object], int]] = [
        ({"outcome": "ok", "connection_ids": list(owned)}, 5),
        ({"outcome": "failed"}, 5),
        ({"outcome": "partial", "api_key": key}, SLOW_MS),
        ({"outcome": "cancelled"}, SLOW_MS - 1),
        ({"outcome": "ok", "api_key": "short"}, 30_000),
    ]
    records = [
        a_search(
            user,
            f"q{number}",
            params=params,
            execution_time_ms=ms,
            created_at=AN_INSTANT + timedelta(seconds=number),
        )
        for number, (params, ms) in enumerate(told)
    ]
    shared_store.searches.add_(*records)
    marks = "SELECT mark, search_id, user_id, created_at FROM search_marks WHERE mark <> 'reached'"
    wanted = sorted(map(str, shared_place.query(marks)))
    assert len(wanted) == len(owned) + 2 + 2 + 1
    shared_place.query("DELETE FROM search_marks")
    assert [shared_store.searches.mark_old_(user.id, 3) for _ in range(3)] == [3, 2, 0]
    assert sorted(map(str, shared_place.query(marks))) == wanted
    shared_store.searches.delete_(user.id, [records[0].id])
    assert shared_store.searches.mark_old_(user.id, 3) == 0
