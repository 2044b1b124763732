"""The history pane: what was searched lately, and one key to search it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QItemSelection, QModelIndex, Qt, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QStackedWidget,
    QTableView,
    QWidget,
)

from altus4_desktop.domain.filtering import Narrowing
from altus4_desktop.domain.searching import SearchMode, SearchRecord, SearchRequest
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.models.records import RECORD_ROLE, Column, RecordModel, RecordProxy
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.tables import show_whole_rows
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.times import ago, duration, full
from altus4_desktop.ui.widgets import Busy, Button, EmptyState, SearchField

_LIMIT = 200
_MODE, _TOOK = 1, 4
_ROOMY = 760


@dataclass(frozen=True)
class RecentSearch:
    """A search and the name of what was searched."""

    record: SearchRecord
    place: str


class SearchTable(QTableView):
    """Enter and a double click choose the current row."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter activates."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)


class HistoryPane(Pane):
    """Recent searches."""

    id = "history"
    title = "History"
    icon_name = "history"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._filter = SearchField(self.tr("Filter"), name="history.filter")
        self._filter.setMaximumWidth(280)
        self._filter.left_downwards.connect(self._enter_table)
        self._run = Button(self.tr("Search again"), "primary", icon_name="play", name="history.run")
        self._run.clicked.connect(self._run_current)
        self._copy = Button(self.tr("Copy"), icon_name="copy", name="history.copy")
        self._copy.clicked.connect(self._copy_current)
        self.header.addWidget(self._filter)
        self.header.addWidget(self._copy)
        self.header.addWidget(self._run)
        self.model = RecordModel(self._list_columns(), self)
        self.proxy = RecordProxy(self)
        self.proxy.setSourceModel(self.model)
        self._filter.textChanged.connect(self._narrow)
        self.table = self._build_table()
        self._pages = QStackedWidget()
        self._busy = Busy(self.tr("Reading the history…"))
        start = Button(self.tr("Search something"), icon_name="search", name="history.start")
        start.clicked.connect(self._go_to_search)
        self._empty = EmptyState(
            "history",
            self.tr("Nothing searched yet"),
            self.tr("Each search is noted here, so that you can run it again."),
            action=start,
        )
        self._nothing = EmptyState(
            "filter", self.tr("No search fits"), self.tr("Try fewer or other letters.")
        )
        for page in (self._busy, self.table, self._empty, self._nothing):
            self._pages.addWidget(page)
        self.body.addWidget(self._pages, 1)
        self._draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for the queries themselves."""
        super().resizeEvent(event)
        for column in (_MODE, _TOOK):
            self.table.setColumnHidden(column, event.size().width() < _ROOMY)

    def activated(self) -> None:
        """Read what has been searched meanwhile."""
        services, actor = self.session.services, self.session.actor

        def read(_: TaskContext) -> list[RecentSearch]:
            names = {item.id: item.name for item in services.connections.list_(actor)}
            recent = services.history.recent(actor, "", _LIMIT)
            return [RecentSearch(record, _place(record, names)) for record in recent]

        self.submit(Lane.METADATA, read, self._show)

    def focus_first(self) -> None:
        """The table, or the filter while there is none."""
        (self.table if self.model.rowCount() else self._filter).setFocus()

    def commands(self) -> list[Command]:
        """What the palette offers."""
        return [
            Command(
                "history.run",
                self.tr("Search again"),
                self._run_current,
                "play",
                "Enter",
                self._has_current,
            ),
            Command(
                "history.copy",
                self.tr("Copy the query"),
                self._copy_current,
                "copy",
                is_enabled=self._has_current,
            ),
        ]

    def _list_columns(self) -> list[Column[RecentSearch]]:
        modes = {
            SearchMode.NATURAL: self.tr("Natural"),
            SearchMode.BOOLEAN: self.tr("Boolean"),
            SearchMode.SEMANTIC: self.tr("Semantic"),
        }
        return [
            Column(self.tr("Query"), lambda it: " ".join(it.record.query.split())),
            Column(self.tr("Mode"), lambda it: modes[it.record.mode]),
            Column(self.tr("Where"), lambda it: it.place or self.tr("Several connections")),
            Column(
                self.tr("Hits"),
                lambda it: f"{it.record.result_count:,}",
                lambda it: it.record.result_count,
                is_number=True,
            ),
            Column(
                self.tr("Took"),
                lambda it: duration(it.record.execution_time_ms),
                lambda it: it.record.execution_time_ms,
                is_number=True,
            ),
            Column(
                self.tr("When"),
                lambda it: ago(it.record.created_at),
                lambda it: it.record.created_at.timestamp() if it.record.created_at else 0.0,
                tool_tip=lambda it: full(it.record.created_at),
            ),
        ]

    def _build_table(self) -> SearchTable:
        table = SearchTable()
        table.setObjectName("history.table")
        table.setAccessibleName(self.tr("Recent searches"))
        table.setModel(self.proxy)
        show_whole_rows(table)
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in ((1, 90), (2, 180), (3, 80), (4, 90), (5, 140)):
            header.resizeSection(column, width)
        table.setSortingEnabled(True)
        table.sortByColumn(5, Qt.SortOrder.DescendingOrder)
        table.activated.connect(self._run_index)
        table.selectionModel().selectionChanged.connect(self._allow_actions)
        return table

    @Slot(object)
    def _show(self, searches: list[RecentSearch]) -> None:
        self._busy.setProperty("done", True)
        had_focus = self._filter.hasFocus() and not self._filter.text()
        self.model.set_records(searches)
        self._draw()
        if had_focus and searches:
            self.focus_first()

    @Slot(str)
    def _narrow(self, text: str) -> None:
        self.proxy.set_filter(text)
        self._draw()

    def _draw(self) -> None:
        if not self._busy.property("done"):
            self._pages.setCurrentWidget(self._busy)
        elif not self.model.rowCount():
            self._pages.setCurrentWidget(self._empty)
        elif not self.proxy.rowCount():
            self._pages.setCurrentWidget(self._nothing)
        else:
            self._pages.setCurrentWidget(self.table)
            if not self.table.currentIndex().isValid():
                self.table.selectRow(0)
        self._filter.setEnabled(bool(self.model.rowCount()))
        self._allow_actions()

    @Slot(QItemSelection)
    def _allow_actions(self, _: object = None) -> None:
        for button in (self._run, self._copy):
            button.setEnabled(self._has_current())

    def _current(self) -> RecentSearch | None:
        record = self.table.currentIndex().data(RECORD_ROLE)
        return record if isinstance(record, RecentSearch) else None

    def _has_current(self) -> bool:
        return self._current() is not None

    @Slot()
    def _enter_table(self) -> None:
        self.table.setFocus()

    @Slot()
    def _run_current(self) -> None:
        self._run_index(self.table.currentIndex())

    @Slot(QModelIndex)
    def _run_index(self, index: QModelIndex) -> None:
        found = index.data(RECORD_ROLE)
        if isinstance(found, RecentSearch):
            record = found.record
            only = (record.connection_id,) if record.connection_id else ()
            request = SearchRequest(
                record.query,
                record.mode,
                connection_ids=only,
                language=str(record.params.get("language") or ""),
                narrowing=Narrowing.from_document(record.params.get("filters")),
            )
            self.session.pane_requested.emit("search", request)

    @Slot()
    def _copy_current(self) -> None:
        current = self._current()
        if current is not None:
            QGuiApplication.clipboard().setText(current.record.query)
            self.session.announced.emit(self.tr("Query copied"))

    @Slot()
    def _go_to_search(self) -> None:
        self.session.pane_requested.emit("search", None)


def _place(record: SearchRecord, names: Mapping[str, str]) -> str:
    return names.get(record.connection_id, "") if record.connection_id else ""
