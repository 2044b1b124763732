"""The figures of a dashboard: counted by services, compared with plain Python."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role, UserDraft
from altus4_desktop.domain.analytics import KEPT_SCOPES, DayDocument, Document, Metric
from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled, StoreError
from altus4_desktop.domain.figures import Counts, Period
from altus4_desktop.domain.local_days import day_number
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.services import Services, analytics, analytics_upkeep
from altus4_desktop.services.analytics import START_S, today_of
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.charts.board import Dashboard
from altus4_desktop.services.charts.dashboard import build_charts
from altus4_desktop.services.figures_export import figures_document
from altus4_desktop.storage.engine import WRITES
from altus4_desktop.storage.repositories.figures import FiguresRepository
from tests.records import a_user
from tests.waiting import wait_until

_FIRST = datetime(2026, 3, 26, 12, tzinfo=UTC)
_WEEK = Period(date(2026, 3, 26), date(2026, 4, 1))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        yield made


def _person(services: Services, zone: str = "Europe/Lisbon", role: Role = Role.USER) -> Actor:
    return services.metadata.store.users.create_(
        a_user(timezone=zone, role=role), "hash"
    ).as_actor()


def _search(
    who: Actor, query: str, at: datetime, ms: int = 20, hits: int = 1, **params: object
) -> SearchRecord:
    told = {"outcome": "ok", "offset": 0, "connections": ["Shop"], "sources": [], **params}
    return SearchRecord(
        str(uuid.uuid4()), who.user_id, None, query, SearchMode.NATURAL, told, hits, ms, at
    )


def _keep(services: Services, *records: SearchRecord) -> None:
    for record in records:
        services.metadata.store.searches.add_(record)


def test_a_week_over_a_change_of_the_clocks(services: Services) -> None:
    ann = _person(services)
    records = [
        _search(ann, "Invoice" if n % 3 else "invoise", _FIRST + timedelta(hours=n), n * n, n % 3)
        for n in range(24 * 5)
    ]
    _keep(services, *records)
    steps: list[Progress] = []
    report = services.analytics.refresh_(ann, steps.append)
    assert (report.users, report.days, report.totals) == (1, 6, 6)
    assert steps[-1].fraction == 1.0
    figures = services.analytics.figures_(ann, _WEEK)
    assert figures.zone == "Europe/Lisbon"
    zero = sum(record.result_count == 0 for record in records)
    assert figures.counts == Counts(len(records), zero=zero)
    told = [point.counts and point.counts.searches for point in figures.days]
    assert told == [12, 24, 24, 23, 24, 13, 0]
    # The last Sunday of March has no hour between one and two.
    sunday = [point for point in figures.hours if point.day == date(2026, 3, 29)]
    assert [point.hour for point in sunday] == [0, *range(2, 24)]
    by_instant = Counter(record.created_at for record in records)
    for point in figures.hours:
        assert point.begins_at is not None
        assert point.searches == by_instant[point.begins_at]
    assert sum(map(sum, figures.heat)) == len(records)
    assert sum(figures.heat[6]) == 23
    assert [(query.text, query.searches) for query in figures.popular] == [
        ("invoice", 80),
        ("invoise", 40),
    ]
    assert [sum(filter(None, query.trend)) for query in figures.popular] == [80, 40]
    assert figures.unlisted == 0
    assert [(query.text, query.searches) for query in figures.zero] == [("invoise", 40)]
    values = sorted(record.execution_time_ms for record in records)
    exact = values[59]
    assert figures.latency.p50_ms == pytest.approx(exact, rel=0.1)
    assert figures.latency.max_ms == values[-1]
    assert figures.slowest[0].ms == values[-1]
    assert sum(bucket.searches for bucket in figures.latency.buckets) == len(records)


def test_days_of_which_nothing_is_known_are_not_zero(services: Services) -> None:
    ann = _person(services, "UTC")
    now = datetime.now(UTC)
    _keep(services, _search(ann, "word", now - timedelta(days=3)))
    services.analytics.refresh_(ann)
    period = Period.ending((now + timedelta(days=1)).date(), 7)
    days = services.analytics.figures_(ann, period).days
    told = [None if point.counts is None else point.counts.searches for point in days]
    assert told == [None, None, 1, 0, 0, 0, None]
    assert all(point.latency.p50_ms is None for point in days if point.day != days[2].day)


def test_days_on_which_recording_was_off_are_gaps(services: Services) -> None:
    ann, bob = _person(services, "Pacific/Auckland"), _person(services, "UTC", Role.ADMIN)
    now = datetime.now(UTC)
    _keep(services, *(_search(ann, "word", now - timedelta(days=days)) for days in (6, 3)))
    services.analytics.refresh_(bob)
    today = today_of(ann)

    def told(who: Actor, day: date | None = None) -> list[int | str | None]:
        figures = services.analytics.figures_(who, Period.ending(day or today, 8))
        return [
            "off" if point.is_paused else point.counts.searches if point.counts else None
            for point in figures.days
        ]

    assert told(ann) == [None, 1, 0, 0, 1, 0, 0, 0]
    for days, keeps in ((5, False), (3, True), (3, True), (1, False)):
        event = build_event(
            ann,
            "user.updated",
            SubjectKind.USER,
            ann.user_id,
            before={} if not keeps else {"history": False},
            after={} if keeps else {"history": False, "name": '"history":false'},
        )
        at = (now - timedelta(days=days)).replace(microsecond=0)
        services.metadata.store.audit.add_([replace(event, at=at)])
    # What has nothing to do with it.
    draft = UserDraft("Ann", ann.email, "Pacific/Auckland", choices=ann.choices)
    services.accounts.update_profile(ann, draft)
    assert told(ann) == [None, 1, "off", "off", 1, 0, "off", "off"]
    # Of everybody together it is not known either, as much as others have recorded.
    assert told(bob, today)[:7] == [None, 1, "off", "off", 1, 0, "off"]
    # A day is by the clock of who did not want it recorded; the day is one that is not over yet.
    day = services.analytics.figures_(ann, Period(today, today))
    assert {hour.is_paused for hour in day.hours} == {True}
    chart = build_charts(Dashboard(day, "Pacific/Auckland", now))[0]
    assert {*chart.values("searches")} == {None}
    # It may be on again in the hours that are still to come.
    assert chart.values("lack")[0] == "not_recorded"


def test_the_period_before_is_compared(services: Services) -> None:
    ann = _person(services, "UTC")
    before = [_search(ann, "word", _FIRST - timedelta(days=n), 50) for n in (1, 2, 3, 7)]
    _keep(services, *before, _search(ann, "Word", _FIRST, 30), _search(ann, "new", _FIRST))
    services.analytics.refresh_(ann)
    figures = services.analytics.figures_(ann, _WEEK, compare=True)
    assert figures.before == Counts(4)
    assert figures.latency_before is not None
    assert figures.latency_before.p95_ms == 50
    assert [(query.text, query.before) for query in figures.popular] == [("new", 0), ("word", 4)]
    # Nothing is known of the first days before these, nor once recording was off on one of them.
    longer = Period(_WEEK.first - timedelta(days=1), _WEEK.last)
    found = services.analytics.figures_(ann, longer, compare=True)
    assert (found.before, found.latency_before, found.popular[0].before) == (None, None, None)
    event = build_event(
        ann, "user.updated", SubjectKind.USER, ann.user_id, before={}, after={"history": False}
    )
    off = replace(event, at=_FIRST - timedelta(days=6, hours=1))
    on = replace(
        build_event(
            ann, "user.updated", SubjectKind.USER, ann.user_id, before={"history": False}, after={}
        ),
        at=_FIRST - timedelta(days=4),
    )
    services.metadata.store.audit.add_([off, on])
    found = services.analytics.figures_(ann, _WEEK, compare=True)
    assert (found.before, found.counts.searches) == (None, 2)
    assert figures_document(found, "UTC", datetime.now(UTC))["before"] is None
    assert "popular" not in {one.kind for one in services.insights.find_(ann, _WEEK).insights}
    alone = services.analytics.figures_(ann, _WEEK, metrics=[Metric.MODES])
    assert (alone.counts.searches, alone.before, alone.popular) == (0, None, ())
    assert [share.searches for share in alone.modes] == [2]


def test_what_is_compared_is_read_once(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = _person(services, "UTC")
    earlier = [_search(ann, "word", _FIRST - timedelta(days=n), 50) for n in (1, 2, 7)]
    _keep(services, *earlier, _search(ann, "word", _FIRST, 30))
    services.analytics.refresh_(ann)
    counted = services.analytics
    expected = counted.figures_(ann, _WEEK, compare=True)
    before = counted.figures_(ann, _WEEK.before(), metrics=[Metric.DAILY_SEARCHES, Metric.LATENCY])
    read: list[date] = []
    list_ = FiguresRepository.list_

    def note(
        self: FiguresRepository,
        user_id: str | None,
        first: date,
        last: date,
        metrics: Collection[Metric],
        *,
        by_hour: bool = True,
    ) -> list[DayDocument]:
        read.append(first)
        return list_(self, user_id, first, last, metrics, by_hour=by_hour)

    monkeypatch.setattr(FiguresRepository, "list_", note)
    figures, of_before = counted.compared_(ann, _WEEK)
    assert figures == expected
    assert (of_before.days, of_before.hours) == (before.days, before.hours)
    assert (of_before.counts, of_before.latency) == (before.counts, before.latency)
    assert read == [_WEEK.first, _WEEK.before().first]


def test_sources_failures_and_keys(services: Services) -> None:
    ann = _person(services, "UTC")
    lost = {"connection": "Shop", "table": "books", "error": "tenant.lost"}
    _keep(
        services,
        _search(ann, "a", _FIRST, 10, connections=["Shop"]),
        _search(ann, "b", _FIRST, 90, connections=["Shop", "Library"], api_key="gone"),
        _search(ann, "c", _FIRST, 40, outcome="failed", connections=["Shop"], sources=[lost]),
        _search(ann, "d", _FIRST, 70, outcome="cancelled", connections=["Library"]),
    )
    services.analytics.refresh_(ann)
    figures = services.analytics.figures_(ann, _WEEK)
    shares = {share.connection: share for share in figures.sources}
    assert [share.connection for share in figures.sources] == ["Shop", "Library"]
    assert (shares["Shop"].searches, shares["Shop"].failed) == (3, 1)
    assert (shares["Shop"].alone.searches, shares["Shop"].latency.max_ms) == (2, 90)
    assert (shares["Library"].searches, shares["Library"].latency.searches) == (2, 1)
    assert [(f.connection, f.table, f.code) for f in figures.failures] == [
        ("Shop", "books", "tenant.lost")
    ]
    assert [(use.key_id, use.name, use.searches) for use in figures.keys] == [
        ("", None, 3),
        ("gone", None, 1),
    ]


def test_hours_of_a_day_tell_how_long_searches_took(services: Services) -> None:
    ann, admin = _person(services, "Europe/Berlin"), _person(services, "UTC", Role.ADMIN)
    # Clocks in Berlin show two o'clock twice: at 0 and at 1 in UTC.
    midnight = datetime(2026, 10, 25, tzinfo=UTC)
    _keep(
        services,
        _search(ann, "a", midnight, 10),
        _search(ann, "b", midnight + timedelta(minutes=70), 30),
        _search(ann, "c", midnight + timedelta(minutes=80), 50),
        _search(ann, "d", midnight + timedelta(minutes=90), 999, outcome="cancelled"),
        _search(admin, "e", midnight + timedelta(hours=2), 90),
    )
    services.analytics.refresh_(admin)
    day = Period(midnight.date(), midnight.date())
    hours = services.analytics.figures_(ann, day).hours
    assert len(hours) == 25
    told = [(hour.latency.searches, hour.latency.max_ms, hour.latency.p50_ms) for hour in hours]
    assert told[2:4] == [(1, 10, 10), (2, 50, 30)]
    assert not any(searches for searches, _, _ in (*told[:2], *told[4:]))
    # Each by their own clock: two o'clock is all of it.
    together = services.analytics.figures_(admin, day).hours
    assert together[2].latency.searches == 4
    assert together[2].latency.max_ms == 90
    week = services.analytics.figures_(ann, Period.ending(day.last, 7)).hours
    assert all(hour.latency.searches == 0 for hour in week)


def test_modes_are_sorted_by_use_and_cancelled_searches_are_not_slow(services: Services) -> None:
    ann = _person(services, "UTC")
    slow = _search(ann, "cancelled", _FIRST, 9000, outcome="cancelled")
    some = [replace(_search(ann, "b", _FIRST, 5), mode=SearchMode.BOOLEAN) for _ in range(2)]
    _keep(services, slow, *some, *(_search(ann, "n", _FIRST, 7) for _ in range(3)))
    _keep(services, replace(_search(ann, "s", _FIRST, 6), mode=SearchMode.SEMANTIC))
    services.analytics.refresh_(ann)
    figures = services.analytics.figures_(ann, _WEEK)
    assert [share.mode for share in figures.modes] == ["natural", "boolean", "semantic"]
    assert [search.text for search in figures.slowest] == ["n", "n", "n", "s", "b", "b"]


def test_no_search_is_lost_where_many_connections_are_searched(services: Services) -> None:
    people = [_person(services, "UTC") for _ in range(15)]
    admin = _person(services, "UTC", Role.ADMIN)
    for at, person in enumerate(people):
        _keep(services, *(_search(person, "w", _FIRST, connections=[f"C{at}"]) for _ in range(2)))
    services.analytics.refresh_(admin)
    figures = services.analytics.figures_(admin, _WEEK)
    assert [share.searches for share in figures.sources] == [2] * 15
    assert figures.unlisted_sources == 0
    sets = [[f"{at}"] for at in range(KEPT_SCOPES)]
    _keep(services, *(_search(admin, "w", _FIRST, connections=some) for some in sets))
    services.analytics.refresh_(admin)
    figures = services.analytics.figures_(admin, _WEEK)
    listed = sum(share.searches for share in figures.sources)
    assert (listed, figures.unlisted_sources) == (KEPT_SCOPES + 15, 15)


def test_it_is_known_how_the_slowest_ended(services: Services) -> None:
    ann = _person(services)
    outcomes = ["failed", "partial", "ok", "something else"]
    records = [
        _search(ann, f"text {n}", _FIRST, ms=1000 - n, outcome=outcome)
        for n, outcome in enumerate(outcomes)
    ]
    gone = _search(ann, "gone", _FIRST, ms=10)
    _keep(services, *records, gone, _search(ann, "cancelled", _FIRST, 9000, outcome="cancelled"))
    services.analytics.refresh_(ann)
    services.metadata.store.searches.delete_(ann.user_id, [gone.id])
    figures = services.analytics.figures_(ann, _WEEK)
    told = [(search.text, search.outcome) for search in figures.slowest]
    assert told == [
        ("text 0", "failed"),
        ("text 1", "partial"),
        ("text 2", "ok"),
        ("text 3", "ok"),
        ("gone", None),
    ]


def test_what_each_persons_lists_hold_is_counted_for_everybody(services: Services) -> None:
    """Together they have more texts a day than a list of everybody holds."""
    people = [_person(services), _person(services), _person(services, role=Role.ADMIN)]
    for number, who in enumerate(people):
        texts = [*(f"of {number}, {text:02}" for text in range(45)), *(["ours"] * number)]
        _keep(services, *(_search(who, text, _FIRST, hits=0) for text in texts))
        _keep(services, _search(who, "ours", _FIRST - timedelta(days=7)))
    services.analytics.refresh_(people[-1])
    figures = services.analytics.figures_(people[-1], _WEEK, compare=True)
    ours = figures.popular[0]
    assert (ours.text, ours.searches, ours.before, ours.trend[0]) == ("ours", 3, 3, 3)
    assert all(query.is_exact and query.is_exact_before for query in figures.popular)
    assert all(query.is_exact for query in figures.zero)
    assert (figures.unlisted, figures.unlisted_zero) == (0, 0)
    # One of them alone has more than their own list holds.
    _keep(services, *(_search(people[0], f"more {n}", _FIRST, hits=0) for n in range(60)))
    services.analytics.refresh_(people[-1])
    figures = services.analytics.figures_(people[-1], _WEEK)
    assert not any(query.is_exact for query in figures.popular)
    assert not any(query.is_exact for query in figures.zero)
    assert figures.popular[0].trend == (None, *[0] * 6)


def test_admins_see_everybody_together_and_each_alone(services: Services) -> None:
    ann, bob = _person(services, "Asia/Tokyo"), _person(services, "UTC", Role.ADMIN)
    _keep(
        services,
        _search(ann, "of ann", _FIRST.replace(hour=20)),
        *(_search(bob, "of bob", _FIRST, hits=n) for n in range(2)),
    )
    services.analytics.refresh_(bob)
    together = services.analytics.figures_(bob, _WEEK)
    assert (together.counts.searches, together.zone) == (3, "")
    # Each by their own clock: it is the next morning in Tokyo.
    assert [point.counts and point.counts.searches for point in together.days][:2] == [2, 1]
    assert together.heat[4][5] == 1
    assert {point.begins_at for point in together.hours if point.day.day == 26} <= {
        _FIRST.replace(hour=hour) for hour in range(24)
    } | {None}
    of_ann = services.analytics.figures_(bob, _WEEK, ann.user_id)
    assert [query.text for query in of_ann.popular] == ["of ann"]
    assert services.analytics.figures_(ann, _WEEK) == of_ann
    uses = services.analytics.users_(bob, _WEEK)
    assert [(use.user_id, use.searches, use.zero) for use in uses] == [
        (bob.user_id, 2, 1),
        (ann.user_id, 1, 0),
    ]
    assert services.analytics.first_day(ann) == date(2026, 3, 27)
    assert services.analytics.first_day(bob) == date(2026, 3, 26)


def test_another_time_zone_in_the_profile_moves_the_days(services: Services) -> None:
    ann = _person(services, "UTC")
    _keep(services, _search(ann, "word", _FIRST.replace(hour=20)))
    services.analytics.refresh_(ann)
    services.accounts.update_profile(ann, UserDraft(ann.name, ann.email, "Asia/Tokyo"))
    assert services.analytics.refresh_(ann).days == 1
    figures = services.analytics.figures_(ann, _WEEK)
    assert (figures.zone, figures.counts.searches) == ("Asia/Tokyo", 1)
    assert figures.days[1].counts == Counts(1)


def test_refreshing_can_be_stopped(services: Services) -> None:
    ann = _person(services, "UTC")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        services.analytics.refresh_(ann, token=token)


def test_searches_are_counted_when_it_is_quiet(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analytics_upkeep, "QUIET_S", 0.01)
    ann = _person(services, "UTC")
    services.history.record(_search(ann, "word", _FIRST))

    def counted() -> bool:
        return services.analytics.figures_(ann, _WEEK).counts.searches == 1

    wait_until(counted, timeout_s=20, what="the count")


def test_what_others_change_is_noticed_the_last_days_first(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a refresh in the window, by that of everything, and behind everybody's back."""
    monkeypatch.setattr(analytics, "START_S", 0.0)
    ann, now = _person(services, "Asia/Tokyo"), datetime.now(UTC)
    ages = (1, 39, 43, 44, 200)
    _keep(services, *(_search(ann, "word", now - timedelta(days=age)) for age in ages))
    assert services.analytics.refresh_(ann, whole=True).days == 5
    assert services.analytics.refresh_(ann).days == 0

    def change() -> None:
        with (
            services.metadata.store._engine.connect().execution_options(**{WRITES: True}) as other,
            other.begin(),
        ):
            other.execute(sa.text("UPDATE searches SET result_count = result_count + 1"))

    def counted() -> int:
        known = services.analytics.first_day(ann)
        assert known is not None
        documents = services.metadata.store.figures.list_(
            ann.user_id, known, now.date() + timedelta(days=1), [Metric.DAILY_SEARCHES]
        )
        return sum(row.document["hits"] for row in documents)

    assert counted() == 5
    change()
    assert services.analytics.refresh_(ann).days == 2
    assert counted() == 7
    assert services.analytics.refresh_(ann, whole=True).days == 5
    assert counted() == 10
    change()
    services.analytics.refresh_later(ann)
    wait_until(lambda: counted() == 15, timeout_s=20, what="older days")


