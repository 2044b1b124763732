"""Which keys a list has, and in which order, as conditions that a database's indexes answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from altus4_desktop.domain.keys import (
    EXPIRING_WITHIN,
    UNUSED_AFTER,
    ApiKey,
    KeyFilter,
    KeySort,
)
from altus4_desktop.storage.tables import api_keys, key_rotations, users

c = api_keys.c
Condition: TypeAlias = sa.ColumnElement[bool]
# What to read, and by what it is ordered.
Segment: TypeAlias = tuple[list[Condition], list[sa.ColumnElement[Any]]]
_ORDER: dict[KeySort, tuple[sa.ColumnElement[Any], ...]] = {
    KeySort.EXPIRES: (c.expires_at,),
    KeySort.CREATED: (c.created_at,),
    KeySort.LAST_USED: (c.last_used,),
    # The columns of the specification's index, so that it gives the order.
    KeySort.USES: (c.usage_count, c.last_used),
    KeySort.NAME: (c.name,),
}
# What `idx_active_keys` finds by itself.
_BY_ACTIVE_INDEX = frozenset(
    {KeyFilter.EXPIRING, KeyFilter.NEVER_EXPIRING, KeyFilter.EXPIRED, KeyFilter.REVOKED}
)


class KeyPages:
    """Conditions and orders of lists; ``on_file``: for SQLite."""

    def __init__(self, *, on_file: bool) -> None:
        self._on_file = on_file

    def matching(
        self,
        owner_id: str | None,
        wanted: KeyFilter,
        sort: KeySort,
        text: str,
        owner_text: str,
        now: datetime,
    ) -> list[Condition]:
        """Which keys are wanted at ``now``: `ApiKeyRepository.list_` says what the rest means."""
        conditions = [] if owner_id is None else [c.user_id == owner_id]
        works = c.is_active == sa.true()
        few = owner_id is not None or bool(owner_text) or wanted is KeyFilter.ROTATING
        if few or not (sort is KeySort.EXPIRES or wanted in _BY_ACTIVE_INDEX):
            # Almost all keys are active: an index over that would be the wrong one.
            works = sa.func.coalesce(c.is_active, sa.false()) == sa.true()
        current = [works, sa.or_(c.expires_at.is_(None), c.expires_at > now)]
        conditions += {
            KeyFilter.ALL: [],
            KeyFilter.CURRENT: current,
            KeyFilter.EXPIRING: [
                works,
                c.expires_at > now,
                c.expires_at <= now + EXPIRING_WITHIN,
            ],
            KeyFilter.NEVER_EXPIRING: [works, c.expires_at.is_(None)],
            KeyFilter.UNUSED: [
                *current,
                sa.or_(c.last_used.is_(None), c.last_used <= now - UNUSED_AFTER),
                c.created_at <= now - UNUSED_AFTER,
            ],
            KeyFilter.ROTATING: [*current, c.id.in_(sa.select(key_rotations.c.old_key_id))],
            KeyFilter.EXPIRED: [works, c.expires_at <= now],
            KeyFilter.REVOKED: [c.is_active == sa.false()],
        }[wanted]
        if text:
            begins = c.key_prefix.startswith(text, autoescape=True)
            known = text.startswith("altus4_sk_")
            conditions.append(
                begins if known else sa.or_(c.name.icontains(text, autoescape=True), begins)
            )
        if owner_text:
            owners = sa.select(users.c.id).where(
                users.c.email.icontains(owner_text, autoescape=True)
            )
            conditions.append(c.user_id.in_(owners))
        return conditions

    def segments(
        self, wanted: KeyFilter, sort: KeySort, after: ApiKey | None, *, descending: bool
    ) -> list[Segment]:
        """What to read one after the other: databases take NULL for the least, and what never
        expires comes last."""
        columns, tie = _ORDER[sort], self._tie()
        beyond = (
            []
            if after is None
            else self._beyond(columns, _values_of(after, sort), after, descending=descending)
        )
        if sort is not KeySort.EXPIRES:
            return [(beyond, [*columns, tie])]
        # Ordered by the number of the row alone: to name an end that none of them has would keep
        # databases from taking the order from their index.
        dated: Segment = ([c.expires_at.is_not(None)], [*columns, tie])
        endless: Segment = ([c.expires_at.is_(None)], [tie])
        parts = [endless, dated] if descending else [dated, endless]
        if after is not None:
            first = endless if after.expires_at is None else dated
            if first is endless:
                beyond = [tie < self._mark(after) if descending else tie > self._mark(after)]
            first[0].extend(beyond)
            if first is parts[1]:
                del parts[0]
        empty = {
            KeyFilter.NEVER_EXPIRING: dated,
            KeyFilter.EXPIRING: endless,
            KeyFilter.EXPIRED: endless,
        }.get(wanted)
        return [part for part in parts if part is not empty]

    def _beyond(
        self,
        columns: Sequence[sa.ColumnElement[Any]],
        values: Sequence[Any],
        after: ApiKey,
        *,
        descending: bool,
    ) -> list[Condition]:
        """Behind ``after``; the second condition is true with the first and lets an index begin
        there."""
        tie, mark = self._tie(), self._mark(after)
        beyond: Condition = tie < mark if descending else tie > mark
        for column, value in reversed(list(zip(columns, values, strict=True))):
            same = column.is_(None) if value is None else column == value
            beyond = sa.or_(_further(column, value, descending=descending), sa.and_(same, beyond))
        first, value = columns[0], values[0]
        if descending:
            here = first.is_(None) if value is None else sa.or_(first <= value, first.is_(None))
        else:
            here = sa.true() if value is None else first >= value
        return [beyond, here]

    def _tie(self) -> sa.ColumnElement[Any]:
        """What every index ends with: a row's number in a file, its key on a server."""
        return sa.literal_column("api_keys.rowid") if self._on_file else c.id

    def _mark(self, after: ApiKey) -> sa.ColumnElement[Any]:
        if not self._on_file:
            return sa.literal(after.id)
        other = api_keys.alias("mark")
        return (
            sa.select(sa.literal_column("mark.rowid"))
            .select_from(other)
            .where(other.c.id == after.id)
            .scalar_subquery()
        )


def _further(column: sa.ColumnElement[Any], value: Any, *, descending: bool) -> Condition:
    if descending:
        return sa.false() if value is None else sa.or_(column < value, column.is_(None))
    return column.is_not(None) if value is None else column > value


def _values_of(key: ApiKey, sort: KeySort) -> tuple[Any, ...]:
    return {
        KeySort.EXPIRES: (key.expires_at,),
        KeySort.CREATED: (key.created_at,),
        KeySort.LAST_USED: (key.last_used_at,),
        KeySort.USES: (key.usage_count, key.last_used_at),
        KeySort.NAME: (key.name,),
    }[sort]
