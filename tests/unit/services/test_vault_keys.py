"""Another key, another passphrase, and keys in recovery kits: nothing is lost, nothing blocks,
nothing stands anywhere in clear."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    AltusError,
    Cancelled,
    InputError,
    KeyMissingError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.progress import Progress
from altus4_desktop.services.connection_secrets import password_binding
from altus4_desktop.services.metadata import _binding
from altus4_desktop.storage.location import parse_store_url
from altus4_desktop.vault import VaultKind
from altus4_desktop.vault.changes import KeyChanges
from altus4_desktop.vault.passphrase import new_wrapping_key
from altus4_desktop.vault.records import key_id_of
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
from tests.vault_worker import Workstation

PHRASE = "correct horse battery"
KIT_PHRASE = "four unrelated kit words"


class Desk(Workstation):
    """A workstation over its embedded store with one admin."""

    def __init__(self, folder: Path, keyring: MemoryKeyring | None = None) -> None:
        super().__init__(folder, keyring=keyring if keyring is not None else MemoryKeyring())
        users = self.store.users.list_()
        self.admin: Actor = users[0].as_actor() if users else self.make_admin()

    def save_some(self, count: int = 5) -> None:
        for number in range(count):
            self.save(self.admin.user_id, number, ssh=number == 1)

    def restart(self) -> Desk:
        self.close()
        return Desk(self.folder, self.keyring)

    def told(self) -> list[str]:
        return [record.event.action for record in self.store.audit.list_(AuditQuery())]

    def sealing_keys(self) -> set[str]:
        return {key_id_of(record) for _, record in self.store.connections.sealed_records()}


@pytest.fixture
def desks() -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def build(folder: Path, keyring: MemoryKeyring | None = None) -> Desk:
        made.append(Desk(folder, keyring))
        return made[-1]

    yield build
    for desk in made:
        desk.close()


@pytest.fixture
def desk(desks: Callable[..., Desk], tmp_path: Path) -> Desk:
    """One with a key in its keyring and six secrets."""
    made = desks(tmp_path / "desk")
    made.vault.ensure_ready()
    made.save_some()
    return made


def with_passphrase(desks: Callable[..., Desk], folder: Path) -> Desk:
    made = desks(folder, NoKeyring())
    made.vault.set_up_passphrase(PHRASE)
    made.save_some()
    return made


# -- rotation ------------------------------------------------------------------------------------


def test_everything_is_sealed_again_and_the_old_key_is_gone(desk: Desk) -> None:
    desk.accounts.remember(desk.admin)
    before = desk.vault.status().key_id
    steps: list[Progress] = []
    report = desk.keys.rotate_(desk.admin, progress=steps.append)
    status = desk.vault.status()
    assert (report.resealed, report.finished) == (6, True), "five rows and the sign-in"
    assert (report.unreadable, report.unreachable) == ((), ())
    assert status.key_id != before
    assert status.older_key_ids == ()
    assert desk.sealing_keys() == {status.key_id}
    assert list(desk.keyring.items) == [(f"altus4-desktop {status.key_id}", "data-key")]
    assert steps[-1].fraction == 1.0
    assert desk.told()[:2] == ["vault.rotated", "vault.rotation_begun"]
    with closing(desk.restart()) as again:
        again.vault.ensure_ready()
        assert again.open_all() == 6
        assert again.accounts.resume() == again.admin


def test_what_teammates_have_sealed_is_left_alone(desk: Desk, desks: Callable[..., Desk]) -> None:
    mate = desks(desk.folder.parent / "mate")
    mate.vault.ensure_ready()
    mate.save(mate.admin.user_id, 7)
    theirs = mate.store.connections.list_(None)[0]
    theirs = desk.store.connections.create_(replace(theirs, user_id=desk.admin.user_id))
    report = desk.keys.rotate_(desk.admin)
    assert report.finished
    found = desk.store.connections.find_(theirs.id)
    assert found is not None
    assert found.password_sealed == theirs.password_sealed
    theirs = replace(found, user_id=mate.admin.user_id)
    assert mate.vault.open_(theirs.password_sealed, password_binding(theirs)) == "secret 7"


def test_the_passwords_of_the_local_server_come_along(desk: Desk) -> None:
    (desk.folder / "server").mkdir()
    accounts = desk.local_server._make_accounts()
    assert desk.keys.rotate_(desk.admin).resealed == 7
    assert desk.local_server._find_accounts() == accounts


def test_a_store_that_cannot_be_reached_keeps_the_old_key(desk: Desk) -> None:
    first = desk.vault.status().key_id
    desk.settings.metadata_url_override = f"sqlite:///{desk.folder}/metadata.sqlite3"
    desk.settings.metadata_url = "mysql://altus4@127.0.0.1:1/altus4"
    place = _binding(parse_store_url(desk.settings.metadata_url))
    desk.settings.metadata_password_sealed = desk.vault.seal("store password", place)
    desk.settings.save()
    report = desk.keys.rotate_(desk.admin)
    assert not report.finished
    assert [label for label, _ in report.unreachable] == ["altus4 · 127.0.0.1"]
    assert desk.vault.status().older_key_ids == (first,)
    sealed = desk.settings.metadata_password_sealed
    assert sealed is not None
    assert key_id_of(sealed) == desk.vault.status().key_id
    assert desk.vault.open_(sealed, place) == "store password"
    desk.settings.metadata_url = desk.settings.metadata_password_sealed = None
    desk.settings.save()
    assert desk.keys.rotate_(desk.admin).finished
    assert desk.vault.status().older_key_ids == ()
    assert len(desk.keyring.items) == 1


def test_what_cannot_be_opened_keeps_its_key_and_is_named(desk: Desk) -> None:
    first = desk.vault.status().key_id
    moved = desk.store.connections.list_(None)[0]
    desk.store.connections.update_(replace(moved, host="attacker.example"), None)
    report = desk.keys.rotate_(desk.admin)
    assert report.unreadable == (moved.name,)
    assert not report.finished
    desk.store.connections.update_(replace(moved, host=moved.host), None)
    with closing(desk.restart()) as again:
        again.vault.ensure_ready()
        assert again.open_all() == 6, "as soon as the host is the right one again"
        assert again.keys.rotate_(again.admin).finished
        assert first not in again.vault.status().lasting_key_ids


def test_cancelled_half_way_and_taken_up_again(desk: Desk) -> None:
    token = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.message.endswith("3 of 5"):
            token.cancel()

    with pytest.raises(Cancelled):
        desk.keys.rotate_(desk.admin, progress=stop, token=token)
    status = desk.vault.status()
    assert desk.sealing_keys() == {status.key_id, *status.older_key_ids}
    assert desk.open_all() == 6
    assert desk.told()[0] == "vault.rotation_stopped"
    with closing(desk.restart()) as again:
        again.vault.ensure_ready()
        assert again.open_all() == 6
        report = again.keys.rotate_(again.admin)
        assert (report.resealed, report.finished) == (2, True)
        assert again.vault.status().key_id == status.key_id, "finished, not begun anew"


def _locking(desk: Desk, row: int) -> Callable[[Progress], None]:
    """Locks the vault when that row is begun."""
    rows = count(1)

    def take(_: Progress) -> None:
        if next(rows) == row:
            desk.vault.lock()

    return take


def test_locked_at_any_row_and_taken_up_again(desks: Callable[..., Desk], tmp_path: Path) -> None:
    stopped = True
    row = 0
    while stopped:
        row += 1
        desk = with_passphrase(desks, tmp_path / str(row))
        try:
            desk.keys.rotate_(desk.admin, progress=_locking(desk, row))
            stopped = False
        except VaultLockedError:
            assert desk.told()[0] == "vault.rotation_stopped"
        assert desk.vault.status().unlocked is not stopped
        desk.vault.unlock(PHRASE)
        assert desk.open_all() == 6
        if stopped:
            assert desk.keys.rotate_(desk.admin).finished
        assert desk.sealing_keys() == {desk.vault.status().key_id}
    assert row > 5


def test_a_program_alongside_reads_on_and_seals_with_the_new_key(
    desk: Desk, desks: Callable[..., Desk]
) -> None:
    other = desks(desk.folder, desk.keyring)
    other.vault.ensure_ready()
    rounds = 0

    def read(_: Progress) -> None:
        nonlocal rounds
        rounds += other.open_all()

    assert desk.keys.rotate_(desk.admin, progress=read).finished
    assert rounds == 6 * 6
    assert other.open_all() == 6
    other.save(other.admin.user_id, 9)
    assert other.sealing_keys() == {desk.vault.status().key_id}
    assert other.vault.status().unlocked


def test_the_same_passphrase_opens_the_new_key_also_for_a_program_alongside(
    desks: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = with_passphrase(desks, tmp_path / "desk")
    other = desks(desk.folder, desk.keyring)
    other.vault.unlock(PHRASE)
    assert desk.keys.rotate_(desk.admin).finished
    assert other.open_all() == 6
    other.save(other.admin.user_id, 9)
    assert other.sealing_keys() == {desk.vault.status().key_id}
    with closing(desk.restart()) as again:
        again.vault.unlock(PHRASE)
        assert again.open_all() == 7


def test_with_a_new_passphrase_a_program_alongside_asks_for_it(
    desks: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = with_passphrase(desks, tmp_path / "desk")
    other = desks(desk.folder, desk.keyring)
    other.vault.unlock(PHRASE)
    desk.keys.rotate_(desk.admin, passphrase_secret="another phrase altogether")
    assert not other.vault.status().unlocked
    with pytest.raises(VaultLockedError):
        other.open_all()
    with pytest.raises(VaultLockedError):
        other.save(other.admin.user_id, 9)
    with pytest.raises(VaultError, match="does not open"):
        other.vault.unlock(PHRASE)
    other.vault.unlock("another phrase altogether")
    assert other.open_all() == 6


def test_from_the_passphrase_into_the_keyring_and_back(
    desks: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = desks(tmp_path / "desk")
    desk.vault.set_up_passphrase(PHRASE)
    desk.save_some()
    assert desk.keys.rotate_(desk.admin, kind=VaultKind.KEYRING).finished
    assert desk.vault.status().kind is VaultKind.KEYRING
    assert len(desk.keyring.items) == 1
    with pytest.raises(InputError) as caught:
        desk.keys.rotate_(desk.admin, kind=VaultKind.PASSPHRASE)
    assert caught.value.field == "passphrase"
    with pytest.raises(InputError):
        desk.keys.rotate_(desk.admin, kind=VaultKind.PASSPHRASE, passphrase_secret="short")
    desk.keys.rotate_(desk.admin, kind=VaultKind.PASSPHRASE, passphrase_secret=PHRASE)
    assert desk.vault.status().kind is VaultKind.PASSPHRASE
    assert desk.keyring.items == {}
    with closing(desk.restart()) as again:
        again.vault.unlock(PHRASE)
        assert again.open_all() == 6


def test_another_passphrase_for_the_same_key(desks: Callable[..., Desk], tmp_path: Path) -> None:
    desk = with_passphrase(desks, tmp_path / "desk")
    before = desk.vault.status().key_id
    with pytest.raises(VaultError, match="does not open"):
        desk.keys.change_passphrase_(desk.admin, "not the phrase", "a new long phrase")
    with pytest.raises(InputError):
        desk.keys.change_passphrase_(desk.admin, PHRASE, "short")
    desk.keys.change_passphrase_(desk.admin, PHRASE, "a new long phrase")
    assert desk.told()[0] == "vault.passphrase_changed"
    with closing(desk.restart()) as again:
        with pytest.raises(VaultError, match="does not open"):
            again.vault.unlock(PHRASE)
        again.vault.unlock("a new long phrase")
        assert again.vault.status().key_id == before
        assert again.open_all() == 6


def test_a_passphrase_changed_alongside_is_told_when_the_key_is_changed(
    desks: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = with_passphrase(desks, tmp_path / "one")
    alongside = desks(tmp_path / "one", NoKeyring())
    alongside.vault.unlock(PHRASE)
    alongside.keys.change_passphrase_(alongside.admin, PHRASE, PHRASE + " anew")
    with pytest.raises(InputError) as caught:
        desk.keys.rotate_(desk.admin)
    assert "Another program has changed the passphrase" in caught.value.hint
    desk.vault.lock()
    desk.vault.unlock(PHRASE + " anew")
    assert desk.keys.rotate_(desk.admin).finished


def test_a_passphrase_in_the_keyring_cannot_be_changed(desk: Desk) -> None:
    with pytest.raises(VaultError) as caught:
        desk.keys.change_passphrase_(desk.admin, PHRASE, "a new long phrase")
    assert caught.value.code == "vault.no_passphrase"


def test_a_key_that_ends_with_the_program_is_not_rotated(
    desks: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = desks(tmp_path / "desk", NoKeyring())
    desk.vault.set_up_session()
    for refused in (
        lambda: desk.keys.rotate_(desk.admin),
        lambda: desk.keys.export_kit_(desk.admin, tmp_path / "kit", KIT_PHRASE),
    ):
        with pytest.raises(VaultError) as caught:
            refused()
        assert caught.value.code == "vault.session_only"


def test_two_at_once_are_one_after_the_other(desk: Desk, desks: Callable[..., Desk]) -> None:
    other = desks(desk.folder, desk.keyring)
    other.vault.ensure_ready()
    codes: list[str] = []

    def meanwhile(_: Progress) -> None:
        with pytest.raises(VaultError) as caught:
            other.keys.rotate_(other.admin)
        codes.append(caught.value.code)

    desk.keys.rotate_(desk.admin, progress=meanwhile)
    assert set(codes) == {"vault.rotating"}
    assert other.keys.rotate_(other.admin).finished
    assert desk.open_all() == 6


def test_what_is_being_saved_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("altus4_desktop.vault.access._LOCK_WAIT_S", 0.05)
    before = desk.vault.status().key_id
    with desk.vault.sealing():
        with pytest.raises(VaultError) as caught:
            desk.keys.rotate_(desk.admin)
        assert caught.value.code == "vault.busy"
    assert desk.vault.status().key_id == before
    assert len(desk.keyring.items) == 1
    assert desk.keys.rotate_(desk.admin).finished


# -- keyrings that fail --------------------------------------------------------------------------

FAILING: dict[str, tuple[Callable[[], MemoryKeyring], str]] = {
    "none": (NoKeyring, "vault.keyring_missing"),
    "locked": (LockedKeyring, "vault.keyring_locked"),
    "dying": (DyingKeyring, "vault.keyring_failed"),
    "discarding": (DiscardingKeyring, "vault.keyring_forgets"),
    "truncating": (TruncatingKeyring, "vault.keyring_forgets"),
    "silent": (SilentKeyring, "vault.keyring_timeout"),
    "small": (SmallKeyring, "vault.keyring_failed"),
}


# Those that can be read as little as they can be written.
_UNREADABLE = ("none", "locked", "dying", "silent")


@pytest.fixture(params=FAILING)
def failing(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[MemoryKeyring, str]]:
    """A keyring that fails, and how that is told."""
    monkeypatch.setattr("altus4_desktop.services.vault_keys.PROBE_TIMEOUT_S", 0.2)
    monkeypatch.setattr("altus4_desktop.services.vault.PROBE_TIMEOUT_S", 0.2)
    monkeypatch.setattr("altus4_desktop.vault.access.PROBE_TIMEOUT_S", 0.2)
    monkeypatch.setattr("altus4_desktop.vault.changes.PROBE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(SmallKeyring, "limit", 40)
    build, code = FAILING[request.param]
    backend = build()
    yield backend, code
    if isinstance(backend, SilentKeyring):
        backend.answer.set()


def _exchange(desk: Desk, backend: MemoryKeyring) -> None:
    """From now on the desk's keyring is ``backend``, which holds what the one before did."""
    backend.items = desk.keyring.items
    desk.keyring = backend
    desk.vault._vault._items._given = backend


