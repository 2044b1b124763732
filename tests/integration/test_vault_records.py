"""Which saved passwords keep the vault from making a new key: embedded and shared store."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from altus4_desktop.domain.connections import Connection, SshMethod, SshSettings
from altus4_desktop.domain.errors import KeyMissingError
from altus4_desktop.services.accounts import AccountsService
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import Binding, VaultService
from altus4_desktop.storage.location import StoreLocation
from tests.keyring_memory import MemoryKeyring
from tests.servers import DatabaseServer
from tests.stores import StorePlace, file_place, server_place

PLACE = Binding("databases", "password_encrypted", "row", "user")


class Workstation:
    """One desktop: its folder, its keyring, its services as newly started."""

    def __init__(self, folder: Path, place: StorePlace | None) -> None:
        self.folder = folder
        self.keyring = MemoryKeyring()
        self._place = place
        self.start()

    def start(self) -> None:
        settings = Settings.load(
            self.folder,
            metadata_url=self._place.location.url if self._place else None,
            metadata_password_secret=self._place.password if self._place else None,
        )
        self.vault = VaultService(self.folder, self.keyring)
        self.metadata = MetadataService(self.folder, settings, self.vault)
        self.metadata.open_()

    def save_connection(self, user_id: str, host: str, *, managed: bool = False) -> None:
        self.vault.ensure_ready()
        self.metadata.store.connections.create_(
            Connection(
                str(uuid.uuid4()),
                user_id,
                host,
                host,
                3306,
                "d",
                "u",
                self.vault.seal("x", PLACE),
                managed=managed,
            )
        )

    def create_admin(self) -> str:
        accounts = AccountsService(
            self.metadata, self.vault, Permissions(self.metadata), self.folder, bcrypt_cost=4
        )
        return accounts.create_first_admin("Ada", "ada@example.org", "correct horse").user_id


@pytest.fixture
def workstation(tmp_path: Path) -> Iterator[Callable[..., Workstation]]:
    made: list[Workstation] = []

    def build(name: str, place: StorePlace | None = None) -> Workstation:
        made.append(Workstation(tmp_path / name, place))
        return made[-1]

    yield build
    for one in made:
        one.metadata.close_()


@pytest.fixture
def shared(mariadb_server: DatabaseServer) -> Iterator[StorePlace]:
    database = mariadb_server.create_database("altus4_metadata")
    place = server_place(mariadb_server, database)
    store = place.open()
    store.migrator.upgrade()
    store.close()
    yield place
    mariadb_server.drop_database(database)


def test_every_password_of_the_embedded_store_counts(
    workstation: Callable[..., Workstation],
) -> None:
    desktop = workstation("one")
    user_id = desktop.create_admin()
    assert not desktop.vault.records_exist()
    desktop.save_connection(user_id, "demo", managed=True)
    assert not desktop.vault.records_exist(), "the demo's passwords are made anew"
    desktop.save_connection(user_id, "h1")
    assert desktop.vault.records_exist()
    desktop.metadata.close_()

    desktop.keyring.items.clear()
    (desktop.folder / "vault.json").unlink()
    desktop.start()
    with pytest.raises(KeyMissingError):
        desktop.vault.ensure_ready(lambda: "correct horse battery")
    assert desktop.keyring.items == {}
    connection = desktop.metadata.store.connections.find_by_name(user_id, "h1")
    assert connection is not None
    elsewhere = Workstation(desktop.folder, file_place(desktop.folder / "elsewhere"))
    with pytest.raises(KeyMissingError):
        elsewhere.vault.ensure_ready(lambda: "correct horse battery")
    elsewhere.metadata.close_()
    desktop.metadata.store.connections.delete_(connection.id)
    desktop.vault.ensure_ready()


def test_other_desktops_keys_do_not_keep_a_new_desktop_from_its_own(
    workstation: Callable[..., Workstation], shared: StorePlace
) -> None:
    first = workstation("first", shared)
    user_id = first.create_admin()
    first.save_connection(user_id, "h1")

    second = workstation("second", shared)
    second.save_connection(user_id, "h2")
    records = dict(second.metadata.store.connections.sealed_records())
    opened = 0
    for record in records.values():
        try:
            assert second.vault.open_(record, PLACE) == "x"
            opened += 1
        except KeyMissingError:
            assert first.vault.open_(record, PLACE) == "x"
    assert (len(records), opened) == (2, 1)


def test_a_lost_file_makes_no_new_key_over_a_shared_store(
    workstation: Callable[..., Workstation], shared: StorePlace
) -> None:
    desktop = workstation("one", shared)
    user_id = desktop.create_admin()
    desktop.save_connection(user_id, "h1")
    own = desktop.vault.status().key_id
    desktop.metadata.close_()
    (desktop.folder / "vault.json").unlink()
    kept = dict(desktop.keyring.items)
    desktop.keyring.items.clear()
    desktop.start()
    with pytest.raises(KeyMissingError):
        desktop.vault.ensure_ready(lambda: "correct horse battery")
    assert desktop.vault.status().key_id == ""
    assert desktop.keyring.items == {}

    desktop.keyring.items.update(kept)
    desktop.vault.ensure_ready()
    assert desktop.vault.status().key_id == own, "the keyring held it all the time"


def test_an_ssh_secret_counts_like_a_password(workstation: Callable[..., Workstation]) -> None:
    desktop = workstation("one")
    desktop.save_connection(desktop.create_admin(), "h1")
    (connection,) = desktop.metadata.store.connections.list_(None)
    tunnel = SshSettings("jump", "me", method=SshMethod.PASSWORD)
    sealed = desktop.vault.seal("x", PLACE)
    desktop.metadata.store.connections.delete_(connection.id)
    assert not desktop.vault.records_exist()
    desktop.metadata.store.connections.create_(
        replace(connection, password_sealed="", ssh=tunnel, ssh_secret_sealed=sealed)
    )
    assert desktop.vault.records_exist()


def test_a_second_folder_over_the_same_file_is_a_workstation_of_its_own(
    workstation: Callable[..., Workstation],
) -> None:
    first = workstation("first")
    user_id = first.create_admin()
    first.save_connection(user_id, "h1")
    place = file_place(first.folder)
    file = first.metadata.location.file
    assert file is not None
    second = workstation("second", replace(place, location=StoreLocation(file=file)))
    assert not second.vault.records_exist()
    second.vault.ensure_ready()
    assert second.vault.status().key_id != first.vault.status().key_id
    second.save_connection(user_id, "h2")
    assert second.vault.needed_key_ids() == [second.vault.status().key_id]
    detour = StoreLocation(file=file.parent / ".." / file.parent.name / file.name)
    same = workstation("first", replace(place, location=detour))
    assert set(same.vault.needed_key_ids()) == {
        first.vault.status().key_id,
        second.vault.status().key_id,
    }, "every row of its own file, however it is spelled"


def test_a_desktops_own_lost_key_is_not_replaced_in_a_shared_store(
    workstation: Callable[..., Workstation], shared: StorePlace
) -> None:
    desktop = workstation("one", shared)
    desktop.save_connection(desktop.create_admin(), "h1")
    desktop.metadata.close_()
    desktop.keyring.items.clear()
    desktop.start()
    with pytest.raises(KeyMissingError):
        desktop.vault.ensure_ready()
    assert desktop.keyring.items == {}
