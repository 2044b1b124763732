"""The pane of API keys: which there are, what becomes of them, and what a key from elsewhere is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.errors import AltusError, NotFoundError
from altus4_desktop.domain.keys import ApiKey, KeyDetails, KeyPage, KeySort
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.pane import Command
from altus4_desktop.ui.panes.keys.controller import KeysController
from altus4_desktop.ui.panes.keys.detail import KeyDetail
from altus4_desktop.ui.panes.keys.errands import KeyErrands
from altus4_desktop.ui.panes.keys.filters import KeyFilters, KeyQuestion
from altus4_desktop.ui.panes.keys.model import KeysModel, StoreClock
from altus4_desktop.ui.panes.keys.table import KeysTable
from altus4_desktop.ui.panes.keys.verify import VerifyBox
from altus4_desktop.ui.panes.keys.wording import count_words, number
from altus4_desktop.ui.panes.paged_pane import Page, PagedPane, Reading, build_split
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, EmptyState, IconButton, Label

if TYPE_CHECKING:
    from altus4_desktop.services.keys import KeysService

_MOST_COUNTED = 10_000
_ROOMY = 900
_LOW = 640
_STATES_MS = 20_000
_LIST_HEIGHT = 120


@dataclass(frozen=True)
class _Page(Page[ApiKey]):
    """With their owners' e-mail addresses, the store's time, and how many keys there are (None: not
    counted)."""

    owners: Mapping[str, str]
    read_at: datetime
    count: int | None = None


class KeysPane(PagedPane[KeyQuestion, ApiKey]):
    """Everybody's own keys, and for admins all of them."""

    id = "keys"
    title = "API keys"
    icon_name = "key"
    page_size = 100
    rereads = True

    filters: KeyFilters
    model: KeysModel
    table: KeysTable

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._is_admin = session.actor.role is Role.ADMIN
        self._new_id = ""
        self.clock = StoreClock()
        self.controller = KeysController(session, self)
        self.errands = KeyErrands(
            session, self.controller, self.clock, self, is_admin=self._is_admin
        )
        self._build_header()
        self.verify_box = VerifyBox(session)
        self.verify_box.closed.connect(self.focus_first)
        self.body.addWidget(self.verify_box)
        self.filters = KeyFilters(with_owner=self._is_admin)
        self.body.addWidget(self.filters)
        self.model = KeysModel(self.clock, self)
        self.table = KeysTable(self.model, with_owner=self._is_admin)
        self.detail = KeyDetail(self.clock)
        self.detail.hide()
        self._build_pages()
        self._build_selection_bar()
        self._connect()
        self._aging = QTimer(self)
        self._aging.setInterval(_STATES_MS)
        self._aging.timeout.connect(self.model.tick)
        self._draw()

    def shut(self) -> None:
        """Nobody waits for it any more."""
        self.controller.close()
        self.verify_box.drop()
        super().shut()

    def showEvent(self, event: QShowEvent) -> None:
        """Keep the states right while somebody looks; what was covered comes back."""
        super().showEvent(event)
        self._aging.start()
        if not event.spontaneous():
            self.errands.uncover()

    def hideEvent(self, event: QHideEvent) -> None:
        """The window was locked, or will be closed: a key that is shown, and what could be done
        without signing in, are covered."""
        super().hideEvent(event)
        self._aging.stop()
        if not event.spontaneous():
            self.errands.cover()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The key beside the list, or below it where there is no room."""
        super().resizeEvent(event)
        self._arrange()

    def commands(self) -> list[Command]:
        """What the palette offers."""
        sorts = (
            (KeySort.EXPIRES, self.tr("Sort keys by expiry")),
            (KeySort.LAST_USED, self.tr("Sort keys by last use")),
            (KeySort.USES, self.tr("Sort keys by uses")),
            (KeySort.NAME, self.tr("Sort keys by name")),
        )
        return [
            Command("keys.create", self.tr("Create an API key"), self.create_key, "plus", "Ctrl+N"),
            Command("keys.verify", self.tr("Verify an API key"), self.verify_box.open_, "shield"),
            *(
                Command(
                    f"keys.sort.{sort}", title, partial(self.table.sort_by, sort), icon_name="sort"
                )
                for sort, title in sorts
            ),
        ]

    @Slot()
    def create_key(self) -> None:
        """Ask what the new key is to be."""
        self.errands.create()

    @Slot()
    def edit_key(self) -> None:
        """Ask what is to be changed of the key in the panel."""
        key = self.detail.key
        if key is not None and self.detail.edit_button.isEnabled():
            self.errands.edit(key)

    @Slot()
    def rotate_key(self) -> None:
        """Ask how the key in the panel is to be replaced."""
        if self.detail.key is not None:
            self.errands.rotate(self.detail.key)

    @Slot()
    def revoke_key(self) -> None:
        """Ask before the key in the panel is revoked."""
        if self.detail.key is not None:
            self.errands.revoke([self.detail.key])

    @Slot()
    def revoke_selected(self) -> None:
        """Ask before what is selected is revoked."""
        self.errands.revoke([key for key in self.selected_records() if key.is_active])

    # What has been done

    @Slot()
    def _take_begin(self) -> None:
        self.message.clear()
        self._draw()

    @Slot()
    def _take_end(self) -> None:
        self.table.setFocus()

    @Slot(object)
    def _take_made(self, key: ApiKey) -> None:
        self._new_id = key.id
        self._take_edited(key)

    @Slot(object)
    def _take_edited(self, key: ApiKey) -> None:
        self._show_key(key)
        self.refresh()

    @Slot(object)
    def _take_revoked(self, keys: tuple[ApiKey, ...]) -> None:
        shown = self.detail.key
        if shown is not None and shown.id in {key.id for key in keys}:
            self.controller.read_details(shown.id)
        self.refresh()

    # What the store says

    def question(self) -> KeyQuestion:
        """What the filters ask for, in the order of the table."""
        return self.filters.question(self.table.sort, descending=self.table.descending)

    def build_reading(self, question: KeyQuestion, count: int, *, anew: bool) -> Reading[ApiKey]:
        """What reads the first keys, and how many there are."""
        keys, actor = self.session.services.keys, self.session.actor

        def read(_: TaskContext) -> _Page:
            page = _list(keys, actor, question, None, count)
            counted = keys.count_(
                actor, question.wanted, question.text, question.owner_text, _MOST_COUNTED
            )
            return _Page(page.keys, page.more, page.owners, page.read_at, counted)

        return read

    def build_reading_on(self, question: KeyQuestion, last: ApiKey) -> Reading[ApiKey]:
        """What reads the keys after ``last``."""
        keys, actor, size = self.session.services.keys, self.session.actor, self.page_size

        def read(_: TaskContext) -> _Page:
            page = _list(keys, actor, question, last, size)
            return _Page(page.keys, page.more, page.owners, page.read_at)

        return read

    def take_page(self, page: Page[ApiKey]) -> None:
        """Take owners, time and count."""
        if isinstance(page, _Page):
            self.model.know_owners(page.owners)
            self.clock.set(page.read_at)
            if page.count is not None:
                self._count.setText(count_words(page.count, _MOST_COUNTED))

    def follow_page(self) -> None:
        """A key that was made is selected; what is shown beside the list is what that knows now."""
        row, self._new_id = self.model.row_of(self._new_id), ""
        if row >= 0:
            self._reselecting = True
            self.table.selectRow(row)
            self._reselecting = False
        self._renew_detail()

    def _renew_detail(self) -> None:
        shown = self.detail.key
        if shown is None or not self.detail.isVisibleTo(self):
            return
        key = self.model.record_at(self.model.row_of(shown.id))
        if key is not None and key != shown:
            self.detail.show_key(key, self.model.owner_of(key))
        self.controller.read_details(shown.id)

    @Slot(object)
    def _take_details(self, details: KeyDetails) -> None:
        if self.detail.key is not None and self.detail.key.id == details.key.id:
            self.clock.set(details.read_at)
            self.detail.show_details(details)

    @Slot(object)
    def _take_detail_failure(self, error: BaseException) -> None:
        if isinstance(error, NotFoundError):
            self._close_detail()
        if isinstance(error, AltusError):
            self.message.show_error(error)

    # What is seen

    def follow_selection(self) -> None:
        """One key in full, or what can be done with several."""
        keys = self.selected_records()
        if len(keys) == 1:
            self._show_key(keys[0])
            self.table.scrollTo(self.model.index(self.model.row_of(keys[0].id), 1))
        else:
            self._hide_detail()
        self._draw()

    def _show_key(self, key: ApiKey) -> None:
        appears = not self.detail.isVisibleTo(self)
        self.detail.show_key(key, self.model.owner_of(key))
        self.detail.show()
        self._arrange()
        if appears:
            # What the splitter would give the list is too little to tell keys apart.
            self._split.setSizes([1100, 900])
        self.controller.read_details(key.id)

    @Slot(str)
    def _show_other(self, key_id: str) -> None:
        """A neighbour of the key in the panel, whether it is in the list or not."""
        row = self.model.row_of(key_id)
        if row >= 0:
            self.table.selectRow(row)
            return
        neighbour = self.detail.neighbour(key_id)
        self._reselecting = True
        self.table.clearSelection()
        self._reselecting = False
        if neighbour is not None:
            self._show_key(neighbour)
        self._draw()

    def _hide_detail(self) -> None:
        self.controller.drop_details()
        self.detail.hide()
        self._arrange()

    @Slot()
    def _close_detail(self) -> None:
        self.table.clearSelection()
        self._hide_detail()
        self.table.setFocus()

    @property
    def has_list(self) -> bool:
        """Also while a key is shown that is in the list no more."""
        return super().has_list or self.detail.isVisibleTo(self)

    @Slot()
    def _draw(self) -> None:
        super()._draw()
        self._count.setVisible(not self._is_busy and self._error is None)
        acting = self.controller.is_acting
        self.detail.set_busy(busy=acting)
        several = len(self.table.selectionModel().selectedRows())
        self._bar.setVisible(several > 1)
        self._selected.setText(self.tr("{count} keys selected").format(count=number(several)))
        working = sum(key.is_active for key in self.selected_records()) if several > 1 else 0
        self.revoke_selected_button.setText(
            self.tr("Revoke {count}…").format(count=number(working))
        )
        self.revoke_selected_button.setEnabled(working > 0 and not acting)

    def _arrange(self) -> None:
        """Beside each other, one above the other, or only one of both."""
        wide = self.width() >= _ROOMY
        shown = self.detail.isVisibleTo(self)
        low = not wide and self.height() < _LOW
        self._split.setOrientation(Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical)
        self.table.setHidden(low and shown)
        self.filters.setHidden(low and shown)

    # Building

    def _build_header(self) -> None:
        self._count = Label("", "caption")
        self._count.setObjectName("keys.count")
        self.header.addWidget(self._count)
        refresh = IconButton("refresh", self.tr("Read again"), name="keys.refresh")
        refresh.clicked.connect(self.refresh)
        self._verify = Button(self.tr("Verify a key"), icon_name="shield", name="keys.verify")
        self._create = Button(
            self.tr("Create a key"), "primary", icon_name="plus", name="keys.create"
        )
        self._create.setShortcut("Ctrl+N")
        self._create.clicked.connect(self.create_key)
        for button in (refresh, self._verify, self._create):
            self.header.addWidget(button)

    def _build_pages(self) -> None:
        self._split = build_split(self.table, self.detail)
        create = Button(
            self.tr("Create a key"), "primary", icon_name="plus", name="keys.create_first"
        )
        create.clicked.connect(self.create_key)
        empty = EmptyState(
            "key",
            self.tr("No API key that works"),
            self.tr(
                "A key lets a program act for you, on the command line or through an Altus 4 "
                "server, without your password. You decide what it may do and for how long."
            ),
            action=create,
        )
        self.build_list(
            self._split,
            busy=self.tr("Reading the API keys…"),
            empty=empty,
            nothing=self.nothing_fits(
                self.tr("No key fits"),
                self.tr("Try another choice, or fewer letters."),
                Button(self.tr("Show all keys"), name="keys.show_all"),
            ),
            again="keys.again",
        )
        # The tallest of its pages would make the window grow when the box for verifying opens.
        self._pages.setMinimumHeight(_LIST_HEIGHT)

    def _build_selection_bar(self) -> None:
        self._bar = QWidget()
        row = QHBoxLayout(self._bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        self._selected = Label("", "strong")
        self.revoke_selected_button = Button(
            self.tr("Revoke…"), icon_name="stop", name="keys.revoke_selected"
        )
        self.revoke_selected_button.clicked.connect(self.revoke_selected)
        nothing = Button(self.tr("Select none"), "quiet", name="keys.select_none")
        nothing.clicked.connect(self.table.clearSelection)
        row.addWidget(self._selected)
        row.addStretch(1)
        row.addWidget(nothing)
        row.addWidget(self.revoke_selected_button)
        self.body.addWidget(self._bar)

    def _connect(self) -> None:
        self._verify.clicked.connect(self.verify_box.open_)
        self.table.sort_wanted.connect(self._ask)
        self.table.edit_wanted.connect(self.edit_key)
        self.table.revocation_wanted.connect(self.revoke_selected)
        self.detail.closed.connect(self._close_detail)
        self.detail.edit_wanted.connect(self.edit_key)
        self.detail.rotation_wanted.connect(self.rotate_key)
        self.detail.revocation_wanted.connect(self.revoke_key)
        self.detail.key_wanted.connect(self._show_other)
        for signal, slot in (
            (self.controller.detailed, self._take_details),
            (self.controller.detail_failed, self._take_detail_failure),
            (self.controller.action_ended, self._draw),
            (self.errands.begun, self._take_begin),
            (self.errands.ended, self._take_end),
            (self.errands.made, self._take_made),
            (self.errands.edited, self._take_edited),
            (self.errands.revoked, self._take_revoked),
            (self.errands.failed, self.present),
            (self.errands.missing, self.refresh),
        ):
            signal.connect(slot)


def _list(
    keys: KeysService, actor: Actor, question: KeyQuestion, after: ApiKey | None, limit: int
) -> KeyPage:
    return keys.list_(
        actor,
        question.wanted,
        question.sort,
        descending=question.descending,
        text=question.text,
        owner_text=question.owner_text,
        after=after,
        limit=limit,
    )
