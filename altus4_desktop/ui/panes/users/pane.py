"""The users pane: who has an account, and what an admin does to one."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.accounts import Role, User, UserPage, UserQuery
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.tables import show_whole_rows
from altus4_desktop.ui.panes.users.dialogs import (
    CreateUserDialog,
    DeleteUserDialog,
    EditUserDialog,
    ResetPasswordDialog,
    RoleDialog,
    TemporaryPasswordDialog,
)
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
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Busy,
    Button,
    EmptyState,
    IconButton,
    Label,
    SearchField,
    Segments,
)

_PAGE = 100
_TYPING_MS = 250
_EVERYBODY = "everybody"
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


class UsersPane(Pane):
    """What admins see and do of accounts."""

    id = "users"
    title = "Users"
    icon_name = "users"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._error: AltusError | None = None
        self._query = UserQuery()
        self._wanted_id = ""
        self._is_read = False
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self._ask)
        self._first = LatestTask(session.runner, Lane.METADATA, self)
        self._first.succeeded.connect(self._take_first)
        self._first.failed.connect(self._take_failure)
        self._more = LatestTask(session.runner, Lane.METADATA, self)
        self._more.succeeded.connect(self._take_more)
        self._more.failed.connect(self.present)
        self.model = UserModel(session.actor.user_id, self)
        self.model.more_wanted.connect(self._read_more)
        self._build_header()
        self._build_filters()
        self.table = self._build_table()
        self._build_pages()
        self._bind()
        self._draw()

    # ---- what the window asks for ------------------------------------------------------------

    def activated(self) -> None:
        """Read who is there now."""
        self.refresh()

    def focus_first(self) -> None:
        """The table, or the filter while there is none."""
        (self.table if self.model.rowCount() else self.text).setFocus()

    def shut(self) -> None:
        """Nobody waits for it any more."""
        self._typing.stop()
        self._first.drop()
        self._more.drop()
        super().shut()

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

    # ---- reading -----------------------------------------------------------------------------

    @Slot()
    def refresh(self) -> None:
        """Read as much again as is shown."""
        self._read_first(max(_PAGE, self.model.rowCount()))

    def _read_first(self, limit: int) -> None:
        accounts, actor, query = self.session.services.accounts, self.session.actor, self._query

        def read(_: TaskContext) -> UserPage:
            return accounts.list_users(actor, query, limit=limit)

        self._more.drop()
        self._first.start(read)

    @Slot()
    def _ask(self) -> None:
        header = self.table.horizontalHeader()
        role = self.role.key
        asked = UserQuery(
            self.text.text().strip(),
            None if role == _EVERYBODY else Role(role),
            SORTS[header.sortIndicatorSection()],
            header.sortIndicatorOrder() is Qt.SortOrder.DescendingOrder,
        )
        if asked != self._query:
            self._query = asked
            self._read_first(_PAGE)

    @Slot()
    def _read_more(self) -> None:
        if self._first.running:
            # What is shown is about to be replaced.
            return
        accounts, actor, query = self.session.services.accounts, self.session.actor, self._query
        offset = self.model.rowCount()

        def read(_: TaskContext) -> UserPage:
            return accounts.list_users(actor, query, limit=_PAGE, offset=offset)

        self._more.start(read)

    @Slot(object)
    def _take_first(self, page: UserPage) -> None:
        had_focus = not self._is_read and self.text.hasFocus() and not self.text.text()
        self._is_read, self._error = True, None
        user = self.user
        kept = self._wanted_id or (user.id if user else "")
        self._wanted_id = ""
        self.model.show_first(page.users, page.total)
        row = self.model.row_of(kept)
        if row >= 0:
            self.table.selectRow(row)
            self.table.scrollTo(self.model.index(row, NAME))
        self._count.setText(
            self.tr("{count} accounts").format(count=page.total)
            if page.total != 1
            else self.tr("1 account")
        )
        self._draw()
        if had_focus:
            self.focus_first()

    @Slot(object)
    def _take_more(self, page: UserPage) -> None:
        self.model.add_page(page.users, page.total)

    @Slot(object)
    def _take_failure(self, error: object) -> None:
        if isinstance(error, AltusError):
            self._is_read, self._error = True, error
            self._draw()

    def _draw(self) -> None:
        if not self._is_read:
            self._pages.setCurrentWidget(self._busy)
        elif self._error is not None:
            self._failed.set("error", error_message(self._error), error_hint(self._error))
            self._pages.setCurrentWidget(self._failed)
        else:
            shown = self._list if self.model.rowCount() else self._nothing
            self._pages.setCurrentWidget(shown)
        self._allow()

    @Slot()
    def _allow(self) -> None:
        user = self.user
        for button in self._actions:
            button.setEnabled(user is not None)
        is_admin = user is not None and user.role is Role.ADMIN
        self._role_button.setText(self.tr("Make a user") if is_admin else self.tr("Make an admin"))
        self._role_button.setAccessibleName(self._role_button.text())

    def _has_user(self) -> bool:
        return self.user is not None

    # ---- doing -------------------------------------------------------------------------------

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

    # ---- building ----------------------------------------------------------------------------

    def _build_header(self) -> None:
        self._count = Label("", "caption")
        refresh = IconButton("refresh", self.tr("Read again"), name="users.refresh")
        refresh.clicked.connect(self.refresh)
        create = Button(self.tr("New user"), "primary", icon_name="plus", name="users.create")
        create.setToolTip(self.tr("Make an account for somebody"))
        create.clicked.connect(self.create_user)
        for part in (self._count, refresh, create):
            self.header.addWidget(part)

    def _build_filters(self) -> None:
        self.text = SearchField(self.tr("Name or e-mail"), name="users.text")
        self.text.textChanged.connect(self._typing.start)
        self.text.left_downwards.connect(self._enter_table)
        self.role = Segments(
            [
                (_EVERYBODY, self.tr("Everybody")),
                (Role.ADMIN.value, self.tr("Admins")),
                (Role.USER.value, self.tr("Users")),
            ],
            name="users.filter",
            label=self.tr("Show"),
        )
        self.role.chosen.connect(self._ask)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(self.text, 1)
        row.addWidget(self.role)
        self.body.addLayout(row)

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
        self._list = QWidget()
        column = QVBoxLayout(self._list)
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
        clear = Button(self.tr("Show everybody"), name="users.clear")
        clear.clicked.connect(self._clear_filters)
        self._busy = Busy(self.tr("Reading the accounts…"))
        self._nothing = EmptyState(
            "filter",
            self.tr("Nobody fits"),
            self.tr("Look for fewer letters, or for everybody."),
            action=clear,
        )
        again = Button(self.tr("Try again"), icon_name="refresh", name="users.again")
        again.clicked.connect(self.refresh)
        self._failed = EmptyState("error", "", action=again)
        self._pages = QStackedWidget()
        for page in (self._busy, self._list, self._nothing, self._failed):
            self._pages.addWidget(page)
        self.body.addWidget(self._pages, 1)

    def _bind(self) -> None:
        table = self.table
        table.selectionModel().selectionChanged.connect(self._allow)
        table.horizontalHeader().sortIndicatorChanged.connect(self._sort)
        table.doubleClicked.connect(self.edit)
        table.edit_wanted.connect(self.edit)
        table.delete_wanted.connect(self.delete)
        table.customContextMenuRequested.connect(self._open_menu)
        new = QShortcut(QKeySequence("Ctrl+N"), self)
        new.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        new.activated.connect(self.create_user)

    @Slot(int, Qt.SortOrder)
    def _sort(self, column: int, _: Qt.SortOrder) -> None:
        if column in SORTS:
            self._ask()
            return
        # What a column counts is not what the store orders by: leave it as it was.
        shown = next(key for key, sort in SORTS.items() if sort is self._query.sort)
        order = (
            Qt.SortOrder.DescendingOrder if self._query.descending else Qt.SortOrder.AscendingOrder
        )
        header = self.table.horizontalHeader()
        with QSignalBlocker(header):
            header.setSortIndicator(shown, order)

    @Slot()
    def _enter_table(self) -> None:
        self.table.setFocus()
        if self.user is None:
            self.table.selectRow(0)

    @Slot()
    def _clear_filters(self) -> None:
        self.role.set_key(_EVERYBODY)
        self.text.clear()
        self._typing.stop()
        self._ask()

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
