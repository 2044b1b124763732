"""The line below the hits: how many there are, and what can be done with them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from altus4_desktop.domain.searching import SourceState
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.search.controller import Phase, SearchState
from altus4_desktop.ui.panes.search.copying import CopyFormat
from altus4_desktop.ui.panes.search.model import SORTED_AT_MOST, HitOrder
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import duration
from altus4_desktop.ui.widgets import Button, Label

SILENT = (SourceState.FAILED, SourceState.TIMED_OUT)
ANSWERED = (SourceState.OK, *SILENT, SourceState.CANCELLED)


class ResultsFoot(QWidget):
    """A summary and the buttons that act on hits; further ones go into ``buttons``."""

    copy_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # In a small window it takes two lines, and leaves the buttons their room.
        self.summary = Label(role="caption", wrap=True)
        self.summary.setObjectName("search.summary")
        self.summary.setMinimumHeight(36)
        self.all_button = Button(self.tr("Show all sources"), "link", name="search.all")
        self.copy_button = Button(self.tr("Copy"), "quiet", icon_name="copy", name="search.copy")
        self.copy_menu = self._build_copy_menu()
        self.copy_button.setMenu(self.copy_menu)
        self.sql_button = Button(self.tr("SQL"), "quiet", icon_name="code", name="search.sql")
        self.sql_button.setToolTip(self.tr("The statements that ran (Ctrl+Shift+Q)"))
        self.export_button = Button(
            self.tr("Export…"), "quiet", icon_name="download", name="search.export"
        )
        self.export_button.setToolTip(self.tr("Write what was found to a file (Ctrl+Shift+E)"))
        self.more_button = Button(
            self.tr("Load more"), icon_name="chevron-down", name="search.more"
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        row.addWidget(self.summary, 1)
        row.addWidget(self.all_button)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(Space.S)
        self.buttons.addWidget(self.sql_button)
        self.buttons.addWidget(self.copy_button)
        self.buttons.addWidget(self.export_button)
        row.addLayout(self.buttons)
        row.addWidget(self.more_button)

    def _build_copy_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName("search.copy.menu")
        for copy_format, text, shortcut in (
            (CopyFormat.TSV, self.tr("Copy as TSV, for spreadsheets"), "Ctrl+C"),
            (CopyFormat.CSV, self.tr("Copy as CSV"), ""),
            (CopyFormat.JSON, self.tr("Copy as JSON"), "Ctrl+Shift+C"),
        ):
            action = QAction(icon("copy"), text, menu)
            action.setObjectName(f"search.copy.{copy_format.value}")
            action.setData(copy_format.value)
            if shortcut:
                action.setShortcut(QKeySequence(shortcut))
                # Shown in the menu only: the list binds the keys, so that other fields keep theirs.
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(self._copy)
            menu.addAction(action)
        return menu

    def show_state(
        self, state: SearchState, *, shown: int, order: HitOrder, one_source: bool
    ) -> None:
        """Say how the search stands; ``shown`` hits are listed, of one source or of all."""
        self.summary.setText(self._summary_text(state, shown, order))
        rows = state.phase is Phase.ROWS
        self.all_button.setVisible(rows and one_source)
        self.copy_button.setVisible(rows)
        self.export_button.setVisible(rows)
        self.export_button.setEnabled(not state.running)
        self.sql_button.setVisible(rows or (state.phase is Phase.EMPTY and bool(state.sources)))
        self.sql_button.setEnabled(not state.running)
        self.more_button.setVisible(rows and (state.has_more or state.paging))
        self.more_button.setEnabled(state.has_more and not state.running)
        paging = state.paging and state.running
        self.more_button.setText(self.tr("Loading…") if paging else self.tr("Load more"))

    def show_selected(self, count: int) -> None:
        """Say how many hits would be copied."""
        self.copy_button.setEnabled(count > 0)
        text = self.tr("Copy {count} hits").format(count=count) if count > 1 else self.tr("Copy")
        self.copy_button.setText(text)

    def _summary_text(self, state: SearchState, shown: int, order: HitOrder) -> str:
        total = len(state.sources)
        answered = sum(1 for report in state.sources if report.state in ANSWERED)
        count = len(state.hits)
        if state.stopping:
            return self.tr("Stopping…")
        if state.running:
            if not total:
                return self.tr("Searching…")
            return self.tr("Searching: {answered} of {total} sources have answered").format(
                answered=answered, total=total
            )
        if state.phase not in (Phase.ROWS, Phase.EMPTY):
            return ""
        if state.stopped:
            some = self.tr("Stopped, {count} hits so far").format(count=count)
            return self.tr("Stopped, 1 hit so far") if count == 1 else some
        shown = shown if state.phase is Phase.ROWS else 0
        text = self.tr("{shown} of {count} hits") if shown != count else self.tr("{count} hits")
        least = self.tr(", more to load") if state.has_more else ""
        one = total == 1
        sources = (
            self.tr(" from 1 source in {time}")
            if one
            else self.tr(" from {total} sources in {time}")
        )
        if count == 1:
            text = self.tr("1 hit")
        unsorted = ""
        if shown > SORTED_AT_MOST and order is not HitOrder.RELEVANCE:
            unsorted = self.tr(", too many to sort: by relevance")
        silent = sum(1 for r in state.sources if r.state in SILENT)
        missing = self.tr(", {silent} gave no answer") if silent else ""
        return (text + least + sources + missing + unsorted).format(
            shown=shown,
            count=count,
            total=total,
            time=duration(state.total_ms),
            silent=silent,
        )

    @Slot()
    def _copy(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.copy_wanted.emit(str(action.data()))