@pytest.mark.parametrize(
    ("change", "metric"),
    [
        ("query = 'receipt'", Metric.POPULAR_QUERIES),
        ("search_mode = 'boolean'", Metric.MODES),
        ("""search_params = '{"outcome": "cancelled", "connections": []}'""", Metric.LATENCY),
        ("""search_params = '{"api_key": "k", "connections": []}'""", Metric.API_KEYS),
        ("""search_params = '{"connections": ["Library"]}'""", Metric.SOURCES),
    ],
)
def test_what_others_change_within_a_search_is_counted_by_the_command(
    services: Services, change: str, metric: Metric
) -> None:
    """No sum tells of it, nor a list of searches."""
    ann = _person(services, "UTC")
    other = replace(ann, user_id=_person(services).user_id)
    _keep(services, *(_search(who, "invoice", _FIRST) for who in (ann, other)))
    services.analytics.refresh_(ann, whole=True)

    def documents(who: Actor = ann) -> list[Document]:
        day = _FIRST.date()
        found = services.metadata.store.figures.list_(who.user_id, day, day, [metric])
        return [row.document for row in found]

    before = documents()
    with (
        services.metadata.store._engine.connect().execution_options(**{WRITES: True}) as others,
        others.begin(),
    ):
        others.execute(sa.text(f"UPDATE searches SET {change}"))
    services.analytics.refresh_(ann)
    assert documents() == before, "compared by sums"
    services.analytics.refresh_(ann, whole=True)
    assert documents() != before
    assert documents(other) == [], "never counted"


