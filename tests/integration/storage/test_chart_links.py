"""Whoever follows a bar of a chart finds as many searches as it has, on three databases."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from altus4_desktop.domain.accounts import User
from altus4_desktop.domain.analytics import KEPT_QUERIES, Metric
from altus4_desktop.domain.charts import Chart
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.history import SLOW_MS, HistoryQuery, WeekHour
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.services.charts.board import Dashboard
from altus4_desktop.services.charts.dashboard import build_charts
from altus4_desktop.services.figures import build_figures, group_documents, slices_of
from altus4_desktop.storage.store import Store
from tests.records import a_connection, a_search, a_user

# Clocks are changed in between, in New York a week later than in Berlin.
_FIRST = datetime(2026, 10, 16, 12, tzinfo=UTC)
_CROWDED = datetime(2026, 10, 20, 12, tzinfo=UTC)
_CUT = "zz last of a day"
_KEYS = (str(uuid.uuid4()), str(uuid.uuid4()), "", None)
_NAMES = ("Shop", 'Größe "1"', "Gone")


def _history(user: User, ids: Sequence[str], count: int, seed: int = 11) -> list[SearchRecord]:
    """Searches of all kinds; on one day there are more texts than are listed."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        asked = dice.sample(range(3), dice.choice([1, 1, 2]))
        there = [ids[place] for place in asked if place < len(ids)]
        params: dict[str, object] = {
            "outcome": dice.choice(["ok", "ok", "ok", "ok", "partial", "failed", "cancelled"]),
            "offset": dice.choice([0, 0, 0, 20]),
            "connections": [_NAMES[place] for place in asked],
            "connection_ids": there,
            "api_key": dice.choice(_KEYS),
        }
        made.append(
            a_search(
                user,
                dice.choice(["invoice", "Invoice ", "red invoice", "größe", "+red -ink"]),
                connection_id=there[0] if len(there) == len(asked) == 1 else None,
                mode=dice.choice(list(SearchMode)),
                params=params if number % 50 else {},
                result_count=dice.choice([0, 0, 3]),
                execution_time_ms=dice.choice([0, 1, 12, 99, 100, 555, SLOW_MS, 31_234]),
                created_at=_FIRST + timedelta(seconds=dice.randrange(20 * 86_400)),
            )
        )
    for number in range(KEPT_QUERIES + 20):
        at = _CROWDED + timedelta(seconds=number)
        made.append(a_search(user, f"text {number:03}", created_at=at))
    late = [_CROWDED + timedelta(days=day) for day in (0, 1, 1, 1)]
    return made + [a_search(user, _CUT, created_at=at) for at in late]


def _charts(store: Store, user: User, period: Period) -> dict[str, Chart]:
    store.analytics.begin_(user.id, user.timezone)
    while store.analytics.roll_up_(user.id, 31):
        pass
    found = group_documents(store.figures.list_(user.id, period.first, period.last, [*Metric]))
    figures = build_figures(period, found, period, {})
    users = [
        use
        for use in store.figures.count_by_user(period.first, period.last)
        if use.user_id == user.id
    ]
    board = Dashboard(figures, user.timezone, datetime.now(UTC), users=users)
    return {chart.name: chart for chart in build_charts(board)}


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_each_bar_leads_to_as_many_searches(shared_store: Store, zone: str) -> None:
    user, other = (shared_store.users.create_(a_user(timezone=zone), "x") for _ in range(2))
    ids = [
        shared_store.connections.create_(a_connection(user, name=name, database=f"d{place}")).id
        for place, name in enumerate(_NAMES[:2])
    ]
    made = _history(user, ids, 250)
    strangers = [replace(each, id=str(uuid.uuid4()), user_id=other.id) for each in made[:20]]
    shared_store.searches.add_(*made, *strangers)
    for period in (
        Period(date(2026, 10, 14), date(2026, 11, 7)),
        Period(date(2026, 10, 24), date(2026, 10, 25)),
    ):
        charts = _charts(shared_store, user, period)
        followed = 0
        for chart in charts.values():
            assert not chart.is_empty, chart.name
            for row, link in enumerate(chart.links):
                cell = chart.cell(row, "ms" if chart.name == "slowest" else "searches")
                if link is None:
                    assert not cell, (chart.name, chart.rows[row])
                    continue
                count = shared_store.searches.count_(replace(link, user_id=user.id), 9999)
                followed += 1
                if chart.name == "slowest":
                    # A bar is one search: that, and what else took as long in that second.
                    assert count >= 1, chart.rows[row]
                elif chart.is_least(row, "searches"):
                    # Of the texts of a day only the most frequent are counted.
                    assert isinstance(cell, int)
                    assert cell <= count, (chart.name, chart.rows[row], link)
                    is_cut = chart.cell(row, "query") == _CUT
                    assert (cell, count) == (3, 4) if is_cut else cell == count
                else:
                    assert count == cell, (chart.name, chart.rows[row], link)
        assert followed > 40
        assert charts["sources"].links[0] is not None
        assert {*charts["keys"].values("key_id")} == {*_KEYS} - {None}


