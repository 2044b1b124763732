"""API keys in the store: the same answers on SQLite, MariaDB and MySQL, and limits that hold for
several programs at once."""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import random
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from typing import Any

import pytest

from altus4_desktop.domain.accounts import User
from altus4_desktop.domain.errors import ConflictError, NotFoundError
from altus4_desktop.domain.key_text import KeyText, make_key, read_key
from altus4_desktop.domain.keys import (
    ApiKey,
    KeyDraft,
    KeyEnvironment,
    KeyFilter,
    KeyPermission,
    KeySort,
    KeyState,
    KeyTier,
    KeyUse,
    RateLimit,
)
from altus4_desktop.storage.location import parse_store_url
from altus4_desktop.storage.repositories.key_uses import SLICES
from altus4_desktop.storage.store import Store, open_store
from tests.records import AN_INSTANT, a_user
from tests.stores import StorePlace

DAY = timedelta(days=1)
BEGIN_TIMEOUT_S = 30.0


@pytest.fixture
def place(shared_place: StorePlace) -> StorePlace:
    """Migrated once for all tests here."""
    return shared_place


@pytest.fixture
def store(shared_store: Store) -> Store:
    """Empty for each test."""
    return shared_store


@pytest.fixture
def owner(store: Store) -> User:
    return store.users.create_(a_user(), "x")


def a_key(owner: User, **changes: Any) -> tuple[ApiKey, str]:
    """A key in which nothing has its default, and its hash."""
    read = read_key(make_key(KeyEnvironment.LIVE))
    assert isinstance(read, KeyText)
    key = ApiKey(
        id=str(uuid.uuid4()),
        user_id=owner.id,
        prefix=read.prefix,
        name="Nightly · 製品",
        environment=KeyEnvironment.LIVE,
        permissions=frozenset({KeyPermission.ADMIN, KeyPermission.ANALYTICS}),
        tier=KeyTier.ENTERPRISE,
        custom_limit=RateLimit(7, 60),
        expires_at=AN_INSTANT + 3650 * DAY,
        last_used_at=AN_INSTANT,
        last_used_from="2001:db8::1",
        usage_count=12,
        created_at=AN_INSTANT - DAY,
    )
    return replace(key, **changes), read.key_hash


def test_a_key_comes_back_as_it_was_saved(store: Store, owner: User) -> None:
    key, key_hash = a_key(owner)
    stored = store.api_keys.create_(key, key_hash)
    assert replace(stored, updated_at=None) == key
    assert store.api_keys.create_(key, key_hash) == stored
    assert store.api_keys.find_(key.id) == stored
    assert store.api_keys.find_("nothing") is None
    with pytest.raises(ConflictError):
        store.api_keys.create_(key, "another hash")
    with pytest.raises(NotFoundError):
        store.api_keys.create_(*a_key(a_user()))
    found = store.api_keys.find_by_hash(key_hash)
    assert found is not None
    assert (found.key, found.key_hash, found.owner_email) == (stored, key_hash, owner.email)
    assert store.api_keys.find_by_hash("0" * 64) is None


def test_the_existing_server_accepts_the_keys(store: Store, owner: User, place: StorePlace) -> None:
    texts = [make_key(environment) for environment in KeyEnvironment]
    for text in texts:
        read = read_key(text)
        assert isinstance(read, KeyText)
        key, _ = a_key(owner, prefix=read.prefix, environment=read.environment)
        store.api_keys.create_(key, read.key_hash)
    for text in texts:
        # Its rule, with what the database itself makes of the text.
        digest = hashlib.sha256(text.encode()).hexdigest()
        if not place.on_file:
            assert place.query(f"SELECT SHA2('{text}', 256)") == [(digest,)]
        now = "CURRENT_TIMESTAMP" if place.on_file else "UTC_TIMESTAMP()"
        rows = place.query(
            f"SELECT environment, rate_limit_tier, is_active FROM api_keys"
            f" WHERE key_prefix = SUBSTR('{text}', 1, 30) AND key_hash = '{digest}'"
            f" AND is_active = 1 AND (expires_at IS NULL OR expires_at > {now})"
        )
        assert rows == [(text.split("_")[2], "enterprise", 1)]
        wrong = text[:-1] + ("0" if text[-1] != "0" else "1")
        digest = hashlib.sha256(wrong.encode()).hexdigest()
        assert place.query(f"SELECT id FROM api_keys WHERE key_hash = '{digest}'") == []


