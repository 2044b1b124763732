"""The history's writer: never in the way, never silent."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Preferences, Role, User, UserDraft
from altus4_desktop.domain.analytics import Metric
from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    AccessError,
    AltusError,
    Cancelled,
    ConflictError,
    NotFoundError,
    StoreError,
)
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.filtering import Narrowing
from altus4_desktop.domain.history import HistoryQuery, request_of
from altus4_desktop.domain.keys import KeyPermission
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.searching import SearchMode, SearchRecord, TableChoice
from altus4_desktop.services import Services, analytics_upkeep, history_upkeep
from altus4_desktop.services.history import HistoryService
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.storage.repositories.searches import SearchRepository
from tests.records import a_connection, a_search, a_user
from tests.waiting import wait_until


class Repository:
    """Keeps what it is given, once it may."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.may_write = threading.Event()
        self.may_write.set()
        self.failure: Exception | None = None
        self.transactions = 0
        self.most = 100

    def add_(self, *records: SearchRecord) -> None:
        assert self.may_write.wait(10)
        self.transactions += 1
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        if any(record.user_id == "nobody" for record in records):
            raise NotFoundError("There is no such user.")
        if len(records) > self.most:
            raise StoreError("The disk {is} full.")
        self.kept += [record.id for record in records]


class Metadata:
    """What the history needs of the metadata service."""

    def __init__(self) -> None:
        self.searches = Repository()

    @property
    def users(self) -> Metadata:
        return self

    def find_(self, user_id: str) -> None:
        del user_id

    @property
    def store(self) -> Metadata:
        return self


@pytest.fixture
def metadata() -> Metadata:
    return Metadata()


@pytest.fixture
def problems() -> list[AltusError]:
    return []


@pytest.fixture
def history(metadata: Metadata, problems: list[AltusError]) -> Iterator[HistoryService]:
    store = cast("MetadataService", metadata)
    service = HistoryService(store, Permissions(store), problems.append)
    yield service
    metadata.searches.may_write.set()
    service.close_()


def record(number: int) -> SearchRecord:
    return SearchRecord(str(number), "ada", None, "apple", SearchMode.NATURAL)


def test_records_are_written_in_order_and_closing_waits_for_them(
    history: HistoryService, metadata: Metadata
) -> None:
    for number in range(50):
        history.record(record(number))
    assert history.close_()
    assert metadata.searches.kept == [str(number) for number in range(50)]


def test_recording_does_not_wait_for_the_store(
    history: HistoryService, metadata: Metadata, problems: list[AltusError]
) -> None:
    metadata.searches.may_write.clear()
    for number in range(1_100):
        history.record(record(number))
    # Some are in the writer's hands, a thousand wait, the rest is told of once.
    assert [problem.code for problem in problems] == ["store.history"]
    assert "{" not in problems[0].message
    metadata.searches.may_write.set()
    wait_until(lambda: len(metadata.searches.kept) >= 1_000, timeout_s=10, what="the history")
    metadata.searches.may_write.clear()
    for number in range(1_200):
        history.record(record(number))
    assert len(problems) == 2, "the next time it is told again"
    metadata.searches.may_write.set()
    assert history.close_(10)
    assert 2_000 <= len(metadata.searches.kept) <= 2_200
    assert metadata.searches.transactions < 100, "many are kept at once"


def test_the_others_are_kept_beside_one_that_cannot_be(
    history: HistoryService, metadata: Metadata, problems: list[AltusError]
) -> None:
    metadata.searches.may_write.clear()
    for number in range(20):
        history.record(replace(record(number), user_id="nobody" if number == 7 else "ada"))
    metadata.searches.may_write.set()
    assert history.close_()
    assert metadata.searches.kept == [str(number) for number in range(20) if number != 7]
    assert [problem.message for problem in problems] == ["There is no such user."]


def test_several_that_fail_are_told_together_with_why(
    history: HistoryService, metadata: Metadata, problems: list[AltusError]
) -> None:
    metadata.searches.may_write.clear()
    metadata.searches.most = 1
    for number in range(20):
        history.record(record(number))
    metadata.searches.may_write.set()
    assert history.close_()
    assert {problem.hint for problem in problems} == {"The disk {is} full."}
    lost = sum(int(str(problem.details["count"])) for problem in problems)
    assert len(metadata.searches.kept) + lost == 20


def test_the_log_has_whole_sentences(
    history: HistoryService, metadata: Metadata, caplog: pytest.LogCaptureFixture
) -> None:
    metadata.searches.may_write.clear()
    history.record(record(1))
    history.record(record(2))
    assert not history.close_(0.05)
    assert "{" not in caplog.text
    assert "Searches that could not be written to the history: " in caplog.text