def _secrets_of(desk: Desk) -> list[str]:
    keys = [base64.b64encode(key).decode() for key in desk.vault._vault._access.known().values()]
    return [*keys, *(f"secret {number}" for number in range(5)), PHRASE, KIT_PHRASE]


def _assert_nothing_in_clear(folder: Path, secrets: list[str], *told: str) -> None:
    texts = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    for secret in secrets:
        for text in (*texts, *(line.encode() for line in told)):
            assert secret.encode() not in text


def test_a_keyring_that_fails_leaves_the_key_as_it_was(
    desk: Desk, failing: tuple[MemoryKeyring, str], caplog: pytest.LogCaptureFixture
) -> None:
    backend, code = failing
    before = (desk.folder / "vault.json").read_bytes()
    items = dict(desk.keyring.items)
    _exchange(desk, backend)
    with pytest.raises(VaultError) as caught:
        desk.keys.rotate_(desk.admin)
    assert caught.value.code == code
    assert caught.value.hint
    assert (desk.folder / "vault.json").read_bytes() == before
    assert items.items() <= backend.items.items()
    assert desk.open_all() == 6
    _assert_nothing_in_clear(
        desk.folder, _secrets_of(desk), str(caught.value), caught.value.hint, caplog.text
    )


def test_a_keyring_that_fails_keeps_the_passphrase(
    desks: Callable[..., Desk], tmp_path: Path, failing: tuple[MemoryKeyring, str]
) -> None:
    desk = with_passphrase(desks, tmp_path / "desk")
    backend, code = failing
    _exchange(desk, backend)
    with pytest.raises(VaultError) as caught:
        desk.keys.rotate_(desk.admin, kind=VaultKind.KEYRING)
    assert caught.value.code == code
    assert desk.vault.status().kind is VaultKind.PASSPHRASE
    assert desk.keys.rotate_(desk.admin).finished, "the passphrase needs no keyring"
    assert desk.open_all() == 6


