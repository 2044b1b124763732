"""The text of an API key: how one is made, and what can be said of one without asking anybody.

``altus4_sk_{test,live}_``, 48 random hex digits, and 8 hex digits of the CRC-32 of all before them,
which tell a mistyped key from an unknown one. An Altus 4 server makes keys without the last part
(63 characters), and made some with 43 characters of base64url: those are told by their length.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass, field
from enum import StrEnum

from altus4_desktop.domain.keys import KeyEnvironment

PREFIX_LENGTH = 30
_RANDOM_BYTES = 24
_BEGINNING = re.compile(r"altus4_sk_(test|live)_")
_OUR_FORM = re.compile(r"[0-9a-f]{56}")
_LEGACY_FORMS = (re.compile(r"[0-9a-f]{48}"), re.compile(r"[A-Za-z0-9_-]{43}"))
_OUR_PREFIX = re.compile(r"altus4_sk_(?:test|live)_[0-9a-f]{15}")


class KeyFault(StrEnum):
    """Why a text is no key."""

    BEGINNING = "beginning"
    LENGTH = "length"
    CHARACTERS = "characters"
    CHECKSUM = "checksum"


@dataclass(frozen=True, slots=True)
class KeyText:
    """A text that may be a key: the two columns by which the store knows it.

    ``legacy``: of a form without check digits, so that only the store can tell.
    """

    environment: KeyEnvironment
    prefix: str
    key_hash: str = field(repr=False)
    legacy: bool


def make_key(environment: KeyEnvironment) -> str:
    """A new key: a secret that nobody can guess and everybody can check for typing errors."""
    body = f"altus4_sk_{environment.value}_{secrets.token_hex(_RANDOM_BYTES)}"
    return body + _checksum(body)


def read_key(text: str) -> KeyText | KeyFault:
    """What ``text`` (spaces around it do not count) is; asks nobody."""
    text = text.strip()
    beginning = _BEGINNING.match(text)
    if beginning is None:
        return KeyFault.BEGINNING
    rest = text[beginning.end() :]
    legacy = any(form.fullmatch(rest) for form in _LEGACY_FORMS)
    if not legacy:
        if len(rest) != 56:
            return KeyFault.LENGTH
        if not _OUR_FORM.fullmatch(rest):
            return KeyFault.CHARACTERS
        if not secrets.compare_digest(_checksum(text[:-8]), text[-8:]):
            return KeyFault.CHECKSUM
    key_hash = hashlib.sha256(text.encode("ascii")).hexdigest()
    return KeyText(KeyEnvironment(beginning[1]), text[:PREFIX_LENGTH], key_hash, legacy)


def is_legacy_prefix(prefix: str) -> bool:
    """Whether no key of today's form begins like this."""
    return not _OUR_PREFIX.fullmatch(prefix)


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii')):08x}"
