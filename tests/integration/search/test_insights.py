"""Insights over real servers: what was not found, why, and what is there instead."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.insights import InsightKind, InsightReport
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.services.analytics import AnalyticsService, today_of
from altus4_desktop.services.insights import InsightsService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.suggestions import SuggestionsService
from tests.integration.search.test_search_service import silent_server
from tests.records import a_search
from tests.search_world import SearchWorld, search_world
from tests.servers import Account, DatabaseServer

_ROWS = ", ".join(
    f"({number}, '{'invoice' if number <= 240 else 'receipt'} of customer {number}')"
    for number in range(1, 301)
)
_BILLS = (
    "CREATE TABLE bills (id INT PRIMARY KEY, title TEXT, FULLTEXT (title)) ENGINE=InnoDB",
    f"INSERT INTO bills VALUES {_ROWS}",
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SearchWorld]:
    with search_world(tmp_path) as made:
        yield made


def _find(world: SearchWorld) -> InsightReport:
    """What is unusual about today."""
    assert world.history.close_(10)
    permissions = Permissions(world.metadata)
    analytics = AnalyticsService(world.metadata, permissions)
    analytics.refresh_(world.actor)
    suggestions = SuggestionsService(world.connections, world.pools, world.history, permissions)
    insights = InsightsService(
        world.metadata,
        analytics,
        world.connections,
        world.search,
        suggestions,
        permissions,
        lambda: True,
    )
    # A search at midnight is one of the day before.
    return insights.find_(world.actor, Period.ending(today_of(world.actor), 2))


def test_what_was_not_found_and_what_is_there(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "Shop", _BILLS)
    for query, mode, count in (
        ("invoise", SearchMode.NATURAL, 5),
        ("the of", SearchMode.NATURAL, 6),
        ("+receipt +invoice", SearchMode.BOOLEAN, 7),
        ("invoice", SearchMode.NATURAL, 2),
    ):
        for _ in range(count):
            world.run(query, mode)
    report = _find(world)
    told = {insight.kind: insight for insight in report.insights}
    misspelt = told[InsightKind.MISSPELT]
    assert misspelt.text == "5 searches for “invoise” found nothing; “invoice” has 240 rows."
    assert misspelt.retry is not None
    assert len(world.search.run(world.actor, misspelt.retry).hits) == misspelt.retry.limit
    assert [insight.text for insight in report.insights] == [
        misspelt.text,
        "7 searches for “+receipt +invoice” found nothing: no row fits its operators.",
        f"6 searches for “the of” found nothing: {_STOP_WORDS}",
    ]
    for insight in report.insights:
        assert insight.link is not None
        assert len(world.history.page_(world.actor, insight.link)) == insight.linked
    assert report.unasked == ()


def test_near_words_stand_together(world: SearchWorld, tenant_server: DatabaseServer) -> None:
    world.add_database(tenant_server, "Shop", _BILLS)
    for _ in range(4):
        # Of a customer there are rows; none is an invoice and a receipt.
        world.run("invoise custommer", SearchMode.NATURAL)
        world.run("invoise reciept", SearchMode.NATURAL)
    told = [one for one in _find(world).insights if one.kind is InsightKind.MISSPELT]
    assert [one.retry.query for one in told if one.retry] == ["invoice customer"]


_STOP_WORDS = "it has only stop words, which are not in the index."


def test_a_server_that_says_nothing_holds_up_nobody_else(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    shop = world.add_database(tenant_server, "Shop", _BILLS)
    with silent_server() as silent:
        mute = world.add_connection("127.0.0.1", silent.port, "Mute", "x", Account("x", "x"))
        user = world.metadata.store.users.find_(world.actor.user_id)
        assert user is not None
        params = {"connections": ["Mute", "Shop"], "connection_ids": [mute.id, shop.id]}
        made = [
            a_search(
                user,
                "invoise",
                mode=SearchMode.NATURAL,
                params={"outcome": "ok", **params},
                result_count=0,
                created_at=datetime.now(UTC),
            )
            for _ in range(4)
        ]
        world.metadata.store.searches.add_(*made)
        begun = time.monotonic()
        report = _find(world)
        assert time.monotonic() - begun < 6
        (insight,) = report.insights
        assert insight.text == "4 searches for “invoise” found nothing; “invoice” has 240 rows."
        assert report.unasked == ("Mute",)
