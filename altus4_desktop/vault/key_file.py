"""``vault.json``: where the current data key is, and further keys, sealed by it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from altus4_desktop.domain.errors import VaultError
from altus4_desktop.domain.files import make_private_folder, read_private, write_private
from altus4_desktop.vault.passphrase import WrappedKey
from altus4_desktop.vault.records import Binding, key_id_of, seal_bytes

FILE_NAME = "vault.json"
_FORMAT = 1


class VaultKind(StrEnum):
    """Where the data key lives."""

    KEYRING = "keyring"
    PASSPHRASE = "passphrase"  # noqa: S105  # a kind, not a secret
    SESSION = "session"
    NONE = "none"


class KeyRole(StrEnum):
    """Why a key beside the current one is kept."""

    OLDER = "older"
    """Records are being moved from it to the current one."""
    ADDED = "added"
    """It came with a recovery kit and opens what other workstations have sealed."""


@dataclass(frozen=True, slots=True)
class FurtherKey:
    """A key beside the current one, sealed by another key of the file.

    ``in_keyring``: the keyring holds it too, from when it was the current one.
    """

    key_id: str
    role: KeyRole
    record: str
    in_keyring: bool = False

    @property
    def binding(self) -> Binding:
        """The place of ``record``."""
        return _binding(self.key_id, self.role)

    @classmethod
    def seal(
        cls,
        key_id: str,
        key: bytes,
        role: KeyRole,
        by: tuple[str, bytes],
        *,
        in_keyring: bool,
    ) -> FurtherKey:
        """``key``, sealed ``by`` the current key of this name."""
        record = seal_bytes(by[1], by[0], key, _binding(key_id, role))
        return cls(key_id, role, record, in_keyring)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What the file says."""

    kind: VaultKind
    key_id: str
    wrapped: WrappedKey | None = None
    further: tuple[FurtherKey, ...] = ()

    def ids(self, role: KeyRole) -> tuple[str, ...]:
        """The further keys of that role."""
        return tuple(key.key_id for key in self.further if key.role is role)


def _binding(key_id: str, role: KeyRole) -> Binding:
    return Binding("vault", "further_key", key_id, role.value)


def read_key_file(path: Path) -> KeyFile | None:
    """The file's content, None when it is not there; raises VaultError (``vault.file``)."""
    try:
        content = read_private(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VaultError(
            "The vault's file “{path}” cannot be read: {reason}.",
            hint="Give it back to your user, or restore it from a backup.",
            code="vault.file",
            details=file_details(path, error),
        ) from error
    try:
        return _parse(content)
    except (ValueError, TypeError, RecursionError, VaultError) as error:
        raise VaultError(
            "The vault's file “{path}” is damaged.",
            hint="Restore it from a backup, or put it aside and import your recovery kit.",
            code="vault.file",
            details={"path": str(path)},
        ) from error


def write_key_file(path: Path, file: KeyFile, *, only_new: bool = False) -> None:
    """Replace the file, or with ``only_new`` make it.

    Raises VaultError: ``vault.exists`` where there is one already, ``vault.file``; what was there
    before is there still, also where the new one could not be read again.
    """
    kept: dict[str, Any] = {"format": _FORMAT, "kind": file.kind.value, "key_id": file.key_id}
    if file.wrapped is not None:
        kept["passphrase"] = file.wrapped.as_json()
    if file.further:
        kept["further_keys"] = [
            {
                "key_id": key.key_id,
                "role": key.role.value,
                "sealed": key.record,
                "in_keyring": key.in_keyring,
            }
            for key in file.further
        ]
    content = json.dumps(kept, indent=2).encode("ascii") + b"\n"
    _check_readable(path, content, file)
    try:
        make_private_folder(path.parent)
        write_private(path, content, only_new=only_new)
    except FileExistsError as error:
        raise already_set_up() from error
    except OSError as error:
        raise VaultError(
            "The vault's file “{path}” cannot be written: {reason}.",
            hint="Make room or give the folder back to your user, then try again.",
            code="vault.file",
            details=file_details(path, error),
        ) from error


def already_set_up() -> VaultError:
    """What is told instead of making a second key beside one that works."""
    return VaultError(
        "The vault is set up already.",
        hint="Unlock it; another program may have set it up meanwhile.",
        code="vault.exists",
    )


def file_details(path: Path, error: OSError) -> dict[str, str]:
    """Which file, and what was wrong with it."""
    return {"path": str(path), "reason": error.strerror or type(error).__name__}


def _check_readable(path: Path, content: bytes, file: KeyFile) -> None:
    """Raise VaultError where ``content`` would not be read as ``file``."""
    try:
        if _parse(content) == file:
            return
    except (ValueError, TypeError, VaultError):
        pass
    raise VaultError(
        "What the vault's file “{path}” was to be replaced with could not be read again.",
        hint="The file is as it was. Try again.",
        code="vault.file",
        details={"path": str(path)},
    )


def _parse(content: bytes) -> KeyFile:
    kept = json.loads(content)
    if not isinstance(kept, dict) or kept.get("format") != _FORMAT:
        raise ValueError("unknown format")
    kind, key_id = kept.get("kind"), kept.get("key_id")
    if not isinstance(key_id, str) or not key_id.startswith("k"):
        raise ValueError("no key id")
    listed = kept.get("further_keys", [])
    if not isinstance(listed, list):
        raise TypeError("no list of keys")
    further = tuple(_parse_further(key) for key in listed)
    if len({key_id, *(key.key_id for key in further)}) != len(further) + 1:
        raise ValueError("a key stands there twice")
    if kind == VaultKind.KEYRING:
        return KeyFile(VaultKind.KEYRING, key_id, None, further)
    if kind == VaultKind.PASSPHRASE and isinstance(kept.get("passphrase"), dict):
        wrapped = WrappedKey.from_json(kept["passphrase"])
        return KeyFile(VaultKind.PASSPHRASE, key_id, wrapped, further)
    raise ValueError("unknown kind")


def _parse_further(kept: object) -> FurtherKey:
    if not isinstance(kept, Mapping):
        raise TypeError("no key")
    key_id, record, in_keyring = kept.get("key_id"), kept.get("sealed"), kept.get("in_keyring")
    if not isinstance(key_id, str) or not key_id.startswith("k"):
        raise TypeError("no key id")
    if not isinstance(record, str) or not isinstance(in_keyring, bool):
        raise TypeError("no sealed key")
    key_id_of(record)
    return FurtherKey(key_id, KeyRole(str(kept.get("role"))), record, in_keyring)