def test_a_key_changes_unless_somebody_else_was_faster(store: Store, owner: User) -> None:
    key = store.api_keys.create_(*a_key(owner))
    changed = store.api_keys.update_(
        replace(key, name="New", permissions=frozenset(), custom_limit=None, expires_at=None), key
    )
    assert KeyDraft.of(changed) == KeyDraft(
        "New", KeyEnvironment.LIVE, frozenset(), KeyTier.ENTERPRISE
    )
    attempts: list[Callable[[], object]] = [
        lambda: store.api_keys.update_(replace(key, name="Late"), key),
        lambda: store.api_keys.rotate_(key, None, *a_key(owner)),
    ]
    for late in attempts:
        with pytest.raises(ConflictError) as failure:
            late()
        assert failure.value.code == "key.changed"
    with pytest.raises(NotFoundError):
        store.api_keys.update_(a_key(owner)[0], a_key(owner)[0])
    assert store.api_keys.list_(None, KeyFilter.ALL).keys == (changed,)


def test_a_key_is_replaced_only_once(store: Store, owner: User) -> None:
    old = store.api_keys.create_(*a_key(owner))
    ends_at = store.api_keys.now_() + DAY
    new = store.api_keys.rotate_(old, ends_at, *a_key(owner))
    going = store.api_keys.find_(old.id)
    assert going is not None
    assert (going.successor_id, going.expires_at, going.is_active) == (new.id, ends_at, True)
    assert new.predecessor_id == old.id
    with pytest.raises(ConflictError):
        store.api_keys.rotate_(old, ends_at, *a_key(owner))
    after = store.api_keys.rotate_(new, None, *a_key(owner))
    gone = store.api_keys.find_(new.id)
    assert gone is not None
    assert (gone.is_active, gone.successor_id, gone.predecessor_id) == (False, after.id, old.id)
    assert [key.id for key in store.api_keys.list_(None, KeyFilter.ROTATING).keys] == [old.id]
    assert store.api_keys.find_all([after.id, old.id, "nothing"]) == sorted(
        [after, going], key=lambda key: key.id
    )


def test_keys_are_revoked_all_or_none(store: Store, owner: User) -> None:
    made = [store.api_keys.create_(*a_key(owner)) for _ in range(3)]
    with pytest.raises(NotFoundError):
        store.api_keys.revoke_([made[0].id, "nothing"])
    assert store.api_keys.count_(None, KeyFilter.REVOKED) == 0
    store.api_keys.revoke_([made[0].id, made[2].id])
    store.api_keys.revoke_([made[0].id])
    listed = store.api_keys.list_(None, KeyFilter.REVOKED, KeySort.NAME).keys
    assert {key.id for key in listed} == {made[0].id, made[2].id}


def many(store: Store, owners: list[User], count: int, now: datetime) -> list[ApiKey]:
    """Keys of all states, with many ties."""
    chance = random.Random(7)
    made = []
    for number in range(count):
        used = chance.choice([None, now - 100 * DAY, now - 95 * DAY, now - DAY, now])
        key, key_hash = a_key(
            chance.choice(owners),
            name=chance.choice(["Alpha", "beta", "Beta", "Gamma 100%", "_delta"]),
            expires_at=chance.choice(
                [None, now - DAY, now + 60 * timedelta(minutes=1), now + 3 * DAY, now + 30 * DAY]
            ),
            last_used_at=used,
            usage_count=0 if used is None else number % 4,
            is_active=chance.random() < 0.8,
            created_at=now - chance.choice([1, 50, 91, 200]) * DAY,
        )
        made.append(store.api_keys.create_(key, key_hash))
    for key in [key for key in made if key.state_at(now) is KeyState.ACTIVE][:3]:
        store.api_keys.rotate_(key, now + DAY, *a_key(owners[0], created_at=now))
    return list(store.api_keys.find_all(_ids(store)))


def _ids(store: Store) -> list[str]:
    page = store.api_keys.list_(None, KeyFilter.ALL, KeySort.CREATED, limit=10_000)
    return [key.id for key in page.keys]


WANTED: dict[KeyFilter, Callable[[ApiKey, datetime], bool]] = {
    KeyFilter.ALL: lambda key, now: True,
    KeyFilter.CURRENT: lambda key, now: (
        key.state_at(now) not in (KeyState.REVOKED, KeyState.EXPIRED)
    ),
    KeyFilter.EXPIRING: lambda key, now: (
        key.is_active and key.expires_at is not None and now < key.expires_at <= now + 7 * DAY
    ),
    KeyFilter.NEVER_EXPIRING: lambda key, now: key.is_active and key.expires_at is None,
    KeyFilter.UNUSED: lambda key, now: (
        key.state_at(now) not in (KeyState.REVOKED, KeyState.EXPIRED)
        and (key.last_used_at is None or key.last_used_at <= now - 90 * DAY)
        and (key.created_at or now) <= now - 90 * DAY
    ),
    KeyFilter.ROTATING: lambda key, now: key.state_at(now) is KeyState.ROTATING,
    KeyFilter.EXPIRED: lambda key, now: key.state_at(now) is KeyState.EXPIRED,
    KeyFilter.REVOKED: lambda key, now: not key.is_active,
}
NEVER = AN_INSTANT + 100_000 * DAY
LONG_AGO = AN_INSTANT - 100_000 * DAY
ORDER: dict[KeySort, Callable[[ApiKey], tuple[Any, ...]]] = {
    KeySort.EXPIRES: lambda key: (key.expires_at or NEVER,),
    KeySort.CREATED: lambda key: (key.created_at,),
    KeySort.LAST_USED: lambda key: (key.last_used_at or LONG_AGO,),
    KeySort.USES: lambda key: (key.usage_count, key.last_used_at or LONG_AGO),
    KeySort.NAME: lambda key: (key.name.encode(),),
}


