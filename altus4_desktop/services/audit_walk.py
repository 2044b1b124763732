"""Walking along the chain of the audit log, row by row, to see whether it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altus4_desktop.domain.audit import (
    CHAIN_START,
    AuditFault,
    AuditVerdict,
    ChainEnd,
    FaultKind,
    chain_hash,
)
from altus4_desktop.domain.progress import Progress

if TYPE_CHECKING:
    from altus4_desktop.domain.cancel import CancelToken
    from altus4_desktop.domain.progress import ProgressSink
    from altus4_desktop.storage.repositories.audit import AuditRepository, ChainRow

_PAGE = 1000
_FAULTS_TOLD = 100


def walk_chain(
    audit: AuditRepository, seen: ChainEnd | None, progress: ProgressSink, token: CancelToken
) -> AuditVerdict:
    """What every row up to the present end says; ``seen`` is a row that this workstation knows.

    Reads a page at a time, each for itself, so that nobody has to wait: rows before the end do not
    change unless somebody tampers with them. Raises Cancelled, StoreError.
    """
    extent = audit.extent()
    end = extent.end or ChainEnd(extent.last, "")
    walk = _Walk(seen)
    after: int | None = None
    while True:
        token.raise_if_cancelled()
        page = audit.chain(after, _PAGE)
        for row in page:
            if row.sequence > end.sequence:
                break
            walk.take(row)
        if (
            len(page) < _PAGE
            or page[-1].sequence >= end.sequence
            or page[-1].sequence <= (after or 0)
        ):
            break
        after = page[-1].sequence
        progress(Progress("Verifying the audit log", after / max(end.sequence, 1)))
    walk.finish(end, is_written=extent.end is not None, last=extent.last)
    return AuditVerdict(
        rows=walk.rows,
        end=end if extent.end is not None else ChainEnd(walk.place, walk.row_hash),
        faults=tuple(walk.faults),
        fault_count=walk.fault_count,
        guarded=audit.is_guarded(),
        seen=seen,
    )


class _Walk:
    """Where we are: after row ``place``, whose hash is ``row_hash``."""

    def __init__(self, seen: ChainEnd | None) -> None:
        self.rows = 0
        self.place = 0
        self.row_hash = CHAIN_START
        self.faults: list[AuditFault] = []
        self.fault_count = 0
        self._seen = seen
        self._met = seen is None or seen.sequence == 0

    def take(self, row: ChainRow) -> None:
        """Compare the next row with its hash and with the row before."""
        self.rows += 1
        if row.sequence <= self.place:
            self._fault(FaultKind.ADDED, row.sequence, row.sequence)
            return
        if row.sequence > self.place + 1:
            self._fault(FaultKind.MISSING, self.place + 1, row.sequence - 1)
        elif row.previous_hash != self.row_hash:
            self._fault(FaultKind.SEAM, self.place, row.sequence)
        if chain_hash(row.previous_hash, row.sequence, row.texts) != row.row_hash:
            self._fault(FaultKind.EDITED, row.sequence, row.sequence)
        if self._seen is not None and row.sequence == self._seen.sequence:
            self._met = row.row_hash == self._seen.row_hash
        self.place, self.row_hash = row.sequence, row.row_hash

    def finish(self, end: ChainEnd, *, is_written: bool, last: int) -> None:
        """Compare the last row with the end of the chain, and both with what was seen before."""
        if self.place < end.sequence:
            self._fault(FaultKind.MISSING, self.place + 1, end.sequence)
        elif not is_written or self.row_hash != end.row_hash:
            self._fault(FaultKind.HEAD, end.sequence, end.sequence)
        if last > end.sequence:
            self._fault(FaultKind.ADDED, end.sequence + 1, last)
        if self._seen is not None and not self._met:
            self._fault(FaultKind.REWRITTEN, self._seen.sequence, self._seen.sequence)

    def _fault(self, kind: FaultKind, first: int, last: int) -> None:
        self.fault_count += 1
        if len(self.faults) < _FAULTS_TOLD:
            self.faults.append(AuditFault(kind, first, last))
