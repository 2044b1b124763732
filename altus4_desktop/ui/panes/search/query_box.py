"""Where a query is typed or built, what is said about it before it runs, and why it is refused."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from altus4_desktop.domain.errors import QuerySyntaxError
from altus4_desktop.domain.query_reading import QueryReading
from altus4_desktop.domain.searching import SearchMode, SearchRequest
from altus4_desktop.ui.focus_order import put_after
from altus4_desktop.ui.panes.search.builder import QueryBuilder
from altus4_desktop.ui.panes.search.query import QueryField
from altus4_desktop.ui.panes.search.reading import QueryNotes, QueryReader
from altus4_desktop.ui.panes.search.states import SearchNote
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, IconButton


class QueryBox(QWidget):
    """The field in a row with its buttons, and below it builder, words and findings.

    ``request`` tells what would be searched now. A refusal is told in ``note``, which stands with
    the other remarks; ``builder_button`` stands with the tools of a search. ``read`` carries what
    was read of the query, or None; ``plain_text_wanted``: what was refused, without its operators.
    """

    read = Signal(object)
    plain_text_wanted = Signal()

    def __init__(
        self,
        session: Session,
        note: SearchNote,
        request: Callable[[], SearchRequest],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._search = session.services.search
        self._note = note
        self._is_boolean = False
        self._refusal: QuerySyntaxError | None = None
        self._builder: QueryBuilder | None = None
        self.field = QueryField()
        self.builder_button = IconButton("edit", self.tr("Build the query"), name="search.build")
        self.builder_button.setCheckable(True)
        self.reader = QueryReader(session, request, self)
        self.notes = QueryNotes()
        self._below = QVBoxLayout()
        self._below.setSpacing(Space.S)
        self._below.addWidget(self.notes)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addLayout(self._build_row())
        column.addLayout(self._below)
        self.field.textChanged.connect(self.reader.note_change)
        self.field.textChanged.connect(self._forget_refusal)
        self.field.textChanged.connect(self._show_in_builder)
        self.builder_button.toggled.connect(self._show_builder)
        self.reader.reading_ready.connect(self._take_reading)
        self.notes.fix_chosen.connect(self.field.apply_fix)

    def _build_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        self.run_button = Button(
            self.tr("Search"), "primary", icon_name="search", name="search.run"
        )
        self.run_button.setToolTip(self.tr("Search (Enter)"))
        self.stop_button = Button(self.tr("Stop"), icon_name="stop", name="search.stop")
        self.stop_button.setToolTip(self.tr("Stop the search (Esc)"))
        for button in (self.run_button, self.stop_button):
            button.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Expanding)
        self.saved_button = IconButton("bookmark", self.tr("Saved searches"), name="search.saved")
        self.saved_button.setToolTip(self.tr("Saved searches (Ctrl+S saves this one)"))
        self.saved_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.new_button = IconButton("plus", self.tr("New search"), name="search.tab.new")
        self.new_button.setToolTip(self.tr("New search (Ctrl+T)"))
        row.addWidget(self.field, 1)
        row.addWidget(self.run_button)
        row.addWidget(self.stop_button)
        row.addWidget(self.saved_button)
        row.addWidget(self.new_button)
        return row

    def show_progress(self, *, running: bool, stopping: bool) -> None:
        """Offer to search, or to stop."""
        self.run_button.setEnabled(not stopping)
        self.stop_button.setEnabled(running and not stopping)
        self.stop_button.setText(self.tr("Stopping…") if stopping else self.tr("Stop"))
        self.field.is_stoppable = running

    def close_work(self) -> None:
        """The view will be deleted."""
        self.reader.close()

    # The builder

    @property
    def builder(self) -> QueryBuilder:
        """The parts of a query one below the other; built when they are first wanted."""
        if self._builder is None:
            self._builder = QueryBuilder(self._search)
            self._builder.hide()
            self._builder.text_changed.connect(self.field.replace_text)
            self._below.insertWidget(0, self._builder)
            put_after(self.new_button, self._builder)
        return self._builder

    def show_mode(self, mode: SearchMode) -> None:
        """Offer the builder where it can build."""
        self._is_boolean = mode is SearchMode.BOOLEAN
        self._show_builder()
        self.reader.note_change()

    def fit(self) -> None:
        """A low window leaves the builder less."""
        if self._builder is not None:
            self._builder.fit()

    @Slot()
    def _show_builder(self) -> None:
        self.builder_button.setVisible(self._is_boolean)
        shown = self._is_boolean and self.builder_button.isChecked()
        if shown or self._builder is not None:
            self.builder.setVisible(shown)
        self._show_in_builder()

    @Slot()
    def _show_in_builder(self) -> None:
        if self._builder is not None and not self._builder.isHidden():
            self._builder.show_text(self.field.text())

    # What is said about the query

    @Slot(object)
    def _take_reading(self, reading: QueryReading | None) -> None:
        self.field.show_reading(reading)
        self.notes.show_reading(reading)
        if self.notes.are_findings_hidden:
            self._tell_refusal()
        self.read.emit(reading)

    def show_refusal(self, error: QuerySyntaxError | None) -> None:
        """Say why the query was not searched, and where; None: it was."""
        if error is None:
            if self._refusal is not None:
                self._refusal = None
                self.notes.hide_findings(hidden=False)
        elif error is not self._refusal:
            self._refusal = error
            self._tell_refusal()
            self.field.mark(error)

    def _tell_refusal(self) -> None:
        """Why the query was not searched, with its fixes: once, in place of the findings."""
        error = self._refusal
        if error is None:
            return
        actions: list[tuple[str, Callable[[], object]]] = []
        fix = self.notes.first_fix(self.field.text())
        if fix is not None:
            actions.append((fix.label, self._repair))
        actions.append((self.tr("Search as plain text"), self._want_plain_text))
        self._note.show_error(error, actions)
        self.notes.hide_findings(hidden=True)

    @Slot()
    def _want_plain_text(self) -> None:
        self.plain_text_wanted.emit()

    @Slot()
    def _repair(self) -> None:
        fix = self.notes.first_fix(self.field.text())
        if fix is not None:
            self.field.apply_fix(fix)

    @Slot()
    def _forget_refusal(self) -> None:
        if self.notes.are_findings_hidden:
            self._note.clear()
            self.notes.hide_findings(hidden=False)
