"""The table ``api_keys``, and which key replaces which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.errors import ConflictError, InputError, NotFoundError
from altus4_desktop.domain.key_text import is_legacy_prefix
from altus4_desktop.domain.keys import (
    ApiKey,
    KeyDraft,
    KeyEnvironment,
    KeyFilter,
    KeyPage,
    KeyPermission,
    KeySort,
    KeyTier,
    RateLimit,
    read_limit,
)
from altus4_desktop.storage.repositories.fitting import check_lengths, server_now
from altus4_desktop.storage.repositories.key_pages import Condition, KeyPages
from altus4_desktop.storage.tables import api_keys, audit_log, key_rotations, users
from altus4_desktop.storage.transactions import Transactions

c = api_keys.c
_RECORD = tuple(column for column in api_keys.columns if column is not c.key_hash)
_Row: TypeAlias = Mapping[Any, Any]
_BATCH = 500


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key found by its hash, with what is to be compared and whose it is."""

    key: ApiKey
    key_hash: str
    owner_email: str
    owner_role: str
    read_at: datetime


class ApiKeyRepository:
    """API keys. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions, dialect: str) -> None:
        self._transactions = transactions
        self._pages = KeyPages(on_file=dialect == "sqlite")
        # Every request by a key begins with it; to build it takes longer than to ask it.
        self._by_hash = _select_by_hash()

    def now_(self) -> datetime:
        """The store's own time, in whole seconds: it decides what has expired."""
        return self._transactions.read(_now)

    def find_(self, key_id: str) -> ApiKey | None:
        """The key with this id."""
        return next(iter(self.find_all([key_id])), None)

    def find_all(self, key_ids: Sequence[str]) -> list[ApiKey]:
        """Those of the keys that are there, by id."""

        def work(connection: sa.Connection) -> list[ApiKey]:
            found: list[ApiKey] = []
            for at in range(0, len(key_ids), _BATCH):
                chosen = c.id.in_(key_ids[at : at + _BATCH])
                rows = connection.execute(sa.select(*_RECORD).where(chosen)).mappings().all()
                found += _with_rotations(connection, [_key(row) for row in rows])
            return sorted(found, key=lambda key: key.id)

        return self._transactions.read(work)

    def find_by_hash(self, key_hash: str) -> KnownKey | None:
        """The key with this hash; of several the one that works longest."""
        row = self._transactions.read(
            lambda connection: (
                connection.execute(self._by_hash, {"wanted": key_hash}).mappings().first()
            )
        )
        if row is None:
            return None
        key = replace(
            _key(row),
            successor_id=row["successor_id"] or "",
            predecessor_id=row["predecessor_id"] or "",
        )
        return KnownKey(
            key, row[c.key_hash], row["owner_email"], row["owner_role"] or "", row["read_at"]
        )

    def list_(
        self,
        owner_id: str | None,
        wanted: KeyFilter = KeyFilter.CURRENT,
        sort: KeySort = KeySort.EXPIRES,
        *,
        descending: bool = False,
        text: str = "",
        owner_text: str = "",
        after: ApiKey | None = None,
        limit: int = 100,
    ) -> KeyPage:
        """The page that follows ``after`` (None: the first) of one owner's keys, or of all.

        ``text`` keeps names with it anywhere in them, and prefixes that begin with it;
        ``owner_text`` keeps keys of owners with it in their e-mail address.
        """

        def matching(now: datetime) -> list[Condition]:
            return self._pages.matching(owner_id, wanted, sort, text, owner_text, now)

        def work(connection: sa.Connection) -> KeyPage:
            now = _now(connection)
            rows: list[_Row] = []
            for segment, order in self._pages.segments(wanted, sort, after, descending=descending):
                statement = (
                    sa.select(*_RECORD)
                    .where(*matching(now), *segment)
                    .order_by(*(column.desc() if descending else column.asc() for column in order))
                    .limit(limit + 1 - len(rows))
                )
                rows += connection.execute(statement).mappings().all()
                if len(rows) > limit:
                    break
            keys = _with_rotations(connection, [_key(row) for row in rows[:limit]])
            return KeyPage(tuple(keys), _owners(connection, keys), now, more=len(rows) > limit)

        return self._transactions.read(work)

    def count_(
        self,
        owner_id: str | None,
        wanted: KeyFilter,
        text: str = "",
        owner_text: str = "",
        at_most: int = 10_000,
    ) -> int:
        """How many keys `list_` would give; counting ends at ``at_most``."""

        def work(connection: sa.Connection) -> int:
            now = _now(connection)
            matching = self._pages.matching(
                owner_id, wanted, KeySort.EXPIRES, text, owner_text, now
            )
            some = sa.select(c.id).where(*matching).limit(at_most).subquery()
            return connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()

        return self._transactions.read(work)

    def create_(self, key: ApiKey, key_hash: str, events: Sequence[AuditEvent] = ()) -> ApiKey:
        """Insert ``key`` and return it as stored.

        Repeating it with the same id does nothing. Raises NotFoundError when there is no such user.
        """
        values = _inserted(key, key_hash)
        self._transactions.write(
            lambda connection: _insert(connection, values),
            settled=lambda connection: _has(connection, key.id, key_hash),
            repeatable=True,
            events=events,
        )
        return self._get(key.id)

    def update_(self, key: ApiKey, seen: ApiKey, events: Sequence[AuditEvent] = ()) -> ApiKey:
        """Replace what a person chooses of a key, and return it as stored.

        ``seen`` is the key as it was when the change was made up. Raises ConflictError
        (``key.changed``) when it is another now, NotFoundError.
        """
        values = _chosen(key)
        del values["environment"]
        check_lengths(api_keys, values, {})

        def work(connection: sa.Connection) -> None:
            _lock_as_seen(connection, seen)
            connection.execute(sa.update(api_keys).where(c.id == key.id).values(**values))

        def settled(connection: sa.Connection) -> bool:
            rows = connection.execute(sa.select(*_RECORD).where(c.id == key.id)).mappings().all()
            return [KeyDraft.of(_key(row)) for row in rows] == [KeyDraft.of(key)]

        self._transactions.write(work, settled=settled, events=events)
        return self._get(key.id)

    def rotate_(
        self,
        seen: ApiKey,
        ends_at: datetime | None,
        successor: ApiKey,
        key_hash: str,
        events: Sequence[AuditEvent] = (),
    ) -> ApiKey:
        """Insert ``successor`` and let the old key work until ``ends_at`` (None: no more); returns
        the successor as stored.

        Raises ConflictError (``key.changed``) when the old key is not as ``seen`` any more,
        NotFoundError.
        """
        values = _inserted(successor, key_hash)
        old = c.id == seen.id

        def work(connection: sa.Connection) -> None:
            _lock_as_seen(connection, seen)
            _insert(connection, values)
            ended = {"is_active": False} if ends_at is None else {"expires_at": ends_at}
            connection.execute(sa.update(api_keys).where(old).values(**ended))
            connection.execute(
                sa.insert(key_rotations).values(
                    old_key_id=seen.id, new_key_id=successor.id, rotated_at=_now(connection)
                )
            )

        self._transactions.write(
            work,
            settled=lambda connection: _has(connection, successor.id, key_hash),
            events=events,
        )
        return self._get(successor.id)

    def revoke_(self, key_ids: Sequence[str], events: Sequence[AuditEvent] = ()) -> None:
        """Let the keys work no more, all of them or none; raises NotFoundError."""
        chosen = c.id.in_(key_ids)

        def work(connection: sa.Connection) -> None:
            # In one order, so that two who revoke the same keys do not wait for each other.
            statement = sa.select(c.id).where(chosen).order_by(c.id).with_for_update()
            if len(connection.execute(statement).all()) < len(set(key_ids)):
                raise _missing()
            connection.execute(sa.update(api_keys).where(chosen).values(is_active=False))

        def settled(connection: sa.Connection) -> bool:
            working = sa.select(c.id).where(chosen, c.is_active.is_(True)).limit(1)
            return connection.execute(working).first() is None

        self._transactions.write(work, settled=settled, events=events)

    def refuse_(self, event: AuditEvent) -> None:
        """Write down that a key was refused."""

        def settled(connection: sa.Connection) -> bool:
            written = sa.select(audit_log.c.id).where(audit_log.c.id == event.id)
            return connection.execute(written).first() is not None

        def work(connection: sa.Connection) -> None:
            del connection

        self._transactions.write(work, settled=settled, events=[event])

    def _get(self, key_id: str) -> ApiKey:
        key = self.find_(key_id)
        if key is None:
            raise _missing()
        return key


