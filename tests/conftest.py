"""Fixtures of all tests: an isolated home, real servers, and a look at what a test leaves."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.services.accounts import AccountsService
from altus4_desktop.services.exchange import service as exchange_service
from altus4_desktop.vault import vault
from tests import audited, leaks, quick, torture
from tests.keyring_memory import MemoryKeyring
from tests.servers import DatabaseServer, ServerFactory, running_server

_HOME = Path(tempfile.mkdtemp(prefix="altus4-home-"))


def _isolate(home: Path) -> None:
    """Point everything a person's account holds at an empty folder, for child processes too."""
    for name in [name for name in os.environ if name.startswith("ALTUS4_")]:
        if not name.startswith("ALTUS4_TEST_"):
            del os.environ[name]
    for name, folder in {
        "HOME": "",
        "XDG_DATA_HOME": "data",
        "XDG_CONFIG_HOME": "config",
        "XDG_CACHE_HOME": "cache",
        "XDG_STATE_HOME": "state",
        "XDG_RUNTIME_DIR": "run",
    }.items():
        path = home / folder
        path.mkdir(mode=0o700, exist_ok=True)
        os.environ[name] = str(path)
    # It hides what buffered output does at exit, and most people's programs run without it.
    os.environ.pop("PYTHONUNBUFFERED", None)
    # Where it is set, each of the very many child processes would compile the program anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # No test reaches the keyring of whoever runs it; those that need one ask for memory_keyring.
    os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


_isolate(_HOME)
leaks.remember_where_threads_start()


def pytest_configure() -> None:
    """Leave garbage to `pytest_runtest_logfinish`, as the window leaves it to its `Collector`.

    What tests of Qt leave hangs together in circles: a collection on a worker thread of the next
    test would destroy it there, under the event loop of this one.
    """
    gc.disable()


def pytest_runtest_logfinish() -> None:
    """Collect what the test has left."""
    gc.collect(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left to chance, how often, and how it ended."""
    if outcomes := torture.told():
        terminalreporter.section("left to chance")
        for outcome in outcomes:
            terminalreporter.write_line(outcome)


def pytest_unconfigure() -> None:
    """Remove the isolated home."""
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(autouse=True, scope="session")
def _guesses_are_cheap() -> Iterator[None]:
    """Make passwords and passphrases quick to check, but in child processes."""
    with pytest.MonkeyPatch.context() as patch:
        defaults = AccountsService.__init__.__kwdefaults__
        assert defaults is not None
        patch.setitem(defaults, "bcrypt_cost", quick.BCRYPT_COST)
        for module in (vault, exchange_service):
            patch.setattr(module, "Argon2Settings", lambda: quick.ARGON2)
        yield


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_of_a_module() -> Iterator[None]:
    """Collect what was kept for many tests, too.

    What is there before a module stays until its end: a collection within it, as `leaks` makes
    after each test of a window, need not look through all that has been imported.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves threads or windows; those of wider fixtures are exempt."""
    before = leaks.take_snapshot()
    yield
    left = leaks.find_leaks(before)
    if left:
        pytest.fail(f"{request.node.name} left behind:\n" + "\n".join(left), pytrace=False)


@pytest.fixture(autouse=True)
def _the_log_as_it_was() -> Iterator[None]:
    """Close the program's log where a test has opened it: the next one has another data folder."""
    logger = logging.getLogger("altus4_desktop")
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    for handler in set(logger.handlers) - set(handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)
    logger.propagate = propagate


@pytest.fixture(autouse=True)
def _everything_is_written_down(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which a service changes the store and does not say who did it."""
    with audited.watched() as forgotten:
        yield
    if forgotten:
        calls = "\n".join(sorted(set(forgotten)))
        pytest.fail(f"{request.node.name}: no audit event was written by\n{calls}", pytrace=False)


@pytest.fixture
def memory_keyring() -> MemoryKeyring:
    """A keyring backend that works, kept in memory."""
    return MemoryKeyring()


@pytest.fixture(scope="session")
def server_factory() -> Iterator[ServerFactory]:
    """Starts private servers; a program that is missing fails the test that asks."""
    factory = ServerFactory()
    yield factory
    factory.close()


@pytest.fixture(scope="session")
def mariadb_server(server_factory: ServerFactory) -> Iterator[DatabaseServer]:
    """A MariaDB shared by the whole session: never stop or pause it."""
    with running_server(server_factory, Flavour.MARIADB) as server:
        yield server


@pytest.fixture(scope="session")
def mysql_server(server_factory: ServerFactory) -> Iterator[DatabaseServer]:
    """A MySQL shared by the whole session: never stop or pause it."""
    with running_server(server_factory, Flavour.MYSQL) as server:
        yield server


@pytest.fixture(scope="session", params=[Flavour.MARIADB, Flavour.MYSQL], ids=str)
def tenant_server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Both shared servers in turn."""
    server: DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture
def private_server(
    server_factory: ServerFactory,
) -> Iterator[Callable[..., DatabaseServer]]:
    """``private_server(flavour, options)``: a server this test may stop, pause or kill."""
    started: list[DatabaseServer] = []

    def start(flavour: Flavour, options: Sequence[str] = ()) -> DatabaseServer:
        server = server_factory.start(flavour, options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.dispose()