def test_every_filter_and_sort_pages_through_the_same_keys(store: Store) -> None:
    owners = [store.users.create_(a_user(), "x") for _ in range(3)]
    now = store.api_keys.now_()
    everything = many(store, owners, 60, now)
    for wanted, sort, descending, owner in itertools.product(
        KeyFilter, KeySort, (False, True), (None, owners[0])
    ):
        expected = [
            key
            for key in everything
            if WANTED[wanted](key, now) and owner in (None, _owner(owners, key))
        ]
        seen: list[ApiKey] = []
        more, after = True, None
        while more:
            page = store.api_keys.list_(
                owner.id if owner else None,
                wanted,
                sort,
                descending=descending,
                after=after,
                limit=7,
            )
            seen += page.keys
            more, after = page.more, page.keys[-1] if page.keys else None
            assert len(page.keys) == 7 or not more
        case = (wanted, sort, descending, owner and owner.id)
        assert {key.id for key in seen} == {key.id for key in expected}, case
        assert len(seen) == len(expected), case
        ordered = [ORDER[sort](key) for key in seen]
        assert ordered == sorted(ordered, reverse=descending), case
        count = store.api_keys.count_(owner.id if owner else None, wanted)
        assert count == len(expected), case
    assert store.api_keys.count_(None, KeyFilter.ALL, at_most=5) == 5


def _owner(owners: list[User], key: ApiKey) -> User | None:
    return next((owner for owner in owners if owner.id == key.user_id), None)


def test_texts_are_found_in_names_and_at_the_beginning_of_keys(store: Store, owner: User) -> None:
    names = ["Nightly job", "100% sure", "a_b", "axb", "Größe"]
    made = [store.api_keys.create_(*a_key(owner, name=name)) for name in names]

    def found(text: str) -> list[str]:
        page = store.api_keys.list_(None, KeyFilter.ALL, KeySort.NAME, text=text)
        return [key.name for key in page.keys]

    assert found("JOB") == ["Nightly job"]
    assert found("0%") == ["100% sure"]
    assert found("a_b") == ["a_b"]
    assert found("Größe") == ["Größe"]
    assert found(made[3].prefix) == ["axb"]
    assert found(made[3].prefix[:20]) == ["axb"]
    assert len(found("altus4_sk_live_")) == 5
    store.api_keys.create_(*a_key(store.users.create_(a_user(), "x"), name="Elsewhere"))
    theirs = store.api_keys.list_(None, KeyFilter.ALL, owner_text=owner.email[:8].upper())
    assert {key.id for key in theirs.keys} == {key.id for key in made}
    assert store.api_keys.count_(None, KeyFilter.ALL, owner_text=owner.email) == 5
    assert store.api_keys.count_(None, KeyFilter.ALL, owner_text="%") == 0
    assert store.api_keys.count_(None, KeyFilter.ALL) == 6
    assert found("sk_live") == []
    assert store.api_keys.count_(None, KeyFilter.ALL, "JOB") == 1


def test_a_use_is_counted_with_its_time_and_place(store: Store, owner: User) -> None:
    key = store.api_keys.create_(*a_key(owner, custom_limit=None))
    use = store.key_uses.spend_(key.id)
    assert use.counted
    used = store.api_keys.find_(key.id)
    assert used is not None
    assert (used.usage_count, used.last_used_from, used.last_used_at) == (13, "127.0.0.1", use.at)
    assert used.updated_at == key.updated_at
    missing = store.key_uses.spend_("nothing")
    assert (missing.key, missing.counted) == (None, False)


def test_what_works_no_more_is_not_counted(store: Store, owner: User) -> None:
    revoked = store.api_keys.create_(*a_key(owner, is_active=False))
    expired = store.api_keys.create_(*a_key(owner, expires_at=AN_INSTANT))
    for key in (revoked, expired):
        use = store.key_uses.spend_(key.id)
        assert (use.key, use.counted, use.free_at) == (key, False, None)


