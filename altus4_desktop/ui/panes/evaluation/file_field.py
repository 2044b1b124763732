"""A line for the path of a file that is to be read, and a button to look for it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button


class FileField(QWidget):
    """``textChanged`` carries what is written in the line."""

    textChanged = Signal(str)  # noqa: N815 - forms listen to this name

    def __init__(self, label: str, filters: str, *, name: str, parent: QWidget | None = None):
        super().__init__(parent)
        self._label = label
        self._filters = filters
        self.edit = QLineEdit()
        self.edit.setObjectName(name)
        self.edit.setAccessibleName(label)
        self.edit.setClearButtonEnabled(False)
        self.edit.textChanged.connect(self.textChanged)
        self.browse = Button(self.tr("Browse…"), name=f"{name}.browse")
        self.browse.setAccessibleName(self.tr("Browse for {what}").format(what=label))
        self.browse.clicked.connect(self._browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.edit, 1)
        row.addWidget(self.browse)
        self.setFocusProxy(self.edit)
        self.setAccessibleName(label)

    @property
    def path(self) -> Path | None:
        """What is chosen."""
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None

    def set_path(self, path: Path | None) -> None:
        """Choose a file, or none."""
        self.edit.setText("" if path is None else str(path))

    @Slot()
    def _browse(self) -> None:
        start = self.path
        folder = str(start.parent if start is not None else Path.home())
        dialog = QFileDialog(self, self._label, folder, self._filters)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.edit.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
