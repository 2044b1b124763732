"""Which keys an SSH server may show: what known_hosts files say about it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from altus4_desktop.domain.connections import SshSettings

_USUAL = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts")
_REVOKED = "@revoked"


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Keys (``type base64``) of one host; those of an authority are not among them."""

    accepted: frozenset[str]
    revoked: frozenset[str]

    def types(self) -> tuple[str, ...]:
        """The types of the accepted keys: a server with several should show one of these."""
        return tuple(sorted({key.partition(" ")[0] for key in self.accepted}))


def read_known_keys(ssh: SshSettings) -> KnownKeys:
    """What the files of ``ssh`` say, and the key that was trusted there; a file that is not there
    says nothing. Raises OSError, UnicodeDecodeError."""
    names = [ssh.known_hosts_file] if ssh.known_hosts_file else list(_USUAL)
    host = ssh.host.lower()
    wanted = host if ssh.port == 22 else f"[{host}]:{ssh.port}"
    accepted, revoked = set(), set()
    if ssh.host_key:
        accepted.add(ssh.host_key)
    for name in names:
        path = Path(name).expanduser()
        if not ssh.known_hosts_file and not path.is_file():
            continue
        for marker, key in _keys_of(path.read_text("utf-8").splitlines(), wanted):
            if marker == _REVOKED:
                revoked.add(key)
            elif not marker:
                accepted.add(key)
    return KnownKeys(frozenset(accepted), frozenset(revoked))


def _keys_of(lines: Iterable[str], wanted: str) -> Iterator[tuple[str, str]]:
    """Marker and key of every line that speaks of ``wanted``."""
    for line in lines:
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        marker = fields.pop(0) if fields[0].startswith("@") else ""
        if len(fields) >= 3 and _speaks_of(fields[0], wanted):
            yield marker, f"{fields[1]} {fields[2]}"


def _speaks_of(names: str, wanted: str) -> bool:
    if names.startswith("|"):
        return _is_hash_of(names, wanted)
    matched = False
    for pattern in names.lower().split(","):
        denied = pattern.startswith("!")
        # Brackets are part of a name here, not a set of characters.
        plain = re.sub(r"\[", "[[]", pattern.removeprefix("!"))
        if fnmatchcase(wanted, plain):
            if denied:
                return False
            matched = True
    return matched


def _is_hash_of(text: str, wanted: str) -> bool:
    parts = text.split("|")
    if len(parts) != 4 or parts[1] != "1":
        return False
    try:
        salt, digest = base64.b64decode(parts[2]), base64.b64decode(parts[3])
    except (binascii.Error, ValueError):
        return False
    found = hmac.new(salt, wanted.encode("utf-8"), hashlib.sha1).digest()
    return hmac.compare_digest(found, digest)
