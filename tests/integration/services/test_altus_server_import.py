"""Bringing in what an existing Altus 4 server has, from MySQL and from MariaDB."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import bcrypt
import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import ConnectionDraft, TlsMode
from altus4_desktop.domain.errors import AltusError, Cancelled, InputError, TenantError
from altus4_desktop.domain.exchange import (
    ImportChoice,
    ImportItem,
    ImportPreview,
    ItemKind,
    ItemState,
    ServerSource,
)
from altus4_desktop.domain.keys import KeyAnswer, KeyPermission, KeyTier
from altus4_desktop.services import Services
from tests.altus_server import AltusServer, make_altus_server
from tests.records import a_user
from tests.servers import Account, DatabaseServer

PASSWORD = "canary pässwörd: 密码"
EVES = "her own password"
KEY = f"altus4_sk_live_{secrets.token_hex(24)}"
OLD_KEY = f"altus4_sk_test_{secrets.token_urlsafe(32)}"


@dataclass
class Desk:
    services: Services
    altus: AltusServer
    account: Account
    admin: Actor

    def source(self, key: str | None = None, **changes: object) -> ServerSource:
        place = ConnectionDraft(
            "",
            self.altus.server.host,
            self.altus.database,
            self.account.username,
            self.altus.server.port,
            self.account.password,
        )
        return ServerSource(
            replace(place, **changes),  # type: ignore[arg-type]  # by name
            self.altus.encryption_key if key is None else key or None,
        )

    def preview(self, actor: Actor | None = None, key: str | None = None) -> ImportPreview:
        return self.services.exchange.preview_(actor or self.admin, self.source(key))

    def person(self, role: Role = Role.USER, **changes: object) -> Actor:
        user = a_user(role=role, **changes)
        self.services.metadata.store.users.create_(user, "hash")
        return user.as_actor()


@pytest.fixture
def desk(tenant_server: DatabaseServer, tmp_path: Path) -> Iterator[Desk]:
    altus = make_altus_server(tenant_server)
    account = tenant_server.create_search_account(altus.database)
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        services.vault.set_up_session()
        user = a_user(role=Role.ADMIN)
        services.metadata.store.users.create_(user, "hash")
        yield Desk(services, altus, account, user.as_actor())
    tenant_server.drop_database(altus.database)


@pytest.fixture
def filled(desk: Desk) -> Desk:
    altus = desk.altus
    eve = altus.add_user(
        "Eve@Example.org", bcrypt.hashpw(EVES.encode(), bcrypt.gensalt(4)).decode(), role="admin"
    )
    bob = altus.add_user("bob@example.org", None, password="dead")
    gone = altus.add_user("gone@example.org", None, is_active=0)
    altus.add_connection(eve, "Shop", PASSWORD, ssl_enabled=1)
    altus.add_connection(eve, "Shop once more", PASSWORD, username="other")
    altus.add_connection(bob, "Shop", "", port=3307)
    altus.add_connection(bob, "Beside it", "x", host="localhost", database_name="near")
    altus.add_connection(bob, "Damaged", "", database_name="x", password="aa:bb:cc")
    altus.add_connection(gone, "Of nobody", "x", database_name="y")
    altus.add_connection(eve, "Deleted", "x", database_name="z", is_active=0)
    altus.add_key(
        eve,
        "Reports",
        KEY,
        permissions=["search", "analytics", "other"],
        rate_limit_tier="pro",
        usage_count=7,
        last_used=datetime(2026, 3, 1, 12, 0, 0),  # noqa: DTZ001 - the column has no zone
        last_used_ip="2001:db8::1",
    )
    altus.add_key(bob, "Early", OLD_KEY, rate_limit_custom={"burst": 5})
    altus.add_key(
        bob, "Never valid", "altus4_sk_test_x", key_prefix="altus4_sk_env_" + "0123456789abcdef0"
    )
    altus.add_key(bob, "Revoked", f"altus4_sk_test_{secrets.token_hex(24)}", is_active=0)
    altus.add_key(
        bob,
        "Expired",
        f"altus4_sk_test_{secrets.token_hex(24)}",
        expires_at=datetime(2025, 1, 1),  # noqa: DTZ001 - the column has no zone
    )
    return desk


def named(preview: ImportPreview, kind: ItemKind) -> dict[str, ImportItem]:
    found: dict[str, ImportItem] = {}
    for item in preview.of_kind(kind):
        found[item.name if item.name not in found else f"{item.name} {item.owner_email}"] = item
    return found


def told(item: ImportItem) -> str:
    return " ".join(note.text for note in (*item.notes, *([item.reason] if item.reason else [])))


def test_everything_of_a_server_is_found_and_nothing_is_changed(filled: Desk) -> None:
    before = filled.altus.checksum()
    preview = filled.preview()
    assert filled.altus.checksum() == before
    assert preview.origin.endswith(f"/{filled.altus.database}")
    # A user, a connection and a key.
    assert "(3)" in " ".join(remark.text for remark in preview.remarks)
    users = named(preview, ItemKind.USER)
    assert set(users) == {"eve@example.org", "bob@example.org"}
    assert "admin" in told(users["eve@example.org"])
    assert "no usable password" in told(users["bob@example.org"])
    shops = [item for item in preview.of_kind(ItemKind.CONNECTION) if item.name == "Shop"]
    by_owner = {item.owner_email: item for item in shops}
    eves, bobs = by_owner["eve@example.org"], by_owner["bob@example.org"]
    assert eves.draft is not None
    assert bobs.draft is not None
    assert eves.draft.password_secret == PASSWORD
    assert bobs.draft.password_secret == ""
    assert eves.draft.tls.mode is TlsMode.REQUIRED
    assert bobs.draft.tls.mode is TlsMode.PREFERRED
    others = named(preview, ItemKind.CONNECTION)
    states = {eves.state, others["Shop once more"].state}
    assert states == {ItemState.NEW, ItemState.DUPLICATE}
    assert others["Damaged"].password_missing
    assert "does not open" in told(others["Damaged"])
    assert "Deleted" not in others
    assert "own computer" in told(others["Beside it"])
    assert "becomes yours" in told(others["Of nobody"])
    keys = named(preview, ItemKind.API_KEY)
    assert {name: item.state for name, item in keys.items()} == {
        "Reports": ItemState.NEW,
        "Early": ItemState.NEW,
        "Never valid": ItemState.UNUSABLE,
        "Expired": ItemState.UNUSABLE,
    }
    assert "never worked" in told(keys["Never valid"])
    assert "custom limit" in told(keys["Early"])
    assert "canary" not in repr(preview)


def test_no_secret_gets_anywhere(filled: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    preview = filled.preview()
    chosen = [ImportChoice(item.id) for item in preview.items if item.state is ItemState.NEW]
    report = filled.services.exchange.import_(filled.admin, preview, chosen)
    assert report.connections
    hidden = (PASSWORD, KEY, OLD_KEY, filled.altus.encryption_key, filled.account.password)
    stored = b"".join(
        path.read_bytes() for path in filled.services.data_dir.rglob("*") if path.is_file()
    )
    told = "".join(
        record.details_json for record in filled.services.audit.list_(filled.admin, limit=500)
    )
    for secret in hidden:
        assert secret not in caplog.text
        assert secret not in told
        assert secret.encode() not in stored
    # The hash of a password is in the table of accounts and in no other place.
    assert "$2b$" not in caplog.text + told


def test_what_was_brought_in_works_here(filled: Desk) -> None:
    services = filled.services
    preview = filled.preview()
    chosen = [ImportChoice(item.id) for item in preview.items if item.state is ItemState.NEW]
    report = services.exchange.import_(filled.admin, preview, chosen)
    assert not report.failures
    assert set(report.users) == {"eve@example.org", "bob@example.org"}
    assert set(report.keys) == {"Reports", "Early"}
    eve = services.accounts.sign_in("eve@example.org", EVES)
    assert eve.role is Role.ADMIN
    for key in (KEY, OLD_KEY):
        assert services.keys.verify_(key).answer is KeyAnswer.VALID
    reports = services.keys.verify_(KEY).key
    assert reports is not None
    assert reports.user_id == eve.user_id
    assert reports.permissions == {KeyPermission.SEARCH, KeyPermission.ANALYTICS}
    assert (reports.tier, reports.usage_count) == (KeyTier.PRO, 7)
    assert reports.last_used_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert reports.last_used_from == "2001:db8::1"
    saved = [one for one in services.connections.list_(eve) if one.user_id == eve.user_id]
    assert len(saved) == 1
    target = services.connections.target_(eve, saved[0].id)
    assert target.password_secret == PASSWORD
    nobodys = [one for one in services.connections.list_(eve) if one.name == "Of nobody"]
    assert [one.user_id for one in nobodys] == [filled.admin.user_id]
    again = filled.preview()
    assert {item.state for item in again.items} == {ItemState.DUPLICATE, ItemState.UNUSABLE}


def test_a_wrong_key_or_none_leaves_passwords_out_and_never_empty(filled: Desk) -> None:
    for key in ("0" * 64, ""):
        preview = filled.preview(key=key)
        assert all(item.password_missing for item in preview.of_kind(ItemKind.CONNECTION))
        words = " ".join(remark.text for remark in preview.remarks)
        assert ("opens none" in words) == bool(key)
    with pytest.raises(InputError) as caught:
        filled.preview(key="not hex")
    assert caught.value.field == "encryption_key"
    assert "not hex" not in str(caught.value)


def test_a_user_sees_connections_alone_and_they_become_theirs(filled: Desk) -> None:
    # Not even an account that may read nothing else of the server is needed.
    ada = filled.person()
    preview = filled.preview(ada)
    assert {item.kind for item in preview.items} == {ItemKind.CONNECTION}
    assert "(1)" in " ".join(remark.text for remark in preview.remarks)
    chosen = [ImportChoice(item.id) for item in preview.items if item.state is ItemState.NEW]
    report = filled.services.exchange.import_(ada, preview, chosen)
    assert not report.failures
    assert len(filled.services.connections.list_(ada)) == len(report.connections) == 5


def test_an_address_that_has_an_account_here_is_a_duplicate_and_keeps_what_is_its(
    filled: Desk,
) -> None:
    bob = filled.person(email="bob@example.org")
    preview = filled.preview()
    users = named(preview, ItemKind.USER)
    assert users["bob@example.org"].state is ItemState.DUPLICATE
    keys = named(preview, ItemKind.API_KEY)
    filled.services.exchange.import_(filled.admin, preview, [ImportChoice(keys["Early"].id)])
    found = filled.services.metadata.store.api_keys.find_by_hash(
        hashlib.sha256(OLD_KEY.encode()).hexdigest()
    )
    assert found is not None
    assert found.key.user_id == bob.user_id
    assert found.key.legacy


def test_a_database_of_something_else(desk: Desk) -> None:
    desk.altus.server.execute("DROP TABLE api_keys", database=desk.altus.database)
    with pytest.raises(AltusError) as caught:
        desk.preview()
    assert caught.value.code == "import.no_server"
    source = desk.source(password_secret="wrong")
    with pytest.raises(TenantError):
        desk.services.exchange.preview_(desk.admin, source)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        desk.services.exchange.preview_(desk.admin, desk.source(), token)


def test_hostile_rows_are_unusable_and_break_nothing(desk: Desk) -> None:
    altus = desk.altus
    mallory = altus.add_user("not an address", "x" * 200, name="Mallory\u202e")
    eve = altus.add_user("eve@example.org", "$2b$31$" + "a" * 53, role="ADMIN")
    altus.add_connection(mallory, "\u202eEvil\n", "x", host="evil host; DROP", port=-1)
    altus.add_connection(eve, "", "x", host="/run/mysqld/mysqld.sock", database_name=" ")
    altus.add_key(eve, "k", KEY, permissions={"search": 1})
    altus.add_key(mallory, "l", OLD_KEY, usage_count=-5)
    preview = desk.preview()
    users = {item.name: item for item in preview.of_kind(ItemKind.USER)}
    assert users["not an address"].state is ItemState.UNUSABLE
    found = users["eve@example.org"].user
    assert found is not None
    # A cost that would hang the sign-in, and a role that only looks like the right one.
    assert (found.password_hash, found.role) == ("", Role.USER)
    assert [item.state for item in preview.of_kind(ItemKind.API_KEY)] == [ItemState.UNUSABLE] * 2
    evil, socket = sorted(
        preview.of_kind(ItemKind.CONNECTION), key=lambda item: item.draft is None
    )[::-1]
    assert evil.state is ItemState.UNUSABLE
    assert evil.name.isprintable()
    assert socket.lacks == ("database",)
