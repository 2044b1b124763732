"""Backups of the metadata store: what is known of one, and which are old enough to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FORMAT_VERSION = 1
KEPT_FOR = timedelta(days=30)
ALWAYS_KEPT = 3
# A longer gap than this between two backups, or one backwards, may be a clock that jumped.
LONGEST_TRUSTED_GAP = timedelta(days=7)


class BackupState(StrEnum):
    """What can be relied on."""

    GOOD = "good"
    """It was restored on trial, and what came out was what had been written down."""
    UNVERIFIED = "unverified"
    """It was written whole; nobody has restored it yet."""
    BAD = "bad"
    """It is not to be relied on; its problem says why."""


class BackupReason(StrEnum):
    """Why a backup was made."""

    WANTED = "wanted"
    DAILY = "daily"
    MIGRATION = "migration"


@dataclass(frozen=True, slots=True)
class TableSum:
    """How many rows a table has, and the SHA-256 of them all in the order of their key."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ObjectSum:
    """The SHA-256 of what makes a view, a trigger or a routine, or a part of a table: ``kind``
    says what."""

    kind: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class BinlogPosition:
    """Where a server's binary log was."""

    file: str
    position: int


@dataclass(frozen=True, slots=True)
class LogOrigin:
    """Which binary log a position is in: ``server`` is the server's own mark, ``gtids`` the
    transactions that it knew.

    ``begun_at`` is when the file of the position was begun, None where the account may not read
    that, and ``taken_at`` when this was asked; both by the server's clock, to the second.
    """

    server: str
    gtids: str
    taken_at: datetime
    begun_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup as its manifest describes it.

    ``sequence`` counts the backups of a folder, whatever the clock said. ``store`` is where it was
    taken from, without a password; ``sha256`` and ``size_bytes`` are those of the file,
    ``content_bytes`` is what it holds unpacked. ``left_out`` names what the account could not read.
    ``problem`` says why it is bad. What was written up to ``created_at`` is in it, and what was
    written after ``copied_at`` (None where it is not known) is not. ``objects`` is what it makes
    besides rows, None in a manifest that does not say.
    """

    id: str
    sequence: int
    created_at: datetime
    reason: BackupReason
    store: str
    dialect: str
    server_version: str
    app_version: str
    revision: str
    file_name: str
    sha256: str
    size_bytes: int
    content_bytes: int
    tables: tuple[TableSum, ...]
    binlog: BinlogPosition | None = None
    left_out: tuple[str, ...] = ()
    verified_at: datetime | None = None
    problem: str = ""
    copied_at: datetime | None = None
    log_origin: LogOrigin | None = None
    objects: tuple[ObjectSum, ...] | None = None

    @property
    def state(self) -> BackupState:
        """What can be relied on."""
        if self.problem:
            return BackupState.BAD
        return BackupState.UNVERIFIED if self.verified_at is None else BackupState.GOOD

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True, slots=True)
class BackupRun:
    """A backup that was made; ``unverified_because`` says why it was not restored on trial."""

    backup: Backup
    unverified_because: str = ""


@dataclass(frozen=True, slots=True)
class BackupAdvice:
    """What backups lack (a sentence), and what an administrator of the server does about it."""

    sentence: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableChange:
    """How many rows a table has now and would have after a restore."""

    name: str
    now: int
    then: int


@dataclass(frozen=True, slots=True)
class TableWrites:
    """How many rows of a table were made since some instant, and how many older ones changed."""

    name: str
    added: int
    changed: int


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would do: ``changes`` names the tables whose number of rows would change,
    ``writes`` those that matter most and were written to since, ``last_write_at`` the last time.

    Whatever was written after the backup was made goes with it, also where numbers stay the same.
    ``into`` is the new place that is filled instead, empty when the store itself is replaced.
    ``others`` counts who else has the store open. With ``until`` (a second) the backup is followed
    by ``commits`` transactions of the binary log, the last one at ``reaches_at``; ``changes`` still
    tells of the backup alone.
    """

    backup: Backup
    into: str
    changes: tuple[TableChange, ...]
    others: int = 0
    until: datetime | None = None
    commits: int = 0
    reaches_at: datetime | None = None
    writes: tuple[TableWrites, ...] = ()
    last_write_at: datetime | None = None

    @property
    def since(self) -> datetime:
        """What was written later is lost: where a log leads, or when the copying began."""
        return self.until or self.backup.created_at


@dataclass(frozen=True, slots=True)
class RestoreRehearsal:
    """A restore that was made into a scratch place, which is gone, and touched nothing else.

    What came out was what ``backup`` says; with ``until`` the log was played after it.
    ``changes`` are the tables that would have another number of rows than now, ``rows`` the rows of
    all tables that came out.
    """

    backup: Backup
    until: datetime | None
    changes: tuple[TableChange, ...]
    rows: int
    tables: int
    commits: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class RestoreRun:
    """What a restore did: ``place`` holds the backup's content, ``kept`` the store as it was.

    ``replaced_definers`` names accounts that the restoring one may not speak for: what they had
    defined is its own now. ``problem`` says why the store, which was replaced, could not be opened
    afterwards.
    """

    backup: Backup
    place: str
    kept: str = ""
    replaced_definers: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BackupContent:
    """What a backup holds: ``size_bytes`` unpacked, ``left_out`` what could not be read."""

    tables: tuple[TableSum, ...]
    revision: str
    size_bytes: int
    binlog: BinlogPosition | None = None
    left_out: tuple[str, ...] = ()
    log_origin: LogOrigin | None = None
    objects: tuple[ObjectSum, ...] = ()


def find_newest(backups: Sequence[Backup]) -> Backup | None:
    """The one that was made last, whatever the clock said, of those that are not bad."""
    sound = [backup for backup in backups if backup.state is not BackupState.BAD]
    return max(sound, key=lambda backup: backup.sequence, default=None)


def choose_expired(backups: Sequence[Backup], now: datetime) -> tuple[Backup, ...]:
    """Those of ``backups`` that can go, the oldest first.

    What goes is older than 30 days and has a good one after it or is bad; the last three good ones
    always stay, and everything while none is good. An age is the sum of the gaps between one backup
    and the next up to now, in the order in which they were made. A gap that leads backwards counts
    for nothing, and so does the newest one over more than a week: the clock may have jumped, and
    too old is better than gone. Each further one counts as a week, so that backups that are made
    rarely go as well. A bad one is no older than its own instant says either: its place in the
    order may not be known.
    """
    ordered = sorted(backups, key=lambda backup: backup.sequence)
    good = [backup for backup in ordered if backup.state is BackupState.GOOD]
    if not good:
        return ()
    kept = {backup.id for backup in good[-ALWAYS_KEPT:]}
    expired: list[Backup] = []
    age, after, doubtful = timedelta(), now, 0
    for backup in reversed(ordered):
        gap = after - backup.created_at
        if gap > LONGEST_TRUSTED_GAP:
            gap = LONGEST_TRUSTED_GAP if doubtful else timedelta()
            doubtful += 1
        age += max(gap, timedelta())
        after = backup.created_at
        if backup.state is BackupState.BAD:
            old = min(age, now - backup.created_at) > KEPT_FOR
        else:
            old = age > KEPT_FOR and backup.sequence < good[-1].sequence
        if old and backup.id not in kept:
            expired.append(backup)
    return tuple(reversed(expired))
