"""What a search shows below its sources: an invitation, a wait, hits, or why there are none."""

from __future__ import annotations

from functools import cached_property

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QStackedWidget, QWidget

from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.ui.panes.search.controller import Phase, SearchState
from altus4_desktop.ui.panes.search.foot import SILENT
from altus4_desktop.ui.panes.search.states import IdlePage, NothingPage
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.widgets import Busy, Button, EmptyState

_CALM_MS = 250
_QUERY_LENGTH = 80


class SearchPages(QStackedWidget):
    """One face for every phase of a search; ``rows`` is the one with hits."""

    again_wanted = Signal()
    natural_wanted = Signal()
    everything_wanted = Signal()
    connect_wanted = Signal()
    query_chosen = Signal(str, str)

    def __init__(self, rows: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = rows
        self.idle = IdlePage()
        self.idle.query_chosen.connect(self.query_chosen)
        self.again_button = Button(
            self.tr("Try again"), "primary", icon_name="refresh", name="search.again"
        )
        self.again_button.clicked.connect(self.again_wanted)
        self.failed = EmptyState("error", "", action=self.again_button)
        self.failed.setObjectName("search.failed")
        connect = Button(
            self.tr("Add a connection"), "primary", icon_name="plus", name="search.connect"
        )
        connect.clicked.connect(self.connect_wanted)
        self.unconnected = EmptyState(
            "plug",
            self.tr("Nothing to search yet"),
            self.tr("Add a connection to a MySQL or MariaDB database, then search it here."),
            action=connect,
        )
        self.unconnected.setObjectName("search.unconnected")
        for page in (self.idle, rows, self.failed, self.unconnected):
            self.addWidget(page)
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(_CALM_MS)
        self._calm.timeout.connect(self._show_busy)

    @cached_property
    def busy(self) -> Busy:
        """A wait; built when there is the first."""
        page = Busy(self.tr("Searching…"))
        self.addWidget(page)
        return page

    @cached_property
    def nothing(self) -> NothingPage:
        """Why there are no hits; built when there are none for the first time."""
        page = NothingPage()
        self.addWidget(page)
        return page

    def show_state(self, state: SearchState, *, has_connections: bool, is_scoped: bool) -> None:
        """Turn to the face of a state; ``is_scoped``: not everything was searched."""
        self._calm.stop()
        match state.phase:
            case Phase.BUSY:
                # A quick answer follows at once: the page before it stays until it is a wait.
                self._calm.start()
            case Phase.ROWS:
                self.setCurrentWidget(self.rows)
            case Phase.EMPTY:
                self._explain_nothing(state, is_scoped=is_scoped)
                self.setCurrentWidget(self.nothing)
            case Phase.FAILED:
                if state.error is not None:
                    error = state.error
                    self.failed.set("error", error_message(error), error_hint(error))
                self.setCurrentWidget(self.failed)
            case Phase.IDLE:
                self.setCurrentWidget(self.idle if has_connections else self.unconnected)

    @Slot()
    def _show_busy(self) -> None:
        self.setCurrentWidget(self.busy)

    def _explain_nothing(self, state: SearchState, *, is_scoped: bool) -> None:
        query = state.request.query if state.request else ""
        shown = query if len(query) <= _QUERY_LENGTH else query[: _QUERY_LENGTH - 1] + "…"
        failed = [r for r in state.sources if r.state in SILENT]
        if state.stopped:
            heading = self.tr("Stopped before anything was found")
            reason = self.tr("The search for “{query}” was cancelled.").format(query=shown)
        else:
            heading = self.tr("Nothing found for “{query}”").format(query=shown)
            reason = self._reason(state, len(failed))
        buttons = []
        if failed or state.stopped:
            again = Button(
                self.tr("Search again"), icon_name="refresh", name="search.nothing.again"
            )
            again.clicked.connect(self.again_wanted)
            buttons.append(again)
        if state.request is not None and state.request.mode is SearchMode.BOOLEAN:
            natural = Button(self.tr("Search in natural mode"), name="search.nothing.natural")
            natural.clicked.connect(self.natural_wanted)
            buttons.append(natural)
        if is_scoped:
            everything = Button(self.tr("Search everything"), name="search.nothing.everything")
            everything.clicked.connect(self.everything_wanted)
            buttons.append(everything)
        self.nothing.show_notices(heading, reason, state.notices, buttons)

    def _reason(self, state: SearchState, failed: int) -> str:
        total = len(state.sources)
        if not total:
            return self.tr("No table with a FULLTEXT index was searched.")
        if failed:
            return self.tr("{failed} of {total} sources gave no answer.").format(
                failed=failed, total=total
            )
        if state.notices:
            return ""
        if total == 1:
            return self.tr("The source answered: no row contains these words.")
        return self.tr("All {total} sources answered: no row contains these words.").format(
            total=total
        )
