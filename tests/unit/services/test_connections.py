"""Saved connections over the embedded store: owners, passwords, conflicts, managed ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    Environment,
    PoolSettings,
    SshMethod,
    SshSettings,
    TlsMode,
    TlsSettings,
    ssh_fingerprint,
)
from altus4_desktop.domain.errors import (
    AccessError,
    ConflictError,
    InputError,
    KeyMissingError,
    LocalServerError,
    NotFoundError,
    VaultError,
)
from altus4_desktop.domain.keys import KeyPermission
from altus4_desktop.domain.local_server import ManagedEndpoint
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.services import connection_drafts
from altus4_desktop.services.connection_secrets import password_binding, ssh_binding
from altus4_desktop.services.connections import ConnectionsService
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import VaultService
from tests.keyring_memory import MemoryKeyring
from tests.records import a_user

PASSWORD = "canary-tenant-password"
TUNNEL = SshSettings(
    "bastion.example.org",
    "deploy",
    method=SshMethod.PASSWORD,
    host_key="ssh-ed25519 " + "A" * 68,
)
BOOKS = ConnectionDraft("Books", "db.example.org", "books", "altus4_search")


@dataclass
class Desk:
    """The service, its store, and three people."""

    connections: ConnectionsService
    metadata: MetadataService
    vault: VaultService
    ada: Actor
    bob: Actor
    admin: Actor

    def save(self, actor: Actor | None = None, **changes: object) -> Connection:
        draft = replace(BOOKS, **{"password_secret": PASSWORD, **changes})  # type: ignore[arg-type]  # by name
        return self.connections.create_(actor or self.ada, draft)

    def rewrite(self, record: Connection) -> None:
        """What somebody with access to the metadata store's file could do."""
        self.metadata.store.connections.update_(record, None)


@dataclass
class House:
    """One data folder with its store and vault, for all tests: each has people of its own."""

    folder: Path
    vault: VaultService
    metadata: MetadataService


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    vault = VaultService(folder, MemoryKeyring())
    metadata = MetadataService(folder, Settings.load(folder), vault)
    metadata.open_()
    vault.set_up_session()
    yield House(folder, vault, metadata)
    metadata.close_()


@pytest.fixture
def desk(house: House) -> Iterator[Desk]:
    people = [a_user(), a_user(), a_user(role=Role.ADMIN)]
    for person in people:
        house.metadata.store.users.create_(person, "hash")
    service = ConnectionsService(
        house.metadata, house.vault, TenantPools(), Permissions(house.metadata), _endpoint
    )
    yield Desk(service, house.metadata, house.vault, *(person.as_actor() for person in people))
    service.close_()


def _endpoint(_: CancelToken | None) -> ManagedEndpoint:
    return ManagedEndpoint("127.0.0.1", 40123, "altus4_search", "made by the program")


def test_a_password_is_sealed_and_comes_back(desk: Desk, house: House) -> None:
    saved = desk.save()
    assert PASSWORD not in repr(saved)
    assert PASSWORD.encode() not in b"".join(
        path.read_bytes() for path in house.folder.rglob("*") if path.is_file()
    )
    target = desk.connections.target_(desk.ada, saved.id)
    assert target.password_secret == PASSWORD
    assert PASSWORD not in repr(target)
    assert (target.connection_id, target.host, target.database) == (
        saved.id,
        "db.example.org",
        "books",
    )


def test_a_user_sees_their_own_and_an_admin_all(desk: Desk) -> None:
    mine, theirs = desk.save(), desk.save(desk.bob, name="Bob's books")
    assert [saved.id for saved in desk.connections.list_(desk.ada)] == [mine.id]
    assert {saved.id for saved in desk.connections.list_(desk.admin)} >= {mine.id, theirs.id}
    assert set(desk.connections.owners_(desk.ada)) == {desk.ada.user_id}
    assert set(desk.connections.owners_(desk.admin)) >= {desk.ada.user_id, desk.bob.user_id}
    for name in (theirs.id, "Bob's books"):
        assert desk.connections.get_(desk.admin, name).id == theirs.id
        with pytest.raises(NotFoundError):
            desk.connections.get_(desk.ada, name)
    for forbidden in (
        lambda: desk.connections.update_(desk.ada, theirs.id, BOOKS),
        lambda: desk.connections.delete_(desk.ada, theirs.id),
        lambda: desk.connections.target_(desk.ada, theirs.id),
        lambda: desk.connections.duplicate_(desk.ada, theirs.id),
        lambda: desk.connections.schema_(desk.ada, theirs.id),
        lambda: desk.connections.check_(desk.ada, BOOKS, theirs.id),
        lambda: desk.connections.create_(desk.ada, replace(BOOKS, name="Copy"), theirs.id),
    ):
        with pytest.raises(NotFoundError):
            forbidden()
    assert desk.connections.get_(desk.bob, theirs.id) == theirs


