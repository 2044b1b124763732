"""The real keyring package over a real (small) Secret Service: working, locked, silent, dying."""

from __future__ import annotations

import gc
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import keyring.backend
import keyring.backends.SecretService  # known before the first test narrows down what is known
import pytest

from altus4_desktop.domain.errors import VaultError
from altus4_desktop.vault import Binding, Vault, VaultKind
from altus4_desktop.vault.keyrings import KeyringItems

if sys.platform != "linux":
    pytest.skip("the Secret Service is a Linux desktop's", allow_module_level=True)

from tests.unit.vault.secret_service import SecretService

# The client library leaves its socket to the garbage collector when a call fails.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PLACE = Binding("databases", "password_encrypted", "row", "user")


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretService]:
    """A session bus with a keyring on it, where the keyring package finds it by itself."""
    # A short path: the name of a socket has 108 bytes at most.
    with tempfile.TemporaryDirectory(prefix="altus4-bus-") as folder:
        service = SecretService(Path(folder))
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", service.address)
        monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
        monkeypatch.setattr("keyring.core._keyring_backend", None)
        # The package looks for backends once a process, among all subclasses it has seen: here the
        # computer changes, and the tests' own keyrings are no part of it.
        shipped = {
            known
            for known in keyring.backend.KeyringBackend._classes
            if known.__module__.startswith("keyring.backends.")
        }
        monkeypatch.setattr(keyring.backend.KeyringBackend, "_classes", shipped)
        monkeypatch.delattr(keyring.backend.get_all_keyring, "saved_result", raising=False)
        yield service
        service.close()
        for thread in threading.enumerate():
            if thread.name == "keyring":
                thread.join(5)
        gc.collect()


def test_the_keyring_of_the_desktop_is_found_and_keeps_the_key(
    desktop: SecretService, tmp_path: Path
) -> None:
    report = KeyringItems().probe()
    assert report.problem is None
    assert report.backend == "Secret Service"
    assert desktop.items == {}

    vault = Vault(tmp_path)
    vault.set_up_keyring(records_exist=False)
    record = vault.seal("tenant password", PLACE)
    ((attributes, secret),) = desktop.items.values()
    assert len(secret) == 44
    assert attributes["service"] == f"altus4-desktop {vault.status().key_id}"

    again = Vault(tmp_path)
    again.unlock()
    assert again.open_(record, PLACE) == "tenant password"


def test_a_locked_keyring_that_the_person_unlocks_works(
    desktop: SecretService, tmp_path: Path
) -> None:
    desktop.locked = True
    vault = Vault(tmp_path)
    vault.set_up_keyring(records_exist=False)
    assert desktop.prompted.is_set()
    assert vault.status().kind is VaultKind.KEYRING


def test_a_dismissed_prompt_is_told_as_locked(desktop: SecretService, tmp_path: Path) -> None:
    desktop.locked, desktop.person = True, "dismisses"
    with pytest.raises(VaultError) as caught:
        Vault(tmp_path).set_up_keyring(records_exist=False)
    assert caught.value.code == "vault.keyring_locked"
    assert list(tmp_path.iterdir()) == []


def test_a_prompt_nobody_answers_ends_at_the_deadline(
    desktop: SecretService, tmp_path: Path
) -> None:
    desktop.locked, desktop.person = True, "absent"
    started = time.monotonic()
    report = Vault(tmp_path).probe_keyring(timeout_s=0.5)
    assert time.monotonic() - started < 3
    assert desktop.prompted.is_set()
    assert report.problem is not None
    assert report.problem.code == "vault.keyring_timeout"


@pytest.mark.parametrize("method", ["Hello", "NameHasOwner", "Get", "OpenSession"])
def test_a_bus_that_falls_silent_ends_at_the_deadline(
    desktop: SecretService, tmp_path: Path, method: str
) -> None:
    desktop.mute_at = method
    report = Vault(tmp_path).probe_keyring(timeout_s=0.5)
    assert report.problem is not None
    assert report.problem.code == "vault.keyring_timeout"


@pytest.mark.parametrize(
    "method", ["Hello", "NameHasOwner", "Get", "OpenSession", "CreateItem", "GetSecret"]
)
def test_a_bus_that_dies_in_a_call_is_a_failure_not_a_crash(
    desktop: SecretService, tmp_path: Path, method: str
) -> None:
    desktop.die_at = method
    report = Vault(tmp_path).probe_keyring(timeout_s=5)
    assert report.problem is not None
    assert report.problem.code in {"vault.keyring_failed", "vault.keyring_missing"}
    with pytest.raises(VaultError):
        Vault(tmp_path).set_up_keyring(records_exist=False)
    assert list(tmp_path.iterdir()) == []


def test_a_bus_that_is_gone_is_no_keyring(
    desktop: SecretService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.address + "-elsewhere")
    report = Vault(tmp_path).probe_keyring()
    assert report.problem is not None
    # The package remembers which backends worked before: then it fails instead of finding none.
    assert report.problem.code in {"vault.keyring_missing", "vault.keyring_failed"}
