"""Searches kept under a name, and what has changed in their results since somebody looked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from altus4_desktop.domain.searching import SearchHit, SearchMode

SHORTCUTS = range(1, 10)
MOST_SEEN = 500
"""Of how many rows is remembered that they were there."""
MOST_SHARED = 1000
"""How many of those that others share are listed, the newest ones."""
MOST_LISTED_CHARS = 1000
"""How much of a query is listed."""


@dataclass(frozen=True, slots=True)
class SavedScope:
    """Which connections a saved search looks into, by id, with their names; none means all of them.

    ``tables`` names the tables of those that are searched in part.
    """

    connections: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """The scope as JSON can hold it."""
        tables = {key: list(names) for key, names in self.tables.items()}
        return {"connections": dict(self.connections), "tables": tables}

    @classmethod
    def from_document(cls, document: object) -> SavedScope:
        """The scope of `as_document`; anything else means everything."""
        if not isinstance(document, dict):
            return cls()
        connections, tables = document.get("connections"), document.get("tables")
        return cls(
            {str(key): str(name) for key, name in connections.items()}
            if isinstance(connections, dict)
            else {},
            {
                str(key): tuple(map(str, names))
                for key, names in tables.items()
                if isinstance(names, list)
            }
            if isinstance(tables, dict)
            else {},
        )

    def among(self, known: Mapping[str, str]) -> FoundScope:
        """The scope in the connections of whoever opens it, ``known`` by id and name.

        A connection that is not there by its id is looked for by its name: a shared search names
        the connections of its owner.
        """
        by_name: dict[str, str] = {}
        for key, name in known.items():
            by_name.setdefault(name, key)
        found: dict[str, str] = {}
        missing = []
        for key, name in self.connections.items():
            place = key if key in known else by_name.get(name)
            if place is None:
                missing.append(name)
            else:
                found[key] = place
        tables = {found[key]: names for key, names in self.tables.items() if key in found}
        ids = tuple(dict.fromkeys(found.values()))
        return FoundScope(ids, tables, tuple(missing), everything=not self.connections)


@dataclass(frozen=True, slots=True)
class FoundScope:
    """A saved scope as it can be searched now; ``missing`` names connections that are no more."""

    connection_ids: tuple[str, ...]
    tables: Mapping[str, tuple[str, ...]]
    missing: tuple[str, ...]
    everything: bool


@dataclass(frozen=True, slots=True)
class SavedSearchDraft:
    """What somebody keeps: ``folder`` is a path of names with “/” between, empty at the top.

    ``language`` is that of the texts in semantic mode, empty for what is detected; ``filters`` is a
    document of the window's that JSON can hold. ``shortcut`` is a digit; it and
    ``alerts`` (tell what has changed) are for the owner.
    """

    name: str
    query: str
    folder: str = ""
    mode: SearchMode = SearchMode.NATURAL
    order: str = ""
    language: str = ""
    scope: SavedScope = SavedScope()
    filters: Mapping[str, Any] = field(default_factory=dict)
    is_shared: bool = False
    shortcut: int | None = None
    alerts: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """Which rows were found when somebody looked, best first, as `row_marks` names them; the first
    ones only, and ``has_more`` when there were others."""

    rows: tuple[str, ...]
    has_more: bool = False
    at: datetime | None = None

    def as_document(self) -> dict[str, Any]:
        """The sighting as JSON can hold it."""
        at = None if self.at is None else self.at.isoformat()
        return {"rows": list(self.rows), "has_more": self.has_more, "at": at}

    @classmethod
    def from_document(cls, document: object) -> Sighting | None:
        """The sighting of `as_document`; anything else means that nobody has looked."""
        if not isinstance(document, dict) or not isinstance(document.get("rows"), list):
            return None
        try:
            at = datetime.fromisoformat(str(document.get("at")))
        except ValueError:
            at = None
        return cls(tuple(map(str, document["rows"])), bool(document.get("has_more")), at)


@dataclass(frozen=True, slots=True)
class Change:
    """How many rows are there now that were not, and how many are not there any more.

    ``among``: only so many of the first rows could be compared, None when all were.
    """

    new: int
    gone: int
    among: int | None = None


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A row of ``saved_searches``; ``owner`` is the name of the user it belongs to."""

    id: str
    user_id: str
    draft: SavedSearchDraft
    owner: str = ""
    seen: Sighting | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SavedSearchEntry:
    """A saved search in a list: without its documents, which are read with it when it is opened.

    ``query`` is no longer than `MOST_LISTED_CHARS`.
    """

    id: str
    user_id: str
    owner: str
    name: str
    folder: str
    query: str
    mode: SearchMode
    is_shared: bool
    shortcut: int | None
    alerts: bool
    updated_at: datetime | None


def sighting_of(hits: Iterable[SearchHit], *, has_more: bool, at: datetime) -> Sighting:
    """What is remembered of these hits, each row once."""
    marks: dict[str, None] = {}
    for hit in hits:
        if len(marks) == MOST_SEEN:
            has_more = True
            break
        marks.setdefault(_row_mark(hit))
    return Sighting(tuple(marks), has_more, at)


def compare(seen: Sighting, now: Sighting) -> Change:
    """What has changed from one sighting to the next.

    Where only the first rows are known, as many are compared as both have: a row counts as new
    that nobody saw among them, and as gone when it is nowhere among those of now.
    """
    if not seen.has_more and not now.has_more:
        return Change(len({*now.rows} - {*seen.rows}), len({*seen.rows} - {*now.rows}))
    among = min(_known(seen), _known(now))
    first_now, first_seen = now.rows[:among], seen.rows[:among]
    return Change(_missing_in(seen.rows, first_now), _missing_in(now.rows, first_seen), among)


def _known(sighting: Sighting) -> int:
    return len(sighting.rows) if sighting.has_more else MOST_SEEN


def _missing_in(rows: Sequence[str], wanted: Sequence[str]) -> int:
    return len({*wanted} - {*rows})


def _row_mark(hit: SearchHit) -> str:
    """A short name of a row that says nothing of what is in it."""
    source = hit.source
    key = [[name, _plain(value)] for name, value in hit.key.items()]
    text = json.dumps([source.connection_id or source.connection, source.table, key])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value