def test_names_are_ones_own(desk: Desk) -> None:
    mine = desk.save()
    theirs = desk.save(desk.bob)
    assert desk.connections.get_(desk.ada, "Books").id == mine.id
    assert desk.connections.get_(desk.bob, "Books").id == theirs.id
    with pytest.raises(ConflictError, match="Several users"):
        desk.connections.get_(desk.admin, "Books")
    with pytest.raises(InputError) as caught:
        desk.save(database="other")
    assert caught.value.field == "name"
    other = desk.save(name="Other", database="other")
    with pytest.raises(InputError) as caught:
        desk.connections.update_(desk.ada, other.id, replace(BOOKS, database="other"))
    assert caught.value.field == "name"


def test_one_connection_to_each_database(desk: Desk) -> None:
    desk.save()
    # Another account is no other place.
    with pytest.raises(ConflictError, match="“Books” leads to that database already") as caught:
        desk.save(name="Again", username="another")
    assert (caught.value.code, bool(caught.value.hint)) == ("connection.duplicate", True)
    other = desk.save(name="Other", database="other")
    with pytest.raises(ConflictError, match="“Books” leads to that database already"):
        desk.connections.update_(desk.ada, other.id, replace(BOOKS, name="Other"))
    desk.save(desk.bob)


@pytest.mark.parametrize(
    "change", [{"host": "evil.example.org"}, {"port": 3307}, {"username": "other"}], ids=str
)
def test_another_place_needs_the_password_again(desk: Desk, change: dict[str, object]) -> None:
    saved = desk.save()
    draft = replace(BOOKS, **change)  # type: ignore[arg-type]  # by name
    with pytest.raises(InputError) as caught:
        desk.connections.update_(desk.ada, saved.id, draft)
    assert caught.value.field == "password"
    with pytest.raises(InputError) as caught:
        desk.connections.check_(desk.ada, draft, saved.id)
    assert caught.value.field == "password"
    with pytest.raises(InputError) as caught:
        desk.connections.create_(desk.ada, replace(draft, name="Copy"), copy_of=saved.id)
    assert caught.value.field == "password"
    assert desk.connections.get_(desk.ada, saved.id) == saved
    again = desk.connections.update_(desk.ada, saved.id, replace(draft, password_secret="new"))
    assert desk.connections.target_(desk.ada, again.id).password_secret == "new"


def test_what_may_change_without_the_password(desk: Desk) -> None:
    saved = desk.save()
    draft = replace(
        BOOKS,
        name="Library",
        host=" DB.example.org ",
        database="more_books",
        tls=TlsSettings(TlsMode.REQUIRED),
        environment=Environment.PROD,
        pool=PoolSettings(size=2),
    )
    changed = desk.connections.update_(desk.ada, saved.id, draft, saved.updated_at)
    assert (changed.name, changed.database, changed.environment) == (
        "Library",
        "more_books",
        Environment.PROD,
    )
    assert changed.password_sealed != saved.password_sealed
    target = desk.connections.target_(desk.ada, saved.id)
    assert target.password_secret == PASSWORD
    assert target.tls.mode is TlsMode.REQUIRED
    assert target.pool.size == 2


@pytest.mark.parametrize(
    "change",
    [
        {"host": "evil.example.org"},
        {"port": 3307},
        {"username": "other"},
        {"tls": TlsSettings(TlsMode.DISABLED)},
        {"tls": TlsSettings(TlsMode.PINNED, pin_sha256="c" * 64)},
        {"ssh": SshSettings("evil.example.org", "me")},
    ],
    ids=str,
)
def test_a_row_edited_behind_our_back_gives_no_password(
    desk: Desk, change: dict[str, object]
) -> None:
    saved = desk.save()
    desk.rewrite(replace(saved, **change))  # type: ignore[arg-type]  # by name
    with pytest.raises(VaultError):
        desk.connections.target_(desk.ada, saved.id)


