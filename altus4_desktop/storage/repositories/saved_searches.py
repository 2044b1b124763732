"""The table ``saved_searches``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.errors import ConflictError, NotFoundError
from altus4_desktop.domain.saved_searches import (
    MOST_LISTED_CHARS,
    SavedScope,
    SavedSearch,
    SavedSearchDraft,
    SavedSearchEntry,
    Sighting,
)
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.storage.repositories.fitting import check_lengths, moved_on, server_now
from altus4_desktop.storage.tables import saved_searches, users
from altus4_desktop.storage.transactions import Transactions

c = saved_searches.c
_ROW = (*saved_searches.columns, users.c.name.label("owner"))
_ENTRY = (
    c.id,
    c.user_id,
    users.c.name.label("owner"),
    c.name,
    c.folder,
    sa.func.substr(c.query, 1, MOST_LISTED_CHARS).label("query"),
    c.search_mode,
    c.is_shared,
    c.shortcut,
    c.alerts,
    c.updated_at,
)
# Another of these finds other rows.
_ASKED = ("query", "search_mode", "language", "scope", "filters")
Freed = Callable[[SavedSearch], AuditEvent]
"""The event that tells that a search, as it was, has lost its shortcut."""
_JOINED = saved_searches.join(users, users.c.id == c.user_id)


class SavedSearchRepository:
    """Saved searches. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def list_(self, user_id: str, *, most_shared: int) -> list[SavedSearchEntry]:
        """The user's own, and the ``most_shared`` newest that others share, by folder and name."""
        entries = sa.select(*_ENTRY).select_from(_JOINED)
        own = entries.where(c.user_id == user_id)
        shared = (
            entries.where(c.user_id != user_id, c.is_shared.is_(True))
            .order_by(c.created_at.desc(), c.id)
            .limit(most_shared)
        )

        def read(connection: sa.Connection) -> list[SavedSearchEntry]:
            rows = [
                row
                for statement in (own, shared)
                for row in connection.execute(statement).mappings()
            ]
            return [_entry(row) for row in rows]

        return sorted(self._transactions.read(read), key=_by_folder_and_name)

    def find_(self, search_id: str) -> SavedSearch | None:
        """The saved search with this id."""
        return next(iter(self._read(c.id == search_id)), None)

    def create_(
        self,
        record: SavedSearch,
        events: Sequence[AuditEvent] = (),
        *,
        at_most: int,
        freed: Freed,
    ) -> SavedSearch:
        """Insert ``record`` and return it as stored; its shortcut is taken from another of the
        user's, and ``freed`` builds the event of that.

        Repeating it with the same id does nothing. Raises NotFoundError when there is no such user,
        ConflictError (``saved_search.too_many``) when the user has ``at_most`` already.
        """
        values = {**_values(record.draft), "id": record.id, "user_id": record.user_id}
        check_lengths(saved_searches, values, {})
        told = list(events)

        def work(connection: sa.Connection) -> None:
            # Whoever saves at the same time waits here, or both would find the last place free.
            owner = sa.select(users.c.id).where(users.c.id == record.user_id).with_for_update()
            if connection.execute(owner).first() is None:
                raise NotFoundError("There is no such user.")
            count = sa.select(sa.func.count()).where(c.user_id == record.user_id)
            if connection.execute(count).scalar_one() >= at_most:
                raise ConflictError(
                    "You have saved {count} searches already, as many as there may be.",
                    hint="Delete some that you do not need any more.",
                    code="saved_search.too_many",
                    details={"count": at_most},
                )
            told[:] = [*events, *_free_shortcut(connection, record, freed)]
            connection.execute(sa.insert(saved_searches).values(**values))

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.user_id).where(c.id == record.id)).scalar()
            return found == record.user_id

        self._transactions.write(work, settled=settled, repeatable=True, events=told)
        return self._get(record.id)

    def update_(
        self,
        record: SavedSearch,
        seen_at: datetime | None,
        events: Sequence[AuditEvent] = (),
        *,
        freed: Freed,
    ) -> SavedSearch:
        """Replace the draft, and return it as stored; another search was not looked at yet, and a
        shortcut is taken as in `create_`.

        ``seen_at`` is the ``updated_at`` that was edited; None overwrites whatever is there. Raises
        ConflictError (``saved_search.changed``) when it has changed since, and NotFoundError.
        """
        values = _values(record.draft)
        check_lengths(saved_searches, values, {})
        told = list(events)

        def work(connection: sa.Connection) -> None:
            row = connection.execute(
                sa.select(server_now(), c.updated_at, *(c[name] for name in _ASKED))
                .where(c.id == record.id)
                .with_for_update()
            ).first()
            if row is None:
                raise _missing()
            now, updated_at, *asked = row
            if seen_at is not None and updated_at != seen_at:
                raise ConflictError(
                    "“{name}” has been changed by somebody else meanwhile.",
                    hint="Look at the new values, then make your change again.",
                    code="saved_search.changed",
                    details={"name": record.draft.name},
                )
            if asked != [values[name] for name in _ASKED]:
                values["seen"] = None
            # The instant makes this very change known again, should its COMMIT go unanswered.
            values["updated_at"] = moved_on(now, updated_at)
            told[:] = [*events, *_free_shortcut(connection, record, freed)]
            connection.execute(sa.update(saved_searches).where(c.id == record.id).values(**values))

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.updated_at).where(c.id == record.id)).scalar()
            return found is not None and found == values.get("updated_at")

        self._transactions.write(work, settled=settled, events=told)
        return self._get(record.id)

    def refile_(self, folders: Mapping[str, str], events: Sequence[AuditEvent] = ()) -> None:
        """Put searches, by id, into other folders."""

        def work(connection: sa.Connection) -> bool:
            moved = 0
            for search_id, folder in folders.items():
                statement = sa.update(saved_searches).where(c.id == search_id)
                moved += connection.execute(statement.values(folder=folder)).rowcount
            return moved > 0

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.id, c.folder).where(c.id.in_(folders))).all()
            return all(folders[row[0]] == row[1] for row in found)

        self._transactions.write(work, settled=settled, events=events)

    def delete_(self, search_ids: Sequence[str], events: Sequence[AuditEvent] = ()) -> None:
        """Delete them; those that are gone already are left out."""
        chosen = c.id.in_(search_ids)

        def work(connection: sa.Connection) -> bool:
            return connection.execute(sa.delete(saved_searches).where(chosen)).rowcount > 0

        def gone(connection: sa.Connection) -> bool:
            return connection.execute(sa.select(c.id).where(chosen)).first() is None

        self._transactions.write(work, settled=gone, events=events)

    def see_(self, search_id: str, sighting: Sighting) -> None:
        """Keep what was found when its owner looked; that is a use, not a change."""
        document = sighting.as_document()

        def work(connection: sa.Connection) -> bool:
            statement = sa.update(saved_searches).where(c.id == search_id).values(seen=document)
            return connection.execute(statement).rowcount > 0

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.seen).where(c.id == search_id)).scalar()
            return found == document

        self._transactions.write(work, settled=settled)

    def _get(self, search_id: str) -> SavedSearch:
        found = self.find_(search_id)
        if found is None:
            raise _missing()
        return found

    def _read(self, *conditions: sa.ColumnElement[bool]) -> list[SavedSearch]:
        statement = sa.select(*_ROW).select_from(_JOINED).where(*conditions)
        return self._transactions.read(
            lambda connection: [_saved(row) for row in connection.execute(statement).mappings()]
        )


