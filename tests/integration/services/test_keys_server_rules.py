"""Keys made here, by the rules of an existing Altus 4 server, which are written anew in this file:
nothing of this program decides what that server accepts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.keys import (
    KeyDraft,
    KeyEnvironment,
    KeyPermission,
    KeyTier,
    MadeKey,
    RateLimit,
)
from altus4_desktop.services.keys import KeysService
from tests.altus_server import AltusServer, make_altus_server
from tests.records import a_user
from tests.servers import DatabaseServer
from tests.stores import StorePlace, server_place

HOUR = timedelta(hours=1)
WINDOW_S = {"free": (1000, 3600), "pro": (10_000, 3600), "enterprise": (100_000, 3600)}


@dataclass
class Desk:
    keys: KeysService
    admin: Actor
    place: StorePlace


@pytest.fixture(scope="module")
def shared_desk(
    tenant_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A store on a real server, and somebody who may make any key."""
    database = tenant_server.create_database("altus4_metadata")
    place = server_place(tenant_server, database)
    with closing(place.open()) as store:
        store.migrator.upgrade()
    folder: Path = tmp_path_factory.mktemp("desk")
    with closing(compose(folder, place.location.url)) as services:
        services.metadata.open_(place.password)
        user = services.metadata.store.users.create_(a_user(role=Role.ADMIN), "x")
        yield Desk(services.keys, user.as_actor(), place)
    tenant_server.drop_database(database)


@pytest.fixture
def desk(shared_desk: Desk) -> Desk:
    shared_desk.place.query("DELETE FROM api_keys")
    return shared_desk


@pytest.fixture
def altus(tenant_server: DatabaseServer) -> Iterator[AltusServer]:
    """The database of such a server, on the same kind of server as the store."""
    made = make_altus_server(tenant_server)
    yield made
    tenant_server.drop_database(made.database)


def query_on(desk: Desk, altus: AltusServer | None) -> Any:
    """Asks the store, or the other server's own database."""
    if altus is None:
        return desk.place.query
    return lambda statement: altus.server.execute(statement, database=altus.database)


def accepts(query: Any, text: str, *, users_are_active: str) -> dict[str, Any] | None:
    """What that server knows of whoever sends ``text``; None: it answers 401.

    The text begins with ``altus4_sk_``; its first 30 characters are those of the row, its SHA-256
    in lower-case hex is the row's; the key and its owner are active; its time is not over.
    """
    if not text.startswith("altus4_sk_"):
        return None
    digest = hashlib.sha256(text.encode("utf-8")).digest().hex()
    rows = query(
        "SELECT ak.id, ak.user_id, ak.permissions, ak.rate_limit_tier, ak.environment, u.role"
        " FROM api_keys ak JOIN users u ON ak.user_id = u.id"
        f" WHERE ak.key_prefix = '{text[0:30]}' AND ak.key_hash = '{digest}'"
        f" AND ak.is_active = true AND {users_are_active}"
        " AND (ak.expires_at IS NULL OR ak.expires_at > NOW())"
    )
    if not rows:
        return None
    names = ("id", "user_id", "permissions", "tier", "environment", "role")
    row = dict(zip(names, rows[0], strict=True))
    query(
        "UPDATE api_keys SET last_used = NOW(), usage_count = usage_count + 1,"
        f" last_used_ip = '192.0.2.9' WHERE id = '{row['id']}'"
    )
    row["permissions"] = json.loads(row["permissions"])
    return row


def allows(row: dict[str, Any], permission: str) -> bool:
    """Whether that server lets the request by."""
    return permission in row["permissions"] or "admin" in row["permissions"]


def copy_to(altus: AltusServer, desk: Desk, made: MadeKey) -> None:
    """Put the row of the store, column by column, into the database of that server."""
    columns = (
        "id, user_id, key_prefix, key_hash, name, environment, permissions, rate_limit_tier,"
        " rate_limit_custom, expires_at, is_active"
    )
    altus.add_user(desk.admin.email, "x", id=desk.admin.user_id, role="admin")
    altus.server.execute(
        f"INSERT INTO api_keys ({columns}) SELECT {columns} FROM"
        f" `{desk.place.location.database}`.api_keys WHERE id = '{made.key.id}'",
        database=altus.database,
    )


