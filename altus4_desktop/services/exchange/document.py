"""Connections as this program writes them: a JSON document, with secrets only in a bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from altus4_desktop.domain.connections import (
    ConnectionDraft,
    Environment,
    PoolSettings,
    SshMethod,
    SshSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.exchange.reading import (
    Found,
    Reading,
    mapping,
    port_of,
    read_json,
    text_of,
    unreadable,
)

DOCUMENT_FORMAT = "altus4-connections"
_VERSION = 1


def build_document(drafts: Sequence[ConnectionDraft], *, with_secrets: bool) -> str:
    """The document of ``drafts``; their secrets are in it only ``with_secrets``."""
    document = {
        "format": DOCUMENT_FORMAT,
        "version": _VERSION,
        "exported_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "connections": [_entry(draft, with_secrets=with_secrets) for draft in drafts],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def read_document(text: str, *, with_secrets: bool = False) -> Reading:
    """The connections of a document; secrets are taken only from the inside of a bundle.

    Raises AltusError: ``import.unreadable``, ``import.newer`` for what a later program has written.
    """
    document = mapping(read_json(text))
    check_version(document, DOCUMENT_FORMAT, _VERSION)
    entries = document.get("connections")
    if not isinstance(entries, list):
        raise unreadable("There are no connections in the file.")
    return Reading(tuple(_found(mapping(entry), with_secrets=with_secrets) for entry in entries))


def check_version(document: Mapping[str, Any], name: str, newest: int) -> None:
    """Raise AltusError unless the document is of the format ``name``, in a version we know."""
    version = document.get("version")
    if document.get("format") != name or type(version) is not int or version < 1:
        raise unreadable("The file was not written by this program, or is damaged.")
    if version > newest:
        raise AltusError(
            "The file was written by a newer version of this program.",
            hint="Update this one.",
            code="import.newer",
        )


def _entry(draft: ConnectionDraft, *, with_secrets: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": draft.name,
        "host": draft.host,
        "port": draft.port,
        "database": draft.database,
        "username": draft.username,
        "environment": draft.environment.value,
        "tls": {"mode": draft.tls.mode.value, **_texts(draft.tls, ("mode",))},
        "pool": {item.name: getattr(draft.pool, item.name) for item in fields(PoolSettings)},
    }
    if draft.ssh is not None:
        entry["ssh"] = {
            "method": draft.ssh.method.value,
            "port": draft.ssh.port,
            **_texts(draft.ssh, ("method", "port")),
        }
    if with_secrets and draft.password_secret is not None:
        entry["password"] = draft.password_secret
    if with_secrets and draft.ssh_secret:
        entry["ssh_secret"] = draft.ssh_secret
    return entry


def _texts(settings: TlsSettings | SshSettings, but: tuple[str, ...]) -> dict[str, str]:
    named = {item.name: getattr(settings, item.name) for item in fields(settings)}
    return {name: value for name, value in named.items() if name not in but and value}


def _found(entry: Mapping[str, Any], *, with_secrets: bool) -> Found:
    name = text_of(entry.get("name"))
    try:
        tls = _tls(mapping(entry.get("tls")))
        ssh = None if entry.get("ssh") is None else _ssh(mapping(entry.get("ssh")))
        environment = Environment(text_of(entry.get("environment")) or Environment.DEV.value)
        pool = _pool(mapping(entry.get("pool")))
    except (ValueError, TypeError, OverflowError):
        return Found(name, refusal=Remark("The file says something of it that is not understood."))
    draft = ConnectionDraft(
        name=name,
        host=text_of(entry.get("host")),
        port=port_of(entry.get("port")),
        database=text_of(entry.get("database")),
        username=text_of(entry.get("username")),
        password_secret=_secret(entry.get("password")) if with_secrets else None,
        tls=tls,
        environment=environment,
        pool=pool,
        ssh=ssh,
        ssh_secret=_secret(entry.get("ssh_secret")) if with_secrets else None,
    )
    return Found(name, draft)


def _secret(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _tls(entry: Mapping[str, Any]) -> TlsSettings:
    names = ("ca_file", "cert_file", "key_file", "pin_sha256")
    # Without a word about it a connection is not taken for one that needs no proof.
    mode = TlsMode(text_of(entry.get("mode")) or TlsMode.VERIFY_IDENTITY.value)
    return TlsSettings(mode, *(text_of(entry.get(name)) for name in names))


def _ssh(entry: Mapping[str, Any]) -> SshSettings:
    return SshSettings(
        host=text_of(entry.get("host")),
        username=text_of(entry.get("username")),
        port=port_of(entry.get("port"), 22),
        method=SshMethod(text_of(entry.get("method"))),
        key_file=text_of(entry.get("key_file")),
        known_hosts_file=text_of(entry.get("known_hosts_file")),
        host_key=text_of(entry.get("host_key")),
    )


def _pool(entry: Mapping[str, Any]) -> PoolSettings:
    values: dict[str, Any] = {}
    for item in fields(PoolSettings):
        value = entry.get(item.name, item.default)
        wanted = int if item.name == "size" else int | float
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise TypeError(item.name)
        values[item.name] = value if item.name == "size" else float(value)
    return PoolSettings(**values)
