"""What insights are looked for in: the figures of a period, and links to the searches behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.analytics import QUERY_CHARS
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.figures import Figures, Period, ZeroQuery
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.services import insight_rules as rules
from altus4_desktop.services.charts.board import days_link, own_zone

if TYPE_CHECKING:
    from altus4_desktop.domain.connections import Connection


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at: the figures, whose (None: everybody's), and the connections there are."""

    actor: Actor
    figures: Figures
    whose: str | None
    connections: Sequence[Connection]
    token: CancelToken

    @property
    def link(self) -> HistoryQuery:
        """All searches of the period."""
        return self.link_of(self.figures.period)

    @property
    def zero(self) -> Sequence[ZeroQuery]:
        """Texts without result, each once, wherever it was searched."""
        found: dict[tuple[str, str], ZeroQuery] = {}
        for query in self.figures.zero:
            if len(query.text) >= QUERY_CHARS:
                continue
            known = found.setdefault((query.text, query.mode), replace(query, searches=0))
            names = dict.fromkeys((*known.connections, *query.connections))
            found[query.text, query.mode] = replace(
                known, connections=tuple(names), searches=known.searches + query.searches
            )
        return sorted(found.values(), key=lambda query: -query.searches)

    def link_of(self, days: Period) -> HistoryQuery:
        """All searches of these days."""
        return days_link(days, own_zone(self.figures, self.actor.timezone or "UTC"))

    def zero_link(self, text: str) -> HistoryQuery:
        """The searches for ``text`` that found nothing."""
        return replace(self.link, text=text, whole=True, outcome=HistoryOutcome.NONE)

    @property
    def mended(self) -> Mapping[str, str]:
        """Texts that people spelt otherwise after they found nothing, and then did find something;
        of several the one that helped most often."""
        pairs = sorted(self.figures.reformulations, key=lambda pair: pair.mended)
        return {
            pair.before: pair.after
            for pair in pairs
            if pair.mended >= rules.LEAST_REWORDED and rules.is_spelt_alike(pair.before, pair.after)
        }

    def zero_known(self, text: str, mode: str | None = None) -> int:
        """How often the figures by day have ``text`` without result, in all modes or in one."""
        return sum(
            query.searches
            for query in self.figures.zero
            if query.text == text and mode in (None, query.mode)
        )

    def known_of(self, name: str) -> tuple[int, int]:
        """How many searches that asked connections of that name failed, and how many there were, as
        the figures by day have them."""
        shares = [share for share in self.figures.sources if share.connection == name]
        return sum(one.failed for one in shares), sum(one.searches for one in shares)

    def seen(self, link: HistoryQuery) -> HistoryQuery:
        """``link`` as the history answers it to the actor."""
        return link if self.whose is None else replace(link, user_id=self.whose)

    def named(self, name: str) -> Sequence[Connection]:
        """The connections of that name; several people may have one each."""
        return [connection for connection in self.connections if connection.name == name]

    def name_of(self, connection_id: str) -> str:
        """What a connection is called; "" for one that is gone."""
        return next((one.name for one in self.connections if one.id == connection_id), "")

    def ids_of(self, query: ZeroQuery) -> Mapping[str, Sequence[Connection]]:
        """Where it was looked for, by name."""
        return {name: self.named(name) for name in query.connections}


def failure_of(record: SearchRecord, connection: str) -> str | None:
    """The code of the error of a connection in a search; None where it answered."""
    sources = record.params.get("sources")
    for source in sources if isinstance(sources, list) else ():
        if not isinstance(source, dict) or source.get("connection") != connection:
            continue
        code = source.get("error")
        if isinstance(code, str):
            return code
    return None


def asked_ids(record: SearchRecord) -> set[str]:
    """The connections that a search asked, by id."""
    if record.connection_id is not None:
        return {record.connection_id}
    asked = record.params.get("connection_ids")
    return {each for each in asked if isinstance(each, str)} if isinstance(asked, list) else set()