@pytest.mark.parametrize(
    "change",
    [
        {"tls": TlsSettings(TlsMode.PINNED, pin_sha256="c" * 64)},
        {"tls": TlsSettings(TlsMode.REQUIRED)},
        {"ssh": None},
        {"ssh": replace(TUNNEL, host="evil.example.org")},
        {"ssh": replace(TUNNEL, port=23)},
        {"ssh": replace(TUNNEL, host_key="ssh-ed25519 " + "B" * 68)},
        {"ssh": replace(TUNNEL, known_hosts_file="/tmp/mine")},
    ],
    ids=str,
)
def test_neither_pin_nor_tunnel_can_be_weakened_behind_our_back(
    desk: Desk, change: dict[str, object]
) -> None:
    saved = desk.save(
        tls=TlsSettings(TlsMode.PINNED, pin_sha256="b" * 64), ssh=TUNNEL, ssh_secret="canary-ssh"
    )
    target = desk.connections.target_(desk.ada, saved.id)
    assert (target.password_secret, target.ssh_secret) == (PASSWORD, "canary-ssh")
    desk.rewrite(replace(saved, **change))  # type: ignore[arg-type]  # by name
    with pytest.raises(VaultError):
        desk.connections.target_(desk.ada, saved.id)


def test_the_secret_of_a_tunnel(desk: Desk, house: House) -> None:
    with pytest.raises(InputError) as caught:
        desk.save(ssh=TUNNEL)
    assert caught.value.field == "ssh_secret"
    saved = desk.save(ssh=TUNNEL, ssh_secret="canary-ssh")
    assert "canary-ssh" not in repr(saved)
    files = [path.read_bytes() for path in house.folder.rglob("*") if path.is_file()]
    assert b"canary-ssh" not in b"".join(files)
    draft = saved.as_draft()
    renamed = desk.connections.update_(desk.ada, saved.id, replace(draft, name="Renamed"))
    assert desk.connections.target_(desk.ada, renamed.id).ssh_secret == "canary-ssh"
    trusted = replace(TUNNEL, host_key="ssh-ed25519 " + "B" * 68)
    desk.connections.update_(desk.ada, saved.id, replace(draft, ssh=trusted))
    target = desk.connections.target_(desk.ada, saved.id)
    assert (target.password_secret, target.ssh_secret) == (PASSWORD, "canary-ssh")
    elsewhere = replace(draft, ssh=replace(TUNNEL, host="other.example.org"))
    for password in (None, PASSWORD):
        with pytest.raises(InputError):
            desk.connections.update_(
                desk.ada, saved.id, replace(elsewhere, password_secret=password)
            )
    by_agent = replace(draft, ssh=replace(TUNNEL, method=SshMethod.AGENT))
    desk.connections.update_(desk.ada, saved.id, by_agent)
    assert desk.connections.get_(desk.ada, saved.id).ssh_secret_sealed == ""


def test_behind_two_ssh_servers_are_two_places(desk: Desk) -> None:
    desk.save(host="127.0.0.1")
    desk.save(name="a", host="127.0.0.1", ssh=TUNNEL, ssh_secret="x")
    other = replace(TUNNEL, host="other.example.org")
    saved = desk.save(name="b", host="127.0.0.1", ssh=other, ssh_secret="x")
    assert (saved.host, saved.ssh) == ("127.0.0.1", other)
    with pytest.raises(ConflictError):
        desk.save(name="c", host="127.0.0.1", ssh=other, ssh_secret="x")


