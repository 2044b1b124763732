"""What the panes have in common that list what a store gives page by page."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from PySide6.QtCore import QItemSelectionModel, Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QSplitter, QStackedWidget, QTableView, QWidget

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.models.records import R
from altus4_desktop.ui.pane import Pane
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.paged import KeyedModel
from altus4_desktop.ui.panes.paged_filters import PagedFilters
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Busy, Button, EmptyState

Q = TypeVar("Q")


@dataclass(frozen=True)
class Page(Generic[R]):
    """What was read, and whether there is more after it; with ``back_to`` it is but a part: all
    from that instant on, and more is looked for. Panes add what else they have read."""

    records: Sequence[R]
    has_more: bool
    back_to: datetime | None = field(default=None, kw_only=True)


Reading = Callable[[TaskContext], Page[R]]


class PagedPane(Pane, Generic[Q, R]):
    """A list that ``filters`` narrow down and that is read as it is scrolled.

    Subclasses make ``filters``, ``model`` and ``table``, then call `build_list`, and say how a
    question (compared by value) is asked. ``page_size`` is what the first page holds at least;
    ``rereads`` is for lists in which what was read long ago may have become something else: all
    that is shown is read again, not the first page alone.
    """

    page_size = 200
    rereads = False

    filters: PagedFilters
    model: KeyedModel[R]
    table: QTableView

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._is_busy = True
        self._is_stale = False
        self._lacks_offers = False
        self._error: AltusError | None = None
        self._asked: Q | None = None
        self._shown: Q | None = None
        self._reselecting = False
        # The list may be long: reading it does not hold up the lane of the store.
        self._first = LatestTask(session.runner, Lane.TENANTS, self)
        self._first.updated.connect(self._take_part)
        self._first.succeeded.connect(self._take_first)
        self._first.failed.connect(self._take_failure)
        self._first.cancelled.connect(self._note_cancelled)
        self._more = LatestTask(session.runner, Lane.TENANTS, self)
        # How many there were before more was read.
        self._before = 0
        self._more.updated.connect(self._take_more)
        self._more.succeeded.connect(self._take_more)
        self._more.failed.connect(self.present)

    # What a subclass says

    def question(self) -> Q:
        """What the filters ask for."""
        raise NotImplementedError

    def build_reading(self, question: Q, count: int, *, anew: bool) -> Reading[R]:
        """What reads the first ``count`` records; ``anew``: and what the filters offer."""
        raise NotImplementedError

    def build_reading_on(self, question: Q, last: R) -> Reading[R]:
        """What reads the page after ``last``."""
        raise NotImplementedError

    def take_page(self, page: Page[R]) -> None:
        """Take what else was read; its records are shown next."""

    def follow_look(self, back_to: datetime | None) -> None:
        """Say how far back it has been looked while more is looked for, or that this has ended."""

    def select_again(self, keys: set[Hashable], current: Hashable, row: int) -> None:
        """The list is another one: select what was selected, and put the keyboard at ``current``,
        which was in ``row``."""
        selection = self.table.selectionModel()
        rows = QItemSelectionModel.SelectionFlag.Rows
        for at, record in enumerate(self.model.records):
            key, index = self.model.key_of(record), self.model.index(at, 0)
            if key in keys:
                selection.select(index, QItemSelectionModel.SelectionFlag.Select | rows)
            if key == current:
                selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)

    def follow_selection(self) -> None:
        """Show what belongs to the selected records; not called while a page is shown."""

    def follow_page(self) -> None:
        """A page has been shown: renew what is beside the list."""

    @property
    def has_list(self) -> bool:
        """Whether there is something to show; else it is said why not."""
        return self.model.rowCount() > 0

    # What the window asks for

    def activated(self) -> None:
        """Read what has come meanwhile."""
        self.refresh()

    def focus_first(self) -> None:
        """The list, or the filter while there is none."""
        (self.table if self.model.rowCount() else self.filters.text).setFocus()

    def shut(self) -> None:
        """Nobody waits for it any more."""
        self._first.drop()
        self._more.drop()
        super().shut()

    def showEvent(self, event: QShowEvent) -> None:
        """Reading that the lock of the window has stopped begins anew."""
        super().showEvent(event)
        if self._is_stale and not event.spontaneous():
            self.refresh()

    # Reading

    @Slot()
    def refresh(self) -> None:
        """Read again; selection and place stay."""
        self.read_first(anew=True, whole=self.rereads)

    def read_first(self, *, anew: bool = False, whole: bool = False) -> None:
        """Read the first page; ``whole``: as much as is shown of the same question."""
        question = self.question()
        self._asked, self._is_stale = question, False
        self.follow_look(None)
        shown = self.model.rowCount() if whole and question == self._shown else 0
        # A filter that is chosen meanwhile takes the place of this reading, and not of its names.
        self._lacks_offers = self._lacks_offers or anew
        count = max(self.page_size, shown)
        self._first.start(self.build_reading(question, count, anew=self._lacks_offers))

    @Slot()
    def _ask(self) -> None:
        if self.question() != self._asked:
            self.read_first()

    @Slot()
    def _read_more(self) -> None:
        if self._shown is not None and self.model.rowCount():
            self.read_on(self._shown)

    def read_on(self, question: Q) -> None:
        """Read the page after the last record of the list."""
        self._before = self.model.rowCount()
        self._more.start(self.build_reading_on(question, self.model.records[-1]))

    @Slot(object)
    def _take_part(self, page: Page[R]) -> None:
        # What is shown of the same question stays until there is more of it.
        if self._asked != self._shown or len(page.records) > self.model.rowCount():
            self._take_first(page)
        else:
            self.follow_look(page.back_to)

    @Slot(object)
    def _take_first(self, page: Page[R]) -> None:
        had_focus = self.filters.text.hasFocus() and not self.filters.text.text()
        was_busy, self._error = self._is_busy, None
        self._lacks_offers = False
        self._is_busy = page.back_to is not None and not page.records
        same = self._asked == self._shown
        self._shown = self._asked
        index = self.table.currentIndex()
        current = self.model.record_at(index.row()) if index.isValid() else None
        keys = {self.model.key_of(record) for record in self.selected_records()}
        place = self.table.verticalScrollBar().value() if same else 0
        self.take_page(page)
        self._reselecting = True
        if self.model.show_first(page.records, has_more=page.has_more, same_question=same):
            self._more.drop()
            key = None if current is None else self.model.key_of(current)
            self.select_again(keys, key, index.row())
            self.table.verticalScrollBar().setValue(place)
        self._reselecting = False
        self.follow_look(page.back_to)
        self.follow_page()
        self._draw()
        if was_busy and had_focus and self.model.rowCount():
            self.focus_first()

    @Slot(object)
    def _take_more(self, page: Page[R]) -> None:
        self.take_page(page)
        new = page.records[self.model.rowCount() - self._before :]
        self.model.add_page(new, has_more=page.has_more)
        self.follow_look(page.back_to)

    @Slot(object)
    def _take_failure(self, error: object) -> None:
        if isinstance(error, AltusError):
            self._is_busy, self._error = False, error
            self.follow_look(None)
            self._draw()

    @Slot()
    def _note_cancelled(self) -> None:
        self._is_stale = True

    # What is seen

    def selected_records(self) -> list[R]:
        """What is selected, in the order of the list."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [record for row in rows if (record := self.model.record_at(row)) is not None]

    @Slot()
    def _take_selection(self) -> None:
        if not self._reselecting:
            self.follow_selection()

    @Slot()
    def _enter_table(self) -> None:
        self.table.setFocus()
        if not self.table.currentIndex().isValid():
            self.table.selectRow(0)

    @Slot()
    def _draw(self) -> None:
        if self._is_busy:
            page: QWidget = self._busy
        elif self._error is not None:
            self._failed.set("error", error_message(self._error), error_hint(self._error))
            page = self._failed
        elif self.has_list:
            page = self._list
        else:
            page = self._nothing if self.filters.is_set else self._empty
        self._pages.setCurrentWidget(page)

    # Building

    def build_list(
        self, shown: QWidget, *, busy: str, empty: EmptyState, nothing: EmptyState, again: str
    ) -> None:
        """Put the list, ``shown``, into the body, or in its place what is said while it is read,
        is empty, holds nothing that the filters let by, or has failed (with a button ``again``)."""
        self.filters.changed.connect(self._ask)
        self.filters.left_downwards.connect(self._enter_table)
        self.model.more_wanted.connect(self._read_more)
        self.table.selectionModel().selectionChanged.connect(self._take_selection)
        retry = Button(self.tr("Try again"), icon_name="refresh", name=again)
        retry.clicked.connect(self.refresh)
        self._busy, self._list, self._empty, self._nothing = Busy(busy), shown, empty, nothing
        self._failed = EmptyState("error", "", action=retry)
        self._pages = QStackedWidget()
        for page in (self._busy, self._list, self._empty, self._nothing, self._failed):
            self._pages.addWidget(page)
        self.body.addWidget(self._pages, 1)

    def nothing_fits(self, title: str, text: str, clear: Button) -> EmptyState:
        """What is said when the filters let nothing by; ``clear`` clears them."""
        clear.clicked.connect(self.filters.clear)
        return EmptyState("filter", title, text, action=clear)


def build_split(table: QWidget, detail: QWidget) -> QSplitter:
    """A list, and one of its records in full beside it."""
    split = QSplitter(Qt.Orientation.Horizontal)
    split.setChildrenCollapsible(False)
    split.setHandleWidth(Space.M)
    split.addWidget(table)
    split.addWidget(detail)
    split.setStretchFactor(0, 3)
    split.setStretchFactor(1, 2)
    return split
