"""Accounts over the embedded store: first run, signing in, staying, looking after users."""

from __future__ import annotations

import json
import os
import stat
import statistics
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altus4_desktop.domain.accounts import Actor, Role, UserDraft
from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.domain.errors import (
    AccessError,
    AltusError,
    ConflictError,
    InputError,
    NotFoundError,
    StoreError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.services.account_drafts import normalise_email
from altus4_desktop.services.accounts import AccountsService
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.vault import VaultService
from altus4_desktop.storage.location import parse_store_url
from altus4_desktop.storage.store import Store, open_store
from tests import quick
from tests.keyring_memory import MemoryKeyring
from tests.unit.vault.backends import NoKeyring

PASSWORD = "canary-correct-horse"
OTHER = "canary-another-horse"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock the test turns."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class OpenMetadata:
    """What the accounts need of the metadata service."""

    store: Store


@dataclass
class House:
    """One data folder with its store, as often opened as a test likes."""

    folder: Path
    keyring: MemoryKeyring
    store: Store
    clock: Clock = field(default_factory=Clock)

    def vault(self) -> VaultService:
        vault = VaultService(self.folder, self.keyring)
        vault.protect_records(list)
        return vault

    def accounts(
        self, vault: VaultService | None = None, cost: int = quick.BCRYPT_COST
    ) -> AccountsService:
        """The service as a newly started program has it, its vault unlocked."""
        if vault is None:
            vault = self.vault()
            vault.ensure_ready()
        metadata = cast("MetadataService", OpenMetadata(self.store))
        return AccountsService(
            metadata, vault, Permissions(metadata), self.folder, self.clock, bcrypt_cost=cost
        )


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty store, migrated once for all tests here."""
    file = tmp_path_factory.mktemp("store") / "metadata.sqlite3"
    store = open_store(parse_store_url(f"sqlite:///{file}"))
    store.migrator.upgrade()
    store.close()
    return file.read_bytes()


@pytest.fixture
def house(tmp_path: Path, memory_keyring: MemoryKeyring, migrated: bytes) -> Iterator[House]:
    file = tmp_path / "metadata.sqlite3"
    file.write_bytes(migrated)
    store = open_store(parse_store_url(f"sqlite:///{file}"))
    yield House(tmp_path, memory_keyring, store)
    store.close()


@pytest.fixture
def accounts(house: House) -> AccountsService:
    return house.accounts()


@pytest.fixture
def admin(accounts: AccountsService) -> Actor:
    return accounts.create_first_admin("Ada", "ada@example.org", PASSWORD)


def code_of(error: pytest.ExceptionInfo[AltusError]) -> str:
    return error.value.code


def test_the_first_account_is_an_admin_and_needs_nobody(accounts: AccountsService) -> None:
    assert accounts.needs_setup()
    actor = accounts.create_first_admin("  Ada   Lovelace ", " Ada@Example.ORG ", PASSWORD)
    assert (actor.name, actor.email, actor.role) == ("Ada Lovelace", "ada@example.org", Role.ADMIN)
    assert not accounts.needs_setup()
    assert accounts.sign_in("ada@example.org", PASSWORD) == actor
    with pytest.raises(AccessError) as caught:
        accounts.create_first_admin("Eve", "eve@example.org", PASSWORD)
    assert code_of(caught) == "access.setup_done"


def test_somebody_who_was_quicker_is_respected_by_the_store_itself(
    house: House, accounts: AccountsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.accounts().create_first_admin("Ada", "ada@example.org", PASSWORD)
    monkeypatch.setattr(accounts, "needs_setup", lambda: True)
    with pytest.raises(AccessError) as caught:
        accounts.create_first_admin("Eve", "eve@example.org", PASSWORD)
    assert code_of(caught) == "access.setup_done"
    assert [user.email for user in house.store.users.list_()] == ["ada@example.org"]


@pytest.mark.parametrize(
    ("name", "email", "password", "timezone", "wrong"),
    [
        ("", "ada@example.org", PASSWORD, "UTC", "name"),
        ("  \t ", "ada@example.org", PASSWORD, "UTC", "name"),
        ("x" * 256, "ada@example.org", PASSWORD, "UTC", "name"),
        ("Ada\x1b[31m", "ada@example.org", PASSWORD, "UTC", "name"),
        ("Ada", "", PASSWORD, "UTC", "email"),
        ("Ada", "ada", PASSWORD, "UTC", "email"),
        ("Ada", "ada@example.org", "seven77", "UTC", "password"),
        ("Ada", "ada@example.org", "x" * 73, "UTC", "password"),
        ("Ada", "ada@example.org", "🔑" * 19, "UTC", "password"),
        ("Ada", "ada@example.org", PASSWORD, "Mars; DROP", "timezone"),
    ],
)
def test_each_mistake_belongs_to_its_field(
    accounts: AccountsService, name: str, email: str, password: str, timezone: str, wrong: str
) -> None:
    with pytest.raises(InputError) as caught:
        accounts.create_first_admin(name, email, password, timezone)
    assert caught.value.field == wrong
    assert caught.value.message.endswith(".")
    assert accounts.needs_setup()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ada@Example.ORG\n", "ada@example.org"),
        ("o'hara+x_1@sub.example.co", "o'hara+x_1@sub.example.co"),
        ("admin@localhost", "admin@localhost"),
        ("jürgen@müller.example", "jürgen@müller.example"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
    ],
)
def test_addresses_are_kept_trimmed_and_in_lower_case(typed: str, kept: str) -> None:
    assert normalise_email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "@", "a@", "@b", "a b@c.de", "a@b c", "a@@b", "a@b@c", "a@-b.de", "a@b-.de"),
        *("a@b..de", "a@.de", "a@de.", ".a@b.de", "a.@b.de", "a..b@c.de", "a@b,de", "<a@b.de>"),
        *("a\0b@c.de", "a\u200b@b.de", "a@[1.2.3.4", "a" * 65 + "@example.org"),
        "a@" + "b." * 130 + "de",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(InputError) as caught:
        normalise_email(typed)
    assert caught.value.field == "email"


@given(st.text(max_size=60) | st.emails())
@settings(deadline=None)
def test_any_text_is_an_address_in_its_kept_form_or_refused(typed: str) -> None:
    try:
        kept = normalise_email(typed)
    except InputError:
        return
    assert normalise_email(kept) == kept
    assert kept.isprintable()
    assert kept.count("@") == 1


def test_the_demo_is_admin_only_while_it_is_alone(accounts: AccountsService, house: House) -> None:
    demo = accounts.open_demo_account()
    assert demo.is_demo
    assert demo.role is Role.ADMIN
    assert accounts.open_demo_account() == demo, "the second opening finds the first's account"
    assert accounts.needs_setup()

    ada = accounts.create_first_admin("Ada", "ada@example.org", PASSWORD)
    demo_user = house.store.users.find_(demo.user_id)
    assert demo_user is not None
    assert demo_user.role is Role.USER
    assert accounts.open_demo_account().role is Role.USER
    accounts.delete_user(ada, demo.user_id)
    assert accounts.open_demo_account().role is Role.USER


def test_the_demo_looks_after_nobody(accounts: AccountsService) -> None:
    demo = accounts.open_demo_account()
    for attempt in (
        lambda: accounts.list_users(demo),
        lambda: accounts.create_user(demo, "Eve", "eve@example.org", PASSWORD, Role.ADMIN),
        lambda: accounts.set_role(demo, demo.user_id, Role.USER),
        lambda: accounts.reset_password(demo, demo.user_id, PASSWORD),
        lambda: accounts.delete_user(demo, demo.user_id),
    ):
        with pytest.raises(AccessError) as caught:
            attempt()
        assert code_of(caught) == "access.demo"


def test_the_same_answer_for_a_wrong_password_and_for_an_unknown_address(
    accounts: AccountsService, admin: Actor
) -> None:
    said = []
    for email, password in [
        ("ada@example.org", OTHER),
        ("nobody@example.org", PASSWORD),
        ("ada@example.org", ""),
        ("ada@example.org", "x" * 1000),
        ("not an address", PASSWORD),
        ("", ""),
    ]:
        with pytest.raises(AccessError) as caught:
            accounts.sign_in(email, password)
        said.append((code_of(caught), caught.value.message, caught.value.hint))
    assert set(said) == {("access.credentials", said[0][1], said[0][2])}


@pytest.mark.usefixtures("admin")
def test_signing_in_takes_as_long_for_unknown_addresses(house: House) -> None:
    # Cost 9 makes hashing outweigh the store by far and keeps the test short.
    accounts = house.accounts(cost=9)
    accounts.sign_in("ada@example.org", PASSWORD)

    def measure(email: str) -> float:
        house.store.sign_ins.clear(email)
        # Processor time: others on the machine make one of a pair wait and not the other.
        started = time.thread_time()
        with pytest.raises(AccessError):
            accounts.sign_in(email, OTHER)
        return time.thread_time() - started

    measure("nobody@example.org")
    pairs = [(measure("ada@example.org"), measure("nobody@example.org")) for _ in range(15)]
    known, unknown = (statistics.median(times) for times in zip(*pairs, strict=True))
    assert 0.7 < known / unknown < 1.4, f"known {known:.4f} s, unknown {unknown:.4f} s"


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_after_five_failures_comes_a_growing_wait(
    accounts: AccountsService, house: House, admin: Actor, email: str
) -> None:
    waits = []
    for attempt in range(12):
        if attempt >= 5:
            with pytest.raises(AccessError) as caught:
                accounts.sign_in(email, PASSWORD)
            assert code_of(caught) == "access.backoff"
            wait_s = int(caught.value.details["wait_s"])
            waits.append(wait_s)
            assert str(wait_s) in caught.value.message
            house.clock.turn(wait_s)
        with pytest.raises(AccessError) as caught:
            accounts.sign_in(email, OTHER)
        assert code_of(caught) == "access.credentials"
    assert [round(wait, -1) for wait in waits] == [30, 60, 120, 240, 480, 900, 900]


def test_the_wait_survives_a_restart_and_ends_by_itself(
    accounts: AccountsService, house: House, admin: Actor
) -> None:
    for _ in range(5):
        with pytest.raises(AccessError):
            accounts.sign_in(admin.email, OTHER)
    again = house.accounts()
    house.clock.turn(29)
    with pytest.raises(AccessError) as caught:
        again.sign_in(" ADA@example.org", PASSWORD)
    assert code_of(caught) == "access.backoff"
    house.clock.turn(2)
    assert again.sign_in(admin.email, PASSWORD) == admin
    for _ in range(5):
        with pytest.raises(AccessError) as caught:
            again.sign_in(admin.email, OTHER)
        assert code_of(caught) == "access.credentials", "a success starts the count anew"


@pytest.mark.parametrize("back", [1, 3600, 10 * 365 * 86400])
def test_a_clock_set_back_neither_unlocks_nor_locks_for_ever(
    accounts: AccountsService, house: House, admin: Actor, back: float
) -> None:
    for _ in range(5):
        with pytest.raises(AccessError):
            accounts.sign_in(admin.email, OTHER)
    house.clock.turn(-back)
    for _ in range(3):
        with pytest.raises(AccessError) as caught:
            accounts.sign_in(admin.email, PASSWORD)
        assert code_of(caught) == "access.backoff"
    house.clock.turn(15 * 60 + 1)
    assert accounts.sign_in(admin.email, PASSWORD) == admin


def test_the_store_does_not_learn_whose_address_failed(
    accounts: AccountsService, house: House
) -> None:
    with pytest.raises(AccessError):
        accounts.sign_in("canary-nobody@example.org", OTHER)
    house.store.close()
    assert b"canary" not in (house.folder / "metadata.sqlite3").read_bytes()


def test_a_hash_of_lower_cost_is_replaced_at_sign_in(house: House, admin: Actor) -> None:
    before = house.store.users.find_password_hash(admin.user_id)
    assert before is not None
    assert before.startswith("$2b$04$")
    house.accounts(cost=5).sign_in(admin.email, PASSWORD)
    after = house.store.users.find_password_hash(admin.user_id)
    assert after is not None
    assert after.startswith("$2b$05$")
    house.accounts(cost=4).sign_in(admin.email, PASSWORD)
    assert house.store.users.find_password_hash(admin.user_id) == after, "never to a lower cost"


@pytest.mark.parametrize("kept", ["", "!", "$2b$04$broken", "plain text"])
def test_a_malformed_hash_lets_nobody_in(
    accounts: AccountsService, house: House, admin: Actor, kept: str
) -> None:
    house.store.users.update_password_hash(admin.user_id, kept)
    for password in (PASSWORD, kept, ""):
        with pytest.raises(AccessError) as caught:
            accounts.sign_in(admin.email, password)
        assert code_of(caught) == "access.credentials"


def test_the_lock_screen_knows_the_password_and_counts_failures(
    accounts: AccountsService, admin: Actor
) -> None:
    assert accounts.unlock(admin, PASSWORD) == admin
    for _ in range(5):
        assert accounts.unlock(admin, OTHER) is None
    with pytest.raises(AccessError) as caught:
        accounts.unlock(admin, PASSWORD)
    assert code_of(caught) == "access.backoff"


def test_nobody_is_remembered_at_first_and_the_vault_is_not_asked(house: House) -> None:
    assert house.accounts(house.vault()).resume() is None


def test_a_remembered_sign_in_survives_a_restart(
    accounts: AccountsService, house: House, admin: Actor
) -> None:
    accounts.remember(admin)
    file = house.folder / "session.json"
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert house.accounts().resume() == admin
    accounts.forget()
    assert house.accounts().resume() is None
    accounts.forget()


def test_a_locked_vault_cannot_tell_and_forgets_nothing(
    accounts: AccountsService, house: House, admin: Actor
) -> None:
    accounts.remember(admin)
    locked = house.accounts(house.vault())
    with pytest.raises(VaultLockedError):
        locked.resume()
    assert house.accounts().resume() == admin


def test_the_resumed_actor_is_the_one_the_store_knows_now(
    accounts: AccountsService, house: House, admin: Actor
) -> None:
    bob = accounts.create_user(admin, "Bob", "bob@example.org", PASSWORD)
    accounts.remember(bob.as_actor())
    accounts.set_role(admin, bob.id, Role.ADMIN)
    resumed = house.accounts().resume()
    assert resumed is not None
    assert (resumed.email, resumed.role) == ("bob@example.org", Role.ADMIN)


def test_a_new_password_ends_remembered_sign_ins(
    accounts: AccountsService, house: House, admin: Actor
) -> None:
    bob = accounts.create_user(admin, "Bob", "bob@example.org", PASSWORD)
    accounts.remember(bob.as_actor())
    accounts.reset_password(admin, bob.id, OTHER)
    assert house.accounts().resume() is None
    assert not (house.folder / "session.json").exists()


def test_a_deleted_user_is_not_resumed(
    accounts: AccountsService, house: House, admin: Actor
) -> None:
    bob = accounts.create_user(admin, "Bob", "bob@example.org", PASSWORD)
    accounts.remember(bob.as_actor())
    accounts.delete_user(admin, bob.id)
    assert house.accounts().resume() is None


def test_a_look_at_another_store_ends_no_remembered_sign_in(
    accounts: AccountsService, house: House, admin: Actor, migrated: bytes
) -> None:
    accounts.remember(admin)
    file = house.folder / "other.sqlite3"
    file.write_bytes(migrated)
    with closing(open_store(parse_store_url(f"sqlite:///{file}"))) as store:
        elsewhere = House(house.folder, house.keyring, store)
        assert elsewhere.accounts().resume() is None
    assert house.accounts().resume() == admin


def test_an_edited_session_signs_nobody_in(
    accounts: AccountsService, house: House, admin: Actor
) -> None:
    bob = accounts.create_user(admin, "Bob", "bob@example.org", PASSWORD)
    accounts.remember(bob.as_actor())
    file = house.folder / "session.json"
    kept = json.loads(file.read_text())
    edits = [
        json.dumps(kept | {"user_id": admin.user_id}),
        json.dumps(kept | {"record": kept["record"][:-2] + "AA"}),
        json.dumps(kept | {"record": ""}),
        json.dumps(kept | {"record": None}),
        json.dumps(kept | {"user_id": 7}),
        json.dumps([kept]),
        "",
        "\x00",
        "[" * 5000,
    ]
    for edit in edits:
        file.write_text(edit)
        assert accounts.resume() is None
        assert not file.exists()


def test_a_session_of_another_vault_signs_nobody_in(
    accounts: AccountsService, house: House, admin: Actor
) -> None:
    accounts.remember(admin)
    (house.folder / "vault.json").unlink()
    house.keyring.items.clear()
    assert house.accounts().resume() is None


def test_nobody_is_remembered_who_is_not_there(accounts: AccountsService, admin: Actor) -> None:
    bob = accounts.create_user(admin, "Bob", "bob@example.org", PASSWORD)
    accounts.delete_user(admin, bob.id)
    with pytest.raises(AccessError) as caught:
        accounts.remember(bob.as_actor())
    assert code_of(caught) == "access.gone"


def test_a_session_file_that_cannot_be_written_or_removed_is_told(
    accounts: AccountsService, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("altus4_desktop.services.session_file.write_private", full)
    monkeypatch.setattr(Path, "unlink", full)
    for attempt in (partial(accounts.remember, admin), partial(accounts.forget)):
        with pytest.raises(VaultError) as caught:
            attempt()
        assert code_of(caught) == "vault.session_file"
        assert "No space left" in caught.value.message


def test_a_vault_that_ends_with_the_program_remembers_nobody(house: House) -> None:
    vault = VaultService(house.folder, NoKeyring())
    vault.set_up_session()
    accounts = house.accounts(vault)
    actor = accounts.create_first_admin("Ada", "ada@example.org", PASSWORD)
    with pytest.raises(VaultError) as caught:
        accounts.remember(actor)
    assert code_of(caught) == "vault.session_only"
    assert not (house.folder / "session.json").exists()


@pytest.mark.skipif(os.name != "posix", reason="symbolic links need rights elsewhere")
def test_a_planted_session_link_is_not_followed(
    accounts: AccountsService, house: House, admin: Actor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    accounts.remember(admin)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "session.json"
    (house.folder / "session.json").rename(elsewhere)
    (house.folder / "session.json").symlink_to(elsewhere)
    with pytest.raises(VaultError) as caught:
        accounts.resume()
    assert code_of(caught) == "vault.session_file"


def test_an_admin_looks_after_users(accounts: AccountsService, admin: Actor) -> None:
    bob = accounts.create_user(admin, "Bob", " BOB@example.org", PASSWORD)
    assert (bob.email, bob.role) == ("bob@example.org", Role.USER)
    assert bob.created_at is not None
    assert [one.user.email for one in accounts.list_users(admin).users] == [
        "ada@example.org",
        "bob@example.org",
    ]
    assert accounts.set_role(admin, "bob@example.org", Role.ADMIN).role is Role.ADMIN
    assert accounts.set_role(admin, bob.id, Role.USER).role is Role.USER
    accounts.reset_password(admin, "Bob@Example.org", OTHER)
    assert accounts.sign_in("bob@example.org", OTHER).user_id == bob.id
    accounts.delete_user(admin, "bob@example.org")
    with pytest.raises(AccessError):
        accounts.sign_in("bob@example.org", OTHER)


def test_a_known_address_is_a_conflict(accounts: AccountsService, admin: Actor) -> None:
    with pytest.raises(ConflictError):
        accounts.create_user(admin, "Ada II", "ADA@example.org", PASSWORD)


def test_nobody_but_admins_looks_after_users(accounts: AccountsService, admin: Actor) -> None:
    bob = accounts.create_user(admin, "Bob", "bob@example.org", PASSWORD).as_actor()
    # What the window remembers does not count, only what the store says now.
    pretender = Actor(bob.user_id, bob.email, bob.name, Role.ADMIN)
    stranger = Actor("no-such-id", "x@example.org", "X", Role.ADMIN)
    for actor, code in (
        (bob, "access.denied"),
        (pretender, "access.denied"),
        (stranger, "access.gone"),
    ):
        for attempt in (
            accounts.list_users,
            lambda who: accounts.get_user(who, admin.user_id),
            lambda who: accounts.create_user(who, "Eve", "eve@example.org", PASSWORD),
            lambda who: accounts.set_role(who, bob.user_id, Role.ADMIN),
            lambda who: accounts.reset_password(who, admin.user_id, OTHER),
            lambda who: accounts.delete_user(who, admin.user_id),
        ):
            with pytest.raises(AccessError) as caught:
                attempt(actor)
            assert code_of(caught) == code
    assert accounts.sign_in(admin.email, PASSWORD) == admin


def test_the_last_admin_stays(accounts: AccountsService, admin: Actor) -> None:
    accounts.open_demo_account()
    accounts.create_user(admin, "Bob", "bob@example.org", PASSWORD)
    for attempt in (
        lambda: accounts.set_role(admin, admin.user_id, Role.USER),
        lambda: accounts.delete_user(admin, admin.user_id),
    ):
        with pytest.raises(ConflictError) as caught:
            attempt()
        assert code_of(caught) == "user.last_admin"
    accounts.set_role(admin, "bob@example.org", Role.ADMIN)
    assert accounts.set_role(admin, admin.user_id, Role.USER).role is Role.USER
    with pytest.raises(AccessError):
        accounts.list_users(admin)


def test_a_new_password_ends_the_wait(accounts: AccountsService, admin: Actor) -> None:
    accounts.create_user(admin, "Bob", "bob@example.org", PASSWORD)
    for _ in range(6):
        with pytest.raises(AccessError):
            accounts.sign_in("bob@example.org", "wrong password")
    accounts.reset_password(admin, "bob@example.org", OTHER)
    assert accounts.sign_in("bob@example.org", OTHER).email == "bob@example.org"


def test_the_demo_account_cannot_be_taken_over(accounts: AccountsService, admin: Actor) -> None:
    demo = accounts.open_demo_account()
    with pytest.raises(ConflictError):
        accounts.set_role(admin, demo.user_id, Role.ADMIN)
    with pytest.raises(ConflictError):
        accounts.reset_password(admin, demo.user_id, PASSWORD)


def test_nobody_by_that_name_says_so(accounts: AccountsService, admin: Actor) -> None:
    for attempt in (
        lambda: accounts.get_user(admin, "nobody@example.org"),
        lambda: accounts.set_role(admin, "nobody@example.org", Role.ADMIN),
        lambda: accounts.reset_password(admin, "", PASSWORD),
        lambda: accounts.delete_user(admin, "nobody@example.org"),
    ):
        with pytest.raises(NotFoundError):
            attempt()


def test_no_password_is_told_or_written(
    accounts: AccountsService, house: House, admin: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    told = []
    for attempt in (
        lambda: accounts.sign_in(admin.email, OTHER),
        lambda: accounts.create_user(admin, "Eve", "eve@example.org", "canary"),
        lambda: accounts.create_user(admin, "Eve", "eve@example.org", "canary" * 20),
        lambda: accounts.create_user(admin, "Ada", admin.email, OTHER),
        lambda: accounts.reset_password(admin, "eve@example.org", "canary" * 20),
        lambda: accounts.change_password(admin, PASSWORD, "canary" * 20),
        lambda: accounts.change_password(admin, "canary", OTHER),
        lambda: accounts.update_profile(admin, UserDraft("A", "b@example.org"), "canary"),
    ):
        with pytest.raises(AltusError) as caught:
            attempt()
        told += [*traceback.format_exception(caught.value), repr(caught.value.details)]
    accounts.remember(admin)
    house.store.close()
    told += [repr(accounts), caplog.text]
    # The source lines of a traceback name the test's own literals: only filled-in text counts.
    lines = [line for text in told for line in text.splitlines() if "lambda" not in line]
    assert [line for line in lines if "canary" in line] == []
    written = b"".join(file.read_bytes() for file in house.folder.rglob("*") if file.is_file())
    assert b"canary" not in written


def told(house: House) -> list[tuple[str, str, str, Mapping[str, Any]]]:
    """What the audit log says, oldest first."""
    return [
        (event.action, event.outcome.value, event.actor_email, event.details)
        for event in (record.event for record in house.store.audit.list_(AuditQuery())[::-1])
    ]


def test_who_does_not_wait_is_written_down_once_for_each_wait(
    house: House, accounts: AccountsService, admin: Actor
) -> None:
    def attempt() -> None:
        with pytest.raises(AccessError):
            accounts.sign_in(admin.email, "canary-wrong")

    for _ in range(5):
        attempt()
    before = len(told(house))
    for _ in range(3):
        attempt()
    assert [row[0::3] for row in told(house)[before:]] == [
        ("session.refused", {"known": True, "waiting": True})
    ]
    house.clock.turn(31)
    attempt()
    attempt()
    waiting = [row[3]["waiting"] for row in told(house)[before:]]
    assert waiting == [True, False, True]


def test_staying_signed_in_and_signing_out_are_written_down(
    house: House, accounts: AccountsService, admin: Actor
) -> None:
    accounts.remember(admin)
    before = len(told(house))
    again = house.accounts()
    assert again.resume() == admin
    again.sign_out(admin)
    assert again.resume() is None
    assert told(house)[before:] == [
        ("session.resumed", "done", admin.email, {}),
        ("session.signed_out", "done", admin.email, {}),
    ]


def test_one_can_sign_out_of_a_store_that_is_gone(
    house: House, accounts: AccountsService, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise StoreError("The store is gone.")

    accounts.remember(admin)
    monkeypatch.setattr(house.store.audit, "add_", gone)
    accounts.sign_out(admin)
    assert house.accounts().resume() is None
