"""What narrows the list of accounts down."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from altus4_desktop.domain.accounts import Role, UserQuery, UserSort
from altus4_desktop.ui.panes.paged_filters import PagedFilters
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import SearchField, Segments

_EVERYBODY = "everybody"


class UserFilters(PagedFilters):
    """Letters of the name or address, and the role."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = SearchField(self.tr("Name or e-mail"), name="users.text")
        self.role = Segments(
            [
                (_EVERYBODY, self.tr("Everybody")),
                (Role.ADMIN.value, self.tr("Admins")),
                (Role.USER.value, self.tr("Users")),
            ],
            name="users.filter",
            label=self.tr("Show"),
        )
        self.role.chosen.connect(self._take_choice)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.text, 1)
        row.addWidget(self.role)
        self._listen(self.text)

    @property
    def is_set(self) -> bool:
        """Whether anybody is left out."""
        return self.query(UserSort.NAME, descending=False) != UserQuery()

    def query(self, sort: UserSort, *, descending: bool) -> UserQuery:
        """Who is asked for, in this order."""
        role = self.role.key
        return UserQuery(
            self.text.text().strip(),
            None if role == _EVERYBODY else Role(role),
            sort,
            descending,
        )

    @Slot()
    def clear(self) -> None:
        """Show everybody."""
        self.role.set_key(_EVERYBODY)
        self.text.clear()
        self._take_choice()
