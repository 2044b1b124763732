"""The users pane: who has an account, and what an admin does to one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.accounts import Role, User, UserQuery, UserSummary
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.pane import Command
from altus4_desktop.ui.panes.paged_pane import Page, PagedPane, Reading
from altus4_desktop.ui.panes.tables import show_whole_rows
from altus4_desktop.ui.panes.users.dialogs import (
    CreateUserDialog,
    DeleteUserDialog,
    EditUserDialog,
    ResetPasswordDialog,
    RoleDialog,
    TemporaryPasswordDialog,
)
from altus4_desktop.ui.panes.users.filters import UserFilters
from altus4_desktop.ui.panes.users.model import (
    ACTIVE,
    CONNECTIONS,
    EMAIL,
    KEYS,
    NAME,
    PASSWORD,
    ROLE,
    SEARCHES,
    SORTS,
    UserModel,
)
from altus4_desktop.ui.profile import PasswordDialog, ProfileDialog
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, IconButton, Label

# From which width on a column is shown; the others always are.
_ROOM = ((SEARCHES, 1000), (CONNECTIONS, 880), (PASSWORD, 760), (KEYS, 600), (EMAIL, 500))
# Of what the narrow columns leave; the rest is for the address, which is longer.
_NAME_SHARE = 0.38


class UserTable(QTableView):
    """Shows as many columns as fit; Enter edits an account, Delete deletes it."""

    edit_wanted = Signal()
    delete_wanted = Signal()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what matters least, and share the room between name and address."""
        super().resizeEvent(event)
        width = event.size().width()
        for column, least in _ROOM:
            self.setColumnHidden(column, width < least)
        narrow = (ROLE, PASSWORD, KEYS, CONNECTIONS, SEARCHES, ACTIVE)
        left = width - sum(self.columnWidth(column) for column in narrow)
        share = 1 if self.isColumnHidden(EMAIL) else _NAME_SHARE
        self.setColumnWidth(NAME, round(left * share))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Delete are for the account in front."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.edit_wanted.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.delete_wanted.emit()
        else:
            super().keyPressEvent(event)


@dataclass(frozen=True)
class _Page(Page[UserSummary]):
    """With how many accounts fit in all."""

    total: int


