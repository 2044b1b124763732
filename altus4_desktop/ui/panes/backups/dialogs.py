"""What is asked before a backup takes the place of the store: what is lost, and up to when."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QDateTime, Qt, QTimeZone, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QDateTimeEdit, QGridLayout, QHBoxLayout, QWidget

from altus4_desktop.domain.backups import RestorePlan
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.panes.backups.wording import number, to_the_second
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Label


class RestoreDialog(FormDialog):
    """Shows the dry run ``plan``; ``agreed`` (backup id, instant or None) when somebody agrees."""

    agreed = Signal(str, object)

    def __init__(self, session: Session, plan: RestorePlan, parent: QWidget | None = None) -> None:
        super().__init__(session, name="backups.plan", kind="danger", width=560, parent=parent)
        self._whole = plan
        self._plan: RestorePlan | None = plan
        self.entitle(self.tr("Replace the metadata store by this backup?"), self.tr("Restore"))
        self._lost = Label("", wrap=True)
        self._lost.setObjectName("backups.plan.lost")
        self.column.addWidget(self._lost)
        self._add_instant(has_log=plan.backup.binlog is not None)
        card = Card(surface="well", margin=Space.M)
        holder = QWidget()
        holder.setObjectName("backups.plan.changes")
        self._grid = QGridLayout(holder)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(Space.XL)
        self._grid.setVerticalSpacing(Space.XS)
        self._grid.setColumnStretch(0, 1)
        card.body.addWidget(holder)
        self.column.addWidget(card)
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
        """Show it; nothing can be agreed to before the next look."""
        super().show_failure(error)
        self._draw()

    def _add_instant(self, *, has_log: bool) -> None:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        text = self.tr("Follow the binary log up to (UTC)")
        self._follow = QCheckBox(text)
        self._follow.setObjectName("backups.plan.follow")
        self._follow.setAccessibleName(text)
        self._instant = QDateTimeEdit(QDateTime.currentDateTimeUtc())
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
        holder.setVisible(has_log)
        self.column.addWidget(holder)

    def _until(self) -> datetime | None:
        if not self._follow.isChecked():
            return None
        return datetime.fromtimestamp(self._instant.dateTime().toSecsSinceEpoch(), UTC)

    @Slot()
    def _choose(self) -> None:
        if self._until() is None:
            self._show(self._whole)
            return
        self._plan = None
        self._lost.setText(self.tr("Press “Look” to see what is lost with this instant."))
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

        self.run(plan, self._show)

    @Slot(object)
    def _show(self, plan: RestorePlan) -> None:
        self._consent.setChecked(False)
        if plan.until != self._until():
            self._draw()
            return
        self._plan = plan
        lines = [
            self.tr("Everything that was written after {at} is lost.").format(
                at=to_the_second(plan.until or plan.backup.created_at)
            )
        ]
        if plan.until is not None:
            lines.append(
                self.tr("The backup is followed by {count} transactions of the binary log.").format(
                    count=number(plan.commits)
                )
            )
        if plan.others:
            lines.append(
                self.tr("One other has the store open.")
                if plan.others == 1
                else self.tr("{count} others have the store open.").format(count=plan.others)
            )
        self._lost.setText(" ".join(lines))
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        heads = (self.tr("Table"), self.tr("Rows now"), self.tr("In the backup"))
        rows = [(one.name, number(one.now), number(one.then)) for one in plan.changes]
        if not rows:
            self._grid.addWidget(Label(self.tr("Every table has as many rows as now.")), 0, 0)
        for line, texts in enumerate([heads, *rows] if rows else []):
            for column, text in enumerate(texts):
                label = Label(text, "caption" if line == 0 else "body", selectable=line > 0)
                side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
                label.setAlignment(side)
                self._grid.addWidget(label, line, column)
        self._draw()
