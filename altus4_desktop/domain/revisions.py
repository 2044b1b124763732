"""The steps that bring the metadata store's schema to the one this program needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from altus4_desktop.domain.connections import TlsReport


class RevisionState(StrEnum):
    """Where a revision stands in one store."""

    APPLIED = "applied"
    PENDING = "pending"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Revision:
    """One step; ``unknown`` means the store has it and this program does not.

    ``checksum`` is the SHA-256 of the program's file, ``recorded_checksum`` the one noted when it
    was applied; either is empty where there is none.
    """

    id: str
    title: str
    state: RevisionState
    applied_at: datetime | None = None
    checksum: str = ""
    recorded_checksum: str = ""

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
