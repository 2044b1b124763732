"""How many rows of the tables that matter most were written since an instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from altus4_desktop.domain.backups import TableWrites
from altus4_desktop.storage.tables import (
    api_keys,
    audit_log,
    databases,
    saved_searches,
    searches,
    users,
)
from altus4_desktop.storage.transactions import Transactions

_COUNTED = (searches, users, api_keys, databases, saved_searches)


class WrittenRepository:
    """Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def count_since(self, at: datetime) -> tuple[TableWrites, ...]:
        """The tables with rows that were made later than ``at``, or changed later; by the clocks of
        those who wrote them."""

        def work(connection: sa.Connection) -> tuple[TableWrites, ...]:
            return tuple(_count(connection, table, at) for table in _COUNTED)

        return tuple(one for one in self._transactions.read(work) if one.added or one.changed)

    def last_at(self) -> datetime | None:
        """When anything was written last that leaves a search or an audit record."""

        def work(connection: sa.Connection) -> Sequence[datetime | None]:
            told = sa.select(audit_log.c.occurred_at).order_by(audit_log.c.sequence.desc())
            searched = sa.select(sa.func.max(searches.c.created_at))
            return [connection.execute(one).scalar() for one in (told.limit(1), searched)]

        return max((at for at in self._transactions.read(work) if at is not None), default=None)


def _count(connection: sa.Connection, table: sa.Table, at: datetime) -> TableWrites:
    count = sa.select(sa.func.count()).select_from(table)
    added = connection.execute(count.where(table.c.created_at > at)).scalar_one()
    if "updated_at" not in table.c:
        return TableWrites(table.name, added, 0)
    changed = count.where(table.c.updated_at > at, table.c.created_at <= at)
    return TableWrites(table.name, added, connection.execute(changed).scalar_one())
