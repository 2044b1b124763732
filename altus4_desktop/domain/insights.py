"""Insights: what is unusual about a period, a sentence each, with the searches that show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from altus4_desktop.domain.history import HistoryQuery
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.domain.searching import SearchRequest

MOST_SHOWN = 8
"""How many insights a period has at most."""
MOST_OF_A_KIND = 3
MOST_COUNTED = 10_000
"""Up to how many searches are counted for a sentence."""
_SHOWN_CHARS = 60


class InsightKind(StrEnum):
    """What an insight is about."""

    FAILING = "failing"
    """A connection does not answer."""
    SLOWER = "slower"
    """Searches took longer for some days."""
    FRUITLESS = "fruitless"
    """More of all searches find nothing."""
    MISSPELT = "misspelt"
    """A text is not there, one like it is."""
    NOTHING = "nothing"
    """A text finds nothing, and it is known why."""
    REWORDED = "reworded"
    """People find what they look for in other words."""
    POPULAR = "popular"
    """A text is searched much more often."""


@dataclass(frozen=True, slots=True)
class Insight:
    """One insight; ``remark`` says it, with every figure among its details.

    ``link`` finds the ``linked`` past searches that the sentence counts, beyond `MOST_COUNTED`
    perhaps not all of them; without a link the chart named ``chart`` has the figures.
    ``retry`` is the search that may have been meant. ``weight`` puts insights in order: about how
    many searches suffered, and how badly.
    """

    kind: InsightKind
    remark: Remark
    link: HistoryQuery | None = None
    linked: int = 0
    chart: str = ""
    retry: SearchRequest | None = None
    weight: float = 0.0

    @property
    def text(self) -> str:
        """The sentence."""
        return self.remark.text


@dataclass(frozen=True, slots=True)
class InsightReport:
    """The insights of a period, the weightiest first.

    ``unasked`` are names of connections that could not be asked for words like the misspelt ones:
    they are down, too slow, or not the actor's.
    """

    insights: tuple[Insight, ...] = ()
    unasked: tuple[str, ...] = ()


def shown(text: str) -> str:
    """``text`` on one line, as much of it as a sentence has room for."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…"


def counted(searches: int, known: int = 0) -> str:
    """A number of searches, of which none beyond `MOST_COUNTED` was counted; of those there were
    ``known`` at least, as other figures say."""
    if searches <= MOST_COUNTED:
        return f"{searches:,}"
    return f"at least {known:,}" if known > MOST_COUNTED else f"more than {MOST_COUNTED:,}"


def rank_insights(insights: Iterable[Insight]) -> tuple[Insight, ...]:
    """The weightiest of all kinds: `MOST_SHOWN`, no more than `MOST_OF_A_KIND` of each."""
    kept: list[Insight] = []
    for insight in sorted(insights, key=lambda one: (-one.weight, one.kind, one.text)):
        if sum(one.kind is insight.kind for one in kept) < MOST_OF_A_KIND:
            kept.append(insight)
    return tuple(kept[:MOST_SHOWN])
