"""The bar of searches that are open: select, move, rename, close."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QIcon, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QLineEdit, QTabBar, QWidget

from altus4_desktop.domain.search_drafts import MAX_TITLE_LENGTH
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.wording import one_line
from altus4_desktop.ui.widgets import IconButton

_WIDEST = 220
_NARROWEST = 104
_SHOWN_LENGTH = 80


class TabMark(StrEnum):
    """What a tab says of its search beside the title."""

    NONE = ""
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


_ICONS = {
    TabMark.RUNNING: ("clock", "accent"),
    TabMark.READY: ("check", "success"),
    TabMark.FAILED: ("error", "danger"),
}


class SearchTabs(QTabBar):
    """Tabs by a number of their own, which they keep when they are moved.

    ``close_wanted`` and ``renamed`` carry that number; an empty name stands for the query again.
    """

    close_wanted = Signal(int)
    renamed = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.tabs")
        self.setAccessibleName(self.tr("Open searches"))
        self.setProperty("kind", "documents")
        self.setMovable(True)
        self.setExpanding(False)
        self.setDrawBase(False)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideRight)
        self.setIconSize(QSize(14, 14))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._marks: dict[int, TabMark] = {}
        self._editor: _NameField | None = None

    def add(self, number: int) -> None:
        """Append a tab without a title."""
        place = self.addTab("")
        self.setTabData(place, number)
        close = IconButton("close", self.tr("Close the search"), name="search.tab.close", size=12)
        close.setToolTip(self.tr("Close (Ctrl+W)"))
        close.setProperty("kind", "small")
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.setFixedSize(20, 20)
        close.clicked.connect(self._close_of_button)
        self.setTabButton(place, QTabBar.ButtonPosition.RightSide, close)

    def remove(self, number: int) -> None:
        """Take a tab away."""
        self.finish_renaming()
        self._marks.pop(number, None)
        self.removeTab(self.place_of(number))

    def number_at(self, place: int) -> int:
        """The number of the tab at a place; -1 beside all of them."""
        number = self.tabData(place)
        return number if isinstance(number, int) else -1

    def place_of(self, number: int) -> int:
        """Where a tab stands now; -1 when there is none."""
        return next((p for p in range(self.count()) if self.tabData(p) == number), -1)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The tabs from left to right."""
        return tuple(self.number_at(place) for place in range(self.count()))

    def describe(self, number: int, title: str, mark: TabMark) -> None:
        """Show a title and how the search stands."""
        place = self.place_of(number)
        line = one_line(title)
        state = {
            TabMark.NONE: "",
            TabMark.RUNNING: self.tr("searching"),
            TabMark.READY: self.tr("has new hits"),
            TabMark.FAILED: self.tr("failed"),
        }[mark]
        text = line[:_SHOWN_LENGTH].replace("&", "&&")
        if self.tabText(place) != text:
            self.setTabText(place, text)
        told = f"{line} ({state})" if state else line
        self.setTabToolTip(place, plain_tool_tip(told))
        self.setAccessibleTabName(place, told)
        if self._marks.get(number, TabMark.NONE) is not mark:
            self._marks[number] = mark
            self.setTabIcon(place, icon(*_ICONS[mark]) if mark in _ICONS else QIcon())

    def mark_of(self, number: int) -> TabMark:
        """What the tab says of its search."""
        return self._marks.get(number, TabMark.NONE)

    def tabSizeHint(self, index: int) -> QSize:
        """As wide as its title, within bounds."""
        hint = super().tabSizeHint(index)
        return QSize(min(max(hint.width(), _NARROWEST), _WIDEST), hint.height())

    def minimumTabSizeHint(self, index: int) -> QSize:
        """Tabs scroll rather than shrink to nothing."""
        return self.tabSizeHint(index)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The middle button closes."""
        place = self.tabAt(event.position().toPoint())
        if event.button() is Qt.MouseButton.MiddleButton and place >= 0:
            self.close_wanted.emit(self.number_at(place))
            return
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click renames."""
        place = self.tabAt(event.position().toPoint())
        if event.button() is Qt.MouseButton.LeftButton and place >= 0:
            self.rename(self.number_at(place))
            return
        super().mouseDoubleClickEvent(event)

    def rename(self, number: int) -> None:
        """Let people type a name for a tab, over its title."""
        self.finish_renaming()
        place = self.place_of(number)
        box = self.tabRect(place).intersected(self.rect())
        self._editor = _NameField(self, number, box, self.tabText(place).replace("&&", "&"))
        self._editor.accepted.connect(self._take_name)

    @Slot()
    def finish_renaming(self) -> None:
        """Put the field for a name away."""
        editor, self._editor = self._editor, None
        if editor is not None:
            editor.is_done = True
            editor.hide()
            editor.deleteLater()

    @Slot(int, str)
    def _take_name(self, number: int, name: str) -> None:
        self.finish_renaming()
        self.renamed.emit(number, name)

    @Slot()
    def _close_of_button(self) -> None:
        side = QTabBar.ButtonPosition.RightSide
        pressed = self.sender()
        for place in range(self.count()):
            if self.tabButton(place, side) is pressed:
                self.close_wanted.emit(self.number_at(place))
                return


class _NameField(QLineEdit):
    """Enter and leaving it take the name, Escape does not."""

    accepted = Signal(int, str)

    def __init__(self, tabs: SearchTabs, number: int, box: QRect, name: str) -> None:
        super().__init__(name, tabs)
        self._tabs = tabs
        self._number = number
        self._before = name
        self.is_done = False
        self.setObjectName("search.tab.name")
        self.setAccessibleName(self.tr("Name of the search"))
        self.setMaxLength(MAX_TITLE_LENGTH)
        self.setProperty("kind", "tab")
        self.setGeometry(box)
        self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter takes the name, Escape leaves the old one."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._finish()
        elif event.key() == Qt.Key.Key_Escape:
            self._tabs.finish_renaming()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Leaving the field takes the name."""
        super().focusOutEvent(event)
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self._finish()

    def _finish(self) -> None:
        if self.is_done:
            return
        self.is_done = True
        name = self.text().strip()
        if name == self._before:
            self._tabs.finish_renaming()
        else:
            self.accepted.emit(self._number, name)
