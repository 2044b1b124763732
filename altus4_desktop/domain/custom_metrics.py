"""What somebody counts by the day, and when they want to be told of it.

A metric either counts the past searches that a filter finds, or keeps how many rows a saved search
finds, looked up once a day while the application runs. Its days are those of its owner's time zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery, WeekHour
from altus4_desktop.domain.local_days import day_bounds, day_number, instant_of
from altus4_desktop.domain.recording import Pause, is_paused
from altus4_desktop.domain.searching import SearchMode

MOST_THRESHOLD = 1_000_000_000
_FIRST_RULE = 1


class MetricSource(StrEnum):
    """What is counted."""

    HISTORY = "history"
    SAVED_SEARCH = "saved_search"


class Side(StrEnum):
    """On which side of the threshold a day is told of."""

    ABOVE = "above"
    BELOW = "below"


class DayLack(StrEnum):
    """Why nothing is known of a day, other than by the code of an error."""

    OUTSIDE = "outside"
    """Before the first search, or still to come."""
    NOT_RECORDED = "not_recorded"
    """Nothing was found while not everything was recorded."""
    NOT_LOOKED = "not_looked"
    """The application did not run, or did not get to it."""
    COUNTING = "counting"
    PARTIAL = "partial"
    TOO_MANY = "too_many"
    SEARCH_GONE = "search_gone"
    SEMANTIC = "semantic"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A day is told of when its count is above ``limit``, or below it."""

    side: Side
    limit: int

    def is_crossed(self, count: int) -> bool:
        """Whether a day with that count is told of."""
        return count > self.limit if self.side is Side.ABOVE else count < self.limit


@dataclass(frozen=True, slots=True)
class CustomMetricDraft:
    """What somebody counts: searches that ``history`` finds, its times left out, or the rows of the
    saved search ``saved_search_id``. An empty ``history.user_id`` is everybody for an admin, and
    oneself for others."""

    name: str
    source: MetricSource = MetricSource.HISTORY
    history: HistoryQuery = field(default_factory=HistoryQuery)
    saved_search_id: str = ""
    threshold: Threshold | None = None


@dataclass(frozen=True, slots=True)
class CustomMetric:
    """A row of ``custom_metrics``. Days before ``watched_from`` are not told of."""

    id: str
    user_id: str
    draft: CustomMetricDraft
    watched_from: date
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CountedDay:
    """A row of ``custom_metric_days``: ``found`` None for want of an answer, of which ``lack``
    tells (a `DayLack` or the code of an error); ``is_stale``: to be counted again."""

    day: date
    found: int | None
    lack: str = ""
    looked_at: datetime | None = None
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class MetricDay:
    """A day of a metric: ``found`` is None where nothing is known, and ``lack`` tells why."""

    day: date
    found: int | None
    lack: str = ""


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """A metric over a period, each day of it; ``search_name`` is that of its saved search, None
    when that is gone, or for a metric of the history."""

    metric: CustomMetric
    zone: str
    days: tuple[MetricDay, ...]
    search_name: str | None = None

    @property
    def last(self) -> MetricDay | None:
        """The last day of which something is known."""
        return next((day for day in reversed(self.days) if day.found is not None), None)


@dataclass(frozen=True, slots=True)
class MetricNotice:
    """A day on which a metric crossed its threshold, both as they were then."""

    metric_id: str
    name: str
    day: date
    found: int
    threshold: Threshold


@dataclass(frozen=True, slots=True)
class DeletedMetric:
    """All there was of a metric that was deleted; ``notices``: each, and when it was dismissed."""

    metric: CustomMetric
    days: tuple[CountedDay, ...]
    notices: tuple[tuple[MetricNotice, datetime | None], ...]


def evidence_of(draft: CustomMetricDraft, zone: str, day: date) -> HistoryQuery:
    """The past searches that a metric of the history has counted for that day."""
    begins, ends = day_bounds(zone, day_number(day), day_number(day))
    return replace(draft.history, from_at=instant_of(begins), to_at=instant_of(ends))


