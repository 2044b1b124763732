"""The table ``analytics_marks``: written along with every change of ``searches``.

Whoever adds, changes or deletes searches marks their hours in the same transaction; whoever counts
takes the marks away in the transaction that writes the figures. So a day is counted again after
each change, whenever a program is killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.storage.roll_up_sql import (
    hour_of,
    is_of_years,
    is_possible,
    rough_hour_of,
)
from altus4_desktop.storage.tables import (
    analytics,
    analytics_marks,
    analytics_states,
    analytics_totals,
    searches,
)
from altus4_desktop.storage.types import Instant

_marks = analytics_marks.c
_BATCH = 500


def mark_hours(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> None:
    """Have the days of the searches that meet ``conditions`` counted again."""
    at = searches.c.created_at
    hours: sa.Select[Any]
    if connection.dialect.name == "sqlite":
        rough = (
            sa.select(searches.c.user_id, rough_hour_of(at).label("at"))
            .where(is_of_years(at), *conditions)
            .distinct()
            # With a limit SQLite looks at what is found, not at each search, for what follows.
            .limit(-1)
            .subquery()
        )
        hour = hour_of(rough.c.at)
        there_is = is_possible(rough.c.at), hour.is_not(None)
        hours = sa.select(rough.c.user_id, hour).where(*there_is).distinct()
    else:
        hours = (
            sa.select(searches.c.user_id, _hour_on_server())
            .where(at.is_not(None), *conditions)
            .distinct()
        )
    names = ["user_id", "hour_at"]
    connection.execute(_insert(connection).from_select(names, hours))


def read_marks(
    connection: sa.Connection, user_id: str, most: int
) -> tuple[list[datetime], dict[str, datetime]]:
    """The user's first marked hours, from ``most`` marks, which are locked; in a file also the
    hours of those marks that are not written as hours are. What is no instant is deleted."""
    at = _marks.hour_at
    if connection.dialect.name != "sqlite":
        marked = sa.select(at).where(_marks.user_id == user_id).order_by(at).limit(most)
        return [*connection.execute(marked.with_for_update()).scalars()], {}
    statement = (
        sa.select(sa.type_coerce(at, sa.Text))
        .where(_marks.user_id == user_id, is_of_years(at))
        .order_by(at)
        .limit(most)
    )
    while texts := connection.execute(statement).scalars().all():
        hours: list[datetime] = []
        odd: dict[str, datetime] = {}
        lost = []
        for text in texts:
            if (hour := _read_hour(text)) is not None:
                hours.append(hour)
            elif (hour := _find_hour(connection, text)) is not None:
                odd[text] = hour
            else:
                lost.append(text)
        delete_marks(connection, user_id, lost)
        if hours or odd:
            return sorted({*hours, *odd.values()}), odd
    return [], {}


def _read_hour(text: str) -> datetime | None:
    """The hour of a mark in a file; None where it is not written as we write hours."""
    if text[10:11] != " " or text[13:] != ":00:00":
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def _find_hour(connection: sa.Connection, text: str) -> datetime | None:
    """The hour in which ``text`` is for SQLite, or its day begins; None where it is no instant."""
    found = connection.execute(
        # A mark may have been made of a day without an hour.
        sa.select(sa.func.coalesce(hour_of(sa.literal(text)), hour_of(sa.literal(text[:10])), ""))
    ).scalar_one()
    return _read_hour(found)


def delete_marks(connection: sa.Connection, user_id: str, texts: Sequence[str]) -> int:
    """Take away marks, in a file, that are written so; returns how many there were."""
    return sum(
        connection.execute(
            sa.delete(analytics_marks).where(
                _marks.user_id == user_id,
                sa.type_coerce(_marks.hour_at, sa.Text).in_(texts[at : at + _BATCH]),
            )
        ).rowcount
        for at in range(0, len(texts), _BATCH)
    )


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


def _hour_on_server() -> sa.ColumnElement[Any]:
    seconds = sa.func.unix_timestamp(searches.c.created_at)
    return sa.type_coerce(
        sa.func.from_unixtime(seconds - seconds.op("%")(sa.literal_column("3600"))), Instant()
    )
