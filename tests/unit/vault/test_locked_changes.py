"""Locked at any step while the keys change: no key is lost, and none is in memory afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.errors import VaultError, VaultLockedError
from altus4_desktop.vault import Binding, Vault, VaultKind, passphrase
from altus4_desktop.vault.key_file import KeyFile, read_key_file, write_key_file
from altus4_desktop.vault.kit import open_kit
from tests import quick
from tests.keyring_memory import MemoryKeyring

PLACE = Binding("databases", "password_encrypted", "row", "user")
PHRASE, OTHER_PHRASE = "correct horse battery", "four unrelated new words"
KIT_PHRASE = "four unrelated kit words"
_MOST_STEPS = 200


class Steps:
    """Counts the steps outside of Python, and locks the vault before the one of this number."""

    def __init__(self, vault: Vault, number: int) -> None:
        self._vault = vault
        self._number = number
        self._taken = 0

    @property
    def locked(self) -> bool:
        """Whether it came to that."""
        return self._taken >= self._number

    def watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, as one step."""

        def step(*arguments: Any, **options: Any) -> Any:
            self._taken += 1
            if self._taken == self._number:
                self._vault.lock()
            return function(*arguments, **options)

        return step


@contextmanager
def locking_at(vault: Vault, number: int) -> Iterator[Steps]:
    steps = Steps(vault, number)
    with pytest.MonkeyPatch.context() as patched:
        for owner, names in (
            (os, ("open", "fsync", "replace", "close")),
            (passphrase, ("stretch",)),
            (MemoryKeyring, ("get_password", "set_password", "delete_password")),
        ):
            for name in names:
                patched.setattr(owner, name, steps.watched(getattr(owner, name)))
        yield steps


def unlock(vault: Vault) -> None:
    """With whichever passphrase there is."""
    if vault.status().kind is VaultKind.KEYRING:
        vault.unlock()
        return
    with suppress(VaultError):
        vault.unlock(PHRASE)
        return
    vault.unlock(OTHER_PHRASE)


def rotation(kind: VaultKind | None, phrase: str | None) -> Callable[[Vault], None]:
    def change(vault: Vault) -> None:
        before = vault.status().key_id
        vault.changes.begin_rotation(kind, phrase)
        vault.changes.drop_keys([before])

    return change


def new_passphrase(vault: Vault) -> None:
    vault.changes.change_passphrase(PHRASE, OTHER_PHRASE)


def unlocking(phrase: str | None) -> Callable[[Vault], None]:
    def change(vault: Vault) -> None:
        vault.lock()
        vault.unlock(phrase)

    return change


KINDS = (VaultKind.KEYRING, VaultKind.PASSPHRASE)
CHANGES = [
    pytest.param(VaultKind.KEYRING, rotation(None, None), id="keyring"),
    pytest.param(VaultKind.PASSPHRASE, rotation(None, None), id="the same passphrase"),
    pytest.param(VaultKind.PASSPHRASE, rotation(None, OTHER_PHRASE), id="another passphrase"),
    pytest.param(
        VaultKind.KEYRING,
        rotation(VaultKind.PASSPHRASE, OTHER_PHRASE),
        id="from the keyring to a passphrase",
    ),
    pytest.param(
        VaultKind.PASSPHRASE,
        rotation(VaultKind.KEYRING, None),
        id="from a passphrase to the keyring",
    ),
    pytest.param(VaultKind.PASSPHRASE, new_passphrase, id="the passphrase alone"),
    pytest.param(VaultKind.KEYRING, unlocking(None), id="unlocking by the keyring"),
    pytest.param(VaultKind.PASSPHRASE, unlocking(PHRASE), id="unlocking by a passphrase"),
]


def made(folder: Path, keyring: MemoryKeyring, kind: VaultKind) -> Vault:
    vault = Vault(folder, keyring, quick.ARGON2)
    if kind is VaultKind.KEYRING:
        vault.set_up_keyring(records_exist=False)
    else:
        vault.set_up_passphrase(PHRASE, records_exist=False)
    return vault


@pytest.mark.parametrize(("kind", "change"), CHANGES)
def test_locked_at_any_step_of_a_change(
    tmp_path: Path, kind: VaultKind, change: Callable[[Vault], None]
) -> None:
    locked = True
    number = 0
    while locked:
        number += 1
        assert number < _MOST_STEPS, "a step was never the last"
        folder, keyring = tmp_path / str(number), MemoryKeyring()
        vault = made(folder, keyring, kind)
        first_key, old = vault.status().key_id, vault.seal("old", PLACE)
        with locking_at(vault, number) as steps:
            with suppress(VaultLockedError):
                change(vault)
            locked = steps.locked
        if locked:
            assert not vault.status().unlocked, f"a key is back in memory at step {number}"
            with pytest.raises(VaultLockedError):
                vault.open_(old, PLACE)

        for again in (vault, Vault(folder, keyring, quick.ARGON2)):
            unlock(again)
            assert again.open_(again.seal("new", PLACE), PLACE) == "new"
            status = again.status()
            if status.key_id == first_key or status.older_key_ids:
                assert again.open_(old, PLACE) == "old", f"the key is lost at step {number}"
        again.changes.begin_rotation()
        again.changes.drop_keys(again.status().older_key_ids)
        assert not again.status().older_key_ids
    assert number > 2


@pytest.mark.parametrize("kind", KINDS)
def test_locked_at_any_step_of_taking_up_a_kit(tmp_path: Path, kind: VaultKind) -> None:
    other = made(tmp_path / "other", MemoryKeyring(), VaultKind.KEYRING)
    theirs = other.seal("theirs", PLACE)
    kit = open_kit(other.changes.build_kit(KIT_PHRASE, "now", "there"), KIT_PHRASE)
    locked = True
    number = 0
    while locked:
        number += 1
        assert number < _MOST_STEPS, "a step was never the last"
        vault = made(tmp_path / str(number), MemoryKeyring(), kind)
        ours = vault.seal("ours", PLACE)
        with locking_at(vault, number) as steps:
            with suppress(VaultLockedError):
                vault.changes.add_keys(kit)
            locked = steps.locked
        if locked:
            assert not vault.status().unlocked, f"a key is back in memory at step {number}"
        unlock(vault)
        vault.changes.add_keys(kit)
        assert (vault.open_(ours, PLACE), vault.open_(theirs, PLACE)) == ("ours", "theirs")
    assert number > 5


def test_what_could_not_be_read_again_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "vault.json"
    write_key_file(path, KeyFile(VaultKind.KEYRING, "k1"))
    before = read_key_file(path)
    with pytest.raises(VaultError) as caught:
        write_key_file(path, KeyFile(VaultKind.PASSPHRASE, "k2"))
    assert caught.value.code == "vault.file"
    assert read_key_file(path) == before
