"""One private MySQL or MariaDB server on the workstation: found, initialised, started, stopped.

The folder it lives in holds::

    lock           held by a program while it starts, stops or removes the server
    running.lock   inherited and held by the server itself: free exactly when no server runs
    users.lock     shared by every program that uses the server
    server.json    pid, start time, port, socket of the running server
    data/          the data folder; it gets this name only once it is completely initialised

No secret is ever written here: the accounts are set at each start through a pipe.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import (
    Flavour,
    PoolSettings,
    Target,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.errors import AltusError, LocalServerError
from altus4_desktop.domain.files import make_private_folder, write_private
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.mysql.server_process import (
    FileLock,
    process_arguments,
    process_began,
    unsupported,
)
from altus4_desktop.mysql.server_program import ServerProgram, release_of, server_environment

_log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
ADMIN_NAME = "root"
_SOCKET_NAME = "server.sock"
_SOCKET_FOLDER = "altus4-socket-"
_SOCKET_BYTES = 103  # macOS allows 104 with the closing zero byte, Linux 108
_POLL_S = 0.03
_START_S = 90.0
_STOP_S = 20.0
_INITIALISE_S = 180.0
_PORT_ATTEMPTS = 5
_MARKER = "altus4.json"


@dataclass(frozen=True, slots=True)
class ServerAccounts:
    """The two accounts of the server: the local administrator, and the one that searches.

    ``tenant_databases`` are the only ones the searching account may read.
    """

    admin_secret: str = field(repr=False)
    tenant_name: str
    tenant_secret: str = field(repr=False)
    tenant_databases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that was seen to run on our folder; ``stopping`` once it was asked to stop."""

    pid: int
    began: str
    port: int
    socket: str
    program: str
    flavour: Flavour
    version: str
    kept: bool
    started_at: datetime
    stopping: bool = False


