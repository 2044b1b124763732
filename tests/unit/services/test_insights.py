"""Insights of histories made by hand: what is told, that it is true, and what is not told."""

from __future__ import annotations

import itertools
import random
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Preferences, Role, User
from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection, PoolStats
from altus4_desktop.domain.errors import (
    AccessError,
    Cancelled,
    QuerySyntaxError,
    TenantError,
    TenantFailure,
)
from altus4_desktop.domain.facets import FacetReport
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.insights import (
    MOST_SHOWN,
    Insight,
    InsightKind,
    InsightReport,
    counted,
)
from altus4_desktop.domain.keys import KeyPermission
from altus4_desktop.domain.searching import (
    Change,
    Correction,
    SearchMode,
    SearchOutcome,
    SearchRecord,
    SearchRequest,
)
from altus4_desktop.services import Services, near_words
from altus4_desktop.services import insights as module
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.connections import ConnectionsService
from altus4_desktop.services.insights import InsightsService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.search import SearchService
from altus4_desktop.services.suggestions import SuggestionsService
from tests.records import a_connection, a_user

_WEEK = Period(date(2026, 3, 23), date(2026, 3, 29))
"""Monday to Sunday."""
_MONDAY = datetime(2026, 3, 23, 9, tzinfo=UTC)
_BEFORE = _MONDAY - timedelta(days=7)
# Searches of one instant come in the order they were made in, as those of the program do.
_NUMBERS = itertools.count(1)


@dataclass
class Tenants:
    """Rows by text, and the texts that are meant by others."""

    meant: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    at_least: bool = False
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    on_asked: Callable[[CancelToken], None] = lambda token: None

    def correct(
        self, actor: Actor, outcome: SearchOutcome, token: CancelToken
    ) -> Correction | None:
        del actor
        text = outcome.request.query
        ids = tuple(report.source.connection_id for report in outcome.sources)
        self.asked.append((text, ids))
        self.on_asked(token)
        meant = self.meant.get(text)
        return None if meant is None else Correction(meant, (Change(0, len(text), meant),))

    def count_rows(self, actor: Actor, request: SearchRequest, token: CancelToken) -> FacetReport:
        del actor, token
        assert request.timeout_s is not None
        return FacetReport(rows=self.rows.get(request.query, 0), at_least=self.at_least)


@dataclass
class Listed:
    """Connections as they are saved, and how their pools are."""

    services: Services
    stats: dict[str, PoolStats]

    def list_(self, actor: Actor) -> list[Connection]:
        return self.services.connections.list_(actor)

    def stats_(self, connection_id: str) -> PoolStats | None:
        return self.stats.get(connection_id)

    def source_(self, connection: Connection, token: CancelToken) -> None:
        """It is reached."""


@dataclass
class World:
    """A store, somebody in it with two connections, and what the tenants have."""

    services: Services
    user: User
    shop: Connection
    library: Connection
    tenants: Tenants = field(default_factory=Tenants)
    stats: dict[str, PoolStats] = field(default_factory=dict)
    local_server_runs: bool = True

    @property
    def insights(self) -> InsightsService:
        services = self.services
        return InsightsService(
            services.metadata,
            services.analytics,
            cast("ConnectionsService", Listed(services, self.stats)),
            cast("SearchService", self.tenants),
            cast("SuggestionsService", self.tenants),
            Permissions(services.metadata),
            lambda: self.local_server_runs,
        )

    def keep(self, *records: SearchRecord) -> None:
        self.services.metadata.store.searches.add_(*records)

    def find(self, actor: Actor | None = None, period: Period = _WEEK) -> InsightReport:
        self.services.analytics.refresh_(self.user.as_actor())
        return self.insights.find_(actor or self.user.as_actor(), period)

    def texts(self) -> list[str]:
        return [insight.text for insight in self.find().insights]

    def rows_of(self, insight: Insight, actor: Actor | None = None) -> list[SearchRecord]:
        """What the history shows when the insight is clicked."""
        assert insight.link is not None
        return self.services.history.page_(
            actor or self.user.as_actor(), insight.link, limit=20_000
        )

    def searches(
        self, count: int, query: str, at: datetime, every_s: float = 600, **changes: Any
    ) -> list[SearchRecord]:
        """So many searches for ``query``, from ``at`` on."""
        params = {
            "outcome": "ok",
            "offset": 0,
            "connections": [self.shop.name],
            "connection_ids": [self.shop.id],
            "sources": [],
            **changes.pop("params", {}),
        }
        made = SearchRecord(
            "",
            self.user.id,
            self.shop.id if params["connection_ids"] == [self.shop.id] else None,
            query,
            SearchMode.NATURAL,
            params,
            3,
            80,
        )
        return [
            replace(
                made,
                id=str(uuid.UUID(int=next(_NUMBERS))),
                created_at=at + timedelta(seconds=every_s * number),
                **changes,
            )
            for number in range(count)
        ]

    def in_library(self) -> dict[str, Any]:
        return {"connections": [self.library.name], "connection_ids": [self.library.id]}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    # A machine that others use answers late: only what is asked to hang is to be left.
    for limit in ("ASKING_S", "_REACHING_S", "_COUNTING_S"):
        monkeypatch.setattr(near_words, limit, 60.0)
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        yield _world(services)


def _world(services: Services) -> World:
    store = services.metadata.store
    user = store.users.create_(a_user(timezone="UTC"), "hash")
    shop, library = (
        a_connection(user, name=name, database=name.lower(), managed=False)
        for name in ("Shop", "Library")
    )
    for connection in (shop, library):
        store.connections.create_(connection)
    return World(services, user, shop, library)


