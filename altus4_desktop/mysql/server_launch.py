"""The managed server's process: launched, waited for until it answers, signalled, reaped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import LocalServerError
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.mysql.server_folder import ServerFolder
from altus4_desktop.mysql.server_process import looks, process_began
from altus4_desktop.mysql.server_program import ServerProgram
from altus4_desktop.mysql.server_record import (
    RunningServer,
    find_named_pid,
    is_same_process,
    read_state,
    write_state,
)
from altus4_desktop.mysql.server_settings import (
    LOOPBACK,
    RUN_OPTIONS,
    ServerAccounts,
    account_statements,
    folder_options,
)

START_S = 90.0
_KILL_S = 5.0
_PORT_ATTEMPTS = 5


class DataFolderUnusable(LocalServerError):
    """The server cannot start from its data folder."""


class _PortTaken(Exception):
    """Somebody else took the port between our look and the server's."""


class ServerLauncher:
    """Launches the server of one folder and ends it, whoever launched it."""

    def __init__(self, folder: ServerFolder) -> None:
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None

    def run(
        self,
        program: ServerProgram,
        accounts: ServerAccounts,
        *,
        kept: bool,
        progress: ProgressSink,
        token: CancelToken,
    ) -> RunningServer:
        """Launch ``program`` on the data folder and wait until it lets the administrator in.

        Raises DataFolderUnusable, LocalServerError, Cancelled, OSError.
        """
        progress(Progress(f"Starting {program.title}…"))
        previous = read_state(self._folder)
        wanted = previous.port if previous else None
        for _ in range(_PORT_ATTEMPTS):
            running = self._launch(program, accounts, kept, _free_port(wanted))
            try:
                return self._wait_ready(running, program, accounts, token)
            except _PortTaken:
                self._clean(running)
                wanted = None
            except BaseException:
                self.kill(running)
                raise
        raise LocalServerError(
            "{program} found no free port on this machine.",
            hint="Try again in a moment.",
            code="local_server.port",
            details={"program": program.title},
        )

    def terminate(self, running: RunningServer, timeout_s: float) -> bool:
        """Ask the server to end and wait for it; false when it runs on."""
        return self._end(running, signal.SIGTERM, timeout_s)

    def kill(self, running: RunningServer) -> bool:
        """End the server without asking it; false when it runs on all the same."""
        return self._end(running, signal.SIGKILL, _KILL_S)

    def disown(self) -> None:
        """Let the server outlive this program."""
        if self._child is not None and self._child.poll() is None:
            # Popen would warn that nobody has waited for a child that is meant to go on.
            self._child.returncode = 0
        self._child = None

    def _launch(
        self, program: ServerProgram, accounts: ServerAccounts, kept: bool, port: int
    ) -> RunningServer:
        self._reap()
        folder = self._folder
        with folder.running_lock() as lock:
            folder.pid_file.unlink(missing_ok=True)
            socket_path = folder.make_socket_path()
            reading, writing = os.pipe()
            try:
                # The statements fit in the pipe's buffer, so nobody has to wait for a reader.
                with os.fdopen(writing, "w", encoding="utf-8") as pipe:
                    pipe.write(account_statements(program.flavour, accounts))
                child = folder.spawn(
                    [
                        str(program.path),
                        "--no-defaults",
                        f"--datadir={folder.data}",
                        f"--socket={socket_path}",
                        f"--port={port}",
                        f"--pid-file={folder.pid_file}",
                        f"--init-file=/dev/fd/{reading}",
                        *folder_options(program.flavour),
                        *RUN_OPTIONS,
                    ],
                    reading,
                    lock,
                )
            finally:
                os.close(reading)
        self._child = child
        running = RunningServer(
            pid=child.pid,
            began=process_began(child.pid) or "",
            port=port,
            socket=str(socket_path),
            program=str(program.path),
            flavour=program.flavour,
            version=program.version,
            kept=kept,
            started_at=datetime.now(UTC),
        )
        write_state(folder, running)
        return running

    def _wait_ready(
        self,
        running: RunningServer,
        program: ServerProgram,
        accounts: ServerAccounts,
        token: CancelToken,
    ) -> RunningServer:
        folder = self._folder
        for _ in looks(START_S, token):
            if not folder.is_running():
                self._reap()
                text = folder.log_tail(60)
                if "Bind on TCP/IP port" in text or "Do you already have another" in text:
                    raise _PortTaken
                full = "No space left" in text or "errno: 28" in text
                raise folder.build_failure(
                    "{program} stopped while it was starting.",
                    program,
                    LocalServerError if full else DataFolderUnusable,
                )
            if _accepts(running.socket) and running.answers(accounts.admin_secret):
                # A launcher script may have started the server as a process of its own.
                pid = find_named_pid(folder)
                if pid is not None and pid != running.pid:
                    running = replace(running, pid=pid, began=process_began(pid) or "")
                    write_state(folder, running)
                return running
        raise folder.build_failure("{program} did not become ready in time.", program)

    def _end(self, running: RunningServer, how: signal.Signals, timeout_s: float) -> bool:
        if is_same_process(self._folder, running):
            with suppress(ProcessLookupError):
                os.kill(running.pid, how)
        for _ in looks(timeout_s):
            self._reap()
            if not self._folder.is_running():
                self._clean(running)
                return True
        return False

    def _reap(self) -> None:
        if self._child is not None and self._child.poll() is not None:
            self._child = None

    def _clean(self, running: RunningServer) -> None:
        if self._child is not None:
            # A process lets go of its files a moment before it can be waited for.
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(_KILL_S)
        self._reap()
        self._folder.clean(running.socket)


def _free_port(wanted: int | None) -> int:
    for port in filter(None, (wanted, None)):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
