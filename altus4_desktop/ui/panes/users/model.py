"""The table of accounts, read page by page as it is scrolled."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractTableModel,
    QLocale,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from altus4_desktop.domain.accounts import Role, User, UserSort, UserSummary
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.times import ago, full

AnyIndex = QModelIndex | QPersistentModelIndex

NAME, EMAIL, ROLE, PASSWORD, KEYS, CONNECTIONS, SEARCHES, ACTIVE = range(8)
SORTS = {
    NAME: UserSort.NAME,
    EMAIL: UserSort.EMAIL,
    ROLE: UserSort.ROLE,
    ACTIVE: UserSort.ACTIVE,
}
_NUMBERS = (KEYS, CONNECTIONS, SEARCHES)
_LEFT = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
_RIGHT = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)


class UserModel(QAbstractTableModel):
    """Accounts in the order they were asked for; the one of ``own_id`` is marked.

    ``more_wanted`` asks for the page after the last one.
    """

    more_wanted = Signal()

    def __init__(self, own_id: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._own_id = own_id
        self._titles = (
            self.tr("Name"),
            self.tr("E-mail"),
            self.tr("Role"),
            self.tr("Password"),
            self.tr("Keys"),
            self.tr("Connections"),
            self.tr("Searches"),
            self.tr("Last active"),
        )
        self._users: list[UserSummary] = []
        self._total = 0
        self._is_asking = False

    @property
    def users(self) -> tuple[UserSummary, ...]:
        """What has been read so far."""
        return tuple(self._users)

    def show_first(self, users: Sequence[UserSummary], total: int) -> None:
        """Begin anew with these of ``total``; nothing moves when they are what is shown."""
        self._total, self._is_asking = total, False
        if list(users) == self._users:
            return
        self.beginResetModel()
        self._users = list(users)
        self.endResetModel()

    def add_page(self, users: Sequence[UserSummary], total: int) -> None:
        """Put these below the last one; whom a change meanwhile brings twice is shown once."""
        known = {one.user.id for one in self._users}
        new = [one for one in users if one.user.id not in known]
        self._total, self._is_asking = total if users else len(self._users), False
        if new:
            first = len(self._users)
            self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
            self._users += new
            self.endInsertRows()

    def user_at(self, row: int) -> User | None:
        """The account in a row."""
        return self._users[row].user if 0 <= row < len(self._users) else None

    def row_of(self, user_id: str) -> int:
        """Where an account is; -1 when it has not been read."""
        for row, one in enumerate(self._users):
            if one.user.id == user_id:
                return row
        return -1

    def canFetchMore(self, parent: AnyIndex) -> bool:
        """Whether there is another page."""
        return not parent.isValid() and not self._is_asking and len(self._users) < self._total

    def fetchMore(self, parent: AnyIndex) -> None:
        """Ask for it; it comes by `add_page`."""
        if self.canFetchMore(parent):
            self._is_asking = True
            self.more_wanted.emit()

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        """One row an account."""
        return 0 if parent is not None and parent.isValid() else len(self._users)

    def columnCount(self, parent: AnyIndex | None = None) -> int:
        """Who, what they may, what they have, when they were here."""
        return 0 if parent is not None and parent.isValid() else len(self._titles)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """The columns' titles, over their values."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section in _NUMBERS else _LEFT
        if role == Qt.ItemDataRole.ToolTipRole and section == KEYS:
            return self.tr("API keys that work")
        return self._titles[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Text, picture, tool tip, and what a screen reader says."""
        if not index.isValid():
            return None
        one, column = self._users[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(one, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column in _NUMBERS else _LEFT
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tool_tip(self._tip(one, column))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self._titles[column]}: {self._text(one, column)}"
        if role == Qt.ItemDataRole.DecorationRole:
            if column == ROLE:
                return icon("shield", "accent") if one.user.role is Role.ADMIN else icon("user")
            if column == PASSWORD and one.user.must_change_password:
                return icon("clock", "warning")
        return None

    def _text(self, one: UserSummary, column: int) -> str:
        user = one.user
        match column:
            case 0:
                if user.id == self._own_id:
                    return self.tr("{name} (you)").format(name=user.name)
                if user.is_demo:
                    return self.tr("{name} (demo)").format(name=user.name)
                return user.name
            case 1:
                return user.email
            case 2:
                return self.tr("Admin") if user.role is Role.ADMIN else self.tr("User")
            case 3:
                return self.tr("Temporary") if user.must_change_password else self.tr("Own")
            case 4 | 5 | 6:
                return QLocale().toString((one.keys, one.connections, one.searches)[column - KEYS])
            case _:
                return ago(user.last_active_at)

    def _tip(self, one: UserSummary, column: int) -> str:
        if column == ACTIVE:
            return full(one.user.last_active_at)
        if column == PASSWORD:
            return (
                self.tr("To be changed at the next sign-in")
                if one.user.must_change_password
                else ""
            )
        return self._text(one, column)