def test_a_keyring_that_fails_at_the_end_leaves_the_rest_for_the_next_time(desk: Desk) -> None:
    class KeepsAll(MemoryKeyring):
        def delete_password(self, service: str, username: str) -> None:
            raise ConnectionResetError("bus gone")

    whole = desk.keyring
    _exchange(desk, KeepsAll())
    with pytest.raises(VaultError) as caught:
        desk.keys.rotate_(desk.admin)
    assert caught.value.code == "vault.keyring_failed"
    assert desk.open_all() == 6
    assert len(desk.vault.status().older_key_ids) == 1
    _exchange(desk, whole)
    report = desk.keys.rotate_(desk.admin)
    assert (report.resealed, report.finished) == (0, True)
    assert len(desk.keyring.items) == 1


@pytest.mark.parametrize("failing", _UNREADABLE, indirect=True)
def test_a_keyring_that_fails_is_told_to_a_program_alongside_and_nothing_is_lost(
    desk: Desk, desks: Callable[..., Desk], failing: tuple[MemoryKeyring, str]
) -> None:
    backend, code = failing
    other = desks(desk.folder, desk.keyring)
    other.vault.ensure_ready()
    desk.keys.rotate_(desk.admin)
    whole = desk.keyring
    _exchange(other, backend)
    for attempt in (other.open_all, lambda: other.save(other.admin.user_id, 9)):
        with pytest.raises(VaultError) as caught:
            attempt()
        assert caught.value.code == code
    if isinstance(backend, SilentKeyring):
        backend.answer.set()
    _exchange(other, whole)
    assert other.open_all() == 6


