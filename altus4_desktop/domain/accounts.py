"""Who is acting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from altus4_desktop.domain.keys import KeyPermission


class Role(StrEnum):
    """What a user may see: their own rows, or everything."""

    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """The user on whose behalf a service acts.

    ``key_permissions`` is None for somebody who signed in in person; otherwise they act by the API
    key ``api_key_id`` and may do only what it allows.
    """

    user_id: str
    email: str
    name: str
    role: Role
    is_demo: bool = False
    api_key_id: str = ""
    key_permissions: frozenset[KeyPermission] | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A row of ``users`` without its password hash."""

    id: str
    name: str
    email: str
    role: Role
    preferences: Mapping[str, Any] = field(default_factory=dict)
    timezone: str = "UTC"
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_demo(self) -> bool:
        """Whether the demo made this account."""
        return bool(self.preferences.get("demo"))

    def as_actor(self) -> Actor:
        """This user as the one who acts."""
        return Actor(self.id, self.email, self.name, self.role, self.is_demo)
