"""Killed at any step between two keys: there is always one that opens everything."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from altus4_desktop.domain.errors import VaultError
from altus4_desktop.vault import Binding, Vault
from tests import quick, vault_worker
from tests.forks import build_forks
from tests.keyring_file import FileKeyring

PLACE = Binding("databases", "password_encrypted", "row", "user")
_DEADLINE_S = 30.0
_MOST_STEPS = 200
PHRASE, OTHER_PHRASE = "correct horse battery", "four unrelated new words"


def _unlock(vault: Vault, passphrase: str | None, new_passphrase: str | None) -> str | None:
    """By the one of the two that opens; returns it."""
    if new_passphrase is not None:
        with suppress(VaultError):
            vault.unlock(new_passphrase)
            return new_passphrase
    vault.unlock(passphrase)
    return passphrase


@pytest.mark.parametrize(
    ("passphrase", "new_passphrase", "least_steps"),
    [
        pytest.param(None, None, 20, id="keyring"),
        pytest.param(PHRASE, None, 15, id="the same passphrase"),
        pytest.param(PHRASE, OTHER_PHRASE, 15, id="another passphrase"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_killed_at_any_step_of_changing_the_key(
    tmp_path: Path, passphrase: str | None, new_passphrase: str | None, least_steps: int
) -> None:
    context = build_forks("tests.vault_worker")
    codes: list[int | None] = []
    outcomes: set[tuple[bool, int]] = set()
    while not codes or codes[-1] != 0:
        folder = tmp_path / str(len(codes))
        keyring = FileKeyring(folder / "keyring")
        vault = Vault(folder, keyring, quick.ARGON2)
        if passphrase is None:
            vault.set_up_keyring(records_exist=False)
        else:
            vault.set_up_passphrase(passphrase, records_exist=False)
        old, first_key = vault.seal("old", PLACE), vault.status().key_id
        ours, theirs = context.Pipe()
        child = context.Process(
            target=vault_worker.change_key_until_killed,
            args=(folder, passphrase, new_passphrase, len(codes) + 1, theirs),
        )
        child.start()
        theirs.close()
        child.join(_DEADLINE_S)
        codes.append(child.exitcode)
        child.close()
        ours.close()
        assert len(codes) < _MOST_STEPS, "a step was never the last"

        again = Vault(folder, keyring, quick.ARGON2)
        opened_by = _unlock(again, passphrase, new_passphrase)
        status = again.status()
        old_one = status.key_id == first_key
        assert opened_by == (passphrase if old_one else new_passphrase or passphrase)
        assert again.open_(again.seal("new", PLACE), PLACE) == "new"
        if old_one or status.older_key_ids:
            assert again.open_(old, PLACE) == "old"
            again.changes.begin_rotation()
            again.changes.drop_keys(again.status().older_key_ids)
        assert not again.status().older_key_ids
        outcomes.add((old_one, len(status.older_key_ids)))
    assert set(codes[:-1]) == {-signal.SIGKILL}
    assert len(codes) > least_steps
    assert outcomes == {(True, 0), (False, 1), (False, 0)}, "before, between and after"
