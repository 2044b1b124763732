"""Whose process a number is, locks that the system takes back from the dead, and waiting."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import LocalServerError

if sys.platform != "win32":
    import fcntl

_PAUSE_S = 0.03


def process_began(pid: int) -> str | None:
    """When the process began, in the system's own words; None when there is no such process."""
    proc = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The name in parentheses may hold anything, also parentheses and spaces.
            fields = proc.read_text("utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    return _ps(pid, "lstart=")


def process_arguments(pid: int) -> list[str]:
    """The command line of a process, or nothing."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_text("utf-8", errors="replace").split("\0")
        except OSError:
            return []
    # Only text is to be had here; our own arguments all begin like this.
    program, *options = (_ps(pid, "command=") or "").split(" --")
    return [program, *(f"--{option}" for option in options)]


def _ps(pid: int, column: str) -> str | None:
    answer = subprocess.run(  # numbers and constants only
        ["/bin/ps", "-ww", "-o", column, "-p", str(pid)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        # Ours may hold a password or an API key.
        env={"LC_ALL": "C"},
    )
    return answer.stdout.strip() or None


class FileLock:
    """A lock on a file that the system takes back when its holder dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether we hold it."""
        return self._descriptor is not None

    @property
    def descriptor(self) -> int:
        """The open file, to be inherited by a child."""
        if self._descriptor is None:
            raise ValueError("the lock is not held")
        return self._descriptor

    def acquire(self, *, shared: bool = False) -> bool:
        """Take the lock if it is free; false when somebody else holds it. Raises OSError."""
        if sys.platform == "win32":
            raise unsupported()
        descriptor = self._descriptor
        if descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            descriptor = os.open(self.path, flags, 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if self._descriptor is None:
                os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give it back; a child that inherited the file keeps the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def looks(timeout_s: float, token: CancelToken | None = None) -> Iterator[None]:
    """One turn at once, further ones after a pause each, until the time is over.

    Raises Cancelled.
    """
    token = token or CancelToken()
    deadline = time.monotonic() + timeout_s
    yield
    while time.monotonic() < deadline:
        token.wait(_PAUSE_S)
        token.raise_if_cancelled()
        yield


def unsupported() -> LocalServerError:
    return LocalServerError(
        "The managed local server is not available on this system yet.",
        hint="Add a connection to a MySQL or MariaDB server instead.",
        code="local_server.platform",
    )
