"""The file of an embedded store: its rights, its journal, and a verified copy of it."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.files import make_private_folder
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress

BUSY_TIMEOUT_S = 10.0
# A program that migrates holds the write lock until it has finished; the others wait for it.
MIGRATION_TIMEOUT_S = 120.0

# What a file system says that has no hard links: FAT, exFAT, some network shares.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})

_STEP_PAGES = 1000
_STEP_PAUSE_S = 0.05
_RESTARTS = 5
_INSTRUCTIONS = 10_000

_FIRST_WITHOUT_WAL_RESET_BUG = (3, 51, 3)
_BACKPORTS = ((3, 44, 6), (3, 50, 7))


def journal_mode_for(version: tuple[int, int, int]) -> str:
    """WAL where the SQLite library can no longer corrupt a file when it resets one, else DELETE."""
    backported = any(version[:2] == fixed[:2] and version >= fixed for fixed in _BACKPORTS)
    return "wal" if version >= _FIRST_WITHOUT_WAL_RESET_BUG or backported else "delete"


def check_regular(file: Path) -> bool:
    """Whether ``file`` is there; raises StoreError when it is anything but a regular file.

    It is looked at and never opened: closing a descriptor of a file that SQLite has open in this
    process would drop SQLite's locks on it.
    """
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
        raise StoreError(
            "“{file}” is {kind}; it is not opened as a metadata store.",
            hint="Name the file itself.",
            code="store.not_a_file",
            details={"file": str(file), "kind": kind},
        )
    return True


def create_private(file: Path) -> None:
    """Make an empty ``file`` of mode 0600 unless there is one; raises OSError or StoreError."""
    if check_regular(file):
        return
    if not file.parent.exists():
        make_private_folder(file.parent)
    with contextlib.suppress(FileExistsError):
        create_new(file)
    check_regular(file)


def create_new(file: Path) -> None:
    """Make an empty ``file`` of mode 0600; raises FileExistsError where there is one, OSError."""
    os.close(_open_new(file))


def name_new(draft: Path, file: Path) -> None:
    """Give what is in ``draft`` the name ``file``, which nobody has yet; whoever calls removes
    ``draft``, where that is still there.

    On a file system without hard links a kill may leave an empty ``file``. Raises FileExistsError
    where there is one, OSError.
    """
    try:
        file.hardlink_to(draft)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        create_new(file)
        try:
            draft.replace(file)
        except BaseException:
            file.unlink(missing_ok=True)
            raise


def make_private(file: Path) -> None:
    """Take everybody else's rights on ``file`` and on the files SQLite keeps beside it."""
    if os.name != "posix":
        return
    for path in (file, *(file.with_name(file.name + end) for end in ("-journal", "-wal", "-shm"))):
        # SQLite may remove its own at any moment.
        with contextlib.suppress(FileNotFoundError):
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                path.chmod(0o600)


