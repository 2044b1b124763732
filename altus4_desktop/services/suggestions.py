"""How a query may go on, and what it may have been meant to be."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import AltusError, Cancelled
from altus4_desktop.domain.searching import Correction, SearchHit, SearchMode, SearchOutcome
from altus4_desktop.search.vocabulary import Vocabulary, complete, correct
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.mysql.pools import TenantPools
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.history import HistoryService

_LOG = logging.getLogger(__name__)
_FRESH_S = 3600.0
_RETRY_S = 60.0
_SAMPLING_S = 2.0
_SAMPLED_TABLES = 20
_LEARNED_HITS = 200
_LEARNED_SEARCHES = 200
_KNOWN_CONNECTIONS = 16
_ENDING_CHARS = 3


@dataclass(slots=True)
class _Known:
    """What has been read of a connection; it is sampled again from ``stale_at`` (monotonic) on."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    stale_at: float = 0.0


class SuggestionsService:
    """Knows words of the actor's connections: from a few rows of each table, from rows that were
    found, and from their searches that found something.

    The words stay in memory, of at most sixteen connections, and are never written down.
    """

    def __init__(
        self,
        connections: ConnectionsService,
        pools: TenantPools,
        history: HistoryService,
        permissions: Permissions,
    ) -> None:
        self._connections = connections
        self._pools = pools
        self._history = history
        self._permissions = permissions
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._searched: dict[str, Vocabulary] = {}
        connections.when_forgotten_(self.clear)

    def clear(self, connection_id: str | None = None) -> None:
        """Forget every word, or those of one connection."""
        with self._lock:
            if connection_id is None:
                self._known.clear()
                self._searched.clear()
            else:
                self._known.pop(connection_id, None)

    def complete(
        self, actor: Actor, text: str, connection_ids: Collection[str] = (), limit: int = 8
    ) -> list[str]:
        """``text`` with its last word completed in the likeliest ways, from what is known already.

        Asks no tenant; without ``connection_ids`` all of the actor's own count. Raises AccessError,
        StoreError.
        """
        actor = self._permissions.check(actor, Right.SEARCH)
        ids = [connection.id for connection in self._own(actor, connection_ids)]
        searched = self._searched_words(actor)
        with self._lock:
            known = [self._known[id_].vocabulary for id_ in ids if id_ in self._known]
        return complete(text, [*known, searched], limit)

    def correct(
        self, actor: Actor, outcome: SearchOutcome, token: CancelToken | None = None
    ) -> Correction | None:
        """The query of a finished search with words that were found nowhere replaced by near ones
        that the searched connections have; None when there is nothing to replace.

        Learns from what was found. Reads a few rows of a connection that was not read in the last
        hour, for at most two seconds each: for a worker thread. Raises AccessError, StoreError,
        Cancelled; a tenant that cannot be read only adds no words.
        """
        actor = self._permissions.check(actor, Right.SEARCH)
        token = token or CancelToken()
        ids = {report.source.connection_id for report in outcome.sources}
        own = self._own(actor, ids)
        for connection in own:
            self._sample(connection, token, outcome.search_id)
        found = _found_words(outcome)
        searched = self._searched_words(actor)
        with self._lock:
            for hit in outcome.hits[:_LEARNED_HITS]:
                known = self._known.get(hit.source.connection_id)
                if known is not None:
                    known.vocabulary.add(_learned_texts(hit))
            if found:
                searched.add(found)
            known_words = [self._known[c.id].vocabulary for c in own if c.id in self._known]
        boolean = outcome.request.mode is SearchMode.BOOLEAN
        return correct(outcome.request.query, known_words, found, boolean=boolean, token=token)

    def _own(self, actor: Actor, connection_ids: Collection[str]) -> list[Connection]:
        return [
            connection
            for connection in self._connections.list_(actor)
            if connection.is_active
            and connection.user_id == actor.user_id
            and (not connection_ids or connection.id in connection_ids)
        ]

    def _searched_words(self, actor: Actor) -> Vocabulary:
        with self._lock:
            known = self._searched.get(actor.user_id)
        if known is not None:
            return known
        records = self._history.recent(actor, limit=_LEARNED_SEARCHES)
        words = Vocabulary()
        words.add(record.query for record in records if record.result_count)
        with self._lock:
            return self._searched.setdefault(actor.user_id, words)

    def _sample(self, connection: Connection, token: CancelToken, tag: str) -> None:
        now = time.monotonic()
        with self._lock:
            known = self._known.pop(connection.id, None) or _Known()
            self._known[connection.id] = known
            while len(self._known) > _KNOWN_CONNECTIONS:
                del self._known[next(iter(self._known))]
            if now < known.stale_at:
                return
            # Nobody else is to read the same meanwhile.
            known.stale_at = now + _RETRY_S
        words = Vocabulary()
        try:
            whole = self._read_words(connection, words, token, now + _SAMPLING_S, tag)
        except Cancelled:
            known.stale_at = 0.0
            raise
        except AltusError as error:
            # The search has told what is wrong with the connection.
            _LOG.info("no words read of a connection: %s", error.code)
            whole = False
        with self._lock:
            if len(words):
                known.vocabulary = words
            if whole:
                known.stale_at = now + _FRESH_S

    def _read_words(
        self,
        connection: Connection,
        words: Vocabulary,
        token: CancelToken,
        deadline: float,
        tag: str,
    ) -> bool:
        """Add the words of each table until ``deadline``; returns whether it came to the end."""
        from altus4_desktop.mysql.samples import read_sample_texts

        target, schema = self._connections.source_(connection, token)
        tables = [table for table in schema.tables if table.fulltext_indexes][:_SAMPLED_TABLES]
        left_s = deadline - time.monotonic()
        with self._pools.borrow(target, token, timeout_s=max(0.0, left_s)) as session:
            for table in tables:
                if time.monotonic() >= deadline:
                    return False
                words.add(
                    read_sample_texts(session, schema.database, table, deadline=deadline, tag=tag)
                )
        return True


def _found_words(outcome: SearchOutcome) -> set[str]:
    """The words that made rows match; in semantic mode also what has the same beginning."""
    words = set()
    for hit in outcome.hits:
        for match in hit.matches:
            text = hit.columns.get(match.column)
            if isinstance(text, str):
                words.add(text[match.start : match.end].lower())
    if outcome.request.mode is not SearchMode.SEMANTIC:
        return words
    beginnings = {word[:-_ENDING_CHARS] for word in words if len(word) > 2 * _ENDING_CHARS}
    asked = outcome.request.query.lower().split()
    return words | {word for word in asked if word.startswith(tuple(beginnings))}


def _learned_texts(hit: SearchHit) -> Sequence[str]:
    title = hit.columns.get(hit.title_column)
    return [hit.snippet, title] if isinstance(title, str) else [hit.snippet]
