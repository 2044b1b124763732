"""Passwords as an Altus 4 server keeps them: AES-256-GCM, a nonce of 16 bytes, no place bound."""

from __future__ import annotations

import re

from altus4_desktop.domain.errors import InputError

_KEY = re.compile(r"[0-9a-fA-F]{64}")
_STORED = re.compile(r"([0-9a-f]{32}):([0-9a-f]{32}):((?:[0-9a-f]{2})*)")


def read_encryption_key(text_secret: str) -> bytes:
    """The key in the server's ENCRYPTION_KEY; raises InputError (``encryption_key``)."""
    text = text_secret.strip()
    if not _KEY.fullmatch(text):
        raise InputError(
            "encryption_key",
            "An ENCRYPTION_KEY has 64 hex digits.",
            hint="With any other a server encrypts by a key that is lost when it ends.",
        )
    return bytes.fromhex(text)


def open_server_password(key: bytes, stored: str) -> str | None:
    """The password in ``iv:tag:ciphertext``; None for a record that this key does not open."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    parts = _STORED.fullmatch(stored)
    if parts is None:
        return None
    nonce, tag, sealed = (bytes.fromhex(part) for part in parts.groups())
    try:
        return AESGCM(key).decrypt(nonce, sealed + tag, None).decode("utf-8")
    except (InvalidTag, UnicodeDecodeError):
        return None
