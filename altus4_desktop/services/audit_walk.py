"""Walking along the chain of the audit log, row by row, to see whether it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altus4_desktop.domain.audit import (
    CHAIN_LOST,
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
                walk.take_beyond(row)
                break
            walk.take(row)
        if len(page) < _PAGE or page[-1].sequence >= end.sequence:
            break
        if after is not None and page[-1].sequence <= after:
            break
        after = page[-1].sequence
        progress(Progress("Verifying the audit log", max(after, 0) / max(end.sequence, 1)))
    walk.finish(end, is_written=extent.end is not None, last=extent.last)
    return AuditVerdict(
        rows=walk.rows,
        end=end if extent.end is not None else ChainEnd(walk.place, walk.row_hash),
        faults=tuple(walk.faults),
        fault_count=walk.fault_count,
        guards=audit.guards(),
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
        self._beyond: int | None = None
        # The hashes of the rows before, by which one that was passed by is recognised.
        self._before: dict[str, int] = {CHAIN_START: 0}
        self._seen = seen
        self._met = seen is None or seen.sequence == 0

    def take(self, row: ChainRow) -> None:
        """Compare the next row with its hash and with the row before."""
        self.rows += 1
        if row.sequence <= self.place:
            self._fault(FaultKind.ADDED, row.sequence, row.sequence)
            return
        is_itself = chain_hash(row.previous_hash, row.sequence, row.texts) == row.row_hash
        if row.sequence > self.place + 1:
            self._fault(FaultKind.MISSING, self.place + 1, row.sequence - 1)
        if row.previous_hash == CHAIN_LOST:
            self._fault(FaultKind.LOST, row.sequence, row.sequence)
        elif row.sequence == self.place + 1 and row.previous_hash != self.row_hash:
            self._compare(row, self._before.get(row.previous_hash) if is_itself else None)
        if not is_itself:
            self._fault(FaultKind.EDITED, row.sequence, row.sequence)
        if self._seen is not None and row.sequence == self._seen.sequence:
            self._met = row.row_hash == self._seen.row_hash
        self.place, self.row_hash = row.sequence, row.row_hash
        if is_itself:
            self._before[row.row_hash] = row.sequence
            if len(self._before) > _PAGE:
                self._before.pop(next(iter(self._before)))

    def take_beyond(self, row: ChainRow) -> None:
        """The first row behind the end of the chain."""
        self._beyond = row.sequence

    def finish(self, end: ChainEnd, *, is_written: bool, last: int) -> None:
        """Compare the last row with the end of the chain, and both with what was seen before."""
        if self.place < end.sequence:
            self._fault(FaultKind.MISSING, self.place + 1, end.sequence)
        elif not is_written or self.row_hash != end.row_hash:
            self._fault(FaultKind.HEAD, end.sequence, end.sequence)
        if last > end.sequence:
            self._fault(FaultKind.ADDED, self._beyond or end.sequence + 1, last)
        if self._seen is not None and not self._met:
            self._fault(FaultKind.REWRITTEN, self._seen.sequence, self._seen.sequence)

    def _compare(self, row: ChainRow, followed: int | None) -> None:
        """What is wrong with a row that does not follow the one before, but ``followed``."""
        if followed is None:
            self._fault(FaultKind.SEAM, self.place, row.sequence)
            return
        # The rows between stood in its way when it was written. That they are not part of the chain
        # is all there is to say about them.
        kept = [fault for fault in self.faults if fault.last <= followed]
        self.fault_count -= len(self.faults) - len(kept)
        self.faults = kept
        self._fault(FaultKind.ADDED, followed + 1, row.sequence - 1)

    def _fault(self, kind: FaultKind, first: int, last: int) -> None:
        self.fault_count += 1
        if len(self.faults) < _FAULTS_TOLD:
            self.faults.append(AuditFault(kind, first, last))
