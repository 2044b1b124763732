"""API keys: made, listed, replaced, revoked, and what happens when one is used."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.audit import AuditEvent, AuditOutcome, SubjectKind
from altus4_desktop.domain.errors import AccessError, ConflictError, InputError, NotFoundError
from altus4_desktop.domain.key_text import PREFIX_LENGTH, KeyFault, read_key
from altus4_desktop.domain.keys import (
    GRACES_S,
    ApiKey,
    KeyAnswer,
    KeyDetails,
    KeyDraft,
    KeyFilter,
    KeyPage,
    KeyPermission,
    KeyReport,
    KeySort,
    KeyState,
    KeyTier,
    KeyUse,
    MadeKey,
)
from altus4_desktop.domain.local_days import instant_text
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.key_making import (
    NAME_MOST,
    build_key,
    check_draft,
    grace_end,
    key_document,
    same_life,
    with_draft,
)
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.storage.store import Store

_BATCH = 500
_FAULTS = {
    KeyFault.BEGINNING: "It does not begin with altus4_sk_test_ or altus4_sk_live_.",
    KeyFault.LENGTH: "It is too long or too short.",
    KeyFault.CHARACTERS: "It holds characters that no key has.",
    KeyFault.CHECKSUM: "Its check digits are wrong: it was mistyped or cut.",
}


class KeysService:
    """API keys of the metadata store. A key belongs to a user; admins see everybody's.

    Every method that takes an actor raises AccessError, and every one StoreError.
    """

    def __init__(self, metadata: MetadataService, permissions: Permissions) -> None:
        self._metadata = metadata
        self._permissions = permissions

    def list_(
        self,
        actor: Actor,
        wanted: KeyFilter = KeyFilter.CURRENT,
        sort: KeySort = KeySort.EXPIRES,
        *,
        descending: bool = False,
        text: str = "",
        owner_text: str = "",
        after: ApiKey | None = None,
        limit: int = 100,
    ) -> KeyPage:
        """The page of keys that follows ``after`` (None: the first): the actor's, or everybody's
        for an admin.

        ``text`` keeps names with it anywhere in them, and prefixes that begin with it;
        ``owner_text`` keeps keys of owners with it in their e-mail address.
        """
        owner_id = self._whose(self._permissions.check(actor, Right.MANAGE))
        return self._store.api_keys.list_(
            owner_id,
            wanted,
            sort,
            descending=descending,
            text=_searched(text),
            owner_text=owner_text.strip(),
            after=after,
            limit=limit,
        )

    def count_(
        self,
        actor: Actor,
        wanted: KeyFilter,
        text: str = "",
        owner_text: str = "",
        at_most: int = 10_000,
    ) -> int:
        """How many keys `list_` goes through; counting ends at ``at_most``."""
        owner_id = self._whose(self._permissions.check(actor, Right.MANAGE))
        return self._store.api_keys.count_(
            owner_id, wanted, _searched(text), owner_text.strip(), at_most
        )

    def get_(self, actor: Actor, key_id: str) -> ApiKey:
        """One key by id; raises NotFoundError for one the actor may not see."""
        return self._seen(self._permissions.check(actor, Right.MANAGE), [key_id])[0]

    def details_(self, actor: Actor, key_id: str) -> KeyDetails:
        """One key with its owner, its neighbours in a row of replacements, and how much of its
        limit is used; raises NotFoundError."""
        key = self._seen(self._permissions.check(actor, Right.MANAGE), [key_id])[0]
        store = self._store
        owner = store.users.find_(key.user_id)
        near = {
            one.id: one for one in store.api_keys.find_all([key.predecessor_id, key.successor_id])
        }
        now = store.api_keys.now_()
        return KeyDetails(
            key,
            "" if owner is None else owner.email,
            store.key_uses.count_(key, now),
            near.get(key.predecessor_id),
            near.get(key.successor_id),
            now,
        )

    def in_use_(self, actor: Actor, key_ids: Sequence[str]) -> tuple[ApiKey, ...]:
        """Those of the keys that work and were used within the last seven days: `revoke_` wants
        their names. Raises NotFoundError."""
        seen = self._seen(self._permissions.check(actor, Right.MANAGE), key_ids)
        now = self._store.api_keys.now_()
        return tuple(key for key in seen if key.in_use_at(now))

    def create_(self, actor: Actor, draft: KeyDraft) -> MadeKey:
        """Make a key of the actor's; its text is in the answer and nowhere else.

        Raises InputError, and AccessError (``key.admin_only``) for what only an admin may grant.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        self._check_grant(actor, draft, None)
        now = self._store.api_keys.now_()
        key_secret, key, key_hash = build_key(check_draft(draft, now), actor.user_id, now)
        event = _event(actor, "key.created", key, after=key_document(key))
        return MadeKey(self._store.api_keys.create_(key, key_hash, [event]), key_secret)

    def edit_(self, actor: Actor, key_id: str, draft: KeyDraft) -> ApiKey:
        """Give a key what ``draft`` says (`KeyDraft.of` begins one); its environment stays.

        Raises NotFoundError, InputError, AccessError (``key.admin_only``), ConflictError for a key
        that works no more, that is being replaced, or that somebody else has just changed.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        seen = self._seen(actor, [key_id])[0]
        now = self._store.api_keys.now_()
        self._check_usable(seen, now, even_expired=True)
        if draft.environment is not seen.environment:
            raise InputError("environment", "The environment is part of the key itself.")
        self._check_grant(actor, draft, seen)
        kept_expiry = draft.expires_at == seen.expires_at
        wanted = with_draft(seen, check_draft(draft, None if kept_expiry else now))
        event = _event(
            actor, "key.edited", seen, before=key_document(seen), after=key_document(wanted)
        )
        return self._store.api_keys.update_(wanted, seen, [event])

    def rotate_(
        self, actor: Actor, key_id: str, grace_s: int = 0, *, expires_at: datetime | None = None
    ) -> MadeKey:
        """Make a new key in place of another one, which works ``grace_s`` seconds more and not
        beyond its own end.

        The new key has the old one's name, permissions and limits; it ends at ``expires_at``, or
        else lasts as long as the old one was made for. Raises NotFoundError, InputError,
        AccessError (``key.admin_only``), ConflictError for a key that works no more or that has a
        successor already.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        if grace_s not in GRACES_S.values():
            raise InputError("grace", "A replaced key ends now, or after 1 h, 24 h or 7 days.")
        seen = self._seen(actor, [key_id])[0]
        now = self._store.api_keys.now_()
        self._check_usable(seen, now)
        self._check_grant(actor, KeyDraft.of(seen), None)
        draft = replace(KeyDraft.of(seen), expires_at=expires_at or same_life(seen, now))
        key_secret, key, key_hash = build_key(check_draft(draft, now), seen.user_id, now)
        ends_at = grace_end(seen, now, grace_s)
        event = _event(
            actor,
            "key.rotated",
            seen,
            before=key_document(seen),
            after={"ends_at": instant_text(ends_at or now), "successor": key_document(key)},
            successor_id=key.id,
        )
        made = self._store.api_keys.rotate_(seen, ends_at, key, key_hash, [event])
        return MadeKey(made, key_secret)

    def revoke_(
        self, actor: Actor, key_ids: Sequence[str], confirmed_names: Collection[str] = ()
    ) -> tuple[ApiKey, ...]:
        """Let keys work no more; returns those that did, or could have, until now.

        A key that was used within the last seven days is revoked only when its name is among
        ``confirmed_names``: raises ConflictError (``key.in_use``, details ``name``) and revokes
        none. Raises NotFoundError.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        seen = [key for key in self._seen(actor, key_ids) if key.is_active]
        now = self._store.api_keys.now_()
        for key in seen:
            if key.in_use_at(now) and key.name not in confirmed_names:
                raise ConflictError(
                    "The key “{name}” was used within the last seven days.",
                    hint="Whatever uses it will fail. Give its name to revoke it all the same.",
                    code="key.in_use",
                    details={"name": key.name},
                )
        for at in range(0, len(seen), _BATCH):
            batch = seen[at : at + _BATCH]
            events = [
                _event(actor, "key.revoked", key, before={"active": True}, after={"active": False})
                for key in batch
            ]
            self._store.api_keys.revoke_([key.id for key in batch], events)
        return tuple(replace(key, is_active=False) for key in seen)

    def verify_(self, text: str) -> KeyReport:
        """What a pasted text is and may do; it is kept nowhere, and not counted as a use.

        Whoever has the key may know this, so nobody has to be signed in. A malformed text is told
        without asking the store.
        """
        read = read_key(text)
        if isinstance(read, KeyFault):
            return KeyReport(KeyAnswer.MALFORMED, _FAULTS[read])
        found = self._store.api_keys.find_by_hash(read.key_hash)
        if found is None or not (
            hmac.compare_digest(found.key_hash.encode(), read.key_hash.encode())
            and hmac.compare_digest(found.key.prefix.encode(), read.prefix.encode())
        ):
            if read.legacy:
                reason = (
                    "This store has no such key. The text has no check digits, as keys of an "
                    "Altus 4 server have none: it may be from elsewhere, or was cut."
                )
                return KeyReport(KeyAnswer.UNKNOWN, reason)
            return KeyReport(
                KeyAnswer.UNKNOWN, "It is well formed, but this store has no such key."
            )
        key, now = found.key, found.read_at
        answer, reason = _answer(key, now)
        allowed: frozenset[KeyPermission] = frozenset()
        if answer is KeyAnswer.VALID:
            allowed = frozenset(one for one in KeyPermission if key.allows(one))
            if found.owner_role != Role.ADMIN:
                reason += (
                    " Its owner is no admin, so “admin” covers their own rows alone."
                    if KeyPermission.ADMIN in allowed
                    else ""
                )
        return KeyReport(answer, reason, key, found.owner_email, allowed, now)

    def authenticate_(self, text: str) -> Actor:
        """Whoever acts by the key ``text``, which is used once by this.

        Raises AccessError: ``key.malformed``, ``key.unknown``, ``key.expired``, ``key.revoked``,
        and ``key.limited`` as `spend_` does. All but the last are in the audit log, of a text that
        is no key nothing but that.
        """
        report = self.verify_(text)
        key = report.key
        if report.answer is not KeyAnswer.VALID or key is None:
            failure = AccessError(
                _REFUSALS[report.answer],
                hint=report.reason + " Look at ALTUS4_API_KEY.",
                code=f"key.{report.answer.value}",
            )
            # That it is no key is known without a store.
            if report.answer is not KeyAnswer.MALFORMED or self._metadata.is_open:
                self._refuse(key, report.answer.value)
            raise failure
        user = self._store.users.find_(key.user_id)
        if user is None:
            raise _refusal(KeyAnswer.UNKNOWN)
        actor = replace(
            user.as_actor(),
            api_key_id=key.id,
            key_permissions=key.permissions,
            must_change_password=False,
        )
        self.spend_(actor)
        return actor

    def spend_(self, actor: Actor) -> None:
        """Count one more request of somebody who acts by a key; for others nothing happens.

        Raises AccessError: ``key.limited`` (details ``requests``, ``window_s``, ``wait_s``,
        ``free_at``) when the limit is reached, ``key.expired``, ``key.revoked``, ``key.unknown``
        when it works no more.
        """
        if not actor.api_key_id:
            return
        use = self._store.key_uses.spend_(actor.api_key_id)
        if use.counted:
            return
        if use.key is not None and use.free_at is not None:
            raise _limited(use, use.key, use.free_at)
        answer = KeyAnswer.UNKNOWN if use.key is None else _answer(use.key, use.at)[0]
        self._refuse(use.key, answer.value)
        raise _refusal(answer)

    @property
    def _store(self) -> Store:
        return self._metadata.store

    def _whose(self, actor: Actor) -> str | None:
        """Whose keys the actor sees; None: everybody's."""
        return None if self._permissions.owns(actor, "") else actor.user_id

    def _seen(self, actor: Actor, key_ids: Sequence[str]) -> list[ApiKey]:
        """The keys with these ids, once each; raises NotFoundError for one that is not there for
        the actor."""
        ids = list(dict.fromkeys(key_ids))
        found = {
            key.id: key
            for key in self._store.api_keys.find_all(ids)
            if self._permissions.owns(actor, key.user_id)
        }
        for key_id in ids:
            if key_id not in found:
                raise NotFoundError(
                    "There is no API key “{id}”.",
                    hint="“keys list” shows their ids.",
                    code="key.not_found",
                    details={"id": key_id},
                )
        return [found[key_id] for key_id in ids]

    @staticmethod
    def _check_usable(key: ApiKey, now: datetime, *, even_expired: bool = False) -> None:
        state = key.state_at(now)
        if state is KeyState.REVOKED:
            message = "The key “{name}” is revoked."
        elif state is KeyState.EXPIRED and not (even_expired and not key.successor_id):
            message = "The key “{name}” has expired."
        elif key.successor_id:
            raise ConflictError(
                "The key “{name}” is being replaced already.",
                hint="Change or rotate the new one.",
                code="key.rotating",
                details={"name": key.name},
            )
        else:
            return
        raise ConflictError(
            message,
            hint="Make a new one.",
            code=f"key.{state.value}",
            details={"name": key.name},
        )

    @staticmethod
    def _check_grant(actor: Actor, draft: KeyDraft, seen: ApiKey | None) -> None:
        """Refuse what only an admin may grant, unless the key has it already."""
        if actor.role is Role.ADMIN:
            return
        admin = KeyPermission.ADMIN in draft.permissions
        had_admin = seen is not None and KeyPermission.ADMIN in seen.permissions
        if admin and not had_admin:
            raise _admin_only("Only an admin may grant the permission admin.")
        if draft.tier is not KeyTier.FREE and (seen is None or draft.tier is not seen.tier):
            raise _admin_only("Only an admin may grant a tier above free.")
        limit = draft.custom_limit
        free = KeyTier.FREE.requests_an_hour
        if (
            limit is not None
            and limit.most_an_hour > free
            and (seen is None or limit != seen.custom_limit)
        ):
            raise _admin_only("Only an admin may grant more than the tier free does.")
        if (
            seen is not None
            and limit is None
            and draft.tier is not KeyTier.FREE
            and seen.custom_limit is not None
        ):
            raise _admin_only("Only an admin may take the custom limit from a tier above free.")

    def _refuse(self, key: ApiKey | None, answer: str) -> None:
        """Write it down; of a key nobody knows, nothing but that there was one."""
        owner = None if key is None else self._store.users.find_(key.user_id)
        actor = (
            None if key is None or owner is None else replace(owner.as_actor(), api_key_id=key.id)
        )
        self._store.api_keys.refuse_(
            build_event(
                actor,
                "key.refused",
                SubjectKind.API_KEY,
                "" if key is None else key.id,
                "" if key is None else key.name,
                outcome=AuditOutcome.REFUSED,
                answer=answer,
            )
        )