def test_what_is_written_down(desk: Desk) -> None:
    saved = desk.save(ssh=TUNNEL, ssh_secret="canary-ssh")
    changed = replace(saved.as_draft(), name="Renamed", tls=TlsSettings(TlsMode.REQUIRED))
    desk.connections.update_(desk.ada, saved.id, changed)
    desk.connections.delete_(desk.ada, saved.id)
    found = desk.metadata.store.audit.list_(AuditQuery(person=desk.ada.email))
    told = {record.event.action: record.event for record in found}
    assert set(told) == {"connection.created", "connection.updated", "connection.deleted"}
    updated = told["connection.updated"]
    assert (updated.actor_id, updated.subject_id) == (desk.ada.user_id, saved.id)
    assert updated.details["before"]["name"] == "Books"
    assert updated.details["after"]["name"] == "Renamed"
    assert updated.details["after"]["tls"] == "required"
    assert updated.details["before"]["ssh"] == "deploy@bastion.example.org:22"
    for record in found:
        assert PASSWORD not in record.details_json
        assert "canary" not in record.details_json
        assert saved.password_sealed not in record.details_json


def test_what_an_api_key_allows(desk: Desk) -> None:
    saved = desk.save()
    searching = replace(desk.ada, key_permissions=frozenset({KeyPermission.SEARCH}))
    counting = replace(desk.ada, key_permissions=frozenset({KeyPermission.ANALYTICS}))
    assert desk.connections.list_(searching) == [saved]
    assert desk.connections.target_(searching, saved.id).password_secret == PASSWORD
    desk.connections.reset_pool_(searching, saved.id)
    for forbidden in (
        lambda: desk.connections.list_(counting),
        lambda: desk.connections.target_(counting, saved.id),
        lambda: desk.connections.update_(searching, saved.id, BOOKS),
        lambda: desk.connections.delete_(searching, saved.id),
        lambda: desk.connections.check_(searching, BOOKS, saved.id),
        lambda: desk.connections.read_certificate_(searching, BOOKS),
        lambda: desk.connections.create_(searching, BOOKS),
    ):
        with pytest.raises(AccessError):
            forbidden()
    admin_by_search_key = replace(desk.admin, key_permissions=frozenset({KeyPermission.SEARCH}))
    assert desk.connections.list_(admin_by_search_key) == []
    with pytest.raises(NotFoundError):
        desk.connections.get_(admin_by_search_key, saved.id)


def test_somebody_who_is_gone_or_no_admin_any_more(desk: Desk) -> None:
    saved = desk.save()
    desk.metadata.store.users.create_(a_user(role=Role.ADMIN), "x")
    assert desk.metadata.store.users.set_role_keeping_an_admin(desk.admin.user_id, Role.USER)
    with pytest.raises(NotFoundError):
        desk.connections.get_(desk.admin, saved.id)
    assert desk.connections.list_(desk.admin) == []
    stranger = a_user().as_actor()
    with pytest.raises(AccessError) as caught:
        desk.connections.list_(stranger)
    assert caught.value.code == "access.gone"


def test_a_password_moved_to_another_row_does_not_open(desk: Desk) -> None:
    saved, other = desk.save(), desk.save(desk.bob)
    desk.rewrite(replace(other, password_sealed=saved.password_sealed))
    with pytest.raises(VaultError):
        desk.connections.target_(desk.bob, other.id)


def test_a_change_that_somebody_else_made_meanwhile(desk: Desk) -> None:
    saved = desk.save()
    desk.connections.update_(desk.ada, saved.id, replace(BOOKS, name="First"), saved.updated_at)
    with pytest.raises(ConflictError) as caught:
        desk.connections.update_(
            desk.ada, saved.id, replace(BOOKS, name="Second"), saved.updated_at
        )
    assert caught.value.code == "connection.changed"
    assert desk.connections.get_(desk.ada, saved.id).name == "First"


def test_a_copy_is_a_draft_without_the_password(desk: Desk) -> None:
    saved = desk.save(environment=Environment.PROD)
    draft = desk.connections.duplicate_(desk.ada, saved.id)
    assert draft.name == "Books (copy)"
    assert draft.password_secret is None
    assert draft.environment is Environment.PROD
    copy = desk.connections.create_(
        desk.ada, replace(draft, database="more_books"), copy_of=saved.id
    )
    assert desk.connections.target_(desk.ada, copy.id).password_secret == PASSWORD
    assert desk.connections.duplicate_(desk.ada, saved.id).name == "Books (copy 2)"


