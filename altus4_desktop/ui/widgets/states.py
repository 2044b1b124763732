"""What stands where content would be, and what is said above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets.basic import Button, Icon, IconButton, Label, Spinner, refresh_style

MessageKind = Literal["info", "success", "warning", "error"]
Action = tuple[str, Callable[[], object]]

_NARROWEST, _LOWEST = 208, 64
_ICONS = {
    "info": ("info", "accent"),
    "success": ("check-circle", "success"),
    "warning": ("warning", "warning"),
    "error": ("error", "danger"),
}


class EmptyState(QScrollArea):
    """An icon, a sentence, an explanation and the next step, in the middle of what is empty."""

    def __init__(
        self,
        icon_name: str,
        title: str,
        text: str = "",
        *,
        action: QWidget | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # The action takes the keyboard, and Page Down gets from there to here.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumSize(_NARROWEST, _LOWEST)
        self._inside = QWidget()
        self._column = column = QVBoxLayout(self._inside)
        column.addStretch(2)
        self._icon = Icon(icon_name, 40, "faint")
        self._title = Label(title, "title", wrap=True)
        # Shown before it has a place, a widget would open a window of its own.
        self._text = Label(text, "muted", wrap=True, parent=self._inside)
        self._text.setHidden(not text)
        column.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(Space.XS)
        for label in (self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setMaximumWidth(520)
            # The height comes from the width; the least one is that of a line a word.
            label.setMinimumHeight(1)
            row = QHBoxLayout()
            row.addStretch()
            row.addWidget(label, 1)
            row.addStretch()
            column.addLayout(row)
        if action is not None:
            column.addSpacing(Space.S)
            column.addWidget(action, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        self.setWidget(self._inside)
        for ground in (self.viewport(), self._inside):
            ground.setAutoFillBackground(False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is low, words matter more than the picture and the room around them."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Another font needs another height."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange) and self.isVisible():
            self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """What changed while it was hidden counts now."""
        super().showEvent(event)
        self._fit()

    def set(self, icon_name: str, title: str, text: str = "") -> None:
        """Say something else."""
        self._icon.set_icon(icon_name, "faint")
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._fit()

    def _fit(self) -> None:
        """Leave the picture out unless everything fits with it; what does not fit is scrolled."""
        for is_low in (False, True):
            self._icon.setHidden(is_low)
            self._title.set_role("strong" if is_low else "title")
            margin = Space.XS if is_low else Space.XL
            self._column.setContentsMargins(margin, margin, margin, margin)
            self._column.setSpacing(Space.XS if is_low else Space.S)
            self._column.activate()
            if self._column.totalHeightForWidth(self.width()) <= self.height():
                break


class InlineMessage(QFrame):
    """A sentence and a hint above what they are about; hidden while there is nothing to say.

    Its buttons stand beside the text or, where there is little width, ``stacked`` below it.
    """

    def __init__(
        self,
        kind: MessageKind = "info",
        text: str = "",
        hint: str = "",
        *,
        name: str = "",
        closable: bool = True,
        stacked: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.M, Space.M, Space.M, Space.M)
        column.setSpacing(Space.S)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        column.addLayout(row)
        self._icon = Icon("info", 18)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        self._text = Label(role="strong", wrap=True, selectable=True)
        self._hint = Label(wrap=True, selectable=True)
        for label in (self._text, self._hint):
            # The layout gives it the height that it needs at its width. At its least width it would
            # need a line a word, and the window would grow to hold that.
            label.setMinimumHeight(1)
            texts.addWidget(label)
        row.addLayout(texts, 1)
        self._actions = QHBoxLayout()
        self._actions.setSpacing(Space.S)
        (column if stacked else row).addLayout(self._actions)
        self._close = IconButton(
            "close",
            self.tr("Dismiss"),
            name=f"{name}.dismiss" if name else "",
            size=14,
            parent=self,
        )
        self._close.clicked.connect(self.clear)
        self._close.setHidden(not closable)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self.setHidden(not text)
        if text:
            self._fill(kind, text, hint, ())

    def text(self) -> str:
        """The sentence shown."""
        return self._text.text()

    def hint(self) -> str:
        """The hint shown."""
        return self._hint.text()

    def show_message(
        self, kind: MessageKind, text: str, hint: str = "", actions: Sequence[Action] = ()
    ) -> None:
        """Show a sentence, a hint and buttons."""
        self._fill(kind, text, hint, actions)
        self.setVisible(True)
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def _fill(self, kind: MessageKind, text: str, hint: str, actions: Sequence[Action]) -> None:
        self._icon.set_icon(*_ICONS[kind])
        self._text.setText(text)
        self._hint.setText(hint)
        self._hint.setHidden(not hint)
        self._set_actions(actions)
        self.setAccessibleName(text)
        self.setAccessibleDescription(hint)
        self.setProperty("tone", kind)
        refresh_style(self)
        for child in (self._text, self._hint):
            refresh_style(child)

    def show_error(self, error: AltusError, actions: Sequence[Action] = ()) -> None:
        """Show what went wrong and what to do about it."""
        self.show_message("error", error_message(error), error_hint(error), actions)

    def clear(self) -> None:
        """Say nothing."""
        self.setVisible(False)
        self._set_actions(())

    def _set_actions(self, actions: Sequence[Action]) -> None:
        while (item := self._actions.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for position, (text, act) in enumerate(actions):
            button = Button(text, name=f"{self.objectName()}.action{position + 1}")
            button.clicked.connect(act)
            corner = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
            self._actions.addWidget(button, 0, corner)


class Busy(QWidget):
    """A turning arc and a sentence in the middle of what is being fetched."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setSpacing(Space.M)
        column.addStretch(1)
        column.addWidget(Spinner(28), 0, Qt.AlignmentFlag.AlignHCenter)
        self._text = Label(text, "muted")
        column.addWidget(self._text, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def set_text(self, text: str) -> None:
        """Say what is being done."""
        self._text.setText(text)