def counting_rule(query: HistoryQuery) -> int:
    """By which rule the days of a filter are counted: by another one they are counted anew.

    By the second one nothing was found where all sources answered with their first page; by the
    first one also where searches were cancelled, or had no second page.
    """
    return 2 if query.outcome is HistoryOutcome.NONE else _FIRST_RULE


def is_counted_as_now(document: object) -> bool:
    """Whether the rule in a document of `history_document` is that of now."""
    kept = document.get("rule") if isinstance(document, dict) else None
    return (kept or _FIRST_RULE) == counting_rule(history_of(document))


def history_document(query: HistoryQuery) -> dict[str, Any]:
    """The filter as JSON can hold it, without its times, and the rule it is counted by."""
    document: dict[str, Any] = {
        "text": query.text,
        "connection_id": query.connection_id,
        "mode": query.mode.value if query.mode else "",
        "outcome": query.outcome.value if query.outcome else "",
        "user_id": query.user_id,
        "whole": query.whole,
        "least_ms": query.least_ms,
        "most_ms": query.most_ms,
        "is_finished": query.is_finished,
        "connection_name": query.connection_name,
        "key_id": query.key_id,
        "week_hour": [hour.zone, hour.weekday, hour.hour] if (hour := query.week_hour) else None,
    }
    rule = counting_rule(query)
    return document if rule == _FIRST_RULE else document | {"rule": rule}


def history_of(document: object) -> HistoryQuery:
    """The filter of `history_document`; what is not of its shape narrows nothing down."""
    if not isinstance(document, dict):
        return HistoryQuery()
    mode, outcome = _text(document, "mode"), _text(document, "outcome")
    least_ms, most_ms = document.get("least_ms"), document.get("most_ms")
    return HistoryQuery(
        text=_text(document, "text"),
        connection_id=_text(document, "connection_id"),
        mode=SearchMode(mode) if mode in {*SearchMode} else None,
        outcome=HistoryOutcome(outcome) if outcome in {*HistoryOutcome} else None,
        user_id=_text(document, "user_id"),
        whole=document.get("whole") is True,
        least_ms=least_ms if isinstance(least_ms, int) else 0,
        most_ms=most_ms if isinstance(most_ms, int) else None,
        is_finished=document.get("is_finished") is True,
        connection_name=_text(document, "connection_name"),
        key_id=key_id if isinstance(key_id := document.get("key_id"), str) else None,
        week_hour=_week_hour(document.get("week_hour")),
    )


def _week_hour(found: object) -> WeekHour | None:
    match found:
        case [str() as zone, int() as weekday, int() as hour]:
            return WeekHour(zone, weekday, hour)
    return None


def days_of(
    metric: CustomMetric,
    rows: Mapping[date, CountedDay],
    period: Period,
    known: Period | None,
    *,
    is_begun: bool = True,
    pauses: Sequence[Pause] = (),
) -> tuple[MetricDay, ...]:
    """Each day of ``period``. ``known`` is from the first day to today: once counting has begun, a
    day in it for which the history has no row is one without any searches, unless not everything
    was recorded."""
    by_history = metric.draft.source is MetricSource.HISTORY
    found = []
    for day in period:
        row = rows.get(day)
        if known is None or not known.first <= day <= known.last:
            found.append(MetricDay(day, None, DayLack.OUTSIDE))
        elif by_history and not is_begun:
            found.append(MetricDay(day, None, DayLack.COUNTING))
        elif by_history and not (row and (row.found or row.is_stale)) and is_paused(pauses, day):
            found.append(MetricDay(day, None, DayLack.NOT_RECORDED))
        elif row is not None and row.found is not None:
            found.append(MetricDay(day, row.found))
        elif row is not None:
            lack = DayLack.COUNTING if row.is_stale else row.lack or DayLack.NOT_LOOKED
            found.append(MetricDay(day, None, lack))
        elif by_history:
            found.append(MetricDay(day, 0))
        else:
            found.append(MetricDay(day, None, DayLack.NOT_LOOKED))
    return tuple(found)


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""
