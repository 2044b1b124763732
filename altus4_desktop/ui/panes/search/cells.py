"""The columns of one hit as a table of names and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from altus4_desktop.domain.schema import ColumnInfo, TableInfo
from altus4_desktop.domain.searching import Match, SearchHit, Value
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.wording import one_line, size_text
from altus4_desktop.ui.theme import worn_palette

AnyIndex = QModelIndex | QPersistentModelIndex

_PREVIEW = 300


class CellRole(IntEnum):
    """What `CellModel.data` answers besides the usual roles."""

    CELL = Qt.ItemDataRole.UserRole + 1
    SORT = Qt.ItemDataRole.UserRole + 2
    ABSENT = Qt.ItemDataRole.UserRole + 3


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of a hit; ``full_size`` is set while only the beginning of the value is here."""

    name: str
    value: Value
    info: ColumnInfo | None = None
    full_size: int | None = None
    matches: tuple[Match, ...] = ()

    @property
    def is_binary(self) -> bool:
        """Whether the value is bytes rather than text."""
        return isinstance(self.value, bytes)


def cells_of(
    hit: SearchHit,
    table: TableInfo | None,
    full: Mapping[str, Value] | None = None,
) -> tuple[Cell, ...]:
    """The columns of a hit in the table's order; ``full`` brings the values cut short."""
    infos = {column.name: column for column in table.columns} if table else {}
    return tuple(
        Cell(
            name,
            full.get(name, value) if full is not None else value,
            infos.get(name),
            None if full is not None else hit.truncated.get(name),
            tuple(match for match in hit.matches if match.column == name),
        )
        for name, value in hit.columns.items()
    )


class CellModel(QAbstractTableModel):
    """Name and value of each column."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cells: tuple[Cell, ...] = ()

    def show(self, cells: Sequence[Cell]) -> None:
        """Replace the cells; the same columns are only redrawn."""
        new = tuple(cells)
        if new and [cell.name for cell in new] == [cell.name for cell in self._cells]:
            self._cells = new
            self.dataChanged.emit(self.index(0, 0), self.index(len(new) - 1, 1))
            return
        self.beginResetModel()
        self._cells = new
        self.endResetModel()

    def cell_at(self, row: int) -> Cell:
        """The cell of a row."""
        return self._cells[row]

    def place_to_read(self, title_column: str) -> int:
        """The row to read first: matched text that is not the title, else the longest text."""

        def worth(place: int) -> tuple[bool, int, int]:
            cell = self._cells[place]
            length = len(cell.value) if isinstance(cell.value, str) else 0
            matched = 0 if cell.name == title_column else len(cell.matches)
            return (matched > 0, length, -place)

        return max(range(len(self._cells)), key=worth, default=-1)

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        return 0 if parent.isValid() else len(self._cells)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        return 0 if parent.isValid() else 2

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.tr("Column") if section == 0 else self.tr("Value")
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._cells):
            return None
        cell = self._cells[index.row()]
        is_name = index.column() == 0
        answer: object = None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                answer = cell.name if is_name else self._preview(cell)
            case Qt.ItemDataRole.ToolTipRole:
                kind = cell.info.type if cell.info else ""
                text = f"{cell.name}\n{kind}".strip() if is_name else self._preview(cell)
                answer = plain_tool_tip(text)
            case Qt.ItemDataRole.AccessibleTextRole:
                answer = f"{cell.name}: {self._preview(cell)}"
            case CellRole.CELL:
                answer = cell
            case CellRole.SORT:
                answer = cell.name.casefold()
            case CellRole.ABSENT:
                answer = not is_name and (cell.value is None or cell.value == "")
        return answer

    def _preview(self, cell: Cell) -> str:
        if cell.value is None:
            return "NULL"
        if cell.value == "":
            return self.tr("empty text")
        if isinstance(cell.value, bytes):
            shown = "0x" + cell.value[: _PREVIEW // 2].hex()
        else:
            shown = one_line(str(cell.value)[:_PREVIEW]).strip()
        if cell.full_size is not None:
            size = size_text(cell.full_size, binary=cell.is_binary)
            return f"{shown[:120]}… ({size})"
        return shown


class CellDelegate(QStyledItemDelegate):
    """Names step back, NULL and the empty text look unlike any value."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        palette = worn_palette()
        if index.column() == 0:
            option.palette.setColor(option.palette.ColorRole.Text, palette.color("muted"))
            option.palette.setColor(
                option.palette.ColorRole.HighlightedText, palette.color("muted")
            )
        if index.data(CellRole.ABSENT):
            option.font.setItalic(True)
            for role in (option.palette.ColorRole.Text, option.palette.ColorRole.HighlightedText):
                option.palette.setColor(role, palette.color("faint"))
