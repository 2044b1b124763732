"""The table ``databases``: saved connections."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.connections import (
    Connection,
    Environment,
    PoolSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.errors import ConflictError, NotFoundError
from altus4_desktop.storage.repositories.fitting import check_lengths, moved_on, server_now
from altus4_desktop.storage.tables import databases
from altus4_desktop.storage.transactions import Transactions

c = databases.c
_FIELDS = {"database_name": "database", "password_encrypted": "password"}
_ROW = tuple(databases.columns)


class ConnectionRepository:
    """Saved connections. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def list_(self, user_id: str | None, active_only: bool = True) -> list[Connection]:
        """The connections of one user, or of all, by name."""
        statement = sa.select(*_ROW)
        if user_id is not None:
            statement = statement.where(c.user_id == user_id)
        if active_only:
            statement = statement.where(c.is_active.is_(True))
        found = self._transactions.read(
            lambda connection: [
                _connection(row) for row in connection.execute(statement).mappings()
            ]
        )
        return sorted(found, key=lambda record: (record.name.casefold(), record.name, record.id))

    def find_(self, connection_id: str) -> Connection | None:
        """The connection with this id."""
        return self._find(c.id == connection_id)

    def find_by_name(self, user_id: str, name: str) -> Connection | None:
        """The user's connection of exactly this name; the oldest if there are several."""
        return self._find(c.user_id == user_id, c.name == name)

    def create_(self, record: Connection) -> Connection:
        """Insert ``record`` and return it as stored.

        Repeating it with the same id does nothing. Raises ConflictError when the user has one to
        the same host, port and database already, NotFoundError when there is no such user.
        """
        values = {**_values(record), "id": record.id, "user_id": record.user_id}
        check_lengths(databases, values, _FIELDS)

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.insert(databases).values(**values))

        self._transactions.write(
            work,
            settled=lambda connection: _matches(connection, record.id, values),
            repeatable=True,
        )
        return self._get(record.id)

    def update_(self, record: Connection, seen_at: datetime | None) -> Connection:
        """Replace all but id and owner, and return it as stored.

        ``seen_at`` is the ``updated_at`` that was edited; None overwrites whatever is there. Raises
        ConflictError (``connection.changed``) when it has changed since, and NotFoundError.
        """
        values = _values(record)
        check_lengths(databases, values, _FIELDS)

        def work(connection: sa.Connection) -> None:
            now, updated_at = _lock(connection, record.id)
            if seen_at is not None and updated_at != seen_at:
                raise ConflictError(
                    "“{name}” has been changed by somebody else meanwhile.",
                    hint="Look at the new values, then make your change again.",
                    code="connection.changed",
                    details={"name": record.name},
                )
            # The instant makes this very change known again, should its COMMIT go unanswered.
            values["updated_at"] = moved_on(now, updated_at)
            connection.execute(sa.update(databases).where(c.id == record.id).values(**values))

        self._transactions.write(
            work, settled=lambda connection: _matches(connection, record.id, values)
        )
        return self._get(record.id)

    def delete_(self, connection_id: str) -> None:
        """Delete it; its searches stay in the history. Raises NotFoundError."""

        def work(connection: sa.Connection) -> None:
            _lock(connection, connection_id)
            connection.execute(sa.delete(databases).where(c.id == connection_id))

        def gone(connection: sa.Connection) -> bool:
            return connection.execute(sa.select(c.id).where(c.id == connection_id)).first() is None

        self._transactions.write(work, settled=gone)

    def touch_(self, connection_id: str, at: datetime) -> None:
        """Note that it was connected at ``at``; that is a use, not a change. Raises
        NotFoundError."""

        def work(connection: sa.Connection) -> None:
            _, updated_at = _lock(connection, connection_id)
            row = c.id == connection_id
            connection.execute(sa.update(databases).where(row).values(last_connected=at))
            # The statement above moved it on by itself.
            connection.execute(sa.update(databases).where(row).values(updated_at=updated_at))

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(
                sa.select(c.last_connected).where(c.id == connection_id)
            ).scalar()
            return found is not None and found >= at.replace(microsecond=0)

        self._transactions.write(work, settled=settled)

    def sealed_records(self) -> list[tuple[str, str]]:
        """Id and sealed password of every connection."""
        statement = sa.select(c.id, c.password_encrypted).order_by(c.id)
        return self._transactions.read(
            lambda connection: [(row[0], row[1]) for row in connection.execute(statement)]
        )

    def _find(self, *conditions: sa.ColumnElement[bool]) -> Connection | None:
        statement = sa.select(*_ROW).where(*conditions).order_by(c.created_at, c.id).limit(1)
        row = self._transactions.read(
            lambda connection: connection.execute(statement).mappings().first()
        )
        return None if row is None else _connection(row)

    def _get(self, connection_id: str) -> Connection:
        record = self.find_(connection_id)
        if record is None:
            raise _missing()
        return record