def test_everybody_is_counted_side_by_side_through_time(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [_person(services) for _ in range(3)]
    admin = _person(services, "UTC", Role.ADMIN)
    days = [_FIRST + timedelta(days=n) for n in range(7)]
    _keep(services, *(_search(who, "word", day) for who in people for day in days))
    store = services.metadata.store.analytics
    roll_up, done = store.roll_up_, {who.user_id: 0 for who in people}

    def note(user_id: str, most_days: int) -> range:
        counted = roll_up(user_id, min(most_days, 2))
        if counted:
            assert done[user_id] == min(done.values()), "somebody is farther behind"
            done[user_id] = counted[-1]
        return counted

    monkeypatch.setattr(store, "roll_up_", note)
    told: list[float] = []
    report = services.analytics.refresh_(
        admin, lambda progress: told.append(progress.fraction or 0)
    )
    assert report.days == 3 * 7
    assert set(done.values()) == {day_number(days[-1].date())}
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_whose_searches_cannot_be_counted_holds_up_nobody_else(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    people = [_person(services) for _ in range(3)]
    admin = _person(services, "UTC", Role.ADMIN)
    _keep(services, *(_search(who, "word", _FIRST) for who in people))
    store = services.metadata.store.analytics
    roll_up, first_known_day = store.roll_up_, store.first_known_day
    odd: list[str] = [store.users_()[0].user_id]

    def fail_for_odd(work: Callable[..., object]) -> Callable[..., object]:
        def run(user_id: str, *args: object) -> object:
            if user_id in odd:
                raise ValueError("year 10000 is out of range")
            return work(user_id, *args)

        return run

    monkeypatch.setattr(store, "roll_up_", fail_for_odd(roll_up))
    monkeypatch.setattr(store, "first_known_day", fail_for_odd(first_known_day))
    assert services.analytics.refresh_(admin, whole=True).failed == 1
    others = {who.user_id for who in people} - {*odd}
    used = services.analytics.users_(admin, _WEEK)
    assert {use.user_id for use in used} == others
    assert odd[0] in caplog.text
    store_lost = StoreError("The store is gone.")

    def lose(*_: object) -> int:
        raise store_lost

    monkeypatch.setattr(store, "roll_up_", lose)
    with pytest.raises(StoreError):
        services.analytics.refresh_(admin)


def _write(services: Services, statement: str) -> None:
    """As another program does."""
    engine = services.metadata.store._engine
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        assert connection.execute(sa.text(statement)).rowcount


@pytest.mark.parametrize("at", ["2026-03-27T03:00:00", "2026-03-27", "2026-02-30 10:00:00"])
def test_instants_that_others_write_otherwise_hold_up_nobody(
    services: Services, at: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also one whose marks stay whatever is done: of that person there are no figures."""
    people = [_person(services, "America/New_York") for _ in range(3)]
    admin = _person(services, "UTC", Role.ADMIN)
    odd = _search(people[0], "odd", _FIRST)
    _keep(services, odd, *(_search(who, "word", _FIRST) for who in people))
    _write(services, f"UPDATE searches SET created_at = '{at}' WHERE id = '{odd.id}'")
    _write(services, f"UPDATE analytics_marks SET hour_at = '{at[:13]}:00:00'")
    assert services.analytics.refresh_(admin, whole=True).failed == 0
    counted = {use.user_id: use.searches for use in services.analytics.users_(admin, _WEEK)}
    also = 0 if at.startswith("2026-02") else 1
    assert counted == {who.user_id: 1 + also * (who is people[0]) for who in people}
    _write_schema(
        services,
        "CREATE TRIGGER kept BEFORE DELETE ON analytics_marks"
        f" WHEN OLD.user_id = '{people[1].user_id}' BEGIN SELECT RAISE(IGNORE); END",
    )
    _keep(services, *(_search(who, "more", _FIRST) for who in people))
    assert services.analytics.refresh_(admin, whole=True).failed == 1
    counted = {use.user_id: use.searches for use in services.analytics.users_(admin, _WEEK)}
    assert [counted[who.user_id] for who in people] == [2 + also, 1, 2]
    assert people[1].user_id in caplog.text


def _write_schema(services: Services, statement: str) -> None:
    engine = services.metadata.store._engine
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("damage", "whole"),
    [("{broken", True), ("{broken", False), ("{}", True), ("12", True), ("[" * 100_000, False)],
    ids=["cut off", "cut off of late", "another shape", "a number", "too deep"],
)
@pytest.mark.parametrize(
    "where",
    ["analytics", "analytics_totals", "analytics_totals WHERE metric_name = 'popular_queries'"],
)
def test_damaged_documents_count_as_not_there_until_they_are_counted_anew(
    services: Services, where: str, damage: str, whole: bool
) -> None:
    ann, admin = _person(services), _person(services, role=Role.ADMIN)
    # The command looks at all days, the window first at the last ones.
    first = _FIRST if whole else datetime.now(UTC) - timedelta(days=3)
    period = Period.ending(first.date() + timedelta(days=2), 7)
    for who in (ann, admin):
        _keep(services, *(_search(who, f"word {n}", first, hits=n) for n in range(3)))
    services.analytics.refresh_(admin)

    def read() -> list[object]:
        return [
            services.analytics.users_(admin, period),
            *(services.analytics.figures_(who, period, compare=True) for who in (ann, admin)),
            services.analytics.figures_(admin, period, by_hour=False),
        ]

    expected = read()
    table, _, only = where.partition(" ")
    _write(services, f"UPDATE {table} SET metric_data = '{damage}' {only}")
    assert read() != expected
    assert services.analytics.refresh_(admin, whole=whole).failed == 0
    assert read() == expected
    assert services.analytics.refresh_(admin).days == 0


@pytest.mark.parametrize(
    ("table", "number"),
    [
        ("analytics", "1e999"),
        ("analytics", "9223372036854775807"),
        ("analytics", "-9223372036854775808"),
        ("analytics_totals", "1e999"),
    ],
)
def test_numbers_that_no_store_can_add_up_are_counted_anew(
    services: Services, table: str, number: str
) -> None:
    ann, admin = _person(services), _person(services, role=Role.ADMIN)
    for who in (ann, admin):
        _keep(services, _search(who, "word", _FIRST), _search(who, "pear", _FIRST, hits=0))
    services.analytics.refresh_(admin)

    def read() -> list[object]:
        return [
            services.analytics.users_(admin, _WEEK),
            *(services.analytics.figures_(who, _WEEK, compare=True) for who in (ann, admin)),
        ]

    expected = read()
    names = ("searches", "failed", "partial")
    numbers = ", ".join(f"'$.{name}', '@'" for name in names)
    _write(
        services,
        f"UPDATE {table} SET metric_data = replace(json_set(metric_data, {numbers}),"
        f" '\"@\"', '{number}') WHERE metric_name = 'daily_searches'",
    )
    assert read() != expected
    # It is too long ago for this to look at all of it.
    assert services.analytics.refresh_(admin).failed == 0
    assert services.analytics.refresh_(admin, whole=True).failed == 0
    assert read() == expected
    assert services.analytics.refresh_(admin).days == 0


@pytest.mark.parametrize(
    ("metric", "document"),
    [
        ("slowest", '{"searches": [[20, "word", "natural", ["Shop"], "1", 1000000000000000000]]}'),
        ("slowest", '{"searches": [[20, "word", "natural", ["Shop"], "1", -1000000000000]]}'),
        ("popular_queries", '{"searches": 1, "queries": [["a", 0, 0, 0]]}'),
    ],
    ids=["after all years", "before all years", "never searched"],
)
@pytest.mark.parametrize("table", ["analytics", "analytics_totals"])
def test_what_cannot_be_told_of_a_day_is_not_read(
    services: Services, table: str, metric: str, document: str
) -> None:
    ann, admin = _person(services), _person(services, role=Role.ADMIN)
    for who in (ann, admin):
        _keep(services, _search(who, "word", _FIRST))
    services.analytics.refresh_(admin)
    people = (ann, admin)
    expected = [services.analytics.figures_(who, _WEEK) for who in people]
    _write(
        services,
        f"UPDATE {table} SET metric_data = '{document}' WHERE metric_name = '{metric}'",
    )
    for who in people:
        assert services.analytics.figures_(who, _WEEK).counts.searches
    assert services.analytics.refresh_(admin, whole=True).failed == 0
    assert [services.analytics.figures_(who, _WEEK) for who in people] == expected


def test_what_others_call_almost_the_same_is_not_read(services: Services) -> None:
    """Nor what cannot be read of a search whose end is asked for."""
    ann, admin = _person(services), _person(services, role=Role.ADMIN)
    _keep(services, *(_search(ann, f"word {n}", _FIRST) for n in range(120)))
    services.analytics.refresh_(admin)
    expected = services.analytics.figures_(admin, _WEEK)
    assert expected.unlisted
    _write(
        services,
        "INSERT INTO analytics (id, user_id, analytics_date, metric_name, metric_data) SELECT"
        " 'theirs', user_id, analytics_date, 'Popular_Queries', '[]' FROM analytics LIMIT 1",
    )
    assert services.analytics.figures_(admin, _WEEK) == expected
    _write(services, "UPDATE searches SET search_params = '{broken'")
    assert {search.outcome for search in services.analytics.figures_(admin, _WEEK).slowest} == {
        "ok"
    }


def test_what_is_due_at_the_start_does_not_hold_up_the_end(services: Services) -> None:
    assert START_S > 0
    services.analytics.refresh_later(_person(services, "UTC"))
    services.analytics.close_()


def test_hours_of_several_days_are_those_of_one_clock(services: Services) -> None:
    """On one day only somebody far away searched, on the next one several people."""
    admin = _person(services, "Asia/Tokyo", Role.ADMIN)
    eve, bob = _person(services, "America/New_York"), _person(services, "UTC")
    _keep(
        services,
        _search(eve, "word", _FIRST),
        *(_search(who, "word", _FIRST + timedelta(days=1)) for who in (eve, bob)),
    )
    services.analytics.refresh_(admin)
    figures = services.analytics.figures_(admin, Period(_FIRST.date(), date(2026, 3, 27)))
    assert [point.begins_at for point in figures.hours] == [None] * 48
    assert [point.hour for point in figures.hours if point.searches] == [8, 8, 12]
    charts = build_charts(Dashboard(figures, "Asia/Tokyo", datetime.now(UTC)))
    (hours,) = (chart.values("hour") for chart in charts if chart.name == "searches")
    told = [hour for hour in hours if isinstance(hour, datetime)]
    assert len({*told}) == 48
    assert told == sorted(told)


def test_hours_in_which_nobody_searched_are_those_of_who_looks(services: Services) -> None:
    admin = _person(services, "Asia/Tokyo", Role.ADMIN)
    _keep(services, _search(admin, "word", _FIRST))
    services.analytics.refresh_(admin)
    day = Period(date(2026, 3, 28), date(2026, 3, 28))
    figures = services.analytics.figures_(admin, day)
    assert figures.zone == "Asia/Tokyo"
    charts = build_charts(Dashboard(figures, "Asia/Tokyo", datetime.now(UTC)))
    (hours,) = (chart.values("hour") for chart in charts if chart.name == "searches")
    assert [hour.hour for hour in hours if isinstance(hour, datetime)] == [*range(24)]
    assert str(hours[0]) == "2026-03-28 00:00:00+09:00"
