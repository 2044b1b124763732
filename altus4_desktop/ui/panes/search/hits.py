"""The list of hits, heads among them, and the thin line above it that fills as sources answer."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from altus4_desktop.domain.query_sets import GRADES
from altus4_desktop.ui.panes.search.copying import CopyFormat
from altus4_desktop.ui.panes.search.delegates import HitDelegate
from altus4_desktop.ui.panes.search.grouping import Head
from altus4_desktop.ui.panes.search.model import HitRole
from altus4_desktop.ui.theme import worn_palette


class HitList(QTableView):
    """Hits by keyboard and mouse: Enter opens, Ctrl+C copies, the arrow up leaves at the top.

    Left and Right fold and unfold the current group, as a click on its head does: ``fold_wanted``
    carries a row and whether its group is to be folded. The arrows rest on heads of folded groups
    alone. While hits are judged, ``grade_wanted`` carries what 0 to 3 and Delete mean: a grade or
    None.
    A table of one column: unlike a list it asks nothing of rows that are out of sight, so that a
    hundred thousand of them may change place at once.
    """

    copy_wanted = Signal(str)
    opened = Signal(QModelIndex)
    left_upwards = Signal()
    stop_wanted = Signal()
    picked = Signal()
    grade_wanted = Signal(object)
    fold_wanted = Signal(int, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.hits")
        self.setAccessibleName(self.tr("Hits"))
        self.is_stoppable = False
        self.is_judging = False
        self._heads: Sequence[int] = ()
        self._presses_head = False
        self._painter = HitDelegate(self)
        self.setItemDelegate(self._painter)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.horizontalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._size_rows()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setMouseTracking(True)
        self.setMinimumWidth(300)
        self.doubleClicked.connect(self._open)

    def go_to(self, row: int) -> None:
        """Make a row the current and the only selected one, whatever keys are held: the view's own
        way would toggle it while Ctrl is, as it is in every shortcut."""
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().setCurrentIndex(
            self.model().index(row, 0), flags.ClearAndSelect | flags.Rows
        )

    def changeEvent(self, event: QEvent) -> None:
        """Follow the font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._size_rows()

    def _size_rows(self) -> None:
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        self._hit_height = self._painter.sizeHint(option, QModelIndex()).height()
        self._head_height = self._painter.head_height(option)
        self.verticalHeader().setMinimumSectionSize(self._head_height)
        self.verticalHeader().setDefaultSectionSize(self._hit_height)
        self.fit_heads(self._heads)

    def fit_heads(self, rows: Sequence[int]) -> None:
        """Make these rows as low as heads are, and all others as high as hits."""
        if not rows and not self._heads:
            return
        self._heads = rows
        heads = frozenset(rows)
        header = self.verticalHeader()
        for row in range(header.count()):
            height = self._head_height if row in heads else self._hit_height
            if header.sectionSize(row) != height:
                header.resizeSection(row, height)

    def _head_at(self, row: int) -> Head | None:
        head = self.model().index(row, 0).data(HitRole.ROW) if row in self._heads else None
        return head if isinstance(head, Head) else None

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Go over heads, except those whose hits are folded away."""
        index = super().moveCursor(action, modifiers)
        head = self._head_at(index.row())
        if head is None or head.is_folded:
            return index
        goes_up = 0 < index.row() < self.currentIndex().row()
        return index.siblingAtRow(index.row() + (-1 if goes_up else 1))

    def scrollTo(
        self,
        index: QModelIndex | QPersistentModelIndex,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """With the first hit of a group its head comes into sight."""
        if self._head_at(index.row() - 1) is not None:
            super().scrollTo(index.model().index(index.row() - 1, 0), hint)
        super().scrollTo(index, hint)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys of the list; the rest is the view's."""
        before = self.currentIndex()
        self._press(event)
        if self.currentIndex() != before:
            self.picked.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click picks a hit, and folds or unfolds a group."""
        row = self.indexAt(event.position().toPoint()).row()
        head = self._head_at(row)
        self._presses_head = head is not None
        if head is None:
            super().mousePressEvent(event)
            self.picked.emit()
        elif event.button() == Qt.MouseButton.LeftButton:
            self.fold_wanted.emit(row, not head.is_folded)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Nothing is dragged from a head."""
        if not (self._presses_head and event.buttons()):
            super().mouseMoveEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Two quick clicks on a head are two clicks."""
        if self._head_at(self.indexAt(event.position().toPoint()).row()) is None:
            super().mouseDoubleClickEvent(event)
        else:
            self.mousePressEvent(event)

    def _press(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.is_stoppable:
            self.stop_wanted.emit()
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit(CopyFormat.TSV.value)
        elif _is_copy_as_json(event):
            self.copy_wanted.emit(CopyFormat.JSON.value)
        elif self.is_judging and _is_grade(event):
            self.grade_wanted.emit(_grade(event))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.currentIndex())
        elif event.key() == Qt.Key.Key_Up and self._is_at_top():
            self.left_upwards.emit()
        elif self._heads and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._fold(folds=event.key() == Qt.Key.Key_Left)
        else:
            super().keyPressEvent(event)

    def _is_at_top(self) -> bool:
        row = self.currentIndex().row()
        above = self._head_at(0) if row == 1 else None
        return row <= 0 or (above is not None and not above.is_folded)

    def _fold(self, *, folds: bool) -> None:
        if self.currentIndex().isValid():
            self.fold_wanted.emit(self.currentIndex().row(), folds)

    @Slot(QModelIndex)
    def _open(self, index: QModelIndex) -> None:
        if self._head_at(index.row()) is not None:
            self._fold(folds=False)
        elif index.isValid():
            self.opened.emit(index)


def _is_grade(event: QKeyEvent) -> bool:
    plain = event.modifiers() in (
        Qt.KeyboardModifier.NoModifier,
        Qt.KeyboardModifier.KeypadModifier,
    )
    withdraws = event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
    return plain and (withdraws or _grade(event) is not None)


def _grade(event: QKeyEvent) -> int | None:
    grade = event.key() - Qt.Key.Key_0
    return grade if grade in GRADES else None


def _is_copy_as_json(event: QKeyEvent) -> bool:
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    return event.key() == Qt.Key.Key_C and event.modifiers() == both


class ProgressLine(QWidget):
    """A hairline that fills with the share of sources that have answered."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.progress")
        self.setAccessibleName(self.tr("Progress of the search"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._share: float | None = None

    def show_share(self, share: float | None) -> None:
        """Fill the line from 0 to 1; None leaves it bare."""
        if share != self._share:
            self._share = share
            self.setAccessibleDescription("" if share is None else f"{share:.0%}")
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(100, 3)

    def paintEvent(self, _: QPaintEvent) -> None:
        if self._share is None:
            return
        palette = worn_palette()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(palette.color("border"))
        painter.drawRoundedRect(QRectF(self.rect()), 1.5, 1.5)
        painter.setBrush(palette.color("accent_fill"))
        painter.drawRoundedRect(QRectF(0, 0, self.width() * self._share, self.height()), 1.5, 1.5)
        painter.end()
