"""Labels, buttons, chips and the other small parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.ui.icons import icon, pixmap
from altus4_desktop.ui.theme import Space, worn_palette

LabelRole = Literal[
    "display",
    "heading",
    "title",
    "lead",
    "strong",
    "body",
    "muted",
    "caption",
    "section",
    "error",
    "success",
    "mono",
]
ButtonKind = Literal["primary", "secondary", "quiet", "danger", "link", "segment"]
Tone = Literal["neutral", "accent", "success", "warning", "danger"]


def refresh_style(widget: QWidget) -> None:
    """Let the style sheet see a property that changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()


class Label(QLabel):
    """A text, always plain; ``role`` picks its size and colour from the theme."""

    def __init__(
        self,
        text: str = "",
        role: LabelRole = "body",
        *,
        wrap: bool = False,
        selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        self.setProperty("role", role)
        self.setWordWrap(wrap)
        if wrap:
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        if selectable:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def set_role(self, role: LabelRole) -> None:
        """Change size and colour."""
        if self.property("role") != role:
            self.setProperty("role", role)
            refresh_style(self)


class Icon(QLabel):
    """An icon that stands by itself, in a colour of the theme."""

    def __init__(
        self, name: str, size: int = 18, role: str = "muted", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._name = name
        self._size = size
        self._role = role
        self.setFixedSize(size, size)
        self._draw()

    def set_icon(self, name: str, role: str) -> None:
        """Show another icon."""
        self._name, self._role = name, role
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        """Take the new colours when the theme changes."""
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.DevicePixelRatioChange):
            self._draw()
        super().changeEvent(event)

    def _draw(self) -> None:
        self.setPixmap(pixmap(self._name, self._size, self._role, self.devicePixelRatioF()))


class Button(QPushButton):
    """A push button; ``kind`` says how much it asks for attention."""

    _ICON_ROLES: ClassVar = {"primary": "on_accent", "danger": "on_accent", "link": "accent"}

    def __init__(
        self,
        text: str,
        kind: ButtonKind = "secondary",
        *,
        icon_name: str = "",
        name: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.setProperty("kind", kind)
        self.setObjectName(name)
        self.setAccessibleName(text)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        if icon_name:
            self.setIcon(icon(icon_name, self._ICON_ROLES.get(kind, "muted")))
            # Qt leaves four pixels between icon and text; four more make it a step of the scale.
            self.setIconSize(QSize(20, 16))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter presses the button, outside of dialogs too."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class IconButton(QToolButton):
    """A button that is only an icon; its ``text`` is the tool tip and the accessible name."""

    def __init__(
        self,
        icon_name: str,
        text: str,
        *,
        name: str = "",
        role: str = "muted",
        size: int = 18,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setIcon(icon(icon_name, role, "accent"))
        self.setIconSize(QSize(size, size))
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)


class Card(QFrame):
    """A raised area; add to ``body``."""

    def __init__(
        self,
        *,
        surface: Literal["card", "raised", "well"] = "card",
        margin: int = Space.XL,
        spacing: int = Space.M,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("surface", surface)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(margin, margin, margin, margin)
        self.body.setSpacing(spacing)


class Divider(QFrame):
    """A hairline."""

    def __init__(self, *, vertical: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "line")
        if vertical:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)


class Badge(QLabel):
    """A small word on a coloured ground; it says in text what the colour says."""

    def __init__(self, text: str, tone: Tone = "neutral", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.set(text, tone)

    def set(self, text: str, tone: Tone = "neutral") -> None:
        """Change word and colour."""
        self.setText(text)
        self.setAccessibleName(text)
        self.setProperty("badge", tone)
        refresh_style(self)


class KeyCap(Label):
    """A keyboard shortcut as it is printed on keys."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent=parent)
        self.setProperty("role", "key")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)


ChipState = Literal[
    "neutral", "queued", "running", "ok", "warning", "failed", "timed_out", "cancelled", "accent"
]

_CHIPS: dict[str, tuple[Tone, str]] = {
    "neutral": ("neutral", ""),
    "queued": ("neutral", "clock"),
    "running": ("accent", ""),
    "ok": ("success", "check"),
    "warning": ("warning", "warning"),
    "failed": ("danger", "error"),
    "timed_out": ("warning", "clock"),
    "cancelled": ("neutral", "stop"),
    "accent": ("accent", ""),
}
_TONE_ROLES = {"neutral": "muted"}


class Chip(QFrame):
    """A pill that shows the state of a source in colour, icon and words."""

    def __init__(
        self, state: ChipState = "neutral", text: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setFixedHeight(26)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(9, 0, 11, 0)
        row.setSpacing(6)
        self._icon = Icon("check", 14, parent=self)
        self._spinner = Spinner(13, parent=self)
        self._text = Label(parent=self)
        row.addWidget(self._icon)
        row.addWidget(self._spinner)
        row.addWidget(self._text)
        self._state = ""
        self.set(state, text)

    @property
    def state(self) -> str:
        """The state shown."""
        return self._state

    def text(self) -> str:
        """The words shown."""
        return self._text.text()

    def set(self, state: ChipState, text: str) -> None:
        """Show ``state`` and ``text``."""
        self._text.setText(text)
        self.setAccessibleName(text)
        if state == self._state:
            return
        self._state = state
        tone, icon_name = _CHIPS[state]
        self._icon.setVisible(bool(icon_name))
        self._spinner.setVisible(state == "running")
        if icon_name:
            self._icon.set_icon(icon_name, _TONE_ROLES.get(tone, tone))
        self.setProperty("chip", tone)
        refresh_style(self)
        refresh_style(self._text)


class Spinner(QWidget):
    """A turning arc; it rests while nobody can see it."""

    def __init__(self, size: int = 18, role: str = "accent", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._role = role
        self._step = 0
        self.setFixedSize(size, size)
        self._clock = QTimer(self)
        self._clock.setInterval(60)
        self._clock.timeout.connect(self._turn)

    def showEvent(self, event: QShowEvent) -> None:
        """Begin to turn."""
        super().showEvent(event)
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest."""
        super().hideEvent(event)
        self._clock.stop()

    @Slot()
    def _turn(self) -> None:
        self._step = (self._step + 1) % 20
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw a ring and the arc on it."""
        colors = worn_palette()
        width = max(1.75, self.width() / 10)
        box = QRectF(self.rect()).adjusted(width, width, -width, -width)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colors.color("border_strong"), width))
        painter.drawEllipse(box)
        pen = QPen(colors.color(self._role), width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawArc(box, -self._step * 18 * 16, 100 * 16)
        painter.end()


class Segments(QFrame):
    """A few exclusive choices side by side; ``chosen`` carries the key of the new one."""

    chosen = Signal(str)

    def __init__(
        self,
        choices: Sequence[tuple[str, str]],
        *,
        name: str,
        label: str,
        icons: Sequence[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("surface", "segments")
        self.setObjectName(name)
        self.setAccessibleName(label)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, Button] = {}
        for position, (key, text) in enumerate(choices):
            picture = icons[position] if icons else ""
            button = Button(text, "segment", icon_name=picture, name=f"{name}.{key}", parent=self)
            button.setCheckable(True)
            button.setAccessibleName(f"{label}: {text}")
            self._group.addButton(button)
            self._buttons[key] = button
            row.addWidget(button)
        self._buttons[choices[0][0]].setChecked(True)
        self._group.buttonClicked.connect(self._choose)

    @property
    def key(self) -> str:
        """The key of the choice in force."""
        return next(key for key, button in self._buttons.items() if button.isChecked())

    def set_key(self, key: str) -> None:
        """Show ``key`` as chosen, without a signal."""
        self._buttons[key].setChecked(True)

    def allow(self, key: str, *, allowed: bool, reason: str = "") -> None:
        """Let a choice be made or not; ``reason`` says why not."""
        button = self._buttons[key]
        button.setEnabled(allowed)
        button.setToolTip("" if allowed else reason)
        button.setAccessibleDescription("" if allowed else reason)

    @Slot()
    def _choose(self) -> None:
        # By a mouse the focus would stay on what is no longer chosen.
        if any(button.hasFocus() for button in self._buttons.values()):
            self._buttons[self.key].setFocus()
        self.chosen.emit(self.key)