def test_a_store_that_hangs_does_not_hold_up_closing(
    history: HistoryService, metadata: Metadata, problems: list[AltusError]
) -> None:
    metadata.searches.may_write.clear()
    history.record(record(1))
    assert not history.close_(0.05)
    assert [problem.code for problem in problems] == ["store.history"]


@pytest.mark.parametrize("failure", [StoreError("The disk is full."), RuntimeError("a bug")])
def test_a_failure_is_told_and_the_next_record_is_written(
    history: HistoryService,
    metadata: Metadata,
    problems: list[AltusError],
    failure: Exception,
) -> None:
    metadata.searches.failure = failure
    history.record(record(1))
    wait_until(lambda: problems, timeout_s=10, what="the problem")
    history.record(record(2))
    assert history.close_()
    assert metadata.searches.kept == ["2"]
    assert len(problems) == 1
    assert isinstance(problems[0], StoreError)


def test_after_closing_it_can_be_used_again(history: HistoryService, metadata: Metadata) -> None:
    assert history.close_()
    history.record(record(1))
    assert history.close_()
    history.record(record(2))
    assert history.close_()
    assert metadata.searches.kept == ["1", "2"]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        yield made


def test_whose_searches_are_read_and_deleted(tmp_path: Path) -> None:
    with closing(compose(tmp_path)) as services:
        services.metadata.open_()
        store, history = services.metadata.store, services.history
        boss, bob = a_user(role=Role.ADMIN), a_user()
        for user in (boss, bob):
            store.users.create_(user, "x")
            for number in range(3):
                store.searches.add_(a_search(user, f"apple {number}"))
        assert len(history.list_(boss.as_actor())) == 6
        assert len(history.list_(bob.as_actor())) == 3
        assert len(history.recent(boss.as_actor())) == 3
        by_key = replace(boss.as_actor(), key_permissions=frozenset({KeyPermission.SEARCH}))
        assert len(history.list_(by_key)) == 3
        with pytest.raises(AccessError):
            history.delete_(by_key)
        with pytest.raises(AccessError):
            history.list_(replace(bob.as_actor(), user_id="nobody"))
        theirs = [record.id for record in history.list_(boss.as_actor())]
        assert history.delete_(bob.as_actor(), theirs) == 3
        assert history.delete_(bob.as_actor(), theirs) == 0
        assert history.delete_(bob.as_actor()) == 0
        assert len(history.list_(boss.as_actor())) == 3
        (told,) = store.audit.list_(AuditQuery(action="history"))
        assert (told.event.action, told.event.actor_id) == ("history.deleted", bob.id)
        assert told.event.details == {"before": {"searches": 6}}


def test_pages_are_ones_own_or_everybodys_for_an_admin(services: Services) -> None:
    store, history = services.metadata.store, services.history
    boss, bob = a_user(role=Role.ADMIN), a_user()
    for user in (boss, bob):
        store.users.create_(user, "x")
        for number in range(3):
            at = datetime(2026, 3, 1 + number, tzinfo=UTC)
            store.searches.add_(a_search(user, f"apple {number}", created_at=at))
    first = history.page_(boss.as_actor(), limit=4)
    rest = history.page_(boss.as_actor(), after=first[-1], limit=4)
    assert [len(first), len(rest)] == [4, 2]
    assert len({record.id for record in first + rest}) == 6
    assert len(history.page_(boss.as_actor(), HistoryQuery(user_id=bob.id))) == 3
    mine = history.page_(bob.as_actor(), HistoryQuery("app", user_id=boss.id))
    assert [(record.user_id, record.query) for record in mine] == [
        (bob.id, f"apple {number}") for number in (2, 1, 0)
    ]


