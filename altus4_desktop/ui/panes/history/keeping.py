"""Whether searches are kept, and for how long."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from altus4_desktop.domain.accounts import User, UserDraft
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import FormRow, Label

_DAYS = (7, 30, 90, 365)


class KeepingDialog(FormDialog):
    """What is chosen holds for this person, on every computer that uses the same store."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, name="history.keeping", parent=parent)
        self.entitle(self.tr("Keep the history"), self.tr("Save"))
        choices = session.actor.choices
        self.keeps = QCheckBox(self.tr("Keep my searches"))
        self.keeps.setObjectName("history.keeping.on")
        self.keeps.setAccessibleName(self.keeps.text())
        self.keeps.setChecked(choices.keeps_history)
        self.column.addWidget(self.keeps)
        self.days = QComboBox()
        self.days.setObjectName("history.keeping.days")
        self.days.addItem(self.tr("For good"), 0)
        for days in sorted({*_DAYS, choices.history_days or _DAYS[0]}):
            self.days.addItem(self.tr("{count} days").format(count=days), days)
        self.days.setCurrentIndex(max(0, self.days.findData(choices.history_days or 0)))
        self.add_row("days", FormRow(self.tr("For how long"), self.days))
        note = self.tr(
            "Older searches are deleted at once, and from then on by themselves. "
            "While searches are not kept, completion and figures do not know them either."
        )
        self.column.addWidget(Label(note, "caption", wrap=True))
        self.column.addStretch(1)
        self.keeps.setFocus()

    def send(self) -> None:
        """Save what was chosen, and let go of what is too old."""
        services, actor = self.session.services, self.session.actor
        keeps, days = self.keeps.isChecked(), int(self.days.currentData()) or None

        def save(_: TaskContext) -> User:
            draft = UserDraft.of(services.accounts.get_profile(actor))
            choices = replace(draft.choices, keeps_history=keeps, history_days=days)
            user = services.accounts.update_profile(actor, replace(draft, choices=choices))
            services.history.expire_(user.as_actor())
            return user

        self.run(save, self._take_saved)

    @Slot(object)
    def _take_saved(self, user: User) -> None:
        self.session.set_actor(user.as_actor())
        self.session.announced.emit(self.tr("Saved"))
        self.accept()
