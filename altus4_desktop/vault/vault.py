"""One data key that seals every secret, and the three places it may live."""

from __future__ import annotations

import base64
import binascii
import json
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    AltusError,
    KeyMissingError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.files import make_private_folder, read_private, write_private
from altus4_desktop.vault.keyrings import (
    PROBE_TIMEOUT_S,
    KeyringBackend,
    KeyringItems,
    KeyringReport,
)
from altus4_desktop.vault.passphrase import (
    Argon2Settings,
    WrappedKey,
    check_new_passphrase,
    unwrap_key,
    wrap_key,
)
from altus4_desktop.vault.records import (
    KEY_BYTES,
    Binding,
    build_key_id,
    key_id_of,
    open_bytes,
    seal_bytes,
)

FILE_NAME = "vault.json"
_FORMAT = 1


class VaultKind(StrEnum):
    """Where the data key lives."""

    KEYRING = "keyring"
    PASSPHRASE = "passphrase"  # noqa: S105  # a kind, not a secret
    SESSION = "session"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """``key_id`` is "" while nothing is set up; ``problem`` is why the vault cannot be used."""

    kind: VaultKind
    unlocked: bool
    key_id: str
    problem: AltusError | None = None


@dataclass(frozen=True, slots=True)
class _KeyFile:
    kind: VaultKind
    key_id: str
    wrapped: WrappedKey | None = None


