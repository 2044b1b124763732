"""The data keys in memory, and how they get there from the keyring and ``vault.json``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    AltusError,
    KeyMissingError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.vault.key_file import (
    FurtherKey,
    KeyFile,
    KeyRole,
    VaultKind,
    file_details,
    read_key_file,
)
from altus4_desktop.vault.keyrings import PROBE_TIMEOUT_S, KeyringItems, key_of_item
from altus4_desktop.vault.locks import locked
from altus4_desktop.vault.passphrase import WrappingKey, find_wrapping_key
from altus4_desktop.vault.records import (
    is_key_of,
    is_session_key_id,
    key_id_of,
    open_bytes,
)

_LOCK_WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """``key_id`` is "" while nothing is set up; ``problem`` is why the vault cannot be used.

    ``older_key_ids``: records may still be sealed with these, because a rotation has not ended;
    ``added_key_ids`` came with recovery kits.
    """

    kind: VaultKind
    unlocked: bool
    key_id: str
    problem: AltusError | None = None
    older_key_ids: tuple[str, ...] = ()
    added_key_ids: tuple[str, ...] = ()

    @property
    def lasting_key_ids(self) -> tuple[str, ...]:
        """Every key that this workstation's own records may be sealed with."""
        return (self.key_id, *self.older_key_ids) if self.key_id else ()


@dataclass(frozen=True, slots=True)
class OpenFile:
    """The file, its current key, and what else was in memory with it; stays whole when the vault
    locks meanwhile. ``since`` is when that was, as `KeyAccess.now` counts."""

    file: KeyFile
    keys: Mapping[str, bytes] = field(repr=False)
    wrapping: WrappingKey | None
    since: int

    @property
    def key(self) -> bytes:
        """The current key."""
        return self.keys[self.file.key_id]


