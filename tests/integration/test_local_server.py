"""The managed server, really run: one to a folder, whatever is killed, and no secret in sight."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pymysql
import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import Cancelled, LocalServerError
from altus4_desktop.domain.local_server import ManagedEndpoint
from altus4_desktop.domain.progress import Progress
from altus4_desktop.mysql.server_process import FileLock, process_began
from altus4_desktop.mysql.server_record import RunningServer
from altus4_desktop.services.local_server import LocalServerService
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import VaultService
from tests.keyring_memory import MemoryKeyring
from tests.servers import PROJECT, find_programs

_CHILD = PROJECT / "tests" / "integration" / "local_server_child.py"
_PASSPHRASE = "a passphrase of the tests"


@dataclass
class Home:
    """A data folder, the program to run on it, and whoever uses it."""

    data_dir: Path
    program: str
    flavour: Flavour
    services: list[LocalServerService]
    children: list[subprocess.Popen[str]]

    @property
    def folder(self) -> Path:
        return self.data_dir / "server"

    def service(self, *, passphrase: bool = True) -> LocalServerService:
        vault = VaultService(self.data_dir)
        if passphrase and vault.status().kind == "none":
            vault.set_up_passphrase(_PASSPHRASE)
        elif passphrase:
            vault.unlock(_PASSPHRASE)
        else:
            vault.set_up_session()
        service = LocalServerService(
            self.data_dir, Settings(self.data_dir, server_program=self.program), vault
        )
        self.services.append(service)
        return service

    def child(self, action: str, *, passphrase: bool = True) -> subprocess.Popen[str]:
        environment = dict(os.environ, PYTHONPATH=str(PROJECT), PYTHONDONTWRITEBYTECODE="1")
        if passphrase:
            environment["ALTUS4_PASSPHRASE"] = _PASSPHRASE
        child = subprocess.Popen(
            [sys.executable, str(_CHILD), str(self.data_dir), self.program, action],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self.children.append(child)
        return child

    def claim(self, pid: int, began: str | None) -> None:
        """Write down that the server is this process."""
        state = {
            "pid": pid,
            "began": began,
            "port": 1,
            "socket": "/nowhere",
            "program": self.program,
            "flavour": self.flavour,
            "version": "1",
            "kept": True,
            "started_at": "2024-01-01T00:00:00+00:00",
            "stopping": False,
        }
        (self.folder / "server.json").write_text(json.dumps(state))
        (self.folder / "server.pid").write_text(str(pid))

    def servers(self) -> list[psutil.Process]:
        """Every process that was given our data folder, found without the product's help."""
        wanted = f"--datadir={self.folder / 'data'}"
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if wanted in process.cmdline():
                    found.append(process)
        return found


def read_line(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line, f"the program ended with {child.wait()}"
    answer: dict[str, Any] = json.loads(line)
    return answer


def end(child: subprocess.Popen[str]) -> None:
    child.communicate("\n", timeout=60)
    assert child.returncode == 0


def kill(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate(timeout=10)


@pytest.fixture(params=[Flavour.MARIADB, Flavour.MYSQL], ids=str)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    chosen: Flavour = request.param
    return chosen


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Flavour], Path]:
    """One initialised data folder a flavour, made by the product itself."""
    made: dict[Flavour, Path] = {}

    def get(flavour: Flavour) -> Path:
        if flavour not in made:
            data_dir = tmp_path_factory.mktemp(f"prepared-{flavour}")
            vault = VaultService(data_dir)
            vault.set_up_session()
            program = str(find_programs(flavour).server)
            service = LocalServerService(
                data_dir, Settings(data_dir, server_program=program), vault
            )
            service.start()
            service.close_()
            made[flavour] = data_dir / "server" / "data"
        return made[flavour]

    return get