def _usual(world: World, days: int = 35, a_day: int = 30, ms: int = 80) -> list[SearchRecord]:
    """Weeks in which nothing happens, up to the end of the week."""
    first = _MONDAY + timedelta(days=7 - days)
    return [
        record
        for day in range(days)
        for record in world.searches(
            a_day, f"usual {day % 5}", first + timedelta(days=day), 300, execution_time_ms=ms
        )
    ]


def test_nothing_is_unusual_about_nothing(world: World) -> None:
    assert world.find() == InsightReport()
    world.keep(*_usual(world))
    assert world.find() == InsightReport()
    world.keep(*world.searches(3, "x", _MONDAY))
    # Days of which nothing is known are no change.
    assert world.find(period=Period(date(2020, 1, 1), date(2020, 1, 31))) == InsightReport()


# Not found


def _nothing(world: World, count: int, query: str, **changes: Any) -> list[SearchRecord]:
    return world.searches(count, query, _MONDAY, result_count=0, **changes)


def test_a_misspelt_text_and_what_is_there(world: World) -> None:
    world.tenants.meant["invoise"] = "invoice"
    world.tenants.rows["invoice"] = 240
    world.keep(
        *_nothing(world, 16, "invoise"),
        *_nothing(world, 1, " Invoise "),
        *_nothing(world, 4, "invoise 2024"),
        *world.searches(5, "invoise", _BEFORE, result_count=0),
        *_nothing(world, 2, "invoise", params={"outcome": "failed"}),
    )
    (insight,) = world.find().insights
    assert insight.text == "17 searches for “invoise” found nothing; “invoice” has 240 rows."
    assert insight.kind is InsightKind.MISSPELT
    rows = world.rows_of(insight)
    assert len(rows) == insight.linked == 17
    assert {" ".join(row.query.split()).lower() for row in rows} == {"invoise"}
    assert insight.retry == SearchRequest("invoice", connection_ids=(world.shop.id,))
    assert world.tenants.asked[0] == ("invoise", (world.shop.id,))


def test_days_are_those_of_ones_own_clock(world: World) -> None:
    user = world.services.metadata.store.users.create_(a_user(timezone="America/New_York"), "hash")
    # Clocks are set forward on the eighth: midnight is at five before, and at four after.
    midnights = datetime(2026, 3, 7, 5, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC)
    for at in midnights:
        for count, second in ((3, -1), (6, 0)):
            moment = at + timedelta(seconds=second)
            params = {"cause": "stop_words"}
            made = world.searches(
                count, "the", moment, 0, result_count=0, params=params, user_id=user.id
            )
            world.keep(*made)
    world.services.analytics.refresh_(user.as_actor())
    days = Period(date(2026, 3, 7), date(2026, 3, 8))
    (insight,) = world.insights.find_(user.as_actor(), days).insights
    assert insight.text.startswith("9 searches for “the” found nothing")
    rows = world.rows_of(insight, user.as_actor())
    assert sorted({row.created_at for row in rows if row.created_at}) == [
        midnights[0],
        midnights[1] - timedelta(seconds=1),
    ]
    assert len(rows) == 9


def test_rows_that_were_not_all_counted_are_at_least(world: World) -> None:
    world.tenants.meant["invoise"] = "invoice"
    world.tenants.rows["invoice"] = 1240
    world.tenants.at_least = True
    world.keep(*_nothing(world, 3, "invoise"))
    assert world.texts() == [
        "3 searches for “invoise” found nothing; “invoice” has at least 1,240 rows."
    ]


def test_a_text_that_may_not_be_misspelt_is_not_told(world: World) -> None:
    world.tenants.meant |= {"invoise": "invoice", "twice": "thrice", "the": "she"}
    world.tenants.rows |= {"thrice": 9, "she": 9}
    world.keep(
        # Nothing has the near word either.
        *_nothing(world, 4, "invoise"),
        *_nothing(world, 2, "twice"),
        # It is known why.
        *_nothing(world, 4, "the", params={"cause": "stop_words"}),
        *_nothing(world, 4, "x" * 300),
    )
    assert world.texts() == []
    assert [text for text, _ in world.tenants.asked] == ["invoise"]


def test_only_connections_that_are_up_and_ones_own_are_asked(world: World) -> None:
    world.tenants.meant["invoise"] = "invoice"
    world.tenants.rows["invoice"] = 240
    names = [world.shop.name, world.library.name, "Gone"]
    world.keep(*_nothing(world, 4, "invoise", params={"connections": names}))
    lost = TenantError(TenantFailure.LOST, "It went away.")
    now = datetime.now(UTC)
    down = PoolStats(0, 0, 0, 0, last_error=lost, last_error_at=now)
    world.stats[world.library.id] = down
    report = world.find()
    assert len(report.insights) == 1
    assert world.tenants.asked == [("invoise", (world.shop.id,))]
    assert report.unasked == ("Gone", "Library")
    world.stats[world.library.id] = replace(down, answered_at=now + timedelta(seconds=1))
    world.find()
    assert world.tenants.asked[-1] == ("invoise", (world.library.id, world.shop.id))
    world.stats[world.library.id] = replace(down, last_error_at=now - timedelta(hours=1))
    world.find()
    assert world.tenants.asked[-1] == ("invoise", (world.library.id, world.shop.id))


def test_an_admin_asks_no_connections_of_others(world: World) -> None:
    world.keep(*_nothing(world, 4, "invoise"))
    admin = world.services.metadata.store.users.create_(
        a_user(timezone="UTC", role=Role.ADMIN), "hash"
    )
    world.services.analytics.refresh_(admin.as_actor())
    report = world.insights.find_(admin.as_actor(), _WEEK)
    assert (report.unasked, world.tenants.asked) == (("Shop",), [])


