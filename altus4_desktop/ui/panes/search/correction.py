"""What a query may have been meant to be: offered in a line of its own, never done."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from altus4_desktop.domain.searching import Correction, SearchOutcome
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Label

_SHOWN_CHARS = 70


class CorrectionBar(QWidget):
    """“Did you mean …?” with the corrected query as a button; ``chosen`` carries it.

    It looks after every search, so that the words of its connections are known for completion too,
    and is hidden while there is nothing to say.
    """

    chosen = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.correction.bar")
        self._session = session
        self._query = ""
        self._task = LatestTask(session.runner, Lane.TENANTS, self)
        self._task.succeeded.connect(self._show)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.XS)
        row.addWidget(Label(self.tr("Did you mean"), "muted"))
        self.button = Button("", "link", name="search.correction")
        self.button.setAccessibleName(self.tr("Did you mean"))
        self.button.clicked.connect(self._choose)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        self.hide()

    @Slot(object)
    def look(self, outcome: SearchOutcome) -> None:
        """Say how the query of a finished search may have been meant, if it is mistyped."""
        service, actor = self._session.services.suggestions, self._session.actor

        def work(context: TaskContext) -> Correction | None:
            return service.correct(actor, outcome, context.token)

        self._task.start(work)

    @Slot()
    def clear(self) -> None:
        """Say nothing, and nothing of what is still being looked up."""
        self._task.drop()
        self.hide()

    @Slot(object)
    def _show(self, correction: Correction | None) -> None:
        self.setVisible(correction is not None)
        if correction is None:
            return
        query = self._query = correction.query
        shown = query if len(query) <= _SHOWN_CHARS else query[: _SHOWN_CHARS - 1] + "…"
        self.button.setText(shown.replace("&", "&&"))
        self.button.setToolTip(plain_tool_tip(query) if shown != query else "")
        self.button.setAccessibleName(self.tr("Did you mean: {query}").format(query=query))

    @Slot()
    def _choose(self) -> None:
        self.clear()
        self.chosen.emit(self._query)
