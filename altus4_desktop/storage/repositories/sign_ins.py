"""The table ``sign_in_failures``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.storage.tables import sign_in_failures
from altus4_desktop.storage.transactions import Transactions

c = sign_in_failures.c


class SignInRepository:
    """Failed sign-ins in a row, by address. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def find_(self, email: str) -> tuple[int, datetime | None]:
        """How many failures in a row, and when the last one was."""
        statement = sa.select(c.failures, c.last_at).where(c.email_hash == _hash(email))
        row = self._transactions.read(lambda connection: connection.execute(statement).first())
        return (0, None) if row is None else (row[0], row[1])

    def record_failure(self, email: str, at: datetime, events: Sequence[AuditEvent] = ()) -> int:
        """Count one more failure, even where the audit log is broken; returns how many there are
        now."""
        key = _hash(email)
        before, _ = self.find_(email)

        def work(connection: sa.Connection) -> None:
            connection.execute(_count(connection.dialect.name, key, at))

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.failures).where(c.email_hash == key)).scalar()
            return found is not None and found > before

        self._transactions.write(work, settled=settled, events=events, even_unaudited=True)
        return self.find_(email)[0]

    def restart_wait(self, email: str, at: datetime) -> None:
        """Count the wait from ``at``; the number of failures stays."""
        key = _hash(email)

        def work(connection: sa.Connection) -> None:
            connection.execute(
                sa.update(sign_in_failures).where(c.email_hash == key).values(last_at=at)
            )

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.last_at).where(c.email_hash == key)).scalar()
            return found is None or found == at.replace(microsecond=0)

        self._transactions.write(work, settled=settled)

    def clear(
        self, email: str, events: Sequence[AuditEvent] = (), *, even_unaudited: bool = False
    ) -> None:
        """Forget the failures; ``even_unaudited``: also where the audit log is broken."""
        key = _hash(email)

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(sign_in_failures).where(c.email_hash == key))

        def gone(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.failures).where(c.email_hash == key))
            return found.first() is None

        self._transactions.write(work, settled=gone, events=events, even_unaudited=even_unaudited)


def _count(dialect: str, key: str, at: datetime) -> sa.Executable:
    """One statement, so that two desktops count two failures."""
    first = {"email_hash": key, "failures": 1, "last_at": at}
    again = {"failures": c.failures + 1, "last_at": at}
    if dialect == "sqlite":
        return (
            sqlite.insert(sign_in_failures)
            .values(**first)
            .on_conflict_do_update(index_elements=[c.email_hash], set_=again)
        )
    return mysql.insert(sign_in_failures).values(**first).on_duplicate_key_update(**again)


def _hash(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()
