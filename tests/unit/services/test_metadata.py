"""Choosing, opening and upgrading the metadata store."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.domain.errors import (
    InputError,
    SchemaError,
    StoreError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.revisions import MigrationStatus
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import VaultService
from altus4_desktop.storage.location import parse_store_url
from altus4_desktop.storage.migrator import Migrator
from altus4_desktop.storage.store import open_store
from tests.keyring_memory import MemoryKeyring
from tests.records import a_user

_SHARED = "mysql://ada@db.example.org:3306/meta?tls=verify-identity"


class _Desk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keyring = MemoryKeyring()
        self.services: list[MetadataService] = []

    def start(self, url: str | None = None, password: str | None = None) -> MetadataService:
        self.settings = Settings.load(
            self.folder, metadata_url=url, metadata_password_secret=password
        )
        self.vault = VaultService(self.folder, self.keyring)
        service = MetadataService(self.folder, self.settings, self.vault)
        self.services.append(service)
        return service


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[_Desk]:
    made = _Desk(tmp_path / "data")
    yield made
    for service in made.services:
        service.close_()


def test_nothing_is_made_before_it_is_opened(desk: _Desk) -> None:
    metadata = desk.start()
    assert not metadata.is_configured()
    assert not metadata.is_open
    assert metadata.location.file == desk.folder / "metadata.sqlite3"
    status = metadata.status_()
    assert status.pending == status.revisions != ()
    assert metadata.check_(None).dialect == "sqlite"
    assert not desk.folder.exists()
    with pytest.raises(StoreError) as caught:
        _ = metadata.store
    assert caught.value.code == "store.closed"


def test_a_folder_that_others_may_read_is_closed_to_them(desk: _Desk) -> None:
    desk.folder.mkdir()
    desk.folder.chmod(0o755)
    desk.start().open_()
    assert stat.S_IMODE(desk.folder.stat().st_mode) == 0o700


def test_a_folder_of_everybody_is_refused(desk: _Desk) -> None:
    desk.folder.mkdir()
    desk.folder.chmod(0o1777)
    with pytest.raises(StoreError) as caught:
        desk.start().open_()
    assert caught.value.code == "store.folder"
    assert list(desk.folder.iterdir()) == []


def test_the_embedded_store_upgrades_by_itself(desk: _Desk) -> None:
    metadata = desk.start()
    status = metadata.open_()
    assert (status.pending, status.dialect) == ((), "sqlite")
    assert metadata.is_configured()
    user = metadata.store.users.create_(a_user(), "x")
    assert metadata.open_() is status
    metadata.close_()
    assert not metadata.is_open
    with open_store(metadata.location).migrator._engine.connect():
        pass
    store = open_store(metadata.location)
    store.migrator.downgrade("0007")
    store.close()
    again = desk.start()
    assert again.open_().pending == ()
    assert again.store.users.find_(user.id) == user
    assert len(list((desk.folder / "backups").iterdir())) == 2


def test_a_look_that_fails_once_leaves_the_store_open(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = desk.start()
    metadata.open_()

    def lose(_: Migrator) -> MigrationStatus:
        raise StoreError("The connection was lost.", code="store.lost", retryable=True)

    with monkeypatch.context() as broken:
        broken.setattr(Migrator, "status", lose)
        with pytest.raises(StoreError, match="lost"), metadata.working_on():
            pass
        with pytest.raises(StoreError, match="lost"):
            _ = metadata.store
    assert not metadata.store.users.exists_real()
    assert metadata.is_open


def test_who_asks_waits_a_moment_for_who_looks_anew(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = desk.start()
    metadata.open_()
    look, looking, is_back = Migrator.status, threading.Event(), threading.Event()

    def wait(migrator: Migrator) -> MigrationStatus:
        looking.set()
        if not is_back.wait(0.5):
            raise StoreError("The connection was lost.", code="store.lost", retryable=True)
        return look(migrator)

    monkeypatch.setattr(Migrator, "status", wait)
    with pytest.raises(StoreError, match="lost"), metadata.working_on():
        pass
    looking.clear()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(lambda: metadata.store)
        assert looking.wait(10)
        second = threads.submit(lambda: metadata.store)
        with pytest.raises(TimeoutError):
            second.result(0.1)
        is_back.set()
        assert first.result(10) is second.result(10)


def test_a_newer_store_is_refused_and_still_described(desk: _Desk) -> None:
    metadata = desk.start()
    metadata.open_()
    metadata.close_()
    store = open_store(metadata.location)
    with store._engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0100_later'")
        connection.commit()
    store.close()
    newer = desk.start()
    with pytest.raises(SchemaError) as caught:
        newer.open_()
    assert caught.value.code == "store.newer"
    assert not newer.is_open
    assert newer.status_().newer
    with pytest.raises(StoreError):
        _ = newer.store


def test_a_chosen_store_is_remembered_and_its_password_sealed(desk: _Desk) -> None:
    metadata = desk.start()
    with pytest.raises(VaultLockedError):
        metadata.choose_(_SHARED, "CANARY")
    assert desk.settings.metadata_url is None
    desk.vault.ensure_ready()
    metadata.choose_(_SHARED, "CANARY")
    assert metadata.password_is_sealed()
    kept = (desk.folder / "settings.json").read_text("utf-8")
    assert json.loads(kept)["metadata_url"] == _SHARED
    assert "CANARY" not in kept
    again = desk.start()
    assert again.is_configured()
    assert again.location.host == "db.example.org"
    assert again.password_known()
    desk.vault.ensure_ready()
    assert again._password(again.location) == "CANARY"
    again.choose_(None)
    assert desk.start().location.embedded
    assert desk.settings.metadata_password_sealed is None


def test_a_sealed_password_goes_only_where_it_was_sealed_for(desk: _Desk) -> None:
    metadata = desk.start()
    desk.vault.ensure_ready()
    metadata.choose_(_SHARED, "CANARY")
    settings = desk.folder / "settings.json"
    moved = settings.read_text("utf-8").replace("db.example.org", "evil.example.org")
    settings.write_text(moved, "utf-8")
    again = desk.start()
    desk.vault.ensure_ready()
    with pytest.raises(Exception, match=r"(?i)not") as caught:
        again._password(again.location)
    assert "CANARY" not in str(caught.value)
    elsewhere = desk.start("mysql://ada@other.example.org/meta")
    assert not elsewhere.password_known()
    assert elsewhere._password(elsewhere.location) is None
    given = desk.start("mysql://ada@other.example.org/meta", "given")
    assert given.password_known()
    assert given._password(given.location) == "given"


def test_a_sealed_password_belongs_to_the_pinned_certificate(desk: _Desk) -> None:
    metadata = desk.start()
    desk.vault.ensure_ready()
    pinned = f"mysql://ada@db.example.org/meta?tls=pinned&pin={'a' * 64}"
    metadata.choose_(pinned, "CANARY")
    assert metadata._password(parse_store_url(pinned)) == "CANARY"
    settings = desk.folder / "settings.json"
    settings.write_text(settings.read_text("utf-8").replace("a" * 64, "b" * 64), "utf-8")
    again = desk.start()
    desk.vault.ensure_ready()
    with pytest.raises(VaultError) as caught:
        again._password(again.location)
    assert "CANARY" not in str(caught.value)


def test_a_store_password_can_be_kept_later(desk: _Desk) -> None:
    metadata = desk.start()
    assert not metadata.needs_password()
    metadata.choose_(_SHARED)
    assert metadata.needs_password()
    assert not metadata.can_keep_password()
    desk.vault.ensure_ready()
    assert metadata.can_keep_password()
    metadata.keep_password_("CANARY")
    assert not metadata.needs_password()
    again = desk.start()
    desk.vault.ensure_ready()
    assert again._password(again.location) == "CANARY"
    elsewhere = desk.start("mysql://ada@other.example.org/meta")
    desk.vault.ensure_ready()
    assert elsewhere.needs_password()
    assert not elsewhere.can_keep_password()


def test_a_key_is_not_made_anew_while_a_store_password_is_sealed(desk: _Desk) -> None:
    metadata = desk.start()
    desk.vault.ensure_ready()
    metadata.choose_(_SHARED, "CANARY")
    assert desk.vault.records_exist()
    metadata.choose_(None)
    assert not desk.vault.records_exist()


def test_a_wrong_url_is_an_input_error(desk: _Desk) -> None:
    metadata = desk.start("postgres://x")
    with pytest.raises(InputError):
        metadata.open_()
    with pytest.raises(InputError):
        desk.start().choose_("nonsense")


def _told(metadata: MetadataService) -> list[tuple[str, str, object]]:
    found = metadata.store.audit.list_(AuditQuery(action="vault"))[::-1]
    return [
        (record.event.action, record.event.outcome.value, record.event.details.get("after"))
        for record in found
    ]


def test_what_happens_to_the_vault_is_written_down_once_there_is_a_store(desk: _Desk) -> None:
    metadata = desk.start()
    desk.vault.set_up_passphrase("canary a long passphrase")
    assert not desk.folder.joinpath("metadata.sqlite3").exists()
    metadata.open_()
    set_up = ("vault.set_up", "done", {"kind": "passphrase", "replaced": False})
    assert _told(metadata) == [set_up]
    desk.vault.lock()
    with pytest.raises(VaultError):
        desk.vault.unlock("canary wrong")
    with pytest.raises(VaultError):
        desk.vault.ensure_ready(lambda: "canary wrong")
    desk.vault.unlock("canary a long passphrase")
    refused = ("vault.unlock_refused", "refused", None)
    assert _told(metadata) == [set_up, refused, refused]
    assert "canary" not in str(metadata.store.audit.list_(AuditQuery()))


def test_each_way_to_set_the_vault_up_is_written_down(tmp_path: Path) -> None:
    ways: dict[str, Callable[[VaultService], None]] = {
        "keyring": VaultService.set_up_keyring,
        "session": VaultService.set_up_session,
        "ready": VaultService.ensure_ready,
    }
    for way, set_up in ways.items():
        desk = _Desk(tmp_path / way)
        metadata = desk.start()
        metadata.open_()
        set_up(desk.vault)
        kind = "session" if way == "session" else "keyring"
        assert _told(metadata) == [
            ("vault.set_up", "done", {"kind": kind, "replaced": False}),
        ]
        metadata.close_()


def test_a_vault_is_set_up_where_it_cannot_be_written_down(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreError("The disk is full.", code="store.full")

    metadata = desk.start()
    metadata.open_()
    monkeypatch.setattr(metadata.store.audit, "add_", full)
    desk.vault.set_up_session()
    assert desk.vault.status().unlocked
    assert "vault.set_up was not written down: store.full" in caplog.text
