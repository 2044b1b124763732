"""Backups of a store that is a file: copied while it is used, proven, put back."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from altus4_desktop.domain.backups import BackupAdvice, BackupContent, ObjectSum, TableSum
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import InputError, StoreError
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.storage import files
from altus4_desktop.storage.backup_folder import Check, Placed, UnsoundError
from altus4_desktop.storage.tables import version_table

_LARGE = 1 << 16
_HALF = ".part"
_ATTEMPT_S = 0.5
_TABLES = (
    "SELECT name, sql LIKE '%WITHOUT ROWID' FROM sqlite_master"
    " WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL TABLE%' ORDER BY name"
)
_OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"


@dataclass(frozen=True, slots=True)
class FileBackups:
    """Backups of the SQLite database ``file``; ``rest`` closes this program's own connections that
    are not at work."""

    file: Path
    rest: Callable[[], None] = lambda: None

    @property
    def ending(self) -> str:
        """How its files end."""
        return ".sqlite3"

    def make(self, draft: Path, progress: ProgressSink, token: CancelToken) -> BackupContent:
        """Write a copy of the database, as it is at one moment, into the new file ``draft``.

        Raises UnsoundError, StoreError, sqlite3.Error, OSError, Cancelled; whoever calls removes
        ``draft``.
        """
        left = self._left()
        problem = files.copy_into(self.file, draft, progress, token)
        if problem:
            raise UnsoundError(problem)
        # Whoever writes one keeps everybody from reading the store.
        _remove(left)
        progress(Progress("Reading the copy back"))
        return read_content(draft, token)

    def try_restore(
        self,
        file: Path,
        progress: ProgressSink,
        token: CancelToken,
        check: Check | None = None,
    ) -> BackupContent:
        """What comes out when ``file`` is restored, which is thrown away again after ``check`` has
        seen it; raises as `make` does."""
        draft = file.with_name(f"{file.name}.trial.part")
        try:
            content = restore_file(file, draft, progress, token)
            if check is not None:
                check(content, str(draft))
            return content
        finally:
            draft.unlink(missing_ok=True)

    def count_rows(self, token: CancelToken, place: str = "") -> dict[str, int]:
        """How many rows each table of the store has, or of the file ``place``; raises
        sqlite3.Error, Cancelled."""
        file = Path(place) if place else self.file
        with (
            contextlib.closing(files.connect(file, read_only=True)) as connection,
            files.interruptible(connection, token),
        ):
            return {
                name: connection.execute(f"SELECT COUNT(*) FROM {_quoted(name)}").fetchone()[0]
                for name, _ in connection.execute(_TABLES).fetchall()
            }

    def find_point(self, *_: object, **__: object) -> NoReturn:
        """Raise StoreError: SQLite keeps no log of what was changed."""
        raise StoreError(
            "No point in time can be restored: SQLite keeps no log of what was changed.",
            hint="Restore a backup as it is, or keep the store on a server.",
            code="backup.no_point",
        )

    find_leading = find_point

    def list_advice(self, token: CancelToken) -> tuple[BackupAdvice, ...]:
        """Nothing: a file is copied whole."""
        del token
        return ()

    def restore_beside(
        self,
        file: Path,
        name: str,
        held: Collection[str],
        check: Check,
        progress: ProgressSink,
        token: CancelToken,
    ) -> Placed:
        """Make the new file ``name`` from ``file``; what ``check`` refuses is not kept.

        Raises InputError for a file that is there, and as `make` does.
        """
        del held
        target = Path(name)
        if os.path.lexists(target):
            raise InputError("into", "“{name}” is there already.", name=name)
        draft = _draft_beside(target)
        try:
            check(restore_file(file, draft, progress, token), name)
            token.raise_if_cancelled()
            # Whoever made a file of that name meanwhile keeps it.
            files.name_new(draft, target)
            files.sync_folder(target.parent)
        finally:
            draft.unlink(missing_ok=True)
        return Placed()

    def replace(
        self,
        file: Path,
        kinds: Collection[str],
        held: Collection[str],
        check: Check,
        progress: ProgressSink,
        token: CancelToken,
    ) -> Placed:
        """Put what is in ``file``, all kinds of it, in the place of the store, which is kept beside
        it.

        Others may have the store open, unless it has a write-ahead log: to them it is one
        transaction, and a kill at any moment leaves the old content or the new. Raises as `make`
        does, and StoreError (``store.busy``) where somebody does not let go of it.
        """
        del kinds, held
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        kept = self.file.with_name(f"{self.file.stem}-before-restore-{stamp}{self.file.suffix}")
        # In the folder of backups: whoever next locks it removes what a kill has left.
        restored = _draft_beside(file)
        try:
            check(restore_file(file, restored, progress, token), str(restored))
            progress(Progress("Replacing the metadata store"))
            opened = files.connect(self.file, read_only=False, timeout_s=_ATTEMPT_S)
            with contextlib.closing(opened) as live:
                self._take_alone(live, token)
                _remove(self._left())
                _keep(live, kept)
                with (
                    token.held(),
                    contextlib.closing(files.connect(restored, read_only=True)) as source,
                ):
                    source.backup(live)
        finally:
            restored.unlink(missing_ok=True)
        return Placed(str(kept))

    def _take_alone(self, live: sqlite3.Connection, token: CancelToken) -> None:
        """Let nobody but ``live`` read or write until that is closed; raises StoreError
        (``store.busy``), sqlite3.Error, Cancelled."""
        # Kept beyond the transaction: nobody writes between the copy and the swap.
        live.execute("PRAGMA locking_mode = EXCLUSIVE")
        until_s = time.monotonic() + files.BUSY_TIMEOUT_S
        while True:
            token.raise_if_cancelled()
            # Beside a write-ahead log an idle connection is in the way as well.
            self.rest()
            try:
                live.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                if time.monotonic() < until_s:
                    continue
                raise StoreError(
                    "Another program has the metadata store open, and does not let go of it.",
                    hint="Close the other programs that use it, then try again.",
                    code="store.busy",
                    retryable=True,
                ) from error
            live.execute("COMMIT")
            return

    def _left(self) -> list[Path]:
        """What a program that was killed has half kept of the store."""
        pattern = f"{glob.escape(self.file.stem)}-before-restore-*{_HALF}*"
        return list(self.file.parent.glob(pattern))


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _draft_beside(file: Path) -> Path:
    """A name that nobody else has, so that what is removed afterwards is one's own."""
    return file.with_name(f"{file.name}.{secrets.token_hex(6)}.part")


