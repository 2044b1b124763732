"""The saved searches of the signed-in person: read, changed, offered in a menu by folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QObject, Qt, Signal, SignalInstance, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from altus4_desktop.domain.saved_searches import SavedSearch, SavedSearchEntry, Sighting
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.search.wording import one_line
from altus4_desktop.ui.session import Session

_SHOWN_LENGTH = 60


def shortcut_text(digit: int) -> str:
    """The keys that open the saved search with this digit."""
    return f"Alt+{digit}"


class SavedSearches(QObject):
    """What is saved, as it was read last; ``changed``: it was read again.

    ``opened`` carries a whole one (SavedSearch), ``deleted`` what was deleted; ``failed`` an error
    of any of it.
    """

    changed = Signal()
    opened = Signal(object)
    deleted = Signal(object)
    failed = Signal(object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.searches: tuple[SavedSearchEntry, ...] = ()
        self._reading = LatestTask(session.runner, Lane.METADATA, self)
        self._reading.succeeded.connect(self._take)
        self._reading.failed.connect(self.failed)
        self._changing: list[TaskHandle] = []

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of one's own searches."""
        own = {saved.folder for saved in self.searches if self.is_own(saved)}
        return tuple(sorted(own - {""}, key=str.casefold))

    def is_own(self, saved: SavedSearch | SavedSearchEntry) -> bool:
        """Whether it belongs to whoever is signed in."""
        return saved.user_id == self._session.actor.user_id

    def find(self, search_id: str) -> SavedSearchEntry | None:
        """One by id."""
        return next((saved for saved in self.searches if saved.id == search_id), None)

    def at_shortcut(self, digit: int) -> SavedSearchEntry | None:
        """One's own with this digit."""
        return next((s for s in self.searches if s.shortcut == digit and self.is_own(s)), None)

    @Slot()
    def read(self) -> None:
        """Read what is saved."""
        service, actor = self._session.services.saved_searches, self._session.actor

        def work(_: TaskContext) -> list[SavedSearchEntry]:
            return service.list_(actor)

        self._reading.start(work)

    def open(self, search_id: str) -> None:
        """Read a whole one, for ``opened``."""
        self.fetch(search_id, self.opened)

    def fetch(self, search_id: str, then: Callable[..., object] | SignalInstance) -> None:
        """Read a whole one, for ``then``."""
        service, actor = self._session.services.saved_searches, self._session.actor

        def work(_: TaskContext) -> SavedSearch:
            return service.get_(actor, search_id)

        self._change(work, then)

    def delete(self, searches: Iterable[SavedSearchEntry]) -> None:
        """Delete these."""
        service, actor = self._session.services.saved_searches, self._session.actor
        ids = [saved.id for saved in searches]

        def work(_: TaskContext) -> list[SavedSearch]:
            return service.delete_(actor, ids)

        self._change(work, self._take_deleted)

    def restore(self, searches: Sequence[SavedSearch]) -> None:
        """Save deleted ones of one's own again."""
        service, actor = self._session.services.saved_searches, self._session.actor
        drafts = [saved.draft for saved in searches if self.is_own(saved)]

        def work(_: TaskContext) -> None:
            for draft in drafts:
                service.create_(actor, draft)

        self._change(work, self._read_again)

    def mark_seen(self, saved: SavedSearch, sighting: Sighting) -> None:
        """Keep what was found now."""
        service, actor = self._session.services.saved_searches, self._session.actor

        def work(_: TaskContext) -> None:
            service.mark_seen_(actor, saved.id, sighting)

        self._change(work, self._read_again)

    def close(self) -> None:
        """Hear nothing more."""
        self._reading.drop()
        for handle in self._changing:
            handle.blockSignals(True)

    def _change(
        self,
        work: Callable[[TaskContext], object],
        then: Callable[..., object] | SignalInstance,
    ) -> None:
        handle = self._session.runner.submit(Lane.METADATA, work)
        handle.succeeded.connect(then)
        handle.failed.connect(self.failed)
        under_way = [other for other in self._changing if not other.is_finished]
        self._changing = [*under_way, handle]

    @Slot(object)
    def _take(self, searches: list[SavedSearchEntry]) -> None:
        self.searches = tuple(searches)
        self.changed.emit()

    @Slot(object)
    def _take_deleted(self, searches: list[SavedSearch]) -> None:
        self.deleted.emit(searches)
        self.read()

    @Slot()
    def _read_again(self) -> None:
        self.read()


class SavedMenu(QMenu):
    """Opens a saved search, by folder; ``opened`` carries its id."""

    opened = Signal(str)
    save_wanted = Signal()
    manage_wanted = Signal()

    def __init__(self, saved: SavedSearches, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.saved.menu")
        self._saved = saved
        self._folders: dict[str, QMenu] = {}
        self.aboutToShow.connect(self._fill)

    @Slot()
    def _fill(self) -> None:
        self.clear()
        for folder in self._folders.values():
            folder.deleteLater()
        self._folders = {}
        for text, name, picture, keys, act in (
            (
                self.tr("Save this search…"),
                "search.saved.save",
                "bookmark",
                "Ctrl+S",
                self.save_wanted,
            ),
            (
                self.tr("Manage saved searches…"),
                "search.saved.manage",
                "folder",
                "",
                self.manage_wanted,
            ),
        ):
            action = QAction(icon(picture), text, self)
            action.setObjectName(name)
            self._show_keys(action, keys)
            action.triggered.connect(act)
            self.addAction(action)
        self.addSeparator()
        own = [saved for saved in self._saved.searches if self._saved.is_own(saved)]
        others = [saved for saved in self._saved.searches if not self._saved.is_own(saved)]
        for saved in own:
            self._folder(saved.folder).addAction(self._entry(saved))
        if others:
            shared = self._add_folder(self, self.tr("Shared by others"), "\n")
            for saved in others:
                shared.addAction(self._entry(saved, owner=saved.owner))
        if not self._saved.searches:
            nothing = QAction(self.tr("Nothing is saved yet"), self)
            nothing.setEnabled(False)
            self.addAction(nothing)

    def _entry(self, saved: SavedSearchEntry, owner: str = "") -> QAction:
        name = one_line(saved.name)
        text = f"{name} ({one_line(owner)})" if owner else name
        shown = text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"
        action = QAction(icon("search"), shown.replace("&", "&&"), self)
        action.setData(saved.id)
        if saved.shortcut is not None and not owner:
            self._show_keys(action, shortcut_text(saved.shortcut))
        action.triggered.connect(self._open)
        return action

    def _show_keys(self, action: QAction, keys: str) -> None:
        if keys:
            action.setShortcut(QKeySequence(keys))
            # Shown in the menu only: the pane binds the keys.
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)

    def _folder(self, path: str) -> QMenu:
        if not path:
            return self
        if path not in self._folders:
            above, _, name = path.rpartition("/")
            self._add_folder(self._folder(above), name, path)
        return self._folders[path]

    def _add_folder(self, above: QMenu, name: str, path: str) -> QMenu:
        made = QMenu(one_line(name)[:_SHOWN_LENGTH].replace("&", "&&"), self)
        made.setIcon(icon("folder"))
        above.addMenu(made)
        self._folders[path] = made
        return made

    @Slot()
    def _open(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.opened.emit(str(action.data()))
