"""The table ``databases``: saved connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.connections import (
    Connection,
    Environment,
    PoolSettings,
    SshMethod,
    SshSettings,
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
# No host name has a space.
_VIA = " via "


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

    def create_(self, record: Connection, events: Sequence[AuditEvent] = ()) -> Connection:
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
            events=events,
        )
        return self._get(record.id)

    def update_(
        self,
        record: Connection,
        seen_at: datetime | None,
        events: Sequence[AuditEvent] = (),
    ) -> Connection:
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
            work,
            settled=lambda connection: _matches(connection, record.id, values),
            events=events,
        )
        return self._get(record.id)

    def delete_(self, connection_id: str, events: Sequence[AuditEvent] = ()) -> None:
        """Delete it; its searches stay in the history. Raises NotFoundError."""

        def work(connection: sa.Connection) -> None:
            _lock(connection, connection_id)
            connection.execute(sa.delete(databases).where(c.id == connection_id))

        def gone(connection: sa.Connection) -> bool:
            return connection.execute(sa.select(c.id).where(c.id == connection_id)).first() is None

        self._transactions.write(work, settled=gone, events=events)

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
        """Id and sealed secret of every connection; twice where one has an SSH secret as well."""
        statement = sa.select(c.id, c.password_encrypted, c.connection_config).order_by(c.id)
        rows = self._transactions.read(
            lambda connection: connection.execute(statement).mappings().all()
        )
        found: list[tuple[str, str]] = []
        for row in rows:
            found.append((row[c.id], row[c.password_encrypted]))
            ssh_sealed = _text(
                _mapping(_mapping(row[c.connection_config]).get("ssh")).get("secret")
            )
            if ssh_sealed:
                found.append((row[c.id], ssh_sealed))
        return found

    def reseal_(
        self,
        before: Connection,
        password_sealed: str,
        ssh_secret_sealed: str,
        events: Sequence[AuditEvent] = (),
    ) -> bool:
        """Replace the sealed secrets of a connection that is still as in ``before``; false when
        somebody has changed or deleted it. That is no change of the connection: ``updated_at``
        stays."""
        after = replace(
            before, password_sealed=password_sealed, ssh_secret_sealed=ssh_secret_sealed
        )
        wanted = _values(after)
        values = {name: wanted[name] for name in ("password_encrypted", "connection_config")}
        check_lengths(databases, values, _FIELDS)
        done = False

        def work(connection: sa.Connection) -> bool:
            nonlocal done
            row = (
                connection.execute(sa.select(*_ROW).where(c.id == before.id).with_for_update())
                .mappings()
                .first()
            )
            found = None if row is None else _connection(row)
            done = found is not None and _secrets(found) == _secrets(before)
            if done and row is not None:
                statement = sa.update(databases).where(c.id == before.id)
                connection.execute(statement.values(**values))
                # The statement above moved it on by itself.
                connection.execute(statement.values(updated_at=row[c.updated_at]))
            return done

        self._transactions.write(
            work,
            settled=lambda connection: _matches(connection, before.id, values),
            events=events,
        )
        return done

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


def _secrets(record: Connection) -> tuple[object, ...]:
    """What is sealed, and all that it is bound to or stored with."""
    return (record.password_sealed, record.ssh_secret_sealed, record.updated_at, record.ssh)


def _values(record: Connection) -> dict[str, Any]:
    last_connected_at = record.last_connected_at
    return {
        "name": record.name,
        "host": _host_value(record),
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
                **({"pin_sha256": record.tls.pin_sha256} if record.tls.pin_sha256 else {}),
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
            **({"ssh": _ssh_values(record.ssh, record.ssh_secret_sealed)} if record.ssh else {}),
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
        host=row[c.host].partition(_VIA)[0],
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
        ssh=_ssh(config.get("ssh")),
        ssh_secret_sealed=_text(_mapping(config.get("ssh")).get("secret")),
    )


def _host_value(record: Connection) -> str:
    """The host, and where a tunnel leads to it, the tunnel: the same address behind two SSH servers
    is two places, and a program that knows no tunnels must not send the password to the address."""
    return record.host if record.ssh is None else f"{record.host}{_VIA}{record.ssh.place}"


def _ssh_values(ssh: SshSettings, secret_sealed: str) -> dict[str, Any]:
    return {
        "host": ssh.host,
        "port": ssh.port,
        "username": ssh.username,
        "method": ssh.method.value,
        "key_file": ssh.key_file,
        "known_hosts_file": ssh.known_hosts_file,
        "host_key": ssh.host_key,
        "secret": secret_sealed,
    }


def _ssh(value: object) -> SshSettings | None:
    """None where there is no tunnel; one that cannot be read leads nowhere, not around it."""
    if value is None:
        return None
    config = _mapping(value)
    try:
        method = SshMethod(_text(config.get("method")))
    except ValueError:
        method = SshMethod.AGENT
    port = config.get("port")
    return SshSettings(
        host=_text(config.get("host")),
        username=_text(config.get("username")),
        port=port if isinstance(port, int) and not isinstance(port, bool) else 22,
        method=method,
        key_file=_text(config.get("key_file")),
        known_hosts_file=_text(config.get("known_hosts_file")),
        host_key=_text(config.get("host_key")),
    )


def _tls(config: Mapping[str, Any], enabled: bool) -> TlsSettings:
    try:
        mode = TlsMode(config["mode"])
    except (KeyError, ValueError):
        # Written by another program: what it cannot say is taken at its strictest.
        mode = TlsMode.VERIFY_IDENTITY if enabled else TlsMode.DISABLED
    names = ("ca_file", "cert_file", "key_file", "pin_sha256")
    return TlsSettings(mode, *(_text(config.get(name)) for name in names))


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
