"""Hits under heads, one for each source; pure functions over records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QCoreApplication

from altus4_desktop.domain.searching import SearchHit, SourceRef, SourceReport, SourceState
from altus4_desktop.ui.times import duration

GroupKey = tuple[str, str]
"""Connection and table, whichever index found the rows."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the ``count`` hits of a source; ``state`` says in words how it answered."""

    key: GroupKey
    source: SourceRef
    count: int
    state: str = ""
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Grouping:
    """What the rows of the list show: the place of a hit, or ``~number`` of a head."""

    rows: Sequence[int]
    heads: tuple[Head, ...] = field(default=())


def group_key(source: SourceRef) -> GroupKey:
    """The group that a source's hits stand in."""
    return (source.connection_id or source.connection, source.table)


def group_by_source(
    hits: Sequence[SearchHit],
    places: Iterable[int],
    folded: Collection[GroupKey] = (),
    states: Mapping[GroupKey, str] | None = None,
) -> Grouping:
    """The hits at ``places`` under heads, in the order of each source's first one.

    Within a head they keep the order of ``places``; folded groups show their head alone.
    """
    groups: dict[GroupKey, list[int]] = {}
    for place in places:
        groups.setdefault(group_key(hits[place].source), []).append(place)
    rows: list[int] = []
    heads: list[Head] = []
    for key, members in groups.items():
        state = states.get(key, "") if states else ""
        rows.append(~len(heads))
        heads.append(Head(key, hits[members[0]].source, len(members), state, key in folded))
        if key not in folded:
            rows += members
    return Grouping(rows, tuple(heads))


def count_text(count: int) -> str:
    """How many hits a group has."""
    if count == 1:
        return QCoreApplication.translate("Groups", "1 hit")
    return QCoreApplication.translate("Groups", "{count} hits").format(count=count)


def head_text(head: Head) -> str:
    """What a head says besides its source."""
    return f"{count_text(head.count)}, {head.state}" if head.state else count_text(head.count)


def state_texts(reports: Iterable[SourceReport]) -> dict[GroupKey, str]:
    """How each group's sources have answered, in words; the slowest index gives the time."""
    of_group: dict[GroupKey, dict[SourceState, float]] = {}
    for report in reports:
        states = of_group.setdefault(group_key(report.source), {})
        states[report.state] = max(states.get(report.state, 0.0), report.elapsed_ms)
    return {
        key: ", ".join(
            _state_text(state, states[state]) for state in SourceState if state in states
        )
        for key, states in of_group.items()
    }


def _state_text(state: SourceState, elapsed_ms: float) -> str:
    match state:
        case SourceState.QUEUED:
            return QCoreApplication.translate("Groups", "waiting")
        case SourceState.RUNNING:
            return QCoreApplication.translate("Groups", "searching")
        case SourceState.OK:
            text = QCoreApplication.translate("Groups", "answered in {time}")
            return text.format(time=duration(elapsed_ms))
        case SourceState.FAILED:
            return QCoreApplication.translate("Groups", "failed")
        case SourceState.TIMED_OUT:
            return QCoreApplication.translate("Groups", "timed out")
        case SourceState.CANCELLED:
            return QCoreApplication.translate("Groups", "stopped")
