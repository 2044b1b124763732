"""What the search pane does with saved searches: save, look through, open by menu or keys."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.saved_searches import SavedSearch, SavedSearchDraft, Sighting
from altus4_desktop.ui.panes.search.saved import SavedMenu, SavedSearches, shortcut_text
from altus4_desktop.ui.panes.search.saving import SaveSearchDialog
from altus4_desktop.ui.panes.search.shelf import SavedShelf
from altus4_desktop.ui.panes.search.view import SearchView
from altus4_desktop.ui.session import Session

_NAME_LENGTH = 60


class SavedDesk(QObject):
    """``opened`` and ``saved`` (SavedSearch): one is to be run, one was saved from a view."""

    opened = Signal(object)
    saved = Signal(object)
    failed = Signal(object)

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._window = parent
        self.book = SavedSearches(session, self)
        self.book.opened.connect(self.opened)
        self.book.failed.connect(self.failed)
        self.menu = SavedMenu(self.book, parent)
        self.menu.opened.connect(self._open)
        self.menu.manage_wanted.connect(self.open_shelf)

    def save(self, view: SearchView, title: str) -> None:
        """Save what is in a view; ``title`` is the name of its tab, or empty."""
        query = view.query.text().strip()
        if not query:
            view.note.show_message("info", self.tr("Type a query, then save it."))
            view.focus_first()
            return
        found = self.book.find(view.choices.saved_id)
        existing = found if found is not None and self.book.is_own(found) else None
        now = view.choices.draft
        draft = SavedSearchDraft(
            name=existing.name if existing else title or query[:_NAME_LENGTH],
            query=query,
            folder=existing.folder if existing else "",
            mode=now.mode,
            order=now.order,
            language=now.language,
            scope=view.choices.saved_scope,
            filters=now.filters,
            is_shared=existing is not None and existing.is_shared,
            shortcut=existing.shortcut if existing else None,
            alerts=existing is not None and existing.alerts,
        )
        dialog = SaveSearchDialog(self._session, self.book, draft, existing, self._window)
        dialog.saved.connect(self._take)
        dialog.open()

    @Slot(object)
    def _take(self, saved: SavedSearch) -> None:
        self.saved.emit(saved)
        self.book.read()
        self._session.announced.emit(self.tr("Saved “{name}”").format(name=saved.draft.name))

    @Slot()
    def open_shelf(self) -> None:
        """Look through what is saved."""
        self.book.read()
        shelf = SavedShelf(self._session, self.book, self._window)
        shelf.opened.connect(self._open)
        shelf.open()

    def open_shortcut(self, digit: int) -> None:
        """Run the one that has these keys."""
        saved = self.book.at_shortcut(digit)
        if saved is not None:
            self.book.open(saved.id)
        else:
            self._session.announced.emit(
                self.tr("No saved search has the keys {keys}").format(keys=shortcut_text(digit))
            )

    @Slot(object, object)
    def mark_seen(self, saved: SavedSearch, sighting: Sighting) -> None:
        """Keep what was found when its owner looked."""
        self.book.mark_seen(saved, sighting)

    @Slot(str)
    def _open(self, search_id: str) -> None:
        self.book.open(search_id)
