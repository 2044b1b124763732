"""What is asked before a backup takes the place of the store: what is lost, and up to when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from PySide6.QtCore import QDateTime, Qt, QTimeZone, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QDateTimeEdit, QGridLayout, QHBoxLayout, QWidget

from altus4_desktop.domain.backup_reach import LogSpan
from altus4_desktop.domain.backups import RestorePlan, RestoreRehearsal, TableChange
from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.tasks.runner import TaskContext, TaskHandle, Work
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.panes.backups.instants import InstantPicker
from altus4_desktop.ui.panes.backups.wording import loss_sentences, number, rehearsal_sentences
from altus4_desktop.ui.panes.progress_card import ProgressCard
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Label


class RestoreDialog(FormDialog):
    """Shows what ``plan`` would do; ``agreed`` (backup id, instant or None) when somebody agrees.

    ``span`` are the instants that the backup leads to, None where that is not known.
    """

    agreed = Signal(str, object)

    def __init__(
        self,
        session: Session,
        plan: RestorePlan,
        span: LogSpan | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, name="backups.plan", kind="danger", width=600, parent=parent)
        self._whole = plan
        self._plan: RestorePlan | None = plan
        self._running: TaskHandle | None = None
        self.entitle(self.tr("Replace the metadata store by this backup?"), self.tr("Restore"))
        self._progress = ProgressCard(name="backups.plan.progress", stop_name="backups.plan.stop")
        self._progress.stop.clicked.connect(self._stop)
        self._progress.hide()
        self.body.insertWidget(self.body.count() - 1, self._progress)
        self._lost = Label("", wrap=True)
        self._lost.setObjectName("backups.plan.lost")
        self.column.addWidget(self._lost)
        self._add_instant(plan, span)
        self.column.addWidget(self._build_changes())
        self._add_rehearsal()
        self.column.addWidget(
            Label(
                self.tr(
                    "It is restored beside the store and compared first. What is there now is kept "
                    "under a name with today's date. The audit log is then the backup's: verifying "
                    "it says so until an admin accepts it."
                ),
                "muted",
                wrap=True,
            )
        )
        text = self.tr("I know that what was written since is lost")
        self._consent = QCheckBox(text)
        self._consent.setObjectName("backups.plan.agree")
        self._consent.setAccessibleName(text)
        self._consent.toggled.connect(self._draw)
        self.column.addWidget(self._consent)
        self.column.addStretch(1)
        self._show(plan)
        self.cancel_button.setDefault(True)
        self.cancel_button.setFocus()

    def send(self) -> None:
        """Go ahead, once somebody has agreed to what is shown."""
        plan = self._plan
        if plan is not None and plan.until == self._until() and self._consent.isChecked():
            self.agreed.emit(plan.backup.id, plan.until)
            self.accept()

    def show_failure(self, error: BaseException) -> None:
        """Show it; nothing can be agreed to that nobody has looked at."""
        if isinstance(error, AltusError) and not isinstance(error, InputError):
            # The store is well: what failed was only looking, or trying.
            self.work.message.show_error(error)
        else:
            super().show_failure(error)
        self._draw()

    def _build_changes(self) -> Card:
        card = Card(surface="well", margin=Space.M)
        holder = QWidget()
        holder.setObjectName("backups.plan.changes")
        self._grid = QGridLayout(holder)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(Space.XL)
        self._grid.setVerticalSpacing(Space.XS)
        self._grid.setColumnStretch(0, 1)
        card.body.addWidget(holder)
        return card

    def _add_rehearsal(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        self._rehearse = Button(self.tr("Dry run"), icon_name="play", name="backups.plan.rehearse")
        self._rehearse.clicked.connect(self._begin_rehearsal)
        row.addWidget(self._rehearse, 0, Qt.AlignmentFlag.AlignTop)
        self._rehearsed = Label("", wrap=True)
        self._rehearsed.setObjectName("backups.plan.rehearsed")
        row.addWidget(self._rehearsed, 1)
        self.column.addLayout(row)

    def _add_instant(self, plan: RestorePlan, span: LogSpan | None) -> None:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        text = self.tr("Follow the binary log up to (UTC)")
        self._follow = QCheckBox(text)
        self._follow.setObjectName("backups.plan.follow")
        self._follow.setAccessibleName(text)
        # Before the signals are connected: nothing is chosen yet.
        last = span.ends_at if span else datetime.now(UTC)
        self._instant = QDateTimeEdit(_utc(last))
        self._instant.setTimeZone(QTimeZone(QTimeZone.Initialization.UTC))
        self._instant.setDisplayFormat("yyyy-MM-dd HH:mm:ss")
        self._instant.setCalendarPopup(True)
        self._instant.setObjectName("backups.plan.until")
        self._instant.setAccessibleName(self.tr("Instant (UTC)"))
        self._look = Button(self.tr("Look"), name="backups.plan.look")
        for part in (self._instant, self._look):
            part.setEnabled(False)
            self._follow.toggled.connect(part.setEnabled)
        self._follow.toggled.connect(self._choose)
        self._instant.dateTimeChanged.connect(self._choose)
        self._look.clicked.connect(self._look_again)
        row.addWidget(self._follow)
        row.addWidget(self._instant, 1)
        row.addWidget(self._look)
        holder.setVisible(plan.backup.binlog is not None)
        self.column.addWidget(holder)
        self._picker = None if span is None else InstantPicker(span, plan.backup.state)
        if self._picker is not None:
            self._picker.picked.connect(self._pick)
            self.column.addWidget(self._picker)

    def _until(self) -> datetime | None:
        if not self._follow.isChecked():
            return None
        return datetime.fromtimestamp(self._instant.dateTime().toSecsSinceEpoch(), UTC)

    @Slot(object)
    def _pick(self, at: datetime) -> None:
        self._instant.setDateTime(_utc(at))
        self._follow.setChecked(True)

    @Slot()
    def _choose(self) -> None:
        if self._picker is not None:
            self._picker.show_instant(self._until())
        if self._until() is None:
            self._show(self._whole)
            return
        self._plan = None
        self._lost.setText(self.tr("Press “Look” to see what is lost with this instant."))
        self._forget_rehearsal()
        self._show_changes((), "")
        self._consent.setChecked(False)
        self._draw()

    @Slot()
    def _draw(self) -> None:
        self._consent.setEnabled(self._plan is not None)
        self.accept_button.setEnabled(self._plan is not None and self._consent.isChecked())

    @Slot()
    def _look_again(self) -> None:
        self._choose()
        backups, actor = self.session.services.backups, self.session.actor
        backup_id, until = self._whole.backup.id, self._until()

        def plan(context: TaskContext) -> RestorePlan:
            return backups.plan_restore_(actor, backup_id, until=until, token=context.token)

        self._begin(plan, self._show, self.tr("Reading the binary log"))

    @Slot()
    def _begin_rehearsal(self) -> None:
        backups, actor = self.session.services.backups, self.session.actor
        backup_id, until = self._whole.backup.id, self._until()

        def rehearse(context: TaskContext) -> RestoreRehearsal:
            return backups.rehearse_(actor, backup_id, until, context.progress, context.token)

        self._begin(rehearse, self._show_rehearsal, self.tr("Restoring on trial"))

    def _begin(self, work: Work, then: Callable[..., object], title: str) -> None:
        self._running = self.run(work, then)
        self._running.progressed.connect(self._progress.show_progress)
        self._running.finished.connect(self._end_running)
        self._progress.show_progress(Progress(title))
        self._progress.stop.setEnabled(True)
        self._progress.show()

    @Slot()
    def _end_running(self) -> None:
        self._running = None
        self._progress.hide()
        self._draw()

    @Slot()
    def _stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            self._progress.show_stopping(self.tr("Stopping…"))

    @Slot(object)
    def _show_rehearsal(self, run: RestoreRehearsal) -> None:
        if run.until != self._until():
            return
        self._rehearsed.setText(" ".join(rehearsal_sentences(run)))
        self._show_changes(run.changes, self.tr("After it"))

    def _forget_rehearsal(self) -> None:
        self._rehearsed.setText(
            self.tr("Restores into a scratch place and compares; the store is not touched.")
        )

    @Slot(object)
    def _show(self, plan: RestorePlan) -> None:
        self._consent.setChecked(False)
        if plan.until != self._until():
            self._draw()
            return
        self._plan = plan
        self._lost.setText(" ".join(loss_sentences(plan)))
        self._forget_rehearsal()
        self._show_changes(plan.changes, self.tr("In the backup"))
        self._draw()

    def _show_changes(self, changes: Sequence[TableChange], then: str) -> None:
        """A line for each table; ``then`` says what the numbers of the last column are of, empty
        where none are known."""
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        if not changes:
            text = self.tr("Every table has as many rows as now.")
            self._grid.addWidget(Label(text if then else self.tr("Not known yet.")), 0, 0)
            return
        heads = (self.tr("Table"), self.tr("Rows now"), then)
        rows = [(one.name, number(one.now), number(one.then)) for one in changes]
        for line, texts in enumerate([heads, *rows]):
            for column, text in enumerate(texts):
                label = Label(text, "caption" if line == 0 else "body", selectable=line > 0)
                side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
                label.setAlignment(side)
                self._grid.addWidget(label, line, column)


def _utc(at: datetime) -> QDateTime:
    return QDateTime.fromSecsSinceEpoch(
        int(at.timestamp()), QTimeZone(QTimeZone.Initialization.UTC)
    )
