"""What is said of times and limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from altus4_desktop.domain.keys import (
    ApiKey,
    KeyEnvironment,
    KeyPermission,
    KeyState,
    KeyTier,
    RateLimit,
)
from altus4_desktop.ui.panes.keys.wording import (
    count_words,
    countdown,
    expiry_words,
    last_used_words,
    limit_words,
    named,
    permissions_words,
    state_look,
    state_words,
    tier_and_limit_words,
)
from altus4_desktop.ui.times import ahead

NOW = datetime(2026, 2, 27, 23, 30, tzinfo=UTC)
KEY = ApiKey(
    id="k1",
    user_id="u1",
    prefix="altus4_sk_test_0123456789abcde",
    name="A key",
    environment=KeyEnvironment.TEST,
    permissions=frozenset({KeyPermission.ADMIN, KeyPermission.SEARCH}),
    tier=KeyTier.FREE,
)


def but(**changes: object) -> ApiKey:
    """The key with these changes."""
    return replace(KEY, **changes)  # type: ignore[arg-type]  # names are checked by replace


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-5), "within a minute"),
        (timedelta(seconds=59), "within a minute"),
        (timedelta(seconds=119), "in a minute"),
        (timedelta(minutes=59, seconds=59), "in 59 minutes"),
        (timedelta(minutes=119), "in an hour"),
        (timedelta(hours=23, minutes=59), "in 23 hours"),
        (timedelta(hours=47), "in a day"),
        # Over the end of a month.
        (timedelta(days=3, hours=5), "in 3 days"),
        (timedelta(days=30, hours=23), "in 30 days"),
    ],
)
def test_how_long_it_is_until_then_is_never_rounded_up(span: timedelta, text: str) -> None:
    assert ahead(NOW + span, NOW) == text


def test_what_is_far_away_is_a_date() -> None:
    assert "27" in ahead(NOW.replace(year=2027, hour=12), NOW)


def test_when_a_key_ends() -> None:
    assert expiry_words(KEY, NOW) == "Never"
    assert expiry_words(but(expires_at=NOW + timedelta(hours=3)), NOW) == "in 3 hours"
    assert expiry_words(but(expires_at=NOW), NOW) == "just now"
    assert expiry_words(but(expires_at=NOW - timedelta(days=2)), NOW) == "2 days ago"


def test_when_and_from_where_a_key_was_used() -> None:
    assert last_used_words(KEY, NOW) == "Never"
    used = but(last_used_at=NOW - timedelta(hours=5), last_used_from="2001:db8::1")
    assert last_used_words(used, NOW) == "5 hours ago · 2001:db8::1"


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (RateLimit(1, 1), "1 request in a second"),
        (RateLimit(9, 60), "9 requests in a minute"),
        (RateLimit(9), "9 requests in an hour"),
        (RateLimit(9, 86_400), "9 requests in a day"),
        (RateLimit(9, 7200), "9 requests in 2 hours"),
        (RateLimit(9, 300), "9 requests in 5 minutes"),
        (RateLimit(9, 61), "9 requests in 61 seconds"),
    ],
)
def test_limits(limit: RateLimit, text: str) -> None:
    assert limit_words(limit) == text


def test_a_limit_of_its_own_stands_beside_the_tier() -> None:
    assert tier_and_limit_words(KEY) == "Free"
    assert tier_and_limit_words(but(custom_limit=RateLimit(5))) == "Free, own limit"


def test_permissions_have_one_order() -> None:
    assert permissions_words(KEY.permissions) == "Search, Admin"
    assert permissions_words(frozenset()) == "Nothing"


def test_no_two_states_look_or_read_alike() -> None:
    assert len({state_words(state) for state in KeyState}) == len(KeyState)
    assert len({state_look(state)[0] for state in KeyState}) == len(KeyState)


def test_counts_and_long_names() -> None:
    assert count_words(0, 10) == "0 keys"
    assert count_words(1, 10) == "1 key"
    assert count_words(10, 10) == "10 keys or more"
    assert named(but(name="x" * 48)) == "x" * 48
    assert named(but(name="x" * 49)) == "x" * 47 + "…"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00:00"),
        (-5, "00:00:00"),
        (3599.9, "00:59:59"),
        (86_400, "1 day 00:00:00"),
        (604_799, "6 days 23:59:59"),
    ],
)
def test_a_countdown_is_never_rounded_up(seconds: float, text: str) -> None:
    assert countdown(seconds) == text
