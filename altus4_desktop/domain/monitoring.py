"""What is seen of pools and servers while somebody looks on."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from altus4_desktop.domain.connections import Connection, Flavour, PoolStats
from altus4_desktop.domain.remarks import Remark

# What is kept of a pool.
KEPT = timedelta(minutes=15)
# So many intervals without a sample are a gap: a tick may come late, but not by that much.
_GAP_INTERVALS = 2.5
# A point of a curve: finer is not seen, and costs at each painting.
_POINT_S = 5
_TAG = re.compile(r"/\* altus4:([A-Za-z0-9_-]*):\d+ \*/")


@dataclass(frozen=True, slots=True)
class PoolSample:
    """A pool's figures at one instant, ``every_s`` after the sample before it; ``stats`` None: the
    pool was not needed yet."""

    at: datetime
    every_s: float
    stats: PoolStats | None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The most sessions of a pool in the 5 seconds that end about ``at``; ``total`` are those that
    are open, ``errors`` counts what went wrong in these seconds."""

    at: datetime
    busy: int
    idle: int
    queued: int
    total: int = 0
    errors: int = 0


# Points with nothing missing between them.
Run = tuple[CurvePoint, ...]


class PoolHistory:
    """The last 15 minutes of a pool, at most one point each 5 seconds; for one thread at a time."""

    def __init__(self) -> None:
        self._runs: deque[deque[CurvePoint]] = deque()
        self._before: PoolSample | None = None

    def add(self, sample: PoolSample) -> None:
        """Keep a sample that is newer than all before, and let go of what is too old."""
        before, self._before = self._before, sample
        while self._runs and self._runs[0][0].at < sample.at - KEPT:
            self._runs[0].popleft()
            if not self._runs[0]:
                self._runs.popleft()
        stats = sample.stats
        if stats is None:
            return
        if not (self._runs and before is not None and _follows(before, sample)):
            self._runs.append(deque())
        run = self._runs[-1]
        errors = 0 if before is None else _new_errors(before.stats, stats)
        point = CurvePoint(sample.at, stats.active, stats.idle, stats.queued, stats.total, errors)
        if run and _slot(run[-1].at) == _slot(sample.at):
            point = most_of((run.pop(), point))
        run.append(point)

    @property
    def runs(self) -> tuple[Run, ...]:
        """What is kept, oldest first, parted where nobody looked or there was no pool."""
        return tuple(tuple(run) for run in self._runs)


def most_of(points: Sequence[CurvePoint]) -> CurvePoint:
    """One point for these, of which the last is the newest."""
    return CurvePoint(
        points[-1].at,
        max(point.busy for point in points),
        max(point.idle for point in points),
        max(point.queued for point in points),
        max(point.total for point in points),
        sum(point.errors for point in points),
    )


def _new_errors(before: PoolStats | None, stats: PoolStats) -> int:
    # A pool that was made anew counts from nothing.
    known = 0 if before is None or before.errors > stats.errors else before.errors
    return stats.errors - known


def _follows(before: PoolSample, sample: PoolSample) -> bool:
    longest_s = _GAP_INTERVALS * max(sample.every_s, before.every_s)
    return before.stats is not None and (sample.at - before.at).total_seconds() <= longest_s


def _slot(at: datetime) -> int:
    return int(at.timestamp() // _POINT_S)


@dataclass(frozen=True, slots=True)
class WatchedPool:
    """A saved connection, the figures of its pool ``at`` an instant (``stats`` None: it was not
    needed yet), and those of the 15 minutes before."""

    connection: Connection
    at: datetime
    stats: PoolStats | None
    runs: tuple[Run, ...] = ()


def find_tag(statement: str) -> str:
    """The comment by which the server lists a statement of this program, "" without one."""
    found = _TAG.match(statement)
    return "" if found is None else found[0]


def is_tag(text: str) -> bool:
    """Whether ``text`` is such a comment and nothing else."""
    return _TAG.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class ListedStatement:
    """A statement of this program as a server lists it: ``server_id`` is the server's thread,
    ``tag`` the comment before ``text``, of which the server shows only the first part."""

    server_id: int
    tag: str
    database: str
    running_s: int
    state: str
    text: str

    @property
    def search_id(self) -> str:
        """The id of the search, or the name of what else is done."""
        found = _TAG.match(self.tag)
        return "" if found is None else found[1]


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds what somebody waits for; ``table`` with its database."""

    server_id: int
    username: str
    table: str
    lock: str
    text: str


@dataclass(frozen=True, slots=True)
class LockWait:
    """A statement that waits for a metadata lock; ``holders`` None: the server does not tell."""

    server_id: int
    username: str
    database: str
    waiting_s: int
    text: str
    holders: tuple[LockHolder, ...] | None = None


@dataclass(frozen=True, slots=True)
class ServerPulse:
    """A server at one instant. ``statements`` and ``waits`` together are at most 200, the longest
    first; ``has_more`` when that was not all."""

    read_at: datetime
    flavour: Flavour
    version: str
    uptime_s: int
    threads_connected: int
    threads_running: int
    slow_queries: int
    statements: tuple[ListedStatement, ...] = ()
    waits: tuple[LockWait, ...] = ()
    has_more: bool = False
    took_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class SlowLog:
    """The slow query log: ``statement`` turns it on or makes it useful, "" where it is."""

    enabled: bool
    file: str
    output: str
    threshold_s: float
    statement: str


@dataclass(frozen=True, slots=True)
class IndexStatistics:
    """A FULLTEXT index as information_schema.STATISTICS has it; ``size_bytes`` and ``pages`` None:
    the account may not see them, or the engine has none; ``cardinality`` None: not known."""

    table: str
    name: str
    columns: tuple[str, ...]
    cardinality: int | None
    size_bytes: int | None
    pages: int | None


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What changes rarely; ``unseen`` says what the account may not see, and why."""

    slow_log: SlowLog
    indexes: tuple[IndexStatistics, ...]
    unseen: tuple[Remark, ...]
    read_at: datetime
