"""Words that tables do have, like those of a text that found nothing, and how many rows have them.

Only the actor's own connections are asked, and none of which it is known that it does not answer.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, Cancelled
from altus4_desktop.domain.identity import time_ordered_id
from altus4_desktop.domain.searching import (
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceRef,
    SourceReport,
    SourceState,
)

if TYPE_CHECKING:
    from altus4_desktop.domain.connections import Connection
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.search import SearchService
    from altus4_desktop.services.suggestions import SuggestionsService

_LOG = logging.getLogger(__name__)
ASKING_S = 8.0
"""How long the connections are asked, all in all."""
_REACHING_S = 2.0
_COUNTING_S = 2.0
# MyISAM's limit; that of InnoDB is lower.
_INDEXED_CHARS = 4
# A server that failed so short a time ago is not tried again by what nobody waits for.
_DOWN_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class NearText:
    """The search that may have been meant, and how many rows it finds."""

    request: SearchRequest
    rows: int
    at_least: bool


class NearWords:
    """Asks connections for near words."""

    def __init__(
        self,
        connections: ConnectionsService,
        search: SearchService,
        suggestions: SuggestionsService,
        local_server_runs: Callable[[], bool],
    ) -> None:
        self._connections = connections
        self._search = search
        self._suggestions = suggestions
        self._local_server_runs = local_server_runs

    @contextmanager
    def asking(self, actor: Actor, down: Collection[str], token: CancelToken) -> Iterator[Asking]:
        """Ask for one text after the other, for `ASKING_S` at most; those in ``down`` (ids) are
        known not to answer."""
        with _limited(token, ASKING_S) as inner:
            yield Asking(actor, down, token, inner, self)

    def find(
        self,
        actor: Actor,
        text: str,
        mode: SearchMode,
        connections: Sequence[Connection],
        token: CancelToken,
        left_s: float,
        meant: str | None,
    ) -> NearText | None:
        """`Asking.find` on these connections; raises what asking them raises."""
        ids = tuple(connection.id for connection in connections)
        ends_at = time.monotonic() + left_s
        if meant is not None:
            near = self._count(
                actor, SearchRequest(meant, mode, connection_ids=ids), ends_at, token
            )
            if near is not None:
                return near
        request = SearchRequest(text, mode, connection_ids=ids)
        asked = [
            SourceReport(SourceRef(one.name, "", "", one.id), SourceState.OK) for one in connections
        ]
        outcome = SearchOutcome(time_ordered_id(), request, tuple(asked), (), finished=True)
        correction = self._suggestions.correct(actor, outcome, token)
        if correction is None:
            return None
        retry = SearchRequest(correction.query, mode, connection_ids=ids)
        near = self._count(actor, retry, ends_at, token)
        together = _together(retry)
        # Words that are near, each in rows of its own, are no text that anybody meant.
        if near is None or together is None:
            return near
        return near if self._count(actor, together, ends_at, token) is not None else None

    def _count(
        self, actor: Actor, request: SearchRequest, ends_at: float, token: CancelToken
    ) -> NearText | None:
        left_s = ends_at - time.monotonic()
        if left_s <= 0:
            raise Cancelled()
        asked = replace(request, timeout_s=min(_COUNTING_S, left_s))
        counted = self._search.count_rows(actor, asked, token)
        return NearText(request, counted.rows, counted.at_least) if counted.rows else None

    def reaches(self, connection: Connection, token: CancelToken) -> bool:
        """Whether its tables are known, or it tells them soon; one that hangs is not waited for.
        Raises Cancelled."""
        try:
            with _limited(token, _REACHING_S) as inner:
                self._connections.source_(connection, inner)
        except Cancelled:
            token.raise_if_cancelled()
            return False
        except AltusError as error:
            _LOG.info("a connection is not asked for near words: %s", error.code)
            return False
        return True

    def is_down(self, connection: Connection) -> bool:
        """Whether it is known that it would not answer; nobody is asked."""
        if connection.managed and not self._local_server_runs():
            return True
        stats = self._connections.stats_(connection.id)
        if stats is None or stats.last_error_at is None:
            return False
        if stats.answered_at is not None and stats.answered_at > stats.last_error_at:
            return False
        return datetime.now(UTC) - stats.last_error_at < _DOWN_FOR


class Asking:
    """One round of questions; ``unasked`` are the names of connections that gave no answer."""

    def __init__(
        self,
        actor: Actor,
        down: Collection[str],
        token: CancelToken,
        inner: CancelToken,
        words: NearWords,
    ) -> None:
        self._actor = actor
        self._down = down
        self._token = token
        self._inner = inner
        self._words = words
        self._ends_at = time.monotonic() + ASKING_S
        self._unasked: dict[str, None] = {}
        self._reached: dict[str, bool] = {}

    @property
    def unasked(self) -> tuple[str, ...]:
        """The names, each once."""
        return tuple(self._unasked)

    def find(
        self,
        text: str,
        mode: SearchMode,
        places: Mapping[str, Sequence[Connection]],
        meant: str | None = None,
    ) -> NearText | None:
        """What ``text`` may have been meant to be in ``places``, connections by their names: first
        ``meant``; None where no row has anything like it. Raises Cancelled."""
        asked: list[Connection] = []
        near = None
        try:
            for name, connections in places.items():
                up = [one for one in connections if self._answers(one)]
                asked += up
                if not up:
                    self._unasked[name] = None
            left_s = self._ends_at - time.monotonic()
            if not asked:
                return None
            if left_s <= 0:
                raise Cancelled()
            near = self._words.find(self._actor, text, mode, asked, self._inner, left_s, meant)
        except Cancelled:
            self._token.raise_if_cancelled()
            self._unasked.update(dict.fromkeys(places))
        except AltusError as error:
            _LOG.info("no words like those of a query were looked for: %s", error.code)
        return near

    def _answers(self, connection: Connection) -> bool:
        if connection.user_id != self._actor.user_id or not connection.is_active:
            return False
        if connection.id in self._down or self._words.is_down(connection):
            return False
        known = self._reached.get(connection.id)
        if known is None:
            known = self._reached[connection.id] = self._words.reaches(connection, self._inner)
        return known


def _together(request: SearchRequest) -> SearchRequest | None:
    """What finds only rows that have all words of ``request`` which an index is sure to hold; None
    where there are not several, or where the request itself says what is required."""
    if request.mode is SearchMode.BOOLEAN:
        return None
    from altus4_desktop.search.ranking.question import STOP_WORDS

    words = dict.fromkeys(re.findall(r"[^\W_]+", request.query.lower()))
    required = [word for word in words if len(word) >= _INDEXED_CHARS and word not in STOP_WORDS]
    if len(required) < 2:
        return None
    query = " ".join(f"+{word}" for word in required)
    return replace(request, query=query, mode=SearchMode.BOOLEAN)


@contextmanager
def _limited(token: CancelToken, limit_s: float) -> Iterator[CancelToken]:
    """A token that is cancelled with ``token``, and when the time is over."""
    inner = CancelToken()
    timer = threading.Timer(limit_s, inner.cancel)
    timer.daemon = True
    timer.start()
    try:
        with token.on_cancel(inner.cancel):
            yield inner
    finally:
        timer.cancel()
