"""Opening what an older key has sealed and sealing it with the current one."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from altus4_desktop.domain.errors import VaultError
from altus4_desktop.vault import Binding
from altus4_desktop.vault.records import key_id_of

if TYPE_CHECKING:
    from altus4_desktop.services.vault import VaultService


class Resealer:
    """Moves records from ``key_ids`` to the current key."""

    def __init__(self, vault: VaultService, key_ids: Collection[str]) -> None:
        self._vault = vault
        self._key_ids = frozenset(key_ids)

    def needs(self, record: str) -> bool:
        """Whether one of the keys has sealed ``record``; what is no record needs nothing."""
        with suppress(VaultError):
            return key_id_of(record) in self._key_ids
        return False

    def again(self, record: str, binding: Binding) -> str:
        """``record`` under the current key, looked at once more; as it is if it needs nothing.

        Raises VaultError when it cannot be opened.
        """
        if not self.needs(record):
            return record
        plain_secret = self._vault.open_(record, binding)
        sealed = self._vault.seal(plain_secret, binding)
        if self._vault.open_(sealed, binding) != plain_secret:
            raise VaultError(
                "A password that was sealed again did not open again.",
                hint="Nothing was replaced. Try again.",
                code="vault.reseal",
                retryable=True,
            )
        return sealed


class SealedFile(Protocol):
    """A service that keeps sealed records in a file of the data folder; ``sealed_what`` names
    them."""

    sealed_what: str

    def sealed_in_file(self) -> list[str]:
        """The records there; raises AltusError where the file cannot be read."""

    def reseal_file_(self, resealer: Resealer) -> int:
        """Move them to the current key, all or none; returns how many. Raises AltusError."""
