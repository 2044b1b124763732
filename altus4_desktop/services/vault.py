"""When a vault may be set up, with what, and how it becomes ready without a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from altus4_desktop.domain.audit import AuditOutcome
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import KeyMissingError, VaultError, VaultLockedError
from altus4_desktop.vault import (
    Binding,
    KeyringBackend,
    KeyringReport,
    Vault,
    VaultKind,
    VaultStatus,
)
from altus4_desktop.vault.changes import KeyChanges
from altus4_desktop.vault.keyrings import PROBE_TIMEOUT_S
from altus4_desktop.vault.records import is_session_key_id, key_id_of

__all__ = ["Binding", "KeyringReport", "VaultKind", "VaultService", "VaultStatus"]

PassphraseSupplier = Callable[[], str | None]
RecordSource = Callable[[], Iterable[str]]
KeyNameSink = Callable[[str], None]


class VaultEventSink(Protocol):
    """Takes what is to be written down: an action, how it ended, and details without secrets."""

    def __call__(self, action: str, outcome: AuditOutcome, **details: str | bool) -> None:
        """Never fails, and does not wait for a store that is not open."""


class VaultService:
    """What the window, the command line and the other services call to keep secrets.

    As long as a record of `protect_records` needs a lasting key, no other key is made.
    """

    def __init__(self, data_dir: Path, keyring_backend: KeyringBackend | None = None) -> None:
        self._vault = Vault(data_dir, keyring_backend)
        self._sources: list[RecordSource] = []
        self._sink: VaultEventSink | None = None
        self._name_sink: KeyNameSink | None = None
        self._named: set[str] = set()

    def tell_to(self, sink: VaultEventSink) -> None:
        """Have set-ups and wrong passphrases written down."""
        self._sink = sink

    def protect_records(self, source: RecordSource) -> None:
        """Ask ``source`` for the records this workstation has sealed before a key is made."""
        self._sources.append(source)

    def name_keys_to(self, sink: KeyNameSink) -> None:
        """Have ``sink`` keep the name of every lasting key before anything it has sealed leaves,
        so that its records are known as this workstation's without the vault's file."""
        self._name_sink = sink

    def status(self) -> VaultStatus:
        """What is set up and whether it is unlocked; quick, asks no keyring."""
        return self._vault.status()

    def probe_keyring(self, timeout_s: float = PROBE_TIMEOUT_S) -> KeyringReport:
        """Whether this computer's keyring can be offered; at most ``timeout_s`` seconds."""
        return self._vault.probe_keyring(timeout_s)

    def records_exist(self) -> bool:
        """Whether a saved secret needs a key that outlives the program."""
        return bool(self._lasting_key_ids())

    def set_up_keyring(self, token: CancelToken | None = None) -> None:
        """Keep a new data key in the keyring; with a ``token`` waits for its prompt.

        Raises KeyMissingError while records exist, VaultError, Cancelled.
        """
        self._vault.set_up_keyring(
            records_exist=self.records_exist(), timeout_s=_patience(token), token=token
        )
        self._tell_set_up(VaultKind.KEYRING)

    def set_up_passphrase(self, passphrase_secret: str) -> None:
        """Protect a new data key with a passphrase.

        Raises InputError, KeyMissingError while records exist, VaultError.
        """
        self._vault.set_up_passphrase(passphrase_secret, records_exist=self.records_exist())
        self._tell_set_up(VaultKind.PASSPHRASE)

    def set_up_session(self) -> None:
        """Keep secrets until the program ends: for the demo, or because the person chose it.

        The caller says aloud that saved passwords are asked for again after a restart.
        Raises KeyMissingError while records exist, VaultError.
        """
        self._vault.set_up_session(records_exist=self.records_exist())
        self._tell_set_up(VaultKind.SESSION)

    def unlock(
        self, passphrase_secret: str | None = None, token: CancelToken | None = None
    ) -> None:
        """Bring the key into memory; with a ``token`` waits for the keyring's prompt.

        Raises VaultLockedError, KeyMissingError while records need the lost key, VaultError,
        Cancelled.
        """
        try:
            with self._telling_refusals():
                self._vault.unlock(passphrase_secret, timeout_s=_patience(token), token=token)
        except KeyMissingError:
            # Refused while a record needs the lost key; otherwise a new one loses nothing.
            self.set_up_keyring(token)

    def unlock_own(self, token: CancelToken | None = None) -> None:
        """`unlock` without making a new key in place of a lost one; raises KeyMissingError then."""
        self._vault.unlock(timeout_s=_patience(token), token=token)

    def needed_key_ids(self) -> list[str]:
        """The keys that saved secrets of this workstation need."""
        return self._lasting_key_ids()

    def lock(self) -> None:
        """Drop the key from memory, unless it lives nowhere else."""
        if self._vault.status().kind is not VaultKind.SESSION:
            self._vault.lock()

    @property
    def changes(self) -> KeyChanges:
        """What `VaultKeysService` does to the keys themselves."""
        return self._vault.changes

    @contextmanager
    def sealing(self) -> Iterator[None]:
        """While what is sealed has not been saved yet; no key is changed meanwhile. Raises
        VaultError."""
        with self._vault.sealing():
            yield

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """While nobody else saves what they have sealed; raises VaultError."""
        with self._vault.exclusively():
            yield

    def seal(self, plain_secret: str, binding: Binding) -> str:
        """A record that opens only with this ``binding``; raises VaultLockedError."""
        record = self._vault.seal(plain_secret, binding)
        key_id = key_id_of(record)
        if key_id not in self._named and not is_session_key_id(key_id):
            if self._name_sink is not None:
                self._name_sink(key_id)
            self._named.add(key_id)
        return record

    def open_(self, record: str, binding: Binding) -> str:
        """What ``record`` holds; raises VaultLockedError, KeyMissingError, VaultError."""
        return self._vault.open_(record, binding)

    def ensure_ready(self, passphrase: PassphraseSupplier | None = None) -> None:
        """Unlock or set up with what there is: the keyring if it works, else the passphrase.

        ``passphrase`` gives it, or None; for a new vault it is asked twice. Never falls back to
        a session. Raises InputError, VaultLockedError, KeyMissingError, VaultError.
        """
        status = self._vault.status()
        if status.unlocked:
            return
        if status.kind is VaultKind.NONE:
            if status.problem is not None:
                raise status.problem
            try:
                self._make_ready(passphrase)
            except VaultError:
                if self._vault.status().kind is VaultKind.NONE:
                    raise
                # Another program was quicker: its key is the one to use.
                self.ensure_ready(passphrase)
            return
        try:
            given = passphrase() if passphrase and status.kind is VaultKind.PASSPHRASE else None
            with self._telling_refusals():
                self._vault.unlock(given)
        except KeyMissingError:
            if self.records_exist():
                raise
            # As in `unlock`; here a passphrase will do as well.
            self._set_up(passphrase, replace=True)

    def _make_ready(self, passphrase: PassphraseSupplier | None) -> None:
        key_ids = self._lasting_key_ids()
        if key_ids:
            # The vault's file is gone and the records are not: their key may still be there.
            try:
                if self._vault.find_in_keyring(key_ids):
                    return
            except VaultError as error:
                if error.code != "vault.keyring_missing":
                    raise
            raise KeyMissingError(
                "The file that says where the vault's key is has gone, and the keyring does not "
                "hold the key.",
                hint="Import the recovery kit (Settings, or “vault import-kit”), restore "
                "vault.json of the data folder from a backup, or remove the connections whose "
                "passwords cannot be read.",
            )
        self._set_up(passphrase)

    def _set_up(self, passphrase: PassphraseSupplier | None, *, replace: bool = False) -> None:
        try:
            self._vault.set_up_keyring(records_exist=self.records_exist(), replace=replace)
            self._tell_set_up(VaultKind.KEYRING, replace=replace)
        except VaultError as error:
            if error.code == "vault.exists" or isinstance(error, KeyMissingError):
                raise
            chosen = passphrase() if passphrase else None
            if chosen is None:
                raise VaultLockedError(
                    "Nothing is set up yet to keep secrets in, and the keyring cannot be used.",
                    hint="Choose a passphrase: ALTUS4_PASSPHRASE on the command line. "
                    "“doctor” says what is wrong with the keyring.",
                    code="vault.not_set_up",
                ) from error
            if passphrase is not None and passphrase() != chosen:
                raise VaultError(
                    "The two passphrases differ.", code="vault.passphrase_differs", retryable=True
                ) from None
            self._vault.set_up_passphrase(
                chosen, records_exist=self.records_exist(), replace=replace
            )
            self._tell_set_up(VaultKind.PASSPHRASE, replace=replace)

    def _tell_set_up(self, kind: VaultKind, *, replace: bool = False) -> None:
        if self._sink is not None:
            self._sink("vault.set_up", AuditOutcome.DONE, kind=kind.value, replaced=replace)

    @contextmanager
    def _telling_refusals(self) -> Iterator[None]:
        try:
            yield
        except VaultError as error:
            if error.code == "vault.passphrase" and self._sink is not None:
                self._sink("vault.unlock_refused", AuditOutcome.REFUSED)
            raise

    def _lasting_key_ids(self) -> list[str]:
        key_ids: dict[str, None] = {}
        for source in self._sources:
            for record in source():
                # What is no record (an empty or foreign one) no key opens, old or new.
                with suppress(VaultError):
                    key_ids[key_id_of(record)] = None
        return [key_id for key_id in key_ids if not is_session_key_id(key_id)]


def _patience(token: CancelToken | None) -> float | None:
    return None if token is not None else PROBE_TIMEOUT_S
