"""Past searches: which of them, and how they ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from altus4_desktop.domain.filtering import Narrowing
from altus4_desktop.domain.searching import SearchMode, SearchRecord, SearchRequest, TableChoice

SLOW_MS = 1000
"""From how many milliseconds on a search was slow."""

COUNTED_AT_MOST = 100_000
"""So many searches are counted before they are deleted; of more it is said that they are more."""


class HistoryOutcome(StrEnum):
    """How a search ended; one that failed in part may have hits, and any may have been slow.
    ``NONE``: all sources answered, and found nothing on the first page."""

    HITS = "hits"
    NONE = "none"
    FAILED = "failed"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class OwnTime:
    """From ``begins`` to before ``ends`` on the clock of whoever searched, both without a zone."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class WeekHour:
    """An hour of the week as clocks of ``zone`` show it, "": of whoever searched; ``weekday`` 1 is
    Monday."""

    zone: str
    weekday: int
    hour: int


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which past searches: ``text`` are words that begin words of their query, or with ``whole``
    all of it as `fold_query` makes it; ``connection_id`` is one of the connections that were
    searched, ``connection_name`` what one of them was called then; ``to_at`` is exclusive;
    ``least_ms`` and ``most_ms`` (None: any) are how long they took, both included; ``is_finished``:
    none that were cancelled; ``key_id`` is that of an API key, "": without one. ``zones`` are those
    of the people whose own clocks are asked for, which the store fills in."""

    text: str = ""
    connection_id: str = ""
    mode: SearchMode | None = None
    outcome: HistoryOutcome | None = None
    user_id: str = ""
    from_at: datetime | None = None
    to_at: datetime | None = None
    whole: bool = False
    least_ms: int = 0
    most_ms: int | None = None
    is_finished: bool = False
    connection_name: str = ""
    key_id: str | None = None
    week_hour: WeekHour | None = None
    own_time: OwnTime | None = None
    zones: tuple[str, ...] = ()

    def until(self, at: datetime) -> HistoryQuery:
        """The same, without what is searched from ``at`` on."""
        return replace(self, to_at=at if self.to_at is None else min(at, self.to_at))


@dataclass(frozen=True, slots=True)
class HistoryLook:
    """How far a look back has come: ``records`` are all that fits, newest first, of the searches
    from ``back_to`` on."""

    records: tuple[SearchRecord, ...]
    back_to: datetime


def request_of(record: SearchRecord, known: Mapping[str, str]) -> SearchRequest | None:
    """The search of ``record`` to be run again where it was run; ``known`` are the connections
    that there are, by id with their name. Those that are gone are left out; None when all are."""
    params = record.params
    asked = asked_connections(record, known)
    left = tuple(key for key in dict.fromkeys(asked) if key in known)
    if asked and not left:
        return None
    scope = params.get("scope")
    language = params.get("language")
    return SearchRequest(
        record.query,
        record.mode,
        connection_ids=left,
        tables=tuple(_tables(scope if isinstance(scope, list) else params.get("tables"), known)),
        language=language if isinstance(language, str) else "",
        narrowing=Narrowing.from_document(params.get("filters")),
    )


def connection_names(record: SearchRecord, known: Mapping[str, str]) -> list[str]:
    """What the connections that were searched are called (``known``, by id), or were, where that
    was noted."""
    if record.connection_id is not None:
        name = known.get(record.connection_id, "")
        return [name] if name else []
    return _texts(record.params.get("connections"))


def asked_connections(record: SearchRecord, known: Mapping[str, str]) -> list[str]:
    """The ids of the connections that were searched, "" for one that is gone and had but a name;
    ``known`` are those that there are. Empty: it was not noted."""
    if record.connection_id is not None:
        return [record.connection_id]
    asked = _texts(record.params.get("connection_ids"))
    if asked:
        return asked
    by_name = {name: key for key, name in known.items()}
    return [by_name.get(name, "") for name in _texts(record.params.get("connections"))]


def _tables(found: object, known: Collection[str]) -> list[TableChoice]:
    made = []
    for each in found if isinstance(found, list) else ():
        match each:
            case str():
                made.append(TableChoice(each))
            case [str() as table, (str() | None) as key, str() as index]:
                if key is None or key in known:
                    made.append(TableChoice(table, key, index))
    return made


def _texts(found: object) -> list[str]:
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
