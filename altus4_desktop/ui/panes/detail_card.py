"""One record of a list in full, beside the list."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Card, IconButton


class DetailCard(Card):
    """``head`` is a row for what stays in sight, ``column`` for what is scrolled; ``closed`` comes
    with Escape, also where the card has taken the place of the list."""

    closed = Signal()

    def __init__(self, name: str, label: str, parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.L, spacing=Space.M, parent=parent)
        self.setObjectName(name)
        self.setAccessibleName(label)
        self.head = QHBoxLayout()
        self.head.setSpacing(Space.S)
        self.body.addLayout(self.head)
        inner = QWidget()
        self.column = QVBoxLayout(inner)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(Space.M)
        scroll = QScrollArea()
        scroll.setObjectName(f"{name}.scroll")
        scroll.setAccessibleName(label)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        for ground in (scroll.viewport(), inner):
            ground.setAutoFillBackground(False)
        self.body.addWidget(scroll, 1)

    def fill_head(self, *widgets: QWidget, close_name: str) -> None:
        """Put these into the head, the first as wide as it can be, and a way to close the card."""
        close = IconButton("close", self.tr("Close"), name=close_name, size=16)
        close.clicked.connect(self.closed)
        for place, widget in enumerate((*widgets, close)):
            self.head.addWidget(widget, 0 if place else 1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)
