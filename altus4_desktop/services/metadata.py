"""The metadata store: which one, opening it, bringing its schema up to date."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.audit import AuditEvent, AuditOutcome, ChainEnd, SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, Cancelled, SchemaError, StoreError
from altus4_desktop.domain.files import make_private_folder
from altus4_desktop.domain.revisions import MigrationStatus, StoreReport
from altus4_desktop.services.audit_witness import AuditWitness
from altus4_desktop.services.migrations import tell_upgrade
from altus4_desktop.services.settings import Settings
from altus4_desktop.storage.location import StoreLocation, parse_store_url
from altus4_desktop.vault import Binding

if TYPE_CHECKING:
    from altus4_desktop.services.resealing import Resealer
    from altus4_desktop.services.vault import VaultService
    from altus4_desktop.storage.migrator import Telling
    from altus4_desktop.storage.store import Store

_log = logging.getLogger(__name__)

_FILE = "metadata.sqlite3"
_UNTOLD_MOST = 100
_BACKUPS = "backups"
_LOOK_S = 3.0


class MetadataService:
    """Holds the one open store; safe to call from several threads."""

    sealed_what = "the password of the shared store"

    def __init__(self, data_dir: Path, settings: Settings, vault: VaultService) -> None:
        self._data_dir = data_dir
        self._settings = settings
        self._vault = vault
        self._lock = threading.RLock()
        self._store: Store | None = None
        # It was open, and the last look at where it stands has failed.
        self._is_unsure = False
        self._status: MigrationStatus | None = None
        self.witness = AuditWitness(data_dir)
        # What happened to the vault before there was a store to write it to.
        self._untold: deque[AuditEvent] = deque(maxlen=_UNTOLD_MOST)
        vault.tell_to(self._take_vault_event)
        vault.protect_records(self._sealed_records)
        vault.name_keys_to(self._keep_key_name)

    @property
    def location(self) -> StoreLocation:
        """Where the store is; raises InputError for a metadata URL that cannot be read."""
        url = self._settings.effective_metadata_url
        return self._embedded() if url is None else parse_store_url(url)

    @property
    def store(self) -> Store:
        """The open store, up to date; raises StoreError (``store.closed``), and SchemaError
        (``store.upgrade_needed``) while a shared store waits for an upgrade.

        Looks anew when the last look at where it stands has failed, or waits a moment for who does.
        """
        # Without the lock: nobody who asks should wait for an upgrade that is under way.
        store, status = self._store, self._status
        if status is None and self._is_unsure and self._lock.acquire(timeout=_LOOK_S):
            try:
                status = self._status or self._refresh()
                store = self._store
            finally:
                self._lock.release()
        if store is None or status is None:
            raise StoreError("The metadata store is not open.", code="store.closed", retryable=True)
        if status.pending:
            raise _upgrade_needed(status)
        return store

    @property
    def is_open(self) -> bool:
        """Whether `store` can be used."""
        status = self._status
        return status is not None and not status.pending

    def is_configured(self) -> bool:
        """Whether somebody has chosen a store, or the embedded one has been made."""
        if self._settings.effective_metadata_url is not None:
            return True
        file = self._embedded().file
        return file is not None and file.exists()

    def password_known(self) -> bool:
        """Whether the store can be opened without asking for a password."""
        return self.location.embedded or self._given() is not None or self._sealed() is not None

    def password_is_sealed(self) -> bool:
        """Whether the vault has to be unlocked before the store can be opened."""
        return not self.location.embedded and self._given() is None and self._sealed() is not None

    def needs_password(self) -> bool:
        """Whether `open_` would have to go without the password of a shared store."""
        return self._store is None and not self.password_known()

    def can_keep_password(self) -> bool:
        """Whether `keep_password_` works: for the saved store, with a vault that is unlocked."""
        return (
            self._settings.metadata_url_override is None
            and self._vault.status().unlocked
            and not self.location.embedded
        )

    def keep_password_(self, password_secret: str) -> None:
        """Seal the saved store's password for the next start; raises VaultError, StoreError."""
        with self._vault.sealing(), self._lock:
            sealed = self._vault.seal(password_secret, _binding(self.location))
            self._settings.metadata_password_sealed = sealed
            self._settings.save()

    def choose_(self, url: str | None, password_secret: str | None = None) -> None:
        """Use the store at ``url`` (None: the embedded one) from now on and remember it.

        The password of a shared store goes into the vault. Raises InputError, VaultLockedError,
        StoreError.
        """
        with self._vault.sealing(), self._lock:
            location = self._embedded() if url is None else parse_store_url(url)
            sealed = None
            if not location.embedded and password_secret is not None:
                sealed = self._vault.seal(password_secret, _binding(location))
            self.close_()
            self._settings.metadata_url = None if url is None else location.url
            self._settings.metadata_password_sealed = sealed
            self._settings.save()

    def check_(
        self,
        url: str | None,
        password_secret: str | None = None,
        token: CancelToken | None = None,
    ) -> StoreReport:
        """Look at the store at ``url`` (None: the embedded one) and touch nothing.

        Raises InputError, StoreError, Cancelled.
        """
        from altus4_desktop.storage.store import look_at

        location = self._embedded() if url is None else parse_store_url(url)
        return look_at(location, password_secret, token=token)

    def open_(self, password_secret: str | None = None) -> MigrationStatus:
        """Open the store; a file is upgraded at once, after a verified copy.

        A shared store is only looked at: while steps are pending, somebody has to agree to them.
        Raises SchemaError for a foreign or newer store, StoreError, VaultLockedError.
        """
        with self._lock:
            if self._status is not None and not self._status.pending:
                return self._status
            store = self._opened(password_secret)
            if store.location.embedded and store.migrator.status().pending:
                store.migrator.upgrade(tell=self._telling(store.location))
            return self._refresh()

    @contextmanager
    def working_on(
        self, password_secret: str | None = None, *, same_when_cancelled: bool = False
    ) -> Iterator[Store]:
        """The store at whatever revision it is, while nobody else opens or closes it; where it
        stands is read anew afterwards, but for work that leaves it the ``same_when_cancelled``.
        Raises as `open_` does."""
        with self._lock:
            store = self._opened(password_secret)
            try:
                yield store
            except BaseException as error:
                # Who cancels does not wait for a server that may not answer.
                if not (same_when_cancelled and isinstance(error, Cancelled)):
                    # What went wrong is told, not that the store cannot even be asked any more.
                    with suppress(AltusError):
                        self._refresh()
                raise
            self._refresh()

    def status_(self, password_secret: str | None = None) -> MigrationStatus:
        """Where the store stands, also before it is made and when it is newer; changes nothing.

        Raises SchemaError for a foreign database, StoreError, VaultLockedError.
        """
        with self._lock:
            return self._opened(password_secret).migrator.status()

    def reopen_(self) -> MigrationStatus:
        """Look anew at a store whose content was replaced; raises as `open_` does."""
        with self._lock:
            self._status = None
            return self.open_()

    def rest_(self) -> None:
        """Close the store's connections that are not at work; the next use opens others."""
        store = self._store
        if store is not None:
            store.close()

    def audit_seen(self) -> ChainEnd | None:
        """Where this workstation last saw the end of the store's audit log."""
        return self._seen(self.location)

    def close_(self) -> None:
        """Close the store; `open_` opens it again."""
        with self._lock:
            store, self._store, self._status = self._store, None, None
            self._is_unsure = False
            if store is not None:
                store.close()
        self.witness.flush()

    # -- what this workstation has sealed --------------------------------------------------------

    def known_locations(self) -> list[StoreLocation]:
        """Every store that may hold what this workstation has sealed: the one in use, the saved
        one, the embedded one."""
        found = [self.location]
        saved = self._settings.metadata_url
        if saved is not None:
            found.append(parse_store_url(saved))
        embedded = self._embedded()
        if embedded.file is not None and embedded.file.exists():
            found.append(embedded)
        return list(dict.fromkeys(found))

    @contextmanager
    def looking_into(self, location: StoreLocation) -> Iterator[Store]:
        """The store there, up to date, be it in use or not; raises StoreError, SchemaError for one
        that waits for an upgrade, VaultError."""
        if location == self.location:
            yield self.store
            return
        from altus4_desktop.storage.store import open_store

        password_secret = None
        if not location.embedded:
            sealed = self._settings.metadata_password_sealed
            if sealed is None:
                raise StoreError(
                    "The password of the store “{store}” is not saved.",
                    hint="Start the program with that store.",
                    code="store.password_unknown",
                    details={"store": location.label},
                )
            password_secret = self._vault.open_(sealed, _binding(location))
        with closing(
            open_store(location, password_secret, backups=self._data_dir / _BACKUPS)
        ) as store:
            if location.embedded:
                store.migrator.upgrade(tell=self._telling(store.location))
            elif (status := store.migrator.status()).pending:
                raise _upgrade_needed(status)
            yield store

    def sealed_in_file(self) -> list[str]:
        """The saved store's password, as the settings keep it; raises StoreError."""
        self._settings.reload()
        sealed = self._settings.metadata_password_sealed
        return [] if sealed is None else [sealed]

    def reseal_file_(self, resealer: Resealer) -> int:
        """Move the saved store's password to the current key; raises StoreError, VaultError."""
        with self._lock:
            url = self._settings.metadata_url
            moved = 0
            for sealed in self.sealed_in_file():
                if url is not None and resealer.needs(sealed):
                    again = resealer.again(sealed, _binding(parse_store_url(url)))
                    self._settings.metadata_password_sealed = again
                    self._settings.save()
                    moved += 1
            return moved

    def _opened(self, password_secret: str | None) -> Store:
        from altus4_desktop.storage.store import open_store

        if self._store is None:
            location = self.location
            self._make_folder_private()
            if password_secret is None and not location.embedded:
                password_secret = self._password(location)
            program = self._settings.server_program
            self._store = open_store(
                location,
                password_secret,
                backups=self._data_dir / _BACKUPS,
                # Server and dump program come in one package.
                dump_folders=(Path(program).parent,) if program else (),
                appended=self._note_end,
            )
        return self._store

    def _take_vault_event(self, action: str, outcome: AuditOutcome, **details: str | bool) -> None:
        from altus4_desktop.services.audit import build_event

        event = build_event(None, action, SubjectKind.VAULT, outcome=outcome, after=details or None)
        self._untold.append(event)
        if self.is_open:
            self._tell_untold()

    def _tell_untold(self) -> None:
        store = self._store
        while store is not None and self._untold:
            try:
                event = self._untold.popleft()
                store.audit.add_([event])
            except IndexError:
                # Another thread has told it.
                return
            except AltusError as error:
                _log.warning("%s was not written down: %s", event.action, error.code)

    def _seen(self, location: StoreLocation) -> ChainEnd | None:
        try:
            known = self.witness.find_(location.url)
        except StoreError:
            # Verifying says so.
            return None
        return None if known is None else known.end

    def _telling(self, location: StoreLocation) -> Telling:
        return tell_upgrade(None, location.label, self._seen(location))

    def _note_end(self, store: Store, before: ChainEnd, after: ChainEnd) -> None:
        self.witness.advance(store.location.url, before, after, store.audit.find_hash)

    def _make_folder_private(self) -> None:
        if not self._data_dir.exists():
            return
        try:
            make_private_folder(self._data_dir)
        except OSError as error:
            raise StoreError(
                "The data folder “{path}” cannot be kept from others: {reason}.",
                hint="Give it back to your user, or choose another with --data-dir.",
                code="store.folder",
                details={"path": str(self._data_dir), "reason": error.strerror or str(error)},
            ) from error

    def _refresh(self) -> MigrationStatus:
        from altus4_desktop.storage.migrator import newer_store

        try:
            status = self._opened(None).migrator.status()
            if status.newer:
                raise newer_store(status)
        except BaseException:
            self._is_unsure = self._is_unsure or self._status is not None
            self._status = None
            raise
        self._is_unsure = False
        # Not forgotten in between: others go on using the store while it is looked at.
        self._status = status
        if not status.pending:
            self._tell_untold()
        return status

    def _embedded(self) -> StoreLocation:
        return StoreLocation(file=self._data_dir / _FILE)

    def _given(self) -> str | None:
        return self._settings.metadata_password_override

    def _sealed(self) -> str | None:
        # A store named on the command line is not the one the saved password belongs to.
        if self._settings.metadata_url_override is not None:
            saved = self._settings.metadata_url
            if saved is None or parse_store_url(saved) != self.location:
                return None
        return self._settings.metadata_password_sealed

    def _password(self, location: StoreLocation) -> str | None:
        given = self._given()
        if given is not None:
            return given
        sealed = self._sealed()
        return None if sealed is None else self._vault.open_(sealed, _binding(location))

    def _sealed_records(self) -> Iterator[str]:
        """What this workstation has sealed and cannot make anew.

        Left out are the demo's connections, whose passwords are made again with each start, and
        what other workstations put into a store that is not this data folder's own file: they have
        keys of their own. The embedded store counts also while another one is in use.
        """
        if self._settings.metadata_password_sealed is not None:
            yield self._settings.metadata_password_sealed
        if self.location.embedded and self.is_configured():
            self.open_()
        embedded = self._embedded()
        whole = self.location.names_file_of(embedded)
        if not whole and embedded.file is not None and embedded.file.exists():
            with self.looking_into(embedded) as store:
                yield from _sealed_by_people(store)
        if not self.is_open:
            return
        # Without vault.json the settings still know which keys were this workstation's.
        key_ids = {*self._vault.status().lasting_key_ids, *self._settings.key_names()}
        own = [f".{key_id}." for key_id in key_ids]
        for record in _sealed_by_people(self.store):
            if whole or any(name in record for name in own):
                yield record

    def _keep_key_name(self, key_id: str) -> None:
        with self._lock:
            try:
                self._settings.add_key_name(key_id)
            except StoreError as error:
                # Where nothing can be written, no other key can be made either.
                _log.warning("the name of a key was not kept: %s", error.code)


def _sealed_by_people(store: Store) -> Iterator[str]:
    for connection in store.connections.list_(None, active_only=False):
        if not connection.managed:
            yield connection.password_sealed
            if connection.ssh is not None:
                yield connection.ssh_secret_sealed


def _binding(location: StoreLocation) -> Binding:
    return Binding(
        table="settings",
        column="metadata_password",
        row_id="metadata",
        owner_id="",
        host=location.host,
        port=location.port,
        username=location.username,
        tls_mode=location.tls.mode.value,
        tls_pin=location.tls.pin_sha256,
    )


def _upgrade_needed(status: MigrationStatus) -> SchemaError:
    return SchemaError(
        "The metadata store has to be upgraded first ({count} steps).",
        hint="An admin does it in the window, under “Metadata store”, or with “migrate up”.",
        code="store.upgrade_needed",
        details={"count": len(status.pending)},
    )