_ZONES = ("Pacific/Auckland", "Asia/Kolkata", "America/New_York", "America/Havana")


@pytest.mark.parametrize("looks_from", ["Europe/Berlin", "Asia/Kolkata"])
def test_each_bar_of_everybody_leads_to_as_many_searches(
    shared_store: Store, looks_from: str
) -> None:
    """Each by their own clock, whatever that of who looks is."""
    people = [shared_store.users.create_(a_user(timezone=zone), "x") for zone in _ZONES]
    for seed, user in enumerate(people):
        shared_store.searches.add_(*_history(user, (), 90, seed))
        shared_store.analytics.begin_(user.id, user.timezone)
        while shared_store.analytics.roll_up_(user.id, 31):
            pass
    for period in (
        Period(date(2026, 10, 14), date(2026, 11, 7)),
        # In Havana the hour after midnight comes twice.
        Period(date(2026, 10, 31), date(2026, 11, 1)),
    ):
        metrics = {*Metric} - {Metric.HOURLY_LATENCY} if len(period) > 2 else {*Metric}
        found = shared_store.figures.list_(None, period.first, period.last, metrics)
        figures = build_figures(period, group_documents(found), period, {}, is_everybodys=True)
        users = shared_store.figures.count_by_user(period.first, period.last)
        assert figures.zone == ""
        board = Dashboard(figures, looks_from, datetime.now(UTC), users=users)
        followed = 0
        for chart in build_charts(board):
            for row, link in enumerate(chart.links):
                cell = chart.cell(row, "ms" if chart.name == "slowest" else "searches")
                if link is None or chart.name == "slowest":
                    assert link or not cell, (chart.name, chart.rows[row])
                    continue
                followed += 1
                count = shared_store.searches.count_(link, 9999)
                if chart.is_least(row, "searches"):
                    assert isinstance(cell, int)
                    assert cell <= count, (chart.name, chart.rows[row], link)
                else:
                    assert count == cell, (chart.name, chart.rows[row], link)
        assert followed > 40


