"""One workstation's vault over a metadata store, and what child processes do to it until they are
killed."""

from __future__ import annotations

import os
import signal
import uuid
from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import cryptography.hazmat.primitives.ciphers.aead
import cryptography.hazmat.primitives.kdf.argon2  # noqa: F401  # loaded once, before the fork
import sqlalchemy as sa

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.connections import Connection, SshMethod, SshSettings, TlsSettings
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.services.accounts import AccountsService
from altus4_desktop.services.connection_secrets import password_binding, ssh_binding
from altus4_desktop.services.local_server import LocalServerService
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import VaultService
from altus4_desktop.services.vault_keys import VaultKeysService
from altus4_desktop.storage.repositories.connections import ConnectionRepository
from altus4_desktop.storage.store import Store
from altus4_desktop.vault import Vault
from tests import quick
from tests.keyring_file import FileKeyring
from tests.keyring_memory import MemoryKeyring
from tests.records import a_user
from tests.stores import StorePlace

BEFORE_UPDATE, BEFORE_COMMIT, AFTER_COMMIT = "before UPDATE", "before COMMIT", "after COMMIT"
# Between two rounds of reading, so that whoever writes gets a processor.
_REST_S = 0.01
POINTS = (BEFORE_UPDATE, BEFORE_COMMIT, AFTER_COMMIT)


class Workstation:
    """The services of one desktop over the store at ``url``; several may share a folder, as several
    programs do. ``url`` None: the embedded store."""

    def __init__(
        self,
        folder: Path,
        url: str | None = None,
        password: str | None = None,
        keyring: MemoryKeyring | None = None,
    ) -> None:
        self.folder = folder
        self.keyring = keyring if keyring is not None else FileKeyring(folder / "keyring")
        self.settings = Settings.load(folder, metadata_url=url, metadata_password_secret=password)
        self.vault = VaultService(folder, self.keyring)
        self.metadata = MetadataService(folder, self.settings, self.vault)
        permissions = Permissions(self.metadata)
        self.accounts = AccountsService(
            self.metadata, self.vault, permissions, folder, bcrypt_cost=4
        )
        self.local_server = LocalServerService(folder, self.settings, self.vault)
        self.keys = VaultKeysService(
            self.vault,
            self.metadata,
            (self.metadata, self.accounts, self.local_server),
            permissions,
        )
        self.metadata.open_()

    def close(self) -> None:
        """Close the store."""
        self.metadata.close_()

    @property
    def store(self) -> Store:
        """The open store."""
        return self.metadata.store

    def make_admin(self) -> Actor:
        """Somebody who may do everything."""
        user = a_user(role=Role.ADMIN)
        return self.store.users.create_(user, "hash").as_actor()

    def actor(self) -> Actor:
        """The first user of the store."""
        return self.store.users.list_()[0].as_actor()

    def save(self, user_id: str, number: int, *, ssh: bool = False) -> Connection:
        """Save a connection whose password is ``secret {number}``."""
        tunnel = SshSettings("jump", "me", method=SshMethod.PASSWORD) if ssh else None
        record = Connection(
            id=str(uuid.uuid4()),
            user_id=user_id,
            name=f"c{number:03}",
            host=f"h{number}",
            port=3306,
            database="d",
            username="u",
            password_sealed="",
            tls=TlsSettings(),
            ssh=tunnel,
        )
        sealed: dict[str, Any] = {
            "password_sealed": self.vault.seal(f"secret {number}", password_binding(record))
        }
        if ssh:
            sealed["ssh_secret_sealed"] = self.vault.seal(f"ssh {number}", ssh_binding(record))
        return self.store.connections.create_(replace(record, **sealed))

    def open_all(self) -> int:
        """Open every secret of the store and compare it; returns how many there are."""
        opened = 0
        for record in self.store.connections.list_(None, active_only=False):
            number = int(record.name[1:])
            assert self.vault.open_(record.password_sealed, password_binding(record)) == (
                f"secret {number}"
            )
            opened += 1
            if record.ssh is not None:
                found = self.vault.open_(record.ssh_secret_sealed, ssh_binding(record))
                assert found == f"ssh {number}"
                opened += 1
        return opened


def workstation_at(folder: Path, place: StorePlace) -> Workstation:
    """A workstation over a test's store."""
    return Workstation(folder, place.location.url, place.password)


def rotate(
    folder: Path, url: str, password: str | None, row_id: str | None, point: str, pipe: Pipe
) -> None:
    """Rotate, or go on with it, and die at the row ``row_id``; tell how it ended otherwise."""
    if row_id is not None:
        _die_at(row_id, point)
    with closing(Workstation(folder, url, password)) as desk:
        desk.vault.ensure_ready()
        try:
            report = desk.keys.rotate_(desk.actor())
        except AltusError as error:
            pipe.send(error.code)
        else:
            pipe.send((report.resealed, report.finished))


def read_for_ever(folder: Path, url: str, password: str | None, pipe: Pipe) -> None:
    """Open every secret again and again until told to stop; send how often, or what failed."""
    rounds = 0
    with closing(Workstation(folder, url, password)) as desk:
        desk.vault.ensure_ready()
        pipe.send("ready")
        try:
            while not pipe.poll(_REST_S):
                desk.open_all()
                rounds += 1
        except (AltusError, AssertionError) as error:
            pipe.send(f"after {rounds} rounds: {type(error).__name__}: {error}")
        else:
            pipe.send(rounds)


def _die_at(row_id: str, point: str) -> None:
    reseal = ConnectionRepository.reseal_
    armed = False

    def die(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def before_statement(_: Any, __: Any, statement: str, *___: Any) -> None:
        if armed and statement.lstrip().startswith("UPDATE"):
            die()

    def before_commit(_: Any) -> None:
        if armed:
            die()

    def watched(self: ConnectionRepository, before: Connection, *arguments: Any) -> bool:
        nonlocal armed
        armed = before.id == row_id
        done = reseal(self, before, *arguments)
        if armed:
            die()
        return done

    ConnectionRepository.reseal_ = watched  # type: ignore[method-assign,assignment]  # what this is for
    if point == BEFORE_UPDATE:
        sa.event.listen(sa.Engine, "before_cursor_execute", before_statement)
    elif point == BEFORE_COMMIT:
        sa.event.listen(sa.Engine, "commit", before_commit)


# A passphrase is stretched in every child, and many children are killed.


def change_key_until_killed(
    folder: Path, passphrase: str | None, new_passphrase: str | None, fatal: int, pipe: Pipe
) -> None:
    """Make a new key and drop the one before; die at the numbered step outside of Python.

    ``passphrase`` None: the keyring holds the key; ``new_passphrase`` opens the new key.
    """
    vault = Vault(folder, FileKeyring(folder / "keyring"), quick.ARGON2)
    vault.unlock(passphrase)
    before = vault.status().key_id
    steps = 0

    def deadly(function: Any) -> Any:
        def step(*arguments: Any, **options: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return step

    for name in ("open", "fdopen", "fsync", "replace", "rename", "unlink", "close"):
        setattr(os, name, deadly(getattr(os, name)))
    FileKeyring.set_password = deadly(FileKeyring.set_password)  # type: ignore[method-assign]  # as above
    FileKeyring.delete_password = deadly(FileKeyring.delete_password)  # type: ignore[method-assign]  # as above
    vault.changes.begin_rotation(None, new_passphrase)
    vault.changes.drop_keys([before])
    pipe.send(steps)
