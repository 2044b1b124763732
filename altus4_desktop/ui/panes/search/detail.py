"""One hit in full: what and where it is, its columns, the value under the cursor, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.schema import TableInfo
from altus4_desktop.domain.searching import SearchHit, Value
from altus4_desktop.ui.dialogs import scrolling
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.painting import BADGE_TONES, plain_tool_tip
from altus4_desktop.ui.panes.search.cell_reader import CellReader
from altus4_desktop.ui.panes.search.cells import Cell, CellDelegate, CellModel, cells_of
from altus4_desktop.ui.panes.search.model import HitRow
from altus4_desktop.ui.panes.search.why import WhyView
from altus4_desktop.ui.panes.search.wording import source_text
from altus4_desktop.ui.panes.wrapped import first_lines
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Badge, EmptyState, IconButton, Label, Segments
from altus4_desktop.ui.widgets.states import Action

_ROW_HEIGHT = 28
_TITLE_LINES = 3
# The button beside the title, the space between them, and the scroll bar of a low window.
_BESIDE_TITLE = 68


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
        self.area = scrolling(content)
        for ground in (self.area.viewport(), content):
            ground.setAutoFillBackground(False)
        self.pages.addWidget(self.area)
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
        self.reader = CellReader()
        self.reader.full_wanted.connect(self.full_row_wanted)
        self.reader.copy_wanted.connect(self.copy_cell)
        self.split.addWidget(self.reader)
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
            self.reader.message.clear()
            self.reader.end_loading()
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
            cell = self.current_cell
            if cell is not None:
                self.reader.describe(cell)

    def show_full(self, hit: SearchHit, columns: Mapping[str, Value]) -> None:
        """Put whole values in the place of those cut short."""
        if self._row is None or self._row.hit != hit:
            return
        self._full = columns
        self.cells.show(cells_of(hit, self._table, columns))
        self._read_current()

    def show_full_error(self, error: AltusError, actions: Sequence[Action]) -> None:
        """Say why the whole value cannot be had, and what can be done about it."""
        message = self.reader.message
        self.reader.show_error(error, actions)
        # Once it has its place: who asked may have scrolled down to do so.
        QTimer.singleShot(0, message, lambda: self.area.ensureWidgetVisible(message))

    @property
    def current_cell(self) -> Cell | None:
        """The cell being read."""
        index = self.table.currentIndex()
        return self.cells.cell_at(index.row()) if index.isValid() else None

    @Slot()
    def copy_cell(self) -> None:
        """Ask for the value under the cursor to be copied, whole."""
        cell = self.current_cell
        if cell is not None:
            self.copy_cell_wanted.emit(cell.name, cell.full_size is not None)

    @Slot()
    def _read_current(self) -> None:
        cell = self.current_cell
        if cell is not None:
            self.reader.show_cell(cell)

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