@pytest.mark.parametrize("failing", _UNREADABLE, indirect=True)
def test_a_keyring_that_fails_opens_nothing_and_loses_nothing(
    desk: Desk, failing: tuple[MemoryKeyring, str]
) -> None:
    backend, code = failing
    whole, before = desk.keyring, (desk.folder / "vault.json").read_bytes()
    desk.vault.lock()
    _exchange(desk, backend)
    for attempt in (desk.vault.unlock_own, desk.vault.ensure_ready):
        with pytest.raises(VaultError) as caught:
            attempt()
        assert caught.value.code == code
        assert not isinstance(caught.value, KeyMissingError)
    assert not desk.vault.status().unlocked
    assert desk.vault.status().problem is not None
    with pytest.raises(VaultLockedError):
        desk.save(desk.admin.user_id, 9)
    with pytest.raises(VaultLockedError):
        desk.keys.rotate_(desk.admin)
    assert (desk.folder / "vault.json").read_bytes() == before
    if isinstance(backend, SilentKeyring):
        backend.answer.set()
    _exchange(desk, whole)
    desk.vault.unlock()
    assert desk.open_all() == 6


def test_a_keyring_that_forgot_the_key_gets_no_other_one(desk: Desk) -> None:
    """As the null backend: it takes everything and has nothing."""
    desk.vault.lock()
    backend = DiscardingKeyring()
    desk.keyring = MemoryKeyring()
    _exchange(desk, backend)
    for attempt in (desk.vault.unlock, desk.vault.ensure_ready):
        with pytest.raises(KeyMissingError):
            attempt()
    assert backend.items == {}


