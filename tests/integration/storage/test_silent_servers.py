"""Backups on a server that stops answering in the middle: told, ended, and nothing half done."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.backups import Backup, BackupReason, BackupState
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import Cancelled, HalfDoneError, StoreError
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.storage.backup_folder import BackupFolder
from altus4_desktop.storage.backups import StoreBackups
from altus4_desktop.storage.server_backup import ServerBackups
from altus4_desktop.storage.store import Store
from tests import torture
from tests.faults import Fault
from tests.integration.storage.test_backups import fill, grant_scratch, opened, scratches
from tests.integration.storage.test_restoring import grant_beside
from tests.servers import DatabaseServer, ServerFactory, running_server
from tests.stores import StorePlace, server_place
from tests.striking import StrikingProxy
from tests.waiting import wait_until

pytestmark = pytest.mark.torture

_PATIENCE_S = 60.0
# What is told takes the wait for an answer, two more at most, and a sign-in; what is cancelled
# takes about a second, on a machine that has nothing else to do.
_SIGN_IN_S = 12.0
_CANCELLED_S = 4.0
_WORK = ("create", "verify", "restore")
_WAYS = ("stopped", "black hole")


@dataclass
class Line:
    """A store behind a line that can fail, and one good backup of it."""

    server: DatabaseServer
    place: StorePlace
    proxy: StrikingProxy
    store: Store
    folder: BackupFolder
    backup: Backup

    def do(
        self,
        work: str,
        token: CancelToken | None = None,
        quiet_s: float = _PATIENCE_S,
    ) -> object:
        token = token or CancelToken()
        tool = self.store.backups.tool
        assert isinstance(tool, ServerBackups)
        location = replace(self.place.location, port=self.proxy.port)
        access = replace(tool.access, location=location, quiet_s=quiet_s)
        backups: StoreBackups = replace(self.store.backups, tool=ServerBackups(access))
        if work == "create":
            return backups.make(self.folder, BackupReason.WANTED, "1", ignore_progress, token)
        if work == "verify":
            return backups.verify(self.folder, self.backup.id, ignore_progress, token)
        return backups.restore(self.folder, self.backup.id, "", None, ignore_progress, token)

    def measure(self, work: str) -> tuple[int, float]:
        """How many bytes pass, and seconds, while it is done without a fault."""
        self.proxy.passed = 0
        began = time.monotonic()
        done = self.do(work)
        took_s = time.monotonic() - began
        if isinstance(done, Backup) and done.id != self.backup.id:
            self.folder.remove_(done)
        return self.proxy.passed, took_s

    def files(self) -> dict[str, str]:
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.folder.path.iterdir()
            if path.name != ".lock"
        }

    def is_quiet(self) -> bool:
        """Whether the server does nothing for the store's account."""
        account = self.place.location.username
        rows = self.server.execute("SHOW FULL PROCESSLIST")
        return not any(row[1] == account and row[7] for row in rows)


@pytest.fixture(params=[Flavour.MARIADB, Flavour.MYSQL], ids=str, scope="module")
def own_server(
    request: pytest.FixtureRequest, server_factory: ServerFactory
) -> Iterator[DatabaseServer]:
    """A server that these tests may stop."""
    with running_server(server_factory, request.param) as server:
        yield server


@pytest.fixture
def line(own_server: DatabaseServer, tmp_path: Path) -> Iterator[Line]:
    place = server_place(own_server, own_server.create_database("altus4_metadata"))
    grant_scratch(own_server, place)
    grant_beside(own_server, place)
    folder = BackupFolder(tmp_path / "backups")
    proxy = StrikingProxy(own_server.port)
    try:
        with opened(place) as store:
            store.migrator.upgrade(without_copy=True)
            fill(store)
            made = store.backups.make(
                folder, BackupReason.WANTED, "1", ignore_progress, CancelToken()
            )
            yield Line(own_server, place, proxy, store, folder, made)
    finally:
        proxy.close()
        own_server.resume()
        own_server.drop_database(place.location.database)


@contextmanager
def silent_at(line: Line, how: str, at: int) -> Iterator[None]:
    """Within the block the server is silent once ``at`` bytes have passed."""
    proxy = line.proxy

    def black_hole() -> None:
        proxy.fault = Fault.BLACKHOLE

    proxy.arm(at, line.server.pause if how == "stopped" else black_hole)
    try:
        yield
    finally:
        # First, or a late strike would stop it again.
        proxy.disarm()
        line.server.resume()


