"""Explains one hit: where its words are, how rare they are, and what gave it its place."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.explaining import Contribution, Explanation, Part, TermUse
from altus4_desktop.search.fusion import RANK_CONSTANT
from altus4_desktop.search.snippets import MAX_MATCHES_PER_COLUMN, Highlighter
from altus4_desktop.search.terms import Fate, Term, index_rules, read_terms
from altus4_desktop.services.table_samples import searched_columns

if TYPE_CHECKING:
    from altus4_desktop.domain.accounts import Actor
    from altus4_desktop.domain.cancel import CancelToken
    from altus4_desktop.domain.schema import DatabaseSchema, FulltextIndex, TableInfo
    from altus4_desktop.domain.searching import RankingReason, SearchHit, SourceWeight
    from altus4_desktop.mysql.pools import TenantPools
    from altus4_desktop.search.terms import IndexRules
    from altus4_desktop.services.connections import ConnectionsService

# A person waits for it: what a server has not counted by then is said to be uncounted.
COUNTING_S = 3.0
COUNTED_TERMS = 16
_KEPT_S = 300.0
_KEPT_UNCOUNTED_S = 30.0
_KEPT_COUNTS = 5000

_Asked = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Count:
    """A number of rows, None when the server did not count them in time."""

    number: int | None
    ends_at: float


class HitExplainer:
    """Counts on demand; a count is kept for five minutes."""

    def __init__(self, connections: ConnectionsService, pools: TenantPools) -> None:
        self._connections = connections
        self._pools = pools
        self._lock = threading.Lock()
        self._counts: OrderedDict[_Asked, _Count] = OrderedDict()
        connections.when_forgotten_(self.clear)

    def clear(self, connection_id: str | None = None) -> None:
        """Forget every count, or those of one connection."""
        with self._lock:
            for asked in [a for a in self._counts if connection_id in {None, a[0]}]:
                del self._counts[asked]

    def explain(
        self,
        actor: Actor,
        hit: SearchHit,
        query: str,
        token: CancelToken,
        *,
        boolean: bool,
        weights: Sequence[SourceWeight] = (),
    ) -> Explanation:
        """Why ``hit`` was found by ``query``, which has been cleaned, and what ``weights`` did.

        Raises what `ConnectionsService.target_` raises, `TenantError` for a server that cannot be
        reached, `Cancelled`.
        """
        schema = self._connections.schema_(actor, hit.source.connection_id, token)
        table = schema.table(hit.source.table)
        if hit.reason is not None:
            searched = searched_columns(table) if table is not None else ()
            return replace(_by_reason(hit, hit.reason), weights=_of_hit(weights, hit, searched))
        index = _index(table, hit.source.index)
        terms: tuple[TermUse, ...] = ()
        uncounted = ""
        if table is not None and index is not None:
            parser = index.parser
            if parser is None:
                parsers = self._connections.parsers_(
                    actor, hit.source.connection_id, table.name, token
                )
                parser = parsers.get(index.name, "")
            rules = index_rules(table, schema.fulltext, schema.flavour, parser)
            read = [t for t in read_terms(query, rules, boolean=boolean) if not t.excluded]
            counts, uncounted = self._count(actor, hit, schema, table, index, read, token)
            terms = tuple(
                _use(term, hit, index, rules, counts.get(_asked_text(term)), boolean=boolean)
                for term in read
            )
        return Explanation(
            terms=terms,
            contributions=(Contribution(Part.RANK, hit.score),),
            score=hit.score,
            weight=hit.score * (RANK_CONSTANT + hit.source_rank),
            source_score=hit.source_score,
            source_rank=hit.source_rank,
            table_rows=table.estimated_rows if table is not None else None,
            uncounted=uncounted,
            weights=_of_hit(weights, hit, index.columns if index is not None else ()),
            factor=hit.factor,
        )

    def _count(
        self,
        actor: Actor,
        hit: SearchHit,
        schema: DatabaseSchema,
        table: TableInfo,
        index: FulltextIndex,
        terms: list[Term],
        token: CancelToken,
    ) -> tuple[dict[str, int], str]:
        """How many rows have each term, by what was asked, and why some are missing."""
        from altus4_desktop.mysql.candidates import count_matches

        texts = list(dict.fromkeys(text for term in terms if (text := _asked_text(term))))
        place = (hit.source.connection_id, schema.database, hit.source.table, index.name)
        kept = {text: self._kept((*place, text)) for text in texts}
        found = {text: count.number for text, count in kept.items() if count is not None}
        missing = [text for text in texts if kept[text] is None][:COUNTED_TERMS]
        if missing:
            target = self._connections.target_(actor, hit.source.connection_id)
            ends_at = time.monotonic() + COUNTING_S
            try:
                with self._pools.borrow(target, token, timeout_s=COUNTING_S) as session:
                    for text in missing:
                        left_s = max(0.0, ends_at - time.monotonic())
                        found[text] = count_matches(
                            session, table, index, text, timeout_s=left_s, tag="explain"
                        )
            except TenantError as error:
                if error.failure is not TenantFailure.TIMEOUT:
                    raise
            for text in missing:
                # The next hit of the same source is not to wait for it again.
                found.setdefault(text, None)
                self._keep((*place, text), found[text])
        counted = {text: number for text, number in found.items() if number is not None}
        if len(found) < len(texts):
            return counted, f"Only {COUNTED_TERMS} words are counted at a time."
        if len(counted) < len(found):
            return counted, "The server did not count the rows of every word in time."
        return counted, ""

    def _kept(self, asked: _Asked) -> _Count | None:
        with self._lock:
            kept = self._counts.get(asked)
        return None if kept is None or time.monotonic() > kept.ends_at else kept

    def _keep(self, asked: _Asked, number: int | None) -> None:
        kept_s = _KEPT_S if number is not None else _KEPT_UNCOUNTED_S
        with self._lock:
            self._counts[asked] = _Count(number, time.monotonic() + kept_s)
            self._counts.move_to_end(asked)
            if len(self._counts) > _KEPT_COUNTS:
                self._counts.popitem(last=False)


def _by_reason(hit: SearchHit, reason: RankingReason) -> Explanation:
    """What semantic mode knows already: nothing is counted for it."""
    return Explanation(
        terms=tuple(
            TermUse(
                ", ".join(term.words),
                term.columns,
                round(term.df),
                estimated=reason.estimated,
                at_least=any(name in hit.truncated for name in term.columns),
            )
            for term in reason.terms
        ),
        contributions=(
            Contribution(Part.WORDS, reason.words),
            Contribution(Part.MEANING, reason.meaning),
            Contribution(Part.FEEDBACK, reason.feedback),
            *([Contribution(Part.WEIGHT, reason.weight)] if reason.weight else ()),
        ),
        score=hit.score,
        weight=1.0,
        source_score=hit.source_score,
        source_rank=hit.source_rank,
        table_rows=round(reason.terms[0].rows) if reason.terms else None,
    )


def _of_hit(
    weights: Sequence[SourceWeight], hit: SearchHit, columns: Sequence[str]
) -> tuple[SourceWeight, ...]:
    """Those of ``weights`` that concern ``hit``, whose ``columns`` were searched; first those of
    wider places."""
    source = hit.source
    found = [
        one
        for one in weights
        if one.weight != 1
        and one.connection_id == source.connection_id
        and one.table in {"", source.table}
        and one.column in {"", *columns}
    ]
    return tuple(sorted(found, key=lambda one: one.place))


def _index(table: TableInfo | None, name: str) -> FulltextIndex | None:
    indexes = table.fulltext_indexes if table is not None else ()
    return next((index for index in indexes if index.name == name), None)


def _asked_text(term: Term) -> str:
    """Boolean text that finds the rows with ``term``, or "" where none does.

    Made of word characters and operators of ours alone, so no server takes it for an error.
    """
    # How far apart the words of a distance may be is not known any more.
    if not term.indexed or term.distance:
        return ""
    words = [word.text for word in term.words]
    if term.phrase and len(words) > 1:
        return f'"{" ".join(words)}"'
    known = [word.text for word in term.words if word.fate is Fate.INDEXED]
    if term.prefix and term.words[-1].fate is Fate.INDEXED:
        known[-1] += "*"
    return " ".join(known)


def _use(
    term: Term,
    hit: SearchHit,
    index: FulltextIndex,
    rules: IndexRules,
    count: int | None,
    *,
    boolean: bool,
) -> TermUse:
    finder = Highlighter([term], rules, boolean=boolean)
    columns: dict[str, int] = {}
    at_least = False
    for name in index.columns:
        text = hit.columns.get(name)
        if not isinstance(text, str):
            continue
        at_least = at_least or name in hit.truncated
        number = len(finder.spans(text)) if term.indexed else 0
        if number:
            columns[name] = number
            at_least = at_least or number >= MAX_MATCHES_PER_COLUMN
    ignored = next((w.fate.value for w in term.words), "") if not term.indexed else ""
    # The ngram parser looks for pieces of the word, which other words have too.
    estimated = bool(rules.ngram_size)
    shown = f"{term.text}*" if term.prefix else f'"{term.text}"' if term.phrase else term.text
    return TermUse(shown, columns, count, estimated, at_least, ignored)
