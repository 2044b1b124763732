"""Reads the value of one column of a hit, however long it is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFont, QGuiApplication, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.search.cells import Cell
from altus4_desktop.ui.panes.search.wording import (
    reads_like_code,
    size_text,
    utf16_spans,
    value_text,
)
from altus4_desktop.ui.theme import Space, TypeSize, mono_family, worn_palette
from altus4_desktop.ui.widgets import Button, Divider, IconButton, InlineMessage, Label
from altus4_desktop.ui.widgets.states import Action

_FOLD_AT = 4000
_PIECE = 32 * 1024
_MARKS = 500


class CellReader(QWidget):
    """What the column is, what to do with its value, and the value.

    ``full_wanted``: all of a value that was cut short; ``copy_wanted``: the value, copied.
    """

    full_wanted = Signal()
    copy_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._full_size: int | None = None
        self._is_binary = False
        self._is_loading = False
        column = QVBoxLayout(self)
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
        self.load.clicked.connect(self.load_full)
        copy = IconButton("copy", self.tr("Copy value"), name="search.detail.copy", size=16)
        copy.clicked.connect(self.copy_wanted)
        head.addWidget(self.cell_name)
        head.addWidget(self.cell_facts, 1)
        head.addWidget(copy)
        column.addLayout(head)
        self.message = InlineMessage(name="search.detail.message", stacked=True)
        column.addWidget(self.message)
        self.text = TextReader()
        self.text.setObjectName("search.detail.value")
        self.text.setAccessibleName(self.tr("Value"))
        column.addWidget(self.text, 1)
        column.addWidget(self.load, 0, Qt.AlignmentFlag.AlignLeft)

    def show_cell(self, cell: Cell) -> None:
        """Show a value from its beginning."""
        data_type = cell.info.data_type if cell.info else ""
        spans = [(match.start, match.end) for match in cell.matches]
        text = "NULL" if cell.value is None else value_text(cell.value)
        if cell.value == "":
            text = ""
            self.text.setPlaceholderText(self.tr("The text is empty."))
        code = cell.is_binary or reads_like_code(text, data_type)
        self.text.show_text(text, spans, code=code)
        self.describe(cell)

    def describe(self, cell: Cell) -> None:
        """Say what is known of the value that is shown."""
        self.cell_name.setText(cell.name)
        facts = [cell.info.type if cell.info else "", self._zone(cell), self._size(cell)]
        if self.text.is_folded:
            facts.append(self.tr("long lines folded"))
        self.cell_facts.setText("  ·  ".join(fact for fact in facts if fact))
        self._full_size, self._is_binary = cell.full_size, cell.is_binary
        self._draw_load()

    def show_error(self, error: AltusError, actions: Sequence[Action]) -> None:
        """Say why the whole value cannot be had, and what can be done about it."""
        self.message.show_error(error, actions)

    @Slot()
    def load_full(self) -> None:
        """Ask for all of the value."""
        self.message.clear()
        self._is_loading = True
        self._draw_load()
        self.full_wanted.emit()

    @Slot()
    def end_loading(self) -> None:
        """Offer to load again: nothing is on its way any more."""
        self._is_loading = False
        self._draw_load()

    def _draw_load(self) -> None:
        # A row comes as a whole: while it does, that is said of each of its columns cut short.
        self.load.setVisible(self._full_size is not None)
        self.load.setEnabled(not self._is_loading)
        if self._full_size is None:
            return
        size = size_text(self._full_size, binary=self._is_binary)
        offer = self.tr("Load full value ({size})").format(size=size)
        self.load.setText(self.tr("Loading…") if self._is_loading else offer)
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
