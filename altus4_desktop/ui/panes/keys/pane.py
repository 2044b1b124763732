"""The pane of API keys: which there are, what becomes of them, and what a key from elsewhere is."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QItemSelection, Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QWidget

from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.errors import AltusError, NotFoundError
from altus4_desktop.domain.keys import ApiKey, KeyDetails, KeyPage, KeySort
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.keys.controller import MOST_COUNTED, KeysController, Listed
from altus4_desktop.ui.panes.keys.detail import KeyDetail
from altus4_desktop.ui.panes.keys.errands import KeyErrands
from altus4_desktop.ui.panes.keys.filters import KeyFilters, KeyQuestion
from altus4_desktop.ui.panes.keys.model import KeysModel, StoreClock
from altus4_desktop.ui.panes.keys.table import KeysTable
from altus4_desktop.ui.panes.keys.verify import VerifyBox
from altus4_desktop.ui.panes.keys.wording import count_words, number
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Busy, Button, EmptyState, IconButton, Label

_ROOMY = 900
_LOW = 640
_STATES_MS = 20_000
_LIST_HEIGHT = 120


class KeysPane(Pane):
    """Everybody's own keys, and for admins all of them."""

    id = "keys"
    title = "API keys"
    icon_name = "key"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._is_admin = session.actor.role is Role.ADMIN
        self._is_busy = True
        self._error: AltusError | None = None
        self._shown: KeyQuestion | None = None
        self._reselecting = False
        self._is_stale = False
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
        self.filters.changed.connect(self._ask)
        self.filters.left_downwards.connect(self._enter_table)
        self.body.addWidget(self.filters)
        self.model = KeysModel(self.clock, self)
        self.model.more_wanted.connect(self._read_more)
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

    def activated(self) -> None:
        """Read what has become of the keys meanwhile."""
        self.refresh()

    def focus_first(self) -> None:
        """The list, or the filter while there is none."""
        (self.table if self.model.rowCount() else self.filters.text).setFocus()

    def shut(self) -> None:
        """Nobody waits for it any more."""
        self.controller.drop()
        self.verify_box.drop()
        super().shut()

    def showEvent(self, event: QShowEvent) -> None:
        """Keep the states right while somebody looks; what was covered comes back."""
        super().showEvent(event)
        self._aging.start()
        if event.spontaneous():
            return
        self.errands.uncover()
        if self._is_stale:
            self.refresh()

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
    def refresh(self) -> None:
        """Read the keys again; selection and place stay."""
        self._is_stale = False
        question = self._question()
        same = question == self._shown
        self.controller.list_(question, self.model.rowCount() if same else 0)

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
        self.errands.revoke([key for key in self.table.selected_keys() if key.is_active])

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

    def _question(self) -> KeyQuestion:
        return self.filters.question(self.table.sort, descending=self.table.descending)

    @Slot()
    def _ask(self) -> None:
        if self._question() != self._shown:
            self.controller.list_(self._question(), 0)

    @Slot()
    def _read_more(self) -> None:
        keys = self.model.records
        if keys and self._shown is not None:
            self.controller.list_more(self._shown, keys[-1])

    @Slot(object)
    def _take_list(self, listed: Listed) -> None:
        had_focus = self.filters.text.hasFocus() and not self.filters.text.text()
        was_busy, self._is_busy, self._error = self._is_busy, False, None
        same = listed.question == self._shown
        self._shown = listed.question
        page = listed.page
        self.clock.set(page.read_at)
        self._count.setText(count_words(listed.count, MOST_COUNTED))
        selected = {key.id for key in self.table.selected_keys()}
        current = self.model.record_at(self.table.currentIndex().row())
        place = self.table.verticalScrollBar().value() if same else 0
        self._reselecting = True
        if self.model.show_first(page.keys, page.owners, has_more=page.more):
            self.table.select_keys(selected, current.id if current is not None else "")
            self.table.verticalScrollBar().setValue(place)
        row, self._new_id = self.model.row_of(self._new_id), ""
        if row >= 0:
            self.table.selectRow(row)
        self._reselecting = False
        self._renew_detail()
        self._draw()
        if was_busy and had_focus:
            self.focus_first()

    def _renew_detail(self) -> None:
        """What is shown beside the list is what the list knows now."""
        shown = self.detail.key
        if shown is None or not self.detail.isVisibleTo(self):
            return
        key = self.model.record_at(self.model.row_of(shown.id))
        if key is not None and key != shown:
            self.detail.show_key(key, self.model.owner_of(key))
        self.controller.read_details(shown.id)

    @Slot(object)
    def _take_list_failure(self, error: object) -> None:
        if isinstance(error, AltusError):
            self._is_busy, self._error = False, error
            self._draw()

    @Slot()
    def _note_cancelled(self) -> None:
        """Locking the window has stopped the reading; it begins anew when that is over."""
        self._is_stale = True

    @Slot(object)
    def _take_more(self, page: KeyPage) -> None:
        self.model.add_page(page.keys, page.owners, has_more=page.more)

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

    @Slot(QItemSelection)
    def _follow_selection(self) -> None:
        if self._reselecting:
            return
        keys = self.table.selected_keys()
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

    @Slot()
    def _enter_table(self) -> None:
        self.table.setFocus()
        if not self.table.currentIndex().isValid():
            self.table.selectRow(0)

    @Slot()
    def _draw(self) -> None:
        if self._is_busy:
            self._pages.setCurrentWidget(self._busy)
        elif self._error is not None:
            self._failed.set("error", error_message(self._error), error_hint(self._error))
            self._pages.setCurrentWidget(self._failed)
        elif self.model.rowCount() or self.detail.isVisibleTo(self):
            self._pages.setCurrentWidget(self._split)
        else:
            self._pages.setCurrentWidget(self._nothing if self.filters.is_set else self._empty)
        self._count.setVisible(not self._is_busy and self._error is None)
        acting = self.controller.is_acting
        self.detail.set_busy(busy=acting)
        several = len(self.table.selectionModel().selectedRows())
        self._bar.setVisible(several > 1)
        self._selected.setText(self.tr("{count} keys selected").format(count=number(several)))
        working = sum(key.is_active for key in self.table.selected_keys()) if several > 1 else 0
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
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(Space.M)
        self._split.addWidget(self.table)
        self._split.addWidget(self.detail)
        self._split.setStretchFactor(0, 3)
        self._split.setStretchFactor(1, 2)
        self._pages = QStackedWidget()
        # The tallest of its pages would make the window grow when the box for verifying opens.
        self._pages.setMinimumHeight(_LIST_HEIGHT)
        self._busy = Busy(self.tr("Reading the API keys…"))
        create = Button(
            self.tr("Create a key"), "primary", icon_name="plus", name="keys.create_first"
        )
        create.clicked.connect(self.create_key)
        self._empty = EmptyState(
            "key",
            self.tr("No API key that works"),
            self.tr(
                "A key lets a program act for you, on the command line or through an Altus 4 "
                "server, without your password. You decide what it may do and for how long."
            ),
            action=create,
        )
        show_all = Button(self.tr("Show all keys"), name="keys.show_all")
        show_all.clicked.connect(self.filters.show_all)
        self._nothing = EmptyState(
            "filter",
            self.tr("No key fits"),
            self.tr("Try another choice, or fewer letters."),
            action=show_all,
        )
        again = Button(self.tr("Try again"), icon_name="refresh", name="keys.again")
        again.clicked.connect(self.refresh)
        self._failed = EmptyState("error", "", action=again)
        for page in (self._busy, self._split, self._empty, self._nothing, self._failed):
            self._pages.addWidget(page)
        self.body.addWidget(self._pages, 1)

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
        self.table.selectionModel().selectionChanged.connect(self._follow_selection)
        self.table.sort_wanted.connect(self._ask)
        self.table.edit_wanted.connect(self.edit_key)
        self.table.revocation_wanted.connect(self.revoke_selected)
        self.detail.closed.connect(self._close_detail)
        self.detail.edit_wanted.connect(self.edit_key)
        self.detail.rotation_wanted.connect(self.rotate_key)
        self.detail.revocation_wanted.connect(self.revoke_key)
        self.detail.key_wanted.connect(self._show_other)
        for signal, slot in (
            (self.controller.listed, self._take_list),
            (self.controller.list_failed, self._take_list_failure),
            (self.controller.list_cancelled, self._note_cancelled),
            (self.controller.more_listed, self._take_more),
            (self.controller.more_failed, self.present),
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
