"""What SQLite would take and a server would not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.errors import InputError
from altus4_desktop.storage.types import Instant

ONE_SECOND = timedelta(seconds=1)


def check_lengths(
    table: sa.Table[Any], values: Mapping[str, Any], names: Mapping[str, str]
) -> None:
    """Raise InputError for a text longer than its column; ``names`` maps columns to form fields."""
    for column, value in values.items():
        limit = getattr(table.c[column].type, "length", None)
        if isinstance(value, str) and limit is not None and len(value) > limit:
            raise InputError(
                names.get(column, column),
                "At most {limit} characters fit here; this has {length}.",
                limit=limit,
                length=len(value),
            )


def server_now() -> sa.ColumnElement[datetime]:
    """The store's own clock, so that desktops with other clocks agree."""
    return sa.type_coerce(sa.func.current_timestamp(), Instant())


def moved_on(now: datetime, updated_at: datetime | None) -> datetime:
    """The next ``updated_at``: never the same twice, though TIMESTAMP counts whole seconds only."""
    return now if updated_at is None else max(now, updated_at + ONE_SECOND)
