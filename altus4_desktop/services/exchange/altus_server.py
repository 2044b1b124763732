"""What an Altus 4 server has, as items of a preview."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.connections import ConnectionDraft, TlsMode, TlsSettings
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.exchange import FoundKey, FoundUser, ImportItem, ItemKind, ItemState
from altus4_desktop.domain.key_text import PREFIX_LENGTH
from altus4_desktop.domain.keys import (
    KeyEnvironment,
    KeyPermission,
    KeyTier,
    RateLimit,
    read_limit,
)
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.account_drafts import normalise_email
from altus4_desktop.services.connection_drafts import parse_url
from altus4_desktop.services.exchange.reading import Found
from altus4_desktop.services.exchange.settling import settle
from altus4_desktop.vault.altus_server import open_server_password

if TYPE_CHECKING:
    from altus4_desktop.mysql.altus_server import (
        ServerConnection,
        ServerContent,
        ServerKey,
        ServerUser,
    )

_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_HIGHEST_COST = 16
_PREFIX = re.compile(r"altus4_sk_(?:test|live)_.{15}")
_HASH = re.compile(r"[0-9a-f]{64}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SAYS_TLS = re.compile(r"[?&](?:ssl[-_]?mode|tls)=", re.IGNORECASE)


def parse_server_url(text: str) -> ConnectionDraft:
    """The place of a server's database from ``mysql://USER@HOST:PORT/DB?ssl-mode=...``.

    Without a mode the server has to prove who it is, unless it is on this computer. Raises
    InputError (``url``), also for one with a password in it.
    """
    draft = parse_url(text)
    if draft.password_secret is not None:
        raise InputError(
            "url",
            "A password does not belong into the URL.",
            hint="Others on this computer could read it; you are asked for it.",
        )
    if _SAYS_TLS.search(text) or draft.host in _LOOPBACK:
        return draft
    return ConnectionDraft(
        draft.name,
        draft.host,
        draft.database,
        draft.username,
        draft.port,
        tls=TlsSettings(TlsMode.VERIFY_IDENTITY, *_files(draft.tls)),
    )


def build_items(
    content: ServerContent, key: bytes | None
) -> tuple[list[ImportItem], tuple[Remark, ...]]:
    """Users, then connections, then keys; ``key`` opens the passwords. Raises AltusError
    (``import.too_many``)."""
    emails = {user.id: _email(user.email) for user in content.users}
    opened = [
        None if key is None else open_server_password(key, one.password_stored)
        for one in content.connections
    ]
    remarks: list[Remark] = []
    if content.connections and key is not None and all(one is None for one in opened):
        remarks.append(
            Remark("The ENCRYPTION_KEY opens none of the passwords: it is not this server's.")
        )
    if content.deleted:
        remarks.append(
            Remark(
                "What was deleted on the server is left out ({count}).", {"count": content.deleted}
            )
        )
    owners = [emails.get(one.user_id, "") for one in content.connections]
    found = [
        _connection(
            one,
            password,
            key_given=key is not None,
            owner_gone=bool(content.users) and not owner,
        )
        for one, password, owner in zip(content.connections, opened, owners, strict=True)
    ]
    items = [_user(f"u{number}", one) for number, one in enumerate(content.users, start=1)]
    items += settle(found, owners)
    items += [
        _key(f"k{number}", one, emails.get(one.user_id, ""))
        for number, one in enumerate(content.keys, start=1)
    ]
    return items, tuple(remarks)


def _connection(
    row: ServerConnection, password: str | None, *, key_given: bool, owner_gone: bool
) -> Found:
    notes: list[Remark] = []
    if row.tls_wanted:
        tls = TlsSettings(TlsMode.REQUIRED)
        notes.append(
            Remark("The server encrypts the line and does not check who answers: so does this one.")
        )
    else:
        tls = TlsSettings(TlsMode.PREFERRED)
        notes.append(
            Remark(
                "The server does not encrypt the line; here it is encrypted where that is possible."
            )
        )
    if row.host.strip().lower() in _LOOPBACK or row.host.startswith("/"):
        notes.append(
            Remark(
                "“{host}” was the server's own computer; from here it is this one.",
                {"host": row.host[:200]},
            )
        )
    if password is None and key_given:
        notes.append(Remark("Its password does not open with this ENCRYPTION_KEY."))
    if owner_gone:
        notes.append(Remark("Its owner was deleted on the server: it becomes yours."))
    draft = ConnectionDraft(
        name=row.name,
        host=row.host,
        port=row.port,
        database=row.database,
        username=row.username,
        password_secret=password,
        tls=tls,
    )
    return Found(row.name, draft, notes=tuple(notes))


def _user(item_id: str, row: ServerUser) -> ImportItem:
    email, name = _email(row.email), " ".join(row.name.split())
    shown = email or row.email[:200] or "?"
    if not email or not name or len(name) > 255 or not name.isprintable():
        reason = Remark("Its name or its e-mail address is none that an account may have.")
        return ImportItem(item_id, ItemKind.USER, shown, ItemState.UNUSABLE, reason)
    notes: tuple[Remark, ...] = ()
    password_hash = row.password_hash
    found = _BCRYPT.fullmatch(password_hash)
    if found is None or int(found[1]) > _HIGHEST_COST:
        password_hash = ""
        notes = (Remark("It has no usable password: an admin has to set one."),)
    role = Role.ADMIN if row.role == Role.ADMIN else Role.USER
    if role is Role.ADMIN:
        notes += (Remark("It is an admin, and will be one here."),)
    return ImportItem(
        item_id,
        ItemKind.USER,
        email,
        notes=notes,
        user=FoundUser(name, email, role, password_hash),
    )


def _key(item_id: str, row: ServerKey, owner_email: str) -> ImportItem:
    name = " ".join(row.name.split())[:255] or "?"
    refusal = _refusal(row)
    if refusal is None and not owner_email:
        refusal = Remark("Nobody who is active on the server owns it.")
    if refusal is not None:
        return ImportItem(
            item_id, ItemKind.API_KEY, name, ItemState.UNUSABLE, refusal, owner_email=owner_email
        )
    limit, notes = _limit(row.custom_limit)
    key = FoundKey(
        name=name,
        prefix=row.prefix,
        key_hash=row.key_hash,
        environment=KeyEnvironment(row.environment),
        permissions=_permissions(row.permissions),
        tier=KeyTier(row.tier or KeyTier.FREE),
        custom_limit=limit,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        last_used_from=row.last_used_from[:45],
        usage_count=max(0, row.usage_count),
        created_at=row.created_at,
    )
    return ImportItem(
        item_id, ItemKind.API_KEY, name, notes=notes, owner_email=owner_email, key=key
    )


def _refusal(row: ServerKey) -> Remark | None:
    if len(row.prefix) > PREFIX_LENGTH:
        return Remark(
            "An early server stored it under a prefix that belongs to no key: it has never worked "
            "and cannot."
        )
    if not _PREFIX.fullmatch(row.prefix) or not _HASH.fullmatch(row.key_hash):
        return Remark("What the server keeps of it is not what it keeps of a key.")
    if row.environment not in {one.value for one in KeyEnvironment} or (
        row.tier and row.tier not in {one.value for one in KeyTier}
    ):
        return Remark("Its environment or its tier is not known here.")
    if row.expires_at is not None and row.expires_at <= datetime.now(UTC):
        return Remark("It has expired.")
    if not _permissions(row.permissions):
        return Remark("It allows nothing that is known here.")
    return None


def _permissions(text: str) -> frozenset[KeyPermission]:
    known = {permission.value for permission in KeyPermission}
    listed = _document(text)
    names = listed if isinstance(listed, list) else []
    return frozenset(
        KeyPermission(name) for name in names if isinstance(name, str) and name in known
    )


def _limit(text: str) -> tuple[RateLimit | None, tuple[Remark, ...]]:
    document = _document(text)
    if document is None:
        return None, ()
    try:
        return read_limit(document), ()
    except InputError:
        return None, (Remark("Its custom limit is not understood: that of its tier counts."),)


def _document(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return {}


def _email(text: str) -> str:
    try:
        return normalise_email(text)
    except InputError:
        return ""


def _files(tls: TlsSettings) -> tuple[str, str, str]:
    return tls.ca_file, tls.cert_file, tls.key_file