_REFUSALS = {
    KeyAnswer.MALFORMED: "That is no API key.",
    KeyAnswer.UNKNOWN: "This store does not know the API key.",
    KeyAnswer.EXPIRED: "The API key has expired.",
    KeyAnswer.REVOKED: "The API key is revoked.",
}


def _refusal(answer: KeyAnswer) -> AccessError:
    return AccessError(
        _REFUSALS[answer], hint="Use another key, or sign in.", code=f"key.{answer.value}"
    )


def _limited(use: KeyUse, key: ApiKey, free_at: datetime) -> AccessError:
    limit = key.limit
    return AccessError(
        "The API key “{name}” has used up its {requests} requests in {window_s} seconds.",
        hint="The next one is possible in {wait_s} seconds, at {free_at}.",
        code="key.limited",
        retryable=True,
        details={
            "name": key.name,
            "requests": limit.requests,
            "window_s": limit.window_s,
            "wait_s": max(1, int((free_at - use.at).total_seconds())),
            "free_at": instant_text(free_at) or "",
        },
    )


def _admin_only(message: str) -> AccessError:
    return AccessError(message, hint="Ask an admin.", code="key.admin_only")


def _answer(key: ApiKey, now: datetime) -> tuple[KeyAnswer, str]:
    state = key.state_at(now)
    if state is KeyState.REVOKED:
        return KeyAnswer.REVOKED, "It was revoked, or replaced at once."
    if state is KeyState.EXPIRED:
        return KeyAnswer.EXPIRED, "Its time is over."
    if state is KeyState.ROTATING:
        return KeyAnswer.VALID, "It works until its successor takes over."
    if key.legacy:
        return KeyAnswer.VALID, "It works; an early Altus 4 server made it."
    return KeyAnswer.VALID, "It works."


def _searched(text: str) -> str:
    """Of a pasted key no more than its prefix."""
    text = text.strip()
    return text[:PREFIX_LENGTH] if text.startswith("altus4_sk_") else text[:NAME_MOST]


def _event(actor: Actor, action: str, key: ApiKey, **details: Any) -> AuditEvent:
    return build_event(actor, action, SubjectKind.API_KEY, key.id, key.name, **details)
