"""What the metadata database of an Altus 4 server holds: read, never changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Target
from altus4_desktop.domain.errors import AltusError, TenantError
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.session import TenantSession

MOST_ROWS = 5_000

# What is not active was deleted on the server: it never removes a row.
_CONNECTIONS = (
    "SELECT id, user_id, name, host, port, database_name, username, password, ssl_enabled"
    f" FROM database_connections WHERE is_active = 1 ORDER BY id LIMIT {MOST_ROWS + 1}"
)
_USERS = (
    "SELECT id, name, email, role, password_hash"
    f" FROM users WHERE is_active = 1 ORDER BY id LIMIT {MOST_ROWS + 1}"
)
_KEYS = (
    "SELECT id, user_id, key_prefix, key_hash, name, environment, permissions, rate_limit_tier,"
    " rate_limit_custom, expires_at, last_used, last_used_ip, usage_count, created_at"
    f" FROM api_keys WHERE is_active = 1 ORDER BY id LIMIT {MOST_ROWS + 1}"
)
_DELETED = "SELECT (SELECT COUNT(*) FROM database_connections WHERE COALESCE(is_active, 0) <> 1)"
_DELETED_ACCOUNTS = (
    "SELECT (SELECT COUNT(*) FROM users WHERE COALESCE(is_active, 0) <> 1)"
    " + (SELECT COUNT(*) FROM api_keys WHERE COALESCE(is_active, 0) <> 1)"
)
_NO_SUCH = frozenset({1054, 1146})

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class ServerConnection:
    """A row of ``database_connections``; the password as it is stored, encrypted."""

    id: str
    user_id: str
    name: str
    host: str
    port: int
    database: str
    username: str
    password_stored: str = field(repr=False)
    tls_wanted: bool


@dataclass(frozen=True, slots=True)
class ServerUser:
    """A row of ``users``; ``password_hash`` may be empty."""

    id: str
    name: str
    email: str
    role: str
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServerKey:
    """A row of ``api_keys``; the JSON columns as text."""

    id: str
    user_id: str
    prefix: str
    key_hash: str = field(repr=False)
    name: str
    environment: str
    permissions: str
    tier: str
    custom_limit: str
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_from: str
    usage_count: int
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class ServerContent:
    """All that is brought in; ``deleted`` counts rows that the server keeps but uses no more."""

    connections: tuple[ServerConnection, ...]
    users: tuple[ServerUser, ...] = ()
    keys: tuple[ServerKey, ...] = ()
    deleted: int = 0


def read_altus_server(target: Target, token: CancelToken, *, with_accounts: bool) -> ServerContent:
    """The active connections, and ``with_accounts`` users and API keys, over a session that only
    reads.

    Raises `TenantError`, `Cancelled`, and AltusError: ``import.no_server`` where the tables are not
    those of an Altus 4 server, ``import.too_many``.
    """
    pools = TenantPools()
    try:
        with pools.borrow(target, token, target.pool.connect_timeout_s) as session:
            connections = _read(session, _CONNECTIONS, _connection)
            deleted = _count(session, _DELETED)
            if not with_accounts:
                return ServerContent(connections, deleted=deleted)
            return ServerContent(
                connections,
                _read(session, _USERS, _user),
                _read(session, _KEYS, _key),
                deleted + _count(session, _DELETED_ACCOUNTS),
            )
    except TenantError as error:
        if error.server_code in _NO_SUCH:
            raise _no_server(target) from error
        raise
    except (ValueError, TypeError) as error:
        raise _no_server(target) from error
    finally:
        pools.close()


def _read(
    session: TenantSession, statement: str, build: Callable[[Sequence[Any]], _Row]
) -> tuple[_Row, ...]:
    rows = session.query(statement, tag="import")
    if len(rows) > MOST_ROWS:
        raise AltusError(
            "A table of the server has more than {most} rows.",
            hint="That is more than is brought in at once.",
            code="import.too_many",
            details={"most": MOST_ROWS},
        )
    return tuple(build(row) for row in rows)


def _count(session: TenantSession, statement: str) -> int:
    return int(session.query(statement, tag="import")[0][0])


def _connection(row: Sequence[Any]) -> ServerConnection:
    return ServerConnection(
        id=_text(row[0]),
        user_id=_text(row[1]),
        name=_text(row[2]),
        host=_text(row[3]),
        port=int(row[4]),
        database=_text(row[5]),
        username=_text(row[6]),
        password_stored=_text(row[7]),
        tls_wanted=bool(row[8]),
    )


def _user(row: Sequence[Any]) -> ServerUser:
    return ServerUser(*map(_text, row))


def _key(row: Sequence[Any]) -> ServerKey:
    return ServerKey(
        id=_text(row[0]),
        user_id=_text(row[1]),
        prefix=_text(row[2]),
        key_hash=_text(row[3]),
        name=_text(row[4]),
        environment=_text(row[5]),
        permissions=_text(row[6]),
        tier=_text(row[7]),
        custom_limit=_text(row[8]),
        expires_at=_instant(row[9]),
        last_used_at=_instant(row[10]),
        last_used_from=_text(row[11]),
        usage_count=int(row[12] or 0),
        created_at=_instant(row[13]),
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _instant(value: Any) -> datetime | None:
    """A TIMESTAMP of a session in UTC; None for NULL and for the zero date."""
    text = _text(value)
    if not text or text.startswith("0000"):
        return None
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _no_server(target: Target) -> AltusError:
    return AltusError(
        "The database “{database}” is not that of an Altus 4 server.",
        hint="It has the tables database_connections, users and api_keys.",
        code="import.no_server",
        details={"database": target.database},
    )