class KeyAccess:
    """The keys in memory; safe to use from any thread.

    What was begun before `forget` brings no key back after it: callers say ``since`` when they
    are at it, as `now` has told them.
    """

    def __init__(self, path: Path, items: KeyringItems) -> None:
        self.path = path
        self._items = items
        self._lock = threading.RLock()
        self._keys: dict[str, bytes] = {}
        self._wrapping: WrappingKey | None = None
        self._current = ""
        self._session_key_id = ""
        self._problem: AltusError | None = None
        self._forgotten = 0

    def now(self) -> int:
        """How often the keys have been forgotten."""
        with self._lock:
            return self._forgotten

    def status(self) -> VaultStatus:
        """What is set up and whether it is unlocked; asks no keyring."""
        try:
            file = read_key_file(self.path)
        except VaultError as error:
            return VaultStatus(VaultKind.NONE, unlocked=False, key_id="", problem=error)
        with self._lock:
            if file is not None:
                self._take_up(file)
                # A new key of another program is fetched from the keyring when it is needed.
                behind = file.kind is VaultKind.KEYRING and self._holds_lasting_key()
                unlocked = file.key_id in self._keys or behind
                return VaultStatus(
                    file.kind,
                    unlocked,
                    file.key_id,
                    None if unlocked else self._problem,
                    file.ids(KeyRole.OLDER),
                    file.ids(KeyRole.ADDED),
                )
            if self._session_key_id:
                return VaultStatus(VaultKind.SESSION, unlocked=True, key_id=self._session_key_id)
            return VaultStatus(VaultKind.NONE, unlocked=False, key_id="")

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

    def forget(self) -> None:
        """Drop every key from memory; what a session key sealed is lost."""
        with self._lock:
            self._forgotten += 1
            self._keys.clear()
            self._wrapping = None
            self._current = self._session_key_id = ""

    def use(
        self, key_id: str, key: bytes, wrapping: WrappingKey | None = None, *, since: int
    ) -> None:
        """Seal with this key from now on, unless the keys were forgotten ``since`` then."""
        with self._lock:
            if since != self._forgotten:
                return
            self._keys[key_id] = key
            self._wrapping = wrapping
            self._current = key_id
            self._problem = None
            if is_session_key_id(key_id):
                self._session_key_id = key_id

    def add(self, keys: Mapping[str, bytes], *, since: int) -> None:
        """Open records of these keys too, unless the keys were forgotten ``since`` then."""
        with self._lock:
            if since == self._forgotten:
                self._keys.update(keys)

    def check_unlocked(self, since: int) -> None:
        """Raise VaultLockedError when the keys were forgotten ``since`` then."""
        with self._lock:
            if since != self._forgotten:
                raise self.locked()

    def known(self) -> dict[str, bytes]:
        """The keys in memory by name."""
        with self._lock:
            return dict(self._keys)

    def current(self) -> tuple[str, bytes]:
        """The key that seals, another program's new one if there is one; raises VaultLockedError,
        VaultError."""
        self.catch_up()
        with self._lock:
            key = self._keys.get(self._current)
            key_id = self._current
        if key is None:
            raise self.locked()
        return key_id, key

    def find(self, key_id: str) -> bytes | None:
        """The key of that name, looked for again where another program may have put it meanwhile;
        raises VaultLockedError, VaultError."""
        with self._lock:
            if key_id in self._keys:
                return self._keys[key_id]
            nothing = not self._keys
            since = self._forgotten
        if nothing:
            raise self.locked()
        return self._look_again(key_id, since)

    def own_file(self) -> OpenFile:
        """The file with its current key; raises VaultLockedError, VaultError."""
        self.catch_up()
        file = read_key_file(self.path)
        with self._lock:
            if file is None or file.key_id not in self._keys:
                raise self.locked()
            return OpenFile(file, dict(self._keys), self.wrapping_for(file), self._forgotten)

    def wrapping_for(self, file: KeyFile) -> WrappingKey | None:
        """What the passphrase was stretched to, if it opened ``file`` in this run."""
        with self._lock:
            wrapping = self._wrapping
        fits = wrapping is not None and file.wrapped is not None and wrapping.fits(file.wrapped)
        return wrapping if fits else None

    @contextmanager
    def file_lock(self, *, shared: bool = False) -> Iterator[None]:
        """Keep other programs from changing the file, and unless ``shared`` from saving what they
        seal; raises VaultError (``vault.busy``)."""
        with ExitStack() as stack:
            try:
                stack.enter_context(
                    locked(self.path.with_name("vault.lock"), shared=shared, wait_s=_LOCK_WAIT_S)
                )
            except TimeoutError as error:
                raise VaultError(
                    "Another program is saving passwords or changing the key.",
                    hint="Try again in a moment.",
                    code="vault.busy",
                    retryable=True,
                ) from error
            except OSError as error:
                # Where this account may not write, it cannot make a new key either.
                if not shared:
                    raise self.folder_failed(error) from error
            yield

    def check_same(self, file: KeyFile | None) -> None:
        """Raise VaultError (``vault.changed``) when the file is not as ``file`` any more."""
        if read_key_file(self.path) != file:
            raise VaultError(
                "Another program has changed the vault meanwhile.",
                hint="Look at it again, then repeat what you wanted.",
                code="vault.changed",
                retryable=True,
            )

    def catch_up(self) -> None:
        """Learn the new key of another program before something is sealed with the old one."""
        with self._lock:
            if not self._holds_lasting_key():
                return
            since = self._forgotten
        file = read_key_file(self.path)
        if file is None:
            return
        with self._lock:
            self._take_up(file)
            if file.key_id in self._keys:
                return
        self._fetch(file, None, PROBE_TIMEOUT_S, None, since)

    def locked(self) -> VaultLockedError:
        """Why nothing can be sealed or opened."""
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

    def folder_failed(self, error: OSError) -> VaultError:
        """What is told when the vault's folder cannot be written."""
        return VaultError(
            "The folder of “{path}” cannot be written: {reason}.",
            hint="Make room or give the folder back to your user, then try again.",
            code="vault.file",
            details=file_details(self.path, error),
        )

    def _unlock(
        self, passphrase_secret: str | None, timeout_s: float | None, token: CancelToken | None
    ) -> None:
        since = self.now()
        file = read_key_file(self.path)
        if file is None:
            with self._lock:
                if self._session_key_id:
                    return
            raise self.locked()
        with self._lock:
            self._take_up(file)
            if passphrase_secret is None and file.key_id in self._keys:
                return
        self._fetch(file, passphrase_secret, timeout_s, token, since)

    def _fetch(
        self,
        file: KeyFile,
        passphrase_secret: str | None,
        timeout_s: float | None,
        token: CancelToken | None,
        since: int,
    ) -> None:
        """Bring the file's current key into memory, and the further ones with it; raises
        VaultLockedError when the keys were forgotten ``since`` then."""
        wrapping: WrappingKey | None = None
        if file.kind is VaultKind.KEYRING:
            key = key_of_item(self._items.find(file.key_id, timeout_s, token), file.key_id)
            if key is None:
                raise key_missing()
        else:
            if passphrase_secret is None or file.wrapped is None:
                raise self.locked()
            wrapping = find_wrapping_key(passphrase_secret, file.wrapped)
            key = wrapping.unwrap(file.wrapped, file.key_id)
        with self._lock:
            self.check_unlocked(since)
            self.use(file.key_id, key, wrapping, since=since)
            self._take_up(file)

    def _take_up(self, file: KeyFile) -> None:
        """Whatever the keys in memory open of the file; the lock is held."""
        wrapping = self.wrapping_for(file)
        if file.key_id not in self._keys and wrapping is not None and file.wrapped is not None:
            with suppress(VaultError):
                self._keys[file.key_id] = wrapping.unwrap(file.wrapped, file.key_id)
        if file.key_id in self._keys:
            self._current = file.key_id
        waiting = [further for further in file.further if further.key_id not in self._keys]
        opened = True
        while opened:
            opened = False
            for further in waiting:
                key = self._open_further(further)
                if key is not None:
                    self._keys[further.key_id] = key
                    opened = True
            waiting = [further for further in waiting if further.key_id not in self._keys]

    def _open_further(self, further: FurtherKey) -> bytes | None:
        sealing_key = self._keys.get(key_id_of(further.record))
        if sealing_key is None:
            return None
        try:
            key = open_bytes(sealing_key, further.record, further.binding)
        except VaultError:
            # Edited by somebody: the key counts as missing, and no other takes its name.
            return None
        return key if is_key_of(key, further.key_id) else None

    def _look_again(self, key_id: str, since: int) -> bytes | None:
        """The key of that name, where another program has put it meanwhile."""
        file = read_key_file(self.path)
        if file is None:
            return None
        with self._lock:
            self._take_up(file)
            if key_id in self._keys:
                return self._keys[key_id]
        if key_id == file.key_id or (
            key_id in file.ids(KeyRole.OLDER) and file.key_id not in self._keys
        ):
            self._fetch(file, None, PROBE_TIMEOUT_S, None, since)
        with self._lock:
            self.check_unlocked(since)
            key = self._keys.get(key_id)
        if key is None and any(one.key_id == key_id and one.in_keyring for one in file.further):
            key = key_of_item(self._items.find(key_id, PROBE_TIMEOUT_S), key_id)
            if key is not None:
                self.add({key_id: key}, since=since)
        return key

    def _holds_lasting_key(self) -> bool:
        return any(not is_session_key_id(key_id) for key_id in self._keys)


def key_missing() -> KeyMissingError:
    """What is told when this workstation's own key is gone."""
    return KeyMissingError(
        "The key that sealed the saved passwords is not on this computer.",
        hint="Import its recovery kit, bring the keyring or the vault's file back from where they "
        "were, or remove the connections whose passwords cannot be read and add them again.",
    )
