"""The table ``analytics_marks``: written along with every change of ``searches``.

Whoever adds, changes or deletes searches marks their hours in the same transaction; whoever counts
takes the marks away in the transaction that writes the figures. So a day is counted again after
each change, whenever a program is killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.storage.roll_up_sql import is_counted
from altus4_desktop.storage.tables import (
    analytics,
    analytics_marks,
    analytics_states,
    analytics_totals,
    searches,
)
from altus4_desktop.storage.types import Instant


def mark_hours(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> None:
    """Have the days of the searches that meet ``conditions`` counted again."""
    hours = (
        sa.select(searches.c.user_id, _hour(connection))
        .where(
            searches.c.created_at.is_not(None),
            is_counted(connection.dialect.name == "sqlite", searches.c.created_at),
            *conditions,
        )
        .distinct()
    )
    names = ["user_id", "hour_at"]
    connection.execute(_insert(connection).from_select(names, hours))


def add_marks(connection: sa.Connection, user_id: str, hours: Sequence[datetime]) -> None:
    """Mark ``hours`` of the user's, unless they are marked."""
    if hours:
        rows = [{"user_id": user_id, "hour_at": hour} for hour in hours]
        connection.execute(_insert(connection), rows)


def _insert(connection: sa.Connection) -> sa.Insert:
    ignore = "OR IGNORE" if connection.dialect.name == "sqlite" else "IGNORE"
    return sa.insert(analytics_marks).prefix_with(ignore)


def forget_figures(connection: sa.Connection, user_id: str) -> None:
    """Have everybody's figures added up again for the days on which the user has any."""
    # Who adds up, or counts for this user, has finished first.
    connection.execute(
        sa.select(analytics_states.c.user_id)
        .where(analytics_states.c.user_id == user_id)
        .with_for_update()
    ).all()
    days = sa.select(analytics.c.analytics_date).where(analytics.c.user_id == user_id)
    connection.execute(
        sa.delete(analytics_totals).where(analytics_totals.c.analytics_date.in_(days))
    )


def _hour(connection: sa.Connection) -> sa.ColumnElement[Any]:
    at = searches.c.created_at
    if connection.dialect.name == "sqlite":
        return sa.func.substr(at, 1, 13, type_=sa.String()).concat(":00:00")
    seconds = sa.func.unix_timestamp(at)
    return sa.type_coerce(
        sa.func.from_unixtime(seconds - seconds.op("%")(sa.literal_column("3600"))), Instant()
    )
