"""What is typed and chosen in the view of a search, and how it is kept."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from altus4_desktop.domain.filtering import Narrowing
from altus4_desktop.domain.saved_searches import FoundScope, SavedScope, SavedSearch
from altus4_desktop.domain.search_drafts import SearchDraft
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.search.narrowing import NarrowingModel
from altus4_desktop.ui.panes.search.options import OptionsRow
from altus4_desktop.ui.panes.search.query import QueryField
from altus4_desktop.ui.panes.search.scope import Scope


class Choices(QObject):
    """Of one view: as a draft, as a saved search, and in ``memory`` for searches to come.

    What a draft or a saved search chooses is no choice for searches to come. ``saved_id`` is the
    saved search that the view was opened with, or became.
    """

    def __init__(
        self,
        query: QueryField,
        options: OptionsRow,
        narrowing: NarrowingModel,
        memory: PaneMemory,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._query = query
        self._options = options
        self._narrowing = narrowing
        self._memory = memory
        self._remembers = True
        self.saved_id = ""
        options.changed.connect(self.keep)
        options.scope_changed.connect(self._keep_scope)

    @property
    def draft(self) -> SearchDraft:
        """What is typed and chosen."""
        options = self._options
        return SearchDraft(
            query=self._query.text(),
            mode=SearchMode(options.mode.key),
            order=options.hit_order.value,
            limit=options.page_size,
            scope=options.scope_model.scope.as_document(),
            filters=self._narrowing.current.as_document(),
            saved_id=self.saved_id,
            language=str(options.language.currentData() or ""),
        )

    @property
    def saved_scope(self) -> SavedScope:
        """Where the view looks, as it is saved: with the names of connections."""
        scope, connections = self._options.scope_model.scope, self._options.connections
        chosen = [c for c in connections if c.id not in scope.left_out]
        tables = {c.id: tuple(sorted(scope.tables[c.id])) for c in chosen if c.id in scope.tables}
        if len(chosen) == len(connections) and not tables:
            return SavedScope()
        return SavedScope({c.id: c.name for c in chosen}, tables)

    def show(self, draft: SearchDraft) -> None:
        """Type and choose what a draft says, without searching."""
        self._remembers = False
        self._query.setText(draft.query)
        self._options.show_draft(draft)
        self._narrowing.show(Narrowing.from_document(draft.filters))
        self.saved_id = draft.saved_id
        self._remembers = True

    def show_saved(self, saved: SavedSearch) -> None:
        """Type and choose what a saved search says, but for where it looks."""
        draft = saved.draft
        self.show(
            SearchDraft(
                draft.query,
                draft.mode,
                draft.order,
                scope=self._options.scope_model.scope.as_document(),
                filters=draft.filters,
                saved_id=saved.id,
                language=draft.language,
            )
        )

    def choose_scope(self, scope: SavedScope) -> FoundScope:
        """Look where a saved search looks; what of that is there, among known connections."""
        names = {c.id: c.name for c in self._options.connections}
        found = scope.among(names)
        self._remembers = False
        self._options.choose(found)
        self._narrowing.show(self._narrowing.current.among(names))
        self._remembers = True
        return found

    @Slot()
    def keep(self) -> None:
        """Write the choices down for searches to come."""
        if self._remembers:
            self._options.keep(self._memory)

    @Slot(object)
    def _keep_scope(self, scope: Scope) -> None:
        if self._remembers:
            self._memory.keep("scope", scope.as_document())
