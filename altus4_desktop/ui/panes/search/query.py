"""The box the query is typed into, and the line that shows where its boolean text goes wrong."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QStringListModel, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QHelpEvent,
    QInputMethodEvent,
    QKeyEvent,
)
from PySide6.QtWidgets import (
    QCompleter,
    QListView,
    QMenu,
    QToolTip,
    QWidget,
)

from altus4_desktop.domain.errors import QuerySyntaxError
from altus4_desktop.domain.query_reading import QueryReading, QuickFix
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.marks import severity_rank, show_marks, worst_at
from altus4_desktop.ui.panes.search.reading import fill_with_fixes
from altus4_desktop.ui.panes.search.wording import utf16_spans
from altus4_desktop.ui.theme import dress
from altus4_desktop.ui.widgets import SearchField

_TYPING_PAUSE_MS = 60
_MAX_LENGTH = 10_000


class ViewKeys(QObject):
    """Leaves Ctrl+E to the view, where line edits would go to the end of the line with it."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Not taken by the field, the key reaches the shortcut."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_E
            and event.modifiers() == Qt.KeyboardModifier.ControlModifier
        ):
            event.ignore()
            return True
        return super().eventFilter(watched, event)


class QueryField(SearchField):
    """Completes from recent searches; Enter submits, Escape asks to stop before it empties."""

    submitted = Signal()
    completion_wanted = Signal(str)
    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            self.tr("Search your databases"), name="search.query", large=True, parent=parent
        )
        self.setAccessibleName(self.tr("Query"))
        self.setMaxLength(_MAX_LENGTH)
        self.is_stoppable = False
        self._recent = QStringListModel(self)
        completer = QCompleter(self._recent, self)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        completer.setMaxVisibleItems(10)
        self._popup = QListView()
        dress(self._popup)
        completer.setPopup(self._popup)
        self._popup.setObjectName("search.recent")
        self._popup.setAccessibleName(self.tr("Recent searches"))
        self._completer = completer
        completer.activated.connect(self._submit_soon)
        self.setCompleter(completer)
        self._asked: str | None = None
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_TYPING_PAUSE_MS)
        self._pause.timeout.connect(self._ask)
        self.textEdited.connect(self._typed)
        # Enter on a completion says both "activated" and "return pressed"; one search is meant.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._submit)
        self.returnPressed.connect(self._submit_soon)
        self._reading: QueryReading | None = None
        self._composing = False
        self.installEventFilter(ViewKeys(self))

    def show_reading(self, reading: QueryReading | None) -> None:
        """Colour the text and underline what is wrong, if it is still the text that was read."""
        self._reading = reading
        told = "" if reading is None or not reading.findings else reading.findings[0].message
        self.setAccessibleDescription(told)
        if not self._composing:
            show_marks(self, reading)

    def apply_fix(self, fix: QuickFix) -> None:
        """Change the text as a fix says."""
        text = self.text()
        if self._reading is None or self._reading.text != text:
            return
        self.replace_text(fix.apply(text))
        self.setFocus()

    @Slot(str)
    def replace_text(self, text: str) -> None:
        """Put another text in the place of this one: unlike `setText`, Ctrl+Z takes it back.

        The cursor stays before what follows it, if that is still the end of the text.
        """
        if text == self.text():
            return
        place = self.cursorPosition()
        # The cursor counts in units of UTF-16.
        before, after = (t.encode("utf-16-le", "surrogatepass") for t in (self.text(), text))
        if after.endswith(before[2 * place :]):
            place += (len(after) - len(before)) // 2
        # `insert` counts as typing; recent searches are not asked for.
        self._recent.setStringList([])
        self.selectAll()
        self.insert(text)
        self.setCursorPosition(place)
        self._pause.stop()

    def offer_fixes(self) -> None:
        """Open the fixes of what is wrong at the cursor, or else of what matters most."""
        reading = self._reading
        if reading is None or reading.text != self.text():
            return
        place = len(
            self.text()
            .encode("utf-16-le")[: 2 * self.cursorPosition()]
            .decode("utf-16-le", "ignore")
        )
        found = worst_at(reading.findings, place)
        found = found or min(reading.findings, key=severity_rank, default=None)
        fixes = [*(found.fixes if found else ())]
        if reading.plain_text is not None:
            fixes.append(reading.plain_text)
        if not fixes:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setObjectName("search.fixes.menu")
        menu.setAccessibleName(self.tr("Quick fixes"))
        fill_with_fixes(menu, fixes, self.apply_fix)
        menu.setActiveAction(menu.actions()[0])
        menu.popup(self.mapToGlobal(self.cursorRect().bottomLeft()))

    def event(self, event: QEvent) -> bool:
        """The tool tip says what is wrong where the pointer is."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            reading = self._reading
            if reading is not None and reading.text == self.text():
                found = worst_at(reading.findings, self.cursorPositionAt(event.pos()))
                if found is not None:
                    said = " ".join(t for t in (found.message, found.hint) if t)
                    QToolTip.showText(event.globalPos(), plain_tool_tip(said), self)
                    return True
        return super().event(event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """What is being composed keeps the colours of its input method."""
        self._composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Take the new colours when the theme changes."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and self._reading is not None:
            show_marks(self, self._reading)

    def show_recent(self, prefix: str, queries: Sequence[str]) -> None:
        """Offer recent searches, unless the text has changed since they were asked for."""
        text = self.text().strip()
        if prefix != text:
            return
        offered = [query for query in queries if query != text]
        if offered == self._recent.stringList() and self._popup.isVisible():
            return
        self._recent.setStringList(offered)
        if offered and self.hasFocus() and prefix == self._asked:
            self._completer.complete()
        else:
            self._popup.hide()

    def offer_recent(self) -> None:
        """Ask for recent searches for what is in the box."""
        self._asked = self.text().strip()
        self.completion_wanted.emit(self._asked)

    def mark(self, error: QuerySyntaxError) -> None:
        """Select the place the error is about."""
        spans = utf16_spans(self.text(), [(error.position, error.position + max(1, error.length))])
        self.setFocus()
        if spans:
            self.setSelection(spans[0][0], spans[0][1] - spans[0][0])
        else:
            self.end(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape stops a search, the arrow down opens the recent searches of an empty box."""
        if event.key() == Qt.Key.Key_Escape and self.is_stoppable:
            self.stop_wanted.emit()
            return
        if event.key() == Qt.Key.Key_Down and not self.text():
            self.offer_recent()
            return
        if (
            event.key() == Qt.Key.Key_Period
            and event.modifiers() == Qt.KeyboardModifier.ControlModifier
        ):
            self.offer_fixes()
            return
        super().keyPressEvent(event)

    @Slot(str)
    def _typed(self, text: str) -> None:
        self._recent.setStringList([])
        self._popup.hide()
        if text.strip():
            self._pause.start()
        else:
            self._pause.stop()

    @Slot()
    def _ask(self) -> None:
        self.offer_recent()

    @Slot()
    def _submit_soon(self) -> None:
        self._soon.start()

    @Slot()
    def _submit(self) -> None:
        self._pause.stop()
        self._asked = None
        self._popup.hide()
        self.submitted.emit()