def test_a_local_server_is_not_started_for_it(world: World) -> None:
    managed = a_connection(world.user, name="Demo", database="demo", managed=True)
    world.services.metadata.store.connections.create_(managed)
    world.keep(*_nothing(world, 4, "invoise", params={"connections": ["Demo"]}))
    world.local_server_runs = False
    assert world.find().unasked == ("Demo",)
    world.local_server_runs = True
    assert world.find().unasked == ()
    assert world.tenants.asked == [("invoise", (managed.id,))]


def test_a_connection_that_hangs_is_left_when_the_time_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_words, "ASKING_S", 1.0)

    def hang(token: CancelToken) -> None:
        assert token.wait(10)
        token.raise_if_cancelled()

    world.tenants.on_asked = hang
    world.keep(*_nothing(world, 4, "invoise"), *_nothing(world, 5, "chaire"))
    assert world.find() == InsightReport((), ("Shop",))
    assert len(world.tenants.asked) == 1


def test_asking_can_be_stopped(world: World) -> None:
    token = CancelToken()

    def stop(inner: CancelToken) -> None:
        token.cancel()
        inner.raise_if_cancelled()

    world.tenants.on_asked = stop
    world.keep(*_nothing(world, 4, "invoise"))
    world.services.analytics.refresh_(world.user.as_actor())
    with pytest.raises(Cancelled):
        world.insights.find_(world.user.as_actor(), _WEEK, token)


def test_what_cannot_be_asked_takes_nothing_else_along(world: World) -> None:
    def refuse(token: CancelToken) -> None:
        del token
        raise QuerySyntaxError("It cannot be read.", position=0)

    world.tenants.on_asked = refuse
    world.keep(*_nothing(world, 6, "red -", params={"cause": "absent"}))
    assert world.texts() == ["6 searches for “red -” found nothing: no row matches its words."]


def test_with_a_key_that_may_not_search_nobody_is_asked(world: World) -> None:
    world.keep(*_nothing(world, 4, "invoise"))
    permissions = frozenset({KeyPermission.ANALYTICS})
    actor = replace(world.user.as_actor(), key_permissions=permissions)
    assert world.find(actor) == InsightReport((), ("Shop",))
    assert world.tenants.asked == []
    with pytest.raises(AccessError):
        world.find(replace(actor, key_permissions=frozenset({KeyPermission.SEARCH})))


def test_why_nothing_was_found(world: World) -> None:
    world.keep(
        *_nothing(world, 6, "the of", params={"cause": "stop_words"}),
        *_nothing(world, 5, "a b", params={"cause": "too_short"}),
        *_nothing(world, 4, "c d", params={"cause": "too_short"}),
        *_nothing(world, 9, "mixed"),
        *_nothing(world, 5, "mixed", params={"cause": "filtered"}),
        *_nothing(world, 7, "+red -ink", params={"cause": "operators"}, mode=SearchMode.BOOLEAN),
        *_nothing(world, 2, "+red -ink"),
    )
    insights = world.find().insights
    why = "it has only stop words, which are not in the index."
    assert [insight.text for insight in insights] == [
        "7 searches for “+red -ink” found nothing: no row fits its operators.",
        f"6 searches for “the of” found nothing: {why}",
        "5 searches for “a b” found nothing: its words are shorter than the server indexes.",
    ]
    assert [len(world.rows_of(insight)) for insight in insights] == [7, 6, 5]


def test_other_words_that_find_it(world: World) -> None:
    world.keep(*_usual(world))
    # Nothing else is searched in the evening.
    evening = _MONDAY.replace(hour=18)
    for number in range(4):
        at = evening + timedelta(hours=number)
        world.keep(
            *world.searches(1, "lorry", at, result_count=0),
            *world.searches(1, "truck", at + timedelta(seconds=30)),
        )
    world.keep(
        *world.searches(1, "Lorry", evening + timedelta(hours=5), result_count=0),
        *world.searches(2, "cab", _MONDAY + timedelta(days=1), 7200, result_count=0),
        *world.searches(2, "taxi", _MONDAY + timedelta(days=1, seconds=20), 7200),
    )
    (insight,) = world.find().insights
    assert insight.text == (
        "5 searches for “lorry” found nothing; after 4 of them people searched “truck” and found"
        " something."
    )
    assert len(world.rows_of(insight)) == 5


def test_of_very_many_other_words_each_is_counted(world: World) -> None:
    """More than are told of a period, and no more on any day than its list holds."""
    evening = _MONDAY.replace(hour=18)
    for day in range(7):
        for number in range(35):
            at = _MONDAY.replace(hour=1) + timedelta(days=day, minutes=10 * number)
            world.keep(
                *world.searches(1, f"once {day} {number}", at, result_count=0),
                *world.searches(1, f"found {day} {number}", at + timedelta(seconds=30)),
            )
        world.keep(
            *world.searches(1, "lorry", evening + timedelta(days=day), result_count=0),
            *world.searches(1, "truck", evening + timedelta(days=day, seconds=30)),
        )
    (told,) = (one for one in world.find().insights if one.kind is InsightKind.REWORDED)
    assert told.text == (
        "7 searches for “lorry” found nothing; after 7 of them people searched “truck” and found"
        " something."
    )


