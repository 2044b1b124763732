"""Backups under faults: none that is bad is called good, and every good one restores equal."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.backups import Backup, BackupReason, BackupState
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.storage.backup_folder import BackupFolder
from altus4_desktop.storage.backups import StoreBackups
from altus4_desktop.storage.client_programs import Kind
from altus4_desktop.storage.server_backup import ServerBackups
from altus4_desktop.storage.store import Store
from tests import torture
from tests.integration.storage.test_backups import (
    fill,
    grant_scratch,
    opened,
    scratches,
    verify,
)
from tests.integration.storage.test_restoring import grant_beside
from tests.servers import DatabaseServer, ServerFactory, running_server
from tests.stores import StorePlace, file_place, server_place
from tests.striking import StrikingProxy

pytestmark = pytest.mark.torture

_ENDS = ("exit 0", "kill -9 $$", "exit 2", "echo odd >&2; exit 0")
_PAGE = 4096
_CONTROL_EVERY = 10
_TELLS = ("Copying the metadata store", "Reading the copy back")


@dataclass
class Bench:
    """A store, its backups, and what there was before the fault.

    ``struck`` says whether the fault came while the backup was made; ``passed`` is how many bytes
    go between it and the server, or for a file how often it tells how far it is, in ``took_s``.
    """

    place: StorePlace
    server: DatabaseServer | None
    store: Store
    folder: BackupFolder
    dice: random.Random
    scratch: Path
    clean: Backup
    proxy: StrikingProxy | None = None
    passed: int = 0
    took_s: float = 0.0
    struck: bool = False

    @property
    def backups(self) -> StoreBackups:
        return self.store.backups

    def make(
        self,
        backups: StoreBackups,
        token: CancelToken | None = None,
        progress: ProgressSink = ignore_progress,
        folder: BackupFolder | None = None,
    ) -> Backup:
        return backups.make(
            folder or self.folder, BackupReason.WANTED, "1", progress, token or CancelToken()
        )

    @property
    def on_server(self) -> ServerBackups:
        tool = self.backups.tool
        assert isinstance(tool, ServerBackups)
        return tool

    def with_access(self, **changes: object) -> StoreBackups:
        access = replace(self.on_server.access, **changes)  # type: ignore[arg-type]  # by name
        return replace(self.backups, tool=ServerBackups(access))

    def through_proxy(self, quiet_s: float = 60.0) -> StoreBackups:
        assert self.proxy is not None
        location = replace(self.place.location, port=self.proxy.port)
        return self.with_access(location=location, quiet_s=quiet_s)

    def struck_in_the_middle(
        self, strike: Callable[[], object], token: CancelToken | None = None, **how: Any
    ) -> Backup:
        """Made while ``strike`` happens after any byte, or when it tells that for any time."""
        if self.proxy is None:
            at, told = self.dice.randrange(self.passed), 0

            def tell(_: Progress) -> None:
                nonlocal told
                told += 1
                if told == at + 1:
                    self.struck = True
                    strike()

            return self.make(self.backups, token, tell)
        quiet_s = how.pop("quiet_s", 60.0)
        self.proxy.arm(self.dice.randrange(self.passed), strike, **how)
        try:
            return self.make(self.through_proxy(quiet_s), token)
        finally:
            self.struck = self.proxy.struck.is_set()
            self.proxy.disarm()

    def query(self, statement: str) -> None:
        if self.server is None:
            self.place.query(statement)
        else:
            self.server.execute(statement, database=self.place.location.database)


def a_dump_that_breaks_off(bench: Bench) -> Backup:
    """After any byte, with any exit code."""
    real = bench.on_server.access.find(Kind.DUMP)
    assert real is not None
    name = "mariadb-dump" if bench.place.name == "mariadb" else "mysqldump"
    programs = bench.scratch / "bin"
    programs.mkdir(exist_ok=True)
    wrapper = programs / name
    at = bench.dice.randrange(bench.clean.content_bytes)
    wrapper.write_text(
        "#!/bin/bash\n"
        f'if [ "${{1#--defaults-file}}" = "$1" ]; then exec "{real.path}" "$@"; fi\n'
        f'"{real.path}" "$@" | head -c {at}\n{bench.dice.choice(_ENDS)}\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o700)
    bench.struck = True
    return bench.make(bench.with_access(look_in=(programs,)))


def a_dump_that_is_killed(bench: Bench) -> Backup:
    """The program itself, by kill -9 after any byte that it was told."""

    def kill() -> None:
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                text = status.read_text("utf-8", "replace")
                name = text.split("\n", 1)[0].removeprefix("Name:").strip()
                if name in ("mysqldump", "mariadb-dump") and f"PPid:\t{os.getpid()}\n" in text:
                    os.kill(int(status.parent.name), signal.SIGKILL)
                    killed.append(name)

    killed: list[str] = []
    try:
        return bench.struck_in_the_middle(kill)
    finally:
        bench.struck = bool(killed)


def a_full_disk(bench: Bench) -> Backup:
    """A small one of its own, or where that cannot be had, a limit for every file."""
    disk = bench.scratch / "disk"
    disk.mkdir(exist_ok=True)
    bench.struck = True
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        return _a_limit_for_files(bench)
    try:
        folder = BackupFolder(disk / "backups")
        (disk / "filler").write_bytes(b"x" * (4 << 20 >> 1))
        shutil.copytree(bench.folder.path, folder.path)
        earlier = _files(folder)
        pages = bench.dice.randrange(bench.clean.size_bytes // _PAGE)
        with (disk / "more").open("wb") as more, contextlib.suppress(OSError):
            while shutil.disk_usage(disk).free > pages * _PAGE:
                more.write(bytes(_PAGE))
                more.flush()
        try:
            return bench.make(bench.backups, folder=folder)
        finally:
            assert _files(folder) == earlier
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _a_limit_for_files(bench: Bench) -> Backup:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = bench.dice.randrange(1, bench.clean.size_bytes)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        return bench.make(bench.backups)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def a_wrong_password(bench: Bench) -> Backup:
    """Changed while the store is open: before it is begun, or between session and dump."""
    assert bench.server is not None
    user = bench.place.location.username
    when = bench.dice.choice(("", *_TELLS[:1]))

    def change(password: str | None) -> None:
        bench.query(f"ALTER USER '{user}'@'%' IDENTIFIED BY '{password}'")

    def tell(progress: Progress) -> None:
        if progress.message == when and not bench.struck:
            change("another")
            bench.struck = True

    if not when:
        change("another")
        bench.struck = True
    try:
        return bench.make(bench.backups, progress=tell)
    finally:
        change(bench.place.password)


def a_missing_database(bench: Bench) -> Backup:
    """Dropped after the store was opened."""
    assert bench.server is not None
    gone = bench.server.create_database("altus4_gone")
    user = bench.place.location.username
    bench.query(f"GRANT ALL PRIVILEGES ON `{gone}`.* TO '{user}'@'%'")
    location = replace(bench.place.location, database=gone)
    with opened(replace(bench.place, location=location)) as store:
        bench.server.drop_database(gone)
        bench.struck = True
        return bench.make(store.backups)


def a_cancellation(bench: Bench) -> Backup:
    token = CancelToken()
    return bench.struck_in_the_middle(token.cancel, token)


def an_alter_meanwhile(bench: Bench) -> Backup:
    """It counts when it was done before the backup was."""
    done_at: list[float] = []

    def alter() -> None:
        bench.query("ALTER TABLE saved_searches ADD COLUMN odd INT")
        done_at.append(time.monotonic())

    # It may have to wait for the dump, and the line must not wait for it.
    altering = threading.Thread(target=alter)
    try:
        backup = bench.struck_in_the_middle(altering.start if bench.server else alter)
        bench.struck = bool(done_at) and done_at[0] < time.monotonic()
        return backup
    finally:
        if altering.ident is not None:
            altering.join()
        if done_at:
            bench.query("ALTER TABLE saved_searches DROP COLUMN odd")


def sessions_that_are_killed(bench: Bench) -> Backup:
    server, user = bench.server, bench.place.location.username
    assert server is not None

    def kill() -> None:
        for number, its_user, *_ in server.execute("SHOW PROCESSLIST"):
            if its_user == user:
                with contextlib.suppress(Exception):
                    server.execute(f"KILL {number}")

    return bench.struck_in_the_middle(kill)


def a_server_that_is_killed(bench: Bench) -> Backup:
    assert bench.server is not None
    try:
        return bench.struck_in_the_middle(bench.server.kill)
    finally:
        if not bench.server.running:
            bench.server.start()


def a_server_that_is_stopped(bench: Bench) -> Backup:
    assert bench.server is not None
    try:
        return bench.struck_in_the_middle(bench.server.pause, quiet_s=1.0 + bench.took_s)
    finally:
        bench.server.resume()


def a_line_that_is_cut(bench: Bench) -> Backup:
    return bench.struck_in_the_middle(lambda: None, cuts=True)


def a_file_that_is_changed(bench: Bench) -> Backup:
    backup = bench.make(bench.backups)
    file = bench.folder.file(backup)
    content = bytearray(file.read_bytes())
    at = bench.dice.randrange(len(content))
    content[at] ^= 1 << bench.dice.randrange(8)
    file.write_bytes(content[:at] if bench.dice.random() < 0.5 else content)
    bench.struck = True
    return backup


_ANYWHERE: tuple[Callable[[Bench], Backup], ...] = (
    a_full_disk,
    a_cancellation,
    an_alter_meanwhile,
    a_file_that_is_changed,
)
_ON_SERVERS = (
    a_dump_that_breaks_off,
    a_dump_that_is_killed,
    a_wrong_password,
    a_missing_database,
    sessions_that_are_killed,
    a_server_that_is_killed,
    a_server_that_is_stopped,
    a_line_that_is_cut,
)


@pytest.fixture(params=["sqlite", "mariadb", "mysql"])
def bench(
    server_factory: ServerFactory, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Bench]:
    """A store, and on a server one that may be killed and stopped."""
    with contextlib.ExitStack() as stack:
        server: DatabaseServer | None = None
        proxy: StrikingProxy | None = None
        if request.param == "sqlite":
            place = file_place(tmp_path)
        else:
            server = stack.enter_context(running_server(server_factory, Flavour(request.param)))
            place = server_place(server, server.create_database("altus4_metadata"))
            grant_scratch(server, place)
            grant_beside(server, place)
            proxy = stack.enter_context(contextlib.closing(StrikingProxy(server.port)))
        folder = BackupFolder(tmp_path / "backups")
        store = stack.enter_context(_opened(place))
        store.migrator.upgrade(without_copy=True)
        fill(store)
        told: list[Progress] = []
        made = store.backups.make(folder, BackupReason.WANTED, "1", told.append, CancelToken())
        dice = torture.dice(f"backup faults, store on {place.name}")
        bench = Bench(place, server, store, folder, dice, tmp_path, made, proxy, len(told))
        if proxy is not None:
            began = time.monotonic()
            bench.folder.remove_(bench.make(bench.through_proxy()))
            bench.passed, bench.took_s = proxy.passed, time.monotonic() - began
        yield bench


@contextlib.contextmanager
def _opened(place: StorePlace) -> Iterator[Store]:
    if not place.on_file:
        with opened(place) as store:
            yield store
        return
    with contextlib.closing(place.open()) as store:
        yield store


def test_none_that_is_bad_is_called_good(bench: Bench) -> None:
    faults = _ANYWHERE if bench.server is None else (*_ANYWHERE, *_ON_SERVERS)
    wanted = torture.times(len(faults) if bench.server is None else 2, 80)
    if bench.server is not None:
        faults = tuple(bench.dice.sample(faults, len(faults)))
    outcomes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    tries = controls = late = 0
    while sum(kinds.values()) < wanted:
        assert tries < 10 + 2 * wanted, "too few of the faults strike"
        fault = faults[tries % len(faults)]
        tries += 1
        earlier = _files(bench.folder)
        bench.struck = False
        try:
            backup: Backup | None = fault(bench)
        except AltusError:
            assert _files(bench.folder) == earlier, f"{fault.__name__} has left something"
            # Without having struck, it is the machine that was too slow for a sign-in.
            outcomes["refused"] += bench.struck
            kinds[fault.__name__] += bench.struck
            backup = None
        if backup is not None:
            kinds[fault.__name__] += bench.struck
            found = bench.backups.verify(bench.folder, backup.id, ignore_progress, CancelToken())
            kept = _files(bench.folder)
            assert {name: kept[name] for name in earlier} == earlier
            if fault is a_file_that_is_changed:
                assert found.state is BackupState.BAD
                outcomes["found out"] += 1
            else:
                assert found.state is BackupState.GOOD, f"{fault.__name__}: {found.problem}"
                if fault is not an_alter_meanwhile:
                    assert found.tables == bench.clean.tables
                _restores_equal(bench, found)
                outcomes["good and restored equal"] += bench.struck
                late += not bench.struck
            bench.folder.remove_(backup)
        if tries % _CONTROL_EVERY == 0 or sum(kinds.values()) == wanted:
            # Without a fault it is good, and what the faults have left is gone.
            control = bench.make(bench.backups)
            control = verify(bench.store, bench.folder, control)
            assert control.state is BackupState.GOOD
            _restores_equal(bench, control)
            bench.folder.remove_(control)
            controls += 1
    assert controls
    if bench.server is not None:
        assert scratches(bench.server) == []
    kinds, outcomes = +kinds, +outcomes
    words = ", ".join(f"{number} {word}" for word, number in sorted(outcomes.items()))
    each = ", ".join(f"{number} {name}" for name, number in sorted(kinds.items()))
    torture.tell(
        f"{bench.place.name}: {sum(kinds.values())} faults struck a backup ({each}), "
        f"0 bad called good: {words}; {late} struck too late and {controls} without a fault were "
        "good and restored equal"
    )


def _files(folder: BackupFolder) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.path.iterdir()
        if path.name != ".lock"
    }


def _restores_equal(bench: Bench, backup: Backup) -> None:
    """The restored tables are the store's, as the database itself sees it."""
    altered = "saved_searches"
    if bench.server is None:
        file = bench.folder.path.parent / "restored.sqlite3"
        bench.backups.restore(
            bench.folder, backup.id, str(file), None, ignore_progress, CancelToken()
        )
        live = bench.place.location.file
        assert live is not None
        assert _lines(file, altered) == _lines(live, altered)
        file.unlink()
        return
    live_name = bench.place.location.database
    name = f"{live_name}_restored"
    _restore(bench, backup, name)
    try:
        for table in backup.tables:
            if table.name != altered:
                rows = bench.server.execute(
                    f"CHECKSUM TABLE `{live_name}`.`{table.name}`, `{name}`.`{table.name}`"
                )
                assert rows[0][1] == rows[1][1], table.name
    finally:
        bench.server.drop_database(name)


def _restore(bench: Bench, backup: Backup, place: str) -> None:
    token = CancelToken()
    bench.backups.restore(bench.folder, backup.id, place, None, ignore_progress, token)


def _lines(file: Path, altered: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return [line for line in connection.iterdump() if altered not in line]
