"""Backups of a store that is a file: copied while it is used, proven, put back."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from altus4_desktop.domain.backups import BackupContent, TableSum
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.storage import files
from altus4_desktop.storage.backup_folder import UnsoundError
from altus4_desktop.storage.tables import version_table

_ROWS = 500
_TABLES = (
    "SELECT name, sql LIKE '%WITHOUT ROWID' FROM sqlite_master"
    " WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL TABLE%' ORDER BY name"
)


@dataclass(frozen=True, slots=True)
class FileBackups:
    """Backups of the SQLite database ``file``."""

    file: Path

    @property
    def ending(self) -> str:
        """How its files end."""
        return ".sqlite3"

    def make(self, draft: Path, progress: ProgressSink, token: CancelToken) -> BackupContent:
        """Write a copy of the database, as it is at one moment, into the new file ``draft``.

        Raises UnsoundError, StoreError, sqlite3.Error, OSError, Cancelled; whoever calls removes
        ``draft``.
        """
        problem = files.copy_into(self.file, draft, progress, token)
        if problem:
            raise UnsoundError(problem)
        progress(Progress("Reading the copy back"))
        return read_content(draft, token)

    def try_restore(self, file: Path, progress: ProgressSink, token: CancelToken) -> BackupContent:
        """What comes out when ``file`` is restored, which is thrown away again; raises as `make`
        does."""
        draft = file.with_name(f"{file.name}.trial.part")
        try:
            return restore_file(file, draft, progress, token)
        finally:
            draft.unlink(missing_ok=True)


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
            _table_sum(connection, name.decode("utf-8", "replace"), bool(keyed), token)
            for name, keyed in tables
        )
        try:
            statement = f"SELECT version_num FROM {version_table.name}"
            revision = connection.execute(statement).fetchone()
        except sqlite3.OperationalError:
            revision = None
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        page_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
    if revision is None:
        raise UnsoundError("it has no revision")
    return BackupContent(sums, revision[0].decode("utf-8", "replace"), pages * page_bytes)


def _table_sum(
    connection: sqlite3.Connection, table: str, keyed: bool, token: CancelToken
) -> TableSum:
    quoted = '"' + table.replace('"', '""') + '"'
    order = "" if keyed else " ORDER BY rowid"
    digest = hashlib.sha256()
    rows = 0
    cursor = connection.execute(f"SELECT * FROM {quoted}{order}")
    while batch := cursor.fetchmany(_ROWS):
        token.raise_if_cancelled()
        rows += len(batch)
        digest.update("".join(map(repr, batch)).encode("utf-8"))
    return TableSum(table, rows, digest.hexdigest())


def swap_file(restored: Path, file: Path, kept: Path) -> None:
    """Put ``restored`` in the place of the store ``file``, which is kept as ``kept``.

    Nobody else may have the store open: raises StoreError (``store.busy``) where somebody has,
    sqlite3.Error, OSError. A kill at any moment leaves one of both in the place.
    """
    with contextlib.closing(files.connect(file, read_only=False)) as connection:
        # Everything into the one file, and alone with it: a journal must not outlive its database.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
            raise StoreError(
                "Another program has the metadata store open.",
                hint="Close it first.",
                code="store.busy",
                retryable=True,
            )
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        os.link(file, kept)
        restored.replace(file)
        files.sync_folder(file.parent)
