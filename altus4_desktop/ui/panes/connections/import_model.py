"""The table of an import: what was found, what is chosen of it, and what was entered besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal

from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.exchange import (
    ImportChoice,
    ImportItem,
    ItemKind,
    ItemState,
)
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.models.records import AnyIndex, Column
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.tables import Mark, MarkedModel
from altus4_desktop.ui.texts import remark_text

NAME, KIND, WHERE, STATE, PASSWORD = range(5)


@dataclass(frozen=True)
class ImportRow:
    """An item, whether it is chosen, and what was entered; empty: as it was found."""

    item: ImportItem
    chosen: bool = False
    name: str = ""
    database: str = ""
    username: str = ""
    password_secret: str | None = field(default=None, repr=False)

    @property
    def lacks(self) -> tuple[str, ...]:
        """The fields that have to be entered still."""
        return tuple(one for one in self.item.lacks if not getattr(self, one).strip())

    @property
    def can_be_chosen(self) -> bool:
        """Whether it can be brought in as it is now."""
        return self.item.state is not ItemState.UNUSABLE and not self.lacks

    @property
    def password_missing(self) -> bool:
        """Whether a connection would come without its password."""
        return self.item.password_missing and self.password_secret is None

    @property
    def shown_name(self) -> str:
        """Its name as it would be saved."""
        return self.name.strip() or self.item.name

    def value(self, name: str) -> str:
        """``database`` or ``username`` as it would be saved."""
        draft = self.item.draft
        return getattr(self, name).strip() or (getattr(draft, name) if draft is not None else "")

    @property
    def choice(self) -> ImportChoice:
        """What the service is told of it."""
        return ImportChoice(
            self.item.id, self.name, self.database, self.username, self.password_secret
        )


class ImportModel(MarkedModel[ImportRow]):
    """One row an item; the first column has the check box. ``changed``: something was chosen or
    entered."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Column(_tr("Name"), lambda row: row.shown_name, tool_tip=_name_tip),
            Column(_tr("What"), _kind_words),
            Column(_tr("Where"), _place_words, tool_tip=_place_tip),
            Column(_tr("State"), _state_words, tool_tip=_state_tip),
            Column(_tr("Password"), _password_words),
        )
        super().__init__(columns, STATE, _look, parent)

    @property
    def chosen(self) -> tuple[ImportRow, ...]:
        """What would be brought in."""
        return tuple(row for row in self._records if row.chosen)

    def show(self, items: Sequence[ImportItem]) -> None:
        """Show these; what is new and lacks nothing is chosen."""
        rows = [ImportRow(item) for item in items]
        self.set_records(
            [
                replace(row, chosen=row.can_be_chosen and row.item.state is ItemState.NEW)
                for row in rows
            ]
        )
        self.changed.emit()

    def row_at(self, number: int) -> ImportRow | None:
        """The row of this number."""
        return self._records[number] if 0 <= number < len(self._records) else None

    def enter(self, number: int, name: str, text: str) -> None:
        """Take what was typed for ``name``, ``database``, ``username`` or ``password``.

        What lacks nothing any more is chosen, what lacks something again is not.
        """
        row = self._records[number]
        lacked = bool(row.lacks)
        if name == "password":
            row = replace(row, password_secret=text or None)
        elif name == "name":
            row = replace(row, name=text)
        else:
            row = replace(row, **{name: text})  # type: ignore[arg-type]  # one of two texts
        if bool(row.lacks) != lacked:
            row = replace(row, chosen=row.can_be_chosen)
        self._put(number, row)

    def choose_all_new(self) -> None:
        """Choose everything that is new and lacks nothing."""
        self._choose(lambda row: row.can_be_chosen and row.item.state is ItemState.NEW)

    def choose_none(self) -> None:
        """Choose nothing."""
        self._choose(lambda _: False)

    def forget(self) -> None:
        """Drop everything, what was entered too."""
        self.show(())

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """What can be brought in has a check box."""
        flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        row = self.row_at(index.row()) if index.isValid() else None
        if row is not None and index.column() == NAME and row.can_be_chosen:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The check box and a missing password, too; what is unusable has no box."""
        row = self.row_at(index.row()) if index.isValid() else None
        if row is None:
            return None
        if role == Qt.ItemDataRole.CheckStateRole and index.column() == NAME:
            if row.item.state is ItemState.UNUSABLE:
                return None
            return Qt.CheckState.Checked if row.chosen else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.DecorationRole and index.column() == PASSWORD:
            return icon("warning", "warning") if row.password_missing else None
        said = super().data(index, role)
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == NAME and row.chosen:
            return f"{said}, {_tr('chosen')}"
        return said

    def setData(self, index: AnyIndex, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take a click on the check box."""
        row = self.row_at(index.row()) if index.isValid() else None
        if role != Qt.ItemDataRole.CheckStateRole or row is None or not row.can_be_chosen:
            return False
        chosen = Qt.CheckState(value) is Qt.CheckState.Checked
        self._put(index.row(), replace(row, chosen=chosen))
        return True

    def _choose(self, wanted: Callable[[ImportRow], bool]) -> None:
        self._records = [replace(row, chosen=wanted(row)) for row in self._records]
        if self._records:
            last = self.index(len(self._records) - 1, PASSWORD)
            self.dataChanged.emit(self.index(0, 0), last)
        self.changed.emit()

    def _put(self, number: int, row: ImportRow) -> None:
        if row != self._records[number]:
            self._records[number] = row
            self.dataChanged.emit(self.index(number, 0), self.index(number, PASSWORD))
            self.changed.emit()