@pytest.mark.parametrize("made", list(ListFormat))
def test_an_export_is_whole_and_written_down(
    services: Services, tmp_path: Path, made: ListFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altus4_desktop.services.history._EXPORT_PAGE", 2)
    store, history = services.metadata.store, services.history
    bob = a_user()
    store.users.create_(bob, "x")
    for number, query in enumerate(("=1+1", "two", "three")):
        at = datetime(2026, 3, 1 + number, tzinfo=UTC)
        store.searches.add_(a_search(bob, query, created_at=at))
    path = tmp_path / "h"
    assert history.export_(bob.as_actor(), path, made) == 3
    text = path.read_text(encoding="utf-8")
    if made is ListFormat.CSV:
        found = [row["query"] for row in csv.DictReader(text.splitlines())]
    elif made is ListFormat.JSON:
        found = [row["query"] for row in json.loads(text)["searches"]]
    else:
        found = [json.loads(line)["query"] for line in text.splitlines()]
    assert found == ["three", "two", "'=1+1" if made is ListFormat.CSV else "=1+1"]
    (told,) = store.audit.list_(AuditQuery(action="history"))
    assert told.event.action == "history.exported"
    assert told.event.details == {"after": {"format": made.value, "searches": 3}}
    with pytest.raises(ConflictError):
        history.export_(bob.as_actor(), path, made)


def test_a_table_of_searches_names_where_and_who(services: Services, tmp_path: Path) -> None:
    store, history = services.metadata.store, services.history
    boss, bob = a_user(email="boss@b.org", role=Role.ADMIN), a_user(email="bob@b.org")
    shop, old = (
        a_connection(bob, name="Shop"),
        a_connection(bob, name="Old", host="old", is_active=False),
    )
    for user in (boss, bob):
        store.users.create_(user, "x")
    for connection in (shop, old):
        store.connections.create_(connection)
    both = {"connections": ["Shop", "Lost"]}
    for at, user, query, where, params in (
        (3, bob, "one", shop.id, {}),
        (2, boss, "two", None, both),
        (1, bob, "three", old.id, {}),
    ):
        made = a_search(
            user,
            query,
            connection_id=where,
            params=params,
            created_at=datetime(2026, 3, at, tzinfo=UTC),
        )
        store.searches.add_(made)
    path = tmp_path / "h.csv"

    def told(actor: Actor) -> list[tuple[str, ...]]:
        history.export_(actor, path, ListFormat.CSV, replaces=True)
        rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        return [(row["query"], row["connections"], row["user"]) for row in rows]

    assert told(boss.as_actor()) == [
        ("one", "Shop", "bob@b.org"),
        ("two", "Shop, Lost", "boss@b.org"),
        ("three", "Old", "bob@b.org"),
    ]
    assert told(bob.as_actor()) == [("one", "Shop", "bob@b.org"), ("three", "Old", "bob@b.org")]


def _kept_for_30_days(services: Services, ages: Iterable[int]) -> User:
    store = services.metadata.store
    user = store.users.create_(a_user(preferences=Preferences(history_days=30).added_to({})), "x")
    now = datetime.now(UTC)
    for days in ages:
        store.searches.add_(a_search(user, str(days), created_at=now - timedelta(days=days)))
    return user


def test_what_is_kept_for_some_days_goes_even_when_nobody_searches(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start and again later, of everybody; one that fails does not keep the others."""
    monkeypatch.setattr(history_upkeep, "FIRST_S", 0.0)
    monkeypatch.setattr(history_upkeep, "EVERY_S", 0.01)
    store, history = services.metadata.store, services.history
    people = [_kept_for_30_days(services, (1, 29, 31, 400)) for _ in range(3)]
    keeps = store.users.create_(a_user(), "x")
    store.searches.add_(a_search(keeps, "old", created_at=datetime(2020, 1, 1, tzinfo=UTC)))
    oldest_ids = SearchRepository.oldest_ids

    def read(self: SearchRepository, user_id: str, *more: Any) -> list[str]:
        if user_id == people[0].id:
            raise StoreError("The store is away.")
        return oldest_ids(self, user_id, *more)

    def left(user: User) -> list[str]:
        return [record.query for record in store.searches.list_(user.id)]

    monkeypatch.setattr(SearchRepository, "oldest_ids", read)
    history.start_upkeep()
    wait_until(
        lambda: all(left(user) == ["1", "29"] for user in people[1:]),
        timeout_s=10,
        what="others expired",
    )
    assert [len(left(people[0])), left(keeps)] == [4, ["old"]]
    monkeypatch.setattr(SearchRepository, "oldest_ids", oldest_ids)
    wait_until(lambda: left(people[0]) == ["1", "29"], timeout_s=10, what="expired")
    assert history.close_()
    told = store.audit.list_(AuditQuery(action="history"))
    assert sorted(entry.event.actor_id or "" for entry in told) == sorted(u.id for u in people)
    assert {(entry.event.action, str(entry.event.details)) for entry in told} == {
        ("history.expired", str({"before": {"days": 30}}))
    }
    assert history.expire_(people[0].as_actor()) == 0


@pytest.mark.parametrize("how", ["deleted", "found", "expired", "kept for long enough"])
def test_figures_go_with_the_searches(
    services: Services, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Without anybody searching, looking or starting the program again."""
    monkeypatch.setattr(analytics_upkeep, "QUIET_S", 0.01)
    monkeypatch.setattr(history_upkeep, "FIRST_S", 0.0)
    bob = _kept_for_30_days(services, (1, 40))
    actor, history = bob.as_actor(), services.history
    services.analytics.refresh_(actor)
    lately = Period.ending(datetime.now(UTC).date(), 60)

    def counted() -> int:
        return services.analytics.figures_(actor, lately).counts.searches

    assert counted() == 2
    match how:
        case "deleted":
            assert history.delete_(actor) == 2
        case "found":
            assert history.delete_found_(actor, HistoryQuery("40", whole=True)) == 1
        case "expired":
            assert history.expire_(actor) == 1
        case _:
            history.start_upkeep()
    left = 0 if how == "deleted" else 1
    wait_until(lambda: counted() == left, timeout_s=10, what="figures without them")


def test_what_is_not_to_be_recorded_is_not_whoever_said_so_where(services: Services) -> None:
    """Who signed in before they said so, on this computer or another, is taken at their word."""
    store, history = services.metadata.store, services.history
    off = Preferences(keeps_history=False).added_to({})
    bob = store.users.create_(a_user(), "x")
    ann = store.users.create_(a_user(preferences=off), "x")
    for user, preferences in ((bob, off), (ann, {})):
        store.users.update_(replace(user, preferences=preferences))
    for user in (bob, ann):
        history.record(a_search(user, "private"))
    assert history.close_()
    assert store.searches.list_(bob.id) == []
    assert [record.query for record in store.searches.list_(ann.id)] == ["private"]


def test_days_are_counted_anew_for_another_time_zone(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analytics_upkeep, "QUIET_S", 0.01)
    store = services.metadata.store
    bob = store.users.create_(a_user(), "x")
    store.searches.add_(a_search(bob, "late", created_at=datetime(2026, 3, 1, 20, tzinfo=UTC)))
    services.analytics.refresh_(bob.as_actor())
    draft = UserDraft(bob.name, bob.email, "Asia/Tokyo")
    actor = services.accounts.update_profile(bob.as_actor(), draft).as_actor()

    def days() -> list[int]:
        figures = services.analytics.figures_(actor, Period(date(2026, 3, 1), date(2026, 3, 2)))
        return [point.counts.searches if point.counts else 0 for point in figures.days]

    wait_until(lambda: days() == [0, 1], timeout_s=10, what="the days of Tokyo")


def test_many_are_deleted_bit_by_bit_and_searches_are_kept_meanwhile(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told once; what was deleted before somebody stopped it is gone, and its days are marked."""
    monkeypatch.setattr(history_upkeep, "LEAST_ROWS", 3)
    monkeypatch.setattr(history_upkeep, "MOST_ROWS", 3)
    store, history = services.metadata.store, services.history
    bob = store.users.create_(a_user(), "x")
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for number in range(10):
        text = "pear" if number % 2 else "apple"
        store.searches.add_(a_search(bob, text, created_at=noon + timedelta(days=number)))
    store.analytics.begin_(bob.id, "UTC")
    while store.analytics.roll_up_(bob.id, 31):
        pass
    token, steps = CancelToken(), []

    def step(progress: Progress) -> None:
        steps.append(progress.message)
        store.searches.add_(a_search(bob, "new", created_at=noon + timedelta(days=50)))
        token.cancel()

    with pytest.raises(Cancelled):
        history.delete_(bob.as_actor(), progress=step, token=token)
    assert steps == ["Deleted 3 searches"]
    days = [
        record.created_at - noon for record in store.searches.list_(bob.id) if record.created_at
    ]
    assert sorted(day.days for day in days) == [3, 4, 5, 6, 7, 8, 9, 50]
    assert store.analytics.roll_up_(bob.id, 99)
    counted = store.figures.list_(
        bob.id, date(2026, 1, 1), date(2027, 1, 1), [Metric.DAILY_SEARCHES]
    )
    assert sum(row.document["searches"] for row in counted) == 8
    assert history.delete_found_(bob.as_actor(), HistoryQuery("app")) == 3
    assert history.delete_found_(bob.as_actor(), HistoryQuery("app")) == 0
    assert history.delete_(bob.as_actor(), [r.id for r in store.searches.list_(bob.id)]) == 5
    told = [entry.event.details for entry in store.audit.list_(AuditQuery(action="history"))]
    assert told[::-1] == [
        {"before": {"all": True}},
        {"before": {"filters": ["text"]}},
        {"before": {"searches": 5}},
    ]


def test_preferences_of_the_history_are_read_back_and_never_misread() -> None:
    kept = Preferences(keeps_history=False, history_days=90)
    assert Preferences.read(kept.added_to({"theirs": 1})) == kept
    for odd in (0, -1, True, "30", 1e9, None):
        assert Preferences.read({"history_days": odd}).history_days is None
    assert Preferences.read({"history": "no"}).keeps_history


KNOWN = {"a": "Shop", "b": "Yard", "c": "Shed"}


@pytest.mark.parametrize(
    ("connection_id", "params", "ids", "tables"),
    [
        ("a", {}, ("a",), ()),
        (None, {"connection_ids": ["b", "gone", "a"]}, ("b", "a"), ()),
        (None, {"connections": ["Yard", "Shop", "Old"]}, ("b", "a"), ()),
        ("a", {"tables": ["books"]}, ("a",), (TableChoice("books"),)),
        (
            None,
            {"connection_ids": ["a", "b"], "scope": [["x", "a", "ft"], ["y", "gone", ""], [1]]},
            ("a", "b"),
            (TableChoice("x", "a", "ft"),),
        ),
        (None, {"connection_ids": 7, "scope": "x", "tables": None, "filters": 1}, (), ()),
    ],
)
def test_a_search_is_run_again_where_it_was_run(
    connection_id: str | None,
    params: dict[str, object],
    ids: tuple[str, ...],
    tables: tuple[TableChoice, ...],
) -> None:
    past = SearchRecord("1", "u", connection_id, "q", SearchMode.BOOLEAN, params)
    again = request_of(past, KNOWN)
    assert again is not None
    assert (again.query, again.mode) == ("q", SearchMode.BOOLEAN)
    assert (again.connection_ids, again.tables) == (ids, tables)


def test_a_search_is_run_again_in_its_language_and_with_its_filters() -> None:
    narrowing = Narrowing(threshold=0.5, only_tables=("books",))
    params = {"language": "de", "filters": narrowing.as_document()}
    past = SearchRecord("1", "u", "a", "q", SearchMode.SEMANTIC, params)
    again = request_of(past, KNOWN)
    assert again is not None
    assert (again.language, again.narrowing) == ("de", narrowing)


@pytest.mark.parametrize("params", [{"connection_ids": ["gone"]}, {"connections": ["Old"]}])
def test_a_search_of_what_is_gone_is_not_run_everywhere(params: dict[str, object]) -> None:
    assert request_of(SearchRecord("1", "u", None, "q", SearchMode.BOOLEAN, params), KNOWN) is None


def test_old_searches_are_listed_behind_everybodys_back(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit by bit; when the program ends meanwhile, the next start goes on."""
    monkeypatch.setattr(history_upkeep, "FIRST_S", 0.0)
    monkeypatch.setattr(history_upkeep, "OLD_AT_ONCE", 2)
    monkeypatch.setattr(history_upkeep, "OLD_PAUSE_S", 0.0)
    store, history = services.metadata.store, services.history
    bob = a_user()
    store.users.create_(bob, "hash")
    shop = a_connection(bob, name="Shop")
    store.connections.create_(shop)
    for number in range(5):
        store.searches.add_(a_search(bob, f"q{number}", params={"connections": ["Shop", "Old"]}))
    looked: list[int] = []
    mark_old = SearchRepository.mark_old_

    def look(self: SearchRepository, user_id: str, count: int) -> int:
        looked.append(mark_old(self, user_id, count))
        if len(looked) == 1:
            # As if the program ended just now.
            history._upkeep._upkeep._token.cancel()
        return looked[-1]

    monkeypatch.setattr(SearchRepository, "mark_old_", look)
    history.start_upkeep()
    wait_until(lambda: bool(looked), timeout_s=10, what="looked")
    history.close_()
    assert looked == [2]
    history.start_upkeep()
    wait_until(lambda: looked == [2, 2, 1], timeout_s=10, what="listed")
    history.close_()
    found = history.page_(bob.as_actor(), HistoryQuery(connection_id=shop.id))
    assert len(found) == 5


def test_a_store_that_fails_lets_old_searches_wait(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: SearchRepository, user_id: str, count: int) -> int:
        del self, user_id, count
        raise StoreError("The store is away.")

    services.metadata.store.users.create_(a_user(), "x")
    monkeypatch.setattr(history_upkeep, "FIRST_S", 0.0)
    monkeypatch.setattr(SearchRepository, "mark_old_", fail)
    services.history.start_upkeep()
    wait_until(lambda: "The store is away." in caplog.text, timeout_s=10, what="told")
    assert services.history.close_()
