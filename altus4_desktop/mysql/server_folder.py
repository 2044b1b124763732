"""The managed server's private folder: what lies where, its locks, and the log of what runs in it.

The folder holds::

    lock           held by a program while it starts, stops or removes the server
    running.lock   inherited and held by the server itself: free exactly when no server runs
    users.lock     shared by every program that uses the server
    server.json    pid, start time, port, socket of the running server
    server.pid     pid, written by the server
    server.log     what the server, or whatever made its data folder, last had to say
    data/          the data folder; it gets this name only once it is completely initialised

No secret is ever written here: the accounts are set at each start through a pipe.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import LocalServerError
from altus4_desktop.domain.files import make_private_folder
from altus4_desktop.mysql.server_process import FileLock, looks
from altus4_desktop.mysql.server_program import ServerProgram, server_environment

_SOCKET_NAME = "server.sock"
_SOCKET_FOLDER = "altus4-socket-"
_SOCKET_BYTES = 103  # macOS allows 104 with the closing zero byte, Linux 108
_GLANCE_S = 1.2


class ServerFolder:
    """Where the files of one server are, and who holds them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / "data"
        self.unfinished_data = path / "data.new"
        self.state_file = path / "server.json"
        self.pid_file = path / "server.pid"
        self._tmp = path / "tmp"
        self._log = path / "server.log"
        self._running_lock = path / "running.lock"

    @contextmanager
    def operation(self, token: CancelToken, timeout_s: float) -> Iterator[None]:
        """Be the only one, thread or program, who starts, stops or removes the server.

        Raises Cancelled; LocalServerError when another program has it for longer than the timeout
        or when the folder cannot be used.
        """
        lock = FileLock(self.path / "lock")
        try:
            make_private_folder(self.path.parent)
            make_private_folder(self.path)
            if not any(lock.acquire() for _ in looks(timeout_s, token)):
                raise LocalServerError(
                    "Another program is still busy with the local server.",
                    hint="Wait for it, or end it, then try again.",
                    code="local_server.busy",
                )
            yield
        except OSError as error:
            raise LocalServerError(
                "The local server's folder “{folder}” cannot be used: {reason}.",
                hint="Make room or give the folder back to your user, then try again.",
                code="local_server.folder",
                details={"folder": str(self.path), "reason": error.strerror or str(error)},
            ) from error
        finally:
            lock.release()

    def is_running(self) -> bool:
        """Whether a server holds our folder, whoever started it."""
        if sys.platform == "win32" or not self._running_lock.exists():
            return False
        probe = FileLock(self._running_lock)
        # Shared, so that two who ask at once do not take each other for a server.
        free = probe.acquire(shared=True)
        probe.release()
        return not free

    @contextmanager
    def running_lock(self) -> Iterator[int]:
        """Hold what tells that a server runs; its descriptor, for a child that goes on holding it.

        Raises LocalServerError when a server runs already.
        """
        lock = FileLock(self._running_lock)
        # Somebody who only asks whether a server runs holds the lock for an instant.
        if not any(lock.acquire() for _ in looks(_GLANCE_S)):
            raise LocalServerError(
                "A server is already running on “{folder}”.",
                code="local_server.held",
                details={"folder": str(self.path)},
            )
        try:
            yield lock.descriptor
        finally:
            lock.release()

    def spawn(self, command: Sequence[str], *inherited: int) -> subprocess.Popen[bytes]:
        """Run a server program here, in a session of its own; its words go to a fresh log."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        log = os.open(self._log, flags, 0o600)
        try:
            return subprocess.Popen(  # a server program found or chosen by the user
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.path,
                env=server_environment() | {"TMPDIR": str(make_private_folder(self._tmp))},
                pass_fds=inherited,
                start_new_session=True,
            )
        finally:
            os.close(log)

    def make_socket_path(self) -> Path:
        """Where a new server is to put its socket; nothing is left there."""
        path = self.path / _SOCKET_NAME
        if len(os.fsencode(path)) <= _SOCKET_BYTES:
            path.unlink(missing_ok=True)
            return path
        # A socket's path is short by the system's rules, however long the data folder's is.
        return Path(tempfile.mkdtemp(prefix=_SOCKET_FOLDER)) / _SOCKET_NAME

    def clean(self, socket: str) -> None:
        """Remove what a server that has ended may have left beside its data."""
        self.pid_file.unlink(missing_ok=True)
        path = Path(socket)
        if path.name != _SOCKET_NAME:
            return
        for leftover in (path, path.with_name(path.name + ".lock")):
            leftover.unlink(missing_ok=True)
        if path.parent.name.startswith(_SOCKET_FOLDER):
            # Somebody else may have put something into it; an empty one is ours to remove.
            with suppress(OSError):
                path.parent.rmdir()

    def remove_data(self) -> None:
        """Remove all that a server has made here."""
        for folder in (self.data, self.unfinished_data, self._tmp):
            if folder.exists():
                shutil.rmtree(folder)
        for path in (self.state_file, self.pid_file, self._log):
            path.unlink(missing_ok=True)

    def size_bytes(self) -> int:
        """What the folder takes on disk."""
        total = 0
        for base, _, names in os.walk(self.path):
            for name in names:
                with suppress(OSError):
                    total += (Path(base) / name).lstat().st_blocks * 512
        return total

    def log_tail(self, lines: int) -> str:
        """The last lines of the log, or nothing."""
        try:
            text = self._log.read_text("utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def build_failure(
        self,
        sentence: str,
        program: ServerProgram,
        kind: type[LocalServerError] = LocalServerError,
    ) -> LocalServerError:
        """The error that says ``sentence`` and, as its reason, what the log complains of first."""
        reasons = [
            line.split("]", 1)[-1].strip()
            for line in self.log_tail(80).splitlines()
            if "[ERROR]" in line or "[FATAL]" in line.upper()
        ]
        reason = re.sub(r"^(?:\[[^\]]*\]\s*)+", "", reasons[0])[:300] if reasons else ""
        hint = "Its own words: {reason} See {log}." if reason else "See {log}."
        if Path("/etc/apparmor.d/usr.sbin.mysqld").exists() and "ermission" in reason:
            hint += " AppArmor may keep this server out of private folders."
        return kind(
            sentence,
            hint=hint,
            code="local_server.start",
            details={"program": program.title, "reason": reason, "log": str(self._log)},
        )
