"""What is read of many users, and of what belongs to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.accounts import Belongings, Role, UserQuery, UserSort
from altus4_desktop.domain.keys import IN_USE_WITHIN
from altus4_desktop.storage.repositories.fitting import server_now
from altus4_desktop.storage.tables import (
    account_states,
    api_keys,
    databases,
    query_sets,
    saved_searches,
    searches,
    users,
)

c = users.c
_ORDER: dict[UserSort, sa.ColumnElement[Any]] = {
    UserSort.NAME: sa.func.lower(c.name),
    UserSort.EMAIL: c.email,
    UserSort.ROLE: c.role,
    UserSort.CREATED: c.created_at,
    UserSort.ACTIVE: account_states.c.last_active_at,
}
_NAMES = 5


def conditions(query: UserQuery) -> list[sa.ColumnElement[bool]]:
    """What a user of ``query`` is like."""
    found: list[sa.ColumnElement[bool]] = []
    if query.text:
        found.append(
            sa.or_(
                c.name.icontains(query.text, autoescape=True),
                c.email.icontains(query.text, autoescape=True),
            )
        )
    if query.role is not None:
        admin = sa.func.coalesce(c.role, Role.USER.value) == Role.ADMIN.value
        found.append(admin if query.role is Role.ADMIN else sa.not_(admin))
    return found


def order(query: UserQuery) -> list[sa.ColumnElement[Any]]:
    """By what is asked for, then by name; no two users are equal."""
    columns = [_ORDER[query.sort]]
    if query.sort is not UserSort.NAME:
        columns.append(_ORDER[UserSort.NAME])
    columns.append(c.id)
    return [column.desc() if query.descending else column.asc() for column in columns]


def count_by_owner(
    connection: sa.Connection, user_ids: Sequence[str]
) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """How many keys that work, connections and searches each of the users has."""
    k = api_keys.c
    now = connection.execute(sa.select(server_now())).scalar_one()
    works = sa.and_(k.is_active == sa.true(), sa.or_(k.expires_at.is_(None), k.expires_at > now))
    return (
        _count(connection, k.user_id, user_ids, works),
        _count(connection, databases.c.user_id, user_ids),
        _count(connection, searches.c.user_id, user_ids),
    )


def find_belongings(connection: sa.Connection, user_id: str) -> Belongings:
    """What goes along with the user; the names in their order."""
    k, d, sets = api_keys.c, databases.c, query_sets.c
    now = connection.execute(sa.select(server_now())).scalar_one()
    in_use = sa.and_(
        k.is_active == sa.true(),
        sa.or_(k.expires_at.is_(None), k.expires_at > now),
        k.last_used > now - IN_USE_WITHIN,
    )
    owner = [user_id]
    return Belongings(
        keys=_count(connection, k.user_id, owner).get(user_id, 0),
        key_names=_names(connection, k.name, k.user_id == user_id),
        keys_in_use=_count(connection, k.user_id, owner, in_use).get(user_id, 0),
        connections=_count(connection, d.user_id, owner).get(user_id, 0),
        connection_names=_names(connection, d.name, d.user_id == user_id),
        saved_searches=_count(connection, saved_searches.c.user_id, owner).get(user_id, 0),
        searches=_count(connection, searches.c.user_id, owner).get(user_id, 0),
        query_sets=_count(connection, sets.user_id, owner).get(user_id, 0),
        query_set_names=_names(connection, sets.name, sets.user_id == user_id),
    )


def _count(
    connection: sa.Connection,
    owner: sa.ColumnElement[str],
    user_ids: Sequence[str],
    *which: sa.ColumnElement[bool],
) -> dict[str, int]:
    statement = sa.select(owner, sa.func.count()).where(owner.in_(user_ids), *which).group_by(owner)
    return {row[0]: row[1] for row in connection.execute(statement)}


def _names(
    connection: sa.Connection, name: sa.ColumnElement[str], which: sa.ColumnElement[bool]
) -> tuple[str, ...]:
    statement = sa.select(name).where(which).order_by(sa.func.lower(name), name).limit(_NAMES)
    return tuple(connection.execute(statement).scalars())
