"""Another data key in place of the current one, and keys that leave and come in recovery kits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import InputError, VaultError
from altus4_desktop.domain.files import make_private_folder
from altus4_desktop.vault.access import KeyAccess, OpenFile
from altus4_desktop.vault.key_file import (
    FurtherKey,
    KeyFile,
    KeyRole,
    VaultKind,
    already_set_up,
    read_key_file,
    write_key_file,
)
from altus4_desktop.vault.keyrings import PROBE_TIMEOUT_S, KeyringItems, as_item
from altus4_desktop.vault.kit import KitContent, build_kit
from altus4_desktop.vault.locks import locked
from altus4_desktop.vault.passphrase import (
    Argon2Settings,
    WrappingKey,
    check_new_passphrase,
    find_wrapping_key,
    new_wrapping_key,
)
from altus4_desktop.vault.records import make_key


class KeyChanges:
    """What is done to the keys themselves; safe to use from any thread."""

    def __init__(self, access: KeyAccess, items: KeyringItems, argon2: Argon2Settings) -> None:
        self._access = access
        self._path = access.path
        self._items = items
        self._argon2 = argon2

    @contextmanager
    def rotating(self) -> Iterator[None]:
        """Keep other programs from rotating and from taking a kit up; raises VaultError
        (``vault.rotating``) when one is at it."""
        with ExitStack() as stack:
            try:
                make_private_folder(self._path.parent)
                stack.enter_context(locked(self._path.with_name("rotation.lock")))
            except TimeoutError as error:
                raise VaultError(
                    "Another program is changing the key right now.",
                    hint="Wait until it has finished.",
                    code="vault.rotating",
                    retryable=True,
                ) from error
            except OSError as error:
                raise self._access.folder_failed(error) from error
            yield

    def begin_rotation(
        self,
        kind: VaultKind | None = None,
        passphrase_secret: str | None = None,
        *,
        timeout_s: float | None = PROBE_TIMEOUT_S,
        token: CancelToken | None = None,
    ) -> None:
        """Make a new data key the current one, kept as ``kind`` says (None: as before); the one
        before stays as an older one until `drop_keys`.

        ``passphrase_secret``: a new passphrase; without one the same opens the new key too.
        Raises InputError, VaultLockedError, VaultError, Cancelled; the key is then as it was.
        """
        own = self._access.own_file()
        kind = kind or own.file.kind
        wrapping = self._choose_wrapping(own, kind, passphrase_secret)
        key_id, key = make_key()
        if wrapping is None:
            self._items.store(key_id, as_item(key), timeout_s, token)
        wrapped = None if wrapping is None else wrapping.wrap(key, key_id)
        try:
            with self._access.file_lock():
                self._access.check_same(own.file)
                self._access.check_unlocked(own.since)
                further = _reseal_further(own, key, key_id)
                write_key_file(self._path, KeyFile(kind, key_id, wrapped, further))
        except VaultError:
            if wrapping is None:
                # An item nobody asks for is harmless; why the file failed is the thing to tell.
                with suppress(VaultError):
                    self._items.remove(key_id, PROBE_TIMEOUT_S)
            raise
        self._access.use(key_id, key, wrapping, since=own.since)

    def drop_keys(self, key_ids: Iterable[str]) -> None:
        """Forget older keys, the keyring's items first; in memory they stay until `lock`, for what
        was read before and is opened after. Raises VaultError; those that are left stay listed."""
        dropped = set(key_ids)
        for further in self._access.own_file().file.further:
            # Gone already where a run before this one was killed between here and the file.
            if (
                further.key_id in dropped
                and further.in_keyring
                and self._items.find(further.key_id, PROBE_TIMEOUT_S) is not None
            ):
                self._items.remove(further.key_id, PROBE_TIMEOUT_S)
        with self._access.file_lock():
            file = self._access.own_file().file
            kept = tuple(
                further
                for further in file.further
                if further.role is not KeyRole.OLDER or further.key_id not in dropped
            )
            write_key_file(self._path, replace(file, further=kept))

    def change_passphrase(self, passphrase_secret: str, new_secret: str) -> None:
        """Protect the same key with another passphrase.

        Raises InputError for the new one, VaultError (``vault.passphrase``) for the old one.
        """
        check_new_passphrase(new_secret)
        since = self._access.now()
        file = read_key_file(self._path)
        if file is None or file.wrapped is None:
            raise VaultError("The vault does not open by a passphrase.", code="vault.no_passphrase")
        old = find_wrapping_key(passphrase_secret, file.wrapped)
        key = old.unwrap(file.wrapped, file.key_id)
        wrapping = new_wrapping_key(new_secret, self._argon2)
        with self._access.file_lock():
            self._access.check_same(file)
            write_key_file(self._path, replace(file, wrapped=wrapping.wrap(key, file.key_id)))
        self._access.use(file.key_id, key, wrapping, since=since)

    def build_kit(self, passphrase_secret: str, made_at: str, origin: str) -> bytes:
        """Every key of this vault, under a passphrase; raises InputError, VaultLockedError,
        VaultError."""
        own = self._access.own_file()
        listed = (own.file.key_id, *(further.key_id for further in own.file.further))
        keys = {key_id: own.keys[key_id] for key_id in listed if key_id in own.keys}
        content = KitContent(own.file.key_id, made_at, origin, keys)
        return build_kit(content, passphrase_secret, self._argon2)

    def restore(
        self,
        content: KitContent,
        key_id: str,
        passphrase_secret: str | None = None,
        *,
        timeout_s: float | None = PROBE_TIMEOUT_S,
        token: CancelToken | None = None,
    ) -> None:
        """Put this vault's own lost key back, into the keyring or under ``passphrase_secret``.

        Raises InputError for a passphrase too short, VaultError, Cancelled.
        """
        since = self._access.now()
        file = read_key_file(self._path)
        if file is not None and file.key_id != key_id:
            raise already_set_up()
        key = content.keys[key_id]
        further = () if file is None else file.further
        wrapping = None
        if passphrase_secret is None:
            self._items.store(key_id, as_item(key), timeout_s, token)
            restored = KeyFile(VaultKind.KEYRING, key_id, None, further)
        else:
            check_new_passphrase(passphrase_secret)
            wrapping = new_wrapping_key(passphrase_secret, self._argon2)
            restored = KeyFile(VaultKind.PASSPHRASE, key_id, wrapping.wrap(key, key_id), further)
        with self._access.file_lock():
            self._access.check_same(file)
            write_key_file(self._path, restored, only_new=file is None)
        self._access.use(key_id, key, wrapping, since=since)

    def add_keys(self, content: KitContent) -> tuple[str, ...]:
        """Keep the keys of a kit beside the own ones, which stay as they are; returns the ids of
        those that were not here before. Raises VaultLockedError, VaultError."""
        with self._access.file_lock():
            own = self._access.own_file()
            file = own.file
            new = {name: key for name, key in content.keys.items() if name not in own.keys}
            further = {one.key_id: one for one in file.further}
            for key_id, key in new.items():
                # One that is listed and could not be opened keeps what it is here for.
                listed = further.get(key_id)
                further[key_id] = FurtherKey.seal(
                    key_id,
                    key,
                    KeyRole.ADDED if listed is None else listed.role,
                    (file.key_id, own.key),
                    in_keyring=listed is not None and listed.in_keyring,
                )
            write_key_file(self._path, replace(file, further=tuple(further.values())))
        self._access.add(new, since=own.since)
        return tuple(new)

    def _choose_wrapping(
        self, own: OpenFile, kind: VaultKind, passphrase_secret: str | None
    ) -> WrappingKey | None:
        if kind is VaultKind.KEYRING:
            return None
        if passphrase_secret is not None:
            check_new_passphrase(passphrase_secret)
            return new_wrapping_key(passphrase_secret, self._argon2)
        if own.wrapping is None:
            hint = ""
            if own.file.kind is VaultKind.PASSPHRASE:
                hint = (
                    "Another program has changed the passphrase meanwhile: lock and unlock with "
                    "that one, or choose a new one here."
                )
            raise InputError("passphrase", "A passphrase for the new key is needed.", hint=hint)
        return own.wrapping


def _reseal_further(own: OpenFile, key: bytes, key_id: str) -> tuple[FurtherKey, ...]:
    """The keys beside the new current one: those before, and the one it replaces."""
    by = (key_id, key)
    resealed = [
        FurtherKey.seal(one.key_id, own.keys[one.key_id], one.role, by, in_keyring=one.in_keyring)
        if one.key_id in own.keys
        else one
        for one in own.file.further
    ]
    in_keyring = own.file.kind is VaultKind.KEYRING
    resealed.append(
        FurtherKey.seal(own.file.key_id, own.key, KeyRole.OLDER, by, in_keyring=in_keyring)
    )
    return tuple(resealed)
