"""The vault: where its key may live, when a new one may be made, what it never gives away."""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
import stat
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    Cancelled,
    InputError,
    KeyMissingError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.vault import Binding, Vault, VaultKind
from tests import quick
from tests.keyring_memory import MemoryKeyring
from tests.unit.vault.backends import (
    DiscardingKeyring,
    DyingKeyring,
    LockedKeyring,
    NoKeyring,
    SilentKeyring,
)

PLACE = Binding("databases", "password_encrypted", "row", "user", "host", 3306, "search")
PHRASE = "canary correct horse battery"


def open_vault(data_dir: Path, backend: MemoryKeyring | None = None) -> Vault:
    return Vault(data_dir, backend or NoKeyring(), quick.ARGON2)


def with_keyring(data_dir: Path, backend: MemoryKeyring) -> Vault:
    vault = open_vault(data_dir, backend)
    vault.set_up_keyring(records_exist=False)
    return vault


def with_passphrase(data_dir: Path) -> Vault:
    vault = open_vault(data_dir)
    vault.set_up_passphrase(PHRASE, records_exist=False)
    return vault


def test_nothing_is_set_up_at_first(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    status = vault.status()
    assert (status.kind, status.unlocked, status.problem) == (VaultKind.NONE, False, None)
    with pytest.raises(VaultLockedError) as caught:
        vault.seal("secret", PLACE)
    assert caught.value.code == "vault.not_set_up"
    with pytest.raises(VaultLockedError):
        vault.unlock()
    assert vault.status().problem is None
    assert list(tmp_path.iterdir()) == []


def test_a_key_in_the_keyring_opens_records_after_a_restart(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    vault = with_keyring(tmp_path, memory_keyring)
    record = vault.seal("tenant password", PLACE)
    assert list(memory_keyring.items) == [(f"altus4-desktop {vault.status().key_id}", "data-key")]
    assert [len(value) for value in memory_keyring.items.values()] == [44]

    again = open_vault(tmp_path, memory_keyring)
    assert again.status().kind is VaultKind.KEYRING
    assert not again.status().unlocked
    with pytest.raises(VaultLockedError):
        again.open_(record, PLACE)
    again.unlock()
    assert again.open_(record, PLACE) == "tenant password"


def test_a_passphrase_opens_records_after_a_restart(tmp_path: Path) -> None:
    record = with_passphrase(tmp_path).seal("tenant password", PLACE)
    again = open_vault(tmp_path)
    assert again.status().kind is VaultKind.PASSPHRASE
    with pytest.raises(VaultLockedError) as caught:
        again.unlock()
    assert caught.value.code == "vault.locked"
    again.unlock(PHRASE)
    assert again.open_(record, PLACE) == "tenant password"


def test_a_wrong_passphrase_has_its_own_code_and_changes_nothing(tmp_path: Path) -> None:
    with_passphrase(tmp_path)
    vault = open_vault(tmp_path)
    for wrong in ("", PHRASE + " ", PHRASE.upper(), "x" * 5000):
        with pytest.raises(VaultError) as caught:
            vault.unlock(wrong)
        assert caught.value.code == "vault.passphrase"
    assert not vault.status().unlocked
    assert vault.status().problem is not None
    vault.unlock(PHRASE)
    assert vault.status().problem is None


def test_a_wrong_passphrase_is_told_even_while_unlocked(tmp_path: Path) -> None:
    vault = with_passphrase(tmp_path)
    with pytest.raises(VaultError):
        vault.unlock("not the passphrase")


def test_the_same_passphrase_typed_on_another_system_opens(tmp_path: Path) -> None:
    open_vault(tmp_path).set_up_passphrase("pässwörter überall", records_exist=False)
    decomposed = "pa\u0308sswo\u0308rter u\u0308berall"
    open_vault(tmp_path).unlock(decomposed)


@pytest.mark.parametrize("passphrase", ["", "seven77", "x" * 1025])
def test_a_short_or_endless_passphrase_is_refused_and_nothing_is_written(
    tmp_path: Path, passphrase: str
) -> None:
    with pytest.raises(InputError) as caught:
        open_vault(tmp_path).set_up_passphrase(passphrase, records_exist=False)
    assert caught.value.field == "passphrase"
    assert list(tmp_path.iterdir()) == []


def test_a_session_key_lives_in_memory_only(tmp_path: Path, memory_keyring: MemoryKeyring) -> None:
    vault = open_vault(tmp_path, memory_keyring)
    vault.set_up_session(records_exist=False)
    record = vault.seal("tenant password", PLACE)
    assert vault.status().kind is VaultKind.SESSION
    assert vault.open_(record, PLACE) == "tenant password"
    assert list(tmp_path.iterdir()) == []
    assert memory_keyring.items == {}
    vault.unlock()
    with pytest.raises(VaultLockedError):
        open_vault(tmp_path).open_(record, PLACE)


def test_a_lasting_key_set_up_later_leaves_the_session_readable(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    vault.set_up_session(records_exist=False)
    early = vault.seal("early", PLACE)
    vault.set_up_passphrase(PHRASE, records_exist=False)
    late = vault.seal("late", PLACE)
    assert (vault.open_(early, PLACE), vault.open_(late, PLACE)) == ("early", "late")
    assert vault.status().kind is VaultKind.PASSPHRASE
    again = open_vault(tmp_path)
    again.unlock(PHRASE)
    assert again.open_(late, PLACE) == "late"
    with pytest.raises(KeyMissingError):
        again.open_(early, PLACE)


def test_lock_drops_every_key(tmp_path: Path, memory_keyring: MemoryKeyring) -> None:
    vault = with_keyring(tmp_path, memory_keyring)
    record = vault.seal("tenant password", PLACE)
    vault.lock()
    assert not vault.status().unlocked
    with pytest.raises(VaultLockedError):
        vault.open_(record, PLACE)
    with pytest.raises(VaultLockedError):
        vault.seal("x", PLACE)
    vault.unlock()
    assert vault.open_(record, PLACE) == "tenant password"


SET_UPS: dict[str, Callable[[Vault, bool], None]] = {
    "keyring": lambda vault, exist: vault.set_up_keyring(records_exist=exist),
    "passphrase": lambda vault, exist: vault.set_up_passphrase(PHRASE, records_exist=exist),
    "session": lambda vault, exist: vault.set_up_session(records_exist=exist),
}


@pytest.mark.parametrize("set_up", SET_UPS.values(), ids=SET_UPS)
def test_no_new_key_while_records_exist(
    tmp_path: Path, memory_keyring: MemoryKeyring, set_up: Callable[[Vault, bool], None]
) -> None:
    vault = open_vault(tmp_path, memory_keyring)
    with pytest.raises(KeyMissingError):
        set_up(vault, True)
    assert memory_keyring.items == {}
    assert list(tmp_path.iterdir()) == []
    assert not vault.status().unlocked


@pytest.mark.parametrize("set_up", SET_UPS.values(), ids=SET_UPS)
def test_no_second_key_beside_one_that_works(
    tmp_path: Path, memory_keyring: MemoryKeyring, set_up: Callable[[Vault, bool], None]
) -> None:
    vault = with_keyring(tmp_path, memory_keyring)
    before = (tmp_path / "vault.json").read_bytes()
    with pytest.raises(VaultError) as caught:
        set_up(vault, False)
    assert caught.value.code == "vault.exists"
    assert (tmp_path / "vault.json").read_bytes() == before
    assert len(memory_keyring.items) == 1


def test_two_programs_setting_up_at_once_end_with_one_key(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    vaults = [open_vault(tmp_path, memory_keyring) for _ in range(8)]
    start = threading.Barrier(8)
    outcomes: list[str] = []

    def set_up(vault: Vault) -> None:
        start.wait(10)
        try:
            vault.set_up_keyring(records_exist=False)
            outcomes.append("made")
        except VaultError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=set_up, args=(vault,)) for vault in vaults]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["made"] + ["vault.exists"] * 7
    assert len(memory_keyring.items) == 1, "the keys of those who were late are gone again"
    records = []
    for vault in vaults:
        vault.unlock()
        records.append(vault.seal("x", PLACE))
    assert [vaults[0].open_(record, PLACE) for record in records] == ["x"] * 8


def test_a_key_gone_from_the_keyring_is_missing_not_a_first_run(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    record = with_keyring(tmp_path, memory_keyring).seal("tenant password", PLACE)
    kept = dict(memory_keyring.items)
    memory_keyring.items.clear()
    vault = open_vault(tmp_path, memory_keyring)
    with pytest.raises(KeyMissingError):
        vault.unlock()
    assert isinstance(vault.status().problem, KeyMissingError)
    with pytest.raises(KeyMissingError):
        vault.set_up_keyring(records_exist=True)
    assert memory_keyring.items == {}

    memory_keyring.items.update(kept)
    vault.unlock()
    assert vault.open_(record, PLACE) == "tenant password"


@pytest.mark.parametrize(
    "item",
    [
        "",
        "not base64!",
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(bytes(33)).decode(),
        "x" * 10_000,
        "ключ",
    ],
    ids=["empty", "no-base64", "31-bytes", "another-key", "33-bytes", "10-kB", "cyrillic"],
)
def test_an_item_that_is_not_our_key_counts_as_missing(
    tmp_path: Path, memory_keyring: MemoryKeyring, item: str
) -> None:
    with_keyring(tmp_path, memory_keyring)
    for place in memory_keyring.items:
        memory_keyring.items[place] = item
    with pytest.raises(KeyMissingError):
        open_vault(tmp_path, memory_keyring).unlock()


def test_a_lost_key_may_be_replaced_when_nothing_was_sealed_with_it(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    with_keyring(tmp_path, memory_keyring)
    memory_keyring.items.clear()
    vault = open_vault(tmp_path, memory_keyring)
    vault.set_up_keyring(records_exist=False)
    assert vault.open_(vault.seal("x", PLACE), PLACE) == "x"


@pytest.mark.parametrize("kind", [VaultKind.KEYRING, VaultKind.PASSPHRASE])
def test_the_key_of_another_program_is_not_replaced(
    tmp_path: Path, memory_keyring: MemoryKeyring, kind: VaultKind
) -> None:
    first = (
        with_keyring(tmp_path, memory_keyring)
        if kind is VaultKind.KEYRING
        else with_passphrase(tmp_path)
    )
    record = first.seal("x", PLACE)
    late = open_vault(tmp_path, memory_keyring)
    with pytest.raises(VaultError) as caught:
        late.set_up_keyring(records_exist=False)
    assert caught.value.code == "vault.exists"
    with pytest.raises(VaultError) as caught:
        late.set_up_passphrase(PHRASE, records_exist=False)
    assert caught.value.code == "vault.exists"
    late.unlock(PHRASE)
    assert late.open_(record, PLACE) == "x"


def test_a_record_of_another_key_says_so(tmp_path: Path) -> None:
    record = with_passphrase(tmp_path / "one").seal("x", PLACE)
    vault = with_passphrase(tmp_path / "two")
    with pytest.raises(KeyMissingError) as caught:
        vault.open_(record, PLACE)
    assert caught.value.hint


def test_a_lost_file_is_mended_from_the_keyring(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    vault = with_keyring(tmp_path, memory_keyring)
    record, key_id = vault.seal("x", PLACE), vault.status().key_id
    (tmp_path / "vault.json").unlink()
    again = open_vault(tmp_path, memory_keyring)
    assert not again.find_in_keyring(["k" + "0" * 16])
    assert again.status().kind is VaultKind.NONE
    assert again.find_in_keyring(["k" + "0" * 16, key_id])
    assert again.open_(record, PLACE) == "x"
    assert again.status().kind is VaultKind.KEYRING


@pytest.mark.parametrize(
    ("backend", "code"),
    [
        (NoKeyring(), "vault.keyring_missing"),
        (LockedKeyring(), "vault.keyring_locked"),
        (DyingKeyring(), "vault.keyring_failed"),
        (DiscardingKeyring(), "vault.keyring_forgets"),
    ],
    ids=["none", "locked", "dying", "discarding"],
)
def test_a_keyring_that_does_not_work_sets_nothing_up(
    tmp_path: Path, backend: MemoryKeyring, code: str
) -> None:
    vault = open_vault(tmp_path, backend)
    with pytest.raises(VaultError) as caught:
        vault.set_up_keyring(records_exist=False)
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []
    assert vault.status().kind is VaultKind.NONE
    vault.set_up_passphrase(PHRASE, records_exist=False)
    assert vault.open_(vault.seal("x", PLACE), PLACE) == "x"


def test_a_locked_keyring_is_not_a_missing_key(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    with_keyring(tmp_path, memory_keyring)
    locked = LockedKeyring()
    locked.items = memory_keyring.items
    vault = open_vault(tmp_path, locked)
    with pytest.raises(VaultError) as caught:
        vault.unlock()
    assert caught.value.code == "vault.keyring_locked"
    assert not isinstance(caught.value, KeyMissingError)
    locked.locked = False
    vault.unlock()
    assert vault.status().unlocked


def test_unlocking_behind_a_prompt_can_be_cancelled_and_tried_again(tmp_path: Path) -> None:
    backend = SilentKeyring()
    backend.answer.set()
    with_keyring(tmp_path, backend)
    backend.answer.clear()
    backend.asked.clear()
    vault = open_vault(tmp_path, backend)
    with pytest.raises(VaultError) as caught:
        vault.unlock(timeout_s=0.1)
    assert caught.value.code == "vault.keyring_timeout"
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        vault.unlock(timeout_s=None, token=token)
    backend.answer.set()
    vault.unlock()
    assert vault.status().unlocked


def test_a_file_that_cannot_be_written_leaves_no_item(
    tmp_path: Path, memory_keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("altus4_desktop.vault.key_file.write_private", full)
    vault = open_vault(tmp_path, memory_keyring)
    with pytest.raises(VaultError) as caught:
        vault.set_up_keyring(records_exist=False)
    assert caught.value.code == "vault.file"
    assert "No space left" in caught.value.message
    assert memory_keyring.items == {}
    assert not vault.status().unlocked


def test_a_folder_that_cannot_be_reached_is_told(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    vault = open_vault(tmp_path / "data", memory_keyring)
    with pytest.raises(VaultError) as caught:
        vault.set_up_keyring(records_exist=False)
    assert caught.value.code == "vault.file"
    assert memory_keyring.items == {}


def test_a_session_is_not_begun_beside_a_lasting_key(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    with_keyring(tmp_path, memory_keyring)
    locked = open_vault(tmp_path, memory_keyring)
    with pytest.raises(VaultError) as caught:
        locked.set_up_session(records_exist=False)
    assert caught.value.code == "vault.exists"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 5000,
        b'{"format": 2, "kind": "keyring", "key_id": "k0123456789abcdef"}',
        b'{"format": 1, "kind": "session", "key_id": "s0123456789abcdef"}',
        b'{"format": 1, "kind": "keyring"}',
        b'{"format": 1, "kind": "plaintext", "key_id": "k0123456789abcdef"}',
        b'{"format": 1, "kind": ["keyring"], "key_id": "k0123456789abcdef"}',
        b'{"format": 1, "kind": "passphrase", "key_id": "k0123456789abcdef"}',
        b'{"format": 1, "kind": "passphrase", "key_id": "k0123456789abcdef", "passphrase": {}}',
    ],
)
def test_a_damaged_file_is_a_problem_and_never_a_first_run(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vault.json").write_bytes(content)
    vault = open_vault(tmp_path, MemoryKeyring())
    assert vault.status().problem is not None
    assert vault.status().problem.code == "vault.file"  # type: ignore[union-attr]  # seen above
    for set_up in SET_UPS.values():
        with pytest.raises(VaultError) as caught:
            set_up(vault, False)
        assert caught.value.code == "vault.file"
    with pytest.raises(VaultError):
        vault.unlock(PHRASE)
    assert (tmp_path / "vault.json").read_bytes() == content


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory_kib", 64 * 1024 * 1024),
        ("memory_kib", 8),
        ("memory_kib", True),
        ("memory_kib", "65536"),
        ("iterations", 0),
        ("iterations", 1_000_000),
        ("lanes", 1000),
        ("lanes", True),
        ("kdf", "md5"),
        ("salt", "AAAA"),
        ("salt", "!"),
        ("salt", None),
        ("wrapped", 7),
    ],
)
def test_a_file_cannot_weaken_or_blow_up_the_derivation(
    tmp_path: Path, name: str, value: object
) -> None:
    with_passphrase(tmp_path)
    path = tmp_path / "vault.json"
    kept = json.loads(path.read_text())
    kept["passphrase"][name] = value
    path.write_text(json.dumps(kept))
    with pytest.raises(VaultError) as caught:
        open_vault(tmp_path).unlock(PHRASE)
    assert caught.value.code == "vault.file"


def test_an_edited_wrapped_key_does_not_unlock(tmp_path: Path) -> None:
    with_passphrase(tmp_path / "a")
    with_passphrase(tmp_path / "b")
    mine, other = (json.loads((tmp_path / name / "vault.json").read_text()) for name in "ab")
    mine["passphrase"] = other["passphrase"]
    (tmp_path / "a" / "vault.json").write_text(json.dumps(mine))
    with pytest.raises(VaultError):
        open_vault(tmp_path / "a").unlock(PHRASE)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_folder_and_the_file_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with_passphrase(tmp_path / "deep" / "data")
    finally:
        os.umask(before)
    folder = tmp_path / "deep" / "data"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()] == [0o600]


@pytest.mark.skipif(os.name != "posix", reason="symbolic links need rights elsewhere")
def test_a_planted_link_is_neither_read_nor_followed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    with_passphrase(tmp_path / "other")
    target = tmp_path / "other" / "vault.json"
    before = target.read_bytes()
    (data / "vault.json").symlink_to(target)
    vault = open_vault(data)
    assert vault.status().problem is not None
    with pytest.raises(VaultError):
        vault.unlock(PHRASE)
    with pytest.raises(VaultError):
        vault.set_up_passphrase("another passphrase", records_exist=False)
    assert target.read_bytes() == before


def test_the_secrets_appear_in_no_text(
    tmp_path: Path, memory_keyring: MemoryKeyring, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    password = "canary-tenant-password"
    vault = with_keyring(tmp_path / "k", memory_keyring)
    record = vault.seal(password, PLACE)
    key_item = next(iter(memory_keyring.items.values()))
    told = [repr(vault), repr(vault.status()), record, repr(vault.__dict__["_items"])]
    fallback = with_passphrase(tmp_path / "p")
    told.append(fallback.seal(password, PLACE))
    for wrong in ("canary-wrong-passphrase", PHRASE + "!"):
        with pytest.raises(VaultError) as caught:
            fallback.unlock(wrong)
        told += traceback.format_exception(caught.value)
        told += [repr(caught.value), repr(caught.value.details), caught.value.hint]
    with pytest.raises(VaultError) as caught:
        vault.open_(record[:-4] + "AAAA", PLACE)
    told += traceback.format_exception(caught.value)
    files = [file.read_text() for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 2
    for text in [*told, *files, caplog.text]:
        assert "canary" not in text
        assert key_item not in text


def test_many_threads_seal_and_open_while_the_vault_locks(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    vault = with_keyring(tmp_path, memory_keyring)
    stop = threading.Event()
    wrong: list[BaseException | str] = []
    done = [0] * 4

    def work(number: int) -> None:
        while not stop.is_set():
            try:
                if vault.open_(vault.seal(str(number), PLACE), PLACE) != str(number):
                    wrong.append("another secret came back")
                done[number] += 1
            except VaultLockedError:
                continue
            except BaseException as error:
                wrong.append(error)
                raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        vault.lock()
        vault.unlock()
    stop.set()
    for thread in threads:
        thread.join(10)
    assert wrong == []
    assert sum(done) > 0


_KILLED_CHILD = """
import os, signal, sys
from pathlib import Path
data_dir, fatal = Path(sys.argv[1]), int(sys.argv[2])
from altus4_desktop.vault import Vault
from altus4_desktop.vault.passphrase import Argon2Settings
import cryptography.hazmat.primitives.kdf.argon2, cryptography.hazmat.primitives.ciphers.aead
steps = 0
def deadly(function):
    def step(*args, **kwargs):
        global steps
        steps += 1
        if steps == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return step
for name in ("open", "fdopen", "fsync", "link", "unlink", "mkdir", "close"):
    setattr(os, name, deadly(getattr(os, name)))
vault = Vault(data_dir, argon2=Argon2Settings(19 * 1024, 1, 1))
vault.set_up_passphrase("correct horse", records_exist=False)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_killed_at_any_step_of_setting_up_the_next_start_works(tmp_path: Path) -> None:
    outcomes = []
    for fatal in range(1, 40):
        data_dir = tmp_path / str(fatal)
        ended = subprocess.run(  # our own interpreter and text
            [sys.executable, "-c", _KILLED_CHILD, str(data_dir), str(fatal)],
            check=False,
            timeout=30,
        )
        vault = open_vault(data_dir)
        if vault.status().kind is VaultKind.NONE:
            vault.set_up_passphrase("correct horse", records_exist=False)
        else:
            vault.unlock("correct horse")
        assert vault.open_(vault.seal("x", PLACE), PLACE) == "x"
        outcomes.append(ended.returncode)
        if ended.returncode == 0:
            break
    assert outcomes[-1] == 0, "the last run was not killed: every step was tried"
    assert set(outcomes[:-1]) == {-signal.SIGKILL}
    assert len(outcomes) > 5


def test_importing_the_vault_loads_no_library() -> None:
    program = (
        "import sys, altus4_desktop.vault, altus4_desktop.services.accounts, "
        "altus4_desktop.services.vault\n"
        "print([name for name in ('keyring', 'cryptography', 'bcrypt', 'sqlalchemy') "
        "if name in sys.modules])"
    )
    said = subprocess.run(  # our own interpreter and text
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=30
    )
    assert said.stdout.strip() == "[]"