class LocalServer:
    """The server of one private folder. Everything that changes it runs inside `operation`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_folder = folder / "data"
        self._state_path = folder / "server.json"
        self._pid_path = folder / "server.pid"
        self._log_path = folder / "server.log"
        self._users = FileLock(folder / "users.lock")
        self._child: subprocess.Popen[bytes] | None = None

    @contextmanager
    def operation(self, token: CancelToken, timeout_s: float = 240.0) -> Iterator[None]:
        """Be the only one, thread or program, who starts, stops or removes the server.

        Raises Cancelled; LocalServerError when another program has it for longer than the timeout
        or when the folder cannot be used.
        """
        lock = FileLock(self.folder / "lock")
        try:
            make_private_folder(self.folder.parent)
            make_private_folder(self.folder)
            waited = 0.0
            while not lock.acquire():
                token.wait(_POLL_S)
                token.raise_if_cancelled()
                waited += _POLL_S
                if waited > timeout_s:
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
                details={
                    "folder": str(self.folder),
                    "reason": error.strerror or str(error),
                },
            ) from error
        finally:
            lock.release()

    def is_running(self) -> bool:
        """Whether a server holds our folder, whoever started it."""
        path = self.folder / "running.lock"
        if sys.platform == "win32" or not path.exists():
            return False
        probe = FileLock(path)
        # Shared, so that two who ask at once do not take each other for a server.
        free = probe.acquire(shared=True)
        probe.release()
        return not free

    def find_running(self) -> RunningServer | None:
        """The server that runs and goes on running, or None.

        A process of that number that is not ours is not it.
        """
        known = self._find_known()
        return None if known is None or known.stopping else known

    def wait_running(self, token: CancelToken) -> RunningServer | None:
        """As `find_running`, but a server that has only just been started is given time to say
        who it is; raises Cancelled, LocalServerError when it never does."""
        for _ in range(int(_START_S / _POLL_S)):
            if not self.is_running():
                return None
            running = self._find_known() or self._orphan()
            if running is not None and running.stopping:
                self.stop(running)
                return None
            if running is not None:
                return running
            token.wait(_POLL_S)
            token.raise_if_cancelled()
        raise LocalServerError(
            "A program that cannot be told apart holds the local server's folder “{folder}”.",
            hint="End the mysqld or mariadbd that uses this folder, then try again.",
            code="local_server.held",
            details={"folder": str(self.folder)},
        )

    def size_bytes(self) -> int:
        """What our folder takes on disk."""
        return _size(self.folder)

    def admin_target(self, running: RunningServer, admin_secret: str) -> Target:
        """How the administrator reaches the running server: through the socket in our folder."""
        return Target(
            connection_id="local-server-admin",
            name="local server",
            host=running.socket,
            port=0,
            database="",
            username=ADMIN_NAME,
            password_secret=admin_secret,
            tls=TlsSettings(TlsMode.DISABLED),
            pool=PoolSettings(query_timeout_s=120.0, connect_timeout_s=5.0),
        )

    def answers(self, running: RunningServer, admin_secret: str) -> bool:
        """Whether the running server lets the administrator in with this password."""
        from altus4_desktop.driver.connect import open_connection

        try:
            open_connection(self.admin_target(running, admin_secret), use_database=False).close()
        except AltusError as error:
            _log.info("The local server refused: %s", error.code)
            return False
        return True

    # -- starting ------------------------------------------------------------------------------

    def start(
        self,
        program: ServerProgram,
        accounts: ServerAccounts,
        *,
        kept: bool,
        progress: ProgressSink,
        token: CancelToken,
    ) -> RunningServer:
        """Start ``program`` on our folder, making its data folder first where none is complete.

        To be called inside `operation` and while nothing runs. Raises Cancelled,
        LocalServerError. A data folder that the server cannot start from is made anew, once.
        """
        if sys.platform == "win32":
            raise unsupported()
        fresh = self._prepare_data(program, progress, token)
        try:
            return self._run(program, accounts, kept, progress, token)
        except _DataFolderUnusable as problem:
            if fresh:
                raise problem.error from None
            _log.warning("The local server's data folder is unusable and is made anew.")
            progress(Progress("The local server's data folder is damaged: making it anew…"))
            shutil.rmtree(self.data_folder)
        self._prepare_data(program, progress, token)
        try:
            return self._run(program, accounts, kept, progress, token)
        except _DataFolderUnusable as problem:
            raise problem.error from None

    def _prepare_data(
        self, program: ServerProgram, progress: ProgressSink, token: CancelToken
    ) -> bool:
        """Make the data folder if there is none this program can use; true when made."""
        if self.data_folder.exists() and self._fits(program):
            return False
        draft = self.folder / "data.new"
        for leftover in (self.data_folder, draft):
            if leftover.exists():
                shutil.rmtree(leftover)
        progress(Progress(f"Preparing {program.title}…"))
        make_private_folder(draft)
        command: list[str | Path]
        if program.flavour is Flavour.MYSQL:
            # The server insists on an empty folder, and only it may fill it.
            command = [program.path, "--no-defaults", "--initialize-insecure"]
        else:
            command = [
                program.initialiser or "mariadb-install-db",
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
            ]
            if program.initialiser and program.initialiser.parent.name == "scripts":
                command.append(f"--basedir={program.initialiser.parents[1]}")
        # Relative to where it runs: MariaDB's script cannot take spaces in a path.
        command += [f"--datadir=./{draft.name}", *_as_root(), *_shape(program.flavour)]
        try:
            self._initialise([str(part) for part in command], program, token)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        write_private(
            draft / _MARKER,
            json.dumps({"flavour": program.flavour, "version": program.version}).encode(),
        )
        draft.rename(self.data_folder)
        return True

    def _fits(self, program: ServerProgram) -> bool:
        try:
            marker = json.loads((self.data_folder / _MARKER).read_text("utf-8"))
            same = marker["flavour"] == program.flavour
            return same and release_of(marker["version"]) <= release_of(program.version)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _initialise(
        self, command: Sequence[str], program: ServerProgram, token: CancelToken
    ) -> None:
        # Whoever comes after a killed program waits until its initialiser has let go of the folder.
        lock = self._hold_running_lock()
        log = self._open_log()
        try:
            child = subprocess.Popen(  # a server program found or chosen by the user
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=server_environment() | {"TMPDIR": str(self._tmp_folder())},
                pass_fds=(lock.descriptor,),
                start_new_session=True,
            )
        finally:
            os.close(log)
            lock.release()
        with token.on_cancel(lambda: _signal_group(child, signal.SIGKILL)):
            try:
                code = child.wait(_INITIALISE_S)
            except subprocess.TimeoutExpired:
                _signal_group(child, signal.SIGKILL)
                code = child.wait()
        token.raise_if_cancelled()
        if code != 0:
            raise self._failure("{program} could not make its data folder.", program)

    def _run(
        self,
        program: ServerProgram,
        accounts: ServerAccounts,
        kept: bool,
        progress: ProgressSink,
        token: CancelToken,
    ) -> RunningServer:
        progress(Progress(f"Starting {program.title}…"))
        previous = self._read_state()
        wanted = previous.port if previous else None
        for _ in range(_PORT_ATTEMPTS):
            running = self._launch(program, accounts, kept, _free_port(wanted))
            try:
                return self._wait_ready(running, program, accounts, token)
            except _PortTaken:
                self._clean(running)
                wanted = None
            except BaseException:
                self._kill(running)
                raise
        raise LocalServerError(
            "{program} found no free port on this machine.",
            hint="Try again in a moment.",
            code="local_server.port",
            details={"program": program.title},
        )

    def _launch(
        self, program: ServerProgram, accounts: ServerAccounts, kept: bool, port: int
    ) -> RunningServer:
        self._reap()
        lock = self._hold_running_lock()
        socket_path = self._socket_path()
        self._pid_path.unlink(missing_ok=True)
        reading, writing = os.pipe()
        log = self._open_log()
        try:
            # The statements fit in the pipe's buffer, so nobody has to wait for a reader.
            os.write(writing, _account_statements(program.flavour, accounts).encode())
            os.close(writing)
            writing = -1
            child = subprocess.Popen(  # a server program found or chosen by the user
                [
                    str(program.path),
                    "--no-defaults",
                    f"--datadir={self.data_folder}",
                    f"--socket={socket_path}",
                    f"--port={port}",
                    f"--pid-file={self._pid_path}",
                    f"--init-file=/dev/fd/{reading}",
                    f"--tmpdir={self._tmp_folder()}",
                    *_as_root(),
                    *_shape(program.flavour),
                    *_RUN_OPTIONS,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=server_environment(),
                pass_fds=(reading, lock.descriptor),
                start_new_session=True,
            )
        finally:
            os.close(log)
            os.close(reading)
            if writing >= 0:
                os.close(writing)
            lock.release()
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
        self._write_state(running)
        return running

    def _hold_running_lock(self) -> FileLock:
        lock = FileLock(self.folder / "running.lock")
        pause = threading.Event()
        for _ in range(40):
            # Somebody who only asks whether a server runs holds the lock for an instant.
            if lock.acquire():
                break
            pause.wait(_POLL_S)
        else:
            raise LocalServerError(
                "A server is already running on “{folder}”.",
                code="local_server.held",
                details={"folder": str(self.folder)},
            )
        return lock

    def _wait_ready(
        self,
        running: RunningServer,
        program: ServerProgram,
        accounts: ServerAccounts,
        token: CancelToken,
    ) -> RunningServer:
        for _ in range(int(_START_S / _POLL_S)):
            token.wait(_POLL_S)
            token.raise_if_cancelled()
            if not self.is_running():
                self._reap()
                text = self._log_tail(60)
                if "Bind on TCP/IP port" in text or "Do you already have another" in text:
                    raise _PortTaken
                failure = self._failure("{program} stopped while it was starting.", program)
                if "No space left" in text or "errno: 28" in text:
                    raise failure
                raise _DataFolderUnusable(failure)
            if _accepts(running.socket) and self.answers(running, accounts.admin_secret):
                # A launcher script may have started the server as a process of its own.
                known = self._named_pid()
                if known is not None and known != running.pid:
                    running = replace(running, pid=known, began=process_began(known) or "")
                    self._write_state(running)
                return running
        raise self._failure("{program} did not become ready in time.", program)

    # -- stopping ------------------------------------------------------------------------------

    def ask_to_stop(self, running: RunningServer, wait_s: float) -> None:
        """Ask the server to stop and wait a little; whoever comes next waits for the rest.

        To be called inside `operation`.
        """
        self._write_state(replace(running, stopping=True))
        self._end(running, signal.SIGTERM, wait_s)
        if self.is_running():
            self.disown()
        else:
            self._clean(running)

    def stop(self, running: RunningServer) -> None:
        """Ask the server to stop, kill it when it does not; raises LocalServerError when it stays.

        To be called inside `operation`.
        """
        self._end(running, signal.SIGTERM, _STOP_S)
        if self.is_running():
            _log.warning("The local server did not stop when asked and is killed.")
            self._end(running, signal.SIGKILL, 5.0)
        if self.is_running():
            raise LocalServerError(
                "The local server (process {pid}) does not stop.",
                hint="End it by hand, then try again.",
                code="local_server.stop",
                details={"pid": running.pid},
            )
        self._clean(running)

    def reset(self) -> None:
        """Remove the data; to be called inside `operation` and while nothing runs."""
        for name in ("data", "data.new", "tmp"):
            if (self.folder / name).exists():
                shutil.rmtree(self.folder / name)
        for path in (self._state_path, self._pid_path, self._log_path):
            path.unlink(missing_ok=True)

    def _kill(self, running: RunningServer) -> None:
        if self.is_running():
            self._end(running, signal.SIGKILL, 5.0)
        self._clean(running)

    def _end(self, running: RunningServer, how: signal.Signals, timeout_s: float) -> None:
        if self._is_ours(running.pid) and process_began(running.pid) == running.began:
            with suppress(ProcessLookupError):
                os.kill(running.pid, how)
        idle = threading.Event()
        for _ in range(int(timeout_s / _POLL_S)):
            self._reap()
            if not self.is_running():
                return
            idle.wait(_POLL_S)

    def _reap(self) -> None:
        if self._child is not None and self._child.poll() is not None:
            self._child = None

    def _clean(self, running: RunningServer) -> None:
        self._reap()
        self._pid_path.unlink(missing_ok=True)
        path = Path(running.socket)
        if path.name != _SOCKET_NAME:
            return
        for leftover in (path, path.with_name(path.name + ".lock")):
            leftover.unlink(missing_ok=True)
        if path.parent.name.startswith(_SOCKET_FOLDER):
            # Somebody else may have put something into it; an empty one is ours to remove.
            with suppress(OSError):
                path.parent.rmdir()

    # -- who uses it ---------------------------------------------------------------------------

    def join(self) -> None:
        """Be counted among the programs that use the server, until `leave` or our end."""
        if not self._users.held:
            self._users.acquire(shared=True)

    def leave(self) -> bool:
        """Stop being counted; true when nobody else uses the server."""
        self._users.release()
        return not self.used_by_others()

    def disown(self) -> None:
        """Let the server outlive this program."""
        if self._child is not None and self._child.poll() is None:
            # Popen would warn that nobody has waited for a child that is meant to go on.
            self._child.returncode = 0
        self._child = None

    def used_by_others(self) -> bool:
        """Whether another program uses the server."""
        mine = self._users.held
        free = self._users.acquire()
        if mine:
            # Back to a shared hold; nobody can have come between within `operation`.
            self._users.acquire(shared=True)
        else:
            self._users.release()
        return not free

    def keep(self, running: RunningServer) -> RunningServer:
        """Remember that the server goes on when the last program that uses it ends."""
        if not running.kept:
            running = replace(running, kept=True)
            self._write_state(running)
        return running

    # -- what is written down ------------------------------------------------------------------

    def _read_state(self) -> RunningServer | None:
        try:
            state = json.loads(self._state_path.read_text("utf-8"))
            return RunningServer(
                pid=int(state["pid"]),
                began=str(state["began"]),
                port=int(state["port"]),
                socket=str(state["socket"]),
                program=str(state["program"]),
                flavour=Flavour(state["flavour"]),
                version=str(state["version"]),
                kept=bool(state["kept"]),
                started_at=datetime.fromisoformat(state["started_at"]),
                stopping=bool(state["stopping"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write_state(self, running: RunningServer) -> None:
        state: Mapping[str, Any] = {
            "pid": running.pid,
            "began": running.began,
            "port": running.port,
            "socket": running.socket,
            "program": running.program,
            "flavour": running.flavour,
            "version": running.version,
            "kept": running.kept,
            "started_at": running.started_at.isoformat(),
            "stopping": running.stopping,
        }
        write_private(self._state_path, json.dumps(state, indent=2).encode() + b"\n")

    def _find_known(self) -> RunningServer | None:
        if not self.is_running():
            return None
        state = self._read_state()
        if state and self._is_ours(state.pid) and process_began(state.pid) == state.began:
            return state
        return None

    def _named_pid(self) -> int | None:
        try:
            pid = int(self._pid_path.read_text("ascii"))
        except (OSError, ValueError):
            return None
        return pid if self._is_ours(pid) else None

    def _orphan(self) -> RunningServer | None:
        """A server whose starter was killed before it could write down whom it had started."""
        pid = self._named_pid()
        state = self._read_state()
        if pid is None:
            return None
        options = dict(
            argument.removeprefix("--").split("=", 1)
            for argument in process_arguments(pid)
            if argument.startswith("--") and "=" in argument
        )
        return RunningServer(
            pid=pid,
            began=process_began(pid) or "",
            port=int(options.get("port", 0)),
            socket=options.get("socket", ""),
            program=state.program if state else "",
            flavour=state.flavour if state else Flavour.MYSQL,
            version=state.version if state else "",
            kept=False,
            started_at=datetime.now(UTC),
        )

    def _is_ours(self, pid: int) -> bool:
        return f"--datadir={self.data_folder}" in process_arguments(pid)

    def _socket_path(self) -> Path:
        path = self.folder / _SOCKET_NAME
        if len(os.fsencode(path)) <= _SOCKET_BYTES:
            path.unlink(missing_ok=True)
            return path
        # A socket's path is short by the system's rules, however long the data folder's is.
        return Path(tempfile.mkdtemp(prefix=_SOCKET_FOLDER)) / _SOCKET_NAME

    def _tmp_folder(self) -> Path:
        return make_private_folder(self.folder / "tmp")

    def _open_log(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        return os.open(self._log_path, flags, 0o600)

    def _log_tail(self, lines: int) -> str:
        try:
            return "\n".join(
                self._log_path.read_text("utf-8", errors="replace").splitlines()[-lines:]
            )
        except OSError:
            return ""

    def _failure(self, sentence: str, program: ServerProgram) -> LocalServerError:
        reasons = [
            line.split("]", 1)[-1].strip()
            for line in self._log_tail(80).splitlines()
            if "[ERROR]" in line or "[FATAL]" in line.upper()
        ]
        reason = re.sub(r"^(?:\[[^\]]*\]\s*)+", "", reasons[0])[:300] if reasons else ""
        hint = "Its own words: {reason} See {log}." if reason else "See {log}."
        if Path("/etc/apparmor.d/usr.sbin.mysqld").exists() and "ermission" in reason:
            hint += " AppArmor may keep this server out of private folders."
        return LocalServerError(
            sentence,
            hint=hint,
            code="local_server.start",
            details={"program": program.title, "reason": reason, "log": str(self._log_path)},
        )


class _PortTaken(Exception):
    """Somebody else took the port between our look and the server's."""


