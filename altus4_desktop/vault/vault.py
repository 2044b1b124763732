"""What seals and opens secrets, and where the data key that does it may live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import KeyMissingError, VaultError
from altus4_desktop.vault.access import KeyAccess, VaultStatus, key_missing
from altus4_desktop.vault.changes import KeyChanges
from altus4_desktop.vault.key_file import (
    FILE_NAME,
    FurtherKey,
    KeyFile,
    KeyRole,
    VaultKind,
    already_set_up,
    read_key_file,
    write_key_file,
)
from altus4_desktop.vault.keyrings import (
    PROBE_TIMEOUT_S,
    KeyringBackend,
    KeyringItems,
    KeyringReport,
    as_item,
    key_of_item,
)
from altus4_desktop.vault.passphrase import (
    Argon2Settings,
    check_new_passphrase,
    new_wrapping_key,
)
from altus4_desktop.vault.records import (
    Binding,
    key_id_of,
    make_key,
    open_bytes,
    seal_bytes,
)


class Vault:
    """Seals and opens secrets; safe to use from any thread.

    ``data_dir/vault.json`` says where the key is; it never holds the key itself. A session key
    lives in this object only. ``keyring_backend`` replaces the system's keyring. Other programs
    may make a new key at any time: it is learned when a record of it is opened, or before the
    next record is sealed.
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
        self._access = KeyAccess(self._path, self._items)

    def __repr__(self) -> str:
        return f"<Vault {self._path}>"

    @property
    def changes(self) -> KeyChanges:
        """What is done to the keys themselves."""
        return KeyChanges(self._access, self._items, self._argon2)

    def status(self) -> VaultStatus:
        """What is set up and whether it is unlocked; asks no keyring."""
        return self._access.status()

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
        with self._making_key(records_exist=records_exist, replace=replace) as replacing:
            since = self._access.now()
            key_id, key = make_key()
            self._items.store(key_id, as_item(key), timeout_s, token)
            file = KeyFile(VaultKind.KEYRING, key_id)
            try:
                write_key_file(self._path, file, only_new=not replacing)
            except VaultError:
                # The file's failure is the one to tell; an item nobody asks for is harmless.
                with suppress(VaultError):
                    self._items.remove(key_id, PROBE_TIMEOUT_S)
                raise
            self._access.use(key_id, key, since=since)

    def set_up_passphrase(
        self, passphrase_secret: str, *, records_exist: bool, replace: bool = True
    ) -> None:
        """Make a data key and wrap it with a passphrase; ``replace``: also in place of a lost one.

        Raises InputError for a passphrase too short, KeyMissingError while records exist,
        VaultError.
        """
        check_new_passphrase(passphrase_secret)
        with self._making_key(records_exist=records_exist, replace=replace) as replacing:
            since = self._access.now()
            key_id, key = make_key()
            wrapping = new_wrapping_key(passphrase_secret, self._argon2)
            file = KeyFile(VaultKind.PASSPHRASE, key_id, wrapping.wrap(key, key_id))
            write_key_file(self._path, file, only_new=not replacing)
            self._access.use(key_id, key, wrapping, since=since)

    def set_up_session(self, *, records_exist: bool) -> None:
        """Make a data key that ends with the program.

        Raises KeyMissingError while records of a lasting key exist, VaultError while a lasting
        key is set up.
        """
        with self._making_key(records_exist=records_exist, replace=False):
            self._access.use(*make_key(session=True), since=self._access.now())

    def find_in_keyring(
        self, key_ids: Iterable[str], timeout_s: float | None = PROBE_TIMEOUT_S
    ) -> bool:
        """Take up those of ``key_ids`` that the keyring still holds, when ``vault.json`` is lost;
        the first of them becomes the current one. Raises VaultError.
        """
        since = self._access.now()
        found: dict[str, bytes] = {}
        for key_id in key_ids:
            key = key_of_item(self._items.find(key_id, timeout_s), key_id)
            if key is not None:
                found[key_id] = key
        if not found:
            return False
        current, *others = found
        further = tuple(
            FurtherKey.seal(
                other, found[other], KeyRole.OLDER, (current, found[current]), in_keyring=True
            )
            for other in others
        )
        file = KeyFile(VaultKind.KEYRING, current, None, further)
        write_key_file(self._path, file, only_new=True)
        self._access.add(found, since=since)
        self._access.use(current, found[current], since=since)
        return True

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
        self._access.unlock(passphrase_secret, timeout_s=timeout_s, token=token)

    def lock(self) -> None:
        """Drop every key from memory; what a session key sealed is lost."""
        self._access.forget()

    @contextmanager
    def sealing(self) -> Iterator[None]:
        """While what is sealed has not been saved yet: no program makes a new key meanwhile, and
        so none drops the key before it has seen the record. Raises VaultError (``vault.busy``)."""
        with ExitStack() as stack:
            if self._path.exists():
                stack.enter_context(self._access.file_lock(shared=True))
            yield

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """While no other program saves what it has sealed; raises VaultError (``vault.busy``)."""
        with self._access.file_lock():
            yield

    def seal(self, plain_secret: str, binding: Binding) -> str:
        """A record that opens only with this key and this ``binding``.

        Raises VaultLockedError, VaultError when the key of another program cannot be fetched.
        """
        key_id, key = self._access.current()
        return seal_bytes(key, key_id, plain_secret.encode("utf-8", "surrogatepass"), binding)

    def open_(self, record: str, binding: Binding) -> str:
        """What ``record`` holds.

        Raises VaultLockedError, KeyMissingError when another key sealed it, VaultError for any
        change of the record or of its place.
        """
        key = self._access.find(key_id_of(record))
        if key is None:
            raise _record_key_missing()
        return open_bytes(key, record, binding).decode("utf-8", "surrogatepass")

    @contextmanager
    def _making_key(self, *, records_exist: bool, replace: bool) -> Iterator[bool]:
        """While a new key may be made: whether a file is there to be replaced, because the keyring
        has lost the key it names. Raises KeyMissingError, VaultError."""
        if records_exist:
            raise key_missing()
        if read_key_file(self._path) is None:
            yield False
            return
        with self._access.file_lock():
            # Another program may have made its key since we were asked to: that is the one to use.
            file = read_key_file(self._path)
            if file is not None and not (replace and self._is_lost(file)):
                raise already_set_up()
            yield file is not None

    def _is_lost(self, file: KeyFile) -> bool:
        if file.kind is not VaultKind.KEYRING or file.key_id in self._access.known():
            return False
        return self._items.find(file.key_id, PROBE_TIMEOUT_S) is None


def _record_key_missing() -> KeyMissingError:
    return KeyMissingError(
        "The key that sealed this password is not on this computer.",
        hint="Enter the password again, or import the recovery kit of the computer that saved it.",
    )
