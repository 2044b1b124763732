"""What is unusual about a period, in words, and the past searches that show it.

The figures by day say what may be worth telling; what is told is then counted by the very filter of
the history that the insight links to, so that both say the same number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.analytics import QUERY_CHARS, Metric
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AccessError
from altus4_desktop.domain.figures import Figures, Period, ZeroQuery
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.insights import (
    MOST_COUNTED,
    Insight,
    InsightKind,
    InsightReport,
    counted,
    rank_insights,
)
from altus4_desktop.domain.local_days import day_bounds, day_number, instant_of
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.domain.zero_causes import ZeroCause
from altus4_desktop.services import insight_rules as rules
from altus4_desktop.services.insight_words import (
    Slowness,
    failing_words,
    fruitless_words,
    misspelt_words,
    nothing_words,
    popular_words,
    reworded_words,
    slower_words,
)
from altus4_desktop.services.near_words import NearWords
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.domain.connections import Connection
    from altus4_desktop.services.analytics import AnalyticsService
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.services.search import SearchService
    from altus4_desktop.services.suggestions import SuggestionsService

# Each costs a look into the history, of millions of searches some tenths of a second.
_TRIED = 4
_TRIED_RUNS = 3
_READ_ROWS = 2_000


class InsightsService:
    """Finds what is unusual: in everybody's searches for an admin, else in the actor's own."""

    def __init__(
        self,
        metadata: MetadataService,
        analytics: AnalyticsService,
        connections: ConnectionsService,
        search: SearchService,
        suggestions: SuggestionsService,
        permissions: Permissions,
        local_server_runs: Callable[[], bool],
    ) -> None:
        self._metadata = metadata
        self._analytics = analytics
        self._connections = connections
        self._permissions = permissions
        self._near_words = NearWords(connections, search, suggestions, local_server_runs)

    def find_(
        self, actor: Actor, period: Period, token: CancelToken | None = None
    ) -> InsightReport:
        """What is unusual about ``period``, compared with as many days before it.

        `insight_rules` says what is. Of texts that found nothing the actor's own connections are
        asked for words like theirs, for a few seconds in all, unless the actor may not search; one
        that is down is not asked. Blocks: for a worker thread. Raises AccessError, StoreError,
        Cancelled.
        """
        actor = self._permissions.check(actor, Right.ANALYSE)
        token = token or CancelToken()
        figures = self._analytics.figures_(actor, period, compare=True)
        whose = None if self._permissions.owns(actor, "") else actor.user_id
        look = _Look(actor, figures, whose, self._list_connections(actor), token)
        failing = list(self._find_failing(look))
        slower = list(self._find_slower(look))
        down = {insight.link.connection_id for insight in failing if insight.link is not None}
        misspelt, unasked = self._find_misspelt(look, down)
        explained = {_text_of(insight) for insight in misspelt}
        reworded = self._find_reworded(look, explained)
        explained |= {_text_of(insight) for insight in reworded}
        nothing = list(self._find_nothing(look, explained))
        explained |= {_text_of(insight) for insight in nothing}
        found = (
            *failing,
            *slower,
            *self._find_fruitless(look),
            *misspelt,
            *reworded,
            *nothing,
            *self._find_popular(look, explained),
        )
        return InsightReport(rank_insights(found), unasked)

    def _list_connections(self, actor: Actor) -> Sequence[Connection]:
        """None for a key that may not search: it may not read connections either."""
        try:
            return self._connections.list_(actor)
        except AccessError:
            return ()

    # -- what does not answer --------------------------------------------------------------------

    def _find_failing(self, look: _Look) -> Iterator[Insight]:
        if sum(failure.searches for failure in look.figures.failures) < rules.LEAST_FAILED:
            return
        # The figures by day do not tell connections of one name apart, which several people have.
        records = self._read(look, replace(look.link, outcome=HistoryOutcome.FAILED))
        likely: dict[str, list[str | None]] = {}
        for record in records:
            for connection_id in _asked_ids(record):
                code = _failure_of(record, look.name_of(connection_id))
                likely.setdefault(connection_id, []).append(code)
        often = sorted(likely.items(), key=lambda item: -len(item[1]))
        for connection_id, codes in often[:_TRIED]:
            name = look.name_of(connection_id)
            here = Counter(code for code in codes if code is not None)
            # Another connection may be at fault where several were asked.
            least = max(rules.LEAST_FAILED, rules.EXPLAINED * len(codes))
            if not name or here.total() < least:
                continue
            asked = replace(look.link, connection_id=connection_id)
            link = replace(asked, outcome=HistoryOutcome.FAILED)
            count, searches = self._count(look, link), self._count(look, asked)
            if count < rules.FAILED_SHARE * searches:
                continue
            yield Insight(
                InsightKind.FAILING,
                failing_words(counted(count), counted(searches), name, here.most_common(1)[0][0]),
                link,
                count,
                weight=3.0 * count,
            )

    # -- what takes longer -----------------------------------------------------------------------

    def _find_slower(self, look: _Look) -> Iterator[Insight]:
        period = look.figures.period
        lead = timedelta(days=2 * rules.DAYS_BEFORE)
        days = self._analytics.figures_(
            look.actor, Period(period.first - lead, period.last), metrics=[Metric.LATENCY]
        ).days
        runs = rules.find_rises(days, period)
        by_day = {point.day: point.latency.searches for point in days}
        runs.sort(key=lambda run: -sum(by_day.get(day, 0) for day in run[0]))
        for run, days_before in runs[:_TRIED_RUNS]:
            look.token.raise_if_cancelled()
            metrics = (Metric.LATENCY, Metric.SOURCES, Metric.MODES, Metric.DAILY_SEARCHES)
            now = self._analytics.figures_(look.actor, run, metrics=metrics)
            before = self._analytics.figures_(
                look.actor, days_before, metrics=[Metric.LATENCY]
            ).latency
            from_ms = rules.slow_from_ms(before)
            link = replace(look.link_of(run), least_ms=from_ms)
            slow = self._count(look, link)
            if not rules.is_slower(now.latency, before, slow):
                continue
            told = Slowness(run, now.latency.p95_ms or 0.0, before.p95_ms or 0.0, slow, from_ms)
            group = self._explain_slow(look, now, link, slow)
            if group is not None:
                link = _of_group(link, group)
                part = self._count(look, link)
                told = replace(told, by=group.by, who=self._name_of(look, group), part=part)
            yield Insight(
                InsightKind.SLOWER,
                slower_words(told),
                link,
                told.part if group is not None else slow,
                weight=float(slow),
            )

    def _explain_slow(
        self, look: _Look, now: Figures, link: HistoryQuery, slow: int
    ) -> rules.Group | None:
        """The connection, mode or user that accounts for the slow searches of ``link``."""
        if slow > _READ_ROWS:
            return None
        by: Counter[tuple[str, str]] = Counter()
        for record in self._read(look, link):
            by["mode", record.mode.value] += 1
            by["user", record.user_id] += 1
            for connection_id in _asked_ids(record):
                by["connection", connection_id] += 1
        groups = []
        for (kind, key), count in by.items():
            if count < rules.EXPLAINED * slow:
                continue
            whole = self._count(
                look, _of_group(replace(link, least_ms=0), rules.Group(kind, key, 0, 0))
            )
            groups.append(rules.Group(kind, key, whole, count))
        known = [group for group in groups if self._name_of(look, group)]
        return rules.explaining_group(known, now.counts.searches, slow)

    def _name_of(self, look: _Look, group: rules.Group) -> str:
        """What a group is called; "" for what is gone."""
        if group.by == "mode":
            return group.key
        if group.by == "connection":
            return look.name_of(group.key)
        user = self._metadata.store.users.find_(group.key)
        return user.email if user is not None else ""

    # -- what is searched ------------------------------------------------------------------------

    def _find_popular(self, look: _Look, explained: Collection[str]) -> Iterator[Insight]:
        figures, before = look.figures, look.figures.before
        if before is None or not self._is_known(look, figures.period.before()):
            return
        likely = [
            query
            for query in figures.popular
            if query.before is not None
            and query.text not in explained
            and len(query.text) < QUERY_CHARS
            and rules.has_become_popular(
                query.searches, query.before, figures.counts.searches, before.searches
            )
        ]
        for query in likely[:_TRIED]:
            link = replace(look.link, text=query.text, whole=True)
            now = self._count(look, link)
            earlier = look.link_of(figures.period.before())
            was = self._count(look, replace(earlier, text=query.text, whole=True))
            if not rules.has_become_popular(now, was, figures.counts.searches, before.searches):
                continue
            yield Insight(
                InsightKind.POPULAR,
                popular_words(counted(now), query.text, counted(was)),
                link,
                now,
                weight=0.25 * now,
            )

    def _is_known(self, look: _Look, days: Period) -> bool:
        first = self._analytics.first_day(look.actor)
        return first is not None and first <= days.first

    # -- what is not found -----------------------------------------------------------------------

    def _find_fruitless(self, look: _Look) -> Iterator[Insight]:
        now, before = look.figures.counts, look.figures.before
        if before is None or not rules.is_more_fruitless(now, before):
            return
        # The history takes for nothing what was cancelled before it found anything, too.
        link = replace(look.link, outcome=HistoryOutcome.NONE)
        is_same = self._count(look, link) == now.zero
        usual = before.zero / before.searches * now.searches
        yield Insight(
            InsightKind.FRUITLESS,
            fruitless_words(now.zero, now.searches, before.zero, before.searches),
            link if is_same else None,
            now.zero if is_same else 0,
            chart="" if is_same else "searches",
            weight=2.0 * (now.zero - usual),
        )

    def _find_misspelt(
        self, look: _Look, down: Collection[str]
    ) -> tuple[list[Insight], tuple[str, ...]]:
        sure = {
            (known.text, known.mode)
            for known in look.figures.causes
            if known.cause not in (ZeroCause.ABSENT, ZeroCause.OPERATORS)
        }
        likely = [
            query
            for query in look.zero
            if query.searches >= rules.LEAST_MISSPELT and (query.text, query.mode) not in sure
        ]
        found: list[Insight] = []
        with self._near_words.asking(look.actor, down, look.token) as asking:
            for query in likely[: 2 * _TRIED]:
                near = asking.find(query.text, _mode(query.mode), look.ids_of(query))
                if near is None:
                    continue
                link = look.zero_link(query.text)
                count = self._count(look, link)
                if count < rules.LEAST_MISSPELT:
                    continue
                words = misspelt_words(
                    counted(count),
                    query.text,
                    near.request.query,
                    near.rows,
                    at_least=near.at_least,
                )
                found.append(
                    Insight(
                        InsightKind.MISSPELT,
                        words,
                        link,
                        count,
                        retry=near.request,
                        weight=2.0 * count,
                    )
                )
            return found, asking.unasked

    def _find_reworded(self, look: _Look, explained: Collection[str]) -> list[Insight]:
        figures = look.figures
        # Days with many pairs keep the most frequent: of the others nobody knows.
        is_whole = sum(pair.mended for pair in figures.reformulations) == figures.mended
        likely = [
            pair
            for pair in figures.reformulations
            if pair.mended >= rules.LEAST_REWORDED
            and pair.before not in explained
            and max(len(pair.before), len(pair.after)) < QUERY_CHARS
        ]
        likely.sort(key=lambda pair: -pair.mended)
        often = {query.text: query.searches for query in figures.popular}
        found: dict[str, Insight] = {}
        for pair in likely[:_TRIED]:
            link = look.zero_link(pair.before)
            count = self._count(look, link)
            after = often.get(pair.after, pair.mended)
            is_so = rules.is_reworded(pair.mended, count, after, figures.counts.searches)
            if pair.before in found or not is_so:
                continue
            found[pair.before] = Insight(
                InsightKind.REWORDED,
                reworded_words(
                    counted(count), pair.before, pair.after, pair.mended, at_least=not is_whole
                ),
                link,
                count,
                weight=float(pair.mended),
            )
        return list(found.values())

    def _find_nothing(self, look: _Look, explained: Collection[str]) -> Iterator[Insight]:
        likely = [
            known
            for known in look.figures.causes
            if known.searches >= rules.LEAST_NOTHING
            and known.text not in explained
            and len(known.text) < QUERY_CHARS
            and known.cause in {*ZeroCause}
        ]
        for known in likely[:_TRIED]:
            link = replace(look.zero_link(known.text), mode=_mode(known.mode))
            count = self._count(look, link)
            if count < rules.LEAST_NOTHING or known.searches < rules.CAUSE_SHARE * count:
                continue
            yield Insight(
                InsightKind.NOTHING,
                nothing_words(counted(count), known.text, ZeroCause(known.cause)),
                link,
                count,
                weight=float(count),
            )

    # -- the history -----------------------------------------------------------------------------

    def _count(self, look: _Look, link: HistoryQuery) -> int:
        look.token.raise_if_cancelled()
        return self._metadata.store.searches.count_(look.seen(link), MOST_COUNTED + 1)

    def _read(self, look: _Look, link: HistoryQuery) -> Sequence[SearchRecord]:
        look.token.raise_if_cancelled()
        return self._metadata.store.searches.page_(look.seen(link), limit=_READ_ROWS)


@dataclass(frozen=True, slots=True)
class _Look:
    """What is looked at: the figures, whose (None: everybody's), and the connections there are."""

    actor: Actor
    figures: Figures
    whose: str | None
    connections: Sequence[Connection]
    token: CancelToken

    @property
    def zone(self) -> str:
        return self.figures.zone or self.actor.timezone or "UTC"

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
        begins, ends = day_bounds(self.zone, day_number(days.first), day_number(days.last))
        return HistoryQuery(from_at=instant_of(begins), to_at=instant_of(ends))

    def zero_link(self, text: str) -> HistoryQuery:
        """The searches for ``text`` that found nothing."""
        return replace(self.link, text=text, whole=True, outcome=HistoryOutcome.NONE)

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


def _of_group(link: HistoryQuery, group: rules.Group) -> HistoryQuery:
    match group.by:
        case "connection":
            return replace(link, connection_id=group.key)
        case "mode":
            return replace(link, mode=SearchMode(group.key))
    return replace(link, user_id=group.key)


def _failure_of(record: SearchRecord, connection: str) -> str | None:
    """The code of the error of a connection in a search; None where it answered."""
    sources = record.params.get("sources")
    for source in sources if isinstance(sources, list) else ():
        if not isinstance(source, dict) or source.get("connection") != connection:
            continue
        code = source.get("error")
        if isinstance(code, str):
            return code
    return None


def _asked_ids(record: SearchRecord) -> set[str]:
    """The connections that a search asked, by id."""
    if record.connection_id is not None:
        return {record.connection_id}
    asked = record.params.get("connection_ids")
    return {each for each in asked if isinstance(each, str)} if isinstance(asked, list) else set()


def _mode(name: str) -> SearchMode:
    try:
        return SearchMode(name)
    except ValueError:
        return SearchMode.NATURAL


def _text_of(insight: Insight) -> str:
    return insight.link.text if insight.link is not None else ""
