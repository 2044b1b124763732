"""API keys: what they look like, what they allow, and what may be said of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from altus4_desktop.domain.errors import InputError

EXPIRING_WITHIN = timedelta(days=7)
UNUSED_AFTER = timedelta(days=90)
IN_USE_WITHIN = timedelta(days=7)
LONGEST_WINDOW_S = 24 * 3600
MOST_REQUESTS = 10_000_000
GRACES_S = {"now": 0, "1h": 3600, "24h": 24 * 3600, "7d": 7 * 24 * 3600}
"""How long a replaced key may go on, by the name of the choice."""


class KeyEnvironment(StrEnum):
    """What a key is for; part of the key itself."""

    TEST = "test"
    LIVE = "live"


class KeyPermission(StrEnum):
    """What a key may do; ``admin`` includes the others, and never more than its owner's role."""

    SEARCH = "search"
    ANALYTICS = "analytics"
    ADMIN = "admin"


class KeyTier(StrEnum):
    """How much a key may do."""

    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"

    @property
    def requests_an_hour(self) -> int:
        """The specification's limit."""
        return {KeyTier.FREE: 1_000, KeyTier.PRO: 10_000, KeyTier.ENTERPRISE: 100_000}[self]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most ``requests`` in any ``window_s`` seconds."""

    requests: int
    window_s: int = 3600

    @property
    def most_an_hour(self) -> int:
        """How many requests one hour can hold at most."""
        return self.requests * -(-3600 // self.window_s)

    def as_document(self) -> dict[str, int]:
        """The JSON of ``rate_limit_custom``, as `read_limit` takes it."""
        return {"requests": self.requests, "window_s": self.window_s}


def read_limit(document: Any) -> RateLimit:
    """The limit in a JSON document ``{"requests": 500, "window_s": 60}``.

    ``requests`` is a whole number from 1 to 10,000,000, ``window_s`` one from 1 to 86,400 (default:
    an hour). Raises InputError for anything else.
    """
    if not isinstance(document, Mapping) or not {"requests"} <= set(document) <= {
        "requests",
        "window_s",
    }:
        raise InputError(
            "custom_limit",
            "A custom limit is a JSON object with “requests” and, if not an hour, “window_s”.",
            hint="It looks like {example}.",
            example='{"requests": 500, "window_s": 60}',
        )
    requests, window_s = document["requests"], document.get("window_s", 3600)
    _check_whole("requests", requests, MOST_REQUESTS)
    _check_whole("window_s", window_s, LONGEST_WINDOW_S)
    return RateLimit(requests, window_s)


def _check_whole(name: str, value: Any, most: int) -> None:
    # A bool is an int to Python, not to a person.
    if type(value) is not int or not 1 <= value <= most:
        raise InputError(
            "custom_limit",
            "“{name}” of a custom limit is a whole number from 1 to {most}.",
            name=name,
            most=f"{most:,}",
        )


class KeyState(StrEnum):
    """Where a key is in its life; ``expiring`` within a week, ``rotating`` while its successor
    is there already."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    ROTATING = "rotating"
    EXPIRED = "expired"
    REVOKED = "revoked"


class KeyAnswer(StrEnum):
    """What verifying a pasted text says."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A row of ``api_keys``: the key itself is nowhere, only its SHA-256 in the store.

    ``legacy`` marks a key of an Altus 4 server in a form that this program does not make.
    ``successor_id`` names the key that replaces it, ``predecessor_id`` the one it replaces.
    """

    id: str
    user_id: str
    prefix: str
    name: str
    environment: KeyEnvironment
    permissions: frozenset[KeyPermission]
    tier: KeyTier
    custom_limit: RateLimit | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used_from: str = ""
    usage_count: int = 0
    is_active: bool = True
    legacy: bool = False
    successor_id: str = ""
    predecessor_id: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def state_at(self, now: datetime) -> KeyState:
        """Where the key is in its life at ``now``."""
        if not self.is_active:
            return KeyState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return KeyState.EXPIRED
        if self.successor_id:
            return KeyState.ROTATING
        if self.expires_at is not None and self.expires_at <= now + EXPIRING_WITHIN:
            return KeyState.EXPIRING
        return KeyState.ACTIVE

    def in_use_at(self, now: datetime) -> bool:
        """Whether it may be used still, and was within the last seven days."""
        return (
            self.state_at(now) not in (KeyState.REVOKED, KeyState.EXPIRED)
            and self.last_used_at is not None
            and self.last_used_at > now - IN_USE_WITHIN
        )

    @property
    def limit(self) -> RateLimit:
        """What applies: the custom limit, else the tier's."""
        return self.custom_limit or RateLimit(self.tier.requests_an_hour)

    def allows(self, permission: KeyPermission) -> bool:
        """Whether the key may do this."""
        return permission in self.permissions or KeyPermission.ADMIN in self.permissions


@dataclass(frozen=True, slots=True)
class KeyDraft:
    """What a person chooses of a key; ``expires_at`` None: never."""

    name: str
    environment: KeyEnvironment = KeyEnvironment.TEST
    permissions: frozenset[KeyPermission] = frozenset({KeyPermission.SEARCH})
    tier: KeyTier = KeyTier.FREE
    custom_limit: RateLimit | None = None
    expires_at: datetime | None = None

    @classmethod
    def of(cls, key: ApiKey) -> KeyDraft:
        """What was chosen of ``key``."""
        return cls(
            key.name, key.environment, key.permissions, key.tier, key.custom_limit, key.expires_at
        )


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key and its secret text, which exists nowhere else and is never seen again."""

    key: ApiKey
    key_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What verifying a text says, at the store's time ``at``.

    ``allowed`` is what the key may really do now: nothing unless it is valid, and ``admin`` only as
    far as its owner's role goes. ``reason`` is a sentence. ``key`` and ``owner_email`` are known
    unless the text is malformed or unknown.
    """

    answer: KeyAnswer
    reason: str
    key: ApiKey | None = None
    owner_email: str = ""
    allowed: frozenset[KeyPermission] = frozenset()
    at: datetime | None = None


class KeyFilter(StrEnum):
    """Which keys to list. ``current`` are those that work; ``unused`` those that work and were not
    used for 90 days, nor made in that time."""

    ALL = "all"
    CURRENT = "current"
    EXPIRING = "expiring"
    NEVER_EXPIRING = "never-expiring"
    UNUSED = "unused"
    ROTATING = "rotating"
    EXPIRED = "expired"
    REVOKED = "revoked"


class KeySort(StrEnum):
    """What a list is ordered by. A key that never expires comes after all that do, one that was
    never used before all that were."""

    EXPIRES = "expires"
    CREATED = "created"
    LAST_USED = "last-used"
    USES = "uses"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Some keys in their order, the store's time when they were read, and their owners' e-mail
    addresses by id. ``more``: others follow."""

    keys: tuple[ApiKey, ...]
    owners: Mapping[str, str]
    read_at: datetime
    more: bool


@dataclass(frozen=True, slots=True)
class KeyDetails:
    """Everything about a key at the store's time ``read_at``.

    ``used``: how many requests the window of its limit holds then. ``predecessor`` is the key it
    replaces, ``successor`` the one that replaces it.
    """

    key: ApiKey
    owner_email: str
    used: int
    predecessor: ApiKey | None
    successor: ApiKey | None
    read_at: datetime


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What came of using a key once, at the store's time ``at``; ``key`` None: there is no such
    key. It was counted if and only if ``counted``; ``free_at`` is when the limit lets the next one
    by."""

    key: ApiKey | None
    at: datetime
    counted: bool = False
    free_at: datetime | None = None
