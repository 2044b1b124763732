"""Fields and the rows of a form."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QDoubleSpinBox, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets.basic import Label, refresh_style


def indent_number(box: QSpinBox | QDoubleSpinBox) -> None:
    """Put the number where other fields have their text: the style sheet's padding does not reach
    the editor inside a spin box."""
    box.lineEdit().setTextMargins(Space.S, 0, 0, 0)


class SearchField(QLineEdit):
    """A line to search or filter by; Escape empties it, the arrow down leaves it for the list."""

    left_downwards = Signal()

    def __init__(
        self, placeholder: str, *, name: str, large: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.addAction(icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.setProperty("lead", "icon")
        if large:
            self.setProperty("kind", "search")
        self._clear = QAction(icon("close"), self.tr("Clear"), self)
        self._clear.triggered.connect(self.clear)
        self.addAction(self._clear, QLineEdit.ActionPosition.TrailingPosition)
        self._clear.setVisible(False)
        self.textChanged.connect(self._show_clear)

    @Slot(str)
    def _show_clear(self, text: str) -> None:
        self._clear.setVisible(bool(text))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape empties a filled field; otherwise the key is for whoever is around."""
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        if event.key() == Qt.Key.Key_Down:
            self.left_downwards.emit()
        super().keyPressEvent(event)


class PasswordField(QLineEdit):
    """A secret, shown while the eye is pressed down."""

    def __init__(self, *, name: str, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(label)
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self._reveal = QAction(icon("eye"), self.tr("Show"), self)
        self._reveal.setCheckable(True)
        self._reveal.toggled.connect(self._toggle)
        self.addAction(self._reveal, QLineEdit.ActionPosition.TrailingPosition)

    def forget(self) -> None:
        """Empty the field with its undo history and hide it again."""
        self._reveal.setChecked(False)
        self.setText("")

    @Slot(bool)
    def _toggle(self, shown: bool) -> None:
        mode = QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password
        self.setEchoMode(mode)
        self._reveal.setIcon(icon("eye-off" if shown else "eye"))
        self._reveal.setText(self.tr("Hide") if shown else self.tr("Show"))


class FormRow(QWidget):
    """A label, its field and, below, an explanation or what is wrong with the entry."""

    def __init__(
        self, label: str, field: QWidget, *, hint: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.field = field
        self._hint = hint
        self._is_wrong = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.XS)
        self.label = Label(label, "strong", parent=self)
        self.label.setBuddy(field)
        column.addWidget(self.label)
        column.addWidget(field)
        self.note = Label(hint, "caption", wrap=True, parent=self)
        self.note.setVisible(bool(hint))
        column.addWidget(self.note)
        if not field.accessibleName():
            field.setAccessibleName(label)
        field.setAccessibleDescription(hint)
        for signal in ("textChanged", "currentIndexChanged", "valueChanged"):
            if hasattr(field, signal):
                getattr(field, signal).connect(self.clear_error)
                break

    @property
    def is_wrong(self) -> bool:
        """Whether an error is shown."""
        return self._is_wrong

    def set_hint(self, hint: str) -> None:
        """Replace the explanation; an error that is shown stays."""
        self._hint = hint
        if not self._is_wrong:
            self.clear_error()

    def show_error(self, text: str) -> None:
        """Say below the field what is wrong with the entry."""
        self._set(wrong=True, text=text)

    @Slot()
    def clear_error(self) -> None:
        """Go back to the explanation."""
        self._set(wrong=False, text=self._hint)

    def _set(self, *, wrong: bool, text: str) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))
        self.note.set_role("error" if wrong else "caption")
        self.field.setAccessibleDescription(text)
        if wrong != self._is_wrong:
            self._is_wrong = wrong
            self.field.setProperty("invalid", "true" if wrong else "false")
            refresh_style(self.field)
