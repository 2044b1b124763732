"""What was found, to choose from, with a place to enter what is missing."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.exchange import ImportPreview, ItemKind, ItemState
from altus4_desktop.ui.panes.connections.fields import beside, line
from altus4_desktop.ui.panes.connections.import_model import (
    KIND,
    NAME,
    PASSWORD,
    STATE,
    WHERE,
    ImportModel,
    ImportRow,
    remark_words,
)
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.tables import PlainTable
from altus4_desktop.ui.texts import remark_text
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, FormRow, Label, PasswordField

_EDITED = ("name", "database", "username", "password")


class ItemTable(PlainTable):
    """Rows to walk through by the arrows; the space bar chooses."""

    def __init__(self, model: ImportModel, label: str, parent: QWidget | None = None) -> None:
        widths = {NAME: 170, KIND: 100, STATE: 162, PASSWORD: 96}
        name = "connections.import.items"
        super().__init__(model, widths, WHERE, name=name, label=label, parent=parent)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The space bar turns the check box of the row, wherever in it one is."""
        index = self.currentIndex()
        if event.key() == Qt.Key.Key_Space and index.isValid():
            box = index.siblingAtColumn(NAME)
            checked = box.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
            turned = Qt.CheckState.Unchecked if checked else Qt.CheckState.Checked
            self.model().setData(box, turned, Qt.ItemDataRole.CheckStateRole)
            return
        super().keyPressEvent(event)


class PreviewPage(QWidget):
    """``changed``: another number of rows is chosen."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ImportModel(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        self.origin = ElidedLabel("", "strong")
        column.addWidget(self.origin)
        self.remarks = Label("", "muted", wrap=True)
        self.remarks.setObjectName("connections.import.remarks")
        column.addWidget(self.remarks)
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        self.counts = ElidedLabel("", "caption")
        self.counts.setObjectName("connections.import.counts")
        head.addWidget(self.counts, 1)
        self.all_button = Button(self.tr("All new"), "link", name="connections.import.all")
        self.none_button = Button(self.tr("None"), "link", name="connections.import.none")
        self.all_button.clicked.connect(self.model.choose_all_new)
        self.none_button.clicked.connect(self.model.choose_none)
        head.addWidget(self.all_button)
        head.addWidget(self.none_button)
        column.addLayout(head)
        self.table = ItemTable(self.model, self.tr("What was found"))
        column.addWidget(self.table, 1)
        column.addWidget(self._build_detail())
        self.model.changed.connect(self._count)
        self.table.selectionModel().currentRowChanged.connect(self._show_row)

    def show_preview(self, preview: ImportPreview) -> None:
        """Show what was found."""
        self.origin.setText(f"{self.tr(preview.format.label)} · {preview.origin}")
        remarks = " ".join(remark_text(remark) for remark in preview.remarks)
        self.remarks.setText(remarks)
        self.remarks.setVisible(bool(remarks))
        self.model.show(preview.items)
        kinds = {item.kind for item in preview.items}
        self.table.setColumnHidden(KIND, kinds == {ItemKind.CONNECTION})
        # What needs a person comes to the front.
        lacking = [number for number, row in enumerate(self.model.records) if row.lacks]
        self.table.setCurrentIndex(self.model.index(lacking[0] if lacking else 0, NAME))

    def focus_first(self) -> None:
        """Begin in the table."""
        self.table.setFocus()

    def forget(self) -> None:
        """Drop what was found and what was entered."""
        self._edits["password"].clear()
        self.model.forget()

    def _build_detail(self) -> QWidget:
        area = QWidget()
        column = QVBoxLayout(area)
        column.setContentsMargins(0, Space.XS, 0, 0)
        column.setSpacing(Space.S)
        self.notes = Label("", "caption", wrap=True)
        self.notes.setObjectName("connections.import.notes")
        self.notes.setMinimumHeight(2 * self.notes.fontMetrics().lineSpacing())
        self.notes.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.notes)
        password = PasswordField(name="connections.import.password", label=self.tr("Password"))
        self._edits: dict[str, QLineEdit] = {
            "name": line("connections.import.name"),
            "database": line("connections.import.database"),
            "username": line("connections.import.username"),
            "password": password,
        }
        labels = {
            "name": self.tr("Name"),
            "database": self.tr("Database"),
            "username": self.tr("User"),
            "password": self.tr("Password"),
        }
        for edit in self._edits.values():
            edit.textEdited.connect(self._take)
        column.addLayout(
            beside(*((FormRow(labels[name], self._edits[name]), 1) for name in _EDITED))
        )
        return area

    @Slot(QModelIndex)
    def _show_row(self, index: QModelIndex) -> None:
        row = self.model.row_at(index.row())
        self.notes.setText("" if row is None else remark_words(row.item))
        usable = row is not None and row.item.draft is not None
        usable = usable and row is not None and row.item.state is not ItemState.UNUSABLE
        for name, edit in self._edits.items():
            edit.setEnabled(usable)
            edit.setText(_value(row, name) if usable and row is not None else "")
        given = row is not None and usable and not row.item.password_missing
        self._edits["password"].setPlaceholderText(self.tr("As it was found") if given else "")

    @Slot()
    def _count(self) -> None:
        rows = self.model.records
        counts = {
            self.tr("{count} new"): sum(row.item.state is ItemState.NEW for row in rows),
            self.tr("{count} here already"): sum(
                row.item.state is ItemState.DUPLICATE for row in rows
            ),
            self.tr("{count} cannot be used"): sum(
                row.item.state is ItemState.UNUSABLE for row in rows
            ),
            self.tr("{count} without password"): sum(row.password_missing for row in rows),
        }
        chosen = self.tr("{count} chosen").format(count=len(self.model.chosen))
        found = [words.format(count=count) for words, count in counts.items() if count]
        self.counts.setText(" · ".join([chosen, *found]))
        self.changed.emit()

    @Slot(str)
    def _take(self, text: str) -> None:
        """What is typed below the table belongs to the row that is shown."""
        index = self.table.currentIndex()
        for name, edit in self._edits.items():
            if edit is self.sender() and index.isValid():
                self.model.enter(index.row(), name, text)


def _value(row: ImportRow, name: str) -> str:
    if name == "password":
        return row.password_secret or ""
    return row.shown_name if name == "name" else row.value(name)