class Vault:
    """Seals and opens secrets; safe to use from any thread.

    ``data_dir/vault.json`` says where the key is; it never holds the key itself. A session key
    lives in this object only. ``keyring_backend`` replaces the system's keyring.
    """

    def __init__(
        self,
        data_dir: Path,
        keyring_backend: KeyringBackend | None = None,
        argon2: Argon2Settings | None = None,
    ) -> None:
        self._path = data_dir / FILE_NAME
        self._items = KeyringItems(keyring_backend)
        self._argon2 = argon2 or Argon2Settings()
        self._lock = threading.Lock()
        self._keys: dict[str, bytes] = {}
        self._current = ""
        self._session_key_id = ""
        self._problem: AltusError | None = None

    def __repr__(self) -> str:
        return f"<Vault {self._path}>"

    def status(self) -> VaultStatus:
        """What is set up and whether it is unlocked; asks no keyring."""
        try:
            file = self._read_file()
        except VaultError as error:
            return VaultStatus(VaultKind.NONE, unlocked=False, key_id="", problem=error)
        with self._lock:
            if file is not None:
                unlocked = file.key_id in self._keys
                return VaultStatus(
                    file.kind, unlocked, file.key_id, None if unlocked else self._problem
                )
            if self._session_key_id:
                return VaultStatus(VaultKind.SESSION, unlocked=True, key_id=self._session_key_id)
            return VaultStatus(VaultKind.NONE, unlocked=False, key_id="")

    def probe_keyring(self, timeout_s: float = PROBE_TIMEOUT_S) -> KeyringReport:
        """Whether the keyring keeps what it is given; at most ``timeout_s`` seconds."""
        return self._items.probe(timeout_s)

    def set_up_keyring(
        self,
        *,
        records_exist: bool,
        replace: bool = True,
        timeout_s: float | None = PROBE_TIMEOUT_S,
        token: CancelToken | None = None,
    ) -> None:
        """Make a data key and keep it in the keyring; ``replace``: also in place of a lost one.

        ``timeout_s`` None waits for a person to answer a prompt, until ``token`` is cancelled.
        Raises KeyMissingError while records exist, VaultError, Cancelled.
        """
        replacing = self._check_may_make_key(records_exist=records_exist, replace=replace)
        key = os.urandom(KEY_BYTES)
        key_id = build_key_id(key)
        self._items.store(key_id, _as_item(key), timeout_s, token)
        try:
            self._write_file(_KeyFile(VaultKind.KEYRING, key_id), only_new=not replacing)
        except VaultError:
            # The file's failure is the one to tell; an item nobody asks for is harmless.
            with suppress(VaultError):
                self._items.remove(key_id, PROBE_TIMEOUT_S)
            raise
        self._use(key_id, key)

    def set_up_passphrase(
        self, passphrase_secret: str, *, records_exist: bool, replace: bool = True
    ) -> None:
        """Make a data key and wrap it with a passphrase; ``replace``: also in place of a lost one.

        Raises InputError for a passphrase too short, KeyMissingError while records exist,
        VaultError.
        """
        check_new_passphrase(passphrase_secret)
        replacing = self._check_may_make_key(records_exist=records_exist, replace=replace)
        key = os.urandom(KEY_BYTES)
        key_id = build_key_id(key)
        wrapped = wrap_key(key, key_id, passphrase_secret, self._argon2)
        self._write_file(_KeyFile(VaultKind.PASSPHRASE, key_id, wrapped), only_new=not replacing)
        self._use(key_id, key)

    def set_up_session(self, *, records_exist: bool) -> None:
        """Make a data key that ends with the program.

        Raises KeyMissingError while records of a lasting key exist, VaultError while a lasting
        key is set up.
        """
        if self._check_may_make_key(records_exist=records_exist):
            raise _already_set_up()
        key = os.urandom(KEY_BYTES)
        key_id = build_key_id(key, session=True)
        self._use(key_id, key, session=True)

    def find_in_keyring(
        self, key_ids: Iterable[str], timeout_s: float | None = PROBE_TIMEOUT_S
    ) -> bool:
        """Take up the first of ``key_ids`` the keyring still holds, when ``vault.json`` is lost.

        Raises VaultError.
        """
        for key_id in key_ids:
            key = _from_item(self._items.find(key_id, timeout_s), key_id)
            if key is not None:
                self._write_file(_KeyFile(VaultKind.KEYRING, key_id), only_new=True)
                self._use(key_id, key)
                return True
        return False

    def unlock(
        self,
        passphrase_secret: str | None = None,
        *,
        timeout_s: float | None = PROBE_TIMEOUT_S,
        token: CancelToken | None = None,
    ) -> None:
        """Bring the data key into memory.

        ``timeout_s`` None waits for a person to answer the keyring's prompt, until ``token`` is
        cancelled. Raises VaultLockedError when nothing is set up or the passphrase is needed,
        VaultError (``vault.passphrase``) when it is wrong, KeyMissingError when the keyring no
        longer holds the key, VaultError, Cancelled.
        """
        try:
            self._unlock(passphrase_secret, timeout_s, token)
        except VaultLockedError:
            raise
        except VaultError as error:
            with self._lock:
                self._problem = error
            raise

    def lock(self) -> None:
        """Drop every key from memory; what a session key sealed is lost."""
        with self._lock:
            self._keys.clear()
            self._current = self._session_key_id = ""

    def seal(self, plain_secret: str, binding: Binding) -> str:
        """A record that opens only with this key and this ``binding``; raises VaultLockedError."""
        with self._lock:
            key_id = self._current
            key = self._keys.get(key_id)
        if key is None:
            raise self._locked()
        return seal_bytes(key, key_id, plain_secret.encode("utf-8", "surrogatepass"), binding)

    def open_(self, record: str, binding: Binding) -> str:
        """What ``record`` holds.

        Raises VaultLockedError, KeyMissingError when another key sealed it, VaultError for any
        change of the record or of its place.
        """
        key_id = key_id_of(record)
        with self._lock:
            key = self._keys.get(key_id)
            locked = not self._keys
        if key is None:
            raise self._locked() if locked else _key_missing()
        return open_bytes(key, record, binding).decode("utf-8", "surrogatepass")

    def _unlock(
        self, passphrase_secret: str | None, timeout_s: float | None, token: CancelToken | None
    ) -> None:
        file = self._read_file()
        if file is None:
            with self._lock:
                if self._session_key_id:
                    return
            raise self._locked()
        if passphrase_secret is None:
            with self._lock:
                if file.key_id in self._keys:
                    return
        if file.kind is VaultKind.KEYRING:
            key = _from_item(self._items.find(file.key_id, timeout_s, token), file.key_id)
            if key is None:
                raise _key_missing()
        else:
            if passphrase_secret is None or file.wrapped is None:
                raise self._locked()
            key = unwrap_key(file.wrapped, file.key_id, passphrase_secret)
        self._use(file.key_id, key)

    def _check_may_make_key(self, *, records_exist: bool, replace: bool = True) -> bool:
        """Whether a key file is there to be replaced; raises when a new key must not be made."""
        if records_exist:
            raise _key_missing()
        file = self._read_file()
        if file is None:
            return False
        with self._lock:
            if not replace or file.key_id in self._keys:
                raise _already_set_up()
        return True

    def _use(self, key_id: str, key: bytes, *, session: bool = False) -> None:
        with self._lock:
            self._keys[key_id] = key
            self._current = key_id
            self._problem = None
            if session:
                self._session_key_id = key_id

    def _locked(self) -> VaultLockedError:
        status = self.status()
        if status.kind is VaultKind.NONE:
            return VaultLockedError(
                "Nothing is set up yet to keep secrets in.",
                hint="Choose the keyring or a passphrase; on the command line set "
                "ALTUS4_PASSPHRASE.",
                code="vault.not_set_up",
            )
        if status.kind is VaultKind.PASSPHRASE:
            return VaultLockedError(
                "The vault is locked.",
                hint="Enter its passphrase; on the command line set ALTUS4_PASSPHRASE.",
            )
        return VaultLockedError("The vault is locked.", hint="Unlock the keyring of this computer.")

    def _read_file(self) -> _KeyFile | None:
        try:
            content = read_private(self._path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise VaultError(
                "The vault's file “{path}” cannot be read: {reason}.",
                hint="Give it back to your user, or restore it from a backup.",
                code="vault.file",
                details=_file_details(self._path, error),
            ) from error
        try:
            return _parse_file(content)
        except (ValueError, RecursionError) as error:
            raise _file_damaged(self._path) from error

    def _write_file(self, file: _KeyFile, *, only_new: bool) -> None:
        kept: dict[str, Any] = {
            "format": _FORMAT,
            "kind": file.kind.value,
            "key_id": file.key_id,
        }
        if file.wrapped is not None:
            kept["passphrase"] = file.wrapped.as_json()
        content = json.dumps(kept, indent=2).encode("ascii") + b"\n"
        try:
            make_private_folder(self._path.parent)
            write_private(self._path, content, only_new=only_new)
        except FileExistsError as error:
            raise _already_set_up() from error
        except OSError as error:
            raise VaultError(
                "The vault's file “{path}” cannot be written: {reason}.",
                hint="Make room or give the folder back to your user, then try again.",
                code="vault.file",
                details=_file_details(self._path, error),
            ) from error


def _parse_file(content: bytes) -> _KeyFile:
    kept = json.loads(content)
    if not isinstance(kept, dict) or kept.get("format") != _FORMAT:
        raise ValueError("unknown format")
    kind, key_id = kept.get("kind"), kept.get("key_id")
    if not isinstance(key_id, str) or not key_id.startswith("k"):
        raise ValueError("no key id")
    if kind == VaultKind.KEYRING:
        return _KeyFile(VaultKind.KEYRING, key_id)
    if kind == VaultKind.PASSPHRASE and isinstance(kept.get("passphrase"), dict):
        return _KeyFile(VaultKind.PASSPHRASE, key_id, WrappedKey.from_json(kept["passphrase"]))
    raise ValueError("unknown kind")


def _as_item(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")


def _from_item(item: str | None, key_id: str) -> bytes | None:
    """The key in a keyring's item, or None when it is not the key of that name."""
    if item is None:
        return None
    try:
        key = base64.b64decode(item, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES and build_key_id(key) == key_id else None


def _key_missing() -> KeyMissingError:
    return KeyMissingError(
        "The key that sealed the saved passwords is not on this computer.",
        hint="Bring the keyring or the vault's file back from where they were, or remove the "
        "connections whose passwords cannot be read and add them again.",
    )


def _already_set_up() -> VaultError:
    return VaultError(
        "The vault is set up already.",
        hint="Unlock it; another program may have set it up meanwhile.",
        code="vault.exists",
    )


def _file_damaged(path: Path) -> VaultError:
    return VaultError(
        "The vault's file “{path}” is damaged.",
        hint="Restore it from a backup.",
        code="vault.file",
        details={"path": str(path)},
    )


def _file_details(path: Path, error: OSError) -> dict[str, str]:
    return {"path": str(path), "reason": error.strerror or type(error).__name__}