@pytest.fixture
def make_home(tmp_path: Path, prepared: Callable[[Flavour], Path]) -> Iterator[Callable[..., Home]]:
    homes: list[Home] = []

    def make(flavour: Flavour, *, data: bool = True, data_dir: Path | None = None) -> Home:
        home = Home(
            data_dir or tmp_path / "home", str(find_programs(flavour).server), flavour, [], []
        )
        if data:
            home.folder.mkdir(parents=True, mode=0o700)
            shutil.copytree(prepared(flavour), home.folder / "data")
        homes.append(home)
        return home

    yield make
    for home in homes:
        for child in home.children:
            if child.poll() is None:
                kill(child)
        for service in home.services:
            service.close_()
        for process in home.servers():
            process.kill()
            process.wait(10)


@pytest.fixture
def home(make_home: Callable[..., Home], flavour: Flavour) -> Home:
    return make_home(flavour)


@pytest.fixture
def one_home(make_home: Callable[..., Home]) -> Home:
    """For what is the same whichever server runs: the one that starts more quickly."""
    return make_home(Flavour.MARIADB)


def connect(endpoint: ManagedEndpoint, **changed: Any) -> pymysql.connections.Connection:
    options: dict[str, Any] = {
        "host": endpoint.host,
        "port": endpoint.port,
        "user": endpoint.username,
        "password": endpoint.password_secret,
        "connect_timeout": 10,
    }
    return pymysql.connect(**(options | changed))


def test_it_starts_stops_and_starts_again(home: Home) -> None:
    service = home.service()
    assert not service.state().running
    status = service.start()
    assert status.running
    assert (status.flavour, status.program) == (home.flavour, home.program)
    [process] = home.servers()
    assert process.pid == status.pid
    # A server goes on writing after its first answer: what it takes on disk is not what it is.
    assert replace(service.start(), size_bytes=0) == replace(service.state(), size_bytes=0)
    assert [server.pid for server in home.servers()] == [status.pid]
    assert service.stop()
    assert not service.stop()
    assert not home.servers()
    assert not service.state().running
    again = service.start()
    assert again.running
    assert again.port == status.port
    service.close_()
    assert not home.servers()
    assert not list(home.folder.glob("*.sock*"))


