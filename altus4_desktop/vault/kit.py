"""The recovery kit: data keys in a file of their own, opened by a passphrase of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from altus4_desktop.domain.errors import VaultError
from altus4_desktop.vault.passphrase import (
    Argon2Settings,
    check_new_passphrase,
    derivation_json,
    parse_derivation,
    stretch,
)
from altus4_desktop.vault.records import KEY_BYTES, Binding, build_key_id, open_bytes, seal_bytes

_WHAT = "Altus 4 Desktop recovery kit"
_NOTE = (
    "Holds the keys that open saved passwords, sealed with AES-256-GCM under a passphrase "
    "stretched by Argon2id. Keep it away from the computers it is for. "
    "altus4-desktop vault import-kit FILE"
)
_FORMAT = 1
_SALT_BYTES = 16
_MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class KitContent:
    """What a kit holds: the key that was the current one where it was made, and every key.

    ``made_at`` is an ISO 8601 instant, ``origin`` says on which computer.
    """

    current_id: str
    made_at: str
    origin: str
    keys: Mapping[str, bytes] = field(repr=False)


def build_kit(content: KitContent, passphrase_secret: str, settings: Argon2Settings) -> bytes:
    """The file's bytes; raises InputError for a passphrase that is too short."""
    check_new_passphrase(passphrase_secret)
    salt = os.urandom(_SALT_BYTES)
    head = {
        "what": _WHAT,
        "format": _FORMAT,
        "note": _NOTE,
        "made_at": content.made_at,
        "made_on": content.origin,
        "key_id": content.current_id,
        "key_ids": sorted(content.keys),
        "cipher": "aes-256-gcm",
        "passphrase": derivation_json(settings, salt),
    }
    plain = {key_id: base64.b64encode(key).decode("ascii") for key_id, key in content.keys.items()}
    wrapping_key = stretch(passphrase_secret, salt, settings)
    sealed = seal_bytes(
        wrapping_key, content.current_id, json.dumps(plain).encode("ascii"), _binding(head)
    )
    return json.dumps({**head, "sealed": sealed}, indent=2).encode("ascii") + b"\n"


def open_kit(file: bytes, passphrase_secret: str) -> KitContent:
    """What `build_kit` has put in.

    Raises VaultError: ``vault.kit`` for what is no kit, ``vault.kit_passphrase`` for a wrong
    passphrase and for a kit that was changed, which nobody can tell apart.
    """
    try:
        head, sealed = _parse(file)
        settings, salt = parse_derivation(head["passphrase"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _no_kit() from error
    try:
        wrapping_key = stretch(passphrase_secret, salt, settings)
        plain = json.loads(open_bytes(wrapping_key, sealed, _binding(head)))
    except (ValueError, VaultError) as error:
        raise VaultError(
            "The passphrase does not open this recovery kit, or the kit was changed.",
            hint="It is the passphrase that was chosen when the kit was made. Check the keyboard "
            "layout and Caps Lock.",
            code="vault.kit_passphrase",
            retryable=True,
        ) from error
    keys = {key_id: base64.b64decode(text) for key_id, text in plain.items()}
    for key_id, key in keys.items():
        if len(key) != KEY_BYTES or build_key_id(key) != key_id:
            raise _no_kit()
    if head["key_id"] not in keys or sorted(keys) != head["key_ids"]:
        raise _no_kit()
    return KitContent(head["key_id"], head["made_at"], head["made_on"], keys)


def _parse(file: bytes) -> tuple[dict[str, Any], str]:
    if len(file) > _MOST_BYTES:
        raise ValueError("too long")
    head = json.loads(file)
    if not isinstance(head, dict) or head.get("what") != _WHAT or head.get("format") != _FORMAT:
        raise ValueError("another file")
    sealed = head.pop("sealed")
    texts = (sealed, head["made_at"], head["made_on"], head["key_id"])
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("another file")
    return head, sealed


def _binding(head: Mapping[str, Any]) -> Binding:
    # All that stands there in clear is bound: nobody makes an old kit look like a new one.
    text = json.dumps(head, sort_keys=True, separators=(",", ":"))
    return Binding("recovery_kit", "keys", hashlib.sha256(text.encode("ascii")).hexdigest(), "")


def _no_kit() -> VaultError:
    return VaultError(
        "This is no recovery kit of Altus 4 Desktop, or it is damaged.",
        hint="Take another copy of the file.",
        code="vault.kit",
    )