class UsersPane(PagedPane[UserQuery, UserSummary]):
    """What admins see and do of accounts."""

    id = "users"
    title = "Users"
    icon_name = "users"
    page_size = 100
    rereads = True

    filters: UserFilters
    model: UserModel
    table: UserTable

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._wanted_id = ""
        self._sorted = (NAME, Qt.SortOrder.AscendingOrder)
        self.filters = UserFilters()
        self.model = UserModel(session.actor.user_id, self)
        self._build_header()
        self.body.addWidget(self.filters)
        self.table = self._build_table()
        self._build_pages()
        self._bind()
        self._draw()

    def commands(self) -> list[Command]:
        """What the palette offers."""
        some = self._has_user
        return [
            Command("users.create", self.tr("New user"), self.create_user, "plus", "Ctrl+N"),
            Command("users.edit", self.tr("Edit the account"), self.edit, "edit", "Return", some),
            Command("users.role", self.tr("Change the role"), self.change_role, "shield", "", some),
            Command(
                "users.reset", self.tr("Reset the password"), self.reset_password, "key", "", some
            ),
            Command(
                "users.delete", self.tr("Delete the account"), self.delete, "trash", "Del", some
            ),
        ]

    @property
    def user(self) -> User | None:
        """The account in front."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.user_at(rows[0].row()) if rows else None

    # What the store says

    def question(self) -> UserQuery:
        """What the filters ask for, in the order of the table."""
        column, order = self._sorted
        return self.filters.query(SORTS[column], descending=order is Qt.SortOrder.DescendingOrder)

    def build_reading(self, question: UserQuery, count: int, *, anew: bool) -> Reading[UserSummary]:
        """What reads the first accounts."""
        return self._build_page(question, count, 0)

    def build_reading_on(self, question: UserQuery, last: UserSummary) -> Reading[UserSummary]:
        """What reads the accounts after those that are shown."""
        return self._build_page(question, self.page_size, self.model.rowCount())

    def _build_page(self, query: UserQuery, limit: int, offset: int) -> Reading[UserSummary]:
        accounts, actor = self.session.services.accounts, self.session.actor

        def read(_: TaskContext) -> _Page:
            page = accounts.list_users(actor, query, limit=limit, offset=offset)
            shown = offset + len(page.users)
            return _Page(page.users, bool(page.users) and shown < page.total, page.total)

        return read

    def take_page(self, page: Page[UserSummary]) -> None:
        """Say how many there are."""
        if isinstance(page, _Page):
            self._count.setText(
                self.tr("{count} accounts").format(count=page.total)
                if page.total != 1
                else self.tr("1 account")
            )

    def select_again(self, keys: set[Hashable], current: Hashable, row: int) -> None:
        """The account in front stays in front, wherever it is now."""
        super().select_again(keys, current, row)
        self.table.scrollTo(self.table.currentIndex())

    def follow_page(self) -> None:
        """An account that was made or changed is in front."""
        row, self._wanted_id = self.model.row_of(self._wanted_id), ""
        if row >= 0:
            self.table.selectRow(row)
            self.table.scrollTo(self.model.index(row, NAME))

    def follow_selection(self) -> None:
        """Let be done what can be done with the account in front."""
        self._allow()

    def _draw(self) -> None:
        super()._draw()
        self._allow()

    def _allow(self) -> None:
        user = self.user
        for button in self._actions:
            button.setEnabled(user is not None)
        is_admin = user is not None and user.role is Role.ADMIN
        self._role_button.setText(self.tr("Make a user") if is_admin else self.tr("Make an admin"))
        self._role_button.setAccessibleName(self._role_button.text())

    def _has_user(self) -> bool:
        return self.user is not None

    # What is done

    @Slot()
    def create_user(self) -> None:
        """Ask for a new account."""
        self.message.clear()
        dialog = CreateUserDialog(self.session, self)
        dialog.made.connect(self._take_made)
        dialog.open()

    @Slot()
    def edit(self) -> None:
        """Change the account in front; one's own is one's profile."""
        user = self.user
        if user is None:
            return
        self.message.clear()
        if user.id == self.session.actor.user_id:
            profile = ProfileDialog(self.session, self)
            profile.password_requested.connect(self._change_own_password)
            # The profile tells the window, which lets the pane in front read again.
            profile.open()
            return
        dialog = EditUserDialog(self.session, user, self)
        dialog.saved.connect(self._take_saved)
        dialog.open()

    @Slot()
    def reset_password(self) -> None:
        """Give the account in front a temporary password; one's own is changed."""
        user = self.user
        if user is None:
            return
        self.message.clear()
        if user.id == self.session.actor.user_id:
            self._change_own_password()
            return
        dialog = ResetPasswordDialog(self.session, user, self)
        dialog.made.connect(self._take_reset)
        dialog.open()

    @Slot()
    def delete(self) -> None:
        """Delete the account in front, after saying what goes along."""
        user = self.user
        if user is None:
            return
        self.message.clear()
        dialog = DeleteUserDialog(self.session, user, self)
        dialog.deleted.connect(self._take_deleted)
        dialog.open()

    @Slot()
    def change_role(self) -> None:
        """Let the account in front do more or less, after a question."""
        user = self.user
        if user is None:
            return
        self.message.clear()
        dialog = RoleDialog(self.session, user, self)
        dialog.changed.connect(self._take_role)
        dialog.open()

    @Slot(object)
    def _take_role(self, user: User) -> None:
        if user.id == self.session.actor.user_id:
            self.session.sign_out_wanted.emit()
            return
        said = (
            self.tr("{name} is an admin now")
            if user.role is Role.ADMIN
            else self.tr("{name} is a user now")
        )
        self._take_saved(user, said)

    @Slot(object)
    def _take_saved(self, user: User, said: str = "") -> None:
        self._wanted_id = user.id
        said = said or self.tr("The account of {name} is saved")
        self.session.announced.emit(said.format(name=user.name))
        self.refresh()

    @Slot(object, str)
    def _take_made(self, user: User, password_secret: str) -> None:
        self._take_saved(user, self.tr("{name} has an account now"))
        self._show_once(user, password_secret)

    @Slot(object, str)
    def _take_reset(self, user: User, password_secret: str) -> None:
        self._take_saved(user, self.tr("{name} has a temporary password"))
        self._show_once(user, password_secret)

    def _show_once(self, user: User, password_secret: str) -> None:
        if password_secret:
            dialog = TemporaryPasswordDialog(user, password_secret, self)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()

    @Slot(object)
    def _take_deleted(self, user: User) -> None:
        if user.id == self.session.actor.user_id:
            self.session.sign_out_wanted.emit()
            return
        said = self.tr("The account of {name} is deleted").format(name=user.name)
        self.session.announced.emit(said)
        self.refresh()
        self.table.setFocus()

    @Slot()
    def _change_own_password(self) -> None:
        PasswordDialog(self.session, self).open()

    # Building

    def _build_header(self) -> None:
        self._count = Label("", "caption")
        refresh = IconButton("refresh", self.tr("Read again"), name="users.refresh")
        refresh.clicked.connect(self.refresh)
        create = Button(self.tr("New user"), "primary", icon_name="plus", name="users.create")
        create.setToolTip(self.tr("Make an account for somebody"))
        create.clicked.connect(self.create_user)
        for part in (self._count, refresh, create):
            self.header.addWidget(part)

    def _build_table(self) -> UserTable:
        table = UserTable()
        table.setObjectName("users.table")
        table.setAccessibleName(self.tr("Accounts"))
        table.setModel(self.model)
        show_whole_rows(table, row_height=36)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.setMinimumSize(240, 96)
        header = table.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(NAME, Qt.SortOrder.AscendingOrder)
        header.setMinimumSectionSize(56)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(EMAIL, QHeaderView.ResizeMode.Stretch)
        for column, width in (
            (ROLE, 96),
            (PASSWORD, 128),
            (KEYS, 64),
            (CONNECTIONS, 104),
            (SEARCHES, 88),
            (ACTIVE, 136),
        ):
            header.resizeSection(column, width)
        return table

    def _build_pages(self) -> None:
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addWidget(self.table, 1)
        bar = QHBoxLayout()
        bar.setSpacing(Space.S)
        edit = Button(self.tr("Edit…"), icon_name="edit", name="users.edit")
        edit.clicked.connect(self.edit)
        self._role_button = Button("", icon_name="shield", name="users.role")
        self._role_button.clicked.connect(self.change_role)
        reset = Button(self.tr("Reset password…"), icon_name="key", name="users.reset")
        reset.clicked.connect(self.reset_password)
        delete = Button(self.tr("Delete…"), icon_name="trash", name="users.delete")
        delete.clicked.connect(self.delete)
        self._actions = (edit, self._role_button, reset, delete)
        for button in (edit, self._role_button, reset):
            bar.addWidget(button)
        bar.addStretch(1)
        bar.addWidget(delete)
        column.addLayout(bar)
        nothing = self.nothing_fits(
            self.tr("Nobody fits"),
            self.tr("Look for fewer letters, or for everybody."),
            Button(self.tr("Show everybody"), name="users.clear"),
        )
        self.build_list(
            shown,
            busy=self.tr("Reading the accounts…"),
            # Whoever looks has an account: only filters leave the list empty.
            empty=nothing,
            nothing=nothing,
            again="users.again",
        )

    def _bind(self) -> None:
        table = self.table
        table.horizontalHeader().sortIndicatorChanged.connect(self._sort)
        table.doubleClicked.connect(self.edit)
        table.edit_wanted.connect(self.edit)
        table.delete_wanted.connect(self.delete)
        table.customContextMenuRequested.connect(self._open_menu)
        new = QShortcut(QKeySequence("Ctrl+N"), self)
        new.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        new.activated.connect(self.create_user)

    @Slot(int, Qt.SortOrder)
    def _sort(self, column: int, order: Qt.SortOrder) -> None:
        if column in SORTS:
            self._sorted = (column, order)
            self._ask()
            return
        # What a column counts is not what the store orders by: leave it as it was.
        header = self.table.horizontalHeader()
        with QSignalBlocker(header):
            header.setSortIndicator(*self._sorted)

    @Slot(QPoint)
    def _open_menu(self, at: QPoint) -> None:
        if self.user is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setAccessibleName(self.tr("Account"))
        for button, picture in zip(self._actions, ("edit", "shield", "key", "trash"), strict=True):
            if picture == "trash":
                menu.addSeparator()
            action = QAction(icon(picture), button.text(), menu)
            action.triggered.connect(button.click)
            menu.addAction(action)
        menu.popup(self.table.viewport().mapToGlobal(at))
