"""Custom metrics on SQLite, MariaDB and MySQL, compared with plain Python."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altus4_desktop.domain.accounts import Role, User
from altus4_desktop.domain.custom_metrics import (
    CountedDay,
    CustomMetric,
    CustomMetricDraft,
    DeletedMetric,
    MetricNotice,
    MetricSource,
    Side,
    Threshold,
)
from altus4_desktop.domain.errors import ConflictError, NotFoundError
from altus4_desktop.domain.history import SLOW_MS, HistoryOutcome, HistoryQuery, WeekHour
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.storage.store import Store
from tests.records import a_connection, a_user
from tests.stores import StorePlace

_TODAY = date(2026, 3, 30)
_ZONES = sorted(name for name in available_timezones() if "/" in name)


def _metric(user: User, history: HistoryQuery | None = None, **changes: object) -> CustomMetric:
    draft = CustomMetricDraft("Größe & <b>", history=history or HistoryQuery())
    return CustomMetric(
        str(uuid.uuid4()),
        user.id,
        replace(draft, **changes),  # type: ignore[arg-type]  # a draft's own fields
        _TODAY,
    )


def _search(user: User, query: str, at: datetime, **changes: object) -> SearchRecord:
    record = SearchRecord(
        str(uuid.uuid4()),
        user.id,
        None,
        query,
        SearchMode.NATURAL,
        {"outcome": "ok", "offset": 0, "connections": []},
        3,
        12,
        at,
    )
    return replace(record, **changes)  # type: ignore[arg-type]  # a record's own fields


def _settle(store: Store, *users: User) -> None:
    """Take the marks away and count what they have touched."""
    for user in users:
        [counted] = store.analytics.users_(user.id)
        if counted.counted_zone != counted.timezone:
            store.analytics.begin_(user.id, counted.timezone)
        while store.analytics.roll_up_(user.id, 31):
            pass


def _count(store: Store, metric_id: str, most_days: int = 31) -> None:
    while store.custom_metrics.count_(metric_id, most_days):
        pass


def _counts(store: Store, metric_id: str) -> Counter[date]:
    found = store.custom_metrics.days_([metric_id], date(1970, 1, 1), date(2100, 1, 1))
    days = found.get(metric_id, {}).values()
    assert not any(day.is_stale for day in days)
    return +Counter({day.day: day.found or 0 for day in days})


def _has_word(text: str, begin: str) -> bool:
    words = text.casefold().replace("ö", "o").split()
    return any(word.startswith(begin.casefold().replace("ö", "o")) for word in words)


def _expected(records: Iterable[SearchRecord], query: HistoryQuery, zone: str) -> Counter[date]:
    """The same by looking at each search."""
    place = ZoneInfo(zone)
    counts: Counter[date] = Counter()
    for record in records:
        asked = record.params.get("connection_ids")
        where = asked if isinstance(asked, list) else [record.connection_id]
        failed = record.params.get("outcome") in ("failed", "partial")
        fits = {
            None: True,
            HistoryOutcome.HITS: record.result_count > 0,
            HistoryOutcome.NONE: record.result_count == 0 and record.params["outcome"] == "ok",
            HistoryOutcome.FAILED: failed,
            HistoryOutcome.SLOW: record.execution_time_ms >= SLOW_MS,
        }[query.outcome]
        fits &= not query.user_id or record.user_id == query.user_id
        fits &= not query.connection_id or query.connection_id in where
        fits &= query.mode is None or record.mode is query.mode
        fits &= not query.text or _has_word(record.query, query.text)
        if fits and record.created_at is not None:
            counts[record.created_at.astimezone(place).date()] += 1
    return counts


_QUERIES = st.builds(
    HistoryQuery,
    text=st.sampled_from(["", "", "invoice", "Größ", "INV"]),
    connection_id=st.sampled_from(["", "", "shop"]),
    mode=st.sampled_from([None, None, *SearchMode]),
    outcome=st.sampled_from([None, None, *HistoryOutcome]),
    user_id=st.sampled_from(["", "ann"]),
)


@st.composite
def _histories(draw: st.DrawFn) -> tuple[str, list[tuple[str, SearchRecord]]]:
    """A zone, and searches of two people, often around a change of the clocks."""
    zone = draw(st.sampled_from(["Europe/Berlin", "America/New_York", *_ZONES]))
    at = draw(
        st.sampled_from(
            [
                datetime(2026, 3, 28, 20, tzinfo=UTC),
                datetime(2026, 10, 24, 20, tzinfo=UTC),
                datetime(2025, 11, 2, 2, tzinfo=UTC),
                datetime(2011, 12, 29, 8, tzinfo=UTC),
            ]
        )
    )
    nobody = a_user()
    found = []
    for _ in range(draw(st.integers(1, 10))):
        at += timedelta(seconds=draw(st.one_of(st.integers(0, 400), st.integers(0, 100_000))))
        alone = draw(st.booleans())
        params: dict[str, object] = {
            "outcome": draw(st.sampled_from(["ok", "ok", "partial", "failed", "cancelled"]))
        }
        if not alone:
            params["connection_ids"] = draw(st.sampled_from([["shop", "other"], ["other"], []]))
        record = _search(
            nobody,
            draw(st.sampled_from(["invoice", "Invoices", "INVOICE", "größe", "grösse", "x inv"])),
            at,
            connection_id="shop" if alone else None,
            mode=draw(st.sampled_from([*SearchMode])),
            params=params,
            result_count=draw(st.integers(0, 1)),
            execution_time_ms=draw(st.sampled_from([5, SLOW_MS])),
        )
        found.append((draw(st.sampled_from(["ann", "ben"])), record))
    return zone, found


@given(history=_histories(), query=_QUERIES, most_days=st.sampled_from([1, 2, 31]))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_random_filters_over_random_histories(
    shared_store: Store,
    history: tuple[str, list[tuple[str, SearchRecord]]],
    query: HistoryQuery,
    most_days: int,
) -> None:
    zone, searched = history
    people = {
        name: shared_store.users.create_(a_user(timezone=zone), "x") for name in ("ann", "ben")
    }
    shop = shared_store.connections.create_(a_connection(people["ann"]))
    names = {"shop": shop.id, None: None}

    def of(name: str, record: SearchRecord) -> SearchRecord:
        params = dict(record.params)
        if isinstance(asked := params.get("connection_ids"), list):
            params["connection_ids"] = [shop.id if each == "shop" else each for each in asked]
        return replace(
            record,
            user_id=people[name].id,
            connection_id=names[record.connection_id],
            params=params,
        )

    records = [of(name, record) for name, record in searched]
    asked = replace(
        query,
        user_id=people[query.user_id].id if query.user_id else "",
        connection_id=shop.id if query.connection_id else "",
    )
    metric = shared_store.custom_metrics.create_(_metric(people["ann"], asked), at_most=9)
    half = len(records) // 2
    if half:
        shared_store.searches.add_(*records[:half])
    shared_store.custom_metrics.begin_(metric.id, zone, asked.user_id)
    _count(shared_store, metric.id, most_days)
    assert _counts(shared_store, metric.id) == _expected(records[:half], asked, zone)
    shared_store.searches.add_(*records[half:])
    _settle(shared_store, *people.values())
    _count(shared_store, metric.id, most_days)
    assert _counts(shared_store, metric.id) == _expected(records, asked, zone)
    shared_store.searches.delete_(people["ann"].id, [records[-1].id])
    _settle(shared_store, *people.values())
    _count(shared_store, metric.id, most_days)
    left = [
        record
        for record in records
        if record.user_id != people["ann"].id or record.id != records[-1].id
    ]
    assert _counts(shared_store, metric.id) == _expected(left, asked, zone)
    for user in people.values():
        shared_store.users.delete_keeping_an_admin(user.id)


def test_what_another_program_writes_is_counted_when_it_is_compared(
    shared_store: Store, shared_place: StorePlace
) -> None:
    ann = shared_store.users.create_(a_user(timezone="Europe/Berlin"), "x")
    metric = shared_store.custom_metrics.create_(_metric(ann), at_most=9)
    at = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    shared_store.searches.add_(_search(ann, "one", at))
    shared_store.custom_metrics.begin_(metric.id, "Europe/Berlin", ann.id)
    _count(shared_store, metric.id)
    assert _counts(shared_store, metric.id) == {date(2026, 3, 29): 1}
    _settle(shared_store, ann)
    shared_place.query(
        "INSERT INTO searches (id, user_id, query, search_mode, result_count,"
        " execution_time_ms, created_at)"
        f" VALUES ('{uuid.uuid4()}', '{ann.id}', 'two', 'natural', 1, 1, '2026-03-29 21:59:59')"
    )
    shared_store.analytics.compare_(ann.id, date(1970, 1, 1))
    _settle(shared_store, ann)
    _count(shared_store, metric.id)
    assert _counts(shared_store, metric.id) == {date(2026, 3, 29): 2}
    assert shared_store.custom_metrics.count_(metric.id, 31) == 0


@pytest.mark.parametrize(
    "change",
    [
        "created_at = 'soon'",
        "created_at = x'ff'",
        "created_at = '2026-02-30 10:00:00'",
        "query = CAST(x'61206f6e6520ff' AS TEXT)",
    ],
)
def test_odd_rows_in_a_file_stop_no_counting(
    shared_store: Store, shared_place: StorePlace, change: str
) -> None:
    if not shared_place.on_file:
        pytest.skip("columns of servers hold nothing else")
    ann = shared_store.users.create_(a_user(timezone="UTC"), "x")
    metric = shared_store.custom_metrics.create_(_metric(ann, HistoryQuery("one")), at_most=9)
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    searches = [_search(ann, "one", at + timedelta(minutes=n)) for n in range(3)]
    for search in searches:
        shared_store.searches.add_(search)
    shared_place.query(f"UPDATE searches SET {change} WHERE id = '{searches[1].id}'")
    shared_store.custom_metrics.begin_(metric.id, "UTC", ann.id)
    _count(shared_store, metric.id)
    found = 3 if "query" in change else 2
    assert _counts(shared_store, metric.id) == {date(2026, 3, 2): found}
    assert shared_store.searches.mark_old_(ann.id, 9) == found
    assert shared_store.searches.mark_old_(ann.id, 9) == 0


def test_days_that_were_counted_by_another_rule_are_counted_once_more(
    shared_place: StorePlace, shared_store: Store
) -> None:
    ann = shared_store.users.create_(a_user(), "x")
    metrics = shared_store.custom_metrics
    nothing, failed = (
        metrics.create_(_metric(ann, HistoryQuery(outcome=outcome)), at_most=9).id
        for outcome in (HistoryOutcome.NONE, HistoryOutcome.FAILED)
    )
    at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    shared_store.searches.add_(_search(ann, "one", at))
    by_now = {nothing: 0, failed: 7}
    for metric_id in by_now:
        metrics.begin_(metric_id, "UTC", ann.id)
        _count(shared_store, metric_id)
    # As an earlier version left it.
    shared_place.query("UPDATE custom_metric_days SET found = 7")
    for outcome in ("none", "failed"):
        kept = f'{{"outcome": "{outcome}"}}'
        shared_place.query(
            f"UPDATE custom_metrics SET history = '{kept}' WHERE history LIKE '%{outcome}%'"
        )
    counted = {each.metric.id: each.counted for each in metrics.owned_(ann.id)}
    assert counted == {nothing: None, failed: ("UTC", ann.id)}
    for expected in (by_now, dict.fromkeys(by_now, 7)):
        for metric_id, count in expected.items():
            metrics.begin_(metric_id, "UTC", ann.id)
            _count(shared_store, metric_id)
            assert _counts(shared_store, metric_id).total() == count
        assert {each.counted for each in metrics.owned_(ann.id)} == {("UTC", ann.id)}
        shared_place.query("UPDATE custom_metric_days SET found = 7")


def test_who_counts_everybody_forgets_a_deleted_user(shared_store: Store) -> None:
    ann = shared_store.users.create_(a_user(role=Role.ADMIN), "x")
    ben = shared_store.users.create_(a_user(), "x")
    everybody = shared_store.custom_metrics.create_(_metric(ann), at_most=9)
    own = shared_store.custom_metrics.create_(_metric(ann), at_most=9)
    shared_store.custom_metrics.begin_(everybody.id, "UTC", "")
    shared_store.custom_metrics.begin_(own.id, "UTC", ann.id)
    shared_store.users.delete_keeping_an_admin(ben.id)
    counted = {each.metric.id: each.counted for each in shared_store.custom_metrics.owned_(ann.id)}
    assert counted == {everybody.id: None, own.id: ("UTC", ann.id)}


def test_everything_comes_back(shared_store: Store) -> None:
    ann = shared_store.users.create_(a_user(), "x")
    metrics = shared_store.custom_metrics
    history = HistoryQuery(
        "ü%_\\",
        "c1",
        SearchMode.BOOLEAN,
        HistoryOutcome.NONE,
        "somebody",
        is_finished=True,
        connection_name="Größe",
        key_id="",
        week_hour=WeekHour("Asia/Kolkata", 7, 23),
    )
    made = metrics.create_(_metric(ann, history, threshold=Threshold(Side.BELOW, 10**9)), at_most=2)
    assert metrics.find_(made.id) == made
    assert made.draft.history == history
    assert made.draft.threshold == Threshold(Side.BELOW, 10**9)
    saved = metrics.create_(
        _metric(ann, name="a", source=MetricSource.SAVED_SEARCH, saved_search_id="s" * 36),
        at_most=2,
    )
    assert [each.id for each in metrics.list_(ann.id)] == [saved.id, made.id]
    with pytest.raises(ConflictError):
        metrics.create_(_metric(ann), at_most=2)
    with pytest.raises(NotFoundError):
        metrics.create_(replace(_metric(ann), user_id="nobody"), at_most=2)
    with pytest.raises(ConflictError):
        metrics.update_(made, datetime(2020, 1, 1, tzinfo=UTC))
    changed = metrics.update_(
        replace(made, draft=replace(made.draft, name="other")), made.updated_at
    )
    assert changed.draft.name == "other"
    assert made.updated_at is not None
    assert changed.updated_at is not None
    assert changed.updated_at > made.updated_at


def test_another_filter_forgets_what_was_counted_and_another_name_does_not(
    shared_store: Store,
) -> None:
    ann = shared_store.users.create_(a_user(), "x")
    metrics = shared_store.custom_metrics
    made = metrics.create_(_metric(ann), at_most=9)
    shared_store.searches.add_(_search(ann, "one", datetime(2026, 3, 28, 12, tzinfo=UTC)))
    metrics.begin_(made.id, "UTC", ann.id)
    _count(shared_store, made.id)
    named = metrics.update_(replace(made, draft=replace(made.draft, name="n")), None)
    assert _counts(shared_store, made.id).total() == 1
    other = replace(named.draft, history=HistoryQuery(text="two"))
    metrics.update_(replace(named, draft=other), None)
    assert _counts(shared_store, made.id).total() == 0
    [owned] = metrics.owned_(ann.id)
    assert owned.counted is None


def test_a_deleted_metric_comes_back_with_its_days_and_notices(shared_store: Store) -> None:
    ann = shared_store.users.create_(a_user(), "x")
    metrics = shared_store.custom_metrics
    made = metrics.create_(
        _metric(ann, source=MetricSource.SAVED_SEARCH, saved_search_id="s" * 36), at_most=9
    )
    at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    days = (
        CountedDay(date(2026, 3, 27), None, "partial", at),
        CountedDay(date(2026, 3, 28), 7, "", at),
    )
    for day in days:
        metrics.look_(made.id, replace(day, found=1, lack=""))
        metrics.look_(made.id, day)
    notice = MetricNotice(made.id, made.draft.name, date(2026, 3, 28), 7, Threshold(Side.ABOVE, 5))
    metrics.tell_([notice])
    metrics.tell_([replace(notice, found=9)])
    assert metrics.notices_(ann.id, 9) == [notice]
    assert metrics.told_days(made.id, date(2026, 3, 28)) == {date(2026, 3, 28)}
    metrics.dismiss_(made.id, date(2026, 3, 27))
    assert metrics.notices_(ann.id, 9) == [notice]
    metrics.dismiss_(made.id, date(2026, 3, 28))
    metrics.tell_([notice])
    assert metrics.notices_(ann.id, 9) == []
    deleted = metrics.delete_(made.id)
    assert deleted.days == days
    assert [told for told, _ in deleted.notices] == [notice]
    assert all(dismissed for _, dismissed in deleted.notices)
    with pytest.raises(NotFoundError):
        metrics.delete_(made.id)
    assert metrics.restore_(deleted, at_most=9).draft == made.draft
    found = metrics.days_([made.id], date(2026, 3, 1), date(2026, 3, 31))
    assert tuple(found[made.id].values()) == days
    assert metrics.notices_(ann.id, 9) == []
    shared_store.users.delete_keeping_an_admin(ann.id)
    assert metrics.days_([made.id], date(2026, 3, 1), date(2026, 3, 31)) == {}


def test_a_metric_that_is_gone_takes_no_count(shared_store: Store) -> None:
    ann = shared_store.users.create_(a_user(), "x")
    made = shared_store.custom_metrics.create_(_metric(ann), at_most=9)
    shared_store.custom_metrics.delete_(made.id)
    shared_store.custom_metrics.look_(made.id, CountedDay(_TODAY, 1))
    assert shared_store.custom_metrics.count_(made.id, 31) == 0
    with pytest.raises(NotFoundError):
        shared_store.custom_metrics.update_(made, None)
    assert isinstance(
        shared_store.custom_metrics.restore_(DeletedMetric(made, (), ()), at_most=9), CustomMetric
    )
