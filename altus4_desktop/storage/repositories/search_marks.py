"""The table ``search_marks``: lists of the searches that are rare among all, newest first.

A search that failed, was slow, asked several connections or came through an API key stands in the
list of each of that. No index of ``searches``, whose columns the specification fixes, could find
these quickly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.history import SLOW_MS
from altus4_desktop.domain.local_days import epoch_s, instant_of
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.storage.json_text import json_bytes, load_json
from altus4_desktop.storage.roll_up_sql import is_counted, is_within, second_of
from altus4_desktop.storage.tables import databases, search_marks, searches
from altus4_desktop.storage.types import Instant

FAILED, SLOW = "failed", "slow"
# Of each user the last search that `mark_old` has looked at, newest first.
_REACHED = "reached"
_NOT_WHOLE = ("failed", "partial")
_ID_CHARS = 36
_IDS_AT_ONCE, _ROWS_AT_ONCE = 500, 2000
_Row = tuple[str, datetime, str | None, int, str | bytes | None]


def marks_of(record: SearchRecord) -> list[str]:
    """The lists in which ``record`` stands."""
    return _marks(record.connection_id, record.execution_time_ms, record.params, {})


def _marks(
    connection_id: str | None, ms: int, params: object, named: Mapping[str, str]
) -> list[str]:
    """Other programs may have written anything."""
    marks = []
    if isinstance(params, dict) and params.get("outcome") in _NOT_WHOLE:
        marks.append(FAILED)
    if ms >= SLOW_MS:
        marks.append(SLOW)
    if connection_id is None:
        marks += _connection_marks(params, named)
    return marks + _key_marks(params)


def add_marks(connection: sa.Connection, search_id: str, marks: Sequence[str]) -> None:
    """Put a search, which is there already, into lists."""
    c = searches.c
    for mark in marks:
        kept = sa.select(sa.literal(mark), c.created_at, c.id, c.user_id).where(c.id == search_id)
        names = ["mark", "created_at", "search_id", "user_id"]
        connection.execute(sa.insert(search_marks).from_select(names, kept))


def mark_old(connection: sa.Connection, user_id: str, count: int) -> int:
    """Put the user's searches that others have written, or that are from before there was a list,
    into theirs, the next ``count`` of them; returns at how many it has looked: fewer at the end.

    Of a search of several connections only their names may have been noted; one that was renamed
    since is not found again.
    """
    rows = old_rows(connection, user_id, count)
    if not rows:
        return 0
    complete_marks(connection, user_id, rows)
    connection.execute(sa.delete(search_marks).where(*_place_of(user_id)))
    last_id, last_at = rows[-1][:2]
    reached = {"mark": _REACHED, "created_at": last_at, "search_id": last_id, "user_id": user_id}
    connection.execute(_insert(connection), [reached])
    return len(rows)


def old_rows(connection: sa.Connection, user_id: str, count: int) -> list[_Row]:
    """What `mark_old` looks at next."""
    c, m = searches.c, search_marks.c
    on_file = connection.dialect.name == "sqlite"
    wanted = _rows_of(user_id).where(is_counted(on_file, c.created_at))
    reached = sa.select(m.created_at, m.search_id).where(*_place_of(user_id))
    place = connection.execute(reached).first()
    if place is not None:
        earlier = sa.or_(c.created_at < place[0], c.id < place[1])
        wanted = wanted.where(c.created_at <= place[0], earlier)
    wanted = wanted.order_by(c.created_at.desc(), c.id.desc()).limit(count)
    return [tuple(row) for row in connection.execute(wanted)]


def _place_of(user_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return search_marks.c.mark == _REACHED, search_marks.c.user_id == user_id


def _insert(connection: sa.Connection) -> sa.Insert:
    # Two programs may look at the same searches.
    ignore = "OR IGNORE" if connection.dialect.name == "sqlite" else "IGNORE"
    return sa.insert(search_marks).prefix_with(ignore)


def _rows_of(
    user_id: str, at: sa.ColumnElement[Any] = searches.c.created_at
) -> sa.Select[*tuple[Any, ...]]:
    c = searches.c
    ms = sa.cast(c.execution_time_ms, sa.Integer)
    return (
        sa.select(c.id, at, c.database_id, ms, json_bytes(c.search_params))
        .where(c.user_id == user_id, c.created_at.is_not(None))
        .with_hint(searches, "FORCE INDEX (idx_searches_user_created)", "mysql")
    )


def complete_marks(connection: sa.Connection, user_id: str, rows: Sequence[_Row]) -> None:
    """Have these searches of the user's stand in their lists, and in no others."""
    m = search_marks.c
    named = _named_connections(connection, user_id)
    for begin in range(0, len(rows), _IDS_AT_ONCE):
        some = rows[begin : begin + _IDS_AT_ONCE]
        there = sa.select(m.mark, m.created_at, m.search_id).where(
            m.search_id.in_([row[0] for row in some]), m.mark != _REACHED
        )
        known = {(mark, at, key) for mark, at, key in connection.execute(there)}
        wanted = {
            (mark, at, key)
            for key, at, connection_id, ms, params in some
            for mark in _marks(connection_id, ms, load_json(params), named)
        }
        made_at = {row[0]: row[1] for row in some}
        # A connection that has another name by now stays found.
        gone = [
            row for row in known - wanted if row[0] in (FAILED, SLOW) or row[1] != made_at[row[2]]
        ]
        if gone:
            connection.execute(
                sa.delete(search_marks).where(
                    m.mark == sa.bindparam("old_mark"),
                    m.created_at == sa.bindparam("old_at"),
                    m.search_id == sa.bindparam("old_id"),
                ),
                [dict(zip(("old_mark", "old_at", "old_id"), row, strict=True)) for row in gone],
            )
        if new := wanted - known:
            connection.execute(
                _insert(connection),
                [
                    {"mark": mark, "created_at": at, "search_id": key, "user_id": user_id}
                    for mark, at, key in new
                ],
            )


