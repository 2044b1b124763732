"""Builds a boolean query in rows that keep in step with its text, whichever is changed."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.query_reading import BuilderRow, RowKind
from altus4_desktop.services.search import SearchService
from altus4_desktop.ui.panes.search.query import ViewKeys
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import IconButton, Label

_MOST_HEIGHT = 190
_LEAST_HEIGHT = 73
_LOW_WINDOW = 640
_MOST_ROWS = 40


class QueryBuilder(QScrollArea):
    """A row for each part of the query and one to add another; ``text_changed`` carries the
    query as it is after a row was changed."""

    text_changed = Signal(str)

    def __init__(self, service: SearchService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.builder")
        self.setAccessibleName(self.tr("Query builder"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._service = service
        self._text = ""
        self.rows: list[_Row] = []
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, Space.XS, 0)
        self._column.setSpacing(Space.XS)
        self.problem = Label("", "caption", wrap=True)
        self.problem.hide()
        self.new_row = _Row(self, is_new=True)
        self.new_row.changed.connect(self._add)
        self._column.addWidget(self.problem)
        self._column.addWidget(self.new_row)
        self.setWidget(inner)
        self.hide()
        self.fit()

    def show_text(self, text: str) -> None:
        """Show the query's parts; a row somebody types in keeps what is typed."""
        self._text = text
        parts = self._service.read_rows(text)
        sound = parts is not None and len(parts) <= _MOST_ROWS
        for row in [*self.rows, self.new_row]:
            row.setEnabled(sound)
        if parts is None:
            self.problem.setText(
                self.tr("A server would refuse the query as it is; repair it to go on building.")
            )
        elif not sound:
            self.problem.setText(self.tr("The query has too many parts to be built in rows."))
        self.problem.setVisible(not sound)
        if parts is None or not sound:
            self.fit()
            return
        while len(self.rows) > len(parts):
            row = self.rows.pop()
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self.rows) < len(parts):
            row = _Row(self)
            row.changed.connect(self._change)
            row.removed.connect(self._remove)
            self.rows.append(row)
            self._column.insertWidget(self._column.indexOf(self.new_row), row)
            row.show()
        for row, part in zip(self.rows, parts, strict=True):
            row.show_part(part)
        self.fit()

    @Slot()
    def _change(self) -> None:
        row = self.sender()
        if isinstance(row, _Row) and row in self.rows:
            self._write(self._service.change_row(self._text, self.rows.index(row), row.part))

    @Slot()
    def _remove(self) -> None:
        row = self.sender()
        if isinstance(row, _Row) and row in self.rows:
            place = self.rows.index(row)
            self._write(self._service.remove_row(self._text, place))
            following = self.rows[place] if place < len(self.rows) else self.new_row
            following.text.setFocus()

    @Slot()
    def _add(self) -> None:
        part = self.new_row.part
        self.new_row.text.clear()
        self._write(self._service.add_row(self._text, part))
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    def _write(self, text: str) -> None:
        if text != self._text:
            self.text_changed.emit(text)

    def fit(self) -> None:
        """Take the height of the rows, and less of it in a low window."""
        self._column.activate()
        most = _MOST_HEIGHT if self.window().height() >= _LOW_WINDOW else _LEAST_HEIGHT
        self.setFixedHeight(min(self._column.sizeHint().height(), most))


class _Row(QWidget):
    """One part: how it counts, what it is, its words.

    ``changed``: the part is another; ``removed``: it is to go. A new row changes when its words
    are complete, the others with each character.
    """

    changed = Signal()
    removed = Signal()

    def __init__(self, parent: QWidget | None = None, *, is_new: bool = False) -> None:
        super().__init__(parent)
        self.sign = self._box("search.builder.sign", self.tr("How it counts"))
        for value, text in (
            ("+", self.tr("must")),
            ("", self.tr("should")),
            ("-", self.tr("must not")),
            (">", self.tr("counts more")),
            ("<", self.tr("counts less")),
            ("~", self.tr("lowers the score")),
        ):
            self.sign.addItem(text, value)
        self.sign.setCurrentIndex(1)
        self.kind = self._box("search.builder.kind", self.tr("What it is"))
        for kind, text in (
            (RowKind.WORD, self.tr("word")),
            (RowKind.PREFIX, self.tr("beginning")),
            (RowKind.PHRASE, self.tr("phrase")),
            (RowKind.NEAR, self.tr("near words")),
            (RowKind.GROUP, self.tr("group")),
        ):
            self.kind.addItem(text, kind.value)
        self.text = QLineEdit()
        self.text.setObjectName("search.builder.text")
        self.text.setAccessibleName(self.tr("Words"))
        self.text.setMinimumWidth(80)
        if is_new:
            self.text.setPlaceholderText(self.tr("Add a part, then Enter"))
        self.distance = QSpinBox()
        self.distance.setObjectName("search.builder.distance")
        self.distance.setAccessibleName(self.tr("Within so many words"))
        self.distance.setToolTip(self.tr("Within so many words"))
        for field in self.distance.findChildren(QLineEdit):
            field.setAccessibleName(self.tr("Within so many words"))
        self.distance.setRange(1, 999)
        self.distance.setValue(5)
        self.distance.hide()
        for typed in (self.text, self.distance):
            typed.installEventFilter(ViewKeys(typed))
        self.remove = IconButton("close", self.tr("Remove"), name="search.builder.remove", size=14)
        self.remove.clicked.connect(self.removed)
        # A row in the making keeps the others' columns.
        policy = self.remove.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.remove.setSizePolicy(policy)
        self.remove.setVisible(not is_new)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.sign)
        row.addWidget(self.kind)
        row.addWidget(self.text, 1)
        row.addWidget(self.distance)
        row.addWidget(self.remove)
        self.kind.currentIndexChanged.connect(self._show_distance)
        if is_new:
            self.text.returnPressed.connect(self._tell)
            return
        for box in (self.sign, self.kind):
            box.currentIndexChanged.connect(self._tell)
        self.distance.valueChanged.connect(self._tell)
        self.text.textEdited.connect(self._tell)
        self.text.editingFinished.connect(self._finish)

    def _box(self, name: str, label: str) -> QComboBox:
        box = QComboBox()
        box.setObjectName(name)
        box.setAccessibleName(label)
        box.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        return box

    @property
    def part(self) -> BuilderRow:
        """The part as it is shown."""
        return BuilderRow(
            RowKind(self.kind.currentData()),
            self.text.text(),
            str(self.sign.currentData()),
            self.distance.value(),
        )

    def show_part(self, part: BuilderRow) -> None:
        """Show a part without telling of a change."""
        controls = (self.sign, self.kind, self.distance)
        for control in controls:
            control.blockSignals(True)
        self.sign.setCurrentIndex(self.sign.findData(part.sign))
        self.kind.setCurrentIndex(self.kind.findData(part.kind.value))
        if part.kind is RowKind.NEAR:
            self.distance.setValue(part.distance)
        for control in controls:
            control.blockSignals(False)
        if not self.text.hasFocus() and self.text.text() != part.text:
            self.text.setText(part.text)
            self.text.setCursorPosition(0)
        self._show_distance()

    @Slot()
    def _show_distance(self) -> None:
        self.distance.setVisible(self.kind.currentData() == RowKind.NEAR.value)

    @Slot()
    def _tell(self) -> None:
        if self.text.text().strip():
            self.changed.emit()

    @Slot()
    def _finish(self) -> None:
        if not self.text.text().strip():
            self.removed.emit()