def test_a_misspelt_text_is_told_once(world: World) -> None:
    world.tenants.meant["invoise"] = "invoice"
    world.tenants.rows["invoice"] = 240
    for number in range(6):
        at = _MONDAY + timedelta(hours=number)
        params = {"cause": "absent"}
        world.keep(
            *world.searches(1, "invoise", at, result_count=0, params=params),
            *world.searches(1, "invoice", at + timedelta(seconds=30)),
        )
    assert [insight.kind for insight in world.find().insights] == [InsightKind.MISSPELT]


def test_a_misspelt_text_of_several_modes_is_told_once(world: World) -> None:
    for number in range(3):
        world.tenants.meant[f"wrod {number}"] = f"word {number}"
        world.tenants.rows |= {f"word {number}": 240, "+word": 240}
        world.keep(
            *_nothing(world, 9 - number, f"wrod {number}"),
            *_nothing(world, 5, f"wrod {number}", mode=SearchMode.BOOLEAN),
        )
    assert world.texts() == [
        f"{14 - number} searches for “wrod {number}” found nothing; “word {number}” has 240 rows."
        for number in range(3)
    ]


def test_why_nothing_was_found_in_several_modes_is_told_once(world: World) -> None:
    why = {"cause": "stop_words"}
    for place, mode in enumerate((SearchMode.NATURAL, SearchMode.BOOLEAN, SearchMode.SEMANTIC)):
        world.keep(
            *_nothing(world, 14 - place, "the", params=why, mode=mode),
            *_nothing(world, 2, "of", params=why, mode=mode),
        )
    world.keep(*_nothing(world, 3, "the", params={"cause": "filtered"}))
    # Of most it is not known why.
    world.keep(
        *_nothing(world, 6, "and", params=why),
        *_nothing(world, 5, "and", params=why, mode=SearchMode.BOOLEAN),
        *_nothing(world, 20, "and", mode=SearchMode.SEMANTIC),
    )
    insights = world.find().insights
    tail = "found nothing: it has only stop words, which are not in the index."
    assert [insight.text for insight in insights] == [
        f"42 searches for “the” {tail}",
        f"6 searches for “and” {tail}",
        f"6 searches for “of” {tail}",
    ]
    modes = [insight.link.mode for insight in insights if insight.link is not None]
    assert modes == [None, SearchMode.NATURAL, None]
    assert [len(world.rows_of(insight)) for insight in insights] == [42, 6, 6]


def test_a_larger_share_finds_nothing(world: World) -> None:
    usual = [replace(r, result_count=0) if n % 20 == 0 else r for n, r in enumerate(_usual(world))]
    world.keep(*usual, *(r for n in range(30) for r in _nothing(world, 1, f"text {n}")))
    ends_at = _MONDAY.replace(hour=0)
    empty = [r.created_at for r in usual if not r.result_count and r.created_at]
    zero = 30 + sum(at >= ends_at for at in empty)
    before = sum(ends_at - timedelta(days=7) <= at < ends_at for at in empty)
    (insight,) = world.find().insights
    assert insight.text == (
        f"{zero} of 240 searches found nothing, {100 * zero / 240:.1f} %; in as many days before it"
        f" was {before} of 210, {100 * before / 210:.1f} %."
    )
    assert len(world.rows_of(insight)) == insight.linked == zero
    # Not all that the history has without a hit were searches that found nothing: they stay out.
    stopped = world.searches(1, "x", _MONDAY, result_count=0, params={"outcome": "cancelled"})
    world.keep(*stopped)
    (insight,) = world.find().insights
    assert insight.text.startswith(f"{zero} of 241 ")
    assert len(world.rows_of(insight)) == insight.linked == zero


def test_who_searched_on_the_next_day_of_their_own_is_not_counted(world: World) -> None:
    """In Tokyo the week is over when it is not where the others, and an admin, are."""
    users = world.services.metadata.store.users
    ken = users.create_(a_user(timezone="Asia/Tokyo"), "hash")
    admin = users.create_(a_user(timezone="UTC", role=Role.ADMIN), "hash").as_actor()
    usual = [replace(r, result_count=0) if n % 20 == 0 else r for n, r in enumerate(_usual(world))]
    late = datetime(2026, 3, 29, 15, 30, tzinfo=UTC)
    world.keep(
        *usual,
        *(r for n in range(30) for r in _nothing(world, 1, f"text {n}")),
        *world.searches(12, "new", _MONDAY),
        *world.searches(2, "new", late, result_count=0, user_id=ken.id),
    )
    world.services.analytics.refresh_(admin)
    told = {one.kind: one for one in world.insights.find_(admin, _WEEK).insights}
    fruitless, popular = told[InsightKind.FRUITLESS], told[InsightKind.POPULAR]
    assert fruitless.linked == len(world.rows_of(fruitless, admin)) > 30
    assert "was searched 12 times" in popular.text
    assert popular.linked == len(world.rows_of(popular, admin)) == 12


# Slower


def _slow_day(world: World, count: int, ms: int, **changes: Any) -> list[SearchRecord]:
    """Tuesday; no text twice, as none of them is popular."""
    at = _MONDAY + timedelta(days=1, hours=6)
    made = world.searches(count, "slow", at, 60, execution_time_ms=ms, **changes)
    return [replace(record, query=f"slow {record.id}") for record in made]


def test_a_slow_day_and_the_connection_that_accounts_for_it(world: World) -> None:
    world.keep(*_usual(world), *_slow_day(world, 12, 900, params=world.in_library()))
    (insight,) = world.find().insights
    assert insight.text == (
        "On Tuesday 2026-03-24 the p95 rose from about 80 to 900 ms: all 12 searches of 130 ms or"
        " longer were asked of “Library”."
    )
    rows = world.rows_of(insight)
    assert len(rows) == insight.linked == 12
    assert all(row.query.startswith("slow") for row in rows)