def complete_day(
    connection: sa.Connection,
    user_id: str,
    begins: int,
    ends: int,
    after: tuple[int, str] | None,
) -> tuple[int, str] | None:
    """`complete_marks` of the user's searches between two seconds, some of them: those behind
    ``after``. Returns behind which there are more; None at the end, where also those have gone
    from their lists that are no longer there."""
    c, m = searches.c, search_marks.c
    on_file = connection.dialect.name == "sqlite"
    # In a file another program may have left instants that neither read nor compare as ours.
    at = _instant_in_file(c.created_at) if on_file else c.created_at
    order: sa.ColumnElement[Any] = second_of(on_file, c.created_at) if on_file else c.created_at
    wanted = _rows_of(user_id, at).where(is_within(on_file, c.created_at, begins, ends))
    if after is not None:
        place = after[0] if on_file else instant_of(after[0])
        wanted = wanted.where(order >= place, sa.or_(order > place, c.id > after[1]))
    wanted = wanted.order_by(order, c.id).limit(_ROWS_AT_ONCE)
    rows = [tuple(row) for row in connection.execute(wanted)]
    complete_marks(connection, user_id, rows)
    if len(rows) == _ROWS_AT_ONCE:
        return epoch_s(rows[-1][1]), rows[-1][0]
    there = sa.select(c.id).where(
        c.id == m.search_id, is_within(on_file, c.created_at, begins, ends)
    )
    connection.execute(
        sa.delete(search_marks).where(
            m.mark.in_((FAILED, SLOW)),
            m.user_id == user_id,
            m.created_at >= instant_of(begins),
            m.created_at < instant_of(ends),
            ~there.exists(),
        )
    )
    return None


def _instant_in_file(at: sa.ColumnElement[Any]) -> sa.ColumnElement[datetime]:
    text = sa.type_coerce(at, sa.Text)
    # What is added makes 0 of hour 24.
    written = sa.func.strftime("%Y-%m-%d %H:%M:%S", text, "+0 days")
    return sa.type_coerce(written, Instant())


def _named_connections(connection: sa.Connection, user_id: str) -> dict[str, str]:
    """The ids of the user's connections, by their names."""
    d = databases.c
    statement = sa.select(d.name, d.id).where(d.user_id == user_id)
    return dict(connection.execute(statement).all())


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
    connection: sa.Connection, user_id: str, search_ids: Sequence[str] | None = None
) -> None:
    """Take searches of the user's that are deleted out of every list; without ids all of them.

    What another program deletes stays listed until its user goes: who reads a list joins the
    searches, and does not see it.
    """
    c = search_marks.c
    statement = sa.delete(search_marks).where(c.user_id == user_id)
    if search_ids is not None:
        # How far lists are complete stays known when the search is gone.
        statement = statement.where(c.search_id.in_(search_ids), c.mark != _REACHED)
    connection.execute(statement)
