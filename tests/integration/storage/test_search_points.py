"""Searches as points on three databases."""

from __future__ import annotations

from datetime import timedelta

from altus4_desktop.domain.local_days import epoch_s
from altus4_desktop.domain.search_points import PointOutcome
from altus4_desktop.storage.store import Store
from tests.records import AN_INSTANT, a_search, a_user

_ENDS = {
    "ok": PointOutcome.HITS,
    "none": PointOutcome.NONE,
    "failed": PointOutcome.FAILED,
    "partial": PointOutcome.FAILED,
    "cancelled": PointOutcome.CANCELLED,
}


def test_pages_have_each_search_once_the_newest_first(shared_store: Store) -> None:
    users = [a_user(), a_user()]
    for user in users:
        shared_store.users.create_(user, "x")
    begins = epoch_s(AN_INSTANT)
    wanted = []
    for number in range(40):
        user, ended = users[number % 2], [*_ENDS][number % 5]
        shared_store.searches.add_(
            a_search(
                user,
                "x",
                # One that tells nothing of itself found something or nothing.
                params={} if ended == "none" else {"outcome": ended},
                result_count=0 if ended == "none" else 2,
                execution_time_ms=number,
                created_at=AN_INSTANT + timedelta(seconds=number // 4),
            )
        )
        wanted.append((user.id, begins + number // 4, number, _ENDS[ended]))
    for whose in (None, users[1].id):
        found: list[tuple[int, int, int]] = []
        place = None
        while True:
            page = shared_store.search_points.page_(whose, begins + 1, begins + 9, place, 7)
            assert len(page.rows) <= 7
            found += page.rows
            place = page.end
            if place is None:
                break
        assert [row[0] for row in found] == sorted((row[0] for row in found), reverse=True)
        assert sorted(found) == sorted(
            (at_s, ms, ended)
            for user_id, at_s, ms, ended in wanted
            if whose in {None, user_id} and begins + 1 <= at_s < begins + 9
        )
