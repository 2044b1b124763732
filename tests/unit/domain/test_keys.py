"""API keys: limits of their own, and where a key is in its life."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.keys import (
    ApiKey,
    KeyDraft,
    KeyEnvironment,
    KeyPermission,
    KeyState,
    KeyTier,
    MadeKey,
    RateLimit,
    read_limit,
)
from tests.records import AN_INSTANT

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def a_key(**changes: Any) -> ApiKey:
    key = ApiKey(
        id="k",
        user_id="u",
        prefix="altus4_sk_test_0123456789abcde",
        name="Key",
        environment=KeyEnvironment.TEST,
        permissions=frozenset({KeyPermission.SEARCH}),
        tier=KeyTier.FREE,
    )
    return replace(key, **changes)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ('{"requests": 500, "window_s": 60}', RateLimit(500, 60)),
        ('{"requests": 1}', RateLimit(1, 3600)),
        ('{"window_s": 86400, "requests": 10000000}', RateLimit(10_000_000, 86_400)),
    ],
)
def test_a_limit_of_its_own(text: str, limit: RateLimit) -> None:
    assert read_limit(json.loads(text)) == limit
    assert read_limit(limit.as_document()) == limit


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "5",
        "[500, 60]",
        "{}",
        '{"window_s": 60}',
        '{"requests": 0}',
        '{"requests": -1}',
        '{"requests": 1.5}',
        '{"requests": "500"}',
        '{"requests": true}',
        '{"requests": 10000001}',
        '{"requests": 5, "window_s": 0}',
        '{"requests": 5, "window_s": 86401}',
        '{"requests": 5, "window_s": null}',
        '{"requests": 5, "window": 60}',
        '{"requests": 5, "burst": 10}',
    ],
)
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(InputError) as failure:
        read_limit(json.loads(text))
    assert failure.value.field == "custom_limit"
    assert failure.value.message
    assert "{" not in failure.value.message


def test_what_an_hour_can_hold() -> None:
    assert RateLimit(1000).most_an_hour == 1000
    assert RateLimit(10, 60).most_an_hour == 600
    # The hour may begin in the middle of a window.
    assert RateLimit(600, 2000).most_an_hour == 1200
    assert RateLimit(1000, 86_400).most_an_hour == 1000


def test_the_limit_that_applies() -> None:
    assert a_key().limit == RateLimit(1000, 3600)
    assert a_key(tier=KeyTier.PRO).limit == RateLimit(10_000, 3600)
    assert a_key(tier=KeyTier.ENTERPRISE).limit == RateLimit(100_000, 3600)
    assert a_key(tier=KeyTier.PRO, custom_limit=RateLimit(5, 60)).limit == RateLimit(5, 60)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, KeyState.ACTIVE),
        ({"expires_at": AN_INSTANT}, KeyState.EXPIRED),
        ({"expires_at": AN_INSTANT + SECOND}, KeyState.EXPIRING),
        ({"expires_at": AN_INSTANT + 7 * DAY}, KeyState.EXPIRING),
        ({"expires_at": AN_INSTANT + 7 * DAY + SECOND}, KeyState.ACTIVE),
        ({"successor_id": "n"}, KeyState.ROTATING),
        ({"successor_id": "n", "expires_at": AN_INSTANT + SECOND}, KeyState.ROTATING),
        ({"successor_id": "n", "expires_at": AN_INSTANT}, KeyState.EXPIRED),
        ({"is_active": False}, KeyState.REVOKED),
        ({"is_active": False, "expires_at": AN_INSTANT - DAY}, KeyState.REVOKED),
        ({"is_active": False, "successor_id": "n"}, KeyState.REVOKED),
        ({"predecessor_id": "o"}, KeyState.ACTIVE),
    ],
)
def test_where_a_key_is_in_its_life(changes: dict[str, Any], state: KeyState) -> None:
    assert a_key(**changes).state_at(AN_INSTANT) is state


def test_what_is_in_use() -> None:
    assert not a_key().in_use_at(AN_INSTANT)
    assert a_key(last_used_at=AN_INSTANT - 7 * DAY + SECOND).in_use_at(AN_INSTANT)
    assert not a_key(last_used_at=AN_INSTANT - 7 * DAY).in_use_at(AN_INSTANT)
    assert not a_key(last_used_at=AN_INSTANT, is_active=False).in_use_at(AN_INSTANT)
    assert not a_key(last_used_at=AN_INSTANT, expires_at=AN_INSTANT).in_use_at(AN_INSTANT)


def test_admin_includes_the_others() -> None:
    key = a_key(permissions=frozenset({KeyPermission.ADMIN}))
    assert all(key.allows(permission) for permission in KeyPermission)
    assert not a_key().allows(KeyPermission.ANALYTICS)


def test_a_draft_begins_as_the_key_is() -> None:
    key = a_key(tier=KeyTier.PRO, custom_limit=RateLimit(5), expires_at=AN_INSTANT)
    assert KeyDraft.of(key) == KeyDraft(
        "Key",
        KeyEnvironment.TEST,
        frozenset({KeyPermission.SEARCH}),
        KeyTier.PRO,
        RateLimit(5),
        AN_INSTANT,
    )


def test_the_secret_is_in_no_repr() -> None:
    assert "canary" not in repr(MadeKey(a_key(), "canary-secret"))
