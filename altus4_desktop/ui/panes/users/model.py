"""The table of accounts, read page by page as it is scrolled."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QLocale, QObject, Qt

from altus4_desktop.domain.accounts import Role, User, UserSort, UserSummary
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.models.records import AnyIndex, Column
from altus4_desktop.ui.panes.paged import KeyedModel
from altus4_desktop.ui.times import ago, full

NAME, EMAIL, ROLE, PASSWORD, KEYS, CONNECTIONS, SEARCHES, ACTIVE = range(8)
SORTS = {
    NAME: UserSort.NAME,
    EMAIL: UserSort.EMAIL,
    ROLE: UserSort.ROLE,
    ACTIVE: UserSort.ACTIVE,
}


class UserModel(KeyedModel[UserSummary]):
    """Accounts in the order they were asked for; the one of ``own_id`` is marked."""

    def __init__(self, own_id: str, parent: QObject | None = None) -> None:
        super().__init__(
            (
                Column(_tr("Name"), lambda one: _name_words(one.user, own_id)),
                Column(_tr("E-mail"), lambda one: one.user.email),
                Column(_tr("Role"), _role_words),
                Column(_tr("Password"), _password_words, tool_tip=_password_tip),
                Column(_tr("Keys"), lambda one: _number(one.keys), is_number=True),
                Column(_tr("Connections"), lambda one: _number(one.connections), is_number=True),
                Column(_tr("Searches"), lambda one: _number(one.searches), is_number=True),
                Column(
                    _tr("Last active"),
                    lambda one: ago(one.user.last_active_at),
                    tool_tip=lambda one: full(one.user.last_active_at),
                ),
            ),
            parent,
        )

    def key_of(self, record: UserSummary) -> str:
        """The account's id."""
        return record.user.id

    def add_page(self, records: Sequence[UserSummary], *, has_more: bool) -> None:
        """Also when a change meanwhile brings somebody twice: shown once."""
        known = {one.user.id for one in self._records}
        new = [one for one in records if one.user.id not in known]
        super().add_page(new, has_more=has_more)

    def user_at(self, row: int) -> User | None:
        """The account in a row."""
        one = self.record_at(row)
        return None if one is None else one.user

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """Also which keys are counted."""
        if role == Qt.ItemDataRole.ToolTipRole and section == KEYS:
            return _tr("API keys that work")
        return super().headerData(section, orientation, role)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Also pictures."""
        if role == Qt.ItemDataRole.DecorationRole and index.isValid():
            user = self._records[index.row()].user
            if index.column() == ROLE:
                return icon("shield", "accent") if user.role is Role.ADMIN else icon("user")
            if index.column() == PASSWORD and user.must_change_password:
                return icon("clock", "warning")
        return super().data(index, role)


def _name_words(user: User, own_id: str) -> str:
    if user.id == own_id:
        return _tr("{name} (you)").format(name=user.name)
    if user.is_demo:
        return _tr("{name} (demo)").format(name=user.name)
    return user.name


def _role_words(one: UserSummary) -> str:
    return _tr("Admin") if one.user.role is Role.ADMIN else _tr("User")


def _password_words(one: UserSummary) -> str:
    return _tr("Temporary") if one.user.must_change_password else _tr("Own")


def _password_tip(one: UserSummary) -> str:
    return _tr("To be changed at the next sign-in") if one.user.must_change_password else ""


def _number(value: int) -> str:
    return QLocale().toString(value)


def _tr(text: str) -> str:
    return QCoreApplication.translate("users", text)
