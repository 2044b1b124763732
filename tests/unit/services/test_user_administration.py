"""What admins do to accounts and everybody to their own: lists, temporary passwords, profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import (
    Actor,
    Belongings,
    Preferences,
    Role,
    User,
    UserDraft,
    UserQuery,
    UserSort,
)
from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.domain.errors import AccessError, AltusError, ConflictError, InputError
from altus4_desktop.domain.keys import KeyDraft, KeyPermission
from altus4_desktop.domain.saved_searches import SavedSearchDraft
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.services import Services
from altus4_desktop.services.accounts import AccountsService
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.services.vault import VaultService
from altus4_desktop.storage.tables import account_states, api_keys
from tests.keyring_memory import MemoryKeyring
from tests.records import a_connection, a_search

PASSWORD = "canary-correct-horse"
OTHER = "canary-another-horse"
THIRD = "canary-a-third-horse"


@dataclass
class Desk:
    """One workstation's services over one store, with cheap hashes."""

    services: Services
    accounts: AccountsService
    admin: Actor

    def create(self, name: str, role: Role = Role.USER, *, temporary: bool = False) -> User:
        email = f"{name.lower()}@example.org"
        return self.accounts.create_user(
            self.admin, name, email, PASSWORD, role, temporary=temporary
        )

    def elsewhere(self, folder: Path) -> AccountsService:
        """The accounts as another workstation of the same store has them."""
        return _accounts(self.services, folder)


def _accounts(services: Services, folder: Path) -> AccountsService:
    vault = VaultService(folder, MemoryKeyring())
    vault.protect_records(list)
    vault.ensure_ready()
    permissions = Permissions(services.metadata)
    return AccountsService(services.metadata, vault, permissions, folder)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(compose(tmp_path)) as services:
        services.metadata.open_()
        accounts = _accounts(services, tmp_path / "desk")
        admin = accounts.create_first_admin("Ada", "ada@example.org", PASSWORD)
        yield Desk(services, accounts, admin)


def refused(attempt: Callable[[], object], kind: type[AltusError] = AccessError) -> str:
    """The code ``attempt`` is refused with."""
    with pytest.raises(kind) as caught:
        attempt()
    return caught.value.code


def test_the_list_says_what_each_has(desk: Desk) -> None:
    bob = desk.create("Bob")
    store, keys = desk.services.metadata.store, desk.services.keys
    made = [keys.create_(bob.as_actor(), KeyDraft(f"key {number}")).key for number in range(3)]
    keys.revoke_(bob.as_actor(), [made[0].id])
    store.connections.create_(a_connection(bob))
    for number in range(4):
        store.searches.add_(a_search(bob, f"query {number}"))
    page = desk.accounts.list_users(desk.admin)
    assert page.total == 2
    ada, found = page.users
    assert (ada.user.name, ada.keys, ada.connections, ada.searches) == ("Ada", 0, 0, 0)
    assert (found.user.name, found.keys, found.connections, found.searches) == ("Bob", 2, 1, 4)


def test_the_list_is_paged_filtered_and_sorted_by_the_store(desk: Desk) -> None:
    for name in ("bea", "Cid", "Dan", "100%"):
        desk.create(name)
    desk.accounts.set_role(desk.admin, "cid@example.org", Role.ADMIN)

    def names(query: UserQuery | None = None, **more: int) -> list[str]:
        page = desk.accounts.list_users(desk.admin, query, **more)
        return [one.user.name for one in page.users]

    assert names() == ["100%", "Ada", "bea", "Cid", "Dan"]
    assert names(limit=2, offset=1) == ["Ada", "bea"]
    assert names(UserQuery(descending=True), limit=1) == ["Dan"]
    assert names(UserQuery(role=Role.ADMIN)) == ["Ada", "Cid"]
    assert names(UserQuery(role=Role.USER)) == ["100%", "bea", "Dan"]
    assert names(UserQuery("  A@EXAMPLE")) == ["Ada", "bea"]
    assert names(UserQuery("%")) == ["100%"]
    assert names(UserQuery(sort=UserSort.ROLE)) == ["Ada", "Cid", "100%", "bea", "Dan"]
    assert names(UserQuery(sort=UserSort.EMAIL, descending=True))[0] == "Dan"
    assert desk.accounts.list_users(desk.admin, UserQuery("bea"), limit=1).total == 1


