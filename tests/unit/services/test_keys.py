"""The rules of API keys: who may grant what, what happens to a key, and when one is used."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.errors import (
    AccessError,
    AltusError,
    ConflictError,
    InputError,
    NotFoundError,
)
from altus4_desktop.domain.key_text import make_key
from altus4_desktop.domain.keys import (
    ApiKey,
    KeyAnswer,
    KeyDraft,
    KeyEnvironment,
    KeyFilter,
    KeyPermission,
    KeyState,
    KeyTier,
    RateLimit,
)
from altus4_desktop.services import Services
from altus4_desktop.services.keys import KeysService
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from tests.records import a_user
from tests.stores import Rows

Query = Callable[[str], Rows]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SEARCH = frozenset({KeyPermission.SEARCH})
EVERYTHING = frozenset(KeyPermission)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path)) as made:
        made.metadata.open_()
        yield made


@pytest.fixture
def query(tmp_path: Path) -> Query:
    """Looks into the file of `services`, and changes it behind its back."""

    def ask(statement: str) -> Rows:
        with closing(sqlite3.connect(tmp_path / "metadata.sqlite3")) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            rows = connection.execute(statement).fetchall()
            connection.commit()
            return rows

    return ask


@pytest.fixture
def keys(services: Services) -> KeysService:
    return services.keys


@pytest.fixture
def admin(services: Services) -> Actor:
    return services.metadata.store.users.create_(a_user(role=Role.ADMIN), "x").as_actor()


@pytest.fixture
def user(services: Services) -> Actor:
    return services.metadata.store.users.create_(a_user(), "x").as_actor()


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(AltusError) as failure:
        call(*arguments, **named)
    return failure.value.code


def events(query: Query) -> list[tuple[str, dict[str, Any]]]:
    rows = query("SELECT action, details FROM audit_log ORDER BY sequence")
    return [(action, json.loads(details)) for action, details in rows]


def test_a_key_is_shown_once_and_kept_as_a_hash(
    keys: KeysService, user: Actor, query: Query
) -> None:
    draft = KeyDraft("  Nightly   job ", KeyEnvironment.LIVE, SEARCH, expires_at=_in(30 * DAY))
    made = keys.create_(user, draft)
    assert made.key.name == "Nightly job"
    assert made.key_secret.startswith("altus4_sk_live_")
    assert made.key.user_id == user.user_id
    assert made.key.usage_count == 0
    assert made.key.expires_at == draft.expires_at
    assert keys.get_(user, made.key.id) == made.key
    everything = "\n".join(
        str(row) for table in ("api_keys", "audit_log") for row in query(f"SELECT * FROM {table}")
    )
    assert made.key_secret[30:] not in everything
    assert made.key_secret[:30] in everything
    ((action, details),) = events(query)
    assert action == "key.created"
    assert details["after"]["permissions"] == ["search"]
    assert made.key.prefix not in str(details)


def _in(span: timedelta) -> datetime:
    return (datetime.now(UTC) + span).replace(microsecond=0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "ab"}, "name"),
        ({"name": " a  "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "tab\x00inside"}, "name"),
        ({"permissions": frozenset()}, "permissions"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "expires"),
        ({"expires_at": datetime(2038, 1, 19, tzinfo=UTC)}, "expires"),
        ({"expires_at": datetime(9999, 1, 1, tzinfo=UTC)}, "expires"),
    ],
)
def test_what_cannot_be_a_key(
    keys: KeysService, user: Actor, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputError) as failure:
        keys.create_(user, replace(KeyDraft("A key"), **changes))
    assert failure.value.field == field
    assert failure.value.message
    assert keys.count_(user, KeyFilter.ALL) == 0


GRANTS: list[dict[str, Any]] = [
    {"permissions": frozenset({KeyPermission.ADMIN})},
    {"permissions": EVERYTHING},
    {"tier": KeyTier.PRO},
    {"tier": KeyTier.ENTERPRISE},
    {"custom_limit": RateLimit(1001)},
    {"custom_limit": RateLimit(17, 60)},
    {"custom_limit": RateLimit(24_000, 86_400)},
]


@pytest.mark.parametrize("grant", GRANTS)
def test_only_admins_grant_the_permission_admin_and_more_than_free(
    keys: KeysService, admin: Actor, user: Actor, grant: dict[str, Any]
) -> None:
    wanted = replace(KeyDraft("A key"), **grant)
    # By creating, by editing, and by replacing what an admin has given.
    assert code_of(keys.create_, user, wanted) == "key.admin_only"
    own = keys.create_(user, KeyDraft("A key")).key
    assert code_of(keys.edit_, user, own.id, wanted) == "key.admin_only"
    assert keys.get_(user, own.id) == own
    given = keys.edit_(admin, own.id, wanted)
    assert KeyDraft.of(given) == wanted
    assert code_of(keys.rotate_, user, own.id) == "key.admin_only"
    assert keys.get_(user, own.id).state_at(_in(HOUR)) is KeyState.ACTIVE
    # What an admin has given stays when its owner changes something else.
    assert keys.edit_(user, own.id, replace(wanted, name="New name")).name == "New name"
    assert keys.rotate_(admin, own.id).key.user_id == user.user_id


def test_a_former_admin_grants_nothing_more(
    keys: KeysService, services: Services, admin: Actor
) -> None:
    services.metadata.store.users.create_(a_user(role=Role.ADMIN), "x")
    services.metadata.store.users.set_role_keeping_an_admin(admin.user_id, Role.USER)
    assert code_of(keys.create_, admin, KeyDraft("A key", tier=KeyTier.PRO)) == "key.admin_only"


def test_a_user_does_not_lift_a_limit_an_admin_has_set(
    keys: KeysService, admin: Actor, user: Actor
) -> None:
    key = keys.create_(user, KeyDraft("A key")).key
    keys.edit_(admin, key.id, KeyDraft("A key", tier=KeyTier.PRO, custom_limit=RateLimit(5)))
    lifted = KeyDraft("A key", tier=KeyTier.PRO)
    assert code_of(keys.edit_, user, key.id, lifted) == "key.admin_only"
    assert keys.edit_(user, key.id, KeyDraft("A key")).limit == RateLimit(1000)


def test_what_anybody_may_grant(keys: KeysService, user: Actor) -> None:
    draft = KeyDraft(
        "A key",
        permissions=frozenset({KeyPermission.SEARCH, KeyPermission.ANALYTICS}),
        custom_limit=RateLimit(16, 60),
    )
    assert KeyDraft.of(keys.create_(user, draft).key) == draft


def test_users_see_their_own_keys_and_admins_all(
    keys: KeysService, admin: Actor, user: Actor
) -> None:
    theirs, own = (
        keys.create_(admin, KeyDraft("Admin's")).key,
        keys.create_(user, KeyDraft("Own")).key,
    )
    assert keys.list_(user).keys == (own,)
    assert {key.id for key in keys.list_(admin).keys} == {theirs.id, own.id}
    assert keys.list_(admin).owners == {admin.user_id: admin.email, user.user_id: user.email}
    assert (keys.count_(user, KeyFilter.ALL), keys.count_(admin, KeyFilter.ALL)) == (1, 2)
    for refused in (
        lambda: keys.get_(user, theirs.id),
        lambda: keys.edit_(user, theirs.id, KeyDraft("Mine now")),
        lambda: keys.rotate_(user, theirs.id),
        lambda: keys.revoke_(user, [own.id, theirs.id]),
        lambda: keys.in_use_(user, [theirs.id]),
    ):
        with pytest.raises(NotFoundError):
            refused()
    assert keys.get_(user, own.id) == own
    assert keys.get_(admin, theirs.id) == theirs


def test_a_key_is_edited(keys: KeysService, user: Actor, query: Query) -> None:
    key = keys.create_(user, KeyDraft("A key", expires_at=_in(DAY))).key
    wanted = KeyDraft("Other", permissions=frozenset({KeyPermission.ANALYTICS}))
    assert KeyDraft.of(keys.edit_(user, key.id, wanted)) == wanted
    action, details = events(query)[-1]
    assert action == "key.edited"
    assert (details["before"]["name"], details["after"]["name"]) == ("A key", "Other")
    with pytest.raises(InputError):
        keys.edit_(user, key.id, replace(wanted, environment=KeyEnvironment.LIVE))


def test_an_expired_key_gets_more_time_or_another_name(
    keys: KeysService, user: Actor, query: Query
) -> None:
    key = keys.create_(user, KeyDraft("A key", expires_at=_in(DAY))).key
    query("UPDATE api_keys SET expires_at = datetime('now', '-1 hour')")
    expired = keys.get_(user, key.id)
    renamed = keys.edit_(user, key.id, replace(KeyDraft.of(expired), name="Once"))
    assert (renamed.name, renamed.expires_at) == ("Once", expired.expires_at)
    keys.edit_(user, key.id, KeyDraft("A key", expires_at=_in(DAY)))
    assert keys.list_(user).keys[0].id == key.id


def test_two_who_edit_the_same_key(keys: KeysService, user: Actor, services: Services) -> None:
    repository = services.metadata.store.api_keys
    seen = keys.create_(user, KeyDraft("A key")).key
    repository.update_(replace(seen, name="First"), seen)
    with pytest.raises(ConflictError) as failure:
        repository.update_(replace(seen, name="Second"), seen)
    assert failure.value.code == "key.changed"
    assert keys.get_(user, seen.id).name == "First"


@pytest.mark.parametrize("grace_s", [3600, 24 * 3600, 7 * 24 * 3600])
def test_a_key_is_replaced_with_time_to_change_over(
    keys: KeysService, admin: Actor, query: Query, grace_s: int
) -> None:
    draft = KeyDraft("A key", KeyEnvironment.LIVE, EVERYTHING, KeyTier.PRO, RateLimit(9, 60))
    old = keys.create_(admin, draft)
    new = keys.rotate_(admin, old.key.id, grace_s)
    assert KeyDraft.of(new.key) == draft
    assert new.key.predecessor_id == old.key.id
    assert new.key_secret != old.key_secret
    going = keys.get_(admin, old.key.id)
    assert going.successor_id == new.key.id
    assert going.expires_at is not None
    assert abs(going.expires_at - _in(timedelta(seconds=grace_s))) <= timedelta(seconds=5)
    for made in (old, new):
        assert keys.verify_(made.key_secret).answer is KeyAnswer.VALID
    assert going.state_at(_in(timedelta(0))) is KeyState.ROTATING
    assert going.state_at(_in(timedelta(seconds=grace_s + 60))) is KeyState.EXPIRED
    for again in (
        lambda: keys.rotate_(admin, old.key.id, 0),
        lambda: keys.edit_(admin, old.key.id, draft),
    ):
        assert code_of(again) == "key.rotating"
    action, details = events(query)[-1]
    assert action == "key.rotated"
    assert details["successor_id"] == new.key.id


def test_a_key_is_replaced_at_once(keys: KeysService, user: Actor) -> None:
    old = keys.create_(user, KeyDraft("A key"))
    new = keys.rotate_(user, old.key.id)
    assert keys.verify_(old.key_secret).answer is KeyAnswer.REVOKED
    assert keys.verify_(new.key_secret).answer is KeyAnswer.VALID
    assert code_of(keys.rotate_, user, old.key.id) == "key.revoked"
    with pytest.raises(InputError):
        keys.rotate_(user, new.key.id, 60)


def test_grace_does_not_make_a_key_live_longer(keys: KeysService, user: Actor) -> None:
    end = _in(2 * HOUR)
    old = keys.create_(user, KeyDraft("A key", expires_at=end)).key
    new = keys.rotate_(user, old.id, 24 * 3600).key
    assert keys.get_(user, old.id).expires_at == end
    assert new.expires_at is not None
    assert timedelta(0) <= new.expires_at - end <= timedelta(seconds=5)
    chosen = _in(9 * DAY)
    assert keys.rotate_(user, new.id, 3600, expires_at=chosen).key.expires_at == chosen


def test_a_rotation_that_fails_changes_nothing(
    keys: KeysService, user: Actor, services: Services, query: Query
) -> None:
    seen = keys.create_(user, KeyDraft("A key")).key
    query("CREATE TRIGGER stop BEFORE INSERT ON key_rotations BEGIN SELECT RAISE(FAIL, 'no'); END")
    with pytest.raises(AltusError):
        keys.rotate_(user, seen.id)
    assert keys.list_(user, KeyFilter.ALL).keys == (seen,)
    assert len(events(query)) == 1


def test_revoking_a_key_in_use_asks_by_name(keys: KeysService, user: Actor, query: Query) -> None:
    used, idle = keys.create_(user, KeyDraft("In use")), keys.create_(user, KeyDraft("Idle"))
    keys.authenticate_(used.key_secret)
    ids = [idle.key.id, used.key.id, idle.key.id]
    assert [key.name for key in keys.in_use_(user, ids)] == ["In use"]
    with pytest.raises(ConflictError) as failure:
        keys.revoke_(user, ids, ["in use"])
    assert (failure.value.code, failure.value.details["name"]) == ("key.in_use", "In use")
    assert keys.count_(user, KeyFilter.REVOKED) == 0
    revoked = keys.revoke_(user, ids, ["In use"])
    assert [key.name for key in revoked] == ["Idle", "In use"]
    assert keys.count_(user, KeyFilter.REVOKED) == 2
    assert [action for action, _ in events(query)][-2:] == ["key.revoked", "key.revoked"]
    assert keys.revoke_(user, ids) == ()
    assert len(events(query)) == 4
    query("UPDATE api_keys SET is_active = 1, last_used = datetime('now', '-8 days')")
    assert len(keys.revoke_(user, ids)) == 2


def test_many_keys_are_revoked_at_once(keys: KeysService, services: Services, user: Actor) -> None:
    repository = services.metadata.store.api_keys
    key = keys.create_(user, KeyDraft("A key")).key
    ids = [key.id]
    for number in range(600):
        copy = replace(key, id=f"{number:036}", prefix=f"altus4_sk_test_{number:015}")
        ids.append(repository.create_(copy, f"{number:064}").id)
    assert len(keys.revoke_(user, ids)) == 601
    assert keys.count_(user, KeyFilter.CURRENT) == 0


def test_what_verifying_says(keys: KeysService, user: Actor, query: Query) -> None:
    made = keys.create_(user, KeyDraft("A key", permissions=SEARCH | {KeyPermission.ANALYTICS}))
    report = keys.verify_(f" {made.key_secret}\n")
    assert report.answer is KeyAnswer.VALID
    assert report.allowed == {KeyPermission.SEARCH, KeyPermission.ANALYTICS}
    assert report.key == made.key
    assert report.owner_email == user.email
    before = query("SELECT * FROM api_keys"), query("SELECT * FROM audit_log")
    unknown = keys.verify_(make_key(KeyEnvironment.TEST))
    assert (unknown.answer, unknown.key, unknown.allowed) == (KeyAnswer.UNKNOWN, None, frozenset())
    assert before == (query("SELECT * FROM api_keys"), query("SELECT * FROM audit_log"))
    query("UPDATE api_keys SET expires_at = datetime('now', '-1 second')")
    expired = keys.verify_(made.key_secret)
    assert (expired.answer, expired.allowed) == (KeyAnswer.EXPIRED, frozenset())
    keys.revoke_(user, [made.key.id])
    assert keys.verify_(made.key_secret).answer is KeyAnswer.REVOKED


def test_a_malformed_text_is_told_without_a_store(tmp_path: Path) -> None:
    with closing(compose(tmp_path)) as services:
        key = make_key(KeyEnvironment.TEST)
        report = services.keys.verify_(key[:-1])
        assert report.answer is KeyAnswer.MALFORMED
        assert report.reason
        assert code_of(services.keys.authenticate_, "hello") == "key.malformed"
        assert code_of(services.keys.verify_, key) == "store.closed"


def test_that_something_was_no_key_is_written_down_without_it(
    keys: KeysService, query: Query
) -> None:
    assert code_of(keys.authenticate_, "canary-password-in-the-wrong-place") == "key.malformed"
    assert [action for action, _ in events(query)] == ["key.refused"]
    ((row,),) = query("SELECT details FROM audit_log")
    assert row == '{"answer":"malformed"}'
    assert "canary" not in str(query("SELECT * FROM audit_log"))


def test_admin_covers_all_and_says_how_far(keys: KeysService, admin: Actor, user: Actor) -> None:
    made = keys.create_(admin, KeyDraft("A key", permissions=frozenset({KeyPermission.ADMIN})))
    assert keys.verify_(made.key_secret).allowed == EVERYTHING
    own = keys.create_(user, KeyDraft("A key"))
    keys.edit_(admin, own.key.id, replace(KeyDraft.of(own.key), permissions=EVERYTHING))
    report = keys.verify_(own.key_secret)
    assert report.allowed == EVERYTHING
    assert "own rows" in report.reason


LEGACY = "altus4_sk_test_" + "aZ-_" * 10 + "xYz"


def test_keys_of_an_early_server_hold_when_its_rule_does(
    keys: KeysService, services: Services, user: Actor
) -> None:
    repository = services.metadata.store.api_keys
    blank = keys.create_(user, KeyDraft("A key")).key
    valid = replace(blank, id="1" * 36, prefix=LEGACY[:30], name="Early")
    repository.create_(valid, hashlib.sha256(LEGACY.encode()).hexdigest())
    report = keys.verify_(LEGACY)
    assert report.answer is KeyAnswer.VALID
    assert report.key is not None
    assert report.key.legacy
    # Two days long the server kept a prefix that had nothing to do with the key.
    other = LEGACY[:-1] + "Q"
    unrelated = replace(blank, id="2" * 36, prefix="altus4_sk_test_0123456789abcde")
    repository.create_(unrelated, hashlib.sha256(other.encode()).hexdigest())
    assert keys.verify_(other).answer is KeyAnswer.UNKNOWN
    assert [key.legacy for key in keys.list_(user, text="altus4_sk_test_aZ").keys] == [True]


def test_who_acts_by_a_key(
    keys: KeysService, services: Services, user: Actor, query: Query
) -> None:
    made = keys.create_(user, KeyDraft("A key"))
    actor = keys.authenticate_(made.key_secret)
    assert actor == replace(user, api_key_id=made.key.id, key_permissions=SEARCH)
    used = keys.get_(user, made.key.id)
    assert (used.usage_count, used.last_used_from) == (1, "127.0.0.1")
    assert used.last_used_at is not None
    assert used.updated_at == made.key.updated_at
    keys.spend_(actor)
    keys.spend_(user)
    assert keys.get_(user, made.key.id).usage_count == 2
    assert code_of(keys.list_, actor) == "access.key"
    assert [action for action, _ in events(query)] == ["key.created"]


def test_a_key_with_the_permission_admin_manages_its_owners_rows(
    keys: KeysService, admin: Actor, user: Actor
) -> None:
    own = keys.create_(user, KeyDraft("A key"))
    theirs = keys.create_(admin, KeyDraft("Admin's"))
    everything = frozenset({KeyPermission.ADMIN})
    for made in (own, theirs):
        keys.edit_(admin, made.key.id, replace(KeyDraft.of(made.key), permissions=everything))
    by_own, by_theirs = (keys.authenticate_(made.key_secret) for made in (own, theirs))
    assert [key.id for key in keys.list_(by_own).keys] == [own.key.id]
    assert len(keys.list_(by_theirs).keys) == 2
    assert code_of(keys.create_, by_own, KeyDraft("A key", tier=KeyTier.PRO)) == "key.admin_only"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE api_keys SET is_active = 0", "key.revoked"),
        ("UPDATE api_keys SET expires_at = datetime('now', '-1 second')", "key.expired"),
        ("DELETE FROM api_keys", "key.unknown"),
        ("DELETE FROM users", "key.unknown"),
    ],
)
def test_a_key_that_works_no_more_is_refused_and_that_is_written_down(
    keys: KeysService, user: Actor, query: Query, change: str, code: str
) -> None:
    made = keys.create_(user, KeyDraft("A key"))
    actor = keys.authenticate_(made.key_secret)
    query(change)
    with pytest.raises(AccessError) as failure:
        keys.authenticate_(made.key_secret)
    assert failure.value.code == code
    assert failure.value.hint
    with pytest.raises(AccessError) as failure:
        keys.spend_(actor)
    assert failure.value.code == code
    refused = [details for action, details in events(query) if action == "key.refused"]
    assert refused == [{"answer": code.partition(".")[2]}] * 2
    assert query("SELECT SUM(usage_count) FROM api_keys") in ([(1,)], [(None,)])


def test_the_limit_says_when_to_come_back(keys: KeysService, user: Actor, query: Query) -> None:
    made = keys.create_(user, KeyDraft("A key", custom_limit=RateLimit(2, 3600)))
    actor = keys.authenticate_(made.key_secret)
    keys.spend_(actor)
    for _ in range(3):
        with pytest.raises(AccessError) as failure:
            keys.spend_(actor)
    error = failure.value
    assert (error.code, error.retryable) == ("key.limited", True)
    # An hour, and a slice of a minute more at most: no machine is slow enough for that to pass.
    assert 3000 <= int(error.details["wait_s"]) <= 3660
    assert "2 requests in 3600 seconds" in error.message
    assert str(error.details["free_at"]) in error.hint
    assert keys.get_(user, made.key.id).usage_count == 2
    # An hour later.
    query("UPDATE key_uses SET slice = slice - 3660")
    keys.spend_(actor)
    assert keys.get_(user, made.key.id).usage_count == 3


def test_everything_about_a_key(keys: KeysService, admin: Actor, user: Actor, query: Query) -> None:
    first = keys.create_(user, KeyDraft("A key", custom_limit=RateLimit(9, 3600)))
    for _ in range(3):
        actor = keys.authenticate_(first.key_secret)
    second = keys.rotate_(user, first.key.id, 3600)
    third = keys.rotate_(user, second.key.id)
    details = keys.details_(user, second.key.id)
    assert details == keys.details_(admin, second.key.id)
    assert (details.key.id, details.owner_email, details.used) == (second.key.id, user.email, 0)
    assert (details.predecessor, details.successor) == (
        keys.get_(user, first.key.id),
        keys.get_(user, third.key.id),
    )
    old = keys.details_(user, first.key.id)
    assert (old.used, old.predecessor) == (3, None)
    query("UPDATE key_uses SET slice = slice - 3660")
    keys.spend_(actor)
    assert keys.details_(user, first.key.id).used == 1
    theirs = keys.create_(admin, KeyDraft("Admin's")).key
    with pytest.raises(NotFoundError):
        keys.details_(user, theirs.id)


def test_keys_by_their_owner(keys: KeysService, admin: Actor, user: Actor) -> None:
    keys.create_(admin, KeyDraft("Admin's"))
    own = keys.create_(user, KeyDraft("Own")).key
    part = f" {user.email[:8].upper()} "
    for wanted in (KeyFilter.ALL, KeyFilter.CURRENT):
        assert keys.list_(admin, wanted, owner_text=part).keys == (own,)
        assert keys.count_(admin, wanted, owner_text=part) == 1
    assert keys.list_(user, owner_text=admin.email).keys == ()
    assert keys.list_(admin, owner_text="_%").keys == ()


def test_a_key_of_a_deleted_user_is_gone(
    keys: KeysService, services: Services, user: Actor
) -> None:
    made = keys.create_(user, KeyDraft("A key"))
    keys.rotate_(user, made.key.id, 3600)
    services.metadata.store.users.delete_keeping_an_admin(user.user_id)
    assert keys.verify_(made.key_secret).answer is KeyAnswer.UNKNOWN


def test_of_a_pasted_key_only_the_prefix_is_searched_for(keys: KeysService, user: Actor) -> None:
    made = keys.create_(user, KeyDraft("A key"))
    keys.create_(user, KeyDraft("Other"))
    assert [key.id for key in keys.list_(user, text=made.key_secret).keys] == [made.key.id]
    assert [key.name for key in keys.list_(user, text=" OTH ").keys] == ["Other"]
    assert keys.list_(user, text="100%").keys == ()


def test_another_programs_limit_is_not_ours(keys: KeysService, user: Actor, query: Query) -> None:
    made = keys.create_(user, KeyDraft("A key"))
    query("UPDATE api_keys SET rate_limit_custom = '{\"perMinute\": 5}', permissions = '[\"fly\"]'")
    read = keys.get_(user, made.key.id)
    assert (read.limit, read.permissions) == (RateLimit(1000), frozenset())
    assert keys.verify_(made.key_secret).allowed == frozenset()


def test_a_service_of_its_own_is_all_it_needs(services: Services, user: Actor) -> None:
    metadata: MetadataService = services.metadata
    keys = KeysService(metadata, Permissions(metadata))
    key: ApiKey = keys.create_(user, KeyDraft("A key")).key
    assert keys.get_(user, key.id) == key
