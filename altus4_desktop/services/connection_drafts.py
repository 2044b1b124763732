"""What may be saved as a connection, field by field, and how a pasted URL becomes a draft."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from altus4_desktop.domain.connections import (
    ConnectionDraft,
    PoolSettings,
    SshMethod,
    SshSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.errors import InputError

_NAME_LIMIT = 255
_HOST_LIMIT = 255
_DATABASE_LIMIT = 64
_USERNAME_LIMIT = 128
_MOST_CONNECTIONS = 100
_LONGEST_S = 24 * 3600.0
_LONGEST_CONNECT_S = 300.0

_SCHEME = re.compile(r"(?:jdbc:)?(?:mysql|mariadb)(?:\+\w+)?://", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"([^:]+):(\d+)")
_KEY_TYPE = re.compile(r"[a-z0-9@.-]{1,64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,4096}={0,2}")
_MODE_PARAMETERS = frozenset({"ssl-mode", "sslmode", "tls"})
_FILE_PARAMETERS = {
    "ssl-ca": "ca_file",
    "ca": "ca_file",
    "ssl-cert": "cert_file",
    "ssl-key": "key_file",
    "pin": "pin_sha256",
}


def check_draft(draft: ConnectionDraft) -> ConnectionDraft:
    """The draft as it is saved, spaces around its fields gone; raises InputError naming the field:
    name, host, port, database, username, password, ca_file, cert_file, key_file, pin_sha256,
    ssh_host, ssh_port, ssh_username, ssh_key_file, known_hosts_file, host_key, ssh_secret, or one
    of `PoolSettings`."""
    if not 1 <= draft.port <= 65535:
        raise InputError("port", "A port is a number from 1 to 65535.")
    if draft.password_secret is not None and "\0" in draft.password_secret:
        raise InputError("password", "A password cannot contain a NUL character.")
    _check_pool(draft.pool)
    ssh = draft.ssh
    if ssh is not None and draft.host.strip().startswith("/"):
        raise InputError("host", "A tunnel leads to a host name or an address, not to a socket.")
    return replace(
        draft,
        ssh=None if ssh is None else check_ssh(ssh),
        ssh_secret=None if ssh is None else draft.ssh_secret,
        name=_text("name", draft.name, _NAME_LIMIT, "A connection needs a name."),
        host=_host("host", draft.host),
        database=_text(
            "database", draft.database, _DATABASE_LIMIT, "Say which database to search."
        ),
        username=_text("username", draft.username, _USERNAME_LIMIT, "A user name is needed."),
        tls=_check_tls(draft.tls),
    )


def parse_url(text: str) -> ConnectionDraft:
    """A draft from a pasted URL; raises InputError (``url``), which never shows the password."""
    address = text.strip()
    scheme = _SCHEME.match(address)
    if scheme is None:
        raise _not_a_url()
    rest, _, parameters = address[scheme.end() :].partition("?")
    authority, _, path = rest.partition("/")
    login, _, place = authority.rpartition("@")
    username, colon, password = login.partition(":")
    host, port = _place(place)
    database = unquote(path.partition("#")[0].strip("/"))
    try:
        secret = unquote(password, errors="strict") if colon else None
    except UnicodeDecodeError:
        raise _not_a_url() from None
    return ConnectionDraft(
        name=database or host,
        host=host,
        port=port,
        database=database,
        username=unquote(username),
        password_secret=secret,
        tls=_tls_parameters(parameters),
    )


def _text(field: str, value: str, limit: int, missing: str) -> str:
    text = value.strip()
    if not text:
        raise InputError(field, missing)
    if len(text) > limit:
        raise InputError(field, "At most {limit} characters fit here.", limit=limit)
    if not text.isprintable():
        raise InputError(field, "There is a character in it that cannot be shown.")
    return text


def _host(field: str, value: str) -> str:
    host = _text(field, value, _HOST_LIMIT, "A host name or an address is needed.")
    if host.startswith("/"):
        return host
    if "://" in host:
        raise InputError(field, "That is a whole URL.", hint="Paste it where a URL is asked for.")
    inner = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return str(ipaddress.ip_address(inner))
    except ValueError:
        pass
    if _HOST_AND_PORT.fullmatch(host):
        raise InputError(field, "The port has a field of its own.")
    if any(char in " \t/\\@:?#[]\"'" for char in host):
        raise InputError(field, "That is not a host name or an address.")
    return host.lower()


def _check_tls(tls: TlsSettings) -> TlsSettings:
    clean = replace(
        tls,
        ca_file=tls.ca_file.strip(),
        cert_file=tls.cert_file.strip(),
        key_file=tls.key_file.strip(),
    )
    pin = ""
    if clean.mode is TlsMode.PINNED:
        pin = _pin(clean.pin_sha256)
    clean = replace(clean, pin_sha256=pin)
    if clean.mode is TlsMode.DISABLED:
        return clean
    for field in ("ca_file", "cert_file", "key_file"):
        name = getattr(clean, field)
        if name and not _is_readable_file(name):
            raise InputError(field, "There is no readable file “{file}”.", file=name)
    if clean.key_file and not clean.cert_file:
        raise InputError("cert_file", "A private key needs its certificate.")
    return clean


def _pin(text: str) -> str:
    """The fingerprint as it is stored; people write it with colons, spaces or capitals."""
    pin = re.sub(r"(?i)^sha-?256[:=]|[\s:]", "", text.strip()).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", pin):
        raise InputError(
            "pin_sha256",
            "The fingerprint of the pinned certificate is needed: SHA-256, 64 hex digits."
            if not pin
            else "That is not a SHA-256 fingerprint: it has 64 hex digits.",
            hint="Read the server's certificate, and compare it with whoever runs the server.",
        )
    return pin


def check_ssh(ssh: SshSettings) -> SshSettings:
    """The tunnel as it is saved; raises InputError naming the field."""
    if not 1 <= ssh.port <= 65535:
        raise InputError("ssh_port", "A port is a number from 1 to 65535.")
    host = _host("ssh_host", ssh.host)
    if host.startswith("/"):
        raise InputError("ssh_host", "An SSH server has a host name or an address.")
    username = _text("ssh_username", ssh.username, _USERNAME_LIMIT, "A user name is needed.")
    if " " in username:
        raise InputError("ssh_username", "A user name has no spaces.")
    key_file = ssh.key_file.strip() if ssh.method is SshMethod.KEY else ""
    if ssh.method is SshMethod.KEY and not key_file:
        raise InputError("ssh_key_file", "Choose the file of the private key.")
    known_hosts_file = ssh.known_hosts_file.strip()
    for field, name in (("ssh_key_file", key_file), ("known_hosts_file", known_hosts_file)):
        if name and not _is_readable_file(name):
            raise InputError(field, "There is no readable file “{file}”.", file=name)
    return replace(
        ssh,
        host=host,
        username=username,
        key_file=key_file,
        known_hosts_file=known_hosts_file,
        host_key=_host_key(ssh.host_key),
    )


def _host_key(text: str) -> str:
    parts = text.split()
    if not parts:
        return ""
    if len(parts) < 2 or not _KEY_TYPE.fullmatch(parts[0]) or not _BASE64.fullmatch(parts[1]):
        raise InputError(
            "host_key",
            "That is not a host key.",
            hint="It is written as in a known_hosts file: ssh-ed25519 AAAA…",
        )
    return f"{parts[0]} {parts[1]}"


def _is_readable_file(name: str) -> bool:
    try:
        with Path(name).expanduser().open("rb"):
            return True
    except (OSError, ValueError, RuntimeError):
        return False


def _check_pool(pool: PoolSettings) -> None:
    if not 1 <= pool.size <= _MOST_CONNECTIONS:
        raise InputError("size", "A pool has 1 to {most} connections.", most=_MOST_CONNECTIONS)
    for field, longest_s in (
        ("acquire_timeout_s", _LONGEST_S),
        ("query_timeout_s", _LONGEST_S),
        ("idle_timeout_s", _LONGEST_S),
        ("connect_timeout_s", _LONGEST_CONNECT_S),
    ):
        # Written so that it refuses what is not a number, too.
        if not 0 < getattr(pool, field) <= longest_s:
            raise InputError(
                field,
                "A time is more than 0 and at most {longest_s} seconds.",
                longest_s=round(longest_s),
            )


def _place(text: str) -> tuple[str, int]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise _not_a_url()
        port = rest[1:]
    else:
        host, _, port = text.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit())):
        raise _not_a_url()
    number = int(port) if port else 3306
    if not 1 <= number <= 65535:
        raise _not_a_url()
    return unquote(host), number


def _tls_parameters(text: str) -> TlsSettings:
    tls = TlsSettings()
    for name, value in parse_qsl(text.partition("#")[0]):
        key = name.lower().replace("_", "-")
        if key in _MODE_PARAMETERS:
            try:
                mode = TlsMode(value.lower().replace("_", "-"))
            except ValueError:
                modes = ", ".join(mode.value for mode in TlsMode)
                raise InputError(
                    "url",
                    "The URL's TLS mode is not known.",
                    hint="It is one of {modes}.",
                    modes=modes,
                ) from None
            tls = replace(tls, mode=mode)
        elif key in _FILE_PARAMETERS:
            tls = _with_file(tls, _FILE_PARAMETERS[key], value)
    return tls


def _with_file(tls: TlsSettings, field: str, value: str) -> TlsSettings:
    values = {name: getattr(tls, name) for name in _FILE_PARAMETERS.values()}
    return TlsSettings(tls.mode, **{**values, field: value})


def _not_a_url() -> InputError:
    return InputError(
        "url",
        "That is not a database URL.",
        hint="It looks like mysql://user:password@host:3306/database?ssl-mode=verify-identity; "
        "special characters in user and password are written as %40 and the like.",
    )