def _select_by_hash() -> sa.Select[Any]:
    """What `ApiKeyRepository.find_by_hash` reads, for the hash ``wanted``."""
    after, before = key_rotations.alias("after_it"), key_rotations.alias("before_it")
    return (
        sa.select(
            *api_keys.columns,
            users.c.email.label("owner_email"),
            users.c.role.label("owner_role"),
            after.c.new_key_id.label("successor_id"),
            before.c.old_key_id.label("predecessor_id"),
            server_now().label("read_at"),
        )
        .join(users, users.c.id == c.user_id)
        .outerjoin(after, after.c.old_key_id == c.id)
        .outerjoin(before, before.c.new_key_id == c.id)
        .where(c.key_hash == sa.bindparam("wanted"))
        .order_by(c.is_active.desc(), c.expires_at.is_(None).desc(), c.expires_at.desc())
        .limit(1)
    )


def find_locked(connection: sa.Connection, key_id: str) -> ApiKey | None:
    """The key with this id, which nobody else can change or use until the transaction ends."""
    statement = sa.select(*_RECORD).where(c.id == key_id).with_for_update()
    row = connection.execute(statement).mappings().first()
    return None if row is None else _with_rotations(connection, [_key(row)])[0]


def _now(connection: sa.Connection) -> datetime:
    return connection.execute(sa.select(server_now())).scalar_one()