def test_the_last_activity_is_kept_to_the_minute(desk: Desk) -> None:
    bob = desk.create("Bob")
    store = desk.services.metadata.store

    def active_at(user: User) -> datetime | None:
        found = store.users.find_(user.id)
        assert found is not None
        return found.last_active_at

    def turn_back(**ago: float) -> datetime:
        then = (datetime.now(UTC) - timedelta(**ago)).replace(microsecond=0)
        with store._engine.begin() as connection:
            connection.execute(account_states.update().values(last_active_at=then))
        return then

    assert active_at(bob) is None
    desk.accounts.sign_in(bob.email, PASSWORD)
    first = active_at(bob)
    assert first is not None
    assert datetime.now(UTC) - first < timedelta(minutes=1)
    a_while_ago = turn_back(seconds=40)
    desk.accounts.sign_in(bob.email, PASSWORD)
    store.searches.add_(a_search(bob, "apple"))
    assert active_at(bob) == a_while_ago
    long_ago = turn_back(minutes=2)
    store.searches.add_(a_search(bob, "apple"))
    searched = active_at(bob)
    assert searched is not None
    assert searched > long_ago
    desk.accounts.remember(bob.as_actor())
    long_ago = turn_back(days=2)
    assert desk.accounts.resume() == bob.as_actor()
    resumed = active_at(bob)
    assert resumed is not None
    assert resumed > long_ago


def test_with_a_temporary_password_nothing_but_another_one_is_possible(desk: Desk) -> None:
    bob = desk.create("Bob", Role.ADMIN, temporary=True)
    actor = desk.accounts.sign_in(bob.email, PASSWORD)
    assert actor.must_change_password
    services, accounts = desk.services, desk.accounts
    for attempt in (
        lambda: accounts.list_users(actor),
        lambda: accounts.get_profile(actor),
        lambda: accounts.update_profile(actor, UserDraft("B", bob.email)),
        lambda: accounts.remember(actor),
        lambda: services.connections.list_(actor),
        lambda: services.history.list_(actor),
        lambda: services.keys.list_(actor),
        lambda: services.audit.list_(actor),
        lambda: services.migrations.drift_(actor),
    ):
        assert refused(attempt) == "access.password_change"
    now = accounts.change_password(actor, PASSWORD, OTHER)
    assert not now.must_change_password
    assert accounts.list_users(now).total == 2
    assert accounts.sign_in(bob.email, OTHER) == now
    # What the window remembers does not count.
    assert accounts.list_users(actor).total == 2


def test_a_rehash_leaves_a_temporary_password_temporary(desk: Desk, tmp_path: Path) -> None:
    bob = desk.create("Bob", temporary=True)
    vault = VaultService(tmp_path / "later", MemoryKeyring())
    permissions = Permissions(desk.services.metadata)
    later = AccountsService(
        desk.services.metadata, vault, permissions, tmp_path / "later", bcrypt_cost=5
    )
    before = desk.services.metadata.store.users.find_password_hash(bob.id)
    assert later.sign_in(bob.email, PASSWORD).must_change_password
    assert desk.services.metadata.store.users.find_password_hash(bob.id) != before
    assert later.sign_in(bob.email, PASSWORD).must_change_password


