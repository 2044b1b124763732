"""A search as it stands in its tab: what was typed and chosen, whether or not it has run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from altus4_desktop.domain.searching import SearchMode

MAX_QUERY_LENGTH = 10_000
MAX_TITLE_LENGTH = 200
MAX_OPEN = 50
_MAX_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class SearchDraft:
    """Everything needed to show a search again; nothing of what it found.

    ``title`` is the name somebody gave the tab, else empty; ``scope`` and ``filters`` are documents
    of the window's that JSON can hold; ``limit`` is in hits a page, 0 for what is preferred.
    """

    query: str = ""
    mode: SearchMode = SearchMode.NATURAL
    order: str = ""
    limit: int = 0
    title: str = ""
    scope: Mapping[str, Any] = field(default_factory=dict)
    filters: Mapping[str, Any] = field(default_factory=dict)
    saved_id: str = ""
    language: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nobody has written anything."""
        return not (self.query.strip() or self.title)

    def as_document(self) -> dict[str, Any]:
        """The draft as JSON can hold it."""
        return {
            "query": self.query,
            "mode": self.mode.value,
            "order": self.order,
            "limit": self.limit,
            "title": self.title,
            "scope": dict(self.scope),
            "filters": dict(self.filters),
            "saved_id": self.saved_id,
            "language": self.language,
        }

    @classmethod
    def from_document(cls, document: object) -> SearchDraft:
        """The draft of `as_document`; what cannot be read is as in a new search."""
        if not isinstance(document, dict):
            return cls()
        mode, limit = document.get("mode"), document.get("limit")
        scope, filters = document.get("scope"), document.get("filters")
        return cls(
            query=_text(document.get("query"))[:MAX_QUERY_LENGTH],
            mode=SearchMode(mode)
            if isinstance(mode, str) and mode in {*SearchMode}
            else SearchMode.NATURAL,
            order=_text(document.get("order")),
            limit=limit if isinstance(limit, int) and 0 < limit <= _MAX_LIMIT else 0,
            title=_text(document.get("title"))[:MAX_TITLE_LENGTH],
            scope=scope if isinstance(scope, dict) else {},
            filters=filters if isinstance(filters, dict) else {},
            saved_id=_text(document.get("saved_id")),
            language=_text(document.get("language")),
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class OpenSearches:
    """The tabs of one person, from left to right; ``current`` is the place of the one in front."""

    drafts: tuple[SearchDraft, ...] = ()
    current: int = 0

    def as_document(self) -> dict[str, Any]:
        """The tabs as JSON can hold them."""
        return {
            "format": 1,
            "current": self.current,
            "drafts": [draft.as_document() for draft in self.drafts],
        }

    @classmethod
    def from_document(cls, document: object) -> OpenSearches:
        """The tabs of `as_document`; anything else means none."""
        if not isinstance(document, dict):
            return cls()
        drafts, current = document.get("drafts"), document.get("current")
        read = tuple(map(SearchDraft.from_document, drafts)) if isinstance(drafts, list) else ()
        place = current if isinstance(current, int) else 0
        return cls(read[:MAX_OPEN], min(max(place, 0), max(len(read[:MAX_OPEN]) - 1, 0)))
