"""The history pane: what was searched, narrowed down, run again, written to a file, forgotten."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, Qt, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from altus4_desktop.domain.custom_metrics import CustomMetric, CustomMetricDraft
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.domain.history import HistoryQuery
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.services.past_searches import build_rerun
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.pane import Command
from altus4_desktop.ui.panes.analytics.metric_form import MetricForms
from altus4_desktop.ui.panes.analytics.metric_wording import short_name
from altus4_desktop.ui.panes.history.deleting import Deletions
from altus4_desktop.ui.panes.history.detail import HistoryDetail
from altus4_desktop.ui.panes.history.filters import HistoryFilters
from altus4_desktop.ui.panes.history.looking import LookingLine
from altus4_desktop.ui.panes.history.model import HistoryModel
from altus4_desktop.ui.panes.history.reading import HistoryPage, first_reading, next_reading
from altus4_desktop.ui.panes.history.table import HistoryTable
from altus4_desktop.ui.panes.noted_work import NotedWork, choose_list_file
from altus4_desktop.ui.panes.paged_pane import Page, PagedPane, Reading, build_split
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import Button, EmptyState, IconButton, InlineMessage

_NAME_LENGTH = 60
_SIDE_BY_SIDE, _LOW = 1240, 640


class HistoryPane(PagedPane[HistoryQuery, SearchRecord]):
    """Past searches."""

    id = "history"
    title = "History"
    icon_name = "history"
    page_size = 100

    filters: HistoryFilters
    model: HistoryModel
    table: HistoryTable

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._connections: Mapping[str, str] = {}
        self._people: Mapping[str, str] = {}
        self._build_header()
        self.note = InlineMessage(name="history.note")
        self.work = NotedWork(self, self.note)
        self.deletions = Deletions(self, self.note)
        self.deletions.deleted.connect(self._show_deleted)
        self._forms = MetricForms(session, self)
        self._forms.saved.connect(self._show_counted)
        self._forms.failed.connect(self.present)
        self.body.addWidget(self.note)
        self.filters = HistoryFilters(session)
        self.body.addWidget(self.filters)
        self._build_looking()
        self.model = HistoryModel(self)
        self.table = HistoryTable(self.model)
        self.table.deletion_wanted.connect(self.delete_selected)
        self.table.detail_wanted.connect(self.turn_detail)
        self.table.activated.connect(self._run_index)
        self.detail = HistoryDetail()
        self.detail.closed.connect(self.turn_detail)
        self.detail.hide()
        self._split = build_split(self.table, self.detail)
        start = Button(self.tr("Search something"), icon_name="search", name="history.start")
        start.clicked.connect(self._go_to_search)
        self.build_list(
            self._split,
            busy=self.tr("Reading the history…"),
            empty=EmptyState("history", "", "", action=start),
            nothing=self.nothing_fits(
                self.tr("No search fits"),
                self.tr("Try a longer time, or fewer words."),
                Button(self.tr("Show everything"), name="history.clear"),
            ),
            again="history.again",
        )
        self._draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """List and detail beside each other, or not."""
        super().resizeEvent(event)
        self._arrange()

    def receive(self, intent: object) -> None:
        """Show the searches that a HistoryQuery asks for."""
        if isinstance(intent, HistoryQuery):
            self.filters.show_query(intent)
            self.refresh()

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
                "history.detail",
                self.tr("Show the search in full, or no longer"),
                self.turn_detail,
                "panel",
                "Space",
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
            Command(
                "history.stop",
                self.tr("Look no further back"),
                self.stop,
                "stop",
                "Esc",
                self._is_looking,
            ),
            Command("history.count", self.tr("Count these per day…"), self.count_per_day, "trend"),
            Command(
                "history.delete_found",
                self.tr("Delete all of these searches"),
                self.delete_found,
                is_enabled=self._has_current,
            ),
            Command(
                "history.delete_all", self.tr("Delete all my searches"), self.deletions.delete_all
            ),
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

    def question(self) -> HistoryQuery:
        """What the filters ask for."""
        return self.filters.query()

    def build_reading(
        self, question: HistoryQuery, count: int, *, anew: bool
    ) -> Reading[SearchRecord]:
        """What reads the newest searches, and what connections and people are called."""
        return first_reading(self.session.services, self.session.actor, question, count, anew=anew)

    def build_reading_on(self, question: HistoryQuery, last: SearchRecord) -> Reading[SearchRecord]:
        """What reads the searches before ``last``."""
        services, actor = self.session.services, self.session.actor
        return next_reading(services, actor, question, last, self._people)

    def follow_look(self, back_to: datetime | None) -> None:
        """Say so, with a way to stop it."""
        if back_to is not None:
            self.looking.show_looking(back_to)
        else:
            if self.looking.isAncestorOf(QApplication.focusWidget() or self):
                self.focus_first()
            self.looking.clear()
        self._escape.setEnabled(self.looking.is_looking)

    @Slot()
    def stop(self) -> None:
        """Look no further back; what was found stays."""
        self._first.drop()
        self._more.drop()
        self._note_stopped()
        self._is_busy = False
        self._draw()

    @Slot()
    def _note_stopped(self) -> None:
        if self.looking.is_looking:
            self.looking.show_stopped()
            self._escape.setEnabled(False)

    @Slot()
    def look_further(self) -> None:
        """Go on where it was stopped."""
        question, back_to = self._shown, self.looking.back_to
        if question is None or back_to is None:
            return
        earlier = replace(question, to_at=back_to)
        if self.model.rowCount():
            self.read_on(earlier)
        else:
            self._first.start(self.build_reading(earlier, self.page_size, anew=False))
            self._is_busy = True
            self._draw()
        self.follow_look(back_to)

    def take_page(self, page: Page[SearchRecord]) -> None:
        """Take the names."""
        if not isinstance(page, HistoryPage):
            return
        self._people = {**self._people, **page.people}
        if len(self._people) == 1:
            # All alone: there is nobody to tell apart.
            self._people = {}
        is_known = page.back_to is not None and bool(self._connections)
        if page.connections is not None and page.offered is not None and not is_known:
            self._connections = page.connections
            self.filters.set_connections(page.connections)
            offered = dict(page.offered) if len(page.offered) > 1 else {}
            asked = self.filters.query().user_id
            if offered and asked in self._people:
                offered[asked] = self._people[asked]
            self.filters.set_people(offered)
            self.filters.set_key_name(page.key_name)
        self.model.set_names(self._connections, self._people)
        self.table.choose_columns(has_people=self.filters.person.count() > 1)

    def select_again(self, keys: set[Hashable], current: Hashable, row: int) -> None:
        """There is always a search that can be run again: that in the place of one that is gone."""
        super().select_again(keys, current, row)
        if not self.table.selectionModel().hasSelection():
            self.table.selectRow(max(0, min(row, self.model.rowCount() - 1)))

    def follow_page(self) -> None:
        """The search beside the list is what the list knows now; without one there is the list, or
        why there is none."""
        if self._current() is None and self.detail.isVisibleTo(self):
            self.turn_detail()
        self.follow_selection()

    def follow_selection(self) -> None:
        """What can be done with it, and where that is wanted all of it."""
        current = self._current()
        if current is not None and self.detail.isVisibleTo(self):
            self.detail.show_record(current, self._connections, self._people)
        self._allow_actions()

    @Slot()
    def turn_detail(self) -> None:
        """Show the current search in full beside the list, or no longer."""
        had_focus = self.detail.isAncestorOf(QApplication.focusWidget() or self)
        self.detail.setVisible(not self.detail.isVisibleTo(self) and self._has_current())
        self._details.setChecked(self.detail.isVisibleTo(self))
        self._arrange()
        self.follow_selection()
        if had_focus or not self.detail.isVisibleTo(self):
            self.table.setFocus()

    # Acting

    @Slot()
    def _run_current(self) -> None:
        self._run_index(self.table.currentIndex())

    @Slot(QModelIndex)
    def _run_index(self, index: QModelIndex) -> None:
        record = self.model.record_at(index.row()) if index.isValid() else None
        if record is None:
            return
        again = build_rerun(record, self._connections, self.session.actor.choices)
        if again is None:
            self.note.show_message(
                "info",
                self.tr("The connections that were searched are gone."),
                self.tr("Copy the query to search it elsewhere."),
            )
        else:
            self.session.pane_requested.emit("search", again)

    @Slot()
    def _copy_current(self) -> None:
        current = self._current()
        if current is not None:
            QGuiApplication.clipboard().setText(current.query)
            self.session.announced.emit(self.tr("Query copied"))

    @Slot()
    def delete_selected(self) -> None:
        """Delete those of the selected searches that are one's own, after asking."""
        self.deletions.delete(self.selected_records())

    @Slot()
    def delete_found(self) -> None:
        """Delete those of one's own searches that the filters show, after asking how many."""
        self.deletions.delete_found(self.question())

    @Slot()
    def _show_deleted(self) -> None:
        self.read_first(whole=True)

    @Slot()
    def export(self) -> None:
        """Write what the filters show to a file."""
        chosen = choose_list_file(self, self.tr("Export the history"), "history.csv")
        if chosen is not None:
            self.export_to(*chosen)

    def export_to(self, path: Path, list_format: ListFormat) -> None:
        """Write what the filters show to ``path``."""
        history, actor, query = self.session.services.history, self.session.actor, self.question()

        def export(context: TaskContext) -> int:
            progress, token = context.progress, context.token
            return history.export_(
                actor, path, list_format, query, replaces=True, progress=progress, token=token
            )

        self.work.write(
            path,
            export,
            title=self.tr("Exporting the history"),
            written=self.tr("{count} searches written."),
        )

    @Slot()
    def count_per_day(self) -> None:
        """Ask for a metric that counts what the filters show."""
        query = self.filters.query()
        self._forms.open(CustomMetricDraft(query.text, history=query))

    @Slot(object)
    def _show_counted(self, made: CustomMetric) -> None:
        text = self.tr("“{name}” is counted from now on.")
        self.note.show_message(
            "success",
            text.format(name=short_name(made.draft.name, _NAME_LENGTH)),
            self.tr("Its chart is the last one of the analytics."),
            [(self.tr("Show"), self._go_to_analytics)],
        )

    @Slot()
    def _go_to_analytics(self) -> None:
        self.note.clear()
        self.session.pane_requested.emit("analytics", None)

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

    @Slot()
    def _draw(self) -> None:
        title = self.tr("Nothing searched yet")
        text = self.tr("Each search is noted here, so that you can run it again.")
        keeps = self.session.actor.choices.keeps_history
        self._unkept.setHidden(keeps)
        if not keeps:
            title = self.tr("Your searches are not kept")
            text = self.tr("“Keep the history…” above changes that.")
        self._empty.set("history", title, text)
        super()._draw()
        self._allow_actions()

    def _allow_actions(self) -> None:
        for button in (self._run, self._copy, self._details):
            button.setEnabled(self._has_current())

    def _current(self) -> SearchRecord | None:
        index = self.table.currentIndex()
        return self.model.record_at(index.row()) if index.isValid() else None

    def _has_current(self) -> bool:
        return self._current() is not None and self._error is None

    def _is_idle(self) -> bool:
        return self.work.is_idle

    def _is_looking(self) -> bool:
        return self.looking.is_looking

    def _arrange(self) -> None:
        """Beside each other, one above the other, or only one of both."""
        wide, shown = self.width() >= _SIDE_BY_SIDE, self.detail.isVisibleTo(self)
        low = not wide and self.height() < _LOW
        self._split.setOrientation(Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical)
        self.table.setHidden(low and shown)
        self.filters.setHidden(low and shown)

    @Slot()
    def _open_more(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setAccessibleName(self.tr("History"))
        for picture, text, act, allowed in (
            ("trend", self.tr("Count these per day…"), self.count_per_day, True),
            ("download", self.tr("Export…"), self.export, self._is_idle()),
            ("trash", self.tr("Delete the selected…"), self.delete_selected, self._has_current()),
            ("trash", self.tr("Delete all of these…"), self.delete_found, self._has_current()),
            ("trash", self.tr("Delete all my searches…"), self.deletions.delete_all, True),
            ("settings", self.tr("Keep the history…"), self.choose_keeping, True),
        ):
            action = QAction(icon(picture), text, menu)
            action.setEnabled(allowed)
            action.triggered.connect(act)
            menu.addAction(action)
        corner = self._menu.rect().bottomRight()
        menu.popup(self._menu.mapToGlobal(corner) - QPoint(menu.sizeHint().width(), 0))

    def _build_header(self) -> None:
        self._run = Button(self.tr("Search again"), "primary", icon_name="play", name="history.run")
        self._run.clicked.connect(self._run_current)
        self._copy = Button(self.tr("Copy"), icon_name="copy", name="history.copy")
        self._copy.clicked.connect(self._copy_current)
        self._menu = IconButton("more", self.tr("More"), name="history.more")
        self._menu.clicked.connect(self._open_more)
        self._details = IconButton(
            "panel", self.tr("Show the search in full (Space)"), name="history.details"
        )
        self._details.setCheckable(True)
        self._details.clicked.connect(self.turn_detail)
        self._unkept = Button(
            self.tr("Not recording"), "link", icon_name="eye-off", name="history.unkept"
        )
        self._unkept.setToolTip(self.tr("Your searches are not kept: press to change that"))
        self._unkept.clicked.connect(self.choose_keeping)
        for button in (self._unkept, self._details, self._copy, self._run, self._menu):
            self.header.addWidget(button)

    def _build_looking(self) -> None:
        self.looking = LookingLine()
        self.looking.stop_wanted.connect(self.stop)
        self.looking.further_wanted.connect(self.look_further)
        self.looking.began.connect(self._announce_look)
        self._more.failed.connect(self._note_stopped)
        self._more.cancelled.connect(self._note_stopped)
        self._escape = QShortcut(QKeySequence("Escape"), self)
        self._escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._escape.activated.connect(self.stop)
        self._escape.setEnabled(False)
        self.body.addWidget(self.looking)

    @Slot()
    def _announce_look(self) -> None:
        self.session.announced.emit(self.tr("Looking further back"))