def test_most_is_not_all(world: World) -> None:
    world.keep(
        *_usual(world, a_day=60),
        *_slow_day(world, 18, 900, mode=SearchMode.SEMANTIC),
        *_slow_day(world, 2, 900),
        *_slow_day(world, 2, 10, mode=SearchMode.SEMANTIC),
    )
    (insight,) = world.find().insights
    assert insight.text.endswith(
        ": 18 of the 20 searches of 130 ms or longer were semantic searches."
    )
    assert len(world.rows_of(insight)) == 18


def test_nobody_is_named_when_everything_is_slow(world: World) -> None:
    world.keep(
        *_usual(world),
        *_slow_day(world, 10, 900, params=world.in_library()),
        *_slow_day(world, 10, 900),
    )
    (insight,) = world.find().insights
    assert insight.text.endswith(": 20 searches took 130 ms or longer.")
    assert len(world.rows_of(insight)) == 20


def test_somebody_else_is_named_to_admins(world: World) -> None:
    users = world.services.metadata.store.users
    admin = users.create_(a_user(timezone="UTC", role=Role.ADMIN), "hash").as_actor()
    slow = users.create_(a_user(timezone="UTC", email="slow@example.org"), "hash")
    world.keep(*_usual(world), *_slow_day(world, 12, 900, user_id=slow.id))
    world.services.analytics.refresh_(admin)
    (insight,) = world.insights.find_(admin, _WEEK).insights
    assert insight.text.endswith("were made by slow@example.org.")
    assert len(world.rows_of(insight, admin)) == 12
    assert world.find().insights == ()


def test_some_slow_searches_are_no_slow_day(world: World) -> None:
    world.keep(*_usual(world), *_slow_day(world, 4, 9_000))
    assert world.texts() == []
    world.keep(*_slow_day(world, 15, 119))
    assert world.texts() == []


def test_slow_days_in_a_row_are_told_once(world: World) -> None:
    world.keep(*_usual(world))
    for day in range(3):
        made = _slow_day(world, 15, 700)
        later = timedelta(days=day - 1)
        world.keep(*(replace(r, created_at=r.created_at + later) for r in made if r.created_at))
    (insight,) = world.find().insights
    assert insight.text.startswith("From Monday 2026-03-23 to Wednesday 2026-03-25 the p95 rose")
    assert len(world.rows_of(insight)) == 45


# Failing and popular


def _failed(world: World, count: int, code: str, name: str = "Shop") -> list[SearchRecord]:
    sources = [
        {"connection": name, "table": "t", "error": code},
        {"connection": "Shop", "table": "u", "error": None},
    ]
    return world.searches(
        count,
        "lost",
        _MONDAY,
        params={"outcome": "partial", "sources": sources},
    )


def test_a_connection_that_does_not_answer(world: World) -> None:
    world.keep(
        *world.searches(20, "fine", _MONDAY),
        *_failed(world, 5, "tenant.lost"),
        *_failed(world, 2, "tenant.timeout"),
    )
    (insight,) = world.find().insights
    assert insight.text == (
        "7 of 27 searches that asked “Shop” failed, most often because its server goes away."
    )
    assert len(world.rows_of(insight)) == 7


def test_a_few_failures_or_those_of_others_are_not_told(world: World) -> None:
    world.keep(*world.searches(20, "fine", _MONDAY), *_failed(world, 4, "tenant.lost"))
    assert world.texts() == []
    world.keep(*world.searches(80, "fine", _MONDAY), *_failed(world, 5, "tenant.lost"))
    assert world.texts() == []
    world.keep(*_failed(world, 90, "tenant.lost", "Library"))
    assert world.texts() == []


def test_a_connection_that_fails_is_not_asked_for_words(world: World) -> None:
    world.tenants.meant["invoise"] = "invoice"
    world.keep(*_failed(world, 7, "tenant.lost"), *_nothing(world, 4, "invoise"))
    report = world.find()
    assert [insight.kind for insight in report.insights] == [InsightKind.FAILING]
    assert (report.unasked, world.tenants.asked) == (("Shop",), [])


def test_a_text_that_becomes_popular(world: World) -> None:
    world.keep(
        *_usual(world, days=15),
        *world.searches(3, "Recall", _BEFORE),
        *world.searches(25, "recall", _MONDAY),
        *world.searches(25, "recall letter", _BEFORE),
        *world.searches(25, "recall letter", _MONDAY),
    )
    (insight,) = world.find().insights
    assert insight.text == "“recall” was searched 25 times, and 3 times in as many days before."
    assert len(world.rows_of(insight)) == 25


def test_a_text_is_not_popular_when_all_is_new(world: World) -> None:
    world.keep(*world.searches(25, "recall", _MONDAY))
    assert world.texts() == []


def test_days_before_that_were_not_all_recorded_are_compared_with_nothing(world: World) -> None:
    """“never in as many days before” is not known when recording was off on one of those."""
    off = _BEFORE.replace(hour=0).date()
    world.keep(
        *(r for r in _usual(world) if r.created_at and r.created_at.date() != off),
        *world.searches(12, "new", _MONDAY),
    )
    (insight,) = world.find().insights
    assert "never in as many days before" in insight.text
    actor = world.user.as_actor()
    for hour, keeps in ((0, False), (23, True)):
        told: tuple[dict[str, object], dict[str, object]] = ({"history": False}, {})
        before, after = told if keeps else told[::-1]
        event = build_event(
            actor, "user.updated", SubjectKind.USER, actor.user_id, before=before, after=after
        )
        at = _BEFORE.replace(hour=hour)
        world.services.metadata.store.audit.add_([replace(event, at=at)])
    assert world.find().insights == ()


