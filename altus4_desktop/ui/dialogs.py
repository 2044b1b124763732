"""The dialogs everything uses: a question before something is lost, and an error that blocks."""

from __future__ import annotations

from typing import TypeGuard

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space, dress
from altus4_desktop.ui.widgets.basic import Button, Icon, Label


class Dialog(QDialog):
    """A dialog with a heading; fill ``body``, put buttons into ``buttons`` from the left."""

    def __init__(self, title: str, *, name: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        dress(self)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setModal(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.XL, Space.XL, Space.L)
        column.setSpacing(Space.L)
        self.body = QVBoxLayout()
        self.body.setSpacing(Space.M)
        column.addLayout(self.body, 1)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(Space.S)
        column.addLayout(self.buttons)

    def add_close(self, *, name: str) -> None:
        """Put the way out at the right of the other buttons; Enter takes it."""
        close = Button(self.tr("Close"), "primary", name=name)
        close.clicked.connect(self.accept)
        close.setDefault(True)
        self.buttons.addStretch(1)
        self.buttons.addWidget(close)

    def fitting(self, wanted: QSize) -> QSize:
        """As much of ``wanted`` as the window behind has room for."""
        behind = self.parentWidget()
        if behind is None:
            return wanted
        return wanted.boundedTo(behind.window().size() - QSize(60, 40))


def scrolling(form: QWidget) -> QScrollArea:
    """``form``, which in a small window is taller than the room there is."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(form)
    return area


class ConfirmDialog(Dialog):
    """Asks before something is lost; the safe answer has the focus."""

    def __init__(
        self,
        title: str,
        text: str,
        action: str,
        *,
        danger: bool = True,
        name: str = "confirm",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, name=name, parent=parent)
        row = QHBoxLayout()
        row.setSpacing(Space.L)
        picture = Icon("warning" if danger else "help", 28, "danger" if danger else "accent")
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(Space.S)
        heading = Label(title, "title", wrap=True)
        explanation = Label(text, "muted", wrap=True)
        explanation.setFixedWidth(380)
        heading.setFixedWidth(380)
        texts.addWidget(heading)
        texts.addWidget(explanation)
        row.addLayout(texts, 1)
        self.body.addLayout(row)
        self.cancel_button = Button(self.tr("Cancel"), name=f"{name}.cancel")
        self.action_button = Button(
            action, "danger" if danger else "primary", name=f"{name}.accept"
        )
        self.cancel_button.clicked.connect(self.reject)
        self.action_button.clicked.connect(self.accept)
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.cancel_button)
        self.buttons.addWidget(self.action_button)
        (self.cancel_button if danger else self.action_button).setDefault(True)
        (self.cancel_button if danger else self.action_button).setFocus()


def confirm(
    parent: QWidget,
    title: str,
    text: str,
    action: str,
    *,
    danger: bool = True,
    name: str = "confirm",
) -> bool:
    """Ask; true when ``action`` was chosen."""
    dialog = ConfirmDialog(title, text, action, danger=danger, name=name, parent=parent)
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    dialog.deleteLater()
    return accepted


class ErrorDialog(Dialog):
    """Says an error that cannot be worked around."""

    def __init__(self, error: AltusError, parent: QWidget) -> None:
        super().__init__(parent.tr("Altus 4"), name="error", parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.said = error_message(error)
        row = QHBoxLayout()
        row.setSpacing(Space.L)
        row.addWidget(Icon("error", 28, "danger"), 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        for text, role in (
            (self.said, "title"),
            (error_hint(error), "muted"),
            (error.code, "caption"),
        ):
            label = Label(text, "title" if role == "title" else "muted", wrap=True, selectable=True)
            label.setFixedWidth(400)
            label.setVisible(bool(text))
            texts.addWidget(label)
        row.addLayout(texts, 1)
        self.body.addLayout(row)
        self.add_close(name="error.close")


def show_blocking_error(parent: QWidget, error: AltusError) -> None:
    """Show an error that cannot be worked around, without stopping the event loop; what stands in
    the way already is not said once more."""
    # A store that is away lets everything fail that asks it, all in one moment.
    said = [it.said for it in QApplication.topLevelWidgets() if _is_in_the_way(it)]
    if error_message(error) not in said:
        ErrorDialog(error, parent).open()


def _is_in_the_way(window: QWidget) -> TypeGuard[ErrorDialog]:
    return isinstance(window, ErrorDialog) and window.isVisible()
