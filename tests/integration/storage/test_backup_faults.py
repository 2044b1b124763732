"""Backups under faults: none that is bad is called good, and every good one restores equal."""

from __future__ import annotations

import contextlib
import hashlib
import random
import resource
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from altus4_desktop.domain.backups import Backup, BackupReason, BackupState
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.storage.backup_folder import BackupFolder
from altus4_desktop.storage.backups import StoreBackups
from altus4_desktop.storage.client_programs import Kind
from altus4_desktop.storage.server_backup import ServerBackups
from altus4_desktop.storage.store import Store
from tests import torture
from tests.integration.storage.test_backups import fill, grant_scratch, opened, scratches
from tests.integration.storage.test_restoring import grant_beside
from tests.servers import DatabaseServer
from tests.stores import StorePlace

pytestmark = pytest.mark.torture

_ENDS = ("exit 0", "kill -9 $$", "exit 2", "echo odd >&2; exit 0")
_LATEST_S = 3.0


@dataclass
class Bench:
    """A store, its backups, and what there was before the fault."""

    place: StorePlace
    server: DatabaseServer | None
    store: Store
    folder: BackupFolder
    dice: random.Random
    programs: Path
    clean: Backup

    @property
    def backups(self) -> StoreBackups:
        return self.store.backups

    def make(self, backups: StoreBackups, token: CancelToken | None = None) -> Backup:
        return backups.make(
            self.folder, BackupReason.WANTED, "1", ignore_progress, token or CancelToken()
        )

    @property
    def on_server(self) -> ServerBackups:
        tool = self.backups.tool
        assert isinstance(tool, ServerBackups)
        return tool

    def with_access(self, **changes: object) -> StoreBackups:
        access = replace(self.on_server.access, **changes)  # type: ignore[arg-type]  # by name
        return replace(self.backups, tool=ServerBackups(access))

    def query(self, statement: str) -> None:
        if self.server is None:
            self.place.query(statement)
        else:
            self.server.execute(statement, database=self.place.location.database)


def nothing(bench: Bench) -> Backup:
    return bench.make(bench.backups)


def a_dump_that_breaks_off(bench: Bench) -> Backup:
    """After any byte, with any exit code."""
    real = bench.on_server.access.find(Kind.DUMP)
    assert real is not None
    name = "mariadb-dump" if bench.place.name == "mariadb" else "mysqldump"
    wrapper = bench.programs / name
    at = bench.dice.randrange(bench.clean.content_bytes)
    wrapper.write_text(
        "#!/bin/bash\n"
        f'if [ "${{1#--defaults-file}}" = "$1" ]; then exec "{real.path}" "$@"; fi\n'
        f'"{real.path}" "$@" | head -c {at}\n{bench.dice.choice(_ENDS)}\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o700)
    return bench.make(bench.with_access(look_in=(bench.programs,)))


def a_full_disk(bench: Bench) -> Backup:
    """No file can become longer than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = bench.dice.randrange(1, bench.clean.size_bytes)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        return bench.make(bench.backups)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def a_wrong_password(bench: Bench) -> Backup:
    return bench.make(bench.with_access(password_secret="wrong"))


def a_missing_database(bench: Bench) -> Backup:
    location = replace(bench.place.location, database="altus4_no_such_database")
    return bench.make(bench.with_access(location=location))


def a_cancellation(bench: Bench) -> Backup:
    token = CancelToken()
    with _later(bench, token.cancel):
        return bench.make(bench.backups, token)


def an_alter_meanwhile(bench: Bench) -> Backup:
    def alter() -> None:
        bench.query("ALTER TABLE saved_searches ADD COLUMN odd INT")

    try:
        with _later(bench, alter):
            return bench.make(bench.backups)
    finally:
        bench.query("ALTER TABLE saved_searches DROP COLUMN odd")


def sessions_that_are_killed(bench: Bench) -> Backup:
    server, user = bench.server, bench.place.location.username
    assert server is not None

    def kill() -> None:
        for (number,) in server.execute(
            f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{user}'"
        ):
            with contextlib.suppress(Exception):
                server.execute(f"KILL {number}")

    with _later(bench, kill):
        return bench.make(bench.backups)


def a_file_that_is_changed(bench: Bench) -> Backup:
    backup = bench.make(bench.backups)
    file = bench.folder.file(backup)
    content = bytearray(file.read_bytes())
    at = bench.dice.randrange(len(content))
    content[at] ^= 1 << bench.dice.randrange(8)
    file.write_bytes(content[:at] if bench.dice.random() < 0.5 else content)
    return backup


_ANYWHERE: tuple[Callable[[Bench], Backup], ...] = (
    nothing,
    a_full_disk,
    a_cancellation,
    an_alter_meanwhile,
    a_file_that_is_changed,
)
_ON_SERVERS = (
    a_dump_that_breaks_off,
    a_wrong_password,
    a_missing_database,
    sessions_that_are_killed,
)


@contextlib.contextmanager
def _later(bench: Bench, do: Callable[[], object]) -> Iterator[None]:
    """Within the block ``do`` happens at any instant, or after it."""
    timer = threading.Timer(bench.dice.random() * (_LATEST_S if bench.server else 0.05), do)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@pytest.fixture
def bench(
    shared_place: StorePlace, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Bench]:
    server: DatabaseServer | None = None
    if not shared_place.on_file:
        server = request.getfixturevalue(f"{shared_place.name}_server")
        assert server is not None
        grant_scratch(server, shared_place)
        grant_beside(server, shared_place)
    folder = BackupFolder(tmp_path / "backups")
    programs = tmp_path / "bin"
    programs.mkdir()
    with _opened(shared_place) as store:
        fill(store)
        made = store.backups.make(folder, BackupReason.WANTED, "1", ignore_progress, CancelToken())
        dice = torture.dice(f"backup faults, store on {shared_place.name}")
        yield Bench(shared_place, server, store, folder, dice, programs, made)


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
    count = torture.times(len(faults), 68)
    outcomes: Counter[str] = Counter()
    for number in range(count):
        fault = faults[number % len(faults)]
        earlier = _files(bench.folder)
        try:
            backup = fault(bench)
        except AltusError:
            assert fault is not nothing
            assert _files(bench.folder) == earlier, f"{fault.__name__} has left something"
            outcomes["refused"] += 1
            continue
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
            outcomes["good"] += 1
        bench.folder.remove_(backup)
    if bench.server is not None:
        assert scratches(bench.server) == []
    words = ", ".join(f"{number} {word}" for word, number in sorted(outcomes.items()))
    torture.tell(f"{bench.place.name}: {count} backups under faults, 0 bad called good: {words}")


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
