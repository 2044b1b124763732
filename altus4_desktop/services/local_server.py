"""The managed local server: started when it is wanted, stopped when nobody uses it any more."""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Target
from altus4_desktop.domain.errors import (
    AltusError,
    InputError,
    KeyMissingError,
    LocalServerError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.files import write_private
from altus4_desktop.domain.local_server import LocalServerStatus, ManagedEndpoint
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress

if TYPE_CHECKING:
    from altus4_desktop.mysql.local_server import LocalServer
    from altus4_desktop.mysql.server_record import RunningServer
    from altus4_desktop.mysql.server_settings import ServerAccounts
    from altus4_desktop.services.resealing import Resealer
    from altus4_desktop.services.settings import Settings
    from altus4_desktop.services.vault import VaultService
    from altus4_desktop.vault import Binding

_log = logging.getLogger(__name__)

TENANT_NAME = "altus4_search"
DEMO_DATABASES = ("python_library", "language_reference", "installed_packages", "planted_traps")
_ACCOUNTS_FILE = "accounts.json"
_CLOSE_S = 2.0

PassphraseSupplier = Callable[[], str | None]


class LocalServerService:
    """One private MySQL or MariaDB server in ``data_dir/server``; safe to use from any thread.

    The passwords of its two accounts are generated here and sealed in the vault. Where the vault
    ends with the program, they are made anew each time the server starts.
    """

    sealed_what = "the passwords of the local server"

    def __init__(self, data_dir: Path, settings: Settings, vault: VaultService) -> None:
        self._folder = data_dir / "server"
        self._settings = settings
        self._vault = vault
        # Held for as long as a start takes; what only looks must not wait for it.
        self._lock = threading.RLock()
        self._making = threading.Lock()
        self._server: LocalServer | None = None
        self._running: RunningServer | None = None
        self._accounts: ServerAccounts | None = None

    # -- what the window and the command line call -----------------------------------------------

    def state(self) -> LocalServerStatus:
        """What is running now, without asking the server itself."""
        server = self._open_server()
        running = server.find_running()
        size_bytes = server.size_bytes()
        if running is None:
            return LocalServerStatus(
                running=False, data_folder=str(self._folder), size_bytes=size_bytes
            )
        return LocalServerStatus(
            running=True,
            data_folder=str(self._folder),
            flavour=running.flavour,
            version=running.version,
            program=running.program,
            port=running.port,
            pid=running.pid,
            kept=running.kept,
            started_at=running.started_at,
            size_bytes=size_bytes,
        )

    def is_running(self) -> bool:
        """`state`, without measuring the data folder."""
        return self._open_server().find_running() is not None

    def start(
        self,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
        *,
        keep: bool = False,
        passphrase: PassphraseSupplier | None = None,
    ) -> LocalServerStatus:
        """Start the server, or attach to the one that runs already.

        With ``keep`` it goes on after this program, until `stop`. Raises LocalServerError,
        VaultError, Cancelled.
        """
        token = token or CancelToken()
        with self._lock:
            self._ensure_vault(progress, passphrase)
            server = self._open_server()
            with server.operation(token):
                running = server.wait_running(token)
                if running is not None and not self._knows_us(server, running):
                    progress(
                        Progress("Stopping the local server: its password has been forgotten…")
                    )
                    server.stop(running)
                    # What had been told to stay stays, also when it has to be started again.
                    keep = keep or running.kept
                    running = None
                if running is None:
                    running = self._start(server, keep, progress, token)
                elif keep:
                    running = server.keep(running)
                server.join()
                self._running = running
        return self.state()

    def stop(self) -> bool:
        """Stop the server, whoever started it; false when none was running.

        Raises LocalServerError.
        """
        with self._lock:
            server = self._open_server()
            if not self._folder.exists():
                return False
            with server.operation(CancelToken()):
                running = server.wait_running(CancelToken())
                if running is not None:
                    server.stop(running)
                server.leave()
                self._running = None
            return running is not None

    def reset(self) -> None:
        """Stop the server and remove everything it holds; raises LocalServerError."""
        with self._lock:
            if not self._folder.exists():
                return
            server = self._open_server()
            with server.operation(CancelToken()):
                running = server.wait_running(CancelToken())
                if running is not None:
                    server.stop(running)
                server.leave()
                self._running = None
                self._accounts = None
                server.reset()
                (self._folder / _ACCOUNTS_FILE).unlink(missing_ok=True)

    def close_(self) -> None:
        """Stop using the server; it ends with the last program that uses it, unless it is kept."""
        with self._lock:
            if self._running is None or self._server is None:
                return
            self._running = None
            try:
                with self._server.operation(CancelToken(), _CLOSE_S):
                    alone = self._server.leave()
                    running = self._server.find_running()
                    if running is not None and alone and not running.kept:
                        self._server.ask_to_stop(running, _CLOSE_S)
                    else:
                        self._server.disown()
            except LocalServerError as error:
                # Nobody is left to tell: the next start attaches to it or stops it.
                _log.warning("The local server was left as it is: %s", error)

    # -- what other services call ----------------------------------------------------------------

    def open_endpoint(
        self, token: CancelToken | None = None, progress: ProgressSink = ignore_progress
    ) -> ManagedEndpoint:
        """Where the demo's databases are reached now; starts the server when it is not running.

        Raises LocalServerError, VaultError, Cancelled.
        """
        with self._lock:
            if self._running is None or self._open_server().find_running() != self._running:
                self.start(progress, token)
            running, accounts = self._in_use()
            return ManagedEndpoint(
                host=_loopback(),
                port=running.port,
                username=accounts.tenant_name,
                password_secret=accounts.tenant_secret,
            )

    def admin_target(self) -> Target:
        """How the administrator reaches the server that `start` has left running."""
        with self._lock:
            running, accounts = self._in_use()
            return running.admin_target(accounts.admin_secret)

    def sealed_in_file(self) -> list[str]:
        """The sealed passwords of the server's accounts."""
        return list(self._read_records().values())

    def reseal_file_(self, resealer: Resealer) -> int:
        """Move the passwords of the server's accounts to the current key; raises VaultError,
        LocalServerError where they cannot be written."""
        records = self._read_records()
        if not any(map(resealer.needs, records.values())):
            return 0
        moved = {name: resealer.again(record, _binding(name)) for name, record in records.items()}
        try:
            self._write_records(moved)
        except OSError as error:
            raise LocalServerError(
                "The local server's passwords cannot be written: {reason}.",
                hint="Make room, then try again.",
                details={"reason": error.strerror or type(error).__name__},
            ) from error
        return len(moved)

    # -- how -------------------------------------------------------------------------------------

    def _open_server(self) -> LocalServer:
        with self._making:
            if self._server is None:
                from altus4_desktop.mysql.local_server import LocalServer

                self._server = LocalServer(self._folder)
            return self._server

    def _in_use(self) -> tuple[RunningServer, ServerAccounts]:
        if self._running is None or self._accounts is None:
            raise LocalServerError(
                "The local server is not running.",
                hint="Start it first.",
                code="local_server.not_running",
            )
        return self._running, self._accounts

    def _knows_us(self, server: LocalServer, running: RunningServer) -> bool:
        """Whether the running server takes our password.

        Raises LocalServerError when it does not and another program is using it.
        """
        accounts = self._accounts or self._find_accounts()
        if accounts is not None and running.answers(accounts.admin_secret):
            self._accounts = accounts
            return True
        if server.used_by_others():
            raise LocalServerError(
                "Another program uses the local server and keeps its password to itself.",
                hint="End that program first. Where no keyring works, a passphrase "
                "(ALTUS4_PASSPHRASE) lets several programs share the server.",
                code="local_server.in_use",
            )
        return False

    def _start(
        self, server: LocalServer, kept: bool, progress: ProgressSink, token: CancelToken
    ) -> RunningServer:
        from altus4_desktop.mysql.server_program import find_program

        program = find_program(self._settings.server_program)
        accounts = self._accounts or self._find_accounts() or self._make_accounts()
        running = server.start(program, accounts, kept=kept, progress=progress, token=token)
        self._accounts = accounts
        return running

    def _find_accounts(self) -> ServerAccounts | None:
        """The sealed passwords, or None when there are none or their key is gone."""
        from altus4_desktop.mysql.server_settings import ADMIN_NAME, ServerAccounts

        records = self._read_records()
        try:
            return ServerAccounts(
                admin_secret=self._vault.open_(records[ADMIN_NAME], _binding(ADMIN_NAME)),
                tenant_name=TENANT_NAME,
                tenant_secret=self._vault.open_(records[TENANT_NAME], _binding(TENANT_NAME)),
                tenant_databases=DEMO_DATABASES,
            )
        except (KeyError, KeyMissingError):
            return None
        except VaultLockedError:
            raise
        except VaultError as error:
            _log.warning("The local server's passwords cannot be opened: %s", error.code)
            return None

    def _make_accounts(self) -> ServerAccounts:
        from altus4_desktop.mysql.server_settings import ADMIN_NAME, ServerAccounts

        accounts = ServerAccounts(
            admin_secret=secrets.token_urlsafe(32),
            tenant_name=TENANT_NAME,
            tenant_secret=secrets.token_urlsafe(32),
            tenant_databases=DEMO_DATABASES,
        )
        with self._vault.sealing():
            records = {
                ADMIN_NAME: self._vault.seal(accounts.admin_secret, _binding(ADMIN_NAME)),
                TENANT_NAME: self._vault.seal(accounts.tenant_secret, _binding(TENANT_NAME)),
            }
            self._write_records(records)
        return accounts

    def _read_records(self) -> dict[str, str]:
        """The sealed passwords by account; none where there is no such file."""
        try:
            kept = json.loads((self._folder / _ACCOUNTS_FILE).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(kept, dict):
            return {}
        return {name: record for name, record in kept.items() if isinstance(record, str)}

    def _write_records(self, records: dict[str, str]) -> None:
        write_private(self._folder / _ACCOUNTS_FILE, json.dumps(records, indent=2).encode() + b"\n")

    def _ensure_vault(self, progress: ProgressSink, passphrase: PassphraseSupplier | None) -> None:
        if self._vault.status().unlocked:
            return
        try:
            self._vault.ensure_ready(passphrase)
        except InputError:
            # A passphrase was given and cannot be taken: what was asked for must not be dropped.
            raise
        except AltusError as error:
            if self._vault.status().kind.value != "none":
                raise
            try:
                self._vault.set_up_session()
            except VaultError:
                raise error from None
            progress(
                Progress(
                    "No keyring works here: the demo's passwords are kept until the program ends."
                )
            )


def _binding(account: str) -> Binding:
    from altus4_desktop.vault import Binding

    return Binding(table="local_server", column="password", row_id=account, owner_id="")


def _loopback() -> str:
    from altus4_desktop.mysql.server_settings import LOOPBACK

    return LOOPBACK
