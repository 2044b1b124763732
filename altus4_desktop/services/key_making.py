"""What a person chooses of a key, checked, and the key that comes of it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.key_text import KeyFault, make_key, read_key
from altus4_desktop.domain.keys import ApiKey, KeyDraft
from altus4_desktop.domain.local_days import instant_text

NAME_MOST = 255
_NAME_LEAST = 3
# What a TIMESTAMP holds.
_LAST_EXPIRY = datetime(2038, 1, 19, tzinfo=UTC)


def check_draft(draft: KeyDraft, now: datetime | None) -> KeyDraft:
    """The draft as it is stored; ``now`` None: its end was agreed to before. Raises InputError."""
    name = " ".join(draft.name.split())
    if len(name) < _NAME_LEAST:
        raise InputError("name", "A name of at least {least} characters.", least=_NAME_LEAST)
    if len(name) > NAME_MOST or not name.isprintable():
        raise InputError(
            "name",
            "The name is longer than {most} characters or has unprintable ones.",
            most=NAME_MOST,
        )
    if not draft.permissions:
        raise InputError("permissions", "A key needs at least one permission.")
    end = draft.expires_at
    if end is None or now is None:
        return replace(draft, name=name)
    end = end.astimezone(UTC).replace(microsecond=0)
    if end <= now:
        raise InputError("expires", "The key would have expired already.")
    if end >= _LAST_EXPIRY:
        raise InputError(
            "expires",
            "A key can expire before {last}, or never.",
            last=_LAST_EXPIRY.date().isoformat(),
        )
    return replace(draft, name=name, expires_at=end)


def same_life(key: ApiKey, now: datetime) -> datetime | None:
    """When a key made ``now`` ends that lasts as long as ``key`` was made for; None: never."""
    if key.expires_at is None or key.created_at is None:
        return key.expires_at
    return min(now + (key.expires_at - key.created_at), _LAST_EXPIRY - timedelta(seconds=1))


def grace_end(key: ApiKey, now: datetime, grace_s: int) -> datetime | None:
    """When ``key`` ends that is replaced ``now`` and goes on for ``grace_s`` seconds, but not
    beyond its own end; None: it works no more."""
    if grace_s == 0:
        return None
    ends_at = now + timedelta(seconds=grace_s)
    return ends_at if key.expires_at is None else min(ends_at, key.expires_at)


def build_key(draft: KeyDraft, owner_id: str, now: datetime) -> tuple[str, ApiKey, str]:
    """The text of a new key, which is a secret, its record and its hash."""
    key_secret = make_key(draft.environment)
    read = read_key(key_secret)
    assert not isinstance(read, KeyFault)  # noqa: S101  # we have just made it
    bare = ApiKey(
        id=str(uuid.uuid4()),
        user_id=owner_id,
        prefix=read.prefix,
        name=draft.name,
        environment=draft.environment,
        permissions=draft.permissions,
        tier=draft.tier,
        created_at=now,
    )
    return key_secret, with_draft(bare, draft), read.key_hash


def with_draft(key: ApiKey, draft: KeyDraft) -> ApiKey:
    """``key`` with what ``draft`` says; its environment stays."""
    return replace(
        key,
        name=draft.name,
        permissions=draft.permissions,
        tier=draft.tier,
        custom_limit=draft.custom_limit,
        expires_at=draft.expires_at,
    )


def key_document(key: ApiKey) -> dict[str, Any]:
    """What the audit log says of a key; of its text not even the prefix."""
    return {
        "name": key.name,
        "environment": key.environment.value,
        "permissions": sorted(permission.value for permission in key.permissions),
        "tier": key.tier.value,
        "custom_limit": None if key.custom_limit is None else key.custom_limit.as_document(),
        "expires_at": instant_text(key.expires_at),
        "owner_id": key.user_id,
    }
