"""A line above the hits that says by what they were found, with ways to do without."""

from __future__ import annotations

from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QHBoxLayout, QWidget

from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Icon


class QuietLine(QWidget):
    """Hidden while there is nothing to say."""

    def __init__(self, icon_name: str, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(Space.S)
        self._row.addWidget(Icon(icon_name, 14, "muted"))
        self.text = ElidedLabel(role="caption")
        self._row.addWidget(self.text, 1)
        self.hide()

    def add_way(self, text: str, wanted: SignalInstance, *, name: str) -> Button:
        """Offer something to do at the end of the line; ``wanted`` is sent."""
        button = Button(text, "link", name=name)
        button.clicked.connect(wanted)
        self._row.addWidget(button)
        return button

    def say(self, text: str) -> None:
        """Show ``text``; "" hides the line."""
        self.setVisible(bool(text))
        if text:
            self.text.setText(text)
            self.setAccessibleName(text)