def _keep(live: sqlite3.Connection, kept: Path) -> None:
    half = kept.with_name(f"{kept.name}{_HALF}")
    files.create_new(half)
    try:
        with contextlib.closing(files.connect(half, read_only=False)) as copy:
            live.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        files.sync_file(half)
        # What has that name already stays.
        files.name_new(half, kept)
    finally:
        half.unlink(missing_ok=True)
    files.sync_folder(kept.parent)


def restore_file(
    source: Path, target: Path, progress: ProgressSink, token: CancelToken
) -> BackupContent:
    """Make the new database ``target`` from the backup ``source``, and read it.

    Raises UnsoundError, StoreError, sqlite3.Error, OSError, Cancelled.
    """
    problem = files.copy_into(source, target, progress, token)
    if problem:
        raise UnsoundError(problem)
    progress(Progress("Reading what was restored"))
    return read_content(target, token)


def read_content(file: Path, token: CancelToken) -> BackupContent:
    """Count and digest what the database ``file`` holds, at one moment.

    A table's digest is of its rows in the order in which SQLite keeps them, so that only copies of
    a file can be compared. Raises UnsoundError for a database without a revision, sqlite3.Error,
    Cancelled.
    """
    with (
        contextlib.closing(files.connect(file, read_only=True)) as connection,
        files.interruptible(connection, token),
    ):
        # What is stored is compared, not what it would be as text.
        connection.text_factory = bytes
        connection.execute("BEGIN")
        tables = connection.execute(_TABLES).fetchall()
        sums = tuple(
            _table_sum(connection, _text(name), bool(keyed), token) for name, keyed in tables
        )
        try:
            statement = f"SELECT version_num FROM {version_table.name}"
            revision = connection.execute(statement).fetchone()
        except sqlite3.OperationalError:
            revision = None
        objects = tuple(
            ObjectSum(_text(kind), _text(name), hashlib.sha256(sql).hexdigest())
            for kind, name, sql in connection.execute(_OBJECTS)
        )
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        page_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
    if revision is None:
        raise UnsoundError("it has no revision")
    return BackupContent(sums, _text(revision[0]), pages * page_bytes, objects=objects)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _table_sum(
    connection: sqlite3.Connection, table: str, keyed: bool, token: CancelToken
) -> TableSum:
    order = "" if keyed else " ORDER BY rowid"
    token.raise_if_cancelled()
    digest = hashlib.sha256()
    rows = 0
    # One by one: some of them may be millions of bytes. SQLite's own steps are too few for these.
    for row in connection.execute(f"SELECT * FROM {_quoted(table)}{order}"):
        content = repr(row).encode("utf-8")
        if len(content) > _LARGE:
            token.raise_if_cancelled()
        digest.update(content)
        rows += 1
    return TableSum(table, rows, digest.hexdigest())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