def make(desk: Desk, **choices: Any) -> MadeKey:
    return desk.keys.create_(desk.admin, KeyDraft("Nightly export", **choices))


@pytest.mark.parametrize("environment", list(KeyEnvironment))
@pytest.mark.parametrize("tier", list(KeyTier))
def test_it_accepts_keys_as_they_are_made(
    desk: Desk, altus: AltusServer, environment: KeyEnvironment, tier: KeyTier
) -> None:
    made = make(
        desk,
        environment=environment,
        tier=tier,
        permissions=frozenset({KeyPermission.SEARCH, KeyPermission.ANALYTICS}),
        expires_at=datetime.now(UTC) + HOUR,
    )
    copy_to(altus, desk, made)
    for query, users in (
        (query_on(desk, None), "1 = 1"),
        (query_on(desk, altus), "u.is_active = true"),
    ):
        row = accepts(query, made.key_secret, users_are_active=users)
        assert row is not None
        assert (row["id"], row["user_id"]) == (made.key.id, desk.admin.user_id)
        assert row["environment"] == environment.value
        assert made.key_secret.split("_")[2] == environment.value
        assert WINDOW_S[row["tier"]] == (tier.requests_an_hour, 3600)
        assert set(row["permissions"]) <= {"search", "analytics", "admin"}
        assert [allows(row, name) for name in ("search", "analytics", "admin")] == [
            True,
            True,
            False,
        ]
        # It looks at nothing but the first 30 characters and the hash: each other text is refused.
        for wrong in (
            made.key_secret[:-1],
            made.key_secret[:63],
            made.key_secret + "0",
            made.key_secret.upper(),
            f" {made.key_secret}",
            made.key_secret.replace("altus4_sk_", "altus4_pk_", 1),
        ):
            assert accepts(query, wrong, users_are_active=users) is None


def test_a_use_that_it_counts_is_seen_here(desk: Desk) -> None:
    made = make(desk)
    query = query_on(desk, None)
    assert accepts(query, made.key_secret, users_are_active="1 = 1") is not None
    seen = desk.keys.get_(desk.admin, made.key.id)
    assert (seen.usage_count, seen.last_used_from) == (1, "192.0.2.9")
    assert seen.in_use_at(datetime.now(UTC))


def test_it_refuses_what_is_revoked_expired_or_replaced_here(desk: Desk) -> None:
    query = query_on(desk, None)
    revoked, expired, replaced, going = (make(desk) for _ in range(4))
    desk.keys.revoke_(desk.admin, [revoked.key.id])
    query(
        f"UPDATE api_keys SET expires_at = NOW() - INTERVAL 1 SECOND WHERE id = '{expired.key.id}'"
    )
    after = desk.keys.rotate_(desk.admin, replaced.key.id)
    other = desk.keys.rotate_(desk.admin, going.key.id, 3600)
    for made in (revoked, expired, replaced):
        assert accepts(query, made.key_secret, users_are_active="1 = 1") is None
    for made in (after, going, other):
        assert accepts(query, made.key_secret, users_are_active="1 = 1") is not None


def test_the_text_has_the_form_that_it_knows(desk: Desk) -> None:
    texts = [make(desk, custom_limit=RateLimit(5, 60)).key_secret for _ in range(20)]
    for text in texts:
        head, rest = text[:15], text[15:]
        assert head == "altus4_sk_test_"
        # 24 random bytes as that server writes them, and 8 digits more, which it does not look at.
        assert len(bytes.fromhex(rest[:48])) == 24
        assert rest == rest.lower()
        assert len(text) == 71
    assert len({text[:30] for text in texts}) == len(texts)
    columns = desk.place.query("SELECT key_prefix, key_hash FROM api_keys")
    assert {(len(prefix), len(digest)) for prefix, digest in columns} == {(30, 64)}
    assert {prefix for prefix, _ in columns} == {text[:30] for text in texts}