def _lock(connection: sa.Connection, connection_id: str) -> tuple[datetime, datetime | None]:
    """Keep everybody else from changing the row; returns now and its ``updated_at``."""
    row = connection.execute(
        sa.select(server_now(), c.updated_at).where(c.id == connection_id).with_for_update()
    ).first()
    if row is None:
        raise _missing()
    return row[0], row[1]


def _matches(connection: sa.Connection, connection_id: str, values: Mapping[str, Any]) -> bool:
    wanted = [c[name] for name in values]
    row = connection.execute(sa.select(*wanted).where(c.id == connection_id)).first()
    return row is not None and list(row) == list(values.values())


def _values(record: Connection) -> dict[str, Any]:
    last_connected_at = record.last_connected_at
    return {
        "name": record.name,
        "host": record.host,
        "port": record.port,
        "database_name": record.database,
        "username": record.username,
        "password_encrypted": record.password_sealed,
        "ssl_enabled": record.tls.mode is not TlsMode.DISABLED,
        "connection_config": {
            "tls": {
                "mode": record.tls.mode.value,
                "ca_file": record.tls.ca_file,
                "cert_file": record.tls.cert_file,
                "key_file": record.tls.key_file,
            },
            "environment": record.environment.value,
            "pool": {
                "size": record.pool.size,
                "acquire_timeout_s": record.pool.acquire_timeout_s,
                "query_timeout_s": record.pool.query_timeout_s,
                "idle_timeout_s": record.pool.idle_timeout_s,
                "connect_timeout_s": record.pool.connect_timeout_s,
            },
            "managed": record.managed,
        },
        "is_active": record.is_active,
        "last_connected": last_connected_at and last_connected_at.replace(microsecond=0),
    }


def _connection(row: Mapping[Any, Any]) -> Connection:
    config = _mapping(row[c.connection_config])
    return Connection(
        id=row[c.id],
        user_id=row[c.user_id],
        name=row[c.name],
        host=row[c.host],
        port=row[c.port],
        database=row[c.database_name],
        username=row[c.username],
        password_sealed=row[c.password_encrypted],
        tls=_tls(_mapping(config.get("tls")), bool(row[c.ssl_enabled])),
        environment=_environment(config.get("environment")),
        pool=_pool(_mapping(config.get("pool"))),
        managed=config.get("managed") is True,
        is_active=bool(row[c.is_active]),
        last_connected_at=row[c.last_connected],
        created_at=row[c.created_at],
        updated_at=row[c.updated_at],
    )


def _tls(config: Mapping[str, Any], enabled: bool) -> TlsSettings:
    try:
        mode = TlsMode(config["mode"])
    except (KeyError, ValueError):
        # Written by another program: what it cannot say is taken at its strictest.
        mode = TlsMode.VERIFY_IDENTITY if enabled else TlsMode.DISABLED
    return TlsSettings(
        mode, *(_text(config.get(name)) for name in ("ca_file", "cert_file", "key_file"))
    )


def _environment(value: object) -> Environment:
    try:
        return Environment(str(value))
    except ValueError:
        return Environment.DEV


def _pool(config: Mapping[str, Any]) -> PoolSettings:
    default = PoolSettings()

    def positive(name: str) -> float:
        value = config.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return value
        return float(getattr(default, name))

    return PoolSettings(
        size=max(1, int(positive("size"))),
        acquire_timeout_s=positive("acquire_timeout_s"),
        query_timeout_s=positive("query_timeout_s"),
        idle_timeout_s=positive("idle_timeout_s"),
        connect_timeout_s=positive("connect_timeout_s"),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _missing() -> NotFoundError:
    return NotFoundError("There is no such connection.", code="connection.not_found")
