"""What is asked before a backup takes the place of the store: what is lost, and up to when."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QDateTime, Qt, QTimeZone, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QDateTimeEdit, QGridLayout, QHBoxLayout, QWidget

from altus4_desktop.domain.backups import RestorePlan
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.panes.backups.wording import number
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import full
from altus4_desktop.ui.widgets import Button, Card, Label


class RestoreDialog(FormDialog):
    """Shows the dry run ``plan``; ``agreed`` (backup id, instant or None) when somebody agrees."""

    agreed = Signal(str, object)

    def __init__(self, session: Session, plan: RestorePlan, parent: QWidget | None = None) -> None:
        super().__init__(session, name="backups.plan", kind="danger", width=560, parent=parent)
        self._plan = plan
        self.entitle(self.tr("Replace the metadata store by this backup?"), self.tr("Restore"))
        self._lost = Label("", wrap=True)
        self._lost.setObjectName("backups.plan.lost")
        self.column.addWidget(self._lost)
        if plan.backup.binlog is not None:
            self._add_instant()
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
        self._consent.toggled.connect(self.accept_button.setEnabled)
        self.column.addWidget(self._consent)
        self.column.addStretch(1)
        self._show(plan)
        self.cancel_button.setDefault(True)
        self.cancel_button.setFocus()

    def send(self) -> None:
        """Go ahead, once somebody has agreed."""
        if self._consent.isChecked():
            self.agreed.emit(self._plan.backup.id, self._plan.until)
            self.accept()

    def _add_instant(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        label = Label(self.tr("Follow the binary log up to (UTC)"))
        self._instant = QDateTimeEdit(QDateTime.currentDateTimeUtc())
        self._instant.setTimeZone(QTimeZone(QTimeZone.Initialization.UTC))
        self._instant.setDisplayFormat("yyyy-MM-dd HH:mm:ss")
        self._instant.setCalendarPopup(True)
        self._instant.setObjectName("backups.plan.until")
        self._instant.setAccessibleName(label.text())
        label.setBuddy(self._instant)
        look = Button(self.tr("Look"), name="backups.plan.look")
        look.clicked.connect(self._look)
        row.addWidget(label)
        row.addWidget(self._instant, 1)
        row.addWidget(look)
        self.column.addLayout(row)

    @Slot()
    def _look(self) -> None:
        seconds = self._instant.dateTime().toSecsSinceEpoch()
        until = datetime.fromtimestamp(seconds, UTC)
        backups, actor = self.session.services.backups, self.session.actor
        backup_id = self._plan.backup.id

        def plan(context: TaskContext) -> RestorePlan:
            return backups.plan_restore_(actor, backup_id, until=until, token=context.token)

        self.run(plan, self._show)

    @Slot(object)
    def _show(self, plan: RestorePlan) -> None:
        self._plan = plan
        lines = [
            self.tr("Everything that was written after {at} is lost.").format(
                at=full(plan.until or plan.backup.created_at)
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
        self.accept_button.setEnabled(self._consent.isChecked())