def test_days_that_people_let_go_of_are_compared_with_nothing(world: World) -> None:
    world.keep(*_usual(world), *world.searches(12, "new", _MONDAY))
    users = world.services.metadata.store.users
    boss = users.create_(a_user(role=Role.ADMIN), "x").as_actor()
    for actor in (boss, None):
        (insight,) = world.find(actor).insights
        assert "never in as many days before" in insight.text
    kept = Preferences(history_days=(datetime.now(UTC) - _BEFORE).days)
    users.create_(a_user(preferences=kept.added_to({})), "x")
    # Those of the others are not all there, those of one's own are.
    assert world.find().insights == (insight,)
    assert world.find(boss).insights == ()


def test_no_more_than_a_few_are_told(world: World) -> None:
    world.keep(*_usual(world), *_slow_day(world, 12, 900, params=world.in_library()))
    world.keep(*_failed(world, 90, "tenant.lost"))
    for number in range(5):
        text = f"misspeltt {number}"
        world.tenants.meant[text] = f"misspelt {number}"
        world.tenants.rows[f"misspelt {number}"] = 5
        # Each at hours of its own: what is asked within five minutes looks like a rewording.
        noon = _MONDAY + timedelta(days=number, hours=3)
        none: dict[str, Any] = {"result_count": 0}
        in_library, stop_words = world.in_library(), {"cause": "stop_words"}
        world.keep(*world.searches(20 + number, text, noon, 300, **none, params=in_library))
        at = noon + timedelta(hours=3)
        world.keep(*world.searches(9, f"the {number}", at, 300, **none, params=stop_words))
        world.keep(*world.searches(40, f"new {number}", at + timedelta(hours=1), 300))
    insights = world.find().insights
    assert len(insights) == MOST_SHOWN
    assert [one.weight for one in insights] == sorted((i.weight for i in insights), reverse=True)
    kinds = [insight.kind for insight in insights]
    assert kinds[:2] == [InsightKind.FRUITLESS, InsightKind.FAILING]
    assert kinds.count(InsightKind.MISSPELT) == 3
    assert "“misspeltt 4”" in next(
        insight.text for insight in insights if insight.kind is InsightKind.MISSPELT
    )


def test_more_than_are_counted_are_said_to_be_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_COUNTED", 10)
    monkeypatch.setattr("altus4_desktop.domain.insights.MOST_COUNTED", 10)
    world.keep(*_nothing(world, 12, "the", params={"cause": "stop_words"}))
    (text,) = world.texts()
    assert text.startswith("At least 12 searches for “the” found nothing")
    # As if days had kept no more of it.
    assert counted(12) == "more than 10"


