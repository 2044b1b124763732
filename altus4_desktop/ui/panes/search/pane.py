"""The search pane: several searches, each in a tab of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QStackedWidget, QWidget

from altus4_desktop.domain.saved_searches import SHORTCUTS, SavedSearch
from altus4_desktop.domain.search_drafts import MAX_OPEN, OpenSearches, SearchDraft
from altus4_desktop.domain.searching import SearchRequest
from altus4_desktop.services.past_searches import Rerun
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.search.controller import Phase, SearchController, SearchState
from altus4_desktop.ui.panes.search.desk import SavedDesk
from altus4_desktop.ui.panes.search.drafts import DraftKeeper
from altus4_desktop.ui.panes.search.judging import JudgingBook
from altus4_desktop.ui.panes.search.measured import MeasuredSearch
from altus4_desktop.ui.panes.search.saved import shortcut_text
from altus4_desktop.ui.panes.search.tabs import SearchTabs, TabMark
from altus4_desktop.ui.panes.search.view import SearchView
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space, dress
from altus4_desktop.ui.widgets import IconButton

_MAX_CLOSED = 20


@dataclass
class _Tab:
    """A search that is open; its view is built when it first comes to the front."""

    number: int
    draft: SearchDraft = field(default_factory=SearchDraft)
    view: SearchView | None = None
    mark: TabMark = TabMark.NONE

    @property
    def current_draft(self) -> SearchDraft:
        """What is typed and chosen, under the name somebody gave it."""
        if self.view is None:
            return self.draft
        return replace(self.view.choices.draft, title=self.draft.title)


class SearchPane(Pane):
    """Searches over every connection; there is always one tab."""

    id = "search"
    title = "Search"
    icon_name = "search"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.memory = PaneMemory(session.services.data_dir, self.id)
        self.heading.hide()
        self.body.setSpacing(Space.S)
        self._tabs: dict[int, _Tab] = {}
        self._last_number = 0
        self._closed: deque[SearchDraft] = deque(maxlen=_MAX_CLOSED)
        self.tabs = SearchTabs()
        self.new_button = IconButton("plus", self.tr("New search"), name="search.new")
        self.new_button.setToolTip(self.tr("New search (Ctrl+T)"))
        self.stack = QStackedWidget()
        self.bar = QWidget()
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.XS)
        row.addWidget(self.tabs)
        row.addWidget(self.new_button)
        row.addStretch(1)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.stack, 1)
        self.drafts = DraftKeeper(session, self._look, self)
        self.desk = SavedDesk(session, self)
        self.judging = JudgingBook(session, self.memory, self)
        self._connect()
        self.open_tab()
        self.drafts.read()

    def dress(self) -> None:
        """Each search by itself: those behind are not seen."""
        for part in (self.heading, self.message, self.bar, self.desk.menu, self.view):
            dress(part)

    def _connect(self) -> None:
        self.tabs.currentChanged.connect(self._show_tab)
        self.tabs.close_wanted.connect(self.close_tab)
        self.tabs.renamed.connect(self._rename)
        self.tabs.tabMoved.connect(self.drafts.note_change)
        self.new_button.clicked.connect(self.new_tab)
        self.drafts.found.connect(self._restore)
        self.drafts.failed.connect(self.present)
        self.desk.menu.save_wanted.connect(self.save_current)
        self.desk.opened.connect(self.open_saved)
        self.desk.saved.connect(self._take_saved)
        self.desk.failed.connect(self.present)
        self.session.connections_changed.connect(self._read_connections)
        in_window, inside = (
            Qt.ShortcutContext.WindowShortcut,
            Qt.ShortcutContext.WidgetWithChildrenShortcut,
        )
        bindings: tuple[tuple[str, Callable[[], object], Qt.ShortcutContext], ...] = (
            ("Ctrl+T", self.new_tab, in_window),
            ("Ctrl+W", self.close_current, in_window),
            ("Ctrl+Shift+T", self.reopen_tab, in_window),
            ("Ctrl+Tab", self.next_tab, in_window),
            ("Ctrl+Shift+Tab", self.previous_tab, in_window),
            ("Ctrl+S", self.save_current, in_window),
            ("Ctrl+J", self.toggle_judging, in_window),
            *(
                (shortcut_text(digit), partial(self.desk.open_shortcut, digit), in_window)
                for digit in SHORTCUTS
            ),
            ("F2", self.rename_current, inside),
            ("Ctrl+L", self.focus_first, inside),
        )
        for keys, act, context in bindings:
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(context)
            shortcut.activated.connect(act)

    # Tabs

    @property
    def view(self) -> SearchView:
        """The search in front."""
        return self._view_of(self._current)

    @property
    def _current(self) -> _Tab:
        return self._tabs[self.tabs.number_at(self.tabs.currentIndex())]

    def _view_of(self, tab: _Tab) -> SearchView:
        if tab.view is None:
            before = self.stack.currentWidget()
            if isinstance(before, SearchView):
                before.save_layout()
            view = SearchView(self.session, self.memory, self.judging)
            if tab.draft != SearchDraft():
                view.choices.show(tab.draft)
            view.edited.connect(self._describe_sender)
            view.state_changed.connect(self._take_state)
            view.controller.related_ready.connect(self._search_related)
            view.production_changed.connect(self._tell_banner)
            view.watch.seen.connect(self.desk.mark_seen)
            view.query_box.saved_button.setMenu(self.desk.menu)
            view.judge_button.clicked.connect(self.toggle_judging)
            view.query_box.new_button.clicked.connect(self.new_tab)
            view.query_box.new_button.setVisible(not self._has_several())
            tab.view = view
            self.stack.addWidget(view)
        return tab.view

    def open_tab(self, draft: SearchDraft | None = None) -> SearchView:
        """Open a search in front of the others; when there are too many, in the place of one."""
        if len(self._tabs) >= MAX_OPEN:
            self.session.announced.emit(
                self.tr("No more than {count} searches can be open.").format(count=MAX_OPEN)
            )
            if draft is not None:
                self.view.choices.show(draft)
            return self.view
        tab = self._add(draft or SearchDraft())
        self.tabs.setCurrentIndex(self.tabs.place_of(tab.number))
        self._show_tab()
        return self.view

    def _add(self, draft: SearchDraft) -> _Tab:
        self._last_number += 1
        tab = _Tab(self._last_number, draft)
        self._tabs[tab.number] = tab
        self.tabs.add(tab.number)
        self._describe(tab)
        self._show_bar()
        return tab

    @Slot()
    def new_tab(self) -> None:
        """Open an empty search."""
        self.open_tab()
        self.focus_first()

    @Slot()
    def close_current(self) -> None:
        """Close the search in front."""
        self.close_tab(self._current.number)

    @Slot(int)
    def close_tab(self, number: int) -> None:
        """Close a search, and stop it; the last one leaves an empty one behind."""
        tab = self._tabs.pop(number, None)
        if tab is None:
            return
        draft = tab.current_draft
        if not draft.is_blank:
            self._closed.append(draft)
        if not self._tabs:
            self._add(SearchDraft())
        self.tabs.remove(number)
        if tab.view is not None:
            tab.view.shut()
            self.stack.removeWidget(tab.view)
            tab.view.hide()
            tab.view.deleteLater()
        self._show_bar()
        self._show_tab()

    @Slot()
    def reopen_tab(self) -> None:
        """Open the search that was closed last."""
        if self._closed:
            self.open_tab(self._closed.pop())
            self.focus_first()

    @Slot()
    def next_tab(self) -> None:
        """Bring the next search to the front; after the last comes the first."""
        self._step(1)

    @Slot()
    def previous_tab(self) -> None:
        """Bring the search before to the front."""
        self._step(-1)

    def _step(self, by: int) -> None:
        self.tabs.setCurrentIndex((self.tabs.currentIndex() + by) % self.tabs.count())

    @Slot()
    def rename_current(self) -> None:
        """Let people name the search in front."""
        if self._has_several():
            self.tabs.rename(self._current.number)

    @Slot(int, str)
    def _rename(self, number: int, name: str) -> None:
        tab = self._tabs.get(number)
        if tab is not None:
            tab.draft = replace(tab.current_draft, title=name)
            self._describe(tab)
            self.view.query.setFocus()

    @Slot()
    def _show_tab(self) -> None:
        tab = self._tabs.get(self.tabs.number_at(self.tabs.currentIndex()))
        if tab is None or self.stack.currentWidget() is tab.view:
            return
        focused = QApplication.focusWidget()
        inside = focused is not None and self.stack.isAncestorOf(focused)
        view = self._view_of(tab)
        dress(view)
        self.stack.setCurrentWidget(view)
        if tab.mark is not TabMark.RUNNING:
            tab.mark = TabMark.NONE
        self._describe(tab)
        if self.isVisible():
            view.activated()
        if inside:
            view.query.setFocus()

    def _has_several(self) -> bool:
        return len(self._tabs) > 1

    def _show_bar(self) -> None:
        several = self._has_several()
        self.bar.setVisible(several)
        for tab in self._tabs.values():
            if tab.view is not None:
                tab.view.query_box.new_button.setVisible(not several)

    @Slot()
    def _describe_sender(self) -> None:
        tab = self._tab_of(self.sender())
        if tab is not None:
            self._describe(tab)

    def _tab_of(self, view: object) -> _Tab | None:
        return next((tab for tab in self._tabs.values() if tab.view is view), None)

    def _describe(self, tab: _Tab) -> None:
        draft = tab.current_draft
        title = draft.title or draft.query.strip() or self.tr("New search")
        self.tabs.describe(tab.number, title, tab.mark)
        self.drafts.note_change()

    @Slot(object)
    def _take_state(self, state: SearchState) -> None:
        tab = self._tab_of(self.sender())
        if tab is None:
            return
        seen = self.stack.currentWidget() is tab.view
        if state.running:
            tab.mark = TabMark.RUNNING
        elif seen or tab.mark is TabMark.NONE:
            tab.mark = TabMark.NONE
        elif state.phase is Phase.FAILED or state.error or state.query_error:
            tab.mark = TabMark.FAILED
        else:
            tab.mark = TabMark.READY
        self._describe(tab)

    @Slot(object)
    def _search_related(self, query: str) -> None:
        """Search for rows like a hit, where that one was searched, in a tab of its own."""
        if not query:
            self.session.announced.emit(self.tr("This hit has no telling words."))
            return
        controller = self.sender()
        request = controller.state.request if isinstance(controller, SearchController) else None
        if request is not None:
            self.receive(SearchRequest(query, connection_ids=request.connection_ids))

    # Saved searches

    @Slot()
    def save_current(self) -> None:
        """Save the search in front, or what has become of the one that it was opened from."""
        self.desk.save(self.view, self._current.draft.title)

    @Slot(object)
    def _take_saved(self, saved: SavedSearch) -> None:
        self.view.choices.saved_id = saved.id
        self._describe(self._current)

    @Slot(object)
    def open_saved(self, saved: SavedSearch) -> None:
        """Run a saved search, in its tab if it has one."""
        tab = next(
            (tab for tab in self._tabs.values() if tab.current_draft.saved_id == saved.id), None
        )
        if tab is not None:
            self.tabs.setCurrentIndex(self.tabs.place_of(tab.number))
            self._show_tab()
        elif not self._current.current_draft.is_blank:
            self.open_tab()
        self.view.open_saved(saved)
        self._current.draft = replace(self._current.current_draft, title=saved.draft.name)
        self._describe(self._current)

    # Judging

    @Slot()
    def toggle_judging(self) -> None:
        """Begin to judge hits, with a hit beside the list, or end it."""
        self.judging.toggle()
        if self.judging.is_on:
            self.view.options.panel_button.setChecked(True)
            self.view.results.enter_list()
            self.session.announced.emit(
                self.tr("Judging: 0 to 3 grade a hit, Delete withdraws, Ctrl+Z takes back.")
            )
        else:
            self.session.announced.emit(self.tr("Judging has ended."))

    # Drafts

    def _look(self) -> OpenSearches:
        drafts = tuple(self._tabs[number].current_draft for number in self.tabs.numbers)
        return OpenSearches(drafts, self.tabs.currentIndex())

    @Slot(object)
    def _restore(self, searches: OpenSearches | None) -> None:
        """Show what was open, before what somebody has begun meanwhile; nothing is run."""
        if searches is None or all(draft.is_blank for draft in searches.drafts):
            return
        meanwhile = list(self._tabs.values())
        begun = any(
            not tab.current_draft.is_blank or tab.mark is not TabMark.NONE for tab in meanwhile
        )
        if begun:
            for draft in searches.drafts[: MAX_OPEN - len(meanwhile)]:
                self._add(draft)
            for _ in meanwhile:
                self.tabs.moveTab(0, self.tabs.count() - 1)
            return
        current = self._current
        for tab in meanwhile:
            if tab is not current:
                self.close_tab(tab.number)
        drafts = list(searches.drafts[:MAX_OPEN])
        front = searches.current if 0 <= searches.current < len(drafts) else 0
        # The empty search that is there becomes the one that was in front.
        self._fill(current, drafts.pop(front))
        for draft in drafts:
            self._add(draft)
        self.tabs.moveTab(0, front)

    def _fill(self, tab: _Tab, draft: SearchDraft) -> None:
        tab.draft = draft
        if tab.view is not None and draft != SearchDraft():
            tab.view.choices.show(draft)
        self._describe(tab)

    # The pane among panes

    def activated(self) -> None:
        """The pane came to the front."""
        self.view.activated()
        self.desk.book.read()

    @Slot()
    def _read_connections(self) -> None:
        # The others read them when they come to the front.
        self.view.controller.list_connections()

    @Slot()
    def _tell_banner(self) -> None:
        if self.sender() is self.stack.currentWidget():
            self.banner_changed.emit(self.view.options.looks_into_production)

    def receive(self, intent: object) -> None:
        """Run a query again: a text, a request with its mode and limit, one as it was measured or
        run once, or a saved search.

        What somebody has typed elsewhere stays: it gets a tab of its own.
        """
        if isinstance(intent, SavedSearch):
            self.open_saved(intent)
            return
        if not isinstance(intent, SearchRequest | MeasuredSearch | Rerun | str):
            return
        if isinstance(intent, str) and not intent.strip():
            return
        if not self._current.current_draft.is_blank:
            self.open_tab()
        self.view.receive(intent)

    @Slot()
    def focus_first(self) -> None:
        """Put the keyboard into the query."""
        self.view.focus_first()

    def commands(self) -> list[Command]:
        """What the command palette offers."""
        return [
            *self.view.commands(),
            Command("search.new", self.tr("New search"), self.new_tab, "plus", "Ctrl+T"),
            Command(
                "search.save", self.tr("Save the search"), self.save_current, "bookmark", "Ctrl+S"
            ),
            Command(
                "search.shelf", self.tr("Manage saved searches"), self.desk.open_shelf, "bookmark"
            ),
            Command(
                "search.judge",
                self.tr("Judge hits, or end it"),
                self.toggle_judging,
                "check-circle",
                "Ctrl+J",
            ),
            Command(
                "search.close", self.tr("Close the search"), self.close_current, "close", "Ctrl+W"
            ),
            Command(
                "search.reopen",
                self.tr("Open the search that was closed last"),
                self.reopen_tab,
                "history",
                "Ctrl+Shift+T",
                lambda: bool(self._closed),
            ),
            Command(
                "search.rename",
                self.tr("Name the search"),
                self.rename_current,
                "edit",
                "F2",
                self._has_several,
            ),
            Command(
                "search.next",
                self.tr("Next search"),
                self.next_tab,
                "chevron-right",
                "Ctrl+Tab",
                self._has_several,
            ),
            Command(
                "search.previous",
                self.tr("Previous search"),
                self.previous_tab,
                "chevron-left",
                "Ctrl+Shift+Tab",
                self._has_several,
            ),
        ]

    def large_parts(self) -> list[QWidget]:
        """The searches; the one in front last, for another would come in its place."""
        views: list[QWidget] = [tab.view for tab in self._tabs.values() if tab.view is not None]
        return sorted(views, key=lambda view: view is self.stack.currentWidget())

    def shut(self) -> None:
        """Cancel everything and write down the layout."""
        super().shut()
        self.drafts.close()
        self.desk.book.close()
        self.judging.close()
        self.view.save_layout()
        for tab in self._tabs.values():
            if tab.view is not None:
                tab.view.shut()