def _insert(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    connection.execute(sa.insert(api_keys).values(**values))


def _has(connection: sa.Connection, key_id: str, key_hash: str) -> bool:
    found = connection.execute(sa.select(c.key_hash).where(c.id == key_id)).scalar()
    return found == key_hash


def _lock_as_seen(connection: sa.Connection, seen: ApiKey) -> None:
    """Keep everybody else from changing the key; raises ConflictError when it is another now."""
    now = find_locked(connection, seen.id)
    if now is None:
        raise _missing()
    if (KeyDraft.of(now), now.is_active, now.successor_id) != (
        KeyDraft.of(seen),
        seen.is_active,
        seen.successor_id,
    ):
        raise ConflictError(
            "The key “{name}” has been changed by somebody else meanwhile.",
            hint="Look at it again, then make your change once more.",
            code="key.changed",
            details={"name": seen.name},
        )


def _with_rotations(connection: sa.Connection, keys: Sequence[ApiKey]) -> list[ApiKey]:
    if not keys:
        return []
    ids = [key.id for key in keys]
    old, new = key_rotations.c.old_key_id, key_rotations.c.new_key_id
    after = {row[0]: row[1] for row in connection.execute(sa.select(old, new).where(old.in_(ids)))}
    before = {row[0]: row[1] for row in connection.execute(sa.select(new, old).where(new.in_(ids)))}
    return [
        replace(key, successor_id=after.get(key.id, ""), predecessor_id=before.get(key.id, ""))
        for key in keys
    ]


def _owners(connection: sa.Connection, keys: Sequence[ApiKey]) -> dict[str, str]:
    wanted = {key.user_id for key in keys}
    statement = sa.select(users.c.id, users.c.email).where(users.c.id.in_(wanted))
    return {row[0]: row[1] for row in connection.execute(statement)} if wanted else {}


def _inserted(key: ApiKey, key_hash: str) -> dict[str, Any]:
    values = {
        **_chosen(key),
        "id": key.id,
        "user_id": key.user_id,
        "key_prefix": key.prefix,
        "key_hash": key_hash,
        "last_used": key.last_used_at,
        "last_used_ip": key.last_used_from or None,
        "usage_count": key.usage_count,
        "is_active": key.is_active,
    }
    if key.created_at is not None:
        values["created_at"] = key.created_at
    check_lengths(api_keys, values, {})
    return values


def _chosen(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "environment": key.environment.value,
        "permissions": sorted(permission.value for permission in key.permissions),
        "rate_limit_tier": key.tier.value,
        "rate_limit_custom": None if key.custom_limit is None else key.custom_limit.as_document(),
        "expires_at": key.expires_at,
    }


def _key(row: _Row) -> ApiKey:
    return ApiKey(
        id=row[c.id],
        user_id=row[c.user_id],
        prefix=row[c.key_prefix],
        name=row[c.name],
        environment=KeyEnvironment(row[c.environment]),
        permissions=_permissions(row[c.permissions]),
        tier=KeyTier(row[c.rate_limit_tier] or KeyTier.FREE),
        custom_limit=_limit(row[c.rate_limit_custom]),
        expires_at=row[c.expires_at],
        last_used_at=row[c.last_used],
        last_used_from=row[c.last_used_ip] or "",
        usage_count=row[c.usage_count] or 0,
        is_active=bool(row[c.is_active]),
        legacy=is_legacy_prefix(row[c.key_prefix]),
        created_at=row[c.created_at],
        updated_at=row[c.updated_at],
    )


def _permissions(document: Any) -> frozenset[KeyPermission]:
    """Those we know: what another program wrote there gives no right."""
    known = {permission.value for permission in KeyPermission}
    listed = document if isinstance(document, list) else []
    return frozenset(KeyPermission(name) for name in listed if name in known)


def _limit(document: Any) -> RateLimit | None:
    """None, so that the tier's applies, for what another program wrote there in its own form."""
    if document is None:
        return None
    try:
        return read_limit(document)
    except InputError:
        return None


def _missing() -> NotFoundError:
    return NotFoundError("There is no such API key.", code="key.not_found")
