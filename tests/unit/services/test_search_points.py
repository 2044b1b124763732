"""Single searches as points, read page by page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role, User
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.search_points import PointOutcome, SearchPoints
from altus4_desktop.services import Services, search_points
from altus4_desktop.services.search_points import points_csv
from tests.records import a_search, a_user

_ZONE = ZoneInfo("America/New_York")
_DAY = Period(date(2026, 3, 8), date(2026, 3, 8))
_MIDNIGHT = datetime(2026, 3, 8, tzinfo=_ZONE)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        yield made


@pytest.fixture
def user(services: Services) -> User:
    return services.metadata.store.users.create_(a_user(timezone=str(_ZONE)), "x")


def _add(services: Services, user: User, count: int) -> None:
    ends = ("ok", "cancelled", "ok", "failed", "partial")
    services.metadata.store.searches.add_(
        *(
            a_search(
                user,
                "x",
                params={"outcome": ends[number % 5]},
                result_count=3 if number % 5 in {0, 4} else 0,
                execution_time_ms=number,
                created_at=_MIDNIGHT + timedelta(seconds=number // 3),
            )
            for number in range(count)
        )
    )


def test_every_search_of_the_days_is_a_point(
    services: Services, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_points, "_PAGE", 7)
    _add(services, user, 30)
    store = services.metadata.store
    store.searches.add_(a_search(user, "x", created_at=_MIDNIGHT - timedelta(seconds=1)))
    # Clocks were set forward: the day had 23 hours.
    store.searches.add_(a_search(user, "x", created_at=datetime(2026, 3, 9, tzinfo=_ZONE)))
    parts: list[SearchPoints] = []
    found = services.search_points.points_(user.as_actor(), _DAY, on_part=parts.append)
    assert sorted(point.ms for point in found.between(0, len(found))) == list(range(30))
    assert [found[place].at_s for place in range(30)] == [
        round(_MIDNIGHT.timestamp()) + number // 3 for number in range(30)
    ]
    outcome = {point.ms: point.outcome for point in found.between(0, len(found))}
    hits, cancelled, none, failed = (
        PointOutcome.HITS,
        PointOutcome.CANCELLED,
        PointOutcome.NONE,
        PointOutcome.FAILED,
    )
    assert [outcome[ms] for ms in range(5)] == [hits, cancelled, none, failed, failed]
    assert not found.has_more
    assert [len(part) for part in parts] == [7, 21]


def test_only_the_newest_are_read_when_there_are_more(services: Services, user: User) -> None:
    _add(services, user, 30)
    found = services.search_points.points_(user.as_actor(), _DAY, most=9)
    assert found.has_more
    assert sorted(point.ms for point in found.between(0, 9)) == list(range(21, 30))
    assert not services.search_points.points_(user.as_actor(), _DAY, most=30).has_more


def test_one_sees_ones_own_and_an_admin_all(services: Services, user: User) -> None:
    _add(services, user, 5)
    store = services.metadata.store
    other = store.users.create_(a_user(timezone=str(_ZONE)), "x").as_actor()
    admin = store.users.create_(a_user(role=Role.ADMIN, timezone=str(_ZONE)), "x").as_actor()
    assert len(services.search_points.points_(other, _DAY)) == 0
    assert len(services.search_points.points_(admin, _DAY)) == 5


def test_reading_is_given_up(services: Services, user: User) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        services.search_points.points_(user.as_actor(), _DAY, token=token)


def test_a_file_has_a_line_for_each(services: Services, user: User) -> None:
    _add(services, user, 4)
    found = services.search_points.points_(user.as_actor(), _DAY)
    lines = points_csv(found, str(_ZONE), 3, 4).splitlines()
    assert lines == ["at,ms,outcome", "2026-03-08T00:00:01-05:00,3,failed"]
