"""The audit pane: who did what, whether anybody changed the log since, and a copy of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QItemSelection, Qt, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHeaderView,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.audit import AuditFormat, AuditQuery, AuditRecord, AuditVerdict
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle
from altus4_desktop.ui.dialogs import confirm
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.audit.detail import AuditDetail
from altus4_desktop.ui.panes.audit.filters import AuditFilters
from altus4_desktop.ui.panes.audit.model import ORIGIN, OUTCOME, SUBJECT, WHEN, AuditModel
from altus4_desktop.ui.panes.audit.wording import FAULTS_TOLD, number, verdict_words
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.tables import show_whole_rows
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Busy,
    Button,
    EmptyState,
    IconButton,
    InlineMessage,
    MessageKind,
)

_PAGE = 200
_SIDE_BY_SIDE = 1240
_LOW = 640
_ORIGIN_FROM, _OUTCOME_FROM, _SUBJECT_FROM = 900, 760, 520


@dataclass(frozen=True)
class _Page:
    records: list[AuditRecord]
    has_more: bool
    actions: list[str] | None = None


class AuditTable(QTableView):
    """Shows as many columns as fit; Escape leaves the record that is shown in full."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what can be read in the record."""
        super().resizeEvent(event)
        for column, least in (
            (ORIGIN, _ORIGIN_FROM),
            (OUTCOME, _OUTCOME_FROM),
            (SUBJECT, _SUBJECT_FROM),
        ):
            self.setColumnHidden(column, event.size().width() < least)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape selects nothing."""
        if event.key() == Qt.Key.Key_Escape and self.selectionModel().hasSelection():
            self.clearSelection()
        else:
            super().keyPressEvent(event)


class AuditPane(Pane):
    """What admins see of the audit log."""

    id = "audit"
    title = "Audit"
    icon_name = "shield"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._error: AltusError | None = None
        self._asked: AuditQuery | None = None
        self._shown: AuditQuery | None = None
        self._verdict: AuditVerdict | None = None
        self._work: TaskHandle | None = None
        self._was_shown = False
        # The log may be long: neither reading it nor verifying it holds up the lane of the store.
        self._first = LatestTask(session.runner, Lane.TENANTS, self)
        self._first.succeeded.connect(self._take_first)
        self._first.failed.connect(self._take_failure)
        self._more = LatestTask(session.runner, Lane.TENANTS, self)
        self._more.succeeded.connect(self._take_more)
        self._more.failed.connect(self.present)
        self._build_header()
        self.verdict_message = InlineMessage(name="audit.verdict")
        self._verdict_place = QWidget()
        place = QVBoxLayout(self._verdict_place)
        place.setContentsMargins(0, 0, 0, 0)
        place.addWidget(self.verdict_message)
        self.body.addWidget(self._verdict_place)
        self.filters = AuditFilters()
        self.filters.changed.connect(self._ask)
        self.filters.left_downwards.connect(self._enter_table)
        self.body.addWidget(self.filters)
        self.model = AuditModel(self)
        self.model.more_wanted.connect(self._read_more)
        self.table = self._build_table()
        self.detail = AuditDetail()
        self.detail.closed.connect(self._close_detail)
        self.detail.hide()
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(Space.M)
        self._split.addWidget(self.table)
        self._split.addWidget(self.detail)
        self._split.setStretchFactor(0, 3)
        self._split.setStretchFactor(1, 2)
        self._pages = QStackedWidget()
        self._busy = Busy(self.tr("Reading the audit log…"))
        self._empty = EmptyState(
            "shield",
            self.tr("Nothing written down yet"),
            self.tr("Sign-ins and every change of users, keys, connections and the store are."),
        )
        clear = Button(self.tr("Show everything"), name="audit.clear")
        clear.clicked.connect(self.filters.clear)
        self._nothing = EmptyState(
            "filter",
            self.tr("No record fits"),
            self.tr("Try a longer time, or fewer words."),
            action=clear,
        )
        again = Button(self.tr("Try again"), icon_name="refresh", name="audit.again")
        again.clicked.connect(self.refresh)
        self._failed = EmptyState("error", "", action=again)
        for page in (self._busy, self._split, self._empty, self._nothing, self._failed):
            self._pages.addWidget(page)
        self.body.addWidget(self._pages, 1)
        self._draw()

    def activated(self) -> None:
        """Read what has been written meanwhile."""
        self.refresh()

    def focus_first(self) -> None:
        """The table, or the filter while there is none."""
        (self.table if self.model.rowCount() else self.filters.text).setFocus()

    def shut(self) -> None:
        """Nobody waits for it any more."""
        self._first.drop()
        self._more.drop()
        super().shut()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The record beside the table, or below it where there is no room."""
        super().resizeEvent(event)
        self._arrange()

    def commands(self) -> list[Command]:
        """What the palette offers."""
        return [
            Command(
                "audit.verify",
                self.tr("Verify the audit log"),
                self.verify,
                "shield",
                is_enabled=self._is_idle,
            ),
            Command(
                "audit.export",
                self.tr("Export the audit log"),
                self.export,
                "download",
                is_enabled=self._is_idle,
            ),
        ]

    @Slot()
    def refresh(self) -> None:
        """Read the first page again, and which actions there are."""
        self._read_first(with_actions=True)

    @Slot()
    def verify(self) -> None:
        """Look at every record."""
        audit, actor = self.session.services.audit, self.session.actor

        def verify(context: TaskContext) -> AuditVerdict:
            return audit.verify_(actor, context.progress, context.token)

        handle = self.submit(
            Lane.TENANTS,
            verify,
            self._show_verdict,
            title=self.tr("Verifying the audit log"),
            failed=self._show_work_failure,
        )
        self._begin(handle)

    @Slot()
    def export(self) -> None:
        """Write what the filters show to a file."""
        formats = {
            self.tr("CSV for spreadsheets (*.csv)"): AuditFormat.CSV,
            self.tr("JSON, one document (*.json)"): AuditFormat.JSON,
            self.tr("JSON, one record a line (*.ndjson)"): AuditFormat.NDJSON,
        }
        chosen, ending = QFileDialog.getSaveFileName(
            self, self.tr("Export the audit log"), "audit.csv", ";;".join(formats)
        )
        if chosen:
            path, audit_format = _file_and_format(chosen, formats.get(ending, AuditFormat.CSV))
            self.export_to(path, audit_format)

    def export_to(self, path: Path, audit_format: AuditFormat) -> None:
        """Write what the filters show to ``path``."""
        audit, actor, query = self.session.services.audit, self.session.actor, self.filters.query()

        def export(context: TaskContext) -> tuple[int, Path]:
            progress, token = context.progress, context.token
            return audit.export_(actor, path, audit_format, query, progress, token), path

        handle = self.submit(
            Lane.TENANTS,
            export,
            self._show_export,
            title=self.tr("Exporting the audit log"),
            failed=self._show_work_failure,
        )
        self._begin(handle)

    def _begin(self, handle: TaskHandle) -> None:
        self._work = handle
        handle.progressed.connect(self._show_progress)
        handle.cancelled.connect(self.verdict_message.clear)
        handle.finished.connect(self._end)
        self._show_progress(Progress(handle.title))
        self._draw()

    @Slot()
    def _end(self) -> None:
        self._work = None
        self._draw()
        self.refresh()

    @Slot(object)
    def _show_progress(self, progress: Progress) -> None:
        if self._work is None:
            return
        share = "" if progress.fraction is None else f" {progress.fraction:.0%}"
        self.verdict_message.show_message(
            "info", f"{self._work.title}…{share}", "", [(self.tr("Stop"), self._work.cancel)]
        )

    @Slot(object)
    def _show_verdict(self, verdict: AuditVerdict) -> None:
        self._verdict = verdict
        self.model.mark_faults(verdict.faults)
        text, hint = verdict_words(verdict)
        actions = []
        if verdict.acceptable:
            actions.append((self.tr("It was restored…"), self._accept))
        if verdict.fault_count > FAULTS_TOLD:
            actions.append((self.tr("Show all…"), self._show_faults))
        kind: MessageKind = (
            "success" if verdict.intact else "warning" if verdict.acceptable else "error"
        )
        self.verdict_message.show_message(kind, text, hint, actions)

    @Slot()
    def _show_faults(self) -> None:
        from altus4_desktop.ui.panes.audit.faults import FaultsDialog

        if self._verdict is not None:
            dialog = FaultsDialog(self._verdict, self)
            dialog.exec()
            dialog.deleteLater()

    @Slot(object)
    def _show_export(self, done: tuple[int, Path]) -> None:
        count, path = done
        self.verdict_message.show_message(
            "success",
            self.tr("{count} records written.").format(count=number(count)),
            str(path),
        )

    @Slot(object)
    def _show_work_failure(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.verdict_message.show_error(error)
        else:
            self.verdict_message.clear()

    @Slot()
    def _accept(self) -> None:
        verdict = self._verdict
        if verdict is None or not confirm(
            self,
            self.tr("Was the metadata store restored from a copy?"),
            self.tr(
                "Then what was written after that copy is gone, and the log goes on from there. "
                "If nobody restored it, somebody has written the log anew: do not accept it."
            ),
            self.tr("It was restored"),
            name="audit.accept",
        ):
            return
        audit, actor = self.session.services.audit, self.session.actor

        def accept(_: TaskContext) -> None:
            audit.accept_(actor, verdict)

        self.submit(Lane.TENANTS, accept, self.verify, failed=self._show_work_failure)

    @Slot()
    def _ask(self) -> None:
        if self.filters.query() != self._asked:
            self._read_first(with_actions=False)

    def _read_first(self, *, with_actions: bool) -> None:
        audit, actor, query = self.session.services.audit, self.session.actor, self.filters.query()
        self._asked = query

        def read(_: TaskContext) -> _Page:
            records = audit.list_(actor, query, limit=_PAGE + 1)
            actions = audit.actions_(actor) if with_actions else None
            return _Page(records[:_PAGE], len(records) > _PAGE, actions)

        self._first.start(read)

    @Slot()
    def _read_more(self) -> None:
        records, query = self.model.records, self._shown
        if not records or query is None:
            return
        audit, actor, before = self.session.services.audit, self.session.actor, records[-1].sequence

        def read(_: TaskContext) -> _Page:
            found = audit.list_(actor, query, before_sequence=before, limit=_PAGE + 1)
            return _Page(found[:_PAGE], len(found) > _PAGE)

        self._more.start(read)

    @Slot(object)
    def _take_first(self, page: _Page) -> None:
        had_focus = self.filters.text.hasFocus() and not self.filters.text.text()
        was_busy = not self._busy.property("done")
        self._busy.setProperty("done", True)
        self._error = None
        kept = self.detail.record if self.detail.isVisible() else None
        if self.model.show_first(
            page.records, has_more=page.has_more, same_question=self._asked == self._shown
        ):
            self._more.drop()
        self._shown = self._asked
        if page.actions is not None:
            self.filters.set_actions(page.actions)
        if kept is not None:
            self.table.selectRow(self.model.row_of(kept.sequence))
            self._follow_selection()
        self._draw()
        if was_busy and had_focus:
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

    def _draw(self) -> None:
        if not self._busy.property("done"):
            self._pages.setCurrentWidget(self._busy)
        elif self._error is not None:
            self._failed.set("error", error_message(self._error), error_hint(self._error))
            self._pages.setCurrentWidget(self._failed)
        elif self.model.rowCount():
            self._pages.setCurrentWidget(self._split)
        else:
            self._pages.setCurrentWidget(self._nothing if self.filters.is_set else self._empty)
        for button in (self._verify, self._export):
            button.setEnabled(self._is_idle())

    def _is_idle(self) -> bool:
        return self._work is None

    @Slot()
    def _enter_table(self) -> None:
        self.table.setFocus()
        if not self.table.currentIndex().isValid():
            self.table.selectRow(0)

    @Slot()
    def _close_detail(self) -> None:
        self.table.clearSelection()
        self.table.setFocus()

    @Slot(QItemSelection)
    def _follow_selection(self, _: object = None) -> None:
        rows = self.table.selectionModel().selectedRows()
        record = self.model.record_at(rows[0].row()) if rows else None
        if record is not None:
            self.detail.show_record(record)
        self.detail.setVisible(record is not None)
        self._arrange()
        if record is not None:
            self.table.scrollTo(rows[0])

    def _arrange(self) -> None:
        """Beside each other, one above the other, or only one of both."""
        wide = self.width() >= _SIDE_BY_SIDE
        shown = self.detail.isVisibleTo(self)
        low = not wide and self.height() < _LOW
        way = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if shown and (way is not self._split.orientation() or not self._was_shown):
            self._split.setOrientation(way)
            # What the splitter would give by itself is too little for one of both.
            self._split.setSizes([11, 9] if wide else [2, 3])
        self._was_shown = shown
        self.table.setHidden(low and shown)
        self.filters.setHidden(low and shown)
        # Nor does what was said about the whole log push one record out of sight.
        self._verdict_place.setHidden(low and shown)

    def _build_header(self) -> None:
        self._verify = Button(self.tr("Verify"), icon_name="shield", name="audit.verify")
        self._verify.setToolTip(self.tr("Look whether a record was changed, removed or put in"))
        self._verify.clicked.connect(self.verify)
        self._export = Button(self.tr("Export…"), icon_name="download", name="audit.export")
        self._export.setToolTip(self.tr("Write what is shown to a file"))
        self._export.clicked.connect(self.export)
        refresh = IconButton("refresh", self.tr("Read again"), name="audit.refresh")
        refresh.clicked.connect(self.refresh)
        for button in (refresh, self._export, self._verify):
            self.header.addWidget(button)

    def _build_table(self) -> AuditTable:
        table = AuditTable()
        table.setObjectName("audit.table")
        table.setAccessibleName(self.tr("Who did what"))
        table.setModel(self.model)
        show_whole_rows(table)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setMinimumSize(240, 96)
        header = table.horizontalHeader()
        header.setSectionsClickable(False)
        header.setMinimumSectionSize(60)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column, width in ((WHEN, 168), (OUTCOME, 104)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, width)
        table.selectionModel().selectionChanged.connect(self._follow_selection)
        return table


def _file_and_format(chosen: str, by_filter: AuditFormat) -> tuple[Path, AuditFormat]:
    """The ending that was typed decides; without one the chosen filter's is added."""
    path = Path(chosen)
    ending = path.suffix.removeprefix(".").lower()
    if ending in {known.value for known in AuditFormat}:
        return path, AuditFormat(ending)
    return path.with_name(f"{path.name}.{by_filter.value}"), by_filter
