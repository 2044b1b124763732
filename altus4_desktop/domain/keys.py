"""API keys: what they look like, what they allow, and what may be said of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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

    @property
    def limit(self) -> RateLimit:
        """What applies: the custom limit, else the tier's."""
        return self.custom_limit or RateLimit(self.tier.requests_an_hour)

    def allows(self, permission: KeyPermission) -> bool:
        """Whether the key may do this."""
        return permission in self.permissions or KeyPermission.ADMIN in self.permissions
