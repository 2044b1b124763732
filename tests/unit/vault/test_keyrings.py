"""Which keyrings are trusted, and that a call never hangs its caller."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, ClassVar

import pytest
from keyring.backends import SecretService, chainer, fail, kwallet, null
from keyring.errors import PasswordDeleteError

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled, VaultError
from altus4_desktop.vault.keyrings import KeyringItems, find_trusted_backend, trusted_backend
from tests.keyring_memory import MemoryKeyring
from tests.unit.vault.backends import (
    DiscardingKeyring,
    DyingKeyring,
    LockedKeyring,
    NoKeyring,
    SilentKeyring,
    SmallKeyring,
    TruncatingKeyring,
)


def build(kind: type[Any]) -> Any:
    """A keyring of the package, whose constructors have no types."""
    return kind()


def test_a_working_keyring_passes_the_probe_and_keeps_nothing_of_it(
    memory_keyring: MemoryKeyring,
) -> None:
    report = KeyringItems(memory_keyring).probe()
    assert report.usable
    assert report.backend == "MemoryKeyring"
    assert memory_keyring.items == {}


@pytest.mark.parametrize(
    ("backend", "code"),
    [
        (NoKeyring(), "vault.keyring_missing"),
        (build(fail.Keyring), "vault.keyring_missing"),
        (LockedKeyring(), "vault.keyring_locked"),
        (DyingKeyring(), "vault.keyring_failed"),
        (DiscardingKeyring(), "vault.keyring_forgets"),
        (build(null.Keyring), "vault.keyring_forgets"),
        (TruncatingKeyring(), "vault.keyring_forgets"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_a_broken_keyring_is_told_apart(backend: MemoryKeyring, code: str) -> None:
    report = KeyringItems(backend).probe()
    assert not report.usable
    assert report.problem is not None
    assert report.problem.code == code
    assert report.problem.hint


def test_a_value_of_44_characters_fits_where_longer_ones_are_refused() -> None:
    items = KeyringItems(SmallKeyring())
    assert items.probe().usable
    items.store("k1", "x" * 44, 5)
    assert items.find("k1", 5) == "x" * 44
    with pytest.raises(VaultError):
        items.store("k2", "y" * 45, 5)


def test_a_keyring_that_cannot_forget_is_not_offered() -> None:
    class Hoarder(MemoryKeyring):
        def delete_password(self, service: str, username: str) -> None:
            raise PasswordDeleteError("no")

    report = KeyringItems(Hoarder()).probe()
    assert report.problem is not None
    assert report.problem.code == "vault.keyring_failed"


@pytest.mark.parametrize(
    "backend", [DyingKeyring(), SmallKeyring()], ids=lambda it: type(it).__name__
)
def test_a_backend_that_quotes_the_value_does_not_spread_it(backend: MemoryKeyring) -> None:
    secret = "canary-" + "x" * 60
    with pytest.raises(VaultError) as caught:
        KeyringItems(backend).store("k1", secret, 5)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.details)
    assert "canary" not in told


def test_a_prompt_nobody_answers_ends_at_the_deadline_and_off_the_callers_thread() -> None:
    backend = SilentKeyring()
    items = KeyringItems(backend)
    started = time.monotonic()
    report = items.probe(timeout_s=0.2)
    assert time.monotonic() - started < 2
    assert report.problem is not None
    assert report.problem.code == "vault.keyring_timeout"
    assert backend.threads == {"keyring"}
    backend.answer.set()


def test_calls_behind_a_stuck_one_give_up_too_and_start_no_more_threads() -> None:
    backend = SilentKeyring()
    items = KeyringItems(backend)
    before = threading.active_count()
    for _ in range(10):
        assert not items.probe(timeout_s=0.02).usable
    assert threading.active_count() == before + 1
    backend.answer.set()
    assert items.probe(timeout_s=5).usable, "the keyring works again once it has been answered"


def test_a_late_answer_leaves_no_item_behind() -> None:
    backend = SilentKeyring()
    items = KeyringItems(backend)
    with pytest.raises(VaultError):
        items.store("k1", "value", 0.05)
    backend.answer.set()
    assert items.find("k1", 5) is None
    assert backend.items == {}


def test_a_prompt_nobody_answers_does_not_keep_the_program_from_ending() -> None:
    program = (
        "from tests.unit.vault.backends import SilentKeyring\n"
        "from altus4_desktop.vault.keyrings import KeyringItems\n"
        "print(KeyringItems(SilentKeyring()).probe(0.05).usable)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
        cwd=Path(__file__).parents[3],
    )
    assert ended.stdout.strip() == "False"


def test_waiting_for_a_person_can_be_cancelled() -> None:
    backend = SilentKeyring()
    items = KeyringItems(backend)
    token = CancelToken()
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            items.find("k1", None, token)
        except Cancelled as error:
            failed.append(error)

    person = threading.Thread(target=ask)
    person.start()
    assert backend.asked.wait(5)
    token.cancel()
    person.join(5)
    assert not person.is_alive()
    assert len(failed) == 1
    backend.answer.set()


def test_waiting_for_a_person_ends_with_the_answer() -> None:
    backend = SilentKeyring()
    backend.items["altus4-desktop k1", "data-key"] = "value"
    items = KeyringItems(backend)
    found: list[str | None] = []
    person = threading.Thread(target=lambda: found.append(items.find("k1", None)))
    person.start()
    assert backend.asked.wait(5)
    backend.answer.set()
    person.join(5)
    assert found == ["value"]


class _Plaintext(MemoryKeyring):
    pass


_Plaintext.__module__, _Plaintext.__qualname__ = "keyrings.alt.file", "PlaintextKeyring"


class _Pretender(SecretService.Keyring):
    # Every subclass is a candidate of the keyring package from now on: never the one it chooses.
    priority = 0


@pytest.mark.parametrize(
    "backend",
    [
        build(null.Keyring),
        build(fail.Keyring),
        _Plaintext(),
        MemoryKeyring(),
        build(_Pretender),
        object(),
    ],
    ids=lambda it: type(it).__qualname__,
)
def test_what_is_not_on_the_list_is_refused(backend: object) -> None:
    with pytest.raises(VaultError) as caught:
        trusted_backend(backend)
    assert caught.value.code in {"vault.keyring_refused", "vault.keyring_missing"}


@pytest.mark.parametrize("backend", [build(SecretService.Keyring), build(kwallet.DBusKeyring)])
def test_the_desktops_keyrings_are_trusted(backend: object) -> None:
    assert trusted_backend(backend) is backend


def test_a_chain_is_resolved_to_its_first_trusted_member() -> None:
    class Chain:
        """Named as the real one, whose members are those of this computer."""

        backends: ClassVar[list[object]] = []

    Chain.__module__, Chain.__qualname__ = chainer.__name__, chainer.ChainerBackend.__qualname__
    real = build(SecretService.Keyring)
    Chain.backends = [_Plaintext(), real, build(kwallet.DBusKeyring)]
    assert trusted_backend(Chain()) is real
    Chain.backends = [_Plaintext(), build(null.Keyring)]
    with pytest.raises(VaultError) as caught:
        trusted_backend(Chain())
    assert caught.value.code == "vault.keyring_missing"


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ("keyring.backends.null.Keyring", "vault.keyring_refused"),
        ("keyring.backends.fail.Keyring", "vault.keyring_missing"),
        ("no.such.module.Keyring", "vault.keyring_failed"),
    ],
)
def test_the_environment_cannot_redirect_secrets(
    monkeypatch: pytest.MonkeyPatch, chosen: str, code: str
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", chosen)
    monkeypatch.setattr("keyring.core._keyring_backend", None)
    report = KeyringItems().probe()
    assert report.problem is not None
    assert report.problem.code == code
    if code != "vault.keyring_failed":
        with pytest.raises(VaultError):
            find_trusted_backend()
