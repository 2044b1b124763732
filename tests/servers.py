"""Real MariaDB and MySQL servers for tests: private folders, free loopback ports, ended by pid."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pymysql
from pymysql.connections import Connection

from altus4_desktop.domain.connections import Flavour, Target, TlsMode, TlsSettings

PROJECT = Path(__file__).resolve().parent.parent
ROOT_PASSWORD = "root-of-the-tests"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0

# Durability is given up: every folder is thrown away, and fsync is most of a small server's time.
_QUICK = (
    "--skip-name-resolve",
    "--bind-address=127.0.0.1",
    "--max-connections=120",
    "--table-open-cache=400",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=OFF",
    "--character-set-server=utf8mb4",
)
_QUICK_BY_FLAVOUR = {
    Flavour.MARIADB: ("--innodb-log-file-size=16M", "--skip-log-bin"),
    Flavour.MYSQL: ("--innodb-redo-log-capacity=16M", "--disable-log-bin", "--mysqlx=OFF"),
}


class ServerMissingError(RuntimeError):
    """A server program these tests need is not on this machine."""


@dataclass(frozen=True, slots=True)
class ServerPrograms:
    """Where one flavour's programs are."""

    flavour: Flavour
    server: Path
    install: Path | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A login of the test server."""

    username: str
    password: str


def find_programs(flavour: Flavour) -> ServerPrograms:
    """The programs of ``flavour``; raises ServerMissingError with the command that gets them."""
    if flavour is Flavour.MARIADB:
        path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
        server = shutil.which("mariadbd", path=path)
        install = shutil.which("mariadb-install-db", path=path)
        if server is None or install is None:
            raise ServerMissingError(
                "The tests need MariaDB: apt-get install mariadb-server-core mariadb-client-core"
            )
        return ServerPrograms(flavour, Path(server), Path(install))
    folder = Path(os.environ.get("ALTUS4_TEST_MYSQL") or PROJECT / ".cache" / "mysql")
    mysqld = folder / "bin" / "mysqld"
    if not os.access(mysqld, os.X_OK):
        raise ServerMissingError(
            f"The tests need MySQL and {mysqld} is not there: run packaging/get-mysql.sh, or set "
            "ALTUS4_TEST_MYSQL to a folder that holds bin/mysqld"
        )
    return ServerPrograms(flavour, mysqld)


class DatabaseServer:
    """One private server: start it, reach it, hurt it, stop it."""

    host = "127.0.0.1"
    root_password = ROOT_PASSWORD

    def __init__(
        self, programs: ServerPrograms, template: Path, options: Sequence[str] = ()
    ) -> None:
        self.flavour = programs.flavour
        self.port = 0
        self._programs = programs
        self._options = tuple(options)
        # Short, because the path of a Unix socket may have no more than 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix=f"altus4-{self.flavour}-"))
        self._data = self._folder / "data"
        self._log = self._folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        shutil.copytree(template, self._data)

    @property
    def socket(self) -> str:
        """The path of the server's Unix socket."""
        return str(self._folder / "s.sock")

    @property
    def data_folder(self) -> Path:
        """The server's data folder, where generated certificates are found too."""
        return self._data

    @property
    def pid(self) -> int:
        """The process id of the running server; raises AssertionError while it is stopped."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there, stopped by a signal or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and wait until it answers; a restart keeps the port."""
        assert not self.running, "the server runs already"
        self.port = self.port or free_port()
        init_file = self._folder / "init.sql"
        init_file.write_text(_root_statements(), encoding="utf-8")
        command = [
            *_ends_with_its_parent(),
            str(self._programs.server),
            "--no-defaults",
            f"--datadir={self._data}",
            f"--socket={self.socket}",
            f"--port={self.port}",
            f"--pid-file={self._folder / 'server.pid'}",
            f"--init-file={init_file}",
            f"--tmpdir={self._folder}",
            *_user_option(),
            *_QUICK,
            *_QUICK_BY_FLAVOUR[self.flavour],
            *self._options,
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self.admin(connect_timeout=5).close()
            except (OSError, pymysql.err.MySQLError) as error:
                if time.monotonic() > deadline:
                    self.kill()
                    raise AssertionError(self._explain("did not answer in time")) from error
            else:
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
                raise AssertionError(self._explain("ended at once"))

    def _explain(self, what: str) -> str:
        log = self._log.read_text(encoding="utf-8", errors="replace")[-3000:]
        return f"{self.flavour} on port {self.port} {what}; the end of its log:\n{log}"

    def stop(self) -> None:
        """Ask the server to end and wait for it; safe when it has ended already."""
        if self.running:
            self.resume()
            self._signal(signal.SIGTERM)
            self._reap()

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self.running:
            self._signal(signal.SIGKILL)
            self._reap()

    def pause(self) -> None:
        """Stop the process (SIGSTOP): it still accepts connections and never answers."""
        self._signal(signal.SIGSTOP)
        if sys.platform == "linux":
            # Its threads stop one after the other, and until then it may answer.
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        """Let a paused process run on."""
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start on the same port and folder."""
        self.stop()
        self.start()

    def dispose(self) -> None:
        """End the server and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def _reap(self) -> None:
        assert self._process is not None
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(self._explain("did not end in time")) from None
        self._process = None

    def admin(self, database: str | None = None, *, connect_timeout: float = 10.0) -> Connection:
        """A new autocommit connection as root over the Unix socket; the caller closes it."""
        # PyMySQL leaves the socket it opens unclosed when nobody listens; so that is asked first.
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(connect_timeout)
            probe.connect(self.socket)
        return pymysql.connect(
            unix_socket=self.socket,
            user="root",
            password=self.root_password,
            database=database,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=connect_timeout,
            read_timeout=min(connect_timeout * 6, 60),
        )

    def execute(self, *statements: str, database: str | None = None) -> list[tuple[object, ...]]:
        """Run ``statements`` as root and return the rows of the last."""
        rows: list[tuple[object, ...]] = []
        with contextlib.closing(self.admin(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = list(cursor.fetchall())
        return rows

    def create_database(self, prefix: str = "altus4_test") -> str:
        """Create an empty utf8mb4 database with a name of its own."""
        name = f"{prefix}_{secrets.token_hex(4)}"
        self.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database made by ``create_database``."""
        self.execute(f"DROP DATABASE IF EXISTS `{name}`")

    def create_search_account(self, *databases: str, password: str | None = None) -> Account:
        """Create a login as the specification grants it: SELECT and SHOW VIEW on ``databases``."""
        return self.create_account("SELECT, SHOW VIEW", *databases, password=password)

    def create_account(
        self, privileges: str, *databases: str, password: str | None = None
    ) -> Account:
        """Create a login with ``privileges`` on every table of ``databases``."""
        account = Account(
            f"altus4_search_{secrets.token_hex(4)}", password or secrets.token_hex(12)
        )
        with contextlib.closing(self.admin()) as connection, connection.cursor() as cursor:
            cursor.execute(
                "CREATE USER %s@'%%' IDENTIFIED BY %s", (account.username, account.password)
            )
            for database in databases:
                cursor.execute(
                    f"GRANT {privileges} ON `{database}`.* TO %s@'%%'", (account.username,)
                )
        return account

    def target(self, database: str, account: Account, *, connection_id: str = "") -> Target:
        """A Target for ``account``; TLS preferred, as a saved connection has it."""
        return Target(
            connection_id=connection_id or f"{self.flavour}-{self.port}-{database}",
            name=database,
            host=self.host,
            port=self.port,
            database=database,
            username=account.username,
            password_secret=account.password,
            tls=TlsSettings(TlsMode.PREFERRED),
        )


class ServerFactory:
    """Starts servers from one initialised template folder for each flavour, made once a session."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="altus4-templates-"))
        self._templates: dict[Flavour, Path] = {}

    def start(self, flavour: Flavour, options: Sequence[str] = ()) -> DatabaseServer:
        """Start a private server; the caller disposes of it."""
        programs = find_programs(flavour)
        server = DatabaseServer(programs, self._template(programs), options)
        try:
            server.start()
        except BaseException:
            server.dispose()
            raise
        return server

    def _template(self, programs: ServerPrograms) -> Path:
        if programs.flavour not in self._templates:
            folder = self._folder / programs.flavour
            _initialise(programs, folder)
            self._templates[programs.flavour] = folder
        return self._templates[programs.flavour]

    def close(self) -> None:
        """Remove the templates."""
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def running_server(
    factory: ServerFactory, flavour: Flavour, options: Sequence[str] = ()
) -> Iterator[DatabaseServer]:
    """A private server for the length of a ``with`` block."""
    server = factory.start(flavour, options)
    try:
        yield server
    finally:
        server.dispose()


def free_port() -> int:
    """A loopback TCP port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _initialise(programs: ServerPrograms, folder: Path) -> None:
    if programs.install is not None:
        command = [
            str(programs.install),
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            f"--datadir={folder}",
            *_user_option(),
            "--innodb-log-file-size=16M",
        ]
    else:
        command = [
            str(programs.server),
            "--no-defaults",
            "--initialize-insecure",
            f"--datadir={folder}",
            *_user_option(),
            "--innodb-redo-log-capacity=16M",
        ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise AssertionError(
            f"{command[0]} could not make a data folder (exit {done.returncode}):\n"
            f"{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
        )


def _root_statements() -> str:
    # The IPv4 root is for tests that want to be root through TCP; names are not resolved.
    return "".join(
        f"{statement}\n"
        for statement in (
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{ROOT_PASSWORD}';",
            "CREATE USER IF NOT EXISTS 'root'@'127.0.0.1';",
            f"ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY '{ROOT_PASSWORD}';",
            "GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;",
        )
    )


def _user_option() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _ends_with_its_parent() -> list[str]:
    # A test run that is killed must leave no server behind; exec keeps the pid the server's own.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
