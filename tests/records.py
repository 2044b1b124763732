"""Made-up records for tests of stores and services."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from altus4_desktop.domain.accounts import Role, User
from altus4_desktop.domain.connections import (
    Connection,
    Environment,
    PoolSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.searching import SearchMode, SearchRecord

AN_INSTANT = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


def a_user(**changes: Any) -> User:
    """A user with an id and an address of its own."""
    user_id = str(uuid.uuid4())
    user = User(user_id, "Ada Lovelace", f"{user_id[:8]}@example.org", Role.USER)
    return replace(user, **changes)


def a_connection(user: User, **changes: Any) -> Connection:
    """A saved connection in which nothing has its default."""
    record = Connection(
        id=str(uuid.uuid4()),
        user_id=user.id,
        name="Shop · 製品",
        host="db.example.org",
        port=3307,
        database="shop",
        username="altus4_search",
        password_sealed="v1.k0.nonce.ciphertext",
        tls=TlsSettings(TlsMode.VERIFY_CA, "/etc/ca.pem", "/etc/cert.pem", "/etc/key.pem"),
        environment=Environment.PROD,
        pool=PoolSettings(3, 1.5, 20.0, 30.0, 2.5),
        managed=True,
        last_connected_at=AN_INSTANT,
    )
    return replace(record, **changes)


def a_search(user: User, query: str, **changes: Any) -> SearchRecord:
    """A past search."""
    record = SearchRecord(
        id=str(uuid.uuid4()),
        user_id=user.id,
        connection_id=None,
        query=query,
        mode=SearchMode.BOOLEAN,
        params={"limit": 20, "big": 9007199254740993},
        result_count=7,
        execution_time_ms=12,
    )
    return replace(record, **changes)
