"""Searches kept under a name: one's own, and those that others share."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import AuditEvent, SubjectKind
from altus4_desktop.domain.errors import AccessError, InputError, NotFoundError
from altus4_desktop.domain.saved_searches import (
    MOST_SHARED,
    SHORTCUTS,
    SavedSearch,
    SavedSearchDraft,
    SavedSearchEntry,
    Sighting,
)
from altus4_desktop.domain.search_drafts import MAX_QUERY_LENGTH
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.storage.repositories.saved_searches import SavedSearchRepository

_NAME_LIMIT = 255
_FOLDER_LIMIT = 500
_DEEPEST = 8
_LANGUAGE_LIMIT = 16
_DOCUMENT_LIMIT = 60_000
MOST_SAVED = 1000
"""How many one user may keep."""


class SavedSearchesService:
    """Saved searches belong to a user. Shared ones are seen by everybody, changed by their owner
    and removed by admins too; others are nobody else's business, not even an admin's.

    Every method raises AccessError, StoreError.
    """

    def __init__(self, metadata: MetadataService, permissions: Permissions) -> None:
        self._metadata = metadata
        self._permissions = permissions

    def list_(self, actor: Actor) -> list[SavedSearchEntry]:
        """The actor's own, and the `MOST_SHARED` newest that others share, by folder and name."""
        actor = self._permissions.check(actor, Right.SEARCH)
        return self._saved.list_(actor.user_id, most_shared=MOST_SHARED)

    def get_(self, actor: Actor, search_id: str) -> SavedSearch:
        """One by id; raises NotFoundError for one that the actor may not see."""
        return self._seen(self._permissions.check(actor, Right.SEARCH), search_id)

    def create_(self, actor: Actor, draft: SavedSearchDraft) -> SavedSearch:
        """Keep a search; its shortcut is taken from another one that has it.

        Raises InputError (name, folder, query, shortcut, scope), ConflictError
        (``saved_search.too_many``).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        checked = check_saved(draft)
        record = SavedSearch(str(uuid.uuid4()), actor.user_id, checked)
        event = _event(actor, "saved_search.created", record, after=_told(checked))
        return self._saved.create_(
            record, [event], at_most=MOST_SAVED, freed=partial(_lost_shortcut, actor)
        )

    def update_(
        self, actor: Actor, seen: SavedSearch | SavedSearchEntry, draft: SavedSearchDraft
    ) -> SavedSearch:
        """Give one of the actor's own another draft; ``seen`` is what was edited.

        Raises NotFoundError, InputError as `create_`, ConflictError (``saved_search.changed``).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        before = self._own(actor, seen.id)
        checked = check_saved(draft)
        return self._saved.update_(
            replace(before, draft=checked),
            seen.updated_at,
            [_changed(actor, before, checked)],
            freed=partial(_lost_shortcut, actor),
        )

    def move_folder_(self, actor: Actor, folder: str, to: str) -> int:
        """Give a folder of the actor's another path, with all that is in it; returns how many
        searches moved. Raises InputError (folder)."""
        actor = self._permissions.check(actor, Right.MANAGE)
        before, after = _folder(folder), _folder(to)
        inside = f"{before}/"
        folders = {
            own.id: _folder(after + own.folder[len(before) :])
            for own in self._saved.list_(actor.user_id, most_shared=0)
            if own.folder == before or own.folder.startswith(inside)
        }
        if before and folders and before != after:
            event = build_event(
                actor,
                "saved_search.folder_moved",
                SubjectKind.SAVED_SEARCH,
                "",
                before,
                before={"folder": before},
                after={"folder": after},
                searches=len(folders),
            )
            self._saved.refile_(folders, [event])
        return len(folders)

    def delete_(self, actor: Actor, search_ids: Sequence[str]) -> list[SavedSearch]:
        """Delete the actor's own, an admin others' shared ones too; returns what they were.

        Raises NotFoundError.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        chosen = [self._seen(actor, search_id) for search_id in dict.fromkeys(search_ids)]
        for saved in chosen:
            if not self._permissions.owns(actor, saved.user_id):
                raise _not_yours(saved)
        if chosen:
            self._saved.delete_(
                [saved.id for saved in chosen],
                [
                    _event(actor, "saved_search.deleted", saved, before=_told(saved.draft))
                    for saved in chosen
                ],
            )
        return chosen

    def mark_seen_(self, actor: Actor, search_id: str, sighting: Sighting) -> None:
        """Keep what was found now that the owner has looked; raises NotFoundError."""
        actor = self._permissions.check(actor, Right.SEARCH)
        self._saved.see_(self._own(actor, search_id).id, sighting)

    @property
    def _saved(self) -> SavedSearchRepository:
        return self._metadata.store.saved_searches

    def _seen(self, actor: Actor, search_id: str) -> SavedSearch:
        found = self._saved.find_(search_id)
        if found is None or not (found.user_id == actor.user_id or found.draft.is_shared):
            raise NotFoundError(
                "There is no such saved search.", hint="It may have been deleted meanwhile."
            )
        return found

    def _own(self, actor: Actor, search_id: str) -> SavedSearch:
        found = self._seen(actor, search_id)
        if found.user_id != actor.user_id:
            raise _not_yours(found)
        return found


def check_saved(draft: SavedSearchDraft) -> SavedSearchDraft:
    """The draft as it is saved, spaces around its fields gone; raises InputError."""
    if draft.shortcut is not None and draft.shortcut not in SHORTCUTS:
        raise InputError("shortcut", "A shortcut is a digit from 1 to 9.")
    query = draft.query.strip()
    if not query:
        raise InputError("query", "There is nothing to search for yet.")
    if len(query) > MAX_QUERY_LENGTH:
        raise InputError("query", "At most {limit} characters fit here.", limit=MAX_QUERY_LENGTH)
    if any("\ud800" <= character <= "\udfff" for character in query):
        raise InputError("query", "There is a character in it that cannot be kept.")
    if len(draft.language) > _LANGUAGE_LIMIT:
        raise InputError("language", "That is no code of a language.")
    document = json.dumps([draft.scope.as_document(), dict(draft.filters)])
    if len(document) > _DOCUMENT_LIMIT:
        raise InputError("scope", "So many tables and filters cannot be kept with a search.")
    name = draft.name.strip()
    if not name:
        raise InputError("name", "A saved search needs a name.")
    if len(name) > _NAME_LIMIT:
        raise InputError("name", "At most {limit} characters fit here.", limit=_NAME_LIMIT)
    if not name.isprintable():
        raise InputError("name", "There is a character in it that cannot be shown.")
    return replace(draft, name=name, query=query, folder=_folder(draft.folder))


def _folder(path: str) -> str:
    parts = [part.strip() for part in path.split("/") if part.strip()]
    folder = "/".join(parts)
    if len(folder) > _FOLDER_LIMIT:
        raise InputError("folder", "At most {limit} characters fit here.", limit=_FOLDER_LIMIT)
    if len(parts) > _DEEPEST:
        raise InputError("folder", "At most {limit} folders in each other.", limit=_DEEPEST)
    if not folder.isprintable():
        raise InputError("folder", "There is a character in it that cannot be shown.")
    return folder


def _not_yours(saved: SavedSearch) -> AccessError:
    return AccessError(
        "“{name}” belongs to {owner}.",
        hint="Save a search of your own like it.",
        code="saved_search.not_yours",
        details={"name": saved.draft.name, "owner": saved.owner},
    )


def _event(actor: Actor, action: str, saved: SavedSearch, **details: Any) -> AuditEvent:
    return build_event(
        actor, action, SubjectKind.SAVED_SEARCH, saved.id, saved.draft.name, **details
    )


def _changed(actor: Actor, before: SavedSearch, draft: SavedSearchDraft) -> AuditEvent:
    details = {"before": _told(before.draft), "after": _told(draft)}
    return _event(actor, "saved_search.changed", before, **details)


def _lost_shortcut(actor: Actor, before: SavedSearch) -> AuditEvent:
    return _changed(actor, before, replace(before.draft, shortcut=None))


def _told(draft: SavedSearchDraft) -> dict[str, Any]:
    """What the audit log is told; the query is the business of its owner."""
    return {
        "name": draft.name,
        "folder": draft.folder,
        "mode": draft.mode.value,
        "shared": draft.is_shared,
        "shortcut": draft.shortcut,
        "alerts": draft.alerts,
    }
