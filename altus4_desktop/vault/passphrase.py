"""The data key wrapped by a passphrase, for computers without a keyring."""

from __future__ import annotations

import base64
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from altus4_desktop.domain.errors import InputError, VaultError
from altus4_desktop.vault.records import KEY_BYTES, Binding, open_bytes, seal_bytes

MIN_CHARACTERS = 8
_MAX_CHARACTERS = 1024
_SALT_BYTES = 16
# What a file may ask for: not so little that guessing is cheap, not so much that memory runs out.
_MEMORY_KIB = range(19 * 1024, 1024 * 1024 + 1)
_ITERATIONS = range(1, 65)
_LANES = range(1, 17)


@dataclass(frozen=True, slots=True)
class Argon2Settings:
    """Cost of one guess (RFC 9106, second recommended choice: 64 MiB, 3 passes, 4 lanes)."""

    memory_kib: int = 64 * 1024
    iterations: int = 3
    lanes: int = 4


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key that only the passphrase opens."""

    settings: Argon2Settings
    salt: bytes
    record: str

    def as_json(self) -> dict[str, Any]:
        """The form kept in the vault's file."""
        return {**derivation_json(self.settings, self.salt), "wrapped": self.record}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> WrappedKey:
        """Raises ValueError for anything this program would not have written."""
        settings, salt = parse_derivation(kept)
        record = kept.get("wrapped")
        if not (isinstance(record, str) and record):
            raise ValueError("no wrapped key")
        return cls(settings, salt, record)


def derivation_json(settings: Argon2Settings, salt: bytes) -> dict[str, Any]:
    """How a passphrase was stretched, for a file."""
    return {
        "kdf": "argon2id",
        "memory_kib": settings.memory_kib,
        "iterations": settings.iterations,
        "lanes": settings.lanes,
        "salt": base64.b64encode(salt).decode("ascii"),
    }


def parse_derivation(kept: Mapping[str, Any]) -> tuple[Argon2Settings, bytes]:
    """What `derivation_json` has written; raises ValueError for anything else."""
    salt = kept.get("salt")
    if kept.get("kdf") != "argon2id" or not isinstance(salt, str):
        raise ValueError("unknown key derivation")
    settings = Argon2Settings(
        _number(kept, "memory_kib", _MEMORY_KIB),
        _number(kept, "iterations", _ITERATIONS),
        _number(kept, "lanes", _LANES),
    )
    try:
        salt_bytes = base64.b64decode(salt, validate=True)
    except ValueError as error:
        raise ValueError("no salt") from error
    if len(salt_bytes) != _SALT_BYTES:
        raise ValueError("no salt")
    return settings, salt_bytes


def _number(kept: Mapping[str, Any], name: str, allowed: range) -> int:
    value = kept.get(name)
    if type(value) is not int or value not in allowed:
        raise ValueError(f"{name} out of range")
    return value


def check_new_passphrase(passphrase_secret: str) -> None:
    """Raises InputError for a passphrase that is too short or too long."""
    if len(passphrase_secret) < MIN_CHARACTERS:
        raise InputError(
            "passphrase",
            "The passphrase needs at least {least} characters.",
            hint="Four or five unrelated words make a good one.",
            least=MIN_CHARACTERS,
        )
    if len(passphrase_secret) > _MAX_CHARACTERS:
        raise InputError(
            "passphrase", "The passphrase is longer than {most} characters.", most=_MAX_CHARACTERS
        )


@dataclass(frozen=True, slots=True)
class WrappingKey:
    """What a passphrase was stretched to: wraps further keys without asking for it again."""

    settings: Argon2Settings
    salt: bytes
    key_secret: bytes = field(repr=False)

    def wrap(self, key: bytes, key_id: str) -> WrappedKey:
        """``key``, wrapped."""
        return WrappedKey(
            self.settings, self.salt, seal_bytes(self.key_secret, key_id, key, _binding(key_id))
        )

    def unwrap(self, wrapped: WrappedKey, key_id: str) -> bytes:
        """The data key; raises VaultError (``vault.passphrase``) when this is not its passphrase's
        key."""
        try:
            return open_bytes(self.key_secret, wrapped.record, _binding(key_id))
        except VaultError as error:
            raise wrong_passphrase() from error

    def fits(self, wrapped: WrappedKey) -> bool:
        """Whether ``wrapped`` may have been wrapped with this."""
        return (self.settings, self.salt) == (wrapped.settings, wrapped.salt)


def new_wrapping_key(passphrase_secret: str, settings: Argon2Settings) -> WrappingKey:
    """Stretch a passphrase with a salt of its own; takes about 0.1 s of one core by design."""
    salt = os.urandom(_SALT_BYTES)
    return WrappingKey(settings, salt, stretch(passphrase_secret, salt, settings))


def find_wrapping_key(passphrase_secret: str, wrapped: WrappedKey) -> WrappingKey:
    """Stretch a passphrase as it was for ``wrapped``; raises VaultError (``vault.passphrase``) for
    what cannot be one."""
    key_secret = stretch(passphrase_secret, wrapped.salt, wrapped.settings)
    return WrappingKey(wrapped.settings, wrapped.salt, key_secret)


def stretch(passphrase_secret: str, salt: bytes, settings: Argon2Settings) -> bytes:
    """Argon2id of a passphrase; raises VaultError (``vault.passphrase``) for an endless one."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    if len(passphrase_secret) > _MAX_CHARACTERS:
        raise wrong_passphrase()
    # NFC: keyboards of different systems compose the same letter differently.
    typed = unicodedata.normalize("NFC", passphrase_secret).encode("utf-8", "surrogatepass")
    return Argon2id(
        salt=salt,
        length=KEY_BYTES,
        iterations=settings.iterations,
        lanes=settings.lanes,
        memory_cost=settings.memory_kib,
    ).derive(typed)


def _binding(key_id: str) -> Binding:
    return Binding("vault", "data_key", key_id, "")


def wrong_passphrase() -> VaultError:
    """What is told when a passphrase is not the one."""
    return VaultError(
        "That passphrase does not open the vault.",
        hint="Check the keyboard layout and Caps Lock, then try again.",
        code="vault.passphrase",
        retryable=True,
    )
