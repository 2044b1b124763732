"""The table ``users`` as it is at every revision, also while the store is behind this program."""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from altus4_desktop.domain.accounts import DEMO_EMAIL, Actor, Role
from altus4_desktop.storage.tables import users
from altus4_desktop.storage.transactions import Transactions

c = users.c
# The columns of the first revision.
_RECORD = (c.id, c.name, c.email, c.role, c.password)


@dataclass(frozen=True, slots=True)
class EarlyUser:
    """Who somebody is, and what their password is compared with."""

    actor: Actor
    password_hash: str = field(repr=False)


class EarlyUserRepository:
    """People, without what later revisions know of them. Every method raises StoreError when the
    store fails, and finds nobody before there is a table."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def exists_real(self) -> bool:
        """Whether there is a user besides the demo's account."""
        return self._first(c.email != DEMO_EMAIL) is not None

    def find_(self, user_id: str) -> EarlyUser | None:
        """The user with this id."""
        return self._first(c.id == user_id)

    def find_by_email(self, email: str) -> EarlyUser | None:
        """The user with exactly this address."""
        return self._first(c.email == email)

    def _first(self, condition: sa.ColumnElement[bool]) -> EarlyUser | None:
        def work(connection: sa.Connection) -> EarlyUser | None:
            if not sa.inspect(connection).has_table(users.name):
                return None
            row = connection.execute(sa.select(*_RECORD).where(condition).limit(1)).first()
            return None if row is None else _user(row)

        return self._transactions.read(work)


def _user(row: sa.Row[str, str, str, str | None, str]) -> EarlyUser:
    user_id, name, email, role, password_hash = row
    is_admin = role == Role.ADMIN.value
    actor = Actor(user_id, email, name, Role.ADMIN if is_admin else Role.USER)
    return EarlyUser(actor, password_hash)