def test_a_reset_password_is_temporary(desk: Desk, tmp_path: Path) -> None:
    bob = desk.create("Bob")
    there = desk.elsewhere(tmp_path / "there")
    there.remember(bob.as_actor())
    made = desk.accounts.generate_temporary_password()
    desk.accounts.reset_password(desk.admin, bob.id, made)
    assert there.resume() is None
    assert refused(lambda: there.sign_in(bob.email, PASSWORD)) == "access.credentials"
    assert there.sign_in(bob.email, made).must_change_password


def test_another_password_ends_sign_ins_elsewhere_and_keeps_ones_own(
    desk: Desk, tmp_path: Path
) -> None:
    bob = desk.create("Bob").as_actor()
    here, there = desk.elsewhere(tmp_path / "here"), desk.elsewhere(tmp_path / "there")
    here.remember(bob)
    there.remember(bob)
    assert here.change_password(bob, PASSWORD, OTHER) == bob
    assert here.resume() == bob
    assert there.resume() is None
    # Whoever was not remembered is not after it either, nor is somebody else forgotten.
    there.remember(desk.admin)
    there.change_password(bob, OTHER, THIRD)
    assert there.resume() == desk.admin


def test_changing_ones_password_takes_the_one_one_has(desk: Desk) -> None:
    bob = desk.create("Bob").as_actor()
    for password, new, field in (
        (OTHER, THIRD, "password"),
        ("", THIRD, "password"),
        (PASSWORD, PASSWORD, "new_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "ä" * 37, "new_password"),
    ):
        with pytest.raises(InputError) as caught:
            desk.accounts.change_password(bob, password, new)
        assert caught.value.field == field
    for _ in range(5):
        with pytest.raises(InputError):
            desk.accounts.change_password(bob, OTHER, THIRD)
    attempt = partial(desk.accounts.change_password, bob, PASSWORD, THIRD)
    assert refused(attempt) == "access.backoff"


def test_ones_own_password_is_not_reset(desk: Desk) -> None:
    attempt = partial(desk.accounts.reset_password, desk.admin, "ada@example.org", OTHER)
    assert refused(attempt, ConflictError) == "user.own_password"


def test_everybody_edits_their_own_account(desk: Desk) -> None:
    bob = desk.create("Bob")
    actor = bob.as_actor()
    choices = Preferences(SearchMode.BOOLEAN, 50)
    draft = UserDraft("  Bob   B ", bob.email, "Asia/Tokyo", choices)
    changed = desk.accounts.update_profile(actor, draft)
    assert (changed.name, changed.timezone, changed.choices) == ("Bob B", "Asia/Tokyo", choices)
    assert desk.accounts.get_profile(actor) == changed
    assert changed.as_actor().timezone == "Asia/Tokyo"
    assert desk.accounts.update_profile(actor, UserDraft.of(changed)) == changed
    moved = replace(UserDraft.of(changed), email=" BOB@example.com ")
    with pytest.raises(InputError) as caught:
        desk.accounts.update_profile(actor, moved, OTHER)
    assert caught.value.field == "password"
    assert desk.accounts.update_profile(actor, moved, PASSWORD).email == "bob@example.com"
    taken = replace(moved, email="ada@example.org")
    assert refused(lambda: desk.accounts.update_profile(actor, taken, PASSWORD), ConflictError)
    for wrong, field in (
        (replace(moved, name=" "), "name"),
        (replace(moved, email="nobody"), "email"),
        (replace(moved, timezone="not a zone"), "timezone"),
        (replace(moved, timezone="Mars/Base"), "timezone"),
    ):
        with pytest.raises(InputError) as caught:
            desk.accounts.update_profile(actor, wrong, PASSWORD)
        assert caught.value.field == field


def test_a_time_zone_that_another_program_saved_stays(desk: Desk) -> None:
    bob = desk.create("Bob")
    desk.services.metadata.store.users.update_(replace(bob, timezone="Mars/Base"))
    found = desk.accounts.get_profile(bob.as_actor())
    renamed = replace(UserDraft.of(found), name="Robert")
    changed = desk.accounts.update_profile(bob.as_actor(), renamed)
    assert (changed.name, changed.timezone) == ("Robert", "Mars/Base")


def test_preferences_of_other_programs_stay(desk: Desk) -> None:
    bob = desk.create("Bob")
    users = desk.services.metadata.store.users
    kept = {"theme": "dark", "search_mode": "no such mode", "page_size": 7}
    users.update_(replace(bob, preferences=kept))
    found = desk.accounts.get_profile(bob.as_actor())
    assert found.choices == Preferences()
    draft = UserDraft(bob.name, bob.email, choices=Preferences(page_size=20))
    changed = desk.accounts.update_profile(bob.as_actor(), draft)
    assert changed.preferences == {"theme": "dark", "page_size": 20}


def test_admins_edit_the_accounts_of_others(desk: Desk) -> None:
    bob = desk.create("Bob")
    draft = UserDraft("Robert", "robert@example.org", "Europe/Lisbon")
    changed = desk.accounts.update_user(desk.admin, bob.id, draft)
    assert (changed.name, changed.email) == ("Robert", "robert@example.org")
    assert desk.accounts.sign_in("robert@example.org", PASSWORD).user_id == bob.id
    own = UserDraft("Ada", "ada@example.com")
    attempt = partial(desk.accounts.update_user, desk.admin, "ada@example.org", own)
    assert refused(attempt, ConflictError) == "user.own_email"
    taken = replace(draft, email="ada@example.org")
    assert refused(lambda: desk.accounts.update_user(desk.admin, bob.id, taken), ConflictError)
    told = desk.services.audit.list_(desk.admin, AuditQuery(action="user.updated"))[0].event
    assert told.details["before"]["email"] == "bob@example.org"
    assert told.details["after"]["email"] == "robert@example.org"


def test_what_goes_along_is_counted_and_named(desk: Desk) -> None:
    bob = desk.create("Bob")
    assert desk.accounts.get_belongings(desk.admin, bob.id) == Belongings()
    store = desk.services.metadata.store
    for number in range(7):
        desk.services.keys.create_(bob.as_actor(), KeyDraft(f"key {number}"))
        store.connections.create_(a_connection(bob, name=f"shop {6 - number}", port=4000 + number))
    store.searches.add_(a_search(bob, "apple"))
    for name in ("one", "two"):
        desk.services.saved_searches.create_(bob.as_actor(), SavedSearchDraft(name, "pear"))
    along = desk.accounts.get_belongings(desk.admin, bob.email)
    assert not along.is_last_admin
    assert desk.accounts.get_belongings(desk.admin, desk.admin.user_id).is_last_admin
    assert (along.keys, along.connections, along.searches, along.keys_in_use) == (7, 7, 1, 0)
    assert along.saved_searches == 2
    assert along.key_names == tuple(f"key {number}" for number in range(5))
    assert along.connection_names == tuple(f"shop {number}" for number in range(5))


def test_an_account_whose_keys_are_in_use_is_deleted_by_its_name(desk: Desk) -> None:
    bob = desk.create("Bob")
    made = desk.services.keys.create_(bob.as_actor(), KeyDraft("robot"))
    desk.services.keys.authenticate_(made.key_secret)
    assert desk.accounts.get_belongings(desk.admin, bob.id).keys_in_use == 1
    for confirmed in ("", "ada@example.org", bob.id):
        attempt = partial(desk.accounts.delete_user, desk.admin, bob.id, confirmed)
        assert refused(attempt, ConflictError) == "user.keys_in_use"
    desk.accounts.delete_user(desk.admin, bob.id, "Bob@example.org")
    with desk.services.metadata.store._engine.connect() as connection:
        assert connection.execute(api_keys.select()).all() == []
        left = connection.execute(account_states.select()).all()
    assert bob.id not in {row.user_id for row in left}


def by_key(actor: Actor, *permissions: KeyPermission) -> Actor:
    """``actor`` as they act by a key with these permissions."""
    return replace(actor, api_key_id="k1", key_permissions=frozenset(permissions))


def test_a_key_administers_users_only_with_the_permission_and_changes_no_password(
    desk: Desk,
) -> None:
    bob = desk.create("Bob", Role.ADMIN)
    accounts = desk.accounts
    weak = by_key(desk.admin, KeyPermission.SEARCH, KeyPermission.ANALYTICS)
    for attempt in (
        lambda: accounts.list_users(weak),
        lambda: accounts.get_user(weak, bob.id),
        lambda: accounts.get_belongings(weak, bob.id),
        lambda: accounts.create_user(weak, "Eve", "eve@example.org", PASSWORD),
        lambda: accounts.update_user(weak, bob.id, UserDraft("B", bob.email)),
        lambda: accounts.set_role(weak, bob.id, Role.USER),
        lambda: accounts.reset_password(weak, bob.id, OTHER),
        lambda: accounts.delete_user(weak, bob.id),
        lambda: accounts.get_profile(weak),
        lambda: accounts.update_profile(weak, UserDraft("A", desk.admin.email)),
    ):
        assert refused(attempt) == "access.key"
    strong = by_key(desk.admin, KeyPermission.ADMIN)
    refused_to_all: tuple[Callable[[], object], ...] = (
        lambda: accounts.reset_password(strong, bob.id, OTHER),
        lambda: accounts.change_password(strong, PASSWORD, OTHER),
        lambda: accounts.update_profile(strong, UserDraft("A", "a@example.org"), PASSWORD),
        lambda: accounts.remember(strong),
        lambda: accounts.create_user(strong, "Eve", "eve@example.org", PASSWORD, Role.ADMIN),
        lambda: accounts.set_role(strong, bob.id, Role.ADMIN),
    )
    assert accounts.create_user(strong, "Cid", "cid@example.org", PASSWORD).role is Role.USER
    assert accounts.set_role(strong, bob.id, Role.USER).role is Role.USER
    assert accounts.update_profile(strong, UserDraft("Ada L", desk.admin.email)).name == "Ada L"
    for never in refused_to_all:
        assert refused(never) == "access.key"
    # The key of somebody who is no admin is none, whatever its permissions.
    assert refused(lambda: accounts.list_users(by_key(bob.as_actor(), KeyPermission.ADMIN)))


def test_a_key_works_on_while_its_owners_password_is_temporary(desk: Desk) -> None:
    bob = desk.create("Bob")
    made = desk.services.keys.create_(bob.as_actor(), KeyDraft("robot"))
    desk.accounts.reset_password(desk.admin, bob.id, OTHER)
    actor = desk.services.keys.authenticate_(made.key_secret)
    assert not actor.must_change_password
    assert desk.services.connections.list_(actor) == []


def test_the_demo_looks_after_nobody(desk: Desk) -> None:
    demo = desk.accounts.open_demo_account()
    desk.services.metadata.store.users.set_role_keeping_an_admin(demo.user_id, Role.ADMIN)
    permissions = Permissions(desk.services.metadata)
    assert permissions.check(demo, Right.ADMINISTER).role is Role.ADMIN
    assert refused(lambda: desk.accounts.list_users(demo)) == "access.demo"
    for attempt in (
        lambda: desk.accounts.update_profile(demo, UserDraft("Mine", demo.email)),
        lambda: desk.accounts.change_password(demo, PASSWORD, OTHER),
        lambda: desk.accounts.update_user(desk.admin, demo.user_id, UserDraft("X", demo.email)),
    ):
        assert refused(attempt, ConflictError) == "conflict"


def test_a_temporary_password_can_be_read_out(desk: Desk) -> None:
    made = {desk.accounts.generate_temporary_password() for _ in range(200)}
    assert len(made) == 200
    assert all(len(one) == 19 and one.count("-") == 3 for one in made)
    assert not set("".join(made)) & set("lo01IO")
