"""Past searches: which of them, and how they ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from altus4_desktop.domain.searching import SearchMode

SLOW_MS = 1000
"""From how many milliseconds on a search was slow."""


class HistoryOutcome(StrEnum):
    """How a search ended; one that failed in part may have hits, and any may have been slow."""

    HITS = "hits"
    NONE = "none"
    FAILED = "failed"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which past searches: ``text`` are words that begin words of their query, ``connection_id``
    is one of the connections that were searched, ``to_at`` is exclusive."""

    text: str = ""
    connection_id: str = ""
    mode: SearchMode | None = None
    outcome: HistoryOutcome | None = None
    user_id: str = ""
    from_at: datetime | None = None
    to_at: datetime | None = None
