"""Killed at any step between two keys: there is always one that opens everything."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from altus4_desktop.vault import Binding, Vault
from tests import vault_worker
from tests.keyring_file import FileKeyring

PLACE = Binding("databases", "password_encrypted", "row", "user")
_DEADLINE_S = 30.0
_MOST_STEPS = 200


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_killed_at_any_step_of_changing_the_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.vault_worker"])
    codes: list[int | None] = []
    outcomes: set[tuple[bool, int]] = set()
    while not codes or codes[-1] != 0:
        folder = tmp_path / str(len(codes))
        keyring = FileKeyring(folder / "keyring")
        vault = Vault(folder, keyring)
        vault.set_up_keyring(records_exist=False)
        old, first_key = vault.seal("old", PLACE), vault.status().key_id
        ours, theirs = context.Pipe()
        child = context.Process(
            target=vault_worker.change_key_until_killed, args=(folder, len(codes) + 1, theirs)
        )
        child.start()
        theirs.close()
        child.join(_DEADLINE_S)
        codes.append(child.exitcode)
        child.close()
        ours.close()
        assert len(codes) < _MOST_STEPS, "a step was never the last"

        again = Vault(folder, keyring)
        again.unlock()
        status = again.status()
        assert again.open_(again.seal("new", PLACE), PLACE) == "new"
        if status.key_id == first_key or status.older_key_ids:
            assert again.open_(old, PLACE) == "old"
            again.changes.begin_rotation()
            again.changes.drop_keys(again.status().older_key_ids)
        assert not again.status().older_key_ids
        outcomes.add((status.key_id == first_key, len(status.older_key_ids)))
    assert set(codes[:-1]) == {-signal.SIGKILL}
    assert len(codes) > 20
    assert outcomes == {(True, 0), (False, 1), (False, 0)}, "before, between and after"
