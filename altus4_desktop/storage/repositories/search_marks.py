"""The table ``search_marks``: lists of the searches that are rare among all, newest first.

A search that failed, was slow, asked several connections or came through an API key stands in the
list of each of that. No index of ``searches``, whose columns the specification fixes, could find
these quickly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from altus4_desktop.domain.history import SLOW_MS
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.storage.tables import databases, search_marks, searches

FAILED, SLOW = "failed", "slow"
# A list of one: the last search that `mark_old` has looked at, newest first.
_REACHED = "reached"
_NOT_WHOLE = ("failed", "partial")
_ID_CHARS = 36


def marks_of(record: SearchRecord) -> list[str]:
    """The lists in which ``record`` stands."""
    marks = []
    if record.params.get("outcome") in _NOT_WHOLE:
        marks.append(FAILED)
    if record.execution_time_ms >= SLOW_MS:
        marks.append(SLOW)
    if record.connection_id is None:
        marks += _connection_marks(record.params, {})
    return marks + _key_marks(record.params)


def add_marks(connection: sa.Connection, search_id: str, marks: Sequence[str]) -> None:
    """Put a search, which is there already, into lists."""
    c = searches.c
    for mark in marks:
        kept = sa.select(sa.literal(mark), c.created_at, c.id, c.user_id).where(c.id == search_id)
        names = ["mark", "created_at", "search_id", "user_id"]
        connection.execute(sa.insert(search_marks).from_select(names, kept))


def mark_old(connection: sa.Connection, count: int) -> int:
    """Put searches of several connections from before there were lists into those of their
    connections, the next ``count`` of them; returns at how many it has looked: fewer at the end.

    Of such a search only the names of its connections may have been noted; one that was renamed
    since is not found again.
    """
    c, m = searches.c, search_marks.c
    wanted = sa.select(c.id, c.created_at, c.user_id, c.search_params).where(
        c.database_id.is_(None), c.created_at.is_not(None)
    )
    reached = sa.select(m.created_at, m.search_id).where(m.mark == _REACHED)
    place = connection.execute(reached.limit(1)).first()
    if place is not None:
        earlier = sa.or_(c.created_at < place[0], c.id < place[1])
        wanted = wanted.where(c.created_at <= place[0], earlier)
    wanted = wanted.with_hint(searches, "FORCE INDEX (idx_history_connection)", "mysql")
    rows = connection.execute(wanted.order_by(c.created_at.desc(), c.id.desc()).limit(count)).all()
    if not rows:
        return 0
    ids = [row[0] for row in rows]
    there = sa.select(m.mark, m.search_id).where(m.search_id.in_(ids))
    known = {(mark, key) for mark, key in connection.execute(there)}
    named = _named_connections(connection, {row[2] for row in rows})
    made = [
        {"mark": mark, "created_at": at, "search_id": key, "user_id": user_id}
        for key, at, user_id, params in rows
        for mark in _connection_marks(params, named.get(user_id, {}))
        if (mark, key) not in known
    ]
    connection.execute(sa.delete(search_marks).where(m.mark == _REACHED))
    made.append({"mark": _REACHED, "created_at": rows[-1][1], "search_id": ids[-1], "user_id": ""})
    connection.execute(sa.insert(search_marks), made)
    return len(rows)


def _named_connections(
    connection: sa.Connection, user_ids: Collection[str]
) -> dict[str, dict[str, str]]:
    """The ids of the connections of these people, by their names."""
    d = databases.c
    found: dict[str, dict[str, str]] = {}
    statement = sa.select(d.user_id, d.name, d.id).where(d.user_id.in_(user_ids))
    for user_id, name, key in connection.execute(statement):
        found.setdefault(user_id, {})[name] = key
    return found


def _connection_marks(params: object, named: Mapping[str, str]) -> list[str]:
    if not isinstance(params, dict):
        return []
    asked = params.get("connection_ids")
    if not isinstance(asked, list):
        names = params.get("connections")
        asked = [named.get(str(name)) for name in names] if isinstance(names, list) else []
    return [each for each in dict.fromkeys(asked) if isinstance(each, str)]


def _key_marks(params: object) -> list[str]:
    """The list of the API key with which it was searched: the key's id."""
    key = params.get("api_key") if isinstance(params, dict) else None
    # Other programs may have written anything.
    return [key] if isinstance(key, str) and len(key) == _ID_CHARS else []


def delete_marks(
    connection: sa.Connection,
    user_id: str | None = None,
    *,
    search_ids: Sequence[str] | None = None,
    before_at: datetime | None = None,
) -> None:
    """Take searches that are deleted out of every list; without a condition all of them.

    What another program deletes stays listed until its time is over: who reads a list joins the
    searches, and does not see it.
    """
    c = search_marks.c
    statement = sa.delete(search_marks)
    if user_id is not None:
        statement = statement.where(c.user_id == user_id)
    if search_ids is not None:
        statement = statement.where(c.search_id.in_(search_ids))
    if before_at is not None:
        statement = statement.where(c.created_at < before_at)
    connection.execute(statement)