def cells(line: Line, what: str, quick: int) -> Iterator[tuple[str, str, int, float]]:
    """What is done, how the server falls silent, after how many bytes, and how long to wait."""
    dice = torture.dice(f"{what} on {line.server.flavour}")
    count = torture.times(quick, 60)
    works, ways = dice.sample(_WORK, len(_WORK)), dice.sample(_WAYS, len(_WAYS))
    measured: dict[str, tuple[int, float]] = {}
    for number in range(count):
        work = works[number % len(works)]
        if work not in measured:
            measured[work] = line.measure(work)
        passed, took_s = measured[work]
        yield work, ways[number % len(ways)], dice.randrange(passed), 1.0 + took_s


def all_is_as_it_was(line: Line) -> None:
    found = line.store.backups.verify(line.folder, line.backup.id, ignore_progress, CancelToken())
    assert found.state is BackupState.GOOD
    assert scratches(line.server) == []


def test_a_server_that_falls_silent_is_told_and_nothing_is_half_done(line: Line) -> None:
    count = 0
    for work, how, at, quiet_s in cells(line, "silent servers", 1):
        files, checksum = line.files(), line.place.checksum()
        label = f"{work}, {how} after {at} bytes"
        began = time.monotonic()
        with silent_at(line, how, at), pytest.raises(StoreError) as caught:
            line.do(work, quiet_s=quiet_s)
        assert time.monotonic() - began < 3 * quiet_s + _SIGN_IN_S, label
        assert caught.value.message, label
        assert line.files() == files, label
        assert line.place.checksum() == checksum, label
        # A machine that is too slow for a sign-in refuses before the server falls silent.
        count += line.proxy.struck.is_set()
    all_is_as_it_was(line)
    torture.tell(
        f"{line.server.flavour}: silent {count} times during a backup, its trial or a restore: "
        "each told in time, nothing changed"
    )


def test_what_is_cancelled_does_not_wait_for_a_silent_server(line: Line) -> None:
    longest = 0.0
    count = through = 0
    for work, how, at, _ in cells(line, "cancelled on silent servers", 2):
        files, checksum = line.files(), line.place.checksum()
        label = f"{work}, {how} after {at} bytes"
        token = CancelToken()
        cancelled_at: list[float] = []

        def cancel(token: CancelToken = token, cancelled_at: list[float] = cancelled_at) -> None:
            line.proxy.struck.wait(_PATIENCE_S)
            cancelled_at.append(time.monotonic())
            token.cancel()

        canceller = threading.Thread(target=cancel)
        with silent_at(line, how, at):
            canceller.start()
            try:
                with pytest.raises((Cancelled, HalfDoneError)) as caught:
                    line.do(work, token)
                ended_at = time.monotonic()
            finally:
                canceller.join()
        took_s = ended_at - cancelled_at[0]
        if isinstance(caught.value, HalfDoneError):
            # The exchange of the tables is seen through, and what became of it told. A server that
            # goes on may still be at it.
            assert work == "restore", label
            wait_until(line.is_quiet, timeout_s=_PATIENCE_S, what=f"the server after {label}")
            through += 1
        else:
            longest = max(longest, took_s)
            assert took_s < _CANCELLED_S, label
        assert line.files() == files, label
        assert line.place.checksum() == checksum, label
        count += 1
    all_is_as_it_was(line)
    torture.tell(
        f"{line.server.flavour}: cancelled {count} times while the server was silent: "
        f"within {longest:.1f} s, nothing changed; {through} times while tables were exchanged"
    )


def test_who_cancels_too_late_hears_that_the_exchange_broke_off(line: Line) -> None:
    token = CancelToken()

    def fall_silent(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("RENAME TABLE"):
            line.proxy.fault = Fault.BLACKHOLE
            token.cancel()

    sa.event.listen(sa.Engine, "before_cursor_execute", fall_silent)
    try:
        with pytest.raises(HalfDoneError) as caught:
            line.do("restore", token, 5.0)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", fall_silent)
    assert caught.value.code == "backup.unguarded"
    line.proxy.disarm()
    all_is_as_it_was(line)
