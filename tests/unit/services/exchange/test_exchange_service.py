"""Import with a preview, and export, over the embedded store."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.audit import AuditRecord
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import (
    ConnectionDraft,
    Environment,
    PoolSettings,
    SshMethod,
    SshSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.errors import (
    AccessError,
    AltusError,
    InputError,
    NotFoundError,
    StoreError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.exchange import (
    ExchangeFormat,
    FileSource,
    FoundKey,
    FoundUser,
    ImportChoice,
    ImportItem,
    ImportPreview,
    ItemKind,
    ItemState,
)
from altus4_desktop.domain.keys import KeyEnvironment, KeyPermission, KeyTier
from altus4_desktop.domain.progress import Progress
from altus4_desktop.services import Services
from altus4_desktop.storage.repositories.connections import ConnectionRepository
from tests.records import a_user

PASSWORD = "canary-of-the-tenant"
SSH_SECRET = "canary-of-the-tunnel"
PASSPHRASE = "five words nobody has guessed"
TABLE = f"""name,host,port,database,username,password
Shop,db.example.org,3306,shop,reader,{PASSWORD}
Shop,db.example.org,3306,crm,reader,
Shop again,DB.example.org,,shop,other,x
No database,db.example.org,3306,,reader,y
Wrong,db.example.org,0,x,reader,y
"""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(opened(tmp_path / "data")) as made:
        yield made


@pytest.fixture
def ada(services: Services) -> Actor:
    return person(services)


def opened(folder: Path) -> Services:
    made = compose(folder)
    made.metadata.open_()
    made.vault.set_up_session()
    return made


def person(services: Services, role: Role = Role.USER, **changes: object) -> Actor:
    user = a_user(role=role, **changes)
    services.metadata.store.users.create_(user, "hash")
    return user.as_actor()


def table(tmp_path: Path, text: str = TABLE) -> FileSource:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return FileSource(path)


def everything(preview: ImportPreview) -> list[ImportChoice]:
    return [ImportChoice(item.id) for item in preview.items if item.state is ItemState.NEW]


def log(services: Services, prefix: str = "") -> list[AuditRecord]:
    admin = person(services, Role.ADMIN)
    found = services.audit.list_(admin, limit=500)
    return [one for one in reversed(found) if one.event.action.startswith(prefix)]


def draft(**changes: object) -> ConnectionDraft:
    made = ConnectionDraft(
        name="Bücher",
        host="db.example.org",
        port=3307,
        database="books",
        username="reader",
        password_secret=PASSWORD,
        tls=TlsSettings(TlsMode.PINNED, pin_sha256="ab" * 32),
        environment=Environment.PROD,
        pool=PoolSettings(3, 1.5, 20.0, 30.0, 2.5),
        ssh=SshSettings("jump.example.org", "me", method=SshMethod.PASSWORD),
        ssh_secret=SSH_SECRET,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # by name


def test_a_preview_says_what_is_new_and_what_is_not(
    services: Services, ada: Actor, tmp_path: Path
) -> None:
    services.connections.create_(
        ada, ConnectionDraft("CRM", "db.example.org", "crm", "me", password_secret="")
    )
    preview = services.exchange.preview_(ada, table(tmp_path))
    assert (preview.format, preview.origin) == (ExchangeFormat.CSV, "table.csv")
    told = [(item.name, item.state, item.password_missing) for item in preview.items]
    assert told == [
        ("Shop", ItemState.NEW, False),
        ("Shop", ItemState.DUPLICATE, True),
        ("Shop again", ItemState.DUPLICATE, False),
        ("No database", ItemState.NEW, False),
        ("Wrong", ItemState.UNUSABLE, False),
    ]
    reasons = [item.reason.text if item.reason else "" for item in preview.items]
    assert "CRM" in reasons[1]
    assert "Shop" in reasons[2]
    assert preview.items[3].lacks == ("database",)
    assert PASSWORD not in repr(preview)


def test_another_user_s_connections_are_no_duplicates_and_are_not_named(
    services: Services, ada: Actor, tmp_path: Path
) -> None:
    services.exchange.import_(
        ada, preview := services.exchange.preview_(ada, table(tmp_path)), everything(preview)[:1]
    )
    bob = person(services)
    again = services.exchange.preview_(bob, table(tmp_path))
    assert again.items[0].state is ItemState.NEW
    assert services.exchange.preview_(ada, table(tmp_path)).items[0].state is ItemState.DUPLICATE


def test_what_was_chosen_is_saved_sealed_and_written_down(
    services: Services, ada: Actor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    preview = services.exchange.preview_(ada, table(tmp_path))
    seen: list[Progress] = []
    choices = [
        ImportChoice("1"),
        ImportChoice("2", password_secret="entered-canary"),
        ImportChoice("4", name="Named", database="named"),
    ]
    report = services.exchange.import_(ada, preview, choices, seen.append)
    assert report.connections == ("Shop", "Shop (2)", "Named")
    assert not report.failures
    assert not report.without_password
    assert seen[-1].fraction == 1.0
    saved = {one.name: one for one in services.connections.list_(ada)}
    target = services.connections.target_(ada, saved["Shop"].id)
    assert target.password_secret == PASSWORD
    assert services.connections.target_(ada, saved["Shop (2)"].id).password_secret == (
        "entered-canary"
    )
    events = log(services, "connection.imported")
    assert [one.event.subject_name for one in events] == ["Shop", "Shop (2)", "Named"]
    assert {one.event.actor_id for one in events} == {ada.user_id}
    assert "canary" not in "".join(one.details_json for one in events)
    assert "canary" not in caplog.text
    assert b"canary" not in b"".join(
        path.read_bytes() for path in services.data_dir.rglob("*") if path.is_file()
    )


def test_without_its_password_a_connection_asks_for_it(
    services: Services, ada: Actor, tmp_path: Path
) -> None:
    preview = services.exchange.preview_(ada, table(tmp_path))
    report = services.exchange.import_(ada, preview, [ImportChoice("2")])
    (saved,) = services.connections.list_(ada)
    assert report.without_password == {saved.id: "Shop"}
    with pytest.raises(VaultError) as caught:
        services.connections.target_(ada, saved.id)
    assert caught.value.code == "vault.no_password"
    services.connections.update_(ada, saved.id, replace(saved.as_draft(), password_secret="now"))
    assert services.connections.target_(ada, saved.id).password_secret == "now"


def test_a_table_that_excel_has_written(services: Services, ada: Actor, tmp_path: Path) -> None:
    source = table(tmp_path)
    source.path.write_bytes(
        "name;host;database;username;password\r\nBüro;h;d;jürgen;pässwort\r\n".encode("cp1252")
    )
    preview = services.exchange.preview_(ada, source)
    assert any("Windows-1252" in remark.text for remark in preview.remarks)
    services.exchange.import_(ada, preview, everything(preview))
    (saved,) = services.connections.list_(ada)
    assert (saved.name, saved.username) == ("Büro", "jürgen")
    assert services.connections.target_(ada, saved.id).password_secret == "pässwort"


def test_what_cannot_be_saved_is_named_and_the_rest_is(
    services: Services, ada: Actor, tmp_path: Path
) -> None:
    preview = services.exchange.preview_(ada, table(tmp_path))
    report = services.exchange.import_(
        ada, preview, [ImportChoice(number) for number in ("1", "3", "4", "5", "2")]
    )
    assert report.connections == ("Shop", "Shop (2)")
    failures = [(one.name, one.error.code) for one in report.failures]
    assert failures[1:] == [("No database", "input.invalid"), ("Wrong", "import.unusable")]
    assert failures[0][0] == "Shop again"
    with pytest.raises(NotFoundError):
        services.exchange.import_(ada, preview, [ImportChoice("99")])


def test_a_second_run_brings_in_the_rest(
    services: Services, ada: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"n{number},h,{number + 1},d,u,p{number}\n" for number in range(10))
    source = table(tmp_path, "name,host,port,database,username,password\n" + rows)
    preview = services.exchange.preview_(ada, source)
    create, done = ConnectionRepository.create_, 0

    def breaking(self: ConnectionRepository, *args: object, **more: object) -> object:
        nonlocal done
        done += 1
        if done == 6:
            raise StoreError("The line is gone.")
        return create(self, *args, **more)  # type: ignore[arg-type]  # as they came

    with monkeypatch.context() as patched:
        patched.setattr(ConnectionRepository, "create_", breaking)
        with pytest.raises(StoreError):
            services.exchange.import_(ada, preview, everything(preview))
    assert len(services.connections.list_(ada)) == 5
    rest = services.exchange.preview_(ada, source)
    assert [item.state for item in rest.items] == [ItemState.DUPLICATE] * 5 + [ItemState.NEW] * 5
    services.exchange.import_(ada, rest, everything(rest))
    saved = services.connections.list_(ada)
    secrets = {services.connections.target_(ada, one.id).password_secret for one in saved}
    assert secrets == {f"p{number}" for number in range(10)}
    assert len(log(services, "connection.imported")) == 10


def test_a_cancel_keeps_what_was_saved_and_says_so(
    services: Services, ada: Actor, tmp_path: Path
) -> None:
    rows = "".join(f"n{number},h,{number + 1},d,u\n" for number in range(5))
    source = table(tmp_path, "name,host,port,database,username\n" + rows)
    preview = services.exchange.preview_(ada, source)
    token = CancelToken()

    def stop(progress: Progress) -> None:
        if "n2" in progress.message:
            token.cancel()

    report = services.exchange.import_(ada, preview, everything(preview), stop, token)
    assert report.stopped
    assert report.connections == ("n0", "n1", "n2")
    assert [one.name for one in services.connections.list_(ada)] == ["n0", "n1", "n2"]


def test_a_locked_vault_is_told_before_anything_is_saved(tmp_path: Path) -> None:
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        ada = person(services)
        preview = services.exchange.preview_(ada, table(tmp_path))
        with pytest.raises(VaultLockedError):
            services.exchange.import_(ada, preview, [ImportChoice("2"), ImportChoice("1")])
        assert services.connections.list_(ada) == []
        # Nothing has to be sealed for one without a password.
        services.exchange.import_(ada, preview, [ImportChoice("2")])
        assert [one.name for one in services.connections.list_(ada)] == ["Shop"]


def test_an_empty_file_is_told(services: Services, ada: Actor, tmp_path: Path) -> None:
    with pytest.raises(AltusError) as caught:
        services.exchange.preview_(ada, table(tmp_path, "host,database\n"))
    assert caught.value.code == "import.empty"


# Users and keys


def accounts() -> ImportPreview:
    key = FoundKey(
        name="Reports",
        prefix="altus4_sk_live_0123456789abcde",
        key_hash="0" * 64,
        environment=KeyEnvironment.LIVE,
        permissions=frozenset({KeyPermission.SEARCH}),
        tier=KeyTier.PRO,
    )
    place = ConnectionDraft("Hers", "h", "d", "u", password_secret=PASSWORD)
    user = FoundUser("Eve", "eve@example.org", Role.USER, "$2b$12$" + "a" * 53)
    return ImportPreview(
        ExchangeFormat.ALTUS_SERVER,
        "a server",
        (
            ImportItem("k1", ItemKind.API_KEY, "Reports", owner_email=user.email, key=key),
            ImportItem("1", ItemKind.CONNECTION, "Hers", owner_email=user.email, draft=place),
            ImportItem("u1", ItemKind.USER, user.email, user=user),
        ),
    )


def test_an_admin_brings_in_users_with_what_is_theirs(services: Services) -> None:
    admin = person(services, Role.ADMIN)
    report = services.exchange.import_(admin, accounts(), everything(accounts()))
    assert (report.users, report.connections, report.keys) == (
        ("eve@example.org",),
        ("Hers",),
        ("Reports",),
    )
    eve = services.metadata.store.users.find_by_email("eve@example.org")
    assert eve is not None
    assert services.metadata.store.users.find_password_hash(eve.id) == "$2b$12$" + "a" * 53
    assert [one.name for one in services.connections.list_(eve.as_actor())] == ["Hers"]
    found = services.metadata.store.api_keys.find_by_hash("0" * 64)
    assert found is not None
    assert (found.key.user_id, found.key.tier) == (eve.id, KeyTier.PRO)
    actions = [one.event.action for one in log(services) if "imported" in one.event.action]
    assert actions == ["user.imported", "connection.imported", "key.imported"]
    again = services.exchange.import_(admin, accounts(), everything(accounts()))
    assert len(again.failures) == 3
    text = "".join(one.details_json for one in log(services))
    assert "$2b$" not in text
    assert "0" * 64 not in text


def test_a_key_waits_for_its_owner(services: Services) -> None:
    admin = person(services, Role.ADMIN)
    report = services.exchange.import_(admin, accounts(), [ImportChoice("k1")])
    assert [one.error.code for one in report.failures] == ["not_found"]
    assert services.metadata.store.api_keys.find_by_hash("0" * 64) is None


def test_users_and_keys_are_for_admins_whatever_the_actor_says(services: Services) -> None:
    ada = person(services)
    for chosen in ("u1", "k1"):
        for actor in (ada, replace(ada, role=Role.ADMIN)):
            with pytest.raises(AccessError):
                services.exchange.import_(
                    actor, accounts(), [ImportChoice("1"), ImportChoice(chosen)]
                )
    assert services.connections.list_(ada) == []
    # A connection of somebody else's becomes whose it is that brings it in.
    eve = a_user(email="eve@example.org")
    services.metadata.store.users.create_(eve, "hash")
    for actor in (ada, replace(ada, role=Role.ADMIN)):
        services.exchange.import_(actor, accounts(), [ImportChoice("1")])
    assert [one.name for one in services.connections.list_(ada)] == ["Hers"]
    assert services.connections.list_(eve.as_actor()) == []


def test_the_demo_s_account_brings_in_neither_users_nor_keys(services: Services) -> None:
    demo = person(services, Role.ADMIN, preferences={"demo": True})
    for chosen in ("u1", "k1"):
        with pytest.raises(AccessError) as caught:
            services.exchange.import_(demo, accounts(), [ImportChoice("1"), ImportChoice(chosen)])
        assert caught.value.code == "access.demo"
    assert services.connections.list_(demo) == []


def test_no_api_key_brings_in_an_admin(services: Services) -> None:
    key = replace(person(services, Role.ADMIN), key_permissions=frozenset(KeyPermission))
    found = accounts()
    user = found.items[2].user
    assert user is not None
    an_admin = replace(found.items[2], user=replace(user, role=Role.ADMIN))
    with_admin = replace(found, items=(*found.items[:2], an_admin))
    with pytest.raises(AccessError) as caught:
        services.exchange.import_(key, with_admin, everything(with_admin))
    assert caught.value.code == "access.key"
    assert services.connections.list_(key) == []
    assert services.metadata.store.users.find_by_email("eve@example.org") is None
    assert services.exchange.import_(key, found, everything(found)).users == ("eve@example.org",)


# Export


def test_an_export_has_everything_but_the_secrets(
    services: Services, ada: Actor, tmp_path: Path
) -> None:
    saved = services.connections.create_(ada, draft())
    path = tmp_path / "out.json"
    report = services.exchange.export_(ada, [saved.id, saved.id], path)
    assert report.connections == ("Bücher",)
    text = path.read_text(encoding="utf-8")
    assert "canary" not in text
    assert json.loads(text)["format"] == "altus4-connections"
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
    bob = person(services)
    preview = services.exchange.preview_(bob, FileSource(path))
    (item,) = preview.items
    assert item.draft == draft(password_secret=None, ssh_secret=None)
    (event,) = log(services, "connection.exported")
    assert event.event.details["after"] == {
        "format": "altus4",
        "connections": ["Bücher"],
        "with_passwords": False,
    }


def test_a_bundle_goes_to_another_computer(services: Services, ada: Actor, tmp_path: Path) -> None:
    saved = services.connections.create_(ada, draft())
    without = services.connections.prepare_(ada.user_id, draft(name="Later", port=3308))
    lost = replace(without, password_sealed="", ssh_secret_sealed="")
    services.metadata.store.connections.create_(lost)
    path = tmp_path / "team.altus4"
    report = services.exchange.export_bundle_(ada, [saved.id, lost.id], path, PASSPHRASE)
    assert report.connections == ("Bücher", "Later")
    assert report.without_password == ("Later",)
    content = path.read_bytes()
    for hidden in (b"canary", b"db.example.org", "Bücher".encode(), PASSPHRASE.encode()):
        assert hidden not in content
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
    with closing(opened(tmp_path / "elsewhere")) as there:
        eve = person(there)
        preview = there.exchange.preview_(eve, FileSource(path, passphrase_secret=PASSPHRASE))
        assert preview.format is ExchangeFormat.BUNDLE
        arrived = there.exchange.import_(eve, preview, everything(preview))
        assert arrived.connections == ("Bücher", "Later")
        first, second = there.connections.list_(eve)
        target = there.connections.target_(eve, first.id)
        assert (target.password_secret, target.ssh_secret) == (PASSWORD, SSH_SECRET)
        assert arrived.without_password == {second.id: "Later"}
        assert first.as_draft() == saved.as_draft()
    (event,) = log(services, "connection.exported")
    assert event.event.details["after"]["with_passwords"] is True
    assert "canary" not in event.details_json
    assert PASSPHRASE not in event.details_json


def test_a_bundle_opens_by_its_passphrase_alone(
    services: Services, ada: Actor, tmp_path: Path
) -> None:
    saved = services.connections.create_(ada, draft())
    path = tmp_path / "team.altus4"
    services.exchange.export_bundle_(ada, [saved.id], path, PASSPHRASE)
    for passphrase in (None, "", "another passphrase"):
        with pytest.raises(InputError) as caught:
            services.exchange.preview_(ada, FileSource(path, passphrase_secret=passphrase))
        assert caught.value.field == "passphrase"
    content = json.loads(path.read_text())
    for name in ("sealed", "key_id"):
        text = content[name]
        for at in (3, len(text) // 2, len(text) - 1):
            changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
            path.write_text(json.dumps({**content, name: changed}))
            with pytest.raises(AltusError) as refused:
                services.exchange.preview_(ada, FileSource(path, passphrase_secret=PASSPHRASE))
            assert "canary" not in str(refused.value)
    path.write_text(json.dumps({**content, "passphrase": {"kdf": "none"}}))
    with pytest.raises(AltusError):
        services.exchange.preview_(ada, FileSource(path, passphrase_secret=PASSPHRASE))


def test_a_bundle_tells_passwords_that_never_were_from_those_that_do_not_open(
    services: Services, ada: Actor, tmp_path: Path
) -> None:
    preview = services.exchange.preview_(ada, table(tmp_path))
    services.exchange.import_(ada, preview, [ImportChoice("2")])
    (later,) = services.connections.list_(ada)
    damaged = services.connections.create_(ada, draft())
    with closing(sqlite3.connect(services.data_dir / "metadata.sqlite3")) as store, store:
        store.execute("UPDATE databases SET host = 'elsewhere' WHERE id = ?", (damaged.id,))
    report = services.exchange.export_bundle_(
        ada, [later.id, damaged.id], tmp_path / "team.altus4", PASSPHRASE
    )
    assert (report.unopened, report.without_password) == (("Bücher",), ("Shop",))
    assert report.connections == ("Shop", "Bücher")


def test_an_export_is_whole_or_not_at_all(services: Services, ada: Actor, tmp_path: Path) -> None:
    saved = services.connections.create_(ada, draft())
    path = tmp_path / "team.altus4"
    path.write_text("what was there")
    bob = person(services)
    with pytest.raises(InputError):
        services.exchange.export_bundle_(ada, [saved.id], path, "short")
    with pytest.raises(NotFoundError):
        services.exchange.export_(bob, [saved.id], path)
    with pytest.raises(AltusError) as caught:
        services.exchange.export_(ada, [saved.id], tmp_path / "nowhere" / "x.json")
    assert caught.value.code == "export.failed"
    assert path.read_text() == "what was there"
    assert log(services, "connection.exported") == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["data", "team.altus4"]


def test_the_local_server_stays_where_it_is(services: Services, ada: Actor, tmp_path: Path) -> None:
    ours = services.connections.save_managed_(ada, draft(name="Demo", ssh=None))
    path = tmp_path / "out.json"
    with pytest.raises(InputError):
        services.exchange.export_(ada, [ours.id], path)
    saved = services.connections.create_(ada, draft())
    report = services.exchange.export_(ada, [ours.id, saved.id], path)
    assert (report.connections, report.left_out) == (("Bücher",), ("Demo",))
    assert "Demo" not in path.read_text()
