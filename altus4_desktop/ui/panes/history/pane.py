"""The history pane: what was searched, narrowed down, run again, written to a file, forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QItemSelection, QModelIndex, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHeaderView,
    QMenu,
    QStackedWidget,
    QTableView,
    QWidget,
)

from altus4_desktop.domain.accounts import Role, UserQuery
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.exports import ExportFormat
from altus4_desktop.domain.history import HistoryQuery, request_of
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle
from altus4_desktop.ui.dialogs import confirm
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.history.filters import HistoryFilters
from altus4_desktop.ui.panes.history.model import (
    HITS,
    MODE,
    QUERY,
    TOOK,
    WHEN,
    WHERE,
    WHO,
    HistoryModel,
)
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.tables import show_whole_rows
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.widgets import Busy, Button, EmptyState, IconButton, InlineMessage

_FIRST_PAGE, _PAGE = 100, 200
_PEOPLE_AT_MOST = 500
_ROOMY, _ROOMIER = 760, 980
_SUFFIXES = {
    ".csv": ExportFormat.CSV,
    ".json": ExportFormat.JSON,
    ".ndjson": ExportFormat.NDJSON,
}


@dataclass(frozen=True)
class _Page:
    records: list[SearchRecord]
    has_more: bool
    connections: Mapping[str, str] | None = None
    people: Mapping[str, str] | None = None


class SearchTable(QTableView):
    """Enter and a double click choose the current row."""

    deletion_wanted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter activates, Delete wants the selected rows gone."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit(self.currentIndex())
        elif event.key() == Qt.Key.Key_Delete:
            self.deletion_wanted.emit()
        else:
            super().keyPressEvent(event)


class HistoryPane(Pane):
    """Past searches."""

    id = "history"
    title = "History"
    icon_name = "history"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._error: AltusError | None = None
        self._asked: HistoryQuery | None = None
        self._connections: Mapping[str, str] = {}
        self._work: TaskHandle | None = None
        # The history may be long: reading it does not hold up the lane of the store.
        self._first = LatestTask(session.runner, Lane.TENANTS, self)
        self._first.succeeded.connect(self._take_first)
        self._first.failed.connect(self._take_failure)
        self._more_rows = LatestTask(session.runner, Lane.TENANTS, self)
        self._more_rows.succeeded.connect(self._take_more)
        self._more_rows.failed.connect(self.present)
        self._build_header()
        self.note = InlineMessage(name="history.note")
        self.body.addWidget(self.note)
        self.filters = HistoryFilters()
        self.filters.changed.connect(self._ask)
        self.filters.left_downwards.connect(self._enter_table)
        self.body.addWidget(self.filters)
        self.model = HistoryModel(self)
        self.model.more_wanted.connect(self._read_more)
        self.table = self._build_table()
        self._pages = QStackedWidget()
        self._busy = Busy(self.tr("Reading the history…"))
        start = Button(self.tr("Search something"), icon_name="search", name="history.start")
        start.clicked.connect(self._go_to_search)
        self._empty = EmptyState("history", "", "", action=start)
        clear = Button(self.tr("Show everything"), name="history.clear")
        clear.clicked.connect(self.filters.clear)
        self._nothing = EmptyState(
            "filter",
            self.tr("No search fits"),
            self.tr("Try a longer time, or fewer words."),
            action=clear,
        )
        again = Button(self.tr("Try again"), icon_name="refresh", name="history.again")
        again.clicked.connect(self.activated)
        self._failed = EmptyState("error", "", action=again)
        for page in (self._busy, self.table, self._empty, self._nothing, self._failed):
            self._pages.addWidget(page)
        self.body.addWidget(self._pages, 1)
        self._draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for the queries themselves."""
        super().resizeEvent(event)
        self._choose_columns()

    def activated(self) -> None:
        """Read what has been searched meanwhile."""
        self._read_first(with_names=True)

    def receive(self, intent: object) -> None:
        """Show the searches that a HistoryQuery asks for."""
        if isinstance(intent, HistoryQuery):
            self.filters.show_query(intent)
            self._read_first(with_names=True)

    def focus_first(self) -> None:
        """The table, or the filter while there is none."""
        (self.table if self.model.rowCount() else self.filters.text).setFocus()

    def shut(self) -> None:
        """Nobody waits for it any more."""
        self._first.drop()
        self._more_rows.drop()
        super().shut()

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
            Command(
                "history.delete",
                self.tr("Delete the selected searches"),
                self.delete_selected,
                "trash",
                "Del",
                self._has_current,
            ),
            Command("history.delete_all", self.tr("Delete all my searches"), self.delete_all),
            Command(
                "history.export",
                self.tr("Export the history"),
                self.export,
                "download",
                is_enabled=self._is_idle,
            ),
            Command("history.keep", self.tr("Keep the history…"), self.choose_keeping),
        ]

    # Reading

    @Slot()
    def _ask(self) -> None:
        if self.filters.query() != self._asked:
            self._read_first(with_names=False)

    def _read_first(self, *, with_names: bool) -> None:
        services, actor, query = self.session.services, self.session.actor, self.filters.query()
        self._asked = query
        is_admin = actor.role is Role.ADMIN

        def read(_: TaskContext) -> _Page:
            connections = people = None
            if with_names:
                connections = {item.id: item.name for item in services.connections.list_(actor)}
                people = {}
                if is_admin:
                    found = services.accounts.list_users(
                        actor, UserQuery(), limit=_PEOPLE_AT_MOST
                    ).users
                    people = {one.user.id: one.user.email for one in found}
            records = services.history.page_(actor, query, limit=_FIRST_PAGE + 1)
            more = len(records) > _FIRST_PAGE
            return _Page(records[:_FIRST_PAGE], more, connections, people)

        self._more_rows.drop()
        self._first.start(read)

    @Slot()
    def _read_more(self) -> None:
        records, query = self.model.records, self._asked
        if not records or query is None:
            return
        history, actor, last = self.session.services.history, self.session.actor, records[-1]

        def read(_: TaskContext) -> _Page:
            found = history.page_(actor, query, after=last, limit=_PAGE + 1)
            return _Page(found[:_PAGE], len(found) > _PAGE)

        self._more_rows.start(read)

    @Slot(object)
    def _take_first(self, page: _Page) -> None:
        was_busy = not self._busy.property("done")
        had_focus = self.filters.text.hasFocus() and not self.filters.text.text()
        self._busy.setProperty("done", True)
        self._error = None
        if page.connections is not None and page.people is not None:
            self._connections = page.connections
            people = page.people if len(page.people) > 1 else {}
            self.filters.set_connections(page.connections)
            self.filters.set_people(people)
            self.model.set_names(page.connections, people)
            self._choose_columns()
        current = self._current()
        self.model.show_first(page.records, has_more=page.has_more)
        self.table.selectRow(max(0, self.model.row_of(current.id) if current else 0))
        self._draw()
        if was_busy and had_focus and page.records:
            self.focus_first()

    @Slot(object)
    def _take_more(self, page: _Page) -> None:
        self.model.add_page(page.records, has_more=page.has_more)

    @Slot(object)
    def _take_failure(self, error: object) -> None:
        if isinstance(error, AltusError):
            self._busy.setProperty("done", True)
            self._error = error
            self._draw()

    # Acting

    @Slot()
    def _run_current(self) -> None:
        self._run_index(self.table.currentIndex())

    @Slot(QModelIndex)
    def _run_index(self, index: QModelIndex) -> None:
        record = self.model.record_at(index.row()) if index.isValid() else None
        if record is None:
            return
        request = request_of(record, self._connections)
        if request is None:
            self.note.show_message(
                "info",
                self.tr("The connections that were searched are gone."),
                self.tr("Copy the query to search it elsewhere."),
            )
        else:
            self.session.pane_requested.emit("search", request)

    @Slot()
    def _copy_current(self) -> None:
        current = self._current()
        if current is not None:
            QGuiApplication.clipboard().setText(current.query)
            self.session.announced.emit(self.tr("Query copied"))

    @Slot()
    def delete_selected(self) -> None:
        """Delete those of the selected searches that are one's own, after asking."""
        actor = self.session.actor
        rows = {index.row() for index in self.table.selectionModel().selectedRows()}
        records = [record for row in sorted(rows) if (record := self.model.record_at(row))]
        ids = [record.id for record in records if record.user_id == actor.user_id]
        if not ids:
            if records:
                self.note.show_message("info", self.tr("Searches of others are theirs to delete."))
            return
        title = self.tr("Delete {count} searches?").format(count=len(ids))
        if len(ids) == 1:
            title = self.tr("Delete this search?")
        if self._confirm(title):
            self._delete(ids)

    @Slot()
    def delete_all(self) -> None:
        """Delete every one of one's own searches, after asking."""
        if self._confirm(self.tr("Delete all my searches?")):
            self._delete(None)

    def _confirm(self, title: str) -> bool:
        text = self.tr("They are gone for good; the figures of those days are counted again.")
        return confirm(self, title, text, self.tr("Delete"), name="history.deleting")

    def _delete(self, ids: list[str] | None) -> None:
        history, actor = self.session.services.history, self.session.actor

        def delete(_: TaskContext) -> int:
            return history.delete_(actor, ids)

        self.submit(Lane.METADATA, delete, self._show_deleted)

    @Slot(object)
    def _show_deleted(self, count: int) -> None:
        self.session.announced.emit(self.tr("{count} searches deleted").format(count=count))
        self._read_first(with_names=False)

    @Slot()
    def export(self) -> None:
        """Write what the filters show to a file."""
        chosen, _ = QFileDialog.getSaveFileName(
            self,
            self.tr("Export the history"),
            "history.csv",
            self.tr("CSV, JSON or NDJSON (*.csv *.json *.ndjson)"),
        )
        if chosen:
            self.export_to(Path(chosen))

    def export_to(self, path: Path) -> None:
        """Write what the filters show to ``path``, as what it ends in; without an ending as CSV."""
        if path.suffix.lower() not in _SUFFIXES:
            path = path.with_name(f"{path.name}.csv")
        export_format = _SUFFIXES[path.suffix.lower()]
        history, actor, query = self.session.services.history, self.session.actor, self._asked

        def export(context: TaskContext) -> tuple[int, Path]:
            count = history.export_(
                actor,
                path,
                export_format,
                query,
                replaces=True,
                progress=context.progress,
                token=context.token,
            )
            return count, path

        title = self.tr("Exporting the history")
        handle = self.submit(
            Lane.TENANTS, export, self._show_export, title=title, failed=self._show_failure
        )
        self._work = handle
        handle.progressed.connect(self._show_progress)
        handle.cancelled.connect(self.note.clear)
        handle.finished.connect(self._end)
        self._show_progress(Progress(title))

    @Slot(object)
    def _show_progress(self, progress: Progress) -> None:
        if self._work is not None:
            self.note.show_message(
                "info", f"{progress.message}…", "", [(self.tr("Stop"), self._work.cancel)]
            )

    @Slot(object)
    def _show_export(self, done: tuple[int, Path]) -> None:
        count, path = done
        text = self.tr("{count} searches written.").format(count=f"{count:,}")
        self.note.show_message("success", text, str(path))

    @Slot(object)
    def _show_failure(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.note.show_error(error)
        else:
            self.note.clear()

    @Slot()
    def _end(self) -> None:
        self._work = None

    @Slot()
    def choose_keeping(self) -> None:
        """Ask whether and for how long searches are kept."""
        from altus4_desktop.ui.panes.history.keeping import KeepingDialog

        dialog = KeepingDialog(self.session, self)
        dialog.accepted.connect(self.activated)
        dialog.open()

    @Slot()
    def _go_to_search(self) -> None:
        self.session.pane_requested.emit("search", None)

    # Drawing

    def _draw(self) -> None:
        if not self._busy.property("done"):
            self._pages.setCurrentWidget(self._busy)
        elif self._error is not None:
            self._failed.set("error", error_message(self._error), error_hint(self._error))
            self._pages.setCurrentWidget(self._failed)
        elif self.model.rowCount():
            self._pages.setCurrentWidget(self.table)
        elif self.filters.is_set:
            self._pages.setCurrentWidget(self._nothing)
        else:
            self._draw_empty()
        self._allow_actions()

    def _draw_empty(self) -> None:
        title = self.tr("Nothing searched yet")
        text = self.tr("Each search is noted here, so that you can run it again.")
        if not self.session.actor.choices.keeps_history:
            title = self.tr("Your searches are not kept")
            text = self.tr("“Keep the history…” above changes that.")
        self._empty.set("history", title, text)
        self._pages.setCurrentWidget(self._empty)

    @Slot(QItemSelection)
    def _allow_actions(self, _: object = None) -> None:
        for button in (self._run, self._copy):
            button.setEnabled(self._has_current())

    def _current(self) -> SearchRecord | None:
        index = self.table.currentIndex()
        return self.model.record_at(index.row()) if index.isValid() else None

    def _has_current(self) -> bool:
        return self._current() is not None

    def _is_idle(self) -> bool:
        return self._work is None

    @Slot()
    def _enter_table(self) -> None:
        self.table.setFocus()

    def _choose_columns(self) -> None:
        width = self.width()
        for column, least in ((MODE, _ROOMY), (TOOK, _ROOMY), (WHERE, 0)):
            self.table.setColumnHidden(column, width < least)
        self.table.setColumnHidden(WHO, width < _ROOMIER or self.filters.person.count() < 2)

    @Slot()
    def _open_more(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setAccessibleName(self.tr("History"))
        for picture, text, act, allowed in (
            ("download", self.tr("Export…"), self.export, self._is_idle()),
            ("trash", self.tr("Delete the selected…"), self.delete_selected, self._has_current()),
            ("trash", self.tr("Delete all…"), self.delete_all, True),
            ("settings", self.tr("Keep the history…"), self.choose_keeping, True),
        ):
            action = QAction(icon(picture), text, menu)
            action.setEnabled(allowed)
            action.triggered.connect(act)
            menu.addAction(action)
        corner = self._more.rect().bottomRight()
        menu.popup(self._more.mapToGlobal(corner) - QPoint(menu.sizeHint().width(), 0))

    def _build_header(self) -> None:
        self._run = Button(self.tr("Search again"), "primary", icon_name="play", name="history.run")
        self._run.clicked.connect(self._run_current)
        self._copy = Button(self.tr("Copy"), icon_name="copy", name="history.copy")
        self._copy.clicked.connect(self._copy_current)
        self._more = IconButton("more", self.tr("More"), name="history.more")
        self._more.clicked.connect(self._open_more)
        for button in (self._copy, self._run, self._more):
            self.header.addWidget(button)

    def _build_table(self) -> SearchTable:
        table = SearchTable()
        table.setObjectName("history.table")
        table.setAccessibleName(self.tr("Past searches"))
        table.setModel(self.model)
        show_whole_rows(table)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.deletion_wanted.connect(self.delete_selected)
        header = table.horizontalHeader()
        header.setSectionsClickable(False)
        header.setSectionResizeMode(QUERY, QHeaderView.ResizeMode.Stretch)
        for column, width in (
            (MODE, 90),
            (WHERE, 170),
            (WHO, 170),
            (HITS, 70),
            (TOOK, 90),
            (WHEN, 130),
        ):
            header.resizeSection(column, width)
        table.activated.connect(self._run_index)
        table.selectionModel().selectionChanged.connect(self._allow_actions)
        return table