def test_no_window_holds_more_than_the_limit(store: Store, owner: User, place: StorePlace) -> None:
    """Ten uses an hour: what slides out of the hour, and only that, is free again."""
    key = store.api_keys.create_(*a_key(owner, custom_limit=RateLimit(10, 3600)))
    slice_s = 3600 // SLICES

    def spend_after(*uses: tuple[int, int]) -> tuple[KeyUse, int]:
        """What comes of a use after others so many seconds before the present slice began, and
        when that was."""
        while True:
            now_s = int(store.api_keys.now_().timestamp())
            here = now_s - now_s % slice_s
            place.query("DELETE FROM key_uses")
            for before_s, count in uses:
                place.query(f"INSERT INTO key_uses VALUES ('{key.id}', {here - before_s}, {count})")
            use = store.key_uses.spend_(key.id)
            if use.at.timestamp() < here + slice_s:
                return use, here

    # The last second of that slice is within the hour still.
    use, here = spend_after((3600, 10))
    assert not use.counted
    assert use.free_at is not None
    assert use.free_at.timestamp() == here + slice_s
    # What has left the hour is free again, and forgotten.
    use, here = spend_after((3600 + slice_s, 10), (3600, 9))
    assert use.counted
    assert store.key_uses.count_(key, use.at) == 10
    assert place.query("SELECT slice, uses FROM key_uses ORDER BY slice") == [
        (here - 3600, 9),
        (here, 1),
    ]
    # The next one is free when as many have left as are too many.
    use, here = spend_after((3000, 3), (2400, 8), (60, 2))
    assert use.free_at is not None
    assert use.free_at.timestamp() == here - 2400 + slice_s + 3600
    # A clock that was set back makes nothing free.
    use, here = spend_after((-5000, 10))
    assert not use.counted


def test_old_uses_do_not_pile_up(store: Store, owner: User, place: StorePlace) -> None:
    key = store.api_keys.create_(*a_key(owner, custom_limit=RateLimit(1000, 60)))
    now_s = int(store.api_keys.now_().timestamp())
    for second in range(200):
        place.query(f"INSERT INTO key_uses VALUES ('{key.id}', {now_s - second}, 1)")
    assert store.key_uses.spend_(key.id).counted
    ((rows,),) = place.query("SELECT COUNT(*) FROM key_uses")
    assert rows <= SLICES + 3


def use_as_told(url: str, password: str | None, key_ids: list[str], pipe: Pipe) -> None:
    """Another program: uses the keys in turn, each ten times, and tells how often it was let by."""
    store = open_store(parse_store_url(url), password)
    pipe.send("ready")
    pipe.recv()
    let_by = dict.fromkeys(key_ids, 0)
    for _ in range(10):
        for key_id in key_ids:
            let_by[key_id] += store.key_uses.spend_(key_id).counted
    pipe.send(let_by)
    store.close()


def run_programs(place: StorePlace, key_ids: list[str], count: int) -> list[dict[str, int]]:
    """What `use_as_told` tells in so many programs that begin at once, when all have ended."""
    methods = multiprocessing.get_context("spawn")
    running = []
    for _ in range(count):
        ours, theirs = methods.Pipe()
        program = methods.Process(
            target=use_as_told, args=(place.location.url, place.password, key_ids, theirs)
        )
        program.start()
        running.append((program, ours))
    for _, pipe in running:
        assert pipe.poll(BEGIN_TIMEOUT_S)
        assert pipe.recv() == "ready"
    for _, pipe in running:
        pipe.send("go")
    told = []
    for program, pipe in running:
        assert pipe.poll(60.0)
        told.append(pipe.recv())
        program.join(30)
        assert program.exitcode == 0
    return told


def test_several_programs_share_one_limit(store: Store, owner: User, place: StorePlace) -> None:
    keys = [
        store.api_keys.create_(*a_key(owner, custom_limit=RateLimit(limit, 3600)))
        for limit in (25, 1000)
    ]
    ids = [key.id for key in keys]
    let_by = run_programs(place, ids, 4)
    assert [sum(one[key_id] for one in let_by) for key_id in ids] == [25, 40]
    counted = [found.usage_count for found in store.api_keys.find_all(ids)]
    assert sorted(counted) == [12 + 25, 12 + 40]
    for key_id, most in zip(ids, (25, 40), strict=True):
        total = place.query(f"SELECT SUM(uses) FROM key_uses WHERE key_id = '{key_id}'")
        assert int(total[0][0]) == most
    # A program that starts after all of those have ended finds the limit used up.
    assert run_programs(place, ids[:1], 1) == [{ids[0]: 0}]
    assert store.key_uses.count_(keys[0], store.api_keys.now_()) == 25
