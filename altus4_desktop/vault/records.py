"""Sealed records: AES-256-GCM text that opens only in the place it was sealed for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import struct
from dataclasses import dataclass, fields

from altus4_desktop.domain.errors import VaultError

VERSION = "v1"
KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_LATER = ("tls_pin", "ssh")
_KEY_ID = re.compile(r"[ks][0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Binding:
    """The place a secret belongs to; a record moved or edited in any of it no longer opens.

    ``tls_pin`` and ``ssh`` came after the first records: where they are empty, those still open.
    """

    table: str
    column: str
    row_id: str
    owner_id: str
    host: str = ""
    port: int = 0
    username: str = ""
    tls_mode: str = ""
    tls_pin: str = ""
    ssh: str = ""


def build_key_id(key: bytes, *, session: bool = False) -> str:
    """The name of a data key: derived from it, so that a wrong key is known without a record.

    The first letter tells keys that outlive the program (``k``) from those that do not (``s``).
    """
    digest = hashlib.sha256(b"altus4-desktop data key\0" + key).hexdigest()
    return ("s" if session else "k") + digest[:16]


def make_key(*, session: bool = False) -> tuple[str, bytes]:
    """The name of a new data key, and the key."""
    key = os.urandom(KEY_BYTES)
    return build_key_id(key, session=session), key


def is_key_of(key: bytes, key_id: str) -> bool:
    """Whether ``key`` is the data key of that name."""
    return len(key) == KEY_BYTES and build_key_id(key) == key_id


def is_session_key_id(key_id: str) -> bool:
    """Whether the key of this name lives in one run of the program only."""
    return key_id.startswith("s")


def key_id_of(record: str) -> str:
    """The name of the data key that sealed ``record``; raises VaultError when it is no record."""
    return _parse(record)[0]


def seal_bytes(key: bytes, key_id: str, plain_secret: bytes, binding: Binding) -> str:
    """``v1.<key id>.<nonce>.<ciphertext and tag>``, the last two in URL-safe base64."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, plain_secret, _associated_data(key_id, binding))
    return f"{VERSION}.{key_id}.{_encode(nonce)}.{_encode(sealed)}"


def open_bytes(key: bytes, record: str, binding: Binding) -> bytes:
    """What was sealed; raises VaultError for any change of the record or of its place."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key_id, nonce, sealed = _parse(record)
    try:
        return AESGCM(key).decrypt(nonce, sealed, _associated_data(key_id, binding))
    except InvalidTag as error:
        raise _damaged() from error


def _associated_data(key_id: str, binding: Binding) -> bytes:
    # Each part carries its length: no two bindings can ever give the same bytes.
    parts = ["altus4-desktop", VERSION, key_id]
    named = [(item.name, str(getattr(binding, item.name))) for item in fields(binding)]
    parts += [text for name, text in named if name not in _LATER]
    # The name goes along, or one of them could stand for another.
    parts += [text for pair in named if pair[0] in _LATER and pair[1] for text in pair]
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(struct.pack(">I", len(part)) + part for part in encoded)


def _parse(record: str) -> tuple[str, bytes, bytes]:
    parts = record.split(".")
    if len(parts) != 4 or parts[0] != VERSION or not _KEY_ID.fullmatch(parts[1]):
        raise _damaged()
    nonce, sealed = _decode(parts[2]), _decode(parts[3])
    if len(nonce) != _NONCE_BYTES or len(sealed) < _TAG_BYTES:
        raise _damaged()
    return parts[1], nonce, sealed


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _damaged() from error
    # base64 has several spellings of the same bytes; only the one we write is a record.
    if _encode(data) != text:
        raise _damaged()
    return data


def _damaged() -> VaultError:
    return VaultError(
        "A saved secret cannot be opened: it was changed or belongs to another place.",
        hint="Enter it again to replace it.",
        code="vault.record",
    )