@pytest.mark.parametrize("to", [None, VaultKind.KEYRING])
def test_a_keyring_that_writes_plain_text_is_given_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, to: VaultKind | None
) -> None:
    class PlaintextKeyring(MemoryKeyring):
        """One that the environment or a file of settings has put in the place of the real one."""

    plain = PlaintextKeyring()
    monkeypatch.setattr("keyring.get_keyring", lambda: plain)
    desk.vault._vault._items._given = None
    with pytest.raises(VaultError) as caught:
        desk.keys.rotate_(desk.admin, kind=to)
    assert caught.value.code == "vault.keyring_refused"
    assert "passphrase instead" in caught.value.hint
    desk.vault.lock()
    with pytest.raises(VaultError) as caught:
        desk.vault.unlock()
    assert caught.value.code == "vault.keyring_refused"
    assert plain.items == {}


# -- the file ------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_key_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = (desk.folder / "vault.json").read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr("altus4_desktop.vault.key_file.write_private", full)
        for change in (
            lambda: desk.keys.rotate_(desk.admin),
            lambda: desk.vault.changes.drop_keys([]),
        ):
            with pytest.raises(VaultError) as caught:
                change()
            assert caught.value.code == "vault.file"
            assert "No space left" in caught.value.message
    assert (desk.folder / "vault.json").read_bytes() == before
    assert len(desk.keyring.items) == 1
    assert desk.open_all() == 6
    assert desk.keys.rotate_(desk.admin).finished


def test_an_older_file_can_be_read(desk: Desk) -> None:
    kept = json.loads((desk.folder / "vault.json").read_text())
    assert kept.keys() == {"format", "kind", "key_id"}


def _broken_off(desk: Desk) -> None:
    token = CancelToken()
    with pytest.raises(Cancelled):
        desk.keys.rotate_(desk.admin, progress=lambda _: token.cancel(), token=token)


@pytest.mark.parametrize("part", ["key_id", "role", "sealed"])
def test_a_further_key_that_was_tampered_with_is_none(desk: Desk, part: str) -> None:
    _broken_off(desk)
    path = desk.folder / "vault.json"
    kept = json.loads(path.read_text())
    further = kept["further_keys"][0]
    first = further["key_id"]
    further["in_keyring"] = False
    if part == "role":
        further["role"] = "added"
    elif part == "key_id":
        further["key_id"] = "k" + "0" * 16
    else:
        sealed = bytearray(base64.urlsafe_b64decode(further["sealed"].split(".")[3] + "=="))
        sealed[0] ^= 1
        text = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
        further["sealed"] = ".".join([*further["sealed"].split(".")[:3], text])
    path.write_text(json.dumps(kept))
    with closing(desk.restart()) as again:
        again.vault.ensure_ready()
        known = again.vault._vault._access.known()
        assert set(known) == {again.vault.status().key_id}, "no key takes another's name"
        with pytest.raises(KeyMissingError):
            again.open_all()
        if part != "role":
            assert not again.keys.rotate_(again.admin).finished or part == "key_id"
        assert first in again.sealing_keys(), "the records stay as they were"


