"""A sheet over the whole window, for the palette and the list of shortcuts."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from altus4_desktop.ui.theme import Space, worn_palette
from altus4_desktop.ui.widgets import Card


class Overlay(QWidget):
    """Dims its parent and shows ``card`` near the top; Escape or a click beside it closes it."""

    def __init__(self, width: int, *, name: str, label: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(label)
        self._covered = parent
        self._width = width
        self._focus_before: QWidget | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, 0, Space.XL, Space.XL)
        self.card = Card(surface="raised", margin=Space.M, spacing=Space.S, parent=self)
        column.addWidget(self.card, 0, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        column.addStretch(1)
        self._column = column
        parent.installEventFilter(self)
        self.hide()

    def open_(self) -> None:
        """Cover the window and take the keyboard."""
        if self.isVisible():
            return
        self._focus_before = QApplication.focusWidget()
        self._cover()
        self.show()
        self.raise_()
        self.setFocus()

    def close_(self) -> None:
        """Go away and give the keyboard back."""
        if not self.isVisible():
            return
        self.hide()
        before, self._focus_before = self._focus_before, None
        if before is not None:
            before.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay as large as the window."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._cover()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click beside the card closes."""
        if not self.card.geometry().contains(event.position().toPoint()):
            self.close_()

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Keep the keyboard inside while the window behind is covered."""
        inside = [
            child
            for child in self.findChildren(QWidget)
            if child.isVisible()
            and child.isEnabled()
            and child.focusPolicy() & Qt.FocusPolicy.TabFocus
        ]
        focused = QApplication.focusWidget()
        if inside:
            position = inside.index(focused) if focused in inside else -1
            step = 1 if forward else -1
            inside[(position + step) % len(inside)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def paintEvent(self, _: QPaintEvent) -> None:
        """Dim what is behind."""
        colors = worn_palette()
        veil = QColor(colors.scrim)
        veil.setAlpha(150 if colors.is_dark else 72)
        painter = QPainter(self)
        painter.fillRect(self.rect(), veil)
        painter.end()

    def _cover(self) -> None:
        parent = self._covered
        self.setGeometry(parent.rect())
        self.card.setFixedWidth(min(self._width, parent.width() - 2 * Space.XL))
        self._column.setContentsMargins(
            Space.XL, max(Space.XL, parent.height() // 9), Space.XL, Space.XL
        )
