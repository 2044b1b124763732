"""The metadata store pane: its revisions, forwards and back, drift, and who else is connected."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QItemSelection, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPlainTextEdit,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.revisions import (
    NO_COPY_CODES,
    DriftItem,
    MigrationRun,
    MigrationStatus,
    Revision,
    RevisionState,
    VisitorReport,
)
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle
from altus4_desktop.ui.models.records import RECORD_ROLE
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.migrations.account import StoreAccountDialog
from altus4_desktop.ui.panes.migrations.dialogs import Outlook, ask, names_of
from altus4_desktop.ui.panes.migrations.preview import PreviewCard
from altus4_desktop.ui.panes.migrations.tables import (
    build_drift,
    build_revisions,
    build_visitors,
    place_words,
)
from altus4_desktop.ui.panes.progress_card import ProgressCard
from altus4_desktop.ui.panes.tables import PlainTable
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import store_words
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Busy,
    Button,
    Card,
    Chip,
    EmptyState,
    IconButton,
    InlineMessage,
    Label,
    Segments,
)

_REVISIONS, _DRIFT, _VISITORS = "revisions", "drift", "visitors"
_TOOK, _WHEN = 4, 3
_EXPECTED = 3
_ROOMY = 820
_SPACIOUS = 960
_DIFFERENCE_HEIGHT = 104


@dataclass(frozen=True)
class _Wish:
    """Where somebody wants the store to be; ``to`` None is the newest revision."""

    to: str | None
    undoes: bool


class MigrationsPane(Pane):
    """Revisions of the metadata store; for admins."""

    id = "store"
    title = "Metadata store"
    icon_name = "layers"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._status: MigrationStatus | None = None
        self._run: TaskHandle | None = None
        self._wish: _Wish | None = None
        self._agreed: _Wish | None = None
        self._build_header()
        self._standing = InlineMessage(name="store.standing", closable=False)
        self.body.addWidget(self._standing)
        self._progress = ProgressCard(name="store.progress", stop_name="store.stop")
        self._progress.stop.clicked.connect(self._stop)
        self.body.addWidget(self._progress)
        self._views = Segments(
            [
                (_REVISIONS, self.tr("Revisions")),
                (_DRIFT, self.tr("Drift")),
                (_VISITORS, self.tr("Who is connected")),
            ],
            name="store.view",
            label=self.tr("Show"),
        )
        self._views.chosen.connect(self._choose_view)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(self._views)
        self._place = ElidedLabel(store_words(session.services)[1], "muted")
        self._place.setObjectName("store.place")
        row.addWidget(self._place, 1)
        row.addWidget(self._drift_chip)
        row.addWidget(self._chip)
        self.body.addLayout(row)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._build_revisions())
        self._pages.addWidget(self._build_drift())
        self._pages.addWidget(self._build_visitors())
        self.body.addWidget(self._pages, 1)
        self._draw()

    # ---- what every pane does ----------------------------------------------------------------

    def activated(self) -> None:
        """See where the store stands."""
        self.refresh()

    def focus_first(self) -> None:
        """The table of what is shown."""
        (self.table, self._drift_table, self._visitor_table)[self._pages.currentIndex()].setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what is said beside or below the tables too."""
        super().resizeEvent(event)
        width = event.size().width()
        self._drift_table.setColumnHidden(_EXPECTED, width < _ROOMY)
        self.table.setColumnHidden(_WHEN, width < _ROOMY)
        self.table.setColumnHidden(_TOOK, width < _SPACIOUS)

    def commands(self) -> list[Command]:
        """What the palette offers."""
        return [
            Command(
                "store.upgrade",
                self.tr("Upgrade the metadata store"),
                self.upgrade,
                "arrow-up",
                is_enabled=self._upgrade.isEnabled,
            ),
            Command(
                "store.down",
                self.tr("Undo the newest revision"),
                self.undo_newest,
                "arrow-down",
                is_enabled=self._down.isEnabled,
            ),
            Command("store.drift", self.tr("Compare the schema"), self.show_drift, "column"),
            Command("store.visitors", self.tr("Who is connected"), self.show_visitors, "users"),
            Command(
                "store.account",
                self.tr("An account for this store"),
                self.show_account,
                "key",
                is_enabled=lambda: not self.session.services.metadata.location.embedded,
            ),
            Command("store.refresh", self.tr("Look at the store again"), self.refresh, "refresh"),
        ]

    def shut(self) -> None:
        """Hear nothing more of the statements either."""
        self._preview.shut()
        super().shut()

    # ---- reading -----------------------------------------------------------------------------

    @Slot()
    def refresh(self) -> None:
        """Read where the store stands, where it departs, and who has it open."""
        if self._run is not None:
            return
        services, actor = self.session.services, self.session.actor

        def read(_: TaskContext) -> MigrationStatus:
            return services.metadata.status_()

        def compare(_: TaskContext) -> tuple[DriftItem, ...]:
            return services.migrations.drift_(actor)

        def look(_: TaskContext) -> VisitorReport:
            return services.migrations.visitors_(actor)

        self.submit(Lane.METADATA, read, self._show_status, failed=self._show_failure)
        self.submit(Lane.METADATA, compare, self._show_drift, failed=self._show_drift_failure)
        self.submit(Lane.METADATA, look, self._show_visitors, failed=self._show_visitors_failure)

    @Slot(object)
    def _show_status(self, status: MigrationStatus) -> None:
        self._status = status
        chosen = self._chosen()
        self.revisions.set_records(status.revisions)
        self._choose(chosen.id if chosen else status.current)
        self._revision_pages.setCurrentIndex(1)
        if status.newer:
            self._standing.show_message(
                "error",
                self.tr("A newer program has changed this store."),
                self.tr("Update this one; until then nothing here can be changed."),
            )
        elif status.pending:
            self._standing.show_message(
                "warning",
                self.tr("The store is behind this program."),
                self.tr("Until it is upgraded, nothing but this pane works."),
            )
        else:
            self._standing.clear()
        self._draw()

    @Slot(object)
    def _show_failure(self, error: BaseException) -> None:
        self._revision_pages.setCurrentIndex(1 if self._status else 2)
        self._unread.set("warning", self.tr("The store cannot be read"))
        if isinstance(error, AltusError):
            self.message.show_error(error, [(self.tr("Try again"), self.refresh)])
        self._draw()

    @Slot(object)
    def _show_drift(self, drift: tuple[DriftItem, ...]) -> None:
        self.drift.set_records(drift)
        self._sound.set(
            "check-circle",
            self.tr("The schema is what it should be"),
            self.tr("Every table, column, type, default, index, key and trigger was compared."),
        )
        self._drift_pages.setCurrentIndex(2 if drift else 1)
        if drift and not self._drift_table.currentIndex().isValid():
            self._drift_table.selectRow(0)
        self._draw()

    @Slot(QItemSelection)
    def _show_difference(self, _: object = None) -> None:
        item = self._drift_table.currentIndex().data(RECORD_ROLE)
        if isinstance(item, DriftItem):
            lines = [place_words(item)]
            lines += [self.tr("expected: {text}").format(text=item.expected or "—")]
            lines += [self.tr("found: {text}").format(text=item.found or "—")]
            self._difference.setPlainText("\n".join(lines))

    @Slot(object)
    def _show_drift_failure(self, error: BaseException) -> None:
        self._sound.set("warning", self.tr("The schema could not be compared"), str(error))
        self.drift.set_records(())
        self._drift_pages.setCurrentIndex(1)

    @Slot(object)
    def _show_visitors(self, report: VisitorReport) -> None:
        self.visitors.set_records(report.visitors)
        others = len(report.others)
        if others:
            text = (
                self.tr("One other has the store open.")
                if others == 1
                else self.tr("{count} others have the store open.").format(count=others)
            )
        else:
            text = self.tr("Nobody else is seen.") if report.reason else self.tr("Nobody else.")
        self._visitor_note.setText(" ".join(filter(None, (text, report.reason))))
        self._visitor_pages.setCurrentIndex(1)

    @Slot(object)
    def _show_visitors_failure(self, error: BaseException) -> None:
        self.visitors.set_records(())
        self._visitor_note.setText(str(error))
        self._visitor_pages.setCurrentIndex(1)

    @Slot()
    def show_account(self) -> None:
        """Show the statements for an account of this store."""
        StoreAccountDialog(self.session, self).open()

    # ---- changing ----------------------------------------------------------------------------

    @Slot()
    def upgrade(self) -> None:
        """Ask, then apply everything that is pending."""
        self._weigh(_Wish(None, undoes=False))

    @Slot()
    def undo_newest(self) -> None:
        """Ask, then undo the newest of the applied revisions."""
        applied = self._applied()
        if applied:
            self._weigh(_Wish(applied[-2] if len(applied) > 1 else None, undoes=True))

    def _applied(self) -> list[str]:
        revisions = self._status.revisions if self._status else ()
        return [it.id for it in revisions if it.state is RevisionState.APPLIED]

    @Slot(str)
    def go_to(self, revision_id: str) -> None:
        """Ask, then bring the store to a revision, forwards or back."""
        found = next((it for it in self.revisions.records if it.id == revision_id), None)
        if found is not None:
            self._weigh(_Wish(revision_id, undoes=found.state is RevisionState.APPLIED))

    def _weigh(self, wish: _Wish) -> None:
        """Find out what it would mean before asking."""
        if self._run is not None or self._wish is not None:
            return
        self.message.clear()
        self._wish = wish
        services, actor = self.session.services, self.session.actor

        def weigh(_: TaskContext) -> Outlook:
            migrations = services.migrations
            loss = migrations.loss_(actor, wish.to) if wish.undoes else None
            if loss is not None:
                revisions = loss.revisions
            else:
                revisions = migrations.upgrade_(actor, wish.to, dry_run=True).revisions
            return Outlook(
                revisions,
                loss,
                migrations.visitors_(actor),
                migrations.can_copy_(),
                not services.metadata.location.embedded,
            )

        handle = self.submit(Lane.METADATA, weigh, self._ask, failed=self._end_failed)
        handle.cancelled.connect(self._forget_wish)
        self._draw()

    @Slot()
    def _forget_wish(self) -> None:
        self._wish = None
        self._draw()

    @Slot(object)
    def _ask(self, outlook: Outlook) -> None:
        wish, self._wish = self._wish, None
        self._draw()
        if wish is None:
            return
        if not outlook.revisions:
            self.refresh()
            return
        accepted, without_copy = ask(outlook, self)
        if accepted:
            self._begin(wish, without_copy=without_copy)

    def _begin(self, wish: _Wish, *, without_copy: bool) -> None:
        self.message.clear()
        self._agreed = wish
        services, actor = self.session.services, self.session.actor

        def run(context: TaskContext) -> MigrationRun:
            change = services.migrations.downgrade_ if wish.undoes else services.migrations.upgrade_
            return change(
                actor,
                wish.to,
                context.progress,
                token=context.token,
                without_copy=without_copy,
            )

        title = self.tr("Going back") if wish.undoes else self.tr("Upgrading the store")
        self._run = self.submit(
            Lane.METADATA,
            run,
            self._end_undone if wish.undoes else self._end_applied,
            title=title,
            failed=self._end_failed,
        )
        self._run.progressed.connect(self._progress.show_progress)
        self._run.cancelled.connect(self._end_cancelled)
        self._run.finished.connect(self._end)
        self._progress.show_progress(Progress(title))
        self._draw()

    @Slot(object)
    def _end_applied(self, run: MigrationRun) -> None:
        self._say_done(self.tr("Applied: {revisions}."), run)

    @Slot(object)
    def _end_undone(self, run: MigrationRun) -> None:
        self._say_done(self.tr("Undone: {revisions}."), run)

    def _say_done(self, text: str, run: MigrationRun) -> None:
        hint = (
            self.tr("The copy made before: {file}").format(file=run.copy_file)
            if run.copy_file
            else ""
        )
        said = text.format(revisions=names_of(run.revisions))
        self.message.show_message("success", said, hint)
        self.session.announced.emit(said)

    @Slot(object)
    def _end_failed(self, error: BaseException) -> None:
        self._wish = None
        if isinstance(error, AltusError):
            without = (self.tr("Go ahead without a copy"), self._go_without_copy)
            self.message.show_error(error, [without] if error.code in NO_COPY_CODES else [])
        self._draw()

    @Slot()
    def _go_without_copy(self) -> None:
        if self._agreed is not None and self._run is None:
            self._begin(self._agreed, without_copy=True)

    @Slot()
    def _end_cancelled(self) -> None:
        self.message.show_message(
            "info",
            self.tr("Stopped."),
            self.tr("A file is as it was before; on a server the steps that were done stay."),
        )

    @Slot()
    def _end(self) -> None:
        self._run = None
        self.refresh()
        self._draw()

    @Slot()
    def _stop(self) -> None:
        if self._run is not None:
            self._run.cancel()
            self._progress.show_stopping(self.tr("Stopping after this step…"))

    # ---- views -------------------------------------------------------------------------------

    @Slot()
    def show_drift(self) -> None:
        """Bring the departures to the front."""
        self._views.set_key(_DRIFT)
        self._choose_view(_DRIFT)

    @Slot()
    def show_visitors(self) -> None:
        """Bring who is connected to the front."""
        self._views.set_key(_VISITORS)
        self._choose_view(_VISITORS)

    @Slot(str)
    def _choose_view(self, key: str) -> None:
        self._pages.setCurrentIndex((_REVISIONS, _DRIFT, _VISITORS).index(key))
        self.refresh()

    def _build_header(self) -> None:
        self._chip = Chip("running", self.tr("Looking"))
        self._chip.setObjectName("store.state")
        self._drift_chip = Chip("warning", "")
        self._drift_chip.setObjectName("store.drifted")
        self._again = IconButton("refresh", self.tr("Look again"), name="store.refresh")
        self._again.clicked.connect(self.refresh)
        self._upgrade = Button(
            self.tr("Upgrade…"), "primary", icon_name="arrow-up", name="store.upgrade"
        )
        self._upgrade.clicked.connect(self.upgrade)
        self._down = Button(self.tr("Undo the newest…"), icon_name="arrow-down", name="store.down")
        self._down.clicked.connect(self.undo_newest)
        self._account = IconButton(
            "key", self.tr("An account for this store…"), name="store.account"
        )
        self._account.clicked.connect(self.show_account)
        self._account.setHidden(self.session.services.metadata.location.embedded)
        for widget in (self._account, self._again, self._down, self._upgrade):
            self.header.addWidget(widget)

    def _build_revisions(self) -> QWidget:
        self.revisions = build_revisions(self)
        self.table = PlainTable(
            self.revisions,
            {0: 56, 2: 104, 3: 130, 4: 68},
            1,
            name="store.revisions",
            label=self.tr("Revisions of the schema"),
        )
        self.table.selectionModel().selectionChanged.connect(self._show_chosen)
        self._preview = PreviewCard(self.session)
        self._preview.go_requested.connect(self.go_to)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(Space.M)
        self._split.addWidget(self.table)
        self._split.addWidget(self._preview)
        self._split.setStretchFactor(0, 1)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes([500, 400])
        self._unread = EmptyState("warning", self.tr("The store cannot be read"))
        self._revision_pages = _stack(
            Busy(self.tr("Looking at the store…")), self._split, self._unread
        )
        return self._revision_pages

    def _build_drift(self) -> QWidget:
        self.drift = build_drift(self)
        self._drift_table = PlainTable(
            self.drift,
            {0: 112, 1: 96, 2: 220, 3: 200},
            4,
            name="store.drift",
            label=self.tr("Where the schema departs from what this program expects"),
        )
        self._drift_table.selectionModel().selectionChanged.connect(self._show_difference)
        self._difference = QPlainTextEdit()
        self._difference.setObjectName("store.difference")
        self._difference.setAccessibleName(self.tr("The difference in full"))
        self._difference.setProperty("kind", "code")
        self._difference.setReadOnly(True)
        self._difference.setTabChangesFocus(True)
        self._difference.setFixedHeight(_DIFFERENCE_HEIGHT)
        card = Card(margin=Space.XS)
        card.body.addWidget(self._difference)
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addWidget(self._drift_table, 1)
        column.addWidget(card)
        self._sound = EmptyState("check-circle", self.tr("The schema is what it should be"))
        self._drift_pages = _stack(Busy(self.tr("Comparing the schema…")), self._sound, shown)
        return self._drift_pages

    def _build_visitors(self) -> QWidget:
        self.visitors = build_visitors(self)
        self._visitor_table = PlainTable(
            self.visitors,
            {1: 90, 2: 180, 3: 110},
            0,
            name="store.visitors",
            label=self.tr("Who has the store open"),
        )
        self._visitor_note = Label("", "muted", wrap=True, selectable=True)
        self._visitor_note.setObjectName("store.visitors.note")
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._visitor_note)
        column.addWidget(self._visitor_table, 1)
        self._visitor_pages = _stack(Busy(self.tr("Looking who is there…")), shown)
        return self._visitor_pages

    def _chosen(self) -> Revision | None:
        record = self.table.currentIndex().data(RECORD_ROLE)
        return record if isinstance(record, Revision) else None

    def _choose(self, revision_id: str | None) -> None:
        ids = [revision.id for revision in self.revisions.records]
        row = ids.index(revision_id) if revision_id in ids else 0
        self.table.selectRow(row)
        self._preview.show_revision(self._chosen(), self._status)

    @Slot(QItemSelection)
    def _show_chosen(self, _: object = None) -> None:
        self._preview.show_revision(self._chosen(), self._status)

    def _draw(self) -> None:
        status, busy = self._status, self._run is not None or self._wish is not None
        self._progress.setVisible(self._run is not None)
        self._progress.stop.setEnabled(self._run is not None and not self._run.is_cancelling)
        self._again.setEnabled(self._run is None)
        self._preview.set_busy(busy=busy)
        pending = len(status.pending) if status else 0
        self._upgrade.setVisible(bool(pending) and status is not None and not status.newer)
        self._upgrade.setEnabled(bool(pending) and not busy)
        newer = status is not None and status.newer
        self._down.setEnabled(bool(self._applied()) and not newer and not busy)
        edited = sum(revision.edited for revision in status.revisions) if status else 0
        if self._run is not None:
            self._chip.set("running", self._run.title)
        elif status is None:
            self._chip.set("running", self.tr("Looking"))
        elif status.newer:
            self._chip.set("failed", self.tr("Newer than this program"))
        elif pending:
            self._chip.set("warning", self.tr("{count} pending").format(count=pending))
        elif edited:
            self._chip.set("warning", self.tr("{count} edited since").format(count=edited))
        else:
            self._chip.set("ok", self.tr("Up to date"))
        drifted = self.drift.rowCount()
        self._drift_chip.set(
            "warning",
            self.tr("One difference")
            if drifted == 1
            else self.tr("{count} differences").format(count=drifted),
        )
        self._drift_chip.setVisible(bool(drifted))


def _stack(*pages: QWidget) -> QStackedWidget:
    stack = QStackedWidget()
    for page in pages:
        stack.addWidget(page)
    return stack
