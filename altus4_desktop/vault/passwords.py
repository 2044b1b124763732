"""Passwords of this program's own accounts: bcrypt over the UTF-8 bytes."""

from __future__ import annotations

import re
import secrets
from functools import lru_cache

from altus4_desktop.domain.errors import InputError

DEFAULT_COST = 12
MIN_CHARACTERS = 8
MAX_BYTES = 72
# Above this one check takes minutes: no hash of ours, and a way to make sign-in hang.
_MAX_COST = 16
_READABLE = "abcdefghijkmnpqrstuvwxyz23456789"


def check_new_password(password_secret: str, field: str = "password") -> None:
    """Raises InputError for a password that is too short or that bcrypt cannot tell from others;
    ``field`` is where it was entered."""
    if len(password_secret) < MIN_CHARACTERS:
        raise InputError(
            field, "The password needs at least {least} characters.", least=MIN_CHARACTERS
        )
    _check_bytes(_encode(password_secret), field)


def hash_password(password_secret: str, cost: int = DEFAULT_COST) -> str:
    """A bcrypt hash, about 0.2 s at cost 12; raises InputError over 72 bytes and for a NUL."""
    import bcrypt

    encoded = _encode(password_secret)
    _check_bytes(encoded)
    return bcrypt.hashpw(encoded, bcrypt.gensalt(cost)).decode("ascii")


def verify_password(password_secret: str, password_hash: str) -> bool:
    """Whether the password is the hashed one; false for a hash that is none."""
    import bcrypt

    encoded = _encode(password_secret)
    if not _is_distinct(encoded) or _cost_of(password_hash) > _MAX_COST:
        return False
    try:
        return bcrypt.checkpw(encoded, password_hash.encode("utf-8", "replace"))
    except ValueError:
        return False


def needs_rehash(password_hash: str, cost: int = DEFAULT_COST) -> bool:
    """Whether the hash was made at a lower cost than ``cost``."""
    return _cost_of(password_hash) < cost


def _cost_of(password_hash: str) -> int:
    parts = password_hash.split("$")
    return int(parts[2]) if len(parts) == 4 and re.fullmatch("[0-9]{2}", parts[2]) else 0


@lru_cache(maxsize=4)
def unknown_user_hash(cost: int = DEFAULT_COST) -> str:
    """A hash no password is known for: checking it takes as long as checking a real one."""
    return hash_password(secrets.token_urlsafe(24), cost)


def generate_password(characters: int = 24) -> str:
    """A random password of letters, digits, ``-`` and ``_`` (6 bits each)."""
    return secrets.token_urlsafe(characters)[:characters]


def generate_readable_password() -> str:
    """A random password to be read out and typed: letters and digits that look like no other, in
    groups (80 bits)."""
    letters = [secrets.choice(_READABLE) for _ in range(16)]
    return "-".join("".join(letters[at : at + 4]) for at in range(0, 16, 4))


def _is_distinct(encoded: bytes) -> bool:
    # bcrypt reads 72 bytes and repeats shorter ones with a NUL between: "x" and "x\0x" are one.
    return len(encoded) <= MAX_BYTES and b"\0" not in encoded


def _check_bytes(encoded: bytes, field: str = "password") -> None:
    if b"\0" in encoded:
        raise InputError(field, "The password has a character that cannot be typed (NUL).")
    if not _is_distinct(encoded):
        raise InputError(
            field,
            "The password is longer than {most} bytes.",
            hint="Letters with accents and emoji count as two to four bytes each.",
            most=MAX_BYTES,
        )


def _encode(password_secret: str) -> bytes:
    return password_secret.encode("utf-8", "surrogatepass")
