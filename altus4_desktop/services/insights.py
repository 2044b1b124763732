"""What is unusual about a period, in words, and the past searches that show it.

The figures by day say what may be worth telling; what is told is then counted by the very filter of
the history that the insight links to, so that both say the same number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.analytics import QUERY_CHARS, Metric, fold_query
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AccessError
from altus4_desktop.domain.figures import Figures, Period
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.insights import (
    MOST_COUNTED,
    Insight,
    InsightKind,
    InsightReport,
    counted,
    rank_insights,
)
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.domain.zero_causes import ZeroCause
from altus4_desktop.services import insight_rules as rules
from altus4_desktop.services.insight_look import Look, asked_ids, failure_of
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
from altus4_desktop.services.recording import kept_whole_since

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
        whole = kept_whole_since(self._metadata, whose, datetime.now(UTC))
        if whole is not None and period.before().first < whole:
            # There was more on days that people let go of.
            figures = replace(figures, before=None)
        look = Look(actor, figures, whose, self._list_connections(actor), token)
        failing = list(self._find_failing(look))
        slower = list(self._find_slower(look))
        down = {insight.link.connection_id for insight in failing if insight.link is not None}
        in_other_words = self._find_reworded(look)
        afters = {text: after for text, (after, _) in in_other_words.items()}
        misspelt, unasked = self._find_misspelt(look, down, afters)
        explained = {_text_of(insight) for insight in misspelt}
        reworded = [one for text, (_, one) in in_other_words.items() if text not in explained]
        explained |= {*in_other_words}
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

    def _find_failing(self, look: Look) -> Iterator[Insight]:
        if sum(failure.searches for failure in look.figures.failures) < rules.LEAST_FAILED:
            return
        for connection_id, codes in self._likely_to_fail(look)[:_TRIED]:
            name = look.name_of(connection_id)
            here = Counter(code for code in codes if code is not None)
            # Another connection may be at fault where several were asked.
            least = max(rules.LEAST_FAILED, rules.EXPLAINED * len(codes))
            if not name or here.total() < least:
                continue
            asked = replace(look.link, connection_id=connection_id)
            link = replace(asked, outcome=HistoryOutcome.FAILED)
            count, searches = self._count(look, link), self._count(look, asked)
            failed, every = look.known_of(name)
            if len(look.named(name)) > 1:
                # Which of them has failed how often, no figures say.
                failed = min(count, failed)
            if not _fails_often(count, searches, failed, every):
                continue
            said = counted(count, failed), counted(searches, every)
            if len(look.named(name)) > 1:
                said = counted(count), counted(searches)
            yield Insight(
                InsightKind.FAILING,
                failing_words(*said, name, _most_often(here)),
                link,
                _best(count, failed),
                weight=3.0 * _best(count, failed),
            )

    def _likely_to_fail(self, look: Look) -> list[tuple[str, list[str | None]]]:
        """Connections by id, each with the codes of its newest searches that failed, None where
        another one failed."""
        # The figures by day do not tell connections of one name apart, which several people have.
        records = self._read(look, replace(look.link, outcome=HistoryOutcome.FAILED))
        likely: dict[str, list[str | None]] = {}
        for record in records:
            for connection_id in asked_ids(record):
                code = failure_of(record, look.name_of(connection_id))
                likely.setdefault(connection_id, []).append(code)
        often = sorted(likely.items(), key=lambda item: -len(item[1]))
        if len(records) < _READ_ROWS:
            return often
        # Others may have failed before the newest that were read.
        failures: Counter[str] = Counter()
        for failure in look.figures.failures:
            failures[failure.connection] += failure.searches
        named = [one.id for name, _ in failures.most_common() for one in look.named(name)]
        ids = [*dict.fromkeys((*named, *(key for key, _ in often)))]
        return [(key, self._codes_of(look, key)) for key in ids[:_TRIED]]

    def _codes_of(self, look: Look, connection_id: str) -> list[str | None]:
        link = replace(look.link, outcome=HistoryOutcome.FAILED, connection_id=connection_id)
        name = look.name_of(connection_id)
        return [failure_of(record, name) for record in self._read(look, link)]

    # -- what takes longer -----------------------------------------------------------------------

    def _find_slower(self, look: Look) -> Iterator[Insight]:
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
            if not rules.is_slower(now.latency, before, rules.count_slow(now.latency, from_ms)):
                continue
            link = replace(look.link_of(run), least_ms=from_ms, is_finished=True)
            groups = self._count_groups(look, link)
            slow = sum(count for (kind, _), count in groups.items() if kind == "mode")
            if slow < rules.LEAST_SLOW:
                continue
            told = Slowness(run, now.latency.p95_ms or 0.0, before.p95_ms or 0.0, slow, from_ms)
            group = self._explain_slow(look, now, groups, slow)
            if group is not None:
                link = _of_group(link, group)
                told = replace(told, by=group.by, who=self._name_of(look, group), part=group.slow)
            yield Insight(
                InsightKind.SLOWER,
                slower_words(told),
                link,
                told.part if group is not None else slow,
                weight=float(slow),
            )

    def _explain_slow(
        self, look: Look, now: Figures, groups: Mapping[tuple[str, str], int], slow: int
    ) -> rules.Group | None:
        """The connection, mode or user that accounts for the ``slow`` searches of these days."""
        found = []
        for (kind, key), count in groups.items():
            group = rules.Group(kind, key, 0, count)
            if count >= rules.EXPLAINED * slow and self._name_of(look, group):
                found.append(replace(group, searches=self._count_whole(look, now, group)))
        return rules.explaining_group(found, now.counts.searches, slow)

    def _count_whole(self, look: Look, now: Figures, group: rules.Group) -> int:
        """How many searches there were of a group; what the history has too many of to count is
        known by days."""
        count = self._count(look, _of_group(look.link_of(now.period), group))
        if count <= MOST_COUNTED:
            return count
        match group.by:
            case "mode":
                known = sum(mode.searches for mode in now.modes if mode.mode == group.key)
            case "connection":
                name = look.name_of(group.key)
                known = sum(one.searches for one in now.sources if one.connection == name)
            case _:
                daily = [Metric.DAILY_SEARCHES]
                user = self._analytics.figures_(look.actor, now.period, group.key, metrics=daily)
                known = user.counts.searches
        return max(count, known)

    def _name_of(self, look: Look, group: rules.Group) -> str:
        """What a group is called; "" for what is gone."""
        if group.by == "mode":
            return group.key if group.key in {*SearchMode} else ""
        if group.by == "connection":
            return look.name_of(group.key)
        user = self._metadata.store.users.find_(group.key)
        return user.email if user is not None else ""

    # -- what is searched ------------------------------------------------------------------------

    def _find_popular(self, look: Look, explained: Collection[str]) -> Iterator[Insight]:
        figures, before = look.figures, look.figures.before
        if before is None:
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
            known, known_before = query.searches, query.before or 0
            if not rules.has_become_popular(
                _best(now, known),
                _best(was, known_before),
                figures.counts.searches,
                before.searches,
            ):
                continue
            yield Insight(
                InsightKind.POPULAR,
                popular_words(counted(now, known), query.text, counted(was, known_before)),
                link,
                _best(now, known),
                weight=0.25 * _best(now, known),
            )

    # -- what is not found -----------------------------------------------------------------------

    def _find_fruitless(self, look: Look) -> Iterator[Insight]:
        now, before = look.figures.counts, look.figures.before
        if before is None or not rules.is_more_fruitless(now, before):
            return
        # Searches may have come or gone since they were counted.
        link = replace(look.link, outcome=HistoryOutcome.NONE)
        is_same = self._count(look, link) == min(now.zero, MOST_COUNTED + 1)
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
        self, look: Look, down: Collection[str], afters: Mapping[str, str]
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
        told: set[str] = set()
        with self._near_words.asking(look.actor, down, look.token) as asking:
            for query in likely[: 2 * _TRIED]:
                # What is told counts all modes, of which each may have a query.
                if query.text in told:
                    continue
                meant = look.mended.get(query.text)
                near = asking.find(query.text, _mode(query.mode), look.ids_of(query), meant)
                if near is None:
                    continue
                # What people did find says more than what only looks like it.
                found_as = fold_query(near.request.query)
                if afters.get(query.text, found_as) != found_as:
                    continue
                link = look.zero_link(query.text)
                count = self._count(look, link)
                if count < rules.LEAST_MISSPELT:
                    continue
                told.add(query.text)
                known = look.zero_known(query.text)
                words = misspelt_words(
                    counted(count, known),
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
                        _best(count, known),
                        retry=near.request,
                        weight=2.0 * _best(count, known),
                    )
                )
            return found, asking.unasked

    def _find_reworded(self, look: Look) -> dict[str, tuple[str, Insight]]:
        """By the text that found nothing, the one that people searched instead."""
        figures = look.figures
        likely = [
            pair
            for pair in figures.reformulations
            if pair.mended >= rules.LEAST_REWORDED
            and max(len(pair.before), len(pair.after)) < QUERY_CHARS
        ]
        likely.sort(key=lambda pair: -pair.mended)
        often = {query.text: query.searches for query in figures.popular}
        found: dict[str, tuple[str, Insight]] = {}
        for pair in likely[:_TRIED]:
            link = look.zero_link(pair.before)
            count = self._count(look, link)
            after = often.get(pair.after, pair.mended)
            searches = _best(count, look.zero_known(pair.before))
            is_so = rules.is_reworded(pair.mended, searches, after, figures.counts.searches)
            if pair.before in found or not is_so:
                continue
            words = reworded_words(
                counted(count, searches),
                pair.before,
                pair.after,
                pair.mended,
                at_least=not pair.is_exact,
            )
            told = Insight(InsightKind.REWORDED, words, link, searches, weight=float(pair.mended))
            found[pair.before] = pair.after, told
        return found

    def _find_nothing(self, look: Look, explained: Collection[str]) -> Iterator[Insight]:
        by_mode: dict[tuple[str, ZeroCause], Counter[str]] = {}
        for known in look.figures.causes:
            is_asked = known.text not in explained and len(known.text) < QUERY_CHARS
            if is_asked and known.cause in {*ZeroCause}:
                modes = by_mode.setdefault((known.text, ZeroCause(known.cause)), Counter())
                modes[known.mode] += known.searches
        likely = [
            (text, cause, modes)
            for (text, cause), modes in by_mode.items()
            if modes.total() >= rules.LEAST_NOTHING
        ]
        likely.sort(key=lambda one: -one[2].total())
        told: set[str] = set()
        for text, cause, modes in likely[:_TRIED]:
            if text in told:
                continue
            (mode, most), *others = modes.most_common()
            insight = None
            if others:
                insight = self._explain_nothing(look, look.zero_link(text), cause, modes.total())
                if insight is not None:
                    told.add(text)
            if insight is None:
                # In other modes it is not known why.
                link = replace(look.zero_link(text), mode=_mode(mode))
                insight = self._explain_nothing(look, link, cause, most)
            if insight is not None:
                yield insight

    def _explain_nothing(
        self, look: Look, link: HistoryQuery, cause: ZeroCause, explained: int
    ) -> Insight | None:
        """None when the ``cause`` is that of too small a part of the searches behind ``link``:
        ``explained`` of them have it."""
        count = self._count(look, link)
        searches = _best(count, look.zero_known(link.text, link.mode))
        if count < rules.LEAST_NOTHING or explained < rules.CAUSE_SHARE * searches:
            return None
        words = nothing_words(counted(count, searches), link.text, cause)
        return Insight(InsightKind.NOTHING, words, link, searches, weight=float(searches))

    # -- the history -----------------------------------------------------------------------------

    def _count(self, look: Look, link: HistoryQuery) -> int:
        look.token.raise_if_cancelled()
        return self._metadata.store.searches.count_(look.seen(link), MOST_COUNTED + 1)

    def _count_groups(self, look: Look, link: HistoryQuery) -> Mapping[tuple[str, str], int]:
        look.token.raise_if_cancelled()
        ids = {connection.id for connection in look.connections}
        return self._metadata.store.searches.count_groups_(look.seen(link), ids)

    def _read(self, look: Look, link: HistoryQuery) -> Sequence[SearchRecord]:
        look.token.raise_if_cancelled()
        return self._metadata.store.searches.page_(look.seen(link), limit=_READ_ROWS)


def _best(count: int, known: int) -> int:
    """What the history has counted; beyond what it counts, the figures by day know more."""
    return count if count <= MOST_COUNTED else max(count, known)


def _fails_often(count: int, searches: int, failed: int, every: int) -> bool:
    """Whether ``count`` of ``searches`` are too many; where not all of them were counted, whether
    ``failed`` of ``every`` are as well, which may be those of other connections of that name."""
    if searches <= MOST_COUNTED:
        return count >= rules.FAILED_SHARE * searches
    return min(_best(count, failed), failed) >= rules.FAILED_SHARE * max(every, searches)


def _most_often(codes: Counter[str]) -> str:
    return codes.most_common(1)[0][0]


def _of_group(link: HistoryQuery, group: rules.Group) -> HistoryQuery:
    match group.by:
        case "connection":
            return replace(link, connection_id=group.key)
        case "mode":
            return replace(link, mode=SearchMode(group.key))
    return replace(link, user_id=group.key)


def _mode(name: str) -> SearchMode:
    try:
        return SearchMode(name)
    except ValueError:
        return SearchMode.NATURAL


def _text_of(insight: Insight) -> str:
    return insight.link.text if insight.link is not None else ""
