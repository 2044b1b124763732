"""A keyring backend kept in memory."""

from __future__ import annotations

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class MemoryKeyring(KeyringBackend):
    """Works like a desktop's keyring and forgets everything at the end of the test."""

    # keyring itself must never choose this class: its own rule is that 1 and more may be chosen.
    priority = 0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in keyring
        self.items: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """The stored value, or None."""
        return self.items.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store or replace a value."""
        self.items[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Remove a value; raises PasswordDeleteError when there is none."""
        if self.items.pop((service, username), None) is None:
            raise PasswordDeleteError("no such item")
