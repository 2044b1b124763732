"""Single searches as points for a chart, and as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.local_days import day_bounds, day_number, find_zone
from altus4_desktop.domain.search_points import (
    MOST_POINTS,
    PointColumns,
    SearchPoints,
)
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService

_PAGE = 20_000
# What is shown meanwhile is put together anew each time: the next time there is this much more.
_GROWTH = 2.5


class SearchPointsService:
    """Reads single searches without their texts."""

    def __init__(self, metadata: MetadataService, permissions: Permissions) -> None:
        self._metadata = metadata
        self._permissions = permissions

    def points_(
        self,
        actor: Actor,
        period: Period,
        *,
        token: CancelToken | None = None,
        on_part: Callable[[SearchPoints], None] | None = None,
        most: int = MOST_POINTS,
    ) -> SearchPoints:
        """The newest ``most`` searches of the days of ``period`` in the actor's time zone: the
        actor's own, or everybody's for an admin.

        Read page by page; ``on_part`` is given the newest ones meanwhile, more and more of them.
        Raises AccessError, StoreError, Cancelled.
        """
        actor = self._permissions.check(actor, Right.ANALYSE)
        whose = None if self._permissions.owns(actor, "") else actor.user_id
        token = token or CancelToken()
        begins, ends = point_bounds(actor, period)
        found, place, told = PointColumns(), None, _PAGE
        while len(found) < most:
            token.raise_if_cancelled()
            page = self._metadata.store.search_points.page_(
                whose, begins, ends, place, min(_PAGE, most - len(found))
            )
            found.add(page.rows)
            place = page.end
            if place is None:
                break
            if on_part is not None and len(found) >= told:
                on_part(found.points(has_more=True))
                told = int(len(found) * _GROWTH)
        more = place is not None and bool(
            self._metadata.store.search_points.page_(whose, begins, ends, place, 1).rows
        )
        return found.points(has_more=more)


def point_bounds(actor: Actor, period: Period) -> tuple[int, int]:
    """The seconds since 1970 at which the days begin and are over, by the actor's clock."""
    zone = actor.timezone or "UTC"
    return day_bounds(zone, day_number(period.first), day_number(period.last))


def points_csv(points: SearchPoints, zone: str, first: int, end: int) -> str:
    """The points at the places ``first`` to before ``end`` with instants of ``zone``."""
    place = find_zone(zone)

    def lines() -> Iterator[str]:
        yield "at,ms,outcome\r\n"
        for at_s, ms, outcome in points.between(first, end):
            at = datetime.fromtimestamp(at_s, place).isoformat()
            yield f"{at},{ms},{outcome.name.lower()}\r\n"

    return "".join(lines())
