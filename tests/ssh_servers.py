"""SSH servers for tests: OpenSSH on a loopback port, and one that can be told to misbehave."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from paramiko.server import InteractiveQuery

from altus4_desktop.domain.connections import SshMethod, SshSettings
from tests.faults import Listener, shut
from tests.servers import ServerMissingError, free_port
from tests.waiting import wait_until

_CHUNK = 32768
USERNAME = "tunneller"
PASSWORD = "canary-of-the-tunnel"


def make_key(path: Path, passphrase: str = "") -> str:
    """A new key in ``path``; returns its public half as in a known_hosts file."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", path],
        check=True,
        timeout=30,
    )
    return " ".join(path.with_name(f"{path.name}.pub").read_text("ascii").split()[:2])


class OpenSsh:
    """OpenSSH's server for one key of the user who runs the tests."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("sshd") or "/usr/sbin/sshd"
        if not Path(program).is_file() and Path("/run/systemd/system").is_dir():
            pytest.skip("there is no sshd here, and installing one would start it")
        if not Path(program).is_file():
            raise ServerMissingError("there is no sshd here (Debian: openssh-server)")
        self.port = free_port()
        self.username = getpass.getuser()
        self.host_key = make_key(folder / "host")
        self.key_file = folder / "client"
        authorized = folder / "authorized_keys"
        authorized.write_text(make_key(self.key_file) + "\n", encoding="ascii")
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {self.host_key}\n", encoding="ascii")
        self._config = folder / "sshd_config"
        self._config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\n"
            f"AuthorizedKeysFile {authorized}\nPidFile none\nUsePAM no\nStrictModes no\n"
            "PasswordAuthentication no\nAllowTcpForwarding local\nPermitRootLogin yes\n",
            encoding="ascii",
        )
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def settings(self) -> SshSettings:
        """A tunnel through it."""
        return SshSettings(
            "127.0.0.1",
            self.username,
            self.port,
            SshMethod.KEY,
            str(self.key_file),
            str(self.known_hosts),
        )

    def start(self) -> None:
        """Listen."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._process = subprocess.Popen(
            [self._program, "-D", "-e", "-f", self._config],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self._answers, timeout_s=15, what="sshd")

    def stop(self) -> None:
        """End the server and every session of it."""
        process, self._process = self._process, None
        if process is None:
            return
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        process.kill()
        process.wait(10)
        for pid in listed.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False


class LoopbackSsh(Listener):
    """An SSH server of ours: takes ``password``, carries lines to loopback ports.

    ``refuse`` is the code every line is refused with; ``is_silent`` lets lines and requests go
    unanswered, as after a cut cable.
    """

    def __init__(self, *, interactive: bool = False, password: str = PASSWORD) -> None:
        self.password = password
        self.key = paramiko.ECDSAKey.generate()
        self.interactive = interactive
        self.refuse: int | None = None
        self.is_silent = False
        self.passwords: list[str] = []
        self.lines = 0
        self.places: dict[int, tuple[str, int]] = {}
        self._lines: list[list[bool]] = []
        self.transports: list[paramiko.Transport] = []
        super().__init__()

    @property
    def host_key(self) -> str:
        """As in a known_hosts file."""
        return f"{self.key.get_name()} {self.key.get_base64()}"

    def settings(self, **changes: str) -> SshSettings:
        """A tunnel through it, its key trusted."""
        values = {"host_key": self.host_key, "known_hosts_file": os.devnull, **changes}
        return SshSettings("127.0.0.1", USERNAME, self.port, SshMethod.PASSWORD, **values)

    def handle(self, client: socket.socket) -> None:
        transport = paramiko.Transport(client)
        transport.add_server_key(self.key)
        self.transports.append(transport)
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=_Door(self))
            while transport.is_active():
                channel = transport.accept(0.1)
                if channel is not None:
                    self._carry(channel)
        transport.close()

    def freeze(self) -> None:
        """Let no byte of the lines through any more, either way, though all seems open."""
        for frozen in self._lines:
            frozen.append(True)

    def drop_all(self) -> None:
        """Cut every session."""
        for transport in self.transports:
            transport.close()

    def close(self) -> None:
        """End everything."""
        self.is_silent = False
        self.drop_all()
        super().close()

    def _carry(self, channel: paramiko.Channel) -> None:
        far = self.keep(socket.create_connection(self.places.pop(channel.get_id())))
        frozen: list[bool] = []
        self._lines.append(frozen)

        def send() -> None:
            with contextlib.suppress(OSError, EOFError):
                while data := far.recv(_CHUNK):
                    if not frozen:
                        channel.sendall(data)
            with contextlib.suppress(OSError, EOFError):
                channel.close()

        def receive() -> None:
            with contextlib.suppress(OSError, EOFError):
                while data := channel.recv(_CHUNK):
                    if not frozen:
                        far.sendall(data)
            shut(far)
            far.close()

        self._start(send)
        self._start(receive)


class _Door(paramiko.ServerInterface):
    """Who may come in, and where they may go."""

    def __init__(self, server: LoopbackSsh) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        del username
        return "keyboard-interactive" if self._server.interactive else "password"

    def check_auth_password(self, username: str, password: str) -> int:
        self._server.passwords.append(password)
        right = (username, password) == (
            USERNAME,
            self._server.password,
        ) and not self._server.interactive
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> InteractiveQuery:
        del username, submethods
        query = InteractiveQuery("", "")
        query.add_prompt("Password: ", False)
        return query

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        self._server.passwords.extend(responses)
        return AUTH_SUCCESSFUL if responses == [self._server.password] else AUTH_FAILED

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        del origin
        self._wait_while_silent()
        if self._server.refuse is not None:
            return self._server.refuse
        self._server.lines += 1
        self._server.places[chanid] = destination
        return OPEN_SUCCEEDED

    def check_global_request(self, kind: str, msg: paramiko.Message) -> bool:
        del kind, msg
        self._wait_while_silent()
        return False

    def _wait_while_silent(self) -> None:
        pause = threading.Event()
        while self._server.is_silent:
            pause.wait(0.02)


@contextlib.contextmanager
def loopback_ssh(*, interactive: bool = False, password: str = PASSWORD) -> Iterator[LoopbackSsh]:
    """A `LoopbackSsh` for the length of the block."""
    server = LoopbackSsh(interactive=interactive, password=password)
    try:
        yield server
    finally:
        server.close()
