"""Users and API keys of an Altus 4 server: known already, or brought in."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor, User
from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.domain.errors import ConflictError, NotFoundError
from altus4_desktop.domain.exchange import FoundKey, FoundUser, ImportItem, ItemState
from altus4_desktop.domain.keys import ApiKey
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.audit import build_event

if TYPE_CHECKING:
    from altus4_desktop.storage.store import Store


def mark_known_accounts(store: Store, items: Sequence[ImportItem]) -> tuple[ImportItem, ...]:
    """The items with those users and keys marked that the store has, or that come twice."""
    emails = {user.email for user in store.users.list_()} if _has_users(items) else set()
    hashes: set[str] = set()
    marked: list[ImportItem] = []
    for item in items:
        known = False
        if item.user is not None:
            known = item.user.email in emails
            emails.add(item.user.email)
        elif item.key is not None:
            found = item.key.key_hash
            known = found in hashes or store.api_keys.find_by_hash(found) is not None
            hashes.add(found)
        if known:
            sentence = "This address has an account here." if item.user else "This key is here."
            item = replace(item, state=ItemState.DUPLICATE, reason=Remark(sentence))  # noqa: PLW2901 - the marked one
        marked.append(item)
    return tuple(marked)


class AccountImporter:
    """Saves users and keys one by one, and knows whose a connection becomes."""

    def __init__(self, store: Store, actor: Actor, everything: bool) -> None:
        self._store = store
        self._actor = actor
        self._everything = everything
        self._owners: dict[str, str] = {}
        self.users: list[str] = []
        self.keys: list[str] = []

    def owner_of(self, email: str) -> str | None:
        """The id of the account with this address, for those who may give rows to others."""
        if not email or not self._everything:
            return None
        if email not in self._owners:
            found = self._store.users.find_by_email(email)
            if found is None:
                return None
            self._owners[email] = found.id
        return self._owners[email]

    def import_(self, item: ImportItem) -> None:
        """Save one user or key; raises ConflictError for one that is unusable or there already,
        NotFoundError for a key whose owner is not."""
        if item.user is not None:
            self._import_user(item.user)
        elif item.key is not None:
            self._import_key(item.key, item.owner_email)
        else:
            raise refusal(item)

    def _import_user(self, found: FoundUser) -> None:
        if self._store.users.find_by_email(found.email) is not None:
            raise ConflictError("“{email}” has an account already.", details={"email": found.email})
        user = User(str(uuid.uuid4()), found.name, found.email, found.role)
        event = build_event(
            self._actor,
            "user.imported",
            SubjectKind.USER,
            user.id,
            user.email,
            after={"name": user.name, "email": user.email, "role": user.role.value},
        )
        self._store.users.create_(user, found.password_hash, [event])
        self.users.append(user.email)

    def _import_key(self, found: FoundKey, owner_email: str) -> None:
        owner_id = self.owner_of(owner_email)
        if owner_id is None:
            raise NotFoundError(
                "Its owner, {email}, has no account here.",
                hint="Bring in the user as well.",
                details={"email": owner_email},
            )
        if self._store.api_keys.find_by_hash(found.key_hash) is not None:
            raise ConflictError("The key “{name}” is here already.", details={"name": found.name})
        key = ApiKey(
            id=str(uuid.uuid4()),
            user_id=owner_id,
            prefix=found.prefix,
            name=found.name,
            environment=found.environment,
            permissions=found.permissions,
            tier=found.tier,
            custom_limit=found.custom_limit,
            expires_at=found.expires_at,
            last_used_at=found.last_used_at,
            last_used_from=found.last_used_from,
            usage_count=found.usage_count,
            created_at=found.created_at,
        )
        event = build_event(
            self._actor,
            "key.imported",
            SubjectKind.API_KEY,
            key.id,
            key.name,
            after={
                "name": key.name,
                "environment": key.environment.value,
                "permissions": sorted(permission.value for permission in key.permissions),
                "tier": key.tier.value,
                "owner_id": owner_id,
            },
        )
        self._store.api_keys.create_(key, found.key_hash, [event])
        self.keys.append(key.name)


def refusal(item: ImportItem) -> ConflictError:
    """The failure of an item that cannot be used."""
    reason = item.reason or Remark("It cannot be used.")
    return ConflictError(reason.template, code="import.unusable", details=reason.details)


def _has_users(items: Sequence[ImportItem]) -> bool:
    return any(item.user is not None for item in items)
