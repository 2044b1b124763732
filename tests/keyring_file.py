"""A keyring backend kept in a folder, so that several processes can share it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from keyring.errors import PasswordDeleteError

from tests.keyring_memory import MemoryKeyring


class FileKeyring(MemoryKeyring):
    """One file an item, written before it is named, as a keyring that survives a kill does."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def names(self) -> int:
        """How many items there are."""
        return sum(1 for file in self._folder.iterdir() if file.suffix != ".new")

    def get_password(self, service: str, username: str) -> str | None:
        """The stored value, or None."""
        try:
            return self._file(service, username).read_text("utf-8")
        except FileNotFoundError:
            return None

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store or replace a value."""
        file = self._file(service, username)
        draft = file.with_suffix(".new")
        draft.write_text(password, "utf-8")
        draft.replace(file)

    def delete_password(self, service: str, username: str) -> None:
        """Remove a value; raises PasswordDeleteError when there is none."""
        try:
            self._file(service, username).unlink()
        except FileNotFoundError:
            raise PasswordDeleteError("no such item") from None

    def _file(self, service: str, username: str) -> Path:
        name = hashlib.sha256(f"{service}\0{username}".encode()).hexdigest()
        return self._folder / name
