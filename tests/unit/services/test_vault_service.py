"""The rules above the vault: what is set up without asking, and what never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from altus4_desktop.domain.errors import InputError, KeyMissingError, VaultError, VaultLockedError
from altus4_desktop.services.vault import Binding, VaultKind, VaultService
from altus4_desktop.vault import passphrase as passphrase_module
from altus4_desktop.vault.passphrase import Argon2Settings
from tests.keyring_memory import MemoryKeyring
from tests.unit.vault.backends import LockedKeyring, NoKeyring

PLACE = Binding("databases", "password_encrypted", "row", "user")
PHRASE = "correct horse battery"


class Records(list[str]):
    """What the store holds."""

    def __call__(self) -> list[str]:
        return list(self)


@pytest.fixture(autouse=True)
def _quick_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    new_wrapping_key = passphrase_module.new_wrapping_key
    monkeypatch.setattr(
        "altus4_desktop.vault.vault.new_wrapping_key",
        lambda secret, _: new_wrapping_key(secret, Argon2Settings(19456, 1, 1)),
    )


def service(data_dir: Path, backend: MemoryKeyring, records: Records | None = None) -> VaultService:
    made = VaultService(data_dir, backend)
    made.protect_records(records if records is not None else Records())
    return made


def no_prompt() -> str | None:
    raise AssertionError("nobody was to be asked")


def test_a_working_keyring_is_used_without_asking(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    vault = service(tmp_path, memory_keyring)
    vault.ensure_ready(no_prompt)
    vault.ensure_ready(no_prompt)
    assert vault.status().kind is VaultKind.KEYRING
    record = vault.seal("x", PLACE)
    again = service(tmp_path, memory_keyring, Records([record]))
    again.ensure_ready(no_prompt)
    assert again.open_(record, PLACE) == "x"


def test_without_a_keyring_the_passphrase_is_used(tmp_path: Path) -> None:
    vault = service(tmp_path, NoKeyring())
    vault.ensure_ready(lambda: PHRASE)
    assert vault.status().kind is VaultKind.PASSPHRASE
    record = vault.seal("x", PLACE)
    again = service(tmp_path, NoKeyring(), Records([record]))
    with pytest.raises(VaultLockedError):
        again.ensure_ready()
    with pytest.raises(VaultLockedError):
        again.ensure_ready(lambda: None)
    with pytest.raises(VaultError) as caught:
        again.ensure_ready(lambda: "another passphrase")
    assert caught.value.code == "vault.passphrase"
    again.ensure_ready(lambda: PHRASE)
    assert again.open_(record, PLACE) == "x"


def test_without_either_nothing_is_set_up_and_never_a_session(tmp_path: Path) -> None:
    vault = service(tmp_path, NoKeyring())
    for supplier in (None, lambda: None):
        with pytest.raises(VaultLockedError) as caught:
            vault.ensure_ready(supplier)
        assert caught.value.code == "vault.not_set_up"
        assert "ALTUS4_PASSPHRASE" in caught.value.hint
    assert vault.status().kind is VaultKind.NONE
    assert list(tmp_path.iterdir()) == []


def test_a_new_passphrase_is_asked_for_twice(tmp_path: Path) -> None:
    answers = iter([PHRASE, PHRASE + "typo"])
    vault = service(tmp_path, NoKeyring())
    with pytest.raises(VaultError) as caught:
        vault.ensure_ready(lambda: next(answers))
    assert caught.value.code == "vault.passphrase_differs"
    assert vault.status().kind is VaultKind.NONE


def test_a_weak_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        service(tmp_path, NoKeyring()).ensure_ready(lambda: "short")


def test_a_lost_file_and_a_lost_key_never_become_a_first_run(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    vault = service(tmp_path, memory_keyring)
    vault.ensure_ready()
    records = Records([vault.seal("x", PLACE)])
    (tmp_path / "vault.json").unlink()
    memory_keyring.items.clear()
    again = service(tmp_path, memory_keyring, records)
    with pytest.raises(KeyMissingError):
        again.ensure_ready(lambda: PHRASE)
    for set_up in (
        again.set_up_keyring,
        again.set_up_session,
        lambda: again.set_up_passphrase(PHRASE),
    ):
        with pytest.raises(KeyMissingError):
            set_up()
    assert memory_keyring.items == {}
    assert not (tmp_path / "vault.json").exists()


def test_a_key_that_another_program_made_meanwhile_is_taken_up(tmp_path: Path) -> None:
    first, second = (service(tmp_path, NoKeyring()) for _ in range(2))
    records: list[str] = []

    def answer_late() -> str:
        if not records:
            first.ensure_ready(lambda: PHRASE)
            records.append(first.seal("x", PLACE))
        return PHRASE

    second.ensure_ready(answer_late)
    assert second.open_(records[0], PLACE) == "x"


def test_a_lost_file_is_what_is_told_where_no_keyring_runs(tmp_path: Path) -> None:
    vault = service(tmp_path, NoKeyring())
    vault.ensure_ready(lambda: PHRASE)
    records = Records([vault.seal("x", PLACE)])
    (tmp_path / "vault.json").unlink()
    with pytest.raises(KeyMissingError) as caught:
        service(tmp_path, NoKeyring(), records).ensure_ready(lambda: PHRASE)
    assert "vault.json" in caught.value.hint
    assert "vault import-kit" in caught.value.hint


def test_a_lost_file_is_mended_when_the_keyring_has_the_key(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    vault = service(tmp_path, memory_keyring)
    vault.ensure_ready()
    record = vault.seal("x", PLACE)
    (tmp_path / "vault.json").unlink()
    again = service(tmp_path, memory_keyring, Records([record]))
    again.ensure_ready(no_prompt)
    assert again.open_(record, PLACE) == "x"
    assert (tmp_path / "vault.json").exists()


def test_a_lost_key_with_records_stays_lost_and_without_them_is_replaced(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    vault = service(tmp_path, memory_keyring)
    vault.ensure_ready()
    records = Records([vault.seal("x", PLACE)])
    memory_keyring.items.clear()
    again = service(tmp_path, memory_keyring, records)
    with pytest.raises(KeyMissingError):
        again.ensure_ready()
    assert memory_keyring.items == {}
    with pytest.raises(KeyMissingError):
        again.unlock()
    records.clear()
    again.unlock()
    assert again.status().unlocked
    assert len(memory_keyring.items) == 1
    memory_keyring.items.clear()
    service(tmp_path, memory_keyring, records).ensure_ready()
    assert len(memory_keyring.items) == 1


def test_a_keyring_locked_today_is_no_reason_for_a_new_key(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    service(tmp_path, memory_keyring).ensure_ready()
    before = (tmp_path / "vault.json").read_bytes()
    vault = service(tmp_path, LockedKeyring())
    with pytest.raises(VaultError) as caught:
        vault.ensure_ready(lambda: PHRASE)
    assert caught.value.code == "vault.keyring_locked"
    assert (tmp_path / "vault.json").read_bytes() == before


def test_records_of_a_session_do_not_bind_and_what_is_no_record_neither(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    demo = service(tmp_path, memory_keyring)
    demo.set_up_session()
    records = Records([demo.seal("x", PLACE), "", "00ff:aa:bb", "v1.k.x.y"])
    again = service(tmp_path, memory_keyring, records)
    assert not again.records_exist()
    again.ensure_ready()
    assert again.status().kind is VaultKind.KEYRING
    records.append(again.seal("y", PLACE))
    assert again.records_exist()


def test_locking_drops_a_key_that_can_come_back_and_no_other(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    vault = service(tmp_path / "a", memory_keyring)
    vault.ensure_ready()
    vault.lock()
    assert not vault.status().unlocked
    session = service(tmp_path / "b", memory_keyring)
    session.set_up_session()
    record = session.seal("x", PLACE)
    session.lock()
    assert session.open_(record, PLACE) == "x"


def test_a_damaged_file_is_told_and_kept(tmp_path: Path, memory_keyring: MemoryKeyring) -> None:
    (tmp_path / "vault.json").write_text("{}")
    vault = service(tmp_path, memory_keyring)
    with pytest.raises(VaultError) as caught:
        vault.ensure_ready(lambda: PHRASE)
    assert caught.value.code == "vault.file"
    assert (tmp_path / "vault.json").read_text() == "{}"
    assert memory_keyring.items == {}


def test_another_program_that_sets_up_first_wins(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    other = service(tmp_path, memory_keyring)

    class Slow(MemoryKeyring):
        """Another program sets the vault up while this one is writing its key."""

        def set_password(self, service_name: str, username: str, password: str) -> None:
            super().set_password(service_name, username, password)
            if not (tmp_path / "vault.json").exists():
                other.ensure_ready()

    slow = Slow()
    slow.items = memory_keyring.items
    late = service(tmp_path, slow)
    late.ensure_ready()
    assert late.status().key_id == other.status().key_id
    assert late.open_(other.seal("x", PLACE), PLACE) == "x"
