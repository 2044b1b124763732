"""Which instants of a store can be restored: those of its backups, and what a log adds to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from altus4_desktop.domain.backups import Backup, BackupAdvice


@dataclass(frozen=True, slots=True)
class LogSpan:
    """Every second from ``begins_at`` to ``ends_at`` can be restored from one backup."""

    backup_id: str
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class BackupReach:
    """What can be restored besides the instants of the backups, as of ``at``: ``spans`` are in the
    order of their beginnings and may overlap. ``problem`` (a sentence) and ``hint`` say why there
    is no more, ``advice`` what backups lack."""

    at: datetime
    spans: tuple[LogSpan, ...] = ()
    problem: str = ""
    hint: str = ""
    advice: tuple[BackupAdvice, ...] = ()

    def find_span(self, at: datetime) -> LogSpan | None:
        """The span with the latest beginning that has ``at`` in it: the least of the log has to be
        played then."""
        found = [span for span in self.spans if span.begins_at <= at <= span.ends_at]
        return max(found, key=lambda span: span.begins_at, default=None)

    def of_backup(self, backup_id: str) -> LogSpan | None:
        """The span that begins with this backup."""
        return next((span for span in self.spans if span.backup_id == backup_id), None)

    @property
    def bands(self) -> tuple[tuple[datetime, datetime], ...]:
        """The instants of all spans, without overlaps."""
        joined: list[tuple[datetime, datetime]] = []
        for span in self.spans:
            if joined and span.begins_at <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(joined[-1][1], span.ends_at)
            else:
                joined.append((span.begins_at, span.ends_at))
        return tuple(joined)


def find_spans(
    leading: Sequence[Backup], cuts: Sequence[datetime], now: datetime
) -> tuple[LogSpan, ...]:
    """Where ``leading``, the backups after which a whole log goes on to ``now``, lead.

    None leads past one of ``cuts``, at which the tables were changed. What was written while a
    backup was copied may be in it, so that its span begins where the copy was done.
    """
    spans = []
    for backup in leading:
        begins_at = backup.copied_at or backup.created_at
        ends_at = min((cut for cut in cuts if cut > begins_at), default=now)
        if begins_at < ends_at:
            spans.append(LogSpan(backup.id, begins_at, ends_at))
    return tuple(sorted(spans, key=lambda span: (span.begins_at, span.backup_id)))