def test_lists_of_each_person_hold_what_those_of_everybody_do_not(shared_store: Store) -> None:
    people = [shared_store.users.create_(a_user(timezone="UTC"), "x") for _ in range(2)]
    day, period = date(2026, 10, 20), Period(date(2026, 10, 19), date(2026, 10, 20))
    made = [
        a_search(
            user,
            text,
            result_count=0,
            created_at=_CROWDED + timedelta(seconds=second),
            params={"outcome": "failed"} if second % 2 else {"outcome": "ok", "offset": 0},
        )
        for number, user in enumerate(people)
        for second, text in enumerate([*(f"{number} {n:02}" for n in range(60)), "ours"])
    ]
    shared_store.searches.add_(*made)
    for user in people:
        shared_store.analytics.begin_(user.id, user.timezone)
        while shared_store.analytics.roll_up_(user.id, 31):
            pass
    shared_store.analytics.add_up_([day])
    metrics = [Metric.POPULAR_QUERIES, Metric.ZERO_RESULTS]
    parts = slices_of(period)
    together = group_documents(shared_store.figures.list_merged_(None, parts, metrics))
    assert len(together[Metric.POPULAR_QUERIES][day]["queries"]) == KEPT_QUERIES
    found = shared_store.figures.list_each_merged_(parts, metrics, 99)
    assert found is not None
    each = group_documents(found)
    popular, zero = (each[metric][day] for metric in metrics)
    assert (popular["searches"], len(popular["queries"])) == (122, 121)
    assert popular["queries"][0][:3] == ["ours", 2, 2]
    # Of each two searches one failed.
    assert (zero["searches"], len(zero["queries"])) == (62, 61)
    assert each.keys() == together.keys()
    # Two persons have more documents of that day than one could.
    assert shared_store.figures.list_each_merged_(parts, metrics, 1) is None
    outcomes = shared_store.figures.outcomes_of([each.id for each in made[:2]] + ["none"])
    assert outcomes == {made[0].id: "ok", made[1].id: "failed"}


def test_an_hour_of_the_week_without_bounds(shared_store: Store) -> None:
    """In summer and in winter, and in a year before clocks are known of."""
    user = shared_store.users.create_(a_user(), "x")
    times = (
        datetime(2026, 1, 5, 9, 59, 59, tzinfo=UTC),
        datetime(2026, 7, 6, 8, tzinfo=UTC),
        datetime(2026, 7, 6, 9, tzinfo=UTC),
        datetime(2026, 7, 7, 8, tzinfo=UTC),
        datetime(1999, 1, 4, 9, tzinfo=UTC),
    )
    for number, at in enumerate(times):
        shared_store.searches.add_(a_search(user, f"q{number}", created_at=at))
    query = HistoryQuery(user_id=user.id, week_hour=WeekHour("Europe/Berlin", 1, 10))
    found = [record.query for record in shared_store.searches.page_(query)]
    assert found == ["q1", "q0", "q4"]
    assert shared_store.searches.count_(replace(query, text="q"), 9) == 3
    years = replace(query, from_at=datetime(2026, 2, 1, tzinfo=UTC))
    assert [record.query for record in shared_store.searches.page_(years)] == ["q1"]


@pytest.mark.parametrize(
    ("day", "begins"),
    [
        (date(2026, 11, 21), datetime(2026, 11, 21, tzinfo=UTC)),
        # At two clocks are put back to one.
        (date(2026, 10, 25), datetime(2026, 10, 24, 23, tzinfo=UTC)),
    ],
)
def test_who_searched_on_the_next_day_of_their_own_is_not_behind_a_bar(
    shared_store: Store, day: date, begins: datetime
) -> None:
    """All who searched on that day have the clock of who looks, and yet others have another one."""
    ann, ken = (
        shared_store.users.create_(a_user(timezone=zone), "x")
        for zone in ("Europe/Lisbon", "Asia/Tokyo")
    )
    for user, first, hours in ((ann, 0, 22), (ken, 16, 5)):
        shared_store.searches.add_(
            *(
                a_search(user, "invoice", created_at=begins + timedelta(minutes=30 + 60 * hour))
                for hour in range(first, first + hours)
            )
        )
        shared_store.analytics.begin_(user.id, user.timezone)
        while shared_store.analytics.roll_up_(user.id, 31):
            pass
    period = Period(day, day)
    found = group_documents(shared_store.figures.list_(None, day, day, [*Metric]))
    figures = build_figures(period, found, period, {}, is_everybodys=True)
    assert (figures.zone, figures.counts.searches) == ("Europe/Lisbon", 22)
    board = Dashboard(figures, "Europe/Lisbon", datetime(2026, 12, 1, tzinfo=UTC))
    followed = 0
    for chart in build_charts(board):
        for row, link in enumerate(chart.links):
            if link is not None and chart.name != "slowest":
                followed += 1
                count = shared_store.searches.count_(link, 9999)
                assert count == chart.cell(row, "searches"), (chart.name, chart.rows[row], link)
    assert followed > 40