@pytest.mark.parametrize(
    "further",
    [
        "no list",
        ["no key"],
        [{"key_id": "k1", "role": "older", "sealed": "no record", "in_keyring": True}],
        [{"key_id": "k1", "role": "boss", "sealed": "v1.k.x.y", "in_keyring": True}],
        [{}],
    ],
)
def test_further_keys_nobody_can_read_are_a_damaged_file(desk: Desk, further: object) -> None:
    path = desk.folder / "vault.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "further_keys": further}))
    assert desk.vault.status().problem is not None
    for attempt in (lambda: desk.keys.rotate_(desk.admin), desk.vault.unlock):
        with pytest.raises(VaultError) as caught:
            attempt()
        assert caught.value.code == "vault.file"


def test_a_lost_file_is_mended_from_the_keyring_while_a_rotation_has_not_ended(desk: Desk) -> None:
    _broken_off(desk)
    (desk.folder / "vault.json").unlink()
    with closing(desk.restart()) as again:
        again.vault.ensure_ready()
        assert again.open_all() == 6
        again.keys.rotate_(again.admin)
        assert again.open_all() == 6
        assert len(again.keyring.items) == 1


# -- the recovery kit ----------------------------------------------------------------------------


def test_a_kit_opens_shared_rows_on_another_workstation(
    desk: Desk, desks: Callable[..., Desk], tmp_path: Path
) -> None:
    kit = tmp_path / "kit.json"
    keys = desk.keys.export_kit_(desk.admin, kit, KIT_PHRASE)
    assert keys == (desk.vault.status().key_id,)
    assert desk.told()[0] == "vault.kit_exported"
    if os.name == "posix":
        assert stat.S_IMODE(kit.stat().st_mode) == 0o600
    assert "recovery kit" in json.loads(kit.read_text())["what"]
    _assert_nothing_in_clear(tmp_path, _secrets_of(desk))

    mate = desks(tmp_path / "mate")
    mate.vault.ensure_ready()
    own = mate.vault.status().key_id
    shared = desk.store.connections.list_(None)[0]
    with pytest.raises(KeyMissingError):
        mate.vault.open_(shared.password_sealed, password_binding(shared))
    report = mate.keys.import_kit_(mate.admin, kit, KIT_PHRASE)
    assert (report.added, report.key_count, report.restored) == (keys, 1, False)
    assert mate.told()[0] == "vault.kit_imported"
    assert mate.vault.status().key_id == own, "the own key stays in use"
    mate.save(mate.admin.user_id, 9)
    assert mate.sealing_keys() == {own}
    assert mate.vault.open_(shared.password_sealed, password_binding(shared)) == "secret 0"
    assert mate.keys.rotate_(mate.admin).finished
    with closing(mate.restart()) as again:
        again.vault.ensure_ready()
        assert again.vault.open_(shared.password_sealed, password_binding(shared)) == "secret 0"
        assert again.keys.import_kit_(again.admin, kit, KIT_PHRASE).added == ()


def test_a_new_workstation_gets_a_key_of_its_own(
    desk: Desk, desks: Callable[..., Desk], tmp_path: Path
) -> None:
    kit = tmp_path / "kit.json"
    desk.keys.export_kit_(desk.admin, kit, KIT_PHRASE)
    for name, backend, phrase in (("a", MemoryKeyring(), None), ("b", NoKeyring(), PHRASE)):
        mate = desks(tmp_path / name, backend)
        mate.keys.import_kit_(mate.admin, kit, KIT_PHRASE, phrase)
        status = mate.vault.status()
        assert status.added_key_ids == (desk.vault.status().key_id,)
        assert status.key_id not in status.added_key_ids


def test_a_wiped_keyring_is_filled_from_the_kit(desk: Desk, tmp_path: Path) -> None:
    kit = tmp_path / "kit.json"
    _broken_off(desk)
    desk.keys.export_kit_(desk.admin, kit, KIT_PHRASE)
    desk.keyring.items.clear()
    with closing(desk.restart()) as again:
        with pytest.raises(KeyMissingError):
            again.vault.unlock()
        report = again.keys.import_kit_(again.admin, kit, KIT_PHRASE)
        assert (report.restored, report.key_count) == (True, 2)
        assert again.open_all() == 6
        assert again.keys.rotate_(again.admin).finished
        assert len(again.keyring.items) == 1


