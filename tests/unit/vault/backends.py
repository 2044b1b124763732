"""Keyrings that misbehave in every way seen in the wild."""

from __future__ import annotations

import threading

from keyring.errors import KeyringLocked, NoKeyringError, PasswordSetError

from tests.keyring_memory import MemoryKeyring


class NoKeyring(MemoryKeyring):
    """No backend at all."""

    def get_password(self, service: str, username: str) -> str | None:
        raise NoKeyringError("none")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NoKeyringError("none")


class LockedKeyring(MemoryKeyring):
    """The person dismissed the prompt."""

    locked = True

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("dismissed")
        return super().get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringLocked("dismissed")
        super().set_password(service, username, password)


class SilentKeyring(MemoryKeyring):
    """Shows a prompt that nobody answers until ``answer`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.answer = threading.Event()
        self.threads: set[str] = set()

    def _prompt(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.asked.set()
        assert self.answer.wait(60), "the test must answer in the end"

    def get_password(self, service: str, username: str) -> str | None:
        self._prompt()
        return super().get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._prompt()
        super().set_password(service, username, password)


class DyingKeyring(MemoryKeyring):
    """The service goes away in the middle of a call, with an error of a library of its own."""

    def get_password(self, service: str, username: str) -> str | None:
        raise ConnectionResetError("bus gone")

    def set_password(self, service: str, username: str, password: str) -> None:
        super().set_password(service, username, password)
        raise ConnectionResetError(f"bus gone while keeping {password}")


class DiscardingKeyring(MemoryKeyring):
    """Says yes and forgets."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class TruncatingKeyring(MemoryKeyring):
    """Keeps the first 31 characters only."""

    def set_password(self, service: str, username: str, password: str) -> None:
        super().set_password(service, username, password[:31])


class SmallKeyring(MemoryKeyring):
    """Refuses values over a size, as Windows does, and quotes them."""

    limit = 44

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password) > self.limit:
            raise PasswordSetError(f"value too long: {password}")
        super().set_password(service, username, password)