def remark_words(item: ImportItem) -> str:
    """Why it is what it is, and what else there is to say of it."""
    reason = [] if item.reason is None else [item.reason]
    return " ".join(remark_text(remark) for remark in (*reason, *item.notes))


def _tr(text: str) -> str:
    return QCoreApplication.translate("import", text)


def _kind_words(row: ImportRow) -> str:
    if row.item.user is not None and row.item.user.role is Role.ADMIN:
        return _tr("Admin")
    return {
        ItemKind.CONNECTION: _tr("Connection"),
        ItemKind.USER: _tr("User"),
        ItemKind.API_KEY: _tr("API key"),
    }[row.item.kind]


def _place_words(row: ImportRow) -> str:
    draft = row.item.draft
    if draft is None:
        return row.item.owner_email
    username, database = (row.value(name) or "?" for name in ("username", "database"))
    # A socket has no port.
    port = "" if draft.host.startswith("/") else f":{draft.port}"
    via = "" if draft.ssh is None else _tr(" via {host}").format(host=draft.ssh.host)
    return f"{username}@{draft.host}{port} / {database}{via}"


def _state_words(row: ImportRow) -> str:
    match row.item.state:
        case ItemState.DUPLICATE:
            return _tr("Here already")
        case ItemState.UNUSABLE:
            return _tr("Cannot be used")
    if "database" in row.lacks:
        return _tr("No database")
    return _tr("No user") if row.lacks else _tr("New")


def _password_words(row: ImportRow) -> str:
    if row.item.draft is None:
        return ""
    if row.password_secret is not None:
        return _tr("Entered")
    return _tr("Missing") if row.item.password_missing else _tr("There")


def _name_tip(row: ImportRow) -> str:
    return plain_tool_tip(row.shown_name)


def _place_tip(row: ImportRow) -> str:
    return plain_tool_tip(_place_words(row))


def _state_tip(row: ImportRow) -> str:
    return plain_tool_tip(remark_words(row.item) or _state_words(row))


def _look(row: ImportRow) -> Mark:
    if row.item.state is ItemState.DUPLICATE:
        return "copy", "muted"
    if row.item.state is ItemState.UNUSABLE:
        return "error", "danger"
    return ("warning", "warning") if row.lacks else ("check", "success")