def test_a_new_connection_needs_a_password_that_may_be_empty(desk: Desk) -> None:
    with pytest.raises(InputError) as caught:
        desk.save(password_secret=None)
    assert caught.value.field == "password"
    saved = desk.save(password_secret="")
    assert desk.connections.target_(desk.ada, saved.id).password_secret == ""


def test_removed_is_gone(desk: Desk) -> None:
    saved = desk.save()
    desk.connections.delete_(desk.ada, saved.id)
    assert desk.connections.list_(desk.ada) == []
    with pytest.raises(NotFoundError):
        desk.connections.delete_(desk.ada, saved.id)


def test_the_last_use_is_noted_and_is_no_change(desk: Desk) -> None:
    saved = desk.save()
    assert saved.last_connected_at is None
    desk.connections.note_connected_(saved.id)
    noted = desk.connections.get_(desk.ada, saved.id)
    assert noted.last_connected_at is not None
    assert noted.updated_at == saved.updated_at
    desk.connections.note_connected_("no such connection")


def test_managed_connections_follow_the_local_server(desk: Desk) -> None:
    draft = replace(BOOKS, host="127.0.0.1", port=40001, password_secret="first")
    made = desk.connections.save_managed_(desk.ada, draft)
    assert made.managed
    renamed = desk.connections.update_(
        desk.ada, made.id, replace(draft, name="My demo", password_secret=None)
    )
    assert renamed.name == "My demo"
    again = desk.connections.save_managed_(
        desk.ada, replace(draft, port=40002, password_secret="second")
    )
    assert (again.id, again.name, again.port) == (made.id, "My demo", 40002)
    target = desk.connections.target_(desk.ada, made.id)
    assert (target.port, target.password_secret) == (40123, "made by the program")
    assert target.database == "books"
    for change in ({"port": 1}, {"database": "x"}, {"password_secret": "mine"}):
        with pytest.raises(InputError):
            desk.connections.update_(
                desk.ada,
                made.id,
                replace(draft, **{"port": 40002, "password_secret": None, **change}),  # type: ignore[arg-type]  # by name
            )


def test_managed_connections_without_a_server(desk: Desk) -> None:
    made = desk.connections.save_managed_(desk.ada, replace(BOOKS, password_secret="x"))
    alone = ConnectionsService(desk.metadata, desk.vault, TenantPools(), Permissions(desk.metadata))
    with pytest.raises(LocalServerError):
        alone.target_(desk.ada, made.id)


_KEYED = SshSettings("bastion.example.org", "deploy", method=SshMethod.KEY, key_file="/a/key")
_KEY = "ssh-ed25519 " + "A" * 68
_EDITS: dict[str, tuple[dict[str, object], object, object]] = {
    "name": ({"name": "Other"}, "Books", "Other"),
    "place": (
        {"database": "other", "password_secret": "x"},
        "altus4_search@db.example.org:3306/books",
        "altus4_search@db.example.org:3306/other",
    ),
    "environment": ({"environment": Environment.PROD}, "dev", "prod"),
    "tls": ({"tls": TlsSettings(TlsMode.REQUIRED)}, "preferred", "required"),
    "tls_ca_file": ({"tls": TlsSettings(TlsMode.VERIFY_CA, ca_file="/a/ca.pem")}, "", "/a/ca.pem"),
    "tls_cert_file": (
        {"tls": TlsSettings(TlsMode.REQUIRED, cert_file="/a/c.pem", key_file="/a/k.pem")},
        "",
        "/a/c.pem",
    ),
    "tls_key_file": (
        {"tls": TlsSettings(TlsMode.REQUIRED, cert_file="/a/c.pem", key_file="/a/k.pem")},
        "",
        "/a/k.pem",
    ),
    "tls_pin": (
        {"tls": TlsSettings(TlsMode.PINNED, pin_sha256="ab" * 32)},
        "",
        "ab" * 32,
    ),
    "ssh": (
        {"ssh": replace(_KEYED, port=2222), "password_secret": "x"},
        "deploy@bastion.example.org:22",
        "deploy@bastion.example.org:2222",
    ),
    "ssh_method": (
        {"ssh": replace(_KEYED, method=SshMethod.AGENT, key_file="")},
        "key",
        "agent",
    ),
    "ssh_key_file": ({"ssh": replace(_KEYED, key_file="/b/key")}, "/a/key", "/b/key"),
    "ssh_known_hosts_file": (
        {"ssh": replace(_KEYED, known_hosts_file="/a/hosts")},
        "",
        "/a/hosts",
    ),
    "ssh_host_key": (
        {"ssh": replace(_KEYED, host_key=_KEY), "password_secret": "x"},
        "",
        ssh_fingerprint(_KEY),
    ),
    "pool_size": ({"pool": PoolSettings(size=3)}, 10, 3),
    "pool_acquire_timeout_s": ({"pool": PoolSettings(acquire_timeout_s=5.0)}, 60.0, 5.0),
    "pool_query_timeout_s": ({"pool": PoolSettings(query_timeout_s=5.0)}, 60.0, 5.0),
    "pool_idle_timeout_s": ({"pool": PoolSettings(idle_timeout_s=60.0)}, 300.0, 60.0),
    "pool_connect_timeout_s": ({"pool": PoolSettings(connect_timeout_s=5.0)}, 10.0, 5.0),
}


