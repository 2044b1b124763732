"""The audit pane: who did what, whether anybody changed the log since, and a copy of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.audit import AuditQuery, AuditRecord, AuditVerdict
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import confirm
from altus4_desktop.ui.pane import Command
from altus4_desktop.ui.panes.audit.detail import AuditDetail
from altus4_desktop.ui.panes.audit.filters import AuditFilters
from altus4_desktop.ui.panes.audit.model import ORIGIN, OUTCOME, SUBJECT, WHEN, AuditModel
from altus4_desktop.ui.panes.audit.wording import FAULTS_TOLD, verdict_words
from altus4_desktop.ui.panes.noted_work import NotedWork, choose_list_file
from altus4_desktop.ui.panes.paged_pane import Page, PagedPane, Reading, build_split
from altus4_desktop.ui.panes.tables import show_whole_rows
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import (
    Button,
    EmptyState,
    IconButton,
    InlineMessage,
    MessageKind,
)

_SIDE_BY_SIDE = 1240
_LOW = 640
_ORIGIN_FROM, _OUTCOME_FROM, _SUBJECT_FROM = 900, 760, 520


@dataclass(frozen=True)
class _Page(Page[AuditRecord]):
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


class AuditPane(PagedPane[AuditQuery, AuditRecord]):
    """What admins see of the audit log."""

    id = "audit"
    title = "Audit"
    icon_name = "shield"

    filters: AuditFilters
    model: AuditModel

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._verdict: AuditVerdict | None = None
        self._was_shown = False
        self._build_header()
        self.verdict_message = InlineMessage(name="audit.verdict")
        self.work = NotedWork(self, self.verdict_message)
        self.work.changed.connect(self._take_work)
        self._verdict_place = QWidget()
        place = QVBoxLayout(self._verdict_place)
        place.setContentsMargins(0, 0, 0, 0)
        place.addWidget(self.verdict_message)
        self.body.addWidget(self._verdict_place)
        self.filters = AuditFilters()
        self.body.addWidget(self.filters)
        self.model = AuditModel(self)
        self.table = self._build_table()
        self.detail = AuditDetail()
        self.detail.closed.connect(self._close_detail)
        self.detail.hide()
        self._split = build_split(self.table, self.detail)
        self.build_list(
            self._split,
            busy=self.tr("Reading the audit log…"),
            empty=EmptyState(
                "shield",
                self.tr("Nothing written down yet"),
                self.tr("Sign-ins and every change of users, keys, connections and the store are."),
            ),
            nothing=self.nothing_fits(
                self.tr("No record fits"),
                self.tr("Try a longer time, or fewer words."),
                Button(self.tr("Show everything"), name="audit.clear"),
            ),
            again="audit.again",
        )
        self._draw()

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
    def verify(self) -> None:
        """Look at every record."""
        audit, actor = self.session.services.audit, self.session.actor

        def verify(context: TaskContext) -> AuditVerdict:
            return audit.verify_(actor, context.progress, context.token)

        self.work.start(verify, self._show_verdict, title=self.tr("Verifying the audit log"))

    @Slot()
    def export(self) -> None:
        """Write what the filters show to a file."""
        chosen = choose_list_file(self, self.tr("Export the audit log"), "audit.csv")
        if chosen is not None:
            self.export_to(*chosen)

    def export_to(self, path: Path, list_format: ListFormat) -> None:
        """Write what the filters show to ``path``."""
        audit, actor, query = self.session.services.audit, self.session.actor, self.question()

        def export(context: TaskContext) -> int:
            return audit.export_(actor, path, list_format, query, context.progress, context.token)

        self.work.write(
            path,
            export,
            title=self.tr("Exporting the audit log"),
            written=self.tr("{count} records written."),
        )

    @Slot()
    def _take_work(self) -> None:
        self._draw()
        if self.work.is_idle:
            self.refresh()

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

        self.submit(Lane.TENANTS, accept, self.verify, failed=self.work.show_failure)

    def question(self) -> AuditQuery:
        """What the filters ask for."""
        return self.filters.query()

    def build_reading(
        self, question: AuditQuery, count: int, *, anew: bool
    ) -> Reading[AuditRecord]:
        """What reads the newest records, and which actions there are."""
        audit, actor = self.session.services.audit, self.session.actor

        def read(_: TaskContext) -> _Page:
            records = audit.list_(actor, question, limit=count + 1)
            actions = audit.actions_(actor) if anew else None
            return _Page(records[:count], len(records) > count, actions)

        return read

    def build_reading_on(self, question: AuditQuery, last: AuditRecord) -> Reading[AuditRecord]:
        """What reads the records before ``last``."""
        audit, actor, size = self.session.services.audit, self.session.actor, self.page_size

        def read(_: TaskContext) -> _Page:
            found = audit.list_(actor, question, before_sequence=last.sequence, limit=size + 1)
            return _Page(found[:size], len(found) > size)

        return read

    def take_page(self, page: Page[AuditRecord]) -> None:
        """Take the actions."""
        if isinstance(page, _Page) and page.actions is not None:
            self.filters.set_actions(page.actions)

    @Slot()
    def _draw(self) -> None:
        super()._draw()
        for button in (self._verify, self._export):
            button.setEnabled(self._is_idle())

    def _is_idle(self) -> bool:
        return self.work.is_idle

    @Slot()
    def _close_detail(self) -> None:
        self.table.clearSelection()
        self.table.setFocus()

    def follow_page(self) -> None:
        """The record beside the table, when it is still there."""
        if self.detail.isVisibleTo(self):
            self.follow_selection()

    def follow_selection(self) -> None:
        """The selected record in full."""
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
        return table
