"""Where the account rules lean on the database: its locks, its collation, its clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.errors import AccessError, AltusError, ConflictError
from altus4_desktop.services.accounts import AccountsService
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.vault import VaultService
from altus4_desktop.storage.store import Store
from tests.servers import DatabaseServer
from tests.stores import StorePlace, file_place, server_place

PASSWORD = "canary-correct-horse"
START = datetime(2026, 3, 1, 12, 0, 0, 700_000, tzinfo=UTC)


@dataclass
class OpenMetadata:
    """What the accounts need of the metadata service."""

    store: Store


@pytest.fixture(params=["sqlite", "mariadb", "mysql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorePlace]:
    """A migrated store on SQLite, MariaDB and MySQL in turn."""
    if request.param == "sqlite":
        yield migrated(file_place(tmp_path))
        return
    server: DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    database = server.create_database("altus4_metadata")
    yield migrated(server_place(server, database))
    server.drop_database(database)


def migrated(place: StorePlace) -> StorePlace:
    store = place.open()
    store.migrator.upgrade()
    store.close()
    return place


@pytest.fixture
def programs(place: StorePlace, tmp_path: Path) -> Iterator[Callable[..., AccountsService]]:
    """``programs()`` is the service of one more program on the same store."""
    opened: list[Store] = []

    def start(clock: Callable[[], datetime] = lambda: START) -> AccountsService:
        store = place.open()
        opened.append(store)
        metadata = cast("MetadataService", OpenMetadata(store))
        return AccountsService(
            metadata, VaultService(tmp_path), Permissions(metadata), tmp_path, clock
        )

    yield start
    for store in opened:
        store.close()


def at_once(*works: Callable[[], object]) -> list[object]:
    """What each of ``works`` returns or raises when all start together."""
    start = threading.Barrier(len(works))
    outcomes: list[object] = [None] * len(works)

    def run(number: int) -> None:
        start.wait(10)
        try:
            outcomes[number] = works[number]()
        except AltusError as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def test_of_four_programs_at_once_one_makes_the_first_admin(
    programs: Callable[..., AccountsService],
) -> None:
    services = [programs() for _ in range(4)]
    outcomes = at_once(
        *(
            lambda service=service, number=number: service.create_first_admin(
                f"Admin {number}", f"admin{number}@example.org", PASSWORD
            )
            for number, service in enumerate(services)
        )
    )
    winners = [outcome for outcome in outcomes if isinstance(outcome, Actor)]
    assert len(winners) == 1, outcomes
    # A server ends a deadlock by telling one of the late to try again.
    late = {getattr(outcome, "code", "") for outcome in outcomes if outcome is not winners[0]}
    assert late <= {"access.setup_done", "store.busy"}, outcomes
    assert [one.user.email for one in services[0].list_users(winners[0]).users] == [
        winners[0].email
    ]


def test_two_admins_who_demote_or_delete_each_other_leave_one(
    programs: Callable[..., AccountsService],
) -> None:
    one, two = programs(), programs()
    for attempt in range(4):
        known = [] if attempt else [one.create_first_admin("Ada", "ada@example.org", PASSWORD)]
        ada = known[0] if known else one.sign_in("ada@example.org", PASSWORD)
        bob = one.create_user(ada, "Bob", f"bob{attempt}@example.org", PASSWORD, Role.ADMIN)
        actor = bob.as_actor()
        at_once(
            partial(one.set_role, ada, bob.id, Role.USER),
            partial(two.set_role, actor, ada.user_id, Role.USER),
        )
        users = {user.id: user for user in one._store.users.list_()}
        admins = [user for user in users.values() if user.role is Role.ADMIN]
        assert admins, "somebody is admin still"
        # Ada is put back for the next round by whoever is left.
        one.set_role(admins[0].as_actor(), ada.user_id, Role.ADMIN)
        one.delete_user(ada, bob.id)
    with pytest.raises(ConflictError):
        one.delete_user(ada, ada.user_id)


def test_two_admins_who_remove_each_other_by_any_road_leave_one(
    programs: Callable[..., AccountsService],
) -> None:
    one, two = programs(), programs()
    ada = one.create_first_admin("Ada", "ada@example.org", PASSWORD)
    roads: tuple[Callable[[AccountsService, Actor, str], object], ...] = (
        AccountsService.delete_user,
        lambda service, actor, whom: service.set_role(actor, whom, Role.USER),
    )
    for number, (first, second) in enumerate(((0, 0), (0, 1), (1, 0), (0, 0))):
        bob = one.create_user(ada, "Bob", f"bob{number}@example.org", PASSWORD, Role.ADMIN)
        outcomes = at_once(
            partial(roads[first], one, ada, bob.id),
            partial(roads[second], two, bob.as_actor(), ada.user_id),
        )
        users = {user.id: user for user in one._store.users.list_()}
        admins = [user for user in users.values() if user.role is Role.ADMIN]
        assert len(admins) == 1, outcomes
        # Whoever was too late is told that they are the last, or that they are none any more.
        codes = {outcome.code for outcome in outcomes if isinstance(outcome, AltusError)}
        assert codes <= {"user.last_admin", "access.denied", "access.gone"}, outcomes
        assert len(codes) == 1
        ada = admins[0].as_actor()


def test_when_somebody_was_active_is_kept_by_the_store(
    programs: Callable[..., AccountsService], place: StorePlace
) -> None:
    accounts = programs()
    ada = accounts.create_first_admin("Ada", "ada@example.org", PASSWORD)
    outcomes = at_once(*(partial(programs().sign_in, ada.email, PASSWORD) for _ in range(4)))
    assert outcomes == [ada] * 4
    first = accounts.get_profile(ada).last_active_at
    assert first is not None
    earlier = (first - timedelta(minutes=5)).strftime("%Y-%m-%d %H:%M:%S")
    for at, moves in ((first, False), (earlier, True)):
        place.query(f"UPDATE account_states SET last_active_at = '{str(at)[:19]}'")
        before = accounts.get_profile(ada).last_active_at
        accounts.sign_in(ada.email, PASSWORD)
        assert (accounts.get_profile(ada).last_active_at != before) is moves


def test_a_temporary_password_is_one_for_every_program(
    programs: Callable[..., AccountsService],
) -> None:
    one, two = programs(), programs()
    ada = one.create_first_admin("Ada", "ada@example.org", PASSWORD)
    bob = one.create_user(ada, "Bob", "bob@example.org", PASSWORD, temporary=True)
    assert [user.must_change_password for user in two._store.users.list_()] == [False, True]
    actor = two.sign_in(bob.email, PASSWORD)
    assert actor.must_change_password
    now = two.change_password(actor, PASSWORD, "canary-another-horse")
    assert one.get_profile(now).must_change_password is False
    one.reset_password(ada, bob.id, PASSWORD)
    with pytest.raises(AccessError) as caught:
        two.get_profile(now)
    assert caught.value.code == "access.password_change"


def test_an_address_is_its_very_letters_whatever_the_collation(
    programs: Callable[..., AccountsService],
) -> None:
    accounts = programs()
    ada = accounts.create_first_admin("Ada", "ada@example.org", PASSWORD)
    with pytest.raises(AccessError) as caught:
        accounts.sign_in("ädá@example.org", PASSWORD)
    assert caught.value.code == "access.credentials"
    assert accounts.sign_in("ADA@example.org", PASSWORD) == ada


def test_the_wait_is_kept_by_the_store(programs: Callable[..., AccountsService]) -> None:
    now = [START]
    accounts = programs(lambda: now[0])
    ada = accounts.create_first_admin("Ada", "ada@example.org", PASSWORD)
    for _ in range(5):
        with pytest.raises(AccessError) as caught:
            accounts.sign_in(ada.email, "wrong password")
        assert caught.value.code == "access.credentials"
    again = programs(lambda: now[0])
    for turned in (timedelta(0), timedelta(seconds=25), timedelta(days=-1)):
        now[0] = START + turned
        with pytest.raises(AccessError) as caught:
            again.sign_in(ada.email, PASSWORD)
        assert caught.value.code == "access.backoff"
    now[0] = START + timedelta(days=-1, seconds=32)
    assert again.sign_in(ada.email, PASSWORD) == ada


def test_wrong_passwords_at_once_are_all_counted(
    programs: Callable[..., AccountsService],
) -> None:
    services = [programs() for _ in range(4)]
    outcomes = at_once(
        *(
            lambda service=service: service.sign_in("x@example.org", PASSWORD)
            for service in services
        )
    )
    assert {getattr(outcome, "code", outcome) for outcome in outcomes} == {"access.credentials"}
    with pytest.raises(AccessError):
        services[0].sign_in("x@example.org", PASSWORD)
    with pytest.raises(AccessError) as caught:
        services[1].sign_in("x@example.org", PASSWORD)
    assert caught.value.code == "access.backoff"