@pytest.mark.parametrize("field", _EDITS)
def test_whatever_is_changed_of_a_connection_is_written_down(
    desk: Desk, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_drafts, "_is_readable_file", lambda name: True)
    changes, before, after = _EDITS[field]
    saved = desk.save(ssh=_KEYED)
    draft = replace(saved.as_draft(), **{"password_secret": PASSWORD, **changes})  # type: ignore[arg-type]  # by name
    desk.connections.update_(desk.ada, saved.id, draft)
    details = _newest_details(desk)
    assert details["before"][field] == before
    assert details["after"][field] == after


@pytest.mark.parametrize(
    ("changes", "password", "ssh_secret"),
    [
        ({}, False, False),
        ({"password_secret": "other"}, True, False),
        ({"ssh_secret": "other"}, False, True),
        ({"ssh": replace(TUNNEL, method=SshMethod.AGENT), "ssh_secret": "other"}, False, False),
    ],
)
def test_that_a_secret_was_replaced_is_written_down(
    desk: Desk, changes: dict[str, object], password: bool, ssh_secret: bool
) -> None:
    saved = desk.save(ssh=TUNNEL, ssh_secret="first")
    desk.connections.update_(desk.ada, saved.id, replace(saved.as_draft(), **changes))  # type: ignore[arg-type]  # by name
    details = _newest_details(desk)
    assert details["password_replaced"] is password
    assert details["ssh_secret_replaced"] is ssh_secret
    assert "other" not in str(details)


def test_what_another_computer_has_sealed_is_asked_for_by_name(desk: Desk, tmp_path: Path) -> None:
    elsewhere = VaultService(tmp_path, MemoryKeyring())
    elsewhere.ensure_ready()
    saved = desk.save(name="Shop", ssh=TUNNEL, ssh_secret="first")
    theirs = replace(saved, password_sealed=elsewhere.seal(PASSWORD, password_binding(saved)))
    desk.rewrite(theirs)
    with pytest.raises(KeyMissingError) as caught:
        desk.connections.target_(desk.ada, saved.id)
    assert "password of “Shop”" in caught.value.message
    assert "Enter it again" in caught.value.hint
    assert "recovery kit" in caught.value.hint
    with pytest.raises(KeyMissingError):
        desk.connections.update_(desk.ada, saved.id, saved.as_draft())
    again = replace(saved.as_draft(), password_secret=PASSWORD)
    desk.connections.update_(desk.ada, saved.id, again)
    assert desk.connections.target_(desk.ada, saved.id).password_secret == PASSWORD
    sealed = elsewhere.seal("first", ssh_binding(saved))
    desk.rewrite(replace(desk.connections.get_(desk.ada, saved.id), ssh_secret_sealed=sealed))
    with pytest.raises(KeyMissingError) as caught:
        desk.connections.target_(desk.ada, saved.id)
    assert "SSH account of “Shop”" in caught.value.message


def _newest_details(desk: Desk) -> Mapping[str, Any]:
    query = AuditQuery(person=desk.ada.email, action="connection.updated")
    return desk.metadata.store.audit.list_(query, limit=1)[0].event.details
