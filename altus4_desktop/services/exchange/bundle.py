"""A document with its secrets, sealed by a passphrase.

A random key seals the document (AES-256-GCM); the passphrase wraps the key (Argon2id, then
AES-256-GCM), as it does the vault's own.
"""

from __future__ import annotations

import json
import os

from altus4_desktop.domain.errors import AltusError, InputError, VaultError
from altus4_desktop.services.exchange.document import check_version
from altus4_desktop.services.exchange.reading import mapping, read_json, text_of, unreadable
from altus4_desktop.vault import Binding
from altus4_desktop.vault.passphrase import (
    Argon2Settings,
    WrappedKey,
    check_new_passphrase,
    find_wrapping_key,
    new_wrapping_key,
)
from altus4_desktop.vault.records import KEY_BYTES, build_key_id, open_bytes, seal_bytes

BUNDLE_FORMAT = "altus4-bundle"
_VERSION = 1


def seal_bundle(document: str, passphrase_secret: str, settings: Argon2Settings) -> bytes:
    """The bundle of ``document``; raises InputError (``passphrase``) for one that is too short."""
    check_new_passphrase(passphrase_secret)
    key = os.urandom(KEY_BYTES)
    key_id = build_key_id(key)
    bundle = {
        "format": BUNDLE_FORMAT,
        "version": _VERSION,
        "key_id": key_id,
        "passphrase": new_wrapping_key(passphrase_secret, settings).wrap(key, key_id).as_json(),
        "sealed": seal_bytes(
            key, key_id, document.encode("utf-8", "surrogatepass"), _place(key_id)
        ),
    }
    return json.dumps(bundle, indent=2).encode("ascii") + b"\n"


def open_bundle(text: str, passphrase_secret: str | None) -> str:
    """The document in a bundle.

    Raises InputError (``passphrase``) without a passphrase or for a wrong one, AltusError
    (``import.unreadable``) for a bundle that was changed.
    """
    bundle = mapping(read_json(text))
    check_version(bundle, BUNDLE_FORMAT, _VERSION)
    key_id, sealed = text_of(bundle.get("key_id")), text_of(bundle.get("sealed"))
    try:
        wrapped = WrappedKey.from_json(mapping(bundle.get("passphrase")))
    except ValueError as error:
        raise unreadable("The bundle is damaged.") from error
    if passphrase_secret is None:
        raise InputError("passphrase", "The bundle is encrypted: its passphrase is needed.")
    try:
        key = find_wrapping_key(passphrase_secret, wrapped).unwrap(wrapped, key_id)
    except VaultError as error:
        raise InputError(
            "passphrase",
            "That passphrase does not open the bundle, or the bundle was changed.",
            hint="Check the keyboard layout and Caps Lock, then try again.",
        ) from error
    try:
        return open_bytes(key, sealed, _place(key_id)).decode("utf-8", "surrogatepass")
    except (VaultError, UnicodeDecodeError, ValueError) as error:
        raise AltusError(
            "The bundle was changed after it was written: nothing is taken from it.",
            hint="Get it once more from whoever made it.",
            code="import.unreadable",
        ) from error


def _place(key_id: str) -> Binding:
    return Binding("exchange", "bundle", key_id, "")
