"""One hit in full: its columns as name and value, and a reader for the value under the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QFont,
    QGuiApplication,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QSplitter,
    QStackedWidget,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.schema import ColumnInfo, TableInfo
from altus4_desktop.domain.searching import Match, SearchHit, Value
from altus4_desktop.ui.dialogs import scrolling
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.painting import BADGE_TONES, plain_tool_tip
from altus4_desktop.ui.panes.search.model import HitRow
from altus4_desktop.ui.panes.search.why import WhyView
from altus4_desktop.ui.panes.search.wording import (
    one_line,
    reads_like_code,
    size_text,
    source_text,
    utf16_spans,
    value_text,
)
from altus4_desktop.ui.panes.wrapped import first_lines
from altus4_desktop.ui.theme import Space, TypeSize, mono_family, worn_palette
from altus4_desktop.ui.widgets import (
    Badge,
    Button,
    Divider,
    EmptyState,
    IconButton,
    InlineMessage,
    Label,
    Segments,
)

AnyIndex = QModelIndex | QPersistentModelIndex

_PREVIEW = 300
_ROW_HEIGHT = 28
_TITLE_LINES = 3
# The button beside the title, the space between them, and the scroll bar of a low window.
_BESIDE_TITLE = 68
_FOLD_AT = 4000
_PIECE = 32 * 1024
_MARKS = 500


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


class TextReader(QPlainTextEdit):
    """Reads a text of any length: very long lines are folded, very long texts come in pieces."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("QPlainTextEdit { padding: 0; border: none; background: transparent; }")
        self.document().setDocumentMargin(0)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setTabChangesFocus(True)
        self._rest = ""
        self._at = 0
        self._spans: Sequence[tuple[int, int]] = ()
        self.is_folded = False
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._go_on)

    def show_text(self, text: str, spans: Sequence[tuple[int, int]], *, code: bool) -> None:
        """Show a text from its beginning, with the spans (characters) marked."""
        self._later.stop()
        self.setFont(self._face(code=code))
        folded = _folded(text)
        self.is_folded = folded is not text
        self._rest, self._at = folded, _PIECE
        self.setPlainText(folded[:_PIECE])
        self.moveCursor(QTextCursor.MoveOperation.Start)
        marks = [] if self.is_folded else [span for span in spans if span[1] <= _PIECE]
        self._spans = utf16_spans(folded[:_PIECE], marks[:_MARKS])
        self.draw_marks()
        self._go_to_first_mark()
        if len(folded) > _PIECE:
            self._later.start(0)
        else:
            self._rest = ""

    @Slot()
    def _go_on(self) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(self._rest[self._at : self._at + _PIECE])
        self._at += _PIECE
        if self._at < len(self._rest):
            self._later.start(0)
        else:
            self._rest = ""

    def _face(self, *, code: bool) -> QFont:
        font = QFont(QGuiApplication.font())
        if code:
            font.setFamily(mono_family())
        font.setPixelSize(TypeSize.BODY)
        return font

    def _go_to_first_mark(self) -> None:
        """A match far down is worth more than the beginning; one in sight moves nothing."""
        if self._spans:
            cursor = QTextCursor(self.document())
            cursor.setPosition(self._spans[0][0])
            self.setTextCursor(cursor)
            self.ensureCursorVisible()

    @Slot()
    def draw_marks(self) -> None:
        """Mark what matched, in the colours of now."""
        palette = worn_palette()
        marks = []
        for start, end in self._spans:
            mark = QTextEdit.ExtraSelection()
            look = QTextCharFormat()
            look.setBackground(palette.color("mark"))
            look.setForeground(palette.color("on_mark"))
            mark.format = look
            cursor = QTextCursor(self.document())
            cursor.setPosition(start)
            cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
            mark.cursor = cursor
            marks.append(mark)
        self.setExtraSelections(marks)