def _by_folder_and_name(entry: SavedSearchEntry) -> tuple[str, str, str]:
    return (entry.folder.casefold(), entry.name.casefold(), entry.id)


def _entry(row: Mapping[Any, Any]) -> SavedSearchEntry:
    return SavedSearchEntry(
        id=row[c.id],
        user_id=row[c.user_id],
        owner=row["owner"],
        name=row[c.name],
        folder=row[c.folder],
        query=row["query"],
        mode=SearchMode(row[c.search_mode]),
        is_shared=row[c.is_shared],
        shortcut=row[c.shortcut],
        alerts=row[c.alerts],
        updated_at=row[c.updated_at],
    )


def _free_shortcut(
    connection: sa.Connection, record: SavedSearch, freed: Freed
) -> list[AuditEvent]:
    """Take the shortcut from whichever other search of the user has it; returns what to tell."""
    if record.draft.shortcut is None:
        return []
    others = sa.and_(
        c.user_id == record.user_id,
        c.shortcut == record.draft.shortcut,
        c.id != record.id,
    )
    owner = sa.literal("").label("owner")
    statement = sa.select(*saved_searches.columns, owner, server_now().label("now")).where(others)
    events = []
    for row in connection.execute(statement.with_for_update()).mappings().all():
        # Whoever has it open in a form is told that it has changed.
        changed = {"shortcut": None, "updated_at": moved_on(row["now"], row[c.updated_at])}
        connection.execute(sa.update(saved_searches).where(c.id == row[c.id]).values(**changed))
        events.append(freed(_saved(row)))
    return events


def _missing() -> NotFoundError:
    return NotFoundError(
        "This saved search does not exist any more.", hint="Somebody has deleted it meanwhile."
    )


def _values(draft: SavedSearchDraft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "folder": draft.folder,
        "query": draft.query,
        "search_mode": draft.mode.value,
        "language": draft.language,
        "hit_order": draft.order,
        "scope": draft.scope.as_document(),
        "filters": dict(draft.filters),
        "is_shared": draft.is_shared,
        "shortcut": draft.shortcut,
        "alerts": draft.alerts,
    }


def _saved(row: Mapping[Any, Any]) -> SavedSearch:
    filters = row[c.filters]
    return SavedSearch(
        id=row[c.id],
        user_id=row[c.user_id],
        draft=SavedSearchDraft(
            name=row[c.name],
            query=row[c.query],
            folder=row[c.folder],
            mode=SearchMode(row[c.search_mode]),
            language=row[c.language],
            order=row[c.hit_order],
            scope=SavedScope.from_document(row[c.scope]),
            filters=filters if isinstance(filters, dict) else {},
            is_shared=row[c.is_shared],
            shortcut=row[c.shortcut],
            alerts=row[c.alerts],
        ),
        owner=row["owner"],
        seen=Sighting.from_document(row[c.seen]),
        created_at=row[c.created_at],
        updated_at=row[c.updated_at],
    )
