"""What people count by the day, and what they are told: over a store of its own, on SQLite."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Preferences, Role, UserDraft
from altus4_desktop.domain.audit import AuditQuery, SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.custom_metrics import (
    MOST_THRESHOLD,
    CustomMetric,
    CustomMetricDraft,
    DayLack,
    MetricNotice,
    MetricSeries,
    MetricSource,
    Side,
    Threshold,
    evidence_of,
)
from altus4_desktop.domain.errors import (
    AltusError,
    Cancelled,
    ConflictError,
    InputError,
    NotFoundError,
    TenantError,
    TenantFailure,
)
from altus4_desktop.domain.facets import FacetReport
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.keys import KeyPermission
from altus4_desktop.domain.saved_searches import SavedScope, SavedSearchDraft
from altus4_desktop.domain.searching import Notice, SearchMode, SearchRecord, SearchRequest
from altus4_desktop.services import Services, custom_metrics
from altus4_desktop.services import analytics as analytics_module
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.custom_metrics import MOST_METRICS
from tests.records import a_connection, a_user

_BERLIN = "Europe/Berlin"


class Clock:
    """What time it is for the services."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = datetime(2026, 3, 28, 12, tzinfo=UTC)
        clock = self

        class Now(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # one zone
                assert tz is UTC
                return clock.at

        monkeypatch.setattr(analytics_module, "datetime", Now)
        monkeypatch.setattr(custom_metrics, "datetime", Now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        yield made


def _person(services: Services, zone: str = _BERLIN, role: Role = Role.USER) -> Actor:
    return services.metadata.store.users.create_(
        a_user(timezone=zone, role=role), "hash"
    ).as_actor()


def _keep(
    services: Services, who: Actor, *instants: datetime, query: str = "invoice", hits: int = 0
) -> None:
    services.metadata.store.searches.add_(
        *(
            SearchRecord(
                str(uuid.uuid4()),
                who.user_id,
                None,
                query,
                SearchMode.NATURAL,
                {"outcome": "ok", "offset": 0, "connections": []},
                hits,
                10,
                at,
            )
            for at in instants
        )
    )


def _count(services: Services, who: Actor) -> None:
    services.analytics.refresh_(who)


def _series(services: Services, who: Actor, days: int = 7) -> MetricSeries:
    [found] = services.custom_metrics.list_(
        who, Period.ending(analytics_module.today_of(who), days)
    )
    return found


def _counts(series: MetricSeries) -> dict[date, int | None]:
    return {day.day: day.found for day in series.days}


def test_days_are_those_of_the_owner_also_when_the_clocks_change(
    services: Services, clock: Clock
) -> None:
    clock.at = datetime(2026, 3, 31, 12, tzinfo=UTC)
    ann = _person(services)
    begin = datetime(2026, 3, 27, 0, tzinfo=UTC)
    instants = [begin + timedelta(minutes=17 * n) for n in range(5 * 24 * 3)]
    _keep(services, ann, *instants)
    services.custom_metrics.create_(ann, CustomMetricDraft("All"))
    _count(services, ann)
    expected = Counter(at.astimezone(ZoneInfo(_BERLIN)).date() for at in instants)
    assert Counter({d: n for d, n in _counts(_series(services, ann)).items() if n}) == expected
    # Each day is what the history shows for its evidence.
    series = _series(services, ann)
    for day in series.days:
        query = evidence_of(series.metric.draft, series.zone, day.day)
        assert len(services.history.page_(ann, query, limit=9999)) == (day.found or 0)
    services.accounts.update_profile(
        ann, UserDraft(ann.name, ann.email, timezone="America/New_York")
    )
    ann = replace(ann, timezone="America/New_York")
    _count(services, ann)
    expected = Counter(at.astimezone(ZoneInfo(ann.timezone)).date() for at in instants)
    assert Counter({d: n for d, n in _counts(_series(services, ann)).items() if n}) == expected


def test_no_data_is_not_nothing(services: Services, clock: Clock) -> None:
    ann = _person(services)
    services.custom_metrics.create_(
        ann, CustomMetricDraft("Found", history=HistoryQuery(outcome=HistoryOutcome.HITS))
    )
    _keep(services, ann, clock.at - timedelta(days=2), hits=3)
    _keep(services, ann, clock.at - timedelta(days=4))
    _count(services, ann)
    tomorrow = (clock.at + timedelta(days=1)).date()
    [series] = services.custom_metrics.list_(ann, Period.ending(tomorrow, 7))
    assert [day.found for day in series.days] == [None, 0, 0, 1, 0, 0, None][-7:]
    assert series.days[0].lack == series.days[-1].lack == DayLack.OUTSIDE
    assert series.last is not None
    assert (series.last.day, series.last.found) == (clock.at.date(), 0)


def test_only_an_admin_counts_what_others_search(services: Services, clock: Clock) -> None:
    ann, ben = _person(services, role=Role.ADMIN), _person(services)
    for who in (ann, ben, ben):
        _keep(services, who, clock.at)
    services.custom_metrics.create_(ann, CustomMetricDraft("All"))
    made = services.custom_metrics.create_(
        ben, CustomMetricDraft("All", history=HistoryQuery(user_id=ann.user_id))
    )
    assert made.draft.history.user_id == ""
    _count(services, ann)
    assert _series(services, ann).days[-1].found == 3
    assert _series(services, ben).days[-1].found == 2
    reader = replace(ann, key_permissions=frozenset({KeyPermission.ANALYTICS}))
    assert services.custom_metrics.list_(reader, Period.ending(clock.at.date(), 1)) == []
    _keep(services, ben, clock.at)
    _count(services, ben)
    assert _series(services, ann).days[-1].found == 4
    store = services.metadata.store
    _person(services, role=Role.ADMIN)
    assert store.users.set_role_keeping_an_admin(ann.user_id, Role.USER)
    _count(services, ben)
    _count(services, replace(ann, role=Role.USER))
    assert _series(services, replace(ann, role=Role.USER)).days[-1].found == 1


def test_a_day_above_the_threshold_is_told_once(services: Services, clock: Clock) -> None:
    ann = _person(services)
    _keep(services, ann, clock.at - timedelta(days=1))
    metric = services.custom_metrics.create_(
        ann, CustomMetricDraft("Much", threshold=Threshold(Side.ABOVE, 1))
    )
    for _ in range(2):
        _keep(services, ann, clock.at)
    _count(services, ann)
    today = clock.at.date()
    told = MetricNotice(metric.id, "Much", today, 2, Threshold(Side.ABOVE, 1))
    assert services.custom_metrics.notices_(ann) == [told]
    _keep(services, ann, clock.at)
    _count(services, ann)
    assert services.custom_metrics.notices_(ann) == [told]
    services.custom_metrics.dismiss_(ann, metric.id, today)
    _keep(services, ann, clock.at)
    _count(services, ann)
    assert services.custom_metrics.watch_(ann) == []
    clock.at += timedelta(days=1)
    for _ in range(2):
        _keep(services, ann, clock.at)
    _count(services, ann)
    assert [notice.day for notice in services.custom_metrics.watch_(ann)] == [clock.at.date()]


def test_another_threshold_tells_of_today_anew(services: Services, clock: Clock) -> None:
    ann = _person(services)
    _keep(services, ann, clock.at - timedelta(days=1))
    much = CustomMetricDraft("Much", threshold=Threshold(Side.ABOVE, 0))
    metric = services.custom_metrics.create_(ann, much)
    _keep(services, ann, clock.at)
    _count(services, ann)
    services.custom_metrics.dismiss_(ann, metric.id, clock.at.date())
    renamed = replace(much, name="Any")
    metric = services.custom_metrics.update_(ann, metric, renamed)
    _count(services, ann)
    assert services.custom_metrics.notices_(ann) == []
    more = replace(renamed, threshold=Threshold(Side.ABOVE, 2))
    metric = services.custom_metrics.update_(ann, metric, more)
    _keep(services, ann, clock.at)
    _count(services, ann)
    assert services.custom_metrics.notices_(ann) == []
    _keep(services, ann, clock.at)
    _count(services, ann)
    told = MetricNotice(metric.id, "Any", clock.at.date(), 3, Threshold(Side.ABOVE, 2))
    assert services.custom_metrics.notices_(ann) == [told]


def test_it_is_told_once_also_by_the_next_run_of_the_program(
    services: Services, clock: Clock, tmp_path: Path
) -> None:
    ann = _person(services)
    metric = services.custom_metrics.create_(
        ann, CustomMetricDraft("Much", threshold=Threshold(Side.ABOVE, 0))
    )
    _keep(services, ann, clock.at)
    _count(services, ann)
    services.custom_metrics.dismiss_(ann, metric.id, clock.at.date())
    with closing(compose(tmp_path / "data")) as again:
        again.metadata.open_()
        _count(again, ann)
        assert again.custom_metrics.watch_(ann) == []


def test_below_is_judged_when_the_day_is_over(services: Services, clock: Clock) -> None:
    ann = _person(services)
    _keep(services, ann, clock.at)
    services.custom_metrics.create_(
        ann, CustomMetricDraft("Few", threshold=Threshold(Side.BELOW, 2))
    )
    _count(services, ann)
    assert services.custom_metrics.notices_(ann) == []
    clock.at += timedelta(days=2)
    _keep(services, ann, clock.at)
    _count(services, ann)
    told = services.custom_metrics.notices_(ann)
    assert [(notice.day.day, notice.found) for notice in told] == [(29, 0), (28, 1)]


def test_below_is_judged_by_what_was_to_be_recorded(services: Services, clock: Clock) -> None:
    """Who does not want searches recorded silences no alarm about everybody's, and of what one's
    own count lacks for that nobody is told."""
    ann, ben = _person(services, role=Role.ADMIN), _person(services)
    _keep(services, ann, clock.at - timedelta(days=3))
    _keep(services, ben, clock.at - timedelta(days=3))
    for who, name, user_id in (
        (ann, "All", ""),
        (ann, "Of Ben", ben.user_id),
        (ben, "Own", ""),
        (ann, "Of Ann", ann.user_id),
    ):
        draft = CustomMetricDraft(
            name, history=HistoryQuery(user_id=user_id), threshold=Threshold(Side.BELOW, 5)
        )
        services.custom_metrics.create_(who, draft)
    _count(services, ann)
    for at, keeps in ((clock.at, False), (clock.at + timedelta(days=1), True)):
        event = build_event(
            ben,
            "user.updated",
            SubjectKind.USER,
            ben.user_id,
            before={} if not keeps else {"history": False},
            after={} if keeps else {"history": False},
        )
        services.metadata.store.audit.add_([replace(event, at=at.replace(microsecond=0))])
    for _ in range(2):
        _keep(services, ben, clock.at - timedelta(hours=1))
    clock.at += timedelta(days=3)
    _keep(services, ann, clock.at)
    _count(services, ann)

    def told(who: Actor) -> set[tuple[str, int, int]]:
        found = services.custom_metrics.notices_(who)
        return {(notice.name, notice.day.day, notice.found) for notice in found}

    # Off from noon of the 28th to that of the 29th.
    assert told(ben) == {("Own", 30, 0)}
    assert told(ann) == {
        *(("All", 28, 2), ("All", 29, 0), ("All", 30, 0)),
        *(("Of Ann", day, 0) for day in (28, 29, 30)),
        ("Of Ben", 30, 0),
    }
    # The charts say what they lack.
    [of_all, *_] = services.custom_metrics.list_(ann, Period.ending(clock.at.date(), 7))
    assert [day.lack for day in of_all.days if day.day.day == 29] == [DayLack.NOT_RECORDED]


def test_searches_that_were_kept_long_enough_are_not_missed(
    services: Services, clock: Clock
) -> None:
    """Of days that somebody let go of nobody is told that there was less, whoever watches."""
    ann, ben = _person(services, role=Role.ADMIN), _person(services)
    for who in (ann, ben):
        _keep(services, who, clock.at - timedelta(days=1))
        draft = CustomMetricDraft("Few", threshold=Threshold(Side.BELOW, 2))
        services.custom_metrics.create_(who, draft)
    for _ in range(6):
        _keep(services, ben, clock.at, clock.at)
        clock.at += timedelta(days=1)
    _count(services, ann)
    assert services.custom_metrics.notices_(ann) == services.custom_metrics.notices_(ben) == []
    user = services.metadata.store.users.find_(ben.user_id)
    assert user is not None
    kept = Preferences(history_days=3).added_to({})
    services.metadata.store.users.update_(replace(user, preferences=kept))
    # What it does by itself, by the clock of the test.
    gone = services.metadata.store.searches.oldest_ids(
        ben.user_id, 99, clock.at - timedelta(days=3, seconds=-1)
    )
    services.metadata.store.searches.delete_(ben.user_id, gone)
    clock.at += timedelta(days=1)
    _count(services, ann)
    for who in (ann, ben):
        told = [(it.day.day, it.found) for it in services.custom_metrics.notices_(who)]
        # The third of April had none; the first ones went.
        assert told == [(3, 0)], who


def test_days_before_the_threshold_are_no_news(services: Services, clock: Clock) -> None:
    ann = _person(services)
    for days in range(5):
        _keep(services, ann, clock.at - timedelta(days=days))
    metric = services.custom_metrics.create_(ann, CustomMetricDraft("Any"))
    _count(services, ann)
    assert services.custom_metrics.notices_(ann) == []
    clock.at += timedelta(days=1)
    limit = Threshold(Side.ABOVE, 0)
    metric = services.custom_metrics.update_(ann, metric, replace(metric.draft, threshold=limit))
    _keep(services, ann, clock.at)
    _count(services, ann)
    assert [notice.day for notice in services.custom_metrics.notices_(ann)] == [clock.at.date()]
    services.custom_metrics.update_(ann, metric, replace(metric.draft, name="Named"))
    clock.at += timedelta(days=1)
    _keep(services, ann, clock.at)
    # Came late: the day is told of nevertheless.
    _count(services, ann)
    assert {notice.name for notice in services.custom_metrics.notices_(ann)} == {"Named"}
    assert len(services.custom_metrics.notices_(ann)) == 2


def test_what_cannot_be_counted_is_refused(services: Services, clock: Clock) -> None:
    ann = _person(services, role=Role.ADMIN)
    good = CustomMetricDraft("Name")
    for draft, field in (
        (replace(good, name=" "), "name"),
        (replace(good, name="a" * 256), "name"),
        (replace(good, name="a\x00b"), "name"),
        (replace(good, history=HistoryQuery(text="a" * 1001)), "text"),
        (replace(good, history=HistoryQuery(user_id="nobody")), "user"),
        (replace(good, threshold=Threshold(Side.BELOW, 0)), "threshold"),
        (replace(good, threshold=Threshold(Side.ABOVE, -1)), "threshold"),
        (replace(good, threshold=Threshold(Side.ABOVE, MOST_THRESHOLD + 1)), "threshold"),
        (replace(good, source=MetricSource.SAVED_SEARCH), "saved_search"),
    ):
        with pytest.raises(InputError) as refused:
            services.custom_metrics.create_(ann, draft)
        assert refused.value.field == field
    semantic = services.saved_searches.create_(
        ann, SavedSearchDraft("S", "words", mode=SearchMode.SEMANTIC)
    )
    with pytest.raises(InputError):
        services.custom_metrics.create_(
            ann, CustomMetricDraft("N", MetricSource.SAVED_SEARCH, saved_search_id=semantic.id)
        )
    for number in range(MOST_METRICS):
        services.custom_metrics.create_(ann, CustomMetricDraft(f"{number} <b>"))
    with pytest.raises(ConflictError):
        services.custom_metrics.create_(ann, good)


def test_a_deleted_one_comes_back(services: Services, clock: Clock) -> None:
    ann = _person(services)
    _keep(services, ann, clock.at)
    made = services.custom_metrics.create_(
        ann, CustomMetricDraft("Any", threshold=Threshold(Side.ABOVE, 0))
    )
    _count(services, ann)
    told = services.custom_metrics.notices_(ann)
    deleted = services.custom_metrics.delete_(ann, made.id)
    assert services.custom_metrics.notices_(ann) == []
    with pytest.raises(NotFoundError):
        services.custom_metrics.get_(ann, made.id)
    services.custom_metrics.restore_(ann, deleted)
    _count(services, ann)
    assert services.custom_metrics.notices_(ann) == told
    assert _series(services, ann).days[-1].found == 1
    actions = [
        record.event.action
        for record in services.metadata.store.audit.list_(AuditQuery())
        if record.event.action.startswith("metric.")
    ]
    assert sorted(actions) == ["metric.created", "metric.deleted", "metric.restored"]


# Saved searches


Answer = FacetReport | AltusError


class Server:
    """Answers how many rows a search finds."""

    def __init__(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: Answer = FacetReport(rows=5, indexes=1)
        self.asked: list[SearchRequest] = []
        monkeypatch.setattr(services.search, "count_rows", self._count)

    def _count(self, actor: Actor, request: SearchRequest, token: CancelToken) -> FacetReport:
        token.raise_if_cancelled()
        self.asked.append(request)
        if isinstance(self.answer, AltusError):
            raise self.answer
        return self.answer


@pytest.fixture
def server(services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Server:
    # The store's own clock says when a metric was made.
    clock.at = datetime.now(UTC)
    return Server(services, monkeypatch)


def _watching(
    services: Services, who: Actor, threshold: Threshold | None = None
) -> tuple[CustomMetric, str]:
    """A metric of a saved search in one connection, and the id of that search."""
    owner = services.metadata.store.users.find_(who.user_id)
    assert owner is not None
    shop = services.metadata.store.connections.create_(a_connection(owner))
    saved = services.saved_searches.create_(
        who,
        SavedSearchDraft(
            "Open bills", "+bill", mode=SearchMode.BOOLEAN, scope=SavedScope({shop.id: shop.name})
        ),
    )
    metric = services.custom_metrics.create_(
        who,
        CustomMetricDraft(
            "Bills", MetricSource.SAVED_SEARCH, saved_search_id=saved.id, threshold=threshold
        ),
    )
    return metric, saved.id


def test_a_saved_search_is_run_once_a_day(services: Services, clock: Clock, server: Server) -> None:
    ann = _person(services)
    metric, _ = _watching(services, ann, Threshold(Side.BELOW, 5))
    assert services.custom_metrics.watch_(ann) == []
    services.custom_metrics.watch_(ann)
    [request] = server.asked
    assert (request.query, request.mode) == ("+bill", SearchMode.BOOLEAN)
    assert len(request.connection_ids) == 1
    clock.at += timedelta(days=2)
    server.answer = FacetReport(rows=0, indexes=1)
    [notice] = services.custom_metrics.watch_(ann)
    today = clock.at.astimezone(ZoneInfo(_BERLIN)).date()
    assert (notice.metric_id, notice.day, notice.found) == (metric.id, today, 0)
    series = _series(services, ann, 4)
    assert [day.found for day in series.days] == [None, 5, None, 0]
    assert [day.lack for day in series.days] == [DayLack.OUTSIDE, "", DayLack.NOT_LOOKED, ""]
    assert series.search_name == "Open bills"
    assert services.history.page_(ann) == []


@pytest.mark.parametrize(
    ("answer", "lack"),
    [
        (TenantError(TenantFailure.PORT, "No."), "tenant.port"),
        (
            FacetReport(rows=7, at_least=True, notices=(Notice("x", "one is silent"),), indexes=1),
            "partial",
        ),
        (FacetReport(), "partial"),
        (FacetReport(rows=1_000_000, at_least=True, indexes=1), "too_many"),
    ],
)
def test_what_was_not_answered_whole_is_no_count_and_asked_again(
    services: Services, clock: Clock, server: Server, answer: Answer, lack: str
) -> None:
    ann = _person(services)
    _watching(services, ann, Threshold(Side.BELOW, 10))
    server.answer = answer
    assert services.custom_metrics.watch_(ann) == []
    assert (_series(services, ann).days[-1].found, _series(services, ann).days[-1].lack) == (
        None,
        lack,
    )
    services.custom_metrics.watch_(ann)
    assert len(server.asked) == 1
    clock.at += timedelta(hours=1)
    server.answer = FacetReport(rows=9, indexes=1)
    assert [notice.found for notice in services.custom_metrics.watch_(ann)] == [9]
    assert _series(services, ann).days[-1].found == 9


def test_a_search_or_a_connection_that_is_gone_is_no_count(
    services: Services, clock: Clock, server: Server
) -> None:
    ann = _person(services)
    metric, saved_id = _watching(services, ann)
    services.custom_metrics.watch_(ann)
    [shop] = services.connections.list_(ann)
    services.connections.delete_(ann, shop.id)
    clock.at += timedelta(days=1)
    services.custom_metrics.watch_(ann)
    assert _series(services, ann).days[-1].lack == DayLack.PARTIAL
    services.saved_searches.delete_(ann, [saved_id])
    clock.at += timedelta(days=1)
    services.custom_metrics.watch_(ann)
    series = _series(services, ann)
    assert [day.found for day in series.days[-3:]] == [5, None, None]
    assert series.days[-1].lack == DayLack.SEARCH_GONE
    assert series.search_name is None
    assert len(server.asked) == 1
    assert services.custom_metrics.get_(ann, metric.id).draft.saved_search_id == saved_id


def test_a_stopped_look_leaves_nothing(services: Services, clock: Clock, server: Server) -> None:
    ann = _person(services)
    _watching(services, ann)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        services.custom_metrics.watch_(ann, token)
    assert _series(services, ann).days[-1].lack == DayLack.NOT_LOOKED


def test_a_new_day_has_the_one_before_counted(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = _person(services)
    asked: list[Actor] = []
    later: Callable[[Actor], None] = asked.append
    monkeypatch.setattr(services.analytics, "refresh_later", later)
    services.custom_metrics.watch_(ann)
    services.custom_metrics.watch_(ann)
    assert asked == []
    clock.at += timedelta(days=1)
    services.custom_metrics.watch_(ann)
    services.custom_metrics.watch_(ann)
    assert [actor.user_id for actor in asked] == [ann.user_id]
