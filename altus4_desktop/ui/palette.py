"""The command palette: everything the window can do, by typing a few letters of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Slot,
)
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from altus4_desktop.ui.fuzzy import score
from altus4_desktop.ui.icons import icon, pixmap
from altus4_desktop.ui.overlay import Overlay
from altus4_desktop.ui.pane import Command
from altus4_desktop.ui.theme import Radius, Space, TypeSize, worn_palette
from altus4_desktop.ui.widgets import Divider, Label

_ROW_HEIGHT = 38
_ROWS_SHOWN = 9
_ENTRY_ROLE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Entry:
    """A command and the place it belongs to."""

    section: str
    command: Command


def ranked(entries: Sequence[Entry], pattern: str) -> list[Entry]:
    """The entries that fit ``pattern``, best first; all of them in their order when it is empty."""
    scored = [
        (found, position, entry)
        for position, entry in enumerate(entries)
        if (found := score(pattern, f"{entry.command.title} {entry.section}")) is not None
    ]
    return [entry for found, position, entry in sorted(scored, key=lambda it: (-it[0], it[1]))]


class EntryModel(QAbstractListModel):
    """The entries that fit what was typed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: list[Entry] = []

    def set_entries(self, entries: list[Entry]) -> None:
        """Show these."""
        self.beginResetModel()
        self._entries = entries
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        """One row an entry."""
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """The title, the spoken text, or the entry itself."""
        if not index.isValid():
            return None
        entry = self._entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.command.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(
                filter(None, (entry.command.title, entry.section, entry.command.shortcut))
            )
        if role == _ENTRY_ROLE:
            return entry
        return None


class _EntryDelegate(QStyledItemDelegate):
    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(200, _ROW_HEIGHT)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        entry = index.data(_ENTRY_ROLE)
        colors = worn_palette()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        font: QFont = option.font
        selected = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        # The places are computed from the left; the text itself knows its direction.
        painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colors.color("accent_soft"))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), Radius.M, Radius.M)
        inner = rect.adjusted(Space.M, 0, -Space.M, 0)
        role = "accent" if selected else "muted"
        picture = pixmap(entry.command.icon_name, 18, role, painter.device().devicePixelRatio())
        painter.drawPixmap(inner.left(), inner.center().y() - 8, picture)
        text = inner.adjusted(18 + Space.M, 0, 0, 0)
        right = self._draw_shortcut(painter, text, entry.command.shortcut, font)
        painter.setFont(font)
        painter.setPen(colors.color("text"))
        metrics = QFontMetrics(font)
        title = metrics.elidedText(
            entry.command.title, Qt.TextElideMode.ElideRight, right - text.left()
        )
        painter.drawText(text, _MIDDLE_LEFT, title)
        after = text.adjusted(metrics.horizontalAdvance(title) + Space.S, 0, 0, 0)
        after.setRight(right - Space.S)
        painter.setPen(colors.color("faint"))
        small = _small(font)
        painter.setFont(small)
        painter.drawText(
            after,
            _MIDDLE_LEFT,
            QFontMetrics(small).elidedText(
                entry.section, Qt.TextElideMode.ElideRight, max(0, after.width())
            ),
        )
        painter.restore()

    def _draw_shortcut(self, painter: QPainter, rect: QRect, shortcut: str, font: QFont) -> int:
        right = rect.right()
        colors = worn_palette()
        small = _small(font)
        metrics = QFontMetrics(small)
        for key in reversed(shortcut.split("+") if shortcut else []):
            width = max(20, metrics.horizontalAdvance(key) + 12)
            cap = QRect(right - width, rect.center().y() - 10, width, 21)
            painter.setPen(colors.color("border_strong"))
            painter.setBrush(colors.color("canvas"))
            painter.drawRoundedRect(cap, Radius.S, Radius.S)
            painter.setPen(colors.color("muted"))
            painter.setFont(small)
            painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, key)
            right -= width + 4
        return right


_MIDDLE_LEFT = int(
    Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine
)


def _small(font: QFont) -> QFont:
    small = QFont(font)
    small.setPixelSize(TypeSize.CAPTION)
    return small


class CommandPalette(Overlay):
    """Lists what ``list_entries`` returns each time it opens; Enter runs the chosen one."""

    def __init__(self, list_entries: Callable[[], list[Entry]], parent: QWidget) -> None:
        super().__init__(620, name="palette", label="", parent=parent)
        self.setAccessibleName(self.tr("Command palette"))
        self._list_entries = list_entries
        self._entries: list[Entry] = []
        self._field = QLineEdit()
        self._field.setObjectName("palette.query")
        self._field.setProperty("kind", "bare")
        self._field.setPlaceholderText(self.tr("What do you want to do?"))
        self._field.setAccessibleName(self.tr("Command to find"))
        self._field.addAction(icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self._field.textChanged.connect(self._find)
        self._field.installEventFilter(self)
        self._model = EntryModel(self)
        self._list = QListView()
        self._list.setObjectName("palette.list")
        self._list.setAccessibleName(self.tr("Commands"))
        self._list.setProperty("kind", "plain")
        self._list.setModel(self._model)
        self._list.setItemDelegate(_EntryDelegate(self._list))
        self._list.setUniformItemSizes(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.clicked.connect(self._run)
        self._none = Label(self.tr("No command fits these letters."), "muted")
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._none.setMinimumHeight(_ROW_HEIGHT * 2)
        self.card.body.addWidget(self._field)
        self.card.body.addWidget(Divider())
        self.card.body.addWidget(self._list)
        self.card.body.addWidget(self._none)

    def open_(self) -> None:
        """Open with everything listed."""
        self._entries = [entry for entry in self._list_entries() if entry.command.is_enabled()]
        self._field.clear()
        self._find("")
        super().open_()
        self._field.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The arrows move through the list while the field has the keyboard."""
        pressed = event.type() == QEvent.Type.KeyPress and watched is self._field
        if pressed and isinstance(event, QKeyEvent) and self._take_key(event):
            return True
        return super().eventFilter(watched, event)

    def _take_key(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run(self._list.currentIndex())
            return True
        steps = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: _ROWS_SHOWN,
            Qt.Key.Key_PageUp: -_ROWS_SHOWN,
        }
        count = self._model.rowCount()
        if key not in steps or not count:
            return False
        row = self._list.currentIndex().row() + steps[Qt.Key(key)]
        row = row % count if abs(steps[Qt.Key(key)]) == 1 else max(0, min(count - 1, row))
        self._list.setCurrentIndex(self._model.index(row))
        return True

    @Slot(str)
    def _find(self, pattern: str) -> None:
        found = ranked(self._entries, pattern)
        self._model.set_entries(found)
        self._list.setFixedHeight(min(len(found), _ROWS_SHOWN) * _ROW_HEIGHT + 2)
        self._list.setVisible(bool(found))
        self._none.setVisible(not found)
        if found:
            self._list.setCurrentIndex(self._model.index(0))

    @Slot(QModelIndex)
    def _run(self, index: QModelIndex) -> None:
        entry = index.data(_ENTRY_ROLE)
        if isinstance(entry, Entry):
            self.close_()
            entry.command.run()
