"""The list of keyboard shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from altus4_desktop.ui.overlay import Overlay
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import IconButton, KeyCap, Label

Group = tuple[str, Sequence[tuple[str, str]]]


def native(shortcut: str) -> str:
    """A shortcut as this system writes it."""
    return QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)


class ShortcutSheet(Overlay):
    """Every shortcut in groups; ``list_groups`` is asked each time it opens."""

    def __init__(self, list_groups: Callable[[], list[Group]], parent: QWidget) -> None:
        super().__init__(720, name="shortcuts", label="", parent=parent)
        self.setAccessibleName(self.tr("Keyboard shortcuts"))
        self._list_groups = list_groups
        self.card.body.setContentsMargins(Space.XL, Space.L, Space.XL, Space.XL)
        head = QHBoxLayout()
        head.addWidget(Label(self.tr("Keyboard shortcuts"), "title"))
        head.addStretch(1)
        self._close = IconButton("close", self.tr("Close"), name="shortcuts.close")
        self._close.clicked.connect(self.close_)
        head.addWidget(self._close)
        self.card.body.addLayout(head)
        self._columns = QHBoxLayout()
        self._columns.setSpacing(Space.XXL)
        self.card.body.addLayout(self._columns)
        self._shown: QWidget | None = None

    def open_(self) -> None:
        """Open with the shortcuts of now."""
        if self._shown is not None:
            self._shown.deleteLater()
        self._shown = QWidget(self.card)
        columns = QHBoxLayout(self._shown)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(Space.HUGE)
        groups = self._list_groups()
        halves: list[QVBoxLayout] = [QVBoxLayout(), QVBoxLayout()]
        lengths = [0, 0]
        for title, shortcuts in groups:
            half = lengths.index(min(lengths))
            lengths[half] += len(shortcuts) + 2
            halves[half].addWidget(Label(title, "section"))
            halves[half].addLayout(_grid(shortcuts))
            halves[half].addSpacing(Space.M)
        for column in halves:
            column.setSpacing(Space.S)
            column.addStretch(1)
            columns.addLayout(column, 1)
        self._columns.addWidget(self._shown)
        super().open_()
        self._close.setFocus()


def _grid(shortcuts: Sequence[tuple[str, str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(Space.M)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(0, 1)
    for row, (title, shortcut) in enumerate(shortcuts):
        grid.addWidget(Label(title), row, 0)
        caps = QHBoxLayout()
        caps.setSpacing(3)
        for key in native(shortcut).split("+"):
            caps.addWidget(KeyCap(key))
        grid.addLayout(caps, row, 1, Qt.AlignmentFlag.AlignRight)
    return grid
