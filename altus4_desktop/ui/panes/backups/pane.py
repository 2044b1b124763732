"""The backups pane: what there is, what it is worth, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PySide6.QtCore import QItemSelection, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.backup_reach import BackupReach
from altus4_desktop.domain.backups import Backup, BackupRun, BackupState, RestorePlan, RestoreRun
from altus4_desktop.domain.errors import AltusError, InputError, StoreError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.services.backup_lines import BackupLines
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle, Work
from altus4_desktop.ui.models.records import RECORD_ROLE
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.backups.detail import DetailCard
from altus4_desktop.ui.panes.backups.dialogs import RestoreDialog
from altus4_desktop.ui.panes.backups.reach_line import ReachLine
from altus4_desktop.ui.panes.backups.schedule import SchedulePage
from altus4_desktop.ui.panes.backups.timeline import Timeline
from altus4_desktop.ui.panes.backups.wording import (
    build_model,
    number,
    schedule_sentence,
    state_sentence,
    to_the_second,
)
from altus4_desktop.ui.panes.progress_card import ProgressCard
from altus4_desktop.ui.panes.tables import PlainTable
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import ago
from altus4_desktop.ui.widgets import (
    Busy,
    Button,
    Card,
    Chip,
    EmptyState,
    IconButton,
    Segments,
)

_LIST, _SCHEDULE = "list", "schedule"
_BUSY, _SHOWN, _EMPTY, _FAILED = range(4)
_WHY, _ROWS, _SIZE, _REVISION = 2, 3, 4, 5
_ROOMY = 900
_TALL = 600
_SPACIOUS = 1200


@dataclass(frozen=True)
class _Found:
    """The backups, and where they are, or why that place cannot be used."""

    backups: tuple[Backup, ...]
    folder: Path
    lines: BackupLines | None
    away: StoreError | None = None


@dataclass(frozen=True)
class _Restored:
    """A restore, and the instant that the store is at since."""

    run: RestoreRun
    at: datetime


class BackupsPane(Pane):
    """Backups of the metadata store; for admins."""

    id = "backups"
    title = "Backups"
    icon_name = "download"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._run: TaskHandle | None = None
        self._read = False
        self._reach: BackupReach | None = None
        self._focus_before: QWidget | None = None
        self._build_header()
        self._progress = ProgressCard(name="backups.progress", stop_name="backups.stop")
        self._progress.stop.clicked.connect(self._stop)
        self.body.addWidget(self._progress)
        self._views = Segments(
            [(_LIST, self.tr("Backups")), (_SCHEDULE, self.tr("Schedule and folder"))],
            name="backups.view",
            label=self.tr("Show"),
        )
        self._views.chosen.connect(self._choose_view)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(self._views)
        row.addStretch(1)
        row.addWidget(self._chip)
        self.body.addLayout(row)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._build_list())
        self._schedule = SchedulePage()
        self._schedule.chosen.connect(self._choose_schedule)
        self._schedule.folder_chosen.connect(self._choose_folder)
        self._schedule.kit_requested.connect(self._show_kit)
        self._schedule.copied.connect(self.session.announced)
        self._pages.addWidget(self._schedule)
        self.body.addWidget(self._pages, 1)
        self._draw()

    # ---- what every pane does ----------------------------------------------------------------

    def activated(self) -> None:
        """See what there is."""
        self.refresh()

    def focus_first(self) -> None:
        """The list, or the button where there is none."""
        (self.table if self.table.isVisible() else self._create).setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what is said beside the table too, and in a low window what has least to say of
        the backups."""
        super().resizeEvent(event)
        width, is_low = event.size().width(), event.size().height() < _TALL
        self._timeline.set_short(is_low)
        self._reach_line.set_short(is_low)
        for column in (_WHY, _ROWS, _SIZE):
            self.table.setColumnHidden(column, width < _ROOMY)
        self.table.setColumnHidden(_REVISION, width < _SPACIOUS)

    def commands(self) -> list[Command]:
        """What the palette offers."""
        return [
            Command(
                "backups.create",
                self.tr("Back up the metadata store"),
                self.create_backup,
                "download",
                is_enabled=self._create.isEnabled,
            ),
            Command(
                "backups.prune",
                self.tr("Remove old backups"),
                self.prune,
                "trash",
                is_enabled=self._prune.isEnabled,
            ),
            Command("backups.schedule", self.tr("When backups are made"), self.show_schedule),
        ]

    # ---- reading -----------------------------------------------------------------------------

    @Slot()
    def refresh(self) -> None:
        """Read the list again."""
        if self._run is not None:
            return
        backups, actor = self.session.services.backups, self.session.actor

        def read(_: TaskContext) -> _Found:
            lines: BackupLines | None = None
            with suppress(InputError):
                # A folder that fits into no schedule holds backups all the same.
                lines = backups.lines_(actor)
            folder = backups.folder_(actor)
            try:
                return _Found(backups.list_(actor), folder, lines)
            except StoreError as error:
                if error.code != "backup.away":
                    raise
                return _Found((), folder, lines, error)

        def reach(context: TaskContext) -> BackupReach:
            return backups.reach_(actor, context.token)

        self.submit(Lane.METADATA, read, self._show_found, failed=self._show_failure)
        self.submit(Lane.METADATA, reach, self._show_reach, failed=self._show_no_reach)

    @Slot(object)
    def _show_found(self, found: _Found) -> None:
        chosen = self._chosen()
        self._read = found.away is None
        self.model.set_records(found.backups)
        self._timeline.show_backups(found.backups)
        settings = self.session.services.settings
        standing = schedule_sentence(found.backups, settings.backup_every_hours, datetime.now(UTC))
        self._schedule.show_settings(
            settings.backup_every_hours,
            settings.backup_folder or "",
            str(found.folder),
            found.lines,
            error_message(found.away) if found.away else standing,
        )
        if found.away is not None:
            # What was read before is not there either.
            self._show_failure(found.away)
            return
        self._list_pages.setCurrentIndex(_SHOWN if found.backups else _EMPTY)
        ids = [backup.id for backup in found.backups]
        if ids:
            self.table.selectRow(ids.index(chosen.id) if chosen and chosen.id in ids else 0)
        self._draw()

    @Slot(object)
    def _show_reach(self, reach: BackupReach) -> None:
        self._reach = reach
        self._timeline.show_reach(reach)
        self._reach_line.show_reach(reach)

    @Slot(object)
    def _show_no_reach(self, error: BaseException) -> None:
        self._reach = None
        self._timeline.show_reach(None)
        self._reach_line.show_failure(error)

    @Slot(str)
    def _choose_backup(self, backup_id: str) -> None:
        ids = [backup.id for backup in self.model.records]
        if backup_id in ids:
            self.table.selectRow(ids.index(backup_id))

    @Slot(object)
    def _show_failure(self, error: BaseException) -> None:
        if not isinstance(error, AltusError):
            self.present(error)
        elif self._read:
            self.message.show_error(error)
        else:
            self._failed.set("error", error_message(error), error_hint(error))
            self._list_pages.setCurrentIndex(_FAILED)
        self._draw()

    # ---- doing -------------------------------------------------------------------------------

    @Slot()
    def create_backup(self) -> None:
        """Make a backup and restore it on trial."""
        backups, actor = self.session.services.backups, self.session.actor

        def work(context: TaskContext) -> BackupRun:
            return backups.create_(actor, context.progress, context.token)

        self._begin(work, self._end_created, self.tr("Backing up the metadata store"))

    @Slot(object)
    def _end_created(self, run: BackupRun) -> None:
        backup = run.backup
        if backup.state is BackupState.GOOD:
            said = self.tr("The backup is good: {rows} rows were restored on trial.").format(
                rows=number(backup.rows)
            )
            hint = self.tr("The key is not in it. Keep a recovery kit beside the backups.")
            actions = [(self.tr("Recovery kit…"), self._show_kit)]
            self.message.show_message("success", said, hint, actions)
        elif backup.state is BackupState.BAD:
            said = self.tr("The backup is bad.")
            self.message.show_message("error", said, state_sentence(backup))
        else:
            said = self.tr("The backup is written, and not verified.")
            self.message.show_message("warning", said, run.unverified_because)
        self.session.announced.emit(said)

    @Slot()
    def verify(self) -> None:
        """Restore the chosen backup on trial."""
        backup = self._chosen()
        if backup is None:
            return
        backups, actor = self.session.services.backups, self.session.actor

        def work(context: TaskContext) -> Backup:
            return backups.verify_(actor, backup.id, context.progress, context.token)

        self._begin(work, self._end_verified, self.tr("Restoring on trial"))

    @Slot(object)
    def _end_verified(self, backup: Backup) -> None:
        good = backup.state is BackupState.GOOD
        said = self.tr("The backup is good.") if good else self.tr("The backup is bad.")
        self.message.show_message("success" if good else "error", said, state_sentence(backup))
        self.session.announced.emit(said)

    @Slot()
    def prune(self) -> None:
        """Remove what is older than 30 days, but never the last three good ones."""
        backups, actor = self.session.services.backups, self.session.actor

        def work(context: TaskContext) -> tuple[Backup, ...]:
            return backups.prune_(actor, context.token)

        self._begin(work, self._end_pruned, self.tr("Removing old backups"))

    @Slot(object)
    def _end_pruned(self, removed: tuple[Backup, ...]) -> None:
        if removed:
            said = self.tr("{count} old backups were removed.").format(count=number(len(removed)))
        else:
            said = self.tr("None is old enough to go.")
        hint = self.tr("They stay for 30 days, and the last three good ones for ever.")
        self.message.show_message("success" if removed else "info", said, hint)

    @Slot()
    def restore(self) -> None:
        """Find out what restoring the chosen backup would mean, and ask."""
        backup = self._chosen()
        if backup is None:
            return
        backups, actor = self.session.services.backups, self.session.actor

        def plan(context: TaskContext) -> RestorePlan:
            return backups.plan_restore_(actor, backup.id, token=context.token)

        self._begin(plan, self._ask, self.tr("Looking what would be lost"))

    @Slot(object)
    def _ask(self, plan: RestorePlan) -> None:
        span = self._reach.of_backup(plan.backup.id) if self._reach else None
        dialog = RestoreDialog(self.session, plan, span, self)
        dialog.agreed.connect(self._restore)
        dialog.open()

    @Slot(str, object)
    def _restore(self, backup_id: str, until: datetime | None) -> None:
        backups, actor = self.session.services.backups, self.session.actor

        def work(context: TaskContext) -> _Restored:
            run = backups.restore_(
                actor, backup_id, until=until, progress=context.progress, token=context.token
            )
            return _Restored(run, until or run.backup.created_at)

        self._begin(work, self._end_restored, self.tr("Restoring the metadata store"))

    @Slot(object)
    def _end_restored(self, restored: _Restored) -> None:
        said = self.tr("The store is as it was at {at}.").format(at=to_the_second(restored.at))
        hint = self.tr("What was there before is kept: {kept}").format(kept=restored.run.kept)
        actions = [(self.tr("Sign in again"), self._leave)]
        if restored.run.problem:
            said = self.tr("The backup is restored, and the store could not be opened since.")
            hint = f"{restored.run.problem} {hint}"
            self.message.show_message("warning", said, hint, actions)
        else:
            self.message.show_message("success", said, hint, actions)
        self.session.announced.emit(said)

    @Slot()
    def _leave(self) -> None:
        self.session.sign_out_wanted.emit()

    @Slot()
    def _show_kit(self) -> None:
        self.session.pane_requested.emit("settings", None)

    @Slot(int)
    def _choose_schedule(self, every_hours: int) -> None:
        backups, actor = self.session.services.backups, self.session.actor

        def work(_: TaskContext) -> None:
            backups.choose_schedule_(actor, every_hours)

        handle = self.submit(Lane.METADATA, work)
        handle.finished.connect(self.refresh)

    @Slot(str)
    def _choose_folder(self, folder: str) -> None:
        backups, actor = self.session.services.backups, self.session.actor

        def work(_: TaskContext) -> None:
            backups.choose_folder_(actor, folder or None)

        self.message.clear()
        handle = self.submit(Lane.METADATA, work, failed=self._end_failed)
        handle.finished.connect(self.refresh)

    def _begin(self, work: Work, then: Callable[..., object], title: str) -> None:
        if self._run is not None:
            return
        self.message.clear()
        self._run = self.submit(Lane.BACKUPS, work, then, title=title, failed=self._end_failed)
        self._run.progressed.connect(self._progress.show_progress)
        self._run.cancelled.connect(self._end_cancelled)
        self._run.finished.connect(self._end)
        self._progress.show_progress(Progress(title))
        before = QApplication.focusWidget()
        self._draw()
        if before is not None and self.isAncestorOf(before) and not before.isEnabled():
            # What cannot be pressed any more would leave the keyboard anywhere.
            self._focus_before = before
            self._progress.stop.setFocus()

    @Slot(object)
    def _end_failed(self, error: BaseException) -> None:
        if isinstance(error, AltusError):
            self.message.show_error(error)

    @Slot()
    def _end_cancelled(self) -> None:
        self.message.show_message(
            "info", self.tr("Stopped."), self.tr("Earlier backups and the store are as they were.")
        )

    @Slot()
    def _end(self) -> None:
        self._run = None
        before, self._focus_before = self._focus_before, None
        stop = self._progress.stop
        # Pressed, it has lost the keyboard to anybody.
        is_here = stop.hasFocus() or not stop.isEnabled() or QApplication.focusWidget() is None
        self._draw()
        if is_here and before is not None:
            (before if before.isEnabled() else self._create).setFocus()
        self.refresh()

    @Slot()
    def _stop(self) -> None:
        if self._run is not None:
            self._run.cancel()
            self._progress.show_stopping(self.tr("Stopping…"))

    # ---- views -------------------------------------------------------------------------------

    @Slot()
    def show_schedule(self) -> None:
        """Bring the schedule to the front."""
        self._views.set_key(_SCHEDULE)
        self._choose_view(_SCHEDULE)

    @Slot(str)
    def _choose_view(self, key: str) -> None:
        self._pages.setCurrentIndex((_LIST, _SCHEDULE).index(key))

    def _build_header(self) -> None:
        self._chip = Chip("running", "")
        self._chip.setObjectName("backups.state")
        self._again = IconButton("refresh", self.tr("Look again"), name="backups.refresh")
        self._again.clicked.connect(self.refresh)
        self._prune = Button(self.tr("Remove old ones"), icon_name="trash", name="backups.prune")
        self._prune.clicked.connect(self.prune)
        self._create = Button(
            self.tr("Back up now"), "primary", icon_name="download", name="backups.create"
        )
        self._create.clicked.connect(self.create_backup)
        for widget in (self._again, self._prune, self._create):
            self.header.addWidget(widget)

    def _build_list(self) -> QWidget:
        self.model = build_model(self)
        self.table = PlainTable(
            self.model,
            {1: 124, 2: 108, 3: 76, 4: 92, 5: 150},
            0,
            name="backups.list",
            label=self.tr("Backups, the newest first"),
        )
        self.table.selectionModel().selectionChanged.connect(self._show_chosen)
        self._detail = DetailCard()
        self._detail.verify_requested.connect(self.verify)
        self._detail.restore_requested.connect(self.restore)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(Space.M)
        split.addWidget(self.table)
        split.addWidget(self._detail)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 1)
        split.setSizes([560, 400])
        self._timeline = Timeline()
        self._timeline.chosen.connect(self._choose_backup)
        self._reach_line = ReachLine()
        card = Card(margin=Space.S)
        card.body.setSpacing(Space.XS)
        card.body.addWidget(self._timeline)
        said = QHBoxLayout()
        said.setContentsMargins(Space.M, 0, Space.M, Space.XS)
        said.addWidget(self._reach_line)
        card.body.addLayout(said)
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addWidget(card)
        column.addWidget(split, 1)
        self._list_pages = QStackedWidget()
        self._list_pages.addWidget(Busy(self.tr("Looking for backups…")))
        self._list_pages.addWidget(shown)
        self._list_pages.addWidget(
            EmptyState(
                "download",
                self.tr("There is no backup yet"),
                self.tr("A backup is restored on trial at once, so that it is one to rely on."),
            )
        )
        retry = Button(self.tr("Try again"), icon_name="refresh", name="backups.again")
        retry.clicked.connect(self.refresh)
        self._failed = EmptyState("error", "", action=retry)
        self._list_pages.addWidget(self._failed)
        return self._list_pages

    def _chosen(self) -> Backup | None:
        record = self.table.currentIndex().data(RECORD_ROLE)
        return record if isinstance(record, Backup) else None

    @Slot(QItemSelection)
    def _show_chosen(self, _: object = None) -> None:
        chosen = self._chosen()
        self._timeline.choose(chosen.id if chosen else "")
        self._detail.show_backup(chosen, busy=self._run is not None)

    def _draw(self) -> None:
        busy = self._run is not None
        self._progress.setVisible(busy)
        self._progress.stop.setEnabled(self._run is not None and not self._run.is_cancelling)
        for button in (self._create, self._again):
            button.setEnabled(not busy)
        self._show_chosen()
        records = self.model.records
        self._prune.setEnabled(not busy and bool(records))
        newest = next((it for it in records if it.state is BackupState.GOOD), None)
        if self._run is not None:
            self._chip.set("running", self._run.title)
        elif not self._read and self._list_pages.currentIndex() == _FAILED:
            self._chip.set("warning", self.tr("Not known"))
        elif not self._read:
            self._chip.set("running", self.tr("Looking"))
        elif newest is None:
            self._chip.set("warning", self.tr("No good backup"))
        elif records[0].state is not BackupState.GOOD:
            text = self.tr("Last good one: {ago}").format(ago=ago(newest.created_at))
            self._chip.set("warning", text)
        elif self._is_late(newest):
            text = self.tr("Late: the last one {ago}").format(ago=ago(newest.created_at))
            self._chip.set("warning", text)
        else:
            text = self.tr("Good: {ago}").format(ago=ago(newest.created_at))
            self._chip.set("ok", text)

    def _is_late(self, newest: Backup) -> bool:
        """Whether the schedule has missed two in a row."""
        every = timedelta(hours=self.session.services.settings.backup_every_hours)
        return bool(every) and datetime.now(UTC) - newest.created_at > 2 * every
