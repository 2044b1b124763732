"""The table ``account_states``: what others write into it along with their own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

from altus4_desktop.storage.repositories.fitting import server_now
from altus4_desktop.storage.tables import account_states, users

c = account_states.c
USERS_AND_STATES = users.outerjoin(account_states, users.c.id == c.user_id)
_A_MINUTE = timedelta(minutes=1)


def activity_due(connection: sa.Connection, user_id: str) -> datetime | None:
    """The store's clock when it is time to keep again that the user is active, else None."""
    row = connection.execute(
        sa.select(server_now(), c.last_active_at)
        .select_from(USERS_AND_STATES)
        .where(users.c.id == user_id)
    ).first()
    if row is None or (row[1] is not None and row[0] - row[1] < _A_MINUTE):
        return None
    return row[0]


def record_activity(connection: sa.Connection, user_id: str) -> None:
    """Keep that the user is active now, at most once a minute."""
    now = activity_due(connection, user_id)
    if now is not None:
        _keep(connection, user_id, last_active_at=now)


def set_temporary(connection: sa.Connection, user_id: str, *, temporary: bool) -> None:
    """Keep whether the user's password has to be changed at the next sign-in."""
    _keep(connection, user_id, must_change_password=temporary)


def _keep(connection: sa.Connection, user_id: str, **values: Any) -> None:
    """One statement: two programs at once both find no row."""
    statement: sa.Executable
    if connection.dialect.name == "sqlite":
        statement = (
            sqlite.insert(account_states)
            .values(user_id=user_id, **values)
            .on_conflict_do_update(index_elements=[c.user_id], set_=values)
        )
    else:
        statement = (
            mysql.insert(account_states)
            .values(user_id=user_id, **values)
            .on_duplicate_key_update(**values)
        )
    connection.execute(statement)