@pytest.fixture
def few_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The history counts and reads next to nothing."""
    monkeypatch.setattr(module, "MOST_COUNTED", 10)
    monkeypatch.setattr("altus4_desktop.domain.insights.MOST_COUNTED", 10)
    monkeypatch.setattr(module, "_READ_ROWS", 5)


@pytest.mark.usefixtures("few_counted")
def test_a_share_is_not_that_of_what_was_counted(world: World) -> None:
    world.keep(*world.searches(200, "fine", _MONDAY), *_failed(world, 8, "tenant.lost"))
    assert world.texts() == []
    world.keep(*_failed(world, 30, "tenant.lost"))
    (insight,) = world.find().insights
    assert insight.text == (
        "At least 38 of at least 238 searches that asked “Shop” failed, most often because its"
        " server goes away."
    )
    assert (insight.linked, insight.weight) == (38, 3 * 38)
    # Of the newest that failed all are another connection's.
    other = _failed(world, 30, "tenant.tls", "Library")
    library = world.library
    world.keep(
        *(
            replace(r, params={**r.params, **world.in_library()}, connection_id=library.id)
            for r in other
        )
    )
    assert sum("asked “Shop” failed" in text for text in world.texts()) == 1


@pytest.mark.usefixtures("few_counted")
def test_of_two_connections_of_a_name_none_is_blamed_for_the_other(world: World) -> None:
    users = world.services.metadata.store.users
    admin = users.create_(a_user(timezone="UTC", role=Role.ADMIN), "hash").as_actor()
    other = users.create_(a_user(timezone="UTC"), "hash")
    shop = a_connection(other, name="Shop", database="shop", managed=False)
    world.services.metadata.store.connections.create_(shop)
    ids = {"connection_ids": [shop.id]}
    world.keep(*world.searches(90, "fine", _MONDAY), *_failed(world, 5, "tenant.lost"))
    world.keep(
        *(
            replace(
                record, params={**record.params, **ids}, user_id=other.id, connection_id=shop.id
            )
            for record in _failed(world, 60, "tenant.lost")
        )
    )
    world.services.analytics.refresh_(admin)
    told = world.insights.find_(admin, _WEEK).insights
    linked = [one.link.connection_id for one in told if one.link is not None]
    assert set(linked) <= {shop.id}
    assert not any("65 " in one.text for one in told)


@pytest.mark.usefixtures("few_counted")
def test_of_many_slow_searches_all_are_counted_and_somebody_is_named(world: World) -> None:
    world.keep(
        *_usual(world, a_day=60),
        *_slow_day(world, 40, 900, params=world.in_library()),
        *_slow_day(world, 2, 900),
    )
    (insight,) = world.find().insights
    assert insight.text == (
        "On Tuesday 2026-03-24 the p95 rose from about 80 to 900 ms: 40 of the 42 searches of 130"
        " ms or longer were asked of “Library”."
    )
    assert len(world.rows_of(insight)) == insight.linked == 40
    together = {
        "connections": ["Library", "Shop"],
        "connection_ids": [world.library.id, world.shop.id],
    }
    world.keep(*_slow_day(world, 30, 900, params=together))
    (insight,) = world.find().insights
    assert insight.text.endswith(
        "70 of the 72 searches of 130 ms or longer were asked of “Library”."
    )
    assert len(world.rows_of(insight)) == 70


@pytest.mark.usefixtures("few_counted")
def test_many_slow_searches_of_a_mode(world: World) -> None:
    world.keep(*_usual(world, a_day=60), *_slow_day(world, 40, 900, mode=SearchMode.SEMANTIC))
    (insight,) = world.find().insights
    assert insight.text.endswith(": all 40 searches of 130 ms or longer were semantic searches.")
    assert len(world.rows_of(insight)) == 40


@pytest.mark.usefixtures("few_counted")
def test_causes_other_words_and_popular_texts_are_measured_by_all(world: World) -> None:
    world.keep(
        *_usual(world, days=15),
        *_nothing(world, 34, "why"),
        *_nothing(world, 6, "why", params={"cause": "filtered"}),
        *_nothing(world, 40, "cab"),
        *world.searches(15, "recall", _BEFORE),
        *world.searches(120, "recall", _MONDAY, 60),
    )
    for number in range(4):
        at = _MONDAY.replace(hour=20) + timedelta(days=number)
        world.keep(*world.searches(1, "cab", at, result_count=0))
        world.keep(*world.searches(1, "taxi", at + timedelta(seconds=1)))
    told = world.find().insights
    assert {one.kind for one in told} == {InsightKind.FRUITLESS, InsightKind.POPULAR}
    recall = (
        "“recall” was searched at least 120 times, and at least 15 times in as many days before."
    )
    assert recall in [one.text for one in told]


def test_a_text_is_what_people_found_it_as(world: World) -> None:
    world.tenants.meant["pritner entropy"] = "writer entry"
    world.tenants.rows |= {"writer entry": 4, "+writer +entry": 4, "printer entropy": 9}
    world.keep(*_nothing(world, 30, "pritner entropy"))
    for number in range(4):
        at = _MONDAY.replace(hour=20) + timedelta(days=number)
        world.keep(*world.searches(1, "pritner entropy", at, result_count=0))
        world.keep(*world.searches(1, "printer entropy", at + timedelta(seconds=20)))
    (text,) = world.texts()
    assert text == (
        "34 searches for “pritner entropy” found nothing; “printer entropy” has 9 rows."
    )
    # Nobody has it any more.
    del world.tenants.rows["printer entropy"]
    (text,) = world.texts()
    assert "“writer entry” has 4 rows" in text
    world.tenants.rows["+writer +entry"] = 0
    assert world.texts() == []


def test_what_people_found_in_other_words_is_no_near_word(world: World) -> None:
    world.tenants.meant["lorry"] = "sorry"
    world.tenants.rows["sorry"] = 4
    world.keep(*_usual(world))
    for number in range(4):
        at = _MONDAY.replace(hour=20) + timedelta(days=number)
        world.keep(*world.searches(1, "lorry", at, result_count=0))
        world.keep(*world.searches(1, "truck", at + timedelta(seconds=20)))
    (text,) = world.texts()
    assert text.endswith("after 4 of them people searched “truck” and found something.")


def test_one_is_one(world: World) -> None:
    world.tenants.meant["invoise"] = "invoice"
    world.tenants.rows["invoice"] = 1
    world.keep(
        *_usual(world, days=15),
        *world.searches(3, "invoise", _MONDAY.replace(hour=20), result_count=0),
        *world.searches(1, "recall", _BEFORE),
        *world.searches(25, "recall", _MONDAY),
    )
    assert {*world.texts()} == {
        "“recall” was searched 25 times, and once in as many days before.",
        "3 searches for “invoise” found nothing; “invoice” has 1 row.",
    }


# Any history


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_every_number_is_what_the_rows_say(world: World, seed: int) -> None:
    services = world.services
    made = replace(_world(services), tenants=Tenants())
    dice = random.Random(seed)
    made.tenants.meant = {f"wrod {n}": f"word {n}" for n in range(3)}
    made.tenants.rows = {f"word {n}": dice.randint(0, 9_999) for n in range(3)}
    records = _random_history(made, dice)
    made.keep(*records)
    for insight in made.find().insights:
        _check(made, insight, records)


def _random_history(world: World, dice: random.Random) -> list[SearchRecord]:
    """Five weeks with something planted that may or may not be enough to be told."""
    records: list[SearchRecord] = []
    for day in range(-28, 7):
        at = _MONDAY + timedelta(days=day)
        for _ in range(dice.randint(0, 12)):
            records += world.searches(
                1,
                dice.choice(["red", "Red ", "red ink", "blue", f"{dice.random()}"]),
                at + timedelta(seconds=dice.randint(0, 40_000)),
                execution_time_ms=dice.choice([10, 60, 99]),
                result_count=dice.choice([0, 1, 4, 4, 4, 4, 4]),
                mode=dice.choice(list(SearchMode)),
                params=dice.choice([{}, {}, world.in_library()]),
            )
    for number in range(3):
        records += _nothing(world, dice.randint(0, 20), f"wrod {number}")
        cause = {"cause": dice.choice(["stop_words", "absent", "filtered"])}
        records += _nothing(world, dice.randint(0, 9), f"the {number}", params=cause)
        records += world.searches(dice.randint(0, 6), f"new {number}", _BEFORE)
        records += world.searches(dice.randint(0, 40), f"new {number}", _MONDAY)
        records += _failed(world, dice.randint(0, 12), "tenant.lost")
        for at in (_MONDAY + timedelta(hours=hour) for hour in range(dice.randint(0, 6))):
            records += world.searches(1, f"cab {number}", at, result_count=0)
            records += world.searches(1, f"taxi {number}", at + timedelta(seconds=1))
    where = dice.choice([{}, world.in_library()])
    records += _slow_day(world, dice.randint(0, 40), dice.choice([100, 400, 900]), params=where)
    return records


def _check(world: World, insight: Insight, records: Sequence[SearchRecord]) -> None:
    """Each number of the sentence, counted in plain Python."""
    told = {name: str(value) for name, value in insight.remark.details.items()}
    inside = [r for r in records if r.created_at and _MONDAY.date() <= r.created_at.date()]
    before = [
        r for r in records if r.created_at and _BEFORE.date() <= r.created_at.date() < _WEEK.first
    ]
    if insight.link is not None:
        linked = [record for record in records if _fits(record, insight.link)]
        assert len(linked) == insight.linked
        assert {r.id for r in world.rows_of(insight)} == {r.id for r in linked}
    match insight.kind:
        case InsightKind.MISSPELT:
            _same(told["searches"], _zero(inside, told["query"]))
            _same(told["rows"], world.tenants.rows[told["meant"]])
        case InsightKind.NOTHING:
            _same(told["searches"], _zero(inside, told["query"]))
        case InsightKind.REWORDED:
            _same(told["searches"], _zero(inside, told["query"]))
            ordered = sorted(inside, key=lambda r: (r.created_at, r.id))
            pairs = pairwise(ordered)
            mended = sum(
                _folded(a) == told["query"]
                and _folded(b) == told["after"]
                and _is_zero(a)
                and b.result_count > 0
                and b.created_at is not None
                and a.created_at is not None
                and b.created_at - a.created_at <= timedelta(minutes=5)
                and a.created_at.date() == b.created_at.date()
                for a, b in pairs
            )
            _same(told["mended"], mended)
        case InsightKind.POPULAR:
            _same(told["searches"], sum(_folded(r) == told["query"] for r in inside))
            was = sum(_folded(r) == told["query"] for r in before)
            _same(told.get("before", "0"), was)
        case InsightKind.FRUITLESS:
            _same(told["searches"], len(inside))
            _same(told["zero"], sum(map(_is_zero, inside)))
            _same(told["searches_before"], len(before))
            _same(told["zero_before"], sum(map(_is_zero, before)))
        case InsightKind.FAILING:
            asked = [r for r in inside if told["connection"] in _names(r)]
            _same(told["searches"], len(asked))
            _same(told["failed"], sum(r.params["outcome"] == "partial" for r in asked))
        case InsightKind.SLOWER:
            _check_slower(told, inside, records)


def _check_slower(
    told: dict[str, str], inside: Sequence[SearchRecord], records: Sequence[SearchRecord]
) -> None:
    first = date.fromisoformat(told["day"].split()[-1])
    last = date.fromisoformat(told["last_day"].split()[-1])
    days = [r for r in inside if r.created_at and first <= r.created_at.date() <= last]
    earlier = [
        r
        for r in records
        if r.created_at and timedelta(0) < first - r.created_at.date() <= timedelta(days=28)
    ]
    assert float(told["before_ms"].replace(",", "")) == pytest.approx(_p95(earlier), rel=0.1, abs=1)
    assert float(told["now_ms"].replace(",", "")) == pytest.approx(_p95(days), rel=0.1, abs=1)
    from_ms = int(told["from_ms"].replace(",", ""))
    slow = [r for r in days if r.execution_time_ms >= from_ms]
    _same(told["slow"], len(slow))
    if told["who"]:
        part = sum(told["who"] in (*_names(r), r.mode.value) for r in slow)
        _same(told["part"], part)


def _p95(records: Sequence[SearchRecord]) -> int:
    values = sorted(record.execution_time_ms for record in records)
    return values[ceil(0.95 * len(values)) - 1]


def _same(told: str, count: int) -> None:
    assert re.fullmatch(r"[\d,]+", told)
    assert int(told.replace(",", "")) == count


def _names(record: SearchRecord) -> list[str]:
    return cast("list[str]", record.params["connections"])


def _folded(record: SearchRecord) -> str:
    return " ".join(record.query.split()).lower()


def _is_zero(record: SearchRecord) -> bool:
    return record.result_count == 0 and record.params["outcome"] == "ok"


def _zero(records: Sequence[SearchRecord], text: str) -> int:
    return sum(_folded(record) == text and _is_zero(record) for record in records)


def _fits(record: SearchRecord, link: HistoryQuery) -> bool:
    """What the filters of the history mean."""
    assert record.created_at is not None
    assert link.from_at is not None
    assert link.to_at is not None
    failed = record.params["outcome"] == "partial"
    ended = {
        None: True,
        HistoryOutcome.NONE: record.result_count == 0 and not failed,
        HistoryOutcome.FAILED: failed,
    }
    return (
        link.from_at <= record.created_at < link.to_at
        and (not link.text or (link.whole and _folded(record) == link.text))
        and link.connection_id in ("", *cast("list[str]", record.params["connection_ids"]))
        and link.mode in (None, record.mode)
        and link.user_id in ("", record.user_id)
        and ended[link.outcome]
        and record.execution_time_ms >= link.least_ms
    )