def test_a_lost_vault_file_is_made_again_from_the_kit(
    desks: Callable[..., Desk], tmp_path: Path
) -> None:
    kit = tmp_path / "kit.json"
    desk = with_passphrase(desks, tmp_path / "desk")
    desk.keys.export_kit_(desk.admin, kit, KIT_PHRASE)
    (desk.folder / "vault.json").unlink()
    with closing(desk.restart()) as again:
        assert again.keys.import_kit_(again.admin, kit, KIT_PHRASE, "a new long phrase").restored
        assert again.open_all() == 6
        with closing(again.restart()) as later:
            later.vault.unlock("a new long phrase")
            assert later.open_all() == 6


def test_a_forgotten_passphrase_is_replaced_with_the_kit(
    desks: Callable[..., Desk], tmp_path: Path
) -> None:
    kit = tmp_path / "kit.json"
    desk = with_passphrase(desks, tmp_path / "desk")
    desk.keys.export_kit_(desk.admin, kit, KIT_PHRASE)
    with closing(desk.restart()) as again:
        with pytest.raises(VaultLockedError):
            again.keys.import_kit_(again.admin, kit, KIT_PHRASE)
        with pytest.raises(InputError):
            again.keys.import_kit_(again.admin, kit, KIT_PHRASE, "short")
        assert again.keys.import_kit_(again.admin, kit, KIT_PHRASE, "a new long phrase").restored
        assert again.open_all() == 6