class _DataFolderUnusable(Exception):
    def __init__(self, error: LocalServerError) -> None:
        super().__init__(str(error))
        self.error = error


def _as_root() -> list[str]:
    # Both servers refuse to run as root unless told so.
    return ["--user=root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _shape(flavour: Flavour) -> list[str]:
    """Options that must be the same when the data folder is made and when it is used."""
    options = ["--character-set-server=utf8mb4", "--skip-log-bin"]
    if flavour is Flavour.MARIADB:
        # Its default collation takes every emoji for the same character.
        return [*options, "--collation-server=utf8mb4_unicode_520_ci", "--innodb-log-file-size=16M"]
    # Its threads for native I/O need half a second to notice that the server stops.
    return [*options, "--loose-innodb-redo-log-capacity=32M", "--innodb-use-native-aio=OFF"]


_RUN_OPTIONS = (
    f"--bind-address={LOOPBACK}",
    "--skip-name-resolve",
    "--loose-mysqlx=OFF",
    "--local-infile=OFF",
    "--default-time-zone=+00:00",
    "--event-scheduler=OFF",
    "--performance-schema=OFF",
    "--max-connections=120",
    "--max-allowed-packet=32M",
    "--table-open-cache=400",
    "--table-definition-cache=400",
    "--key-buffer-size=4M",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-buffer-size=4M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    "--innodb-buffer-pool-load-at-startup=OFF",
)


def _account_statements(flavour: Flavour, accounts: ServerAccounts) -> str:
    tenant = f"'{accounts.tenant_name}'@'{LOOPBACK}'"
    lines = []
    if flavour is Flavour.MARIADB:
        lines += [
            # A new MariaDB folder has further administrators, without a password.
            (
                f"DELETE FROM mysql.global_priv WHERE User IN ('', '{ADMIN_NAME}') "
                "AND NOT (User = 'root' AND Host = 'localhost')"
            ),
            "DELETE FROM mysql.proxies_priv",
            "FLUSH PRIVILEGES",
        ]
    lines += [
        f"ALTER USER '{ADMIN_NAME}'@'localhost' IDENTIFIED BY '{_plain(accounts.admin_secret)}'",
        f"CREATE USER IF NOT EXISTS {tenant} IDENTIFIED BY '{_plain(accounts.tenant_secret)}'",
        f"ALTER USER {tenant} IDENTIFIED BY '{_plain(accounts.tenant_secret)}'",
        f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {tenant}",
        *(
            # In a grant the underscore is a wildcard.
            "GRANT SELECT, SHOW VIEW ON `{}`.* TO {}".format(name.replace("_", r"\_"), tenant)
            for name in accounts.tenant_databases
        ),
    ]
    return "".join(f"{line};\n" for line in lines)


def _plain(secret: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,}", secret):
        raise ValueError("a generated password is made of letters, digits, - and _ only")
    return secret


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


def _signal_group(child: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, how)


def _size(folder: Path) -> int:
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(base) / name).lstat().st_blocks * 512
    return total
