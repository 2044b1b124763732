"""Looking on at made-up servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection, Flavour, PoolStats
from altus4_desktop.domain.errors import AltusError, TenantError, TenantFailure
from altus4_desktop.domain.monitoring import (
    IndexStatistics,
    ListedStatement,
    LockHolder,
    LockWait,
    PoolHistory,
    PoolSample,
    Run,
    ServerFacts,
    ServerPulse,
    SlowLog,
    WatchedPool,
)
from altus4_desktop.domain.remarks import Remark
from tests.ui.world import Gate

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
STATEMENT = ListedStatement(
    41, "/* altus4:9f2c7a10:7 */", "library", 12, "executing", "SELECT * FROM articles"
)
PULSE = ServerPulse(NOW, Flavour.MYSQL, "9.7.4", 277_200, 12, 3, 5, (STATEMENT,))
FACTS = ServerFacts(
    SlowLog(
        False,
        "/var/lib/mysql/db-slow.log",
        "FILE",
        10.0,
        "SET GLOBAL slow_query_log = 'ON';\nSET GLOBAL long_query_time = 1;",
    ),
    (IndexStatistics("articles", "ft_all", ("title", "body"), 12_345, 5_242_880, 320),),
    (Remark("The account sees its own threads only."),),
    NOW,
)
WAIT = LockWait(
    52,
    "reader",
    "library",
    75,
    "SELECT * FROM articles",
    (LockHolder(9, "root", "library.articles", "SHARED_NO_READ_WRITE", "ALTER TABLE"),),
)
STATS = PoolStats(10, 2, 8, 0, waits=3, waited_ms=420, longest_wait_ms=300)
SILENT = TenantError(
    TenantFailure.LOST, "“{connection}” does not answer.", details={"connection": "x"}
)


def make_runs(count: int = 160, every_s: float = 5.0) -> tuple[Run, ...]:
    """Busy by fits and starts, with a gap in the middle."""
    history = PoolHistory()
    for number in range(count):
        if not 70 <= number < 95:
            busy = (number * 7 % 11) * (number % 30 > 8)
            stats = PoolStats(10, busy, 10 - busy, max(0, busy - 8))
            at = NOW - timedelta(seconds=every_s * (count - number))
            history.add(PoolSample(at, every_s, stats))
    return history.runs


@dataclass
class FakeMonitoring:
    """Answers from memory and counts what it is asked."""

    saved: list[Connection]
    pulses: dict[str, ServerPulse | AltusError | Gate] = field(default_factory=dict)
    facts: ServerFacts = FACTS
    stats: PoolStats | None = STATS
    runs: tuple[Run, ...] = field(default_factory=make_runs)
    error: AltusError | None = None
    sampled: int = 0
    noted: list[dict[str, PoolStats | None]] = field(default_factory=list)
    pulse_reads: list[str] = field(default_factory=list)
    fact_reads: list[str] = field(default_factory=list)
    stopped: list[tuple[str, ListedStatement]] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """How often anything was asked for."""
        return self.sampled + len(self.pulse_reads) + len(self.fact_reads)

    def sample_pools_(self, actor: Actor, every_s: float) -> tuple[WatchedPool, ...]:
        self.sampled += 1
        if self.error is not None:
            raise self.error
        return tuple(WatchedPool(one, NOW, self.stats, self.runs) for one in self.saved)

    def note_pools_(self, figures: Mapping[str, PoolStats | None], every_s: float) -> None:
        assert every_s > 0
        self.noted.append(dict(figures))

    def read_pulse_(self, actor: Actor, connection_id: str, token: CancelToken) -> ServerPulse:
        self.pulse_reads.append(connection_id)
        answer = self.pulses.get(connection_id, PULSE)
        if isinstance(answer, Gate):
            answer.wait(token)
            return PULSE
        if isinstance(answer, AltusError):
            raise answer
        return answer

    def read_facts_(self, actor: Actor, connection_id: str, token: CancelToken) -> ServerFacts:
        self.fact_reads.append(connection_id)
        return self.facts

    def stop_statement_(
        self, actor: Actor, connection_id: str, statement: ListedStatement, token: CancelToken
    ) -> bool:
        self.stopped.append((connection_id, statement))
        return True