def test_a_folder_is_made_from_nothing(make_home: Callable[..., Home], flavour: Flavour) -> None:
    home = make_home(flavour, data=False)
    service = home.service()
    told: list[Progress] = []
    service.start(told.append)
    assert [step.message.split()[0] for step in told] == ["Preparing", "Starting"]
    with connect(service.open_endpoint()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    service.reset()
    assert not (home.folder / "data").exists()
    assert not home.servers()


def test_it_listens_on_the_loopback_alone(home: Home) -> None:
    status = home.service().start()
    [process] = home.servers()
    listening = [
        connection.laddr
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", status.port)]


def test_no_secret_is_to_be_seen(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTUS4_PASSPHRASE", "environment-canary")
    service = home.service()
    service.start()
    secrets = [
        service.open_endpoint().password_secret.encode(),
        service.admin_target().password_secret.encode(),
        b"environment-canary",
    ]
    assert len(set(secrets)) == 3
    [process] = home.servers()
    seen = {
        name: Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ")
    }
    service.stop()
    for path in home.data_dir.rglob("*"):
        if path.is_file():
            seen[str(path)] = path.read_bytes()
    assert len(seen) > 20
    assert [
        name for name, content in seen.items() if any(secret in content for secret in secrets)
    ] == []
    for text in (repr(service.open_endpoint()), repr(service.admin_target())):
        assert not any(secret.decode() in text for secret in secrets)


def test_files_belong_to_their_owner_alone(one_home: Home) -> None:
    old = os.umask(0)
    try:
        one_home.service().start()
    finally:
        os.umask(old)
    for folder in (
        one_home.data_dir,
        one_home.folder,
        one_home.folder / "data",
        one_home.folder / "tmp",
    ):
        assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0, folder
    for path in one_home.folder.iterdir():
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_the_searching_account_reads_the_demo_and_nothing_else(home: Home) -> None:
    service = home.service()
    service.start()
    endpoint = service.open_endpoint()
    admin = service.admin_target()
    with (
        pymysql.connect(
            unix_socket=admin.host, user=admin.username, password=admin.password_secret
        ) as root,
        root.cursor() as cursor,
    ):
        for name in ("planted_traps", "plantedXtraps", "private"):
            cursor.execute(f"CREATE DATABASE {name}")
            cursor.execute(f"CREATE TABLE {name}.t (a INT)")
            cursor.execute(f"INSERT INTO {name}.t VALUES (1)")
        root.commit()
    with connect(endpoint) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT a FROM planted_traps.t")
        assert cursor.fetchall() == ((1,),)
        for refused in (
            "INSERT INTO planted_traps.t VALUES (2)",
            "UPDATE planted_traps.t SET a = 2",
            "DELETE FROM planted_traps.t",
            "DROP TABLE planted_traps.t",
            "CREATE TABLE planted_traps.u (a INT)",
            "CREATE DATABASE other",
            "SELECT * FROM plantedXtraps.t",
            "SELECT * FROM private.t",
            "SELECT * FROM mysql.user",
            "SELECT 1 INTO OUTFILE '/tmp/altus4-never'",
            "SET GLOBAL max_connections = 1",
            "CREATE USER someone",
        ):
            with pytest.raises(pymysql.err.MySQLError) as failure:
                cursor.execute(refused)
            assert failure.value.args[0] in {1044, 1045, 1142, 1227, 1290}, refused


def test_nobody_gets_in_without_the_password(home: Home) -> None:
    service = home.service()
    service.start()
    endpoint = service.open_endpoint()
    socket = service.admin_target().host
    for options in (
        {"user": "root", "password": ""},
        {"user": "", "password": ""},
        {"user": endpoint.username, "password": ""},
        {"user": "root", "password": "", "unix_socket": socket},
        {"user": "", "password": "", "unix_socket": socket},
        {"user": "mariadb.sys", "password": "", "unix_socket": socket},
    ):
        with pytest.raises(pymysql.err.MySQLError) as failure:
            connect(endpoint, **options)
        assert failure.value.args[0] in {1045, 1130, 1524, 1698, 4151}, options


def test_a_killed_program_s_server_is_attached_to(home: Home) -> None:
    child = home.child("start")
    first = read_line(child)
    kill(child)
    [orphan] = home.servers()
    assert orphan.pid == first["pid"]
    service = home.service()
    assert service.start().pid == first["pid"]
    assert service.open_endpoint().password_secret == first["password"]
    service.close_()
    assert not home.servers()


def test_a_keyring_keeps_the_passwords_for_every_program(
    one_home: Home, memory_keyring: MemoryKeyring
) -> None:
    def open_service() -> LocalServerService:
        service = LocalServerService(
            one_home.data_dir,
            Settings(one_home.data_dir, server_program=one_home.program),
            VaultService(one_home.data_dir, memory_keyring),
        )
        one_home.services.append(service)
        return service

    first, second = open_service(), open_service()
    told: list[Progress] = []
    status = first.start(told.append)
    assert [step.message.split()[0] for step in told] == ["Starting"]
    assert second.start().pid == status.pid
    assert second.open_endpoint() == first.open_endpoint()
    first.close_()
    assert second.state().running


def test_a_server_whose_password_died_with_its_program_is_replaced(one_home: Home) -> None:
    child = one_home.child("start", passphrase=False)
    first = read_line(child)
    other = one_home.service(passphrase=False)
    with pytest.raises(LocalServerError) as failure:
        other.start()
    assert failure.value.code == "local_server.in_use"
    assert [server.pid for server in one_home.servers()] == [first["pid"]]
    kill(child)
    status = other.start()
    assert status.pid != first["pid"]
    assert [server.pid for server in one_home.servers()] == [status.pid]
    assert other.open_endpoint().password_secret != first["password"]
    with connect(other.open_endpoint()):
        pass


def test_two_programs_at_once_share_one_server(one_home: Home) -> None:
    one_home.service()  # makes the vault, which is not what is raced here
    children = [one_home.child("start") for _ in range(2)]
    first, second = map(read_line, children)
    assert first["pid"] == second["pid"]
    assert [server.pid for server in one_home.servers()] == [first["pid"]]
    end(children[0])
    assert [server.pid for server in one_home.servers()] == [first["pid"]]
    end(children[1])
    assert not one_home.servers()


def test_a_kept_server_stays_until_it_is_told_to_stop(one_home: Home) -> None:
    child = one_home.child("keep")
    first = read_line(child)
    end(child)
    service = one_home.service()
    assert service.state().kept
    assert service.start().pid == first["pid"]
    service.close_()
    assert [server.pid for server in one_home.servers()] == [first["pid"]]
    assert service.stop()
    assert not one_home.servers()


def test_a_server_that_takes_long_to_stop_is_waited_for_by_the_next(
    one_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altus4_desktop.services.local_server._CLOSE_S", 0.0)
    service = one_home.service()
    first = service.start()
    [process] = one_home.servers()
    process.suspend()
    service.close_()
    assert not service.state().running
    assert process.is_running()
    # For an instant it still answers, and must not be taken for one that goes on.
    monkeypatch.setattr(RunningServer, "answers", lambda *_: True)
    later = threading.Timer(0.3, process.resume)
    other = one_home.service()
    later.start()
    second = other.start()
    later.join()
    assert second.pid != first.pid
    assert [server.pid for server in one_home.servers()] == [second.pid]


def test_a_server_that_dies_is_started_again_when_it_is_wanted(one_home: Home) -> None:
    service = one_home.service()
    first = service.start()
    endpoint = service.open_endpoint()
    assert service.open_endpoint() == endpoint
    [process] = one_home.servers()
    process.kill()
    psutil.wait_procs([process], timeout=10)
    with connect(service.open_endpoint()):
        pass
    assert service.state().pid != first.pid


def test_a_number_that_belongs_to_somebody_else_is_never_signalled(one_home: Home) -> None:
    service = one_home.service()
    service.start()
    service.stop()
    with subprocess.Popen(
        [sys.executable, "-c", "input()", f"--datadir={one_home.folder / 'elsewhere'}"],
        stdin=subprocess.PIPE,
    ) as innocent:
        for number, began in (
            (innocent.pid, process_began(innocent.pid)),
            (os.getpid(), process_began(os.getpid())),
        ):
            one_home.claim(number, began)
            assert not service.state().running
            assert not service.stop()
            status = service.start()
            assert status.pid != number
            assert not status.kept
            assert service.stop()
            assert innocent.poll() is None
        innocent.communicate(b"\n")
    assert innocent.returncode == 0


def test_a_stranger_who_holds_the_folder_is_left_alone(
    one_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altus4_desktop.mysql.local_server.START_S", 0.2)
    service = one_home.service()
    held = FileLock(one_home.folder / "running.lock")
    assert held.acquire()
    # The number is a living process that began just then, and still it is no server of ours.
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        one_home.claim(innocent.pid, process_began(innocent.pid))
        for act in (service.start, service.stop, service.reset):
            with pytest.raises(LocalServerError) as failure:
                act()
            assert failure.value.code == "local_server.held"
        innocent.communicate(b"\n")
    assert innocent.returncode == 0
    held.release()


def test_a_start_that_waits_for_another_program_can_be_given_up(one_home: Home) -> None:
    busy = FileLock(one_home.folder / "lock")
    assert busy.acquire()
    token = CancelToken()
    waiting = threading.Timer(0.2, token.cancel)
    waiting.start()
    with pytest.raises(Cancelled):
        one_home.service().start(token=token)
    waiting.join()
    busy.release()
    assert not one_home.servers()


def test_a_start_can_be_given_up_while_the_folder_is_made(
    make_home: Callable[..., Home], flavour: Flavour
) -> None:
    home = make_home(flavour, data=False)
    token = CancelToken()

    def give_up(step: Progress) -> None:
        if step.message.startswith("Preparing"):
            timers.append(threading.Timer(0.15, token.cancel))
            timers[0].start()

    timers: list[threading.Timer] = []
    service = home.service()
    with pytest.raises(Cancelled):
        service.start(give_up, token)
    timers[0].join()
    assert not (home.folder / "data").exists()
    assert not (home.folder / "data.new").exists()
    assert not service.state().running


def test_a_program_killed_while_the_folder_is_made_leaves_nothing_half(
    make_home: Callable[..., Home], flavour: Flavour
) -> None:
    home = make_home(flavour, data=False)
    home.service()
    child = home.child("tell")
    assert read_line(child)["progress"].startswith("Preparing")
    begun = threading.Event()
    for _ in range(500):
        if any((home.folder / "data.new").glob("ib*")):
            break
        begun.wait(0.01)
    kill(child)
    service = home.service()
    service.start()
    assert not (home.folder / "data.new").exists()
    with connect(service.open_endpoint()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert len(home.servers()) == 1


def test_a_data_folder_without_its_mark_is_made_anew(one_home: Home) -> None:
    (one_home.folder / "data" / "altus4.json").unlink()
    (one_home.folder / "data" / "leftover").touch()
    one_home.service().start()
    assert not (one_home.folder / "data" / "leftover").exists()


def test_a_damaged_data_folder_is_made_anew(home: Home) -> None:
    (home.folder / "data" / "ibdata1").write_bytes(b"\xff" * 4096)
    service = home.service()
    service.start()
    with connect(service.open_endpoint()):
        pass
    marker = json.loads((home.folder / "data" / "altus4.json").read_text())
    assert marker["flavour"] == home.flavour


def test_the_other_flavour_s_folder_is_made_anew(make_home: Callable[..., Home]) -> None:
    home = make_home(Flavour.MYSQL)
    home.program = str(find_programs(Flavour.MARIADB).server)
    assert home.service().start().flavour is Flavour.MARIADB


def test_a_long_path_is_no_obstacle(make_home: Callable[..., Home], tmp_path: Path) -> None:
    home = make_home(
        Flavour.MARIADB, data=False, data_dir=tmp_path / ("a long name " * 10).strip() / "größe"
    )
    service = home.service()
    service.start()
    socket = Path(service.admin_target().host)
    assert len(os.fsencode(socket)) <= 107
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    with connect(service.open_endpoint()):
        pass
    service.stop()
    assert not socket.parent.exists()


def test_a_port_that_was_taken_meanwhile_is_no_obstacle(
    one_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    from altus4_desktop.mysql import server_launch

    free = server_launch._free_port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [int(taken.getsockname()[1])]
        monkeypatch.setattr(
            server_launch, "_free_port", lambda wanted: ports.pop() if ports else free(None)
        )
        status = one_home.service().start()
        assert not ports
        assert status.port != taken.getsockname()[1]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can be another user")
def test_an_ordinary_user_can_run_it(request: pytest.FixtureRequest, flavour: Flavour) -> None:
    for needed in (PROJECT, Path(sys.executable).resolve(), find_programs(flavour).server):
        if not all(folder.stat().st_mode & stat.S_IXOTH for folder in (needed, *needed.parents)):
            pytest.skip(f"{needed} is in a folder that is closed to other users")
    nobody = 65534
    # Not below the test's own folder: that one is closed to everybody else.
    home = Path(tempfile.mkdtemp(prefix="altus4-nobody-"))
    request.addfinalizer(lambda: shutil.rmtree(home))
    os.chown(home, nobody, nobody)
    with subprocess.Popen(
        [
            sys.executable,
            str(_CHILD),
            str(home / "data"),
            str(find_programs(flavour).server),
            "start",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT)},
        text=True,
        user=nobody,
        group=nobody,
        extra_groups=[],
        cwd=home,
    ) as child:
        answer = read_line(child)
        assert psutil.Process(answer["pid"]).uids().real == nobody
        end(child)
    assert not psutil.pid_exists(answer["pid"])


def test_signals_meant_for_the_terminal_do_not_reach_it(one_home: Home) -> None:
    child = one_home.child("start")
    pid = read_line(child)["pid"]
    assert os.getsid(pid) != os.getsid(child.pid)
    kill(child)
    os.kill(pid, signal.SIGTERM)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=20)
    assert not one_home.servers()
