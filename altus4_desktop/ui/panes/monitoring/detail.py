"""One server: its pool, what runs there, who waits, its indexes."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from altus4_desktop.domain.monitoring import ServerFacts
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.monitoring.lists import IndexPage, LockPage, StatementPage
from altus4_desktop.ui.panes.monitoring.overview import OverviewPage
from altus4_desktop.ui.panes.monitoring.wording import Health, ServerRow, failure_words
from altus4_desktop.ui.texts import error_hint, error_message, remark_text, wants_unlocking
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import InlineMessage, Segments

OVERVIEW, STATEMENTS, LOCKS, INDEXES = "overview", "statements", "locks", "indexes"
_PAGES = (OVERVIEW, STATEMENTS, LOCKS, INDEXES)


class ServerDetail(QWidget):
    """``stop_wanted`` (ListedStatement); ``unlock_wanted``: the passwords are locked."""

    stop_wanted = Signal(object)
    unlock_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._told = ""
        self.name = ElidedLabel(role="title")
        self.place = ElidedLabel(role="caption")
        self.problem = InlineMessage(name="monitoring.problem", closable=False)
        self.view = Segments(
            (
                (OVERVIEW, self.tr("Overview")),
                (STATEMENTS, self.tr("Statements")),
                (LOCKS, self.tr("Locks")),
                (INDEXES, self.tr("Indexes")),
            ),
            name="monitoring.view",
            label=self.tr("What is shown of the server"),
        )
        self.view.chosen.connect(self.show_page)
        self.overview = OverviewPage()
        self.statements = StatementPage()
        self.statements.stop_wanted.connect(self.stop_wanted)
        self.locks = LockPage()
        self.indexes = IndexPage()
        self.pages = QStackedWidget()
        for page in (self.overview, self.statements, self.locks, self.indexes):
            self.pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        titles = QVBoxLayout()
        titles.setSpacing(2)
        titles.addWidget(self.name)
        titles.addWidget(self.place)
        column.addLayout(titles)
        column.addWidget(self.problem)
        column.addWidget(self.view)
        column.addWidget(self.pages, 1)

    @Slot(str)
    def show_page(self, page: str) -> None:
        """Bring a page to the front."""
        self.view.set_key(page)
        self.pages.setCurrentIndex(_PAGES.index(page))

    def show_server(self, row: ServerRow, facts: ServerFacts | None) -> None:
        """The newest of a server."""
        connection = row.pool.connection
        self.name.setText(connection.name)
        self.place.setText(
            f"{connection.username}@{connection.host}:{connection.port}/{connection.database}"
        )
        self._show_problem(row)
        self.overview.show_row(row)
        self.overview.show_facts(facts)
        pulse = row.pulse
        self.statements.show_statements(
            pulse.statements if pulse else (), has_more=pulse is not None and pulse.has_more
        )
        unseen = " ".join(remark_text(it) for it in facts.unseen) if facts else ""
        self.locks.show_waits(pulse.waits if pulse else (), unseen)
        self.indexes.show_indexes(facts.indexes if facts else None, unseen="")

    def _show_problem(self, row: ServerRow) -> None:
        """Told once: the same words are not said again with every tick."""
        told = "" if row.error is None else f"{row.pool.connection.id} {failure_words(row.error)}"
        if told == self._told:
            return
        self._told = told
        if row.error is None:
            self.problem.clear()
            return
        actions = []
        if wants_unlocking(row.error):
            actions.append((self.tr("Unlock…"), self.unlock_wanted.emit))
        kind = "info" if row.health is Health.STOPPED else "error"
        self.problem.show_message(
            "info" if kind == "info" else "error",
            error_message(row.error),
            error_hint(row.error),
            actions,
        )
