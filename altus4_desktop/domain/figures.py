"""What a dashboard shows of a period: the figures of days, put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from altus4_desktop.domain.recording import Pause

PERIOD_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
"""How many days the usual periods have; they end with the day that is looked at."""

HOURLY_LATENCY_DAYS = 2
"""Up to how many days tell of each hour how long searches took."""

DAILY_DAYS = 92
"""Up to how many days, a quarter, are charted by the day; more are by the week."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days ``first`` to ``last``, both included."""

    first: date
    last: date

    @classmethod
    def ending(cls, last: date, days: int) -> Period:
        """So many days, the last of them ``last``."""
        return cls(last - timedelta(days=days - 1), last)

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=at) for at in range(len(self)))

    def before(self) -> Period:
        """As many days, right before these."""
        return Period.ending(self.first - timedelta(days=1), len(self))


COUNTED_DAYS = Period(date(1970, 1, 1), date(2099, 12, 31))
"""No search of another day is counted."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How searches ended; ``zero``: all sources answered, and nothing was found."""

    searches: int = 0
    failed: int = 0
    partial: int = 0
    cancelled: int = 0
    zero: int = 0


@dataclass(frozen=True, slots=True)
class Bucket:
    """``searches`` took from ``from_ms`` to less than ``to_ms``."""

    from_ms: int
    to_ms: int
    searches: int


@dataclass(frozen=True, slots=True)
class Latency:
    """How long searches took that were not cancelled; the percentiles are None of none, exact
    below 100 ms and less than a tenth off above."""

    searches: int = 0
    mean_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_ms: int | None = None
    buckets: tuple[Bucket, ...] = ()


@dataclass(frozen=True, slots=True)
class DayPoint:
    """One day; ``counts`` is None where nothing is known: before the first search, after today, and
    where nothing was counted while not everything was recorded, ``is_paused``. ``latency`` has no
    buckets."""

    day: date
    counts: Counts | None
    latency: Latency = Latency()
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class WeekPoint:
    """The days of a period that are in one ISO week, by its Monday; ``latency`` has no buckets."""

    monday: date
    latency: Latency


@dataclass(frozen=True, slots=True)
class HourPoint:
    """One hour that clocks showed on a day; ``begins_at`` is None where people of several time
    zones are put together, each by their own clock. ``latency`` has no buckets, and is known of no
    more than `HOURLY_LATENCY_DAYS` days. ``is_paused``: as for days, and ``searches`` is 0."""

    day: date
    hour: int
    begins_at: datetime | None
    searches: int
    latency: Latency = Latency()
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class ModeShare:
    """How much a mode was used."""

    mode: str
    searches: int
    zero: int
    failed: int


@dataclass(frozen=True, slots=True)
class SourceShare:
    """How often a connection was asked, alone or among others; ``latency`` is that of the whole
    searches it was asked in, ``alone`` that of those in which nobody else was."""

    connection: str
    searches: int
    failed: int
    latency: Latency
    alone: Latency


@dataclass(frozen=True, slots=True)
class PopularQuery:
    """A text and how often it was searched; ``trend`` are the counts of up to twelve equal parts of
    the period (None: not known exactly), ``before`` the count in the period before (None: not asked
    for). Of days whose lists were too short for all their texts a text may be missing: without
    ``is_exact`` it was searched and not found at least so often, and so it is before without
    ``is_exact_before``."""

    text: str
    searches: int
    zero: int
    mean_ms: float
    trend: tuple[int | None, ...] = ()
    before: int | None = None
    is_exact: bool = True
    is_exact_before: bool = True


@dataclass(frozen=True, slots=True)
class ZeroQuery:
    """A text that found nothing, and where it was looked for; without ``is_exact`` at least so
    often."""

    text: str
    mode: str
    connections: tuple[str, ...]
    searches: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class CauseCount:
    """How often a text found nothing for a ``cause`` that `ZeroCause` names; without ``is_exact``
    at least so often."""

    text: str
    mode: str
    cause: str
    searches: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Reformulation:
    """``after`` was searched within five minutes of ``before``; ``mended``: the first found nothing
    and the second something. Without ``is_exact`` at least so often."""

    before: str
    after: str
    searches: int
    mended: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class SlowSearch:
    """One of the slowest searches; ``outcome`` is "ok", "partial" or "failed", None: not known."""

    ms: int
    text: str
    mode: str
    connections: tuple[str, ...]
    search_id: str
    at: datetime
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How often a table of a connection did not answer, by the code of the error; without
    ``is_exact`` at least so often."""

    connection: str
    table: str
    code: str
    searches: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class KeyUse:
    """How much was searched by an API key; ``key_id`` "" by people, ``name`` None: it is gone."""

    key_id: str
    name: str | None
    searches: int
    failed: int


@dataclass(frozen=True, slots=True)
class UserUse:
    """How much somebody searched; ``failed`` with those of which some sources failed."""

    user_id: str
    name: str
    email: str
    searches: int
    failed: int
    zero: int


@dataclass(frozen=True, slots=True)
class Figures:
    """A period. ``zone`` is the time zone of its days, that of who looks where nobody searched on
    any, "" where each user has their own; ``is_everybodys``: people of other zones may not have
    searched on these days, but on others.

    ``hours`` are those of no more than a month, ``weeks`` those of more than a quarter in which
    somebody searched. ``heat`` are searches by weekday (Monday first) and
    hour of the day. Of texts only the most frequent of each day are known: ``unlisted`` searches
    had others than ``popular`` names, and ``unlisted_zero`` that found nothing others than
    ``zero``. So it is with sets of connections and ``unlisted_sources``. ``before`` and
    ``latency_before`` are those of the period before (None: not asked for, or not known of each of
    its days). In ``pauses`` not everything was recorded.
    """

    period: Period
    zone: str = ""
    is_everybodys: bool = False
    counts: Counts = Counts()
    latency: Latency = Latency()
    days: tuple[DayPoint, ...] = ()
    weeks: tuple[WeekPoint, ...] = ()
    hours: tuple[HourPoint, ...] = ()
    heat: tuple[tuple[int, ...], ...] = ()
    modes: tuple[ModeShare, ...] = ()
    sources: tuple[SourceShare, ...] = ()
    unlisted_sources: int = 0
    popular: tuple[PopularQuery, ...] = ()
    unlisted: int = 0
    zero: tuple[ZeroQuery, ...] = ()
    unlisted_zero: int = 0
    causes: tuple[CauseCount, ...] = ()
    reformulations: tuple[Reformulation, ...] = ()
    mended: int = 0
    slowest: tuple[SlowSearch, ...] = ()
    failures: tuple[FailureCount, ...] = ()
    keys: tuple[KeyUse, ...] = ()
    before: Counts | None = None
    latency_before: Latency | None = field(default=None)
    pauses: tuple[Pause, ...] = ()


def monday_of(day: date) -> date:
    """The first day of the ISO week that ``day`` is in."""
    return day - timedelta(days=day.weekday())
