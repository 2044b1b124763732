"""Which server runs in the folder: what is written down of it, and how far that is believed."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from altus4_desktop.domain.connections import (
    Flavour,
    PoolSettings,
    Target,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.files import write_private
from altus4_desktop.mysql.server_folder import ServerFolder
from altus4_desktop.mysql.server_process import process_arguments, process_began
from altus4_desktop.mysql.server_settings import ADMIN_NAME

_log = logging.getLogger(__name__)


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

    def admin_target(self, admin_secret: str) -> Target:
        """How the administrator reaches the server: through the socket in our folder."""
        return Target(
            connection_id="local-server-admin",
            name="local server",
            host=self.socket,
            port=0,
            database="",
            username=ADMIN_NAME,
            password_secret=admin_secret,
            tls=TlsSettings(TlsMode.DISABLED),
            pool=PoolSettings(query_timeout_s=120.0, connect_timeout_s=5.0),
        )

    def answers(self, admin_secret: str) -> bool:
        """Whether the server lets the administrator in with this password."""
        from altus4_desktop.driver.connect import open_connection

        try:
            open_connection(self.admin_target(admin_secret), use_database=False).close()
        except AltusError as error:
            _log.info("The local server refused: %s", error.code)
            return False
        return True


def read_state(folder: ServerFolder) -> RunningServer | None:
    """What was last written down, whether or not that server still runs."""
    try:
        state = json.loads(folder.state_file.read_text("utf-8"))
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


def write_state(folder: ServerFolder, running: RunningServer) -> None:
    """Write down which server runs; raises OSError."""
    state = {**asdict(running), "started_at": running.started_at.isoformat()}
    write_private(folder.state_file, json.dumps(state, indent=2).encode() + b"\n")


def find_known(folder: ServerFolder) -> RunningServer | None:
    """The server that was written down, if it is the one that holds the folder."""
    if not folder.is_running():
        return None
    state = read_state(folder)
    return state if state is not None and is_same_process(folder, state) else None


def find_orphan(folder: ServerFolder) -> RunningServer | None:
    """A server whose starter was killed before it could write down whom it had started."""
    pid = find_named_pid(folder)
    if pid is None:
        return None
    state = read_state(folder)
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


def find_named_pid(folder: ServerFolder) -> int | None:
    """The process that the server's own file names, if it is a server on our data folder."""
    try:
        pid = int(folder.pid_file.read_text("ascii"))
    except (OSError, ValueError):
        return None
    return pid if _serves(folder, pid) else None


def is_same_process(folder: ServerFolder, running: RunningServer) -> bool:
    """Whether the process of that number is still this server, and not a later one."""
    return _serves(folder, running.pid) and process_began(running.pid) == running.began


def _serves(folder: ServerFolder, pid: int) -> bool:
    return f"--datadir={folder.data}" in process_arguments(pid)