def connect(
    file: Path, *, read_only: bool, timeout_s: float = BUSY_TIMEOUT_S
) -> sqlite3.Connection:
    """An open connection that never creates the file; transactions are begun by hand."""
    check_regular(file)
    connection = sqlite3.connect(
        f"{file.as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def settle_journal_mode(file: Path, wanted: str) -> None:
    """Bring ``file`` to the journal mode ``wanted``; raises sqlite3.Error.

    Another program may have it open: then it keeps its mode until the next start, unless this
    library must not use it.
    """
    with contextlib.closing(connect(file, read_only=False)) as connection:
        current = _one(connection, "PRAGMA journal_mode")
        if current == wanted:
            return
        try:
            current = _one(connection, f"PRAGMA journal_mode = {wanted}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        if wanted == "delete" and current == "wal":
            raise StoreError(
                "Another program with a newer SQLite has the metadata store open.",
                hint="Close it first: this one's SQLite library could damage the file.",
                code="store.busy",
                retryable=True,
            )


class _RestartedError(Exception):
    """Others write so often that a copy in steps does not come to its end."""


def copy_into(
    file: Path,
    draft: Path,
    progress: ProgressSink = ignore_progress,
    token: CancelToken | None = None,
    *,
    compared: bool = False,
) -> str:
    """Copy the database ``file``, as it is at one moment, into the new file ``draft`` of mode 0600,
    and have that on disk; what is wrong with the copy, empty when it is sound.

    Others may read and write meanwhile. ``compared``: the caller holds the write lock, so that rows
    can be counted on both sides. Raises StoreError, sqlite3.Error, OSError, Cancelled; whoever
    calls removes ``draft``.
    """
    token = token or CancelToken()
    create_new(draft)
    with (
        contextlib.closing(connect(file, read_only=True)) as original,
        contextlib.closing(connect(draft, read_only=False)) as target,
    ):
        try:
            _copy_pages(original, target, progress, token, _RESTARTS)
        except _RestartedError:
            # Writers who do not pause would have it begin again for ever: they wait once.
            original.execute("BEGIN")
            original.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            _copy_pages(original, target, progress, token, None)
            original.execute("ROLLBACK")
        # One file alone must be the whole copy.
        target.execute("PRAGMA journal_mode = DELETE")
        problem = find_problem(target, token) or (_difference(original, target) if compared else "")
    token.raise_if_cancelled()
    sync_file(draft)
    return problem


def find_problem(connection: sqlite3.Connection, token: CancelToken) -> str:
    """What SQLite itself finds wrong with a database; empty when it is sound.

    Raises sqlite3.Error, Cancelled.
    """
    with interruptible(connection, token):
        verdict = _one(connection, "PRAGMA integrity_check")
        if verdict != "ok":
            return str(verdict)
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            return "a foreign key points nowhere"
    return ""


@contextlib.contextmanager
def interruptible(connection: sqlite3.Connection, token: CancelToken) -> Iterator[None]:
    """Within the block a statement ends when nobody wants it any more, with Cancelled."""
    connection.set_progress_handler(lambda: token.cancelled, _INSTRUCTIONS)
    try:
        yield
    except sqlite3.OperationalError:
        token.raise_if_cancelled()
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _copy_pages(
    original: sqlite3.Connection,
    target: sqlite3.Connection,
    progress: ProgressSink,
    token: CancelToken,
    restarts: int | None,
) -> None:
    begun_again = 0
    before: int | None = None

    def watch(_: int, left: int, total: int) -> None:
        nonlocal begun_again, before
        token.raise_if_cancelled()
        if before is not None and left > before:
            begun_again += 1
            if restarts is not None and begun_again > restarts:
                raise _RestartedError
        before = left
        share = (total - left) / total if total else 0.0
        progress(Progress(f"Copying the metadata store: {share:.0%}"))

    original.backup(target, pages=_STEP_PAGES, progress=watch, sleep=_STEP_PAUSE_S)


def copy_verified(
    file: Path,
    folder: Path,
    label: str,
    progress: ProgressSink = ignore_progress,
    token: CancelToken | None = None,
) -> Path:
    """Copy ``file`` into ``folder`` and prove the copy; returns its path.

    The caller holds the write lock, so that the counts can be compared. Raises StoreError when the
    copy is not as good as the original, sqlite3.Error, OSError and Cancelled.
    """
    make_private_folder(folder)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    copy = folder / f"{file.stem}-{stamp}-{label}.sqlite3"
    draft = copy.with_name(copy.name + ".part")
    try:
        problem = copy_into(file, draft, progress, token, compared=True)
        if problem:
            raise StoreError(
                "The copy of the metadata store is not sound ({problem}); nothing was upgraded.",
                hint="Check the disk, then try again.",
                code="store.copy_failed",
                details={"problem": problem},
            )
        draft.rename(copy)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return copy


def sync_file(file: Path) -> None:
    """Have the content of ``file`` on disk; raises OSError."""
    _sync(file, os.O_RDWR)


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` on disk; raises OSError."""
    if os.name == "posix":
        _sync(folder, os.O_RDONLY)


def _difference(original: sqlite3.Connection, copy: sqlite3.Connection) -> str:
    tables = list(_tables(original))
    if tables != list(_tables(copy)):
        return "other tables"
    for table in tables:
        statement = f'SELECT COUNT(*) FROM "{table}"'
        if _one(original, statement) != _one(copy, statement):
            return f"other rows in {table}"
    return ""


def _tables(connection: sqlite3.Connection) -> Iterator[str]:
    statement = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    for (name,) in connection.execute(statement):
        yield str(name).replace('"', '""')


def _one(connection: sqlite3.Connection, statement: str) -> object:
    return connection.execute(statement).fetchone()[0]


def _open_new(file: Path) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    if os.name == "posix":
        # The umask may have taken our own rights.
        os.fchmod(descriptor, 0o600)
    return descriptor


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
