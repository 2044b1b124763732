"""The history of searches: written behind the back of the search, read by completion."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, InputError, StoreError
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.domain.history import HistoryLook, HistoryQuery
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.files import open_chosen
from altus4_desktop.services.history_text import history_lines
from altus4_desktop.services.history_upkeep import HistoryUpkeep, delete_in_batches, expire
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService

_LOG = logging.getLogger(__name__)
_WAITING_AT_MOST = 1000
# The hits of a search are shown before it is written down: both need the same interpreter.
_AFTER_YOU_S = 0.05
# A transaction costs more than the rows in it.
_AT_ONCE = 100
_SLOW = "The metadata store is slow or does not answer; the searches are not affected."
_EXPORT_PAGE = 1000


class HistoryService:
    """Past searches. `record` never waits: a thread of its own writes, and what it could not write
    is told to ``on_problem``; whose searches were kept or deleted to ``on_changed``. Both are
    called on any thread."""

    def __init__(
        self,
        metadata: MetadataService,
        permissions: Permissions,
        on_problem: Callable[[AltusError], None] | None = None,
    ) -> None:
        self.on_problem = on_problem
        self.on_changed: Callable[[str], None] | None = None
        self._metadata = metadata
        self._permissions = permissions
        self._waiting: queue.Queue[SearchRecord | None] = queue.Queue(_WAITING_AT_MOST)
        self._is_full = False
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None
        self._closing = threading.Event()
        self._upkeep = HistoryUpkeep(metadata, self._expire)

    def record(self, record: SearchRecord) -> None:
        """Keep ``record`` soon; when a thousand others are still waiting it is dropped, and that is
        told of the first one."""
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            is_told, self._is_full = self._is_full, True
            if not is_told:
                self._tell(_full())
            return
        with self._lock:
            if self._writer is None or not self._writer.is_alive():
                self._closing.clear()
                self._writer = threading.Thread(
                    target=self._write, name="altus4-history", daemon=True
                )
                self._writer.start()

    def recent(self, actor: Actor, prefix: str = "", limit: int = 20) -> list[SearchRecord]:
        """The actor's newest searches whose query starts with ``prefix``, each query once.

        Raises AccessError, StoreError.
        """
        actor = self._permissions.check(actor, Right.SEARCH)
        return self._metadata.store.searches.recent_(actor.user_id, prefix, limit)

    def list_(
        self,
        actor: Actor,
        *,
        text: str = "",
        from_at: datetime | None = None,
        to_at: datetime | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[SearchRecord]:
        """Searches, newest first: the actor's own, or everybody's for an admin.

        ``to_at`` is exclusive. Raises AccessError, StoreError.
        """
        actor = self._permissions.check(actor, Right.SEARCH)
        owner = None if self._permissions.owns(actor, "") else actor.user_id
        return self._metadata.store.searches.list_(
            owner, text=text, from_at=from_at, to_at=to_at, limit=limit, offset=offset
        )

    def page_(
        self,
        actor: Actor,
        query: HistoryQuery | None = None,
        *,
        after: SearchRecord | None = None,
        limit: int = 200,
        looked: Callable[[HistoryLook], None] | None = None,
    ) -> list[SearchRecord]:
        """The searches that ``query`` finds, newest first, of those after ``after``: the actor's
        own, or everybody's for an admin.

        Where little fits and much has to be looked at, ``looked`` is told again and again what was
        found so far, the first time before anybody feels to wait. Raises AccessError, StoreError,
        and what ``looked`` raises.
        """
        actor = self._permissions.check(actor, Right.SEARCH)
        asked = self._own(actor, query or HistoryQuery())
        return self._metadata.store.searches.page_(asked, after, limit, looked)

    def export_(
        self,
        actor: Actor,
        path: Path,
        list_format: ListFormat,
        query: HistoryQuery | None = None,
        *,
        replaces: bool = False,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> int:
        """Write what `page_` gives to the new file ``path`` as CSV, JSON or NDJSON, whole or not at
        all; returns how many searches there are. That it was done is written down.

        ``replaces``: an old file may go for it. Raises AccessError, ConflictError
        (``export.exists``), Cancelled, StoreError, AltusError for the file.
        """
        actor = self._permissions.check(actor, Right.SEARCH)
        asked = self._own(actor, query or HistoryQuery())
        token = token or CancelToken()
        store = self._metadata.store
        owner = None if self._permissions.owns(actor, "") else actor.user_id
        known = store.connections.list_(owner, active_only=False)
        connections = {connection.id: connection.name for connection in known}
        people: dict[str, str] = {}
        count = 0

        def records() -> Iterator[SearchRecord]:
            nonlocal count
            after: SearchRecord | None = None
            while True:
                token.raise_if_cancelled()
                page = store.searches.page_(asked, after, _EXPORT_PAGE)
                if others := {record.user_id for record in page} - people.keys():
                    people.update(store.users.list_addresses_("", others, len(others)))
                yield from page
                count += len(page)
                if len(page) < _EXPORT_PAGE:
                    return
                after = page[-1]
                progress(Progress(f"Exported {count:,} searches"))

        with open_chosen(path, only_new=not replaces) as file:
            for line in history_lines(records(), list_format, connections, people):
                file.write(line.encode())
            event = build_event(
                actor,
                "history.exported",
                SubjectKind.HISTORY,
                subject_name=path.name,
                after={"format": list_format.value, "searches": count},
            )
            store.audit.add_([event])
        return count

    def expire_(self, actor: Actor) -> int:
        """Delete what the actor has kept for longer than they want; returns how many searches.

        Raises AccessError, StoreError.
        """
        return self._expire(self._permissions.check(actor, Right.SEARCH))

    def delete_(
        self,
        actor: Actor,
        search_ids: Sequence[str] | None = None,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> int:
        """Delete the actor's own searches, all of them without ``search_ids``; returns how many.

        Done bit by bit, so that others can write meanwhile: raises Cancelled, AccessError,
        StoreError, and what was deleted until then is gone.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        searches = self._metadata.store.searches
        if search_ids is None:
            asked: dict[str, object] = {"all": True}
            return self._delete(
                actor,
                lambda count: searches.oldest_ids(actor.user_id, count),
                asked,
                progress,
                token,
            )
        left = iter(search_ids)
        return self._delete(
            actor,
            lambda count: list(islice(left, count)),
            {"searches": len(search_ids)},
            progress,
            token,
        )

    def count_own_(self, actor: Actor, query: HistoryQuery, most: int) -> int:
        """How many of the actor's own searches `delete_found_` would find, up to ``most``.

        Raises AccessError, StoreError, InputError when ``query`` asks for another's.
        """
        actor = self._permissions.check(actor, Right.SEARCH)
        return self._metadata.store.searches.count_(_own(actor, query), most)

    def delete_found_(
        self,
        actor: Actor,
        query: HistoryQuery,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> int:
        """Delete those of the actor's own searches that ``query`` finds, bit by bit as `delete_`;
        returns how many. Which filters there were is written down, not what for.

        Raises Cancelled, AccessError, StoreError: what was deleted until then is gone; InputError
        when ``query`` asks for another's.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        searches = self._metadata.store.searches
        asked = _own(actor, query)
        after: SearchRecord | None = None

        def read(count: int) -> list[str]:
            nonlocal after
            page = searches.page_(asked, after, count)
            after = page[-1] if page else after
            return [record.id for record in page]

        plain = HistoryQuery()
        used = [
            field.name
            for field in fields(query)
            if field.name != "user_id" and getattr(query, field.name) != getattr(plain, field.name)
        ]
        return self._delete(actor, read, {"filters": used}, progress, token)

    def start_upkeep(self) -> None:
        """Let go of what people do not want to keep any longer, now and every hour, and complete
        the lists of what was written by others or long ago: on a thread of its own, bit by bit,
        never waiting for it. What is left is done another time."""
        self._upkeep.start()

    def close_(self, wait_s: float = 2.0) -> bool:
        """Write what is waiting, for at most ``wait_s`` seconds; false when something is left."""
        with self._lock:
            writer, self._writer = self._writer, None
        self._closing.set()
        self._upkeep.close_()
        if writer is None:
            return True
        try:
            self._waiting.put(None, timeout=wait_s)
        except queue.Full:
            self._tell(_unsaved(self._waiting.qsize()))
            return False
        writer.join(wait_s)
        if writer.is_alive():
            self._tell(_unsaved(self._waiting.qsize()))
            return False
        return True

    def _write(self) -> None:
        ends = False
        while not ends:
            records = [self._waiting.get()]
            if self._waiting.empty():
                self._closing.wait(_AFTER_YOU_S)
            with contextlib.suppress(queue.Empty):
                while records[-1] is not None and len(records) < _AT_ONCE:
                    records.append(self._waiting.get_nowait())
            ends = records[-1] is None
            # Something is free again: what is dropped from now on is told anew.
            self._is_full = False
            self._keep([record for record in records if record is not None])

    def _keep(self, records: Sequence[SearchRecord]) -> None:
        if not records:
            return
        store = self._metadata.store
        try:
            # As it is now: it may have been said in another window, or on another computer.
            asked = {key: store.users.find_(key) for key in {each.user_id for each in records}}
            wanted = [
                each
                for each in records
                if (user := asked[each.user_id]) is None or user.choices.keeps_history
            ]
            if wanted:
                store.searches.add_(*wanted)
        except AltusError as error:
            if len(records) == 1 or isinstance(error, StoreError):
                self._tell(_unsaved(len(records), error.message) if len(records) > 1 else error)
                return
            # One of them is at fault: the others are kept.
            for record in records:
                self._keep([record])
        except Exception:
            # The writer must outlive a bug of ours: the next search is to be kept again.
            _LOG.exception("searches could not be written to the history")
            self._tell(_unsaved(len(records)))
        else:
            for user_id in dict.fromkeys(record.user_id for record in wanted):
                self._note_changed(user_id)

    def _own(self, actor: Actor, query: HistoryQuery) -> HistoryQuery:
        return query if self._permissions.owns(actor, "") else replace(query, user_id=actor.user_id)

    def _delete(
        self,
        actor: Actor,
        read: Callable[[int], Sequence[str]],
        asked: Mapping[str, object],
        progress: ProgressSink,
        token: CancelToken | None,
    ) -> int:
        event = build_event(
            actor, "history.deleted", SubjectKind.HISTORY, actor.user_id, actor.email, before=asked
        )
        searches = self._metadata.store.searches
        try:
            return delete_in_batches(searches, actor.user_id, read, event, progress, token)
        finally:
            # What was deleted before somebody stopped it is gone, too.
            self._note_changed(actor.user_id)

    def _expire(self, actor: Actor, token: CancelToken | None = None) -> int:
        gone = expire(self._metadata.store.searches, actor, token)
        if gone:
            self._note_changed(actor.user_id)
        return gone

    def _note_changed(self, user_id: str) -> None:
        if self.on_changed is not None:
            self.on_changed(user_id)

    def _tell(self, problem: AltusError) -> None:
        _LOG.warning("history: %s [%s]", problem.message, problem.code)
        if self.on_problem is not None:
            self.on_problem(problem)


def _own(actor: Actor, query: HistoryQuery) -> HistoryQuery:
    """``query`` for the actor's own searches; what asks for another's is no question of theirs."""
    if query.user_id not in ("", actor.user_id):
        raise InputError("user", "Searches of others are theirs to delete.")
    return replace(query, user_id=actor.user_id)


def _full() -> StoreError:
    return StoreError(
        "The history does not keep up: some searches are not written down.",
        hint=_SLOW,
        code="store.history",
    )


def _unsaved(count: int, cause: str = _SLOW) -> StoreError:
    return StoreError(
        "Searches that could not be written to the history: {count}.",
        hint="{cause}",
        code="store.history",
        details={"count": count, "cause": cause},
    )
