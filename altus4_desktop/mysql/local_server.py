"""One private MySQL or MariaDB server on the workstation: started, attached to, stopped.

What it does is told in the modules beside this one: `server_program` finds a program,
`server_folder` says what lies where, `server_data` makes the data folder, `server_launch` runs the
process, `server_record` remembers which one it is, and `server_settings` holds its accounts and
options.
"""

from __future__ import annotations

import logging
import shutil
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import LocalServerError
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.mysql.server_data import prepare_data
from altus4_desktop.mysql.server_folder import ServerFolder
from altus4_desktop.mysql.server_launch import START_S, DataFolderUnusable, ServerLauncher
from altus4_desktop.mysql.server_process import FileLock, looks, unsupported
from altus4_desktop.mysql.server_program import ServerProgram
from altus4_desktop.mysql.server_record import (
    RunningServer,
    find_known,
    find_orphan,
    write_state,
)
from altus4_desktop.mysql.server_settings import ServerAccounts

_log = logging.getLogger(__name__)

_STOP_S = 20.0


class LocalServer:
    """The server of one private folder. Everything that changes it runs inside `operation`."""

    def __init__(self, path: Path) -> None:
        self._folder = ServerFolder(path)
        self._launcher = ServerLauncher(self._folder)
        self._users = FileLock(path / "users.lock")

    def operation(
        self, token: CancelToken, timeout_s: float = 240.0
    ) -> AbstractContextManager[None]:
        """Be the only one, thread or program, who starts, stops or removes the server.

        Raises Cancelled; LocalServerError when another program has it for longer than the timeout
        or when the folder cannot be used.
        """
        return self._folder.operation(token, timeout_s)

    def size_bytes(self) -> int:
        """What our folder takes on disk."""
        return self._folder.size_bytes()

    def find_running(self) -> RunningServer | None:
        """The server that runs and goes on running, or None.

        A process of that number that is not ours is not it.
        """
        known = find_known(self._folder)
        return None if known is None or known.stopping else known

    def wait_running(self, token: CancelToken) -> RunningServer | None:
        """As `find_running`, but a server that has only just been started is given time to say
        who it is; raises Cancelled, LocalServerError when it never does."""
        for _ in looks(START_S, token):
            if not self._folder.is_running():
                return None
            running = find_known(self._folder) or find_orphan(self._folder)
            if running is not None and running.stopping:
                self.stop(running)
                return None
            if running is not None:
                return running
        raise LocalServerError(
            "A program that cannot be told apart holds the local server's folder “{folder}”.",
            hint="End the mysqld or mariadbd that uses this folder, then try again.",
            code="local_server.held",
            details={"folder": str(self._folder.path)},
        )

    # -- starting and stopping -------------------------------------------------------------------

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
        made = prepare_data(self._folder, program, progress, token)
        try:
            return self._launcher.run(program, accounts, kept=kept, progress=progress, token=token)
        except DataFolderUnusable:
            if made:
                raise
        _log.warning("The local server's data folder is unusable and is made anew.")
        progress(Progress("The local server's data folder is damaged: making it anew…"))
        shutil.rmtree(self._folder.data)
        prepare_data(self._folder, program, progress, token)
        return self._launcher.run(program, accounts, kept=kept, progress=progress, token=token)

    def ask_to_stop(self, running: RunningServer, wait_s: float) -> None:
        """Ask the server to stop and wait a little; whoever comes next waits for the rest.

        To be called inside `operation`.
        """
        write_state(self._folder, replace(running, stopping=True))
        if not self._launcher.terminate(running, wait_s):
            self._launcher.disown()

    def stop(self, running: RunningServer) -> None:
        """Ask the server to stop, kill it when it does not; raises LocalServerError when it stays.

        To be called inside `operation`.
        """
        if self._launcher.terminate(running, _STOP_S):
            return
        _log.warning("The local server did not stop when asked and is killed.")
        if not self._launcher.kill(running):
            raise LocalServerError(
                "The local server (process {pid}) does not stop.",
                hint="End it by hand, then try again.",
                code="local_server.stop",
                details={"pid": running.pid},
            )

    def reset(self) -> None:
        """Remove the data; to be called inside `operation` and while nothing runs."""
        self._folder.remove_data()

    # -- who uses it -----------------------------------------------------------------------------

    def join(self) -> None:
        """Be counted among the programs that use the server, until `leave` or our end."""
        if not self._users.held:
            self._users.acquire(shared=True)

    def leave(self) -> bool:
        """Stop being counted; true when nobody else uses the server."""
        self._users.release()
        return not self.used_by_others()

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
            write_state(self._folder, running)
        return running

    def disown(self) -> None:
        """Let the server outlive this program."""
        self._launcher.disown()