def _folded(text: str) -> str:
    """The text with very long lines broken: laying out a line of millions takes minutes."""
    if len(text) <= _FOLD_AT:
        return text
    lines = text.split("\n")
    if max(map(len, lines)) <= _FOLD_AT:
        return text
    pieces = []
    for line in lines:
        pieces += [line[i : i + _FOLD_AT] for i in range(0, len(line), _FOLD_AT)] or [""]
    return "\n".join(pieces)


class DetailPanel(QFrame):
    """The hit under the cursor in full."""

    full_row_wanted = Signal()
    copy_cell_wanted = Signal(str, bool)
    why_wanted = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.detail")
        self.setAccessibleName(self.tr("Hit in full"))
        self.setProperty("surface", "card")
        self.setMinimumWidth(260)
        self._row: HitRow | None = None
        self._table: TableInfo | None = None
        self._full: Mapping[str, Value] | None = None
        self.keeps_heights = False

        self.pages = QStackedWidget()
        self._nothing = EmptyState(
            "file", self.tr("No hit selected"), self.tr("Select a hit to read all of its columns.")
        )
        self.pages.addWidget(self._nothing)
        # In a low window it is scrolled: squeezed, its parts would lie on each other.
        content = self._build_content()
        area = scrolling(content)
        for ground in (area.viewport(), content):
            ground.setAutoFillBackground(False)
        self.pages.addWidget(area)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.addWidget(self.pages)
        # What is done with the hit stays in sight while it is scrolled.
        self.below = QVBoxLayout()
        column.addLayout(self.below)

    def _build_content(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        column.setSpacing(Space.S)
        top = QHBoxLayout()
        top.setSpacing(Space.S)
        self.title = Label(role="title", wrap=True, selectable=True)
        self.title.setObjectName("search.detail.title")
        # A word longer than the panel is broken by us, once the panel has its width.
        self.title.setMinimumWidth(1)
        top.addWidget(self.title, 1)
        close = IconButton("close", self.tr("Hide details"), name="search.detail.close", size=16)
        close.clicked.connect(self.closed)
        top.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(top)
        facts = QHBoxLayout()
        facts.setSpacing(Space.S)
        self.environment = Badge("")
        self.source = ElidedLabel(role="caption")
        self.source.setObjectName("search.detail.source")
        facts.addWidget(self.environment)
        facts.addWidget(self.source, 1)
        column.addLayout(facts)

        self.face = Segments(
            (("row", self.tr("Row")), ("why", self.tr("Why"))),
            name="search.detail.face",
            label=self.tr("What is shown of the hit"),
        )
        self.face.chosen.connect(self._show_face)
        # Beside the facts: in a small window every line counts.
        facts.addWidget(self.face)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(Space.S)
        self.split.addWidget(self._build_table())
        self.split.addWidget(self._build_reader())
        self.split.splitterMoved.connect(self._keep_heights)
        self.split.installEventFilter(self)
        self.split.setStretchFactor(0, 0)
        self.split.setStretchFactor(1, 1)
        self.why = WhyView()
        self.faces = QStackedWidget()
        self.faces.addWidget(self.split)
        self.faces.addWidget(self.why)
        column.addWidget(self.faces, 1)
        return content

    def show_why(self) -> None:
        """Turn to why the hit is here."""
        self.face.set_key("why")
        self._show_face()

    def show_columns(self) -> None:
        """Turn to the columns of the hit."""
        self.face.set_key("row")
        self._show_face()

    @property
    def shows_why(self) -> bool:
        """Whether it is said why the hit is here."""
        return self.face.key == "why"

    @Slot()
    def _show_face(self) -> None:
        self.faces.setCurrentIndex(1 if self.shows_why else 0)
        if self.shows_why and self._row is not None:
            self.why.show_busy()
            self.why_wanted.emit()

    def _build_table(self) -> QTableView:
        self.cells = CellModel(self)
        self.table = QTableView()
        self.table.setObjectName("search.detail.columns")
        self.table.setAccessibleName(self.tr("Columns of the hit"))
        self.table.setProperty("kind", "plain")
        self.table.setModel(self.cells)
        self.table.setItemDelegate(CellDelegate(self.table))
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.table.setWordWrap(False)
        self.table.horizontalHeader().hide()
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.horizontalHeader().setMinimumSectionSize(56)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.selectionModel().currentRowChanged.connect(self._read_current)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.table)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy_cell)
        return self.table

    def _build_reader(self) -> QWidget:
        area = QWidget()
        column = QVBoxLayout(area)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(Divider())
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        self.cell_name = Label(role="strong")
        self.cell_facts = ElidedLabel(role="caption")
        self.load = Button(
            self.tr("Load full value"), name="search.detail.load", icon_name="download"
        )
        self.load.clicked.connect(self._want_full)
        self.copy_button = IconButton(
            "copy", self.tr("Copy value"), name="search.detail.copy", size=16
        )
        self.copy_button.clicked.connect(self.copy_cell)
        head.addWidget(self.cell_name)
        head.addWidget(self.cell_facts, 1)
        head.addWidget(self.copy_button)
        column.addLayout(head)
        self.message = InlineMessage(name="search.detail.message")
        column.addWidget(self.message)
        self.reader = TextReader()
        self.reader.setObjectName("search.detail.value")
        self.reader.setAccessibleName(self.tr("Value"))
        column.addWidget(self.reader, 1)
        column.addWidget(self.load, 0, Qt.AlignmentFlag.AlignLeft)
        return area

    def sizeHint(self) -> QSize:
        return QSize(420, 400)

    def save_layout(self, memory: PaneMemory) -> None:
        """Write down what somebody has arranged."""
        if self.keeps_heights:
            memory.keep_layout("detail", self.split.saveState())

    def restore_layout(self, memory: PaneMemory) -> None:
        """Arrange it as it was."""
        self.keeps_heights = self.split.restoreState(memory.layout("detail"))

    @Slot()
    def _keep_heights(self) -> None:
        self.keeps_heights = True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Share a new height, unless somebody has arranged it."""
        if event.type() == QEvent.Type.Resize and self._row is not None:
            self._size_table()
        return super().eventFilter(watched, event)

    @property
    def hit(self) -> SearchHit | None:
        """The hit shown."""
        return self._row.hit if self._row else None

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The title in whole lines of the new width."""
        super().resizeEvent(event)
        self._fit_title()

    def _fit_title(self) -> None:
        """Show whole lines of the title, and all of it in the tool tip."""
        if self._row is None:
            return
        title = self._row.title[:400]
        self.title.ensurePolished()
        width = self.width() - 2 * Space.L - _BESIDE_TITLE
        self.title.setText(first_lines(title, self.title.font(), width, _TITLE_LINES))
        self.title.setToolTip(plain_tool_tip(title))
        self.title.setAccessibleName(title)

    def show_row(self, row: HitRow | None, table: TableInfo | None) -> None:
        """Show a hit, or that there is none."""
        if row is None:
            self._row = None
            self.pages.setCurrentIndex(0)
            return
        same = self._row is not None and self._row.hit == row.hit
        self._row = row
        if not same:
            self._full = None
            self.message.clear()
            self._show_face()
        self._table = table
        self._fit_title()
        hit = row.hit
        if row.environment is not None:
            self.environment.set(row.environment.value.upper(), BADGE_TONES[row.environment])
        self.environment.setVisible(row.environment is not None)
        facts = self.tr("{source}  ·  hit {rank}  ·  score {score:.4g}")
        text = facts.format(source=source_text(hit.source), rank=row.rank, score=hit.source_score)
        self.source.setText(text)
        self.cells.show(cells_of(hit, table, self._full))
        self.pages.setCurrentIndex(1)
        if not same:
            place = self.cells.place_to_read(hit.title_column)
            self._size_table()
            self.table.setCurrentIndex(self.cells.index(place, 1))
            self.table.scrollToTop()
        self._read_current()

    def show_table(self, table: TableInfo) -> None:
        """Add what is known about the columns' types."""
        if self._row is not None:
            self._table = table
            self.cells.show(cells_of(self._row.hit, table, self._full))
            self._describe()

    def show_full(self, hit: SearchHit, columns: Mapping[str, Value]) -> None:
        """Put whole values in the place of those cut short."""
        if self._row is None or self._row.hit != hit:
            return
        self._full = columns
        self.cells.show(cells_of(hit, self._table, columns))
        self._read_current()

    def show_full_error(self, error: AltusError) -> None:
        """Say why the whole value cannot be had."""
        self.load.setEnabled(True)
        self.message.show_error(error)

    @property
    def current_cell(self) -> Cell | None:
        """The cell being read."""
        index = self.table.currentIndex()
        return self.cells.cell_at(index.row()) if index.isValid() else None

    @Slot()
    def copy_cell(self) -> None:
        """Ask for the value under the cursor to be copied, whole."""
        cell = self.current_cell
        if cell is None:
            return
        if cell.full_size is not None:
            self.copy_cell_wanted.emit(cell.name, True)
            return
        self.copy_cell_wanted.emit(cell.name, False)

    @Slot()
    def _want_full(self) -> None:
        self.message.clear()
        self.load.setEnabled(False)
        self.load.setText(self.tr("Loading…"))
        self.full_row_wanted.emit()

    @Slot()
    def _read_current(self) -> None:
        cell = self.current_cell
        if cell is None:
            return
        data_type = cell.info.data_type if cell.info else ""
        spans = [(match.start, match.end) for match in cell.matches]
        text = "NULL" if cell.value is None else value_text(cell.value)
        if cell.value == "":
            text = ""
            self.reader.setPlaceholderText(self.tr("The text is empty."))
        code = cell.is_binary or reads_like_code(text, data_type)
        self.reader.show_text(text, spans, code=code)
        self._describe()

    def _describe(self) -> None:
        cell = self.current_cell
        if cell is None:
            return
        self.cell_name.setText(cell.name)
        facts = [cell.info.type if cell.info else "", self._zone(cell), self._size(cell)]
        if self.reader.is_folded:
            facts.append(self.tr("long lines folded"))
        self.cell_facts.setText("  ·  ".join(fact for fact in facts if fact))
        self.load.setVisible(cell.full_size is not None)
        if cell.full_size is not None:
            self.load.setEnabled(True)
            size = size_text(cell.full_size, binary=cell.is_binary)
            self.load.setText(self.tr("Load full value ({size})").format(size=size))
            self.load.setAccessibleName(self.load.text())

    def _zone(self, cell: Cell) -> str:
        if cell.info is None:
            return ""
        if cell.info.data_type == "timestamp":
            return self.tr("in UTC")
        if cell.info.data_type == "datetime":
            return self.tr("as stored, no time zone")
        return ""

    def _size(self, cell: Cell) -> str:
        if isinstance(cell.value, (str, bytes)) and len(cell.value) > 64:
            return size_text(cell.full_size or len(cell.value), binary=cell.is_binary)
        return ""

    def _size_table(self) -> None:
        """As many rows as there are columns, up to a third of the panel."""
        rows = max(self.cells.rowCount(), 1)
        frame = 2 * self.table.frameWidth()
        self.table.setMinimumHeight(_ROW_HEIGHT + frame)
        self.table.setMaximumHeight(rows * _ROW_HEIGHT + frame)
        self.table.resizeColumnToContents(0)
        wanted = self.table.columnWidth(0) + Space.S
        self.table.setColumnWidth(0, min(wanted, max(72, self.width() * 2 // 5)))
        if not self.keeps_heights:
            height = self.split.height()
            top = min(rows, max(3, height * 2 // 5 // _ROW_HEIGHT)) * _ROW_HEIGHT + frame
            self.split.setSizes([top, height - top])
