"""What the forms of connections are made of besides the window's own building blocks."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QWidget,
)

from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, IconButton, indent_number


class FingerprintField(QWidget):
    """The fingerprint of a certificate, with a button that reads the server's."""

    read_wanted = Signal()

    def __init__(self, label: str, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        self.edit = line(name)
        self.edit.setAccessibleName(label)
        self.setFocusProxy(self.edit)
        self.textChanged = self.edit.textChanged
        self.read_button = Button(
            self.tr("Read it from the server"), icon_name="shield", name=f"{name}.read"
        )
        self.read_button.clicked.connect(self.read_wanted)
        row.addWidget(self.edit, 1)
        row.addWidget(self.read_button)

    def text(self) -> str:
        """What was typed."""
        return self.edit.text().strip()

    def setText(self, text: str) -> None:
        """Show a fingerprint."""
        self.edit.setText(text)
        self.edit.setCursorPosition(0)


class FileField(QWidget):
    """A path with a button to look for it."""

    def __init__(self, label: str, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        self.edit = QLineEdit()
        self.edit.setObjectName(name)
        self.edit.setAccessibleName(label)
        self.setFocusProxy(self.edit)
        self.textChanged = self.edit.textChanged
        self._label = label
        look = IconButton("folder", self.tr("Choose a file"), name=f"{name}.choose")
        look.clicked.connect(self._look)
        row.addWidget(self.edit, 1)
        row.addWidget(look)

    def text(self) -> str:
        """The path."""
        return self.edit.text().strip()

    def setText(self, text: str) -> None:
        """Show a path."""
        self.edit.setText(text)

    @Slot()
    def _look(self) -> None:
        dialog = QFileDialog(self, self._label)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.edit.setText)
        dialog.open()


def line(name: str) -> QLineEdit:
    """A field of one line."""
    edit = QLineEdit()
    edit.setObjectName(name)
    return edit


def seconds(name: str, longest: int = 86400) -> QDoubleSpinBox:
    """A field for whole seconds."""
    box = QDoubleSpinBox()
    box.setObjectName(name)
    box.setDecimals(0)
    box.setRange(1, longest)
    box.setSuffix(QCoreApplication.translate("fields", " s"))
    indent_number(box)
    return box


def beside(*columns: tuple[QWidget, int]) -> QHBoxLayout:
    """Rows of a form side by side, each with its stretch."""
    row = QHBoxLayout()
    row.setSpacing(Space.L)
    for widget, stretch in columns:
        row.addWidget(widget, stretch, Qt.AlignmentFlag.AlignTop)
    return row
