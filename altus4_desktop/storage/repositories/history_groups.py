"""How many past searches there are of each kind, all of them, however many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.history import HistoryQuery
from altus4_desktop.storage.repositories.history_statements import conditions_of, index_of
from altus4_desktop.storage.repositories.own_clocks import with_zones
from altus4_desktop.storage.tables import search_marks, searches

c, m = searches.c, search_marks.c
Groups = dict[tuple[str, str], int]
_IDS_AT_ONCE = 500


def count_groups(
    connection: sa.Connection, query: HistoryQuery, connection_ids: Collection[str]
) -> Groups:
    """How many searches ``query`` finds, which asks for days, a user, a mode and durations alone:
    by ("mode", mode), ("user", id) and ("connection", id), those of ``connection_ids`` searched
    alone or with others."""
    found: Counter[tuple[str, str]] = Counter()
    count = sa.func.count()
    query = with_zones(connection, query)
    wanted = conditions_of(query, by_words=False)
    alone = (
        sa.select(c.search_mode, c.user_id, c.database_id, count)
        .where(*wanted, *_days(query, c.created_at))
        .group_by(c.search_mode, c.user_id, c.database_id)
        .with_hint(searches, f"FORCE INDEX ({index_of(query)})", "mysql")
    )
    if query.user_id:
        alone = alone.where(c.user_id == query.user_id)
    for mode, user_id, key, searched in connection.execute(alone):
        found["mode", str(mode)] += searched
        found["user", user_id] += searched
        if key is not None and key in connection_ids:
            found["connection", key] += searched
    ids = sorted(connection_ids)
    for at in range(0, len(ids), _IDS_AT_ONCE):
        together = (
            sa.select(m.mark, count)
            .select_from(search_marks.join(searches, m.search_id == c.id))
            .prefix_with("STRAIGHT_JOIN", dialect="mysql")
            .where(m.mark.in_(ids[at : at + _IDS_AT_ONCE]), *_days(query, m.created_at), *wanted)
            .group_by(m.mark)
        )
        if query.user_id:
            together = together.where(m.user_id == query.user_id)
        for key, searched in connection.execute(together):
            found["connection", key] += searched
    return dict(found)


def _days(query: HistoryQuery, at: sa.ColumnElement[Any]) -> list[sa.ColumnElement[bool]]:
    days: list[sa.ColumnElement[bool]] = []
    if query.from_at is not None:
        days.append(at >= query.from_at)
    if query.to_at is not None:
        days.append(at < query.to_at)
    return days
