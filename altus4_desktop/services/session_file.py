"""Who stays signed in on this computer: a file that only the vault can have written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import VaultError, VaultLockedError
from altus4_desktop.domain.files import make_private_folder, read_private, write_private
from altus4_desktop.vault import Binding

if TYPE_CHECKING:
    from altus4_desktop.services.resealing import Resealer
    from altus4_desktop.services.vault import VaultService


class SessionFile:
    """``session.json`` of a data folder; it holds as long as the person's password.

    Every method raises VaultError (``vault.session_file``) when the file cannot be used.
    """

    def __init__(self, data_dir: Path, vault: VaultService) -> None:
        self._path = data_dir / "session.json"
        self._vault = vault

    def keep(self, user_id: str, password_hash: str) -> None:
        """Remember the user; raises VaultLockedError, VaultError."""
        with self._vault.sealing():
            self._write(user_id, self._vault.seal(user_id, _binding(user_id, password_hash)))

    def reseal(self, user_id: str, record: str, password_hash: str, resealer: Resealer) -> None:
        """Put the same under the current key; raises VaultError."""
        self._write(user_id, resealer.again(record, _binding(user_id, password_hash)))

    def find_(self) -> tuple[str, str] | None:
        """Whose id is in the file, and the record that has to prove it; forgets other content."""
        try:
            kept = json.loads(read_private(self._path))
            user_id, record = kept["user_id"], kept["record"]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed(self._path, error) from error
        except (ValueError, TypeError, KeyError, RecursionError):
            # Not what `keep` writes: nobody is remembered.
            self.forget()
            return None
        if not isinstance(user_id, str) or not isinstance(record, str):
            self.forget()
            return None
        return user_id, record

    def proves(self, record: str, user_id: str, password_hash: str) -> bool:
        """Whether the record was made here for that user and that password.

        Raises VaultLockedError while the vault cannot tell.
        """
        try:
            return self._vault.open_(record, _binding(user_id, password_hash)) == user_id
        except VaultLockedError:
            raise
        except VaultError:
            # Another password, another key, or an edited file.
            return False

    def forget(self) -> None:
        """Remember nobody."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _failed(self._path, error) from error

    def _write(self, user_id: str, record: str) -> None:
        content = json.dumps({"format": 1, "user_id": user_id, "record": record})
        try:
            make_private_folder(self._path.parent)
            write_private(self._path, content.encode("ascii") + b"\n")
        except OSError as error:
            raise _failed(self._path, error) from error


def _binding(user_id: str, password_hash: str) -> Binding:
    fingerprint = hashlib.sha256(password_hash.encode("utf-8", "replace")).hexdigest()
    return Binding("session", "user_id", row_id=user_id, owner_id=fingerprint)


def _failed(path: Path, error: OSError) -> VaultError:
    return VaultError(
        "The remembered sign-in “{path}” cannot be used: {reason}.",
        hint="Give the file back to your user, or remove it.",
        code="vault.session_file",
        details={"path": str(path), "reason": error.strerror or type(error).__name__},
    )
