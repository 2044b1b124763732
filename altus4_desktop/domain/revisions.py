"""The steps that bring the metadata store's schema to the one this program needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from altus4_desktop.domain.connections import TlsReport
from altus4_desktop.domain.errors import AltusError

# After a StoreError with one of these codes somebody may agree to go ahead without a copy.
NO_COPY_CODES = frozenset({"store.no_copy", "store.copy_failed"})


class RevisionState(StrEnum):
    """Where a revision stands in one store."""

    APPLIED = "applied"
    PENDING = "pending"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Revision:
    """One step; ``unknown`` means the store has it and this program does not.

    ``checksum`` is the SHA-256 of the program's file, ``recorded_checksum`` the one noted when it
    was applied; either is empty where there is none. ``duration_ms`` is how long applying it took.
    """

    id: str
    title: str
    state: RevisionState
    applied_at: datetime | None = None
    checksum: str = ""
    recorded_checksum: str = ""
    duration_ms: int | None = None

    @property
    def edited(self) -> bool:
        """Whether the file has changed since it was applied."""
        return bool(
            self.checksum and self.recorded_checksum and self.checksum != self.recorded_checksum
        )


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Every step of one store; ``current`` is None before the first."""

    dialect: str
    current: str | None
    head: str
    revisions: tuple[Revision, ...]

    @property
    def pending(self) -> tuple[Revision, ...]:
        """The steps that an upgrade would apply, in order."""
        return tuple(r for r in self.revisions if r.state is RevisionState.PENDING)

    @property
    def newer(self) -> bool:
        """Whether a newer program has changed the store."""
        return any(r.state is RevisionState.UNKNOWN for r in self.revisions)


@dataclass(frozen=True, slots=True)
class MigrationRun:
    """What was, or on paper would be, applied or undone, in order.

    ``copy_file`` is the copy that was made first; empty when there was nothing to copy, or somebody
    agreed to go without.
    """

    revisions: tuple[Revision, ...] = ()
    copy_file: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What the audit log is told of a run: from which revision to which, and how it ended.

    ``copy_file`` is as in `MigrationRun`. ``failure`` is why it went no further than ``after``.
    """

    before: str
    after: str
    revisions: tuple[Revision, ...]
    copy_file: str = ""
    failure: AltusError | None = None


class SchemaPart(StrEnum):
    """What a schema is made of."""

    TABLE = "table"
    COLUMN = "column"
    INDEX = "index"
    FOREIGN_KEY = "foreign key"
    CHECK = "check"
    TRIGGER = "trigger"


class DriftKind(StrEnum):
    """How the live schema departs from the program's."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class DriftItem:
    """One departure; ``expected`` and ``found`` describe the part, empty where there is none."""

    kind: DriftKind
    part: SchemaPart
    table: str
    name: str = ""
    expected: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class LossItem:
    """What going back takes away: ``count`` rows of a table, or values of one of its columns."""

    table: str
    column: str
    count: int


@dataclass(frozen=True, slots=True)
class LossReport:
    """What going back would undo, in order, and what would go with it; empty items are left out."""

    revisions: tuple[Revision, ...]
    items: tuple[LossItem, ...]

    @property
    def total(self) -> int:
        """Rows and values together."""
        return sum(item.count for item in self.items)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who has the store open: a session of the server, or a process of this computer.

    ``number`` is the session's or the process's; ``own`` says that it is this program itself.
    ``since_s`` is how long a session has been doing what it does, or a process has run.
    """

    number: int
    account: str
    host: str
    program: str
    since_s: int | None
    own: bool


@dataclass(frozen=True, slots=True)
class VisitorReport:
    """Who has the store open; not ``complete``: there may be others that cannot be seen from here,
    and ``reason`` says why."""

    visitors: tuple[Visitor, ...]
    complete: bool
    reason: str = ""

    @property
    def others(self) -> tuple[Visitor, ...]:
        """Everybody but this program."""
        return tuple(visitor for visitor in self.visitors if not visitor.own)


@dataclass(frozen=True, slots=True)
class StoreReport:
    """The outcome of a successful test of a metadata store.

    ``version`` is the server's, or the SQLite library's; ``tls`` is None for a file. ``refusal``
    says why the database is not one to keep metadata in; it is empty, and ``migrations`` is there,
    when it is.
    """

    dialect: str
    version: str
    tls: TlsReport | None
    migrations: MigrationStatus | None
    refusal: str = ""
    refusal_code: str = ""
