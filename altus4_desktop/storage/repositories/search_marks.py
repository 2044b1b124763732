"""The table ``search_marks``: lists of the searches that are rare among all, newest first.

A search that failed, was slow or asked several connections stands in the list of each of that. No
index of ``searches``, whose columns the specification fixes, could find these quickly.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from altus4_desktop.domain.history import SLOW_MS
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.storage.tables import search_marks, searches

FAILED, SLOW = "failed", "slow"
_NOT_WHOLE = ("failed", "partial")


def marks_of(record: SearchRecord) -> list[str]:
    """The lists in which ``record`` stands."""
    marks = []
    if record.params.get("outcome") in _NOT_WHOLE:
        marks.append(FAILED)
    if record.execution_time_ms >= SLOW_MS:
        marks.append(SLOW)
    asked = record.params.get("connection_ids")
    if record.connection_id is None and isinstance(asked, list):
        marks += [each for each in dict.fromkeys(asked) if isinstance(each, str)]
    return marks


def add_marks(connection: sa.Connection, search_id: str, marks: Sequence[str]) -> None:
    """Put a search, which is there already, into lists."""
    c = searches.c
    for mark in marks:
        kept = sa.select(sa.literal(mark), c.created_at, c.id, c.user_id).where(c.id == search_id)
        names = ["mark", "created_at", "search_id", "user_id"]
        connection.execute(sa.insert(search_marks).from_select(names, kept))


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