def _when_stretching(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Have ``do`` happen once, while a passphrase for a key is being stretched."""
    waiting = [do]

    def stretching(*arguments: Any) -> Any:
        while waiting:
            waiting.pop()()
        return new_wrapping_key(*arguments)

    monkeypatch.setattr("altus4_desktop.vault.changes.new_wrapping_key", stretching)


def test_nobody_rotates_while_a_kit_is_taken_up(
    desks: Callable[..., Desk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = tmp_path / "kit.json"
    desk = with_passphrase(desks, tmp_path / "desk")
    desk.keys.export_kit_(desk.admin, kit, KIT_PHRASE)
    forgetful = desks(desk.folder, desk.keyring)
    codes: list[str] = []

    def rotate() -> None:
        with pytest.raises(VaultError) as caught:
            desk.keys.rotate_(desk.admin)
        codes.append(caught.value.code)

    _when_stretching(monkeypatch, rotate)
    assert forgetful.keys.import_kit_(forgetful.admin, kit, KIT_PHRASE, "a third phrase").restored
    assert codes == ["vault.rotating"]
    with closing(forgetful.restart()) as again:
        again.vault.unlock("a third phrase")
        assert again.open_all() == 6


def test_a_kit_does_not_undo_what_another_program_has_just_written(
    desks: Callable[..., Desk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = tmp_path / "kit.json"
    desk = with_passphrase(desks, tmp_path / "desk")
    desk.keys.export_kit_(desk.admin, kit, KIT_PHRASE)
    forgetful = desks(desk.folder, desk.keyring)
    _when_stretching(
        monkeypatch, lambda: desk.keys.change_passphrase_(desk.admin, PHRASE, "another phrase")
    )
    with pytest.raises(VaultError) as caught:
        forgetful.keys.import_kit_(forgetful.admin, kit, KIT_PHRASE, "a third phrase")
    assert caught.value.code == "vault.changed"
    with closing(forgetful.restart()) as again:
        again.vault.unlock("another phrase")
        assert again.open_all() == 6


def test_a_kit_without_the_lost_key_replaces_nothing(
    desk: Desk, desks: Callable[..., Desk], tmp_path: Path
) -> None:
    kit = tmp_path / "kit.json"
    mate = desks(tmp_path / "mate")
    mate.vault.ensure_ready()
    mate.keys.export_kit_(mate.admin, kit, KIT_PHRASE)
    desk.keyring.items.clear()
    before = (desk.folder / "vault.json").read_bytes()
    with closing(desk.restart()) as again:
        with pytest.raises(KeyMissingError):
            again.keys.import_kit_(again.admin, kit, KIT_PHRASE)
        assert again.keyring.items == {}
        assert (again.folder / "vault.json").read_bytes() == before


def test_a_keyring_that_fails_takes_nothing_from_a_kit_and_the_passphrase_does(
    desk: Desk,
    desks: Callable[..., Desk],
    tmp_path: Path,
    failing: tuple[MemoryKeyring, str],
) -> None:
    kit = tmp_path / "kit.json"
    desk.keys.export_kit_(desk.admin, kit, KIT_PHRASE)
    backend, code = failing
    mate = desks(tmp_path / "mate", backend)
    with pytest.raises(VaultError) as caught:
        mate.keys.import_kit_(mate.admin, kit, KIT_PHRASE)
    assert caught.value.code == code
    assert not (mate.folder / "vault.json").exists()
    assert mate.vault.status().kind is VaultKind.NONE
    mate.keys.import_kit_(mate.admin, kit, KIT_PHRASE, PHRASE)
    shared = desk.store.connections.list_(None)[0]
    assert mate.vault.open_(shared.password_sealed, password_binding(shared)) == "secret 0"
    _assert_nothing_in_clear(tmp_path, _secrets_of(desk), str(caught.value))


def test_a_wrong_passphrase_and_a_changed_kit_are_refused(desk: Desk, tmp_path: Path) -> None:
    kit = tmp_path / "kit.json"
    desk.keys.export_kit_(desk.admin, kit, KIT_PHRASE)
    whole = json.loads(kit.read_text())
    codes = {}
    for name, value in {
        "made_at": "2020-01-01T00:00:00+00:00",
        "made_on": "eve@elsewhere",
        "key_id": "k" + "0" * 16,
        "key_ids": [],
        "note": "",
        "cipher": "none",
        "sealed": whole["sealed"][:-4] + "AAAA",
        "what": "something else",
        "format": 2,
        "passphrase": {**whole["passphrase"], "iterations": 10**9},
    }.items():
        kit.write_text(json.dumps({**whole, name: value}))
        with pytest.raises(VaultError) as caught:
            desk.keys.import_kit_(desk.admin, kit, KIT_PHRASE)
        codes[name] = caught.value.code
    no_kit = {"what", "format", "passphrase"}
    assert {name for name, code in codes.items() if code == "vault.kit"} == no_kit
    assert {code for name, code in codes.items() if name not in no_kit} == {"vault.kit_passphrase"}
    kit.write_text(json.dumps(whole))
    for wrong in ("", KIT_PHRASE + "!", "x" * 2000):
        with pytest.raises(VaultError) as caught:
            desk.keys.import_kit_(desk.admin, kit, wrong)
        assert caught.value.code == "vault.kit_passphrase"
    for content in (b"", b"[]", b"null", b"\xff", b"[" * 9999, b"x" * 300_000):
        kit.write_bytes(content)
        with pytest.raises(VaultError) as caught:
            desk.keys.import_kit_(desk.admin, kit, KIT_PHRASE)
        assert caught.value.code == "vault.kit"
    kit.unlink()
    with pytest.raises(AltusError) as missing:
        desk.keys.import_kit_(desk.admin, kit, KIT_PHRASE)
    assert missing.value.code == "vault.kit_file"


def test_a_kit_is_good_only_when_it_was_opened_again(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = tmp_path / "kit.json"
    with pytest.raises(InputError):
        desk.keys.export_kit_(desk.admin, kit, "short")
    with pytest.raises(AltusError):
        desk.keys.export_kit_(desk.admin, tmp_path / "nowhere" / "kit", KIT_PHRASE)
    desk.keys.export_kit_(desk.admin, kit, KIT_PHRASE)
    earlier, told = kit.read_bytes(), desk.told()
    # What is opened is what the file holds, whatever was meant to be written.
    monkeypatch.setattr(KeyChanges, "build_kit", lambda *_: b"what the disk has kept")
    for name in (kit, tmp_path / "another.json"):
        with pytest.raises(VaultError) as caught:
            desk.keys.export_kit_(desk.admin, name, KIT_PHRASE)
        assert caught.value.code == "vault.kit"
    assert kit.read_bytes() == earlier
    assert [file.name for file in tmp_path.glob("*.json*")] == ["kit.json"]
    assert desk.told() == told


def test_the_audit_log_names_the_keys_that_are_in_the_kit(
    desk: Desk, desks: Callable[..., Desk], tmp_path: Path
) -> None:
    kit = tmp_path / "kit.json"
    mate = desks(tmp_path / "mate")
    mate.vault.ensure_ready()
    mate.keys.export_kit_(mate.admin, kit, KIT_PHRASE)
    desk.keys.import_kit_(desk.admin, kit, KIT_PHRASE)
    path = desk.folder / "vault.json"
    whole = json.loads(path.read_text())
    whole["further_keys"][0]["sealed"] = whole["further_keys"][0]["sealed"][:-4] + "AAAA"
    path.write_text(json.dumps(whole))
    with closing(desk.restart()) as again:
        again.vault.unlock()
        keys = again.keys.export_kit_(again.admin, kit, KIT_PHRASE)
        assert keys == (again.vault.status().key_id,), "the other one does not open"
        event = again.store.audit.list_(AuditQuery())[0].event
        assert event.action == "vault.kit_exported"
        assert event.details["after"] == {"keys": [*keys]}
