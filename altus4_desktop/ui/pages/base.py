"""The frame of every page: one column in the middle, scrolled when the window is small."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Icon, Label
from altus4_desktop.ui.working import WorkingWidget

_LOW_BELOW = 640


class Page(WorkingWidget):
    """Add to ``column``; it is at most ``width`` wide and stays in the middle."""

    def __init__(
        self,
        runner: TaskRunner,
        report_crash: Callable[[BaseException], None],
        *,
        name: str,
        label: str,
        width: int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(runner, report_crash, name=name, parent=parent)
        self.setObjectName(name)
        self.setAccessibleName(label)
        self._scroll = scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inside = QWidget()
        inside.setProperty("surface", "canvas")
        holder = QWidget()
        holder.setMaximumWidth(width)
        self.column = QVBoxLayout(holder)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(Space.L)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(holder, 1000)
        row.addStretch(1)
        middle = QVBoxLayout(inside)
        self._middle = middle
        middle.setSpacing(0)
        middle.addStretch(2)
        middle.addLayout(row)
        middle.addStretch(3)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave less room above and below in low windows."""
        margin = Space.M if event.size().height() < _LOW_BELOW else Space.XXL
        self._middle.setContentsMargins(Space.XXL, margin, Space.XXL, margin)
        super().resizeEvent(event)

    def reveal(self, widget: QWidget) -> None:
        """Scroll to ``widget`` once it has its place."""
        QTimer.singleShot(0, widget, lambda: self._scroll.ensureWidgetVisible(widget))

    def add_heading(self, title: str, text: str, icon_name: str = "altus") -> None:
        """Put a mark, a heading and an explanation on top."""
        role = "accent"
        self.column.addWidget(Icon(icon_name, 44, role), 0, Qt.AlignmentFlag.AlignHCenter)
        heading = Label(title, "heading", wrap=True)
        lead = Label(text, "muted", wrap=True)
        for label in (heading, lead):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        texts = QVBoxLayout()
        texts.setSpacing(Space.XS)
        texts.addWidget(heading)
        if text:
            texts.addWidget(lead)
        self.column.addLayout(texts)

    def focus_first(self) -> None:
        """Put the keyboard where the page begins."""
        self.setFocus()
